//! The part of a file of weights that a model takes: names after `rename`, `skip` and the averages of a run,
//! then shapes and element types.

use globset::{Glob, GlobMatcher};

use super::{Init, Weights, hints};
use crate::{
    error::KeyFault,
    kernel::Param,
    layer::Architecture,
    safetensors::{Element, Stored},
    suggest::{did_you_mean, nearest},
};

/// Put before the name of an average by checkpoints.
const AVERAGE: &str = "ema/";
/// A count that other programs keep beside a batch norm's statistics, and that nobody needs here.
const COUNT: &str = "num_batches_tracked";

/// The model's tensors in order of their names: those that a file gives, and the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// Those that the file gives.
    pub taken: Vec<Taken>,
    /// Those that keep their first values.
    pub new: Vec<New>,
    /// Names of the file that nobody takes.
    pub left: Vec<String>,
    /// True where the averages of a run are taken.
    pub averages: bool,
}

/// A tensor that the file gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// Its name in the model.
    pub name: String,
    /// Its name in the file.
    pub from: String,
    /// Its element type in the file; the model's is F32.
    pub element: Element,
}

/// A tensor that keeps its first values.
#[derive(Debug, Clone, PartialEq)]
pub struct New {
    /// Its name.
    pub name: String,
    /// True where `skip` names it; else the file lacks it.
    pub skipped: bool,
}

/// A tensor of the file under the name that the model would have for it.
struct Named<'a> {
    name: String,
    stored: &'a Stored,
}

impl Fit {
    /// Compares names, shapes and element types; `written` is the file's name in the config.
    ///
    /// # Errors
    /// Where they do not fit; the key is empty, or one of `init`'s.
    pub fn new(
        init: &Init,
        stored: &[Stored],
        model: &Architecture,
        written: &str,
    ) -> Result<Self, KeyFault> {
        let averages = averages(init, stored)?;
        let named = named(init, stored, averages)?;
        let skips = skips(init, &named, model)?;
        let skipped = |name: &str| skips.iter().any(|skip| skip.is_match(name));
        let own = || model.params.iter().chain(&model.buffers);
        let mut fit = Self {
            taken: Vec::new(),
            new: Vec::new(),
            left: Vec::new(),
            averages,
        };
        let (mut faults, mut missing, mut misshapen) = (Vec::new(), Vec::new(), Vec::new());
        for param in own() {
            let name = param.name();
            let found = named.iter().find(|tensor| tensor.name == name);
            match found {
                _ if skipped(name) => fit.new.push(New::of(param, true)),
                None if init.strict => missing.push(param),
                None => fit.new.push(New::of(param, false)),
                Some(found) => match misfit(found.stored, param) {
                    None => fit.taken.push(Taken {
                        name: name.into(),
                        from: found.stored.name.clone(),
                        element: found.stored.element,
                    }),
                    Some(fault) => {
                        faults.push(fault);
                        misshapen.push((found.stored, param));
                    }
                },
            }
        }
        let known = |tensor: &&Named<'_>| own().any(|param| param.name() == tensor.name);
        let is_count = |name: &str| name.ends_with(COUNT);
        let others: Vec<&Named<'_>> = named.iter().filter(|t| !known(t)).collect();
        let left = others.iter().map(|tensor| tensor.stored.name.clone());
        fit.left = left.filter(|name| !is_count(name)).collect();
        let unknown: Vec<&Stored> = others
            .iter()
            .filter(|t| !is_count(&t.name) && !skipped(&t.name) && !skipped(&t.stored.name))
            .map(|tensor| tensor.stored)
            .collect();
        faults.extend(missing.iter().map(|p| format!("it lacks `{}`", p.name())));
        if init.strict {
            let has = |tensor: &&Stored| format!("it has `{}`, unknown here", tensor.name);
            faults.extend(unknown.iter().map(has));
        } else if fit.taken.is_empty() && faults.is_empty() {
            faults.push("it has none of the model's names".into());
            missing = own().collect();
        }
        if faults.is_empty() {
            fit.taken.sort_by(|a, b| a.name.cmp(&b.name));
            fit.new.sort_by(|a, b| a.name.cmp(&b.name));
            return Ok(fit);
        }
        let wrong = hints::Wrong {
            missing: &missing,
            unknown: &unknown,
            misshapen: &misshapen,
        };
        let hint = hints::hint(init, written, &wrong, model);
        Err(KeyFault::error("", listed(&faults)).hint(hint))
    }

    /// One line: how many tensors come from `from`, and what the others are.
    #[must_use]
    pub fn report(&self, from: &str) -> String {
        let all = self.taken.len() + self.new.len();
        let what = if self.averages { "averages" } else { "tensors" };
        let mut text = match self.new.len() {
            0 => format!("all {all} {what} from {from}"),
            _ => format!("{} of {all} {what} from {from}", self.taken.len()),
        };
        let mut converted: Vec<&str> = Vec::new();
        for taken in self.taken.iter().filter(|t| t.element != Element::F32) {
            if !converted.contains(&taken.element.name()) {
                converted.push(taken.element.name());
            }
        }
        if !converted.is_empty() {
            text += &format!(", converted from {}", converted.join(" and "));
        }
        for (skipped, why) in [(true, "skipped"), (false, "not in the file")] {
            let new = self.new.iter().filter(|new| new.skipped == skipped);
            let names: Vec<&str> = new.map(|new| new.name.as_str()).collect();
            if !names.is_empty() {
                text += &format!("; new: {} ({why})", some(&names));
            }
        }
        if !self.left.is_empty() {
            let names: Vec<&str> = self.left.iter().map(String::as_str).collect();
            text += &format!("; left out: {}", some(&names));
        }
        text
    }
}

impl New {
    fn of(param: &Param, skipped: bool) -> Self {
        Self {
            name: param.name().into(),
            skipped,
        }
    }
}

/// Returns true where the averages of a run are to be taken.
fn averages(init: &Init, stored: &[Stored]) -> Result<bool, KeyFault> {
    let has = stored.iter().any(|tensor| tensor.name.starts_with(AVERAGE));
    match init.weights {
        Some(Weights::Average) if !has => {
            let message = "the file holds no averages: its run had no `train.ema`";
            let hint = "leave `weights` out, or write `weights = \"parameters\"`";
            Err(KeyFault::error("weights", message).hint(hint))
        }
        Some(Weights::Parameters) => Ok(false),
        _ => Ok(has),
    }
}

/// The names that the model would have for the tensors of the file.
pub(super) fn names(init: &Init, stored: &[Stored]) -> Result<Vec<String>, KeyFault> {
    let named = named(init, stored, averages(init, stored)?)?;
    Ok(named.into_iter().map(|tensor| tensor.name).collect())
}

/// The tensors of the file that count, under the names that the model would have for them.
fn named<'a>(
    init: &Init,
    stored: &'a [Stored],
    averages: bool,
) -> Result<Vec<Named<'a>>, KeyFault> {
    let mut used = vec![false; init.rename.len()];
    let mut named: Vec<Named<'a>> = Vec::new();
    for tensor in stored {
        let name = match (tensor.name.strip_prefix(AVERAGE), averages) {
            (Some(name), true) => name,
            (None, false) => &tensor.name,
            _ => continue,
        };
        let rules = init.rename.iter().enumerate();
        let fitting =
            rules.filter_map(|(i, (from, to))| Some((from.len(), i, renamed(name, from, to)?)));
        let name = match fitting.max_by_key(|(length, ..)| *length) {
            Some((_, rule, new)) => {
                used[rule] = true;
                new
            }
            None => name.to_string(),
        };
        if let Some(other) = named.iter().find(|other| other.name == name) {
            let (a, b) = (&other.stored.name, &tensor.name);
            let message = format!("`{a}` and `{b}` would both be `{name}`");
            return Err(KeyFault::error("rename", message).hint("give each its own name"));
        }
        named.push(Named {
            name,
            stored: tensor,
        });
    }
    let idle = used.iter().position(|used| !used);
    if let Some((from, _)) = idle.and_then(|i| init.rename.iter().nth(i)) {
        let names = named.iter().map(|tensor| tensor.stored.name.as_str());
        let message = format!("`{from}` matches no name of the file");
        let literal = from.trim_end_matches('*').trim_end_matches('.');
        let hint = match nearest(literal, names.clone()) {
            Some(near) => did_you_mean(near),
            None => format!("the file has {}", some(&names.collect::<Vec<_>>())),
        };
        let key = format!("rename.\"{from}\"");
        return Err(KeyFault::error(key, message).hint(hint));
    }
    Ok(named)
}

/// The name that a rule gives to `name`, where the rule is one for it.
fn renamed(name: &str, from: &str, to: &str) -> Option<String> {
    let Some((begin, end)) = from.split_once('*') else {
        return (name == from).then(|| to.into());
    };
    let inner = name.strip_prefix(begin)?.strip_suffix(end)?;
    Some(to.replacen('*', inner, 1))
}

/// The patterns of `skip`, each of which matches something.
fn skips(
    init: &Init,
    named: &[Named<'_>],
    model: &Architecture,
) -> Result<Vec<GlobMatcher>, KeyFault> {
    let mut matchers = Vec::new();
    for (i, pattern) in init.skip.iter().enumerate() {
        let key = format!("skip[{i}]");
        let matcher = match Glob::new(pattern) {
            Ok(glob) => glob.compile_matcher(),
            Err(error) => {
                let message = format!("`{pattern}` is not a pattern: {}", error.kind());
                return Err(KeyFault::error(key, message));
            }
        };
        let own = model.params.iter().chain(&model.buffers).map(Param::name);
        let theirs = named
            .iter()
            .flat_map(|t| [t.name.as_str(), t.stored.name.as_str()]);
        let mut all = own.clone().chain(theirs);
        if !all.any(|name| matcher.is_match(name)) {
            let message = format!("`{pattern}` matches no name of the model or the file");
            let literal = pattern.replace('*', "");
            let hint = match nearest(
                literal.trim_matches('.'),
                own.clone().flat_map(|n| n.split('.')),
            ) {
                Some(near) => did_you_mean(pattern.replace(literal.trim_matches('.'), near)),
                None => format!("the model has {}", some(&own.collect::<Vec<_>>())),
            };
            return Err(KeyFault::error(key, message).hint(hint));
        }
        matchers.push(matcher);
    }
    Ok(matchers)
}

/// Returns the reason why a tensor of the file cannot be the model's, where there is one.
fn misfit(stored: &Stored, param: &Param) -> Option<String> {
    let (name, element) = (&stored.name, stored.element.name());
    let (found, wanted) = (&stored.shape, param.shape());
    if found != wanted {
        let turned = found.len() > 1 && found.iter().rev().eq(wanted);
        let more = if turned { ": transposed" } else { "" };
        return Some(format!(
            "`{name}` is {found:?} in it and {wanted:?} in the model{more}"
        ));
    }
    let converts = matches!(
        stored.element,
        Element::F32 | Element::F64 | Element::F16 | Element::Bf16
    );
    (!converts)
        .then(|| format!("`{name}` is {element} in it, and the model takes F32, F64, F16 and BF16"))
}

/// The first few faults, and how many more there are.
fn listed(faults: &[String]) -> String {
    const SHOWN: usize = 4;
    let mut text = faults[..faults.len().min(SHOWN)].join("; ");
    if faults.len() > SHOWN {
        text += &format!("; and {} more", faults.len() - SHOWN);
    }
    text
}

/// The first few names, and how many more there are.
pub(super) fn some(names: &[&str]) -> String {
    const SHOWN: usize = 4;
    let mut text = names[..names.len().min(SHOWN)].join(", ");
    if names.len() > SHOWN {
        text += &format!(" and {} more", names.len() - SHOWN);
    }
    text
}
