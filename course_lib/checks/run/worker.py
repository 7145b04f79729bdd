"""The process behind `check_source`: loads torch, then runs each answer in a fork of itself.

A request is one line of JSON on stdin: {"source", "names", "cases", "folder", "seconds",
"memory_gib"}. The fork writes what the answer gave into answers.json in `folder`; one line on
stdout then says how the fork ended. Where there is no fork (Windows) the process serves one request
itself and ends, and its parent keeps the time.
"""

import functools
import json
import math
import os
import sys
from pathlib import Path

import torch

from course_lib.checks.judge.observe import describe, observe
from course_lib.checks.run import pristine, sandbox

FORK = hasattr(os, "fork")
EXIT = os._exit  # an answer may replace the one in os


def main():
    """Say "ready", then serve the requests on stdin."""
    torch.set_num_threads(1)
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if not FORK:
            answer(request)
        code = sandbox.run_forked(functools.partial(answer, request), request["seconds"])
        print(json.dumps({"exit code": code}), flush=True)


def answer(request):
    """Run one answer behind the fences, leave what it gave in its folder, and end the process."""
    os.chdir(request["folder"])
    os.environ["TMPDIR"] = request["folder"]
    close_descriptors()
    sandbox.confine(request["folder"], request["memory_gib"])
    hide_ourselves()
    given = run(request["source"], request["names"], request["cases"])
    Path(request["folder"], "answers.json").write_text(json.dumps(given), "utf-8")
    EXIT(0)


def close_descriptors():
    """No keyboard, no output, no pipe to the parent: 0, 1, 2 lead nowhere, there are no others."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.closerange(3, 4096)


def hide_ourselves():
    """The course is not importable for an answer: it is to be the learner's own."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "course_lib"]:
        sys.modules[name] = None


def run(source, names, cases):
    """{"records": …} of what `source` defines, {"missing", "found": names} or {"raised": …}."""
    space = {"__name__": "answer", "torch": torch, "math": math}
    before = pristine.picture()
    try:
        exec(compile(source, "<answer>", "exec"), space)
        pristine.restore(before)
        missing = [name for name in names if name not in space]
        if missing:
            return {
                "missing": missing,
                "found": [name for name, value in space.items() if is_defined_there(name, value)],
            }
        return {"records": observe(names, [space[name] for name in names], cases)}
    except (
        BaseException
    ) as error:  # also sys.exit, an interrupt, and whatever else the answer throws
        return {"raised": describe(error)}


def is_defined_there(name, value):
    """True for the functions, classes and values that the answer defines itself."""
    return not name.startswith("__") and getattr(value, "__module__", None) == "answer"


if __name__ == "__main__":
    main()
