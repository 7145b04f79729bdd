"""Schedules, validation and early stopping in the ensemble, each against the model trained
alone.
"""

import math

import pytest
import torch

from course_lib.adamw import adam_update, adamw_update
from course_lib.engine import train
from course_lib.overfitting import EarlyStopping
from course_lib.sgd import SGD, cosine_decay, one_cycle, sgd_update, step_decay
from tests.engine._alone import (
    BATCH,
    LOSSES,
    LR,
    REGRESSION,
    SPEC,
    STEPS,
    alone,
    gap,
    split_for,
    together,
)

SEEDS = (3, 5)


def own_data(spec):
    return lambda seed: split_for(spec, seed)


# schedules

SCHEDULES = {
    "steps": lambda step: step_decay(step, 20),
    "cosine": lambda step: cosine_decay(step, STEPS, floor=0.1),
    "one cycle, whose domain ends with training": lambda step: one_cycle(step, STEPS),
    "zero at first": lambda step: float(step > 20),
}
UPDATES = {
    "sgd": (sgd_update, torch.optim.SGD, {"momentum": 0.9}, "l2"),
    "adam": (adam_update, torch.optim.Adam, {}, "l2"),
    "adamw": (adamw_update, torch.optim.AdamW, {}, "weight_decay"),
}


def assert_as_with_lambda_lr(done, optimizer_class, options, schedules):
    """Every seed and setting as torch's optimizer with torch's LambdaLR leaves it."""
    for s, seed in enumerate(SEEDS):
        for v, (lr, schedule) in enumerate(zip(LR, schedules)):
            schedulers = []

            def optimizer_of(parameters, lr=lr, schedule=schedule, schedulers=schedulers):
                optimizer = optimizer_class(parameters, lr=lr, **options)
                factor = lambda step: schedule(min(step, STEPS - 1))  # noqa: E731 - asked once more after the last step
                schedulers.append(torch.optim.lr_scheduler.LambdaLR(optimizer, factor))
                return optimizer

            def after(net, schedulers=schedulers):
                schedulers[0].step()

            net, _ = alone(SPEC, split_for(SPEC, seed), optimizer_of, seed=seed, after=after)
            assert gap(net, done.parameters[s], v) <= 1e-10


@pytest.mark.parametrize(
    ("schedule", "update"), list(zip(SCHEDULES, ("sgd", "adamw", "sgd", "adam")))
)
def test_a_schedule_is_torchs_lambda_lr(schedule, update):
    schedule, (update, theirs, options, decay) = SCHEDULES[schedule], UPDATES[update]
    grid = {"lr": LR, decay: 0.1, **options}
    done = together(SPEC, grid, update, own_data(SPEC), SEEDS, schedule=schedule)
    assert_as_with_lambda_lr(done, theirs, {"weight_decay": 0.1, **options}, [schedule] * 2)


def learners_update(param, grad, state, *, lr):
    assert isinstance(lr, float)
    param -= lr * grad


@pytest.mark.parametrize("update", [sgd_update, learners_update])
def test_a_schedule_of_its_own_for_each_setting(update):
    schedules = [SCHEDULES["cosine"], SCHEDULES["steps"]]
    done = together(SPEC, {"lr": LR}, update, own_data(SPEC), SEEDS, schedule=schedules)
    assert_as_with_lambda_lr(done, torch.optim.SGD, {}, schedules)


def test_one_learning_rate_and_a_schedule_for_each_setting():
    schedules = [SCHEDULES["cosine"], SCHEDULES["steps"]]
    one = together(SPEC, {"lr": 0.05}, sgd_update, steps=20, schedule=[SCHEDULES["steps"]] * 1)
    two = together(
        SPEC, {"lr": 0.05, "momentum": [0.0, 0.0]}, sgd_update, steps=20, schedule=schedules
    )
    torch.testing.assert_close(one.parameters[0][0][0], two.parameters[0][0][1], rtol=0, atol=1e-12)


def start(**changes):
    arguments = {
        "spec": SPEC,
        "data": split_for(SPEC),
        "grid": {"lr": LR},
        "seeds": SEEDS,
        "batch_size": BATCH,
    }
    return train(**(arguments | {"update": sgd_update} | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"grid": {}, "schedule": float, "update": adam_update},
            "lr is missing, and the schedule multiplies it",
        ),
        ({"schedule": [float]}, "schedule = .*step → factor, or 2 of those"),
        ({"schedule": [0.5, 0.1]}, "schedule = "),
    ],
)
def test_schedules_that_cannot_be(changes, message):
    with pytest.raises(ValueError, match=message):
        start(**changes)


@pytest.mark.parametrize("factor", [-0.5, math.nan, math.inf, "1"])
def test_a_factor_that_cannot_be_is_raised_with_its_step(factor):
    with pytest.raises(ValueError, match=r"schedule\(3\) = "):
        list(start(schedule=lambda step: factor if step == 3 else 1.0))


# validation


@pytest.mark.parametrize("spec", [SPEC, REGRESSION], ids=["classification", "regression"])
def test_validation_curves_are_what_the_model_alone_measures(spec):
    done = together(
        spec,
        {"lr": LR},
        sgd_update,
        own_data(spec),
        SEEDS,
        steps=8,
        record_at=(0, 8),
        validate=True,
    )
    for s, seed in enumerate(SEEDS):
        split = split_for(spec, seed)
        for v, lr in enumerate(LR):
            net, _ = alone(spec, split, lambda p, lr=lr: SGD(p, lr=lr), seed=seed, steps=8)
            z = net.model(split.validation_x).detach()
            torch.testing.assert_close(
                done.validation_loss[s, v, 1], LOSSES[spec.task](z, split.validation_y)
            )
            accuracy = done.validation_accuracy[s, v, 1]
            if spec.task == "classification":
                torch.testing.assert_close(
                    accuracy, (z.argmax(1) == split.validation_y).double().mean()
                )
            else:
                assert accuracy.isnan()


def test_nothing_is_said_of_what_was_not_asked_for():
    done = together(SPEC, {"lr": LR}, sgd_update, seeds=SEEDS, steps=4)
    assert done.validation_loss.isnan().all() and done.validation_accuracy.isnan().all()
    assert (done.stopped_at == -1).all() and (done.best_step == -1).all()
    measured = together(SPEC, {"lr": LR}, sgd_update, seeds=SEEDS, steps=4, validate=True)
    assert measured.validation_loss.isfinite().all() and (measured.best_step == -1).all()
    assert all(torch.equal(a, b) for a, b in zip(done.parameters[0], measured.parameters[0]))


# early stopping

RECORD = range(0, STEPS + 1, 4)


def stopped_alone(spec, seed, lr, patience, min_delta, momentum):
    """(model, step at which it stopped or −1, step of the best loss) by the lesson's own
    `EarlyStopping`.
    """
    split, stopping = split_for(spec, seed), EarlyStopping(patience, min_delta)
    stopped_at = -1

    def before(step, net):
        nonlocal stopped_at
        if step not in RECORD:
            return False
        with torch.no_grad():
            loss = LOSSES[spec.task](net.model(split.validation_x), split.validation_y)
        if stopping.step(loss, net):
            stopped_at = step
        return stopping.stopped

    net, _ = alone(
        spec, split, lambda p: SGD(p, lr=lr, momentum=momentum), seed=seed, before=before
    )
    stopping.restore(net)
    return net, stopped_at, RECORD[stopping.best_step] if stopping.best_step >= 0 else -1


STOPPING = {  # columns of the grid; the models overfit (fast), hardly move (slow), or blow up
    "patience by setting": {
        "lr": [0.5, 0.5, 0.5, 0.001],
        "patience": [1, 3, math.inf, 2],
        "momentum": 0.9,
    },
    "one patience": {"lr": [0.5, 0.05, 0.001], "patience": 2, "momentum": 0.9},
    "min_delta": {
        "lr": [0.3] * 4,
        "patience": 4,
        "min_delta": [0.0, 1e-3, 0.05, 10.0],
        "momentum": 0.0,
    },
    "diverging": {"lr": [0.1, 1e4, 1e200], "patience": [3, 5, 5], "momentum": 0.9},
}


@pytest.mark.parametrize("grid", STOPPING.values(), ids=STOPPING)
@pytest.mark.parametrize("spec", [SPEC, REGRESSION], ids=["classification", "regression"])
def test_each_model_stops_as_it_would_alone(spec, grid):
    done = together(spec, grid, sgd_update, own_data(spec), SEEDS, record_at=RECORD)
    count = len(grid["lr"])
    columns = {
        name: value if isinstance(value, list) else [value] * count for name, value in grid.items()
    }
    for s, seed in enumerate(SEEDS):
        for v in range(count):
            setting = {name: column[v] for name, column in columns.items()}
            net, stopped_at, best_step = stopped_alone(spec, seed, **({"min_delta": 0.0} | setting))
            assert (done.stopped_at[s, v], done.best_step[s, v]) == (stopped_at, best_step), setting
            assert best_step < 0 or gap(net, done.parameters[s], v) <= 1e-10
            last = STEPS if stopped_at < 0 else stopped_at
            known = done.validation_loss[s, v].isfinite()
            assert not known[
                list(RECORD).index(last) + 1 :
            ].any()  # the curves end where it stopped
            assert done.diverged_at[s, v] >= 0 or known[: list(RECORD).index(last) + 1].all()
    assert done.states[0] == [{}] * 4


def test_a_test_of_early_stopping_has_models_that_stop_and_models_that_do_not():
    """So that the comparison above says something."""
    grid = STOPPING["patience by setting"]
    done = together(SPEC, grid, sgd_update, own_data(SPEC), SEEDS, record_at=RECORD)
    assert (done.stopped_at[:, [0, 1, 3]] > 0).all() and (done.stopped_at[:, 2] == -1).all()
    assert (done.stopped_at[:, 0] < done.stopped_at[:, 1]).all() and (
        done.best_step[:, 2] < STEPS
    ).all()


def test_a_model_that_has_stopped_cannot_diverge_any_more():
    """Alone it would not have been trained any further."""
    grid = {
        "lr": [0.1, 0.1],
        "patience": [1, math.inf],
        "min_delta": 1e9,
    }  # the second of all losses stops the first
    explode = [lambda step: 1.0 if step < 12 else 1e200] * 2
    done = together(
        REGRESSION, grid, sgd_update, steps=40, record_at=range(0, 41, 4), schedule=explode
    )
    assert (
        done.stopped_at.tolist() == [[4, -1]]
        and done.diverged_at[0, 0] == -1 < 12 < done.diverged_at[0, 1]
    )
    assert done.best_step.tolist() == [[0, 0]]
    for values, initial in zip(done.parameters[0], REGRESSION.initial(7, torch.float64)):
        assert torch.equal(values, initial.expand_as(values))


def test_training_ends_when_all_have_stopped():
    steps = []
    grid = {"lr": LR, "patience": 1, "min_delta": 1e9}
    how = {
        "steps": 10**9,
        "record_at": (0, 5),
        "observe": lambda seed, step, p, g: steps.append(step),
    }
    done = together(SPEC, grid, sgd_update, **how)
    assert steps == [0, 1, 2, 3, 4] and done.stopped_at.tolist() == [[5, 5]]


def test_a_loss_that_stays_as_it_is_is_no_improvement():
    grid = {"lr": 0.0, "patience": [1, 3]}
    done = together(SPEC, grid, sgd_update, record_at=range(0, STEPS + 1, 5))
    assert done.best_step.tolist() == [[0, 0]] and done.stopped_at.tolist() == [[5, 15]]


def test_with_dropout_schedules_and_stretches(monkeypatch):
    """Two settings a chunk, and one that all seeds share: the same stops."""
    grid = {"lr": [0.5, 0.3, 0.2, 0.1], "dropout": [0.0, 0.1, 0.2, 0.3], "patience": 2}
    how = {"record_at": RECORD, "schedule": list(SCHEDULES.values())}
    whole = together(SPEC, grid, adamw_update, own_data(SPEC), SEEDS, **how)
    monkeypatch.setattr("course_lib.engine.training.CHUNK", 0)
    monkeypatch.setattr("course_lib.engine.training.MIN_CHUNK", 2)
    cut = together(SPEC, grid, adamw_update, own_data(SPEC), SEEDS, **how)
    assert torch.equal(whole.stopped_at, cut.stopped_at) and torch.equal(
        whole.best_step, cut.best_step
    )
    for s in range(2):
        for a, b in zip(whole.parameters[s], cut.parameters[s]):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"patience": 0}, r"patience = 0: must be a whole number in \[1, ∞\)"),
        ({"patience": [2, -1]}, "patience = -1"),
        ({"patience": 1.5}, r"patience = 1.5: must be a whole number in \[1, ∞\)"),
        ({"patience": True}, "patience = True"),
        ({"patience": math.nan}, "patience = nan"),
        ({"patience": 1, "min_delta": -0.1}, "min_delta = -0.1"),
        ({"min_delta": 0.1}, "patience is missing, and min_delta"),
    ],
    ids=str,
)
def test_patience_that_cannot_be(grid, message):
    with pytest.raises(ValueError, match=message):
        start(grid={"lr": LR, **grid})
