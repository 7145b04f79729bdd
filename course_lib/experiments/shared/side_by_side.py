"""Several trainings at once, each on a thread of its own."""

from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing


def side_by_side(runs: Sequence[Generator[object, None, None]]) -> Generator[None, None, None]:
    """Advance all `runs` in turn until each has ended; yield after each turn.

    Who leaves sooner closes them all.
    """
    with ExitStack() as stack:
        going = [stack.enter_context(closing(run)) for run in runs]
        while going:
            going = [run for run in going if next(run, END) is not END]
            yield


END = object()
