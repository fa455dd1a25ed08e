"""Metrics of scikit-learn for metrics.json, also on inputs where a metric is undefined, and what an
evaluation reports for every pair of loss and task.

    pip install scikit-learn numpy scipy
    python tests/reference/metrics.py > tests/reference/metrics.json

Inputs are float32 numbers; everything is computed with them in float64.
"""

import json
import sys
import warnings

import numpy as np
import sklearn
import sklearn.metrics as M
from scipy.special import expit, log_softmax, softmax

warnings.simplefilter("ignore")
rng = np.random.default_rng(20262)


def f32(values):
    return np.asarray(values, dtype=np.float32)


def number(value):
    """A number, a list of numbers, or the text NaN."""
    if np.ndim(value) > 0:
        return [number(v) for v in value]
    return float(value) if np.isfinite(value) else "NaN"


def both(z):
    """A single output is the logit of the second of two classes."""
    z = np.asarray(z, dtype=np.float64)
    return np.hstack([np.zeros_like(z), z]) if z.shape[1] == 1 else z


def of_classes(z, y):
    """Every metric of a classification."""
    z, y = both(z), np.asarray(y)
    c = z.shape[1]
    p, predicted, one_hot = softmax(z, axis=1), z.argmax(axis=1), np.eye(c)[y]
    values = {
        "accuracy": M.accuracy_score(y, predicted),
        "balanced_accuracy": M.balanced_accuracy_score(y, predicted),
        "mcc": M.matthews_corrcoef(y, predicted),
        "log_loss": M.log_loss(y, p, labels=range(c)),
        "perplexity": np.exp(-log_softmax(z, axis=1)[np.arange(len(y)), y].mean()),
    }
    if c == 2:
        values["auc"] = M.roc_auc_score(y, p[:, 1])
        values["average_precision"] = M.average_precision_score(y, p[:, 1])
        values["brier"] = M.brier_score_loss(y, p[:, 1], labels=[0, 1])
    else:
        values["auc"] = M.roc_auc_score(y, p, multi_class="ovr", labels=range(c))
        values["average_precision"] = M.average_precision_score(one_hot, p)
        values["brier"] = M.brier_score_loss(y, p, labels=list(range(c)))
    averaged(values, y, predicted, labels=range(c))
    return {name: number(value) for name, value in values.items()}


def averaged(values, y, predicted, labels=None):
    scores = {"precision": M.precision_score, "recall": M.recall_score, "f1": M.f1_score}
    for name, score in scores.items():
        values[name] = score(y, predicted, average="macro", zero_division=0)
        for average in ["micro", "weighted"]:
            values[f"{name}_{average}"] = score(y, predicted, average=average, zero_division=0)
        values[f"{name}_none"] = score(y, predicted, average=None, labels=labels, zero_division=0)


def of_labels(p, y):
    """Every metric of samples with several labels; `p` are probabilities."""
    p, y = np.asarray(p, dtype=np.float64), np.asarray(y, dtype=int)
    predicted = (p > 0.5).astype(int)
    values = {
        "accuracy": M.accuracy_score(y, predicted),
        "auc": M.roc_auc_score(y, p),
        "average_precision": M.average_precision_score(y, p),
    }
    averaged(values, y, predicted)
    return {name: number(value) for name, value in values.items()}


def of_values(z, y):
    """Every metric of a regression."""
    z, y = np.asarray(z, dtype=np.float64), np.asarray(y, dtype=np.float64)
    values = {
        "rmse": M.root_mean_squared_error(y, z),
        "mae": M.mean_absolute_error(y, z),
        "mape": M.mean_absolute_percentage_error(y, z),
        "r2": M.r2_score(y, z) if len(y) > 1 else np.nan,
        "explained_variance": M.explained_variance_score(y, z),
    }
    return {name: number(value) for name, value in values.items()}


def classified(note, z, y):
    z = f32(z)
    return {
        "note": note,
        "output": z.tolist(),
        "classes": np.asarray(y).tolist(),
        "values": of_classes(z, y),
    }


def labelled(note, p, y):
    p, y = f32(p), f32(y)
    return {
        "note": note,
        "output": p.tolist(),
        "values_target": y.tolist(),
        "values": of_labels(p, y),
    }


def regressed(note, z, y):
    z, y = f32(z), f32(y)
    return {
        "note": note,
        "output": z.tolist(),
        "values_target": y.tolist(),
        "values": of_values(z, y),
    }


def metrics():
    y7 = rng.integers(0, 7, 151)
    z7 = rng.normal(0, 1, (151, 7))
    z7[np.arange(151), y7] += 1.0
    rows = rng.normal(0, 1, (4, 3))
    few = rng.normal(0, 1, (12, 5))
    few[:, 3:] = -9
    y2 = rng.integers(0, 2, 43)
    p3, y3 = rng.uniform(0, 1, (37, 3)), rng.integers(0, 2, (37, 3))
    shifted = rng.normal(0, 2, (57, 3))
    return [
        classified("seven classes", z7, y7),
        classified("one class is never asked, two are never predicted", few,
                   [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 0]),
        classified("equal rows with different classes", rows[rng.integers(0, 4, 40)],
                   rng.integers(0, 3, 40)),
        classified("all outputs are equal", np.zeros((9, 4)), [0, 1, 2, 3, 0, 1, 2, 3, 3]),
        classified("only one of three classes", rng.normal(0, 1, (8, 3)), [2] * 8),
        classified("everything right", 9 * np.eye(4)[[0, 1, 2, 3, 3, 1]], [0, 1, 2, 3, 3, 1]),
        classified("everything wrong", 60 * np.eye(3)[[0, 1, 2]], [1, 2, 0]),
        classified("two classes", rng.normal(0, 1, (43, 2)), y2),
        classified("one logit", rng.normal(0, 1, (43, 1)), y2),
        classified("one logit with ties", rng.integers(-1, 2, (43, 1)), y2),
        classified("one logit, nothing predicted as positive", -rng.uniform(1, 2, (10, 1)),
                   [0, 1, 0, 0, 1, 0, 0, 1, 1, 0]),
        classified("one logit, only negatives", rng.normal(0, 1, (6, 1)), [0] * 6),
        classified("one logit, only positives", rng.normal(0, 1, (6, 1)), [1] * 6),
        classified("one logit, sure and wrong", [[50.0], [-50.0], [3.0]], [0, 1, 1]),
        labelled("three labels", p3, y3),
        labelled("labels that tie", np.round(p3 * 4) / 4, y3),
        labelled("a label that nobody has, one that all have", p3, np.hstack(
            [y3[:, :1], np.zeros((37, 1)), np.ones((37, 1))])),
        labelled("nothing predicted", p3 * 0.5, y3),
        labelled("no label at all", p3, np.zeros((37, 3))),
        regressed("three targets", shifted + rng.normal(0, 1, (57, 3)), shifted + [0, 100, -7]),
        regressed("targets of 0", [[1.0], [0.0], [2.0]], [[0.0], [0.0], [2.5]]),
        regressed("off by a constant", shifted[:, :1] + 3, shifted[:, :1]),
        regressed("a target that never changes, met, shifted and missed",
                  [[2.0, 1.0, 5.0], [2.0, 1.0, 3.0], [2.0, 1.0, 3.0]], [[2.0, 3.0, 3.0]] * 3),
        regressed("one sample", [[1.5]], [[1.0]]),
    ]


def cross_entropy(z, y, smoothing=0.0, weights=None):
    """The mean loss, as PyTorch defines it."""
    c = z.shape[1]
    w = np.ones(c) if weights is None else np.asarray(weights)
    t = (1 - smoothing) * np.eye(c)[y] * w + smoothing / c * w
    return -(t * log_softmax(z, axis=1)).sum() / w[y].sum()


def bce(z, y, positive=1.0):
    return (positive * y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)).mean()


def huber(z, y, delta):
    d = np.abs(z - y)
    return np.where(d <= delta, d * d / 2, delta * (d - delta / 2)).mean()


def pairs():
    """For every loss and task: the model's outputs, the targets as training sees them, the scale of
    the targets, and what an evaluation reports."""
    out = []

    def pair(loss, keys, task, z, y, value, values, scale=None):
        out.append(
            {
                "loss": loss,
                "keys": keys,
                "task": task,
                "output": np.asarray(z).tolist(),
                "target": np.asarray(y).tolist(),
                "scale": scale,
                "values": {"loss": number(value), **values},
            }
        )

    z, y = f32(rng.normal(0, 2, (23, 4))), rng.integers(0, 4, 23)
    wide = z.astype(np.float64)
    pair("cross_entropy", {}, "classes", z, y, cross_entropy(wide, y), of_classes(z, y))
    keys = {"label_smoothing": 0.1, "class_weights": [0.1, 1.0, 0.7, 3.0]}
    value = cross_entropy(wide, y, 0.1, keys["class_weights"])
    pair("cross_entropy", keys, "classes", z, y, value, of_classes(z, y))

    z, y = f32(rng.normal(0, 2, (23, 2))), rng.integers(0, 2, 23)
    value = cross_entropy(z.astype(np.float64), y)
    pair("cross_entropy", {}, "classes", z, y, value, of_classes(z, y))

    z, y = f32(rng.normal(0, 2, (23, 1))), rng.integers(0, 2, 23)
    wide = z[:, 0].astype(np.float64)
    pair("bce", {}, "classes", z, y, bce(wide, y), of_classes(z, y))
    pair("bce", {"pos_weight": [3.0]}, "classes", z, y, bce(wide, y, 3.0), of_classes(z, y))

    z, y = f32(rng.normal(0, 2, (23, 3))), f32(rng.uniform(0, 1, (23, 3)))
    wide, target = z.astype(np.float64), y.astype(np.float64)
    pair("bce", {}, "values", z, y, bce(wide, target), of_values(f32(expit(wide)), y))
    y = f32(rng.integers(0, 2, (23, 3)))
    p, target = f32(expit(wide)), y.astype(np.float64)
    pair("bce", {}, "values", z, y, bce(wide, target), {**of_values(p, y), **of_labels(p, y)})

    tokens, table = rng.integers(0, 5, (6, 4)), f32(rng.normal(0, 2, (5, 5)))
    answers = rng.integers(0, 5, (6, 4))
    rows, flat = table[tokens.ravel()], answers.ravel()
    value = cross_entropy(rows.astype(np.float64), flat)
    out.append(
        {
            "loss": "cross_entropy",
            "keys": {},
            "task": "tokens",
            "table": table.tolist(),
            "output": tokens.tolist(),
            "target": answers.tolist(),
            "scale": None,
            "values": {"loss": number(value), **of_classes(rows, flat)},
        }
    )

    z, y = f32(rng.normal(0, 1, (23, 2))), f32(rng.normal(0, 1, (23, 2)))
    a, b = z.astype(np.float64), y.astype(np.float64)
    scale = [[40.0, 3.0], [-7.0, 0.25]]
    mean, std = np.array(scale).T
    for loss, keys, value in [
        ("mse", {}, ((a - b) ** 2).mean()),
        ("mae", {}, np.abs(a - b).mean()),
        ("huber", {"delta": 0.5}, huber(a, b, 0.5)),
    ]:
        pair(loss, keys, "values", z, y, value, of_values(z, y))
        unscaled = of_values(f32(a * std + mean), f32(b * std + mean))
        pair(loss, keys, "values", z, y, value, unscaled, scale)
    return out


json.dump(
    {
        "made_by": f"scikit-learn {sklearn.__version__}, numpy {np.__version__}",
        "metrics": metrics(),
        "pairs": pairs(),
    },
    sys.stdout,
    indent=None,
    separators=(",", ":"),
)
