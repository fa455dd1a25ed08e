//! Schedules that follow a metric, from the text of a config to their numbers, against PyTorch's
//! `ReduceLROnPlateau` and transformers' `GreedyLR`.

use serde::Deserialize;

use super::{Extensions, Overrides, ScheduleView, Spec};
use crate::{event::Metrics, schedule::Target};

#[derive(Deserialize)]
struct Reference {
    traces: Vec<Trace>,
}

#[derive(Deserialize)]
struct Trace {
    name: String,
    toml: String,
    metrics: Vec<Option<f64>>,
    values: Vec<f64>,
}

fn view(schedules: &str, steps: usize) -> ScheduleView {
    let text = format!(
        "[optimizer]\ntype = \"sgd\"\nlr = 0.25\n{schedules}\n\
         [train]\nsteps = {steps}\neval_every = \"1 step\"\n"
    );
    let spec = Spec::parse("a.toml", &text, &Overrides::default());
    ScheduleView::without_data(&spec, &Extensions::new(), 1)
        .unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn metrics(value: Option<f64>) -> Metrics {
    Metrics::from([("val/loss".to_owned(), value.unwrap_or(f64::NAN))])
}

fn lr(view: &ScheduleView, t: usize) -> f64 {
    view.schedules.value(Target::Lr, 0, t as u64).unwrap()
}

#[test]
fn every_trace_is_the_other_librarys() {
    let text = include_str!("../../../tests/reference/reactions.json");
    let reference: Reference = serde_json::from_str(text).unwrap();
    assert!(reference.traces.len() > 50);
    for trace in reference.traces {
        let mut view = view(&trace.toml, trace.metrics.len() + 1);
        for (i, metric) in trace.metrics.iter().enumerate() {
            let far = (lr(&view, i) - 0.25 * trace.values[i]).abs();
            assert!(far <= 1e-12, "{} before {i}", trace.name);
            // Evaluated after update i + 1 of the run, whose index was i.
            view.schedules.react(i as u64 + 1, &metrics(*metric));
        }
        // What has been used is not rewritten.
        for (i, value) in trace.values.iter().enumerate() {
            assert!(
                (lr(&view, i) - 0.25 * value).abs() <= 1e-12,
                "{} at {i}",
                trace.name
            );
        }
    }
}

#[test]
fn a_negative_metric_that_does_not_improve_is_noticed() {
    let mut view = view(
        "[[schedule]]\ntype = \"plateau\"\npatience = \"1 eval\"\nfactor = 0.5\n",
        9,
    );
    for step in 1..=8 {
        view.schedules.react(step, &metrics(Some(-1.0)));
    }
    assert_eq!(lr(&view, 8), 0.25 / 8.0);
}

#[test]
fn it_multiplies_other_tracks_and_is_carried_on() {
    let plateau = "type = \"plateau\"\npatience = \"0 evals\"\nfactor = 0.5\n";
    let mut product = view(
        &format!("[[schedule]]\ntype = \"linear\"\n[[schedule]]\ntrack = \"p\"\n{plateau}"),
        8,
    );
    let mut chain = view(
        &format!("[[schedule]]\nfor = \"4 steps\"\n{plateau}[[schedule]]\ntype = \"linear\"\n"),
        8,
    );
    for step in 1..=8 {
        product.schedules.react(step, &metrics(Some(1.0)));
        chain.schedules.react(step, &metrics(Some(1.0)));
    }
    // The first value is the best; every one after it halves.
    let falls: Vec<f64> = (0..8).map(|t| lr(&product, t)).collect();
    let expected =
        |t: usize| 0.25 * (1.0 - t as f64 / 8.0) * 0.5f64.powi(t.saturating_sub(1) as i32);
    assert_eq!(falls, (0..8).map(expected).collect::<Vec<_>>());
    // Beyond its phase it hears nothing, and what follows begins where it ended.
    let after: Vec<f64> = (0..8).map(|t| lr(&chain, t)).collect();
    let end = 0.25 / 8.0;
    let expected = [
        0.25,
        0.25,
        0.125,
        0.0625,
        end,
        0.75 * end,
        0.5 * end,
        0.25 * end,
    ];
    assert_eq!(after, expected);
}

#[test]
fn what_a_checkpoint_remembers_gives_the_same_numbers() {
    let text = "[[schedule]]\ntype = \"plateau\"\npatience = \"1 eval\"\nfactor = 0.5\ncooldown = \"1 eval\"\n";
    let mut whole = view(text, 12);
    for step in 1..=12 {
        let saved = serde_json::to_string(whole.schedules.reactions()).unwrap();
        let mut resumed = view(text, 12);
        resumed
            .schedules
            .restore(&serde_json::from_str(&saved).unwrap());
        assert_eq!(resumed.schedules.reactions(), whole.schedules.reactions());
        for t in 0..12 {
            assert_eq!(lr(&resumed, t).to_bits(), lr(&whole, t).to_bits());
        }
        whole
            .schedules
            .react(step, &metrics(Some(0.1 * (step % 5) as f64)));
    }
    assert!(lr(&whole, 12) < 0.25);
}
