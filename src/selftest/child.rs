//! One process of the program under test.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::run::FAULT;

/// A process that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(120);
/// How often a process is asked whether it has ended.
const PAUSE: Duration = Duration::from_millis(1);

/// How a process ended.
#[derive(Debug)]
pub struct End {
    /// Its exit code; none where it was killed.
    pub code: Option<i32>,
    /// What it said.
    pub stderr: String,
}

impl End {
    /// What went wrong, as it said.
    pub fn error(&self) -> Option<&str> {
        let at = self.stderr.match_indices("error: ");
        let mut starts = at.map(|(at, _)| at);
        let start = starts.find(|at| *at == 0 || self.stderr[..*at].ends_with('\n'))?;
        Some(&self.stderr[start..])
    }
}

/// Where and how processes are started.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The program.
    pub program: &'a Path,
    /// A folder of its own.
    pub folder: &'a Path,
}

impl Place<'_> {
    /// Runs the program with these arguments to its end, or kills it after a time. `fault` is for
    /// `TRAINER_FAULT`.
    ///
    /// # Errors
    /// A process that cannot be started, or that hangs.
    pub fn run(
        self,
        args: &[&Path],
        fault: Option<&str>,
        kill: Option<Duration>,
    ) -> Result<End, String> {
        let said = self.folder.join("stderr");
        let start = || -> io::Result<Child> {
            let mut command = Command::new(self.program);
            command
                .args(args)
                .args(["-q", "--runs"])
                .arg(self.folder.join("runs"))
                .env_remove("RUST_LOG")
                .env_remove(FAULT)
                .env("NO_COLOR", "1")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(File::create(&said)?);
            if let Some(fault) = fault {
                command.env(FAULT, fault);
            }
            command.spawn()
        };
        let child = start().map_err(|error| format!("the program cannot be started: {error}"))?;
        let status = wait(child, kill)?;
        let stderr = fs::read(&said).map_err(|error| error.to_string())?;
        Ok(End {
            code: status.code(),
            stderr: String::from_utf8_lossy(&stderr).trim().to_string(),
        })
    }
}

fn wait(mut child: Child, kill: Option<Duration>) -> Result<ExitStatus, String> {
    let began = Instant::now();
    let mut killed = false;
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(status);
        }
        let hangs = began.elapsed() > LONGEST;
        if !killed && (hangs || kill.is_some_and(|after| began.elapsed() >= after)) {
            killed = true;
            child.kill().map_err(|error| error.to_string())?;
        }
        if hangs {
            child.wait().map_err(|error| error.to_string())?;
            return Err(format!("a process hung for {} s", LONGEST.as_secs()));
        }
        thread::sleep(PAUSE);
    }
}
