"""Words in a figure made smaller where they would be cut off or run into a neighbour."""

from collections.abc import Iterator
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text


def fit(figure: Figure) -> bool:
    """Shrink titles, names of y axes and legends of a drawn `figure` to their room.

    Returns whether any was too long.
    """
    lacking = [each for ax in figure.axes for each in _words(ax, figure) if each[1] < 1]
    for texts, share in lacking:
        for text in texts:
            text.set_fontsize(0.98 * share * float(text.get_fontsize()))
    return bool(lacking)


def _words(ax: Axes, figure: Figure) -> Iterator[tuple[list[Text], float]]:
    """Texts, and the room that they have as a share of what they take."""
    gap = figure.dpi / 10
    beside = [other.bbox.x0 for other in figure.axes if other.bbox.x0 >= ax.bbox.x1]
    for title in ax.get_children():
        if isinstance(title, Text) and title.get_text() and title not in ax.texts:
            box = title.get_window_extent()
            yield [title], (min([figure.bbox.x1, *beside]) - gap - box.x0) / box.width
    name = ax.yaxis.label
    if name.get_text():
        yield [name], (ax.bbox.height + gap) / name.get_window_extent().height
    legend: Any = ax.get_legend()
    if legend:
        yield legend.get_texts(), max(0.75, ax.bbox.width / legend.get_window_extent().width)
