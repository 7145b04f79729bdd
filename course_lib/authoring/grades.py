"""A folder of submissions: which files to check, what is kept of them, and tables of it."""

import csv
import hashlib
import io
import json
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from course_lib import LESSONS, __version__
from course_lib.authoring import handing_in
from course_lib.base.files import write_whole
from course_lib.base.places import CourseError


def submissions(folder: Path) -> list[Path]:
    """Notebooks anywhere below a folder, by name; what Jupyter keeps in hidden folders is left out.

    What `course submit` made is unpacked first, into a folder beside it that is named as it is.
    Raises CourseError where there is no notebook.
    """
    for packed in sorted(folder.rglob(f"*{handing_in.SUFFIX}")):
        unpacked = packed.with_suffix("")
        if not unpacked.exists():
            try:
                handing_in.receive(packed, unpacked)
            except CourseError as problem:  # that one; the others go on
                print(problem, file=sys.stderr)
    found = sorted(
        path
        for path in folder.rglob("*.ipynb")
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not found:
        raise CourseError(f"{folder} holds no notebook: name the folder of the submissions")
    return found


def require_place(path: Path) -> None:
    """Raise CourseError where no table can be written: before the work, not after it."""
    if path.is_dir() or not path.parent.is_dir():
        raise CourseError(f"{path} is no place for a table: name a file in a folder that is there")
    if path.suffix == ".jsonl":
        raise CourseError(f"{path} would lie where the results are kept: name it grades.csv")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise CourseError(f"{path} cannot be written: name another file")


# ---- what is kept while a class is checked ----


class Journal:
    """The results so far, in a file beside the table: a line of JSON a notebook, as they come.

    A notebook is known by what is in it: one that was changed since, or checked by another version
    of the course, is checked again.
    """

    def __init__(self, table: Path, afresh: bool = False):
        """`table`: the CSV; the journal is named as it, with .jsonl. `afresh`: forget it."""
        self.path = table.with_suffix(".jsonl")
        if afresh:
            self.path.unlink(missing_ok=True)
        self._kept = {(line["notebook"], line["is"]): line["results"] for line in self._lines()}

    def _lines(self) -> Iterable[dict]:
        if not self.path.exists():
            return
        for text in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                line = json.loads(text)
            except ValueError:  # the last one, of a run that was killed
                continue
            if isinstance(line, dict) and {"notebook", "is", "results"} <= line.keys():
                yield line

    def get(self, notebook: Path) -> list[dict] | None:
        """What was found in this notebook as it is now, a dictionary a task; None if nothing."""
        return self._kept.get((str(notebook), _what_is_in(notebook)))

    def keep(self, notebook: Path, results: list[dict]) -> None:
        """Write down what was found."""
        line = {"notebook": str(notebook), "is": _what_is_in(notebook), "results": results}
        with open(self.path, "a", encoding="utf-8") as file:
            file.write("\n" + json.dumps(line, ensure_ascii=False))


def _what_is_in(notebook: Path) -> str:
    try:
        content = notebook.read_bytes()
    except OSError as problem:
        content = str(problem).encode()
    return f"{__version__} {hashlib.sha256(content).hexdigest()}"


# ---- tables ----


def save(rows: Iterable[dict], path: Path, form: str = "plain") -> None:
    """Write the table of a class, whole or not at all.

    `rows`: one dictionary a task, with notebook, task, verdict and message. `form`: "plain" has one
    line a notebook: its path, how many tasks are passed, each verdict, a remark where a file could
    not be checked. "canvas" and "moodle" have one line a person and the columns that their
    imports read, by the names that they give to downloaded submissions. CSV in UTF-8, with the mark
    by which Excel knows it; Canvas wants none. Files whose name does not say whose they are
    (`person`) are left out of the last two.
    """
    header, lines = {"plain": _plain, "canvas": _canvas, "moodle": _moodle}[form](list(rows))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([[_harmless(cell) for cell in line] for line in lines])
    write_whole(path, text.getvalue().encode("utf-8" if form == "canvas" else "utf-8-sig"))


Table = tuple[list[str], list[list]]


def _plain(rows: list[dict]) -> Table:
    lines: dict[str, dict] = {}
    tasks: set[str] = set()
    for row in rows:
        line = lines.setdefault(row["notebook"], {"notebook": row["notebook"], "passed": 0})
        if "/" in row["task"]:  # "03/T1"; a file that cannot be read has its own name there
            tasks.add(row["task"])
            line[row["task"]] = row["verdict"]
            line["passed"] += row["verdict"] == "passed"
        else:
            line["remark"] = row["message"]
    columns = ["notebook", "passed", *sorted(tasks, key=in_order), "remark"]
    return columns, [[line.get(column, "") for column in columns] for line in lines.values()]


def _canvas(rows: list[dict]) -> Table:
    """As the gradebook is imported: five columns say who, one a lesson how many tasks."""
    lessons, people = _by_person(rows)
    columns = [f"{number} {LESSONS[int(number)]}" for number in lessons]
    possible = ["    Points Possible", "", "", "", "", *lessons.values()]
    lines = [
        [who.name, who.id, "", "", "", *(grades.get(number, "") for number in lessons)]
        for who, grades in people.items()
    ]
    return ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *columns], [possible, *lines]


def _moodle(rows: list[dict]) -> Table:
    """As an assignment's grading worksheet: Identifier says who, Grade is the sum."""
    lessons, people = _by_person(rows)
    most = sum(lessons.values())
    lines = [
        [
            *(f"Participant {who.id}", who.name, sum(grades.values()), most),
            ", ".join(f"{number}: {grades[number]} of {lessons[number]}" for number in grades),
        ]
        for who, grades in people.items()
    ]
    return ["Identifier", "Full name", "Grade", "Maximum grade", "Feedback comments"], lines


class Person(NamedTuple):
    """Whose work a file is, as the system that it was downloaded from says."""

    name: str
    id: str


# Canvas: lovelaceada_LATE_1234_5678_03_weight_decay_exercises.ipynb. Moodle: a folder, or the
# beginning of the file's name, "Ada Lovelace_1234_assignsubmission_file".
_CANVAS = re.compile(r"^([^_/\\]+)_(?:LATE_)?(\d+)_(\d+)_")
_MOODLE = re.compile(r"([^/\\]+)_(\d+)_assignsubmission_file")


def person(notebook: str) -> Person | None:
    """Whose a downloaded file is; None where its name does not say."""
    if found := _MOODLE.search(notebook):
        return Person(found[1], found[2])
    parts = reversed(Path(notebook).parts)  # the file's name, or the folder of a submission
    found = next(filter(None, map(_CANVAS.match, parts)), None)
    return Person(found[1], found[2]) if found else None


def _by_person(rows: list[dict]) -> tuple[dict[str, int], dict[Person, dict[str, int]]]:
    """{lesson: its tasks} and {person: {lesson: tasks passed}}; of two files the better counts."""
    notebooks: dict[str, list[dict]] = {}
    for row in rows:
        notebooks.setdefault(row["notebook"], []).append(row)
    lessons: dict[str, int] = {}
    people: dict[Person, dict[str, int]] = {}
    for notebook, found in notebooks.items():
        who = person(notebook)
        if who is None:
            continue
        grades = people.setdefault(who, {})
        if "/" not in found[0]["task"]:
            continue
        number = found[0]["task"][:2]
        lessons[number] = max(lessons.get(number, 0), len(found))
        passed = sum(row["verdict"] == "passed" for row in found)
        grades[number] = max(grades.get(number, 0), passed)
    return dict(sorted(lessons.items())), people


def in_order(task: str) -> tuple[str, int]:
    """Sorts "03/T2" before "03/T10"."""
    number, _, short = task.partition("/T")
    return number, int(short) if short.isdecimal() else 0


def _harmless(cell: object) -> object:
    """What a table must not take for a formula, which a file's name could be."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@")) else cell
