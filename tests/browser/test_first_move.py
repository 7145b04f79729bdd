"""With a slow kernel: who moves a slider before the first picture has come loses nothing."""

from course_lib.panel.widget import FRONT_END, describe, part_of_page
from tests import _toys
from tests.browser import _lab

# The front end with a kernel that answers when it is told to.
OPEN = """
async ([source, panel]) => {
  const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const said = (window.said = []);
  const on = (name, hear) => { if (name === "msg:custom") window.hear = hear; };
  const model = { get: () => panel, send: (message) => said.push(message), on, off() {} };
  module.default.render({ model, el: document.body.appendChild(document.createElement("div")) });
}
"""
ANSWER = """
() => {
  const asked = said.at(-1);
  const look = { theme: "light", width: asked.width, large: asked.large };
  const parts = { axes: {}, captions: ["A wave."], complete: true, layers: [null], brings: [] };
  const numbers = { frequency: 3, damping: 0.1, kind: "sine" };
  const message = { kind: "pictures", numbers, ...look, ...parts, plays: false };
  hear(message, [new DataView(new ArrayBuffer(8))]);
}
"""


def test_a_move_before_the_first_picture_is_kept_and_the_other_controls_stand_as_shown():
    begun = {"frequency": 3.0, "damping": 0.1, "kind": "sine"}
    with _lab.chromium() as page:
        page.set_default_timeout(20_000)
        page.evaluate(OPEN, [part_of_page(*FRONT_END), describe(_toys.waves, begun)])
        page.wait_for_function("said.length === 1")
        assert page.evaluate("said[0].numbers") is None  # as the kernel stands
        page.locator("input[type=range]").first.press("ArrowRight")
        page.evaluate(ANSWER)
        page.wait_for_function("said.length === 2")
        assert page.evaluate("said[1].numbers") == begun | {"frequency": 3.05}
