"""What is saved of a notebook whose widgets were live."""

from course_lib.jupyter.saving import VIEW, without_views
from course_lib.panel.widget import part_of_page


def saved(*outputs):
    """What is left of a cell's outputs, each given by its data."""
    cell = {
        "cell_type": "code",
        "outputs": [{"output_type": "display_data", "data": data} for data in outputs],
    }
    content = {"nbformat": 4, "cells": [{"cell_type": "markdown"}, cell]}
    without_views(model={"type": "notebook", "content": content}, path="x", contents_manager=None)
    return [output["data"] for output in content["cells"][1]["outputs"]]


def test_a_panel_leaves_its_picture_and_its_caption():
    line = {"text/html": part_of_page("late.html"), "text/plain": ""}
    panel = {VIEW: {"model_id": "1"}, "image/png": "…", "text/plain": "A caption."}
    assert saved(line, panel) == [{"image/png": "…", "text/plain": "A caption."}]


def test_a_question_leaves_its_text():
    assert saved({VIEW: {}, "text/html": "<p>", "text/plain": "?"}) == [
        {"text/html": "<p>", "text/plain": "?"}
    ]


def test_what_has_nothing_but_a_view_goes():
    assert saved({VIEW: {}, "text/plain": "Panel()"}) == []


def test_other_outputs_stay_as_they_are():
    assert saved({"text/plain": "7"}, {"text/html": "<b>7</b>"}) == [
        {"text/plain": "7"},
        {"text/html": "<b>7</b>"},
    ]
    stream = {"output_type": "stream", "text": "7"}
    content = {"nbformat": 4, "cells": [{"outputs": [stream]}]}
    without_views(model={"type": "notebook", "content": content})
    assert content["cells"][0]["outputs"] == [stream]
    without_views(model={"type": "file", "content": "text"})
