"""Why a flat valley may generalize better: on new data the whole surface lies a little aside."""

import torch
from matplotlib.figure import Figure

from course_lib import plotting

CURVATURES = {"flat": 0.2, "steep": 2.0}
SHIFT = 1.0


def picture() -> Figure:
    """A flat and a steep parabola ½hw², each with its copy shifted by `SHIFT`, and what that costs.

    What is trained rests at w = 0; there the copy's loss is ½h·SHIFT².
    """
    figure = Figure(figsize=(8.2, 2.9), layout="constrained")
    w = torch.linspace(-2, 3, 101)
    for ax, (name, h) in zip(figure.subplots(1, 2, sharey=True), CURVATURES.items()):
        cost = h / 2 * SHIFT**2
        title = f"A {name} valley, h = {h:g}: the shift costs {cost:g}"
        ax.set(title=title, xlabel="$w$", ylim=(0, 2))
        for k, (shift, surface) in enumerate(((0.0, "training data"), (SHIFT, "new data"))):
            color, dashes = plotting.series(k)
            loss = h / 2 * (w - shift) ** 2
            ax.plot(w, loss, color=color, linestyle=dashes, label=surface)
        ax.plot([0, 0], [0, cost], color=plotting.ink(), marker="o", label="what it costs")
    left = figure.axes[0]
    left.set_ylabel("loss")
    left.legend(loc="upper right")
    return figure
