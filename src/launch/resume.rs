//! Going on with a run where its newest valid checkpoint stands.

use std::path::Path;

use super::{
    Allow, LaunchError,
    difference::Differences,
    drive::{drive, warn},
    edit::{self, Edits},
    fanout::Fanout,
    memory::check_memory,
    recipe, samples,
    start::{Origin, Run, attempt, keep},
    trace::Trace,
};
use crate::{
    config::{Extensions, Plan},
    event::{Sink, Status},
    run::{self, Labels, Reader, Resume, ResumeMeta, Summary},
    train::{Changed, StopFlag},
};

/// How a run goes on.
#[derive(Debug, Clone, Default)]
pub struct ResumeOptions {
    /// Changes to the plan.
    pub edits: Edits,
    /// What else may differ.
    pub allow: Allow,
    /// Whether it goes on where its memory does not fit.
    pub ignore_memory: bool,
}

/// A run that can go on: it is compared with how it began, loaded and restored. Its directory is as
/// it was.
pub struct Reopened {
    found: Resume,
    /// Whether the plan takes the place of the stored one.
    is_replaced: bool,
    ready: Run,
    changes: Vec<String>,
}

/// Opens the run at `path` to go on with it.
///
/// # Errors
/// A run that is locked, complete, damaged, or changed in a way that was not allowed; or whose
/// checkpoint does not fit the plan. The run directory is then as it was.
pub fn reopen(
    path: &Path,
    extensions: &Extensions,
    options: &ResumeOptions,
) -> Result<Reopened, LaunchError> {
    let found = Resume::open(path)?;
    let id = found.info().run.clone();
    let plan_file = run::plan_path(found.path()).display().to_string();
    let (text, first) = (found.plan_text()?, found.first_plan_text()?);
    let (old, new) = edit::plans((found.path(), &first), &options.edits, extensions)?;
    let step = found.step();
    let mut differences = Differences::of(found.info().attempts.last(), &options.allow);
    let reread = differences.plan(&options.allow, (&old, &text), &found.info().plan_hash);
    let edited = edit::apply(&old, new, options.edits.schedule, step, extensions)?;
    let is_replaced = edited.is_some() || reread;
    let before = found.checkpoint_plan_text()?;
    let before = match before == text {
        true => old.clone(),
        false => edit::of_text(found.path(), before, &old.paths, extensions)?,
    };
    let (plan, mut changes) = edited.map_or((old, Vec::new()), |e| (e.plan, e.changes));
    let rules = changed(&before, &plan);
    let is_complete = Reader::glance(found.path())?.status.is_complete();
    let total = plan.length.total_steps;
    if step >= total && is_complete {
        return Err(LaunchError::Complete {
            run: id,
            steps: step,
            plan: plan_file,
        });
    }
    if step > total {
        return Err(LaunchError::Refused(format!(
            "run `{id}` has done {step} updates, more than the {total} of the new plan; hint: give it {step} or more with `--steps`, or `trainer run {plan_file} --steps {total}` for a run of that length"
        )));
    }
    let again = Origin::Again(found.info().init.as_ref());
    let origin = found.checkpoint().map_or(again, |_| Origin::Checkpoint);
    if !options.ignore_memory {
        check_memory(&plan)?;
    }
    let mut ready = Run::from_origin(&plan, origin)?;
    differences.data(&options.allow, found.info(), &ready);
    differences.refuse(&id, &plan_file)?;
    // Before the directory is touched: a state that does not fit leaves the run as it is.
    restore(&mut ready, &found, &rules)?;
    if is_complete {
        refuse_early_stop(&ready, &plan, &id)?;
    }
    changes.append(&mut differences.changes);
    Ok(Reopened {
        found,
        is_replaced,
        ready,
        changes,
    })
}

impl Reopened {
    /// Returns the plan to go on with.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.ready.plan
    }

    /// Trains on; `say` is told from which step to which before training begins.
    ///
    /// # Errors
    /// A directory that cannot be written, or training that fails.
    pub fn resume(
        self,
        watcher: &mut dyn Sink,
        stop: &StopFlag,
        say: &mut dyn FnMut(String),
    ) -> Result<Summary, LaunchError> {
        let (found, mut ready) = (self.found, self.ready);
        let step = found.step();
        let fallbacks = found.fallbacks().iter().map(ToString::to_string);
        let mut fallbacks: Vec<String> = fallbacks.collect();
        fallbacks.extend(found.log_fault()?);
        let is_over = ready.session.over().is_some();
        ready.tell(watcher)?;
        let plan = &ready.plan;
        let total = plan.length.total_steps;
        say(beginning(&found.info().run, step, total, is_over));
        let replacement = || (plan.to_toml_in(found.path()), plan.hash());
        let meta = ResumeMeta {
            attempt: attempt(&ready.opened, self.changes),
            keep: keep(plan),
            plan: self.is_replaced.then(replacement),
            labels: labels(plan),
            data_fingerprint: ready.fingerprint.clone(),
            init: ready.init.clone(),
        };
        let mut trace = Trace::new();
        let _work = stop.orderly();
        let found_checkpoint = found.checkpoint().is_some();
        let mut writer = trace.context().within(|| found.begin(&meta))?;
        trace.attach(writer.info(), writer.trace()?);
        warn(&mut Fanout(vec![&mut writer, watcher]), step, fallbacks)?;
        // Without a checkpoint the log begins again.
        let said = match found_checkpoint {
            true => Vec::new(),
            false => samples::warnings(plan),
        };
        drive(&mut ready.session, writer, trace, said, watcher, stop)
    }
}

fn labels(plan: &Plan) -> Labels {
    Labels {
        name: plan.top.name.clone(),
        tags: plan.top.tags.clone(),
        notes: (!plan.top.notes.is_empty()).then(|| plan.top.notes.clone()),
    }
}

/// Puts the run's checkpoint, where it has one, into the session, without what it remembers of
/// `changed` rules.
fn restore(ready: &mut Run, found: &Resume, changed: &Changed) -> Result<(), LaunchError> {
    let Some(checkpoint) = found.checkpoint() else {
        return Ok(());
    };
    let restored = ready.session.restore(checkpoint);
    restored.map_err(|source| LaunchError::Restore {
        run: found.info().run.clone(),
        step: checkpoint.step,
        source,
    })?;
    ready.session.forget(changed);
    if ready.session.wants_best()
        && let Ok((best, _)) = run::load_best(found.path())
    {
        ready.session.take_best(&best);
    }
    Ok(())
}

/// Returns the rules that watch another metric, or other values of it, than before.
fn changed(old: &Plan, new: &Plan) -> Changed {
    let stop = |plan| recipe::early_stop(plan).map(|rule| (rule.metric, rule.mode));
    let keys = |plan: &Plan, entry: usize, keys: &[&str]| -> Vec<_> {
        let phase = plan.schedule.get(entry);
        let value = |key: &&str| phase.and_then(|phase| phase.get(*key)).cloned();
        keys.iter().map(value).collect()
    };
    let differing = |names: &[&str]| {
        let entries = 0..old.schedule.len();
        let differs = |entry: &usize| keys(old, *entry, names) != keys(new, *entry, names);
        entries.filter(differs).collect()
    };
    Changed {
        early_stop: stop(old) != stop(new),
        best: recipe::checkpoints(old).best != recipe::checkpoints(new).best,
        metrics: differing(&["metric", "mode"]),
        phases: differing(&["type", "target", "track", "groups"]),
    }
}

/// Refuses a run that stopped early and, with the patience of this plan, would do so at once.
fn refuse_early_stop(ready: &Run, plan: &Plan, run: &str) -> Result<(), LaunchError> {
    match ready.session.over() {
        Some(Status::EarlyStopped { why }) => Err(LaunchError::EarlyStopped {
            run: run.into(),
            step: ready.session.step(),
            steps: plan.length.total_steps,
            why,
            patience: 2 * recipe::early_stop(plan).map_or(5, |rule| rule.patience.max(1)),
        }),
        _ => Ok(()),
    }
}

/// From which step to which.
fn beginning(run: &str, step: u64, total: u64, is_over: bool) -> String {
    match step {
        0 => format!("{run} reached no checkpoint: starting at step 0 of {total}"),
        _ if is_over => {
            format!("resuming {run} at step {step} of {total}: only its end is left to do")
        }
        _ => format!("resuming {run} at step {step} of {total}"),
    }
}
