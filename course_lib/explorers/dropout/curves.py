"""Errors on the way and against p, of training and test rows: move p, choose labels."""

import numpy as np
import torch
from matplotlib.ticker import PercentFormatter

from course_lib import plotting
from course_lib.experiments.dropout import curves
from course_lib.panel import Choice, Explorer, Slider


def _prepare(figure):
    """Left errors on the way, right against p: at the end, and at the best step."""
    left, right = figure.subplots(1, 2, sharey=True)
    left.set(title="On the way", xlabel="step", xlim=(0, curves.STEPS))
    left.set(ylabel="labels missed (masks off)", ylim=(0, 0.4))
    steps = curves.RECORDED
    empty = np.empty((0, len(steps)))
    marks = {
        "train": plotting.draw_band(left, steps, empty, label="training rows", k=0),
        "test": plotting.draw_band(left, steps, empty, label="test rows", k=1),
    }
    color, style = plotting.series(2)
    marks["former"] = left.plot([], [], color=color, linestyle=style, label="test rows, p = 0")
    marks["stops"] = left.plot(
        [], [], "o", color=plotting.ink(), fillstyle="none", markersize=9, label="best step"
    )
    left.legend(loc="upper right", fontsize=8)
    ps = curves.PS
    right.set(title="Against p", xlabel="p", xlim=(-0.02, 1.0))
    right.tick_params(labelleft=True)
    for key, label, k in (
        ("train error", "training rows, at the end", 0),
        ("test error", "test rows, at the end", 1),
        ("best error", "test rows, at its best step", 3),
    ):
        marks[key] = plotting.draw_band(right, ps, np.empty((0, len(ps))), label=label, k=k)
    marks["here"] = [
        right.axvline(np.nan, color=plotting.ink(), linewidth=1, linestyle="-", alpha=0.5)
    ]
    right.legend(loc="upper center", fontsize=8)
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    level = {"color": plotting.muted(), "linewidth": 1, "linestyle": "-"}
    marks["wrong labels"] = [ax.axhline(np.nan, **level) for ax in (left, right)]
    marks["note"] = [
        right.text(0.28, 0, "", ha="left", va="bottom", fontsize=8, color=plotting.muted())
    ]
    return marks


def _draw(marks, result, p):
    """Move the marks to `Curves` at one of its p."""
    i, none = result.at(p), result.at(0.0)
    for rows in ("train", "test"):
        error = getattr(result, f"{rows}_error")
        plotting.move_band(marks[rows], result.steps, error[:, i])
        plotting.move_band(marks[f"{rows} error"], result.ps, error[:, :, -1])
    marks["former"][0].set_data(result.steps, result.test_error[:, none].nanmean(0))
    stops, at_best = zip(*(curves.stopped(result, one) for one in result.ps))
    plotting.move_band(marks["best error"], result.ps, torch.stack(at_best, 1))
    both = sorted({none, i})
    marks["stops"][0].set_data(
        [stops[k] for k in both], [at_best[k].nanmean().item() for k in both]
    )
    marks["here"][0].set_xdata([p, p])
    _, wrong = curves.STAGES[result.stage]
    for level in marks["wrong labels"]:
        level.set_ydata([wrong or np.nan] * 2)
    marks["note"][0].set_y(wrong)
    marks["note"][0].set_text("all but the wrong labels fitted" if wrong else "")
    n = int(result.test_error[:, i, -1].isfinite().sum())
    if n == 0:
        return f"Training {len(result.ps)} values of p side by side: {result.progress:.0%}."
    train, test = (
        error[:, i, -1].nanmean().item() for error in (result.train_error, result.test_error)
    )
    return (
        f"With p = {p:g}, {n} seed{'s' * (n != 1)}: at the end {train:.1%} of the training and "
        f"{test:.1%} of the test labels are missed. "
        f"Stopped at its best recorded step, {stops[i]}: {at_best[i].nanmean().item():.1%} "
        f"of the test labels; without dropout, at {stops[none]}: "
        f"{at_best[none].nanmean().item():.1%}."
    )


explorer = Explorer(
    title="Digits: what p does to training and test rows",
    controls={
        "stage": Choice("training labels", tuple(curves.STAGES), "20 % wrong"),
        "p": Slider("p", values=curves.PS, default=0.5, trained=True),
    },
    frozen={"stage": 2, "p": 9},
    compute=curves.compute_curves,
    prepare=_prepare,
    draw=_draw,
    size=(8.6, 3.3),
    quick={"seeds": (0, 1)},
)

show = explorer.show
