"""SGD equals torch.optim.SGD, and its special cases reduce to one another."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.sgd import SGD, sgd_update
from tests._optimizers import (
    STEPS,
    assert_close,
    assert_same_path,
    build,
    gradients,
    normal,
    params_of,
    path,
    with_gaps,
)

float64 = {"dtype": torch.float64}

# ordered simple → complex; a list holds one dict per parameter group
OPTIONS = {
    "defaults": {},
    "lr": {"lr": 0.1},
    "lr zero": {"lr": 0.0},
    "lr a tensor": {"lr": torch.tensor(0.03, **float64)},
    "maximize": {"lr": 0.01, "maximize": True},
    "L2": {"lr": 0.05, "weight_decay": 0.1},
    "L2, maximize": {"lr": 0.05, "weight_decay": 0.1, "maximize": True},
    "L2, strong enough to flip the sign": {"lr": 1.2, "weight_decay": 1.5},
    "heavy ball": {"lr": 0.01, "momentum": 0.9},
    "heavy ball, lr a tensor": {"lr": torch.tensor(0.01, **float64), "momentum": 0.9},
    "heavy ball, maximize": {"lr": 0.01, "momentum": 0.9, "maximize": True},
    "heavy ball, L2": {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.1},
    "dampening": {"lr": 0.01, "momentum": 0.9, "dampening": 0.5},
    "dampening 1: only the first gradient counts": {"lr": 0.01, "momentum": 0.99, "dampening": 1.0},
    "negative dampening": {"lr": 0.01, "momentum": 0.5, "dampening": -1.0},
    "dampening without momentum: no effect": {"lr": 0.01, "dampening": 0.5},
    "dampening, L2": {"lr": 0.01, "momentum": 0.9, "dampening": 0.9, "weight_decay": 0.1},
    "Nesterov": {"lr": 0.01, "momentum": 0.9, "nesterov": True},
    "Nesterov, L2": {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    "Nesterov, L2, maximize": {
        "lr": 0.01,
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 0.1,
        "maximize": True,
    },
    "groups: two rates": [{"lr": 0.1}, {"lr": 0.001}],
    "groups: weights with L2, the rest without": [{"weight_decay": 0.1, "lr": 0.1}, {"lr": 0.1}],
    "groups: everything different": [
        {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        {"lr": torch.tensor(0.1, **float64), "momentum": 0.5, "dampening": 0.3, "maximize": True},
    ],
}


@pytest.mark.parametrize("case", OPTIONS)
def test_equals_torch_at_every_step(case):
    ours, theirs = build(SGD, OPTIONS[case]), build(torch.optim.SGD, OPTIONS[case])
    assert_same_path(case, ours, theirs, gradients())


@pytest.mark.parametrize(
    "case", [case for case in OPTIONS if "L2" not in case and "groups" not in case]
)
def test_decoupled_equals_torch_with_the_weights_shrunk_by_hand_before_each_step(case):
    strength = 0.2
    ours = build(SGD, {**OPTIONS[case], "weight_decay": strength, "decoupled_weight_decay": True})
    theirs = build(torch.optim.SGD, OPTIONS[case])

    def shrink(optimizer, args, kwargs):
        with torch.no_grad():
            for p in params_of(optimizer):
                p *= 1 - optimizer.param_groups[0]["lr"] * strength

    theirs.register_step_pre_hook(shrink)
    assert_same_path(case, ours, theirs, gradients())


def test_a_parameter_without_gradient_keeps_its_value_and_its_velocity():
    options = OPTIONS["Nesterov, L2"]
    assert_same_path(
        "gaps", build(SGD, options), build(torch.optim.SGD, options), with_gaps(gradients())
    )


def test_float32_stays_float32_and_close():
    ours, theirs = (
        build(kind, OPTIONS["heavy ball, L2"], torch.float32) for kind in (SGD, torch.optim.SGD)
    )
    # a rounding error of 2⁻²⁴ in each of the 200 steps, of which momentum remembers ten
    assert_same_path(
        "float32", ours, theirs, gradients(dtype=torch.float32), tolerance=STEPS * 10 * 2**-24
    )
    assert all(ours.state[p]["momentum_buffer"].dtype == torch.float32 for p in params_of(ours))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    shape=st.lists(st.integers(0, 4), max_size=4),
    options=st.fixed_dictionaries(
        {
            "lr": st.floats(0, 1),
            "momentum": st.floats(0, 0.99),
            "weight_decay": st.floats(0, 1),
            "maximize": st.booleans(),
        },
        optional={"dampening": st.floats(-1, 1)},
    ),
)
def test_equals_torch_for_any_shape_and_numbers(shape, options):
    ours, theirs = normal(*shape).requires_grad_(), normal(*shape).requires_grad_()
    optimizers = SGD([ours], **options), torch.optim.SGD([theirs], **options)
    for step in range(5):
        for p, optimizer in zip((ours, theirs), optimizers, strict=True):
            p.grad = normal(*shape, seed=step + 1)
            optimizer.step()
        if ours.numel():
            assert_close(f"{options}, step {step}", ours, theirs)


# ---------------------------------------------------------------- the pure function


def test_the_update_changes_param_and_state_in_place_and_nothing_else():
    param, grad, state = normal(3, 2), normal(3, 2, seed=1), {}
    before, grad_before = param.clone(), grad.clone()
    for _ in range(3):
        assert (
            sgd_update(param, grad, state, lr=0.1, momentum=0.9, l2=0.1, weight_decay=0.1) is param
        )
    assert not torch.equal(param, before)
    assert torch.equal(grad, grad_before)
    assert list(state) == ["momentum_buffer"] and state["momentum_buffer"] is not grad


@pytest.mark.parametrize("nesterov", [False, True])
def test_one_tensor_of_models_with_a_setting_each_is_as_many_runs(nesterov):
    columns = {
        "lr": [0.05, 0.1, 0.0, 0.5],
        "momentum": [0.0, 0.9, 0.5, 0.99],
        "dampening": [0.0, 0.0, 0.0, 0.0] if nesterov else [0.3, 0.5, -0.5, 1.0],
        "l2": [0.1, 0.0, 1.0, 0.0],
        "weight_decay": [0.0, 0.1, 0.1, 0.5],
    }
    start, grads = normal(4, 3, 2), [normal(4, 3, 2, seed=step) for step in range(1, 51)]
    together = {
        name: torch.tensor(values, **float64).view(4, 1, 1) for name, values in columns.items()
    }
    joint = path(sgd_update, start, grads, nesterov=nesterov, **together)
    for i in range(4):
        alone = {name: values[i] for name, values in columns.items()}
        single = path(sgd_update, start[i], [g[i] for g in grads], nesterov=nesterov, **alone)
        assert_close(f"model {i}", joint[:, i], single, 1e-14)


# ---------------------------------------------------------------- reduces to

GRADS = [normal(3, 2, seed=step) for step in range(1, 21)]
REDUCES = {  # these options … make this of it
    "no momentum: w ← w − lr·g": ({}, lambda w, g, lr: w - lr * g),
    "momentum 0 ignores dampening": (
        {"momentum": 0.0, "dampening": 0.7},
        lambda w, g, lr: w - lr * g,
    ),
    "l2 alone: gradient of loss + (λ/2)‖w‖²": (
        {"l2": 0.3},
        lambda w, g, lr: w - lr * (g + 0.3 * w),
    ),
    "decay alone: w ← (1 − lr·λ)w − lr·g": (
        {"weight_decay": 0.3},
        lambda w, g, lr: (1 - lr * 0.3) * w - lr * g,
    ),
}


@pytest.mark.parametrize("case", REDUCES)
def test_reduces_to(case):
    options, formula = REDUCES[case]
    expected = start = normal(3, 2)
    for step, w in enumerate(path(sgd_update, start, GRADS, lr=0.1, **options)):
        expected = formula(expected, GRADS[step], 0.1)
        assert_close(f"{case}, step {step}", w, expected, 1e-14)


def test_zero_strengths_leave_no_trace():
    start, options = normal(3, 2), {"lr": 0.1, "momentum": 0.9, "nesterov": True}
    bare = path(sgd_update, start, GRADS, **options)
    assert torch.equal(bare, path(sgd_update, start, GRADS, l2=0.0, weight_decay=0.0, **options))
    zero = torch.zeros(
        3, 1, **float64
    )  # a strength per model is never left out, and must not matter either
    assert torch.equal(bare, path(sgd_update, start, GRADS, l2=zero, weight_decay=zero, **options))


def test_momentum_unrolled_is_a_sum_over_past_gradients():
    w, mu, lr = normal(3, 2), 0.8, 0.1
    last = path(sgd_update, w, GRADS, lr=lr, momentum=mu)[-1]
    # gradient s is still being followed, geometrically less, at each of the n − s steps after its
    # own
    n = len(GRADS)
    total = sum(g * (1 - mu ** (n - s)) / (1 - mu) for s, g in enumerate(GRADS))
    assert_close("heavy ball", last, w - lr * total)


def test_nesterov_looks_one_velocity_ahead():
    # Sutskever's form: the gradient is taken at w + μu, then u ← μu − lr·g, w ← w + u. Ours keeps x
    # = w + μu instead.
    mu, lr, hessian = 0.9, 0.05, torch.tensor([1.0, 10.0], **float64)
    w, u, start = normal(2), torch.zeros(2, **float64), normal(2)
    for x in path(
        sgd_update, start, [lambda x: hessian * x] * 50, lr=lr, momentum=mu, nesterov=True
    ):
        u = mu * u - lr * hessian * (w + mu * u)
        w = w + u
        assert_close("look-ahead point", x, w + mu * u)
