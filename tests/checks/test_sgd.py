"""The referees of lesson 00's tasks against what they stand for."""

import itertools
import math

import pytest
import torch

from course_lib.checks import sgd as tasks


@pytest.mark.parametrize(("batch_size", "rows"), [(1, 5), (2, 6), (4, 9), (3, 3)])
def test_the_referee_of_the_standard_error_counts_every_batch(batch_size, rows):
    numbers = torch.arange(rows, dtype=torch.float64)
    numbers = 1.7 * (numbers - numbers.mean()) / numbers.std(correction=0)
    batches = itertools.combinations(range(rows), batch_size)
    counted = torch.stack([numbers[list(batch)].mean() for batch in batches]).std(correction=0)
    assert tasks.by_formula(1.7, batch_size, rows) == pytest.approx(counted.item(), abs=1e-12)
    assert tasks.by_formula(1.7, batch_size) == pytest.approx(1.7 / math.sqrt(batch_size))


@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_at_the_referees_learning_rate_stability_ends(momentum):
    hessian = torch.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    bound = tasks.TASKS["T3"].reference[0](hessian, momentum)

    def far(lr):
        w = torch.ones(2, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=lr, momentum=momentum)
        for _ in range(2000):
            w.grad = (hessian @ w).detach()
            optimizer.step()
        return w.norm().item() > 1e3

    assert not far(0.99 * bound) and far(1.01 * bound)


def test_the_schedule_without_a_turned_screw_is_torchs():
    (ours,) = tasks.schedule()
    for step in range(60):
        found = tasks.by_scheduler(step, 10, 45, 0.2, 0.1)
        assert ours(step, 10, 45, 0.2, 0.1) == pytest.approx(found, abs=1e-12)


def test_the_loop_by_hand():
    """lr 0.25, momentum 0.5, one weight at 0, targets 1 and 1: v = −1, then μv + (0.25 − 1)."""
    (train,) = tasks.loop()
    start, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    assert train(start, [one], 1, 0.25, "step").item() == 0.25
    assert train(start, [one, one], 1, 0.25, "step").item() == 0.25 + 0.25 * (0.5 + 0.75)
    assert start.item() == 0
