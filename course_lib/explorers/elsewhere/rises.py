"""A transformer learns to add: its curves alone, of pairs it learns from and of others; move λ."""

from course_lib import plotting
from course_lib.experiments.elsewhere import grokking
from course_lib.explorers.elsewhere.grokking import (
    DECAYS,
    DECOUPLED,
    compute,
    draw_curves,
    prepare_curves,
)
from course_lib.panel import Explorer, Slider


def _compute(steps=grokking.STEPS):
    yield from compute(DECOUPLED, "0", "0", steps)  # the other explorer's, as it opens


def _prepare(figure):
    """One panel: shares of pairs right against updates."""
    ax = figure.subplots()
    marks = prepare_curves(ax)
    plotting.set_texts(ax, title="One network, two kinds of pairs")
    return marks


def _draw(marks, result, decay):
    """Move the curves to one decay of a `Grokking`."""
    i, none = DECAYS.index(decay), DECAYS.index(0)
    draw_curves(marks, result, i, none)
    train, test = (getattr(result, f"{rows}_accuracy")[0, :, -1] for rows in ("train", "test"))
    if not test.isfinite().all():
        return f"Training {len(DECAYS)} decays side by side: {result.progress:.0%}."
    return (
        f"λ = {decay}: after {result.recorded[-1]} updates {train[i]:.0%} of the pairs it learns "
        f"from are right and {test[i]:.0%} of those that it never saw; without decay, of these, "
        f"{test[none]:.0%}."
    )


explorer = Explorer(
    title="A one-layer transformer learns to add modulo 31 from 60 % of the pairs",
    controls={"decay": Slider("λ", values=DECAYS, default=2, trained=True)},
    frozen={"decay": len(DECAYS)},
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
    size=(8.6, 3.4),
    quick={"steps": 30},
)

show = explorer.show
