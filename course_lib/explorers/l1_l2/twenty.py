"""Test error of ridge against λ on few rows, between least squares and the training mean."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from course_lib import plotting


def picture(strengths: Sequence[float], errors: Tensor, chosen: Tensor) -> Figure:
    """Mean over the draws with its 95 % band; a line for each method that stands aside.

    errors [draws, strengths]: root mean squared test errors; the first λ is 0, least squares, and
    the last so large that the training mean alone is left. chosen [draws]: at the λ that
    leave-one-out took.
    """
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    ax = figure.subplots()
    title = f"20 patients to learn from: mean of {len(errors)} draws, 95 % band"
    ax.set(title=title, xlabel="λ", xscale="log")
    ax.set(ylabel="error, score points (lower is better)", xlim=(strengths[1], strengths[-2]))
    plotting.draw_band(ax, strengths[1:-1], errors[:, 1:-1], "ridge at this λ")
    levels = {
        "least squares": errors[:, 0],
        "ridge, λ by leave-one-out": chosen,
        "training mean for everybody": errors[:, -1],
    }
    for k, (name, values) in enumerate(levels.items(), 1):
        color, style = plotting.series(k)
        level = values.mean().item()
        ax.axhline(level, color=color, linestyle=style, label=f"{name}: {level:.1f}")
    ax.set_ylim(min(60.0, 0.95 * chosen.mean().item()), None)
    ax.legend(loc="center", bbox_to_anchor=(0.55, 0.76), fontsize=8)
    return figure


def words(strengths: Sequence[float], errors: Tensor, chosen: Tensor) -> str:
    """What the picture shows, for who cannot see it."""
    mean = errors.mean(0)
    best = int(mean[1:-1].argmin()) + 1
    return (
        f"Test error against λ: from {mean[0]:.1f} score points for least squares it falls to "
        f"{mean[best]:.0f} near λ = {strengths[best]:.2g} and climbs to {mean[-1]:.1f}, the "
        f"training mean. With λ chosen by leave-one-out it is {chosen.mean():.1f}."
    )


def show_errors(strengths: Sequence[float], errors: Tensor, chosen: Tensor) -> None:
    """Show the picture, with words for who cannot see it."""
    plotting.show_with_words(picture(strengths, errors, chosen), words(strengths, errors, chosen))
