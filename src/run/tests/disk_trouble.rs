//! A disk that fails ends the run with an error, and what was durable stays.

use std::{
    fs,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::toy::{self, Toy};
use crate::{
    event::{Event, Reason, Sink, Status},
    run::{Reader, RunError, Writer, load_newest, verify},
};

#[test]
fn a_checkpoint_that_cannot_be_written_is_the_error_of_a_later_event() {
    let root = toy::folder();
    let mut writer = Writer::create(root.path(), &toy::meta()).unwrap();
    let path = writer.path().to_path_buf();
    fs::remove_dir(path.join("checkpoints")).unwrap();
    let mut toy = Toy::new();
    // Checkpoints wait for each other, so that the failure is told within a few of them.
    let error = toy.train(100_000, 100_000, &mut writer).unwrap_err();
    assert!(error.to_string().starts_with("cannot create `"), "{error}");
    let again = writer
        .event(&Event::EpochStart { epoch: 1 })
        .unwrap_err()
        .to_string();
    assert!(
        again.starts_with("nothing more is written after an earlier error: cannot create"),
        "{again}"
    );
    let summary = writer.finish(&toy.ending(Status::Completed)).unwrap();
    assert_eq!(summary.status.name(), "failed");
    assert!(summary.status.why().unwrap().starts_with("cannot create"));
    assert_eq!(Reader::open(&path).unwrap().status.name(), "failed");
}

#[test]
fn a_failure_that_no_event_told_is_told_at_the_end() {
    let root = toy::folder();
    let mut writer = Writer::create(root.path(), &toy::meta()).unwrap();
    let path = writer.path().to_path_buf();
    fs::remove_dir(path.join("checkpoints")).unwrap();
    writer
        .event(&Event::Checkpoint(Arc::new(
            Toy::new().checkpoint(Reason::Final),
        )))
        .unwrap();
    let error = writer
        .finish(&Toy::new().ending(Status::Completed))
        .unwrap_err();
    assert!(
        matches!(
            error,
            RunError::Io {
                doing: "create",
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(
        Reader::open(&path).unwrap().summary.unwrap().status.name(),
        "failed"
    );
}

#[test]
fn a_checkpoint_that_fails_leaves_nothing_and_the_older_one_stays() {
    let root = toy::folder();
    let mut writer = Writer::create(root.path(), &toy::meta()).unwrap();
    let path = writer.path().to_path_buf();
    let mut toy = Toy::new();
    toy.train(4, 9, &mut writer).unwrap();
    let mut torn = Toy {
        step: 5,
        ..toy.clone()
    }
    .checkpoint(Reason::Every);
    torn.optimizer[1].bytes.pop();
    writer.event(&Event::Checkpoint(Arc::new(torn))).unwrap();
    let message = writer
        .finish(&toy.ending(Status::Completed))
        .unwrap_err()
        .to_string();
    assert!(
        message.ends_with("tensor `moment` of shape [1] has 7 bytes"),
        "{message}"
    );
    let names: Vec<_> = fs::read_dir(path.join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["step-0000000004"]);
    assert_eq!(load_newest(&path).unwrap().0, toy.checkpoint(Reason::Every));
    assert!(verify(&path).unwrap().is_valid());
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error_with_its_path() {
    let root = toy::folder();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    let message = Writer::create(&file, &toy::meta()).unwrap_err().to_string();
    assert!(
        message.starts_with(&format!("cannot create `{}`", file.display())),
        "{message}"
    );
}

#[test]
fn what_is_discarded_or_unfinished_goes_with_the_next_save() {
    let root = toy::folder();
    let mut writer = Writer::create(root.path(), &toy::meta()).unwrap();
    let checkpoints = writer.path().join("checkpoints");
    let mut toy = Toy::new();
    toy.train(4, 24, &mut writer).unwrap();
    for name in [".trash-step-0000000001", ".tmp-step-0000000002-1"] {
        fs::create_dir_all(checkpoints.join(name).join("inside")).unwrap();
    }
    toy.train(24, 24, &mut writer).unwrap();
    writer.finish(&toy.ending(Status::Completed)).unwrap();
    let left = fs::read_dir(checkpoints).unwrap();
    let hidden = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with('.')
    });
    assert_eq!(hidden.count(), 0);
}

#[cfg(unix)]
#[test]
fn what_a_killed_process_left_of_a_new_run_goes_with_the_next_run() {
    let root = toy::folder();
    let made = |name: &str, age: u64, file: Option<&str>| {
        let path = root.path().join(name);
        fs::create_dir(&path).unwrap();
        if let Some(file) = file {
            fs::write(path.join(file), "").unwrap();
        }
        let then = SystemTime::now() - Duration::from_secs(age);
        fs::File::open(&path).unwrap().set_modified(then).unwrap();
        path
    };
    let goes = [
        made(".tmp-toy-20260101-000000-abcdef", 600, Some(".lock")),
        made(".tmp-1234", 600, None),
    ];
    let stays = [
        made(".tmp-toy-20260101-000000-abcde0", 0, Some(".lock")),
        made(".tmp-mine", 600, Some("thesis.tex")),
        made("toy-20260101-000000-abcde1", 600, Some(".lock")),
    ];
    Writer::create(root.path(), &toy::meta()).unwrap();
    assert!(goes.iter().all(|path| !path.exists()));
    assert!(stays.iter().all(|path| path.exists()));
}
