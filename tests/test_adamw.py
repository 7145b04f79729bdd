"""Adam and AdamW equal torch's, reduce to their neighbours, and end where the theory says."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.adamw import Adam, AdamW, adam_update, adamw_update
from tests._optimizers import (
    STEPS,
    assert_close,
    assert_same_path,
    build,
    feed,
    gradients,
    normal,
    params_of,
    path,
    with_gaps,
)

float64 = {"dtype": torch.float64}

# ordered simple → complex; a list holds one dict per parameter group; `weight_decay` is L2 for
# Adam, decay for AdamW
OPTIONS = {
    "defaults": {},
    "lr": {"lr": 0.1},
    "lr zero": {"lr": 0.0},
    "lr a tensor": {"lr": torch.tensor(0.03, **float64)},
    "maximize": {"lr": 0.01, "maximize": True},
    "β₁ = 0: no memory of the gradient": {"lr": 0.01, "betas": (0.0, 0.99)},
    "β₂ = 0: no memory of its square": {"lr": 0.01, "betas": (0.9, 0.0)},
    "β₁ = β₂ = 0: sign of the gradient": {"lr": 0.01, "betas": (0.0, 0.0)},
    "β₁ > β₂": {"lr": 0.01, "betas": (0.99, 0.5)},
    "long memory": {"lr": 0.01, "betas": (0.99, 0.99999)},
    "ε as large as the gradient": {"lr": 0.1, "eps": 0.5},
    "ε tiny": {"lr": 0.01, "eps": 1e-30},
    "weight decay none": {"lr": 0.01, "weight_decay": 0.0},
    "weight decay": {"lr": 0.01, "weight_decay": 0.1},
    "weight decay, strong enough to flip the sign": {"lr": 0.5, "weight_decay": 3.0},
    "weight decay, maximize": {"lr": 0.01, "weight_decay": 0.1, "maximize": True},
    "weight decay, lr a tensor": {"lr": torch.tensor(0.03, **float64), "weight_decay": 0.1},
    "AMSGrad": {"lr": 0.01, "amsgrad": True},
    "AMSGrad with a short memory, so that the maximum differs": {
        "lr": 0.01,
        "amsgrad": True,
        "betas": (0.9, 0.5),
    },
    "AMSGrad, weight decay, maximize": {
        "lr": 0.01,
        "amsgrad": True,
        "weight_decay": 0.1,
        "maximize": True,
    },
    "groups: two rates": [{"lr": 0.1}, {"lr": 0.001}],
    "groups: weight decay for one, none for the other": [
        {"weight_decay": 0.1},
        {"weight_decay": 0.0},
    ],
    "groups: everything different": [
        {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-4, "weight_decay": 0.3, "maximize": True},
        {
            "lr": torch.tensor(0.1, **float64),
            "betas": (0.0, 0.5),
            "amsgrad": True,
            "weight_decay": 0.01,
        },
    ],
}
TWINS = {Adam: torch.optim.Adam, AdamW: torch.optim.AdamW}


@pytest.mark.parametrize("kind", TWINS)
@pytest.mark.parametrize("case", OPTIONS)
def test_equals_torch_at_every_step(case, kind):
    ours, theirs = build(kind, OPTIONS[case]), build(TWINS[kind], OPTIONS[case])
    assert_same_path(f"{kind.__name__}, {case}", ours, theirs, gradients())


def test_decoupled_adam_is_adamw():
    ours = build(Adam, {"weight_decay": 0.1, "decoupled_weight_decay": True})
    assert_same_path(
        "Adam, decoupled", ours, build(torch.optim.AdamW, {"weight_decay": 0.1}), gradients()
    )


@pytest.mark.parametrize("kind", TWINS)
def test_a_parameter_without_gradient_keeps_value_moments_and_step_count(kind):
    options = {"lr": 0.01, "weight_decay": 0.1}
    assert_same_path(
        "gaps", build(kind, options), build(TWINS[kind], options), with_gaps(gradients())
    )


@pytest.mark.parametrize("kind", TWINS)
def test_float32_stays_float32_and_close(kind):
    ours, theirs = (
        build(k, {"lr": 0.01, "weight_decay": 0.1}, torch.float32) for k in (kind, TWINS[kind])
    )
    assert_same_path(
        "float32", ours, theirs, gradients(dtype=torch.float32), tolerance=STEPS * 10 * 2**-24
    )
    assert {
        ours.state[p][key].dtype for p in params_of(ours) for key in ("exp_avg", "exp_avg_sq")
    } == {torch.float32}


@pytest.mark.parametrize("kind", TWINS)
@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e-8, 1e8, 1e18], ids=str)
def test_float32_at_the_ends_of_its_range(size, kind):
    # the square is nothing, a subnormal number, as small as ε, large, almost too large: w may not
    # notice, or become NaN
    ours, theirs = (build(k, {"lr": 0.01}, torch.float32) for k in (kind, TWINS[kind]))
    batches = ([(g / g.abs().max() * size).float() for g in batch] for batch in gradients(50))
    for step, batch in enumerate(batches, 1):
        feed(ours, batch)
        feed(theirs, batch)
        for p, q in zip(params_of(ours), params_of(theirs), strict=True):
            assert_close(f"size {size}, step {step}", p, q, 50 * 10 * 2**-24)


@given(
    kind=st.sampled_from(list(TWINS)),
    shape=st.lists(st.integers(0, 4), max_size=4),
    options=st.fixed_dictionaries(
        {
            "lr": st.floats(0, 1),
            "betas": st.tuples(st.floats(0, 0.99), st.floats(0, 0.9999)),
            "eps": st.floats(1e-10, 0.9),
            "weight_decay": st.floats(0, 1),
            "amsgrad": st.booleans(),
            "maximize": st.booleans(),
        }
    ),
)
def test_equals_torch_for_any_shape_and_numbers(kind, shape, options):
    ours, theirs = normal(*shape).requires_grad_(), normal(*shape).requires_grad_()
    optimizers = kind([ours], **options), TWINS[kind]([theirs], **options)
    for step in range(5):
        for p, optimizer in zip((ours, theirs), optimizers, strict=True):
            p.grad = normal(*shape, seed=step + 1)
            optimizer.step()
        if ours.numel():
            assert_close(f"{kind.__name__}, {options}, step {step}", ours, theirs)


# ---------------------------------------------------------------- the pure function


def test_the_update_changes_param_and_state_in_place_and_nothing_else():
    param, grad, state = normal(3, 2), normal(3, 2, seed=1), {}
    before, grad_before = param.clone(), grad.clone()
    for _ in range(3):
        assert adamw_update(param, grad, state, amsgrad=True) is param
    assert not torch.equal(param, before)
    assert torch.equal(grad, grad_before)
    assert set(state) == {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"} and state["step"] == 3


@pytest.mark.parametrize("amsgrad", [False, True])
def test_one_tensor_of_models_with_a_setting_each_is_as_many_runs(amsgrad):
    columns = {
        "lr": [0.05, 0.1, 0.0, 0.5],
        "eps": [1e-8, 1e-3, 0.1, 1e-12],
        "l2": [0.1, 0.0, 1.0, 0.0],
        "weight_decay": [0.0, 0.1, 0.1, 0.5],
    }
    betas = [(0.9, 0.999), (0.0, 0.9), (0.9, 0.0), (0.5, 0.5)]
    start, grads = normal(4, 3, 2), [normal(4, 3, 2, seed=step) for step in range(1, 51)]
    together = {
        name: torch.tensor(values, **float64).view(4, 1, 1) for name, values in columns.items()
    }
    together["betas"] = torch.tensor(betas, **float64).T.reshape(2, 4, 1, 1).unbind()
    joint = path(adam_update, start, grads, amsgrad=amsgrad, **together)
    for i in range(4):
        alone = {name: values[i] for name, values in columns.items()}
        single = path(
            adam_update, start[i], [g[i] for g in grads], betas=betas[i], amsgrad=amsgrad, **alone
        )
        assert_close(f"model {i}", joint[:, i], single, 1e-14)


# ---------------------------------------------------------------- reduces to

GRADS = [normal(3, 2, seed=step) for step in range(1, 51)]
UNCORRECTED = 10**9  # so late a step that 1 − βᵗ is 1: the bias correction is gone


def moments_of_zero(step):
    return {
        "step": step,
        "exp_avg": torch.zeros(3, 2, **float64),
        "exp_avg_sq": torch.zeros(3, 2, **float64),
    }


@pytest.mark.parametrize("amsgrad", [False, True])
def test_without_decay_adam_and_adamw_are_one(amsgrad):
    adam = path(adam_update, normal(3, 2), GRADS, amsgrad=amsgrad)
    assert torch.equal(
        adam, path(adamw_update, normal(3, 2), GRADS, weight_decay=0.0, amsgrad=amsgrad)
    )
    # a strength per model is never left out, and must not matter either
    zero = torch.zeros(3, 1, **float64)
    assert torch.equal(
        adam, path(adam_update, normal(3, 2), GRADS, l2=zero, weight_decay=zero, amsgrad=amsgrad)
    )


def test_the_two_decays_differ_from_the_first_step():
    l2 = path(adam_update, normal(3, 2), GRADS, l2=0.1)
    decoupled = path(adam_update, normal(3, 2), GRADS, weight_decay=0.1)
    assert (l2 - decoupled).abs().amax((1, 2)).min() > 1e-5


@pytest.mark.parametrize("size", [1e-100, 1.0, 1e100], ids=str)
def test_without_memory_and_ε_every_weight_moves_by_lr_against_the_sign(size):
    visited = path(
        adam_update, normal(3, 2), [size * g for g in GRADS], lr=0.1, betas=(0.0, 0.0), eps=1e-300
    )
    steps = visited.diff(dim=0, prepend=normal(1, 3, 2))
    assert_close("sign descent", steps, -0.1 * torch.stack(GRADS).sign())


def test_amsgrad_is_adam_while_the_squares_grow():
    growing = [normal(3, 2) * 1.5**step for step in range(30)]
    assert torch.equal(
        path(adam_update, normal(3, 2), growing),
        path(adam_update, normal(3, 2), growing, amsgrad=True),
    )
    shrinking = growing[::-1]
    kept = path(adam_update, normal(3, 2), shrinking, amsgrad=True)
    assert not torch.allclose(path(adam_update, normal(3, 2), shrinking), kept)


def adagrad(t, lr=0.1, eps=1e-3):
    """β₂ = 1 − 1/t makes v the plain mean of the t squares, G/t; what bias correction then adds is
    taken out again.
    """
    scale = math.sqrt(t * (1 - (1 - 1 / t) ** t))
    return {"betas": (0.0, 1 - 1 / t), "lr": lr / scale, "eps": eps / scale}


def rmsprop(t, lr=0.1, eps=1e-3, alpha=0.9):
    """RMSprop corrects no bias: Adam's correction, a factor 1/√(1 − αᵗ) of √v, is undone in the
    rate and in ε.
    """
    correction = math.sqrt(1 - alpha**t)
    return {"betas": (0.0, alpha), "lr": lr / correction, "eps": eps / correction}


REDUCES = {  # with these options at step t … our Adam is this rule of torch
    "RMSprop": (rmsprop, torch.optim.RMSprop, {"lr": 0.1, "eps": 1e-3, "alpha": 0.9}),
    "Adagrad": (adagrad, torch.optim.Adagrad, {"lr": 0.1, "eps": 1e-3}),
}


@pytest.mark.parametrize("name", REDUCES)
def test_reduces_to(name):
    rule, kind, options = REDUCES[name]
    w, state = normal(3, 2), {}
    p = normal(3, 2).requires_grad_()
    referee = kind([p], **options)
    for t, grad in enumerate(GRADS, 1):
        adam_update(w, grad, state, **rule(t))
        p.grad = grad
        referee.step()
        assert_close(f"{name}, step {t}", w, p)


def test_rmsprop_is_adam_without_momentum_and_without_bias_correction():
    p = normal(3, 2).requires_grad_()
    referee = torch.optim.RMSprop([p], lr=0.1, alpha=0.9, eps=1e-3)
    options = {"lr": 0.1, "betas": (0.0, 0.9), "eps": 1e-3}
    uncorrected = path(adam_update, normal(3, 2), GRADS, moments_of_zero(UNCORRECTED), **options)
    corrected = path(adam_update, normal(3, 2), GRADS, **options)
    for t, grad in enumerate(GRADS):
        p.grad = grad
        referee.step()
        assert_close(f"step {t}", uncorrected[t], p)
        assert not torch.allclose(corrected[t], p, atol=1e-3), "bias correction must show"


# ---------------------------------------------------------------- lesson 04, Exact


def test_the_first_step_has_size_lr():
    grad = normal(3, 2).sign() * torch.tensor([[1e-4, 1e-2], [1.0, 1e2], [1e4, 1e6]], **float64)
    step = path(adam_update, torch.zeros(3, 2, **float64), [grad], lr=0.1)[0]
    assert_close("first step", step, -0.1 * grad / (grad.abs() + 1e-8))
    assert (step.abs() / 0.1 - 1).abs().max() <= 1e-8 / 1e-4, "lr, to within ε/|g|"


def test_without_correction_the_first_step_is_larger_by_the_ratio_of_the_corrections():
    start = torch.zeros(3, 2, **float64)
    step = path(
        adam_update, start, [normal(3, 2)], moments_of_zero(UNCORRECTED), lr=0.1, eps=1e-300
    )[0]
    assert_close("first step", step, -normal(3, 2).sign() * 0.1 * (1 - 0.9) / math.sqrt(1 - 0.999))


def test_adamw_is_an_exponential_average_of_its_updates():
    lr, lam, start = 0.02, 0.5, normal(3, 2)
    weights = path(adamw_update, start, GRADS, lr=lr, weight_decay=lam)
    zero = torch.zeros(3, 2, **float64)
    directions = path(adam_update, zero, GRADS, lr=1.0).diff(dim=0, prepend=zero[None])
    targets = directions / lam  # what each update alone would pull the weights to
    alpha = lr * lam
    average = start
    for t, (w, target) in enumerate(zip(weights, targets, strict=True), 1):
        average = (1 - alpha) * average + alpha * target
        assert_close(f"step {t}", w, average)
        past = torch.tensor([alpha * (1 - alpha) ** (t - s) for s in range(1, t + 1)], **float64)
        assert_close(
            f"step {t}, unrolled",
            w,
            (1 - alpha) ** t * start + torch.einsum("s,sij->ij", past, targets[:t]),
        )


@pytest.mark.parametrize("lam", [0.01, 0.1, 1.0])
def test_the_horizon_of_that_average_is_one_over_lr_lambda_steps(lam):
    lr, start = 0.01, normal(3, 2)
    horizon = round(1 / (lr * lam))
    left = path(
        adamw_update, start, [torch.zeros(3, 2, **float64)] * horizon, lr=lr, weight_decay=lam
    )[-1]
    assert ((left / start - math.exp(-1)).abs() <= lr * lam).all(), "a start is forgotten to 1/e"


def test_a_schedule_of_the_rate_schedules_the_decay():
    w = normal(3, 2).requires_grad_()
    optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
    warm_up = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=10)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40)
    schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [warm_up, cosine], milestones=[10])
    factor = 1.0
    for _ in range(50):
        factor *= 1 - optimizer.param_groups[0]["lr"] * 0.5
        w.grad = torch.zeros(3, 2, **float64)
        optimizer.step()
        schedule.step()
    assert 0.1 < factor < 0.5
    assert_close("Π(1 − lrₜ·λ)", w, factor * normal(3, 2))


HESSIAN = torch.tensor([[2.0, 1.0], [1.0, 3.0]], **float64)
CENTER = torch.tensor([2.0, 0.25], **float64)  # the loss is ½(w − center)ᵀH(w − center)
# a step is about as long as this, or shorter: so near does the path settle
LAST_RATE = 0.3 * 4000**-0.5


def settle(lam, **options):
    """Full batch, lr = 0.3/√t (not increasing, infinite sum), β₁ ≤ β₂, 4000 steps."""
    w = torch.zeros(2, **float64, requires_grad=True)
    optimizer = Adam([w], lr=0.3, betas=(0.9, 0.95), weight_decay=lam, **options)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (step + 1) ** -0.5)
    for _ in range(4000):
        w.grad = HESSIAN @ (w.detach() - CENTER)
        optimizer.step()
        schedule.step()
    return w.detach()


def test_adamw_ends_at_the_optimum_inside_the_box_of_side_one_over_lambda():
    # Xie & Li 2024. At λ = 1 the box cuts w₁ off at 1; w₂ is then where its own gradient vanishes.
    second = CENTER[1] + HESSIAN[1, 0] / HESSIAN[1, 1] * (CENTER[0] - 1)
    expected = torch.stack([torch.tensor(1.0, **float64), second])
    assert_close("AdamW", settle(1.0, decoupled_weight_decay=True), expected, LAST_RATE)


def test_adamw_does_not_shrink_an_optimum_inside_the_box_at_all():
    assert_close("AdamW", settle(0.4, decoupled_weight_decay=True), CENTER, LAST_RATE)


@pytest.mark.parametrize("lam", [0.4, 1.0])
def test_adam_with_l2_ends_at_ridge(lam):
    ridge = torch.linalg.solve(HESSIAN + lam * torch.eye(2, **float64), HESSIAN @ CENTER)
    assert (ridge - CENTER).abs().max() > 0.1
    assert_close("Adam + L2", settle(lam), ridge, LAST_RATE)


@pytest.mark.parametrize("kind", [Adam, AdamW, torch.optim.Adam, torch.optim.AdamW])
def test_the_gradient_is_read_from_both_moments_of_a_state_dict_after_one_step(kind):
    w, grad = normal(3, 2).requires_grad_(), normal(3, 2, seed=1)
    optimizer = kind([w], betas=(0.8, 0.99), weight_decay=0.0)
    w.grad = grad.clone()
    optimizer.step()
    saved = optimizer.state_dict()
    beta1, beta2 = saved["param_groups"][0]["betas"]
    assert_close("first moment", saved["state"][0]["exp_avg"] / (1 - beta1), grad)
    assert_close(
        "second moment", (saved["state"][0]["exp_avg_sq"] / (1 - beta2)).sqrt(), grad.abs()
    )


def test_amsgrad_mends_the_counterexample_of_reddi_kale_and_kumar():
    # loss C·x at every third step, −x at the others, on [−1, 1]: the average falls towards x = −1
    # when C > 2
    C, ends = 4.0, {}
    for amsgrad in (False, True):
        x, state = torch.zeros(1, **float64), {}
        for t, g in enumerate(itertools.islice(itertools.cycle([C, -1.0, -1.0]), 3000), 1):
            grad, lr = torch.full_like(x, g), 0.5 / math.sqrt(t)
            adam_update(x, grad, state, lr=lr, betas=(0.0, 1 / (1 + C**2)), amsgrad=amsgrad).clamp_(
                -1, 1
            )
        ends[amsgrad] = x.item()
    assert ends[False] > 0.9, "Adam ends at the worst point"
    assert ends[True] < -0.9, "AMSGrad at the best"
