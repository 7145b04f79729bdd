"""One measured claim on one base of seeds: what was asked, and the values that answer it."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from course_lib.base.record import Ask
from course_lib.base.verdicts import all_hold
from course_lib.statistics import Interval, Sample, pooled

FEW = 100  # more values than that, most of them equal, are written as how many of each


@dataclass(frozen=True)
class Measurement:
    """A claim, by its `id`, as one run measured it.

    `verdict`, `figure`: as `base.record.Record` has them. `asks`: the bound; `samples`: by the
    names that it asks about. Of the run: `lesson` (a notebook's name), `base`, the `revision` of
    the claim that was judged (see `standing`), hashes of its `code` and of its `data` by name,
    `versions` of what computed it, and the `date`.
    """

    id: str
    verdict: str
    figure: str
    asks: tuple[Ask, ...]
    samples: Mapping[str, Sample]
    lesson: str = ""
    base: int = 0
    revision: int = 0
    code: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    date: str = ""

    def intervals(self) -> dict[str, Interval]:
        """The intervals of its samples, by name."""
        return {name: pooled([sample]) for name, sample in self.samples.items()}

    def as_data(self) -> dict[str, Any]:
        """As a line of a file holds it: plain data, without what is empty."""
        data = {name: part for name, part in asdict(self).items() if part or name == "base"}
        data["asks"] = [[name, *map(_finite, ends)] for name, *ends in self.asks]
        data["samples"] = {name: _as_data(sample) for name, sample in self.samples.items()}
        # For who reads the file without us.
        data["intervals"] = {
            name: [found.mean, found.low, found.high] for name, found in self.intervals().items()
        }
        return data


def verdict(asks: Iterable[Ask], intervals: Mapping[str, Interval]) -> str:
    """What intervals say to what is asked of them: "holds", "does not hold" or "inconclusive".

    It holds where all do, and does not where one does not. An interval that could not be had
    decides nothing.
    """
    found = [
        intervals[name].between(low, high) if name in intervals else None
        for name, low, high in asks
    ]
    decided = all_hold(found) if found else None
    return "inconclusive" if decided is None else "holds" if decided else "does not hold"


def read(data: Mapping[str, Any]) -> Measurement:
    """The measurement that `as_data` gave. Raises ValueError for what is none."""
    known = {**data}
    known.pop("intervals", None)
    try:
        known["asks"] = tuple(
            Ask(name, -math.inf if low is None else low, math.inf if high is None else high)
            for name, low, high in data["asks"]
        )
        known["samples"] = {name: _sample(part) for name, part in data["samples"].items()}
        return Measurement(**known)
    except (TypeError, KeyError) as problem:
        raise ValueError(f"this is no measurement of a claim: {problem!r}") from None


def _finite(end: float) -> float | None:
    return end if math.isfinite(end) else None  # JSON knows no infinity


def _as_data(sample: Sample) -> dict[str, Any]:
    parts: dict[str, Any] = {
        name: list(it) for name, it in zip(sample._fields[1:], sample[1:]) if it
    }
    counts = Counter(sample.values)
    if not sample.others and len(sample.values) > FEW > len(counts):
        parts["values"] = {"each": list(counts), "times": list(counts.values())}
    return {"rule": sample.rule, **parts}


def _sample(data: Mapping[str, Any]) -> Sample:
    values = data["values"]
    if isinstance(values, dict):
        pairs = zip(values["each"], values["times"])
        values = [value for value, times in pairs for _ in range(times)]
    return Sample(
        data["rule"], tuple(values), tuple(data.get("others", ())), tuple(data.get("rows", ()))
    )
