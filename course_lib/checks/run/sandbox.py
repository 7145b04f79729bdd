"""Fences round a process that runs a learner's code: time, memory, files, and nothing left behind.

What holds where: `fences`. A process calls `confine` before it runs code of others; `run_forked`
keeps its time from outside and ends whatever it leaves.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time

import psutil

from course_lib.checks.run import landlock

LINUX = sys.platform == "linux"
FORK = hasattr(os, "fork")
EXIT = os._exit  # an answer may replace the one in os
DAMAGED = 70  # exit code of a process whose Python no longer works
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


# Time, and nothing left behind


class Clock:
    """When a process that runs cells is overdue: it writes a line into `path` as it goes on.

    Limits in seconds, from now on: `start` until the first line, `step` from one line to the next,
    `seconds` for all of it.
    """

    def __init__(self, path, start, step, seconds):
        self.path, self.start, self.step = path, start, step
        self.size, self.since = 0, time.monotonic()
        self.deadline = self.since + seconds

    def overdue(self):
        """Whether time is up."""
        now, size = time.monotonic(), self._written()
        if size != self.size:
            self.size, self.since = size, now
        return now > min(self.deadline, self.since + (self.step if size else self.start))

    def _written(self):
        try:
            return os.lstat(self.path).st_size
        except OSError:
            return 0


def clock_of(request):
    """The `Clock` of a request, see `worker`, from now on."""
    return Clock(request["file"], request["start"], request["step"], request["seconds"])


def run_forked(start, clock):
    """Run `start()` in a forked child with its own session; its exit code (−n: by signal n).

    None if time ran out. Whatever it leaves running is ended before this returns; on Linux also
    what has slipped out of its session.
    """
    if LINUX:
        # every orphan below becomes a child of this process
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            if LINUX:
                _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # not without its keeper
            start()
        finally:
            EXIT(DAMAGED)  # `start` ends the process itself, unless it fails
    code = wait(child, clock)
    end_descendants(child)
    return code


def _prctl(option, value):
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def wait(child, clock):
    """Exit code of `child`, reaping adopted orphans meanwhile; None once it is overdue."""
    pause = 0.001
    while not clock.overdue():
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            return os.waitstatus_to_exitcode(status)
        if pid == 0:
            time.sleep(pause)
            pause = min(2 * pause, 0.02)
    return None


def end_descendants(child):
    """Kill the session of `child` and everything below this process, until nothing is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):  # raised by waitpid when no child is left
        while True:
            end_tree(psutil.Process(), including=False)
            os.waitpid(-1, 0)


def end_tree(process, including=True):
    """Kill everything below a `psutil.Process`, and the process itself if `including`."""
    for each in process.children(recursive=True) + [process] * including:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()


# Memory and files


def confine(folder, memory_gib, readable):
    """Limit memory and file sizes of this process and its children, and which files it reaches.

    Writes below `folder` only; where the kernel can, reads there and below `readable` only.
    """
    with contextlib.suppress(ImportError):  # Windows has no such limits
        import resource

        limits = {"RLIMIT_DATA": int(memory_gib * 2**30), "RLIMIT_FSIZE": 2**28, "RLIMIT_CORE": 0}
        for name, limit in limits.items():
            hard = resource.getrlimit(getattr(resource, name))[1]
            lower = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(getattr(resource, name), (lower, lower))
    if not landlock.restrict(folder, readable):
        guard_writes(folder)


WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGING = {
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink"),
    *("os.truncate", "os.chmod", "os.utime"),
}
STARTING = {
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile")
}


def guard_writes(folder):
    """Where the kernel cannot: refuse Python's own ways to write outside, or to start programs."""
    inside = os.path.realpath(folder) + os.sep

    def hook(event, args):
        writes = event in CHANGING or (
            event == "open" and isinstance(args[2], int) and args[2] & WRITING
        )
        named = args[:1] if event == "open" else args[:2]
        paths = [os.fsdecode(path) for path in named if isinstance(path, (str, bytes, os.PathLike))]
        outside = [
            p for p in paths if not os.path.realpath(p).startswith(inside) and p != os.devnull
        ]
        if (writes and outside) or event in STARTING:
            raise PermissionError(f"{event} {' '.join(outside)}")

    sys.addaudithook(hook)
