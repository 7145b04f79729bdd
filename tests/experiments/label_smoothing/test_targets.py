"""One label against K − 1 equal logits: loss, gradient and best gap."""

import pytest
import torch
from torch.nn import functional as F

from course_lib.experiments.label_smoothing import targets as lab
from course_lib.label_smoothing import loss_floor, optimal_gap


@pytest.mark.parametrize("classes", [2, 10, 1000])
@pytest.mark.parametrize("epsilon", [0.0, 0.1, 1.0])
def test_loss_and_gradient_are_those_of_torch(epsilon, classes):
    found = lab.measure_targets(epsilon, classes, gap=1.5)
    loss, slope = lab.loss_and_slope(
        lambda z, y, e: F.cross_entropy(z, y, label_smoothing=e),
        classes,
        epsilon,
        [*lab.GAPS[::40], 1.5],
    )
    torch.testing.assert_close(
        torch.cat([found.loss[::40], torch.tensor([found.here[0]]).double()]), loss
    )
    torch.testing.assert_close(
        torch.cat([found.gradient[::40], torch.tensor([found.here[1]]).double()]), slope
    )


def test_the_line_stands_where_the_loss_is_lowest():
    found = lab.measure_targets(0.1, 10, gap=0.0)
    lowest, falls = lab.GAPS[found.loss.argmin()], found.best > lab.GAPS
    assert abs(lowest - optimal_gap(10, 0.1)) < 0.05
    assert found.loss.min() == pytest.approx(loss_floor(10, 0.1), abs=1e-4)
    assert (found.gradient[falls] < 0).all() and (found.gradient[~falls] > 0).all()
    assert found.q.sum() == pytest.approx(1) and found.p.sum() == pytest.approx(1)
