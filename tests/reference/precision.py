"""One training step of small networks under PyTorch's CPU autocast in bfloat16 and float16, beside
the same in float32, and a trace of torch.amp.GradScaler.
Each case: parameters, a batch, and for each precision the loss and the gradients; float16 with the
loss scaled by 65536. Convolutions end in ReLU and max pooling, norms stand before the activation.
The gradients of a float16 convolution are summed in float32, as on a GPU: on a CPU without such
instructions PyTorch sums them in float16 and is off by more than one rounding.
Run: python precision.py > precision.json"""

import json

import torch
import torch.nn.functional as F

torch.manual_seed(0)
SAMPLES, CLASSES = 12, 3


def flat(tensor):
    return [float(f"{v:.9g}") for v in tensor.detach().float().reshape(-1).tolist()]


def linear(p, name, x):
    return F.linear(x, p[f"{name}.weight"], p.get(f"{name}.bias"))


def norm(p, name, x, kind):
    weight, bias = p[f"{name}.weight"], p[f"{name}.bias"]
    if kind == "layer":
        return F.layer_norm(x, weight.shape, weight, bias)
    channels = weight.shape[0]
    return F.batch_norm(x, torch.zeros(channels), torch.ones(channels), weight, bias, training=True)


class Convolution(torch.autograd.Function):
    """A convolution of rounded operands in float32, whose result and gradients are rounded."""

    @staticmethod
    def forward(ctx, x, w, b):
        ctx.save_for_backward(x, w)
        return F.conv2d(x.float(), w.float(), None if b is None else b.float(), padding=1).to(x.dtype)

    @staticmethod
    def backward(ctx, g):
        x, w = (t.float().requires_grad_(True) for t in ctx.saved_tensors)
        b = torch.zeros(w.shape[0], requires_grad=True)
        with torch.enable_grad():
            y = F.conv2d(x, w, b, padding=1)
        gradients = torch.autograd.grad(y, (x, w, b), g.float())
        dx, dw, db = (t.to(g.dtype) for t in gradients)
        return dx, dw, db if ctx.needs_input_grad[2] else None


def conv(x, w, b):
    if not torch.is_autocast_enabled("cpu") or torch.get_autocast_dtype("cpu") != torch.float16:
        return F.conv2d(x, w, b, padding=1)
    with torch.autocast("cpu", enabled=False):
        return Convolution.apply(x.half(), w.half(), None if b is None else b.half())


def mlp(p, x, kind, activation):
    x = x.flatten(1)
    for i in (1, 2):
        x = linear(p, f"fc{i}", x)
        x = norm(p, f"norm{i}", x, kind) if kind else x
        x = activation(x)
    return linear(p, "out", x)


def cnn(p, x, kind):
    for i in (1, 2):
        x = conv(x, p[f"conv{i}.weight"], p.get(f"conv{i}.bias"))
        x = norm(p, f"norm{i}", x, kind) if kind else x
        x = F.max_pool2d(F.relu(x), 2)
    return linear(p, "out", x.flatten(1))


def parameters(shapes):
    made = {}
    for name, shape in shapes.items():
        if "norm" in name:
            value = torch.randn(shape) * 0.2 + (1.0 if name.endswith("weight") else 0.0)
        else:
            value = torch.randn(shape) * (0.8 / max(1, torch.Size(shape[1:]).numel()) ** 0.5)
        made[name] = value
    return made


def step(values, forward, x, y, dtype):
    p = {name: value.clone().requires_grad_(True) for name, value in values.items()}
    scale = 65536.0 if dtype == torch.float16 else 1.0
    with torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32):
        logits = forward(p, x)
    assert logits.dtype == dtype, logits.dtype
    loss = F.cross_entropy(logits.float(), y)
    (loss * scale).backward()
    assert all(v.grad.dtype == torch.float32 for v in p.values())
    return {"loss": loss.item(), "grads": {n: flat(v.grad / scale) for n, v in p.items()}}


def case(name, shapes, sample, forward):
    values = parameters(shapes)
    x, y = torch.randn(SAMPLES, *sample), torch.arange(SAMPLES) % CLASSES
    kinds = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
    return {
        "name": name,
        "sample": list(sample),
        "input": flat(x),
        "params": [{"name": n, "shape": list(v.shape), "values": flat(v)}
                   for n, v in values.items()],
        "steps": {kind: step(values, forward, x, y, dtype) for kind, dtype in kinds.items()},
    }


def pairs(name, *shape, bias=True):
    both = {f"{name}.weight": shape}
    return both | {f"{name}.bias": shape[:1]} if bias else both


def dense(*widths, kind=None, last=True):
    shapes = {}
    for i, (a, b) in enumerate(zip(widths, widths[1:]), 1):
        shapes |= pairs(f"fc{i}", b, a)
        shapes |= pairs(f"norm{i}", b) if kind else {}
    return shapes | pairs("out", CLASSES, widths[-1])


def filters(kind=None):
    bias = kind != "batch"
    shapes = pairs("conv1", 4, 2, 3, 3, bias=bias) | pairs("conv2", 5, 4, 3, 3, bias=bias)
    shapes |= pairs("norm1", 4) | pairs("norm2", 5) if kind else {}
    return shapes | pairs("out", CLASSES, 5 * 2 * 2)


def scaler():
    """The factor before each update, where every listed one overflows."""
    overflows = {0, 1, 5, 1999, 4005, 4006, 8100}
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.0)
    scaler = torch.amp.GradScaler("cpu")
    changes, last = [], None
    for update in range(10300):
        if scaler.get_scale() != last:
            last = scaler.get_scale()
            changes.append([update, last])
        scaler.scale(torch.ones(1))
        weight.grad = torch.full((1,), float("inf") if update in overflows else 1.0)
        scaler.step(optimizer)
        scaler.update()
    return {"overflows": sorted(overflows), "updates": 10300, "changes": changes}


cases = [
    case("mlp", dense(10, 9, 7), (10,), lambda p, x: mlp(p, x, None, F.relu)),
    case("mlp_layer_norm", dense(10, 9, 7, kind="layer"), (10,),
         lambda p, x: mlp(p, x, "layer", F.gelu)),
    case("cnn", filters(), (2, 8, 8), lambda p, x: cnn(p, x, None)),
    case("cnn_batch_norm", filters("batch"), (2, 8, 8), lambda p, x: cnn(p, x, "batch")),
]
print(json.dumps({"cases": cases, "scaler": scaler()}))
