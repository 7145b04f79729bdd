"""Double descent where the risk is known exactly."""

from dataclasses import dataclass

import numpy as np
import torch

from course_lib import plotting
from course_lib.experiments.overfitting import double_descent as descent_lab
from course_lib.overfitting import excess_risk
from course_lib.panel import Explorer, Slider

FINE = np.unique(np.round(np.geomspace(2, 300, 200)).astype(int))
RIDGE = (0.0, 1e-4, 1e-3, 1e-2, 0.1, 1.0)


@dataclass
class Law:
    """Excess risk against features: the exact law at λ = 0, and draws [features, draws] at λ and at
    the best λ.
    """

    noise: float
    l2: float
    law: np.ndarray
    risks: torch.Tensor
    best: torch.Tensor


def compute(noise, l2, draws=descent_lab.DRAWS):
    """A `Law`; everything is a closed form in the singular values of data sets that are drawn
    once.
    """
    n, sizes = descent_lab.ROWS, descent_lab.FEATURES
    law = np.array([excess_risk(n, int(d), noise) for d in FINE])
    risks = torch.stack([descent_lab.minimum_norm(d, noise, l2, n, draws) for d in sizes])
    best = torch.stack(
        [descent_lab.minimum_norm(d, noise, noise**2 * d / n, n, draws) for d in sizes]
    )
    return Law(noise, l2, law, risks, best)


def prepare(figure):
    """The excess risk against the number of features; returns the marks that move."""
    ax = figure.subplots()
    ax.set(xscale="log", yscale="log", xlim=(1.9, 320), ylim=(3e-3, 1e3))
    ax.set(xlabel="features d (log scale)", ylabel="excess risk  ‖ŵ − β‖²")
    ax.set_xticks([2, 5, 10, 30, 100, 300], ["2", "5", "10", "30 = n", "100", "300"])
    ax.axvline(descent_lab.ROWS, color=plotting.muted(), linestyle="-", linewidth=0.8)
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


def draw(marks, result):
    """Move the marks to a `Law`."""
    sizes = descent_lab.FEATURES
    law = np.where(result.law > 0, result.law, np.nan)
    marks["law"][0].set_data(FINE, plotting.array(law))
    for name, values in (
        ("mean", result.risks.mean(1)),
        ("median", result.risks.median(1).values),
        ("best", result.best.mean(1)),
    ):
        values = values.where(values > 1e-9, torch.nan)
        marks[name][0].set_data(sizes, plotting.array(values))
    medians = result.risks.median(1).values
    top = int(medians.argmax())
    if result.noise == 0 and result.l2 == 0:
        return "Without noise there is no peak: up to d = n the fit is exact, beyond it some of β is in no row."
    where = f"The medians are highest at d = {sizes[top]}: {medians[top]:.2g}"
    last = "" if top == len(sizes) - 1 else f", and {medians[-1]:.2g} at d = {sizes[-1]}"
    return f"{where}{last}; noise σ = {result.noise:g}, λ = {result.l2:g}."


explorer = Explorer(
    title="Least squares with ever more features, 30 examples",
    controls={
        "noise": Slider("noise σ", 0.0, 1.5, 0.5, step=0.05),
        "l2": Slider("λ", values=RIDGE, default=0.0),
    },
    compute=compute,
    prepare=prepare,
    draw=draw,
    quick={"draws": 40},
)

show = explorer.show
