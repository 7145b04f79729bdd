"""Speed, smoothness and small batches: the figures are what they say, on small runs."""

import pytest
import torch

from course_lib.lab import norm_training as lab
from course_lib.lab.data import digits
from course_lib.lab.normalised import Networks


def test_first_look_below_a_target():
    losses = torch.tensor([[2.0, 0.5, 0.7], [2.0, 1.5, 1.0], [2.0, 1.9, torch.nan]])
    assert lab.first_below(losses, 1.0).tolist() == [1.0, 2.0, torch.inf]


def test_the_best_rate_is_chosen_on_the_other_seeds():
    steps = torch.tensor([[10.0, 50.0], [90.0, 20.0], [80.0, 30.0]], dtype=torch.float64)
    found = lab.Speed((0.1, 0.3), 0.1, 10, {None: steps}, {None: torch.zeros(3, 2, 11)})
    assert found.at_best_rate(None).tolist() == [50.0, 90.0, 80.0], "each picks what is best for the other two"
    never = torch.full((3, 2), torch.inf, dtype=torch.float64)
    assert (
        lab.Speed((1,), 0.1, 10, {None: never}, {None: torch.zeros(3, 2, 11)}).at_best_rate(None).tolist() == [100] * 3
    )


def test_speed_counts_steps_until_the_target():
    *partial, found = lab.compare_speed(target=1.0, seeds=(0, 1), steps=60)
    assert found.progress == 1 and set(found.steps) == {None, "batch"} and not partial[0].steps
    for norm, losses in found.losses.items():
        assert losses.shape == (2, 4, 7)
        reached = found.steps[norm][found.steps[norm].isfinite()]
        assert (reached % 10 == 0).all()
    assert found.steps["batch"].isfinite().any()


@pytest.mark.parametrize("norm", [None, "batch"])
def test_a_look_ahead_is_the_loss_along_the_gradient(norm):
    """Against one network alone, whose gradient and losses are computed again from its outputs."""
    networks = Networks(
        lab.SHALLOW, norm, [digits(50, scale="unit", seed=s) for s in (0, 1)], (0, 1), dtype=torch.float64
    )
    x, y = networks.rows("train")
    loss, spread, bend = lab.look_ahead(networks, x, y, 0.1)
    before = [p.detach().clone() for p in networks.parameters]
    here, gradient = lab.loss_and_gradient(networks, networks.parameters, x, y)
    ahead = [p.detach() - 0.1 * g for p, g in zip(networks.parameters, gradient)]
    there, other = lab.loss_and_gradient(networks, ahead, x, y)
    assert torch.equal(loss, here) and (spread >= (here - there).abs() - 1e-12).all()
    change = torch.stack([sum((a[v] - b[v]).square().sum() for a, b in zip(other, gradient)) for v in (0, 1)]).sqrt()
    length = torch.stack([sum(g[v].square().sum() for g in gradient) for v in (0, 1)]).sqrt()
    assert (bend >= change / (0.1 * length) - 1e-12).all()
    assert all(torch.equal(p, old) for p, old in zip(networks.parameters, before)), "nothing is taken"


def test_smoothness_at_equal_loss():
    loss = torch.tensor([[2.0, 1.0, 0.4], [2.0, 1.8, 1.6]])
    found = lab.Smoothness(0.1, (0, 1, 2), {"batch": loss}, {"batch": loss * 10}, {"batch": loss * 100})
    assert found.when("batch", 1.0, "bend")[0] == 100 and found.when("batch", 1.0, "spread")[1].isnan()
    *_, small = lab.compare_smoothness(seeds=(0, 1), steps=30)
    assert small.at == (0, 15, 30) and all(values.shape == (2, 3) for values in small.bend.values())


def test_small_batches_leave_batch_norm_out_at_one():
    *partial, found = lab.compare_small_batches(seeds=(0, 1), epochs=1)
    assert ("batch", 1) not in found.error and len(found.error) == 8 and found.progress == 1
    assert all(0 < error.mean() < 0.95 and error.shape == (2,) for error in found.error.values())
