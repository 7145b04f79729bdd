"""Train once a session: an explorer and the cell that judges its figures share one result."""

import functools
import threading

MOST = 8  # results kept of each function


def remembered(compute):
    """Make a generator of ever more complete results remember its last one, by its (hashable) arguments.

    A second call yields the complete result at once; one made while the first still works waits for it. A generator
    that was closed before its end is not remembered. `*_, result = compute(…)` is the complete result.
    """
    kept, lock = {}, threading.Lock()

    @functools.wraps(compute)
    def generate(*args, **keywords):
        key = args, tuple(sorted(keywords.items()))
        with lock:
            if key in kept:
                yield kept[key]
                return
            for result in compute(*args, **keywords):
                yield result
            kept[key] = result
            if len(kept) > MOST:
                del kept[next(iter(kept))]

    return generate
