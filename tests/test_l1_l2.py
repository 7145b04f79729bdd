"""Penalties, the soft threshold, and the proximal step, against torch, scikit-learn and brute
force.
"""

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import ElasticNet, Lasso, Ridge
from torch.nn.functional import softshrink

from course_lib.l1_l2 import (
    ProximalSGD,
    elastic_net_penalty,
    l1_penalty,
    l2_penalty,
    proximal_gradient,
    proximal_sgd_update,
    soft_threshold,
)
from tests._optimizers import (
    assert_close,
    assert_same_path,
    build,
    feed,
    gradients,
    normal,
    params_of,
    path,
)

# ---------------------------------------------------------------- soft threshold

INPUTS = {
    "three numbers": torch.tensor([1.5, -0.1, -1.5]),
    "at the threshold": torch.tensor([0.5, -0.5, 0.0, -0.0]),
    "not finite": torch.tensor([math.inf, -math.inf, math.nan]),
    "float64": normal(50),
    "float32": normal(50).float(),
    "float16": normal(50).half(),
    "bfloat16": normal(50).bfloat16(),
    "a matrix, transposed": normal(4, 3).T,
    "no dimensions": normal(),
    "no elements": normal(0, 3),
}


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 10.0])
@pytest.mark.parametrize("x", INPUTS.values(), ids=INPUTS)
def test_soft_threshold_is_torchs_softshrink(x, threshold):
    before = x.clone()
    found = soft_threshold(x, threshold)
    halves = {"rtol": 0.01, "atol": 1e-3}  # where torch computes in float32 inside
    exact = halves if x.dtype in (torch.float16, torch.bfloat16) else {"rtol": 0, "atol": 0}
    torch.testing.assert_close(found, softshrink(x, threshold), equal_nan=True, **exact)
    torch.testing.assert_close(x, before, rtol=0, atol=0, equal_nan=True)
    assert x.numel() == 0 or found.data_ptr() != x.data_ptr()


def test_a_tensor_of_thresholds_is_one_threshold_per_model():
    x, thresholds = normal(4, 3, 2), torch.tensor([0.0, 0.1, 0.5, 3.0], dtype=torch.float64)
    expected = torch.stack([soft_threshold(x[v], t.item()) for v, t in enumerate(thresholds)])
    assert torch.equal(soft_threshold(x, thresholds.view(-1, 1, 1)), expected)


def test_its_gradient_is_one_for_what_is_kept_and_zero_for_what_is_cut():
    x = torch.tensor([2.0, -0.3, 0.0, 0.5, -2.0], requires_grad=True)
    soft_threshold(x, 0.5).sum().backward()
    assert x.grad.tolist() == [1, 0, 0, 0, 1]


@given(st.floats(-3, 3), st.floats(0, 2))
def test_it_is_the_lowest_point_of_half_the_squared_distance_plus_the_penalty(x, threshold):
    z = torch.linspace(-3, 3, 6001, dtype=torch.float64)
    best = z[((z - x) ** 2 / 2 + threshold * z.abs()).argmin()]
    found = soft_threshold(torch.tensor(x, dtype=torch.float64), threshold)
    assert abs(found - best) <= 1e-3
    assert found == 0 or found.sign() == math.copysign(1, x)


# ---------------------------------------------------------------- penalties


def model():
    generator = torch.Generator().manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2)
    ).double()
    for p in net.parameters():
        p.data = torch.randn(p.shape, generator=generator, dtype=torch.float64)
    return net


def test_penalties_by_hand():
    w = torch.tensor([3.0, -4.0])
    assert (l1_penalty(w).item(), l2_penalty(w).item()) == (7.0, 12.5)
    assert elastic_net_penalty(w, 0.1, 2.0).item() == pytest.approx(25.7)


def test_penalties_are_torchs_norms_over_all_parameters():
    net = model()
    flat = torch.nn.utils.parameters_to_vector(net.parameters())
    assert_close("L1", l1_penalty(net.parameters()), torch.linalg.vector_norm(flat, 1))
    assert_close("L2", l2_penalty(net.parameters()), torch.linalg.vector_norm(flat) ** 2 / 2)
    both = elastic_net_penalty(net.parameters(), 0.3, 0.7)  # a generator, read once
    assert_close("both", both, 0.3 * l1_penalty(flat) + 0.7 * l2_penalty(flat))


def test_their_gradients_are_the_sign_and_the_weight():
    w = torch.tensor([2.0, -0.5, 0.0], requires_grad=True)
    assert torch.autograd.grad(l1_penalty(w), w)[0].tolist() == [1, -1, 0]
    assert torch.autograd.grad(l2_penalty([w]), w)[0].tolist() == w.tolist()


@pytest.mark.parametrize("name", ["l1", "l2"])
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "0.1", None, True])
def test_a_bad_strength_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"{name} = .*must be a finite number in \[0, ∞\)"):
        elastic_net_penalty(torch.ones(2), **{"l1": 0.0, "l2": 0.0, name: value})
    with pytest.raises(ValueError, match=rf"{name} = "):
        proximal_gradient(lambda w: w, torch.ones(2), lr=0.1, **{name: value})


def test_no_parameters_and_bad_thresholds_are_refused():
    for penalty in (l1_penalty, l2_penalty):
        with pytest.raises(ValueError, match="params = \\[\\]"):
            penalty([])
    for threshold in (-0.1, math.nan, math.inf, "1"):
        with pytest.raises(ValueError, match="threshold = "):
            soft_threshold(torch.ones(2), threshold)


# ---------------------------------------------------------------- proximal gradient


def problem(rows=40, features=6, seed=0):
    """X, y, the gradient of ‖y − Xw‖²/2n, and 1/λmax of its Hessian."""
    x, y = normal(rows, features, seed=seed), normal(rows, seed=seed + 1)
    gram, moment = x.T @ x / rows, x.T @ y / rows
    return x, y, lambda w: w @ gram - moment, 1 / torch.linalg.eigvalsh(gram)[-1].item()


def test_ridge_lasso_and_elastic_net_are_scikit_learns():
    x, y, gradient, lr = problem()
    options = {"fit_intercept": False}
    tight = {"tol": 1e-14, "max_iter": 100_000, **options}
    for strength in (0.01, 0.1, 0.3):
        twins = [
            ({"l2": strength}, Ridge(len(x) * strength, **options)),
            ({"l1": strength}, Lasso(strength, **tight)),
            (
                {"l1": 0.7 * strength, "l2": 0.3 * strength},
                ElasticNet(strength, l1_ratio=0.7, **tight),
            ),
        ]
        for ours, theirs in twins:
            found = proximal_gradient(
                gradient, torch.zeros(6, dtype=torch.float64), lr=lr, steps=2000, **ours
            )
            expected = torch.from_numpy(theirs.fit(x.numpy(), y.numpy()).coef_)
            assert (found - expected).abs().max() <= 1e-6 and torch.equal(
                found == 0, expected == 0
            ), ours


def test_without_a_penalty_it_is_least_squares():
    x, y, gradient, lr = problem()
    found = proximal_gradient(gradient, torch.ones(6, dtype=torch.float64), lr=lr, steps=2000)
    assert_close(
        "least squares", found, torch.linalg.lstsq(x, y.unsqueeze(1)).solution[:, 0], 1e-10
    )


def test_problems_side_by_side_are_problems_one_by_one():
    _, _, gradient, lr = problem()
    l1 = torch.tensor([[0.0], [0.05], [0.4]], dtype=torch.float64)
    l2 = torch.tensor([[0.1], [0.0], [0.2]], dtype=torch.float64)
    together = proximal_gradient(
        gradient, torch.ones(3, 6, dtype=torch.float64), lr=lr, l1=l1, l2=l2, steps=50
    )
    for v in range(3):
        start = torch.ones(6, dtype=torch.float64)
        alone = proximal_gradient(
            gradient, start, lr=lr, l1=l1[v].item(), l2=l2[v].item(), steps=50
        )
        assert_close(f"problem {v}", together[v], alone)
        assert start.eq(1).all()


def test_a_learning_rate_beyond_the_bound_is_refused_and_one_below_is_not():
    _, _, gradient, lr = problem()
    start = torch.zeros(6, dtype=torch.float64)
    for l1, too_much in ((0.0, 2.05), (0.05, 4.0)):  # a threshold steadies a little
        proximal_gradient(gradient, start, lr=1.999 * lr, l1=l1, steps=500)
        with pytest.raises(ValueError, match=r"lr = .*the steps grow; must be in \(0, 2/λmax\)"):
            proximal_gradient(gradient, start, lr=too_much * lr, l1=l1, steps=500)


def test_no_step_and_a_start_at_the_solution_are_fine():
    _, _, gradient, lr = problem()
    start = normal(6)
    assert torch.equal(proximal_gradient(gradient, start, lr=lr, steps=0), start)
    rest = proximal_gradient(gradient, start, lr=lr, l1=0.05, steps=3000)
    assert_close("rest", proximal_gradient(gradient, rest, lr=lr, l1=0.05, steps=10), rest)


# ---------------------------------------------------------------- the optimizer

SAME_AS_SGD = {
    "defaults": {},
    "lr": {"lr": 0.1},
    "L2": {"lr": 0.05, "weight_decay": 0.1},
    "heavy ball": {"lr": 0.01, "momentum": 0.9},
    "heavy ball, L2, maximize": {
        "lr": 0.01,
        "momentum": 0.9,
        "weight_decay": 0.1,
        "maximize": True,
    },
    "groups": [{"lr": 0.1, "weight_decay": 0.1}, {"lr": 0.01, "momentum": 0.5}],
}


@pytest.mark.parametrize("case", SAME_AS_SGD)
def test_without_l1_it_is_torchs_sgd_at_every_step(case):
    options = SAME_AS_SGD[case]
    assert_same_path(
        case, build(ProximalSGD, options), build(torch.optim.SGD, options), gradients()
    )


@pytest.mark.parametrize(
    "options", [{"lr": 0.1}, {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1}]
)
def test_a_step_is_torchs_sgd_and_then_torchs_softshrink(options):
    ours, theirs = build(ProximalSGD, {**options, "l1": 0.3}), build(torch.optim.SGD, options)
    seen = 0
    for step, batch in enumerate(gradients(100)):
        feed(ours, batch)
        feed(theirs, batch)
        for p, q in zip(params_of(ours), params_of(theirs), strict=True):
            q.data = softshrink(q.data, options["lr"] * 0.3)
            assert_close(f"step {step}", p, q)
            seen += int((p == 0).sum())
    assert seen > 100, "some weights were exactly zero"


def test_a_group_with_l1_zero_keeps_every_weight():
    weight, bias = (torch.nn.Parameter(torch.full((3,), 0.05)) for _ in range(2))
    optimizer = ProximalSGD([{"params": [weight], "l1": 1.0}, {"params": [bias]}], lr=0.1)
    weight.grad = bias.grad = torch.zeros(3)
    assert optimizer.step(lambda: 7.0) == 7.0
    assert weight.eq(0).all() and bias.eq(0.05).all()


def test_one_strength_per_model_is_one_run_per_model():
    start, grads = normal(3, 4), [normal(3, 4, seed=s) for s in range(20)]
    hyper = {
        "lr": [0.1, 0.05, 0.02],
        "l1": [0.0, 0.5, 2.0],
        "momentum": [0.0, 0.5, 0.9],
        "l2": [0.3, 0.0, 0.1],
    }
    columns = {
        name: torch.tensor(values, dtype=torch.float64).unsqueeze(1)
        for name, values in hyper.items()
    }
    together = path(proximal_sgd_update, start, grads, **columns)
    for v in range(3):
        alone = path(
            proximal_sgd_update,
            start[v],
            [g[v] for g in grads],
            **{k: x[v] for k, x in hyper.items()},
        )
        assert_close(f"model {v}", together[:, v], alone)


def test_a_resumed_run_is_the_uninterrupted_one():
    batches, options = (
        list(gradients(20)),
        {"lr": 0.02, "l1": 0.3, "momentum": 0.9, "weight_decay": 0.1},
    )
    first = build(ProximalSGD, options)
    for batch in batches[:10]:
        feed(first, batch)
    second = build(ProximalSGD, {"lr": 0.5})
    for p, q in zip(params_of(second), params_of(first), strict=True):
        p.data = q.data.clone()
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for batch in batches[10:]:
        feed(first, batch)
        feed(second, batch)
    assert all(torch.equal(p, q) for p, q in zip(params_of(second), params_of(first), strict=True))


@pytest.mark.parametrize("name", ["lr", "l1", "weight_decay", "momentum"])
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "0.1"])
def test_the_optimizer_refuses_what_lies_outside(name, value):
    w = torch.nn.Parameter(torch.ones(2))
    with pytest.raises(ValueError, match=f"{name} = "):
        ProximalSGD([w], **{name: value})
    with pytest.raises(ValueError, match=f"{name} = "):
        ProximalSGD([{"params": [w], name: value}])


def test_momentum_of_one_is_refused():
    with pytest.raises(ValueError, match=r"momentum = 1: must be a finite number in \[0, 1\)"):
        ProximalSGD([torch.nn.Parameter(torch.ones(2))], momentum=1)
