"""One label pushed up by 1: how far does a polynomial follow it at its place?"""

import torch
from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.overfitting.bias_variance import GRID, fit_polynomial, training_set

DEGREES, ROWS, NOISE = (0, 3, 12), 20, 0.3
PUSHED = 9  # a point in the middle


def shares(degree: int) -> torch.Tensor:
    """How far the fit rises at each of the 20 places if its label there is pushed up by 1, [rows].

    For least squares these are the diagonal of the hat matrix; their sum is `degree` + 1.
    """
    split = training_set(0, ROWS, NOISE)
    x, y = split.train_x.T.expand(ROWS, -1), split.train_y.T.expand(ROWS, -1)
    (before,), (after,) = (
        fit_polynomial(x, labels, degree, (x,)) for labels in (y, y + torch.eye(ROWS))
    )
    return (after - before).diagonal()


def picture() -> Figure:
    """The twenty points, the fits before and after one label is pushed up, for three degrees."""
    figure = Figure(figsize=(8.2, 3.1), layout="constrained")
    split = training_set(0, ROWS, NOISE)
    x, y = split.train_x.T, split.train_y.T
    pushed = y.clone()
    pushed[0, PUSHED] += 1
    (old, old_line), (new, new_line) = plotting.series(0), plotting.series(1)
    for ax, degree in zip(figure.subplots(1, len(DEGREES), sharey=True), DEGREES):
        share = shares(degree)
        (before,), (after,) = (fit_polynomial(x, at, degree, (GRID[None],)) for at in (y, pushed))
        ax.set(title=f"{degree + 1} coefficient{'s' if degree else ''}", ylim=(-2, 2), xlabel="x")
        ax.plot(x[0], y[0], "o", color=plotting.muted(), markersize=4)
        at = x[0, PUSHED].item()
        start, end = y[0, PUSHED].item(), pushed[0, PUSHED].item()
        ax.annotate("", (at, end), (at, start), arrowprops={"arrowstyle": "->", "color": new})
        ax.plot([at], [end], "o", color=new, markersize=5)
        ax.plot(GRID, before[0], old_line, color=old, label="before")
        ax.plot(GRID, after[0], new_line, color=new, label="after")
        ax.text(
            0.5,
            0.03,
            f"follows by {share[PUSHED]:.2f}\nmean of the places {share.sum():.0f}/{ROWS}",
            transform=ax.transAxes,
            ha="center",
            fontsize=9,
        )
    figure.axes[0].legend(loc="upper left")
    figure.axes[0].set_ylabel("y")
    return figure
