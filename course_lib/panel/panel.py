"""The live panel: sliders → plain numbers → `compute` → `draw` moves the marks of one picture.

Core ipywidgets only, and only here and in `question.py`. Its three ways to a new picture, fastest
first:
1. A `trained` slider whose frames are ready is served by the page itself: every frame is in the page, and a style rule
   shows the one the slider stands at. No message to the kernel. (A `Stack` that is `jslink`ed to an
   ipywidgets slider shows its frames as fast, but either widget still reports each move to the
   kernel.)
2. A closed form is computed and blitted inside the slider's callback. ipywidgets itself sends only the newest value.
3. A generator (training) runs in one thread; the newest numbers win, and each of its results is
drawn as it comes.
"""

import base64
import contextlib
import html
import inspect
import itertools
import logging
import math
import os
import sys
import threading

import ipywidgets as widgets

from course_lib import plotting
from course_lib.base.memory import Memory
from course_lib.panel.controls import Choice, Slider, read_state, write_state
from course_lib.panel.page import (
    HEARD,
    KEYS,
    STYLE,
    control_in_page,
    frame_rules,
    frames,
    image,
    once_shown,
)
from course_lib.panel.picture import Picture, still
from course_lib.panel.work import Latest

__all__ = ["Choice", "Explorer", "Slider"]

MOST_FRAMES = 64  # of a trained axis that are handed to the page: about 2 MB
_memory = Memory(64 * 2**20)  # finished pictures of all panels together
_log = logging.getLogger(__name__)


class Explorer:
    """One picture with its controls.

    `compute(**numbers)` gets the numbers of all controls that are not `trained` and returns a
    result, or yields ever more complete ones. `prepare(figure) → marks` draws what stays and
    returns a dict of the artists that move; `draw(marks, result, **trained) → caption` moves them
    and says in one sentence what is seen.
    `quick`: keywords for `compute` that make it short, for tests. `presets`: name → numbers of some
    controls, the others at their defaults; the panel then has a menu of them, and shows its state
    as one line to copy.
    """

    def __init__(
        self, title, controls, compute, prepare, draw, size=(8.2, 3.5), quick=None, presets=None
    ):
        self.title, self.controls, self.size = title, controls, size
        self.compute, self.prepare, self.draw = compute, prepare, draw
        self.quick, self.presets = quick or {}, presets or {}

    def numbers(self, **given):
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

    def inputs(self, numbers):
        """The part of `numbers` that `compute` gets."""
        return {name: number for name, number in numbers.items() if not self.controls[name].trained}

    def trained(self, numbers):
        """The part of `numbers` that `draw` gets."""
        return {name: number for name, number in numbers.items() if self.controls[name].trained}

    def describe(self, numbers):
        """`numbers` in words: "λ = 0.01 · β = 0.9"; where there are presets, those that are not at
        their defaults.
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

    def picture(self, theme=None, handed=None, **given):
        """The complete picture of these numbers without widgets: (PNG bytes, caption).

        `handed`: more for `compute`.
        """
        numbers = self.numbers(**given)
        result = self.compute(**self.inputs(numbers), **(handed or {}))
        if inspect.isgenerator(result):
            *_, result = result
        picture = Picture(self.prepare, self.draw, self.size, theme or plotting.theme())
        return picture.draw(result, **self.trained(numbers))

    def show(self, update=None, layer=None, state="", **initial):
        """The live panel, to be a cell's last line; controls start at `initial`, or as the line
        `state` says. `update` or `layer`: the learner's own function, which `compute` then trains
        with. With COURSE_HEADLESS=1 a still picture, computed to the end."""
        handed = {
            name: value
            for name, value in (("update", update), ("layer", layer))
            if value is not None
        }
        for name in handed:
            if name not in inspect.signature(self.compute).parameters:
                raise ValueError(f"{name}: this explorer takes no {name} of yours")
        numbers = self.numbers(**(read_state(self.controls, state) | initial))
        if os.environ.get("COURSE_HEADLESS") == "1":
            return Still(self, *self.picture(handed=handed, **numbers), numbers)
        return Panel(self, handed, numbers)


class Still:
    """A picture with its settings and its caption, for pages without a kernel."""

    def __init__(self, explorer, picture, caption, numbers):
        self.caption = caption
        self.picture = still(picture, explorer.describe(numbers), caption, plotting.theme())

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"image/png": base64.b64encode(self.picture).decode(), "text/plain": self.caption}


class Panel:
    """What `Explorer.show` returns: the explorer's widgets and the numbers they stand at."""

    _ids = itertools.count()

    def __init__(self, explorer, handed, numbers):
        self.explorer, self.numbers = explorer, numbers
        self._handed, self._id = handed, next(self._ids)
        self._lock = (
            threading.RLock()
        )  # one picture is drawn at a time, by the callback or by the worker
        self._work, self._streams = Latest(), inspect.isgeneratorfunction(explorer.compute)
        self._seen, self._request, self._picture = None, None, None
        self._served, self._syncing = False, False
        self._drawn = threading.Event()
        self._latest = None, "Nothing is computed yet."
        self.theme = plotting.theme()
        self._build()
        _close_former(self)
        self._compute()

    # From a moved control to numbers

    def _set(self, name, number):
        if self.numbers[name] == number:
            return
        for other, control in self.explorer.controls.items():
            if other != name and getattr(control, "resets", False):
                self._set(other, control.default)
        self.numbers = {**self.numbers, name: number}
        self._look_up(name) if self.explorer.controls[name].trained else self._compute()
        self._stand_at(name, number)  # after the picture, which is what the reader waits for
        self._name_state()

    def _set_all(self, numbers):
        """A preset: every control at once."""
        self.numbers = numbers
        self._compute()
        for name, number in numbers.items():
            self._stand_at(name, number)
        self._name_state()

    def _name_state(self):
        if self.explorer.presets:
            call = f'show(state="{write_state(self.explorer.controls, self.numbers)}")'
            self._state.value = (
                f"Share this exhibit: <code class='course-state'>{html.escape(call)}</code>"
            )

    def _moved(self, name, position):
        if not self._syncing:
            self._set(name, self.explorer.controls[name].positions[position])

    def _typed(self, name, number):
        if self._syncing:
            return
        control = self.explorer.controls[name]
        try:
            if control.values is not None:
                number = control.positions[control.nearest(number)]
            self._set(name, control.check(name, number))
        except ValueError as error:
            self._say(f"{error}. It stays at {plotting.readable(self.numbers[name])}.")
        self._stand_at(name, self.numbers[name])

    def _stand_at(self, name, number):
        self._syncing = True
        self._cards[name].stand_at(number)
        self._syncing = False

    # From numbers to a picture

    def _compute(self):
        explorer, self._request = self.explorer, object()
        inputs = explorer.inputs(self.numbers)
        try:
            drawn = not self._streams and _memory.get(self._key(inputs, self._trained()))
            result = None if drawn else explorer.compute(**inputs, **self._handed)
            self._streams |= inspect.isgenerator(result)
            if self._streams:
                return self._work.submit(self._train(inputs, result, self._request))
            self._finish(inputs, result)
        except Exception as error:
            return self._refuse(error)
        if self._servable:
            self._work.submit(self._serve(self._request))

    def _train(self, inputs, results, request):
        """A job: draw each of `results` as it comes, then hand the trained axis to the page."""
        self._stop.layout.visibility = "visible"
        with contextlib.closing(results):
            try:
                for result in results:
                    self._show(inputs, result)
                    yield
                self._finish(inputs, result)
                if self._servable:
                    yield from self._serve(request)
            except Exception as error:
                self._refuse(error)

    def _finish(self, inputs, result):
        self._show(inputs, result, complete=True)
        self._stop.layout.visibility = "hidden"

    def _look_up(self, name):
        """A trained control moved: nothing is computed.

        Where the page serves the axis, nothing is drawn either.
        """
        if name not in self._axes:
            self._show_again()
        elif not self._served:
            self._show_again(serve=False)

    def _show(self, inputs, result, complete=False):
        with self._lock:
            self._seen, self._served = (inputs, result, complete), False
            picture, caption = self._draw(self._trained())
            self._latest = picture, caption
            self._canvas.value = image(picture, caption, self.explorer.size)
            self._say(caption)
            self._canvas.remove_class("course-refused")
        self._drawn.set()

    def _draw(self, trained):
        """Picture and caption of what is seen, at these positions of the trained controls."""
        inputs, result, complete = self._seen
        key = self._key(inputs, trained)
        drawn = _memory.get(key) if complete else None
        if drawn is None:
            if result is None:  # the picture it was not computed for is another, or is forgotten
                result = self.explorer.compute(**inputs, **self._handed)
            if self._picture is None or self._picture.theme != self.theme:
                explorer = self.explorer
                self._picture = Picture(explorer.prepare, explorer.draw, explorer.size, self.theme)
            drawn = self._picture.draw(result, **trained)
            if complete:
                _memory.put(key, drawn)
        return drawn

    def _trained(self):
        return self.explorer.trained(self.numbers)

    def _key(self, inputs, trained):
        return self._id, self.theme, *inputs.values(), *trained.values()

    def _serve(self, request):
        """A job: render every frame of the trained sliders, then hand all of them to the page."""
        axes, drawn = self._axes, {}
        for cell in itertools.product(
            *(range(len(control.positions)) for control in axes.values())
        ):
            stand = {name: axes[name].positions[i] for name, i in zip(axes, cell, strict=True)}
            with self._lock:
                if (
                    self._request is not request
                ):  # a closed form has moved on, or the panel is closed
                    return
                drawn[cell] = self._draw({**self._trained(), **stand})
            yield
        with self._lock:
            if self._request is request:
                self._canvas.value, self._caption.value = frames(drawn, self.explorer.size)
                self._served = True

    def _show_again(self, serve=True):
        """What is seen looks different now: at another trained position, or in other colours."""
        with self._lock:
            if self._seen is None:
                return
            self._show(*self._seen)
            complete = self._seen[2]
        if serve and complete and self._servable:
            self._work.submit(self._serve(self._request))

    def _refuse(self, error):
        """An error becomes a sentence; the last picture stays, greyed."""
        if isinstance(error, ValueError):
            self._say(f"{error}. The picture is the last one that could be computed.")
        elif isinstance(error, NotImplementedError):
            self._say(
                f"Not implemented yet ({error}): write your function, run its cell and then this one again."
            )
        else:
            _log.error("an explorer could not compute %s", self.numbers, exc_info=error)
            self._say(f"{type(error).__name__}: {error}. The whole message is in the log.")
        self._canvas.add_class("course-refused")
        self._stop.layout.visibility = "hidden"
        self._drawn.set()

    def _say(self, sentence):
        self._caption.value = html.escape(sentence)
        self._latest = self._latest[0], sentence

    # Widgets

    def _build(self):
        explorer = self.explorer
        sliders = {
            name: control
            for name, control in explorer.controls.items()
            if isinstance(control, Slider)
        }
        self._axes = {name: control for name, control in sliders.items() if control.trained}
        count = math.prod(len(control.positions) for control in self._axes.values())
        self._servable = 1 < count <= MOST_FRAMES
        self._cards = {
            name: self._card(name, control) for name, control in explorer.controls.items()
        }
        self._canvas = widgets.HTML(image(None, "Nothing is drawn yet.", explorer.size))
        self._caption = widgets.HTML("…")
        self._caption.add_class("course-caption")
        self._stop = widgets.Button(
            description="■ Stop", tooltip="Stop training", layout={"visibility": "hidden"}
        )
        self._stop.on_click(lambda _: self._work.submit(self._halt()))
        self._other = widgets.Button(tooltip="The picture in light or dark colours")
        self._other.on_click(lambda _: self._turn())
        self._name_other()
        rules = frame_rules(self._axes.values()) if self._servable else ""
        prepared = once_shown(KEYS.format(root="course-explorer") + HEARD)
        title = widgets.HTML(f"{STYLE}{rules}{prepared}<b>{html.escape(explorer.title)}</b>")
        bar = widgets.HBox([title, self._stop, self._other])
        bar.add_class("course-bar")
        columns = _in_columns(explorer.controls.values())
        cards = widgets.Box([card.view for card in self._cards.values()], layout=columns)
        cards.add_class("course-controls")
        parts = [bar, cards, self._canvas, self._caption]
        if explorer.presets:
            self._state = widgets.HTML()
            self._name_state()
            parts = [bar, self._preset_menu(), *parts[1:], self._state]
        self.view = widgets.VBox(parts)
        self.view.add_class("course-explorer")

    def _preset_menu(self):
        menu = widgets.Dropdown(options=["–", *self.explorer.presets], description="start from")
        menu.observe(lambda change: self._choose(change.new), "value")
        return _as_card(menu)

    def _choose(self, preset):
        if preset in self.explorer.presets:
            self._set_all(self.explorer.numbers(**self.explorer.presets[preset]))

    def _card(self, name, control):
        if isinstance(control, Choice):
            return _ChoiceCard(control, self.numbers[name], lambda word: self._set(name, word))
        if control.trained:
            place = list(self._axes).index(name)
            return _PageCard(
                control, place, self.numbers[name], lambda position: self._moved(name, position)
            )
        return _SliderCard(
            control,
            self.numbers[name],
            lambda position: self._moved(name, position),
            lambda number: self._typed(name, number),
        )

    def _halt(self):
        """A job that takes the place of the training: it says that it is over."""
        self._stop.layout.visibility = "hidden"
        self._say(f"Stopped. {self._latest[1]}")
        yield

    def _turn(self):
        self.theme = "light" if self.theme == "dark" else "dark"
        self._name_other()
        self._show_again()

    def _name_other(self):
        self._other.description = "◐ light" if self.theme == "dark" else "◐ dark"

    def wait(self, timeout=None):
        """Wait until everything is computed and handed over; False if it took longer than `timeout`
        seconds.
        """
        return self._work.wait(timeout)

    def close(self):
        """Stop computing and let the widgets go."""
        self._work.stop()
        with self._lock:  # a frame that is being drawn is drawn to its end, and no other
            self._picture = self._seen = self._request = None
        stack = [self.view]
        while stack:
            widget = stack.pop()
            stack.extend(getattr(widget, "children", ()))
            widget.close()

    def _repr_mimebundle_(self, include=None, exclude=None):
        self._drawn.wait(2)
        picture, caption = self._latest
        bundle = {**self.view._repr_mimebundle_(), "text/plain": caption}
        if picture is not None:
            flat = still(picture, self.explorer.describe(self.numbers), caption, self.theme)
            bundle["image/png"] = base64.b64encode(flat).decode()
        return bundle


class _SliderCard:
    """A number box, which has an accessible name and can be typed into, over a slider along the
    positions.
    """

    def __init__(self, control, number, moved, typed):
        self._control = control
        box = widgets.IntText if control.whole else widgets.FloatText
        self._box = box(number, description=control.name)
        self._slider = widgets.IntSlider(
            control.nearest(number),
            0,
            len(control.positions) - 1,
            readout=False,
            tooltip=control.name,
        )
        self._box.observe(lambda change: typed(change.new), "value")
        self._slider.observe(lambda change: moved(change.new), "value")
        self.view = _as_card(self._box, self._slider)

    def stand_at(self, number):
        self._box.value, self._slider.value = number, self._control.nearest(number)


class _PageCard:
    """Box and slider of a trained axis: the page's own inputs, and an unseen number through which
    they reach us.
    """

    def __init__(self, control, place, number, moved):
        self._control = control
        self._at = widgets.IntText(control.nearest(number))
        self._at.add_class("course-transport")
        self._at.observe(lambda change: moved(change.new), "value")
        self.view = _as_card(widgets.HTML(control_in_page(control, place, number)), self._at)

    def stand_at(self, number):
        self._at.value = self._control.nearest(number)


class _ChoiceCard:
    def __init__(self, control, word, chosen):
        self._menu = widgets.Dropdown(
            options=control.options, value=word, description=control.label
        )
        self._menu.observe(lambda change: chosen(change.new), "value")
        self.view = _as_card(self._menu)

    def stand_at(self, word):
        self._menu.value = word


def _as_card(*parts):
    card = widgets.VBox(parts)
    card.add_class("course-control")
    return card


def _in_columns(controls):
    """Equal columns that fill their rows and have room for the labels; fewer in a narrow page."""
    longest = max((len(control.name) for control in controls), default=0)
    columns = {4: 4 if longest <= 16 else 2}.get(len(controls), 4 if len(controls) >= 7 else 3)
    least = f"max(170px, calc((100% - {columns - 1} * 22px) / {columns}))"
    grid = f"repeat(auto-fill, minmax({least}, 1fr))"
    return {"display": "grid", "grid_template_columns": grid, "grid_gap": "2px 22px"}


_shown = {}  # cell id → (id of its run, the panels of that run)


def _close_former(panel):
    """Running a cell again closes the panels of its former run: the page has dropped them
    already.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    parent = getattr(shell, "get_parent", dict)()
    cell, run = parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id")
    if cell is None:
        return
    former, panels = _shown.get(cell, (None, []))
    if former != run:
        for old in panels:
            old.close()
        panels = []
    _shown[cell] = run, [*panels, panel]
