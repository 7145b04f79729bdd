"""Where do two encoded values part, and how does one say it?

Type, dtype, shape, NaN, and only then numbers.
"""

import math

from course_lib.checks.judge.values import Encoded

# Allowed difference, relative to the largest number expected (at least 1): what another order of
# operations may change.
TOLERANCE = {"float64": 1e-9, "float32": 1e-5, "float16": 4e-3, "bfloat16": 3e-2}
# A single number says nothing of the precision it was computed in: float32's, which is 1.2e-7.
OF_ONE, NEAR_ZERO = 2e-6, 2e-7


def differ(got: Encoded, want: Encoded, tolerance: float | None = None) -> str:
    """One phrase that names the first difference and its place; "" if there is but rounding."""
    if kind(want) in ("a number", "a truth value") and kind(got) == "a tensor":
        return _differ_in_item(got, want, tolerance)
    if kind(want) == "a truth value" and got in (0, 1):
        got = bool(got)
    if kind(want) in SEQUENCES and kind(got) == "a tensor" and got["shape"]:
        got = {"list": _rows(got)}
    if kind(got) != kind(want) and not {kind(got), kind(want)} <= SEQUENCES:
        shown = {"a text": f"`{want}`", "a number": f"a number: {show(want)}"}
        return f"{_name_kind(got)}, expected {shown.get(kind(want), kind(want))}"
    if kind(want) == "a tensor":
        return _differ_in_tensor(got, want, tolerance)
    if kind(want) == "a number":
        return _differ_in_one(got, want, tolerance)
    if kind(want) in SEQUENCES:
        (got_items,), (want_items,) = got.values(), want.values()
        return _differ_in_items(got_items, want_items, tolerance)
    if kind(want) == "a dict":
        return _differ_in_dict(_dict_of(got), _dict_of(want), tolerance)
    if kind(want) == "a text" and " ".join(got.lower().split()) == want.lower():
        return ""
    return "" if got == want else f"got {show(got)}, expected {show(want)}"


SEQUENCES = {"a list", "a tuple", "a numpy.ndarray"}


def _rows(tensor: dict) -> list[Encoded]:
    """The entries of an encoded tensor along its first axis, each an encoded tensor."""
    size, *shape = tensor["shape"]
    values = tensor.get("values", [])
    length = len(values) // size if size else 0
    return [
        {**tensor, "shape": shape, "values": values[i * length : (i + 1) * length]}
        for i in range(size)
    ]


def _differ_in_item(got: dict, want: Encoded, tolerance: float | None) -> str:
    """A tensor where one number is asked for: without dimensions it is one, of its precision."""
    if got["shape"] or "values" not in got:
        what = f"a tensor of shape {got['shape']}"
        return f"got {what}, expected {kind(want)}: `.item()` takes one number out"
    precision = None if got["tensor"] == "float64" else TOLERANCE.get(got["tensor"])
    return differ(got["values"][0], want, tolerance or precision)


def _differ_in_one(got: float, want: float, tolerance: float | None) -> str:
    """A single number: by the task's own tolerance, else at float32's precision."""
    if tolerance or not (math.isfinite(got) and math.isfinite(want)):
        return _differ_in_numbers([got], [want], [], tolerance or OF_ONE)
    if abs(got - want) <= OF_ONE * abs(want) + NEAR_ZERO:
        return ""
    return f"got {show(got, want)}, expected {show(want, got)}"


def _differ_in_tensor(got: dict, want: dict, tolerance: float | None) -> str:
    if got["tensor"] != want["tensor"]:
        return f"dtype {got['tensor']}, expected {want['tensor']}"
    if got["shape"] != want["shape"]:
        return f"shape {got['shape']}, expected {want['shape']}"
    if len(got.get("values", ())) != len(want["values"]):
        return "a tensor without plain numbers (sparse?), expected an ordinary one"
    return _differ_in_numbers(
        got["values"],
        want["values"],
        want["shape"],
        tolerance or TOLERANCE.get(want["tensor"], 0.0),
    )


def _differ_in_numbers(got: list, want: list, shape: list[int], tolerance: float) -> str:
    """The first number that is off, with its place. NaN is never right unless it is expected."""
    allowed = tolerance * max([1.0, *(abs(w) for w in want if math.isfinite(w))])
    for flat, (g, w) in enumerate(zip(got, want)):
        if math.isnan(g) and not math.isnan(w):
            return f"NaN{_at(flat, shape)}, expected {show(w)}"
        if not (g == w or abs(g - w) <= allowed or (math.isnan(g) and math.isnan(w))):
            return f"got {show(g, w)}, expected {show(w, g)}{_at(flat, shape)}"
    return ""


def _differ_in_items(got: list, want: list, tolerance: float | None) -> str:
    if len(got) != len(want):
        return f"{len(got)} entries, expected {len(want)}"
    for position, (g, w) in enumerate(zip(got, want), start=1):
        if text := differ(g, w, tolerance):
            return f"entry {position}: {text}"
    return ""


def _differ_in_dict(got: dict, want: dict, tolerance: float | None) -> str:
    if missing := [key for key in want if key not in got]:
        return f"the entry {missing[0]!r} is missing"
    if extra := [key for key in got if key not in want]:
        return f"an entry {extra[0]!r} that should not be there"
    for key, value in want.items():
        if text := differ(got[key], value, tolerance):
            return f"entry {key!r}: {text}"
    return ""


def _dict_of(encoded: dict) -> dict:
    """Keys that are text or numbers → encoded values; other keys by what they are."""
    return {
        key if isinstance(key, (str, int, float)) else str(key): value
        for key, value in encoded["dict"]
    }


def kind(value: Encoded) -> str:
    """What an encoded value is, in words."""
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if value is None:
        return "None"
    names = {
        "tensor": "a tensor",
        "list": "a list",
        "tuple": "a tuple",
        "array": "a numpy.ndarray",
        "dict": "a dict",
    }
    return next(
        (name for key, name in names.items() if key in value),
        f"an object of type {value.get('object')}",
    )


def _name_kind(got: Encoded) -> str:
    """How to say that the kind itself is wrong."""
    if got is None:
        return "None was returned (is a `return` missing?)"
    return f"got {show(got) if isinstance(got, (str, bool, int, float)) else kind(got)}"


def _at(flat: int, shape: list[int]) -> str:
    """The place of a flat index in a tensor of this shape, " at [1, 2]"; "" for a single number."""
    place: list[int] = []
    for size in reversed(shape):
        flat, index = divmod(flat, size)
        place.insert(0, index)
    return f" at {place}" if place else ""


def show(value: Encoded, beside: float | None = None) -> str:
    """A short form of an encoded value; numbers with as many digits as tell them from `beside`."""
    if isinstance(value, float):
        digits = 6 if beside is None or f"{value:.6g}" != f"{beside:.6g}" else 15
        return f"{value + 0.0:.{digits}g}"  # no −0
    if isinstance(value, dict) and "tensor" in value:
        numbers = ", ".join(f"{v:.6g}" for v in value.get("values", ())[:4])
        more = ", …" if len(value.get("values", ())) > 4 else ""
        usual = len(value["shape"]) == 1 and value["tensor"] == "float64"
        return f"[{numbers}{more}]" + (
            "" if usual else f" (shape {value['shape']}, {value['tensor']})"
        )
    if isinstance(value, dict) and kind(value) in SEQUENCES:
        (items,) = value.values()
        return f"[{', '.join(map(show, items[:4]))}{', …' if len(items) > 4 else ''}]"
    return kind(value) if isinstance(value, dict) else repr(value)[:80]
