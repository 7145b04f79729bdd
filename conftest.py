"""What nbval runs and compares in the executed notebooks.

`make test-all` runs each cell of every lesson; `make test` runs whole the lessons whose code has
changed since their record, and of the others, all of which have run with this very code, the
`SHORT` ones, as a reader who opens no *Deeper*. It compares tagged cells' outputs with those
stored: what was asked, not what a machine measured. Of an output that holds a record only the
record counts, without what another machine, another version or a reader's own prediction may
change.
"""

import json
import os
from functools import cache
from pathlib import Path

import pytest
from nbformat.v4 import new_output
from nbval.plugin import IPyNbCell

from course_lib.base.record import MIME, read

MAY_DIFFER = {
    "claim": ("verdict", "status", "figure", "bars", "fresh", "detectable"),
    "reveal": ("verdict", "status", "said", "because"),
    "machine": ("text", "verdict", "findings"),
}

# They have every kind of cell and take least.
SHORT = ("01_overfitting", "03_weight_decay")


def pytest_xdist_auto_num_workers():
    """Two processes more than there are cores: browsers, kernels and downloads are waited for."""
    return min(4, (os.cpu_count() or 1) + 2)


def pytest_collection_modifyitems(config, items):
    """In `make test`, leave out what recorded lessons need not run again."""
    if os.environ.get("COURSE_MANY") == "1":
        return
    kept, left_out = [], []
    for item in items:
        (left_out if isinstance(item, IPyNbCell) and _has_run(item) else kept).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)


def _has_run(item) -> bool:
    """Whether a cell is one of a recorded lesson, and not one of a short lesson's core."""
    deeper = "deeper" in item.cell.metadata.get("tags", [])
    return (deeper or item.path.stem not in SHORT) and item.path.stem in _recorded()


@cache
def _recorded() -> set[str]:
    """The lessons all of which has run with this very code."""
    from course_lib.replication.plan import Plan  # loads torch: where there are notebooks to run

    sources = (Path(__file__).parent / "notebooks" / "src").glob("*[!s].py")  # no exercises
    lessons = {source.stem: source.read_text("utf-8") for source in sources}
    return lessons.keys() - {job.lesson for job in Plan(lessons).pilots()}


def comparable(output):
    """An output as it is compared: one that holds a record is that record, as text."""
    data = output.get("data", {}).get(MIME)
    if not data:
        return output
    record = read(data)  # refuses what is no record
    kept = {n: part for n, part in data.items() if n not in MAY_DIFFER.get(record.kind, ())}
    return new_output("display_data", {MIME: json.dumps(kept, sort_keys=True)})


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Have a notebook's cell compare what is comparable."""
    if isinstance(item, IPyNbCell) and "compare_outputs" not in vars(item):
        compare = item.compare_outputs
        item.compare_outputs = lambda test, ref, skip_compare=None: compare(
            [*map(comparable, test)], [*map(comparable, ref)], skip_compare
        )
