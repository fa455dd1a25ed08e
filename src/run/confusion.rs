//! `confusion.json`: how often each class was predicted as each, at the last evaluation of each split
//! and at the best one.

use std::{collections::BTreeSet, path::Path};

use serde::{Deserialize, Serialize};

use super::{
    Reader, RunError, RunInfo,
    disk::{self, Entry},
    layout,
};
use crate::event::{EvalRow, Reason};

/// The content of `confusion.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusions {
    /// Format version of the directory.
    pub format: u32,
    /// The classes' names, in the order of rows and columns.
    pub classes: Vec<String>,
    /// A matrix for each evaluation that is kept.
    pub evaluations: Vec<Evaluated>,
    /// Matrices that were the best before, oldest first, for a run that goes on from a checkpoint
    /// before the best one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Evaluated>,
}

/// The matrix of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluated {
    /// `val` or `test`.
    pub split: String,
    /// `last`, or `best` where the evaluation made the best checkpoint.
    pub of: String,
    /// Optimizer updates done.
    pub step: u64,
    /// By class, then by prediction: samples.
    pub counts: Vec<Vec<u64>>,
}

/// The name of the newest evaluation of a split.
const LAST: &str = "last";
/// The name of the evaluation with the best value.
const BEST: &str = "best";
/// Earlier best matrices that are kept, at most.
const EARLIER: usize = 8;

impl Confusions {
    /// Reads the file of the run at `path`; `None` where it has none.
    ///
    /// # Errors
    /// Where it cannot be read, or is not what it should be.
    pub fn read(path: &Path) -> Result<Option<Self>, RunError> {
        Self::of(&Entry::open(path)?)
    }

    /// Reads the file of an open run; `None` where it has none.
    pub(super) fn of(run: &Entry) -> Result<Option<Self>, RunError> {
        let file = run.join(layout::CONFUSION);
        if !disk::exists(&file) {
            return Ok(None);
        }
        let bytes = disk::read(&file, Reader::LONGEST)?;
        let found: Self =
            serde_json::from_slice(&bytes).map_err(|error| RunError::damaged(&file, error))?;
        let classes = found.classes.len();
        let square = |counts: &Vec<Vec<u64>>| {
            counts.len() == classes && counts.iter().all(|row| row.len() == classes)
        };
        let mut all = found.evaluations.iter().chain(&found.earlier);
        if !all.all(|e| square(&e.counts)) {
            let why = format!("a matrix is not {classes} by {classes}");
            return Err(RunError::damaged(&file, why));
        }
        Ok(Some(found))
    }

    /// The matrix of a split, the best one or the last one.
    #[must_use]
    pub fn find(&self, split: &str, of: &str) -> Option<&Evaluated> {
        let mut all = self.evaluations.iter();
        all.find(|found| found.split == split && found.of == of)
    }

    /// Makes a matrix the best one; the one before it is kept as an earlier one.
    fn put_best(&mut self, evaluated: Evaluated) {
        let before = self.find(&evaluated.split, BEST);
        let before = before
            .filter(|before| before.step < evaluated.step)
            .cloned();
        self.earlier.extend(before);
        let surplus = self.earlier.len().saturating_sub(EARLIER);
        self.earlier.drain(..surplus);
        self.put(evaluated);
    }

    /// Forgets what comes after a step, and the test split, which is measured after the last
    /// checkpoint. Where the best one goes, the newest of the earlier ones is the best.
    fn cut(&mut self, step: u64) {
        // Of two, the first is the later.
        let mut of = BTreeSet::new();
        self.evaluations.retain(|found| {
            found.split == "val" && found.step <= step && of.insert(found.of.clone())
        });
        let best = self.find("val", BEST).cloned();
        self.earlier
            .retain(|found| found.step <= step && Some(found) != best.as_ref());
        if best.is_none()
            && let Some(best) = self.earlier.pop()
        {
            self.put(best);
        }
    }

    fn put(&mut self, evaluated: Evaluated) {
        let Evaluated { split, of, .. } = &evaluated;
        self.evaluations
            .retain(|old| old.split != *split || old.of != *of);
        self.evaluations.push(evaluated);
        let key = |e: &Evaluated| (e.split != "val", e.of != LAST);
        self.evaluations.sort_by_key(key);
    }
}

/// Keeps the matrices of a run while it is written.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    kept: Option<Confusions>,
    /// Those of the last checkpoint.
    saved: Vec<Evaluated>,
    changed: bool,
}

impl Keeper {
    /// What an earlier attempt left, up to the step that the run goes on from. What cannot be read is
    /// written anew.
    pub fn resumed(run: &Entry, step: u64) -> Self {
        let mut kept = Confusions::of(run).ok().flatten();
        let mut changed = false;
        if let Some(kept) = &mut kept {
            let before = kept.clone();
            kept.cut(step);
            changed = *kept != before;
        }
        let mut keeper = Self {
            kept,
            changed,
            ..Self::default()
        };
        keeper.saved();
        keeper
    }

    /// Takes the matrix of an evaluation.
    pub fn take(&mut self, row: &EvalRow) {
        let Some(confusion) = &row.confusion else {
            return;
        };
        let kept = self.kept.get_or_insert_with(|| Confusions {
            format: RunInfo::FORMAT,
            classes: confusion.classes.clone(),
            evaluations: Vec::new(),
            earlier: Vec::new(),
        });
        if kept.classes != confusion.classes {
            kept.classes.clone_from(&confusion.classes);
            kept.evaluations.clear();
            kept.earlier.clear();
        }
        kept.put(Evaluated {
            split: row.split.clone(),
            of: LAST.into(),
            step: row.of_step.unwrap_or(row.step),
            counts: confusion.counts.clone(),
        });
        self.changed = true;
    }

    /// Notes that a checkpoint is made; where it is the best one, so is the evaluation of its step.
    pub fn checkpoint(&mut self, step: u64, reason: &Reason) {
        let (Reason::Best { .. }, Some(kept)) = (reason, &mut self.kept) else {
            return;
        };
        let last = kept.find("val", LAST).filter(|last| last.step == step);
        if let Some(last) = last.cloned() {
            let of = BEST.into();
            kept.put_best(Evaluated { of, ..last });
            self.changed = true;
        }
    }

    /// Puts the file in the place of the old one, where anything changed.
    pub fn write(&mut self, run: &Entry) -> Result<(), RunError> {
        match self.kept.as_ref().filter(|_| self.changed) {
            Some(kept) => replace(run, kept)?,
            None => return Ok(()),
        }
        self.changed = false;
        Ok(())
    }

    /// The same before a checkpoint is made. Until it is there a resume goes on from the one before,
    /// so the matrices of that one stay behind the new ones.
    pub fn write_ahead(&mut self, run: &Entry) -> Result<(), RunError> {
        let Some(kept) = self.kept.as_ref().filter(|_| self.changed) else {
            return Ok(());
        };
        let mut all = kept.clone();
        let old = self.saved.iter().filter(|e| !kept.evaluations.contains(e));
        all.evaluations.extend(old.cloned());
        replace(run, &all)?;
        self.changed = all.evaluations.len() != kept.evaluations.len();
        Ok(())
    }

    /// Notes that the checkpoint is there.
    pub fn saved(&mut self) {
        let kept = self.kept.as_ref();
        self.saved = kept.map_or(Vec::new(), |kept| kept.evaluations.clone());
    }
}

fn replace(run: &Entry, content: &Confusions) -> Result<(), RunError> {
    let file = run.join(layout::CONFUSION);
    let mut text = serde_json::to_vec(content).map_err(|e| RunError::damaged(&file, e))?;
    text.push(b'\n');
    disk::replace(&file, &text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::{Confusion, Metrics};

    fn row(split: &str, step: u64, hits: u64) -> EvalRow {
        EvalRow {
            step,
            epoch: 0.5,
            split: split.into(),
            metrics: Metrics::new(),
            of_step: None,
            confusion: Some(Arc::new(Confusion {
                classes: vec!["a".into(), "b".into()],
                counts: vec![vec![hits, 1], vec![0, 2]],
            })),
        }
    }

    fn best() -> Reason {
        Reason::Best {
            metric: "val/accuracy".into(),
            value: 0.5,
        }
    }

    #[test]
    fn the_last_and_the_best_of_each_split_are_kept_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let run = Entry::open(folder.path()).unwrap();
        let mut keeper = Keeper::default();
        keeper.write(&run).unwrap();
        assert_eq!(Confusions::read(folder.path()).unwrap(), None);
        for (step, hits, reason) in [(10, 3, best()), (20, 5, best()), (30, 4, Reason::Every)] {
            keeper.take(&row("val", step, hits));
            keeper.checkpoint(step, &reason);
        }
        keeper.take(&row("test", 30, 9));
        keeper.write(&run).unwrap();
        let read = Confusions::read(folder.path()).unwrap().unwrap();
        let found: Vec<_> = read
            .evaluations
            .iter()
            .map(|e| (e.split.as_str(), e.of.as_str(), e.step, e.counts[0][0]))
            .collect();
        assert_eq!(
            found,
            [
                ("val", "last", 30, 4),
                ("val", "best", 20, 5),
                ("test", "last", 30, 9)
            ]
        );
        // A resumed run knows nothing of what comes after its checkpoint.
        let resumed = Keeper::resumed(&run, 20).kept.unwrap();
        assert_eq!(resumed.evaluations.len(), 1);
        assert_eq!(resumed.find("val", "best").unwrap().step, 20);
    }

    #[test]
    fn a_run_that_goes_on_before_its_best_checkpoint_has_the_best_until_there() {
        let folder = tempfile::tempdir().unwrap();
        let run = Entry::open(folder.path()).unwrap();
        let mut keeper = Keeper::default();
        for step in 1..=12 {
            keeper.take(&row("val", step, step));
            keeper.checkpoint(step, &if step % 2 == 0 { best() } else { Reason::Every });
        }
        keeper.write(&run).unwrap();
        let best = |step| {
            let kept = Keeper::resumed(&run, step).kept.unwrap();
            kept.find("val", "best")
                .map(|best| (best.step, best.counts[0][0]))
        };
        assert_eq!(best(12), Some((12, 12)));
        assert_eq!(best(11), Some((10, 10)));
        assert_eq!(best(5), Some((4, 4)));
        assert_eq!(best(1), None);
    }

    #[test]
    fn a_checkpoint_that_was_not_made_takes_no_matrix_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let run = Entry::open(folder.path()).unwrap();
        let mut keeper = Keeper::default();
        for (step, hits) in [(10, 3), (20, 5)] {
            keeper.take(&row("val", step, hits));
            keeper.checkpoint(step, &best());
            keeper.write_ahead(&run).unwrap();
            if step == 10 {
                keeper.saved();
            }
        }
        let steps = |keeper: &Keeper| {
            let kept = keeper.kept.as_ref().unwrap();
            ["last", "best"].map(|of| kept.find("val", of).unwrap().step)
        };
        assert_eq!(steps(&Keeper::resumed(&run, 10)), [10, 10]);
        assert_eq!(steps(&Keeper::resumed(&run, 20)), [20, 20]);
        // The end of a run has no old ones.
        keeper.saved();
        keeper.write(&run).unwrap();
        let read = Confusions::read(folder.path()).unwrap().unwrap();
        assert_eq!(read.evaluations.len(), 2);
    }

    #[test]
    fn a_matrix_of_another_size_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"format":1,"classes":["a","b"],"evaluations":
            [{"split":"val","of":"last","step":1,"counts":[[1,2]]}]}"#;
        std::fs::write(folder.path().join(layout::CONFUSION), text).unwrap();
        let error = Confusions::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("a matrix is not 2 by 2"), "{error}");
    }
}
