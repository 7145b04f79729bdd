"""One table, regularizer × world: every arm at its best of an equal budget; choose a row."""

from typing import Any

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.elsewhere import carried, conv
from course_lib.panel import Choice, Explorer, Seen

WORLDS = tuple(carried.WORLDS)
NAMES = dict(zip(WORLDS, ("home", "lines", "clock")))  # as the lesson calls them
ROWS = {  # two lines where one is too wide
    "early stopping": "early stopping\nby loss",
    "stopping by error": "early stopping\nby error",
}
FINER = "plain, more rates"
DOUBTED = {("transformer", "a norm")}  # by `_coarse`
DOUBT = "*"  # behind a verdict that rests on too few rates
AT_THE_END = " †"  # behind a figure whose setting was the last that was tried


def table():
    """Regularizer → world → its stored difference from plain in test error."""
    return {
        arm: {world: carried.stored(world, arm, against(world, arm)) for world in WORLDS}
        for arm in carried.REGULARIZERS
    }


def against(world, arm):
    """Whom an arm is compared with: where it leads plain, and plain was given more rates, these."""
    finer = (world, FINER) in carried.BESIDES and carried.helps(world, arm)
    return FINER if finer else "plain"


def helping(arm, found=None):
    """The worlds in which an arm is shown to help, by a `table` (None: that which is stored)."""
    row = (found or table())[arm]
    return [world for world in WORLDS if _verdict(world, arm, row[world]) == "helps"]


def levels():
    """Every arm's mean test error in each world (and its frozen strength and rate), as a text."""
    heads = "".join(f"{NAMES[world]:<21}" for world in WORLDS)
    lines = [f"{'':<24}{heads}".rstrip()]
    for arm in carried.ARMS:
        cells = [
            f"{carried.level(world, arm):6.1%} ({chosen.strength:g}, {chosen.lr:.2g})"
            for world in WORLDS
            for chosen in [carried.frozen(world, arm)]
        ]
        name = ROWS.get(arm, arm).replace("\n", " ")
        lines.append(f"{name:<24}" + "".join(f"{cell:<21}" for cell in cells).rstrip())
    return "\n".join(lines)


def leader(world):
    """Who errs least in a world, and how far ahead of the other that comes nearest, as a text.

    The nearest is the regularizer whose interval of the difference, leader minus other, reaches
    highest: where that lies below 0 the leader is ahead of all.
    """
    first = min(carried.REGULARIZERS, key=lambda arm: carried.level(world, arm))
    others = {
        arm: carried.stored(world, first, arm) for arm in carried.REGULARIZERS if arm != first
    }
    nearest = max(others, key=lambda arm: others[arm].high)
    return f"{NAMES[world]}: {first} against {nearest} {_between(others[nearest])} points"


def on_right_labels():
    """What the convolution's arms err, tuned on right labels, and against plain, as a text."""
    lines = []
    for arm in (arm for world, arm in carried.BESIDES if world == carried.RIGHT):
        chosen = carried.frozen(carried.RIGHT, arm)
        line = f"{arm:<18} {carried.level(carried.RIGHT, arm):5.1%} wrong"
        if arm != "plain":
            line += f", against plain {_between(carried.stored(carried.RIGHT, arm))} points"
        strength = f"strength {chosen.strength:g}, " * bool(chosen.strength)
        lines.append(f"{line} ({strength}rate {chosen.lr:.2g})")
    return "\n".join(lines)


PLAIN = {  # where plain's rates are told, and its name there
    "fully connected": "home, a fifth of the labels wrong",
    "convolution": "lines, a fifth of the labels wrong",
    carried.RIGHT: "lines, right labels",
    "transformer": "clock",
}


def gained(world):
    """Who gains most on plain at its best rate, and how many points of test error, undoubted."""
    beside = [arm for where, arm in carried.BESIDES if where == world == carried.RIGHT]
    arms = [arm for arm in beside or carried.REGULARIZERS if (world, arm) not in DOUBTED]
    first = min(set(arms) - {"plain"}, key=lambda arm: carried.stored(world, arm).mean)
    return first, -100 * carried.stored(world, first).mean


def by_rate() -> Figure:
    """What plain errs in the pilots at its nine rates, a panel a world.

    Below the best rate hangs the largest gain of any arm, of test rows.
    """
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    for ax, (world, name) in zip(figure.subplots(1, len(PLAIN), sharey=True), PLAIN.items()):
        tried = _plain(world)
        best = min(tried, key=tried.__getitem__)
        color, style = plotting.series(0)
        ax.plot(list(tried), list(tried.values()), "o", color=color, linestyle=style, markersize=4)
        arm, gain = gained(world)
        bar = {"color": plotting.series(1)[0], "linestyle": "-", "solid_capstyle": "butt"}
        ax.plot([best] * 2, [tried[best], tried[best] - gain], linewidth=5, **bar)
        found = f"{gain:.0f}" if carried.helps(world, arm) else f"less than {int(gain) + 1}"
        ax.text(0.03, 0.02, f"bar: {arm}, {found}", transform=ax.transAxes, fontsize=8)
        ax.set(xscale="log", ylim=(-15, 102), yticks=range(0, 101, 25))
        ax.set_title(name.replace(", ", "\n", 1), fontsize=9)
        ax.set_xlabel("plain's learning rate")
    figure.axes[0].set_ylabel("% wrong, lower is better")
    return figure


def _plain(world):
    """Rate → what plain errs there in the pilots, in per cent."""
    lines = [line for line in carried.sweep() if (line.world, line.arm) == (world, "plain")]
    return {line.lr: 100 * line.error for line in sorted(lines, key=lambda line: line.lr)}


def show_by_rate() -> None:
    """Show `by_rate`, with words for who cannot see it."""
    said = []
    for world, name in PLAIN.items():
        errors, (arm, gain) = _plain(world).values(), gained(world)
        said.append(
            f"{name}: plain errs {min(errors):.0f}% at its best rate and {max(errors):.0f}% at its "
            f"worst, {arm} gains {gain:.0f} points"
        )
    plotting.show_with_words(by_rate(), f"{'; '.join(said)}.")


SHARED = {  # arm of the table → the same, or nearly, at one rate for all
    "a norm": "batch norm",
    "shifts": "shifts of 4",
    "dropout": "dropout 0.5",
}


def own_rates(lines: conv.Arms) -> Figure:
    """Points of test error against plain on right labels: at one rate for all, and at its own."""
    figure = Figure(figsize=(8.2, 2.6), layout="constrained")
    ax = figure.subplots()
    plain = lines.test_error[:, lines.arms.index(conv.PLAIN), -1].mean().item()
    own = carried.level(carried.RIGHT, "plain")
    shared = [lines.difference(conv.ARMS[name]) for name in SHARED.values()]
    tuned = [carried.stored(carried.RIGHT, arm) for arm in SHARED]
    for k, (found, name) in enumerate(
        (
            (shared, f"one rate for all, {shared[0].n} seeds\n(plain: {plain:.0%} wrong)"),
            (tuned, f"tuned, each its own rate,\n{tuned[0].n} seeds (plain: {own:.0%} wrong)"),
        )
    ):
        color = plotting.series(1 - k)[0]
        middle = [100 * one.mean for one in found]
        ends = [[100 * (one.high - one.mean) for one in found] for _ in range(2)]
        places = [row - 0.14 + 0.28 * k for row in range(len(found))]
        mark: dict[str, Any] = {
            "marker": "os"[k],
            "markersize": 7,
            "linestyle": "none",
            "color": color,
        }
        ax.errorbar(middle, places, xerr=ends, label=name, **mark)
    ax.axvline(0, color=plotting.muted(), linewidth=1, linestyle="-")
    ax.set(ylim=(len(SHARED) - 0.5, -0.5), yticks=range(len(SHARED)), yticklabels=SHARED)
    ax.set(xlabel="points of test error, against plain (left is better)", xlim=(-20, 1))
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    return figure


def show_own_rates(lines: conv.Arms) -> None:
    """Show `own_rates`, with words for who cannot see them."""
    said = (
        f"{arm} {_points(-lines.difference(conv.ARMS[name]).mean)} points at one rate for all, "
        f"{_points(-carried.stored(carried.RIGHT, arm).mean)} at a rate of its own"
        for arm, name in SHARED.items()
    )
    plotting.show_with_words(own_rates(lines), f"Fewer errors than plain: {'; '.join(said)}.")


def _prepare(figure):
    """Left the table of verdicts, right the chosen row: an interval a world, each on its scale."""
    arms, places = carried.REGULARIZERS, range(len(WORLDS))
    grid = figure.add_gridspec(len(WORLDS), 2, width_ratios=[1.7, 1])
    left = figure.add_subplot(grid[:, 0])
    left.set(title="Lowers the error by more than a point?", xlim=(-0.5, 2.5))
    left.set(ylim=(len(arms) - 0.5, -0.5))
    left.set_xticks(places, [f"{NAMES[world]}\n({world})" for world in WORLDS])
    left.set_xlabel(_coarse(), fontsize=8)
    rows = [ROWS.get(arm, arm) for arm in arms]
    left.set_yticks(range(len(arms)), rows)
    left.tick_params(length=0)
    left.grid(visible=False)
    words = {"ha": "center", "va": "center", "fontsize": 9}
    marks = {"cells": [[left.text(x, y, "", **words) for x in places] for y in range(len(arms))]}
    marks["row"] = [left.axhspan(-0.5, 0.5, color=plotting.series(0)[0], alpha=0.15)]
    color = plotting.series(0)[0]
    marks["spans"], marks["means"] = [], []
    for k, world in enumerate(WORLDS):
        ax = figure.add_subplot(grid[k, 1])
        ax.set(ylim=(-1, 1), yticks=[])
        ax.set_title(NAMES[world], fontsize=9)
        ax.axvline(0, color=plotting.muted(), linewidth=1, linestyle="-")
        ax.axvline(-100 * carried.BOUND, color=plotting.muted(), linewidth=1, linestyle=":")
        span = {"color": color, "linestyle": "-", "linewidth": 4, "solid_capstyle": "butt"}
        marks["spans"] += ax.plot([], [], **span)
        marks["means"] += ax.plot([], [], "o", color=color, markersize=8, linestyle="none")
    ax.set_xlabel("points of test error, against plain\n(three scales)")
    return marks


def _draw(marks, result, arm):
    """Move the marks to a `table`, one row of it chosen."""
    for texts, (name, row) in zip(marks["cells"], result.items()):
        for text, (world, found) in zip(texts, row.items()):
            _fill(text, _verdict(world, name, found), found, bool(carried.edges(world, name)))
    marks["row"][0].set_y(carried.REGULARIZERS.index(arm) - 0.5)
    row = {world: [100 * end for end in found[:3]] for world, found in result[arm].items()}
    for span, dot, (mean, low, high) in zip(marks["spans"], marks["means"], row.values()):
        span.set_data([low, high], [0, 0])
        dot.set_data([mean], [0])
        reach = max(2.0, 1.1 * max(abs(low), abs(high)))
        plotting.set_limits(dot.axes, x=(-reach, reach))
    title, seeds = arm[0].upper() + arm[1:], result[arm][WORLDS[0]].n
    said = [
        f"{NAMES[world]} {_between(found)} with {_setting(world, arm)}"
        for world, found in result[arm].items()
    ]
    caption = (
        f"{title}, points of test error against plain over {seeds} seeds: {'; '.join(said)}. "
        f"It is shown to help in {len(helping(arm, result))} of {len(WORLDS)} worlds."
    )
    readings = [
        (text.axes, *text.get_position(), f"{name}, {NAMES[world]}: {_between(found)}")
        for texts, (name, row) in zip(marks["cells"], result.items())
        for text, (world, found) in zip(texts, row.items())
    ]
    return Seen(caption, readings)


def _coarse():
    """What the clock's column rests on, in words: how many rates plain had."""
    (world,) = {world for world, arm in carried.BESIDES if arm == FINER}
    plain, finer = (carried.level(world, arm) for arm in ("plain", FINER))
    return (
        f"{NAMES[world]}: who leads plain is compared with plain at 13 rates\n"
        f"({finer:.0%} wrong), the others with plain at 9 ({plain:.0%})\n"
        f"{DOUBT} rates too far apart: a good one may lie between\n"
        f"{AT_THE_END.strip()} the setting chosen lies at an end of what was tried"
    )


def _verdict(world, arm, found):
    """The verdict on a difference; undecided, with a star, where the rates lay too far apart."""
    return f"undecided {DOUBT}" if (world, arm) in DOUBTED else carried.verdict(found)


def _fill(text, verdict, found, last):
    """Write verdict and mean into a cell, in words whose colour and weight say the verdict too."""
    text.set_text(f"{verdict}\n{_points(found.mean)}{AT_THE_END * last}")
    text.set_fontweight("bold" if verdict in ("helps", "harms") else "normal")
    colors = {"undecided": plotting.muted(), "harms": plotting.series(1)[0]}
    text.set_color(colors.get(verdict.split(" ")[0], plotting.ink()))


def _between(found):
    """Mean and interval."""
    return f"{_points(found.mean)} [{_points(found.low)}, {_points(found.high)}]"


def _points(share):
    """In points, with a sign, and no −0.0."""
    return f"{round(100 * share, 1) + 0.0:+.1f}".replace("-", "−")


def _setting(world, arm):
    """What the pilots chose."""
    chosen = carried.frozen(world, arm)
    strength = f"strength {chosen.strength:g} and " * bool(chosen.strength)
    return f"{strength}rate {chosen.lr:.2g}{AT_THE_END * bool(carried.edges(world, arm))}"


explorer = Explorer(
    title="The same claim in three worlds",
    controls={"arm": Choice("regularizer", carried.REGULARIZERS, "decoupled decay", trained=True)},
    frozen={"arm": carried.REGULARIZERS},
    compute=table,
    prepare=_prepare,
    draw=_draw,
    size=(9.2, 4.3),
)

show = explorer.show
