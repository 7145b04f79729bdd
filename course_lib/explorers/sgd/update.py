"""What explorers of lesson 00 share."""

import inspect

from course_lib.sgd import sgd_update


def takes(update, *names):
    """True if the function `update` can be called with all the keywords `names`."""
    parameters = inspect.signature(update).parameters
    return all(name in parameters for name in names) or any(
        p.kind is p.VAR_KEYWORD for p in parameters.values()
    )


def note_on(update, *names):
    """(the function to run, a sentence about it): the learner's `update` where its keywords fit,
    else ours.
    """
    if update is None:
        return sgd_update, ""
    if takes(update, *names):
        return update, " Drawn by your update."
    return sgd_update, " Drawn by the course's update: yours takes other keywords."
