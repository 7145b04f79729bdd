"""Every explorer that a lesson shows, frozen: found in its cells, computed once, kept in build/.

A call `explore.masks.show(p=0.5)` is read from a cell's source. Its pictures are kept under a name
made of the sources that they come from, so that a change to one experiment computes its own
explorers anew and no others.
"""

import ast
import hashlib
import importlib
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.base.files import write_whole
from course_lib.base.sources import computing, reached
from course_lib.learner.cells import calls
from course_lib.panel.explorer import Explorer
from course_lib.panel.frozen import Frozen, freeze


@dataclass(frozen=True)
class Shown:
    """One call: the explorer's module ("course_lib.explorers.dropout.masks"), where it begins."""

    module: str
    numbers: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, module: str, state: str = "", **given: Any) -> "Shown":
        """What `show(state=…, …)` of a module's explorer shows."""
        explorer = importlib.import_module(module).explorer
        return cls(module, tuple(explorer.begun(state, given).items()))

    @property
    def explorer(self) -> Explorer:
        """The explorer itself."""
        return importlib.import_module(self.module).explorer

    @property
    def name(self) -> str:
        """Its name in build/: which explorer, and a digest of all that its pictures hang on."""
        stem = "-".join(self.module.split(".")[-2:])
        digest = hashlib.sha256(repr(sorted(self.numbers)).encode())
        for path in sorted(reached(f"import {self.module}, course_lib.panel.frozen")):
            digest.update(computing(path).encode())
        return f"{stem}-{digest.hexdigest()[:10]}"


def shown_in(source: str, stem: str) -> Shown | None:
    """What a cell of the lesson `stem` shows; None where it needs a kernel.

    That is where a function of the learner's own is handed over: what it draws nobody can know.
    """
    (call,) = calls(source, "explorer")[:1]
    package = importlib.import_module(f"course_lib.explorers.{stem}")
    name = ast.unparse(call.node.func).split(".")[1]
    given: dict[str, Any] = {}
    for keyword in call.node.keywords:
        if keyword.arg in ("update", "layer"):
            return None
        code = compile(ast.Expression(keyword.value), "", "eval")
        given[str(keyword.arg)] = eval(code, {"explore": package})  # our own lesson's source
    return Shown.of(f"{package.__name__}.{name}", **given)


def kept(shown: Shown, folder: Path) -> Frozen:
    """The frozen explorer, from `folder` if it is there, else computed and kept there."""
    path = folder / f"{shown.name}.json"
    if not path.exists():
        made = freeze(shown.explorer, **dict(shown.numbers))
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(vars(made), ensure_ascii=False, separators=(",", ":"))
        write_whole(path, text)
    return Frozen(**json.loads(path.read_text(encoding="utf-8")))


def keep_all(wanted: Iterable[Shown], folder: Path, report: Callable[[str], None]) -> None:
    """Compute what is not kept yet, on all cores, longest first as far as is known."""
    missing = [one for one in dict.fromkeys(wanted) if not (folder / f"{one.name}.json").exists()]
    if not missing:
        return
    report(f"drawing {len(missing)} explorers, some of which train networks: minutes, once")
    with ProcessPoolExecutor(os.cpu_count(), initializer=_one_thread) as pool:
        jobs = {pool.submit(kept, one, folder): one for one in sorted(missing, key=_last_is_short)}
        for done, job in enumerate(as_completed(jobs), 1):
            job.result()
            report(f"  {done} of {len(missing)}: {jobs[job].module.removeprefix('course_lib.')}")


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)  # as lessons are built: the same figures


def _last_is_short(shown: Shown) -> bool:
    """Explorers that train come first, so that no core is left alone with one at the end."""
    return not any(control.trained for control in shown.explorer.controls.values())
