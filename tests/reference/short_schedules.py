"""Schedules over 1 to 10 updates with lengths at every boundary: none, one update, all, more than all.

    python3 -m venv venv && venv/bin/pip install torch transformers timm optax numpy
    venv/bin/python tests/reference/short_schedules.py > tests/reference/short_schedules.json

Each case is a schedule as TOML, the number of updates, and the learning rate that the other library gives to each of
them, in float64. Where the library fails, or gives what is no learning rate (NaN, infinite, complex, negative),
`values` is null and `library` says what happened: the test then asks for what docs/schedules.md promises instead.
`metrics` has the loss that is reported after each update, and `target` what is scheduled where it is not the rate.
"""

import json
import math
import os
import warnings

os.environ["JAX_ENABLE_X64"] = "1"
warnings.simplefilter("ignore")

import numpy as np
import optax
import timm.scheduler as timm
import torch
from torch.optim import lr_scheduler as pt
from torch.optim.swa_utils import SWALR
from transformers import optimization as hf

BASE = 0.1
LENGTHS = range(1, 11)
CASES = []


def phase(kind, length=None, **keys):
    keys = {key.rstrip("_"): value for key, value in keys.items() if value is not None}
    lines = ["[[schedule]]", f'type = "{kind}"'] + ([f'for = "{length}"'] if length is not None else [])
    return "\n".join(lines + [f"{key} = {json.dumps(value)}" for key, value in keys.items()]) + "\n"


def steps(n):
    return f"{n} steps"


def case(name, horizon, toml, values, **more):
    """Keeps what `values()` gives for updates 0 to horizon - 1, or why it gives nothing."""
    kept, said = None, None
    try:
        found = values()
        if any(isinstance(value, complex) for value in found):
            said = "complex"
        elif any(not math.isfinite(value) for value in found):
            said = "not finite"
        elif any(value < 0 for value in found):
            said = "negative"
        else:
            kept = [float(value) for value in found]
    except Exception as error:
        said = type(error).__name__
    entry = {"name": name, "horizon": horizon, "toml": toml, "values": kept}
    CASES.append(entry | ({"library": said} if said else {}) | more)


def torched(horizon, build):
    def values():
        weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
        optimizer = torch.optim.SGD([weight], lr=BASE)
        scheduler, found = build(optimizer), []
        for t in range(horizon):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            # PyTorch refuses to step OneCycleLR past its end; nobody needs that value.
            if t + 1 < horizon:
                scheduler.step()
        return found

    return values


def boundaries(n):
    """Lengths in a run of n updates: none, one, some, all but one, all."""
    return sorted({0, 1, n // 2, n - 1, n})


HOLD, BACK = phase("constant"), phase("constant", from_="base")


def rest(part, then, k, n):
    """A part of k updates in a run of n, and what follows where there is room."""
    return part + (then if k < n else "")


def pytorch(n):
    add = lambda name, toml, build: case(f"{name} n={n}", n, toml, torched(n, build))
    for k in boundaries(n):
        add(f"ConstantLR({k})", rest(phase("constant", steps(k), from_=1 / 3), BACK, k, n), lambda o: pt.ConstantLR(o, 1 / 3, k))
        add(f"LinearLR({k})", rest(phase("linear", steps(k), from_=0.1, to=1.0), HOLD, k, n), lambda o: pt.LinearLR(o, 0.1, 1.0, k))
        add(f"SWALR({k})", rest(phase("cosine", steps(k), to_value=0.05), HOLD, k, n), lambda o: SWALR(o, 0.05, k, "cos"))
        for power in (0.5, 1.0, 2.0):
            toml = rest(phase("poly", steps(k), power=power), HOLD, k, n)
            add(f"PolynomialLR({k},{power})", toml, lambda o: pt.PolynomialLR(o, k, power))
        warm = phase("linear", steps(k), from_=0.1, to=1.0)
        add(
            f"Sequential[LinearLR({k}),Cosine]",
            warm + phase("cosine"),
            lambda o: pt.SequentialLR(o, [pt.LinearLR(o, 0.1, 1.0, k), pt.CosineAnnealingLR(o, n - k)], [k]),
        )
    for k in (n + 1, 3 * n):
        # Longer than the run: its beginning.
        line = phase("linear", from_=0.1, to=1.0, over=steps(k))
        add(f"LinearLR({k})", line, lambda o: pt.LinearLR(o, 0.1, 1.0, k))
        for power in (0.5, 1.0, 2.0):
            add(f"PolynomialLR({k},{power})", phase("poly", power=power, over=steps(k)), lambda o: pt.PolynomialLR(o, k, power))
        add(f"SWALR({k})", phase("cosine", to_value=0.05, over=steps(k)), lambda o: SWALR(o, 0.05, k, "cos"))
        add(f"ConstantLR({k})", phase("constant", from_=1 / 3), lambda o: pt.ConstantLR(o, 1 / 3, k))
    for k in sorted({1, 2, n, n + 1, 3 * n}):
        over = phase("cosine", over=steps(k), past="mirror", to_value=1e-4)
        add(f"CosineAnnealingLR({k})", over, lambda o: pt.CosineAnnealingLR(o, k, 1e-4))
        for stretch in (1, 2, 3):
            toml = phase("cosine_restarts", cycle=steps(k), stretch=float(stretch), to_value=1e-4)
            add(f"WarmRestarts({k},{stretch})", toml, lambda o: pt.CosineAnnealingWarmRestarts(o, k, stretch, 1e-4))
        add(f"StepLR({k})", phase("step", size=steps(k), gamma=0.5), lambda o: pt.StepLR(o, k, 0.5))
        at = sorted({1, k})
        toml = phase("multistep", at=[steps(m) for m in at], gamma=0.5)
        add(f"MultiStepLR({at})", toml, lambda o: pt.MultiStepLR(o, at, 0.5))
        for mode in ("triangular", "triangular2", "exp_range"):
            gamma = 0.9 if mode == "exp_range" else None
            toml = phase("cyclic", from_value=0.01, to_value=BASE, up=steps(k), down=steps(2 * k), mode=mode, gamma=gamma)
            make = lambda o: pt.CyclicLR(o, 0.01, BASE, k, 2 * k, mode, gamma or 1.0, cycle_momentum=False)
            add(f"CyclicLR({k},{mode})", toml, make)
    add("ExponentialLR", phase("exponential", gamma=0.5, period="1 step"), lambda o: pt.ExponentialLR(o, 0.5))
    add("MultiplicativeLR", phase("exponential", gamma=0.9, period="1 step"), lambda o: pt.MultiplicativeLR(o, lambda _: 0.9))
    add("LambdaLR", phase("expr", expr="1/(1+u)"), lambda o: pt.LambdaLR(o, lambda t: 1 / (1 + t)))
    for three in (False, True):
        for shape in ("cos", "linear"):
            for share in (0.0, 0.1, 0.3, 0.5) if three else (0.0, 0.1, 0.3, 0.5, 1.0):
                keys = {"warmup": share, "three_phase": three or None, "shape": None if shape == "cos" else shape}
                make = lambda o: pt.OneCycleLR(o, BASE, total_steps=n, pct_start=share, anneal_strategy=shape, three_phase=three)
                add(f"OneCycleLR({share},{shape},{three})", phase("one_cycle", **keys), make)


def transformers(n):
    add = lambda name, toml, build: case(f"hf {name} n={n}", n, toml, torched(n, build))
    for w in boundaries(n):
        warm = phase("warmup", steps(w), include="start")
        add(f"constant_with_warmup({w})", warm + HOLD, lambda o: hf.get_constant_schedule_with_warmup(o, w))
        add(f"linear({w})", warm + phase("linear"), lambda o: hf.get_linear_schedule_with_warmup(o, w, n))
        add(f"cosine({w})", warm + phase("cosine"), lambda o: hf.get_cosine_schedule_with_warmup(o, w, n))
        poly = phase("poly", power=2.0, to_value=1e-4)
        add(f"polynomial({w})", warm + poly, lambda o: hf.get_polynomial_decay_schedule_with_warmup(o, w, n, 1e-4, 2.0))
        least = phase("cosine", to_value=0.01)
        add(f"cosine_with_min_lr({w})", warm + least, lambda o: hf.get_cosine_with_min_lr_schedule_with_warmup(o, w, n, min_lr=0.01))
        if w > 0:
            root = phase("inverse_sqrt", scale=steps(w))
            add(f"inverse_sqrt({w})", warm + root, lambda o: hf.get_inverse_sqrt_schedule(o, w))
        for cycles in (1, 2, 3):
            if (n - w) % cycles == 0 and n > w:
                hard = phase("cosine_restarts", cycle=steps((n - w) // cycles))
                make = lambda o: hf.get_cosine_with_hard_restarts_schedule_with_warmup(o, w, n, cycles)
                add(f"hard_restarts({w},{cycles})", warm + hard, make)
        for d in sorted({0, 1, n - w}):
            if 0 <= w + d <= n:
                decay = phase("sqrt_decay", steps(d))
                make = lambda o: hf.get_wsd_schedule(o, w, d, num_training_steps=n, decay_type="1-sqrt")
                add(f"wsd({w},{d})", warm + phase("constant", steps(n - w - d)) + decay, make)


    for w in (n + 1, 3 * n):
        # A warmup longer than the run: its beginning.
        warm = phase("warmup", over=steps(w), include="start")
        add(f"constant_with_warmup({w})", warm, lambda o: hf.get_constant_schedule_with_warmup(o, w))
        add(f"linear({w})", warm, lambda o: hf.get_linear_schedule_with_warmup(o, w, n))
        add(f"cosine({w})", warm, lambda o: hf.get_cosine_schedule_with_warmup(o, w, n))
        add(f"inverse_sqrt({w})", warm, lambda o: hf.get_inverse_sqrt_schedule(o, w))
        add(f"polynomial({w})", warm, lambda o: hf.get_polynomial_decay_schedule_with_warmup(o, w, n, 1e-4, 2.0))


def timms(n):
    def add(name, toml, make):
        def values():
            weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
            optimizer = torch.optim.SGD([weight], lr=BASE)
            scheduler, found = make(optimizer), []
            for t in range(n):
                scheduler.step_update(t)
                found.append(optimizer.param_groups[0]["lr"])
            return found

        case(f"timm {name} n={n}", n, toml, values)

    for w in boundaries(n):
        keys = {"lr_min": 1e-4, "warmup_t": w, "warmup_lr_init": 1e-3, "warmup_prefix": True, "t_in_epochs": False}
        warm = phase("linear", steps(w), from_value=1e-3, to=1.0)
        left = n - w
        add(f"cosine({w})", warm + phase("cosine", to_value=1e-4), lambda o: timm.CosineLRScheduler(o, left, **keys))
        add(f"tanh({w})", warm + phase("tanh", lb=-6.0, ub=4.0, to_value=1e-4), lambda o: timm.TanhLRScheduler(o, left, lb=-6.0, ub=4.0, **keys))
        for k in (0.5, 1.0, 2.0):
            poly = phase("poly", power=2.0, k_decay=k, to_value=1e-4)
            add(f"poly({w},{k})", warm + poly, lambda o: timm.PolyLRScheduler(o, left, power=2.0, k_decay=k, **keys))
    for size in sorted({1, 2, n, n + 1}):
        toml = phase("step", size=steps(size), gamma=0.5)
        add(f"step({size})", toml, lambda o: timm.StepLRScheduler(o, decay_t=size, decay_rate=0.5, t_in_epochs=False))
        cycle = phase("cosine_restarts", cycle=steps(size), stretch=2.0, shrink=0.5, shrink_mode="peak", to_value=1e-4)
        make = lambda o: timm.CosineLRScheduler(o, size, lr_min=1e-4, cycle_mul=2.0, cycle_decay=0.5, cycle_limit=9, t_in_epochs=False)
        add(f"cosine cycles({size})", cycle, make)


def optaxes(n):
    def add(name, toml, make):
        case(f"optax {name} n={n}", n, toml, lambda: [float(make()(t)) for t in range(n)])

    for k in boundaries(n):
        line = rest(phase("linear", steps(k), to=0.1), HOLD, k, n)
        add(f"linear({k})", line, lambda: optax.linear_schedule(BASE, 0.1 * BASE, k))
        poly = rest(phase("poly", steps(k), power=2.0, to=0.1), HOLD, k, n)
        add(f"polynomial({k})", poly, lambda: optax.polynomial_schedule(BASE, 0.1 * BASE, 2.0, k))
        curve = rest(phase("cosine", steps(k), to=0.05, exponent=1.5), HOLD, k, n)
        add(f"cosine({k})", curve, lambda: optax.cosine_decay_schedule(BASE, k, 0.05, 1.5))
        warm = phase("linear", steps(k), from_value=1e-3, to=1.0)
        both = warm + phase("cosine", to_value=1e-4)
        add(f"warmup_cosine({k})", both, lambda: optax.warmup_cosine_decay_schedule(1e-3, BASE, k, n, 1e-4))
        if 0 < k < n:
            points = phase("table", points=[["0 steps", 1.0], [steps(k), 0.5], [steps(n), 0.1]], interp="linear")
            make = lambda: optax.piecewise_interpolate_schedule("linear", BASE, {k: 0.5, n: 0.2})
            add(f"piecewise_interpolate({k})", points, make)
    for k in sorted({1, 2, n, n + 1}):
        for staircase in (False, True):
            keys = {"gamma": 0.5, "period": steps(k), "staircase": staircase or None}
            make = lambda: optax.exponential_decay(BASE, k, 0.5, staircase=staircase)
            add(f"exponential({k},{staircase})", phase("exponential", **keys), make)
        add(f"piecewise_constant({k})", phase("multistep", at=[steps(k)], gamma=0.1), lambda: optax.piecewise_constant_schedule(BASE, {k: 0.1}))


def formulas(n):
    """Types whose source is a formula or NumPy."""
    add = lambda name, toml, values: case(f"formula {name} n={n}", n, toml, values)
    add("geomspace", phase("geometric", from_=1.0, to=0.01, include="both" if n > 1 else None),
        lambda: list(np.geomspace(BASE, 0.01 * BASE, n)))
    add("geometric", phase("geometric", to=0.01), lambda: list(np.geomspace(BASE, 0.01 * BASE, n + 1))[:n])
    add("square_decay", phase("square_decay"), lambda: [BASE * (1 - (t / n) ** 2) for t in range(n)])
    add("sqrt_decay", phase("sqrt_decay"), lambda: [BASE * (1 - math.sqrt(t / n)) for t in range(n)])
    add("rex", phase("rex"), lambda: [BASE * (1 - t / n) / (1 - t / n + 0.5 * t / n) for t in range(n)])
    add("warmup", phase("warmup"), lambda: [BASE * (t + 1) / n for t in range(n)])
    for k in sorted({1, n, n + 1}):
        add(f"inverse_time({k})", phase("inverse_time", rate=0.5, period=steps(k)), lambda: [BASE / (1 + 0.5 * t / k) for t in range(n)])
        add(f"noam({k})", phase("noam", warmup=steps(k), dim=64),
            lambda: [BASE * 64**-0.5 * min((t + 1) ** -0.5, (t + 1) * k**-1.5) for t in range(n)])
        add(f"power({k})", phase("power", scale=steps(k), exponent=-0.51), lambda: [BASE * ((t + k) / k) ** -0.51 for t in range(n)])
        repeat = phase("repeat", cycle=steps(k)) + '[[schedule.phase]]\ntype = "linear"\nto = 0.0\n'
        add(f"repeat({k})", repeat, lambda: [BASE * (1 - (t % k) / k) for t in range(n)])


LOSSES = {
    "flat": [1.0] * 10,
    "falling": [1 / (t + 1) for t in range(10)],
    "mixed": [1.0, 0.9, 0.9, 0.95, 0.5, 0.5, 0.5, 0.7, 0.4, 0.4],
}


def reactions(n):
    """What follows a metric, from the first update on and after a warmup of k."""

    def add(name, k, part, losses, build):
        def values():
            weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
            optimizer = torch.optim.SGD([weight], lr=BASE)
            scheduler, found = build(optimizer), []
            for t in range(n):
                found.append(BASE * (t + 1) / k if t < k else optimizer.param_groups[0]["lr"])
                if t >= k:
                    scheduler.step(LOSSES[losses][t])
            return found

        toml = (phase("warmup", steps(k)) if k else "") + (part if k < n else "")
        case(f"{name} after {k}, {losses} n={n}", n, toml, values, metrics=LOSSES[losses][:n])

    for losses in LOSSES:
        for k in boundaries(n):
            for patience, cooldown in ((0, 0), (1, 2)):
                keys = {"factor": 0.5, "patience": patience, "cooldown": cooldown}
                spans = {key: f"{keys[key]} evals" for key in ("patience", "cooldown")}
                add(f"ReduceLROnPlateau({patience})", k, phase("plateau", factor=0.5, **spans), losses,
                    lambda o: pt.ReduceLROnPlateau(o, **keys))
                add(f"GreedyLR({patience})", k, phase("greedy", factor=0.5, warmup="1 eval", **spans), losses,
                    lambda o: hf.GreedyLR(o, warmup=1, min_lr=0.0, max_lr=10 * BASE, reset_start=10**9, **keys))


def following(n):
    """Weight decay in proportion to the rate, or against it, for all updates and for k of them."""

    def add(name, toml, values):
        case(f"follow {name} n={n}", n, toml, values, target="weight_decay")

    line = phase("linear", to=0.5)
    rate = [1 - 0.5 * t / n for t in range(n)]
    follow = lambda length=None, **keys: phase("follow", length, target="weight_decay", of="lr", **keys)
    for k in boundaries(n):
        back = phase("constant", target="weight_decay", from_="base")
        for invert in (False, True):
            toml = line + rest(follow(steps(k), invert=invert), back, k, n)
            add(f"{k},{invert}", toml, lambda: [BASE * (rate[t] ** (-1 if invert else 1) if t < k else 1) for t in range(n)])
        if k > 0:
            repeat = phase("repeat", target="weight_decay", cycle=steps(k))
            repeat += '[[schedule.phase]]\ntype = "follow"\nof = "lr"\n'
            add(f"repeat({k})", line + repeat, lambda: [BASE * rate[t] for t in range(n)])


for n in LENGTHS:
    for cases in (pytorch, transformers, timms, optaxes, formulas, reactions, following):
        cases(n)

print(json.dumps({"base": BASE, "cases": CASES}, indent=None, separators=(",", ":")).replace('{"name"', '\n{"name"'))
