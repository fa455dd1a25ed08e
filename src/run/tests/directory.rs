//! What a run leaves behind.

use std::{fs, sync::Arc};

use super::toy::{self, Toy};
use crate::{
    event::{Event, Reason, Sink, Status},
    run::{
        Reader, Resume, Writer, load_best, load_newest, load_step, tests::toy::timeless, verify,
    },
};

#[test]
fn a_run_is_read_back_as_it_was_written() {
    let root = toy::folder();
    let path = toy::run(root.path(), 24, 24);
    let view = Reader::open(&path).unwrap();
    assert_eq!((view.status.name(), view.warnings.len()), ("completed", 0));
    assert_eq!(
        (view.info.run.as_str(), view.info.name.as_str()),
        (path.file_name().unwrap().to_str().unwrap(), "toy run")
    );
    assert!(view.info.run.starts_with("toy-run-20"));
    let attempt = &view.info.attempts[0];
    assert_eq!(
        (
            attempt.attempt,
            attempt.status.as_deref(),
            attempt.from_step
        ),
        (1, Some("completed"), 0)
    );
    assert_eq!(attempt.argv.last().unwrap(), "hub.token=***");

    let summary = view.summary.as_ref().unwrap();
    assert_eq!(
        (summary.step, summary.epoch, summary.attempts),
        (24, 4.0, 1)
    );
    assert!(summary.metrics["val/nan"].is_nan() && summary.wall_s > 0.0);
    assert_eq!(
        summary.best.as_ref().unwrap().checkpoint,
        None,
        "step 6 was pruned"
    );

    let steps: Vec<u64> = view.checkpoints.iter().map(|info| info.step).collect();
    assert_eq!(steps, [20, 24]);
    let verified = verify(&path).unwrap();
    assert!(
        verified.is_valid() && verified.notes.is_empty(),
        "{verified:?}"
    );
    assert_eq!(verified.rows, view.rows.len());
}

#[test]
fn rows_have_the_promised_keys() {
    let root = toy::folder();
    let view = Reader::open(&toy::run(root.path(), 6, 6)).unwrap();
    let lines = timeless(&view.rows);
    assert_eq!(
        lines[0],
        r#"{"seq":0,"attempt":0,"kind":"step","step":2,"epoch":0.3333333333333333,"time":"","data_time_ms":0.25,"grad_norm":"Infinity","lr":0.05,"lr/head":0.2,"step_time_ms":1.5,"train/loss":"NaN"}"#
    );
    let kinds: Vec<(&str, u64)> = view
        .rows
        .iter()
        .map(|row| (row.kind.as_str(), row.step))
        .collect();
    assert_eq!(
        kinds,
        [
            ("step", 2),
            ("step", 4),
            ("checkpoint", 4),
            ("step", 6),
            ("eval", 6),
            ("epoch", 6),
            ("checkpoint", 6)
        ]
    );
    let epoch = &view.rows[5];
    let keys: Vec<&str> = epoch.values.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "elapsed_s",
            "lr",
            "lr_last",
            "order_hash",
            "samples_per_s",
            "state_hash",
            "train/loss",
            "val/loss",
            "wall_s"
        ]
    );
    assert_eq!(
        (epoch.epoch, view.rows[4].text("split")),
        (1.0, Some("val"))
    );
    assert_eq!(view.rows[6].text("reason"), Some("best"));
    let text = fs::read_to_string(view.path.join("metrics.jsonl")).unwrap();
    assert!(
        text.lines()
            .nth(5)
            .unwrap()
            .contains(r#""kind":"epoch","step":6,"epoch":1,"time":"20"#),
        "{text}"
    );
}

#[cfg(unix)]
#[test]
fn files_are_private_and_hold_no_secrets() {
    use std::os::unix::fs::PermissionsExt;
    let root = toy::folder();
    let path = toy::run(root.path(), 6, 6);
    let (mut stack, mut files) = (vec![path.clone()], Vec::new());
    while let Some(place) = stack.pop() {
        let mode = place.metadata().unwrap().permissions().mode() & 0o777;
        if place.is_dir() {
            assert_eq!(mode, 0o700, "{}", place.display());
            stack.extend(
                fs::read_dir(&place)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            assert_eq!(mode, 0o600, "{}", place.display());
            let bytes = fs::read(&place).unwrap();
            for secret in [&b"k-1"[..], b"=abc"] {
                assert!(
                    !bytes.windows(secret.len()).any(|part| part == secret),
                    "{}",
                    place.display()
                );
            }
            files.push(
                place
                    .strip_prefix(&path)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned(),
            );
        }
    }
    files.sort();
    let step = |step: u64| {
        [
            "manifest.json",
            "model.safetensors",
            "optimizer.safetensors",
            "state.json",
        ]
        .map(|name| format!("checkpoints/step-{step:010}/{name}"))
    };
    let mut expected: Vec<String> = [
        ".lock",
        "config.toml",
        "config/2-base.toml",
        "config/base.toml",
        "config/overrides.txt",
        "metrics.jsonl",
        "plan.toml",
        "run.json",
        "summary.json",
    ]
    .map(String::from)
    .into();
    expected.extend(step(4).into_iter().chain(step(6)));
    expected.sort();
    assert_eq!(files, expected);
}

#[test]
fn checkpoints_come_back_bit_for_bit_and_are_written_the_same_each_time() {
    let root = toy::folder();
    let paths = [toy::run(root.path(), 8, 9), toy::run(root.path(), 8, 9)];
    let mut toy = Toy::new();
    toy.train(8, 9, &mut Vec::new()).unwrap();
    for path in &paths {
        let (checkpoint, fallbacks) = load_newest(path).unwrap();
        assert_eq!(checkpoint, toy.checkpoint(Reason::Every));
        assert_eq!(fallbacks, []);
        assert_eq!(load_step(path, 8).unwrap(), checkpoint);
        assert_eq!(load_best(path).unwrap().0.step, 6);
        assert!(
            load_step(path, 7)
                .unwrap_err()
                .to_string()
                .contains("has no step 7 checkpoint")
        );
    }
    for name in ["model.safetensors", "optimizer.safetensors", "state.json"] {
        let read = |path: &std::path::Path| {
            fs::read(path.join("checkpoints/step-0000000008").join(name)).unwrap()
        };
        assert_eq!(read(&paths[0]), read(&paths[1]), "{name}");
    }
}

#[test]
fn checkpoints_are_kept_by_the_rules_over_a_long_run() {
    let root = toy::folder();
    let mut writer = Writer::create(root.path(), &toy::meta()).unwrap();
    let losses = [3.0, f64::NAN, 1.0, 2.0, f64::NAN, 4.0, 5.0];
    for (step, value) in (1..).zip(losses) {
        let toy = Toy { step, ..Toy::new() };
        let reason = Reason::Best {
            metric: "val/loss".into(),
            value,
        };
        writer
            .event(&Event::Checkpoint(Arc::new(toy.checkpoint(reason))))
            .unwrap();
    }
    writer
        .finish(&Toy::new().ending(Status::Stopped {
            why: "enough".into(),
            signal: Some(15),
        }))
        .unwrap();
    let view = Reader::open(
        &root.path().join(
            fs::read_dir(root.path())
                .unwrap()
                .next()
                .unwrap()
                .unwrap()
                .file_name(),
        ),
    )
    .unwrap();
    let steps: Vec<u64> = view.checkpoints.iter().map(|info| info.step).collect();
    assert_eq!(steps, [3, 6, 7], "the best one and the two newest");
    assert_eq!(view.rows.len(), losses.len(), "every commit line stays");
    let summary = view.summary.unwrap();
    let stopped = Status::Stopped {
        why: "enough".into(),
        signal: Some(15),
    };
    assert_eq!(summary.status, stopped);
}

#[test]
fn a_second_reason_at_a_step_writes_no_second_checkpoint() {
    let root = toy::folder();
    let mut writer = Writer::create(root.path(), &toy::meta()).unwrap();
    let path = writer.path().to_path_buf();
    let toy = Toy {
        step: 5,
        ..Toy::new()
    };
    let best = Reason::Best {
        metric: "val/loss".into(),
        value: f64::NEG_INFINITY,
    };
    for reason in [Reason::Every, best.clone(), Reason::Signal] {
        writer
            .event(&Event::Checkpoint(Arc::new(toy.checkpoint(reason))))
            .unwrap();
    }
    drop(writer);
    let view = Reader::open(&path).unwrap();
    assert_eq!(
        view.checkpoints[0].reasons,
        [Reason::Every, best.clone(), Reason::Signal]
    );
    let reasons: Vec<Option<&str>> = view.rows.iter().map(|row| row.text("reason")).collect();
    assert_eq!(reasons, [Some("every"), Some("best"), Some("signal")]);
    assert!(verify(&path).unwrap().is_valid());
    // Of several reasons the best counts.
    assert_eq!(load_newest(&path).unwrap().0, toy.checkpoint(best));
    assert_eq!(load_best(&path).unwrap().0.step, 5);
}

#[test]
fn a_later_state_of_a_step_takes_the_place_of_the_earlier_one() {
    let root = toy::folder();
    let mut writer = Writer::create(root.path(), &toy::meta()).unwrap();
    let path = writer.path().to_path_buf();
    let mut toy = Toy {
        step: 5,
        ..Toy::new()
    };
    for (weight, reason) in [
        (1.0, Reason::Every),
        (2.0, Reason::Signal),
        (3.0, Reason::Final),
    ] {
        toy.weight = weight;
        writer
            .event(&Event::Checkpoint(Arc::new(toy.checkpoint(reason))))
            .unwrap();
    }
    drop(writer);
    assert_eq!(
        load_newest(&path).unwrap(),
        (toy.checkpoint(Reason::Final), vec![])
    );
    let names = fs::read_dir(path.join("checkpoints")).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["step-0000000005"]);
    assert!(verify(&path).unwrap().is_valid());
}

#[test]
fn checkpoints_that_the_run_went_back_behind_are_gone() {
    let root = toy::folder();
    let mut writer = Writer::create(root.path(), &toy::meta()).unwrap();
    let path = writer.path().to_path_buf();
    let mut toy = Toy::new();
    toy.train(8, 24, &mut writer).unwrap();
    toy.step = 11;
    writer
        .event(&Event::Checkpoint(Arc::new(toy.checkpoint(Reason::Signal))))
        .unwrap();
    toy.step = 8;
    let message = "the loss of update 12 is `NaN`: the run goes back".into();
    writer.event(&Event::Warning { step: 8, message }).unwrap();
    toy.train(10, 24, &mut writer).unwrap();
    writer
        .event(&Event::Checkpoint(Arc::new(toy.checkpoint(Reason::Every))))
        .unwrap();
    drop(writer);
    assert_eq!(load_newest(&path).unwrap().0.step, 10);
    let verified = verify(&path).unwrap();
    assert!(verified.is_valid(), "{verified:?}");
    let rows = toy::log(&path).len();
    drop(
        Resume::open(&path)
            .unwrap()
            .begin(&toy::resume_meta())
            .unwrap(),
    );
    assert_eq!(
        toy::log(&path).len(),
        rows,
        "nothing was after the checkpoint of step 10"
    );
}

#[test]
fn a_saved_checkpoint_is_told_in_the_trace_of_the_span_it_belongs_to() {
    let root = toy::folder();
    let path = Writer::create(root.path(), &toy::meta())
        .unwrap()
        .path()
        .to_path_buf();
    for attempt in 2..=3 {
        let found = Resume::open(&path).unwrap();
        let trace = std::sync::Arc::new(
            fs::File::options()
                .append(true)
                .create(true)
                .open(path.join("trace.jsonl"))
                .unwrap(),
        );
        let subscriber = tracing_subscriber::fmt().json().with_writer(trace).finish();
        // As in a launch: the writer is there before the subscriber.
        let mut writer = found.begin(&toy::resume_meta()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("run", id = "toy").entered();
            let toy = Toy {
                step: attempt,
                ..Toy::new()
            };
            writer
                .event(&Event::Checkpoint(Arc::new(toy.checkpoint(Reason::Every))))
                .unwrap();
        });
    }
    let trace = fs::read_to_string(path.join("trace.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = trace
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<_> = lines
        .iter()
        .map(|line| (&line["fields"]["message"], &line["fields"]["step"]))
        .collect();
    assert_eq!(
        told,
        [
            (&"checkpoint saved".into(), &2.into()),
            (&"checkpoint saved".into(), &3.into())
        ]
    );
    assert!(
        lines
            .iter()
            .all(|line| line["span"]["id"] == "toy" && line["target"] == "trainer"),
        "{trace}"
    );
}

#[test]
fn the_trace_is_appended_to() {
    use std::io::Write;
    let root = toy::folder();
    let writer = Writer::create(root.path(), &toy::meta()).unwrap();
    for line in ["one\n", "two\n"] {
        writer.trace().unwrap().write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(
        fs::read_to_string(writer.path().join("trace.jsonl")).unwrap(),
        "one\ntwo\n"
    );
}
