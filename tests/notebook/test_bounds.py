import math

import pytest
import torch

from course_lib.base.verdicts import all_hold
from course_lib.notebook.bounds import (
    above,
    below,
    between,
    each,
    equal,
    near,
    negative,
    ordered,
    positive,
    within,
)
from course_lib.statistics import Interval

BOUNDS = [below(2), above(2), between(1, 2), within(2), near(1, 1), positive, negative]


@pytest.mark.parametrize("bound", BOUNDS, ids=str)
@pytest.mark.parametrize("value", [-3.0, 0.0, 1.5, 2.0, 5.0])
def test_a_narrow_interval_is_judged_as_its_middle(bound, value):
    around = Interval(value, value - 1e-9, value + 1e-9)
    assert bound(around) in (bound(value), None)
    if value not in (0.0, 2.0):  # none of the bounds
        assert bound(around) is bound(value)


@pytest.mark.parametrize("bound", BOUNDS, ids=str)
def test_a_wide_interval_decides_nothing_and_a_missing_figure_never_holds(bound):
    assert bound(Interval(1.5, -10, 10)) is None
    assert bound(math.nan) is False and bound(None) is None


def test_every_figure_of_a_list_a_tensor_or_a_mapping_is_asked():
    for several in ([1, 3], torch.tensor([1.0, 3.0]), {"a": 1, "b": 3}, {"a": [1, 1], "b": (3,)}):
        assert below(4)(several) is True and below(2)(several) is False
    assert above(0)([Interval(1, 0.5, 2), Interval(0, -1, 1)]) is None
    assert above(0)([Interval(-1, -2, -0.5), Interval(0, -1, 1)]) is False


def test_each_figure_has_its_bound():
    bound = each(below(1), above(2))
    assert bound([0, 3]) is True and bound([0, 1]) is False
    assert each(a=below(1), b=equal(2))({"b": 2, "a": 0}) is True
    with pytest.raises(ValueError, match=r"these bounds are for a, b"):
        each(a=below(1), b=below(1))({"a": 0})
    assert str(each(a=below(1), b=above(2))) == "a below 1, b above 2"


def test_order_and_equality():
    assert ordered([1, 2, 3]) is True and ordered(torch.tensor([1, 1])) is False
    assert near(2, 0.1)([2.05, 1.95]) is True and near(2, 0.1)(2.2) is False
    assert near([1, 2], 0.1)([1, 2]) is True and near([1, 2], 0.1)([2, 1]) is False
    assert equal([1, 2])(torch.tensor([1, 2])) is True and equal("a")("b") is False


@pytest.mark.parametrize(
    ("verdicts", "one"),
    [([True, True], True), ([True, None], None), ([None, False], False), ([], True)],
)
def test_one_verdict_of_several(verdicts, one):
    assert all_hold(verdicts) is one
