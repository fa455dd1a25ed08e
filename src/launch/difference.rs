//! What differs between a run as it was begun and what would go on with it: refused with its
//! remedy, or allowed and recorded.

use super::{LaunchError, start::Run};
use crate::{
    config::Plan,
    run::{self, Attempt, RunInfo},
};

/// What may differ from the run as it was begun; each is recorded.
#[derive(Debug, Clone, Default)]
pub struct Allow {
    /// Another program than the last attempt's.
    pub binary: bool,
    /// Other data, or other weights to start from.
    pub data: bool,
    /// Another class of processor.
    pub isa: bool,
}

/// The differences found so far.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// Those that keep the run from going on, a line each.
    refused: Vec<String>,
    /// The values of `--allow` that would let them pass.
    needed: Vec<&'static str>,
    /// Whether plan.toml was edited by hand, which nothing lets pass.
    plan_edited: bool,
    /// Those that are allowed, a sentence each.
    pub changes: Vec<String>,
}

impl Differences {
    /// Program and processor, against those of the last attempt.
    pub fn of(last: Option<&Attempt>, allow: &Allow) -> Self {
        let mut found = Self::default();
        if let Some(last) = last {
            if let Some((was, now)) = last.binary.difference(&run::binary()) {
                found.compare("program", ("binary", allow.binary), &was, &now);
            }
            let now = run::isa_class();
            found.compare("instruction sets", ("isa", allow.isa), &last.isa, &now);
        }
        found
    }

    /// The content of the data and of the weights it starts from, against what was recorded.
    pub fn data(&mut self, allow: &Allow, was: &RunInfo, now: &Run) {
        let (allow, old) = (("data", allow.data), &was.data_fingerprint);
        self.compare("data: content", allow, old, &now.fingerprint);
        if let (Some(was), Some(now)) = (&was.init, &now.init) {
            self.compare("init: content", allow, &was.blake3, &now.blake3);
        }
    }

    /// The stored plan, whose file holds `text`, against the hash recorded. Whether it is the same
    /// text that another program, which is allowed, reads as another plan.
    pub fn plan(&mut self, allow: &Allow, (stored, text): (&Plan, &str), was: &str) -> bool {
        let now = stored.hash();
        if now == was {
            return false;
        }
        if Plan::hash_of_text(text).as_deref() == Some(was) {
            if is_reordered(stored, text) {
                return false;
            }
            let what = "plan as this program reads it";
            self.compare(what, ("binary", allow.binary), was, &now);
            return allow.binary;
        }
        self.refused.push(format!(
            "  plan.toml: hash {} → {}",
            short(was),
            short(&now)
        ));
        self.plan_edited = true;
        false
    }

    fn compare(&mut self, what: &str, allow: (&'static str, bool), was: &str, now: &str) {
        let colon = if what.contains(':') { "" } else { ":" };
        match allow {
            _ if was == now => {}
            (_, true) => self.changes.push(format!("{what}{colon} {was} → {now}")),
            (name, false) => {
                let (was, now) = (short(was), short(now));
                self.refused.push(format!("  {what}{colon} {was} → {now}"));
                if !self.needed.contains(&name) {
                    self.needed.push(name);
                }
            }
        }
    }

    /// The error, where anything is refused; `plan` is the path of the stored plan.
    ///
    /// # Errors
    /// [`LaunchError::Changed`] with every difference, and a hint that helps against these.
    pub fn refuse(&self, run: &str, plan: &str) -> Result<(), LaunchError> {
        if self.refused.is_empty() {
            return Ok(());
        }
        let mut hints = Vec::new();
        if self.plan_edited {
            hints.push(format!(
                "undo the edit of plan.toml, which only says what was run: `trainer resume RUN --set KEY=VALUE` changes what may change on the way, and `trainer run {plan}` runs the edited plan anew"
            ));
        }
        if !self.needed.is_empty() {
            let needed = self.needed.join(",");
            hints.push(format!(
                "put back what changed, or allow it with --allow {needed}"
            ));
        }
        Err(LaunchError::Changed {
            run: run.into(),
            differences: self.refused.clone(),
            hint: hints.join("; "),
        })
    }
}

/// Is true of a text that holds the plan's keys and values in another order, as an earlier version wrote
/// those that a config leaves out.
fn is_reordered(stored: &Plan, text: &str) -> bool {
    let without_folders = |mut table: toml::Table| {
        table.remove(Plan::PATHS_FROM);
        table
    };
    let text = text.parse().map(without_folders);
    text == Ok(without_folders(stored.to_table()))
}

/// The beginning of a hash; other texts whole.
fn short(text: &str) -> &str {
    match text.len() {
        64 => text.get(..12).unwrap_or(text),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(found: &Differences) -> String {
        found
            .refuse("r", "runs/r/plan.toml")
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn the_hint_names_only_what_helps() {
        let mut found = Differences::default();
        found.refuse("r", "p").unwrap();
        found.compare("data: content", ("data", false), "a", "b");
        assert_eq!(
            refused(&found),
            "run `r` cannot go on as it was begun:\n  data: content a → b\n\
             hint: put back what changed, or allow it with --allow data"
        );
        found.compare("instruction sets", ("isa", false), "x", "y");
        assert!(refused(&found).ends_with("--allow data,isa"));
    }

    #[test]
    fn what_is_allowed_is_a_change_with_the_whole_hash() {
        let (was, now) = ("a".repeat(64), "b".repeat(64));
        let mut found = Differences::default();
        found.compare("data: content", ("data", true), &was, &now);
        found.compare("data: content", ("data", true), &now, &now);
        found.refuse("r", "p").unwrap();
        assert_eq!(found.changes, [format!("data: content {was} → {now}")]);
    }
}
