"""L1 in the ensemble, strengths by layer, biases spared, and frozen layers: each against the model
trained alone.
"""

import math

import pytest
import torch

from course_lib.adamw import adam_update, adamw_update
from course_lib.engine import ModelSpec, train, training
from course_lib.l1_l2 import soft_threshold
from course_lib.sgd import cosine_decay, sgd_update
from tests.engine._alone import BATCH, LR, REGRESSION, SPEC, STEPS, alone, gap, split_for, together

SEEDS = (3, 5)
DEEP = ModelSpec((4, 6, 5, 3), activation="tanh")
THEIRS = {
    sgd_update: torch.optim.SGD,
    adamw_update: torch.optim.AdamW,
    adam_update: torch.optim.Adam,
}


def learners_sgd(param, grad, state, *, lr, l2=0.0):
    """Written for plain floats."""
    assert isinstance(lr, float) and isinstance(l2, float)
    param -= lr * (grad + l2 * param if l2 > 0 else grad)


THEIRS[learners_sgd] = torch.optim.SGD
DECAY = {
    sgd_update: "l2",
    adam_update: "l2",
    adamw_update: "weight_decay",
    learners_sgd: "l2",
}  # torch's weight_decay


def own_data(spec):
    return lambda seed: split_for(spec, seed)


def strengths_of(parameters, value, only_weights):
    """One strength per parameter, from a number or a tuple with one per layer."""
    by_layer = value if isinstance(value, tuple) else (value,) * (len(parameters) // 2)
    return [
        0.0 if only_weights and p.dim() == 1 else by_layer[i // 2] for i, p in enumerate(parameters)
    ]


def trained_alone(spec, seed, update, setting, schedule=None):
    """By torch's optimizer with a parameter group per tensor, L1 written out around its step."""
    setting = dict(setting)
    only_weights, lr = setting.pop("only_weights", False), setting.pop("lr")
    l1, l1_subgradient = setting.pop("l1", 0.0), setting.pop("l1_subgradient", 0.0)
    decay = setting.pop(DECAY[update], 1e-2 if update is adamw_update else 0.0)
    optimizer, rate = [], [lr * schedule(step) if schedule else lr for step in range(STEPS)]

    def optimizer_of(parameters):
        parameters = list(parameters)
        decays = strengths_of(parameters, decay, only_weights)
        groups = [{"params": [p], "weight_decay": d} for p, d in zip(parameters, decays)]
        optimizer.append(THEIRS[update](groups, lr=lr, **setting))
        return optimizer[0]

    def before_step(net):
        parameters = list(net.parameters())
        for group in optimizer[0].param_groups:
            group["lr"] = rate[0]
        for p, strength in zip(parameters, strengths_of(parameters, l1_subgradient, only_weights)):
            p.grad += strength * torch.sign(p)

    def after(net):
        parameters = list(net.parameters())
        for p, strength in zip(parameters, strengths_of(parameters, l1, only_weights)):
            p.copy_(torch.sign(p) * (p.abs() - rate[0] * strength).clamp(min=0))
        del rate[0]

    net, _ = alone(
        spec, split_for(spec, seed), optimizer_of, seed=seed, update=before_step, after=after
    )
    return net


SLOW = [
    0.001,
    0.005,
]  # sign(w) jumps at 0: a weight that swings through it turns rounding into a step of its own
GRIDS = {
    "l1": {"lr": LR, "l1": [0.02, 0.0]},
    "one l1 for all": {"lr": LR, "l1": 0.01},
    "l1 by subgradient": {"lr": SLOW, "l1_subgradient": [0.02, 0.0]},
    "both kinds": {"lr": SLOW, "l1": [0.01, 0.02], "l1_subgradient": 0.01},
    "elastic net": {"lr": LR, "l1": [0.01, 0.02], "decay": [0.1, 0.0]},
    "weights only": {"lr": LR, "l1": [0.02, 0.01], "decay": 0.1, "only_weights": True},
    "weights only, with the default decay": {"lr": LR, "only_weights": True},
    "weights only in one setting": {
        "lr": SLOW,
        "l1_subgradient": 0.01,
        "decay": 0.1,
        "only_weights": [True, False],
    },
    "by layer": {"lr": LR, "l1": (0.02, 0.0), "decay": [(0.0, 0.3), 0.1]},
    "by layer, weights only": {
        "lr": SLOW,
        "l1_subgradient": [(0.02, 0.0), (0.0, 0.01)],
        "decay": (0.2, 0.1),
        "only_weights": [False, True],
    },
}


def in_words_of(grid, update):
    """`decay` is what torch calls weight_decay."""
    return {DECAY[update] if name == "decay" else name: value for name, value in grid.items()}


def setting_of(grid, v):
    return {name: value[v] if isinstance(value, list) else value for name, value in grid.items()}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("update", [sgd_update, adamw_update, learners_sgd])
def test_each_model_equals_the_one_trained_alone(update, grid):
    grid = in_words_of(grid, update)
    done = together(SPEC, grid, update, own_data(SPEC), SEEDS)
    for v in range(done.test_loss.shape[1]):
        net = trained_alone(SPEC, SEEDS[1], update, setting_of(grid, v))
        assert gap(net, done.parameters[1], v) <= 1e-10


@pytest.mark.parametrize("update", [adam_update, learners_sgd])
def test_the_threshold_follows_the_schedule(update):
    def schedule(step):
        return cosine_decay(step, STEPS)

    grid = {"lr": LR, "l1": 0.02}
    done = together(REGRESSION, grid, update, own_data(REGRESSION), SEEDS, schedule=schedule)
    for s, seed in enumerate(SEEDS):
        for v in range(2):
            net = trained_alone(REGRESSION, seed, update, setting_of(grid, v), schedule)
            assert gap(net, done.parameters[s], v) <= 1e-10


def test_three_layers_each_with_a_strength_of_its_own(monkeypatch):
    """And cut in stretches of settings, a seed at a time."""
    monkeypatch.setattr(training, "CHUNK", 0)
    monkeypatch.setattr(training, "MIN_CHUNK", 1)
    grid = {"lr": LR, "l2": (0.3, 0.0, 0.1), "momentum": 0.9, "only_weights": [True, False]}
    done = together(DEEP, grid, sgd_update, own_data(DEEP), SEEDS)
    for s, seed in enumerate(SEEDS):
        for v in range(2):
            assert (
                gap(
                    trained_alone(DEEP, seed, sgd_update, setting_of(grid, v)),
                    done.parameters[s],
                    v,
                )
                <= 1e-10
            )


def zeros(done):
    return sum((parameter == 0).sum().item() for parameter in done.parameters[0])


def test_the_proximal_step_leaves_exact_zeros_and_the_subgradient_does_not():
    proximal = together(REGRESSION, {"lr": 0.05, "l1": 0.05}, sgd_update)
    subgradient = together(REGRESSION, {"lr": 0.05, "l1_subgradient": 0.05}, sgd_update)
    assert zeros(proximal) > 0 == zeros(subgradient)


def test_strengths_of_zero_change_nothing():
    plain = together(SPEC, {"lr": LR}, adam_update)
    off = {
        "l1": [0.0, 0.0],
        "l1_subgradient": (0.0, 0.0),
        "l2": [0.0, (0.0, 0.0)],
        "only_weights": [True, False],
    }
    with_zeros = together(SPEC, {"lr": LR, **off}, adam_update)
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters[0], with_zeros.parameters[0]))


def learners_proximal(param, grad, state, *, lr, l1):
    """Knows of l1 itself: nobody is to apply it a second time."""
    param.copy_(soft_threshold(param - lr * grad, lr * l1))


@pytest.mark.parametrize("only_weights", [False, True])
def test_an_update_that_takes_l1_keeps_it_to_itself(only_weights):
    grid = {"lr": LR, "l1": [0.02, 0.01], "only_weights": only_weights}
    mine, ours = (together(SPEC, grid, update) for update in (learners_proximal, sgd_update))
    for a, b in zip(mine.parameters[0], ours.parameters[0]):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


REFUSED = {
    "l1 without lr": ({"l1": 0.1}, "lr is missing, and the proximal step of l1 needs it"),
    "l1 negative": ({"lr": 0.1, "l1": [0.1, -0.1]}, "l1 = -0.1: must be a finite number"),
    "l1 NaN in a layer": ({"lr": 0.1, "l1": [(0.1, math.nan)]}, r"l1\[1\] = nan"),
    "subgradient infinite": ({"lr": 0.1, "l1_subgradient": math.inf}, "l1_subgradient = inf"),
    "too many layers": (
        {"lr": 0.1, "l2": (0.1, 0.2, 0.3)},
        r"l2 = \(0.1, 0.2, 0.3\): .*each of the 2 layers",
    ),
    "too few layers": ({"lr": 0.1, "l2": [(0.1,), 0.2]}, r"l2 = \(0.1,\): .*each of the 2 layers"),
    "lr by layer": ({"lr": [(0.1, 0.2)]}, r"lr = \(0.1, 0.2\)"),
    "only_weights a number": (
        {"lr": 0.1, "only_weights": 1},
        "only_weights = 1: must be True or False",
    ),
    "unequal": (
        {"lr": LR, "only_weights": [True] * 3},
        "unequal length.*'lr': 2, 'only_weights': 3",
    ),
    "unknown": (
        {"lr": 0.1, "L1": 0.1},
        "'L1'.*weight_decay, dropout.*l1, l1_subgradient, only_weights, patience",
    ),
}


@pytest.mark.parametrize(("grid", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals(grid, message):
    with pytest.raises(ValueError, match=message):
        train(
            SPEC,
            split_for(SPEC),
            grid,
            SEEDS,
            update=adam_update if "l1" in grid else sgd_update,
            batch_size=BATCH,
        )


# frozen layers

FROZEN = {
    "random features": ModelSpec((4, 6, 3), frozen=1),
    "first of three": ModelSpec((4, 6, 5, 3), activation="tanh", frozen=1),
    "two of three": ModelSpec((4, 6, 5, 3), frozen=2),
    "regression": ModelSpec((4, 9, 2), "regression", frozen=1),
}


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "own data"])
@pytest.mark.parametrize("spec", FROZEN.values(), ids=FROZEN)
def test_frozen_layers_keep_their_weights_and_the_others_learn(spec, shared):
    def data(seed):
        return split_for(spec, 0 if shared else seed)

    grid = {"lr": LR, "l2": 0.1, "l1": [(0.01,) * (len(spec.widths) - 1), 0.0], "momentum": 0.9}
    record = (0, STEPS)
    done = together(spec, grid, sgd_update, data(0) if shared else data, SEEDS, record_at=record)
    for s, seed in enumerate(SEEDS):
        for v in range(2):
            setting = setting_of(grid, v)

            def optimizer_of(parameters, setting=setting):
                learning = [p for p in parameters if p.requires_grad]
                return torch.optim.SGD(learning, lr=setting["lr"], weight_decay=0.1, momentum=0.9)

            def after(net, setting=setting):
                l1 = setting["l1"][0] if isinstance(setting["l1"], tuple) else 0.0
                for p in (p for p in net.parameters() if p.requires_grad):
                    p.copy_(torch.nn.functional.softshrink(p, setting["lr"] * l1))

            net, _ = alone(spec, data(seed), optimizer_of, seed=seed, after=after)
            assert gap(net, done.parameters[s], v) <= 1e-10
            z = net.model(data(seed).test_x).detach()
            loss = (
                torch.nn.functional.cross_entropy
                if spec.task == "classification"
                else torch.nn.functional.mse_loss
            )
            torch.testing.assert_close(done.test_loss[s, v, 1], loss(z, data(seed).test_y))
        for values, initial in zip(
            done.parameters[s][: 2 * spec.frozen], spec.initial(seed, torch.float64)
        ):
            assert torch.equal(values, initial.expand_as(values))
        assert [bool(state) for state in done.states[s]] == [False] * 2 * spec.frozen + [
            True
        ] * 2 * (len(spec.widths) - 1 - spec.frozen)


def test_a_strength_by_layer_counts_the_frozen_ones():
    spec = ModelSpec((4, 6, 5, 3), frozen=1)
    by_layer = together(spec, {"lr": LR, "l2": (9.0, 0.3, 0.1)}, sgd_update)
    other = together(spec, {"lr": LR, "l2": (0.0, 0.3, 0.1)}, sgd_update)
    assert all(torch.equal(a, b) for a, b in zip(by_layer.parameters[0], other.parameters[0]))


def test_the_single_model_freezes_the_same_layers():
    model = ModelSpec((4, 6, 5, 3), frozen=2).build()
    assert [p.requires_grad for p in model.parameters()] == [False] * 4 + [True] * 2


@pytest.mark.parametrize("frozen", [-1, 2, 0.5, True])
def test_frozen_that_cannot_be(frozen):
    with pytest.raises(
        ValueError, match=f"frozen = {frozen!r}: must be a whole number in \\[0, 1\\]"
    ):
        ModelSpec((4, 6, 3), frozen=frozen)


def test_dropout_cannot_act_on_features_computed_once():
    spec = ModelSpec((4, 6, 3), frozen=1)
    with pytest.raises(ValueError, match="dropout.*frozen = 1"):
        train(spec, split_for(spec), {"lr": 0.1, "dropout": [0.0, 0.1]}, SEEDS, batch_size=BATCH)
    assert (
        together(spec, {"lr": 0.1, "dropout": 0.0}, sgd_update, steps=3).test_loss.isfinite().all()
    )
