"""A learning-rate schedule and the losses it leads to; shape, warm-up and floor can be chosen."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.sgd.schedules import EVALUATED, SHAPES, STEPS, train_on_schedule
from course_lib.explorers.update import chosen
from course_lib.panel import Choice, Explorer, Slider
from course_lib.sgd import sgd_update


def _compute(shape, warmup, floor, lr, seeds=(0, 1, 2, 3), update=None):
    """Yields (`Scheduled`, a note); the learner's own `update` replaces ours where it fits."""
    run, note = chosen(update, sgd_update, "lr", "momentum")
    for scheduled in train_on_schedule(shape, warmup, floor, lr, seeds, run):
        yield scheduled, note


def _prepare(figure):
    """Left the learning rate, right training and test loss."""
    left, right = figure.subplots(1, 2)
    left.set(
        title="The schedule", xlabel="step", ylabel="learning rate", xlim=(0, STEPS), ylim=(0, 0.42)
    )
    marks = {"rate": left.plot([], [], color=plotting.ink(), linestyle="-")}
    right.set(title="The loss it produces", xlabel="step", ylabel="cross entropy", yscale="log")
    right.set(xlim=(0, STEPS), ylim=(0.01, 4))
    empty = np.empty((0, 0))
    for k, (name, band) in enumerate((("training", ", 95 % band"), ("test", ""))):
        label = f"{name}: geometric mean of seeds{band}"
        marks[name] = plotting.draw_band(right, [], empty, label=label, k=k)
    marks["test"][1].set_visible(False)  # a second band would hide the first
    right.legend(loc="lower left", fontsize=8)
    return marks


def _draw(marks, result):
    """Move the marks to a `Scheduled` and its note."""
    found, note = result
    marks["rate"][0].set_data(range(STEPS), found.rates)
    plotting.move_band(marks["training"], EVALUATED, found.train_loss, geometric=True)
    plotting.move_band(marks["test"], EVALUATED, found.test_loss, geometric=True)
    return _say(found) + note


def _say(found):
    ends = [
        losses[:, -1][losses[:, -1].isfinite()] for losses in (found.train_loss, found.test_loss)
    ]
    if found.diverged:
        seeds, rate = f"{found.diverged} of {len(found.train_loss)} seeds", max(found.rates)
        return f"{seeds} diverged: a learning rate of {rate:.2g} is too high here."
    if len(ends[0]) < len(found.train_loss):
        return f"Training: {found.progress:.0%} of the steps."
    last = sum(found.rates[-10:]) / 10
    training, test = (end.log().mean().exp().item() for end in ends)
    return (
        f"The rate ends at {last:.2g} (mean of the last 10 steps), the training loss at "
        f"{training:.2g}, the test loss at {test:.2g} (geometric means of {len(ends[0])} seeds)."
    )


explorer = Explorer(
    title="Design a learning-rate schedule",
    controls={
        "shape": Choice("schedule", tuple(SHAPES), "constant"),
        "warmup": Slider("warm-up", 0, 100, 0, step=10, unit="steps"),
        "floor": Slider("floor", 0.0, 1.0, 0.0, step=0.05),
        "lr": Slider(
            "highest learning rate", values=(0.01, 0.02, 0.05, 0.1, 0.2, 0.4), default=0.1
        ),
    },
    frozen={"shape": 6, "warmup": (0, 30), "lr": (0.05, 0.1, 0.2, 0.4)},
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
    quick={"seeds": (0, 1)},
)

show = explorer.show
