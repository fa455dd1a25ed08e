//! Text, broken into lines.

/// The text on lines of `width` characters, broken at spaces; a longer word stands on a line of its
/// own.
#[must_use]
pub fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(String::new());
            used = 0;
        }
        let last = lines.len() - 1;
        if used > 0 {
            lines[last].push(' ');
            used += 1;
        }
        lines[last].push_str(word);
        used += length;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_folded_at_spaces() {
        assert_eq!(folded("one two three", 7), ["one two", "three"]);
        assert_eq!(folded("größer als", 6), ["größer", "als"]);
        assert_eq!(folded("a-long-word b", 4), ["a-long-word", "b"]);
        assert_eq!(folded("", 4), [""]);
    }
}
