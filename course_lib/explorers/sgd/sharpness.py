"""Sharpness and accuracy against batch size; the learning rate can be moved."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.sgd.batch_size import (
    BATCH_SIZES,
    LRS,
    ROWS,
    BatchSizes,
    compare_batch_sizes,
)
from course_lib.panel import Explorer, Slider
from course_lib.statistics import mean_interval

PANELS = {
    "sharpness": "sharpness λmax",
    "accuracy": f"test accuracy, points above batches of {BATCH_SIZES[0]}",
}


def _prepare(figure):
    """Two figures against the batch size, a dot a seed; accuracy seed by seed against the first."""
    places = range(len(BATCH_SIZES))
    marks = {}
    for ax, (name, label) in zip(figure.subplots(1, 2), PANELS.items()):
        ax.set(xlabel="batch size", title=label, xlim=(-0.5, len(places) - 0.5))
        ax.set_xticks(places, [*map(str, BATCH_SIZES[:-1]), f"{ROWS} (all)"])
        style = {"marker": ".", "markersize": 7, "linestyle": "none", "zorder": 5}
        marks[f"{name} seeds"] = ax.plot([], [], color=plotting.muted(), label="a seed", **style)
        marks[name] = plotting.draw_band(ax, [], np.empty((0, 0)), label="mean, 95 % band")
        if name == "sharpness":
            color, _ = plotting.series(1)
            marks["edge"] = [ax.axhline(np.nan, color=color, linestyle=":", label="2/lr")]
            ax.set(ylim=(0, 3))
            ax.legend(loc="upper left", fontsize=8)
        else:
            ax.axhline(0, color=plotting.ink(), linewidth=0.8, linestyle="-")
            ax.set(ylim=(-2, 3))
    return marks


def _draw(marks, result, lr):
    """Move the marks to a `BatchSizes` at one of its learning rates."""
    v = result.lrs.index(lr)
    marks["edge"][0].set_ydata([2 / lr] * 2)
    for name in PANELS:
        values = getattr(result, name)[:, :, v]
        if name == "accuracy":
            values = 100 * (values - values[:, :1])
        x = torch.arange(values.shape[1]).expand_as(values).flatten()
        marks[f"{name} seeds"][0].set_data(x, values.flatten())
        plotting.move_band(marks[name], range(values.shape[1]), values)
    return _say(result, v, lr)


def _say(result, v, lr):
    values = result.sharpness[:, :, v]
    reached = values.isfinite().all(1)
    if result.progress < 1:
        return (
            f"Training each batch size at {len(result.lrs)} learning rates: {result.progress:.0%}."
        )
    at = f"Learning rate {lr:g}, training loss {result.target:g}"
    if reached.sum() < 2:
        return f"{at}: fewer than two seeds came down to this loss with every batch size."
    means = ", ".join(
        f"{mean_interval(values[reached, b]).mean:.2f}" for b in range(len(result.batch_sizes))
    )
    sizes = ", ".join(map(str, result.batch_sizes))
    return f"{at}, {int(reached.sum())} seeds: mean sharpness {means} for batches of {sizes}."


def picture(found: BatchSizes, lrs: Sequence[float]) -> Figure:
    """The sharpness at some of the learning rates side by side, below the bound of each."""
    figure = Figure(figsize=(8.2, 3.3), layout="constrained")
    places = range(len(found.batch_sizes))
    color, _ = plotting.series(1)
    for ax, lr in zip(figure.subplots(1, len(lrs), sharey=True, squeeze=False)[0], lrs):
        values = found.sharpness[:, :, found.lrs.index(lr)]
        x = torch.arange(values.shape[1]).expand_as(values).flatten()
        dot = {"marker": ".", "markersize": 7, "linestyle": "none", "zorder": 5}
        ax.plot(x, values.flatten(), color=plotting.muted(), label="a seed", **dot)
        plotting.draw_band(ax, places, values, label="mean, 95 % band")
        ax.axhline(2 / lr, color=color, linestyle=":", label="2/η")
        ax.set_xticks(places, [*map(str, found.batch_sizes[:-1]), f"{found.batch_sizes[-1]} (all)"])
        ax.set(title=f"rate {lr:g}", xlabel="batch size", xlim=(-0.5, len(places) - 0.5))
    left = figure.axes[0]
    left.set(ylim=(0, 2.5), ylabel="sharpness $\\lambda_{\\max}$")
    left.legend(loc="lower right", fontsize=8)
    return figure


explorer = Explorer(
    title="Sharpness and accuracy against batch size, digits",
    controls={"lr": Slider("learning rate", values=LRS, default=LRS[0], trained=True)},
    frozen={"lr": 3},
    compute=compare_batch_sizes,
    prepare=_prepare,
    draw=_draw,
    quick={"seeds": (0, 1), "target": 0.05, "steps": 200},
)

show = explorer.show
