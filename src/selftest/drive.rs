//! All cases, on all cores.

use std::{
    collections::BTreeMap,
    fs, io,
    path::PathBuf,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use globset::GlobMatcher;

use super::{
    Kind,
    case::Case,
    play::{Golden, Stage},
    recipe::{self, RECIPES},
};

/// What is tried, and how.
#[derive(Debug)]
pub struct Options {
    /// The program under test.
    pub program: PathBuf,
    /// An empty folder.
    pub folder: PathBuf,
    /// Seed of what is random.
    pub seed: u64,
    /// Whether faults strike at operations.
    pub crash: bool,
    /// So many random kills.
    pub kills: usize,
    /// Only cases of such names.
    pub only: Option<GlobMatcher>,
    /// So many cases at most.
    pub most: usize,
    /// No case begins after this time.
    pub time: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases that there are.
    pub cases: usize,
    /// Those that were tried, by recipe and kind.
    pub tried: BTreeMap<(Kind, &'static str), Tally>,
    /// The operations of each recipe's golden run.
    pub operations: BTreeMap<&'static str, usize>,
    /// What went wrong.
    pub failures: Vec<Failure>,
    /// How long it took.
    pub time: Duration,
}

/// Cases of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that were tried.
    pub tried: usize,
    /// Those that failed.
    pub failed: usize,
}

/// A case that failed.
#[derive(Debug)]
pub struct Failure {
    /// Its name.
    pub case: String,
    /// What is not as it should be.
    pub why: String,
}

impl Report {
    /// Cases that were tried.
    #[must_use]
    pub fn total(&self) -> usize {
        self.tried.values().map(|tally| tally.tried).sum()
    }

    fn take(&mut self, case: &Case, verdict: Result<(), String>) {
        let tally = self.tried.entry((case.kind, case.recipe.name));
        let tally = tally.or_default();
        tally.tried += 1;
        if let Err(why) = verdict {
            tally.failed += 1;
            let case = case.to_string();
            self.failures.push(Failure { case, why });
        }
    }
}

/// Tries the cases. `progress` is told how many of how many are done, and how many failed.
///
/// # Errors
/// Where nothing can be tried: a folder that cannot be written, or a program that fails without a
/// fault.
pub fn selftest(
    options: &Options,
    progress: &mut dyn FnMut(usize, usize, usize),
) -> Result<Report, String> {
    let began = Instant::now();
    let io = |error: io::Error| format!("`{}`: {error}", options.folder.display());
    recipe::write(&options.folder).map_err(io)?;
    let stage = Stage {
        program: &options.program,
        folder: &options.folder,
        seed: options.seed,
    };
    let mut goldens = BTreeMap::new();
    for recipe in RECIPES {
        let golden = stage.golden(recipe);
        let golden = golden.map_err(|why| format!("{}: {why}", recipe.name))?;
        goldens.insert(recipe.name, golden);
    }
    let all = cases(options, &goldens);
    let cases = &all[..all.len().min(options.most)];
    let mut report = Report {
        cases: all.len(),
        operations: goldens
            .iter()
            .map(|(name, golden)| (*name, golden.operations.len()))
            .collect(),
        ..Report::default()
    };
    let next = AtomicUsize::new(0);
    let (send, verdicts) = mpsc::channel();
    thread::scope(|scope| {
        let work = |send: mpsc::Sender<_>| {
            while began.elapsed() < options.time
                && let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let verdict = stage.play(case, &goldens[case.recipe.name]);
                // The other end waits until all are done.
                let _ = send.send((case, verdict));
            }
        };
        for _ in 0..thread::available_parallelism().map_or(1, Into::into) {
            let send = send.clone();
            scope.spawn(move || work(send));
        }
        drop(send);
        for (case, verdict) in verdicts {
            report.take(case, verdict);
            progress(report.total(), cases.len(), report.failures.len());
        }
    });
    report.failures.sort_by(|a, b| a.case.cmp(&b.case));
    report.time = began.elapsed();
    if report.failures.is_empty() {
        fs::remove_dir_all(&options.folder).map_err(io)?;
    }
    Ok(report)
}

/// All cases, in an order whose beginnings are spread evenly.
fn cases(options: &Options, goldens: &BTreeMap<&str, Golden>) -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, recipe) in RECIPES.into_iter().enumerate() {
        if options.crash {
            cases.extend(Case::faults(recipe, &goldens[recipe.name].operations));
        }
        let share = (options.kills + index) / RECIPES.len();
        cases.extend(Case::kills(recipe, share));
    }
    if let Some(only) = &options.only {
        cases.retain(|case| only.is_match(case.to_string()));
    }
    let seed = options.seed;
    cases.sort_by(|a, b| a.place(seed).total_cmp(&b.place(seed)));
    cases
}
