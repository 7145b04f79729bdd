"""Clipping in the ensemble: each network as torch clips it alone, and none that is not asked."""

import math

import pytest
import torch
from torch.nn.utils import clip_grad_norm_

from course_lib.adamw import adam_update, adamw_update
from course_lib.engine import ConvSpec, ModelSpec, lockstep, train
from course_lib.sgd import sgd_update
from tests.engine._alone import BATCH, LR, REGRESSION, SPEC, alone, gap, split_for, together

SEEDS = (3, 5)
LIMITS = [0.05, 0.4, math.inf]  # at every step, at some, never
RATES = [0.05, 0.05, 0.003]


def learners_sgd(param, grad, state, *, lr):
    """Written for plain floats."""
    assert isinstance(lr, float)
    param -= lr * grad


THEIRS = {
    sgd_update: torch.optim.SGD,
    adam_update: torch.optim.Adam,
    adamw_update: torch.optim.AdamW,
    learners_sgd: torch.optim.SGD,
}


def equal(one, other):
    """Whether two trainings are the same to the last bit."""
    return all(
        torch.equal(a, b)
        for seeds in zip(one.parameters, other.parameters)
        for a, b in zip(*seeds, strict=True)
    ) and torch.equal(one.test_loss, other.test_loss)


@pytest.mark.parametrize("spec", [SPEC, REGRESSION], ids=["classification", "regression"])
@pytest.mark.parametrize("update", THEIRS)
def test_each_network_is_clipped_as_torch_clips_it_alone(spec, update):
    grid = {"lr": RATES, "clip": LIMITS}
    done = together(spec, grid, update, lambda seed: split_for(spec, seed), SEEDS)
    for s, seed in enumerate(SEEDS):
        for v, (lr, limit) in enumerate(zip(RATES, LIMITS)):
            norms = []

            def clip(net, limit=limit, norms=norms):
                norms.append(clip_grad_norm_(net.parameters(), limit).item())

            net, _ = alone(
                spec,
                split_for(spec, seed),
                lambda p, lr=lr: THEIRS[update](p, lr=lr),
                seed=seed,
                update=clip,
            )
            assert gap(net, done.parameters[s], v) <= 1e-10
            assert v == 2 or any(norm > limit for norm in norms), "nothing was clipped"


def test_l2_joins_the_shortened_gradient_as_in_torch():
    done = together(SPEC, {"lr": LR, "l2": [0.3, 0.1], "momentum": 0.9, "clip": 0.1}, sgd_update)
    for v, (lr, l2) in enumerate(zip(LR, [0.3, 0.1])):
        net, _ = alone(
            SPEC,
            split_for(SPEC),
            lambda p, lr=lr, l2=l2: torch.optim.SGD(p, lr=lr, momentum=0.9, weight_decay=l2),
            update=lambda net: clip_grad_norm_(net.parameters(), 0.1),
        )
        assert gap(net, done.parameters[0], v) <= 1e-10


GRIDS = {
    "sgd": (SPEC, sgd_update, {"lr": LR, "momentum": 0.9}),
    "adamw, dropout": (SPEC, adamw_update, {"lr": LR, "dropout": [0.3, 0.0]}),
    "one by one": (SPEC, learners_sgd, {"lr": LR}),
    "norm, blocks": (
        ModelSpec((4, 6, 3), norm="batch", residual_blocks=2),
        adam_update,
        {"lr": LR, "survival": 0.5},
    ),
}


@pytest.mark.parametrize(("spec", "update", "grid"), GRIDS.values(), ids=GRIDS)
def test_without_the_column_nothing_is_clipped_and_nothing_else_is_computed(
    spec, update, grid, monkeypatch
):
    def data(seed):
        return split_for(spec, seed)

    among_others = together(spec, grid | {"clip": [math.inf, 1e-3]}, update, data, SEEDS)
    monkeypatch.setattr(lockstep, "clip_grad_norm", None)  # whoever calls it fails
    plain = together(spec, grid, update, data, SEEDS)
    for off in (0.0, math.inf, [0.0, math.inf]):
        assert equal(plain, together(spec, grid | {"clip": off}, update, data, SEEDS))
    for s in range(len(SEEDS)):
        pairs = list(zip(plain.parameters[s], among_others.parameters[s]))
        assert all(torch.equal(a[0], b[0]) for a, b in pairs)
        assert not all(torch.equal(a[1], b[1]) for a, b in pairs)


@pytest.mark.parametrize(
    "spec",
    [ModelSpec((4, 6, 3), norm="layer", residual_blocks=1), ConvSpec(16, channels=3, classes=3)],
    ids=["layers", "autograd"],
)
def test_every_kind_of_network_steps_no_further_than_its_limit(spec):
    moved = []

    def observe(seed, step, parameters, gradients):
        moved.append([parameter.clone() for parameter in parameters])

    limit, lr = 1e-2, 0.5
    data = split_for(ModelSpec((spec.inputs, spec.outputs)))
    together(spec, {"lr": [lr, lr], "clip": limit}, sgd_update, data, steps=3, observe=observe)
    for before, after in zip(moved, moved[1:]):
        squares = sum((b - a).flatten(1).square().sum(1) for a, b in zip(before, after))
        torch.testing.assert_close(
            squares.sqrt(), torch.full_like(squares, lr * limit), rtol=1e-3, atol=0
        )


def test_who_watches_sees_the_gradient_as_it_was():
    seen = []
    together(
        SPEC,
        {"lr": 0.1, "clip": 1e-6},
        sgd_update,
        steps=1,
        observe=lambda s, t, p, g: seen.append(max(part.abs().max().item() for part in g)),
    )
    assert seen[0] > 1e-3


def test_an_update_that_takes_clip_keeps_it_to_itself(monkeypatch):
    def update(param, grad, state, *, lr, clip):
        param -= lr * grad.clamp(-clip, clip)

    monkeypatch.setattr(lockstep, "clip_grad_norm", None)
    together(SPEC, {"lr": LR, "clip": [0.1, 0.2]}, update, steps=2)


@pytest.mark.parametrize("limit", [-1.0, math.nan, "1", True, (0.1, 0.2)], ids=str)
def test_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(ValueError, match="clip"):
        train(SPEC, split_for(SPEC), {"lr": 0.1, "clip": [limit]}, SEEDS, batch_size=BATCH)
