"""Reading a grid of hyper-parameters: names, settings, values; and saying what is wrong."""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from course_lib.base.arguments import require, require_nesterov, require_whole
from course_lib.engine.spec import Range, Spec

RANGES: dict[str, Range] = {
    "lr": {},
    "l2": {},
    "weight_decay": {},
    "l1": {},
    "l1_subgradient": {},
    "momentum": {"high": 1.0},
    "dampening": {"low": -math.inf},
    "eps": {"high": 1.0, "open_low": True},
    "beta1": {"high": 1.0},
    "beta2": {"high": 1.0},
    "min_delta": {},
    "clip": {},
}
NONE = inspect.Parameter.empty  # the default of a parameter without one
SWITCHES = ("nesterov", "amsgrad")
STRENGTHS = ("l2", "weight_decay", "l1", "l1_subgradient")  # may differ by layer, and spare biases
PENALTIES, STOPPING, CLIP = ("l1", "l1_subgradient"), ("patience", "min_delta"), ("clip",)


@dataclass(frozen=True)
class Grid:
    """A grid as read: `settings`, how many; and its columns by whom they concern.

    A column is one value for all settings, or a list with one per setting; `betas` is a pair of
    columns. A strength that differs by layer or spares the biases is a list of tuples, a number per
    trained parameter (weight, bias, …). update: keyword arguments of the update. model: what
    `Spec.options` names. penalties: `l1`, `l1_subgradient`, in so far as they are not the update's
    own. stopping: `patience` and `min_delta`, or nothing. clip: `clip`, or nothing.
    """

    settings: int
    update: dict
    model: dict
    penalties: dict
    stopping: dict
    clip: dict


def read_grid(grid: dict[str, Any], update: Callable, spec: Spec) -> Grid:
    """The columns of `grid`, name → V numbers or one number for all, checked and sorted.

    `nesterov` and `amsgrad` are one boolean. `beta1`, `beta2` become `betas`.
    Raises ValueError for a name that nobody takes, a value out of range, columns of unequal length,
    and a hyper-parameter that is needed and lacking.
    """
    taken, of_model = _taken(update), spec.options()
    if taken is not None:
        names = dict.fromkeys([*taken, *of_model, *PENALTIES, "only_weights", *STOPPING, *CLIP])
        for name in grid:
            if name not in names:
                raise ValueError(
                    f"grid: unknown hyper-parameter {name!r}: must be one of {', '.join(names)}"
                )
    columns = {name: _column(name, value, RANGES | of_model) for name, value in grid.items()}
    settings = _common_length(columns)
    require_nesterov(*(columns.get(name, 0.0) for name in ("nesterov", "momentum", "dampening")))
    _resolve_strengths(columns, settings, update, spec)
    own = taken or ()

    def take(names: tuple[str, ...] | dict[str, Range]) -> dict[str, Any]:
        return {name: columns.pop(name) for name in names if name in columns and name not in own}

    model, penalties = take(of_model), take(PENALTIES)
    stopping, clip = take(STOPPING), take(CLIP)
    if "l1" in penalties and "lr" not in columns:
        raise ValueError(
            "grid: lr is missing, and the proximal step of l1 needs it: its threshold is lr·l1"
        )
    if "min_delta" in stopping and "patience" not in stopping:
        raise ValueError("grid: patience is missing, and min_delta says nothing without it")
    if spec.frozen and any(p != 0 for p in listed(model.get("dropout", 0.0), 1)):
        raise ValueError(
            f"grid: dropout must be 0 with frozen = {spec.frozen}: "
            "random features are computed only once"
        )
    keywords = _as_keywords(columns, update)
    _require_complete(keywords, update)
    return Grid(settings, keywords, model, penalties, stopping, clip)


def _taken(update: Callable) -> list[str] | None:
    """The hyper-parameters that `update(param, grad, state, …)` takes; None: any name."""
    names: list[str] = []
    for name, parameter in _keywords(update):
        if parameter.kind is parameter.VAR_KEYWORD:
            return None
        names += ["beta1", "beta2"] if name == "betas" else [name]
    return names


def _keywords(update: Callable) -> list[tuple[str, inspect.Parameter]]:
    return list(inspect.signature(update).parameters.items())[3:]


def _require_complete(keywords: dict, update: Callable) -> None:
    for name, parameter in _keywords(update):
        if (
            parameter.default is parameter.empty
            and parameter.kind is parameter.KEYWORD_ONLY
            and name not in keywords
        ):
            raise ValueError(
                f"grid: {name} is missing, and {getattr(update, '__name__', repr(update))} needs it"
            )


def _common_length(columns: dict) -> int:
    lengths = {name: len(column) for name, column in columns.items() if isinstance(column, list)}
    settings = max(lengths.values(), default=1)
    if set(lengths.values()) - {settings}:
        raise ValueError(
            f"grid: columns of unequal length {lengths}: "
            "each must hold one number, or one per setting"
        )
    return settings


def _column(name: str, value: Any, ranges: dict[str, Range]) -> Any:
    """One value if all settings share it, else a list."""
    if name in SWITCHES:
        return _switch(name, value, "True or False, for all settings alike")
    if name in STRENGTHS and isinstance(value, tuple):
        return _value(name, value, ranges)
    values = [_value(name, v, ranges) for v in _as_list(name, value)]
    return values if len(values) > 1 or hasattr(value, "__len__") else values[0]


def _value(name: str, value: Any, ranges: dict[str, Range]) -> float | bool | tuple:
    """One value of one setting: a float; for a strength also a tuple of floats, one per layer."""
    if name == "only_weights":
        return _switch(name, value, "True or False")
    if name in ("patience", "clip") and value == math.inf:  # never stopped, never clipped
        return math.inf
    if name == "patience":
        return float(require_whole(name, value, 1))
    if name in STRENGTHS and isinstance(value, tuple):
        return tuple(
            _value(f"{name}[{i}]", v, {f"{name}[{i}]": ranges[name]}) for i, v in enumerate(value)
        )
    bounds = dict(ranges.get(name, {"low": -math.inf}))
    return float((require_whole if bounds.pop("whole", False) else require)(name, value, **bounds))


def _switch(name: str, value: Any, allowed: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} = {value!r}: must be {allowed}")
    return value


def _as_list(name: str, value: Any) -> list:
    if isinstance(value, str) or not hasattr(value, "__len__"):
        return [value]
    if getattr(value, "ndim", 1) == 0:
        return [value]
    if len(value) == 0:
        raise ValueError(f"{name} = []: must hold at least one number")
    return list(value)


def _resolve_strengths(
    columns: dict[str, Any], settings: int, update: Callable, spec: Spec
) -> None:
    """Make a strength that differs by layer, or spares biases, one number per trained parameter."""
    only_weights = listed(columns.pop("only_weights", False), settings)
    if any(only_weights):  # AdamW decays by default, and is not to decay biases either
        defaults = {name: parameter.default for name, parameter in _keywords(update)}
        for name in STRENGTHS:
            if name not in columns and defaults.get(name, NONE) is not NONE:
                columns[name] = defaults[name]
    shapes = spec.shapes()
    for name in columns.keys() & STRENGTHS:
        column = listed(columns[name], settings)
        if any(only_weights) or any(isinstance(value, tuple) for value in column):
            columns[name] = [
                _per_parameter(name, *setting, shapes)[2 * spec.frozen :]
                for setting in zip(column, only_weights)
            ]


def _per_parameter(
    name: str, strength: float | tuple, only_weights: bool, shapes: list[tuple[int, ...]]
) -> tuple[float, ...]:
    """The strength for each parameter.

    A layer begins with its weight matrix; biases and norms belong to it.
    """
    layers = sum(len(shape) > 1 for shape in shapes)
    by_layer = strength if isinstance(strength, tuple) else (strength,) * layers
    if len(by_layer) != layers:
        raise ValueError(
            f"{name} = {strength}: a tuple must hold one number for each of the {layers} layers"
        )
    values, layer = [], -1
    for shape in shapes:
        layer += len(shape) > 1
        spared = only_weights and len(shape) == 1
        values.append(0.0 if spared else by_layer[max(layer, 0)])
    return tuple(values)


def listed(value: Any, length: int) -> list:
    """A column of `length` values."""
    return value if isinstance(value, list) else [value] * length


def _as_keywords(columns: dict, update: Callable) -> dict:
    options = dict(columns)
    betas = inspect.signature(update).parameters.get("betas")
    if betas is not None and {"beta1", "beta2"} & options.keys():
        default = (0.9, 0.999) if betas.default is betas.empty else betas.default
        options["betas"] = (options.pop("beta1", default[0]), options.pop("beta2", default[1]))
    return options


def choose(columns: dict, settings: slice, seeds: int = 1) -> dict:
    """The columns for a stretch of settings, once for each of so many seeds."""

    def pick(name: str | None, value: Any) -> Any:
        if name == "betas":
            return tuple(pick(None, part) for part in value)
        return value[settings] * seeds if isinstance(value, list) else value

    return {name: pick(name, value) for name, value in columns.items()}
