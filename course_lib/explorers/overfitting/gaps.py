"""The label gap of polynomials and of networks against their number of parameters."""

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.overfitting.bias_variance import Fits

TICKS = (1, 2, 4, 7, 13, 25, 49, 97)


def picture(fits: Fits, nets: Fits, early: Fits) -> Figure:
    """Left the label gap against the number of parameters, right the networks' errors and variance.

    fits: polynomials; nets: networks of all widths; early: the widest of them, after fewer steps.
    """
    figure = Figure(figsize=(8.2, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.set(title="Label gap", xscale="log", xlim=(0.9, 125), ylim=(0, 0.2))
    left.set(xlabel="coefficients, or weights and biases (log scale)", ylabel="squared error")
    left.set_xticks(TICKS, [str(tick) for tick in TICKS])
    left.set_xticks([], minor=True)
    _draw_gaps(left, fits, nets, early)
    right.set(title="The networks, by width", xscale="log", ylim=(0, 0.45))
    right.set(xlabel="hidden units (log scale)", ylabel="squared error")
    widths = nets.complexities
    right.set_xticks(widths, [str(width) for width in widths])
    right.set_xticks([], minor=True)
    spread = [nets.spread(k).mean().item() for k in range(len(widths))]
    for name, k, values in (
        ("validation error", 1, nets.validation_error.mean(1)),
        ("training error", 0, nets.train_error.mean(1)),
        ("variance", 3, spread),
    ):
        color, linestyle = plotting.series(k)
        style = {"color": color, "linestyle": linestyle, "marker": "o", "markersize": 4}
        right.plot(widths, plotting.array(values), label=name, **style)
    right.legend(loc="upper right")
    return figure


def _draw_gaps(ax, fits, nets, early):
    """The law up to as many coefficients as points, then the ceiling; polynomials; networks."""
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
