"""The two knobs: a cell is a network trained alone, none is trained twice, a sweep can be left."""

import math
import threading

import numpy as np
import pytest
import torch

from course_lib.adamw import adam_update, adamw_update
from course_lib.base.memory import Memory
from course_lib.data import digits
from course_lib.engine import ModelSpec, cache, train
from course_lib.experiments.adamw import two_knobs


@pytest.fixture(autouse=True)
def trained(monkeypatch):
    """(update, seed) of every training that was begun; nothing is remembered yet."""
    begun, real = [], two_knobs.train

    def counted(spec, data, grid, seeds, **how):
        begun.append((how["update"], *seeds))
        return real(spec, data, grid, seeds, **how)

    monkeypatch.setattr(two_knobs, "train", counted)
    monkeypatch.setattr(cache, "_complete", Memory(cache.LIMIT))
    return begun


@pytest.fixture
def two_seeds(trained):
    return two_knobs.surfaces(["Adam + L2", "AdamW"], range(2), steps=3)


def test_a_cell_is_the_network_trained_alone(two_seeds):
    i, j = 3, 5
    surface = two_seeds["AdamW"]
    lr, decay = surface.optimizer.lr[i], surface.optimizer.decay[j]
    split = digits(300, 0, label_noise=0.2, scale="unit", seed=1)
    *_, alone = train(
        ModelSpec((64, 128, 10)),
        split,
        {"lr": lr, "weight_decay": decay},
        [1],
        update=adamw_update,
        steps=3,
        batch_size=50,
    )
    assert surface.loss[1, i, j].item() == pytest.approx(alone.test_loss[0, 0, -1].item(), rel=1e-4)
    assert surface.error[1, i, j].item() == pytest.approx(
        1 - alone.test_accuracy[0, 0, -1].item(), abs=1e-3
    )
    assert surface.train_error[1, i, j].item() == pytest.approx(
        1 - alone.train_accuracy[0, 0, -1].item(), abs=1e-2
    )


def test_axes_stand_in_the_order_of_the_losses(two_seeds):
    surface = two_seeds["Adam + L2"]
    flat = surface.loss.flatten(1).shape[1]
    assert surface.x.shape == surface.y.shape == (flat,)
    assert surface.x.unflatten(0, (9, 9))[:, 0].tolist() == pytest.approx(
        np.log10(surface.optimizer.lr)
    )
    assert surface.y.unflatten(0, (9, 9))[0].tolist() == pytest.approx(
        np.log10(surface.optimizer.decay)
    )
    assert surface.finished == 2 and not surface.diverged.any()


def test_nothing_is_trained_twice_and_more_seeds_build_on_fewer(two_seeds, trained):
    again = two_knobs.surfaces(["Adam + L2", "AdamW"], range(2), steps=3)
    assert torch.equal(again["AdamW"].loss, two_seeds["AdamW"].loss)
    *_, one = two_knobs.sweep(["AdamW"], [1], steps=3)
    assert torch.equal(one["AdamW"].loss[0], two_seeds["AdamW"].loss[1])
    assert len(trained) == len(set(trained)) == 4


def test_a_cell_that_asks_while_the_picture_trains_trains_nothing_twice(trained):
    picture = threading.Thread(target=lambda: two_knobs.surfaces(["AdamW"], range(3), steps=10))
    picture.start()
    cell = two_knobs.surfaces(["AdamW"], range(3), steps=10)
    picture.join()
    assert cell["AdamW"].finished == 3
    assert sorted(seed for _, seed in trained) == [0, 1, 2]


def test_who_asks_again_in_the_same_thread_goes_on_with_what_is_begun(trained):
    started = two_knobs.sweep(["AdamW"], [0], steps=3)
    next(started), next(started)
    assert two_knobs.surfaces(["AdamW"], [0], steps=3)["AdamW"].finished == 1
    started.close()
    assert len(trained) == 1


def test_a_sweep_fills_in_and_can_be_left(trained):
    sweep = two_knobs.sweep(["Adam + L2", "AdamW"], range(2), steps=2)
    first = next(sweep)
    assert all(surface.loss.isnan().all() and surface.finished == 0 for surface in first.values())
    known = [surfaces["AdamW"].loss.isfinite().sum().item() for surfaces in sweep]
    assert known == sorted(known) and known[-1] == 2 * 81
    left = two_knobs.sweep(["AdamW"], range(50, 60))
    next(left), next(left)
    left.close()
    assert trained[4:] == [(adamw_update, 50)] and not cache._runs


def test_the_learners_function_is_called_with_plain_numbers_and_not_kept(trained):
    seen = set()

    def mine(param, grad, state, *, lr, weight_decay):
        seen.update((type(lr), type(weight_decay)))
        return param.sub_(math.sqrt(lr) * weight_decay * grad) if lr else param

    *_, surfaces = two_knobs.sweep(["Adam + L2", "AdamW"], [0], update=mine, steps=1)
    assert seen == {float}
    list(two_knobs.sweep(["Adam + L2", "AdamW"], [0], update=mine, steps=1))
    assert trained == [(adam_update, 0), (mine, 0), (mine, 0)]
    assert surfaces["AdamW"].loss.isfinite().any()


def test_a_decay_per_step_is_the_share_taken_whatever_the_rate():
    optimizer = two_knobs.OPTIMIZERS["AdamW, per step"]
    taken = [lr * pull for lr, pull in zip(optimizer.grid["lr"], optimizer.grid["weight_decay"])]
    assert taken == pytest.approx(optimizer.cells["decay"])
    assert sorted({*optimizer.cells["decay"]}) == list(optimizer.decay)
