"""An ensemble's figures by hand, equal budgets, and each arm against its networks trained alone."""

import math

import pytest
import torch

from course_lib.base.random import APART
from course_lib.experiments.capstone import ensemble, mixer


def test_probabilities_are_averaged_not_logits():
    # two members, one setting, two rows, two classes
    p = torch.tensor([[[[0.9, 0.1], [0.2, 0.8]]], [[[0.3, 0.7], [0.4, 0.6]]]], dtype=torch.float64)
    error, nll = ensemble.judge(p.log(), torch.tensor([0, 0]))[0].tolist()
    assert error == 0.5  # means 0.6 and 0.3
    assert nll == pytest.approx(-(math.log(0.6) + math.log(0.3)) / 2)


def test_every_arm_tried_the_same_rates_and_none_was_best_at_an_end():
    for arm in ensemble.ARMS:
        lines = [line for line in ensemble.sweep() if line.arm == arm]
        assert [line.lr for line in lines] == list(ensemble.RATES)
        assert all(math.isfinite(value) for line in lines for value in line[1:])
        for figure in ensemble.FIGURES:
            [its] = [line for line in lines if line.lr == ensemble.frozen(arm, figure)]
            assert getattr(its, figure) == min(getattr(line, figure) for line in lines)
            assert its.lr not in (min(ensemble.RATES), max(ensemble.RATES))


def test_compute_is_equal_both_ways():
    five, one, longer = ensemble.ARMS.values()
    assert five.steps == one.steps and five.members * five.steps == longer.members * longer.steps
    assert five.setting == mixer.PLAIN and one.setting == longer.setting == mixer.EVERYTHING


def test_pilot_and_judging_seeds_stay_apart_and_below_the_next_base():
    assert not {*ensemble.PILOT} & {*ensemble.SEEDS}
    assert ensemble.MEMBERS * (max(ensemble.PILOT) + 1) <= APART


@pytest.fixture
def short(monkeypatch):
    """Every arm for 45 steps."""
    arms = {name: arm._replace(steps=45) for name, arm in ensemble.ARMS.items()}
    monkeypatch.setattr(ensemble, "ARMS", arms)


def test_one_network_is_the_mixers(short):
    *_, found = ensemble.figures("one", (2e-3,), (0,), "test")
    *_, mixed = mixer.mix(mixer.EVERYTHING, seeds=(0,), steps=45)
    assert found[0, 0].tolist() == pytest.approx([mixed.error.item(), mixed.nll.item()], abs=2e-3)


def test_five_are_five_on_the_same_rows(short, monkeypatch):
    *_, five = ensemble.figures("five plain", (1e-3, 1e-2), (1, 2), "test")
    assert five.shape == (2, 2, 2) and five.isfinite().all()
    asked = []

    def train(spec, data, grid, seeds, **options):
        asked.extend((number, data(number)) for number in seeds)
        return iter(())

    monkeypatch.setattr(ensemble, "train", train)
    assert not list(ensemble.figures("five plain", (1e-3,), (1, 2), "test"))
    assert [number for number, _ in asked] == list(range(5, 15))
    first, second = mixer.world("digits", 300, 0.2, 1), mixer.world("digits", 300, 0.2, 2)
    assert all(torch.equal(split.train_x, first.train_x) for _, split in asked[:5])
    assert all(torch.equal(split.train_x, second.train_x) for _, split in asked[5:])


def test_a_line_of_the_sweep_comes_out_again(monkeypatch):
    monkeypatch.setattr(ensemble, "RATES", (3e-3,))
    [again] = ensemble.pilot("one")
    [stored] = [it for it in ensemble.sweep() if (it.arm, it.lr) == ("one", 3e-3)]
    assert again.error == pytest.approx(stored.error, abs=5e-3)
    assert again.nll == pytest.approx(stored.nll, rel=1e-2)


def test_arms_are_compared_seed_by_seed(monkeypatch):
    values = {
        "five plain": torch.tensor([[0.1, 1.0], [0.2, 2.0], [0.3, 3.0]]),
        "one": torch.tensor([[0.2, 2.0], [0.2, 2.5], [0.5, 3.5]]),
    }
    monkeypatch.setattr(ensemble, "frozen", lambda arm, figure: 1e-3)
    monkeypatch.setattr(ensemble, "judged", lambda arm, lr, seeds: iter([values[arm]]))
    assert ensemble.difference("one", "error").mean == pytest.approx(-0.1)
    assert ensemble.difference("one", "nll").mean == pytest.approx(-2 / 3)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: ensemble.difference("one", "ece"), "figure"),
        (lambda: ensemble.frozen("six", "error"), "arm"),
        (lambda: [*ensemble.figures("six", (1e-3,), (0,), "test")], "arm"),
    ],
)
def test_refusals(call, name):
    with pytest.raises(ValueError, match=f"{name} = "):
        call()
