"""Who states a result, and the claim it rests on: `order-p05`, `not order-p05`, `open order-p05`.

The bare id says that the claim holds, "not" that it does not, both confirmed on fresh seeds; "open"
that fresh seeds did not decide it. Several stand beside one another with commas.
"""

from collections.abc import Mapping
from typing import NamedTuple

from course_lib.base.record import CONFIRMED, NOT_CONFIRMED, OPEN, STALE
from course_lib.records.standing import Standing

SAYS = {"": "holds", "not": "does not hold", "open": "is open"}


class Lean(NamedTuple):
    """One thing that is leaned on: a claim's id, and what is said of it, one of `SAYS`."""

    id: str
    says: str


def leans(text: str) -> list[Lean]:
    """What a text like "order-p05, not order-anew-p05" names.

    Raises ValueError for what is no id.
    """
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        word, _, id = part.rpartition(" ")
        if word not in SAYS or not id.replace("-", "").replace(".", "").isalnum():
            raise ValueError(
                f"rests = {part!r}: must be the id of a claim, perhaps after 'not' or 'open'"
            )
        found.append(Lean(id, word))
    return found


def unsupported(lean: Lean, standings: Mapping[str, Standing]) -> str:
    """Why a current record speaks against it, as a sentence; "" where it does not.

    A claim that is not yet replicated, or has no record, speaks against nothing: see `is_stale`.
    """
    if is_stale(lean, standings):
        return ""
    standing = standings[lean.id]
    status, verdict = standing.status(), standing.verdict()
    if lean.says == "open":
        holds = status in (OPEN, NOT_CONFIRMED)
    else:
        holds = status == CONFIRMED and verdict == SAYS[lean.says]
    if holds:
        return ""
    return f"{lean.id} is said to be one that {SAYS[lean.says]}; the record: {status}, {verdict}"


def is_stale(lean: Lean, standings: Mapping[str, Standing]) -> bool:
    """Whether fresh seeds have not judged yet what is leaned on."""
    return lean.id not in standings or standings[lean.id].status() == STALE
