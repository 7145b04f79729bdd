"""A small lesson is run on bases of seeds, in processes of its own; what it found is kept."""

import json
import os
from pathlib import Path

import pytest

from course_lib import cli
from course_lib.base import random
from course_lib.data import loaded
from course_lib.notebook import claims
from course_lib.records import store
from course_lib.replication import lesson as runs
from course_lib.replication import summary
from course_lib.replication.code import code_hash
from course_lib.replication.lesson import Job, Outcome
from course_lib.replication.local import outcomes
from course_lib.replication.plan import Plan
from course_lib.replication.replicate import replicate
from tests.replication._lesson import lesson

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def here():
    """The processes that are started find the library that is tested."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), before]))
    yield
    os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)


@pytest.fixture(scope="module")
def first(here, tmp_path_factory):
    """What a first replication leaves: its folder, where claims stand, how many runs failed."""
    folder = tmp_path_factory.mktemp("records")
    return folder, *replicate({"03_x": lesson()}, folder=folder)


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8").splitlines()
        for path in sorted(folder.rglob("*.jsonl"))
    }


def test_one_file_a_lesson_and_base_and_one_line_a_claim(first):
    folder, standings, failed = first
    assert not failed
    found = files(folder)
    assert list(found) == [f"x/base_{base}.jsonl" for base in range(4)]
    assert {tuple(json.loads(line)["id"] for line in lines) for lines in found.values()} == {
        ("above", "twice")
    }
    line = json.loads(found["x/base_2.jsonl"][0])
    assert line["code"] == code_hash(lesson()) and line["base"] == 2
    assert line["versions"]["torch"] and len(line["samples"][""]["values"]) == 8
    assert standings["twice"].status() == "confirmed"
    assert standings["above"].pooled()[""].n == 24


def test_nothing_that_is_stored_stands_in_for_what_is_recorded(here):
    everything = store.stored("elsewhere/carried")
    assert (
        store.kept("elsewhere/carried", "transformer", "plain")
        == (everything["transformer"]["plain"]["0"])
    )
    assert store.kept("elsewhere/carried", "transformer", "no such arm") is None
    more = """
from course_lib.records import store
assert store.kept("elsewhere/carried", "transformer", "plain") is None
"""
    [(_, outcome)] = outcomes([Job("03_x", lesson(more=more), 0)], 1)
    assert not outcome.problems and len(outcome.measured) == 2


def test_every_base_has_values_of_its_own(first):
    _, standings, _ = first
    one = standings["above"]
    runs = [one.pilot, *one.fresh.values()]
    values = [value for run in runs for value in run.samples[""].values]
    assert len(set(values)) == 32


def test_what_is_done_is_not_run_again(first):
    folder, _, _ = first
    before = files(folder)
    said = []
    replicate({"03_x": lesson()}, folder=folder, runner=unwanted, report=said.append)
    assert files(folder) == before and not said


def unwanted(jobs):
    assert not list(jobs)
    return iter(())


def copied(folder, to):
    for path, lines in files(folder).items():
        (to / path).parent.mkdir(exist_ok=True)
        (to / path).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return to


@pytest.fixture
def inside(monkeypatch):
    """A runner that makes the runs in this process, base by base, and the bases that it ran."""
    ran = []

    def run(jobs):
        for job in jobs:
            ran.append(job.base)
            monkeypatch.setattr(random, "BASE", job.base)
            monkeypatch.setattr(loaded, "hashes", {})  # as a process of its own would begin
            monkeypatch.setattr(loaded, "substituted", set())
            claims.measurements.clear()
            yield job, runs.measured(job)

    return run, ran


def test_a_changed_bound_takes_the_next_bases_and_another_claim_keeps_its_record(
    first, inside, tmp_path
):
    folder, (run, ran) = copied(first[0], tmp_path), inside
    standings, failed = replicate({"03_x": lesson(bound=-8)}, folder=folder, runner=run)
    assert not failed and sorted(ran) == [0, 4, 5, 6]
    assert standings["twice"].pilot.revision == 1 and set(standings["twice"].fresh) == {4, 5, 6}
    assert standings["above"].pilot.revision == 0 and set(standings["above"].fresh) == {1, 2, 3}
    assert [json.loads(line)["id"] for line in files(folder)["x/base_5.jsonl"]] == ["twice"]


def test_what_is_reworded_moved_or_refactored_keeps_its_record(first, inside, tmp_path):
    folder, (run, ran) = copied(first[0], tmp_path), inside
    text = lesson(shift="1 / 2").replace("A half is above", "More than")
    standings, _ = replicate({"07_y": text}, folder=folder, runner=run)
    assert ran == [0]
    assert standings["above"].pilot.lesson == "07_y" and standings["above"].complete


def test_before_its_fresh_result_was_seen_a_claim_may_change(inside, tmp_path):
    plan = Plan({"03_x": lesson()}, folder=tmp_path)
    for text in (lesson(), lesson(bound=-8)):
        plan = Plan({"03_x": text}, folder=tmp_path)
        [(pilot, outcome)] = inside[0](plan.pilots())
        assert not plan.keep(pilot, outcome)
    assert plan.standings()["twice"].pilot.revision == 0
    assert [job.base for job in plan.fresh()] == [1, 2, 3]


def test_other_bases_are_shown_apart(first, inside, tmp_path):
    folder, (run, ran) = copied(first[0], tmp_path), inside
    standings, _ = replicate({"03_x": lesson()}, [7], folder=folder, runner=run)
    assert ran == [7] and set(standings["above"].unplanned) == {7}
    lines = [*summary.report(standings)]
    assert sum(line.startswith("base 7, which nobody planned: ") for line in lines) == 2
    assert standings["above"].pooled()[""].n == 24


def test_a_failing_cell_is_told_and_the_others_count(inside, tmp_path):
    said = []
    text = lesson(more='raise KeyError("no")')
    standings, failed = replicate({"03_x": text}, [1], inside[0], tmp_path, said.append)
    assert failed == 2 and list(standings) == ["above"]
    assert said[0] == "03_x, base 0: code cell 3 (<module>, line 1): KeyError: 'no'"


def test_a_process_that_dies_is_told(tmp_path):
    said = []
    text = lesson(more="import os; os._exit(3)")
    _, failed = replicate({"03_x": text}, folder=tmp_path, report=said.append)
    assert failed == 1 and said[0].startswith("03_x, base 0: its process ended with 3")
    assert not files(tmp_path)


def test_data_that_others_stood_in_for_make_no_record(tmp_path):
    plan = Plan({"03_x": lesson()}, folder=tmp_path)
    [job] = plan.pilots()
    found = Outcome(substituted=("spambase",), code=code_hash(lesson()))
    assert "spambase was not there" in plan.keep(job, found)
    assert "other code" in plan.keep(job, Outcome(code="another"))
    assert not store.lines(tmp_path)


def test_a_process_runs_on_its_own_base_alone():
    with pytest.raises(ValueError, match=f"base = 5: this process is on base {random.BASE}"):
        runs.measured(Job("03_x", lesson(), 5))


def test_the_hash_of_the_code_sees_cells_and_library_but_neither_prose_nor_comments():
    text = lesson()
    same = [
        text.replace("# # A lesson", "# # Another"),
        text.replace("import torch", "# so\nimport torch"),
    ]
    assert {code_hash(it) for it in same} == {code_hash(text)}
    more = "from course_lib.experiments.sgd import saddle"
    assert len({code_hash(it) for it in (text, lesson(shift=1), lesson(more=more))}) == 3


def test_who_is_interrupted_keeps_what_is_done(tmp_path):
    def once(jobs):
        found = outcomes(jobs, 1)
        yield next(found)
        found.close()
        raise KeyboardInterrupt

    lessons = {"03_x": lesson(), "04_y": lesson(shift=2).replace('id="', 'id="other-')}
    with pytest.raises(KeyboardInterrupt):
        replicate(lessons, folder=tmp_path, runner=once)
    assert len(files(tmp_path)) == 1
    assert len(Plan(lessons, folder=tmp_path).pilots()) == 1


def test_bases_on_the_command_line(capsys):
    known = cli.parser().parse_args(["replicate", "03", "--bases", "1,12,1"])
    assert known.bases == [1, 12]
    for wrong in ("0", "-1", "1,x", "", "1.5"):
        with pytest.raises(SystemExit):
            cli.parser().parse_args(["replicate", f"--bases={wrong}"])
        assert "must be whole numbers ≥ 1" in capsys.readouterr().err
