"""One meaning of an answer: in the notebook's kernel, in `course check`, by `check_source`.

The model answers, every near miss, and answers that lean on what the notebook gives: the verdict of
one way is that of each way.
"""

import random
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest

from course_lib import LESSONS
from course_lib.authoring import build
from course_lib.base.names import plain
from course_lib.checks import check_file, check_source
from course_lib.checks.judge.task import tasks_of
from course_lib.checks.run import exercise, instant
from tests.checks.test_near_misses import NEAR

pytestmark = pytest.mark.usefixtures("worker")


def notebook_of(number):
    """The blank exercise of a lesson and its solved one."""
    source = exercise.sources() / f"{number:02d}_{LESSONS[number]}_exercises.py"
    blank, solved = build.targets(source).values()
    return blank, solved


def answer_cells(notebook):
    """{"T1": its answer cell, …}."""
    return {
        tag.removeprefix("answer:"): cell
        for cell in notebook.cells
        for tag in cell.metadata.get("tags", ())
        if tag.startswith("answer:")
    }


def answers_in(notebook):
    """{"T1": source, …} of its answer cells."""
    return {short: cell.source for short, cell in answer_cells(notebook).items()}


def in_a_kernel(number, answers):
    """{task: verdict} where all cells have run in order, as in a kernel, without the explorers."""
    text, space = exercise.text(number), {"__name__": "kernel"}
    for source in exercise.setup(text):
        exec(source, space)
    verdicts = {}
    for short, source in answers.items():
        for given in exercise.given(text, short, source):
            exec(given, space)
        exec(plain(source), space)
        task = tasks_of(number)[short]
        found = instant.check(f"{number:02d}/{short}", [space[name] for name in task.names])
        verdicts[short] = found.verdict
    return verdicts


def in_a_file(number, answers, path):
    """{task: verdict} by `course check`, of a blank notebook with these answers."""
    blank, _ = notebook_of(number)
    for cell in blank.cells:
        for tag in cell.metadata.get("tags", ()):
            cell.source = answers.get(tag.removeprefix("answer:"), cell.source)
    nbformat.write(blank, path)
    found = {each.task.rpartition("/")[2]: each for each in check_file(path)}
    return {short: found[short].verdict for short in answers}


def one_by_one(number, answers):
    """{task: verdict} by `check_source`, each alone."""
    return {
        short: check_source(source, 60, f"{number:02d}/{short}")["verdict"]
        for short, source in answers.items()
    }


@pytest.mark.parametrize("number", range(len(LESSONS)))
def test_the_model_answers_pass_each_way(number, tmp_path):
    _, solved = notebook_of(number)
    answers = answers_in(solved)
    passed = dict.fromkeys(tasks_of(number), "passed")
    assert in_a_kernel(number, answers) == passed
    assert in_a_file(number, answers, tmp_path / "any name.ipynb") == passed
    assert one_by_one(number, answers) == passed


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", range(len(LESSONS)))
def test_a_near_miss_is_judged_alike_each_way_and_breaks_no_other(number, tmp_path, amount):
    """One task at a time, among the model answers to the others."""
    right = answers_in(notebook_of(number)[1])
    near = [name for name in NEAR if name.startswith(f"{number:02d}/")]
    for name in random.Random(number).sample(near, amount(1, len(near))):
        short, kind = name.partition(":")[0].partition("/")[2].split()
        verdict = "passed" if kind == "right" else "failed"
        alone, all_tasks = {short: NEAR[name]}, dict.fromkeys(right, "passed") | {short: verdict}
        assert in_a_kernel(number, alone) == one_by_one(number, alone) == {short: verdict}, name
        assert in_a_file(number, right | alone, tmp_path / "x.ipynb") == all_tasks, name


LEAN = {  # answers that use what the exercise gives before them
    "a tensor printed above": (
        *(6, "T2"),
        lambda right: right + "\ndropped = int((first == 0).sum())",
    ),
    "a table drawn above": (
        *(1, "T3"),
        lambda right: (
            right
            + "\nrun = CURVES['A']\n"
            + "gap_a = run['validation'][keep_a - 1] - run['training'][keep_a - 1]"
        ),
    ),
    "a function of the study": (
        *(9, "T3"),
        lambda right: right.replace("fit(", "(fit if fit is not ridge else ridge)("),
    ),
    "torch, in a lesson that does not need it": (
        *(2, "T2"),
        lambda right: (
            "def soft_threshold(x, threshold):\n"
            "    return torch.sign(x) * torch.clamp(torch.abs(x) - threshold, min=0)"
        ),
    ),
    "a check in the answer's own cell": (
        *(3, "T1"),
        lambda right: right + '\nt = check("03/T1", sgd_update)\nt.answered',
    ),
    "magics and a shell": (
        *(3, "T4"),
        lambda right: "%matplotlib inline\n!pip install torch\nfiles = !ls\n" + right,
    ),
}


@pytest.mark.parametrize(("number", "short", "change"), LEAN.values(), ids=LEAN)
def test_answers_that_lean_on_what_is_given_pass_each_way(number, short, change, tmp_path):
    _, solved = notebook_of(number)
    answers = {short: change(answers_in(solved)[short])}
    plain = not answers[short].startswith("%")  # a kernel's own magics are IPython's to test
    if plain:
        assert in_a_kernel(number, answers) == {short: "passed"}
    assert in_a_file(number, answers, tmp_path / "x.ipynb") == {short: "passed"}
    assert one_by_one(number, answers) == {short: "passed"}


def test_an_answer_may_use_an_earlier_one(tmp_path):
    """In the notebook and its file; where the other does not run, it says whose it is."""
    right = answers_in(notebook_of(5)[1])
    leaning = (
        "def choose_epsilon(epsilons, logits, target):\n"
        "    losses = [smoothed_loss(each, target, 0.0).item() for each in logits]\n"
        "    return epsilons[losses.index(min(losses))]"
    )
    both = {"T2": right["T2"], "T5": leaning}
    assert in_a_kernel(5, both) == dict.fromkeys(both, "passed")
    assert in_a_file(5, both, tmp_path / "x.ipynb") == dict.fromkeys(both, "passed")
    assert in_a_file(5, {"T2": "1 / 0", "T5": leaning}, tmp_path / "x.ipynb") == dict.fromkeys(
        both, "error"
    )
    found = check_file(tmp_path / "x.ipynb")[4]
    assert "`smoothed_loss` is not defined" in found.message.replace("'", "`")
    assert "it is the answer of T2" in found.message


def test_checks_at_once_do_not_know_of_each_other(tmp_path):
    """Of whole notebooks and of single answers, each with another task broken."""
    right = answers_in(notebook_of(3)[1])
    broken = [*right, None]

    def judged(short):
        answers = right | ({short: "raise ValueError('mine alone')"} if short else {})
        alone = one_by_one(3, {"T1": answers["T1"]})
        return in_a_file(3, answers, tmp_path / f"{short}.ipynb"), alone

    with ThreadPoolExecutor(len(broken)) as pool:
        for short, (found, alone) in zip(broken, pool.map(judged, broken), strict=True):
            assert {task for task in right if found[task] != "passed"} == {short} - {None}
            assert alone == {"T1": "error" if short == "T1" else "passed"}


# ---- in the learner's words ----


def with_cells(tmp_path, change):
    """What `course check` says of lesson 03 solved, after `change(cells, answer cell by task)`."""
    _, notebook = notebook_of(3)
    change(notebook.cells, answer_cells(notebook))
    nbformat.write(notebook, tmp_path / "x.ipynb")
    return {each.task.rpartition("/")[2]: each for each in check_file(tmp_path / "x.ipynb")}


def test_an_answer_outside_its_cell_is_named(tmp_path):
    def change(cells, answers):
        outside = nbformat.v4.new_code_cell(answers["T1"].source)
        cells.insert(cells.index(answers["T1"]) + 1, outside)
        answers["T1"].source = "raise NotImplementedError"
        helper = nbformat.v4.new_code_cell("def helper(*a, **k):\n    return None")
        cells.insert(3, helper)
        answers["T4"].source = "def convert(*a, **k):\n    return helper()"

    found = with_cells(tmp_path, change)
    said = "stands in a cell of its own; move it into the answer cell of"
    assert f"`sgd_update` {said} T1" in found["T1"].message
    assert f"`helper` {said} T4" in found["T4"].message
    assert all(found[each] for each in ("T2", "T3", "T5"))


def test_a_renamed_function_and_a_missing_return_are_named(tmp_path):
    def change(cells, answers):
        answers["T1"].source = answers["T1"].source.replace("sgd_update", "my_update")
        answers["T2"].source = answers["T2"].source.replace("return param.sub_", "param.sub_")
        answers["T5"].source = "def shrinks_more(*args):\n    'a'"

    found = with_cells(tmp_path, change)
    assert "looks for `sgd_update`; the answer defines my_update" in found["T1"].message
    assert "return" in found["T2"].message, found["T2"]
    assert found["T3"] and found["T4"]


def test_what_one_answer_does_to_names_and_process_ends_with_it(tmp_path):
    """`sum = 0`, quit(), an environment, a handler: the next answers do not know of it."""

    def change(cells, answers):
        answers["T1"].source += "\nsum = abs = 0\nmath = torch = check = None"
        answers["T2"].source = "quit()"
        answers["T3"].source += "\nimport os\nos.environ.clear()\nos.chdir('/')"

    found = with_cells(tmp_path, change)
    assert found["T2"].verdict == "error" and "ended itself" in found["T2"].message
    assert all(found[each] for each in ("T3", "T4", "T5")), found


# ---- whose notebook it is ----


def test_content_says_the_lesson_whatever_the_name(tmp_path):
    _, solved = notebook_of(3)
    for name in ("05_anna.ipynb", "12_ben_03_weight_decay.ipynb", "x.ipynb"):
        nbformat.write(solved, tmp_path / name)
        assert {each.task for each in check_file(tmp_path / name)} == {
            f"03/T{n}" for n in range(1, 6)
        }
    for cell in solved.cells:  # no check cell is left: the ids of the others say it
        if any(tag.startswith("check:") for tag in cell.metadata.get("tags", ())):
            cell.source = ""
    nbformat.write(solved, tmp_path / "05_anna.ipynb")
    assert all(check_file(tmp_path / "05_anna.ipynb"))


def test_a_lesson_is_skipped_and_a_stranger_is_asked_about(tmp_path, repository):
    lesson = repository / "notebooks" / "03_weight_decay.ipynb"
    (found,) = check_file(lesson)
    assert found.verdict == "skipped" and "is a lesson" in found.message
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]), tmp_path / "03_x.ipynb"
    )
    (found,) = check_file(tmp_path / "03_x.ipynb")
    assert found.verdict == "error" and "which lesson" in found.message


def test_a_pipe_and_a_folder_are_no_notebooks(tmp_path):
    import os

    (tmp_path / "x.ipynb").mkdir()
    paths = [tmp_path / "x.ipynb"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "y.ipynb")
        paths.append(tmp_path / "y.ipynb")
    for path in paths:
        (found,) = check_file(path)
        assert found.verdict == "error" and "is no file" in found.message


def test_without_fork_a_worker_serves_one_request():
    """As on Windows: the process itself runs the answers, and its parent keeps the time."""
    from course_lib.checks.run import verdict

    right = answers_in(notebook_of(3)[1])
    steps = [
        verdict.Step(f"03/{short}", tasks_of(3)[short], source, [], 5)
        for short, source in (right | {"T2": "while True: pass"}).items()
    ]
    setup = exercise.setup(exercise.text(3))
    found = verdict.results_of(setup, steps, step=3, seconds=200, fork=False)
    assert [each.verdict for each in found.values()] == [
        *("passed", "timeout", "passed", "passed", "passed")
    ]
