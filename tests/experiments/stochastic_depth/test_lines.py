"""Lines of MNIST-1D: equal budgets, what is frozen, who has finished, what is stored."""

import pytest
import torch

from course_lib.base import random
from course_lib.experiments.stochastic_depth import lines
from course_lib.experiments.stochastic_depth.lines import LOOKS, PILOT, SEEDS, SIDES, Line, Side


@pytest.mark.parametrize("side", SIDES, ids=lines.name)
def test_every_side_tried_its_nine_settings_and_no_more(side):
    tried = lines.tried(side)
    assert [line.setting for line in tried] == list(lines.settings_of(side))
    assert len(tried) == 9 and all(len(line.error) == len(LOOKS) for line in tried)
    setting, step = lines.frozen(side)
    [kept] = [line for line in tried if line.setting == setting]
    lowest = min(value for line in tried for value in line.error if value == value)
    assert kept.error[LOOKS.index(step)] == lowest
    assert lines.still_falling(side) == kept.error[-2] - kept.error[-1]


def test_nothing_else_is_stored_and_pilot_and_judging_seeds_stay_apart():
    assert len(lines.sweep()) == 9 * len(SIDES)
    assert not {*PILOT} & {*SEEDS}


def test_a_side_is_a_number_of_blocks_always_on_or_dropped():
    assert [lines.name(side) for side in (Side(0), Side(8, "dropping"))] == [
        "0 always on",
        "8 dropping",
    ]
    with pytest.raises(ValueError, match="side"):
        lines.name(Side(0, "dropping"))


def test_both_are_tried_at_the_depth_that_did_best_always_on():
    assert lines.best(lines.ALWAYS_ON).blocks == lines.CHOSEN
    assert lines.frozen(Side(lines.CHOSEN))[0].decay == lines.KINDS["both"][0][1]


@pytest.mark.parametrize("side", [Side(0), Side(2)], ids=lines.name)
def test_a_line_of_the_sweep_comes_out_again(monkeypatch, side):
    monkeypatch.setattr(lines, "LOOKS", LOOKS[:1])
    for line, again in zip(lines.tried(side), lines.pilot(side), strict=True):
        assert again.error[0] == pytest.approx(line.error[0], abs=4e-3)


def test_all_labels_are_right_and_no_two_seeds_share_a_line():
    split = lines.lines(3)
    assert split.train_y.equal(split.clean_train_y) and len(split.train_x) == lines.ROWS
    assert not split.train_x.equal(lines.lines(4).train_x)


def test_what_is_not_stored_is_trained(monkeypatch):
    errors = torch.linspace(0.1, 0.2, len(SEEDS)).double()
    assert lines.errors(Side(8)).shape == errors.shape  # stored
    monkeypatch.setattr(lines, "judge", lambda side, only: iter([errors]))
    assert lines.errors(Side(8), afresh=True).equal(errors)
    monkeypatch.setattr(random, "BASE", 9)
    assert lines.errors(Side(8)).equal(errors)
    assert lines.difference(Side(8), Side(0)).mean == 0
    assert lines.against_nothing().mean == 0


def test_against_nothing_each_has_its_three_rates():
    for side, only in ((Side(8, "dropping"), lines.PAPER), (Side(8), lines.PLAIN)):
        own = [line for line in lines.tried(side) if (line.last, line.decay) == only]
        setting, step = lines.frozen(side, only)
        assert [line.lr for line in own] == list(lines.RATES)
        [kept] = [line for line in own if line.setting == setting]
        assert kept.error[LOOKS.index(step)] == min(min(line.error) for line in own)


def test_eighteen_settings_each_and_dropping_goes_down_to_none():
    for sides in (lines.DECAYED, lines.STRONGER, lines.DROPOUT):
        settings = [setting for side in sides for setting in lines.settings_of(side)]
        assert len({*settings}) == 18 and {side.blocks for side in sides} == {lines.CHOSEN}
        assert all(bool(setting.dropout) == (sides == lines.DROPOUT) for setting in settings)
    assert min(setting.last for side in lines.STRONGER for setting in lines.settings_of(side)) == 0


def test_the_best_side_is_chosen_on_validation_rows(monkeypatch):
    found = {Side(0): 0.4, Side(2): 0.3, Side(4): 0.35, Side(8): 0.5}
    made = tuple(Line(*side, 0.002, 1.0, 0.0, [value]) for side, value in found.items())
    monkeypatch.setattr(lines, "sweep", lambda: made)
    assert lines.best(lines.ALWAYS_ON) == Side(2)
