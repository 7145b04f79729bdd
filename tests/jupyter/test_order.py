"""A cell run too early is told which one comes first: by kernels as `course lab` starts them."""

import asyncio
import os
import re
import shutil

import jupytext
import nbformat
import pytest

from course_lib.jupyter import kernels
from course_lib.jupyter.kernels import Sparing
from course_lib.jupyter.order import missing

CODE = nbformat.v4.new_code_cell


def run(path, *cells, monkeypatch, restart=False):
    """What each of the `cells` raises in a kernel of the notebook at `path`: "" for nothing."""
    monkeypatch.setattr(kernels, "free_memory", lambda: 4 * kernels.GIB)

    async def run():
        manager = Sparing(root_dir=str(path.parent))
        number = await manager.start_kernel(env={**os.environ, "JPY_SESSION_NAME": str(path)})
        try:
            if restart:
                await manager.restart_kernel(number, now=True)
            client = manager.get_kernel(number).client()
            client.start_channels()
            await client.wait_for_ready(timeout=120)
            said = []
            for cell in cells:
                reply = await client.execute_interactive(cell, timeout=120, output_hook=str)
                lines = "\n".join(reply["content"].get("traceback", ()))
                said.append(re.sub(r"\x1b\[[\d;]*m", "", lines))
            client.stop_channels()
            return said
        finally:
            await manager.shutdown_kernel(number, now=True)

    return asyncio.run(run())


@pytest.mark.parametrize("restart", [False, True], ids=("new", "restarted"))
def test_before_set_up_one_sentence_names_the_cell(restart, repository, tmp_path, monkeypatch):
    """And after it nothing more is said of what no cell gives."""
    path = tmp_path / "03_weight_decay_exercises.ipynb"
    shutil.copy(repository / "notebooks" / path.name, path)
    early, late, other = run(
        path,
        't1 = check("03/T1", sgd_update)',
        "from course_lib.checks import check\ncheck",
        "nowhere_at_all",
        restart=restart,
        monkeypatch=monkeypatch,
    )
    assert early.splitlines()[-1] == (
        "✗ `check` is not there yet: run the cell that begins with `# what this page needs …`, "
        "then this one."
    )
    assert early.count("✗") == 1 and "NameError: name 'check' is not defined" in early
    assert late == "" and "✗" not in other and "NameError" in other


def test_a_cell_that_lacks_its_own_name_and_one_of_another_are_told_apart(tmp_path, monkeypatch):
    path = tmp_path / "mine.ipynb"
    cells = [CODE("total = total + 1"), CODE("%matplotlib inline\nCURVES = {}"), CODE("x = (")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    own, magic, deep = run(
        path,
        "total = total + 1",
        "CURVES['A']",
        "def f():\n    return CURVES\nf()",
        monkeypatch=monkeypatch,
    )
    assert "NameError" in own and "✗" not in own
    for said in (magic, deep):
        assert said.endswith("run the cell that begins with `%matplotlib inline …`, then this one.")


def test_every_lessons_set_up_is_what_its_names_lead_to(repository, monkeypatch):
    for path in sorted((repository / "notebooks").glob("*.ipynb")):
        monkeypatch.setenv("JPY_SESSION_NAME", str(path))
        source = jupytext.read(repository / "notebooks" / "src" / f"{path.stem}.py")
        first = next(cell.source for cell in source.cells if cell.cell_type == "code")
        assert f"`{first.splitlines()[0]} …`" in missing("setup"), path


@pytest.mark.parametrize("text", [None, "", "[]", '{"cells": 3}', '{"cells": [{}]}'])
def test_a_notebook_that_is_gone_or_damaged_tells_nothing(text, tmp_path, monkeypatch):
    path = tmp_path / "x.ipynb"
    if text is not None:
        path.write_text(text)
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    assert missing("check") == ""


def test_other_languages_kernels_are_started_as_they_are(monkeypatch, tmp_path):
    """Their command line knows no `--ext`."""
    folder = tmp_path / "kernels" / "other"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text('{"argv": ["R", "{connection_file}"], "display_name": "R"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    assert not Sparing()._is_ipython("other") and Sparing()._is_ipython("python3")
