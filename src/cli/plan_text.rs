//! A plan for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    config::{Fit, Init, Plan, WeightFile, short_path},
    field::{Field, Kind},
    launch::data_info,
    report::{Align, Ink, Palette, Table, bytes, class_counts, sanitize, short, split_sizes},
    schedule::PhaseInfo,
    task::Task,
    train::Probed,
    units::counted,
};

/// The plan as text: data, model, optimizer, length, schedules, cost; tables that fit `fold`.
pub fn plan(plan: &Plan, fold: Option<usize>, palette: Palette) -> String {
    let mut out = String::new();
    let title = palette
        .paint(Ink::Bold, &sanitize(&plan.top.name))
        .into_owned();
    let (hash, top) = (plan.hash(), &plan.top);
    let _ = writeln!(
        out,
        "{title}  plan {}  seed {}  device {}\n",
        &hash[..12],
        top.seed,
        top.device
    );
    let metrics: Vec<&str> = plan.metrics.iter().map(|(name, _)| name.as_str()).collect();
    let loss = format!("{}; metrics: {}", loss(plan), metrics.join(", "));
    let classes = class_counts(&data_info(&plan.facts));
    let mut lines = vec![("data", data(plan))];
    if !classes.is_empty() {
        lines.push(("classes", sanitize(&classes).into_owned()));
    }
    lines.extend([
        ("loss", loss),
        ("optimizer", optimizer(plan)),
        ("train", length(plan)),
    ]);
    if plan.length.horizon != plan.length.total_steps {
        let steps = plan.length.horizon;
        lines.push((
            "horizon",
            format!("{}: schedules refer to these", counted(steps, "step")),
        ));
    }
    if let Some(init) = &plan.model_keys.init {
        lines.push(("init", weights(init, plan.init.as_ref())));
    }
    lines.push(("cost", cost(plan)));
    for (key, text) in lines {
        let _ = writeln!(out, "{key:<10} {text}");
    }
    let _ = write!(out, "\n{}", layers(plan, fold, palette));
    let _ = write!(out, "\n{}", phases(plan, fold, palette));
    out
}

/// The loss with its weights, where it has some.
fn loss(plan: &Plan) -> String {
    /// Weights that fit on a line.
    const SHOWN: usize = 8;
    let (kind, weights) = (&plan.loss.kind, plan.loss.spec.weights_in_use());
    if weights.is_empty() {
        return kind.clone();
    }
    let shown = weights.iter().take(SHOWN).map(|weight| short(*weight));
    let shown = shown.collect::<Vec<_>>().join(", ");
    let more = if weights.len() > SHOWN { ", …" } else { "" };
    format!("{kind}, weights {shown}{more}")
}

fn data(plan: &Plan) -> String {
    let facts = &plan.facts;
    let mut more = String::new();
    let task = match &facts.task {
        Task::Classification { classes, .. } => format!("{classes} classes"),
        Task::MultiLabel { names } => format!("any of {}", counted(names.len() as u64, "label")),
        Task::Regression { targets: 1 } => "regression".into(),
        Task::Regression { targets } => format!("regression of {targets} targets"),
        Task::NextToken { vocabulary } => {
            let sample = facts.fields[0].size();
            let tokens = thousands((facts.train * sample) as u64);
            more = format!("; {tokens} tokens an epoch");
            format!("the next token of a vocabulary of {}", vocabulary.len())
        }
    };
    let input = match &facts.fields[..] {
        [field] => input(field),
        fields => fields
            .iter()
            .map(Field::words)
            .collect::<Vec<_>>()
            .join(" and "),
    };
    format!(
        "{}: {input}, {task}; {}{more}",
        plan.dataset.kind,
        split_sizes(&data_info(facts))
    )
}

/// The values of one field.
fn input(field: &Field) -> String {
    match field.kind {
        Kind::Numbers | Kind::Pixels { .. } => shape(&field.shape),
        Kind::Tokens { .. } if !field.varies => format!("{} tokens", shape(&field.shape)),
        _ => field.words(),
    }
}

/// Where the weights come from, and whether anybody has looked at them.
fn weights(init: &Init, fit: Option<&Fit>) -> String {
    match (&init.source, fit) {
        (WeightFile::Local(path), Some(fit)) => fit.report(&short_path(path)),
        (WeightFile::Local(path), None) => format!("{}; not looked at", path.display()),
        (WeightFile::Hub(file), _) => {
            format!("{file}; not looked at: a run downloads it and compares names and shapes")
        }
    }
}

fn length(plan: &Plan) -> String {
    let length = &plan.length;
    let accumulated = match plan.train.grad_accumulation {
        1 => String::new(),
        n => format!(" × {n} accumulated"),
    };
    format!(
        "{} = {} of {}, batches of {}{accumulated}",
        counted(length.total_steps, "step"),
        epochs(length.total_steps, length.steps_per_epoch),
        counted(length.steps_per_epoch, "step"),
        plan.dataset_keys.batch_size,
    )
}

/// Updates as epochs: `1 epoch`, `2.5 epochs`.
pub(super) fn epochs(steps: u64, per_epoch: u64) -> String {
    match steps == per_epoch {
        true => "1 epoch".into(),
        false => format!("{} epochs", short(steps as f64 / per_epoch as f64)),
    }
}

fn cost(plan: &Plan) -> String {
    let cost = &plan.cost;
    if plan.model.spec.is_foreign() {
        return format!(
            "about {} of memory ({} weights, {} gradients, {} optimizer), and what the model keeps of a batch; its FLOPs are not known",
            bytes(cost.memory()),
            bytes(cost.weights),
            bytes(cost.gradients),
            bytes(cost.optimizer)
        );
    }
    format!(
        "{}FLOP a step; about {} of memory ({} weights, {} gradients, {} optimizer, {} activations)",
        si(cost.flops_per_step),
        bytes(cost.memory()),
        bytes(cost.weights),
        bytes(cost.gradients),
        bytes(cost.optimizer),
        bytes(cost.activations)
    )
}

fn optimizer(plan: &Plan) -> String {
    let keys = &plan.optimizer_keys;
    let mut text = format!(
        "{}, lr {}, weight_decay {}",
        plan.optimizer.kind, keys.lr, keys.weight_decay
    );
    for (key, value) in &plan.optimizer.keys {
        let _ = write!(text, ", {key} {value}");
    }
    let groups = plan.schedules.groups();
    if groups.len() > 1 {
        let names: Vec<String> = groups
            .iter()
            .map(|g| format!("{} ({})", g.name, g.params.len()))
            .collect();
        let _ = write!(text, "; groups: {}", names.join(", "));
    }
    if !plan.frozen.is_empty() {
        let _ = write!(
            text,
            "; {} frozen",
            counted(plan.frozen.len() as u64, "parameter")
        );
    }
    text
}

/// The layer table: output shape of one sample, parameters, forward FLOPs of one sample.
fn layers(plan: &Plan, fold: Option<usize>, palette: Palette) -> String {
    let mut table = Table::new([
        ("layer", Align::Left),
        ("kind", Align::Left),
        ("output", Align::Left),
        ("parameters", Align::Right),
        ("FLOPs", Align::Right),
    ]);
    for field in &plan.io.fields {
        let name = match plan.io.fields.len() {
            1 => "input",
            _ => &field.name,
        };
        table.row([name, "", &shape(&field.shape), "", ""]);
    }
    for layer in &plan.architecture.layers {
        let count = if layer.params == 0 {
            String::new()
        } else {
            thousands(layer.params as u64)
        };
        let flops = if layer.flops == 0 {
            String::new()
        } else {
            thousands(layer.flops)
        };
        table.row([
            layer.name.as_str(),
            &layer.kind,
            &shape(&layer.output),
            &count,
            &flops,
        ]);
    }
    let params: u64 = plan
        .architecture
        .params
        .iter()
        .map(|p| p.count() as u64)
        .sum();
    let flops: u64 = plan.architecture.layers.iter().map(|l| l.flops).sum();
    let flops = match plan.model.spec.is_foreign() {
        true => String::new(),
        false => thousands(flops),
    };
    table.row(["total", "", "", &thousands(params), &flops]);
    table.fitted(fold, palette)
}

/// Returns the result of trying the model on a sample.
pub fn probed(plan: &Plan, probed: &Probed) -> String {
    let (input, output) = (shape(plan.io.input()), shape(&probed.output));
    let passed = match (plan.model.spec.is_foreign(), probed.failures.is_empty()) {
        (true, true) => "; nothing stands against training it",
        _ => "",
    };
    format!("\nprobe      one sample {input} → {output}{passed}\n")
}

/// The same as an object.
pub fn probed_json(probed: &Probed) -> Value {
    let failures = probed.failures.iter().map(|failure| {
        json!({ "proof": failure.proof, "message": failure.message, "hint": failure.hint })
    });
    json!({ "output": probed.output, "failures": failures.collect::<Vec<_>>() })
}

/// The phases of the schedules with their boundaries.
pub fn phases(plan: &Plan, fold: Option<usize>, palette: Palette) -> String {
    let table = phases_of(&plan.schedules.phases(), plan.length.steps_per_epoch);
    if table.is_empty() {
        return "no schedule: every value stays as it is\n".into();
    }
    table.fitted(fold, palette)
}

/// The same for schedules alone, as a table.
pub fn phases_of(phases: &[PhaseInfo], steps_per_epoch: u64) -> Table {
    let mut table = Table::new([
        ("schedule", Align::Left),
        ("type", Align::Left),
        ("groups", Align::Left),
        ("steps", Align::Right),
        ("epochs", Align::Right),
        ("first", Align::Right),
        ("last", Align::Right),
    ]);
    let epoch = |step: u64| short(step as f64 / steps_per_epoch as f64);
    for phase in phases {
        let target = match phase.track.as_str() {
            "" => phase.target.to_string(),
            track => format!("{} ({track})", phase.target),
        };
        table.row([
            target,
            phase.kind.clone(),
            phase.groups.join(", "),
            format!("{}..{}", phase.start, phase.end),
            format!("{}..{}", epoch(phase.start), epoch(phase.end)),
            short(phase.first),
            short(phase.last),
        ]);
    }
    table
}

/// The plan as an object.
pub fn json(config: &str, plan: &Plan) -> Value {
    let layers: Vec<Value> = plan
        .architecture
        .layers
        .iter()
        .map(|l| json!({ "name": l.name, "kind": l.kind, "output": l.output, "params": l.params, "flops": l.flops }))
        .collect();
    let params: Vec<Value> = plan
        .architecture
        .params
        .iter()
        .map(|p| json!({ "name": p.name(), "shape": p.shape(), "frozen": plan.frozen.iter().any(|f| f == p.name()) }))
        .collect();
    let length = &plan.length;
    json!({
        "config": config,
        "ok": true,
        "name": plan.top.name,
        "plan_hash": plan.hash(),
        "plan": plan.to_table(),
        "data": {
            "shape": plan.facts.fields[0].shape,
            "classification": plan.facts.task.is_classification(),
            "tokens": plan.facts.fields[0].is_tokens(),
            "outputs": plan.io.outputs,
            "train": plan.facts.train,
            "val": plan.facts.val,
            "test": plan.facts.test,
            "classes": data_info(&plan.facts).classes,
            "notes": plan.facts.notes,
        },
        "loss_weights": plan.loss.spec.weights_in_use(),
        "init": plan.model_keys.init.as_ref().map(|init| {
            let fit = plan.init.as_ref();
            let new = fit.map(|fit| fit.new.iter().map(|new| &new.name).collect::<Vec<_>>());
            json!({
                "from": init.source.to_string(),
                "checked": fit.is_some(),
                "taken": fit.map(|fit| fit.taken.len()),
                "new": new,
                "left": fit.map(|fit| &fit.left),
                "averages": fit.map(|fit| fit.averages),
            })
        }),
        "layers": layers,
        "params": params,
        "parameters": plan.architecture.params.iter().map(|p| p.count() as u64).sum::<u64>(),
        "batches_per_epoch": length.batches_per_epoch,
        "steps_per_epoch": length.steps_per_epoch,
        "total_steps": length.total_steps,
        "epochs": length.epochs(),
        "horizon": length.horizon,
        "schedule": plan.schedules.phases().iter().map(phase_json).collect::<Vec<_>>(),
        "cost": plan.cost,
        "memory": plan.cost.memory(),
        "faults": plan.warnings.to_json(),
    })
}

/// A phase as an object.
pub fn phase_json(phase: &PhaseInfo) -> Value {
    json!({
        "target": phase.target.to_string(), "track": phase.track, "type": phase.kind,
        "groups": phase.groups, "start": phase.start, "end": phase.end,
        "first": phase.first, "last": phase.last,
    })
}

fn shape(shape: &[usize]) -> String {
    shape
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("×")
}

fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

pub(super) fn si(n: u64) -> String {
    let mut n = n as f64;
    for unit in ["", "k", "M", "G"] {
        if n < 1000.0 {
            return format!("{} {unit}", short(n));
        }
        n /= 1000.0;
    }
    format!("{} T", short(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_grouped_or_scaled() {
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(si(0), "0 ");
        assert_eq!(si(3_637_000), "3.637 M");
        assert_eq!(si(2_000_000_000_000_000), "2000 T");
        assert_eq!(shape(&[1, 8, 8]), "1×8×8");
    }
}
