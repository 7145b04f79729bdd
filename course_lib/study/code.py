"""Values and functions as text: what JSON lacks, and the code that a study was begun with."""

import functools
import hashlib
import inspect
import re
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
from torch import Tensor

LONG = 10_000  # characters
LIBRARIES = ("builtins", "numpy", "torch")


def plain(value: Any) -> Any:
    """What JSON lacks as what it has, for `json.dumps(…, default=plain)`.

    Scalars and arrays of numpy and torch as numbers, a class or function as its qualified name,
    of a lambda with its bytecode, all else as its repr without the address.
    """
    if isinstance(value, (np.generic, np.ndarray, Tensor)):
        return value.tolist()
    if isinstance(value, FunctionType) and value.__name__ == "<lambda>":
        return f"{value.__module__}.{value.__qualname__} {_bytecode(value.__code__)}"
    if isinstance(value, (type, FunctionType)):
        return f"{value.__module__}.{value.__qualname__}"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def code_of(value: Any) -> list[str]:
    """The code of a function, class or partial, one text a part.

    With its defaults, what it closes over, what a partial binds, and the constants, functions and
    classes that it names among its module's globals; of those of its own module that again. What
    lies deeper in other modules is not seen, of torch and numpy nothing. A long text is its digest.
    """
    parts = _parts(value, set())
    return [it if len(it) < LONG else hashlib.sha256(it.encode()).hexdigest() for it in parts]


def _parts(value: Any, seen: set[int]) -> Iterator[str]:
    if isinstance(value, functools.partial):
        bound = [it for pair in sorted(value.keywords.items()) for it in pair]
        inner = [value.func, *value.args, *bound]
    elif isinstance(value, MethodType):
        inner = [value.__func__, value.__self__]
    elif not isinstance(value, (FunctionType, type)):
        yield str(plain(value))
        inner = [type(value)] if callable(value) else []
    elif id(value) in seen or _of_library(value):
        yield plain(value)
        return
    else:
        seen.add(id(value))
        yield _source(value)
        inner = list(_named(value))
    for it in inner:
        yield from _parts(it, seen)


def _named(value: FunctionType | type) -> Iterator[Any]:
    """What stands behind a function or class that its source does not say."""
    for it in _functions(value):
        yield from (it.__defaults__ or ()) + tuple((it.__kwdefaults__ or {}).values())
        yield from (cell.cell_contents for cell in it.__closure__ or () if _filled(cell))
        for name in sorted(_names(it.__code__) & set(it.__globals__)):
            found = it.__globals__[name]
            if getattr(found, "__module__", None) == it.__module__:
                yield found
            elif isinstance(found, (FunctionType, type)):
                yield plain(found) if _of_library(found) else _source(found)
            elif isinstance(found, (bool, int, float, str, tuple, list, dict)):
                yield f"{name} = {plain(found)}"


def _functions(value: FunctionType | type) -> list[FunctionType]:
    some = [value] if isinstance(value, FunctionType) else vars(value).values()
    return [it for it in some if isinstance(it, FunctionType)]


def _names(code: CodeType) -> set[str]:
    inner = (_names(it) for it in code.co_consts if isinstance(it, CodeType))
    return set(code.co_names).union(*inner)


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell  # raises where nothing was assigned yet
    except ValueError:
        return False


def _of_library(value: FunctionType | type) -> bool:
    return str(value.__module__).partition(".")[0] in LIBRARIES


def _source(value: FunctionType | type) -> str:
    try:
        return inspect.getsource(value)
    except (OSError, TypeError):  # typed at a prompt
        return " ".join([plain(value), *(_bytecode(it.__code__) for it in _functions(value))])


def _bytecode(code: CodeType) -> str:
    consts = [_bytecode(it) if isinstance(it, CodeType) else repr(it) for it in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {consts}"
