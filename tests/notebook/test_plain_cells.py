"""Each lesson's plain cell: torch and the data, twenty statements that run alone as a script."""

import ast
import json
import runpy
import sys
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
# As built: every worker of the tests reads them all, and JSON is read in no time.
PLAIN = {
    path.stem: "".join(cell["source"])
    for path in sorted(NOTEBOOKS.glob("*.ipynb"))
    for cell in json.loads(path.read_text("utf-8"))["cells"]
    if "plain" in cell["metadata"].get("tags", [])
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_cell_is_short_and_imports_torch_and_the_data_alone(name):
    tree = ast.parse(PLAIN[name])
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    modules = {
        module
        for node in imports
        for module in (
            [node.module] if isinstance(node, ast.ImportFrom) else [it.name for it in node.names]
        )
    }
    foreign = {it for it in modules if it.split(".")[0] not in ("torch", *sys.stdlib_module_names)}
    assert foreign <= {"course_lib.data"}
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    assert len(statements) - len(imports) <= 21, "twenty, and a docstring"
    assert len(PLAIN[name].splitlines()) <= 35
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert {"backward", "step", "train", "eval"} <= called


class _Shorter(ast.NodeTransformer):
    """The first two rounds of every loop that trains."""

    def visit_For(self, loop):
        self.generic_visit(loop)
        if any(getattr(node, "attr", "") == "backward" for node in ast.walk(loop)):
            few = f"__import__('itertools').islice({ast.unparse(loop.iter)}, 2)"
            loop.iter = ast.parse(few, mode="eval").body
        return loop


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_cell_runs_alone_and_prints_what_it_is_about(name, tmp_path, amount, capsys):
    # To its end it is run in the notebook.
    few = ast.unparse(_Shorter().visit(ast.parse(PLAIN[name])))
    script = tmp_path / f"{name}.py"
    script.write_text(amount(few, PLAIN[name]), encoding="utf-8")
    runpy.run_path(str(script), run_name="__main__")
    said = capsys.readouterr()
    assert said.err.strip("\r") == ""  # offline the bars of 09's download leave these
    assert len(said.out.splitlines()) >= 2, "with the method and without it"
