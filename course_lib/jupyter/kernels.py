"""The course's kernels: lessons left alone make room for one more, and each knows its cells' order.

Four lessons opened one after the other take more than Binder's 2 GB, and what is then stopped is
everything at once. `course lab` and Binder have JupyterLab's server use this manager
(`course_lib/jupyter/jupyter_server_config.json`). What a reader predicted, answered and passed is
in a file; the page says that its kernel has gone, and how to go on.
"""

from typing import Any

import psutil
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from traitlets import Float

from course_lib.base.machine import free_memory

GIB = 2**30
ORDER = "--ext=course_lib.jupyter.order"


class Sparing(AsyncMappingKernelManager):
    """Jupyter's own manager, which stops the kernels idle for longest where memory is short."""

    room = Float(1.25, help="GiB that have to be free before another kernel starts.", config=True)
    limit = Float(
        0.0,
        help="GiB for the server and its kernels together; 0: what the machine, or container, has.",
        config=True,
    )

    # The class above has it under two names with two types; it is this coroutine.
    async def start_kernel(self, **options: Any) -> str:  # type: ignore[override]
        """Make room, then start a kernel as usual; returns its id."""
        await self.make_room()
        if self._is_ipython(options.get("kernel_name") or self.default_kernel_name):
            options["extra_arguments"] = [*options.get("extra_arguments", ()), ORDER]
        return await super().start_kernel(**options)

    def _is_ipython(self, name: str) -> bool:
        specs = self.kernel_spec_manager or KernelSpecManager(parent=self)
        command = specs.get_kernel_spec(name).argv
        return any(word.startswith("ipykernel") for word in command)

    async def make_room(self) -> None:
        """Stop idle kernels, the one left alone for longest first, until there is room."""
        for kernel_id in self.left_alone():
            if self.free() >= self.room:
                return
            self.log.warning(
                "Stopping kernel %s, left alone for longest: %.2f GiB are free, %.2f are needed.",
                *(kernel_id, self.free(), self.room),
            )
            await self.shutdown_kernel(kernel_id, now=True)

    def left_alone(self) -> list[str]:
        """Ids of the kernels that compute nothing, the one whose last message is oldest first."""
        models = sorted(self.list_kernels(), key=lambda model: model["last_activity"])
        return [model["id"] for model in models if model["execution_state"] == "idle"]

    def free(self) -> float:
        """GiB that are free."""
        if not self.limit:
            return free_memory() / GIB
        server = psutil.Process()
        return self.limit - sum(map(_share, (server, *server.children(recursive=True)))) / GIB


def _share(process: psutil.Process) -> int:
    """Bytes that a process takes, what it shares counted in part; 0 once it has ended."""
    try:
        used = process.memory_full_info()
    except psutil.Error:
        return 0
    return getattr(used, "pss", used.rss)  # Linux alone tells shares
