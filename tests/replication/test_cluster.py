"""The same work on a Dask cluster: a scheduler and two workers on loopback, one killed."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from distributed import Client

from course_lib.base.places import CourseError
from course_lib.replication import cluster
from course_lib.replication.replicate import replicate
from tests.replication._lesson import lesson
from tests.replication.test_replicate import files

ROOT = Path(__file__).resolve().parents[2]
SLOW = "import time; time.sleep(2)"  # long enough to be killed in


def started(arguments, folder):
    where = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": where},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
def scheduler(tmp_path):
    """A scheduler's address, and its two workers, none of which restarts itself."""
    file = tmp_path / "scheduler.json"
    common = ["--interface", "lo", "--no-dashboard"]
    everyone = [
        started(["dask_scheduler", *common, "--port", "0", "--scheduler-file", file], tmp_path)
    ]
    workers = [
        started(
            [
                "dask_worker",
                "--no-nanny",
                "--nthreads",
                "1",
                *common,
                "--scheduler-file",
                file,
                "--local-directory",
                tmp_path / name,
            ],
            tmp_path,
        )
        for name in ("a", "b")
    ]
    try:
        with Client(scheduler_file=str(file), timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            yield client.scheduler.address, workers
    finally:
        for process in [*workers, *everyone]:
            process.kill()
            process.wait()


def test_a_worker_killed_in_mid_run_loses_nothing_and_nothing_is_kept_twice(scheduler, tmp_path):
    address, workers = scheduler
    run = partial(cluster.outcomes, address=address)

    def killing(jobs):
        """Kill a worker once it works on fresh bases."""
        jobs = list(jobs)
        found = run(jobs)
        if len(jobs) > 1:
            first = next(found)
            workers[0].send_signal(signal.SIGKILL)
            time.sleep(0.1)
            yield first
        yield from found

    said, folder = [], tmp_path / "records"
    standings, failed = replicate(
        {"03_x": lesson(more=SLOW)}, [1, 2, 4], killing, folder, said.append
    )
    assert not failed and not said and workers[0].wait() == -signal.SIGKILL
    assert {name: len(lines) for name, lines in files(folder).items()} == {
        f"x/base_{base}.jsonl": 2 for base in (0, 1, 2, 4)
    }
    assert all({*one.fresh, *one.unplanned} == {1, 2, 4} for one in standings.values())


def test_a_scheduler_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    with pytest.raises(CourseError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        next(cluster.outcomes([], "tcp://127.0.0.1:9"))
