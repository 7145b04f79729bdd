"""The referees of lesson 01's tasks against what they stand for."""

import math

import pytest
import torch

from course_lib.checks import overfitting as tasks
from course_lib.checks.judge.values import decode
from course_lib.overfitting import EarlyStopping


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_referee_of_early_stopping_is_the_courses_class(seed):
    (train,) = tasks.stopping()
    for case in tasks.TASKS["T1"].draw(seed):
        start, updates, losses, patience = decode(case["args"])
        model, stopping = torch.nn.Linear(2, 1, bias=False).double(), EarlyStopping(patience)
        model.weight.data.copy_(start)
        for update, loss in zip(updates, losses):
            model.weight.data.add_(update)
            if stopping.step(loss, model):
                break
        weights, epochs = train(start, updates, losses, patience)
        assert torch.equal(weights, stopping.restore(model).weight[0]) and epochs == stopping.steps


def test_early_stopping_by_hand():
    (train,) = tasks.stopping()
    updates = torch.ones(7, 1, dtype=torch.float64)
    weights, epochs = train(
        torch.zeros(1, dtype=torch.float64), updates, [5, 3, 2, 2.5, math.nan, 3, 1], 3
    )
    assert weights.item() == 3 and epochs == 6


def test_the_referee_of_bias_and_variance_adds_up():
    (split,) = tasks.decomposition()
    for case in tasks.TASKS["T2"].draw(3):
        predictions, targets = decode(case["args"])
        bias2, variance = split(predictions, targets)
        assert torch.allclose(bias2 + variance, (predictions - targets).square().mean(0))


def test_the_curves_say_what_their_names_say():
    a, b, c, d = tasks.CURVES.values()
    best = min(range(12), key=a["validation"].__getitem__)
    assert best + 1 == tasks.READ["keep_a"]
    assert a["validation"][best] - a["training"][best] == pytest.approx(tasks.READ["gap_a"])
    assert (
        all(v - t < 0.03 for t, v in zip(b["training"], b["validation"]))
        and b["training"][7] == b["training"][-1]
    )
    assert (
        c["validation"][-2] - c["validation"][-1] > 0.05
        and c["validation"][-1] - c["training"][-1] < 0.1
    )
    assert all(abs(v - t) < 0.02 for t, v in zip(d["training"], d["validation"]))
    assert d["test"] > 10 * d["validation"][-1]
    assert all(abs(curve["test"] - curve["validation"][-1]) < 0.03 for curve in (a, b, c))


def test_the_split_is_the_scikit_learn_way():
    from sklearn.preprocessing import StandardScaler

    (split,) = tasks.splitting()
    for case in tasks.TASKS["T4"].draw(4):
        x, order, rows = decode(case["args"])
        train, validation = split(x, order, rows)
        scaler = StandardScaler().fit(x[order[rows:]])
        assert torch.allclose(train, torch.from_numpy(scaler.transform(x[order[rows:]])))
        assert torch.allclose(validation, torch.from_numpy(scaler.transform(x[order[:rows]])))
