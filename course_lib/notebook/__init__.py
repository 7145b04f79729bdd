"""What every lesson's first cell imports: `setup`, `claim`, `predict`, `reveal`, `quiz`,
`show_source`.

`quiz_of`, `recall`, `standing` and `self_test` come with them: a lesson's questions, its flash
cards, what was done so far, and whether this machine has all it takes.

Importing it looks at the environment first and says what is missing, before any other import of the
lesson can fail.
"""

import ast
import hashlib
import html
import importlib.util
import inspect
import sys
import textwrap
from dataclasses import dataclass, field

from course_lib.base import progress
from course_lib.notebook.practice import quiz_of, recall, reply_to, self_test, standing
from course_lib.notebook.shown import Question, text

__all__ = ["claim", "ledger", "predict", "quiz", "quiz_of", "recall"]
__all__ += ["reveal", "self_test", "setup", "show_source", "standing"]

_NEEDED = {
    "torch": "torch",
    "numpy": "numpy",
    "scipy": "scipy",
    "matplotlib": "matplotlib",
    "ipywidgets": "ipywidgets",
    "filelock": "filelock",
    "sklearn": "scikit-learn",
}


def _problem():
    """What keeps the lessons from running, with the command that mends it; None if nothing does."""
    if sys.version_info < (3, 10):  # noqa: UP036 (pip can be told to ignore what the package requires)
        return f"This is Python {sys.version.split()[0]}; the course needs 3.10 or newer. Run `make course` with one."
    missing = [
        package for module, package in _NEEDED.items() if importlib.util.find_spec(module) is None
    ]
    if missing:
        return (
            f"Missing here: {', '.join(missing)}. Stop Jupyter and run `make course` in the course's folder, or "
            f"install into this very kernel: {sys.executable} -m pip install {' '.join(missing)}"
        )


if _problem():
    raise ImportError(_problem())


@dataclass(frozen=True)
class Claim:
    """A sentence that a cell has judged. `verdict`: True, False or None (inconclusive)."""

    sentence: str
    kind: str
    verdict: bool | None
    figure: str


ledger = []  # every Claim of this session, in the order in which they were made
_predictions = {}  # key → _Prediction


@dataclass
class _Prediction:
    """What was asked in this session under a key, and what is kept of the answer: said, at, then
    came and right.
    """

    question: str
    options: list
    name: str = ""  # in the progress file; "" in a notebook that is no lesson's
    entry: dict = field(default_factory=dict)

    def keep(self, **entry):
        """Remember more of the answer; returns "" or what is wrong with the progress file."""
        self.entry |= entry
        return progress.note("predictions", self.name, **self.entry) if self.name else ""


def setup(theme="auto", threads=1):
    """Ready a notebook: pictures in `theme` ("auto": as JupyterLab's saved settings say, "light",
    "dark"), torch on `threads` threads, so that the figures of the text come out here too. Prints
    one line about this machine."""
    import platform

    import torch

    from course_lib import plotting

    chosen = plotting.use_theme("light" if progress.headless() and theme == "auto" else theme)
    torch.set_num_threads(threads)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    version = f"Python {platform.python_version()} · torch {torch.__version__}"
    print(f"{version} · {device} · {threads} thread{'s' * (threads > 1)} · {chosen} pictures")


def claim(sentence, measured, holds, kind="exact"):
    """Judge a `sentence` of the text by the figure it is about, print the verdict, and enter it in
    the `ledger`.

    `holds(measured)` → True, False, or None for inconclusive. kind "exact": it must hold, else
    `AssertionError`; kind "measured": any verdict may come out. Of an inconclusive interval the
    effect that it would probably have shown is printed with it: what as many values with this
    spread tell from a bound four times in five.
    """
    if kind not in ("exact", "measured"):
        raise ValueError(f"kind = {kind!r}: must be 'exact' or 'measured'")
    verdict = holds(measured)
    verdict = None if verdict is None else bool(verdict)
    figure = _figure(measured)
    ledger.append(Claim(sentence, kind, verdict, figure))
    if kind == "exact" and not verdict:
        raise AssertionError(
            f"This should hold exactly and does not: {sentence}\n  measured: {figure}"
        )
    said = {True: "holds", False: "does not hold", None: "inconclusive" + _blind_below(measured)}[
        verdict
    ]
    print(f"{kind.capitalize()} · {said}: {sentence}\n  measured: {figure}")


def _blind_below(measured):
    detectable = getattr(measured, "detectable", float("nan"))
    if detectable != detectable:  # NaN: nobody worked it out
        return ""
    return (
        f" (a distance of {detectable:.2g} from the bound would have been told four times in five)"
    )


def _figure(measured):
    """A figure as text: four digits, intervals and lists of figures included."""
    if hasattr(measured, "half_width"):
        return str(measured)
    if hasattr(measured, "tolist"):
        measured = measured.tolist()
    if isinstance(measured, dict):
        return ", ".join(f"{key} {_figure(value)}" for key, value in measured.items())
    if isinstance(measured, (list, tuple)):
        shown = [_figure(value) for value in measured[:12]]
        return f"[{', '.join(shown)}{', …' if len(measured) > 12 else ''}]"
    return f"{measured:.4g}" if isinstance(measured, float) else str(measured)


def predict(key, question, options):
    """Ask for a commitment before the answer is known. `reveal(key, …)` shows it beside what came
    out.

    It is kept with the learner's progress and is there again after a restart. Once the answer is
    out it stays.
    """
    options = list(options)
    asked = _predictions[key] = _Prediction(question, options, *_kept_prediction(key, options))

    def committed(option):
        if "came" in asked.entry and option != asked.entry["said"]:
            return (
                f"The answer is out. Before it you said: <b>{html.escape(asked.entry['said'])}</b>."
            )
        if option == asked.entry.get("said"):
            problem = ""
        else:
            problem = asked.keep(said=option, at=progress.now())
        return f"You said: <b>{html.escape(option)}</b>. {html.escape(problem) or 'Kept until the answer comes.'}"

    return Question(question, options, committed, asked.entry.get("said"))


def _kept_prediction(key, options):
    """Name and entry of a prediction made before, in this session or an earlier one; the entry is
    empty if none was.
    """
    stem = progress.lesson()
    name = f"{stem}/{key}" if stem else ""
    former = (
        _predictions[key].entry
        if key in _predictions
        else progress.read()[0]["predictions"].get(name, {})
    )
    return name, dict(former) if former.get("said") in options else {}


def reveal(key, correct, because=""):
    """Show what was predicted under `key` beside the option that came out, and why.

    `correct` None: it is undecided.
    """
    if key not in _predictions:
        raise ValueError(
            f"{key}: nothing was asked under this name; run the cell with predict({key!r}, …) first"
        )
    asked = _predictions[key]
    if correct is not None and correct not in asked.options:
        raise ValueError(
            f"correct = {correct!r}: must be one of {', '.join(map(repr, asked.options))}"
        )
    chosen = asked.entry.get("said")
    problem = (
        asked.keep(came=correct, right=None if correct is None else chosen == correct)
        if chosen
        else ""
    )
    silent = (
        "Your own prediction will stand here." if progress.headless() else "You made no prediction."
    )
    said = {None: silent, correct or "": f"You said the same: {correct}."}
    came = (
        f"It came out: {correct}."
        if correct
        else "It came out undecided: an interval lies across its bound."
    )
    lines = [asked.question, said.get(chosen, f"You said: {chosen}."), came, because, problem]
    return text([line for line in lines if line])


def quiz(question, reasons, answer):
    """A question with a reason for each option: `reasons` maps option → why it is right or wrong;
    `answer` is the right one. Each choice is answered at once; without a kernel the answer is there
    to unfold."""
    if answer not in reasons:
        raise ValueError(f"answer = {answer!r}: must be one of {', '.join(map(repr, reasons))}")

    stem = progress.lesson()
    name = f"{stem}/{hashlib.sha256(question.encode()).hexdigest()[:8]}" if stem else ""
    return Question(
        question, list(reasons), reply_to(reasons, answer, name), reasons=reasons, answer=answer
    )


def show_source(function):
    """The source of a function or class of the course, in colour, its docstring cut to the first
    paragraph.
    """
    return _Source(_readable_source(function))


def _readable_source(function):
    lines = textwrap.dedent(inspect.getsource(function)).rstrip().splitlines()
    definition = ast.parse("\n".join(lines)).body[0]
    doc = ast.get_docstring(definition)
    if doc and "\n\n" in doc:
        node = definition.body[0]
        summary = textwrap.indent(f'"""{doc.split(chr(10) * 2)[0]}"""', " " * node.col_offset)
        lines[node.lineno - 1 : node.end_lineno] = summary.splitlines()
    return "\n".join(lines)


class _Source:
    def __init__(self, source):
        self._source = source

    def _repr_mimebundle_(self, include=None, exclude=None):
        from jupyterlab_pygments import JupyterStyle  # the editor's own colours, light or dark
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer

        formatter = HtmlFormatter(style=JupyterStyle, noclasses=True, nobackground=True)
        page = highlight(self._source, PythonLexer(), formatter)
        return {"text/html": page, "text/plain": self._source}
