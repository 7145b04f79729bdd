"""Everything at once, with one technique left out at a time: which of them carries the rest?

The eight settings are long to train, so that their test errors, seed by seed, are stored in
`course_lib/records/capstone/leave_one_out.json`, base by base. `without` trains one of them again.
"""

import math
from collections.abc import Mapping
from functools import cache

import torch

from course_lib.base.arguments import require_choice
from course_lib.experiments.capstone.mixer import EVERYTHING, Mix, Setting, mix
from course_lib.records import store
from course_lib.statistics import Interval, paired_interval

TECHNIQUES = tuple(
    name for name in Setting._fields if getattr(EVERYTHING, name) != getattr(Setting(), name)
)


def without(technique: str) -> Mix:
    """Everything but one of TECHNIQUES, trained at the mixer's seeds."""
    require_choice("technique", technique, TECHNIQUES)
    *_, found = mix(EVERYTHING._replace(**{technique: Setting._field_defaults[technique]}))
    return found


@cache
def _stored() -> dict[str, dict[str, list[float]]]:
    return store.stored("capstone/leave_one_out")


def stored(technique: str) -> Interval:
    """What leaving a technique out changes, in test error: without it minus with everything.

    Over the seeds of all stored bases but 0, on which the lesson was written.
    """
    require_choice("technique", technique, TECHNIQUES)
    without, everything = (store.fresh(_stored()[name]) for name in (technique, "nothing"))
    return paired_interval(without, everything)


def p_value(found: Interval) -> float:
    """How often so large a mean would come about if the truth were 0: Student's t, two-sided.

    found: an interval that knows its sample, as `paired_interval` gives it.
    """
    from scipy.special import stdtr  # when first needed, as in `statistics.t_quantile`

    if found.sample is None or found.sample.rule != "mean":
        raise ValueError("found: must be the interval of a mean, with its sample")
    t = math.sqrt(found.n) * found.mean / torch.tensor(found.sample.values).double().std().item()
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
