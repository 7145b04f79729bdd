"""Where a claim stands: what its fresh seeds say to what base 0 said.

**Revision** r of a claim is replicated on the bases 3r + 1, 3r + 2, 3r + 3. A revision ends where
the values of base 0 (beyond rounding), the bound or the data change after its fresh result was
seen: then nobody may look at the same seeds again, and the next three bases are taken.
"""

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from course_lib.base.record import BY_FRESH, CONFIRMED, NOT_CONFIRMED, OPEN, REVERSED, STALE, Ask
from course_lib.records import store
from course_lib.records.measurement import Measurement, verdict
from course_lib.statistics import Interval, Sample, apart, joined, pooled

EACH = 3  # fresh bases of a revision
ROUNDING = 1e-3  # of an interval's half width: values nearer than that are the same


def status(pilot: str, fresh: str) -> str:
    """What the verdict on `fresh` seeds makes of the `pilot`'s, on base 0."""
    if pilot == "inconclusive":
        return OPEN if fresh == "inconclusive" else BY_FRESH
    if fresh == "inconclusive":
        return NOT_CONFIRMED
    return CONFIRMED if fresh == pilot else REVERSED


def bases(revision: int) -> tuple[int, ...]:
    """The fresh bases of a revision: of the first 1, 2, 3, of the next 4, 5, 6."""
    return tuple(range(EACH * revision + 1, EACH * revision + EACH + 1))


@dataclass(frozen=True)
class Standing:
    """One claim, from its records alone.

    `pilot`: base 0 of its present revision; `fresh`: that revision's planned bases so far;
    `unplanned`: other bases that somebody asked for, which decide nothing.
    """

    pilot: Measurement
    fresh: Mapping[int, Measurement] = field(default_factory=dict)
    unplanned: Mapping[int, Measurement] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether all planned bases are there."""
        return set(self.fresh) == set(bases(self.pilot.revision))

    def pooled(self) -> dict[str, Interval]:
        """The intervals of all fresh values together, by name."""
        return {name: pooled(found) for name, found in self._samples().items()}

    def verdict(self) -> str:
        """What the same bound says to all fresh values."""
        return verdict(self.pilot.asks, self.pooled())

    def status(self) -> str:
        """One of `base.record.STATUSES`."""
        return status(self.pilot.verdict, self.verdict()) if self.complete else STALE

    def moved(self) -> dict[str, Interval]:
        """Base 0 − fresh, by name: the interval of how far the two lie apart."""
        fresh = {name: joined(found) for name, found in self._samples().items()}
        pilot = self.pilot.samples
        return {name: apart(pilot[name], fresh[name]) for name in pilot if name in fresh}

    def _samples(self) -> dict[str, list[Sample]]:
        """The fresh samples that could be had on every base, by name."""
        runs = [run.samples for _, run in sorted(self.fresh.items())]
        return {
            name: [run[name] for run in runs]
            for name in dict.fromkeys(ask.name for ask in self.pilot.asks)
            if runs and all(name in run for run in runs)
        }


def standings(measured: Iterable[Measurement]) -> dict[str, Standing]:
    """Every recorded claim by its id; of several revisions the last, where it is made now.

    A claim that has moved is that of the lesson whose last run of base 0 still made it.
    """
    lines = list(measured)
    last = {line.lesson: line.code for line in lines if line.base == 0}

    def rank(one: Measurement) -> tuple[int, bool]:
        return one.revision, one.code == last[one.lesson]

    pilots: dict[str, Measurement] = {}
    runs: dict[str, list[Measurement]] = {}
    for one in lines:
        if one.base > 0:
            runs.setdefault(one.id, []).append(one)
        elif one.id not in pilots or rank(one) >= rank(pilots[one.id]):
            pilots[one.id] = one
    return {id: _standing(pilot, runs.get(id, ())) for id, pilot in pilots.items()}


def _standing(pilot: Measurement, runs: Iterable[Measurement]) -> Standing:
    now = {one.base: one for one in runs if one.revision == pilot.revision}
    planned = bases(pilot.revision)
    fresh = {base: one for base, one in now.items() if base in planned}
    others = {base: one for base, one in now.items() if base not in planned}
    return Standing(pilot, fresh, others)


@functools.cache
def recorded() -> dict[str, Standing]:
    """The claims that the lessons make now, from the records that come with the course; read once.

    Those that the last run of their lesson on base 0 no longer made are left out.
    """
    lines = store.lines()
    last = {line.lesson: line.code for line in lines if line.base == 0}
    found = standings(lines).items()
    return {id: one for id, one in found if one.pilot.code == last[one.pilot.lesson]}


def same(one: Measurement, other: Measurement) -> bool:
    """Whether two runs of base 0 measured the same: bound, data, and values up to rounding.

    Of the data those that both have loaded: a claim may move to a lesson that loads more.
    """
    shared = one.data.keys() & other.data.keys()
    return (
        one.asks == other.asks
        and all(one.data[name] == other.data[name] for name in shared)
        and one.samples.keys() == other.samples.keys()
        and all(_equal(sample, other.samples[name]) for name, sample in one.samples.items())
    )


def _equal(one: Sample, other: Sample) -> bool:
    if one[0] != other[0] or one[3] != other[3] or len(one.values) != len(other.values):
        return False
    near = ROUNDING * max(pooled([one]).half_width, pooled([other]).half_width)
    pairs = zip((*one.values, *one.others), (*other.values, *other.others))
    return all(math.isclose(a, b, rel_tol=1e-6, abs_tol=near) for a, b in pairs)


def like(asks: Sequence[Ask], intervals: Mapping[str, Interval], pilot: Measurement) -> bool:
    """Whether what a session found is what the record's base 0 found.

    The same question, as many values, and an interval about as wide and in the same place, as it is
    where another machine rounds otherwise. Who changes an experiment has something that is not yet
    replicated.
    """
    if tuple(asks) != pilot.asks or intervals.keys() != pilot.samples.keys():
        return False
    for name, then in pilot.intervals().items():
        now, reach = intervals[name], then.half_width
        if now.n != then.n or abs(now.mean - then.mean) > max(reach, now.half_width) / 2:
            return False
        if not reach / 2 <= now.half_width <= 2 * reach:
            return False
    return True
