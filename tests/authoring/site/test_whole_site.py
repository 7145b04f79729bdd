"""The site of the whole course, in `make test-all`: small enough, and each explorer moves."""

import pytest

from course_lib.authoring.site import build as site
from course_lib.learner.course_map import MAP
from tests.browser import _lab

MB = 1_000_000
pytestmark = pytest.mark.timeout(3600)  # all explorers are computed, beside other tests


@pytest.fixture(scope="module")
def whole(amount, repository, tmp_path_factory):
    """The folder of the site; nothing in `make test`, for it takes minutes."""
    if not amount(False, True):
        pytest.skip("the whole site is built in make test-all")
    target = tmp_path_factory.mktemp("whole") / "site"
    site.build(repository, target, report=lambda said: None)
    return target


def test_the_site_and_its_explorers_are_small(whole):
    sizes = {path: path.stat().st_size for path in whole.rglob("*") if path.is_file()}
    assert sum(sizes.values()) <= 40 * MB
    for path in (whole / "_static" / "frozen").iterdir():
        assert sizes[path] <= 0.9 * MB, path.name
    for lesson in MAP:
        text = (whole / f"{lesson.name}.html").read_text("utf-8")
        tables = [path for path in sizes if path.suffix == ".js" and path.name in text]
        assert len(text) + sum(sizes[path] for path in tables) <= 6 * MB, lesson.name


@pytest.mark.skipif(_lab.CHROMIUM is None, reason="no Chromium here")
@pytest.mark.browser
@pytest.mark.parametrize("lesson", [lesson.name for lesson in MAP])
def test_each_explorer_of_a_lesson_moves_without_a_network(whole, lesson):
    with _lab.chromium() as page:
        page.context.set_offline(True)
        said = []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda r: r.url.startswith("http") and said.append(r.url))
        page.goto((whole / f"{lesson}.html").as_uri())
        page.evaluate("document.querySelectorAll('.course-deeper').forEach(d => (d.open = true))")
        elements = page.query_selector_all(".course-panel")
        assert elements
        for element in elements:
            element.scroll_into_view_if_needed()
            panel = _lab.Panel(page, element)
            before = panel.until(bool)
            assert before[0], "a caption, in a fold too"
            for control in [*panel.sliders(), *element.query_selector_all(".course-choice select")]:
                at = control.input_value()
                control.press("Home")
                if control.input_value() == at:
                    control.press("End")
            assert panel.changed(before)[0]
        assert not said
