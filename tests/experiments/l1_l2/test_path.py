"""The path of ten real features: scikit-learn's, empty where it is said to be, or refused."""

import pytest
import torch
from sklearn.linear_model import Lasso

from course_lib.data.diabetes import load
from course_lib.experiments.l1_l2.path import SCALES, STRENGTHS, path
from course_lib.experiments.l1_l2.penalised_regression import PENALTIES

LASSO, RIDGE, _ = PENALTIES


@pytest.mark.parametrize("scale", SCALES)
def test_the_path_is_scikit_learns(scale):
    result = path(LASSO, scale, 300)
    x, y = load()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    train, test = order[:300], order[300:]
    spread = x[train].std(0, correction=0)
    columns = x / spread if scale == "standardised" else x
    for k in (12, 20, 26):
        model = Lasso(STRENGTHS[k], tol=1e-12, max_iter=1_000_000).fit(
            columns[train].numpy(), y[train, 0].numpy()
        )
        weights = torch.from_numpy(model.coef_) * (1.0 if scale == "standardised" else spread)
        assert (result.weights[k] - weights).abs().max() < 0.05, (
            "in score points: as fine as the picture shows"
        )
        error = (
            (torch.from_numpy(model.predict(columns[test].numpy())) - y[test, 0])
            .square()
            .mean()
            .sqrt()
        )
        assert abs(result.test_error[k] - error) < 0.01


def test_from_the_stated_strength_on_no_feature_is_left():
    for scale in SCALES:
        result = path(LASSO, scale, 300)
        for strength, w in zip(STRENGTHS, result.weights):
            assert (not w.any()) == (strength >= result.empty_from), (scale, strength)
    assert path(RIDGE, "standardised", 300).empty_from is None


def test_rows_that_cannot_be_fitted_are_refused_in_words():
    with pytest.raises(ValueError, match="x has 1 row"):
        path(LASSO, "standardised", 1)
    with pytest.raises(ValueError, match="constant in all 2 rows: .*sex"):
        path(LASSO, "standardised", 2, seed=4)
    assert path(LASSO, "standardised", 442).test_error is None
