"""Answers written without a look at the checks: a wrong one fails, a right one passes.

Every second answer of a task was held back until the checks were done.
"""

import math
import re
from pathlib import Path

import pytest
import torch

from course_lib import LESSONS
from course_lib.checks.judge.observe import observe
from course_lib.checks.judge.report import judge
from course_lib.checks.judge.task import find

FOLDER = Path(__file__).with_name("near_misses")
STEMS = [stem for stem in LESSONS if (FOLDER / f"{stem}.txt").exists()]


def answers(stem):
    """{"00/T1 wrong: what it does": source}: `# T1` begins a task, with the lines that its indented
    answers share; `# T1 wrong: what it does` begins an answer.
    """
    found, shared = {}, ""
    text = (FOLDER / f"{stem}.txt").read_text("utf-8")
    for heading, source in re.findall(r"^# (T\d.*)\n((?:(?!# T\d).*\n)*)", text, re.MULTILINE):
        if ":" not in heading:
            shared = source
        else:
            found[f"{LESSONS.index(stem):02d}/{heading}"] = (
                shared + source if source.startswith(" ") else source
            )
    return found


NEAR = {name: source for stem in STEMS for name, source in answers(stem).items()}
TASKS = sorted({name.split()[0] for name in NEAR})


def verdict_of(task, source, seed=0):
    """The `Result` of the text of an answer."""
    names = {"torch": torch, "math": math}
    exec(source, names)
    asked = find(task)
    cases = asked.draw(seed)
    return judge(task, asked, cases, observe(asked.names, [names[n] for n in asked.names], cases))


@pytest.mark.parametrize("name", NEAR)
def test_wrong_fails_and_right_passes(name, amount):
    task, verdict = name.partition(":")[0].split()
    for seed in range(amount(1, 5)):
        found = verdict_of(task, NEAR[name], seed)
        assert found.verdict == ("passed" if verdict == "right" else "failed"), found.message
        assert verdict == "right" or found.line.endswith(f"`course hint {task.replace('/', ' ')}`")


def test_each_task_has_four_wrong_and_three_right():
    for task in TASKS:
        kinds = [name.partition(":")[0].split()[1] for name in NEAR if name.split()[0] == task]
        assert kinds.count("wrong") >= 4 and kinds.count("right") >= 3, task
