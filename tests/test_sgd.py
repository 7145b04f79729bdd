"""SGD equals torch.optim.SGD, every schedule its `torch.optim.lr_scheduler`; what is a special case
of what; what is refused.
"""

import math
import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from course_lib.sgd import (
    SGD,
    clip_grad_norm,
    cosine_decay,
    cyclical,
    exponential_decay,
    linear_warmup,
    one_cycle,
    sgd_update,
    step_decay,
)
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


# ---------------------------------------------------------------- clipping

SHAPES = {"matrix": [(4, 3)], "network": [(4, 3), (4,), (2, 4), (2,)], "a number": [()]}


@pytest.mark.parametrize("max_norm", [0.0, 0.5, 5.0, math.inf])
@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
def test_clipping_equals_torch(shapes, max_norm):
    params = [normal(*shape).requires_grad_() for shape in shapes]
    for i, p in enumerate(params):
        p.grad = normal(*p.shape, seed=i + 1)
    ours = [p.grad.clone() for p in params]
    norm = clip_grad_norm(ours, max_norm)
    assert_close("norm", norm, torch.nn.utils.clip_grad_norm_(params, max_norm), 1e-14)
    for g, p in zip(ours, params):
        assert_close(f"{max_norm}", g, p.grad, 1e-14)


def test_many_networks_are_clipped_each_by_its_own_norm_and_limit():
    limits = [0.0, 0.1, 2.0, 1e3, math.inf]
    grads = [normal(5, *shape, seed=i) for i, shape in enumerate(SHAPES["network"])]
    single = [[g[v].clone() for g in grads] for v in range(5)]
    together = [g.clone() for g in grads]
    norms = clip_grad_norm(together, torch.tensor(limits, **float64))
    for v, limit in enumerate(limits):
        assert_close(f"norm {v}", norms[v], clip_grad_norm(single[v], limit), 1e-14)
        for i in range(4):
            assert_close(f"network {v}, gradient {i}", together[i][v], single[v][i], 1e-14)
    assert torch.equal(together[0][3:], grads[0][3:])  # short enough: to the last bit


def test_what_is_clipped_keeps_its_direction_and_has_the_length_asked_for():
    grads = [normal(4, 3), normal(4, seed=1)]
    whole = torch.cat([g.flatten() for g in grads])
    clip_grad_norm(grads, 0.1)
    clipped = torch.cat([g.flatten() for g in grads])
    assert clipped.norm().item() == pytest.approx(0.1, rel=1e-5)
    assert torch.cosine_similarity(clipped, whole, 0).item() == pytest.approx(1, abs=1e-12)


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
    # a strength per model is never left out, and must not matter either
    zero = torch.zeros(3, 1, **float64)
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


# schedules

LR, LENGTH = 0.3, 60  # of a schedule: its highest rate, its steps


def rates(make, steps=LENGTH, lr=LR):
    """The learning rates that torch's scheduler sets for steps 0 … `steps` − 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    with warnings.catch_warnings():
        # "step() of the scheduler before the optimizer's": nothing is trained here
        warnings.simplefilter("ignore")
        scheduler, seen = make(optimizer), []
        for _ in range(steps):
            seen.append(optimizer.param_groups[0]["lr"])
            scheduler.step()
    return seen


TWINS = {
    "step": (lambda t: step_decay(t, 7, 0.3), lambda o: lr_scheduler.StepLR(o, 7, 0.3), LENGTH),
    "step, every step": (lambda t: step_decay(t, 1), lambda o: lr_scheduler.StepLR(o, 1), LENGTH),
    "step, gamma 1": (
        lambda t: step_decay(t, 3, 1.0),
        lambda o: lr_scheduler.StepLR(o, 3, 1.0),
        LENGTH,
    ),
    "exponential": (
        lambda t: exponential_decay(t, 0.9),
        lambda o: lr_scheduler.ExponentialLR(o, 0.9),
        LENGTH,
    ),
    "cosine": (
        lambda t: cosine_decay(t, 59),
        lambda o: lr_scheduler.CosineAnnealingLR(o, 59),
        LENGTH,
    ),
    "cosine, floor": (
        lambda t: cosine_decay(t, 59, 0.2),
        lambda o: lr_scheduler.CosineAnnealingLR(o, 59, eta_min=0.2 * LR),
        LENGTH,
    ),
    "cosine, one step": (
        lambda t: cosine_decay(t, 1),
        lambda o: lr_scheduler.CosineAnnealingLR(o, 1),
        2,
    ),
    "warm-up": (lambda t: linear_warmup(t, 5), lambda o: lr_scheduler.LinearLR(o), LENGTH),
    "warm-up, longer": (
        lambda t: linear_warmup(t, 17, 0.01),
        lambda o: lr_scheduler.LinearLR(o, 0.01, 1.0, 17),
        LENGTH,
    ),
    "cyclical": (
        lambda t: cyclical(t, 8, low=0.1),
        lambda o: lr_scheduler.CyclicLR(o, 0.1 * LR, LR, 8, cycle_momentum=False),
        LENGTH,
    ),
    "cyclical, uneven": (
        lambda t: cyclical(t, 3, 11, 0.0),
        lambda o: lr_scheduler.CyclicLR(o, 0.0, LR, 3, 11, cycle_momentum=False),
        LENGTH,
    ),
    "one cycle": (
        lambda t: one_cycle(t, LENGTH),
        lambda o: lr_scheduler.OneCycleLR(o, LR, LENGTH, cycle_momentum=False),
        LENGTH,
    ),
    "one cycle, other shape": (
        lambda t: one_cycle(t, 41, 0.47, 7.0, 30.0),
        lambda o: lr_scheduler.OneCycleLR(
            o, LR, 41, pct_start=0.47, div_factor=7, final_div_factor=30, cycle_momentum=False
        ),
        41,
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_every_schedule_is_its_twin_at_every_step(name):
    ours, theirs, steps = TWINS[name]
    wanted = rates(theirs, steps)
    assert len(set(wanted)) > 1 or name == "step, gamma 1"
    for t, rate in enumerate(wanted):
        assert math.isclose(LR * ours(t), rate, rel_tol=1e-9, abs_tol=1e-14), f"{name}, step {t}"


def test_a_schedule_drives_an_optimizer_through_torchs_lambda():
    factors = [one_cycle(t, LENGTH) for t in range(LENGTH)]
    seen = rates(
        lambda o: lr_scheduler.LambdaLR(o, lambda t: one_cycle(min(t, LENGTH - 1), LENGTH))
    )
    assert seen == [LR * factor for factor in factors]


def test_warm_up_and_cosine_one_after_the_other():
    """What `SequentialLR` makes of the two: the cosine starts at 0 when the warm-up is over."""

    def ours(t):
        return linear_warmup(t, 10, 0.1) if t < 10 else cosine_decay(t - 10, 40)

    def both(o):
        parts = [lr_scheduler.LinearLR(o, 0.1, 1.0, 10), lr_scheduler.CosineAnnealingLR(o, 40)]
        return lr_scheduler.SequentialLR(o, parts, [10])

    assert [LR * ours(t) for t in range(51)] == pytest.approx(rates(both, 51), rel=1e-9, abs=1e-14)


def test_after_its_end_a_cosine_stays_down_where_torchs_climbs():
    again = rates(lambda o: lr_scheduler.CosineAnnealingLR(o, 20), 41)
    assert [cosine_decay(t, 20, 0.1) for t in (20, 21, 40, 10**6)] == [0.1] * 4
    assert again[20] == pytest.approx(0, abs=1e-12) and again[40] == pytest.approx(LR)


def test_our_optimizer_takes_torchs_schedulers():
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = lr_scheduler.StepLR(optimizer, 2, 0.5)
    seen = []
    for _ in range(6):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert seen == [step_decay(t, 2, 0.5) for t in range(6)] == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_schedules_reduce_to_a_constant():
    for t in range(20):
        assert cosine_decay(t, 10, 1.0) == linear_warmup(t, 10, 1.0) == cyclical(t, 3, low=1.0) == 1
        assert step_decay(t, 3, 1.0) == exponential_decay(t, 1.0) == 1


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: step_decay(-1, 3), "step = -1"),
        (lambda: step_decay(1.5, 3), "step = 1.5"),
        (lambda: step_decay(1, 0), "step_size = 0"),
        (lambda: step_decay(1, 3, -1), "gamma = -1"),
        (lambda: exponential_decay(1, 1.1), "gamma = 1.1"),
        (lambda: exponential_decay(1, math.nan), "gamma = nan"),
        (lambda: cosine_decay(1, 0), "T_max = 0"),
        (lambda: cosine_decay(1, 5, 2), "floor = 2"),
        (lambda: cosine_decay("1", 5), "step = '1'"),
        (lambda: linear_warmup(1, 5, 0.0), "start_factor = 0"),
        (lambda: linear_warmup(1, 0), "total_iters = 0"),
        (lambda: cyclical(1, 0), "step_size_up = 0"),
        (lambda: cyclical(1, 2, 0), "step_size_down = 0"),
        (lambda: cyclical(1, 2, low=-0.1), "low = -0.1"),
        (lambda: one_cycle(50, 50), "step = 50"),
        (lambda: one_cycle(1, 50, pct_start=0.02), "pct_start = 0.02"),
        (lambda: one_cycle(1, 50, pct_start=1.0), "pct_start = 1.0"),
        (lambda: one_cycle(1, 50, div_factor=0.5), "div_factor = 0.5"),
        (lambda: one_cycle(1, 50, final_div_factor=math.inf), "final_div_factor = inf"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, named):
    with pytest.raises(ValueError, match=named.replace("[", r"\[")):
        call()
