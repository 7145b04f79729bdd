"""A bowl whose star a reader can drag: its lines of equal loss move only where the star does."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.transforms import Affine2D

from course_lib import plotting
from course_lib.experiments.shared.surfaces import Bowl, ellipse

LEVELS, BEYOND = 14, 10  # lines of equal loss: in the bowl's window, and for a star elsewhere in it


def draw_bowl(ax: Axes, bowl: Bowl) -> list[Line2D]:
    """Lines of equal loss in the window of `bowl` → [its star], for `move_bowl`.

    The lines are no mark: they stay with the axes, which are drawn anew only where the star moves.
    """
    *_, loss = bowl.grid(120)
    shares = np.linspace(0, 1, LEVELS + 1)[1:] ** 1.5  # denser near the star
    distances = np.quantile(loss.numpy(), shares) ** 0.5
    beyond = distances[-1] + (distances[-1] - distances[-2]) * np.arange(1, BEYOND + 1)
    one = ellipse(bowl.hessian).numpy()
    lines = LineCollection(
        [distance * one for distance in (*distances, *beyond)],
        colors=[plotting.muted()],
        linewidths=0.7,
        alpha=0.7,
    )
    ax.add_collection(lines, autolim=False)
    ax.grid(False)
    ax.set_xlabel("$w_1$")
    ax.set_ylabel("$w_2$", rotation=0)
    (w1, w2), ink = bowl.minimum, plotting.ink()
    star = ax.plot([w1], [w2], marker="*", markersize=11, color=ink, linestyle="none", zorder=3)
    _put(lines, bowl, ax)
    return star


def move_bowl(star: Sequence[Line2D], bowl: Bowl) -> None:
    """Show `bowl`, the one that was drawn with its star elsewhere."""
    (mark,) = star
    (w1, w2), ax = bowl.minimum, mark.axes
    assert isinstance(ax, Axes)
    if tuple(np.ravel(mark.get_xydata())) != (w1, w2):
        mark.set_data([w1], [w2])
        _put(next(c for c in ax.collections if isinstance(c, LineCollection)), bowl, ax)


def _put(lines: LineCollection, bowl: Bowl, ax: Axes) -> None:
    lines.set_transform(Affine2D().translate(*bowl.minimum) + ax.transData)
