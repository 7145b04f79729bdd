"""The live panel as one anywidget: an explorer in the kernel behind `page/panel.js` in the page."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from course_lib import plotting
from course_lib.base.shell import shell
from course_lib.panel.controls import Slider
from course_lib.panel.explorer import Explorer, Numbers, bundle
from course_lib.panel.picture import DPI, still
from course_lib.panel.serving import Server

PAGE = Path(__file__).with_name("page")
FRONT_END = ("elements.js", "address.js", "readings.js", "panel.js")  # of a panel, in this order


def part_of_page(*names: str) -> str:
    """The files of the front end one after the other: anywidget takes a single module."""
    return "\n".join((PAGE / name).read_text(encoding="utf-8") for name in names)


def describe(explorer: Explorer, numbers: Numbers) -> dict[str, Any]:
    """The panel as plain data, for `page/panel.js`."""
    return {
        "title": explorer.title,
        "begun": numbers,
        "size": [round(side * DPI) for side in explorer.size],
        "theme": plotting.theme(),
        "large": os.environ.get("COURSE_LARGE") == "1",
        "presets": {name: dict(numbers) for name, numbers in explorer.presets.items()},
        "controls": [
            {
                "name": name,
                "label": control.label,
                "unit": getattr(control, "unit", ""),
                "kind": "slider" if isinstance(control, Slider) else "choice",
                "positions": list(control.positions),
                "default": control.default,
                "free": isinstance(control, Slider) and control.values is None,
                "log": getattr(control, "log", False),
                "whole": getattr(control, "whole", False),
                "resets": getattr(control, "resets", False),
                "inPicture": getattr(control, "in_picture", False),
                "played": getattr(control, "played", False),
            }
            for name, control in explorer.controls.items()
        ],
    }


class Panel(anywidget.AnyWidget):
    """What `Explorer.show` returns. `numbers`: where its controls stand."""

    _esm = part_of_page(*FRONT_END)
    _css = part_of_page("panel.css")
    panel = traitlets.Dict().tag(sync=True)

    def __init__(self, explorer: Explorer, handed: Mapping[str, Callable], numbers: Numbers):
        self.explorer = explorer
        super().__init__(panel=describe(explorer, numbers))
        _close_former(self)
        self.server = Server(explorer, handed, numbers, self.send)
        self.on_msg(lambda _, message, buffers: self.server.hear(message))

    @property
    def numbers(self) -> Numbers:
        """Control → where it stands, as far as the page has told."""
        return self.server.numbers

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all is computed and handed over; False if it took longer than `timeout` s."""
        return self.server.wait(timeout)

    def close(self) -> None:
        """Stop computing and let the page's part go. `Widget.__del__` calls it too."""
        if hasattr(self, "server"):
            self.server.close()
        super().close()

    def _ipython_display_(self) -> None:
        """The panel, over a line that is seen where it has not come up within 10 s."""
        from IPython.display import display

        data, metadata = self._repr_mimebundle_()
        display(data, metadata=metadata, raw=True)
        display({"text/html": part_of_page("late.html"), "text/plain": ""}, raw=True)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict, dict]:
        """The widget for a page with a kernel; for one without, a picture and its caption."""
        picture, caption = self.server.first(seconds=5)
        if picture is not None:
            settings = self.explorer.describe(self.numbers)
            picture = still(picture, settings, caption, plotting.theme())
        data, metadata = bundle(picture, caption)
        live = super()._repr_mimebundle_() or ({}, {})
        return {**live[0], **data}, metadata


_runs: dict[str, tuple[str, list[Panel]]] = {}  # cell → its last run, and the panels of that run


def _close_former(panel: Panel) -> None:
    """Close the panels of the cell's former run: the page has dropped them already."""
    parent: dict[str, Any] = getattr(shell(), "get_parent", dict)()
    cell, run = parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id")
    if cell is None:
        return
    former, panels = _runs.get(cell, (None, []))
    if former != run:
        for old in panels:
            old.close()
        panels = []
    _runs[cell] = run, [*panels, panel]
