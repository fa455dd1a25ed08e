//! Metrics by name.

use super::{
    Accuracy, F1, MeanAbsoluteError, MetricSpec, Perplexity, R2, RootMeanSquaredError, TopK,
};
use crate::error::{KeyFault, nearest};

/// The names that [`metric`] knows, each with what it means.
pub const METRICS: [(&str, &str); 7] = [
    (
        "accuracy",
        "share of samples whose class has the largest output",
    ),
    (
        "top_<k>",
        "share of samples whose class is among the k largest outputs, e.g. `top_5`",
    ),
    ("f1", "F1 averaged over classes (macro)"),
    ("perplexity", "exp of the mean negative log-likelihood"),
    ("rmse", "root mean squared error, in the target's unit"),
    ("mae", "mean absolute error, in the target's unit"),
    ("r2", "coefficient of determination"),
];

/// The metric of a name.
///
/// ```
/// use trainer::objective::{TargetsRef, metric};
/// let mut top = metric("top_2")?.start(3);
/// top.add(&[0.1, 0.7, 0.2, 0.1, 0.7, 0.2], 3, TargetsRef::Classes(&[2, 0]));
/// assert_eq!(top.value(), 0.5);
/// assert!(metric("acuracy").unwrap_err().to_string().contains("did you mean `accuracy`?"));
/// # Ok::<(), trainer::error::KeyFault>(())
/// ```
///
/// # Errors
/// Where there is none, with the nearest name; the fault's key is empty.
pub fn metric(name: &str) -> Result<Box<dyn MetricSpec>, KeyFault> {
    Ok(match name {
        "accuracy" => Box::new(Accuracy),
        "f1" => Box::new(F1),
        "mae" => Box::new(MeanAbsoluteError),
        "perplexity" => Box::new(Perplexity),
        "r2" => Box::new(R2),
        "rmse" => Box::new(RootMeanSquaredError),
        _ => match name.strip_prefix("top_") {
            Some(k) => Box::new(top(name, k)?),
            None => return Err(unknown(name)),
        },
    })
}

/// The names of the metrics that a task gets where the config names none.
#[must_use]
pub fn default_metrics(classification: bool) -> &'static [&'static str] {
    if classification {
        &["accuracy"]
    } else {
        &["rmse", "mae", "r2"]
    }
}

/// `top_<k>`, written as it prints.
fn top(name: &str, k: &str) -> Result<TopK, KeyFault> {
    match k.parse() {
        Ok(k) if k > 0 && name == format!("top_{k}") => Ok(TopK { k }),
        _ => Err(KeyFault::error("", format!("`{name}` is not a metric"))
            .hint("`top_` takes a whole number above 0, for example `top_5`")),
    }
}

fn unknown(name: &str) -> KeyFault {
    let fault = KeyFault::error("", format!("unknown metric `{name}`"));
    let known = METRICS.iter().map(|(known, _)| match *known {
        "top_<k>" => "top_5",
        known => known,
    });
    match nearest(name, known) {
        Some(known) => fault.hint(format!("did you mean `{known}`?")),
        None => {
            let names: Vec<_> = METRICS.iter().map(|(known, _)| *known).collect();
            fault.hint(format!("one of {}", names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_a_metric_and_fits_one_task() {
        for (listed, _) in METRICS {
            let name = listed.replace("<k>", "5");
            let metric = metric(&name).unwrap();
            assert_eq!(metric.name(), name);
            let fits = [true, false].map(|task| metric.fits(task, 10).is_none());
            assert_ne!(fits[0], fits[1], "{name}");
        }
        for task in [true, false] {
            for name in default_metrics(task) {
                assert_eq!(metric(name).unwrap().fits(task, 10), None, "{name}");
            }
        }
    }

    #[test]
    fn only_errors_are_better_when_lower() {
        let lower = ["perplexity", "rmse", "mae"];
        for (listed, _) in METRICS {
            let metric = metric(&listed.replace("<k>", "5")).unwrap();
            assert_eq!(
                metric.higher_is_better(),
                !lower.contains(&listed),
                "{listed}"
            );
        }
    }

    #[test]
    fn unknown_names_get_a_hint() {
        let message = |name: &str| metric(name).unwrap_err().to_string();
        assert_eq!(
            message("acuracy"),
            "unknown metric `acuracy`; hint: did you mean `accuracy`?"
        );
        assert_eq!(
            message("R2"),
            "unknown metric `R2`; hint: did you mean `r2`?"
        );
        assert_eq!(
            message("top5"),
            "unknown metric `top5`; hint: did you mean `top_5`?"
        );
        assert_eq!(
            message("bleu"),
            "unknown metric `bleu`; hint: one of accuracy, top_<k>, f1, perplexity, rmse, mae, r2"
        );
        for wrong in ["top_0", "top_", "top_-1", "top_05", "top_five"] {
            assert_eq!(
                message(wrong),
                format!(
                    "`{wrong}` is not a metric; \
                     hint: `top_` takes a whole number above 0, for example `top_5`"
                )
            );
        }
    }

    #[test]
    fn a_regression_has_no_accuracy() {
        assert_eq!(
            metric("accuracy")
                .unwrap()
                .fits(false, 1)
                .unwrap()
                .to_string(),
            "`accuracy` does not fit a regression; hint: a regression takes rmse, mae or r2"
        );
    }
}
