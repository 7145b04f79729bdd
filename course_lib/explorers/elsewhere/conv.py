"""A convolution on lines of numbers, regularized in seven ways: move the arm, figure and step."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.elsewhere import conv
from course_lib.panel import Choice, Explorer, Slider
from course_lib.statistics import paired_interval

OTHERS = tuple(name for name in conv.ARMS if name != "plain")
RECORDED = (*conv.RECORDED[1:], conv.STEPS)
FIGURES = {  # name → field without its rows, unit, limits of the run and of the differences, a note
    "error": ("error", "share of the lines wrong", (0.0, 1.0), (-0.3, 0.3), ", 0.1 is 10 points"),
    "NLL": ("loss", "NLL (nats)", (0.0, 3.2), (-1.5, 1.5), ""),
}


def _prepare(figure):
    """Left the run of an arm beside plain's, right every arm's difference from plain."""
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    left.set(xlabel="updates", xlim=(0, 1.01 * conv.STEPS))
    marks = {"left": left, "right": right}
    for k, (rows, label) in enumerate((("train", "training lines"), ("test", "test lines"))):
        marks[rows] = plotting.draw_band(left, [], np.empty((0, 0)), label=label, k=k)
    marks["plain"] = left.plot([], [], color=plotting.muted(), linestyle=":", label="test, plain")
    marks["here"] = [left.axvline(np.nan, color=plotting.ink(), linewidth=1, linestyle=":")]
    left.legend(loc="upper right", fontsize=8)
    right.set(title="Against plain, test lines", ylim=(len(OTHERS) - 0.4, -0.6))
    right.set_yticks(range(len(OTHERS)), OTHERS)
    right.axvline(0, color=plotting.muted(), linewidth=1, linestyle="-")
    color, ring = plotting.series(1)[0], plotting.ink()
    marks["whiskers"] = [
        right.plot([], [], color=color, linestyle="-", linewidth=2)[0] for _ in OTHERS
    ]
    marks["differences"] = right.plot([], [], "o", color=color, markersize=5, linestyle="none")
    marks["chosen"] = right.plot(
        [], [], "o", color=ring, markersize=11, fillstyle="none", linestyle="none"
    )
    return marks


def _draw(marks, result, arm, figure, step):
    """Move the marks to `Arms` at one arm, one figure and the last recorded step up to `step`."""
    name, label, limits, differences, note = FIGURES[figure]
    left, right = marks["left"], marks["right"]
    plotting.set_texts(left, title=arm[0].upper() + arm[1:], ylabel=label)
    plotting.set_limits(left, y=limits)
    plotting.set_limits(right, x=differences)
    plotting.set_texts(right, xlabel=f"difference in {figure}, left is better{note}")
    i = result.arms.index(conv.ARMS[arm])
    plain = result.arms.index(conv.PLAIN)
    for rows in ("train", "test"):
        plotting.move_band(marks[rows], result.recorded, getattr(result, f"{rows}_{name}")[:, i])
    tests = getattr(result, f"test_{name}")
    marks["plain"][0].set_data(result.recorded, tests[:, plain].nanmean(0))
    at = max(k for k, there in enumerate(result.recorded) if there <= step)
    marks["here"][0].set_xdata([result.recorded[at]] * 2)
    found = _move_differences(marks, tests[:, :, at], result, plain)
    y = OTHERS.index(arm)
    marks["chosen"][0].set_data([found[arm].mean] if arm in found else [np.nan], [y])
    if arm not in found:
        return f"Training {len(result.arms)} arms side by side: {result.progress:.0%}."
    n = int(tests[:, i, at].isfinite().sum())
    return (
        f"Labels {result.labels}, {arm}, after {result.recorded[at]} updates, {n} seeds: "
        f"test {figure} {tests[:, i, at].nanmean():.3g} against "
        f"{tests[:, plain, at].nanmean():.3g} of plain; difference {found[arm]}."
    )


def _move_differences(marks, values, result, plain):
    """Intervals of every arm minus plain, values [seeds, arms], where two seeds have both."""
    found = {}
    for y, (name, whisker) in enumerate(zip(OTHERS, marks["whiskers"])):
        pair = values[:, [result.arms.index(conv.ARMS[name]), plain]]
        known = pair[pair.isfinite().all(1)]
        if len(known) >= 2:
            found[name] = paired_interval(*known.T)
        ends = (found[name].low, found[name].high) if name in found else ()
        whisker.set_data(ends, [y] * len(ends))
    places = [OTHERS.index(name) for name in found]
    marks["differences"][0].set_data([one.mean for one in found.values()], places)
    return found


explorer = Explorer(
    title="A convolutional network on MNIST-1D, 1000 lines to learn from",
    controls={
        "arm": Choice("arm", OTHERS, "batch norm", trained=True),
        "labels": Choice("training labels", tuple(conv.LABELS), "all right"),
        "figure": Choice("figure", tuple(FIGURES), "error", trained=True),
        "step": Slider("after so many updates", values=RECORDED, default=conv.STEPS, trained=True),
    },
    frozen={"arm": len(OTHERS), "figure": 2, "step": (100, 400, conv.STEPS)},
    compute=conv.compute_arms,
    prepare=_prepare,
    draw=_draw,
    size=(9.2, 3.8),
    quick={"seeds": (0, 1), "steps": 110},
)

show = explorer.show
