"""The effective decay of each first-layer weight under Adam + L2, on digits; λ can be moved."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.weight_decay.effective_decay import (
    DECAYS,
    SIZES,
    STRENGTHS,
    measure_decay,
)
from course_lib.panel import Explorer, Slider

PIXELS = (8, 8)  # an image's height and width


def _prepare(figure):
    """Effective decay against gradient size, its histogram, and its map over the image."""
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.7, 0.8, 1])
    left.set(
        xlabel="size of the weight's gradient (from the loss)",
        ylabel="multiplier 1/(√v̂ + ε) of what L2 adds",
    )
    left.set(title="A dot is a weight (one seed)", xlim=(-7, -1), ylim=(-1, 7.5))
    middle.set(
        xlabel="share of weights per bin", title="How they spread", xlim=(0, 0.3), ylim=(-1, 7.5)
    )
    for axis in (left.xaxis, left.yaxis, middle.yaxis):
        axis.set_major_formatter(lambda exponent, _: f"$10^{{{exponent:.0f}}}$")
    color, linestyle = plotting.series(0)
    other, dashed = plotting.series(1)
    left.plot([-7, -1], [7, 1], color=plotting.muted(), linestyle=":", label="1/gradient")
    for ax, label in ((left, "AdamW: every weight"), (middle, None)):
        ax.axhline(0, color=other, linestyle=dashed, label=label)
    marks = {
        "band": plotting.draw_band(left, [], np.empty((0, 0)), label="Adam + L2: median, all seeds")
    }
    marks["band"][0].set(linewidth=1.5, color=plotting.ink(), zorder=4)  # on the dots
    look = {"color": plotting.ink(), "linestyle": "-.", "linewidth": 1.5, "zorder": 4}
    marks["largest"] = left.plot([], [], label=f"the same at λ = {STRENGTHS[-1]:g}", **look)
    dots = {"color": color, "markersize": 3, "alpha": 0.3, "zorder": 3, "linestyle": "none"}
    marks["cloud"] = left.plot([], [], marker=".", label="Adam + L2: a weight", **dots)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=3)
    marks["histogram"] = middle.plot(
        [], [], color=color, linestyle=linestyle, drawstyle="steps-mid"
    )
    for name, label in (("low", "5 %"), ("high", "95 %")):
        marks[name] = [middle.axhline(np.nan, color=color, linestyle=":", linewidth=1.2)]
        marks[f"{name} text"] = [
            middle.text(0.295, 0, label, ha="right", va="bottom", color=color, fontsize=8)
        ]
    right.set(title="By pixel of the image", xlabel="grey: always blank", xticks=[], yticks=[])
    right.grid(False)
    right.set_facecolor(plotting.muted())
    image = right.imshow(np.full(PIXELS, np.nan), vmin=1, vmax=6, origin="upper")
    bar = figure.colorbar(image, ax=right, shrink=0.7, ticks=[1, 2, 3, 4, 5, 6])
    bar.set_label("multiplier, median")
    bar.ax.yaxis.set_major_formatter(lambda exponent, _: f"$10^{{{exponent:.0f}}}$")
    marks["pixels"] = [image]
    return marks


def _draw(marks, result, strength):
    """Move the marks to an `EffectiveDecay` at one of its strengths."""
    i = result.strengths.index(strength)
    if result.cloud is None:
        return f"Training {len(STRENGTHS)} strengths side by side: {result.progress:.0%}."
    # Every fifth: all pixels of an 8 × 8 image.
    size, decay = (part[i, ::5].numpy() for part in result.cloud)
    seen = np.isfinite(size) & np.isfinite(decay)
    marks["cloud"][0].set_data(size[seen], decay[seen])
    plotting.move_band(marks["band"], _middles(SIZES), result.medians[:, i])
    marks["largest"][0].set_data(_middles(SIZES), result.medians[:, -1].mean(0))
    marks["histogram"][0].set_data(result.shares[:, i].mean(0), _middles(DECAYS))
    for name, y in (("low", result.low[:, i].mean()), ("high", result.high[:, i].mean())):
        marks[name][0].set_ydata([y, y])
        marks[f"{name} text"][0].set_y(y)
    marks["pixels"][0].set_data(
        np.ma.masked_invalid(result.pixels[:, i].nanmean(0).reshape(PIXELS))
    )
    n, spread = len(result.low), result.spread[:, i].mean().item()
    return (
        f"First layer, λ = {plotting.readable(strength)}, {n} seed{'s' * (n != 1)}: under Adam + "
        f"L2 the multipliers of the middle 90 % of the weights spread over a factor of "
        f"{10**spread:.0f}; under AdamW it is 1 for all."
    )


def _middles(edges):
    return (edges[:-1] + edges[1:]) / 2


explorer = Explorer(
    title="Adam's multiplier of L2 at each first-layer weight, digits",
    controls={"strength": Slider("λ", values=STRENGTHS, default=1e-4, trained=True)},
    frozen={"strength": 9},
    compute=measure_decay,
    prepare=_prepare,
    draw=_draw,
    size=(8.2, 3.9),
    quick={"seeds": (0, 1)},
)

show = explorer.show
