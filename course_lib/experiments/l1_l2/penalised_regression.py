"""Least squares with L1 and L2: whole paths of λ, the closed form of ridge, optimality.

    minimise  ‖y − b − Xw‖²/(2n) + l1·‖w‖₁ + (l2/2)‖w‖²        the intercept b is never penalised

X [n, d] features · y [n] targets · scikit-learn: `Lasso(alpha=l1)`, `Ridge(alpha=n·l2)`,
`ElasticNet(alpha, l1_ratio)` with l1 = alpha·l1_ratio, l2 = alpha·(1 − l1_ratio).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.base.arguments import require
from course_lib.data import Split
from course_lib.data.diabetes import check_table
from course_lib.l1_l2 import proximal_gradient

# Name → (l1, l2) as multiples of λ.
PENALTIES = {
    "L1 (lasso)": (1.0, 0.0),
    "L2 (ridge)": (0.0, 1.0),
    "Half and half (elastic net)": (0.5, 0.5),
}
ROUND = 500  # steps between two looks at the residual
RIDGE_STRENGTHS = torch.logspace(-3, 5, 49, dtype=torch.float64)
Strengths = float | Sequence[float] | Tensor


def moments(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """(H, m): H = XᵀX/n [d, d], the Hessian of the loss, and m = Xᵀy/n [d].

    Features and target are centred first.
    """
    x, y = x - x.mean(0), y.flatten() - y.mean()
    return x.T @ x / len(x), x.T @ y / len(x)


def largest_l1(x: Tensor, y: Tensor) -> float:
    """λmax = max|Xᵀy|/n (centred): from here on the lasso's weights are all exactly zero."""
    return moments(x, y)[1].abs().max().item()


def ridge(x: Tensor, y: Tensor, l2: Strengths) -> Tensor:
    """(H + l2·I)⁻¹m, the lowest point with L2 alone: [d] for a number, [strengths, d] for several.

    Raises `ValueError` for negative strengths.
    """
    hessian, moment = moments(x, y)
    strengths = torch.as_tensor(l2, dtype=x.dtype)
    for value in strengths.flatten().tolist():
        require("l2", value)
    identity = torch.eye(len(moment), dtype=x.dtype)
    return torch.linalg.solve(hessian + strengths[..., None, None] * identity, moment)


def leave_one_out(x: Tensor, y: Tensor, l2: Strengths) -> Tensor:
    """Mean squared error of ridge at the row left out, each of x [n, d] once: [strengths], or [].

    No second fit is needed: ŷ = Hy with the hat matrix H = 11ᵀ/n + X(XᵀX/n + l2·I)⁻¹Xᵀ/n of the
    centred X, and the error at row i, were it left out, is (y_i − ŷ_i)/(1 − H_ii). n·l2 stays as it
    is when a row is left out, as α does in scikit-learn's `RidgeCV`, which chooses in this way. At
    l2 = 0 it needs n > d + 1. Raises `ValueError` for what `ridge` and `check_table` refuse.
    """
    check_table(x, y)
    w = ridge(x, y, l2)
    x = x - x.mean(0)
    strengths = torch.as_tensor(l2, dtype=x.dtype)[..., None, None]
    system = x.T @ x / len(x) + strengths * torch.eye(x.shape[1], dtype=x.dtype)
    leverage = 1 / len(x) + (x * torch.linalg.solve(system, x.T).mT).sum(-1) / len(x)  # the H_ii
    residual = y.flatten() - y.mean() - w @ x.T
    return (residual / (1 - leverage)).square().mean(-1)


def fit(
    x: Tensor,
    y: Tensor,
    l1: Strengths = 0.0,
    l2: Strengths = 0.0,
    *,
    standardise: bool = False,
    tolerance: float = 1e-11,
    rounds: int = 200,
    names: Sequence[str] | None = None,
) -> Tensor:
    """Weights [strengths, d] for `l1`, `l2`, numbers or equally long lists, by proximal steps.

    The features are divided by their standard deviations s for the computation only: a weight w on
    a raw feature is v = s·w on the standardised one, so that its penalty is (l1/s)·|v| and
    (l2/2s²)·v². With `standardise` the penalty is on v itself. The weights returned are those of
    the features as given, in both cases.
    After every 500 steps the weights that are not zero are solved for: the end, if zeros and signs
    were right. Stops when the residual of the optimality conditions is below `tolerance` times the
    largest |Xᵀy|/n, or after `rounds` × 500 steps. Raises `ValueError` for negative strengths and
    for what `check_table` refuses.
    """
    check_table(x, y, names)
    l1, l2 = (_column(name, value, x.dtype) for name, value in (("l1", l1), ("l2", l2)))
    scale = x.std(0, correction=0)
    hessian, moment = moments(x / scale, y)
    if not standardise:
        l1, l2 = l1 / scale, l2 / scale**2
    lr = 1 / torch.linalg.eigvalsh(hessian)[-1].item()
    v = torch.linalg.pinv(hessian, hermitian=True) @ moment  # a start: near where λ is small
    v = v.expand(torch.broadcast_shapes(l1.shape, l2.shape, moment.shape))
    for _ in range(rounds):
        v = proximal_gradient(lambda v: v @ hessian - moment, v, lr=lr, l1=l1, l2=l2, steps=ROUND)
        exact = _lowest_with_these_zeros(v, hessian, moment, l1, l2)
        both = [optimality_residual(w @ hessian - moment, w, l1, l2) for w in (v, exact)]
        v = torch.where((both[1] < both[0]).unsqueeze(1), exact, v)
        if torch.fmin(*both).max() <= tolerance * moment.abs().max():
            break
    return v / scale


def _lowest_with_these_zeros(
    v: Tensor, hessian: Tensor, moment: Tensor, l1: Tensor, l2: Tensor
) -> Tensor:
    """The lowest point if the zeros and signs of `v` are right: (H + l2)v = m − l1·sign(v).

    The proximal steps find those soon and creep from then on. Where the equations have no one
    solution, what comes back is no number, or none that is optimal.
    """
    on = v != 0
    system = (hessian * (on.unsqueeze(-1) & on.unsqueeze(-2))).diagonal_scatter(
        torch.where(on, hessian.diagonal() + l2, 1.0), dim1=-2, dim2=-1
    )
    return torch.linalg.solve_ex(system, torch.where(on, moment - l1 * v.sign(), 0.0))[0]


def _column(name: str, values: Strengths, dtype: torch.dtype) -> Tensor:
    column = torch.as_tensor(values, dtype=dtype).reshape(-1, 1)
    for value in column.flatten().tolist():
        require(name, value)
    return column


def optimality_residual(
    gradient: Tensor, w: Tensor, l1: float | Tensor, l2: float | Tensor = 0.0
) -> Tensor:
    """How far `w` is from the conditions of the lowest point (KKT), largest over the weights [...].

    A weight that is not zero must balance its pulls, ∂loss + l2·w + l1·sign(w) = 0; one that is
    zero must not be pulled harder than l1: |∂loss| ≤ l1. `gradient`: of the loss alone, shape of
    `w`.
    """
    pull = gradient + l2 * w
    moving, resting = (pull + l1 * w.sign()).abs(), (pull.abs() - l1).clamp(min=0)
    return torch.where(w != 0, moving, resting).amax(-1)


def predict(x: Tensor, w: Tensor, fitted_on: tuple[Tensor, Tensor]) -> Tensor:
    """Predictions [..., rows] of weights [..., d] at `x` [rows, d].

    The intercept makes the mean residual on `fitted_on` = (x, y) zero.
    """
    train_x, train_y = fitted_on
    return train_y.mean() + w @ (x - train_x.mean(0)).T


def tuned_ridge_error(split: Split, standardise: bool) -> float:
    """Root mean squared test error of ridge with the λ that is best on the validation rows.

    λ is one of `RIDGE_STRENGTHS`. `split` holds features as measured; with `standardise` each is
    divided by its standard deviation over the training rows first.
    """
    check_table(split.train_x, split.train_y)
    scale = split.train_x.std(0, correction=0) if standardise else torch.ones(())
    train = split.train_x / scale, split.train_y
    weights = ridge(*train, RIDGE_STRENGTHS)

    def errors(x: Tensor, y: Tensor) -> Tensor:
        return (predict(x / scale, weights, train) - y.flatten()).square().mean(1).sqrt()

    best = errors(split.validation_x, split.validation_y).argmin()
    return errors(split.test_x, split.test_y)[best].item()
