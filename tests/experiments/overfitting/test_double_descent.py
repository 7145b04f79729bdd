"""Minimum-norm regression against its exact law; random features against scikit-learn's ridge."""

import math

import pytest
import torch

from course_lib.base.random import seeded
from course_lib.experiments.overfitting import double_descent as lab
from course_lib.overfitting import excess_risk


def draws(features, rows, count, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, rows, features, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("features", [3, 10, 11, 25])
@pytest.mark.parametrize("l2", [0.0, 0.2])
def test_a_risk_is_the_mean_squared_error_over_labels(features, l2):
    """‖ŵ − β‖² averaged over noise ±σ on every label in turn.

    The formula is linear plus quadratic in the noise.
    """
    rows, noise = 10, 0.7
    x = torch.randn(
        2, rows, features, generator=seeded(features, "isotropic features"), dtype=torch.float64
    )
    beta = torch.full((features,), features**-0.5, dtype=torch.float64)
    for k, ours in enumerate(lab.minimum_norm(features, noise, l2, rows, draws=2)):
        gram = x[k].T @ x[k] + rows * l2 * torch.eye(features, dtype=torch.float64)
        solve = torch.linalg.pinv(gram) @ x[k].T if l2 else torch.linalg.pinv(x[k])
        clean = solve @ (x[k] @ beta) - beta
        assert ours.item() == pytest.approx(
            (clean.square().sum() + noise**2 * solve.square().sum()).item(), rel=1e-6
        )


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("features", [5, 15, 24, 26, 34, 36, 60, 200])
def test_the_mean_lies_within_three_standard_errors_of_the_law(features, noise):
    found, exact = lab.minimum_norm(features, noise), excess_risk(lab.ROWS, features, noise)
    assert abs(found.mean().item() - exact) <= 3 * lab.standard_error(features, noise) + 1e-12


@pytest.mark.parametrize("features", [5, 12, 40, 80])
def test_the_standard_error_is_that_of_many_draws(features, amount):
    draws = amount(2000, 50_000)
    many = lab.minimum_norm(features, 0.5, rows=20, draws=draws)
    exact = lab.standard_error(features, 0.5, rows=20, draws=draws)
    assert many.std().item() / draws**0.5 == pytest.approx(exact, rel=0.15)


def test_near_the_threshold_there_is_no_standard_error_but_a_median():
    assert [lab.standard_error(d, 0.5) for d in (27, 30, 33)] == [math.inf] * 3
    medians = [lab.minimum_norm(d, 0.5).median().item() for d in (20, 29, 30, 31, 60)]
    assert medians[2] == max(medians) and all(map(math.isfinite, medians))


def test_the_best_ridge_has_no_peak_and_is_never_worse():
    best = [lab.minimum_norm(d, 0.5, 0.25 * d / lab.ROWS).mean().item() for d in lab.FEATURES]
    assert best == sorted(best)
    for d, risk in zip(lab.FEATURES, best):
        for l2 in (0.0, 1e-3, 0.1, 1.0):
            other = lab.minimum_norm(d, 0.5, l2)
            assert risk <= other.mean() + 2 * other.std() / 500**0.5


@pytest.mark.parametrize(
    "bad", [{"features": 0}, {"noise": -0.1}, {"l2": -1.0}, {"rows": 0}, {"draws": 1}]
)
def test_refusals(bad):
    with pytest.raises(ValueError, match=f"{next(iter(bad))} ="):
        lab.minimum_norm(**{"features": 5, "noise": 0.5, **bad})
    with pytest.raises(ValueError, match="noise ="):
        next(lab.random_features(1.5))


@pytest.mark.parametrize("width", [20, 350])
def test_random_features_are_scikit_learns_ridge(width):
    splits = [lab.digits(lab.TRAIN_ROWS, 200, n, "unit", 0, torch.float64) for n in (0.0, 0.2)]
    first = torch.randn(64, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    figures = lab._figures(splits, first, (1e-4, 1e-2))

    for split, *found in zip(splits, *figures):
        _expect_ridge(split, first, (1e-4, 1e-2), found)


def _expect_ridge(split, first, strengths, found):
    from sklearn.linear_model import Ridge

    train, validation, test, loss = found

    def phi(x):
        features = torch.relu((x - split.train_x.mean(0)) @ first)
        return (features / first.shape[1] ** 0.5).numpy()

    for k, l2 in enumerate(strengths):
        model = Ridge(alpha=lab.TRAIN_ROWS * l2, fit_intercept=False)
        target = torch.nn.functional.one_hot(split.train_y, 10).double().numpy()
        model.fit(phi(split.train_x), target)
        missed = model.predict(phi(split.train_x)) - target
        assert loss[k].item() == pytest.approx((missed**2).sum() / (target**2).sum(), rel=1e-6)
        for errors, part in ((train, "train"), (validation, "validation"), (test, "test")):
            x, y = getattr(split, f"{part}_x"), getattr(split, f"{part}_y")
            wrong = model.predict(phi(x)).argmax(1) != y.numpy()
            assert errors[k].item() == pytest.approx(wrong.mean(), abs=2 / len(y))


def test_the_two_worlds_have_the_same_images_and_labels_of_their_own():
    clean, noisy = (lab.digits(lab.TRAIN_ROWS, 200, n, "unit", 0) for n in (0.0, 0.2))
    for name in ("train_x", "validation_x", "test_x", "test_y"):
        assert torch.equal(getattr(clean, name), getattr(noisy, name))
    assert not torch.equal(clean.train_y, noisy.train_y)
    assert not torch.equal(clean.validation_y, noisy.validation_y)


def test_random_features_stream_and_tune_on_validation():
    *partial, worlds = lab.random_features(0.2, widths=(20, 300), seeds=(0, 1))
    assert worlds.progress == 1 and partial[0].noisy.test_error.isnan().any()
    assert worlds.clean.test_error.isfinite().all() and worlds.clean.noise == 0
    found = worlds.noisy
    assert found.test_error.isfinite().all() and found.noise == 0.2
    assert (found.train_error[1, :, 0] == 0).all(), "300 features fit 300 labels"
    assert found.train_loss[1, :, 0].max() < 1e-6 < found.train_loss[0].min()
    tuned, fitted = found.tuned(), found.tuned("train_error")
    for w in range(2):
        for s in range(2):
            best = found.validation_error[w, s].min()
            lowest = found.validation_error[w, s] == best
            assert tuned[w, s] in found.test_error[w, s][lowest]
            assert fitted[w, s] in found.train_error[w, s][lowest]


def test_the_widest_is_set_beside_the_width_with_the_lowest_mean_below_a_bound():
    # [widths, seeds] at λ = 0
    plain = torch.tensor([[0.5, 0.5], [0.1, 0.4], [0.3, 0.3], [0.0, 0.0], [0.2, 0.6]])
    errors = torch.stack([torch.zeros_like(plain), plain], 2)
    found = lab.RandomFeatures(0.2, (10, 20, 40, 300, 900), (0.1, 0.0), *[errors] * 4)
    widest, narrow = found.widest_and_best_below(300)
    assert torch.equal(widest, plain[4]) and torch.equal(narrow, plain[1])
