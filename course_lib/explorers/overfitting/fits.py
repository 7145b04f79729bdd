"""The picture of polynomials and of networks: a fit among many, and the errors of all."""

import numpy as np
import torch

from course_lib import plotting
from course_lib.experiments.overfitting.bias_variance import GRID, TRUTH

SPREAD = (0.1, 0.9)  # quantiles over training sets that the band runs between
FIGURES = {
    "training error": (0, "-"),
    "validation error": (1, "--"),
    "bias²": (2, "-."),
    "variance": (3, ":"),
}
TWO = ("training error", "validation error")  # what can be seen before an error has parts


def prepare_fits(figure, complexity, positions, log):
    """Left the data and what is fitted to it, right the errors against the complexity.

    Returns the marks that move. complexity: its name; positions: its values, `log` if their axis is
    logarithmic.
    """
    left, right = figure.subplots(1, 2)
    left.set(
        xlim=(-1, 1),
        ylim=(-2.4, 2.4),
        xlabel="x",
        ylabel="y",
        title="The data, and what is fitted to them",
    )
    color, _ = plotting.series(0)
    marks = {"band": [left.fill_between([], [], [], color=color, alpha=0.22, linewidth=0)]}
    marks["mean"] = left.plot(
        [], [], color=color, linestyle="--", label="mean of all fits; band: 80 % of them"
    )
    marks["truth"] = left.plot(
        [], [], color=plotting.ink(), linestyle="-", linewidth=1, label="truth, sin πx"
    )
    marks["fit"] = left.plot(
        [], [], color=plotting.series(1)[0], linestyle="-", label="fit to these points"
    )
    marks["points"] = left.plot(
        [], [], "o", color=plotting.series(1)[0], markersize=4, linestyle="none"
    )
    right.set(
        title="Mean over the training sets", xlabel=complexity, ylabel="squared error", yscale="log"
    )
    right.set(ylim=(1e-4, 1e2), xlim=(positions[0] - 0.3, positions[-1] + 0.3))
    if log:
        right.set(xscale="log", xlim=(positions[0] / 1.15, positions[-1] * 1.15))
        right.set_xticks(positions, [str(p) for p in positions], minor=False)
        right.set_xticks([], minor=True)
    for name, (k, linestyle) in FIGURES.items():
        style = {
            "color": plotting.series(k)[0],
            "linestyle": linestyle,
            "marker": ".",
            "markersize": 4,
        }
        marks[name] = right.plot([], [], label=name, **style)
    marks["noise"] = [
        right.axhline(np.nan, color=plotting.muted(), linestyle="-", linewidth=1, label="noise σ²")
    ]
    marks["here"] = [right.axvline(np.nan, color=plotting.ink(), linestyle="-", linewidth=1)]
    # opaque: the line that marks where one is passes behind it
    box = {
        "loc": "upper left",
        "fontsize": 8,
        "frameon": True,
        "framealpha": 1,
        "edgecolor": "none",
    }
    short = right.legend(handles=[marks[name][0] for name in TWO], **box)
    right.add_artist(short)
    marks["legends"] = [ax.legend(**box, ncols=n) for ax, n in ((left, 1), (right, 2))]
    marks["short legend"] = [short]
    return marks


def move_fits(marks, result, index, shown=True, parts=True):
    """Move the marks to complexity number `index` of a `Fits`.

    Not `shown`: only the points and the one fit, across the whole picture. Not `parts`: of the
    errors only training and validation.
    """
    _make_room(marks["fit"][0].axes, marks["here"][0].axes, shown)
    predictions = result.predictions[index]
    there = predictions[predictions.isfinite().all(1)]
    marks["points"][0].set_data(result.x, result.y)
    marks["fit"][0].set_data(GRID, plotting.array(predictions[0]))
    visible = shown and len(there) > 1
    low, high = (
        there.quantile(torch.tensor(SPREAD, dtype=there.dtype), 0)
        if visible
        else (GRID[:0], GRID[:0])
    )
    x = GRID[: len(low)]
    edge = np.concatenate([np.stack([x, low], 1), np.stack([x, high], 1)[::-1]])
    marks["band"][0].set_verts([edge] if visible else [])
    marks["mean"][0].set_data(*((GRID, there.mean(0)) if visible else ([], [])))
    marks["truth"][0].set_data(*((GRID, TRUTH) if shown else ([], [])))
    lines = _curves(result) if shown else {}
    for name in FIGURES:
        drawn = parts or name in TWO
        marks[name][0].set_data(*(lines.get(name, ([], [])) if drawn else ([], [])))
    # bias² alone goes below 10⁻²
    marks["here"][0].axes.set_ylim(bottom=1e-4 if parts else 1e-2)
    level = result.noise**2 if shown and parts and result.noise else np.nan
    marks["noise"][0].set_ydata([level] * 2)
    marks["here"][0].set_xdata([result.complexities[index] if shown else np.nan] * 2)
    for legend, visible in zip(marks["legends"], (shown, shown and parts)):
        legend.set_visible(visible)
    marks["short legend"][0].set_visible(shown and not parts)


def _make_room(left, right, shown):
    """Both axes side by side, or the left one alone."""
    if right.get_visible() != shown:
        right.set_visible(shown)
        right.set_in_layout(shown)
        grid = left.get_gridspec()
        left.set_subplotspec(grid[0, 0] if shown else grid[0, :])


def _curves(result):
    """Name → (complexities, means over training sets), where there is anything to say."""
    known = [k for k, p in enumerate(result.predictions) if p.isfinite().all(1).sum() > 1]
    parts = [result.parts(k) for k in known]
    columns = {
        "training error": [result.train_error[k].nanmean().item() for k in known],
        "validation error": [result.validation_error[k].nanmean().item() for k in known],
        "bias²": [bias2.mean().item() for bias2, _ in parts],
        "variance": [variance.mean().item() for _, variance in parts],
    }
    return {
        name: ([result.complexities[k] for k in known], values) for name, values in columns.items()
    }


def say_fits(result, index, what, parts=True):
    """The caption: what the errors are at complexity number `index`, which is called `what`.

    Not `parts`: without bias², variance and noise.
    """
    sets = int(result.predictions[index].isfinite().all(1).sum())
    if sets < 2:
        count = len(result.train_error[0])
        return f"Training {count} networks of each width: {result.progress:.0%}."
    bias2, variance = (part.mean().item() for part in result.parts(index))
    errors = result.train_error[index], result.validation_error[index]
    train, validation = (error.nanmean().item() for error in errors)
    if not parts:
        return (
            f"{what}, mean of {sets} training sets of {len(result.x)} points: training error "
            f"{train:.2g}, validation error {validation:.2g}."
        )
    return (
        f"{what}, mean of {sets} training sets of {len(result.x)} points: bias² {bias2:.2g}, "
        f"variance {variance:.2g}; training error {train:.2g}, validation error {validation:.2g} "
        f"(noise σ² {result.noise**2:.2g})."
    )
