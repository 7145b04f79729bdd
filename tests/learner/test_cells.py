"""What kind of cell it is, what it calls, and what it shows."""

import ast

import nbformat.v4 as v4
import pytest

from course_lib.base.card import bundle
from course_lib.base.record import MIME, Record
from course_lib.learner.cells import calls, core, headings, kind, shown


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
        ("from course_lib import explore\n\nexplore.curves.show()", "explorer"),
        ("from course_lib import f\n\nshow_source(f)", "show_source"),
        ("show_source(f)\nprint(f())", "code"),
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


def test_records_are_read_from_what_a_cell_shows_in_their_order():
    said = [
        Record("predict", "a"),
        Record("reveal", "b", "key", verdict="x"),
        Record("reveal", "c"),
    ]
    outputs = [v4.new_output("display_data", bundle(record, "plain")) for record in said[1:]]
    outputs.insert(0, v4.new_output("display_data", {MIME: said[0].as_data()}))
    outputs.insert(1, v4.new_output("stream", text="Exact · holds: a\n"))
    cell = v4.new_code_cell("", outputs=outputs)
    assert shown(cell) == said and shown(cell, "reveal") == said[1:]
    assert shown(v4.new_markdown_cell("claim")) == shown(v4.new_code_cell("")) == []


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
