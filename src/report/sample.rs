//! Made-up runs for this module's tests.

use std::path::Path;

use super::Record;
use crate::{
    event::{Metrics, Reason, Status},
    run::{
        Attempt, BestSummary, Binary, CheckpointInfo, Row, RunInfo, RunStatus, RunView, Summary,
        Value,
    },
};

const PLAN: &str = r#"
name = "digits"
seed = 42
[model]
type = "mlp"
hidden = [128, 64]
[optimizer]
type = "sgd"
lr = LR
[[schedule]]
type = "warmup"
[[schedule]]
type = "poly"
power = 0.9
[train]
epochs = 10
"#;

/// Run number `n` in `folder`: completed after 10 epochs of 20 steps, with learning rate n/100.
pub fn completed(folder: &Path, n: u32) -> Record {
    let path = folder.join(format!("digits-{n}"));
    let lr = f64::from(n) / 100.0;
    let accuracy = 0.9 + f64::from(n) / 100.0;
    let mut view = RunView {
        path,
        info: info(n),
        plan: PLAN.replace("LR", &lr.to_string()),
        status: RunStatus::Ended(Status::Completed),
        summary: None,
        rows: rows(lr),
        checkpoints: vec![checkpoint(100, None), checkpoint(180, Some(accuracy))],
        warnings: Vec::new(),
    };
    view.summary = Some(summary(&view, accuracy));
    Record::new(view)
}

/// The same, but still running: without summary and checkpoints, in its sixth epoch.
pub fn running(folder: &Path, n: u32) -> Record {
    let mut view = completed(folder, n).view;
    view.rows.retain(|row| row.step <= 110);
    view.summary = None;
    view.checkpoints.clear();
    view.status = RunStatus::Running;
    view.info.attempts[0].end = None;
    Record::new(view)
}

fn info(n: u32) -> RunInfo {
    let binary = Binary {
        version: "0.1.0".into(),
        commit: None,
        dirty: false,
        changes: None,
        target: "x86_64-unknown-linux-gnu".into(),
        profile: "release".into(),
        name: String::new(),
        blake3: None,
        trainer: None,
    };
    let attempt = Attempt {
        attempt: 1,
        start: "2026-11-22T09:40:00Z".into(),
        end: Some("2026-11-22T09:41:03Z".into()),
        status: Some("completed".into()),
        from_step: 0,
        host: "atlas".into(),
        pid: 7,
        argv: vec!["trainer".into()],
        binary,
        isa: "x86-64-avx2-fma".into(),
        threads: 2,
        device: "cpu".into(),
        changes: Vec::new(),
    };
    RunInfo {
        digest: None,
        files: Default::default(),
        format: RunInfo::FORMAT,
        config: Some("digits.toml".into()),
        seed: Some(42),
        run: format!("digits-20261122-09400{n}-{n}f3a9c"),
        name: "digits".into(),
        created: format!("2026-11-22T09:40:0{n}Z"),
        plan_hash: format!("{n}b1946ac92492d23"),
        data_fingerprint: "d8e8fca2dc0f896f".into(),
        data: None,
        init: None,
        parent: None,
        tags: vec![
            if n.is_multiple_of(2) { "even" } else { "odd" }.into(),
            "paper".into(),
        ],
        notes: Some("first\x1b[31m try".into()),
        overrides: vec![format!("optimizer.lr={}", f64::from(n) / 100.0)],
        attempts: vec![attempt],
    }
}

/// A `step` row every ten steps, and `eval` and `epoch` rows every twenty.
fn rows(lr: f64) -> Vec<Row> {
    let mut rows = Vec::new();
    for step in (10..=200).step_by(10) {
        let progress = f64::from(step) / 200.0;
        let (now, loss) = (
            lr * (1.0 - progress).powf(0.9),
            2.3 * (-6.0 * progress).exp(),
        );
        rows.push(row(
            "step",
            step,
            progress * 10.0,
            &[("lr", now), ("train/loss", loss), ("grad_norm", 1.0)],
        ));
        if step % 20 == 0 {
            let epoch = f64::from(step / 20);
            let (val, accuracy) = (("val/loss", loss + 0.1), ("val/accuracy", 1.0 - loss / 3.0));
            rows.push(row("eval", step, progress * 10.0, &[val, accuracy]));
            let mut last = row(
                "epoch",
                step,
                epoch,
                &[("lr", now), ("train/loss", loss), val, accuracy],
            );
            last.values.insert("state_hash".into(), "abc".into());
            rows.push(last);
        }
    }
    rows.push(Row {
        values: [("message".into(), "an update was skipped".into())].into(),
        ..row("warning", 30, 1.5, &[])
    });
    rows
}

fn row(kind: &str, step: u32, epoch: f64, values: &[(&str, f64)]) -> Row {
    Row {
        seq: 0,
        attempt: 1,
        kind: kind.into(),
        step: step.into(),
        epoch,
        time: "2026-11-22T09:40:10.000Z".into(),
        values: values
            .iter()
            .map(|(key, value)| (key.to_string(), Value::Number(*value)))
            .collect(),
    }
}

fn checkpoint(step: u64, accuracy: Option<f64>) -> CheckpointInfo {
    CheckpointInfo {
        step,
        epoch: step as f64 / 20.0,
        path: format!("checkpoints/step-{step:010}").into(),
        reasons: vec![match accuracy {
            Some(value) => Reason::Best {
                metric: "val/accuracy".into(),
                value,
            },
            None => Reason::Every,
        }],
        bytes: 123_456,
        created: "2026-11-22T09:40:30Z".into(),
        state_hash: "5f".into(),
        metrics: Metrics::new(),
    }
}

fn summary(view: &RunView, accuracy: f64) -> Summary {
    let ledger = [
        ("forward", 25.0),
        ("backward", 31.5),
        ("data", 3.5),
        ("logging", 0.1),
    ];
    Summary {
        format: RunInfo::FORMAT,
        run: view.info.run.clone(),
        path: view.path.display().to_string(),
        step: 200,
        epoch: 10.0,
        metrics: [
            ("train/loss".to_string(), 0.0057),
            ("val/accuracy".to_string(), accuracy - 0.01),
        ]
        .into(),
        best: Some(BestSummary {
            metric: "val/accuracy".into(),
            value: accuracy,
            step: 180,
            checkpoint: Some("checkpoints/step-0000000180".into()),
        }),
        test: None,
        state_hash: "5f".into(),
        samples_per_s: 12345.6,
        wall_s: 63.2,
        attempts: 1,
        ledger: ledger
            .map(|(name, seconds)| (name.to_string(), seconds))
            .into(),
        ..Summary::default()
    }
}
