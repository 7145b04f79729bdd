"""Explorers of lesson 06: a network losing units, what that does to its curves, and a band from many masks."""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.collections import LineCollection

from course_lib import plotting
from course_lib.dropout import dropout
from course_lib.explorers._panel import Choice, Explorer, Slider
from course_lib.lab import dropout_curves, mc_dropout
from course_lib.lab._random import seeded

# ---------------------------------------------------------------- masks: one network, one example, many rows

UNITS = (4, 8, 8, 3)  # inputs, two hidden layers, outputs
BATCH = 64  # the same example again and again: each row has masks of its own
MODES = ("training", "evaluation")


@dataclass
class Thinned:
    """A batch that went through the network. before, after: what the masked layers were given and handed on, a tensor
    [rows, units] each for inputs and hidden layers. whole: the same, [units], with nothing dropped."""

    before: list
    after: list
    whole: list
    row: int
    training: bool
    note: str


def network_to_thin():
    """Weights [out, in] of the network, and its example [inputs]: positive, so that every unit is awake."""
    generator = seeded(0, "a network to thin")
    weights = [
        (torch.rand(m, n, generator=generator, dtype=torch.float64) * 1.5 - 0.4) / n for n, m in zip(UNITS, UNITS[1:])
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


def compute_masks(p_input, p_first, p_second, row, mode, layer=dropout):
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


def prepare_masks(figure):
    """Left the network, right what its first hidden layer hands on; returns the marks that move."""
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1])
    places, color = _places(), plotting.series(0)[0]
    left.set(xlim=(-0.3, len(UNITS) - 0.7), ylim=(-0.02, 1.02), yticks=[])
    left.set_xticks(range(len(UNITS)), ["inputs", "layer 1", "layer 2", "outputs"])
    left.set_title("The network that this row meets")
    left.grid(False)
    edges = LineCollection([(a, b) for k in range(3) for a in places[k] for b in places[k + 1]], color=plotting.muted())
    left.add_collection(edges)
    marks = {"edges": [edges]}
    style = {"linestyle": "none", "zorder": 3}
    marks["kept"] = left.plot([], [], "o", color=color, markersize=11, label="kept", **style)
    marks["dropped"] = left.plot([], [], "x", color=plotting.series(1)[0], markersize=9, label="dropped", **style)
    n = UNITS[1]
    right.set(title="What layer 1 hands on", xlabel="unit of layer 1", ylabel="activation", xlim=(0.3, n + 0.7))
    marks["bars"] = list(right.bar(range(1, n + 1), [0] * n, color=color, alpha=0.45, width=0.7, label="this row"))
    ink = plotting.ink()
    marks["whole"] = right.plot([], [], "_", color=ink, markersize=17, markeredgewidth=2, label="evaluation")
    other = {"color": plotting.series(1)[0], "fillstyle": "none", "markersize": 7}
    marks["mean"] = right.plot([], [], "D", **other, label="mean of the rows so far")
    right.legend(loc="upper right", fontsize=8)
    marks["axes"] = [right]
    return marks


def draw_masks(marks, result):
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
    return _say_masks(result, mean, whole)


def _say_masks(result, mean, whole):
    row, gone = result.row, [(part[result.row] == 0).sum().item() for part in result.after]
    if not result.training and not any(gone):
        return f"Evaluation: nobody is missing and nothing is rescaled, row after row the same.{result.note}"
    names, parts = ("input", "unit of layer 1", "unit of layer 2"), []
    for name, count, total in zip(names, gone, UNITS):
        if count:
            parts.append(f"{count} of {total} {name.replace('input', 'inputs').replace('unit', 'units')}")
    stays = result.after[1][row] != 0
    factor = (result.after[1][row] / result.before[1][row])[stays]
    told = f"; what layer 1 keeps is multiplied by {factor[0].item():.3g}" if stays.any() else ""
    off = ((mean - whole).abs().sum() / whole.sum()).item()
    return (
        f"Row {row + 1}: {', '.join(parts) or 'nothing'} dropped{told}. "
        f"The mean of the rows so far is {off:.0%} off evaluation.{result.note}"
    )


masks = Explorer(
    title="One example, another network in every row",
    controls={
        "p_input": Slider("p of the inputs", 0.0, 1.0, 0.0, step=0.05),
        "p_first": Slider("p of layer 1", 0.0, 1.0, 0.5, step=0.05),
        "p_second": Slider("p of layer 2", 0.0, 1.0, 0.5, step=0.05),
        "row": Slider("row of the batch", 1, BATCH, 16),
        "mode": Choice("mode", MODES, "training"),
    },
    compute=compute_masks,
    prepare=prepare_masks,
    draw=draw_masks,
)


# ---------------------------------------------------------------- curves: training and test against p


def prepare_curves(figure):
    """Left losses on the way, against p in the middle errors and right losses at the end; returns the marks."""
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.3, 1, 1])
    left.set(title="On the way", xlabel="step", ylabel="loss (masks off)", xlim=(0, dropout_curves.STEPS))
    left.set_ylim(0, 2.4)
    steps = dropout_curves.RECORDED
    empty = np.empty((0, len(steps)))
    marks = {
        "train": plotting.draw_band(left, steps, empty, label="training rows", k=0),
        "test": plotting.draw_band(left, steps, empty, label="test rows", k=1),
    }
    marks["former"] = left.plot([], [], color=plotting.muted(), linestyle=":", label="test rows, p = 0")
    left.legend(loc="upper right")
    ps = dropout_curves.PS
    for ax, name, title in ((middle, "error", "Errors"), (right, "loss", "Losses at the end")):
        ax.set(title=title, xlabel="p", xlim=(-0.02, 1.0), ylim=(0, 0.4 if name == "error" else 1.6))
        for k, rows in enumerate(("train", "test")):
            label = f"{rows}, at the end" if name == "error" else None
            marks[f"{rows} {name}"] = plotting.draw_band(ax, ps, np.empty((0, len(ps))), label=label, k=k)
        marks[f"here {name}"] = [ax.axvline(np.nan, color=plotting.ink(), linewidth=1, linestyle=":")]
    marks["best error"] = plotting.draw_band(middle, ps, np.empty((0, len(ps))), label="test, at its best step", k=2)
    middle.legend(loc="upper center", fontsize=8)
    return marks


def draw_curves(marks, result, p):
    """Move the marks to `Curves` at one of its p."""
    i, none = result.at(p), result.at(0.0)
    for rows in ("train", "test"):
        loss, error = (getattr(result, f"{rows}_{name}") for name in ("loss", "error"))
        plotting.move_band(marks[rows], result.steps, loss[:, i])
        plotting.move_band(marks[f"{rows} error"], result.ps, error[:, :, -1])
        plotting.move_band(marks[f"{rows} loss"], result.ps, loss[:, :, -1])
    marks["former"][0].set_data(result.steps, result.test_loss[:, none].nanmean(0))
    stops, at_best = zip(*(dropout_curves.stopped(result, one) for one in result.ps))
    plotting.move_band(marks["best error"], result.ps, torch.stack(at_best, 1))
    for name in ("error", "loss"):
        marks[f"here {name}"][0].set_xdata([p, p])
    n = int(result.test_error[:, i, -1].isfinite().sum())
    if n == 0:
        return f"Training {len(result.ps)} values of p side by side: {result.progress:.0%}."
    train, test, test_loss = (
        figure[:, i, -1].nanmean().item() for figure in (result.train_error, result.test_error, result.test_loss)
    )
    return (
        f"With p = {p:g}, {n} seed{'s' * (n != 1)}: at the end {train:.1%} of the training and {test:.1%} of "
        f"the test labels are missed, test loss {test_loss:.2f}. Stopped at its best recorded step, {stops[i]}: "
        f"{at_best[i].nanmean().item():.1%} of the test labels; without dropout, at {stops[none]}: "
        f"{at_best[none].nanmean().item():.1%}."
    )


curves = Explorer(
    title="Digits: what p does to training and test rows",
    controls={
        "stage": Choice("training labels", tuple(dropout_curves.STAGES), "20 % wrong"),
        "p": Slider("p", values=dropout_curves.PS, default=0.5, trained=True),
    },
    compute=dropout_curves.compute_curves,
    prepare=prepare_curves,
    draw=draw_curves,
    size=(8.6, 3.3),
    quick={"seeds": (0, 1)},
)


# ---------------------------------------------------------------- band: asking under many masks


def compute_band(rows, activation, layer=dropout, **short):
    """`lab.mc_dropout.compute_band`; yields (Band, note)."""
    note = "" if layer is dropout else " Masks by your function."
    for band in mc_dropout.compute_band(int(rows), activation, layer=layer, **short):
        yield band, note


def prepare_band(figure):
    """Left the curve with its band (one seed), right spread and error against p (all seeds); returns the marks."""
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    x, color = mc_dropout.GRID.numpy(), plotting.series(0)[0]
    left.set(xlabel="x", ylabel="y", title="One seed", xlim=(x[0], x[-1]), ylim=(-2.6, 3.6))
    left.axvspan(-1, 1, color=plotting.muted(), alpha=0.1, linewidth=0)
    left.text(0, -2.5, "training rows lie here", ha="center", color=plotting.muted(), fontsize=8)
    empty = np.full(len(x), np.nan)
    marks = {}
    for name, alpha, label in (("target", 0.16, "± 1.96 spread and noise"), ("curve", 0.3, "± 1.96 spread")):
        marks[name] = [left.fill_between(x, empty, empty, color=color, alpha=alpha, linewidth=0, label=label)]
    thin = {"color": color, "linestyle": "-", "linewidth": 0.6, "alpha": 0.7}
    labels = [f"{mc_dropout.SHOWN} of the masks", *[None] * (mc_dropout.SHOWN - 1)]
    marks["passes"] = [left.plot([], [], label=label, **thin)[0] for label in labels]
    marks["mean"] = left.plot([], [], color=color, linestyle="-", linewidth=2, label="mean of 200 masks")
    marks["data"] = left.plot([], [], ".", color=plotting.ink(), markersize=4, label="training rows")
    left.plot(x, mc_dropout.TRUTH, color=plotting.series(1)[0], linestyle="--", linewidth=1.4, label="the sine")
    left.legend(loc="upper left", ncols=3, fontsize=8, handlelength=1.2, columnspacing=0.8)
    ps = mc_dropout.PS
    right.set(xlabel="p", title="Among the training rows, all seeds", xlim=(0, 0.52), ylim=(0, 0.7))
    right.set_ylabel("root mean square")
    marks["spread"] = plotting.draw_band(right, ps, np.empty((0, len(ps))), label="spread over masks", k=0)
    marks["error"] = plotting.draw_band(right, ps, np.empty((0, len(ps))), label="error of the mean", k=1)
    marks["here"] = [right.axvline(np.nan, color=plotting.ink(), linewidth=1, linestyle=":")]
    right.legend(loc="upper right")
    return marks


def _between(low, high):
    """The polygon between two curves over the grid."""
    x = mc_dropout.GRID.numpy()
    return [np.concatenate([np.stack([x, low], -1), np.stack([x, high], -1)[::-1]])]


def draw_band(marks, result, p):
    """Move the marks to a `Band` at one of its p."""
    band, note = result
    marks["data"][0].set_data(*band.data)
    marks["here"][0].set_xdata([p, p])
    n = len(band.mean)
    if band.some is None:
        return f"Training {len(band.ps)} values of p side by side: {band.progress:.0%}."
    i = band.ps.index(p)
    mean, spread, width = (figure[0, i].numpy() for figure in (band.mean, band.spread, band.width()))
    marks["mean"][0].set_data(mc_dropout.GRID, mean)
    reach = mc_dropout.Z * spread
    marks["curve"][0].set_verts(_between(mean - reach, mean + reach))
    marks["target"][0].set_verts(_between(mean - width, mean + width))
    for line, one in zip(marks["passes"], band.some[i]):
        line.set_data(mc_dropout.GRID, one)
    plotting.move_band(marks["spread"], band.ps, band.mean_spread())
    plotting.move_band(marks["error"], band.ps, band.error())
    inside, outside = (band.mean_spread(where)[:, i].mean().item() for where in (mc_dropout.INSIDE, ~mc_dropout.INSIDE))
    return (
        f"{band.rows} training rows, p = {p:g}; the first seed is drawn, the figures are means of {n}: the "
        f"spread over masks is {inside:.2f} among the training rows and {outside:.2f} beyond them, the mean is off by "
        f"{band.error()[:, i].mean():.2f}; the outer band (masks and noise) holds "
        f"{band.coverage()[:, i].mean():.0%} of new targets.{note}"
    )


band = Explorer(
    title="A band from many masks: dropout left on at prediction",
    controls={
        "rows": Choice("training rows", tuple(map(str, mc_dropout.ROWS)), "30"),
        "activation": Choice("activation", ("relu", "tanh"), "relu"),
        "p": Slider("p", values=mc_dropout.PS, default=0.2, trained=True),
    },
    compute=compute_band,
    prepare=prepare_band,
    draw=draw_band,
    size=(8.6, 3.4),
    quick={"seeds": (0, 1)},
)
