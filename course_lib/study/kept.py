"""Every fit of a study, kept as it is made, so that an interrupted study goes on."""

import json
import os
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from course_lib.base.files import write_whole
from course_lib.study.code import plain

PLAN, FITS = "plan.json", "fits.jsonl"


class Fitted(NamedTuple):
    """One fit: what it was, its figure (NaN: not finite), how long it took."""

    stage: str
    arm: str
    setting: dict[str, Any]
    division: int
    figure: float
    seconds: float


class Kept:
    """The fits of one plan, in `folder`, or in memory alone if that is None.

    Raises ValueError where the folder holds a study that was planned otherwise, saying in what, and
    where it holds fits without a plan. Warns of garbled lines: those fits are made anew.
    """

    def __init__(self, folder: Path | None, plan: dict[str, Any]):
        self.folder, self.fits = folder, dict[str, Fitted]()
        if folder is None:
            return
        path, fits = folder / PLAN, folder / FITS
        if not path.exists():
            if fits.exists():
                raise ValueError(f"folder = {str(folder)!r}: holds {FITS} without {PLAN}")
            write_whole(path, json.dumps(plan, indent=1, ensure_ascii=False, default=plain) + "\n")
        other = _other(json.loads(path.read_text("utf-8")), json.loads(_text(plan)))
        if other:
            raise ValueError(
                f"folder = {str(folder)!r}: holds a study with other {', '.join(other)}; "
                "take another folder, or the plan that it was begun with"
            )
        if fits.exists():
            text = fits.read_text("utf-8", errors="replace")
            whole = text[: text.rfind("\n") + 1]  # a line cut off as the machine stopped goes
            if whole != text:
                write_whole(fits, whole)
            self._read(whole)

    def _read(self, text: str) -> None:
        garbled = 0
        for line in text.split("\n")[:-1]:  # a name may hold other breaks, of U+2028 for one
            try:
                self._take(Fitted(**json.loads(line)))
            except (ValueError, TypeError):
                garbled += 1
        if garbled:
            warnings.warn(f"{self.folder}: {garbled} line(s) of {FITS} are garbled", stacklevel=2)

    def find(self, stage: str, arm: str, setting: dict[str, Any], division: int) -> Fitted | None:
        """The fit if it was made."""
        return self.fits.get(_key(stage, arm, setting, division))

    def add(self, fitted: Fitted) -> Fitted:
        """Keep a fit, on the disk before anything else is begun."""
        if self.folder is not None:
            with open(self.folder / FITS, "a", encoding="utf-8") as file:
                file.write(_text(fitted._asdict()) + "\n")
                file.flush()
                os.fsync(file.fileno())
        self._take(fitted)
        return fitted

    def _take(self, fitted: Fitted) -> None:
        self.fits[_key(*fitted[:4])] = fitted


def _key(stage: str, arm: str, setting: dict[str, Any], division: int) -> str:
    return json.dumps([stage, arm, setting, division], sort_keys=True, default=plain)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=plain)


def _other(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs between two plans; of numbers from what to what."""
    return [
        f"{name} {before[name]} → {now[name]}"
        if isinstance(before.get(name), (int, float)) and name in now
        else name
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]
