"""What changes a notebook other than building it.

A learner's fresh blank, an author's live pairing, a hand-out.
"""

import itertools
import re
import shutil
import subprocess
from pathlib import Path

import jupytext
import nbformat

from course_lib.authoring import build
from course_lib.base.files import write_whole
from course_lib.base.places import CourseError

FORMATS = re.compile(r"^(#     formats: ).*$", re.MULTILINE)
PAIRED = "ipynb,src//py:percent"  # from the notebook's folder: right for a server rooted anywhere
# A learner needs none of these, and the first page of a hand-out does not speak of them.
LEFT_OUT = (
    *(".ci/", ".github/", "bench/", "notebooks/solutions/", "tests/"),
    *(".git-blame-ignore-revs", ".pre-commit-config.yaml"),
    *("CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "TEACHING.md", "conftest.py"),
)
AUTHORS_ONLY = re.compile(r"<!-- authors -->\n.*?<!-- /authors -->\n", re.DOTALL)


def reset(name: str, notebooks: Path) -> Path | None:
    """Put a fresh blank in place of a learner's exercise notebook.

    Return where the old file is kept, or None.
    """
    path = notebooks / f"{name}.ipynb"
    fresh = build.targets(notebooks / "src" / f"{name}.py")[path]
    kept = put_aside(path)
    build.save(fresh, path)
    return kept


def put_aside(path: Path) -> Path | None:
    """Rename a file that is there to the first free .kept-1, .kept-2, …; return its new place."""
    aside = (path.with_suffix(f".kept-{number}.ipynb") for number in itertools.count(1))
    kept = next(free for free in aside if not free.exists()) if path.exists() else None
    if kept:
        path.rename(kept)
    return kept


def pair(name: str, notebooks: Path, on: bool = True) -> None:
    """Switch live pairing of a lesson with its text on or off.

    On: JupyterLab keeps the two alike while one writes. Raises CourseError for exercises: their
    text holds the answers.
    """
    if name.endswith("_exercises"):
        raise CourseError(f"{name} is never paired: its source holds the answers")
    source, path = notebooks / "src" / f"{name}.py", notebooks / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.jupytext = {"formats": PAIRED if on else "ipynb"}
    build.save(notebook, path)
    text = FORMATS.sub(
        rf"\g<1>{PAIRED if on else 'py:percent'}", source.read_text(encoding="utf-8"), count=1
    )
    write_whole(source, text)  # last: JupyterLab opens the newer of the two


def hand_out(root: Path, target: Path) -> int:
    """Copy the course without answers into an empty folder; return the number of files.

    Left out: solutions, tests, benchmarks, pages for authors and what the README says of them. The
    sources of exercises are copied with their answers blank. Raises CourseError where the folder
    holds anything, or git cannot say what the course is.
    """
    if target.exists() and any(target.iterdir()):
        raise CourseError(f"{target} is not empty: name a new folder")
    files = [Path(file) for file in _tracked(root) if not file.startswith(LEFT_OUT)]
    for file in files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / file, target / file)
        if file.match("notebooks/src/*_exercises.py"):
            blank = build.blank(jupytext.read(root / file), root / file)
            jupytext.write(blank, target / file, fmt="py:percent")
        elif file.name == "README.md":
            page = AUTHORS_ONLY.sub("", (root / file).read_text(encoding="utf-8"))
            write_whole(target / file, page)
    return len(files)


def _tracked(root: Path) -> list[str]:
    command = ["git", "ls-files", "-z"]
    try:
        listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as problem:
        said = getattr(problem, "stderr", "") or str(problem)
        raise CourseError(
            f"only what git tracks is handed out, and in {root} it says: {said.splitlines()[0]}"
        ) from None
    return listed.stdout.split("\0")[:-1]
