"""The last blocks cut off after training: test error, dropped in training and always on."""

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from course_lib import plotting
from course_lib.experiments.stochastic_depth.cut import SHORTER, STEPS, Cut
from course_lib.experiments.stochastic_depth.training import DEPTH


def picture(found: Cut) -> Figure:
    """A line for each network against the blocks cut off: means over the seeds, 95 % bands."""
    figure = Figure(figsize=(7.6, 3.4), layout="constrained")
    ax = figure.subplots()
    counts = list(range(DEPTH + 1))
    names = ("trained with dropping, $p_L$ = 0.5", "trained always on")
    for k, (name, side) in enumerate(zip(names, ("top", "bottom"))):
        line, _ = plotting.draw_band(ax, counts, found.error[:, k], name, k)
        line.set_marker("o")
        for cut in (0, SHORTER, 9):
            value = found.error[:, k, cut].mean().item()
            away = (0, 9 if side == "bottom" else -9)
            ax.annotate(
                f"{value:.1%}", (cut, value), away, textcoords="offset points", ha="center", va=side
            )
    ax.set(
        title=f"One training of {STEPS} steps, many lengths",
        xlabel=f"blocks cut off at the end, of {DEPTH}",
        ylabel="test error (lower is better)",
        xticks=counts[::3],
        xlim=(-0.6, DEPTH + 0.4),
        ylim=(0, 0.8),
    )
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.legend(loc="upper left")
    return figure


def still(found: Cut) -> None:
    """Show the picture, with words for who cannot see it."""
    said = []
    for name, errors in zip(("dropping", "always on"), found.error.mean(0).tolist()):
        levels = (f"{cut}: {errors[cut]:.1%}" for cut in range(0, DEPTH + 1, 3))
        said.append(f"trained {name}, {', '.join(levels)}")
    plotting.show_with_words(
        picture(found), f"Test error by the blocks cut off; {'; '.join(said)}."
    )
