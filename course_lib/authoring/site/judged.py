"""One claim being judged, seed by seed: what the first page shows.

It is a claim of lesson 06, with the seeds and the bound that are fixed there. After each seed the
interval so far and what it says; the verdict is the last one.
"""

import html
import json
from pathlib import Path

from course_lib.base.card import bundle, style
from course_lib.base.files import write_whole
from course_lib.base.record import Bar, Record
from course_lib.statistics import Interval, paired_interval

LESSON = "06_dropout"
SENTENCE = "With right labels p = 0.5 lowers the test error by more than one point."
BOUND, SEEDS = 0.01, tuple(range(20, 40))


def gains(folder: Path) -> list[float]:
    """By how much dropout lowers the test error at each seed; kept in `folder`."""
    path = folder / "judged.json"
    if not path.exists():
        from course_lib.experiments.dropout import curves

        *_, found = curves.compute_curves("all right", seeds=SEEDS, ps=(0.0, 0.5, 0.85))
        plain, half, _ = found.test_error[:, :, -1].T
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps((plain - half).tolist()))
    return json.loads(path.read_text(encoding="utf-8"))


def cards(values: list[float]) -> list[str]:
    """What is known after 2, 3, … of the `values`, as cards."""
    pairs = [(values[:n], [0.0] * n) for n in range(2, len(values) + 1)]
    return [_card(paired_interval(gained, zero)) for gained, zero in pairs]


def _card(interval: Interval) -> str:
    verdict = {True: "holds", False: "does not hold", None: "inconclusive"}
    record = Record(
        kind="claim",
        text=SENTENCE,
        basis="measured",
        verdict=verdict[interval.between(low=BOUND)],
        figure=str(interval),
        bars=(Bar("", interval.mean, interval.low, interval.high),),
        bounds=(BOUND,),
        n=interval.n,
    )
    return bundle(record, "")["text/html"].replace(style(), "").strip("\u200b\n")


def element(values: list[float], where: str) -> str:
    """The cards with a slider over the seeds; `where`: the address of the lesson's own cell."""
    found = cards(values)
    last = len(found) - 1
    items = "".join(
        f'<div class="course-step"{" hidden" * (i < last)}>{card}</div>'
        for i, card in enumerate(found)
    )
    link = f' <a href="{html.escape(where)}">Lesson 06 judges it.</a>' if where else ""
    return (
        f'<div class="course-seeds"><p class="course-lead"><b>One claim, being judged.</b> '
        f"Seeds come in one by one; at {len(values)}, fixed beforehand, the verdict stands.</p>"
        f'<label>seeds <input type="range" min="2" max="{len(values)}" '
        f'value="{len(values)}"></label>'
        f'<button type="button">▶ judge again</button><output>{len(values)} seeds</output>'
        f'<div class="course-cards">{items}</div><p>{link.strip()}</p></div>'
    )
