"""What Batch-, Layer-, Instance- and GroupNorm average over: move the groups and the batch size."""

import numpy as np
from matplotlib.colors import ListedColormap

from course_lib import plotting
from course_lib.experiments.batchnorm.four_norms import CHANNELS, GROUPS, MARKED, find_sharing
from course_lib.panel import Explorer, Slider

ROWS, SIDE = 4, 2  # rows that are drawn; a channel of a row is a square of SIDE · SIDE pixels


def _prepare(figure):
    """A block for each norm: rows downwards, channels to the right, pixels inside."""
    marks = {}
    height, width = ROWS * SIDE, CHANNELS * SIDE
    colors = ListedColormap([plotting.muted() + "33", plotting.series(0)[0]])
    norms = ("BatchNorm", "LayerNorm", "InstanceNorm", "GroupNorm")
    for ax, name in zip(figure.subplots(1, 4), norms):
        ax.set(title=name, xlabel="channel")
        block = np.full((height, width), np.nan)
        extent = (0, width, height, 0)
        marks[name] = [ax.imshow(block, cmap=colors, vmin=0, vmax=1, extent=extent, origin="upper")]
        ax.set_xticks([SIDE * k + 1 for k in range(CHANNELS)], range(1, CHANNELS + 1))
        ax.set_yticks([SIDE * k + 1 for k in range(ROWS)], range(1, ROWS + 1))
        ax.tick_params(length=0)
        ax.grid(False)
        style = {"color": ax.get_facecolor(), "linestyle": "-"}  # drawn over the block
        for line, end in ((ax.axhline, height), (ax.axvline, width)):
            marks[name] += [
                line(k, linewidth=3 if k % SIDE == 0 else 0.5, **style) for k in range(1, end)
            ]
        row, channel, _ = MARKED
        marks[name] += ax.plot(
            SIDE * channel + 0.5,
            SIDE * row + 0.5,
            marker="*",
            markersize=10,
            color=plotting.series(4)[0],
            markeredgecolor=plotting.ink(),
        )
        for side in ax.spines.values():
            side.set_visible(False)
    figure.axes[0].set_ylabel("row of the batch")
    return marks


def _draw(marks, result):
    """Shade what a `Sharing` says moves with the marked value."""
    counts = {}
    for name, moves in result.moves.items():
        block = np.full((ROWS * SIDE, CHANNELS * SIDE), np.nan)
        squares = moves.numpy().reshape(*moves.shape[:2], SIDE, SIDE)
        there = squares.transpose(0, 2, 1, 3).reshape(SIDE * len(moves), -1)
        block[: len(there)] = there
        marks[name][0].set_data(np.ma.masked_invalid(block))
        counts[name] = int(moves.sum())
    said = ", ".join(f"{count} in {name}" for name, count in counts.items())
    groups = "1 group" if result.groups == 1 else f"{result.groups} groups"
    return (
        "The value with the star shares its μ and σ² with all shaded ones, itself included: "
        f"{said} ({groups}). Four pixels a channel; pale: other values of the batch."
    )


explorer = Explorer(
    title="What four norms average over",
    controls={
        "groups": Slider("groups (GroupNorm)", values=GROUPS, default=2),
        "batch_size": Slider("batch size", values=(1, 2, 4), default=4),
    },
    frozen={"groups": 4, "batch_size": 3},
    compute=find_sharing,
    prepare=_prepare,
    draw=_draw,
    size=(9.4, 2.6),
)

show = explorer.show
