"""Least squares with L1 and L2: whole paths of λ at once, the closed form of ridge, and how optimal
an answer is.

    minimise  ‖y − b − Xw‖²/(2n) + l1·‖w‖₁ + (l2/2)‖w‖²        the intercept b is never penalised

X [n, d] features · y [n] targets · scikit-learn: `Lasso(alpha=l1)`, `Ridge(alpha=n·l2)`,
`ElasticNet(alpha, l1_ratio)` with l1 = alpha·l1_ratio, l2 = alpha·(1 − l1_ratio).
"""

import torch

from course_lib.base.arguments import require
from course_lib.data.diabetes import check_table
from course_lib.l1_l2 import proximal_gradient

ROUND = 500  # steps between two looks at the residual
RIDGE_STRENGTHS = torch.logspace(-3, 5, 49, dtype=torch.float64)


def moments(x, y):
    """(H, m): H = XᵀX/n [d, d], the Hessian of the loss, and m = Xᵀy/n [d]; features and target
    centred first.
    """
    x, y = x - x.mean(0), y.flatten() - y.mean()
    return x.T @ x / len(x), x.T @ y / len(x)


def largest_l1(x, y):
    """λmax = max|Xᵀy|/n (centred): from here on the lasso's weights are all exactly zero."""
    return moments(x, y)[1].abs().max().item()


def ridge(x, y, l2):
    """(H + l2·I)⁻¹m, the lowest point with L2 alone; `l2` a number, or a list of them → [strengths,
    d].
    """
    hessian, moment = moments(x, y)
    strengths = torch.as_tensor(l2, dtype=x.dtype)
    for value in strengths.flatten().tolist():
        require("l2", value)
    identity = torch.eye(len(moment), dtype=x.dtype)
    return torch.linalg.solve(hessian + strengths[..., None, None] * identity, moment)


def fit(x, y, l1=0.0, l2=0.0, *, standardise=False, tolerance=1e-11, rounds=200, names=None):
    """Weights [strengths, d] for numbers or equally long lists `l1`, `l2`, by proximal gradient
    steps.

    The features are divided by their standard deviations s for the computation only: a weight w on
    a raw feature is
    v = s·w on the standardised one, so that its penalty is (l1/s)·|v| and (l2/2s²)·v². With
    `standardise` the penalty is on v itself. The weights returned are those of the features as
    given, in both cases.
    Stops when the residual of the optimality conditions is below `tolerance` times the largest
    |Xᵀy|/n, or after `rounds` × 500 steps. Raises `ValueError` for negative strengths and for what
    `check_table` refuses.
    """
    check_table(x, y, names)
    l1, l2 = (_column(name, value, x.dtype) for name, value in (("l1", l1), ("l2", l2)))
    scale = x.std(0, correction=0)
    hessian, moment = moments(x / scale, y)
    if not standardise:
        l1, l2 = l1 / scale, l2 / scale**2
    lr = 1 / torch.linalg.eigvalsh(hessian)[-1].item()
    least_squares = (
        torch.linalg.pinv(hessian, hermitian=True) @ moment
    )  # a start: near where λ is small
    v = least_squares.expand(torch.broadcast_shapes(l1.shape, l2.shape, moment.shape))
    for _ in range(rounds):
        v = proximal_gradient(lambda v: v @ hessian - moment, v, lr=lr, l1=l1, l2=l2, steps=ROUND)
        if (
            optimality_residual(v @ hessian - moment, v, l1, l2).max()
            <= tolerance * moment.abs().max()
        ):
            break
    return v / scale


def _column(name, values, dtype):
    values = torch.as_tensor(values, dtype=dtype).reshape(-1, 1)
    for value in values.flatten().tolist():
        require(name, value)
    return values


def optimality_residual(gradient, w, l1, l2=0.0):
    """How far `w` is from satisfying the conditions of the lowest point (KKT), largest over the
    weights [...].

    A weight that is not zero must balance its pulls, ∂loss + l2·w + l1·sign(w) = 0; one that is
    zero must not be pulled harder than l1: |∂loss| ≤ l1. `gradient`: of the loss alone, shape of
    `w`.
    """
    pull = gradient + l2 * w
    moving, resting = (pull + l1 * w.sign()).abs(), (pull.abs() - l1).clamp(min=0)
    return torch.where(w != 0, moving, resting).amax(-1)


def predict(x, w, fitted_on):
    """Predictions [..., rows] of weights [..., d] at `x`; the intercept makes the mean residual on
    `fitted_on` zero.
    """
    train_x, train_y = fitted_on
    return train_y.mean() + w @ (x - train_x.mean(0)).T


def tuned_ridge_error(split, standardise):
    """Root mean squared test error of ridge with the λ of `RIDGE_STRENGTHS` that is best on the
    validation rows.

    `split` holds features as measured; with `standardise` each is divided by its standard deviation
    over the training rows first.
    """
    check_table(split.train_x, split.train_y)
    scale = split.train_x.std(0, correction=0) if standardise else 1.0
    train = split.train_x / scale, split.train_y
    weights = ridge(*train, RIDGE_STRENGTHS)

    def errors(x, y):
        return (predict(x / scale, weights, train) - y.flatten()).square().mean(1).sqrt()

    best = errors(split.validation_x, split.validation_y).argmin()
    return errors(split.test_x, split.test_y)[best].item()
