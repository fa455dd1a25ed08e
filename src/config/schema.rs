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
    let transform = all
        .iter()
        .find(|section| section.path == "dataset.transform")
        .map(table);
    for section in all
        .iter()
        .filter(|section| !section.path.is_empty() && !section.path.contains('.'))
    {
        let mut schema = table(section);
        if section.path == "dataset" {
            if let Some(transform) = &transform {
                let list = json!({ "type": "array", "items": transform });
                add_property(&mut schema, "transform", &list);
            }
        }
        if section.path == "schedule" {
            schema = json!({ "type": "array", "items": schema, "description": section.about });
        }
        root["properties"][section.path] = schema;
    }
    root["required"] = json!(["model", "dataset", "optimizer", "train"]);
    root
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
