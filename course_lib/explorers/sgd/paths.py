"""Several paths through the bowl of `trajectory`, side by side."""

import numpy as np
from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.explorers.sgd import trajectory
from course_lib.panel import Slider

NAMES = {"lr": "rate", "momentum": "momentum", "batch_size": "batch size"}


def picture(**settings: float | tuple[float, ...]) -> tuple[Figure, str]:
    """A path a panel, and the picture in words.

    settings: of `trajectory`'s sliders; a tuple has a value for each panel, and stands in its
    title. The others stay where they begin. Below each panel how far its loss ends above the
    lowest. What each example wants is shown where batches are given.
    """
    sliders = trajectory.explorer.controls.items()
    begin = {name: slider.default for name, slider in sliders if isinstance(slider, Slider)}
    varied = {name: values for name, values in settings.items() if isinstance(values, tuple)}
    runs = [dict(zip(varied, values)) for values in zip(*varied.values(), strict=True)]
    figure = Figure(figsize=(9.0, 3.6 if len(runs) > 2 else 4.0), layout="constrained")
    panels, words = figure.subplots(1, len(runs), sharey=True, squeeze=False)[0], []
    for ax, run in zip(panels, runs):
        found = trajectory.explorer.compute(**begin | settings | run)
        trajectory.move_bowl(trajectory.draw_bowl(ax, dots="batch_size" in settings), found)
        line, *_ = plotting.draw_path(ax, found.path, label=trajectory.PATH)
        line.set(linewidth=1.0, markersize=3)
        end = trajectory.loss_at_end(found)
        said = np.format_float_positional(end, precision=2, fractional=False, trim="-")
        title = ", ".join(f"{NAMES[name]} {value:g}" for name, value in run.items())
        ax.set(title=title, xlabel=f"$w_1$\nends {said} above the lowest loss")
        ax.set_ylim(top=max(ax.get_ylim()[1], found.path[:, 1].max().item() + 0.1))
        words.append(f"{title}: it ends {said} above the lowest loss")
        if ax is not panels[0]:
            ax.set_ylabel("")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
    return figure, f"Paths through the bowl from one start. {'; '.join(words)}."
