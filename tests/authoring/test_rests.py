"""A conclusion that stands a second time names the claim it rests on, and the record bears it out.

What is not yet replicated fails `make release-check` alone.
"""

from collections import Counter
from pathlib import Path

import pytest

from course_lib.authoring import ledger, rests
from course_lib.learner import quizzes
from course_lib.learner.cells import calls
from course_lib.records.standing import recorded
from tests.records.test_standing import stands

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def ids():
    """The ids of the measured claims that the built lessons make."""
    claims = (row.claim for row in ledger.rows(NOTEBOOKS))
    return [claim.id for claim in claims if claim.basis == "measured"]


def test_no_record_speaks_against_what_is_stated():
    assert not rests.refuted(NOTEBOOKS, recorded())


def test_every_measured_claim_has_an_id_of_its_own():
    assert not [id for id, count in Counter(ids()).items() if count > 1 or not id]


def test_what_is_leaned_on_is_claimed():
    known = set(ids())
    assert not [place for place in rests.places(NOTEBOOKS) if place.lean.id not in known]
    for path in sorted(NOTEBOOKS.glob("src/*.py")):
        for call in calls(path.read_text(encoding="utf-8"), "reveal"):
            given = call.argument(99, "rests")
            named = given.value.split(", ") if given else []
            assert set(named) <= known, f"{path.name}, {call.about}"


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course whose pages, lesson and quiz bank each state a result once."""
    monkeypatch.setattr(rests, "questions", lambda stem: [])
    block = "key\nRests: not it\n\nDoes it help?\n\n> No."
    monkeypatch.setattr(
        rests, "cards", lambda stem: [quizzes.parsed("sgd", block)] if stem == "sgd" else []
    )
    (tmp_path / "notebooks" / "src").mkdir(parents=True)
    (tmp_path / "notebooks" / "src" / "00_sgd.py").write_text(
        'quiz("Does it?", {"yes": "", "no": ""}, "no", rests="it")\n'
        'reveal("key", "yes", rests="it")\n'
        "# | it | helps | <!-- rests: it -->\n",
        encoding="utf-8",
    )
    (tmp_path / "notebooks" / "glossary.md").write_text(
        "**It** – open. <!-- rests: open it -->\n", encoding="utf-8"
    )
    (tmp_path / "TEACHING.md").write_text("", encoding="utf-8")
    return tmp_path / "notebooks"


def test_every_place_is_found_and_what_the_record_refutes_is_named(course):
    places = [(place.where, place.lean.says) for place in rests.places(course)]
    assert places == [
        ("00_sgd.py, quiz('Does it?'…)", ""),
        ("00_sgd.py, line 3", ""),
        ("glossary.md, line 1", "open"),
        ("sgd.md, key", "not"),
    ]
    confirmed, wrong = {"it": stands(2, 2, 2, 2)}, {"it": stands(-2, -2, -2, -2)}
    assert rests.refuted(course, confirmed) == [
        "glossary.md, line 1: it is said to be one that is open; the record: confirmed, holds",
        "sgd.md, key: it is said to be one that does not hold; the record: confirmed, holds",
    ]
    assert [line[:9] for line in rests.refuted(course, wrong)] == ["00_sgd.py"] * 2 + ["glossary."]
    assert not rests.stale(course, confirmed)


def test_what_is_not_yet_replicated_is_stale_and_not_refuted(course):
    assert not rests.refuted(course, {}) and len(rests.stale(course, {})) == 4


def test_what_is_no_id_is_named_with_its_place(course):
    (course / "glossary.md").write_text("<!-- rests: maybe it -->", encoding="utf-8")
    with pytest.raises(ValueError, match=r"glossary\.md, line 1: rests = 'maybe it'"):
        rests.places(course)
