"""A pytest plugin beside nbval: writes down what each cell gave, and waits for no dead kernel.

Runs in the process of pytest, which the learner's code never enters. It loads no torch.
"""

import json
import os
import time
from queue import Empty

import pytest

from course_lib.checks import MIME

FILE, TIMEOUT = "COURSE_COLLECTED", "COURSE_CELL_TIMEOUT"  # set by `notebook`
START = 120.0  # seconds for a cell of the exercise's own, which loads torch
LARGEST = 2**24  # characters of values that one cell may display


class KernelDied(Exception):
    """The process of the notebook ended."""


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item):
    """Watch the kernel, which nbval has started by now, and give each cell its time."""
    own = "setup" in item.cell.metadata.tags
    item.config.option.nbval_cell_timeout = START if own else float(os.environ[TIMEOUT])
    item.output_timeout = 1  # seconds for a kernel that was interrupted to say so
    kernel = item.parent.kernel
    if "get_message" not in vars(kernel):
        kernel.get_message = watched(kernel, kernel.get_message)


def watched(kernel, get_message):
    """`get_message` that looks every quarter of a second whether the kernel is still there."""

    def get(stream, timeout=None):
        deadline = time.monotonic() + timeout
        while True:
            try:
                return get_message(stream, timeout=max(0, min(0.25, deadline - time.monotonic())))
            except Empty:
                if not kernel.is_alive():
                    raise KernelDied from None
                if time.monotonic() >= deadline:
                    raise

    return get


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """One line of JSON per cell that ran, and one for a notebook that could not start."""
    if call.when == "call" or call.excinfo:
        failed = (
            f"{type(call.excinfo.value).__name__}: {_one_line(call.excinfo.value)}"
            if call.excinfo
            else ""
        )
        with open(os.environ[FILE], "a", encoding="utf-8") as file:
            file.write(
                json.dumps({"cell": item.cell_num, "failed": failed, **outputs(item)}) + "\n"
            )
    return (yield)


def outputs(item):
    """The values a cell displayed and the last exception it raised; what it printed is dropped."""
    values, raised = [], None
    for output in item.test_outputs or ():
        if output.output_type == "error":
            raised = {"type": _one_line(output.ename), "message": _one_line(output.evalue)}
        text = output.get("data", {}).get(MIME)
        if isinstance(text, str) and len(text) < LARGEST:
            values.append(text)
    return {"values": values, "raised": raised}


def _one_line(text):
    return " ".join(str(text).split())[:500]
