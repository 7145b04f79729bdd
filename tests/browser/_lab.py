"""A JupyterLab of its own on a free loopback port, a notebook in it, and Chromium to drive it."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import axe_playwright_python

CHROMIUM = next(
    (path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path),
    None,
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ROOT = Path(__file__).resolve().parents[2]
OURS = ROOT / "course_lib" / "jupyter"  # our settings, and our part of the page


@contextlib.contextmanager
def jupyter_lab(folder, scratch, theme="JupyterLab Light"):
    """(address, token) of a JupyterLab that serves `folder` and keeps all that it writes down in
    `scratch`.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    environment = {
        **os.environ,
        **{f"JUPYTER_{place}": str(scratch / place.lower()) for place in places},
        "JUPYTERLAB_SETTINGS_DIR": str(scratch / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(scratch / "workspaces"),
        **dict.fromkeys(("JUPYTER_CONFIG_PATH", "JUPYTER_PATH"), str(OURS)),  # as `course lab` does
        "JUPYTER_TOKEN": secrets.token_hex(),
        "PYTHONPATH": str(ROOT),
    }
    environment.pop("COURSE_HEADLESS", None)
    _settings(scratch / "settings" / "@jupyterlab" / "apputils-extension", theme)
    options = (
        f"--no-browser --ip=127.0.0.1 --port={port} --ServerApp.port_retries=0 --allow-root "
        f"--LabApp.extension_manager=readonly --LabApp.expose_app_in_browser=True "
        f"--ServerApp.root_dir={folder}"
    ).split()
    log = scratch / "jupyter.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            stdout=out,
            stderr=out,
            env=environment,
            cwd=folder,
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/api", server, log)
        yield f"http://127.0.0.1:{port}", environment["JUPYTER_TOKEN"]
    finally:
        server.terminate()
        server.wait(20)


def _settings(folder, theme):
    folder.mkdir(parents=True)
    (folder / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))
    (folder / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')


def _wait_for(address, server, log, seconds=60):
    for _ in range(seconds * 5):
        if server.poll() is not None:
            raise RuntimeError(f"JupyterLab ended:\n{log.read_text()[-2000:]}")
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.2)
    raise TimeoutError(f"JupyterLab did not answer within {seconds} s:\n{log.read_text()[-2000:]}")


@contextlib.contextmanager
def chromium(size=(1280, 800), density=1, **options):
    """A Chromium page of that size, with so many pixels of the screen for one of CSS."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            viewport = dict(zip(("width", "height"), size, strict=True))
            page = browser.new_page(viewport=viewport, device_scale_factor=density, **options)
            page.set_default_timeout(120_000)  # of a busy machine
            yield page
        finally:
            browser.close()


@dataclass
class Traffic:
    """What a page said: errors on its console, and messages between it and the kernel."""

    errors: list = field(default_factory=list)
    sent: int = 0
    received: int = 0

    def watch(self, page):
        """Listen to `page` from now on."""
        page.on("pageerror", lambda error: self.errors.append(f"page error: {error}"))
        page.on(
            "console", lambda message: message.type == "error" and self.errors.append(message.text)
        )
        page.on("websocket", self._socket)
        return self

    def _socket(self, socket):
        if "/channels" in socket.url:  # a kernel's
            socket.on("framesent", lambda _: setattr(self, "sent", self.sent + 1))
            socket.on("framereceived", lambda _: setattr(self, "received", self.received + 1))

    def messages(self):
        """Messages to and from the kernel so far."""
        return self.sent + self.received


@dataclass
class Opened:
    """A notebook that runs in a page."""

    page: object
    traffic: Traffic
    file: Path

    def panels(self):
        """Every explorer in the page, in order."""
        return [Panel(self.page, found) for found in self.page.query_selector_all(".course-panel")]

    def ask(self, code):
        """What `code` prints when the kernel runs it."""
        return self.page.evaluate(_ASK, code)

    def settle(self):
        """Wait until each panel has shown what it was asked for and holds its trained axis."""
        idle = "!document.querySelector('.course-panel[aria-busy=true]')"
        self.page.wait_for_function(idle)
        assert self.ask(_WAIT) == "True\n"
        self.page.wait_for_function(idle)
        self.page.wait_for_timeout(100)  # the last picture is decoded

    def save(self):
        """Save the notebook; returns the text of its file."""
        self.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        return self.file.read_text(encoding="utf-8")


_WAIT = """
from course_lib.panel import widget
print(all(panel.wait(120) for _, panels in widget._runs.values() for panel in panels))
"""
_ASK = """
async code => {
  const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
  const future = kernel.requestExecute({code, store_history: false});
  let printed = '';
  future.onIOPub = message => {
    if (message.header.msg_type === 'stream') printed += message.content.text;
  };
  await future.done;
  return printed;
}
"""

# The picture that is seen: [alternative text, address, width, caption].
_SEEN = """
panel => {
  const image = panel.querySelector('.course-picture');
  const caption = panel.querySelector('.course-caption').textContent;
  return image.src ? [image.alt, image.src, image.naturalWidth, caption] : null;
}
"""


# From now on note the time of each input event and of each other picture that is decoded and about
# to be painted.
_WATCH = """
([panel, select]) => {
  const events = [], pictures = [];
  window.watched = {events, pictures};
  const note = event => events.push(event.timeStamp);
  for (const kind of ['keydown', 'pointermove']) document.addEventListener(kind, note, true);
  const image = () => [...panel.querySelectorAll(select)].find(part => part.offsetParent !== null);
  let former = image()?.src;
  const look = async () => {
    const now = image();
    if (!now || now.src === former) return;
    former = now.src;
    await now.decode().catch(() => null);  // replaced meanwhile: a later one counts
    requestAnimationFrame(() => pictures.push(performance.now()));
  };
  const observer = new MutationObserver(look);
  observer.observe(panel, {subtree: true, childList: true, attributes: true});
  window.watched.stop = () => {
    observer.disconnect();
    for (const kind of ['keydown', 'pointermove']) document.removeEventListener(kind, note, true);
  };
}
"""


@dataclass
class Watched:
    """Times in ms of input events and of pictures in an element, noted in the page itself."""

    page: object
    element: object
    images: str = ".course-picture"

    def __enter__(self):
        self.page.evaluate(_WATCH, [self.element, self.images])
        return self

    def __exit__(self, *_):
        self.page.evaluate("window.watched.stop()")

    def times(self):
        """(events, pictures) so far."""
        seen = self.page.evaluate(
            "({events: window.watched.events, pictures: window.watched.pictures})"
        )
        return seen["events"], seen["pictures"]

    def press(self, handle, key, seconds=120):
        """Press `key` on `handle`; returns the ms until the next picture is painted."""
        before = len(self.times()[1])
        handle.press(key)
        self.page.wait_for_function(
            f"window.watched.pictures.length > {before}", timeout=1000 * seconds, polling=2
        )
        events, pictures = self.times()
        return pictures[before] - events[-1]


@dataclass
class Panel:
    """An explorer in a page."""

    page: object
    element: object

    def seen(self):
        """(alternative text, address, width in pixels, caption) of the displayed picture; () before
        there is one.
        """
        return tuple(self.element.evaluate(_SEEN) or ())

    def changed(self, former, seconds=60):
        """Wait until another picture than `former` is seen; returns it."""
        return self.until(lambda seen: seen[:2] != former[:2], seconds)

    def until(self, holds, seconds=60):
        """Wait until `holds(seen)`; returns what is seen then."""
        end = time.monotonic() + seconds
        while not holds(seen := self.seen()):
            if time.monotonic() > end:
                raise TimeoutError(f"within {seconds} s the picture came only to {seen[0]!r}")
            self.page.wait_for_timeout(5)
        return seen

    def served(self, seconds=120):
        """Wait until the page itself holds the pictures of the trained axis."""
        end = time.monotonic() + seconds
        while "course-served" not in self.element.get_attribute("class"):
            assert time.monotonic() < end, f"not served within {seconds} s"
            self.page.wait_for_timeout(20)

    def control(self, label):
        """The card of the control with that label."""
        return self.element.query_selector(f".course-control:has(:text-matches('^{label}'))")

    def inward(self, slider):
        """Pixels by which to drag `slider` to come six tenths of its rail nearer to the other end;
        left is negative.
        """
        at, last = float(slider.input_value()), float(slider.get_attribute("max"))
        return (0.6 if at < last / 2 else -0.6) * slider.bounding_box()["width"]

    def sliders(self):
        """The sliders of all controls."""
        return self.element.query_selector_all(".course-controls input[type=range]")


def axe_findings(page, where):
    """What axe-core finds in `where` (a selector, or axe's own context): rule, and the element.

    Text that cannot be seen is one, too: where both colours are the same, axe is only not sure.
    """
    page.evaluate(files(axe_playwright_python).joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("what => axe.run(what, {preload: false})", where)
    unseen = [
        {**rule, "nodes": [n for n in rule["nodes"] if "equalRatio" in str(n["any"])]}
        for rule in found["incomplete"]
        if rule["id"] == "color-contrast"
    ]
    return [
        f"{rule['id']}: {node['html'][:120]}"
        for rule in [*found["violations"], *unseen]
        for node in rule["nodes"]
    ]


def at_rest(page, element):
    """Scroll `element` to the middle and wait until it stays where it is; returns its box."""
    former, box = None, element.bounding_box()
    while box != former:
        element.evaluate("e => e.scrollIntoView({block: 'center'})")
        page.wait_for_timeout(300)
        former, box = box, element.bounding_box()
    return box


KNOB = 16  # pixels; its middle runs from half of it to as far from the other end


def knob(slider):
    """Where the middle of the slider's knob is in the page."""
    box, at, last = (
        slider.bounding_box(),
        float(slider.input_value()),
        float(slider.get_attribute("max")),
    )
    return box["x"] + KNOB / 2 + (box["width"] - KNOB) * at / last, box["y"] + box["height"] / 2


def drag(page, slider, by, steps=12, pause=0):
    """Drag the knob of `slider` sideways by `by` pixels with the mouse."""
    at_rest(page, slider)
    x, y = knob(slider)
    hit = slider.evaluate("(e, [x, y]) => e.contains(document.elementFromPoint(x, y))", [x, y])
    assert hit, "something lies over the knob"
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, steps + 1):
        page.mouse.move(x + by * step / steps, y)
        page.wait_for_timeout(pause)
    page.mouse.up()


def open_notebook(page, server, name):
    """Open the notebook `name` of the `server` and wait for its kernel."""
    address, token = server
    page.goto(f"{address}/lab/tree/{name}?reset&token={token}", wait_until="commit")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    session = "window.jupyterapp.shell.currentWidget?.context?.sessionContext"
    page.wait_for_function(f"{session}?.session?.kernel")
    page.evaluate(f"{session}.ready")
    page.wait_for_function(f"{session}.session.kernel.status == 'idle'")


def run_all(page):
    """Unfold every section and run all cells; returns when all have run."""
    page.evaluate("window.jupyterapp.commands.execute('notebook:expand-all-headings')")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
