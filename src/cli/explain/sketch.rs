//! A schedule type's curve, drawn by the code that trains: a phase of 100 epochs at base 1.

use crate::{
    cli::{Global, schedule},
    config::{Overrides, ScheduleView, Spec, example_text},
    report::{Ink, Palette},
};

/// Updates of an epoch: enough for curves that move at every update.
const STEPS_PER_EPOCH: u64 = 20;

/// The curve with default keys (examples for those that must be given); for a number that is asked
/// for, with half, once and twice its default. `None` where the type takes more than its own keys.
pub fn of(
    kind: &str,
    key: Option<&str>,
    global: &Global,
    width: usize,
    palette: Palette,
) -> Option<String> {
    let schema = global.extensions.schedules.get(kind)?.schema();
    let required = schema["required"].as_array().into_iter().flatten();
    let given: Vec<String> = required
        .filter_map(|key| key.as_str())
        .map(|key| example_text(key, &schema["properties"][key]))
        .collect();
    let number = key.and_then(|key| {
        let schema = schema["properties"].get(key)?;
        let default = schema.get("default").or(schema["examples"].get(0))?;
        let number = default.as_f64().filter(|n| *n > 0.0 && default.is_f64())?;
        Some((key, number))
    });
    let variants = match number {
        Some((key, number)) => [number / 2.0, number, number * 2.0]
            .map(|number| (format!("{key} = {number}"), Some((key, number))))
            .to_vec(),
        None => vec![(String::new(), None)],
    };
    let drawn = variants.into_iter().filter_map(|(label, set)| {
        let lines = given.iter().filter(|line| {
            let own = set.map(|(key, _)| format!("{key} = "));
            own.is_none_or(|own| !line.starts_with(&own))
        });
        let mut keys: Vec<String> = lines.cloned().collect();
        keys.extend(set.map(|(key, number)| format!("{key} = {number:?}")));
        Some((label, view(kind, &keys, global)?))
    });
    let drawn: Vec<(String, ScheduleView)> = drawn.collect();
    if drawn.is_empty() {
        return None;
    }
    let with = match given.is_empty() {
        true => String::new(),
        false => format!(", {}", given.join(", ")),
    };
    let title = format!("a phase of 100 epochs at base 1{with}");
    let text = schedule::sketch(drawn, width, palette);
    Some(format!("{}\n{text}", palette.paint(Ink::Dim, &title)))
}

/// The schedule of a run that has one phase of this type.
fn view(kind: &str, keys: &[String], global: &Global) -> Option<ScheduleView> {
    let config = format!(
        "[optimizer]\ntype = \"sgd\"\nlr = 1.0\n[train]\nepochs = 100\n[[schedule]]\ntype = \"{kind}\"\n{}\n",
        keys.join("\n")
    );
    let spec = Spec::parse("explain", &config, &Overrides::default());
    ScheduleView::without_data(&spec, &global.extensions, STEPS_PER_EPOCH).ok()
}
