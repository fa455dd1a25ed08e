//! Text of unknown origin, made safe to print.
//!
//! Names, notes, warnings and traces come from files that others may have written. A terminal would
//! obey the escape sequences in them (move the cursor, change the title, hide text), and a
//! right-to-left override would show something else than is there. [`sanitize`] writes such
//! characters out instead.

use std::borrow::Cow;

/// The text with every character that a terminal would obey written as an escape: `\n`, `\t`,
/// `\u{1b}`, `\u{202e}`, … Everything else stays as it is; text without any is not copied.
///
/// ```
/// use trainer::report::sanitize;
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
    let raw = |c: char| is_obeyed(c) && c >= '\u{7f}';
    if !json.contains(raw) {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if raw(c) {
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Whether a terminal acts on the character instead of showing it: C0 and C1 controls, line and
/// paragraph separators, direction marks and overrides.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        assert_eq!(sanitize("\x1b]0;title\x07"), "\\u{1b}]0;title\\u{7}");
        assert_eq!(sanitize("a\nb\tc\r"), "a\\nb\\tc\\r");
        assert_eq!(sanitize("\u{9b}31m \u{202e}cod"), "\\u{9b}31m \\u{202e}cod");
        assert!(matches!(sanitize("größer → 数字"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_keeps_its_value() -> Result<(), serde_json::Error> {
        let json = serde_json::to_string("\u{1b}[1m\u{9b}\u{7f}\u{202e}é")?;
        let safe = sanitize_json(&json);
        assert!(!safe.contains(is_obeyed));
        assert_eq!(
            serde_json::from_str::<String>(&safe)?,
            serde_json::from_str::<String>(&json)?
        );
        Ok(())
    }
}
