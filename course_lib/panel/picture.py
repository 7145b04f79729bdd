"""A matplotlib figure whose axes are drawn once and whose marks are blitted: 10 ms, not 70.

No pyplot: explorers draw in a thread of their own, and pyplot's state is shared. A picture goes to
the page in two layers: what stays (axes, ticks, legend) once, then only the pixels that differ, a
third of the bytes.
"""

import io
import itertools
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from course_lib import plotting
from course_lib.panel.fitting import fit

DPI = 100  # of a picture in its natural size, the `size` of its explorer
LARGER = 1.25  # text and lines of a picture for a hall
RLE = 3  # zlib's strategy that looks for runs alone
Pixels = NDArray[np.uint8]  # RGBA, [height, width, 4]
Handle = tuple[tuple[str, str], Axes, float, float]


@dataclass(frozen=True)
class Seen:
    """What `draw` may return in place of a caption.

    readings: (axes, x, y, text), values to read off beside those of curves and heat maps. handles:
    (names of two controls, axes, x, y), what can be dragged: x and y are these controls' values.
    """

    caption: str
    readings: Sequence[tuple[Axes, float, float, str]] = ()
    handles: Sequence[Handle] = ()


@dataclass(frozen=True)
class Look:
    """How a picture is drawn: colours, pixels across (None: natural), larger text for a hall."""

    theme: str
    width: int | None = None
    large: bool = False


@dataclass(frozen=True)
class Layer:
    """What stays behind many pictures: its number, unlike any other, and its pixels."""

    number: int
    pixels: Pixels


@dataclass(frozen=True)
class Frame:
    """One picture. `pixels` is the canvas itself, which the next picture overwrites.

    layer: what it lies over; None where everything was drawn anew.
    """

    pixels: Pixels
    layer: Layer | None
    seen: Seen

    def png(self) -> bytes:
        """The pixels that differ from the layer, or all of them."""
        return png(self.pixels) if self.layer is None else above(self.pixels, self.layer.pixels)


class Picture:
    """A figure of its own: `prepare(figure) → marks` draws what stays.

    `draw(marks, result, **trained)` moves the marks and returns a caption, or a `Seen`. Whatever
    else it changes (a limit, a title, a new artist) makes the figure stale: one full redraw.
    """

    _numbers = itertools.count(1)

    def __init__(self, prepare: Callable, draw: Callable, size: tuple[float, float], look: Look):
        self.look, self._draw = look, draw
        inches = [side / LARGER for side in size] if look.large else list(size)
        dpi = (look.width or round(size[0] * DPI)) / inches[0]
        with plotting.style(look.theme):
            self.figure = Figure(figsize=(inches[0], inches[1]), dpi=dpi, layout="constrained")
            self._canvas = FigureCanvasAgg(self.figure)
            self.marks = prepare(self.figure)
        self._background: Any = None
        self._layer: Layer | None = None

    def paint(self, result: Any, **trained: Any) -> Frame:
        """The picture of `result`."""
        with plotting.style(self.look.theme):
            said = self._draw(self.marks, result, **trained)
            moving = sorted(_artists(self.marks), key=Artist.get_zorder)
            for mark in moving:  # the full redraw leaves it out, and moving it makes nothing stale
                mark.set_animated(True)
            redrawn = self.figure.stale or self._background is None
            if redrawn:
                self._canvas.draw()
                if self.look.large and fit(self.figure):
                    self._canvas.draw()
                self._background = self._canvas.copy_from_bbox(self.figure.bbox)
                self._layer = Layer(next(self._numbers), np.array(self._canvas.buffer_rgba()))
            self._canvas.restore_region(self._background)
            for mark in moving:
                (mark.axes or self.figure).draw_artist(mark)
            # Nothing of what stays has moved, though a legend that is drawn says so of its frame.
            self.figure.stale = False
        seen = said if isinstance(said, Seen) else Seen(said)
        seen = Seen(" ".join(seen.caption.split()), seen.readings, seen.handles)
        return Frame(np.asarray(self._canvas.buffer_rgba()), None if redrawn else self._layer, seen)

    def draw(self, result: Any, **trained: Any) -> tuple[bytes, str]:
        """The whole picture of `result` as PNG bytes, and its caption."""
        frame = self.paint(result, **trained)
        return png(frame.pixels), frame.seen.caption


def _artists(marks: Any) -> list[Artist]:
    """Every artist in a mark, a list of marks, a container (bars) or a dict of them."""
    if isinstance(marks, Artist):
        return [marks]
    parts = marks.values() if isinstance(marks, dict) else marks or ()
    return [artist for part in parts for artist in _artists(part)]


def png(pixels: Pixels) -> bytes:
    """PNG of all `pixels` in a palette of 256 colours."""
    return _written(_quantized(pixels, 256))


def above(pixels: Pixels, behind: Pixels) -> bytes:
    """PNG of the `pixels` that differ from those `behind`; the others are transparent."""
    return _written(_over(pixels, behind), transparency=0)


def webp(pixels: Pixels, behind: Pixels | None = None) -> bytes:
    """The same two, `png` or `above`, as lossless WebP: a quarter smaller, written slower."""
    file = io.BytesIO()
    if behind is None:
        image = _quantized(pixels, 256).convert("RGB")
    else:
        image = _over(pixels, behind)
        image.info["transparency"] = 0
        image = image.convert("RGBA")
    image.save(file, "webp", lossless=True, quality=80, method=4)
    return file.getvalue()


def _over(pixels: Pixels, behind: Pixels) -> Image.Image:
    """The pixels that differ, in a palette whose first colour stands for all others."""
    # A pixel as one number: compared channel by channel it takes 20 times as long.
    whole = pixels.view(np.uint32)[..., 0]
    changed = whole != behind.view(np.uint32)[..., 0]
    indices = np.zeros(changed.shape, np.uint8)
    palette: list[int] = []
    if changed.any():
        few = _quantized(whole[changed][None, :, None].view(np.uint8), 255)
        indices[changed] = np.asarray(few)[0] + 1
        palette = few.getpalette() or []
    image = Image.fromarray(indices, "P")
    image.putpalette([0, 0, 0, *palette][: 3 * 256])
    return image


def _quantized(pixels: Pixels, colours: int) -> Image.Image:
    """In that many colours; white stays white, which the octree alone makes a shade darker."""
    image = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
    image = image.quantize(colours, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    image.putpalette([255 if value == 254 else value for value in image.getpalette() or []])
    return image


def _written(image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    # Runs of one colour are all there is to find: sooner written and smaller than with zlib's rest.
    image.save(file, "png", compress_level=1, compress_type=RLE, **options)
    return file.getvalue()


def still(picture: bytes, settings: str, caption: str, theme: str) -> bytes:
    """`picture` (PNG bytes) with its settings above and its caption below: without a kernel."""
    image = Image.open(io.BytesIO(picture)).convert("RGBA")
    note = "A still picture: run the notebook to move its sliders."
    over = _strip(image.width, textwrap.wrap(settings, image.width // 7), theme, muted=False)
    below = [*textwrap.wrap(caption, image.width // 7), note]
    return png(
        np.concatenate([over, np.asarray(image), _strip(image.width, below, theme, muted=True)])
    )


def _strip(width: int, lines: Sequence[str], theme: str, muted: bool) -> Pixels:
    with plotting.style(theme):
        figure = Figure(figsize=(width / DPI, (8 + 17 * len(lines)) / DPI), dpi=DPI)
        canvas = FigureCanvasAgg(figure)
        for line, shade, y in _placed(lines, muted):
            figure.text(10 / width, y, line, color=shade, fontsize=9, va="top")
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())


def _placed(lines: Sequence[str], muted: bool) -> Iterator[tuple[str, str, float]]:
    """(line, colour, height in the strip) of each; the last one stands back if `muted`."""
    for i, line in enumerate(lines):
        stands_back = muted and i == len(lines) - 1
        shade = plotting.muted() if stands_back else plotting.ink()
        yield line, shade, 1 - (i + 0.25) / (len(lines) + 0.4)
