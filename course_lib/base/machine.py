"""What is free on this machine, or in the container that it is."""

from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")  # where Linux says what a container may use: Binder, JupyterHub


def free_memory() -> int:
    """Bytes that can still be used: of the machine, or of the container where that allows less."""
    import psutil

    free = psutil.virtual_memory().available
    left = _left_in_container()
    return free if left is None else min(free, left)


def _left_in_container() -> int | None:
    """Bytes below the container's limit; None where there is none.

    Pages of files that can be dropped count as free, as they do in `available`.
    """
    try:
        limit = (CGROUP / "memory.max").read_text().strip()
        used = int((CGROUP / "memory.current").read_text())
        kinds = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
    except OSError:  # another system, or the older cgroups
        return None
    return None if limit == "max" else int(limit) - used + int(kinds.get("inactive_file", 0))
