"""The last blocks cut off after training: what it costs, dropped in training and always on."""

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.stochastic_depth.cut import SHORTER, Cut
from course_lib.experiments.stochastic_depth.training import DEPTH

NAMES = ("trained with dropping, $p_L$ = 0.5", "trained always on")
Found = dict[int, Cut]  # by steps of training


def picture(found: Found) -> Figure:
    """Points of test error lost against the blocks cut off: means over the seeds, 95 % bands."""
    figure = Figure(figsize=(8.6, 3.4), layout="constrained")
    counts = list(range(DEPTH + 1))
    for ax, (steps, cut) in zip(figure.subplots(1, len(found), sharey=True), found.items()):
        points = 100 * cut.lost()
        for k, (name, away) in enumerate(zip(NAMES, (-14, 9))):
            line, _ = plotting.draw_band(ax, counts, points[:, k], name, k)
            line.set_marker("o")
            value = points[:, k, SHORTER].mean().item()
            said = f"{value:+.1f}".replace("-", "−")
            ax.annotate(said, (SHORTER, value), (0, away), textcoords="offset points", ha="right")
        ax.set(
            title=f"After {steps} steps of training",
            xlabel=f"last blocks cut off, of {DEPTH}",
            xticks=counts[::3],
            xlim=(-0.4, DEPTH + 0.4),
            ylim=(-8, 70),
        )
        ax.axhline(0, color=plotting.muted(), linewidth=0.8, linestyle="-")
    figure.axes[0].set_ylabel("points of test error lost\nby the cut (lower is better)")
    figure.axes[0].legend(loc="upper left")
    return figure


def still(found: Found) -> None:
    """Show the picture, with words for who cannot see it."""
    said = []
    for steps, cut in found.items():
        for name, lost in zip(("with dropping", "always on"), cut.lost().mean(0).tolist()):
            levels = (f"{off}: {100 * lost[off]:.1f}" for off in range(0, DEPTH + 1, 3))
            said.append(f"after {steps} steps {name}, {', '.join(levels)}")
    plotting.show_with_words(
        picture(found), f"Points of test error lost by the blocks cut off; {'; '.join(said)}."
    )
