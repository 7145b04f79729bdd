"""Every task has three hints, and none holds a line of the model answer."""

import re

import pytest

from course_lib import LESSONS, checks
from course_lib.checks.judge.task import all_tasks, find
from course_lib.cli import main
from course_lib.learner.hints import hint, hints_of


def bare(text):
    return re.sub(r"[\s`]", "", text)


@pytest.mark.parametrize("number", range(len(LESSONS)), ids=LESSONS)
def test_three_hints_to_each_task_without_a_line_of_the_answer(number, repository):
    (source,) = repository.glob(f"notebooks/src/{number:02d}_*_exercises.py")
    answers = re.findall(
        r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", source.read_text("utf-8"), re.S
    )
    lines = {bare(line.partition("#")[0]) for answer in answers for line in answer.splitlines()}
    known = hints_of(number)
    assert [f"{number:02d}/{task}" for task in known] == [
        name for name in all_tasks() if name.startswith(f"{number:02d}/")
    ]
    for task, hints in known.items():
        assert len(hints) == 3, task
        for line in (line for line in lines if len(line) > 6):
            assert line not in bare(" ".join(hints)), (task, line)


def test_one_hint_and_the_way_to_the_next_and_after_the_third_none(capsys):
    assert main(["hint", "03", "t2"]) == 0
    first, more = capsys.readouterr().out.splitlines()
    assert first.startswith("1. ") and more == "one more: course hint 03 T2 2"
    assert main(["hint", "weight_decay", "T2", "3"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("3. ")


@pytest.mark.parametrize(("options", "said"), [(("T9",), "T1, T2"), (("T1", "4"), "from 1 to 3")])
def test_what_there_is_not_is_said(options, said, capsys):
    assert main(["hint", "03", *options]) == 2
    assert said in capsys.readouterr().err
    with pytest.raises(ValueError, match="must be"):
        hint(3, options[0], int(options[-1]) if options[-1].isdecimal() else 1)


@pytest.mark.parametrize(
    ("answer", "kernel", "headless", "shown"),
    [
        (lambda x, threshold: x, True, "0", 2),
        (lambda x, threshold: 0 / 0, True, "0", 2),
        (find("02/T2").reference[0], True, "0", 1),
        (lambda x, threshold: x, False, "0", 1),
        (lambda x, threshold: x, True, "1", 1),
    ],
    ids=("wrong", "broken", "right", "no kernel", "a build"),
)
def test_a_check_that_did_not_pass_offers_them_in_a_kernel(
    answer, kernel, headless, shown, monkeypatch
):
    seen = []
    monkeypatch.setattr(checks, "show", seen.append)
    monkeypatch.setattr(checks, "shell", lambda: object() if kernel else None)
    monkeypatch.setattr(checks.progress, "passed", lambda task: "")
    monkeypatch.setenv("COURSE_HEADLESS", headless)
    checks.check("02/T2", answer)
    assert len(seen) == shown
    for button in seen[1:]:
        assert button["text/plain"] == "hints: course hint 02 T2"
        assert any("widget-view" in kind for kind in button)
