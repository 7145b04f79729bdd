"""A band around a curve, from asking under many masks: move p, the rows and the activation."""

import numpy as np

from course_lib import plotting
from course_lib.dropout import dropout
from course_lib.experiments.dropout import mc_dropout
from course_lib.panel import Choice, Explorer, Slider


def _compute(rows, activation, layer=dropout, seeds=mc_dropout.SEEDS):
    """A growing `Band`, and a note on whose masks they are."""
    note = "" if layer is dropout else " Masks by your function."
    for band in mc_dropout.compute_band(int(rows), activation, seeds, layer=layer):
        yield band, note


def _prepare(figure):
    """Left the curve with its band (one seed), right spread and error against p (all seeds)."""
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    x, color = mc_dropout.GRID.numpy(), plotting.series(0)[0]
    left.set(xlabel="x", ylabel="y", title="One seed", xlim=(x[0], x[-1]), ylim=(-2.6, 3.6))
    left.axvspan(-1, 1, color=plotting.muted(), alpha=0.1, linewidth=0)
    left.text(0, -2.5, "training rows lie here", ha="center", color=plotting.muted(), fontsize=8)
    empty = np.full(len(x), np.nan)
    marks = {}
    for name, alpha, label in (
        ("target", 0.16, "± 1.96 spread and noise"),
        ("curve", 0.3, "± 1.96 spread"),
    ):
        marks[name] = [
            left.fill_between(x, empty, empty, color=color, alpha=alpha, linewidth=0, label=label)
        ]
    thin = {"color": color, "linestyle": "-", "linewidth": 0.6, "alpha": 0.7}
    labels = [f"{mc_dropout.SHOWN} of the masks", *[None] * (mc_dropout.SHOWN - 1)]
    marks["passes"] = [left.plot([], [], label=label, **thin)[0] for label in labels]
    marks["mean"] = left.plot([], [], color=color, linestyle="-", linewidth=2, label="mean of 200")
    marks["data"] = left.plot(
        [], [], ".", color=plotting.ink(), markersize=4, label="training rows"
    )
    left.plot(
        x,
        mc_dropout.TRUTH,
        color=plotting.series(1)[0],
        linestyle="--",
        linewidth=1.4,
        label="the sine",
    )
    left.legend(loc="upper left", ncols=3, fontsize=8, handlelength=1.2, columnspacing=1.2)
    ps = mc_dropout.PS
    right.set(xlabel="p", title="Among the training rows", xlim=(0, 0.52), ylim=(0, 0.7))
    right.set_ylabel("root mean square")
    marks["spread"] = plotting.draw_band(
        right, ps, np.empty((0, len(ps))), label="spread over masks", k=0
    )
    marks["error"] = plotting.draw_band(
        right, ps, np.empty((0, len(ps))), label="error of the mean", k=1
    )
    marks["here"] = [right.axvline(np.nan, color=plotting.ink(), linewidth=1, linestyle=":")]
    right.legend(loc="upper right")
    return marks


def _between(low, high):
    """The polygon between two curves over the grid."""
    x = mc_dropout.GRID.numpy()
    return [np.concatenate([np.stack([x, low], -1), np.stack([x, high], -1)[::-1]])]


def _draw(marks, result, p):
    """Move the marks to a `Band` at one of its p."""
    band, note = result
    marks["data"][0].set_data(*band.data)
    marks["here"][0].set_xdata([p, p])
    n = len(band.mean)
    if band.passes is None:
        return f"Training {len(band.ps)} values of p side by side: {band.progress:.0%}."
    i = band.ps.index(p)
    mean, spread, width = (
        figure[0, i].numpy() for figure in (band.mean, band.spread, band.width())
    )
    marks["mean"][0].set_data(mc_dropout.GRID, mean)
    reach = mc_dropout.Z * spread
    marks["curve"][0].set_verts(_between(mean - reach, mean + reach))
    marks["target"][0].set_verts(_between(mean - width, mean + width))
    for line, one in zip(marks["passes"], band.passes[i]):
        line.set_data(mc_dropout.GRID, one)
    plotting.move_band(marks["spread"], band.ps, band.mean_spread())
    plotting.move_band(marks["error"], band.ps, band.error())
    inside, outside = (
        band.mean_spread(where)[:, i].mean().item()
        for where in (mc_dropout.INSIDE, ~mc_dropout.INSIDE)
    )
    return (
        f"{band.rows} training rows, p = {p:g}; the first seed is drawn, the figures are means of "
        f"{n}: the spread over masks is {inside:.2f} among the training rows and {outside:.2f} "
        f"beyond them, the mean is off by {band.error()[:, i].mean():.2f}; "
        f"the outer band (masks and noise) holds "
        f"{band.coverage()[:, i].mean():.0%} of new targets.{note}"
    )


explorer = Explorer(
    title="A band from many masks: dropout left on at prediction",
    controls={
        "rows": Choice("training rows", tuple(map(str, mc_dropout.ROWS)), "30"),
        "activation": Choice("activation", ("relu", "tanh"), "relu"),
        "p": Slider("p", values=mc_dropout.PS, default=0.2, trained=True),
    },
    frozen={"p": 6, "rows": ("30", "1000")},
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
    size=(8.6, 3.4),
    quick={"seeds": (0, 1)},
)

show = explorer.show
