"""Lessons opened one after the other on a small machine: memory, and time to the first explorer.

As on Binder: one core, one thread, kernels left open, the server as `course lab` starts it.
Each lesson's unfolded cells are run as Shift+Enter runs them, without a page: what the browser
takes is the reader's own. Memory is proportional (PSS: what processes share is counted once), of
the server and all its kernels, sampled ten times a second.

    python -m bench.memory [lessons…] [--limit GIB]
"""

import argparse
import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import psutil
from jupyter_client import BlockingKernelClient

from course_lib.base.places import root
from course_lib.learner.cells import cells_of, core, kind

ROW = ("index", "04_adamw", "01_overfitting", "09_capstone")
MIB = 2**20


def main():
    """Print a table: a row a lesson."""
    known = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    known.add_argument("lessons", nargs="*", default=ROW)
    known.add_argument("--limit", type=float, default=2.0, help="GiB; 0: this machine's own")
    asked = known.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as scratch, _server(Path(scratch), asked.limit) as server:
        print(f"{'':16}  kernels      now   highest     first explorer   all cells")
        for name in asked.lessons:
            first, everything = server.read(name)
            print(
                f"{name:16}  {server.kernels():7}  {server.used() / MIB:5.0f} MiB"
                f"  {server.highest / MIB:5.0f} MiB  {first:14.1f} s  {everything:8.1f} s",
                flush=True,
            )


class Reader:
    """One who reads lessons by a Jupyter server at `address`, with its `token`.

    runtime: the folder in which that server keeps its connection files.
    """

    def __init__(self, address, token, runtime):
        self.address, self.token, self.runtime = address, token, runtime

    def ask(self, path, data=None):
        """What the server's interface answers; None where it answers without a word."""
        request = urllib.request.Request(
            f"{self.address}/api/{path}",
            data=data and json.dumps(data).encode(),
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.loads(answer.read() or "null")

    def kernels(self):
        """How many kernels run."""
        return len(self.ask("kernels"))

    def read(self, name, whole=True):
        """Run a lesson's core; seconds to its first explorer, and to the end or, unless `whole`, so
        far.
        """
        start, first = time.perf_counter(), None
        session = {"path": f"{name}.ipynb", "type": "notebook", "name": name}
        kernel = self.ask("sessions", session | {"kernel": {"name": "python3"}})["kernel"]["id"]
        client = BlockingKernelClient()
        client.load_connection_file(str(self.runtime / f"kernel-{kernel}.json"))
        client.start_channels(hb=False)  # on a busy core a heart that is late is not dead
        client.wait_for_ready(timeout=600)
        for cell in core(cells_of(root() / "notebooks" / f"{name}.ipynb")):
            if cell.cell_type == "code":
                reply = client.execute_interactive(cell.source, output_hook=lambda _: None)
                if reply["content"]["status"] != "ok":
                    raise RuntimeError(f"{name}: {reply['content']['evalue']}")
                if first is None and kind(cell) == "explorer":
                    first = time.perf_counter() - start
                    if not whole:
                        break
        client.stop_channels()
        return first, time.perf_counter() - start


class _Server(Reader):
    """A running server, and what it and its kernels take."""

    def __init__(self, process, address, token, runtime):
        super().__init__(address, token, runtime)
        self.process, self.highest, self.stopped = psutil.Process(process.pid), 0, threading.Event()
        threading.Thread(target=self._sample, daemon=True).start()

    def _sample(self):
        while not self.stopped.wait(0.1):
            self.highest = max(self.highest, self.used())

    def used(self):
        """Bytes, proportional."""
        return sum(map(pss, (self.process, *self.process.children(recursive=True))))


def pss(process):
    """Bytes that a process takes, what it shares counted in part; 0 once it has ended."""
    try:
        return process.memory_full_info().pss
    except psutil.Error:
        return 0


def free_port():
    """A port of the loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def _server(scratch, limit):
    port = free_port()
    ours, token = str(root() / "course_lib" / "jupyter"), secrets.token_hex()
    places = {f"JUPYTER_{it}_DIR": str(scratch / it) for it in ("CONFIG", "DATA", "RUNTIME")}
    environment = os.environ | places | {"JUPYTER_CONFIG_PATH": ours, "JUPYTER_PATH": ours}
    environment |= {"JUPYTER_TOKEN": token, "OMP_NUM_THREADS": "1"}
    environment.pop("COURSE_HEADLESS", None)
    options = f"--no-browser --ip=127.0.0.1 --port={port} --allow-root --Sparing.limit={limit}"
    command = [sys.executable, "-m", "jupyterlab", *options.split()]
    with (scratch / "log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=root() / "notebooks", stdout=log, stderr=log
        )
    server = _Server(process, f"http://127.0.0.1:{port}", token, scratch / "RUNTIME")
    try:
        for _ in range(300):
            with contextlib.suppress(OSError):
                server.ask("status")
                break
            time.sleep(0.2)
        yield server
    finally:
        server.stopped.set()
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main()
