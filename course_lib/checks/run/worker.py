"""The process behind every check: loads torch, then runs each request in a fork of itself.

The first line on stdin is a set-up to load for all, each other line a request, as JSON: {"folder",
"file", "readable", "setup": sources, "steps": [{"given", "source", "names", "cases", "again"}],
"skip": numbers of steps, "memory_gib", "start", "step", "seconds", "fork"}. The fork writes what
the answers gave into `file` in `folder`; one line on stdout then says how it ended. Where there is
no fork (Windows) the process serves one request itself and ends, and its parent keeps the time.
"""

import contextlib
import functools
import io
import json
import os
import sys
import tempfile

import torch

from course_lib.checks.run import cells, fences, sandbox

EXIT = os._exit  # an answer may replace the one in os


def main():
    """Say "ready", then serve the requests on stdin."""
    torch.set_num_threads(1)
    warm_up(json.loads(sys.stdin.readline()))
    cells.shell(tempfile.mkdtemp(dir=os.getcwd()))
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if not request["fork"]:
            answer(request)
        clock = sandbox.clock_of(request)
        code = sandbox.run_forked(functools.partial(answer, request), clock)
        print(json.dumps({"exit code": code}), flush=True)


def warm_up(setup):
    """Do once what torch and a set-up put off until they are first asked: no fork has to."""
    for source in setup:
        quiet = contextlib.redirect_stdout(io.StringIO())
        with contextlib.suppress(Exception), quiet:  # each run says what its set-up lacks
            exec(source, {"__name__": "setup"})
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.AdamW([weight])
    weight.sum().backward()
    optimizer.step()
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    torch.load(io.BytesIO(file.getvalue()))


def answer(request):
    """Run a request behind the fences, leave what it gave in its folder, and end the process."""
    folder = request["folder"]
    os.chdir(folder)
    os.environ.update(dict.fromkeys(fences.HOMES, folder))
    tempfile.tempdir = None  # found anew, in TMPDIR
    close_descriptors()
    sandbox.confine(folder, request["memory_gib"], request["readable"])
    cells.run(request, request["file"])
    EXIT(0)


def close_descriptors():
    """No keyboard, no output, no pipe to the parent: 0, 1, 2 lead nowhere, there are no others."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.closerange(3, 4096)


if __name__ == "__main__":
    main()
