"""Every technique of the course as a slider on one network, beside the same network without."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from course_lib import plotting
from course_lib.experiments.capstone import mixer
from course_lib.explorers.capstone import paired
from course_lib.panel import Choice, Explorer, Slider
from course_lib.statistics import paired_interval

FIGURES = {"error": "Test error", "ece": "ECE", "gap": "Gap"}
IN_WORDS = {
    "error": "test error",
    "ece": "expected calibration error (ECE)",
    "gap": "gap of training and test error",
}
LITTLE = (0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
PRESETS: dict[str, dict[str, Any]] = {
    "nothing at all": {},
    "everything at once (more is better?)": {
        name: value
        for name, value in mixer.EVERYTHING._asdict().items()
        if value != mixer.Setting._field_defaults[name]
    },
    "dropout behind a BatchNorm (they cannot be combined?)": {"dropout": 0.5, "norm": "batch"},
    "the same λ as L2 (weight decay is L2?)": {"l2": 0.1},
    "the same λ as weight decay": {"weight_decay": 0.1},
    "BatchNorm alone (it regularizes, so nothing else is needed?)": {"norm": "batch"},
    "right labels, 1000 rows, four techniques on (it can never hurt?)": {
        "noise": 0.0,
        "rows": 1000,
        "l2": 1e-2,
        "label_smoothing": 0.2,
        "dropout": 0.5,
        "survival": 0.5,
    },
}


def _prepare(figure):
    """Curves on the left, four figures of both networks on the right."""
    grid = figure.add_gridspec(1, 5, width_ratios=[2.6, 1, 1, 1, 1])
    curves = figure.add_subplot(grid[0])
    curves.set(
        title="Error while training", xlabel="step", ylabel="share that is wrong (lower is better)"
    )
    curves.set(ylim=(0, 1.3), xlim=(0, mixer.STEPS), yticks=np.arange(0, 1.1, 0.2))
    marks = {"plain": plotting.draw_band(curves, [], np.empty((0, 0)), label="plain, test", k=1)}
    marks["plain"][0].set_zorder(3)  # its dashes show where both are one
    marks["mixed"] = plotting.draw_band(curves, [], np.empty((0, 0)), label="mix, test", k=0)
    marks["own"] = plotting.draw_band(
        curves, [], np.empty((0, 0)), label="mix, training (as labelled)", k=2
    )
    curves.legend(loc="upper right", fontsize=8)
    for column, (name, title) in enumerate((FIGURES | {"time": "Time (s)"}).items(), start=1):
        ax = figure.add_subplot(grid[column])
        ax.set(title=title, xlim=(-0.6, 1.6))
        ax.set_xticks((0, 1), ("plain", "mix"))
        ax.tick_params(labelsize=8)
        marks[name] = paired.prepare(ax) if name in FIGURES else _prepare_bars(ax)
    return marks


def _prepare_bars(ax):
    colors = [plotting.series(k)[0] for k in (1, 0)]
    return ax.bar((0, 1), (0, 0), 0.6, color=colors, alpha=0.7).patches


def picture(arms: Mapping[str, mixer.Mix]) -> Figure:
    """Test error and ECE of up to four mixes of the same seeds, a thin line for each seed."""
    figure = Figure(figsize=(8.2, 3.2), layout="constrained")
    titles = {"error": "Test error", "ece": "Calibration error (ECE)"}
    for ax, (name, title) in zip(figure.subplots(1, 2), titles.items(), strict=True):
        ax.set(title=title, xlim=(-0.5, len(arms) - 0.5))
        ax.set_xticks(range(len(arms)), list(arms))
        marks = paired.prepare(ax, order=(1, 2, 0, 3)[: len(arms)])
        _move_figure(
            marks, np.stack([plotting.array(getattr(mix, name)) for mix in arms.values()], 1)
        )
    figure.axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.axes[0].set_ylabel("lower is better")
    return figure


def _draw(marks, result):
    """Move the marks to a `Pair`."""
    plain, mixed = result.plain, result.mixed or mixer.nothing_yet(result.plain)
    plotting.set_limits(marks["own"][0].axes, x=(0, plain.recorded[-1]))
    plotting.move_band(marks["plain"], plain.recorded, plain.test_error)
    shared = _until_one_stops(mixed)
    plotting.move_band(marks["mixed"], mixed.recorded[:shared], mixed.test_error[:, :shared])
    plotting.move_band(marks["own"], mixed.recorded[:shared], mixed.train_error[:, :shared])
    for name in FIGURES:
        _move_figure(
            marks[name], np.stack([plotting.array(getattr(mix, name)) for mix in (plain, mixed)], 1)
        )
    times = plain.seconds, mixed.seconds
    for bar, seconds in zip(marks["time"], times):
        bar.set_height(seconds)
    # No time is taken where every seed ended at once.
    plotting.set_limits(marks["time"][0].axes, y=(0, 1.1 * max(times) or 1))
    return _say(result)


def _until_one_stops(mixed):
    """How many of the recorded steps come before the first seed stops early."""
    stopped = mixed.stopped_at[mixed.stopped_at >= 0]
    first = int(stopped.min()) if len(stopped) else mixed.recorded[-1]
    return sum(step <= first for step in mixed.recorded)


def _move_figure(parts, values):
    """Draw values [seeds, mixes], of plain and of the mix."""
    paired.move(parts, values)
    all_known = values[np.isfinite(values)]
    if len(all_known):  # whole tenths, so that small changes leave the axis where it is
        low, high = (
            np.floor(10 * min(all_known.min(), 0)) / 10,
            np.ceil(10 * all_known.max() + 0.1) / 10,
        )
        plotting.set_limits(parts[0].axes, y=(low, high))


def _say(result):
    plain, mixed = result.plain, result.mixed
    if mixed is None or mixed.progress < 1:
        here = mixed or plain
        what = "the plain network" if here is plain else "the mix"
        said = f"Training {what} at {len(here.error)} seeds: {here.progress:.0%}."
        return f"{said} {here.note}".strip()
    lost = int((mixed.diverged_at >= 0).sum())
    if lost > len(mixed.error) - 2:
        first = int(mixed.diverged_at[mixed.diverged_at >= 0].min())
        said = f"Diverged at {lost} of {len(mixed.error)} seeds, first at step {first}"
        return f"{said}: try a lower learning rate. {mixed.note}".strip()
    figures = ", ".join(
        f"{words} {getattr(mixed, name).nanmean():.3f}" for name, words in IN_WORDS.items()
    )
    said = [f"{len(mixed.error) - lost} seeds: {figures}."]
    if lost:
        said.append(f"{lost} more diverged.")
    if mixed is plain:
        said.append("This is the plain network: move something.")
    else:
        both = (mixed.error + plain.error).isfinite()
        change = paired_interval(100 * mixed.error[both], 100 * plain.error[both])
        longer = mixed.seconds / plain.seconds
        said.append(f"Test error against the plain network: {change} points, time × {longer:.1f}.")
    stopped = mixed.stopped_at[mixed.stopped_at >= 0]
    if len(stopped):
        mean, first = stopped.double().mean(), stopped.min()
        said.append(f"Stopped early at {len(stopped)} seeds, at step {mean:.0f} in the mean.")
        said.append(f"The curves end at step {first}, where the first of them stops.")
    return " ".join([*said, mixed.note]).strip()


explorer = Explorer(
    title="The mixer: one network, every technique of the course",
    controls={
        "data": Choice("data", mixer.WORLDS, "digits"),
        "rows": Slider("training rows", values=(100, 300, 1000), default=300),
        "noise": Slider("wrong labels", values=(0.0, 0.1, 0.2, 0.4), default=0.2),
        "lr": Slider("learning rate", 1e-4, 1e-1, 2e-3, log=True),
        "batch_size": Slider("batch size", values=(10, 25, 50, 100), default=50),
        "schedule": Choice("schedule", mixer.SCHEDULES, "constant"),
        "patience": Slider("patience (0: off)", 0, 10, 0),
        "l1": Slider("L1 (proximal)", values=LITTLE, default=0.0),
        "l2": Slider("L2 (gradient)", values=LITTLE, default=0.0),
        "weight_decay": Slider("weight decay", values=(*LITTLE, 1.0, 10.0), default=0.0),
        "label_smoothing": Slider("smoothing ε", 0.0, 0.5, 0.0, step=0.05),
        "dropout": Slider("dropout p", 0.0, 0.9, 0.0, step=0.05),
        "norm": Choice("norm", mixer.NORMS, "none"),
        "survival": Slider("last survival", 0.0, 1.0, 1.0, step=0.05),
    },
    frozen={
        "patience": (0, 3),
        "label_smoothing": (0.0, 0.1),
        "dropout": (0.0, 0.5),
        "norm": ("none", "batch"),
    },
    compute=mixer.mix_beside_plain,
    prepare=_prepare,
    draw=_draw,
    size=(9.6, 3.2),
    quick={"seeds": (0, 1), "steps": 16, "every": 8},
    presets=PRESETS,
)

show = explorer.show
