//! Two processes and one run; a process that is killed.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use super::toy::{self, Toy};
use crate::{
    event::{Event, Sink, SinkError},
    run::{Reader, Resume, RunError, Writer, verify},
};

const FOLDER: &str = "TRAINER_TEST_RUNS";
const TOTAL: u64 = 60;

/// Not a test: what the other process does. It says where its run is and how far it is.
#[test]
#[ignore = "the other process of the tests below"]
fn other_process() {
    let Ok(root) = std::env::var(FOLDER) else {
        return;
    };
    let mut writer = Writer::create(Path::new(&root), &toy::meta()).unwrap();
    say(&writer.path().display().to_string());
    Toy::new()
        .train(TOTAL, TOTAL, &mut Speaking(&mut writer))
        .unwrap();
    // Holds the lock until it is killed.
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// Says each step, past the test harness.
struct Speaking<'a>(&'a mut Writer);

impl Sink for Speaking<'_> {
    fn event(&mut self, event: &Event) -> Result<(), SinkError> {
        if let Event::Step(row) = event {
            say(&format!("step {}", row.step));
        }
        self.0.event(event)
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "other: {text}")
        .and_then(|()| out.flush())
        .unwrap();
}

struct Other {
    child: Child,
    out: BufReader<ChildStdout>,
    path: PathBuf,
}

impl Other {
    fn start(root: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "run::tests::processes::other_process",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env(FOLDER, root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut other = Self {
            child,
            out,
            path: PathBuf::new(),
        };
        other.path = other.hear("").into();
        other
    }

    /// Waits until it says something that begins so.
    fn hear(&mut self, begin: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(
                self.out.read_line(&mut line).unwrap() > 0,
                "the other process ended"
            );
            // The harness writes its own words on the same line.
            if let Some((_, said)) = line.trim_end().split_once("other: ")
                && said.starts_with(begin)
            {
                return said.into();
            }
        }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn a_run_is_locked_while_its_process_lives_and_crashed_after() {
    let root = toy::folder();
    let mut other = Other::start(root.path());
    let refused = Resume::open(&other.path).err();
    assert!(
        matches!(refused, Some(RunError::Locked { pid, .. }) if pid == other.child.id()),
        "{refused:?}"
    );
    assert_eq!(Reader::open(&other.path).unwrap().status.name(), "running");
    other.kill();
    assert_eq!(Reader::open(&other.path).unwrap().status.name(), "crashed");
    drop(Resume::open(&other.path).unwrap());
}

#[test]
fn a_killed_process_leaves_a_run_that_goes_on_as_if_nothing_had_happened() {
    let root = toy::folder();
    let whole = toy::log(&toy::run(root.path(), TOTAL, TOTAL));
    for step in [1, 9, 37] {
        let mut other = Other::start(root.path());
        other.hear(&format!("step {step}"));
        other.kill();
        let before = verify(&other.path).unwrap();
        assert!(before.is_valid(), "{before:?}");
        toy::go_on(&other.path, TOTAL);
        assert_eq!(toy::log(&other.path), whole, "killed at step {step}");
        let after = verify(&other.path).unwrap();
        assert!(after.is_valid() && after.notes.is_empty(), "{after:?}");
    }
}
