"""Three ways to spend one expected depth: the linear rule, a uniform one, the linear reversed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.experiments.stochastic_depth.training import (
    LAST,
    RULES,
    SEEDS,
    STEPS,
    Shorter,
    train_shorter,
    uniform_twins,
)
from course_lib.statistics import Interval, paired_interval

COMPARED = (0.0, 0.5, 1.0)  # p_L of the linear rule, some of LAST
OTHERS = RULES[1:]


@dataclass
class Rules:
    """All three rules, trained so far, at the same expected depths.

    others: by rule; one that has not begun is missing.
    """

    linear: Shorter
    others: dict[str, Shorter]

    def compared(self, rule: str, read: Callable[[Shorter], Tensor]) -> tuple[Tensor, Tensor]:
        """(linear, other) [seeds, COMPARED] for the seeds that both have.

        read: takes a figure [seeds, survivals] out of a `Shorter`. What is missing is NaN.
        """
        columns, linear = [LAST.index(last) for last in COMPARED], read(self.linear)
        if rule not in self.others:
            return linear[:, columns], torch.full((1, len(COMPARED)), torch.nan)
        other = read(self.others[rule])
        linear = linear[: len(other), columns]
        return linear, torch.cat([other, linear[:, -1:]], 1)

    def difference(self, rule: str, name: str, last: float, stopped: bool = False) -> Interval:
        """A figure of the linear rule minus that of another, at one of COMPARED.

        name: one of FIGURES; at the end, or `stopped`, each at its best step.
        """

        def read(training: Shorter) -> Tensor:
            return training.stopped(name) if stopped else training.at(name)

        linear, other = self.compared(rule, read)
        column = COMPARED.index(last)
        return paired_interval(linear[:, column], other[:, column])


def last_of(rule: str, last: float) -> float:
    """What stands for p_L under a rule of the same expected depth as the linear one to `last`."""
    return uniform_twins((last,))[0] if rule == "uniform" else last


def compare_rules(
    seeds: tuple[int, ...] = SEEDS,
    other_seeds: tuple[int, ...] = tuple(range(8)),
    steps: int = STEPS,
) -> Iterator[Rules]:
    """Train the linear rule, then the others at the same expected depths; yield growing `Rules`."""
    for linear in train_shorter(seeds=seeds, steps=steps):
        yield Rules(linear, {})
    others: dict[str, Shorter] = {}
    for rule in OTHERS:
        twins = tuple(last_of(rule, last) for last in COMPARED[:-1])  # at p_L = 1 all rules are one
        for training in train_shorter(rule, twins, seeds=other_seeds, steps=steps, watch=False):
            others[rule] = training
            yield Rules(linear, dict(others))
