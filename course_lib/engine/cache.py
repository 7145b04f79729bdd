"""Train once a session: explorer and cell that ask for the same read one computation."""

import inspect
import threading
from collections.abc import Callable, Generator, Hashable, Iterator
from functools import partial, wraps
from typing import Any, Generic, ParamSpec, TypeVar

from course_lib.base.memory import Memory

LIMIT = 256 * 2**20  # bytes of complete results
PATIENCE = 0.1  # seconds until one who waits for another thread is given what he has seen before
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_complete = Memory(LIMIT)
_runs: dict[Hashable, "_Run"] = {}  # what somebody reads that is not complete, or only just
_lock = threading.RLock()  # the garbage collector may end a reader inside a locked line


def remembered(
    compute: Callable[Arguments, Iterator[Result]],
) -> Callable[Arguments, Generator[Result, None, None]]:
    """Make a generator of ever more complete results one computation for all who read it.

    `*_, result = compute(…)` is the complete result, computed once a session for each value of the
    arguments; a second call yields it at once. Those who read before it is complete share the work,
    in any threads: whoever has seen the latest result computes the next; who finds another thread
    at that waits, and after PATIENCE is given the latest once more, so that he can look around.
    Who leaves (closes his generator) takes nothing from the others; the last to leave closes
    `compute`, for what nobody reads must not cost processor time, and nothing of it is kept. An
    exception reaches the reader whose step it was, and is not kept: the others, or who asks next,
    begin anew. Complete results are forgotten, the least recently used first, beyond LIMIT bytes.

    Positional, named and default arguments are the same call; so are a list, a range and a tuple of
    the same numbers. Arguments count by their `hash`: a number, text or `ModelSpec` by what it
    holds, a function, tensor or `Split` by who it is. Nobody may change an argument or a result.
    """
    signature = inspect.signature(compute)

    @wraps(compute)
    def read(*args: Arguments.args, **keywords: Arguments.kwargs) -> Generator[Result, None, None]:
        call = signature.bind(*args, **keywords)
        call.apply_defaults()
        key = compute, _hashable(call.arguments)
        yield from _read(key, partial(compute, *args, **keywords))

    return read


def _hashable(value: Any) -> Hashable:
    if isinstance(value, dict):
        return frozenset((name, _hashable(part)) for name, part in value.items())
    return tuple(map(_hashable, value)) if isinstance(value, (list, tuple, range)) else value


def _read(key: Hashable, begin: Callable[[], Iterator[Result]]) -> Generator[Result, None, None]:
    with _lock:
        complete = _complete.get(key)
        if complete is None:
            run = _runs[key] = _runs.get(key) or _Run(begin)
            run.readers += 1
    if complete is not None:
        yield complete
        return
    try:
        yield from run.read()
    finally:
        with _lock:
            run.readers -= 1
            last = run.readers == 0
            if last:
                del _runs[key]
                _, result, ended = run.state
                if ended:
                    _complete.put(key, result)
        if last:
            run.steps.close()


class _Run(Generic[Result]):
    """One computation that several may read.

    state: how many results there were, the latest of them, whether it is the last.
    """

    def __init__(self, begin: Callable[[], Iterator[Result]]):
        self.begin, self.readers = begin, 0
        self.steps: Any = begin()
        self.state: tuple[int, Any, bool] = 0, None, False
        self.working = threading.RLock()  # held while a step is computed, never between two

    def read(self) -> Iterator[Result]:
        seen = 0
        while True:
            # who has seen nothing has nothing to look at while he waits
            if self.state[0] == seen and self.working.acquire(timeout=PATIENCE if seen else -1):
                try:
                    self._step(seen)
                finally:
                    self.working.release()
            count, latest, ended = self.state
            if ended and count == seen:
                return
            seen = count
            yield latest

    def _step(self, seen: int) -> None:
        """Compute the next result, unless another thread has meanwhile."""
        count, latest, ended = self.state
        if count > seen or ended:
            return
        try:
            self.state = count + 1, next(self.steps), False
        except StopIteration:
            self.state = count, latest, True
        except BaseException:
            self.steps = self.begin()  # for those who still read
            raise
