//! The key that would make weights of another program fit: a prefix that goes, layers that start
//! anew, names in another order.

use std::collections::BTreeMap;

use super::Init;
use crate::{kernel::Param, layer::Architecture, safetensors::Stored};

/// The names and shapes that do not fit.
pub(super) struct Wrong<'a> {
    /// Tensors of the model that the file lacks.
    pub missing: &'a [&'a Param],
    /// Tensors of the file that the model lacks.
    pub unknown: &'a [&'a Stored],
    /// Tensors of other shapes or types.
    pub misshapen: &'a [(&'a Stored, &'a Param)],
}

/// Most entries of a table that a hint writes out.
const LONGEST: usize = 8;

/// A remedy: the key to write where one helps; `written` is the file's name in the config.
pub(super) fn hint(init: &Init, written: &str, wrong: &Wrong<'_>, model: &Architecture) -> String {
    let mut better = init.clone();
    if !wrong.misshapen.is_empty() {
        return other_shapes(better, written, wrong);
    }
    let prefixes = prefixes(wrong);
    if !prefixes.is_empty() {
        better.rename.extend(prefixes);
        return format!("write `{}`", better.line(written));
    }
    let layers = layers(wrong, model);
    if !layers.is_empty() {
        better.rename.extend(layers);
        let line = better.line(written);
        return format!("where its layers come in the model's order, write `{line}`");
    }
    let without = match (wrong.missing, wrong.unknown) {
        ([], _) => "the names that only the file has",
        (_, []) => "the names that only the model has",
        _ => "the names that are on one side only",
    };
    better.strict = false;
    format!(
        "`{}` passes over {without}; `trainer check --format json` lists the model's under `params`",
        better.line(written)
    )
}

/// For shapes: the layers that have them start anew, unless they are only turned.
fn other_shapes(mut better: Init, written: &str, wrong: &Wrong<'_>) -> String {
    let misshapen = wrong.misshapen;
    let turned = |(stored, param): &&(&Stored, &Param)| {
        stored.shape != param.shape() && stored.shape.iter().rev().eq(param.shape())
    };
    if misshapen.iter().any(|pair| turned(&pair)) {
        return "the model keeps the weights of a linear layer as [outputs, inputs]: save them transposed, in Python with `tensor.T.contiguous()`".into();
    }
    for (_, param) in misshapen {
        let layer = format!("{}.*", module(param.name()));
        if !better.skip.contains(&layer) {
            better.skip.push(layer);
        }
    }
    if better.skip.len() > LONGEST {
        return "names and shapes must be those of the model; `trainer check --format json` lists them under `params`".into();
    }
    // The layers that start anew need not be in the file at all.
    let anew = |param: &&Param| better.skip.contains(&format!("{}.*", module(param.name())));
    let is_missing = wrong.missing.iter().any(|param| !anew(param));
    better.strict = wrong.unknown.is_empty() && !is_missing;
    format!("write `{}` to start these anew", better.line(written))
}

/// Rules that take a prefix away, or put one there: where a name of one side ends in a name of the
/// other.
fn prefixes(wrong: &Wrong<'_>) -> BTreeMap<String, String> {
    let mut votes: BTreeMap<(String, String), usize> = BTreeMap::new();
    for param in wrong.missing {
        let same = wrong.unknown.iter().filter(|s| s.shape == param.shape());
        let rules = same.filter_map(|stored| prefix(&stored.name, param.name()));
        for rule in rules {
            *votes.entry(rule).or_default() += 1;
        }
    }
    let mut ranked: Vec<_> = votes.into_iter().collect();
    ranked.sort_by_key(|(rule, count)| (std::cmp::Reverse(*count), rule.clone()));
    let mut left: Vec<&str> = wrong.missing.iter().map(|param| param.name()).collect();
    let mut rules = BTreeMap::new();
    for ((from, to), _) in ranked {
        let gives = |name: &str| {
            let names = wrong.unknown.iter().map(|stored| &stored.name);
            names
                .filter_map(|n| prefix(n, name))
                .any(|rule| rule == (from.clone(), to.clone()))
        };
        let before = left.len();
        left.retain(|name| !gives(name));
        if left.len() < before {
            rules.insert(from, to);
        }
    }
    match left.is_empty() && rules.len() <= LONGEST {
        true => rules,
        false => BTreeMap::new(),
    }
}

/// The rule that makes `own` of `name` by a prefix.
fn prefix(name: &str, own: &str) -> Option<(String, String)> {
    let ends = |begin: &str| begin.ends_with(['.', '/', '_', ':']);
    if let Some(begin) = name.strip_suffix(own).filter(|begin| ends(begin)) {
        return Some((format!("{begin}*"), "*".into()));
    }
    let begin = own.strip_suffix(name).filter(|begin| ends(begin))?;
    // A name such as `weight` ends the names of many layers.
    name.contains('.')
        .then(|| ("*".into(), format!("{begin}*")))
}

/// A rule for each layer, where as many layers of the file as of the model have the same parts.
fn layers(wrong: &Wrong<'_>, model: &Architecture) -> BTreeMap<String, String> {
    let own = model.layers.iter().map(|layer| layer.name.as_str());
    let mut own: Vec<(&str, Parts<'_>)> = own
        .map(|layer| {
            let inside = wrong.missing.iter().filter(|p| module(p.name()) == layer);
            (layer, inside.map(|p| (leaf(p.name()), p.shape())).collect())
        })
        .collect();
    own.retain(|(_, parts): &(_, Parts<'_>)| !parts.is_empty());
    let covered: usize = own.iter().map(|(_, parts)| parts.len()).sum();
    let mut theirs: BTreeMap<Vec<Word<'_>>, (&str, Parts<'_>)> = BTreeMap::new();
    for stored in wrong.unknown {
        let layer = module(&stored.name);
        let (_, parts) = theirs.entry(words(layer)).or_insert((layer, Parts::new()));
        parts.insert(leaf(&stored.name), &stored.shape);
    }
    let pairs: Vec<_> = own.iter().zip(theirs.values()).collect();
    let fits = own.len() == theirs.len() && covered == wrong.missing.len();
    if !fits || own.len() > LONGEST || pairs.iter().any(|(own, their)| own.1 != their.1) {
        return BTreeMap::new();
    }
    let rule = |own: &str, their: &str| (format!("{their}.*"), format!("{own}.*"));
    pairs
        .iter()
        .map(|(own, their)| rule(own.0, their.0))
        .collect()
}

/// The tensors of a layer: the last part of the name, and the shape.
type Parts<'a> = BTreeMap<&'a str, &'a [usize]>;

/// A part of a name, so that numbers come in their own order: 2 before 10.
type Word<'a> = (u64, &'a str);

fn words(name: &str) -> Vec<Word<'_>> {
    let word = |part: &str| part.parse().unwrap_or(u64::MAX);
    name.split('.').map(|part| (word(part), part)).collect()
}

/// A name without its last part.
fn module(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(module, _)| module)
}

/// The last part of a name.
fn leaf(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, leaf)| leaf)
}
