"""`course submit`: one file to hand in, and reading it again."""

import hashlib
import io
import json
import platform
import zipfile
from collections.abc import Iterable
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from course_lib import __version__
from course_lib.base.files import write_whole
from course_lib.base.places import CourseError

MANIFEST = "submission.json"
SUFFIX = ".course.zip"


def submit(notebooks: Iterable[Path], target: Path) -> list[dict]:
    """Write the notebooks and what the checker says of them into the zip file `target`.

    Beside the files it holds submission.json: the versions of course, Python and torch, the time,
    and of each notebook its SHA-256, its answers' sources and verdicts. Returns the notebooks'
    entries. Verdicts are the sender's own: who grades checks again. Raises CourseError for a
    notebook that cannot be read, or a `target` that is there.
    """
    from course_lib import checks
    from course_lib.checks.run import notebook as reading

    notebooks = list(notebooks)
    if target.exists():
        raise CourseError(f"{target} is there already: name another file")
    checked = dict(checks.check_many(notebooks))
    entries, contents = [], {}
    for path in notebooks:
        results = checked[path]
        if [result.task for result in results] == [path.name]:
            raise CourseError(f"{path.name} {results[0].message}")
        short = [result.task.rpartition("/")[2] for result in results]
        answers, _ = reading.answers_of(reading.read(path), short, results[0].task[:2])
        contents[path.name] = path.read_bytes()
        entries.append(
            {
                "notebook": path.name,
                "sha256": _checksum(contents[path.name]),
                "results": [result.as_dict() for result in results],
                "answers": answers,
            }
        )
    manifest = {
        "course": __version__,
        "python": platform.python_version(),
        "torch": version("torch"),
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "notebooks": entries,
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False))
        for name, content in contents.items():
            file.writestr(name, content)
    write_whole(target, packed.getvalue())
    return entries


def receive(submission: Path, folder: Path) -> list[Path]:
    """Unpack the notebooks of a submission into a folder; returns their paths.

    Nothing else is unpacked, and nothing outside the folder is written. Raises CourseError for a
    file that is no submission, or whose notebooks are not those that it was made of.
    """
    try:
        with zipfile.ZipFile(submission) as file:
            manifest = json.loads(file.read(MANIFEST))
            contents = {
                entry["notebook"]: (file.read(entry["notebook"]), entry["sha256"])
                for entry in manifest["notebooks"]
            }
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as problem:
        raise CourseError(f"{submission} is no submission of `course submit`: {problem}") from None
    for name, (content, checksum) in contents.items():
        if Path(name).name != name or "\\" in name or not name.endswith(".ipynb"):
            raise CourseError(f"{submission} names a file {name!r}: refused")
        if _checksum(content) != checksum:
            raise CourseError(f"{submission}: {name} was changed after it was handed in")
    folder.mkdir(parents=True, exist_ok=True)
    for name, (content, _) in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
