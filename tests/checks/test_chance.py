"""Right masks are refused no more often than the exact distribution says; dependent ones are."""

import math

import pytest
import torch
from scipy.stats import binom

from course_lib.checks.judge.chance import ALARM, MOST, is_likely, oddity, statistics

SHAPES = [(400, 6, 0.3), (600, 1, 0.9), (200, 6, 0.1), (80, 8, 0.7)]


@pytest.mark.parametrize(("n", "p"), [(600, 0.1), (8000, 0.35), (400, 0.09), (24000, 0.75)])
@pytest.mark.parametrize("alarm", [1e-2, ALARM])
def test_the_bounds_are_those_of_scipy(n, p, alarm):
    low, high = binom.ppf(alarm / 2, n, p), binom.isf(alarm / 2, n, p)
    for k in {int(end) + off for end in (low, high) for off in range(-2, 3)}:
        tail = min(binom.cdf(k, n, p), binom.sf(k - 1, n, p))
        if not math.isclose(tail, alarm / 2, rel_tol=1e-6):
            assert is_likely(k, n, p, alarm) == (tail >= alarm / 2), (k, tail)


@pytest.mark.parametrize(("draws", "entries", "p"), SHAPES)
def test_seven_cases_hold_at_most_a_thousand_statistics(draws, entries, p):
    assert 7 * (1 + len(list(statistics(torch.ones(draws, entries).bool(), p)))) <= MOST
    assert MOST * ALARM < 1.01e-6


@pytest.mark.parametrize(("draws", "entries", "p"), SHAPES)
def test_at_one_in_a_hundred_the_same_code_rings_no_more_often(draws, entries, p, amount):
    rounds, generator = amount(20, 400), torch.Generator().manual_seed(1)
    rung = total = 0
    for _ in range(rounds):
        gone = torch.rand(draws, entries, generator=generator) < p
        for _, count, n, likely in statistics(gone, p):
            rung += not is_likely(count, n, likely, 1e-2)
            total += 1
        assert not oddity(gone, p)
    # Counts of one draw depend on each other: half as much again, and three a round for chance.
    assert rung <= 1.5e-2 * total + 3 * math.sqrt(rounds)


def test_dependence_is_said_in_words():
    generator = torch.Generator().manual_seed(0)
    u = torch.rand(400, 6, generator=generator)
    assert "too often" in oddity(u < 0.5, 0.3)
    assert "fall together" in oddity((u[:, :1] < 0.3).expand(400, 6), 0.3)
    assert "one before" in oddity((u[::2] < 0.3).repeat_interleave(2, 0), 0.3)
    fixed = u.argsort(1).argsort(1) < 3  # three of six, whichever they are
    assert oddity(fixed, 0.5) and not oddity(u < 0.5, 0.5)
