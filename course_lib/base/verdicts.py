"""Verdicts on a figure: True, False, or None for inconclusive."""

from collections.abc import Iterable

Verdict = bool | None


def all_hold(verdicts: Iterable[Verdict]) -> Verdict:
    """Whether several verdicts all hold; None: none fails, and one is inconclusive.

    An order holds where every neighbouring difference does.
    """
    found = [*verdicts]
    return False if False in found else None if None in found else True
