//! Faults of a text that is no TOML, in words of this tool and with a remedy.

use toml::de::Error;

use super::{diagnostic::Diagnostic, repair, source::Place};

/// The faults of a text that is no TOML. The parser goes on after a fault; of what it then finds,
/// the first on each line is told, and nothing after a bracket that is not closed.
pub(super) fn faults(text: &str, source: usize, errors: &[Error]) -> Vec<Diagnostic> {
    if let (Some(fault), false) = (other_language(text, source), errors.is_empty()) {
        return vec![fault];
    }
    let mut faults = Vec::new();
    let mut last_line = None;
    let mut errors: Vec<&Error> = errors.iter().collect();
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    for error in errors {
        let range = error.span().unwrap_or(0..0);
        if faults.len() == MOST_FAULTS {
            break;
        }
        if last_line.is_some_and(|end| range.start <= end) {
            continue;
        }
        let line = Line::at(text, range.start);
        last_line = Some(line.start + line.text.len());
        faults.push(fault(text, &line, source, error));
        let said = error.message();
        let is_list = said.contains("array") && !said.contains("array table");
        if is_list || said.contains("inline table") {
            break;
        }
    }
    faults
}

/// Most faults of one text that are told: what has more of them is no config.
const MOST_FAULTS: usize = 1000;

/// One line of a text.
struct Line<'a> {
    start: usize,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn at(text: &'a str, byte: usize) -> Self {
        let byte = text.floor_char_boundary(byte);
        let start = text[..byte].rfind('\n').map_or(0, |i| i + 1);
        let end = text[byte..].find('\n').map_or(text.len(), |i| byte + i);
        let text = &text[start..end];
        Self { start, text }
    }

    /// The value behind the line's first `=` and where it stands.
    fn value(&self) -> Option<(&'a str, usize)> {
        let equals = self.text.find('=')?;
        let behind = &self.text[equals + 1..];
        let value = behind.trim_start();
        let start = self.start + equals + 1 + (behind.len() - value.len());
        Some((value.trim_end(), start))
    }
}

/// A whole text of another language is one fault.
fn other_language(text: &str, source: usize) -> Option<Diagnostic> {
    let start = text.find(|c: char| !c.is_whitespace())?;
    let begins = |mark: &str| text[start..].starts_with(mark);
    let is_yaml = begins("---") || begins("%YAML") || is_yaml(text);
    let language = match () {
        () if begins("{") => "JSON",
        () if is_yaml => "YAML",
        () if begins("<?xml") => "XML",
        () => return None,
    };
    let range = start..text.len();
    let fault = Diagnostic::error(
        &Place { source, range },
        format!("this is {language}, not TOML"),
    );
    let hint = "`[model]` begins a table, and `type = \"mlp\"` is a key in it; `trainer new NAME` writes a config to start from";
    Some(fault.hint(hint.to_string()))
}

/// Returns whether most lines that say something are `key: value`.
fn is_yaml(text: &str) -> bool {
    let lines = text.lines().map(str::trim);
    let lines: Vec<&str> = lines
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .collect();
    let is_pair = |line: &&&str| {
        let key = line
            .trim_start_matches("- ")
            .split(':')
            .next()
            .unwrap_or_default();
        key.len() < line.len() && !key.contains(['=', '"', '\'', '[', '{'])
    };
    lines.len() > 2 && 2 * lines.iter().filter(is_pair).count() > lines.len()
}

/// A fault, with the line as it should be where that is known.
fn fault(text: &str, line: &Line<'_>, source: usize, error: &Error) -> Diagnostic {
    let range = error.span().unwrap_or(0..0);
    let found = text.get(range.clone()).unwrap_or_default();
    let message = error.message().replace('\n', ", ");
    if error.message().starts_with("duplicate key") {
        let place = Place { source, range };
        return duplicate(line, found, &place);
    }
    let is_open = message.contains("missing comma") || message.contains("unclosed array");
    let hint = match repair::line(line.text) {
        Some(hint) => Some(hint),
        None => is_open.then(|| "is a `]` or a comma missing above?".into()),
    };
    let value = line.value().filter(|(value, _)| !value.is_empty());
    let (message, range) = match value {
        Some((value, start)) if start <= range.start && repair::value(value).is_some() => {
            let message = format!("invalid TOML: `{value}` is no value");
            (message, start..start + value.len())
        }
        _ if message.contains("must be quoted") && found.is_empty() => {
            ("invalid TOML: a value is missing".into(), range)
        }
        _ if message.contains("must be quoted") => {
            (format!("invalid TOML: `{found}` is no value"), range)
        }
        _ if message.contains("unquoted key") || message.contains("key with no value") => {
            let written = line.text.trim();
            (
                format!("invalid TOML: `{written}` is no `key = value`"),
                range,
            )
        }
        _ => (format!("invalid TOML: {message}"), range),
    };
    Diagnostic::error(&Place { source, range }, message).hint(hint)
}

/// A key or table that stands above already.
fn duplicate(line: &Line<'_>, found: &str, place: &Place) -> Diagnostic {
    let header = line
        .text
        .trim()
        .split('#')
        .next()
        .unwrap_or_default()
        .trim();
    let (what, hint) = match header.starts_with('[') {
        true => (header, "put the keys of both under one header"),
        false => (found, "it stands above already; keep one of them"),
    };
    Diagnostic::error(place, format!("`{what}` is given twice")).hint(hint.to_string())
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
        let table = [
            (
                "lr = 1\nlr = 2",
                "`lr` is given twice; hint: it stands above already; keep one of them",
            ),
            (
                "[a]\nx = 1\n[a] # again",
                "`[a]` is given twice; hint: put the keys of both under one header",
            ),
            (
                "[[a]]\nx = 1\n[a]",
                "`[a]` is given twice; hint: put the keys of both under one header",
            ),
            (
                "type = mlp",
                "invalid TOML: `mlp` is no value; hint: a text stands in quotes: `type = \"mlp\"`",
            ),
            (
                "lr = .5",
                "invalid TOML: `.5` is no value; hint: a number has digits on both sides of its point: `lr = 0.5`",
            ),
            (
                "path = \"C:\\Users\\me\\d.csv\"",
                "invalid TOML: `\"C:\\Users\\me\\d.csv\"` is no value; hint: in double quotes `\\` begins an escape; use single quotes or `/`: `path = 'C:\\Users\\me\\d.csv'`",
            ),
            (
                "a = ",
                "invalid TOML: a value is missing; hint: write a value, or leave `a` out",
            ),
            (
                "lr: 0.1",
                "invalid TOML: `lr: 0.1` is no `key = value`; hint: `=` stands between a key and its value: `lr = 0.1`",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(told(text), [expected], "{text}");
        }
    }

    #[test]
    fn a_text_of_another_language_is_one_fault() {
        let json = "{\n  \"model\": {\n    \"type\": \"mlp\"\n  }\n}\n";
        let yaml = "# digits\nmodel:\n  type: mlp\n  hidden:\n    - 64\noptimizer:\n  lr: 0.1\n";
        for (text, language) in [(json, "JSON"), (yaml, "YAML"), ("<?xml?>", "XML")] {
            let told = told(text);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(
                told[0].starts_with(&format!("this is {language}, not TOML")),
                "{told:?}"
            );
        }
        assert!(told("a = 1\nb: 2\nc = 3\n")[0].contains("`b = 2`"));
    }
}
