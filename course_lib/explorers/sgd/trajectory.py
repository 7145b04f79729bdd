"""A path of minibatch SGD through a bowl: rate, momentum, batch size and condition can be moved."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from course_lib import plotting
from course_lib.experiments.sgd.bowl import (
    GOAL,
    ROWS,
    START,
    STEPS,
    bowl,
    examples,
    excess_loss,
    stability_bound,
    walk,
)
from course_lib.experiments.shared.surfaces import diverged_at, ellipse
from course_lib.explorers.update import chosen
from course_lib.panel import Explorer, Seen, Slider
from course_lib.sgd import sgd_update

PATH = "path, from ring to square"
LEVELS = (0.003, 0.03, 0.12, 0.35, 0.8, 1.5, 2.5, 4.0, 6.0)


@dataclass
class Trajectory:
    """One path [steps + 1, 2] and its loss above the minimum [steps + 1]."""

    path: Tensor
    loss: Tensor
    hessian: Tensor
    lr: float
    momentum: float
    batch_size: int
    bound: float | None  # highest stable learning rate; None for a function that is not ours
    diverged: int | None
    note: str


def _compute(lr, momentum, batch_size, condition, start1=START[0], start2=START[1], update=None):
    """A `Trajectory`; the learner's own `update` replaces ours where its keywords fit."""
    run, note = chosen(update, sgd_update, "lr", "momentum")
    hessian = bowl(condition)
    start = start1, start2
    path = walk(run, hessian, batch_size, start=start, lr=lr, momentum=momentum)
    loss = excess_loss(path, hessian)
    bound = stability_bound(momentum) if run is sgd_update else None
    return Trajectory(path, loss, hessian, lr, momentum, batch_size, bound, diverged_at(loss), note)


def _prepare(figure):
    """Left the bowl with the path and the examples, right the loss."""
    left, right = figure.subplots(1, 2, width_ratios=[1.1, 1])
    left.set_title("The path")
    marks = draw_bowl(left)
    marks["path"] = plotting.draw_path(left, np.empty((0, 2)), label=PATH)
    handles, labels = left.get_legend_handles_labels()
    right.set(
        title="Loss above the minimum", xlabel="step", ylabel="loss − lowest loss", yscale="log"
    )
    right.set(xlim=(0, STEPS), ylim=(1e-9, 1e4))
    right.legend(handles, labels, loc="upper right", fontsize=8)  # here it hides no path
    marks["loss"] = right.plot([], [], color=plotting.series(0)[0], linestyle="-")
    marks["diverged"] = plotting.draw_divergence(right)
    return marks


def draw_bowl(ax: Axes, dots: bool = True) -> dict[str, plotting.Marks]:
    """The plane of the weights: the goal, room for the ellipses, and what each example wants.

    dots: False leaves out the examples.
    """
    ax.set(xlim=(-2.2, 3.0), ylim=(-1.5, 2.6), xlabel="$w_1$")
    ax.set_ylabel("$w_2$", rotation=0)
    ax.grid(False)
    line: dict[str, Any] = {"linewidth": 0.8, "linestyle": "-", "alpha": 0.8}
    dot: dict[str, Any] = {"marker": ".", "markersize": 5, "linestyle": "none", "alpha": 0.6}
    marks: dict[str, plotting.Marks] = {
        f"level {i}": [*ax.plot([], [], color=plotting.muted(), **line)] for i in range(len(LEVELS))
    }
    marks["level 0"][0].set_label("equal mean loss")
    if dots:
        ax.plot(*examples().T, color=plotting.series(1)[0], label="what one example wants", **dot)
    (goal,) = ax.plot(
        *GOAL,
        marker="*",
        markersize=12,
        color=plotting.ink(),
        linestyle="none",
        label="lowest mean loss",
        zorder=6,  # drawn with what moves, on top of the path that ends there
    )
    marks["goal"] = [goal]
    return marks


def move_bowl(marks: dict[str, plotting.Marks], result: Trajectory) -> None:
    """The ellipses of a `Trajectory`'s bowl, in the artists of `draw_bowl`."""
    around = ellipse(result.hessian)
    for i, level in enumerate(LEVELS):
        marks[f"level {i}"][0].set_data(*(GOAL + math.sqrt(level) * around).T)


def _draw(marks, result):
    """Move the marks to a `Trajectory`; a diverged path is drawn to its last good step."""
    move_bowl(marks, result)
    plotting.move_path(marks["path"], result.path[: result.diverged])
    loss = result.loss[: result.diverged]
    marks["loss"][0].set_data(range(len(loss)), loss.clamp(min=1e-12))
    plotting.move_divergence(marks["diverged"], result.diverged)
    ax, start = marks["path"][0].axes, result.path[0].tolist()
    return Seen(_say(result) + result.note, handles=[(("start1", "start2"), ax, *start)])


def _say(result):
    lr, bound = result.lr, result.bound
    formula = "2/λmax" if result.momentum == 0 else "2(1 + μ)/λmax"
    above = f"{lr:.3g} is above the bound {formula} = {bound:.3g}" if bound else ""
    if result.diverged is not None:
        why = f": the learning rate {above}" if bound else ""
        return f"Diverged at step {result.diverged}{why}."
    if bound and lr > bound:
        return f"Unstable: {above}, and the path is growing."
    if bound and lr == bound:
        return f"On the edge: {lr:.3g} is the bound {formula} itself, and the path never settles."
    size, left = result.batch_size, above_minimum(loss_at_end(result))
    if size == ROWS:
        return f"All {ROWS} examples in each step: after {STEPS} steps the loss is {left}."
    many = f"Batches of {size} example{'s' * (size > 1)}"
    return f"{many}: over the last 20 steps the loss is {left} on average."


def loss_at_end(result: Trajectory) -> float:
    """The loss above its minimum in the end; of a run that hovers the mean of its last 20 steps."""
    last = 1 if result.batch_size == ROWS else 20
    return result.loss[-last:].mean().item()


def above_minimum(loss: float) -> str:
    """How far above its minimum a loss is, in words."""
    return f"{f'{loss:.2g}' if loss >= 1e-9 else 'less than 1e-9'} above its minimum"


explorer = Explorer(
    title="One path through a bowl",
    controls={
        "lr": Slider("learning rate", 0.01, 3.0, 0.3, log=True, step=0.05),
        "momentum": Slider("momentum μ", 0.0, 0.95, 0.0, step=0.05),
        "batch_size": Slider("batch size", values=(1, 2, 4, 8, 16, 32, 64), default=64),
        "condition": Slider("condition number λmax/λmin (λmax = 2)", 1.0, 100.0, 10.0, log=True),
        "start1": Slider("start w₁", -2.2, 3.0, START[0], step=0.1, in_picture=True),
        "start2": Slider("start w₂", -1.5, 2.6, START[1], step=0.1, in_picture=True),
    },
    frozen={
        "lr": (0.3, 0.9, 1.1),
        "momentum": (0.0, 0.9),
        "batch_size": (1, 8, 64),
        "condition": (10.0, 100.0),
    },
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
)

show = explorer.show
