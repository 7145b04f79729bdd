"""Ridge, lasso and elastic net over a path of λ against scikit-learn, and their optimality."""

import dataclasses
import math

import pytest
import torch
from sklearn.linear_model import ElasticNet, Lasso, Ridge, RidgeCV

from course_lib.data.diabetes import diabetes
from course_lib.experiments.l1_l2.penalised_regression import (
    RIDGE_STRENGTHS,
    fit,
    largest_l1,
    leave_one_out,
    moments,
    optimality_residual,
    predict,
    ridge,
    tuned_ridge_error,
)

# in multiples of λmax: the last ones leave no weight
STRENGTHS = torch.logspace(-2, 0.3, 12, dtype=torch.float64)
TIGHT = {"tol": 1e-14, "max_iter": 1_000_000}


def expected(model, split):
    found = model.fit(split.train_x.numpy(), split.train_y.flatten().numpy())
    return torch.from_numpy(found.coef_).flatten(), found.intercept_


@pytest.mark.parametrize("scale", ["standard", "raw"])
def test_the_lasso_path_is_scikit_learns(scale):
    split = diabetes(scale=scale)
    strengths = STRENGTHS * largest_l1(split.train_x, split.train_y)
    ours = fit(split.train_x, split.train_y, strengths, tolerance=1e-12)
    hessian, moment = moments(split.train_x, split.train_y)
    for strength, w in zip(strengths.tolist(), ours):
        theirs, _ = expected(Lasso(strength, **TIGHT), split)
        gap = (w - theirs) * split.train_x.std(0, correction=0)  # in score points
        assert gap.abs().max() <= 1e-6 and torch.equal(w == 0, theirs == 0), strength
        assert optimality_residual(w @ hessian - moment, w, strength) <= 1e-6
    assert (ours[0] != 0).sum() > (ours[6] != 0).sum() > (ours[-1] != 0).sum() == 0


@pytest.mark.parametrize("scale", ["standard", "raw"])
@pytest.mark.parametrize("l1_ratio", [0.2, 0.9])
def test_the_elastic_net_path_is_scikit_learns(scale, l1_ratio):
    split = diabetes(scale=scale)
    strengths = STRENGTHS * largest_l1(split.train_x, split.train_y)
    ours = fit(
        split.train_x,
        split.train_y,
        l1_ratio * strengths,
        (1 - l1_ratio) * strengths,
        tolerance=1e-12,
    )
    for strength, w in zip(strengths.tolist(), ours):
        theirs, _ = expected(ElasticNet(strength, l1_ratio=l1_ratio, **TIGHT), split)
        gap = (w - theirs) * split.train_x.std(0, correction=0)
        assert gap.abs().max() <= 1e-6 and torch.equal(w == 0, theirs == 0), strength


def test_ridge_by_steps_is_the_closed_form_is_scikit_learns():
    split = diabetes()
    strengths = [0.0, 1e-3, 0.1, 3.0, 100.0]
    closed, stepped = (
        ridge(split.train_x, split.train_y, strengths),
        fit(split.train_x, split.train_y, 0.0, strengths),
    )
    for strength, by_formula, by_steps in zip(strengths, closed, stepped):
        theirs, intercept = expected(Ridge(300 * strength), split)
        assert (by_formula - theirs).abs().max() <= 1e-6 and (
            by_steps - theirs
        ).abs().max() <= 1e-6, strength
        told = predict(split.test_x, by_formula, (split.train_x, split.train_y))
        assert (told - (split.test_x @ theirs + intercept)).abs().max() <= 1e-6
    assert torch.equal(ridge(split.train_x, split.train_y, 0.1), closed[2])


def test_standardising_is_a_strength_per_feature():
    raw, standard = diabetes(scale="raw"), diabetes()
    scale = raw.train_x.std(0, correction=0)
    for l1, l2 in ((2.0, 0.0), (0.0, 0.3), (1.0, 1.0)):
        inside = fit(raw.train_x, raw.train_y, l1, l2, standardise=True)
        assert (
            inside * scale - fit(standard.train_x, standard.train_y, l1, l2)
        ).abs().max() <= 1e-6
        assert (inside - fit(raw.train_x, raw.train_y, l1, l2)).abs().max() > 1e-3


def test_the_lasso_is_all_zeros_from_lambda_max_on_and_not_before():
    split = diabetes()
    edge = largest_l1(split.train_x, split.train_y)
    below, at, above = fit(split.train_x, split.train_y, [0.999 * edge, edge, 1.001 * edge])
    assert (below != 0).sum() == 1 and not at.any() and not above.any()


def test_the_residual_is_zero_at_the_solution_alone():
    split = diabetes()
    hessian, moment = moments(split.train_x, split.train_y)
    (w,) = fit(split.train_x, split.train_y, 2.0, tolerance=1e-12)
    assert optimality_residual(w @ hessian - moment, w, 2.0) < 1e-9
    kept = (w != 0).nonzero().flatten()
    for j in (kept[0], (w == 0).nonzero()[0, 0]):
        moved = w.clone()
        moved[j] += 0.01
        assert optimality_residual(moved @ hessian - moment, moved, 2.0) > 1e-4


@pytest.mark.parametrize("name", ["l1", "l2"])
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_bad_strengths_are_refused(name, value):
    split = diabetes()
    with pytest.raises(ValueError, match=f"{name} = "):
        fit(split.train_x, split.train_y, **{name: [0.1, value]})
    with pytest.raises(ValueError, match="l2 = "):
        ridge(split.train_x, split.train_y, value)


def test_bad_tables_are_refused():
    split = diabetes(scale="raw")
    with pytest.raises(ValueError, match="x has 1 row"):
        fit(split.train_x[:1], split.train_y[:1], 1.0)
    with pytest.raises(ValueError, match="constant in all 300 rows: column 3"):
        fit(torch.where(torch.arange(10) == 3, 1.0, split.train_x), split.train_y, 1.0)
    x = split.train_x.clone()
    x[7, 2] = math.nan
    with pytest.raises(ValueError, match="x = nan at row 7, column 2"):
        fit(x, split.train_y, 1.0)


def test_tuned_ridge_does_not_see_a_change_of_units_only_if_it_standardises():
    split = diabetes(60, 100, "raw")
    factor = torch.where(torch.arange(10) == 3, 0.1, 1.0).double()  # blood pressure in other units
    columns = {
        name: getattr(split, name) * factor for name in ("train_x", "validation_x", "test_x")
    }
    changed = dataclasses.replace(split, **columns)
    assert abs(tuned_ridge_error(split, True) - tuned_ridge_error(changed, True)) < 1e-9
    assert abs(tuned_ridge_error(split, False) - tuned_ridge_error(changed, False)) > 0.01


def test_tuned_ridge_reports_the_test_error_of_the_strength_best_on_validation_rows():
    split = diabetes(60, 100, "raw")
    scale = split.train_x.std(0, correction=0)
    rows = {
        part: (getattr(split, f"{part}_x") / scale).numpy()
        for part in ("train", "validation", "test")
    }
    found = []
    for strength in RIDGE_STRENGTHS.tolist():
        model = Ridge(60 * strength).fit(rows["train"], split.train_y.flatten().numpy())
        error = {
            part: (
                torch.from_numpy(model.predict(rows[part])) - getattr(split, f"{part}_y").flatten()
            )
            .square()
            .mean()
            .sqrt()
            .item()
            for part in ("validation", "test")
        }
        found.append((error["validation"], error["test"]))
    assert abs(tuned_ridge_error(split, True) - min(found)[1]) < 1e-6


@pytest.mark.parametrize("seed", [0, 1])
def test_leaving_each_row_out_costs_no_fit_and_is_as_if_it_were_fitted(seed):
    split = diabetes(20, 0, seed=seed)
    x, y = split.train_x, split.train_y.flatten()
    strengths = [0.0, 1e-3, 0.1, 1.0, 1000.0]
    found = leave_one_out(x, split.train_y, strengths)
    rows = torch.arange(20)
    for strength, error in zip(strengths, found.tolist()):
        gaps = []
        for i in range(20):
            rest = x[rows != i], y[rows != i]
            w = ridge(*rest, 20 / 19 * strength)  # n·λ as before
            gaps.append((predict(x[i : i + 1], w, rest) - y[i]).item())
        assert error == pytest.approx(sum(gap**2 for gap in gaps) / 20, rel=1e-9), strength
    alone = leave_one_out(x, y, 0.1)
    assert alone.shape == () and alone.item() == pytest.approx(found[2].item())


def test_leave_one_out_is_what_ridgecv_chooses_by():
    split = diabetes(20, 0, seed=3)
    x, y = split.train_x, split.train_y.flatten()
    strengths = torch.logspace(-3, 3, 25, dtype=torch.float64)
    model = RidgeCV((20 * strengths).numpy()).fit(x.numpy(), y.numpy())
    assert model.alpha_ == pytest.approx(20 * strengths[leave_one_out(x, y, strengths).argmin()])


def test_leave_one_out_refuses_what_no_regression_can_be_fitted_to():
    split = diabetes(20, 0)
    with pytest.raises(ValueError, match="l2 = "):
        leave_one_out(split.train_x, split.train_y, [0.1, -1.0])
    with pytest.raises(ValueError, match="x has 1 row"):
        leave_one_out(split.train_x[:1], split.train_y[:1], 0.1)
