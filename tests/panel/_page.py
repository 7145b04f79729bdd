"""The page's end of a widget, without a browser: what it is told, and what it says."""

import io
import time

import numpy as np
from PIL import Image


class Wire:
    """The comm of `widget`: `said` are the contents and buffers of its messages so far."""

    def __init__(self, widget):
        self.widget, self.said = widget, []
        widget.comm.publish_msg = self._hear

    def _hear(self, kind, data=None, metadata=None, buffers=None, **_):
        if (data or {}).get("method") == "custom":
            self.hear(data["content"], buffers)

    def hear(self, content, buffers):
        """A message of the widget has come."""
        self.said.append((content, buffers))

    def say(self, **content):
        """Send the widget a message, as a page does."""
        data = {"method": "custom", "content": content}
        self.widget.comm.handle_msg({"content": {"data": data}, "buffers": []})


class Page(Wire):
    """A page that has opened on `panel`, standing where the kernel said.

    `seen`: (theme, numbers as sorted pairs) → (pixels [height, width, 3], caption), of every
    picture it was sent; `caption`: what is said under the picture.
    """

    def __init__(self, panel, width=None):
        super().__init__(panel)
        self.seen, self.layers, self.numbers, self.theme = {}, {}, None, None
        self.caption, self.refused, self.complete = "", False, True
        self.width, self.handles = width, []
        self.say(kind="ask", numbers=None, theme=None, width=width, large=False)
        self.wait()

    def ask(self, theme=None, large=False, **moved):
        """Move controls, and ask for the picture there."""
        self.numbers, theme = {**self.numbers, **moved}, theme or self.theme
        self.say(kind="ask", numbers=self.numbers, theme=theme, width=self.width, large=large)

    def read(self, **numbers):
        """Ask for the values of the picture at these numbers."""
        here = {**self.numbers, **numbers}
        self.say(kind="read", numbers=here, theme=self.theme, width=self.width, large=False)

    def hear(self, content, buffers):
        super().hear(content, buffers)
        if content["kind"] != "pictures":
            self.caption = content.get("sentence", self.caption)
            self.refused = content["kind"] == "refused"
            self.numbers = self.numbers or content.get("numbers")
            self.theme = self.theme or content.get("theme")
            return
        pictures = [Image.open(io.BytesIO(buffer)).convert("RGBA") for buffer in buffers]
        for name in content["brings"]:
            self.layers[name] = pictures.pop(0)
        self.numbers = self.numbers or dict(content["numbers"])
        self.theme, self.complete = content["theme"], content["complete"]
        for i, cell in enumerate(_cells(content["axes"])):
            picture, under = pictures[i], self.layers.get(content["layers"][i])
            if under is not None:
                picture = Image.alpha_composite(under, picture)
            numbers = {**content["numbers"], **cell}
            key = self.theme, *sorted(numbers.items())
            self.seen[key] = np.asarray(picture.convert("RGB")), content["captions"][i]
            if numbers == self.numbers:
                self.caption, self.refused = content["captions"][i], False
        self.handles = content.get("handles", [])

    def here(self, **moved):
        """(pixels, caption) of the picture where the page stands, or moved from there."""
        return self.seen[(self.theme, *sorted({**self.numbers, **moved}.items()))]

    def wait(self, seconds=60):
        """Wait until the kernel has nothing more to say."""
        assert self.widget.wait(seconds)

    def until(self, holds, seconds=60):
        """Wait until `holds()`."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end
            time.sleep(0.002)


def _cells(axes):
    cells = [{}]
    for name, values in axes.items():
        cells = [{**cell, name: value} for cell in cells for value in values]
    return cells


def alike(pixels, png):
    """Whether `pixels` [height, width, 3] are those of a whole PNG, its palette aside."""
    whole = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    return pixels.shape == whole.shape and np.abs(pixels.astype(int) - whole).max() <= 48
