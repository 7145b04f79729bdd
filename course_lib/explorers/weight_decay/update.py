"""What explorers of lesson 03 share."""

import inspect

PULLS = {
    "l2": "L2",
    "weight_decay": "weight decay",
}  # the keyword of the update functions, and its name for people


def takes(update, *names):
    """True if the function `update` can be called with all the keywords `names`."""
    parameters = inspect.signature(update).parameters
    return all(name in parameters for name in names) or any(
        p.kind is p.VAR_KEYWORD for p in parameters.values()
    )
