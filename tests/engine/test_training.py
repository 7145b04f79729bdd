"""engine/training.py: each model equals the one trained alone; a run can be watched and stopped,
and goes wrong aloud.
"""

import gc
import math
import threading
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_lib.adamw import Adam, AdamW, adam_update, adamw_update
from course_lib.base.random import seeded
from course_lib.engine import ModelSpec, product, train, training
from course_lib.engine.divergence import FLOOR, GROWTH, JUDGED, Divergence
from course_lib.engine.networks import Networks
from course_lib.engine.rows import batches_of
from course_lib.sgd import SGD, sgd_update
from tests.engine._alone import (
    BATCH,
    LOSSES,
    LR,
    REGRESSION,
    SEED,
    SPEC,
    STEPS,
    WithNoise,
    alone,
    assert_settings_equal,
    split_for,
    together,
)

torch_optim = torch.optim


@pytest.fixture(autouse=True)
def threads_even_for_tiny_models(monkeypatch):
    """The models of these tests are so small that one worker would do."""
    monkeypatch.setattr(training, "WORTH_THREADS", 0)


@pytest.fixture
def a_seed_at_a_time(monkeypatch):
    """However small the models: nothing else fits the cache."""
    monkeypatch.setattr(training, "CHUNK", 0)


# name: (update, grid, torch's class where torch has the method); ordered simple → complex
CASES = {
    "sgd": (sgd_update, {"lr": LR}, torch_optim.SGD),
    "sgd, lr zero": (sgd_update, {"lr": [0.0, 0.05]}, torch_optim.SGD),
    "sgd + l2": (sgd_update, {"lr": LR, "l2": [0.3, 0.0]}, torch_optim.SGD),
    "sgdw": (sgd_update, {"lr": LR, "weight_decay": [0.3, 0.0]}, None),
    "momentum": (sgd_update, {"lr": LR, "momentum": [0.9, 0.0]}, torch_optim.SGD),
    "momentum for all + l2": (
        sgd_update,
        {"lr": LR, "momentum": 0.8, "l2": [0.0, 0.2]},
        torch_optim.SGD,
    ),
    "momentum, sgdw": (
        sgd_update,
        {"lr": LR, "momentum": [0.9, 0.5], "weight_decay": [0.0, 0.2]},
        None,
    ),
    "dampening": (
        sgd_update,
        {"lr": LR, "momentum": [0.9, 0.5], "dampening": [0.5, 0.1]},
        torch_optim.SGD,
    ),
    "dampening without momentum": (
        sgd_update,
        {"lr": LR, "momentum": [0.0, 0.5], "dampening": 0.5},
        torch_optim.SGD,
    ),
    "nesterov": (
        sgd_update,
        {"lr": LR, "momentum": [0.9, 0.5], "nesterov": True, "l2": 0.1},
        torch_optim.SGD,
    ),
    "adam": (adam_update, {"lr": LR}, torch_optim.Adam),
    "adam + l2": (adam_update, {"lr": LR, "l2": [0.3, 0.0]}, torch_optim.Adam),
    "adam, decoupled": (adam_update, {"lr": LR, "weight_decay": [0.3, 0.0]}, torch_optim.Adam),
    "adamw": (adamw_update, {"lr": LR, "weight_decay": [0.3, 0.0]}, torch_optim.AdamW),
    "adamw, default decay": (adamw_update, {"lr": LR}, torch_optim.AdamW),
    "betas, eps": (
        adamw_update,
        {"lr": LR, "beta1": [0.8, 0.0], "beta2": [0.9, 0.99], "eps": [1e-3, 1e-6]},
        torch_optim.AdamW,
    ),
    "beta1 alone": (adam_update, {"lr": LR, "beta1": 0.5}, torch_optim.Adam),
    "amsgrad": (
        adamw_update,
        {"lr": LR, "amsgrad": True, "weight_decay": [0.3, 0.0]},
        torch_optim.AdamW,
    ),
    "amsgrad + l2": (adam_update, {"lr": LR, "amsgrad": True, "l2": [0.3, 0.0]}, torch_optim.Adam),
}
OURS = {sgd_update: SGD, adam_update: Adam, adamw_update: AdamW}


@pytest.mark.parametrize(("update", "grid", "theirs"), CASES.values(), ids=CASES)
def test_each_model_equals_the_one_trained_alone(update, grid, theirs):
    classes = [OURS[update]] if theirs is None else [OURS[update], theirs]
    assert_settings_equal(SPEC, grid, update, classes, together(SPEC, grid, update))


DROPOUT = [0.0, 0.3, 0.6]
NETWORKS = {
    "linear": (ModelSpec((4, 3)), 0.0),
    "linear, dropout": (ModelSpec((4, 3)), DROPOUT),
    "two hidden, tanh": (ModelSpec((4, 6, 5, 3), activation="tanh"), 0.0),
    "three hidden, relu, dropout": (ModelSpec((4, 6, 5, 7, 3)), DROPOUT),
    "regression, relu": (ModelSpec((4, 6, 2), "regression"), 0.0),
    "regression, two hidden, tanh, dropout": (
        ModelSpec((4, 6, 5, 1), "regression", "tanh"),
        DROPOUT,
    ),
}


@pytest.mark.parametrize(("spec", "p"), NETWORKS.values(), ids=NETWORKS)
def test_every_kind_of_network_with_and_without_dropout(spec, p):
    grid = {"lr": [0.01, 0.02, 0.005], "weight_decay": [0.0, 0.1, 0.2], "dropout": p}
    assert_settings_equal(
        spec, grid, adamw_update, [torch_optim.AdamW], together(spec, grid, adamw_update)
    )


def learners_adamw(param, grad, state, *, lr, weight_decay=0.0, beta2=0.999):
    """AdamW as a learner may write it: with `if` and `math.sqrt` on the hyper-parameters."""
    assert isinstance(lr, float) and isinstance(weight_decay, float)
    if weight_decay > 0:
        param *= 1 - lr * weight_decay
    state["t"] = state.get("t", 0) + 1
    state["m"] = 0.9 * state.get("m", 0) + 0.1 * grad
    state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * grad**2
    size = lr * math.sqrt(1 - beta2 ** state["t"]) / (1 - 0.9 ** state["t"])
    param -= size * state["m"] / (state["v"].sqrt() + 1e-8 * math.sqrt(1 - beta2 ** state["t"]))
    return param


def test_a_learners_update_is_called_with_plain_floats():
    grid = {"lr": LR, "weight_decay": [0.3, 0.0], "beta2": 0.99}
    mine, ours = together(SPEC, grid, learners_adamw), together(SPEC, grid, adamw_update)
    for a, b in zip(mine.parameters[0], ours.parameters[0]):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-10)
    for a, b in zip(mine.states[0], ours.states[0]):
        torch.testing.assert_close(a["m"], b["exp_avg"], rtol=0, atol=1e-10)
        assert a["t"] == b["step"] == STEPS


def test_a_learners_update_that_does_nothing_is_shown_as_such():
    done = together(
        SPEC,
        {"lr": LR},
        lambda param, grad, state, *, lr: param - lr * grad,
        steps=5,
        record_at=(0, 5),
    )
    assert torch.equal(done.train_loss[..., 0], done.train_loss[..., 1])


def test_what_the_optimizer_remembers():
    grid = {"lr": LR, "weight_decay": 0.1}
    done = together(SPEC, grid, adamw_update)
    for v, lr in enumerate(LR):
        _, optimizer = alone(
            SPEC, split_for(SPEC), lambda p, lr=lr: AdamW(p, lr=lr, weight_decay=0.1)
        )
        for mine, theirs in zip(done.states[0], optimizer.state_dict()["state"].values()):
            assert mine["step"] == theirs["step"] == STEPS
            for name in ("exp_avg", "exp_avg_sq"):
                torch.testing.assert_close(mine[name][v], theirs[name], rtol=0, atol=1e-12)
    assert together(SPEC, {"lr": 0.1}, sgd_update, steps=3).states[0] == [{}] * 4


@given(
    widths=st.lists(st.integers(1, 6), min_size=2, max_size=5),
    settings_=st.integers(1, 4),
    rows=st.integers(1, 5),
    task=st.sampled_from(["classification", "regression"]),
    activation=st.sampled_from(["relu", "tanh"]),
    p=st.none() | st.floats(0, 0.9),
    seed=st.integers(0, 1000),
)
def test_the_backward_written_by_hand_equals_autograd(
    widths, settings_, rows, task, activation, p, seed
):
    generator = torch.Generator().manual_seed(seed)
    spec = ModelSpec(widths, task, activation)
    dropout = None if p is None else torch.linspace(0, p, settings_, dtype=torch.float64)
    options = {} if p is None else {"dropout": dropout}
    networks = Networks(
        spec, [start[None] for start in spec.initial(seed, torch.float64)], settings_, options, rows
    )
    networks.flat.add_(
        torch.randn(networks.flat.shape, generator=generator, dtype=torch.float64)
    )  # all different
    x = torch.randn(rows, widths[0], generator=generator, dtype=torch.float64)
    target = F.one_hot(torch.randint(widths[-1], (rows,), generator=generator), widths[-1]).double()
    noise = [torch.rand(width, rows, generator=generator) for width in widths[1:-1]]
    losses = networks.compute_gradients(x, target, noise)
    for v in range(settings_):
        net = WithNoise(spec, seed, 0.0 if dropout is None else dropout[v])
        for parameter, values in zip(net.parameters(), networks.parameters):
            parameter.data = values[v].clone()
        loss = LOSSES[task](net(x, noise), target)
        torch.testing.assert_close(losses[v], loss.detach(), rtol=1e-12, atol=1e-12)
        for expected, found in zip(
            torch.autograd.grad(loss, list(net.parameters())), networks.gradients
        ):
            torch.testing.assert_close(found[v], expected, rtol=1e-10, atol=1e-12)


def test_a_unit_is_dropped_only_where_u_is_below_p():
    """At u = p it stays: p = 0 drops nothing, not even at u = 0."""
    start = [start[None] for start in SPEC.initial(0, torch.float64)]
    networks = Networks(
        SPEC, start, 2, {"dropout": torch.tensor([0.0, 0.5], dtype=torch.float64)}, 3
    )
    plain = Networks(SPEC, start, 2, {}, 3)
    x, target = torch.ones(3, 4, dtype=torch.float64), torch.eye(3, dtype=torch.float64)
    networks.compute_gradients(x, target, [torch.zeros(6, 3)])
    plain.compute_gradients(x, target, [])
    for with_noise, without_noise in zip(networks.gradients, plain.gradients):
        torch.testing.assert_close(with_noise[0], without_noise[0])
    assert torch.count_nonzero(networks.gradients[0][1]) == 0
    networks.compute_gradients(x, target, [torch.full((6, 3), 0.5)])
    assert torch.count_nonzero(networks.gradients[0][1]) > 0


def test_results_do_not_depend_on_the_number_of_workers(monkeypatch):
    grid = {"lr": [0.01, 0.02, 0.03, 0.04, 0.05], "dropout": [0, 0.1, 0.2, 0.3, 0.4]}
    monkeypatch.setattr(training, "CHUNK", 0)
    monkeypatch.setattr(training, "MIN_CHUNK", 2)  # three chunks a seed
    one, *others = (
        together(
            SPEC,
            grid,
            adamw_update,
            seeds=range(3),
            steps=20,
            record_at=(0, 10, 20),
            workers=workers,
        )
        for workers in (1, 2, 5)
    )
    for other in others:
        for name in ("train_loss", "test_loss", "train_accuracy", "test_accuracy", "diverged_at"):
            assert torch.equal(getattr(one, name), getattr(other, name)), name
        assert all(
            torch.equal(a, b)
            for s in range(3)
            for a, b in zip(one.parameters[s], other.parameters[s])
        )
        assert all(
            torch.equal(a["exp_avg"], b["exp_avg"]) for a, b in zip(one.states[2], other.states[2])
        )


def test_a_setting_does_not_depend_on_its_company(monkeypatch):
    """Same initial weights, batches and noise in a grid of one, of five, and of five cut in
    stretches.
    """
    grid = {"lr": [0.01, 0.02, 0.03, 0.04, 0.05], "dropout": [0, 0.1, 0.2, 0.3, 0.4]}
    five = together(SPEC, grid, adamw_update)
    monkeypatch.setattr(training, "CHUNK", 0)
    monkeypatch.setattr(training, "MIN_CHUNK", 2)
    cut = together(SPEC, grid, adamw_update)
    single = together(SPEC, {"lr": [0.03], "dropout": [0.2]}, adamw_update)
    for a, b, c in zip(five.parameters[0], cut.parameters[0], single.parameters[0]):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
        torch.testing.assert_close(a[2:3], c, rtol=0, atol=1e-12)


@pytest.mark.parametrize("spec", [SPEC, REGRESSION], ids=["classification", "regression"])
def test_curves_are_what_the_model_alone_measures(spec):
    record_at, split = (0, 3, 8), split_for(spec)
    done = together(spec, {"lr": LR}, sgd_update, steps=8, record_at=record_at)
    assert done.recorded == record_at and done.train_loss.shape == (1, 2, 3)
    for v, lr in enumerate(LR):
        for k, steps in enumerate(record_at):
            net, _ = alone(spec, split, lambda p, lr=lr: SGD(p, lr=lr), steps=steps)
            for part in ("train", "test"):
                x, y = getattr(split, f"{part}_x"), getattr(split, f"{part}_y")
                z = net.model(x).detach()
                loss, accuracy = (
                    getattr(done, f"{part}_{what}")[0, v, k] for what in ("loss", "accuracy")
                )
                torch.testing.assert_close(loss, LOSSES[spec.task](z, y))
                if spec.task == "classification":
                    torch.testing.assert_close(accuracy, (z.argmax(1) == y).double().mean())
                else:
                    assert accuracy.isnan()


def test_the_test_set_may_be_larger_than_one_piece(monkeypatch):
    whole = together(SPEC, {"lr": LR}, sgd_update, steps=3)
    monkeypatch.setattr("course_lib.engine.networks.EVALUATED_ROWS", 3)
    pieces = together(SPEC, {"lr": LR}, sgd_update, steps=3)
    for name in ("train_loss", "test_loss", "train_accuracy", "test_accuracy"):
        torch.testing.assert_close(getattr(whole, name), getattr(pieces, name))


def test_every_seed_has_its_own_split_weights_and_order():
    asked = []

    def data(seed):
        asked.append(seed)
        return split_for(SPEC, seed)

    seeds = (11, 3, 5)
    done = together(SPEC, {"lr": [0.05]}, sgd_update, data, seeds, steps=30)
    assert sorted(asked) == sorted(seeds) and done.seeds == seeds
    for s, seed in enumerate(seeds):
        net, _ = alone(SPEC, split_for(SPEC, seed), lambda p: SGD(p, lr=0.05), seed=seed, steps=30)
        for single, many in zip(net.parameters(), done.parameters[s]):
            torch.testing.assert_close(single.detach(), many[0], rtol=0, atol=1e-12)


def test_float32_is_the_same_training_rounded():
    """Same weights, batches and masks: after 20 steps the two agree to single precision, not just
    on average.
    """
    grid = {"lr": LR, "dropout": [0.0, 0.5]}
    exact = together(SPEC, grid, adamw_update, steps=20)
    *_, single = train(SPEC, split_for(SPEC), grid, [SEED], steps=20, batch_size=BATCH)
    for a, b in zip(single.parameters[0], exact.parameters[0]):
        assert a.dtype == torch.float32
        torch.testing.assert_close(a.double(), b, rtol=0, atol=1e-4)


# divergence


def rule(losses):
    """The step at which the rule of FAULTS fires on a list of losses, or −1."""
    limit, high_before = GROWTH * max(losses[0], FLOOR), False
    for step, loss in enumerate(losses):
        high = not loss <= limit
        if not math.isfinite(loss) or (high and high_before):
            return step
        high_before = high
    return -1


def test_divergence_is_found_at_its_step_and_stops_nobody_else():
    lr = [0.05, 100.0, 1e160]
    done = together(
        REGRESSION, {"lr": lr, "momentum": 0.9}, sgd_update, steps=120, record_at=range(121)
    )
    for v in range(3):
        losses = []
        alone(
            REGRESSION,
            split_for(REGRESSION),
            lambda p, v=v: SGD(p, lr=lr[v], momentum=0.9),
            steps=120,
            losses=losses,
        )
        at = rule(losses)
        assert done.diverged_at[0, v] == at and (at < 0) == (v == 0)
        end = 121 if at < 0 else at
        for curve in (done.train_loss, done.test_loss):
            assert curve[0, v, :end].isfinite().all() and curve[0, v, end:].isnan().all()
    healthy = together(REGRESSION, {"lr": lr[:1], "momentum": 0.9}, sgd_update, steps=120)
    torch.testing.assert_close(
        done.parameters[0][0][:1], healthy.parameters[0][0], rtol=0, atol=1e-12
    )


def test_losses_after_the_last_record_are_judged_too():
    losses, optimizer_of = [], lambda p: SGD(p, lr=100.0, momentum=0.9)
    alone(REGRESSION, split_for(REGRESSION), optimizer_of, steps=JUDGED - 2, losses=losses)
    grid = {"lr": 100.0, "momentum": 0.9}
    done = together(REGRESSION, grid, sgd_update, steps=JUDGED - 2, record_at=(0,))
    assert done.diverged_at.item() == rule(losses) > 0


def test_a_model_that_breaks_at_the_very_last_step_is_found():
    done = together(
        SPEC, {"lr": [0.1, 1000.0], "l2": [0.0, 1.7e308]}, sgd_update, steps=1, record_at=(0,)
    )
    assert done.diverged_at.tolist() == [[-1, 1]]


@given(
    st.lists(
        st.sampled_from([1e-9, 0.5, 1.1, 600.0, 1500.0, 1e20, math.inf, math.nan]),
        min_size=1,
        max_size=50,
    )
)
def test_divergence_rule(losses):
    at = torch.tensor([-1])
    divergence = Divergence(at)
    for step, loss in enumerate(losses):
        divergence.watch(step, torch.tensor([loss], dtype=torch.float64))
    divergence.judge(len(losses) - 1)
    assert at.item() == rule(losses)


@pytest.mark.parametrize("start", range(JUDGED - 2, JUDGED + 2))
def test_two_high_losses_in_two_batches_of_judging_are_neighbours(start):
    at = torch.tensor([-1, -1])
    divergence = Divergence(at)
    for step in range(3 * JUDGED):
        high = 5000.0 if step in (start, start + 1) else 1.0
        divergence.watch(step, torch.tensor([high, 5000.0 if step == start else 1.0]))
    divergence.judge(3 * JUDGED - 1)
    assert at.tolist() == [start + 1, -1]


# the generator


def workers_alive():
    return [thread for thread in threading.enumerate() if thread.name.startswith("ensemble-")]


def endless(**more):
    """A training that nobody will wait for."""
    return train(
        SPEC, split_for(SPEC), {"lr": LR}, range(50), steps=10**9, batch_size=BATCH, **more
    )


def test_pictures_come_while_training_goes_on_and_closing_ends_the_workers(a_seed_at_a_time):
    trainings = endless(record_at=(0, 10**9))
    assert not workers_alive()  # nothing starts before it is asked for
    first, second = next(trainings), next(trainings)
    assert len(workers_alive()) == 2
    assert 0 < first.progress < second.progress < 1 and not second.finished
    assert second.train_loss[:2, :, 0].isfinite().all() and second.train_loss[2:].isnan().all()
    assert second.parameters == [None] * 50
    trainings.close()
    assert not workers_alive()


def test_one_worker_has_the_seeds_together_that_two_would_share(monkeypatch):
    monkeypatch.setattr(training, "WORTH_THREADS", 1)
    chunks = []

    def watched(some, workers):
        chunks.append([chunk.seeds for chunk in some])
        return iter(())

    monkeypatch.setattr(training, "work_off", watched)
    for workers in (1, 2):
        options = {"steps": 1, "batch_size": BATCH, "workers": workers}
        list(train(SPEC, split_for(SPEC), {"lr": LR}, range(4), **options))
    assert chunks == [[(0, 1, 2, 3)], [(0, 1), (2, 3)]]


def test_small_models_get_one_worker(monkeypatch):
    monkeypatch.undo()
    trainings = endless()
    next(trainings)
    assert len(workers_alive()) == 1
    trainings.close()


def test_a_forgotten_generator_ends_its_workers():
    trainings = endless()
    next(trainings)
    del trainings
    gc.collect()
    assert not workers_alive()


def test_closing_begins_nothing_new(a_seed_at_a_time):
    begun = []

    def data(seed):
        begun.append(seed)
        return split_for(SPEC, seed)

    trainings = train(SPEC, data, {"lr": LR}, range(50), steps=10**9, batch_size=BATCH)
    next(trainings)
    trainings.close()
    assert len(begun) <= 2


def test_an_exception_in_the_loop_body_ends_the_workers():
    def interrupted():
        for _ in endless():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    gc.collect()
    assert not workers_alive()


def test_a_picture_once_given_does_not_change(a_seed_at_a_time):
    trainings = list(
        train(SPEC, split_for(SPEC), {"lr": LR}, range(4), steps=5, batch_size=BATCH, workers=1)
    )
    assert [t.finished for t in trainings] == [False] * (len(trainings) - 1) + [True]
    # one worker finishes seeds in order: the picture that brings seed s knows nothing of later ones
    for s in range(4):
        picture = next(t for t in trainings if t.parameters[s] is not None)
        assert picture.test_loss[: s + 1].isfinite().all()
        assert all(
            torch.equal(a, b) for a, b in zip(picture.parameters[s], trainings[-1].parameters[s])
        )
    blank = train(
        SPEC, split_for(SPEC), {"lr": LR}, range(4), steps=10**9, batch_size=BATCH, workers=1
    )
    first = next(blank)
    next(blank)
    blank.close()
    assert first.test_loss.isnan().all()


class Broken(Exception):
    pass


def broken_update(param, grad, state, *, lr):
    raise Broken("in the update")


def broken_data(seed):
    raise Broken("in the data")


def leaving_update(param, grad, state, *, lr):
    raise SystemExit("from the update")


@pytest.mark.parametrize(
    ("data", "update", "error"),
    [
        (None, broken_update, Broken),
        (broken_data, sgd_update, Broken),
        (None, leaving_update, SystemExit),
    ],
    ids=["update", "data", "exit"],
)
def test_what_goes_wrong_in_a_worker_is_raised_here(data, update, error):
    with pytest.raises(error, match="in the|from the"):
        list(
            train(
                SPEC, data or split_for(SPEC), {"lr": LR}, range(9), update=update, batch_size=BATCH
            )
        )
    assert not workers_alive()


def test_thread_counts_of_torch_are_left_alone():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        together(SPEC, {"lr": LR}, sgd_update, steps=2)
        assert torch.get_num_threads() == 2
        seen = []
        thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert seen == [2]
    finally:
        torch.set_num_threads(before)


def test_workers_are_single_threaded(a_seed_at_a_time):
    seen = set()

    def update(param, grad, state, *, lr):
        seen.add((threading.current_thread().name, torch.get_num_threads()))

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        together(SPEC, {"lr": LR}, update, seeds=range(6), steps=5)
    finally:
        torch.set_num_threads(before)
    assert {threads for _, threads in seen} == {1} and {name for name, _ in seen} <= {
        "ensemble-0",
        "ensemble-1",
    }


def test_results_are_ordinary_tensors():
    """Usable under autograd, though they were computed without it."""
    done = together(SPEC, {"lr": LR}, adamw_update, steps=2)
    w = done.parameters[0][0].requires_grad_()
    (w.square().sum() + (done.states[0][0]["exp_avg"] * w).sum()).backward()
    assert w.grad is not None


def test_observe_sees_the_gradient_of_the_loss_alone():
    seen = []

    def observe(seed, step, parameters, gradients):
        seen.append((seed, step, [p.clone() for p in parameters], [g.clone() for g in gradients]))

    split, grid = split_for(SPEC), {"lr": LR, "l2": 0.5, "weight_decay": 0.1}
    together(SPEC, grid, sgd_update, steps=3, observe=observe)
    assert [(seed, step) for seed, step, *_ in seen] == [(SEED, 0), (SEED, 1), (SEED, 2)]
    batches = batches_of(split.train_x, split.train_y, BATCH, seeded(SEED, "batches"))
    for _, _, parameters, gradients in seen:
        x, y = next(batches)
        for v in range(2):
            net = SPEC.build(dtype=torch.float64)
            for parameter, values in zip(net.parameters(), parameters):
                parameter.data = values[v]
            expected = torch.autograd.grad(F.cross_entropy(net(x), y), list(net.parameters()))
            for wanted, found in zip(expected, gradients):
                torch.testing.assert_close(found[v], wanted, rtol=0, atol=1e-12)


def test_observe_gets_all_settings_at_once(monkeypatch):
    monkeypatch.setattr(training, "CHUNK", 0)
    monkeypatch.setattr(training, "MIN_CHUNK", 1)
    sizes = []
    together(
        SPEC,
        {"lr": [0.1] * 5},
        sgd_update,
        steps=2,
        observe=lambda s, t, p, g: sizes.append(len(p[0])),
    )
    assert sizes == [5, 5]


def test_who_looks_is_shown_every_setting_at_every_record(monkeypatch):
    monkeypatch.setattr(training, "CHUNK", 0)
    monkeypatch.setattr(training, "MIN_CHUNK", 2)
    shown = {}

    def look(seed, settings, step, parameters):
        assert len(parameters[0]) == settings.stop - settings.start
        for v, first in zip(range(5)[settings], parameters[0].clone()):
            shown[seed, v, step] = first

    options = {"seeds": (SEED, SEED + 1), "steps": 3, "record_at": [0, 2, 3], "look": look}
    done = together(SPEC, {"lr": [0.1, 0.2, 0.3, 0.4, 0.5]}, sgd_update, **options)
    assert sorted(shown) == [(s, v, t) for s in done.seeds for v in range(5) for t in (0, 2, 3)]
    for seed, kept in zip(done.seeds, done.parameters):
        start = SPEC.initial(seed, torch.float64)[0]
        assert all(torch.equal(shown[seed, v, 0], start) for v in range(5))
        assert all(torch.equal(shown[seed, v, 3], kept[0][v]) for v in range(5))
        assert not torch.equal(shown[seed, 4, 2], kept[0][4])


def test_parameters_can_be_left_out():
    done = together(SPEC, {"lr": LR}, sgd_update, steps=2, keep_parameters=False)
    assert done.parameters == done.states == [None] and done.test_loss.isfinite().all()


# models and grids


def test_build_has_the_initial_weights_and_torchs_layers():
    model = ModelSpec((4, 6, 5, 3), activation="tanh").build(0.25, seed=2, dtype=torch.float64)
    kinds = [nn.Linear, nn.Tanh, nn.Dropout] * 2 + [nn.Linear]
    assert [type(layer) for layer in model] == kinds and model[2].p == 0.25
    start = ModelSpec((4, 6, 5, 3)).initial(2, torch.float64)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), start))
    assert [type(layer) for layer in SPEC.build()] == [nn.Linear, nn.ReLU, nn.Linear]


def test_initial_weights_are_even_on_torchs_interval():
    """Kolmogorov–Smirnov against the uniform distribution: p = 1e-4 at 2.23/√n."""
    weight, bias = ModelSpec((25, 4000)).initial(0, torch.float64)
    for values in (weight.flatten(), bias):
        u = (values * 5 + 1).div(2).sort().values  # ±1/√25 to [0, 1)
        assert u[0] >= 0 and u[-1] < 1
        ranks = torch.arange(1, len(u) + 1) / len(u)
        assert (u - ranks).abs().max() < 2.23 / math.sqrt(len(u))


def test_product_is_in_order_first_axis_slowest():
    assert product(lr=[1, 2], l2=[3, 4, 5]) == {"lr": [1, 1, 1, 2, 2, 2], "l2": [3, 4, 5, 3, 4, 5]}
    assert product(lr=[1]) == {"lr": [1]} and product() == {}


def test_numbers_for_all_tensors_and_lists_are_the_same_grid():
    a = together(SPEC, {"lr": [0.1, 0.1], "momentum": [0.9, 0.9]}, sgd_update, steps=5)
    b = together(
        SPEC,
        {"lr": torch.tensor([0.1, 0.1], dtype=torch.float64), "momentum": 0.9},
        sgd_update,
        steps=5,
    )
    assert all(torch.equal(p, q) for p, q in zip(a.parameters[0], b.parameters[0]))
    assert together(SPEC, {"lr": 0.1, "momentum": 0.9}, sgd_update, steps=5).test_loss.shape == (
        1,
        1,
        1,
    )


def poisoned(**changes):
    """A split with one value replaced: name=(row, …, value)."""
    split = split_for(SPEC)
    for name, (*place, value) in changes.items():
        tensor = getattr(split, name).clone()
        tensor[tuple(place)] = value
        split = replace(split, **{name: tensor})
    return split


def without(*names):
    split = split_for(SPEC)
    return replace(split, **{name: getattr(split, name)[:0] for name in names})


NAN, INF = math.nan, math.inf
# name: (changed arguments of train, what the message must say)
REFUSED = {
    "lr negative": (
        {"grid": {"lr": [0.1, -0.1]}},
        r"lr = -0.1: must be a finite number in \[0, ∞\)",
    ),
    "lr NaN": ({"grid": {"lr": NAN}}, "lr = nan"),
    "lr infinite": ({"grid": {"lr": [INF]}}, "lr = inf"),
    "lr text": ({"grid": {"lr": "0.1"}}, "lr = '0.1'"),
    "lr missing": ({"grid": {"momentum": 0.9}, "update": sgd_update}, "lr is missing.*sgd_update"),
    "decay negative": ({"grid": {"lr": 0.1, "weight_decay": -1.0}}, "weight_decay = -1.0"),
    "l2 infinite": ({"grid": {"lr": 0.1, "l2": [INF]}, "update": adam_update}, "l2 = inf"),
    "momentum one": (
        {"grid": {"lr": 0.1, "momentum": 1.0}, "update": sgd_update},
        r"momentum = 1.0: .*\[0, 1\)",
    ),
    "beta one": ({"grid": {"beta2": [0.9, 1.0]}}, r"beta2 = 1.0: .*\[0, 1\)"),
    "eps zero": ({"grid": {"eps": 0.0}}, r"eps = 0.0: .*\(0, 1\)"),
    "dropout one": ({"grid": {"dropout": [0.5, 1.0]}}, r"dropout = 1.0: .*\[0, 1\)"),
    "dropout negative": ({"grid": {"dropout": -0.1}}, r"dropout = -0.1: .*\[0, 1\)"),
    "dropout NaN": ({"grid": {"dropout": [NAN]}}, "dropout = nan"),
    "nesterov without momentum": (
        {"grid": {"lr": 0.1, "nesterov": True, "momentum": [0.9, 0.0]}, "update": sgd_update},
        "nesterov = True with momentum",
    ),
    "nesterov with dampening": (
        {
            "grid": {"lr": 0.1, "nesterov": True, "momentum": 0.9, "dampening": 0.1},
            "update": sgd_update,
        },
        "nesterov = True with",
    ),
    "nesterov per setting": (
        {"grid": {"lr": 0.1, "momentum": 0.9, "nesterov": [True, False]}, "update": sgd_update},
        "nesterov = .*must be True or False",
    ),
    "unknown name": (
        {"grid": {"lr": 0.1, "wd": 0.1}},
        "'wd'.*lr, beta1, beta2, eps, weight_decay, amsgrad, dropout",
    ),
    "l2 for AdamW": ({"grid": {"lr": 0.1, "l2": 0.1}}, "unknown hyper-parameter 'l2'"),
    "learner's names": (
        {"grid": {"lr": 0.1, "eps": 0.1}, "update": learners_adamw},
        "'eps'.*lr, weight_decay, beta2",
    ),
    "ragged": (
        {"grid": {"lr": [0.1, 0.2], "eps": [0.1, 0.2, 0.3]}},
        "unequal length.*'lr': 2, 'eps': 3",
    ),
    "empty column": ({"grid": {"lr": []}}, r"lr = \[\]"),
    "no seeds": ({"seeds": []}, "seeds = "),
    "seed a fraction": ({"seeds": [0.5]}, "seeds = 0.5"),
    "no steps": ({"steps": 0}, "steps = 0"),
    "steps a fraction": ({"steps": 2.5}, "steps = 2.5"),
    "no workers": ({"workers": 0}, "workers = 0"),
    "batch zero": ({"batch_size": 0}, "batch_size = 0"),
    "batch too large": ({"batch_size": 12}, r"batch_size = 12: .*\[1, 11\]"),
    "recorded too late": ({"record_at": [0, 6]}, r"record_at = 6: .*\[0, 5\]"),
    "recorded too early": ({"record_at": [-1]}, "record_at = -1"),
    "data NaN": ({"data": poisoned(train_x=(3, 2, NAN))}, "train_x = nan at row 3, column 2"),
    "data infinite": ({"data": poisoned(test_x=(0, 1, INF))}, "test_x = inf at row 0, column 1"),
    "a class too many": ({"data": poisoned(train_y=(5, 3))}, r"train_y: .*\[0, 2\]"),
    "a negative class": ({"data": poisoned(test_y=(0, -1))}, "test_y: "),
    "no training rows": ({"data": without("train_x", "train_y")}, r"train_x has shape \[0, 4\]"),
    "no test rows": ({"data": without("test_x", "test_y")}, r"test_x has shape \[0, 4\]"),
    "rows apart": ({"data": without("test_y")}, "test_x has 5 rows, test_y has 0"),
    "wrong inputs": (
        {"spec": ModelSpec((5, 3))},
        r"train_x has shape \[11, 4\]: must be \[rows ≥ 1, 5\]",
    ),
    "labels for a regression": (
        {"spec": ModelSpec((4, 2), "regression")},
        r"train_y has shape \[11, 1\]",
    ),
    "targets for a classification": ({"data": split_for(REGRESSION)}, "train_y: "),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals_come_before_anything_starts(changes, message):
    arguments = {
        "spec": SPEC,
        "data": split_for(SPEC),
        "grid": {"lr": 0.1},
        "seeds": [0],
        "steps": 5,
        "batch_size": 4,
    }
    with pytest.raises(ValueError, match=message):
        train(**(arguments | changes))


def test_bad_data_of_one_seed_is_refused_as_soon_as_seen():
    with pytest.raises(ValueError, match="train_x = nan at row 3, column 2"):
        list(
            train(SPEC, lambda seed: poisoned(train_x=(3, 2, NAN)), {"lr": 0.1}, [0], batch_size=4)
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((4,),), "widths"),
        (((4, 0, 3),), "widths"),
        (((4, 2.5, 3),), "widths"),
        (((4, 3), "ranking"), "task = 'ranking'"),
        (((4, 3), "regression", "swish"), "activation = 'swish'"),
    ],
    ids=str,
)
def test_models_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        ModelSpec(*arguments)


def test_build_refuses_bad_dropout():
    with pytest.raises(ValueError, match="dropout = 1.0"):
        SPEC.build(1.0)
