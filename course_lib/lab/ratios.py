"""How many times as large? An interval for ratios, in which one seed with a huge ratio does not carry the rest."""

import math

from torch import Tensor

from course_lib.lab.statistics import Interval, mean_interval, pairs


def ratio_interval(a: Tensor, b: Tensor, level: float = 0.95) -> Interval:
    """Interval of the geometric mean of the ratios a/b [seeds], paired by seed: that of the mean of log(a/b), turned
    back. `detectable`: in units of the ratio, near its mean.

    Raises `ValueError` where a and b have unequal lengths or a ratio is not a positive finite number.
    """
    a, b = pairs(a, b)
    logs = mean_interval((a / b).log(), level)
    mean, low, high = (math.exp(end) for end in logs[:3])
    return Interval(mean, low, high, level, mean * math.expm1(logs.detectable))
