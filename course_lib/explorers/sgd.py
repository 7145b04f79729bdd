"""Explorers of lesson 00: a noisy path in a bowl, leaving a saddle, designing a schedule, and what batches do to it."""

import functools
import inspect
import math
from dataclasses import dataclass

import numpy as np
import torch

from course_lib import plotting
from course_lib.explorers._panel import Choice, Explorer, Slider
from course_lib.lab import batch_size as batches_lab
from course_lib.lab.data import digits
from course_lib.lab.ensemble import ModelSpec, train
from course_lib.lab.gradient_noise import batches
from course_lib.lab.statistics import mean_interval
from course_lib.lab.surfaces import diverged_at
from course_lib.lab.surfaces import saddle as saddle_surface
from course_lib.sgd import cosine_decay, cyclical, exponential_decay, linear_warmup, one_cycle, sgd_update, step_decay


def takes(update, *names):
    """True if the function `update` can be called with all the keywords `names`."""
    parameters = inspect.signature(update).parameters
    return all(name in parameters for name in names) or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def note_on(update, *names):
    """(the function to run, a sentence about it): the learner's `update` where its keywords fit, else ours."""
    if update is None:
        return sgd_update, ""
    if takes(update, *names):
        return update, " Drawn by your update."
    return sgd_update, " Drawn by the course's update: yours takes other keywords."


# ---------------------------------------------------------------- trajectory: examples that pull different ways

STEEPEST = 2.0  # the largest curvature of the bowl, whatever its condition number
ROWS, STEPS, ANGLE = 64, 120, math.radians(-30)
GOAL, START = torch.tensor([1.0, 0.5], dtype=torch.float64), (-1.6, 1.9)
LEVELS = (0.003, 0.03, 0.12, 0.35, 0.8, 1.5, 2.5, 4.0, 6.0)


@dataclass
class Trajectory:
    """One path [steps + 1, 2] and its loss above the minimum [steps + 1]."""

    path: torch.Tensor
    loss: torch.Tensor
    hessian: torch.Tensor
    numbers: dict
    bound: float | None  # highest stable learning rate; None for a function that is not ours
    diverged: int | None
    note: str


def examples(rows=ROWS):
    """Where each example would have the weights, [rows, 2]: their mean is the goal, their spread 0.6 each way."""
    draws = torch.randn(rows, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    draws = draws - draws.mean(0)
    return GOAL + 0.6 * draws @ torch.linalg.inv(torch.linalg.cholesky(draws.T @ draws / rows)).T


def bowl(condition):
    """Hessian [2, 2] with curvatures 2 and 2/`condition`, its steep axis turned by 60° from the first coordinate."""
    c, s = math.cos(ANGLE), math.sin(ANGLE)
    turn = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    return turn @ torch.diag(torch.tensor([STEEPEST / condition, STEEPEST], dtype=torch.float64)) @ turn.T


def walk(update, hessian, batch_size, steps=STEPS, seed=0, **options):
    """The path [steps + 1, 2] over shuffled batches: example i has the loss ½(w − cᵢ)ᵀH(w − cᵢ)."""
    w, state, path, centres = torch.tensor(START, dtype=torch.float64), {}, [], examples()
    order = batches(ROWS, batch_size, generator=torch.Generator().manual_seed(seed))
    for _ in range(steps):
        path.append(w.clone())
        update(w, hessian @ (w - centres[next(order)].mean(0)), state, **options)
    return torch.stack([*path, w])


def compute_trajectory(lr, momentum, batch_size, condition, update=None):
    """One path as a `Trajectory`; the learner's own `update` replaces ours where its keywords fit."""
    run, note = note_on(update, "lr", "momentum")
    hessian = bowl(condition)
    path = walk(run, hessian, batch_size, lr=lr, momentum=momentum)
    loss = ((path - GOAL) @ hessian * (path - GOAL)).sum(1) / 2
    bound = 2 * (1 + momentum) / STEEPEST if run is sgd_update else None
    numbers = {"lr": lr, "momentum": momentum, "batch_size": batch_size}
    return Trajectory(path, loss, hessian, numbers, bound, diverged_at(loss), note)


def prepare_trajectory(figure):
    """Left the bowl with the path and the examples, right the loss; returns the marks that move."""
    left, right = figure.subplots(1, 2, width_ratios=[1.1, 1])
    left.set(xlim=(-2.2, 3.0), ylim=(-1.5, 2.6), title="The path", xlabel="$w_1$")
    left.set_ylabel("$w_2$", rotation=0)
    left.grid(False)
    marks = {f"level {i}": left.plot([], [], color=plotting.muted(), linewidth=0.8, linestyle="-", alpha=0.8)
             for i in range(len(LEVELS))}  # fmt: skip
    style = {"marker": ".", "markersize": 5, "linestyle": "none", "alpha": 0.6}
    left.plot(*examples().T, color=plotting.series(1)[0], label="what one example wants", **style)
    left.plot(*GOAL, marker="*", markersize=12, color=plotting.ink(), linestyle="none", label="lowest mean loss")
    marks["path"] = plotting.draw_path(left, np.empty((0, 2)), label="path")
    left.legend(loc="upper right", fontsize=8, ncols=1)
    right.set(title="Loss above the minimum", xlabel="step", ylabel="loss − lowest loss", yscale="log")
    right.set(xlim=(0, STEPS), ylim=(1e-9, 1e4))
    marks["loss"] = right.plot([], [], color=plotting.series(0)[0], linestyle="-")
    marks["diverged"] = plotting.draw_divergence(right)
    return marks


def draw_trajectory(marks, result):
    """Move the marks to a `Trajectory`; a diverged path is drawn to its last good step."""
    vectors = torch.linalg.eigh(result.hessian)
    circle = torch.linspace(0, 2 * math.pi, 120, dtype=torch.float64)
    circle = torch.stack([circle.cos(), circle.sin()])
    for i, level in enumerate(LEVELS):  # ½uᵀHu = level: axes √(2·level/h) along the eigenvectors
        ellipse = vectors.eigenvectors @ ((2 * level / vectors.eigenvalues).sqrt()[:, None] * circle)
        marks[f"level {i}"][0].set_data(*(GOAL[:, None] + ellipse))
    plotting.move_path(marks["path"], result.path[: result.diverged])
    loss = result.loss[: result.diverged]
    marks["loss"][0].set_data(range(len(loss)), loss.clamp(min=1e-12))
    plotting.move_divergence(marks["diverged"], result.diverged)
    return _say_trajectory(result)


def _say_trajectory(result):
    lr, momentum, bound = result.numbers["lr"], result.numbers["momentum"], result.bound
    formula = "2/λmax" if momentum == 0 else "2(1 + μ)/λmax"
    if result.diverged is not None:
        why = f": the learning rate {lr:.3g} is above the bound {formula} = {bound:.3g}" if bound else ""
        return f"Diverged at step {result.diverged}{why}.{result.note}"
    if bound and lr > bound:
        return f"Unstable: {lr:.3g} is above the bound {formula} = {bound:.3g}, and the path is growing.{result.note}"
    if bound and lr == bound:
        return f"On the edge: {lr:.3g} is the bound {formula} itself, and the path never settles.{result.note}"
    size = result.numbers["batch_size"]
    if size == ROWS:
        return f"All {ROWS} examples in each step: after {STEPS} steps {_above(result.loss[-1].item())}.{result.note}"
    plural, last = "s" if size > 1 else "", result.loss[-20:].mean().item()
    return f"Batches of {size} example{plural}: over the last 20 steps {_above(last)} on average.{result.note}"


def _above(loss):
    return f"the loss is {f'{loss:.2g}' if loss >= 1e-9 else 'less than 1e-9'} above its minimum"


trajectory = Explorer(
    title="One path through a bowl",
    controls={
        "lr": Slider("learning rate", 0.01, 3.0, 0.3, log=True, step=0.05),
        "momentum": Slider("momentum μ", 0.0, 0.95, 0.0, step=0.05),
        "batch_size": Slider("batch size", values=(1, 2, 4, 8, 16, 32, 64), default=4),
        "condition": Slider("condition number λmax/λmin (λmax = 2)", 1.0, 100.0, 10.0, log=True),
    },
    compute=compute_trajectory,
    prepare=prepare_trajectory,
    draw=draw_trajectory,
)


# ---------------------------------------------------------------- saddle: what gets a path off the ridge

SADDLE, SADDLE_STEPS = saddle_surface(), 300
RATES = ("constant", "cyclical, same mean", "cyclical, same peak")
CYCLE = 20  # steps up, and as many down
LOW = 0.1  # of the peak


@dataclass
class Escape:
    """A path [steps + 1, 2] from the ridge w₁ = 0, and how far (1 + lr₁)(1 + lr₂)… alone would have taken it."""

    path: torch.Tensor
    predicted: torch.Tensor
    left_at: int | None  # first step with |w₁| > ½
    offset: float
    noise: float
    note: str


def rate_factors(rate, steps=SADDLE_STEPS):
    """The learning rate of each step as a multiple of the slider's, for one of `RATES`."""
    if rate == "constant":
        return [1.0] * steps
    scale = 2 / (1 + LOW) if rate == "cyclical, same mean" else 1.0  # the mean over a whole cycle is (1 + LOW)/2
    return [scale * cyclical(t, CYCLE, low=LOW) for t in range(steps)]


def compute_saddle(lr, offset, noise, rate, update=None):
    """The path from (offset, 1.5) as an `Escape`; Gaussian `noise` is added to each gradient."""
    run, note = note_on(update, "lr")
    w, state, path = torch.tensor([offset, 1.5], dtype=torch.float64), {}, []
    generator, factors = torch.Generator().manual_seed(0), rate_factors(rate)
    for factor in factors:
        path.append(w.clone())
        shake = noise * torch.randn(2, dtype=torch.float64, generator=generator)
        run(w, SADDLE.gradient(w) + shake, state, lr=lr * factor)
    path = torch.stack([*path, w])
    growth = torch.tensor([1.0] + [1 + lr * factor for factor in factors], dtype=torch.float64).cumprod(0)
    out = (path[:, 0].abs() > 0.5).nonzero()
    return Escape(path, offset * growth, int(out[0]) if len(out) else None, offset, noise, note)


def prepare_saddle(figure):
    """Left the surface with the path, right the distance from the ridge; returns the marks that move."""
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.1])
    plotting.draw_contours(left, SADDLE)
    left.plot(-1, 0, marker="*", markersize=11, color=plotting.ink(), linestyle="none")
    left.plot(0, 0, marker="x", markersize=9, color=plotting.ink(), linestyle="none")
    left.annotate("saddle", (0, -0.3), color=plotting.ink(), ha="center", va="top", fontsize=9)
    left.set(xlim=SADDLE.window[:2], ylim=(-1.0, 2.0), title="Two valleys and the ridge between them")
    marks = {"path": plotting.draw_path(left, np.empty((0, 2)))}
    right.set(title="Distance from the ridge", xlabel="step", ylabel="$|w_1|$", yscale="log")
    right.set(xlim=(0, SADDLE_STEPS), ylim=(1e-17, 10))
    marks["distance"] = right.plot([], [], color=plotting.series(0)[0], linestyle="-", label="path")
    color, linestyle = plotting.series(1)
    marks["predicted"] = right.plot([], [], color=color, linestyle=linestyle, label="start × (1 + lr)(1 + lr)…")
    right.legend(loc="lower right")
    style = {"color": plotting.muted(), "ha": "center", "va": "center"}
    marks["never"] = [right.text(SADDLE_STEPS / 2, 1e-8, "", **style)]
    return marks


def draw_saddle(marks, result):
    """Move the marks to an `Escape`."""
    plotting.move_path(marks["path"], result.path)
    distance = result.path[:, 0].abs()
    bad = diverged_at(SADDLE.loss(result.path))
    marks["distance"][0].set_data(range(len(distance[:bad])), distance[:bad].clamp(min=1e-20))
    shown = result.predicted[result.predicted < 2] if result.noise == 0 and result.offset else []
    marks["predicted"][0].set_data(range(len(shown)), shown)
    marks["never"][0].set_text("" if distance.any() else "$|w_1| = 0$ at every step: no place on this axis")
    if bad is not None:
        return f"Diverged at step {bad}.{result.note}"
    if result.left_at is not None:
        pushed = "the noise pushed it off" if result.noise and result.offset < 1e-3 else "its offset grew step by step"
        return f"Leaves at step {result.left_at}, when |w₁| passes ½: {pushed}.{result.note}"
    if result.offset or result.noise:
        return f"Not gone after {SADDLE_STEPS} steps: |w₁| has reached {distance[-1].item():.1e}.{result.note}"
    return f"Never leaves: on the ridge the gradient has no part that leads off it.{result.note}"


saddle = Explorer(
    title="Leaving a saddle",
    controls={
        "lr": Slider("learning rate", 0.02, 0.5, 0.1, log=True),
        "offset": Slider("start beside the ridge", values=(0.0, 1e-16, 1e-12, 1e-8, 1e-4, 1e-2), default=0.0),
        "noise": Slider("noise of the gradient", values=(0.0, 1e-8, 1e-4, 1e-2, 0.1, 0.3), default=0.0),
        "rate": Choice("learning rate over time", RATES, "constant"),
    },
    compute=compute_saddle,
    prepare=prepare_saddle,
    draw=draw_saddle,
)


# ---------------------------------------------------------------- schedules: design one, and train with it

TRAINED_STEPS = 300
SHAPES = ("constant", "step decay", "exponential", "cosine", "cyclical", "one-cycle")
SPEC = ModelSpec((64, 32, 10))
EVALUATED = tuple(range(0, TRAINED_STEPS + 1, 10))


@dataclass
class Schedule:
    """Learning rates [steps] and, over seeds, the losses [seeds, recorded] that they lead to."""

    rates: list
    train_loss: torch.Tensor
    test_loss: torch.Tensor
    progress: float
    diverged: int  # seeds
    note: str


def shape_factor(shape, step, steps):
    """The factor of a schedule of `steps` steps, without warm-up and floor."""
    return {
        "constant": lambda: 1.0,
        "step decay": lambda: step_decay(step, math.ceil(steps / 3)),
        "exponential": lambda: exponential_decay(step, 0.01 ** (1 / steps)),
        "cosine": lambda: cosine_decay(step, steps),
        "cyclical": lambda: cyclical(step, math.ceil(steps / 12)),
        "one-cycle": lambda: one_cycle(step, steps),
    }[shape]()


def designed(shape, warmup, floor, step, steps=TRAINED_STEPS):
    """The factor at `step`: a straight line up over `warmup` steps, then the shape, squeezed in between floor and 1."""
    if step < warmup:
        return linear_warmup(step, warmup, 0.02)
    return floor + (1 - floor) * shape_factor(shape, step - warmup, steps - warmup)


def scheduled(update, factors):
    """An update that multiplies lr by the factor of its step, which it counts in its state."""

    @functools.wraps(update)
    def step(param, grad, state, *, lr, momentum):
        t = state["scheduled_steps"] = state.get("scheduled_steps", -1) + 1
        return update(param, grad, state, lr=lr * factors[t], momentum=momentum)

    del step.__wrapped__  # its signature is its own
    return step


def compute_schedules(shape, warmup, floor, lr, seeds=(0, 1, 2, 3), update=None):
    """Train 64-32-10 networks on 500 digits, batch 10, momentum 0.9, at the designed rate; yields a `Schedule`."""
    run, note = note_on(update, "lr", "momentum")
    factors = [designed(shape, warmup, floor, t) for t in range(TRAINED_STEPS)]
    for training in train(
        SPEC,
        lambda seed: digits(500, scale="unit", seed=seed),
        {"lr": lr, "momentum": 0.9},
        seeds,
        update=scheduled(run, factors),
        steps=TRAINED_STEPS,
        batch_size=10,
        record_at=EVALUATED,
        keep_parameters=False,
    ):
        losses = training.train_loss[:, 0], training.test_loss[:, 0]
        diverged = int((training.diverged_at >= 0).sum())
        yield Schedule([lr * f for f in factors], *losses, training.progress, diverged, note)


def prepare_schedules(figure):
    """Left the learning rate, right training and test loss; returns the marks that move."""
    left, right = figure.subplots(1, 2)
    left.set(title="The schedule", xlabel="step", ylabel="learning rate", xlim=(0, TRAINED_STEPS), ylim=(0, 0.42))
    marks = {"rate": left.plot([], [], color=plotting.ink(), linestyle="-")}
    right.set(title="The loss it produces", xlabel="step", ylabel="cross entropy", yscale="log")
    right.set(xlim=(0, TRAINED_STEPS), ylim=(0.01, 4))
    empty = np.empty((0, 0))
    for k, name in enumerate(("training", "test")):
        marks[name] = plotting.draw_band(right, [], empty, label=f"{name}: geometric mean of seeds, 95 % band", k=k)
    right.legend(loc="lower left", fontsize=8)
    return marks


def move_geometric(marks, x, values):
    """Geometric mean over seeds and its band: mean and interval of the logarithms, which cannot fall below 0."""
    plotting.move_band(marks, x, values.log())
    line, band = marks
    line.set_ydata(np.exp(line.get_ydata()))
    corners = [path.vertices[:-1] for path in band.get_paths()]  # the last only closes the path
    band.set_verts([np.stack([edge[:, 0], np.exp(edge[:, 1])], 1) for edge in corners])


def draw_schedules(marks, result):
    """Move the marks to a `Schedule`."""
    marks["rate"][0].set_data(range(TRAINED_STEPS), result.rates)
    move_geometric(marks["training"], EVALUATED, result.train_loss)
    move_geometric(marks["test"], EVALUATED, result.test_loss)
    ends = [losses[:, -1][losses[:, -1].isfinite()] for losses in (result.train_loss, result.test_loss)]
    if result.diverged:
        seeds = f"{result.diverged} of {len(result.train_loss)} seeds"
        return f"{seeds} diverged: a learning rate of {max(result.rates):.2g} is too high here.{result.note}"
    if len(ends[0]) < len(result.train_loss):
        return f"Training: {result.progress:.0%} of the steps.{result.note}"
    last = sum(result.rates[-10:]) / 10
    training, test = (end.log().mean().exp().item() for end in ends)
    return (
        f"The rate ends at {last:.2g} (mean of the last 10 steps), the training loss at {training:.2g}, "
        f"the test loss at {test:.2g} (geometric means of {len(ends[0])} seeds).{result.note}"
    )


schedules = Explorer(
    title="Design a learning-rate schedule",
    controls={
        "shape": Choice("schedule", SHAPES, "constant"),
        "warmup": Slider("warm-up", 0, 100, 0, step=10, unit="steps"),
        "floor": Slider("floor", 0.0, 1.0, 0.0, step=0.05),
        "lr": Slider("highest learning rate", values=(0.01, 0.02, 0.05, 0.1, 0.2, 0.4), default=0.1),
    },
    compute=compute_schedules,
    prepare=prepare_schedules,
    draw=draw_schedules,
    quick={"seeds": (0, 1)},
)


# ---------------------------------------------------------------- sharpness against batch size, at equal training loss

PANELS = {"sharpness": "sharpness λmax", "norm": "norm of all weights", "accuracy": "test accuracy (%)"}


def prepare_sharpness(figure):
    """Three figures against the batch size, a dot a seed; returns the marks that move."""
    places = range(len(batches_lab.BATCH_SIZES))
    marks = {}
    for ax, (name, label) in zip(figure.subplots(1, 3), PANELS.items()):
        ax.set(xlabel="batch size", title=label, xlim=(-0.5, len(places) - 0.5))
        ax.set_xticks(places, [*map(str, batches_lab.BATCH_SIZES[:-1]), f"{batches_lab.ROWS} (all)"])
        style = {"marker": ".", "markersize": 6, "linestyle": "none", "alpha": 0.5}
        marks[f"{name} seeds"] = ax.plot([], [], color=plotting.muted(), label="a seed", **style)
        marks[name] = plotting.draw_band(ax, [], np.empty((0, 0)), label="mean, 95 % band")
        marks[name][0].set_marker("o")
        if name == "sharpness":
            color, _ = plotting.series(1)
            marks["edge"] = [ax.axhline(np.nan, color=color, linestyle=":", label="2/lr")]
            ax.set(ylim=(0, 3))
            ax.legend(loc="upper left", fontsize=8)
        elif name == "norm":
            ax.set(ylim=(6, 7))
        else:
            ax.set(ylim=(91, 97))
    return marks


def draw_sharpness(marks, result, lr):
    """Move the marks to a `BatchSizes` at one of its learning rates."""
    v = result.lrs.index(lr)
    marks["edge"][0].set_ydata([2 / lr] * 2)
    for name in PANELS:
        values = getattr(result, name)[:, :, v] * (100 if name == "accuracy" else 1)
        x = torch.arange(values.shape[1]).expand_as(values).flatten()
        marks[f"{name} seeds"][0].set_data(x, values.flatten())
        plotting.move_band(marks[name], range(values.shape[1]), values)
    return _say_sharpness(result, v, lr)


def _say_sharpness(result, v, lr):
    values = result.sharpness[:, :, v]
    reached = values.isfinite().all(1)
    if result.progress < 1:
        return f"Training each batch size at {len(result.lrs)} learning rates: {result.progress:.0%}."
    at = f"Learning rate {lr:g}, training loss {result.target:g}"
    if reached.sum() < 2:
        return f"{at}: fewer than two seeds came down to this loss with every batch size."
    means = ", ".join(f"{mean_interval(values[reached, b]).mean:.2f}" for b in range(len(result.batch_sizes)))
    sizes = ", ".join(map(str, result.batch_sizes))
    return f"{at}, {int(reached.sum())} seeds: mean sharpness {means} for batches of {sizes}."


sharpness = Explorer(
    title="Sharpness, weight norm and accuracy against batch size, digits",
    controls={"lr": Slider("learning rate", values=batches_lab.LRS, default=batches_lab.LRS[0], trained=True)},
    compute=batches_lab.compare_batch_sizes,
    prepare=prepare_sharpness,
    draw=draw_sharpness,
    quick={"seeds": (0, 1), "target": 0.05, "steps": 200},
)
