"""A small site, built by Sphinx and opened in Chromium from its files, without a network."""

import json
import re
import shutil

import nbformat
import pytest

from course_lib.authoring.site import build as site
from course_lib.authoring.site import judged, pages
from course_lib.authoring.site.explorers import Shown, kept
from course_lib.base.sources import LIBRARY
from course_lib.explorers.sgd import saddle
from tests.authoring import _lesson
from tests.browser import _lab

SADDLE = "course_lib.explorers.sgd.saddle"
GAINS = [0.004, 0.02, 0.001, 0.006, 0.003]


@pytest.fixture(scope="module")
def made(tmp_path_factory, repository):
    """The folder of a site of one lesson, with its home page and its exercises."""
    root = tmp_path_factory.mktemp("course")
    notebooks = root / "notebooks"
    (notebooks / "solutions").mkdir(parents=True)
    nbformat.write(_lesson.notebook(), notebooks / "00_sgd.ipynb")
    for name in ("00_sgd_exercises.ipynb", "solutions/00_sgd_exercises.ipynb", "glossary.md"):
        shutil.copy(repository / "notebooks" / name, notebooks / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saddle.explorer, "frozen", {"lr": (0.05, 0.1), "noise": (0.0, 0.1)})
        patch.setattr(site, "HERO", (SADDLE, ""))
        patch.setattr(judged, "gains", lambda folder: GAINS)
        cards = (repository / "notebooks" / "cheatsheet.md").read_text("utf-8")
        patch.setattr(pages, "sheet", lambda *_: cards)  # of all lessons, to be printed
        store = root / "build" / "frozen"
        for shown in (Shown.of(SADDLE), Shown.of(SADDLE, lr=0.1)):
            kept(shown, store)  # here, and not in processes that know nothing of the patch
        site.build(root, root / "build" / "site", report=lambda said: None)
    return root / "build" / "site"


def test_every_link_within_the_site_leads_somewhere(made):
    ids = {
        page: set(re.findall(r'id="([^"]+)"', page.read_text("utf-8")))
        for page in made.rglob("*.html")
    }
    lost = []
    for page in ids:
        for href in re.findall(r'<a [^>]*href="([^"#][^"]*|#[^"]*)"', page.read_text("utf-8")):
            path, _, place = href.partition("#")
            if href.startswith(("http", "mailto:")):
                continue
            target = (page.parent / path).resolve() if path else page
            known = target in ids and (not place or place in ids[target])
            if not known and not (target.exists() and not place):
                lost.append(f"{page.name}: {href}")
    assert not lost


def test_no_page_needs_an_address_outside(made):
    loaded = re.compile(r'<(?:script|img|link|iframe)[^>]*(?:src|href)="(https?:[^"]+)"')
    for page in made.rglob("*.html"):
        assert not loaded.findall(page.read_text("utf-8")), page.name
    assert len((made / "_static" / "course-math.woff2").read_bytes()) < 120_000


def test_formulas_solutions_and_folded_sections_are_in_the_pages(made):
    page = (made / "00_sgd.html").read_text("utf-8")
    assert "<math" in page and "<mfrac>" in page and "MathJax" not in page
    assert '<details class="course-deeper"><summary>Unfold: Deeper: folded</summary>' in page
    exercises = (made / "00_sgd_exercises.html").read_text("utf-8")
    assert exercises.count("A solution: try it yourself first") >= 3
    reference = (made / "reference" / "sgd.html").read_text("utf-8")
    assert "viewcode-link" in reference or "_modules" in reference


def test_pictures_are_shared_by_pages_and_small(made):
    tables = list((made / "_static" / "frozen").glob("*.js"))
    assert len(tables) == 1 and tables[0].stat().st_size < 400_000
    text = tables[0].read_text("utf-8")
    assert text.startswith("course.receive(") and json.loads(text[text.index(",") + 1 : -2])


@pytest.mark.skipif(_lab.CHROMIUM is None, reason="no Chromium here")
@pytest.mark.browser
class TestInChromium:
    """One page after the other, in the order of this class."""

    @pytest.fixture(scope="class")
    def opened(self, made):
        """(page, what it said or asked of the network); offline."""
        with _lab.chromium() as page:
            said = []
            page.context.set_offline(True)
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("request", lambda r: r.url.startswith("http") and said.append(r.url))
            page.on("console", lambda m: m.type == "error" and said.append(m.text))
            yield page, said, made.as_uri()

    @pytest.fixture(autouse=True)
    def nothing_said(self, opened):
        opened[1].clear()

    def test_an_explorer_is_moved_read_and_played(self, opened):
        page, said, address = opened
        page.goto(f"{address}/00_sgd.html")
        panel = _lab.Panel(page, page.wait_for_selector(".course-panel"))
        before = panel.seen()
        assert before[3].strip()
        slider = panel.sliders()[0]
        box = slider.bounding_box()
        page.mouse.move(box["x"] + box["width"] - 8, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2, steps=5)
        page.mouse.up()
        after = panel.changed(before)
        assert after[1] != before[1] and "lr=0.05" in panel.element.inner_text()
        canvas = panel.element.query_selector(".course-canvas")
        canvas.press("ArrowRight")
        page.wait_for_selector(".course-tip:not([hidden])")
        assert "Fixed on this page" in panel.element.inner_text()
        assert not said

    def test_a_link_shows_what_its_writer_saw(self, opened):
        page, said, address = opened
        page.goto(f"{address}/00_sgd.html")
        panel = _lab.Panel(page, page.wait_for_selector(".course-panel"))
        before = panel.seen()
        panel.sliders()[0].press("Home")
        panel.changed(before)
        page.wait_for_function("location.hash.includes('?')")
        link, caption = page.url, panel.seen()[3]
        assert "#sgd.saddle?lr=0.05" in link
        page.goto("about:blank")
        page.goto(link)
        panel = _lab.Panel(page, page.wait_for_selector(".course-panel"))
        assert panel.until(lambda seen: seen[3] == caption)
        assert panel.element.bounding_box()["y"] < page.viewport_size["height"]
        assert not said

    def test_a_prediction_comes_before_its_answer(self, opened):
        page, said, address = opened
        page.goto(f"{address}/00_sgd.html")
        page.click(".course-reveal > summary")
        assert not page.evaluate("document.querySelector('.course-reveal').open")
        assert page.inner_text(".course-commit").startswith("Commit first")
        page.click("text=up")
        page.click(".course-reveal > summary")
        page.wait_for_selector(".course-reveal >> text=You said: up.")
        kept_ = json.loads(page.evaluate("localStorage.getItem('course-progress')"))
        assert kept_["predictions"]["sgd/way"]["said"] == "up"
        assert kept_["predictions"]["sgd/way"]["right"] is False
        page.click("[data-kind=quiz] >> text=3")
        assert "Not this one" in page.inner_text("[data-kind=quiz]")
        assert not page.query_selector("[data-kind=quiz] details")  # what holds without a script
        page.goto(f"{address}/progress.html")
        assert page.inner_text("tr[data-lesson=sgd] [data-part=predictions]") == "1"
        assert not said

    def test_the_ledger_is_filtered(self, opened):
        page, said, address = opened
        page.goto(f"{address}/claims.html?text=rises")
        assert page.inner_text(".course-filter output") == "0 of 1"
        page.fill("[name=text]", "falls 0.1")
        page.select_option("[name=verdict]", "inconclusive")
        assert page.inner_text(".course-filter output") == "1 of 1" and not said

    def test_a_claim_is_judged_seed_by_seed(self, opened):
        page, said, address = opened
        page.goto(f"{address}/index.html")
        range_ = page.query_selector(".course-seeds input")
        range_.press("Home")
        assert page.inner_text(".course-seeds output") == "2 seeds"
        assert "2 values" in page.inner_text(".course-step:not([hidden])")
        assert not said

    def test_axe_finds_nothing_of_ours_and_nothing_runs_over(self, opened, amount):
        page, said, address = opened
        page.set_viewport_size({"width": 390, "height": 800})
        every = ["index", "00_sgd", "claims", "myths", "cheatsheet", "glossary", "00_sgd_exercises"]
        for name in amount(["00_sgd", "index"], every):
            for scheme in amount(["dark"], ["light", "dark"]):
                page.emulate_media(color_scheme=scheme)
                page.goto(f"{address}/{name}.html")
                assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
                assert not _lab.axe_findings(page, "article") and not said, (name, scheme)

    def test_a_printed_lesson_has_no_controls(self, opened):
        page, _, address = opened
        page.set_viewport_size({"width": 1280, "height": 800})
        page.emulate_media(media="print")
        page.goto(f"{address}/00_sgd.html")
        assert not page.is_visible(".course-controls") and page.is_visible(".course-picture")
        assert page.pdf()[:4] == b"%PDF"

    def test_the_cheat_sheet_is_printed_on_two_pages(self, opened):
        page, said, address = opened
        page.goto(f"{address}/cheatsheet.html")
        pdf = page.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 2 and not said


def test_the_front_end_lies_where_the_site_takes_it_from():
    assert (LIBRARY / "panel" / "page" / "static.js").is_file()
