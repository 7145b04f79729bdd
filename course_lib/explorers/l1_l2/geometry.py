"""Where a bowl's contour meets a penalty's ball; penalty, λ and correlation can be moved."""

from course_lib import plotting
from course_lib.experiments.l1_l2.geometry import AXIS, GOAL, LEVELS, touch
from course_lib.experiments.l1_l2.penalised_regression import PENALTIES
from course_lib.panel import Choice, Explorer, Slider


def _prepare(figure):
    """Left the plane of the two weights, right each weight against λ."""
    left, right = figure.subplots(1, 2, width_ratios=[1.1, 1])
    left.set(
        title="Where ring and ball touch",
        xlabel="$w_1$",
        ylabel="$w_2$",
        xlim=(-0.85, 1.75),
        ylim=(-1.1, 1.3),
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
    left.legend(loc="lower left", fontsize=8)
    right.set(title="Each weight on the way", xlabel="λ", ylabel="weight at the solution")
    right.set(xlim=(0, 2), ylim=(-0.1, 1.1))
    right.axhline(0, color=plotting.muted(), linewidth=0.8, linestyle="-")
    for j in (0, 1):
        color, linestyle = plotting.series(2 + j)
        marks[f"w{j}"] = right.plot([], [], color=color, linestyle=linestyle, label=f"$w_{j + 1}$")
        marks[f"now{j}"] = right.plot([], [], "o", color=color)
    marks["here"] = [right.axvline(0, color=plotting.ink(), linestyle=":", linewidth=1)]
    right.legend(loc="upper right")
    return marks


def _draw(marks, result):
    """Move the marks to a `Touch`."""
    for line, contour in zip(
        [*marks["contours"], *marks["touching"]], result.contours, strict=True
    ):
        line.set_data(*contour.T)
    marks["ball"][0].set_xy(result.ball)
    marks["way"][0].set_data(*result.way.T)
    marks["solution"][0].set_data(*result.solution.unsqueeze(1))
    low = min(-0.1, 1.1 * result.way.min().item())
    plotting.set_limits(marks["w0"][0].axes, y=(low, 1.1))
    for j in (0, 1):
        marks[f"w{j}"][0].set_data(AXIS, result.way[:, j])
        marks[f"now{j}"][0].set_data([result.strength], [result.solution[j]])
    marks["here"][0].set_xdata([result.strength] * 2)
    return _say(result)


def _say(result):
    w = result.solution.tolist()
    zero = [f"w{'₁₂'[j]}" for j in (0, 1) if w[j] == 0]
    which = "neither weight is zero"
    if zero:
        which = f"{' and '.join(zero)} {'is' if len(zero) == 1 else 'are'} exactly zero"
    at = f"{result.penalty}, λ = {result.strength:g}"
    return f"{at}: the solution is ({w[0]:.3f}, {w[1]:.3f}); {which}."


explorer = Explorer(
    title="Where a bowl meets a penalty",
    controls={
        "penalty": Choice("penalty", tuple(PENALTIES), "L1 (lasso)"),
        "strength": Slider("λ", 0.0, 2.0, 0.2, step=0.05, played=True),
        "correlation": Slider("correlation ρ of the features", -0.9, 0.9, 0.0, step=0.1),
    },
    frozen={"penalty": 3, "strength": (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0)},
    compute=touch,
    prepare=_prepare,
    draw=_draw,
)

show = explorer.show
