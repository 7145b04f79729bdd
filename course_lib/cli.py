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

FORMS = ("plain", "canvas", "moodle")
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
        "--csv",
        metavar="FILE",
        type=Path,
        help="also a table with one line a notebook, and beside it what a next run need not repeat",
    )
    check.add_argument(
        "--for",
        dest="form",
        choices=FORMS,
        default="plain",
        help="columns of the table: one line a person, as Canvas or Moodle imports it",
    )
    check.add_argument("--jobs", metavar="N", type=_count, help="notebooks at once; a core each")
    check.add_argument("--afresh", action="store_true", help="repeat what was checked before")
    check.add_argument("--strict", action="store_true", help="refuse to run without bwrap")
    submit = command("submit", _submit, "one file to hand in: answers, verdicts, versions")
    submit.add_argument("which", nargs="*", help=f"{LESSON}; none: all exercises")
    submit.add_argument("--to", metavar="FILE", type=Path, help="submission.course.zip unless said")
    update = command(
        "update", _update, "your answers in the exercises as they are in this version of the course"
    )
    update.add_argument("which", nargs="*", help=f"{LESSON}; none: all exercises")
    hint = command("hint", _hint, "a hint to a task, three in all: course hint 03 T2 [1, 2 or 3]")
    hint.add_argument("which", help=LESSON)
    hint.add_argument("task", help="T1, T2, …")
    hint.add_argument("upto", nargs="?", type=int, default=1, help="how many hints (default: 1)")
    reset = command("reset", _reset, "a fresh blank exercise notebook; the old one is kept aside")
    reset.add_argument("which", nargs="+", help=LESSON)
    build = command("build", _build, "make notebooks from their sources")
    build.add_argument("which", nargs="*", help=f"{LESSON}; none: all")
    build.add_argument("--text", action="store_true", help="no code has changed: keep its outputs")
    build.add_argument("--without-solutions", metavar="DIR", type=Path, help="a copy to hand out")
    pair = command(
        "pair", _pair, "authors: keep a lesson and its text alike while writing in JupyterLab"
    )
    pair.add_argument("which", nargs="+", help=LESSON)
    pair.add_argument("--off", action="store_true", help="as shipped: paired with nothing")
    replicate = command(
        "replicate", _replicate, "authors: judge the measured claims again, on fresh seeds"
    )
    replicate.add_argument("which", nargs="*", help=f"{LESSON}; none: all lessons")
    replicate.add_argument(
        "--bases",
        metavar="1,2,3",
        type=_bases,
        help="whole numbers ≥ 1; none named: those that each claim is to be judged on",
    )
    replicate.add_argument("--json", metavar="FILE", type=Path, help="also where each claim stands")
    replicate.add_argument(
        "--jobs", metavar="N", type=int, default=os.cpu_count(), help="local processes at a time"
    )
    replicate.add_argument(
        "--cluster", metavar="tcp://…", help="the scheduler of a Dask cluster that makes the runs"
    )
    replicate.add_argument(
        "--check",
        action="store_true",
        help="run nothing; 1 where a claim is not yet replicated, or a record refutes the text",
    )
    command("progress", _progress, "what you have done, lesson by lesson")
    recall = command("recall", _recall, "flash cards that come back after 1, 3 and 7 days")
    recall.add_argument("which", nargs="*", help=f"{LESSON}; none: the lessons that you have begun")
    slides = command(
        "slides", _slides, "slides of lessons, as pages for a browser, in build/slides"
    )
    slides.add_argument("which", nargs="+", help=LESSON)
    site = command("site", _site, "the course as a site of static pages, in build/site")
    site.add_argument("which", nargs="*", help=f"{LESSON}; none: all")
    start = command("start", _start, "a working copy of the course in a new folder")
    start.add_argument("folder", metavar="DIR", type=Path, help="a new folder")
    command("doctor", _doctor, "look at what the course needs and say how to mend what is missing")
    return top


def _count(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r}: must be a whole number of at least 1")
    return int(word)


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
    from course_lib.authoring import checking, grades

    if known.csv:
        grades.require_place(known.csv)
    files, folders = _named(known.which)
    options = checking.Options(
        bool(folders), known.json, known.csv, known.form, known.jobs, known.strict, known.afresh
    )
    return checking.check(files, options, _keep_passed)


def _named(which: list[str]) -> tuple[list[Path], list[Path]]:
    """The files to check, and the folders among the words."""
    from course_lib.authoring.grades import submissions

    if "" in which:
        raise CourseError("an empty word names nothing: say . for the folder you are in")
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
            "Your file is left as it is; `course reset` with the lesson's number puts a fresh one "
            "in its place and keeps yours aside, and JupyterLab's File > Revert to Checkpoint "
            "brings back what it saved last."
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


def _submit(known: argparse.Namespace) -> int:
    """One file to hand in; 0 where every task in it is passed."""
    from course_lib.authoring import grades, handing_in

    target = known.to or Path(f"submission{handing_in.SUFFIX}")
    grades.require_place(target)
    files = [file for file in _exercises(known.which) if file.exists()]
    entries = handing_in.submit(files, target)
    verdicts = []
    for entry in entries:
        found = [result["verdict"] for result in entry["results"]]
        passed = sum(verdict == "passed" for verdict in found)
        print(f"{entry['notebook']}: {passed} of {len(found)} passed")
        verdicts += found
    print(f"hand in {target}")
    return int(any(verdict != "passed" for verdict in verdicts))


def _update(known: argparse.Namespace) -> int:
    """Answers carried into this version's exercises."""
    from course_lib.authoring import updating

    there = [path for path in _exercises(known.which) if path.exists() or known.which]
    for path in there:
        print(updating.said(path.stem, updating.update(path.stem, path.parent)))
    return 0


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
    from course_lib.authoring import build, cheatsheet, ledger, pairing, pictures, teaching

    here = root()
    notebooks = here / "notebooks"
    if known.without_solutions:
        count = pairing.hand_out(here, known.without_solutions)
        print(f"{count} files without answers in {known.without_solutions}")
        return 0
    chosen = select(known.which, notebooks)
    lessons = [name for name in chosen if name != "index"]
    build.build(lessons, notebooks, text_only=known.text)
    print(f"pictures/ holds one of each of {pictures.write(notebooks)} lessons")
    # Last: its map looks into all that.
    build.build([name for name in chosen if name == "index"], notebooks)
    print(f"claims.md holds the {ledger.write(notebooks)} claims of the lessons")
    print(f"cheatsheet.md holds the {cheatsheet.write(notebooks)} cards of the lessons")
    print(f"solutions/teaching.md holds the answers of {teaching.write(notebooks)} lessons")
    return 0


def _slides(known: argparse.Namespace) -> int:
    """Slides of the lessons named."""
    _require_site()
    from course_lib.authoring.slides import KEYS, make

    here = root()
    chosen = [
        name for name in select(known.which, here / "notebooks") if not name.endswith("_exercises")
    ]
    if not chosen:
        raise CourseError(f"no lesson is built yet of {' '.join(known.which)}")
    for name in chosen:
        print(make(name, here / "notebooks", here / "build" / "slides").relative_to(here))
    print(f"Open it in a browser, no network is needed: {KEYS}.")
    return 0


def _site(known: argparse.Namespace) -> int:
    """The site of all lessons, or of those named."""
    _require_site()
    from course_lib.authoring.site.build import build

    here = root()
    chosen = select(known.which, here / "notebooks") if known.which else []
    made = build(here, here / "build" / "site", chosen, lambda said: print(said, flush=True))
    print(f"Open {made.relative_to(here)} in a browser, no network is needed.")
    return 0


def _require_site() -> None:
    """Raise CourseError where what makes pages is not installed."""
    from importlib.util import find_spec

    needed = ("sphinx", "myst_nb", "latex2mathml", "ziamath", "sphinx_revealjs")
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise CourseError(
            f"{', '.join(missing)}: not installed here; `make site` does it, or "
            "pip install 'course-lib[site]'"
        )


def _start(known: argparse.Namespace) -> int:
    """A working copy, from a checkout or from what an installed package carries."""
    from course_lib.learner.working_copy import make

    count = make(known.folder)
    print(f"{count} files in {known.folder}. Go on there: cd {known.folder} && course lab")
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


def _bases(words: str) -> list[int]:
    """Bases as they are named: 1,2,3. Raises ArgumentTypeError for what is none."""
    named = words.split(",")
    if not all(word.isascii() and word.isdecimal() and int(word) > 0 for word in named):
        raise argparse.ArgumentTypeError(f"{words}: must be whole numbers ≥ 1, as in 1,2,3")
    return list(dict.fromkeys(map(int, named)))


def _replicate(known: argparse.Namespace) -> int:
    """Run what is missing, say where the claims stand; 1 where a run failed."""
    from functools import partial

    from course_lib.base.arguments import require_whole
    from course_lib.replication import cluster, local, summary
    from course_lib.replication.replicate import replicate

    sources = root() / "notebooks" / "src"
    chosen = [
        name
        for name in select(known.which, sources.parent)
        if not name.endswith("_exercises") and (sources / f"{name}.py").is_file()
    ]
    try:
        together = require_whole("--jobs", known.jobs, 1)
    except ValueError as problem:
        raise CourseError(str(problem)) from None
    texts = {name: (sources / f"{name}.py").read_text(encoding="utf-8") for name in chosen}
    if known.check:
        return _check_records(texts, sources.parent)
    runner = partial(local.outcomes, together=together)
    if known.cluster:
        runner = partial(cluster.outcomes, address=known.cluster)
    standings, failed = replicate(texts, known.bases, runner)
    print("\n".join(summary.report(standings)))
    if known.json:
        data = json.dumps(summary.as_data(standings), indent=1, ensure_ascii=False)
        known.json.write_text(data + "\n", encoding="utf-8")
    return int(failed > 0)


def _check_records(texts: dict[str, str], notebooks: Path) -> int:
    """Say what keeps the text from leaning on its records; 1 where anything does."""
    from course_lib.authoring import rests
    from course_lib.base.record import STALE
    from course_lib.replication.plan import Plan

    plan = Plan(texts)
    standings = plan.standings()
    said = [
        f"{job.lesson}: its code has changed since base 0 was recorded" for job in plan.pilots()
    ]
    waiting = [id for id, one in standings.items() if one.status() == STALE]
    said += [f"{standings[id].pilot.lesson}: {id} is not yet replicated" for id in waiting]
    said += [*rests.refuted(notebooks, standings), *rests.stale(notebooks, standings)]
    print("\n".join(said or ["every measured claim is replicated, and nothing is refuted"]))
    return int(bool(said))


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
