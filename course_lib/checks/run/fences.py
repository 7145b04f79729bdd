"""What stands between a learner's code and this machine, and the sentence that says so.

| fence                 | Linux                           | macOS          | Windows       |
| --------------------- | ------------------------------- | -------------- | ------------- |
| wall clock            | from outside                    | the same       | the same      |
| processes left behind | adopted and ended               | its group ends | children end  |
| environment, home     | an allow-list; its own folder   | the same       | the same      |
| memory                | RLIMIT_DATA                     | none holds     | none          |
| writes elsewhere      | Landlock (5.13); bwrap          | an audit hook  | an audit hook |
| reads elsewhere       | Landlock (5.13); bwrap          | none           | none          |
| network               | Landlock: TCP (6.7); bwrap: all | none           | none          |
| signals to others     | Landlock (6.12); bwrap          | none           | none          |

In brackets: since which Linux. The audit hook stops what Python's own functions write: against
accidents. bwrap (bubblewrap) puts the whole process into namespaces of its own, with a read-only
system and neither home nor network.
"""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import course_lib
from course_lib.checks.run import landlock

PACKAGE = Path(course_lib.__file__).resolve().parent
# What Python and its libraries need of the system, and nothing of people.
SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives"),
    *("/etc/localtime", "/etc/fonts", "/sys/devices/system"),
)
DEVICES = (
    *("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"),
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys", "/proc/self"),
)
KEPT = {
    *("PATH", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS"),
    *("PROCESSOR_ARCHITECTURE", "PROCESSOR_IDENTIFIER"),
}
HOMES = (
    *("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TMPDIR", "TEMP", "TMP"),
    *("IPYTHONDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"),
)


def environment(folder):
    """What a process with a learner's code gets: an allow-list; its home is `folder`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() in KEPT or name.startswith("LC_")
    }
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {
        **kept,
        **threads,
        **dict.fromkeys(HOMES, str(folder)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "PYTHONPATH": str(PACKAGE.parent),
        "MPLBACKEND": "agg",
        "COURSE_HEADLESS": "1",
    }


def libraries():
    """Folders of Python and its packages, with the course's own package, not with its notebooks."""
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    places = {Path(each).resolve() for each in prefixes} - {Path("/")}
    course = PACKAGE.parent
    for each in filter(None, sys.path):
        path = Path(each).resolve()
        if path.exists() and path != course and path not in course.parents:
            places.add(path)
    return sorted({str(place) for place in places} | {sys.prefix, str(PACKAGE)})


def readable():
    """All that a learner's code may read besides its own folder."""
    return [*SYSTEM, *DEVICES, *libraries()]


# bwrap


def wrapped(command, folder):
    """`command` inside bwrap: `folder` may be written, all else is read-only or not there."""
    bound = [part for path in SYSTEM + tuple(libraries()) for part in ("--ro-bind-try", path, path)]
    return [
        *(shutil.which("bwrap") or "bwrap", "--unshare-all", "--die-with-parent", "--new-session"),
        *("--cap-drop", "ALL", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),
        *(*bound, "--bind", str(folder), str(folder), "--chdir", str(folder), "--", *command),
    ]


@functools.cache
def bwrap_problem():
    """Why no process can be started inside bwrap here; "" where one can."""
    if sys.platform != "linux":
        return "there is bwrap on Linux only"
    if not shutil.which("bwrap"):
        return "bwrap is not installed (Debian, Ubuntu: apt install bubblewrap)"
    try:
        tried = subprocess.run(
            wrapped([sys.executable, "-I", "-S", "-c", ""], "/tmp"),
            capture_output=True,
            text=True,
            timeout=30,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return f"bwrap does not start: {problem}"
    said = " ".join(tried.stderr.split())[:200]
    return f"bwrap is refused by this system: {said}" if tried.returncode else ""


# What holds


def holding():
    """{fence: how it is kept} of what holds on this machine now."""
    boxed, version = not bwrap_problem(), landlock.version()
    posix = os.name == "posix"
    kept = {"time": "from outside", "environment": "an allow-list"}
    kept["processes left behind"] = "all" if sys.platform == "linux" else "its own children"
    if sys.platform == "linux":
        kept["memory"] = "RLIMIT_DATA"
    kept["writes"] = "Landlock" if version else "bwrap" if boxed else "Python's own, by accident"
    if reads := ["bwrap"] * boxed + ["Landlock"] * bool(version):
        kept["reads"] = " and ".join(reads)
    if boxed or version >= landlock.TCP:
        kept["network"] = "bwrap: none" if boxed else "Landlock: no TCP"
    if posix and (boxed or version >= landlock.SIGNALS):
        kept["signals"] = "bwrap" if boxed else "Landlock"
    return kept


def said():
    """One line: which fences hold here, and what they are good for."""
    kept = ", ".join(f"{fence} ({how})" for fence, how in holding().items())
    if not bwrap_problem():
        return f"Fences: {kept}."
    return (
        f"Fences: {kept}. They are there against accidents; "
        f"{bwrap_problem()}: see SECURITY.md before you check what strangers wrote."
    )
