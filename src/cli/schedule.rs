//! `trainer schedule`.

mod curves;
mod rows;
mod screen;
mod variants;
mod words;

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

use self::{
    rows::Rows,
    variants::{Family, Variant},
};
use super::{CliError, ConfigArgs, Global, Output, args::path};
use crate::{
    config::ScheduleView,
    printable::Printable,
    report::{
        Palette,
        plot::{Style, Theme, png},
    },
};

/// Show the learning rate (and whatever else is scheduled) exactly as a run will use it
///
/// Prints the phases with their boundaries, first, last, highest and lowest value, and the curve.
/// Several configs, or the values of `--vary`, are overlaid in one picture. `--format csv` gives every
/// update's value in full precision; update 0 is the first. `-o lr.svg` draws a picture for a paper.
#[derive(Debug, Args)]
pub struct Schedule {
    #[command(flatten)]
    config: ConfigArgs,
    /// One curve for each value, in TOML syntax, separated by commas; repeatable, for the product of
    /// the values: `--vary schedule.0.power=0.5,0.9,2`, `--vary 'schedule.0.for=5 epochs,10%'`,
    /// `--vary 'schedule.0.at=["30 epochs"],["50 epochs","80 epochs"]'`
    #[arg(long, value_name = "KEY=VALUE,…")]
    vary: Vec<String>,
    /// Output format; by default that of the ending of `--output`, else a table
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Say in words what the run will do, a sentence for each phase
    #[arg(long, conflicts_with_all = ["format", "at"])]
    explain: bool,
    /// Take this as the length of an epoch; the data is then not read
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    steps_per_epoch: Option<u64>,
    /// Only these updates, counted from 0
    #[arg(long, value_name = "STEP,…", value_delimiter = ',')]
    at: Vec<u64>,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE", value_parser = path())]
    output: Option<PathBuf>,
    /// Size of a picture in pixels of 1/96 inch; PNG has three of its own for each. Default 720x440,
    /// and 260 more in height for each further panel
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = size)]
    size: Option<(u32, u32)>,
    /// Colours of a picture: light for print, dark for slides. Default light
    #[arg(long, value_enum)]
    theme: Option<Ground>,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    /// Phases and a curve
    Table,
    /// One row an update
    Csv,
    /// Phases and values
    Json,
    /// A picture made of lines
    Svg,
    /// A picture made of pixels
    Png,
}

/// The colours of a picture.
#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(super) enum Ground {
    Light,
    Dark,
}

impl Ground {
    /// Returns the theme of pictures on this ground.
    pub(super) fn theme(self) -> Theme {
        match self {
            Self::Light => Theme::Light,
            Self::Dark => Theme::Dark,
        }
    }
}

impl Schedule {
    /// Prints or draws the schedules of every config and varied value.
    ///
    /// # Errors
    /// The faults of a config or an override, or a file that cannot be written.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let format = self.shape()?;
        let family = Family::read(&self.config, &self.vary, self.steps_per_epoch, global, out)?;
        let mut views = family.variants.iter().map(|variant| &variant.view);
        if views.any(|view| !view.schedules.reactions().is_empty()) {
            out.note("note: what follows a metric is shown as if it never acted");
        }
        let rows = Rows {
            family: &family,
            at: &self.at,
        };
        match format {
            _ if self.explain => self.say(&words::all(&family, global, out.width()), out),
            Format::Table => {
                let palette = match self.output {
                    Some(_) => Palette::PLAIN,
                    None => out.palette(),
                };
                self.say(&screen::text(&family, &self.at, out.width(), palette), out)
            }
            Format::Csv => self.stream(out, |write| rows.csv(write)),
            Format::Json => self.stream(out, |write| rows.json(&mut Printable::json(write))),
            Format::Svg => self.put(&self.picture(&family), out),
            Format::Png => {
                let pixels = png(&self.picture(&family))
                    .map_err(|error| CliError::Usage(error.to_string()))?;
                match &self.output {
                    None => out.bytes(&pixels),
                    Some(_) => self.stream(out, |write| write.write_all(&pixels)),
                }
            }
        }
    }

    /// The format that is asked for, in so many words or by the ending of the file.
    fn shape(&self) -> Result<Format, CliError> {
        let ending = self.output.as_deref().and_then(Path::extension);
        let named = ending.and_then(|e| Format::from_str(e.to_str()?, true).ok());
        let format = self.format.or(named).unwrap_or(Format::Table);
        let usage = |text: &str| Err(CliError::Usage(text.into()));
        match format {
            _ if self.explain && (self.size.is_some() || self.theme.is_some()) => {
                usage("`--explain` draws nothing; hint: leave `--size` and `--theme` out")
            }
            Format::Svg | Format::Png if !self.at.is_empty() && !self.explain => {
                usage("a picture shows all updates; hint: leave `--at` out, or take --format csv")
            }
            Format::Png if self.output.is_none() && out_is_terminal() => {
                usage("a terminal shows no PNG; hint: -o lr.png")
            }
            Format::Table | Format::Csv | Format::Json
                if self.size.is_some() || self.theme.is_some() =>
            {
                usage("`--size` and `--theme` are for pictures; hint: --format svg -o lr.svg")
            }
            format => Ok(format),
        }
    }

    fn picture(&self, family: &Family) -> String {
        let panels = curves::panels(&family.variants).max(1) as u32;
        let (width, height) = self.size.unwrap_or((720, 180 + 260 * panels));
        let theme = self.theme.map_or(Theme::Light, Ground::theme);
        // As many columns as PNG has pixels.
        let samples = curves::sampled(&family.variants, 3 * u64::from(width));
        let plot = curves::plot(&family.variants, &samples, curves::spelt);
        plot.svg(Style {
            width,
            height,
            theme,
        })
    }

    /// Writes lines for a person into the file, or to standard output.
    fn say(&self, text: &str, out: &mut Output<'_>) -> Result<(), CliError> {
        match self.output {
            Some(_) => self.put(text, out),
            None => out.lines(text),
        }
    }

    fn put(&self, text: &str, out: &mut Output<'_>) -> Result<(), CliError> {
        self.stream(out, |write| write.write_all(text.as_bytes()))
    }

    /// Sends data to the file or to standard output as it comes.
    fn stream(
        &self,
        out: &mut Output<'_>,
        write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
    ) -> Result<(), CliError> {
        let Some(path) = &self.output else {
            return out.stream(write);
        };
        let written = File::create(path).and_then(|file| {
            let mut file = BufWriter::new(file);
            write(&mut file)?;
            file.flush()
        });
        written.map_err(|source| CliError::Write {
            path: path.clone(),
            source,
        })
    }
}

/// The curves of some schedules, each under a name, in the terminal.
pub(super) fn sketch(views: Vec<(String, ScheduleView)>, width: usize, palette: Palette) -> String {
    let variant = |(label, view)| Variant {
        config: String::new(),
        values: Vec::new(),
        label,
        view,
    };
    let variants: Vec<Variant> = views.into_iter().map(variant).collect();
    let samples = curves::sampled(&variants, 2 * width as u64);
    let mut plot = curves::plot(&variants, &samples, |target| target.to_string());
    for panel in &mut plot.panels {
        panel.phases.clear();
    }
    plot.text(width, palette)
}

fn out_is_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stdout())
}

/// `720x440`.
pub(super) fn size(text: &str) -> Result<(u32, u32), String> {
    let pair = text.split_once(['x', 'X', '×']);
    let side = |side: &str| side.trim().parse().ok();
    match pair.and_then(|(w, h)| Some((side(w)?, side(h)?))) {
        Some((w, h)) if (200..=4000).contains(&w) && (150..=4000).contains(&h) => Ok((w, h)),
        Some(_) => Err("a picture has 200x150 to 4000x4000 pixels".into()),
        None => Err("not WIDTHxHEIGHT, such as 720x440".into()),
    }
}
