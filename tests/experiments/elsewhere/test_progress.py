"""What grows on the way: mirrors, waves, and where a curve is half way."""

import math
from dataclasses import replace

import pytest
import torch

from course_lib.experiments.elsewhere import grokking, progress

ARMS = grokking.Arm(), grokking.Arm(weight_decay=2.0)
CURVES = ("test", "mirrored", "others", "alone", "power")


@pytest.fixture(scope="module")
def run():
    *_, found = grokking.compute_grokking(ARMS, (0, 1), 12, record_at=(0, 5, 10), keep=ARMS[1])
    return found


@pytest.fixture(scope="module")
def way(run):
    return progress.over_time(run)


def test_what_is_kept_are_the_parameters_at_every_look(run):
    for s in range(2):
        for kept, last in zip(run.way, run.parameters[s]):
            assert kept.shape == (2, 4, *last.shape[1:]) and kept.isfinite().all()
            assert torch.equal(kept[s, -1], last[1])
    assert torch.equal(run.way[0][:, :, : grokking.PRIME], run.numbers[:, 1])
    assert run.seen_at((0, 10)).way is None


def test_who_keeps_nothing_trains_the_same(run):
    *_, other = grokking.compute_grokking(ARMS, (0, 1), 12, record_at=(0, 5, 10))
    assert other.way is None and torch.equal(other.numbers, run.numbers)
    with pytest.raises(ValueError, match="run has no way"):
        progress.over_time(other)
    with pytest.raises(ValueError, match="keep = .* must be one of"):
        list(grokking.compute_grokking(ARMS, (0,), 12, keep=grokking.Arm(l2=1.0)))


def test_the_curves_are_those_of_the_run(run, way):
    assert way.recorded == (0, 5, 10, 12) and len(way.waves) == 2
    for name in CURVES:
        curve = getattr(way, name)
        assert curve.shape == (2, 4) and ((curve >= 0) & (curve <= 1)).all(), name
    assert (way.test - run.test_accuracy[:, 1].double()).abs().max() <= 1e-6
    ends = torch.stack([way.mirrored[:, -1], way.others[:, -1]], 1)
    assert torch.equal(ends, grokking.mirrors_known(run, ARMS[1]))
    for s in range(2):
        found = grokking.circles(run.numbers[s, 1, -1])
        assert way.waves[s][:2] == found.frequencies
        share = found.shares.topk(progress.WAVES).values.sum().item()
        assert way.power[s, -1].item() == pytest.approx(share, abs=1e-12)


def test_each_run_has_final_waves_of_its_own(run, way):
    assert torch.equal(progress.final_power(run.numbers[:, 1]), way.power)
    control = progress.final_power(run.numbers[:, 0])
    assert control.shape == (2, 4)
    for s in range(2):
        found = progress.shares_of(run.numbers[s, 0, -1]).topk(progress.WAVES)
        assert control[s, -1].item() == pytest.approx(found.values.sum().item(), abs=1e-12)
        first = progress.shares_of(run.numbers[s, 0, 0])[found.indices].sum().item()
        assert control[s, 0].item() == pytest.approx(first, abs=1e-12)


def test_growth_is_compared_from_the_first_look_on(way):
    grown = torch.tensor([[0.2, 0.5, 0.6, 0.9], [0.1, 0.3, 0.4, 0.6]])
    control = torch.tensor([[0.3, 0.4, 0.4, 0.5], [0.2, 0.2, 0.3, 0.3]])
    found = replace(way, power=grown.double())
    assert found.grown_beyond(control.double(), 12).mean == pytest.approx((0.5 + 0.4) / 2)
    assert found.grown_beyond(control.double(), 5).mean == pytest.approx(0.2)
    with pytest.raises(ValueError, match="until = 7: must be one of"):
        found.grown_beyond(control, 7)


def test_with_every_wave_the_final_ones_answer_like_the_network(run, monkeypatch):
    monkeypatch.setattr(progress, "WAVES", 15)
    monkeypatch.setattr(progress, "strongest", lambda numbers: tuple(range(1, 16)))
    found = progress.over_time(run)
    assert (found.alone - found.test).abs().max() <= 0.01  # rounding may turn a tie
    assert (found.power - 1).abs().max() <= 1e-12


def test_a_sum_of_waves_is_taken_apart():
    n = torch.arange(31, dtype=torch.float64)
    three, seven = (
        torch.stack([(2 * math.pi * k * n / 31).cos(), (2 * math.pi * k * n / 31).sin()], 1)
        for k in (3, 7)
    )
    numbers = 5 + 2 * three + seven
    assert (progress.filtered(numbers, (3,)) - 5 - 2 * three).abs().max() <= 1e-12
    assert (progress.filtered(numbers, (3,), keep=False) - 5 - seven).abs().max() <= 1e-12
    assert progress.strongest(numbers, 2) == (3, 7)
    assert progress.shares_of(numbers)[[2, 6]].tolist() == pytest.approx([0.8, 0.2])
    with pytest.raises(ValueError, match="frequencies = 16"):
        progress.filtered(numbers, (16,))
    with pytest.raises(ValueError, match="count = 16"):
        progress.strongest(numbers, 16)


def test_mirrors_are_ahead_at_a_step(way):
    shares = {"mirrored": torch.full((2, 4), 0.9), "others": torch.full((2, 4), 0.7)}
    found = replace(way, recorded=(0, 30, 60, 90), **shares)
    assert found.mirrors_ahead().mean == pytest.approx(0.2)
    with pytest.raises(ValueError, match="at = 7: must be one of"):
        found.mirrors_ahead(7)
