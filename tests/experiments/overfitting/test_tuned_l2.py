"""L2 chosen on validation rows."""

import pytest
import torch

from course_lib.experiments.overfitting import tuned_l2 as lab


def test_the_strength_is_chosen_by_validation_loss_and_judged_on_test_rows():
    *partial, found = lab.tune(rows=(50, 80), seeds=(0, 1), steps=40)
    assert found.progress == 1 and partial[0].test_accuracy[1].isnan().all()
    assert found.test_accuracy.isfinite().all() and found.test_accuracy.shape == (
        2,
        2,
        len(lab.STRENGTHS),
    )
    for k in range(2):
        for s in range(2):
            chosen = int(found.validation_loss[k, s].argmin())
            assert found.chosen()[k, s] == chosen
            gain = found.test_accuracy[k, s, chosen] - found.test_accuracy[k, s, 0]
            assert found.benefit()[k, s].item() == pytest.approx(gain.item())
            assert found.at_chosen(found.train_accuracy)[k, s] == found.train_accuracy[k, s, chosen]


def test_a_diverged_strength_is_never_chosen():
    losses = torch.tensor([[[1.0, float("nan"), 0.5]]])
    found = lab.Tuned(
        (50,), (0.0, 0.1, 1.0), losses, losses, torch.tensor([[[0.7, float("nan"), 0.9]]])
    )
    assert found.chosen().item() == 2 and found.benefit().item() == pytest.approx(0.2)


def test_without_l2_is_the_first_strength_looked_at_on_the_way():
    *_, tuned = lab.tune(rows=(50,), seeds=(0, 1), steps=40)
    *partial, plain = lab.without_l2((50,), seeds=(0, 1), steps=40)
    assert plain.progress == 1 and plain.recorded == (0, 20, 40)
    assert torch.equal(plain.last(), tuned.test_accuracy[:, :, 0])
    assert torch.equal(plain.validation_loss[:, :, -1], tuned.validation_loss[:, :, 0])
    for seed in range(2):
        best = int(plain.validation_loss[0, seed].argmin())
        assert plain.stopped()[0, seed] == plain.test_accuracy[0, seed, best]


def test_all_rows_may_be_for_training_and_the_test_rows_stay_the_same():
    *_, plain = lab.without_l2((60,), 0, seeds=(0,), steps=20)
    assert plain.validation_loss.isnan().all() and plain.last().isfinite().all()
    apart, together = lab.digits(40, 20, seed=0), lab.digits(60, 0, seed=0)
    assert torch.equal(apart.test_y, together.test_y)
