"""Test error of ridge against λ on few rows, and of what the error of each method consists."""

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.l1_l2.twenty import METHODS, PATIENTS, STRENGTHS, Twenty

NAMES = ("least squares", "ridge, λ by leave-one-out", "lasso, likewise", "training mean for all")


def picture(found: Twenty) -> Figure:
    """Ridge's mean over the draws with its 95 % band, a line for each method; and their parts."""
    figure = Figure(figsize=(9.6, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1])
    left.set(title=f"Error after {PATIENTS} patients", xlabel="λ of ridge", xscale="log")
    left.set(ylabel="score points (lower is better)", xlim=(STRENGTHS[1], STRENGTHS[-2]))
    band = f"ridge at this λ: mean of {len(found.errors)} draws, 95 %"
    plotting.draw_band(left, STRENGTHS[1:-1], found.errors[:, 1:-1], band)
    for k, (name, level) in enumerate(zip(NAMES, found.chosen.mean(0).tolist()), 1):
        color, style = plotting.series(k)
        left.axhline(level, color=color, linestyle=style, label=f"{name}: {level:.1f}")
    left.set_ylim(min(60.0, 0.95 * found.chosen.mean(0).min().item()), None)
    left.legend(loc="center", bbox_to_anchor=(0.56, 0.75), fontsize=8)
    right.set(title="Squared error, in its two parts", xlabel="thousand squared points")
    start = found.spread.mean(0) * 0
    for k, (name, part) in enumerate(_parts(found).items()):
        bars = right.barh(METHODS, part / 1000, left=start / 1000, label=name)
        for bar in bars:
            bar.set(color=plotting.series(5)[0] if k == 0 else plotting.muted(), alpha=0.8)
        start = start + part
    right.set_ylim(len(METHODS) + 0.9, -0.6)  # downwards, with room for the legend
    right.legend(loc="lower left", fontsize=8)
    return figure


def words(found: Twenty) -> str:
    """What the picture shows, for who cannot see it."""
    mean = found.errors.mean(0)
    best = int(mean[1:-1].argmin()) + 1
    free, ridge, lasso, average = found.chosen.mean(0).tolist()
    bars = "; ".join(
        f"{name} {' + '.join(f'{part[k] / 1000:.1f}' for part in _parts(found).values())}"
        for k, name in enumerate(METHODS)
    )
    return (
        f"Test error against λ: from {free:.1f} score points for least squares it falls to "
        f"{mean[best]:.0f} near λ = {STRENGTHS[best]:.2g} and climbs to {average:.1f}, the "
        f"training mean. With λ chosen by leave-one-out it is {ridge:.1f}, of the lasso "
        f"{lasso:.1f}. Squared error, spread + rest, in thousands: {bars}."
    )


def _parts(found: Twenty) -> dict:
    """Name → mean over the draws, [methods]."""
    return {
        "spread between draws": found.spread.mean(0),
        "rest: bias², and noise": found.rest.mean(0),
    }


def show_errors(found: Twenty) -> None:
    """Show the picture, with words for who cannot see it."""
    plotting.show_with_words(picture(found), words(found))
