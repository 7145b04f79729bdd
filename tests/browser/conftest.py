"""Browser tests: a JupyterLab for each notebook, and a short report of what was measured, in
build/browser.
"""

import os
import shutil
from pathlib import Path

import nbformat
import pytest

from tests.browser import _lab


def pytest_collection_modifyitems(items):
    """`-m "not browser"` leaves these out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session", autouse=True)
def _chromium_is_here():
    """All of these drive Chromium. Without one they are skipped, but fail in CI: nothing of the
    front end is tested elsewhere.
    """
    if _lab.CHROMIUM is None:
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse("no Chromium here: install one, e.g. `apt install chromium`")


@pytest.fixture(scope="module")
def opened(request, tmp_path_factory):
    """The notebook that the module asks for (a path, or a list of cells), run to its end: (page,
    traffic, server).
    """
    folder, scratch = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter")
    wanted = getattr(request, "param", None) or request.module.CELLS
    name = place(wanted, folder)
    with _lab.jupyter_lab(folder, scratch) as server, _lab.chromium() as page:
        traffic = _lab.Traffic().watch(page)
        _lab.open_notebook(page, server, name)
        _lab.run_all(page)
        yield _lab.Opened(page, traffic, folder / name)


def place(wanted, folder):
    """Put a copy of a notebook (a path), or one of these cells, into `folder`; return its name.

    A cell is a node, or the text of a code cell.
    """
    if isinstance(wanted, Path):
        return Path(shutil.copy(wanted, folder)).name
    code = nbformat.v4.new_code_cell
    cells = [code(cell) if isinstance(cell, str) else cell for cell in wanted]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {
        "name": "python3",
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
    }
    nbformat.write(notebook, folder / "toys.ipynb")
    return "toys.ipynb"


@pytest.fixture(scope="module")
def report(request):
    """Prints a measured line and keeps it in build/browser/<module>.txt."""
    file = _lab.ROOT / "build" / "browser" / f"{Path(request.path).stem}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)

    def write(line):
        print(line)
        with file.open("a", encoding="utf-8") as lines:
            lines.write(f"{line}\n")

    return write
