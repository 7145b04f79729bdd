"""Saddle: what gets a path off the ridge."""

from dataclasses import dataclass

import numpy as np
import torch

from course_lib import plotting
from course_lib.experiments.shared.surfaces import diverged_at
from course_lib.experiments.shared.surfaces import saddle as saddle_surface
from course_lib.explorers.sgd.update import note_on
from course_lib.panel import Choice, Explorer, Slider
from course_lib.sgd import cyclical

SADDLE, SADDLE_STEPS = saddle_surface(), 300
RATES = ("constant", "cyclical, same mean", "cyclical, same peak")
CYCLE = 20  # steps up, and as many down
LOW = 0.1  # of the peak


@dataclass
class Escape:
    """A path [steps + 1, 2] from the ridge w₁ = 0, and how far (1 + lr₁)(1 + lr₂)… alone would have
    taken it.
    """

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
    scale = (
        2 / (1 + LOW) if rate == "cyclical, same mean" else 1.0
    )  # the mean over a whole cycle is (1 + LOW)/2
    return [scale * cyclical(t, CYCLE, low=LOW) for t in range(steps)]


def compute(lr, offset, noise, rate, update=None):
    """The path from (offset, 1.5) as an `Escape`; Gaussian `noise` is added to each gradient."""
    run, note = note_on(update, "lr")
    w, state, path = torch.tensor([offset, 1.5], dtype=torch.float64), {}, []
    generator, factors = torch.Generator().manual_seed(0), rate_factors(rate)
    for factor in factors:
        path.append(w.clone())
        shake = noise * torch.randn(2, dtype=torch.float64, generator=generator)
        run(w, SADDLE.gradient(w) + shake, state, lr=lr * factor)
    path = torch.stack([*path, w])
    growth = torch.tensor(
        [1.0] + [1 + lr * factor for factor in factors], dtype=torch.float64
    ).cumprod(0)
    out = (path[:, 0].abs() > 0.5).nonzero()
    return Escape(path, offset * growth, int(out[0]) if len(out) else None, offset, noise, note)


def prepare(figure):
    """Left the surface with the path, right the distance from the ridge; returns the marks that
    move.
    """
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.1])
    plotting.draw_contours(left, SADDLE)
    left.plot(-1, 0, marker="*", markersize=11, color=plotting.ink(), linestyle="none")
    left.plot(0, 0, marker="x", markersize=9, color=plotting.ink(), linestyle="none")
    left.annotate("saddle", (0, -0.3), color=plotting.ink(), ha="center", va="top", fontsize=9)
    left.set(
        xlim=SADDLE.window[:2], ylim=(-1.0, 2.0), title="Two valleys and the ridge between them"
    )
    marks = {"path": plotting.draw_path(left, np.empty((0, 2)))}
    right.set(title="Distance from the ridge", xlabel="step", ylabel="$|w_1|$", yscale="log")
    right.set(xlim=(0, SADDLE_STEPS), ylim=(1e-17, 10))
    marks["distance"] = right.plot([], [], color=plotting.series(0)[0], linestyle="-", label="path")
    color, linestyle = plotting.series(1)
    marks["predicted"] = right.plot(
        [], [], color=color, linestyle=linestyle, label="start × (1 + lr)(1 + lr)…"
    )
    right.legend(loc="lower right")
    style = {"color": plotting.muted(), "ha": "center", "va": "center"}
    marks["never"] = [right.text(SADDLE_STEPS / 2, 1e-8, "", **style)]
    return marks


def draw(marks, result):
    """Move the marks to an `Escape`."""
    plotting.move_path(marks["path"], result.path)
    distance = result.path[:, 0].abs()
    bad = diverged_at(SADDLE.loss(result.path))
    marks["distance"][0].set_data(range(len(distance[:bad])), distance[:bad].clamp(min=1e-20))
    shown = result.predicted[result.predicted < 2] if result.noise == 0 and result.offset else []
    marks["predicted"][0].set_data(range(len(shown)), shown)
    marks["never"][0].set_text(
        "" if distance.any() else "$|w_1| = 0$ at every step: no place on this axis"
    )
    if bad is not None:
        return f"Diverged at step {bad}.{result.note}"
    if result.left_at is not None:
        pushed = (
            "the noise pushed it off"
            if result.noise and result.offset < 1e-3
            else "its offset grew step by step"
        )
        return f"Leaves at step {result.left_at}, when |w₁| passes ½: {pushed}.{result.note}"
    if result.offset or result.noise:
        return f"Not gone after {SADDLE_STEPS} steps: |w₁| has reached {distance[-1].item():.1e}.{result.note}"
    return f"Never leaves: on the ridge the gradient has no part that leads off it.{result.note}"


explorer = Explorer(
    title="Leaving a saddle",
    controls={
        "lr": Slider("learning rate", 0.02, 0.5, 0.1, log=True),
        "offset": Slider(
            "start beside the ridge", values=(0.0, 1e-16, 1e-12, 1e-8, 1e-4, 1e-2), default=0.0
        ),
        "noise": Slider(
            "noise of the gradient", values=(0.0, 1e-8, 1e-4, 1e-2, 0.1, 0.3), default=0.0
        ),
        "rate": Choice("learning rate over time", RATES, "constant"),
    },
    compute=compute,
    prepare=prepare,
    draw=draw,
)

show = explorer.show
