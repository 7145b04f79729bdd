"""What a learner has done, kept in one small file that git does not see: .course/progress.json.

The file maps section → name → entry. Sections: predictions, quiz, tasks, cards. A name begins with
the lesson's stem ("dropout/ensemble"), an entry is a small dictionary. Built notebooks and tests
(``COURSE_HEADLESS=1``) keep nothing. Nothing that is wrong with the file stops a lesson: it becomes
one sentence.
"""

from __future__ import annotations  # an older Python gets as far as the sentence that names it

import json
import os
from contextlib import ExitStack, suppress
from datetime import date, datetime
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from course_lib import LESSONS
from course_lib.base.files import write_whole
from course_lib.base.places import CourseError, root
from course_lib.base.shell import shell

if TYPE_CHECKING:
    from filelock import BaseFileLock

SECTIONS = ("predictions", "quiz", "tasks", "cards")
PATIENCE = 5.0  # seconds to wait for another kernel that is writing

_waiting: list[
    tuple[str, str, dict]
] = []  # (section, name, entry) not written yet: they go with the next entry that can be


def file() -> Path:
    """Where progress is kept. Raises CourseError outside the course."""
    return root() / ".course" / "progress.json"


def headless() -> bool:
    """Whether notebooks are being built or tested: then nothing is kept or remembered."""
    return os.environ.get("COURSE_HEADLESS") == "1"


def lesson(notebook: str | None = None) -> str:
    """Stem of the lesson that a notebook's path belongs to; "" for any other notebook.

    "index" for the first page. Exercises and copies belong to their lesson. Without a path: of the
    notebook that this kernel serves, as Jupyter's server or VS Code names it.
    """
    # Windows paths split at both kinds of slash.
    name = PureWindowsPath(own_notebook() if notebook is None else notebook).name
    begins = {"index": "index"} | {f"{n:02d}_{stem}": stem for n, stem in enumerate(LESSONS)}
    return next((stem for start, stem in begins.items() if name.startswith(start)), "")


def own_notebook() -> str:
    """The path of the notebook that this kernel serves; "" where nobody names it."""
    kernel = shell()
    by_editor = kernel.user_ns.get("__vsc_ipynb_file__", "") if kernel else ""
    return by_editor or os.environ.get("JPY_SESSION_NAME", "")


def note(section: str, name: str, **entry: object) -> str:
    """Keep an entry, in place of a former one of that name.

    Returns "", or the sentence to show where that failed. What cannot be written now is kept in
    this kernel and written with the next entry. Many kernels may write at once.
    """
    if section not in SECTIONS:
        raise ValueError(f"section = {section!r}: must be one of {', '.join(SECTIONS)}")
    if headless():
        return ""
    _waiting.append((section, name, entry))
    try:
        path = file()
        path.parent.mkdir(exist_ok=True)
        with _lock(path):
            kept, said = _load(path)
            merged = _with_waiting(kept)
            write_whole(path, json.dumps(merged, indent=1, ensure_ascii=False, sort_keys=True))
        _waiting.clear()
        return said
    except (OSError, CourseError) as problem:
        return (
            "Kept only until this kernel stops, since the progress file cannot be written: "
            f"{_reason(problem)}."
        )


def read() -> tuple[dict, str]:
    """All that is kept, section → name → entry; and "", or what is wrong with the file."""
    if headless():
        return {section: {} for section in SECTIONS}, ""
    kept: dict = {}
    said = ""
    try:
        path = file()
        if path.exists():
            kept, said = _load_alone(path)
    except (OSError, CourseError) as problem:
        said = f"The progress file cannot be read: {_reason(problem)}."
    return _with_waiting(kept), said


def passed(task: str) -> str:
    """Keep that the task called "03/T1" is passed, with the day of the first time.

    Returns what `note` returns.
    """
    return "" if has(task) else note("tasks", _name(task), at=now())


def has(task: str) -> bool:
    """Whether the task called "03/T1" was passed before."""
    return _name(task) in read()[0]["tasks"]


def _name(task: str) -> str:
    number, _, short = task.partition("/")
    return f"{LESSONS[int(number)]}/{short}"


def now() -> str:
    """The present second, as the file has it."""
    return datetime.now().isoformat(timespec="seconds")


def _lock(path: Path) -> BaseFileLock:
    from filelock import FileLock

    return FileLock(path.with_suffix(".lock"), timeout=PATIENCE)


def _load_alone(path: Path) -> tuple[dict, str]:
    """`_load` while nobody writes; in a folder where no lock can be had nobody does."""
    with ExitStack() as held:
        with suppress(OSError):
            held.enter_context(_lock(path))
        return _load(path)


def _load(path: Path) -> tuple[dict, str]:
    """What the file holds. One that cannot be understood is set aside, never written over."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, ""
    except (ValueError, RecursionError):
        kept = None
    if _is_sound(kept):
        return kept, ""
    aside = _free(path.with_name(f"progress.damaged-{date.today()}.json"))
    os.replace(path, aside)
    place = f"{aside.parent.name}/{aside.name}"
    return {}, f"The progress file was damaged: it is set aside as {place}, a new one begins."


def _is_sound(kept: object) -> bool:
    if not isinstance(kept, dict):
        return False
    sections = [kept.get(section, {}) for section in SECTIONS]
    return all(
        isinstance(s, dict) and all(isinstance(entry, dict) for entry in s.values())
        for s in sections
    )


def _free(path: Path) -> Path:
    """The path, or the first numbered one beside it that does not exist."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free


def _with_waiting(kept: dict) -> dict:
    """What the file holds, with what waits to be written; sections unknown here stay."""
    merged = kept | {section: dict(kept.get(section, {})) for section in SECTIONS}
    for section, name, entry in _waiting:
        merged[section][name] = entry
    return merged


def _reason(problem: Exception) -> str:
    return getattr(problem, "strerror", None) or str(problem)
