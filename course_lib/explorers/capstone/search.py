"""The best of n random settings on validation rows, and what it is worth on test rows: move n."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.capstone.mixer import WORLDS
from course_lib.experiments.capstone.search import CANDIDATES, RUNGS, search
from course_lib.explorers.capstone import paired
from course_lib.panel import Choice, Explorer, Slider

COUNTS = np.arange(1, CANDIDATES + 1)


def _prepare(figure):
    """The lead of the winner of n in every study on the left, its error on the right."""
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.5])
    left.set(
        title="The lead of each winner",
        ylabel="points less than one drawn blindly",
        xlim=(-0.5, 1.5),
    )
    left.set_xticks((0, 1), ("promised\n(validation rows)", "kept\n(test rows)"))
    left.axhline(0, color=plotting.muted(), linewidth=1, linestyle="-")
    right.set(
        title="The best of n on validation rows",
        xlabel="n, candidates tried",
        ylabel="error of the winner, %",
    )
    right.set(xlim=(1, CANDIDATES))
    marks = {"leads": paired.prepare(left)}
    for k, (name, label) in enumerate(
        {"test": "on test rows", "validation": "on the rows that chose it"}.items()
    ):
        marks[name] = plotting.draw_band(right, [], np.empty((0, 0)), label=label, k=k)
    marks["n"] = [right.axvline(1, color=plotting.muted(), linewidth=1)]
    right.legend(loc="upper right")
    return marks


def _draw(marks, result, n, step):
    """Move the marks to a `Search`, with the best of `n` candidates, all trained to `step`."""
    rung = RUNGS.index(step)
    marks["n"][0].set_xdata([n, n])
    if result.progress < 1:
        seeds, settings, _ = result.test.shape
        trained = f"{seeds * settings} networks, {settings} settings in each of {seeds} studies"
        return f"Training {trained}: {result.progress:.0%}."
    winners = zip(*(result.best_of(int(count), rung) for count in COUNTS))
    chosen, honest = (100 * np.stack(errors, 1) for errors in winners)  # [seeds, counts]
    for name, values in (("validation", chosen), ("test", honest)):
        plotting.move_band(marks[name], COUNTS, values)
    top = max(chosen.max(), honest.max())
    plotting.set_limits(marks["n"][0].axes, y=(0, 5 * np.ceil(top / 5)))
    # over one drawn blindly [seeds, counts, 2]
    leads = np.stack([errors[:, :1] - errors for errors in (chosen, honest)], -1)
    edges = np.floor(leads.min() - 0.1), np.ceil(leads.max() + 0.1)
    plotting.set_limits(marks["leads"][0].axes, y=edges)
    paired.move(marks["leads"], leads[:, n - 1])
    promised, kept = leads[:, n - 1].mean(0).round(1) + 0.0
    noisy = (
        " Validation labels are wrong as often as training labels; test labels are right."
        if result.noise
        else ""
    )
    return (
        f"Best of {n} after {result.rungs[rung]} steps, means of {len(result.test)} studies: a "
        f"lead of {promised:.1f} points promised on the rows that chose it, {kept:.1f} kept on "
        f"test rows, {promised - kept:.1f} of optimism.{noisy} {result.note}"
    ).strip()


explorer = Explorer(
    title="Random search: how much the winner flatters itself",
    controls={
        "n": Slider("candidates tried", 1, CANDIDATES, 10, trained=True),
        "data": Choice("data", WORLDS, "e-mails"),
        "rows": Slider("training rows", values=(100, 300, 1000), default=300),
        "noise": Slider(
            "wrong labels (training, validation)", values=(0.0, 0.1, 0.2, 0.4), default=0.0
        ),
        "step": Slider("after so many steps", values=RUNGS, default=RUNGS[-1], trained=True),
    },
    frozen={"n": 15, "noise": (0.0, 0.2)},
    compute=search,
    prepare=_prepare,
    draw=_draw,
    size=(9.2, 3.6),
    quick={"seeds": (0, 1), "rungs": (2, 4, 8)},
)

show = explorer.show
