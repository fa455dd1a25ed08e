//! Which parameter gets which learning rate, decay and momentum.
//!
//! ```toml
//! [optimizer]
//! type = "adamw"
//! lr = 3e-4
//! weight_decay = 0.1
//!
//! [[optimizer.group]]
//! match = ["*bias*", "*norm*"]
//! weight_decay = 0
//! ```

use std::collections::BTreeSet;

use globset::{Glob, GlobMatcher};

use super::keys::{DEFAULT_GROUP, GroupKeys, OptimizerKeys};
use crate::error::KeyFault;
use crate::suggest::{did_you_mean, nearest};

/// Gives every parameter to the first group whose patterns match its name. The first of the
/// groups is `default`, which takes the rest and may be empty; the others follow as written.
/// Faults (keys as `group[0].match[1]`) include those of [`OptimizerKeys::check`].
///
/// ```
/// use trainer::optim::{OptimizerKeys, assign};
/// let keys: OptimizerKeys = toml::from_str(
///     "lr = 0.1\n weight_decay = 0.01\n [[group]]\n match = ['*.bias']\n weight_decay = 0",
/// )?;
/// let names = ["fc1.bias", "fc1.weight"].map(String::from);
/// let (groups, faults) = assign(&keys, &names);
/// assert!(faults.is_empty());
/// assert_eq!((groups[0].name.as_str(), groups[0].weight_decay), ("default", 0.01));
/// assert_eq!((groups[1].name.as_str(), groups[1].weight_decay), ("*.bias", 0.0));
/// assert_eq!(groups[1].params, ["fc1.bias"]);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[must_use]
pub fn assign(keys: &OptimizerKeys, params: &[String]) -> (Vec<AssignedGroup>, Vec<KeyFault>) {
    let mut faults = keys.check();
    let mut groups = vec![keys.default_group()];
    groups.extend(keys.group.iter().map(|group| group.assigned(keys)));
    let matchers: Vec<_> = keys.group.iter().map(GroupKeys::matchers).collect();
    for param in params {
        let takes = |matchers: &Vec<Option<GlobMatcher>>| {
            matchers.iter().flatten().any(|m| m.is_match(param))
        };
        let first = matchers.iter().position(takes).map_or(0, |i| i + 1);
        groups[first].params.push(param.clone());
    }
    for (i, (group, matchers)) in keys.group.iter().zip(&matchers).enumerate() {
        let idle = idle_patterns(i, &group.patterns, matchers, params);
        let sound = idle.is_empty() && !matchers.is_empty() && matchers.iter().all(Option::is_some);
        if sound && groups[i + 1].params.is_empty() {
            faults.extend(keys.shadowed(i));
        }
        faults.extend(idle);
    }
    (groups, faults)
}

/// A group with its parameters and values.
#[derive(Debug, Clone, PartialEq)]
pub struct AssignedGroup {
    /// Its name, unique.
    pub name: String,
    /// Its parameters' names, in the order they were given.
    pub params: Vec<String>,
    /// Learning rate before schedules.
    pub lr: f64,
    /// Weight decay before schedules.
    pub weight_decay: f64,
    /// Momentum, or beta1, before schedules, where it is not the optimizer's.
    pub momentum: Option<f64>,
    /// Whether its parameters stay as they are.
    pub frozen: bool,
}

impl OptimizerKeys {
    fn default_group(&self) -> AssignedGroup {
        AssignedGroup {
            name: DEFAULT_GROUP.into(),
            params: Vec::new(),
            lr: self.lr,
            weight_decay: self.weight_decay,
            momentum: None,
            frozen: false,
        }
    }

    /// The fault of a group whose parameters all belong to earlier groups.
    fn shadowed(&self, i: usize) -> Option<KeyFault> {
        let name = self.group[i].name()?;
        let message =
            format!("group `{name}` gets no parameter: earlier groups take all it matches");
        Some(
            KeyFault::error(format!("group[{i}].match"), message)
                .hint("put the more special group first"),
        )
    }
}

impl GroupKeys {
    /// One for each pattern; `None` for one that is broken.
    fn matchers(&self) -> Vec<Option<GlobMatcher>> {
        let globs = self.patterns.iter().map(|pattern| Glob::new(pattern).ok());
        globs
            .map(|glob| glob.map(|g| g.compile_matcher()))
            .collect()
    }

    /// Without parameters yet.
    fn assigned(&self, keys: &OptimizerKeys) -> AssignedGroup {
        AssignedGroup {
            name: self.name().unwrap_or_default().into(),
            params: Vec::new(),
            lr: self.lr.unwrap_or(keys.lr * self.lr_scale.unwrap_or(1.0)),
            weight_decay: self.weight_decay.unwrap_or(keys.weight_decay),
            momentum: self.momentum,
            frozen: self.frozen,
        }
    }
}

/// The parameters that a pattern matches.
///
/// # Errors
/// It is no pattern, or matches nothing; the fault's key is empty.
pub fn matching(pattern: &str, params: &[String]) -> Result<Vec<String>, KeyFault> {
    let matcher = match Glob::new(pattern) {
        Ok(glob) => glob.compile_matcher(),
        Err(error) => {
            let message = format!("`{pattern}` is not a pattern: {}", error.kind());
            return Err(KeyFault::error("", message));
        }
    };
    let matched = params.iter().filter(|param| matcher.is_match(param));
    let matched: Vec<String> = matched.cloned().collect();
    if matched.is_empty() {
        let message = format!("`{pattern}` matches no parameter");
        return Err(KeyFault::error("", message).hint(instead(pattern, params)));
    }
    Ok(matched)
}

/// The faults of the `i`-th group's patterns that match no parameter.
fn idle_patterns(
    i: usize,
    patterns: &[String],
    matchers: &[Option<GlobMatcher>],
    params: &[String],
) -> Vec<KeyFault> {
    let mut faults = Vec::new();
    for (j, (pattern, matcher)) in patterns.iter().zip(matchers).enumerate() {
        let Some(matcher) = matcher else { continue };
        if !params.iter().any(|param| matcher.is_match(param)) {
            let message = format!("`{pattern}` matches no parameter");
            faults.push(
                KeyFault::error(format!("group[{i}].match[{j}]"), message)
                    .hint(instead(pattern, params)),
            );
        }
    }
    faults
}

/// What a pattern that matches nothing may have meant.
fn instead(pattern: &str, params: &[String]) -> String {
    let literal = pattern.replace('*', "");
    let literal = literal.trim_matches('.');
    let parts: BTreeSet<&str> = params.iter().flat_map(|param| param.split('.')).collect();
    let names = params.iter().map(String::as_str);
    if let Some(near) = nearest(literal, names.chain(parts)) {
        let meant = pattern.replace(literal, near);
        let matcher = Glob::new(&meant).ok().map(|glob| glob.compile_matcher());
        if matcher.is_some_and(|m| params.iter().any(|param| m.is_match(param))) {
            return did_you_mean(meant);
        }
    }
    let first: Vec<_> = params.iter().take(4).map(|p| format!("`{p}`")).collect();
    match params.len().saturating_sub(first.len()) {
        0 => format!("the model has {}", first.join(", ")),
        more => format!("the model has {} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 6] = [
        "fc1.bias",
        "fc1.weight",
        "fc2.bias",
        "fc2.weight",
        "norm1.bias",
        "norm1.weight",
    ];

    fn assigned(toml: &str) -> (Vec<AssignedGroup>, Vec<String>) {
        let keys: OptimizerKeys = toml::from_str(toml).unwrap();
        let (groups, faults) = assign(&keys, &NAMES.map(String::from));
        (groups, faults.iter().map(ToString::to_string).collect())
    }

    fn faults(groups: &str) -> Vec<String> {
        assigned(&format!("lr = 0.1\n{groups}")).1
    }

    #[test]
    fn bias_and_norm_without_decay_take_one_group() {
        let (groups, faults) = assigned(
            "lr = 0.1\nweight_decay = 0.05\n
             [[group]]\nmatch = [\"*.bias\", \"norm*\"]\nweight_decay = 0",
        );
        assert_eq!(faults, [""; 0]);
        let decay: Vec<_> = groups
            .iter()
            .map(|g| (&g.name[..], g.weight_decay, g.lr))
            .collect();
        assert_eq!(decay, [("default", 0.05, 0.1), ("*.bias", 0.0, 0.1)]);
        assert_eq!(groups[0].params, ["fc1.weight", "fc2.weight"]);
        assert_eq!(
            groups[1].params,
            ["fc1.bias", "fc2.bias", "norm1.bias", "norm1.weight"]
        );
    }

    #[test]
    fn the_first_match_wins_and_values_override() {
        let (groups, faults) = assigned(
            "lr = 0.1\nweight_decay = 0.05\n
             [[group]]\nname = \"head\"\nmatch = [\"fc2.*\"]\nlr = 0.7\nmomentum = 0.5\n
             [[group]]\nmatch = [\"*.bias\"]\nlr_scale = 2\nfrozen = true",
        );
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(groups[1].params, ["fc2.bias", "fc2.weight"]);
        assert_eq!((groups[1].lr, groups[1].momentum), (0.7, Some(0.5)));
        assert_eq!(groups[2].params, ["fc1.bias", "norm1.bias"]);
        assert_eq!((groups[2].lr, groups[2].momentum), (0.2, None));
        assert_eq!([0, 1, 2].map(|i| groups[i].frozen), [false, false, true]);
        let everything = groups.iter().map(|g| g.params.len()).sum::<usize>();
        assert_eq!(everything, NAMES.len());
    }

    #[test]
    fn a_pattern_that_matches_nothing_gets_a_suggestion() {
        assert_eq!(
            faults("[[group]]\nmatch = [\"*.bias\", \"*.wieght\"]"),
            [
                "`group[0].match[1]`: `*.wieght` matches no parameter; hint: did you mean `*.weight`?"
            ]
        );
        assert_eq!(
            faults("[[group]]\nmatch = [\"fc1.weigth\"]"),
            ["`group[0].match[0]`: `fc1.weigth` matches no parameter; \
              hint: did you mean `fc1.weight`?"]
        );
        assert_eq!(
            faults("[[group]]\nmatch = [\"encoder*\"]"),
            [
                "`group[0].match[0]`: `encoder*` matches no parameter; hint: the model has \
              `fc1.bias`, `fc1.weight`, `fc2.bias`, `fc2.weight` and 2 more"
            ]
        );
    }

    #[test]
    fn groups_that_contradict_themselves_are_refused() {
        assert_eq!(
            faults("[[group]]\nmatch = [\"*\"]\nlr = 1\nlr_scale = 2"),
            [
                "`group[0].lr_scale`: `lr` and `lr_scale` cannot both be given; \
              hint: `lr` is absolute, `lr_scale` a multiple of `optimizer.lr`"
            ]
        );
        assert_eq!(
            faults("[[group]]\nmatch = [\"fc1*\"]\n[[group]]\nname = \"fc1*\"\nmatch = [\"fc2*\"]"),
            [
                "`group[1].name`: `fc1*` is the name of `group[0]` already; \
              hint: give the group another `name`"
            ]
        );
        assert!(
            faults("[[group]]\nname = \"default\"\nmatch = [\"*\"]")[0].contains("no other group")
        );
        assert_eq!(
            faults("[[group]]\nmatch = [\"fc[\"]"),
            ["`group[0].match[0]`: `fc[` is not a pattern: \
              unclosed character class; missing ']'"]
        );
        assert_eq!(
            faults("[[group]]\nmatch = [\"*\"]\n[[group]]\nmatch = [\"*.bias\"]"),
            ["`group[1].match`: group `*.bias` gets no parameter: \
              earlier groups take all it matches; hint: put the more special group first"]
        );
    }

    #[test]
    fn keys_survive_being_written_out() {
        let text = "lr = 0.1\n[[group]]\nmatch = [\"*.bias\"]\nweight_decay = 0\n";
        let keys: OptimizerKeys = toml::from_str(text).unwrap();
        let written = toml::to_string(&keys).unwrap();
        assert_eq!(toml::from_str::<OptimizerKeys>(&written).unwrap(), keys);
        assert!(toml::from_str::<OptimizerKeys>("weight_decay = 0").is_err());
    }
}
