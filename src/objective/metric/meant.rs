//! Hints for metrics that do not exist: what scikit-learn, torchmetrics and Keras call differently,
//! and slips of the pen.

use super::{Average, METRICS, Score};
use crate::suggest::{did_you_mean, likeness};

/// What to write for names of other tools; a metric's own name stands for "did you mean".
const OTHERS: [(&str, &[&str]); 24] = [
    (
        "accuracy",
        &[
            "acc",
            "acc1",
            "top1",
            "top1acc",
            "top1accuracy",
            "subsetaccuracy",
            "exactmatch",
            "categoricalaccuracy",
            "sparsecategoricalaccuracy",
        ],
    ),
    (
        "auc",
        &[
            "roc",
            "rocauc",
            "auroc",
            "aucroc",
            "areaundercurve",
            "rocaucovr",
        ],
    ),
    (
        "average_precision",
        &[
            "ap",
            "map",
            "prauc",
            "aucpr",
            "auprc",
            "meanaverageprecision",
        ],
    ),
    (
        "balanced_accuracy",
        &["bacc", "balacc", "uar", "meanclassaccuracy"],
    ),
    ("brier", &["brierloss", "brierscoreloss"]),
    ("explained_variance", &["evs"]),
    ("f1", &["f", "fscore", "fmeasure"]),
    (
        "log_loss",
        &[
            "logloss",
            "nll",
            "crossentropy",
            "ce",
            "negativeloglikelihood",
            "nllloss",
            "bce",
            "categoricalcrossentropy",
            "sparsecategoricalcrossentropy",
            "crossentropyloss",
        ],
    ),
    ("mae", &["l1", "meanabsoluteerror"]),
    ("mape", &["meanabsolutepercentageerror"]),
    (
        "mcc",
        &["matthews", "matthewscorrcoef", "matthewscorrelation", "phi"],
    ),
    ("perplexity", &["ppl"]),
    ("r2", &["rsquared", "coefficientofdetermination"]),
    ("recall", &["sensitivity", "tpr", "truepositiverate"]),
    ("precision", &["ppv", "positivepredictivevalue"]),
    ("rmse", &["rootmeansquarederror"]),
    (
        "`rmse` is its square root",
        &["mse", "l2", "meansquarederror"],
    ),
    (
        "`top_5` is the share within the 5 largest outputs; any number does",
        &[
            "topk",
            "topkaccuracy",
            "topkcategoricalaccuracy",
            "sparsetopkcategoricalaccuracy",
        ],
    ),
    (
        "`accuracy` is 1 minus it",
        &["error", "errorrate", "zerooneloss", "misclassificationrate"],
    ),
    (
        "the loss is measured without being asked, as `train/loss`, `val/loss` and `test/loss`",
        &["loss"],
    ),
    (
        "a run keeps it without being asked: `trainer show --confusion`",
        &["confusion", "confusionmatrix"],
    ),
    (
        "`precision_none`, `recall_none` and `f1_none` report each class",
        &["classificationreport"],
    ),
    (
        "it is the recall of the negative class, which `recall_none` reports",
        &["specificity", "tnr", "truenegativerate"],
    ),
    (
        "`auc` is of each class against the rest",
        &["rocaucovo", "rocaucovrweighted", "rocaucovoweighted"],
    ),
];

/// Names that look like one of ours and mean something else.
const UNLIKE: [&str; 16] = [
    "smape",
    "wmape",
    "wape",
    "mase",
    "msle",
    "rmsle",
    "nrmse",
    "rse",
    "mbe",
    "mpe",
    "medae",
    "medianabsoluteerror",
    "adjustedr2",
    "rmspe",
    "precisionatk",
    "recallatk",
];

/// Returns what to write instead of `name`; `None` where nothing means the same.
pub(super) fn hint(name: &str) -> Option<String> {
    let word = bare(name);
    own(&word)
        .or_else(|| averaged(&word))
        .or_else(|| other(&word))
        .or_else(|| top(&word))
        .or_else(|| alike(name, &word))
}

/// A name without case, signs, and words that say nothing of what is measured.
fn bare(name: &str) -> String {
    let word: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let mut word = word.as_str();
    for start in ["val", "test", "eval", "neg", "multiclass", "multilabel"] {
        word = word
            .strip_prefix(start)
            .filter(|rest| !rest.is_empty())
            .unwrap_or(word);
    }
    word.strip_suffix("score").unwrap_or(word).into()
}

/// A name of this language in other letters.
fn own(word: &str) -> Option<String> {
    let mut names = METRICS.iter().map(|(own, _)| *own);
    let is_it = |own: &&str| {
        let own = bare(own);
        own == word || Score::ALL.iter().all(|s| s.name() != own) && binary(word) == Some(&own)
    };
    names.find(is_it).map(did_you_mean)
}

fn other(word: &str) -> Option<String> {
    let is_it =
        |names: &[&str]| names.contains(&word) || binary(word).is_some_and(|w| names.contains(&w));
    let (own, _) = OTHERS.iter().find(|(_, names)| is_it(names))?;
    Some(match own.contains(' ') {
        true => (*own).into(),
        false => did_you_mean(own),
    })
}

/// The word without `binary`: of two classes most metrics are of the second as they are.
fn binary(word: &str) -> Option<&str> {
    word.strip_prefix("binary")
        .or_else(|| word.strip_suffix("binary"))
}

/// `f1_weighted_avg`, `macro_f1_score`, `precision_binary`, `BinaryF1Score`.
fn averaged(word: &str) -> Option<String> {
    let score = Score::ALL
        .into_iter()
        .find(|score| word.contains(score.name()))?;
    let (before, after) = word.split_once(score.name())?;
    let rest = format!("{before}{after}");
    let rest = rest
        .replace("score", "")
        .replace("average", "")
        .replace("avg", "");
    let average = Average::ALL
        .into_iter()
        .find(|average| rest == average.name());
    let (kind, none) = (score.name(), Average::ALL.map(|average| average.name()));
    Some(match (average, rest.as_str()) {
        (Some(average), _) => format!(
            "write `{kind}_{0}`, or {{ type = \"{kind}\", average = \"{0}\" }}",
            average.name()
        ),
        (None, "") => did_you_mean(kind),
        (None, "binary") => format!(
            "{{ type = \"{kind}\", average = \"none\" }} reports each class, the positive one too"
        ),
        (None, "perclass" | "each") => {
            format!("write {{ type = \"{kind}\", average = \"none\" }}")
        }
        (None, _) if before.is_empty() && is_word(&rest) => {
            let all = none.map(|average| format!("`{kind}_{average}`"));
            format!("there are {}", all.join(", "))
        }
        _ => return None,
    })
}

/// Returns whether a suffix may stand for an average: `f1_samples`, not `precision@5`.
fn is_word(suffix: &str) -> bool {
    !suffix.starts_with("at") && suffix.chars().all(char::is_alphabetic)
}

/// `top5`, `acc@5`, `top_5_accuracy`, `accuracy_top5`.
fn top(word: &str) -> Option<String> {
    let digits: String = word.chars().filter(char::is_ascii_digit).collect();
    let rest: String = word.chars().filter(|c| !c.is_ascii_digit()).collect();
    let names = [
        "top",
        "acc",
        "accuracy",
        "accat",
        "topacc",
        "topaccuracy",
        "acctop",
        "accuracytop",
    ];
    let k: usize = digits.parse().ok().filter(|k| *k > 0)?;
    (names.contains(&rest.as_str())).then(|| match k {
        1 => did_you_mean("accuracy"),
        k => did_you_mean(format!("top_{k}")),
    })
}

/// The own name that is most alike, where it is nearly the same.
fn alike(name: &str, word: &str) -> Option<String> {
    /// Less alike than this is another word.
    const ALIKE: f64 = 0.65;
    if UNLIKE.contains(&word) {
        return None;
    }
    let plain = binary(word).unwrap_or(word);
    let digits = |word: &str| {
        word.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    let score = |own: &str| {
        let own = bare(own);
        if digits(&own) != digits(word) {
            return 0.0;
        }
        likeness(plain, &own).max(likeness(name, &own))
    };
    let own = METRICS
        .iter()
        .map(|(own, _)| *own)
        .filter(|own| *own != "top_<k>");
    let near = own.map(|own| (score(own), own));
    let best = near.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= ALIKE).then(|| did_you_mean(best.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_another_tool_gets_what_means_the_same() {
        let mean = |own: &str| format!("did you mean `{own}`?");
        let write = |kind: &str, average: &str| {
            format!("write `{kind}_{average}`, or {{ type = \"{kind}\", average = \"{average}\" }}")
        };
        let positive = |kind: &str| {
            format!(
                "{{ type = \"{kind}\", average = \"none\" }} reports each class, the positive one too"
            )
        };
        for (names, expected) in [
            (&["acc", "accuracy_score", "MulticlassAccuracy", "binary_accuracy", "top1", "acc@1",
               "sparse_categorical_accuracy", "acuracy", "Accuracy"][..], mean("accuracy")),
            (&["top5", "acc@5", "acc5", "top_5_accuracy", "accuracy_top5"], mean("top_5")),
            (&["roc_auc", "roc_auc_score", "AUROC", "BinaryAUROC", "roc_auc_ovr", "AUC"], mean("auc")),
            (&["f1_score", "F1Score", "F1", "f_score", "f-measure"], mean("f1")),
            (&["f1_weighted_avg", "weighted_f1", "f1_score_weighted"], write("f1", "weighted")),
            (&["macro_precision", "precision_macro_average"], write("precision", "macro")),
            (&["f1_binary", "BinaryF1Score", "binary_f1"], positive("f1")),
            (&["precision_binary", "BinaryPrecision"], positive("precision")),
            (&["recall_binary"], positive("recall")),
            (&["mse", "neg_mean_squared_error", "MeanSquaredError"], "`rmse` is its square root".into()),
            (&["neg_root_mean_squared_error", "RMSE"], mean("rmse")),
            (&["neg_log_loss", "binary_crossentropy", "NLLLoss"], mean("log_loss")),
            (&["R2Score", "r2_score", "R2"], mean("r2")),
            (&["neg_brier_score", "brier_score_loss"], mean("brier")),
            (&["explained_variance_score"], mean("explained_variance")),
            (&["balanced_accuracy_score", "bal_acc"], mean("balanced_accuracy")),
            (&["average_precision_score", "BinaryAveragePrecision", "mAP"], mean("average_precision")),
            (&["matthews_corrcoef", "MulticlassMatthewsCorrCoef"], mean("mcc")),
            (&["val_loss", "loss"], "the loss is measured without being asked, as `train/loss`, `val/loss` and `test/loss`".into()),
        ] {
            for name in names {
                assert_eq!(hint(name).as_deref(), Some(expected.as_str()), "{name}");
            }
        }
    }

    #[test]
    fn what_means_something_else_is_not_proposed() {
        for name in [
            "smape",
            "msle",
            "rmsle",
            "mase",
            "nrmse",
            "bleu",
            "rouge",
            "iou",
            "dice",
            "kappa",
            "hinge",
            "pearson",
            "max_error",
            "median_absolute_error",
            "f2",
            "ece",
            "ndcg",
            "precision_at_k",
            "recall@5",
            "hamming_loss",
            "jaccard",
            "fbeta",
            "cohen_kappa",
        ] {
            assert_eq!(hint(name), None, "{name}");
        }
    }
}
