"""The other libraries' learning rates for every entry of docs/schedules.md.

    python3 -m venv venv && venv/bin/pip install torch transformers timm optax mmengine-lite
    venv/bin/python tests/reference/migration.py > tests/reference/migration.json

Runs each ```python block of the page as it stands there, in float64, with a base learning rate of 0.1 for 100 updates,
or for 10 epochs of 10 updates where the block says so. Burn's are its formulas, below.
"""

import ast
import json
import math
import os
import re
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

os.environ["JAX_ENABLE_X64"] = "1"
warnings.simplefilter("ignore")

import optax
import timm.scheduler
import torch
import transformers.optimization
from mmengine.optim import scheduler as mmengine_schedulers
from mmengine.registry import PARAM_SCHEDULERS
from torch.optim import lr_scheduler
from torch.optim.swa_utils import SWALR

BASE, UPDATES = 0.1, 100
PAGE = Path(__file__).parents[2] / "docs" / "schedules.md"

# burn-core's lr_scheduler module: what step() returns the (t+1)-th time.
BURN = {
    "LinearLrSchedulerConfig": lambda t: 0.001 + (0.1 - 0.001) / 50 * max(50 - t, 0),
    "CosineAnnealingLrSchedulerConfig": lambda t: 0.001 + 0.5 * (0.1 - 0.001) * (1 + math.cos(math.pi * (t % 100) / 99)),
    "ExponentialLrSchedulerConfig": lambda t: 0.1 * 0.99**t,
    "NoamLrSchedulerConfig": lambda t: 0.1 * 64**-0.5 * min((t + 1) ** -0.5, (t + 1) * 40**-1.5),
}


def value_of(code, names):
    """The value of a block's last expression."""
    tree = ast.parse(code)
    *statements, last = tree.body
    exec(compile(ast.Module(statements, []), "block", "exec"), names)
    return eval(compile(ast.Expression(last.value), "block", "eval"), names)


def values_of(code):
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=BASE)
    names = {"optimizer": optimizer, "optax": optax, "SWALR": SWALR}
    for module in (transformers.optimization, timm.scheduler, lr_scheduler):
        names.update((name, item) for name, item in vars(module).items() if not name.startswith("_"))
    per_epoch = 10 if "# 10 epochs" in code else 1
    made = value_of(code, names)
    if isinstance(made, list):
        return mmengine_values(made, optimizer, per_epoch), per_epoch
    if isinstance(made, timm.scheduler.scheduler.Scheduler):
        return [float(made._get_lr(t)[0]) for t in range(UPDATES)], per_epoch
    if not hasattr(made, "step"):
        return [float(made(t)) for t in range(UPDATES)], per_epoch
    values = []
    for t in range(UPDATES):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if (t + 1) % per_epoch == 0:
            made.step()
    return values, per_epoch


def mmengine_values(configs, optimizer, per_epoch):
    """As MMEngine's ParamSchedulerHook steps them: each after its update or its epoch."""
    built = [PARAM_SCHEDULERS.build({**config, "optimizer": optimizer}) for config in configs]
    values = []
    for t in range(UPDATES):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        for scheduler in built:
            if not scheduler.by_epoch or (t + 1) % per_epoch == 0:
                scheduler.step()
    return values


def main():
    page = PAGE.read_text()
    entries = []
    for section in re.split(r"^### ", page, flags=re.M)[1:]:
        title, _, body = section.partition("\n")
        code = re.search(r"```(python|rust)\n(.*?)```", body, re.S)
        if code is None:
            continue
        if code[1] == "rust":
            values, per_epoch = [BURN[title](t) for t in range(UPDATES)], 1
        else:
            values, per_epoch = values_of(code[2])
        entries.append({"name": title, "steps_per_epoch": per_epoch, "values": values})
    libraries = ("torch", "transformers", "timm", "optax", "mmengine-lite")
    source = ", ".join(f"{name} {version(name)}" for name in libraries)
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    print(f'{{"source": {json.dumps(source)},\n"base": {BASE},\n"schedules": [\n{lines}\n]}}')


if __name__ == "__main__":
    main()
