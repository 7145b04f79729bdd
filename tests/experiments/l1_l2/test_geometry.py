"""Where bowl and penalty meet: against scikit-learn, and two curves that touch and do not cross."""

import pytest
import torch
from sklearn.linear_model import ElasticNet, Lasso, Ridge

from course_lib.experiments.l1_l2.geometry import GOAL, bowl, touch
from course_lib.experiments.l1_l2.penalised_regression import PENALTIES

LASSO, RIDGE, NET = PENALTIES


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.6])
def test_the_solution_is_scikit_learns(penalty, correlation):
    """On 100 rows that have exactly this correlation and this least-squares solution."""
    root = torch.linalg.cholesky(bowl(correlation)).T
    columns = torch.linalg.qr(
        torch.randn(100, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ).Q
    x = 10 * columns @ root  # XᵀX/n = H
    y = x @ GOAL
    l1_ratio, strength = PENALTIES[penalty][0], 0.45
    model = {
        LASSO: Lasso(strength, fit_intercept=False, tol=1e-14, max_iter=100_000),
        RIDGE: Ridge(100 * strength, fit_intercept=False),
        NET: ElasticNet(
            strength, l1_ratio=l1_ratio, fit_intercept=False, tol=1e-14, max_iter=100_000
        ),
    }[penalty]
    expected = torch.from_numpy(model.fit(x.numpy(), y.numpy()).coef_)
    found = touch(penalty, strength, correlation).solution
    assert (found - expected).abs().max() < 1e-6 and torch.equal(found == 0, expected == 0)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_ball_and_contour_touch_at_the_solution(penalty):
    """The ball has the solution's penalty, the contour its loss, and neither crosses the other."""
    result = touch(penalty, 0.3, 0.5)
    l1, l2 = PENALTIES[penalty]

    def price(w):
        return l1 * w.abs().sum(-1) + l2 * w.square().sum(-1) / 2

    def loss(w):
        return ((w - GOAL) @ bowl(0.5) * (w - GOAL)).sum(-1) / 2

    assert torch.allclose(price(result.ball), price(result.solution), atol=1e-12)
    assert torch.allclose(loss(result.contours[-1]), loss(result.solution), atol=1e-12)
    assert (loss(result.ball) >= loss(result.solution) - 1e-9).all()
    assert (price(result.contours[-1]) >= price(result.solution) - 1e-9).all()
