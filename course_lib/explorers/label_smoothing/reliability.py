"""Reliability diagram, loss, calibration and error of digits: move ε, and how it is read."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.label_smoothing import smoothing
from course_lib.panel import Choice, Explorer, Slider

LINES = ("as it is", "T, right labels", "T, noisy labels")
PANELS = {
    "nll": ("Loss (NLL, nats)", (0, 1.8)),
    "ece": ("Calibration (ECE)", (0, 0.75)),
    "error": ("Error", (0, 0.45)),
}
EDGES = np.linspace(0, 1, smoothing.BINS + 1)
SAID = ("error", "nll", "ece", "temperature")
FEW = 50  # predictions of all seeds together: a bin with fewer is drawn hollow
NAMES = [f"{epsilon:g}".lstrip("0") or "0" for epsilon in smoothing.EPSILONS]


def _compute(noise, steps, seeds=smoothing.SEEDS, hurry=1):
    """A growing `Smoothing`. `hurry`: take a fraction of the steps."""
    yield from smoothing.compare_smoothing(noise, steps // hurry, seeds)


def _prepare(figure):
    """The reliability diagram over its counts, and three figures against ε."""
    grid = figure.add_gridspec(2, 4, width_ratios=[1.5, 1, 1, 1], height_ratios=[3, 1])
    diagram, counts = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    diagram.set(title="Reliability, test rows", ylabel="share that is right")
    diagram.tick_params(labelbottom=False)
    marks = _prepare_bins(diagram)
    diagram.legend(loc="lower right", fontsize=7, handlelength=1.2)
    marks["words"] = [diagram.text(0.03, 0.95, "", va="top", fontsize=8, color=plotting.ink())]
    counts.set(xlabel="confidence", ylabel="share\nof rows", xlim=(0, 1.02), ylim=(0, 1))
    middles = (EDGES[:-1] + EDGES[1:]) / 2
    marks["counts"] = list(
        counts.bar(
            middles,
            [0] * smoothing.BINS,
            0.9 / smoothing.BINS,
            color=plotting.series(0)[0],
            alpha=0.7,
        )
    )
    places = range(len(smoothing.EPSILONS))
    for column, (name, (title, limits)) in enumerate(PANELS.items(), start=1):
        ax = figure.add_subplot(grid[:, column])
        ax.set(title=title, xlabel="ε (not to scale)", ylim=limits, xlim=(-0.4, len(places) - 0.6))
        ax.set_xticks(places, NAMES, fontsize=8)
        for k, label in enumerate(LINES if name != "error" else ["with or without T"]):
            marks[f"{name} {k}"] = plotting.draw_band(ax, [], np.empty((0, 0)), label=label, k=k)
            dot = {"marker": "o", "markersize": 6, "linestyle": "none"}
            marks[f"{name} {k} here"] = ax.plot([], [], color=plotting.series(k)[0], **dot)
        ax.legend(
            loc="upper right" if name == "error" else "upper left", fontsize=7, handlelength=2
        )
    return marks


def _prepare_bins(ax):
    """The dotted line, dots, their gaps, and hollow dots for bins with few rows."""
    ax.set(xlim=(0, 1.02), ylim=(-0.03, 1.03))
    ax.plot([0, 1], [0, 1], color=plotting.muted(), linestyle=":")
    marks = {}
    dot = {"color": plotting.series(0)[0], "marker": "o", "markersize": 5}
    marks["dots"] = ax.plot([], [], linestyle="-", linewidth=1, zorder=3, label="a bin", **dot)
    gap = {"color": plotting.series(1)[0], "linewidth": 3, "alpha": 0.6, "label": "its gap"}
    marks["gaps"] = [ax.vlines([], [], [], **gap)]
    hollow = {
        "linestyle": "none",
        "markerfacecolor": ax.get_facecolor(),
        "label": f"fewer than {FEW} rows",
    }
    marks["few"] = ax.plot([], [], zorder=4, **dot, **hollow)
    return marks


def _move_bins(marks, result, epsilon, reading="as it is"):
    """Show the bins of a `Smoothing` at one ε and reading; returns each bin's share of the rows."""
    way, at = smoothing.READINGS.index(reading), result.epsilons.index(epsilon)
    confidence, accuracy, share = result.pooled_bins(epsilon, reading)
    seen, few = share > 0, share * np.nansum(result.curves[2][:, way, at]) < FEW
    marks["dots"][0].set_data(confidence[seen], accuracy[seen])
    marks["few"][0].set_data(confidence[seen & few], accuracy[seen & few])
    marks["gaps"][0].set_segments(
        [[(c, c), (c, a)] for c, a in zip(confidence[seen], accuracy[seen])]
    )
    return share


def picture(found: smoothing.Smoothing, shown: Sequence[tuple[float, str]]) -> Figure:
    """Diagrams side by side, (ε, one of `smoothing.READINGS`) each, all seeds' rows together."""
    figure = Figure(figsize=(2.6 * len(shown) + 0.4, 3.3), layout="constrained")
    axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for ax, (epsilon, reading) in zip(axes, shown):
        _move_bins(_prepare_bins(ax), found, epsilon, reading)
        title = _named(found, epsilon, reading).replace(": ", "\n")  # else two of them touch
        ax.set(title=title, xlabel="confidence")
    words = {"fontsize": 9, "color": plotting.ink()}
    axes[0].text(0.05, 0.9, "above the line:\ntoo modest", va="center", **words)
    axes[0].text(0.98, 0.12, "below it:\ntoo sure", ha="right", va="center", **words)
    axes[0].set_ylabel("share that is right")
    axes[-1].legend(loc="lower right", fontsize=8, handlelength=1.2)
    return figure


def _named(found: smoothing.Smoothing, epsilon: float, reading: str) -> str:
    """What stands over a diagram: ε, whose temperature, and the mean of the seeds' own ECE."""
    then = {name: "" if k == 0 else f", {LINES[k]}" for k, name in enumerate(smoothing.READINGS)}
    ece = found.of("ece", epsilon, reading).nanmean()
    return f"ε = {epsilon:g}{then[reading]}: ECE {ece:.3f}"


def show_diagrams(found: smoothing.Smoothing, shown: Sequence[tuple[float, str]]) -> None:
    """Show the `picture`, with words for who cannot see it."""
    said = []
    for epsilon, reading in shown:
        says, is_right, share = found.pooled_bins(epsilon, reading)
        excess = ((says - is_right)[share > 0] * share[share > 0]).sum()
        where = "below" if excess > 0 else "above"
        said.append(
            f"{_named(found, epsilon, reading)}, the dots lie {abs(excess):.1%} {where} the "
            "dotted line on average"
        )
    plotting.show_with_words(picture(found, shown), "; ".join(said) + ".")


def _draw(marks, result, epsilon, reading):
    """Move the marks to a `Smoothing` at one of its ε, read one of three ways."""
    at, way = result.epsilons.index(epsilon), smoothing.READINGS.index(reading)
    if not len(result.error):
        networks = f"{len(result.epsilons)} networks for each seed, side by side"
        return f"Training {networks}: {result.progress:.0%}."
    places = np.arange(len(result.epsilons))
    for name in PANELS:
        values = getattr(result, name)
        for k in range(len(LINES) if name != "error" else 1):
            plotting.move_band(marks[f"{name} {k}"], places, values[:, k])
            seen = plotting.array(values[:, k, at])
            chosen = name == "error" or k == way
            here = np.nanmean(seen) if chosen and np.isfinite(seen).any() else np.nan
            marks[f"{name} {k} here"][0].set_data([at], [here])
    for bar, height in zip(marks["counts"], _move_bins(marks, result, epsilon, reading)):
        bar.set_height(height)
    return _say(marks, result, epsilon, reading, at, way)


def _say(marks, result, epsilon, reading, at, way):
    figures = [plotting.array(getattr(result, name)[:, way, at]) for name in SAID]
    error, nll, ece, T = (
        np.nanmean(values) if np.isfinite(values).any() else np.nan for values in figures
    )
    n = int(np.isfinite(figures[0]).sum())
    marks["words"][0].set_text(f"T = {T:.2f}" if way and np.isfinite(T) else "")
    if not n:
        return (
            f"ε = {epsilon:g}, {reading}: at no seed is there a best temperature, "
            "every validation row is right."
        )
    of_all = f"of {len(result.error)} " if n < len(result.error) else ""
    known = f"{n} {of_all}seed{'s' * (len(result.error) != 1)}"
    right = result.memorised[:, at].mean()
    return (
        f"ε = {epsilon:g}, {reading} ({known}): error {error:.1%}, NLL {nll:.3f}, "
        f"calibration error {ece:.3f}. {right:.0%} of the training rows are classified as labelled."
    )


explorer = Explorer(
    title="Can the confidence be believed? Digits, 300 training rows",
    controls={
        "epsilon": Slider("ε", values=smoothing.EPSILONS, default=0.0, trained=True),
        "reading": Choice("probabilities", smoothing.READINGS, "as it is", trained=True),
        "noise": Slider("wrong training labels", values=(0.0, 0.1, 0.2, 0.4), default=0.2),
        "steps": Slider("training steps", values=(600, 2000), default=2000),
    },
    frozen={"epsilon": 8, "reading": 3},
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
    size=(10, 3.8),
    quick={"seeds": (0, 1), "hurry": 10},
)

show = explorer.show
