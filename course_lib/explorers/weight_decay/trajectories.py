"""Trajectories: one bowl, one start, two pulls."""

import inspect
from dataclasses import dataclass

import numpy as np
import torch

from course_lib import plotting
from course_lib.adamw import adam_update
from course_lib.experiments.shared.surfaces import descend, diverged_at, quadratic
from course_lib.explorers.weight_decay.update import PULLS, takes
from course_lib.panel import Choice, Explorer, Slider
from course_lib.sgd import sgd_update

BOWL = quadratic(
    curvatures=(0.5, 4.0), angle=-20, minimum=(2.0, 1.0), window=(-1.2, 3.0, -0.6, 2.6)
)
START, STEPS = (-0.8, 2.2), 100
OPTIMIZERS = ("SGD", "SGD with momentum", "Adam")


@dataclass
class Trajectories:
    """Paths of both pulls, [steps + 1, 2] each; where each would come to rest (None: not in this
    lesson).
    """

    paths: dict
    rest: dict
    diverged: dict  # pull → step
    stable: dict  # pull → highest stable learning rate; empty where no formula says
    note: str


def rest_in_bowl(strength):
    """Lowest point of the bowl plus (λ/2)‖w‖²: the ridge solution (H + λI)⁻¹Hw*."""
    hessian, minimum = BOWL.hessian, torch.tensor(BOWL.minimum, dtype=torch.float64)
    return torch.linalg.solve(
        hessian + strength * torch.eye(2, dtype=torch.float64), hessian @ minimum
    )


def compute(optimizer, strength, lr, momentum, update=None):
    """Both paths over the bowl, as `Trajectories`.

    The learner's own `update` replaces ours where its keywords fit.
    """
    ours, option = {
        "SGD": (sgd_update, {}),
        "SGD with momentum": (sgd_update, {"momentum": momentum}),
        "Adam": (adam_update, {"betas": (momentum, 0.99)}),
    }[optimizer]
    mu = option.get("momentum", 0.0)
    fits = update is not None and takes(update, *option, *PULLS)
    fits = fits and (optimizer == "Adam" or "betas" not in inspect.signature(update).parameters)
    run = update if fits else ours
    paths = {
        pull: descend(BOWL, run, START, STEPS, lr=lr, **option, **{pull: strength})
        for pull in PULLS
    }
    adam = optimizer == "Adam"
    rest = {
        "l2": rest_in_bowl(strength),
        "weight_decay": None if adam else rest_in_bowl(strength * (1 - mu)),
    }
    h = torch.linalg.eigvalsh(BOWL.hessian)[-1].item()
    stable = {
        "l2": 2 * (1 + mu) / (h + strength),
        "weight_decay": 2 * (1 + mu) / (h + (1 + mu) * strength),
    }
    steps = {pull: diverged_at(BOWL.loss(path)) for pull, path in paths.items()}
    diverged = {pull: step for pull, step in steps.items() if step is not None}
    note = " Momentum plays no part in plain SGD." if optimizer == "SGD" else ""
    if update is not None:
        note = (
            " Drawn by your update."
            if fits
            else " Drawn by the course's update: yours takes other keywords."
        )
    return Trajectories(paths, rest, diverged, {} if adam or fits else stable, note)


def prepare(figure):
    """Left the bowl with both paths, right their distance; returns the marks that move."""
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    plotting.draw_contours(left, BOWL)
    left.set(xlim=BOWL.window[:2], ylim=BOWL.window[2:], title="Paths in the bowl")
    marks = {}
    for k, (pull, name) in enumerate(PULLS.items()):
        marks[pull] = plotting.draw_path(left, np.empty((0, 2)), label=name, k=k)
        color, _ = plotting.series(k)
        label = f"rest of {name}"
        style = {
            "marker": "X",
            "markersize": 9,
            "markeredgecolor": plotting.ink(),
            "linestyle": "none",
        }
        marks[f"rest {pull}"] = left.plot([], [], color=color, label=label, **style)
    left.plot(0, 0, "+", color=plotting.ink(), markersize=12)
    left.annotate(" 0, where both pull to", (0, 0), color=plotting.ink(), va="top", fontsize=8)
    left.legend(loc="upper right", ncols=2)
    right.set(
        title="How far apart?", xlabel="step", ylabel="distance of the two paths", yscale="log"
    )
    right.set(xlim=(0, STEPS), ylim=(1e-17, 10))
    marks["gap"] = right.plot([], [], color=plotting.ink(), linestyle="-")
    marks["rounding"] = right.axhspan(1e-17, 1e-14, color=plotting.muted(), alpha=0.2)
    right.text(
        STEPS / 2,
        3e-16,
        "rounding: the paths are one",
        ha="center",
        va="center",
        color=plotting.muted(),
    )
    return marks


def draw(marks, result):
    """Move the marks to a `Trajectories`; a diverged path is drawn to its last good step."""
    kept = {}
    for pull in PULLS:
        step = result.diverged.get(pull)
        kept[pull] = result.paths[pull][:step]
        plotting.move_path(marks[pull], kept[pull])
        rest = result.rest[pull]
        marks[f"rest {pull}"][0].set_data(
            *([[rest[0]], [rest[1]]] if rest is not None and step is None else [[], []])
        )
    n = min(map(len, kept.values()))
    gap = (kept["l2"][:n] - kept["weight_decay"][:n]).norm(dim=1)
    marks["gap"][0].set_data(range(n), gap.clamp(min=1e-17))
    return _say(result, gap)


def _say(result, gap):
    if result.diverged:
        told = [
            f"{PULLS[pull]} diverged at step {step}"
            + (
                f": the highest stable learning rate is {result.stable[pull]:.3g}"
                if result.stable
                else ""
            )
            for pull, step in result.diverged.items()
        ]
        return f"{'; '.join(told)}.{result.note}"
    if gap.max() < 1e-14:
        return f"The two paths are one: they never differ by more than rounding.{result.note}"
    first = int((gap > 1e-14).nonzero()[0])
    return f"The paths part at step {first} and end {gap[-1].item():.2g} apart.{result.note}"


explorer = Explorer(
    title="L2 and weight decay from one start",
    controls={
        "optimizer": Choice("optimizer", OPTIMIZERS, "SGD with momentum"),
        "strength": Slider("λ", 0.0, 2.0, 0.5, step=0.05),
        "lr": Slider("learning rate", 0.005, 1.0, 0.08, log=True),
        "momentum": Slider("momentum μ (Adam: β₁; β₂ is 0.99)", 0.0, 0.95, 0.9, step=0.05),
    },
    compute=compute,
    prepare=prepare,
    draw=draw,
)

show = explorer.show
