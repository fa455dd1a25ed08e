//! The legend: in the corner that no curve goes through, else beside the panel.

use super::{
    Line, Theme,
    svg::{Area, Svg, number, text_width},
};

/// Height of an entry, and space around all of them.
const ENTRY: f64 = 17.0;
const PADDING: f64 = 7.0;
/// Length of the piece of curve before a name, and the gap after it.
const SAMPLE: f64 = 22.0;
const GAP: f64 = 7.0;
/// How far it stays away from the frame.
const MARGIN: f64 = 8.0;

/// How much room the names take.
pub(super) fn size(lines: &[Line]) -> (f64, f64) {
    let widths = lines.iter().map(|line| text_width(&line.label, 12.0));
    let widest = widths.fold(0.0, f64::max);
    let height = lines.len() as f64 * ENTRY + 2.0 * PADDING;
    (SAMPLE + GAP + widest + 2.0 * PADDING, height)
}

/// The corner of `frame` that none of the curves (in pixels) goes through.
pub(super) fn corner(
    frame: Area,
    (width, height): (f64, f64),
    curves: &[Vec<(f64, f64)>],
) -> Option<Area> {
    if width > frame.width / 2.0 || height > frame.height * 0.8 {
        return None;
    }
    let (left, right) = (frame.left + MARGIN, frame.right() - MARGIN - width);
    let (top, bottom) = (frame.top + MARGIN, frame.bottom() - MARGIN - height);
    let corners = [(right, top), (left, bottom), (left, top), (right, bottom)];
    corners
        .map(|(left, top)| Area {
            left,
            top,
            width,
            height,
        })
        .into_iter()
        .find(|area| {
            let cross = |w: &[(f64, f64)]| crosses(w[0], w[1], area);
            !curves.iter().any(|curve| curve.windows(2).any(cross))
        })
}

/// Whether a line goes through an area (Liang & Barsky 1984).
fn crosses((ax, ay): (f64, f64), (bx, by): (f64, f64), area: &Area) -> bool {
    let (dx, dy) = (bx - ax, by - ay);
    let (mut enter, mut leave) = (0.0f64, 1.0f64);
    let sides = [
        (-dx, ax - area.left),
        (dx, area.right() - ax),
        (-dy, ay - area.top),
        (dy, area.bottom() - ay),
    ];
    for (speed, room) in sides {
        if speed == 0.0 {
            if room < 0.0 {
                return false;
            }
        } else if speed < 0.0 {
            enter = enter.max(room / speed);
        } else {
            leave = leave.min(room / speed);
        }
    }
    enter <= leave
}

/// Draws it; names that its area has no room for are counted in the last line.
pub(super) fn draw(svg: &mut Svg, area: Area, lines: &[Line], theme: Theme) {
    svg.open("g", &[("class", "legend")]);
    svg.rect(
        area,
        &[
            ("fill", theme.ground()),
            ("fill-opacity", "0.85"),
            ("stroke", theme.grid()),
        ],
    );
    let room = ((area.height - 2.0 * PADDING) / ENTRY + 1e-9)
        .floor()
        .max(1.0) as usize;
    let shown = if lines.len() > room {
        room - 1
    } else {
        lines.len()
    };
    let left = area.left + PADDING;
    let middle = |i: usize| area.top + PADDING + (i as f64 + 0.5) * ENTRY;
    for (i, line) in lines.iter().take(shown).enumerate() {
        let width = number(STROKE);
        let mut look = vec![("stroke", theme.curve(i)), ("stroke-width", width.as_str())];
        look.extend(theme.dashes(i).map(|dashes| ("stroke-dasharray", dashes)));
        svg.line((left, middle(i)), (left + SAMPLE, middle(i)), &look);
        let place = (left + SAMPLE + GAP, middle(i) + 4.2);
        svg.text(place, &[("fill", theme.ink())], &line.label);
    }
    if shown < lines.len() {
        let more = format!("… and {} more", lines.len() - shown);
        svg.text(
            (left, middle(shown) + 4.2),
            &[("fill", theme.faint())],
            &more,
        );
    }
    svg.close();
}

/// How thick a curve is.
pub(super) const STROKE: f64 = 1.8;

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Area = Area {
        left: 0.0,
        top: 0.0,
        width: 400.0,
        height: 200.0,
    };

    #[test]
    fn it_stays_clear_of_the_curves() {
        let falling = vec![(0.0, 0.0), (400.0, 200.0)];
        let place = |curves: &[Vec<(f64, f64)>]| {
            corner(FRAME, (100.0, 50.0), curves).map(|area| (area.left, area.top))
        };
        assert_eq!(place(std::slice::from_ref(&falling)), Some((292.0, 8.0)));
        let rising = vec![(0.0, 200.0), (400.0, 0.0)];
        assert_eq!(place(&[falling, rising]), None);
        let high = vec![(0.0, 20.0), (400.0, 20.0)];
        assert_eq!(place(&[high]), Some((8.0, 142.0)));
        // No end of this one lies in the corner that it cuts.
        let cut = vec![(0.0, 100.0), (380.0, 20.0), (400.0, 190.0), (0.0, 150.0)];
        assert_eq!(place(&[cut]), Some((8.0, 8.0)));
    }
}
