"""Why flat may be better, and why noise may prefer it: a flat valley beside a steep one.

On new data the whole surface lies a little aside; and of two examples each has its own bottom.
"""

import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import plotting
from course_lib.base.random import seeded

CURVATURES = {"flat": 0.2, "steep": 2.0}
SHIFT = 1.0  # of new data; and how far from the middle each of the two examples has its bottom
LR, STEPS = 0.4, 100


def picture() -> Figure:
    """A flat and a steep parabola ½hw², each with its copy shifted by `SHIFT`, and what that costs.

    What is trained rests at w = 0; there the copy's loss is ½h·SHIFT².
    """
    figure = Figure(figsize=(8.2, 2.9), layout="constrained")
    w = torch.linspace(-2, 3, 101)
    for ax, (name, h) in zip(figure.subplots(1, 2, sharey=True), CURVATURES.items()):
        cost = h / 2 * SHIFT**2
        title = f"A {name} valley, h = {h:g}: the shift costs {cost:g}"
        ax.set(title=title, xlabel="$w$", ylim=(0, 2))
        for k, (shift, surface) in enumerate(((0.0, "training data"), (SHIFT, "new data"))):
            color, dashes = plotting.series(k)
            loss = h / 2 * (w - shift) ** 2
            ax.plot(w, loss, color=color, linestyle=dashes, label=surface)
        line = {"color": plotting.ink(), "marker": "o", "markersize": 4}
        ax.plot([0, 0], [0, cost], label="what it costs", **line)
    left = figure.axes[0]
    left.set_ylabel("loss")
    left.legend(loc="upper right")
    return figure


def hover(curvature: float) -> Tensor:
    """The weight [STEPS + 1] of a run from 0: each step goes down the parabola of one example.

    It is one of two, with bottoms at -SHIFT and SHIFT, drawn by lot.
    """
    bottoms = SHIFT * (2 * torch.randint(2, (STEPS,), generator=seeded(0)) - 1)
    seen = [0.0]
    for bottom in bottoms.tolist():
        seen.append(seen[-1] - LR * curvature * (seen[-1] - bottom))
    return torch.tensor(seen)


def hovering() -> Figure:
    """The runs of `hover` in a flat and in a steep valley: how high noise lifts them.

    Lines: the mean loss of the two examples above its lowest value, ½hw².
    """
    figure = Figure(figsize=(8.2, 2.9), layout="constrained")
    w = torch.linspace(-2, 2, 101)
    (mean, dashes), (wanted, _) = plotting.series(0), plotting.series(1)
    for ax, (name, h) in zip(figure.subplots(1, 2, sharey=True), CURVATURES.items()):
        run = hover(h)
        losses = h / 2 * run**2
        height = losses[1:].mean().item()
        title = f"A {name} valley, h = {h:g}: on average {height:.2g} high"
        ax.set(title=title, xlabel="$w$", ylim=(-0.06, 2))
        ax.plot(w, h / 2 * w**2, color=mean, linestyle=dashes, label="mean loss above the lowest")
        dot = {"linestyle": "none", "marker": "."}
        ax.plot([-SHIFT, SHIFT], [0, 0], color=wanted, label="what one example wants", **dot)
        ax.plot(run, losses, color=plotting.ink(), alpha=0.5, label="a run, step by step", **dot)
    left = figure.axes[0]
    left.set_ylabel("loss")
    left.legend(loc="upper center")
    return figure
