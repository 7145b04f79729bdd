"""A line for each seed from place to place, with means and their intervals: what is paired."""

import numpy as np

from course_lib import plotting
from course_lib.statistics import mean_interval


def prepare(ax, order=(1, 0)):
    """Nothing yet, at as many places as there are colours.

    order: the colours, as numbers of `plotting.series`.
    """
    colors = [plotting.series(k)[0] for k in order]
    seeds = ax.vlines([], [], [], color=plotting.muted(), linewidth=0.8)
    bars = ax.vlines([], [], [], color=colors, linewidth=3)
    places, nowhere = range(len(order)), [np.nan] * len(order)
    return [seeds, bars, ax.scatter(places, nowhere, color=colors, s=40, zorder=3)]


def move(marks, values):
    """Draw values [seeds, places]; a seed with a missing one has no line."""
    seeds, bars, means = marks
    known = values[np.isfinite(values).all(1)]
    seeds.set_segments([list(enumerate(row)) for row in known])
    columns = [column[np.isfinite(column)] for column in values.T]
    ends = [
        mean_interval(column)[1:3] if len(column) > 1 else (np.nan, np.nan) for column in columns
    ]
    bars.set_segments([[(at, low), (at, high)] for at, (low, high) in enumerate(ends)])
    means.set_offsets(
        [(at, column.mean() if len(column) else np.nan) for at, column in enumerate(columns)]
    )
