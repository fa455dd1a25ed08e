//! The value that was written, in the form of the key that takes its place.

use super::language::LANGUAGE;
use crate::config::{
    Section, aliases,
    node::{Node, Value},
    repair,
};

/// A key's line with the value that was written, where the key takes it.
pub(super) fn filled(
    line: &str,
    index: usize,
    node: Option<&Node>,
    takes: &dyn Fn(&str) -> bool,
) -> String {
    let (Some(start), Some(end)) = (line.find('<'), line.find('>')) else {
        return line.into();
    };
    let fixed = &line[start + 1..end];
    let with = |value: &str| {
        let text = format!("{}{value}{}", &line[..start], &line[end + 1..]);
        text.replace("\"1 epochs\"", "\"1 epoch\"")
            .replace("\"1 steps\"", "\"1 step\"")
    };
    let written = node.map_or(Vec::new(), |node| written(node, index, fixed));
    let lines = written.iter().map(|value| with(value));
    let is_type = line.starts_with("type = ");
    let mut fitting = lines.filter(|line| is_type || takes(line));
    fitting.next().unwrap_or_else(|| with(fixed))
}

/// A value in the forms of the one that it replaces: a number, a share, a word or a list.
fn written(node: &Node, index: usize, fixed: &str) -> Vec<String> {
    let plain = |node: &Node| node.to_toml().to_string();
    let is_list = fixed.starts_with('[');
    let node = match &node.value {
        Value::Array(items) if !is_list => items.get(index),
        _ => Some(node),
    };
    let Some(node) = node else {
        return Vec::new();
    };
    let is_word = fixed.starts_with(|c: char| c.is_alphabetic());
    match &node.value {
        Value::Integer(n) if is_list => vec![format!("[{n}]"), n.to_string()],
        Value::Array(_) if is_list => vec![plain(node)],
        Value::Float(share) if fixed.ends_with('%') => vec![repair::percent(*share)],
        Value::Integer(_) | Value::Float(_) if !is_word && !fixed.ends_with('%') => {
            vec![plain(node)]
        }
        Value::String(text) if is_word => word(text, fixed).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// A name of this language for one of another; a text that is no name stays as it is.
fn word(text: &str, fixed: &str) -> Option<String> {
    let kinds = |section: &'static Section| section.kinds.iter().map(|(name, _)| name.as_str());
    let home = LANGUAGE
        .iter()
        .find(|&section| kinds(section).any(|kind| kind == fixed));
    match home {
        Some(section) => aliases::near(text, &kinds(section).collect::<Vec<_>>()).map(String::from),
        None => Some(text.into()).filter(|text: &String| {
            !text.contains(['"', '\\']) && !text.contains(char::is_control)
        }),
    }
}
