"""Schedules: design one, and train with it."""

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch

from course_lib import plotting
from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.explorers.sgd.update import note_on
from course_lib.panel import Choice, Explorer, Slider
from course_lib.sgd import (
    cosine_decay,
    cyclical,
    exponential_decay,
    linear_warmup,
    one_cycle,
    step_decay,
)

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
    """The factor at `step`: a straight line up over `warmup` steps, then the shape, squeezed in
    between floor and 1.
    """
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


def compute(shape, warmup, floor, lr, seeds=(0, 1, 2, 3), update=None):
    """Train 64-32-10 networks on 500 digits, batch 10, momentum 0.9, at the designed rate; yields a
    `Schedule`.
    """
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


def prepare(figure):
    """Left the learning rate, right training and test loss; returns the marks that move."""
    left, right = figure.subplots(1, 2)
    left.set(
        title="The schedule",
        xlabel="step",
        ylabel="learning rate",
        xlim=(0, TRAINED_STEPS),
        ylim=(0, 0.42),
    )
    marks = {"rate": left.plot([], [], color=plotting.ink(), linestyle="-")}
    right.set(title="The loss it produces", xlabel="step", ylabel="cross entropy", yscale="log")
    right.set(xlim=(0, TRAINED_STEPS), ylim=(0.01, 4))
    empty = np.empty((0, 0))
    for k, name in enumerate(("training", "test")):
        marks[name] = plotting.draw_band(
            right, [], empty, label=f"{name}: geometric mean of seeds, 95 % band", k=k
        )
    right.legend(loc="lower left", fontsize=8)
    return marks


def move_geometric(marks, x, values):
    """Geometric mean over seeds and its band: mean and interval of the logarithms, which cannot
    fall below 0.
    """
    plotting.move_band(marks, x, values.log())
    line, band = marks
    line.set_ydata(np.exp(line.get_ydata()))
    corners = [path.vertices[:-1] for path in band.get_paths()]  # the last only closes the path
    band.set_verts([np.stack([edge[:, 0], np.exp(edge[:, 1])], 1) for edge in corners])


def draw(marks, result):
    """Move the marks to a `Schedule`."""
    marks["rate"][0].set_data(range(TRAINED_STEPS), result.rates)
    move_geometric(marks["training"], EVALUATED, result.train_loss)
    move_geometric(marks["test"], EVALUATED, result.test_loss)
    ends = [
        losses[:, -1][losses[:, -1].isfinite()] for losses in (result.train_loss, result.test_loss)
    ]
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


explorer = Explorer(
    title="Design a learning-rate schedule",
    controls={
        "shape": Choice("schedule", SHAPES, "constant"),
        "warmup": Slider("warm-up", 0, 100, 0, step=10, unit="steps"),
        "floor": Slider("floor", 0.0, 1.0, 0.0, step=0.05),
        "lr": Slider(
            "highest learning rate", values=(0.01, 0.02, 0.05, 0.1, 0.2, 0.4), default=0.1
        ),
    },
    compute=compute,
    prepare=prepare,
    draw=draw,
    quick={"seeds": (0, 1)},
)

show = explorer.show
