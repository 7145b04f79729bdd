"""The two knobs: a cell is a network trained alone, none is trained twice, a sweep can be left."""

import math
import threading

import numpy as np
import pytest
import torch

from course_lib.adamw import adamw_update
from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.experiments.adamw import two_knobs


@pytest.fixture
def two_seeds(monkeypatch):
    monkeypatch.setattr(two_knobs, "_kept", {})
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


def test_nothing_is_trained_twice_and_more_seeds_build_on_fewer(two_seeds, monkeypatch):
    monkeypatch.setattr(two_knobs, "train", None)  # training again would raise
    again = two_knobs.surfaces(["Adam + L2", "AdamW"], range(2), steps=3)
    assert torch.equal(again["AdamW"].loss, two_seeds["AdamW"].loss)
    *_, one = two_knobs.sweep(["AdamW"], [1], steps=3)
    assert torch.equal(one["AdamW"].loss[0], two_seeds["AdamW"].loss[1])


def test_a_cell_that_asks_while_the_picture_trains_waits_for_it(monkeypatch):
    monkeypatch.setattr(two_knobs, "_kept", {})
    trained, real = [], two_knobs.train

    def counted(spec, data, grid, seeds, **how):
        trained.append(seeds)
        return real(spec, data, grid, seeds, **how)

    monkeypatch.setattr(two_knobs, "train", counted)
    picture = threading.Thread(target=lambda: two_knobs.surfaces(["AdamW"], range(3), steps=40))
    picture.start()
    cell = two_knobs.surfaces(["AdamW"], range(3), steps=40)
    picture.join()
    assert cell["AdamW"].finished == 3 and len(trained) == 3


def test_one_who_waits_for_himself_is_refused(monkeypatch):
    monkeypatch.setattr(two_knobs, "_kept", {})
    started = two_knobs.sweep(["AdamW"], [0])
    next(started), next(started)
    with pytest.raises(RuntimeError, match="AdamW, seed 0, is still trained in this thread"):
        two_knobs.surfaces(["AdamW"], [0])
    started.close()
    assert two_knobs.surfaces(["AdamW"], [0], steps=1)["AdamW"].finished == 1


def test_a_sweep_fills_in_and_can_be_left(monkeypatch):
    monkeypatch.setattr(two_knobs, "_kept", {})
    sweep = two_knobs.sweep(["Adam + L2", "AdamW"], range(2), steps=2)
    first = next(sweep)
    assert all(surface.loss.isnan().all() and surface.finished == 0 for surface in first.values())
    known = [surfaces["AdamW"].loss.isfinite().sum().item() for surfaces in sweep]
    assert known == sorted(known) and known[-1] == 2 * 81
    left = two_knobs.sweep(["AdamW"], range(50, 60))
    next(left), next(left)
    left.close()
    assert ("AdamW", two_knobs.STEPS, 59) not in two_knobs._kept


def test_the_learners_function_is_called_with_plain_numbers_and_not_kept(monkeypatch):
    monkeypatch.setattr(two_knobs, "_kept", {})
    seen = set()

    def mine(param, grad, state, *, lr, weight_decay):
        seen.update((type(lr), type(weight_decay)))
        return param.sub_(math.sqrt(lr) * weight_decay * grad) if lr else param

    *_, surfaces = two_knobs.sweep(["Adam + L2", "AdamW"], [0], update=mine, steps=1)
    assert seen == {float} and set(two_knobs._kept) == {("Adam + L2", 1, 0)}
    assert surfaces["AdamW"].loss.isfinite().any()
