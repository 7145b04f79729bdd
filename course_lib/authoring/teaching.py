"""What an instructor wants to know: how long things take, what people get wrong, what is asked, and
what came out.

Minutes are an estimate by rule, nobody has been timed: prose at 130 words a minute; ten seconds for
each line of code that is read; a minute for each question, two for each explorer; and for each line
of an answer a minute, for each check two. Folded sections, set-up and lists of sources are not
counted. Change `RULE` to change them all.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat

from course_lib.authoring.build import SOLUTION
from course_lib.base.files import write_whole
from course_lib.learner.course_map import CLOSING, MAP, Lesson, cells_of, core, headings, minutes
from course_lib.learner.quizzes import questions

RULE = {
    "word": 1 / 130,
    "line": 1 / 6,
    "question": 1.0,
    "explorer": 2.0,
    "answer": 1.0,
    "check": 2.0,
}  # minutes each
NO_READING = re.compile(
    r"(predict|quiz|reveal|show_source|check|quiz_of|recall)\(|explore\.\w+\.show\("
)
NO_PROSE = re.compile(
    r"\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|</?\w[^>]*>|(?:\*\*|^#+ )Sources.*",
    re.DOTALL | re.MULTILINE,
)
WORD = re.compile(r"[^\W\d_]{2,}|\b[aI]\b")
TASK = re.compile(r"(T\d+) · (.+)")


def count(cells: list) -> dict[str, int]:
    """How much of each item of `RULE` some cells hold; an answer is counted where it stands between
    its markers.
    """
    found = dict.fromkeys(RULE, 0)
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "markdown":
            found["word"] += len(WORD.findall(NO_PROSE.sub(" ", cell.source)))
        elif cell.cell_type == "code" and "setup" not in tags:
            found["question"] += len(re.findall(r"^(?:predict|quiz)\(", cell.source, re.MULTILINE))
            found["explorer"] += len(
                re.findall(r"^explore\.\w+\.show\(", cell.source, re.MULTILINE)
            )
            found["check"] += any(tag.startswith("check:") for tag in tags)
            found["answer"] += sum(_lines(answer) for _, answer in SOLUTION.findall(cell.source))
            asks = NO_READING.match(cell.source) or any(tag.startswith("check:") for tag in tags)
            found["line"] += 0 if asks else _lines(SOLUTION.sub("", cell.source))
    return found


def _lines(text: str) -> int:
    return sum(bool(line.strip()) for line in text.splitlines())


def estimate(cells: list) -> int:
    """Minutes that some cells take by `RULE`."""
    return round(sum(RULE[item] * number for item, number in count(cells).items()))


class Asked(NamedTuple):
    """A question of a lesson as its reader meets it: `kind` predict or quiz, and what came out, ""
    if undecided.
    """

    kind: str
    question: str
    options: list[str]
    came: str


def asked(notebook: nbformat.NotebookNode) -> Iterator[Asked]:
    """The questions of an executed lesson with their options, and what its reveals said."""
    shown = [(cell, text) for cell in notebook.cells for text in _texts(cell)]
    came = {}
    for _, text in shown:
        question, _, rest = text.partition("\n")
        answer = re.search(r"^It came out: (.+)\.$", rest, re.MULTILINE)
        came |= {question: answer[1]} if answer else {}
    for cell, text in shown:
        kind = re.search(r"^(predict|quiz)\(", cell.source, re.MULTILINE)
        options = re.findall(r"^  ○ (.+)$", text, re.MULTILINE)
        if kind and options:
            question = text.partition("\n")[0]
            yield Asked(kind[1], question, options, came.get(question, ""))


def _texts(cell: nbformat.NotebookNode) -> list[str]:
    return [
        output.data.get("text/plain", "") for output in cell.get("outputs", []) if "data" in output
    ]


def tasks(notebook: nbformat.NotebookNode) -> dict[str, tuple[str, int]]:
    """{"T1": (title, minutes)} of an exercise notebook with its answers; what stands before T1
    belongs to no task.
    """
    parts: dict[str, tuple[str, list]] = {}
    task = ""
    for cell in notebook.cells:
        for found in map(TASK.match, headings(cell)):
            task = found[1] if found else task
            parts |= {found[1]: (found[2], [])} if found else {}
        if task:
            parts[task][1].append(cell)
    return {task: (title, estimate(cells)) for task, (title, cells) in parts.items()}


HEADER = """# For whoever teaches this course: answers inside

Per lesson: minutes, tasks with the mistakes that the check knows by name, what is predicted and what came out, and the
quiz with its answers. `course build` collects this page from the notebooks, the checks and the quiz bank; nobody writes
it by hand. [TEACHING.md](../../TEACHING.md) says how to use it, and by which rule minutes are estimated.

| lesson | says | by rule | exercises | tasks |
|---|---|---|---|---|
"""


def write(notebooks: Path) -> int:
    """Write the page to ``solutions/teaching.md``, whole or not at all; return the number of
    lessons on it.
    """
    write_whole(notebooks / "solutions" / "teaching.md", page(notebooks))
    return len(MAP)


def page(notebooks: Path) -> str:
    """The page, from the built notebooks, the checks and the quiz bank."""
    return "".join(
        [
            HEADER,
            *(_row(lesson, notebooks) for lesson in MAP),
            *(_part(lesson, notebooks) for lesson in MAP),
        ]
    )


def _row(lesson: Lesson, notebooks: Path) -> str:
    cells, found = cells_of(notebooks / f"{lesson.name}.ipynb"), _tasks(lesson, notebooks)
    total = sum(time for _, time in found.values())
    each = ", ".join(f"{task} {time}" for task, (_, time) in found.items())
    by_rule, said = (
        estimate(_before_closing(core(cells))) or "coming",
        minutes(lesson, notebooks) or "",
    )
    return f"| {lesson.name.replace('_', ' ', 1)} | {said} | {by_rule} | {total} | {each} |\n"


def _part(lesson: Lesson, notebooks: Path) -> str:
    from course_lib.checks.judge.task import tasks_of

    said = f"{lesson.question} {_prompt(lesson, notebooks)}".strip()
    text = f"\n## {lesson.name.replace('_', ' ', 1)}\n\n{said}\n\n### Tasks\n"
    known = tasks_of(lesson.number)
    for task, (title, time) in _tasks(lesson, notebooks).items():
        text += f"\n**{task} · {title}** ({time} minutes)\n"
        text += "".join(
            f"- *{mistake.name}*: {_line(mistake.hint)}\n" for mistake in known[task].mistakes
        )
    text += "\n### Asked in the lesson\n\n"
    for one in asked(nbformat.from_dict({"cells": cells_of(notebooks / f"{lesson.name}.ipynb")})):
        text += f"- {one.kind}: {one.question} *{' / '.join(one.options)}*"
        text += (f" → {one.came or 'undecided'}" if one.kind == "predict" else "") + "\n"
    text += "\n### Quiz\n\n"
    text += "".join(
        f"- {one.text} **{one.answer}** {one.reasons[one.answer]}\n"
        for one in questions(lesson.stem)
    )
    return text


def _prompt(lesson: Lesson, notebooks: Path) -> str:
    """What the lesson's last section says about explaining it; "" where there is none yet."""
    cells = cells_of(notebooks / f"{lesson.name}.ipynb")
    found = next((cell.source for cell in cells if CLOSING in headings(cell)), "")
    return next((_line(part) for part in found.split("\n\n") if part.startswith("**Teach")), "")


def _before_closing(cells: list) -> list:
    end = next((n for n, cell in enumerate(cells) if CLOSING in headings(cell)), len(cells))
    return cells[:end]


def _tasks(lesson: Lesson, notebooks: Path) -> dict[str, tuple[str, int]]:
    return tasks(
        nbformat.from_dict(
            {"cells": cells_of(notebooks / "solutions" / f"{lesson.name}_exercises.ipynb")}
        )
    )


def _line(text: str) -> str:
    return " ".join(text.split())
