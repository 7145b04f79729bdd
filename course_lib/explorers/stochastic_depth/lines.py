"""Where blocks are wanted: lines of the task, and what each help makes of eight blocks."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from course_lib import plotting
from course_lib.data import Split
from course_lib.experiments.stochastic_depth import lines
from course_lib.statistics import mean_interval

CLASSES = (0, 3, 7)  # of the lines shown


def _errors() -> dict[str, Tensor]:
    """Test errors [seeds] of no block and of eight, the best eighteen settings of each help."""
    eight = lines.Side(lines.CHOSEN)
    helps = {
        "eight, dropping": lines.STRONGER,
        "eight, dropout inside": lines.DROPOUT,
        "eight, weight decay": lines.DECAYED,
    }
    return {
        "no block": lines.errors(lines.Side(0)),
        "eight blocks": lines.errors(eight, lines.PLAIN),
        **{name: lines.errors(lines.best(sides)) for name, sides in helps.items()},
    }


def picture(split: Split, errors: Mapping[str, Tensor]) -> Figure:
    """Left a line of each of CLASSES, right the mean test errors with their 95 % intervals."""
    figure = Figure(figsize=(8.6, 3.0), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.5])
    for k, kind in enumerate(CLASSES):
        shown = split.train_x[split.train_y == kind][0]
        color, _ = plotting.series(k)
        left.plot(shown - 5 * k, color=color, linestyle="-")
        left.text(41, -5 * k, f"class {kind}", va="center", fontsize=9)
    left.set(title="Three of the lines", xlabel="place in the line", yticks=[], xlim=(0, 52))
    left.set_xticks((0, 20, 39), ("1", "21", "40"))
    left.grid(False)
    ours, _ = plotting.series(1)
    other, _ = plotting.series(0)
    for place, (name, values) in enumerate(errors.items()):
        found = mean_interval(values)
        color = ours if name.endswith("dropping") else other
        right.barh(place, found.mean, height=0.62, color=color, alpha=0.85)
        ends = [[found.mean - found.low], [found.high - found.mean]]
        right.errorbar(found.mean, place, xerr=ends, color=plotting.ink(), capsize=3)
        right.text(found.high + 0.005, place, f"{found.mean:.1%}", va="center", fontsize=9)
    right.set(title="Test error, 95 % intervals (lower is better)", xlim=(0, 0.5))
    right.set_yticks(range(len(errors)), list(errors))
    right.invert_yaxis()
    right.grid(False, axis="y")
    right.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def still() -> None:
    """Show the picture, with words for who cannot see it."""
    errors = _errors()
    levels = ", ".join(f"{name} {values.mean().item():.1%}" for name, values in errors.items())
    plotting.show_with_words(picture(lines.lines(0), errors), f"Test error: {levels}.")
