"""Confidence and share right against ε in four situations: where the two cross."""

from collections.abc import Iterator, Mapping

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import plotting
from course_lib.experiments.label_smoothing import smoothing, tuned_stop
from course_lib.experiments.label_smoothing.smoothing import Smoothing
from course_lib.explorers.label_smoothing.reliability import NAMES
from course_lib.panel import Choice, Explorer, Slider

SITUATIONS = {
    "noise, memorised": (0.2, 2000, smoothing.RATE),
    "right, memorised": (0.0, 2000, smoothing.RATE),
    "right, tuned": (0.0, tuned_stop.RIGHT_STEPS, tuned_stop.RIGHT_RATE),
    "noise, tuned": (0.2, tuned_stop.STEPS, tuned_stop.RATE),
}  # share of wrong labels, steps, learning rate
SHOWN = smoothing.READINGS[:2]


def _compute(
    seeds: tuple[int, ...] = smoothing.SEEDS, hurry: int = 1
) -> Iterator[dict[str, Smoothing]]:
    """The four runs, situation → `Smoothing`. `hurry`: take a fraction of the steps."""
    found: dict[str, Smoothing] = {}
    for name, (noise, steps, rate) in SITUATIONS.items():
        for run in smoothing.compare_smoothing(noise, steps // hurry, seeds, rate):
            yield {**found, name: run}
        found[name] = run


def confidence_and_right(run: Smoothing, reading: str) -> tuple[Tensor, Tensor]:
    """Mean confidence and share right on the test rows, [seeds, epsilons] each."""
    way = smoothing.READINGS.index(reading)
    confidence, accuracy, count = (part[:, way].nan_to_num() for part in run.curves)
    rows = count.sum(2)
    return (confidence * count).sum(2) / rows, (accuracy * count).sum(2) / rows


def _prepare(figure):
    """Four pictures, two lines each."""
    places, marks = range(len(smoothing.EPSILONS)), {}
    axes = figure.subplots(1, len(SITUATIONS), sharey=True)
    for ax, name in zip(axes, SITUATIONS):
        ax.set(title=name, xlabel="ε (not to scale)", ylim=(0.15, 1.0))
        ax.set_xlim(-0.3, len(places) - 0.7)
        ax.set_xticks(places, NAMES, fontsize=8)
        for k, label in enumerate(("how sure", "how often right")):
            marks[f"{name} {k}"] = plotting.draw_band(ax, [], np.empty((0, 0)), label=label, k=k)
            dot = {"marker": "o", "markersize": 6, "linestyle": "none"}
            marks[f"{name} {k} here"] = ax.plot([], [], color=plotting.series(k)[0], **dot)
    axes[0].set_ylabel("test rows: mean confidence,\nshare that is right")
    axes[0].legend(loc="lower left", fontsize=9)
    return marks


def _draw(marks, result, epsilon, reading):
    """Move the marks to four `Smoothing`s at one ε, read one of two ways."""
    places, at = np.arange(len(smoothing.EPSILONS)), smoothing.EPSILONS.index(epsilon)
    said = []
    for name in SITUATIONS:
        if name not in result or not len(result[name].error):
            return "Training networks: four situations, one after the other."
        both = confidence_and_right(result[name], reading)
        for k, values in enumerate(both):
            plotting.move_band(marks[f"{name} {k}"], places, values)
            marks[f"{name} {k} here"][0].set_data([at], [values[:, at].nanmean().item()])
        sure, right = (values[:, at].nanmean().item() for values in both)
        ece = result[name].of("ece", epsilon, reading).nanmean().item()
        said.append(f"{name}: sure of {sure:.1%}, right on {right:.1%}, ECE {ece:.3f}")
    return f"ε = {epsilon:g}, {reading}. " + "; ".join(said) + "."


def picture(found: Mapping[str, Smoothing], reading: str = "as it is") -> Figure:
    """The four situations read one way, all ε, for runs that are there: situation → `Smoothing`."""
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    figure.suptitle(f"probabilities: {reading}", x=0.01, ha="left", fontsize=10)
    marks = _prepare(figure)
    for name, run in found.items():
        for k, values in enumerate(confidence_and_right(run, reading)):
            plotting.move_band(marks[f"{name} {k}"], np.arange(len(run.epsilons)), values)
    return figure


def show_lines(found: Mapping[str, Smoothing], reading: str = "as it is") -> None:
    """Show the `picture`, with words for who cannot see it."""
    said = []
    for name, run in found.items():
        both = (values.nanmean(0) for values in confidence_and_right(run, reading))
        sure, right = ([f"{values[at]:.0%}" for at in (0, -1)] for values in both)
        said.append(
            f"{name}: how sure goes from {sure[0]} to {sure[1]}, how often right from "
            f"{right[0]} to {right[1]}"
        )
    words = f"From ε = 0 to {smoothing.EPSILONS[-1]:g}, {reading}. " + "; ".join(said) + "."
    plotting.show_with_words(picture(found, reading), words)


explorer = Explorer(
    title="How sure, and how often right? Digits, 300 training rows",
    controls={
        "epsilon": Slider("ε", values=smoothing.EPSILONS, default=0.0, trained=True),
        "reading": Choice("probabilities", SHOWN, "as it is", trained=True),
    },
    frozen={"epsilon": 8, "reading": 2},
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
    size=(11, 3.4),
    quick={"seeds": (0, 1), "hurry": 10},
)

show = explorer.show
