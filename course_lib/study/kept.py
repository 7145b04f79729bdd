"""Every fit of a study, kept as it is made, so that an interrupted study goes on."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from course_lib.base.files import write_whole

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

    Raises ValueError where the folder holds a study that was planned otherwise, saying in what.
    """

    def __init__(self, folder: Path | None, plan: dict[str, Any]):
        self.folder, self.fits = folder, dict[str, Fitted]()
        if folder is None:
            return
        path = folder / PLAN
        if not path.exists():
            write_whole(path, json.dumps(plan, indent=1, ensure_ascii=False) + "\n")
        before = json.loads(path.read_text("utf-8"))
        now = json.loads(json.dumps(plan))
        other = [name for name in now.keys() | before.keys() if now.get(name) != before.get(name)]
        if other:
            raise ValueError(
                f"folder = {str(folder)!r}: holds a study with other {', '.join(sorted(other))}; "
                "take another folder, or the plan that it was begun with"
            )
        if (folder / FITS).exists():
            text = (folder / FITS).read_text("utf-8")
            whole = text[: text.rfind("\n") + 1]  # a line cut off as the machine stopped goes
            if whole != text:
                write_whole(folder / FITS, whole)
            for line in whole.splitlines():
                self._take(Fitted(**json.loads(line)))

    def find(self, stage: str, arm: str, setting: dict[str, Any], division: int) -> Fitted | None:
        """The fit if it was made."""
        return self.fits.get(_key(stage, arm, setting, division))

    def add(self, fitted: Fitted) -> Fitted:
        """Keep a fit, on the disk before anything else is begun."""
        self._take(fitted)
        if self.folder is not None:
            with open(self.folder / FITS, "a", encoding="utf-8") as file:
                file.write(json.dumps(fitted._asdict(), ensure_ascii=False) + "\n")
        return fitted

    def _take(self, fitted: Fitted) -> None:
        self.fits[_key(*fitted[:4])] = fitted


def _key(stage: str, arm: str, setting: dict[str, Any], division: int) -> str:
    return json.dumps([stage, arm, setting, division], sort_keys=True)
