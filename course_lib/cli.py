"""The ``course`` command."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib import LESSONS, __version__
from course_lib.base.places import CourseError, names, root, select

if TYPE_CHECKING:
    from course_lib.checks.judge.report import Result

LESSON = "a lesson's number or stem (03, weight_decay), or a notebook's name"


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 well, 1 a check failed, 2 impossible.

    What is impossible is said in one line; so is a file that cannot be read or written.
    """
    known, others = parser().parse_known_args(arguments)
    if others and known.run is not _lab:
        parser().error(f"unknown: {' '.join(others)}")
    known.others = others
    try:
        status = known.run(known)
        sys.stdout.flush()
        return status
    except CourseError as problem:
        reason = str(problem)
    except BrokenPipeError:  # whoever read us, `head` or `less`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as problem:
        if not problem.filename:
            raise
        reason = f"{problem.filename}: {problem.strerror}"
    print(f"course {known.command}: {reason}", file=sys.stderr)
    return 2


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    top = argparse.ArgumentParser(
        prog="course", description="Ten interactive lessons on regularization in PyTorch."
    )
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], summary: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary)
        added.set_defaults(run=run)
        return added

    lab = command(
        "lab",
        _lab,
        "open JupyterLab on its first page, or on the lesson named; options go to JupyterLab",
    )
    lab.add_argument("--large", action="store_true", help="panels for a hall: larger text")
    lab.add_argument("--classic", action="store_true", help="with the file browser beside it")
    check = command("check", _check, "check the answers in exercise notebooks")
    check.add_argument(
        "which", nargs="*", help=f"{LESSON}, a file or a folder of them; none: all exercises"
    )
    check.add_argument("--json", action="store_true", help="one JSON list, for instructors")
    check.add_argument(
        "--csv", metavar="FILE", type=Path, help="also a table with one line a notebook"
    )
    hint = command("hint", _hint, "a hint to a task, three in all: course hint 03 T2 [1, 2 or 3]")
    hint.add_argument("which", help=LESSON)
    hint.add_argument("task", help="T1, T2, …")
    hint.add_argument("upto", nargs="?", type=int, default=1, help="how many hints (default: 1)")
    reset = command("reset", _reset, "a fresh blank exercise notebook; the old one is kept aside")
    reset.add_argument("which", nargs="+", help=LESSON)
    build = command("build", _build, "make notebooks from their sources")
    build.add_argument("which", nargs="*", help=f"{LESSON}; none: all")
    build.add_argument("--without-solutions", metavar="DIR", type=Path, help="a copy to hand out")
    pair = command(
        "pair", _pair, "authors: keep a lesson and its text alike while writing in JupyterLab"
    )
    pair.add_argument("which", nargs="+", help=LESSON)
    pair.add_argument("--off", action="store_true", help="as shipped: paired with nothing")
    command("progress", _progress, "what you have done, lesson by lesson")
    recall = command("recall", _recall, "flash cards that come back after 1, 3 and 7 days")
    recall.add_argument("which", nargs="*", help=f"{LESSON}; none: the lessons that you have begun")
    slides = command(
        "slides", _slides, "slides of lessons, as pages for a browser, in build/slides"
    )
    slides.add_argument("which", nargs="+", help=LESSON)
    command("doctor", _doctor, "look at what the course needs and say how to mend what is missing")
    return top


def _lab(known: argparse.Namespace) -> int:
    """Open JupyterLab in the notebooks folder."""
    from jupyterlab.labapp import main as jupyterlab

    notebooks = root() / "notebooks"
    options = known.others
    named = [options.pop(0)] if options and not options[0].startswith("-") else []
    there = [name for name in select(named, notebooks) if (notebooks / f"{name}.ipynb").exists()]
    if not there:
        raise CourseError("no notebook is built yet; build them: make notebooks")
    if known.large:
        os.environ["COURSE_LARGE"] = "1"
    os.environ.pop("COURSE_HEADLESS", None)  # kernels inherit it, and sliders would be pictures
    view = "lab" if known.classic else "doc"  # /doc: one page, no list of files beside it
    first = [
        f"--ServerApp.root_dir={notebooks}",
        f"--LabApp.default_url=/{view}/tree/{there[0]}.ipynb",
    ]
    # Our settings, which a user's own override, and our part of the page.
    ours = str(Path(__file__).with_name("jupyter"))
    for name in ("JUPYTER_CONFIG_PATH", "JUPYTER_PATH"):
        os.environ[name] = os.pathsep.join(filter(None, [os.environ.get(name), ours]))
    jupyterlab([*first, *options])
    return 0


def _check(known: argparse.Namespace) -> int:
    """Check answers, notebook by notebook; 0 where every task is passed."""
    from course_lib.authoring import grades
    from course_lib.checks import check_file

    if known.csv:
        grades.require_place(known.csv)
    files, folders = _named(known.which)
    rows = []
    for file in files:
        results = check_file(file)
        rows += [{"notebook": str(file), **result.as_dict()} for result in results]
        own = not (known.json or known.csv or folders)
        notes = _keep_passed(file, results) if own else []
        if not known.json:
            shown = str(file) if folders else file.name
            lines = [shown, *(result.line for result in results), *notes]
            print("\n  ".join(lines), flush=True)
    if known.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    if known.csv:
        grades.save(rows, known.csv)
    return int(not rows or any(row["verdict"] != "passed" for row in rows))


def _named(which: list[str]) -> tuple[list[Path], list[Path]]:
    """The files to check, and the folders among the words."""
    from course_lib.authoring.grades import submissions

    files = [Path(word) for word in which if word.endswith(".ipynb")]
    folders = [Path(word) for word in which if Path(word).is_dir()]
    words = [word for word in which if Path(word) not in files + folders]
    files += [file for folder in folders for file in submissions(folder)]
    files += _exercises(words) if words or not files else []
    return files, folders


def _keep_passed(file: Path, results: list["Result"]) -> list[str]:
    """Keep the passed tasks of the course's own exercises; returns what a learner should know.

    Passed tasks of other files are nobody's progress here.
    """
    from course_lib.base import progress

    if file.resolve().parent != (root() / "notebooks").resolve():
        return []
    if [result.task for result in results] == [file.name]:  # the file itself is at fault
        return [
            "Your file is left as it is; `course reset` puts a fresh one in its place and keeps "
            "yours aside."
        ]
    for said in {progress.passed(result.task) for result in results if result} - {""}:
        print(said, file=sys.stderr)
    before = [result for result in results if not result.answered and progress.has(result.task)]
    short = ", ".join(result.task.rpartition("/")[2] for result in before)
    return [f"{short}: passed before, but not in the file. Is it saved?"] if before else []


def _exercises(words: list[str]) -> list[Path]:
    """The exercise notebooks meant."""
    notebooks = root() / "notebooks"
    lessons = [name for name in select(words, notebooks) if name != "index"]
    chosen = [f"{name.removesuffix('_exercises')}_exercises" for name in lessons]
    there = [name for name in dict.fromkeys(chosen) if name in names(notebooks)]
    if not there:
        raise CourseError(f"no exercises belong to {' '.join(words) or 'this course'}")
    return [notebooks / f"{name}.ipynb" for name in there]


def _hint(known: argparse.Namespace) -> int:
    """Print the first hints to a task."""
    from course_lib.learner.hints import hint

    number = int(select([known.which], root() / "notebooks")[0][:2])
    try:
        print(hint(number, known.task.upper(), known.upto))
    except ValueError as problem:
        raise CourseError(str(problem)) from None
    return 0


def _reset(known: argparse.Namespace) -> int:
    """Fresh blanks."""
    from course_lib.authoring import pairing

    for path in _exercises(known.which):
        kept = pairing.reset(path.stem, path.parent)
        print(f"{path.name} is blank again" + (f"; yours is kept as {kept.name}" if kept else ""))
    return 0


def _build(known: argparse.Namespace) -> int:
    """Build all notebooks, or those named; or copy the course without answers."""
    from course_lib.authoring import build, ledger, pairing, pictures, teaching

    here = root()
    notebooks = here / "notebooks"
    if known.without_solutions:
        count = pairing.hand_out(here, known.without_solutions)
        print(f"{count} files without answers in {known.without_solutions}")
        return 0
    chosen = select(known.which, notebooks)
    build.build([name for name in chosen if name != "index"], notebooks)
    print(f"pictures/ holds one of each of {pictures.write(notebooks)} lessons")
    # Last: its map looks into all that.
    build.build([name for name in chosen if name == "index"], notebooks)
    print(f"claims.md holds the {ledger.write(notebooks)} claims of the lessons")
    print(f"solutions/teaching.md holds the answers of {teaching.write(notebooks)} lessons")
    return 0


def _slides(known: argparse.Namespace) -> int:
    """Slides of the lessons named."""
    from course_lib.authoring.slides import NEEDS, make

    here = root()
    chosen = [
        name for name in select(known.which, here / "notebooks") if not name.endswith("_exercises")
    ]
    if not chosen:
        raise CourseError(f"no lesson is built yet of {' '.join(known.which)}")
    for name in chosen:
        print(make(name, here / "notebooks", here / "build" / "slides").relative_to(here))
    print(f"Open it in a browser; {NEEDS}.")
    return 0


def _pair(known: argparse.Namespace) -> int:
    """Live pairing on or off."""
    from course_lib.authoring import pairing

    notebooks = root() / "notebooks"
    for name in select(known.which, notebooks):
        if not name.endswith("_exercises") or name in known.which:
            pairing.pair(name, notebooks, on=not known.off)
            print(f"{name} is paired with {'nothing' if known.off else f'src/{name}.py'}")
    return 0


def _progress(known: argparse.Namespace) -> int:
    """What is kept, as a table."""
    from course_lib.base.progress import file
    from course_lib.learner.standing import standings, table

    found, said = standings()
    print(table(found))
    print(said or f"kept in {file()}")
    return 0


def _recall(known: argparse.Namespace) -> int:
    """Ask what is due; without a keyboard, print it."""
    from course_lib.learner.recall import session

    chosen = select(known.which, root() / "notebooks") if known.which else []
    stems = {name[3:].removesuffix("_exercises") for name in chosen}
    return session([stem for stem in LESSONS if stem in stems])


def _doctor(known: argparse.Namespace) -> int:
    """Report on the machine; 1 where something is to be mended."""
    from course_lib.learner.doctor import report

    return report(print)
