"""Where L2 and decay end under Adam with √v̂ held still; the ratio of the two √v̂ can be moved."""

from fractions import Fraction

import torch

from course_lib import plotting
from course_lib.experiments.weight_decay.bowl import BOWL
from course_lib.experiments.weight_decay.held import RATIOS, held_rests, sizes_of
from course_lib.experiments.weight_decay.parabola import PULLS
from course_lib.explorers.bowl import draw_bowl
from course_lib.explorers.weight_decay.trajectories import mark_zero
from course_lib.panel import Explorer, Slider

STRENGTH = 0.5


def _compute(ratio):
    """The ratio, √v̂ of both weights, and where each pull ends."""
    size = sizes_of(ratio)
    return ratio, size, held_rests(size, STRENGTH)


def _prepare(figure):
    """Left the bowl with both ends, right what each weight pays."""
    left, right = figure.subplots(1, 2, width_ratios=[1.7, 1])
    _, star = draw_bowl(left, BOWL)
    star.set_label("lowest point of the loss")
    left.set(xlim=(-0.3, 3.0), ylim=(-0.3, 1.9), title="Where each ends", aspect="equal")
    ways = torch.stack(
        [held_rests(sizes_of(r), STRENGTH)["weight_decay"] for r in torch.logspace(-1.21, 1.21, 60)]
    )
    color, _ = plotting.series(1)
    left.plot(
        *ways.T, color=color, linestyle=":", linewidth=1.2, label="weight decay, ratios 1/16 to 16"
    )
    marks = {}
    for k, (pull, name) in enumerate(PULLS.items()):
        color, _ = plotting.series(k)
        style = {"markeredgecolor": plotting.ink(), "linestyle": "none", "zorder": 6 - k}
        marks[pull] = left.plot(
            [], [], "XD"[k], color=color, markersize=(9, 11)[k], label=f"{name} ends", **style
        )
        marks[f"price {pull}"] = right.bar(
            [0.4 * k - 0.2, 0.4 * k + 0.8], [0, 0], width=0.36, color=color
        ).patches
    mark_zero(left)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=3)
    right.set(title="Price of each weight", ylabel="L2: λ, decay: λ√v̂", ylim=(0, 2.1))
    right.set_xticks([0, 1], ["$w_1$", "$w_2$"])
    right.grid(axis="x", visible=False)
    return marks


def _draw(marks, result):
    """Move the ends and the prices."""
    ratio, size, rests = result
    for pull, prices in (("l2", (STRENGTH, STRENGTH)), ("weight_decay", STRENGTH * size)):
        rest = rests[pull]
        marks[pull][0].set_data(rest[:1], rest[1:])
        for bar, price in zip(marks[f"price {pull}"], prices):
            bar.set_height(float(price))
    l2, decay = (f"({w[0]:.2f}, {w[1]:.2f})" for w in rests.values())
    return (
        f"Ratio {Fraction(ratio)}: √v̂ is {size[0]:.3g} for w₁ and {size[1]:.3g} for w₂, held "
        f"still. With λ = {STRENGTH:g} L2 ends at {l2} and decay at {decay}."
    )


explorer = Explorer(
    title="Adam with √v̂ held still: two goals",
    controls={"ratio": Slider("ratio of √v̂ (w₁ to w₂)", values=RATIOS, default=1.0)},
    frozen={"ratio": RATIOS},
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
    size=(8.2, 3.8),
)

show = explorer.show
