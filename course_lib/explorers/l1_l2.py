"""Explorers of lesson 02: where two penalties touch a bowl, how a weight gets to zero, real features, and a network."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from course_lib import plotting
from course_lib.explorers._panel import Choice, Explorer, Slider
from course_lib.l1_l2 import proximal_gradient, soft_threshold
from course_lib.lab.diabetes import FEATURES, ROWS, check_table, load
from course_lib.lab.penalised_regression import fit, largest_l1, predict
from course_lib.lab.shrinking import (
    ALPHAS,
    BINS,
    METHODS,
    NOISES,
    STRENGTHS,
    compute_shrinking,
    compute_surroundings,
)
from course_lib.lab.surfaces import diverged_at

# ---------------------------------------------------------------- geometry: loss contours meet the penalty's ball

GOAL = torch.tensor([1.0, 0.4], dtype=torch.float64)  # the weights without a penalty
PENALTIES = {"L1 (lasso)": (1.0, 0.0), "L2 (ridge)": (0.0, 1.0), "Half and half (elastic net)": (0.5, 0.5)}
AXIS = torch.linspace(0, 2, 81, dtype=torch.float64)  # λ
TURN = torch.linspace(0, 2 * torch.pi, 241, dtype=torch.float64)
LEVELS = (0.1, 0.25, 0.45, 0.7, 1.0, 1.4)  # distances of the thin contours from the star


@dataclass
class Touch:
    """The solution at one λ, the way there, and the two curves that touch at it; points are [..., 2]."""

    penalty: str
    strength: float
    solution: torch.Tensor
    way: torch.Tensor  # solutions along AXIS
    ball: torch.Tensor  # all points with the solution's penalty
    contours: list  # of the loss; the last one goes through the solution


def bowl(correlation):
    """Hessian of the loss for two standardised features with this correlation."""
    return torch.tensor([[1.0, correlation], [correlation, 1.0]], dtype=torch.float64)


def solve(penalty, strengths, correlation):
    """Lowest points [strengths, 2] of ½(w − w*)ᵀH(w − w*) + λ·penalty."""
    hessian, (l1, l2) = bowl(correlation), PENALTIES[penalty]
    start, column = GOAL.repeat(len(strengths), 1), strengths.unsqueeze(1)
    return proximal_gradient(lambda w: (w - GOAL) @ hessian, start, lr=1 / (1 + abs(correlation)),
                             l1=l1 * column, l2=l2 * column, steps=400)  # fmt: skip


def compute_geometry(penalty, strength, correlation):
    """Where the loss's contour touches the ball, as a `Touch`."""
    points = solve(penalty, torch.cat([AXIS, AXIS.new_tensor([strength])]), correlation)
    solution, hessian = points[-1], bowl(correlation)
    circle = torch.stack([TURN.cos(), TURN.sin()], 1)
    away = solution - GOAL
    radii = [*LEVELS, (away @ hessian @ away).sqrt().item()]
    ellipse = torch.linalg.solve(torch.linalg.cholesky(hessian).T, circle.T).T  # all w − w* with (w−w*)ᵀH(w−w*) = 1
    return Touch(penalty, strength, solution, points[:-1], ball(penalty, solution), [GOAL + r * ellipse for r in radii])


def ball(penalty, solution):
    """The points whose penalty is that of `solution`: a diamond, a circle, or something between [points, 2]."""
    (l1, l2), circle = PENALTIES[penalty], torch.stack([TURN.cos(), TURN.sin()], 1)
    total = l1 * solution.abs().sum() + l2 * solution.square().sum() / 2
    slope = l1 * circle.abs().sum(1, keepdim=True)  # along a ray of length r the penalty is slope·r + l2·r²/2
    r = total / slope if l2 == 0 else ((slope**2 + 2 * l2 * total).sqrt() - slope) / l2
    return r * circle


def prepare_geometry(figure):
    """Left the plane of the two weights, right each weight against λ; returns the marks that move."""
    left, right = figure.subplots(1, 2, width_ratios=[1.1, 1])
    left.set(title="Where contour and ball touch", xlabel="$w_1$", ylabel="$w_2$", xlim=(-0.85, 1.75), ylim=(-0.8, 1.3))
    left.set_aspect("equal", adjustable="box")
    for line in (left.axhline, left.axvline):
        line(0, color=plotting.muted(), linewidth=0.8, linestyle="-")
    color, _ = plotting.series(0)
    marks = {"contours": [left.plot([], [], color=plotting.muted(), linestyle="-", linewidth=0.7)[0] for _ in LEVELS]}
    marks["touching"] = left.plot([], [], color=plotting.ink(), linestyle="-", linewidth=1.4, label="same loss")
    marks["ball"] = left.fill([0], [0], facecolor=color, alpha=0.25, edgecolor=color, label="same penalty, or less")
    marks["way"] = left.plot([], [], color=plotting.series(1)[0], linestyle="--", label="solutions, all λ")
    left.plot(*GOAL, marker="*", markersize=12, color=plotting.ink(), linestyle="none", zorder=5)
    marks["solution"] = left.plot([], [], "o", color=plotting.series(1)[0], markersize=8, zorder=6)
    left.legend(loc="lower right", fontsize=8, frameon=True)
    right.set(title="Each weight on the way", xlabel="λ", ylabel="weight at the solution")
    right.set(xlim=(0, 2), ylim=(-0.6, 1.1))
    right.axhline(0, color=plotting.muted(), linewidth=0.8, linestyle="-")
    for j in (0, 1):
        color, linestyle = plotting.series(2 + j)
        marks[f"w{j}"] = right.plot([], [], color=color, linestyle=linestyle, label=f"$w_{j + 1}$")
        marks[f"now{j}"] = right.plot([], [], "o", color=color)
    marks["here"] = [right.axvline(0, color=plotting.ink(), linestyle=":", linewidth=1)]
    right.legend(loc="upper right")
    return marks


def draw_geometry(marks, result):
    """Move the marks to a `Touch`."""
    for line, contour in zip([*marks["contours"], *marks["touching"]], result.contours, strict=True):
        line.set_data(*contour.T)
    marks["ball"][0].set_xy(result.ball)
    marks["way"][0].set_data(*result.way.T)
    marks["solution"][0].set_data(*result.solution.unsqueeze(1))
    for j in (0, 1):
        marks[f"w{j}"][0].set_data(AXIS, result.way[:, j])
        marks[f"now{j}"][0].set_data([result.strength], [result.solution[j]])
    marks["here"][0].set_xdata([result.strength] * 2)
    return _say_geometry(result)


def _say_geometry(result):
    w = result.solution.tolist()
    zero = [f"w{'₁₂'[j]}" for j in (0, 1) if w[j] == 0]
    told = "neither weight is zero"
    if zero:
        told = f"{' and '.join(zero)} {'is' if len(zero) == 1 else 'are'} exactly zero"
    return f"{result.penalty}, λ = {result.strength:g}: the solution is ({w[0]:.3f}, {w[1]:.3f}); {told}."


geometry = Explorer(
    title="Where a bowl meets a penalty",
    controls={
        "penalty": Choice("penalty", PENALTIES, "L1 (lasso)"),
        "strength": Slider("λ", 0.0, 2.0, 0.2, step=0.05),
        "correlation": Slider("correlation ρ of the features", -0.9, 0.9, 0.0, step=0.1),
    },
    compute=compute_geometry,
    prepare=prepare_geometry,
    draw=draw_geometry,
)


# ---------------------------------------------------------------- zeroing: one weight on its way to zero, or not

PULLED_TO, SHRUNK_FROM, WALK = 0.3, 1.0, 60  # the loss ½(w − 0.3)², the start, steps
FLOOR = 1e-9  # of the right picture; exact zeros are drawn on it


@dataclass
class Walks:
    """The weight [steps + 1] under each method; where each diverged (method → step)."""

    runs: dict
    strength: float
    lr: float
    diverged: dict
    note: str


def walk(method, strength, lr, threshold=soft_threshold):
    """The weight on ½(w − 0.3)² + penalty from 1, as float64 numbers [steps + 1]."""
    w, seen = torch.tensor([SHRUNK_FROM], dtype=torch.float64), [SHRUNK_FROM]
    for _ in range(WALK):
        gradient = w - PULLED_TO
        if method == "l1":
            w = threshold(w - lr * gradient, lr * strength)
        else:
            w = w - lr * (gradient + strength * (w if method == "l2" else w.sign()))
        seen.append(float(w))
    return torch.tensor(seen, dtype=torch.float64)


def compute_zeroing(strength, lr, update=None):
    """The three walks, as `Walks`. `update`: the learner's own `soft_threshold(x, threshold)`."""
    runs = {method: walk(method, strength, lr, update or soft_threshold) for method in METHODS}
    diverged = {method: diverged_at((run - PULLED_TO) ** 2) for method, run in runs.items()}
    note = "" if update is None else " The proximal steps are taken with your soft_threshold."
    return Walks(runs, strength, lr, {method: step for method, step in diverged.items() if step is not None}, note)


def prepare_zeroing(figure):
    """Left the weight, right its size on a logarithmic axis; returns the marks that move."""
    left, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
    left.set(title="The weight", xlabel="step", ylabel="weight", xlim=(0, WALK), ylim=(-0.6, 1.15))
    left.axhline(0, color=plotting.muted(), linestyle="-", linewidth=0.8)
    right.set(title="How small does it get?", xlabel="step", ylabel="size of the weight", yscale="log")
    right.set(xlim=(0, WALK), ylim=(FLOOR / 3, 3))
    right.axhspan(FLOOR / 3, FLOOR * 3, color=plotting.muted(), alpha=0.2)
    right.text(1, FLOOR, "exactly zero", va="center", color=plotting.muted(), fontsize=8)
    marks = {"diverged": plotting.draw_divergence(left)}
    for k, (method, name) in enumerate(METHODS.items()):
        color, linestyle = plotting.series(k)
        style = {"color": color, "linestyle": linestyle, "marker": ".", "markersize": 4}
        marks[method] = left.plot([], [], label=name, **style)
        marks[f"size {method}"] = right.plot([], [], **style)
    left.legend(loc="upper right")
    return marks


def draw_zeroing(marks, result):
    """Move the marks to `Walks`; a diverged walk is drawn to its last good step, on an axis that holds it."""
    first = min(result.diverged.values(), default=None)
    reach = max([1.15, *(float(run[:first].abs().max()) for run in result.runs.values())])
    plotting.set_limits(marks["l2"][0].axes, y=(-0.6, 1.15) if first is None else (-1.1 * reach, 1.1 * reach))
    plotting.move_divergence(marks["diverged"], first)
    for method, run in result.runs.items():
        kept = run[: result.diverged.get(method)]
        marks[method][0].set_data(range(len(kept)), kept)
        marks[f"size {method}"][0].set_data(range(len(kept)), kept.abs().clamp(min=FLOOR))
    return _say_zeroing(result) + result.note


def _say_zeroing(result):
    if result.diverged:
        told = [f"{METHODS[method]} diverged at step {step}" for method, step in result.diverged.items()]
        bound = f"2/h = 2 with L1, 2/(h + λ) = {2 / (1 + result.strength):.3g} with L2"
        return f"{'; '.join(told)}: learning rate {result.lr:g}. On this parabola (h = 1) it is stable below {bound}."
    ends = {method: run[-1].item() for method, run in result.runs.items()}
    proximal = "is exactly zero" if ends["l1"] == 0 else f"rests at {ends['l1']:.3f}"
    zeros = int((result.runs["l1_subgradient"] == 0).sum())
    return (
        f"After {WALK} steps the weight {proximal} with proximal steps; with subgradient steps it is at "
        f"{ends['l1_subgradient']:.2g} and was exactly zero {zeros} times; L2 leaves {ends['l2']:.3f}."
    )


zeroing = Explorer(
    title="One weight: the loss wants 0.3, the penalty 0",
    controls={
        "strength": Slider("λ", 0.0, 1.0, 0.5, step=0.05),
        "lr": Slider("learning rate", 0.01, 3.0, 0.12, log=True),
    },
    compute=compute_zeroing,
    prepare=prepare_zeroing,
    draw=draw_zeroing,
)


# ---------------------------------------------------------------- path: ten real features as λ grows

PATH = tuple(float(f"{10 ** (k / 6):.2g}") for k in range(-18, 19))  # λ from 0.001 to 1000
SCALES = ("standardised", "as measured")


@dataclass
class Path:
    """Weights [strengths, features] in score points per standard deviation, errors [strengths] in score points."""

    kind: str
    scale: str
    weights: torch.Tensor
    train_error: torch.Tensor
    test_error: torch.Tensor | None  # None: all rows were trained on
    empty_from: float | None  # the λ from which on all weights are zero; None: no such λ


@lru_cache(maxsize=32)
def compute_path(kind, scale, rows, seed=0):
    """The whole path on `rows` patients drawn by `seed`, the others for testing. Refuses rows that cannot be fitted."""
    x, y = load()
    order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(seed))
    (train_x, train_y), (test_x, test_y) = ((x[part], y[part]) for part in order.tensor_split([rows]))
    check_table(train_x, train_y, FEATURES)
    (l1, l2), axis, spread = PENALTIES[kind], torch.tensor(PATH, dtype=torch.float64), train_x.std(0, correction=0)
    inside = scale == "standardised"
    weights = fit(train_x, train_y, l1 * axis, l2 * axis, standardise=inside, tolerance=1e-7, names=FEATURES)

    def error(x, y):
        return (predict(x, weights, (train_x, train_y)) - y.flatten()).square().mean(1).sqrt() if len(x) else None

    empty = largest_l1(train_x / spread if inside else train_x, train_y) / l1 if l1 else None
    return Path(kind, scale, weights * spread, error(train_x, train_y), error(test_x, test_y), empty)


def prepare_path(figure):
    """Left a line per feature against λ, right the errors; returns the marks that move."""
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    left.set(title="What a standard deviation of each feature adds", xscale="log", xlim=(PATH[0], PATH[-1]))
    left.set(xlabel="λ", ylabel="score points", ylim=(-50, 70))
    left.axhline(0, color=plotting.muted(), linestyle="-", linewidth=0.8)
    marks = {f"w{j}": left.plot([], [], label=name, color=plotting.series(j % 7)[0],
                                linestyle=("-", "--")[j // 7]) for j, name in enumerate(FEATURES)}  # fmt: skip
    left.legend(loc="upper right", ncols=5, fontsize=8)
    right.set(title="Error of the prediction", xscale="log", xlim=(PATH[0], PATH[-1]), ylim=(40, 90))
    right.set(xlabel="λ", ylabel="root mean squared error, score points")
    for k, name in enumerate(("training rows", "other rows")):
        color, linestyle = plotting.series(k)
        marks[name] = right.plot([], [], color=color, linestyle=linestyle, label=name)
    marks["here"] = [ax.axvline(1, color=plotting.ink(), linestyle=":", linewidth=1) for ax in (left, right)]
    right.legend(loc="upper left")
    return marks


def draw_path(marks, result, strength):
    """Move the marks to a `Path` at one λ."""
    for j in range(len(FEATURES)):
        marks[f"w{j}"][0].set_data(PATH, result.weights[:, j])
    for name, errors in (("training rows", result.train_error), ("other rows", result.test_error)):
        marks[name][0].set_data(*((PATH, errors) if errors is not None else ([], [])))
    for line in marks["here"]:
        line.set_xdata([strength] * 2)
    i = PATH.index(strength)
    kept = [name for name, w in zip(FEATURES, result.weights[i].tolist()) if w != 0]
    left = f"{len(kept)} of 10 features are left" + (f" ({', '.join(kept)})" if 0 < len(kept) < 10 else "")
    error = "" if result.test_error is None else f"; error on other rows {result.test_error[i]:.1f}"
    edge = "" if result.empty_from is None else f" From λ = {result.empty_from:.3g} on none is."
    return f"{result.kind}, features {result.scale}, λ = {plotting.readable(strength)}: {left}{error}.{edge}"


path = Explorer(
    title="The path of the weights: 442 patients, ten measurements",
    controls={
        "strength": Slider("λ", values=PATH, default=PATH[18], trained=True),
        "kind": Choice("penalty", PENALTIES, "L1 (lasso)"),
        "scale": Choice("features", SCALES, "standardised"),
        "rows": Slider("training rows", 15, ROWS, 300),
    },
    compute=compute_path,
    prepare=prepare_path,
    draw=draw_path,
    size=(9, 3.8),
)


# ---------------------------------------------------------------- network: weights and errors of an MLP as λ grows


def prepare_network(figure):
    """Histogram of the weights, share of exact zeros, test error; returns the marks that move."""
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
    left.set(title="Weights at this λ", xlabel="weight (a few lie outside)", ylabel="share of weights")
    left.set(yscale="log", xlim=(-0.5, 0.5), ylim=(1e-4, 1.5))
    middle.set(title="Exactly zero", ylabel="share of the same weights", ylim=(-0.03, 1.03))
    right.set(title="Test error", ylabel="share of test digits (lower is better)", ylim=(0, 1.25))
    right.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    marks = {}
    for ax in (middle, right):
        ax.set(xscale="log", xlim=(STRENGTHS[0], STRENGTHS[-1]), xlabel="λ")
    for k, (method, name) in enumerate(METHODS.items()):
        color, linestyle = plotting.series(k)
        marks[f"histogram {method}"] = left.plot([], [], color=color, linestyle=linestyle, drawstyle="steps-mid")
        for key, ax in (("zeros", middle), ("error", right)):
            marks[f"{key} {method}"] = plotting.draw_band(ax, [], np.empty((0, 0)), label=name, k=k)
    marks["here"] = [ax.axvline(1, color=plotting.ink(), linestyle=":", linewidth=1) for ax in (middle, right)]
    right.legend(loc="upper left", fontsize=8)
    return marks


def draw_network(marks, result, strength):
    """Move the marks to a `Shrinking` at one of its strengths."""
    n, i = len(result.zeros), STRENGTHS.index(strength)
    for line in marks["here"]:
        line.set_xdata([strength] * 2)
    for m, method in enumerate(METHODS):
        plotting.move_band(marks[f"zeros {method}"], STRENGTHS, result.zeros[:, m])
        plotting.move_band(marks[f"error {method}"], STRENGTHS, result.test_error[:, m])
        heights = result.shares[:, m, i].mean(0) if n else []
        marks[f"histogram {method}"][0].set_data(((BINS[1:] + BINS[:-1]) / 2) if n else [], heights)
    if not n:
        return f"Training {len(METHODS)} penalties at {len(STRENGTHS)} strengths: {result.progress:.0%}."
    share = {method: result.zeros[:, m, i].mean().item() for m, method in enumerate(METHODS)}
    error = {method: result.test_error[:, m, i].mean().item() for m, method in enumerate(METHODS)}
    zeros = ", ".join(f"{METHODS[method]} {share[method]:.1%}" for method in METHODS)
    errors = ", ".join(f"{METHODS[method]} {error[method]:.1%}" for method in METHODS)
    of = f"{n} seed{'s' * (n != 1)}"
    return (
        f"λ = {plotting.readable(strength)}, {of}. Exactly zero: {zeros}. Test error: {errors}. "
        "Left out: weights of pixels that are black on all training rows. Bands: 95 %, over seeds."
    )


network = Explorer(
    title="A 64-64-10 network on 300 digits, a fifth of them mislabelled",
    controls={"strength": Slider("λ", values=STRENGTHS, default=STRENGTHS[0], trained=True)},
    compute=compute_shrinking,
    prepare=prepare_network,
    draw=draw_network,
    size=(9.6, 3.6),
    quick={"seeds": (0, 1)},
)


# ---------------------------------------------------------------- surface: the loss around the solutions


def prepare_surface(figure):
    """The loss along a direction, the largest curvature, accuracy on noisy images; returns the marks that move."""
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.2, 1, 1])
    left.set(title="Along a random direction", xlabel="distance, in lengths of each unit's weights")
    left.set(ylabel="training loss, without the penalty", xlim=(-1, 1), ylim=(0, 4))
    middle.set(title="Largest curvature", ylabel="largest eigenvalue of the Hessian", yscale="log", ylim=(0.05, 20))
    right.set(title="Noise on the test images", ylabel="accuracy (higher is better)", ylim=(0, 1))
    for ax in (middle, right):
        ax.set(xscale="log", xlim=(STRENGTHS[0], STRENGTHS[-1]), xlabel="λ")
    marks = {"first": left.plot([], [], color=plotting.muted(), linestyle="-", label="λ = 1e-5, mean of the seeds")}
    marks["loss"] = plotting.draw_band(left, [], np.empty((0, 0)), label="this λ, mean and 95 % band")
    marks["sharpness"] = plotting.draw_band(middle, [], np.empty((0, 0)))
    for k, noise in enumerate(NOISES):
        marks[f"noise {noise}"] = plotting.draw_band(right, [], np.empty((0, 0)), label=f"σ = {noise:g}", k=k)
    marks["here"] = [ax.axvline(1, color=plotting.ink(), linestyle=":", linewidth=1) for ax in (middle, right)]
    left.legend(loc="upper center", fontsize=8)
    right.legend(loc="lower left", fontsize=8)
    return marks


def draw_surface(marks, result, strength):
    """Move the marks to `Surroundings` at one of its strengths."""
    n, i = len(result.loss), STRENGTHS.index(strength)
    for line in marks["here"]:
        line.set_xdata([strength] * 2)
    if not n:
        return f"Training and looking around: {result.progress:.0%}."
    marks["first"][0].set_data(ALPHAS, result.loss[:, 0].mean(0))
    plotting.move_band(marks["loss"], ALPHAS, result.loss[:, i])
    plotting.move_band(marks["sharpness"], STRENGTHS, result.sharpness)
    for k, noise in enumerate(NOISES):
        plotting.move_band(marks[f"noise {noise}"], STRENGTHS, result.accuracy[:, :, k])
    rise = (result.loss[:, i, -1] - result.loss[:, i, len(ALPHAS) // 2]).mean().item()
    clean, noisy = (result.accuracy[:, i, k].mean().item() for k in (0, -1))
    return (
        f"L2 with λ = {plotting.readable(strength)}, {n} seed{'s' * (n != 1)}: one length away the loss is "
        f"{rise:.2g} higher; largest curvature {result.sharpness[:, i].mean():.3g}; accuracy {clean:.1%} on clean "
        f"images, {noisy:.1%} with noise σ = {NOISES[-1]:g}."
    )


surface = Explorer(
    title="The same networks under L2: the loss around them",
    controls={"strength": Slider("λ", values=STRENGTHS, default=STRENGTHS[0], trained=True)},
    compute=compute_surroundings,
    prepare=prepare_surface,
    draw=draw_surface,
    size=(9.6, 3.6),
    quick={"seeds": (0, 1)},
)
