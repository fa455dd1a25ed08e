"""Training by hand with values that change at every update, beside the config that schedules the same.

    python tests/reference/scheduled.py > tests/reference/scheduled.json

Needs PyTorch. A network 3-4-1 with tanh is trained for 100 updates on 24 rows, all in one batch, each scheduled value
set by hand before its update. The committed numbers are those of 2.15.0, CPU, float32.
"""

import json
import math

import torch

UPDATES = 100
ROWS = [((i % 5) / 5, (i % 7) / 7, (i % 3) / 3, (i * i % 11) / 11) for i in range(24)]


def linear(start, end):
    return lambda t: start + (end - start) * t / UPDATES


def cosine(start, end):
    return lambda t: end + (start - end) * (1 + math.cos(math.pi * t / UPDATES)) / 2


def phase(target, kind, start, end):
    return f'[[schedule]]\ntarget = "{target}"\ntype = "{kind}"\nfrom_value = {start}\nto_value = {end}\n'


# name, optimizer's keys, [train]'s keys, scheduled (target, type, from, to)
CASES = [
    ("momentum", 'type = "sgd"\nlr = 0.05\nmomentum = 0.9', "", [("momentum", "linear", 0.5, 0.95)]),
    ("weight_decay", 'type = "sgd"\nlr = 0.05\nmomentum = 0.9\nweight_decay = 0.1', "", [("weight_decay", "cosine", 0.01, 0.3)]),
    ("both and lr", 'type = "sgd"\nlr = 0.05\nmomentum = 0.9\nnesterov = true\nweight_decay = 0.1', "",
     [("lr", "cosine", 0.05, 0.001), ("momentum", "linear", 0.5, 0.95), ("weight_decay", "linear", 0.2, 0.0)]),
    ("beta1 and beta2", 'type = "adamw"\nlr = 0.02\nweight_decay = 0.1', "",
     [("momentum", "linear", 0.8, 0.95), ("beta2", "linear", 0.9, 0.999), ("weight_decay", "cosine", 0.01, 0.4)]),
    ("clip_norm", 'type = "sgd"\nlr = 0.2', "clip_norm = 1.0\n", [("clip_norm", "linear", 0.3, 0.01)]),
    ("ema_decay", 'type = "sgd"\nlr = 0.1', "ema = { decay = 0.9 }\n", [("ema_decay", "linear", 0.5, 0.99)]),
]


def network():
    torch.manual_seed(7)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))


NAMES = {"0.weight": "fc1.weight", "0.bias": "fc1.bias", "2.weight": "out.weight", "2.bias": "out.bias"}


def weights(params):
    return {NAMES[name]: {"shape": list(p.shape), "values": p.detach().flatten().tolist()} for name, p in params.items()}


def train(keys, scheduled):
    model = network()
    first = weights(dict(model.named_parameters()))
    data = torch.tensor(ROWS)
    x, y = data[:, :3], data[:, 3:]
    lr = float(keys.split("lr = ")[1].split("\n")[0])
    decay = float(keys.split("weight_decay = ")[1].split("\n")[0]) if "weight_decay" in keys else 0.0
    if "adamw" in keys:
        optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=decay)
    else:
        momentum = 0.9 if "momentum" in keys else 0.0
        optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum, nesterov="nesterov" in keys, weight_decay=decay)
    shapes = {"linear": linear, "cosine": cosine}
    at = {target: shapes[kind](start, end) for target, kind, start, end in scheduled}
    average = {name: p.detach().clone() for name, p in model.named_parameters()}
    group = optimizer.param_groups[0]
    for t in range(UPDATES):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x), y).backward()
        if "clip_norm" in at:
            torch.nn.utils.clip_grad_norm_(model.parameters(), at["clip_norm"](t))
        for target in ("lr", "weight_decay"):
            if target in at:
                group[target] = at[target](t)
        if "betas" in group:
            betas = [at[target](t) if target in at else old for target, old in zip(("momentum", "beta2"), group["betas"])]
            group["betas"] = tuple(betas)
        elif "momentum" in at:
            group["momentum"] = at["momentum"](t)
        optimizer.step()
        if "ema_decay" in at:
            for name, p in model.named_parameters():
                average[name].lerp_(p.detach(), 1 - at["ema_decay"](t))
    last = weights(dict(model.named_parameters()))
    if "ema_decay" in at:
        last.update({f"ema/{name}": entry for name, entry in weights(average).items()})
    return first, last


def main():
    cases = []
    for name, optimizer, train_keys, scheduled in CASES:
        first, last = train(optimizer, scheduled)
        config = f"[optimizer]\n{optimizer}\n[train]\nsteps = {UPDATES}\n{train_keys}" + "".join(phase(*entry) for entry in scheduled)
        cases.append({"name": name, "config": config, "first": first, "last": last})
    table = "a,b,c,y\n" + "".join(",".join(map(repr, row)) + "\n" for row in ROWS)
    lines = ",\n".join(json.dumps(case) for case in cases)
    print(f'{{"source": "PyTorch {torch.__version__}, tests/reference/scheduled.py",\n"table": {json.dumps(table)},\n"cases": [\n{lines}\n]}}')


if __name__ == "__main__":
    main()
