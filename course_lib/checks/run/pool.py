"""Processes with torch that stand ready for answers; where none does, one is started."""

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from course_lib.checks.run import exercise, fences, sandbox

MEMORY_GIB = 4
START = 120.0  # seconds that Python and torch may take to start, and a set-up to run
PATIENCE = 5.0  # seconds after the time limit in which the worker itself reports it
LARGEST = 2**26  # bytes of answers that are read


class Worker:
    """A process of `worker`, ready to run answers; inside bwrap where that works."""

    def __init__(self):
        self.base = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        folder = Path(self.base.name).resolve()
        command = [sys.executable, "-m", "course_lib.checks.run.worker"]
        with tempfile.TemporaryFile() as errors:
            self.process = subprocess.Popen(
                command if fences.bwrap_problem() else fences.wrapped(command, folder),
                cwd=folder,
                env=fences.environment(folder),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is ours alone
            )
            with contextlib.suppress(BrokenPipeError):  # it ended: that is said below
                self._send(exercise.any_setup())
            if self._read_line(START) != "ready\n":
                self.close()
                errors.seek(0)
                raise RuntimeError(
                    f"the checker's own process did not "
                    f"start:\n{errors.read().decode(errors='replace')[-2000:]}"
                )

    def ask(self, request):
        """How the run of a request ended and what it wrote: (code, lines).

        The code is the exit code of its process (−n: by signal n), None if time ran out.
        """
        with tempfile.TemporaryDirectory(dir=self.base.name, ignore_cleanup_errors=True) as folder:
            place = Path(folder).resolve()
            file = place / "answers.jsonl"
            places = {"folder": str(place), "file": str(file), "readable": fences.readable()}
            try:
                code = self._serve(request | places)
            except BaseException:  # interrupted: the next reply would be to this request
                self.close()
                raise
            return code, _lines(file)

    def _send(self, what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def _serve(self, request):
        self._send(request)
        if not request["fork"]:
            return self._watch(request)
        reply = self._read_line(request["seconds"] + request["start"] + PATIENCE)
        if reply:
            return json.loads(reply)["exit code"]
        code = self.process.wait()  # or the pool would take it for one that lives
        return None if self.overdue else code

    def _watch(self, request):
        """Keep the time of a worker that serves its one request itself."""
        clock = sandbox.clock_of(request)
        while self.is_alive():
            if clock.overdue():
                self._give_up()
                self.process.wait()
                return None
            time.sleep(0.01)
        return self.process.wait()

    def _read_line(self, seconds):
        """The next line from the worker; "" if it ended or, after `seconds`, was ended."""
        self.overdue = False
        timer = threading.Timer(seconds, self._give_up)
        timer.start()
        try:
            return self.process.stdout.readline()
        finally:
            timer.cancel()

    def _give_up(self):
        self.overdue = True
        self._kill()

    def _kill(self):
        with contextlib.suppress(psutil.NoSuchProcess):
            sandbox.end_tree(psutil.Process(self.process.pid))

    def close(self):
        """End the worker and everything below it."""
        self._kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self.base.cleanup()

    def is_alive(self):
        """False once the process has ended."""
        return self.process.poll() is None


def _lines(path):
    """The JSON objects in the lines of `path`; none where there is no such file.

    The learner's code could write there too, so: with care.
    """
    try:
        if not path.is_file() or path.is_symlink() or path.stat().st_size > LARGEST:
            return []
        written = path.read_text("utf-8", errors="replace").split("\n")
    except OSError:
        return []
    return [line for line in map(json_or_none, written) if type(line) is dict]


def json_or_none(text):
    """What the JSON says; None where it says nothing."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class Pool:
    """At most `size` workers, each serving one request at a time; they start when needed."""

    def __init__(self, size):
        self.free, self.idle, self.all = threading.Semaphore(size), [], set()
        self.closed = False

    def ask(self, request):
        """See `Worker.ask`."""
        with self.free:
            if self.closed:
                raise RuntimeError("the checks were ended")
            worker = self.idle.pop() if self.idle else Worker()
            self.all.add(worker)
            try:
                return worker.ask(request)
            finally:
                if worker.is_alive():
                    self.idle.append(worker)
                else:
                    worker.close()
                    self.all.discard(worker)

    def close(self):
        """End all workers, also those at work; no other starts."""
        self.closed = True
        for worker in list(self.all):
            worker.close()
        self.all.clear()
        self.idle.clear()


pool = None  # the warm workers, while there are some


@contextlib.contextmanager
def warm(size=1):
    """See `course_lib.checks.warm`."""
    global pool
    before, pool = pool, Pool(size)
    try:
        yield pool
    finally:
        pool.close()
        pool = before


def ask(setup, steps, skip=(), *, step, seconds, memory_gib=MEMORY_GIB, fork=sandbox.FORK):
    """Run steps in a worker, a warm one if there is one: (code, lines), see `Worker.ask`.

    `setup`: sources. `steps`: dictionaries as `worker` reads them, but for the numbers in `skip`.
    `step`, `seconds`: limits for one step and for all.
    """
    request = {
        **{"setup": setup, "steps": steps, "skip": list(skip), "memory_gib": memory_gib},
        **{"start": START, "step": step, "seconds": seconds, "fork": fork},
    }
    if pool is not None:
        return pool.ask(request)
    with contextlib.closing(Worker()) as worker:
        return worker.ask(request)
