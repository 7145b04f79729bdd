"""A cell that was run too early: under the NameError one sentence says which cell comes first.

The set-up cell loads the course, so before it nothing of ours is in the kernel. Jupyter's server
under `course lab` and Binder therefore starts its IPython kernels with this extension (`kernels`).
It needs the notebook as it was saved last, and says nothing where that is not to be had.
"""

import json
from pathlib import Path
from types import TracebackType
from typing import Any

from course_lib.base.names import binds
from course_lib.base.progress import own_notebook


def load_ipython_extension(shell: Any) -> None:
    """Have `shell` show a NameError with what `missing` says of it."""
    shell.set_custom_exc((NameError,), _shown)


def _shown(
    shell: Any,
    kind: type[NameError],
    error: NameError,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> None:
    name = error.name or ""
    if name not in binds(shell.user_ns["_ih"][-1]) and (sentence := missing(name)):
        lines = shell.InteractiveTB.structured_traceback(kind, error, trace, tb_offset=tb_offset)
        error._render_traceback_ = lambda: [*lines, f"✗ {sentence}"]  # type: ignore[attr-defined]
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


def missing(name: str) -> str:
    """Which cell of this kernel's notebook gives `name`, as a sentence; "" where none does."""
    source = next((each for each in _code(Path(own_notebook())) if name in binds(each)), "")
    if not source:
        return ""
    first, *more = source.strip().splitlines()
    begin = f"{first}{' …' * bool(more)}"
    return f"`{name}` is not there yet: run the cell that begins with `{begin}`, then this one."


def _code(path: Path) -> list[str]:
    """The sources of a notebook's code cells; none where it cannot be read."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
