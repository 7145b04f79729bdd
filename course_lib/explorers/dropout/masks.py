"""Masks: one network, one example, many rows."""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.collections import LineCollection

from course_lib import plotting
from course_lib.base.random import seeded
from course_lib.dropout import dropout
from course_lib.panel import Choice, Explorer, Slider

UNITS = (4, 8, 8, 3)  # inputs, two hidden layers, outputs
BATCH = 64  # the same example again and again: each row has masks of its own
MODES = ("training", "evaluation")


@dataclass
class Thinned:
    """A batch that went through the network. before, after: what the masked layers were given and
    handed on, a tensor [rows, units] each for inputs and hidden layers. whole: the same, [units],
    with nothing dropped."""

    before: list
    after: list
    whole: list
    row: int
    training: bool
    note: str


def network_to_thin():
    """Weights [out, in] of the network, and its example [inputs]: positive, so that every unit is
    awake.
    """
    generator = seeded(0, "a network to thin")
    weights = [
        (torch.rand(m, n, generator=generator, dtype=torch.float64) * 1.5 - 0.4) / n
        for n, m in zip(UNITS, UNITS[1:])
    ]
    return weights, 0.5 + torch.rand(UNITS[0], generator=generator, dtype=torch.float64)


def send(x, weights, ps, training, layer, generator):
    """(before, after) of the masked layers for inputs x [rows, inputs]."""
    before, after = [], []
    for weight, p in zip([None, *weights[:-1]], ps):
        before.append(x if weight is None else torch.relu(after[-1] @ weight.T + 0.2))
        after.append(layer(before[-1], p, training, generator))
        if not isinstance(after[-1], torch.Tensor) or after[-1].shape != before[-1].shape:
            raise ValueError("layer: must return a tensor of the shape of x")
    return before, after


def compute(p_input, p_first, p_second, row, mode, layer=dropout):
    """The batch as `Thinned`; `layer(x, p, training, generator)` throws the masks."""
    (weights, example), ps = network_to_thin(), (p_input, p_first, p_second)
    x, training = example.expand(BATCH, -1), mode == "training"
    before, after = send(x, weights, ps, training, layer, seeded(0, "masks"))
    _, whole = send(example.unsqueeze(0), weights, ps, False, dropout, None)
    note = "" if layer is dropout else " Masks by your function."
    return Thinned(before, after, [part[0] for part in whole], row - 1, training, note)


def _places():
    """(x, y) of every unit, layer by layer."""
    return [[(k, (i + 0.5) / n) for i in range(n)] for k, n in enumerate(UNITS)]


def prepare(figure):
    """Left the network, right what its first hidden layer hands on; returns the marks that move."""
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
    other = {"color": plotting.series(1)[0], "fillstyle": "none", "markersize": 7}
    marks["mean"] = right.plot([], [], "D", **other, label="mean of the rows so far")
    right.legend(loc="upper right", fontsize=8)
    marks["axes"] = [right]
    return marks


def draw(marks, result):
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
        return f"Evaluation: nobody is missing and nothing is rescaled, row after row the same.{result.note}"
    names, parts = ("input", "unit of layer 1", "unit of layer 2"), []
    for name, count, total in zip(names, gone, UNITS):
        if count:
            parts.append(
                f"{count} of {total} {name.replace('input', 'inputs').replace('unit', 'units')}"
            )
    stays = result.after[1][row] != 0
    factor = (result.after[1][row] / result.before[1][row])[stays]
    told = f"; what layer 1 keeps is multiplied by {factor[0].item():.3g}" if stays.any() else ""
    off = ((mean - whole).abs().sum() / whole.sum()).item()
    return (
        f"Row {row + 1}: {', '.join(parts) or 'nothing'} dropped{told}. "
        f"The mean of the rows so far is {off:.0%} off evaluation.{result.note}"
    )


explorer = Explorer(
    title="One example, another network in every row",
    controls={
        "p_input": Slider("p of the inputs", 0.0, 1.0, 0.0, step=0.05),
        "p_first": Slider("p of layer 1", 0.0, 1.0, 0.5, step=0.05),
        "p_second": Slider("p of layer 2", 0.0, 1.0, 0.5, step=0.05),
        "row": Slider("row of the batch", 1, BATCH, 16),
        "mode": Choice("mode", MODES, "training"),
    },
    compute=compute,
    prepare=prepare,
    draw=draw,
)

show = explorer.show
