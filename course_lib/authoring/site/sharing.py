"""Links that leave the site, and how a link to it looks: all made from the one address.

While that address is a placeholder there are none: no link leads nowhere.
"""

import html
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

SIZE = (1200, 630)  # pixels of a social card


class Link(NamedTuple):
    """One way to open a page's notebook; `href` is empty for a command to type."""

    name: str
    href: str
    words: str


def launchers(repository: str, page: str) -> list[Link]:
    """Where a lesson's notebook can be opened: here, and where there is an address on the web."""
    links = [Link("JupyterLab", "", f"course lab {page}")]
    if repository:
        owner = repository.removeprefix("https://github.com/")
        path = f"notebooks/{page}.ipynb"
        binder, colab = "https://mybinder.org/v2/gh", "https://colab.research.google.com/github"
        links += [
            Link("Binder", f"{binder}/{owner}/HEAD?urlpath=doc/tree/{path}", "no installation"),
            Link("Colab", f"{colab}/{owner}/blob/HEAD/{path}", "a Google account; GPU"),
        ]
    return links


def site(repository: str) -> str:
    """Where GitHub's Pages show the site of a repository; "" without one."""
    if not repository:
        return ""
    owner, name = repository.removeprefix("https://github.com/").split("/")
    return f"https://{owner.lower()}.github.io/{name}"


def social(repository: str, page: str, title: str, description: str) -> str:
    """What a shared link shows: title, words and, where the site has an address, a picture."""
    named = {"og:type": "article", "og:title": title, "og:description": description}
    if repository:
        picture = f"{site(repository)}/_static/social/{page.replace('/', '-')}.png"
        named |= {"og:url": f"{site(repository)}/{page}.html", "og:image": picture}
        named |= {"twitter:card": "summary_large_image"}
    tags = [
        f'<meta property="{name}" content="{html.escape(value)}">'
        for name, value in named.items()
        if value
    ]
    if description:
        tags.append(f'<meta name="description" content="{html.escape(description)}">')
    return "\n" + "\n".join(tags) + "\n"


def card(title: str, words: str, picture: Path | None) -> bytes:
    """The picture of a shared link, a PNG of `SIZE`."""
    import textwrap

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.image import imread
    from PIL import Image

    figure = Figure(figsize=(SIZE[0] / 100, SIZE[1] / 100), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    figure.text(0.05, 0.93, "Regularization in PyTorch", fontsize=20, va="top", color="#0072b2")
    figure.text(0.05, 0.85, "\n".join(textwrap.wrap(title, 42)), fontsize=32, va="top")
    figure.text(
        0.05, 0.70, "\n".join(textwrap.wrap(words, 76)[:2]), fontsize=19, va="top", color="#555"
    )
    if picture and picture.exists():
        axes = figure.add_axes((0.05, 0.03, 0.9, 0.52))
        axes.imshow(imread(picture))
        axes.axis("off")
    canvas.draw()
    written = io.BytesIO()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    image.quantize(128).save(written, "png", optimize=True)
    return written.getvalue()
