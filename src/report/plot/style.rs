//! How a picture looks.

/// Size and colours of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// Its width in pixels of 1/96 inch.
    pub width: u32,
    /// Its height in the same.
    pub height: u32,
    /// Its colours.
    pub theme: Theme,
}

/// On which ground a picture is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// On white, for print.
    #[default]
    Light,
    /// On near-black, for slides and screens.
    Dark,
}

impl Theme {
    /// The ground.
    pub(super) fn ground(self) -> &'static str {
        match self {
            Self::Light => "#ffffff",
            Self::Dark => "#14171c",
        }
    }

    /// Axes and text.
    pub(super) fn ink(self) -> &'static str {
        match self {
            Self::Light => "#1f2328",
            Self::Dark => "#e6e8eb",
        }
    }

    /// Text and lines of minor interest.
    pub(super) fn faint(self) -> &'static str {
        match self {
            Self::Light => "#6a737d",
            Self::Dark => "#9aa4b0",
        }
    }

    /// The grid.
    pub(super) fn grid(self) -> &'static str {
        match self {
            Self::Light => "#e7eaee",
            Self::Dark => "#2a3038",
        }
    }

    /// The colour of the `i`-th curve: Okabe and Ito's, which colour-blind readers can tell apart.
    pub(super) fn curve(self, i: usize) -> &'static str {
        let colours = match self {
            Self::Light => [
                "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
            ],
            Self::Dark => [
                "#56b4e9", "#ff8b3d", "#2fd3a5", "#e79cc6", "#f0c541", "#a8d5f2",
            ],
        };
        colours[i % colours.len()]
    }

    /// The dashes of the `i`-th curve: solid until the colours have to be used again.
    pub(super) fn dashes(self, i: usize) -> Option<&'static str> {
        [None, Some("7 3"), Some("2 3"), Some("8 3 2 3")][i / 6 % 4]
    }
}
