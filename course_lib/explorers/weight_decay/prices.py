"""Where a weight rests on the parabola under Adam with √v̂ held still, against √v̂."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.weight_decay.parabola import PULLS, rest_on_parabola

STRENGTH, MARKED = 0.5, (0.1, 10.0)  # λ; the √v̂ that are marked


def rest(pull: str, size: float) -> float:
    """1/(1 + λ) for L2, 1/(1 + λ√v̂) for decay: it rests as L2 would with the price λ√v̂."""
    price = STRENGTH * (1.0 if pull == "l2" else size)
    return rest_on_parabola("l2", price, 0.0)


def picture() -> Figure:
    """Both rests from √v̂ = 0.01 to 100, two of decay's with their numbers."""
    figure = Figure(figsize=(6.4, 2.9), layout="constrained")
    ax, sizes = figure.subplots(), np.logspace(-2, 2, 100)
    for k, (pull, name) in enumerate(PULLS.items()):
        color, linestyle = plotting.series(k)
        rests = [rest(pull, size) for size in sizes]
        ax.plot(sizes, rests, color=color, linestyle=linestyle, label=name)
    for size in MARKED:
        place = rest("weight_decay", size)
        ax.plot([size], [place], "o", color=color)
        ax.annotate(
            f"{place:.3f}", (size, place), xytext=(6, 5), textcoords="offset points", color=color
        )
    color, _ = plotting.series(0)
    ax.annotate(
        f"{rest('l2', 1.0):.3f}",
        (30, rest("l2", 1.0)),
        xytext=(0, 5),
        textcoords="offset points",
        color=color,
    )
    style: dict[str, Any] = {
        "color": plotting.ink(),
        "markersize": 9,
        "fillstyle": "none",
        "linestyle": "none",
    }
    ax.plot([1], [rest("l2", 1.0)], "o", label="√v̂ = 1: one place for both", **style)
    ax.set(
        xscale="log", xlim=(0.01, 100), ylim=(0, 1.12), title=f"λ = {STRENGTH:g}, loss ½(w − 1)²"
    )
    ax.set(xlabel="√v̂, the recent size of the weight's gradients", ylabel="weight at rest")
    ax.legend(loc="lower left")
    return figure


def show_prices() -> None:
    """Show the picture, with words for who cannot see it."""
    said = " and ".join(f"{rest('weight_decay', s):.3f} at √v̂ = {s:g}" for s in MARKED)
    plotting.show_with_words(
        picture(),
        f"L2 rests at {rest('l2', 1.0):.3f} whatever √v̂ is. Decay's place of rest falls from near "
        f"1, where √v̂ is small, to near 0, where it is large: {said}.",
    )
