"""Attention and RMSNorm: equal to torch, gradients, what they have to keep, what they refuse."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.elsewhere import (
    MultiHeadAttention,
    RMSNorm,
    attention,
    attention_weights,
    join_heads,
    multi_head_attention,
    rms_norm,
    split_heads,
)

LIMIT = 1e-12
CAUSAL = torch.ones(5, 5, dtype=torch.bool).tril()
MASKS = {
    "none": None,
    "causal": CAUSAL,
    "itself alone": torch.eye(5, dtype=torch.bool),
    "by row": torch.stack([CAUSAL, CAUSAL.flip(0, 1), ~torch.eye(5, dtype=torch.bool)])[:, None],
    "added": torch.linspace(-2, 2, 25, dtype=torch.float64).view(5, 5),
}


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def gap(a, b):
    return (a - b).abs().max().item()


# ---------------------------------------------------------------- attention


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_attention_is_torchs(mask):
    q, k, v = (draw(3, 2, 5, 4, seed=seed) for seed in range(3))
    found = attention(q, k, v, mask)
    assert found.shape == q.shape
    assert gap(found, F.scaled_dot_product_attention(q, k, v, mask)) <= LIMIT


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_its_gradients_are_torchs(mask):
    qkv = [draw(3, 2, 5, 4, seed=seed).requires_grad_() for seed in range(3)]
    weights = draw(3, 2, 5, 4, seed=9)
    ours, torchs = (
        torch.autograd.grad((function(*qkv, mask) * weights).sum(), qkv)
        for function in (attention, F.scaled_dot_product_attention)
    )
    for name, a, b in zip("qkv", ours, torchs):
        assert gap(a, b) <= LIMIT, name


def test_numerical_gradients_agree():
    qkv = [draw(2, 3, 2, seed=seed).requires_grad_() for seed in range(3)]
    assert torch.autograd.gradcheck(attention, qkv)
    x, weight = draw(3, 4).requires_grad_(), draw(4, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(rms_norm, (x, weight))


def test_queries_keys_and_values_may_differ_in_number_and_width():
    q, k, v = draw(2, 1, 4), draw(2, 6, 4, seed=1), draw(2, 6, 3, seed=2)
    assert attention(q, k, v).shape == (2, 1, 3)
    assert gap(attention(q, k, v), F.scaled_dot_product_attention(q, k, v)) <= LIMIT


def test_by_hand():
    # q·k/√1 = 0 and ln 3: weights 1/4, 3/4
    q, k, v = (
        torch.tensor(rows, dtype=torch.float64)
        for rows in ([[1.0]], [[0.0], [math.log(3)]], [[0.0, 4.0], [8.0, 0.0]])
    )
    assert gap(attention(q, k, v), torch.tensor([[6.0, 1.0]])) <= LIMIT


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_weights_are_shares_and_nobody_looks_where_he_may_not(mask):
    weights = attention_weights(draw(3, 2, 5, 4), draw(3, 2, 5, 4, seed=1), mask)
    assert gap(weights.sum(-1), torch.ones(3, 2, 5)) <= LIMIT and (weights >= 0).all()
    if mask is not None and mask.dtype == torch.bool:
        assert (weights[~mask.expand_as(weights)] == 0).all()


def test_the_order_of_keys_does_not_matter_and_without_a_mask_nor_does_that_of_positions():
    q, k, v = (draw(2, 5, 4, seed=seed) for seed in range(3))
    order = torch.tensor([3, 0, 4, 1, 2])
    assert gap(attention(q, k[:, order], v[:, order]), attention(q, k, v)) <= LIMIT
    layer = MultiHeadAttention(4, 2).double()
    assert gap(layer(q[:, order]), layer(q)[:, order]) <= LIMIT
    assert gap(layer(q[:, order], CAUSAL), layer(q, CAUSAL)[:, order]) > 1e-3


def test_dividing_by_the_root_of_d_keeps_the_variance_of_scores():
    # of independent standard normal q, k: Var q·k/√d = 1 for every d
    for d in (4, 64, 1024):
        q, k = draw(400, 1, d, seed=d), draw(400, 50, d, seed=d + 1)
        variance = attention_weights(q, k).log().var(-1).mean().item()
        assert abs(variance - 1) < 0.1  # 400 sample variances: standard error about 0.01


# ---------------------------------------------------------------- heads

CASES = list(itertools.product([(4, 1), (6, 2), (8, 4), (6, 6)], [True, False]))


@pytest.mark.parametrize(("sizes", "bias"), CASES)
@pytest.mark.parametrize("mask", [None, CAUSAL], ids=["none", "causal"])
def test_the_layer_is_torchs_given_its_weights(sizes, bias, mask):
    width, heads = sizes
    torchs = nn.MultiheadAttention(width, heads, bias=bias, batch_first=True).double()
    with torch.no_grad():
        for i, parameter in enumerate(torchs.parameters()):
            parameter.copy_(draw(*parameter.shape, seed=i))
    ours = MultiHeadAttention(width, heads, bias).double()
    ours.load_state_dict(torchs.state_dict())
    x = draw(3, 5, width, seed=9).requires_grad_()
    forbidden = None if mask is None else ~mask  # there True means "must not"
    expected, _ = torchs(x, x, x, need_weights=False, attn_mask=forbidden)
    found = ours(x, mask)
    assert found.shape == x.shape and gap(found, expected) <= LIMIT
    weights = draw(3, 5, width, seed=10)
    gradients = [
        torch.autograd.grad((out * weights).sum(), [x, *net.parameters()])
        for out, net in ((found, ours), (expected, torchs))
    ]
    for i, (a, b) in enumerate(zip(*gradients, strict=True)):
        assert gap(a, b) <= 10 * LIMIT, f"tensor {i}"


def test_the_layer_starts_as_torchs_does():
    starts = []
    for make in (MultiHeadAttention, nn.MultiheadAttention):
        torch.manual_seed(0)
        starts.append(make(8, 4).state_dict())
    ours, torchs = starts
    assert list(ours) == list(torchs)
    assert all(torch.equal(ours[name], torchs[name]) for name in ours)


def test_more_axes_in_front_are_more_rows():
    layer, x = MultiHeadAttention(6, 3).double(), draw(2, 3, 5, 6)
    assert gap(layer(x), layer(x.flatten(0, 1)).view_as(x)) <= LIMIT


def test_heads_are_split_and_joined():
    x = draw(2, 5, 6)
    assert split_heads(x, 3).shape == (2, 3, 5, 2)
    assert torch.equal(split_heads(x, 3)[:, 1], x[..., 2:4])
    assert torch.equal(join_heads(split_heads(x, 3)), x)


# ---------------------------------------------------------------- RMSNorm


@pytest.mark.parametrize("eps", [None, 1e-5, 0.1])
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4)], ids=str)
def test_rms_norm_is_torchs(shape, eps):
    x, weight = draw(*shape), draw(4, seed=1)
    assert gap(rms_norm(x, weight, eps), F.rms_norm(x, (4,), weight, eps)) <= LIMIT
    assert gap(rms_norm(x, eps=eps), F.rms_norm(x, (4,), eps=eps)) <= LIMIT
    ours, torchs = RMSNorm(4, eps).double(), nn.RMSNorm(4, eps).double()
    torchs.load_state_dict({"weight": weight})
    ours.load_state_dict(torchs.state_dict())
    assert gap(ours(x), torchs(x)) <= LIMIT and ours(x).shape == x.shape


def test_the_default_eps_follows_the_dtype():
    x = 1e-4 * draw(3, 4).float()
    assert torch.allclose(rms_norm(x), F.rms_norm(x, (4,)), rtol=1e-6)


def test_the_scale_of_a_row_goes_and_its_mean_stays():
    x = draw(3, 4)
    y = rms_norm(x)
    assert gap(rms_norm(1000 * x), y) <= LIMIT
    assert gap(y.square().mean(-1), torch.ones(3)) <= LIMIT
    centred = x - x.mean(-1, keepdim=True)
    assert gap(rms_norm(centred, eps=1e-5), F.layer_norm(x, (4,))) <= LIMIT  # then it is LayerNorm


# ---------------------------------------------------------------- refusals

X = torch.zeros(2, 3, 4)
NOWHERE = torch.tensor([[True, False, True], [False, False, False], [True, True, True]])


@pytest.mark.parametrize(
    ("call", "message"),
    {
        "features": (lambda: attention(X, X[..., :3], X), r"k has shape \[2, 3, 3\].* 4 features"),
        "positions": (lambda: attention(X, X, X[:, :2]), r"v has shape \[2, 2, 4\].* 3 positions"),
        "a vector": (lambda: attention(X[0, 0], X, X), r"q has shape \[4\].*positions, features"),
        "a mask of numbers": (lambda: attention(X, X, X, NOWHERE.long()), "mask has dtype"),
        "nowhere": (lambda: attention(X, X, X, NOWHERE), "mask: a query may look nowhere"),
        "heads": (lambda: MultiHeadAttention(4, 3), "heads = 3: must divide the width, 4"),
        "no head": (lambda: MultiHeadAttention(4, 0), r"heads = 0.*\[1, ∞\)"),
        "no width": (lambda: MultiHeadAttention(0, 1), r"width = 0.*\[1, ∞\)"),
        "heads of the function": (
            lambda: multi_head_attention(X, X, None, X, None, 3),
            "heads = 3: must divide",
        ),
        "eps": (lambda: rms_norm(X, eps=0.0), r"eps = 0.0.*\(0, ∞\)"),
        "eps of the layer": (lambda: RMSNorm(4, -1.0), r"eps = -1.0.*\(0, ∞\)"),
        "whole numbers": (lambda: rms_norm(X.long()), "x has dtype torch.int64"),
        "a norm of nothing": (lambda: RMSNorm(0), r"width = 0.*\[1, ∞\)"),
    }.values(),
)
def test_refusals_name_argument_and_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
