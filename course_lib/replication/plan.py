"""Which runs are missing, and which of their claims are kept."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from course_lib.records import standing, store
from course_lib.records.measurement import Measurement
from course_lib.replication.code import code_hash
from course_lib.replication.lesson import Job, Outcome


class Plan:
    """The runs of some lessons, from what is recorded in `folder` (None: where the course has it).

    lessons: the texts by the notebooks' names. bases: those asked for; None: of each claim those
    that its revision has to be judged on.
    """

    def __init__(
        self,
        lessons: dict[str, str],
        bases: Sequence[int] | None = None,
        folder: Path | None = None,
    ):
        self.lessons, self.bases, self.folder = lessons, bases, folder
        self.codes = {name: code_hash(source) for name, source in lessons.items()}
        self.lines = store.lines(folder)

    def pilots(self) -> list[Job]:
        """The runs of base 0: of the lessons whose code has changed since, or has never run."""
        known = {(line.lesson, line.code) for line in self.lines if line.base == 0}
        return [
            Job(name, source, 0)
            for name, source in self.lessons.items()
            if (name, self.codes[name]) not in known
        ]

    def fresh(self) -> list[Job]:
        """The runs of fresh bases that a claim waits for; the pilots have to be kept before."""
        standings = self._standings()
        missing = {
            (name, base)
            for name in self.lessons
            for id in self._claims(name)
            for base in self._missing(standings[id])
        }
        return [Job(name, self.lessons[name], base) for name, base in sorted(missing)]

    def keep(self, job: Job, outcome: Outcome) -> str:
        """Record what a run found; returns why nothing of it may be, else "".

        A pilot's claims all are, each with its revision; of a fresh base those that wait for it.
        """
        if outcome.substituted:
            return f"{', '.join(outcome.substituted)} was not there: other data make no record"
        if outcome.code and outcome.code != self.codes[job.lesson]:
            return "it was computed by other code than is here"
        standings = self._standings()
        if job.base == 0:
            kept = [replace(one, revision=_revision(one, standings)) for one in outcome.measured]
        else:
            kept = [
                replace(one, revision=standings[one.id].pilot.revision)
                for one in outcome.measured
                if one.id in standings and job.base in self._missing(standings[one.id])
            ]
        store.add(kept, self.folder)
        self.lines += kept
        return ""

    def ids(self) -> list[str]:
        """The claims that the lessons make now."""
        return [id for name in self.lessons for id in self._claims(name)]

    def standings(self) -> dict[str, standing.Standing]:
        """Where those claims stand."""
        found = self._standings()
        return {id: found[id] for id in self.ids()}

    def _standings(self) -> dict[str, standing.Standing]:
        return standing.standings(self.lines)

    def _claims(self, name: str) -> list[str]:
        """What the lesson's present code claims, by its last run on base 0."""
        here = [
            line.id
            for line in self.lines
            if line.base == 0 and line.lesson == name and line.code == self.codes[name]
        ]
        return list(dict.fromkeys(here))

    def _missing(self, known: standing.Standing) -> Iterable[int]:
        wanted = standing.bases(known.pilot.revision) if self.bases is None else self.bases
        return [base for base in wanted if base not in {**known.fresh, **known.unplanned}]


def _revision(pilot: Measurement, standings: dict[str, standing.Standing]) -> int:
    """The same, where nothing has changed; the next, where a fresh result was seen before."""
    known = standings.get(pilot.id)
    if known is None or standing.same(pilot, known.pilot):
        return known.pilot.revision if known else 0
    return known.pilot.revision + bool(known.fresh or known.unplanned)
