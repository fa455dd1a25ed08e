//! The JSON Schema of a whole config, for editors that complete and check while one types.

use serde_json::{Value as Schema, json};

use super::{
    extensions::Extensions,
    sections::{Section, sections},
    tables::merged,
};

/// The schema (draft 2020-12).
#[must_use]
pub fn json_schema(extensions: &Extensions) -> Schema {
    let all = sections(extensions);
    let mut root = clean(all[0].common.clone());
    root["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    root["title"] = "trainer config".into();
    let mut alone = serde_json::Map::new();
    let transform = all
        .iter()
        .find(|section| section.path == "dataset.transform")
        .map(table);
    for section in all
        .iter()
        .filter(|section| !section.path.is_empty() && !section.path.contains('.'))
    {
        let mut schema = table(section);
        if let ("dataset", Some(items)) = (section.path, &transform) {
            let about = "What happens to a sample on its way into a batch, in order.";
            let list = json!({ "type": "array", "items": items, "description": about });
            add_property(&mut schema, "transform", &list);
        }
        if section.path == "schedule" {
            schema = json!({ "type": "array", "items": schema, "description": section.about });
        }
        let mut whole = schema.clone();
        bare(&mut whole);
        alone.insert(section.path.into(), whole);
        partial(&mut schema);
        root["properties"][section.path] = schema;
    }
    // A file that builds on others may leave out what these have.
    root["if"] = json!({ "required": ["extends"] });
    root["else"] = json!({
        "required": ["model", "dataset", "optimizer", "train"],
        "properties": alone,
    });
    root
}

/// Makes every required key of a table, and of the tables in it, one that may be missing, `type`
/// too. Lists stay as they are: a file replaces them as a whole.
fn partial(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    object.remove("required");
    let is_table = |s: &Schema| s["properties"]["type"].get("const").is_some();
    let by_type = |list: &Schema| list.as_array().is_some_and(|l| l.iter().all(is_table));
    if object.get("oneOf").is_some_and(by_type)
        && let Some(alternatives) = object.remove("oneOf")
    {
        // Without a `type`, several may fit.
        object.insert("anyOf".into(), alternatives);
    }
    for key in ["anyOf", "oneOf"] {
        let alternatives = object.get_mut(key).and_then(Schema::as_array_mut);
        alternatives.into_iter().flatten().for_each(partial);
    }
    let properties = object.get_mut("properties").and_then(Schema::as_object_mut);
    for (_, property) in properties.into_iter().flatten() {
        partial(property);
    }
    if let Some(any) = object.get_mut("additionalProperties") {
        partial(any);
    }
}

/// Takes out what only people read: it stands in the schema once already.
fn bare(schema: &mut Schema) {
    match schema {
        Schema::Object(object) => {
            for word in ["description", "examples", "default", "title"] {
                object.remove(word);
            }
            for (keyword, inner) in object.iter_mut() {
                match inner.as_object_mut() {
                    Some(named) if keyword == "properties" => named.values_mut().for_each(bare),
                    _ => bare(inner),
                }
            }
        }
        Schema::Array(list) => list.iter_mut().for_each(bare),
        _ => {}
    }
}

/// One table: its components as alternatives told apart by `type`.
fn table(section: &Section) -> Schema {
    if section.kinds.is_empty() {
        return clean(section.common.clone());
    }
    let alternative = |(name, own): &(String, Schema)| {
        let mut schema = clean(merged(own, &section.common));
        schema["properties"]["type"] = json!({ "const": name });
        let mut required = schema["required"].as_array().cloned().unwrap_or_default();
        required.insert(0, "type".into());
        schema["required"] = required.into();
        schema
    };
    let names: Vec<&String> = section.kinds.iter().map(|(name, _)| name).collect();
    json!({
        "type": "object",
        "description": section.about,
        "properties": { "type": { "enum": names } },
        "required": ["type"],
        "oneOf": section.kinds.iter().map(alternative).collect::<Vec<_>>(),
    })
}

fn add_property(schema: &mut Schema, key: &str, property: &Schema) {
    if let Some(alternatives) = schema["oneOf"].as_array_mut() {
        for alternative in alternatives {
            alternative["properties"][key] = property.clone();
        }
    }
}

/// Without what only one struct's own schema needs.
fn clean(mut schema: Schema) -> Schema {
    if let Some(object) = schema.as_object_mut() {
        object.remove("$schema");
        object.remove("title");
        object.entry("additionalProperties").or_insert(false.into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every schema of a table in it, with its path; lists are left out.
    fn tables(path: &str, schema: &Schema, out: &mut Vec<(String, Schema)>) {
        out.push((path.into(), schema.clone()));
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            tables(&format!("{path}.{key}"), inner, out);
        }
        for list in [&schema["anyOf"], &schema["oneOf"]] {
            for inner in list.as_array().into_iter().flatten() {
                tables(path, inner, out);
            }
        }
        tables_of_any(path, schema, out);
    }

    fn tables_of_any(path: &str, schema: &Schema, out: &mut Vec<(String, Schema)>) {
        if schema["additionalProperties"].is_object() {
            tables(&format!("{path}.*"), &schema["additionalProperties"], out);
        }
    }

    #[test]
    fn a_file_that_extends_others_may_leave_out_every_key_of_a_table() {
        let root = json_schema(&Extensions::new());
        assert_eq!(root["if"], json!({ "required": ["extends"] }));
        let mut found = Vec::new();
        for (key, table) in root["properties"].as_object().unwrap() {
            tables(key, table, &mut found);
        }
        assert!(found.len() > 100, "{}", found.len());
        for (path, table) in &found {
            assert!(table.get("required").is_none(), "{path}: {table}");
            let by_type = table["oneOf"][0]["properties"]["type"].is_object();
            assert!(
                !by_type,
                "{path} is one of several, which a part of it may all be"
            );
        }
        // A list is replaced as a whole, so its entries are whole, too.
        let phase = &root["properties"]["schedule"]["items"];
        assert_eq!(phase["required"], json!(["type"]));
    }

    #[test]
    fn a_file_that_stands_alone_has_every_required_key() {
        let root = json_schema(&Extensions::new());
        let alone = &root["else"];
        let required = json!(["model", "dataset", "optimizer", "train"]);
        assert_eq!(alone["required"], required);
        let sgd = alone["properties"]["optimizer"]["oneOf"]
            .as_array()
            .unwrap()
            .iter()
            .find(|s| s["properties"]["type"]["const"] == "sgd")
            .unwrap();
        assert_eq!(sgd["required"], json!(["type", "lr"]));
        assert_eq!(sgd["additionalProperties"], false);
        assert_eq!(sgd["properties"]["momentum"].get("description"), None);
        let own = &root["properties"]["optimizer"]["anyOf"][0]["properties"];
        assert!(own["lr"]["description"].is_string());
    }
}
