"""The cheat sheet: what each lesson ends with, *To keep*, on two printed pages.

It is made of the lessons' cells tagged `card`, and of the status of the claims that they rest on,
as the ledger has it: nobody writes it.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from course_lib.authoring.ledger import Row, rows
from course_lib.authoring.rests import COMMENT
from course_lib.base.files import write_whole
from course_lib.base.record import STALE
from course_lib.learner.cells import cells_of, tags
from course_lib.learner.course_map import MAP
from course_lib.records.leaning import leans

HEADER = """# To keep

The cards that the lessons end with. Behind what was measured stands what fresh seeds made of \
it; the [ledger](claims.md) has the figures, the [glossary](glossary.md) the terms. \
`course build` collects this page from the lessons: nobody writes it by hand.
"""


def write(notebooks: Path) -> int:
    """Write ``cheatsheet.md`` beside the notebooks; return the number of cards."""
    page = sheet(notebooks, rows(notebooks))
    write_whole(notebooks / "cheatsheet.md", page)
    return page.count("\n## ")


def sheet(notebooks: Path, found: Iterable[Row]) -> str:
    """The cards of a folder's built lessons, in their order; `found` are its ledger's rows."""
    status = {row.claim.id: row.claim.status or STALE for row in found if row.claim.id}
    page = HEADER
    for lesson in MAP:
        for cell in cells_of(notebooks / f"{lesson.name}.ipynb"):
            if "card" in tags(cell):
                title = f"{lesson.number} {lesson.stem.replace('_', ' ')}"
                body = re.sub(r"\A## .*\n", "", cell.source)
                body = COMMENT.sub(lambda rests: _statuses(rests[1], status), body)
                page += f"\n## [{title}]({lesson.name}.ipynb)\n{body}\n"
    return page


def _statuses(rests: str, status: dict[str, str]) -> str:
    """The statuses of the claims that a line rests on, each once, as in ``(*confirmed*)``."""
    words = dict.fromkeys(status.get(lean.id, STALE) for lean in leans(rests))
    return f"(*{', '.join(words)}*)"
