"""Double descent where the risk is known exactly; noise and λ can be moved."""

import numpy as np
import torch

from course_lib import plotting
from course_lib.experiments.overfitting.double_descent import FEATURES, FINE, ROWS, law
from course_lib.panel import Explorer, Slider

RIDGE = (0.0, 1e-4, 1e-3, 1e-2, 0.1, 1.0)


def _prepare(figure):
    """The excess risk against the number of features."""
    ax = figure.subplots()
    ax.set(xscale="log", yscale="log", xlim=(1.9, 320), ylim=(3e-3, 1e3))
    ax.set(xlabel="features d (log scale)", ylabel="excess risk  ‖ŵ − β‖²")
    ax.set_xticks([2, 5, 10, 30, 100, 300], ["2", "5", "10", "30 = n", "100", "300"])
    ax.axvline(ROWS, color=plotting.muted(), linestyle="-", linewidth=0.8)
    ax.axhline(1, color=plotting.muted(), linestyle="-", linewidth=0.8)
    ax.annotate("learn nothing: ŵ = 0", (2, 1.1), color=plotting.muted(), fontsize=8)
    marks = {"law": ax.plot([], [], color=plotting.ink(), linestyle="-", label="exact law, λ = 0")}
    style = {"linestyle": "none", "markersize": 6}
    marks["mean"] = ax.plot(
        [], [], "o", color=plotting.series(0)[0], label="mean of 500 data sets at this λ", **style
    )
    marks["median"] = ax.plot(
        [], [], "x", color=plotting.series(1)[0], label="their median", **style
    )
    color, linestyle = plotting.series(2)
    marks["best"] = ax.plot([], [], color=color, linestyle=linestyle, label="mean at λ = σ²d/n")
    ax.legend(loc="upper left", fontsize=8)
    return marks


def _draw(marks, result):
    """Move the marks to a `Law`."""
    marks["law"][0].set_data(FINE, plotting.array(np.where(result.law > 0, result.law, np.nan)))
    for name, values in (
        ("mean", result.risks.mean(1)),
        ("median", result.risks.median(1).values),
        ("best", result.best.mean(1)),
    ):
        values = values.where(values > 1e-9, torch.nan)
        marks[name][0].set_data(FEATURES, plotting.array(values))
    medians = result.risks.median(1).values
    medians = medians[: int(medians.isfinite().sum())]  # of what is drawn already
    top = int(medians.argmax())
    if result.noise == 0 and result.l2 == 0:
        return (
            "Without noise there is no peak: up to d = n the fit is exact, beyond it some of β "
            "is in no row."
        )
    where = f"The medians are highest at d = {FEATURES[top]}: {medians[top]:.2g}"
    if top < len(medians) - 1:
        where += f", and {medians[-1]:.2g} at d = {FEATURES[len(medians) - 1]}"
    return f"{where}; noise σ = {result.noise:g}, λ = {result.l2:g}."


explorer = Explorer(
    title="Least squares with ever more features, 30 examples",
    controls={
        "noise": Slider("noise σ", 0.0, 1.5, 0.5, step=0.05),
        "l2": Slider("λ", values=RIDGE, default=0.0),
    },
    frozen={"noise": (0.0, 0.25, 0.5, 1.0, 1.5), "l2": 6},
    compute=law,
    prepare=_prepare,
    draw=_draw,
    quick={"draws": 40},
)

show = explorer.show
