"""The process of a learner's code: set-up, then task by task its answer and what that gives.

One way for `course check` and `check_source`, and no referee is here. What is found goes line by
line into a file: {"ready"}, then of each step {"begun"} and one of {"records"}, {"missing",
"found"}, {"raised"} or {"again"}.
"""

import ast
import asyncio
import builtins
import json
import linecache
import os
import sys
import types

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import SList
from traitlets.config import Config

import course_lib.checks
from course_lib import LESSONS
from course_lib.base.names import plain
from course_lib.checks.judge.observe import describe, observe
from course_lib.checks.run import pristine

OPEN, WRITE, CLOSE, DUMPS, EVAL = os.open, os.write, os.close, json.dumps, eval
NEVER_LENT = (
    *(f"course_lib.{stem}" for stem in LESSONS),
    *(f"course_lib.checks.{stem}" for stem in LESSONS),
    *("course_lib.checks.judge", "course_lib.checks.run", "course_lib.checks.gallery"),
    *("course_lib.experiments", "course_lib.explorers", "course_lib.engine"),
    *("course_lib.authoring", "course_lib.cli"),
)


class Shell(InteractiveShell):
    """What `%magics` and `!commands` in a cell find: IPython without a screen."""

    def system(self, command):
        """A `!command` or `%pip`: whatever it installs is here or not; it does nothing."""

    def getoutput(self, command, **options):
        """`files = !ls`: no lines."""
        return SList()

    def ask_exit(self):
        """`quit` and `exit` end the cell that says so."""
        raise SystemExit

    def enable_gui(self, gui=None):
        """`%matplotlib inline`: there is no screen."""

    def showtraceback(self, *args, **options):
        """Nobody looks."""


def shell(folder):
    """The one `Shell` of this process; without threads, so that it can be forked."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.cache_size = 0
    return Shell.instance(config=config, ipython_dir=str(folder))


class Unjudged:
    """What `check(…)` gives within an answer's own cell: the verdict is not made here."""

    answered = False

    def __bool__(self):
        return False


def run(request, path):
    """Run the steps of a request in this process and write what each gives into `path`."""
    course_lib.checks.check = lambda task, *answers: Unjudged()
    session = _Session(Shell.instance(), path)
    if raised := session.set_up(request["setup"]):
        return say(path, setup=raised)
    say(path, ready=True)
    for number, step in enumerate(request["steps"]):
        if number not in request["skip"]:
            say(path, step=number, begun=True)
            say(path, step=number, **session.take(step))
    return None


class _Session:
    """A shell in which one answer after the other runs, each in names and settings as set up."""

    def __init__(self, shell, path):
        self.shell, self.space, self.path = shell, shell.user_ns, path
        self.before, self.own = pristine.picture(), {}

    def set_up(self, sources):
        """Run the exercise's own first cells; what one raised, or None."""
        for source in sources:
            hide(False)
            if raised := self._run(source):
                return raised
        self.own = dict(self.space)
        return None

    def take(self, step):
        """What an answer gives on its cases, or why it gives nothing."""
        for source in step["given"]:
            hide(False)
            self._run(source)  # what of it needs a verdict ends there, and that is meant
        for name in step["names"]:  # an earlier answer's is not this one's
            self.space.pop(name, None)
        known = set(self.space)
        try:
            raised = self._run(step["source"])
            found = {"raised": raised} if raised else self._found(step, known)
        except BaseException as error:  # also an interrupt, and whatever else a call throws
            self._restore()
            found = {"raised": describe(error)}
        self._restore()
        for name in [name for name in self.space if name in vars(builtins)]:
            if name not in self.own:  # or it would stand before Python's in the next answer
                del self.space[name]
        self.space.update(self.own)
        return found

    def _found(self, step, known):
        names = step["names"]
        missing = [name for name in names if name not in self.space]
        if missing:
            new = [name for name in self.space if name not in known and not name.startswith("_")]
            found = [name for name in new if not isinstance(self.space[name], types.ModuleType)]
            return {"missing": missing, "found": found}
        if step["again"]:
            return {"again": True}
        return {"records": observe(names, [self.space[name] for name in names], step["cases"])}

    def _run(self, source):
        """Run a cell; what it raised, or None."""
        text, error = plain(source), None
        try:
            code = compile(text, "<answer>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            linecache.cache["<answer>"] = (len(text), None, text.splitlines(True), "<answer>")
            waits = EVAL(code, self.space)
            if waits is not None:
                asyncio.run(waits)
        except BaseException as problem:  # sys.exit too: whatever it raises is what it answered
            error = problem
        self._restore()  # before another line of ours runs
        return describe(error) if error else None

    def _restore(self):
        pristine.restore(self.before)
        hide()


HIDDEN: dict = {}  # name → module of what an answer may not import


def hide(on=True):
    """Make the course's own answers unimportable for what comes; or importable again."""
    for name, module in HIDDEN.items():
        if module is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = module
    HIDDEN.clear()
    if on:
        inside = tuple(f"{name}." for name in NEVER_LENT)
        names = {*NEVER_LENT, *(name for name in sys.modules if name.startswith(inside))}
        HIDDEN.update({name: sys.modules.get(name) for name in names})
        sys.modules.update(dict.fromkeys(names))


def say(path, **what):
    """Write one line of JSON; each begins on a line of its own, whatever the answer wrote there."""
    data = memoryview(b"\n" + DUMPS(what).encode())
    handle = OPEN(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        while data:
            data = data[WRITE(handle, data) :]
    finally:
        CLOSE(handle)
