"""A class of notebooks: several at once, and none stops the others."""

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor, as_completed

import psutil

from course_lib.checks.judge.report import Result
from course_lib.checks.run import pool, verdict


def check_many(paths, check_file, jobs=None):
    """Yield (path, results) of each notebook as it is done; `check_file`: see `course_lib.checks`.

    `jobs`: notebooks checked at once, by default one a core. Whatever goes wrong with one becomes
    its result. Leaving the loop ends all that is at work.
    """
    jobs = min(jobs or cores(), max(1, len(paths)))
    share = psutil.virtual_memory().total / 2**30 * 0.75 / jobs
    limits = {"memory_gib": min(pool.MEMORY_GIB, max(1.0, share))} if jobs > 1 else {}
    with contextlib.ExitStack() as ends:
        workers = ends.enter_context(pool.warm(jobs))
        threads = ThreadPoolExecutor(jobs)
        ends.callback(threads.shutdown, wait=True, cancel_futures=True)
        ends.callback(workers.close)  # first: no thread waits for an answer any more
        futures = {threads.submit(_guarded, check_file, path, limits): path for path in paths}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _guarded(check_file, path, limits):
    try:
        return check_file(path, **limits)
    except Exception as problem:  # ours, not the learner's: said in its line, and the class goes on
        said = verdict.plain(f"could not be checked: {type(problem).__name__}: {problem}")
        return [Result(path.name, "error", said)]


def cores():
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
