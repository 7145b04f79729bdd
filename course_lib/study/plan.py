"""The plan of a study, made before anything is seen, and what carries it out."""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from course_lib.base.arguments import require, require_choice, require_probability, require_whole
from course_lib.base.random import seeded, shifted
from course_lib.data.split import standardised
from course_lib.statistics import t_reach
from course_lib.study.arm import Arm, Setting, drawing, logits, shaped
from course_lib.study.code import code_of
from course_lib.study.findings import Chosen, Findings, too_few
from course_lib.study.kept import Fitted, Kept
from course_lib.study.rows import Division, Rows, read

Measure = Callable[[nn.Module, Tensor, Tensor], float]


def _error(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return (logits(model(x), y).argmax(-1) != y).double().mean().item()


def _nll(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return nn.functional.cross_entropy(logits(model(x), y), y).item()


def _mse(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return nn.functional.mse_loss(shaped(model(x), y), y).item()


#: share of rows classified wrongly, mean negative log-likelihood in nats, mean squared error
MEASURES: dict[str, Measure] = {"error": _error, "nll": _nll, "mse": _mse}
POWER = 0.8


@dataclass(frozen=True)
class Plan:
    """What a study will do; see `plan`, which makes it. `run` does it."""

    arms: dict[str, Arm]
    rows: Rows
    matters: float
    measure: Measure
    measured: str
    budget: int
    pilots: int
    least: int
    most: int
    level: float
    standardise: bool
    device: torch.device
    kept: Kept

    @property
    def comparison_level(self) -> float:
        """The level of each comparison with the first arm: all hold together at `level`."""
        return 1 - (1 - self.level) / (len(self.arms) - 1)

    @property
    def fits(self) -> int:
        """How many fits there are at most."""
        return len(self.arms) * (self.budget * self.pilots + self.most)

    def __str__(self) -> str:
        n, judged = len(self.rows.x), len(self.rows.judging)
        lines = [
            f"{' against '.join(self.arms)}: {self.measured} (less is better), "
            f"{self.matters:g} is the smallest difference that matters",
            f"tuning: {n - judged} of {n} rows, {self.budget} settings an arm, "
            f"{self.pilots} divisions each",
            f"judging: {self.least} to {self.most} divisions, "
            f"{self.rows.held} test rows each from {judged} that nothing was tuned on",
            f"at most {self.fits} fits{self._cost()}",
        ]
        return "\n".join(lines)

    def _cost(self) -> str:
        timed = {fit.arm: fit.seconds for fit in self.kept.fits.values() if fit.stage == "pilot"}
        if len(timed) < len(self.arms):
            return "; estimate() times one of each arm"
        pilot, judged = (len(some[0][0]) for some in (self.rows.pilots(1), self.rows.divisions(1)))
        each = self.budget * self.pilots + self.most * judged / pilot
        return f", about {_duration(each * sum(timed.values()))} on this machine"

    def estimate(self) -> str:
        """Time one fit of each arm, which is kept, and say what the whole will cost.

        One more is made before them and not kept: a process's first fit is slower than the others.
        """
        division = self.rows.pilots(1)[0]
        firsts = [(name, self._settings(name)[0]) for name in self.arms]
        left = [it for it in firsts if self.kept.find("pilot", *it, 0) is None]
        for name, setting in left[:1]:
            self._fitted("pilot", name, setting, 0, division)
        for name, setting in left:
            self._figure("pilot", name, setting, 0, division)
        return str(self)

    def _settings(self, name: str) -> list[Setting]:
        return self.arms[name].settings(self.budget, self.rows.seed)

    def run(self, report: Callable[[str], object] | None = print) -> Findings:
        """Do what is left to do; return what was found.

        report: called with a line now and then; None: nobody. Interrupted, every finished fit is
        kept, and the next call goes on (with a `folder`, in another process too).
        """
        tell = report or (lambda line: None)
        chosen = {name: self._tuned(name, tell) for name in self.arms}
        count = self.divisions_needed(chosen)
        tell(f"judging in {count} divisions, by what the pilots differed")
        divisions = self.rows.divisions(count)
        tested = torch.cat([test for _, test in divisions]).unique()
        power = self.detectable(chosen, count)
        if power > self.matters:
            tell(too_few(count, power, self.matters))
        figures = {
            name: [
                self._figure("judged", name, chosen[name].setting, number, division)
                for number, division in enumerate(_told(divisions, name, tell))
            ]
            for name in self.arms
        }
        return Findings(
            figures=figures,
            chosen=chosen,
            measured=self.measured,
            matters=self.matters,
            rows=self.rows.overlapping,
            level=self.comparison_level,
            planned=str(self),
            power=power,
            tested=len(tested) if self.measure is _error else None,
        )

    def _tuned(self, name: str, tell: Callable[[str], object]) -> Chosen:
        """The setting of the lowest mean figure over the pilot divisions; of equal ones, by lot."""
        divisions, tried = self.rows.pilots(self.pilots), []
        for setting in self._settings(name):
            figures = [
                self._figure("pilot", name, setting, number, division)
                for number, division in enumerate(divisions)
            ]
            tried.append((sum(figures) / len(figures), setting, figures))
            tell(f"tuning {name}: {len(tried)} of {self.budget}")
        finite = [one for one in tried if math.isfinite(one[0])]
        if not finite:
            raise ValueError(f"{name}: no setting gave a finite {self.measured} in every division")
        lots = torch.randperm(len(finite), generator=seeded(self.rows.seed, "ties")).tolist()
        _, setting, figures = min((finite[lot] for lot in lots), key=lambda one: one[0])
        means = [(setting, mean) for mean, setting, _ in tried]
        return Chosen(setting, figures, means, self.arms[name].edges(setting))

    def divisions_needed(self, chosen: Mapping[str, Chosen]) -> int:
        """The least J whose `detectable` is at most `matters`; `most` where none is.

        Settled before any division is judged.
        """
        counts = range(self.least, self.most)
        return next((J for J in counts if self.detectable(chosen, J) <= self.matters), self.most)

    def detectable(self, chosen: Mapping[str, Chosen], divisions: int) -> float:
        """The smallest difference that J divisions see four times in five, by the pilots.

        `t_reach`·s·√(1/J + n_te/n_tr), s: the standard deviation of the pilots'
        differences between the frozen arms, the largest.
        """
        first, *others = (one.figures for one in chosen.values())
        spread = max(
            torch.tensor([a - b for a, b in zip(other, first)]).double().std().item()
            for other in others
        )
        free, held = self.rows.overlapping
        reach = t_reach(divisions, self.comparison_level, POWER)
        return float(reach * spread * math.sqrt(1 / divisions + held / free))

    def _figure(
        self, stage: str, name: str, setting: Setting, number: int, division: Division
    ) -> float:
        known = self.kept.find(stage, name, setting, number)
        if known is None:
            known = self.kept.add(self._fitted(stage, name, setting, number, division))
        return known.figure

    def _fitted(
        self, stage: str, name: str, setting: Setting, number: int, division: Division
    ) -> Fitted:
        train, test = division
        x = standardised(self.rows.x, train) if self.standardise else self.rows.x
        parts = (x[train], self.rows.y[train], x[test], self.rows.y[test])
        x, y, test_x, test_y = (part.to(self.device) for part in parts)
        purposes = (f"{it} {stage} {number}" for it in ("train", "measure"))  # of any arm
        dice = (seeded(self.rows.seed, purpose) for purpose in purposes)
        fresh, judge = (int(torch.randint(2**31, (), generator=it)) for it in dice)
        begun = time.perf_counter()
        model = self.arms[name].train(setting, x, y, fresh)
        with torch.no_grad(), drawing(judge, self.device):
            figure = float(self.measure(model, test_x, test_y))
        seconds = time.perf_counter() - begun
        return Fitted(
            stage, name, setting, number, figure if math.isfinite(figure) else math.nan, seconds
        )


def plan(
    arms: Mapping[str, Arm],
    data: tuple[Tensor, Tensor] | Dataset,
    *,
    matters: float,
    measure: str | Measure = "error",
    budget: int = 9,
    pilots: int = 4,
    divisions: tuple[int, int] = (10, 30),
    tuning: float = 1 / 3,
    test: float = 0.2,
    level: float = 0.95,
    standardise: bool = False,
    folder: str | Path | None = None,
    device: torch.device | str = "auto",
    seed: int = 0,
) -> Plan:
    """The plan of a study; nothing is trained yet.

    arms: name → `Arm`, two or more; the others are compared with the first.
    data: tensors x [rows, …], y [rows] (class numbers, or targets, floats, of one or more columns),
    or a Dataset of such pairs; see `read` for their types.
    matters: the smallest difference in the measure that you would act on, > 0.
    measure: "error", "nll" (outputs [rows, classes], class numbers), "mse" (targets), or a function
    (model in evaluation, x, y) → number, with torch's generators seeded alike for all arms; less is
    better.
    budget: settings that every arm may try. pilots: divisions that each is tried on, at least 2.
    divisions: at least and at most so many to judge on; how many, the pilots decide.
    tuning, test: shares of the rows, for tuning and in each test set. A pilot trains on fewer rows
    than a judged fit: with `fit` and epochs, on fewer updates too; `steps` makes these equal.
    level: of all comparisons together (Bonferroni, with more than two arms).
    standardise: every column of x [rows, columns] with mean 0, standard deviation 1 over the
    training rows of each division.
    folder: where every fit is kept; None: nowhere. A folder of another plan is refused: of other
    arms, data, numbers, device, version of torch, or code of the arms and the measure. That code is
    watched as far as `code_of` says: deeper code, of modules that your functions import, is not.
    device: "auto" is CUDA if there is one.
    seed: of divisions, settings drawn, initial weights and batch orders.
    Raises ValueError naming the argument, its value and its range; see `Arm.settings` for budgets.
    """
    if len(arms) < 2:
        raise ValueError(f"arms = {list(arms)}: must be two or more")
    for name, arm in arms.items():
        if not isinstance(name, str):
            raise ValueError(f"arms: {name!r} is {type(name).__name__}, must be a str")
        if not isinstance(arm, Arm):
            raise ValueError(f"arms: {name!r} is {type(arm).__name__}, must be a study.Arm")
        try:
            arm.settings(budget, seed)
        except ValueError as problem:
            raise ValueError(f"arms: {name!r}: {problem}") from None
    require("matters", matters, open_low=True)
    if not callable(measure):
        require_choice("measure", measure, tuple(MEASURES))
    budget, pilots = require_whole("budget", budget, 1), require_whole("pilots", pilots, 2)
    least = require_whole("divisions[0]", divisions[0], 2)
    most = require_whole("divisions[1]", divisions[1], least)
    require_probability("level", level, open_low=True, open_high=True)
    rows = read(data, tuning, test, seed)
    _require_targets(measure, rows.y)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    measured = measure if isinstance(measure, str) else getattr(measure, "__name__", "measure")
    written = {
        "arms": [[name, _written(arm)] for name, arm in arms.items()],
        "data": rows.digest(),
        "measure": measure if isinstance(measure, str) else code_of(measure),
        "device": str(device),
        "torch": torch.__version__,
        "seed": shifted(seed),
        "matters": matters,
        "budget": budget,
        "pilots": pilots,
        "divisions at least": least,
        "divisions at most": most,
        "tuning": tuning,
        "test": test,
        "level": level,
        "standardise": standardise,
    }
    return Plan(
        arms=dict(arms),
        rows=rows,
        matters=matters,
        measure=MEASURES[measure] if isinstance(measure, str) else measure,
        measured=measured,
        budget=budget,
        pilots=pilots,
        least=least,
        most=most,
        level=level,
        standardise=standardise,
        device=torch.device(device),
        kept=Kept(None if folder is None else Path(folder), written),
    )


def _require_targets(measure: str | Measure, y: Tensor) -> None:
    """Raise ValueError where `measure`, if it is one of ours, is none for targets like y."""
    found = f"measure = {measure!r}: y is {y.dtype} {list(y.shape)}"
    if measure in ("error", "nll") and (y.is_floating_point() or y.ndim != 1):
        raise ValueError(
            f"{found}, must be class numbers, whole and [rows]: "
            'give y.long(), or take "mse" or a function as the measure'
        )
    if measure == "mse" and not y.is_floating_point():
        raise ValueError(f'{found}, must be floats: give y.float(), or take "error" or "nll"')


def _written(arm: Arm) -> dict[str, Any]:
    search = {
        name: [code_of(it) if callable(it) else it for it in values]
        for name, values in arm.search.items()
    }
    return {"search": search, "model": code_of(arm.model), "fit": code_of(arm.fit)}


def _told(
    divisions: list[Division], name: str, tell: Callable[[str], object]
) -> Iterable[Division]:
    for number, division in enumerate(divisions, 1):
        yield division
        tell(f"judging {name}: {number} of {len(divisions)}")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
