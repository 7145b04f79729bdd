"""Double descent of random features on digits, clean labels beside wrong ones; λ can be moved."""

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
    """Errors against the number of random features, left with clean labels, right with wrong."""
    panels = figure.subplots(1, 2, sharey=True)
    marks = {}
    for ax, side in zip(panels, ("clean", "noisy")):
        ax.set(xscale="log", xlim=(WIDTHS[0] * 0.9, WIDTHS[-1] * 1.1))
        ax.set(yscale="log", ylim=(1, 100), xlabel="random features (log scale)")
        names = ["10", "30", "100", "300 = n", "1000", "3000"]
        ax.set_xticks([10, 30, 100, TRAIN_ROWS, 1000, 3000], names)
        ax.set_yticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
        ax.axvline(TRAIN_ROWS, color=plotting.muted(), linestyle="-", linewidth=0.8)
        marks[f"{side} train"] = ax.plot(
            [], [], color=plotting.muted(), linestyle=":", label="squared training error"
        )
        for k, (name, label) in enumerate(
            (("test", "wrong test digits at this λ"), ("tuned", "the same, λ tuned"))
        ):
            marks[f"{side} {name}"] = plotting.draw_band(ax, [], np.empty((0, 0)), label=label, k=k)
    panels[0].set(title="clean labels", ylabel="error (%, log scale)")
    marks["title"] = [panels[1].set_title("")]
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=8)
    return marks


def _draw(marks, result, l2):
    """Move the marks to one λ of `Worlds`."""
    marks["title"][0].set_text(f"{result.noisy.noise:.0%} wrong labels".replace("%", " %"))
    said = [_draw_side(marks, side, getattr(result, side), l2) for side in ("clean", "noisy")]
    if not all(said):
        return f"Fitting the last layer at every width: {result.progress:.0%}."
    seeds = int(result.clean.test_error[0, :, 0].isfinite().sum())
    return (
        f"λ = {plotting.readable(l2)}, {seeds} seeds, 95 % bands. From 60 features on the test "
        f"error is highest at {said[0]} with clean labels, at {said[1]} with wrong ones."
    )


def _draw_side(marks, side, result, l2):
    """Move one panel's marks; where its peak and its end are, or nothing before two seeds."""
    k, widths = result.strengths.index(l2), result.widths
    test = 100 * result.test_error[:, :, k]
    # an error of 0 has no place on a logarithmic axis: it leaves the picture below
    loss = (100 * result.train_loss[:, :, k].nanmean(1)).clamp(min=0.5)
    marks[f"{side} train"][0].set_data(widths, plotting.array(loss))
    plotting.move_band(marks[f"{side} test"], widths, test.T)
    known = result.test_error[:, :, 0].isfinite()
    tuned = (100 * result.tuned()).where(known, torch.nan)
    plotting.move_band(marks[f"{side} tuned"], widths, tuned.T)
    if known.all(0).sum() < 2:
        return ""
    means = test[:, known.all(0)].mean(1)
    first = widths.index(60) if 60 in widths else 0
    top = first + int(means[first:].argmax())
    return f"{widths[top]} ({means[top]:.0f} %; with {widths[-1]}: {means[-1]:.1f} %)"


explorer = Explorer(
    title="Random ReLU features on 300 digits",
    controls={
        "l2": Slider("λ", values=STRENGTHS, default=0.0, trained=True),
        "noise": Slider("share of wrong labels", values=(0.1, 0.2, 0.4), default=0.2),
    },
    frozen={"l2": 7, "noise": (0.2,)},
    compute=random_features,
    prepare=_prepare,
    draw=_draw,
    quick={"seeds": (0, 1), "widths": (20, 60, 300)},
)

show = explorer.show
