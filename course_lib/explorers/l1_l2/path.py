"""Path: ten real features as λ grows."""

from dataclasses import dataclass
from functools import lru_cache

import torch

from course_lib import plotting
from course_lib.data.diabetes import FEATURES, ROWS, check_table, load
from course_lib.experiments.l1_l2.penalised_regression import fit, largest_l1, predict
from course_lib.explorers.l1_l2.penalties import PENALTIES
from course_lib.panel import Choice, Explorer, Slider

PATH = tuple(float(f"{10 ** (k / 6):.2g}") for k in range(-18, 19))  # λ from 0.001 to 1000
SCALES = ("standardised", "as measured")


@dataclass
class Path:
    """Weights [strengths, features] in score points per standard deviation, errors [strengths] in
    score points.
    """

    kind: str
    scale: str
    weights: torch.Tensor
    train_error: torch.Tensor
    test_error: torch.Tensor | None  # None: all rows were trained on
    empty_from: float | None  # the λ from which on all weights are zero; None: no such λ


@lru_cache(maxsize=32)
def compute(kind, scale, rows, seed=0):
    """The whole path on `rows` patients drawn by `seed`, the others for testing.

    Refuses rows that cannot be fitted.
    """
    x, y = load()
    order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(seed))
    (train_x, train_y), (test_x, test_y) = (
        (x[part], y[part]) for part in order.tensor_split([rows])
    )
    check_table(train_x, train_y, FEATURES)
    (l1, l2), axis, spread = (
        PENALTIES[kind],
        torch.tensor(PATH, dtype=torch.float64),
        train_x.std(0, correction=0),
    )
    inside = scale == "standardised"
    weights = fit(
        train_x, train_y, l1 * axis, l2 * axis, standardise=inside, tolerance=1e-7, names=FEATURES
    )

    def error(x, y):
        return (
            (predict(x, weights, (train_x, train_y)) - y.flatten()).square().mean(1).sqrt()
            if len(x)
            else None
        )

    empty = largest_l1(train_x / spread if inside else train_x, train_y) / l1 if l1 else None
    return Path(
        kind, scale, weights * spread, error(train_x, train_y), error(test_x, test_y), empty
    )


def prepare(figure):
    """Left a line per feature against λ, right the errors; returns the marks that move."""
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    left.set(
        title="What a standard deviation of each feature adds",
        xscale="log",
        xlim=(PATH[0], PATH[-1]),
    )
    left.set(xlabel="λ", ylabel="score points", ylim=(-50, 70))
    left.axhline(0, color=plotting.muted(), linestyle="-", linewidth=0.8)
    marks = {
        f"w{j}": left.plot(
            [], [], label=name, color=plotting.series(j % 7)[0], linestyle=("-", "--")[j // 7]
        )
        for j, name in enumerate(FEATURES)
    }
    left.legend(loc="upper right", ncols=5, fontsize=8)
    right.set(
        title="Error of the prediction", xscale="log", xlim=(PATH[0], PATH[-1]), ylim=(40, 90)
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


def draw(marks, result, strength):
    """Move the marks to a `Path` at one λ."""
    for j in range(len(FEATURES)):
        marks[f"w{j}"][0].set_data(PATH, result.weights[:, j])
    for name, errors in (("training rows", result.train_error), ("other rows", result.test_error)):
        marks[name][0].set_data(*((PATH, errors) if errors is not None else ([], [])))
    for line in marks["here"]:
        line.set_xdata([strength] * 2)
    i = PATH.index(strength)
    kept = [name for name, w in zip(FEATURES, result.weights[i].tolist()) if w != 0]
    left = f"{len(kept)} of 10 features are left" + (
        f" ({', '.join(kept)})" if 0 < len(kept) < 10 else ""
    )
    error = "" if result.test_error is None else f"; error on other rows {result.test_error[i]:.1f}"
    edge = "" if result.empty_from is None else f" From λ = {result.empty_from:.3g} on none is."
    return f"{result.kind}, features {result.scale}, λ = {plotting.readable(strength)}: {left}{error}.{edge}"


explorer = Explorer(
    title="The path of the weights: 442 patients, ten measurements",
    controls={
        "strength": Slider("λ", values=PATH, default=PATH[18], trained=True),
        "kind": Choice("penalty", PENALTIES, "L1 (lasso)"),
        "scale": Choice("features", SCALES, "standardised"),
        "rows": Slider("training rows", 15, ROWS, 300),
    },
    compute=compute,
    prepare=prepare,
    draw=draw,
    size=(9, 3.8),
)

show = explorer.show
