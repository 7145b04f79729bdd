"""Fits to resampled sets: NumPy's polynomials, networks trained alone, and what is refused."""

import math

import numpy as np
import pytest
import torch

from course_lib.engine import ModelSpec
from course_lib.experiments.overfitting import bias_variance as lab
from course_lib.overfitting import bias_variance


def test_training_sets_differ_by_seed_leave_no_hole_and_share_the_grid():
    one, other = (lab.training_set(seed, 20, 0.3) for seed in (0, 1))
    assert not torch.equal(one.train_x, other.train_x) and torch.equal(one.test_x, other.test_x)
    places = ((one.train_x.squeeze(1) + 1) / 2 * 20).floor()
    assert places.tolist() == list(range(20))
    assert torch.allclose(one.clean_train_y, torch.sin(math.pi * one.train_x))
    noisy, clean = (
        torch.stack([lab.training_set(k, 50, s).train_y for k in range(40)]) for s in (0.3, 0.0)
    )
    errors = noisy - clean
    assert abs(errors.std() - 0.3) < 0.02 and abs(errors.mean()) < 0.03
    assert torch.equal(lab.training_set(3, 20, 0.3).train_y, lab.training_set(3, 20, 0.3).train_y)


@pytest.mark.parametrize("degree", [0, 1, 4, 9])
def test_a_polynomial_is_numpys(degree):
    split = lab.training_set(7, 20, 0.3)
    x, y = split.train_x.T, split.train_y.T
    (ours,) = lab.fit_polynomial(x, y, degree, (lab.GRID[None],))
    theirs = np.polynomial.Polynomial.fit(x[0].numpy(), y[0].numpy(), degree)(lab.GRID.numpy())
    assert torch.allclose(ours[0], torch.from_numpy(theirs), rtol=0, atol=1e-9)


def test_errors_of_polynomials_are_those_of_their_own_sets():
    fits = lab.polynomials(20, 0.3, degrees=(3,), sets=4)
    for seed in range(4):
        split = lab.training_set(seed, 20, 0.3)
        fit = np.polynomial.Polynomial.fit(
            split.train_x[:, 0].numpy(), split.train_y[:, 0].numpy(), 3
        )
        for error, part in ((fits.train_error, "train"), (fits.validation_error, "validation")):
            x, y = (getattr(split, f"{part}_{name}")[:, 0].numpy() for name in "xy")
            assert error[0, seed].item() == pytest.approx(np.mean((fit(x) - y) ** 2))
    bias2, variance = fits.parts(0)
    assert torch.allclose((bias2 + variance).mean(), fits.over_sets(0).mean())


def test_the_three_parts_add_up_to_the_validation_error_of_every_degree():
    fits = lab.polynomials(20, 0.3)
    for degree in range(11):  # beyond, a few of the 200 validation errors make most of the mean
        apart = fits.over_sets(degree) + 0.09 - fits.validation_error[degree]
        assert apart.mean().abs() <= 3 * apart.std() / len(apart) ** 0.5
        bias2, variance = fits.parts(degree)
        assert (bias2 + variance).mean().item() == pytest.approx(
            fits.over_sets(degree).mean().item()
        )


def test_a_mean_over_the_grid_is_a_mean_over_x():
    points, weights = np.polynomial.legendre.leggauss(20)  # exact up to degree 39
    for values in (lambda x: x**24, lambda x: (x - 0.5) ** 6):
        exact = (weights * values(points)).sum() / 2
        assert values(lab.GRID).mean().item() == pytest.approx(exact, rel=0.01)


def test_bias_falls_and_variance_rises_with_the_degree():
    fits = lab.polynomials(30, 0.3, sets=200)
    parts = [tuple(part.mean().item() for part in fits.parts(k)) for k in (1, 3, 9, 12)]
    assert parts[0][0] > 10 * parts[1][0] > 100 * parts[2][0]
    assert parts[0][1] < parts[1][1] < parts[2][1] < parts[3][1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"rows": 10, "noise": 0.3, "degrees": (10,)},
            "degree = 10: must be at most 9 with 10 training points",
        ),
        (
            {"rows": 1, "noise": 0.3, "degrees": (1,)},
            "degree = 1: must be at most 0 with 1 training points",
        ),
        ({"rows": 0, "noise": 0.3}, "rows = 0"),
        ({"rows": 10, "noise": -0.1}, "noise = -0.1"),
        ({"rows": 10, "noise": math.nan}, "noise = nan"),
        ({"rows": 10, "noise": 0.3, "degrees": (-1,)}, "degree = -1"),
        ({"rows": 10, "noise": 0.3, "sets": 1}, "sets = 1"),
    ],
)
def test_what_cannot_be_fitted_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        lab.polynomials(**arguments)


def test_bad_points_are_named_before_anything_is_fitted():
    x = torch.linspace(-1, 1, 5, dtype=torch.float64)[None]
    y = torch.tensor([[0.0, 1.0, math.nan, 1.0, 0.0]], dtype=torch.float64)
    with pytest.raises(ValueError, match="y = nan at row 2"):
        lab.fit_polynomial(x, y, 1, (x,))
    with pytest.raises(ValueError, match=r"must be \[sets, rows ≥ 1\]"):
        lab.fit_polynomial(x[:, :0], y[:, :0], 0, (x,))
    one_row = torch.ones(1, 1, dtype=torch.float64)
    assert lab.fit_polynomial(one_row, 3 * one_row, 0, (x,))[0].tolist() == [[3.0] * 5]


def test_every_network_is_the_one_that_is_trained_alone_on_its_own_set():
    *partial, fits = lab.networks(15, 0.3, widths=(2, 5), sets=3, steps=30)
    assert fits.progress == 1 and all(0 <= earlier.progress <= 1 for earlier in partial)
    assert fits.predictions.isfinite().all()
    for k, width in enumerate((2, 5)):
        for seed in range(3):
            split = lab.training_set(seed, 15, 0.3)
            model = ModelSpec((1, width, 1), "regression").build(seed=seed, dtype=torch.float64)
            optimizer = torch.optim.AdamW(model.parameters(), lr=0.02, weight_decay=0.0)
            for _ in range(30):  # the full batch: the order of its rows does not matter
                optimizer.zero_grad()
                torch.nn.functional.mse_loss(model(split.train_x), split.train_y).backward()
                optimizer.step()
            with torch.no_grad():
                alone = model(lab.GRID[:, None])[:, 0]
                error = torch.nn.functional.mse_loss(model(split.validation_x), split.validation_y)
            assert torch.allclose(fits.predictions[k, seed], alone, rtol=0, atol=2e-4)
            assert fits.validation_error[k, seed].item() == pytest.approx(error.item(), abs=1e-3)


def test_parts_leave_out_models_that_are_not_there_yet():
    fits = lab.polynomials(20, 0.3, degrees=(2,), sets=5)
    fits.predictions[0, 4] = math.nan
    expected = bias_variance(fits.predictions[0, :4], lab.TRUTH)
    assert all(torch.equal(a, b) for a, b in zip(fits.parts(0), expected))


def test_the_spread_of_single_fits_is_the_variance_and_most_of_it_sits_at_the_edges():
    fits = lab.polynomials(20, 0.3, (12,), sets=40)
    _, variance = fits.parts(0)
    assert fits.spread(0).mean() == pytest.approx(variance.mean().item())
    inner = lab.GRID.abs() < 0.9
    assert fits.spread(0, 0.9).mean() == pytest.approx(variance[inner].mean().item())
    assert variance[~inner].sum() > variance[inner].sum()


@pytest.mark.parametrize("degree", [0, 3])
def test_the_gap_is_new_labels_less_own_and_on_average_that_of_the_law(degree):
    fits = lab.polynomials(20, 0.3, (degree,))
    x, clean, y = (
        torch.stack([getattr(lab.training_set(seed, 20, 0.3), name)[:, 0] for seed in range(200)])
        for name in ("train_x", "clean_train_y", "train_y")
    )
    (there,) = lab.fit_polynomial(x, y, degree, (x,))
    exact = (there - clean).square().mean(1) + 0.09 - (there - y).square().mean(1)
    assert torch.allclose(fits.gap(0), exact, rtol=0, atol=1e-3)  # GRID's points lie 0.01 apart
    law = 2 * 0.09 * (degree + 1) / 20
    assert abs(exact.mean() - law) < 3 * exact.std() / 200**0.5
