"""The paths of both pulls in one bowl, under plain SGD, with momentum, and under Adam."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.adamw import adam_update
from course_lib.experiments.shared.surfaces import descend
from course_lib.experiments.weight_decay.bowl import BOWL, START, STEPS
from course_lib.experiments.weight_decay.parabola import PULLS
from course_lib.explorers.bowl import draw_bowl
from course_lib.explorers.weight_decay import trajectories

TITLES = {
    "SGD": "Plain SGD: one path",
    "SGD with momentum": "With momentum: two",
    "Adam": "Adam: two",
}
LONG = 3000  # steps of Adam with decay, to see where it goes


def picture() -> Figure:
    """A panel for each optimizer, everything else as the first picture opens."""
    defaults = trajectories.explorer.numbers()
    figure = Figure(figsize=(8.2, 3.3), layout="constrained")
    axes = figure.subplots(1, len(TITLES), sharex=True, sharey=True)
    for ax, (optimizer, title) in zip(axes, TITLES.items()):
        _, star = draw_bowl(ax, BOWL)
        star.set(label="lowest point of the loss", zorder=8)
        found = trajectories.explorer.compute(**{**defaults, "optimizer": optimizer})
        _draw_paths(ax, found.paths)
        ax.set(xlim=BOWL.window[:2], ylim=BOWL.window[2:], title=title)
    for ax in axes[1:]:
        ax.set_ylabel("")
    onward = longer(defaults["strength"], defaults["lr"], defaults["momentum"])
    color, _ = plotting.series(1)
    style: dict[str, Any] = {"color": color, "linestyle": ":", "linewidth": 1.5, "zorder": 6}
    ax.plot(*onward.T, label=f"decay, on to step {LONG}", **style)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower left", ncols=3)
    return figure


def longer(strength: float, lr: float, momentum: float) -> Any:
    """The way of Adam with decay from step `STEPS` to step `LONG` [steps, 2], every tenth."""
    options: dict[str, Any] = {"lr": lr, "betas": (momentum, 0.99), "weight_decay": strength}
    return descend(BOWL, adam_update, START, LONG, **options)[STEPS::10]


def _draw_paths(ax: Axes, paths: dict[str, Any]) -> None:
    """Decay's thin path on L2's wide one, its small square in L2's hollow one."""
    for k, (pull, name) in enumerate(PULLS.items()):
        line, start, end = plotting.draw_path(ax, paths[pull], label=name, k=k)
        line.set(linewidth=(4.5, 1.5)[k], markersize=(0, 3)[k])
        start.set_visible(k == 1)
        end.set(markersize=(10, 5)[k], markeredgewidth=2, zorder=7)
        end.set_label(f"{name}, after {STEPS} steps")
        if pull == "l2":  # hollow, and seen on its own path
            end.set_markerfacecolor(ax.get_facecolor())
    start.set_label("start of both")
    trajectories.mark_zero(ax)


def show_apart() -> None:
    """Show the picture, with words for who cannot see it."""
    plotting.show_with_words(
        picture(),
        "From one start, with one λ: under plain SGD the dashed path of decay lies on the solid "
        "one of L2, with momentum and under Adam the two part. Under Adam decay goes on after 100 "
        "steps, until it is near the lowest point of the loss.",
    )
