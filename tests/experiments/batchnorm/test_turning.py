"""Weight decay on a weight whose length does not matter: the closed forms, and what is measured on
digits.
"""

import math

import pytest
import torch

from course_lib.batchnorm import batch_norm
from course_lib.experiments.batchnorm import turning
from course_lib.experiments.batchnorm.turning import (
    angle_at_rest,
    angle_between,
    growing_rate,
    norm_at_rest,
    turn,
)

KNOBS = [(0.1, 0.1, 1.0), (0.5, 0.2, 3.0), (1.0, 0.9, 0.5), (2.0, 0.3, 2.0)]


@pytest.mark.parametrize(("lr", "strength", "gradient"), KNOBS)
def test_from_every_starting_length_the_same_norm_and_angle(lr, strength, gradient):
    found = turn(lr, (strength,), gradient, steps=3000)
    assert (found.norms[:, 0, -1] - norm_at_rest(lr, strength, gradient)).abs().max() < 1e-12
    assert (found.angles[:, 0, -1] - angle_at_rest(lr, strength)).abs().max() < 1e-12
    assert (found.ratio() - 1).abs().max() < 1e-12
    assert found.norms[:, 0, 0].tolist() == list(turning.SCALES)


def test_at_the_edge_of_the_condition_the_length_swings_for_ever():
    """lr·λ = 1: w ← −lr·g, at right angles to the old w and of length lr·g̃/‖w‖."""
    found = turn(1.0, (1.0,), steps=101)
    assert torch.allclose(
        found.norms[:, 0, -2:], torch.tensor([[0.2, 5.0], [1, 1], [3, 1 / 3]], dtype=torch.float64)
    )
    assert (found.angles - math.pi / 2).abs().max() < 1e-12 and norm_at_rest(1.0, 1.0, 1.0) == 1


def test_each_step_obeys_pythagoras():
    found, lr = turn(0.3, (0.0, 0.2), 2.0, steps=50), 0.3
    before, after = found.norms[..., :-1].square(), found.norms[..., 1:].square()
    shrink = (1 - lr * torch.tensor([0.0, 0.2], dtype=torch.float64)).square().view(1, 2, 1)
    assert torch.allclose(after, shrink * before + lr**2 * 4 / before, rtol=1e-13, atol=0)


def test_lengths_and_angles_give_the_constant_gradient_back():
    found = turn(0.3, (0.0, 0.2), 2.0, steps=50)
    assert (found.scale_free_gradient - 2).abs().max() < 1e-10


def test_without_decay_it_grows_for_ever_and_turns_ever_less():
    found = turn(0.1, (0.0,), steps=500)
    assert (found.norms.diff() > 0).all() and (found.angles.diff() < 0).all()
    assert norm_at_rest(0.1, 0.0, 1.0) == math.inf and found.ratio().isinf().all()


def test_the_angle_is_about_the_root_of_twice_the_product():
    for product in (1e-2, 1e-3, 1e-4):
        assert angle_at_rest(product, 1.0) / math.sqrt(2 * product) - 1 == pytest.approx(
            product / 12, rel=0.05
        )
    assert angle_at_rest(0.01, 0.5, momentum=0.9) == math.sqrt(2 * 0.005 / 1.9)


def test_angles_between_vectors():
    a = torch.tensor([[2.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    b = torch.tensor([[0.0, 5.0], [1.0, 1e-9]], dtype=torch.float64)
    wanted = torch.tensor([math.pi / 2, 1e-9], dtype=torch.float64)
    assert torch.allclose(angle_between(a, b), wanted, rtol=1e-9, atol=0)
    assert angle_between(a[0], -a[0]).item() == pytest.approx(math.pi)


def test_a_rate_that_grows_turns_the_weight_as_decay_does():
    """On a small BatchNorm layer, with ε scaled along: after every step one weight is the other,
    times (1 − lr·λ)ᵗ.
    """
    generator = torch.Generator().manual_seed(0)
    x, goal, start = (
        torch.randn(*s, dtype=torch.float64, generator=generator) for s in ((8, 4), (8, 3), (4, 3))
    )
    lr, strength, eps, decayed, grown = 0.1, 0.3, 1e-3, start.clone(), start.clone()
    for t in range(40):
        shrink = (1 - lr * strength) ** t
        grad = gradient(decayed, x, goal, eps * shrink**2)
        decayed = (1 - lr * strength) * decayed - lr * grad
        grown = grown - growing_rate(lr, strength, t) * gradient(grown, x, goal, eps)
        assert torch.allclose(decayed, grown * shrink * (1 - lr * strength), rtol=1e-10, atol=1e-14)


def gradient(w, x, goal, eps):
    w = w.clone().requires_grad_()
    y = batch_norm(x @ w, training=True, eps=eps)
    loss = (goal * y + y.sin()).mean()
    return torch.autograd.grad(loss, w)[0]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_on_digits_the_angle_comes_to_rest_where_there_was_time_enough(momentum):
    lr = 0.1 if momentum == 0 else 0.01
    *partial, found = turning.turn_on_digits(
        lr, (0.0, 0.1 / lr), seeds=(0, 1), steps=1000, momentum=momentum
    )
    assert found.progress == 1 and found.norms.isfinite().all() and len(partial) == 10
    assert partial[0].norms[..., 150:].isnan().all()
    assert (found.ratio()[:, 1] - 1).abs().max() < 0.05, "lr·λ·steps = 100"
    assert (found.norms[:, 0].diff() > 0).double().mean() > 0.95, "without decay it grows"


def test_rates_are_compared_on_the_same_footing():
    *partial, found = turning.compare_rates(seeds=(0, 1), steps=120)
    assert found.error.shape == found.loss.shape == (3, 2) and partial[0].error.isnan().all()
    decay, neither, growing = found.effective_lr
    assert (decay[:, 0] == neither[:, 0]).all() and (
        (growing / decay)[:, 0] - 1 / (1 - 0.005)
    ).abs().max() < 1e-6
    assert (growing / decay - 1).abs().max() < 0.05 and (decay[:, -1] > 1.5 * neither[:, -1]).all()
    assert (found.error > 0.02).all() and (found.error < 0.6).all()


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: angle_at_rest(2.0, 1.0), "lr·λ = 2.0"),
        (lambda: angle_at_rest(0.1, -1.0), "lr·λ = -0.1"),
        (lambda: norm_at_rest(2.0, 1.0, 1.0), "lr·λ = 2.0"),
        (lambda: turn(0.0), "lr = 0.0"),
        (lambda: turn(float("nan")), "lr = nan"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, named):
    with pytest.raises(ValueError, match=named):
        call()
