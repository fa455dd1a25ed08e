//! `trainer selftest`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use globset::Glob;
use serde_json::json;

use super::{CliError, Global, Output, args::path, run::Format};
use crate::{
    program,
    report::{Align, Cell, Ink, Table, duration},
    selftest::{self, Failure, Options, Report, Tally},
    units::counted,
};

/// Try what crashes and broken disks do to runs, on this machine with this program
///
/// Small experiments are trained again and again. Each time something goes wrong at another
/// operation on a file: the process is killed, a write is cut short or lost, the disk is full. Then
/// the run is resumed, and must end in the same bits, the same log and the same files as a run that
/// nothing happened to. Exit code 6 where one does not.
#[derive(Debug, Args)]
#[command(
    group = clap::ArgGroup::new("what").required(true).multiple(true),
    after_help = "\
Examples:
  trainer selftest --crash --minutes 60
  trainer selftest --crash --dir /mnt/disk --only 'mlp/kill@*'
  trainer selftest --kills 1000"
)]
pub struct Selftest {
    /// Let something go wrong at every operation on a file
    #[arg(long, group = "what")]
    crash: bool,
    /// Kill runs at N sets of random times
    #[arg(
        long,
        group = "what",
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true
    )]
    kills: usize,
    /// The folder to work in, on the disk to try
    #[arg(long, value_name = "DIR", default_value = ".", value_parser = path())]
    dir: PathBuf,
    /// Stop after so many minutes; the cases until then are spread evenly over all of them
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    minutes: f64,
    /// Stop after so many cases
    #[arg(long, value_name = "N")]
    cases: Option<usize>,
    /// Seed of random times, and of the order of the cases
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Only cases of this name; `*` stands for anything
    #[arg(long, value_name = "CASE")]
    only: Option<Glob>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Selftest {
    /// Tries the cases and prints what came of them.
    ///
    /// # Errors
    /// Where nothing can be tried, or a case fails.
    pub fn run(&self, _: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let folder = self.folder()?;
        let program = std::env::current_exe();
        let options = Options {
            program: program.map_err(|error| unusable(&error.to_string()))?,
            folder: folder.clone(),
            seed: self.seed,
            crash: self.crash,
            kills: self.kills,
            only: self.only.as_ref().map(Glob::compile_matcher),
            most: self.cases.unwrap_or(usize::MAX),
            time: Duration::try_from_secs_f64(self.minutes * 60.0)
                .map_err(|_| CliError::Usage("`--minutes` is a positive number".into()))?,
        };
        let mut told = 0;
        let mut progress = |done: usize, of: usize, failed: usize| {
            if done * 10 / of > told {
                told = done * 10 / of;
                out.note(&format!("{done} of {of} cases, {failed} failed"));
            }
        };
        let report = selftest::selftest(&options, &mut progress).map_err(|why| unusable(&why))?;
        match self.format {
            Format::Json => out.json(&self.object(&report))?,
            Format::Text => self.text(&report, &folder, out)?,
        }
        match report.failures.len() {
            0 if report.total() == 0 => Err(CliError::Usage(
                "no case was tried; hint: `--only 'mlp/kill@*'` names some".into(),
            )),
            0 => Ok(()),
            failed => Err(CliError::Differs(format!(
                "{} failed; hint: their files are in `{}`",
                counted(failed as u64, "case"),
                folder.display()
            ))),
        }
    }

    /// A new folder in the one that the user named.
    fn folder(&self) -> Result<PathBuf, CliError> {
        let name = format!("{}-selftest-{}", program::name(), std::process::id());
        let made = std::path::absolute(self.dir.join(name)).and_then(|folder| {
            fs::create_dir_all(&self.dir)?;
            fs::create_dir(&folder)?;
            Ok(folder)
        });
        made.map_err(|source| CliError::Write {
            path: self.dir.clone(),
            source,
        })
    }

    fn text(&self, report: &Report, folder: &Path, out: &mut Output<'_>) -> Result<(), CliError> {
        out.write(&table(report).render(out.palette()))?;
        for Failure { case, why } in &report.failures {
            let place = folder.join(case.replace('/', "-"));
            out.write(&format!(
                "\n{}: {}\n  files  {}\n  again  {}\n",
                out.palette().paint(Ink::Bad, case),
                crate::report::sanitize(why),
                place.display(),
                self.command(case)
            ))?;
        }
        let (tried, cases) = (report.total(), report.cases);
        let share = if tried == cases {
            "all"
        } else {
            "spread evenly over"
        };
        out.write(&format!(
            "\n{} in {}, {share} {cases} that there are: {}\n",
            counted(tried as u64, "case"),
            duration(report.time.as_secs_f64()),
            match report.failures.len() {
                0 => "no failure".into(),
                failed => counted(failed as u64, "failure"),
            }
        ))
    }

    fn object(&self, report: &Report) -> serde_json::Value {
        let cases = report.tried.iter().map(|((kind, name), tally)| {
            json!({
                "experiment": name, "kind": kind.to_string(),
                "tried": tally.tried, "failed": tally.failed,
            })
        });
        let failures = report.failures.iter().map(|Failure { case, why }| {
            json!({ "case": case, "why": why, "command": self.command(case) })
        });
        json!({
            "ok": report.failures.is_empty(),
            "seed": self.seed,
            "tried": report.total(),
            "of": report.cases,
            "seconds": report.time.as_secs_f64(),
            "operations": report.operations,
            "cases": cases.collect::<Vec<_>>(),
            "failures": failures.collect::<Vec<_>>(),
        })
    }

    /// The command that repeats a case.
    fn command(&self, case: &str) -> String {
        let name = program::name();
        let mode = match self.kills {
            0 => "--crash".into(),
            kills => format!("--crash --kills {kills}"),
        };
        let (seed, dir) = (self.seed, self.dir.display());
        format!("{name} selftest {mode} --seed {seed} --dir '{dir}' --only '{case}'")
    }
}

/// Nothing can be tried.
fn unusable(why: &str) -> CliError {
    CliError::Differs(format!("nothing was tried: {why}"))
}

/// A row for each kind of fault, a column for each experiment.
fn table(report: &Report) -> Table {
    let names: Vec<&str> = report.operations.keys().copied().collect();
    let titles = names.iter().map(|name| (*name, Align::Right));
    let mut table = Table::new([("fault", Align::Left)].into_iter().chain(titles));
    let kinds: BTreeSet<_> = report.tried.keys().map(|(kind, _)| *kind).collect();
    for kind in kinds {
        let cells = names.iter().map(|name| {
            cell(
                report
                    .tried
                    .get(&(kind, *name))
                    .copied()
                    .unwrap_or_default(),
            )
        });
        table.row([Cell::from(kind.to_string())].into_iter().chain(cells));
    }
    let operations = report
        .operations
        .values()
        .map(|n| Cell::from(n.to_string()));
    let title = Cell::from("operations").ink(Ink::Dim);
    table.row(
        [title]
            .into_iter()
            .chain(operations.map(|cell| cell.ink(Ink::Dim))),
    );
    table
}

fn cell(tally: Tally) -> Cell {
    match tally.failed {
        0 => Cell::from(tally.tried.to_string()),
        failed => Cell::from(format!("{} ({failed} failed)", tally.tried)).ink(Ink::Bad),
    }
}
