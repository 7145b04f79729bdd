"""Geometry: loss contours meet the penalty's ball."""

from dataclasses import dataclass

import torch

from course_lib import plotting
from course_lib.explorers.l1_l2.penalties import PENALTIES
from course_lib.l1_l2 import proximal_gradient
from course_lib.panel import Choice, Explorer, Slider

GOAL = torch.tensor([1.0, 0.4], dtype=torch.float64)  # the weights without a penalty

AXIS = torch.linspace(0, 2, 81, dtype=torch.float64)  # λ
TURN = torch.linspace(0, 2 * torch.pi, 241, dtype=torch.float64)
LEVELS = (0.1, 0.25, 0.45, 0.7, 1.0, 1.4)  # distances of the thin contours from the star


@dataclass
class Touch:
    """The solution at one λ, the way there, and the two curves that touch at it; points are [...,
    2].
    """

    penalty: str
    strength: float
    solution: torch.Tensor
    way: torch.Tensor  # solutions along AXIS
    ball: torch.Tensor  # all points with the solution's penalty
    contours: list  # of the loss; the last one goes through the solution


def bowl(correlation):
    """Hessian of the loss for two standardised features with this correlation."""
    return torch.tensor([[1.0, correlation], [correlation, 1.0]], dtype=torch.float64)


def solve(penalty, strengths, correlation):
    """Lowest points [strengths, 2] of ½(w − w*)ᵀH(w − w*) + λ·penalty."""
    hessian, (l1, l2) = bowl(correlation), PENALTIES[penalty]
    start, column = GOAL.repeat(len(strengths), 1), strengths.unsqueeze(1)
    return proximal_gradient(
        lambda w: (w - GOAL) @ hessian,
        start,
        lr=1 / (1 + abs(correlation)),
        l1=l1 * column,
        l2=l2 * column,
        steps=400,
    )


def compute(penalty, strength, correlation):
    """Where the loss's contour touches the ball, as a `Touch`."""
    points = solve(penalty, torch.cat([AXIS, AXIS.new_tensor([strength])]), correlation)
    solution, hessian = points[-1], bowl(correlation)
    circle = torch.stack([TURN.cos(), TURN.sin()], 1)
    away = solution - GOAL
    radii = [*LEVELS, (away @ hessian @ away).sqrt().item()]
    ellipse = torch.linalg.solve(
        torch.linalg.cholesky(hessian).T, circle.T
    ).T  # all w − w* with (w−w*)ᵀH(w−w*) = 1
    return Touch(
        penalty,
        strength,
        solution,
        points[:-1],
        ball(penalty, solution),
        [GOAL + r * ellipse for r in radii],
    )


def ball(penalty, solution):
    """The points whose penalty is that of `solution`: a diamond, a circle, or something between
    [points, 2].
    """
    (l1, l2), circle = PENALTIES[penalty], torch.stack([TURN.cos(), TURN.sin()], 1)
    total = l1 * solution.abs().sum() + l2 * solution.square().sum() / 2
    slope = l1 * circle.abs().sum(
        1, keepdim=True
    )  # along a ray of length r the penalty is slope·r + l2·r²/2
    r = total / slope if l2 == 0 else ((slope**2 + 2 * l2 * total).sqrt() - slope) / l2
    return r * circle


def prepare(figure):
    """Left the plane of the two weights, right each weight against λ; returns the marks that
    move.
    """
    left, right = figure.subplots(1, 2, width_ratios=[1.1, 1])
    left.set(
        title="Where contour and ball touch",
        xlabel="$w_1$",
        ylabel="$w_2$",
        xlim=(-0.85, 1.75),
        ylim=(-0.8, 1.3),
    )
    left.set_aspect("equal", adjustable="box")
    for line in (left.axhline, left.axvline):
        line(0, color=plotting.muted(), linewidth=0.8, linestyle="-")
    color, _ = plotting.series(0)
    marks = {
        "contours": [
            left.plot([], [], color=plotting.muted(), linestyle="-", linewidth=0.7)[0]
            for _ in LEVELS
        ]
    }
    marks["touching"] = left.plot(
        [], [], color=plotting.ink(), linestyle="-", linewidth=1.4, label="same loss"
    )
    marks["ball"] = left.fill(
        [0], [0], facecolor=color, alpha=0.25, edgecolor=color, label="same penalty, or less"
    )
    marks["way"] = left.plot(
        [], [], color=plotting.series(1)[0], linestyle="--", label="solutions, all λ"
    )
    left.plot(*GOAL, marker="*", markersize=12, color=plotting.ink(), linestyle="none", zorder=5)
    marks["solution"] = left.plot([], [], "o", color=plotting.series(1)[0], markersize=8, zorder=6)
    left.legend(loc="lower right", fontsize=8, frameon=True)
    right.set(title="Each weight on the way", xlabel="λ", ylabel="weight at the solution")
    right.set(xlim=(0, 2), ylim=(-0.6, 1.1))
    right.axhline(0, color=plotting.muted(), linewidth=0.8, linestyle="-")
    for j in (0, 1):
        color, linestyle = plotting.series(2 + j)
        marks[f"w{j}"] = right.plot([], [], color=color, linestyle=linestyle, label=f"$w_{j + 1}$")
        marks[f"now{j}"] = right.plot([], [], "o", color=color)
    marks["here"] = [right.axvline(0, color=plotting.ink(), linestyle=":", linewidth=1)]
    right.legend(loc="upper right")
    return marks


def draw(marks, result):
    """Move the marks to a `Touch`."""
    for line, contour in zip(
        [*marks["contours"], *marks["touching"]], result.contours, strict=True
    ):
        line.set_data(*contour.T)
    marks["ball"][0].set_xy(result.ball)
    marks["way"][0].set_data(*result.way.T)
    marks["solution"][0].set_data(*result.solution.unsqueeze(1))
    for j in (0, 1):
        marks[f"w{j}"][0].set_data(AXIS, result.way[:, j])
        marks[f"now{j}"][0].set_data([result.strength], [result.solution[j]])
    marks["here"][0].set_xdata([result.strength] * 2)
    return _say(result)


def _say(result):
    w = result.solution.tolist()
    zero = [f"w{'₁₂'[j]}" for j in (0, 1) if w[j] == 0]
    told = "neither weight is zero"
    if zero:
        told = f"{' and '.join(zero)} {'is' if len(zero) == 1 else 'are'} exactly zero"
    return f"{result.penalty}, λ = {result.strength:g}: the solution is ({w[0]:.3f}, {w[1]:.3f}); {told}."


explorer = Explorer(
    title="Where a bowl meets a penalty",
    controls={
        "penalty": Choice("penalty", PENALTIES, "L1 (lasso)"),
        "strength": Slider("λ", 0.0, 2.0, 0.2, step=0.05),
        "correlation": Slider("correlation ρ of the features", -0.9, 0.9, 0.0, step=0.1),
    },
    compute=compute,
    prepare=prepare,
    draw=draw,
)

show = explorer.show
