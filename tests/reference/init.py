"""What PyTorch's initialisers draw: the largest magnitude and the standard deviation of a million
numbers each. Run: python init.py > init.json"""

import json

import torch
from torch import nn

torch.manual_seed(0)
rows = []


def add(scheme, tensor, fan_in, fan_out):
    rows.append({
        "scheme": scheme,
        "fan_in": fan_in,
        "fan_out": fan_out,
        "largest": tensor.abs().max().item(),
        "deviation": tensor.std().item(),
    })


for fan_in, fan_out in [(1000, 1000), (500, 2000)]:
    weight = torch.empty(fan_out, fan_in)
    add("kaiming_uniform", nn.init.kaiming_uniform_(weight), fan_in, fan_out)
    add("kaiming_uniform_leaky", nn.init.kaiming_uniform_(weight, a=0.2), fan_in, fan_out)
    add("kaiming_normal", nn.init.kaiming_normal_(weight), fan_in, fan_out)
    add("xavier_uniform", nn.init.xavier_uniform_(weight), fan_in, fan_out)
    add("xavier_normal", nn.init.xavier_normal_(weight), fan_in, fan_out)

linear = nn.Linear(100, 10000)
add("linear_weight", linear.weight, 100, 10000)
add("linear_bias", linear.bias, 100, 10000)
conv = nn.Conv2d(16, 5000, 5)
add("conv_weight", conv.weight, 16 * 25, 5000 * 25)
add("conv_bias", conv.bias, 16 * 25, 5000 * 25)
print(json.dumps(rows, indent=1))
