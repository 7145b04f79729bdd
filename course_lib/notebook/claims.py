"""Claims: a sentence of the text is judged by the figure it is about."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from course_lib.learner.cells import judgement_text


@dataclass(frozen=True)
class Claim:
    """A sentence that a cell has judged. `verdict`: True, False or None (inconclusive)."""

    sentence: str
    kind: str
    verdict: bool | None
    figure: str


ledger: list[Claim] = []  # of this session, in the order in which they were made


def claim(sentence: str, measured: Any, holds: Callable[[Any], Any], kind: str = "exact") -> None:
    """Judge a `sentence` by the figure it is about, print the verdict, enter it in the `ledger`.

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
    words = {True: "holds", False: "does not hold", None: "inconclusive" + _blind_below(measured)}
    print(judgement_text(sentence, kind, figure, words[verdict]))


def _blind_below(measured: Any) -> str:
    detectable = getattr(measured, "detectable", float("nan"))
    if detectable != detectable:  # NaN: nobody worked it out
        return ""
    return (
        f" (a distance of {detectable:.2g} from the bound would have been told four times in five)"
    )


def _figure(measured: Any) -> str:
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
