"""The shipped notebooks. nbval executes each lesson and each solution, once, beside these tests
(see pyproject.toml); here is what can be said without executing them, and the blank exercises,
which nbval leaves out."""

import asyncio
import copy
import os
import re
import shutil
import statistics
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import jupytext
import nbformat
import pytest
from jupytext.cli import jupytext as jupytext_command
from nbclient import NotebookClient

from course_lib.authoring import build, pairing
from course_lib.base.card import bundle
from course_lib.base.record import Record
from course_lib.learner.cells import shown
from course_lib.replication.plan import Plan

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
SOURCES = sorted((NOTEBOOKS / "src").glob("*.py"))
LESSONS = [path.stem for path in SOURCES if not path.stem.endswith("_exercises")]
EXERCISES = [path.stem for path in SOURCES if path.stem.endswith("_exercises")]
EXECUTED = [f"{name}.ipynb" for name in LESSONS] + [f"solutions/{name}.ipynb" for name in EXERCISES]
CHECKED = "nbval-check-output"


def stored(file):
    return nbformat.read(NOTEBOOKS / file, as_version=4)


def code(notebook, tag=""):
    """Code cells, all or those with a tag that starts so."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [
        cell
        for cell in cells
        if any(t.startswith(tag) for t in cell.metadata.get("tags", [] if tag else [""]))
    ]


def text(cell):
    """What a cell printed and showed, as plain text."""
    return "".join(
        output.get("text", "") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
    )


def without_outputs(notebook):
    return [
        (cell.cell_type, cell.id, cell.source, cell.metadata) for cell in notebook.cells
    ], notebook.metadata


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_source_and_built_notebooks_agree(source):
    for path, expected in build.targets(source).items():
        assert path.is_file(), f"build it: course build {source.stem}"
        built = nbformat.read(path, as_version=4)
        assert without_outputs(built) == without_outputs(expected), (
            f"build it again: course build {source.stem}"
        )


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_source_goes_to_a_notebook_and_back(source, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert jupytext_command(["--quiet", "--to", "ipynb", "--test", str(source)]) == 0
    header = jupytext.read(source).metadata
    assert header.jupytext.formats == "py:percent", (
        "a source is paired with nothing: JupyterLab could not open it"
    )
    assert header.kernelspec.name == "python3"


@pytest.mark.parametrize("file", EXECUTED)
def test_no_picture_is_lost(file):
    drawn = [o.data for cell in code(stored(file)) for o in cell.outputs if "data" in o]
    figures = [data for data in drawn if "<Figure size" in data.get("text/plain", "")]
    assert all("image/png" in data for data in figures)


@pytest.mark.parametrize("file", EXECUTED)
def test_a_lesson_ran_to_its_end_and_says_nothing_on_stderr(file):
    cells = [cell for cell in code(stored(file)) if cell.source.strip()]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [
        output
        for output in outputs
        if output.output_type == "error" or output.get("name") == "stderr"
    ]
    assert not [output for output in outputs if build.WIDGET_VIEW in output.get("data", {})]


@pytest.mark.parametrize("file", EXECUTED)
def test_a_checked_cell_has_an_output_to_compare_with(file):
    """nbval compares nothing, and says nothing, where none is stored."""
    assert not [cell.source for cell in code(stored(file), CHECKED) if not text(cell).strip()]


@pytest.mark.parametrize("name", LESSONS)
def test_every_claim_is_checked(name):
    claims = [cell for cell in code(stored(f"{name}.ipynb")) if shown(cell, "claim")]
    assert claims
    assert not [cell.source for cell in claims if CHECKED not in cell.metadata.get("tags", [])]


@pytest.mark.parametrize("file", EXECUTED)
def test_what_is_shown_was_computed_on_the_data_it_is_about(file):
    shown = "\n".join(map(text, code(stored(file))))
    assert "Spambase could not be fetched" not in shown and "Spambase is not here" not in shown


@pytest.mark.parametrize("file", EXECUTED)
def test_code_cells_are_short(file):
    cells = [cell for cell in code(stored(file)) if "plain" not in cell.metadata.get("tags", [])]
    sizes = [len(cell.source.splitlines()) for cell in cells]  # plain ones: test_plain_cells
    long = [size for size in sizes if size > 15]
    if long or statistics.median(sizes) > 6:
        warnings.warn(
            f"{file}: median {statistics.median(sizes)} lines a code cell, above 15: {long}",
            stacklevel=1,
        )
    assert max(sizes) <= 25


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_and_its_exercises_are_small(name):
    files = [NOTEBOOKS / f"{name}.ipynb", NOTEBOOKS / f"{name}_exercises.ipynb"]
    assert sum(path.stat().st_size for path in files if path.exists()) <= 2_000_000


@pytest.fixture(scope="module")
def kernel():
    """One kernel for all blank exercises."""
    where = {"metadata": {"path": str(NOTEBOOKS)}}
    client = NotebookClient(nbformat.v4.new_notebook(), kernel_name="python3", resources=where)
    with client.setup_kernel():
        yield client.km


@pytest.mark.parametrize("name", EXERCISES)
def test_a_blank_exercise_runs_through_and_every_task_is_not_implemented_yet(name, kernel):
    blank = stored(f"{name}.ipynb")
    assert not [cell for cell in code(blank) if cell.outputs or cell.execution_count]
    blank.cells.insert(0, nbformat.v4.new_code_cell("%reset -sf"))
    NotebookClient(blank, km=kernel, timeout=120).execute()
    said = [[it.verdict for it in shown(cell, "check")] for cell in code(blank, "check:")]
    assert said and all(verdicts and {*verdicts} == {"unanswered"} for verdicts in said)


@pytest.mark.parametrize("name", EXERCISES)
def test_every_task_is_passed_in_the_solution(name):
    checks = code(stored(f"solutions/{name}.ipynb"), "check:")
    assert checks
    said = [[it.verdict for it in shown(cell, "check")] for cell in checks]
    assert all(verdicts and {*verdicts} == {"passed"} for verdicts in said)


# ---- JupyterLab, which opens and saves through jupytext's contents manager ----


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the course: its notebooks, and what says how they are paired."""
    folder = tmp_path_factory.mktemp("course")
    ignored = shutil.ignore_patterns(".*", "*.kept-*")
    shutil.copytree(NOTEBOOKS, folder / "notebooks", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture(params=["repository", "notebooks"])
def lab(request, copied):
    """JupyterLab's way to a copied course, rooted at the repository or at notebooks/."""
    lab = Lab(copied, request.param)
    yield lab
    for path, content in lab.former.items():
        path.write_bytes(content)


class Lab:
    """Opens and saves notebooks of a copied course, and keeps what stood there before."""

    def __init__(self, folder, rooted):
        from jupytext import AsyncTextFileContentsManager

        self.notebooks, self.former = folder / "notebooks", {}
        self.manager = AsyncTextFileContentsManager()
        self.manager.root_dir = str(folder if rooted == "repository" else self.notebooks)
        self.prefix = "notebooks/" if rooted == "repository" else ""

    def open(self, file):
        model = asyncio.run(self.manager.get(self.prefix + file, type="notebook", content=True))
        return nbformat.from_dict(model["content"])

    def save(self, file, notebook):
        path = self.notebooks / file
        self.former.setdefault(path, path.read_bytes())
        model = {"type": "notebook", "format": "json", "content": notebook}
        asyncio.run(self.manager.save(model, self.prefix + file))

    def files(self):
        """Contents of all files, JupyterLab's checkpoints aside."""
        files = {
            path.relative_to(self.notebooks): path
            for path in self.notebooks.rglob("*")
            if path.is_file()
        }
        return {
            str(file): path.read_bytes()
            for file, path in files.items()
            if ".ipynb_checkpoints" not in file.parts
        }

    def make_newest(self, suffix):
        """As a clone may have it: which file is the newer says nothing."""
        for path in self.notebooks.rglob("*.*"):
            os.utime(path, (2e9, 2e9) if path.suffix == suffix else (1e9, 1e9))


@pytest.mark.parametrize("newest", [".py", ".ipynb"])
def test_opening_and_saving_touches_one_file_and_shows_no_answer(lab, newest, amount):
    everything = [
        *EXECUTED,
        *(f"{name}.ipynb" for name in EXERCISES),
        *(f"src/{path.name}" for path in SOURCES),
    ]
    for file in everything[:: amount(6, 1)]:  # lessons, solutions, blank exercises and sources
        lab.make_newest(newest)
        before = lab.files()
        notebook = lab.open(file)
        assert [cell.source for cell in notebook.cells] == [
            cell.source for cell in jupytext.read(lab.notebooks / file).cells
        ]
        changed = copy.deepcopy(notebook)
        changed.cells.append(nbformat.v4.new_code_cell("mine = 1"))
        lab.save(file, changed)
        after = lab.files()
        assert {name for name in after if after[name] != before.get(name)} == {file}


@pytest.mark.parametrize("file", [f"{name}.ipynb" for name in LESSONS])
def test_saving_a_notebook_again_and_again_does_not_grow_it(lab, file, amount):
    lab.save(file, lab.open(file))
    size = (lab.notebooks / file).stat().st_size
    for _ in range(amount(2, 10)):
        lab.save(file, lab.open(file))
    assert (lab.notebooks / file).stat().st_size == size


@pytest.mark.parametrize("changed", ["03_toy.ipynb", "src/03_toy.py"])
@pytest.mark.parametrize("rooted", ["repository", "notebooks"])
def test_a_paired_lesson_and_its_text_are_kept_alike(course, tmp_path, rooted, changed):
    notebooks = course(_03_toy="# %%\n1\n")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    build.build(["03_toy"], notebooks, report=lambda line: None)
    pairing.pair("03_toy", notebooks)
    lab = Lab(tmp_path, rooted)
    notebook = lab.open(changed)
    notebook.cells[0].source = "1 + 1"
    lab.save(changed, notebook)
    for file in ("03_toy.ipynb", "src/03_toy.py"):
        assert [cell.source for cell in jupytext.read(notebooks / file).cells] == ["1 + 1"]


def test_running_and_saving_a_live_explorer_again_and_again_does_not_grow_the_file(
    tmp_path, monkeypatch, amount
):
    """As a learner would, with sliders in place of pictures; widget states would pile up."""
    monkeypatch.delenv("COURSE_HEADLESS")
    cells = ["from course_lib.explorers.weight_decay import trajectories", "trajectories.show()"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, kernel_name="python3", store_widget_state=False)
    sizes = []
    with client.setup_kernel():
        for _ in range(amount(3, 10)):
            client.reset_execution_trackers()
            for number, cell in enumerate(notebook.cells):
                client.execute_cell(cell, number)
            build.save(notebook, tmp_path / "run.ipynb")
            sizes.append((tmp_path / "run.ipynb").stat().st_size)
    assert [
        output
        for output in notebook.cells[1].outputs
        if build.WIDGET_VIEW in output.data and "image/png" in output.data
    ]
    assert max(sizes) < 1.01 * min(sizes)


# ---- nbval itself: what it must let pass, and what it must not ----

EXACT = Record("claim", "a", basis="exact", verdict="holds", figure="1")
HELD = replace(EXACT, basis="measured")
CAME = Record("reveal", "which?", "key", verdict="x")
SAID = {  # stored, shown now, and whether nbval lets it pass
    "same": ([EXACT, "1"], [EXACT, "1"], True),
    "another figure": ([EXACT], [replace(EXACT, figure="2")], True),
    "another verdict of a measurement": (
        [HELD],
        [replace(HELD, verdict="inconclusive", detectable=0.1)],
        True,
    ),
    "what a reader predicted": ([CAME], [replace(CAME, said="x")], True),
    "another sentence": ([HELD], [replace(HELD, text="b")], False),
    "another bound": ([HELD], [replace(HELD, asked="a < 2")], False),
    "a claim gone": ([EXACT], [], False),
    "another kind": ([EXACT], [HELD], False),
    "another printed line": (["1"], ["2"], False),
}


def _output(said):
    if isinstance(said, str):
        return nbformat.v4.new_output("stream", name="stdout", text=said)
    return nbformat.v4.new_output("display_data", bundle(said, f"{said.verdict}: {said.text}"))


def _code(said):
    if isinstance(said, str):
        return f"print({said!r}, end='')"
    return f"display({dict(_output(said).data)!r}, raw=True)"


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """What nbval says of each pair."""
    folder = tmp_path_factory.mktemp("nbval")
    notebook = nbformat.v4.new_notebook()
    for stored, now, _ in SAID.values():
        outputs = [_output(it) for it in stored]
        tagged = {"outputs": outputs, "execution_count": 1, "metadata": {"tags": [CHECKED]}}
        notebook.cells.append(nbformat.v4.new_code_cell("\n".join(map(_code, now)), **tagged))
    shutil.copy(ROOT / "conftest.py", folder)
    nbformat.write(notebook, folder / "toy.ipynb")
    options = [
        "--nbval-lax",
        "--nbval-current-env",
        f"--nbval-sanitize-with={ROOT / 'tests' / 'nbval_sanitize.cfg'}",
    ]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        os.devnull,
        f"--rootdir={folder}",
        "-rA",
        *options,
        "toy.ipynb",
    ]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout
    return {name: f"PASSED toy.ipynb::Cell {number}" in told for number, name in enumerate(SAID)}


@pytest.mark.parametrize("pair", SAID)
def test_nbval_compares_what_was_asked_and_not_what_a_machine_measured(judged, pair):
    assert judged[pair] is SAID[pair][2]


@pytest.mark.parametrize(
    ("many", "collected"),
    [
        ("", {"03_weight_decay": [0], "04_adamw": [0, 1], "05_label_smoothing": []}),
        ("1", dict.fromkeys(("03_weight_decay", "04_adamw", "05_label_smoothing"), [0, 1])),
    ],
)
def test_what_has_run_with_this_very_code_is_left_out(tmp_path, many, collected):
    """Of a short lesson *Deeper*, of a long one all; nothing of one that has a new line of code."""
    texts = {
        name: (NOTEBOOKS / "src" / f"{name}.py").read_text(encoding="utf-8") for name in collected
    }
    if stale := {job.lesson for job in Plan(texts).pilots()} - {"04_adamw"}:
        pytest.skip(f"{stale} changed since the record")
    texts["04_adamw"] += "\n\n# %%\nnew = 1\n"
    (tmp_path / "notebooks" / "src").mkdir(parents=True)
    shutil.copy(ROOT / "conftest.py", tmp_path)
    cells = [nbformat.v4.new_code_cell("1"), nbformat.v4.new_code_cell("2")]
    cells[1].metadata.tags = ["deeper"]
    for name, text in texts.items():
        (tmp_path / "notebooks" / "src" / f"{name}.py").write_text(text, encoding="utf-8")
        nbformat.write(
            nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / f"{name}.ipynb"
        )
    told = subprocess.run(
        [*(sys.executable, "-m", "pytest", "-c", os.devnull, f"--rootdir={tmp_path}")]
        + ["--nbval-lax", "--collect-only", "-q", "notebooks"],
        cwd=tmp_path,
        env=os.environ | {"COURSE_MANY": many},
        capture_output=True,
        text=True,
    ).stdout
    expected = [f"{name}.ipynb::Cell {k}" for name, places in collected.items() for k in places]
    assert re.findall(r"^notebooks/(.*)$", told, re.M) == expected, told
