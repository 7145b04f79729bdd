"""Bias², variance and their sum against the share of a weight that is kept."""

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from course_lib import plotting
from course_lib.experiments.l1_l2.share_kept import best_share, parts

SHARES = torch.linspace(0, 1, 201, dtype=torch.float64)
TOP = 1.6  # of the vertical axis, in units of the variance of least squares


def picture(weights: Sequence[float]) -> Figure:
    """A panel for each true weight, for a variance of 1; the ring marks the best share."""
    figure = Figure(figsize=(8.2, 3.2), layout="constrained")
    axes = figure.subplots(1, len(weights), sharey=True, squeeze=False)[0]
    for ax, weight in zip(axes, weights):
        found = parts(SHARES, weight)
        curves = {"bias²": found.bias2, "variance": found.variance, "their sum": found.total}
        ax.axhline(1, color=plotting.muted(), linestyle=":", linewidth=1.2, label="all is kept")
        for k, (name, values) in enumerate(curves.items()):
            color, style = plotting.series(k)
            width = 2.6 if name == "their sum" else 1.8
            ax.plot(SHARES, values, color=color, linestyle=style, linewidth=width, label=name)
        best = best_share(weight)
        lowest = parts(best, weight).total.item()
        ax.plot([best], [lowest], "o", color=plotting.ink(), markersize=9, fillstyle="none")
        ax.set(title=f"True weight {weight:g}: best is {best:.0%}", xlabel="share kept")
        ax.set(xlim=(0, 1), ylim=(0, TOP))
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[0].set_ylabel("squared error, on average")
    axes[0].legend(loc="upper center", fontsize=8, ncols=2)
    return figure


def words(weights: Sequence[float]) -> str:
    """What the picture shows, for who cannot see it."""
    said = [
        f"True weight {weight:g}: as the share kept falls from 100 %, variance falls from 1 and "
        f"bias² rises from 0; their sum is lowest at {100 * best_share(weight):.0f} %, where it is "
        f"{parts(best_share(weight), weight).total:.2g}."
        for weight in weights
    ]
    return " ".join(said)


def show_shares(*weights: float) -> None:
    """Show the picture for some true weights, with words for who cannot see it."""
    plotting.show_with_words(picture(weights), words(weights))
