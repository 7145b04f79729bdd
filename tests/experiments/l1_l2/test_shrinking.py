"""What λ makes of a network: counts, directions and losses, checked one network at a time."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import cross_entropy

from course_lib.experiments.l1_l2 import shrinking
from course_lib.experiments.l1_l2.shrinking import (
    METHODS,
    SPEC,
    STRENGTHS,
    compute_shrinking,
    compute_surroundings,
)
from course_lib.experiments.shared.forward import forward
from course_lib.experiments.shared.sharpness import exact_hessian

SEEDS = (0, 1)


@pytest.fixture(scope="module")
def shrunk():
    *_, result = compute_shrinking(SEEDS)
    return result


def test_shapes_and_what_is_counted(shrunk):
    assert shrunk.progress == 1
    for figure in (shrunk.train_error, shrunk.validation_error, shrunk.test_error, shrunk.zeros):
        assert (
            figure.shape == (len(SEEDS), len(METHODS), len(STRENGTHS)) and figure.isfinite().all()
        )
    assert shrunk.shares.shape[-1] % 2 == 1, "a bin of its own for zero"
    middle = shrunk.shares[..., shrunk.shares.shape[-1] // 2]
    assert (middle >= shrunk.zeros - 1e-6).all() and (shrunk.shares.sum(-1) <= 1 + 1e-6).all()
    for seed in SEEDS:
        assert [tuple(p.shape[1:]) for p in shrunk.networks[seed]] == [
            (64, 64),
            (64,),
            (10, 64),
            (10,),
        ]


def test_zeros_come_from_proximal_steps_and_more_from_stronger_ones(shrunk):
    l2, proximal, subgradient = (shrunk.zeros[:, m].double().mean(0) for m in range(3))
    assert l2.max() == 0 and subgradient.max() < 0.01
    assert (proximal.diff() >= 0).all() and proximal[-1] == 1


def test_an_emptied_unit_has_next_to_nothing_in_or_next_to_nothing_out(shrunk):
    at = STRENGTHS.index(3e-2)
    for seed, count in zip(SEEDS, shrunk.emptied_units(3e-2)):
        first, _, last, _ = (p[at] for p in shrunk.networks[seed])
        prices = [first[unit].norm() * last[:, unit].norm() for unit in range(64)]
        assert count == sum(price < 1e-3 for price in prices)
    assert (shrunk.emptied_units(1.0) == 64).all() and (shrunk.emptied_units(1e-5) == 0).all()


def test_weights_of_pixels_that_are_always_black_are_not_counted():
    first, second = torch.ones(27, 64, 64), torch.ones(27, 10, 64)
    first[:, :, 5], second[:, 0, 0] = 0.0, 0.0  # 64 weights of a black pixel, and one other
    training = SimpleNamespace(
        parameters=[[first, torch.zeros(27, 64), second, torch.zeros(27, 10)]],
        **{
            name: torch.zeros(1, 27, 1)
            for name in ("train_accuracy", "validation_accuracy", "test_accuracy")
        },
    )
    found = shrinking._look_at(training, 0, torch.arange(64) != 5)
    assert torch.allclose(
        found["zeros"], torch.full((3, 9), 1 / (63 * 64 + 640), dtype=torch.float64)
    )


def test_networks_are_those_whose_errors_are_told(shrunk):
    split = shrinking.digits_to_shrink(1)
    right = forward(shrunk.networks[1], split.test_x.double()).argmax(2) == split.test_y
    assert torch.allclose(1 - right.double().mean(1), shrunk.test_error[1, 0].double(), atol=2e-3)


def networks(count=3):
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(count, *p.shape, generator=generator, dtype=torch.float64)
        for p in SPEC.initial(0)
    ]


def test_losses_side_by_side_are_those_of_single_models():
    stacked, x, y = networks(), torch.rand(20, 64, dtype=torch.float64), torch.arange(20) % 10
    for v, found in enumerate(shrinking.losses(stacked, x, y)):
        model = SPEC.build(dtype=torch.float64)
        for p, q in zip(model.parameters(), stacked):
            p.data = q[v]
        assert torch.allclose(found, cross_entropy(model(x), y), atol=1e-12)


def test_a_direction_moves_each_unit_by_the_length_of_its_weights():
    stacked = networks()
    direction = shrinking.filter_normalised(stacked, torch.Generator().manual_seed(1))
    for p, d in zip(stacked, direction):
        if p.dim() == 3:
            assert torch.allclose(d.norm(dim=-1), p.norm(dim=-1))
            assert torch.allclose(
                d[0] / d[0].norm(dim=-1, keepdim=True), d[1] / d[1].norm(dim=-1, keepdim=True)
            )
        else:
            assert not d.any()


def test_a_unit_whose_weights_are_all_zero_stays_there():
    stacked = networks()
    stacked[0][0, 3] = 0.0
    assert not shrinking.filter_normalised(stacked, torch.Generator().manual_seed(1))[0][0, 3].any()


def test_surroundings_hold_the_solutions_in_their_middle(shrunk):
    *_, around = compute_surroundings(SEEDS)
    assert around.progress == 1 and around.sharpness.isfinite().all()
    split = shrinking.digits_to_shrink(0).to(torch.float64, "cpu")
    middle = around.loss[0, :, len(shrinking.ALPHAS) // 2]
    assert torch.allclose(
        middle, shrinking.losses(shrunk.networks[0], split.train_x, split.train_y), atol=1e-12
    )
    assert torch.allclose(around.accuracy[:, :, 0], 1 - shrunk.test_error[:, 0].double(), atol=2e-3)


def test_sharpness_is_the_largest_eigenvalue_of_the_exact_hessian():
    """On a model small enough to have one."""
    stacked = [
        torch.randn(1, *shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        for shape in ((5, 4), (5,), (3, 5), (3,))
    ]
    x = torch.rand(12, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    y = torch.arange(12) % 3
    single = [p[0] for p in stacked]

    def loss(params):
        return shrinking.losses([p[None] for p in params], x, y)[0]

    largest = torch.linalg.eigvalsh(exact_hessian(loss, single))[-1].item()
    found = shrinking.top_eigenvalue(
        loss, single, tolerance=1e-8, generator=torch.Generator().manual_seed(0)
    )
    assert math.isclose(found, largest, rel_tol=1e-6)
