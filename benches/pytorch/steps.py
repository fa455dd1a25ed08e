"""Milliseconds of a training step in PyTorch: `steps.py WORKLOAD VARIANT THREADS`, as JSON.

A variant is words joined by `+`: eager, foreach or fused (the optimizer), channels_last, compile.
`steps.py peak THREADS` measures large matrix products instead, in GFLOP/s.
"""

import json
import statistics
import sys
import time

import torch
from torch.nn import functional as F

import models
from process import megabytes

BATCHES = 8
WARMUP = 10
LEAST_STEPS, LEAST_SECONDS, MOST_SECONDS = 30, 3.0, 30.0


def steps(workload, variant):
    """Trains on a few batches in turn and times every step."""
    words = variant.split("+")
    base = megabytes("VmRSS")
    torch.manual_seed(1)
    model = models.model(workload)
    batches = [models.batch(workload) for _ in range(BATCHES)]
    if "channels_last" in words:
        layout = torch.channels_last
        model = model.to(memory_format=layout)
        batches = [(x.to(memory_format=layout), y) for x, y in batches]
    how = {"foreach": "foreach" in words} | ({"fused": True} if "fused" in words else {})
    optimizer = models.optimizer(workload, model.parameters(), **how)
    forward = torch.compile(model) if "compile" in words else model

    def step(number):
        inputs, targets = batches[number % BATCHES]
        optimizer.zero_grad()
        loss = F.cross_entropy(forward(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss

    for number in range(WARMUP):
        step(number)
    times, begin = [], time.perf_counter()
    while True:
        start = time.perf_counter()
        loss = step(len(times))
        end = time.perf_counter()
        times.append(1e3 * (end - start))
        spent = end - begin
        if spent > MOST_SECONDS or len(times) >= LEAST_STEPS and spent > LEAST_SECONDS:
            break
    low, middle, high = statistics.quantiles(times, n=4)
    return {
        "ms": middle, "q1": low, "q3": high, "steps": len(times), "loss": loss.item(),
        "base_mb": base, "peak_mb": megabytes("VmHWM"), "torch": torch.__version__,
    }  # fmt: skip


def peak():
    """The fastest of several large square products."""
    best = 0.0
    for n in (1024, 2048, 3072):
        a, b = torch.randn(n, n), torch.randn(n, n)
        out = a @ b
        for _ in range(8):
            start = time.perf_counter()
            torch.mm(a, b, out=out)
            best = max(best, 2e-9 * n**3 / (time.perf_counter() - start))
    return {"gflops": best, "torch": torch.__version__}


if __name__ == "__main__":
    *what, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    print(json.dumps(peak() if what == ["peak"] else steps(*what)))
