"""What every lesson's text keeps to: narrow code, folded answers, explorers that stand alone."""

import ast
import builtins
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import jupytext
import pytest

from course_lib.learner.cells import calls, is_folded, kind, tags

SOURCES = sorted((Path(__file__).resolve().parents[2] / "notebooks" / "src").glob("*.py"))
LESSONS = [path for path in SOURCES if not path.stem.endswith("_exercises")]
WIDTH = 88  # what JupyterLab shows at 1280 pixels without scrolling sideways


def code(path):
    return [cell for cell in jupytext.read(path).cells if cell.cell_type == "code"]


def name(path):
    return path.stem


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_code_is_read_without_scrolling_sideways(path):
    lines = [line for cell in code(path) for line in cell.source.splitlines()]
    assert not [line for line in lines if len(line) > WIDTH]


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_displayed_formula_is_a_paragraph_of_its_own(path):
    """The site's Markdown takes it for part of a sentence otherwise, and prints the dollars."""
    texts = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "markdown"]
    displayed = [p for text in texts for p in re.split(r"\n\s*\n", text) if "$$" in p]
    assert not [p for p in displayed if not re.fullmatch(r"\s*\$\$[^$]+\$\$\s*", p)]


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_python_shown_in_a_text_is_python(path):
    """One that copies it wants to run it, and the site's highlighter refuses what is none."""
    texts = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "markdown"]
    for shown in re.findall(r"```python\n(.*?)```", "\n".join(texts), re.DOTALL):
        ast.parse(textwrap.dedent(shown))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_what_came_out_stands_in_a_folded_cell_whose_first_line_tells_nothing(path):
    """JupyterLab shows the first line of what is folded."""
    for cell in code(path):
        if calls(cell.source, "reveal"):
            hidden = cell.metadata.get("jupyter", {}).get("source_hidden", False)
            assert is_folded(cell) or hidden or not _literal_answers(cell.source), cell.source
        if is_folded(cell) and kind(cell) in ("setup", "reveal", "claim"):
            assert cell.source.startswith("# what "), cell.source


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_a_claim_and_what_came_out_read_as_one_statement(path):
    """The words of `course_lib.notebook.bounds` ask; what takes work stands in a cell above."""
    for cell in code(path):
        if calls(cell.source, "claim", "reveal"):
            riddles = [node for node in ast.walk(ast.parse(cell.source)) if _is_riddle(node)]
            assert not riddles, f"{ast.unparse(riddles[0])}\n  in {cell.source}"


def _is_riddle(node):
    keyed = isinstance(node, ast.Dict) and any(
        getattr(key, "value", 0) is True for key in node.keys
    )
    return keyed or isinstance(node, (ast.Lambda, ast.IfExp))


@pytest.mark.parametrize("riddle", ["lambda x: x < 1", "1 if x else 0", "{True: 1}[x]"])
def test_a_riddle_is_found(riddle):
    assert any(map(_is_riddle, ast.walk(ast.parse(f"claim('It is.', 0, holds={riddle})"))))


def _literal_answers(source):
    answers = (call.argument(1, "correct") for call in calls(source, "reveal"))
    return [answer for answer in answers if isinstance(answer, ast.Constant)]


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_an_explorers_cell_runs_in_a_fresh_kernel(path):
    """A link of the index leads there; nothing above it was run."""
    for cell in code(path):
        if calls(cell.source, "explorer") and "setup" not in tags(cell):
            assert not _unknown(ast.parse(cell.source)), cell.source


def _unknown(tree):
    """Names that a cell reads and neither imports nor makes itself."""
    read, known = set(), set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            known |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.arg)):
            known.add(getattr(node, "name", None) or getattr(node, "arg", ""))
        elif isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else known).add(node.id)
    return read - known


def test_what_lessons_import_first_loads_nothing_that_they_need_late_or_never():
    """Seconds and 60 MiB each, on Binder's one core: they come with the cell that needs them."""
    cells = [cell for path in LESSONS for cell in code(path) if kind(cell) in ("setup", "explorer")]
    trees = [node for cell in cells for node in ast.parse(cell.source).body]
    imports = [ast.unparse(node) for node in trees if isinstance(node, (ast.ImportFrom, ast.Try))]
    heavy = ("scipy.stats", "sklearn", "nbformat")
    probe = f"import sys; print([name for name in {heavy} if name in sys.modules])"
    command = [sys.executable, "-c", "\n".join([*imports, probe])]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.stdout == "[]\n", run.stdout + run.stderr
