"""Valleys of the map and of longer runs: over λ, and over what may stay in its place."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullLocator, PercentFormatter
from numpy.typing import NDArray

from course_lib import plotting
from course_lib.experiments.adamw.longer import Valley, valley
from course_lib.experiments.adamw.two_knobs import STEPS, LossSurface

TICKS = (0.1, 0.15, 0.2, 0.3, 0.5, 0.9)


def valleys_of(
    name: str, surface: LossSurface, rates: Sequence[float], long: Sequence[float]
) -> dict[str, Valley]:
    """{label: `Valley`} of optimizer `name`: of its map at `rates`, of longer runs at `long`."""
    found = [
        Valley(rate, STEPS, surface.optimizer.decay, surface.error[:, place])
        for rate, place in zip(rates, map(surface.optimizer.lr.index, rates), strict=True)
    ]
    found += [valley(name, rate) for rate in long]
    return {f"lr = {plotting.readable(one.rate)}, {one.steps} steps": one for one in found}


def draw_valleys(coupled: Mapping[str, Valley], decoupled: Mapping[str, Valley]) -> Figure:
    """Mean test errors of Adam + L2 over λ, of AdamW over λ, lr·λ, λ·lr·steps. A dot: lowest.

    coupled, decoupled: {label: `Valley`} of Adam + L2 and of AdamW, the same labels.
    """
    with plotting.style():
        figure = Figure(figsize=(8.2, 6), layout="constrained")
        axes = figure.subplots(2, 2, sharey=True)
        _draw_panel(axes[0, 0], "Adam + L2: over λ", "λ", coupled, lambda one: 1)
        _draw_panel(axes[0, 1], "AdamW: over λ", "λ", decoupled, lambda one: 1)
        _draw_panel(axes[1, 0], "AdamW: over lr·λ", "lr·λ", decoupled, lambda one: one.rate)
        _draw_panel(
            axes[1, 1],
            "AdamW: over the memories in the run",
            "λ·lr·steps",
            decoupled,
            lambda one: one.rate * one.steps,
        )
        for ax in axes[:, 0]:
            ax.set_ylabel("test error")
        lines, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(lines, labels, loc="outside lower center", ncols=3, fontsize=8.5)
    return figure


def _draw_panel(
    ax: Axes,
    title: str,
    xlabel: str,
    valleys: Mapping[str, Valley],
    times: Callable[[Valley], float],
) -> None:
    """Valleys over λ, times what `times` says of each: from a thirtieth of the leftmost dot on."""
    dots = []
    for k, (label, one) in enumerate(valleys.items()):
        color, linestyle = plotting.series(k)
        decay, error, best = _means(one)
        x = decay * times(one)
        ax.plot(x, error, color=color, linestyle=linestyle, label=label)
        ax.plot(x[best], error[best], "o", color=color, markersize=7, zorder=5)
        dots.append(x[best])
    ax.set(
        xscale="log",
        yscale="log",
        xlim=(min(dots) / 30, max(dots) * 10),
        ylim=(0.085, 0.95),
        title=title,
        xlabel=xlabel,
    )
    ax.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    ax.yaxis.set(
        major_locator=FixedLocator(TICKS),
        major_formatter=PercentFormatter(1, decimals=0),
        minor_locator=NullLocator(),
    )


def _means(one: Valley) -> tuple[NDArray, NDArray, int]:
    """λ, mean test errors and the place of the lowest; where a seed diverged is none."""
    error = plotting.array(one.error)
    known = np.isfinite(error).all(0)
    means = error[:, known].mean(0)
    return np.array(one.decay)[known], means, int(means.argmin())


def show_valleys(
    trained: Mapping[str, LossSurface], rates: Sequence[float], long: Sequence[float]
) -> None:
    """Show `draw_valleys` in a notebook, with words for who cannot see it.

    trained: the maps of Adam + L2 and of AdamW, by name. rates: of their columns; long: of those
    with 3000 steps.
    """
    valleys = {name: valleys_of(name, surface, rates, long) for name, surface in trained.items()}
    said = []
    for name, found in valleys.items():
        for label, one in found.items():
            decay, _, best = _means(one)
            memories = f"{decay[best] * one.rate * one.steps:.2g} memories"
            said.append(f"{name}, {label}: the valley lies at λ = {decay[best]:g}, {memories}")
    plotting.show_with_words(draw_valleys(*valleys.values()), "; ".join(said) + ".")
