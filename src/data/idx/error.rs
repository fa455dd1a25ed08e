//! What can be wrong with an IDX file.

use std::fmt;

use super::foreign;
use crate::units::counted;

/// What is wrong with an IDX file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdxError {
    /// Other first bytes.
    #[error("starts with `{found}`, expected `{expected}` (unsigned bytes, dimensions: {}){}", expected[3], Hint(found, *expected), found = Hex(found), expected = Hex(expected))]
    Magic {
        /// The first bytes that are there; the message shows four.
        found: Vec<u8>,
        /// What should be there.
        expected: [u8; 4],
    },
    /// The header is cut off.
    #[error("ends in its header, after {found} of {expected} bytes")]
    Header {
        /// Bytes there are.
        found: usize,
        /// Bytes of the header.
        expected: usize,
    },
    /// A dimension of nothing, or more numbers than the file can hold, even if it is compressed.
    #[error(
        "promises {} numbers and is {} long; hint: is it cut off?",
        Dims(dims),
        counted(*.stored, "byte")
    )]
    Size {
        /// The dimensions that the header states.
        dims: Vec<u32>,
        /// The file's length in bytes.
        stored: u64,
    },
    /// Numbers are missing at the end.
    #[error("is cut off: {}, expected {expected} ({})", counted(*.found, "number"), Dims(dims))]
    Truncated {
        /// Numbers there are.
        found: u64,
        /// Numbers that the header states.
        expected: u64,
        /// The dimensions that the header states.
        dims: Vec<u32>,
    },
    /// There is more than the header says.
    #[error("goes on after its {} ({})", counted(*.expected, "number"), Dims(dims))]
    Trailing {
        /// Numbers that the header states.
        expected: u64,
        /// The dimensions that the header states.
        dims: Vec<u32>,
    },
    /// As many labels as images there should be.
    #[error("holds {found}, expected {expected} as in `{other}`")]
    Mismatch {
        /// What it holds.
        found: String,
        /// What it should hold.
        expected: String,
        /// The file that says so.
        other: String,
    },
    /// A label that is no class.
    #[error(
        "has label `{label}` at sample {index}, expected {least} to {most}; hint: `first_label` and `classes` say which labels there are"
    )]
    Label {
        /// The label.
        label: u8,
        /// The sample, from 0.
        index: usize,
        /// The label of the first class.
        least: usize,
        /// The label of the last class.
        most: usize,
    },
    /// Labels that are counted from 1.
    #[error("has labels from 1 to {most} and none is 0; hint: first_label = 1")]
    FirstLabel {
        /// The highest label.
        most: u8,
    },
    /// A label far from the others: a damaged file, more likely than a class.
    #[error(
        "has label `{label}` at sample {index}, but no label `{absent}`; hint: if the file is right, classes = {classes}"
    )]
    Gap {
        /// The label.
        label: u8,
        /// The sample, from 0.
        index: usize,
        /// The lowest label that no sample has.
        absent: u8,
        /// Classes there are if it is right.
        classes: usize,
    },
}

/// A hint about a file of other first bytes, where they tell.
struct Hint<'a>(&'a [u8], [u8; 4]);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(found, [.., wanted]) = self;
        let text = match found {
            [0, 0, 8, dimensions, ..] if dimensions != wanted => match dimensions {
                1 => "these are labels: are two files exchanged?",
                3 => "these are images: are two files exchanged?",
                _ => return Ok(()),
            },
            [0, 0, 9..=14, ..] => "only unsigned bytes are read: convert the numbers",
            _ => match foreign::hint(found) {
                Some(hint) => hint,
                None => return Ok(()),
            },
        };
        write!(f, "; hint: {text}")
    }
}

/// The first four bytes as `00 00 08 03`.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().take(4).enumerate() {
            write!(f, "{}{byte:02x}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

/// Sizes as `60000×28×28`.
struct Dims<'a>(&'a [u32]);

impl fmt::Display for Dims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, dim) in self.0.iter().enumerate() {
            write!(f, "{}{dim}", if i > 0 { "×" } else { "" })?;
        }
        Ok(())
    }
}
