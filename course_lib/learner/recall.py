"""Flash cards that come back after 1, then 3, then 7 days; one not known after 1 day again.

After the third return a card is learned and rests. A card's entry in the progress file has "days",
the wait it is in (0: learned), and "due", the day it comes back.
"""

import sys
from collections.abc import Callable, Iterable
from datetime import date, timedelta

from course_lib import LESSONS
from course_lib.base import progress
from course_lib.learner.quizzes import Card, cards

WAITS = (1, 3, 7)  # days


def due(kept: dict, today: date, stems: Iterable[str] = ()) -> list[Card]:
    """Cards to be asked today, those that wait longest first and new ones last.

    `kept`: as `progress.read` returns it. New cards come with the lessons that were begun. Of the
    lessons named in `stems`, if any are, and of no others: what is due and, begun or not, what is
    new.
    """
    chosen = list(stems) or begun(kept)
    entries = kept["cards"]
    known = [
        card for stem in chosen for card in cards(stem) if _is_due(entries.get(card.name), today)
    ]
    return sorted(known, key=lambda card: str(entries.get(card.name, {}).get("due") or "9999"))


def begun(kept: dict) -> list[str]:
    """Stems of the lessons in which anything was done."""
    names = {name.partition("/")[0] for section in progress.SECTIONS for name in kept[section]}
    return [stem for stem in LESSONS if stem in names]


def _is_due(entry: dict | None, today: date) -> bool:
    if not entry:
        return True
    return bool(entry.get("days")) and str(entry.get("due", "")) <= today.isoformat()


def answer(card: Card, knew: bool, today: date | None = None) -> str:
    """Keep whether the card was known and say when it comes back."""
    today = today or date.today()
    former = progress.read()[0]["cards"].get(card.name, {}).get("days")
    days = _next_wait(former) if knew else WAITS[0]
    back = (today + timedelta(days=days)).isoformat()
    problem = progress.note(
        "cards", card.name, days=days, due=back if days else "", at=progress.now()
    )
    said = f"It comes back in {days} day{'s' * (days > 1)}." if days else "Learned: it rests now."
    return f"{said} {problem}".rstrip()


def _next_wait(former: int | None) -> int:
    """The wait after a right answer; 0 after the last."""
    later = WAITS if former not in WAITS else WAITS[WAITS.index(former) + 1 :]
    return later[0] if later else 0


def nothing_due(kept: dict, stems: Iterable[str] = ()) -> str:
    """Why there is nothing to ask, and when there will be."""
    chosen = list(stems) or begun(kept)
    if not chosen:
        return "No lesson is begun yet. The cards of a lesson, say dropout: course recall dropout"
    days = [kept["cards"].get(card.name, {}).get("due") for stem in chosen for card in cards(stem)]
    next_day = min(map(str, filter(None, days)), default="")
    return (
        f"Nothing is due. The next card comes on {next_day}."
        if next_day
        else "All these cards are learned."
    )


def session(
    stems: Iterable[str], ask: Callable[[str], str] | None = None, today: date | None = None
) -> int:
    """Ask what is due in a terminal, card by card; without a keyboard, print it. Returns 0."""
    kept, said = progress.read()
    today, stems = today or date.today(), list(stems)
    found = due(kept, today, stems)
    if said:
        print(said)
    if not found:
        print(nothing_due(kept, stems))
    elif ask or (sys.stdin.isatty() and sys.stdout.isatty()):
        _ask_all(found, ask or input, today)
    else:
        print("\n".join(f"{card.stem}: {card.front}\n    {card.back}" for card in found))
    return 0


def _ask_all(found: list[Card], ask: Callable[[str], str], today: date) -> None:
    try:
        for number, card in enumerate(found, 1):
            print(f"\n{number} of {len(found)} · {card.stem}\n{card.front}")
            if _key(ask, "    Enter: turn it   q: leave  ", ("", "q")) == "q":
                return
            print(card.back)
            key = _key(ask, "    y: I knew it   n: not yet   q: leave  ", ("y", "n", "q"))
            if key == "q":
                return
            print(answer(card, key == "y", today))
    except (EOFError, KeyboardInterrupt):
        print()


def _key(ask: Callable[[str], str], prompt: str, keys: tuple[str, ...]) -> str:
    """One of the keys, asked for until it comes; only its first letter counts."""
    while (key := ask(prompt).strip().lower()[:1]) not in keys:
        pass
    return key
