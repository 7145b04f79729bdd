"""A folder of submissions: which files to check, and one line of a table for each."""

import csv
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


def save(rows: Iterable[dict], path: Path) -> None:
    """Write one line a notebook: its path, the number of tasks passed, the verdict of each task,
    and a remark.

    `rows`: one dictionary a task, with notebook, task, verdict and message. A task that a notebook
    does not have stays empty; the remark says why a file could not be checked at all. CSV in UTF-8,
    with the mark by which Excel knows it.
    """
    lines, tasks = {}, set()
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
