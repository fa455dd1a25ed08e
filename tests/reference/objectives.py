"""Losses of PyTorch and metrics of scikit-learn, for objectives.json.

    pip install torch scikit-learn numpy
    python tests/reference/objectives.py > tests/reference/objectives.json

Inputs are float32 numbers; PyTorch and scikit-learn compute with them in float64.
"""

import json
import sys

import numpy as np
import sklearn
import sklearn.metrics as M
import torch
import torch.nn.functional as F

rng = np.random.default_rng(20261)


def f32(values):
    return np.asarray(values, dtype=np.float32)


def case(kind, keys, output, target, loss):
    """Mean loss and its gradient with respect to the outputs."""
    z = torch.tensor(output, dtype=torch.float64, requires_grad=True)
    y = torch.tensor(np.asarray(target))
    y = y.long() if y.dtype == torch.int64 else y.double()
    value = loss(z, y)
    value.backward()
    return {
        "type": kind,
        "keys": keys,
        "output": output.tolist(),
        "target": np.asarray(target).tolist(),
        "value": value.item(),
        "grad": z.grad.tolist(),
    }


def losses():
    out = []
    for n, c in [(1, 2), (5, 3), (17, 10)]:
        z = f32(rng.normal(0, 3, (n, c)))
        y = rng.integers(0, c, n)
        weights = [0.5 + i for i in range(c)]
        weights[1] = 0.0 if n > 1 else 1.0
        for smoothing in [0.0, 0.1]:
            for w in [[], weights]:
                out.append(
                    case(
                        "cross_entropy",
                        {"label_smoothing": smoothing, "class_weights": w},
                        z,
                        y,
                        lambda z, y: F.cross_entropy(
                            z,
                            y,
                            weight=torch.tensor(w, dtype=torch.float64) if w else None,
                            label_smoothing=smoothing,
                        ),
                    )
                )
    far = f32([[80, -80, 0], [-1e4, 1e4, 0], [30, 30, 30]])
    out.append(case("cross_entropy", {}, far, np.array([0, 0, 2]), F.cross_entropy))

    for n, k in [(1, 1), (7, 1), (9, 3)]:
        z, y = f32(rng.normal(0, 2, (n, k))), f32(rng.normal(0, 2, (n, k)))
        y[0] = z[0]
        y[-1, -1] += 20
        out.append(case("mse", {}, z, y, F.mse_loss))
        out.append(case("mae", {}, z, y, F.l1_loss))
        for delta in [1.0, 0.3]:
            out.append(
                case("huber", {"delta": delta}, z, y, lambda z, y: F.huber_loss(z, y, delta=delta))
            )
    edge = f32([[1.0], [-1.0], [2.0], [0.0]])
    out.append(case("huber", {"delta": 1.0}, edge, f32(np.zeros((4, 1))), F.huber_loss))

    for k, positive in [(1, []), (1, [3.0]), (4, []), (4, [2.0]), (4, [0.5, 1.0, 2.0, 7.0])]:
        z = f32(rng.normal(0, 3, (6, k)))
        z[0], z[1, -1], z[2, -1] = 0.0, 60.0, -60.0
        y = f32(rng.integers(0, 2, (6, k)))
        y[3] = 0.25
        pw = torch.tensor(positive, dtype=torch.float64) if positive else None
        out.append(
            case(
                "bce",
                {"pos_weight": positive},
                z,
                y,
                lambda z, y: F.binary_cross_entropy_with_logits(z, y, pos_weight=pw),
            )
        )
    z = f32(rng.normal(0, 2, (5, 1)))
    out.append(
        case(
            "bce",
            {"pos_weight": [3.0]},
            z,
            np.array([0, 1, 1, 0, 1]),
            lambda z, y: F.binary_cross_entropy_with_logits(
                z[:, 0], y.double(), pos_weight=torch.tensor(3.0, dtype=torch.float64)
            ),
        )
    )
    return out


def classified(note, z, y, top=2):
    z = f32(z)
    c = max(z.shape[1], 2)
    z2 = np.hstack([np.zeros_like(z), z]) if z.shape[1] == 1 else z
    predicted = z2.argmax(axis=1)
    logp = torch.log_softmax(torch.tensor(z2, dtype=torch.float64), dim=1).numpy()
    values = {
        "accuracy": M.accuracy_score(y, predicted),
        "f1": M.f1_score(y, predicted, average="macro", zero_division=0),
        "perplexity": float(np.exp(M.log_loss(y, np.exp(logp), labels=range(c))))
        if np.abs(z).max() < 30
        else float(np.exp(-logp[np.arange(len(y)), y].mean())),
    }
    if c > 2:
        values[f"top_{top}"] = M.top_k_accuracy_score(y, z2, k=top, labels=range(c))
    return {"note": note, "output": z.tolist(), "classes": np.asarray(y).tolist(), "values": values}


def regressed(note, z, y):
    z, y = f32(z), f32(y)
    a, b = z.astype(np.float64), y.astype(np.float64)
    values = {
        "mae": M.mean_absolute_error(b, a),
        "rmse": M.root_mean_squared_error(b, a),
        "r2": M.r2_score(b, a) if len(y) > 1 else "NaN",
    }
    return {"note": note, "output": z.tolist(), "values_target": y.tolist(), "values": values}


def metrics():
    y10 = rng.integers(0, 10, 203)
    z10 = rng.normal(0, 1, (203, 10))
    z10[np.arange(203), y10] += 1.0
    few = rng.normal(0, 1, (12, 5))
    few[:, 4] = -9  # never predicted
    few[:, 3] = -8  # never predicted
    ybin = rng.integers(0, 2, 31)
    y3 = rng.normal(0, 2, (57, 3))
    return [
        classified("ten classes", z10, y10, 3),
        classified("a class that is neither asked nor predicted, one asked in vain", few,
                   np.array([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 0])),
        classified("one sample, right", [[0.1, 2.0, 0.3]], [1]),
        classified("one sample, wrong", [[0.1, 2.0, 0.3]], [2]),
        classified("two classes", rng.normal(0, 1, (31, 2)), ybin),
        classified("one logit", rng.normal(0, 1, (31, 1)), ybin),
        classified("far logits", [[90, -90, 0], [0, 1, 100]], [0, 1]),
        regressed("one target", rng.normal(0, 2, (41, 1)), rng.normal(0, 2, (41, 1))),
        regressed("three targets", y3 + rng.normal(0, 1, (57, 3)) * [0.1, 1, 3], y3 + [0, 100, -7]),
        regressed("far from zero", y3[:, :1] + 10_000.5, y3[:, :1] + 10_000),
        regressed("perfect", y3, y3),
        regressed("a target that never changes, met and missed",
                  [[2.0, 1.0], [2.0, 3.0], [2.0, 3.0]], [[2.0, 3.0], [2.0, 3.0], [2.0, 3.0]]),
        regressed("one sample", [[1.5]], [[1.0]]),
    ]


json.dump(
    {
        "made_by": f"torch {torch.__version__}, scikit-learn {sklearn.__version__}",
        "losses": losses(),
        "metrics": metrics(),
    },
    sys.stdout,
    indent=None,
    separators=(",", ":"),
)
