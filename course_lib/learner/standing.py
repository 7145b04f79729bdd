"""Where a learner stands, by lesson: what ``course progress`` and the first notebook show."""

from datetime import date
from pathlib import Path
from typing import NamedTuple

from course_lib import LESSONS
from course_lib.base import progress
from course_lib.base.places import root
from course_lib.learner import recall
from course_lib.learner.cells import calls
from course_lib.learner.quizzes import questions


class Standing(NamedTuple):
    """One lesson.

    `predictions`: made, right, asked; `tasks`, `quiz`: passed or right, of how many; `due`: cards.
    """

    number: int
    stem: str
    predictions: tuple[int, int, int]
    tasks: tuple[int, int]
    quiz: tuple[int, int]
    due: int = 0

    @property
    def begun(self) -> bool:
        """Whether anything of the lesson was done."""
        return bool(self.predictions[0] or self.tasks[0] or self.quiz[0])

    @property
    def finished(self) -> bool:
        """Whether every prediction was made and every task passed."""
        made, _, asked = self.predictions
        passed, of = self.tasks
        return bool(asked or of) and made >= asked and passed >= of


HEAD = (
    "lesson",
    "predictions made",
    "predictions right",
    "tasks passed",
    "quiz right",
    "cards due",
    "",
)


def standings(today: date | None = None) -> tuple[list[Standing], str]:
    """Every lesson's standing, and what is wrong with the progress file, as a sentence or ""."""
    kept, said = progress.read()
    notebooks, today = root() / "notebooks", today or date.today()
    return [standing(number, kept, notebooks, today) for number in range(len(LESSONS))], said


def standing(number: int, kept: dict, notebooks: Path, today: date) -> Standing:
    """The standing in one lesson, by what is kept of it and by what its notebooks ask."""
    stem = LESSONS[number]
    made = [entry for entry in _of(stem, kept["predictions"]) if entry.get("said")]
    text = _source(notebooks / "src" / f"{number:02d}_{stem}.py")
    exercises = _source(notebooks / "src" / f"{number:02d}_{stem}_exercises.py")
    tasks = {call.about for call in calls(exercises, "check")}
    asked = len(calls(text, "predict"))
    right = sum(entry.get("right") is True for entry in made)
    answered = sum(entry.get("right") is True for entry in _of(stem, kept["quiz"]))
    quizzes = len(questions(stem)) + len(calls(text, "quiz"))
    passed = sum(1 for _ in _of(stem, kept["tasks"]))
    due = [card for card in recall.due(kept, today) if card.stem == stem]  # none before it is begun
    predictions, quiz = (len(made), right, asked), (answered, quizzes)
    return Standing(number, stem, predictions, (passed, len(tasks)), quiz, len(due))


def _of(stem: str, section: dict) -> list[dict]:
    return [entry for name, entry in section.items() if name.partition("/")[0] == stem]


def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def rows(found: list[Standing]) -> list[tuple[str, ...]]:
    """The table's cells as text, a row a lesson, below `HEAD`."""
    return [
        (
            f"{it.number:02d} {it.stem}",
            f"{it.predictions[0]} of {it.predictions[2]}",
            str(it.predictions[1]),
            f"{it.tasks[0]} of {it.tasks[1]}",
            f"{it.quiz[0]} of {it.quiz[1]}",
            str(it.due),
            "finished" if it.finished else "begun" if it.begun else "",
        )
        for it in found
    ]


def table(found: list[Standing]) -> str:
    """The table as aligned text."""
    lines = [HEAD, *rows(found)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines
    )
