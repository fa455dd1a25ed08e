//! `${env:NAME}` in texts: the value goes into the run; a plan keeps the reference, never the value.

use super::{
    diagnostic::Diagnostic,
    node::{Node, Value, value_at},
};

/// Fills in `${env:NAME}` and `${env:NAME:-default}` in every text.
pub(super) fn fill_in(root: &mut Node, faults: &mut Vec<Diagnostic>) {
    root.for_each_text(&mut |node| {
        let Some(text) = node.text().filter(|text| text.contains("${env:")) else {
            return;
        };
        match substitute(text) {
            Ok((filled, recorded)) => {
                node.value = Value::String(filled);
                node.raw = recorded;
            }
            Err((message, hint)) => {
                node.is_incomplete = true;
                faults.push(Diagnostic::error(&node.place, message).hint(hint));
            }
        }
    });
}

/// The text with the environment filled in, and what a plan records of it: values that came from
/// the environment stay `${env:NAME}`. The message and the hint where that fails.
fn substitute(text: &str) -> Result<(String, Option<String>), (String, String)> {
    let (mut filled, mut recorded) = (String::new(), String::new());
    let mut used = false;
    let mut rest = text;
    while let Some(start) = rest.find("${env:") {
        let Some(length) = rest[start..].find('}') else {
            let hint = "write `${env:NAME}` or `${env:NAME:-default}`".into();
            return Err(("`${env:` is not closed".into(), hint));
        };
        filled.push_str(&rest[..start]);
        recorded.push_str(&rest[..start]);
        let inner = &rest[start + 6..start + length];
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        match (std::env::var(name), default) {
            (Ok(value), _) => {
                filled.push_str(&value);
                recorded.push_str(&format!("${{env:{name}}}"));
                used = true;
            }
            (Err(_), Some(default)) => {
                filled.push_str(default);
                recorded.push_str(default);
            }
            (Err(_), None) => {
                let hint = format!("set it, or write `${{env:{name}:-default}}`");
                return Err((
                    format!("the environment variable `{name}` is not set"),
                    hint,
                ));
            }
        }
        rest = &rest[start + length + 1..];
    }
    Ok((filled + rest, used.then(|| recorded + rest)))
}

/// A text that the environment gave a part of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FromEnv {
    /// The keys and indices on the way to it.
    path: Vec<String>,
    /// The text with `${env:NAME}` in it.
    raw: String,
    /// The text with the values in it.
    filled: String,
}

/// Every such text of a document.
pub(super) fn references(root: &Node) -> Vec<FromEnv> {
    let mut out = Vec::new();
    walk(root, &mut Vec::new(), &mut out);
    out
}

fn walk(node: &Node, path: &mut Vec<String>, out: &mut Vec<FromEnv>) {
    let children: Vec<(String, &Node)> = match &node.value {
        Value::String(filled) => {
            out.extend(node.raw.clone().map(|raw| FromEnv {
                path: path.clone(),
                raw,
                filled: filled.clone(),
            }));
            return;
        }
        Value::Array(items) => (0..).map(|i: usize| i.to_string()).zip(items).collect(),
        Value::Table(table) => table.iter().map(|(k, _, n)| (k.into(), n)).collect(),
        _ => return,
    };
    for (key, child) in children {
        path.push(key);
        walk(child, path, out);
        path.pop();
    }
}

impl FromEnv {
    /// Puts the reference where the value stands in a plan.
    pub(super) fn put_back(&self, root: &mut toml::Table) {
        let Some(value) = value_at(root, &self.path) else {
            return;
        };
        // A path that was put before the text stays.
        let before = value
            .as_str()
            .and_then(|text| text.strip_suffix(&self.filled));
        if let Some(before) = before {
            *value = format!("{before}{}", self.raw).into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_part_of_the_config_and_a_value_is_not() {
        let path = std::env::var("PATH").unwrap_or_default();
        let text = "${env:TRAINER_UNSET:-a}/${env:PATH}/b";
        let (filled, recorded) = substitute(text).unwrap();
        assert_eq!(filled, format!("a/{path}/b"));
        assert_eq!(recorded.as_deref(), Some("a/${env:PATH}/b"));
        let unused = substitute("${env:TRAINER_UNSET:-}x").unwrap();
        assert_eq!(unused, ("x".to_string(), None));
        for wrong in ["${env:TRAINER_UNSET}", "${env:PATH", "${env:}"] {
            assert!(substitute(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_reference_takes_the_place_of_its_value() {
        let text = |path: &[&str], raw: &str, filled: &str| FromEnv {
            path: path.iter().map(|part| part.to_string()).collect(),
            raw: raw.into(),
            filled: filled.into(),
        };
        let mut root: toml::Table =
            toml::from_str("tags = [\"a\", \"secret\"]\n[dataset]\n\"x.y\" = \"/here/secret/f\"")
                .unwrap();
        text(&["tags", "1"], "${env:A}", "secret").put_back(&mut root);
        text(&["dataset", "x.y"], "${env:A}/f", "secret/f").put_back(&mut root);
        text(&["gone", "key"], "${env:A}", "secret").put_back(&mut root);
        assert_eq!(
            root.to_string(),
            "tags = [\"a\", \"${env:A}\"]\n\n[dataset]\n\"x.y\" = \"/here/${env:A}/f\"\n"
        );
    }
}
