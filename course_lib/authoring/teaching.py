"""What an instructor wants to know: minutes, mistakes, what is asked, and what came out.

Minutes are an estimate by rule, nobody has been timed: prose at 130 words a minute; ten seconds for
each line of code that is read; a minute for each question, two for each explorer; and for each line
of an answer a minute, for each check two. Folded sections, set-up and lists of sources are not
counted. Change `RULE` to change them all.
"""

import ast
import itertools
import math
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nbformat import NotebookNode as Cell

from course_lib.authoring.build import SOLUTION
from course_lib.base.files import write_whole
from course_lib.learner.cells import ASKS, SPEAKS, calls, cells_of, core, headings, kind, shown
from course_lib.learner.course_map import CLOSING, MAP, Lesson, minutes
from course_lib.learner.quizzes import questions

# minutes each
RULE = {
    "word": 1 / 130,
    "line": 1 / 6,
    "question": 1.0,
    "explorer": 2.0,
    "answer": 1.0,
    "check": 2.0,
}
WIDTH = 100  # characters of code that count as one line
NO_READING = (*SPEAKS, "check", "quiz_of", "recall")  # the code of such a cell says nothing new
NO_PROSE = re.compile(
    r"\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|</?\w[^>]*>|<!--.*?-->|(?:\*\*|^#+ )Sources.*",
    re.DOTALL | re.MULTILINE,
)
WORD = re.compile(r"[^\W\d_]{2,}|\b[aI]\b")
TASK = re.compile(r"(T\d+) · (.+)")


def count(cells: list[Cell]) -> dict[str, int]:
    """How much of each item of `RULE` some cells hold; an answer is what stands in its markers."""
    found = dict.fromkeys(RULE, 0)
    for cell in cells:
        if cell.cell_type == "markdown":
            found["word"] += len(WORD.findall(NO_PROSE.sub(" ", cell.source)))
        elif cell.cell_type == "code" and kind(cell) != "setup":
            found["question"] += len(calls(cell.source, *ASKS))
            found["explorer"] += len(calls(cell.source, "explorer"))
            found["check"] += kind(cell) == "check"
            found["answer"] += sum(_lines(answer) for _, answer in SOLUTION.findall(cell.source))
            if kind(cell) not in NO_READING:
                found["line"] += _lines(SOLUTION.sub("", cell.source))
    return found


def _lines(text: str) -> int:
    """Lines of code as they were if each statement stood on lines of `WIDTH` characters.

    So it does not matter how the code is laid out.
    """
    try:
        statements = ast.unparse(ast.parse(textwrap.dedent(text))).splitlines()
    except SyntaxError:  # a command of IPython's
        statements = text.splitlines()
    return sum(math.ceil(len(line.strip()) / WIDTH) for line in statements)


def estimate(cells: list[Cell]) -> int:
    """Minutes that some cells take by `RULE`, a whole number."""
    return round(exact_minutes(cells))


def exact_minutes(cells: list[Cell]) -> float:
    """Minutes that some cells take by `RULE`."""
    return sum(RULE[item] * number for item, number in count(cells).items())


class Asked(NamedTuple):
    """A question as a lesson's reader meets it, predict or quiz; `came`: "" if undecided."""

    kind: str
    question: str
    options: list[str]
    came: str


def asked(cells: list[Cell]) -> Iterator[Asked]:
    """The questions of an executed lesson with their options, and what its reveals said."""
    came = {record.id: record.verdict for cell in cells for record in shown(cell, "reveal")}
    for record in (record for cell in cells for record in shown(cell, *ASKS)):
        found = came.get(record.id, "") if record.kind == "predict" else ""
        yield Asked(record.kind, record.text, list(record.options), found)


def tasks(cells: list[Cell]) -> dict[str, tuple[str, int]]:
    """{"T1": (title, minutes)} of exercises with their answers; no task has what is before T1."""
    parts: dict[str, tuple[str, list[Cell]]] = {}
    for cell in cells:
        for found in filter(None, map(TASK.match, headings(cell))):
            parts[found[1]] = (found[2], [])
        if parts:
            _, of_the_last_task = list(parts.values())[-1]
            of_the_last_task.append(cell)
    return {task: (title, estimate(own)) for task, (title, own) in parts.items()}


HEADER = """# For whoever teaches this course: answers inside

Per lesson: minutes, tasks with the mistakes that the check knows by name, what is predicted and \
what came out, and the
quiz with its answers. `course build` collects this page from the notebooks, the checks and the \
quiz bank; nobody writes
it by hand. [TEACHING.md](../../TEACHING.md) says how to use it, and by which rule minutes are \
estimated.

| lesson | says | by rule | exercises | tasks |
|---|---|---|---|---|
"""


def write(notebooks: Path) -> int:
    """Write the page to ``solutions/teaching.md``; return the number of lessons on it."""
    write_whole(notebooks / "solutions" / "teaching.md", page(notebooks))
    return len(MAP)


def page(notebooks: Path) -> str:
    """The page, from the built notebooks, the checks and the quiz bank."""
    table, text = "", ""
    for lesson in MAP:
        cells = cells_of(notebooks / f"{lesson.name}.ipynb")
        found = tasks(cells_of(notebooks / "solutions" / f"{lesson.name}_exercises.ipynb"))
        table += _row(lesson, cells, found)
        text += _part(lesson, cells, found)
    return HEADER + table + text


def _row(lesson: Lesson, cells: list[Cell], found: dict[str, tuple[str, int]]) -> str:
    total = sum(time for _, time in found.values())
    each = ", ".join(f"{task} {time}" for task, (_, time) in found.items())
    by_rule, said = estimate(_before_closing(core(cells))) or "coming", minutes(cells) or ""
    return f"| {lesson.name.replace('_', ' ', 1)} | {said} | {by_rule} | {total} | {each} |\n"


def _part(lesson: Lesson, cells: list[Cell], found: dict[str, tuple[str, int]]) -> str:
    from course_lib.checks.judge.task import tasks_of

    text = f"\n## {lesson.name.replace('_', ' ', 1)}\n\n"
    text += f"{lesson.question} {_prompt(cells)}".strip() + "\n\n### Tasks\n"
    known = tasks_of(lesson.number)
    for task, (title, time) in found.items():
        text += f"\n**{task} · {title}** ({time} minutes)\n"
        for mistake in known[task].mistakes:
            text += f"- *{mistake.name}*: {_line(mistake.hint)}\n"
    text += "\n### Asked in the lesson\n\n"
    for one in asked(cells):
        text += f"- {one.kind}: {one.question} *{' / '.join(one.options)}*"
        text += (f" → {one.came or 'undecided'}" if one.kind == "predict" else "") + "\n"
    text += "\n### Quiz\n\n"
    for question in questions(lesson.stem):
        text += f"- {question.text} **{question.answer}** {question.reasons[question.answer]}\n"
    return text


def _prompt(cells: list[Cell]) -> str:
    """What the lesson's last section says about explaining it; "" where there is none yet."""
    closing = next((cell.source for cell in cells if CLOSING in headings(cell)), "")
    parts = (_line(part) for part in closing.split("\n\n") if part.startswith("**Teach"))
    return next(parts, "")


def _before_closing(cells: list[Cell]) -> list[Cell]:
    return list(itertools.takewhile(lambda cell: CLOSING not in headings(cell), cells))


def _line(text: str) -> str:
    return " ".join(text.split())
