//! Remedies for the wrong types that people write most. A value is proposed only where the key
//! takes it.

use serde_json::Value as Schema;

use super::{
    node::{Node, Value},
    repair,
    schema_text::types,
    validate::accepts,
};
use crate::units::Span;

/// A remedy for a value of another type than the key's.
pub(super) fn type_hint(key: &str, node: &Node, schema: &Schema) -> Option<String> {
    let write = |value: &String| match key.ends_with(']') {
        true => format!("`{value}`"),
        false => format!("`{key} = {value}`"),
    };
    let (why, mut values) = proposals(node, schema);
    values.retain(|value| accepts(value, schema));
    let is_span = schema["format"] == "span";
    let is_share = schema["format"] == "share";
    match (values.as_slice(), &node.value) {
        ([], Value::Bool(false)) if is_optional(schema) => Some(format!("leave `{key}` out")),
        ([], Value::String(text)) if is_none(text) && is_optional(schema) => {
            Some(format!("there is no null; leave `{key}` out"))
        }
        ([], _) => None,
        (_, Value::Integer(0)) if is_span && !key.ends_with(']') => None,
        (all, _) if is_span => Some(format!(
            "a bare number is ambiguous: write {}",
            all.join(" or ")
        )),
        ([first, second, ..], _) if is_share => Some(format!("{} or {second}", write(first))),
        ([first, ..], _) if why.is_empty() => Some(write(first)),
        ([first, ..], _) => Some(format!("{why}: {}", write(first))),
    }
}

/// Values that may be meant, the likeliest first, and the rule that was broken.
fn proposals(node: &Node, schema: &Schema) -> (&'static str, Vec<String>) {
    let types = types(schema);
    let takes = |kind: &str| types.contains(&kind);
    let plain = |values: Vec<String>| ("", values);
    match &node.value {
        Value::Integer(n @ 0..) if schema["format"] == "span" => {
            let spans = [Span::Epochs(*n as f64), Span::Steps(*n as u64)];
            plain(spans.map(|span| format!("\"{span}\"")).to_vec())
        }
        Value::Float(n) if schema["format"] == "span" => plain(vec![
            format!("\"{n} epochs\""),
            format!("\"{}\"", repair::percent(*n)),
        ]),
        Value::Float(n) if schema["format"] == "share" => {
            plain(vec![format!("\"{}\"", repair::percent(*n))])
        }
        Value::Integer(n) if schema["format"] == "share" => {
            plain(vec![format!("\"{n}%\""), format!("\"{n} samples\"")])
        }
        Value::String(text) if takes("number") || takes("integer") => number(text),
        Value::String(text) if takes("boolean") => plain(truth(text).into_iter().collect()),
        Value::Integer(n @ (0 | 1)) if takes("boolean") => plain(vec![(*n == 1).to_string()]),
        Value::String(text) if takes("array") => plain(lists(text)),
        Value::Integer(_) | Value::Float(_) if takes("array") => {
            plain(vec![format!("[{}]", node.to_toml())])
        }
        Value::Float(n) if takes("integer") && n.abs() < 1e15 => plain(vec![n.to_string()]),
        Value::Array(items) if items.len() == 1 => plain(vec![items[0].to_toml().to_string()]),
        Value::Integer(_) | Value::Float(_) if takes("object") => {
            plain(in_its_table(node, schema).into_iter().collect())
        }
        _ => plain(Vec::new()),
    }
}

/// A number that stands in quotes or is written as in another language.
fn number(text: &str) -> (&'static str, Vec<String>) {
    let (why, written) = match repair::is_value(text) {
        true => ("without quotes", text.to_string()),
        false => match repair::number(text) {
            Some(repair) => (repair.why, repair.text),
            None => return ("", Vec::new()),
        },
    };
    let number = written.replace('_', "").parse::<f64>().ok();
    let whole = number.filter(|n| n.fract() == 0.0).map(repair::plain);
    (why, [Some(written), whole].into_iter().flatten().collect())
}

/// `true` or `false`, as it is said elsewhere.
fn truth(text: &str) -> Option<String> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some("true".into()),
        "false" | "no" | "off" | "0" => Some("false".into()),
        _ => None,
    }
}

/// `64,32` as a list of values, or as one of texts; else the whole text as its only entry.
fn lists(text: &str) -> Vec<String> {
    let body = text.trim_matches(['(', ')', '[', ']', ' ']);
    let pieces = || {
        let pieces = body.split([',', ' ']).map(str::trim);
        pieces.filter(|piece| !piece.is_empty())
    };
    let list = |items: Vec<String>| format!("[{}]", items.join(", "));
    vec![
        list(pieces().map(String::from).collect()),
        list(pieces().map(repair::quoted).collect()),
        list(vec![repair::quoted(text)]),
    ]
}

/// Returns whether it is a word for nothing.
fn is_none(text: &str) -> bool {
    ["none", "null", "nil", "~", ""].contains(&text.to_lowercase().as_str())
}

/// Returns whether a key may be absent without a default of its own.
fn is_optional(schema: &Schema) -> bool {
    let types = schema["type"].as_array();
    types.is_some_and(|types| types.iter().any(|kind| kind == "null")) || schema["type"] == "null"
}

/// `0.999` where a table with one key takes such a value: `{ decay = 0.999 }`.
fn in_its_table(node: &Node, schema: &Schema) -> Option<String> {
    let properties = schema["properties"].as_object()?;
    let mut keys = properties.iter();
    let (Some((key, inner)), None) = (keys.next(), keys.next()) else {
        return None;
    };
    let takes_numbers = types(inner).contains(&"number");
    takes_numbers.then(|| format!("{{ {key} = {} }}", node.to_toml()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::source::Place;

    fn hint(key: &str, value: Value, schema: Schema) -> String {
        let place = Place {
            source: 0,
            range: 0..0,
        };
        type_hint(key, &Node::new(value, place), &schema).unwrap_or_default()
    }

    fn text(text: &str) -> Value {
        Value::String(text.into())
    }

    #[test]
    fn the_value_that_was_meant_is_written_out() {
        let of = |kind: &str| json!({ "type": kind });
        let list = |kind: &str| json!({ "type": "array", "items": { "type": kind } });
        let share = || json!({ "type": "string", "format": "share" });
        let ema = || json!({ "type": "object", "properties": { "decay": { "type": "number" } } });
        let float = Value::Float;
        let table = [
            (
                "lr",
                text("0.1"),
                of("number"),
                "without quotes: `lr = 0.1`",
            ),
            ("shuffle", text("no"), of("boolean"), "`shuffle = false`"),
            (
                "nesterov",
                Value::Integer(1),
                of("boolean"),
                "`nesterov = true`",
            ),
            (
                "hidden",
                Value::Integer(64),
                list("integer"),
                "`hidden = [64]`",
            ),
            (
                "hidden",
                text("64,32"),
                list("integer"),
                "`hidden = [64, 32]`",
            ),
            (
                "hidden",
                text("(64 32)"),
                list("integer"),
                "`hidden = [64, 32]`",
            ),
            ("hidden", float(6.5), list("integer"), ""),
            ("tags", text("a"), list("string"), "`tags = [\"a\"]`"),
            (
                "tags",
                text("a, b"),
                list("string"),
                "`tags = [\"a\", \"b\"]`",
            ),
            ("hidden[0]", float(64.0), of("integer"), "`64`"),
            ("val", float(0.25), share(), "`val = \"25%\"`"),
            ("val", float(0.07), share(), "`val = \"7%\"`"),
            ("ema", float(0.9), ema(), "`ema = { decay = 0.9 }`"),
            (
                "steps",
                text("1e3"),
                of("integer"),
                "without quotes: `steps = 1000`",
            ),
            ("steps", text("5.5"), of("integer"), ""),
            ("lr", text("fast"), of("number"), ""),
            ("n", float(0.5), of("integer"), ""),
        ];
        for (key, value, schema, expected) in table {
            assert_eq!(
                hint(key, value.clone(), schema),
                expected,
                "{key} {value:?}"
            );
        }
    }

    #[test]
    fn numbers_of_other_languages_are_written_out() {
        let number = || json!({ "type": "number", "minimum": 0.0 });
        for (written, expected) in [
            (".5", "`lr = 0.5`"),
            ("5.", "`lr = 5.0`"),
            ("1,5", "`lr = 1.5`"),
            ("10^-3", "`lr = 1e-3`"),
            ("1e-3f", "`lr = 1e-3`"),
        ] {
            let told = hint("lr", text(written), number());
            assert!(told.ends_with(expected), "{written}: {told}");
        }
        // A proposal that the key refuses would be no remedy.
        assert_eq!(hint("lr", text("-.5"), number()), "");
        assert_eq!(hint("lr", text("inf"), number()), "");
    }

    #[test]
    fn nothing_is_meant_by_leaving_a_key_out() {
        let optional = || json!({ "type": ["number", "null"] });
        assert_eq!(
            hint("clip", Value::Bool(false), optional()),
            "leave `clip` out"
        );
        let told = hint("clip", text("None"), optional());
        assert_eq!(told, "there is no null; leave `clip` out");
        assert_eq!(hint("clip", text("none"), json!({ "type": "number" })), "");
    }
}
