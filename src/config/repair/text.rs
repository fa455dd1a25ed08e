//! Texts whose quotes or escapes are not those of TOML.

use super::{Repair, inner, repair};

const TEXT: &str = "a text stands in quotes";
const STRAIGHT: &str = "use straight quotes";
const ESCAPES: &str = "in double quotes `\\` begins an escape; use single quotes or `/`";
const MIXED: &str = "enclose a text in the other kind of quotes where it holds one";

/// Quotes of word processors, each with the straight one.
const QUOTES: [(char, char); 10] = [
    ('“', '"'),
    ('”', '"'),
    ('„', '"'),
    ('‟', '"'),
    ('«', '"'),
    ('»', '"'),
    ('‘', '\''),
    ('’', '\''),
    ('‚', '\''),
    ('`', '"'),
];

/// A text in quotes that need no escapes, if there are such.
pub(in crate::config) fn quoted(text: &str) -> String {
    let plain = |c: char| c != '"' && c != '\\' && !c.is_control();
    match text {
        _ if text.chars().all(plain) => format!("\"{text}\""),
        _ if !text.contains(|c: char| c == '\'' || c.is_control()) => format!("'{text}'"),
        _ => toml::Value::from(text).to_string(),
    }
}

pub(super) fn quotes(written: &str) -> Option<Repair> {
    let curly = |c: &char| QUOTES.iter().any(|(odd, _)| odd == c);
    let is_enclosed = written.starts_with(|c| curly(&c)) || written.ends_with(|c| curly(&c));
    let straight = |c: char| {
        let found = QUOTES.iter().find(|(odd, _)| *odd == c);
        found.map_or(c, |(_, straight)| *straight)
    };
    let is_list = written.starts_with(['[', '{']) && written.contains(|c| curly(&c));
    let text: String = written.chars().map(straight).collect();
    (is_enclosed || is_list).then(|| repair(STRAIGHT, inner(&text)?))?
}

/// `"C:\Users"`.
pub(super) fn escapes(written: &str) -> Option<Repair> {
    let text = written.strip_prefix('"')?.strip_suffix('"')?;
    let is_plain = text.contains('\\') && !text.contains(['"', '\'']);
    is_plain.then(|| repair(ESCAPES, format!("'{text}'")))?
}

/// A remedy for a text in double quotes whose escapes were not meant as such: a path with `\n` in
/// it. `written` is the text with its quotes.
pub(in crate::config) fn escapes_hint(key: &str, written: &str) -> Option<String> {
    let text = toml::from_str::<toml::Table>(&format!("x = {written}")).ok()?;
    let is_odd = text["x"].as_str()?.contains(char::is_control);
    let Repair { why, text } = escapes(written).filter(|_| is_odd)?;
    Some(format!("{why}: `{key} = {text}`"))
}

/// `"say "hi""`, `'it's'`, `f"x"`.
pub(super) fn mixed(written: &str) -> Option<Repair> {
    let prefixed = written.strip_prefix(['f', 'r', 'b', 'u', 'F', 'R', 'B', 'U']);
    if let Some(text) = prefixed.filter(|text| text.starts_with(['"', '\''])) {
        return repair("a text has no letter before its quotes", inner(text)?);
    }
    let open = written.chars().next().filter(|c| "\"'".contains(*c))?;
    let text = written.strip_prefix(open)?.strip_suffix(open)?;
    text.contains(open).then(|| repair(MIXED, quoted(text)))?
}

/// `"abc` and `abc"`.
pub(super) fn unclosed(written: &str) -> Option<Repair> {
    let is_quote = |c: char| "\"'".contains(c);
    let text = written.trim_matches(is_quote);
    let is_half = written.starts_with(is_quote) != written.ends_with(is_quote);
    (is_half && !text.contains(is_quote))
        .then(|| repair("a text begins and ends with a quote", quoted(text)))?
}

/// Words without quotes.
pub(super) fn word(written: &str) -> Option<Repair> {
    let is_none =
        ["none", "null", "nil", "undefined", "~"].contains(&written.to_lowercase().as_str());
    let is_open = written.starts_with(['[', '{', '(', '"', '\'', '=', '#']);
    (!is_none && !is_open).then(|| repair(TEXT, quoted(written)))?
}
