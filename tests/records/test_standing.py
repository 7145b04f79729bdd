"""What fresh seeds make of a claim, and when it has to be judged on others."""

import math
from dataclasses import replace

import pytest
import torch

from course_lib.base.record import Ask
from course_lib.records import standing
from course_lib.records.leaning import is_stale, leans, unsupported
from course_lib.records.measurement import Measurement, verdict
from course_lib.statistics import mean_interval


def around(mean, seed=0, n=8, spread=1.0):
    """n values of this very mean and spread."""
    noise = torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (mean + spread * (noise - noise.mean()) / noise.std()).tolist()


def line(values, base=0, revision=0, id="it", low=0.0, **run):
    found = {"": mean_interval(values)}
    asks = (Ask("", low, math.inf),)
    samples = {"": found[""].sample}
    return Measurement(id, verdict(asks, found), "", asks, samples, "03_x", base, revision, **run)


def stands(pilot, *fresh):
    lines = [line(around(pilot))]
    lines += [line(around(mean, base), base) for base, mean in enumerate(fresh, 1)]
    return standing.standings(lines)["it"]


@pytest.mark.parametrize(
    ("pilot", "fresh", "status"),
    [
        (2, (2, 2, 2), "confirmed"),
        (-2, (-2, -2, -2), "confirmed"),
        (2, (-2, -2, -2), "reversed"),
        (2, (0, 0, 0), "not confirmed"),
        (0, (2, 2, 2), "decided by fresh seeds only"),
        (0, (0, 0, 0), "open"),
        (2, (2, 2), "not yet replicated"),
        (2, (), "not yet replicated"),
    ],
)
def test_status(pilot, fresh, status):
    assert stands(pilot, *fresh).status() == status


def test_fresh_values_are_judged_together():
    """Three bases that each leave it open decide together."""
    found = stands(2, 0.6, 0.6, 0.6)
    assert {one.verdict for one in found.fresh.values()} == {"inconclusive"}
    assert found.pooled()[""].n == 24 and found.status() == "confirmed"


def test_the_bound_is_that_of_base_0():
    lines = [line(around(2)), *(line(around(2), base, low=9.0) for base in (1, 2, 3))]
    assert standing.standings(lines)["it"].status() == "confirmed"


def test_unplanned_bases_decide_nothing():
    lines = [line(around(2)), *(line(around(-2), base) for base in (4, 5, 6))]
    found = standing.standings(lines)["it"]
    assert found.status() == "not yet replicated" and set(found.unplanned) == {4, 5, 6}


def test_a_revision_is_judged_on_the_next_bases():
    old = [line(around(2)), *(line(around(-2), base) for base in (1, 2, 3))]
    new = [line(around(3), revision=1)]
    assert standing.standings([*old, *new])["it"].status() == "not yet replicated"
    new += [line(around(3), base, revision=1) for base in (4, 5, 6)]
    assert standing.standings([*old, *new])["it"].status() == "confirmed"
    assert standing.bases(1) == (4, 5, 6)


def test_a_claim_that_moved_is_that_of_the_lesson_that_makes_it_now():
    """Whatever the order in which the files of the two lessons are read."""
    left = [line(around(2), code="old"), line(around(1), id="other", code="new")]
    found = [replace(line(around(2), code="here"), lesson="02_y")]
    for lines in ([*left, *found], [*found, *left]):
        assert standing.standings(lines)["it"].pilot.lesson == "02_y"


def test_the_same_up_to_rounding():
    values = around(2)
    one = line(values, data={"digits": "a"})
    rounded = line([value + 1e-9 for value in values], data={"digits": "a", "more": "b"})
    assert standing.same(one, rounded)
    assert not standing.same(one, line([value + 0.01 for value in values], data={"digits": "a"}))
    assert not standing.same(one, line(values, low=0.1, data={"digits": "a"}))
    assert not standing.same(one, line(values, data={"digits": "b"}))
    assert not standing.same(one, line([*values, 2.0], data={"digits": "a"}))


def test_what_another_machine_rounds_is_like_it_and_another_experiment_is_not():
    pilot, asks = line(around(2)), (Ask("", 0.0, math.inf),)

    def like(values, asks=asks):
        return standing.like(asks, {"": mean_interval(values)}, pilot)

    assert like(around(2.1)) and not like(around(3)) and not like(around(2, spread=3))
    assert not like(around(2, n=9)) and not like(around(2), (Ask("", 0.5, math.inf),))


def test_what_did_not_move_does_not_lie_apart_and_what_did_does():
    assert not stands(2, 2, 2, 2).moved()[""].excludes(0)
    assert stands(2, -2, -2, -2).moved()[""].excludes(0)


# what rests on it


def test_what_is_leaned_on():
    assert [*map(tuple, leans("order-p05, not x-0.5,open b"))] == [
        ("order-p05", ""),
        ("x-0.5", "not"),
        ("b", "open"),
    ]
    with pytest.raises(ValueError, match="rests = 'never order': must be the id of a claim"):
        leans("never order")


@pytest.mark.parametrize(
    ("says", "supported"),
    [
        ("it", {"confirmed holds"}),
        ("not it", {"confirmed does not hold"}),
        ("open it", {"not confirmed", "open"}),
    ],
)
def test_a_record_speaks_against_what_it_does_not_support(says, supported):
    cases = {
        "confirmed holds": stands(2, 2, 2, 2),
        "confirmed does not hold": stands(-2, -2, -2, -2),
        "reversed": stands(2, -2, -2, -2),
        "not confirmed": stands(2, 0, 0, 0),
        "open": stands(0, 0, 0, 0),
        "by fresh": stands(0, 2, 2, 2),
    }
    [lean] = leans(says)
    assert {name for name, one in cases.items() if not unsupported(lean, {"it": one})} == supported
    assert not any(is_stale(lean, {"it": one}) for one in cases.values())


def test_what_is_not_yet_replicated_speaks_against_nothing():
    [lean] = leans("not it")
    for known in ({}, {"it": stands(2, 2)}):
        assert is_stale(lean, known) and not unsupported(lean, known)
