"""100 steps of PyTorch's optimizers, and its gradient clipping, for optimizers.json.

    pip install torch
    python tests/reference/optimizers.py > tests/reference/optimizers.json

PyTorch computes in float64; parameters and gradients are float32 numbers out of `probe`, which the
test repeats. Learning rate, weight decay and momentum (beta1) change during the run.
"""

import json
import math
import sys

import torch

SHAPES = {"a": [7], "b": [3, 5], "c": [1]}
STEPS = 100
KEEP = [1, 2, 3, 10, 50, 100]


def probe(count, seed):
    """Numbers in [-1, 1) that float32 holds exactly."""
    out = []
    for i in range(count):
        word = (i * 2654435761 + seed * 2246822519 + 374761393) & 0xFFFFFFFF
        word ^= word >> 15
        word = (word * 2246822519) & 0xFFFFFFFF
        word ^= word >> 13
        out.append((word >> 8) / 8388608 - 1)
    return out


def tensor(name, seed):
    shape = SHAPES[name]
    return torch.tensor(probe(math.prod(shape), seed), dtype=torch.float64).reshape(shape)


def schedule(lr, decay, momentum, changing):
    """(lr, weight_decay, momentum) of every step."""
    if not changing:
        return [[lr, decay, momentum]] * STEPS
    return [
        [lr * (1 - t / 200), decay * (1 + t % 3), momentum * (0.8 + 0.1 * (t % 2)) if t >= changing else 0.0]
        for t in range(STEPS)
    ]


def run(note, kind, keys, lr, decay, momentum, changing=None, late=0):
    """`late`: the step from which the parameter `c` gets updates; frozen before."""
    params = {n: torch.nn.Parameter(tensor(n, 1 + i)) for i, n in enumerate(SHAPES)}
    if kind == "sgd":
        opt = torch.optim.SGD(params.values(), lr=lr, momentum=momentum, **keys, foreach=False)
    else:
        cls = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind]
        opt = cls(params.values(), lr=lr, eps=keys["eps"], foreach=False)
    hyper = schedule(lr, decay, momentum, changing)
    out = {}
    for t in range(STEPS):
        group = opt.param_groups[0]
        group["lr"], group["weight_decay"] = hyper[t][0], hyper[t][1]
        if kind == "sgd":
            group["momentum"] = hyper[t][2]
        else:
            group["betas"] = (hyper[t][2], keys["beta2"])
        for i, (name, p) in enumerate(params.items()):
            p.grad = None if name == "c" and t < late else tensor(name, 1000 + 10 * t + i)
        opt.step()
        if t + 1 in KEEP:
            out[t + 1] = {n: p.detach().flatten().tolist() for n, p in params.items()}
    return {"note": note, "type": kind, "keys": keys, "hyper": hyper if changing is not None else hyper[:1],
            "late": late, "params": out}


def clipped(max_norm, limit, scale):
    """Gradients after clipping by norm, and by value."""
    grads = []
    for i, name in enumerate(SHAPES):
        p = torch.nn.Parameter(tensor(name, 1))
        p.grad = tensor(name, 50 + i) * scale
        grads.append(p)
    norm = torch.nn.utils.clip_grad_norm_(grads, max_norm).item()
    by_norm = {n: p.grad.flatten().tolist() for n, p in zip(SHAPES, grads)}
    for i, (name, p) in enumerate(zip(SHAPES, grads)):
        p.grad = tensor(name, 50 + i) * scale
    torch.nn.utils.clip_grad_value_(grads, limit)
    by_value = {n: p.grad.flatten().tolist() for n, p in zip(SHAPES, grads)}
    return {"max": max_norm, "limit": limit, "scale": scale, "norm": norm,
            "by_norm": by_norm, "by_value": by_value}


def sgd(nesterov=False, dampening=0.0):
    return {"nesterov": nesterov, "dampening": dampening}


def adam(beta2=0.999, eps=1e-8):
    return {"beta2": beta2, "eps": eps}


runs = [
    run("plain", "sgd", sgd(), 0.05, 0.0, 0.0),
    run("decay", "sgd", sgd(), 0.05, 0.02, 0.0),
    run("momentum", "sgd", sgd(), 0.02, 5e-4, 0.9),
    run("nesterov", "sgd", sgd(nesterov=True), 0.02, 5e-4, 0.9),
    run("dampening", "sgd", sgd(dampening=0.3), 0.02, 5e-4, 0.9),
    run("everything changes", "sgd", sgd(dampening=0.1), 0.02, 0.01, 0.9, changing=0),
    run("nesterov, everything changes", "sgd", sgd(nesterov=True), 0.02, 0.01, 0.9, changing=0, late=9),
    run("momentum from step 5 on", "sgd", sgd(dampening=0.1), 0.02, 0.01, 0.9, changing=5, late=20),
    run("plain", "adam", adam(), 0.01, 0.0, 0.9),
    run("decay", "adam", adam(), 0.01, 0.1, 0.9),
    run("everything changes", "adam", adam(0.95, 1e-6), 0.01, 0.1, 0.9, changing=0, late=20),
    run("plain", "adamw", adam(), 0.01, 0.0, 0.9),
    run("decay", "adamw", adam(), 0.01, 0.1, 0.9),
    run("everything changes", "adamw", adam(0.95, 1e-6), 0.01, 0.1, 0.9, changing=0, late=20),
]
json.dump(
    {
        "made_by": f"torch {torch.__version__}",
        "runs": runs,
        "clipped": [clipped(1.0, 0.25, 1), clipped(1.0, 0.25, 0.125), clipped(5.0, 2.0, 64)],
    },
    sys.stdout,
    separators=(",", ":"),
)
