"""Each fence is crossed, or rather not: an answer tries, and says what became of it.

Where this machine's kernel does not have a fence the test is skipped with the kernel's word; in CI
on Linux it may be skipped for nothing else.
"""

import contextlib
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from course_lib.checks import check_source
from course_lib.checks.run import fences, landlock, pool, verdict

pytestmark = pytest.mark.usefixtures("worker")
LINUX = sys.platform == "linux"
TASK = "02/T2"
RIGHT = """
import torch

def soft_threshold(x, threshold):
    return x.sign() * (x.abs() - threshold).clamp(min=0)
"""


def told(source):
    """What an answer says in the exception that it raises."""
    found = check_source(textwrap.dedent(source), 60, TASK)
    assert found["verdict"] == "error", found
    return found["message"]


def crossed(attempt):
    """Whether what stands in `attempt` went through; else the name of what was raised."""
    return told(f"""
try:
{textwrap.indent(textwrap.dedent(attempt), "    ")}
except BaseException as problem:
    raise RuntimeError(f"stopped by {{type(problem).__name__}}")
raise RuntimeError("went through")
""")


def stopped(attempt):
    return "RuntimeError: stopped by" in crossed(attempt)


def need(fence, problem):
    """Skip where the kernel has no such fence; in CI, on Linux, only the kernel may refuse."""
    if not problem:
        return
    refused_by_kernel = "refused by this system" in problem or "kernel" in problem
    if os.environ.get("CI") and LINUX and not refused_by_kernel:
        pytest.fail(f"{fence} is to be tested in CI: {problem}")
    pytest.skip(f"{fence}: {problem}")


def need_landlock(version=1):
    have = landlock.version()
    need("Landlock", f"this kernel has version {have}, of {version}" if have < version else "")


@pytest.fixture(scope="module")
def bare():
    """Another worker, for what Landlock alone keeps."""
    workers = pool.Pool(1)
    yield workers
    workers.close()


def without_bwrap(monkeypatch, bare):
    monkeypatch.setattr(fences, "bwrap_problem", lambda: "not wanted here")
    monkeypatch.setattr(pool, "pool", bare)


@pytest.fixture(params=["as it is", "Landlock alone"])
def either(request, monkeypatch, bare):
    if request.param == "Landlock alone":
        need_landlock()
        without_bwrap(monkeypatch, bare)
    elif fences.bwrap_problem():
        need_landlock()


# ---- everywhere ----


def test_the_environment_is_an_allow_list(monkeypatch):
    monkeypatch.setenv("COURSE_SECRET_TOKEN", "hunter2")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setattr(pool, "pool", None)  # a process that starts now
    said = told("""
        import os, pathlib
        own = pathlib.Path("/proc/self/environ")
        everything = str(os.environ) + (own.read_text() if own.exists() else "")
        raise RuntimeError("hunter2" in everything, sorted(set(os.environ) & {"PATH", "TOKEN"}))
    """)
    assert "(False, ['PATH'])" in said


def test_home_is_the_answers_own_folder():
    said = told("""
        import os, pathlib, tempfile
        here = pathlib.Path.cwd()
        places = [pathlib.Path.home(), tempfile.gettempdir(), os.environ["MPLCONFIGDIR"]]
        (pathlib.Path.home() / "note").write_text("x")
        raise RuntimeError([pathlib.Path(place).resolve() == here.resolve() for place in places])
    """)
    assert "[True, True, True]" in said


def test_nothing_steers_the_terminal():
    """Escape codes, a bell, a change of the direction of writing, in whatever an answer raises."""
    said = told(r'raise ValueError("\x1b[31mred\x07\u202eback\x9b2J\r\nnext")')
    assert said.endswith("ValueError: [31mredback2J next")
    assert verdict.plain("λ → é\t“x”") == "λ → é “x”"


def test_the_course_says_which_fences_hold():
    said = fences.said()
    assert said.startswith("Fences: time (from outside), environment (an allow-list)")
    assert ("bwrap: none" in said) == (not fences.bwrap_problem())
    assert ("SECURITY.md" in said) == bool(fences.bwrap_problem())
    assert "\n" not in said


# ---- Linux ----


def test_files_elsewhere_are_not_read(either, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2")
    assert stopped(f"open({str(secret)!r}).read()")
    assert stopped(f"import os\nos.listdir({str(tmp_path)!r})")
    shell = f"""
        import subprocess
        subprocess.run(["cat", {str(secret)!r}], check=True, capture_output=True)
    """
    assert stopped(shell)


def test_neither_solutions_nor_the_home_folder_are_read(either):
    solutions = Path(__file__).resolve().parents[3] / "notebooks" / "solutions"
    assert solutions.is_dir()
    assert stopped(f"import os\nos.listdir({str(solutions)!r})")
    assert stopped(f"import os\nos.listdir({os.path.expanduser('~')!r})")


def test_files_elsewhere_are_not_written(either, tmp_path):
    assert stopped(f"open({str(tmp_path / 'new')!r}, 'w')")
    assert stopped(f"import os\nos.mkdir({str(tmp_path / 'folder')!r})")
    assert not list(tmp_path.iterdir())


def test_an_answer_may_write_and_read_its_own(either):
    assert "went through" in crossed("""
        import pathlib, torch
        pathlib.Path("sub").mkdir()
        torch.save(torch.ones(3), "sub/x.pt")
        assert torch.load("sub/x.pt").sum() == 3
    """)


@pytest.fixture
def listening():
    """A server on loopback, and whether anybody came."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        came = []

        def wait():
            with contextlib.suppress(OSError):
                came.append(server.accept())

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        yield server.getsockname()[1], came


CONNECT = "import socket\nsocket.create_connection(('127.0.0.1', {}), timeout=5)"


def test_no_connection_by_landlock(listening, monkeypatch, bare):
    need_landlock(landlock.TCP)
    without_bwrap(monkeypatch, bare)
    port, came = listening
    assert stopped(CONNECT.format(port)) and not came
    assert stopped("import socket\nsocket.create_server(('127.0.0.1', 0))")


def test_no_network_within_bwrap(listening):
    need("bwrap", fences.bwrap_problem())
    port, came = listening
    assert stopped(CONNECT.format(port)) and not came
    assert stopped("""
        import socket
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53))
    """)


def test_no_signal_to_others(either):
    if fences.bwrap_problem():
        need_landlock(landlock.SIGNALS)
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        assert stopped(f"import os\nos.kill({other.pid}, 9)")
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_within_bwrap_there_is_no_other_process():
    need("bwrap", fences.bwrap_problem())
    assert told("""
        import os
        own = {int(name) for name in os.listdir("/proc") if name.isdecimal()}
        raise RuntimeError(len(own) < 12)
    """).endswith("RuntimeError: True") or stopped("import os\nos.listdir('/proc')")


def test_a_worker_dies_with_its_parent():
    """bwrap and all: whoever checks is killed, and nothing of it stays."""
    code = (
        "import sys\nfrom course_lib.checks.run import pool\nw = pool.Worker()\n"
        "print(w.process.pid, flush=True)\nsys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    worker = psutil.Process(int(parent.stdout.readline()))
    family = [worker, *worker.children(recursive=True)]
    parent.kill()
    parent.communicate()
    end = time.monotonic() + 30
    while any(each.is_running() and each.status() != "zombie" for each in family):
        assert time.monotonic() < end, family
        time.sleep(0.1)


def test_right_answers_pass_behind_all_of_them(either):
    assert check_source(RIGHT, 60, TASK)["verdict"] == "passed"
