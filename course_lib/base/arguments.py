"""What every module asks of its arguments, said in one way; and a sum whose factor may be a float
or a tensor.
"""

import math

import torch


def require(name, value, low=0.0, high=math.inf, *, open_low=False, open_high=True):
    """Return `value` if it is a finite number between `low` and `high`, else raise `ValueError`
    naming all three.

    `open_low` and `open_high` exclude the bound itself. A zero-dimensional tensor is a number here,
    a boolean is not. torch lets NaN and infinity through in several places
    (`torch.optim.SGD(lr=nan)`, `momentum=1.5`); we do not.
    """
    allowed = f"{'(' if open_low else '['}{_show(low)}, {_show(high)}{')' if open_high else ']'}"
    try:
        number = float("nan") if isinstance(value, (bool, str)) else float(value)
    except (
        TypeError,
        ValueError,
        RuntimeError,
        OverflowError,
    ):  # a list, None, several elements, 10**400
        number = math.nan
    above = number > low or (number == low and not open_low)
    below = number < high or (number == high and not open_high)
    if not (above and below and math.isfinite(number)):
        raise ValueError(f"{name} = {value!r}: must be a finite number in {allowed}")
    return value


def require_choice(name, value, choices):
    """Return `value` if it is one of `choices`, else raise `ValueError` that lists them."""
    if value not in choices:
        raise ValueError(f"{name} = {value!r}: must be one of {', '.join(map(repr, choices))}")
    return value


def require_nesterov(nesterov, momentum, dampening):
    """Raise `ValueError` if `nesterov` is asked for without momentum, or with dampening.

    Numbers, or lists of them.
    """
    momenta, dampenings = (
        value if isinstance(value, list) else [value] for value in (momentum, dampening)
    )
    if nesterov and (
        any(value == 0 for value in momenta) or any(value != 0 for value in dampenings)
    ):
        raise ValueError(
            f"nesterov = True with momentum = {momentum}, dampening = {dampening}: "
            "Nesterov momentum needs momentum in (0, 1) and dampening = 0"
        )


def is_on(strength):
    """False for a plain zero: the term can be left out.

    A tensor holds one strength per model and always counts.
    """
    return not isinstance(strength, (int, float)) or strength != 0


def add_scaled(total, scale, term, out=None):
    """total + scale·term, as a new tensor or into `out`. `scale`: a float, or a tensor that
    broadcasts.

    A float takes one pass over the memory and no temporary; a tensor (one value per model) takes
    both.
    """
    if isinstance(scale, (int, float)):
        return torch.add(total, term, alpha=scale, out=out)
    return torch.add(total, scale * term, out=out)


def _show(bound):
    return {math.inf: "∞", -math.inf: "−∞"}.get(bound, f"{bound:g}")
