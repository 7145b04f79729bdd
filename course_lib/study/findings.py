"""What a study found: one verdict a comparison, with its interval; a picture, cards, a page."""

import base64
import io
import json
import math
import platform
from dataclasses import asdict, dataclass
from datetime import date
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import torch
from matplotlib.figure import Figure

from course_lib import __version__, plotting
from course_lib.base import card
from course_lib.base.files import write_whole
from course_lib.base.record import Bar, Record, blind_below
from course_lib.statistics import Interval, corrected_interval
from course_lib.study.code import plain

BETTER, WORSE, SMALL, OPEN = "better", "worse", "no difference that matters", "inconclusive"


@dataclass(frozen=True)
class Chosen:
    """How an arm was tuned.

    setting: the one that was frozen. figures [pilots]: its own. tried: every setting with its mean
    figure. edges: the hyper-parameters whose best value is the smallest or largest tried.
    """

    setting: dict[str, Any]
    figures: list[float]
    tried: list[tuple[dict[str, Any], float]]
    edges: list[str]


@dataclass(frozen=True)
class Findings:
    """What `Plan.run` found. The first arm is the one that the others are compared with.

    figures: arm → its figure in each division judged, in the same order; less is better. chosen:
    arm → how it was tuned. rows: as `corrected_interval` takes them. level: of each interval.
    planned: the plan in words. power: the smallest difference that so many divisions were to see
    four times in five, by the pilots. tested: distinct rows tested in all divisions, where the
    measure is the share of them that is wrong; else None.
    """

    figures: dict[str, list[float]]
    chosen: dict[str, Chosen]
    measured: str
    matters: float
    rows: tuple[int, int]
    level: float
    planned: str
    power: float = 0.0
    tested: int | None = None

    @property
    def reference(self) -> str:
        """The first arm."""
        return next(iter(self.figures))

    @property
    def others(self) -> list[str]:
        """The arms that are compared with it."""
        return list(self.figures)[1:]

    def difference(self, arm: str) -> Interval:
        """The interval of `arm` minus the first, paired, corrected for overlapping divisions.

        Where all differences are equal, no spread says how sure they are. Of shares of wrong rows
        the interval then reaches −ln(1 − level)/`tested` to either side, at 95 % the rule of three:
        so often may happen what none of n rows showed (Hanley & Lippman-Hand, JAMA 249, 1983). It
        is a rough guide: the rows' errors may have cancelled. Of other measures it has no width.
        Raises ValueError for an unknown arm, and where a fit gave no finite figure.
        """
        found = corrected_interval(self._differences(arm), *self.rows, level=self.level)
        if self.tested and self.alike(arm):
            reach = -math.log(1 - self.level) / self.tested
            found = found._replace(low=found.mean - reach, high=found.mean + reach)
        return found

    def _differences(self, arm: str) -> list[float]:
        if arm not in self.others:
            raise ValueError(f"arm = {arm!r}: must be one of {', '.join(map(repr, self.others))}")
        pairs = zip(self.figures[arm], self.figures[self.reference], strict=True)
        return [a - b for a, b in pairs]

    def alike(self, arm: str) -> bool:
        """Whether `arm` differs from the first by the same in all divisions, up to rounding."""
        differences = self._differences(arm)
        return math.isclose(min(differences), max(differences), rel_tol=1e-9, abs_tol=1e-12)

    def lost(self, arm: str) -> int:
        """In how many divisions `arm`, or the first, gave no finite figure."""
        return sum(not math.isfinite(it) for it in self._differences(arm))

    def verdict(self, arm: str) -> str:
        """What the interval says of `arm` beside the first.

        "no difference that matters": all of it within ± `matters`. "better", "worse": all of it
        below 0, above. Else "inconclusive"; so too where a fit gave no finite figure, and where all
        differences are equal and the measure is no share of wrong rows.
        """
        if self.lost(arm) or (self.alike(arm) and not self.tested):
            return OPEN
        found = self.difference(arm)
        if -self.matters < found.low and found.high < self.matters:
            return SMALL
        return BETTER if found.high < 0 else WORSE if found.low > 0 else OPEN

    def sentence(self, arm: str) -> str:
        """The verdict as a sentence, with its interval."""
        words = {
            BETTER: f"{arm} is better than {self.reference}",
            WORSE: f"{arm} is worse than {self.reference}",
            SMALL: f"{arm} and {self.reference}: no difference that matters",
            OPEN: f"{arm} against {self.reference}: inconclusive",
        }[self.verdict(arm)]
        return f"{words}: {self._interval(arm)}"

    def notes(self, arm: str) -> list[str]:
        """What a reader must know besides."""
        said = []
        if not self.lost(arm):
            if self.alike(arm):
                count = len(self.figures[arm])
                said.append(
                    f"the {count} differences are equal: the interval is the rule of three's, "
                    f"from {self.tested} distinct rows tested"
                    if self.tested
                    else f"the {count} differences are equal: nothing says how sure that is"
                )
            elif self.verdict(arm) == OPEN:
                said.append(blind_below(self.difference(arm).detectable))
        if self.power > self.matters:
            said.append(too_few(len(self.figures[arm]), self.power, self.matters))
        for name in (self.reference, arm):
            for knob in self.chosen[name].edges:
                value = _word(self.chosen[name].setting[knob])
                said.append(f"{name}: the best {knob}, {value}, is at the edge of what was tried")
        return said

    def __str__(self) -> str:
        lines = [line for arm in self.others for line in (self.sentence(arm), *self.notes(arm))]
        settings = (f"{name}: {_words(it.setting)}" for name, it in self.chosen.items())
        return "\n".join([*lines, *settings])

    def _interval(self, arm: str) -> str:
        if self.lost(arm):
            return f"{self.lost(arm)} division(s) gave no finite {self.measured}"
        found, percent = self.difference(arm), 100 * self.level
        interval = f"{found.mean:+.3g} [{found.low:+.3g}, {found.high:+.3g}]"
        return f"{self.measured} {interval} ({percent:.3g} %, {found.n} divisions)"

    def record(self, arm: str) -> Record:
        """A row like those of the ledger: the claim that `arm` has less than the first.

        Where no difference matters, the claim is that one, with its two bounds.
        """
        small = self.verdict(arm) == SMALL
        judged = {BETTER: "holds", SMALL: "holds", WORSE: "does not hold", OPEN: "inconclusive"}
        bars: tuple[Bar, ...] = ()
        if not self.lost(arm):
            found = self.difference(arm)
            bars = (Bar("", found.mean, found.low, found.high),)
        return Record(
            kind="claim",
            basis="measured",
            text=f"{arm} and {self.reference} differ by less than {self.matters:g}"
            if small
            else f"{arm} has less {self.measured} than {self.reference}",
            verdict=judged[self.verdict(arm)],
            figure=self._interval(arm),
            bars=bars,
            bounds=(-self.matters, self.matters) if small else (0.0,),
            level=self.level,
            n=len(self.figures[arm]),
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        cards = [
            card.bundle(self.record(arm), self.sentence(arm), self.notes(arm))["text/html"]
            for arm in self.others
        ]
        return {"text/plain": str(self), "text/html": "".join(cards)}

    def picture(self) -> Figure:
        """Every arm's figure in each division, and the differences with their intervals."""
        with plotting.style():
            figure = Figure(figsize=(8, 0.8 + 0.5 * len(self.figures)), layout="constrained")
            left, right = figure.subplots(1, 2)
            names, colors = list(self.figures), [plotting.series(k)[0] for k in range(7)]
            for place, name in enumerate(names):
                values = self.figures[name]
                dots = {
                    "color": colors[place % 7],
                    "marker": ".",
                    "alpha": 0.5,
                    "linestyle": "none",
                }
                left.plot(values, [place] * len(values), **dots)
                left.plot([sum(values) / len(values)], [place], "|", color="black", markersize=14)
            right.axvspan(-self.matters, self.matters, color=plotting.muted(), alpha=0.2)
            right.axvline(0, color=plotting.muted(), linewidth=1, linestyle="-")
            for place, name in enumerate(names[1:], 1):
                if not self.lost(name):
                    found = self.difference(name)
                    color = colors[place % 7]
                    right.plot([found.low, found.high], [place] * 2, color=color, linestyle="-")
                    right.plot([found.mean], [place], "o", color=color)
            left.set(title=_literal(self.measured), ylim=(len(names) - 0.5, -0.5))
            left.set_yticks(range(len(names)), map(_literal, names))
            right.set(title=f"minus {_literal(self.reference)} (grey: does not matter)")
            right.set(ylim=left.get_ylim())
            right.set_yticks([])
        return figure

    def page(self, path: str | Path) -> Path:
        """Write one file that a browser shows without a network; return its path.

        Verdicts, picture, plan, every setting tried, every figure, versions.
        """
        template = Template(Path(__file__).with_name("page.html").read_text("utf-8"))
        drawn = io.BytesIO()
        self.picture().savefig(drawn, format="png", dpi=160)
        tried = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(_words(setting))}</td><td>{mean:.4g}</td>"
            f"<td>{'frozen' if setting == it.setting else ''}</td></tr>"
            for name, it in self.chosen.items()
            for setting, mean in it.tried
        )
        whole = {"level": self.level, "rows": self.rows, "figures": self.figures}
        whole |= {"chosen": {name: asdict(it) for name, it in self.chosen.items()}}
        # JSON has neither NaN nor ∞: null
        whole = json.loads(json.dumps(whole, default=plain), parse_constant=lambda _: None)
        text = template.substitute(
            title=escape(" against ".join(self.figures)),
            cards=self._repr_mimebundle_()["text/html"],
            picture=base64.b64encode(drawn.getvalue()).decode(),
            alternative=escape(str(self)),
            plan=escape(self.planned),
            tried=tried,
            data=escape(json.dumps(whole, indent=1, ensure_ascii=False)),
            versions=f"course-lib {__version__}, torch {torch.__version__}, "
            f"Python {platform.python_version()}, {date.today()}",
        )
        write_whole(Path(path), text)
        return Path(path)


def too_few(divisions: int, power: float, matters: float) -> str:
    """That so many divisions are not enough to see what matters, as words."""
    return (
        f"by the pilots, even {divisions} divisions see only {power:.3g}, not {matters:g}: "
        "more rows, or a larger matters"
    )


def _words(setting: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {_word(it)}" for name, it in setting.items()) or "as is"


def _word(value: Any) -> str:
    value = plain(value) if hasattr(value, "tolist") else value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return plotting.readable(value)
    return value if isinstance(value, str) else getattr(value, "__name__", str(value))


def _literal(name: str) -> str:
    """A name that matplotlib does not read as mathematics."""
    return name.replace("$", r"\$")
