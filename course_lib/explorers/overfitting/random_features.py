"""Double descent of random features on digits; λ and the share of wrong labels can be moved."""

import numpy as np
import torch

from course_lib import plotting
from course_lib.experiments.overfitting.double_descent import (
    STRENGTHS,
    TRAIN_ROWS,
    WIDTHS,
    random_features,
)
from course_lib.panel import Explorer, Slider


def _prepare(figure):
    """Errors against the number of random features."""
    ax = figure.subplots()
    ax.set(xscale="log", xlim=(WIDTHS[0] * 0.9, WIDTHS[-1] * 1.1))
    ax.set(yscale="log", ylim=(1, 100), ylabel="error (%, log scale)")
    ax.set(xlabel="random features (log scale)")
    ax.set_xticks([10, 30, 100, 300, 1000, 3000], ["10", "30", "100", "300 = n", "1000", "3000"])
    ax.set_yticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    ax.axvline(TRAIN_ROWS, color=plotting.muted(), linestyle="-", linewidth=0.8)
    marks = {
        "train": ax.plot(
            [], [], color=plotting.muted(), linestyle=":", label="squared training error"
        )
    }
    marks["test"] = plotting.draw_band(
        ax, [], np.empty((0, 0)), label="wrong test digits at this λ, 95 % band", k=0
    )
    marks["tuned"] = plotting.draw_band(
        ax, [], np.empty((0, 0)), label="the same, λ tuned on validation rows", k=1
    )
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=8)
    return marks


def _draw(marks, result, l2):
    """Move the marks to one λ of `RandomFeatures`."""
    k, widths = result.strengths.index(l2), result.widths
    test = 100 * result.test_error[:, :, k]
    # an error of 0 has no place on a logarithmic axis: it leaves the picture below
    loss = (100 * result.train_loss[:, :, k].nanmean(1)).clamp(min=0.5)
    marks["train"][0].set_data(widths, plotting.array(loss))
    plotting.move_band(marks["test"], widths, test.T)
    known = result.test_error[:, :, 0].isfinite()
    plotting.move_band(marks["tuned"], widths, (100 * result.tuned()).where(known, torch.nan).T)
    seeds = int(known.all(0).sum())
    if seeds < 2:
        return f"Fitting the last layer at every width: {result.progress:.0%}."
    means = test[:, known.all(0)].mean(1)
    first = widths.index(60) if 60 in widths else 0
    top = first + int(means[first:].argmax())
    return (
        f"λ = {plotting.readable(l2)}, {seeds} seeds: from 60 features on, the test error is "
        f"highest at {widths[top]} ({means[top]:.0f} %), and {means[-1]:.1f} % with {widths[-1]}."
    )


explorer = Explorer(
    title="Random ReLU features on 300 digits",
    controls={
        "l2": Slider("λ", values=STRENGTHS, default=0.0, trained=True),
        "noise": Slider("share of wrong labels", values=(0.0, 0.1, 0.2, 0.4), default=0.2),
    },
    frozen={"l2": 7, "noise": (0.0, 0.2)},
    compute=random_features,
    prepare=_prepare,
    draw=_draw,
    quick={"seeds": (0, 1), "widths": (20, 60, 300)},
)

show = explorer.show
