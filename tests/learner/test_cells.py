"""What kind of cell it is, what it calls, and what it printed."""

import ast

import nbformat.v4 as v4
import pytest

from course_lib.learner.cells import (
    calls,
    core,
    headings,
    judgement_text,
    judgements,
    kind,
    options_in,
    outcome_in,
    outcome_text,
    question_text,
)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('predict("a", "?", ["b"])', "predict"),
        ("# Why?\nquiz(\n    question, reasons, answer)", "quiz"),
        ('reveal("a", "b")\nx = 1', "reveal"),
        ("explore.curves.show(p=0.5)", "explorer"),
        ("explore.curves.explorer.show()", "code"),
        ("explore.show()", "code"),
        ('x = 1\npredict("a", "?", ["b"])', "code"),
        ("print(1)", "code"),
        ("%timeit predict(1)", "code"),
        ("", "code"),
    ],
)
def test_a_cell_is_told_by_what_it_begins_with(source, expected):
    assert kind(v4.new_code_cell(source)) == expected
    assert kind(v4.new_markdown_cell(source)) == "text"


def test_tags_tell_setup_and_checks():
    def tagged(tag):
        return v4.new_code_cell("claim(1)", metadata={"tags": ["nbval-skip", tag]})

    assert [kind(tagged(tag)) for tag in ("setup", "check:T1", "x")] == ["setup", "check", "claim"]


def test_calls_are_found_wherever_they_stand_in_their_order():
    source = 'for n in (1, 2):\n    claim(f"{n}", n, holds=bool)\nt = check("03/T1", claim("a", 1))'
    found = calls(source, "claim", "check")
    assert [call.name for call in found] == ["claim", "check", "claim"]
    assert [call.about for call in found] == [None, "03/T1", "a"]
    holds = [call.argument(2, "holds") for call in found]
    assert ast.unparse(holds[0]) == "bool" and holds[1:] == [None, None]
    assert calls("recall()", "recall")[0].about is None
    assert calls("%magic\nclaim(1)", "claim") == []


def test_what_is_printed_is_read_back():
    text = question_text("Which?", ["x: y", "z"])
    assert text.startswith("Which?\n") and options_in(text) == ["x: y", "z"]
    assert outcome_in(f"Which?\nYou said: z.\n{outcome_text('x: y')}\nbecause") == "x: y"
    assert outcome_in(outcome_text(None)) == "" and options_in("no question") == []


def test_a_judged_claim_is_read_back_with_what_its_cell_asked():
    said = (
        ("n = 3 is odd: yes.", "exact", "3", "holds"),
        ("Who knows?", "measured", "1", "open (x)"),
    )
    source = (
        'claim(f"n = {n} is odd: yes.", n,\n  lambda n:\n    n % 2)\nprint("Exact · no: claim")'
    )
    printed = "\n".join([*(judgement_text(*claim) for claim in said), "Exact · no: claim"])
    cell = v4.new_code_cell(source, outputs=[v4.new_output("stream", text=printed)])
    assert list(judgements(cell)) == [
        ("n = 3 is odd: yes.", "Exact", "n % 2", "3", "holds"),
        ("Who knows?", "Measured", "", "1", "open (x)"),
    ]
    assert list(judgements(v4.new_markdown_cell(printed))) == []


def test_the_core_of_a_lesson_ends_where_a_section_is_folded_and_begins_again_behind_it():
    def text(source, **metadata):
        return v4.new_markdown_cell(source, metadata=metadata)

    folded = text("### Deeper", **{"jp-MarkdownHeadingCollapsed": True})
    kept = [text("# A"), text("x"), text("## C"), text("z")]
    hidden = [folded, text("y"), v4.new_code_cell("# no heading"), text("#### within")]
    cells = [*kept[:2], *hidden, *kept[2:]]
    assert core(cells) == kept


def test_headings_are_not_looked_for_in_code():
    cell = v4.new_markdown_cell("## One `two`\n\n```python\n# three\n```\n\n### four")
    assert headings(cell) == ["One `two`", "four"]
