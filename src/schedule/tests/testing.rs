//! Configs as text for the tests of this module: a registry of the types built here, and nothing
//! that the config layer does better.

use std::{collections::BTreeMap, sync::Arc};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::{
    schedule::{
        self, Constant, Cosine, CosineRestarts, Curve, Cyclic, Entry, Exponential, Expr, Factor,
        FactorKeys, Follow, Geometric, Greedy, Group, InverseSqrt, InverseTime, Keys, Linear,
        Multistep, Noam, OneCycle, Plateau, Poly, Power, Repeat, Rex, Schedules, SqrtDecay,
        SquareDecay, Step, Tanh, Target, Warmup, partition,
    },
    units::Clock,
};

/// Reads a type's own keys.
type Read = fn(Table) -> Arc<dyn Curve>;

fn read<C: Curve + DeserializeOwned + 'static>(table: Table) -> Arc<dyn Curve> {
    Arc::new(table.try_into::<C>().expect("the type's own keys"))
}

/// The types built, by their names in a config.
pub(crate) const KINDS: [(&str, Read); 26] = [
    ("constant", read::<Constant>),
    ("linear", read::<Linear>),
    ("warmup", read::<Warmup>),
    ("poly", read::<Poly>),
    ("cosine", read::<Cosine>),
    ("geometric", read::<Geometric>),
    ("sqrt_decay", read::<SqrtDecay>),
    ("square_decay", read::<SquareDecay>),
    ("exponential", read::<Exponential>),
    ("inverse_time", read::<InverseTime>),
    ("step", read::<Step>),
    ("multistep", read::<Multistep>),
    ("inverse_sqrt", read::<InverseSqrt>),
    ("noam", read::<Noam>),
    ("power", read::<Power>),
    ("tanh", read::<Tanh>),
    ("rex", read::<Rex>),
    ("cyclic", read::<Cyclic>),
    ("cosine_restarts", read::<CosineRestarts>),
    ("one_cycle", read::<OneCycle>),
    ("table", read::<schedule::Table>),
    ("expr", read::<Expr>),
    ("follow", read::<Follow>),
    ("repeat", read::<Repeat>),
    ("plateau", read::<Plateau>),
    ("greedy", read::<Greedy>),
];

fn curve(kind: &str, table: Table) -> Arc<dyn Curve> {
    let found = KINDS.iter().find(|(name, _)| *name == kind);
    let (_, read) = found.unwrap_or_else(|| panic!("no type `{kind}`"));
    read(table)
}

/// Reads the tables of `[[schedule]]`.
pub(crate) fn entries(text: &str) -> Vec<Entry> {
    let table: Table = toml::from_str(text).expect(text);
    let list = table.get("schedule").and_then(Value::as_array);
    list.into_iter().flatten().map(entry).collect()
}

fn entry(value: &Value) -> Entry {
    let (kind, keys, own) = take_apart::<Keys>(value);
    let factors = value.get("times").and_then(Value::as_array);
    let factor = |value| {
        let (kind, keys, own) = take_apart::<FactorKeys>(value);
        let curve = curve(&kind, own);
        Factor { kind, keys, curve }
    };
    let body = value.get("phase").and_then(Value::as_array);
    Entry {
        times: factors.into_iter().flatten().map(factor).collect(),
        body: body.into_iter().flatten().map(entry).collect(),
        ..Entry::new(kind.clone(), keys, curve(&kind, own))
    }
}

/// (type, common keys, own keys): what the schema of the common keys does not name is the type's.
fn take_apart<K: DeserializeOwned + schemars::JsonSchema>(value: &Value) -> (String, K, Table) {
    let schema = schemars::schema_for!(K);
    let common = schema.get("properties").expect("keys are a struct");
    let mut own = value.as_table().expect("a table").clone();
    let kind = own.remove("type").expect("`type`");
    let (mut shared, mut rest) = (Table::new(), Table::new());
    for (key, value) in own {
        let side = match common.get(&key) {
            Some(_) => &mut shared,
            None => &mut rest,
        };
        side.insert(key, value);
    }
    let kind = kind.as_str().expect("a name").to_string();
    (kind, shared.try_into().expect("common keys"), rest)
}

/// A run to resolve schedules for: one group unless a test makes more.
pub(crate) struct Run {
    pub horizon: u64,
    pub steps_per_epoch: u64,
    pub target: Target,
    pub base: f64,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            horizon: 40,
            steps_per_epoch: 1,
            target: Target::Lr,
            base: 1.0,
        }
    }
}

impl Run {
    pub fn clock(&self) -> Clock {
        Clock {
            steps_per_epoch: self.steps_per_epoch,
            whole: self.horizon,
            steps_per_eval: self.steps_per_epoch,
        }
    }

    pub fn group(&self) -> Group {
        Group {
            name: "default".into(),
            base: BTreeMap::from([(self.target, self.base)]),
            ..Group::default()
        }
    }

    /// The schedules of a text with `[[schedule]]` tables.
    pub fn many(&self, text: &str) -> Resolved {
        self.with_groups(text, vec![self.group()])
    }

    /// The schedules of a single phase.
    pub fn one(&self, phase: &str) -> Resolved {
        self.many(&format!("[[schedule]]\n{phase}"))
    }

    pub fn with_groups(&self, text: &str, groups: Vec<Group>) -> Resolved {
        let entries = entries(text);
        let groups = partition(groups, &entries);
        let (schedules, faults) = Schedules::resolve(&entries, &self.clock(), &groups);
        Resolved(schedules.unwrap_or_else(|| panic!("{text}\n{faults:?}")))
    }

    /// The same, where the text is not refused.
    pub fn try_with_groups(&self, text: &str, groups: Vec<Group>) -> Option<Resolved> {
        let entries = entries(text);
        let groups = partition(groups, &entries);
        Schedules::resolve(&entries, &self.clock(), &groups)
            .0
            .map(Resolved)
    }

    /// All faults and warnings, as a person would read them.
    pub fn messages(&self, text: &str, groups: Vec<Group>) -> Vec<String> {
        let entries = entries(text);
        let groups = partition(groups, &entries);
        let (schedules, faults) = Schedules::resolve(&entries, &self.clock(), &groups);
        let refused = faults.iter().any(|fault| fault.is_error());
        assert_eq!(schedules.is_none(), refused);
        let show = |f: &crate::schedule::EntryFault| format!("schedule[{}] {}", f.entry, f.fault);
        faults.iter().map(show).collect()
    }
}

/// Schedules that resolved without an error.
#[derive(Debug)]
pub(crate) struct Resolved(pub Schedules);

impl Resolved {
    pub fn lr(&self, t: u64) -> f64 {
        self.at(Target::Lr, 0, t)
    }

    pub fn at(&self, target: Target, group: usize, t: u64) -> f64 {
        self.0.value(target, group, t).expect("a base")
    }
}

/// A single phase over `horizon` updates at base 1: its values, and the end point's after them.
pub(crate) fn curve_values(phase: &str, horizon: u64) -> Vec<f64> {
    let run = Run {
        horizon,
        ..Run::default()
    };
    let schedule = run.one(phase);
    (0..=horizon).map(|t| schedule.lr(t)).collect()
}

/// All faults and warnings of `[[schedule]]` tables over `horizon` updates at base 1.
pub(crate) fn messages(text: &str, horizon: u64) -> Vec<String> {
    let run = Run {
        horizon,
        ..Run::default()
    };
    run.messages(text, vec![run.group()])
}

/// Within the tolerance of the reference values, 1e-12 of the base.
#[track_caller]
pub(crate) fn assert_close(value: f64, expected: f64, base: f64, what: &str) {
    assert!(
        (value - expected).abs() <= 1e-12 * base,
        "{what}: {value} is not {expected}"
    );
}
