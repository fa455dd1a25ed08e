"""Milliseconds of a training step, `cargo bench --bench step` against PyTorch, as ratios.

    python -m venv venv && venv/bin/pip install torch numpy
    venv/bin/python benches/compare.py [threads [rounds]]

Both sides take turns; shown is the median of the rounds. PyTorch is given its best: the fastest of
eager and fused SGD, plain and channels-last memory, with glibc's allocator told to keep its pages.
"""

import os
import re
import statistics
import subprocess
import sys
import time

KEEP_PAGES = {"MALLOC_MMAP_THRESHOLD_": "2000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}
WORKLOADS = {
    "mlp 784-512-256-10, batch 128": ("mlp", 0.0, False),
    "mlp with dropout 0.2": ("mlp", 0.2, False),
    "cnn 1-32-64, 5×5, 28×28, batch 64": ("cnn", 0.0, False),
    "cnn with batch norm": ("cnn", 0.0, True),
}


def network(kind, dropout, norm):
    """The model, its input and its targets."""
    from torch import nn, randint, randn

    drop = [nn.Dropout(dropout)] if dropout else []
    if kind == "mlp":
        hidden = [nn.Linear(784, 512), nn.ReLU(), *drop, nn.Linear(512, 256), nn.ReLU(), *drop]
        return nn.Sequential(*hidden, nn.Linear(256, 10)), randn(128, 784), randint(10, (128,))

    def block(inputs, outputs):
        norms = [nn.BatchNorm2d(outputs)] if norm else []
        conv = nn.Conv2d(inputs, outputs, 5, padding=2, bias=not norm)
        return [conv, *norms, nn.ReLU(), nn.MaxPool2d(2)]

    norms = [nn.BatchNorm1d(128)] if norm else []
    head = [nn.Flatten(), nn.Linear(64 * 49, 128, bias=not norm), *norms, nn.ReLU(), nn.Linear(128, 10)]
    return nn.Sequential(*block(1, 32), *block(32, 64), *head), randn(64, 1, 28, 28), randint(10, (64,))


def milliseconds(workload, fused, channels_last):
    """Lower quartile of a step's time, as the other side measures it."""
    import torch

    torch.manual_seed(1)
    model, inputs, targets = network(*workload)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
        inputs = inputs.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, fused=fused)
    loss = torch.nn.CrossEntropyLoss()
    times = []
    for _ in range(60):
        begin = time.perf_counter()
        optimizer.zero_grad()
        loss(model(inputs), targets).backward()
        optimizer.step()
        times.append(1e3 * (time.perf_counter() - begin))
    return sorted(times[10:])[12]


def pytorch(threads):
    import torch

    torch.set_num_threads(threads)
    for name, workload in WORKLOADS.items():
        layouts = [False, True] if workload[0] == "cnn" else [False]
        best = min(milliseconds(workload, fused, last) for fused in (False, True) for last in layouts)
        print(f"{name:36} {best:7.2f}")


def measured(command, env=None):
    text = subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout
    lines = (re.match(r"(.+?)\s+(\d+\.\d+)(?: =|$)", line) for line in text.splitlines())
    return {line[1]: float(line[2]) for line in lines if line and line[1] in WORKLOADS}


def main(threads="2", rounds="5"):
    ours, theirs = [], []
    for _ in range(int(rounds)):
        ours.append(measured(["cargo", "bench", "--quiet", "--bench", "step", "--", threads]))
        child = [sys.executable, __file__, "--pytorch", threads]
        theirs.append(measured(child, os.environ | KEEP_PAGES | {"OMP_NUM_THREADS": threads}))
    print(f"{threads} threads, {rounds} rounds\n{'':36} trainer  PyTorch  trainer/PyTorch")
    for name in WORKLOADS:
        pairs = [(a[name], b[name]) for a, b in zip(ours, theirs)]
        mine, other = (statistics.median(side) for side in zip(*pairs))
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"{name:36} {mine:7.2f}  {other:7.2f}  {ratio:7.2f}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--pytorch", threads]:
            pytorch(int(threads))
        case arguments:
            main(*arguments)
