"""A lesson of a few cells, one of each kind, as the build leaves it: nothing is executed here."""

import base64
import io

import nbformat.v4 as v4
from PIL import Image

from course_lib.authoring.build import METADATA
from course_lib.base.card import bundle
from course_lib.base.record import MIME, Bar, Record

NAME = "00_sgd"
ASKED = Record("predict", "Which way?", "way", options=("up", "down"))
CAME = Record("reveal", "Which way?", "way", verdict="down", options=("up", "down"))
CLAIM = Record(
    "claim",
    "It falls by more than `0.1`.",
    basis="measured",
    verdict="inconclusive",
    figure="0.12 [0.08, 0.16] (95%)",
    bars=(Bar("", 0.12, 0.08, 0.16),),
    bounds=(0.1,),
    n=5,
    asked="fall.between(low=0.1)",
)
QUIZ = 'quiz("2 + 2?", {"3": "One too few.", "4": "As counted."}, answer="4")'


def notebook():
    """The lesson."""
    return v4.new_notebook(
        metadata=METADATA,
        cells=[
            _text("# SGD: a small lesson\n\nIt takes 45 minutes and $\\frac{a}{b}$.", "slide"),
            _code("import torch", tags=["setup"]),
            _text("## Look\n\n$$\\lambda \\lVert w \\rVert^2$$", "slide"),
            _code("explore.saddle.show(lr=0.1)", _shown({"image/png": _png()}, alt="A saddle.")),
            _code('predict("way", "Which way?", ["up", "down"])', _shown({MIME: ASKED.as_data()})),
            _code("claim(...)", _shown(bundle(CLAIM, "it falls")), id="aaaa"),
            _code('reveal("way", "down")', _shown(_came())),
            _text("### Deeper: folded\n\nMore of it.", folded=True),
            _code("x = 1\nx", _shown({"text/plain": "1"})),
            _text("## Ask\n\nSee [the claim](00_sgd.ipynb#cell-id=aaaa) or [02](02_l1_l2.ipynb)."),
            _code(QUIZ, _shown({MIME: Record("quiz", "2 + 2?", options=("3", "4")).as_data()})),
            _code('quiz_of("sgd")'),
            _code('recall("sgd")'),
        ],
    )


def _came():
    notes = ["Your own prediction will stand here.", "It came out: down."]
    return bundle(CAME, "down", notes)


def _text(source, step="-", folded=False):
    more = {"jp-MarkdownHeadingCollapsed": True} if folded else {}
    return v4.new_markdown_cell(source, metadata={"slideshow": {"slide_type": step}, **more})


def _code(source, *outputs, tags=(), **more):
    metadata = {"tags": list(tags)}
    return v4.new_code_cell(source, outputs=list(outputs), metadata=metadata, **more)


def _shown(data, alt=""):
    metadata = {"image/png": {"alt": alt}} if alt else {}
    return v4.new_output("display_data", data, metadata=metadata)


def _png():
    file = io.BytesIO()
    Image.new("RGB", (40, 20), "white").save(file, "png")
    return base64.b64encode(file.getvalue()).decode()
