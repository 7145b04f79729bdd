"""A layer read in three ways: which of them can tell a + b from b + a."""

import pytest
import torch

from course_lib.base import random
from course_lib.experiments.elsewhere import mirrors
from course_lib.records import store

PAIR = torch.tensor([[20, 15, 31], [15, 20, 31]])


@pytest.mark.parametrize("reading", mirrors.READINGS)
def test_only_without_places_and_read_at_one_of_them_is_a_mirror_the_same(reading):
    random.reseed(0)
    one, other = mirrors.Network(reading).double()(PAIR)
    assert torch.allclose(one, other, rtol=0, atol=1e-12) == (reading == mirrors.READINGS[2])


def test_the_shares_are_of_training_pairs_mirrors_and_others():
    found = mirrors.shares(mirrors.READINGS[0], seeds=(0,), steps=3)
    assert found.shape == (1, 3) and ((found >= 0) & (found <= 1)).all()
    assert found.tolist() == mirrors.shares(mirrors.READINGS[0], seeds=(0,), steps=3).tolist()


def test_what_is_stored_stands_in_for_a_training(monkeypatch):
    stored = store.stored("elsewhere/mirrors")
    assert list(stored) == list(mirrors.READINGS)
    for reading in stored:
        assert mirrors.known(reading).tolist() == stored[reading]["0"]
        assert mirrors.known(reading).shape == (len(mirrors.SEEDS), 3)
    monkeypatch.setattr(random, "BASE", 9)
    monkeypatch.setattr(mirrors, "shares", lambda reading: reading)
    assert mirrors.known(mirrors.READINGS[0]) == mirrors.READINGS[0]


def test_a_reading_there_is_not_is_refused():
    with pytest.raises(ValueError, match="reading = 'none': must be one of"):
        mirrors.Network("none")
