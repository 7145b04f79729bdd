"""Eight seeds of the clock: a second rise, a hill in the loss, a curve taken apart into waves."""

import math
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.elsewhere import late
from course_lib.experiments.elsewhere.grokking import PRIME, RECORDED, Grokking
from course_lib.experiments.elsewhere.progress import STILL, Progress, final_power, strongest

PLACES = torch.linspace(0, PRIME - 1, 10 * PRIME - 9, dtype=torch.float64)
PATIENT_TO = 50  # where five looks without improvement end that began before the first update
DECAYED, UNDECAYED, TRAINED = "with decay", "without decay", "training pairs"


def of(look: str, linestyle: str = "") -> dict[str, Any]:
    """Colour and style of a curve of one of DECAYED, UNDECAYED, TRAINED, the same all through."""
    looks = {
        DECAYED: (plotting.series(0)[0], "-"),
        UNDECAYED: (plotting.series(1)[0], ":"),
        TRAINED: (plotting.muted(), "--"),
    }
    color, usual = looks[look]
    return {"color": color, "linestyle": linestyle or usual}


def by_heart(run: Grokking) -> int:
    """The first look at which every network has had all its training pairs right."""
    there = run.train_accuracy == 1
    there[..., -1] = True
    return run.recorded[int(there.int().argmax(-1).max())]


def rises(run: Grokking) -> Figure:
    """Test accuracy of every seed, arm 0 (no decay) and arm 1."""
    figure = Figure(figsize=(9, 2.9), layout="constrained")
    ax = figure.subplots()
    for arm, label, look in ((1, "λ = 2", DECAYED), (0, "λ = 0", UNDECAYED)):
        for seed, curve in enumerate(run.test_accuracy[:, arm]):
            label = "" if seed else f"{label}, eight seeds"
            ax.plot(run.recorded, curve, linewidth=1.1, label=label, **of(look))
    ax.set(xlabel="updates", ylabel="share of test pairs right", xlim=(0, 400), ylim=(0, 1.03))
    _mark(ax, by_heart(run), "all training pairs right")
    ax.legend(loc="lower right", fontsize=8)
    return figure


def begun_late(run: Grokking, one: Grokking, known: torch.Tensor) -> Figure:
    """One seed whose decay begins late, and of all seeds what is known of test pairs.

    run: arm 0, without decay. one: the first of its seeds as in `late`. known: of all seeds, as of
    `late.known`.
    """
    figure = Figure(figsize=(9, 2.9), layout="constrained")
    ax = figure.subplots()
    ax.plot(one.recorded, one.train_accuracy[0, 0], label="training pairs", **of(TRAINED))
    since = one.recorded.index(late.FROM)
    decayed = one.recorded[since:], one.test_accuracy[0, 0, since:]
    ax.plot(*decayed, label="test pairs, with decay", **of(DECAYED))
    label = "test pairs, without decay"
    ax.plot(run.recorded, run.test_accuracy[0, 0], label=label, **of(UNDECAYED))
    ring: dict[str, Any] = {"color": plotting.ink(), "linestyle": "none"}
    ring |= {"markersize": 5, "fillstyle": "none"}
    label = f"test pairs, all {len(known)} networks"
    for step, shares in zip((late.FROM, one.recorded[-1]), _when_it_begins_and_ends(known)):
        ax.plot([step] * len(shares), shares, "o", label=label, clip_on=False, **ring)
        label = ""
    _mark(ax, late.FROM, "decay on")
    ax.set(xlabel="updates", ylabel="share right", xlim=(0, one.recorded[-1]), ylim=(0, 1.03))
    ax.legend(loc="lower right", fontsize=8)
    return figure


def _when_it_begins_and_ends(known: torch.Tensor) -> torch.Tensor:
    """Shares of test pairs right [2, seeds], of what `late.known` knows."""
    names = "test pairs after 100 updates", "test pairs at the end"
    return known.T[[late.TOLD.index(name) for name in names]]


def _mark(ax: Axes, step: int, word: str) -> None:
    """A broken line at a step, with a word beside it, low where the picture is empty."""
    ax.axvline(step, color=plotting.ink(), linewidth=1, linestyle="--")
    ax.text(step + 3, 0.04, word, fontsize=8)


def down_in_time(run: Grokking, arm: int = 1, until: int = PATIENT_TO) -> torch.Tensor:
    """Which seeds have a validation loss below their first, at a look up to `until`: bool."""
    looks = [run.recorded.index(step) for step in RECORDED if 0 < step <= until]
    loss = run.validation_loss[:, arm]
    return (loss[:, looks] < loss[:, :1]).any(1)


def hill(run: Grokking) -> Figure:
    """Validation loss of every seed: left with decay, right without, whose axis is four times."""
    figure = Figure(figsize=(9, 3.3), layout="constrained")
    axes = figure.subplots(1, 2, width_ratios=[1.6, 1])
    soon = down_in_time(run)
    _loss(axes[0], run, 1, soon)
    axes[0].axvline(PATIENT_TO, color=plotting.ink(), linewidth=1, linestyle="--")
    axes[0].text(PATIENT_TO + 1, 0.1, "fifth look", fontsize=8)
    axes[0].set(title="λ = 2", xlim=(-2, 150), ylim=(0, 7.4), ylabel="validation loss (nats)")
    axes[0].legend(loc="upper right", fontsize=8)
    _loss(axes[1], run, 0, torch.zeros_like(soon))
    axes[1].set(title="λ = 0: another scale, to 26", xlim=(-2, 150), ylim=(0, 26))
    return figure


def _loss(ax: Axes, run: Grokking, arm: int, soon: torch.Tensor) -> None:
    """Curves of one arm, those that come down `soon` unbroken, a mark at each look."""
    marks: dict[str, Any] = {"linewidth": 1.2, "marker": "o", "markersize": 3}
    marks["markevery"] = [run.recorded.index(step) for step in RECORDED]
    labels = {
        True: "below its start by the fifth look: goes on",
        False: "not yet below: training ends",
    }
    for curve, early in zip(run.validation_loss[:, arm], soon.tolist()):
        look = of(DECAYED, "-" if early else "--") if arm else of(UNDECAYED)
        label = labels.pop(early, "") if arm else ""
        ax.plot(run.recorded, curve, label=label, **marks, **look)
    label = "a guesser, ln 31" if arm else ""
    ax.axhline(math.log(PRIME), label=label, color=plotting.ink(), linewidth=1, linestyle="-.")
    if not arm:
        ax.text(148, math.log(PRIME) - 0.4, "a guesser", fontsize=8, ha="right", va="top")
    ax.set_xlabel("updates")


def waves(run: Grokking, arm: int = 1, seed: int = 0, steps: tuple[int, int] = (30, 400)) -> Figure:
    """One coordinate of the embedding over the numbers, at two steps, and its strongest waves.

    The coordinate that varies most at the later step; the three frequencies are the strongest of
    all coordinates together at that step. Before both, as an example, the first of these waves.
    """
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    before, after = (run.numbers[seed, arm, run.recorded.index(step)].double() for step in steps)
    place = int((after - after.mean(0)).square().sum(0).argmax())
    three = sorted(strongest(after))
    seen = [(numbers - numbers.mean(0))[:, place] for numbers in (before, after)]
    totals = [sum((_wave(curve, k) for k in three), 0 * PLACES) for curve in seen]
    one = _wave(seen[1], three[0])
    names = ", ".join(map(str, three[:-1]))
    panels = (
        (
            f"a circle of frequency {three[0]} alone",
            one,
            one[::10],
            f"a wave of {three[0]} periods",
        ),
        *(
            (
                f"one coordinate, update {step}",
                total,
                curve,
                f"waves {names} and {three[-1]}, added",
            )
            for step, total, curve in zip(steps, totals, seen)
        ),
    )
    for ax, (title, line, dots, label) in zip(figure.subplots(1, 3, sharey=True), panels):
        ax.plot(PLACES, line, linewidth=1, label=label, **of(DECAYED))
        ax.plot(dots, "o", color=plotting.ink(), markersize=4)
        ax.set(title=title, xlabel="number n", ylim=(-0.45, 0.6))
        ax.legend(loc="upper center", fontsize=8)
    figure.axes[0].set_ylabel("minus its mean")
    return figure


def _wave(curve: torch.Tensor, frequency: int) -> torch.Tensor:
    """At PLACES, the part of a curve over 0 … p − 1 that is a wave with so many periods."""
    one = torch.fft.rfft(curve)[frequency]
    return 2 / PRIME * one.abs() * (2 * math.pi * frequency * PLACES / PRIME + one.angle()).cos()


def mirrors(way: Progress) -> Figure:
    """Means over seeds of the test pairs right whose mirror was trained, and of the others."""
    figure, ax = _over_updates("share right")
    parts = (("mirror trained", way.mirrored, "-"), ("the others", way.others, "--"))
    for label, values, style in parts:
        line, _ = plotting.draw_band(ax, way.recorded, values, label)
        line.set_linestyle(style)
    label = "all test pairs"
    ax.plot(way.recorded, way.test.mean(0), label=label, color=plotting.ink(), linestyle="-.")
    ax.legend(loc="lower right", fontsize=8)
    return figure


def progress(way: Progress, run: Grokking, arm: int = 1) -> Figure:
    """Means over seeds: training and test pairs right, and what the final waves hold and answer.

    In grey what arm 0, without decay, has in its own final waves.
    """
    figure, ax = _over_updates("share")
    curves = {
        "training pairs right": run.train_accuracy[:, arm],
        "test pairs right": way.test,
        "test pairs right, final waves alone": way.alone,
        "power in the final waves": way.power,
    }
    for k, (label, values) in enumerate(curves.items()):
        plotting.draw_band(ax, way.recorded, values, label, k)
    without = final_power(run.numbers[:, 0]).mean(0)
    label = "the same without decay, its own"
    ax.plot(run.recorded, without, color=plotting.muted(), linestyle=":", label=label)
    ax.legend(loc="upper left", fontsize=8, bbox_to_anchor=(1.0, 1.0))
    return figure


def _over_updates(ylabel: str) -> tuple[Figure, Axes]:
    """Room for shares against updates."""
    figure = Figure(figsize=(9, 2.9), layout="constrained")
    ax = figure.subplots()
    ax.set(xlabel="updates", ylabel=ylabel, xlim=(0, 250), ylim=(0, 1.005))  # no band beyond
    ax.vlines(STILL, 0, 1, color=plotting.ink(), linewidth=1, linestyle="--")
    ax.text(STILL + 2, 0.8, f"update {STILL}", fontsize=8)
    return figure, ax


def show_rises(run: Grokking) -> None:
    """Show `rises`, with words for who cannot see it."""
    high, low = (run.test_accuracy[:, arm, -1] for arm in (1, 0))
    plotting.show_with_words(
        rises(run),
        f"Share of test pairs right against updates, {len(run.seeds)} seeds. With decay it rises "
        f"to about 60 percent, is nearly level, rises again, and ends at {high.mean():.0%} on "
        f"average. Without decay it ends at {low.mean():.0%}.",
    )


def show_begun_late(run: Grokking, one: Grokking, known: torch.Tensor) -> None:
    """Show `begun_late`, with words for who cannot see it."""
    both = _when_it_begins_and_ends(known)
    (low, high), (least, most) = ((shares.min(), shares.max()) for shares in both)
    plotting.show_with_words(
        begun_late(run, one, known),
        f"One network against updates: all training pairs are right long before update {late.FROM} "
        "where decay begins, and its share of test pairs right is level. Then that rises. Of "
        f"{len(known)} networks {low:.0%} to {high:.0%} are right when it begins, {least:.0%} to "
        f"{most:.0%} at the end. Without decay the share stays level.",
    )


def show_hill(run: Grokking) -> None:
    """Show `hill`, with words for who cannot see it."""
    tops = run.validation_loss[:, 1].max(-1).values
    plotting.show_with_words(
        hill(run),
        f"Validation loss against updates, {len(run.seeds)} seeds. With decay it rises to "
        f"{tops.min():.1f} to {tops.max():.1f} nats and falls to nearly 0; "
        f"{int(down_in_time(run).sum())} seeds are below their first value by update {PATIENT_TO}. "
        "Without decay it rises and stays high.",
    )


def show_waves(run: Grokking) -> None:
    """Show `waves`, with words for who cannot see it."""
    plotting.show_with_words(
        waves(run),
        "Over the numbers 0 to 30: a wave, which a single circle would give, and one coordinate of "
        "the embedding. After 30 updates that looks like noise, after 400 updates three waves "
        "added nearly make it.",
    )


def show_mirrors(way: Progress) -> None:
    """Show `mirrors`, with words for who cannot see it."""
    place = way.recorded.index(STILL)
    known, others = (one[:, place].mean() for one in (way.mirrored, way.others))
    plotting.show_with_words(
        mirrors(way),
        f"With decay, means over {len(way.test)} seeds against updates. At update {STILL} of the "
        f"test pairs whose mirror was trained {known:.0%} are right, of the others {others:.0%}; "
        f"at the end {way.mirrored[:, -1].mean():.0%} and {way.others[:, -1].mean():.0%}.",
    )


def show_progress(way: Progress, run: Grokking) -> None:
    """Show `progress`, with words for who cannot see it."""
    place = way.recorded.index(STILL)
    said = (
        f"{name} {one[:, place].mean():.0%} and {one[:, -1].mean():.0%}"
        for name, one in (
            ("test pairs right", way.test),
            ("right with the final waves alone", way.alone),
            ("power in the final waves", way.power),
            ("without decay in its own", final_power(run.numbers[:, 0])),
        )
    )
    plotting.show_with_words(
        progress(way, run),
        f"With decay, means over {len(way.test)} seeds against updates. At update {STILL} and at "
        f"the end: {'; '.join(said)}.",
    )
