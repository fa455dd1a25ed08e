//! Which program runs on which machine: what `run.json` and manifests record, and what a resumed
//! run is compared with.

use jiff::Timestamp;

use super::Binary;
use crate::program::{self, Program, TRAINER};

/// The program that is running, with the digest of its executable.
#[must_use]
pub fn binary() -> Binary {
    Binary {
        blake3: program::digest().map(String::from),
        ..described()
    }
}

/// The program that is running, as it describes itself.
#[must_use]
pub fn described() -> Binary {
    let trainer = Program::trainer();
    let text = |text: Option<&str>| text.map(String::from);
    let (version, commit, changes) = match program::declared() {
        Some(own) => (own.version, own.commit, own.changes),
        None => ("unknown", None, None),
    };
    Binary {
        name: program::declared().map_or_else(program::file_name, |own| own.name.into()),
        version: version.into(),
        commit: text(commit),
        dirty: changes.is_some(),
        changes: text(changes),
        target: env!("TRAINER_TARGET").into(),
        profile: env!("TRAINER_PROFILE").into(),
        blake3: None,
        trainer: (program::declared() != Some(&trainer)).then(|| trainer.version_text()),
    }
}

/// The class of instruction sets of this processor. Runs of one class give the same bits; between
/// classes they may differ, because fused multiply-add rounds once instead of twice.
#[must_use]
pub fn isa_class() -> String {
    let mut class = std::env::consts::ARCH.replace('_', "-");
    for feature in features() {
        class.push('-');
        class.push_str(feature);
    }
    class
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let detected = [
        ("avx", std::is_x86_feature_detected!("avx")),
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("avx512", std::is_x86_feature_detected!("avx512f")),
    ];
    let widest = detected.into_iter().rev().find(|(_, there)| *there);
    let fma = ("fma", std::is_x86_feature_detected!("fma"));
    widest
        .into_iter()
        .chain(fma.1.then_some(fma))
        .map(|(name, _)| name)
        .collect()
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<&'static str> {
    let detected = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("fp16", std::arch::is_aarch64_feature_detected!("fp16")),
    ];
    detected
        .into_iter()
        .filter(|(_, there)| *there)
        .map(|(name, _)| name)
        .collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> Vec<&'static str> {
    Vec::new()
}

/// The machine's name, or `unknown`.
pub(super) fn host() -> String {
    let asked = || {
        let output = std::process::Command::new("hostname").output().ok()?;
        String::from_utf8(output.stdout).ok()
    };
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(asked)
        .map(|name| name.trim().to_string())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".into())
}

/// A moment as RFC 3339 in UTC with microseconds, so that texts sort as moments do.
pub(super) fn stamp(moment: Timestamp) -> String {
    format!("{moment:.6}")
}

/// Seconds between two stamps; `None` where one of them is none.
pub(super) fn seconds_between(start: &str, end: &str) -> Option<f64> {
    let (start, end): (Timestamp, Timestamp) = (start.parse().ok()?, end.parse().ok()?);
    Some(end.duration_since(start).as_secs_f64().max(0.0))
}

impl Binary {
    /// The program in a few words: `0.1.0+63a8b7a2f1c3` for trainer, `my-net 0.3.0 (trainer 0.1.0)`
    /// for one that is built on it.
    #[must_use]
    pub fn id(&self) -> String {
        match self.name.as_str() {
            "" | TRAINER => self.versions(),
            name => format!("{name} {}", self.versions()),
        }
    }

    /// Version and commit, and those of trainer where the program is another one.
    #[must_use]
    pub fn versions(&self) -> String {
        let (commit, changes) = (self.commit.as_deref(), self.changes.as_deref());
        let own = program::version_text(&self.version, commit, changes);
        match &self.trainer {
            Some(trainer) => format!("{own} (trainer {trainer})"),
            None => own,
        }
    }

    /// Returns this program and `now` as texts, where they differ; `None` where it is the same
    /// executable, or where an older run kept no digest and nothing else differs.
    #[must_use]
    pub fn difference(&self, now: &Self) -> Option<(String, String)> {
        let (was, is) = (self.id(), now.id());
        if was != is {
            return Some((was, is));
        }
        let short = |digest: &str| digest.get(..12).unwrap_or(digest).to_string();
        match (&self.blake3, &now.blake3) {
            (Some(a), Some(b)) if a != b => Some((
                format!("{was}, executable {}", short(a)),
                format!("{is}, executable {}", short(b)),
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_sort_as_moments_do() {
        let early = stamp(Timestamp::from_microsecond(1_700_000_000_000_000).unwrap());
        let late = stamp(Timestamp::from_microsecond(1_700_000_000_500_000).unwrap());
        assert_eq!(early, "2023-11-14T22:13:20.000000Z");
        assert!(early < late);
        assert_eq!(seconds_between(&early, &late), Some(0.5));
    }

    fn made_by(name: &str, trainer: Option<&str>) -> Binary {
        Binary {
            name: name.into(),
            version: "0.3.0".into(),
            commit: Some("63a8b7a2f1c3d4e5f6".into()),
            changes: Some("1f2e3d4c".into()),
            trainer: trainer.map(String::from),
            blake3: Some("ab".repeat(32)),
            ..described()
        }
    }

    #[test]
    fn a_program_is_named_with_commit_and_changes() {
        for (name, trainer, id) in [
            ("", None, "0.3.0+63a8b7a2f1c3.dirty-1f2e3d4c"),
            (TRAINER, None, "0.3.0+63a8b7a2f1c3.dirty-1f2e3d4c"),
            (
                "my-net",
                Some("0.1.0"),
                "my-net 0.3.0+63a8b7a2f1c3.dirty-1f2e3d4c (trainer 0.1.0)",
            ),
        ] {
            assert_eq!(made_by(name, trainer).id(), id);
        }
    }

    #[test]
    fn another_executable_of_the_same_version_is_another_program() {
        let was = made_by("my-net", Some("0.1.0"));
        assert_eq!(was.difference(&was), None);
        let mut now = was.clone();
        now.blake3 = Some("cd".repeat(32));
        let (a, b) = was.difference(&now).unwrap();
        assert!(
            a.ends_with("(trainer 0.1.0), executable abababababab"),
            "{a}"
        );
        assert!(
            b.ends_with("(trainer 0.1.0), executable cdcdcdcdcdcd"),
            "{b}"
        );
        // A run of an older version kept no digest.
        now.blake3 = None;
        assert_eq!(was.difference(&now), None);
        now.trainer = Some("0.2.0".into());
        assert!(was.difference(&now).unwrap().1.ends_with("(trainer 0.2.0)"));
    }

    #[test]
    fn a_program_that_does_not_say_its_version_still_has_a_digest() {
        let binary = binary();
        assert_eq!(
            (binary.version.as_str(), binary.commit.as_deref()),
            ("unknown", None)
        );
        assert_eq!(binary.blake3.as_deref(), program::digest());
        assert!(binary.trainer.is_some());
    }

    #[test]
    fn the_class_begins_with_the_architecture() {
        assert!(isa_class().starts_with(&std::env::consts::ARCH.replace('_', "-")));
    }
}
