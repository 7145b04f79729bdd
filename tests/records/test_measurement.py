"""A measured claim as a line of a file, and back."""

import json
import math

import pytest
import torch

from course_lib.base.record import Ask
from course_lib.base.verdicts import all_hold
from course_lib.records import store
from course_lib.records.measurement import Measurement, read, verdict
from course_lib.statistics import (
    apart,
    corrected_interval,
    mean_interval,
    pooled,
    ratio_interval,
    spread_interval,
)

A, B = [1.0, 2.5, 2.0, 4.0, 3.5], [1.5, 2.0, 2.5, 3.0, 5.0]
INTERVALS = {
    "mean": mean_interval(A),
    "ratio": ratio_interval(A, B),
    "spread": spread_interval(A, B),
    "corrected": corrected_interval(A, 80, 20),
}


def measurement(asks, intervals, **run):
    found = {name: it.sample for name, it in intervals.items()}
    said = verdict(asks, intervals)
    return Measurement("some-id", said, "a figure", tuple(asks), found, **run)


@pytest.mark.parametrize("rule", INTERVALS)
def test_a_line_holds_all_that_pools_the_interval_again(rule):
    one = measurement(
        [Ask("", -math.inf, 2.0)],
        {"": INTERVALS[rule]},
        lesson="03_x",
        base=2,
        revision=1,
        data={"digits": "ab"},
    )
    assert read(json.loads(json.dumps(one.as_data()))) == one
    again = one.intervals()[""]
    assert again[:3] == pytest.approx(INTERVALS[rule][:3], rel=1e-12)


@pytest.mark.parametrize("rule", INTERVALS)
def test_two_halves_pooled_are_the_whole(rule):
    def halves(sample):
        for part in (slice(0, 3), slice(3, 5)):
            yield sample._replace(values=sample.values[part], others=sample.others[part])

    whole = INTERVALS[rule]
    assert pooled([*halves(whole.sample)])[:3] == pytest.approx(whole[:3], rel=1e-12)


def test_samples_made_in_different_ways_are_not_pooled():
    with pytest.raises(ValueError, match="samples were made in 2 ways: must be one"):
        pooled([INTERVALS["mean"].sample, INTERVALS["ratio"].sample])


def test_thousands_of_hits_are_a_short_line():
    hits = (torch.arange(20_000) % 3 == 0).double()
    one = measurement([Ask("", 0.1, math.inf)], {"": mean_interval(hits)})
    line = json.dumps(one.as_data())
    assert len(line) < 500
    assert read(json.loads(line)).intervals()[""][:3] == pytest.approx(mean_interval(hits)[:3])


def test_all_that_is_asked_must_hold():
    two = {"a": mean_interval(A), "b": mean_interval([-1.0, 1.0])}
    assert verdict([Ask("a", 0, math.inf)], two) == "holds"
    assert verdict([Ask("a", 0, math.inf), Ask("b", 0, math.inf)], two) == "inconclusive"
    assert verdict([Ask("a", -9, 0), Ask("b", 0, math.inf)], two) == "does not hold"
    assert verdict([Ask("missing", -9, 0)], two) == "inconclusive"
    assert verdict([], two) == "inconclusive"


def test_an_order_holds_where_every_neighbouring_difference_is_decided():
    assert all_hold([True, True]) is True and all_hold([None, False, True]) is False
    assert all_hold(verdict for verdict in (True, None)) is None


def test_how_far_two_samples_lie_apart_is_welchs_interval():
    # scipy.stats.ttest_ind(A, B, equal_var=False).confidence_interval()
    found = apart(mean_interval(A).sample, mean_interval(B).sample)
    from scipy.stats import ttest_ind

    expected = ttest_ind(A, B, equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_files_are_added_to_and_a_damaged_line_is_named(tmp_path):
    one = measurement([Ask("", 0, math.inf)], {"": mean_interval(A)}, lesson="03_x", base=1)
    store.add([one], tmp_path)
    store.add([one, one], tmp_path)
    assert store.lines(tmp_path) == [one] * 3
    file = tmp_path / "x" / "base_1.jsonl"
    file.write_text(file.read_text(encoding="utf-8") + '{"id": "cut', encoding="utf-8")
    with pytest.raises(ValueError, match=r"base_1\.jsonl of x, line 4"):
        store.lines(tmp_path)
