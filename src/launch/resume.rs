//! Going on with a run where its newest valid checkpoint stands.

use std::path::Path;

use super::{
    LaunchError,
    edit::{self, Edits},
    start::{Prepared, attempt, drive, keep, prepare},
    trace::Trace,
};
use crate::{
    config::{Extensions, Plan},
    event::{Event, Sink},
    run::{self, Resume, ResumeMeta, Summary},
    train::StopFlag,
};

/// What may differ from the run as it was begun; each is recorded.
#[derive(Debug, Clone, Default)]
pub struct Allow {
    /// Another program than the last attempt's.
    pub binary: bool,
    /// Other data.
    pub data: bool,
    /// Another class of processor.
    pub isa: bool,
}

/// How a run goes on.
#[derive(Debug, Clone, Default)]
pub struct ResumeOptions {
    /// Changes to the plan.
    pub edits: Edits,
    /// What else may differ.
    pub allow: Allow,
    /// The process's command line.
    pub argv: Vec<String>,
}

/// Resumes the run at `path`; `say` is told from which step to which before training begins.
///
/// # Errors
/// A run that is locked, complete, damaged, or changed in a way that was not allowed.
pub fn resume(
    path: &Path,
    extensions: &Extensions,
    options: &ResumeOptions,
    watcher: &mut dyn Sink,
    stop: &StopFlag,
    say: &mut dyn FnMut(String),
) -> Result<Summary, LaunchError> {
    let found = Resume::open(path)?;
    let id = found.info().run.clone();
    let old = stored_plan(found.path(), extensions)?;
    let step = found.step();
    let mut differences = binary_differences(&found, &options.allow);
    if old.hash() != found.info().plan_hash {
        let now = &old.hash()[..12];
        let was = &found.info().plan_hash;
        differences.push(format!(
            "  plan.toml: hash {} → {now}",
            was.get(..12).unwrap_or(was)
        ));
    }
    let edited = edit::apply(&old, &options.edits, step, extensions)?;
    let plan = edited.as_ref().map_or(&old, |edited| &edited.plan);
    let finished = found.path().join("summary.json").exists();
    if step >= plan.length.total_steps && finished {
        let plan = found.path().join("plan.toml").display().to_string();
        return Err(LaunchError::Complete {
            run: id,
            steps: step,
            plan,
        });
    }
    let Prepared {
        mut session,
        opened,
        fingerprint,
    } = prepare(plan)?;
    if fingerprint != found.info().data_fingerprint && !options.allow.data {
        let was = &found.info().data_fingerprint;
        let (was, now) = (was.get(..12).unwrap_or(was), &fingerprint[..12]);
        differences.push(format!("  data: content {was} → {now}"));
    }
    if !differences.is_empty() {
        let hint = "put back what changed, or allow it with --allow binary,data,isa".into();
        return Err(LaunchError::Changed {
            run: id,
            differences,
            hint,
        });
    }
    let changes = changes(&found, &options.allow, &fingerprint, &edited);
    let fallbacks: Vec<String> = found.fallbacks().iter().map(ToString::to_string).collect();
    say(match step {
        0 => format!(
            "{id} reached no checkpoint: starting at step 0 of {}",
            plan.length.total_steps
        ),
        _ => format!(
            "resuming {id} at step {step} of {}",
            plan.length.total_steps
        ),
    });
    let meta = ResumeMeta {
        attempt: attempt(&options.argv, &opened, changes),
        keep: keep(plan),
        plan: edited
            .as_ref()
            .map(|edited| (edited.plan.to_toml(), edited.plan.hash())),
    };
    let trace = Trace::new();
    let (mut writer, checkpoint) = trace.context().within(|| found.begin(&meta))?;
    if let Some(checkpoint) = &checkpoint {
        session.restore(checkpoint)?;
    }
    for message in fallbacks {
        let event = Event::Warning { step, message };
        writer
            .event(&event)
            .map_err(crate::train::TrainError::from)?;
        watcher
            .event(&event)
            .map_err(crate::train::TrainError::from)?;
    }
    drive(&mut session, writer, trace, watcher, stop)
}

/// The plan that a run directory holds.
///
/// # Errors
/// Where it is missing or no longer resolves.
pub fn stored_plan(run: &Path, extensions: &Extensions) -> Result<Plan, LaunchError> {
    Ok(Plan::load(
        &run.join("plan.toml"),
        &Default::default(),
        extensions,
    )?)
}

/// What differs in the program and the processor, and was not allowed to.
fn binary_differences(found: &Resume, allow: &Allow) -> Vec<String> {
    let mut differences = Vec::new();
    let Some(last) = found.info().attempts.last() else {
        return differences;
    };
    let (was, now) = (last.binary.id(), run::binary().id());
    if was != now && !allow.binary {
        differences.push(format!("  program: {was} → {now}"));
    }
    let now = run::isa_class();
    if last.isa != now && !allow.isa {
        differences.push(format!("  instruction sets: {} → {now}", last.isa));
    }
    differences
}

/// What was allowed to differ and does, a sentence each.
fn changes(
    found: &Resume,
    allow: &Allow,
    fingerprint: &str,
    edited: &Option<edit::Edited>,
) -> Vec<String> {
    let mut changes = edited
        .as_ref()
        .map_or(Vec::new(), |edited| edited.changes.clone());
    if let Some(last) = found.info().attempts.last() {
        let (was, now) = (last.binary.id(), run::binary().id());
        if allow.binary && was != now {
            changes.push(format!("program: {was} → {now}"));
        }
        let now = run::isa_class();
        if allow.isa && last.isa != now {
            changes.push(format!("instruction sets: {} → {now}", last.isa));
        }
    }
    if allow.data && fingerprint != found.info().data_fingerprint {
        changes.push(format!(
            "data: content {} → {fingerprint}",
            found.info().data_fingerprint
        ));
    }
    changes
}
