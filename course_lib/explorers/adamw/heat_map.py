"""Learning rate × decay on digits, two optimizers side by side; columns, measures can be moved."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import LogNorm
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from course_lib import plotting
from course_lib.experiments.adamw.best_rates import best_rates
from course_lib.experiments.adamw.two_knobs import OPTIMIZERS, STEPS, LossSurface, sweep
from course_lib.panel import Choice, Explorer, Slider

PAIRS = {
    "Adam": ("Adam + L2", "AdamW"),
    "SGD": ("SGD + L2", "SGDW"),
    "AdamW: λ two ways": ("AdamW", "AdamW, per step"),
}
MEASURES = {"test loss": ("loss", (0.53, 1.2)), "test error": ("error", (0.09, 0.5))}
TICKS = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1, 1.2)
TORCH, PAPER = "λ (torch)", "lr·λ, per step"


@dataclass
class HeatMaps:
    """The two surfaces that were trained, by name, for seeds 0 … `seeds` − 1."""

    surfaces: dict[str, LossSurface]
    seeds: int
    own: bool


def _compute(pair, seeds, update=None, steps=STEPS):
    """Train both optimizers of `pair`.

    `update`, the learner's own function, takes the place of the decoupled one.
    """
    for surfaces in sweep(PAIRS[pair], range(seeds), update=update, steps=steps):
        yield HeatMaps(surfaces, seeds, update is not None)


@lru_cache
def _cell_corners(name, product):
    """Corners [cells, 4, 2] of every (lr, λ) cell, half a decade wide.

    Sheared over (lr, lr·λ) if `product`.
    """
    optimizer = OPTIMIZERS[name]
    x, y = (np.round(2 * np.log10(optimizer.cells[key]))[:, None] / 2 for key in ("lr", "decay"))
    x = x + np.array([-0.25, 0.25, 0.25, -0.25])
    y = y + np.array([-0.25, -0.25, 0.25, 0.25])
    return 10 ** np.stack([x, y + x if product else y], -1)


def _prepare(figure):
    """Two maps, and their framed columns beside them."""
    figure.set_layout_engine("none")  # nothing moves when the axes change
    width, height = figure.get_size_inches()  # labels take so many inches, large or not
    side, between, under, over = 0.62, 0.68, 1.03, 0.29
    room = {
        "left": side / width,
        "right": 1 - side / width,
        "bottom": under / height,
        "top": 1 - over / height,
        "wspace": 3 * between / (width - 2 * side - 2 * between),
    }
    left, right, below = figure.subplots(1, 3, width_ratios=[1, 1, 1.1], gridspec_kw=room)
    marks = {"maps": [_prepare_map(ax) for ax in (left, right)], "slice": [], "names": []}
    below.set(xscale="log", yscale="log", title="The framed columns")
    below.yaxis.set(
        major_locator=FixedLocator(TICKS),
        major_formatter=FuncFormatter(_say_tick),
        minor_locator=NullLocator(),
    )
    for k in (0, 1):
        marks["slice"].append(plotting.draw_band(below, [], np.empty((0, 0)), k=k))
        color, linestyle = plotting.series(k)
        at, where = -(0.67 + 0.21 * k) / (height - under - over), below.transAxes
        below.plot(
            [0, 0.12], [at] * 2, color=color, linestyle=linestyle, transform=where, clip_on=False
        )
        words = below.text(0.16, at, "", transform=where, va="center", fontsize=8.5)
        marks["names"].append(words)
    # The colours of the maps, along the axis that says what they mean.
    strip = below.inset_axes([1.03, 0, 0.05, 1])
    strip.imshow(np.linspace(0, 1, 256)[:, None], cmap="viridis_r", aspect="auto")
    strip.axis("off")
    style = {"rotation": 270, "va": "center", "fontsize": 8}
    below.text(1.1, 0.5, "colours of the maps, yellow: good", transform=below.transAxes, **style)
    return marks


def _say_tick(value, _):
    """An error in per cent, a loss as it is: the ranges of MEASURES do not overlap."""
    return f"{value:.0%}" if value <= MEASURES["test error"][1][1] else f"{value:g}"


def _prepare_map(ax):
    ax.set(xscale="log", yscale="log", xlabel="learning rate")
    ax.grid(False)
    cells = PolyCollection(
        [], cmap="viridis_r", edgecolor="face", linewidth=0.3, norm=LogNorm(0.1, 1)
    )
    diverged = PolyCollection(
        [], facecolor="none", edgecolor=plotting.muted(), hatch="////", linewidth=0
    )
    alike = LineCollection([], color="white", linewidth=3.5, capstyle="round")
    for collection in (cells, diverged, alike):
        ax.add_collection(collection)
    best = ax.plot(
        [], [], color="white", marker="o", markeredgecolor="black", markersize=5.5, linestyle="none"
    )
    frame = ax.plot([], [], color=plotting.ink(), linestyle="-", linewidth=2)
    return {"cells": cells, "diverged": diverged, "alike": alike, "best": best, "frame": frame}


def _draw(marks, result, column, measure, coordinates):
    """Move the marks to `HeatMaps`; column: the framed one, from 1."""
    attribute, limits = MEASURES[measure]
    product = coordinates == PAPER
    said, (first, second) = [], (surface.optimizer for surface in result.surfaces.values())
    heights = second.decay  # the maps lie side by side: λ at the same height, whatever its scale
    for k, (name, surface) in enumerate(result.surfaces.items()):
        values = getattr(surface, attribute).numpy()
        diverged = surface.diverged.any(0).numpy()
        # A mean of the survivors alone would flatter.
        level = np.where(diverged, np.nan, _mean_over_seeds(values))
        sheared = product and not surface.optimizer.per_step
        best, bars = best_rates(surface.optimizer, level, sheared)
        corners = _cell_corners(name, sheared)
        _draw_map(marks["maps"][k], corners, level, diverged, column - 1, limits)
        marks["maps"][k]["best"][0].set_data(*best.T)
        marks["maps"][k]["alike"].set_segments(bars)
        ylabel = "decay per step, lr·λ" if sheared else "λ"
        ylabel = "decay per step, λ′" if surface.optimizer.per_step else ylabel
        title = "your function" if result.own and k else name
        plotting.set_texts(marks["maps"][k]["cells"].axes, title=title, ylabel=ylabel)
        plotting.move_band(marks["slice"][k], heights, values[:, column - 1])
        marks["names"][k].set_text(
            f"{name}, lr = {plotting.readable(surface.optimizer.lr[column - 1])}"
        )
        said.append(_say_best(name, surface.optimizer, level, measure, best[:, 0]))
    ax = marks["slice"][0][0].axes
    plotting.set_limits(ax, (heights[0], heights[-1]), limits)
    plotting.set_texts(ax, xlabel=_say_scales(first, second), ylabel=measure)
    return _say_heat_map(result, " ".join(said))


def _mean_over_seeds(values):
    """Mean over the seeds that are there, [learning rates, decays]; NaN where none is."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(0) / known.sum(0)


def _say_scales(first, second):
    """What the horizontal axis of the framed columns counts."""
    knob, ratio = "λ′" if second.per_step else "λ", first.decay[0] / second.decay[0]
    if ratio == 1:
        return f"{knob}, in both maps"
    return f"{knob} of the right map (left: {plotting.readable(ratio)} times that)"


def _draw_map(marks, corners, level, diverged, column, limits):
    marks["cells"].set(verts=corners, array=np.ma.masked_invalid(level.flatten()), clim=limits)
    marks["diverged"].set_verts(corners[diverged.flatten()])
    edge = corners.reshape(*level.shape, 4, 2)[column]
    outline = np.concatenate(
        [edge[:, [0, 3]].reshape(-1, 2), edge[::-1, [2, 1]].reshape(-1, 2), edge[:1, 0]]
    )
    marks["frame"][0].set_data(*outline.T)
    limits = ((corners[..., i].min(), corners[..., i].max()) for i in (0, 1))
    plotting.set_limits(marks["cells"].axes, *limits)


def _say_best(name, optimizer, level, measure, rates):
    if not np.isfinite(level).any():
        return ""
    i, j = np.unravel_index(np.nanargmin(level), level.shape)
    at = f"lr {plotting.readable(optimizer.lr[i])}, λ {plotting.readable(optimizer.decay[j])}"
    where = ""
    if len(rates):
        ends = dict.fromkeys(plotting.readable(rate) for rate in (rates.min(), rates.max()))
        where = f", dots at lr {' to '.join(ends)}"
    lowest = f"{level[i, j]:.1%}" if measure == "test error" else f"{level[i, j]:.3g}"
    return f"{name}: lowest {measure} {lowest} at {at}{where}."


def _say_heat_map(result, best):
    done = min(surface.finished for surface in result.surfaces.values())
    own = ""
    if result.own:
        name = list(result.surfaces)[1]
        own = f" {name} is drawn by your function, called network by network."
    if done < result.seeds:
        progress = f"{done} of {result.seeds} seeds done"
        return f"Training 81 networks of each kind: {progress}. {best}{own}"
    band = "mean with its 95 % interval over the seeds" if done > 1 else "one seed"
    return (
        f"{best} Mean of {done} seed{'s' * (done > 1)}. Dot: the best learning rate of a row; "
        "bar: every rate within 5 % of it; none where the best lies at the edge. "
        f"{_say_diverged(result)}Right: {band}.{own}"
    )


def _say_diverged(result):
    """What the hatched cells are, and why if it is known.

    Above lr·λ = 2 decay alone throws weights ever further.
    """
    products = [
        surface.optimizer.lr[i] * surface.optimizer.decay[j]
        for surface in result.surfaces.values()
        for i, j in surface.diverged.any(0).nonzero().tolist()
    ]
    if not products:
        return ""
    where = ", always at lr·λ > 2" if min(products) > 2 and not result.own else ""
    return f"Hatched: diverged at one seed or more{where}. "


explorer = Explorer(
    title="Learning rate × decay: 300 digits, one label in five wrong",
    controls={
        "column": Slider("framed column", values=tuple(range(1, 10)), default=5, trained=True),
        "coordinates": Choice("decay axis", (TORCH, PAPER), TORCH, trained=True),
        "measure": Choice("measure", tuple(MEASURES), "test error", trained=True),
        "pair": Choice("optimizers", tuple(PAIRS), "Adam"),
        "seeds": Slider("seeds", values=(1, 3, 10), default=10),
    },
    frozen={"column": (3, 4, 5, 6, 7), "coordinates": 2, "measure": 2},
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
    size=(8.2, 4.1),
    quick={"steps": 2},
)

show = explorer.show
