"""Outputs and gradients of ten layers, with a BatchNorm and without: move gain and batch size."""

import torch

from course_lib import plotting
from course_lib.experiments.batchnorm.activations import DEPTH, GAINS, UNITS, measure_activations
from course_lib.panel import Choice, Explorer, Slider

NETS = {False: "without a norm", True: "with BatchNorm"}


def _prepare(figure):
    """Outputs and gradient against the layer, and the last outputs against the gain."""
    marks, layers = {}, range(1, DEPTH + 1)
    for ax, name in zip(figure.subplots(1, 3), ("size", "gradient", "ends")):
        ax.set(xlabel="layer", xlim=(0.5, DEPTH + 0.5), yscale="log")
        ax.set_xticks(layers[1::2])
        for k, (norm, label) in enumerate(NETS.items()):
            color, linestyle = plotting.series(k)
            style = {"color": color, "linestyle": linestyle, "marker": "os"[k], "markersize": 4}
            marks[name, norm] = ax.plot([], [], label=label, **style)
    left, middle, right = figure.axes
    left.set(title="Size of the outputs", ylabel="root mean square")
    middle.set(title="Size of the gradient there")
    right.set(title=f"Outputs of layer {DEPTH}, by gain", xlabel="gain", xscale="log")
    right.set(xlim=(0.27, 5.6), ylim=(1e-8, 1e8))
    right.set_xticks((0.3, 1, 2**0.5, 5), ("0.3", "1", "√2", "5"))
    right.set_xticks((), minor=True)
    marks["gain"] = [right.axvline(1, color=plotting.ink(), linestyle="-", linewidth=1)]
    left.legend(loc="upper left", fontsize=8)
    return marks


def _draw(marks, result):
    """Move the marks to an `Activations`."""
    for norm in NETS:
        for name in ("size", "gradient"):
            values = getattr(result, name)[norm].clamp(min=1e-12)
            marks[name, norm][0].set_data(range(1, DEPTH + 1), values)
            plotting.set_limits(marks[name, norm][0].axes, y=_window(result))
        marks["ends", norm][0].set_data(GAINS, result.ends[norm])
    marks["gain"][0].set_xdata([result.gain] * 2)
    sizes = {
        norm: f"{values[0].item():.2g} to {values[-1].item():.2g}"
        for norm, values in result.size.items()
    }
    without, norm = sizes[False], sizes[True]
    shares = {norm: f"{share.mean():.0%}" for norm, share in result.saturated.items()}
    flat = f" Beyond ±0.95 lie {shares[False]} of the outputs without a norm, {shares[True]} with."
    return (
        f"Gain {result.gain:g}, {result.unit}: from layer 1 to {DEPTH} the size of the outputs "
        f"goes from {without} without a norm, from {norm} with BatchNorm."
        f"{flat if result.unit == 'tanh' else ''}"
    )


def _window(result):
    """Four decades around 1 where all fits in, else sixteen; the same for both left panels."""
    seen = torch.cat([*result.size.values(), *result.gradient.values()])
    return (1e-2, 1e2) if ((seen > 1e-2) & (seen < 1e2)).all() else (1e-8, 1e8)


explorer = Explorer(
    title="Ten layers with fresh weights",
    controls={
        "gain": Slider("gain (weights are drawn with spread gain/√64)", 0.3, 5.0, 1.0, log=True),
        "batch_size": Slider("batch size", values=(2, 3, 4, 8, 16, 32, 64, 128, 256), default=64),
        "unit": Choice("activation", tuple(UNITS), "ReLU"),
    },
    frozen={"gain": 13, "unit": 2},
    compute=measure_activations,
    prepare=_prepare,
    draw=_draw,
    size=(9.4, 3.4),
)

show = explorer.show
