"""Everything at once, with one technique left out at a time: which of them carries the rest?

The eight settings are long to train, so that their test errors, seed by seed, are stored in
`course_lib/records/capstone/leave_one_out.json`: on the bases of seeds 0 to 3, of which 1 to 3 were
looked at after the text was written. `without` trains one of them again.
"""

import json
from functools import cache
from pathlib import Path

from course_lib import records
from course_lib.base.arguments import require_choice
from course_lib.experiments.capstone.mixer import EVERYTHING, Mix, Setting, mix
from course_lib.statistics import Interval, paired_interval

STORED = Path(records.__file__).parent / "capstone" / "leave_one_out.json"
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
    return json.loads(STORED.read_text(encoding="utf-8"))


def stored(technique: str, bases: tuple[int, ...] = (1, 2, 3)) -> Interval:
    """What leaving a technique out changes, in test error: without it minus with everything."""
    require_choice("technique", technique, TECHNIQUES)

    def errors(name: str) -> list[float]:
        return [error for base in bases for error in _stored()[name][str(base)]]

    return paired_interval(errors(technique), errors("nothing"))
