"""Whose update function an explorer draws: the learner's, where its keywords fit, or ours."""

import inspect
from collections.abc import Callable


def takes(update: Callable, *names: str) -> bool:
    """True if the function `update` can be called with all the keywords `names`."""
    parameters = inspect.signature(update).parameters
    return all(name in parameters for name in names) or any(
        p.kind is p.VAR_KEYWORD for p in parameters.values()
    )


def chosen(
    update: Callable | None, ours: Callable, *names: str, without: str | None = None
) -> tuple[Callable, str]:
    """(the function to run, a sentence about it).

    The learner's `update` if there is one and it takes the keywords `names` and none called
    `without`, else ours.
    """
    if update is None:
        return ours, ""
    if takes(update, *names) and without not in inspect.signature(update).parameters:
        return update, " Drawn by your update."
    return ours, " Drawn by the course's update: yours takes other keywords."
