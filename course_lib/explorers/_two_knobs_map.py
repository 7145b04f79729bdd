"""The heat map of lesson 04: learning rate × decay on digits, two optimizers side by side, trained as one watches."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from matplotlib.collections import PolyCollection

from course_lib import plotting
from course_lib.explorers._panel import Choice, Explorer, Slider
from course_lib.lab.two_knobs import OPTIMIZERS, STEPS, sweep

PAIRS = {"Adam": ("Adam + L2", "AdamW"), "SGD": ("SGD + L2", "SGDW")}
MEASURES = {"test loss": ("loss", (0.5, 2.4)), "test error": ("error", (0.08, 0.92))}
TORCH, PAPER = "λ (torch)", "lr·λ (paper)"


@dataclass
class HeatMaps:
    """The two surfaces that were trained, by name, for seeds 0 … `seeds` − 1."""

    surfaces: dict
    seeds: int
    own: bool


def compute_heat_map(pair, seeds, update=None, steps=STEPS):
    """Train both optimizers of `pair`; `update`, the learner's own function, takes the place of the decoupled one."""
    for surfaces in sweep(PAIRS[pair], range(seeds), update=update, steps=steps):
        yield HeatMaps(surfaces, seeds, update is not None)


@lru_cache
def cell_corners(name, product):
    """Corners [cells, 4, 2] of every (lr, λ) cell, half a decade wide; sheared over (lr, lr·λ) if `product`."""
    optimizer = OPTIMIZERS[name]
    x, y = (np.round(2 * np.log10(optimizer.grid[key]))[:, None] / 2 for key in ("lr", optimizer.pull))
    x = x + np.array([-0.25, 0.25, 0.25, -0.25])
    y = y + np.array([-0.25, -0.25, 0.25, 0.25])
    return 10 ** np.stack([x, y + x if product else y], -1)


def best_rates(name, level, product):
    """Where each row of `level` [learning rates, decays] is lowest: points [n, 2]. Rows share λ, or lr·λ if `product`.

    A row whose lowest cell lies at its end has no lowest point that we know of, and is left out.
    """
    optimizer, points = OPTIMIZERS[name], []
    rates, decays = len(optimizer.lr), len(optimizer.decay)
    for row in range(rates + decays - 1) if product else range(decays):
        cells = [(i, row - i if product else row) for i in range(rates) if not product or 0 <= row - i < decays]
        values = np.array([level[cell] for cell in cells])
        if len(cells) > 2 and np.isfinite(values).any() and 0 < (k := int(np.nanargmin(values))) < len(cells) - 1:
            lr, decay = optimizer.lr[cells[k][0]], optimizer.decay[cells[k][1]]
            points.append((lr, lr * decay if product else decay))
    return np.array(points).reshape(-1, 2)


def prepare_heat_map(figure):
    figure.set_layout_engine("none")  # nothing moves when the axes change
    room = {"left": 0.075, "right": 0.985, "bottom": 0.13, "top": 0.93, "wspace": 0.36}
    left, right, below = figure.subplots(1, 3, width_ratios=[1, 1, 1.1], gridspec_kw=room)
    marks = {"maps": [_prepare_map(ax) for ax in (left, right)], "slice": [], "names": []}
    below.set(xscale="log", xlabel="learning rate")
    for k in (0, 1):
        marks["slice"].append(plotting.draw_band(below, [], np.empty((0, 0)), k=k))
        color, linestyle = plotting.series(k)
        below.plot([0.08, 0.18], [0.96 - 0.07 * k] * 2, color=color, linestyle=linestyle, transform=below.transAxes)
        name = below.text(0.2, 0.96 - 0.07 * k, "", transform=below.transAxes, va="center", fontsize=8.5)
        marks["names"].append(name)  # a legend whose words move
    strip = below.inset_axes([0, 0, 0.035, 1])  # the colours of the maps, along the axis that says what they mean
    strip.imshow(np.linspace(0, 1, 256)[:, None], cmap="viridis_r", aspect="auto")
    strip.axis("off")
    return marks


def _prepare_map(ax):
    ax.set(xscale="log", yscale="log", xlabel="learning rate")
    ax.grid(False)
    cells = PolyCollection([], cmap="viridis_r", edgecolor="face", linewidth=0.3)
    diverged = PolyCollection([], facecolor="none", edgecolor=plotting.muted(), hatch="////", linewidth=0)
    for collection in (cells, diverged):
        ax.add_collection(collection)
    best = ax.plot([], [], color="white", marker="o", markeredgecolor="black", markersize=5, linestyle="-", linewidth=1)
    row = ax.plot([], [], color=plotting.ink(), linestyle="-", linewidth=2)
    return {"cells": cells, "diverged": diverged, "best": best, "row": row}


def draw_heat_map(marks, result, row, measure, coordinates):
    attribute, limits = MEASURES[measure]
    product = coordinates == PAPER
    told = []
    for k, (name, surface) in enumerate(result.surfaces.items()):
        values = getattr(surface, attribute).numpy()
        level = _mean_over_seeds(values)
        _draw_map(marks["maps"][k], name, level, surface.diverged.any(0).numpy(), row - 1, product, limits)
        plotting.move_band(marks["slice"][k], surface.optimizer.lr, values[:, :, row - 1])
        marks["names"][k].set_text(f"{name}, λ = {plotting.readable(surface.optimizer.decay[row - 1])}")
        told.append(_say_best(name, surface.optimizer, level, measure))
    ax = marks["slice"][0][0].axes
    plotting.set_limits(ax, (surface.optimizer.lr[0], surface.optimizer.lr[-1]), limits)
    plotting.set_texts(ax, ylabel=measure)
    return _say_heat_map(result, told)


def _mean_over_seeds(values):
    """Mean over the seeds that are there, [learning rates, decays]; NaN where none is."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(0) / known.sum(0)


def _draw_map(marks, name, level, diverged, row, product, limits):
    corners, flat = cell_corners(name, product), level.flatten()
    ax = marks["cells"].axes
    marks["cells"].set(verts=corners, array=np.ma.masked_invalid(flat), clim=limits)
    marks["diverged"].set_verts(corners[diverged.flatten()])
    marks["best"][0].set_data(*best_rates(name, level, product).T)
    edge = corners.reshape(*level.shape, 4, 2)[:, row]
    outline = np.concatenate([edge[:, :2].reshape(-1, 2), edge[::-1, 2:].reshape(-1, 2), edge[:1, 0]])
    marks["row"][0].set_data(*outline.T)
    plotting.set_limits(ax, *((corners[..., i].min(), corners[..., i].max()) for i in (0, 1)))
    plotting.set_texts(ax, title=name, ylabel="λ′ = lr·λ" if product else "λ")


def _say_best(name, optimizer, level, measure):
    if not np.isfinite(level).any():
        return ""
    i, j = np.unravel_index(np.nanargmin(level), level.shape)
    at = f"lr {plotting.readable(optimizer.lr[i])}, λ {plotting.readable(optimizer.decay[j])}"
    return f"{name}: lowest {measure} {level[i, j]:.3g} at {at}."


def _say_heat_map(result, told):
    done = min(surface.finished for surface in result.surfaces.values())
    own = f" {list(result.surfaces)[1]} is drawn by your function, called network by network." if result.own else ""
    if done < result.seeds:
        return f"Training 81 networks of each kind: {done} of {result.seeds} seeds done. {' '.join(told)}{own}"
    return (
        f"{' '.join(told)} Mean of {done} seed{'s' * (done > 1)}. Dots: the best learning rate of each row; in one "
        f"column, they would say that lr can be tuned "
        f"without looking at decay. {_say_diverged(result)}Right: the framed rows.{own}"
    )


def _say_diverged(result):
    """What the hatched cells are, and why if it is known: above lr·λ = 2 decay alone throws weights ever further."""
    products = [
        surface.optimizer.lr[i] * surface.optimizer.decay[j]
        for surface in result.surfaces.values()
        for i, j in surface.diverged.any(0).nonzero().tolist()
    ]
    if not products:
        return ""
    return "Hatched: diverged, all of them at lr·λ > 2. " if min(products) > 2 else "Hatched: diverged. "


heat_map = Explorer(
    title="Learning rate × decay: 300 digits, one label in five wrong",
    controls={
        "row": Slider("framed row", values=tuple(range(1, 10)), default=6, trained=True),
        "coordinates": Choice("decay axis", (TORCH, PAPER), TORCH, trained=True),
        "measure": Choice("measure", tuple(MEASURES), "test loss", trained=True),
        "pair": Choice("optimizers", tuple(PAIRS), "Adam"),
        "seeds": Slider("seeds", values=(1, 3, 10), default=10),
    },
    compute=compute_heat_map,
    prepare=prepare_heat_map,
    draw=draw_heat_map,
    size=(8.2, 3.8),
    quick={"steps": 2},
)
