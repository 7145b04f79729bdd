"""Where the course's files are, and which notebook is meant by "3", "03", "adamw" or a path."""

import re
from importlib.metadata import metadata
from pathlib import Path

# index, 03_weight_decay, 03_weight_decay_exercises
NAME = re.compile(r"index|\d\d_[a-z][a-z0-9_]*")
MARK = ".course"  # what a learner does is kept there; `course start` makes it


class CourseError(Exception):
    """Something a user can mend; its message is the one line they read."""


def root() -> Path:
    """The course's folder: the one we stand in, or else the one this package lies in.

    A checkout holds ``notebooks`` and ``course_lib``, a working copy ``notebooks`` and `MARK`.
    Raises CourseError where there is neither.
    """
    for folder in (Path.cwd(), *Path.cwd().parents, Path(__file__).resolve().parents[2]):
        marked = (folder / "course_lib").is_dir() or (folder / MARK).is_dir()
        if marked and (folder / "notebooks").is_dir():
            return folder
    raise CourseError(
        "this is not the course's folder: go to the one that holds notebooks/, or make one: "
        "course start DIR"
    )


PLACEHOLDER = "OWNER/REPOSITORY"


def address() -> str:
    """The repository's address, as the package's own data say it; "" while it is a placeholder."""
    urls = metadata("course-lib").get_all("Project-URL") or []
    found = next((url.split(", ")[1] for url in urls if url.startswith("Repository, ")), "")
    return "" if PLACEHOLDER in found else found


def names(notebooks: Path) -> list[str]:
    """Names of all notebooks of the course, built or not, in lesson order; index first."""
    found = {path.stem for path in (*notebooks.glob("src/*.py"), *notebooks.glob("*.ipynb"))}
    return sorted(
        (name for name in found if NAME.fullmatch(name)), key=lambda name: (name != "index", name)
    )


def select(words: list[str], notebooks: Path) -> list[str]:
    """Names meant by the words, each once; no word means all.

    A word is a notebook's name or a file of it; or a number or a stem, which mean the lesson and
    its exercises. Raises CourseError naming what there is.
    """
    there = names(notebooks)
    meant = (name for word in words for name in _meant(word, there))
    return list(dict.fromkeys(meant)) if words else there


def _meant(word: str, there: list[str]) -> list[str]:
    stem, number = Path(word).stem, f"{int(word):02d}" if word.isdecimal() else None
    meant = [
        name
        for name in there
        if number == name[:2] or stem in (name, name[3:].removesuffix("_exercises"))
    ]
    if not meant:
        lessons = ", ".join(
            name.replace("_", " ", 1) for name in there if not name.endswith("_exercises")
        )
        raise CourseError(f"there is no lesson {word!r}; there is {lessons or 'none yet'}")
    return meant
