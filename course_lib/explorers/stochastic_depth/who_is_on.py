"""Which rows go through which of twelve blocks: move p_L, choose the rule and who decides."""

import numpy as np
from matplotlib.colors import ListedColormap

from course_lib import plotting
from course_lib.experiments.stochastic_depth.training import DEPTH
from course_lib.experiments.stochastic_depth.who_is_on import (
    BATCHES,
    FEATURES,
    MODES,
    ROWS,
    draw_who_is_on,
)
from course_lib.explorers.stochastic_depth.figures import BLOCKS
from course_lib.panel import Choice, Explorer, Slider
from course_lib.stochastic_depth import RULES

TICKS = (1, 5, 10, 15, ROWS)  # rows; each is drawn from its number less one to its number


def _prepare(figure):
    """Left rows × blocks of one batch, right the shares over many batches."""
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1], sharey=True)
    left.set(
        title="Coloured: the row goes through the block",
        xlabel=f"examples of the batch, one a column, {FEATURES} numbers each",
    )
    left.set(ylabel="block (1 is next to the input)", yticks=(1, 4, 8, DEPTH))
    left.set_xticks(np.array(TICKS) - 0.5, list(map(str, TICKS)))
    left.grid(False)
    color, linestyle = plotting.series(0)
    other, _ = plotting.series(1)
    off_on = ListedColormap([figure.get_facecolor(), color])
    edge = (0, ROWS, 0.5, DEPTH + 0.5)
    image = left.imshow(
        np.zeros((DEPTH, ROWS * FEATURES)), vmin=0, vmax=1, cmap=off_on, aspect="auto", extent=edge
    )
    left.set(xlim=edge[:2], ylim=edge[2:])
    paper = {"color": figure.get_facecolor(), "linewidth": 0.8, "linestyle": "-", "zorder": 3}
    right.set(title=f"Over {BATCHES} batches", xlabel="share on, mean of what came out")
    # drawn over the image
    marks = {
        "right": right,
        "image": [image],
        "rows": [left.axvline(row, **paper) for row in range(1, ROWS)],
        "blocks": [left.axhline(block + 0.5, **paper) for block in range(1, DEPTH)],
    }
    marks["rule"] = right.plot([], [], color=color, linestyle=linestyle, label="rule $p_l$")
    marks["kept"] = right.plot(
        [], [], "o", color=color, markersize=5, linestyle="none", label="share on"
    )
    marks["mean"] = right.plot(
        [], [], "x", color=other, markersize=6, linestyle="none", label="mean"
    )
    right.legend(loc="upper right", fontsize=8, handlelength=1.4)
    return marks


def _draw(marks, result):
    """Move the marks to a `WhoIsOn`."""
    marks["image"][0].set_data((result.batch != 0).reshape(DEPTH, -1).numpy())
    marks["rule"][0].set_data(result.survivals, BLOCKS)
    marks["kept"][0].set_data(result.kept, BLOCKS)
    marks["mean"][0].set_data(result.mean, BLOCKS)
    plotting.set_limits(marks["right"], x=(-0.05, max(2.0, 1.05 * result.mean.max())))
    n, expected, kept = result.numbers, sum(result.survivals), result.kept.sum()
    here = (result.batch != 0).double().mean(-1).sum(0).mean().item()  # blocks a row
    return (
        f"{n['rule'].capitalize()} rule, p_L = {n['last']:g}, {n['mode']}: of {DEPTH} blocks a row "
        f"is expected to pass {expected:.2f}; on average it passed {kept:.2f} over {BATCHES} "
        f"batches and {here:.2f} in batch {n['batch']}.{result.note}"
    )


explorer = Explorer(
    title="Twelve blocks, twenty rows: who is on?",
    controls={
        "last": Slider("survival of the last block, p_L", 0.0, 1.0, 0.5, step=0.05),
        "rule": Choice("rule", RULES, "linear"),
        "mode": Choice("decided", tuple(MODES), "row by row"),
        "batch": Slider("batch", 1, BATCHES, 1, played=True),
    },
    frozen={"last": (0.0, 0.2, 0.5, 0.8, 1.0), "rule": 2, "mode": 2, "batch": (1, 2, 3)},
    compute=draw_who_is_on,
    prepare=_prepare,
    draw=_draw,
)

show = explorer.show
