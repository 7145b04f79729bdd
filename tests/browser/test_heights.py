"""No panel is higher than a laptop's screen lets it be: all explorers on one page, at 1280×800."""

from tests.explorers.test_every_explorer import FOUND

MOST = 560  # CSS pixels
SHOW = """
from IPython.display import display
from tests.explorers.test_every_explorer import FOUND
for explorer in list(FOUND.values())[{}:{}]:
    # What counts is what stands around a picture and its two lines, so both may be empty.
    explorer.compute, explorer.prepare = lambda **numbers: None, lambda figure: dict()
    explorer.draw = lambda marks, result, **trained: "Seen."
    display(explorer.show())
"""
# JupyterLab folds a cell's outputs from the fiftieth on, and a panel comes as two.
CELLS = [SHOW.format(begin, begin + 20) for begin in range(0, len(FOUND), 20)]


def test_every_panel_fits_a_laptops_screen(opened, report):
    shown = f"document.querySelectorAll('.course-panel').length === {len(FOUND)}"
    opened.page.wait_for_function(shown)
    opened.settle()
    heights = {
        panel.element.query_selector(".course-title").inner_text(): round(
            panel.element.bounding_box()["height"]
        )
        for panel in opened.panels()
    }
    report(f"{len(heights)} panels, {min(heights.values())} to {max(heights.values())} px")
    assert {title: height for title, height in heights.items() if height > MOST} == {}
