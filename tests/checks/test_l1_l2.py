"""The referees of lesson 02's tasks against what they stand for."""

import math

import pytest
import torch

from course_lib.checks import l1_l2 as tasks
from course_lib.l1_l2 import elastic_net_penalty, soft_threshold
from course_lib.weight_decay import decay_groups


@pytest.mark.parametrize("seed", range(3))
def test_the_course_itself_would_pass(seed):
    """The stems are defendants: what they compute is what the referees compute."""

    def penalised_loss(loss, params, l1, l2):
        return loss + elastic_net_penalty([p for p in params if p.ndim >= 2], l1, l2)

    from course_lib.checks.judge.observe import observe
    from course_lib.checks.judge.report import judge

    for name, answer in (("T1", penalised_loss), ("T2", soft_threshold), ("T3", decay_groups)):
        task = tasks.TASKS[name]
        cases = task.draw(seed)
        found = judge(name, task, cases, observe(task.names, (answer,), cases))
        assert found, found.message


def test_the_penalties_by_hand():
    weights, bias = torch.tensor([[3.0, -4.0]]), torch.tensor([100.0])
    one = torch.tensor(1.0)
    assert tasks.penalised_by_torch(one, [weights, bias], 0.1, 0.0).item() == pytest.approx(1.7)
    assert tasks.penalised_by_torch(one, [weights, bias], 0.0, 0.2).item() == pytest.approx(3.5)


def test_the_choice_by_hand():
    strengths, test = [1.0, 0.1, 0.3, 0.0], [[0.5, 0.7], [0.1, 0.3], [0.2, 0.4], [0.0, 0.0]]
    validation = [[0.6, 0.8], [0.3, 0.5], [0.5, 0.3], [math.nan, 0.0]]
    assert tasks.chosen(strengths, test, validation, test) == (0.3, pytest.approx(0.3))


def test_every_table_can_tell_the_columns_apart():
    for seed in range(20):
        for case in tasks.choice_cases(torch.Generator().manual_seed(seed)):
            strengths, *columns = (column["list"] for column in case["args"]["list"])
            means = [[tasks.mean(errors["list"]) for errors in column] for column in columns]
            best = tasks.chosen(
                strengths, *([row["list"] for row in column] for column in columns)
            )[0]
            assert (
                strengths[means[0].index(min(means[0], key=lambda m: (math.isnan(m), m)))] != best
            ), case["name"]
