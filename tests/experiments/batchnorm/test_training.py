"""Speed, smoothness and small batches: the figures are what they say, on small runs."""

import pytest
import torch

from course_lib.data import digits
from course_lib.engine import ModelSpec
from course_lib.experiments.batchnorm import training as lab
from course_lib.experiments.batchnorm.networks import NormedNetworks


def test_first_look_below_a_target():
    losses = torch.tensor([[2.0, 0.5, 0.7], [2.0, 1.5, 1.0], [2.0, 1.9, torch.nan]])
    assert lab.first_below(losses, 1.0).tolist() == [1.0, 2.0, torch.inf]


def test_the_best_rate_is_chosen_on_the_other_seeds():
    steps = torch.tensor([[10.0, 50.0], [90.0, 20.0], [80.0, 30.0]], dtype=torch.float64)
    found = lab.Speed((0.1, 0.3), 0.1, 10, {"plain": steps}, {"plain": torch.zeros(3, 2, 11)})
    assert found.at_best_rate("plain").tolist() == [50.0, 90.0, 80.0], (
        "each picks what is best for the other two"
    )
    assert found.at_best_rate("plain", lrs=(0.3, 1.0)).tolist() == [50.0, 20.0, 30.0]
    never = torch.full((3, 2), torch.inf, dtype=torch.float64)
    found = lab.Speed((1,), 0.1, 10, {"plain": never}, {"plain": torch.zeros(3, 2, 11)})
    assert found.at_best_rate("plain").tolist() == [100] * 3


def test_speed_counts_steps_until_the_target():
    *partial, found = lab.compare_speed(target=1.0, seeds=(0, 1), steps=60, lrs=lab.LRS)
    assert found.progress == 1 and not partial[0].steps
    assert list(found.steps) == ["plain", "plain, gain √2", "BatchNorm", "LayerNorm"]
    for name, losses in found.losses.items():
        assert losses.shape == (2, len(lab.LRS), 7)
        reached = found.steps[name][found.steps[name].isfinite()]
        assert (reached % 10 == 0).all()
    assert found.steps["BatchNorm"].isfinite().any()


def test_more_rates_and_another_norm_change_nothing_for_the_others():
    (*_, few), (*_, more) = (
        lab.compare_speed(1.0, names, (0, 1), 20, lrs=lrs)
        for names, lrs in ((("BatchNorm",), lab.LRS), (("LayerNorm", "BatchNorm"), lab.MORE_LRS))
    )
    assert more.lrs[: len(few.lrs)] == few.lrs and more.steps["LayerNorm"].shape == (2, 7)
    same = more.losses["BatchNorm"][:, : len(few.lrs)]
    assert torch.allclose(few.losses["BatchNorm"], same, rtol=1e-3)


def test_the_pixels_are_scaled_as_asked():
    for scale in ("unit", "standard"):
        (*_, found), split = (
            lab.compare_speed(1.0, ("plain",), (3,), 10, lrs=(0.1,), scale=scale),
            digits(500, scale=scale, seed=3),
        )
        networks = NormedNetworks(lab.DEEP, None, [split], [3])
        start = networks.losses(*networks.rows("train")).item()
        assert found.losses["plain"][0, 0, 0].item() == pytest.approx(start, rel=1e-4)


def test_the_wider_start_keeps_the_size_of_what_a_relu_halves():
    start = lab.WiderStart((200, 400, 400, 400, 10)).initial(0, torch.float64)
    usual = ModelSpec((200, 400, 400, 400, 10)).initial(0, torch.float64)
    assert all(
        torch.equal(a, b * 6**0.5) if a.ndim == 2 else not a.any() for a, b in zip(start, usual)
    )
    x = torch.randn(500, 200, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    sizes = [x.square().mean()]
    for weight in start[:-2:2]:
        x = torch.relu(x @ weight.T)
        sizes.append(x.square().mean())
    assert all(size == pytest.approx(1.0, rel=0.15) for size in map(float, sizes))


@pytest.mark.parametrize("norm", [None, "batch"])
def test_a_look_ahead_is_the_loss_along_the_gradient(norm):
    """Against one network alone, whose gradient and losses are computed again from its outputs."""
    networks = NormedNetworks(
        lab.SHALLOW,
        norm,
        [digits(50, scale="unit", seed=s) for s in (0, 1)],
        (0, 1),
        dtype=torch.float64,
    )
    x, y = networks.rows("train")
    bend = lab.look_ahead(networks, x, y, 0.1)
    before = [p.detach().clone() for p in networks.parameters]
    gradient = lab.gradient_at(networks, networks.parameters, x, y)
    own = torch.autograd.grad(
        networks.losses(x, y, training=True, remember=False).sum(), networks.parameters
    )
    assert all(torch.equal(a, b) for a, b in zip(gradient, own))
    ahead = [p.detach() - 0.1 * g for p, g in zip(networks.parameters, gradient)]
    other = lab.gradient_at(networks, ahead, x, y)
    change = torch.stack(
        [sum((a[v] - b[v]).square().sum() for a, b in zip(other, gradient)) for v in (0, 1)]
    ).sqrt()
    length = torch.stack([sum(g[v].square().sum() for g in gradient) for v in (0, 1)]).sqrt()
    assert (bend >= change / (0.1 * length) - 1e-12).all()
    assert all(torch.equal(p, old) for p, old in zip(networks.parameters, before)), (
        "nothing is taken"
    )


def smoothness(plain, batch):
    """With these losses at the first level, and a bend of e² with BatchNorm, of e without."""
    losses = {
        norm: torch.tensor([[at, torch.nan, torch.nan] for at in seen])
        for norm, seen in ((None, plain), ("batch", batch))
    }
    bends = {norm: torch.ones_like(losses[norm]).exp() ** (2 if norm else 1) for norm in losses}
    bends["batch"][0] *= 1.1  # an interval needs values that differ
    return lab.Smoothness(0.1, (), {}, {}, losses, bends)


def test_smoothness_at_equal_loss_says_nothing_where_the_losses_are_not_equal():
    found = smoothness((2.0, 1.95), (1.9, 1.99)).at_level(2.0)
    assert found.mean == pytest.approx(1 + 0.5 * torch.tensor(1.1).log().item())
    assert smoothness((2.0, 1.95), (1.79, 1.99)).at_level(2.0) is None, (
        "more than a tenth past the level"
    )
    assert smoothness((2.0, torch.nan), (1.9, 1.99)).at_level(2.0) is None, "one never came there"


def test_smoothness_looks_at_every_step_for_a_level():
    *_, small = lab.compare_smoothness(lr=0.3, seeds=(0, 1), steps=30)
    assert small.at == (0, 15, 30) and all(values.shape == (2, 3) for values in small.bend.values())
    for norm in (None, "batch"):
        first, loss = small.loss_at[norm][:, 0], small.loss[norm]
        assert (
            loss.shape == (2, 3)
            and small.bend_at[norm].isfinite().eq(small.loss_at[norm].isfinite()).all()
        )
        assert ((first <= 2.0) | first.isnan()).all()
    reached = small.loss_at["batch"]
    assert reached[:, 0].isfinite().all() and (reached[:, 0] > small.loss["batch"][:, 1]).all(), (
        "before the look at 15"
    )


def test_small_batches_leave_batch_norm_out_at_one():
    *partial, found = lab.compare_small_batches(seeds=(0, 1), epochs=1)
    assert ("batch", 1) not in found.error and len(found.error) == 8 and found.progress == 1
    assert all(0 < error.mean() < 0.95 and error.shape == (2,) for error in found.error.values())
