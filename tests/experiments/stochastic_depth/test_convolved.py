"""Convolutional residual networks: equal budgets, what is frozen, what is stored."""

import pytest
import torch

from course_lib.base import random
from course_lib.experiments.stochastic_depth import convolved
from course_lib.experiments.stochastic_depth.convolved import LOOKS, PILOT, SEEDS, SIDES


@pytest.mark.parametrize("side", SIDES)
def test_every_side_tried_its_settings_and_no_more(side):
    tried = convolved.tried(side)
    assert tuple(line.setting for line in tried) == SIDES[side]
    assert len({*SIDES[side]}) == (3 if side == "nothing" else 12)
    error, setting, step = convolved.frozen(side)
    assert error == min(value for line in tried for value in line.error if value == value)
    [kept] = [line for line in tried if line.setting == setting]
    assert kept.error[LOOKS.index(step)] == error


def test_nothing_else_is_stored_and_pilot_and_judging_seeds_stay_apart():
    settings = {setting for side in SIDES.values() for setting in side}
    assert len(convolved.sweep()) == len(settings) == 36
    assert all(len(line.error) == len(LOOKS) for line in convolved.sweep())
    assert not {*PILOT} & {*SEEDS}


@pytest.mark.parametrize("side", ["dropping", "dropout inside"])
def test_a_line_of_the_sweep_comes_out_again(side):
    stored = convolved.tried(side)[5]
    [again] = convolved.pilot([stored.setting], looks=LOOKS[:1])
    assert again.setting == stored.setting
    assert again.error[0] == pytest.approx(stored.error[0], abs=0.02)


def test_what_is_not_stored_is_trained(monkeypatch):
    errors = torch.linspace(0.1, 0.2, len(SEEDS)).double()
    assert convolved.errors("dropping").shape == errors.shape  # stored
    monkeypatch.setattr(convolved, "judge", lambda setting, step: iter([errors]))
    assert convolved.errors("dropping", afresh=True).equal(errors)
    monkeypatch.setattr(random, "BASE", 9)
    assert convolved.errors("dropping").equal(errors)
    assert convolved.difference("dropping", "always on").mean == 0
