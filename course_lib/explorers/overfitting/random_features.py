"""Double descent on digits."""

import torch

from course_lib import plotting
from course_lib.experiments.overfitting import double_descent as descent_lab
from course_lib.explorers.overfitting.fits import EMPTY
from course_lib.panel import Explorer, Slider


def prepare(figure):
    """Errors against the number of random features; returns the marks that move."""
    ax = figure.subplots()
    widths = descent_lab.WIDTHS
    ax.set(xscale="log", xlim=(widths[0] * 0.9, widths[-1] * 1.1), ylim=(0, 100))
    ax.set(xlabel="random features (log scale)", ylabel="error (%), lower is better")
    ax.set_xticks([10, 30, 100, 300, 1000, 3000], ["10", "30", "100", "300 = n", "1000", "3000"])
    ax.axvline(descent_lab.TRAIN_ROWS, color=plotting.muted(), linestyle="-", linewidth=0.8)
    marks = {
        "train": ax.plot([], [], color=plotting.muted(), linestyle=":", label="training error")
    }
    marks["test"] = plotting.draw_band(ax, [], EMPTY, label="test error at this λ, 95 % band", k=0)
    marks["tuned"] = plotting.draw_band(
        ax, [], EMPTY, label="test error, λ tuned on validation rows", k=1
    )
    ax.legend(loc="upper right", fontsize=8)
    return marks


def draw(marks, result, l2):
    """Move the marks to one λ of `RandomFeatures`."""
    k, widths = result.strengths.index(l2), result.widths
    test = 100 * result.test_error[:, :, k]
    marks["train"][0].set_data(widths, plotting.array(100 * result.train_error[:, :, k].nanmean(1)))
    plotting.move_band(marks["test"], widths, test.T)
    known = result.test_error[:, :, 0].isfinite()
    plotting.move_band(marks["tuned"], widths, (100 * result.tuned()).where(known, torch.nan).T)
    seeds = int(known.all(0).sum())
    if seeds < 2:
        return f"Fitting the last layer at every width: {result.progress:.0%}."
    means = test[:, known.all(0)].mean(1)
    top = (
        int(means[widths.index(60) :].argmax()) + widths.index(60)
        if 60 in widths
        else int(means.argmax())
    )
    return (
        f"λ = {plotting.readable(l2)}, {seeds} seeds: from 60 features on, the test error is highest at {widths[top]} "
        f"({means[top]:.0f} %), and {means[-1]:.1f} % with {widths[-1]}."
    )


explorer = Explorer(
    title="Random ReLU features on 300 digits",
    controls={
        "l2": Slider("λ", values=descent_lab.STRENGTHS, default=0.0, trained=True),
        "noise": Slider("share of wrong labels", values=(0.0, 0.1, 0.2, 0.4), default=0.2),
    },
    compute=descent_lab.random_features,
    prepare=prepare,
    draw=draw,
    quick={"seeds": (0, 1), "widths": (20, 60, 300)},
)

show = explorer.show
