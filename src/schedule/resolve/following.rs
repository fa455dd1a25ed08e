//! Targets that follow others: in which order they get their values, and faults of circles.

use crate::{
    error::KeyFault,
    schedule::{Entry, EntryFault, Group, Target},
};

/// What follows what in one group: (target, its entry's place in the list, the entry).
type Moving<'a> = [(Target, usize, &'a Entry)];

/// All targets, each behind those that it follows.
pub(crate) fn order(moving: &Moving<'_>) -> Vec<Target> {
    let mut done: Vec<Target> = Vec::new();
    // Each round adds what waits for nothing; cycles, which `faults` refuses, never come.
    for _ in Target::ALL {
        let ready = Target::ALL.into_iter().filter(|target| {
            let mut followed = followed_by(*target, moving);
            !done.contains(target) && followed.all(|other| done.contains(&other))
        });
        done.extend(ready.collect::<Vec<_>>());
    }
    done
}

fn followed_by(target: Target, moving: &Moving<'_>) -> impl Iterator<Item = Target> {
    let own = moving.iter().filter(move |(moved, ..)| *moved == target);
    own.flat_map(|(_, _, entry)| entry.follows())
        .map(|(_, other)| other)
}

/// Targets that follow themselves, or one that the group does not have.
pub(crate) fn faults(moving: &Moving<'_>, group: &Group) -> Vec<EntryFault> {
    let order = order(moving);
    let mut faults = Vec::new();
    for (target, index, entry) in moving {
        for (key, other) in entry.follows() {
            let found = match group.base.get(&other) {
                _ if !order.contains(target) && leads_to(other, *target, moving) => {
                    Some(circle(&key, *target, other))
                }
                None => Some(
                    KeyFault::error(key, format!("`{other}` is followed, but the run has none"))
                        .hint(other.source()),
                ),
                Some(0.0) => Some(
                    KeyFault::error(
                        key,
                        format!("the base of `{other}` is `0`, and has no factors"),
                    )
                    .hint(other.source()),
                ),
                Some(_) => None,
            };
            faults.extend(found.map(|fault| EntryFault {
                entry: *index,
                fault,
            }));
        }
    }
    faults
}

/// Whether following from one target on comes to another.
fn leads_to(from: Target, to: Target, moving: &Moving<'_>) -> bool {
    let mut seen = vec![from];
    let mut at = 0;
    while let Some(target) = seen.get(at).copied() {
        if target == to {
            return true;
        }
        for next in followed_by(target, moving) {
            if !seen.contains(&next) {
                seen.push(next);
            }
        }
        at += 1;
    }
    false
}

fn circle(key: &str, target: Target, other: Target) -> KeyFault {
    let message = if target == other {
        format!("`{target}` follows itself")
    } else {
        format!("`{target}` follows `{other}`, which follows `{target}`")
    };
    KeyFault::error(key, message).hint("one of them needs a schedule of its own")
}
