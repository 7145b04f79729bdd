"""Valleys of the map and of longer runs: over λ, for both optimizers, and over the memories."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullLocator, PercentFormatter
from numpy.typing import NDArray

from course_lib import plotting
from course_lib.experiments.adamw.longer import Valley, valley
from course_lib.experiments.adamw.two_knobs import STEPS, LossSurface

TICKS = (0.1, 0.15, 0.2, 0.3, 0.5, 0.9)


def valleys_of(name: str, surface: LossSurface, rates: Sequence[float], long: Sequence[float]):
    """{label: `Valley`} of optimizer `name`: of its map at `rates`, of longer runs at `long`."""
    found = [
        Valley(rate, STEPS, surface.optimizer.decay, surface.error[:, place])
        for rate, place in zip(rates, map(surface.optimizer.lr.index, rates), strict=True)
    ]
    found += [valley(name, rate) for rate in long]
    return {f"lr = {plotting.readable(one.rate)}, {one.steps} steps": one for one in found}


def draw_valleys(valleys: Mapping[str, Mapping[str, Valley]]) -> Figure:
    """Mean test errors over λ, a panel each; the last ones also over λ·lr·steps. A dot: lowest.

    valleys: {optimizer: {label: `Valley`}}, the same labels for each.
    """
    with plotting.style():
        figure = Figure(figsize=(8.2, 3.9), layout="constrained")
        axes = figure.subplots(1, len(valleys) + 1, sharey=True)
        last = list(valleys)[-1]
        for ax, name in zip(axes, [*valleys, last], strict=True):
            memories = ax is axes[-1]
            for k, (label, one) in enumerate(valleys[name].items()):
                color, linestyle = plotting.series(k)
                decay, error, best = _means(one)
                x = decay * one.rate * one.steps if memories else decay
                ax.plot(x, error, color=color, linestyle=linestyle, label=label if memories else "")
                ax.plot(x[best], error[best], "o", color=color, markersize=7, zorder=5)
            decays = np.concatenate([one.decay for one in valleys[name].values()])
            xlim = (0.1, 100) if memories else (10 * decays.min(), decays.max())
            ax.set(
                xscale="log",
                yscale="log",
                xlim=xlim,
                ylim=(0.09, 0.95),
                title=f"{name}, over {'memories' if memories else 'λ'}",
                xlabel="λ·lr·steps" if memories else "λ",
            )
            ax.xaxis.set_major_formatter(FormatStrFormatter("%g"))
            ax.yaxis.set(
                major_locator=FixedLocator(TICKS),
                major_formatter=PercentFormatter(1, decimals=0),
                minor_locator=NullLocator(),
            )
        axes[0].set_ylabel("test error")
        figure.legend(loc="outside lower center", ncols=3, fontsize=8.5)
    return figure


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

    trained: the maps by name. rates: of their columns; long: of those with 3000 steps.
    """
    valleys = {name: valleys_of(name, surface, rates, long) for name, surface in trained.items()}
    said = []
    for name, found in valleys.items():
        for label, one in found.items():
            decay, _, best = _means(one)
            memories = f"{decay[best] * one.rate * one.steps:.2g} memories"
            said.append(f"{name}, {label}: the valley lies at λ = {decay[best]:g}, {memories}")
    plotting.show_with_words(draw_valleys(valleys), "; ".join(said) + ".")
