//! A folder of runs.

use std::{
    cmp::Reverse,
    path::{MAIN_SEPARATOR, Path, PathBuf},
};

use super::{
    Reader, RunError, RunInfo, RunView,
    disk::{self, Entry},
    layout,
    lock::{self, RunLock},
};
use crate::suggest::nearest;

/// The folder that holds runs, by default `runs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The folder; it need not exist.
    pub root: PathBuf,
}

/// What a folder of runs holds.
#[derive(Debug, Default)]
pub struct Survey {
    /// Its runs, newest first, without their logs (see [`RunView::rows`]).
    pub runs: Vec<RunView>,
    /// Directories that are meant to be runs and cannot be read as such, in order of their names,
    /// with what is wrong.
    pub damaged: Vec<(PathBuf, RunError)>,
}

impl Store {
    /// The store at `root`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Its runs, newest first, without their logs (see [`RunView::rows`]).
    ///
    /// # Errors
    /// Where the folder exists and cannot be read. A directory that is no run, or whose `run.json`
    /// is damaged, is passed over (see [`survey`](Self::survey)).
    pub fn list(&self) -> Result<Vec<RunView>, RunError> {
        Ok(self.survey()?.runs)
    }

    /// Its runs, and the directories that are meant to be runs and cannot be read as such.
    ///
    /// # Errors
    /// Where the folder exists and cannot be read.
    pub fn survey(&self) -> Result<Survey, RunError> {
        let mut survey = Survey::default();
        for path in self.directories()? {
            match Reader::glance(&path) {
                Ok(view) => survey.runs.push(view),
                Err(RunError::NotARun { .. }) => {}
                Err(error) => survey.damaged.push((path, error)),
            }
        }
        let age = |view: &RunView| (view.info.created.clone(), view.path.clone());
        survey.runs.sort_by_cached_key(|view| Reverse(age(view)));
        Ok(survey)
    }

    /// The directory of one run: an id, its shortest unique prefix, a short id or the beginning of
    /// one, a name (the newest run of it), a path, or `last` or `@` for the newest run. What holds a
    /// slash is a path where a run lies there, and else a name.
    ///
    /// # Errors
    /// Where there is no such run (naming a similar one) or several (naming them).
    pub fn find(&self, wanted: &str) -> Result<PathBuf, RunError> {
        let path = Path::new(wanted);
        if wanted.contains(['/', MAIN_SEPARATOR]) || [".", ".."].contains(&wanted) {
            let Err(error) = Reader::info(path) else {
                return Ok(followed(path));
            };
            // A name may look like a path.
            let runs = self.infos()?;
            let named = runs.iter().find(|(_, info)| info.name == wanted);
            return match (named, self.unknown(wanted, &runs)) {
                (Some((path, _)), _) => Ok(path.clone()),
                (None, near @ RunError::Unknown { near: Some(_), .. }) if !path.exists() => {
                    Err(near)
                }
                _ => Err(error),
            };
        }
        let runs = self.infos()?;
        if ["last", "@"].contains(&wanted) {
            let newest = runs.into_iter().next().map(|(path, _)| path);
            return newest.ok_or_else(|| RunError::Empty {
                root: self.root.clone(),
            });
        }
        let exact = runs.iter().find(|(path, _)| id(path) == wanted);
        if let Some((path, _)) = exact.or_else(|| runs.iter().find(|(_, info)| info.name == wanted))
        {
            return Ok(path.clone());
        }
        let begins = |path: &Path| {
            id(path).starts_with(wanted) || layout::short_id(&id(path)).starts_with(wanted)
        };
        let found: Vec<&PathBuf> = runs
            .iter()
            .map(|(path, _)| path)
            .filter(|path| begins(path))
            .collect();
        match found[..] {
            [path] if !wanted.is_empty() => Ok(path.clone()),
            [] if Reader::info(path).is_ok() => Ok(followed(path)),
            [_, ..] if !wanted.is_empty() => {
                let candidates = found.iter().map(|path| id(path)).collect();
                Err(RunError::Ambiguous {
                    wanted: wanted.into(),
                    candidates,
                })
            }
            // One that is there and damaged is not unknown.
            _ => match Reader::info(&self.root.join(wanted)) {
                Err(RunError::NotARun { .. }) | Ok(_) => Err(self.unknown(wanted, &runs)),
                Err(damage) => Err(damage),
            },
        }
    }

    /// What a killed process left: directories that never became a run, and unfinished or damaged
    /// checkpoints of runs that are not running. Nothing else is ever in this list.
    ///
    /// # Errors
    /// Where a directory cannot be read.
    pub fn rubbish(&self) -> Result<Vec<PathBuf>, RunError> {
        let mut rubbish = Vec::new();
        for name in disk::folder(&self.root)? {
            let path = self.root.join(&name);
            if path.is_symlink() {
                continue;
            }
            let Ok(run) = Entry::open(&path) else {
                continue;
            };
            if lock::is_held(&run) {
                continue;
            }
            let is_run = disk::exists(&run.join(layout::RUN));
            let is_locked = disk::exists(&run.join(layout::LOCK));
            let name = name.to_string_lossy();
            let is_unborn = is_locked && (!is_run || name.starts_with(disk::TEMPORARY));
            if is_unborn || name.starts_with(layout::TRASH) {
                rubbish.push(path);
            } else if is_run {
                let checkpoints = run.join(layout::CHECKPOINTS);
                let begins = [disk::TEMPORARY, layout::TRASH, layout::DAMAGED];
                let names = disk::names(&checkpoints)?.into_iter();
                let unfinished =
                    names.filter(|name| begins.iter().any(|begin| name.starts_with(begin)));
                rubbish.extend(unfinished.map(|name| PathBuf::from(&checkpoints.join(name))));
            }
        }
        Ok(rubbish)
    }

    /// Deletes the run at `path`: by a rename that takes it out of sight at once, then deletion.
    ///
    /// # Errors
    /// Where it is no run, is a link, or is running.
    pub fn remove(&self, path: &Path) -> Result<(), RunError> {
        Reader::info(path)?;
        if path.is_symlink() {
            return Err(RunError::NotARun { path: path.into() });
        }
        let path = std::path::absolute(path).map_err(RunError::io("find", path))?;
        let _lock = RunLock::take(&Entry::open(&path)?)?;
        let trash = path.with_file_name(format!("{}{}", layout::TRASH, id(&path)));
        disk::rename_run(&path, &trash)?;
        disk::remove_run(&trash)
    }

    /// The directories in the folder that may be runs, in order of their names. A link to a directory
    /// elsewhere is one; a link to another run of this folder is only another name of it.
    fn directories(&self) -> Result<Vec<PathBuf>, RunError> {
        let folder = self.root.canonicalize().ok();
        let is_run = |path: &PathBuf| match path.symlink_metadata() {
            Ok(found) if found.is_symlink() => path
                .canonicalize()
                .is_ok_and(|target| target.is_dir() && target.parent() != folder.as_deref()),
            found => found.is_ok_and(|found| found.is_dir()),
        };
        let names = disk::folder(&self.root)?.into_iter();
        let names = names.filter(|name| !name.to_string_lossy().starts_with('.'));
        Ok(names
            .map(|name| self.root.join(name))
            .filter(is_run)
            .collect())
    }

    /// Paths and `run.json` of its runs, newest first.
    fn infos(&self) -> Result<Vec<(PathBuf, RunInfo)>, RunError> {
        let mut runs: Vec<(PathBuf, RunInfo)> = self
            .directories()?
            .into_iter()
            .filter_map(|path| Reader::info(&path).ok().map(|info| (path, info)))
            .collect();
        runs.sort_by(|(a_path, a), (b_path, b)| (&b.created, b_path).cmp(&(&a.created, a_path)));
        Ok(runs)
    }

    fn unknown(&self, wanted: &str, runs: &[(PathBuf, RunInfo)]) -> RunError {
        let names = runs
            .iter()
            .flat_map(|(path, info)| [info.name.clone(), id(path)]);
        let names: Vec<String> = names.collect();
        let near = nearest(wanted, names.iter().map(String::as_str)).map(String::from);
        RunError::Unknown {
            wanted: wanted.into(),
            root: self.root.clone(),
            near,
        }
    }
}

/// The directory that a link to a run leads to; any other path as it is.
fn followed(path: &Path) -> PathBuf {
    let target = path
        .is_symlink()
        .then(|| path.canonicalize().ok())
        .flatten();
    target.unwrap_or_else(|| path.into())
}

/// A run's directory's name. It is the id unless the user renamed the directory.
fn id(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
