"""Every task: the referee passes, a blank is unanswered, each mistake is named as itself and as no
other.
"""

import pytest

from course_lib.checks.judge.observe import observe
from course_lib.checks.judge.report import judge
from course_lib.checks.judge.task import all_tasks, find

NAMES = all_tasks()
MISTAKES = [(name, mistake) for name in NAMES for mistake in find(name).mistakes]


def result(name, answers, seed=0):
    task = find(name)
    cases = task.draw(seed)
    return judge(name, task, cases, observe(task.names, answers, cases))


@pytest.mark.parametrize("name", NAMES)
def test_referee_passes(name, amount):
    for seed in range(amount(2, 8)):
        found = result(name, find(name).reference, seed)
        assert found and found.verdict == "passed", found.message
        assert found.line.startswith("✓ ") and "{" not in found.line


def not_written(*args, **kwargs):
    raise NotImplementedError("your code here")


def empty(*args, **kwargs):
    """Only a docstring, and then nothing."""
    ...


BLANKS = [(name, ...) for name in NAMES]
BLANKS += [
    (name, blank)
    for name in NAMES
    for blank in (not_written, empty)
    if callable(find(name).reference[0])
]


@pytest.mark.parametrize(("name", "blank"), BLANKS)
def test_blank_is_unanswered(name, blank):
    found = result(name, (blank,) * len(find(name).names))
    assert found.verdict == "unanswered" and not found and not found.answered
    assert found.line.startswith(f"○ {name[3:]} not implemented yet")


@pytest.mark.parametrize(
    ("name", "mistake"), MISTAKES, ids=[f"{name} {mistake.name}" for name, mistake in MISTAKES]
)
def test_mistake_is_named_as_itself(name, mistake, amount):
    hints = {m.hint for m in find(name).mistakes} - {mistake.hint}
    for seed in range(amount(1, 4)):
        found = result(name, mistake.answers, seed)
        assert found.verdict == "failed" and found.message.startswith(mistake.hint), found.message
        assert not [hint for hint in hints if hint in found.message], found.message


def test_an_update_that_returns_nothing_is_told_what_it_should_return():
    def sgd_update(param, grad, state, *, lr, momentum=0.0, l2=0.0, weight_decay=0.0):
        param.sub_(lr * grad)

    said = result("03/T1", (sgd_update,)).message
    assert "None was returned (is a `return` missing?), expected `param`" in said
