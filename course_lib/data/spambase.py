"""Spambase: looked for in two folders, else fetched from UCI; believed if its checksum fits.

    python -m course_lib.data.spambase [URL]        fetch it now

Copies differ in line ends and in the order of rows, so the checksum is taken of the sorted lines,
each ended by a line feed.
"""

import hashlib
import io
import os
import sys
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_lib.base.files import write_whole
from course_lib.base.places import CourseError, root
from course_lib.data.download import LARGEST, NoData, download

ADDRESS = "https://archive.ics.uci.edu/static/public/94/spambase.zip"  # doi 10.24432/C53G6X
FILE = "spambase.data"
SHA256 = "3802428e775e27a8280ec2f36f18bbaebe048323a99e8f43cb3310083ca2f2b2"
COMMAND = f"{sys.executable} -m course_lib.data.spambase"


def load(fetching: bool = True) -> tuple[Tensor, Tensor]:
    """The table: x [4601, 57] float64 and y [4601] int64 (1: spam), rows in sorted order.

    From a folder, else fetched. Raises `NoData` where there is no copy, and none may or can be
    fetched; or a damaged one, which is left alone.
    """
    for folder in folders():
        if (folder / FILE).is_file():
            return read(folder / FILE)
    if not fetching:
        nowhere = " nor in ".join(map(str, folders()))
        raise NoData(f"{FILE} is neither in {nowhere}. Fetch it when you are online: {COMMAND}")
    return read(fetch())


def folders() -> list[Path]:
    """Where a copy may lie: the folder that COURSE_DATA names, then the course's data/.

    Outside of any course: data/ beside this package.
    """
    try:
        course = root()
    except CourseError:
        course = Path(__file__).resolve().parents[2]
    named = os.environ.get("COURSE_DATA")
    return [*([Path(named)] if named else []), course / "data"]


@lru_cache
def read(path: Path) -> tuple[Tensor, Tensor]:
    """The table in a file. Raises `NoData` if it is another one, damaged, or cannot be read."""
    try:
        lines = checked(path.read_bytes(), path)
    except OSError as problem:
        raise NoData(f"{path} cannot be read: {problem.strerror or problem}") from None
    except NoData as problem:
        raise NoData(f"{problem}. Move that file away and fetch it anew: {COMMAND}") from None
    table = torch.tensor(
        [[float(number) for number in line.split(b",")] for line in lines], dtype=torch.float64
    )
    return table[:, :-1].contiguous(), table[:, -1].long()


def checked(content: bytes, source: Path | str) -> list[bytes]:
    """The sorted lines of Spambase. Raises `NoData`, naming the `source`, for anything else."""
    lines = sorted(content.split())
    found = hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()
    if found != SHA256:
        expected = (
            f"SHA-256 of its {len(lines)} lines {found[:8]}…, of Spambase's 4601 {SHA256[:8]}…"
        )
        raise NoData(f"{source} is not Spambase ({expected})")
    return lines


def fetch(address: str = ADDRESS, folder: Path | None = None, **options: Any) -> Path:
    """Download, unpack, check and keep it in `folder` (the first of `folders()`); returns the file.

    options: as `download` has them. Raises `NoData` saying what went wrong and the command to run
    later.
    """
    path = Path(folder or folders()[0]) / FILE
    try:
        content = unpacked(download(address, **options), address)
        checked(content, address)
        write_whole(path, content)
    except NoData as problem:
        raise NoData(
            f"Spambase could not be fetched: {problem}. Try again when you are online: {COMMAND}"
        ) from None
    except OSError as problem:
        reason = f"{path.parent} cannot be written ({problem.strerror or problem})"
        raise NoData(
            f"{reason}: make room, or name another folder in COURSE_DATA; then: {COMMAND}"
        ) from None
    return path


def unpacked(content: bytes, source: str) -> bytes:
    """The member spambase.data of a zip archive; anything else as it is.

    Raises `NoData` for an archive without.
    """
    if not content.startswith(b"PK"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            [member] = [entry for entry in archive.infolist() if Path(entry.filename).name == FILE]
            if member.file_size > LARGEST:
                raise NoData(f"{source} holds more than {LARGEST // 10**6} MB")
            return archive.read(member)
    except (zipfile.BadZipFile, ValueError):
        raise NoData(f"{source} serves an archive that does not hold one {FILE}") from None


def main(arguments: list[str]) -> int:
    """Fetch it, from the address given, or else unless it is here: 0, or 1 with the reason."""
    try:
        x, y = read(fetch(arguments[0])) if arguments else load()
    except NoData as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"Spambase is here: {len(x)} e-mails, {int(y.sum())} of them spam")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
