//! Tables without a `type`: the top level, `[train]`, `[checkpoint]`.

use super::{
    super::{
        aliases,
        checkpoint::CheckpointKeys,
        diagnostic::Diagnostic,
        elsewhere,
        node::{Node, Table, Value},
        registry::schema_of,
        top::Top,
        train::TrainKeys,
        validate::{self, MOST_HINTS},
    },
    Resolver, TABLES,
};
use crate::{error::KeyFault, units::Span};

impl<'a> Resolver<'a> {
    /// The keys before the first table; unknown tables are found here, too.
    pub(super) fn top(&mut self) -> Option<Top> {
        let root = self.tables.spec.root.table()?;
        let schema = schema_of::<Top>();
        let properties = schema["properties"].as_object()?;
        let own = properties.keys().map(String::as_str);
        let allowed: Vec<&str> = own.chain(TABLES).collect();
        for (key, place, node) in root.iter().filter(|(key, ..)| !allowed.contains(key)) {
            let fault = match node.value {
                _ if self.tables.faults.len() > MOST_HINTS => {
                    Diagnostic::error(place, format!("unknown key `{key}`"))
                }
                Value::Table(_) => validate::unknown_table(key, (place, node), &TABLES),
                _ => validate::unknown_key("", key, (place, node), (&allowed, &schema)),
            };
            self.tables.faults.push(fault);
        }
        let own = root.only(|key| properties.contains_key(key));
        let place = &self.tables.spec.root.place;
        let mut top: Top = self.tables.keys("", "", place, &own, &schema)?;
        if top.name.is_empty() {
            let stem = self.tables.spec.path.file_stem();
            top.name = stem.map_or("run".into(), |stem| stem.to_string_lossy().into_owned());
        }
        if let Some(fault) = name_fault(&top.name)
            && !self.tables.spec.is_stored
        {
            self.tables.key_fault("", fault);
        }
        if let Some(fault) = device_fault(&top.device) {
            self.tables.key_fault("", fault);
        }
        Some(top)
    }

    /// `[train]`.
    pub(super) fn train(&mut self) -> Option<TrainKeys> {
        let (node, table) =
            self.required_table("train", "for example `[train]` with `epochs = 10`")?;
        let schema = schema_of::<TrainKeys>();
        let keys: TrainKeys =
            self.tables
                .keys("`[train]`", "train", &node.place, table, &schema)?;
        let faults = keys.check();
        let refused = !faults.is_empty();
        self.tables.key_faults("train", faults);
        (!refused).then_some(keys)
    }

    /// `[checkpoint]`; its defaults where it is absent.
    pub(super) fn checkpoint(&mut self) -> Option<CheckpointKeys> {
        if self.tables.spec.root.table()?.get("checkpoint").is_none() {
            return Some(CheckpointKeys::default());
        }
        let (node, table) = self.tables.table("checkpoint")?;
        let schema = schema_of::<CheckpointKeys>();
        let keys: CheckpointKeys =
            self.tables
                .keys("`[checkpoint]`", "checkpoint", &node.place, table, &schema)?;
        self.tables.key_faults("checkpoint", keys.check());
        Some(keys)
    }

    /// A table that every config has. Where a table of a similar name stands, the name is the fault.
    pub(super) fn required_table(
        &mut self,
        key: &str,
        example: &str,
    ) -> Option<(&'a Node, &'a Table)> {
        let root = self.tables.spec.root.table()?;
        if root.get(key).is_some() {
            return self.tables.table(key);
        }
        let is_meant = |name: &str| {
            let named = elsewhere::table(name).map(|header| header.trim_matches(['[', ']']));
            let near = named.or_else(|| aliases::near(name, &TABLES));
            !TABLES.contains(&name) && near == Some(key)
        };
        if !root.iter().any(|(name, ..)| is_meant(name)) {
            self.tables
                .missing(format!("missing table `[{key}]`"), example);
        }
        None
    }
}

impl TrainKeys {
    /// Faults that show without knowing the data.
    fn check(&self) -> Vec<KeyFault> {
        let mut faults = Vec::new();
        match (self.epochs, self.steps) {
            (None, None) => faults.push(
                KeyFault::error("", "missing key `epochs` or `steps` in `[train]`")
                    .hint("add, for example, `epochs = 10`"),
            ),
            (Some(_), Some(_)) => faults.push(
                KeyFault::error("steps", "`epochs` and `steps` are both given")
                    .hint("keep one of them"),
            ),
            _ => {}
        }
        faults
    }
}

impl CheckpointKeys {
    /// Faults that show without knowing the run.
    fn check(&self) -> Vec<KeyFault> {
        let message = match self.every {
            Span::Rest => "`every` cannot be \"rest\"".into(),
            every if every.is_nothing() => {
                format!("`every` must be more than nothing, found `{every}`")
            }
            _ => return Vec::new(),
        };
        let hint = "count in epochs, steps, % or minutes; \"100%\" saves at the end only";
        vec![KeyFault::error("every", message).hint(hint)]
    }
}

/// The fault of a name that no RUN argument could mean.
fn name_fault(name: &str) -> Option<KeyFault> {
    let why = if ["last", "@", ".", ".."].contains(&name) {
        "it means something else where a run is named"
    } else if name.trim() != name || name.is_empty() {
        "it begins or ends with a space"
    } else if name.starts_with('-') {
        "it reads like a flag on the command line"
    } else if name.chars().any(char::is_control) {
        "it holds a control character"
    } else if is_like_an_id(name) {
        "it reads like the id of a run"
    } else {
        return None;
    };
    let message = format!("a run cannot be named `{}`: {why}", name.escape_debug());
    Some(KeyFault::error("name", message).hint("say another, such as `name = \"digits-poly\"`"))
}

/// Is true of a name that ends like an id: in a date, a time and six hexadecimal digits.
fn is_like_an_id(name: &str) -> bool {
    let mut parts = name.rsplit('-');
    let mut last = |length: usize, is: fn(char) -> bool| {
        let part = parts.next();
        part.is_some_and(|part| part.len() == length && part.chars().all(is))
    };
    let is_digit = |c: char| c.is_ascii_digit();
    last(6, |c| c.is_ascii_hexdigit()) && last(6, is_digit) && last(8, is_digit)
}

fn device_fault(device: &str) -> Option<KeyFault> {
    let names = ["auto", "cpu", "cuda", "cuda:N", "metal"];
    let is_numbered = |n: &str| n.parse::<usize>().is_ok();
    let known = matches!(device, "auto" | "cpu" | "cuda" | "metal")
        || device.strip_prefix("cuda:").is_some_and(is_numbered);
    (!known).then(|| {
        KeyFault::error("device", format!("unknown device `{device}`"))
            .hint(aliases::hint(device, &names))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_typed_where_a_run_is_named() {
        let long = "x".repeat(300);
        for name in [
            "a",
            "val/loss=0.1",
            "größer als 1",
            ".hidden",
            "a-b",
            "lastly",
            "a\\b",
            "20261122-090405",
            &long,
        ] {
            assert_eq!(name_fault(name), None, "{name}");
        }
        for name in [
            "",
            " ",
            " a",
            "a\t",
            "last",
            "@",
            ".",
            "..",
            "-",
            "--all",
            "a\nb",
            "\u{1b}[31m",
            "digits-20261122-090405-00ff00",
        ] {
            let fault = name_fault(name).map(|fault| fault.to_string());
            assert!(fault.is_some_and(|f| f.contains("hint")), "{name:?}");
        }
    }

    #[test]
    fn devices_are_names_or_a_numbered_cuda() {
        for known in ["auto", "cpu", "cuda", "cuda:0", "cuda:12", "metal"] {
            assert_eq!(device_fault(known), None, "{known}");
        }
        for unknown in ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "CPU"] {
            assert!(device_fault(unknown).is_some(), "{unknown}");
        }
        let hint = device_fault("gpu").and_then(|fault| fault.hint);
        let expected = "did you mean `cuda`? (allowed: auto, cpu, cuda, cuda:N, metal)";
        assert_eq!(hint.as_deref(), Some(expected));
    }
}
