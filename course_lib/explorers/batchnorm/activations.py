"""Activations: layer by layer, with and without."""

from dataclasses import dataclass

import torch

from course_lib import plotting
from course_lib.batchnorm import batch_norm
from course_lib.data import digits
from course_lib.panel import Choice, Explorer, Slider

DEPTH, WIDTH, UNITS = 10, 64, {"ReLU": torch.relu, "tanh": torch.tanh}
NETS = {False: "without a norm", True: "with BatchNorm"}


@dataclass
class Activations:
    """{with BatchNorm: [layers]}: root mean square of what each layer puts out, and of the gradient
    that reaches it, and the share of outputs that are 0 (ReLU) or beyond ±0.95 (tanh)."""

    size: dict
    gradient: dict
    stuck: dict
    unit: str
    gain: float


def forward(x, weights, activate, norm):
    """What each layer puts out, from the first to the last."""
    outputs = []
    for weight in weights:
        z = x @ weight.T
        x = activate(batch_norm(z, training=True) if norm else z)
        outputs.append(x)
    return outputs


def compute(gain, batch_size, unit):
    """Ten layers, fresh normal weights of spread gain/√64, one batch of digits; the loss is a fixed
    random sum.
    """
    generator = torch.Generator().manual_seed(0)
    weights = [
        gain * torch.randn(WIDTH, WIDTH, dtype=torch.float64, generator=generator) / 8
        for _ in range(DEPTH)
    ]
    goal = torch.randn(batch_size, WIDTH, dtype=torch.float64, generator=generator)
    x = digits(1000, dtype=torch.float64).train_x[:batch_size].requires_grad_()
    size, gradient, stuck = {}, {}, {}
    for norm in NETS:
        outputs = forward(x, weights, UNITS[unit], norm)
        grads = torch.autograd.grad((goal * outputs[-1]).sum() / batch_size, outputs)
        size[norm] = torch.stack([rms(y) for y in outputs]).detach()
        gradient[norm] = torch.stack([rms(g) * batch_size for g in grads])
        beyond = [(y == 0 if unit == "ReLU" else y.abs() > 0.95).double().mean() for y in outputs]
        stuck[norm] = torch.stack(beyond)
    return Activations(size, gradient, stuck, unit, gain)


def rms(values):
    return values.square().mean().sqrt()


def prepare(figure):
    """Three figures against the layer; returns the marks that move."""
    panels = zip(
        figure.subplots(1, 3), ("size", "gradient", "stuck"), ("output", "gradient", "stuck")
    )
    marks, layers = {}, range(1, DEPTH + 1)
    for ax, name, _ in panels:
        ax.set(xlabel="layer", xlim=(0.5, DEPTH + 0.5))
        ax.set_xticks(layers[1::2])
        for k, (norm, label) in enumerate(NETS.items()):
            color, linestyle = plotting.series(k)
            style = {"color": color, "linestyle": linestyle, "marker": "os"[k], "markersize": 4}
            marks[name, norm] = ax.plot([], [], label=label, **style)
        if name != "stuck":
            ax.set(yscale="log", ylim=(1e-8, 1e8))
    left, middle, right = figure.axes
    left.set(title="Size of the outputs", ylabel="root mean square")
    middle.set(title="Size of the gradient there", ylabel="root mean square")
    right.set(
        title="Outputs that pass no gradient",
        ylabel="share: 0 (ReLU), beyond ±0.95 (tanh)",
        ylim=(0, 1),
    )
    left.legend(loc="upper left", fontsize=8)
    return marks


def draw(marks, result):
    """Move the marks to an `Activations`."""
    for name in ("size", "gradient", "stuck"):
        for norm in NETS:
            values = getattr(result, name)[norm]
            marks[name, norm][0].set_data(
                range(1, DEPTH + 1), values if name == "stuck" else values.clamp(min=1e-12)
            )
    sizes = {
        norm: f"{values[0].item():.2g} to {values[-1].item():.2g}"
        for norm, values in result.size.items()
    }
    without, norm = sizes[False], sizes[True]
    return (
        f"Gain {result.gain:g}, {result.unit}: from layer 1 to {DEPTH} the size of the outputs goes from {without} "
        f"without a norm, from {norm} with BatchNorm."
    )


explorer = Explorer(
    title="Ten layers with fresh weights",
    controls={
        "gain": Slider("gain: spread of the weights × √64", 0.3, 5.0, 1.0, log=True),
        "batch_size": Slider("batch size", values=(2, 3, 4, 8, 16, 32, 64, 128, 256), default=64),
        "unit": Choice("activation", tuple(UNITS), "ReLU"),
    },
    compute=compute,
    prepare=prepare,
    draw=draw,
    size=(9.4, 3.4),
)

show = explorer.show
