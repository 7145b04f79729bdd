"""Work spread over threads, each single-threaded inside, that can be watched and stopped."""

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Protocol

import torch

TICK = 0.1  # seconds between reports, at most


class Runs(Protocol):
    """A piece of work: `Chunk`."""

    def run(self, stopped: Callable[[], bool]) -> None:
        """Work to the end, or until `stopped()`."""


Waiting = SimpleQueue[Runs | None]
Events = SimpleQueue[BaseException | None]


def work_off(chunks: Sequence[Runs], workers: int) -> Iterator[int]:
    """Run all chunks on threads; yield how many are done, whenever one is and every TICK seconds.

    What goes wrong in a thread is raised here. Closing the generator ends all threads as soon as
    they ask `stopped()`.
    """
    workers = min(workers, len(chunks))
    waiting: Waiting = SimpleQueue()
    events: Events = SimpleQueue()
    stop = threading.Event()
    for chunk in [*chunks, *[None] * workers]:  # a None sends one worker home
        waiting.put(chunk)
    ready = threading.Barrier(workers + 1)
    threads = [
        threading.Thread(
            target=_work, args=(waiting, events, stop, ready), name=f"ensemble-{i}", daemon=True
        )
        for i in range(workers)
    ]
    _keep_freed_memory()
    own_threads = torch.get_num_threads()
    try:
        for thread in threads:
            thread.start()
        ready.wait()
        # what a worker sets for itself is also what later threads start with
        torch.set_num_threads(own_threads)
        done = 0
        while done < len(chunks):
            done += _next_event(events)
            yield done
    finally:
        stop.set()
        ready.abort()
        for thread in threads:
            thread.join()


def _work(
    waiting: Waiting, events: Events, stop: threading.Event, ready: threading.Barrier
) -> None:
    """One worker: chunk after chunk. An exception ends it, and is passed on."""
    # torch sets a new thread's count at the first question; ours must come after
    torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        ready.wait()
        for chunk in iter(waiting.get, None):
            if stop.is_set():
                break
            chunk.run(stop.is_set)
            events.put(None)
    except BaseException as error:
        events.put(error)  # SystemExit too, from a learner's function: nothing ends in silence


def _next_event(events: Events) -> int:
    """Wait TICK seconds at most. 1: a chunk is done, 0: not yet; a worker's exception is raised."""
    try:
        error = events.get(timeout=TICK)
    except Empty:
        return 0
    if error is not None:
        raise error
    return 1


def _keep_freed_memory() -> None:
    """Have the C library keep large pieces of memory that are freed.

    Fetching a freed megabyte anew, page by page, costs several times what an update does with it.
    glibc keeps pieces as large as the largest it has seen freed, up to 32 MB (mallopt(3),
    M_MMAP_THRESHOLD): this frees one, never touched.
    """
    torch.empty(31 << 20, dtype=torch.uint8)
