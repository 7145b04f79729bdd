"""A class on one machine: learners who open a lesson at once, through a JupyterHub on loopback.

Each has a server, a kernel and a working copy of the course, and runs the lesson's cells up to its
first explorer; all begin in the same moment. Memory: once all have it, what ends with a process
(USS), and what all share counted once. Needs JupyterHub in the Python that runs this, beside the
course, and its proxy from npm:

    pip install jupyterhub && npm install configurable-http-proxy
    python -m bench.hub --proxy node_modules/.bin/configurable-http-proxy [--learners 20]

No password is asked for, so it listens on loopback only: a measurement, and no way to run a hub.
"""

import argparse
import contextlib
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import URLError

import psutil

from bench.memory import MIB, Reader, free_port
from course_lib.base.places import root
from course_lib.learner import working_copy

CONFIG = """
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.JupyterHub.concurrent_spawn_limit = 0
c.JupyterHub.services = [{{"name": "bench", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [{{
    "name": "bench", "services": ["bench"],
    "scopes": ["admin:users", "admin:servers", "access:servers"],
}}]
c.SimpleLocalProcessSpawner.home_dir_template = "{scratch}/homes/{{username}}"
c.Spawner.notebook_dir = "{scratch}/homes/{{username}}/course/notebooks"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
c.Spawner.environment = {environment!r}
c.Spawner.start_timeout = c.Spawner.http_timeout = 600
"""


def main():
    """Print what each step took, what each part takes, and how many learners fit."""
    known = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    known.add_argument("--learners", type=int, default=20)
    known.add_argument("--lesson", default="04_adamw")
    known.add_argument("--proxy", default="configurable-http-proxy")
    asked = known.parse_args()
    names = [f"learner{n}" for n in range(asked.learners)]
    with tempfile.TemporaryDirectory() as scratch, _hub(Path(scratch), asked.proxy, names) as hub:
        with ThreadPoolExecutor(len(names)) as pool:
            took = [*pool.map(lambda name: hub.learn(name, asked.lesson), names)]
        for what, seconds in zip(
            ("server", "first explorer"), zip(*took, strict=True), strict=True
        ):
            print(
                f"{what:15} after {statistics.median(seconds):6.1f} s in the median, "
                f"{max(seconds):6.1f} s at the most"
            )
        hub.print_memory(len(names))


class _Hub(Reader):
    """A running hub."""

    def __init__(self, process, port, token, runtime):
        super().__init__(f"http://127.0.0.1:{port}/hub", token, runtime)
        self.process, self.port = psutil.Process(process.pid), port

    def learn(self, name, lesson):
        """Seconds until a learner has a server, and until the first explorer."""
        start = time.perf_counter()
        self.ask(f"users/{name}/server", {"for": lesson})
        while not self.ask(f"users/{name}")["servers"].get("", {}).get("ready"):
            time.sleep(0.5)
        server = time.perf_counter() - start
        reader = Reader(f"http://127.0.0.1:{self.port}/user/{name}", self.token, self.runtime)
        reader.read(lesson, whole=False)
        return server, time.perf_counter() - start

    def print_memory(self, learners):
        """What hub, servers and kernels take, and how many learners 22 of 24 GiB carry."""
        parts = {"hub and proxy": [self.process], "a server": [], "a kernel": []}
        for process in self.process.children(recursive=True):
            command = " ".join(process.cmdline())
            kernel, server = "ipykernel" in command, "singleuser" in command
            parts[
                ("a kernel" if kernel else "a server") if kernel or server else "hub and proxy"
            ].append(process)
        full = {part: [each.memory_full_info() for each in them] for part, them in parts.items()}
        alone = {part: sum(each.uss for each in them) for part, them in full.items()}
        shared = max(each.rss - each.uss for each in full["a kernel"])
        for part, used in alone.items():
            print(f"{part:15} {used / MIB / (learners if part[:2] == 'a ' else 1):6.0f} MiB alone")
        print(f"{'shared by all':15} {shared / MIB:6.0f} MiB")
        room = 22 * 1024 * MIB - alone["hub and proxy"] - shared
        most = room * learners / (alone["a server"] + alone["a kernel"])
        print(f"24 GiB, 2 of them the system's, carry {most:.0f} learners")


@contextlib.contextmanager
def _hub(scratch, proxy, names):
    for name in names:
        home = scratch / "homes" / name
        home.mkdir(parents=True)
        working_copy.make(home / "course")
    runtime, token, ours = (
        scratch / "runtime",
        secrets.token_hex(),
        root() / "course_lib" / "jupyter",
    )
    environment = {
        **{"JUPYTER_CONFIG_PATH": str(ours), "JUPYTER_PATH": str(ours)},
        **{"JUPYTER_RUNTIME_DIR": str(runtime), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root())},
    }
    ports = dict(zip(("port", "hub_port", "proxy_port"), (free_port() for _ in range(3))))
    given = {"token": token, "proxy": str(Path(proxy).resolve()), "python": sys.executable}
    config = scratch / "jupyterhub_config.py"
    config.write_text(CONFIG.format(**ports, **given, scratch=scratch, environment=environment))
    command = [sys.executable, "-m", "jupyterhub", "-f", str(config)]
    outside = {k: v for k, v in os.environ.items() if k != "COURSE_HEADLESS"}
    with (scratch / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=scratch, env=outside, stdout=log, stderr=log)
    hub = _Hub(process, ports["port"], token, runtime)
    try:
        for _ in range(300):
            with contextlib.suppress(URLError):
                hub.ask("users", {"usernames": names})
                break
            time.sleep(0.2)
        yield hub
    except Exception:
        print((scratch / "log").read_text()[-4000:], file=sys.stderr)
        raise
    finally:
        process.terminate()
        process.wait(60)


if __name__ == "__main__":
    main()
