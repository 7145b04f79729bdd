"""The runs in local processes, some at a time."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed

from course_lib.replication.lesson import Job, Outcome, Processes, run


def outcomes(jobs: Iterable[Job], together: int) -> Iterator[tuple[Job, Outcome]]:
    """Each job with what it found, as they end, `together` at a time.

    Who leaves sooner ends those that are running.
    """
    processes = Processes()
    with ThreadPoolExecutor(together) as pool:
        waiting = {pool.submit(run, job, processes): job for job in jobs}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            processes.stop()
