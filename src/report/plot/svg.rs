//! A small writer of SVG: elements with attributes, text that is escaped, numbers of two decimals.

use std::fmt::Write as _;

/// A document as it grows.
pub(super) struct Svg {
    text: String,
    /// The elements that are open.
    open: Vec<&'static str>,
}

/// The attributes of an element, in order.
pub(super) type Attributes<'a> = &'a [(&'a str, &'a str)];

impl Svg {
    /// A document of this size that says what it shows to those who cannot see it.
    pub fn new(width: f64, height: f64, title: &str) -> Self {
        let mut svg = Self {
            text: String::new(),
            open: Vec::new(),
        };
        let (w, h) = (number(width), number(height));
        svg.open(
            "svg",
            &[
                ("xmlns", "http://www.w3.org/2000/svg"),
                ("width", &w),
                ("height", &h),
                ("viewBox", &format!("0 0 {w} {h}")),
                ("role", "img"),
                ("font-family", FONTS),
                ("font-size", "12"),
            ],
        );
        svg.leaf("title", &[], title);
        svg
    }

    /// Begins an element that holds others.
    pub fn open(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.start(name, attributes);
        self.text.push_str(">\n");
        self.open.push(name);
    }

    /// Ends the element that was begun last.
    pub fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            let _ = writeln!(self.text, "</{name}>");
        }
    }

    /// An element without content.
    pub fn element(&mut self, name: &str, attributes: Attributes<'_>) {
        self.start(name, attributes);
        self.text.push_str("/>\n");
    }

    /// An element that holds text.
    pub fn leaf(&mut self, name: &str, attributes: Attributes<'_>, content: &str) {
        self.start(name, attributes);
        let _ = writeln!(self.text, ">{}</{name}>", escaped(content));
    }

    /// Text at a place.
    pub fn text(&mut self, (x, y): (f64, f64), attributes: Attributes<'_>, content: &str) {
        let (x, y) = (number(x), number(y));
        let all = [&[("x", x.as_str()), ("y", y.as_str())], attributes].concat();
        self.leaf("text", &all, content);
    }

    /// A straight line.
    pub fn line(&mut self, (ax, ay): (f64, f64), (bx, by): (f64, f64), attributes: Attributes<'_>) {
        let ends = [("x1", ax), ("y1", ay), ("x2", bx), ("y2", by)].map(|(k, v)| (k, number(v)));
        let ends: Vec<(&str, &str)> = ends.iter().map(|(k, v)| (*k, v.as_str())).collect();
        self.element("line", &[&ends, attributes].concat());
    }

    /// A rectangle.
    pub fn rect(&mut self, area: Area, attributes: Attributes<'_>) {
        let Area {
            left,
            top,
            width,
            height,
        } = area;
        let ends = [
            ("x", left),
            ("y", top),
            ("width", width),
            ("height", height),
        ];
        let ends = ends.map(|(k, v)| (k, number(v)));
        let ends: Vec<(&str, &str)> = ends.iter().map(|(k, v)| (*k, v.as_str())).collect();
        self.element("rect", &[&ends, attributes].concat());
    }

    /// The whole document, every element ended.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }

    fn start(&mut self, name: &str, attributes: Attributes<'_>) {
        self.text.push('<');
        self.text.push_str(name);
        for (key, value) in attributes {
            let _ = write!(self.text, " {key}=\"{}\"", escaped(value));
        }
    }
}

/// What print takes first, what screens have, what this program brings along for its own pixels.
const FONTS: &str = "Helvetica, Arial, 'DejaVu Sans', sans-serif";

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    /// Its left edge.
    pub left: f64,
    /// Its upper edge.
    pub top: f64,
    /// How far it goes to the right.
    pub width: f64,
    /// How far it goes down.
    pub height: f64,
}

impl Area {
    /// Its right edge.
    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    /// Its lower edge.
    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

/// How wide a text is at a font size, about: enough for sans-serif fonts.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.6
}

/// At most two decimals: a hundredth of a pixel.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" {
        "0".into()
    } else {
        short.into()
    }
}

/// Text as XML allows it; characters that it does not allow at all are replaced.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_nest_and_text_is_escaped() {
        let mut svg = Svg::new(10.0, 5.5, "a < b & \"c\"\u{1b}");
        svg.open("g", &[("id", "x\"y")]);
        svg.text((1.0, 2.345), &[("fill", "red")], "<b>");
        svg.line((0.0, -0.001), (1.0, 2.0), &[]);
        let text = svg.finish();
        let document = roxmltree::Document::parse(&text).unwrap();
        let named = |name: &str| {
            let mut all = document.descendants();
            all.find(|node| node.has_tag_name(name)).unwrap()
        };
        assert_eq!(named("title").text(), Some("a < b & \"c\"\u{fffd}"));
        assert_eq!(named("g").attribute("id"), Some("x\"y"));
        assert_eq!(named("text").text(), Some("<b>"));
        assert_eq!(named("text").attribute("y"), Some("2.35"));
        assert_eq!(named("line").attribute("y1"), Some("0"));
        assert_eq!(named("svg").attribute("viewBox"), Some("0 0 10 5.5"));
    }
}
