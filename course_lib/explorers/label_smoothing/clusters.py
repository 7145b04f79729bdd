"""Clusters of three digits before the last layer, and the scatter of all ten: move ε."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.label_smoothing import penultimate
from course_lib.panel import Choice, Explorer, Slider

TRIPLES = ("0, 1, 2", "3, 8, 9", "4, 7, 9")


def _prepare(figure):
    """Three classes in the plane of their templates without and with ε, and scatter."""
    *planes, right = figure.subplots(1, 3, width_ratios=[1, 1, 1.05])
    marks, middle = {}, {"ha": "center", "va": "center", "color": plotting.ink()}
    for p, ax in enumerate(planes):
        ax.set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), xlabel="plane of three templates", title="ε = 0")
        ax.set_aspect("equal")
        for k in range(3):
            style = {"color": plotting.series(k)[0], "linestyle": "none"}
            marks[f"rows {p} {k}"] = ax.plot([], [], marker=".", markersize=3.5, alpha=0.6, **style)
            marks[f"mean {p} {k}"] = ax.plot(
                [], [], marker="X", markersize=8, markeredgecolor=plotting.ink(), **style
            )
            marks[f"name {p} {k}"] = [ax.text(0, 0, "", fontsize=12, weight="bold", **middle)]
    planes[0].set_ylabel("unit: mean distance of the ✖")
    marks["ε"] = [planes[1].set_title("")]
    right.set(
        title="Scatter, all ten classes",
        xlabel="ε (not to scale)",
        ylabel="within / between",
        ylim=(0, 0.65),
    )
    right.set_xticks(
        range(len(penultimate.EPSILONS)), [f"{epsilon:g}" for epsilon in penultimate.EPSILONS]
    )
    right.set_xlim(-0.3, len(penultimate.EPSILONS) - 0.7)
    for k, label in enumerate(("nine, seen by the softmax", "all 128 directions")):
        marks[f"scatter {k}"] = plotting.draw_band(right, [], np.empty((0, 0)), label=label, k=k)
        dot = {"marker": "o", "markersize": 7, "linestyle": "none"}
        marks[f"scatter {k} here"] = right.plot([], [], color=plotting.series(k)[0], **dot)
    right.legend(loc="lower left", fontsize=8)
    return marks


def _draw(marks, result, epsilon, part, classes):
    """Move the marks to a `Clusters` at ε = 0 and at another, for three classes of one part."""
    if result.templates is None:
        networks = f"{len(result.epsilons)} networks for each seed, side by side"
        return f"Training {networks}: {result.progress:.0%}."
    three = [int(k) for k in classes.split(", ")]
    for p, shown in enumerate((0.0, epsilon)):
        _draw_plane(marks, p, *result.in_plane(shown, part, three), three)
    marks["ε"][0].set_text(f"ε = {epsilon:g}")
    at = [result.epsilons.index(shown) for shown in (0.0, epsilon)]
    places = np.arange(len(result.epsilons))
    values = result.scatter[:, :, penultimate.PARTS.index(part)]
    for k in range(2):
        plotting.move_band(marks[f"scatter {k}"], places, values[:, k])
        marks[f"scatter {k} here"][0].set_data(at, values[:, k, at].mean(0))
    (seen0, seen), (all0, all_) = values[:, :, at].mean(0).tolist()
    n = len(result.scatter)
    return (
        f"Digits {classes}, {part} rows of one seed; ✖: mean of a class. From ε = 0 to {epsilon:g} "
        f"the scatter within classes over that between all ten goes from {seen0:.3f} to {seen:.3f} "
        f"in the nine directions that the softmax sees, and from {all0:.3f} to {all_:.3f} "
        f"in all 128 ({n} seed{'s' * (n != 1)})."
    )


def _draw_plane(marks, p, points, labels, three):
    """One of the two planes: rows, means and names of `three` classes."""
    for i, k in enumerate(three):
        members = points[labels == k]
        middle = members.mean(0)
        marks[f"rows {p} {i}"][0].set_data(*members.T)
        marks[f"mean {p} {i}"][0].set_data(*middle[:, None])
        marks[f"name {p} {i}"][0].set_position(tuple(1.8 * middle))
        marks[f"name {p} {i}"][0].set_text(str(k))


explorer = Explorer(
    title="Penultimate features, digits, 1000 training rows with right labels",
    controls={
        "epsilon": Slider(
            "ε, second picture", values=penultimate.EPSILONS[1:], default=0.1, trained=True
        ),
        "part": Choice("rows", penultimate.PARTS, "training", trained=True),
        "classes": Choice("digits", TRIPLES, TRIPLES[0], trained=True),
    },
    frozen={"epsilon": 3, "part": 2, "classes": 3},
    compute=penultimate.compare_clusters,
    prepare=_prepare,
    draw=_draw,
    size=(10, 3.7),
    quick={"seeds": (0, 1), "steps": 100},
)

show = explorer.show
