"""What every module asks of its arguments, said in one way; and a sum with a scale of any kind."""

import math
from collections.abc import Collection
from typing import TypeVar

import torch
from torch import Tensor

Number = float | Tensor  # a hyper-parameter: of one model, or one value per model
Value = TypeVar("Value")


def require(
    name: str,
    value: Value | None,
    low: float = 0.0,
    high: float = math.inf,
    *,
    open_low: bool = False,
    open_high: bool = True,
) -> Value:
    """Return `value` if it is a finite number between `low` and `high`.

    Else raise `ValueError` naming argument, value and range. `open_low` and `open_high` exclude the
    bound itself. A zero-dimensional tensor is a number here, a boolean is not. torch lets NaN and
    infinity through in several places (`torch.optim.SGD(lr=nan)`, `momentum=1.5`); we do not.
    """
    number = _number(value)
    above = number > low or (number == low and not open_low)
    below = number < high or (number == high and not open_high)
    if not (above and below and math.isfinite(number)):
        allowed = (
            f"{'(' if open_low else '['}{_show(low)}, {_show(high)}{')' if open_high else ']'}"
        )
        raise ValueError(f"{name} = {value!r}: must be a finite number in {allowed}")
    return value  # type: ignore[return-value]  # None is none


def require_probability(
    name: str, value: Value | None, *, open_low: bool = False, open_high: bool = False
) -> Value:
    """Return `value` if it is a number in [0, 1], else raise `ValueError` as `require` does.

    `open_low`, `open_high`: 0, or 1, itself is refused too.
    """
    return require(name, value, 0.0, 1.0, open_low=open_low, open_high=open_high)


def require_whole(name: str, value: object, low: float = 0, high: float = math.inf) -> int:
    """Return `value` as an int if it is a whole number between `low` and `high`, both included.

    Else raise `ValueError` naming argument, value and range. 3.0 and a tensor that holds 3 are
    whole numbers, a boolean is none.
    """
    number = _number(value)
    if not (low <= number <= high and number.is_integer()):
        bounds = f"{'(' if low == -math.inf else '['}{_show(low)}, {_show(high)}"
        closing = ")" if high == math.inf else "]"
        raise ValueError(f"{name} = {value!r}: must be a whole number in {bounds}{closing}")
    return int(value)  # type: ignore[call-overload]  # it has just been a number


def require_choice(name: str, value: Value, choices: Collection[object]) -> Value:
    """Return `value` if it is one of `choices`, else raise `ValueError` that lists them."""
    if value not in choices:
        raise ValueError(f"{name} = {value!r}: must be one of {', '.join(map(repr, choices))}")
    return value


def require_nesterov(
    nesterov: bool, momentum: float | list[float], dampening: float | list[float]
) -> None:
    """Raise `ValueError` if `nesterov` is asked for without momentum, or with dampening.

    Numbers, or lists of them.
    """
    momenta, dampenings = (
        value if isinstance(value, list) else [value] for value in (momentum, dampening)
    )
    if nesterov and not (all(momenta) and not any(dampenings)):
        raise ValueError(
            f"nesterov = True with momentum = {momentum}, dampening = {dampening}: "
            "Nesterov momentum needs momentum in (0, 1) and dampening = 0"
        )


def is_on(strength: Number) -> bool:
    """False for a plain zero: the term can be left out.

    A tensor holds one strength per model and always counts.
    """
    return not isinstance(strength, (int, float)) or strength != 0


def add_scaled(total: Tensor, scale: Number, term: Tensor, out: Tensor | None = None) -> Tensor:
    """The sum total + scale·term, as a new tensor or into `out`.

    A float `scale` takes one pass over the memory and no temporary. A tensor (one value per model,
    broadcast against `term`) takes both.
    """
    if isinstance(scale, (int, float)):
        if out is total:  # found sooner than torch.add(…, out=…)
            return total.add_(term, alpha=scale)
        return torch.add(total, term, alpha=scale, out=out)
    return torch.add(total, scale * term, out=out)


def _number(value: object) -> float:
    """`value` as a float; NaN for what is none: a list, None, True, several elements, 10**400."""
    try:
        return math.nan if isinstance(value, (bool, str)) else float(value)  # type: ignore[arg-type]  # see below
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return math.nan


def _show(bound: float) -> str:
    return {math.inf: "∞", -math.inf: "−∞"}.get(bound, f"{bound:g}")
