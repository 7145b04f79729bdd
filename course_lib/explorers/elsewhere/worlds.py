"""One table, regularizer × world: every arm at its best of an equal budget; choose a row."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.elsewhere import carried
from course_lib.panel import Choice, Explorer

WORLDS = tuple(carried.WORLDS)
VERDICTS = {True: "helps", False: "does not", None: "undecided"}


def table():
    """Regularizer → world → its stored difference from plain in test error."""
    return {
        arm: {world: carried.stored(world, arm) for world in WORLDS} for arm in carried.REGULARIZERS
    }


def _prepare(figure):
    """Left the table of verdicts, right the chosen row with its intervals."""
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    arms = carried.REGULARIZERS
    left.set(title="Lowers the error by more than a point?", xlim=(-0.5, 2.5))
    left.set(ylim=(len(arms) - 0.5, -0.5))
    left.set_xticks(range(len(WORLDS)), [world.replace(" ", "\n") for world in WORLDS])
    left.set_yticks(range(len(arms)), arms)
    left.tick_params(length=0)
    left.grid(visible=False)
    words = {"ha": "center", "va": "center", "fontsize": 9}
    places = range(len(WORLDS))
    marks = {"cells": [[left.text(x, y, "", **words) for x in places] for y in range(len(arms))]}
    marks["row"] = [left.axhspan(-0.5, 0.5, color=plotting.series(0)[0], alpha=0.15)]
    right.set(xlabel="points of test error, against plain", ylim=(len(WORLDS) - 0.5, -0.5))
    right.set_yticks(range(len(WORLDS)), [world.replace(" ", "\n") for world in WORLDS])
    right.axvline(0, color=plotting.muted(), linewidth=1, linestyle="-")
    right.axvline(-100 * carried.BOUND, color=plotting.muted(), linewidth=1, linestyle=":")
    color = plotting.series(0)[0]
    marks["spans"] = [
        right.plot([], [], color=color, linestyle="-", linewidth=4, solid_capstyle="butt")[0]
        for _ in WORLDS
    ]
    marks["means"] = right.plot([], [], "o", color=color, markersize=8, linestyle="none")
    return marks


def _draw(marks, result, arm):
    """Move the marks to a `table`, one row of it chosen."""
    for texts, row in zip(marks["cells"], result.values()):
        for text, found in zip(texts, row.values()):
            verdict = found.between(high=-carried.BOUND)
            text.set_text(f"{VERDICTS[verdict]}\n{100 * found.mean:+.1f}")
            text.set_fontweight("bold" if verdict else "normal")
            text.set_color(plotting.muted() if verdict is None else plotting.ink())
    marks["row"][0].set_y(carried.REGULARIZERS.index(arm) - 0.5)
    plotting.set_texts(marks["means"][0].axes, title=arm[0].upper() + arm[1:])
    row = [100 * np.array(found[:3]) for found in result[arm].values()]  # mean, low, high
    for y, (span, (_, low, high)) in enumerate(zip(marks["spans"], row)):
        span.set_data([low, high], [y, y])
    marks["means"][0].set_data([mean for mean, _, _ in row], range(len(row)))
    reach = max(2.0, 1.1 * np.abs(row).max())
    plotting.set_limits(marks["means"][0].axes, x=(-reach, reach))
    said = (
        f"{world} {mean:+.1f} [{low:+.1f}, {high:+.1f}]"
        for world, (mean, low, high) in zip(WORLDS, row)
    )
    title, seeds = arm[0].upper() + arm[1:], result[arm][WORLDS[0]].n
    away = ", ".join(f"{world} {carried.carried(world, arm)}" for world in WORLDS[1:])
    return (
        f"{title}, points of test error over {seeds} seeds: {'; '.join(said)}. "
        f"The verdict at home: {away}."
    )


explorer = Explorer(
    title="The same claim in three worlds",
    controls={"arm": Choice("regularizer", carried.REGULARIZERS, "decoupled decay", trained=True)},
    frozen={"arm": carried.REGULARIZERS},
    compute=table,
    prepare=_prepare,
    draw=_draw,
    size=(9.2, 3.9),
)

show = explorer.show
