"""Valleys of the map at some rates, side by side: over λ, and over the memories in the run."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullLocator, PercentFormatter
from numpy.typing import NDArray

from course_lib import plotting
from course_lib.experiments.adamw.two_knobs import STEPS, LossSurface

TICKS = (0.1, 0.15, 0.2, 0.3, 0.5, 0.9)


def draw_valleys(surface: LossSurface, rates: Sequence[float], steps: int = STEPS) -> Figure:
    """Test error at some rates of a map, over λ, left, and over λ·lr·steps, right; a dot: lowest.

    Means over the seeds with their 95 % intervals.
    """
    with plotting.style():
        figure = Figure(figsize=(8.2, 3.7), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        left.set(title="Over λ", xlabel="λ", ylabel="test error", xlim=(0.01, 10))
        right.set(title="Over the memories in the run", xlabel="λ·lr·steps", xlim=(0.1, 100))
        for k, rate in enumerate(rates):
            decay, error, best = _valley(surface, rate)
            for ax, x in ((left, decay), (right, decay * rate * steps)):
                label = f"lr = {plotting.readable(rate)}" if ax is left else None
                line, _ = plotting.draw_band(ax, x, error, label, k)
                low = error[:, best].mean()
                ax.plot(x[best], low, "o", color=line.get_color(), markersize=7, zorder=5)
        for ax in (left, right):
            ax.set(xscale="log", yscale="log", ylim=(0.09, 0.95))
            ax.xaxis.set_major_formatter(FormatStrFormatter("%g"))
            ax.yaxis.set(
                major_locator=FixedLocator(TICKS),
                major_formatter=PercentFormatter(1, decimals=0),
                minor_locator=NullLocator(),
            )
        figure.legend(loc="outside lower center", ncols=len(rates), fontsize=9)
    return figure


def _valley(surface: LossSurface, rate: float) -> tuple[NDArray, NDArray, int]:
    """λ, test errors [seeds, λ] and the place of the lowest mean; where a seed diverged is none."""
    error = plotting.array(surface.error[:, surface.optimizer.lr.index(rate)])
    known = np.isfinite(error).all(0)
    error = error[:, known]
    return np.array(surface.optimizer.decay)[known], error, int(error.mean(0).argmin())


def show_valleys(surface: LossSurface, rates: Sequence[float], steps: int = STEPS) -> None:
    """Show `draw_valleys` in a notebook, with words for who cannot see it."""
    said = []
    for rate in rates:
        decay, _, best = _valley(surface, rate)
        memories = f"{decay[best] * rate * steps:.2g} memories"
        said.append(f"at lr = {rate:g} the valley lies at λ = {decay[best]:g}, {memories}")
    plotting.show_with_words(draw_valleys(surface, rates, steps), "; ".join(said) + ".")
