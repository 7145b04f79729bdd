"""The values in a figure, for a page that reads them out or plays them step by step.

Places: where each axes lies, as fractions of the picture from its upper left corner, with limits
and scales. Curves: what can be read in them, in data coordinates.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import Collection, PathCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D

from course_lib.panel.picture import Seen
from course_lib.plotting import PATH, readable

MOST_POINTS = 240  # of a curve to a kernel's page; of a longer one every second, third, …
MOST_CELLS = 1024  # of a heat map
STEPS = ("step", "epoch", "share of training", "training step")

Curve = dict[str, Any]


@contextmanager
def _only_read(figure: Figure) -> Iterator[None]:
    """To ask an axes for its place or its ticks makes no picture stale: nothing has moved."""
    stale = figure.stale
    yield
    figure.stale = stale


def places_of(figure: Figure) -> list[dict[str, Any]]:
    """For each axes: box [left, top, width, height], limits, scales and the names of x and y."""
    with _only_read(figure):
        return [
            {
                "box": _box(ax),
                "limits": [list(map(float, ax.get_xlim())), list(map(float, ax.get_ylim()))],
                "scales": [ax.get_xscale(), ax.get_yscale()],
                "names": [plain(ax.get_xlabel()) or "x", plain(ax.get_ylabel()) or "y"],
            }
            for ax in figure.axes
        ]


def _box(ax: Axes) -> list[float]:
    box = ax.get_position()
    return [round(float(side), 5) for side in (box.x0, 1 - box.y1, box.width, box.height)]


def curves_of(figure: Figure, seen: Seen, most: int = MOST_POINTS) -> list[Curve]:
    """Every curve and heat map: {axes, label, x, y, texts or None, steps}.

    most: points of a curve. steps: 0 where it is no run; "x" where x says the step of each point;
    else a path, whose points are that many steps apart.
    """
    with _only_read(figure):
        found = [
            {"axes": i, **curve}
            for i, ax in enumerate(figure.axes)
            if ax.get_visible() and not _is_colorbar(ax)
            for curve in (*_lines(ax, most), *_maps(ax), *_bars(ax))
        ]
    for ax, x, y, text in seen.readings:
        found.append({"axes": figure.axes.index(ax), **_curve("", [x], [y], [text])})
    return [curve for curve in found if curve["x"]]


def runs_in(figure: Figure) -> bool:
    """Whether there is a curve to be played step by step."""
    return any(_is_run(line, ax) for ax in figure.axes for line in ax.lines if _in_data(line))


def _is_colorbar(ax: Axes) -> bool:
    return ax.get_label() == "<colorbar>"


def _curve(
    label: str, x: Any, y: Any, texts: list[str] | None = None, steps: int | str = 0
) -> Curve:
    """What is not finite is left out, except in a run of steps, where it holds its place."""
    points = np.stack([np.asarray(x, float), np.asarray(y, float)])
    good = np.isfinite(points).all(0)
    kept = np.ones_like(good) if steps else good
    numbers = [
        [float(f"{v:.4g}") if ok else None for v, ok in zip(row[kept], good[kept])]
        for row in points
    ]
    texts = texts and [text for text, keep in zip(texts, kept) if keep]
    return {"label": plain(label), "x": numbers[0], "y": numbers[1], "texts": texts, "steps": steps}


def _lines(ax: Axes, most: int) -> Iterator[Curve]:
    shown = [line for line in ax.lines if _in_data(line) and line.get_visible()]
    named = [line for line in shown if not str(line.get_label()).startswith("_")]
    for line in named or [line for line in shown if len(_data(line)[0]) > 2]:
        x, y = _data(line)
        every = -(-len(x) // most) or 1
        label = str(line.get_label())
        label = "" if label.startswith("_") else label
        steps = (every if line.get_gid() == PATH else "x") if _is_run(line, ax) else 0
        yield _curve(label, x[::every], y[::every], None, steps if len(x) > 2 else 0)


def _data(line: Line2D) -> tuple[Any, Any]:
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def _in_data(line: Line2D) -> bool:
    """Whether both coordinates are data: not those of a line across the whole axes."""
    axes: Any = line.axes
    return line.get_transform().contains_branch_seperately(axes.transData) == (True, True)


def _is_run(line: Line2D, ax: Axes) -> bool:
    return line.get_gid() == PATH or plain(ax.get_xlabel()).startswith(STEPS)


def _maps(ax: Axes) -> Iterator[Curve]:
    names = [plain(ax.get_xlabel()) or "x", plain(ax.get_ylabel()) or "y"]
    for image in ax.images:
        yield from _image(image, ax, names)
    for collection in ax.collections:
        values = collection.get_array()
        if values is None or not collection.get_visible() or np.size(values) > MOST_CELLS:
            continue
        centres = _centres(collection)
        if 0 < len(centres) == np.size(values):
            numbers: Any = np.ma.filled(np.ma.asarray(values, float), np.nan).ravel()
            yield _cells(centres, numbers, names)


def _centres(collection: Collection) -> Any:
    if isinstance(collection, PathCollection):
        return np.asarray(collection.get_offsets())
    if isinstance(collection, PolyCollection):
        return [_middle(path.vertices, collection) for path in collection.get_paths()]
    return []


def _middle(vertices: Any, collection: Collection) -> Any:
    """The centre of a cell as it is seen, so the geometric one on a logarithmic axis."""
    axes: Any = collection.axes
    seen = axes.transData
    return seen.inverted().transform(seen.transform(vertices[:-1]).mean(0))


def _cells(centres: Any, values: Any, names: list[str]) -> Curve:
    texts = [
        f"{names[0]} {readable(float(x))}, {names[1]} {readable(float(y))}: {_word(v)}"
        for (x, y), v in zip(centres, values)
    ]
    known = np.isfinite(values)
    x, y = (np.where(known, part, np.nan) for part in np.asarray(centres, float).T)
    return _curve("", x, y, texts)


def _image(image: AxesImage, ax: Axes, names: list[str]) -> Iterator[Curve]:
    values: Any = np.ma.filled(np.ma.asarray(image.get_array(), float), np.nan)
    if values.ndim != 2 or values.size > MOST_CELLS or not image.get_visible():
        return
    ticks = [_ticks(axis) for axis in (ax.xaxis, ax.yaxis)]
    rows, columns = np.indices(values.shape)
    texts = [
        f"{names[0]} {ticks[0].get(j, j)}, {names[1]} {ticks[1].get(i, i)}: {_word(v)}"
        for i, j, v in zip(rows.flat, columns.flat, values.flat)
    ]
    x = np.where(np.isfinite(values), columns, np.nan)
    yield _curve("", x.ravel(), rows.ravel(), texts)


def _ticks(axis: Any) -> dict[Any, str]:
    """Cell → what its tick says, where the ticks are words for cells."""
    words = [label.get_text() for label in axis.get_ticklabels()]
    return {round(at): plain(word) for at, word in zip(axis.get_ticklocs(), words) if word}


def _bars(ax: Axes) -> Iterator[Curve]:
    for container in ax.containers:
        bars = [bar for bar in container if hasattr(bar, "get_height")]
        label = str(container.get_label())
        x = [bar.get_x() + bar.get_width() / 2 for bar in bars]
        yield _curve("" if label.startswith("_") else label, x, [bar.get_height() for bar in bars])


def _word(value: Any) -> str:
    return readable(float(value)) if np.isfinite(value) else "none"


def plain(text: str) -> str:
    """Matplotlib's mathematics as plain text: "$w_1$" → "w₁"."""
    subscripts = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
    parts = text.replace("{", "").replace("}", "").replace("\\", "").split("_")
    return (
        (
            parts[0] + "".join(part[:1].translate(subscripts) + part[1:] for part in parts[1:])
        ).replace("$", "")
        if "$" in text
        else text
    )
