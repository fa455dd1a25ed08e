//! Remedies for the wrong types that people write most.

use serde_json::Value as Schema;

use super::{
    node::{Node, Value},
    schema_text::types,
};

/// A remedy for the wrong types that people write most.
pub(super) fn type_hint(key: &str, node: &Node, schema: &Schema) -> Option<String> {
    let types = types(schema);
    let takes = |kind: &str| types.contains(&kind);
    let is_item = key.ends_with(']');
    let write = |value: String| match is_item {
        true => format!("`{value}`"),
        false => format!("`{key} = {value}`"),
    };
    match &node.value {
        Value::Integer(n) if schema["format"] == "span" => Some(format!(
            "a bare number is ambiguous: write \"{n} epochs\" or \"{n} steps\""
        )),
        Value::Float(n) if schema["format"] == "span" => Some(format!(
            "a bare number is ambiguous: write \"{n} epochs\" or \"{}%\"",
            n * 100.0
        )),
        Value::Float(n) if schema["format"] == "share" => {
            Some(write(format!("\"{}%\"", n * 100.0)))
        }
        Value::Integer(n) if schema["format"] == "share" => {
            Some(write(format!("\"{n}%\"")) + &format!(" or \"{n} samples\""))
        }
        Value::String(text) if takes("number") || takes("integer") => text
            .parse::<f64>()
            .is_ok()
            .then(|| format!("without quotes: {}", write(text.clone()))),
        Value::String(text) if takes("boolean") => {
            let yes = matches!(text.to_lowercase().as_str(), "true" | "yes" | "on" | "1");
            let no = matches!(text.to_lowercase().as_str(), "false" | "no" | "off" | "0");
            (yes || no).then(|| write(yes.to_string()))
        }
        Value::Integer(n @ (0 | 1)) if takes("boolean") => Some(write((*n == 1).to_string())),
        Value::Integer(_) | Value::Float(_) | Value::String(_) if takes("array") => {
            Some(write(format!("[{}]", node.to_toml())))
        }
        Value::Float(n) if takes("integer") && n.fract() == 0.0 && n.abs() < 1e15 => {
            Some(write(n.to_string()))
        }
        value if takes("object") => in_its_table(value, node, schema).map(write),
        _ => None,
    }
}

/// `0.999` where a table with one key takes such a value: `{ decay = 0.999 }`.
fn in_its_table(value: &Value, node: &Node, schema: &Schema) -> Option<String> {
    let properties = schema["properties"].as_object()?;
    let mut keys = properties.iter();
    let (Some((key, inner)), None) = (keys.next(), keys.next()) else {
        return None;
    };
    let is_number = matches!(value, Value::Integer(_) | Value::Float(_));
    (is_number && types(inner).contains(&"number"))
        .then(|| format!("{{ {key} = {} }}", node.to_toml()))
}
