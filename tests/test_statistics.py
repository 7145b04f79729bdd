"""Intervals that cover what they should, as often as they say."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from course_lib.statistics import (
    Interval,
    bootstrap_interval,
    corrected_interval,
    holm,
    mean_interval,
    mean_intervals,
    p_value,
    paired_interval,
    ratio_interval,
    smallest_detectable,
    spread_interval,
)
from tests._optimizers import normal

samples = st.lists(st.integers(-1000, 1000), min_size=2, max_size=20)
levels = st.floats(0.01, 0.99)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@given(columns=st.lists(st.tuples(*[st.integers(-1000, 1000)] * 5), min_size=1), level=levels)
def test_intervals_of_columns_are_those_of_each_without_what_is_not_finite(columns, level):
    values = torch.tensor(columns, dtype=torch.float64).T.contiguous()
    values[4, ::2], values[3, ::3] = math.nan, math.inf
    found = [mean_interval(column[column.isfinite()], level) for column in values.T]
    means, widths = mean_intervals(values, level)
    assert means == pytest.approx([it.mean for it in found])
    assert widths == pytest.approx([it.half_width for it in found], abs=1e-9)


def test_a_column_of_one_has_a_mean_and_one_of_none_has_nothing():
    means, widths = mean_intervals([[1.0, math.nan], [math.inf, math.nan]])
    assert means[0] == 1 and math.isnan(means[1]) and all(map(math.isnan, widths))


@given(values=samples, level=levels)
def test_the_mean_interval_is_scipys(values, level):
    found = mean_interval(values, level)
    if len(set(values)) > 1:
        referee = stats.ttest_1samp(values, 0.0).confidence_interval(level)
        assert (found.low, found.high) == pytest.approx(
            (referee.low, referee.high), rel=1e-9, abs=1e-9
        )
    assert found.low <= found.mean <= found.high and found.level == level
    assert found.mean == pytest.approx(math.fsum(values) / len(values), abs=1e-9)


def test_a_textbook_example():
    # Student's own data: extra sleep under two drugs (Biometrika 1908); 1.58 more hours, t = 4.06
    # with 9 degrees
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    found = paired_interval(second, first)
    assert tuple(round(x, 3) for x in found[:3]) == (1.58, 0.700, 2.460)
    assert str(found) == "1.6 [0.7, 2.5] (95%)"
    assert found.half_width == pytest.approx(0.88, abs=0.001)


def test_pairing_removes_what_the_seeds_share():
    shared, a, b = 10 * normal(10), normal(10, seed=1), normal(10, seed=2)
    ours, without = paired_interval(shared + a, shared + b), mean_interval(a - b)
    assert ours[:6] == pytest.approx(without[:6], abs=1e-12)
    assert mean_interval(shared + a).half_width > 5


def test_an_interval_says_what_lies_in_it_and_whether_it_lies_between():
    interval = Interval(1.0, 0.5, 1.5)
    assert [interval.excludes(x) for x in (0.4, 0.5, 1.0, 1.5, 1.6)] == [
        True,
        False,
        False,
        False,
        True,
    ]
    assert (
        interval.between(0.0, 2.0) is True
        and interval.between(low=0.0) is True
        and interval.between(high=2.0) is True
    )
    assert interval.between(2.0, 3.0) is False and interval.between(high=0.2) is False
    assert (
        interval.between(low=1.0) is None
        and interval.between(1.0, 1.2) is None
        and interval.between(low=0.5) is None
    )


def test_95_percent_intervals_cover_95_percent_of_the_time(amount):
    """Binomial test at p < 10⁻⁶, on samples of ten normal numbers."""
    samples = amount(2000, 20_000)
    covered = sum(not mean_interval(sample).excludes(0.0) for sample in normal(samples, 10))
    assert stats.binomtest(covered, samples, 0.95).pvalue > 1e-6
    assert stats.binomtest(covered, samples, 0.93).pvalue < 1e-2, (
        "and this test could have told 93 % from it"
    )


@pytest.mark.parametrize("n", [10, 30, 100])
@pytest.mark.parametrize(("level", "power"), [(0.95, 0.8), (0.95, 0.5), (0.99, 0.9)])
def test_an_effect_of_the_smallest_detectable_size_is_found_with_that_power(n, level, power):
    values = normal(n)
    shift = smallest_detectable(values, level, power) / values.std().item() * math.sqrt(n)
    threshold = stats.t.ppf((1 + level) / 2, n - 1)
    # the approximation's own error
    assert stats.nct.sf(threshold, n - 1, shift) == pytest.approx(power, abs=0.03)


def test_the_bootstrap_agrees_with_the_t_interval_where_both_hold():
    values = normal(400)
    drawn, student = bootstrap_interval(values, generator=seeded(0)), mean_interval(values)
    assert drawn.mean == pytest.approx(student.mean, abs=1e-12)
    # each end is a quantile of 2000 draws: its standard error is about 0.06 of the standard error
    # of the mean
    assert (drawn.low, drawn.high) == pytest.approx(
        (student.low, student.high), abs=0.3 * student.half_width / 1.96
    )


def test_the_bootstrap_is_almost_a_fifth_too_narrow_at_ten_rows():
    # √(9/10) for the divisor n, 1.96/2.26 for the missing tails
    ratio = [
        bootstrap_interval(v, generator=seeded(0)).half_width / mean_interval(v).half_width
        for v in normal(20, 10)
    ]
    assert sum(ratio) / 20 == pytest.approx(math.sqrt(0.9) * 1.96 / 2.262, abs=0.02)


def test_the_bootstrap_draws_whole_rows_for_any_statistic_from_its_generator():
    # the second column is a function of the first
    rows = torch.stack([normal(50), 3 * normal(50) + 1], 1)

    def slope(sample):
        x, y = sample.T
        return torch.cov(sample.T)[0, 1] / x.var()

    before = torch.get_rng_state()
    found = bootstrap_interval(rows, slope, generator=seeded(0))
    assert found[:3] == pytest.approx((3, 3, 3), abs=1e-12)
    median = bootstrap_interval(rows[:, 1], torch.median, 0.9, draws=300, generator=seeded(1))
    assert median == bootstrap_interval(
        rows[:, 1], torch.median, 0.9, draws=300, generator=seeded(1)
    )
    assert median != bootstrap_interval(
        rows[:, 1], torch.median, 0.9, draws=300, generator=seeded(2)
    )
    assert torch.equal(before, torch.get_rng_state())


def test_the_corrected_interval_by_hand():
    # s² = 4·0.01²/3 = 0.01155², t = 3.182 (3 degrees): naive ± t·s/√4 = 0.0184, corrected ±
    # t·s·√(1/4 + 1/4) = 0.0260
    values = [0.92, 0.92, 0.94, 0.94]
    s = math.sqrt(4 * 0.01**2 / 3)
    found, naive = corrected_interval(values, 3680, 920), mean_interval(values)
    assert found.mean == naive.mean == pytest.approx(0.93)
    assert naive.half_width == pytest.approx(3.18245 * s / 2, rel=1e-5)
    assert found.half_width == pytest.approx(3.18245 * s * math.sqrt(0.5), rel=1e-5)
    assert (
        found.detectable / naive.detectable == pytest.approx(math.sqrt(2)) and found.level == 0.95
    )


@pytest.mark.parametrize(("J", "times"), [(10, 1.8708), (100, 5.0990), (10_000, 50.01)])
def test_the_correction_of_an_80_20_division_is_known(J, times):
    """√(1 + J/4): twice as wide at ten repetitions, five times at a hundred."""
    values = normal(J)
    ratio = corrected_interval(values, 80, 20).half_width / mean_interval(values).half_width
    assert ratio == pytest.approx(times, rel=1e-4)


@given(values=samples, level=levels)
def test_the_corrected_interval_is_the_naive_one_for_a_test_set_of_no_size(values, level):
    found, naive = corrected_interval(values, 10**18, 1, level), mean_interval(values, level)
    assert found[:3] == pytest.approx(naive[:3], rel=1e-9, abs=1e-9)


def test_the_corrected_interval_does_not_shrink_below_its_floor():
    halves = [corrected_interval([0.0, 1.0] * J, 80, 20).half_width for J in (5, 50, 5000)]
    assert halves[0] > halves[1] > halves[2] > 1.96 * 0.5 * math.sqrt(0.25)
    assert halves[2] == pytest.approx(1.96 * 0.5 * math.sqrt(0.25), rel=1e-3)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((0, 20), "^train_rows = 0: "),
        ((80, 0), "^test_rows = 0: "),
        ((80, math.nan), "^test_rows = nan: "),
    ],
)
def test_a_correction_needs_the_sizes(rows, message):
    with pytest.raises(ValueError, match=message):
        corrected_interval([1.0, 2.0], *rows)


def pitman_morgan(a, b, ratio):
    """p-value of σ_a/σ_b = `ratio`: the correlation of a + ratio·b and a − ratio·b, by scipy."""
    return stats.pearsonr(a + ratio * b, a - ratio * b).pvalue


@pytest.mark.parametrize("n", [3, 10, 100])
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_the_spread_interval_ends_where_the_test_just_refuses(n, level):
    shared = normal(n, seed=3)
    a, b = shared + normal(n, seed=1), 0.3 + shared + 0.5 * normal(n, seed=2)
    found = spread_interval(a, b, level)
    assert (
        found.mean == pytest.approx((a.std() / b.std()).item())
        and found.low < found.mean < found.high
    )
    for end in (found.low, found.high):
        assert pitman_morgan(a, b, end) == pytest.approx(1 - level, abs=1e-6)
    assert pitman_morgan(a, b, found.mean) == pytest.approx(1)
    turned = spread_interval(b, a, level)
    assert (1 / turned.high, 1 / turned.low) == pytest.approx((found.low, found.high))
    assert spread_interval(100 * a + 7, b, level).low == pytest.approx(100 * found.low)


def test_spread_intervals_cover_as_often_as_they_say():
    """Binomial test at p < 10⁻⁶ on 2000 pairs of samples of ten, correlated, σ_a/σ_b = 2."""
    shared, b, rest = normal(2000, 10, seed=4), normal(2000, 10, seed=5), normal(2000, 10, seed=6)
    a = 2 * (0.8 * (shared + b) / math.sqrt(2) + 0.6 * rest)
    covered = sum(
        not spread_interval(x, y).excludes(2.0) for x, y in zip(a, (shared + b) / math.sqrt(2))
    )
    assert stats.binomtest(covered, 2000, 0.95).pvalue > 1e-6


def test_spreads_need_values_that_vary():
    with pytest.raises(
        ValueError, match="^b is 1.0 throughout: a ratio of spreads needs values that vary$"
    ):
        spread_interval([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="^values holds 1 value"):
        spread_interval([1.0, 2.0], [2.0, 1.0])
    with pytest.raises(ValueError, match="^a has 3 values and b has 4"):
        spread_interval([1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0])


INTERVALS = {
    "mean_interval": mean_interval,
    "corrected_interval": lambda values, level=0.95: corrected_interval(values, 80, 20, level),
    "bootstrap_interval": lambda values, level=0.95: bootstrap_interval(
        values, level=level, draws=10
    ),
    "smallest_detectable": smallest_detectable,
    "paired_interval": lambda values, level=0.95: paired_interval(values, values, level),
}
intervals = pytest.mark.parametrize("interval", INTERVALS.values(), ids=INTERVALS)


@intervals
@pytest.mark.parametrize("values", [[], [1.0]], ids=["none", "one"])
def test_one_seed_is_no_sample(values, interval):
    with pytest.raises(
        ValueError, match=rf"^values holds {len(values)} value\(s\): an interval needs at least 2$"
    ):
        interval(values)


@intervals
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_diverged_seed_is_not_averaged_in(bad, interval):
    with pytest.raises(ValueError, match="an interval needs finite values"):
        interval([1.0, bad, 2.0])


@intervals
@pytest.mark.parametrize("level", [0.0, 1.0, 95, -0.5, math.nan])
def test_a_level_is_a_share(level, interval):
    with pytest.raises(
        ValueError, match=rf"^level = {level}: must be a finite number in \(0, 1\)$"
    ):
        interval([1.0, 2.0, 3.0], level)


@pytest.mark.parametrize("power", [0.0, 1.0, 80])
def test_a_power_is_a_share(power):
    with pytest.raises(
        ValueError, match=rf"^power = {power}: must be a finite number in \(0, 1\)$"
    ):
        smallest_detectable([1.0, 2.0], power=power)


def test_pairs_need_the_same_seeds():
    with pytest.raises(
        ValueError, match="^a has 2 values and b has 3: paired values need the same seeds$"
    ):
        paired_interval([1.0, 2.0], [1.0, 2.0, 3.0])


# ---------------------------------------------------------------- ratios


def test_it_is_the_interval_of_the_logarithms():
    a, b = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([2.0, 2.0, 2.0])
    found, logs = ratio_interval(a, b), mean_interval([math.log(0.5), 0.0, math.log(2)])
    assert found.mean == pytest.approx(1) and found.high == pytest.approx(math.exp(logs.high))
    assert found.low * found.high == pytest.approx(1), "as far below as above, in times"
    assert found.detectable == pytest.approx(math.exp(logs.detectable) - 1)


def test_it_does_not_care_which_is_the_numerator():
    a, b = 1 + torch.rand(8, generator=torch.Generator().manual_seed(0)), torch.linspace(1, 3, 8)
    one, other = ratio_interval(a, b), ratio_interval(b, a)
    assert one.mean == pytest.approx(1 / other.mean) and one.low == pytest.approx(1 / other.high)


@pytest.mark.parametrize(
    ("a", "b"), [([1.0, -1.0], [1.0, 1.0]), ([0.0, 1.0], [1.0, 1.0]), ([1.0, 1.0], [0.0, 1.0])]
)
def test_a_ratio_that_is_no_positive_number_is_refused(a, b):
    with pytest.raises(ValueError, match="finite"):
        ratio_interval(a, b)


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="a has 2 values and b has 3: paired"):
        ratio_interval([1.0, 2.0], [1.0, 2.0, 3.0])


# ---------------------------------------------------------------- p values


def test_a_p_value_is_scipys():
    values = torch.tensor([0.3, -0.1, 0.5, 0.2, 0.4], dtype=torch.float64)
    found = p_value(mean_interval(values))
    assert found == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    with pytest.raises(ValueError, match="of a mean"):
        p_value(corrected_interval(values, 80, 20))


def test_holm_by_hand():
    found = holm({"a": 0.04, "b": 0.01, "c": 0.03})
    assert list(found) == ["b", "c", "a"]
    assert list(found.values()) == pytest.approx([0.03, 0.06, 0.06])
