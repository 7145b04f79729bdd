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
from course_lib.panel.picture import Handle

LEVELS, BEYOND = 14, 10  # lines of equal loss: in the bowl's window, and for a star elsewhere in it


def draw_bowl(ax: Axes, bowl: Bowl) -> tuple[LineCollection, Line2D]:
    """Lines of equal loss as in the window of `bowl`, and its star → marks for `move_bowl`.

    `ax` holds no collection yet. The lines around the star's first place stay with the axes and
    are hidden while it is elsewhere: what stays costs a picture nothing. Those for elsewhere are
    hidden until then.
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
    away.set_visible(False)
    ax.grid(False)
    ax.set_xlabel("$w_1$")
    ax.set_ylabel("$w_2$", rotation=0)
    style: dict[str, Any] = {"marker": "*", "markersize": 11, "color": plotting.ink(), "zorder": 3}
    (star,) = ax.plot(*([at] for at in bowl.minimum), linestyle="none", **style)
    return away, star


def bowl_handles(ax: Axes, start: Sequence[float], bowl: Bowl) -> list[Handle]:
    """Where a run begins and the star, to be dragged in the axes of the bowl."""
    places = {("start1", "start2"): start, ("star1", "star2"): bowl.minimum}
    return [(names, ax, x, y) for names, (x, y) in places.items()]


def move_bowl(marks: Sequence[Artist], bowl: Bowl, at_first: Bowl) -> None:
    """Show `bowl`, which is `at_first`, the one that was drawn, with its star elsewhere."""
    away, star = marks
    assert isinstance(star, Line2D) and away.axes is not None
    home = away.axes.collections[0]
    is_home = bowl.minimum == at_first.minimum
    if home.get_visible() != is_home:
        home.set_visible(is_home)
    star.set_data(*([at] for at in bowl.minimum))
    away.set_visible(not is_home)
    away.set_transform(Affine2D().translate(*bowl.minimum) + away.axes.transData)
