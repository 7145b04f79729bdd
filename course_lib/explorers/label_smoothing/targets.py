"""A smoothed target, its loss and its gradient against the logit gap: move ε and the gap."""

import numpy as np
import torch
from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.label_smoothing.targets import GAPS, measure_targets
from course_lib.panel import Explorer, Slider

SHOWN = 20  # bars at most
FIRST = "class, the label first"


def _prepare(figure):
    """Bars of target and prediction, the loss against the gap, its gradient."""
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.15, 1, 1])
    left.set(title="One row", xlabel=FIRST, ylabel="probability", ylim=(0, 1.02))
    blue, orange = plotting.series(0)[0], plotting.series(1)[0]
    marks = {
        "targets": list(
            left.bar(range(SHOWN), [0] * SHOWN, 0.8, color=orange, alpha=0.5, label="target q")
        )
    }
    style = {"marker": "o", "markersize": 5, "linestyle": "none"}
    marks["predictions"] = left.plot([], [], color=blue, label="prediction p", **style)
    left.legend(loc="upper right")
    middle.set(
        title="Loss", xlabel="label's logit − others'", xlim=(GAPS[0], GAPS[-1]), ylim=(0, 6)
    )
    marks["plain"] = middle.plot(
        [], [], color=plotting.muted(), linestyle="--", zorder=3, label="one-hot label"
    )
    marks["loss"] = middle.plot([], [], color=blue, linestyle="-", label="smoothed with ε")
    marks["floor"] = [
        middle.axhline(
            np.nan, color=orange, linestyle=":", linewidth=1.2, label="floor: entropy of q"
        )
    ]
    right.set(title="Size of the label's gradient", xlabel="label's logit − others'", yscale="log")
    right.set(xlim=(GAPS[0], GAPS[-1]), ylim=(1e-6, 2))
    marks["up"] = right.plot([], [], color=blue, linestyle="-", label="raises the logit")
    marks["down"] = right.plot([], [], color=orange, linestyle="--", label="lowers it")
    for name, ax in (("loss", middle), ("gradient", right)):
        marks[f"best {name}"] = [
            ax.axvline(np.nan, color=orange, linestyle="-.", linewidth=1.2, label="lowest loss")
        ]
        marks[f"{name} here"] = ax.plot(
            [], [], color=plotting.ink(), marker="o", markersize=7, linestyle="none"
        )
    middle.legend(loc="upper right", fontsize=7, handlelength=1.6)
    right.legend(loc="lower left", fontsize=7, handlelength=1.6)
    return marks


def _draw(marks, result):
    """Move the marks to a `Targets`."""
    classes = len(result.q)
    shown = min(classes, SHOWN)
    for k, bar in enumerate(marks["targets"]):
        bar.set_height(result.q[k].item() if k < shown else 0)
    ax = marks["predictions"][0].axes
    plotting.set_limits(ax, x=(-0.7, max(shown, 5) - 0.3))
    plotting.set_texts(ax, xlabel=FIRST + f" ({SHOWN} of {classes})" * (classes > SHOWN))
    marks["predictions"][0].set_data(range(shown), result.p[:shown])
    gaps = torch.tensor(GAPS)
    # −log p of the label
    marks["plain"][0].set_data(GAPS, (1 + (classes - 1) * (-gaps).exp()).log())
    marks["loss"][0].set_data(GAPS, result.loss)
    marks["up"][0].set_data(GAPS, np.where(result.gradient < 0, -result.gradient, np.nan))
    marks["down"][0].set_data(GAPS, np.where(result.gradient > 0, result.gradient, np.nan))
    marks["floor"][0].set_ydata([result.floor] * 2)
    for name, value in zip(("loss", "gradient"), result.here):
        marks[f"best {name}"][0].set_xdata([result.best if result.best <= GAPS[-1] else np.nan] * 2)
        marks[f"{name} here"][0].set_data([result.gap], [abs(value)])
    return _say(result)


def _say(result):
    classes, (_, slope) = len(result.q), result.here
    gap, slope = _signed(result.gap), _signed(slope)
    label = f"the label has p = {result.p[0]:.4f}, and its logit's gradient is {slope}"
    at = f"At a gap of {gap} {label}"
    if result.epsilon == 0:
        return f"ε = 0, {classes} classes: the target is 1. {at}.{result.note}"
    where = f"is lowest at a gap of {result.best:.3f}, where it is {result.floor:.4f}"
    if result.best > GAPS[-1]:
        where += " (outside the picture)"
    asked = f"ε = {result.epsilon:g}, {classes} classes: the label's target is {result.q[0]:.4g}"
    return f"{asked}, the others' {result.q[-1]:.3g}. The smoothed loss {where}. {at}.{result.note}"


def _signed(number):
    return f"{number:.3g}".replace("-", "−")


def show_still(epsilon: float, gap: float, classes: int = 5) -> None:
    """Show the picture of one ε and gap, without sliders, with its line for who cannot see it."""
    figure = Figure(figsize=explorer.size, layout="constrained")
    words = _draw(_prepare(figure), measure_targets(epsilon, classes, gap))
    plotting.show_with_words(figure, words)


explorer = Explorer(
    title="What a smoothed target asks for",
    controls={
        "epsilon": Slider("ε", 0.0, 1.0, 0.1, step=0.01),
        "classes": Slider("classes K", values=(2, 3, 5, 10, 20, 100, 1000), default=5),
        "gap": Slider("logit gap", -2.0, 14.0, 2.0, step=0.1),
    },
    frozen={"epsilon": 11, "gap": (-2.0, 0.0, 2.0, 4.0, 6.0, 14.0)},
    compute=measure_targets,
    prepare=_prepare,
    draw=_draw,
    size=(9, 3.4),
)

show = explorer.show
