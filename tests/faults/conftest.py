"""The faults that the course has to bear, F01 to F48, and the line that counts them.

A fault's tests carry its id in their names, or in a parameter's. It is handled if it has tests and
all of them passed; the line says which are not, and why.
"""

import re

import pytest

from course_lib.checks import warm

ALL = [f"F{n:02d}" for n in range(1, 49)]
ID = re.compile(r"F\d\d(?!\d)")


@pytest.fixture(scope="session")
def worker():
    """One process with torch for all answers: each is forked from it."""
    with warm():
        yield


def pytest_terminal_summary(terminalreporter):
    """Say how many faults are handled, where this folder's tests have run."""
    outcomes = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            node = getattr(report, "nodeid", "")
            if node.startswith("tests/faults/"):
                for fault in ID.findall(node.partition("::")[2]):
                    outcomes.setdefault(fault, set()).add(outcome)
    if outcomes:
        handled = [fault for fault in ALL if outcomes.get(fault) == {"passed"}]
        open_ = [
            f"{fault} {' and '.join(sorted(outcomes[fault]))}"
            for fault in ALL
            if fault in outcomes and fault not in handled
        ]
        not_run = [fault for fault in ALL if fault not in outcomes]
        open_ += (
            [f"{len(not_run)} not run"] if len(not_run) > 5 else [f"{f} not run" for f in not_run]
        )
        note = f"; not: {', '.join(open_)}" if open_ else ""
        terminalreporter.write_line(f"{len(handled)} of {len(ALL)} faults handled{note}")
