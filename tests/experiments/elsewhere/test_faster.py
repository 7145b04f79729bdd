"""How far one update turns the weights; and what is stored of it."""

import math

import pytest
import torch

from course_lib.base import random
from course_lib.experiments.elsewhere import faster, grokking
from course_lib.records import store


def test_only_the_direction_counts():
    angles = torch.tensor([0.0, 0.01, 0.03], dtype=torch.float64)
    lengths = torch.tensor([1.0, 5.0, 0.2], dtype=torch.float64)
    arrows = lengths.unsqueeze(1) * torch.stack([angles.cos(), angles.sin()], 1)
    chords = [2 * math.sin(0.005), 2 * math.sin(0.01)]
    assert faster.turned(arrows).tolist() == pytest.approx(chords, abs=1e-12)
    assert faster.turned(torch.stack([arrows, 3 * arrows])).shape == (2, 2)


def test_a_window_is_the_mean_over_its_updates(monkeypatch):
    monkeypatch.setattr(faster, "WINDOWS", ((2, 3), (6, 7)))
    found = faster.measured(seeds=(0, 1))
    assert found.shape == (2, len(faster.ARMS), 2, 2)
    assert (found > 0).all()
    for i, arm in enumerate(faster.ARMS.values()):
        *_, run = grokking.compute_grokking((arm,), (0, 1), 7, tuple(range(7)), keep=arm)
        weights = torch.cat([one.flatten(2) for one in run.way], -1).double()
        norms, shares = weights.norm(dim=-1), faster.turned(weights)
        assert torch.allclose(run.norm[:, 0].double(), norms, rtol=1e-5)
        for window, (first, last) in enumerate(faster.WINDOWS):
            updates = slice(first - 1, last)  # the first update leads from look 0 to look 1
            assert torch.allclose(found[0, i, window], norms[:, updates].mean(1), rtol=1e-6)
            assert torch.allclose(found[1, i, window], shares[:, updates].mean(1), rtol=1e-6)


def test_what_is_stored_stands_in_for_a_training(monkeypatch):
    found = faster.known()
    assert found.tolist() == store.stored("elsewhere/faster")["0"]
    assert found.shape == (2, len(faster.ARMS), len(faster.WINDOWS), len(faster.SEEDS))
    monkeypatch.setattr(random, "BASE", 9)
    monkeypatch.setattr(faster, "measured", lambda: "trained")
    assert faster.known() == "trained"
