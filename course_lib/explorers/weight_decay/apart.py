"""The paths of both pulls in one bowl, under plain SGD, with momentum, and under Adam."""

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.weight_decay.bowl import BOWL
from course_lib.experiments.weight_decay.parabola import PULLS
from course_lib.explorers.bowl import draw_bowl
from course_lib.explorers.weight_decay import trajectories

TITLES = {
    "SGD": "Plain SGD: one path",
    "SGD with momentum": "With momentum: two",
    "Adam": "Adam: two",
}


def picture() -> Figure:
    """A panel for each optimizer, everything else as the first picture opens."""
    defaults = trajectories.explorer.numbers()
    figure = Figure(figsize=(8.2, 2.9), layout="constrained")
    axes = figure.subplots(1, len(TITLES), sharex=True, sharey=True)
    for ax, (optimizer, title) in zip(axes, TITLES.items()):
        _, star = draw_bowl(ax, BOWL)
        star.set_label("lowest point of the loss")
        found = trajectories.explorer.compute(**{**defaults, "optimizer": optimizer})
        for k, (pull, name) in enumerate(PULLS.items()):
            line, *_ = plotting.draw_path(ax, found.paths[pull], label=name, k=k)
            line.set(linewidth=(4.5, 1.5)[k], markersize=(0, 3)[k])
        ax.plot(0, 0, "+", color=plotting.ink(), markersize=12)
        ax.set(xlim=BOWL.window[:2], ylim=BOWL.window[2:], title=title)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=3)
    return figure


def show_apart() -> None:
    """Show the picture, with words for who cannot see it."""
    plotting.show_with_words(
        picture(),
        "From one start, with one λ: under plain SGD the dashed path of decay lies on the solid "
        "one of L2, with momentum and under Adam the two part.",
    )
