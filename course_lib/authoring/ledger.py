"""The claims ledger: each sentence that a lesson judged, with bound, figure and verdict.

It is made of the records that `notebook.claim` left in the executed notebooks, and of nothing else.
So the table cannot say anything that no cell has computed.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from nbformat import NotebookNode as Cell

from course_lib.base.files import write_whole
from course_lib.base.places import names
from course_lib.base.record import Record, blind_below
from course_lib.learner.cells import cells_of, headings, shown

HEADER = """# The claims ledger

Every sentence that a lesson claims and a cell of it has judged: {total} in all, {exact} of them \
exact.
Of the {measured} measured ones {holds} hold, {fails} do not, {open} are inconclusive: that is a \
result too.
`course build` collects this table from the executed notebooks; nobody writes it by hand.
*Bound* is what the cell asks of the figure. Figures are those of the machine that built the \
notebooks.
"""


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
    """Write the table to ``claims.md`` beside the notebooks; return the number of claims."""
    found = rows(notebooks)
    write_whole(notebooks / "claims.md", table(found))
    return len(found)


def table(found: list[Row]) -> str:
    """The ledger as a Markdown page, lesson by lesson."""
    measured = [row.claim.verdict for row in found if row.claim.basis == "measured"]
    page = HEADER.format(
        total=len(found),
        exact=len(found) - len(measured),
        measured=len(measured),
        holds=measured.count("holds"),
        fails=measured.count("does not hold"),
        open=measured.count("inconclusive"),
    )
    for lesson in dict.fromkeys(row.lesson for row in found):
        page += f"\n## {lesson.replace('_', ' ', 1)}\n\n"
        page += "| claim | kind | bound | figure | verdict | where |\n|---|---|---|---|---|---|\n"
        page += "".join(_line(row) for row in found if row.lesson == lesson)
    return page


def _line(row: Row) -> str:
    claim, where = row.claim, f"[{row.section}]({row.lesson}.ipynb#cell-id={row.cell})"
    bound = f"`{claim.asked}`" if claim.asked else ""
    cells = (claim.text, claim.basis, bound, claim.figure, _verdict(claim), where)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _verdict(claim: Record) -> str:
    """The verdict; of an inconclusive one also what it would probably have told."""
    if claim.verdict != "inconclusive" or claim.detectable is None:
        return claim.verdict
    return f"{claim.verdict} ({blind_below(claim.detectable)})"
