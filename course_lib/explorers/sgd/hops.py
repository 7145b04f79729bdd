"""Plain descent on two parabolas, a steep one and a flat one: its hops, a panel a learning rate."""

from collections.abc import Callable, Sequence

import torch
from matplotlib.figure import Figure

from course_lib import plotting

STEEP, FLAT = 2.0, 0.2
STEPS, WIDEST = 5, 1.75  # what goes farther out leaves the picture


def picture(
    descend: Callable[[float, float, int], Sequence[float]], rates: Sequence[float]
) -> Figure:
    """The hops of `descend(rate, curvature, steps)`, from 1, on ½·curvature·w²; below, the factor.

    The flat parabola has a scale of height of its own.
    """
    figure = Figure(figsize=(9.0, 4.2), layout="constrained")
    panels = figure.subplots(2, len(rates), sharex=True, sharey="row", height_ratios=[2, 1])
    w = torch.linspace(-WIDEST, WIDEST, 101)
    for row, (name, h) in zip(panels, (("steep", STEEP), ("flat", FLAT))):
        row[0].set_ylabel(f"{name}, h = {h:g}\nloss")
        for ax, rate in zip(row, rates):
            hops = torch.tensor([1.0, *descend(rate, h, STEPS)])
            ax.plot(w, h / 2 * w**2, color=plotting.muted(), linestyle="-", linewidth=1)
            plotting.draw_path(ax, torch.stack([hops, h / 2 * hops**2], 1))
            ax.set(xlim=(-WIDEST, WIDEST), ylim=(-0.06 * h, 1.3 * h))
            ax.set_xlabel(f"$w$: each step × {1 - rate * h:.3g}".replace("-", "−"))
    for ax, rate in zip(panels[0], rates):
        ax.set_title(f"rate {rate:g}")
    return figure
