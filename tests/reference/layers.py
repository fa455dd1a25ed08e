"""Outputs and gradients of PyTorch's layers and losses on small ragged shapes, in float64.
Each case: inputs (name, shape, values), the output, and d(sum(output * probe))/d(input).
Run: python layers.py > layers.json"""

import json

import torch
import torch.nn.functional as F

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
cases = []


def flat(tensor):
    return [float(f"{v:.9g}") for v in tensor.detach().reshape(-1).tolist()]


def case(name, inputs, function, extra=None):
    # Inputs are rounded to float32 first, so that both sides start from the same numbers.
    tensors = [t.float().double().requires_grad_(True) for t in inputs]
    output = function(*tensors)
    probe = torch.randn(output.shape).float().double()
    (output * probe).sum().backward()
    cases.append({
        "name": name,
        "inputs": [{"shape": list(t.shape), "values": flat(t)} for t in tensors],
        "probe": flat(probe),
        "output": {"shape": list(output.shape), "values": flat(output)},
        "grads": [flat(t.grad) for t in tensors],
        "extra": {k: flat(v) for k, v in (extra or {}).items()},
    })


r = torch.randn
case("linear", [r(5, 7), r(3, 7), r(3)], F.linear)
case("conv2d", [r(2, 3, 6, 5), r(4, 3, 3, 3), r(4)], lambda x, w, b: F.conv2d(x, w, b, padding=1))
case("conv2d_strided", [r(2, 2, 7, 6), r(3, 2, 3, 3), r(3)],
     lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1))
case("max_pool2d", [r(2, 3, 7, 5)], lambda x: F.max_pool2d(x, 3, 2))
case("avg_pool2d", [r(2, 3, 7, 5)], lambda x: F.avg_pool2d(x, 2, 2))

mean, var = torch.tensor([0.25, -0.5, 1.0]), torch.tensor([1.5, 0.75, 2.0])
for shape in [(4, 3, 3, 2), (6, 3)]:
    kind = f"batch_norm{len(shape) - 2 or 1}d"
    run_mean, run_var = mean.clone(), var.clone()
    case(f"{kind}_train", [r(shape) * 2 + 1, r(3), r(3)],
         lambda x, w, b: F.batch_norm(x, run_mean, run_var, w, b, training=True),
         {"mean": run_mean, "var": run_var})
    case(f"{kind}_eval", [r(shape) * 2 + 1, r(3), r(3)],
         lambda x, w, b: F.batch_norm(x, mean, var, w, b, training=False))

case("layer_norm", [r(4, 9) * 3, r(9), r(9)], lambda x, w, b: F.layer_norm(x, (9,), w, b))
case("relu", [r(4, 9)], F.relu)
case("leaky_relu", [r(4, 9)], F.leaky_relu)
case("gelu", [r(4, 9) * 3], F.gelu)
case("silu", [r(4, 9) * 3], F.silu)
case("tanh", [r(4, 9) * 2], torch.tanh)
case("sigmoid", [r(4, 9) * 3], torch.sigmoid)
case("log_softmax", [r(4, 9) * 3], lambda x: F.log_softmax(x, -1))

target = torch.tensor([3, 0, 1, 1, 2, 3])
weight = torch.tensor([0.5, 2.0, 1.0, 0.25])
for name, smoothing, weights in [
    ("cross_entropy", 0.0, None),
    ("cross_entropy_smoothed", 0.1, None),
    ("cross_entropy_weighted", 0.0, weight),
    ("cross_entropy_both", 0.2, weight),
]:
    case(name, [r(6, 4) * 2],
         lambda z: F.cross_entropy(z, target, reduction="sum", label_smoothing=smoothing,
                                   weight=weights),
         {"smoothing": torch.tensor(smoothing)})

print(json.dumps(cases))
