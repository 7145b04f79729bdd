"""A kernel's websocket that sends at once: sliders answer 20 to 30 ms sooner.

Jupyter's server leaves Nagle's algorithm on: the second of two small messages (a slider's "busy",
then its picture) waits until the browser has acknowledged the first, which it delays by up to 40
ms. `course lab` has JupyterLab use this connection
(`course_lib/jupyter/jupyter_server_config.json`); everything works without it, but slower.
"""

import asyncio

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class Prompt(ZMQChannelsWebsocketConnection):
    """Jupyter's own connection, with `TCP_NODELAY` set."""

    # The class above has this type, and so overrides a coroutine of its own parent.
    def connect(self) -> asyncio.Future[None] | None:  # type: ignore[override]
        """Connect as usual, once small messages may go out at once."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
