"""The corrected interval holds the truth more often than the naive one."""

import json

import pytest
import torch
from torch import nn

from course_lib.data import spambase_or_breast_cancer
from course_lib.experiments.capstone import coverage as module
from course_lib.experiments.capstone.coverage import (
    coverage,
    coverage_of_learners,
    intervals,
    stored,
)


def test_the_corrected_interval_holds_more_often():
    found = coverage(worlds=40)
    assert found["naive"].n == found["corrected"].n == 40
    assert found["naive"].mean < 0.7 < 0.75 < found["corrected"].mean


def test_the_worlds_of_a_picture_are_the_first_that_are_counted():
    shown = intervals(3)
    assert shown == intervals(40)[:3]
    held = [sum(not one.excludes(0.9) for one in kind) for kind in zip(*shown, strict=True)]
    assert held == pytest.approx([3 * one.mean for one in coverage(worlds=3).values()])


def test_a_ridge_classifier_by_torchs_least_squares():
    """On rows scaled by hand, with √λ·I below them as further rows."""
    table = spambase_or_breast_cancer()
    train, test = torch.arange(0, 500, 2), torch.arange(1, 500, 2)
    x, sign = table.x.double(), 2.0 * table.y.double() - 1
    z = (x - x[train].mean(0)) / (x[train].std(0) + 1e-6)
    right = []
    for strength in module.STRENGTHS:
        rows = torch.cat([z[train], strength**0.5 * torch.eye(z.shape[1]).double()])
        wanted = nn.functional.pad(sign[train] - sign[train].mean(), (0, z.shape[1]))
        w = torch.linalg.lstsq(rows, wanted.unsqueeze(1), driver="gelsd").solution
        said = (z[test] @ w).squeeze(1) + sign[train].mean()
        right.append((said.sign() == sign[test]).double().mean())
    found = module._difference(table, train.unsqueeze(0), test.unsqueeze(0))
    assert found.item() == pytest.approx((right[1] - right[0]).item(), abs=0.005)


def test_of_learners_too_the_corrected_interval_holds_more_often():
    found = coverage_of_learners(worlds=8, truths=100)
    assert found["naive"].n == found["corrected"].n == 8
    assert found["naive"].mean <= found["corrected"].mean


def test_what_is_stored_is_of_three_fresh_bases():
    kept = json.loads((module.store.FOLDER / "capstone/coverage.json").read_text())
    for kind, by_base in kept.items():
        assert sorted(by_base) == ["1", "2", "3"]
        assert all(len(one) == module.WORLDS and {*one} <= {0, 1} for one in by_base.values())
        assert stored()[kind].n == 3 * module.WORLDS
