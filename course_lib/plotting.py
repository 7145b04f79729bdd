"""One style for every picture, light and dark, and what the lessons draw again and again.

Every helper takes an `ax`, adds artists to it and returns them; none shows anything. A `move_*`
helper moves the artists that its `draw_*` returned: explorers draw once and move often. Series
differ by colour (Okabe & Ito's palette, told apart by colour-blind readers) and by line style.
Arrays may be tensors, numpy arrays or lists; NaN and inf leave a gap.
"""

import contextlib
import io
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import json5
import matplotlib as mpl
import numpy as np
from cycler import cycler
from jupyter_core.paths import jupyter_config_dir
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from course_lib.base.arguments import require_choice
from course_lib.base.shell import shell
from course_lib.statistics import mean_intervals

PATH = "path"  # gid of a line whose points are an optimizer's steps: a panel plays them
Values = Tensor | ArrayLike
Marks = list[Any]  # artists, in the order that the helper says which draws them

# Okabe & Ito (2008). The dark theme takes the lighter half first, so that series k is akin in both.
_SERIES = {
    "light": ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"),
    "dark": ("#56B4E9", "#E69F00", "#2FC79B", "#E8A0C8", "#F0E442", "#D9762B", "#FFFFFF"),
}
_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 1)))
_PAPER = {"light": "#FFFFFF", "dark": "#111111"}  # JupyterLab's own backgrounds
_INK = {"light": "#222222", "dark": "#E0E0E0"}
_MUTED = {"light": "#6B6B6B", "dark": "#9A9A9A"}
_GRID = {"light": "#E3E3E3", "dark": "#303030"}

_theme = "light"  # the theme in force: `use_theme` changes it


def _show_figures() -> None:
    """Have a notebook show any figure as IPython shows pyplot's, whose printer goes before ours."""
    if (here := shell()) is not None:
        png = here.display_formatter.formatters["image/png"]
        png.for_type_by_name("matplotlib.figure", "Figure", _as_png)


def _as_png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight")
    return file.getvalue()


_show_figures()


def show_with_words(figure: Figure, words: str) -> None:
    """Show a figure in a notebook; `words` stand for its picture to who cannot see it."""
    from IPython.display import display

    display(figure, metadata={"image/png": {"alt": words}})


def _parameters(theme: str) -> dict[Any, Any]:  # Any: the stubs of matplotlib list each name
    paper, ink, muted, grid = _PAPER[theme], _INK[theme], _MUTED[theme], _GRID[theme]
    return {
        **{f"{part}.facecolor": paper for part in ("figure", "axes", "savefig")},
        **{f"{part}.edgecolor": paper for part in ("figure", "savefig")},
        **{f"{part}.color": ink for part in ("text", "xtick", "ytick")},
        "axes.edgecolor": muted,
        "axes.labelcolor": ink,
        "axes.titlecolor": ink,
        "axes.titlesize": 11,
        "axes.titlelocation": "left",
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": cycler(color=_SERIES[theme]) + cycler(linestyle=_STYLES),
        "figure.figsize": (8, 3.4),
        "figure.dpi": 100,
        "font.size": 10,
        "grid.color": grid,
        "grid.linewidth": 0.8,
        "image.cmap": "viridis",
        "image.origin": "lower",
        "legend.frameon": False,
        "legend.fontsize": 9,
        "legend.handlelength": 2.8,
        "lines.linewidth": 1.8,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
    }


def theme() -> str:
    """The theme in force, "light" or "dark"."""
    return _theme


def use_theme(name: str = "auto") -> str:
    """Make "light", "dark" or "auto" the theme of all later pictures; returns which it became.

    Those of pyplot are included. "auto" asks JupyterLab's saved settings, and is light where they
    say nothing.
    """
    global _theme
    require_choice("theme", name, ("auto", "light", "dark"))
    _theme = _saved_theme() if name == "auto" else name
    mpl.rcParams.update(_parameters(_theme))
    return _theme


def style(name: str | None = None) -> contextlib.AbstractContextManager[None]:
    """A context in which pictures are drawn in the theme `name`; another thread's waits for it.

    Costs nothing where that theme is in force already.
    """
    return _styled(_parameters(require_choice("theme", name or _theme, ("light", "dark"))))


_styling = threading.RLock()  # matplotlib's parameters are the process's; panels draw in threads


@contextlib.contextmanager
def _styled(wanted: dict[Any, Any]) -> Iterator[None]:
    with _styling:
        if all(mpl.rcParams[key] == value for key, value in wanted.items()):
            yield
        else:
            with mpl.rc_context(wanted):
                yield


def _saved_theme() -> str:
    """What the reader chose in JupyterLab's settings, if anything can be read there."""
    home = Path(jupyter_config_dir(), "lab", "user-settings")
    settings = Path(os.environ.get("JUPYTERLAB_SETTINGS_DIR", home))
    file = settings / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
    try:
        chosen = json5.loads(file.read_text(encoding="utf-8"))["theme"]
    except (OSError, ValueError, TypeError, LookupError):
        return "light"
    return "dark" if "dark" in str(chosen).lower() else "light"


def ink() -> str:
    """The colour of text and of marks that are no series, in the picture being drawn."""
    return mpl.rcParams["text.color"]


def muted() -> str:
    """The colour of what should stand back: a former run, a reference, a note."""
    return mpl.rcParams["axes.edgecolor"]


def series(k: int) -> tuple[str, str | tuple[int, tuple[int, ...]]]:
    """(colour, line style) of series k = 0, 1, …, in the picture being drawn."""
    k %= len(_STYLES)
    return mpl.rcParams["axes.prop_cycle"].by_key()["color"][k], _STYLES[k]


def set_limits(
    ax: Axes, x: tuple[float, float] | None = None, y: tuple[float, float] | None = None
) -> None:
    """Set limits only where they differ: one that stays costs nothing, a new one a full redraw."""
    if x is not None and tuple(x) != ax.get_xlim():
        ax.set_xlim(x)
    if y is not None and tuple(y) != ax.get_ylim():
        ax.set_ylim(y)


def set_texts(
    ax: Axes, title: str | None = None, xlabel: str | None = None, ylabel: str | None = None
) -> None:
    """Set title and axis labels only where they differ, for the same reason as `set_limits`."""
    if title is not None and title != ax.get_title(loc=mpl.rcParams["axes.titlelocation"]):
        ax.set_title(title)
    if xlabel is not None and xlabel != ax.get_xlabel():
        ax.set_xlabel(xlabel)
    if ylabel is not None and ylabel != ax.get_ylabel():
        ax.set_ylabel(ylabel)


def array(values: Values) -> NDArray[np.float64]:
    """`values` as float64; what is not finite becomes NaN, where matplotlib leaves a gap."""
    given = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(given), given, np.nan)


def draw_band(
    ax: Axes,
    x: Values,
    values: Values,
    label: str | None = None,
    k: int = 0,
    level: float = 0.95,
    geometric: bool = False,
) -> Marks:
    """Mean over seeds as a line, its interval as a band → [line, band].

    x [points], values [seeds, points]. A point with one finite seed has a mean and no band; a point
    with none has neither. The interval is Student's t, see `statistics.mean_intervals`. geometric:
    both of the logarithms, and so never below 0; a value of 0 or less counts as missing.
    """
    color, linestyle = series(k)
    (line,) = ax.plot([], [], color=color, linestyle=linestyle, label=label)
    band = ax.fill_between([], [], [], color=color, alpha=0.22, linewidth=0)
    marks = [line, band]
    move_band(marks, x, values, level, geometric)
    return marks


def move_band(
    marks: Marks, x: Values, values: Values, level: float = 0.95, geometric: bool = False
) -> None:
    """Show other `values` [seeds, points] in the artists that `draw_band` returned."""
    line, band = marks
    given = array(values)
    if geometric:
        given = np.log(np.where(given > 0, given, np.nan))
    points, (mean, half) = array(x), mean_intervals(given, level)
    low, high = mean - half, mean + half
    if geometric:
        mean, low, high = np.exp(mean), np.exp(low), np.exp(high)
    line.set_data(points, mean)
    known = np.isfinite(low) & np.isfinite(high)
    x, low, high = points[known], low[known], high[known]
    edge = np.concatenate([np.stack([x, low], -1), np.stack([x, high], -1)[::-1]])
    band.set_verts([edge] if len(x) > 1 else [])


class _Surface(Protocol):
    @property
    def minimum(self) -> tuple[float, float]: ...

    def grid(self, points: int) -> tuple[Tensor, Tensor, Tensor]: ...


def draw_contours(ax: Axes, surface: _Surface, levels: int = 14, points: int = 120) -> Marks:
    """Lines of equal loss over a surface's window, a star at its minimum → [contours, star]."""
    x, y, loss = (np.asarray(part) for part in surface.grid(points))
    spread = np.quantile(loss, np.linspace(0, 1, levels + 1)[1:] ** 1.5)  # denser near the minimum
    contours = ax.contour(
        x, y, loss, levels=np.unique(spread), colors=[muted()], linewidths=0.7, alpha=0.7
    )
    (star,) = ax.plot(
        *surface.minimum, marker="*", markersize=11, color=ink(), linestyle="none", zorder=3
    )
    ax.grid(False)
    ax.set_xlabel("$w_1$")
    ax.set_ylabel("$w_2$", rotation=0)
    return [contours, star]


def draw_path(ax: Axes, path: Values, label: str | None = None, k: int = 0) -> Marks:
    """An optimizer's path [steps + 1, 2], a dot a step → [line, ring at its start, square]."""
    color, linestyle = series(k)
    (line,) = ax.plot(
        [], [], color=color, linestyle=linestyle, marker=".", markersize=4, label=label, zorder=4
    )
    line.set_gid(PATH)
    (start,) = ax.plot(
        [], [], color=color, marker="o", markersize=7, fillstyle="none", linestyle="none", zorder=5
    )
    (end,) = ax.plot([], [], color=color, marker="s", markersize=6, linestyle="none", zorder=5)
    marks = [line, start, end]
    move_path(marks, path)
    return marks


def move_path(marks: Marks, path: Values) -> None:
    """Show another path in the artists of `draw_path`, up to its first point that is not finite."""
    line, start, end = marks
    points = array(path)
    good = np.isfinite(points).all(-1)
    points = points if good.all() else points[: int(np.argmin(good))]
    line.set_data(points[:, 0], points[:, 1])
    for mark, part in ((start, points[:1]), (end, points[-1:])):
        mark.set_data(part[:, 0], part[:, 1])


def draw_heat(
    ax: Axes,
    values: Values,
    x: Sequence[float | str],
    y: Sequence[float | str],
    *,
    low: float | None = None,
    high: float | None = None,
    form: str = "{:.2g}",
    cmap: str = "viridis_r",
) -> Marks:
    """A table of `values` [len(y), len(x)] as coloured cells with numbers, the lowest one framed.

    x and y are the settings of columns and rows, written as ticks. Colours run over [`low`,
    `high`], fixed for a picture that moves. A cell that is NaN or inf is hatched: it has diverged,
    or is not there yet. Returns [cells, frame, *texts].
    """
    rows, columns = np.shape(values)
    ax.set_facecolor(muted())
    ax.patch.set(hatch="////", alpha=0.35)
    cells = ax.imshow(np.zeros((rows, columns)), cmap=cmap, vmin=low, vmax=high, aspect="auto")
    (frame,) = ax.plot([], [], color=ink(), linewidth=2.5, linestyle="-", marker="none")
    texts = [
        ax.text(j, i, "", ha="center", va="center", fontsize=7)
        for i in range(rows)
        for j in range(columns)
    ]
    ax.set_xticks(
        range(columns), [readable(value) for value in x], rotation=45 if columns > 6 else 0
    )
    ax.set_yticks(range(rows), [readable(value) for value in y])
    ax.grid(False)
    marks = [cells, frame, *texts]
    move_heat(marks, values, form)
    return marks


def move_heat(marks: Marks, values: Values, form: str = "{:.2g}") -> None:
    """Show other `values` in the artists that `draw_heat` returned."""
    cells, frame, *texts = marks
    numbers = array(values)
    cells.set_data(np.ma.masked_invalid(numbers))
    if cells.norm.vmin is None or cells.norm.vmax is None:
        cells.autoscale()
    for text, value in zip(texts, numbers.flat, strict=True):
        text.set_text(form.format(value) if np.isfinite(value) else "")
        text.set_color(_readable_on(cells.cmap(cells.norm(value))) if np.isfinite(value) else ink())
    frame.set_data(*_frame_around_lowest(numbers))


def _frame_around_lowest(values: NDArray[np.float64]) -> tuple[ArrayLike, ArrayLike]:
    if not np.isfinite(values).any():
        return [], []
    i, j = np.unravel_index(np.nanargmin(values), values.shape)
    return j + np.array([-0.5, 0.5, 0.5, -0.5, -0.5]), i + np.array([-0.5, -0.5, 0.5, 0.5, -0.5])


def _readable_on(color: Sequence[float]) -> str:
    """Black or white, whichever stands out from `color` (relative luminance of WCAG 2)."""
    channels = np.asarray(color[:3])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return "black" if linear @ (0.2126, 0.7152, 0.0722) > 0.18 else "white"


def draw_divergence(ax: Axes, step: float | None = None, text: str = "diverged") -> Marks:
    """A dotted line with a word where a run diverged → [line, note]; `step=None`: not shown."""
    color, _ = series(1)
    line = ax.axvline(np.nan, color=color, linestyle=":", linewidth=1.5)
    note = ax.text(
        0,
        0.97,
        "",
        color=color,
        transform=ax.get_xaxis_transform(),
        ha="right",
        va="top",
        rotation=90,
        fontsize=9,
    )
    marks = [line, note]
    move_divergence(marks, step, text)
    return marks


def move_divergence(marks: Marks, step: float | None = None, text: str = "diverged") -> None:
    """Mark another `step` (x coordinate), or none, in the artists of `draw_divergence`."""
    line, note = marks
    line.set_xdata([np.nan if step is None else step] * 2)
    note.set_position((0 if step is None else step, 0.97))
    note.set_text("" if step is None else f"× {text}")


def readable(value: float | str) -> str:
    """A number as people write it: 0.001, 3e-5, 12, 0.25."""
    if isinstance(value, str):
        return value
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}"
    mantissa, exponent = f"{value:.3e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
