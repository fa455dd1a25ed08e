//! Lines that fit the width of a terminal.

/// Returns the text on lines of `width` characters. It is broken where two spaces stand, else at a
/// space; a word that is longer than a line is broken where the line ends. Colours take no room.
#[must_use]
pub fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines = Lines::new(width.max(1));
    for part in text.split("  ") {
        if visible(part) <= width {
            lines.add("  ", part);
            continue;
        }
        for (i, word) in part.split(' ').enumerate() {
            lines.add(if i == 0 { "  " } else { " " }, word);
        }
    }
    lines.all
}

/// Returns the text with each line of more than `width` characters folded. What follows stands
/// below the text behind the line's label, where it has one (`  path      runs/…`), else below
/// the line's beginning.
#[must_use]
pub fn fitted(text: &str, width: usize) -> String {
    let fit = |line: &str| match visible(line) > width {
        true => hung(line, width),
        false => line.to_string(),
    };
    let lines: Vec<String> = text.split('\n').map(fit).collect();
    lines.join("\n")
}

/// Returns one line folded below the text behind its label.
fn hung(line: &str, width: usize) -> String {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let (start, margin) = match label(line, indent) {
        Some(end) if visible(&line[..end]) <= width / 2 => (end, visible(&line[..end])),
        _ => (indent, indent.min(width / 2)),
    };
    let lines = folded(&line[start..], width - margin);
    let gap = format!("\n{:margin$}", "");
    format!("{}{}", &line[..start], lines.join(&gap))
}

/// Returns where the text behind a line's label begins: after the first gap of two spaces or more.
fn label(line: &str, indent: usize) -> Option<usize> {
    let gap = indent + line[indent..].find("  ")?;
    let text = line[gap..].find(|c| c != ' ')?;
    Some(gap + text)
}

/// Returns the characters that the text takes on a terminal: all but escape sequences of colours.
fn visible(text: &str) -> usize {
    let mut escape = false;
    let shows = |c: &char| match (escape, c) {
        (false, '\x1b') => {
            escape = true;
            false
        }
        (true, c) => {
            escape = *c != 'm';
            false
        }
        _ => true,
    };
    text.chars().filter(shows).count()
}

/// Lines that grow by words.
struct Lines {
    width: usize,
    all: Vec<String>,
    /// Characters of the last line.
    used: usize,
}

impl Lines {
    fn new(width: usize) -> Self {
        let all = vec![String::new()];
        Self {
            width,
            all,
            used: 0,
        }
    }

    /// Adds words behind a gap, or without it on a line of their own.
    fn add(&mut self, gap: &str, words: &str) {
        if self.used > 0 && self.used + gap.len() + visible(words) > self.width {
            self.all.push(String::new());
            self.used = 0;
        }
        match self.used {
            0 => self.put(words.trim_start()),
            _ => self.put(&format!("{gap}{words}")),
        }
    }

    /// Appends to the last line; what is longer than a line goes on in the next one.
    fn put(&mut self, text: &str) {
        let mut rest = text;
        while visible(rest) > self.width {
            let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8());
            let fits = |end: &usize| visible(&rest[..*end]) <= self.width;
            let Some(end) = ends.take_while(fits).last() else {
                break;
            };
            self.append(&rest[..end]);
            self.all.push(String::new());
            self.used = 0;
            rest = &rest[end..];
        }
        self.append(rest);
    }

    fn append(&mut self, text: &str) {
        if let Some(last) = self.all.last_mut() {
            last.push_str(text);
            self.used += visible(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_folded_at_spaces() {
        assert_eq!(folded("one two three", 7), ["one two", "three"]);
        assert_eq!(folded("größer als", 6), ["größer", "als"]);
        assert_eq!(folded("", 4), [""]);
    }

    #[test]
    fn a_word_longer_than_a_line_is_broken_and_keeps_every_character() {
        assert_eq!(folded("a-long-word b", 4), ["a-lo", "ng-w", "ord", "b"]);
        let hash = "0123456789abcdef".repeat(4);
        assert_eq!(folded(&hash, 48).concat(), hash);
    }

    #[test]
    fn pairs_stay_together_where_two_spaces_part_them() {
        let metrics = "loss 0.5  val/loss 0.25  f1 1";
        assert_eq!(folded(metrics, 22), ["loss 0.5", "val/loss 0.25  f1 1"]);
    }

    #[test]
    fn what_follows_stands_below_the_text_behind_the_label() {
        let text = "head\n  path  one two three four five six\na sentence without a label";
        insta::assert_snapshot!(fitted(text, 20), @"
        head
          path  one two
                three four
                five six
        a sentence without a
        label
        ");
        assert_eq!(fitted(text, 80), text);
    }

    #[test]
    fn colours_take_no_room() {
        let painted = "\x1b[1mname\x1b[0m  value and more";
        assert_eq!(fitted(painted, 20), painted);
        assert_eq!(
            fitted(painted, 14),
            "\x1b[1mname\x1b[0m  value\n      and more"
        );
    }
}
