"""A bowl whose star a reader can drag, with its lines of equal loss."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.transforms import Affine2D

from course_lib import plotting
from course_lib.experiments.shared.surfaces import Bowl, ellipse

LEVELS, BEYOND = 14, 10  # lines of equal loss: in the bowl's window, and for a star elsewhere in it


def draw_bowl(ax: Axes, bowl: Bowl) -> tuple[LineCollection, Line2D]:
    """Lines of equal loss as in the window of `bowl`, and its star → marks for `move_bowl`.

    `ax` holds no collection yet. The lines around the star's first place stay with the axes and
    are hidden while it is elsewhere: what stays costs a picture nothing.
    """
    *_, loss = bowl.grid(120)
    shares = np.linspace(0, 1, LEVELS + 1)[1:] ** 1.5  # denser near the star
    distances = np.quantile(loss.numpy(), shares) ** 0.5
    beyond = distances[-1] + (distances[-1] - distances[-2]) * np.arange(1, BEYOND + 1)
    around = [far * ellipse(bowl.hessian).numpy() for far in (*distances, *beyond)]
    look: dict[str, Any] = {"colors": [plotting.muted()], "linewidths": 0.7, "alpha": 0.7}
    home = LineCollection([np.array(bowl.minimum) + line for line in around], **look)
    away = LineCollection(around, **look, zorder=1)
    for lines in (home, away):
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
