"""F42 to F48: kernels that die, files that are damaged, a disk that is full, what is missing."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

from course_lib import cli
from course_lib.base import progress
from course_lib.checks import check_file
from course_lib.jupyter.saving import without_views
from course_lib.learner.cells import kind
from course_lib.panel.widget import part_of_page

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
EXERCISE = "03_weight_decay_exercises"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def test_F42_after_a_kernels_death_all_runs_again():
    """The page's part, what it says and how it comes back: tests/browser/test_kernel_gone.py."""
    cells = ["from tests import _toys", "_toys.waves.show()"]
    kernel, client = start_new_kernel(cwd=str(ROOT))
    try:
        for cell in cells:
            assert client.execute_interactive(cell, timeout=120)["content"]["status"] == "ok"
        kernel.signal_kernel(9)
        kernel.restart_kernel(now=True)
        client.wait_for_ready(timeout=120)
        for cell in cells:
            assert client.execute_interactive(cell, timeout=120)["content"]["status"] == "ok"
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
    assert "The kernel has stopped. Run the first cell again" in part_of_page("elements.js")


@pytest.mark.parametrize(
    "path", sorted(NOTEBOOKS.glob("[0-9]*_[a-z]*.ipynb")), ids=lambda p: p.stem
)
def test_F43_without_a_kernel_every_explorer_is_a_picture_with_words(path):
    """What a page without a kernel shows: the picture, its text, and no dead widget."""
    cells = nbformat.read(path, as_version=4).cells
    for cell in (cell for cell in cells if cell.cell_type == "code"):
        data = [output.get("data", {}) for output in cell.outputs]
        assert not any(WIDGET_VIEW in each for each in data)
        if kind(cell) == "explorer" and cell.outputs:
            assert any("image/png" in each and each.get("text/plain") for each in data), cell.source


def test_F43_a_live_panel_says_how_to_run_it_where_no_front_end_loads():
    assert re.search("[Rr]un", part_of_page("late.html"))


def test_F44_a_notebook_run_and_saved_ten_times_does_not_grow(amount, monkeypatch):
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    sources = ["from tests import _toys", "_toys.waves.show()", "1 + 1"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        store_widget_state=False,  # a test of JupyterLab's settings holds it to that
        resources={"metadata": {"path": ROOT}},
    )
    sizes = []
    with client.setup_kernel(env=dict(os.environ)):
        for _ in range(amount(3, 10)):
            for number, cell in enumerate(notebook.cells):
                client.execute_cell(cell, number)
            saved = json.loads(nbformat.writes(notebook))  # as JupyterLab hands it to the server
            without_views(model={"type": "notebook", "content": saved})
            sizes.append(len(json.dumps(saved)))
    assert WIDGET_VIEW not in json.dumps(saved)
    assert sizes[-1] < 1.01 * sizes[0]


def solved(tmp_path):
    """A solved exercise of somebody's, and where it is to stand."""
    notebook = nbformat.read(NOTEBOOKS / "solutions" / f"{EXERCISE}.ipynb", as_version=4)
    return notebook, tmp_path / f"{EXERCISE}.ipynb"


def test_F45_cells_out_of_order_twice_or_deleted(tmp_path, worker):
    notebook, path = solved(tmp_path)
    cells = notebook.cells
    answers = {tag: c for c in cells for tag in c.metadata.get("tags", ()) if "answer" in tag}
    cells.remove(answers["answer:T4"])
    cells.remove(answers["answer:T2"])
    cells.insert(0, answers["answer:T2"])
    cells.append(answers["answer:T3"].copy())
    nbformat.write(notebook, path)
    t1, t2, t3, t4, t5 = check_file(path)
    assert t1 and t2 and t3 and t5
    assert t4.verdict == "error" and "answer:T4 was deleted" in t4.message
    assert "course reset" in t4.message


DAMAGE = {
    "F46 cut in half": (lambda data: data[: len(data) // 2], "cut off or damaged"),
    "F46 empty": (lambda data: b"", "is empty"),
    "F46 conflict markers": (
        lambda data: b"<<<<<<< HEAD\n" + data + b"=======\n" + data + b">>>>>>> theirs\n",
        "conflict markers",
    ),
}


@pytest.mark.parametrize(("spoil", "says"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_notebook_is_named_and_others_go_on(spoil, says, tmp_path, capsys, worker):
    notebook, path = solved(tmp_path)
    nbformat.write(notebook, path)
    broken = path.with_name("a_broken.ipynb")
    broken.write_bytes(spoil(path.read_bytes()))
    before = broken.read_bytes()
    assert cli.main(["check", str(tmp_path), "--jobs", "1"]) == 1
    said = capsys.readouterr().out
    assert re.search(rf"✗ a_broken\.ipynb .*{says}", said) and said.count("✓ T") == 5
    assert broken.read_bytes() == before


def test_F46_the_learner_is_told_how_to_get_the_file_back(course, monkeypatch, capsys):
    notebooks = course(_03_toy_exercises="# %%\n1\n")
    (notebooks / "03_toy_exercises.ipynb").write_text("{")
    monkeypatch.chdir(notebooks)
    assert cli.main(["check", "03"]) == 1
    said = capsys.readouterr().out
    assert "✗ 03_toy_exercises.ipynb is no whole notebook" in said
    assert "`course reset`" in said and "keeps yours aside" in said
    assert "Revert to Checkpoint" in said


def test_F47_a_full_disk_leaves_the_former_progress_intact(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "file", lambda: tmp_path / ".course" / "progress.json")
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    assert progress.note("tasks", "dropout/T1", at="before") == ""
    before = progress.file().read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as context:
        context.setattr(os, "fsync", full)
        said = progress.note("tasks", "dropout/T2", at="after")
    assert os.strerror(errno.ENOSPC) in said and progress.file().read_bytes() == before
    assert not list(progress.file().parent.glob("*.tmp"))


def first_cell():
    cells = jupytext.read(NOTEBOOKS / "src" / "04_adamw.py").cells
    return next(cell.source for cell in cells if cell.cell_type == "code")


def last_line(code, *options):
    run = subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True)
    return run.stderr.splitlines()[-1]


def test_F48_what_is_missing_is_said_with_what_mends_it():
    bare = ("-I", "-S")  # no package at all
    assert "`make course`" in last_line(first_cell(), *bare)
    said = last_line(f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{first_cell()}", *bare)
    assert "Missing here: torch, numpy, " in said and "pip install" in said
    old = "import sys; sys.version_info = (3, 9, 1); import course_lib.notebook"
    assert "3.10 or newer" in last_line(old)
