"""The box and the ridge: the lowest point of the box, and where AdamW and Adam + L2 end."""

import pytest
import torch

from course_lib.adamw import adam_update, adamw_update
from course_lib.experiments.adamw.box import BOWL, START, box_point
from course_lib.experiments.shared.surfaces import descend


@pytest.mark.parametrize("strength", [0.1, 0.3, 0.5, 0.7, 1.0, 2.0, 5.0])
def test_the_point_in_the_box_is_its_lowest(strength):
    best = box_point(1 / strength)
    assert best.abs().max() <= 1 / strength + 1e-12
    side = torch.linspace(-1 / strength, 1 / strength, 401, dtype=torch.float64)
    everywhere = torch.stack(torch.meshgrid(side, side, indexing="ij"), -1)
    assert BOWL.loss(best) <= BOWL.loss(everywhere).min() + 1e-12


def settle(update, rate=lambda t: 0.05 / (1 + t / 200), betas=(0.9, 0.95), steps=6000, **pull):
    """The path on the bowl under a rate that falls as 1/t: its sum is infinite."""
    t = 0

    def scheduled(param, grad, state, **options):
        nonlocal t
        t += 1
        return update(param, grad, state, lr=rate(t), betas=betas, **options)

    return descend(BOWL, scheduled, START, steps, **pull)


@pytest.mark.parametrize("strength", [0.2, 0.45, 0.6, 1.0, 2.0])
def test_adamw_ends_in_the_box_and_adam_on_the_ridge(strength):
    decoupled = settle(adamw_update, weight_decay=strength)[-1]
    coupled = settle(adam_update, l2=strength)[-1]
    assert (decoupled - box_point(1 / strength)).norm() < 2e-3
    assert (coupled - BOWL.ridge(strength)).norm() < 2e-3
    assert (decoupled - BOWL.ridge(strength)).norm() > 2e-2


def test_the_point_in_the_box_of_a_bowl_with_its_star_elsewhere_is_its_lowest():
    for star in ((0.8, -1.0), (2.7, -1.4), (0.3, 1.8)):
        bowl = BOWL.moved(star)
        best = box_point(0.9, bowl)
        side = torch.linspace(-0.9, 0.9, 401, dtype=torch.float64)
        everywhere = torch.stack(torch.meshgrid(side, side, indexing="ij"), -1)
        assert best.abs().max() <= 0.9 + 1e-12
        assert bowl.loss(best) <= bowl.loss(everywhere).min() + 1e-12
