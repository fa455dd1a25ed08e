//! Lines that are no TOML, each with a remedy.

use toml::de::DeTable;

use super::{COMMENT, LONGEST, Repair, bare_key, has_other_key, is_value, value, without_remark};

/// A remedy for a line that is no TOML, in words and with the line as it should be.
pub(in crate::config) fn line(written: &str) -> Option<String> {
    let written = written.trim().trim_start_matches('\u{feff}');
    if written.len() > LONGEST {
        return None;
    }
    let told = |why: &str, text: String| {
        DeTable::parse(&text)
            .is_ok()
            .then(|| format!("{why}: `{text}`"))
    };
    if written.starts_with("<<<<<<<")
        || written.starts_with(">>>>>>>")
        || written.starts_with("=======")
    {
        return Some("a merge left its marks here; decide for one side".into());
    }
    if let Some(rest) = ["//", "/*", "--", ";", "%"]
        .iter()
        .find_map(|mark| written.strip_prefix(mark))
    {
        let rest = rest.trim_end_matches("*/").trim();
        return told(COMMENT, format!("# {rest}"));
    }
    if written.starts_with('[') {
        return header(written);
    }
    let (key, value_text, joint) = pair(written)?;
    if value_text.is_empty() {
        return match joint {
            "=" => Some(format!("write a value, or leave `{key}` out")),
            ":" => told(
                "a table begins with its name in brackets",
                format!("[{key}]"),
            ),
            _ => None,
        };
    }
    let is_none = ["none", "null", "nil", "undefined", "~"];
    if is_none.contains(&value_text.trim_end_matches(',').to_lowercase().as_str()) {
        return Some(format!("there is no null; leave `{key}` out"));
    }
    if has_other_key(value_text) {
        return Some("each key stands on a line of its own".into());
    }
    let found = match is_value(value_text) {
        true => Repair {
            why: "`=` stands between a key and its value",
            text: value_text.into(),
        },
        false => value(value_text)?,
    };
    let why = if joint == "=" {
        found.why
    } else {
        "`=` stands between a key and its value"
    };
    told(why, format!("{key} = {}", found.text))
}

/// Key, value and what stands between them: `=`, another sign, or a space.
fn pair(written: &str) -> Option<(&str, &str, &'static str)> {
    let written = written.trim_start_matches("- ");
    let is_joint = |c: char| c == '=' || c == ':' || c.is_whitespace();
    let end = written.find(is_joint).unwrap_or(written.len());
    let key = written[..end].trim_matches(['"', '\'', '“', '”']);
    let rest = written[end..].trim_start();
    let joints = ["==", ":=", "=>", "=", ":"];
    let joint = joints.into_iter().find(|joint| rest.starts_with(joint));
    let value = rest.strip_prefix(joint.unwrap_or_default())?;
    let value = without_remark(value).trim();
    Some((bare_key(key)?, value, joint.unwrap_or(" ")))
}

/// A table's header with a bracket too few or too many, or with a key behind it.
fn header(written: &str) -> Option<String> {
    if DeTable::parse(written).is_ok() {
        return None;
    }
    let name = written.trim_start_matches('[');
    let depth = written.len() - name.len();
    let end = name.find([']', '=', '#']).unwrap_or(name.len());
    let name_text = bare_key(name[..end].trim())?;
    let rest = name[end..].trim_start_matches(']').trim();
    let closing = name[end..].len() - name[end..].trim_start_matches(']').len();
    let table = match depth.max(closing) {
        1 => format!("[{name_text}]"),
        _ => format!("[[{name_text}]]"),
    };
    if !rest.is_empty() && !rest.starts_with('#') {
        return Some(format!("`{table}` stands on a line of its own"));
    }
    Some(format!("a table's name stands between brackets: `{table}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_other_languages_are_written_as_toml() {
        let table = [
            ("lr: 0.1", "`lr = 0.1`"),
            ("  type: mlp", "`type = \"mlp\"`"),
            ("model:", "`[model]`"),
            ("- lr: .5", "`lr = 0.5`"),
            ("\"lr\": 0.1,", "`lr = 0.1`"),
            ("“lr” = 0.1", "`lr = 0.1`"),
            ("lr 0.1", "`lr = 0.1`"),
            ("lr == 0.1", "`lr = 0.1`"),
            ("lr := .1", "`lr = 0.1`"),
            ("lr => 0.1", "`lr = 0.1`"),
            ("// a remark", "`# a remark`"),
            ("[model", "`[model]`"),
            ("[[schedule]", "`[[schedule]]`"),
            (
                "[model] type = \"mlp\"",
                "`[model]` stands on a line of its own",
            ),
            ("a = ", "write a value, or leave `a` out"),
            ("a = None", "there is no null; leave `a` out"),
            ("a = 1, b = 2", "each key stands on a line of its own"),
            ("<<<<<<< HEAD", "a merge left its marks here"),
        ];
        for (written, expected) in table {
            let told = line(written).unwrap_or_default();
            assert!(told.contains(expected), "{written}: {told}");
        }
    }
}
