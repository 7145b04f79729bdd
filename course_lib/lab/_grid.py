"""Reading a grid of hyper-parameters: which names, how many settings, which values; and saying what is wrong."""

import inspect
import math
from collections.abc import Callable

from course_lib._arguments import require

RANGES = {
    "lr": {},
    "l2": {},
    "weight_decay": {},
    "momentum": {"high": 1.0},
    "dampening": {"low": -math.inf},
    "eps": {"high": 1.0, "open_low": True},
    "beta1": {"high": 1.0},
    "beta2": {"high": 1.0},
    "dropout": {"high": 1.0},
}
SWITCHES = ("nesterov", "amsgrad")


def read_grid(grid: dict, update: Callable) -> tuple[int, list[float], dict]:
    """(V settings, dropout p of each, keyword arguments of `update`: a list of V floats where settings differ).

    grid: name → V numbers or one number for all; `nesterov` and `amsgrad` one boolean. `beta1`, `beta2` become `betas`.
    Raises ValueError for a name that `update` does not take, a value out of range, columns of unequal length, and a
    hyper-parameter that `update` needs and the grid lacks.
    """
    allowed = _allowed_names(update)
    columns = {name: _column(name, value, allowed) for name, value in grid.items()}
    lengths = {name: len(column) for name, column in columns.items() if isinstance(column, list)}
    settings = max(lengths.values(), default=1)
    if set(lengths.values()) - {settings}:
        raise ValueError(f"grid: columns of unequal length {lengths}: each must hold one number, or one per setting")
    _check_nesterov(columns)
    dropout = columns.pop("dropout", 0.0)
    options = _as_keywords(columns, update)
    for name, parameter in list(inspect.signature(update).parameters.items())[3:]:
        if parameter.default is parameter.empty and parameter.kind is parameter.KEYWORD_ONLY and name not in options:
            raise ValueError(f"grid: {name} is missing, and {_name(update)} needs it")
    return settings, _listed(dropout, settings), options


def _allowed_names(update: Callable) -> list[str] | None:
    """The hyper-parameters that `update(param, grad, state, …)` takes, and dropout; None: any name."""
    names = []
    for name, parameter in list(inspect.signature(update).parameters.items())[3:]:
        if parameter.kind is parameter.VAR_KEYWORD:
            return None
        names += ["beta1", "beta2"] if name == "betas" else [name]
    return [*names, "dropout"]


def _column(name: str, value, allowed: list[str] | None) -> float | bool | list[float]:
    """One number if all settings share it, else a list."""
    if allowed is not None and name not in allowed:
        raise ValueError(f"grid: unknown hyper-parameter {name!r}: must be one of {', '.join(allowed)}")
    if name in SWITCHES:
        if not isinstance(value, bool):
            raise ValueError(f"{name} = {value!r}: must be True or False, for all settings alike")
        return value
    numbers = [float(require(name, v, **RANGES.get(name, {"low": -math.inf}))) for v in _as_list(name, value)]
    return numbers if len(numbers) > 1 or hasattr(value, "__len__") else numbers[0]


def _as_list(name: str, value) -> list:
    if isinstance(value, str) or not hasattr(value, "__len__"):
        return [value]
    if getattr(value, "ndim", 1) == 0:
        return [value]
    if len(value) == 0:
        raise ValueError(f"{name} = []: must hold at least one number")
    return list(value)


def _check_nesterov(columns: dict) -> None:
    momentum, dampening = (columns.get(name, 0.0) for name in ("momentum", "dampening"))
    if columns.get("nesterov") and (0.0 in _listed(momentum) or any(_listed(dampening))):
        raise ValueError(
            f"nesterov = True with momentum = {momentum}, dampening = {dampening}: "
            "Nesterov momentum needs momentum in (0, 1) and dampening = 0"
        )


def _listed(value, length: int = 1) -> list:
    return value if isinstance(value, list) else [value] * length


def _as_keywords(columns: dict, update: Callable) -> dict:
    options = dict(columns)
    betas = inspect.signature(update).parameters.get("betas")
    if betas is not None and {"beta1", "beta2"} & options.keys():
        default = (0.9, 0.999) if betas.default is betas.empty else betas.default
        options["betas"] = (options.pop("beta1", default[0]), options.pop("beta2", default[1]))
    return options


def choose(options: dict, settings: slice) -> dict:
    """The keyword arguments of a stretch of settings."""

    def pick(value):
        if isinstance(value, tuple):
            return tuple(pick(part) for part in value)
        return value[settings] if isinstance(value, list) else value

    return {name: pick(value) for name, value in options.items()}


def _name(update: Callable) -> str:
    return getattr(update, "__name__", repr(update))
