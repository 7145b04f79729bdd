"""Divisions of one data set, again and again: what each must be, and how much any two of them have
in common.
"""

import itertools
import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.capstone import repeated_subsampling


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@given(rows=st.integers(2, 60), repetitions=st.integers(1, 5), fraction=st.floats(0.02, 0.98))
def test_each_division_holds_every_row_once(rows, repetitions, fraction):
    n_te = round(fraction * rows)
    if not 1 <= n_te < rows:
        with pytest.raises(ValueError, match="must leave at least 1 row to test, 1 to train"):
            repeated_subsampling(rows, repetitions, fraction)
        return
    divisions = repeated_subsampling(rows, repetitions, fraction, seeded())
    assert len(divisions) == repetitions
    for train, test in divisions:
        assert train.dtype == test.dtype == torch.int64 and len(test) == n_te
        assert torch.cat([train, test]).sort().values.tolist() == list(range(rows))


def test_by_hand():
    [(train, test)] = repeated_subsampling(5, 1, 0.4, seeded(3))
    order = torch.randperm(5, generator=seeded(3))
    assert test.tolist() == order[:2].tolist() and train.tolist() == order[2:].tolist()


def test_more_repetitions_begin_with_the_same_ones():
    ten, hundred = (repeated_subsampling(50, count, generator=seeded(1)) for count in (10, 100))
    for (train, test), (same_train, same_test) in zip(ten, hundred[:10], strict=True):
        assert torch.equal(train, same_train) and torch.equal(test, same_test)
    other = repeated_subsampling(50, 10, generator=seeded(2))
    assert any(not torch.equal(a[1], b[1]) for a, b in zip(ten, other, strict=True))


def test_only_the_generator_given_is_drawn_from():
    before = torch.get_rng_state()
    repeated_subsampling(50, 3, generator=seeded())
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(5)
    first = repeated_subsampling(50, 2)
    torch.manual_seed(5)
    again = repeated_subsampling(50, 2)
    torch.set_rng_state(before)
    assert torch.equal(first[1][0], again[1][0]) and not torch.equal(first[0][0], first[1][0])


def test_every_row_is_tested_as_often_as_chance_has_it():
    """Chi-square over 50 rows of 4000 divisions; rejects at p < 10⁻⁶ only."""
    from scipy import stats

    counts = torch.zeros(50)
    for _, test in repeated_subsampling(50, 4000, 0.2, seeded()):
        counts[test] += 1
    # of one count; they sum to 40 000, which makes any two correlated by −1/49
    variance = 4000 * 0.2 * 0.8
    statistic = (counts - 800).square().sum().item() / variance * 49 / 50
    assert 1e-6 < stats.chi2.sf(statistic, 49) < 1 - 1e-6


def test_two_test_sets_share_their_squared_size_over_the_rows():
    """n_te²/n rows on average: 4 of 20 for a fifth of 100.

    The mean of 4950 pairs lies within 5 standard errors.
    """
    sets = torch.zeros(100, 100)
    for row, (_, test) in zip(sets, repeated_subsampling(100, 100, 0.2, seeded())):
        row[test] = 1
    shared = (sets @ sets.T)[tuple(torch.triu_indices(100, 100, 1))]
    spread = math.sqrt(20 * 0.2 * 0.8 * 80 / 99)  # hypergeometric
    assert abs(shared.mean().item() - 4) < 5 * spread / math.sqrt(len(shared))


@pytest.mark.parametrize(("n", "n_te", "J"), [(4, 1, 2), (5, 2, 2), (4, 2, 3), (6, 1, 2)])
def test_the_correction_is_exact_for_a_model_that_learns_nothing(n, n_te, J):
    """Var(mean) = E[s²]·(1/J + n_te/n_tr), in fractions, over all J-tuples of test sets.

    Every row has an error of its own, of variance 1 and independent of the others; a result is the
    mean of n_te.
    """
    subsets = list(itertools.combinations(range(n), n_te))
    variance_of_mean = expected_square = Fraction(0)
    for tuples in itertools.product(subsets, repeat=J):
        cov = [[Fraction(len(set(a) & set(b)), n_te**2) for b in tuples] for a in tuples]
        total = sum(map(sum, cov)) / J**2  # Var(mean), given these test sets
        variance_of_mean += total
        # E[s²], given these
        expected_square += (sum(cov[j][j] for j in range(J)) - J * total) / (J - 1)
    assert variance_of_mean == expected_square * (Fraction(1, J) + Fraction(n_te, n - n_te))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": 1}, r"^rows = 1: must be a whole number in \[2, ∞\)$"),
        ({"rows": 4.5}, r"^rows = 4.5: must be a whole number in \[2, ∞\)$"),
        ({"rows": math.nan}, "^rows = nan: "),
        ({"rows": True}, "^rows = True: "),
        ({"repetitions": 0}, r"^repetitions = 0: must be a whole number in \[1, ∞\)$"),
        ({"repetitions": 2.5}, r"^repetitions = 2.5: must be a whole number in \[1, ∞\)$"),
        ({"test_fraction": 0.0}, r"^test_fraction = 0.0: must be a finite number in \(0, 1\)$"),
        ({"test_fraction": 1}, "^test_fraction = 1: "),
        ({"test_fraction": 20}, "^test_fraction = 20: "),
        (
            {"test_fraction": 0.01},
            "^test_fraction = 0.01 of 20 rows is 0: must leave at least 1 row to test, 1 to train$",
        ),
        ({"test_fraction": 0.99}, "^test_fraction = 0.99 of 20 rows is 20: must leave"),
    ],
)
def test_what_makes_no_division_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        repeated_subsampling(**{"rows": 20, **arguments})


def test_sizes_are_those_of_scikit_learn_but_for_the_rounding():
    from sklearn.model_selection import ShuffleSplit

    theirs = next(ShuffleSplit(1, test_size=0.2, random_state=0).split(range(4601)))
    ours = repeated_subsampling(4601, 1)[0]
    assert [len(part) for part in ours] == [3681, 920] and [len(part) for part in theirs] == [
        3680,
        921,
    ]
