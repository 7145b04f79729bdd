"""An explorer: controls, what is computed at their numbers, and how it is drawn."""

import base64
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from course_lib import plotting
from course_lib.panel.controls import Choice, Slider, read_state
from course_lib.panel.picture import Look, Picture, still

if TYPE_CHECKING:
    from course_lib.panel.widget import Panel

Numbers = dict[str, Any]  # control → the number or word at which it stands


class Explorer:
    """One picture with its controls.

    `compute(**numbers)` gets the numbers of all controls that are not `trained` and returns a
    result, or yields ever more complete ones. `prepare(figure) → marks` draws what stays and
    returns a dict of the artists that move; `draw(marks, result, **trained) → caption` moves them
    and says in one sentence what is seen (or returns a `Seen`: caption, readings and handles).
    `quick`: keywords for `compute` that make it short, for tests. `presets`: name → numbers of some
    controls, the others at their defaults; the panel then has a menu of them. `frozen`: control →
    the positions that a page without a kernel has pictures of, or how many of them; see `grid`.
    """

    def __init__(
        self,
        title: str,
        controls: dict[str, Slider | Choice],
        compute: Callable,
        prepare: Callable,
        draw: Callable,
        size: tuple[float, float] = (8.2, 3.5),
        quick: Mapping[str, Any] | None = None,
        presets: Mapping[str, Numbers] | None = None,
        frozen: Mapping[str, int | Sequence] | None = None,
    ):
        self.title, self.controls, self.size = title, controls, size
        self.compute, self.prepare, self.draw = compute, prepare, draw
        self.quick, self.presets = quick or {}, presets or {}
        self.frozen = frozen or {}

    def numbers(self, **given: Any) -> Numbers:
        """Every control's number: the `given` ones, the others' defaults.

        `ValueError` for a name or number unknown.
        """
        for name in given:
            if name not in self.controls:
                raise ValueError(
                    f"{name}: no control of this explorer, which has {', '.join(self.controls)}"
                )
        return {
            name: control.check(name, given.get(name, control.default))
            for name, control in self.controls.items()
        }

    def begun(self, state: str, given: Numbers) -> Numbers:
        """Where `show` begins: as the line `state` says, as `given`, the others at their defaults.

        `ValueError` for a name or number unknown.
        """
        return self.numbers(**(read_state(self.controls, state) | given))

    def grid(self, numbers: Numbers) -> dict[str, tuple]:
        """Control → the positions that a page without a kernel has pictures of.

        As `frozen` declares them: those named, or so many spread evenly, ends included; where the
        control stands in `numbers` and by default is always among them.
        """
        return {
            name: _kept(self.controls[name], declared, numbers[name])
            for name, declared in self.frozen.items()
        }

    def inputs(self, numbers: Numbers) -> Numbers:
        """The part of `numbers` that `compute` gets."""
        return {name: number for name, number in numbers.items() if not self.controls[name].trained}

    def trained(self, numbers: Numbers) -> Numbers:
        """The part of `numbers` that `draw` gets."""
        return {name: number for name, number in numbers.items() if self.controls[name].trained}

    def complete(self, **inputs: Any) -> Any:
        """What `compute` finds for these inputs, to its end."""
        result = self.compute(**inputs)
        if inspect.isgenerator(result):
            *_, result = result
        return result

    def describe(self, numbers: Numbers) -> str:
        """`numbers` in words: "λ = 0.01 · β = 0.9".

        Where there are presets, those that are not at their defaults.
        """
        shown = {
            n: number
            for n, number in numbers.items()
            if not self.presets or number != self.controls[n].default
        }
        return (
            "   ·   ".join(self.controls[n].show(number) for n, number in shown.items())
            or "all at their defaults"
        )

    def picture(
        self, theme: str | None = None, handed: Mapping[str, Callable] | None = None, **given: Any
    ) -> tuple[bytes, str]:
        """The complete picture of these numbers without widgets: (PNG bytes, caption).

        `handed`: more for `compute`.
        """
        numbers = self.numbers(**given)
        result = self.complete(**self.inputs(numbers), **(handed or {}))
        picture = Picture(self.prepare, self.draw, self.size, Look(theme or plotting.theme()))
        return picture.draw(result, **self.trained(numbers))

    def show(
        self,
        update: Callable | None = None,
        layer: Callable | None = None,
        state: str = "",
        **initial: Any,
    ) -> "Panel | Still":
        """The live panel, to be a cell's last line.

        Controls start at `initial`, or as the line `state` says. `update` or `layer`: the learner's
        own function, which `compute` then trains with. With COURSE_HEADLESS=1 a still picture,
        computed to the end.
        """
        given = {"update": update, "layer": layer}
        handed = {name: value for name, value in given.items() if value is not None}
        for name in handed:
            if name not in inspect.signature(self.compute).parameters:
                raise ValueError(f"{name}: this explorer takes no {name} of yours")
        numbers = self.begun(state, initial)
        if os.environ.get("COURSE_HEADLESS") == "1":
            return Still(self, *self.picture(handed=handed, **numbers), numbers)
        from course_lib.panel.widget import (
            Panel,  # ipywidgets, which a page without a kernel spares
        )

        return Panel(self, handed, numbers)


def _kept(control: Slider | Choice, declared: int | Sequence, now: Any) -> tuple:
    positions = control.positions
    if isinstance(declared, int):
        last, gaps = len(positions) - 1, max(1, declared - 1)
        declared = [positions[round(i * last / gaps)] for i in range(declared)]
    kept = {*declared, now, control.default}
    for position in kept:
        control.check(f"frozen {control.label}", position)
    if isinstance(control, Choice):
        return tuple(word for word in positions if word in kept)
    return tuple(sorted(kept))


class Still:
    """A picture with its settings and its caption, for pages without a kernel."""

    def __init__(self, explorer: Explorer, picture: bytes, caption: str, numbers: Numbers):
        self.caption = caption
        self.picture = still(picture, explorer.describe(numbers), caption, plotting.theme())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        return bundle(self.picture, self.caption)


# What JupyterLab shows of a folded output is its first line; a caption there would be an answer.
FOLDED = "An explorer, folded: click to open."


def bundle(picture: bytes | None, caption: str) -> tuple[dict, dict]:
    """Data and metadata of an output: picture with alternative text, caption as text.

    Without a picture what is said in its place is all there is to read.
    """
    if picture is None:
        return {"text/plain": caption}, {}
    encoded = base64.b64encode(picture).decode()
    data = {"text/plain": f"{FOLDED}\n{caption}", "image/png": encoded}
    return data, {"image/png": {"alt": caption}}
