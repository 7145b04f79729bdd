"""What a claim asks of a figure, in words that mean the same in every lesson.

`below(2)`, `above(0)`, `between(-1, 1)`, `within(1e-12)`, `near(2, 1e-6)`, `positive`, `negative`,
`equal(3)`, `ordered`, and `each(…)` where several figures are asked different things. All are
functions of what was measured → True, False, or None for inconclusive: an interval
(`course_lib.statistics`) must lie beyond its bound with all of its length, and is inconclusive
where it lies across it. Of a list, a tensor or a mapping every figure is asked, and one that fails
decides.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from course_lib.base.figures import bound_words
from course_lib.base.verdicts import Verdict, all_hold


@dataclass(frozen=True)
class Bound:
    """A question to a figure; `said` is how it reads on a card."""

    ask: Callable[[Any], Verdict]
    said: str

    def __call__(self, measured: Any) -> Verdict:
        """True, False, or None for inconclusive."""
        return self.ask(measured)

    def __str__(self) -> str:
        return self.said


def below(high: float) -> Bound:
    """Less than `high`."""
    return _between(-math.inf, high)


def above(low: float) -> Bound:
    """More than `low`."""
    return _between(low, math.inf)


def between(low: float, high: float) -> Bound:
    """More than `low` and less than `high`."""
    return _between(low, high)


def within(margin: float) -> Bound:
    """Nearer to 0 than `margin`."""
    return _between(-margin, margin)


def near(value: float | Sequence[float], margin: float) -> Bound:
    """Nearer to `value` than `margin`; of a list each figure to its own."""
    if isinstance(value, Sequence):
        said = f"within {margin:g} of {', '.join(f'{one:.10g}' for one in value)}"
        return Bound(each(*(near(one, margin) for one in value)).ask, said)
    return _between(value - margin, value + margin, f"within {margin:g} of {value:.10g}")


def equal(value: Any) -> Bound:
    """The same as `value`, digit by digit: figures, lists of them, texts."""
    return Bound(lambda measured: bool(_plain(measured) == value), f"equal to {value}")


def each(*by_place: Bound, **by_name: Bound) -> Bound:
    """The first figure of a list asked the first bound, and so on; or those of a mapping by name.

    Raises ValueError where there are more or fewer figures than bounds.
    """
    asked: dict[Any, Bound] = dict(enumerate(by_place)) | by_name

    def ask(measured: Any) -> Verdict:
        found = measured if isinstance(measured, Mapping) else dict(enumerate(_plain(measured)))
        if {*found} != {*asked}:
            raise ValueError(
                f"measured = {list(found)}: these bounds are for {', '.join(map(str, asked))}"
            )
        return all_hold(bound(found[name]) for name, bound in asked.items())

    names = {name: f"{name} " if isinstance(name, str) else "" for name in asked}
    return Bound(ask, ", ".join(f"{names[name]}{bound}" for name, bound in asked.items()))


def _between(low: float, high: float, said: str = "") -> Bound:
    def ask(measured: Any) -> Verdict:
        measured = _plain(measured)
        if measured is None:  # a figure that could not be had
            return None
        if hasattr(measured, "between"):
            return measured.between(low, high)
        if isinstance(measured, Mapping):
            return all_hold(map(ask, measured.values()))
        if isinstance(measured, (list, tuple)):
            return all_hold(map(ask, measured))
        return bool(low < measured < high)

    return Bound(ask, said or bound_words(low, high))


def _plain(measured: Any) -> Any:
    """A tensor or an array as a number or a list."""
    return measured.tolist() if hasattr(measured, "tolist") else measured


def _rises(measured: Any) -> bool:
    values = _plain(measured)
    return all(a < b for a, b in zip(values, values[1:]))


positive = above(0)
negative = below(0)
ordered = Bound(_rises, "each larger than the one before")
