"""Before one more kernel starts those left alone make room, and only where memory is short."""

import asyncio
import json
import logging
from pathlib import Path

import pytest
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from course_lib.jupyter import kernels
from course_lib.jupyter.kernels import GIB, Sparing

STATES = {"old": "idle", "older": "idle", "busy": "busy", "new": "idle"}
TIMES = {"old": "2026-01-02", "older": "2026-01-01", "busy": "2025-01-01", "new": "2026-01-03"}


@pytest.fixture
def started(monkeypatch):
    """`started(free)`: the kernels stopped when one starts; each gives half a GiB back."""
    running, stopped = dict(STATES), []

    async def shut_down(self, kernel_id, now):
        assert now and running.pop(kernel_id)
        stopped.append(kernel_id)

    async def start(self, **options):
        return f"started {options['path']}"

    def listed(self):
        return [
            {"id": it, "last_activity": TIMES[it], "execution_state": state}
            for it, state in running.items()
        ]

    monkeypatch.setattr(AsyncMappingKernelManager, "start_kernel", start)
    monkeypatch.setattr(Sparing, "shutdown_kernel", shut_down)
    monkeypatch.setattr(Sparing, "list_kernels", listed)

    def run(free):
        monkeypatch.setattr(
            kernels, "free_memory", lambda: GIB * (free + 0.5 * (len(STATES) - len(running)))
        )
        manager = Sparing(room=1.25, log=logging.getLogger())
        assert asyncio.run(manager.start_kernel(path="a.ipynb")) == "started a.ipynb"
        return stopped

    return run


@pytest.mark.parametrize(
    ("free", "stopped"),
    [(1.3, []), (1.0, ["older"]), (0.3, ["older", "old"]), (0.0, ["older", "old", "new"])],
)
def test_kernels_idle_for_longest_are_stopped_until_there_is_room(started, free, stopped):
    assert started(free) == stopped  # never the one that computes


def test_with_a_limit_of_its_own_the_server_counts_what_it_and_its_kernels_take():
    free = Sparing(limit=2.0).free()
    assert 0 < free < 2.0 and Sparing(limit=1.0).free() == pytest.approx(free - 1, abs=0.05)


def test_the_courses_own_settings_of_jupyters_server_name_it(repository):
    file = repository / "course_lib" / "jupyter" / "jupyter_server_config.json"
    settings = json.loads(file.read_text())
    assert ServerApp(**settings["ServerApp"]).kernel_manager_class is Sparing


def test_the_part_of_the_page_is_where_jupyterlab_looks(repository):
    folder = repository / "course_lib" / "jupyter" / "labextensions"
    (package,) = folder.glob("*/package.json")
    described = json.loads(package.read_text())
    script = Path(package.parent, described["jupyterlab"]["_build"]["load"]).read_text()
    assert f"window._JUPYTERLAB['{described['name']}'] =" in script
    assert package.parent.name == described["name"]
