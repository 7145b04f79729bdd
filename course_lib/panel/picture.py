"""A matplotlib figure whose axes are drawn once and whose marks are blitted: 10 ms a picture
instead of 70.

No pyplot: explorers draw in a thread of their own, and pyplot's state is shared. A picture is a PNG
of 256 colours, a third of the size of one in full colour and twice as fast to write.
"""

import io
import textwrap

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from course_lib import plotting

DPI = 100


class Picture:
    """`prepare(figure) → marks` draws what stays, `draw(marks, result, **trained) → caption` moves
    the marks.

    Whatever else `draw` changes (a limit, a title, a new artist) makes the figure stale: that costs
    one full redraw.
    """

    def __init__(self, prepare, draw, size, theme):
        self.theme, self._draw = theme, draw
        with plotting.style(theme):
            self.figure = Figure(figsize=size, dpi=DPI, layout="constrained")
            self._canvas = FigureCanvasAgg(self.figure)
            self.marks = prepare(self.figure)
        self._background = None

    def draw(self, result, **trained):
        """The picture of `result` as PNG bytes, and its caption."""
        with plotting.style(self.theme):
            caption = self._draw(self.marks, result, **trained)
            moving = sorted(_artists(self.marks), key=Artist.get_zorder)
            for mark in moving:
                mark.set_animated(
                    True
                )  # the full redraw leaves it out, and moving it does not make the figure stale
            if self.figure.stale or self._background is None:
                self._canvas.draw()
                self._background = self._canvas.copy_from_bbox(self.figure.bbox)
            self._canvas.restore_region(self._background)
            for mark in moving:
                (mark.axes or self.figure).draw_artist(mark)
        return png(self._canvas.buffer_rgba()), " ".join(caption.split())


def _artists(marks):
    """Every artist in a mark, a list of marks, a container (bars) or a dict of them."""
    if isinstance(marks, Artist):
        return [marks]
    parts = marks.values() if isinstance(marks, dict) else marks or ()
    return [artist for part in parts for artist in _artists(part)]


def png(pixels):
    """PNG bytes of RGBA `pixels` [height, width, 4] in a palette of 256 colours."""
    file = io.BytesIO()
    image = Image.fromarray(np.asarray(pixels)).convert("RGB")
    image.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        file, "png", compress_level=1
    )
    return file.getvalue()


def still(picture, settings, caption, theme):
    """`picture` (PNG bytes) with its settings above and its caption below, for a page without a
    kernel.
    """
    image = Image.open(io.BytesIO(picture)).convert("RGBA")
    note = "A still picture: run the notebook to move its sliders."
    above = _strip(image.width, textwrap.wrap(settings, image.width // 6), theme, muted=False)
    below = _strip(
        image.width, [*textwrap.wrap(caption, image.width // 7), note], theme, muted=True
    )
    return png(np.concatenate([above, np.asarray(image), below]))


def _strip(width, lines, theme, muted):
    with plotting.style(theme):
        figure = Figure(figsize=(width / DPI, (8 + 17 * len(lines)) / DPI), dpi=DPI)
        canvas = FigureCanvasAgg(figure)
        for i, line in enumerate(lines):
            shade = plotting.muted() if muted and i == len(lines) - 1 else plotting.ink()
            figure.text(
                10 / width,
                1 - (i + 0.25) / (len(lines) + 0.4),
                line,
                color=shade,
                fontsize=9,
                va="top",
            )
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())
