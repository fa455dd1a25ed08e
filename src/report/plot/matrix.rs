//! A confusion matrix as a picture: a row for each class, a column for each prediction, the darker the
//! larger the share of the class's samples.

use super::{
    Style,
    svg::{Svg, number, text_width},
};
use crate::event::Confusion;

/// Font size of titles.
const TITLE: f64 = 14.0;
/// The smallest font of names and counts; where it does not fit, there are none.
const SMALLEST: f64 = 5.0;
/// The largest.
const LARGEST: f64 = 13.0;
/// Names are cut at so many characters.
const NAME: usize = 24;

/// The picture of a matrix.
#[must_use]
pub fn matrix(confusion: &Confusion, title: &str, style: Style) -> String {
    let (width, height) = (f64::from(style.width), f64::from(style.height));
    let mut svg = Svg::new(width, height, &format!("confusion matrix: {title}"));
    let ground = style.theme.ground();
    let whole = [("width", "100%"), ("height", "100%"), ("fill", ground)];
    svg.element("rect", &whole);
    let grid = Grid::new(confusion, width, height);
    grid.titles(&mut svg, title, style);
    svg.open("g", &[("class", "cells")]);
    for (row, counts) in confusion.counts.iter().enumerate() {
        let support = counts.iter().sum::<u64>();
        for (column, count) in counts.iter().enumerate() {
            grid.cell(&mut svg, (row, column), (*count, support), style);
        }
    }
    svg.close();
    grid.names(&mut svg, &confusion.classes, style);
    grid.frame(&mut svg, style);
    svg.finish()
}

/// The places of cells and names.
struct Grid {
    left: f64,
    top: f64,
    /// Width and height of a cell.
    side: f64,
    classes: usize,
    /// The font of names; `None` where they do not fit.
    font: Option<f64>,
    /// Whether the widest count fits into a cell.
    counts: bool,
}

impl Grid {
    fn new(confusion: &Confusion, width: f64, height: f64) -> Self {
        let classes = confusion.classes.len().max(1);
        let fits = |side: f64| {
            let font = (side * 0.7).min(LARGEST);
            (font >= SMALLEST).then_some(font)
        };
        let rough = ((width - 60.0).min(height - 60.0) / classes as f64).max(0.5);
        let names = confusion.classes.iter().map(|name| shown(name));
        let widest = names.map(|name| text_width(&name, fits(rough).unwrap_or(0.0)));
        let widest = widest.fold(0.0, f64::max);
        let (left, top) = (widest + 36.0, widest.min(height / 3.0) + 62.0);
        let room = (width - left - 16.0).min(height - top - 16.0).max(10.0);
        let side = room / classes as f64;
        let font = fits(side);
        let counts = confusion.counts.iter().flatten();
        let digits = counts.max().map_or(1, |count| count.to_string().len());
        let counts = font.is_some_and(|font| digits as f64 * font * 0.62 < side * 0.94);
        Self {
            left,
            top,
            side,
            classes,
            font,
            counts,
        }
    }

    fn titles(&self, svg: &mut Svg, title: &str, style: Style) {
        let (ink, faint) = (style.theme.ink(), style.theme.faint());
        let middle = self.left + self.room() / 2.0;
        let size = number(TITLE);
        let bold = [
            ("text-anchor", "middle"),
            ("font-size", size.as_str()),
            ("font-weight", "bold"),
            ("fill", ink),
        ];
        svg.text((middle, 20.0), &bold, title);
        let plain = [
            ("text-anchor", "middle"),
            ("font-size", "12"),
            ("fill", faint),
        ];
        svg.text((middle, 38.0), &plain, "predicted");
        let y = self.top + self.room() / 2.0;
        let turn = format!("rotate(-90 16 {})", number(y));
        let turned = [&plain[..], &[("transform", turn.as_str())]].concat();
        svg.text((16.0, y), &turned, "class");
    }

    fn cell(
        &self,
        svg: &mut Svg,
        (row, column): (usize, usize),
        (count, support): (u64, u64),
        style: Style,
    ) {
        if count == 0 {
            return;
        }
        let (x, y) = self.corner(row, column);
        let share = count as f64 / support as f64;
        // Even one sample of a thousand is to be seen.
        let opacity = number(0.08 + 0.92 * share);
        let colour = style.theme.curve(usize::from(row != column));
        let (left, top, side) = (number(x), number(y), number(self.side));
        let place = [
            ("x", left.as_str()),
            ("y", top.as_str()),
            ("width", side.as_str()),
            ("height", side.as_str()),
        ];
        let look = [("fill", colour), ("fill-opacity", opacity.as_str())];
        svg.element("rect", &[&place[..], &look].concat());
        if let (true, Some(font)) = (self.counts, self.font) {
            let ink = if share > 0.6 {
                style.theme.ground()
            } else {
                style.theme.ink()
            };
            let size = number(font);
            let look = [
                ("text-anchor", "middle"),
                ("font-size", size.as_str()),
                ("fill", ink),
            ];
            let middle = (x + self.side / 2.0, y + self.side / 2.0 + font * 0.35);
            svg.text(middle, &look, &count.to_string());
        }
    }

    fn names(&self, svg: &mut Svg, classes: &[String], style: Style) {
        let Some(font) = self.font else { return };
        let (size, ink) = (number(font), style.theme.ink());
        svg.open(
            "g",
            &[("class", "names"), ("font-size", &size), ("fill", ink)],
        );
        for (i, class) in classes.iter().enumerate() {
            let name = shown(class);
            let middle = (i as f64 + 0.5) * self.side;
            let y = self.top + middle + font * 0.35;
            svg.text((self.left - 5.0, y), &[("text-anchor", "end")], &name);
            let (x, y) = (self.left + middle + font * 0.35, self.top - 5.0);
            let turn = format!("rotate(-90 {} {})", number(x), number(y));
            svg.text((x, y), &[("transform", &turn)], &name);
        }
        svg.close();
    }

    fn frame(&self, svg: &mut Svg, style: Style) {
        let (left, top, room) = (number(self.left), number(self.top), number(self.room()));
        let place = [
            ("x", left.as_str()),
            ("y", top.as_str()),
            ("width", room.as_str()),
            ("height", room.as_str()),
        ];
        let look = [("fill", "none"), ("stroke", style.theme.faint())];
        svg.element("rect", &[&place[..], &look].concat());
    }

    fn corner(&self, row: usize, column: usize) -> (f64, f64) {
        let at = |i: usize| i as f64 * self.side;
        (self.left + at(column), self.top + at(row))
    }

    fn room(&self) -> f64 {
        self.side * self.classes as f64
    }
}

/// A name, cut where it is long.
fn shown(name: &str) -> String {
    if name.chars().count() <= NAME {
        return name.into();
    }
    let start: String = name.chars().take(NAME - 1).collect();
    start + "…"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plot::{Theme, png};

    fn picture(classes: usize, theme: Theme) -> String {
        let mut counts = vec![vec![0; classes]; classes];
        for (class, row) in counts.iter_mut().enumerate() {
            row[class] = 40;
            row[(class + 1) % classes] += 2;
        }
        let name = |i: usize| format!("a <class> of the name {i}, which is long");
        let classes = (0..classes).map(name).collect();
        let confusion = Confusion { classes, counts };
        let style = Style {
            width: 640,
            height: 640,
            theme,
        };
        matrix(&confusion, "test, step 40", style)
    }

    fn count(svg: &str, tag: &str, group: &str) -> usize {
        let document = roxmltree::Document::parse(svg).unwrap();
        let mut groups = document.descendants();
        let group = groups.find(|node| node.attribute("class") == Some(group));
        let children = group.map(|group| group.children().filter(|c| c.has_tag_name(tag)).count());
        children.unwrap_or(0)
    }

    #[test]
    fn cells_names_and_counts_are_drawn_where_they_fit() {
        let small = picture(3, Theme::Light);
        assert_eq!(count(&small, "rect", "cells"), 6);
        assert_eq!(count(&small, "text", "cells"), 6);
        assert_eq!(count(&small, "text", "names"), 6);
        assert!(small.contains("a &lt;class&gt; of the name 0…"), "{small}");
        // A cell of 200 classes has no room for a number.
        let large = picture(200, Theme::Dark);
        assert_eq!(count(&large, "rect", "cells"), 400);
        assert_eq!(
            (
                count(&large, "text", "cells"),
                count(&large, "text", "names")
            ),
            (0, 0)
        );
        if cfg!(feature = "png") {
            assert!(png(&small).is_ok() && png(&large).is_ok());
        }
    }
}
