"""One example in a network that loses other units in every row: move p, the row, the mode."""

import numpy as np
import torch
from matplotlib.collections import LineCollection

from course_lib import plotting
from course_lib.experiments.dropout.thinned import BATCH, MODES, UNITS, thin_network
from course_lib.panel import Choice, Explorer, Slider


def _places():
    """(x, y) of every unit, layer by layer."""
    return [[(k, (i + 0.5) / n) for i in range(n)] for k, n in enumerate(UNITS)]


def _prepare(figure):
    """Left the network, right what its first hidden layer hands on."""
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1])
    places, color = _places(), plotting.series(0)[0]
    left.set(xlim=(-0.3, len(UNITS) - 0.7), ylim=(-0.02, 1.02), yticks=[])
    left.set_xticks(range(len(UNITS)), ["inputs", "layer 1", "layer 2", "outputs"])
    left.set_title("The network that this row meets")
    left.grid(False)
    edges = LineCollection(
        [(a, b) for k in range(3) for a in places[k] for b in places[k + 1]], color=plotting.muted()
    )
    left.add_collection(edges)
    marks = {"edges": [edges]}
    style = {"linestyle": "none", "zorder": 3}
    for number, (x, y) in enumerate(places[1], 1):
        back = {"facecolor": left.get_facecolor(), "edgecolor": "none", "pad": 0.6}
        left.text(
            x - 0.1, y, number, ha="right", va="center", fontsize=8, color=plotting.ink(), bbox=back
        )
    marks["kept"] = left.plot([], [], "o", color=color, markersize=11, label="kept", **style)
    marks["dropped"] = left.plot(
        [], [], "x", color=plotting.series(1)[0], markersize=9, label="dropped", **style
    )
    n = UNITS[1]
    right.set(
        title="What layer 1 hands on",
        xlabel="unit of layer 1",
        ylabel="activation",
        xlim=(0.3, n + 0.7),
    )
    marks["bars"] = list(
        right.bar(range(1, n + 1), [0] * n, color=color, alpha=0.45, width=0.7, label="this row")
    )
    ink = plotting.ink()
    marks["whole"] = right.plot(
        [], [], "_", color=ink, markersize=17, markeredgewidth=2, label="evaluation"
    )
    other = {"color": plotting.series(2)[0], "fillstyle": "none", "markersize": 7}
    marks["mean"] = right.plot([], [], "D", **other, label="mean of the rows so far")
    right.legend(loc="upper right", fontsize=8)
    marks["axes"] = [right]
    return marks


def _draw(marks, result):
    """Move the marks to one row of a `Thinned`."""
    row, stays = result.row, [part[result.row] != 0 for part in result.after]
    stays = [*stays, torch.ones(UNITS[-1], dtype=torch.bool)]
    places = np.array(sum(_places(), []))
    kept = torch.cat(stays).numpy()
    marks["kept"][0].set_data(*places[kept].T)
    marks["dropped"][0].set_data(*places[~kept].T)
    widths = [0.9 if a and b else 0.0 for k in range(3) for a in stays[k] for b in stays[k + 1]]
    marks["edges"][0].set_linewidths(widths)
    handed, whole = result.after[1], result.whole[1]
    for bar, height in zip(marks["bars"], handed[row].tolist()):
        bar.set_height(height)
    mean, unit = handed[: row + 1].mean(0), range(1, len(whole) + 1)
    marks["whole"][0].set_data(unit, whole)
    marks["mean"][0].set_data(unit, mean)
    top = max(handed[row].max().item(), mean.max().item(), 1.5 * whole.max().item())
    plotting.set_limits(marks["axes"][0], y=(0, np.ceil(top * 1.3)))
    return _say(result, mean, whole)


def _say(result, mean, whole):
    row, gone = result.row, [(part[result.row] == 0).sum().item() for part in result.after]
    if not result.training and not any(gone):
        said = "Evaluation: nobody is missing and nothing is rescaled, row after row the same."
        return f"{said}{result.note}"
    names, parts = ("input", "unit of layer 1", "unit of layer 2"), []
    for name, count, total in zip(names, gone, UNITS):
        if count:
            parts.append(
                f"{count} of {total} {name.replace('input', 'inputs').replace('unit', 'units')}"
            )
    stays = result.after[1][row] != 0
    factor = (result.after[1][row] / result.before[1][row])[stays]
    scaled = f"; what layer 1 keeps is multiplied by {factor[0].item():.3g}" if stays.any() else ""
    off = ((mean - whole).abs().sum() / whole.sum()).item()
    return (
        f"Row {row + 1}: {', '.join(parts) or 'nothing'} dropped{scaled}. "
        f"All units together, the mean of the rows so far is {off:.0%} off evaluation.{result.note}"
    )


explorer = Explorer(
    title="One example, another network in every row",
    controls={
        "p_input": Slider("p of the inputs", 0.0, 1.0, 0.0, step=0.05),
        "p_first": Slider("p of layer 1", 0.0, 1.0, 0.5, step=0.05),
        "p_second": Slider("p of layer 2", 0.0, 1.0, 0.5, step=0.05),
        "row": Slider("row of the batch", 1, BATCH, 16, played=True),
        "mode": Choice("mode", MODES, "training"),
    },
    frozen={"row": (1, 2, 4, 16, 64), "p_first": (0.0, 0.5, 0.8), "mode": 2},
    compute=thin_network,
    prepare=_prepare,
    draw=_draw,
)

show = explorer.show
