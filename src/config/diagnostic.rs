//! Faults with their places, as a person or a program reads them.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use super::source::{Place, Sources};
pub use crate::error::Severity;

/// One fault or warning of a config.
#[derive(Debug, Clone, PartialEq)]
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
    /// hint; one after the other, with a count at the end.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut out: String = self
            .list
            .iter()
            .map(|d| self.render_one(d, &renderer))
            .collect();
        let errors = self
            .list
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .count();
        if errors > 1 {
            out.push_str(&format!("{errors} errors; nothing was run\n"));
        }
        out
    }

    fn render_one(&self, diagnostic: &Diagnostic, renderer: &Renderer) -> String {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let message = escaped(&diagnostic.message);
        let mut group = Group::with_title(level.primary_title(message));
        if let Some(place) = &diagnostic.place {
            let source = self.sources.get(place);
            let range = clip(&source.text, place);
            let snippet = Snippet::source(&source.text)
                .path(escaped(&source.name))
                .annotation(AnnotationKind::Primary.span(range));
            group = group.element(snippet);
        }
        if let Some(hint) = &diagnostic.hint {
            group = group.element(Level::HELP.with_name("hint").message(escaped(hint)));
        }
        renderer.render(&[group]) + "\n\n"
    }

    /// The findings for programs.
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
        self.list.iter().map(one).collect()
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

/// The text with its control characters written out: a value that it quotes may hold some, and a
/// message is one line.
fn escaped(text: &str) -> String {
    let escape = |c: char| match c.is_control() {
        true => c.escape_debug().to_string(),
        false => c.to_string(),
    };
    text.chars().map(escape).collect()
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
}
