"""As many steps of 10 examples as of all 500."""

import pytest
import torch

from course_lib.experiments.sgd import equal_steps as lab


def test_pilot_and_judged_seeds_are_strangers_and_the_rows_that_choose_do_not_judge():
    assert set(lab.PILOT).isdisjoint(lab.JUDGED)
    result = lab.ends(500, (0.1, 0.2), (0,))
    assert result.validation_loss.shape == result.test_loss.shape == (1, 2, 1)
    assert (result.validation_loss != result.test_loss).all()


def test_each_batch_size_gets_the_rate_that_its_pilot_seeds_choose(monkeypatch):
    monkeypatch.setattr(lab, "RATES", (1e-4, 0.1))
    monkeypatch.setattr(lab, "STEPS", 60)
    monkeypatch.setattr(lab, "JUDGED", range(2))
    found = lab.compare(lab.choose())
    assert found.best == {10: 0.1, 500: 0.1}
    for figures in (found.train_loss, found.test_loss, found.test_accuracy):
        assert all(len(figures[size]) == 2 and figures[size].isfinite().all() for size in (10, 500))


@pytest.mark.parametrize(("steps", "alike"), [(1, True), (20, False)])
def test_a_rate_falls_along_a_cosine_or_stays(steps, alike, monkeypatch):
    monkeypatch.setattr(lab, "STEPS", steps)
    falling, steady = (lab.ends(500, (0.1,), (0,), falling=way) for way in (True, False))
    assert (falling.train_loss[..., -1] == steady.train_loss[..., -1]).all() == alike


def test_the_best_rate_is_lowest_by_geometric_mean_and_never_one_that_diverged():
    losses = torch.tensor([[0.1, 0.5, 0.01], [1.0, 0.5, torch.nan]])
    assert lab.best_of((1.0, 2.0, 4.0), losses) == 1.0  # √0.1 < ½
