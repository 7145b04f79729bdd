"""Three graded hints to each task, the last just short of the answer: `course hint 03 T2`."""

import re
from pathlib import Path

from course_lib import LESSONS

FOLDER = Path(__file__).with_name("hints")


def hints_of(number: int) -> dict[str, list[str]]:
    """{"T1": [first hint, second, third], …} of the lesson with this number."""
    text = (FOLDER / f"{LESSONS[number]}.md").read_text("utf-8")
    tasks = re.findall(r"^## (T\d+)\n((?:\d\. .*\n)+)", text, re.MULTILINE)
    return {task: re.findall(r"^\d\. (.*)$", lines, re.MULTILINE) for task, lines in tasks}


def hint(number: int, task: str, upto: int = 1) -> str:
    """The first `upto` hints to a task, one a line, and how to get the next one.

    Raises `ValueError` for a task that the lesson has not, and for `upto` outside of 1 to 3.
    """
    known = hints_of(number)
    if task not in known:
        raise ValueError(f"task = {task!r}: must be one of {', '.join(known)}")
    if not 1 <= upto <= len(known[task]):
        raise ValueError(f"upto = {upto}: must be from 1 to {len(known[task])}")
    lines = [f"{k}. {text}" for k, text in enumerate(known[task][:upto], 1)]
    if upto < len(known[task]):
        lines.append(f"one more: course hint {number:02d} {task} {upto + 1}")
    return "\n".join(lines)
