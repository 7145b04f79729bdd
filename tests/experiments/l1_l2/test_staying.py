"""Zeros of L1: whether they stay, and a threshold in place of the proximal step."""

import pytest
import torch

from course_lib.engine import train
from course_lib.experiments.l1_l2 import staying
from course_lib.experiments.l1_l2.shrinking import RATE, SPEC, digits_to_shrink, weights_that_count
from course_lib.sgd import sgd_update


def test_weights_of_black_pixels_do_not_count():
    lit = torch.arange(64) < 50
    parameters = [torch.zeros(5, 64, 64), torch.zeros(5, 64), torch.zeros(5, 10, 64)]
    assert weights_that_count(parameters, lit).shape == (5, 64 * 50 + 640)


def test_zeros_are_counted_on_the_way_and_at_the_end():
    found = staying.compare((3,), 60)
    grid = {"l1": staying.STRENGTH, "lr": RATE, "only_weights": True}
    lit, zero = digits_to_shrink(3).train_x.any(0), {}
    for steps in (60 - staying.EPOCH, 60):
        *_, alone = train(SPEC, digits_to_shrink, grid, (3,), update=sgd_update, steps=steps)
        zero[steps] = weights_that_count(alone.parameters[0], lit)[0] == 0
    before, after = zero.values()
    left = (before & ~after).sum().item() / before.sum().item()
    assert found.left.item() == pytest.approx(left) and left > 0
    assert found.zeros[0, 0].item() == after.double().mean().item()
    assert 0 < found.zeros[0, 1] < 1 and ((found.error > 0) & (found.error < 1)).all()
