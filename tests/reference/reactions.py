"""Factors of PyTorch's ReduceLROnPlateau and of transformers' GreedyLR, beside the same in TOML.

    python tests/reference/reactions.py > tests/reference/reactions.json

Needs PyTorch and transformers (the numbers committed are those of 2.15.0 and 5.23.0). `values[i]` is the factor in
force before metric i is reported, and after the last; a null metric is NaN.
"""

import json
import random
import warnings

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau
from transformers.optimization import GreedyLR

warnings.simplefilter("ignore")


RANDOM = [
    0.324, 0.151, 0.651, 0.072, 0.536, 0.366, 0.058, 0.507, 0.037, 0.434, 0.07, 0.091, 0.425, 0.827, 0.124, 0.223, 0.627,
    0.948, 0.577, 0.397, 0.976, 0.047, 0.858, 0.29, 0.144, 0.118, 0.308, 0.816, 0.181, 0.582, 0.639, 0.372, 0.548, 0.063,
    0.06, 0.206, 0.68, 0.428, 0.314, 0.586,
]


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def trace(make, metrics):
    o = optimizer()
    scheduler, values = make(o), []
    for metric in metrics:
        values.append(o.param_groups[0]["lr"])
        scheduler.step(metric)
    return [*values, o.param_groups[0]["lr"]]


def toml(kind, args):
    spans = ("patience", "cooldown", "warmup")
    names = {"min_lr": "min", "max_lr": "max"}
    lines = [f'type = "{kind}"', 'metric = "val/loss"']
    for key, value in args.items():
        value = f"{value} evals" if key in spans else value
        lines.append(f"{names.get(key, key)} = {json.dumps(value)}")
    return "[[schedule]]\n" + "\n".join(lines) + "\n"


def plateau(name, metrics, compat=None, **args):
    text = toml("plateau", args) + ('compat = "torch"\n' if compat else "")
    return entry(name, text, metrics, trace(lambda o: ReduceLROnPlateau(o, **args), metrics))


def greedy(name, metrics, **args):
    # transformers' defaults are in units of the learning rate; the base here is 1.
    own = {"min_lr": 0.0, "max_lr": 10.0, **args}
    values = trace(lambda o: GreedyLR(o, reset_start=10**9, **own), metrics)
    return entry(name, toml("greedy", own), metrics, values)


def entry(name, text, metrics, values):
    metrics = [None if m != m else m for m in metrics]
    return {"name": name, "toml": text, "metrics": metrics, "values": values}


def noisy(r, n, sign=1.0):
    return [round(sign * (1 / (1 + 0.1 * i) + r.gauss(0, 0.1)), 3) for i in range(n)]


def entries():
    r, nan = random.Random(5), float("nan")
    flat = [1.0] * 10
    yield plateau("flat patience0", flat[:6], patience=0, factor=0.5)
    yield plateau("flat patience2", flat, patience=2, factor=0.5)
    yield plateau("flat patience2 cooldown3", [1.0] * 16, patience=2, factor=0.5, cooldown=3)
    yield plateau("min_lr .2", flat, patience=1, factor=0.5, min_lr=0.2)
    yield plateau("max mode", [0.1, 0.2] + [0.3] * 5 + [0.4] * 4, mode="max", patience=2, factor=0.1)
    gains = [1, 0.96, 0.93, 0.9, 0.87, 0.84, 0.81]
    yield plateau("abs thr .05", gains, threshold=0.05, threshold_mode="abs", patience=1, factor=0.5)
    small = [1, 0.99995, 0.9999, 0.99985, 0.9998, 0.99975]
    yield plateau("rel thr small gains", small, patience=1, factor=0.5)
    negative = [-1.0] * 8
    yield plateau("negative flat min rel (never reduces)", negative, compat="torch", patience=1, factor=0.5)
    yield plateau("negative flat min abs", negative, patience=1, factor=0.5, threshold_mode="abs")
    yield plateau("nan metric", [1.0, nan, nan, nan, 0.5], patience=1, factor=0.5)
    yield plateau("eps blocks", flat[:8], patience=0, factor=0.5, eps=0.3)
    yield plateau("random", RANDOM, patience=3, factor=0.5, cooldown=2)
    for i in range(20):
        mode, kind = r.choice(["min", "max"]), r.choice(["rel", "abs"])
        yield plateau(f"noisy {i}", noisy(r, 60), mode=mode, threshold_mode=kind, threshold=r.choice([0.0, 1e-4, 0.05]),
                      patience=r.randint(0, 4), factor=r.choice([0.1, 0.5, 0.9]), cooldown=r.randint(0, 3))
    yield greedy("better all the time", [1.0 / (i + 1) for i in range(20)], patience=2, factor=0.5)
    yield greedy("flat, greedy", [1.0] * 20, patience=2, factor=0.5, cooldown=2)
    yield greedy("a largest factor", [1.0 / (i + 1) for i in range(20)], patience=0, factor=0.5, max_lr=3.0, warmup=1)
    for i in range(20):
        mode, kind = r.choice(["min", "max"]), r.choice(["rel", "abs"])
        yield greedy(f"noisy greedy {i}", noisy(r, 60), mode=mode, threshold_mode=kind, threshold=r.choice([0.0, 1e-4, 0.05]),
                     patience=r.randint(0, 3), factor=r.choice([0.5, 0.9]), cooldown=r.randint(0, 3), warmup=r.randint(0, 3))


def main():
    lines = ",\n".join(json.dumps(made) for made in entries())
    source = f"PyTorch {torch.__version__}, transformers GreedyLR, tests/reference/reactions.py"
    print(f'{{"source": {json.dumps(source)},\n"traces": [\n{lines}\n]}}')


if __name__ == "__main__":
    main()
