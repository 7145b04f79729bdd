"""What a class knows and what it stumbles over: a table for the terminal, and a picture."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from course_lib import plotting
from course_lib.authoring.grades import in_order
from course_lib.checks.judge.task import find

OTHER, OPEN = "another mistake", "not written yet"


class TaskSummary(NamedTuple):
    """How one task came out: of `handed_in` notebooks, `passed`, and {mistake: how often}."""

    task: str
    handed_in: int
    passed: int
    mistakes: Counter[str]


def summarise(rows: list[dict]) -> list[TaskSummary]:
    """One summary a task, in the order of the lessons; `rows` as `grades.save` takes them."""
    by_task: dict[str, list[dict]] = {}
    for row in rows:
        if "/" in row["task"]:
            by_task.setdefault(row["task"], []).append(row)
    return [_of_task(task, by_task[task]) for task in sorted(by_task, key=in_order)]


def _of_task(task: str, rows: list[dict]) -> TaskSummary:
    passed = sum(row["verdict"] == "passed" for row in rows)
    mistakes = Counter(_mistake(task, row) for row in rows if row["verdict"] != "passed")
    return TaskSummary(task, len(rows), passed, mistakes)


def _mistake(task: str, row: dict) -> str:
    """The name of the mistake that a message's hint belongs to."""
    if row["verdict"] == "unanswered":
        return OPEN
    named = (each for each in find(task).mistakes if row["message"].startswith(each.hint))
    return next((each.name for each in named), OTHER)


def table(summaries: list[TaskSummary]) -> str:
    """The lines for a terminal: each task, how many passed, and what stood in the way."""
    lines = []
    for each in summaries:
        said = ", ".join(f"{count} × {name}" for name, count in each.mistakes.most_common())
        share = f"{each.passed} of {each.handed_in}"
        lines.append(f"{each.task:7} {share:>11} passed" + (f"   {said}" if said else ""))
    return "\n".join(lines)


def picture(summaries: list[TaskSummary], path: Path) -> None:
    """Draw, into the file `path`, a bar a task: passed, each named mistake, the rest."""
    with plotting.style():
        figure = Figure(figsize=(9, 0.8 + 0.42 * len(summaries)), layout="constrained")
        ax = figure.subplots()
        for row, each in enumerate(summaries):
            _bar(ax, row, each)
        ax.set_yticks(range(len(summaries)), [each.task for each in summaries])
        ax.invert_yaxis()
        ax.set(xlabel="notebooks", title="Passed, and what stood in the way")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(visible=False)
        figure.savefig(path, dpi=150)


def _bar(ax: Axes, row: int, each: TaskSummary) -> None:
    """One task: the passed in one colour, then the mistakes by frequency, their names inside."""
    parts = [("passed", each.passed), *each.mistakes.most_common()]
    start = 0
    for name, count in parts:
        k = {"passed": 0, OPEN: 7, OTHER: 6}.get(name, 1)
        color = plotting.series(k)[0]
        ax.barh(row, count, left=start, color=color, edgecolor="white", alpha=0.35 if k else 0.7)
        room = int(70 * count / each.handed_in)  # letters that fit in the part, about
        text = f"{count} {name}"
        if count and room > 3:
            shown = text if len(text) <= room else text[: max(1, room - 1)] + "…"
            ax.text(start + count / 2, row, shown, ha="center", va="center", fontsize=7)
        start += count
