"""Over the hill of the validation loss: move the patience, watch loss or error."""

import math

import torch

from course_lib import plotting
from course_lib.experiments.elsewhere import grokking, patience
from course_lib.panel import Choice, Explorer, Slider

ARMS = grokking.Arm(), grokking.Arm(weight_decay=2.0)  # the runs that lesson 10 has already
SEEDS = tuple(range(8))
EVERY = 10  # updates from look to look
WATCHED = {"loss": ("validation loss (nats)", (0, 6.5)), "error": ("validation error", (0, 1.03))}


def _compute(seeds=SEEDS, steps=grokking.STEPS):
    yield from grokking.compute_grokking(ARMS, seeds, steps, record_at=grokking.DENSE)


def looked_at(result):
    """(steps, curves by what is watched [seeds, looks], share of test pairs right), λ = 2."""
    steps = [step for step in result.recorded if step % EVERY == 0]
    seen = result.seen_at(steps)
    watched = {"loss": seen.validation_loss[:, 1], "error": 1 - seen.validation_accuracy[:, 1]}
    return steps, watched, seen.test_accuracy[:, 1]


def _prepare(figure):
    """Left every seed's curve with where it ends and what is kept, right what that has right."""
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1])
    left.set(xlabel="updates", xlim=(-4, 250))
    right.set(title="Handed back", xlabel="share of test pairs right", xlim=(-0.03, 1.03))
    right.set(ylabel="seed", yticks=SEEDS, ylim=(len(SEEDS) - 0.4, -0.6))
    color, other = plotting.series(0)[0], plotting.series(1)[0]
    thin = {"color": plotting.muted(), "linestyle": "-", "linewidth": 1}
    marks = {"left": left, "curves": [left.plot([], [], **thin)[0] for _ in SEEDS]}
    marks["guess"] = [left.axhline(math.log(grokking.PRIME), color=plotting.ink(), linestyle=":")]
    dots = {"linestyle": "none", "markersize": 7}
    marks["stops"] = left.plot([], [], "x", color=other, label="stops here", **dots)
    marks["kept"] = left.plot([], [], "o", color=color, label="is handed back", **dots)
    left.legend(loc="upper right", fontsize=8)
    marks["ends"] = right.plot([], [], "|", color=plotting.ink(), label="at update 400", **dots)
    marks["worth"] = right.plot([], [], "o", color=color, label="handed back", **dots)
    right.legend(loc="center", fontsize=8, frameon=True)
    return marks


def _draw(marks, result, looks, watched):
    """Move the marks to one patience, in looks, and one figure that is watched."""
    label, limits = WATCHED[watched]
    plotting.set_texts(marks["left"], title=f"Patience: {looks} looks", ylabel=label)
    plotting.set_limits(marks["left"], y=limits)
    marks["guess"][0].set_visible(watched == "loss")
    steps, curves, right = looked_at(result)
    curve = curves[watched]
    if not right.isfinite().all():
        return f"Training {len(SEEDS)} seeds: {result.progress:.0%}."
    kept, ends = patience.stopped(curve, looks)
    rows = torch.arange(len(curve))
    for line, values in zip(marks["curves"], curve):
        line.set_data(steps, values)
    at = torch.tensor(steps)
    stopped = ends < len(steps) - 1
    marks["stops"][0].set_data(at[ends[stopped]], curve[rows[stopped], ends[stopped]])
    marks["kept"][0].set_data(at[kept], curve[rows, kept])
    worth = right[rows, kept]
    marks["worth"][0].set_data(worth, rows)
    marks["ends"][0].set_data(right[:, -1], rows)
    lost = int((worth < right[:, -1] - 0.2).sum())
    return (
        f"λ = 2, a look every {EVERY} updates, stopped by the validation {watched} after {looks} "
        f"looks without improvement: of {len(rows)} seeds {lost} are handed back a network that "
        f"has 20 points fewer of the test pairs right than at the end. On average "
        f"{worth.mean().item():.0%} are right, at the end {right[:, -1].mean().item():.0%}."
    )


explorer = Explorer(
    title="How much patience takes one over the hill?",
    controls={
        "looks": Slider("patience", 1, 12, default=5, unit="looks", trained=True),
        "watched": Choice("watched", tuple(WATCHED), "loss", trained=True),
    },
    frozen={"looks": 12, "watched": 2},
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
    size=(9.6, 3.7),
    quick={"seeds": (0, 1), "steps": 30},
)

show = explorer.show
