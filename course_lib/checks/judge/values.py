"""Values that can leave the learner's process: plain JSON, never objects that speak for themselves.

Numbers, text, booleans and None are themselves; a tensor is its dtype, shape and numbers; a
container says which it is. Every reasonable kind goes as what it stands for: a subclass as its
base, a fraction as a number, NumPy's number of few bits as a tensor without dimensions, so that its
precision is known, NumPy's array as an array. Anything else is only the name of its type.
"""

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np
import torch

Encoded: TypeAlias = Any  # what `encode` returns
Case: TypeAlias = dict[str, Any]  # the inputs of one case, see `task`
Record: TypeAlias = dict[str, Any]  # what an answer did on it, see `observe`
Note: TypeAlias = Callable[[str, str, object], None]  # (where, what, value) is written down
LIMIT = 100_000  # numbers in one tensor, items in one container: more than any task asks for
PLAIN = (int, float, bool, str, type(None))
SEQUENCES = ("list", "tuple", "array")


def encode(value: Any, depth: int = 0) -> Encoded:
    """What JSON can carry of `value`."""
    if isinstance(value, torch.Tensor):
        return _encode_tensor(value.as_subclass(torch.Tensor))
    if isinstance(value, np.generic) and value.dtype.kind == "f" and value.dtype != np.float64:
        return {"tensor": str(value.dtype), "shape": [], "values": [float(value)]}
    plain = _plain(value)
    if plain is not value or type(value) in PLAIN:
        return plain[:1000] if type(plain) is str else plain
    if depth < 8:
        if isinstance(value, np.ndarray) and value.size < LIMIT and value.dtype.kind in "fiub":
            items = value.tolist()
            return {"array": [encode(i, depth + 1) for i in items]} if value.ndim else items
        if isinstance(value, (list, tuple, range)) and len(value) < LIMIT:
            kind = "list" if isinstance(value, list) else "tuple"
            return {kind: [encode(item, depth + 1) for item in value]}
        if isinstance(value, Mapping) and len(value) < LIMIT:
            pairs = value.items()
            return {"dict": [[encode(key, depth + 1), encode(v, depth + 1)] for key, v in pairs]}
    of = type(value)
    return {"object": f"{of.__module__}.{of.__qualname__}".removeprefix("builtins.")[:100]}


def _plain(value: Any) -> Any:
    """Python's own number, truth value or text for every kind of it; anything else as it is."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Integral):
        whole = int(value)
        return whole if abs(whole) < 2**63 else math.copysign(math.inf, whole)
    return float(value) if isinstance(value, (Real, Decimal)) else value


def _encode_tensor(tensor: torch.Tensor) -> dict:
    """dtype, shape and, where they are ordinary real numbers, the numbers row by row."""
    seen = {"tensor": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape)}
    if (
        tensor.layout is not torch.strided
        or tensor.is_complex()
        or tensor.is_meta
        or tensor.numel() > LIMIT
    ):
        return seen
    return {**seen, "values": tensor.detach().cpu().reshape(-1).tolist()}


def decode(data: Encoded) -> Any:
    """The value that `encode` was given. Only what the checker itself sent is ever decoded."""
    if not isinstance(data, dict):
        return data
    if "tensor" in data:
        return torch.tensor(data["values"], dtype=getattr(torch, data["tensor"])).reshape(
            data["shape"]
        )
    if "dict" in data:
        return {decode(key): decode(item) for key, item in data["dict"]}
    ((kind, items),) = data.items()
    return {"list": list, "tuple": tuple}[kind](map(decode, items))


def is_encoded(data: object, depth: int = 0) -> bool:
    """True if `data` is what `encode` could have written."""
    if type(data) in PLAIN:
        return type(data) is not int or abs(data) < 2**63
    if type(data) is not dict or depth > 8:
        return False
    if "tensor" in data:
        return _is_tensor(data)
    ((kind, items),) = data.items() if len(data) == 1 else ((None, None),)
    if kind == "dict":
        return type(items) is list and all(
            type(pair) is list
            and len(pair) == 2
            and all(is_encoded(item, depth + 1) for item in pair)
            for pair in items
        )
    return (kind == "object" and type(items) is str) or (
        kind in SEQUENCES
        and type(items) is list
        and all(is_encoded(item, depth + 1) for item in items)
    )


def _is_tensor(data: dict) -> bool:
    """True if shape and numbers of an encoded tensor belong together."""
    shape, values = data.get("shape"), data.get("values", [])
    return (
        type(data["tensor"]) is str
        and type(shape) is list
        and all(type(size) is int and size >= 0 for size in shape)
        and type(values) is list
        and len(values) in (0, math.prod(shape))
        and all(
            type(value) in (float, bool) or (type(value) is int and abs(value) < 2**63)
            for value in values
        )
    )
