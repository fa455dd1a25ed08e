//! Faults with their places, as a person or a program reads them.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use super::source::{Place, Sources};
pub use crate::error::Severity;
use crate::printable::{is_obeyed, sanitize};

/// One fault or warning of a config.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// Whether the run may start all the same.
    pub severity: Severity,
    /// The fault.
    pub message: String,
    /// Where; `None` where no text can be pointed at (a file that does not exist).
    pub place: Option<Place>,
    /// The remedy.
    pub hint: Option<String>,
}

/// Everything found in one pass over a config, with the texts that the places refer to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diagnostics {
    /// The texts.
    pub sources: Sources,
    /// The findings, in order of their places.
    pub list: Vec<Diagnostic>,
}

/// A config that is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", .0.render(false))]
pub struct ConfigError(pub Diagnostics);

impl Diagnostic {
    /// An error at a place.
    pub fn error(place: &Place, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            place: Some(place.clone()),
            hint: None,
        }
    }

    /// The same with a remedy, where there is one.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }
}

impl Diagnostics {
    /// Returns whether the config is refused.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.list.iter().any(|d| d.severity == Severity::Error)
    }

    /// The findings in rustc's form: `error: …`, `  --> file:line:column`, the text underlined, the
    /// hint; one after the other, with a count at the end. Of very many, the first ones are shown.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let (shown, left) = self.shown();
        let mut out: String = shown
            .into_iter()
            .map(|d| self.render_one(d, &renderer))
            .collect();
        if left > 0 {
            out.push_str(&format!("and {} more\n\n", grouped(left)));
        }
        let errors = self
            .list
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .count();
        if errors > 1 {
            let errors = grouped(errors);
            out.push_str(&format!("{errors} errors; nothing was run\n"));
        }
        out
    }

    /// The findings that are shown, and how many are not. Errors go before warnings.
    fn shown(&self) -> (Vec<&Diagnostic>, usize) {
        let is_error = |d: &Diagnostic| d.severity == Severity::Error;
        let errors = self
            .list
            .iter()
            .filter(|d| is_error(d))
            .count()
            .min(MOST_SHOWN);
        let (mut errors, mut warnings) = (errors, MOST_SHOWN - errors);
        let has_room = |d: &&Diagnostic| {
            let room = if is_error(d) {
                &mut errors
            } else {
                &mut warnings
            };
            let has_room = *room > 0;
            *room = room.saturating_sub(1);
            has_room
        };
        let shown: Vec<&Diagnostic> = self.list.iter().filter(has_room).collect();
        let left = self.list.len() - shown.len();
        (shown, left)
    }

    fn render_one(&self, diagnostic: &Diagnostic, renderer: &Renderer) -> String {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let message = sanitize(&diagnostic.message);
        let mut group = Group::with_title(level.primary_title(message));
        if let Some(place) = &diagnostic.place {
            let source = self.sources.get(place);
            let line = Line::of(&source.text, clip(&source.text, place));
            let snippet = Snippet::source(line.text)
                .line_start(line.number)
                .path(sanitize(&source.name))
                .annotation(AnnotationKind::Primary.span(line.range));
            group = group.element(snippet);
        }
        if let Some(hint) = &diagnostic.hint {
            group = group.element(Level::HELP.with_name("hint").message(sanitize(hint)));
        }
        renderer.render(&[group]) + "\n\n"
    }

    /// The findings for programs; of very many, the first ones and a last one that counts the others.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let one = |d: &Diagnostic| {
            let place = d.place.as_ref().map(|place| {
                let source = self.sources.get(place);
                let range = clip(&source.text, place);
                let (line, column) = self.sources.line_column(place.source, range.start);
                let (end_line, end_column) = self.sources.line_column(place.source, range.end);
                JsonPlace {
                    file: &source.name,
                    line,
                    column,
                    end_line,
                    end_column,
                }
            });
            serde_json::json!({
                "severity": d.severity, "message": d.message, "hint": d.hint, "place": place,
            })
        };
        let (shown, left) = self.shown();
        let more = (left > 0).then(|| {
            let message = format!("and {} more", grouped(left));
            let severity = shown.first().map(|d| d.severity);
            serde_json::json!({ "severity": severity, "message": message, "hint": null, "place": null })
        });
        shown.into_iter().map(one).chain(more).collect()
    }
}

#[derive(Serialize)]
struct JsonPlace<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

/// The place's first line only, inside the text: a whole table would underline pages.
fn clip(text: &str, place: &Place) -> std::ops::Range<usize> {
    let start = text.floor_char_boundary(place.range.start.min(text.len()));
    let end = text.floor_char_boundary(place.range.end.clamp(start, text.len()));
    let line = text[start..end].find('\n').map_or(end, |i| start + i);
    start..line
}

/// The line of a place, as it is shown.
struct Line {
    number: usize,
    text: String,
    /// The place in it.
    range: std::ops::Range<usize>,
}

impl Line {
    /// The line of a range of a text. Each character that a terminal would obey becomes one that it
    /// shows, so that columns stay.
    fn of(text: &str, range: std::ops::Range<usize>) -> Self {
        let start = text[..range.start].rfind('\n').map_or(0, |i| i + 1);
        let end = text[range.end..]
            .find('\n')
            .map_or(text.len(), |i| range.end + i);
        let shown = |range: std::ops::Range<usize>| -> String {
            let visible = |c: char| match c {
                '\t' => c,
                c if is_obeyed(c) => char::REPLACEMENT_CHARACTER,
                c => c,
            };
            text[range]
                .trim_end_matches('\r')
                .chars()
                .map(visible)
                .collect()
        };
        let (before, inside) = (shown(start..range.start), shown(range.clone()));
        let range_start = before.len();
        let range_end = range_start + inside.len();
        Self {
            number: text[..start].matches('\n').count() + 1,
            text: before + &inside + &shown(range.end..end),
            range: range_start..range_end,
        }
    }
}

/// Most findings that are shown: who has mended so many sees the others.
const MOST_SHOWN: usize = 50;

/// A number with its thousands grouped.
fn grouped(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1000), number % 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::source::Source, *};

    fn found(text: &str, range: std::ops::Range<usize>, message: &str) -> Diagnostics {
        let mut sources = Sources::default();
        let source = sources.add(Source {
            name: "a.toml".into(),
            text: text.into(),
            folders: vec!["".into()],
        });
        let place = Place { source, range };
        Diagnostics {
            sources,
            list: vec![Diagnostic::error(&place, message).hint("so".to_string())],
        }
    }

    #[test]
    fn only_the_first_line_is_underlined() {
        insta::assert_snapshot!(found("a = [\n1,\n]", 4..11, "no").render(false), @r"
        error: no
         --> a.toml:1:5
          |
        1 | a = [
          |     ^
          |
          = hint: so
        ");
    }

    #[test]
    fn places_outside_a_text_and_control_characters_do_no_harm() {
        let odd = found("ü", 1..99, "a \x1b[1m b");
        assert!(odd.render(false).starts_with("error: a \\u{1b}[1m b\n"));
        let torn = found("a = 1", 0..1, "cannot read `C:\new\table`");
        let first = torn.render(false).lines().next().map(String::from);
        assert_eq!(
            first.as_deref(),
            Some("error: cannot read `C:\\new\\table`")
        );
        assert_eq!(odd.to_json()[0]["place"]["column"], 1);
    }

    #[test]
    fn of_many_faults_the_first_are_shown_and_the_others_counted() {
        let mut found = found("a = 1", 0..1, "no");
        let warning = Diagnostic {
            severity: Severity::Warning,
            ..found.list[0].clone()
        };
        found.list = [vec![warning; 30], vec![found.list[0].clone(); 30_000]].concat();
        let text = found.render(false);
        assert_eq!(text.matches("error: ").count(), 50);
        assert!(text.ends_with("and 29,980 more\n\n30,000 errors; nothing was run\n"));
        let json = found.to_json();
        assert_eq!(json.as_array().map(Vec::len), Some(51));
        assert_eq!(json[50]["message"], "and 29,980 more");
    }

    #[test]
    fn a_quoted_line_steers_no_terminal_and_keeps_its_columns() {
        let odd = found("\u{202e}a\u{9b}\u{e0041} = 1\r\n", 3..4, "a\u{202e}b");
        let text = odd.render(false);
        assert!(
            text.starts_with("error: a\\u{202e}b\n --> a.toml:1:2\n"),
            "{text}"
        );
        assert!(!text.contains(|c| is_obeyed(c) && c != '\n'), "{text}");
    }
}
