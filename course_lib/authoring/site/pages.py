"""The pages that no notebook is: home, ledger, myths, progress, reference. All are collected."""

import html
from collections.abc import Collection, Iterable
from pathlib import Path

from course_lib import LESSONS
from course_lib.authoring.cheatsheet import sheet
from course_lib.authoring.ledger import Row, rows
from course_lib.authoring.site import elements
from course_lib.authoring.site.lesson import links
from course_lib.learner.cells import cells_of
from course_lib.learner.course_map import MAP, Lesson, minutes
from course_lib.learner.quizzes import questions

NAME = "Regularization in PyTorch"
WIDE = "---\nhtml_theme.sidebar_secondary.remove: true\n---\n"  # a page without contents beside it
NAVIGATION = (
    "lessons",
    "exercises",
    "Myths <myths>",
    "Claims <claims>",
    "To keep <cheatsheet>",
    "glossary",
    "reference/index",
    "Progress <progress>",
)
NUMBERS = ("statistics",)  # documented beside the eleven ideas


def ledger(notebooks: Path, there: Iterable[str]) -> str:
    """Every claim of the lessons that are `there` as a page to search and to filter."""
    found = [row for row in rows(notebooks) if row.lesson in set(there)]
    kinds = {"kind": _words(row.claim.basis for row in found)}
    kinds["verdict"] = _words(row.claim.verdict for row in found)
    statuses = _words(_status(row) for row in found)
    if statuses:
        kinds["status"] = statuses
    kinds["lesson"] = list(dict.fromkeys(row.lesson for row in found))
    choices = "".join(_choice(name, options) for name, options in kinds.items())
    body = "".join(_row(row) for row in found)
    measured = sum(row.claim.basis == "measured" for row in found)
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("claim", "verdict", "figure", "where")
    )
    return f"""{WIDE}# The claims ledger

Every sentence that a lesson claims and a cell of it has judged: {len(found)} in all,
{len(found) - measured} of them exact. *Bound* is what the cell asks of the figure; *inconclusive*
is a result too. Nobody writes this table: it is collected from the executed lessons.

<form class="course-filter" role="search" aria-label="claims"><label class="course-find">contains
<input type="search" name="text" autocomplete="off"></label>{choices}<output aria-live="polite">
</output></form>
<div class="course-wide"><table class="course-ledger"><thead><tr>{head}</tr></thead>
<tbody>{body}</tbody></table></div>
"""


def _words(found: Iterable[str]) -> list[str]:
    return sorted(set(found) - {""})


def _choice(name: str, options: list[str]) -> str:
    every = "".join(f"<option>{html.escape(option)}</option>" for option in options)
    return (
        f'<label>{name} <select name="{name}"><option value="">all</option>{every}</select></label>'
    )


def _status(row: Row) -> str:
    """Where the truth of it is settled, if its record says so."""
    return str(getattr(row.claim, "status", "") or "")


TONES = {"holds": "good", "does not hold": "bad", "inconclusive": "open"}


def _row(row: Row) -> str:
    claim = row.claim
    bound = f"<br><small>asked: {html.escape(claim.asked)}</small>" * bool(claim.asked)
    told = claim.verdict == "inconclusive" and claim.detectable is not None
    blind = f"<br><small>{claim.blind_below()}</small>" * told
    status = f" · {html.escape(_status(row))}" * bool(_status(row))
    named = {
        "kind": claim.basis,
        "verdict": claim.verdict,
        "status": _status(row),
        "lesson": row.lesson,
    }
    data = "".join(f' data-{name}="{html.escape(value)}"' for name, value in named.items())
    where = (
        f'<a href="{row.lesson}.html#cell-{row.cell}">{row.lesson[:2]} · {_text(row.section)}</a>'
    )
    badge = f'<span class="course-verdict {TONES[claim.verdict]}">{claim.verdict}</span>'
    cells = (
        _text(claim.text) + bound,
        f"{badge}<br><small>{claim.basis}{status}</small>{blind}",
        html.escape(claim.figure),
        where,
    )
    return f"<tr{data}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _text(words: str) -> str:
    """Escaped, with `code` as code."""
    parts = html.escape(words, quote=False).split("`")
    odd = len(parts) % 2 == 0  # a lone mark is no pair
    return (
        "`".join(parts)
        if odd
        else "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
    )


def cheatsheet(notebooks: Path, there: Collection[str]) -> str:
    """The cards of the lessons that are `there`; the style sheet prints them on two pages of A4."""
    page = sheet(notebooks, (row for row in rows(notebooks) if row.lesson in there))
    title, _, cards = links(page, there).partition("\n")
    return f'{WIDE}{title}\n\n<div class="course-sheet"></div>\n{cards}'


def myths(there: Iterable[str]) -> str:
    """What widely read pages get wrong, as questions with an answer and where it is measured."""
    text = """# What is wrong in your tutorial?

Sentences that widely read pages repeat, each as a question. Answer before you unfold: every option
that is wrong says why it tempts. The link leads to the lesson that measures it.
"""
    for lesson in _built(there):
        found = [one for one in questions(lesson.stem) if one.myths]
        if found:
            text += f"\n## {lesson.number} {_title(lesson)}\n"
        for one in found:
            name = f"{lesson.stem}-{one.key}"
            text += f"\n({name})=\n### {_plain(one.myths[0])}\n\n"
            text += elements.question(elements.of_bank(one))
            text += f"\n\n[Lesson {lesson.number}]({lesson.name}) measures it.\n"
    return text


def _built(there: Iterable[str]) -> list[Lesson]:
    names = set(there)
    return [lesson for lesson in MAP if lesson.name in names]


def _plain(tag: str) -> str:
    return tag.replace("-", " ").capitalize()


def _title(lesson: Lesson) -> str:
    return lesson.stem.replace("_", " ")


def progress(there: Iterable[str]) -> str:
    """What a reader has done here, kept in the browser, to save as a file and to bring back."""
    lines = "".join(
        f'<tr data-lesson="{lesson.stem}"><th scope="row"><a href="{lesson.name}.html">'
        f"{lesson.number} {_title(lesson)}</a></th>"
        + "".join(
            f'<td data-part="{part}">0</td>' for part in ("predictions", "right", "quiz", "due")
        )
        + "</tr>"
        for lesson in _built(there)
    )
    heads = ("lesson", "predictions made", "of them right", "quiz right", "cards due")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return f"""# Your progress

Predictions, quiz and cards that you answer on these pages are kept in this browser and nowhere
else. Save them as a file to take them along; put into `.course/` as `progress.json`, the course on
your machine goes on from it.

<div class="course-wide"><table class="course-progress"><thead><tr>{head}</tr></thead>
<tbody>{lines}</tbody></table></div>
<p class="course-files"><button type="button" data-do="save">Save as a file</button>
<label>Bring back a file <input type="file" accept="application/json,.json"></label>
<button type="button" data-do="forget">Forget everything</button>
<output aria-live="polite"></output></p>
"""


def reference(names: Iterable[str] = (*LESSONS, *NUMBERS)) -> dict[str, str]:
    """{path: text} of the reference: a page for each idea, with its source, and their list."""
    pages = {}
    found = list(names)
    for name in found:
        pages[f"reference/{name}.md"] = f"""# {name.replace("_", " ")}

```{{eval-rst}}
.. automodule:: course_lib.{name}
   :members:
   :member-order: bysource
```

## The source

Each equation stands beside the line that computes it.

```{{literalinclude}} /_code/{name}.py
:language: python
```
"""
    pages["reference/index.md"] = f"""# Reference

The eleven ideas as the lessons import them, each a tested module on torch alone, and the intervals.

{_tree(found)}"""
    return pages


def lessons(there: list[str], notebooks: Path) -> str:
    """The map, with the lessons below it in the navigation."""
    return f"# Lessons\n\n{_map(there, notebooks)}\n\n{_tree(there, hidden=True)}"


def exercises(there: Iterable[str], notebooks: Path) -> str:
    """The exercises, listed."""
    names = [f"{name}_exercises" for name in there]
    built = [name for name in names if (notebooks / f"{name}.ipynb").exists()]
    return f"""# Exercises

Write your answers in the notebook, where a cell under each task says at once what you wrote, not
just that it is wrong: `course check 03`. Here are the tasks, each with a solution behind a click.

{_tree(built)}"""


def _tree(names: Iterable[str], hidden: bool = False) -> str:
    lines = "\n".join(names)
    return f"```{{toctree}}\n:maxdepth: 1\n{':hidden:' * hidden}\n\n{lines}\n```\n"


def _map(there: Iterable[str], notebooks: Path) -> str:
    cards = ""
    for lesson in _built(there):
        cells = cells_of(notebooks / f"{lesson.name}.ipynb")
        first = ", ".join(f"{LESSONS.index(stem):02d}" for stem in lesson.needs)
        first = "all" if lesson.needs == LESSONS[:-1] else first
        after = f" · after {first}" * bool(first)
        picture = f'<img src="_static/pictures/{lesson.name}.png" alt="" loading="lazy">'
        there_is_one = (notebooks / "pictures" / f"{lesson.name}.png").exists()
        cards += (
            f'<a class="course-lesson" href="{lesson.name}.html">{picture * there_is_one}'
            f"<b>{lesson.number} {_title(lesson)}</b><span>{html.escape(lesson.question)}</span>"
            f"<small>{minutes(cells)} minutes{after} · {html.escape(lesson.topics)}</small></a>"
        )
    return f'<div class="course-map">{cards}</div>'


def home(there: list[str], notebooks: Path, hero: str, judged: str) -> str:
    """The first page: what this is, seen and judged on the first screen; then the map."""
    return f"""{WIDE}# {NAME}

<div class="course-hero">
<div><p class="course-lead"><b>Nothing here has to be believed.</b> Move it: every picture is drawn
by tested code, and every sentence that claims a number is judged by a cell, over seeds. Below, a
small transformer learns to add. What does weight decay, λ, do to the sums it never saw?</p>
{hero}</div>
<div class="course-judged">{judged}</div>
</div>

## The lessons

{_map(there, notebooks)}

## And beside them

- [What is wrong in your tutorial?](myths.md) Widely repeated sentences, each with what is true.
- [The claims ledger](claims.md): every sentence that was judged, with bound, figure and verdict.
- [To keep](cheatsheet.md): the card that each lesson ends with, on two printed pages.
- [Glossary](glossary.md), and five things that λ may mean.
- [Reference](reference/index.md): each idea's source beside its equations.
- [Your progress](progress.md): predictions, quiz, cards; kept in this browser alone.

{_tree(NAVIGATION, hidden=True)}"""


def described(there: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Page → title and description, as a shared link shows them."""
    found = {
        "index": (NAME, "Eleven lessons in which nothing has to be believed: move every picture.")
    }
    for lesson in _built(there):
        title = f"{lesson.number} · {_title(lesson)}"
        found[lesson.name] = (title, f"{lesson.question} {lesson.topics.capitalize()}.")
        found[f"{lesson.name}_exercises"] = (
            f"{title}: exercises",
            "Checks that name your mistake.",
        )
    return found | {
        "myths": ("What is wrong in your tutorial?", "Widely repeated sentences, measured."),
        "claims": ("The claims ledger", "Every sentence that was judged, with bound and figure."),
    }
