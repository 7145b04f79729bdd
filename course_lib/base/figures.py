"""Numbers as people read them: as many digits as an interval knows, and bounds in words."""

import math
from collections.abc import Sequence


def number(value: float, decimals: int | None = None) -> str:
    """A number with so many `decimals`, with four digits where nobody says; "−" for minus."""
    if decimals is None or not math.isfinite(value):
        said = f"{value:.4g}"
    else:
        said = f"{round(value, decimals) + 0.0:.{decimals}f}"
    return f"−{said[1:]}" if said.startswith("-") else said


def interval_words(mean: float, low: float, high: float, bounds: Sequence[float] = ()) -> str:
    """An interval as "mean [low, high]", to the first digit in which it is uncertain.

    To the second where the first is a 1 or a 2, and further where an end would be rounded onto one
    of the `bounds` that it is compared with.
    """
    half = (high - low) / 2
    decimals = None
    if math.isfinite(half) and half > 0:
        place = math.floor(math.log10(half))
        decimals = max(0, (1 if half / 10**place < 3 else 0) - place)
        while decimals < 6 and any(_meets(end, bounds, decimals) for end in (low, high)):
            decimals += 1
        if decimals > 6:
            decimals = None
    mean_said, *ends = (number(value, decimals) for value in (mean, low, high))
    return f"{mean_said} [{', '.join(ends)}]"


def _meets(end: float, bounds: Sequence[float], decimals: int) -> bool:
    return any(end != bound and round(end, decimals) == round(bound, decimals) for bound in bounds)


def bound_words(low: float, high: float, unit: str = "") -> str:
    """What is asked of a figure that must lie between `low` and `high`, in words."""
    small, large = (f"{end:.10g}" for end in (low, high))
    if low == -math.inf:
        said = f"below {large}"
    elif high == math.inf:
        said = f"above {small}"
    else:
        said = f"within ±{large}" if low == -high else f"between {small} and {large}"
    return f"{said.replace(' -', ' −')} {unit}".strip()
