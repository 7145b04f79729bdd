"""L2 and weight decay on one bowl from one start: the optimizer, its rate and λ can be moved."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from course_lib import plotting
from course_lib.adamw import adam_update
from course_lib.experiments.shared.surfaces import Bowl, diverged_at
from course_lib.experiments.weight_decay.bowl import BOWL, START, STEPS, paths, rests, stable_rates
from course_lib.experiments.weight_decay.parabola import PULLS
from course_lib.explorers.bowl import bowl_handles, draw_bowl, move_bowl
from course_lib.explorers.update import chosen
from course_lib.panel import Choice, Explorer, Seen, Slider
from course_lib.sgd import sgd_update

OPTIMIZERS = ("SGD", "SGD with momentum", "Adam")


@dataclass
class Trajectories:
    """Paths of both pulls, [steps + 1, 2] each, and where each would come to rest.

    A rest is None where this lesson does not say.
    """

    paths: dict[str, Tensor]
    rest: dict[str, Tensor | None]
    diverged: dict[str, int]  # pull → step
    stable: dict[str, float]  # pull → highest stable rate; empty where no formula says
    note: str
    setting: str  # optimizer, λ, rate and momentum in words
    bowl: Bowl = BOWL


def _compute(
    optimizer,
    strength,
    lr,
    momentum,
    start1=START[0],
    start2=START[1],
    star1=BOWL.minimum[0],
    star2=BOWL.minimum[1],
    update=None,
):
    """Both paths, as `Trajectories`; the learner's own `update` replaces ours where it fits."""
    bowl = BOWL.moved((star1, star2))
    ours, option = {
        "SGD": (sgd_update, {}),
        "SGD with momentum": (sgd_update, {"momentum": momentum}),
        "Adam": (adam_update, {"betas": (momentum, 0.99)}),
    }[optimizer]
    adam, mu = optimizer == "Adam", option.get("momentum", 0.0)
    run, note = chosen(update, ours, *option, *PULLS, without=None if adam else "betas")
    found = paths(run, strength, (start1, start2), bowl, lr=lr, **option)
    rest = rests(strength, mu, bowl) | ({"weight_decay": None} if adam else {})
    steps = {pull: diverged_at(bowl.loss(path)) for pull, path in found.items()}
    diverged = {pull: step for pull, step in steps.items() if step is not None}
    stable = stable_rates(strength, mu) if run is ours and not adam else {}
    if update is None and optimizer == "SGD":
        note = " Momentum plays no part in plain SGD."
    setting = f"{optimizer}, λ = {strength:g}, rate {lr:g}"
    if optimizer != "SGD":
        setting += f", {'β₁' if adam else 'μ'} = {momentum:g}"
    return Trajectories(found, rest, diverged, stable, note, setting, bowl)


def _prepare(figure):
    """Left the bowl with both paths, right their distance."""
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    marks = {"bowl": draw_bowl(left, BOWL)}
    marks["bowl"][1].set_label("lowest point of the loss")
    left.set(xlim=BOWL.window[:2], ylim=BOWL.window[2:], title="Paths in the bowl")
    for k, (pull, name) in enumerate(PULLS.items()):
        marks[pull] = plotting.draw_path(left, np.empty((0, 2)), label=name, k=k)
        color, _ = plotting.series(k)
        label = f"{name} would stop" + (" (none for Adam)" if pull == "weight_decay" else "")
        style = {
            "marker": "X",
            "markersize": 7 + 3 * k,  # both are seen where they are one
            "fillstyle": ("full", "none")[k],
            "markeredgecolor": plotting.ink(),
            "linestyle": "none",
            "zorder": 6,  # above the end of a path
        }
        marks[f"rest {pull}"] = left.plot([], [], color=color, label=label, **style)
    mark_zero(left)
    for mark, label in (("o", "start"), ("s", "after 100 steps")):
        left.plot([], [], mark, color=plotting.ink(), fillstyle="none", label=label)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=3)
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


def mark_zero(ax: Axes) -> None:
    """A + at 0, named in the legend."""
    style: dict[str, Any] = {"color": plotting.ink(), "markersize": 12, "linestyle": "none"}
    ax.plot(0, 0, "+", label="0, where both pull to", **style)


def _draw(marks, result):
    """Move the marks to a `Trajectories`; a diverged path is drawn to its last good step."""
    kept = {}
    move_bowl(marks["bowl"], result.bowl, BOWL)
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
    ax, start = marks["l2"][0].axes, result.paths["l2"][0].tolist()
    said = f"{result.setting}. {_say(result, gap)}{result.note}"
    return Seen(said, handles=bowl_handles(ax, start, result.bowl))


def _say(result, gap):
    if result.diverged:
        return "; ".join(_say_diverged(result, pull) for pull in result.diverged) + "."
    if gap.max() < 1e-14:
        return "The two paths are one: they never differ by more than rounding."
    first = int((gap > 1e-14).nonzero()[0])
    return f"The paths part at step {first} and end {gap[-1].item():.2g} apart."


def _say_diverged(result, pull):
    said = f"{PULLS[pull]} diverged at step {result.diverged[pull]}"
    if result.stable:
        said += f": the highest stable learning rate is {result.stable[pull]:.3g}"
    return said


explorer = Explorer(
    title="L2 and weight decay from one start",
    controls={
        "optimizer": Choice("optimizer", OPTIMIZERS, "SGD with momentum"),
        "strength": Slider("λ", 0.0, 2.0, 0.5, step=0.05),
        "lr": Slider("learning rate", 0.005, 1.0, 0.08, log=True),
        "momentum": Slider("momentum μ (Adam: β₁; β₂ is 0.99)", 0.0, 0.95, 0.9, step=0.05),
        "start1": Slider("start w₁", -1.2, 3.0, START[0], step=0.1, in_picture=True),
        "start2": Slider("start w₂", -0.6, 2.6, START[1], step=0.1, in_picture=True),
        "star1": Slider("star w₁", 0.3, 2.7, BOWL.minimum[0], step=0.1, in_picture=True),
        "star2": Slider("star w₂", -0.3, 2.3, BOWL.minimum[1], step=0.1, in_picture=True),
    },
    presets={
        "momentum: they part": {},
        "plain SGD: one path": {"optimizer": "SGD"},
        "Adam": {"optimizer": "Adam"},
    },
    frozen={"optimizer": 3, "strength": (0.0, 0.25, 0.5, 1.0, 1.5, 2.0), "momentum": (0.0, 0.9)},
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
    size=(8.2, 3.9),
)

show = explorer.show
