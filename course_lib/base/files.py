"""Writing a file whole or not at all."""

from __future__ import annotations  # an older Python gets as far as the sentence that names it

import os
from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> None:
    """Write beside `path`, flush to the disk, rename.

    The old or the new file stands there, never a half. Text is written in UTF-8 as it is. Folders
    are made where they are missing. Raises OSError; then `path` is what it was, and nothing else
    is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(beside, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
