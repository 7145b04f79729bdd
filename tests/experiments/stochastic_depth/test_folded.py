"""A sheet folded twice: its classes, equal budgets, what is frozen, what is stored."""

import pytest
import torch

from course_lib.base import random
from course_lib.experiments.stochastic_depth import folded
from course_lib.experiments.stochastic_depth.folded import BLOCKS, LOOKS, PILOT, SEEDS, Line


def test_a_sheet_is_folded_and_stretched():
    assert folded.folded(torch.tensor([0.0, 0.25, -0.5, 1.0]), 1).tolist() == [1, 0.5, 0, -1]
    assert folded.folded(torch.tensor([0.0, 0.25, -0.5, 1.0])).tolist() == [-1, 0, 1, -1]


def test_a_fifth_of_the_labels_is_wrong_and_the_test_labels_are_right():
    split = folded.sheet(3)
    for part, noise in (("train", 0.2), ("validation", 0.2), ("test", 0.0)):
        x, y = getattr(split, f"{part}_x"), getattr(split, f"{part}_y")
        wrong = (folded.folded(x).prod(1) > 0).long() != y
        assert wrong.double().mean().item() == pytest.approx(noise)
    assert split.train_x.equal(folded.sheet(3).train_x)
    assert not split.train_x.equal(folded.sheet(4).train_x)


@pytest.mark.parametrize("side", BLOCKS)
def test_every_side_tried_its_nine_settings_and_no_more(side):
    tried = [line for line in folded.sweep() if line.side == side]
    assert [(line.lr, line.strength) for line in tried] == list(folded.settings_of(side))
    assert len(tried) == 9 and all(len(line.error) == len(LOOKS) for line in tried)
    setting, step = folded.frozen(side)
    [kept] = [line for line in tried if (line.lr, line.strength) == setting]
    lowest = min(value for line in tried for value in line.error if value == value)
    assert kept.error[LOOKS.index(step)] == lowest


def test_pilot_and_judging_seeds_stay_apart():
    assert not {*PILOT} & {*SEEDS}


def test_a_line_of_the_sweep_comes_out_again(monkeypatch):
    stored = [line for line in folded.sweep() if line.side == "none"]
    monkeypatch.setattr(folded, "LOOKS", LOOKS[:1])
    for line, again in zip(stored, folded.pilot("none"), strict=True):
        assert again.error[0] == pytest.approx(line.error[0], abs=4e-3)


def test_what_is_stored_is_what_a_side_makes_and_what_is_not_is_trained(monkeypatch):
    *_, found = folded.judge("none")
    assert folded.errors("none").tolist() == pytest.approx(found.tolist(), abs=2e-3)
    errors = torch.linspace(0.1, 0.2, 24)
    monkeypatch.setattr(folded, "judge", lambda side: iter([errors]))
    assert folded.errors("six", afresh=True).equal(errors)
    monkeypatch.setattr(random, "BASE", 9)
    assert folded.errors("six").equal(errors) and folded.difference("six", "none").mean == 0


def test_the_depth_is_chosen_on_validation_rows(monkeypatch):
    errors = {"none": 0.4, "six": 0.3, "twelve": 0.35, "dropping": 0.1}
    lines = tuple(Line(side, 0.001, 0.0, [value]) for side, value in errors.items())
    monkeypatch.setattr(folded, "sweep", lambda: lines)
    assert folded.best_always_on() == "six"
