"""Learning rates of PyTorch's own schedulers, beside the same schedules in TOML.

    python tests/reference/schedules.py > tests/reference/schedules.json

Needs PyTorch (the numbers committed are those of 2.15.0, CPU, float64). `values[t]` is the rate that optimizer
update t (0-based) uses, recorded before the update; the last one, at t = horizon, is the end point's.
"""

import json
import warnings

import torch
from torch.optim import lr_scheduler as pt
from torch.optim.swa_utils import SWALR

warnings.simplefilter("ignore")
BASE = 0.1


def phase(kind, length="rest", **keys):
    """One [[schedule]] of the TOML."""
    lines = ["[[schedule]]", f'type = "{kind}"', f'for = "{length}"']
    return "\n".join(lines + [f"{key} = {json.dumps(value)}" for key, value in keys.items()]) + "\n"


def momentum(kind, **keys):
    head = '[[schedule]]\n'
    return phase(kind, **keys).replace(head, head + 'target = "momentum"\n')


def sequence(first, second, at):
    return lambda o: pt.SequentialLR(o, [first(o), second(o)], [at])


def three(first, second, third, at):
    return lambda o: pt.SequentialLR(o, [first(o), second(o), third(o)], at)


def chained(*parts):
    return lambda o: pt.ChainedScheduler([part(o) for part in parts], optimizer=o)


def of(scheduler, *args, **kwargs):
    return lambda o: scheduler(o, *args, **kwargs)


constant, linear, poly, cosine = pt.ConstantLR, pt.LinearLR, pt.PolynomialLR, pt.CosineAnnealingLR
restarts, expo, step, multi = pt.CosineAnnealingWarmRestarts, pt.ExponentialLR, pt.StepLR, pt.MultiStepLR


def warm(start, steps):
    return of(linear, start_factor=start, end_factor=1.0, total_iters=steps)


def warm_toml(start, steps, **keys):
    return phase("linear", f"{steps} steps", **{"from": start, "to": 1.0}, **keys)


HOLD = phase("constant")
BACK = phase("constant", **{"from": "base"})

UP_DOWN = {"up": "6 steps", "down": "9 steps"}


def cycles(mode, gamma):
    keys = {"gamma": gamma} if mode == "exp_range" else {}
    make = of(pt.CyclicLR, base_lr=0.01, max_lr=0.1, step_size_up=6, step_size_down=9, mode=mode, gamma=gamma,
              cycle_momentum=False)
    toml = phase("cyclic", from_value=0.01, to_value=0.1, **UP_DOWN, mode=mode, **keys)
    return f"CyclicLR {mode} up6 down9", make, toml, 60


def one_cycle(shape, three):
    make = of(pt.OneCycleLR, max_lr=BASE, total_steps=40, anneal_strategy=shape, three_phase=three)
    toml = phase("one_cycle", **{"from": "base"}, three_phase=three, shape=shape)
    return f"OneCycleLR T40 {shape} three={three}", make, toml, 39


# name, PyTorch, TOML, the last update that is asked for (OneCycleLR refuses the one after its end)
PER_UPDATE = [
    ("constant", of(constant, factor=1.0, total_iters=0), HOLD, 40),
    ("ConstantLR(1/3,5)", of(constant, factor=1 / 3, total_iters=5),
     phase("constant", "5 steps", **{"from": 1 / 3}) + BACK, 40),
    ("LinearLR(0.1,1,10)", warm(0.1, 10), warm_toml(0.1, 10) + HOLD, 40),
    ("LinearLR(1,0,40)", of(linear, start_factor=1.0, end_factor=0.0, total_iters=40), phase("linear", to=0.0), 40),
    ("PolynomialLR(40,0.9)", of(poly, total_iters=40, power=0.9), phase("poly", power=0.9), 40),
    ("PolynomialLR(40,2)", of(poly, total_iters=40, power=2.0), phase("poly", power=2.0), 40),
    ("PolynomialLR(30,0.5) past end", of(poly, total_iters=30, power=0.5),
     phase("poly", "30 steps", power=0.5) + HOLD, 40),
    ("ExponentialLR(0.95)", of(expo, gamma=0.95), phase("exponential", gamma=0.95, period="1 steps"), 40),
    ("StepLR(7,0.5)", of(step, step_size=7, gamma=0.5), phase("step", size="7 steps", gamma=0.5), 40),
    ("MultiStepLR([10,25,25],0.1)", of(multi, milestones=[10, 25, 25], gamma=0.1),
     phase("multistep", at=["10 steps", "25 steps", "25 steps"], gamma=0.1), 40),
    ("MultiplicativeLR(0.9)", of(pt.MultiplicativeLR, lr_lambda=lambda _: 0.9),
     phase("exponential", gamma=0.9, period="1 steps"), 40),
    ("LambdaLR(1/(1+0.1e))", of(pt.LambdaLR, lr_lambda=lambda e: 1 / (1 + 0.1 * e)),
     phase("expr", expr="1/(1+0.1*u)"), 40),
    ("CosineAnnealingLR(40,1e-4)", of(cosine, T_max=40, eta_min=1e-4), phase("cosine", to_value=1e-4), 40),
    ("CosineAnnealingLR(10,1e-4) over 40 (mirror)", of(cosine, T_max=10, eta_min=1e-4),
     phase("cosine", to_value=1e-4, over="10 steps", past="mirror"), 40),
    ("CosineAnnealingWarmRestarts(10,1)", of(restarts, T_0=10, T_mult=1, eta_min=1e-4),
     phase("cosine_restarts", cycle="10 steps", to_value=1e-4), 40),
    ("CosineAnnealingWarmRestarts(5,2)", of(restarts, T_0=5, T_mult=2),
     phase("cosine_restarts", cycle="5 steps", stretch=2.0), 40),
    ("CosineAnnealingWarmRestarts(1,3) long", of(restarts, T_0=1, T_mult=3),
     phase("cosine_restarts", cycle="1 steps", stretch=3.0), 400),
    *[cycles(mode, gamma) for mode, gamma in [("triangular", 1.0), ("triangular2", 1.0), ("exp_range", 0.97)]],
    *[one_cycle(shape, three) for three in [False, True] for shape in ["cos", "linear"]],
    ("Seq[Linear5,Poly35^.9]", sequence(warm(1e-3, 5), of(poly, total_iters=35, power=0.9), 5),
     warm_toml(1e-3, 5) + phase("poly", power=0.9), 40),
    ("Seq[Linear5,Cos35]", sequence(warm(1e-3, 5), of(cosine, T_max=35, eta_min=1e-5), 5),
     warm_toml(1e-3, 5) + phase("cosine", to_value=1e-5), 40),
    ("Seq[Linear5,Const20,Poly15] WSD",
     three(warm(1e-3, 5), of(constant, factor=1.0, total_iters=0), of(poly, total_iters=15, power=1.0), [5, 25]),
     warm_toml(1e-3, 5) + phase("constant", "20 steps") + phase("poly"), 40),
    ("Seq[Linear5,CWR(5,2)]", sequence(warm(1e-2, 5), of(restarts, T_0=5, T_mult=2), 5),
     warm_toml(1e-2, 5) + phase("cosine_restarts", cycle="5 steps", stretch=2.0), 40),
    ("Seq[Linear5,Step]", sequence(warm(1e-2, 5), of(step, step_size=10, gamma=0.3), 5),
     warm_toml(1e-2, 5) + phase("step", size="10 steps", gamma=0.3), 40),
    ("Seq[Exp10,Cos30] restart at base", sequence(of(expo, gamma=0.9), of(cosine, T_max=30), 10),
     phase("exponential", "10 steps", gamma=0.9, period="1 steps") + phase("cosine", **{"from": "base"}), 40),
    ("Seq[Exp10,Mult] (carries last)", sequence(of(expo, gamma=0.9), of(pt.MultiplicativeLR, lr_lambda=lambda _: 0.8), 10),
     phase("exponential", "10 steps", gamma=0.9, period="1 steps") + phase("expr", expr="0.9**9*0.8**(u+1)"), 40),
    ("Chained[Linear,Exp]", chained(warm(0.1, 8), of(expo, gamma=0.97)),
     warm_toml(0.1, 8) + HOLD + phase("exponential", track="b", gamma=0.97, period="1 steps"), 40),
    ("Chained[Const,Step,Multi]",
     chained(of(constant, factor=0.5, total_iters=6), of(step, step_size=9, gamma=0.7),
             of(multi, milestones=[20], gamma=0.1)),
     phase("constant", "6 steps", **{"from": 0.5}) + BACK + phase("step", track="b", size="9 steps", gamma=0.7)
     + phase("multistep", track="c", at=["20 steps"], gamma=0.1), 40),
    ("Chained[Linear,Cos eta0]", chained(warm(0.1, 8), of(cosine, T_max=40)),
     warm_toml(0.1, 8) + HOLD + phase("cosine", track="b"), 40),
    ("Chained[Linear,Poly]", chained(warm(0.1, 8), of(poly, total_iters=40, power=0.9)),
     warm_toml(0.1, 8) + HOLD + phase("poly", track="b", power=0.9), 40),
    ("SWALR(0.05,10,cos)", of(SWALR, swa_lr=0.05, anneal_epochs=10, anneal_strategy="cos"),
     phase("cosine", "10 steps", to_value=0.05) + HOLD, 40),
    ("SWALR(0.05,10,linear)", of(SWALR, swa_lr=0.05, anneal_epochs=10, anneal_strategy="linear"),
     phase("linear", "10 steps", to_value=0.05) + HOLD, 40),
]

# The momentum that two of them move along with the rate: name, PyTorch, TOML, horizon.
MOMENTUM = [
    ("OneCycle mom cos", of(pt.OneCycleLR, max_lr=BASE, total_steps=40),
     momentum("one_cycle", rest_value=0.95, peak_value=0.85), 40),
    ("OneCycle mom linear 3ph", of(pt.OneCycleLR, max_lr=BASE, total_steps=40, anneal_strategy="linear", three_phase=True),
     momentum("one_cycle", rest_value=0.95, peak_value=0.85, shape="linear", three_phase=True), 40),
    ("Cyclic mom tri2",
     of(pt.CyclicLR, base_lr=0.01, max_lr=0.1, step_size_up=6, step_size_down=9, mode="triangular2", base_momentum=0.8,
        max_momentum=0.9),
     momentum("cyclic", from_value=0.9, to_value=0.8, **UP_DOWN, mode="triangular2"), 60),
]

# The same, stepped once per epoch of 7 updates, for 10 epochs.
PER_EPOCH = [
    ("epoch Cos10", of(cosine, T_max=10), phase("cosine", every="epoch")),
    ("epoch Step3", of(step, step_size=3, gamma=0.5), phase("step", size="3 epochs", gamma=0.5, every="epoch")),
    ("epoch Seq[Lin2,Poly8]", sequence(warm(0.1, 2), of(poly, total_iters=8, power=0.9), 2),
     phase("linear", "2 epochs", **{"from": 0.1, "to": 1.0}, every="epoch")
     + phase("poly", power=0.9, every="epoch")),
]


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=BASE, momentum=0.9)


def trace(opt, scheduler, count, what="lr"):
    values = []
    for update in range(count):
        values.append(float(opt.param_groups[0][what]))
        opt.step()
        if update + 1 < count:
            scheduler.step()
    return values


def swapped():
    """A cosine that gives way to SWALR half-way, at the rate that the 21st update used."""
    opt = optimizer()
    values = trace(opt, cosine(opt, T_max=40), 21)[:20]
    swa = SWALR(opt, swa_lr=0.05, anneal_epochs=8, anneal_strategy="cos")
    return values + trace(opt, swa, 21)


def entries():
    for name, make, toml, last in PER_UPDATE:
        opt = optimizer()
        horizon = 40 if last == 39 else last
        yield {"name": name, "base": BASE, "horizon": horizon, "toml": toml, "values": trace(opt, make(opt), last + 1)}
    yield {"name": "Cosine(40) swapped to SWALR(0.05,8) after 20", "base": BASE, "horizon": 40,
           "toml": phase("cosine", "21 steps", over="40 steps")
           + phase("cosine", "8 steps", **{"from": "last"}, to_value=0.05, include="end") + HOLD,
           "values": swapped()}
    for name, make, toml, horizon in MOMENTUM:
        opt = optimizer()
        yield {"name": name, "target": "momentum", "base": 0.9, "horizon": horizon, "toml": toml,
               "values": trace(opt, make(opt), horizon, "momentum")}
    for name, make, toml in PER_EPOCH:
        opt = optimizer()
        values = [value for value in trace(opt, make(opt), 10) for _ in range(7)]
        yield {"name": name, "base": BASE, "horizon": 70, "updates_per_epoch": 7, "toml": toml, "values": values}


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(entry) for entry in entries())
    print(f'{{"source": "PyTorch {torch.__version__.split("+")[0]}, tests/reference/schedules.py",')
    print(f'"tolerance": "abs(value - reference) <= 1e-12 * base",\n"schedules": [\n{lines}\n]}}')
