"""The workloads' models in PyTorch, as its users write them."""

import torch
from torch import nn
from torch.nn import functional as F


def mlp():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10)
    )


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


class Block(nn.Module):
    """Two 3×3 convolutions with batch norm and a shortcut, a projection where the shape changes."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(outputs))

    def forward(self, x):
        inner = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(inner)) + self.shortcut(x))


def resnet(depth=20):
    stages, inputs = [], 16
    for stage, width in enumerate([16, 32, 64]):
        for block in range((depth - 2) // 6):
            stages.append(Block(inputs, width, 2 if stage > 0 and block == 0 else 1))
            inputs = width
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    return nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class Attention(nn.Module):
    """Causal self-attention over heads side by side."""

    def __init__(self, width, heads):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.heads = heads

    def forward(self, x):
        n, length, width = x.shape
        parts = self.qkv(x).split(width, dim=2)
        q, k, v = (p.view(n, length, self.heads, -1).transpose(1, 2) for p in parts)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(n, length, width))


class Layer(nn.Module):
    """One pre-norm block."""

    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Gpt(nn.Module):
    """nanoGPT's form: learned positions, a head of its own without bias."""

    def __init__(self, vocabulary=65, context=128, layers=4, width=128, heads=4):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.layers = nn.Sequential(*(Layer(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, ids):
        positions = torch.arange(ids.shape[1])
        x = self.tokens(ids) + self.positions(positions)
        return self.head(self.norm(self.layers(x))).flatten(0, 1)


class Lstm(nn.Module):
    """An LSTM whose last state is classified."""

    def __init__(self, inputs=64, hidden=128, outputs=10):
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True)
        self.out = nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, -1])


def batch(workload):
    """Made-up inputs and targets of one batch."""
    images = {"mlp": (128, 784), "cnn": (64, 1, 28, 28), "resnet": (64, 3, 32, 32), "lstm": (64, 64, 64)}
    kind = workload.split("-")[0]
    if kind == "gpt":
        return torch.randint(65, (16, 128)), torch.randint(65, (16 * 128,))
    shape = images[kind]
    return torch.randn(shape), torch.randint(10, shape[:1])


def model(workload):
    return {"mlp": mlp, "cnn": cnn, "resnet": resnet, "gpt": Gpt, "lstm": Lstm}[workload.split("-")[0]]()


def optimizer(workload, parameters, **how):
    if workload in ("mlp-sgd", "cnn", "resnet"):
        return torch.optim.SGD(parameters, lr=0.01, momentum=0.9, **how)
    return torch.optim.AdamW(parameters, lr=1e-3, **how)
