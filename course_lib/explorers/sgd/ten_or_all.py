"""Batches of ten against all examples at once: fit, loss on new digits and sharpness, as ratios."""

import math
from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import plotting
from course_lib.engine import Training
from course_lib.experiments.sgd.equal_steps import EqualSteps
from course_lib.experiments.sgd.finished import Finished
from course_lib.statistics import paired_interval

Pair = tuple[Tensor, Tensor]  # of batches of ten and of all, [seeds] each
PANELS = {"fit": "training loss", "new": "loss on new digits", "sharp": "sharpness"}
LIMITS = {"fit": (0.3, 4.5), "new": (0.75, 1.9), "sharp": (0.4, 1.6)}
TICKS = {"fit": (0.5, 1, 2, 4), "new": (0.8, 0.9, 1, 1.1, 1.25, 1.5), "sharp": (0.5, 1)}


def compared(
    steady: Mapping[int, Training],
    shared: Mapping[int, Training],
    own: EqualSteps,
    squared: Finished,
) -> dict[str, dict[str, dict[str, Pair]]]:
    """Network → run → key of `PANELS` → ten and all, seed by seed.

    steady: at a constant rate, that of ten. shared: at the rate of ten, then at that of all.
    """
    losses = {"fit": "train_loss", "new": "test_loss"}
    cross = {
        run: {
            key: (getattr(both[10], name)[:, r, -1], getattr(both[500], name)[:, r, -1])
            for key, name in losses.items()
        }
        for run, both, r in (
            ("constant, rate of ten", steady, 0),
            ("cosine, rate of ten", shared, 0),
            ("cosine, rate of all", shared, 1),
        )
    }
    cross["cosine, own rates"] = {
        key: (getattr(own, name)[10], getattr(own, name)[500]) for key, name in losses.items()
    }
    rates = {
        "cosine, rate of ten": squared.best[10],
        "cosine, rate of all": squared.best[300],
        "cosine, own rates": None,
    }
    other = {
        run: {
            key: (squared.at(name, 10, rate), squared.at(name, 300, rate))
            for key, name in {**losses, "sharp": "sharpness"}.items()
        }
        for run, rate in rates.items()
    }
    return {"cross-entropy network": cross, "squared-error network": other}


def picture(found: Mapping[str, Mapping[str, Mapping[str, Pair]]]) -> tuple[Figure, str]:
    """A panel a figure, a row a run: geometric mean of ten ÷ all, its 95 % interval; and in words.

    found: of `compared`. A sharpness that nobody measured leaves its row empty.
    """
    tall = sum(1 + len(runs) for runs in found.values())
    figure = Figure(figsize=(9.0, 0.42 * tall + 1.0), layout="constrained")
    panels = dict(zip(PANELS, figure.subplots(1, len(PANELS), sharey=True, width_ratios=[4, 5, 3])))
    for key, ax in panels.items():
        ax.axvline(1, color=plotting.muted(), linewidth=1, linestyle="-")
        ax.set(title=PANELS[key], xlabel="ten ÷ all", xscale="log", xlim=LIMITS[key])
        ax.set_xticks(TICKS[key], [f"{tick:g}" for tick in TICKS[key]])
        ax.set_xticks([], minor=True)
    rows: list[str] = []
    words = []
    for k, (network, runs) in enumerate(found.items()):
        rows.append(network)
        for run, figures in runs.items():
            said = [
                f"{PANELS[key]} {_mark(panels[key], len(rows), pair, k)}"
                for key, pair in figures.items()
            ]
            words.append(f"{network}, {run}: {', '.join(said)}")
            rows.append(run)
    panels["fit"].set(ylim=(tall - 0.4, -0.6), yticks=range(tall), yticklabels=rows)
    for label in panels["fit"].get_yticklabels():
        label.set_fontweight("bold" if label.get_text() in found else "normal")
    return figure, f"Batches of ten, against all. {'; '.join(words)}."


def _mark(ax: Axes, y: int, pair: Pair, k: int) -> str:
    """Draw a ratio with its interval; returns what stands above it: how much more ten have."""
    ten, every = pair
    ratio = paired_interval(ten.log(), every.log())
    mean, *ends = (math.exp(part) for part in (ratio.mean, ratio.low, ratio.high))
    style: dict[str, Any] = {"color": plotting.series(k)[0], "markersize": 6, "capsize": 3}
    ax.errorbar(mean, y, xerr=[[mean - ends[0]], [ends[1] - mean]], marker="os"[k], **style)
    more = 100 * (mean - 1)
    said = f"{more:+.{'0f' if abs(more) >= 5 else '1f'}} %".replace("-", "−")
    ax.annotate(said, (mean, y), (0, 6), textcoords="offset points", ha="center", fontsize=8)
    return said
