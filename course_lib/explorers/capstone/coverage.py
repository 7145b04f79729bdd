"""Worlds in which the truth is known: which intervals of repeated divisions hold it?"""

from collections.abc import Sequence

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.statistics import Interval

_PARTS = ("low", "mean", "high")


def picture(worlds: Sequence[tuple[Interval, Interval]], truth: float = 0.9) -> Figure:
    """A line for each world: its naive interval, left, and its corrected one, right, in percent.

    Where an interval misses the truth, it has a cross for its mean and another colour.
    """
    figure = Figure(figsize=(8.2, 3.8), layout="constrained")
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    for ax, name, found in zip(
        axes, ("Naive", "Corrected"), zip(*worlds, strict=True), strict=True
    ):
        looks = (("o", 0, "holds the truth"), ("x", 1, "misses it"))
        for (mark, k, label), missed in zip(looks, (False, True), strict=True):
            color, _ = plotting.series(k)
            here = [(y, one) for y, one in enumerate(found, 1) if one.excludes(truth) == missed]
            y = [y for y, _ in here]
            low, mean, high = ([100 * getattr(one, at) for _, one in here] for at in _PARTS)
            ax.hlines(y, low, high, color=color, linewidth=2)
            ax.plot(mean, y, mark, color=color, markersize=5, label=f"{label}: {len(here)}")
        ax.axvline(100 * truth, color=plotting.ink(), linestyle=":", linewidth=1.2)
        ax.set(title=name, xlabel="accuracy, % (dotted: the truth)")
        ax.legend(loc="upper left", bbox_to_anchor=(0, -0.2), ncols=2)
    axes[0].set(
        ylabel="world", ylim=(len(worlds) + 0.7, 0.3), yticks=[1, *range(5, len(worlds) + 1, 5)]
    )
    return figure
