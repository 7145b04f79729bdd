"""Rules: three ways to spend one expected depth."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from course_lib import plotting
from course_lib.experiments.stochastic_depth.training import (
    DEPTH,
    LAST,
    RECORDED,
    RULES,
    SEEDS,
    STEPS,
    Shorter,
    expected_depths,
    train_shorter,
    uniform_twins,
)
from course_lib.explorers.stochastic_depth.figures import BLOCKS, FIGURES, after
from course_lib.panel import Choice, Explorer, Slider
from course_lib.statistics import paired_interval
from course_lib.stochastic_depth import survival_probabilities

COMPARED = (0.0, 0.5, 1.0)  # p_L of the linear rule, some of LAST
OTHERS = RULES[1:]


@dataclass
class Rules:
    """All three rules, trained so far, at the same expected depths; a rule that has not begun is
    missing.
    """

    linear: Shorter
    others: dict


def last_of(rule, last):
    """What stands for p_L under a rule, so that its expected depth is that of the linear one to
    `last`.
    """
    return uniform_twins((last,))[0] if rule == "uniform" else last


def compute(seeds=SEEDS, other_seeds=tuple(range(8)), steps=STEPS) -> Iterator[Rules]:
    """Train the linear rule (or remember it), then the others at the same expected depths; yield
    `Rules`.
    """
    for linear in train_shorter(seeds=seeds, steps=steps):
        yield Rules(linear, {})
    others = {}
    for rule in OTHERS:
        twins = tuple(last_of(rule, last) for last in COMPARED[:-1])  # at p_L = 1 all rules are one
        for training in train_shorter(rule, twins, seeds=other_seeds, steps=steps, watch=False):
            others[rule] = training
            yield Rules(linear, dict(others))


def compared(result, rule, read):
    """(linear, other) [seeds, COMPARED] for the seeds that both have; `read` takes a figure out of
    a `Shorter`.
    """
    columns, linear = [LAST.index(last) for last in COMPARED], read(result.linear)
    if rule not in result.others:
        return linear[:, columns], torch.full((1, len(COMPARED)), torch.nan)
    other = read(result.others[rule])
    linear = linear[: len(other), columns]
    return linear, torch.cat([other, linear[:, -1:]], 1)


def prepare(figure):
    """Left the rules, right the test figure against expected depth; returns the marks that move."""
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


def draw(marks, result, last, figure, step):
    """Move the marks to `Rules` at one p_L of the linear rule, one of `FIGURES`, and a recorded
    step.

    The linear rule is drawn on the seeds that the others have, once they have begun.
    """
    i, depths = COMPARED.index(last), expected_depths(COMPARED)
    marks["here"][0].set_xdata([depths[i]] * 2)
    name, label = FIGURES[figure]
    plotting.set_texts(marks["axes"], title=figure.replace("test", "Test"), ylabel=label)
    plotting.set_limits(marks["axes"], y=(0, 0.4) if name == "error" else (0, 2.6))
    pairs = {
        rule: compared(result, rule, lambda training: after(training, name, step)[0])
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
    _, step = after(result.linear, name, step)
    return _say(result, apart, last, f"{figure} after {step} steps", depths[i])


def _say(result, apart, last, figure, depth):
    said = f"At p_L = {last:g} of the linear rule, all three expect {depth:.2f} of {DEPTH} blocks"
    running = [
        f"{rule} {training.progress:.0%}"
        for rule, training in _trainings(result)
        if training.progress < 1
    ]
    if running or len(result.others) < len(OTHERS):
        return f"{said}. Training: {', '.join(running) or 'the next rule'}."
    if last == 1.0:
        return f"{said}: nothing is dropped, and they are one."
    differences = [f"minus {rule} {paired_interval(x, 0 * x)}" for rule, x in apart.items()]
    return f"{said}; {figure}, linear {', '.join(differences)} over {len(apart[OTHERS[0]])} seeds."


def _trainings(result):
    return [("linear", result.linear), *result.others.items()]


explorer = Explorer(
    title="Linear, uniform, reversed",
    controls={
        "last": Slider("p_L of the linear rule", values=COMPARED, default=0.5, trained=True),
        "figure": Choice("right picture", tuple(FIGURES), "test error", trained=True),
        "step": Slider("after so many steps", values=RECORDED, default=STEPS, trained=True),
    },
    compute=compute,
    prepare=prepare,
    draw=draw,
    quick={"seeds": (0, 1), "other_seeds": (0, 1), "steps": 40},
)

show = explorer.show
