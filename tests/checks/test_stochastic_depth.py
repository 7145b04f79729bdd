"""Lesson 08's checks: the referees against what they stand for, right answers by other ways, and no
false alarms.
"""

import pytest
import torch
from torch import nn

from course_lib import stochastic_depth
from course_lib.checks import stochastic_depth as tasks
from course_lib.checks.judge.observe import observe
from course_lib.checks.judge.report import judge
from course_lib.checks.judge.task import find


def result(name, answer, seed=0):
    task = find(name)
    cases = task.draw(seed)
    return judge(name, task, cases, observe(task.names, (answer,), cases))


def by_comparison(x, p, mode="row", training=True, generator=None):
    """The mask from even numbers, the scale by division."""
    if not training:
        return x
    u = torch.rand([len(x) if mode == "row" else 1, *[1] * (x.ndim - 1)], generator=generator)
    return torch.where(u >= p, x / max(1 - p, 1e-9), 0.0)


def by_selection(x, p, mode="row", training=True, generator=None):
    """No mask at all: rows that live are written into zeros."""
    if not training or p == 0:
        return x.clone()
    out = torch.zeros_like(x)
    count = len(x) if mode == "row" else 1
    alive = torch.rand(count, generator=generator, dtype=torch.float64).expand(len(x)) < 1 - p
    out[alive] = x[alive] / (1 - p)
    return out


@pytest.mark.parametrize("answer", [by_comparison, by_selection, stochastic_depth.drop_path])
def test_right_answers_by_other_ways_pass(answer, amount):
    for seed in range(amount(2, 12)):
        found = result("08/T1", answer, seed)
        assert found, found.message


def plain_block(x, branch, survival, training=True, generator=None):
    if survival == 0:
        return x
    if not training:
        return x + branch(x)
    if torch.rand((), generator=generator) < survival:
        return x + branch(x) / survival
    return x


class Called(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def course_block(x, branch, survival, training=True, generator=None):
    block = stochastic_depth.ResidualBlock(Called(branch), survival, "batch", generator)
    return block.train(training)(x)


@pytest.mark.parametrize("answer", [plain_block, course_block])
def test_blocks_that_skip_pass(answer, amount):
    for seed in range(amount(2, 12)):
        found = result("08/T4", answer, seed)
        assert found, found.message


@pytest.mark.parametrize("name", ["08/T1", "08/T4"])
def test_chance_fails_no_right_answer(name, amount):
    (reference,) = find(name).reference
    failed = [seed for seed in range(amount(10, 100)) if not result(name, reference, seed)]
    assert not failed


def test_the_referee_of_the_rule_is_the_formula():
    for depth, last in ((1, 0.3), (4, 0.5), (54, 0.5), (7, 0.0)):
        assert tasks.rule_by_torch(depth, last) == pytest.approx(
            stochastic_depth.survival_probabilities(depth, last)
        )


WRONG = {
    "half of the rate": lambda x, p, **o: (
        by_comparison(x, p / 2 if 0 < p < 1 else p, **o)
        * ((1 - p / 2) / (1 - p) if 0 < p < 1 else 1)
    ),
    "rows in twos": lambda x, p, **o: by_comparison(
        x.reshape(len(x) // 2, 2, *x.shape[1:]), p, **o
    ).reshape(x.shape),
    "detached": lambda x, p, **o: by_comparison(x.detach(), p, **o),
    "no dimension kept": lambda x, p, **o: by_comparison(x, p, **o).flatten(),
    "in another precision": lambda x, p, **o: by_comparison(x, p, **o).float(),
    "one seed for ever": lambda x, p, generator=None, **o: by_comparison(
        x, p, generator=torch.Generator().manual_seed(0), **o
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_other_wrong_answers_do_not_pass(name):
    def answer(x, p, mode="row", training=True, generator=None):
        return WRONG[name](x, p, mode=mode, training=training, generator=generator)

    assert not result("08/T1", answer)
