"""The claims ledger: each sentence that a lesson judged, with bound, figure and verdict.

It is made of the records that `notebook.claim` left in the executed notebooks, and of nothing else.
So the table cannot say anything that no cell has computed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from nbformat import NotebookNode as Cell

from course_lib.base.files import write_whole
from course_lib.base.places import CourseError, names
from course_lib.base.record import STALE, STATUSES, Record
from course_lib.learner.cells import cells_of, headings, shown
from course_lib.records.standing import recorded

HEADER = """# The claims ledger

Every sentence that a lesson claims and a cell of it has judged: {total} in all, {exact} of them \
exact (identities),
{checked} checked (by a simulation, or on the spot) and {timed} timed, which is of the machine \
that built the notebooks.
The {measured} others are measured over seeds: {holds} hold, {fails} do not, {open} are \
inconclusive, which is a result too.

**Fresh seeds.** A claim is written while its author looks at base 0 of the seeds, which \
therefore confirms nothing. `course replicate` asks the
same of seeds that nobody had looked at, as many on each of three bases, and puts the same bound \
on all their values together:
{statuses}.
*Confirmed*: decided at base 0, and fresh seeds decide the same. *Reversed*: they decide \
the opposite. *Not confirmed*: they leave open what base 0 had decided.
*Decided by fresh seeds only*, *open*: base 0 had left it open. *Not yet replicated*: something \
has changed since. {revised}

Fresh seeds divide the same files of data anew, start anew and draw anew. *Confirmed* means \
that the verdict is no accident of seeds, for these data
and this setting; it says nothing about other data.

`course build` collects this table from the executed notebooks; nobody writes it by hand.
*Bound* is what the cell asks of the figure.
"""
COLUMNS = ("claim", "kind", "bound", "figure", "verdict", "fresh seeds", "where")


class Row(NamedTuple):
    """One judged claim: the heading it stands under, and the id of the cell that judged it."""

    lesson: str
    section: str
    cell: str
    claim: Record


def rows(notebooks: Path) -> list[Row]:
    """All rows of a folder's built lessons, in their order."""
    lessons = [name for name in names(notebooks) if not name.endswith("_exercises")]
    cells = {lesson: cells_of(notebooks / f"{lesson}.ipynb") for lesson in lessons}
    return [row for lesson in lessons for row in rows_of(cells[lesson], lesson)]


def rows_of(cells: Iterable[Cell], lesson: str) -> Iterator[Row]:
    """The rows of one executed notebook."""
    section = ""
    for cell in cells:
        section = [section, *headings(cell)][-1]
        for claim in shown(cell, "claim"):
            yield Row(lesson, section, cell.id, claim)


def write(notebooks: Path) -> int:
    """Write the table to ``claims.md`` beside the notebooks; return the number of claims.

    And the counts into the README, between its two comments.
    """
    found = rows(notebooks)
    write_whole(notebooks / "claims.md", table(found))
    readme = notebooks.parent / "README.md"
    if readme.is_file():
        write_whole(readme, with_counts(readme.read_text(encoding="utf-8"), found))
    return len(found)


BEGIN, END = "<!-- fresh seeds, by course build -->", "<!-- end -->"


def with_counts(page: str, found: list[Row]) -> str:
    """A page whose part between `BEGIN` and `END` says how the claims stand.

    Raises CourseError for a page without such a part.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise CourseError(f"README.md: there has to be a line {BEGIN}, and after it {END}")
    measured = sum(row.claim.basis == "measured" for row in found)
    counts = f"Of {measured} measured claims: {statuses(found)}."
    return f"{before}{begin}\n{counts}\n{end}{after}"


def table(found: list[Row]) -> str:
    """The ledger as a Markdown page, lesson by lesson."""
    kinds = Counter(row.claim.basis for row in found)
    verdicts = Counter(row.claim.verdict for row in found if row.claim.basis == "measured")
    page = HEADER.format(
        total=len(found),
        **{kind: kinds[kind] for kind in ("exact", "checked", "timed", "measured")},
        holds=verdicts["holds"],
        fails=verdicts["does not hold"],
        open=verdicts["inconclusive"],
        statuses=statuses(found),
        revised=_revised(row.claim.id for row in found),
    )
    for lesson in dict.fromkeys(row.lesson for row in found):
        page += f"\n## {lesson.replace('_', ' ', 1)}\n\n"
        page += f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|\n"
        page += "".join(_line(row) for row in found if row.lesson == lesson)
    return page


def statuses(found: Iterable[Row]) -> str:
    """How many measured claims are confirmed, reversed and so on, as words."""
    counts = Counter(row.claim.status or STALE for row in found if row.claim.basis == "measured")
    return ", ".join(f"**{counts[status]} {status}**" for status in STATUSES if counts[status])


def _revised(ids: Iterable[str]) -> str:
    known = recorded()
    revisions = [known[id].pilot.revision for id in ids if id in known]
    if not any(revisions):
        return "No claim was changed after its fresh result was seen."
    return (
        f"Of them {sum(map(bool, revisions))} changed after a fresh result was seen, "
        f"{sum(revisions)} times in all; each time the next three bases judge."
    )


def _line(row: Row) -> str:
    claim, where = row.claim, f"[{row.section}]({row.lesson}.ipynb#cell-id={row.cell})"
    cells = (
        claim.text,
        claim.basis,
        claim.asked,
        claim.figure,
        _verdict(claim),
        _fresh(claim),
        where,
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _fresh(claim: Record) -> str:
    """What fresh seeds made of it, with their figure; empty where that is not asked."""
    if claim.basis != "measured":
        return ""
    return ": ".join(filter(None, (claim.status or STALE, claim.fresh_figure())))


def _verdict(claim: Record) -> str:
    """The verdict; of an inconclusive one also what it would probably have told."""
    if claim.verdict != "inconclusive" or claim.detectable is None:
        return claim.verdict
    return f"{claim.verdict} ({claim.blind_below()})"
