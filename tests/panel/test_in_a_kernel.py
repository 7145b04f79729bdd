"""A panel in a real kernel, told what its page says: also while a cell runs."""

import io

import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel
from PIL import Image

from tests import _toys

CELL = "from tests import _toys\nfrom course_lib import plotting\nplotting.use_theme('light')\n"


@pytest.fixture
def client(repository, monkeypatch):
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    kernel, client = start_new_kernel(cwd=str(repository))
    yield client
    client.stop_channels()
    kernel.shutdown_kernel(now=True)


def run(client, code):
    """What the kernel says, of whatever, until this cell has run."""
    cell, heard, running = client.execute(code), [], True
    while running:
        heard.append(client.get_iopub_msg(timeout=120))
        said = heard[-1]
        assert said["header"]["msg_type"] != "error", said["content"]
        idle = said["content"].get("execution_state") == "idle"
        running = not (idle and said["parent_header"].get("msg_id") == cell)
    return heard


def pictures(heard, panel):
    """(place among all that was heard, message) of each picture of a panel."""
    for place, message in enumerate(heard):
        content = message["content"].get("data", {}).get("content", {})
        if message["content"].get("comm_id") == panel and content.get("kind") == "pictures":
            yield place, message


def ask(client, panel, **numbers):
    look = {"theme": "light", "width": None, "large": False}
    content = {"kind": "ask", "numbers": numbers, **look}
    data = {"comm_id": panel, "data": {"method": "custom", "content": content}}
    client.shell_channel.send(client.session.msg("comm_msg", data))


def test_sliders_moved_while_a_cell_runs_are_answered_after_it_to_the_last(client):
    opened = run(client, CELL + "first, second = _toys.waves.show(), _toys.waves.show()")
    panels = [
        message["content"]["comm_id"]
        for message in opened
        if message["header"]["msg_type"] == "comm_open"
        and "panel" in message["content"]["data"]["state"]
    ]
    client.execute("import time; time.sleep(1); print('the cell has run')")
    for frequency in (1.0, 2.0, 3.0):
        for panel, kind in zip(panels, ("sine", "cosine"), strict=True):
            ask(client, panel, frequency=frequency, damping=0.1, kind=kind)
    heard = run(client, "print(first.wait(60), second.wait(60), first.numbers, second.numbers)")
    (ended,) = (
        k for k, it in enumerate(heard) if it["content"].get("text") == "the cell has run\n"
    )
    for panel, kind in zip(panels, ("sine", "cosine"), strict=True):
        *_, (place, message) = pictures(heard, panel)
        last = message["content"]["data"]["content"]
        assert place > ended and last["numbers"] == {"frequency": 3.0, "damping": 0.1, "kind": kind}
        assert last["captions"] == [_toys.waves.picture(frequency=3.0, kind=kind)[1]]
        pixels = np.asarray(Image.open(io.BytesIO(message["buffers"][-1])).convert("RGBA"))
        assert pixels.shape == (360, 900, 4) and pixels[..., 3].any()
