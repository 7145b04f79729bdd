"""Dropout: what holds exactly first, then the chances, each by a binomial test with its p-value."""

import copy
import io
import math
from itertools import cycle, product

import pytest
import torch
from scipy.stats import binomtest, chisquare, kstest
from torch import nn
from torch.nn import functional as F

from course_lib.dropout import Dropout, MCDropout, WeightScalingDropout, dropout, kept

PS = (0.0, 0.1, 0.25, 0.5, 0.8, 0.96, 1.0)
INNER = tuple(p for p in PS if 0 < p < 1)
DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
# a right implementation fails a test at this p-value once in a million seeds; the seeds are fixed
TINY = 1e-6
LAYERS = (Dropout, MCDropout, WeightScalingDropout)


def seeded(seed=0, device="cpu"):
    return torch.Generator(device).manual_seed(seed)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=seeded(seed), dtype=torch.float64).to(dtype)


def assert_fair(count, n, chance, name):
    """`count` of `n` independent trials of this chance: a two-sided binomial test."""
    p_value = binomtest(int(count), n, chance).pvalue
    assert p_value > TINY, f"{name}: {count} of {n} at chance {chance:g}, p-value {p_value:.2g}"


# ---------------------------------------------------------------- exact


# rounding depends on p and dtype, not on the shape: each pair has one
SHAPES = ((), (7,), (5, 4), (2, 3, 4, 5), (0, 3))
SHAPED = [(*case, shape) for case, shape in zip(product(PS, DTYPES), cycle(SHAPES))]


@pytest.mark.parametrize(("p", "dtype", "shape"), SHAPED)
def test_every_entry_is_zero_or_x_over_1_minus_p(p, dtype, shape):
    x = normal(*shape, dtype=dtype)
    y = dropout(x, p, generator=seeded(1))
    assert y.shape == x.shape and y.dtype == dtype and y.isfinite().all()
    stays = kept(x, p, seeded(1))
    assert torch.equal(y, torch.where(stays, x / (1 - p) if p < 1 else x, torch.zeros_like(x)))


@pytest.mark.parametrize("p", PS)
def test_evaluation_is_the_identity_itself(p):
    x = normal(5, 4)
    assert dropout(x, p, training=False) is x
    assert Dropout(p).eval()(x) is x


@pytest.mark.parametrize("layer", LAYERS)
def test_at_p_0_every_mode_is_the_identity(layer):
    x = normal(50, 4)
    assert torch.equal(layer(0.0)(x), x) and torch.equal(layer(0.0).eval()(x), x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("one", [1, 1.0, torch.tensor(1.0), torch.ones(2, 1, 1)], ids=repr)
def test_at_p_1_all_is_dropped_forward_and_backward_without_nan(one, dtype):
    x = normal(5, 4, dtype=dtype).requires_grad_()
    y = dropout(x, one)
    y.sum().backward()
    assert y.eq(0).all() and x.grad.eq(0).all()


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_at_p_1(layer):
    x = normal(5, 4)
    assert layer(1.0)(x).eq(0).all()
    assert layer(1.0).eval()(x).eq(0).all() == (layer is not Dropout)


@pytest.mark.parametrize("p", PS)
def test_the_gradient_is_the_mask(p):
    x, upstream = normal(6, 5).requires_grad_(), normal(6, 5, seed=1)
    y = dropout(x, p, generator=seeded(2))
    y.backward(upstream)
    mask = kept(x, p, seeded(2)).double() / (1 - p if p < 1 else 1.0)
    assert torch.allclose(x.grad, upstream * mask, rtol=1e-15, atol=0) and x.grad.dtype == x.dtype
    assert p == 1 or torch.autograd.gradcheck(lambda x: dropout(x, p, generator=seeded(2)), x)


def test_p_may_be_a_tensor_of_one_number():
    x = normal(3, 4)
    assert torch.equal(
        dropout(x, torch.tensor(0.5), generator=seeded(3)), dropout(x, 0.5, generator=seeded(3))
    )


def test_dropped_signs_are_kept_as_zeros_as_torch_does():
    for y in (dropout(torch.tensor([-3.0, 3.0]), 1.0), F.dropout(torch.tensor([-3.0, 3.0]), 1.0)):
        assert y.eq(0).all() and y.signbit().tolist() == [True, False]


def test_the_input_is_left_alone_and_shares_no_memory():
    x = normal(5, 4)
    before, y = x.clone(), dropout(x, 0.0)
    assert torch.equal(x, before) and y.data_ptr() != x.data_ptr()


@pytest.mark.parametrize("p", INNER)
def test_dropout_and_relu_commute(p):
    x = normal(40, 30)
    first, last = (
        F.relu(dropout(x, p, generator=seeded(4))),
        dropout(F.relu(x), p, generator=seeded(4)),
    )
    assert torch.equal(first, last)


def test_dropout_and_tanh_do_not():
    x = normal(40, 30)
    assert not torch.allclose(
        torch.tanh(dropout(x, 0.5, generator=seeded(4))), dropout(x.tanh(), generator=seeded(4))
    )


@pytest.mark.parametrize(
    "x", [normal(6, 5).T, normal(8, 6)[::2, 1:4], normal(1, 4).expand(3, 4)], ids=range(3)
)
def test_inputs_that_are_not_contiguous(x):
    assert torch.equal(
        dropout(x, 0.3, generator=seeded(5)), dropout(x.contiguous(), 0.3, generator=seeded(5))
    )


def test_rows_that_share_memory_get_masks_of_their_own():
    y = dropout(torch.ones(1, 100).expand(3, 100), 0.5, generator=seeded(6))
    assert not torch.equal(y[0], y[1])


# ---------------------------------------------------------------- models side by side


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_p_for_each_model_is_the_dropout_of_each_alone(dtype):
    x, ps = normal(len(PS), 6, 5, dtype=dtype), torch.tensor(PS, dtype=dtype).view(-1, 1, 1)
    together = dropout(x, ps, generator=seeded(7))
    stays = kept(x, ps, seeded(7))
    for v, p in enumerate(PS):
        alone = torch.where(stays[v], x[v] / (1 - p) if p < 1 else x[v], 0.0)
        assert torch.allclose(
            together[v], alone, rtol=1e-6 if dtype == torch.float32 else 1e-15, atol=0
        ), p
    assert together.dtype == dtype


def test_one_input_for_many_models_loses_more_and_more_of_the_same_entries():
    y = dropout(torch.ones(30, 20), torch.tensor(PS).view(-1, 1, 1), generator=seeded(8))
    assert y.shape == (len(PS), 30, 20)
    assert (y[1:].ne(0) <= y[:-1].ne(0)).all(), "what a larger p keeps, a smaller one keeps too"


def test_p_in_another_precision_does_not_change_the_dtype():
    x = normal(2, 3, dtype=torch.float32)
    assert dropout(x, torch.full((2, 1), 0.5, dtype=torch.float64)).dtype == torch.float32


# ---------------------------------------------------------------- reduces to


@pytest.mark.parametrize("p", INNER)
def test_torch_takes_the_same_two_values(p):
    x = normal(200, 50)
    for y in (dropout(x, p, generator=seeded(9)), F.dropout(x, p)):
        ratio = y / x
        assert torch.allclose(
            ratio[ratio != 0], torch.tensor(1 / (1 - p), dtype=x.dtype), rtol=1e-14, atol=0
        )


@pytest.mark.parametrize("p", PS)
def test_the_layer_is_the_function(p):
    x = normal(5, 4)
    assert torch.equal(Dropout(p, generator=seeded(10))(x), dropout(x, p, generator=seeded(10)))


@pytest.mark.parametrize("p", PS)
@pytest.mark.parametrize("training", [True, False])
def test_mc_dropout_is_dropout_in_training_in_both_modes(p, training):
    x = normal(5, 4)
    layer = MCDropout(p, generator=seeded(11)).train(training)
    assert torch.equal(layer(x), dropout(x, p, generator=seeded(11)))


@pytest.mark.parametrize("p", INNER)
def test_weight_scaling_is_1_minus_p_times_dropout_in_both_modes(p):
    x = normal(50, 4)
    scaling, inverted = (kind(p, generator=seeded(12)) for kind in (WeightScalingDropout, Dropout))
    assert torch.allclose(scaling(x), (1 - p) * inverted(x), rtol=1e-15, atol=0)
    assert torch.allclose(scaling.eval()(x), (1 - p) * inverted.eval()(x), rtol=1e-15, atol=0)
    y = scaling.train()(x)
    assert ((y == 0) | (y == x)).all(), "nothing is scaled in training"


def test_scaling_x_is_scaling_the_weights_that_read_it():
    x, linear = normal(6, 5), nn.Linear(5, 3, dtype=torch.float64)
    scaled = F.linear(x, 0.7 * linear.weight, linear.bias)
    assert torch.allclose(linear(WeightScalingDropout(0.3).eval()(x)), scaled, rtol=0, atol=1e-15)


def test_the_classes_are_torchs_by_default_and_in_print():
    assert Dropout().p == nn.Dropout().p == 0.5
    assert "p=0.3" in repr(Dropout(0.3)) and "MCDropout" in repr(MCDropout(0.3))
    assert not list(Dropout().parameters()) and not Dropout().state_dict()


# ---------------------------------------------------------------- chances


SEEDED = [(*case, seed) for case, seed in zip(product(INNER, DTYPES), cycle(range(5)))]


@pytest.mark.parametrize(("p", "dtype", "seed"), SEEDED)
def test_the_share_that_is_dropped_is_p(p, dtype, seed):
    n = 40_000
    y = dropout(torch.ones(n, dtype=dtype), p, generator=seeded(seed))
    assert_fair(y.eq(0).sum(), n, p, f"dropped entries, seed {seed}")


@pytest.mark.parametrize("kind", LAYERS)
def test_the_share_that_a_layer_drops_without_a_generator(kind):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        y = kind(0.3)(torch.ones(40_000))
    assert_fair(y.eq(0).sum(), 40_000, 0.3, kind.__name__)


def test_the_test_can_fail():
    y = dropout(torch.ones(40_000), 0.3, generator=seeded())
    assert binomtest(int(y.eq(0).sum()), 40_000, 0.33).pvalue < TINY, (
        "p off by a tenth of itself is noticed"
    )
    assert binomtest(int(y.ne(0).sum()), 40_000, 0.3).pvalue < TINY, (
        "p taken as keep probability too"
    )


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("p", INNER)
def test_neighbours_are_dropped_independently(p, axis):
    """Pairs of neighbours along the batch and along the features that share no entry: both dropped
    with chance p².
    """
    gone = dropout(torch.ones(400, 100), p, generator=seeded(13)).eq(0)
    first, second = gone.transpose(0, axis)[::2], gone.transpose(0, axis)[1::2]
    assert_fair((first & second).sum(), first.numel(), p * p, "both neighbours")


@pytest.mark.parametrize("p", INNER)
def test_every_pattern_of_three_units_comes_as_often_as_it_should(p):
    stays = kept(torch.ones(40_000, 3), p, seeded(14)).long()
    seen = torch.bincount((stays * torch.tensor([4, 2, 1])).sum(1), minlength=8)
    size = torch.tensor([bin(pattern).count("1") for pattern in range(8)])
    expected = 40_000 * (1 - p) ** size * p ** (3 - size)
    assert chisquare(seen, expected.double() * 40_000 / expected.double().sum()).pvalue > TINY


@pytest.mark.parametrize("p", INNER)
def test_counts_per_row_are_binomial_over_seeds(p):
    """A p-value of each of 200 seeds' counts, randomised because counts are discrete: even on [0,
    1].
    """
    generator, values = seeded(15), []
    for seed in range(200):
        count = int(dropout(torch.ones(500), p, generator=seeded(seed)).eq(0).sum())
        below, at = (
            binomtest(c, 500, p, alternative="less").pvalue if c >= 0 else 0.0
            for c in (count - 1, count)
        )
        values.append(below + torch.rand((), generator=generator).item() * (at - below))
    assert kstest(values, "uniform").pvalue > TINY


@pytest.mark.parametrize("p", INNER)
def test_mean_and_variance_over_all_masks_are_exact(p):
    """E[y] = x and Var[y] = x²p/(1 − p), summed over the two outcomes of the function itself."""
    x = normal(6)
    dropped, stays = torch.zeros_like(x), _kept_outcome(x, p)
    mean = p * dropped + (1 - p) * stays
    variance = p * (dropped - mean) ** 2 + (1 - p) * (stays - mean) ** 2
    assert torch.allclose(mean, x, rtol=1e-14, atol=0)
    assert torch.allclose(variance, x**2 * p / (1 - p), rtol=1e-13, atol=0)


def _kept_outcome(x, p):
    """What `dropout` makes of each entry where it keeps it: drawn until every entry was kept
    once.
    """
    generator, out = seeded(16), torch.zeros_like(x)
    while out.eq(0).any():
        y = dropout(x, p, generator=generator)
        out = torch.where(y != 0, y, out)
    return out


# ---------------------------------------------------------------- reproducible


def assert_reproducible(device):
    x = torch.ones(50, 40, device=device)
    first, again, other = (dropout(x, 0.5, generator=seeded(seed, device)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other) and first.device == x.device
    generator = seeded(1, device)
    assert torch.equal(dropout(x, 0.5, generator=generator), first)
    assert not torch.equal(dropout(x, 0.5, generator=generator), first), "the next call draws on"


def test_one_seed_one_mask_on_the_cpu():
    assert_reproducible("cpu")


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_one_seed_one_mask_on_cuda():
    assert_reproducible("cuda")


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_share_on_cuda():
    y = dropout(torch.ones(40_000, device="cuda"), 0.3, generator=seeded(0, "cuda"))
    assert_fair(y.eq(0).sum(), 40_000, 0.3, "CUDA")


def test_the_mask_does_not_depend_on_the_precision():
    masks = [
        dropout(torch.ones(500, dtype=dtype), 0.3, generator=seeded(17)).eq(0) for dtype in DTYPES
    ]
    assert all(torch.equal(mask, masks[0]) for mask in masks)


def test_a_generator_leaves_torchs_own_draws_alone():
    with torch.random.fork_rng(devices=[]):
        before = torch.random.get_rng_state()
        dropout(torch.ones(100), 0.5, generator=seeded())
        assert torch.equal(torch.random.get_rng_state(), before)
        Dropout().eval()(torch.ones(100))
        assert torch.equal(torch.random.get_rng_state(), before), "evaluation draws nothing"
        dropout(torch.ones(100), 0.5)
        assert not torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("kind", LAYERS)
def test_layers_can_be_copied_and_saved(kind):
    model = nn.Sequential(nn.Linear(4, 4), kind(0.5, generator=seeded(18)))
    file = io.BytesIO()
    torch.save(model, file)
    copies = copy.deepcopy(model), torch.load(io.BytesIO(file.getvalue()), weights_only=False)
    x = torch.ones(20, 4)
    want = model(x)
    assert all(torch.equal(copied(x), want) for copied in copies), (
        "the generator's state comes along"
    )
    plain = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    plain.load_state_dict(model.state_dict())
    model.load_state_dict(plain.state_dict())


# ---------------------------------------------------------------- refused

BAD = [
    -0.1,
    1.1,
    math.nan,
    math.inf,
    -math.inf,
    "0.5",
    True,
    None,
    [0.5],
    torch.tensor(math.nan),
    torch.tensor(-0.1),
]


@pytest.mark.parametrize("p", BAD, ids=repr)
def test_a_p_outside_0_to_1_is_refused_at_construction_and_at_the_call(p):
    for refuse in (
        *LAYERS,
        lambda p: dropout(torch.ones(3), p),
        lambda p: dropout(torch.ones(3), p, training=False),
    ):
        with pytest.raises(ValueError, match=r"^p = .*: must be a finite number in \[0, 1\]$"):
            refuse(p)


@pytest.mark.parametrize("bad", [-0.1, 1.5, math.nan])
def test_a_bad_p_among_good_ones_is_named(bad):
    with pytest.raises(ValueError, match=rf"^p holds {bad}.*: must be finite numbers in \[0, 1\]$"):
        dropout(torch.ones(2, 3), torch.tensor([[0.5], [bad]], dtype=torch.float64))


def test_whole_numbers_are_refused_as_torch_does():
    with pytest.raises(ValueError, match="x has dtype torch.int64: must be floating point"):
        dropout(torch.arange(3))
    with pytest.raises(RuntimeError):
        F.dropout(torch.arange(3), 0.5)
