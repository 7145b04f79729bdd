"""Seeds joined in one program: each with data, weights, batches and noise of its own, exactly as
one by one.
"""

import math
import threading
from dataclasses import fields, replace
from functools import partial

import pytest
import torch

from course_lib.adamw import adamw_update
from course_lib.engine import ModelSpec, train, training
from course_lib.engine.chunk import Chunk
from course_lib.engine.lockstep import Lockstep
from course_lib.sgd import SGD, sgd_update
from tests.engine._alone import (
    BATCH,
    LR,
    REGRESSION,
    SPEC,
    alone,
    gap,
    settings_of,
    split_for,
    together,
)

SEEDS = (11, 3, 5, 8)
CURVES = [
    field.name for field in fields(training.Training) if field.name.endswith(("_loss", "_accuracy"))
]
ONE_SETTING = {"lr": [0.02], "weight_decay": 0.1}
TWO_SETTINGS = {"lr": LR, "weight_decay": [0.3, 0.0]}
DROPOUT = {"lr": LR, "dropout": [0.0, 0.4], "weight_decay": 0.1}
CASES = {
    "classification, dropout": (SPEC, DROPOUT),
    "regression, two settings": (REGRESSION, TWO_SETTINGS),
    "linear, one setting": (ModelSpec((4, 3)), ONE_SETTING),
    "two hidden, dropout": (ModelSpec((4, 6, 5, 3), activation="tanh"), DROPOUT),
    "one input, two settings": (ModelSpec((1, 8, 1), "regression"), TWO_SETTINGS),
}


@pytest.fixture
def programs(monkeypatch):
    """How many networks each program trained."""
    sizes, train_ = [], Lockstep.train

    def counted(self):
        sizes.append(self.networks.count)
        return train_(self)

    monkeypatch.setattr(Lockstep, "train", counted)
    return sizes


@pytest.mark.parametrize(("spec", "grid"), CASES.values(), ids=CASES)
def test_each_seed_is_the_model_trained_alone_on_its_own_data(spec, grid, programs):
    done = together(spec, grid, adamw_update, lambda seed: split_for(spec, seed), SEEDS)
    assert programs == [len(SEEDS) * len(grid["lr"])]  # all in one
    for s, seed in enumerate(SEEDS):
        for v, setting in enumerate(settings_of(grid)):
            p = setting.pop("dropout", 0.0)
            net, _ = alone(
                spec, split_for(spec, seed), lambda w, o=setting: torch.optim.AdamW(w, **o), p, seed
            )
            assert gap(net, done.parameters[s], v) <= 1e-10


def test_seeds_that_share_one_data_set():
    done = together(SPEC, {"lr": LR}, sgd_update, split_for(SPEC), SEEDS)
    for s, seed in enumerate(SEEDS):
        for v, lr in enumerate(LR):
            net, _ = alone(SPEC, split_for(SPEC), lambda w, lr=lr: SGD(w, lr=lr), seed=seed)
            assert gap(net, done.parameters[s], v) <= 1e-10


def whole_set(spec, data, **more):
    return train(
        spec,
        data,
        {"lr": LR},
        SEEDS,
        update=sgd_update,
        steps=30,
        batch_size=11,
        dtype=torch.float64,
        **more,
    )


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "own data"])
def test_the_whole_set_as_one_batch(shared):
    def data(seed):
        return split_for(SPEC, 0 if shared else seed)

    *_, done = whole_set(SPEC, data(0) if shared else data)
    for s, seed in enumerate(SEEDS):
        for v, lr in enumerate(LR):
            net, _ = alone(
                SPEC, data(seed), lambda w, lr=lr: SGD(w, lr=lr), seed=seed, steps=30, batch=11
            )
            assert gap(net, done.parameters[s], v) <= 1e-12


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "own data"])
def test_joined_or_one_by_one_everything_is_the_same(monkeypatch, shared):
    def data(seed):
        return split_for(SPEC, seed)

    grid = {"lr": [0.05, 1000.0], "dropout": [0.2, 0.0], "momentum": 0.9}

    def trained():
        more = {"steps": 40, "record_at": (0, 7, 40), "validate": True}
        return together(SPEC, grid, sgd_update, data(0) if shared else data, SEEDS, **more)

    joined = trained()
    monkeypatch.setattr(training, "CHUNK", 0)
    single = trained()
    assert (
        torch.equal(joined.diverged_at, single.diverged_at)
        and (joined.diverged_at[:, 1] >= 0).all()
    )
    for name in CURVES:
        torch.testing.assert_close(getattr(joined, name), getattr(single, name), equal_nan=True)
    for s in range(len(SEEDS)):
        for a, b in zip(joined.parameters[s], single.parameters[s], strict=True):
            torch.testing.assert_close(a[0], b[0], rtol=0, atol=1e-12)
        for a, b in zip(joined.states[s], single.states[s], strict=True):
            torch.testing.assert_close(
                a["momentum_buffer"][0], b["momentum_buffer"][0], rtol=0, atol=1e-12
            )


def counting_update(param, grad, state, *, lr):
    """What it remembers is no tensor, and differs by setting."""
    state["sum"] = state.get("sum", 0.0) + lr
    state["t"] = state.get("t", 0) + 1
    param -= lr * grad


def test_a_learners_update_with_joined_seeds(programs):
    done = together(
        SPEC, {"lr": LR}, counting_update, lambda seed: split_for(SPEC, seed), SEEDS, steps=20
    )
    ours = together(
        SPEC, {"lr": LR}, sgd_update, lambda seed: split_for(SPEC, seed), SEEDS, steps=20
    )
    assert programs == [8, 8]
    for s in range(len(SEEDS)):
        for a, b in zip(done.parameters[s], ours.parameters[s]):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
        for state in done.states[s]:
            assert state["t"] == 20 and state["sum"] == pytest.approx([20 * lr for lr in LR])


def test_seeds_whose_data_differ_in_shape_are_trained_one_by_one(programs):
    asked = []

    def data(seed):
        asked.append(seed)
        return split_for(SPEC, seed, rows=9 + seed)

    done = together(SPEC, {"lr": LR}, sgd_update, data, SEEDS, steps=30)
    assert programs == [2] * 4 and asked == list(SEEDS)
    for s, seed in enumerate(SEEDS):
        net, _ = alone(
            SPEC,
            split_for(SPEC, seed, rows=9 + seed),
            lambda w: SGD(w, lr=LR[1]),
            seed=seed,
            steps=30,
        )
        assert gap(net, done.parameters[s], 1) <= 1e-12


# which seeds go together


def sizes_of_chunks(monkeypatch, spec, seeds, settings):
    """(seeds, settings) of each chunk of a training that is never run."""
    made, init = [], Chunk.__init__

    def noted(self, job, seeds, settings, results):
        made.append((len(seeds), settings.stop - settings.start))
        init(self, job, seeds, settings, results)

    monkeypatch.setattr(Chunk, "__init__", noted)
    grid = {"lr": [0.1] * settings}
    trainings = train(spec, split_for(spec), grid, range(seeds), steps=10**9, batch_size=BATCH)
    next(trainings)
    trainings.close()
    return made


def test_as_many_seeds_as_fit_the_cache(monkeypatch):
    monkeypatch.setattr(training, "WORTH_THREADS", math.inf)
    one = (
        (4 + 1) * 6 + (6 + 1) * 3 + BATCH * 6 + BATCH * 4
    )  # parameters, activations and rows of 4-6-3
    monkeypatch.setattr(training, "CHUNK", 5 * 2 * one)
    assert sizes_of_chunks(monkeypatch, SPEC, 12, 2) == [(4, 2)] * 3  # five fit; three even groups
    monkeypatch.setattr(training, "CHUNK", 5 * 2 * one - 1)
    assert sizes_of_chunks(monkeypatch, SPEC, 5, 2) == [(2, 2), (3, 2)]
    monkeypatch.setattr(training, "CHUNK", 0)
    assert sizes_of_chunks(monkeypatch, SPEC, 3, 10) == [(1, 5)] * 6


def test_two_groups_where_a_second_thread_pays(monkeypatch):
    monkeypatch.setattr(training, "WORTH_THREADS", 0)
    assert sizes_of_chunks(monkeypatch, SPEC, 7, 1) == [(3, 1), (4, 1)]
    assert sizes_of_chunks(monkeypatch, SPEC, 1, 1) == [(1, 1)]


def test_an_observer_of_joined_seeds_is_shown_each_as_if_it_were_alone(programs):
    def watched(seeds):
        seen = {}

        def observe(seed, step, parameters, gradients):
            seen[seed, step] = [tensor.clone() for tensor in (*parameters, *gradients)]

        own = partial(split_for, SPEC)
        together(SPEC, {"lr": LR}, sgd_update, own, seeds=seeds, steps=2, observe=observe)
        return seen

    joined = watched(SEEDS)
    assert programs == [len(SEEDS) * len(LR)]
    alone = {key: tensors for seed in SEEDS for key, tensors in watched([seed]).items()}
    assert joined.keys() == alone.keys()
    for key, tensors in alone.items():
        for ours, theirs in zip(joined[key], tensors, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


# watching, and what goes wrong


def test_partial_curves_of_all_seeds_of_a_program():
    how = {"steps": 10**9, "batch_size": BATCH, "record_at": (0, 10**9)}
    trainings = train(SPEC, lambda seed: split_for(SPEC, seed), {"lr": LR}, range(50), **how)
    first = next(some for some in trainings if some.progress > 0)
    second = next(some for some in trainings if some.progress > first.progress)
    trainings.close()
    assert second.train_loss[..., 0].isfinite().all() and second.parameters == [None] * 50
    assert second.progress < 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ensemble-")]


def test_closing_while_data_are_still_being_made():
    begun = []

    def data(seed):
        begun.append(seed)
        threading.Event().wait(0.02)
        return split_for(SPEC, seed)

    trainings = train(SPEC, data, {"lr": LR}, range(10_000), steps=5, batch_size=BATCH)
    next(trainings)
    trainings.close()
    assert len(begun) < 1000


def broken(seed, **changes):
    """Good data, but for seed 5: name=(row, …, value) is put there, name=None takes all rows
    away.
    """
    split = split_for(SPEC, seed)
    for name, change in changes.items() if seed == 5 else ():
        tensor = getattr(split, name).clone()
        if change is None:
            tensor = tensor[:0]
        else:
            *place, value = change
            tensor[tuple(place)] = value
        split = replace(split, **{name: tensor})
    return split


REFUSED = {
    "NaN": ({"train_x": (3, 2, math.nan)}, "data of seed 5: train_x = nan at row 3, column 2"),
    "class": (
        {"test_y": (1, 3)},
        r"data of seed 5: test_y: must hold one class number in \[0, 2\]",
    ),
    "no rows": (
        {"test_x": None, "test_y": None},
        r"data of seed 5: test_x has shape \[0, 4\]: .*rows ≥ 1, 4",
    ),
    "rows apart": ({"test_y": None}, "data of seed 5: test_x has 5 rows, test_y has 0"),
    "no training rows": (
        {"train_x": None, "train_y": None},
        r"data of seed 5: train_x has shape \[0, 4\]",
    ),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_the_seed_of_bad_data_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        together(SPEC, {"lr": LR}, sgd_update, lambda seed: broken(seed, **changes), SEEDS)


def test_a_batch_larger_than_the_data_of_one_seed():
    with pytest.raises(
        ValueError, match=r"data of seed 5: batch_size = 4: must be in \[1, 3\], the training rows"
    ):
        together(
            SPEC,
            {"lr": LR},
            sgd_update,
            lambda seed: split_for(SPEC, seed, rows=3 if seed == 5 else 9),
            SEEDS,
        )


@pytest.mark.parametrize("what", ["train", "validation"])
def test_validation_rows_are_asked_for_only_where_they_are_needed(what):
    def data(seed):
        return broken(seed, validation_x=None, validation_y=None)

    if what == "train":
        assert (
            together(SPEC, {"lr": LR}, sgd_update, data, SEEDS, steps=2).test_loss.isfinite().all()
        )
    else:
        with pytest.raises(ValueError, match=r"data of seed 5: validation_x has shape \[0, 4\]"):
            together(SPEC, {"lr": LR}, sgd_update, data, SEEDS, steps=2, validate=True)
