"""Zeroing: one weight on its way to zero, or not."""

from dataclasses import dataclass

import torch

from course_lib import plotting
from course_lib.experiments.l1_l2.shrinking import METHODS
from course_lib.experiments.shared.surfaces import diverged_at
from course_lib.l1_l2 import soft_threshold
from course_lib.panel import Explorer, Slider

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


def compute(strength, lr, update=None):
    """The three walks, as `Walks`. `update`: the learner's own `soft_threshold(x, threshold)`."""
    runs = {method: walk(method, strength, lr, update or soft_threshold) for method in METHODS}
    diverged = {method: diverged_at((run - PULLED_TO) ** 2) for method, run in runs.items()}
    note = "" if update is None else " The proximal steps are taken with your soft_threshold."
    return Walks(
        runs,
        strength,
        lr,
        {method: step for method, step in diverged.items() if step is not None},
        note,
    )


def prepare(figure):
    """Left the weight, right its size on a logarithmic axis; returns the marks that move."""
    left, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
    left.set(title="The weight", xlabel="step", ylabel="weight", xlim=(0, WALK), ylim=(-0.6, 1.15))
    left.axhline(0, color=plotting.muted(), linestyle="-", linewidth=0.8)
    right.set(
        title="How small does it get?", xlabel="step", ylabel="size of the weight", yscale="log"
    )
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


def draw(marks, result):
    """Move the marks to `Walks`; a diverged walk is drawn to its last good step, on an axis that
    holds it.
    """
    first = min(result.diverged.values(), default=None)
    reach = max([1.15, *(float(run[:first].abs().max()) for run in result.runs.values())])
    plotting.set_limits(
        marks["l2"][0].axes, y=(-0.6, 1.15) if first is None else (-1.1 * reach, 1.1 * reach)
    )
    plotting.move_divergence(marks["diverged"], first)
    for method, run in result.runs.items():
        kept = run[: result.diverged.get(method)]
        marks[method][0].set_data(range(len(kept)), kept)
        marks[f"size {method}"][0].set_data(range(len(kept)), kept.abs().clamp(min=FLOOR))
    return _say(result) + result.note


def _say(result):
    if result.diverged:
        told = [
            f"{METHODS[method]} diverged at step {step}" for method, step in result.diverged.items()
        ]
        bound = f"2/h = 2 with L1, 2/(h + λ) = {2 / (1 + result.strength):.3g} with L2"
        return f"{'; '.join(told)}: learning rate {result.lr:g}. On this parabola (h = 1) it is stable below {bound}."
    ends = {method: run[-1].item() for method, run in result.runs.items()}
    proximal = "is exactly zero" if ends["l1"] == 0 else f"rests at {ends['l1']:.3f}"
    zeros = int((result.runs["l1_subgradient"] == 0).sum())
    return (
        f"After {WALK} steps the weight {proximal} with proximal steps; with subgradient steps it is at "
        f"{ends['l1_subgradient']:.2g} and was exactly zero {zeros} times; L2 leaves {ends['l2']:.3f}."
    )


explorer = Explorer(
    title="One weight: the loss wants 0.3, the penalty 0",
    controls={
        "strength": Slider("λ", 0.0, 1.0, 0.5, step=0.05),
        "lr": Slider("learning rate", 0.01, 3.0, 0.12, log=True),
    },
    compute=compute,
    prepare=prepare,
    draw=draw,
)

show = explorer.show
