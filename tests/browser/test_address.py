"""A panel on a page without a kernel, opened from a file: its state in the page's address."""

import base64
import json

import pytest

from course_lib.panel import Choice, Slider
from course_lib.panel.serving import Server
from course_lib.panel.widget import FRONT_END, describe, part_of_page
from tests import _toys
from tests.browser import _lab

# A model that answers each question with the pictures that lie in the page.
PAGE = """<!doctype html><meta charset="utf-8"><style>%(css)s</style><main></main>
<script type="module">
%(front_end)s
const spec = %(spec)s, said = %(said)s, heard = [];
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const model = {
  get: () => spec,
  on: (kind, what) => kind === "msg:custom" && heard.push(what),
  off: () => {},
  send: ({ kind, width, large }) => setTimeout(() => {
    if (kind !== "ask") return;
    for (const [message, buffers] of said)
      for (const hear of heard) hear({ ...message, width, large }, buffers.map(bytes));
  }),
};
render({ model, el: document.querySelector("main") });
</script>"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A page with a frozen explorer, as a file."""
    controls = {
        "x": Slider("x", 0, 9, 3, trained=True),
        "unit": Choice("unit", ("kg", "g & more"), "kg"),
    }
    explorer, said = _toys.line(lambda unit: 7, controls=controls), []
    for unit in controls["unit"].options:
        numbers = explorer.numbers(unit=unit)
        server = Server(explorer, {}, numbers, lambda *message: said.append(message))
        ask = {"kind": "ask", "numbers": numbers, "theme": "light", "width": None, "large": False}
        server.hear(ask)
        assert server.wait(60)
    kept = [
        [message, [base64.b64encode(buffer).decode() for buffer in buffers]]
        for message, buffers in said
    ]
    spec = describe(explorer, explorer.numbers()) | {"address": "toys.line"}
    parts = {"css": part_of_page("panel.css"), "front_end": part_of_page(*FRONT_END)}
    parts |= {"spec": json.dumps(spec), "said": json.dumps(kept)}
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(PAGE % parts, encoding="utf-8")
    return file.as_uri()


def at(page, x, unit="kg"):
    """Wait until the panel stands there, and shows its picture."""
    page.wait_for_function(
        """([x, unit]) => document.querySelector("input[type=number]")?.value === x
           && document.querySelector("select").value === unit
           && document.querySelector(".course-picture").alt === `It ends at 7 ${x}.`""",
        arg=[str(x), unit],
        timeout=20_000,
    )


def test_a_panels_state_is_read_from_the_address_and_written_there(file):
    with _lab.chromium() as page:
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{file}#toys.line?x=7&unit=g+%26+more")
        at(page, 7, "g & more")
        page.locator(".course-controls input[type=range]").press("ArrowRight")
        at(page, 8, "g & more")
        page.wait_for_function("location.hash === '#toys.line?x=8&unit=g+%26+more'")
        page.evaluate("location.hash = '#toys.line?x=2'")  # as a link in the page does
        at(page, 2)
        page.evaluate("location.hash = '#another?x=5'")
        page.wait_for_timeout(100)
        at(page, 2)
        page.evaluate("location.hash = '#toys.line?x=nought&unit=miles'")
        at(page, 3)
        page.goto("about:blank")
        page.goto(f"{file}#toys.line?x=99")
        at(page, 9)
        assert errors == []
