"""One record each: what is emitted is read back, and its card says it in words and pictures."""

import re
from dataclasses import replace

import pytest

from course_lib.base.card import NEUTRAL, bundle, style
from course_lib.base.record import MIME, Bar, Finding, Record, read, records, show

FULL = Record(
    kind="claim",
    text="It helps, by `lr` <b>.",
    basis="measured",
    verdict="inconclusive",
    figure="0.5 [0, 1]",
    bars=(Bar("a", 0.5, 0.0, 1.0), Bar("b", 2.0, 1.0, 3.0)),
    bounds=(0.25,),
    level=0.95,
    n=12,
    detectable=0.1,
    asked="above 25 points",
    unit="points",
    times=100,
)


@pytest.mark.parametrize(
    "record",
    [
        FULL,
        Record("reveal", "Which?", "key", verdict="x", options=("x", "y")),
        Record("machine", "", verdict="to mend", findings=(Finding("memory", "none", "buy"),)),
    ],
)
def test_a_record_is_read_back_as_it_was(record):
    data = bundle(record, "plain")
    assert read(data[MIME]) == record and data["text/plain"] == "plain"
    output = {"output_type": "display_data", "data": data}
    assert records([{"output_type": "stream"}, output]) == [record]
    assert records([output], "quiz") == []


def test_what_is_no_record_is_refused():
    with pytest.raises(ValueError, match="kind = 'joke': must be one of claim, "):
        read({"kind": "joke", "text": ""})
    with pytest.raises(ValueError, match="a record has no colour"):
        read({"kind": "claim", "text": "", "colour": "red"})


def test_a_card_says_its_verdict_in_words_and_draws_intervals_and_bounds_over_one_scale():
    page = bundle(FULL, "", ["a note"])["text/html"]
    assert '<div class="course-record open">' in page and "○ inconclusive" in page
    assert "It helps, by <code>lr</code> &lt;b&gt;." in page and ">a note</p>" in page
    assert ">a: 12 values<" in page and "<b>50</b> [0, 100] points" in page
    assert ">asked: above 25 points<" in page and "fresh seeds" not in page
    spans = re.findall(r'class="span" style="left:([\d.]+)%;width:([\d.]+)%', page)
    (left, width), (next_left, _) = [tuple(map(float, span)) for span in spans]
    assert next_left == pytest.approx(left + width, abs=0.2)  # one ends where the other begins
    bound = float(re.search(r'class="bound" style="left:([\d.]+)%', page)[1])
    assert bound == pytest.approx(left + width / 4, abs=0.2) and ">25</span>" in page


def test_what_fresh_seeds_found_has_its_own_row_and_a_level_that_is_not_95_percent_is_named():
    fresh = replace(FULL, bars=FULL.bars[:1], fresh=(Bar("a", 0.75, 0.5, 1.0),), level=0.9)
    page = bundle(fresh, "")["text/html"]
    assert ">a: here, 12 values, 90%<" in page and ">a: fresh seeds<" in page
    assert "<b>75</b> [50, 100] points" in page and 'title="mean and its 90% interval"' in page
    assert fresh.fresh_figure() == "a 75 [50, 100] points"


@pytest.mark.parametrize(
    ("record", "badge"),
    [
        (Record("check", "well", "03/T1", verdict="passed"), "good ✓ T1 · passed"),
        (Record("check", "no", "03/T1", verdict="timeout"), "bad ✗ T1 · timeout"),
        (Record("check", "", "03/T1", verdict="unanswered"), "open ○ T1 · not yet"),
        (Record("reveal", "?", "k", verdict="x", said="x"), "good ✓ as you said"),
        (Record("reveal", "?", "k", verdict="x", said="y"), " it came out"),
        (Record("reveal", "?", "k", said="y"), "open ○ undecided"),
        (Record("claim", "a", basis="exact", verdict="holds"), "good ✓ exact · holds"),
    ],
)
def test_colour_sign_and_words_agree(record, badge):
    found = re.search(
        r'course-record (\w*)"><div><span class="badge">([^<]*)<', bundle(record, "")["text/html"]
    )
    assert " ".join(found.groups()) == badge


def test_a_cards_first_line_says_nothing_for_it_is_what_a_folded_output_shows():
    page = bundle(FULL, "")["text/html"]
    assert page.startswith(NEUTRAL) and not re.search(r"\w", page.partition("\n")[0])
    assert page.count(style()) == 1 and "forced-colors" in style() and "/*" not in style()


def test_outside_a_notebook_the_plain_text_is_printed(capsys):
    show(bundle(FULL, "plain"))
    assert capsys.readouterr().out == "plain\n"
