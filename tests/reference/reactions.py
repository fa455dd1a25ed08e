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
    flat = [1.0] * 8
    yield plateau("flat, patience 0", flat, patience=0, factor=0.5)
    yield plateau("flat, patience 2", [1.0] * 12, patience=2, factor=0.5)
    yield plateau("flat, patience 2, cooldown 3", [1.0] * 18, patience=2, factor=0.5, cooldown=3)
    yield plateau("a smallest factor", [1.0] * 12, patience=1, factor=0.5, min_lr=0.2)
    yield plateau("max", [0.1, 0.2] + [0.3] * 5 + [0.4] * 4, mode="max", patience=2, factor=0.1)
    gains = [1, 0.96, 0.93, 0.9, 0.87, 0.84, 0.81]
    yield plateau("absolute threshold", gains, threshold=0.05, threshold_mode="abs", patience=1, factor=0.5)
    small = [1 - 5e-5 * i for i in range(8)]
    yield plateau("gains below the relative threshold", small, patience=1, factor=0.5)
    yield plateau("negative, as PyTorch", [-1.0] * 8, compat="torch", patience=1, factor=0.5)
    yield plateau("negative, absolute", [-1.0] * 8, patience=1, factor=0.5, threshold_mode="abs")
    yield plateau("NaN", [1.0, nan, nan, nan, 0.5], patience=1, factor=0.5)
    yield plateau("eps", flat, patience=0, factor=0.5, eps=0.3)
    for i in range(20):
        mode, kind = r.choice(["min", "max"]), r.choice(["rel", "abs"])
        yield plateau(f"noisy {i}", noisy(r, 60), mode=mode, threshold_mode=kind, threshold=r.choice([0.0, 1e-4, 0.05]),
                      patience=r.randint(0, 4), factor=r.choice([0.1, 0.5, 0.9]), cooldown=r.randint(0, 3))
    yield greedy("better all the time", [1.0 / (i + 1) for i in range(20)], patience=2, factor=0.5)
    yield greedy("flat", [1.0] * 20, patience=2, factor=0.5, cooldown=2)
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
