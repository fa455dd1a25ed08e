//! The keys that all optimizers share, groups of parameters among them.

use std::collections::{BTreeMap, BTreeSet};

use globset::Glob;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::KeyFault;

/// The keys of `[optimizer]` that all optimizers share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptimizerKeys {
    /// Learning rate before schedules. Required. At least 0.
    #[schemars(range(min = 0.0), example = 0.1)]
    pub lr: f64,
    /// Weight decay before schedules. Default 0. At least 0.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
    /// Groups of parameters with values of their own, in order: a parameter belongs to the first
    /// group that matches its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group: Vec<GroupKeys>,
}

/// One `[[optimizer.group]]`: parameters chosen by name, and what differs for them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupKeys {
    /// Its name in schedules and logs (`lr/<name>`). Default: its first pattern without the wildcards, such as `bias` for `*.bias`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Patterns over the names of parameters: `*` stands for anything, dots included, `?` for one
    /// character, `{a,b}` for either. Each has to match a parameter.
    #[serde(rename = "match")]
    #[schemars(length(min = 1), example = ["*bias*", "*norm*"])]
    pub patterns: Vec<String>,
    /// Its learning rate as a multiple of `optimizer.lr`. At least 0. Not together with `lr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub lr_scale: Option<f64>,
    /// Its learning rate. Default: `optimizer.lr`. At least 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub lr: Option<f64>,
    /// Its weight decay. Default: `optimizer.weight_decay`. At least 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub weight_decay: Option<f64>,
    /// Its momentum, or beta1. Default: the optimizer's. At least 0, below 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub momentum: Option<f64>,
    /// Keeps its parameters as they are, bit for bit: no step, no decay. Default false.
    #[serde(default)]
    pub frozen: bool,
}

/// The name of the group of all parameters that no other group takes.
pub const DEFAULT_GROUP: &str = "default";

impl OptimizerKeys {
    /// Gives every group without a name its default name: the first pattern without its wildcards, or
    /// the pattern itself where nothing is left or another group has this name.
    #[must_use]
    pub fn named(mut self) -> Self {
        let given = self.group.iter().filter_map(|group| group.name.clone());
        let mut names: BTreeSet<String> = given.chain([DEFAULT_GROUP.into()]).collect();
        for group in self.group.iter_mut().filter(|group| group.name.is_none()) {
            group.name = group.patterns.first().map(|pattern| {
                let short = plain_part(pattern);
                match short.is_empty() || names.contains(&short) {
                    true => pattern.clone(),
                    false => short,
                }
            });
            names.extend(group.name.clone());
        }
        self
    }

    /// Faults that can be found without knowing the parameters.
    #[must_use]
    pub fn check(&self) -> Vec<KeyFault> {
        let mut faults = Vec::new();
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for (i, group) in self.group.iter().enumerate() {
            faults.extend(group.check(i));
            let Some(name) = group.name() else { continue };
            let key = match group.name {
                Some(_) => format!("group[{i}].name"),
                None => format!("group[{i}].match[0]"),
            };
            if name == DEFAULT_GROUP {
                let message = "`default` is the group of the parameters that no other group takes";
                faults.push(KeyFault::error(key, message).hint("give the group another `name`"));
            } else if let Some(other) = names.insert(name, i) {
                let message = format!("`{name}` is the name of `group[{other}]` already");
                faults.push(KeyFault::error(key, message).hint("give the group another `name`"));
            }
        }
        faults
    }
}

/// Returns the parts of a pattern between dots without their wildcards, those that are left:
/// `fc1.*` → `fc1`, `block?.*norm*` → `block.norm`. A pattern with `{` or `[` has no such part.
fn plain_part(pattern: &str) -> String {
    if pattern.contains(['{', '[', '\\']) {
        return String::new();
    }
    let parts = pattern.split('.').map(|part| part.replace(['*', '?'], ""));
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(".")
}

impl GroupKeys {
    /// Its name: given, or its first pattern.
    pub(super) fn name(&self) -> Option<&str> {
        let first = self.patterns.first().map(String::as_str);
        self.name.as_deref().or(first)
    }

    fn check(&self, i: usize) -> Vec<KeyFault> {
        let mut faults = Vec::new();
        for (j, pattern) in self.patterns.iter().enumerate() {
            if let Err(error) = Glob::new(pattern) {
                let message = format!("`{pattern}` is not a pattern: {}", error.kind());
                faults.push(KeyFault::error(format!("group[{i}].match[{j}]"), message));
            }
        }
        if self.lr.is_some() && self.lr_scale.is_some() {
            let message = "`lr` and `lr_scale` cannot both be given";
            faults.push(
                KeyFault::error(format!("group[{i}].lr_scale"), message)
                    .hint("`lr` is absolute, `lr_scale` a multiple of `optimizer.lr`"),
            );
        }
        let moving = self.lr.is_some() || self.lr_scale.is_some();
        if self.frozen && (moving || self.weight_decay.is_some() || self.momentum.is_some()) {
            let message = "a frozen group takes no steps: its other values have no effect";
            faults.push(KeyFault::warning(format!("group[{i}].frozen"), message));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::{Adam, Sgd};

    #[test]
    fn a_group_without_a_name_gets_a_short_one() {
        let names = |text: &str| -> Vec<String> {
            let keys: OptimizerKeys = toml::from_str(&format!("lr = 0.1\n{text}")).unwrap();
            let groups = keys.named().group.into_iter();
            groups.map(|group| group.name.unwrap()).collect()
        };
        let group = |pattern: &str| format!("[[group]]\nmatch = [\"{pattern}\"]\n");
        for (pattern, name) in [
            ("*.bias", "bias"),
            ("*bias*", "bias"),
            ("out.*", "out"),
            ("block?.*norm*", "block.norm"),
            ("stage1.block2.*", "stage1.block2"),
            ("*", "*"),
            ("default.*", "default.*"),
            ("*.{bias,gain}", "*.{bias,gain}"),
        ] {
            assert_eq!(names(&group(pattern)), [name]);
        }
        let twice = [group("*.bias"), group("bias*")].concat();
        assert_eq!(names(&twice), ["bias", "bias*"]);
        let given = format!("{}name = \"bias\"\n{}", group("fc1.*"), group("*.bias"));
        assert_eq!(names(&given), ["bias", "*.bias"]);
    }

    /// What the config layer checks by the schema must be in the schema.
    #[test]
    fn the_schema_knows_the_ranges() {
        let keys = serde_json::to_value(schemars::schema_for!(OptimizerKeys)).unwrap();
        assert_eq!(keys["required"], serde_json::json!(["lr"]));
        assert_eq!(keys["properties"]["lr"]["minimum"], 0.0);
        let group = serde_json::to_value(schemars::schema_for!(GroupKeys)).unwrap();
        assert_eq!(group["required"], serde_json::json!(["match"]));
        assert_eq!(group["properties"]["match"]["minItems"], 1);
        assert_eq!(group["properties"]["momentum"]["exclusiveMaximum"], 1.0);
        let sgd = serde_json::to_value(schemars::schema_for!(Sgd)).unwrap();
        assert_eq!(sgd["properties"]["momentum"]["exclusiveMaximum"], 1.0);
        assert_eq!(sgd["properties"]["dampening"]["maximum"], 1.0);
        let adam = serde_json::to_value(schemars::schema_for!(Adam)).unwrap();
        assert_eq!(adam["properties"]["eps"]["exclusiveMinimum"], 0.0);
    }
}
