"""The label gap of polynomials and of networks against their number of parameters."""

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.overfitting.bias_variance import Fits

TICKS = (1, 2, 4, 7, 13, 25, 49, 97)


def picture(fits: Fits, nets: Fits, early: Fits) -> Figure:
    """The law up to as many coefficients as points, then the ceiling; polynomials; networks.

    fits: polynomials; nets: networks of all widths; early: the widest of them, after fewer steps.
    """
    figure = Figure(figsize=(8.2, 3.6), layout="constrained")
    ax = figure.subplots()
    ax.set(xscale="log", xlim=(0.9, 125), ylim=(0, 0.2), ylabel="label gap, in squared error")
    ax.set(xlabel="coefficients of a polynomial, or weights and biases of a network (log scale)")
    ax.set_xticks(TICKS, [str(tick) for tick in TICKS])
    ax.set_xticks([], minor=True)
    rows, ceiling = len(fits.x), 2 * fits.noise**2
    law = [ceiling * p / rows for p in range(1, rows + 1)]
    ax.plot(range(1, rows + 1), law, color=plotting.muted(), linewidth=1, label="2σ²p/n")
    ax.plot([rows, 125], [ceiling] * 2, ":", color=plotting.muted(), label="through every point")
    color, _ = plotting.series(0)
    gaps = [fits.gap(k).mean().item() for k in range(len(fits.complexities))]
    counts = [degree + 1 for degree in fits.complexities]
    ax.plot(counts, gaps, "o", color=color, markersize=4, linestyle="none", label="polynomials")
    color, _ = plotting.series(2)
    counts = [3 * width + 1 for width in nets.complexities]
    gaps = [nets.gap(k).mean().item() for k in range(len(counts))]
    ax.plot(counts, gaps, "s-", color=color, markersize=5, label="networks, 1000 steps")
    before = early.gap(0).mean().item()
    ax.plot(
        counts[-1:],
        [before],
        "s",
        color=color,
        markerfacecolor="none",
        markersize=5,
        linestyle="none",
        label="the widest, 200 steps",
    )
    ax.legend(loc="upper left", fontsize=8)
    return figure
