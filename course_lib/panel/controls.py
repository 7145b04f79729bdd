"""What a reader can move: a `Slider` over numbers or a `Choice` among words.

Plain data: no widget is made here.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from course_lib.base.arguments import require, require_choice
from course_lib.plotting import readable


@dataclass(frozen=True)
class Slider:
    """A number between `low` and `high` (both included), moved in steps.

    `step`: distance of two positions (default: 1 if low, high and default are whole, else a
    hundredth of the range). `log`: the positions stand evenly in log₁₀, `step` is in decades
    (default 0.1); they are rounded to 2 digits (3 for finer steps), so that the number shown is the
    number computed with. `values`: the positions themselves, instead of low, high and step.
    `trained`: an axis that `compute` trains as a whole; moving along it looks up, never computes.
    `in_picture`: moved by a handle in the picture (see `Seen`) and by no slider beside it.
    `played`: ▶ moves along it where nothing in the picture runs step by step (default: `trained`).
    """

    label: str
    low: Any = None
    high: Any = None
    default: Any = None
    step: float | None = None
    log: bool = False
    unit: str = ""
    trained: bool = False
    values: Any = None
    in_picture: bool = False
    played: bool | None = None

    def __post_init__(self) -> None:
        if self.played is None:
            object.__setattr__(self, "played", self.trained)
        if self.values is not None:
            object.__setattr__(self, "values", tuple(sorted(self.values)))
            object.__setattr__(self, "low", self.values[0])
            object.__setattr__(self, "high", self.values[-1])
        require(f"{self.label}: low", self.low, low=-math.inf)
        require(f"{self.label}: high", self.high, low=self.low, open_low=True)
        self.check(f"{self.label}: default", self.default)
        if self.log:
            require(f"{self.label}: low", self.low, open_low=True)

    @property
    def name(self) -> str:
        """The label with its unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @cached_property
    def whole(self) -> bool:
        """True if it moves over whole numbers."""
        given = self.values or (self.low, self.high, self.default, self.step or 1)
        return not self.log and all(isinstance(number, int) for number in given)

    @cached_property
    def positions(self) -> tuple:
        """All numbers that the slider stops at, rising; the ends and the default are among them."""
        if self.values is not None:
            return self.values
        inner = self._logarithmic() if self.log else self._linear()
        kept = {number for number in inner if self.low < number < self.high}
        if self.default not in (
            self.low,
            self.high,
        ):  # the default takes the place of its nearest neighbour
            kept.discard(min(kept, key=lambda number: abs(number - self.default), default=None))
        return tuple(sorted(kept | {self.low, self.default, self.high}))

    def _logarithmic(self) -> list[float]:
        step = self.step or 0.1
        digits = 2 if step >= 0.1 else 3
        steps = round(math.log10(self.high / self.low) / step)
        return [
            float(f"{self.low * (self.high / self.low) ** (i / steps):.{digits}g}")
            for i in range(1, steps)
        ]

    def _linear(self) -> list[float]:
        step = self.step or (1 if self.whole else (self.high - self.low) / 100)
        return [
            self._tidy(self.low + i * step)
            for i in range(1, math.ceil((self.high - self.low) / step))
        ]

    def _tidy(self, number: float) -> float:
        return number if self.whole else float(f"{number:.10g}")

    def check(self, name: str, value: Any) -> Any:
        """`value` if the slider can stand there, else a `ValueError` that says what is allowed."""
        require(name, value, self.low, self.high, open_high=False)
        if self.values is not None and value not in self.values:
            raise ValueError(
                f"{name} = {value!r}: must be one of {', '.join(map(readable, self.values))}"
            )
        if self.whole and value != int(value):
            raise ValueError(f"{name} = {value!r}: must be a whole number")
        return int(value) if self.whole else float(value)

    def parse(self, word: str) -> Any:
        """The number that `word` writes, not checked yet; `ValueError` for what is no number."""
        try:
            return int(word) if self.whole else float(word)
        except ValueError:
            raise ValueError(f"{self.label} = {word!r}: must be a number") from None

    def nearest(self, value: float) -> int:
        """Index of the position nearest to `value` (as seen on the slider)."""
        where = math.log10 if self.log and value > 0 else float
        return min(
            range(len(self.positions)), key=lambda i: abs(where(self.positions[i]) - where(value))
        )

    def show(self, value: Any) -> str:
        """`value` in words, for a still picture: "λ = 0.01"."""
        return f"{self.label} = {readable(value)}{' ' + self.unit if self.unit else ''}"


@dataclass(frozen=True)
class Choice:
    """One of a few words.

    `resets`: back to its default whenever another control moves, as the answer to a riddle.
    """

    label: str
    options: tuple
    default: str
    trained: bool = False
    resets: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(self.options))
        self.check(f"{self.label}: default", self.default)

    @property
    def name(self) -> str:
        """The label."""
        return self.label

    @property
    def positions(self) -> tuple:
        """The options, as a slider has its positions."""
        return self.options

    def check(self, name: str, value: Any) -> Any:
        """`value` if it is an option, else a `ValueError`."""
        return require_choice(name, value, self.options)

    def parse(self, word: str) -> Any:
        """The word itself."""
        return word

    def show(self, value: Any) -> str:
        """`value` in words, for a still picture."""
        return f"{self.label}: {value}"


Controls = dict[str, Slider | Choice]


def write_state(controls: Controls, numbers: dict[str, Any]) -> str:
    """`numbers` as one line, "noise=0.2, dropout=0.5", without what is at its default."""
    moved = {name: number for name, number in numbers.items() if number != controls[name].default}
    return ", ".join(f"{name}={number}" for name, number in moved.items())


def read_state(controls: Controls, line: str) -> dict[str, Any]:
    """{name: number} from such a line; a name unknown to `controls` keeps its word.

    Raises `ValueError` for what is not of the form name=value, and for a slider's value that is no
    number.
    """
    found: dict[str, Any] = {}
    for part in filter(str.strip, line.split(",")):
        name, equals, word = map(str.strip, part.partition("="))
        if not equals:
            raise ValueError(
                f"state = {line!r}: {name!r} must be name=value, as in 'noise=0.2, dropout=0.5'"
            )
        found[name] = controls[name].parse(word) if name in controls else word
    return found
