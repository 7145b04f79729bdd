"""What nbval compares in the executed notebooks: what was asked, not what a machine measured.

It runs each cell of a lesson and compares tagged cells' outputs with those stored. Of an output
that holds a record only the record counts, without what another machine, another version or a
reader's own prediction may change.
"""

import json
import os

import pytest
from nbformat.v4 import new_output
from nbval.plugin import IPyNbCell

from course_lib.base.record import MIME, read

MAY_DIFFER = {
    "claim": ("verdict", "status", "figure", "bars", "fresh", "detectable"),
    "reveal": ("verdict", "status", "said", "because"),
    "machine": ("text", "verdict", "findings"),
}


def pytest_xdist_auto_num_workers():
    """One process more than there are cores: browsers, kernels and downloads are waited for."""
    return min(4, (os.cpu_count() or 1) + 1)


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
