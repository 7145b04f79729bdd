"""Test error against the share of labels memorised, three norms and a control: rates and share."""

from course_lib import plotting
from course_lib.experiments.batchnorm import ghost
from course_lib.panel import Choice, Explorer, Slider

ARMS = (*ghost.ARMS, ghost.MORE)
RATES = {
    f"{ghost.COMMON:g} for all": dict.fromkeys(ARMS, ghost.COMMON),
    "each its best": ghost.CHOSEN,
}
LABELS = {"given": "all given labels", "wrong": "the wrong labels"}


def _compute(seeds=ghost.SEEDS, steps=800):
    """The `Ghost` of all arms at all rates, filling in; the control, at one rate, comes last."""
    for found in ghost.compare_ghost_batches(seeds, steps):
        yield found
    *_, control = ghost.compare_more_rows(seeds, steps)
    yield found.beside(control)


def _prepare(figure):
    """The error against the share of all given labels, left, and of the wrong ones, right."""
    marks = {}
    for ax, (of, words) in zip(figure.subplots(1, 2, sharey=True), LABELS.items()):
        ax.set(title=f"Against {words}", xlabel="reproduced (%)", ylim=(6, 32))
        ax.set_xlim(60 if of == "given" else 0, 101)
        for k, arm in enumerate(ARMS):
            color, line = plotting.series(k)
            marks[of, arm] = ax.plot([], [], color=color, linestyle=line, label=arm)
            marks[of, arm] += ax.plot([], [], "o", color=color, markersize=3)
    first, last = figure.axes
    marks["share"] = [last.axvline(50, color=plotting.ink(), linestyle="-", linewidth=1)]
    first.set_ylabel("test error (%)")
    first.legend(loc="upper center", bbox_to_anchor=(0.55, 1))  # there no curve comes
    return marks


def _draw(marks, result, share, rates):
    """Move the marks to a `ghost.Ghost` at one choice of rates."""
    said = []
    for arm in ARMS:
        lr = RATES[rates].get(arm)  # the control has none of its own
        known = (arm, lr) in result.error
        for of in LABELS:
            shares, errors = (
                100 * values[arm, lr].mean(0) if known else []
                for values in (getattr(result, of), result.error)
            )
            for mark in marks[of, arm]:
                mark.set_data(plotting.array(shares), plotting.array(errors))
        if known:
            at = 100 * result.at_share(arm, lr, share / 100).mean()
            said.append(f"{arm} {'does not get there' if at.isnan() else f'{at:.1f} %'}")
    marks["share"][0].set_xdata([share] * 2)
    seeds, found = len(next(iter(result.error.values()))), ", ".join(said) or "in training"
    return (
        f"Rates: {rates}; mean of {seeds} seeds, a dot for every 20 of {result.steps[-1]} steps. "
        f"Test error where {share} % of the wrong labels are first reproduced: {found}."
    )


explorer = Explorer(
    title="Test error at an equal share of labels memorised",
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
    frozen={"share": 3, "rates": 2},
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
    quick={"seeds": (0, 1), "steps": 60},
)

show = explorer.show
