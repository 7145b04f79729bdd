"""Networks looked at where they have learned the same share of their labels."""

import pytest
import torch

from course_lib.experiments.label_smoothing import same_share as lab
from course_lib.experiments.label_smoothing import smoothing
from course_lib.experiments.shared.forward import forward


def test_the_first_step_that_reaches_the_share():
    learned = torch.tensor([[[0.1, 0.5, 0.9], [0.6, 0.4, 0.7]]])
    sure = torch.tensor([[[0.2, 0.3, 0.8], [0.4, 0.5, 0.6]]])
    found = lab.Stages((0.2,), torch.tensor([10, 20, 30]), learned, sure, sure - 0.1)
    assert found.where(0.2, 0.5).tolist() == [1, 0]
    assert found.at("sure", 0.2, 0.5).tolist() == pytest.approx([0.3, 0.4])
    assert found.excess(0.2, 0.7).tolist() == pytest.approx([0.1, 0.1])
    with pytest.raises(ValueError, match=r"share = 0\.8: not every seed"):
        found.where(0.2, 0.8)


def test_curves_are_read_off_the_network_at_that_step():
    *_, found = lab.compare_stages((3, 4), (20, 60))
    assert found.learned.shape == (2, 2, 2) and found.steps.tolist() == [20, 60]
    split = smoothing.data(4, 0.2)
    *_, (networks, _) = smoothing.train_smoothed(
        lambda seed: smoothing.data(seed, 0.2), (0.0,), (4,), 60
    )
    own, new = (forward(networks[4], x)[0] for x in (split.train_x, split.test_x))
    confidence, guess = new.softmax(1).max(1)
    assert found.learned[0, 1, 1].item() == pytest.approx(
        (own.argmax(1) == split.train_y).double().mean().item(), abs=0.004
    )
    assert found.sure[0, 1, 1].item() == pytest.approx(confidence.mean().item(), abs=1e-3)
    assert found.right[0, 1, 1].item() == pytest.approx(
        (guess == split.test_y).double().mean().item(), abs=2e-3
    )
