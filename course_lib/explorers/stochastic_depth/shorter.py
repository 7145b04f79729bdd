"""A network that is shorter while it learns, and what it errs step by step: move p_L, the row."""

import numpy as np
from matplotlib.ticker import PercentFormatter, ScalarFormatter

from course_lib import plotting
from course_lib.experiments.stochastic_depth.shorter import DRAWS, measure_shorter
from course_lib.experiments.stochastic_depth.training import DEPTH, LAST, RECORDED, STEPS
from course_lib.explorers.stochastic_depth.figures import BLOCKS, LIMITS, TEST_FIGURES
from course_lib.panel import Choice, Explorer, Slider
from course_lib.stochastic_depth import survival_probabilities


def _prepare(figure):
    """The network, and a test figure against the step, a line for each p_L."""
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.15])
    color, _ = plotting.series(0)
    left.set(
        title="Blocks that this row goes through",
        xlabel="block (1 is next to the input)",
        xticks=BLOCKS[1::2],
    )
    left.set(
        ylabel="survival probability $p_l$",
        xlim=(0.2, DEPTH + 0.8),
        ylim=(-0.42, 1.05),
        yticks=[0, 0.5, 1],
    )
    left.axhline(0, color=plotting.muted(), linewidth=0.8, linestyle="-")
    marks = {"bars": list(left.bar(BLOCKS, 0.5, width=0.7, edgecolor=color, linewidth=1.2))}
    marks["path"] = left.plot([], [], color=plotting.ink(), linestyle="-", linewidth=1.6)
    marks["on"] = left.plot([], [], "s", color=color, markersize=9, linestyle="none")
    marks["off"] = left.plot(
        [], [], "s", color=plotting.muted(), markersize=9, fillstyle="none", linestyle="none"
    )
    right.set(title="Test error", xlabel="step", xlim=(0, STEPS * 1.02))
    marks["axes"] = right
    none = np.full((1, len(RECORDED)), np.nan)
    for k, last in enumerate(LAST):
        marks[last] = plotting.draw_band(right, RECORDED, none, label=f"$p_L$ = {last:g}", k=k)
    right.legend(loc="upper center", ncols=2, fontsize=8)
    return marks


def _draw(marks, result, last, row, figure):
    """Move the marks to a `ShorterNetwork` at one p_L, one row, one test figure.

    Only the line at this p_L has its interval.
    """
    i, survivals = LAST.index(last), survival_probabilities(DEPTH, last)
    alive = result.alive[row - 1, i]
    _draw_network(marks, survivals, alive)
    name, label = TEST_FIGURES[figure]
    plotting.set_texts(marks["axes"], title=figure.replace("test", "Test"), ylabel=label)
    plotting.set_limits(marks["axes"], y=LIMITS[name])
    form = ".1%" if name == "error" else ".3g"
    marks["axes"].yaxis.set_major_formatter(
        PercentFormatter(1, decimals=0) if name == "error" else ScalarFormatter()
    )
    said = (
        f"At p_L = {last:g}, {sum(survivals):.2f} of {DEPTH} blocks are expected, "
        f"{alive.sum()} are on for row {row}"
    )
    training = result.training
    none = np.full((1, len(RECORDED)), np.nan)
    curves = None if training is None else getattr(training, name)
    for k, p in enumerate(LAST):
        steps = RECORDED if training is None else training.recorded
        values = none if curves is None else curves[:, k]
        plotting.move_band(marks[p], steps, values)
        line, band = marks[p]
        band.set_visible(k == i)
        line.set_linewidth(2.4 if k == i else 1.4)
    if curves is None:
        return f"{said}. Now the training."
    known = curves[curves.isfinite().all(2).all(1)]
    if len(known) < 2:
        progress = f"{training.progress:.0%}"
        return f"{said}. Training {len(LAST)} values of p_L side by side: {progress}."
    mean = known[:, i].mean(0)
    best, lowest = training.recorded[mean.argmin()], mean.min().item()
    return (
        f"{said}; {figure}, mean of {len(known)} seeds: lowest after {best} steps, "
        f"{lowest:{form}}; after {training.recorded[-1]} steps {mean[-1].item():{form}}."
    )


def _draw_network(marks, survivals, alive):
    color, _ = plotting.series(0)
    for bar, survival, on in zip(marks["bars"], survivals, alive):
        bar.set_height(survival)
        bar.set_facecolor(color if on else "none")
    y = np.where(alive, -0.14, -0.3)  # through the box, or past it
    x = np.stack([BLOCKS - 0.35, BLOCKS + 0.35], 1).ravel()
    marks["path"][0].set_data([0.3, *x, DEPTH + 0.7], [-0.3, *np.repeat(y, 2), -0.3])
    marks["on"][0].set_data(BLOCKS[alive], np.full(alive.sum(), -0.14))
    marks["off"][0].set_data(BLOCKS[~alive], np.full((~alive).sum(), -0.14))


explorer = Explorer(
    title="A network that is shorter while it learns: "
    "12 blocks of width 32, digits, a fifth of the labels wrong",
    controls={
        "last": Slider("p_L", values=LAST, default=0.5, trained=True),
        "row": Slider("row", 1, DRAWS, 1, trained=True),
        "figure": Choice("right picture", tuple(TEST_FIGURES), "test NLL", trained=True),
    },
    frozen={"last": LAST, "row": 3, "figure": 2},
    compute=measure_shorter,
    prepare=_prepare,
    draw=_draw,
    size=(9.4, 3.6),
    quick={"seeds": (0, 1), "steps": 40},
)

show = explorer.show
