"""The repository's address stands in pyproject.toml alone; here is what others gain by it."""

import re

import pytest

from tests.repository._project import PROJECT, ROOT, TRACKED, needs_git, text

ADDRESS = PROJECT["urls"]["Repository"]
PLACEHOLDER = "OWNER/REPOSITORY"
# These make links of the address, and none without one: tests/authoring/site/test_lesson.py.
MAKE_LINKS = ("course_lib/authoring/site/sharing.py", "course_lib/base/places.py")
SHARING = re.compile(rf"mybinder\.org|colab\.research\.google|{PLACEHOLDER}")


def wanted(address):
    """{file: the line that it owes to an address}; nothing while that is a placeholder."""
    owner = address.removeprefix("https://github.com/")
    if owner == PLACEHOLDER:
        return {}
    start = f"https://mybinder.org/v2/gh/{owner}/HEAD?urlpath=doc/tree/notebooks/index.ipynb"
    badge = f"[![Binder](https://mybinder.org/badge_logo.svg)]({start})"
    return {"README.md": badge, "CITATION.cff": f"repository-code: {address}"}


def test_the_address_is_one_of_github():
    assert re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", ADDRESS)
    assert list(PROJECT["urls"]) == ["Repository"]


def test_a_set_address_asks_for_its_lines():
    lines = wanted("https://github.com/some/where")
    assert "/gh/some/where/HEAD" in lines["README.md"]
    assert lines["CITATION.cff"] == "repository-code: https://github.com/some/where"
    assert not wanted(f"https://github.com/{PLACEHOLDER}")


@pytest.mark.parametrize("file", ["README.md", "CITATION.cff"])
def test_readme_and_citation_have_the_address(file):
    line = wanted(ADDRESS).get(file)
    assert line is None or line in text(file).splitlines(), f"add to {file}: {line}"


@needs_git
def test_no_link_leads_nowhere():
    """No other address than ours; while it is a placeholder, no link for sharing at all."""
    told = set(wanted(ADDRESS).values())
    wrong = {
        f"{file}: {line.strip()[:80]}"
        for file in TRACKED
        if file.endswith((".md", ".cff", ".py", ".ipynb", ".yml", ".yaml"))
        and not file.startswith("tests/")
        and file not in MAKE_LINKS
        and (ROOT / file).is_file()
        for line in text(file).splitlines()
        if SHARING.search(line) and line not in told
    }
    assert not wrong
