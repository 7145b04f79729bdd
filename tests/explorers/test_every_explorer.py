"""Every explorer, without a browser: each control at its ends, each pair at opposite ends."""

import functools
import importlib
import inspect
import io
import itertools
import pkgutil
import re
import warnings

import numpy as np
import pytest
from PIL import Image

from course_lib import explorers, plotting
from course_lib.panel import Choice
from course_lib.panel.picture import Look, Picture
from course_lib.panel.reading import curves_of, places_of
from tests import _toys

MODULES = [
    module.name for module in pkgutil.walk_packages(explorers.__path__, f"{explorers.__name__}.")
]
FOUND = {
    module.removeprefix(f"{explorers.__name__}."): explorer
    for module in MODULES
    if (explorer := getattr(importlib.import_module(module), "explorer", None))
} | {"toys.errors": _toys.errors}

every_explorer = pytest.mark.parametrize("name", FOUND)


@pytest.fixture(autouse=True)
def strict():
    """Light pictures; a warning of matplotlib (a missing glyph, a tight layout) is an error."""
    plotting.use_theme("light")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def ends(control):
    return control.positions[0], control.positions[-1]


def corners(explorer, pairs_of):
    """Numbers with each control at its ends, and pairs of controls at opposite ends.

    The others stand at their defaults. `pairs_of`: which pairs of the controls meet.
    """
    defaults = explorer.numbers()
    yield defaults
    for name, control in explorer.controls.items():
        for end in ends(control):
            yield {**defaults, name: end}
    for (a, first), (b, second) in pairs_of(explorer.controls.items()):
        yield {**defaults, a: ends(first)[0], b: ends(second)[1]}
        yield {**defaults, a: ends(first)[1], b: ends(second)[0]}


def first_pair(controls):
    return itertools.islice(every_pair(controls), 1)


def every_pair(controls):
    return itertools.combinations(controls, 2)


@functools.cache
def results(name, inputs):
    """The first and the last result at these inputs; `quick` makes trainings short."""
    explorer = FOUND[name]
    found = explorer.compute(**dict(inputs), **explorer.quick)
    found = list(found) if inspect.isgenerator(found) else [found]
    return found[0], found[-1]


@functools.cache
def canvas(name):
    explorer = FOUND[name]
    return Picture(explorer.prepare, explorer.draw, explorer.size, Look("light"))


def drawn(name, numbers, partial=False):
    """The picture at these numbers, drawn anew, and its caption."""
    explorer = FOUND[name]
    first, last = results(name, tuple(explorer.inputs(numbers).items()))
    return canvas(name).draw(first if partial else last, **explorer.trained(numbers))


SEEN = {}


def picture(name, numbers, partial=False):
    """The same, drawn once for all tests."""
    key = (name, *numbers.items(), partial)
    if key not in SEEN:
        SEEN[key] = drawn(name, numbers, partial)
    return SEEN[key]


@every_explorer
def test_every_corner_has_a_picture_and_a_sentence(name, amount):
    begun = set()
    for numbers in corners(FOUND[name], amount(first_pair, every_pair)):
        inputs = tuple(FOUND[name].inputs(numbers).values())
        # once, as training begins, where only trained controls move
        for partial in {False, inputs not in begun}:
            begun.add(inputs)
            png, caption = picture(name, numbers, partial)
            where = f"{name} at {numbers}: {caption}"
            assert np.asarray(Image.open(io.BytesIO(png)).convert("L")).std() > 5, where
            assert re.fullmatch(r"[^\sa-z].{15,}[.!?…)]", caption), f"not a sentence: {where}"
            assert not re.search(r"\b(nan|inf|None)\b", caption), where


@every_explorer
def test_the_picture_depends_on_every_control(name):
    explorer = FOUND[name]
    for moved, control in explorer.controls.items():
        assert any(
            len({picture(name, {**around, moved: position})[0] for position in ends(control)}) == 2
            for around in _surroundings(explorer, moved)
        ), f"{name}: {moved} changes nothing in the picture"


def _surroundings(explorer, moved):
    """The defaults, and the defaults with one other control elsewhere.

    Some controls matter only under one choice.
    """
    defaults = explorer.numbers()
    yield defaults
    others = {name: control for name, control in explorer.controls.items() if name != moved}
    for name, control in sorted(
        others.items(), key=lambda item: isinstance(item[1], Choice), reverse=True
    ):
        for position in control.positions if isinstance(control, Choice) else ends(control):
            yield {**defaults, name: position}


@every_explorer
def test_a_picture_does_not_depend_on_what_was_seen_before(name, amount):
    explorer = FOUND[name]
    numbers = explorer.numbers()
    for corner in itertools.islice(corners(explorer, every_pair), amount(2, 12)):
        drawn(name, corner)
    last = results(name, tuple(explorer.inputs(numbers).items()))[1]
    fresh = Picture(explorer.prepare, explorer.draw, explorer.size, Look("light"))
    assert drawn(name, numbers)[0] == fresh.draw(last, **explorer.trained(numbers))[0]


@every_explorer
def test_the_values_of_its_picture_can_be_read(name):
    explorer = FOUND[name]
    numbers = explorer.numbers()
    last = results(name, tuple(explorer.inputs(numbers).items()))[1]
    frame = canvas(name).paint(last, **explorer.trained(numbers))
    curves, places = (curves_of(canvas(name).figure, frame.seen), places_of(canvas(name).figure))
    assert curves and all(len(curve["x"]) == len(curve["y"]) for curve in curves)
    assert {scale for place in places for scale in place["scales"]} <= {"linear", "log"}
    assert not canvas(name).figure.stale  # to be read moves nothing, and the next move draws little


@every_explorer
def test_an_explorer_is_named_in_words_with_few_controls(name):
    explorer = FOUND[name]
    assert explorer.title[0].isupper() and 1 <= len(explorer.controls) <= (
        14 if explorer.presets else 8
    )
    assert all(control.label for control in explorer.controls.values())


def test_explorers_were_found():
    assert any(not name.startswith("toys.") for name in FOUND)


@pytest.mark.parametrize("name", [name for name in FOUND if not name.startswith("toys")])
def test_every_explorer_declares_what_moves_without_a_kernel(name):
    grid = FOUND[name].grid(FOUND[name].numbers())
    assert any(len(kept) > 1 for kept in grid.values())
    assert np.prod([len(kept) for kept in grid.values()]) <= 90
