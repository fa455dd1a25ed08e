//! What a component's doc comment says of its formula and where it comes from.
//!
//! A type says both in lines of its own, which is all that `explain` needs:
//!
//! ```text
//! /// Step decay: a staircase of equal steps.
//! /// Formula: `f(u) = a·gamma^⌊u/size⌋`.
//! /// Source: PyTorch's `StepLR`.
//! ```

use serde_json::Value as Schema;

use super::schema_text::description;

/// A doc comment in its parts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Origin {
    /// What the component is, in the lines of the comment.
    pub about: String,
    /// Its formula.
    pub formula: Option<String>,
    /// The paper or the implementation that it follows.
    pub source: Option<String>,
}

/// The parts of a component's doc comment. Without lines that begin with `Formula:` and `Source:`,
/// the formula is the first code that defines `f(u)`, and the source the sentences that name a paper or
/// another implementation.
#[must_use]
pub fn origin(schema: &Schema) -> Origin {
    let raw = schema["description"].as_str().unwrap_or_default();
    let end = ["Formula: ", "Source: "]
        .iter()
        .filter_map(|mark| raw.find(mark))
        .min();
    let text = description(schema);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (rest, source) = cut(&text, "Source: ");
    let (about, formula) = cut(rest, "Formula: ");
    let clean = |text: &str| text.trim_end_matches('.').to_string();
    Origin {
        formula: formula.map(clean).or_else(|| definition(about)),
        source: source.map(clean).or_else(|| names_a_source(about)),
        about: raw[..end.unwrap_or(raw.len())].trim_end().to_string(),
    }
}

/// What stands before and after a mark.
fn cut<'a>(text: &'a str, mark: &str) -> (&'a str, Option<&'a str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before.trim_end(), Some(after)),
        None => (text, None),
    }
}

fn definition(text: &str) -> Option<String> {
    let mut code = text.split('`').skip(1).step_by(2);
    code.find(|code| code.starts_with("f(") && code.contains('='))
        .map(|code| format!("`{code}`"))
}

/// What only a reference says.
const NAMES: [&str; 8] = [
    "PyTorch",
    "arXiv",
    "et al",
    "Keras",
    "TensorFlow",
    "fairseq",
    "timm",
    "Hugging Face",
];

fn names_a_source(text: &str) -> Option<String> {
    let sentences = text
        .split(". ")
        .map(|sentence| sentence.trim_end_matches('.'));
    let named: Vec<&str> = sentences
        .filter(|sentence| NAMES.iter().any(|name| sentence.contains(name)))
        .collect();
    (!named.is_empty()).then(|| named.join(". "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Extensions;

    #[test]
    fn both_are_found_in_lines_of_their_own_and_in_prose() {
        let of = |text: &str| origin(&json!({ "description": text }));
        let lines = of("Decay.\nMore.\nFormula: `f(u) = a`, with\na = 1.\nSource: X & Y, 1999.");
        assert_eq!(lines.about, "Decay.\nMore.");
        assert_eq!(lines.formula.as_deref(), Some("`f(u) = a`, with a = 1"));
        assert_eq!(lines.source.as_deref(), Some("X & Y, 1999"));
        let prose = of("Decay: `f(u) = a·p`, with `p = 1`. PyTorch's `LR`. Nice.");
        assert_eq!(prose.formula.as_deref(), Some("`f(u) = a·p`"));
        assert_eq!(prose.source.as_deref(), Some("PyTorch's `LR`"));
        assert_eq!(of("Plain.").source, None);
    }

    /// Whoever adds a schedule type says what it computes and where that comes from.
    #[test]
    fn every_schedule_says_its_formula_and_source() {
        for kind in Extensions::new().schedules.kinds() {
            let origin = origin(&kind.schema());
            assert!(
                origin.formula.is_some() && origin.source.is_some(),
                "the doc comment of `{}` lacks a line `Formula: …` or `Source: …`",
                kind.name
            );
        }
    }
}
