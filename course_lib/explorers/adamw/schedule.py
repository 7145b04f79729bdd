"""Schedule: warm-up and cosine schedule the decay too."""

import numpy as np

from course_lib import plotting
from course_lib.panel import Explorer, Slider


def warmup_cosine(steps, warmup):
    """Factor of the peak rate at steps 1 … `steps`: a straight rise over the share `warmup`, then
    half a cosine.
    """
    t, rise = np.arange(1, steps + 1), max(1, round(warmup * steps))
    return np.where(
        t <= rise, t / rise, (1 + np.cos(np.pi * (t - rise) / max(1, steps - rise))) / 2
    )


def compute(lr, strength, steps, warmup):
    """Factor of the rate, and what decay leaves of a starting weight with it and without,
    [steps].
    """
    factor = warmup_cosine(steps, warmup)
    left = np.cumprod(1 - lr * factor * strength)  # Π (1 − lr_t·λ)
    return factor, left, (1 - lr * strength) ** np.arange(1, steps + 1), lr * strength


def prepare(figure):
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


def draw(marks, result):
    factor, scheduled, constant, product = result
    along = np.linspace(0, 1, len(factor) + 1)[1:]
    shown = slice(None, None, max(1, len(factor) // 500))
    for name, values in (("factor", factor), ("scheduled", scheduled), ("constant", constant)):
        marks[name][0].set_data(along[shown], values[shown])
    horizon = f"{1 / product:,.0f} steps" if product else "no end"
    return (
        f"{len(factor):,} steps, horizon 1/(lr·λ) = {horizon} at the peak. Decay leaves {scheduled[-1]:.1%} of "
        f"what the weights started with (at the peak rate throughout: {constant[-1]:.1%})."
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
    compute=compute,
    prepare=prepare,
    draw=draw,
)

show = explorer.show
