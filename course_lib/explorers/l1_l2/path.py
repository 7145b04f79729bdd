"""Ten real features as λ grows; penalty, scale of the features and rows can be chosen."""

from course_lib import plotting
from course_lib.data.diabetes import FEATURES, ROWS
from course_lib.experiments.l1_l2.path import SCALES, STRENGTHS, path
from course_lib.experiments.l1_l2.penalised_regression import PENALTIES
from course_lib.panel import Choice, Explorer, Slider

APART = 5.5  # score points between two names


def _prepare(figure):
    """Left a line per feature against λ, right the errors."""
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    left.set(
        title="What a standard deviation of each feature adds",
        xscale="log",
        xlim=(STRENGTHS[0] / 7, STRENGTHS[-1]),
    )
    left.set(xlabel="λ", ylabel="score points", ylim=(-50, 70))
    left.axhline(0, color=plotting.muted(), linestyle="-", linewidth=0.8)
    marks = {
        f"w{j}": left.plot(
            [], [], label=name, color=plotting.series(j % 7)[0], linestyle=("-", "--")[j // 7]
        )
        for j, name in enumerate(FEATURES)
    }
    for j, name in enumerate(FEATURES):
        color = plotting.series(j % 7)[0]
        marks[f"name {j}"] = [left.text(STRENGTHS[0] * 0.85, 0, name, color=color, fontsize=8)]
        marks[f"name {j}"][0].set(ha="right", va="center")
    right.set(
        title="Error of the prediction",
        xscale="log",
        xlim=(STRENGTHS[0], STRENGTHS[-1]),
        ylim=(40, 90),
    )
    right.set(xlabel="λ", ylabel="root mean squared error, score points")
    for k, name in enumerate(("training rows", "other rows")):
        color, linestyle = plotting.series(k)
        marks[name] = right.plot([], [], color=color, linestyle=linestyle, label=name)
    marks["here"] = [
        ax.axvline(1, color=plotting.ink(), linestyle=":", linewidth=1) for ax in (left, right)
    ]
    right.legend(loc="upper left")
    return marks


def _apart(heights):
    """Heights for names, near those given and in their order, none on another."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    placed = [heights[j] for j in order]
    for _ in range(50):
        for i in range(len(placed) - 1):
            lacking = APART - (placed[i + 1] - placed[i])
            if lacking > 0:
                placed[i] -= lacking / 2
                placed[i + 1] += lacking / 2
    return [placed[order.index(j)] for j in range(len(heights))]


def _draw(marks, result, strength):
    """Move the marks to a `Path` at one λ."""
    for j in range(len(FEATURES)):
        marks[f"w{j}"][0].set_data(STRENGTHS, result.weights[:, j])
    for j, height in enumerate(_apart(result.weights[0].tolist())):
        marks[f"name {j}"][0].set_y(height)
    for name, errors in (("training rows", result.train_error), ("other rows", result.test_error)):
        marks[name][0].set_data(*((STRENGTHS, errors) if errors is not None else ([], [])))
    for line in marks["here"]:
        line.set_xdata([strength] * 2)
    i = STRENGTHS.index(strength)
    kept = [name for name, w in zip(FEATURES, result.weights[i].tolist()) if w != 0]
    which = f" ({', '.join(kept)})" if 0 < len(kept) < 10 else ""
    error = "" if result.test_error is None else f"; error on other rows {result.test_error[i]:.1f}"
    edge = "" if result.empty_from is None else f" From λ = {result.empty_from:.3g} on none is."
    at = f"{result.kind}, features {result.scale}, λ = {plotting.readable(strength)}"
    return f"{at}: {len(kept)} of 10 features are left{which}{error}.{edge}"


explorer = Explorer(
    title="The path of the weights: 442 patients, ten measurements",
    controls={
        "strength": Slider("λ", values=STRENGTHS, default=STRENGTHS[18], trained=True),
        "kind": Choice("penalty", tuple(PENALTIES), "L1 (lasso)"),
        "scale": Choice("features", SCALES, "standardised"),
        "rows": Slider("training rows", 15, ROWS, 300),
    },
    frozen={"strength": 13, "kind": 3},
    compute=path,
    prepare=_prepare,
    draw=_draw,
    size=(9, 3.8),
)

show = explorer.show
