"""Noise of minibatch gradients: formulas against every batch there is."""

import itertools

import pytest
import torch

from course_lib.experiments.shared.gradient_noise import (
    all_batches,
    batches,
    settle,
    standard_error,
    variance_at_rest,
)
from course_lib.sgd import sgd_update

GRADIENTS = torch.tensor([3.0, -1.0, 0.5, 2.0, -4.0, 1.0], dtype=torch.float64)
SIGMA = GRADIENTS.std(correction=0).item()


@pytest.mark.parametrize("batch_size", range(1, 7))
def test_batches_without_replacement_are_unbiased_with_the_finite_population_factor(batch_size):
    means = all_batches(GRADIENTS, batch_size)
    assert (means.mean() - GRADIENTS.mean()).abs() < 1e-14
    assert abs(means.std(correction=0).item() - standard_error(SIGMA, batch_size, rows=6)) < 1e-14


@pytest.mark.parametrize("batch_size", range(1, 5))
def test_batches_with_replacement_are_unbiased_with_sigma_over_root_b(batch_size):
    means = all_batches(GRADIENTS, batch_size, replacement=True)
    assert len(means) == 6**batch_size and (means.mean() - GRADIENTS.mean()).abs() < 1e-14
    assert abs(means.std(correction=0).item() - standard_error(SIGMA, batch_size)) < 1e-14


def test_at_the_whole_set_only_the_factor_gives_zero():
    assert standard_error(SIGMA, 6, rows=6) == 0 < standard_error(SIGMA, 6)
    assert standard_error(SIGMA, 1, rows=1) == 0


@pytest.mark.parametrize(("lr", "curvature"), [(0.8, 1.0), (0.3, 4.0), (1.2, 1.0)])
def test_sgd_settles_at_the_formula_over_every_history_of_draws(lr, curvature):
    """Two examples, batches of two with replacement: 4⁹ histories, all of them."""
    centres = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    w, draws = torch.zeros(1, dtype=torch.float64), all_batches(centres, 2, replacement=True)
    for _ in range(9):
        w = torch.stack(
            [sgd_update(w.clone(), curvature * (w - c), {}, lr=lr) for c in draws]
        ).flatten()
    # gradients h(w − c): σ = h·std(c)
    wanted = variance_at_rest(lr, curvature, sigma=curvature, batch_size=2)
    assert len(w) == 4**9 and abs(w.var(correction=0).item() / wanted - 1) < 1e-11


def test_settle_agrees_with_the_formula_and_shuffling_settles_lower(amount):
    centres = torch.linspace(-1, 1, 16, dtype=torch.float64)
    sigma, generator = centres.std(correction=0).item(), torch.Generator().manual_seed(0)
    runs = amount(20_000, 500_000)
    options = {"batch_size": 2, "lr": 0.2, "steps": 80, "runs": runs, "generator": generator}
    free = settle(centres, shuffled=False, **options).var().item()
    shuffled = settle(centres, shuffled=True, **options).var().item()
    wanted = variance_at_rest(0.2, 1.0, sigma, 2)
    standard_error_of_variance = wanted * (2 / runs) ** 0.5
    assert abs(free - wanted) < 4 * standard_error_of_variance
    assert shuffled < wanted - 10 * standard_error_of_variance


def test_shuffled_batches_hold_every_row_once_an_epoch():
    rows = list(itertools.islice(batches(10, 3, generator=torch.Generator().manual_seed(0)), 6))
    first, second = torch.cat(rows[:3]).tolist(), torch.cat(rows[3:]).tolist()
    assert len(set(first)) == len(set(second)) == 9 and first != second
    free = torch.cat(
        list(itertools.islice(batches(10, 3, False, torch.Generator().manual_seed(0)), 100))
    )
    assert set(free.tolist()) == set(range(10))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: standard_error(1.0, 0), "batch_size = 0"),
        (lambda: standard_error(1.0, 7, rows=6), "batch_size = 7"),
        (lambda: standard_error(-1.0, 1), "sigma = -1"),
        (lambda: variance_at_rest(2.0, 1.0, 1.0, 1), "lr = 2.0"),
        (lambda: next(batches(4, 5)), "batch_size = 5"),
        (lambda: settle(GRADIENTS, 4, 0.1, 1, shuffled=True, runs=1), "batch_size = 4"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, named):
    with pytest.raises(ValueError, match=named):
        call()
