"""What stands behind a panel: numbers → a result → pictures, said to its page.

Three ways to a picture, fastest first:
1. A trained axis whose pictures are ready lies in the page: a move asks for nothing.
2. A closed form is computed and drawn as the page asks. It asks again only once it was answered, so
   that the newest numbers win and nothing queues up.
3. A generator (training) runs in one thread; the newest numbers win there too, and each of its
   results is drawn as it comes.

The messages are described at the top of `page/panel.js`.
"""

import contextlib
import inspect
import itertools
import logging
import math
import threading
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

from course_lib import plotting
from course_lib.panel.controls import Slider
from course_lib.panel.explorer import Explorer, Numbers
from course_lib.panel.picture import Frame, Look, Picture, Seen, png
from course_lib.panel.reading import curves_of, places_of, runs_in
from course_lib.panel.work import Latest

MOST_FRAMES = 64  # of a trained axis that are handed to the page: about 1 MB
SOON = 2.0  # seconds: who waits no longer than that need not be told how long
_log = logging.getLogger(__name__)


class Server:
    """Answers one panel's page. `send(message, buffers)` says something to it.

    `numbers`: where the page stands, as far as it has told.
    """

    def __init__(
        self, explorer: Explorer, handed: Mapping[str, Callable], numbers: Numbers, send: Callable
    ):
        self.explorer, self.numbers, self._send = explorer, numbers, send
        self._handed, self._look = handed, Look(plotting.theme())
        self._lock = threading.RLock()  # one picture is drawn at a time, as asked or by the worker
        self._work, self._drawn = Latest(), threading.Event()
        self._picture: Picture | None = None
        self._seen: tuple[Numbers, Any, bool] | None = None  # inputs, result, whether complete
        self._first: tuple[bytes | None, str] = None, "Nothing is computed yet."
        self._caption, self._refused = "", ""
        self._request: object = None  # what is computed or served now; a newer one ends its serving
        self._asked = self._to_read = False  # whether there is a page, and it waits for values
        self._layers: set[int] = set()  # what the page has of them
        self._halted = False  # a training was stopped: the next move begins it again
        self._left: int | None = None  # seconds that a training will still take, by its progress
        self._axes = _served(explorer)
        self._servable = bool(self._axes)
        self._compute()

    # What the page says

    def hear(self, message: dict[str, Any]) -> None:
        """Do what the page asks."""
        {"ask": self._ask, "stand": self._stand, "stop": self._stop, "read": self._read}[
            message["kind"]
        ](message)

    def _ask(self, message: dict[str, Any]) -> None:
        """A picture at these numbers, or, for a page that has just opened, where we stand."""
        self._dress(message)
        if message["numbers"] is None:
            with self._lock:
                self._layers = set()
            return self._compute() if self._halted else self._show_again()
        try:
            self._stand(message)
        except ValueError as error:
            return self._refuse(error)
        if self._is_computed() and not self._halted:
            self._show_again()
        else:
            self._compute()

    def _dress(self, message: dict[str, Any]) -> None:
        theme = message["theme"] or self._look.theme
        with self._lock:
            self._asked, self._look = True, Look(theme, message["width"], message["large"])

    def _stand(self, message: dict[str, Any]) -> None:
        self.numbers = self.explorer.numbers(**message["numbers"])

    def _stop(self, message: dict[str, Any]) -> None:
        def halt() -> Generator:
            self._halted = self._seen is not None and not self._seen[2]
            self._send({"kind": "stopped", "sentence": f"Stopped. {self._caption}"})
            yield

        self._work.submit(halt())

    def _read(self, message: dict[str, Any]) -> None:
        """The values in the picture where the page stands, once it is computed."""
        self._dress(message)
        self._stand(message)
        with self._lock:
            self._to_read = True
            if self._is_computed():
                return self._send_readings(self._draw(self.numbers))
        self._compute()  # the page has kept an older picture

    def _is_computed(self) -> bool:
        """Whether the result that is seen is that of where the page stands."""
        return self._seen is not None and self.explorer.inputs(self.numbers) == self._seen[0]

    def _send_readings(self, frame: Frame) -> None:
        self._to_read, figure = False, self._figure()
        said = {"kind": "readings", "numbers": self.numbers, **_look_of(self._look)}
        self._send({**said, "axes": places_of(figure), "curves": curves_of(figure, frame.seen)})

    # From numbers to a picture

    def _compute(self) -> None:
        self._request, self._halted = (request := object()), False
        inputs = self.explorer.inputs(self.numbers)
        try:
            result = self.explorer.compute(**inputs, **self._handed)
            if inspect.isgenerator(result):
                results: Any = result  # a generator of whatever kind
                return self._work.submit(self._train(inputs, results, request))
            self._show(inputs, result, complete=True)
        except Exception as error:
            return self._refuse(error)
        self._serve_soon(request)

    def _train(self, inputs: Numbers, results: Generator, request: object) -> Generator:
        """A job: show each of `results` as it comes, then every frame of the trained axes."""
        begun = time.monotonic()
        with contextlib.closing(results):
            try:
                for result in results:
                    self._left = _left(getattr(result, "progress", 0), time.monotonic() - begun)
                    self._show(inputs, result, complete=False)
                    yield
                self._left = None
                self._show(inputs, result, complete=True)
                if self._servable:
                    yield from self._serve(request)
            except Exception as error:
                self._refuse(error)

    def _show_again(self) -> None:
        """What is seen looks different: at another trained position, in another look or page."""
        with self._lock:
            if self._seen is None:
                return self._say_refused() if self._refused else None
            self._show(*self._seen)
            complete = self._seen[2]
        if complete:
            self._serve_soon(self._request)

    def _show(self, inputs: Numbers, result: Any, complete: bool) -> None:
        with self._lock:
            self._seen = inputs, result, complete
            first = self._first[0] is None
            if self._asked or first:
                frame = self._draw(self.numbers)
                self._caption = frame.seen.caption
                if first:
                    self._first = png(frame.pixels), frame.seen.caption
                if self._asked:
                    self._send_pictures({}, [self._written(frame)], complete)
                if self._to_read and complete:
                    self._send_readings(frame)
        self._drawn.set()

    def _serve_soon(self, request: object) -> None:
        if self._servable and self._asked:
            self._work.submit(self._serve(request))

    def _serve(self, request: object) -> Generator:
        """A job: every frame of the trained axes, in one message."""
        begun, drawn = self._wanted(), []
        for cell in itertools.product(*self._axes.values()):
            with self._lock:
                if self._request is not request or self._wanted() != begun:
                    return  # moved on, or closed
                here = self.numbers | dict(zip(self._axes, cell, strict=True))
                drawn.append(self._written(self._draw(here)))
            yield
        with self._lock:
            if self._request is request and self._wanted() == begun:
                self._send_pictures(self._axes, drawn, True)

    def _wanted(self) -> tuple:
        """What the frames of the trained axes hang on: the look, and where all else stands."""
        others = {name: at for name, at in self.numbers.items() if name not in self._axes}
        return self._asked, self._look, others

    def _draw(self, numbers: Numbers) -> Frame:
        assert self._seen is not None
        explorer = self.explorer
        if self._picture is None or self._picture.look != self._look:
            self._picture = Picture(explorer.prepare, explorer.draw, explorer.size, self._look)
        return self._picture.paint(self._seen[1], **explorer.trained(numbers))

    def _figure(self) -> Any:
        assert self._picture is not None
        return self._picture.figure

    def _written(self, frame: Frame) -> tuple[bytes, Frame]:
        return frame.png(), frame

    def _send_pictures(
        self, axes: Mapping[str, Any], drawn: list[tuple[bytes, Frame]], complete: bool
    ) -> None:
        buffers, frames = zip(*drawn, strict=True)
        layers = {frame.layer.number: frame.layer for frame in frames if frame.layer is not None}
        new = [layer for number, layer in layers.items() if number not in self._layers]
        self._layers |= {layer.number for layer in new}
        assert self._seen is not None
        message = {
            "kind": "pictures",
            "numbers": {**self.numbers, **self._seen[0]},
            **_look_of(self._look),
            "axes": axes,
            "captions": [frame.seen.caption for frame in frames],
            "complete": complete,
            "left": self._left,
            "layers": [frame.layer.number if frame.layer else None for frame in frames],
            "brings": [layer.number for layer in new],
            "plays": runs_in(self._figure()),
        }
        if any(frame.seen.handles for frame in frames):
            message["places"] = places_of(self._figure())
            message["handles"] = [handles_of(frame.seen, self._figure()) for frame in frames]
        self._send(message, [*(png(layer.pixels) for layer in new), *buffers])

    def _refuse(self, error: Exception) -> None:
        """An error becomes a sentence; the last picture stays, greyed."""
        if isinstance(error, ValueError):
            sentence = f"{error}. The picture is the last one that could be computed."
        elif isinstance(error, NotImplementedError):
            sentence = (
                f"Not implemented yet ({error}): write your function, run its cell and then this "
                "one again."
            )
        else:
            _log.error("an explorer could not compute %s", self.numbers, exc_info=error)
            sentence = f"{type(error).__name__}: {error}. The whole message is in the log."
        self._first, self._refused = (self._first[0], sentence), sentence
        self._say_refused()
        self._drawn.set()

    def _say_refused(self) -> None:
        stands = {"numbers": self.numbers, **_look_of(self._look)}
        self._send({"kind": "refused", "sentence": self._refused, **stands})

    # What a notebook keeps

    def first(self, seconds: float) -> tuple[bytes | None, str]:
        """The first picture and what was said with it, if there is one within some seconds."""
        self._drawn.wait(seconds)
        return self._first

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all is computed and handed over; False if it took longer than `timeout` s."""
        return self._work.wait(timeout)

    def close(self) -> None:
        """Stop computing, and serve nothing any more. No thread is begun for it."""
        self._request = None
        if not self._work.wait(0):
            self._work.stop()


def _served(explorer: Explorer) -> dict[str, tuple]:
    """The trained axes whose frames are handed over: one after the other, as long as they fit."""
    axes: dict[str, tuple] = {}
    for name, control in explorer.controls.items():
        if control.trained and isinstance(control, Slider):
            cells = math.prod(map(len, axes.values())) * len(control.positions)
            if cells <= MOST_FRAMES:
                axes[name] = control.positions
    return axes


def _left(progress: float, seconds: float) -> int | None:
    """Seconds still to go if `seconds` made so much of it; None where nobody knows, or soon."""
    if not 0 < progress < 1:
        return None
    left = seconds * (1 - progress) / progress
    return math.ceil(left) if left > SOON else None


def _look_of(look: Look) -> dict[str, Any]:
    return {"theme": look.theme, "width": look.width, "large": look.large}


def handles_of(seen: Seen, figure: Any) -> list[dict[str, Any]]:
    """The handles of a picture as the page takes them."""
    return [
        {"names": names, "axes": figure.axes.index(ax), "at": [float(x), float(y)]}
        for names, ax, x, y in seen.handles
    ]
