"""Values that can leave the learner's process: plain JSON, never objects that speak for themselves.

Numbers, text, booleans and None are themselves; a tensor is its dtype, shape and numbers; a
container says which it is. Everything else (a subclass, a NumPy array, an object with its own `==`)
is only the name of its type.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import torch

Encoded: TypeAlias = Any  # what `encode` returns
Case: TypeAlias = dict[str, Any]  # the inputs of one case, see `task`
Record: TypeAlias = dict[str, Any]  # what an answer did on it, see `observe`
Note: TypeAlias = Callable[[str, str, object], None]  # (where, what, value) is written down
LIMIT = 100_000  # numbers in one tensor, items in one container: more than any task asks for
PLAIN = (float, bool, str, type(None))


def encode(value: Any, depth: int = 0) -> Encoded:
    """What JSON can carry of `value`.

    Exact types: a subclass of tensor, list or float is an object, not a value.
    """
    kind = type(value)
    if kind in PLAIN or (kind is int and abs(value) < 2**63):
        return value[:1000] if kind is str else value
    if kind is torch.Tensor:
        return _encode_tensor(value)
    if depth < 8 and kind in (list, tuple) and len(value) < LIMIT:
        return {kind.__name__: [encode(item, depth + 1) for item in value]}
    if depth < 8 and kind is dict and len(value) < LIMIT:
        return {
            "dict": [
                [encode(key, depth + 1), encode(item, depth + 1)] for key, item in value.items()
            ]
        }
    return {"object": f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")[:100]}


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
    if type(data) in PLAIN or (type(data) is int and abs(data) < 2**63):
        return True
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
        kind in ("list", "tuple")
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
