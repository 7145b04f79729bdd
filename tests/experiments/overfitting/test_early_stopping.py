"""Where a recorded curve would have been stopped: as by the engine, and by the class on a model."""

import math

import pytest
import torch

from course_lib.data import digits
from course_lib.engine import train
from course_lib.experiments.overfitting import early_stopping as lab


def test_by_hand():
    losses = [5.0, 3.0, 4.0, 2.0, 2.5, math.nan, 2.0, 1.0]
    assert lab.stop_at(losses, 3) == (3, 6)
    assert lab.stop_at(losses, 1) == (1, 2)
    assert lab.stop_at(losses, math.inf) == (7, 7)
    assert lab.stop_at([math.nan, math.nan], 5) == (0, 1)
    with pytest.raises(ValueError, match="patience = -1"):
        lab.stop_at(losses, -1)


def test_reading_a_curve_is_stopping_the_training():
    """The engine stops at the same evaluation, and its weights have the curve's test accuracy."""
    *_, curves = lab.curves(0.2, seeds=(0, 1), steps=300, every=20)
    *_, stopped = train(
        lab.SPEC,
        lambda seed: digits(lab.ROWS, lab.VALIDATION_ROWS, 0.2, "unit", seed),
        {"lr": 2e-3, "weight_decay": 0.0, "patience": [2.0, 4.0]},
        (0, 1),
        steps=300,
        record_at=curves.recorded,
    )
    for v, patience in enumerate((2, 4)):
        for seed, (best, last) in enumerate(curves.stop(patience)):
            assert stopped.best_step[seed, v] == curves.recorded[best]
            ended = stopped.stopped_at[seed, v].item()
            assert ended == (curves.recorded[last] if last - best == patience else -1)
            weight, bias, final, offset = (p[v] for p in stopped.parameters[seed])
            split = digits(lab.ROWS, lab.VALIDATION_ROWS, 0.2, "unit", seed)
            scores = torch.relu(split.test_x @ weight.T + bias) @ final.T + offset
            accuracy = (scores.argmax(1) == split.test_y).float().mean().item()
            assert accuracy == pytest.approx(curves.kept_accuracy(patience)[seed].item(), abs=2e-3)


def test_curves_fill_in():
    *partial, curves = lab.curves(0.0, seeds=(0,), steps=40, every=20)
    assert (
        curves.recorded == (0, 20, 40)
        and curves.progress == 1
        and curves.validation_loss.isfinite().all()
    )
    assert all(earlier.progress <= 1 for earlier in partial)


def test_right_and_wrong_labels_together_are_the_training_accuracy():
    *_, curves = lab.curves(0.2, seeds=(0, 1), steps=200, every=100)
    for s, seed in enumerate((0, 1)):
        split = digits(lab.ROWS, lab.VALIDATION_ROWS, 0.2, "unit", seed)
        wrong = (split.train_y != split.clean_train_y).float().mean()
        both = (1 - wrong) * curves.right_fitted[s] + wrong * curves.wrong_fitted[s]
        assert torch.allclose(both, curves.train_accuracy[s], atol=2e-3)
    assert (curves.right_fitted[:, 1] > curves.wrong_fitted[:, 1]).all()
    *_, clean = lab.curves(0.0, seeds=(0,), steps=20, every=20)
    assert clean.wrong_fitted.isnan().all() and clean.right_fitted.isnan().all()
    steps = torch.tensor(curves.recorded).expand(2, -1)
    kept = [curves.recorded[best] for best, _ in curves.stop(5)]
    assert curves.kept(steps, 5).tolist() == kept
