"""Random schedules: every update's learning rate of `trainer schedule` against PyTorch, transformers, timm and optax.

    cargo build --release
    python3 -m venv venv && venv/bin/pip install torch transformers timm optax
    venv/bin/python tests/reference/random_schedules.py [--count 1000] [--seed 0] [--trainer target/release/trainer]

Draws `count` schedules over all of PyTorch's classes (alone, in sequence, as a product, per epoch), and a quarter as
many of each other library that is installed, runs them in float64, and compares. A difference above 1e-12 of the base
(1e-6 for optax's float32 arithmetic where JAX has no float64) is printed with its TOML and fails. Prints one line a
class: how many, and the largest difference as a share of the base.
"""

import argparse
import csv
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import warnings
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("JAX_ENABLE_X64", "1")
warnings.simplefilter("ignore")

TOLERANCE = 1e-12


class Case:
    """One schedule: who computes it, how, and what it is in TOML."""

    def __init__(self, name, values, toml, base, horizon, per_epoch=1):
        self.name, self.values, self.toml = name, values, toml
        self.base, self.horizon, self.per_epoch = base, horizon, per_epoch

    def config(self):
        return (
            f'[model]\ntype = "mlp"\n[dataset]\ntype = "digits"\n[optimizer]\ntype = "sgd"\nlr = {self.base!r}\n'
            f"[train]\nsteps = {self.horizon}\n{self.toml}"
        )


def phase(kind, length="rest", **keys):
    keys = {key.rstrip("_"): value for key, value in keys.items() if value is not None}
    lines = ["[[schedule]]", f'type = "{kind}"', f'for = "{length}"']
    return "\n".join(lines + [f"{key} = {json.dumps(value)}" for key, value in keys.items()]) + "\n"


def steps(n):
    return f"{n} steps"


# PyTorch


def torch_values(build, base, horizon, per_epoch):
    import torch

    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=base)
    scheduler, values = build(optimizer), []
    for t in range(horizon):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if (t + 1) % per_epoch == 0:
            scheduler.step()
    return values


def torch_part(r, n, base, unit=steps, more=(), per=1):
    """(name, builder, TOML given the phase's length and more keys) of one scheduler that runs for `n` scheduler steps
    and ends anywhere."""
    from torch.optim import lr_scheduler as pt

    more = dict(more)
    kind = r.choice(["Constant", "Linear", "Polynomial", "Exponential", "Step", "MultiStep", "Cosine", "Restarts", "Lambda",
                     "Multiplicative", "Cyclic"])
    if kind == "Constant":
        c, k = r.uniform(0.05, 1), r.randint(1, n)
        tail = [phase("constant", "rest", from_="base", **more)] if k < n else []
        return kind, lambda o: pt.ConstantLR(o, c, k), lambda f: "".join([phase("constant", unit(k) if k < n else f, from_=c, **more)] + tail)
    if kind == "Linear":
        s, e, k = r.uniform(0.01, 1), r.uniform(0, 1), r.randint(2, n)
        tail = [phase("constant", "rest", **more)] if k < n else []
        return kind, lambda o: pt.LinearLR(o, s, e, k), lambda f: "".join([phase("linear", unit(k) if k < n else f, from_=s, to=e, **more)] + tail)
    if kind == "Polynomial":
        p, k = r.uniform(0.3, 3), r.randint(2, n)
        tail = [phase("constant", "rest", **more)] if k < n else []
        return kind, lambda o: pt.PolynomialLR(o, k, p), lambda f: "".join([phase("poly", unit(k) if k < n else f, power=p, **more)] + tail)
    if kind == "Exponential":
        g = r.uniform(0.9, 0.999)
        return kind, lambda o: pt.ExponentialLR(o, g), lambda f: phase("exponential", f, gamma=g, period=unit(1), **more)
    if kind == "Multiplicative":
        g = r.uniform(0.9, 0.999)
        return kind, lambda o: pt.MultiplicativeLR(o, lambda _: g), lambda f: phase("exponential", f, gamma=g, period=unit(1), **more)
    if kind == "Step":
        s, g = r.randint(1, n), r.uniform(0.1, 0.9)
        return kind, lambda o: pt.StepLR(o, s, g), lambda f: phase("step", f, size=unit(s), gamma=g, **more)
    if kind == "MultiStep":
        at, g = sorted(r.randint(1, max(1, n - 1)) for _ in range(r.randint(1, 4))), r.uniform(0.1, 0.9)
        return kind, lambda o: pt.MultiStepLR(o, list(at), g), lambda f: phase("multistep", f, at=[unit(m) for m in at], gamma=g, **more)
    if kind == "Cosine":
        t, m = r.randint(2, 2 * n), base * r.uniform(0, 0.5)
        return kind, lambda o: pt.CosineAnnealingLR(o, t, m), lambda f: phase("cosine", f, to_value=m, over=unit(t), past="mirror", **more)
    if kind == "Restarts":
        t, k, m = r.randint(1, n), r.choice([1, 2, 3]), base * r.uniform(0, 0.5)
        return kind, lambda o: pt.CosineAnnealingWarmRestarts(o, t, k, m), lambda f: phase("cosine_restarts", f, cycle=unit(t), stretch=float(k), to_value=m, **more)
    if kind == "Lambda":
        a, b = r.uniform(0.01, 0.3), r.uniform(0.3, 2)
        text, f = r.choice([
            (f"1/(1+{a!r}*u)", lambda e: 1 / (1 + a * e)),
            (f"(1+u)^-{b!r}", lambda e: (1 + e) ** -b),
            (f"0.5*(1+cos({a!r}*u))", lambda e: 0.5 * (1 + math.cos(a * e))),
            (f"max(exp(-{a!r}*u), 0.01)", lambda e: max(math.exp(-a * e), 0.01)),
            (f"min(1, {b!r}/sqrt(u+1))", lambda e: min(1, b / math.sqrt(e + 1))),
        ])
        return kind, lambda o: pt.LambdaLR(o, f), lambda length: phase("expr", length, expr=text, **more)
    low, up, down = base * r.uniform(0.01, 0.5), r.randint(1, n), r.randint(1, n)
    mode, g = r.choice(["triangular", "triangular2", "exp_range"]), r.uniform(0.95, 0.999)
    return kind, lambda o: pt.CyclicLR(o, low, base, up, down, mode, g, cycle_momentum=False), lambda f: phase(
        "cyclic", f, from_value=low, to_value=base, up=unit(up), down=unit(down), mode=mode,
        gamma=g ** (1 / per) if mode == "exp_range" else None, **more)



def torch_case(r):
    from torch.optim import lr_scheduler as pt
    from torch.optim.swa_utils import SWALR

    base, n = 10 ** r.uniform(-4, 0), r.randint(10, 300)
    form = r.choice(["one"] * 5 + ["epochs", "epochs", "sequence", "sequence", "chained", "one_cycle", "one_cycle", "swa"])
    if form == "one":
        kind, build, toml = torch_part(r, n, base)
        return Case(kind, torch_values(build, base, n, 1), toml("rest"), base, n)
    if form == "epochs":
        per, epochs = r.randint(2, 9), r.randint(5, 60)
        unit = lambda k: f"{k} epochs"
        while True:
            kind, build, toml = torch_part(r, epochs, base, unit, {"every": "epoch"}, per)
            # These count steps of their own, and a floor of u is not what the class means.
            if kind != "Lambda":
                break
        n = per * epochs
        return Case(f"{kind} per epoch", torch_values(build, base, n, per), toml("rest"), base, n, per)
    if form == "sequence":
        w, s = r.randint(2, n // 2), r.uniform(0.001, 0.9)
        while True:
            kind, build, toml = torch_part(r, n - w, base)
            # CyclicLR sets its own lr when it is made, MultiplicativeLR multiplies once more where it begins, and
            # ConstantLR of a length depends on what came before: quirks of sequences, not schedules.
            if kind not in ("Cyclic", "Constant", "Multiplicative"):
                break
        warm = phase("linear", steps(w), from_=s, to=1.0)
        both = lambda o: pt.SequentialLR(o, [pt.LinearLR(o, s, 1.0, w), build(o)], [w])
        return Case(f"Sequential[Linear, {kind}]", torch_values(both, base, n, 1), warm + toml("rest"), base, n)
    if form == "chained":
        w, s, g = r.randint(2, n - 1), r.uniform(0.01, 0.9), r.uniform(0.9, 0.999)
        first = phase("linear", steps(w), from_=s, to=1.0) + phase("constant")
        name, second, text = r.choice([
            ("Exponential", lambda o: pt.ExponentialLR(o, g), phase("exponential", gamma=g, period=steps(1), track="b")),
            ("Step", lambda o: pt.StepLR(o, w, g), phase("step", size=steps(w), gamma=g, track="b")),
            ("Polynomial", lambda o: pt.PolynomialLR(o, n, 0.9), phase("poly", power=0.9, track="b")),
            ("Cosine", lambda o: pt.CosineAnnealingLR(o, n), phase("cosine", track="b")),
        ])
        both = lambda o: pt.ChainedScheduler([pt.LinearLR(o, s, 1.0, w), second(o)], optimizer=o)
        return Case(f"Chained[Linear, {name}]", torch_values(both, base, n, 1), first + text, base, n)
    if form == "one_cycle":
        three, shape = r.random() < 0.5, r.choice(["cos", "linear"])
        pct, div, final = r.uniform(0.1, 0.45), r.uniform(2, 50), 10 ** r.uniform(1, 5)
        build = lambda o: pt.OneCycleLR(o, base, n, pct_start=pct, anneal_strategy=shape, div_factor=div, final_div_factor=final,
                                        three_phase=three, cycle_momentum=False)
        toml = phase("one_cycle", from_="base", warmup=pct, div=div, final_div=final, three_phase=three, shape=shape)
        return Case("OneCycle", torch_values(build, base, n, 1), toml, base, n)
    k, end, shape = r.randint(2, n - 1), base * r.uniform(0.01, 2), r.choice(["cos", "linear"])
    build = lambda o: SWALR(o, swa_lr=end, anneal_epochs=k, anneal_strategy=shape)
    toml = phase({"cos": "cosine", "linear": "linear"}[shape], steps(k), to_value=end) + phase("constant")
    return Case("SWALR", torch_values(build, base, n, 1), toml, base, n)


# transformers


def transformers_case(r):
    from transformers import optimization as hf

    base, n = 10 ** r.uniform(-5, 0), r.randint(20, 300)
    w = r.randint(1, n // 3)
    warm = phase("linear", steps(w), from_=0.0, to=1.0)
    kind = r.choice(["constant", "linear", "cosine", "cosine_min", "hard_restarts", "polynomial", "inverse_sqrt", "wsd"])
    if kind == "constant":
        build, toml = lambda o: hf.get_constant_schedule_with_warmup(o, w), phase("constant")
    elif kind == "linear":
        build, toml = lambda o: hf.get_linear_schedule_with_warmup(o, w, n), phase("linear", to=0.0)
    elif kind == "cosine":
        c = r.choice([0.5, 1.0, 1.5, r.uniform(0.1, 2)])
        build, toml = lambda o: hf.get_cosine_schedule_with_warmup(o, w, n, c), phase("cosine", waves=c)
    elif kind == "cosine_min":
        m = r.uniform(0.01, 0.5)
        build = lambda o: hf.get_cosine_with_min_lr_schedule_with_warmup(o, w, n, min_lr_rate=m)
        toml = phase("cosine", to=m)
    elif kind == "hard_restarts":
        c, cycle = r.randint(1, 5), r.randint(5, 40)
        n = w + c * cycle
        build, toml = lambda o: hf.get_cosine_with_hard_restarts_schedule_with_warmup(o, w, n, c), phase("cosine_restarts", cycle=steps(cycle))
    elif kind == "polynomial":
        p, e = r.uniform(0.3, 3), base * r.uniform(0.0001, 0.5)
        build, toml = lambda o: hf.get_polynomial_decay_schedule_with_warmup(o, w, n, e, p), phase("poly", power=p, to_value=e)
    elif kind == "inverse_sqrt":
        s = r.randint(w, 3 * w + 1)
        build, toml = lambda o: hf.get_inverse_sqrt_schedule(o, w, s), phase("inverse_sqrt", scale=steps(s))
    else:
        d, m, shape = r.randint(2, n // 3), r.uniform(0, 0.3), r.choice(["linear", "cosine", "1-sqrt"])
        build = lambda o: hf.get_wsd_schedule(o, num_warmup_steps=w, num_decay_steps=d, num_training_steps=n, min_lr_ratio=m, decay_type=shape)
        name = {"linear": "linear", "cosine": "cosine", "1-sqrt": "sqrt_decay"}[shape]
        warm = phase("linear", steps(w), from_=m, to=1.0)
        toml = phase("constant") + phase(name, steps(d), to=m)
    return Case(f"transformers {kind}", torch_values(build, base, n, 1), warm + toml, base, n)


# timm


def timm_case(r):
    import torch
    from timm import scheduler as timm

    base, n = 10 ** r.uniform(-4, 0), r.randint(20, 300)
    w, low = r.randint(1, n // 3), base * r.uniform(0, 0.2)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
    start = base * r.uniform(0.001, 0.5)
    common = dict(warmup_t=w, warmup_lr_init=start, warmup_prefix=True, t_in_epochs=False)
    warm = phase("linear", steps(w), from_value=start, to=1.0)
    kind = r.choice(["cosine", "cosine cycles", "poly", "tanh", "step"])
    if kind == "cosine":
        k = r.choice([1.0, r.uniform(0.5, 2)])
        made = timm.CosineLRScheduler(optimizer, t_initial=n - w, lr_min=low, k_decay=k, **common)
        # k_decay bends the poly; a cosine of it is an expression.
        toml = phase("cosine", to_value=low) if k == 1.0 else phase("expr", expr=f"{low / base!r}+{1 - low / base!r}*0.5*(1+cos(pi*(u/D)^{k!r}))")
    elif kind == "cosine cycles":
        cycle, mul, decay = r.randint(4, 30), r.choice([1.0, 2.0]), r.uniform(0.3, 1)
        made = timm.CosineLRScheduler(optimizer, t_initial=cycle, lr_min=low, cycle_mul=mul, cycle_decay=decay, cycle_limit=99, **common)
        toml = phase("cosine_restarts", cycle=steps(cycle), stretch=mul, shrink=decay, shrink_mode="peak", to_value=low)
    elif kind == "poly":
        p, k = r.uniform(0.3, 3), r.choice([1.0, r.uniform(0.5, 2)])
        made = timm.PolyLRScheduler(optimizer, t_initial=n - w, power=p, lr_min=low, k_decay=k, **common)
        toml = phase("poly", power=p, k_decay=k, to_value=low)
    elif kind == "tanh":
        lb, ub = r.uniform(-8, -3), r.uniform(2, 5)
        made = timm.TanhLRScheduler(optimizer, t_initial=n - w, lb=lb, ub=ub, lr_min=low, **common)
        toml = phase("tanh", lb=lb, ub=ub, to_value=low, from_="base")
    else:
        s, g = r.randint(2, n), r.uniform(0.1, 0.9)
        made = timm.StepLRScheduler(optimizer, decay_t=s, decay_rate=g, **common)
        toml = phase("step", size=steps(s), gamma=g)
    values = [float(made._get_lr(t)[0]) for t in range(n)]
    return Case(f"timm {kind}", values, warm + toml, base, n)


# optax


def optax_case(r):
    import optax

    base, n = 10 ** r.uniform(-4, 0), r.randint(20, 300)
    kind = r.choice(["cosine_decay", "exponential_decay", "polynomial", "warmup_cosine", "warmup_exponential", "piecewise", "sgdr",
                     "cosine_onecycle", "linear_onecycle"])
    if kind == "cosine_decay":
        k, a, x = r.randint(2, n), r.uniform(0, 0.5), r.choice([1.0, r.uniform(0.5, 2)])
        f = optax.cosine_decay_schedule(base, k, a, x)
        # alpha is a share: (1 − α)·cosˣ + α.
        toml = phase("cosine", steps(k), to=a, exponent=x) + (phase("constant") if k < n else "")
    elif kind == "exponential_decay":
        k, g, stair = r.randint(1, n), r.uniform(0.3, 0.99), r.random() < 0.5
        f = optax.exponential_decay(base, k, g, staircase=stair)
        toml = phase("exponential", gamma=g, period=steps(k), staircase=stair)
    elif kind == "polynomial":
        b, k, p, e = r.randint(1, n // 2), r.randint(2, n // 2 - 1), r.uniform(0.3, 3), base * r.uniform(0, 0.5)
        f = optax.polynomial_schedule(base, e, p, k, b)
        toml = phase("constant", steps(b)) + phase("poly", steps(k), power=p, to_value=e) + phase("constant")
    elif kind == "warmup_cosine":
        w, e, s = r.randint(1, n // 2), base * r.uniform(0, 0.5), base * r.uniform(0, 0.5)
        f = optax.warmup_cosine_decay_schedule(s, base, w, n, e)
        toml = phase("linear", steps(w), from_value=s, to=1.0) + phase("cosine", to_value=e)
    elif kind == "warmup_exponential":
        w, k, g, s = r.randint(1, n // 2), r.randint(1, n), r.uniform(0.3, 0.99), base * r.uniform(0, 0.5)
        f = optax.warmup_exponential_decay_schedule(s, base, w, k, g)
        toml = phase("linear", steps(w), from_value=s, to=1.0) + phase("exponential", gamma=g, period=steps(k))
    elif kind == "piecewise":
        at, g = sorted(r.sample(range(1, n), 3)), r.uniform(0.1, 0.9)
        f = optax.piecewise_constant_schedule(base, {t: g for t in at})
        toml = phase("multistep", at=[steps(t) for t in at], gamma=g)
    elif kind == "sgdr":
        cycles, toml = [], ""
        for _ in range(r.randint(1, 4)):
            w, k, peak = r.randint(1, 5), r.randint(6, 30), base * r.uniform(0.1, 1)
            cycles.append(dict(init_value=0.0, peak_value=peak, warmup_steps=w, decay_steps=k, end_value=0.0))
            toml += phase("linear", steps(w), from_value=0.0, to_value=peak) + phase("cosine", steps(k - w), to_value=0.0)
        f, n = optax.sgdr_schedule(cycles), sum(cycle["decay_steps"] for cycle in cycles)
    else:
        pct, div, final = r.uniform(0.1, 0.45), r.uniform(2, 50), 10 ** r.uniform(1, 4)
        n, pct = 100, round(pct, 2)
        w = int(pct * n)
        if kind == "cosine_onecycle":
            f = optax.cosine_onecycle_schedule(n, base, pct, div, final)
            toml = phase("cosine", steps(w), from_value=base / div, to=1.0) + phase("cosine", to_value=base / (div * final))
        else:
            f = optax.linear_onecycle_schedule(n, base, pct, 0.85, div, final)
            toml = phase("linear", steps(w), from_value=base / div, to=1.0) + phase("linear", steps(85 - w), to_value=base / div)
            toml += phase("linear", to_value=base / (div * final))
    values = [float(f(t)) for t in range(n)]
    return Case(f"optax {kind}", values, toml, base, n)


# Both sides


def ours(cases, trainer):
    """Every case's values from `trainer schedule`, a batch of configs at a time."""
    results = [None] * len(cases)
    by_epoch = defaultdict(list)
    for index, case in enumerate(cases):
        by_epoch[case.per_epoch].append(index)
    with tempfile.TemporaryDirectory() as folder:
        for per_epoch, indices in by_epoch.items():
            paths = {}
            for index in indices:
                path = Path(folder, f"{index}.toml")
                path.write_text(cases[index].config())
                paths[str(path)] = index
                results[index] = []
            if len(paths) == 1:
                paths[str(Path(folder, "again.toml"))] = indices[0]
                Path(folder, "again.toml").write_text(cases[indices[0]].config())
            command = [trainer, "schedule", *paths, "--format", "csv", "--steps-per-epoch", str(per_epoch)]
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode:
                sys.exit(f"trainer schedule failed:\n{run.stderr}")
            for row in csv.DictReader(run.stdout.splitlines()):
                if not row["config"].endswith("again.toml"):
                    results[paths[row["config"]]].append(float(row["lr"]))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trainer", default="target/release/trainer")
    options = parser.parse_args()
    r = random.Random(options.seed)
    cases = [torch_case(r) for _ in range(options.count)]
    for name, case in (("transformers", transformers_case), ("timm", timm_case), ("optax", optax_case)):
        try:
            cases += [case(r) for _ in range(options.count // 4)]
        except ImportError:
            print(f"{name} is not installed: left out", file=sys.stderr)
    worst, counts, failures = defaultdict(float), defaultdict(int), 0
    for case, values in zip(cases, ours(cases, options.trainer)):
        assert len(values) == len(case.values) == case.horizon, (case.name, len(values), len(case.values))
        difference, t = max((abs(a - b) / case.base, t) for t, (a, b) in enumerate(zip(values, case.values)))
        counts[case.name] += 1
        worst[case.name] = max(worst[case.name], difference)
        if not difference <= TOLERANCE:
            failures += 1
            if failures <= 5:
                print(f"{case.name}: update {t}: {values[t]!r}, not {case.values[t]!r}\n{case.config()}", file=sys.stderr)
    print("| schedule | drawn | largest difference / base |\n|---|---|---|")
    for name in sorted(counts):
        print(f"| {name} | {counts[name]} | {worst[name]:.1e} |")
    print(f"\n{len(cases)} schedules, {sum(case.horizon for case in cases)} values, {failures} beyond {TOLERANCE}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
