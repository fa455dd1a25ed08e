"""Logits, loss and all gradients of a small decoder-only transformer in PyTorch, in float64: as in
nanoGPT (pre-norm blocks, packed qkv, exact GELU), with tied and with separate head.
Run: python gpt.py > gpt.json"""

import json
import math

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
LAYERS, WIDTH, HEADS, CONTEXT, VOCABULARY, BATCH = 2, 16, 2, 6, 11, 3


class Attention(nn.Module):
    def __init__(self, bias):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=bias)
        self.out = nn.Linear(WIDTH, WIDTH, bias=bias)

    def forward(self, x):
        n, t, d = x.shape
        heads = [part.view(n, t, HEADS, d // HEADS).transpose(1, 2)
                 for part in self.qkv(x).split(d, dim=2)]
        y = F.scaled_dot_product_attention(*heads, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(n, t, d))


class Block(nn.Module):
    def __init__(self, bias):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = Attention(bias)
        self.fc1 = nn.Linear(WIDTH, 4 * WIDTH, bias=bias)
        self.fc2 = nn.Linear(4 * WIDTH, WIDTH, bias=bias)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.fc2(nn.GELU()(self.fc1(self.norm2(x))))


class Gpt(nn.Module):
    def __init__(self, bias, tied):
        super().__init__()
        self.token = nn.Embedding(VOCABULARY, WIDTH)
        self.position = nn.Embedding(CONTEXT, WIDTH)
        for i in range(1, LAYERS + 1):
            self.add_module(f"block{i}", Block(bias))
        self.norm = nn.LayerNorm(WIDTH)
        if not tied:
            self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, ids):
        x = self.token(ids) + self.position(torch.arange(ids.shape[1]))
        for i in range(1, LAYERS + 1):
            x = getattr(self, f"block{i}")(x)
        head = self.head.weight if hasattr(self, "head") else self.token.weight
        return F.linear(self.norm(x), head)


def flat(tensor, digits=6):
    return [float(f"{v:.{digits}g}") for v in tensor.detach().reshape(-1).tolist()]


def thousandths(tensor):
    return [round(v, 3) for v in tensor.detach().reshape(-1).tolist()]


cases = []
for bias, tied in [(True, True), (False, False)]:
    model = Gpt(bias, tied)
    for name, parameter in model.named_parameters():
        # Larger than at the start of a training, so that nothing is nearly linear; thousandths as
        # float32 has them, so that both sides start from the same numbers.
        centre = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        spread = 0.3 if parameter.dim() == 1 else 1.5 / math.sqrt(WIDTH)
        values = centre + spread * torch.randn(parameter.shape)
        parameter.data = values.round(decimals=3).float().double()
    ids = torch.randint(VOCABULARY, (BATCH, CONTEXT))
    targets = torch.randint(VOCABULARY, (BATCH, CONTEXT))
    logits = model(ids)
    loss = F.cross_entropy(logits.reshape(-1, VOCABULARY), targets.reshape(-1))
    loss.backward()
    parameters = dict(model.named_parameters())
    cases.append({
        "bias": bias,
        "tied": tied,
        "ids": ids.reshape(-1).tolist(),
        "targets": targets.reshape(-1).tolist(),
        "logits": flat(logits, 9),
        "loss": loss.item(),
        "params": {name: thousandths(p) for name, p in parameters.items()},
        "grads": {name: flat(p.grad) for name, p in parameters.items()},
    })

print(json.dumps(cases, separators=(",", ":")))
