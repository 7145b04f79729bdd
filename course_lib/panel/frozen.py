"""An explorer without a kernel: the pictures of a small grid that its author declares.

A page gets them as plain data: where it stands at first, what it can move, and one picture for each
cell of the grid, layered as a kernel sends them. `page/static.js` answers from it as a kernel does.
"""

import base64
import itertools
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from course_lib.panel.explorer import Explorer, Numbers
from course_lib.panel.picture import Frame, Look, Picture, webp
from course_lib.panel.reading import curves_of, places_of, runs_in
from course_lib.panel.serving import handles_of
from course_lib.panel.widget import describe

MOST_POINTS = 80  # of a curve that is read without a kernel


@dataclass(frozen=True)
class Frozen:
    """What a page needs.

    spec: the panel, as `page/panel.js` takes it, with what stays put under `fixed`. first: the
    picture at first, as `sources`, one above the other, its caption and handles. table: all.
    """

    spec: dict[str, Any]
    first: dict[str, Any]
    table: dict[str, Any]


def freeze(explorer: Explorer, **given: Any) -> Frozen:
    """The explorer with the pictures of its `grid`, beginning at the numbers `given`.

    Everything that the grid needs is computed to the end. Drawn light, in its natural size; a dark
    page inverts it.
    """
    numbers = explorer.numbers(**given)
    axes = explorer.grid(numbers)
    cells = [dict(zip(axes, cell)) for cell in itertools.product(*axes.values())]
    here = cells.index({name: numbers[name] for name in axes})
    table = _table(explorer, [numbers | cell for cell in cells])
    first = {
        "sources": _seen(table, here),
        "caption": table["captions"][here],
        "plays": table["plays"],
        "handles": table["handles"] and table["handles"][here],
        "places": table["places"],
    }
    return Frozen(_spec(explorer, numbers, axes), first, {"axes": axes, **table})


def _spec(explorer: Explorer, numbers: Numbers, axes: dict[str, tuple]) -> dict[str, Any]:
    """The description of a panel that moves along `axes` alone, beginning at `numbers`."""
    spec = describe(explorer, numbers) | {"theme": "light", "large": False}
    moving = [control for control in spec["controls"] if control["name"] in axes]
    fixed = {name: at for name, at in numbers.items() if name not in axes}
    spec["controls"] = [
        control | {"positions": list(axes[control["name"]]), "free": False} for control in moving
    ]
    spec["presets"] = {
        name: {control: at for control, at in preset.items() if control in axes}
        for name, preset in explorer.presets.items()
        if _is_kept(explorer.numbers(**preset), axes, fixed)
    }
    spec["fixed"] = [
        {
            "words": explorer.controls[name].show(at),
            "state": "" if at == explorer.controls[name].default else f"{name}={at}",
        }
        for name, at in fixed.items()
    ]
    return spec


def _is_kept(numbers: Numbers, axes: dict[str, tuple], fixed: Numbers) -> bool:
    return all(at in axes.get(name, (fixed.get(name),)) for name, at in numbers.items())


def _table(explorer: Explorer, cells: list[Numbers]) -> dict[str, Any]:
    """Captions, pictures, handles and values of all `cells`, as a kernel would send them."""
    picture = Picture(explorer.prepare, explorer.draw, explorer.size, Look("light"))
    layers: dict[int, str] = {}
    captions, sources, under, handles, readings = [], [], [], [], []
    plays = False
    found = _results(explorer, [cells[0], *cells])
    numbers, result = next(found)
    picture.paint(result, **explorer.trained(numbers))  # what stays
    for numbers, result in found:
        frame = picture.paint(result, **explorer.trained(numbers))
        sources.append(_source(frame))
        if frame.layer is not None:
            layers.setdefault(frame.layer.number, _data(webp(frame.layer.pixels)))
        under.append(frame.layer.number if frame.layer else None)
        captions.append(frame.seen.caption)
        grips = handles_of(frame.seen, picture.figure)
        handles.append([grip for grip in grips if {*grip["names"]} <= {*explorer.frozen}])
        figure = picture.figure
        curves = curves_of(figure, frame.seen, MOST_POINTS)
        readings.append({"axes": places_of(figure), "curves": curves})
        plays = plays or runs_in(picture.figure)
    brings = list(layers)
    draggable = any(handles)
    return {
        "captions": captions,
        "under": [None if number is None else brings.index(number) for number in under],
        "layers": list(layers.values()),
        "sources": sources,
        "plays": plays,
        "handles": handles if draggable else None,
        "places": places_of(picture.figure) if draggable else None,
        "readings": _packed(readings),
    }


def _results(explorer: Explorer, cells: list[Numbers]) -> Iterator[tuple[Numbers, Any]]:
    """Each cell with its result; cells whose inputs are the same share one."""
    results: dict[tuple, Any] = {}
    for numbers in cells:
        inputs = explorer.inputs(numbers)
        key = tuple(inputs.values())
        if key not in results:
            results[key] = explorer.complete(**inputs)
        yield numbers, results[key]


def _source(frame: Frame) -> str:
    return _data(webp(frame.pixels, frame.layer.pixels if frame.layer else None))


def _data(picture: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(picture).decode()}"


def _seen(table: dict[str, Any], cell: int) -> list[str]:
    """The addresses of a cell's picture: what it lies over, if it does, and itself."""
    under = table["under"][cell]
    return [*([] if under is None else [table["layers"][under]]), table["sources"][cell]]


def _packed(data: Any) -> str:
    """JSON, deflated, in base 64: read only when a reader comes near a picture."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()
