"""`course check`: runs the checker over files, says what came out, and keeps it."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

from tqdm import tqdm

from course_lib import checks
from course_lib.authoring import grades
from course_lib.base.places import CourseError
from course_lib.checks.judge.report import Result

Notes = Callable[[Path, list[Result]], list[str]]


class Options(NamedTuple):
    """What `course check` was asked for."""

    class_: bool = False  # folders were named: other people's work
    json: bool = False
    csv: Path | None = None
    form: str = "plain"
    jobs: int | None = None
    strict: bool = False
    afresh: bool = False


def check(files: list[Path], options: Options, notes: Notes) -> int:
    """Check the files and print what came out; 0 where every task is passed.

    `notes` says what a learner should know besides, of one file. Raises CourseError where `strict`
    is asked for and bwrap does not run here.
    """
    from course_lib.checks.run import fences

    if options.strict and fences.bwrap_problem():
        raise CourseError(f"--strict: {fences.bwrap_problem()}")
    if options.class_ and not options.json:
        print(fences.said(), flush=True)
    rows: list[dict] = []
    out = sys.stdout  # a judge at work in another thread sends prints aside
    try:
        for file, results in _results(files, options, rows):
            own = not (options.json or options.csv or options.class_)
            extra = notes(file, results) if own else []
            if not options.json:
                _print(file, results, extra, options.class_, out)
    except KeyboardInterrupt:
        done = len({row["notebook"] for row in rows})
        raise CourseError(_stopped(done, len(files), options)) from None
    if options.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    if options.class_:
        _summarise(rows, options)
    return int(not rows or any(row["verdict"] != "passed" for row in _counting(rows)))


def _stopped(done: int, files: int, options: Options) -> str:
    kept = f"; {options.csv} holds these, and the same command goes on from there"
    return f"stopped after {done} of {files} notebooks" + (kept if options.csv else "")


def _results(
    files: list[Path], options: Options, rows: list[dict]
) -> Iterator[tuple[Path, list[Result]]]:
    """Each file with its results as they are known: those kept of a former run first.

    They are added to `rows` too, of which the table is written after each file.
    """
    journal = grades.Journal(options.csv, options.afresh) if options.csv else None
    kept = {file: found for file in files if journal and (found := journal.get(file)) is not None}
    for file, found in kept.items():
        rows += _rows(file, found)
        yield file, [Result(**each) for each in found]
    missing = [file for file in files if file not in kept]
    silent = None if options.class_ else True  # None: where there is no terminal
    with tqdm(total=len(files), initial=len(kept), unit="file", disable=silent) as bar:
        for file, results in checks.check_many(missing, options.jobs):
            bar.update()
            found = [result.as_dict() for result in results]
            rows += _rows(file, found)
            if options.csv and journal:
                journal.keep(file, found)
                grades.save(_counting(rows), options.csv, options.form)
            yield file, results
    if options.csv:
        grades.save(_counting(rows), options.csv, options.form)


def _rows(file: Path, found: list[dict]) -> list[dict]:
    return [{"notebook": str(file), **each} for each in found]


def _counting(rows: list[dict]) -> list[dict]:
    """Without lessons and the like, which nobody has to answer; in the order of the files."""
    counting = [row for row in rows if row["verdict"] != "skipped"]
    return sorted(counting, key=lambda row: row["notebook"])


def _print(file: Path, results: list[Result], extra: list[str], whole: bool, out: TextIO) -> None:
    from course_lib.checks.run.verdict import plain

    shown = plain(file if whole else file.name)
    if [result.verdict for result in results] == ["skipped"]:
        lines = [f"{shown}  – {results[0].message}"]
    else:
        lines = [shown, *(result.line for result in results), *extra]
    tqdm.write("\n  ".join(lines), file=out)


def _summarise(rows: list[dict], options: Options) -> None:
    """Say, and with a table draw, what the class knows and what stood in its way."""
    from course_lib.authoring import class_summary

    counting = _counting(rows)
    found = class_summary.summarise(counting)
    if not options.json and found:
        print(f"\n{class_summary.table(found)}")
    if options.form != "plain":
        names = {row["notebook"] for row in counting}
        nameless = sorted(name for name in names if grades.person(name) is None)
        if nameless:
            print(
                f"Not in the table, for their names do not say whose they are: {len(nameless)}, "
                f"first {nameless[0]}. Leave files the names that {options.form} gives them."
            )
    if options.csv and found:
        class_summary.picture(found, options.csv.with_suffix(".png"))
