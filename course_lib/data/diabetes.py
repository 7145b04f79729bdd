"""Real features, each in its own unit: scikit-learn's diabetes table.

442 patients, ten measurements, a score. Age in years, sex as 1 or 2, body mass index, mean blood
pressure, six blood serum values; the target says how far the disease had progressed a year later
(25 … 346). Source: Efron, Hastie, Johnstone & Tibshirani, "Least Angle Regression", Annals of
Statistics 2004.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from course_lib.base.arguments import require_choice, require_whole
from course_lib.base.random import seeded
from course_lib.data import loaded
from course_lib.data.split import Split

FEATURES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
ROWS = 442


def diabetes(
    train_rows: int = 300,
    validation_rows: int = 71,
    scale: str = "standard",
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> Split:
    """The table as a `Split`: x [rows, 10] as in `FEATURES`, y [rows, 1].

    Rows not asked for are the test set. `scale`: "standard", mean 0 and standard deviation 1 per
    feature over the training rows; or "raw", as measured. Which rows go where is decided by `seed`
    alone. Raises `ValueError` for sizes that leave no test row, an unknown scale, and, with
    "standard", for training rows in which a feature is constant (one row above all).
    """
    require_choice("scale", scale, ("standard", "raw"))
    train_rows = require_whole("train_rows", train_rows, 1, ROWS - 1)
    require_whole("validation_rows", validation_rows, 0, ROWS - 1 - train_rows)
    x, y = load()
    order = torch.randperm(ROWS, generator=seeded(seed))
    train, validation, test = order.tensor_split((train_rows, train_rows + validation_rows))
    if scale == "standard":
        mean, std = mean_and_std(x[train])
        x = (x - mean) / std
    return Split.of_rows(x, y, train, validation, test).to(dtype, device)


@lru_cache
def load() -> tuple[Tensor, Tensor]:
    """The table: x [442, 10] in the units of the measurement, y [442, 1]; float64."""
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True, scaled=False)
    found = torch.from_numpy(x), torch.from_numpy(y).unsqueeze(1)
    loaded.note("diabetes", *found)
    return found


def check_table(x: Tensor, y: Tensor, names: Sequence[str] | None = None) -> None:
    """Raise `ValueError` for a table that no regression can be fitted to, saying where and why.

    x [rows, features], y [rows, …]: fewer than two rows, unequal lengths, a value that is not
    finite, a feature that is the same in every row (it cannot be told from the intercept, and has
    no standard deviation to divide by).
    """
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} rows, y has {len(y)}: must be equal")
    if len(x) < 2:
        raise ValueError(f"x has {len(x)} row(s): at least 2 are needed to see a feature vary")
    names = names or [f"column {j}" for j in range(x.shape[1])]
    for name, values in (("x", x), ("y", y.reshape(len(y), -1))):
        for row, column in (~values.isfinite()).nonzero().tolist():
            place = names[column] if name == "x" else f"column {column}"
            raise ValueError(
                f"{name} = {values[row, column].item()} at row {row}, {place}: "
                "every value must be finite"
            )
    constant = [names[j] for j in (x == x[0]).all(0).nonzero().flatten().tolist()]
    if constant:
        raise ValueError(
            f"constant in all {len(x)} rows: {', '.join(constant)}; leave such features out"
        )


def mean_and_std(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (divisor n) of each feature of x [rows, features]: [features].

    Refuses what `check_table` refuses.
    """
    check_table(x, x, FEATURES if x.shape[1] == len(FEATURES) else None)
    return x.mean(0), x.std(0, correction=0)
