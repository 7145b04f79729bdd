"""Stochastic depth: what holds for every draw first, then what holds of many (named tests with a
p-value).
"""

import copy
import math
from itertools import cycle, product

import pytest
import torch
from scipy.stats import binomtest
from torch import nn

from course_lib.stochastic_depth import (
    DropPath,
    ResidualBlock,
    conv_branch,
    drop_path,
    mlp_branch,
    survival_probabilities,
)

SHAPES = {
    "vector": (7,),
    "matrix": (7, 3),
    "image": (7, 2, 4, 4),
    "five": (5, 2, 1, 3, 2),
    "one row": (1, 3),
}
RATES = (0.1, 0.3, 0.5, 0.8)
OUTSIDE = (-0.1, 1.1, math.nan, math.inf, "0.5", None, True)


def seeded(seed=0, device="cpu"):
    return torch.Generator(device).manual_seed(seed)


def away_from_zero(*shape, seed=0, dtype=torch.float64):
    x = torch.randn(shape, generator=seeded(seed), dtype=torch.float64)
    return (x + x.sign()).to(dtype)


# ---------------------------------------------------------------- every draw


# what a row becomes depends on p and dtype, not on the shape: each pair has one
DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
SHAPED = [(*case, shape) for case, shape in zip(product(RATES, DTYPES), cycle(SHAPES.values()))]


@pytest.mark.parametrize(("p", "dtype", "shape"), SHAPED)
def test_every_row_is_zero_or_rescaled(p, dtype, shape):
    x, seen = away_from_zero(*shape, dtype=dtype), set()
    scaled = x * (torch.ones((), dtype=dtype) / (1 - p))
    for seed in range(60):
        y = drop_path(x, p, generator=seeded(seed))
        assert y.shape == x.shape and y.dtype == dtype
        dropped = (y.reshape(len(x), -1) == 0).all(1)
        assert torch.equal(y[dropped], torch.zeros_like(x[dropped]))
        assert torch.equal(y[~dropped], scaled[~dropped])
        seen |= set(dropped.tolist())
    assert seen == {True, False}


@pytest.mark.parametrize(("shape", "p"), [*zip([(), *SHAPES.values()], cycle(RATES))])
def test_in_batch_mode_all_rows_share_one_decision(shape, p):
    x, seen = away_from_zero(*shape), set()
    for seed in range(60):
        y = drop_path(x, p, "batch", generator=seeded(seed))
        kept = bool(y.any())
        assert torch.equal(y, x * (1 / (1 - p)) if kept else torch.zeros_like(x))
        seen.add(kept)
    assert seen == {True, False}


def test_rows_decide_for_themselves():
    y = drop_path(torch.ones(64, 2), 0.5, generator=seeded())
    assert 0 < y[:, 0].count_nonzero() < 64 and torch.equal(y[:, 0], y[:, 1])


@pytest.mark.parametrize("mode", ["row", "batch"])
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_nothing_happens_in_evaluation_and_at_zero(p, mode):
    x = away_from_zero(6, 3)
    assert drop_path(x, p, mode, training=False) is x
    assert drop_path(x, 0.0, mode) is x
    layer = DropPath(p, mode).eval()
    assert layer(x) is x


@pytest.mark.parametrize("mode", ["row", "batch"])
def test_everything_is_dropped_at_one_without_nan(mode):
    x = away_from_zero(6, 3).requires_grad_()
    y = drop_path(x, 1.0, mode)
    y.sum().backward()
    assert torch.equal(y, torch.zeros_like(y)) and torch.equal(x.grad, torch.zeros_like(x))


@pytest.mark.parametrize("mode", ["row", "batch"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_gradient_is_the_mask(shape, mode):
    for seed in range(8):
        x = away_from_zero(*shape).requires_grad_()
        y = drop_path(x, 0.4, mode, generator=seeded(seed))
        y.sum().backward()
        assert torch.equal(x.grad * x, y)  # the mask times x is the output
        assert set(x.grad.unique().tolist()) <= {0.0, 1 / 0.6}


def test_the_gradient_agrees_with_differences():
    x = away_from_zero(4, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: drop_path(x, 0.4, generator=seeded(3)), x)


@pytest.mark.parametrize("mode", ["row", "batch"])
def test_the_input_is_left_alone(mode):
    x = away_from_zero(5, 2)
    before = x.clone()
    y = drop_path(x, 0.5, mode, generator=seeded())
    assert (
        torch.equal(x, before) and y.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
    )


def test_no_rows_and_strange_strides():
    assert drop_path(torch.empty(0, 3), 0.5).shape == (0, 3)
    assert drop_path(torch.empty(0, 3), 0.5, "batch").shape == (0, 3)
    images = away_from_zero(4, 3, 2, 2).to(memory_format=torch.channels_last)
    for strange in (images, away_from_zero(3, 4).T, away_from_zero(8, 3)[::2]):
        y = drop_path(strange, 0.5, generator=seeded())
        assert torch.equal(y, drop_path(strange.contiguous(), 0.5, generator=seeded()))


# ---------------------------------------------------------------- random numbers


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("mode", ["row", "batch"])
def test_a_generator_decides(mode, device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    x = torch.ones(40, 2, device=device)

    def draws(seed):
        generator = seeded(seed, device)
        return torch.stack([drop_path(x, 0.5, mode, generator=generator) for _ in range(20)])

    torch.manual_seed(1)
    first = draws(7)
    torch.manual_seed(2)
    assert torch.equal(first, draws(7)) and not torch.equal(first, draws(8))
    before = torch.random.get_rng_state()
    DropPath(0.5, mode, generator=seeded(1, device))(x)
    assert torch.equal(before, torch.random.get_rng_state()), "the global generator was touched"


def test_without_a_generator_the_global_one_decides():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        first = drop_path(torch.ones(50), 0.5)
        torch.manual_seed(5)
        assert torch.equal(first, drop_path(torch.ones(50), 0.5))


def torchvision_stochastic_depth(input, p, mode, training=True):
    """The semantics of `torchvision.ops.stochastic_depth`, written out: what it refuses, draws and
    returns.
    """
    if p < 0.0 or p > 1.0 or mode not in ("batch", "row"):
        raise ValueError
    if not training or p == 0.0:
        return input
    survival_rate = 1.0 - p
    size = [input.shape[0]] + [1] * (input.ndim - 1) if mode == "row" else [1] * input.ndim
    noise = torch.empty(size, dtype=input.dtype, device=input.device).bernoulli_(survival_rate)
    if survival_rate > 0.0:
        noise.div_(survival_rate)
    return input * noise


SETTINGS = [*product([0.0, *RATES, 1.0], ["row", "batch"], [True, False])]


@pytest.mark.parametrize(
    ("p", "mode", "training", "shape"),
    [(*case, shape) for case, shape in zip(SETTINGS, cycle(SHAPES.values()))],
)
def test_the_semantics_of_torchvision(p, mode, training, shape):
    """From one state of the random numbers: same output, same gradient, same state afterwards."""
    found = []
    for function in (drop_path, torchvision_stochastic_depth):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(11)
            x = away_from_zero(*shape).requires_grad_()
            y = function(x, p, mode, training)
            y.square().sum().backward()
            found.append((y.detach(), x.grad, torch.random.get_rng_state()))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(*found))


def test_torchvision_itself():
    ops = pytest.importorskip(
        "torchvision.ops", reason="torchvision is not installed: its semantics are written out"
    )
    for p, mode in product([0.0, *RATES, 1.0], ["row", "batch"]):
        x, found = away_from_zero(9, 3), []
        for function in (ops.stochastic_depth, drop_path):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(3)
                found.append(function(x, p, mode, True))
        assert torch.equal(*found)


# ---------------------------------------------------------------- many draws

# p-value below which a rate is refused. 48 tests with right rates: one of them fails in 1 of 2000
# seeds
LEAST = 1e-5


def survivors(p, seed, mode, count=4000):
    generator = seeded(seed)
    if mode == "row":
        return int(drop_path(torch.ones(count, 3), p, generator=generator)[:, 0].count_nonzero())
    return sum(
        bool(drop_path(torch.ones(2, 2), p, "batch", generator=generator).any())
        for _ in range(count)
    )


@pytest.mark.parametrize(
    ("mode", "p", "seed"),
    [
        (*case, seed)
        for case, seed in zip(product(["row", "batch"], [0.02, *RATES, 0.97]), cycle(range(4)))
    ],
)
def test_binomial_the_survivors_are_as_many_as_the_rate_says(mode, p, seed):
    count = 4000
    kept = survivors(p, seed, mode, count)
    assert binomtest(kept, count, 1 - p).pvalue > LEAST
    assert binomtest(kept, count, max(0.0, 1 - p - 0.06)).pvalue < LEAST, (
        "the test would not see a wrong rate"
    )


@pytest.mark.parametrize("seed", range(4))
def test_binomial_two_rows_and_two_blocks_decide_independently(seed):
    """Both survive with probability (1 − p)²: neighbouring rows, and two layers that share a
    generator.
    """
    generator, p = seeded(seed), 0.4
    rows = (
        drop_path(torch.ones(8000), p, generator=generator)
        .reshape(4000, 2)
        .bool()
        .all(1)
        .sum()
        .item()
    )
    layers = [DropPath(p, generator=generator) for _ in range(2)]
    both = (layers[0](torch.ones(4000)) * layers[1](torch.ones(4000))).count_nonzero().item()
    for kept in (rows, both):
        assert binomtest(kept, 4000, (1 - p) ** 2).pvalue > LEAST


@pytest.mark.parametrize("p", RATES)
def test_the_expectation_is_the_input_and_the_variance_p_over_one_minus_p(p):
    """By enumeration: 0 with probability p, x/(1 − p) else; both values are those that come out."""
    x = away_from_zero(1, 3)
    kept = next(
        y for y in (drop_path(x, p, generator=seeded(seed)) for seed in range(200)) if y.any()
    )
    assert torch.allclose((1 - p) * kept, x, rtol=1e-15)
    assert torch.allclose((1 - p) * kept**2 - x**2, x**2 * p / (1 - p), rtol=1e-14)


# ---------------------------------------------------------------- the rule


@pytest.mark.parametrize("depth", [1, 2, 5, 54])
@pytest.mark.parametrize("last", [0.0, 0.5, 0.8, 1.0])
def test_the_linear_rule(depth, last):
    found = survival_probabilities(depth, last)
    assert found == [
        pytest.approx(1 - (number / depth) * (1 - last), abs=1e-15)
        for number in range(1, depth + 1)
    ]
    assert found[-1] == pytest.approx(last) and all(0 <= survival <= 1 for survival in found)
    assert sum(found) == pytest.approx(depth - (depth + 1) / 2 * (1 - last), abs=1e-12)
    assert all(type(survival) is float for survival in found)


@pytest.mark.parametrize("depth", [1, 4, 12, 54])
def test_the_expected_depth_at_one_half(depth):
    assert sum(survival_probabilities(depth, 0.5)) == pytest.approx((3 * depth - 1) / 4, abs=1e-12)


def test_forty_and_a_quarter_of_fifty_four():
    """Huang et al. 2016: 54 blocks, survival 0.5 at the last."""
    assert sum(survival_probabilities(54, 0.5)) == pytest.approx(40.25, abs=1e-12)


@pytest.mark.parametrize("depth", [2, 12, 54])
@pytest.mark.parametrize("last", [0.0, 0.5, 0.9])
def test_linspace_is_another_rule_that_never_drops_the_first_block(depth, last):
    linspace = (1 - torch.linspace(0, 1 - last, depth, dtype=torch.float64)).tolist()
    ours = survival_probabilities(depth, last)
    assert linspace[0] == 1 > ours[0] and linspace[-1] == pytest.approx(ours[-1])
    assert sum(linspace) - sum(ours) == pytest.approx((1 - last) / 2, abs=1e-12)


def test_the_uniform_rule():
    assert survival_probabilities(4, 0.7, "uniform") == [0.7] * 4


def test_a_depth_may_be_a_whole_float_and_nothing_else():
    assert survival_probabilities(3.0, 0.5) == survival_probabilities(3, 0.5)
    for depth in (0, -1, 2.5, math.nan, math.inf, "3"):
        with pytest.raises(ValueError, match="depth"):
            survival_probabilities(depth, 0.5)
    for last in OUTSIDE:
        with pytest.raises(ValueError, match="last"):
            survival_probabilities(3, last)
    with pytest.raises(ValueError, match="rule = 'cosine'"):
        survival_probabilities(3, 0.5, "cosine")


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("p", OUTSIDE)
def test_a_drop_probability_outside_zero_to_one_is_refused_at_construction(p):
    for refuse in (DropPath, lambda p: drop_path(torch.ones(2), p)):
        with pytest.raises(ValueError, match=r"^p = .*\[0, 1\]"):
            refuse(p)
    with pytest.raises(ValueError, match=r"^survival = .*\[0, 1\]"):
        ResidualBlock(nn.Identity(), survival=p)


def test_an_unknown_mode_is_refused_at_construction():
    for refuse in (
        lambda: DropPath(0.5, "element"),
        lambda: ResidualBlock(nn.Identity(), 0.5, "element"),
        lambda: drop_path(torch.ones(2), 0.5, "element"),
    ):
        with pytest.raises(ValueError, match="mode = 'element': must be one of 'row', 'batch'"):
            refuse()


def test_rows_of_a_number_and_whole_numbers_are_refused():
    with pytest.raises(ValueError, match="no rows to drop"):
        drop_path(torch.ones(()), 0.5)
    with pytest.raises(ValueError, match="x has dtype torch.int64"):
        drop_path(torch.ones(3, dtype=torch.int64), 0.5)


def test_a_branch_that_changes_the_shape_is_refused():
    # the first would broadcast, and nobody would notice
    for branch in (nn.Linear(3, 1), nn.Linear(3, 4)):
        with pytest.raises(ValueError, match=r"branch: made \[2, \d\] of \[2, 3\]"):
            ResidualBlock(branch)(torch.ones(2, 3))


# ---------------------------------------------------------------- the block


class Counted(nn.Module):
    """A branch that counts how often it is computed."""

    def __init__(self, branch):
        super().__init__()
        self.branch, self.calls = branch, 0

    def forward(self, x):
        self.calls += 1
        return self.branch(x)


def block(survival, mode="row", seed=0, kind=mlp_branch):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        branch = Counted(kind(4).double())
    return ResidualBlock(branch, survival, mode, seeded(seed))


@pytest.mark.parametrize("survival", [0.3, 0.5, 1.0])
@pytest.mark.parametrize("mode", ["row", "batch"])
def test_a_block_is_shortcut_plus_dropped_branch(mode, survival):
    """Also in batch mode, where the branch is not computed when it is dropped: same draws, same
    numbers.
    """
    x = away_from_zero(6, 4)
    ours, branch = block(survival, mode), block(survival).branch
    generator = seeded(0)
    for _ in range(20):
        expected = x + drop_path(branch(x), 1 - survival, mode, generator=generator)
        assert torch.equal(ours(x), expected)
    ours.eval()
    assert torch.equal(ours(x), x + branch(x))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("mode", ["row", "batch"])
def test_a_block_with_survival_zero_is_its_shortcut_alone(mode, training):
    ours = block(0.0, mode).train(training)
    x = away_from_zero(3, 4).requires_grad_()
    y = ours(x)
    y.sum().backward()
    assert torch.equal(y, x) and torch.equal(x.grad, torch.ones_like(x))
    assert ours.branch.calls == 0 and all(p.grad is None for p in ours.parameters())


def test_a_block_with_survival_one_draws_nothing():
    generator = seeded(4)
    before = generator.get_state()
    for mode in ("row", "batch"):
        ResidualBlock(mlp_branch(4), 1.0, mode, generator)(torch.ones(2, 4))
    assert torch.equal(before, generator.get_state())


def test_the_shortcut_is_never_dropped():
    """At p near 1 a block is x for nearly every row, never 0; its gradient in x is at least the
    identity's.
    """
    ours, x = block(0.05), away_from_zero(500, 4)
    y = ours(x)
    same = (y == x).all(1)
    assert binomtest(int(same.sum()), 500, 0.95).pvalue > LEAST and not (y == 0).any()


@pytest.mark.parametrize("seed", range(3))
def test_a_dropped_block_is_not_computed(seed):
    """Calls are as many as the draws that let it live; the branch gets a gradient on these
    occasions only.
    """
    ours, x, lived = block(0.5, "batch", seed), away_from_zero(3, 4), 0
    for _ in range(50):
        ours.zero_grad()
        y = ours(x)
        alive = not torch.equal(y, x)
        (y * y).sum().backward() if alive else None
        lived += alive
        assert ours.branch.calls == lived
        assert all((p.grad is not None) == alive for p in ours.parameters())
    assert 0 < lived < 50


def test_counted_evaluations_agree_with_the_expected_depth():
    """54 blocks, 300 batches.

    The variance of the depth is Σ p_l(1 − p_l); chance leaves 4.4 deviations once in 1e5.
    """
    survivals, generator = survival_probabilities(54, 0.5), seeded(0)
    net = nn.Sequential(
        *(ResidualBlock(Counted(nn.Identity()), s, "batch", generator) for s in survivals)
    )
    for _ in range(300):
        net(torch.ones(1, 1))
    calls = sum(block.branch.calls for block in net)
    spread = math.sqrt(300 * sum(survival * (1 - survival) for survival in survivals))
    assert abs(calls - 300 * 40.25) < 4.4 * spread
    net.eval()(torch.ones(1, 1))
    assert sum(block.branch.calls for block in net) == calls + 54


def test_a_skipped_conv_block_leaves_its_running_statistics():
    ours = block(0.5, "batch", kind=conv_branch)
    norms = [module for module in ours.modules() if isinstance(module, nn.BatchNorm2d)]
    images = away_from_zero(3, 4, 5, 5)
    for _ in range(30):
        assert ours(images).shape == images.shape
    assert {norm.num_batches_tracked.item() for norm in norms} == {
        ours.branch.calls
    } and 0 < ours.branch.calls < 30


SIZES = [(mlp_branch, (3, 4)), (mlp_branch, (3, 5, 4)), (conv_branch, (3, 4, 6, 5))]


@pytest.mark.parametrize(("kind", "shape"), SIZES)
def test_branches_keep_the_shape(kind, shape):
    x = away_from_zero(*shape, dtype=torch.float32)
    assert ResidualBlock(kind(4), 0.5)(x).shape == x.shape


def test_the_branch_of_the_source():
    names = [type(layer).__name__ for layer in mlp_branch(6)]
    assert names == ["LayerNorm", "Linear", "GELU", "Linear"]
    assert [tuple(p.shape) for p in mlp_branch(6).parameters() if p.ndim == 2] == [(24, 6), (6, 24)]
    assert mlp_branch(6, 5)[1].out_features == 5
    assert [type(layer).__name__ for layer in mlp_branch(6, norm=False)] == names[1:]


def test_layers_have_no_state_and_can_be_copied():
    assert not DropPath(0.5).state_dict()
    ours = ResidualBlock(mlp_branch(3), 0.5)
    twin = ResidualBlock(mlp_branch(3), 1.0)
    twin.load_state_dict(ours.state_dict())
    assert torch.equal(twin.eval()(torch.ones(2, 3)), copy.deepcopy(ours).eval()(torch.ones(2, 3)))
    assert "p=0.25, mode=batch" in repr(DropPath(0.25, "batch")) and "survival=0.5" in repr(ours)


# ---------------------------------------------------------------- identities


def test_on_single_numbers_it_is_dropout():
    """Rows of one number: what dropout does element by element, p and scale included."""
    x, p = away_from_zero(4000, 1), 0.3
    ours, theirs = drop_path(x, p, generator=seeded()), nn.functional.dropout(x, p)
    for y in (ours, theirs):
        kept = y != 0
        assert torch.allclose(y[kept], x[kept] / 0.7, rtol=1e-15)
        assert binomtest(int(kept.sum()), 4000, 0.7).pvalue > LEAST


def linear_blocks(depth=5, width=3):
    return [
        0.5 * torch.randn(width, width, generator=seeded(k), dtype=torch.float64)
        for k in range(depth)
    ]


def mean_over_masks(blocks, survivals, scales, x):
    """Exact mean of the network's training output: all 2^L masks, each with its probability."""
    mean = 0
    for mask in product((0, 1), repeat=len(blocks)):
        y, weight = x, 1.0
        for w, b, survival, scale in zip(blocks, mask, survivals, scales):
            y, weight = y + b * scale * (y @ w.T), weight * (survival if b else 1 - survival)
        mean = mean + weight * y
    return mean


@pytest.mark.parametrize("last", [0.3, 0.8])
def test_of_linear_blocks_both_scalings_evaluate_to_the_mean_of_training(last):
    """Rescaled in training: evaluation is Π(I + W). Scaled in evaluation: Π(I + p_l·W)."""
    blocks, x = linear_blocks(), away_from_zero(2, 3)
    survivals = survival_probabilities(len(blocks), last)
    ones = [1.0] * len(blocks)
    in_training, in_test = x, x
    for w, survival in zip(blocks, survivals):
        in_training, in_test = in_training + in_training @ w.T, in_test + survival * (in_test @ w.T)
    rescaled = mean_over_masks(blocks, survivals, [1 / survival for survival in survivals], x)
    assert torch.allclose(rescaled, in_training, rtol=1e-12)
    assert torch.allclose(mean_over_masks(blocks, survivals, ones, x), in_test, rtol=1e-12)
