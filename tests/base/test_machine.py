"""Free memory is the container's where it allows less than the machine has."""

import psutil
import pytest

from course_lib.base import machine

GIB = 2**30


@pytest.mark.parametrize(
    ("limit", "free"), [(str(2 * GIB), 1.25 * GIB), (str(64 * GIB), 8 * GIB), ("max", 8 * GIB)]
)
def test_the_smaller_of_machine_and_container_counts(tmp_path, monkeypatch, limit, free):
    available = type("Memory", (), {"available": 8 * GIB})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: available)
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    assert machine.free_memory() == 8 * GIB  # no container
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text(f"{GIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon {GIB}\ninactive_file {GIB // 4}\n")
    assert machine.free_memory() == free
