"""A network that is shorter while it learns, its time and its error: move p_L and the batch."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.stochastic_depth.shorter import DRAWS, measure_shorter
from course_lib.experiments.stochastic_depth.training import DEPTH, LAST, RECORDED, STEPS
from course_lib.explorers.stochastic_depth.figures import BLOCKS, TEST_FIGURES
from course_lib.panel import Choice, Explorer, Slider
from course_lib.statistics import mean_interval
from course_lib.stochastic_depth import survival_probabilities


def _prepare(figure):
    """The network, time against depth, test figure against p_L."""
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.5, 1, 1])
    color, _ = plotting.series(0)
    other, _ = plotting.series(1)
    left.set(
        title="Blocks that are on in this batch",
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
    middle.set(
        title="Time of a training step",
        xlabel="share of the blocks computed",
        xlim=(0, 1.08),
        ylim=(0, 1.25),
    )
    middle.set(ylabel="relative to all blocks")
    middle.plot([0, 1], [0, 1], color=plotting.muted(), linestyle=":", label="proportional")
    marks["times"] = middle.plot(
        [], [], "o", color=color, markersize=5, linestyle="none", label="measured"
    )
    ring = {"color": other, "markersize": 9, "fillstyle": "none", "linestyle": "none"}
    marks["time"] = middle.plot([], [], "o", label="at this $p_L$", **ring)
    middle.legend(loc="upper left", fontsize=8, handlelength=1.6)
    right.set(title="Test error", xlabel="$p_L$", xlim=(-0.05, 1.05))
    marks["axes"] = right
    marks["band"] = plotting.draw_band(right, LAST, np.full((1, len(LAST)), np.nan))
    marks["dots"] = right.plot([], [], "o", color=color, markersize=4, linestyle="none")
    marks["here"] = [right.axvline(0.5, color=other, linestyle="-", linewidth=1.2)]
    return marks


def _draw(marks, result, last, batch, figure, step):
    """Move the marks to a `ShorterNetwork` at one p_L, one batch, one test figure, and a step."""
    i, survivals = LAST.index(last), survival_probabilities(DEPTH, last)
    alive = result.alive[batch - 1, i]
    _draw_network(marks, survivals, alive)
    said = (
        f"At p_L = {last:g}, {sum(survivals):.2f} of {DEPTH} blocks are expected, "
        f"{alive.sum()} are on in batch {batch}{_draw_time(marks, result.times, i)}"
    )
    name, label = TEST_FIGURES[figure]
    training = result.training
    if training is None:
        _draw_figure(marks, np.full((1, len(LAST)), np.nan), figure, label, last)
        return f"{said}. The clock first, then the training."
    step = training.seen_at(step)
    values = training.at(name, step)
    _draw_figure(marks, values, figure, label, last)
    known = values[values.isfinite().all(1)]
    if len(known) < 2:
        progress = f"{training.progress:.0%}"
        return f"{said}. Training {len(LAST)} values of p_L side by side: {progress}."
    found = mean_interval(known[:, i])
    return f"{said}; {figure} after {step} steps {found} over {len(known)} seeds."


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


def _draw_time(marks, steps, i):
    """Move the marks of the middle picture; returns what to say of the time."""
    if steps is None:
        marks["times"][0].set_data([], [])
        marks["time"][0].set_data([], [])
        return ""
    share, relative = steps.shares.mean(0), steps.relative.mean(0)
    marks["times"][0].set_data(share, relative)
    marks["time"][0].set_data([share[i]], [relative[i]])
    milliseconds = 1e3 * steps.seconds[:, i].mean()
    return f", a step takes {milliseconds:.2g} ms, {relative[i]:.0%} of a whole one"


def _draw_figure(marks, values, figure, label, last):
    right = marks["axes"]
    plotting.set_texts(right, title=figure.replace("test", "Test"), ylabel=label)
    marks["here"][0].set_xdata([last, last])
    plotting.move_band(marks["band"], LAST, values)
    line = marks["band"][0]
    marks["dots"][0].set_data(line.get_xdata(), line.get_ydata())
    plotting.set_limits(right, y=(0, 0.4) if figure == "test error" else (0, 2.6))


explorer = Explorer(
    title="A network that is shorter while it learns: "
    "12 blocks of width 32, digits, a fifth of the labels wrong",
    controls={
        "last": Slider("p_L", values=LAST, default=0.5, trained=True),
        "batch": Slider("batch", 1, DRAWS, 1, trained=True),
        "figure": Choice("right picture", tuple(TEST_FIGURES), "test error", trained=True),
        "step": Slider("after so many steps", values=RECORDED, default=STEPS, trained=True),
    },
    frozen={"last": 5, "figure": 2, "step": (25, 100, 300, 600)},
    compute=measure_shorter,
    prepare=_prepare,
    draw=_draw,
    size=(10, 3.6),
    quick={"seeds": (0, 1), "rounds": 2, "steps": 40},
)

show = explorer.show
