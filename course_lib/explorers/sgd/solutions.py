"""Two paths to the line of all solutions of w₁ + w₂ = 2, each to the point nearest to its start."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from course_lib import plotting


def picture(paths: Sequence[Tensor]) -> Figure:
    """Each path [steps + 1, 2] with its start, its end, and how far the end is from zero."""
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    ax = figure.subplots()
    ax.plot([-0.5, 2.7], [2.5, -0.7], ":", color=plotting.muted(), label="all solutions")
    for k, path in enumerate(paths):
        plotting.draw_path(ax, path, label=f"from {_point(path[0])}", k=k)
        end = f"{_point(path[-1])}, length {path[-1].norm().item():.3g}"
        style: dict[str, Any] = {"textcoords": "offset points", "fontsize": 9}
        ax.annotate("start", (path[0, 0].item(), path[0, 1].item()), (-7, -3), ha="right", **style)
        ax.annotate(end, (path[-1, 0].item(), path[-1, 1].item()), (7, 3), **style)
    ax.set(xlabel="$w_1$", xlim=(-0.6, 3.4), ylim=(-1.3, 2.7), aspect="equal")
    ax.set_ylabel("$w_2$", rotation=0)
    ax.legend(loc="upper right")
    return figure


def _point(w: Tensor) -> str:
    return "({:g}, {:g})".format(*(round(x, 6) + 0.0 for x in w.tolist()))
