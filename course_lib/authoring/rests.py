"""Conclusions have one home, the claim: everybody else who states one names what it rests on.

``rests="order-p05"`` in a `quiz` of a lesson; a line ``Rests: order-p05`` below the
heading of a question or card; ``<!-- rests: order-p05 -->`` in the line of a table, a list or the
glossary. The words are those of `records.leaning`.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from course_lib import LESSONS
from course_lib.learner.cells import calls
from course_lib.learner.quizzes import Card, Question, cards, questions
from course_lib.records.leaning import Lean, is_stale, leans, unsupported
from course_lib.records.standing import Standing

COMMENT = re.compile(r"<!-- rests: ([^>]+?) -->")


class Place(NamedTuple):
    """Where something is stated, and what it rests on."""

    where: str
    lean: Lean


def places(notebooks: Path) -> list[Place]:
    """All of them, in lessons, in the pages beside them and in the quiz bank.

    Raises ValueError that names the place of what is no id.
    """
    found = []
    for where, text in _stated(notebooks):
        try:
            found += [Place(where, lean) for lean in leans(text)]
        except ValueError as problem:
            raise ValueError(f"{where}: {problem}") from None
    return found


def _stated(notebooks: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(notebooks.glob("src/*.py")):
        source = path.read_text(encoding="utf-8")
        for call in calls(source, "quiz"):  # what a `reveal` says is computed
            given = call.argument(99, "rests")
            if given:
                yield f"{path.name}, quiz({call.about!r:.30}…)", ast.literal_eval(given)
        yield from _comments(path.name, source)
    for path in (notebooks / "glossary.md", notebooks.parent / "TEACHING.md"):
        yield from _comments(path.name, path.read_text(encoding="utf-8"))
    for stem in LESSONS:
        blocks: list[Question | Card] = [*questions(stem), *cards(stem)]
        yield from ((f"{stem}.md, {block.key}", ", ".join(block.rests)) for block in blocks)


def _comments(name: str, text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        for found in COMMENT.findall(line):
            yield f"{name}, line {number}", found


def refuted(notebooks: Path, standings: Mapping[str, Standing]) -> list[str]:
    """Every place that a current record speaks against, with what it says."""
    judged = ((place, unsupported(place.lean, standings)) for place in places(notebooks))
    return [f"{place.where}: {why}" for place, why in judged if why]


def stale(notebooks: Path, standings: Mapping[str, Standing]) -> list[str]:
    """Every place that rests on what fresh seeds have not judged yet."""
    return [
        f"{place.where}: {place.lean.id} is not yet replicated"
        for place in places(notebooks)
        if is_stale(place.lean, standings)
    ]
