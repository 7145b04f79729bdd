"""Twenty patients to learn from: which error has a penalty, and how much of it is spread?

Least squares, ridge and lasso meet on draws of 20 of the 442 patients; λ is chosen by leaving each
of the 20 out once. The training mean for everybody stands beside them. A second draw of 20 others
makes a second model: where the two say ŷ and ŷ′ of a patient y whom neither has seen, then on
average over draws

    ½((ŷ − y)² + (ŷ′ − y)²) = ½(ŷ − ŷ′)² + (ŷ − y)(ŷ′ − y)        spread + rest
                               variance      bias² and noise
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.data.diabetes import diabetes, mean_and_std
from course_lib.experiments.l1_l2.penalised_regression import leave_one_out, ridge

PATIENTS, DRAWS = 20, 40
GRID = torch.logspace(-3, 3, 25).tolist()
# λ = 0 is least squares; at 1e9 only the training mean is left
STRENGTHS = (0.0, *GRID, 1e9)
METHODS = ("least squares", "ridge", "lasso", "training mean")


@dataclass
class Twenty:
    """errors [draws, `STRENGTHS`]: of ridge, root mean squares over the 422 other patients.

    chosen [draws, `METHODS`]: the same of each method, λ by leave-one-out. spread, rest [draws,
    `METHODS`]: the parts of the mean squared error of this draw's model and of a second one's, on
    the 402 patients that neither has seen.
    """

    errors: Tensor
    chosen: Tensor
    spread: Tensor
    rest: Tensor


def compute(draws: int = DRAWS) -> Twenty:
    """Fit all methods on two times 20 patients in each draw."""
    found = []
    for seed in range(draws):
        split = diabetes(2 * PATIENTS, 0, "raw", seed=seed)
        x, y = torch.cat([split.train_x, split.test_x]), torch.cat([split.train_y, split.test_y])
        one = _Models(x[:PATIENTS], y[:PATIENTS])
        two = _Models(x[PATIENTS : 2 * PATIENTS], y[PATIENTS : 2 * PATIENTS])
        errors, chosen = (
            _root_mean_square(one.predict(weights, x[PATIENTS:]) - y[PATIENTS:])
            for weights in (one.path, one.chosen)
        )
        x, y = x[2 * PATIENTS :], y[2 * PATIENTS :]
        off, other = (models.predict(models.chosen, x) - y for models in (one, two))
        parts = (off - other).square().mean(0) / 2, (off * other).mean(0)
        found.append((errors, chosen, *parts))
    return Twenty(*(torch.stack(column) for column in zip(*found)))


class _Models:
    """Fitted to x [rows, features], y [rows, 1], the features standardised.

    path [strengths, features]: weights of ridge at `STRENGTHS`. chosen [methods, features]: those
    of `METHODS`.
    """

    def __init__(self, x: Tensor, y: Tensor):
        self.mean, self.std = mean_and_std(x)
        self.level = y.mean()
        table = (x - self.mean) / self.std
        self.path = ridge(table, y, STRENGTHS)
        best = leave_one_out(table, y, STRENGTHS[:-1]).argmin()
        self.chosen = torch.stack([self.path[0], self.path[best], lasso(table, y), self.path[-1]])

    def predict(self, weights: Tensor, x: Tensor) -> Tensor:
        """Predictions [rows, models] of weights [models, features]."""
        return self.level + (x - self.mean) / self.std @ weights.T


def lasso(x: Tensor, y: Tensor) -> Tensor:
    """Weights [features] of scikit-learn's lasso, its λ, one of `GRID`, by leaving one row out."""
    from sklearn.linear_model import LassoCV

    model = LassoCV(alphas=GRID, cv=len(x), max_iter=100_000)
    return torch.from_numpy(model.fit(x.numpy(), y.flatten().numpy()).coef_)


def _root_mean_square(errors: Tensor) -> Tensor:
    return errors.square().mean(0).sqrt()
