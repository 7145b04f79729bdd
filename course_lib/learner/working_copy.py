"""A working copy of the course: notebooks, texts and pictures in a folder of one's own.

They come from the checkout that this package lies in, or from what an installed wheel carries.
Solutions stay behind.
"""

import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from course_lib.base.places import MARK, CourseError

SHARE = "share/course-lib/"  # where a wheel puts them, see pyproject.toml


def make(target: Path) -> int:
    """Copy the course into a new or empty folder; return the number of files.

    Raises CourseError where the folder holds anything, or this package carries no notebooks.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CourseError(f"{target} is not an empty folder: name a new one")
    found = dict(_carried())
    if not found:
        raise CourseError("this package carries no notebooks: install the wheel, or use a checkout")
    for place, source in found.items():
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target / place)
    (target / MARK).mkdir()
    return len(found)


def _carried() -> Iterator[tuple[str, Path]]:
    """(place in a working copy, file) of everything that is copied."""
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "notebooks").is_dir():
        for pattern in ("*.ipynb", "*.md", "src/*.py", "pictures/*.png"):
            for path in sorted((checkout / "notebooks").glob(pattern)):
                yield str(path.relative_to(checkout)), path
        return
    try:
        listed = files("course-lib") or []
    except PackageNotFoundError:
        return
    for file in listed:
        _, here, place = file.as_posix().partition(SHARE)
        if here:
            yield place, Path(str(file.locate()))
