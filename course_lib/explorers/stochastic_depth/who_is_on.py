"""Who is on: rows and blocks, drawn by drop_path itself."""

from dataclasses import dataclass

import numpy as np
import torch

from course_lib import plotting
from course_lib.experiments.stochastic_depth.training import DEPTH, RULES
from course_lib.explorers.stochastic_depth.figures import BLOCKS, seeded
from course_lib.panel import Choice, Explorer, Slider
from course_lib.stochastic_depth import drop_path, survival_probabilities

ROWS, FEATURES, BATCHES = 20, 4, 60
MODES = {"row by row": "row", "the whole batch": "batch"}


@dataclass
class WhoIsOn:
    """What `drop_path` made of ones: [blocks, rows, features] in one batch, and over many batches
    [blocks] each.
    """

    survivals: list
    batch: torch.Tensor
    kept: np.ndarray  # share of entries that are not zero
    mean: np.ndarray  # of all entries; 1 if the expectation is kept
    numbers: dict
    note: str


def compute(last, rule, mode, batch, layer=None):
    """Send `BATCHES` batches of ones through `drop_path`, or the learner's `layer`, once for each
    of twelve blocks.
    """
    survivals = survival_probabilities(DEPTH, last, rule)
    drop, ones = layer or drop_path, torch.ones(ROWS, FEATURES)

    def through(number):
        options = {"mode": MODES[mode], "training": True, "generator": seeded(number)}
        results = [drop(ones, 1 - survival, **options) for survival in survivals]
        for result in results:
            if getattr(result, "shape", None) != ones.shape:
                raise ValueError(
                    f"layer: must keep the shape {list(ones.shape)}, and made {_what(result)}"
                )
        return torch.stack(results).detach()

    found = torch.stack([through(number) for number in range(1, BATCHES + 1)])
    kept, mean = (x.double().mean((0, 2, 3)).numpy() for x in (found != 0, found))
    numbers = {"last": last, "rule": rule, "mode": mode, "batch": batch}
    note = "" if layer is None else " Drawn by your function."
    return WhoIsOn(survivals, found[batch - 1], kept, mean, numbers, note)


def _what(result):
    return (
        f"{list(result.shape)}"
        if isinstance(result, torch.Tensor)
        else f"a {type(result).__name__}"
    )


def prepare(figure):
    """Left rows × blocks of one batch, right the shares over many batches; returns the marks that
    move.
    """
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1], sharey=True)
    left.set(
        title="Coloured: the row goes through the block",
        xlabel=f"rows of the batch, {FEATURES} numbers each",
    )
    left.set(ylabel="block (1 is next to the input)", yticks=BLOCKS[::2])
    left.set_xticks(np.arange(ROWS + 1)[::5])
    left.grid(False)
    color, linestyle = plotting.series(0)
    other, _ = plotting.series(1)
    map_ = _two_colours(figure, color)
    edge = (0, ROWS, 0.5, DEPTH + 0.5)
    image = left.imshow(
        np.zeros((DEPTH, ROWS * FEATURES)), vmin=0, vmax=1, cmap=map_, aspect="auto", extent=edge
    )
    left.set(xlim=edge[:2], ylim=edge[2:])
    paper = {"color": figure.get_facecolor(), "linewidth": 0.8, "linestyle": "-", "zorder": 3}
    right.set(
        title=f"Over {BATCHES} batches",
        xlabel="share kept, mean of what is left",
        xlim=(-0.05, 2.6),
    )
    marks = {
        "image": [image],
        "rows": [left.axvline(row, **paper) for row in range(1, ROWS)],
    }  # drawn over the image
    marks["rule"] = right.plot([], [], color=color, linestyle=linestyle, label="rule $p_l$")
    marks["kept"] = right.plot(
        [], [], "o", color=color, markersize=5, linestyle="none", label="share kept"
    )
    marks["mean"] = right.plot(
        [], [], "x", color=other, markersize=6, linestyle="none", label="mean of ones"
    )
    right.legend(loc="upper right", fontsize=8, handlelength=1.4)
    return marks


def _two_colours(figure, color):
    from matplotlib.colors import ListedColormap

    return ListedColormap([figure.get_facecolor(), color])


def draw(marks, result):
    """Move the marks to a `WhoIsOn`."""
    marks["image"][0].set_data((result.batch != 0).reshape(DEPTH, -1).numpy())
    marks["rule"][0].set_data(result.survivals, BLOCKS)
    marks["kept"][0].set_data(result.kept, BLOCKS)
    marks["mean"][0].set_data(result.mean, BLOCKS)
    n, expected, kept = result.numbers, sum(result.survivals), result.kept.sum()
    here = (result.batch != 0).double().mean(-1).sum(0).mean().item()  # blocks a row
    return (
        f"{n['rule'].capitalize()} rule, p_L = {n['last']:g}, {n['mode']}: of {DEPTH} blocks a row is expected to pass "
        f"{expected:.2f}; on average it passed {kept:.2f} over {BATCHES} batches and {here:.2f} in batch {n['batch']}."
        f"{result.note}"
    )


explorer = Explorer(
    title="Twelve blocks, twenty rows: who is on?",
    controls={
        "last": Slider("survival of the last block, p_L", 0.0, 1.0, 0.5, step=0.05),
        "rule": Choice("rule", RULES[:2], "linear"),
        "mode": Choice("decided", tuple(MODES), "row by row"),
        "batch": Slider("batch", 1, BATCHES, 1),
    },
    compute=compute,
    prepare=prepare,
    draw=draw,
)

show = explorer.show
