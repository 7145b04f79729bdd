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
