"""Formulas as MathML at build time, and the one font that sets them well in every browser.

TeX is turned by latex2mathml. The font is a subset of STIX Two Math (SIL Open Font License), which
comes with ziamath: without a font that has a table for mathematics browsers stretch no brackets.
"""

import html
import re
import string
from functools import cache
from importlib.resources import files
from io import BytesIO

from latex2mathml.converter import convert

# What latex2mathml gets wrong: as TeX, and as MathML.
TEX = ((r"\\mathrm\{(\w)\}", r"\\text{\1}"), (r"\\(?:big|Big|bigg|Bigg)\b\s*", ""))
MATHML = (
    (r"<mo>(&#x02016;|‖)</mo>", '<mo stretchy="false" lspace="0" rspace="0">‖</mo>'),
    (r'<mo stretchy="true">&#x000AF;</mo>', '<mo stretchy="false">&#x000AF;</mo>'),
)
ALWAYS = string.ascii_letters + string.digits + "()[]{}|‖√∑∏∫+−=<>≤≥≈·×,.!⏟⏞^ˆ¯~˜∂∇′→←"


@cache
def mathml(tex: str, block: bool = False) -> str:
    """`tex` as a ``<math>`` element, which keeps the TeX for those who copy it."""
    source = tex.strip()
    for wrong, right in TEX:
        tex = re.sub(wrong, right, tex)
    found = convert(tex, display="block" if block else "inline")
    for wrong, right in MATHML:
        found = re.sub(wrong, right, found)
    return found.replace("<math ", f'<math data-tex="{html.escape(source)}" ', 1)


def font(characters: str) -> bytes:
    """A woff2 font with these characters and all that mathematics makes of them."""
    from fontTools import subset

    letters = {*characters, *ALWAYS}
    options = subset.Options(layout_features=["*"], drop_tables=["DSIG", "GPOS", "STAT"])
    options.flavor = "woff2"
    source = files("ziamath").joinpath("fonts", "STIXTwoMath-Regular.ttf")
    face = subset.load_font(str(source), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes={ord(letter) for letter in letters | {*map(_italic, letters)}})
    subsetter.subset(face)
    written = BytesIO()
    subset.save_font(face, written, options)
    return written.getvalue()


def used(page: str) -> str:
    """The characters in the formulas of an HTML page."""
    formulas = re.findall(r"<math .*?</math>", page, re.DOTALL)
    return "".join(sorted(set(html.unescape(re.sub(r"<[^>]*>", "", " ".join(formulas))))))


def _italic(letter: str) -> str:
    """What a browser makes of a variable of one letter."""
    if letter == "h":
        return "ℎ"
    for first, count, start in (
        ("A", 26, 0x1D434),
        ("a", 26, 0x1D44E),
        ("Α", 25, 0x1D6E2),
        ("α", 25, 0x1D6FC),
    ):
        if 0 <= (place := ord(letter) - ord(first)) < count:
            return chr(start + place)
    return {"∂": "𝜕", "ϵ": "𝜖", "ϑ": "𝜗", "ϕ": "𝜙"}.get(letter, letter)
