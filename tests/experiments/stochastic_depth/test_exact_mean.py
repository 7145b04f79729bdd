"""All masks of a small network, each with its probability."""

import pytest
import torch

from course_lib.experiments.stochastic_depth.exact_mean import mean_over_masks, run_blocks
from course_lib.stochastic_depth import drop_path, survival_probabilities


def network(depth=4):
    draws = torch.Generator().manual_seed(0)
    weights = [torch.randn(3, 3, dtype=torch.float64, generator=draws) / 2 for _ in range(depth)]
    return torch.randn(3, dtype=torch.float64, generator=draws), weights


def test_two_blocks_by_hand():
    x, (v, w) = network(2)
    p, q = 0.8, 0.4
    one, two, both = x + v @ x / p, x + w @ x / q, x + v @ x / p + w @ (x + v @ x / p) / q
    by_hand = (1 - p) * (1 - q) * x + p * (1 - q) * one + (1 - p) * q * two + p * q * both
    assert torch.allclose(mean_over_masks(x, (v, w), (p, q), (1 / p, 1 / q)), by_hand, rtol=1e-13)


@pytest.mark.parametrize("bend", [lambda z: z, torch.tanh], ids=["linear", "tanh"])
def test_it_is_the_mean_of_many_draws(bend, amount):
    x, weights = network()
    survivals = survival_probabilities(4, 0.4)
    draws, rows = torch.Generator().manual_seed(1), x.expand(amount(10_000, 1_000_000), 3)
    for w, survival in zip(weights, survivals):
        rows = rows + drop_path(bend(rows @ w.T), 1 - survival, generator=draws)
    exact = mean_over_masks(x, weights, survivals, [1 / survival for survival in survivals], bend)
    assert ((rows.mean(0) - exact).abs() < 5 * rows.std(0) / len(rows) ** 0.5).all()


def test_of_linear_blocks_evaluation_is_the_mean_either_way():
    x, weights = network()
    survivals, ones = survival_probabilities(4, 0.3), [1.0] * 4
    rescaled = mean_over_masks(x, weights, survivals, [1 / survival for survival in survivals])
    assert torch.allclose(rescaled, run_blocks(x, weights, ones), rtol=1e-12)
    assert torch.allclose(
        mean_over_masks(x, weights, survivals, ones), run_blocks(x, weights, survivals), rtol=1e-12
    )


def test_of_one_block_rescaling_is_exact_whatever_the_branch():
    x, weights = network(1)
    mean = mean_over_masks(x, weights, [0.3], [1 / 0.3], torch.tanh)
    assert torch.allclose(mean, run_blocks(x, weights, [1.0], torch.tanh), rtol=1e-13)
    x, weights = network(2)
    mean = mean_over_masks(x, weights, [0.3, 0.3], [1 / 0.3] * 2, torch.tanh)
    assert not torch.allclose(mean, run_blocks(x, weights, [1.0, 1.0], torch.tanh), rtol=1e-3)
