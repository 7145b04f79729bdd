"""What the pages for readers, authors and teachers name is there: files, folders, commands."""

import re

import pytest
import yaml

from course_lib import LESSONS, __version__
from course_lib.authoring import pairing
from course_lib.cli import parser
from tests.repository._project import ROOT, needs_git, text

PAGES = ["README.md", "CONTRIBUTING.md", "TEACHING.md", "SECURITY.md"]
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks" / "src").glob("[0-9]*.py"))
FOLDERS = "course_lib|tests|notebooks|bench|binder|data|.github|.ci"
NAMED = re.compile(  # `tests/` or below; `pyproject.toml`; a link that stays here
    rf"(?<![\w/.:-])((?:{FOLDERS.replace('.', '[.]')})/[\w<>./-]*)"
    r"|`([\w.-]+\.(?:cff|md|py|toml|txt|yaml|yml))`"
    r"|\]\((?!https?:)([^)#]+)"
)


def named(page):
    """The files and folders that a text names, `<stem>` standing for each stem, `<…>` for any."""
    found = {next(filter(None, match)).rstrip(".") for match in NAMED.findall(page)}
    return {name.replace("<stem>", stem) for name in found for stem in LESSONS}


def lost(page, folder=ROOT):
    """Those of them that are not there."""
    return {name for name in named(page) if not any(folder.glob(re.sub("<.*?>", "*", name)))}


def test_what_a_text_names_is_found():
    page = (
        "[a](nowhere.md) [b](https://x.y/z.md) `README.md` `no.toml`, tests/<stem>/x. data/<any>.md"
    )
    assert lost(page) == {"nowhere.md", "no.toml"} | {f"tests/{stem}/x" for stem in LESSONS}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_only_what_is_there(page):
    assert named(text(page)) and not lost(text(page))


@needs_git
def test_the_first_page_of_a_hand_out_names_only_what_is_handed_out(tmp_path):
    pairing.hand_out(ROOT, tmp_path)
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert not lost(page, tmp_path)
    assert "make course" in page and "make test" not in page and "tests" not in page.lower()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "TEACHING.md"])
def test_a_page_names_only_commands_that_there_are(page):
    targets = re.search(r"\.PHONY: (.*)", text("Makefile"))[1].split()
    commands = parser()._subparsers._group_actions[0].choices
    called = re.findall(r"(?:`|^)(course|make) ([a-z][\w-]*)", text(page), re.MULTILINE)
    assert called
    assert not [
        call for call in called if call[1] not in {"make": targets, "course": commands}[call[0]]
    ]


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_the_readme_links_each_notebook_in_its_lessons_row(notebook):
    number, stem = notebook.removesuffix("_exercises").split("_", 1)
    (row,) = (line for line in text("README.md").splitlines() if line.startswith(f"| {number} "))
    assert f"(notebooks/{notebook}.ipynb)" in row and stem in row


def test_the_readme_leads_to_a_lessons_files_in_two_steps():
    """First step: a place that the README names, with the stem; second: what is read there."""
    readme = named(text("README.md"))
    assert {"course_lib/adamw.py", "course_lib/checks/adamw.py", "tests/test_adamw.py"} <= readme
    assert "# w ← (1 − lr·λ)w" in text("course_lib/adamw.py")
    assert {"course_lib/explorers/adamw/heat_map.py", "tests/explorers/test_adamw.py"} <= readme
    assert "course_lib.experiments.adamw.two_knobs import" in "".join(
        text("course_lib/explorers/adamw/heat_map.py").splitlines(keepends=True)[:15]
    )


def test_one_version_stands_everywhere():
    newest, date = re.search(
        r"^## ([\d.]+) · ([\d-]+)$", text("CHANGELOG.md"), re.MULTILINE
    ).groups()
    citation = yaml.safe_load(text("CITATION.cff"))
    assert newest == __version__ == citation["version"]
    assert date == citation["date-released"]
