"""SGD in a bowl: its examples, its curvatures, its bound, and a step over all of them."""

import pytest
import torch

from course_lib.experiments.sgd.bowl import (
    GOAL,
    ROWS,
    START,
    bowl,
    examples,
    excess_loss,
    settling,
    slowest_factor,
    stability_bound,
    walk,
)
from course_lib.experiments.shared.gradient_noise import all_batches
from course_lib.sgd import sgd_update


def test_examples_average_to_the_goal_with_the_stated_spread():
    away = examples() - GOAL
    assert torch.allclose(examples().mean(0), GOAL)
    assert torch.allclose(away.T @ away / ROWS, 0.36 * torch.eye(2).double())


@pytest.mark.parametrize("condition", [1.0, 10.0, 100.0])
def test_the_bowl_has_the_stated_curvatures(condition):
    stated = torch.tensor([2 / condition, 2.0], dtype=torch.float64)
    assert torch.allclose(torch.linalg.eigvalsh(bowl(condition)), stated)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("batch_size", [4, ROWS])
def test_the_stated_bound_is_where_stability_ends(momentum, batch_size):
    """Just below it a long path stays, just above it blows up; batches change nothing about it."""

    def far(share):
        lr = share * stability_bound(momentum)
        path = walk(sgd_update, bowl(10.0), batch_size, steps=3000, lr=lr, momentum=momentum)
        return not path[-1].norm() < 1e3

    assert not far(0.99)
    assert far(1.01)


def test_the_whole_set_comes_to_rest_and_batches_hover():
    hessian = bowl(5.0)
    rest, hover = (
        excess_loss(walk(sgd_update, hessian, size, lr=0.3), hessian)[-20:] for size in (ROWS, 4)
    )
    assert rest.max() < 1e-9 < 1e-4 < hover.mean()


def test_the_walk_over_the_whole_set_takes_the_mean_of_all_gradients():
    hessian, start = bowl(3.0), torch.tensor(START, dtype=torch.float64)
    gradients = (start - examples()) @ hessian
    first = walk(sgd_update, hessian, ROWS, steps=1, lr=0.1)[-1]
    assert torch.allclose(first, start - 0.1 * all_batches(gradients, 1).mean(0))


def test_rates_settle_below_the_bound_alone_and_nesterovs_is_lower():
    bound = stability_bound(0.9, nesterov=True)
    assert bound == pytest.approx(1.9 / 2.8)
    options = {"momentum": 0.9, "nesterov": True, "steps": 4000}
    assert settling((0.99 * bound, 1.01 * bound), **options) == [0.99 * bound]
    assert settling((0.99, 1.01), steps=2000) == [0.99]


@pytest.mark.parametrize(
    ("lr", "momentum", "soon", "late"),  # late: long before what is left is rounding alone
    [(0.3, 0.0, 80, 140), (1.15, 0.27, 40, 60), (0.3, 0.9, 80, 140)],
)
def test_the_slowest_factor_is_how_fast_a_long_walk_shrinks(lr, momentum, soon, late):
    def left(steps):
        path = walk(sgd_update, bowl(10.0), ROWS, steps=steps, lr=lr, momentum=momentum)
        return (path[-20:] - GOAL).norm(dim=1).max()

    factor = slowest_factor(lr, momentum, (2.0, 0.2))
    assert (left(late) / left(soon)) ** (1 / (late - soon)) == pytest.approx(factor, rel=0.02)
