"""Decay that begins late; and what is stored of it."""

import pytest
import torch

from course_lib.adamw import adam_update
from course_lib.base import random
from course_lib.experiments.elsewhere import carried, late
from course_lib.records import store


def test_decay_begins_with_the_update_after_so_many():
    one, other, grad = torch.ones(3), torch.ones(3), torch.full((3,), 0.1)
    state, plain = {}, {}
    for update in range(1, late.FROM + 3):
        decay = 0.0 if update <= late.FROM else 2.0
        late.late_update(one, grad, state, lr=0.01, weight_decay=2.0)
        adam_update(other, grad, plain, lr=0.01, weight_decay=decay)
        assert torch.equal(one, other), update


def test_without_decay_the_first_updates_are_those_of_plain():
    [found] = late.measured(late.LATE, seeds=(0,), steps=late.FROM + 1).tolist()
    assert len(found) == len(late.TOLD) and found[0] == 1 and found[1] < 0.9


def test_on_the_way_it_is_the_same_run():
    run = late.on_the_way(steps=late.FROM + 5)
    [found] = late.measured(late.LATE, seeds=(0,), steps=late.FROM + 5).tolist()
    place = run.recorded.index(late.FROM)
    assert run.recorded[:3] == (0, 5, 10) and len(run.arms) == 1
    ends = run.train_accuracy[0, 0, place], run.test_accuracy[0, 0, place]
    assert [one.item() for one in (*ends, run.test_accuracy[0, 0, -1])] == found[:3]


def test_the_rate_is_the_one_at_which_plain_did_best():
    assert late.FAST.lr == pytest.approx(carried.frozen("transformer", "plain, more rates").lr)


def test_what_is_stored_stands_in_for_a_training(monkeypatch):
    stored = store.stored("elsewhere/late")
    assert list(stored) == list(late.RUNS)
    for what in late.RUNS:
        assert late.known(what).tolist() == stored[what]["0"]
        assert late.known(what).shape == (len(late.SEEDS), len(late.TOLD))
    monkeypatch.setattr(random, "BASE", 9)
    assert late.known(late.NEVER).tolist() == stored[late.NEVER]["0"]
    monkeypatch.setattr(late, "measured", lambda what: what)
    assert late.known(late.LATE) == late.LATE


def test_a_run_there_is_not_is_refused():
    with pytest.raises(ValueError, match="what = 'none': must be one of"):
        late.known("none")
