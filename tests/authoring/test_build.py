"""From text to notebook and back to a blank, on tiny courses of the tests' own."""

import json
import subprocess

import nbformat
import pytest

from course_lib.authoring import build, pairing
from course_lib.base.card import style
from course_lib.base.places import CourseError, select

LESSON = """\
# %% [markdown] slideshow={"slide_type": "slide"}
# # A lesson

# %% tags=["setup"]
import os

# %% tags=["nbval-check-output"]
print("headless", os.environ["COURSE_HEADLESS"])

# %%
import ipywidgets

class Pictured(ipywidgets.IntSlider):
    def _repr_mimebundle_(self, **kwargs):
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": "what is seen"}

display(Pictured(), ipywidgets.IntSlider())
"""
EXERCISES = """\
# %% tags=["answer:T1"]
def double(x):
    \"\"\"Twice x.\"\"\"
    ### BEGIN SOLUTION
    twice = 2 * x
    return twice
    ### END SOLUTION

# %% tags=["answer:T2"]
### BEGIN SOLUTION
rate = 0.1
strength = rate / 2
### END SOLUTION
"""
QUIET = {"report": lambda line: None}


def built(notebooks, name):
    return nbformat.read(notebooks / f"{name}.ipynb", as_version=4)


def test_a_lesson_is_executed_and_keeps_a_picture_but_no_widget(course):
    notebooks = course(_03_toy=LESSON)
    build.build(["03_toy"], notebooks, **QUIET)
    lesson = built(notebooks, "03_toy")
    assert lesson.cells[0].metadata == {"slideshow": {"slide_type": "slide"}}
    assert [cell.execution_count for cell in lesson.cells[1:]] == [1, 2, 3]
    assert lesson.cells[2].outputs[0].text == "headless 1\n"
    assert lesson.cells[3].outputs[0].data == {"text/plain": "what is seen"}
    assert build.WIDGET_VIEW not in json.dumps(lesson)
    assert lesson.metadata == build.METADATA
    assert all("execution" not in cell.metadata for cell in lesson.cells)


def test_code_that_is_for_its_output_is_folded_and_one_copy_of_the_cards_style_is_kept(course):
    cells = (
        'from course_lib.notebook import claim, predict, reveal\n\n# %%\nclaim("a", 1, holds=bool)'
    )
    cells += '\nclaim("b", 1, holds=bool)\n\n# %%\npredict("k", "?", ["x"])\n\n# %% jupyter='
    cells += '{"outputs_hidden": true}\n# what came out\nreveal("k", "x")\n'
    notebooks = course(_03_toy=f'# %% tags=["setup"]\n{cells}')
    build.build(["03_toy"], notebooks, **QUIET)
    made = built(notebooks, "03_toy").cells
    folded = [cell.metadata.get("jupyter", {}).get("source_hidden", False) for cell in made]
    assert folded == [True, False, True, True] and made[3].metadata.jupyter.outputs_hidden
    pages = [output.data["text/html"] for cell in made for output in cell.outputs]
    assert [style() in page for page in pages] == [True, False, False, False]


def test_building_twice_gives_the_same_bytes_and_leaves_nothing_beside_them(course):
    notebooks = course(_03_toy=LESSON, _03_toy_exercises=EXERCISES)
    files = build.build(select([], notebooks), notebooks, **QUIET)
    first = [path.read_bytes() for path in files]
    assert build.build(select([], notebooks), notebooks, **QUIET) == files and len(files) == 3
    assert [path.read_bytes() for path in files] == first
    assert sorted(path.name for path in notebooks.iterdir()) == [
        "03_toy.ipynb",
        "03_toy_exercises.ipynb",
        "solutions",
        "src",
    ]


def test_of_new_prose_nothing_is_run_and_the_outputs_stay(course):
    notebooks = course(_03_toy=LESSON, _03_toy_exercises=EXERCISES)
    names = ["03_toy", "03_toy_exercises"]
    build.build(names, notebooks, **QUIET)
    for text in (LESSON.replace("A lesson", "Another"), LESSON):
        course(_03_toy=text)
        before = built(notebooks, "03_toy")
        build.build(names, notebooks, **QUIET, text_only=True)
        after = built(notebooks, "03_toy")
        assert after.cells[0].source != before.cells[0].source
        assert after.cells[1:] == before.cells[1:]


def test_what_shows_the_quiz_bank_is_run_with_new_prose_too(course):
    asks = '\n# %%\nfrom course_lib.notebook import quiz_of\n\nquiz_of("dropout")\n'
    notebooks = course(_03_toy=LESSON + asks)
    build.build(["03_toy"], notebooks, **QUIET)
    first = built(notebooks, "03_toy")
    old = built(notebooks, "03_toy")
    old.cells[-1].outputs = []  # as it was before the bank changed
    build.save(old, notebooks / "03_toy.ipynb")
    build.build(["03_toy"], notebooks, **QUIET, text_only=True)
    assert first.cells[-1].outputs and built(notebooks, "03_toy") == first


@pytest.mark.parametrize(
    ("changed", "cell"),
    [
        (LESSON.replace('"headless"', '"other"'), 2),
        (LESSON + "\n# %%\n1 + 1\n", 4),
        (LESSON[: LESSON.rindex("# %%")], 3),
    ],
)
def test_new_code_is_never_given_the_outputs_of_old(course, changed, cell):
    notebooks = course(_03_toy=LESSON)
    build.build(["03_toy"], notebooks, **QUIET)
    before = (notebooks / "03_toy.ipynb").read_bytes()
    course(_03_toy=changed)
    with pytest.raises(build.BuildError, match=rf"src/03_toy.py, code cell {cell}: not the code"):
        build.build(["03_toy"], notebooks, **QUIET, text_only=True)
    assert (notebooks / "03_toy.ipynb").read_bytes() == before


def test_only_what_is_asked_for_is_built(course):
    notebooks = course(_03_toy=LESSON, _04_other="# %%\n1\n")
    build.build(["04_other"], notebooks, **QUIET)
    assert [path.name for path in notebooks.glob("*.ipynb")] == ["04_other.ipynb"]


def test_an_answer_is_taken_out_of_the_blank_and_kept_in_the_solution(course):
    notebooks = course(_03_toy_exercises=EXERCISES)
    build.build(["03_toy_exercises"], notebooks, **QUIET)
    blank, solution = (
        built(notebooks, "03_toy_exercises"),
        built(notebooks / "solutions", "03_toy_exercises"),
    )
    assert blank.cells[0].source.splitlines()[2:] == [
        '    raise NotImplementedError("your code here")'
    ]
    assert blank.cells[1].source.splitlines() == [
        "rate = ...  # your answer",
        "strength = ...  # your answer",
    ]
    assert all(cell.execution_count is None and not cell.outputs for cell in blank.cells)
    assert "return twice" in solution.cells[0].source and solution.cells[0].execution_count == 1
    assert [cell.id for cell in blank.cells] == [cell.id for cell in solution.cells]


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ("### BEGIN SOLUTION\nx = 1\n", "do not match"),
        ("x = 1\n### END SOLUTION\n", "do not match"),
        ("### BEGIN SOLUTION\ndef f():\n    pass\n### END SOLUTION\n", "may only assign names"),
        ("### BEGIN SOLUTION\nx, y = 1, 2\n### END SOLUTION\n", "may only assign names"),
        ("### BEGIN SOLUTION\nx = = 1\n### END SOLUTION\n", "invalid syntax"),
    ],
)
def test_markers_that_cannot_be_blanked_are_named_by_file_cell_and_line(course, answer, complaint):
    notebooks = course(_03_toy_exercises=f"# %% [markdown]\n# Title\n\n# %%\n{answer}")
    with pytest.raises(
        build.BuildError, match=rf"src/03_toy_exercises\.py, cell 2 \(line 18\): .*{complaint}"
    ):
        build.build(["03_toy_exercises"], notebooks, **QUIET)


def test_an_error_names_file_cell_line_and_exception_and_leaves_the_old_notebook(course):
    notebooks = course(_03_toy="# %%\nx = 1\n")
    build.build(["03_toy"], notebooks, **QUIET)
    before = (notebooks / "03_toy.ipynb").read_bytes()
    course(_03_toy="# %%\nx = 1\n\n# %%\nx / 0\n")
    with pytest.raises(
        build.BuildError,
        match=r"src/03_toy\.py, cell 2 \(line 18\): ZeroDivisionError: division by",
    ):
        build.build(["03_toy"], notebooks, **QUIET)
    assert (notebooks / "03_toy.ipynb").read_bytes() == before


def test_a_kernel_that_dies_is_an_error_too(course):
    notebooks = course(_03_toy="# %%\nimport os; os._exit(1)\n")
    with pytest.raises(build.BuildError, match=r"src/03_toy\.py, cell 1 \(line 15\): Kernel died"):
        build.build(["03_toy"], notebooks, **QUIET)
    assert not list(notebooks.glob("*.ipynb"))


def test_a_cell_keeps_its_id_when_another_is_added_before_it(course):
    cells = "# %%\n1\n\n# %%\n2\n\n# %%\n1\n"
    notebooks = course(_03_toy=cells, _04_toy="# %%\n0\n\n" + cells)
    sources = [notebooks / "src" / f"{name}.py" for name in ("03_toy", "04_toy")]
    before, after = ([cell.id for cell in build.read(source).cells] for source in sources)
    assert after[1:] == before and len(set(after)) == 4


def test_a_source_that_is_not_there_is_named(course):
    with pytest.raises(build.BuildError, match="03_toy.py: there is no such source"):
        build.build(["03_toy"], course(), **QUIET)


def test_a_learners_notebook_is_kept_aside_at_each_reset(course):
    notebooks = course(_03_toy_exercises=EXERCISES)
    path = notebooks / "03_toy_exercises.ipynb"
    assert pairing.reset("03_toy_exercises", notebooks) is None
    fresh = path.read_bytes()
    for number in (1, 2):
        path.write_text(f"my work {number}")
        kept = pairing.reset("03_toy_exercises", notebooks)
        assert (
            kept.name == f"03_toy_exercises.kept-{number}.ipynb"
            and kept.read_text() == f"my work {number}"
        )
        assert path.read_bytes() == fresh
    assert select([], notebooks) == ["03_toy_exercises"]  # what is kept is no lesson


def test_pairing_is_switched_on_and_off_for_lessons_alone(course):
    notebooks = course(_03_toy="# %%\n1\n", _03_toy_exercises=EXERCISES)
    build.build(["03_toy"], notebooks, **QUIET)
    source = (notebooks / "src" / "03_toy.py").read_bytes()
    notebook = (notebooks / "03_toy.ipynb").read_bytes()
    pairing.pair("03_toy", notebooks)
    assert built(notebooks, "03_toy").metadata.jupytext.formats == "ipynb,src//py:percent"
    assert (
        b"#     formats: ipynb,src//py:percent\n" in (notebooks / "src" / "03_toy.py").read_bytes()
    )
    pairing.pair("03_toy", notebooks, on=False)
    assert (notebooks / "src" / "03_toy.py").read_bytes() == source
    assert (notebooks / "03_toy.ipynb").read_bytes() == notebook
    with pytest.raises(CourseError, match="never paired: its source holds the answers"):
        pairing.pair("03_toy_exercises", notebooks)


def test_a_hand_out_holds_no_answer_and_can_be_reset(course, tmp_path):
    notebooks = course(_03_toy="# %%\n1\n", _03_toy_exercises=EXERCISES)
    build.build(select([], notebooks), notebooks, **QUIET)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_toy.py").write_text("answer = 'return twice'\n")
    page = "Run it.\n\n<!-- authors -->\nTest it.\n\n<!-- /authors -->\nRead it.\n"
    (tmp_path / "README.md").write_text(page)
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    target = tmp_path / "hand-out"
    pairing.hand_out(tmp_path, target)
    assert (target / "README.md").read_text() == "Run it.\n\nRead it.\n"
    files = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
    assert files == [
        "README.md",
        "notebooks/03_toy.ipynb",
        "notebooks/03_toy_exercises.ipynb",
        "notebooks/src/03_toy.py",
        "notebooks/src/03_toy_exercises.py",
    ]
    assert not any("twice" in (target / file).read_text() for file in files)
    blank = built(target / "notebooks", "03_toy_exercises")
    pairing.reset("03_toy_exercises", target / "notebooks")
    fresh = built(target / "notebooks", "03_toy_exercises")
    assert [cell.source for cell in fresh.cells] == [cell.source for cell in blank.cells]
    with pytest.raises(CourseError, match="is not empty"):
        pairing.hand_out(tmp_path, target)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], ["03_toy", "03_toy_exercises", "04_other"]),
        (["03"], ["03_toy", "03_toy_exercises"]),
        (["3"], ["03_toy", "03_toy_exercises"]),
        (["toy"], ["03_toy", "03_toy_exercises"]),
        (["04", "03_toy"], ["04_other", "03_toy"]),
        (["notebooks/03_toy_exercises.ipynb"], ["03_toy_exercises"]),
        (["03_toy", "03"], ["03_toy", "03_toy_exercises"]),
    ],
)
def test_notebooks_are_meant_by_number_stem_name_or_file(course, words, names):
    notebooks = course(_03_toy="", _03_toy_exercises="", _04_other="")
    (notebooks / "Untitled.ipynb").touch()
    assert select(words, notebooks) == names


@pytest.mark.parametrize("word", ["12", "nothing", "03_", "Untitled", ""])
def test_an_unknown_lesson_gets_one_line_that_names_what_there_is(course, word):
    notebooks = course(_03_toy="", _03_toy_exercises="", _04_other="")
    with pytest.raises(CourseError) as refused:
        select([word], notebooks)
    assert str(refused.value) == f"there is no lesson {word!r}; there is 03 toy, 04 other"


def test_a_notebook_gains_colabs_cell_with_an_address_and_nothing_without(monkeypatch):
    import sys
    from types import ModuleType

    from IPython.core.inputtransformer2 import TransformerManager

    notebook = build.nbformat.v4.new_notebook(cells=[build.nbformat.v4.new_markdown_cell("# A")])
    assert len(build.with_first_cell(notebook, "").cells) == 1
    cell = build.with_first_cell(notebook, "https://github.com/some/where").cells[1]
    assert "git+https://github.com/some/where" in cell.source and cell.metadata.tags == ["setup"]
    asked = []
    code = TransformerManager().transform_cell(cell.source)
    magic = type("Shell", (), {"run_line_magic": lambda self, *words: asked.append(words)})()
    run = {"get_ipython": lambda: magic}
    exec(code, run)
    assert not asked  # nothing elsewhere
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    exec(code, run)
    assert not asked  # nothing where the course is there
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    exec(code, run)
    assert [name for name, _ in asked] == ["pip", "pip"]
