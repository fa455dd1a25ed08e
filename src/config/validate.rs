//! The schema is the check: a component's JSON Schema, made from its struct, is held against the
//! spanned document, so that every fault of a table is found at once and at its place.

use serde_json::Value as Schema;
use toml::de::DeTable;

use super::{
    aliases,
    diagnostic::Diagnostic,
    elsewhere,
    init::{HubFile, Init},
    node::{Node, Table, Value},
    paths::path_fault,
    schema_text::{about, allowed_names, describe, inline, types},
    source::Place,
    type_hint::type_hint,
};
use crate::{data::Share, error::Fault, suggest::did_you_mean, units::Span};

/// Faults that get a hint each, which takes a search; more of them are not shown.
pub(super) const MOST_HINTS: usize = 200;

/// Checks a table against an object schema. `what` names the table in messages: `[optimizer]`.
pub fn table(
    what: &str,
    place: &Place,
    table: &Table,
    schema: &Schema,
    faults: &mut Vec<Diagnostic>,
) {
    let none = serde_json::Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    let any = schema.get("additionalProperties").filter(|s| s.is_object());
    if properties.is_empty() && any.is_none() && schema["additionalProperties"] != false {
        return;
    }
    let allowed: Vec<&str> = properties.keys().map(String::as_str).collect();
    let mut meant = Vec::new();
    for (key, key_place, node) in table.iter() {
        match properties.get(key).or(any) {
            Some(property) => value(key, node, property, faults),
            None if faults.len() > MOST_HINTS => {
                let message = format!("unknown key `{key}` in {what}");
                faults.push(Diagnostic::error(key_place, message));
            }
            None => {
                meant.extend(aliases::near(key, &allowed).map(String::from));
                meant.extend(elsewhere::keys(key));
                faults.push(unknown_key(
                    what,
                    key,
                    (key_place, node),
                    (&allowed, schema),
                ));
            }
        }
    }
    let required = schema["required"].as_array().into_iter().flatten();
    let missing = required
        .filter_map(Schema::as_str)
        .filter(|key| table.get(key).is_none() && !meant.iter().any(|meant| meant == key));
    for key in missing {
        faults.push(missing_key(what, key, place, &properties[key]));
    }
}

/// The fault of a key that does not exist; `what` names its table, or is empty, and `allowed` are the
/// keys that it has, with their schema.
#[must_use]
pub fn unknown_key(
    what: &str,
    key: &str,
    (place, node): (&Place, &Node),
    (allowed, schema): (&[&str], &Schema),
) -> Diagnostic {
    let message = match what {
        "" => format!("unknown key `{key}`"),
        what => format!("unknown key `{key}` in {what}"),
    };
    let header = match what.split('`').nth(1).unwrap_or_default() {
        "[[schedule.phase]]" => "[[schedule]]",
        header => header,
    };
    let is_inner = !what.is_empty() && !header.starts_with('[');
    let home = elsewhere::Home { header, schema };
    let elsewhere = match aliases::alias(key, allowed) {
        None if !is_inner => elsewhere::hint(home, key, Some(node)),
        _ => None,
    };
    let hint = match (elsewhere, allowed) {
        (Some(hint), _) => hint,
        (None, []) => "it takes no keys of its own".into(),
        (None, allowed) => aliases::hint(key, allowed),
    };
    Diagnostic::error(place, message).hint(hint)
}

/// The fault of a table that does not exist; `allowed` are the names of those that do.
#[must_use]
pub fn unknown_table(key: &str, (place, node): (&Place, &Node), allowed: &[&str]) -> Diagnostic {
    let hint = match elsewhere::table(key) {
        Some(header) => did_you_mean(header),
        None => {
            let schema = &Schema::Null;
            let home = elsewhere::Home { header: "", schema };
            let elsewhere = elsewhere::hint(home, key, Some(node));
            elsewhere.unwrap_or_else(|| aliases::hint(key, allowed))
        }
    };
    Diagnostic::error(place, format!("unknown table `[{key}]`")).hint(hint)
}

fn missing_key(what: &str, key: &str, place: &Place, schema: &Schema) -> Diagnostic {
    let hint = match &schema["examples"][0] {
        Schema::Null => format!("add `{key} = …`: {}", about(schema)),
        example => format!("add, for example, `{key} = {}`", inline(example)),
    };
    let message = match what {
        "" => format!("missing key `{key}`"),
        what => format!("missing key `{key}` in {what}"),
    };
    Diagnostic::error(place, message).hint(hint)
}

/// The key of a value that is only tried: nobody reads its faults, so they get no hints, which would
/// be tried in their turn.
const NAMELESS: &str = "";

/// Returns whether a key with this schema takes a value, written as TOML.
#[must_use]
pub fn accepts(written: &str, schema: &Schema) -> bool {
    let text = format!("x = {written}");
    let Ok(document) = DeTable::parse(&text) else {
        return false;
    };
    let mut faults = Vec::new();
    if let Some(node) = Table::read(document.get_ref(), 0).get("x") {
        value(NAMELESS, node, schema, &mut faults);
    }
    faults.is_empty()
}

/// Checks one value.
fn value(key: &str, node: &Node, schema: &Schema, faults: &mut Vec<Diagnostic>) {
    if let Value::TooLarge(number) = &node.value {
        let message = format!("`{key}`: `{number}` is too large");
        let hint = format!("whole numbers go up to {}", i64::MAX);
        return faults.push(Diagnostic::error(&node.place, message).hint(hint));
    }
    let alternatives = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
    let is_choice = |list: &&Vec<Schema>| !list.iter().any(|s| s.get("const").is_some());
    if let Some(alternatives) = alternatives.filter(is_choice) {
        return any_of(key, node, alternatives, faults);
    }
    if let Some(names) = allowed_names(schema) {
        return name(key, node, &names, faults);
    }
    if !may_be(node, schema) {
        return faults.push(wrong_type(key, node, std::slice::from_ref(schema)));
    }
    match &node.value {
        Value::Integer(number) => range(key, *number as f64, node, schema, faults),
        Value::Float(number) => range(key, *number, node, schema, faults),
        Value::String(text) => string(key, text, node, schema, faults),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                let own = schema["prefixItems"].get(i).unwrap_or(&schema["items"]);
                value(&format!("{key}[{i}]"), item, own, faults);
            }
            length(key, items.len(), node, schema, faults);
        }
        Value::Table(inner) => table(&format!("`{key}`"), &node.place, inner, schema, faults),
        Value::Bool(_) | Value::Datetime(_) | Value::TooLarge(_) => {}
    }
}

/// One of several schemas: the one whose type fits says what is wrong.
fn any_of(key: &str, node: &Node, alternatives: &[Schema], faults: &mut Vec<Diagnostic>) {
    match alternatives.iter().find(|schema| may_be(node, schema)) {
        Some(schema) => value(key, node, schema, faults),
        None => faults.push(wrong_type(key, node, alternatives)),
    }
}

/// Returns whether a value's type is one that the schema allows.
fn may_be(node: &Node, schema: &Schema) -> bool {
    let types = types(schema);
    types.is_empty() || types.iter().any(|kind| matches(kind, node))
}

fn wrong_type(key: &str, node: &Node, alternatives: &[Schema]) -> Diagnostic {
    let of = |schema| types(schema).into_iter().map(|kind| describe(kind, schema));
    let mut expected: Vec<String> = alternatives.iter().flat_map(of).collect();
    expected.retain(|text| text != "null");
    let (expected, found) = (expected.join(" or "), node.noun());
    let is_tried = key == NAMELESS || key.starts_with('[');
    let mut hints = alternatives.iter();
    let hint = match is_tried {
        true => None,
        false => hints.find_map(|schema| type_hint(key, node, schema)),
    };
    Diagnostic::error(
        &node.place,
        format!("`{key}` takes {expected}, found {found}"),
    )
    .hint(hint)
}

fn name(key: &str, node: &Node, names: &[&str], faults: &mut Vec<Diagnostic>) {
    match node.text() {
        Some(text) if names.contains(&text) => {}
        Some(text) => {
            let message = format!("unknown value `{text}` for `{key}`");
            let hint = aliases::hint(text, names);
            faults.push(Diagnostic::error(&node.place, message).hint(hint));
        }
        None => {
            let message = format!("`{key}` takes a name, found {}", node.noun());
            let hint = format!("allowed: {}", names.join(", "));
            faults.push(Diagnostic::error(&node.place, message).hint(hint));
        }
    }
}

fn range(key: &str, number: f64, node: &Node, schema: &Schema, faults: &mut Vec<Diagnostic>) {
    let bound = |name: &str| schema[name].as_f64();
    let (low, above) = (bound("minimum"), bound("exclusiveMinimum"));
    let (high, below) = (bound("maximum"), bound("exclusiveMaximum"));
    let ok = number.is_finite()
        && low.is_none_or(|low| number >= low)
        && above.is_none_or(|above| number > above)
        && high.is_none_or(|high| number <= high)
        && below.is_none_or(|below| number < below);
    if ok {
        return;
    }
    let whole = types(schema).contains(&"integer");
    let low = low.filter(|low| *low > i64::MIN as f64);
    let high = high.filter(|high| !whole || *high < u32::MAX as f64);
    let mut parts = Vec::new();
    parts.extend(low.map(|low| format!("at least {low}")));
    parts.extend(above.map(|above| format!("greater than {above}")));
    parts.extend(high.map(|high| format!("at most {high}")));
    parts.extend(below.map(|below| format!("less than {below}")));
    if parts.is_empty() || !number.is_finite() {
        parts.insert(0, "finite".into());
    }
    let message = format!("`{key}` must be {}, found {number}", parts.join(" and "));
    faults.push(Diagnostic::error(&node.place, message));
}

fn string(key: &str, text: &str, node: &Node, schema: &Schema, faults: &mut Vec<Diagnostic>) {
    let fault = match schema["format"].as_str() {
        Some("span") => text.parse::<Span>().err().map(|e| Fault::of(&e)),
        Some("weights") if text.starts_with(HubFile::SCHEME) => {
            let refused = Init::check_source(text).err();
            refused.map(|why| Fault::of(&why))
        }
        Some("path" | "weights") => path_fault(text),
        Some("share") => text.parse::<Share>().err().map(|e| Fault::of(&e)),
        _ => None,
    };
    if let Some(Fault { message, hint }) = fault {
        faults.push(Diagnostic::error(&node.place, format!("`{key}`: {message}")).hint(hint));
    }
    if schema["minLength"]
        .as_u64()
        .is_some_and(|least| (text.chars().count() as u64) < least)
    {
        faults.push(Diagnostic::error(
            &node.place,
            format!("`{key}` must not be empty"),
        ));
    }
}

fn length(key: &str, count: usize, node: &Node, schema: &Schema, faults: &mut Vec<Diagnostic>) {
    let bound = |name: &str| schema[name].as_u64().map(|n| n as usize);
    let message = match (bound("minItems"), bound("maxItems")) {
        (Some(least), _) if count < least => format!("at least {least}"),
        (_, Some(most)) if count > most => format!("at most {most}"),
        _ => return,
    };
    let s = if message.ends_with(" 1") { "y" } else { "ies" };
    let message = format!("`{key}` must have {message} entr{s}, found {count}");
    faults.push(Diagnostic::error(&node.place, message));
}

fn matches(kind: &str, node: &Node) -> bool {
    matches!(
        (kind, &node.value),
        ("number", Value::Integer(_) | Value::Float(_))
            | ("integer", Value::Integer(_))
            | ("string", Value::String(_))
            | ("boolean", Value::Bool(_))
            | ("array", Value::Array(_))
            | ("object", Value::Table(_))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Diagnostics, Overrides, Spec, TrainKeys, schema_of};

    fn faults(text: &str, set: &[&str]) -> String {
        let overrides = Overrides {
            set: set.iter().map(|s| s.to_string()).collect(),
            ..Default::default()
        };
        let spec = Spec::parse("a.toml", text, &overrides);
        let mut list = spec.faults.clone();
        let node = spec.root.nearest("train");
        let schema = schema_of::<TrainKeys>();
        if let Some(train) = node.table() {
            table("`[train]`", &node.place, train, &schema, &mut list);
        }
        Diagnostics {
            sources: spec.sources,
            list,
        }
        .render(false)
    }

    #[test]
    fn every_fault_has_its_place() {
        let text = "[train]\nepochs = \"ten\"\nclip_norm = 0\nlog_every = 50\nema = { decay = 1.5, x = 1 }\non_nan = \"stopp\"\nepochz = 3\n";
        insta::assert_snapshot!(faults(text, &["train.grad_accumulation=zero"]), @r#"
        error: `epochs` takes a whole number, found a string
         --> a.toml:2:10
          |
        2 | epochs = "ten"
          |          ^^^^^

        error: `clip_norm` must be greater than 0, found 0
         --> a.toml:3:13
          |
        3 | clip_norm = 0
          |             ^

        error: `log_every` takes a span with its unit, such as "5 epochs", found an integer
         --> a.toml:4:13
          |
        4 | log_every = 50
          |             ^^
          |
          = hint: a bare number is ambiguous: write "50 epochs" or "50 steps"

        error: `decay` must be at least 0 and less than 1, found 1.5
         --> a.toml:5:17
          |
        5 | ema = { decay = 1.5, x = 1 }
          |                 ^^^

        error: unknown key `x` in `ema`
         --> a.toml:5:22
          |
        5 | ema = { decay = 1.5, x = 1 }
          |                      ^
          |
          = hint: allowed: decay

        error: unknown value `stopp` for `on_nan`
         --> a.toml:6:10
          |
        6 | on_nan = "stopp"
          |          ^^^^^^^
          |
          = hint: did you mean `stop`? (allowed: stop, skip, rollback)

        error: unknown key `epochz` in `[train]`
         --> a.toml:7:1
          |
        7 | epochz = 3
          | ^^^^^^
          |
          = hint: did you mean `epochs`? (allowed: epochs, steps, horizon, grad_accumulation, clip_norm, clip_value, precision, ema, eval_every, log_every, test, early_stop, on_nan, threads)

        error: `grad_accumulation` takes a whole number, found a string
         --> --set:1:25
          |
        1 | train.grad_accumulation=zero
          |                         ^^^^

        8 errors; nothing was run
        "#);
    }

    #[test]
    fn broken_toml_is_told_with_its_place() {
        insta::assert_snapshot!(faults("[train]\nepochs = = 3\nsteps = 3", &[]), @"
        error: invalid TOML: extra `=`, expected nothing
         --> a.toml:2:10
          |
        2 | epochs = = 3
          |          ^

        error: `epochs` must be at least 1, found 0
         --> a.toml:1:1
          |
        1 | [train]
          | ^

        2 errors; nothing was run
        ");
    }
}
