"""BatchNorm and LayerNorm against torch's: outputs, gradients, buffers; the refusals; the
identities of lesson 07.
"""

from itertools import cycle, product

import pytest
import torch
from torch import nn

from course_lib.batchnorm import (
    BatchNorm1d,
    BatchNorm2d,
    LayerNorm,
    batch_norm,
    fold_batch_norm,
    layer_norm,
)

DOUBLE = {"dtype": torch.float64}


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def pair(ours, theirs, *arguments, **options):
    """Both layers, with the same random γ and β where they have any."""
    layers = ours(*arguments, **options), theirs(*arguments, **options)
    for seed, (p, q) in enumerate(zip(layers[0].parameters(), layers[1].parameters(), strict=True)):
        with torch.no_grad():
            p.copy_(draw(*p.shape, seed=seed + 1) + 1)
            q.copy_(p)
    return layers


def backward(layer, x):
    """Output, gradients of input and parameters of a loss that weighs every output differently."""
    x = x.clone(memory_format=torch.preserve_format).requires_grad_()
    y = layer(x)
    weights = draw(*y.shape, seed=9).to(y.dtype)
    grads = torch.autograd.grad(
        (weights * y.sin()).sum(), [x, *layer.parameters()], materialize_grads=True
    )
    return [y.detach(), *grads]


def assert_same(ours, theirs, case, tolerance=1e-12):
    for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        assert a.dtype == b.dtype and a.shape == b.shape, (case, k)
        assert (a - b).abs().max().item() <= tolerance * max(1, b.abs().max().item()), (case, k)


# ---------------------------------------------------------------- equal to torch

OPTIONS = {
    "defaults": {},
    "eps": {"eps": 0.3},
    "momentum 0": {"momentum": 0.0},
    "momentum 0.7": {"momentum": 0.7},
    "momentum 1": {"momentum": 1.0},
    "momentum None": {"momentum": None},
    "no affine": {"affine": False},
    "no bias": {"bias": False},
    "no tracking": {"track_running_stats": False},
    "no tracking, momentum None": {"track_running_stats": False, "momentum": None},
    "nothing": {"affine": False, "track_running_stats": False},
}
INPUTS = {
    "rows": (BatchNorm1d, nn.BatchNorm1d, lambda k: draw(7, 3, seed=k) * 2 + 1),
    "two rows": (BatchNorm1d, nn.BatchNorm1d, lambda k: draw(2, 3, seed=k)),
    "rows and length": (BatchNorm1d, nn.BatchNorm1d, lambda k: draw(4, 3, 5, seed=k) - 2),
    "one row, length": (BatchNorm1d, nn.BatchNorm1d, lambda k: draw(1, 3, 5, seed=k)),
    "not contiguous": (BatchNorm1d, nn.BatchNorm1d, lambda k: draw(3, 7, seed=k).T),
    "every other row": (BatchNorm1d, nn.BatchNorm1d, lambda k: draw(12, 3, seed=k)[::2]),
    "one value per feature": (BatchNorm1d, nn.BatchNorm1d, lambda k: draw(5, 3, seed=k) * 0 + 4),
    "images": (BatchNorm2d, nn.BatchNorm2d, lambda k: draw(4, 3, 2, 5, seed=k) + 3),
    "one image": (BatchNorm2d, nn.BatchNorm2d, lambda k: draw(1, 3, 2, 2, seed=k)),
    "channels last": (
        BatchNorm2d,
        nn.BatchNorm2d,
        lambda k: draw(4, 3, 2, 5, seed=k).to(memory_format=torch.channels_last),
    ),
}


# options act alike on every kind of input: all of them on two kinds, all kinds under two options
EVERYWHERE = [(kind, options) for kind in INPUTS for options in ("defaults", "nothing")]
ALL_OPTIONS = [(kind, options) for kind in ("rows", "images") for options in OPTIONS]


@pytest.mark.parametrize(("kind", "options"), dict.fromkeys([*EVERYWHERE, *ALL_OPTIONS]))
def test_equal_to_torch_in_training_and_evaluation_forward_backward_and_buffers(kind, options):
    ours, theirs, batch = INPUTS[kind]
    mine, torchs = pair(ours, theirs, 3, **OPTIONS[options], **DOUBLE)
    for step, training in enumerate((True, True, False, True, False)):
        mine.train(training), torchs.train(training)
        case = f"{kind}, {options}, step {step}, training {training}"
        assert_same(backward(mine, batch(step)), backward(torchs, batch(step)), case)
        assert_same(mine.state_dict().values(), torchs.state_dict().values(), case)
        assert not any(buffer.requires_grad for buffer in mine.buffers())
    assert str(mine) == str(torchs)


@pytest.mark.parametrize("kind", ["rows", "images"])
def test_float32_too(kind):
    ours, theirs, batch = INPUTS[kind]
    mine, torchs = pair(ours, theirs, 3)
    for step in range(3):
        assert_same(
            backward(mine, batch(step).float()), backward(torchs, batch(step).float()), step, 2e-5
        )
        assert_same(mine.state_dict().values(), torchs.state_dict().values(), step, 2e-5)


def test_the_memory_format_is_kept():
    x = draw(4, 3, 2, 5).to(memory_format=torch.channels_last)
    assert BatchNorm2d(3, **DOUBLE)(x).is_contiguous(memory_format=torch.channels_last)


def test_state_dicts_load_both_ways():
    for ours, theirs in ((BatchNorm1d, nn.BatchNorm1d), (BatchNorm2d, nn.BatchNorm2d)):
        for options in ({}, {"affine": False}, {"track_running_stats": False}, {"bias": False}):
            x = draw(5, 3) if ours is BatchNorm1d else draw(5, 3, 2, 2)
            for source, target in ((ours, theirs), (theirs, ours)):
                one, other = source(3, **options, **DOUBLE), target(3, **options, **DOUBLE)
                one(x), one(x)
                other.load_state_dict(one.state_dict())
                assert_same(other.state_dict().values(), one.state_dict().values(), options, 0)
                assert list(other.state_dict()) == list(one.state_dict())
                assert_same([one.eval()(x)], [other.eval()(x)], options)


def test_mean_and_variance_are_buffers_and_gamma_and_beta_parameters():
    layer = BatchNorm1d(3)
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    assert [name for name, _ in layer.named_buffers()] == [
        "running_mean",
        "running_var",
        "num_batches_tracked",
    ]


def test_tracking_switched_off_later_is_as_in_torch():
    mine, torchs = pair(BatchNorm1d, nn.BatchNorm1d, 3, **DOUBLE)
    for layer in (mine, torchs):
        layer(draw(5, 3))
        layer.track_running_stats = False
    for training in (True, False):
        mine.train(training), torchs.train(training)
        assert_same([mine(draw(6, 3, seed=3))], [torchs(draw(6, 3, seed=3))], training)
        assert_same(mine.state_dict().values(), torchs.state_dict().values(), training)


LAYER_NORMS = {
    "rows": (5, (3, 5), {}),
    "two dimensions": ((4, 5), (3, 4, 5), {}),
    "a list": ([5], (2, 3, 5), {}),
    "one row": (5, (1, 5), {}),
    "a single vector": (5, (5,), {}),
    "eps": (5, (3, 5), {"eps": 0.4}),
    "no affine": (5, (3, 5), {"elementwise_affine": False}),
    "no bias": (5, (3, 5), {"bias": False}),
}


@pytest.mark.parametrize("case", LAYER_NORMS)
def test_layer_norm_equals_torchs_in_training_and_evaluation(case):
    shape, size, options = LAYER_NORMS[case]
    mine, torchs = pair(LayerNorm, nn.LayerNorm, shape, **options, **DOUBLE)
    for training in (True, False):
        mine.train(training), torchs.train(training)
        assert_same(backward(mine, draw(*size)), backward(torchs, draw(*size)), case)
        turned = draw(*size[::-1]).permute(*range(len(size))[::-1])
        assert_same(backward(mine, turned), backward(torchs, turned), case)
    torchs.load_state_dict(mine.state_dict())
    mine.load_state_dict(torchs.state_dict())


# ---------------------------------------------------------------- the pure functions


def statistics(*shape):
    return torch.zeros(shape, dtype=torch.float64), torch.ones(shape, dtype=torch.float64)


@pytest.mark.parametrize("by", ["dim", "vmap"])
@pytest.mark.parametrize("training", [True, False])
def test_many_models_at_once_are_each_model_alone(by, training):
    """Engine's layout: input [models, features, rows], the rest [models, features]."""
    x, gamma, beta = draw(4, 3, 6), draw(4, 3, seed=1), draw(4, 3, seed=2)
    mean, var = draw(4, 3, seed=3), draw(4, 3, seed=4).square()
    alone = [mean.clone(), var.clone()]

    def one(x, mean, var, gamma, beta):
        return batch_norm(x.T, mean, var, gamma, beta, training).T

    expected = torch.stack([one(*parts) for parts in zip(x, *alone, gamma, beta)])
    if by == "vmap":
        found = torch.vmap(one)(x, mean, var, gamma, beta)
    else:
        found = batch_norm(x, mean, var, gamma, beta, training, dim=-1)
    assert_same([found, mean, var], [expected, *alone], by, 1e-14)


def test_momentum_may_differ_by_model():
    x, momentum = draw(3, 2, 6), torch.tensor([[0.0], [0.1], [1.0]], dtype=torch.float64)
    mean, var = statistics(3, 2)
    batch_norm(x, mean, var, training=True, momentum=momentum, dim=-1)
    for v in range(3):
        alone = statistics(2)
        batch_norm(x[v].T, *alone, training=True, momentum=momentum[v].item())
        assert_same([mean[v], var[v]], alone, v, 1e-15)


def test_layer_norm_of_many_models_at_once():
    x, gamma, beta = draw(4, 6, 3), draw(4, 1, 3, seed=1), draw(4, 1, 3, seed=2)
    expected = torch.stack(
        [nn.functional.layer_norm(a, (3,), g[0], b[0]) for a, g, b in zip(x, gamma, beta)]
    )
    assert_same([layer_norm(x, 3, gamma, beta)], [expected], "")
    assert_same(
        [torch.vmap(lambda a, g, b: layer_norm(a, 3, g, b))(x, gamma, beta)], [expected], "vmap"
    )


def test_only_one_of_the_running_statistics_may_be_given_in_training():
    mean, var = statistics(3)
    batch_norm(draw(5, 3), mean, None, training=True)
    batch_norm(draw(5, 3), None, var, training=True)
    expected = statistics(3)
    batch_norm(draw(5, 3), *expected, training=True)
    assert_same([mean, var], expected, "", 0)


def test_inputs_are_left_alone_and_the_result_is_new():
    x = draw(5, 3)
    before = x.clone()
    for training in (True, False):
        y = batch_norm(x, *statistics(3), training=training)
        assert torch.equal(x, before) and y.data_ptr() != x.data_ptr()


def test_gradients_are_those_of_finite_differences_twice():
    x, gamma, beta = (t.requires_grad_() for t in (draw(4, 2), draw(2, seed=1), draw(2, seed=2)))

    def f(x, gamma, beta):
        return batch_norm(x, *statistics(2), gamma, beta, training=True).sin()

    assert torch.autograd.gradcheck(f, (x, gamma, beta)) and torch.autograd.gradgradcheck(
        f, (x, gamma, beta)
    )
    assert torch.autograd.gradcheck(lambda *a: layer_norm(a[0], 2, *a[1:]), (x, gamma, beta))


def test_the_gradient_flows_through_the_statistics():
    """Held-fixed statistics would let Σ x̂ᵢ move; through them a shift and a stretch of the batch
    change nothing.
    """
    x = draw(6, 3).requires_grad_()
    y = batch_norm(x, training=True, eps=1e-300)
    (grad,) = torch.autograd.grad((draw(6, 3, seed=1) * y).sum(), x)
    assert grad.sum(0).abs().max() < 1e-13 and (grad * x).sum(0).abs().max() < 1e-13


# ---------------------------------------------------------------- folding

LAYERS = {
    "linear": (
        lambda bias: nn.Linear(4, 3, bias=bias, **DOUBLE),
        BatchNorm1d,
        nn.BatchNorm1d,
        (6, 4),
    ),
    "conv1d": (
        lambda bias: nn.Conv1d(4, 3, 2, bias=bias, **DOUBLE),
        BatchNorm1d,
        nn.BatchNorm1d,
        (6, 4, 5),
    ),
    "conv2d": (
        lambda bias: nn.Conv2d(2, 3, 3, padding=1, bias=bias, **DOUBLE),
        BatchNorm2d,
        nn.BatchNorm2d,
        (6, 2, 5, 5),
    ),
    "grouped": (
        lambda bias: nn.Conv2d(3, 3, 3, groups=3, bias=bias, **DOUBLE),
        BatchNorm2d,
        nn.BatchNorm2d,
        (6, 3, 5, 5),
    ),
}


# whose norm: 0 ours, 1 torch's
FOLDED = product([0, 1], [True, False], [{}, {"affine": False}, {"bias": False}])


@pytest.mark.parametrize(
    ("kind", "whose", "bias", "options"),
    [(kind, *case) for kind, case in zip(cycle(LAYERS), FOLDED)],
)
def test_folding_changes_no_output(kind, whose, bias, options):
    make, *norms, size = LAYERS[kind]
    layer, norm = make(bias), pair(norms[0], norms[1], 3, **options, **DOUBLE)[whose]
    for seed in range(3):
        norm(layer(draw(*size, seed=seed) + 1))
    norm.eval()
    before = [p.clone() for p in (*layer.state_dict().values(), *norm.state_dict().values())]
    folded = fold_batch_norm(layer, norm)
    x = draw(*size, seed=8) * 3
    assert_same([folded(x)], [norm(layer(x))], kind)
    assert_same(
        [*layer.state_dict().values(), *norm.state_dict().values()], before, "left alone", 0
    )
    assert type(folded) is type(layer) and all(
        p.requires_grad and p.is_leaf for p in folded.parameters()
    )


@pytest.mark.parametrize(
    ("layer", "norm", "named"),
    [
        (nn.ConvTranspose2d(3, 3, 2), BatchNorm2d(3), "linear_or_conv = ConvTranspose2d"),
        (nn.ReLU(), BatchNorm2d(3), "linear_or_conv = ReLU"),
        (nn.Linear(2, 3), BatchNorm1d(3, track_running_stats=False), "running statistics"),
        (nn.Linear(2, 3), LayerNorm(3), "running statistics"),
        (nn.Linear(2, 3), BatchNorm1d(4), "norm has 4 features, the layer 3"),
    ],
)
def test_what_cannot_be_folded_is_refused(layer, norm, named):
    with pytest.raises(ValueError, match=named):
        fold_batch_norm(layer, norm)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("kind", [BatchNorm1d, BatchNorm2d])
@pytest.mark.parametrize(
    ("options", "named"),
    [
        *(
            ({"momentum": m}, "momentum = ")
            for m in (-0.1, 1.5, float("nan"), float("inf"), "a", True)
        ),
        *(({"eps": e}, "eps = ") for e in (0.0, -1e-5, float("nan"), float("inf"), None)),
        *(({"num_features": n}, "num_features = ") for n in (0, -3, 2.5, float("nan"), "3")),
    ],
)
def test_bad_settings_are_refused_by_name(kind, options, named):
    with pytest.raises(ValueError, match=named):
        kind(**{"num_features": 3, **options})


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: LayerNorm(0), "normalized_shape = 0"),
        (lambda: LayerNorm(()), "normalized_shape = "),
        (lambda: LayerNorm(3, eps=-1e-5), "eps = -1e-05"),
        (lambda: LayerNorm(3, eps=0), "eps = 0"),
        (lambda: LayerNorm(3)(torch.ones(2, 4)), r"must end in \[3\]"),
        (lambda: LayerNorm((2, 3))(torch.ones(3)), r"must end in \[2, 3\]"),
        (lambda: BatchNorm1d(3)(torch.ones(2, 4)), "3 at place 1"),
        (lambda: BatchNorm1d(3)(torch.ones(3)), "2 dimensions or 3 dimensions"),
        (lambda: BatchNorm1d(3)(torch.ones(2, 3, 4, 5)), "2 dimensions or 3 dimensions"),
        (lambda: BatchNorm2d(3)(torch.ones(2, 3)), "4 dimensions"),
        (lambda: batch_norm(torch.ones(2, 3)), "evaluation needs both"),
        (lambda: batch_norm(torch.ones(2, 3), torch.ones(3)), "evaluation needs both"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, named):
    with pytest.raises(ValueError, match=named):
        call()


SINGLES = {
    "one row": (BatchNorm1d, (1, 3)),
    "one row of length 1": (BatchNorm1d, (1, 3, 1)),
    "one image of one pixel": (BatchNorm2d, (1, 3, 1, 1)),
    "no row": (BatchNorm1d, (0, 3)),
}


@pytest.mark.parametrize("case", SINGLES)
def test_a_batch_of_one_is_refused_in_training_uncounted_and_says_what_to_do(case):
    kind, shape = SINGLES[case]
    layer = kind(3)
    layer(draw(4, *shape[1:], dtype=torch.float32))
    before = [buffer.clone() for buffer in layer.buffers()]
    with pytest.raises(ValueError, match="value.*per feature.*drop_last.*eval"):
        layer(torch.ones(shape))
    assert_same(layer.buffers(), before, case, 0)
    assert layer.eval()(torch.ones(shape)).shape == shape
    with pytest.raises(ValueError, match="per feature"):
        batch_norm(torch.ones(shape), *before[:2], training=True)
    assert_same(layer.buffers(), before, case, 0)
    with pytest.raises(ValueError, match="per feature"):
        kind(3, track_running_stats=False).eval()(torch.ones(shape))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e30])
@pytest.mark.parametrize("momentum", [0.1, None])
def test_what_would_poison_the_running_statistics_is_refused_and_nothing_has_changed(bad, momentum):
    layer, x = BatchNorm1d(3, momentum=momentum), draw(5, 3, dtype=torch.float32)
    layer(x)
    before = [buffer.clone() for buffer in layer.buffers()]
    x[3, 1] = bad
    with pytest.raises(ValueError, match=r"at \[3, 1\].*running statistics are as they were"):
        layer(x)
    assert_same(layer.buffers(), before, bad, 0)
    assert nn.BatchNorm1d(3)(x) is not None  # torch takes it
    if bad != bad:
        assert layer.eval()(x).isnan().sum() == 1, "evaluation spoils one number, not a column"


def test_squares_that_overflow_only_together_are_refused_too():
    layer = BatchNorm1d(2)
    with pytest.raises(ValueError, match="too large"):
        layer(torch.full((8, 2), 1.5e19))
    assert layer.num_batches_tracked == 0


def test_without_tracking_there_is_nothing_to_poison():
    x = torch.tensor([[1.0, 2.0], [3.0, float("nan")]])
    y = BatchNorm1d(2, track_running_stats=False)(x)
    assert y[:, 0].isfinite().all() and y[:, 1].isnan().all()


# ---------------------------------------------------------------- what lesson 07 says


def test_by_hand():
    """Batch 1, 3, 8: μ = 4, σ² = 26/3 for the output; a tenth of 4 and of 13 to remember, and nine
    of 0 and 1.
    """
    x = torch.tensor([[1.0], [3.0], [8.0]], **DOUBLE)
    mean, var = statistics(1)
    y = batch_norm(x, mean, var, training=True)
    assert torch.allclose(y, (x - 4) / (26 / 3 + 1e-5) ** 0.5, rtol=0, atol=1e-15)
    assert mean.item() == pytest.approx(0.4, abs=1e-15) and var.item() == pytest.approx(
        0.9 + 1.3, abs=1e-15
    )
    later = batch_norm(x, mean, var)
    assert torch.allclose(later, (x - 0.4) / (2.2 + 1e-5) ** 0.5, rtol=0, atol=1e-15)


def test_the_same_batch_twice_gives_the_same_output_and_moved_statistics():
    layer, x = BatchNorm1d(3, **DOUBLE), draw(5, 3) + 2
    first, mean = layer(x), layer.running_mean.clone()
    assert torch.equal(layer(x), first) and not torch.equal(layer.running_mean, mean)
    assert torch.allclose(layer.running_mean, (1 - 0.9**2) * x.mean(0))


def test_momentum_none_is_the_plain_average_of_all_batches():
    layer, batches = BatchNorm1d(3, momentum=None, **DOUBLE), [draw(5, 3, seed=k) for k in range(4)]
    for x in batches:
        layer(x)
    assert torch.allclose(layer.running_mean, torch.stack([x.mean(0) for x in batches]).mean(0))
    assert torch.allclose(layer.running_var, torch.stack([x.var(0) for x in batches]).mean(0))


def test_an_exponential_average_is_not_that_of_all_samples():
    layer = BatchNorm1d(1, **DOUBLE)
    for _ in range(200):
        layer(torch.tensor([[9.0], [11.0]], **DOUBLE))
    for _ in range(200):
        layer(torch.tensor([[-1.0], [1.0]], **DOUBLE))
    assert abs(layer.running_mean.item()) < 1e-7, "half of all samples were near 10"


@pytest.mark.parametrize("alpha", [0.01, 0.5, 3.0, 100.0])
def test_scaling_the_weights_is_scaling_eps_back_and_the_gradient_by_one_over_alpha(alpha):
    x, w = draw(8, 4), draw(4, 3, seed=1)

    def loss(w, eps):
        return (draw(8, 3, seed=2) * batch_norm(x @ w, training=True, eps=eps)).sum().sin()

    def grad(w, eps):
        w = w.clone().requires_grad_()
        return torch.autograd.grad(loss(w, eps), w)[0]

    assert abs(loss(alpha * w, alpha**2 * 1e-3) - loss(w, 1e-3)) < 1e-12
    assert torch.allclose(
        grad(alpha * w, alpha**2 * 1e-3), grad(w, 1e-3) / alpha, rtol=1e-10, atol=0
    )
    g = grad(w, 1e-300)
    assert (g * w).sum(0).abs().max() < 1e-12 * g.norm() * w.norm(), (
        "orthogonal, per output, without ε"
    )


@pytest.mark.parametrize("eps", [1e-5, 1e-3, 0.1])
def test_with_eps_the_gradient_leans_towards_the_weights_by_a_share_of_eps_over_variance(eps):
    """w·∇loss = Σ over features of (ε/(σ² + ε))·Σᵢ g_ᵢx̂ᵢ, with g the gradient at x̂: measured in
    the lesson.
    """
    x, w, g = draw(8, 4), draw(4, 3, seed=1).requires_grad_(), draw(8, 3, seed=2)
    z = x @ w
    y = batch_norm(z, training=True, eps=eps)
    (grad,) = torch.autograd.grad((g * y).sum(), w)
    lean = (eps / (z.var(0, correction=0) + eps) * (g * y).sum(0)).detach()
    assert torch.allclose((grad * w).sum(0), lean, rtol=1e-9, atol=1e-14)


def test_a_bias_before_batch_norm_does_nothing_and_gets_no_gradient():
    x, b = draw(8, 3), draw(3, seed=1).requires_grad_()
    y = batch_norm(x + b, training=True)
    (grad,) = torch.autograd.grad((draw(8, 3, seed=2) * y).sum(), b)
    assert torch.allclose(y, batch_norm(x, training=True), atol=1e-13) and grad.abs().max() < 1e-13


def test_layer_norm_is_batch_norm_of_the_transpose():
    x = draw(5, 7)
    assert torch.allclose(layer_norm(x, 7), batch_norm(x.T, training=True).T, rtol=0, atol=1e-14)


def test_layer_norm_does_not_look_at_other_rows():
    x = draw(5, 3)
    assert torch.equal(layer_norm(x, 3)[:1], layer_norm(x[:1], 3))
