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
from pathlib import Path

CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def jupyter_lab(folder, scratch, theme="JupyterLab Light"):
    """(address, token) of a JupyterLab that serves `folder` and keeps all that it writes down in `scratch`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    environment = {
        **os.environ,
        **{f"JUPYTER_{place}": str(scratch / place.lower()) for place in places},
        "JUPYTERLAB_SETTINGS_DIR": str(scratch / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(scratch / "workspaces"),
        "JUPYTER_TOKEN": secrets.token_hex(),
        "PYTHONPATH": str(ROOT),
    }
    environment.pop("COURSE_HEADLESS", None)
    _settings(scratch / "settings" / "@jupyterlab" / "apputils-extension", theme)
    options = (
        f"--no-browser --ip=127.0.0.1 --port={port} --ServerApp.port_retries=0 --allow-root "
        f"--LabApp.extension_manager=readonly --LabApp.expose_app_in_browser=True --ServerApp.root_dir={folder}"
    ).split()
    log = scratch / "jupyter.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], stdout=out, stderr=out, env=environment, cwd=folder
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
def chromium(size=(1280, 800)):
    """A Chromium page of that size."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            page = browser.new_page(viewport=dict(zip(("width", "height"), size, strict=True)))
            page.set_default_timeout(30_000)
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
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.on("websocket", self._socket)
        return self

    def _socket(self, socket):
        if "/channels" in socket.url:  # a kernel's
            socket.on("framesent", lambda _: setattr(self, "sent", self.sent + 1))
            socket.on("framereceived", lambda _: setattr(self, "received", self.received + 1))

    def messages(self):
        """Messages to and from the kernel so far."""
        return self.sent + self.received


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
    """Run ▸ Run All Cells; returns when all have run."""
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
