"""Generators in turn: each to its end, and all closed when somebody leaves."""

import pytest

from course_lib.experiments.shared.side_by_side import side_by_side
from tests._jobs import job


def test_all_advance_in_turn_until_the_last_has_ended():
    log = []
    turns = list(side_by_side([job(log, "a", 2), job(log, "b", 1)]))
    assert len(turns) == 3  # that the last of all has ended is seen in a turn of its own
    assert log == [("a", 0), ("b", 0), ("a", 1), ("b", "closed"), ("a", "closed")]
    assert list(side_by_side([])) == []


def test_who_leaves_closes_all():
    log = []
    turns = side_by_side([job(log, "a", 9), job(log, "b", 9)])
    next(turns)
    turns.close()
    assert sorted(log[2:]) == [("a", "closed"), ("b", "closed")]


def test_what_goes_wrong_in_one_closes_the_others():
    def broken():
        yield
        raise ZeroDivisionError

    log = []
    with pytest.raises(ZeroDivisionError):
        list(side_by_side([job(log, "a", 9), broken()]))
    assert log[-1] == ("a", "closed")
