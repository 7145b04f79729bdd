"""Trajectory: examples that pull different ways."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from course_lib import plotting
from course_lib.experiments.shared.gradient_noise import batches
from course_lib.experiments.shared.surfaces import diverged_at
from course_lib.explorers.sgd.update import note_on
from course_lib.panel import Explorer, Slider
from course_lib.sgd import sgd_update

STEEPEST = 2.0  # the largest curvature of the bowl, whatever its condition number
ROWS, STEPS, ANGLE = 64, 120, math.radians(-30)
GOAL, START = torch.tensor([1.0, 0.5], dtype=torch.float64), (-1.6, 1.9)
LEVELS = (0.003, 0.03, 0.12, 0.35, 0.8, 1.5, 2.5, 4.0, 6.0)


@dataclass
class Trajectory:
    """One path [steps + 1, 2] and its loss above the minimum [steps + 1]."""

    path: torch.Tensor
    loss: torch.Tensor
    hessian: torch.Tensor
    numbers: dict
    bound: float | None  # highest stable learning rate; None for a function that is not ours
    diverged: int | None
    note: str


def examples(rows=ROWS):
    """Where each example would have the weights, [rows, 2]: their mean is the goal, their spread
    0.6 each way.
    """
    draws = torch.randn(rows, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    draws = draws - draws.mean(0)
    return GOAL + 0.6 * draws @ torch.linalg.inv(torch.linalg.cholesky(draws.T @ draws / rows)).T


def bowl(condition):
    """Hessian [2, 2] with curvatures 2 and 2/`condition`, its steep axis turned by 60° from the
    first coordinate.
    """
    c, s = math.cos(ANGLE), math.sin(ANGLE)
    turn = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    return (
        turn
        @ torch.diag(torch.tensor([STEEPEST / condition, STEEPEST], dtype=torch.float64))
        @ turn.T
    )


def walk(update, hessian, batch_size, steps=STEPS, seed=0, **options):
    """The path [steps + 1, 2] over shuffled batches: example i has the loss ½(w − cᵢ)ᵀH(w − cᵢ)."""
    w, state, path, centres = torch.tensor(START, dtype=torch.float64), {}, [], examples()
    order = batches(ROWS, batch_size, generator=torch.Generator().manual_seed(seed))
    for _ in range(steps):
        path.append(w.clone())
        update(w, hessian @ (w - centres[next(order)].mean(0)), state, **options)
    return torch.stack([*path, w])


def compute(lr, momentum, batch_size, condition, update=None):
    """One path as a `Trajectory`; the learner's own `update` replaces ours where its keywords
    fit.
    """
    run, note = note_on(update, "lr", "momentum")
    hessian = bowl(condition)
    path = walk(run, hessian, batch_size, lr=lr, momentum=momentum)
    loss = ((path - GOAL) @ hessian * (path - GOAL)).sum(1) / 2
    bound = 2 * (1 + momentum) / STEEPEST if run is sgd_update else None
    numbers = {"lr": lr, "momentum": momentum, "batch_size": batch_size}
    return Trajectory(path, loss, hessian, numbers, bound, diverged_at(loss), note)


def prepare(figure):
    """Left the bowl with the path and the examples, right the loss; returns the marks that move."""
    left, right = figure.subplots(1, 2, width_ratios=[1.1, 1])
    left.set(xlim=(-2.2, 3.0), ylim=(-1.5, 2.6), title="The path", xlabel="$w_1$")
    left.set_ylabel("$w_2$", rotation=0)
    left.grid(False)
    marks = {
        f"level {i}": left.plot(
            [], [], color=plotting.muted(), linewidth=0.8, linestyle="-", alpha=0.8
        )
        for i in range(len(LEVELS))
    }
    style = {"marker": ".", "markersize": 5, "linestyle": "none", "alpha": 0.6}
    left.plot(*examples().T, color=plotting.series(1)[0], label="what one example wants", **style)
    left.plot(
        *GOAL,
        marker="*",
        markersize=12,
        color=plotting.ink(),
        linestyle="none",
        label="lowest mean loss",
    )
    marks["path"] = plotting.draw_path(left, np.empty((0, 2)), label="path")
    left.legend(loc="upper right", fontsize=8, ncols=1)
    right.set(
        title="Loss above the minimum", xlabel="step", ylabel="loss − lowest loss", yscale="log"
    )
    right.set(xlim=(0, STEPS), ylim=(1e-9, 1e4))
    marks["loss"] = right.plot([], [], color=plotting.series(0)[0], linestyle="-")
    marks["diverged"] = plotting.draw_divergence(right)
    return marks


def draw(marks, result):
    """Move the marks to a `Trajectory`; a diverged path is drawn to its last good step."""
    vectors = torch.linalg.eigh(result.hessian)
    circle = torch.linspace(0, 2 * math.pi, 120, dtype=torch.float64)
    circle = torch.stack([circle.cos(), circle.sin()])
    for i, level in enumerate(LEVELS):  # ½uᵀHu = level: axes √(2·level/h) along the eigenvectors
        ellipse = vectors.eigenvectors @ (
            (2 * level / vectors.eigenvalues).sqrt()[:, None] * circle
        )
        marks[f"level {i}"][0].set_data(*(GOAL[:, None] + ellipse))
    plotting.move_path(marks["path"], result.path[: result.diverged])
    loss = result.loss[: result.diverged]
    marks["loss"][0].set_data(range(len(loss)), loss.clamp(min=1e-12))
    plotting.move_divergence(marks["diverged"], result.diverged)
    return _say(result)


def _say(result):
    lr, momentum, bound = result.numbers["lr"], result.numbers["momentum"], result.bound
    formula = "2/λmax" if momentum == 0 else "2(1 + μ)/λmax"
    if result.diverged is not None:
        why = (
            f": the learning rate {lr:.3g} is above the bound {formula} = {bound:.3g}"
            if bound
            else ""
        )
        return f"Diverged at step {result.diverged}{why}.{result.note}"
    if bound and lr > bound:
        return f"Unstable: {lr:.3g} is above the bound {formula} = {bound:.3g}, and the path is growing.{result.note}"
    if bound and lr == bound:
        return f"On the edge: {lr:.3g} is the bound {formula} itself, and the path never settles.{result.note}"
    size = result.numbers["batch_size"]
    if size == ROWS:
        return f"All {ROWS} examples in each step: after {STEPS} steps {_above(result.loss[-1].item())}.{result.note}"
    plural, last = "s" if size > 1 else "", result.loss[-20:].mean().item()
    return f"Batches of {size} example{plural}: over the last 20 steps {_above(last)} on average.{result.note}"


def _above(loss):
    return f"the loss is {f'{loss:.2g}' if loss >= 1e-9 else 'less than 1e-9'} above its minimum"


explorer = Explorer(
    title="One path through a bowl",
    controls={
        "lr": Slider("learning rate", 0.01, 3.0, 0.3, log=True, step=0.05),
        "momentum": Slider("momentum μ", 0.0, 0.95, 0.0, step=0.05),
        "batch_size": Slider("batch size", values=(1, 2, 4, 8, 16, 32, 64), default=4),
        "condition": Slider("condition number λmax/λmin (λmax = 2)", 1.0, 100.0, 10.0, log=True),
    },
    compute=compute,
    prepare=prepare,
    draw=draw,
)

show = explorer.show
