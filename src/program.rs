//! The program that runs: its name, version and commit, and the digest of its executable.
//!
//! A run records its program, and `resume` refuses another one. The digest decides: it differs as
//! soon as one instruction does, whatever version and commit say. A crate with components of its own
//! passes its version with [`program!`](macro@crate::program).

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Read},
    path::Path,
    sync::OnceLock,
};

/// A program as its crate describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Name of its binary or package.
    pub name: &'static str,
    /// Version of its package.
    pub version: &'static str,
    /// Git commit that it was built from, where its build script says so.
    pub commit: Option<&'static str>,
    /// Short hash of the changes since that commit, where there are any.
    pub changes: Option<&'static str>,
}

impl Program {
    /// This package itself, as its build script found it.
    #[must_use]
    pub fn trainer() -> Self {
        Self {
            name: TRAINER,
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("TRAINER_COMMIT"),
            changes: option_env!("TRAINER_CHANGES"),
        }
    }

    /// Version and commit in one word: `0.1.0+63a8b7a2f1c3`, with `.dirty-1f2e3d4c` where the sources
    /// differed from the commit.
    #[must_use]
    pub fn version_text(&self) -> String {
        version_text(self.version, self.commit, self.changes)
    }
}

/// See [`Program::version_text`].
pub(crate) fn version_text(version: &str, commit: Option<&str>, changes: Option<&str>) -> String {
    let mut text = version.to_string();
    if let Some(commit) = commit {
        text += &format!("+{}", commit.get(..12).unwrap_or(commit));
    }
    if let Some(changes) = changes {
        text += &format!(".dirty-{changes}");
    }
    text
}

/// The [`Program`] of the crate that calls it: the name of its binary, the
/// version of its package, and the commit in the environment variable `PROGRAM_COMMIT`, which a build script can set:
///
/// ```no_run
/// // build.rs
/// let git = std::process::Command::new("git").args(["rev-parse", "HEAD"]).output();
/// if let Ok(found) = git {
///     let commit = String::from_utf8_lossy(&found.stdout);
///     println!("cargo:rustc-env=PROGRAM_COMMIT={}", commit.trim());
/// }
/// ```
///
/// It goes to [`Extensions::program`](crate::config::Extensions::program):
///
/// ```no_run
/// use trainer::config::Extensions;
/// trainer::cli::main_with(Extensions::new().program(trainer::program!()));
/// ```
#[macro_export]
macro_rules! program {
    () => {
        $crate::program::Program {
            name: match option_env!("CARGO_BIN_NAME") {
                Some(name) => name,
                None => env!("CARGO_PKG_NAME"),
            },
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("PROGRAM_COMMIT"),
            changes: None,
        }
    };
}

/// Name of this package and its binary.
pub const TRAINER: &str = "trainer";

static DECLARED: OnceLock<Option<Program>> = OnceLock::new();
static TYPED: OnceLock<String> = OnceLock::new();
static DIGEST: OnceLock<Option<String>> = OnceLock::new();

/// Says which program this process is. The first call counts; `None` is a program that does not say
/// its version.
pub fn declare(program: Option<Program>) {
    DECLARED.get_or_init(|| program);
}

/// The program that this process said it is.
#[must_use]
pub fn declared() -> Option<&'static Program> {
    DECLARED.get().and_then(Option::as_ref)
}

/// Says how the program was called: the file name of `path` is what a person types. The first call
/// counts.
pub fn called(path: &Path) {
    if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
        let suffix = std::env::consts::EXE_SUFFIX;
        TYPED.get_or_init(|| name.strip_suffix(suffix).unwrap_or(name).to_string());
    }
}

/// The word that a person types to run this program.
#[must_use]
pub fn name() -> &'static str {
    let declared = || declared().map_or(TRAINER, |program| program.name);
    TYPED.get().map_or_else(declared, String::as_str)
}

/// The name of the file that runs.
#[must_use]
pub fn file_name() -> String {
    let path = std::env::current_exe().ok();
    let name = path.as_ref().and_then(|path| path.file_name());
    name.map_or_else(
        || TRAINER.into(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// `text` with the name of this program in commands that a person is to type, such as
/// `trainer resume last`. `verbs` are the commands there are.
#[must_use]
pub fn with_name<'a>(text: &'a str, verbs: &[&str]) -> Cow<'a, str> {
    match name() {
        TRAINER => text.into(),
        name => renamed(text, name, verbs).into(),
    }
}

fn renamed(text: &str, name: &str, verbs: &[&str]) -> String {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '.');
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(TRAINER) {
        let (before, from) = rest.split_at(at);
        let after = &from[TRAINER.len()..];
        let next = after.strip_prefix(' ').unwrap_or_default();
        let next = next.split(|c: char| !word(c)).next().unwrap_or_default();
        let alone = !before.ends_with(word);
        let is_command = alone && (verbs.contains(&next) || next.starts_with("--"));
        let placeholder = alone && next == "COMMAND";
        out.push_str(before);
        out.push_str(if is_command || placeholder {
            name
        } else {
            TRAINER
        });
        rest = after;
    }
    out + rest
}

/// BLAKE3 of the executable of this process, in hexadecimal; `None` where it cannot be read. It is
/// read once.
#[must_use]
pub fn digest() -> Option<&'static str> {
    DIGEST
        .get_or_init(|| executable().and_then(hash).ok())
        .as_deref()
}

/// Reads the executable in a thread of its own, so that [`digest`] need not be waited for later.
pub fn digest_ahead() {
    let thread = std::thread::Builder::new().name("program-digest".into());
    // Without a thread it is read when it is asked for.
    let _ = thread.spawn(digest);
}

/// The file that runs, also where another one has taken its place since.
fn executable() -> io::Result<File> {
    if cfg!(target_os = "linux")
        && let Ok(file) = File::open("/proc/self/exe")
    {
        return Ok(file);
    }
    File::open(std::env::current_exe()?)
}

fn hash(mut file: File) -> io::Result<String> {
    const BLOCK: usize = 1 << 18;
    let (mut hasher, mut block) = (blake3::Hasher::new(), vec![0; BLOCK]);
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hasher.finalize().to_hex().to_string()),
            read => hasher.update(&block[..read]),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_commands_are_renamed() {
        let verbs = ["run", "resume", "ls"];
        let renamed = |text| renamed(text, "my-net", &verbs);
        assert_eq!(
            renamed("next: trainer resume last, trainer run FILE; see `trainer ls`."),
            "next: my-net resume last, my-net run FILE; see `my-net ls`."
        );
        for same in [
            "use a newer trainer",
            "/home/trainer run",
            "my-trainer run",
            "trainer running",
            "trainer",
            "trainer: ls",
        ] {
            assert_eq!(renamed(same), same);
        }
        assert_eq!(renamed("trainer --help"), "my-net --help");
    }

    #[test]
    fn the_digest_is_that_of_the_file() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(digest(), Some(blake3::hash(&bytes).to_hex().as_str()));
    }

    #[test]
    fn a_version_names_commit_and_changes() {
        assert_eq!(version_text("0.1.0", None, None), "0.1.0");
        assert_eq!(
            version_text("0.1.0", Some("63a8b7a2f1c3d4e5f6"), Some("1f2e3d4c")),
            "0.1.0+63a8b7a2f1c3.dirty-1f2e3d4c"
        );
    }
}
