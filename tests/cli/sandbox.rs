//! A folder of its own for each test, and the tool run in it as a user would run it.

use std::{
    ffi::OsStr,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
};

use serde_json::Value;

/// The tool under test.
pub const TRAINER: &str = env!("CARGO_BIN_EXE_trainer");

/// A temporary folder with a folder of runs in it.
pub struct Sandbox {
    root: tempfile::TempDir,
}

/// What a command did.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit code; 128 + n where signal n killed it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Sandbox {
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("trainer-").tempdir();
        Self {
            root: root.unwrap(),
        }
    }

    /// A path in the folder.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes a file into the folder and gives its path.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The tool with the folder as its working directory and nothing of the caller's environment
    /// that it would listen to.
    pub fn command<A: AsRef<OsStr>>(&self, args: &[A]) -> Command {
        let mut command = tool();
        command
            .args(args)
            .current_dir(self.root.path())
            .env_remove("RUST_LOG")
            .env_remove("RUST_BACKTRACE")
            .env_remove("MNIST")
            .env_remove("WINE")
            .env_remove("TEXT")
            .env("NO_COLOR", "1")
            .env("TRAINER_RUNS", self.runs())
            .stdin(Stdio::null());
        command
    }

    /// Runs the tool to its end.
    pub fn trainer<A: AsRef<OsStr>>(&self, args: &[A]) -> Outcome {
        finish(&mut self.command(args))
    }

    /// Runs the tool and requires exit code 0.
    pub fn ok<A: AsRef<OsStr>>(&self, args: &[A]) -> Outcome {
        self.trainer(args).exits(0)
    }

    /// Starts the tool; its outputs are pipes. See [`Process`].
    pub fn start<A: AsRef<OsStr>>(&self, args: &[A]) -> Process {
        Process::start(&mut self.command(args))
    }

    /// The folder of the runs.
    pub fn runs(&self) -> PathBuf {
        self.path("runs")
    }

    /// The directories of the runs, in order of their names.
    pub fn run_dirs(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.runs()) else {
            return Vec::new();
        };
        let names = entries.map(|entry| entry.unwrap().file_name());
        let whole = names.filter(|name| !name.to_string_lossy().starts_with('.'));
        let mut dirs: Vec<PathBuf> = whole.map(|name| self.runs().join(name)).collect();
        dirs.sort();
        dirs
    }

    /// The directory of the only run.
    pub fn run_dir(&self) -> PathBuf {
        match self.run_dirs().as_slice() {
            [one] => one.clone(),
            dirs => panic!("one run was expected: {dirs:?}"),
        }
    }
}

impl Outcome {
    /// Requires an exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "\n-- stdout\n{}\n-- stderr\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Requires words on standard error.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(
            self.stderr.contains(words),
            "`{words}` is not in:\n{}",
            self.stderr
        );
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in:\n{}", self.stdout))
    }
}

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Outcome {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    Outcome {
        code: code(status),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// A command that is under way; killed where a test leaves it behind.
pub struct Process {
    pub child: Child,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Self {
            child: child.unwrap(),
        }
    }

    /// Sends a signal by its name: `INT`, `TERM`, `STOP`, `CONT`, `KILL`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success(), "signal {name} was not sent");
    }

    /// Waits for the end.
    pub fn finish(mut self) -> Outcome {
        let (mut stdout, mut stderr) = (self.child.stdout.take(), self.child.stderr.take());
        // One thread drains one pipe, so that a full pipe never stops the child.
        let errors = std::thread::spawn(move || drain(&mut stderr));
        let stdout = drain(&mut stdout);
        let status = self.child.wait().unwrap();
        Outcome {
            code: code(status),
            stdout,
            stderr: errors.join().unwrap(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already, or it must now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn drain(pipe: &mut Option<impl Read>) -> String {
    let mut text = String::new();
    if let Some(pipe) = pipe {
        pipe.read_to_string(&mut text).unwrap();
    }
    text
}

fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap())
}

/// A JSON file.
#[track_caller]
pub fn json(path: impl AsRef<Path>) -> Value {
    let path = path.as_ref();
    let text = fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{error} reading {}", path.display()));
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error} in {}:\n{text}", path.display()))
}

/// A file of JSON lines.
#[track_caller]
pub fn json_lines(path: impl AsRef<Path>) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The tool. Where the tests themselves were started to ignore signals, as `nohup` and a script's
/// `&` do, it would ignore them, too; `env` gives them their meaning back.
fn tool() -> Command {
    const HUP_INT_USR1_TERM: u64 = 1 | 1 << 1 | 1 << 9 | 1 << 14;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    match ignored.unwrap_or(0) & HUP_INT_USR1_TERM {
        0 => Command::new(TRAINER),
        _ => {
            let mut command = Command::new("env");
            command.args(["--default-signal=HUP,INT,USR1,TERM", TRAINER]);
            command
        }
    }
}

/// Copies a directory.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let place = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &place);
        } else {
            fs::copy(&path, &place).unwrap();
        }
    }
}

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Data that is not in the repository: `None`, and a word about it, where it is not there.
pub fn data(name: &str) -> Option<PathBuf> {
    let path = repository().join("../shared/data").join(name);
    if path.exists() {
        return Some(fs::canonicalize(path).unwrap());
    }
    println!("skipped: there is no {}", path.display());
    None
}
