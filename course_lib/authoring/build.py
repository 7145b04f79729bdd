"""From text to notebook, one way: nothing here ever writes a source.

``src/NN_stem.py``           → ``NN_stem.ipynb``, executed
``src/NN_stem_exercises.py`` → ``NN_stem_exercises.ipynb``, answers blank, not executed
                             → ``solutions/NN_stem_exercises.ipynb``, executed: what is right

Building twice gives the same sources, cell ids and metadata.
An answer stands in its source between ``### BEGIN SOLUTION`` and ``### END SOLUTION``.
"""

import ast
import hashlib
import itertools
import os
import re
import time
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from course_lib.base.card import style
from course_lib.base.files import write_whole
from course_lib.base.places import CourseError, address
from course_lib.learner.cells import is_folded, kind

SOLUTION = re.compile(
    r"^([ \t]*)### BEGIN SOLUTION *\n(.*?)^[ \t]*### END SOLUTION *$", re.MULTILINE | re.DOTALL
)
YOUR_CODE, YOUR_VALUE = 'raise NotImplementedError("your code here")', "= ...  # your answer"
FROM_THE_BANK = ("quiz_of", "recall")  # what such a cell shows is text, too
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
METADATA = {
    # Shipped notebooks are paired with nothing: live pairing would show a blank exercise's answers
    # from src/.
    "jupytext": {"formats": "ipynb"},
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}


class BuildError(CourseError):
    """A source that cannot be built; the message names file, cell and cause."""


def build(
    names: Iterable[str],
    notebooks: Path,
    report: Callable[[str], None] = print,
    text_only: bool = False,
) -> list[Path]:
    """Build the named notebooks (``03_weight_decay``, …) of a folder and return the files written.

    text_only: keep the outputs that are there; the code must be what they came from.
    Raises BuildError at the first source that fails; what stood there before it stays.
    """
    run = with_outputs_kept if text_only else executed
    written = []
    for name in names:
        start = time.perf_counter()
        for path, notebook in targets(notebooks / "src" / f"{name}.py").items():
            save(notebook if is_blank(path) else run(notebook, path, name), path)
            written.append(path)
        report(f"built {name} in {time.perf_counter() - start:.1f} s")
    return written


COLAB = """\
# on Colab: the course is fetched where it is missing; elsewhere this does nothing
import importlib.util, sys
if "google.colab" in sys.modules and importlib.util.find_spec("course_lib") is None:
    %pip install -q --no-deps git+{address}
    %pip install -q anywidget pooch json5 jupytext nbval jupyterlab jupyterlab-pygments"""


def with_first_cell(notebook: nbformat.NotebookNode, address: str) -> nbformat.NotebookNode:
    """The notebook with the cell that Colab needs before all others; as it is without an address.

    torch and its CUDA are Colab's own and stay: a GPU is used where the session has one.
    """
    if address:
        cell = nbformat.v4.new_code_cell(COLAB.format(address=address), id="colab")
        cell.metadata = nbformat.from_dict({"tags": ["setup"], "jupyter": {"source_hidden": True}})
        notebook.cells.insert(1, cell)
    return notebook


def targets(source: Path) -> dict[Path, nbformat.NotebookNode]:
    """The notebooks that a source gives, by the file each goes to; none is executed yet."""
    notebook, notebooks = with_first_cell(read(source), address()), source.parent.parent
    here = notebooks / f"{source.stem}.ipynb"
    if not source.stem.endswith("_exercises"):
        return {here: notebook}
    return {here: blank(notebook, source), notebooks / "solutions" / here.name: notebook}


def is_blank(path: Path) -> bool:
    """Whether a built notebook is an exercise waiting for answers: the build executes none."""
    return path.stem.endswith("_exercises") and path.parent.name != "solutions"


def read(source: Path) -> nbformat.NotebookNode:
    """A py:percent text as a notebook with fixed metadata and cell ids."""
    if not source.is_file():
        raise BuildError(f"{source.name}: there is no such source in {source.parent.name}/")
    notebook = jupytext.read(source)
    notebook.metadata = nbformat.from_dict(deepcopy(METADATA))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    _fix_ids(notebook.cells)
    for cell in notebook.cells:
        if is_folded(cell):
            cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
    return notebook


def _fix_ids(cells: list) -> None:
    """An id says what its cell holds: moving or adding a cell leaves the other ids alone."""
    seen: dict[str, int] = {}
    for cell in cells:
        key = id_of(cell)
        seen[key] = seen.get(key, 0) + 1
        cell.id = key if seen[key] == 1 else f"{key}-{seen[key]}"


def id_of(cell: nbformat.NotebookNode) -> str:
    """What a built cell's id begins with: it is of what the cell holds."""
    return hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]


def blank(notebook: nbformat.NotebookNode, source: Path) -> nbformat.NotebookNode:
    """A copy with every answer taken out.

    Raises BuildError where markers do not match or cannot be blanked.
    """
    copy = deepcopy(notebook)
    for number, cell in enumerate(copy.cells):
        try:
            cell.source = SOLUTION.sub(_without_answer, cell.source)
            if re.search("### (BEGIN|END) SOLUTION", cell.source):
                raise ValueError("'### BEGIN SOLUTION' and '### END SOLUTION' do not match")
        except (ValueError, SyntaxError) as problem:
            raise BuildError(f"{_place(source, number, notebook)}: {problem}") from None
    return copy


def _without_answer(region: re.Match) -> str:
    indent, answer = region.groups()
    if indent:
        return f"{indent}{YOUR_CODE}"
    return "\n".join(f"{name} {YOUR_VALUE}" for name in _assigned(answer))


def _assigned(answer: str) -> list[str]:
    statements = ast.parse(answer).body
    targets = [
        target for statement in statements for target in getattr(statement, "targets", [None])
    ]
    if not all(isinstance(target, ast.Name) for target in targets):
        raise ValueError(
            "at top level an answer may only assign names (`w = …`): "
            "put the markers inside the function"
        )
    return [target.id for target in targets]


def executed(notebook: nbformat.NotebookNode, path: Path, name: str) -> nbformat.NotebookNode:
    """Run a notebook in a fresh kernel, in the folder of its file; return it with its outputs.

    Explorers compute to the end (``COURSE_HEADLESS=1``) and leave a picture; widget views and
    states are not kept.
    """
    path.parent.mkdir(exist_ok=True)
    started: list[int] = []
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_execute=lambda cell, cell_index: started.append(cell_index),
    )
    try:
        client.execute(env=os.environ | {"COURSE_HEADLESS": "1"})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as problem:
        source = path.parents[path.parent.name == "solutions"] / "src" / f"{name}.py"
        raise BuildError(f"{_place(source, started[-1], notebook)}: {_cause(problem)}") from problem
    notebook.metadata = nbformat.from_dict(deepcopy(METADATA))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _without_views(cell.outputs)
    _keep_one_style(notebook)
    return notebook


def with_outputs_kept(
    notebook: nbformat.NotebookNode, path: Path, name: str
) -> nbformat.NotebookNode:
    """The notebook with the outputs of the one at `path`, whose code is the same, cell by cell.

    Only what shows the quiz bank is run. Raises BuildError where the code is not the same: what
    changes a result has to be run.
    """
    before = nbformat.read(path, as_version=4).cells if path.is_file() else []
    code, ran = (
        [cell for cell in cells if cell.cell_type == "code"] for cells in (notebook.cells, before)
    )
    sources = itertools.zip_longest(*([cell.source for cell in cells] for cells in (code, ran)))
    for number, (now, then) in enumerate(sources, 1):
        if now != then:
            raise BuildError(
                f"src/{name}.py, code cell {number}: not the code that ran; build without --text"
            )
    for cell, kept in zip(code, ran):
        cell.outputs, cell.execution_count = kept.outputs, kept.execution_count
    if asking := [cell for cell in code if kind(cell) in FROM_THE_BANK]:
        part = deepcopy(notebook)
        part.cells = [cell for cell in part.cells if kind(cell) in ("setup", *FROM_THE_BANK)]
        answered = executed(part, path, name).cells[-len(asking) :]
        for cell, shown in zip(asking, answered, strict=True):
            cell.outputs = shown.outputs
            for output in cell.outputs:
                if "execution_count" in output:  # as the cell's, from the whole run
                    output.execution_count = cell.execution_count
        _keep_one_style(notebook)
    return notebook


def _cause(problem: Exception) -> str:
    if isinstance(problem, CellExecutionError):
        return f"{problem.ename}: {problem.evalue}"
    return str(problem).splitlines()[0]


def _place(source: Path, number: int, notebook: nbformat.NotebookNode) -> str:
    """``src/03_weight_decay.py, cell 12 (line 140)``, cells counted from 1 as one reads."""
    lines = [line for line in notebook.cells[number].source.splitlines() if line.strip()]
    text = source.read_text(encoding="utf-8").splitlines()
    line = text.index(lines[0]) + 1 if lines and lines[0] in text else "?"
    return f"src/{source.name}, cell {number + 1} (line {line})"


def _without_views(outputs: list) -> list:
    for output in outputs:
        output.get("data", {}).pop(WIDGET_VIEW, None)
    return [output for output in outputs if output.get("data") != {}]


def _keep_one_style(notebook: nbformat.NotebookNode) -> None:
    """Take the cards' stylesheet out of all outputs but the first: a page needs it once."""
    found = False
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        page = output.get("data", {}).get("text/html", "")
        if found and style() in page:
            output.data["text/html"] = page.replace(style(), "")
        found = found or style() in page


def save(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook, whole or not at all."""
    write_whole(path, nbformat.writes(notebook) + "\n")
