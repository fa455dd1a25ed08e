//! The experiments: small ones, which together have everything that a checkpoint must bring back.

use std::{fs, io, path::Path};

/// An experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipe {
    /// Its name, and that of its config.
    pub name: &'static str,
    config: &'static str,
}

/// All of them.
pub const RECIPES: [Recipe; 5] = [
    recipe("mlp", include_str!("recipes/mlp.toml")),
    recipe("cnn", include_str!("recipes/cnn.toml")),
    recipe("gpt", include_str!("recipes/gpt.toml")),
    recipe("lstm", include_str!("recipes/lstm.toml")),
    recipe("rollback", include_str!("recipes/rollback.toml")),
];

const fn recipe(name: &'static str, config: &'static str) -> Recipe {
    Recipe { name, config }
}

impl Recipe {
    /// The name of its config.
    pub fn file(self) -> String {
        format!("{}.toml", self.name)
    }
}

/// Writes the configs and their data into `folder`.
pub fn write(folder: &Path) -> io::Result<()> {
    for recipe in RECIPES {
        fs::write(folder.join(recipe.file()), recipe.config)?;
    }
    fs::write(folder.join("table.csv"), table())?;
    fs::write(folder.join("overflow.csv"), overflow())?;
    fs::write(folder.join("text.txt"), text())
}

/// Three classes.
fn table() -> String {
    let line = |i: u32| {
        let class = ["x", "y", "z"][((i * i / 3 + i % 5) % 3) as usize];
        format!("{},{},{class}\n", i % 17, i % 5)
    };
    format!("a,b,class\n{}", (0..60).map(line).collect::<String>())
}

/// Numbers to predict. The square of one of them is not finite.
fn overflow() -> String {
    let line = |i: u32| {
        let (a, b) = (f64::from(i % 17) / 16.0, f64::from(i % 7) / 12.0);
        let y = if i == 20 { 3e30 } else { a - b / 2.0 };
        format!("{a},{b},{y}\n")
    };
    format!("a,b,y\n{}", (0..90).map(line).collect::<String>())
}

/// Letters, of which the last two tell the next.
fn text() -> String {
    let letter = |i: u32| char::from(b'a' + (i * i / 3 % 7) as u8);
    (0..400).map(letter).collect()
}
