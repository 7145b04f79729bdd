"""The gradient at the first block of untrained networks, against depth: move p_L, the start."""

import numpy as np
import torch

from course_lib import plotting
from course_lib.experiments.stochastic_depth.first_block import (
    DEPTHS,
    STACKS,
    STARTS,
    measure_first_block,
)
from course_lib.panel import Choice, Explorer, Slider

BRANCHES = {"Linear–GELU–Linear": False, "LayerNorm in front": True}


def _compute(last, branch, start, seeds=tuple(range(10))):
    """Yield a `FirstBlock` that grows seed by seed."""
    yield from measure_first_block(last, BRANCHES[branch], STARTS[start], seeds)


def _prepare(figure):
    """The norm of the first block's gradient against depth, a band a stack."""
    axes = figure.subplots()
    axes.set(
        title="What reaches the first block of an untrained network", xscale="log", yscale="log"
    )
    axes.set(xlabel="depth (blocks)", ylabel="norm of its gradient", xlim=(0.9, 75))
    axes.set_xticks(DEPTHS, [str(depth) for depth in DEPTHS])
    axes.minorticks_off()
    none = np.full((1, len(DEPTHS)), np.nan)
    marks = {
        stack: plotting.draw_band(axes, DEPTHS, none, label=stack, k=k)
        for k, stack in enumerate(STACKS)
    }
    axes.legend(loc="upper left", fontsize=8)
    return {"axes": axes, **marks}


def _draw(marks, result):
    """Move the marks to a `FirstBlock`: geometric means, and intervals of the logarithm.

    A depth at which some first block was never on is a gap.
    """
    middle = {}
    low, high = (1e-12, 1e17) if result.gain[1] > 2 else (1e-3, 10)
    plotting.set_limits(marks["axes"], y=(low, high))
    for k, stack in enumerate(STACKS):
        logs = result.norm[:, k].log()
        logs = logs.where(logs.isfinite().all(0), torch.nan)
        line, band = marks[stack]
        plotting.move_band(marks[stack], DEPTHS, logs)
        line.set_ydata(np.exp(line.get_ydata()))
        for path in band.get_paths():
            path.vertices[:, 1] = np.exp(path.vertices[:, 1])
        middle[stack] = logs.mean(0).exp()
    end = {stack: plotting.readable(float(f"{value[-1]:.2g}")) for stack, value in middle.items()}
    below = " (off the picture)" if middle["no shortcut"][-1] < low else ""
    gap = "." if (result.norm > 0).all() else ". A gap: that first block is never on."
    seeds = f"{len(result.norm)} seed{'s' * (len(result.norm) > 1)}"
    return (
        f"Depth {DEPTHS[-1]}, {seeds}: the norm is {end['no shortcut']} without shortcuts{below}, "
        f"{end['shortcut']} with them, {end['shortcut, dropping']} with them and dropping to "
        f"p_L\u00a0=\u00a0{result.last:g}, {end['dropping, unscaled']} where dropping does not "
        f"divide{gap}"
    )


explorer = Explorer(
    title="The gradient at the first block",
    controls={
        "last": Slider("p_L", 0.0, 1.0, 0.5, step=0.1),
        "branch": Choice("branch", tuple(BRANCHES), "Linear–GELU–Linear"),
        "start": Choice(
            "variance of the weights at the start", tuple(STARTS), "torch's own, 1/(3n)"
        ),
    },
    frozen={"last": (0.2, 0.5, 0.8, 1.0), "start": tuple(STARTS)[:2]},
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
    size=(8, 3.4),
    quick={"seeds": (0, 1)},
)

show = explorer.show
