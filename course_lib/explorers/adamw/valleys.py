"""Valleys of the map and of longer runs, over λ."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullLocator, PercentFormatter
from numpy.typing import NDArray

from course_lib import plotting
from course_lib.experiments.adamw.longer import Valley, valley
from course_lib.experiments.adamw.two_knobs import STEPS, LossSurface

TICKS = (0.1, 0.15, 0.2, 0.3)
MARKERS = "osD^v"  # of the rates, rising


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
    """Mean test errors of Adam + L2 and of AdamW over λ, with a marker at the lowest.

    coupled, decoupled: {label: `Valley`} of Adam + L2 and of AdamW, the same labels.
    """
    with plotting.style():
        figure = Figure(figsize=(8.2, 3.6), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        _draw_panel(axes[0], "Adam + L2", coupled)
        _draw_panel(axes[1], "AdamW", decoupled)
        axes[0].set_ylabel("test error")
        lines, labels = axes[0].get_legend_handles_labels()
        figure.legend(lines, labels, loc="outside lower center", ncols=3, fontsize=8.5)
    return figure


def _draw_panel(ax: Axes, title: str, valleys: Mapping[str, Valley]) -> None:
    """Valleys from a thirtieth of the leftmost marker on; longer runs dashed, their markers open.

    Colour and marker tell the rate.
    """
    rates, lowest = sorted({one.rate for one in valleys.values()}), []
    for label, one in valleys.items():
        k, long = rates.index(one.rate), one.steps > STEPS
        decay, error, best = _means(one)
        ax.plot(
            decay,
            error,
            color=plotting.series(k)[0],
            linestyle="--" if long else "-",
            marker=MARKERS[k],
            markevery=[best],
            markersize=11 if long else 7,
            markeredgewidth=1.8,
            fillstyle="none" if long else "full",
            label=label,
        )
        lowest.append(decay[best])
    ax.set(
        xscale="log",
        yscale="log",
        xlim=(min(lowest) / 30, max(lowest) * 5),
        ylim=(0.085, 0.42),
        title=title,
        xlabel="λ",
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
            said.append(f"{name}, {label}: the valley lies at λ = {decay[best]:g}")
    plotting.show_with_words(draw_valleys(*valleys.values()), "; ".join(said) + ".")
