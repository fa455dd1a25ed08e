"""One epoch of `configs/mnist-cnn.toml` in PyTorch: `epoch.py FOLDER WORKERS THREADS [first-step]`, as JSON.

The usual script: a `Dataset` that transforms one sample at a time, a `DataLoader`, the loop, then the
validation and the test samples and the weights on disk. ToTensor and Normalize are written out, so that
torchvision is not needed.
"""

import json
import os
import sys
import tempfile
import time

import numpy
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset

MEAN, STD = 0.1307, 0.3081
# The schedule is that of the whole run, of which this is the first epoch.
EPOCHS = 6


class Mnist(Dataset):
    """The files of one part."""

    def __init__(self, folder, part):
        images = idx(folder, f"{part}-images-idx3-ubyte", 16)
        self.labels = torch.from_numpy(idx(folder, f"{part}-labels-idx1-ubyte", 8)).long()
        self.images = torch.from_numpy(images).view(-1, 1, 28, 28)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = self.images[index].float().div(255)
        return image.sub(MEAN).div(STD), self.labels[index]


def idx(folder, name, header):
    with open(os.path.join(folder, name), "rb") as file:
        return numpy.frombuffer(file.read(), dtype=numpy.uint8, offset=header).copy()


def network():
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1568, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10),
    )  # fmt: skip


def accuracy(model, loader):
    model.eval()
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in loader)
    return right / len(loader.dataset)


def main(folder, workers, threads, first_step=False):
    torch.set_num_threads(threads)
    torch.manual_seed(42)
    whole = Mnist(folder, "train")
    order = torch.randperm(len(whole)).tolist()
    cut = len(whole) // 10
    train = DataLoader(Subset(whole, order[cut:]), batch_size=64, shuffle=True, num_workers=workers)
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    total = EPOCHS * len(train)
    warmup = max(1, total // 20)

    def factor(t):
        return min(1.0, (t + 1) / warmup) * (1 - max(0, t - warmup) / (total - warmup)) ** 0.9

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    model.train()
    start = time.perf_counter()
    for step, (inputs, targets) in enumerate(train):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        scheduler.step()
        if first_step:
            return {"loss": loss.item()}
        if step % 50 == 49:
            print(f"step {step + 1} loss {loss.item():.4f}", file=sys.stderr)
    epoch = time.perf_counter() - start
    held = DataLoader(Subset(whole, order[:cut]), batch_size=256, num_workers=workers)
    test = DataLoader(Mnist(folder, "t10k"), batch_size=256, num_workers=workers)
    found = {"epoch_s": epoch, "val": accuracy(model, held), "test": accuracy(model, test)}
    with tempfile.NamedTemporaryFile(suffix=".pt") as file:
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file.name)
    return found


if __name__ == "__main__":
    folder, workers, threads, *first = sys.argv[1:]
    print(json.dumps(main(folder, int(workers), int(threads), bool(first))))
