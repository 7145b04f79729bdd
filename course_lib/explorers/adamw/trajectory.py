"""Trajectory: one bowl, a ridge and a box."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from course_lib import plotting
from course_lib.adamw import adam_update, adamw_update
from course_lib.experiments.shared.surfaces import descend, diverged_at, quadratic
from course_lib.panel import Explorer, Slider

BOWL = quadratic(curvatures=(1.0, 6.0), angle=25, minimum=(2.0, 0.7), window=(-1.7, 2.9, -1.6, 2.0))
START, PATH_STEPS = (-1.2, 1.4), 300
STAR = torch.tensor(BOWL.minimum, dtype=torch.float64)
RESTS = {
    "Adam + L2": "ridge, its rest",
    "AdamW": "best in the box",
}  # optimizer: the name of its place of rest


@dataclass
class Trajectory:
    """By optimizer: paths [steps + 1, 2], cut where they diverge, and places of rest [2]; the step
    of divergence.
    """

    paths: dict
    rests: dict
    diverged: int | None
    lr: float
    betas: tuple
    eps: float
    strength: float
    own: bool

    @property
    def in_theory(self):
        """Whether the theorem of the box speaks of these settings: ε next to nothing, β₁ ≤ β₂."""
        return self.eps <= 1e-3 and self.betas[0] <= self.betas[1]


def ridge_point(strength):
    """Lowest point of the bowl plus (λ/2)‖w‖²: (H + λI)⁻¹Hw*, [2]."""
    hessian = BOWL.hessian
    return torch.linalg.solve(
        hessian + strength * torch.eye(2, dtype=hessian.dtype), hessian @ STAR
    )


def box_point(radius):
    """Lowest point of the bowl inside the box |w₁|, |w₂| ≤ `radius`, [2]: the star, or the best
    point of four walls.
    """
    if STAR.abs().max() <= radius:
        return STAR
    walls = [(i, wall) for i in (0, 1) for wall in (-radius, radius)]
    return min((_best_on_wall(i, wall, radius) for i, wall in walls), key=BOWL.loss)


def _best_on_wall(i, wall, radius):
    """Lowest point with wᵢ = `wall`: the other goes where its derivative is 0, or as far as the box
    lets it.
    """
    j, w = 1 - i, STAR.clone()
    w[i] = wall
    w[j] = (STAR[j] - BOWL.hessian[j, i] / BOWL.hessian[j, j] * (wall - STAR[i])).clamp(
        -radius, radius
    )
    return w


def compute(strength, lr, beta1, beta2, eps, update=None):
    """Both paths. `update`, the learner's own function, takes the place of AdamW's."""
    options = {"lr": lr, "betas": (beta1, beta2), "eps": eps}
    coupled = descend(BOWL, adam_update, START, PATH_STEPS, l2=strength, **options)
    decoupled = descend(
        BOWL, update or adamw_update, START, PATH_STEPS, weight_decay=strength, **options
    )
    diverged = diverged_at(BOWL.loss(decoupled))
    paths = {"Adam + L2": coupled, "AdamW": decoupled[:diverged]}
    rests = {
        "Adam + L2": ridge_point(strength),
        "AdamW": box_point(1 / strength if strength else math.inf),
    }
    return Trajectory(paths, rests, diverged, lr, (beta1, beta2), eps, strength, update is not None)


def prepare(figure):
    left, right = figure.subplots(1, 2, width_ratios=[1.35, 1])
    _, star = plotting.draw_contours(left, BOWL)
    star.set_zorder(8)  # above the places of rest
    left.set(
        xlim=BOWL.window[:2], ylim=BOWL.window[2:], title="Paths, box and ridge", aspect="equal"
    )
    ridge = torch.stack([ridge_point(strength) for strength in torch.logspace(-3, 4, 80).tolist()])
    left.plot(
        *ridge.T, color=plotting.series(0)[0], linestyle=":", linewidth=1.2, label="ridge, any λ"
    )
    marks = {
        "box": left.plot(
            [], [], color=plotting.series(1)[0], linestyle="-", linewidth=1.3, label="box"
        )
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
        marks[rest][0].set_fillstyle(
            ("full", "none")[k]
        )  # the diamond is hollow: a star can stand in it
        marks[f"gap {name}"] = right.plot([], [], color=color, linestyle=linestyle, label=name)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=3, fontsize=8)
    right.set(
        xlim=(0, PATH_STEPS),
        ylim=(1e-6, 10),
        yscale="log",
        xlabel="step",
        title="Distance to its place of rest",
    )
    marks["lr"] = [
        right.axhline(
            np.nan, color=plotting.muted(), linestyle=":", linewidth=1.2, label="learning rate"
        )
    ]
    right.legend(loc="lower left", fontsize=8)
    marks["diverged"] = plotting.draw_divergence(right)
    return marks


def draw(marks, result):
    radius = 1 / result.strength if result.strength else np.nan
    marks["box"][0].set_data(
        radius * np.array([-1, 1, 1, -1, -1]), radius * np.array([-1, -1, 1, 1, -1])
    )
    for name, rest in RESTS.items():
        path, place = result.paths[name], result.rests[name]
        plotting.move_path(marks[name], path)
        shown = name != "AdamW" or result.in_theory
        marks[rest][0].set_data(place[:1] if shown else [], place[1:] if shown else [])
        gap = (
            (path - place).norm(dim=1).clamp(min=1e-9)
            if shown
            else torch.full((len(path),), torch.nan)
        )
        marks[f"gap {name}"][0].set_data(range(len(path)), gap.numpy())
    marks["lr"][0].set_ydata([result.lr] * 2)
    plotting.move_divergence(marks["diverged"], result.diverged)
    own = " AdamW's path is drawn by your function." if result.own else ""
    return (_say_rests(result) if result.diverged is None else _say_divergence(result)) + own


def _say_divergence(result):
    product = result.lr * result.strength
    if result.own:
        return f"AdamW's place is taken by your function: it diverged at step {result.diverged}."
    why = (
        f"Above 2, the factor 1 − lr·λ is below −1, and decay itself throws the weights ever further: keep lr below "
        f"{2 / result.strength:.2g} here."
        if product > 2
        else "Decay is not to blame: that takes lr·λ > 2."
    )
    return f"AdamW diverged at step {result.diverged}, with lr·λ = {product:.2g}. {why}"


def _say_rests(result):
    shrunk = 1 - (result.rests["Adam + L2"].norm() / STAR.norm()).item()
    gaps = {name: (result.paths[name][-1] - result.rests[name]).norm().item() for name in RESTS}
    said = (
        f"λ = {result.strength:g}: {_say_box(result)}. L2 moves its own place of rest {shrunk:.0%} of the way to zero. "
        f"After {PATH_STEPS} steps Adam + L2 is {gaps['Adam + L2']:.1g}"
    )
    if result.in_theory:
        return f"{said} and AdamW {gaps['AdamW']:.1g} from its place of rest."
    star = (result.paths["AdamW"][-1] - STAR).norm().item()
    return f"{said} from its place of rest, and AdamW {star:.1g} from the star."


def _say_box(result):
    """What λ is to AdamW at these settings."""
    radius = 1 / result.strength if result.strength else math.inf
    if result.eps > 1e-3:
        rest = "λw = −g/(|g| + ε)" if result.strength else "the star"
        return f"ε = {result.eps:.2g} is not small beside the gradients, and AdamW rests at {rest}, not by the box"
    if result.betas[0] > result.betas[1]:
        return "β₁ > β₂: the theorem of the box does not speak of this, and steps can be far longer than lr"
    if not result.strength:
        return "no decay, no box"
    if STAR.abs().max() <= radius:
        return f"the box |w| ≤ {radius:.2g} holds the star, and AdamW heads for the star itself"
    return f"the box |w| ≤ {radius:.2g} cuts the star off, and AdamW heads for its edge"


explorer = Explorer(
    title="One start, one λ: Adam + L2 and AdamW",
    controls={
        "strength": Slider("λ", 0.0, 2.0, 0.0, step=0.05),
        "lr": Slider("learning rate", 0.005, 1.5, 0.05, log=True),
        "beta1": Slider("β₁", values=(0.0, 0.5, 0.8, 0.9, 0.95, 0.98), default=0.9),
        "beta2": Slider("β₂", values=(0.0, 0.5, 0.9, 0.95, 0.99, 0.999), default=0.9),
        "eps": Slider("ε", 1e-8, 10.0, 1e-8, log=True, step=0.5),
    },
    compute=compute,
    prepare=prepare,
    draw=draw,
    size=(8.2, 4.3),
)

show = explorer.show
