"""How sure are we? Intervals over seeds, and what a null result could have seen.

How many times as large? A ratio's interval does not let one seed with a huge ratio carry the rest.

All take `values` of shape [seeds], whatever `torch.as_tensor` takes, and return an `Interval`. They
raise `ValueError` for values that are not finite or too few, and a level outside (0, 1). A 95 %
interval misses the truth once in twenty times: among the hundred of this course some do.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Generator, Tensor

from course_lib.base.arguments import require, require_probability
from course_lib.base.figures import interval_words

Values = Tensor | ArrayLike
Column = NDArray[np.float64]


class Sample(NamedTuple):
    """What an interval is made of, so that samples of several runs can be `pooled`.

    `rule`: one of `RULES`. `values` [n]: as the rule takes them; `others` [n]: those they are
    compared with, of a ratio of spreads. `rows`: training and test rows, of a corrected interval.
    """

    rule: str
    values: tuple[float, ...]
    others: tuple[float, ...] = ()
    rows: tuple[int, ...] = ()


class Interval(NamedTuple):
    """A mean with its interval: `low` ≤ `mean` ≤ `high`, at `level`.

    `detectable`: how far from a bound the true mean must lie to be told from it four times in five.
    `n`: how many values it is made of, 0 where nobody said; `sample`: the values.
    """

    mean: float
    low: float
    high: float
    level: float = 0.95
    detectable: float = math.nan
    n: int = 0
    sample: Sample | None = None

    def excludes(self, value: float) -> bool:
        """True if `value` lies outside the interval."""
        return not self.low <= value <= self.high

    def between(self, low: float = -math.inf, high: float = math.inf) -> bool | None:
        """True if all of it lies between the bounds, False if none does; None: inconclusive."""
        if low < self.low and self.high < high:
            return True
        return False if self.high <= low or self.low >= high else None

    @property
    def half_width(self) -> float:
        """Half of high − low."""
        return (self.high - self.low) / 2

    def __repr__(self) -> str:
        return f"Interval{self[:-1]}"  # without thousands of values

    def __str__(self) -> str:
        return f"{interval_words(self.mean, self.low, self.high)} ({self.level:.0%})"


def mean_interval(values: Values, level: float = 0.95) -> Interval:
    """Student's t interval of the mean of independent `values` [n], n ≥ 2: mean ± t·s/√n."""
    sample = _sample(values)
    n = len(sample)
    mean, half = sample.mean().item(), _quantile(n, level) * sample.std().item() / math.sqrt(n)
    made = Sample("mean", _numbers(sample))
    power = smallest_detectable(sample, level)
    return Interval(mean, mean - half, mean + half, level, power, n, made)


def mean_intervals(values: Values, level: float = 0.95) -> tuple[Column, Column]:
    """Mean and half width [points] of `mean_interval` down each column of `values` [n, points].

    For curves: values that are not finite are left out, a column of one has no width (NaN), one of
    none has no mean either. The same up to rounding, and a hundred times as fast as one by one.
    """
    given = np.atleast_2d(np.asarray(values, dtype=np.float64))
    known = np.isfinite(given)
    n = known.sum(0)
    t = t_quantile(np.maximum(n - 1, 1), (1 + level) / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, given, 0).sum(0) / n
        variance = np.where(known, (given - mean) ** 2, 0).sum(0) / (n - 1)
        return mean, np.where(n > 1, t * np.sqrt(variance / n), np.nan)


def paired_interval(a: Values, b: Values, level: float = 0.95) -> Interval:
    """Interval of the mean of a − b [n], where a[i] and b[i] share the seed i.

    The seed is that of the data, the initial weights, the order of batches.
    """
    a, b = pairs(a, b)
    return mean_interval(a - b, level)


def pairs(a: Values, b: Values) -> tuple[Tensor, Tensor]:
    """Both as float64 [seeds].

    Raises `ValueError` for values that are not finite, or not as many in a as in b.
    """
    a, b = _sample(a), _sample(b)
    if a.shape != b.shape:
        raise ValueError(
            f"a has {len(a)} values and b has {len(b)}: paired values need the same seeds"
        )
    return a, b


def corrected_interval(
    values: Values, train_rows: int, test_rows: int, level: float = 0.95
) -> Interval:
    """Interval of the mean of `values` [J], of J random divisions of *one* data set.

    mean ± t·s·√(1/J + n_te/n_tr). The results of overlapping test and training sets are not
    independent: `mean_interval` gets as narrow as one likes with enough repetitions, this one stays
    above t·s·√(n_te/n_tr). For differences, pass a − b. The correction is exact (in the variance)
    for models that take nothing from their training rows, an assumption for others. train_rows,
    test_rows: n_tr and n_te of each division, e.g. of `capstone.repeated_subsampling`.
    Source: Nadeau & Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003.
    """
    sample = _sample(values)
    ratio = require("test_rows", test_rows, 1) / require("train_rows", train_rows, 1)
    wider = math.sqrt(1 + len(sample) * ratio)  # √(1/J + n_te/n_tr) in units of √(1/J)
    naive = mean_interval(sample, level)
    mean, half = naive.mean, wider * naive.half_width
    made = Sample("corrected", _numbers(sample), rows=(train_rows, test_rows))
    return Interval(mean, mean - half, mean + half, level, wider * naive.detectable, naive.n, made)


def spread_interval(a: Values, b: Values, level: float = 0.95) -> Interval:
    """Interval of σ_a/σ_b, the ratio of standard deviations of paired normal values [n], n ≥ 3.

    `mean`: s_a/s_b. Inverts the test of Pitman and Morgan (1939), that a + b and a − b are
    uncorrelated where σ_a = σ_b; without pairing (r = 0) close to the F interval, narrower the more
    a and b go together. Long tails make it too narrow. Raises `ValueError` where a or b is
    constant.
    """
    a, b = pairs(a, b)
    t = _quantile(len(a) - 1, level)  # n − 2 degrees of freedom
    for name, values in (("a", a), ("b", b)):
        if (values == values[0]).all():
            raise ValueError(
                f"{name} is {values[0].item()} throughout: "
                "a ratio of spreads needs values that vary"
            )
    r = torch.corrcoef(torch.stack([a, b]))[0, 1].clamp(-1, 1).item()
    ratio, K = (a.std() / b.std()).item(), 1 + 2 * (1 - r * r) * t * t / (len(a) - 2)
    reach = math.sqrt(K + math.sqrt(K * K - 1))  # (σ_a/σ_b)² lies within (s_a/s_b)²·(K ± √(K² − 1))
    made = Sample("spread", _numbers(a), _numbers(b))
    return Interval(ratio, ratio / reach, ratio * reach, level, n=len(a), sample=made)


def ratio_interval(a: Values, b: Values, level: float = 0.95) -> Interval:
    """Interval of the geometric mean of the ratios a/b [seeds], paired by seed.

    That of the mean of log(a/b), turned back. `detectable`: in units of the ratio, near its mean.
    Raises `ValueError` where a and b have unequal lengths or a ratio is not a positive finite
    number.
    """
    a, b = pairs(a, b)
    logs = mean_interval((a / b).log(), level)
    mean, low, high = (math.exp(end) for end in logs[:3])
    made = Sample("ratio", _numbers(a / b))
    return Interval(mean, low, high, level, mean * math.expm1(logs.detectable), logs.n, made)


def joined(samples: Sequence[Sample]) -> Sample:
    """Several `samples` put together, of one rule and its rows.

    Raises `ValueError` for none, and for samples that were made in different ways.
    """
    ways = {(sample.rule, sample.rows) for sample in samples}
    if len(ways) != 1:
        raise ValueError(f"samples were made in {len(ways)} ways: must be one")
    [(rule, rows)] = ways
    values = tuple(value for sample in samples for value in sample.values)
    others = tuple(other for sample in samples for other in sample.others)
    return Sample(rule, values, others, rows)


def pooled(samples: Sequence[Sample], level: float = 0.95) -> Interval:
    """The interval of several `samples` put together; raises what `joined` does."""
    rule, values, others, rows = joined(samples)
    return RULES[rule](values, others, rows, level)


Floats = tuple[float, ...]
RULES: dict[str, Callable[[Floats, Floats, tuple[int, ...], float], Interval]] = {
    "mean": lambda values, others, rows, level: mean_interval(values, level),
    "ratio": lambda values, others, rows, level: ratio_interval(values, [1.0] * len(values), level),
    "spread": lambda values, others, rows, level: spread_interval(values, others, level),
    "corrected": lambda values, others, rows, level: corrected_interval(
        values, rows[0], rows[1], level
    ),
}


def apart(one: Sample, other: Sample, level: float = 0.95) -> Interval:
    """How far two independent samples of one rule lie apart: the interval of one − other.

    Of ratios and spreads: of the difference of their logs. Welch's t, 1938. Of divisions of one
    data set it takes no correction: what they share cancels in the difference.
    """
    (a, sa, na), (b, sb, nb) = _located(one), _located(other)
    variance = sa + sb
    freedom = variance**2 / (sa**2 / (na - 1) + sb**2 / (nb - 1)) if variance else 1.0
    half = t_quantile(freedom, (1 + level) / 2) * math.sqrt(variance)
    return Interval(a - b, a - b - half, a - b + half, level, n=na + nb)


def _located(sample: Sample) -> tuple[float, float, int]:
    """Where a sample lies, the variance of that, and how many values it has."""
    n = len(sample.values)
    if sample.rule == "spread":
        whole = pooled([sample])
        half = math.log(whole.high / whole.low) / 2 / _quantile(n - 1, whole.level)
        return math.log(whole.mean), half**2, n
    values = torch.tensor(sample.values, dtype=torch.float64)
    values = values.log() if sample.rule == "ratio" else values
    return values.mean().item(), values.var().item() / n, n


def bootstrap_interval(
    values: Values,
    statistic: Callable[[Tensor], float | Tensor] = torch.mean,
    level: float = 0.95,
    *,
    draws: int = 2000,
    generator: Generator | None = None,
) -> Interval:
    """Percentile bootstrap interval of `statistic(sample) → number`.

    Samples are rows of `values` [n, …], as many, drawn with replacement, `draws` times. Too narrow
    for few rows (with ten rows by almost a fifth): prefer `mean_interval` for a mean.
    """
    rows = _finite(torch.as_tensor(values, dtype=torch.float64))
    _quantile(len(rows), level)  # the same refusals
    picks = torch.randint(len(rows), (draws, len(rows)), generator=generator)
    drawn = torch.tensor([float(statistic(rows[pick])) for pick in picks], dtype=torch.float64)
    ends = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    low, high = drawn.quantile(ends).tolist()
    return Interval(float(statistic(rows)), low, high, level, n=len(rows))


def t_quantile(freedom: Any, share: float) -> Any:
    """Student's t with so many degrees of freedom: `share` of it lies below. Numbers or arrays."""
    from scipy.special import stdtrit  # loaded when first needed; scipy.stats would take 3 s

    return stdtrit(freedom, share)


def t_reach(n: int, level: float, power: float) -> float:
    """t₁₋α/₂ + t_power: a difference of so many standard errors is told with this power.

    By an interval of n ≥ 2 values at this level: the usual approximation to the non-central t.
    """
    require_probability("power", power, open_low=True, open_high=True)
    return _quantile(n, level) + t_quantile(n - 1, power)


def smallest_detectable(values: Values, level: float = 0.95, power: float = 0.8) -> float:
    """The smallest true mean that a t test on such values finds with probability `power`.

    On as many values, with this spread s: `t_reach`·s/√n.
    """
    sample = _sample(values)
    n = len(sample)
    return t_reach(n, level, power) * sample.std().item() / math.sqrt(n)


def _numbers(sample: Tensor) -> tuple[float, ...]:
    return tuple(sample.tolist())


def p_value(found: Interval) -> float:
    """How often so large a mean would come about if the truth were 0: Student's t, two-sided.

    found: an interval that knows its sample, as `paired_interval` gives it.
    """
    from scipy.special import stdtr  # when first needed, as in `t_quantile`

    if found.sample is None or found.sample.rule != "mean":
        raise ValueError("found: must be the interval of a mean, with its sample")
    t = math.sqrt(found.n) * found.mean / _sample(found.sample.values).std().item()
    return 2 * float(stdtr(found.n - 1, -abs(t)))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's correction, the smallest first: p times as many as are left, none below the former.

    Below 0.05 is what is told at that level, however many were asked. Source: Holm 1979.
    """
    corrected: dict[str, float] = {}
    for k, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        former = max(corrected.values(), default=0.0)
        corrected[name] = max(former, (len(p_values) - k) * p_values[name])
    return corrected


def _sample(values: Values) -> Tensor:
    return _finite(torch.as_tensor(values, dtype=torch.float64).flatten())


def _finite(values: Tensor) -> Tensor:
    if not values.isfinite().all():
        raise ValueError(
            f"values holds {values[~values.isfinite()][0].item()}: an interval needs finite values"
        )
    return values


def _quantile(n: int, level: float) -> float:
    if n < 2:
        raise ValueError(f"values holds {n} value(s): an interval needs at least 2")
    require_probability("level", level, open_low=True, open_high=True)
    return t_quantile(n - 1, (1 + level) / 2)
