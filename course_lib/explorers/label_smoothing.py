"""Explorers of lesson 05: what a smoothed target asks for, whether confidence can be believed, clusters of features."""

from dataclasses import dataclass

import numpy as np
import torch

from course_lib import plotting
from course_lib.explorers._panel import Choice, Explorer, Slider
from course_lib.lab import penultimate
from course_lib.lab import smoothing as lab
from course_lib.label_smoothing import cross_entropy, optimal_gap, smooth_labels

# ---------------------------------------------------------------- targets: ε, the best logit gap, and the gradient

GAPS = np.linspace(-2, 14, 321)
SHOWN = 20  # bars at most


@dataclass
class Targets:
    """One label against K − 1 equal other logits: loss and gradient [gaps] as the label's logit rises above them."""

    epsilon: float
    gap: float
    q: torch.Tensor  # target [K]
    p: torch.Tensor  # prediction [K] at `gap`
    loss: torch.Tensor
    gradient: torch.Tensor  # ∂loss/∂z of the label
    floor: float  # the loss where p = q
    best: float  # the gap there; inf at ε = 0
    here: tuple  # loss and gradient at `gap`
    note: str


def ours(logits, target, epsilon):
    return cross_entropy(logits, target, label_smoothing=epsilon)


def loss_and_slope(loss, classes, epsilon, gaps):
    """Loss [gaps] and its derivative in the label's logit, for logits (gap, 0, …, 0) and label 0."""
    losses, slopes = [], []
    for gap in torch.as_tensor(gaps, dtype=torch.float64):
        z = torch.zeros(1, classes, dtype=torch.float64)
        z[0, 0] = gap
        z.requires_grad_()
        value = loss(z, torch.tensor([0]), epsilon)
        slopes.append(torch.autograd.grad(value, z)[0][0, 0])
        losses.append(value.detach())
    return torch.stack(losses), torch.stack(slopes)


def compute_targets(epsilon, classes, gap, layer=None):
    """`Targets` by our loss, or by the learner's `layer(logits, target, epsilon)`, whose gradient autograd finds."""
    q = smooth_labels(torch.tensor(0), classes, epsilon, torch.float64)
    z = torch.zeros(classes, dtype=torch.float64)
    z[0] = gap
    p = z.softmax(0)
    if layer is None:
        rows = torch.zeros(len(GAPS) + 1, classes, dtype=torch.float64)
        rows[:, 0] = torch.tensor([*GAPS, gap])
        loss = cross_entropy(rows, torch.zeros(len(rows), dtype=torch.long), reduction="none", label_smoothing=epsilon)
        gradient, note = rows.softmax(1)[:, 0] - q[0], ""  # p − q
    else:
        loss, gradient = loss_and_slope(layer, classes, epsilon, [*GAPS, gap])
        note = " Loss and gradient are those of your function; the dotted line is where the minimum should be."
    floor = -torch.xlogy(q, q).sum().item()
    here = loss[-1].item(), gradient[-1].item()
    return Targets(epsilon, gap, q, p, loss[:-1], gradient[:-1], floor, optimal_gap(classes, epsilon), here, note)


def prepare_targets(figure):
    """Bars of target and prediction, the loss against the gap, its gradient; returns the marks that move."""
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.15, 1, 1])
    left.set(title="One row", xlabel="class (the label first; at most 20)", ylabel="probability", ylim=(0, 1.02))
    blue, orange = plotting.series(0)[0], plotting.series(1)[0]
    marks = {"targets": list(left.bar(range(SHOWN), [0] * SHOWN, 0.8, color=orange, alpha=0.5, label="target q"))}
    style = {"marker": "o", "markersize": 5, "linestyle": "none"}
    marks["predictions"] = left.plot([], [], color=blue, label="prediction p", **style)
    left.legend(loc="upper right")
    middle.set(title="Loss", xlabel="label's logit − others'", xlim=(GAPS[0], GAPS[-1]), ylim=(0, 6))
    marks["plain"] = middle.plot([], [], color=plotting.muted(), linestyle="--", zorder=3, label="ε = 0")
    marks["loss"] = middle.plot([], [], color=blue, linestyle="-", label="with ε")
    marks["floor"] = [middle.axhline(np.nan, color=orange, linestyle=":", linewidth=1.2, label="floor: entropy of q")]
    middle.legend(loc="upper right", fontsize=7, handlelength=1.6)
    right.set(title="Gradient in the label's logit", xlabel="label's logit − others'", ylim=(-1.05, 0.3))
    right.set(xlim=(GAPS[0], GAPS[-1]))
    right.axhline(0, color=plotting.muted(), linewidth=0.8, linestyle="-")
    marks["gradient"] = right.plot([], [], color=blue, linestyle="-")
    for name, ax in (("loss", middle), ("gradient", right)):
        marks[f"best {name}"] = [ax.axvline(np.nan, color=orange, linestyle=":", linewidth=1.5)]
        marks[f"{name} here"] = ax.plot([], [], color=plotting.ink(), marker="o", markersize=7, linestyle="none")
    return marks


def draw_targets(marks, result):
    """Move the marks to a `Targets`."""
    classes = len(result.q)
    shown = min(classes, SHOWN)
    for k, bar in enumerate(marks["targets"]):
        bar.set_height(result.q[k].item() if k < shown else 0)
    ax = marks["predictions"][0].axes
    plotting.set_limits(ax, x=(-0.7, max(shown, 5) - 0.3))
    marks["predictions"][0].set_data(range(shown), result.p[:shown])
    gaps = torch.tensor(GAPS)
    marks["plain"][0].set_data(GAPS, (1 + (classes - 1) * (-gaps).exp()).log())  # −log p of the label
    marks["loss"][0].set_data(GAPS, result.loss)
    marks["gradient"][0].set_data(GAPS, result.gradient)
    marks["floor"][0].set_ydata([result.floor] * 2)
    for name, value in zip(("loss", "gradient"), result.here):
        marks[f"best {name}"][0].set_xdata([result.best if result.best <= GAPS[-1] else np.nan] * 2)
        marks[f"{name} here"][0].set_data([result.gap], [value])
    return _say_targets(result)


def _say_targets(result):
    classes, (_, slope) = len(result.q), result.here
    gap, slope = _signed(result.gap), _signed(slope)
    at = f"At a gap of {gap} the label has p = {result.p[0]:.4f}, and its logit's gradient is {slope}"
    if result.epsilon == 0:
        return f"ε = 0, {classes} classes: the target is 1. {at}: never zero, the gap would grow for ever.{result.note}"
    where = f"is lowest at a gap of {result.best:.3f}, where it is {result.floor:.4f}"
    if result.best > GAPS[-1]:
        where += " (outside the picture)"
    asked = f"ε = {result.epsilon:g}, {classes} classes: the label's target is {result.q[0]:.4g}"
    return f"{asked}, the others' {result.q[-1]:.3g}. The smoothed loss {where}. {at}.{result.note}"


def _signed(number):
    return f"{number:.3g}".replace("-", "−")


targets = Explorer(
    title="What a smoothed target asks for",
    controls={
        "epsilon": Slider("ε", 0.0, 1.0, 0.1, step=0.01),
        "classes": Slider("classes K", values=(2, 3, 5, 10, 20, 100, 1000), default=5),
        "gap": Slider("logit gap", -2.0, 14.0, 2.0, step=0.1),
    },
    compute=compute_targets,
    prepare=prepare_targets,
    draw=draw_targets,
    size=(9, 3.4),
)


# ---------------------------------------------------------------- reliability: can the confidence be believed?

LINES = ("as it is", "T, right labels", "T, noisy labels")
PANELS = {"nll": ("Loss (NLL, nats)", (0, 1.6)), "ece": ("Calibration (ECE)", (0, 0.5)), "error": ("Error", (0, 0.45))}
EDGES = np.linspace(0, 1, lab.BINS + 1)
FEW = 50  # predictions of all seeds together: a bin with fewer is drawn hollow


def compute_reliability(noise, steps, seeds=lab.SEEDS, hurry=1):
    """Train networks at every ε and seed; yields a growing `Smoothing`. `hurry`: take a fraction of the steps."""
    yield from lab.compare_smoothing(noise, steps // hurry, seeds)


def prepare_reliability(figure):
    """The reliability diagram over its counts, and three figures against ε; returns the marks that move."""
    grid = figure.add_gridspec(2, 4, width_ratios=[1.5, 1, 1, 1], height_ratios=[3, 1])
    diagram, counts = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    diagram.set(title="Reliability, test rows", ylabel="share that is right", xlim=(0, 1.02), ylim=(-0.03, 1.03))
    diagram.tick_params(labelbottom=False)
    diagram.plot([0, 1], [0, 1], color=plotting.muted(), linestyle=":")
    color = plotting.series(0)[0]
    gap = {"color": plotting.series(1)[0], "linewidth": 3, "alpha": 0.6, "label": "its gap"}
    marks = {"gaps": [diagram.vlines([], [], [], **gap)]}
    dot = {"color": color, "marker": "o", "markersize": 5}
    marks["dots"] = diagram.plot([], [], linestyle="-", linewidth=1, zorder=3, label="a bin", **dot)
    hollow = {"linestyle": "none", "markerfacecolor": diagram.get_facecolor(), "label": f"fewer than {FEW} rows"}
    marks["few"] = diagram.plot([], [], zorder=4, **dot, **hollow)
    diagram.legend(loc="lower right", fontsize=7, handlelength=1.2)
    marks["words"] = [diagram.text(0.03, 0.95, "", va="top", fontsize=8, color=plotting.ink())]
    counts.set(xlabel="confidence", ylabel="share\nof rows", xlim=(0, 1.02), ylim=(0, 1))
    middles = (EDGES[:-1] + EDGES[1:]) / 2
    marks["counts"] = list(counts.bar(middles, [0] * lab.BINS, 0.9 / lab.BINS, color=color, alpha=0.7))
    places = range(len(lab.EPSILONS))
    for column, (name, (title, limits)) in enumerate(PANELS.items(), start=1):
        ax = figure.add_subplot(grid[:, column])
        ax.set(title=title, xlabel="ε (not to scale)", ylim=limits, xlim=(-0.4, len(places) - 0.6))
        ax.set_xticks(places, [f"{epsilon:g}".lstrip("0") or "0" for epsilon in lab.EPSILONS])
        for k, label in enumerate(LINES if name != "error" else ["all readings"]):
            marks[f"{name} {k}"] = plotting.draw_band(ax, [], np.empty((0, 0)), label=label, k=k)
            dot = {"marker": "o", "markersize": 6, "linestyle": "none"}
            marks[f"{name} {k} here"] = ax.plot([], [], color=plotting.series(k)[0], **dot)
        if name != "nll":
            ax.legend(loc="upper left" if name == "ece" else "upper right", fontsize=7, handlelength=2)
    return marks


def draw_reliability(marks, result, epsilon, reading):
    """Move the marks to a `Smoothing` at one of its ε, read one of three ways."""
    at, way = result.epsilons.index(epsilon), lab.READINGS.index(reading)
    if not len(result.error):
        return f"Training {len(result.epsilons)} networks for each seed, side by side: {result.progress:.0%}."
    places = np.arange(len(result.epsilons))
    for name in PANELS:
        values = getattr(result, name)
        for k in range(len(LINES) if name != "error" else 1):
            plotting.move_band(marks[f"{name} {k}"], places, values[:, k])
            seen = plotting.array(values[:, k, at])
            chosen = name == "error" or k == way
            here = np.nanmean(seen) if chosen and np.isfinite(seen).any() else np.nan
            marks[f"{name} {k} here"][0].set_data([at], [here])
    confidence, accuracy, share = pooled(result, way, at)
    seen, few = share > 0, share * np.nansum(result.curves[2][:, way, at]) < FEW
    marks["dots"][0].set_data(confidence[seen], accuracy[seen])
    marks["few"][0].set_data(confidence[seen & few], accuracy[seen & few])
    marks["gaps"][0].set_segments([[(c, c), (c, a)] for c, a in zip(confidence[seen], accuracy[seen])])
    for bar, height in zip(marks["counts"], share):
        bar.set_height(height)
    return _say_reliability(marks, result, epsilon, reading, at, way)


def pooled(result, way, at):
    """Confidence, accuracy and share of rows of each bin, over the predictions of all seeds together."""
    confidence, accuracy, count = (part[:, way, at].numpy() for part in result.curves)
    total = np.nansum(count, 0)
    with np.errstate(invalid="ignore"):
        pooled = [np.nansum(np.nan_to_num(part) * count, 0) / total for part in (confidence, accuracy)]
    return *pooled, total / max(total.sum(), 1)


def _say_reliability(marks, result, epsilon, reading, at, way):
    figures = [plotting.array(getattr(result, name)[:, way, at]) for name in lab.FIGURES]
    error, nll, ece, T = (np.nanmean(values) if np.isfinite(values).any() else np.nan for values in figures)
    n = int(np.isfinite(figures[0]).sum())
    marks["words"][0].set_text(f"T = {T:.2f}" if way and np.isfinite(T) else "")
    if not n:
        return f"ε = {epsilon:g}, {reading}: at no seed is there a best temperature, every validation row is right."
    known = f"{n} of {len(result.error)} seeds" if n < len(result.error) else f"{n} seed{'s' * (n != 1)}"
    right = result.memorised[:, at].mean()
    return (
        f"ε = {epsilon:g}, {reading} ({known}): error {error:.1%}, NLL {nll:.3f}, calibration error {ece:.3f}. "
        f"{right:.0%} of the training rows are classified as labelled."
    )


reliability = Explorer(
    title="Can the confidence be believed? Digits, 300 training rows",
    controls={
        "epsilon": Slider("ε", values=lab.EPSILONS, default=0.0, trained=True),
        "reading": Choice("probabilities", lab.READINGS, "as it is", trained=True),
        "noise": Slider("wrong training labels", values=(0.0, 0.1, 0.2, 0.4), default=0.2),
        "steps": Slider("training steps", values=(600, 2000), default=2000),
    },
    compute=compute_reliability,
    prepare=prepare_reliability,
    draw=draw_reliability,
    size=(10, 3.8),
    quick={"seeds": (0, 1), "hurry": 10},
)


# ---------------------------------------------------------------- clusters: the features before the last layer

TRIPLES = ("0, 1, 2", "3, 8, 9", "4, 7, 9")


def prepare_clusters(figure):
    """Three classes in the plane of their templates without and with ε, and scatter; returns the marks that move."""
    *planes, right = figure.subplots(1, 3, width_ratios=[1, 1, 1.05])
    marks = {}
    for p, ax in enumerate(planes):
        ax.set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), xlabel="plane of three templates", title="ε = 0")
        ax.set_aspect("equal")
        for k in range(3):
            style = {"color": plotting.series(k)[0], "linestyle": "none"}
            marks[f"rows {p} {k}"] = ax.plot([], [], marker=".", markersize=3.5, alpha=0.6, **style)
            marks[f"mean {p} {k}"] = ax.plot([], [], marker="X", markersize=8, markeredgecolor=plotting.ink(), **style)
            big = {"fontsize": 12, "weight": "bold", "ha": "center", "va": "center", "color": plotting.ink()}
            marks[f"name {p} {k}"] = [ax.text(0, 0, "", **big)]
    planes[0].set_ylabel("1: mean distance of the ✖")
    right.set(title="Scatter, all ten classes", xlabel="ε (not to scale)", ylabel="within / between", ylim=(0, 0.65))
    right.set_xticks(range(len(penultimate.EPSILONS)), [f"{epsilon:g}" for epsilon in penultimate.EPSILONS])
    right.set_xlim(-0.3, len(penultimate.EPSILONS) - 0.7)
    for k, label in enumerate(("what the softmax sees: 9", "all 128 directions")):
        marks[f"scatter {k}"] = plotting.draw_band(right, [], np.empty((0, 0)), label=label, k=k)
        dot = {"marker": "o", "markersize": 7, "linestyle": "none"}
        marks[f"scatter {k} here"] = right.plot([], [], color=plotting.series(k)[0], **dot)
    right.legend(loc="lower left", fontsize=8)
    return marks


def projected(result, at, part, three):
    """[rows, 2] and labels [rows] of three classes: centred, and scaled so that class means lie 1 from the middle."""
    h, labels = result.features[part][at], result.labels[part]
    points = h @ penultimate.plane_of_three(result.templates[at][three]).T
    means = torch.stack([points[labels == k].mean(0) for k in three])
    points = (points - means.mean(0)) / (means - means.mean(0)).norm(dim=1).mean()
    kept = torch.isin(labels, torch.tensor(three))
    return points[kept], labels[kept]


def draw_clusters(marks, result, epsilon, part, classes):
    """Move the marks to a `Clusters` at ε = 0 and at another, for training or test rows of three classes."""
    if result.features is None:
        return f"Training {len(result.epsilons)} networks for each seed, side by side: {result.progress:.0%}."
    at, part_at = [result.epsilons.index(e) for e in (0.0, epsilon)], penultimate.PARTS.index(part)
    three = [int(k) for k in classes.split(", ")]
    for p, place in enumerate(at):
        _draw_plane(marks, p, *projected(result, place, part_at, three), three)
    plotting.set_texts(marks["mean 1 0"][0].axes, title=f"ε = {epsilon:g}")
    places, values = np.arange(len(result.epsilons)), result.scatter[:, :, part_at]
    for k in range(2):
        plotting.move_band(marks[f"scatter {k}"], places, values[:, k])
        marks[f"scatter {k} here"][0].set_data(at, values[:, k, at].mean(0))
    (seen0, seen), (all0, all_) = values[:, :, at].mean(0).tolist()
    n = len(result.scatter)
    return (
        f"Digits {classes}, {part} rows of one seed; ✖: mean of a class. From ε = 0 to {epsilon:g} "
        f"the scatter within classes over that between all ten goes from {seen0:.3f} to {seen:.3f} "
        f"in the nine directions that the softmax sees, and from {all0:.3f} to {all_:.3f} in all 128 "
        f"({n} seed{'s' * (n != 1)})."
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


clusters = Explorer(
    title="Penultimate features, digits, 1000 training rows with right labels",
    controls={
        "epsilon": Slider("ε, second picture", values=penultimate.EPSILONS[1:], default=0.1, trained=True),
        "part": Choice("rows", penultimate.PARTS, "training", trained=True),
        "classes": Choice("digits", TRIPLES, TRIPLES[0], trained=True),
    },
    compute=penultimate.compare_clusters,
    prepare=prepare_clusters,
    draw=draw_clusters,
    size=(10, 3.7),
    quick={"seeds": (0, 1), "steps": 100},
)
