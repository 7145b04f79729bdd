"""Notebooks that something happened to, drawn by hypothesis: what keeps the meaning keeps each ✓,
what breaks one task breaks that one, what damages the file gets the sentence of its damage.
"""

import copy
import json

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_lib.authoring import build
from course_lib.checks import check_file
from course_lib.checks.run import exercise

NAME = "03_weight_decay_exercises"
TASKS = [f"T{n}" for n in range(1, 6)]
pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(scope="module")
def solved():
    return [*build.targets(exercise.sources() / f"{NAME}.py").values()][1]


def answer(notebook, task):
    return next(c for c in notebook.cells if f"answer:{task}" in c.metadata.get("tags", ()))


# ---- what keeps the meaning: (notebook, task, number) → changed in place ----


def comment(notebook, task, number):
    answer(notebook, task).source += f"\n# note {number}: λ → “é”"


def blank_lines(notebook, task, number):
    cell = answer(notebook, task)
    cell.source = "\n" * (number % 5) + cell.source + "\n" * (number % 7)


def two_cells(notebook, task, number):
    """A helper's cell before, tagged as the answer is."""
    place = notebook.cells.index(answer(notebook, task))
    helper = nbformat.v4.new_code_cell(
        f"helper_{number} = {number}", metadata={"tags": [f"answer:{task}"]}
    )
    notebook.cells.insert(place, helper)


def moved(notebook, task, number):
    cell = answer(notebook, task)
    notebook.cells.remove(cell)
    notebook.cells.insert(number % len(notebook.cells), cell)


def own_cell(notebook, task, number):
    source = ["1 / 0", "x = (", "raise SystemExit", "import nowhere"][number % 4]
    notebook.cells.insert(number % len(notebook.cells), nbformat.v4.new_code_cell(source))


def check_cells_edited(notebook, task, number):
    for cell in notebook.cells:
        if f"check:{task}" in cell.metadata.get("tags", ()):
            cell.source = "print('✓')"


def text_deleted(notebook, task, number):
    texts = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    notebook.cells.remove(texts[number % len(texts)])


def outputs_kept(notebook, task, number):
    cell = answer(notebook, task)
    cell.execution_count = number
    cell.outputs = [nbformat.v4.new_output("stream", text="\x1b[31mred")]


def more_metadata(notebook, task, number):
    notebook.metadata["mine"] = {"number": number}
    answer(notebook, task).metadata["collapsed"] = bool(number % 2)


def old_format(notebook, task, number):
    """nbformat 4.4, as older editors write it: without ids."""
    notebook.nbformat_minor = 4
    for cell in notebook.cells:
        cell.pop("id", None)


KEEPS = [
    *(comment, blank_lines, two_cells, moved, own_cell, check_cells_edited, text_deleted),
    *(outputs_kept, more_metadata, old_format),
]


# ---- what breaks one task: source → source ----


BREAKS = {
    "nothing comes back": lambda source: (
        source + "\nsgd_update = adam_update = convert = None\nshrinks_more = sgd_l2 = None"
    ),
    "raises": lambda source: source + "\n1 / 0",
    "no Python": lambda source: source + "\nx = (",
    "another name": lambda source: "def something_else():\n    return 1",
    "empty": lambda source: "",
    "ends the process": lambda source: source + "\nimport os\nos._exit(0)",
    "ends the cell": lambda source: source + "\nquit()",
    "recursion": lambda source: source + "\ndef f(): return f()\nf()",
    "memory": lambda source: source + "\nx = bytearray(40 * 2**30)",
    "input": lambda source: source + "\ninput()",
    "torch replaced": lambda source: (
        source
        + "\nimport torch, builtins\ntorch.equal = torch.Tensor.tolist = None\nbuiltins.len = None"
        "\nraise RuntimeError"
    ),
}


def few(amount):
    return settings(
        max_examples=amount(4, 200),
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        deadline=None,
    )


def results(notebook, path):
    nbformat.write(notebook, path)
    before = path.read_bytes()
    found = {each.task.rpartition("/")[2]: each for each in check_file(path)}
    assert path.read_bytes() == before
    assert not any("\n" in each.line or "\x1b" in each.line for each in found.values())
    return found


CHANGES = st.lists(
    st.tuples(st.sampled_from(KEEPS), st.sampled_from(TASKS), st.integers(0, 1000)), max_size=6
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "some name.ipynb"


def test_what_keeps_the_meaning_keeps_each_pass(solved, place, amount):
    @few(amount)
    @given(CHANGES)
    def run(changes):
        notebook = copy.deepcopy(solved)
        for change, task, number in changes:
            change(notebook, task, number)
        found = results(notebook, place)
        assert list(found) == TASKS and all(found.values()), found

    run()


def test_one_broken_task_breaks_that_one(solved, place, amount):
    @few(amount)
    @given(CHANGES, st.sampled_from(sorted(BREAKS)), st.sampled_from(TASKS))
    def run(changes, how, broken):
        notebook = copy.deepcopy(solved)
        cell = answer(notebook, broken)
        cell.source = BREAKS[how](cell.source)
        for change, task, number in changes:
            change(notebook, task, number)
        found = results(notebook, place)
        assert {task for task in TASKS if not found[task]} == {broken}, (how, found)

    run()


def test_a_damaged_file_gets_the_sentence_of_its_damage(solved, place, amount):
    whole = nbformat.writes(solved).encode()
    mark = b"\n<<<<<<< mine\n"

    @few(amount)
    @given(st.data())
    def run(data):
        spot = data.draw(st.integers(1, len(whole) - 1))
        garbage = data.draw(st.binary(min_size=1, max_size=20))
        says, content = data.draw(
            st.sampled_from(
                [
                    ("cut off or damaged", whole[:spot]),
                    ("cut off or damaged", b"\xff" + garbage + whole),
                    ("cut off or damaged", json.dumps({"cells": spot}).encode()),
                    ("cut off or damaged", b"[" * 20_000),
                    ("conflict markers", whole[:spot] + mark + whole[spot:]),
                    ("is empty", b" \n" * (spot % 9)),
                ]
            )
        )
        place.write_bytes(content)
        (found,) = check_file(place)
        assert found.verdict == "error" and says in found.message, (found, content[:80])
        assert place.read_bytes() == content

    run()
