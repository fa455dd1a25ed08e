//! Which program runs on which machine: what `run.json` and manifests record, and what a resumed
//! run is compared with.

use jiff::Timestamp;

use super::Binary;

/// The program that is running, as it was built.
#[must_use]
pub fn binary() -> Binary {
    let changes = option_env!("TRAINER_CHANGES").map(String::from);
    Binary {
        version: env!("CARGO_PKG_VERSION").into(),
        commit: option_env!("TRAINER_COMMIT").map(String::from),
        dirty: changes.is_some(),
        changes,
        target: env!("TRAINER_TARGET").into(),
        profile: env!("TRAINER_PROFILE").into(),
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
    /// One word that names the program: `0.1.0+63a8b7a2f1c3`, with `.dirty-1f2e3d4c` where its
    /// sources differed from the commit.
    #[must_use]
    pub fn id(&self) -> String {
        let mut id = self.version.clone();
        if let Some(commit) = &self.commit {
            id += &format!("+{}", commit.get(..12).unwrap_or(commit));
        }
        if let Some(changes) = &self.changes {
            id += &format!(".dirty-{changes}");
        }
        id
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

    #[test]
    fn the_binary_names_commit_and_changes() {
        let mut binary = binary();
        binary.commit = Some("63a8b7a2f1c3d4e5f6".into());
        binary.changes = Some("1f2e3d4c".into());
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            binary.id(),
            format!("{version}+63a8b7a2f1c3.dirty-1f2e3d4c")
        );
    }

    #[test]
    fn the_class_begins_with_the_architecture() {
        assert!(isa_class().starts_with(&std::env::consts::ARCH.replace('_', "-")));
    }
}
