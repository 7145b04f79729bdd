"""Three ways to spend one expected depth, and what they err: move p_L and the step."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.stochastic_depth.rules import COMPARED, OTHERS, compare_rules, last_of
from course_lib.experiments.stochastic_depth.training import (
    DEPTH,
    RECORDED,
    RULES,
    STEPS,
    expected_depths,
)
from course_lib.explorers.stochastic_depth.figures import BLOCKS, LIMITS, TEST_FIGURES
from course_lib.panel import Choice, Explorer, Slider
from course_lib.statistics import paired_interval
from course_lib.stochastic_depth import survival_probabilities


def _prepare(figure):
    """Left the rules, right the test figure against expected depth."""
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.2])
    left.set(
        title="Same expected depth, spent differently",
        xlabel="block (1 is next to the input)",
        ylim=(-0.03, 1.05),
    )
    left.set(ylabel="survival probability $p_l$", xlim=(0.5, DEPTH + 0.5), xticks=BLOCKS[1::2])
    right.set(title="Test error", xlabel="expected depth (blocks)", xlim=(5, DEPTH + 0.3))
    marks = {"axes": right}
    for k, rule in enumerate(RULES):
        color, linestyle = plotting.series(k)
        marks[rule] = left.plot(
            [], [], color=color, linestyle=linestyle, marker="o", markersize=4, label=rule
        )
        marks[f"{rule} band"] = plotting.draw_band(right, [], np.empty((0, 0)), label=rule, k=k)
    marks["here"] = [right.axvline(9, color=plotting.muted(), linestyle=":", linewidth=1.5)]
    right.legend(loc="lower right")
    return marks


def _draw(marks, result, last, figure, step):
    """Move the marks to `Rules` at one p_L of the linear rule, one test figure, and a step.

    The linear rule is drawn on the seeds that the others have, once they have begun.
    """
    i, depths = COMPARED.index(last), expected_depths(COMPARED)
    marks["here"][0].set_xdata([depths[i]] * 2)
    name, label = TEST_FIGURES[figure]
    plotting.set_texts(marks["axes"], title=figure.replace("test", "Test"), ylabel=label)
    plotting.set_limits(marks["axes"], y=LIMITS[name])
    pairs = {
        rule: result.compared(rule, lambda training: training.at(name, training.seen_at(step)))
        for rule in OTHERS
    }
    drawn = {"linear": pairs[OTHERS[0]][0]} | {rule: other for rule, (_, other) in pairs.items()}
    for rule in RULES:
        survivals = survival_probabilities(
            DEPTH, last_of(rule, last), "uniform" if rule == "uniform" else "linear"
        )
        marks[rule][0].set_data(BLOCKS, survivals[::-1] if rule == "reversed" else survivals)
        plotting.move_band(marks[f"{rule} band"], depths, drawn[rule])
    apart = {rule: (linear - other)[:, i] for rule, (linear, other) in pairs.items()}
    apart = {rule: difference[difference.isfinite()] for rule, difference in apart.items()}
    shown = f"{figure} after {result.linear.seen_at(step)} steps"
    return _say(result, apart, last, shown, depths[i])


def _say(result, apart, last, figure, depth):
    said = f"At p_L = {last:g} of the linear rule, all three expect {depth:.2f} of {DEPTH} blocks"
    trainings = {"linear": result.linear, **result.others}
    running = [
        f"{rule} {training.progress:.0%}"
        for rule, training in trainings.items()
        if training.progress < 1
    ]
    if running or len(result.others) < len(OTHERS):
        return f"{said}. Training: {', '.join(running) or 'the next rule'}."
    if last == 1.0:
        return f"{said}: nothing is dropped, and they are one."
    differences = [f"minus {rule} {paired_interval(x, 0 * x)}" for rule, x in apart.items()]
    return f"{said}; {figure}, linear {', '.join(differences)} over {len(apart[OTHERS[0]])} seeds."


explorer = Explorer(
    title="Linear, uniform, reversed",
    controls={
        "last": Slider("p_L of the linear rule", values=COMPARED, default=0.5, trained=True),
        "figure": Choice("right picture", tuple(TEST_FIGURES), "test error", trained=True),
        "step": Slider("after so many steps", values=RECORDED, default=STEPS, trained=True),
    },
    frozen={"last": 3, "figure": 2, "step": 9},
    compute=compare_rules,
    prepare=_prepare,
    draw=_draw,
    quick={"seeds": (0, 1), "other_seeds": (0, 1), "steps": 40},
)

show = explorer.show
