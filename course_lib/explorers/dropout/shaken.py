"""Four thinned networks on the bowl of the squared error: why shaking costs, and how much."""

import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import plotting
from course_lib.dropout import dropout
from course_lib.experiments.dropout import masks

X, W, TARGET, P = (3.0, 1.0), (1.0, 2.0), 7.0, 0.5
KEPT = ("none", "the second", "the first", "both")  # in the order of `masks.all_masks`
PLACES = ((0.5, 0, "left"), (-0.4, 0, "right"), (0, -4, "center"), (0.4, 0, "left"))  # of words


def predictions() -> tuple[Tensor, float]:
    """What the four thinned networks predict for X [4], and what the whole one does."""
    x, w = (torch.tensor(part, dtype=torch.float64) for part in (X, W))
    whole = dropout(x, P, training=False) @ w
    return (masks.all_masks(len(X)) * x / (1 - P)) @ w, whole.item()


def errors() -> tuple[Tensor, float, float]:
    """The squared errors of the four [4], their mean, and that of the whole network."""
    thinned, whole = predictions()
    heights = (thinned - TARGET) ** 2
    return heights, heights.mean().item(), (whole - TARGET) ** 2


def picture() -> Figure:
    """The bowl, the four points on it, their mean height, and the whole network's below it."""
    (thinned, whole), (heights, mean, low) = predictions(), errors()
    figure = Figure(figsize=(6.6, 3.6), layout="constrained")
    ax = figure.subplots()
    ink, (color, _) = plotting.ink(), plotting.series(0)
    grid = torch.linspace(-1, 15, 161)
    ax.plot(grid, (grid - TARGET) ** 2, color=plotting.muted(), linestyle="-", linewidth=1.2)
    label = "the four thinned networks"
    ax.plot(thinned, heights, "o", color=color, markersize=9, label=label)
    for name, x, y, (side, up, align) in zip(
        KEPT, thinned.tolist(), heights.tolist(), PLACES, strict=True
    ):
        ax.text(x + side, y + up, f"{name} kept: {y:.0f}", ha=align, va="center", fontsize=9)
    ax.plot([0, 10], [mean, mean], color=color, linestyle="--", label=f"their mean error: {mean:g}")
    (second, _) = plotting.series(1)
    label = f"masks off: {low:g}"
    ax.plot(whole, low, "s", color=second, markersize=9, label=label)
    arrow = {"arrowstyle": "<->", "color": ink, "shrinkA": 4, "shrinkB": 0}
    ax.annotate("", (whole, mean), (whole, low), arrowprops=arrow)
    ax.text(whole + 0.25, (mean + low) / 2 + 1, f"what the masks\nadd: {mean - low:g}", va="center")
    ax.set(xlabel="prediction", ylabel="squared error", xlim=(-1, 14), ylim=(-7, 56))
    ax.set_xticks([*range(0, 15, 2)])
    ax.legend(loc="upper right")
    return figure


def show_shaken() -> None:
    """Show the picture, with words for who cannot see it."""
    (thinned, whole), (heights, mean, low) = predictions(), errors()
    points = ", ".join(
        f"{name} kept {x:g} (error {height:g})"
        for name, x, height in zip(KEPT, thinned.tolist(), heights.tolist())
    )
    words = (
        f"A bowl, the squared error against the prediction, lowest at {TARGET:g}. On it the "
        f"thinned networks: {points}; their mean error is {mean:g}. The whole "
        f"network predicts {whole:g} and errs by {low:g}."
    )
    plotting.show_with_words(picture(), words)
