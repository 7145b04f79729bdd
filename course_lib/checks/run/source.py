"""`check_source`: an answer's text goes into a process of its own, its values to the judge."""

import contextlib
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psutil

import course_lib
from course_lib.checks.judge.report import NOT_YET, Result, broken, is_raised, judge
from course_lib.checks.judge.task import find
from course_lib.checks.run import sandbox

MEMORY_GIB = 4
START = 120.0  # seconds that Python and torch may take to start
PATIENCE = 2.0  # seconds after the time limit in which the worker itself reports it
LARGEST = 2**26  # bytes of answers.json that are read


def check(source, timeout, task):
    """See `course_lib.checks.check_source`."""
    if not isinstance(source, str):
        raise ValueError(f"source = {source!r}: must be the text of an answer")
    if (
        isinstance(timeout, bool)
        or not isinstance(timeout, (int, float))
        or not 0 < timeout < math.inf
    ):
        raise ValueError(f"timeout = {timeout!r}: must be a finite number of seconds > 0")
    asked = find(task)
    cases = asked.draw(random.SystemRandom().getrandbits(32))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        request = {
            "source": source,
            "names": asked.names,
            "cases": cases,
            "folder": folder,
            "seconds": timeout,
        }
        code = ask({**request, "memory_gib": MEMORY_GIB})
        given = read_answers(Path(folder, "answers.json"))
    result = verdict(task, asked, cases, code, given, timeout)
    return {"verdict": result.verdict, "message": result.message}


# The verdict


def verdict(name, task, cases, code, given, timeout):
    """The `Result` of what a worker left (`given`) and how it ended (`code`, see `Worker.ask`)."""
    if code is None:
        return Result(name, "timeout", f"no result after {timeout:g} s: an endless loop?")
    if code != 0 or given is None:
        return Result(name, "error", ended(code))
    if is_raised(given.get("raised")):
        return broken(name, task, given["raised"])
    if "missing" in given:
        return missing(name, task, given)
    return judge(name, task, cases, given.get("records"))


def ended(code):
    """How the learner's process ended itself, in words. No answer is never a pass."""
    if code == sandbox.DAMAGED:
        return (
            "no result came back: the code has damaged the Python it runs in (replaced builtins "
            "or modules?)"
        )
    if code >= 0:
        return f"the code ended its own process (exit code {code}): return the result instead"
    if -code == signal.SIGSEGV:
        return "the code crashed Python (segmentation fault)"
    return f"the code ended its own process ({signal.Signals(-code).name})"


def missing(name, task, given):
    """Nothing at all was written, or what was written has another name."""
    found = [str(each) for each in given["found"]] if type(given.get("found")) is list else []
    if not found:
        return Result(name, "unanswered", NOT_YET)
    wanted = " and ".join(f"`{each}`" for each in task.names)
    return Result(
        name, "error", f"the check looks for {wanted}; the answer defines {', '.join(found[:5])}"
    )


def read_answers(path):
    """The JSON object in `path`, or None if there is none.

    The learner's code could write there too, so: with care.
    """
    try:
        if not path.is_file() or path.is_symlink() or path.stat().st_size > LARGEST:
            return None
        given = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return given if type(given) is dict else None


# The process


@contextlib.contextmanager
def warm():
    """See `course_lib.checks.warm`."""
    global spare
    with LOCK:
        before, spare = spare, Worker()
    try:
        yield
    finally:
        with LOCK:
            spare.close()
            spare = before


LOCK = threading.RLock()  # one request at a time goes to the warm worker
spare = None  # the warm worker, while there is one


def ask(request):
    """Let a worker run the request, the warm one if there is one; see `Worker.ask`."""
    global spare
    if spare is None:
        with contextlib.closing(Worker()) as worker:
            return worker.ask(request)
    with LOCK:
        if not spare.is_alive():
            spare = Worker()
        return spare.ask(request)


class Worker:
    """A process of `worker`, ready to run answers."""

    def __init__(self):
        with tempfile.TemporaryFile() as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "course_lib.checks.run.worker"],
                cwd=Path(course_lib.__file__).parents[1],
                env=clean_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is ours alone
            )
            if self._read_line(START) != "ready\n":
                self.close()
                errors.seek(0)
                raise RuntimeError(
                    f"the checker's own process did not "
                    f"start:\n{errors.read().decode(errors='replace')[-2000:]}"
                )

    def ask(self, request):
        """Exit code of the process that ran the answer (−n: by signal n), None if time ran out."""
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            reply = self._read_line(request["seconds"] + (PATIENCE if hasattr(os, "fork") else 0))
        except BaseException:  # interrupted: the next reply would be to this request
            self.close()
            raise
        if reply:
            return json.loads(reply)["exit code"]
        # no fork, or the worker itself was ended
        return None if self.overdue else self.process.wait()

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
        self.process.stdin.close()
        self.process.stdout.close()

    def is_alive(self):
        """False once the process has ended."""
        return self.process.poll() is None


def clean_environment():
    """The environment without what changes how Python starts; one thread, no bytecode left."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "COURSE_"))
    }
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {**kept, **threads, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
