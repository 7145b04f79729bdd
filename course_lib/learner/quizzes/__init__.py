"""Questions and flash cards of each lesson, from the Markdown file of its stem beside this one.

A block begins with ``## key``, perhaps followed by a line ``Myth: tag, tag`` that names the widely
read errors it is about, and by ``Rests: id, not id``: the claims whose result it states. With
``- [ ] option`` and ``- [x] right option`` lines, each with its reason indented below, it is a
question; with a ``> quoted`` part it is a card. So the files can be read as they are.
"""

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from course_lib import LESSONS

OPTION = re.compile(r"^- \[([ x])\] (.+)\n((?:  .+\n?)+)", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """A question: `reasons` maps each option to why it is right, or why it tempts and is wrong."""

    stem: str
    key: str
    text: str
    reasons: dict[str, str]
    answer: str
    myths: tuple[str, ...] = ()
    rests: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name in the progress file."""
        return f"{self.stem}/{self.key}"


@dataclass(frozen=True)
class Card:
    """A flash card."""

    stem: str
    key: str
    front: str
    back: str
    rests: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name in the progress file."""
        return f"{self.stem}/{self.key}"


def questions(stem: str) -> list[Question]:
    """The questions of a lesson; of "myths": all about widely read errors, in lesson order.

    Raises ValueError for an unknown stem.
    """
    if stem == "myths":
        return [question for lesson in LESSONS for question in questions(lesson) if question.myths]
    return [block for block in _blocks(stem) if isinstance(block, Question)]


def cards(stem: str) -> list[Card]:
    """The flash cards of a lesson. Raises ValueError for an unknown stem."""
    return [block for block in _blocks(stem) if isinstance(block, Card)]


@functools.cache
def _blocks(stem: str) -> list[Question | Card]:
    if stem not in LESSONS:
        raise ValueError(f"stem = {stem!r}: must be one of {', '.join(LESSONS)}")
    text = Path(__file__).with_name(f"{stem}.md").read_text(encoding="utf-8")
    return [parsed(stem, block) for block in re.split(r"^## ", text, flags=re.MULTILINE)[1:]]


def parsed(stem: str, block: str) -> Question | Card:
    """One block of a file, without its ``## ``.

    Raises ValueError that names the block and what is wrong with it.
    """
    key, _, body = re.sub(r"^# .*", "", block, flags=re.MULTILINE).partition("\n")
    tags = {}
    while found := re.match(r"(Myth|Rests): (.+)\n", body):
        tags[found[1]] = tuple(found[2].split(", "))
        body = body[found.end() :]
    myths, rests = tags.get("Myth", ()), tags.get("Rests", ())
    options = OPTION.findall(body)
    if not options:
        front, quoted, back = body.partition("\n> ")
        _require(
            quoted and front.strip() and back.strip(),
            stem,
            key,
            "neither options nor a quoted answer",
        )
        return Card(stem, key, _line(front), _line(back.replace("\n> ", "\n")), rests)
    rest = OPTION.sub("", body)
    reasons = {_line(option): _line(reason) for _, option, reason in options}
    right = [_line(option) for mark, option, _ in options if mark == "x"]
    _require(len(right) == 1, stem, key, f"{len(right)} right options")
    _require(len(reasons) == len(options), stem, key, "an option stands twice")
    _require(
        "- [" not in rest and rest.strip(), stem, key, "an option without a reason, or no question"
    )
    return Question(stem, key, _line(rest), reasons, right[0], myths, rests)


def _require(holds: object, stem: str, key: str, problem: str) -> None:
    if not holds:
        raise ValueError(f"quizzes/{stem}.md, {key}: {problem}")


def _line(text: str) -> str:
    """One line of plain text: radio buttons know neither `code` nor *emphasis*."""
    return re.sub("[`*]", "", " ".join(text.split()))
