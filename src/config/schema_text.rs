//! What a JSON Schema says of a key, in words: for messages, the reference and `explain`.

use serde_json::Value as Schema;

/// What a key takes, in words: `number ≥ 0`, `span`, `one of relu, gelu`.
#[must_use]
pub fn type_text(schema: &Schema) -> String {
    if let Some(names) = allowed_names(schema) {
        return format!("one of {}", names.join(", "));
    }
    if let Some(list) = schema["anyOf"].as_array() {
        let words: Vec<String> = list
            .iter()
            .filter(|s| s["type"] != "null")
            .map(type_text)
            .collect();
        return words.join(" or ");
    }
    let kind = match &schema["type"] {
        Schema::String(kind) => kind.as_str(),
        Schema::Array(kinds) => kinds
            .iter()
            .filter_map(Schema::as_str)
            .find(|kind| *kind != "null")
            .unwrap_or("any"),
        _ => "any",
    };
    let word = match kind {
        "string" if schema["format"] == "span" => "span".to_string(),
        "string" if schema["format"] == "path" => "path".to_string(),
        "string" if schema["format"] == "weights" => "path, run or hf:// address".to_string(),
        "string" if schema["format"] == "share" => "share".to_string(),
        "array" => match schema["prefixItems"].as_array() {
            Some(items) => {
                let items: Vec<String> = items.iter().map(type_text).collect();
                format!("[{}]", items.join(", "))
            }
            None => format!("list of {}", type_text(&schema["items"])),
        },
        "object" => "table".to_string(),
        other => other.to_string(),
    };
    word + &bounds_text(schema)
}

fn bounds_text(schema: &Schema) -> String {
    let bound = |name: &str, sign: &str| {
        let limit = schema[name]
            .as_f64()
            .filter(|n| n.abs() < u32::MAX as f64)?;
        Some(format!("{sign} {limit}"))
    };
    let parts: Vec<String> = [
        bound("minimum", "≥"),
        bound("exclusiveMinimum", ">"),
        bound("maximum", "≤"),
        bound("exclusiveMaximum", "<"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(" {}", parts.join(", "))
    }
}

/// A key's default as TOML; `required` where it has none and must be there.
#[must_use]
pub fn default_text(key: &str, schema: &Schema, table: &Schema) -> String {
    let required = table["required"].as_array();
    if required.is_some_and(|list| list.iter().any(|name| name == key)) {
        return "required".into();
    }
    match schema.get("default") {
        Some(Schema::Null) | None => String::new(),
        Some(value) => inline(value),
    }
}

/// A JSON value in TOML's inline form.
#[must_use]
pub fn inline(value: &Schema) -> String {
    match value {
        Schema::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(inline).collect::<Vec<_>>().join(", ")
            )
        }
        Schema::Object(table) => {
            let pairs: Vec<String> = table
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| format!("{} = {}", bare_or_quoted(key), inline(value)))
                .collect();
            format!("{{ {} }}", pairs.join(", ")).replace("{  }", "{}")
        }
        other => other.to_string(),
    }
}

/// A key as TOML takes it.
fn bare_or_quoted(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    match !key.is_empty() && key.chars().all(bare) {
        true => key.into(),
        false => toml::Value::from(key).to_string(),
    }
}

/// An example of a key: its own, its default, else one that fits its type.
#[must_use]
pub fn example_text(key: &str, schema: &Schema) -> String {
    format!("{key} = {}", example_value(schema))
}

fn example_value(schema: &Schema) -> String {
    let says_nothing = |value: &Schema| {
        value.is_null() || value == "" || inline(value) == "[]" || inline(value) == "{}"
    };
    match (schema["examples"].get(0), schema.get("default")) {
        (Some(example), _) => inline(example),
        (None, Some(default)) if !says_nothing(default) => inline(default),
        _ => made_up(schema),
    }
}

fn made_up(schema: &Schema) -> String {
    if let Some(first) = allowed_names(schema).and_then(|names| names.first().copied()) {
        return format!("\"{first}\"");
    }
    if let Some(first) = schema["anyOf"].get(0) {
        return example_value(first);
    }
    match type_text(schema).split(' ').next().unwrap_or_default() {
        "span" => "\"5 epochs\"".into(),
        "path" => "\"data/file\"".into(),
        "share" => "\"10%\"".into(),
        "string" => "\"text\"".into(),
        "boolean" => "true".into(),
        "list" => format!("[{}]", example_value(&schema["items"])),
        "table" => made_up_table(schema),
        "integer" => schema["minimum"].as_i64().unwrap_or(1).max(1).to_string(),
        _ => "0.5".into(),
    }
}

/// A table with its required keys, or with its first one.
fn made_up_table(schema: &Schema) -> String {
    if schema["additionalProperties"].is_object() {
        return format!(
            "{{ name = {} }}",
            example_value(&schema["additionalProperties"])
        );
    }
    let Some(properties) = schema["properties"].as_object() else {
        return "{}".into();
    };
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Schema::as_str)
        .collect();
    let is_shown = |(i, (key, _)): &(usize, (&String, &Schema))| match required.is_empty() {
        true => *i == 0,
        false => required.contains(&key.as_str()),
    };
    let pairs: Vec<String> = properties
        .iter()
        .enumerate()
        .filter(is_shown)
        .map(|(_, (key, schema))| example_text(key, schema))
        .collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// Returns one line about a component or key: the first sentence of its description.
#[must_use]
pub fn about(schema: &Schema) -> String {
    first_sentence(&description(schema)).to_string()
}

/// Returns the first sentence of a text, without its full stop.
#[must_use]
pub fn first_sentence(text: &str) -> &str {
    let end = text.match_indices(". ").find(|(i, _)| {
        let next = text[i + 2..].chars().next();
        next.is_some_and(|c| c.is_uppercase() || "`\"".contains(c))
    });
    match end {
        Some((end, _)) => &text[..end],
        None => text.trim_end_matches('.'),
    }
}

/// What its doc comment says about a component or key, in one line.
#[must_use]
pub fn description(schema: &Schema) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.replace('\n', " ")
}

/// A key's default in words: as TOML, or as its description says it.
#[must_use]
pub fn default_words(key: &str, schema: &Schema, table: &Schema) -> String {
    let plain = default_text(key, schema, table);
    if !plain.is_empty() && plain != "{}" {
        return plain;
    }
    let text = description(schema);
    let rest = ["Default: ", "Default "]
        .iter()
        .find_map(|start| Some(text.split_once(start)?.1));
    match rest {
        Some(rest) => rest
            .split(". ")
            .next()
            .unwrap_or(rest)
            .trim_end_matches('.')
            .into(),
        None => plain,
    }
}

/// The names that a schema allows, where it allows only names.
#[must_use]
pub(super) fn allowed_names(schema: &Schema) -> Option<Vec<&str>> {
    let collect = |list: &'_ Schema| -> Option<Vec<String>> {
        list.as_array()?
            .iter()
            .map(|s| s["const"].as_str().map(Into::into))
            .collect()
    };
    if let Some(names) = schema["enum"].as_array() {
        return Some(names.iter().filter_map(Schema::as_str).collect());
    }
    let list = &schema["oneOf"];
    collect(list)?;
    Some(
        list.as_array()?
            .iter()
            .filter_map(|s| s["const"].as_str())
            .collect(),
    )
}

/// The JSON types that a schema allows.
pub(super) fn types(schema: &Schema) -> Vec<&str> {
    match &schema["type"] {
        Schema::String(one) => vec![one],
        Schema::Array(many) => many
            .iter()
            .filter_map(Schema::as_str)
            .filter(|t| *t != "null")
            .collect(),
        _ if schema.get("const").is_some() || schema.get("enum").is_some() => vec!["string"],
        _ => Vec::new(),
    }
}

/// What a JSON type is called in a message.
pub(super) fn describe(kind: &str, schema: &Schema) -> String {
    match kind {
        "number" => "a number".into(),
        "integer" => "a whole number".into(),
        "string" if schema["format"] == "span" => {
            "a span with its unit, such as \"5 epochs\"".into()
        }
        "string" if schema["format"] == "share" => {
            "a share with its unit, such as \"10%\" or \"500 samples\"".into()
        }
        "string" if schema["format"] == "path" => "a path (a string)".into(),
        "string" if schema["format"] == "weights" => {
            "a path, a run or an hf:// address (a string)".into()
        }
        "string" => "a string".into(),
        "boolean" => "true or false".into(),
        "array" => match types(&schema["items"]).first() {
            Some(&"integer") => "a list of whole numbers".into(),
            Some(&"number") => "a list of numbers".into(),
            Some(&"string") => "a list of strings".into(),
            Some(&"object") => "a list of tables".into(),
            _ => "a list".into(),
        },
        "object" => "a table".into(),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sentence_ends_before_a_capital() {
        let about = |text: &str| about(&json!({ "description": text }));
        assert_eq!(
            about("Networks (LeCun et al. 1998). More."),
            "Networks (LeCun et al. 1998)"
        );
        assert_eq!(about("A name,\ne.g. this. `x` too."), "A name, e.g. this");
        assert_eq!(about("One."), "One");
    }

    #[test]
    fn keys_are_told_with_type_default_and_example() {
        let number = json!({ "type": ["number", "null"], "minimum": 0.0, "description": "It. Default: the other's. More." });
        let table = json!({ "properties": { "x": number }, "required": [] });
        assert_eq!(type_text(&number), "number ≥ 0");
        assert_eq!(default_text("x", &number, &table), "");
        assert_eq!(default_words("x", &number, &table), "the other's");
        assert_eq!(example_text("x", &number), "x = 0.5");
        let list = json!({ "type": "array", "default": [], "items": {
            "type": "object", "required": ["m"],
            "properties": { "a": { "type": "string" }, "m": { "type": "array", "items": { "type": "string" }, "examples": [["fc1.*"]] } } } });
        assert_eq!(example_text("g", &list), "g = [{ m = [\"fc1.*\"] }]");
        let names = json!({ "enum": ["a", "b"], "default": "b" });
        assert_eq!(type_text(&names), "one of a, b");
        assert_eq!(example_text("n", &names), "n = \"b\"");
    }
}
