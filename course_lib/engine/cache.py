"""Train once a session: an explorer and the cell that judges its figures share one result."""

import functools
import inspect
import threading

MOST = 8  # results kept of each function


def remembered(compute):
    """Make a generator of ever more complete results remember its last one, by its (hashable)
    arguments.

    A second call yields the complete result at once; one made in another thread while the first
    still works waits for it, and one made in the same thread, which would wait for ever, raises
    `RuntimeError`. A generator that was closed before its end is not remembered. `*_, result =
    compute(…)` is the complete result.
    """
    kept, lock, signature = {}, threading.Lock(), inspect.signature(compute)
    working = None  # the thread that holds the lock

    @functools.wraps(compute)
    def generate(*args, **keywords):
        nonlocal working
        call = signature.bind(*args, **keywords)
        call.apply_defaults()
        key = tuple(call.arguments.values())
        if working == threading.get_ident():
            raise RuntimeError(
                f"{compute.__name__} is still being computed in this thread: finish or close it first"
            )
        with lock:
            working = threading.get_ident()
            try:
                if key not in kept:
                    for result in compute(*args, **keywords):
                        yield result
                    kept[key] = result
                    if len(kept) > MOST:
                        del kept[next(iter(kept))]
                else:
                    yield kept[key]
            finally:
                working = None

    return generate
