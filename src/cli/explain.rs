//! `trainer explain`.

mod names;
mod sketch;

use clap::Args;
use serde_json::Value as Schema;

use super::{CliError, Global, Output, run::Format, with_name};
use crate::{
    config::{
        Section, about, default_words, description, example_text, inner_table, metrics, origin,
        sections, type_text,
    },
    report::{Align, Ink, Table},
    suggest::nearest,
};

/// Explain a table, a component or a key of the config
///
/// For example: `trainer explain optimizer`, `trainer explain optimizer.sgd`,
/// `trainer explain optimizer.sgd.momentum`, `trainer explain early_stop.patience`. The last part of
/// a path is enough: `trainer explain nesterov`, `trainer explain accuracy`. A schedule
/// (`trainer explain poly`) is shown with its formula, its source and its curve
#[derive(Debug, Args)]
pub struct Explain {
    /// A dotted path or its end; without one, the tables
    #[arg(value_name = "PATH")]
    path: Vec<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Explain {
    /// Prints what the path names; all things of that name where there are several.
    ///
    /// # Errors
    /// Where there is no such thing, with the nearest name.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let all = sections(&global.extensions);
        if self.path.is_empty() {
            return self.tables(&all, out);
        }
        let path = plain(&self.path.join("."));
        let metrics = metrics(&global.extensions);
        let named = names::ending_in(&path, &all, &metrics);
        let found = metric(&metrics, &path).or_else(|| find(&all, &path).ok());
        let topic = match (found, named.as_slice()) {
            (Some(topic), _) => topic,
            (None, [one]) => match metric(&metrics, &one.path) {
                Some(topic) => topic,
                None => find(&all, &one.path)?,
            },
            (None, []) => find(&all, &path)?,
            (None, several) => return self.several(&path, several, out),
        };
        if self.format == Format::Json {
            return out.json(&topic.object());
        }
        self.show(&topic, global, out)?;
        let others: Vec<&names::Name> = named
            .iter()
            .filter(|name| !is_shown(name, &topic))
            .collect();
        if !others.is_empty() {
            let paths: Vec<&str> = others.iter().map(|name| name.path.as_str()).collect();
            out.lines(&format!("\nalso called so: {}\n", paths.join(", ")))?;
        }
        Ok(())
    }

    fn show(&self, topic: &Topic, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let palette = out.palette();
        out.lines(&format!("{}\n", palette.paint(Ink::Bold, &topic.title)))?;
        for line in &topic.lines {
            out.lines(&format!("{line}\n"))?;
        }
        if !topic.rows.is_empty() {
            let mut table = Table::new([
                ("name", Align::Left),
                ("type", Align::Left),
                ("default", Align::Left),
                ("meaning", Align::Left),
            ]);
            for row in &topic.rows {
                table.row(row.clone());
            }
            out.write("\n")?;
            out.table(&table)?;
        }
        if let Some((kind, key)) = &topic.schedule {
            let drawn = sketch::of(kind, key.as_deref(), global, out.width().min(80), palette);
            out.write(&drawn.map(|text| format!("\n{text}")).unwrap_or_default())?;
        }
        Ok(())
    }
}

impl Explain {
    /// The tables of a config, each with what it holds.
    fn tables(&self, all: &[Section], out: &mut Output<'_>) -> Result<(), CliError> {
        let about = |section: &Section| {
            let first = section.about.split(". ").next().unwrap_or(section.about);
            first.trim_end_matches('.').to_string()
        };
        let mut rows: Vec<[String; 2]> = all
            .iter()
            .map(|section| [section.header.to_string(), about(section)])
            .collect();
        rows.push(["metrics".into(), "Names for the key `metrics`".into()]);
        let columns = ["table", "what it holds"];
        self.rows(columns, rows, out, "trainer explain NAME tells about a table, a component or a key: optimizer, sgd, momentum")
    }

    /// Several things of one name.
    fn several(
        &self,
        name: &str,
        named: &[names::Name],
        out: &mut Output<'_>,
    ) -> Result<(), CliError> {
        let rows = named
            .iter()
            .map(|name| [name.path.to_string(), name.about.to_string()]);
        let first = named.first().map_or("", |name| name.path.as_str());
        let more = format!("trainer explain {first} tells everything about the first");
        self.rows([name, "what it is"], rows.collect(), out, &more)
    }

    /// Names with what they are, and where to read more.
    fn rows(
        &self,
        columns: [&str; 2],
        rows: Vec<[String; 2]>,
        out: &mut Output<'_>,
        more: &str,
    ) -> Result<(), CliError> {
        if self.format == Format::Json {
            let one =
                |[name, about]: [String; 2]| serde_json::json!({ "name": name, "about": about });
            return out.json(&rows.into_iter().map(one).collect());
        }
        let mut table = Table::new(columns.map(|name| (name, Align::Left)));
        for row in rows {
            table.row(row);
        }
        out.table(&table)?;
        out.lines(&format!("\n{}\n", with_name(more)))
    }
}

/// Returns whether a topic is about a name.
fn is_shown(name: &names::Name, topic: &Topic) -> bool {
    name.path == topic.path
}

/// What is said about a path.
struct Topic {
    path: String,
    title: String,
    lines: Vec<String>,
    rows: Vec<[String; 4]>,
    /// The schedule type whose curve says more, and the key of it that is asked for.
    schedule: Option<(String, Option<String>)>,
}

impl Topic {
    fn object(&self) -> Schema {
        let key = |[name, kind, default, meaning]: &[String; 4]| {
            serde_json::json!({
                "name": name, "type": kind, "default": default, "meaning": meaning,
            })
        };
        let rows: Vec<Schema> = self.rows.iter().map(key).collect();
        serde_json::json!({ "title": self.title, "text": self.lines, "keys": rows })
    }
}

/// A path as a config or an override writes it, without brackets, indices and a last `type`:
/// `[[schedule]]`, `schedule.0.power`, `model.type`.
fn plain(path: &str) -> String {
    let parts: Vec<&str> = path
        .split(['.', '[', ']'])
        .filter(|part| !part.is_empty() && part.parse::<usize>().is_err())
        .collect();
    match parts.as_slice() {
        [table @ .., "type"] if !table.is_empty() && !table.contains(&"columns") => table.join("."),
        parts => parts.join("."),
    }
}

/// `metrics.f1`, `metrics.top_5`.
fn metric(all: &[(String, String)], path: &str) -> Option<Topic> {
    let name = path.strip_prefix("metrics.")?;
    let is_top = |known: &str| known == "top_<k>" && name.starts_with("top_");
    let short = crate::objective::metric(name).is_ok();
    let is_short = |known: &str| short && name.starts_with(&format!("{known}_"));
    let named = all.iter().find(|(known, _)| known == name);
    let found = named.or_else(|| all.iter().find(|(k, _)| is_top(k) || is_short(k)));
    found.map(|(_, about)| Topic {
        path: path.into(),
        title: path.into(),
        lines: vec![about.clone()],
        rows: Vec::new(),
        schedule: None,
    })
}

/// Walks down: table, perhaps component, keys inside keys.
fn find(all: &[Section], path: &str) -> Result<Topic, CliError> {
    let section = all
        .iter()
        .filter(|s| {
            !s.path.is_empty() && (path == s.path || path.starts_with(&format!("{}.", s.path)))
        })
        .max_by_key(|s| s.path.len());
    let Some(section) = section else {
        let top = &all[0];
        let of_top = key_topic(&top.common, path, path).map(Ok);
        let of_kind = || qualified(all, path).map(|path| find(all, &path));
        let unknown = || Err(unknown(path, names(all, None)));
        return of_top.or_else(of_kind).unwrap_or_else(unknown);
    };
    let rest = path[section.path.len()..].trim_start_matches('.');
    if rest.is_empty() {
        return Ok(section_topic(section));
    }
    let (first, inner) = rest.split_once('.').unwrap_or((rest, ""));
    if let Some((name, schema)) = section.kinds.iter().find(|(name, _)| name == first) {
        let is_schedule = section.path == "schedule";
        let topic = match inner {
            "" => Some(component_topic(section, name, schema)),
            key => key_topic(schema, key, path).map(|topic| Topic {
                lines: [topic.lines, origin_lines(schema, is_schedule)].concat(),
                schedule: is_schedule.then(|| (name.clone(), Some(key.into()))),
                ..topic
            }),
        };
        let topic = topic.or_else(|| key_topic(&section.common, inner, path));
        let keys = properties(schema).chain(properties(&section.common));
        return topic.ok_or_else(|| {
            unknown(
                path,
                keys.map(|k| format!("{}.{name}.{k}", section.path))
                    .collect(),
            )
        });
    }
    let own = section
        .kinds
        .iter()
        .find_map(|(_, schema)| key_topic(schema, rest, path));
    key_topic(&section.common, rest, path)
        .or(own)
        .ok_or_else(|| unknown(path, names(all, Some(section))))
}

/// `schedule.poly.power` for `poly.power`, where only one kind of component has such a type.
fn qualified(all: &[Section], path: &str) -> Option<String> {
    let name = path.split('.').next()?;
    let mut owners = all
        .iter()
        .filter(|s| s.kinds.iter().any(|(kind, _)| kind == name));
    match (owners.next(), owners.next()) {
        (Some(section), None) => Some(format!("{}.{path}", section.path)),
        _ => None,
    }
}

fn component_topic(section: &Section, name: &str, schema: &Schema) -> Topic {
    let is_schedule = section.path == "schedule";
    let mut lines = vec![if is_schedule {
        origin(schema).about
    } else {
        description(schema)
    }];
    lines.extend(origin_lines(schema, is_schedule));
    Topic {
        path: format!("{}.{name}", section.path),
        title: format!("{} with type = \"{name}\"", section.header),
        lines,
        rows: rows(schema),
        schedule: is_schedule.then(|| (name.into(), None)),
    }
}

/// Formula and source of a schedule.
fn origin_lines(schema: &Schema, is_schedule: bool) -> Vec<String> {
    let origin = origin(schema);
    if !is_schedule || (origin.formula.is_none() && origin.source.is_none()) {
        return Vec::new();
    }
    let plain = |text: String| text.replace('`', "");
    let mut lines = vec![String::new()];
    if let Some(formula) = origin.formula {
        lines.push(format!("formula  {}", plain(formula)));
        lines.extend(SYMBOLS.map(|line| format!("         {line}")));
    }
    lines.extend(
        origin
            .source
            .map(|source| format!("source   {}", plain(source))),
    );
    lines
}

/// What the letters of every formula stand for.
const SYMBOLS: [&str; 2] = [
    "a: start (`from`), b: end (`to`), u: updates since the phase began,",
    "D: length of the curve (`over`), p: the share of it that is done, u/D",
];

fn section_topic(section: &Section) -> Topic {
    let kinds: Vec<&str> = section
        .kinds
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let mut lines = vec![section.about.to_string()];
    if !kinds.is_empty() {
        lines.push(format!("type: one of {}", kinds.join(", ")));
    }
    Topic {
        path: section.path.into(),
        title: section.header.into(),
        lines,
        rows: rows(&section.common),
        schedule: None,
    }
}

fn key_topic(table: &Schema, path: &str, title: &str) -> Option<Topic> {
    let (key, rest) = path.split_once('.').unwrap_or((path, ""));
    let schema = table["properties"].get(key)?;
    if !rest.is_empty() {
        return key_topic(inner_table(schema), rest, title);
    }
    let mut lines = vec![
        description(schema),
        String::new(),
        format!("type     {}", type_text(schema)),
    ];
    let default = default_words(key, schema, table);
    if !default.is_empty() {
        lines.push(format!("default  {default}"));
    }
    lines.push(format!("example  {}", example_text(key, schema)));
    Some(Topic {
        path: title.into(),
        title: title.into(),
        lines,
        rows: rows(inner_table(schema)),
        schedule: None,
    })
}

fn rows(table: &Schema) -> Vec<[String; 4]> {
    let row = |(key, schema): (&String, &Schema)| {
        [
            key.clone(),
            type_text(schema),
            default_words(key, schema, table),
            about(schema),
        ]
    };
    table["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(row)
        .collect()
}

fn properties(table: &Schema) -> impl Iterator<Item = &String> {
    table["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
}

/// What could have been meant.
fn names(all: &[Section], within: Option<&Section>) -> Vec<String> {
    let of = |s: &Section| -> Vec<String> {
        let dot = if s.path.is_empty() {
            String::new()
        } else {
            format!("{}.", s.path)
        };
        let own = s.kinds.iter().flat_map(|(name, schema)| {
            let keys = properties(schema).map(|key| format!("{dot}{name}.{key}"));
            std::iter::once(format!("{dot}{name}"))
                .chain(keys)
                .collect::<Vec<_>>()
        });
        properties(&s.common)
            .map(|key| format!("{dot}{key}"))
            .chain(own)
            .collect()
    };
    match within {
        Some(section) => of(section),
        None => all
            .iter()
            .flat_map(|s| [vec![s.path.to_string()], of(s)].concat())
            .collect(),
    }
}

fn unknown(path: &str, candidates: Vec<String>) -> CliError {
    let ends_so = |name: &&String| name.ends_with(&format!(".{path}"));
    let near: Vec<&str> = match candidates.iter().filter(ends_so).collect::<Vec<_>>() {
        found if found.is_empty() => nearest(path, candidates.iter().map(String::as_str))
            .into_iter()
            .collect(),
        found => found.into_iter().map(String::as_str).collect(),
    };
    let hint = match near.first() {
        Some(_) => format!("did you mean `{}`?", near.join("` or `")),
        None => "`trainer explain optimizer` shows a table; docs/config.md has all of them".into(),
    };
    CliError::Usage(format!("the config language has no `{path}`; hint: {hint}"))
}
