//! The configs whose schedules are shown: each file, with each combination of varied values.

use crate::{
    cli::{CliError, ConfigArgs, Global, Output},
    config::{Plan, ScheduleView, Spec},
    launch,
};

/// Schedules that are shown together.
pub struct Family {
    /// They, file by file, the values of the last `--vary` changing first.
    pub variants: Vec<Variant>,
    /// The keys that vary.
    pub keys: Vec<String>,
    /// Whether there is more than one file.
    pub has_files: bool,
}

/// One config with its values of what varies.
pub struct Variant {
    /// The file, as it was named.
    pub config: String,
    /// The value of each key of the family, as it was typed but for quotes.
    pub values: Vec<String>,
    /// What tells it from the others; empty where there are none.
    pub label: String,
    /// Its schedules.
    pub view: ScheduleView,
}

/// Combinations that are resolved at most.
const MOST: usize = 1000;

impl Family {
    /// Resolves every combination. Warnings are shown, each once.
    ///
    /// # Errors
    /// The faults of the first combination that is refused.
    pub fn read(
        args: &ConfigArgs,
        vary: &[String],
        steps_per_epoch: Option<u64>,
        global: &Global,
        out: &Output<'_>,
    ) -> Result<Self, CliError> {
        let (keys, choices) = product(vary, args.configs.len())?;
        let labels = Labels::new(args, &keys);
        let (mut variants, mut told) = (Vec::new(), Vec::new());
        for (file, path) in args.configs.iter().enumerate() {
            for values in &choices {
                let mut overrides = args.flags.overrides();
                let pairs = keys.iter().zip(values);
                overrides.vary = pairs.map(|(key, value)| format!("{key}={value}")).collect();
                let mut spec = Spec::load(path, &overrides);
                launch::start_from(&mut spec, &global.runs);
                let view = match steps_per_epoch {
                    Some(steps) => ScheduleView::without_data(&spec, &global.extensions, steps)?,
                    None => ScheduleView::of(&Plan::resolve(&spec, &global.extensions)?),
                };
                let said = view.warnings.render(false);
                if !view.warnings.list.is_empty() && !told.contains(&said) {
                    out.diagnostics(&view.warnings);
                    told.push(said);
                }
                variants.push(Variant {
                    config: path.display().to_string(),
                    values: values.iter().map(|value| bare(value).into()).collect(),
                    label: labels.of(file, values),
                    view,
                });
            }
        }
        Ok(Self {
            variants,
            keys,
            has_files: args.configs.len() > 1,
        })
    }
}

/// How the members of a family are told apart.
struct Labels {
    /// A name for each file; none where there is one file.
    files: Vec<String>,
    /// A name for each key.
    keys: Vec<String>,
}

impl Labels {
    /// File names without folder and ending, and last parts of keys, where they suffice.
    fn new(args: &ConfigArgs, keys: &[String]) -> Self {
        let paths = || args.configs.iter();
        let full: Vec<String> = paths().map(|path| path.display().to_string()).collect();
        let stem = |path: &std::path::PathBuf| {
            let stem = path.file_stem().unwrap_or(path.as_os_str());
            stem.to_string_lossy().into_owned()
        };
        let files = match full.len() {
            1 => Vec::new(),
            _ => distinct(paths().map(stem).collect(), full),
        };
        let last = |key: &String| key.rsplit('.').next().unwrap_or(key).to_string();
        let last = keys.iter().map(last).collect();
        Self {
            files,
            keys: distinct(last, keys.to_vec()),
        }
    }

    /// `poly, power = 0.9`.
    fn of(&self, file: usize, values: &[String]) -> String {
        let file = self.files.get(file).cloned();
        let pairs = self.keys.iter().zip(values);
        let pairs = pairs.map(|(key, value)| format!("{key} = {}", bare(value)));
        file.into_iter().chain(pairs).collect::<Vec<_>>().join(", ")
    }
}

/// A text without its quotes; anything else as it is.
fn bare(value: &str) -> &str {
    let between = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    between('"').or_else(|| between('\'')).unwrap_or(value)
}

/// The short names, unless two of them are the same.
fn distinct(short: Vec<String>, full: Vec<String>) -> Vec<String> {
    let repeats = |(i, name): (usize, &String)| short[..i].contains(name);
    if short.iter().enumerate().any(repeats) {
        full
    } else {
        short
    }
}

/// The keys, and every combination of their values; one of none where nothing varies.
fn product(vary: &[String], files: usize) -> Result<(Vec<String>, Vec<Vec<String>>), CliError> {
    let (mut keys, mut choices) = (Vec::<String>::new(), vec![Vec::new()]);
    for text in vary {
        let (key, values) = varied(text)?;
        if keys.contains(&key) {
            let message = format!(
                "`--vary {key}` stands there twice; hint: give all values at once: --vary {key}=1,2,3"
            );
            return Err(CliError::Usage(message));
        }
        keys.push(key);
        let count = choices.len() * values.len() * files;
        if count > MOST {
            let message = format!(
                "`--vary` makes {count} or more combinations, over {MOST}; hint: vary fewer keys at once"
            );
            return Err(CliError::Usage(message));
        }
        let with = |choice: &Vec<String>| {
            let longer = |value: &String| [choice.as_slice(), std::slice::from_ref(value)].concat();
            values.iter().map(longer).collect::<Vec<_>>()
        };
        choices = choices.iter().flat_map(with).collect();
    }
    Ok((keys, choices))
}

/// `key=a,b,c`: the key and its values, cut at commas that stand in no string, list or table.
fn varied(text: &str) -> Result<(String, Vec<String>), CliError> {
    let refuse = |why: &str| {
        let hint = "for example --vary schedule.0.power=0.5,0.9,2";
        Err(CliError::Usage(format!(
            "`--vary {text}`: {why}; hint: {hint}"
        )))
    };
    let Some((key, list)) = text.split_once('=') else {
        return refuse("not KEY=VALUE,VALUE,…");
    };
    let (mut values, mut value) = (Vec::new(), String::new());
    let (mut depth, mut quote, mut escaped) = (0usize, None, false);
    for c in list.chars() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some('"'), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                values.push(std::mem::take(&mut value));
                continue;
            }
            (None, _) => {}
        }
        value.push(c);
    }
    values.push(value);
    let values: Vec<String> = values.iter().map(|v| v.trim().to_string()).collect();
    if key.trim().is_empty() {
        return refuse("there is no key");
    }
    if values.iter().any(String::is_empty) {
        return refuse("there is an empty value");
    }
    Ok((key.trim().into(), values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_at_commas_outside_of_lists_and_strings() {
        let read = |text: &str| varied(text).map_err(|error| error.to_string());
        let values = |text: &str| read(text).unwrap().1.join(" | ");
        assert_eq!(read("a.0.b = 1, 2").unwrap().0, "a.0.b");
        assert_eq!(values("a=0.5,0.9, 2"), "0.5 | 0.9 | 2");
        assert_eq!(values("a=5 epochs,10%"), "5 epochs | 10%");
        assert_eq!(values(r#"a=["1","2"],["3"]"#), r#"["1","2"] | ["3"]"#);
        assert_eq!(
            values(r#"a="x,\",y",'z,"',{ b = [1, 2] }"#),
            r#""x,\",y" | 'z,"' | { b = [1, 2] }"#
        );
        insta::assert_snapshot!(read("a").unwrap_err(), @"`--vary a`: not KEY=VALUE,VALUE,…; hint: for example --vary schedule.0.power=0.5,0.9,2");
        insta::assert_snapshot!(read("a=1,,2").unwrap_err(), @"`--vary a=1,,2`: there is an empty value; hint: for example --vary schedule.0.power=0.5,0.9,2");
        insta::assert_snapshot!(read("=1").unwrap_err(), @"`--vary =1`: there is no key; hint: for example --vary schedule.0.power=0.5,0.9,2");
    }

    #[test]
    fn several_keys_give_the_product() {
        let vary = ["a=1,2".to_string(), "b=x,y,z".to_string()];
        let (keys, choices) = product(&vary, 1).unwrap();
        assert_eq!(keys, ["a", "b"]);
        let all: Vec<String> = choices.iter().map(|choice| choice.join("")).collect();
        assert_eq!(all, ["1x", "1y", "1z", "2x", "2y", "2z"]);
        assert_eq!(product(&[], 1).unwrap().1, [Vec::<String>::new()]);
        let twice = product(&["a=1".into(), "a=2".into()], 1).unwrap_err();
        assert!(twice.to_string().contains("twice"), "{twice}");
        let many = vec!["x"; 1001].join(",");
        assert!(product(&[format!("a={many}")], 1).is_err());
    }

    #[test]
    fn labels_are_as_short_as_they_can_be() {
        let labels = |files: &[&str], keys: &[&str]| {
            let args = ConfigArgs {
                configs: files.iter().map(Into::into).collect(),
                flags: Default::default(),
            };
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            Labels::new(&args, &keys)
        };
        let value = ["\"x\"".to_string(), "2".to_string()];
        assert_eq!(labels(&["c/a.toml"], &[]).of(0, &[]), "");
        assert_eq!(labels(&["c/a.toml", "b.toml"], &[]).of(0, &[]), "a");
        assert_eq!(labels(&["c/a.toml", "a.toml"], &[]).of(0, &[]), "c/a.toml");
        assert_eq!(
            labels(&["a.toml"], &["s.0.type", "s.1.power"]).of(0, &value),
            "type = x, power = 2"
        );
        assert_eq!(
            labels(&["a.toml"], &["s.0.power", "s.1.power"]).of(0, &value),
            "s.0.power = x, s.1.power = 2"
        );
    }
}
