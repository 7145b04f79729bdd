"""What came out of a replication.

Counts, the claims that fresh seeds did not bear out, the share of figures that moved further than
chance allows.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from course_lib.base.record import BY_FRESH, NOT_CONFIRMED, REVERSED, STATUSES
from course_lib.records.standing import Standing
from course_lib.statistics import Interval


def moved(standings: Mapping[str, Standing]) -> tuple[list[str], int]:
    """The ids of figures whose base 0 and fresh values differ by more than chance; of how many.

    At 95 %: one in twenty is expected.
    """
    apart = {
        f"{id} {name}".strip(): found
        for id, one in standings.items()
        if one.complete
        for name, found in one.moved().items()
    }
    return [id for id, found in apart.items() if found.excludes(0)], len(apart)


def report(standings: Mapping[str, Standing]) -> Iterator[str]:
    """Lines for a terminal."""
    counts = Counter(one.status() for one in standings.values())
    yield ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
    for status in (REVERSED, NOT_CONFIRMED, BY_FRESH):
        for id, one in standings.items():
            if one.status() == status:
                here, fresh = map(_figure, (one.pilot.intervals(), one.pooled()))
                yield f"{status}: {id} ({one.pilot.lesson}): {here}; fresh {fresh}"
    for id, one in standings.items():
        for base, run in sorted(one.unplanned.items()):
            yield f"base {base}, which nobody planned: {id}: {run.figure}, {run.verdict}"
    further, total = moved(standings)
    if total:
        yield (
            f"{len(further)} of {total} figures lie further from base 0 than chance allows "
            f"({len(further) / total:.1%}; 5 % are expected)"
            + ": " * bool(further)
            + ", ".join(further)
        )


def _figure(found: Mapping[str, Interval]) -> str:
    return ", ".join(f"{name} {it}".strip() for name, it in found.items())


def as_data(standings: Mapping[str, Standing]) -> list[dict[str, Any]]:
    """The same for programs: one entry a claim."""
    return [
        {
            "claim": id,
            "lesson": one.pilot.lesson,
            "status": one.status(),
            "revision": one.pilot.revision,
            "base 0": one.pilot.as_data(),
            "fresh": {name: list(found[:3]) for name, found in one.pooled().items()},
            "fresh verdict": one.verdict(),
            "bases": sorted(one.fresh),
            "unplanned": {base: run.as_data() for base, run in one.unplanned.items()},
        }
        for id, one in standings.items()
    ]
