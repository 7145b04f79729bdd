"""engine/fused_adam.py: what it serves equals the ideas' functions; it leaves them the rest."""

import pytest
import torch

from course_lib.adamw import adam_update, adamw_update
from course_lib.base.random import seeded
from course_lib.engine import ModelSpec, fused_adam
from course_lib.engine.fused_adam import FusedAdam, quick
from course_lib.engine.networks import Networks, cut, spread
from course_lib.sgd import sgd_update

SETTINGS, STEPS = 3, 60
SPEC = ModelSpec((4, 6, 3))
LR, LAMBDA = [0.0, 1e-3, 0.05], [0.0, 0.1, 0.7]
BY_TENSOR = [[0.1, 0.0, 0.3, 0.0], [0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.5, 0.5]]


@pytest.fixture(params=[0, fused_adam.SHORT], ids=["long", "short"], autouse=True)
def length(request, monkeypatch):
    """These few weights as a long vector, and as the short one that they are."""
    monkeypatch.setattr(fused_adam, "SHORT", request.param)


def networks_of(dtype=torch.float64):
    start = [p[None] for p in SPEC.initial(0, dtype)]
    return Networks(SPEC, start, SETTINGS, {}, 2)


def gradients(like):
    """Of different sizes, some always zero, some so small that their squares are denormal."""
    generator = seeded(1, "gradients")
    for _ in range(STEPS):
        g = torch.randn(like.shape, generator=generator, dtype=torch.float64).to(like)
        g[::5] = 0
        g[1::7] *= 1e-20
        yield g


SERVED = {
    "defaults": {},
    "numbers": {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-4},
    "lr by network": {"lr": LR},
    "lr and decay by network": {"lr": LR, "weight_decay": LAMBDA},
    "a rate for all, a decay by network": {"lr": 0.02, "weight_decay": LAMBDA},
    "decay by tensor": {"lr": LR, "weight_decay": BY_TENSOR},
    "no memory": {"lr": LR, "betas": (0.0, 0.0)},
}
COUPLED = {
    "l2": {"lr": LR, "l2": 0.1},
    "l2 by network, and decay": {"lr": LR, "l2": LAMBDA, "weight_decay": 0.1},
    "l2 by tensor": {"lr": 0.02, "l2": BY_TENSOR},
}
CASES = [(update, name) for update in (adam_update, adamw_update) for name in SERVED]
CASES += [(adam_update, name) for name in COUPLED]


def spread_out(options, networks):
    """Lists as a column [V·P]."""
    return {
        name: spread(networks.flat.new_tensor(value), networks.shapes)
        if isinstance(value, list)
        else value
        for name, value in options.items()
    }


def as_columns(options, networks, i):
    """Lists as [V, 1, …], the column of parameter tensor i."""
    flat = spread_out(options, networks)
    shape = SETTINGS, *[1] * len(networks.shapes[i])
    return {
        name: cut(value, SETTINGS, networks.shapes)[i].flatten(1)[:, 0].view(shape)
        if isinstance(value, torch.Tensor)
        else value
        for name, value in flat.items()
    }


@pytest.mark.parametrize(("update", "name"), CASES)
def test_equals_the_readable_function_tensor_by_tensor(update, name):
    options = (SERVED | COUPLED)[name]
    networks = networks_of()
    flat, parameters = networks.flat, [p.clone() for p in networks.parameters]
    given = spread_out(options, networks)
    fast, state = quick(update, given, networks), {}
    states = [{} for _ in parameters]
    assert isinstance(fast, FusedAdam)
    for grad in gradients(flat):
        kept = grad.clone()
        assert fast(flat, grad, state, **given) is flat
        assert torch.equal(grad, kept), "the gradient stays"
        for i, g in enumerate(cut(grad, SETTINGS, networks.shapes)):
            update(parameters[i], g, states[i], **as_columns(options, networks, i))
        for wanted, found in zip(parameters, networks.parameters):
            torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-13)
    assert state["step"] == STEPS and isinstance(state["step"], int)
    for moment in ("exp_avg", "exp_avg_sq"):
        found = cut(state[moment], SETTINGS, networks.shapes)
        for wanted, part in zip(states, found):
            torch.testing.assert_close(part, wanted[moment], rtol=1e-12, atol=1e-15)


def test_a_rate_that_changes_and_one_that_comes_back():
    networks = networks_of()
    wanted, state, fast_state = networks.flat.clone(), {}, {}
    fast = quick(adamw_update, {}, networks)
    column = spread(networks.flat.new_tensor(LR), networks.shapes)
    for step, grad in enumerate(gradients(networks.flat)):
        options = {"lr": column * (step % 3), "weight_decay": 0.1 * (step % 2)}
        adamw_update(wanted, grad, state, **options)
        fast(networks.flat, grad, fast_state, **options)
    torch.testing.assert_close(networks.flat, wanted, rtol=1e-12, atol=1e-13)


def test_what_has_no_gradient_and_no_decay_keeps_every_bit():
    networks = networks_of(torch.float32)
    before, state = networks.flat.clone(), {}
    options = spread_out({"lr": LR, "weight_decay": 0.0}, networks)
    fast = quick(adamw_update, options, networks)
    for _ in range(STEPS):
        fast(networks.flat, torch.zeros_like(before), state, **options)
    assert torch.equal(networks.flat, before)


@pytest.mark.parametrize(
    ("update", "options"),
    [
        (adam_update, {"amsgrad": True}),
        (adam_update, {"betas": (0.9, [0.9, 0.99, 0.999])}),
        (adam_update, {"betas": ([0.0, 0.5, 0.9], 0.999)}),
        (adamw_update, {"eps": [1e-8, 1e-4, 1e-2]}),
        (sgd_update, {}),
    ],
)
def test_other_options_take_the_readable_function(update, options):
    networks = networks_of()

    def tensor(value):
        return torch.tensor(value) if isinstance(value, list) else value

    given = {
        name: tuple(map(tensor, value)) if isinstance(value, tuple) else tensor(value)
        for name, value in options.items()
    }
    assert quick(update, given, networks) is update
