"""Networks compared at equal training loss: their figures, and where they are taken."""

import pytest
import torch

from course_lib.experiments.sgd import batch_size as lab
from course_lib.experiments.shared.forward import forward
from course_lib.experiments.shared.sharpness import exact_hessian


def test_figures_of_a_network_are_right():
    split = lab.digits_to_fit(0)
    generator = torch.Generator().manual_seed(0)
    parameters = [
        0.1 * torch.randn(*s, dtype=torch.float64, generator=generator)
        for s in ((3, 64), (3,), (10, 3), (10,))
    ]
    sharpness, norm, accuracy = lab.figures_of(parameters, split, 0)

    def loss(parameters):
        return (forward(parameters, split.train_x) - split.train_y).square().mean()

    exact = torch.linalg.eigvalsh(exact_hessian(loss, parameters))[-1].item()
    assert abs(sharpness / exact - 1) < 1e-2
    assert norm == pytest.approx(torch.cat([p.flatten() for p in parameters]).norm().item())
    hits = [
        forward(parameters, x).argmax() == y.argmax() for x, y in zip(split.test_x, split.test_y)
    ]
    assert accuracy == pytest.approx(sum(map(float, hits)) / len(hits))


def test_batch_sizes_are_compared_at_equal_training_loss():
    *partial, result = lab.compare_batch_sizes(seeds=(0, 1), target=0.05, steps=200)
    assert result.progress == 1 and all(earlier.progress <= 1 for earlier in partial)
    reached = result.loss.isfinite()
    assert (
        reached.any()
        and (result.loss[reached] <= 0.05).all()
        and (result.loss[reached] > 0.03).all()
    )
    assert ((result.step >= 0) == reached).all() and (result.step[reached] % lab.EVERY == 0).all()
    assert (result.sharpness.isfinite() == reached).all() and (result.sharpness[reached] > 0).all()
    assert torch.equal(result.at("loss", 50, 2.0), result.loss[:, 1, 2])
    *_, never = lab.compare_batch_sizes(seeds=(0, 1), target=1e-9, steps=20)
    assert never.sharpness.isnan().all()
