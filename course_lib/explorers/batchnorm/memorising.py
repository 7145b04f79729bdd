"""Test error after equal steps, and at an equal share of the wrong labels: move rate and share."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.batchnorm import ghost
from course_lib.panel import Choice, Explorer, Slider

ARMS = ("batch of 64", "parts of 4")
BEST = "each its best"
RATES = {f"{lr:g} for both": dict.fromkeys(ARMS, lr) for lr in reversed(ghost.JUDGED)}
RATES[BEST] = {arm: ghost.CHOSEN[arm] for arm in ARMS}


def _prepare(figure):
    """The error against the step, left, and against the share of the wrong labels, right."""
    marks = {}
    left, right = figure.subplots(1, 2, sharey=True)
    left.set(title="After equal steps", xlabel="step", ylabel="test error (%)", ylim=(6, 32))
    left.set_xlim(0, 810)
    right.set(title="At an equal share", xlabel="wrong labels fitted (%)", xlim=(0, 101))
    for k, arm in enumerate(ARMS):
        color, line = plotting.series(k)
        marks["step", arm] = plotting.draw_band(left, [], np.empty((0, 0)), label=arm, k=k)
        marks["share", arm] = right.plot([], [], color=color, linestyle=line)
        marks["share", arm] += right.plot([], [], "o", color=color, markersize=3)
    marks["share"] = [right.axvline(50, color=plotting.ink(), linestyle="-", linewidth=1)]
    left.legend(loc="upper right")
    return marks


def _draw(marks, result, share, rates):
    """Move the marks to a `ghost.Ghost` at one choice of rates."""
    said = []
    for arm in ARMS:
        run = arm, RATES[rates][arm]
        known = run in result.error
        errors = 100 * result.error[run] if known else np.empty((0, 0))
        shares = 100 * result.wrong[run].mean(0) if known else []
        plotting.move_band(marks["step", arm], result.steps if known else [], errors)
        for mark in marks["share", arm]:
            mark.set_data(plotting.array(shares), plotting.array(errors.mean(0) if known else []))
        if known:
            at = 100 * result.at_share(*run, share / 100).mean()
            there = "does not get there" if at.isnan() else f"{at:.1f} %"
            said.append(f"{arm} {there} ({errors[:, -1].mean():.1f} % at the end)")
    marks["share"][0].set_xdata([share] * 2)
    seeds, found = len(next(iter(result.error.values()))), ", ".join(said) or "in training"
    return (
        f"Rates: {rates}; mean of {seeds} seeds (95 % band), a dot for every 20 of "
        f"{result.steps[-1]} steps. Test error where {share} % of the wrong labels are first "
        f"fitted: {found}."
    )


explorer = Explorer(
    title="Test error after equal steps, and at an equal share of the wrong labels",
    controls={
        "share": Slider(
            "share of the wrong labels",
            values=tuple(round(100 * share) for share in ghost.SHARES),
            default=50,
            unit="%",
            trained=True,
        ),
        "rates": Choice("rates", tuple(RATES), next(iter(RATES)), trained=True),
    },
    frozen={"share": 3, "rates": len(RATES)},
    compute=ghost.compare_ghost_batches,
    prepare=_prepare,
    draw=_draw,
    quick={"seeds": (0, 1), "steps": 60},
)

show = explorer.show
