//! Parameter groups, and which of them an entry's `groups` selects.

use std::collections::BTreeMap;

use globset::{Glob, GlobMatcher};

use crate::{
    error::KeyFault,
    schedule::{Entry, Target},
    suggest::{did_you_mean, nearest},
};

/// Parameters that share their scheduled values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Group {
    /// `default`, the optimizer group's name, or what [`partition`] called a part of one.
    pub name: String,
    /// Names of its parameters.
    pub params: Vec<String>,
    /// What schedules multiply, for each target that the group has.
    pub base: BTreeMap<Target, f64>,
    /// The group that this one was split from.
    pub split_from: Option<String>,
}

/// Splits groups so that every entry's `groups` selects a group wholly or not at all. What no
/// pattern reaches keeps the group's name; a part is called after the patterns that select it.
#[must_use]
pub fn partition(groups: Vec<Group>, entries: &[Entry]) -> Vec<Group> {
    let mut selectors: Vec<Selector> = Vec::new();
    for Entry { keys, .. } in entries {
        if !keys.groups.is_empty() && selectors.iter().all(|s| s.names() != keys.groups) {
            selectors.push(Selector::new(&keys.groups));
        }
    }
    let mut parts = Vec::new();
    for group in groups {
        parts.extend(split(group, &selectors));
    }
    let mut seen: Vec<String> = Vec::new();
    for part in &mut parts {
        while seen.contains(&part.name) {
            part.name.push('\'');
        }
        seen.push(part.name.clone());
    }
    parts
}

fn split(group: Group, selectors: &[Selector]) -> Vec<Group> {
    // Those that select it by its name select all of it, and split nothing.
    let by_param: Vec<&Selector> = selectors
        .iter()
        .filter(|s| !s.names_group(&group))
        .collect();
    let mut parts: Vec<(Vec<bool>, Vec<String>)> = Vec::new();
    for param in &group.params {
        let signature: Vec<bool> = by_param.iter().map(|s| s.matches(param)).collect();
        match parts.iter_mut().find(|(known, _)| *known == signature) {
            Some((_, params)) => params.push(param.clone()),
            None => parts.push((signature, vec![param.clone()])),
        }
    }
    if parts.len() < 2 {
        return vec![group];
    }
    // The rest first: the default group stays where it was.
    parts.sort_by_key(|(signature, _)| signature.contains(&true));
    parts
        .into_iter()
        .map(|(signature, params)| {
            let selected = by_param.iter().zip(&signature).filter(|(_, yes)| **yes);
            let patterns: Vec<String> = selected.flat_map(|(s, _)| s.names().to_vec()).collect();
            let name = match (patterns.is_empty(), group.name.as_str()) {
                (true, name) => name.to_string(),
                (false, "default") => patterns.join(","),
                (false, name) => format!("{name}/{}", patterns.join(",")),
            };
            Group {
                split_from: (name != group.name).then(|| group.name.clone()),
                name,
                params,
                base: group.base.clone(),
            }
        })
        .collect()
}

/// An entry's `groups`, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Selector {
    names: Vec<String>,
    globs: Vec<Option<GlobMatcher>>,
}

impl Selector {
    /// Reads patterns; one that is not a glob matches nothing, and [`Selector::faults`] names it.
    pub fn new(names: &[String]) -> Self {
        let compile = |name: &String| Glob::new(name).ok().map(|glob| glob.compile_matcher());
        Self {
            names: names.to_vec(),
            globs: names.iter().map(compile).collect(),
        }
    }

    /// Whether it selects the whole group: no patterns select everything.
    pub fn selects(&self, group: &Group) -> bool {
        self.names.is_empty()
            || self.names_group(group)
            || (!group.params.is_empty() && group.params.iter().all(|param| self.matches(param)))
    }

    /// Patterns that are no globs, and patterns that match nothing in `groups`.
    pub fn faults(&self, groups: &[Group]) -> Vec<KeyFault> {
        let known: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        // Without a model there are no parameters, and nothing can be said.
        let blind = groups.iter().all(|group| group.params.is_empty());
        let fault = |(i, name): (usize, &String)| {
            let key = format!("groups[{i}]");
            if let Err(error) = Glob::new(name) {
                let message = format!("`{name}` is not a glob: {}", error.kind());
                return Some(KeyFault::error(key, message));
            }
            let named = groups.iter().any(|group| called(name, group));
            let mut params = groups.iter().flat_map(|group| &group.params);
            let matched =
                params.any(|param| self.globs[i].as_ref().is_some_and(|g| g.is_match(param)));
            (!blind && !named && !matched).then(|| {
                KeyFault::warning(
                    key,
                    format!("`{name}` matches no parameter and names no group"),
                )
                .hint(match nearest(name, known.iter().copied()) {
                    Some(near) => did_you_mean(near),
                    None => format!("the groups are `{}`", known.join("`, `")),
                })
            })
        };
        self.names.iter().enumerate().filter_map(fault).collect()
    }

    fn names(&self) -> &[String] {
        &self.names
    }

    fn names_group(&self, group: &Group) -> bool {
        self.names.iter().any(|name| called(name, group))
    }

    fn matches(&self, param: &str) -> bool {
        self.globs.iter().flatten().any(|glob| glob.is_match(param))
    }
}

fn called(name: &str, group: &Group) -> bool {
    group.name == name || group.split_from.as_deref() == Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::testing::entries;

    fn group(name: &str, params: &[&str]) -> Group {
        Group {
            name: name.into(),
            params: params.iter().map(ToString::to_string).collect(),
            ..Group::default()
        }
    }

    fn parts(groups: Vec<Group>, patterns: &[&str]) -> Vec<(String, String)> {
        let entry = |groups| format!("[[schedule]]\ntype = \"constant\"\ngroups = {groups}\n");
        let text: String = patterns.iter().map(entry).collect();
        partition(groups, &entries(&text))
            .into_iter()
            .map(|group| (group.name, group.params.join(" ")))
            .collect()
    }

    fn named(parts: &[(&str, &str)]) -> Vec<(String, String)> {
        parts
            .iter()
            .map(|(name, params)| (name.to_string(), params.to_string()))
            .collect()
    }

    const PARAMS: [&str; 4] = [
        "backbone.0.bias",
        "backbone.0.weight",
        "head.bias",
        "head.weight",
    ];

    #[test]
    fn globs_split_groups_and_stars_cross_dots() {
        assert_eq!(
            parts(vec![group("default", &PARAMS)], &["[\"backbone.*\"]"]),
            named(&[
                ("default", "head.bias head.weight"),
                ("backbone.*", "backbone.0.bias backbone.0.weight"),
            ])
        );
        assert_eq!(
            parts(
                vec![group("default", &PARAMS)],
                &["[\"backbone.*\"]", "[\"*.bias\"]"]
            ),
            named(&[
                ("default", "head.weight"),
                ("backbone.*,*.bias", "backbone.0.bias"),
                ("backbone.*", "backbone.0.weight"),
                ("*.bias", "head.bias"),
            ])
        );
    }

    #[test]
    fn a_group_selected_wholly_stays_whole() {
        let whole = vec![group("default", &PARAMS[2..]), group("body", &PARAMS[..2])];
        let same = named(&[
            ("default", "head.bias head.weight"),
            ("body", "backbone.0.bias backbone.0.weight"),
        ]);
        assert_eq!(parts(whole.clone(), &["[\"backbone.*\"]"]), same);
        assert_eq!(parts(whole.clone(), &["[\"body\"]", "[\"default\"]"]), same);
        assert_eq!(parts(whole, &[]), same);
    }

    #[test]
    fn parts_of_a_named_group_still_answer_to_its_name() {
        let groups = vec![group("default", &[]), group("body", &PARAMS[..2])];
        let entries = entries(
            "[[schedule]]\ntype = \"constant\"\ngroups = [\"*.bias\"]\n[[schedule]]\ntype = \"constant\"\ngroups = [\"body\"]",
        );
        let parts = partition(groups, &entries);
        let names: Vec<_> = parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["default", "body", "body/*.bias"]);
        let body = Selector::new(&["body".to_string()]);
        let selected: Vec<_> = parts.iter().map(|part| body.selects(part)).collect();
        assert_eq!(selected, [false, true, true]);
    }

    #[test]
    fn patterns_that_match_nothing_are_named() {
        let selector = Selector::new(&["backbone.*".into(), "encoder.*".into(), "a[".into()]);
        let faults: Vec<_> = selector
            .faults(&[group("default", &PARAMS)])
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(faults.len(), 2);
        assert_eq!(
            faults[0],
            "`groups[1]`: `encoder.*` matches no parameter and names no group; hint: the groups are `default`"
        );
        assert!(faults[1].starts_with("`groups[2]`: `a[` is not a glob: "));
    }
}
