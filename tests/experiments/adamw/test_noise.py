"""Where a weight with a noisy gradient rests: the balance solves its equation, runs come near."""

import pytest

from course_lib.experiments.adamw import noise


@pytest.mark.parametrize("sigma", [0.5, 1.0, 10.0])
def test_the_balance_solves_its_equation(sigma):
    w = noise.balance(sigma)
    slope = noise.STAR - w
    assert noise.STRENGTH * w == pytest.approx(slope / (slope**2 + sigma**2) ** 0.5)


def test_for_large_noise_it_is_ridge_with_strength_times_noise():
    assert noise.balance(1000.0) == pytest.approx(noise.STAR / (1 + 500), rel=1e-4)


def test_weights_rest_near_the_balance():
    assert noise.rest(3.0, seeds=2, weights=50, steps=2000).mean().item() == pytest.approx(
        noise.balance(3.0), rel=0.1
    )


def test_a_path_begins_at_the_star_and_is_drawn_to_the_balance():
    path = noise.path(3.0, weights=50, steps=1500)
    assert path.shape == (1501, 50) and (path[0] == noise.STAR).all()
    assert path[-500:].mean().item() == pytest.approx(noise.balance(3.0), rel=0.1)


def test_adam_with_l2_is_not_moved_by_the_size_of_the_noise():
    for sigma in (1.0, 3.0):
        rests = noise.rest(sigma, seeds=2, weights=50, steps=3000, l2=True)
        assert rests.mean().item() == pytest.approx(noise.RIDGE, rel=0.1)
