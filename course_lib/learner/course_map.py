"""The map of the course: what each lesson asks, is about and needs, and nine ways to learn it.

The table `MAP` is the only place where this stands. The first notebook draws it, the README repeats
it (a test compares the two), and where each way leads is read from the notebooks: nobody keeps a
list of links.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from course_lib import LESSONS
from course_lib.base.places import root
from course_lib.learner.cells import calls, cells_of, headings

if TYPE_CHECKING:
    from nbformat import NotebookNode as Cell

WAYS = ("read", "predict", "play", "see", "code", "debug", "test yourself", "recall", "teach")
CLOSING = "Test yourself, and teach it"  # the last section of every lesson
GALLERY = "09_capstone_exercises"


class Lesson(NamedTuple):
    """A lesson on the map.

    `needs`: stems that come first; `faults`: its tasks in the debugging gallery.
    """

    stem: str
    question: str
    needs: tuple[str, ...]
    topics: str
    faults: tuple[str, ...] = ()

    @property
    def number(self) -> str:
        """Two digits."""
        return f"{LESSONS.index(self.stem):02d}"

    @property
    def name(self) -> str:
        """Its notebook's name."""
        return f"{self.number}_{self.stem}"


MAP = (
    Lesson(
        "sgd",
        "What does an optimizer do, and is its noise good for anything?",
        (),
        "learning rate, momentum, batch size, schedules, saddles, sharp minima",
        ("T5", "T8"),
    ),
    Lesson(
        "overfitting",
        "When does a model memorise?",
        ("sgd",),
        "bias and variance, early stopping, random labels, double descent, data augmentation",
        ("T6", "T7"),
    ),
    Lesson(
        "l1_l2",
        "Which weights go, and why?",
        ("sgd", "overfitting"),
        "lasso, ridge, elastic net, exact zeros, which parameters to penalise",
        ("T4", "T12"),
    ),
    Lesson(
        "weight_decay",
        "Weight decay and L2 are the same thing: until when?",
        ("sgd", "l1_l2"),
        "λ and 2λ, momentum, Adam, converting strengths",
        ("T11",),
    ),
    Lesson(
        "adamw",
        "What does decoupling the two knobs of Adam buy?",
        ("sgd", "weight_decay"),
        "bias correction, ε, parameter groups, state, warm-up, learning rate × decay",
        ("T9",),
    ),
    Lesson(
        "label_smoothing",
        "What does a calibrated classifier cost?",
        ("overfitting",),
        "cross entropy, logits, calibration, temperature, distillation",
    ),
    Lesson(
        "dropout",
        "An ensemble for the price of one?",
        ("overfitting", "l1_l2"),
        "masks, training and evaluation, ridge in disguise, Monte-Carlo dropout",
    ),
    Lesson(
        "batchnorm",
        "Normaliser, noise source, or learning-rate controller?",
        ("sgd", "weight_decay", "dropout"),
        "running statistics, LayerNorm, effective learning rate, folding",
        ("T10",),
    ),
    Lesson(
        "stochastic_depth",
        "How does one train a network that is shorter than itself?",
        ("dropout",),
        "DropPath, residual blocks, survival rules, expected depth",
    ),
    Lesson(
        "capstone",
        "How does one choose, combine, and prove it?",
        LESSONS[:9],
        "a study repeated, honest intervals, random search, nine broken scripts",
    ),
    Lesson(
        "elsewhere",
        "Does it hold in a transformer, and in a convolution?",
        LESSONS[:10],
        "attention, RMSNorm, grokking, circles of numbers, a convolution, claims in other worlds",
    ),
)


class Shown:
    """Markdown that a notebook shows as such."""

    def __init__(self, text: str):
        self.text = text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/markdown": self.text, "text/plain": self.text}


def the_map() -> Shown:
    """The lessons with question, minutes, what comes first, and topics."""
    lines = [
        "| | lesson | question | minutes | first | what it is about |",
        "|---|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(_row(lesson, root() / 'notebooks'))} |" for lesson in MAP]
    return Shown("\n".join(lines))


def _row(lesson: Lesson, notebooks: Path) -> tuple[str, ...]:
    needs = ",\u00a0".join(f"{LESSONS.index(stem):02d}" for stem in lesson.needs) or "none"
    needs = "all" if len(lesson.needs) >= 9 else needs  # every idea, at least
    said = minutes(cells_of(notebooks / f"{lesson.name}.ipynb"))
    title = f"[{lesson.stem}]({lesson.name}.ipynb)" if said else lesson.stem
    return lesson.number, title, lesson.question, str(said or "coming"), needs, lesson.topics


def minutes(cells: list["Cell"]) -> int | None:
    """Minutes that a lesson's own text says it takes; None for one that is not written."""
    said = re.search(r"(\d+) minutes", "\n".join(cell.source for cell in cells))
    return int(said[1]) if said else None


def the_ways() -> Shown:
    """Nine ways to learn each lesson, as links."""
    lines = [f"| lesson | {' | '.join(WAYS)} |", "|---|" + "---|" * len(WAYS)]
    for lesson in MAP:
        found = ways(lesson, root() / "notebooks")
        links = [" ".join(found[way]) for way in WAYS]
        lines.append(f"| {' | '.join([lesson.name.replace('_', ' ', 1), *links])} |")
    return Shown("\n".join(lines))


def ways(lesson: Lesson, notebooks: Path) -> dict[str, list[str]]:
    """For each of `WAYS` the Markdown links that lead there; none where no notebook is written."""
    file, exercises, gallery = (
        f"{name}.ipynb" for name in (lesson.name, f"{lesson.name}_exercises", GALLERY)
    )
    cells, picture = cells_of(notebooks / file), f"pictures/{lesson.name}.png"
    exhibits = cells_of(notebooks / gallery)
    faults = [(fault, cell) for fault in lesson.faults for cell in _headed(exhibits, f"{fault} · ")]
    faults = faults or [("gallery", cell) for cell in _headed(exhibits, "The debugging gallery")]
    return {
        "read": [f"[read]({file})" if cells else "read"],
        "predict": [_to(cell, "predict", file) for cell in _with_call(cells, "predict")[:1]],
        "play": [
            _to(cell, str(n), file) for n, cell in enumerate(_with_call(cells, "explorer"), 1)
        ],
        "see": [f"[see]({picture})"] if (notebooks / picture).exists() else [],
        "code": [f"[code]({exercises})" if (notebooks / exercises).exists() else "code"],
        "debug": [_to(cell, text, gallery) for text, cell in faults],
        "test yourself": [
            _to(cell, "test", file) for cell in _with_call(cells, "quiz_of", about=lesson.stem)
        ],
        "recall": [_to(cell, "recall", file) for cell in _with_call(cells, "recall")],
        "teach": [_to(cell, "teach", file) for cell in _headed(cells, CLOSING)],
    }


def _to(cell: "Cell", text: str, file: str) -> str:
    """A link to a cell, as JupyterLab follows it; elsewhere it opens the notebook."""
    return f"[{text}]({file}#cell-id={cell.id})"


def _with_call(cells: list["Cell"], helper: str, about: str = "") -> list["Cell"]:
    """Code cells that call a helper, about what is named if anything is."""
    code = [cell for cell in cells if cell.cell_type == "code"]
    return [c for c in code if any(about in ("", it.about) for it in calls(c.source, helper))]


def _headed(cells: list["Cell"], start: str) -> list["Cell"]:
    """Cells with a heading that starts so."""
    return [cell for cell in cells if any(heading.startswith(start) for heading in headings(cell))]
