"""Dropout with chance taken out: enumeration against the closed forms, and against masks that are
really drawn.
"""

import itertools
import math

import pytest
import torch

from course_lib.dropout import dropout
from course_lib.experiments.dropout.masks import (
    all_masks,
    averaged_loss,
    chances,
    ridge_loss,
    ridge_solution,
    table,
    tiny_network,
    train_averaged,
    train_linear,
    variance_shift,
)

PS = (0.0, 0.1, 0.5, 0.9)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("units", [1, 2, 5])
def test_every_mask_once(units):
    masks = all_masks(units)
    assert masks.shape == (2**units, units) and len(masks.unique(dim=0)) == 2**units
    assert set(masks.flatten().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("p", [*PS, 1.0])
def test_chances_sum_to_one_and_give_every_unit_its_p(p):
    masks = all_masks(4)
    chance = chances(masks, p)
    assert chance.sum().item() == pytest.approx(1, abs=1e-14)
    assert torch.allclose(
        chance @ masks, torch.full((4,), 1 - p, dtype=torch.float64), rtol=0, atol=1e-14
    )
    by_hand = math.prod((1 - p) if kept else p for kept in (1, 0, 0, 1))
    assert chance[masks.eq(torch.tensor([1, 0, 0, 1])).all(1)].item() == pytest.approx(
        by_hand, abs=1e-15
    )


@pytest.mark.parametrize("units", [0, 17, -1])
def test_too_many_masks_are_refused(units):
    with pytest.raises(ValueError, match=r"^units = .*: must be a finite number in \[1, 16\]"):
        all_masks(units)


@pytest.mark.parametrize("p", PS)
def test_the_average_over_all_masks_is_the_ridge_loss(p):
    for seed in range(5):
        x, y, w = normal(7, 4, seed=seed), normal(7, seed=seed + 50), normal(4, seed=seed + 100)
        assert averaged_loss(x, y, w, p).item() == pytest.approx(
            ridge_loss(x, y, w, p).item(), rel=1e-13
        )


def test_the_average_by_another_enumeration():
    """All masks of all rows together, [2^(rows·features)] of them, each with its probability."""
    x, y, w, p = normal(2, 3), normal(2, seed=1), normal(3, seed=2), 0.3
    total = 0.0
    for flat in itertools.product((0.0, 1.0), repeat=6):
        m = torch.tensor(flat, dtype=torch.float64).reshape(2, 3)
        chance = math.prod(1 - p if kept else p for kept in flat)
        total += chance * (y - (m * x / (1 - p)) @ w).square().sum().item()
    assert averaged_loss(x, y, w, p).item() == pytest.approx(total, rel=1e-13)


@pytest.mark.parametrize("p", PS)
def test_the_closed_form_is_the_lowest_point(p):
    x, y = normal(9, 4), normal(9, seed=1)
    w = ridge_solution(x, y, p).requires_grad_()
    (slope,) = torch.autograd.grad(averaged_loss(x, y, w, p), w)
    assert slope.abs().max() < 1e-11


def test_without_dropout_it_is_least_squares_and_with_more_it_shrinks():
    x, y = normal(9, 4), normal(9, seed=1)
    assert torch.allclose(
        ridge_solution(x, y, 0.0), torch.linalg.lstsq(x, y.unsqueeze(1)).solution[:, 0], atol=1e-12
    )
    sizes = [((x * ridge_solution(x, y, p)) ** 2).sum().item() for p in PS]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("p", [1.0, -0.1, math.nan])
def test_p_is_refused(p):
    for refuse in (
        lambda: ridge_solution(normal(4, 2), normal(4), p),
        lambda: variance_shift(normal(4, 2), p),
    ):
        with pytest.raises(ValueError, match="^p = "):
            refuse()


def test_gradient_descent_on_the_average_ends_at_the_closed_form():
    x, y = normal(8, 3), normal(8, seed=1)
    assert torch.allclose(
        train_averaged(x, y, 0.4, 0.02, 1500), ridge_solution(x, y, 0.4), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("p", [0.2, 0.6])
def test_trained_with_real_masks_the_mean_is_the_closed_form(p, amount):
    """The masks of a step do not depend on the weights before it, so the mean weights descend on
    the average loss.
    """
    x, y = normal(8, 3), normal(8, seed=1)
    draws = torch.Generator().manual_seed(0)
    runs = train_linear(x, y, p, 0.01, 1500, runs=amount(400, 8000), generator=draws)
    z = (runs.mean(0) - ridge_solution(x, y, p)) / (runs.std(0) / len(runs) ** 0.5)
    assert z.abs().max() < 4.5, "p-value 1e-5"
    far = (runs.mean(0) - ridge_solution(x, y, 0.0)) / (runs.std(0) / len(runs) ** 0.5)
    assert far.abs().max() > 10, "and not that of least squares: the test can fail"


def test_one_run_by_hand():
    """One feature, one row, a layer that keeps everything twice as large: w ← w − lr·(2w − y)·2."""
    x, y = torch.ones(1, 1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    w = train_linear(x, y, 0.5, 0.1, 2, layer=lambda x, p, training, generator: 2 * x)
    assert w.item() == pytest.approx(0.2 - 0.1 * (0.4 - 1) * 2)


@pytest.mark.parametrize("p", PS)
def test_the_variance_shift_over_all_masks(p):
    x = normal(6, 1).relu() + 0.1
    masks = all_masks(6)
    chance = chances(masks, p).unsqueeze(1)
    y = x.T * masks / (1 - p)  # [2⁶, 6 rows]
    mean, second = ((chance * y**power).sum() / 6 for power in (1, 2))
    expected = (second - mean**2) / x.var(correction=0)
    assert variance_shift(x, p).item() == pytest.approx(expected.item(), rel=1e-12)


def test_the_variance_shift_of_drawn_masks():
    x = normal(200_000, 1).relu()
    y = dropout(x, 0.5, generator=torch.Generator().manual_seed(0))
    assert (y.var() / x.var()).item() == pytest.approx(variance_shift(x, 0.5).item(), rel=0.02)
    assert variance_shift(x, 0.5).item() == pytest.approx(
        (1 - 1 / (2 * math.pi)) / (0.5 - 1 / (2 * math.pi)), rel=0.02
    )


def test_the_tiny_network_has_no_unit_off_and_its_table_a_line_for_each_mask():
    example, first, second = tiny_network()
    assert (first @ example > 0).all() and second.shape == (2, 3)
    hidden, masks = first @ example, all_masks(3)
    lines = table(masks, 0.5, (2 * hidden * masks) @ second.T, second @ hidden).splitlines()
    assert len(lines) == 1 + 8 + 2 and lines[4].split()[:4] == ["0", "1", "1", "0.125"]
    average, evaluation = (line.split()[-2:] for line in lines[-2:])
    assert average == evaluation


@pytest.mark.parametrize("k", [1, 2, 10])
def test_equal_features_keep_more_of_their_weight_together(k):
    x, y, p = normal(20, 1), normal(20, seed=1), 0.3
    alone = (x[:, 0] @ y / x.square().sum()).item()
    together = ridge_solution(x.expand(20, k), y, p).sum().item()
    assert together == pytest.approx(alone / (1 + p / ((1 - p) * k)), rel=1e-9)
