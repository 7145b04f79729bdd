"""The wide network with a rate and a stop of its own: what is chosen, and what is kept of it."""

import pytest
import torch

from course_lib.base import random
from course_lib.data import digits
from course_lib.experiments.dropout import curves, wide

SEEDS, STEPS = (1, 2), 40


@pytest.fixture(scope="module")
def measured():
    *_, found = wide.measure(128, SEEDS, STEPS)
    return found


def test_every_p_is_chosen_for_at_a_rate_and_a_recorded_step(measured):
    assert [arm.p for arm in measured] == list(wide.PS)
    for arm in measured:
        assert arm.rate in wide.RATES and arm.step in (*curves.RECORDED, STEPS)
        assert arm.width == 128 and arm.error.shape == (2,)


def test_the_chosen_arm_is_that_network_trained_alone(measured):
    arm = measured[1]
    *_, alone = wide.train(
        wide.ModelSpec((64, 128, 10)),
        wide.split_of,
        {"dropout": arm.p, "lr": arm.rate, "weight_decay": 0.0},
        SEEDS,
        steps=arm.step,
        batch_size=50,
        record_at=(arm.step,),
        validate=True,
    )
    assert torch.allclose(1 - alone.test_accuracy[:, 0, -1].double(), arm.error, atol=2e-3)
    validation = 1 - alone.validation_accuracy[:, 0, -1].mean().item()
    assert validation == pytest.approx(arm.validation, abs=5e-3)


def test_validation_rows_are_none_of_the_others():
    split = wide.split_of(1)
    assert [len(part) for part in (split.train_x, split.validation_x)] == [300, 200]
    assert len(split.test_x) == 1797 - 500
    assert torch.equal(split.train_x, digits(300, 0, label_noise=0.2, scale="unit", seed=1).train_x)


def test_the_best_has_the_lowest_validation_error_and_the_table_a_line_for_each():
    arms = [wide.Arm(128, p, 0.002, 100, v, torch.tensor([0.1])) for p, v in ((0, 0.3), (0.5, 0.2))]
    assert wide.best(arms) is arms[1]
    assert len(wide.table(arms).splitlines()) == 3


def test_what_is_kept_stands_in_for_a_training_on_base_0_only(monkeypatch, measured):
    kept = wide.arms()
    assert [(arm.width, arm.p) for arm in kept] == [(w, p) for w in wide.WIDTHS for p in wide.PS]
    assert all(arm.error.shape == (len(curves.SEEDS),) for arm in kept)
    monkeypatch.setattr(wide, "measure", lambda width: iter([measured]))
    monkeypatch.setattr(random, "BASE", 9)
    assert wide.arms() == measured * 2
