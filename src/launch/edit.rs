//! Changes to the plan of a run that goes on: which are allowed, and what they mean for the
//! schedule. Every mode ends in a plan that says by itself what is done, so that it can be stored.

use std::{collections::BTreeSet, path::Path};

use toml::{Table, Value};

use super::LaunchError;
use crate::{
    config::{Extensions, Overrides, PathKey, Plan, Spec},
    run::{Reader, plan_path},
};

/// What is asked to change.
#[derive(Debug, Clone, Default)]
pub struct Edits {
    /// `--set`, `--epochs` and the like, laid over the stored plan.
    pub overrides: Overrides,
    /// A config that takes the stored plan's place, before the overrides.
    pub config: Option<std::path::PathBuf>,
    /// Labels to add.
    pub tags: Vec<String>,
    /// What the schedule does.
    pub schedule: Option<ScheduleMode>,
}

impl Edits {
    /// Is true where nothing is asked to change.
    fn is_empty(&self) -> bool {
        self.overrides.is_empty() && self.config.is_none() && self.tags.is_empty()
    }
}

/// What the schedule does where the plan changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleMode {
    /// The new plan's curve, evaluated at the step reached.
    Config,
    /// The old curve over the old length, held at its end value.
    Checkpoint,
    /// A new chain that starts now from the factor reached.
    Splice,
}

/// A plan that differs from the stored one, and how.
#[derive(Debug, Clone)]
pub struct Edited {
    /// The plan to go on with.
    pub plan: Plan,
    /// One sentence for each change.
    pub changes: Vec<String>,
}

/// Keys that do not change what an update computes: they need no word about the schedule. Paths are
/// among them: that the same data lies there is for its fingerprint to say.
const FREE: [&str; 10] = [
    "name",
    "notes",
    "tags",
    "device",
    "train.early_stop",
    "train.log_every",
    "train.test",
    "train.threads",
    "checkpoint",
    "dataset.prefetch",
];

/// Keys that change nothing that is compared: a run with such a change is repeated all the same.
const UNSEEN: [&str; 5] = ["name", "notes", "tags", "train.threads", "dataset.prefetch"];

/// Keys that change where the curve is: they need `--schedule`.
const CURVE: [&str; 4] = ["train.epochs", "train.steps", "train.horizon", "schedule"];

/// Returns the stored plan of the run at `run`, and the plan with its edits where there are any.
/// Files are looked for where the edits say that they are now. `first` is the text of the plan that
/// the run was begun with: a config means by a key that is newer than this plan what was done then.
///
/// # Errors
/// One of them no longer resolves.
pub fn plans(
    (run, first): (&Path, &str),
    edits: &Edits,
    extensions: &Extensions,
) -> Result<(Plan, Option<Plan>), LaunchError> {
    if edits.is_empty() {
        return Ok((stored(run, &[], extensions)?, None));
    }
    let spec = match &edits.config {
        Some(path) => Spec::load(path, &edits.overrides)
            .stored()
            .with_old_meanings_of(first),
        None => spec(run, &edits.overrides)?,
    };
    let mut new = Plan::resolve(&spec, extensions)?;
    new.top.tags.extend(edits.tags.iter().cloned());
    let old = stored(run, &new.paths, extensions)?;
    Ok((old, Some(new)))
}

/// The plan that a run directory holds, with nothing laid over it but where its files are now and
/// keys of the list `allowed`.
///
/// # Errors
/// It is missing, no longer resolves, or other keys are laid over it.
pub fn relocated(
    run: &Path,
    overrides: &Overrides,
    allowed: &[&str],
    extensions: &Extensions,
) -> Result<Plan, LaunchError> {
    if overrides.is_empty() {
        return stored(run, &[], extensions);
    }
    let new = Plan::resolve(&spec(run, overrides)?, extensions)?;
    let old = stored(run, &new.paths, extensions)?;
    let differences = differences(&flat(&old), &flat(&new));
    let refused = differences
        .iter()
        .find(|d| !d.is_path(&old, &new) && !within(&d.key, allowed));
    let Some(refused) = refused else {
        return Ok(new);
    };
    let mut names: Vec<&str> = new.paths.iter().map(|path| path.key.as_str()).collect();
    names.extend(allowed);
    let hint = match names.is_empty() {
        true => "leave it out: nothing of this plan can be set here".into(),
        false => format!("`--set` takes here {}", names.join(", ")),
    };
    Err(LaunchError::Changed {
        run: old.top.name.clone(),
        differences: vec![format!("  {refused}")],
        hint,
    })
}

/// The spec of a run's plan.toml with overrides.
fn spec(run: &Path, overrides: &Overrides) -> Result<Spec, LaunchError> {
    Ok(spec_of(run, Reader::plan_text(run)?, overrides))
}

/// The spec of a plan's text as if it were the run's plan.toml.
fn spec_of(run: &Path, text: String, overrides: &Overrides) -> Spec {
    let spec = Spec::read(&plan_path(run), text, overrides);
    spec.stored().with_old_meanings()
}

/// The stored plan, whose files may lie elsewhere.
pub(super) fn stored(
    run: &Path,
    paths: &[PathKey],
    extensions: &Extensions,
) -> Result<Plan, LaunchError> {
    located(spec(run, &Overrides::default())?, paths, extensions)
}

/// The plan of a text that the run at `run` holds, whose files may lie elsewhere.
///
/// # Errors
/// It no longer resolves.
pub(super) fn of_text(
    run: &Path,
    text: String,
    paths: &[PathKey],
    extensions: &Extensions,
) -> Result<Plan, LaunchError> {
    let spec = spec_of(run, text, &Overrides::default());
    located(spec, paths, extensions)
}

/// The plan of a spec whose files may lie elsewhere.
fn located(
    mut spec: Spec,
    paths: &[PathKey],
    extensions: &Extensions,
) -> Result<Plan, LaunchError> {
    // A component of another type looks for other files under the same key.
    let kind = |table: &str| spec.root.at(table)?.table()?.get("type")?.text();
    let same = |path: &&PathKey| path.kind.as_deref() == kind(path.table());
    let paths: Vec<PathKey> = paths.iter().filter(same).cloned().collect();
    spec = spec.found_at(&paths);
    Ok(Plan::resolve(&spec, extensions)?)
}

/// Is true of a recorded change that leaves what it computes as it was.
pub(super) fn is_unseen(change: &str) -> bool {
    let key = change.split(": ").next().unwrap_or(change);
    within(key, &UNSEEN)
}

/// Is true of a key of the list, and of one below it.
fn within(key: &str, list: &[&str]) -> bool {
    list.iter().any(|own| {
        key.strip_prefix(own)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    })
}

/// The plan with its edits; `None` where nothing changes.
///
/// # Errors
/// A change that is not allowed, or one of the curve without a mode.
pub fn apply(
    old: &Plan,
    new: Option<Plan>,
    mode: Option<ScheduleMode>,
    step: u64,
    extensions: &Extensions,
) -> Result<Option<Edited>, LaunchError> {
    let Some(new) = new else { return Ok(None) };
    let differences = differences(&flat(old), &flat(&new));
    if differences.is_empty() {
        let is_moved = old.paths.iter().any(PathKey::is_moved);
        let changes = Vec::new();
        return Ok(is_moved.then_some(Edited { plan: new, changes }));
    }
    let refused: Vec<String> = differences
        .iter()
        .filter(|d| !d.is_path(old, &new) && !within(&d.key, &FREE) && !within(&d.key, &CURVE))
        .map(|d| format!("  {d}"))
        .collect();
    if !refused.is_empty() {
        let hint = "a run goes on with what it was begun with; start a new one for this".into();
        return Err(LaunchError::Changed {
            run: old.top.name.clone(),
            differences: refused,
            hint,
        });
    }
    let curve = differences.iter().any(|d| within(&d.key, &CURVE));
    // Where the same files lie is no change; their content is compared.
    let told = differences.iter().filter(|d| !d.is_path(old, &new));
    let mut changes: Vec<String> = told.map(ToString::to_string).collect();
    let plan = match (curve, mode) {
        (false, _) => new,
        (true, None) => {
            let hint = "say what the schedule does: --schedule config (the new curve at this step), checkpoint (the old curve, held at its end) or splice (the new chain from here)".into();
            let differences = changes.iter().map(|line| format!("  {line}")).collect();
            return Err(LaunchError::Changed {
                run: old.top.name.clone(),
                differences,
                hint,
            });
        }
        (true, Some(mode)) => {
            changes.push(format!("schedule: {mode:?} at step {step}").to_lowercase());
            rescheduled(old, &new, mode, step, extensions)?
        }
    };
    Ok(Some(Edited { plan, changes }))
}

/// The new plan with the schedule that the mode asks for.
fn rescheduled(
    old: &Plan,
    new: &Plan,
    mode: ScheduleMode,
    step: u64,
    extensions: &Extensions,
) -> Result<Plan, LaunchError> {
    let mut overrides = Overrides::default();
    let schedule = match mode {
        ScheduleMode::Config => return Ok(new.clone()),
        ScheduleMode::Checkpoint => {
            let horizon = format!("{} steps", old.length.horizon);
            overrides.flag_text("--schedule", "train.horizon", &horizon);
            old.schedule.iter().cloned().map(Value::Table).collect()
        }
        ScheduleMode::Splice => spliced(old, new, step)?,
    };
    overrides.flag_value("--schedule", "schedule", &Value::Array(schedule));
    Ok(new.with(&overrides, extensions)?)
}

/// The new chains, each behind a constant phase that ends at `step` with the factor reached.
fn spliced(old: &Plan, new: &Plan, step: u64) -> Result<Vec<Value>, LaunchError> {
    if step == 0 {
        return Ok(new.schedule.iter().cloned().map(Value::Table).collect());
    }
    let mut out = Vec::new();
    let mut begun: Vec<Table> = Vec::new();
    for entry in &new.schedule {
        let chain: Table = ["target", "track", "groups"]
            .iter()
            .filter_map(|key| Some((key.to_string(), entry.get(*key)?.clone())))
            .collect();
        if !begun.contains(&chain) {
            let factor = factor(old, &chain, step)?;
            let mut hold = chain.clone();
            hold.insert("type".into(), "constant".into());
            hold.insert("for".into(), format!("{step} steps").into());
            hold.insert("from".into(), factor.into());
            out.push(Value::Table(hold));
            begun.push(chain);
        }
        out.push(Value::Table(entry.clone()));
    }
    Ok(out)
}

/// The factor of a chain's target at `step`, where it is the target's only track.
fn factor(old: &Plan, chain: &Table, step: u64) -> Result<f64, LaunchError> {
    let name = chain.get("target").and_then(Value::as_str).unwrap_or("lr");
    let phases = old.schedules.phases();
    let of_target = phases.iter().filter(|p| p.target.to_string() == name);
    let tracks: BTreeSet<&str> = of_target.map(|p| p.track.as_str()).collect();
    if tracks.len() > 1 {
        return Err(LaunchError::Refused(format!(
            "`{name}` has several tracks, which cannot be spliced; hint: use `--schedule config` or `--schedule checkpoint`"
        )));
    }
    let groups = old.schedules.groups();
    let named = |group: &crate::schedule::Group| match chain.get("groups").and_then(Value::as_array)
    {
        Some(list) => list.iter().any(|g| g.as_str() == Some(group.name.as_str())),
        None => true,
    };
    let index = groups.iter().position(named).unwrap_or(0);
    let target = old
        .schedules
        .scheduled()
        .iter()
        .copied()
        .find(|t| t.to_string() == name);
    let at = target.and_then(|target| {
        let base = *groups[index].base.get(&target)?;
        let value = old.schedules.value(target, index, step)?;
        (base != 0.0).then_some(value / base)
    });
    Ok(at.unwrap_or(1.0))
}

/// One key that differs.
struct Difference {
    key: String,
    before: Option<String>,
    after: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "absent".into());
        write!(
            f,
            "{}: {} → {}",
            self.key,
            show(&self.before),
            show(&self.after)
        )
    }
}

impl Difference {
    /// Is true of a difference about the place of a file, in both plans.
    fn is_path(&self, old: &Plan, new: &Plan) -> bool {
        let has = |plan: &Plan| plan.paths.iter().any(|path| path.key == self.key);
        has(old) && has(new)
    }
}

type Flat = std::collections::BTreeMap<String, String>;

fn differences(before: &Flat, after: &Flat) -> Vec<Difference> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| Difference {
            key: key.clone(),
            before: before.get(key).cloned(),
            after: after.get(key).cloned(),
        })
        .collect()
}

/// Every value of a plan by its dotted path.
fn flat(plan: &Plan) -> Flat {
    fn walk(value: &Value, path: String, out: &mut Flat) {
        match value {
            Value::Table(table) => {
                for (key, value) in table {
                    let dot = if path.is_empty() { "" } else { "." };
                    walk(value, format!("{path}{dot}{key}"), out);
                }
            }
            Value::Array(items) if items.iter().any(Value::is_table) => {
                for (i, value) in items.iter().enumerate() {
                    walk(value, format!("{path}[{i}]"), out);
                }
            }
            other => {
                out.insert(path, other.to_string());
            }
        }
    }
    let mut out = Flat::new();
    let mut table = plan.to_table();
    // The folder that the files lie in is no part of the experiment.
    table.remove(Plan::PATHS_FROM);
    walk(&Value::Table(table), String::new(), &mut out);
    out
}
