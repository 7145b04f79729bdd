"""Adam + L2 and AdamW on one bowl, its ridge and its box; λ, lr, the βs and ε can be moved."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course_lib import plotting
from course_lib.adamw import adam_update, adamw_update
from course_lib.experiments.adamw.box import (
    BOWL,
    START,
    STEPS,
    box_point,
    radius_of,
    star_of,
    theorem_speaks,
)
from course_lib.experiments.shared.surfaces import Bowl, descend, diverged_at
from course_lib.explorers.bowl import bowl_handles, draw_bowl, move_bowl
from course_lib.panel import Explorer, Seen, Slider

# Optimizer → the name of its place of rest.
RESTS = {"Adam + L2": "ridge, its rest", "AdamW": "best in the box"}
RIDGE = torch.logspace(-3, 4, 80).tolist()  # values of λ


@dataclass
class Trajectory:
    """By optimizer: paths [steps + 1, 2], cut where they diverge, and places of rest [2]."""

    paths: dict[str, Tensor]
    rests: dict[str, Tensor]
    diverged: int | None  # step
    lr: float
    betas: tuple[float, float]
    eps: float
    strength: float
    own: bool
    bowl: Bowl

    @property
    def in_theory(self):
        """Whether the theorem of the box speaks of these settings."""
        return theorem_speaks(self.betas, self.eps)


def _compute(
    strength,
    lr,
    beta1,
    beta2,
    eps,
    start1=START[0],
    start2=START[1],
    star1=BOWL.minimum[0],
    star2=BOWL.minimum[1],
    update=None,
):
    """Both paths. `update`, the learner's own function, takes the place of AdamW's."""
    bowl, start, betas = BOWL.moved((star1, star2)), (start1, start2), (beta1, beta2)
    options = {"lr": lr, "betas": betas, "eps": eps}
    coupled = descend(bowl, adam_update, start, STEPS, l2=strength, **options)
    decoupled = descend(
        bowl, update or adamw_update, start, STEPS, weight_decay=strength, **options
    )
    diverged = diverged_at(bowl.loss(decoupled))
    paths = {"Adam + L2": coupled, "AdamW": decoupled[:diverged]}
    rests = {"Adam + L2": bowl.ridge(strength), "AdamW": box_point(radius_of(strength), bowl)}
    return Trajectory(paths, rests, diverged, lr, betas, eps, strength, update is not None, bowl)


def _prepare(figure):
    """Left the bowl with both paths, right their distances to rest."""
    left, right = figure.subplots(1, 2, width_ratios=[1.35, 1])
    bowl = draw_bowl(left, BOWL)
    bowl[1].set(zorder=8, label="star, lowest loss")  # above the places of rest
    left.set(
        xlim=BOWL.window[:2], ylim=BOWL.window[2:], title="Paths, box and ridge", aspect="equal"
    )
    dotted = {"color": plotting.series(0)[0], "linestyle": ":", "linewidth": 1.2}
    marks = {
        "bowl": bowl,
        "ridge": left.plot([], [], label="ridge, any λ", **dotted),
        "box": left.plot(
            [],
            [],
            color=plotting.series(1)[0],
            linestyle="-",
            linewidth=1.3,
            label="box, |w| ≤ 1/λ",
        ),
    }
    for k, (name, rest) in enumerate(RESTS.items()):
        color, linestyle = plotting.series(k)
        marks[name] = plotting.draw_path(left, np.empty((0, 2)), label=name, k=k)
        marks[rest] = left.plot(
            [],
            [],
            "XD"[k],
            color=color,
            markeredgecolor=plotting.ink(),
            markersize=10,
            zorder=6,
            label=rest,
        )
        # The diamond is hollow: a star can stand in it.
        marks[rest][0].set_fillstyle(("full", "none")[k])
        marks[f"gap {name}"] = right.plot([], [], color=color, linestyle=linestyle, label=name)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=4, fontsize=8)
    right.set(
        xlim=(0, STEPS),
        ylim=(1e-6, 10),
        yscale="log",
        xlabel="step",
        title="For Deeper: distance to its rest",
    )
    marks["lr"] = [
        right.axhline(
            np.nan, color=plotting.muted(), linestyle=":", linewidth=1.2, label="learning rate"
        )
    ]
    right.legend(loc="lower left", fontsize=8)
    marks["diverged"] = plotting.draw_divergence(right)
    return marks


def _draw(marks, result):
    """Move the marks to a `Trajectory`."""
    radius = 1 / result.strength if result.strength else np.nan
    move_bowl(marks["bowl"], result.bowl, BOWL)
    ridge = torch.stack([result.bowl.ridge(strength) for strength in RIDGE])
    marks["ridge"][0].set_data(*ridge.T)
    corners = np.array([[-1, 1, 1, -1, -1], [-1, -1, 1, 1, -1]])
    marks["box"][0].set_data(*(radius * corners))
    for name, rest in RESTS.items():
        path, place = result.paths[name], result.rests[name]
        plotting.move_path(marks[name], path)
        shown = name != "AdamW" or result.in_theory
        marks[rest][0].set_data(place[:1] if shown else [], place[1:] if shown else [])
        gap = (path - place).norm(dim=1).clamp(min=1e-9).numpy()
        marks[f"gap {name}"][0].set_data(range(len(path)), gap if shown else np.nan * gap)
    marks["lr"][0].set_ydata([result.lr] * 2)
    plotting.move_divergence(marks["diverged"], result.diverged)
    own = " AdamW's path is drawn by your function." if result.own else ""
    said = (_say_rests(result) if result.diverged is None else _say_divergence(result)) + own
    ax, start = marks["box"][0].axes, result.paths["Adam + L2"][0].tolist()
    return Seen(said, handles=bowl_handles(ax, start, result.bowl))


def _say_divergence(result):
    product = result.lr * result.strength
    if result.own:
        return f"AdamW's place is taken by your function: it diverged at step {result.diverged}."
    why = "Decay is not to blame: that takes lr·λ > 2."
    if product > 2:
        why = (
            "Above 2, the factor 1 − lr·λ is below −1, and decay itself throws the weights ever "
            f"further: keep lr below {2 / result.strength:.2g} here."
        )
    return f"AdamW diverged at step {result.diverged}, with lr·λ = {product:.2g}. {why}"


def _say_rests(result):
    at = star_of(result.bowl)
    shrunk = 1 - (result.rests["Adam + L2"].norm() / at.norm()).item()
    gaps = {name: (result.paths[name][-1] - result.rests[name]).norm().item() for name in RESTS}
    said = (
        f"λ = {result.strength:g}: {_say_box(result)}. L2 moves its own place of rest "
        f"{shrunk:.0%} of the way to zero. "
        f"After {STEPS} steps Adam + L2 is {gaps['Adam + L2']:.1g}"
    )
    if result.in_theory:
        return f"{said} and AdamW {gaps['AdamW']:.1g} from its place of rest."
    star = (result.paths["AdamW"][-1] - at).norm().item()
    return f"{said} from its place of rest, and AdamW {star:.1g} from the star."


def _say_box(result):
    """What λ is to AdamW at these settings."""
    radius = radius_of(result.strength)
    if result.eps > 1e-3:
        rest = "λw = −g/(|g| + ε)" if result.strength else "the star"
        return (
            f"ε = {result.eps:.2g} is not small beside the gradients, and AdamW rests at {rest}, "
            "not by the box"
        )
    if result.betas[0] > result.betas[1]:
        return (
            "β₁ > β₂: the theorem of the box does not speak of this, "
            "and steps can be far longer than lr"
        )
    if not result.strength:
        return "no decay, so no box, and both runs are one path: the second lies on the first"
    if star_of(result.bowl).abs().max() <= radius:
        return f"the box |w| ≤ {radius:.2g} holds the star, and AdamW heads for the star itself"
    return f"the box |w| ≤ {radius:.2g} cuts the star off, and AdamW heads for its edge"


explorer = Explorer(
    title="One start, one λ: Adam + L2 and AdamW",
    controls={
        "strength": Slider("λ", 0.0, 2.0, 0.4, step=0.05),
        "lr": Slider("learning rate", 0.005, 1.5, 0.05, log=True),
        "beta1": Slider("β₁", values=(0.0, 0.5, 0.8, 0.9, 0.95, 0.98), default=0.9),
        "beta2": Slider("β₂", values=(0.0, 0.5, 0.9, 0.95, 0.99, 0.999), default=0.9),
        "eps": Slider("ε", 1e-8, 10.0, 1e-8, log=True, step=0.5),
        "start1": Slider("start w₁", -1.7, 2.9, START[0], step=0.1, in_picture=True),
        "start2": Slider("start w₂", -1.6, 2.0, START[1], step=0.1, in_picture=True),
        "star1": Slider("star w₁", 0.3, 2.7, BOWL.minimum[0], step=0.1, in_picture=True),
        "star2": Slider("star w₂", -1.4, 1.8, BOWL.minimum[1], step=0.1, in_picture=True),
    },
    presets={
        "the box holds the star": {},
        "the wall cuts the star off": {"strength": 0.8},
        "decay alone throws the weights out": {"strength": 2.0, "lr": 1.5},
        "ε as large as the gradients": {"eps": 1.0},
        "no decay: one path": {"strength": 0.0},
    },
    frozen={
        "strength": (0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0, 2.0),
        "start1": (-1.2, 1.6),
        "start2": (-1.0, 1.4),
    },
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
    size=(8.2, 4.3),
)

show = explorer.show
