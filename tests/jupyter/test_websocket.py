"""The kernel's websocket of `course lab` sends small messages at once."""

import json
from unittest.mock import MagicMock

from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

from course_lib.jupyter.websocket import Prompt


def test_nothing_waits_for_an_acknowledgement_once_the_connection_is_made(monkeypatch):
    order = []
    monkeypatch.setattr(
        ZMQChannelsWebsocketConnection, "connect", lambda self: order.append("connect") or "future"
    )
    handler = MagicMock(spec=KernelWebsocketHandler)
    handler.set_nodelay.side_effect = lambda on: order.append(on)
    connection = Prompt.__new__(Prompt)
    connection.websocket_handler = handler
    assert connection.connect() == "future"
    assert order == [True, "connect"]


def test_the_courses_own_settings_of_jupyters_server_name_it(repository):
    settings = json.loads(
        (repository / "course_lib" / "jupyter" / "jupyter_server_config.json").read_text()
    )
    assert ServerApp(**settings["ServerApp"]).kernel_websocket_connection_class is Prompt
