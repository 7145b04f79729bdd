"""Explorers of lesson 01: fits to resampled data, early stopping, double descent twice, and the filters of stopping."""

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import torch

from course_lib import plotting
from course_lib._arguments import require
from course_lib.explorers._panel import Choice, Explorer, Slider
from course_lib.lab import bias_variance as fits_lab
from course_lib.lab import double_descent as descent_lab
from course_lib.lab import early_stopping as stopping_lab
from course_lib.lab.statistics import paired_interval
from course_lib.overfitting import descent_filter, excess_risk, flow_filter, ridge_filter

EMPTY = np.empty((0, 0))

# ---------------------------------------------------------------- fits: one recipe, two hundred training sets

SPREAD = (0.1, 0.9)  # quantiles over training sets that the band runs between
FIGURES = {
    "training error": (0, "-"),
    "validation error": (1, "--"),
    "bias²": (2, "-."),
    "variance": (3, ":"),
}


@lru_cache(32)
def all_degrees(rows, noise, sets):
    """Fits of every degree of the slider that `rows` points determine."""
    degrees = tuple(degree for degree in fits_lab.DEGREES if degree < rows)
    return fits_lab.polynomials(rows, noise, degrees, sets)


def compute_polynomials(degree, noise, rows, sets=fits_lab.SETS):
    """(Fits, index of `degree`). Raises ValueError for a degree that `rows` points do not determine."""
    if require("degree", degree, 0) > rows - 1:
        raise ValueError(f"degree = {degree}: must be at most {rows - 1} with {rows} training points")
    return all_degrees(rows, noise, sets), degree


def prepare_fits(figure, complexity, positions, log):
    """Left the data and what is fitted to it, right the errors against the complexity; returns the marks that move."""
    left, right = figure.subplots(1, 2)
    left.set(xlim=(-1, 1), ylim=(-2.4, 2.4), xlabel="x", ylabel="y", title="The data, and what is fitted to them")
    color, _ = plotting.series(0)
    marks = {"band": [left.fill_between([], [], [], color=color, alpha=0.22, linewidth=0)]}
    marks["mean"] = left.plot([], [], color=color, linestyle="--", label="mean of all fits; band: 80 % of them")
    marks["truth"] = left.plot([], [], color=plotting.ink(), linestyle="-", linewidth=1, label="truth, sin πx")
    marks["fit"] = left.plot([], [], color=plotting.series(1)[0], linestyle="-", label="fit to these points")
    marks["points"] = left.plot([], [], "o", color=plotting.series(1)[0], markersize=4, linestyle="none")
    right.set(title="Mean over the training sets", xlabel=complexity, ylabel="squared error", yscale="log")
    right.set(ylim=(1e-4, 1e3), xlim=(positions[0] - 0.3, positions[-1] + 0.3))
    if log:
        right.set(xscale="log", xlim=(positions[0] / 1.15, positions[-1] * 1.15))
        right.set_xticks(positions, [str(p) for p in positions], minor=False)
        right.set_xticks([], minor=True)
    for name, (k, linestyle) in FIGURES.items():
        style = {"color": plotting.series(k)[0], "linestyle": linestyle, "marker": ".", "markersize": 4}
        marks[name] = right.plot([], [], label=name, **style)
    marks["noise"] = [right.axhline(np.nan, color=plotting.muted(), linestyle="-", linewidth=1, label="noise σ²")]
    marks["here"] = [right.axvline(np.nan, color=plotting.ink(), linestyle="-", linewidth=1)]
    marks["legends"] = [ax.legend(loc="upper left", fontsize=8, ncols=n) for ax, n in ((left, 1), (right, 2))]
    marks["later"] = [right.text(0.5, 0.45, "", transform=right.transAxes, ha="center", color=plotting.muted())]
    return marks


def move_fits(marks, result, index, shown=True):
    """Move the marks to complexity number `index` of a `Fits`; not `shown`: only the points and the one fit."""
    grid, predictions = fits_lab.GRID, result.predictions[index]
    there = predictions[predictions.isfinite().all(1)]
    marks["points"][0].set_data(result.x, result.y)
    marks["fit"][0].set_data(grid, plotting.array(predictions[0]))
    visible = shown and len(there) > 1
    low, high = there.quantile(torch.tensor(SPREAD, dtype=there.dtype), 0) if visible else (grid[:0], grid[:0])
    edge = np.concatenate([np.stack([grid[: len(low)], low], 1), np.stack([grid[: len(low)], high], 1)[::-1]])
    marks["band"][0].set_verts([edge] if visible else [])
    marks["mean"][0].set_data(*((grid, there.mean(0)) if visible else ([], [])))
    marks["truth"][0].set_data(*((grid, fits_lab.TRUTH) if shown else ([], [])))
    lines = curves_of(result) if shown else {}
    for name in FIGURES:
        marks[name][0].set_data(*lines.get(name, ([], [])))
    marks["noise"][0].set_ydata([result.noise**2 if shown and result.noise else np.nan] * 2)
    marks["here"][0].set_xdata([result.complexities[index]] * 2)
    for legend in marks["legends"]:
        legend.set_visible(shown)
    marks["later"][0].set_text("" if shown else "not yet: commit first")


def curves_of(result):
    """Name → (complexities, means over training sets), where there is anything to say."""
    known = [k for k, p in enumerate(result.predictions) if p.isfinite().all(1).sum() > 1]
    parts = [result.parts(k) for k in known]
    columns = {
        "training error": [result.train_error[k].nanmean().item() for k in known],
        "validation error": [result.validation_error[k].nanmean().item() for k in known],
        "bias²": [bias2.mean().item() for bias2, _ in parts],
        "variance": [variance.mean().item() for _, variance in parts],
    }
    return {name: ([result.complexities[k] for k in known], values) for name, values in columns.items()}


def _say_fits(result, index, what):
    sets = int(result.predictions[index].isfinite().all(1).sum())
    if sets < 2:
        return f"Training {len(result.train_error[0])} networks of each width: {result.progress:.0%}."
    bias2, variance = (part.mean().item() for part in result.parts(index))
    train, validation = result.train_error[index].nanmean().item(), result.validation_error[index].nanmean().item()
    return (
        f"{what}, mean of {sets} training sets of {len(result.x)} points: bias² {bias2:.2g}, variance {variance:.2g}; "
        f"training error {train:.2g}, validation error {validation:.2g} (noise σ² {result.noise**2:.2g})."
    )


def draw_polynomials(marks, result, errors):
    """Move the marks to what `compute_polynomials` returned."""
    fits, degree = result
    move_fits(marks, fits, degree, errors == "shown")
    if errors == "hidden":
        return f"A polynomial of degree {degree} fitted to {len(fits.x)} points, training error {_first(fits, degree)}."
    return _say_fits(fits, degree, f"Degree {degree}")


def _first(fits, index):
    return f"{fits.train_error[index, 0].item():.2g}"


polynomials = Explorer(
    title="Polynomials through noisy points",
    controls={
        "degree": Slider("degree", 0, fits_lab.DEGREES[-1], 3),
        "noise": Slider("noise σ", 0.0, 1.0, 0.3, step=0.05),
        "rows": Slider("training points", values=(15, 20, 30, 50, 100, 200), default=20),
        "errors": Choice("truth and errors", ("hidden", "shown"), "shown", trained=True),
    },
    compute=compute_polynomials,
    prepare=partial(prepare_fits, complexity="degree", positions=fits_lab.DEGREES, log=False),
    draw=draw_polynomials,
    quick={"sets": 20},
)


def draw_networks(marks, result, width):
    """Move the marks to a `Fits` of networks."""
    index = result.complexities.index(width)
    move_fits(marks, result, index)
    return _say_fits(result, index, f"{width} hidden unit{'s' * (width > 1)}, {3 * width + 1} weights and biases")


networks = Explorer(
    title="Small networks on the same points",
    controls={
        "width": Slider("hidden units", values=fits_lab.WIDTHS, default=8, trained=True),
        "noise": Slider("noise σ", values=(0.0, 0.1, 0.3, 0.6), default=0.3),
        "rows": Slider("training points", values=(15, 20, 30, 50), default=20),
    },
    compute=fits_lab.networks,
    prepare=partial(prepare_fits, complexity="hidden units", positions=fits_lab.WIDTHS, log=True),
    draw=draw_networks,
    quick={"sets": 6, "steps": 40},
)


# ---------------------------------------------------------------- early stopping: patience on a real training curve

PATIENCE = (1, 2, 3, 5, 8, 12, 20, 50)


def prepare_stopping(figure):
    """Left the two losses of one seed, right its test accuracy; returns the marks that move."""
    left, right = figure.subplots(1, 2)
    left.set(title="Loss", xlabel="step", ylabel="cross entropy", yscale="log", ylim=(1e-2, 8))
    right.set(title="Right on the test set", xlabel="step", ylabel="accuracy (%)", ylim=(40, 100))
    marks = {}
    for ax in (left, right):
        ax.set(xlim=(0, stopping_lab.STEPS))
        name = "left" if ax is left else "right"
        marks[f"{name} best"] = [ax.axvline(np.nan, color=plotting.ink(), linestyle="-", linewidth=1, label="kept")]
        marks[f"{name} last"] = [ax.axvline(np.nan, color=plotting.muted(), linestyle=":", label="stopped here")]
    for k, name in enumerate(("training", "validation")):
        color, linestyle = plotting.series(k)
        marks[name] = left.plot([], [], color=color, linestyle=linestyle, label=name)
    color, linestyle = plotting.series(2)
    marks["test"] = right.plot([], [], color=color, linestyle="-", label="this seed")
    marks["all"] = plotting.draw_band(right, [], EMPTY, label="mean of seeds, 95 % band", k=3)
    left.legend(loc="lower right", fontsize=8)
    right.legend(loc="lower right", fontsize=8)
    return marks


def draw_stopping(marks, result, patience, seed):
    """Move the marks to one seed of `Curves` and to where this patience ends it."""
    steps = result.recorded
    curves = {"training": result.train_loss, "validation": result.validation_loss, "test": 100 * result.test_accuracy}
    here = min(seed, len(result.train_loss) - 1)
    for name, values in curves.items():
        marks[name][0].set_data(steps, plotting.array(values[here]))
    plotting.move_band(marks["all"], steps, 100 * result.test_accuracy)
    done = result.validation_loss[here].isfinite().all()
    best, last = stopping_lab.stop_at(result.validation_loss[here].tolist(), patience) if done else (None, None)
    for side in ("left", "right"):
        marks[f"{side} best"][0].set_xdata([steps[best] if done else np.nan] * 2)
        marks[f"{side} last"][0].set_xdata([steps[last] if done else np.nan] * 2)
    if not done:
        return f"Training one network a seed: {result.progress:.0%}."
    return _say_stopping(result, here, patience, best, last)


def _say_stopping(result, here, patience, best, last):
    accuracy, steps = 100 * result.test_accuracy, result.recorded
    ended = f"stopped at step {steps[last]}" if last + 1 < len(steps) else f"at step {steps[last]} it was not over yet"
    if last + 1 == len(steps) and last - best >= patience:
        ended = f"stopped at the last step, {steps[last]}"
    text = (
        f"Seed {here}, patience {patience}: best validation loss at step {steps[best]}, {ended}. Kept "
        f"{accuracy[here, best]:.1f} % right, the last weights {accuracy[here, -1]:.1f} %."
    )
    if not result.validation_loss.isfinite().all() or len(accuracy) < 2:
        return text
    gain = paired_interval(100 * result.kept_accuracy(patience), accuracy[:, -1])
    return f"{text} All {len(accuracy)} seeds: {gain.mean:+.1f} points [{gain.low:.1f}, {gain.high:.1f}]."


early_stopping = Explorer(
    title="Early stopping on digits with wrong labels",
    controls={
        "patience": Slider("patience", values=PATIENCE, default=5, trained=True, unit="evaluations"),
        "seed": Slider("seed", values=tuple(range(8)), default=0, trained=True),
        "noise": Slider("share of wrong labels", values=(0.0, 0.1, 0.2, 0.4), default=0.2),
    },
    compute=stopping_lab.curves,
    prepare=prepare_stopping,
    draw=draw_stopping,
    quick={"seeds": tuple(range(8)), "steps": 300, "every": 10},
)


# ---------------------------------------------------------------- double descent where the risk is known exactly

FINE = np.unique(np.round(np.geomspace(2, 300, 200)).astype(int))
RIDGE = (0.0, 1e-4, 1e-3, 1e-2, 0.1, 1.0)


@dataclass
class Law:
    """Excess risk against features: the exact law at λ = 0, and draws [features, draws] at λ and at the best λ."""

    noise: float
    l2: float
    law: np.ndarray
    risks: torch.Tensor
    best: torch.Tensor


def compute_minimum_norm(noise, l2, draws=descent_lab.DRAWS):
    """A `Law`; everything is a closed form in the singular values of data sets that are drawn once."""
    n, sizes = descent_lab.ROWS, descent_lab.FEATURES
    law = np.array([excess_risk(n, int(d), noise) for d in FINE])
    risks = torch.stack([descent_lab.minimum_norm(d, noise, l2, n, draws) for d in sizes])
    best = torch.stack([descent_lab.minimum_norm(d, noise, noise**2 * d / n, n, draws) for d in sizes])
    return Law(noise, l2, law, risks, best)


def prepare_minimum_norm(figure):
    """The excess risk against the number of features; returns the marks that move."""
    ax = figure.subplots()
    ax.set(xscale="log", yscale="log", xlim=(1.9, 320), ylim=(3e-3, 1e3))
    ax.set(xlabel="features d (log scale)", ylabel="excess risk  ‖ŵ − β‖²")
    ax.set_xticks([2, 5, 10, 30, 100, 300], ["2", "5", "10", "30 = n", "100", "300"])
    ax.axvline(descent_lab.ROWS, color=plotting.muted(), linestyle="-", linewidth=0.8)
    ax.axhline(1, color=plotting.muted(), linestyle="-", linewidth=0.8)
    ax.annotate("learn nothing: ŵ = 0", (2, 1.1), color=plotting.muted(), fontsize=8)
    marks = {"law": ax.plot([], [], color=plotting.ink(), linestyle="-", label="exact law, λ = 0")}
    style = {"linestyle": "none", "markersize": 6}
    marks["mean"] = ax.plot([], [], "o", color=plotting.series(0)[0], label="mean of 500 data sets at this λ", **style)
    marks["median"] = ax.plot([], [], "x", color=plotting.series(1)[0], label="their median", **style)
    color, linestyle = plotting.series(2)
    marks["best"] = ax.plot([], [], color=color, linestyle=linestyle, label="mean at λ = σ²d/n")
    ax.legend(loc="upper left", fontsize=8)
    return marks


def draw_minimum_norm(marks, result):
    """Move the marks to a `Law`."""
    sizes = descent_lab.FEATURES
    law = np.where(result.law > 0, result.law, np.nan)
    marks["law"][0].set_data(FINE, plotting.array(law))
    for name, values in (("mean", result.risks.mean(1)), ("median", result.risks.median(1).values),
                         ("best", result.best.mean(1))):  # fmt: skip
        values = values.where(values > 1e-9, torch.nan)
        marks[name][0].set_data(sizes, plotting.array(values))
    medians = result.risks.median(1).values
    top = int(medians.argmax())
    if result.noise == 0 and result.l2 == 0:
        return "Without noise there is no peak: up to d = n the fit is exact, beyond it some of β is in no row."
    where = f"The medians are highest at d = {sizes[top]}: {medians[top]:.2g}"
    last = "" if top == len(sizes) - 1 else f", and {medians[-1]:.2g} at d = {sizes[-1]}"
    return f"{where}{last}; noise σ = {result.noise:g}, λ = {result.l2:g}."


minimum_norm = Explorer(
    title="Least squares with ever more features, 30 examples",
    controls={
        "noise": Slider("noise σ", 0.0, 1.5, 0.5, step=0.05),
        "l2": Slider("λ", values=RIDGE, default=0.0),
    },
    compute=compute_minimum_norm,
    prepare=prepare_minimum_norm,
    draw=draw_minimum_norm,
    quick={"draws": 40},
)


# ---------------------------------------------------------------- double descent on digits


def prepare_random_features(figure):
    """Errors against the number of random features; returns the marks that move."""
    ax = figure.subplots()
    widths = descent_lab.WIDTHS
    ax.set(xscale="log", xlim=(widths[0] * 0.9, widths[-1] * 1.1), ylim=(0, 100))
    ax.set(xlabel="random features (log scale)", ylabel="error (%), lower is better")
    ax.set_xticks([10, 30, 100, 300, 1000, 3000], ["10", "30", "100", "300 = n", "1000", "3000"])
    ax.axvline(descent_lab.TRAIN_ROWS, color=plotting.muted(), linestyle="-", linewidth=0.8)
    marks = {"train": ax.plot([], [], color=plotting.muted(), linestyle=":", label="training error")}
    marks["test"] = plotting.draw_band(ax, [], EMPTY, label="test error at this λ, 95 % band", k=0)
    marks["tuned"] = plotting.draw_band(ax, [], EMPTY, label="test error, λ tuned on validation rows", k=1)
    ax.legend(loc="upper right", fontsize=8)
    return marks


def draw_random_features(marks, result, l2):
    """Move the marks to one λ of `RandomFeatures`."""
    k, widths = result.strengths.index(l2), result.widths
    test = 100 * result.test_error[:, :, k]
    marks["train"][0].set_data(widths, plotting.array(100 * result.train_error[:, :, k].nanmean(1)))
    plotting.move_band(marks["test"], widths, test.T)
    known = result.test_error[:, :, 0].isfinite()
    plotting.move_band(marks["tuned"], widths, (100 * result.tuned()).where(known, torch.nan).T)
    seeds = int(known.all(0).sum())
    if seeds < 2:
        return f"Fitting the last layer at every width: {result.progress:.0%}."
    means = test[:, known.all(0)].mean(1)
    top = int(means[widths.index(60) :].argmax()) + widths.index(60) if 60 in widths else int(means.argmax())
    return (
        f"λ = {plotting.readable(l2)}, {seeds} seeds: from 60 features on, the test error is highest at {widths[top]} "
        f"({means[top]:.0f} %), and {means[-1]:.1f} % with {widths[-1]}."
    )


random_features = Explorer(
    title="Random ReLU features on 300 digits",
    controls={
        "l2": Slider("λ", values=descent_lab.STRENGTHS, default=0.0, trained=True),
        "noise": Slider("share of wrong labels", values=(0.0, 0.1, 0.2, 0.4), default=0.2),
    },
    compute=descent_lab.random_features,
    prepare=prepare_random_features,
    draw=draw_random_features,
    quick={"seeds": (0, 1), "widths": (20, 60, 300)},
)


# ---------------------------------------------------------------- filters: early stopping beside ridge

CURVATURES = torch.logspace(-4, 0, 161, dtype=torch.float64)  # d², the largest is 1
BOUND = 0.2037  # ≥ max |(1 − e⁻ˣ) − x/(1 + x)| = 0.20363…


def compute_filters(lr, steps):
    """(η, t, filters of flow, descent and ridge [curvatures]): flow until ηt, ridge with λ = 1/(ηt)."""
    time = lr * steps
    filters = flow_filter(CURVATURES, time), descent_filter(CURVATURES, steps, lr), ridge_filter(CURVATURES, 1 / time)
    return lr, steps, filters


def prepare_filters(figure):
    """Left the filters, right what parts them from ridge; returns the marks that move."""
    left, right = figure.subplots(1, 2)
    marks = {}
    for ax, title in ((left, "What gets through"), (right, "Difference from ridge")):
        ax.set(xscale="log", xlim=(1e-4, 1.2), xlabel="curvature d² of the direction (log scale)", title=title)
    left.set(ylim=(-0.6, 2.1), ylabel="part of the least-squares solution")
    right.set(ylim=(-1.4, 1.4), ylabel="filter − ridge filter")
    names = ("gradient flow until t", "gradient descent", "ridge, λ = 1/t")
    for k, name in enumerate(names):
        color, linestyle = plotting.series(k)
        marks[f"left {k}"] = left.plot([], [], color=color, linestyle=linestyle, label=name)
        if k < 2:
            marks[f"right {k}"] = right.plot([], [], color=color, linestyle=linestyle)
    for bound in (-BOUND, BOUND):
        right.axhline(bound, color=plotting.muted(), linestyle=":", linewidth=1)
    right.annotate("0.2036", (1.2e-4, BOUND + 0.05), color=plotting.muted(), fontsize=8)
    marks["diverged"] = plotting.draw_divergence(left)
    left.legend(loc="upper left", fontsize=8)
    return marks


def draw_filters(marks, result):
    """Move the marks to what `compute_filters` returned."""
    lr, steps, filters = result
    ridge = filters[2]
    for k, values in enumerate(filters):
        marks[f"left {k}"][0].set_data(CURVATURES, values.clamp(-50, 50))
        if k < 2:
            marks[f"right {k}"][0].set_data(CURVATURES, (values - ridge).clamp(-50, 50))
    apart = [(values - ridge).abs().max().item() for values in filters[:2]]
    plotting.move_divergence(marks["diverged"], 2 / lr if lr > 2 else None, "from 2/η on: diverges")
    if lr > 2:
        return (
            f"Gradient descent diverges: η = {lr:g} is above 2/λmax = 2, and its steepest direction grows by "
            f"{lr - 1:.3g} a step. Flow stays within {apart[0]:.4f} of ridge."
        )
    return (
        f"Stopped at t = η·steps = {lr * steps:.3g}: flow differs from ridge by at most {apart[0]:.4f} "
        f"(never by more than 0.2036…), gradient descent by at most {apart[1]:.4f}."
    )


filters = Explorer(
    title="Early stopping beside ridge, direction by direction",
    controls={
        "lr": Slider("step size η (largest curvature 1)", 0.05, 2.2, 0.1, step=0.05),
        "steps": Slider("steps", values=(1, 2, 3, 5, 10, 20, 50, 100, 200, 500), default=50),
    },
    compute=compute_filters,
    prepare=prepare_filters,
    draw=draw_filters,
)
