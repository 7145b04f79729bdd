"""The claims ledger: every sentence that a lesson judged, with its bound, its figure and its
verdict, in one table.

It is read from the executed notebooks alone: the verdict and the figure are what `notebook.claim`
printed there, the bound is the body of its ``holds=`` in the cell above. So the table cannot say
anything that no cell has computed.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat

from course_lib.base.files import write_whole
from course_lib.base.places import names

PRINTED = re.compile(r"^(Exact|Measured) · ([^:\n]+): (.*)\n  measured: (.*)$", re.MULTILINE)
HEADER = """# The claims ledger

Every sentence that a lesson claims and a cell of it has judged: {total} in all, {exact} of them exact.
Of the {measured} measured ones {holds} hold, {fails} do not, {open} are inconclusive: that is a result too.
`course build` collects this table from the executed notebooks; nobody writes it by hand.
*Bound* is what the cell asks of the figure. Figures are those of the machine that built the notebooks.
"""


class Row(NamedTuple):
    """One judged sentence.

    `section` is the heading it stands under, `cell` the id of the cell that judged it.
    """

    lesson: str
    cell: str
    section: str
    sentence: str
    kind: str
    bound: str
    figure: str
    verdict: str


def rows(notebooks: Path) -> list[Row]:
    """All rows of a folder's built lessons, in their order."""
    files = [
        notebooks / f"{name}.ipynb" for name in names(notebooks) if not name.endswith("_exercises")
    ]
    built = [(file.stem, nbformat.read(file, as_version=4)) for file in files if file.exists()]
    return [row for lesson, notebook in built for row in rows_of(notebook, lesson)]


def rows_of(notebook: nbformat.NotebookNode, lesson: str) -> Iterator[Row]:
    """The rows of one executed notebook."""
    section = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            section = ([section] + re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE))[-1]
            continue
        printed = "".join(
            output.text for output in cell.get("outputs", []) if output.output_type == "stream"
        )
        judged = PRINTED.findall(printed)
        calls = list(_calls(cell.source)) if judged else []
        for kind, verdict, sentence, figure in judged:
            bound = next((bound for pattern, bound in calls if pattern.fullmatch(sentence)), "")
            yield Row(lesson, cell.id, section, sentence, kind, bound, figure, verdict)


def _calls(source: str) -> Iterator[tuple[re.Pattern, str]]:
    """For each ``claim(sentence, …, holds=…)`` of a cell: a pattern of its sentence, and the source
    of its bound.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "claim":
            given = dict(zip(("sentence", "measured", "holds"), node.args)) | {
                k.arg: k.value for k in node.keywords
            }
            holds = given["holds"]
            segment = ast.get_source_segment(
                source, holds.body if isinstance(holds, ast.Lambda) else holds
            )
            yield re.compile(_pattern(given["sentence"])), " ".join(segment.split())


def _pattern(sentence: ast.expr) -> str:
    """What a sentence can look like when printed: its constant parts as they are, anything for a
    computed one.
    """
    if isinstance(sentence, ast.Constant):
        return re.escape(sentence.value)
    return "".join(map(_pattern, sentence.values)) if isinstance(sentence, ast.JoinedStr) else ".*"


def write(notebooks: Path) -> int:
    """Write the table to ``claims.md`` beside the notebooks, whole or not at all; return the number
    of claims.
    """
    found = rows(notebooks)
    write_whole(notebooks / "claims.md", table(found))
    return len(found)


def table(found: list[Row]) -> str:
    """The ledger as a Markdown page, lesson by lesson."""
    measured = [row.verdict.split(" (")[0] for row in found if row.kind == "Measured"]
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
    where = f"[{row.section}]({row.lesson}.ipynb#cell-id={row.cell})"
    cells = (
        row.sentence,
        row.kind.lower(),
        f"`{row.bound}`" if row.bound else "",
        row.figure,
        row.verdict,
        where,
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"
