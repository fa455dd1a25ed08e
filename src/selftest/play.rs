//! One case from its first process to the verdict.

use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    case::{Case, Kind},
    child::{End, Place},
    facts::{difference, facts, litter},
    recipe::Recipe,
};
use crate::run::{Reader, is_run, verify};

/// The exit code of a process that the disk failed.
const DISK: i32 = 4;
/// A run is resumed so often at most.
const MOST: usize = 12;

/// A run without a fault.
#[derive(Debug)]
pub struct Golden {
    /// The names of its operations, in order.
    pub operations: Vec<String>,
    facts: Vec<String>,
    /// How long it took.
    pub time: Duration,
}

/// What the processes of a case have in common.
#[derive(Debug, Clone, Copy)]
pub struct Stage<'a> {
    /// The program.
    pub program: &'a Path,
    /// The folder with the configs.
    pub folder: &'a Path,
    /// Seed of what is random.
    pub seed: u64,
}

/// What stops a process on its way.
#[derive(Debug, Default)]
struct Stop {
    fault: Option<String>,
    kill: Option<Duration>,
}

impl Stage<'_> {
    /// Trains a recipe without a fault.
    ///
    /// # Errors
    /// Where that fails already.
    pub fn golden(self, recipe: Recipe) -> Result<Golden, String> {
        let folder = self.fresh(recipe.name).map_err(|e| e.to_string())?;
        let list = folder.join("operations");
        let fault = format!("list={}", list.display());
        let began = Instant::now();
        let config = self.folder.join(recipe.file());
        let end = self
            .place(&folder)
            .run(&[Path::new("run"), &config], Some(&fault), None)?;
        let time = began.elapsed();
        if end.code != Some(0) {
            return Err(format!("the run without a fault {}", told(&end)));
        }
        let run = run_in(&folder).ok_or("the run without a fault left no run")?;
        let listed = fs::read_to_string(&list).map_err(|error| error.to_string())?;
        let name = |line: &str| line.split(' ').nth(1).unwrap_or_default().to_string();
        let golden = Golden {
            operations: listed.lines().map(name).collect(),
            facts: facts(&run)?,
            time,
        };
        fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
        Ok(golden)
    }

    /// Plays a case. Its folder stays where it fails.
    ///
    /// # Errors
    /// What is not as it should be.
    pub fn play(self, case: &Case, golden: &Golden) -> Result<(), String> {
        let name = case.to_string().replace('/', "-");
        let folder = self.fresh(&name).map_err(|error| error.to_string())?;
        let mut stops = self.stops(case, golden);
        let first = stops.pop_front().unwrap_or_default();
        let began = self.start(case, &folder, first)?;
        check_end(case, &began)?;
        let mut was_killed = began.code.is_none();
        let mut is_told = began.code == Some(DISK);
        for _ in 0..MOST {
            if ended(&folder).is_some() || case.kind == Kind::Lie {
                break;
            }
            let stop = stops.pop_front();
            let may_be_killed = stop.is_some();
            let end = self.go_on(case, &folder, stop.unwrap_or_default())?;
            was_killed |= end.code.is_none();
            if !(end.code == Some(0) || end.code.is_none() && may_be_killed) {
                return Err(format!("going on with it {}", told(&end)));
            }
            is_told = false;
        }
        if !is_told || case.kind != Kind::Lie {
            judge(case, &folder, golden, was_killed)?;
        }
        fs::remove_dir_all(&folder).map_err(|error| error.to_string())
    }

    fn stops(self, case: &Case, golden: &Golden) -> VecDeque<Stop> {
        let faults = [
            case.fault(),
            case.later_fault(self.seed, golden.operations.len()),
        ];
        let faults = faults.into_iter().flatten().map(|fault| Stop {
            fault: Some(fault),
            kill: None,
        });
        let times = case.times(self.seed, golden.time).into_iter();
        let kills = times.map(|time| Stop {
            fault: None,
            kill: Some(time),
        });
        faults.chain(kills).collect()
    }

    fn start(self, case: &Case, folder: &Path, stop: Stop) -> Result<End, String> {
        let config = self.folder.join(case.recipe.file());
        let args = [Path::new("run"), &config];
        self.place(folder)
            .run(&args, stop.fault.as_deref(), stop.kill)
    }

    /// Resumes the run, or starts it anew where none came into being, and checks that it goes on
    /// from the newest checkpoint that was announced.
    fn go_on(self, case: &Case, folder: &Path, stop: Stop) -> Result<End, String> {
        let Some(run) = run_in(folder) else {
            return self.start(case, folder, stop);
        };
        let saved = announced(&run)?;
        let attempts = |run: &Path| Reader::info(run).map(|info| info.attempts);
        let before = attempts(&run).map_err(|error| error.to_string())?.len();
        let args = [Path::new("resume"), &run];
        let end = self
            .place(folder)
            .run(&args, stop.fault.as_deref(), stop.kill)?;
        let after = attempts(&run).map_err(|error| error.to_string())?;
        match after.last() {
            Some(last) if after.len() > before && last.from_step < saved => Err(format!(
                "it went on from step {}, and step {saved} was saved",
                last.from_step
            )),
            _ => Ok(end),
        }
    }

    fn place<'a>(&'a self, folder: &'a Path) -> Place<'a> {
        Place {
            program: self.program,
            folder,
        }
    }

    /// An empty folder.
    fn fresh(self, name: &str) -> io::Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(&folder)?;
        Ok(folder)
    }
}

/// Whether the first process ended as it should where this went wrong.
fn check_end(case: &Case, end: &End) -> Result<(), String> {
    let says = |errno: &str| {
        let text = match errno {
            "ENOSPC" => "no space left on device",
            "EACCES" => "permission denied",
            _ => "input/output error",
        };
        end.error()
            .is_some_and(|error| error.to_lowercase().contains(text))
    };
    let is_right = match (case.kind, end.code) {
        (_, Some(0)) => true,
        (Kind::Kill | Kind::Half | Kind::Sigkill, None) => true,
        (Kind::Fails(errno) | Kind::Lasts(errno), Some(DISK)) => says(errno),
        (Kind::Lie, Some(DISK)) => end.error().is_some(),
        _ => false,
    };
    if is_right {
        Ok(())
    } else {
        Err(format!("it {}", told(end)))
    }
}

/// Compares a run that has ended with the golden one.
fn judge(case: &Case, folder: &Path, golden: &Golden, was_killed: bool) -> Result<(), String> {
    let run = run_in(folder).ok_or("it left no run")?;
    let verified = verify(&run).map_err(|error| error.to_string());
    // Data that the disk lost is nobody's fault, as long as it is told.
    if case.kind == Kind::Lie && !verified.as_ref().is_ok_and(|found| found.is_valid()) {
        return Ok(());
    }
    let verified = verified?;
    if let Some(difference) = difference(&golden.facts, &facts(&run)?) {
        return Err(format!(
            "it differs from the run without a fault: {difference}"
        ));
    }
    if !verified.is_valid() {
        let broken = verified.checkpoints.into_iter().filter_map(|c| c.fault);
        let faults: Vec<String> = verified.faults.into_iter().chain(broken).collect();
        return Err(format!("`verify` finds: {}", faults.join("; ")));
    }
    let litter = litter(&run);
    if !litter.is_empty() {
        return Err(format!("it left {}", litter.join(", ")));
    }
    // Whoever is killed while a run comes into being leaves a directory that is none, and so does
    // who cannot delete it.
    let others = fs::read_dir(folder.join("runs")).map_or(0, Iterator::count) - 1;
    let may_be = was_killed || matches!(case.kind, Kind::Lasts(_));
    if others > 0 && !may_be {
        return Err("it left a directory that is no run".into());
    }
    Ok(())
}

/// The run in a case's folder.
fn run_in(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder.join("runs")).ok()?.flatten();
    let mut paths = entries.map(|entry| entry.path());
    paths.find(|path| is_run(path) && !is_hidden(path))
}

/// Whether it is a directory that is to become a run.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(b".")
}

/// The run, where it has ended as runs do that nothing happened to.
fn ended(folder: &Path) -> Option<PathBuf> {
    let run = run_in(folder)?;
    let status = Reader::glance(&run).ok()?.status;
    status.is_complete().then_some(run)
}

/// The step of the checkpoint that was announced last; 0 where none was.
fn announced(run: &Path) -> Result<u64, String> {
    let view = Reader::open(run).map_err(|error| error.to_string())?;
    let mut rows = view.rows.iter().rev();
    Ok(rows
        .find(|row| row.kind == "checkpoint")
        .map_or(0, |row| row.step))
}

/// How a process ended, in words.
fn told(end: &End) -> String {
    match end.code {
        None => "was killed".into(),
        Some(code) => {
            let said = end.error().unwrap_or(&end.stderr);
            format!("ended with exit code {code}: {said}")
        }
    }
}
