"""Columns behind a BatchNorm: as many decays and seeds as asked, and what uneven turning is."""

import pytest
import torch

from course_lib.experiments.adamw import normed

NAMES = ["Adam + L2", "AdamW"]


def test_the_arms_have_the_same_decays_and_next_to_none_is_adam():
    arms = normed.columns(NAMES, range(2), steps=3)
    for arm in arms.values():
        assert arm.optimizer.decay == normed.DECAYS and arm.optimizer.lr == (normed.RATE,)
        for values in (arm.error, arm.train_error, arm.uneven):
            assert values.shape == (2, 13) and values.isfinite().all()
        assert not arm.error[0].equal(arm.error[1])
    coupled, decoupled = arms.values()
    assert torch.allclose(coupled.error[:, 0], decoupled.error[:, 0], atol=5e-3)
    assert normed.RATE * normed.DECAYS[-1] == 1


def test_the_rate_is_the_one_that_is_asked_for():
    slow, larger = (
        normed.columns(["AdamW"], range(2), steps=3, rate=rate)["AdamW"]
        for rate in (normed.RATE, normed.LARGER)
    )
    assert larger.optimizer.lr == (normed.LARGER,)
    assert not slow.error.equal(larger.error)
    decays = torch.tensor(normed.DECAYS)  # a tenth of a λ stands two places before it
    assert torch.allclose(decays[2:] / 10, decays[:-2], rtol=0.01)


def test_turns_are_angles_of_a_step_whatever_the_length():
    squares = torch.zeros(1, 2, 128)
    observe = normed._adding_angles((7,), 5, squares)
    w = torch.zeros(2, 128, 64)
    w[..., 0] = 1
    turned = w.clone()
    turned[..., 1] = torch.linspace(0.001, 0.002, 128)  # tan of the angle
    for step, weight in ((4, w), (5, 2 * w), (6, 3 * turned), (6 + normed.LOOKS, w)):
        observe(7, step, [weight], [])
    assert torch.allclose(squares.sqrt(), turned[..., 1], rtol=1e-3)


def test_unevenness_is_zero_where_all_turn_alike_and_has_no_unit():
    squares = torch.rand(3, 5, generator=torch.Generator().manual_seed(0)) + 0.1
    assert torch.allclose(normed.unevenness(squares), normed.unevenness(49 * squares))
    assert normed.unevenness(torch.full((3, 5), 4.0)).tolist() == [0.0] * 3
    assert normed.unevenness(torch.tensor([1.0, 9.0])).item() == pytest.approx(2**0.5 / 2)
