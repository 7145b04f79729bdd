"""A folder of submissions: which files to check, and one line of a table for each."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path

from course_lib.base.places import CourseError


def submissions(folder: Path) -> list[Path]:
    """Notebooks anywhere below a folder, by name; what Jupyter keeps in hidden folders is left out.

    Raises CourseError where there is none.
    """
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
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise CourseError(f"{path} cannot be written: name another file")


def save(rows: Iterable[dict], path: Path) -> None:
    """Write one line a notebook: its path, how many tasks are passed, each verdict, a remark.

    `rows`: one dictionary a task, with notebook, task, verdict and message. A task that a notebook
    does not have stays empty; the remark says why a file could not be checked at all. CSV in UTF-8,
    with the mark by which Excel knows it.
    """
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
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, ["notebook", "passed", *sorted(tasks), "remark"])
        writer.writeheader()
        writer.writerows(lines.values())
