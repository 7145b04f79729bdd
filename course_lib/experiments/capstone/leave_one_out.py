"""Everything at once, with one technique left out at a time: which of them carries the rest?

The eight settings are long to train, so that their test errors, seed by seed, are stored in
`course_lib/records/capstone/leave_one_out.json`, base by base. `without` trains one of them again.
"""

from functools import cache

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
