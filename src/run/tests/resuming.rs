//! A run that was killed and resumed is the run that was not.

use std::{fs, path::Path, sync::Arc};

use super::toy::{self, Toy};
use crate::{
    event::{Event, Reason, Sink, Status},
    run::{Reader, Resume, ResumeMeta, RunError, Writer, compare, verify},
};

const TOTAL: u64 = 24;

/// Checks that the run at `path` reads as the uninterrupted one.
fn same(path: &Path, whole: &Path, what: &str) {
    assert_eq!(toy::log(path), toy::log(whole), "{what}");
    let verified = verify(path).unwrap();
    assert!(
        verified.is_valid() && verified.notes.is_empty(),
        "{what}: {verified:?}"
    );
    let (a, b) = (Reader::open(path).unwrap(), Reader::open(whole).unwrap());
    assert_eq!(compare(&a, &b).difference, None);
    let steps = |view: &crate::run::RunView| {
        view.checkpoints
            .iter()
            .map(|info| info.step)
            .collect::<Vec<_>>()
    };
    assert_eq!(steps(&a), steps(&b), "{what}");
}

#[test]
fn a_resumed_log_equals_an_uninterrupted_one_wherever_the_run_was_killed() {
    let root = toy::folder();
    let whole = toy::run(root.path(), TOTAL, TOTAL);
    for last in 0..TOTAL {
        let path = toy::run(root.path(), last, TOTAL);
        assert_eq!(Reader::open(&path).unwrap().status.name(), "crashed");
        let (from, _) = toy::go_on(&path, TOTAL);
        let newest = (1..=last)
            .rev()
            .find(|step| step.is_multiple_of(4) || *step == 6)
            .unwrap_or(0);
        assert_eq!(from, newest, "killed at {last}");
        same(&path, &whole, &format!("killed at {last}"));
        let info = Reader::info(&path).unwrap();
        assert_eq!(info.attempts[0].status.as_deref(), Some("crashed"));
        assert!(info.attempts[0].end.is_some() && info.attempts[1].from_step == from);
    }
}

#[test]
fn a_log_torn_at_any_byte_is_cut_and_goes_on() {
    let root = toy::folder();
    let whole = toy::run(root.path(), TOTAL, TOTAL);
    let killed = toy::run(root.path(), 11, TOTAL);
    let log = fs::read(killed.join("metrics.jsonl")).unwrap();
    let committed = String::from_utf8_lossy(&log)
        .rfind("\"checkpoint\"")
        .unwrap();
    // Every byte from the last commit line on: what comes before it was durable.
    let start = log[..committed]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    for (number, length) in (start..=log.len()).step_by(7).enumerate() {
        let path = root.path().join(format!("torn-{number}"));
        toy::copy(&killed, &path);
        fs::write(path.join("metrics.jsonl"), &log[..length]).unwrap();
        let (from, fallbacks) = toy::go_on(&path, TOTAL);
        assert_eq!((from, fallbacks.len()), (8, 0));
        same(&path, &whole, &format!("torn at {length}"));
    }
}

#[test]
fn what_a_kill_leaves_behind_is_cleaned_and_cut_rows_are_kept() {
    let root = toy::folder();
    let whole = toy::run(root.path(), TOTAL, TOTAL);
    let path = toy::run(root.path(), 11, TOTAL);
    let leftovers = [
        "checkpoints/.tmp-step-0000000012-1",
        "checkpoints/.trash-step-0000000004",
    ];
    for name in leftovers {
        fs::create_dir(path.join(name)).unwrap();
        fs::write(path.join(name).join("model.safetensors"), "half").unwrap();
    }
    fs::write(path.join(".tmp-summary.json"), "{").unwrap();
    fs::write(path.join(".tmp-metrics.jsonl"), "{").unwrap();
    toy::go_on(&path, TOTAL);
    same(&path, &whole, "with leftovers");
    assert!(leftovers.iter().all(|name| !path.join(name).exists()));
    assert!(!path.join(".tmp-summary.json").exists() && !path.join(".tmp-metrics.jsonl").exists());
    let cut = fs::read_to_string(path.join("metrics.cut-2.jsonl")).unwrap();
    assert_eq!(
        cut.lines().count(),
        1,
        "step 10 was after the checkpoint of step 8"
    );
    assert!(
        cut.starts_with("{\"seq\":")
            && cut.contains("\"attempt\":1,\"kind\":\"step\",\"step\":10,")
    );
}

#[test]
fn a_kill_while_resuming_leaves_it_resumable() {
    let root = toy::folder();
    let whole = toy::run(root.path(), TOTAL, TOTAL);
    let path = toy::run(root.path(), 11, TOTAL);
    for _ in 0..3 {
        drop(
            Resume::open(&path)
                .unwrap()
                .begin(&toy::resume_meta())
                .unwrap(),
        );
    }
    let resume = Resume::open(&path).unwrap();
    let mut toy = Toy::of(resume.checkpoint().unwrap());
    let mut writer = resume.begin(&toy::resume_meta()).unwrap();
    toy.train(19, TOTAL, &mut writer).unwrap();
    drop(writer);
    toy::go_on(&path, TOTAL);
    same(&path, &whole, "resumed five times");
    let attempts: Vec<u64> = Reader::info(&path)
        .unwrap()
        .attempts
        .iter()
        .map(|attempt| attempt.from_step)
        .collect();
    assert_eq!(attempts, [0, 8, 8, 8, 8, 16]);
    let kept = (2..=6).filter(|n| path.join(format!("metrics.cut-{n}.jsonl")).exists());
    assert_eq!(
        kept.collect::<Vec<_>>(),
        [2, 6],
        "in between there was nothing to cut"
    );
}

#[test]
fn a_stop_by_a_signal_leaves_no_trace_in_the_log() {
    let root = toy::folder();
    let whole = toy::run(root.path(), TOTAL, TOTAL);
    for last in [5, 8, 18] {
        let mut writer = Writer::create(root.path(), &toy::meta()).unwrap();
        let path = writer.path().to_path_buf();
        let mut toy = Toy::new();
        toy.train(last, TOTAL, &mut writer).unwrap();
        writer
            .event(&Event::Checkpoint(Arc::new(toy.checkpoint(Reason::Signal))))
            .unwrap();
        let status = Status::Stopped {
            why: "SIGTERM".into(),
            signal: Some(15),
        };
        writer.finish(&toy.ending(status)).unwrap();
        assert_eq!(Reader::open(&path).unwrap().status.name(), "stopped");

        let resume = Resume::open(&path).unwrap();
        assert_eq!(resume.step(), last);
        assert!(
            path.join("summary.json").exists(),
            "opening changes nothing"
        );
        let writer = resume.begin(&toy::resume_meta()).unwrap();
        assert!(!path.join("summary.json").exists());
        assert_eq!(Reader::open(&path).unwrap().status.name(), "running");
        drop(writer);
        let (from, _) = toy::go_on(&path, TOTAL);
        assert_eq!(from, last);
        assert_eq!(toy::log(&path), toy::log(&whole), "stopped at {last}");
        assert!(verify(&path).unwrap().is_valid());
        assert_eq!(Reader::open(&path).unwrap().summary.unwrap().attempts, 3);
    }
}

#[test]
fn a_finished_run_that_goes_on_longer_equals_a_longer_run() {
    let root = toy::folder();
    let whole = toy::run(root.path(), TOTAL, TOTAL);
    let path = toy::run(root.path(), 13, 13);
    let resume = Resume::open(&path).unwrap();
    let plan = Some(("[train]\nsteps = 24\n# longer\n".into(), "longer".into()));
    drop(
        resume
            .begin(&ResumeMeta {
                plan,
                ..toy::resume_meta()
            })
            .unwrap(),
    );
    toy::go_on(&path, TOTAL);
    assert_eq!(toy::log(&path), toy::log(&whole));
    assert_eq!(Reader::info(&path).unwrap().plan_hash, "longer");
    assert!(
        fs::read_to_string(path.join("plan.toml"))
            .unwrap()
            .contains("longer")
    );
    assert!(
        !fs::read_to_string(path.join("plan.before-2.toml"))
            .unwrap()
            .contains("longer")
    );
}

#[test]
fn a_damaged_checkpoint_is_passed_over_told_and_put_aside() {
    let root = toy::folder();
    let whole = toy::run(root.path(), TOTAL, TOTAL);
    let path = toy::run(root.path(), 23, TOTAL);
    fs::write(path.join("checkpoints/step-0000000020/state.json"), "{}").unwrap();
    let (from, fallbacks) = toy::go_on(&path, TOTAL);
    assert_eq!((from, fallbacks.len(), fallbacks[0].step), (16, 1, 20));
    same(&path, &whole, "fell back");
    assert!(
        path.join("checkpoints/.damaged-step-0000000020-2/manifest.json")
            .exists()
    );
}

#[test]
fn a_run_without_a_checkpoint_starts_again_in_its_directory() {
    let root = toy::folder();
    let whole = toy::run(root.path(), TOTAL, TOTAL);
    let path = toy::run(root.path(), 3, TOTAL);
    let resume = Resume::open(&path).unwrap();
    assert_eq!(
        (resume.step(), resume.checkpoint(), resume.fallbacks()),
        (0, None, &[][..])
    );
    assert!(matches!(Resume::open(&path), Err(RunError::Locked { .. })));
    drop(resume);
    assert_eq!(toy::go_on(&path, TOTAL).0, 0);
    same(&path, &whole, "from step 0");
}

#[test]
fn a_directory_without_checkpoints_or_log_is_no_obstacle() {
    let root = toy::folder();
    let whole = toy::run(root.path(), TOTAL, TOTAL);
    let path = toy::run(root.path(), 3, TOTAL);
    fs::remove_dir(path.join("checkpoints")).unwrap();
    fs::remove_file(path.join("metrics.jsonl")).unwrap();
    toy::go_on(&path, TOTAL);
    same(&path, &whole, "from nothing");
}

#[test]
fn a_checkpoint_in_the_middle_of_an_evaluation_gives_way_to_the_one_after_it() {
    let root = toy::folder();
    let whole = toy::run(root.path(), TOTAL, TOTAL);
    let mut writer = Writer::create(root.path(), &toy::meta()).unwrap();
    let path = writer.path().to_path_buf();
    // The signal comes in the evaluation after step 6: its row is not there yet.
    let mut toy = Toy::new();
    let mut events = Vec::new();
    toy.train(6, TOTAL, &mut events).unwrap();
    let evaluation = events
        .iter()
        .position(|event| matches!(event, Event::Eval(_)))
        .unwrap();
    let unsettled = Toy {
        best: f64::MAX,
        ..toy.clone()
    };
    let signal = Event::Checkpoint(Arc::new(unsettled.checkpoint(Reason::Signal)));
    for event in events[..evaluation].iter().chain([&signal]) {
        writer.event(event).unwrap();
    }
    drop(writer);
    let resume = Resume::open(&path).unwrap();
    assert_eq!(Toy::of(resume.checkpoint().unwrap()), unsettled);
    let mut writer = resume.begin(&toy::resume_meta()).unwrap();
    for event in &events[evaluation..] {
        writer.event(event).unwrap();
    }
    drop(writer);
    let resume = Resume::open(&path).unwrap();
    assert_eq!(resume.checkpoint().map(Toy::of), Some(toy));
    drop(resume);
    toy::go_on(&path, TOTAL);
    same(&path, &whole, "interrupted in an evaluation");
}

#[test]
fn a_kill_between_two_states_of_a_step_keeps_the_later_one() {
    let root = toy::folder();
    let whole = toy::run(root.path(), TOTAL, TOTAL);
    let path = toy::run(root.path(), 10, TOTAL);
    // As if an earlier state of step 8 had not been deleted yet.
    let (place, next) = (
        "checkpoints/step-0000000008",
        "checkpoints/step-0000000008.next",
    );
    fs::rename(path.join(place), path.join(next)).unwrap();
    toy::copy(&path.join(next), &path.join(place));
    fs::write(path.join(place).join("state.json"), "{}").unwrap();
    assert_eq!(Resume::open(&path).unwrap().step(), 8);
    assert_eq!(toy::go_on(&path, TOTAL).0, 8);
    same(&path, &whole, "two states");
    assert!(!path.join(next).exists());
}

#[test]
fn a_kill_while_the_plan_is_replaced_brings_the_old_plan_back() {
    let root = toy::folder();
    let path = toy::run(root.path(), 10, TOTAL);
    let plan = fs::read_to_string(path.join("plan.toml")).unwrap();
    fs::rename(path.join("plan.toml"), path.join("plan.before-2.toml")).unwrap();
    fs::write(path.join("plan.toml"), "half = true\n").unwrap();
    drop(Resume::open(&path).unwrap());
    assert_eq!(fs::read_to_string(path.join("plan.toml")).unwrap(), plan);
    assert!(!path.join("plan.before-2.toml").exists());
}
