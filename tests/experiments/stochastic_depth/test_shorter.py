"""The experiments of lesson 08: what is timed, what is trained, and what reaches the first
block.
"""

import math

import pytest
import torch
from torch import nn

from course_lib.base.random import seeded
from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.experiments.stochastic_depth import first_block, shorter, steps, training
from course_lib.stochastic_depth import survival_probabilities


def test_expected_depths_and_their_uniform_twins():
    depths = training.expected_depths()
    assert depths[training.LAST.index(0.5)] == pytest.approx((3 * 12 - 1) / 4) and depths[-1] == 12
    for twin, depth in zip(training.uniform_twins(), depths):
        assert sum(survival_probabilities(12, twin, "uniform")) == pytest.approx(depth)


def test_training_fills_in_seed_by_seed_and_is_remembered():
    options = {"last": (0.5, 1.0), "seeds": (0, 1), "steps": 24}
    *partial, complete = training.train_shorter(**options)
    assert complete.recorded == (24,)
    for name in training.FIGURES:
        figure = getattr(complete, name)
        assert (
            figure.shape == (2, 2, 1)
            and figure.isfinite().all()
            and torch.equal(complete.at(name), figure[..., 0])
        )
    assert complete.early.shape == (2, 2) and complete.late.isfinite().all()
    still_updating = [found for found in partial if found.progress < 0.99]
    assert all(found.error.isnan().any() for found in still_updating)
    assert list(training.train_shorter(**options)) == [complete]


def test_a_network_of_fewer_blocks_is_that_network():
    *_, found = training.train_shorter(last=(1.0,), depth=2, seeds=(0,), steps=6, watch=False)
    split = digits(300, 0, label_noise=0.2, scale="unit", seed=0)
    grid = {"survival": [1.0], "lr": 2e-3, "weight_decay": 0.0}
    *_, plain = train(
        ModelSpec((64, 32, 10), residual_blocks=2, expansion=1, branch_norm=False),
        split,
        grid,
        (0,),
        steps=6,
    )
    assert found.at("nll").item() == pytest.approx(plain.test_loss.item(), rel=1e-6)


def test_each_stops_at_its_own_best_step():
    nll = torch.tensor([[[3.0, 1.0, 2.0], [1.0, 2.0, 3.0]], [[3.0, 2.0, 1.5], [2.0, 1.5, 3.0]]])
    error, nothing = nll / 10, torch.zeros(2, 2)
    found = training.Shorter("linear", (0.5, 1.0), (10, 20, 30), error, nll, nll, nothing, nothing)
    assert found.best_steps() == [20, 10], "by the mean over seeds: 1.5 and 1.5"
    assert torch.equal(found.stopped("error"), torch.stack([error[:, 0, 1], error[:, 1, 0]], 1))
    assert torch.equal(found.at("nll", 20), nll[:, :, 1]) and torch.equal(
        found.at("nll"), nll[:, :, 2]
    )
    with pytest.raises(ValueError, match="not in tuple"):
        found.at("nll", 15)
    assert found.seen_at(20) == 20 and found.seen_at(15) == 30


def test_what_is_recorded_on_the_way_is_what_a_shorter_training_ends_with():
    options = {"last": (0.5,), "depth": 2, "seeds": (0,), "watch": False}
    *_, long = training.train_shorter(steps=30, **options)
    *_, short = training.train_shorter(steps=25, **options)
    assert long.recorded == (25, 30) and long.at("nll", 25).item() == pytest.approx(
        short.at("nll").item(), rel=1e-6
    )


def test_reversed_is_the_linear_rule_from_the_other_end():
    linear, other = (training.spec_of(rule, 12, False) for rule in ("linear", "reversed"))
    assert other.survival(0.3) == linear.survival(0.3)[::-1] and other.survival(0.3)[
        0
    ] == pytest.approx(0.3)
    assert [block.survival for block in other.build(survival=0.3)[2:-1]] == other.survival(0.3)
    with pytest.raises(ValueError, match="rule"):
        training.spec_of("backwards", 12, False)


@pytest.mark.parametrize(("rule", "never"), [("linear", 2), ("reversed", 0)])
def test_the_block_that_is_never_on_learns_nothing(rule, never):
    learnt, split = torch.zeros(3), digits(100, 0, scale="unit", seed=0)

    def observe(seed, step, parameters, gradients):
        sizes = [g.abs().sum() for g in gradients[2:-2]]  # of each block: two matrices, two biases
        learnt.add_(torch.stack(sizes).reshape(3, 4).sum(1))

    spec, grid = (
        training.spec_of(rule, 3, False),
        {"survival": [0.0], "lr": 2e-3, "weight_decay": 0.0},
    )
    assert [*train(spec, split, grid, (0,), steps=4, observe=observe)]
    assert learnt[never] == 0 and (learnt > 0).sum() == 2


def test_watching_changes_nothing_else():
    options = {"last": (0.5, 1.0), "seeds": (0, 1, 2), "steps": 12}
    (*_, watched), (*_, other) = (
        training.train_shorter(watch=watch, **options) for watch in (True, False)
    )
    for name in ("error", "nll", "train_loss"):
        assert torch.allclose(watched.at(name), other.at(name), rtol=1e-3, atol=5e-3), name
    assert watched.early.isfinite().all() and other.early.isnan().all() and other.late.isnan().all()


@pytest.mark.parametrize("norm", [False, True])
def test_the_gradient_of_the_first_block_is_what_is_noted(norm):
    """At step 0 without dropping: the same as autograd's, of the single network."""
    *_, found = training.train_shorter(last=(1.0,), norm=norm, seeds=(3,), steps=1)
    spec = ModelSpec((64, 32, 10), residual_blocks=12, expansion=1, branch_norm=norm)
    network = spec.build(seed=3)
    split = digits(300, 0, label_noise=0.2, scale="unit", seed=3)
    rows = torch.randperm(300, generator=seeded(3, "batches"))[:50]
    nn.functional.cross_entropy(network(split.train_x[rows]), split.train_y[rows]).backward()
    square = sum(p.grad.square().sum() for p in network[2].parameters())
    assert found.early.item() * training.EARLY == pytest.approx(square.sqrt().item(), rel=1e-4)


def test_the_clock_sees_the_blocks_that_are_computed():
    *_, found = steps.time_shorter(last=(0.0, 1.0), depth=4, width=8, rounds=3, steps=4)
    assert found.seconds.shape == found.blocks.shape == (3, 2) and (found.seconds > 0).all()
    assert (found.blocks[:, 1] == 4).all() and (found.blocks[:, 0] <= 3).all(), (
        "at p_L = 0 the last one never lives"
    )
    assert torch.equal(found.relative[:, 1], torch.ones(3).double()) and torch.equal(
        found.shares, found.blocks / 4
    )
    with pytest.raises(ValueError, match="must end with 1.0"):
        next(steps.time_shorter(last=(0.0, 0.5)))


def test_the_timed_loop_trains():
    loop = steps.Loop(0.5)
    x, y = loop.batches[0]

    def loss():
        return nn.functional.cross_entropy(loop.network.eval()(x), y).item()

    before = loss()
    loop.network.train()
    loop.run(60)
    assert loss() < before


@pytest.mark.parametrize(("mode", "calls"), [("row", 50), ("batch", None)])
def test_branches_are_counted(mode, calls):
    network, blocks = steps.residual_network([0.5] * 5, 4, torch.Generator().manual_seed(0), mode)
    counted = steps.Count(blocks)
    for _ in range(10):
        network(torch.ones(2, 64))
    assert counted.calls == calls or (calls is None and 10 < counted.calls < 40)


def test_gains_scale_the_blocks_matrices_and_nothing_else():
    (plain, _), (scaled, _) = (
        first_block.stacked_network("shortcut", 3, 5, norm=True, gain=gain)
        for gain in ((1.0, 1.0), (2.0, 4.0))
    )
    gains = {"branch.1.weight": 2, "branch.3.weight": 4}
    for (name, before), after in zip(plain.named_parameters(), scaled.parameters(), strict=True):
        gain = gains.get(name.partition(".")[2], 1)
        assert torch.equal(after, gain * before), name


@pytest.mark.parametrize("norm", [False, True])
def test_from_zero_every_block_starts_as_its_shortcut(norm):
    spec = training.spec_of("linear", 3, norm, from_zero=True)
    network, plain = spec.build(seed=4), training.spec_of("linear", 3, norm).build(seed=4)
    x = torch.ones(2, 64)
    assert torch.equal(network(x), network[-1](network[1](network[0](x))))
    for block, other in zip(network[2:-1], plain[2:-1], strict=True):
        *same, weight, bias = block.branch.parameters()
        assert not weight.any() and not bias.any()
        assert all(map(torch.equal, same, other.branch.parameters()))
    with pytest.raises(ValueError, match="from_zero"):
        training.spec_of("reversed", 3, from_zero=True)


def test_growth_and_the_effect_of_dropping_are_powers_of_ten():
    norm = torch.ones(2, 4, 7).double()
    norm[:, 1, -1], norm[:, 2, -1] = 100, 1000
    found = first_block.FirstBlock(norm, 0.5, (1.0, 1.0))
    assert found.growth("shortcut")[:3] == (2, 2, 2) and found.growth("no shortcut").mean == 0
    assert found.effect_of_dropping().mean == pytest.approx(1)


@pytest.mark.parametrize("norm", [False, True])
def test_the_stacks_share_their_weights(norm):
    states = [
        first_block.stacked_network(stack, 3, 5, norm=norm)[0].state_dict()
        for stack in first_block.STACKS
    ]
    for values in zip(*(state.values() for state in states), strict=True):
        assert all(torch.equal(values[0], other) for other in values[1:])


def test_unscaled_a_block_that_is_on_adds_what_its_branch_makes():
    network, _ = first_block.stacked_network("dropping, unscaled", 1, 2, last=0.5)
    whole, _ = first_block.stacked_network("shortcut", 1, 2)
    x = torch.ones(200, 64).double()
    found, on, off = network(x), whole(x[:1]), network[-1](network[1](network[0](x[:1])))
    is_on = (found - on).abs().amax(1) < 1e-12
    assert 60 < is_on.sum() < 140 and torch.allclose(found[~is_on], off.expand_as(found[~is_on]))


def test_without_shortcuts_a_block_is_its_branch_alone():
    bare, first = first_block.stacked_network("no shortcut", 1, 2)
    whole, _ = first_block.stacked_network("shortcut", 1, 2)
    x = torch.ones(2, 64).double()
    h = bare[1](bare[0](x))
    assert torch.equal(bare(x), bare[-1](first(h)))
    assert torch.allclose(whole(x), bare[-1](h + first(h)))


def test_norms_grow_seed_by_seed_and_a_block_that_never_lives_gets_nothing():
    *_, found = first_block.measure_first_block(seeds=(0, 1))
    assert found.norm.shape == (2, 4, 7) and (found.norm > 0).all()
    bare = found.norm[:, 0].log10()
    assert (bare.diff(dim=1) < 0).all(), "without shortcuts each doubling loses more"
    assert first_block.gradient_norm("shortcut, dropping", 1, 0, last=0.0) == 0.0
    assert math.isclose(
        first_block.gradient_norm("shortcut, dropping", 4, 0, last=1.0),
        first_block.gradient_norm("shortcut", 4, 0),
    )


def test_a_block_that_is_on_stays_on_as_p_L_rises():
    alive = shorter.alive_blocks()
    assert (
        alive.shape == (shorter.DRAWS, len(training.LAST), training.DEPTH)
        and alive[:, -1].all()
        and not alive[:, 0, -1].any()
    )
    assert (alive[:, 1:] >= alive[:, :-1]).all()
