"""Fences round a process that runs a learner's code: memory, time, files, and nothing left behind.

| fence                     | Linux                    | macOS                  | Windows          |
| ------------------------- | ------------------------ | ---------------------- | ---------------- |
| wall clock                | kept from outside        | the same               | the same         |
| processes left behind     | adopted and ended        | its process group ends | its children end |
| memory                    | RLIMIT_DATA              | none that holds        | none             |
| writes outside its folder | Landlock (kernel ≥ 5.13) | an audit hook          | an audit hook    |
| signals to others         | Landlock (kernel ≥ 6.12) | none                   | none             |

The audit hook stops what Python's own functions write; it is there against accidents, like
everything here.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time

import psutil

LINUX = sys.platform == "linux"
EXIT = os._exit  # an answer may replace the one in os
DAMAGED = 70  # exit code of a process whose Python no longer works


# Time, and nothing left behind


def run_forked(start, seconds):
    """Run `start()` in a forked child with its own session; its exit code (−n: by signal n).

    None if time ran out. Whatever it leaves running is ended before this returns; on Linux also
    what has slipped out of its session.
    """
    if LINUX:
        # every orphan below becomes a child of this process
        _libc().prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            if LINUX:
                _libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # not without its keeper
            start()
        finally:
            EXIT(DAMAGED)  # `start` ends the process itself, unless it fails
    code = wait(child, time.monotonic() + seconds)
    end_descendants(child)
    return code


def wait(child, deadline):
    """Exit code of `child`, reaping adopted orphans meanwhile; None if it runs at `deadline`."""
    pause = 0.001
    while time.monotonic() < deadline:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            return os.waitstatus_to_exitcode(status)
        if pid == 0:
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
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


def confine(folder, memory_gib):
    """Limit memory and file sizes of this process and its children; writes below `folder` only."""
    with contextlib.suppress(ImportError):  # Windows has no such limits
        import resource

        limits = {"RLIMIT_DATA": int(memory_gib * 2**30), "RLIMIT_FSIZE": 2**28, "RLIMIT_CORE": 0}
        for name, limit in limits.items():
            hard = resource.getrlimit(getattr(resource, name))[1]
            lower = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(getattr(resource, name), (lower, lower))
    if not landlock(folder):
        guard_writes(folder)


PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
WRITE_FILE, CHANGE_FOLDER, REFER, TRUNCATE = 1 << 1, 0b1_1111_1111 << 4, 1 << 13, 1 << 14
SCOPE_SIGNAL = 1 << 1


class _Ruleset(ctypes.Structure):
    _fields_ = [
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def _libc():
    return ctypes.CDLL(None, use_errno=True)


def landlock_version():
    """Version of Landlock that this kernel offers, 0 for none."""
    if not LINUX:
        return 0
    return max(0, _libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1))


def landlock(folder):
    """Ask the kernel to refuse every write outside `folder`, for good. False where it cannot.

    Source: https://docs.kernel.org/userspace-api/landlock.html
    """
    version, call = landlock_version(), _libc().syscall if LINUX else None
    if not version:
        return False
    files = (
        WRITE_FILE
        | CHANGE_FOLDER
        | (REFER if version >= 2 else 0)
        | (TRUNCATE if version >= 3 else 0)
    )
    rules = _Ruleset(files, 0, SCOPE_SIGNAL if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = call(CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0)
    for path, allowed in ((folder, files), (os.devnull, files & (WRITE_FILE | TRUNCATE))):
        with _open_path(path) as handle:
            call(ADD_RULE, ruleset, 1, ctypes.byref(_PathBeneath(allowed, handle)), 0)
    _libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    refused = call(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return refused == 0


@contextlib.contextmanager
def _open_path(path):
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


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
    if landlock_version():
        return
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


# A command behind all fences


def run(command, folder, memory_gib, seconds, environment, log):
    """Run `command` in `folder` for at most `seconds`; nothing that it starts outlives the call."""
    request = json.dumps(
        {"command": command, "folder": str(folder), "memory_gib": memory_gib, "seconds": seconds}
    )
    keeper = [sys.executable, "-m", "course_lib.checks.run.sandbox", request]
    process = subprocess.Popen(
        keeper if hasattr(os, "fork") else command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        # the keeper looks at the clock itself
        process.wait(seconds + 5 if hasattr(os, "fork") else seconds)
    except BaseException as problem:  # time is up, or somebody pressed Ctrl-C
        with contextlib.suppress(psutil.NoSuchProcess):
            end_tree(psutil.Process(process.pid))
        process.wait()
        if not isinstance(problem, subprocess.TimeoutExpired):
            raise


def main(request):
    """The keeper of a command: starts it behind the fences, and ends whatever it leaves."""

    def start():
        confine(request["folder"], request["memory_gib"])
        os.execv(request["command"][0], request["command"])

    run_forked(start, request["seconds"])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
