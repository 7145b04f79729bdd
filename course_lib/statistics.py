"""How sure are we? Intervals over seeds, and what a null result could have seen.

How many times as large? A ratio's interval does not let one seed with a huge ratio carry the rest.

All take `values` of shape [seeds] (or anything that `torch.as_tensor` takes) and return an
`Interval`. A 95 % interval misses the truth once in twenty times: among the hundred of this course
some do.
"""

import math
from typing import NamedTuple

import torch
from scipy import stats
from torch import Tensor

from course_lib.base.arguments import require


class Interval(NamedTuple):
    """A mean with its interval: `low` ≤ `mean` ≤ `high`, at `level`.

    `detectable`: how far from a bound the true mean must lie to be told from it four times in five.
    """

    mean: float
    low: float
    high: float
    level: float = 0.95
    detectable: float = math.nan

    def excludes(self, value):
        """True if `value` lies outside the interval."""
        return not self.low <= value <= self.high

    def between(self, low=-math.inf, high=math.inf):
        """True if all of the interval lies between the bounds, False if none of it does, else None:
        inconclusive.
        """
        if low < self.low and self.high < high:
            return True
        return False if self.high <= low or self.low >= high else None

    @property
    def half_width(self):
        return (self.high - self.low) / 2

    def __str__(self):
        return f"{self.mean:.4g} [{self.low:.4g}, {self.high:.4g}] ({self.level:.0%})"


def mean_interval(values, level=0.95):
    """Student's t interval of the mean of independent `values` [n], n ≥ 2: mean ± t·s/√n."""
    values = _sample(values)
    n = len(values)
    mean, half = values.mean().item(), _quantile(n, level) * values.std().item() / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, level, smallest_detectable(values, level))


def paired_interval(a, b, level=0.95):
    """Interval of the mean of a − b, where a[i] and b[i] share the seed i: same data, initial
    weights, batch order.
    """
    a, b = pairs(a, b)
    return mean_interval(a - b, level)


def pairs(a, b):
    """Both as float64 [seeds].

    Raises `ValueError` for values that are not finite, or not as many in a as in b.
    """
    a, b = _sample(a), _sample(b)
    if a.shape != b.shape:
        raise ValueError(
            f"a has {len(a)} values and b has {len(b)}: paired values need the same seeds"
        )
    return a, b


def corrected_interval(values, train_rows, test_rows, level=0.95):
    """Interval of the mean of `values` [J], of J random divisions of *one* data set: mean ±
    t·s·√(1/J + n_te/n_tr).

    The results of overlapping test and training sets are not independent: `mean_interval` gets as
    narrow as one likes with enough repetitions, this one stays above t·s·√(n_te/n_tr). For
    differences, pass a − b. The correction is exact (in the variance) for models that take nothing
    from their training rows, an assumption for others.
    train_rows, test_rows: n_tr and n_te of each division, e.g. of `capstone.repeated_subsampling`.
    Source: Nadeau & Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003.
    """
    values = _sample(values)
    ratio = require("test_rows", test_rows, 1) / require("train_rows", train_rows, 1)
    wider = math.sqrt(1 + len(values) * ratio)  # √(1/J + n_te/n_tr) in units of √(1/J)
    naive = mean_interval(values, level)
    half = wider * naive.half_width
    return Interval(
        naive.mean, naive.mean - half, naive.mean + half, level, wider * naive.detectable
    )


def spread_interval(a, b, level=0.95):
    """Interval of σ_a/σ_b, the ratio of the standard deviations of paired normal values [n], n ≥ 3;
    `mean`: s_a/s_b.

    Inverts the test of Pitman and Morgan (1939), that a + b and a − b are uncorrelated where σ_a =
    σ_b; without pairing (r = 0) close to the F interval, narrower the more a and b go together.
    Long tails make it too narrow. Raises `ValueError` where a or b is constant.
    """
    a, b = pairs(a, b)
    t = _quantile(len(a) - 1, level)  # n − 2 degrees of freedom
    for name, values in (("a", a), ("b", b)):
        if (values == values[0]).all():
            raise ValueError(
                f"{name} is {values[0].item()} throughout: a ratio of spreads needs values that vary"
            )
    r = torch.corrcoef(torch.stack([a, b]))[0, 1].clamp(-1, 1).item()
    ratio, K = (a.std() / b.std()).item(), 1 + 2 * (1 - r * r) * t * t / (len(a) - 2)
    reach = math.sqrt(K + math.sqrt(K * K - 1))  # (σ_a/σ_b)² lies within (s_a/s_b)²·(K ± √(K² − 1))
    return Interval(ratio, ratio / reach, ratio * reach, level)


def bootstrap_interval(values, statistic=torch.mean, level=0.95, *, draws=2000, generator=None):
    """Percentile bootstrap interval of `statistic(sample) → number`, rows of `values` [n, …] drawn
    with replacement.

    Too narrow for few rows (with ten rows by almost a fifth): prefer `mean_interval` for a mean.
    """
    values = torch.as_tensor(values, dtype=torch.float64)
    _quantile(len(_finite(values)), level)  # the same refusals
    picks = torch.randint(len(values), (draws, len(values)), generator=generator)
    drawn = torch.tensor([float(statistic(values[pick])) for pick in picks], dtype=torch.float64)
    low, high = drawn.quantile(
        torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    ).tolist()
    return Interval(float(statistic(values)), low, high, level)


def smallest_detectable(values, level=0.95, power=0.8):
    """The smallest true mean that a t test on as many values with this spread finds with
    probability `power`.

    (t₁₋α/₂ + t_power)·s/√n, the usual approximation to the non-central t.
    """
    values = _sample(values)
    n = len(values)
    reach = _quantile(n, level) + stats.t.ppf(
        require("power", power, high=1.0, open_low=True), n - 1
    )
    return reach * values.std().item() / math.sqrt(n)


def _sample(values):
    return _finite(torch.as_tensor(values, dtype=torch.float64).flatten())


def _finite(values):
    if not values.isfinite().all():
        raise ValueError(
            f"values holds {values[~values.isfinite()][0].item()}: an interval needs finite values"
        )
    return values


def _quantile(n, level):
    if n < 2:
        raise ValueError(f"values holds {n} value(s): an interval needs at least 2")
    require("level", level, high=1.0, open_low=True)
    return stats.t.ppf((1 + level) / 2, n - 1)


def ratio_interval(a: Tensor, b: Tensor, level: float = 0.95) -> Interval:
    """Interval of the geometric mean of the ratios a/b [seeds], paired by seed: that of the mean of
    log(a/b), turned back. `detectable`: in units of the ratio, near its mean.

    Raises `ValueError` where a and b have unequal lengths or a ratio is not a positive finite
    number.
    """
    a, b = pairs(a, b)
    logs = mean_interval((a / b).log(), level)
    mean, low, high = (math.exp(end) for end in logs[:3])
    return Interval(mean, low, high, level, mean * math.expm1(logs.detectable))
