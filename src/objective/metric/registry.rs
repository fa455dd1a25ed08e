//! Metrics by name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Accuracy, Auc, Average, AveragePrecision, BalancedAccuracy, Brier, ExplainedVariance, LogLoss,
    Mape, Mcc, MeanAbsoluteError, MetricSpec, Perplexity, PrecisionRecall, R2,
    RootMeanSquaredError, Score, TopK, meant,
};
use crate::{error::KeyFault, task::Task};

/// The names that [`metric`] knows, each with what it means.
pub const METRICS: [(&str, &str); 17] = [
    (
        "accuracy",
        "Share of samples with the right class. For labels: share of samples whose labels are all right.",
    ),
    (
        "balanced_accuracy",
        "Mean over the classes of their recall. Classes without a sample are left out.",
    ),
    (
        "top_<k>",
        "Share of samples whose class is among the k largest outputs. For example `top_5`.",
    ),
    (
        "precision",
        "Share of a class's predictions that are right. The mean over classes (macro), or `precision_micro`, `precision_weighted`; `precision_none` gives each class its own number.",
    ),
    (
        "recall",
        "Share of a class's samples that are found. The mean over classes (macro), or `recall_micro`, `recall_weighted`; `recall_none` gives each class its own number.",
    ),
    (
        "f1",
        "F1, the harmonic mean of precision and recall. The mean over classes (macro), or `f1_micro`, `f1_weighted`; `f1_none` gives each class its own number.",
    ),
    (
        "auc",
        "Area under the ROC curve. Of two classes it is that of the second; of more the mean of each against the rest. NaN where a class has no sample. It keeps 9 bytes of each sample and class until the split is done.",
    ),
    (
        "average_precision",
        "Area under the precision-recall curve. Of two classes it is that of the second; of more the mean of each against the rest. 0 for a class without a sample. It keeps 9 bytes of each sample and class until the split is done.",
    ),
    (
        "mcc",
        "Matthews' correlation coefficient, from -1 to 1. It is 0 where there is only one class, or only one is predicted.",
    ),
    (
        "log_loss",
        "Mean of -ln of the probability of the right class. Probabilities below 2.2e-16 count as 2.2e-16. Lower is better.",
    ),
    (
        "brier",
        "Mean squared error of the probabilities. Of two classes it is (p - y)² of the second; of more the sum over classes. Lower is better.",
    ),
    (
        "perplexity",
        "Exponential of the mean negative log-likelihood. Lower is better.",
    ),
    (
        "rmse",
        "Root mean squared error, in the target's unit. Lower is better.",
    ),
    (
        "mae",
        "Mean absolute error, in the target's unit. Lower is better.",
    ),
    (
        "mape",
        "Mean of |error| / |target|. A value of 0.1 is ten percent. A target of 0 counts as 2.2e-16. Lower is better.",
    ),
    ("r2", "Coefficient of determination."),
    (
        "explained_variance",
        "Share of the target's variance that is explained. It is `r2` without the constant part of the error.",
    ),
];

/// An entry of `metrics`: a name, or a table with keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MetricEntry {
    /// A metric with keys.
    Table(MetricKeys),
    /// A metric by its name.
    Name(String),
}

/// A metric with keys, which all have a short form: `f1` with `average = "weighted"` is `f1_weighted`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct MetricKeys {
    /// The metric's name.
    #[schemars(example = &"f1")]
    pub r#type: String,
    /// For precision, recall and f1, the way from the classes' numbers to one: macro (the mean over
    /// classes), micro (all classes' counts together), weighted (the mean, each class weighted by its
    /// samples) or none (a number for each class, reported as `val/f1/<class>`). Default macro.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Average", example = &"weighted")]
    pub average: Option<Average>,
    /// For top_k, how many guesses a sample has. At least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), example = 5)]
    pub k: Option<usize>,
}

impl MetricEntry {
    /// The metric's name alone.
    ///
    /// # Errors
    /// A key that this metric does not have, or lacks. The fault's key is the table's.
    pub fn name(&self) -> Result<String, KeyFault> {
        match self {
            Self::Name(name) => Ok(name.clone()),
            Self::Table(keys) => keys.name(),
        }
    }
}

impl MetricKeys {
    fn name(&self) -> Result<String, KeyFault> {
        let kind = self.r#type.as_str();
        let averaged = Score::ALL.iter().any(|score| score.name() == kind);
        let top = matches!(kind, "top_k" | "top_<k>");
        let surplus = match (self.average, self.k) {
            (Some(_), _) if !averaged => Some(("average", "precision, recall and f1 have one")),
            (_, Some(_)) if !top => Some(("k", "top_k has one")),
            _ => None,
        };
        if let Some((key, hint)) = surplus {
            // A name that does not exist is the fault then.
            metric(&if top {
                "top_5".to_owned()
            } else {
                kind.to_owned()
            })
            .map_err(at_type)?;
            let message = format!("`{kind}` has no `{key}`");
            return Err(KeyFault::error(key, message).hint(hint));
        }
        match (self.average, self.k) {
            (Some(average), _) => Ok(format!("{kind}_{}", average.name())),
            (_, Some(k)) => Ok(format!("top_{k}")),
            _ if top => Err(
                KeyFault::error("", "missing key `k` in a metric of type `top_k`")
                    .hint("add, for example, `k = 5`"),
            ),
            _ => metric(kind).map(|metric| metric.name()).map_err(at_type),
        }
    }
}

fn at_type(fault: KeyFault) -> KeyFault {
    KeyFault {
        key: "type".into(),
        ..fault
    }
}

/// The metric of a name.
///
/// ```
/// use trainer::{objective::metric, task::Targets};
/// let mut top = metric("top_2")?.start(3);
/// top.add(&[0.1, 0.7, 0.2, 0.1, 0.7, 0.2], 3, &Targets::Classes(vec![2, 0]));
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
        "auc" => Box::new(Auc),
        "average_precision" => Box::new(AveragePrecision),
        "balanced_accuracy" => Box::new(BalancedAccuracy),
        "brier" => Box::new(Brier),
        "explained_variance" => Box::new(ExplainedVariance),
        "log_loss" => Box::new(LogLoss),
        "mae" => Box::new(MeanAbsoluteError),
        "mape" => Box::new(Mape),
        "mcc" => Box::new(Mcc),
        "perplexity" => Box::new(Perplexity),
        "r2" => Box::new(R2),
        "rmse" => Box::new(RootMeanSquaredError),
        _ => match (averaged(name), name.strip_prefix("top_")) {
            (Some(metric), _) => Box::new(metric),
            (None, Some(k)) => Box::new(top(name, k)?),
            (None, None) => return Err(unknown(name)),
        },
    })
}

/// `f1`, `f1_weighted`, `precision_none`, …
fn averaged(name: &str) -> Option<PrecisionRecall> {
    Score::ALL.into_iter().find_map(|score| {
        let average = match name.strip_prefix(score.name())? {
            "" => Some(Average::default()),
            rest => Average::ALL
                .into_iter()
                .find(|average| rest.strip_prefix('_') == Some(average.name())),
        };
        average.map(|average| PrecisionRecall { score, average })
    })
}

/// The names of the metrics that a task gets where the config names none.
#[must_use]
pub fn default_metrics(task: &Task) -> &'static [&'static str] {
    match task {
        Task::Classification { .. } | Task::NextToken { .. } => &["accuracy"],
        Task::MultiLabel { .. } => &["f1", "accuracy"],
        Task::Regression { .. } => &["rmse", "mae", "r2"],
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
    let names: Vec<_> = METRICS.iter().map(|(known, _)| *known).collect();
    let all = || format!("one of {}", names.join(", "));
    fault.hint(meant::hint(name).unwrap_or_else(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::direction::Direction;

    fn tasks() -> [Task; 2] {
        [Task::unnamed(10), Task::Regression { targets: 10 }]
    }

    #[test]
    fn every_listed_name_is_a_metric_and_fits_one_task() {
        for (listed, _) in METRICS {
            let name = listed.replace("<k>", "5");
            let metric = metric(&name).unwrap();
            assert_eq!(metric.name(), name);
            let fits = tasks().map(|task| metric.fits(&task).is_none());
            assert_ne!(fits[0], fits[1], "{name}");
            assert!(fits[0] || !metric.judges_labels(), "{name}");
        }
        for task in tasks() {
            for name in default_metrics(&task) {
                assert_eq!(metric(name).unwrap().fits(&task), None, "{name}");
            }
        }
    }

    #[test]
    fn only_errors_are_better_when_lower() {
        let lower = ["log_loss", "brier", "perplexity", "rmse", "mae", "mape"];
        for (listed, _) in METRICS {
            let metric = metric(&listed.replace("<k>", "5")).unwrap();
            assert_eq!(
                metric.direction() == Direction::Min,
                lower.contains(&listed),
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
            "unknown metric `bleu`; hint: one of accuracy, balanced_accuracy, top_<k>, precision, recall, \
             f1, auc, average_precision, mcc, log_loss, brier, perplexity, rmse, mae, mape, r2, \
             explained_variance"
        );
        assert_eq!(
            message("f1_binary"),
            "unknown metric `f1_binary`; hint: { type = \"f1\", average = \"none\" } reports each class, \
             the positive one too"
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
    fn a_table_is_a_name_with_its_keys() {
        let name = |keys: &str| -> Result<String, String> {
            let keys: MetricKeys = toml::from_str(keys).unwrap();
            MetricEntry::Table(keys)
                .name()
                .map_err(|fault| fault.to_string())
        };
        let ok = |keys: &str| metric(&name(keys).unwrap()).unwrap().name();
        assert_eq!(ok("type = \"f1\""), "f1");
        assert_eq!(ok("type = \"f1\"\naverage = \"macro\""), "f1");
        assert_eq!(ok("type = \"recall\"\naverage = \"none\""), "recall_none");
        assert_eq!(ok("type = \"top_k\"\nk = 3"), "top_3");
        assert_eq!(ok("type = \"auc\""), "auc");
        let fault = |keys: &str| name(keys).unwrap_err();
        assert_eq!(
            fault("type = \"auc\"\naverage = \"macro\""),
            "`average`: `auc` has no `average`; hint: precision, recall and f1 have one"
        );
        assert_eq!(
            fault("type = \"f1\"\nk = 3"),
            "`k`: `f1` has no `k`; hint: top_k has one"
        );
        assert_eq!(
            fault("type = \"top_k\""),
            "missing key `k` in a metric of type `top_k`; hint: add, for example, `k = 5`"
        );
        assert_eq!(
            fault("type = \"precison\"\naverage = \"micro\""),
            "`type`: unknown metric `precison`; hint: did you mean `precision`?"
        );
    }

    #[test]
    fn a_regression_has_no_accuracy() {
        assert_eq!(
            metric("accuracy")
                .unwrap()
                .fits(&Task::Regression { targets: 1 })
                .unwrap()
                .to_string(),
            "`accuracy` does not fit a regression; hint: a regression takes rmse, mae, mape, r2 or \
             explained_variance"
        );
    }
}
