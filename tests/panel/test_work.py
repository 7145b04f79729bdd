"""The worker that takes the newest job only, and the memory that forgets."""

import logging
import threading
import time

from course_lib.panel.work import Latest
from tests._jobs import job


def test_the_newest_job_takes_over_after_the_step_that_runs():
    work, log, begun, gate = Latest(), [], threading.Event(), threading.Event()

    def held():
        begun.set()
        gate.wait(60)
        yield from job(log, "first")

    work.submit(held())
    assert begun.wait(60)
    work.submit(job(log, "overtaken"))
    work.submit(job(log, "newest"))
    gate.set()
    assert work.wait(60)
    assert log == [
        ("first", 0),
        ("first", "closed"),
        *(("newest", step) for step in (0, 1, 2, "closed")),
    ]


def test_the_first_step_of_every_job_that_is_begun_is_carried_out():
    work, log = Latest(), []
    for name in range(40):
        work.submit(job(log, name, steps=50))
        time.sleep(0.001)
    assert work.wait(60)
    begun = {name for name, _ in log}
    assert all((name, 0) in log and (name, "closed") in log for name in begun)
    assert (39, 49) in log


def test_stop_ends_a_job_and_a_failing_job_is_logged_and_the_next_one_runs(caplog):
    work, log = Latest(), []
    work.submit(job(log, "endless", steps=10**9))
    while not log:
        time.sleep(0.001)
    work.stop()
    assert work.wait(60) and log[-1] == ("endless", "closed")

    def failing():
        yield 1 / 0

    with caplog.at_level(logging.ERROR):
        work.submit(failing())
        assert work.wait(60)
    assert "division by zero" in caplog.text
    work.submit(job(log, "next"))
    assert work.wait(60) and log[-1] == ("next", "closed")
