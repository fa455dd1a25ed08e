"""Outputs, gradients and running statistics of whole models in PyTorch on small shapes, in float64,
from weights of three decimals. Each case: the parameters and buffers before, an input, a probe; for
training and evaluation the output, d(sum(output * probe))/d(each parameter and the input), and the
buffers after.
Run: python models.py > models.json"""

import json

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)


class Lenet(nn.Module):
    """Two convolutions without padding, pooling behind the second only."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 3, 3)
        self.conv2 = nn.Conv2d(3, 4, 3)
        self.fc1 = nn.Linear(4 * 2 * 2, 5)
        self.out = nn.Linear(5, 3)

    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = F.max_pool2d(x, 2).flatten(1)
        return self.out(F.relu(self.fc1(x)))


class Projection(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return self.norm(self.conv(x))


class Padding(nn.Module):
    def __init__(self, more):
        super().__init__()
        self.more = more

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.more))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride, projection):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if inputs != outputs:
            self.shortcut = (Projection(inputs, outputs, stride) if projection
                             else Padding(outputs - inputs))

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class Resnet(nn.Module):
    def __init__(self, width, blocks, projection):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        channels = width
        for stage in range(3):
            part = nn.Sequential()
            for block in range(blocks):
                outputs = width << stage
                stride = 2 if stage and not block else 1
                part.add_module(f"block{block + 1}", Block(channels, outputs, stride, projection))
                channels = outputs
            self.add_module(f"stage{stage + 1}", part)
        self.out = nn.Linear(channels, 3)

    def forward(self, x):
        x = F.relu(self.norm1(self.conv1(x)))
        x = self.stage3(self.stage2(self.stage1(x)))
        return self.out(x.mean((2, 3)))


class Lstm(nn.Module):
    def __init__(self, rows=False):
        super().__init__()
        self.rows = rows
        self.lstm = nn.LSTM(3 if not rows else 6, 5, num_layers=2, batch_first=True)
        self.out = nn.Linear(5, 3)

    def forward(self, x):
        if self.rows:
            x = torch.cat([x[:, channel] for channel in range(x.shape[1])], -1)
        return self.out(self.lstm(x)[0][:, -1])


def digits(tensor, count):
    return [float(f"{v:.{count}g}") for v in tensor.detach().reshape(-1).tolist()]


def named(name):
    """Here `lstm.weight_ih_l0`, there `lstm1.weight_ih`."""
    if name.startswith("lstm."):
        kind, _, layer = name[5:].rpartition("_l")
        return f"lstm{int(layer) + 1}.{kind}"
    return name


def case(name, model, shape):
    for key, value in model.state_dict().items():
        if value.is_floating_point():
            drawn = torch.rand_like(value) * 1.2 + 0.4 if ("norm" in key and "weight" in key) \
                or key.endswith("running_var") else torch.randn_like(value) * 0.4
            # The number that f32 has for three decimals, as the other side reads it.
            value.copy_((drawn * 1000).round().div(1000).float().double())
    before = {k: v.clone() for k, v in model.state_dict().items() if v.is_floating_point()}
    x = (torch.randn(shape) * 1000).round().div(1000).float().double()
    probe = (torch.randn(shape[0], 3) * 1000).round().div(1000)
    parameters = {k for k, _ in model.named_parameters()}
    runs = {}
    for mode in ["train", "eval"]:
        model.load_state_dict(before, strict=False)
        model.train(mode == "train")
        model.zero_grad()
        input = x.clone().requires_grad_(True)
        output = model(input)
        (output * probe).sum().backward()
        runs[mode] = {
            "output": digits(output, 8),
            "input_grad": digits(input.grad, 6),
            "grads": {named(k): digits(p.grad, 6) for k, p in model.named_parameters()},
            "buffers": {named(k): digits(b, 8) for k, b in model.named_buffers()
                        if b.is_floating_point()},
        }
        if not runs[mode]["buffers"]:
            break
    numbers = {named(k): digits(v, 6) for k, v in before.items()}
    return {
        "name": name,
        "shape": list(shape),
        "input": digits(x, 6),
        "probe": digits(probe, 6),
        "params": {k: v for k, v in numbers.items() if k in {named(p) for p in parameters}},
        "buffers": {k: v for k, v in numbers.items() if k not in {named(p) for p in parameters}},
        "runs": runs,
    }


print(json.dumps([
    case("cnn_valid", Lenet(), (4, 2, 8, 9)),
    case("resnet_projection", Resnet(4, 1, True), (4, 3, 8, 8)),
    case("resnet_padding", Resnet(2, 2, False), (4, 3, 8, 8)),
    case("lstm", Lstm(), (4, 4, 3)),
    case("lstm_rows", Lstm(rows=True), (3, 2, 4, 3)),
]))
