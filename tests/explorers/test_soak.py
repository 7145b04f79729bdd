"""All that a lesson's panels have is moved at random: nothing hangs, no picture is stale, no memory
is kept. Two panels of each explorer are open, and cells draw the same pictures meanwhile. Seconds
and two explorers in `make test`, ten minutes and all of a lesson in `make test-all`.
"""

import gc
import io
import itertools
import random
import threading
import time

import numpy as np
import psutil
import pytest
from PIL import Image

from course_lib import plotting
from course_lib.explorers import weight_decay
from course_lib.panel import Slider
from course_lib.panel.widget import Panel
from tests.panel._page import Page

LESSON = [module.explorer for module in vars(weight_decay).values() if hasattr(module, "explorer")]


class Forgetful(Page):
    """A page that keeps the one picture it shows, as a browser does."""

    def hear(self, content, buffers):
        super().hear(content, buffers)
        here = (self.theme, *sorted(self.numbers.items())) if self.numbers else None
        self.seen = {key: seen for key, seen in self.seen.items() if key == here}
        if len(self.layers) > 64:
            self.layers = dict([*self.layers.items()][-32:])
        self.said.clear()


def opened(explorer):
    return Forgetful(Panel(explorer, dict(explorer.quick), explorer.begun("", {})))


def refused(control):
    """What a page may not ask for: a number past the end, or one that is none; a word unknown."""
    return 2 * control.high + 1 if isinstance(control, Slider) else "?"


def disturb(page, draw):
    """One thing that a reader does, or a cell."""
    controls, explorer = page.widget.explorer.controls, page.widget.explorer
    name = draw.choice([*controls])
    match draw.choices(list(KINDS), [*KINDS.values()])[0]:
        case "move":
            page.ask(**{name: draw.choice(controls[name].positions)})
        case "drag":
            for position in draw.choices(controls[name].positions, k=3):
                page.ask(**{name: position})
        case "refused":
            numbers = {**page.numbers, name: refused(controls[name])}
            page.say(kind="ask", numbers=numbers, theme=None, width=None, large=False)
        case "stop" | "read" as kind:
            page.say(kind=kind, numbers=page.numbers, theme=page.theme, width=None, large=False)
        case "open":
            page.layers.clear()
            page.say(kind="ask", numbers=None, theme=None, width=None, large=False)
        case "look":
            page.ask(theme=draw.choice(("light", "dark")), large=draw.random() < 0.5)
        case "cell":
            explorer.picture(handed=explorer.quick)
        case "pause":
            time.sleep(0.1)


KINDS = {
    **{"move": 6, "drag": 6, "refused": 1, "stop": 1, "read": 1},
    **{"open": 1, "look": 1, "cell": 1, "pause": 3},
}


def soak(pages, draw, seconds):
    """Disturb the pages for so long, and let them come to rest; returns how often."""
    end, events = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        disturb(draw.choice(pages), draw)
        events += 1
    for page in pages:
        page.wait()
    return events


def last_picture_is_fresh(page, draw):
    """Moved once more, all controls at once, a page shows what is drawn anew there, or why not."""
    explorer = page.widget.explorer
    page.ask(**{name: draw.choice(c.positions) for name, c in explorer.controls.items()})
    page.wait()
    if page.refused:
        with pytest.raises(ValueError) as error:
            explorer.picture(page.theme, explorer.quick, **page.numbers)
        return str(error.value) in page.caption
    picture, caption = explorer.picture(page.theme, explorer.quick, **page.numbers)
    pixels, said = page.here()
    fresh = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    apart = np.abs(pixels.astype(int) - fresh).max(-1) > 48  # palettes differ in a few pixels,
    return said == page.caption == caption and apart.sum() < 100  # neighbours in a thousand


def memory(pages):
    """Bytes that this process holds alone, but for the pictures that lie in the pages."""
    for page in pages:
        page.layers.clear()
        page.seen.clear()
    gc.collect()
    used = psutil.Process().memory_full_info().uss
    for page in pages:
        page.say(kind="ask", numbers=None, theme=None, width=None, large=False)
        page.wait()
    return used


@pytest.mark.timeout(1200)
def test_nothing_hangs_nothing_is_stale_nothing_is_kept(amount, monkeypatch):
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    plotting.use_theme("light")
    draw, threads = random.Random(3), threading.active_count()
    pages = [opened(explorer) for explorer in LESSON[: amount(2, None)] for _ in range(2)]
    for page, theme, large in itertools.product(pages, ("light", "dark"), (True, False)):
        page.ask(theme=theme, large=large)  # each has drawn all that it may keep
    events = soak(pages, draw, amount(5, 120))
    before = memory(pages)
    events += soak(pages, draw, amount(5, 480))
    grown = memory(pages) / before - 1
    print(f"{events} events on {len(pages)} panels: memory {100 * grown:+.1f} %")
    for page in pages:
        page.ask(large=False)
        assert last_picture_is_fresh(page, draw), (page.widget.explorer.title, page.numbers)
    for page in pages:
        page.widget.close()
        page.wait()
    assert grown < 0.05
    assert threading.active_count() == threads
