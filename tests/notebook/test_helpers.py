"""What lessons call: claims and their ledger, predictions, quizzes, sources, set-up."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
import torch

from course_lib import plotting
from course_lib.base import card, machine, record
from course_lib.notebook import (
    below,
    claim,
    each,
    environment,
    ledger,
    near,
    negative,
    positive,
    predict,
    predictions,
    quiz,
    reveal,
    setup,
    show_source,
)
from course_lib.notebook.claims import measurements
from course_lib.records import standing
from course_lib.sgd import sgd_update
from course_lib.statistics import Interval, mean_interval
from tests.panel._page import Wire
from tests.records.test_standing import around, stands

TOLD = "to be seen four times in five the truth would have to lie"


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """An empty session, live."""
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    monkeypatch.setattr(predictions, "_predictions", {})
    ledger.clear()


def bundle(shown):
    return shown._repr_mimebundle_()


# claim


def test_a_claim_that_holds_is_one_line_and_its_figure(capsys):
    claim("Two are one more.", torch.tensor([1.0, 2.0]), holds=lambda x: x[1] - x[0] == 1)
    assert capsys.readouterr().out == "Exact · holds: Two are one more.\n  measured: [1, 2]\n"


def test_an_exact_claim_that_fails_or_is_undecided_raises_with_its_figure():
    for verdict in (False, None):
        with pytest.raises(AssertionError, match=r"Two are three\.\n  measured: 2"):
            claim("Two are three.", 2.0, holds=lambda x, verdict=verdict: verdict)


@pytest.mark.parametrize(
    ("verdict", "said", "note"),
    [
        (True, "holds", ""),
        (False, "does not hold", ""),
        (None, "inconclusive", f"  {TOLD} 0.57 from the bound\n"),
    ],
)
def test_a_measured_claim_reports_any_verdict(capsys, verdict, said, note):
    claim(
        "It helps.",
        mean_interval([0.0, 0.1, 0.4, 0.6]),
        holds=lambda interval: verdict,
        kind="measured",
    )
    figure = "measured: 0.3 [−0.2, 0.7]"
    assert capsys.readouterr().out == f"Measured · {said}: It helps.\n  {figure}\n{note}"


def test_a_figure_and_its_bound_are_shown_in_a_unit_and_kept_as_measured(capsys):
    arms = {"a": mean_interval([0.25, 0.5]), "b": mean_interval([0.5, 0.75])}
    claim("Both.", arms, below(-9), "measured", unit="points", times=100)
    claim("Both.", arms, each(a=below(1), b=positive), "measured", unit="points", times=100)
    first, second = ledger
    assert first.asked == "below −900 points" and first.bounds == (-9,)
    assert second.asked == "a below 100 points, b above 0 points"
    assert first.bars[0].mean == 0.375 and record.read(first.as_data()) == first
    assert "a 38 [−121, 196] points, b 62 [−96, 221] points" in capsys.readouterr().out
    claim("One.", 25, below(50), "timed", unit="%")
    assert ledger[-1].figure == "25 %"
    with pytest.raises(ValueError, match="times = 100: only intervals are shown larger"):
        claim("One.", 0.25, below(0.5), "timed", unit="%", times=100)


def test_the_ledger_keeps_every_claim_the_failed_too():
    claim("a", 1, holds=lambda x: torch.tensor(True))
    with pytest.raises(AssertionError):
        claim("b", {"gap": 0.25, "steps": 3}, holds=lambda x: False)
    assert [(it.text, it.basis, it.verdict, it.figure) for it in ledger] == [
        ("a", "exact", "holds", "1"),
        ("b", "exact", "does not hold", "gap 0.25, steps 3"),
    ]


def test_a_claim_notes_its_intervals_and_the_bounds_they_are_compared_with():
    arms = {"a": mean_interval([1.0, 2.0, 4.0]), "b": mean_interval([0.0, 1.0])}
    claim("Both.", arms, kind="measured", holds=lambda it: it["a"].between(0, 3) and it["b"].low)
    assert ledger[0].bounds == (0, 3) and (ledger[0].n, ledger[0].level) == (3, 0.95)
    assert [bar.name for bar in ledger[0].bars] == ["a", "b"]
    assert ledger[0].bars[0][1:] == arms["a"][:3]
    claim("It is 0.", arms["b"], kind="measured", holds=lambda it: not it.excludes(0.0))
    assert ledger[1].bounds == (0,) and ledger[1].bars[0].name == ""
    claim("No interval.", 1.0, holds=lambda one: one == 1)
    assert (ledger[2].bars, ledger[2].bounds, ledger[2].n) == ((), (), 0)


def test_a_claim_notes_what_is_asked_a_bound_in_words_and_a_function_by_name():
    claim("a", [1, 2], holds=each(below(2), near(2, 0.1)))
    claim("b", 1, holds=bool)
    assert [record.asked for record in ledger] == ["below 2, within 0.1 of 2", "bool"]


@pytest.fixture
def stand(monkeypatch):
    """Have records say how a claim called "it" stands: by the means of base 0 and fresh bases."""

    def stand(*means):
        known = {"it": stands(*means)} if means else {}
        monkeypatch.setattr(standing, "recorded", lambda: known)

    measurements.clear()
    return stand


def measure(mean, low=0, **options):
    """Claim of values around a mean that they lie above `low`."""
    claim(
        "It helps.",
        mean_interval(around(mean)),
        lambda it: it.between(low=low),
        "measured",
        id="it",
        **options,
    )
    return ledger[-1]


def test_a_claim_says_what_fresh_seeds_made_of_it(stand, capsys):
    stand(2, 2, 2, 2)
    made = measure(2)
    assert made.status == "confirmed" and made.fresh[0].mean == pytest.approx(2)
    out = capsys.readouterr().out
    assert out.startswith("Measured · holds · confirmed: It helps.\n  measured: 2")
    assert "; on fresh seeds: 2" in out
    shown = card.bundle(made, "")["text/html"]
    assert "✓ holds · confirmed" in shown and ">fresh seeds</span>" in shown
    assert record.read(made.as_data()) == made
    stand(2, 0, 0, 0)
    assert measure(2).status == "not confirmed"
    assert "○ holds · not confirmed" in card.bundle(ledger[-1], "")["text/html"]


def test_a_claim_that_is_another_than_the_records_is_not_yet_replicated(stand):
    stand(2, 2, 2, 2)
    assert measure(2).status == "confirmed"
    assert [measure(4).status, measure(2, low=-1).status] == ["not yet replicated"] * 2
    stand()
    assert measure(2).status == "not yet replicated" and not ledger[-1].fresh
    assert [one.id for one in measurements] == ["it"] * 4


def test_a_claim_that_fresh_seeds_could_not_be_asked_is_refused():
    for measured in (0.5, mean_interval([1.0, 2.0]), Interval(1.0, 0.5, 1.5)):
        with pytest.raises(ValueError, match="claim 'it': `measured` must be an interval"):
            claim("It helps.", measured, lambda it: True, "measured", id="it")


def test_a_check_says_how_often_it_fails_and_a_time_whose_it_is(capsys):
    claim("a", 1.0, lambda z: z < 4, "checked", false_alarm=0.05)
    claim("b", mean_interval([1.0, 2.0]), lambda d: d.between(low=-99), "timed")
    checked, timed = capsys.readouterr().out.split("Of this machine · ")
    assert checked.splitlines() == [
        "Checked · holds: a",
        "  measured: 1",
        "  where all is right this fails once in 20 times",
    ]
    assert timed.startswith("holds: b\n")
    assert {it.status for it in ledger} == {""}


def test_a_claim_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="kind = 'rough'"):
        claim("a", 1, holds=bool, kind="rough")
    with pytest.raises(ValueError, match=r"false_alarm = 5: must be a probability in \(0, 1\)"):
        claim("a", 1, holds=bool, kind="checked", false_alarm=5)


# predict and reveal


def test_a_prediction_is_shown_beside_what_came_out():
    question = predict("size", "Which is smaller?", ["L2", "decay"])
    assert question._view.shown["chosen"] is None
    Wire(question._view).say(chosen="decay")
    assert "You said: <b>decay</b>" in question._view.shown["reply"]
    text = bundle(reveal("size", "L2", because="It is in the velocity."))["text/plain"]
    assert text == "Which is smaller?\nYou said: decay.\nIt came out: L2.\nIt is in the velocity."
    assert "You said the same: decay." in bundle(reveal("size", "decay"))["text/plain"]
    undecided = bundle(reveal("size", None))["text/plain"]
    assert "You said: decay." in undecided and "It came out undecided" in undecided


def test_a_prediction_and_what_came_out_are_one_record_each():
    asked = record.read(bundle(predict("size", "Which is smaller?", ["L2", "decay"]))[record.MIME])
    assert (asked.kind, asked.id, asked.options) == ("predict", "size", ("L2", "decay"))
    came = record.read(bundle(reveal("size", "L2", because="It is."))[record.MIME])
    assert (came.kind, came.id, came.verdict, came.because) == ("reveal", "size", "L2", "It is.")
    assert record.read(bundle(reveal("size", None))[record.MIME]).verdict == ""
    asked = record.read(bundle(quiz("2 + 2?", {"3": "no", "4": "yes"}, answer="4"))[record.MIME])
    assert asked == record.Record("quiz", "2 + 2?", options=("3", "4"))


def test_a_prediction_survives_its_cell_being_run_again():
    Wire(predict("size", "Which is smaller?", ["L2", "decay"])._view).say(chosen="L2")
    again = predict("size", "Which is smaller?", ["L2", "decay"])
    assert again._view.shown["chosen"] == "L2"


def test_only_a_confirmed_claim_makes_a_prediction_right_or_wrong(stand):
    question = predict("size", "Which is smaller?", ["L2", "decay"])
    Wire(question._view).say(chosen="L2")
    stand(2, 2, 2, 2)
    measure(2)
    came = record.read(bundle(reveal("size", "decay", rests="it"))[record.MIME])
    assert (came.verdict, came.status, came.rests) == ("decay", "", ("it",))
    stand(2, 0, 0, 0)
    measure(2)
    shown = bundle(reveal("size", "decay", rests="it"))
    came = record.read(shown[record.MIME])
    assert (came.verdict, came.status) == ("", "not confirmed")
    assert "Here it came out: decay. On fresh seeds: not confirmed (" in shown["text/plain"]
    assert "So no answer was wrong." in shown["text/plain"]
    assert "○ not confirmed" in shown["text/html"]
    with pytest.raises(ValueError, match="rests = 'other': no claim of this id was judged before"):
        reveal("size", "decay", rests="it, other")


def test_what_came_out_is_read_off_an_interval():
    predict("gap", "?", ["less", "more"])
    for gap, came in ((-1, "less"), (1, "more"), (0, "")):
        found = Interval(gap, gap - 0.5, gap + 0.5)
        told = reveal("gap", from_interval={"less": negative(found), "more": positive(found)})
        assert record.read(bundle(told)[record.MIME]).verdict == came
    for wrong in ({"more": True, "less": True}, {"none of these": True}):
        with pytest.raises(ValueError, match="must say True of one at most of 'less', 'more'"):
            reveal("gap", from_interval=wrong)


def test_revealing_what_was_not_predicted():
    predict("size", "Which is smaller?", ["L2", "decay"])
    assert "You made no prediction." in bundle(reveal("size", "L2"))["text/plain"]
    with pytest.raises(ValueError, match="other: nothing was asked"):
        reveal("other", "L2")
    with pytest.raises(ValueError, match="correct = 'neither': must be one of 'L2', 'decay'"):
        reveal("size", "neither")


# quiz


def test_a_quiz_answers_each_choice_with_its_reason():
    asked = quiz("2 + 2?", {"3": "one too few", "4": "count <them>"}, answer="4")
    wire = Wire(asked._view)
    wire.say(chosen="3")
    assert asked._view.shown["reply"] == "<b>✗ Not this one.</b> one too few"
    wire.say(chosen="4")
    assert asked._view.shown["reply"] == "<b>✓ Right.</b> count &lt;them&gt;"
    with pytest.raises(ValueError, match="answer = '5'"):
        quiz("2 + 2?", {"3": "", "4": ""}, answer="5")


def test_without_a_kernel_a_quiz_is_readable_and_its_answer_unfolds(monkeypatch):
    live = bundle(quiz("2 + 2?", {"3": "no", "4": "yes"}, answer="4"))
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    still = bundle(quiz("2 + 2?", {"3": "no", "4": "yes"}, answer="4"))
    assert set(still) == {"text/html", "text/plain", record.MIME}
    assert set(live) == {"application/vnd.jupyter.widget-view+json", *still}
    assert still["text/plain"] == "2 + 2?\n  ○ 3\n  ○ 4"  # without the answer
    assert (
        "<details><summary>Answer</summary><b>4</b>. yes<ul><li>3: no</li></ul></details>"
        in still["text/html"]
    )
    assert "<details>" not in bundle(predict("size", "2 + 2?", ["3", "4"]))["text/html"]


# show_source


def test_a_source_is_whole_except_for_the_rest_of_its_docstring():
    def documented(x):
        """One line.

        More that is left out.
        """
        return x + 1  # the line that computes

    shown = bundle(show_source(documented))
    assert (
        shown["text/plain"]
        == 'def documented(x):\n    """One line."""\n    return x + 1  # the line that computes'
    )
    assert (
        "return" in shown["text/html"] and "--jp-mirror-editor-keyword-color" in shown["text/html"]
    )


def test_the_source_of_the_reference_runs():
    source = bundle(show_source(sgd_update))["text/plain"]
    compile(source, "source", "exec")
    assert source.startswith("def sgd_update(") and source.count('"""') == 2


# setup


def test_setup_says_one_line_and_sets_threads_and_theme(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTERLAB_SETTINGS_DIR", str(tmp_path))
    before = torch.get_num_threads()
    try:
        setup()
        said = capsys.readouterr().out
        assert (
            said.count("\n") == 1
            and torch.__version__ in said
            and said.endswith("1 thread · light pictures\n")
        )
        assert torch.get_num_threads() == 1
        saved = tmp_path / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
        saved.parent.mkdir(parents=True)
        saved.write_text('{\n    // Selected Theme\n    "theme": "JupyterLab Dark"\n}')
        setup()
        assert plotting.theme() == "dark"
        # a built notebook does not depend on its author's settings
        monkeypatch.setenv("COURSE_HEADLESS", "1")
        setup()
        assert plotting.theme() == "light"
        with pytest.raises(ValueError, match="theme = 'sepia'"):
            setup(theme="sepia")
    finally:
        torch.set_num_threads(before)
        plotting.use_theme("light")


def test_setup_says_when_memory_is_short(capsys, monkeypatch):
    monkeypatch.setattr(machine, "free_memory", lambda: 2**28)
    setup()
    assert "Memory is short: 0.2 GiB free" in capsys.readouterr().out.splitlines()[1]
    monkeypatch.setenv("COURSE_HEADLESS", "1")  # a built notebook does not tell of its author's
    setup()
    assert capsys.readouterr().out.count("\n") == 1


def python(code, *options):
    """Output and errors of a fresh Python; `options` may take its packages away."""
    command = [sys.executable, *options, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.stdout, run.stderr


@pytest.fixture(scope="module")
def first_cell(repository):
    """Code of a lesson's first cell."""
    cells = jupytext.read(repository / "notebooks" / "src" / "04_adamw.py").cells
    return next(cell.source for cell in cells if cell.cell_type == "code")


def test_without_the_course_the_first_cell_says_how_to_install_it(first_cell):
    last = python(first_cell, "-I", "-S")[1].splitlines()[-1]  # no package at all
    assert last.startswith("ImportError: the course is not installed in this Python: ")
    assert "`make course`" in last and last.endswith("%pip install -e ..")


def test_with_the_course_alone_the_first_cell_names_what_is_missing(first_cell, repository):
    code = f"import sys; sys.path.insert(0, {str(repository)!r})\n{first_cell}"
    last = python(code, "-I", "-S")[1].splitlines()[-1]
    assert "NotReady: Missing here: torch, numpy, " in last and "make course" in last


def test_a_notebook_shows_the_sentence_alone():
    assert environment.NotReady("no torch")._render_traceback_() == ["✗ no torch"]


def test_a_missing_package_is_named_with_the_command_that_mends_it():
    hide = "u.find_spec = lambda name: None if name == 'sklearn' else find(name)"
    said = python(
        f"import importlib.util as u; find = u.find_spec; {hide}; import course_lib.notebook"
    )[1]
    assert "Missing here: scikit-learn." in said
    assert f"{sys.executable} -m pip install scikit-learn" in said and "make course" in said


def test_a_python_too_old_is_named():
    said = python("import sys; sys.version_info = (3, 9, 1); import course_lib.notebook")[1]
    assert "NotReady: This is Python 3." in said and "needs 3.10 or newer" in said


def test_importing_the_helpers_is_light():
    heavy = ["torch", "matplotlib", "ipywidgets", "nbformat"]
    probe = f"import sys, course_lib.notebook; print([m for m in {heavy} if m in sys.modules])"
    assert python(probe) == ("[]\n", "")


def test_what_the_rooms_of_a_lesson_import_is_looked_for_and_declared(repository):
    library = repository / "course_lib"
    apart = ("authoring", "checks", "jupyter", "replication", "cli.py", "__main__.py")
    files = [
        path for path in library.rglob("*.py") if path.relative_to(library).parts[0] not in apart
    ]
    roots = {name.partition(".")[0] for path in files for name in imported(path)}
    assert set(environment.NEEDED) == roots - sys.stdlib_module_names - {"course_lib", "_typeshed"}
    project = (repository / "pyproject.toml").read_text(encoding="utf-8")
    dependencies = project.split("\ndependencies = [\n")[1].split("\n]\n")[0]
    assert set(environment.NEEDED.values()) <= set(re.findall(r'"([a-z0-9-]+)>', dependencies))


def imported(path: Path):
    """Names of the modules that a file imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module
