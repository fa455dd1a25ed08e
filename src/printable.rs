//! Text of unknown origin, made safe to print.
//!
//! Names, notes, warnings and traces come from files that others may have written. A terminal obeys
//! the escape sequences in them (moves the cursor, changes the title, hides text), and a
//! right-to-left override shows something else than is there. [`sanitize`] writes such characters
//! out instead. [`Printable`] stands between the program and its standard streams and does the same
//! for whatever nobody has sanitized before.

use std::{
    borrow::Cow,
    io::{self, Write},
};

/// The text with every character that a terminal would obey, or would not show, written as an
/// escape: `\n`, `\t`, `\u{1b}`, `\u{202e}`, … Everything else stays as it is; text without any is
/// not copied.
///
/// ```
/// use trainer::printable::sanitize;
/// assert_eq!(sanitize("digits-poly"), "digits-poly");
/// assert_eq!(sanitize("red \x1b[31m"), "red \\u{1b}[31m");
/// ```
#[must_use]
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_obeyed(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// JSON text with the characters that JSON allows raw but terminals obey (DEL, C1 controls,
/// direction marks) written as `\uXXXX`; the value that it stands for is the same.
#[must_use]
pub fn sanitize_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_raw_in_json) {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_raw_in_json(c) {
            safe.push_str(&units(c));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Returns the same TOML table with such characters in keys and texts marked, so that
/// [`sanitize_toml`] finds them after they were written.
#[must_use]
pub fn mark_toml(table: toml::Table) -> toml::Table {
    let marked = |(key, value): (String, toml::Value)| (mark(&key), mark_value(value));
    table.into_iter().map(marked).collect()
}

/// TOML text of a [`mark_toml`]ed table with the marked characters written as `\uXXXX`; the value
/// that it stands for is that of the table before.
#[must_use]
pub fn sanitize_toml(toml: &str) -> String {
    toml.replace("\\u0001", "\\")
}

fn mark_value(value: toml::Value) -> toml::Value {
    match value {
        toml::Value::String(text) => toml::Value::String(mark(&text)),
        toml::Value::Array(items) => {
            let items = items.into_iter().map(mark_value);
            toml::Value::Array(items.collect())
        }
        toml::Value::Table(table) => toml::Value::Table(mark_toml(table)),
        other => other,
    }
}

/// Puts a control character and the number of such a character in its place. The writer of TOML
/// escapes the control character, and so writes the text in double quotes, where the number becomes
/// an escape, too. A backslash that would look like a mark is treated in the same way.
fn mark(text: &str) -> String {
    let has_mark = text.contains("u0001");
    let mut marked = String::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c) {
            code if c == '\u{1}' || is_raw_in_json(c) || c == '\\' && has_mark => {
                let number = if code > 0xffff { "U000" } else { "u" };
                marked.push_str(&format!("\u{1}{number}{code:04x}"));
            }
            _ => marked.push(c),
        }
    }
    marked
}

fn is_raw_in_json(c: char) -> bool {
    c >= '\u{7f}' && is_obeyed(c)
}

/// A character as the `\uXXXX` of JSON: one, or two beyond 0xffff.
fn units(c: char) -> String {
    let mut units = [0; 2];
    let units = c.encode_utf16(&mut units).iter();
    units.map(|unit| format!("\\u{unit:04x}")).collect()
}

/// Is true of a character that a terminal acts on instead of showing it: controls, line and
/// paragraph separators, direction marks and overrides, and characters without width.
#[must_use]
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// A writer that lets nothing through that a terminal would obey, but line breaks, tabs and the
/// program's own colours.
#[derive(Debug)]
pub struct Printable<W: Write> {
    inner: W,
    form: Form,
    /// The beginning of a character whose other bytes have not come yet.
    begun: Vec<u8>,
}

/// How characters are written out.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    /// As in Rust; colours pass where the reader wants them.
    Text { colours: bool },
    /// As in JSON.
    Json,
}

impl<W: Write> Printable<W> {
    /// Text for a reader that understands `colours`, or does not.
    pub fn new(inner: W, colours: bool) -> Self {
        Self::with(inner, Form::Text { colours })
    }

    /// JSON text.
    pub fn json(inner: W) -> Self {
        Self::with(inner, Form::Json)
    }

    fn with(inner: W, form: Form) -> Self {
        let begun = Vec::new();
        Self { inner, form, begun }
    }

    /// The writer below, for bytes that are no text.
    pub fn raw(&mut self) -> &mut W {
        &mut self.inner
    }

    /// Writes whole characters.
    fn text(&mut self, text: &str) -> io::Result<()> {
        let form = self.form;
        let mut rest = text;
        while let Some(at) = rest.find(|c| form.stops(c)) {
            let (plain, tail) = rest.split_at(at);
            self.inner.write_all(plain.as_bytes())?;
            let first = tail.chars().next().unwrap_or_default();
            let length = match form.colour(tail) {
                Some(length) => {
                    self.inner.write_all(&tail.as_bytes()[..length])?;
                    length
                }
                None => {
                    self.inner.write_all(form.escape(first).as_bytes())?;
                    first.len_utf8()
                }
            };
            rest = &tail[length..];
        }
        self.inner.write_all(rest.as_bytes())
    }
}

impl Form {
    fn stops(self, c: char) -> bool {
        match self {
            Self::Text { .. } => is_obeyed(c) && c != '\n' && c != '\t',
            Self::Json => is_raw_in_json(c),
        }
    }

    fn escape(self, c: char) -> String {
        match self {
            Self::Text { .. } => c.escape_default().to_string(),
            Self::Json => units(c),
        }
    }

    /// The length of a sequence that begins a text and only changes its colour or weight; one that
    /// hides text or paints its ground is none.
    fn colour(self, text: &str) -> Option<usize> {
        if self != (Self::Text { colours: true }) {
            return None;
        }
        let inside = text.strip_prefix("\x1b[")?;
        let numbers = &inside[..inside.find(|c: char| !c.is_ascii_digit() && c != ';')?];
        let is_plain =
            |number: &str| matches!(number.parse(), Ok(0..=4 | 22..=24 | 30..=39 | 90..=97));
        let is_colour = inside[numbers.len()..].starts_with('m')
            && (numbers.is_empty() || numbers.split(';').all(is_plain));
        is_colour.then_some(2 + numbers.len() + 1)
    }
}

impl<W: Write> Write for Printable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = std::mem::take(&mut self.begun);
        let joined = match all.is_empty() {
            true => bytes,
            false => {
                all.extend(bytes);
                all.as_slice()
            }
        };
        let chunks = joined.utf8_chunks();
        let mut done = 0;
        for chunk in chunks {
            self.text(chunk.valid())?;
            done += chunk.valid().len() + chunk.invalid().len();
            let is_begun = done == joined.len()
                && std::str::from_utf8(chunk.invalid()).is_err_and(|e| e.error_len().is_none());
            match is_begun {
                true => self.begun = chunk.invalid().to_vec(),
                false => {
                    for byte in chunk.invalid() {
                        write!(self.inner, "\\x{byte:02x}")?;
                    }
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind that must not reach a terminal.
    const HOSTILE: &str = "\x1b]0;t\x07\x1b[8m\u{9b}31m\u{7f}\r\u{202e}\u{2066}\u{200e}\u{61c}\u{2028}\u{200b}\u{feff}\u{e0041}\u{ad}";

    fn printed(text: &[u8], colours: bool) -> String {
        let mut out = Printable::new(Vec::new(), colours);
        out.write_all(text).unwrap();
        String::from_utf8(out.inner).unwrap()
    }

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        assert_eq!(sanitize("\x1b]0;title\x07"), "\\u{1b}]0;title\\u{7}");
        assert_eq!(sanitize("a\nb\tc\r"), "a\\nb\\tc\\r");
        assert_eq!(sanitize("\u{9b}31m \u{202e}cod"), "\\u{9b}31m \\u{202e}cod");
        assert!(!sanitize(HOSTILE).contains(is_obeyed));
        assert!(matches!(sanitize("größer → 数字 👍"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_and_toml_keep_their_values() {
        let json = serde_json::to_string(HOSTILE).unwrap();
        let safe = sanitize_json(&json);
        assert!(!safe.contains(is_obeyed));
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), HOSTILE);
        let mut out = Printable::json(Vec::new());
        out.write_all(json.as_bytes()).unwrap();
        assert_eq!(out.inner, safe.as_bytes());

        let mut table = toml::Table::new();
        for text in [
            HOSTILE,
            "a\"\u{202e}\\",
            "\u{1}u",
            "\\u0001",
            "'\u{9b}'\n\u{e0041}",
        ] {
            table.insert(text.into(), vec![text, "plain"].into());
        }
        let safe = sanitize_toml(&toml::to_string(&mark_toml(table.clone())).unwrap());
        assert!(!safe.contains(|c| is_obeyed(c) && c != '\n'), "{safe}");
        assert_eq!(safe.parse::<toml::Table>().unwrap(), table);
    }

    #[test]
    fn only_lines_tabs_and_colours_pass() {
        let safe = printed(HOSTILE.as_bytes(), true);
        assert!(!safe.contains(is_obeyed), "{safe:?}");
        assert_eq!(
            printed(b"a\tb\n\x1b[1;31mred\x1b[0m", true),
            "a\tb\n\x1b[1;31mred\x1b[0m"
        );
        assert_eq!(printed(b"\x1b[31mred", false), "\\u{1b}[31mred");
        for hidden in ["\x1b[8m", "\x1b[1;40m", "\x1b[2K", "\x1b[", "\x1b"] {
            assert!(
                !printed(hidden.as_bytes(), true).contains('\x1b'),
                "{hidden:?}"
            );
        }
        assert_eq!(printed(b"a\xff\xe2\x80b", false), "a\\xff\\xe2\\x80b");
    }

    #[test]
    fn a_character_may_come_in_pieces() {
        let mut out = Printable::new(Vec::new(), false);
        for byte in "ü\u{202e}数".bytes() {
            out.write_all(&[byte]).unwrap();
        }
        assert_eq!(out.inner, "ü\\u{202e}数".as_bytes());
    }
}
