"""The files: ``<stem>/base_<b>.jsonl``, one line a claim. Lines are added, never changed."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from course_lib.base import random
from course_lib.records.measurement import Measurement, read

FOLDER = Path(__file__).parent


def lines(folder: Path | None = None) -> list[Measurement]:
    """Everything recorded in a folder, file by file, in the order in which it was added.

    Raises ValueError that names file and line of what is no measurement.
    """
    found = []
    for path in sorted((folder or FOLDER).glob("*/base_*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                found.append(read(json.loads(line)))
            except ValueError as problem:
                raise ValueError(
                    f"{path.name} of {path.parent.name}, line {number}: {problem}"
                ) from None
    return found


def stored(name: str) -> Any:
    """What was measured once and kept, of a sweep too long to repeat: the JSON ``<name>.json``."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def fresh(by_base: dict[str, list[float]]) -> list[float]:
    """Of values stored base by base: those of all but 0, on which texts are written."""
    return [value for base, values in by_base.items() if base != "0" for value in values]


def kept(name: str, *keys: str) -> list[float] | None:
    """The values of this base that `stored` has under `keys`, to stand in for a training.

    None where it has none, and in a run that is recorded (COURSE_RECORDED=1, as `course replicate`
    sets it): there everything is measured.
    """
    if os.environ.get("COURSE_RECORDED") == "1":
        return None
    found = stored(name)
    for key in keys:
        found = found.get(key, {})
    return found.get(str(random.BASE))


def add(measured: Iterable[Measurement], folder: Path | None = None) -> None:
    """Add the measurements of a run to the file of its lesson and base."""
    by_file: dict[Path, list[str]] = {}
    for one in measured:
        stem = one.lesson[3:] if one.lesson[:2].isdecimal() else one.lesson
        path = (folder or FOLDER) / stem / f"base_{one.base}.jsonl"
        line = json.dumps(one.as_data(), ensure_ascii=False, allow_nan=False)
        by_file.setdefault(path, []).append(line + "\n")
    for path, written in by_file.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write("".join(written))
