"""What early stopping lets through beside ridge; step size and number of steps can be moved."""

from course_lib import plotting
from course_lib.experiments.overfitting.filters import BOUND, CURVATURES, filters
from course_lib.panel import Explorer, Slider


def _compute(lr, steps):
    """(η, t, filters of flow, descent and ridge)."""
    return lr, steps, filters(lr, steps)


def _prepare(figure):
    """Left the filters, right what parts them from ridge."""
    left, right = figure.subplots(1, 2)
    marks = {}
    for ax, title in ((left, "What gets through"), (right, "Difference from ridge")):
        ax.set(
            xscale="log",
            xlim=(1e-4, 1.2),
            xlabel="curvature d² of the direction (log scale)",
            title=title,
        )
    left.set(ylim=(-0.6, 2.1), ylabel="part of the least-squares solution")
    right.set(ylim=(-1.4, 1.4), ylabel="filter − ridge filter")
    names = ("gradient flow until t", "gradient descent", "ridge, λ = 1/t")
    for k, name in enumerate(names):
        color, linestyle = plotting.series(k)
        marks[f"left {k}"] = left.plot([], [], color=color, linestyle=linestyle, label=name)
        if k < 2:
            marks[f"right {k}"] = right.plot([], [], color=color, linestyle=linestyle)
    for bound in (-BOUND, BOUND):
        right.axhline(bound, color=plotting.muted(), linestyle=":", linewidth=1)
    right.annotate("0.2036", (1.2e-4, BOUND + 0.05), color=plotting.muted(), fontsize=8)
    marks["diverged"] = plotting.draw_divergence(left)
    left.legend(loc="upper left", fontsize=8)
    return marks


def _draw(marks, result):
    """Move the marks to the filters."""
    lr, steps, passed = result
    ridge = passed[2]
    for k, values in enumerate(passed):
        marks[f"left {k}"][0].set_data(CURVATURES, values.clamp(-50, 50))
        if k < 2:
            marks[f"right {k}"][0].set_data(CURVATURES, (values - ridge).clamp(-50, 50))
    apart = [(values - ridge).abs().max().item() for values in passed[:2]]
    plotting.move_divergence(marks["diverged"], 2 / lr if lr > 2 else None, "from 2/η on: diverges")
    if lr > 2:
        return (
            f"Gradient descent diverges: η = {lr:g} is above 2/λmax = 2, and its steepest "
            f"direction grows by {lr - 1:.3g} a step. Flow stays within {apart[0]:.4f} of ridge."
        )
    return (
        f"Stopped at t = η·steps = {lr * steps:.3g}: flow differs from ridge by at most "
        f"{apart[0]:.4f} (never by more than 0.2036…), gradient descent by at most {apart[1]:.4f}."
    )


explorer = Explorer(
    title="Early stopping beside ridge, direction by direction",
    controls={
        "lr": Slider("step size η (largest curvature 1)", 0.05, 2.2, 0.1, step=0.05),
        "steps": Slider(
            "steps", values=(1, 2, 3, 5, 10, 20, 50, 100, 200, 500), default=50, played=True
        ),
    },
    frozen={"lr": (0.05, 0.1, 0.5, 1.0, 1.9, 2.0, 2.2), "steps": 10},
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
)

show = explorer.show
