"""The runs on a Dask cluster that is there already: the same work, the same records."""

from collections.abc import Iterable, Iterator

from course_lib.base.places import CourseError
from course_lib.replication.lesson import Job, Outcome, run

PATIENCE = 30  # seconds until a scheduler that does not answer is given up
LIVES = 3  # workers that a run may lose before it is an outcome with that problem


def outcomes(jobs: Iterable[Job], address: str) -> Iterator[tuple[Job, Outcome]]:
    """Each job with what it found, as they end. A run whose worker is lost is made by another.

    Workers need the course as it is here, and the data; each run is a process of its own beside the
    worker. Raises CourseError where the scheduler does not answer, or dask is not installed.
    """
    try:
        from distributed import Client, as_completed
    except ModuleNotFoundError:
        raise CourseError(
            "dask is not installed: pip install 'course-lib[cluster]', here and where workers run"
        ) from None
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as problem:
        raise CourseError(f"no Dask scheduler answers at {address}: {problem}") from None
    with client:
        # A lesson's threads count as one: each run takes a worker's whole place.
        waiting = {client.submit(run, job, retries=LIVES, pure=False): job for job in jobs}
        for future in as_completed(waiting, loop=client.loop):
            lost = future.exception()
            if lost is None:
                yield waiting[future], future.result()
            else:
                yield waiting[future], Outcome(problems=(f"{type(lost).__name__}: {lost}",))
