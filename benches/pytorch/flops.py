"""Floating-point operations of a training step, from the shapes of its matrix products.

A product of [m, k] with [k, n] is 2·m·k·n operations. The forward pass does each once; the backward
pass twice, for the gradients of both factors, but for the gradient of the model's own input, which
nobody needs:

    step = Σ 3 · 2·m·k·n − 2·m·k·n of the products with the input

Everything that is no product (activations, norms, softmax, the optimizer) counts as nothing.
"""


def product(m, k, n, of_input=False):
    return (2 if of_input else 3) * 2 * m * k * n


def chain(batch, widths):
    """Linear layers one after the other, the first of them on the input."""
    pairs = list(zip(widths, widths[1:]))
    return sum(product(batch, k, n, i == 0) for i, (k, n) in enumerate(pairs))


def convolution(batch, inputs, outputs, kernel, side, of_input=False):
    """A convolution to side × side pixels: a product for every pixel."""
    return product(batch * side * side, inputs * kernel * kernel, outputs, of_input)


def cnn(batch=64):
    convolutions = convolution(batch, 1, 32, 3, 26, True) + convolution(batch, 32, 64, 3, 24)
    return convolutions + product(batch, 9216, 128) + product(batch, 128, 10)


def resnet(batch=64, blocks=3):
    total, inputs = convolution(batch, 3, 16, 3, 32, True), 16
    for width, side in ((16, 32), (32, 16), (64, 8)):
        for block in range(blocks):
            total += convolution(batch, inputs, width, 3, side) + convolution(batch, width, width, 3, side)
            if inputs != width:
                total += convolution(batch, inputs, width, 1, side)
            inputs = width
    return total + product(batch, 64, 10)


def gpt(batch=16, context=128, layers=4, width=128, vocabulary=65):
    tokens = batch * context
    linear = product(tokens, width, 3 * width) + product(tokens, width, width)
    linear += 2 * product(tokens, width, 4 * width)
    # Query · key and probability · value, over the position itself and those before it.
    attention = 2 * product(tokens, width, (context + 1) // 2)
    return layers * (linear + attention) + product(tokens, width, vocabulary)


def lstm(batch=64, length=64, inputs=64, hidden=128):
    """Four gates at every position."""
    gates = product(batch * length, inputs, 4 * hidden, True) + product(batch * length, hidden, 4 * hidden)
    return gates + product(batch, hidden, 10)


STEP = {
    "mlp-sgd": chain(128, [784, 512, 256, 10]),
    "mlp-adamw": chain(128, [784, 512, 256, 10]),
    "cnn": cnn(),
    "resnet": resnet(),
    "gpt": gpt(),
    "lstm": lstm(),
}
