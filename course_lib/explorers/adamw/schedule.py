"""A schedule of the learning rate and the decay it leaves; rate, λ, steps, warm-up can be moved."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.adamw.schedule import decay_left, warmup_cosine
from course_lib.panel import Explorer, Slider


def _compute(lr, strength, steps, warmup):
    """(factor of the rate, what decay leaves with it, and at the peak rate [steps], lr·λ)."""
    factor = warmup_cosine(steps, warmup)
    constant = (1 - lr * strength) ** np.arange(1, steps + 1)
    return factor, decay_left(factor, lr, strength), constant, lr * strength


def _prepare(figure):
    """Left the learning rate, right what is left of a weight."""
    left, right = figure.subplots(1, 2)
    left.set(
        xlim=(0, 1),
        ylim=(0, 1.05),
        xlabel="share of training",
        title="Learning rate, as a share of its peak",
    )
    right.set(
        xlim=(0, 1),
        ylim=(0, 1.05),
        xlabel="share of training",
        title="What decay leaves of a starting weight",
    )
    marks = {"factor": left.plot([], [], color=plotting.series(0)[0], linestyle="-")}
    for name, k, label in (
        ("scheduled", 0, "with the schedule"),
        ("constant", 1, "at the peak rate throughout"),
    ):
        color, linestyle = plotting.series(k)
        marks[name] = right.plot([], [], color=color, linestyle=linestyle, label=label)
    right.legend(loc="lower left")
    return marks


def _draw(marks, result):
    """Move the marks to what was computed."""
    factor, scheduled, constant, product = result
    along = np.linspace(0, 1, len(factor) + 1)[1:]
    shown = slice(None, None, max(1, len(factor) // 500))
    for name, values in (("factor", factor), ("scheduled", scheduled), ("constant", constant)):
        marks[name][0].set_data(along[shown], values[shown])
    memory = f"{1 / product:,.0f} steps" if product else "no end"
    return (
        f"{len(factor):,} steps, memory 1/(lr·λ) = {memory} at the peak. Decay leaves "
        f"{scheduled[-1]:.1%} of what the weights started with (at the peak rate throughout: "
        f"{constant[-1]:.1%})."
    )


explorer = Explorer(
    title="The schedule of the learning rate is a schedule of the decay",
    controls={
        "lr": Slider("peak learning rate", 1e-5, 0.1, 1e-3, log=True, step=0.25),
        "strength": Slider("λ", 1e-3, 1.0, 0.01, log=True, step=0.25),
        "steps": Slider(
            "steps", values=(100, 300, 1000, 3000, 10_000, 30_000, 100_000), default=1000
        ),
        "warmup": Slider("warm-up, share of training", 0.0, 0.5, 0.05, step=0.05),
    },
    frozen={
        "lr": (1e-4, 1e-3, 1e-2),
        "strength": (0.01, 0.1, 1.0),
        "steps": (1000, 10_000, 100_000),
    },
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
)

show = explorer.show
