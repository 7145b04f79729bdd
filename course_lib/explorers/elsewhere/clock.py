"""Adding by turning: a sum on a clock of 31 hours, and on one with three steps an hour."""

import math

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import plotting
from course_lib.experiments.elsewhere.grokking import PRIME

FREQUENCIES, SUM = (1, 3), (20, 15)


def turned(frequencies: tuple[int, ...] = FREQUENCIES, pair: tuple[int, int] = SUM) -> Figure:
    """A clock for each frequency k, number n at the angle 2πkn/31, and the two turns of a sum."""
    figure = Figure(figsize=(7.6, 4.2), layout="constrained")
    for ax, k in zip(figure.subplots(1, len(frequencies)), frequencies):
        ax.set(xlim=(-1.2, 1.2), ylim=(-1.4, 1.2), aspect="equal")
        ax.axis("off")
        steps_on = "one step" if k == 1 else f"{k} steps"
        ax.set_title(f"k = {k}: {steps_on} from number to number", loc="center")
        start, inside = 0, 0.5
        for place, number in enumerate(pair):
            color, style = plotting.series(place)
            steps = torch.linspace(0, k * number, 200, dtype=torch.float64)
            radius = inside + 0.08 * steps / PRIME
            x, y = at(start + steps, radius)
            ax.plot(x, y, color=color, linestyle=style, linewidth=2)
            head = {"arrowstyle": "-|>", "color": color, "linewidth": 2}
            ax.annotate("", (x[-1], y[-1]), (x[-4], y[-4]), arrowprops=head)
            start, inside = start + k * number, float(radius[-1])
        round_, rest = divmod(start, PRIME)
        said = " + ".join(str(k * number) for number in pair)
        times = f"{round_} · " * (round_ > 1)
        ax.text(0, -1.38, f"{said} = {times}{PRIME} + {rest} steps", ha="center", fontsize=9)
        _numbers(ax, k, pair)
        thin = {"color": plotting.muted(), "linewidth": 1, "linestyle": ":"}
        for step, radii in ((0, (0.0, 0.93)), (start, (inside, 0.93))):
            ax.plot(*at(torch.full((2,), float(step)), torch.tensor(radii)), **thin)
    return figure


def at(steps: Tensor, radius: Tensor | float) -> tuple[list[float], list[float]]:
    """Where points are that lie so many steps of the clock from its top, clockwise: x and y."""
    angle = 2 * math.pi * steps / PRIME
    return (radius * angle.sin()).tolist(), (radius * angle.cos()).tolist()


def _numbers(ax: Axes, k: int, pair: tuple[int, int]) -> None:
    """The numbers around the clock, the sum's in bold."""
    bold = {number: plotting.series(place)[0] for place, number in enumerate(pair)}
    answer = sum(pair) % PRIME
    for n in range(PRIME):
        [x], [y] = at(torch.tensor([float(k * n)]), 1.05)
        color = plotting.ink() if n == answer else bold.get(n, plotting.muted())
        weight = "bold" if n == answer or n in bold else "normal"
        frame = {"boxstyle": "circle,pad=0.25", "facecolor": "none", "edgecolor": plotting.ink()}
        ax.text(
            x,
            y,
            str(n),
            color=color,
            weight=weight,
            fontsize=9,
            ha="center",
            va="center",
            bbox=frame if n == answer else None,
        )


def show_turned() -> None:
    """Show `turned`, with words for who cannot see it."""
    a, b = SUM
    plotting.show_with_words(
        turned(),
        f"Two clocks with the numbers 0 to 30. On the first they stand in order: from 0 one turns "
        f"to {a}, then on by {b}, and stands at {(a + b) % PRIME}. On the second each number is "
        f"three steps from the last: the same turns, three times as long, end at the same number.",
    )
