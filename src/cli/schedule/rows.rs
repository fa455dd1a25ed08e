//! Schedules for programs: every update's values in full precision, written as they are computed, so
//! that ten million updates need no more memory than ten.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{
    Family, Variant,
    curves::{Column, columns},
};
use crate::{
    cli::plan_text,
    report::{exact, sanitize},
};

/// The rows of a family.
pub struct Rows<'a> {
    /// The schedules.
    pub family: &'a Family,
    /// Only these updates; all where it is empty.
    pub at: &'a [u64],
}

impl Rows<'_> {
    /// One row an update: the file where there are several, what varies, step, epoch, and every value
    /// that any of the schedules has.
    pub fn csv(&self, write: &mut dyn Write) -> io::Result<()> {
        let family = self.family;
        let mut titles: Vec<Column> = Vec::new();
        for column in family.variants.iter().flat_map(|v| columns(&v.view)) {
            if !titles.iter().any(|known| known.title == column.title) {
                titles.push(column);
            }
        }
        let mut lines = csv::Writer::from_writer(write);
        let first = family.has_files.then(|| "config".to_string());
        let keys = family.keys.iter().map(|key| sanitize(key).into_owned());
        let counts = ["step", "epoch"].map(String::from);
        let values = titles
            .iter()
            .map(|column| sanitize(&column.title).into_owned());
        let titles_row = first.into_iter().chain(keys).chain(counts).chain(values);
        lines.write_record(titles_row).map_err(cause)?;
        for variant in &family.variants {
            let file = family.has_files.then_some(&variant.config);
            let fixed = file.into_iter().chain(&variant.values);
            let fixed: Vec<String> = fixed.map(|text| sanitize(text).into_owned()).collect();
            let own = columns(&variant.view);
            let find = |column: &Column| own.iter().find(|own| own.title == column.title);
            let shown: Vec<Option<&Column>> = titles.iter().map(find).collect();
            for step in self.steps(variant) {
                let row = row(variant, &shown, step);
                let cells = fixed.iter().chain(&row).map(String::as_str);
                lines.write_record(cells).map_err(cause)?;
            }
        }
        lines.flush()
    }

    /// One object, or a list of them where there are several.
    pub fn json(&self, write: &mut dyn Write) -> io::Result<()> {
        let one = |variant| Object {
            rows: self,
            variant,
        };
        match self.family.variants.as_slice() {
            [variant] => serde_json::to_writer(&mut *write, &one(variant))?,
            all => serde_json::Serializer::new(&mut *write).collect_seq(all.iter().map(one))?,
        }
        write.write_all(b"\n")
    }

    /// The updates to show.
    fn steps(&self, variant: &Variant) -> impl Iterator<Item = u64> {
        let all = match self.at.is_empty() {
            true => 0..variant.view.length.total_steps,
            false => 0..0,
        };
        all.chain(self.at.iter().copied())
    }
}

/// What kept a row from being written: a reader that went away is to be known as that.
fn cause(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Step, epoch and values of an update; a value that a schedule has not is empty.
pub fn row(variant: &Variant, columns: &[Option<&Column>], step: u64) -> Vec<String> {
    let view = &variant.view;
    let epoch = step as f64 / view.length.steps_per_epoch as f64;
    let value = |column: &Option<&Column>| column.and_then(|column| column.value(view, step));
    let values = columns
        .iter()
        .map(|c| value(c).map(exact).unwrap_or_default());
    [step.to_string(), exact(epoch)]
        .into_iter()
        .chain(values)
        .collect()
}

/// A variant as JSON, its values computed while they are written.
struct Object<'a> {
    rows: &'a Rows<'a>,
    variant: &'a Variant,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Variant { view, config, .. } = self.variant;
        let phases = view.schedules.phases();
        let phases: Vec<Value> = phases.iter().map(plan_text::phase_json).collect();
        let pairs = self.rows.family.keys.iter().zip(&self.variant.values);
        let varied: Map<String, Value> = pairs
            .map(|(key, value)| (key.clone(), value.as_str().into()))
            .collect();
        let fields = [
            ("config", Value::from(config.as_str())),
            ("varied", varied.into()),
            ("total_steps", view.length.total_steps.into()),
            ("steps_per_epoch", view.length.steps_per_epoch.into()),
            ("horizon", view.length.horizon.into()),
            ("phases", phases.into()),
            ("warnings", view.warnings.to_json()),
        ];
        use serde::ser::SerializeMap as _;
        let mut object = serializer.serialize_map(None)?;
        for (key, value) in &fields {
            object.serialize_entry(key, value)?;
        }
        object.serialize_entry("steps", &Steps(self))?;
        object.serialize_entry("values", &Values(self))?;
        object.end()
    }
}

/// The updates, one number after the other.
struct Steps<'a>(&'a Object<'a>);

impl Serialize for Steps<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.rows.steps(self.0.variant))
    }
}

/// Every column with its values.
struct Values<'a>(&'a Object<'a>);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let columns = columns(&self.0.variant.view);
        let entry = |column: Column| (column.title.clone(), OneOf { column, of: self.0 });
        serializer.collect_map(columns.into_iter().map(entry))
    }
}

/// One column's values, one after the other.
struct OneOf<'a> {
    column: Column,
    of: &'a Object<'a>,
}

impl Serialize for OneOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Object { rows, variant } = self.of;
        let value = |step| self.column.value(&variant.view, step);
        serializer.collect_seq(rows.steps(variant).map(value))
    }
}
