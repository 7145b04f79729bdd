"""Weights, exact zeros and errors of a network under three penalties; λ can be moved."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.l1_l2.shrinking import BINS, METHODS, STRENGTHS, compute_shrinking
from course_lib.panel import Explorer, Slider

TICKS = (0.1, 0.15, 0.2, 0.3, 0.5, 0.9)  # of the error


def _prepare(figure):
    """Histogram of the weights, share of exact zeros, test error."""
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
    left.set(
        title="Weights at this λ",
        xlabel="weight (a few lie outside)",
        ylabel="share of weights, logarithmic",
    )
    left.set(yscale="log", xlim=(-0.5, 0.5), ylim=(1e-4, 1.5))
    middle.set(title="Exactly zero", ylabel="share of weights", ylim=(-0.03, 1.03))
    right.set(title="Test error (lower is better)", ylabel="share of test digits, logarithmic")
    right.set(yscale="log", ylim=(0.08, 1))
    right.set_yticks(TICKS, [f"{tick:.0%}" for tick in TICKS])
    right.set_yticks([], minor=True)
    right.axhline(0.9, color=plotting.muted(), linestyle=":", linewidth=1)
    right.text(STRENGTHS[0] * 1.3, 0.87, "one answer for all", va="top", fontsize=8)
    marks = {}
    for ax in (middle, right):
        ax.set(xscale="log", xlim=(STRENGTHS[0], STRENGTHS[-1]), xlabel="λ")
    for k, (method, name) in enumerate(METHODS.items()):
        color, linestyle = plotting.series(k)
        marks[f"histogram {method}"] = left.plot(
            [], [], color=color, linestyle=linestyle, drawstyle="steps-mid"
        )
        for key, ax in (("zeros", middle), ("error", right)):
            marks[f"{key} {method}"] = plotting.draw_band(ax, [], np.empty((0, 0)), label=name, k=k)
    marks["here"] = [
        ax.axvline(1, color=plotting.ink(), linestyle=":", linewidth=1) for ax in (middle, right)
    ]
    marks["zeros l2"][0].set_linewidth(4)  # two lines lie on zero: the wider one shows
    middle.legend(loc="upper left", fontsize=7, handlelength=2.2)
    return marks


def _draw(marks, result, strength):
    """Move the marks to a `Shrinking` at one of its strengths."""
    n, i = len(result.zeros), STRENGTHS.index(strength)
    for line in marks["here"]:
        line.set_xdata([strength] * 2)
    for m, method in enumerate(METHODS):
        plotting.move_band(marks[f"zeros {method}"], STRENGTHS, result.zeros[:, m])
        plotting.move_band(marks[f"error {method}"], STRENGTHS, result.test_error[:, m])
        heights = result.shares[:, m, i].mean(0) if n else []
        marks[f"histogram {method}"][0].set_data(((BINS[1:] + BINS[:-1]) / 2) if n else [], heights)
    if not n:
        counts = f"{len(METHODS)} penalties at {len(STRENGTHS)} strengths"
        return f"Training {counts}: {result.progress:.0%}."
    zeros, errors = (
        ", ".join(f"{name} {values[:, m, i].mean():.1%}" for m, name in enumerate(METHODS.values()))
        for values in (result.zeros, result.test_error)
    )
    return (
        f"λ = {plotting.readable(strength)}, {n} seed{'s' * (n != 1)}. Exactly zero: {zeros}. "
        f"Test error: {errors}. Left out: weights of pixels that are black on all training rows. "
        "Bands: 95 %, over seeds."
    )


explorer = Explorer(
    title="A 64-64-10 network on 300 digits, a fifth of them mislabelled",
    controls={"strength": Slider("λ", values=STRENGTHS, default=STRENGTHS[0], trained=True)},
    frozen={"strength": 9},
    compute=compute_shrinking,
    prepare=_prepare,
    draw=_draw,
    size=(9.6, 3.6),
    quick={"seeds": (0, 1)},
)

show = explorer.show
