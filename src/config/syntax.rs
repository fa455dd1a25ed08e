//! What the TOML parser says, in words of this tool.

use toml::de::Error;

use super::{diagnostic::Diagnostic, source::Place};

/// The faults of a text that is no TOML. The parser goes on after a fault; of what it then finds,
/// the first on each line is told, and nothing after a bracket that is not closed.
pub(super) fn faults(text: &str, source: usize, errors: &[Error]) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    let mut last_line = None;
    for error in errors {
        let range = error.span().unwrap_or(0..0);
        let start = text.floor_char_boundary(range.start);
        let line = text[..start].matches('\n').count();
        if last_line.replace(line) == Some(line) {
            continue;
        }
        let found = text.get(range.clone()).unwrap_or_default();
        let (message, hint) = said(error.message(), found);
        faults.push(Diagnostic::error(&Place { source, range }, message).hint(hint));
        if ["array", "inline table"]
            .iter()
            .any(|open| error.message().contains(open))
        {
            break;
        }
    }
    faults
}

/// The message for what the parser says about `found`, and a remedy.
fn said(message: &str, found: &str) -> (String, Option<String>) {
    let text = message.replace('\n', ", ");
    if message.starts_with("duplicate key") {
        let hint = "it stands above already; keep one of them";
        return (format!("`{found}` is given twice"), Some(hint.into()));
    }
    if message.contains("must be quoted") && !found.is_empty() {
        return (
            format!("invalid TOML: `{found}` is no value"),
            Some(format!("a text stands in quotes: \"{found}\"")),
        );
    }
    let hint = (message.contains("missing comma") || message.contains("unclosed array"))
        .then(|| "is a `]` or a comma missing above?".into());
    (format!("invalid TOML: {text}"), hint)
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::*;

    fn told(text: &str) -> Vec<String> {
        let (_, errors) = DeTable::parse_recoverable(text);
        let faults = faults(text, 0, &errors);
        faults
            .into_iter()
            .map(|fault| match fault.hint {
                Some(hint) => format!("{}; hint: {hint}", fault.message),
                None => fault.message,
            })
            .collect()
    }

    #[test]
    fn one_fault_a_line_is_told() {
        assert_eq!(told("a = 1").len(), 0);
        assert_eq!(told("a = = 3\nb = c d e\nf = 1").len(), 2);
    }

    #[test]
    fn nothing_is_told_after_an_open_bracket() {
        assert_eq!(told("a = [1\nb = 2\n[t]\nc = 3\n").len(), 1);
    }

    #[test]
    fn duplicates_and_bare_words_get_a_remedy() {
        assert_eq!(
            told("lr = 1\nlr = 2"),
            ["`lr` is given twice; hint: it stands above already; keep one of them"]
        );
        assert_eq!(
            told("type = mlp"),
            ["invalid TOML: `mlp` is no value; hint: a text stands in quotes: \"mlp\""]
        );
    }
}
