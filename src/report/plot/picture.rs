//! A plot as SVG: axes with ticks and titles, a strip with the names of the phases, dashed lines at
//! their boundaries, the curves, a legend.

use super::{
    Line, Panel, Plot, Style,
    axis::Axis,
    legend, names,
    sample::simplified,
    svg::{Area, Svg, number, text_width},
};

/// How far a curve in the picture may be from the real one, in pixels.
const TOLERANCE: f64 = 0.05;
/// Font sizes of axis titles, tick labels, and what is of minor interest.
const TITLE: f64 = 13.0;
const LABEL: f64 = 12.0;
const SMALL: f64 = 10.0;
/// Height of a row of phase names, and the gap between panels.
const STRIP: f64 = 17.0;
const PANEL_GAP: f64 = 18.0;

impl Plot {
    /// The picture. Curves are drawn to a twentieth of a pixel with as few points as that takes.
    #[must_use]
    pub fn svg(&self, style: Style) -> String {
        let (width, height) = (f64::from(style.width), f64::from(style.height));
        let mut svg = Svg::new(width, height, &self.summary());
        svg.element(
            "rect",
            &[
                ("width", "100%"),
                ("height", "100%"),
                ("fill", style.theme.ground()),
            ],
        );
        let layout = Layout::new(self, style);
        layout.title(&mut svg);
        for i in 0..self.panels.len() {
            layout.panel(&mut svg, i);
        }
        layout.horizontal(&mut svg);
        svg.finish()
    }

    /// What the picture shows, in words.
    fn summary(&self) -> String {
        let what: Vec<&str> = self.panels.iter().map(|p| p.label.as_str()).collect();
        let what = format!("{} by {}", what.join(", "), self.x.unit);
        match self.title.as_str() {
            "" => what,
            title => format!("{title}: {what}"),
        }
    }
}

/// A plot with its axes and the places of its panels.
struct Layout<'a> {
    plot: &'a Plot,
    style: Style,
    x: Axis,
    panels: Vec<Placed<'a>>,
}

/// A panel in its place.
struct Placed<'a> {
    panel: &'a Panel,
    frame: Area,
    y: Axis,
    /// Its curves in pixels.
    curves: Vec<Vec<(f64, f64)>>,
    legend: Option<Area>,
}

impl<'a> Layout<'a> {
    /// Legends go into a free corner of their panel; where one has none, all stand at the right.
    fn new(plot: &'a Plot, style: Style) -> Self {
        let inside = Self::with_margin(plot, style, 0.0);
        let fits = |p: &Placed<'_>| p.legend.is_some() || p.panel.lines.len() < 2;
        if inside.panels.iter().all(fits) {
            return inside;
        }
        let widths = plot.panels.iter().map(|p| legend::size(&p.lines).0);
        let margin = widths.fold(0.0, f64::max) + 8.0;
        let mut beside = Self::with_margin(plot, style, margin.min(f64::from(style.width) / 2.0));
        for placed in &mut beside.panels {
            let (width, height) = legend::size(&placed.panel.lines);
            placed.legend = (placed.panel.lines.len() > 1).then(|| Area {
                left: placed.frame.right() + 8.0,
                top: placed.frame.top,
                width,
                height: height.min(placed.frame.height),
            });
        }
        beside
    }

    /// The layout with `margin` pixels at the right of the panels.
    fn with_margin(plot: &'a Plot, style: Style, margin: f64) -> Self {
        let (width, height) = (f64::from(style.width), f64::from(style.height));
        let above = if plot.title.is_empty() { 12.0 } else { 34.0 };
        let second = if plot.x.second.is_some() { 36.0 } else { 0.0 };
        let top = above + second;
        let strips: Vec<f64> = plot
            .panels
            .iter()
            .map(|p| p.phases.len() as f64 * STRIP)
            .collect();
        let count = plot.panels.len().max(1) as f64;
        let used = top + 46.0 + (count - 1.0) * PANEL_GAP + strips.iter().sum::<f64>();
        let room = (height - used).max(20.0 * count);
        let each = room / count;
        let axes: Vec<Axis> = plot
            .panels
            .iter()
            .map(|panel| Axis::around(panel.range(), (each / 50.0).clamp(2.0, 6.0) as usize))
            .collect();
        let labels = axes
            .iter()
            .flat_map(|y| y.ticks.iter().map(|t| y.label(*t)));
        let widest = labels.map(|l| text_width(&l, LABEL)).fold(0.0, f64::max);
        let left = 34.0 + widest;
        let frame = |i: usize| Area {
            left,
            top: top + i as f64 * (each + PANEL_GAP) + strips[..=i].iter().sum::<f64>(),
            width: (width - left - 22.0 - margin).max(40.0),
            height: each,
        };
        let x = Axis::exact(plot.x.end, (frame(0).width / 75.0).max(2.0) as usize);
        let panels = plot.panels.iter().zip(axes).enumerate();
        let panels = panels.map(|(i, (panel, y))| Placed::new(panel, frame(i), &x, y));
        Self {
            plot,
            style,
            panels: panels.collect(),
            x,
        }
    }

    /// Where the panels begin and end, left and right, and the top of the first.
    fn frame(&self) -> Area {
        let none = Area {
            left: 0.0,
            top: 0.0,
            width: 0.0,
            height: 0.0,
        };
        self.panels.first().map_or(none, |placed| placed.frame)
    }

    fn place(&self, x: f64) -> f64 {
        let frame = self.frame();
        frame.left + self.x.share(x) * frame.width
    }

    fn title(&self, svg: &mut Svg) {
        if !self.plot.title.is_empty() {
            let frame = self.frame();
            let middle = frame.left + frame.width / 2.0;
            let look = [
                ("text-anchor", "middle"),
                ("font-size", "14"),
                ("font-weight", "bold"),
                ("fill", self.style.theme.ink()),
            ];
            svg.text((middle, 20.0), &look, &self.plot.title);
        }
    }

    /// The names of the phases above a panel, a row for each chain.
    fn strip(&self, svg: &mut Svg, placed: &Placed<'_>) {
        let (frame, theme) = (placed.frame, self.style.theme);
        let rows = &placed.panel.phases;
        svg.open("g", &[("class", "phases")]);
        for (i, row) in rows.iter().enumerate() {
            let top = frame.top - (rows.len() - i) as f64 * STRIP;
            let area = Area {
                top,
                height: STRIP,
                ..frame
            };
            svg.rect(area, &[("fill", "none"), ("stroke", theme.grid())]);
            let place = |x: f64| self.place(x) - frame.left;
            let width = |text: &str| text_width(text, SMALL) + 6.0;
            for (left, name) in names::placed(row, frame.width, place, width) {
                let at = (frame.left + left + 3.0, top + 12.0);
                let look = [("font-size", number(SMALL)), ("fill", theme.faint().into())];
                let look = look.each_ref().map(|(k, v)| (*k, v.as_str()));
                svg.text(at, &look, name);
            }
            let starts = row.spans.iter().map(|(start, ..)| *start);
            for x in starts.filter(|x| *x > 0.0 && *x < self.plot.x.end) {
                let x = self.place(x);
                svg.line((x, top), (x, top + STRIP), &[("stroke", theme.faint())]);
            }
        }
        svg.close();
    }

    fn panel(&self, svg: &mut Svg, i: usize) {
        let (placed, theme) = (&self.panels[i], self.style.theme);
        svg.open("g", &[("class", "panel")]);
        self.strip(svg, placed);
        self.grid(svg, placed);
        self.marks(svg, placed);
        let (frame, width) = (placed.frame, number(legend::STROKE));
        for (i, curve) in placed.curves.iter().enumerate() {
            let path = path(curve);
            let mut look = vec![
                ("class", "curve"),
                ("d", path.as_str()),
                ("fill", "none"),
                ("stroke", theme.curve(i)),
                ("stroke-width", &width),
                ("stroke-linejoin", "round"),
            ];
            look.extend(theme.dashes(i).map(|dashes| ("stroke-dasharray", dashes)));
            svg.element("path", &look);
        }
        svg.rect(frame, &[("fill", "none"), ("stroke", theme.ink())]);
        if let Some(area) = placed.legend {
            legend::draw(svg, area, &placed.panel.lines, theme);
        }
        svg.close();
    }

    /// The grid of a panel, and its vertical axis.
    fn grid(&self, svg: &mut Svg, placed: &Placed<'_>) {
        let (frame, theme) = (placed.frame, self.style.theme);
        for tick in &self.x.ticks {
            let x = self.place(*tick);
            svg.line(
                (x, frame.top),
                (x, frame.bottom()),
                &[("stroke", theme.grid())],
            );
        }
        for tick in &placed.y.ticks {
            let y = placed.height(*tick);
            svg.line(
                (frame.left, y),
                (frame.right(), y),
                &[("stroke", theme.grid())],
            );
            svg.line(
                (frame.left - 5.0, y),
                (frame.left, y),
                &[("stroke", theme.ink())],
            );
            let look = [
                ("class", "y-tick"),
                ("text-anchor", "end"),
                ("fill", theme.ink()),
            ];
            svg.text((frame.left - 8.0, y + 4.2), &look, &placed.y.label(*tick));
        }
        let (x, y) = (16.0, frame.top + frame.height / 2.0);
        let turn = format!("rotate(-90 {} {})", number(x), number(y));
        let size = number(TITLE);
        let look = [
            ("text-anchor", "middle"),
            ("font-size", size.as_str()),
            ("fill", theme.ink()),
            ("transform", &turn),
        ];
        svg.text((x, y), &look, &placed.panel.label);
    }

    /// Dashed lines where phases meet, with their places in words where there is room.
    fn marks(&self, svg: &mut Svg, placed: &Placed<'_>) {
        let (frame, theme) = (placed.frame, self.style.theme);
        let mut free = f64::NEG_INFINITY;
        for mark in &placed.panel.marks {
            let x = self.place(*mark);
            let look = [("stroke", theme.faint()), ("stroke-dasharray", "3 3")];
            svg.line((x, frame.top), (x, frame.bottom()), &look);
            if x < free || x + 14.0 > frame.right() {
                continue;
            }
            free = x + 14.0;
            let (at, size) = ((x + 11.0, frame.bottom() - 6.0), number(SMALL));
            let turn = format!("rotate(-90 {} {})", number(at.0), number(at.1));
            let look = [
                ("class", "mark"),
                ("font-size", size.as_str()),
                ("fill", theme.faint()),
                ("stroke", theme.ground()),
                ("stroke-width", "3"),
                ("paint-order", "stroke"),
                ("transform", &turn),
            ];
            svg.text(at, &look, &self.plot.x.name(*mark));
        }
    }

    /// The horizontal axis below the last panel, and the second one above the first.
    fn horizontal(&self, svg: &mut Svg) {
        let Some(last) = self.panels.last() else {
            return;
        };
        let bottom = last.frame.bottom();
        let names = (self.plot.x.unit.as_str(), "x-tick");
        self.ticks(svg, &self.x, (bottom, 1.0), names);
        if let Some((unit, per)) = &self.plot.x.second {
            let count = (self.frame().width / 110.0).max(2.0) as usize;
            let axis = Axis::exact((self.plot.x.end * per).round(), count);
            let strips = self.panels.first().map_or(0, |p| p.panel.phases.len());
            let top = self.frame().top - strips as f64 * STRIP;
            self.ticks(svg, &axis, (top, -1.0), (unit, "second-tick"));
        }
    }

    /// Ticks, labels and title of an axis at `y`, upwards (-1) or downwards (1).
    fn ticks(&self, svg: &mut Svg, axis: &Axis, (y, down): (f64, f64), names: (&str, &str)) {
        let (frame, ink) = (self.frame(), self.style.theme.ink());
        let below = |distance: f64, ascent: f64| {
            y + if down > 0.0 {
                distance + ascent
            } else {
                -distance
            }
        };
        for tick in &axis.ticks {
            let x = frame.left + axis.share(*tick) * frame.width;
            svg.line((x, y), (x, y + 5.0 * down), &[("stroke", ink)]);
            let look = [("class", names.1), ("text-anchor", "middle"), ("fill", ink)];
            svg.text((x, below(8.0, 9.0)), &look, &axis.label(*tick));
        }
        let (middle, size) = (frame.left + frame.width / 2.0, number(TITLE));
        let look = [
            ("text-anchor", "middle"),
            ("font-size", size.as_str()),
            ("fill", ink),
        ];
        svg.text((middle, below(23.0, 12.0)), &look, names.0);
    }
}

impl<'a> Placed<'a> {
    fn new(panel: &'a Panel, frame: Area, x: &Axis, y: Axis) -> Self {
        let mut placed = Self {
            panel,
            frame,
            y,
            curves: Vec::new(),
            legend: None,
        };
        let in_pixels = |line: &Line| {
            let points = line.points.iter().filter(|(_, y)| y.is_finite());
            let points: Vec<(f64, f64)> = points
                .map(|(at, y)| (frame.left + x.share(*at) * frame.width, placed.height(*y)))
                .collect();
            simplified(&points, TOLERANCE)
        };
        let curves: Vec<_> = panel.lines.iter().map(in_pixels).collect();
        if panel.lines.len() > 1 {
            placed.legend = legend::corner(frame, legend::size(&panel.lines), &curves);
        }
        placed.curves = curves;
        placed
    }

    fn height(&self, y: f64) -> f64 {
        self.frame.bottom() - self.y.share(y) * self.frame.height
    }
}

/// `M1 2L3 4…`; a single point is a dash of its own width.
fn path(curve: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (i, (x, y)) in curve.iter().enumerate() {
        path.push(if i == 0 { 'M' } else { 'L' });
        path.push_str(&format!("{} {}", number(*x), number(*y)));
    }
    if curve.len() == 1 {
        path.push_str("h1");
    }
    path
}
