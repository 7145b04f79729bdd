"""Batches of ten and the full batch on the way: against steps, and against examples seen."""

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.sgd.network_reading import Budgets

FEW = 10  # steps: fewer get a dot each


def picture(found: Budgets) -> Figure:
    """Training loss against steps, left, and against examples, right; a panel a budget.

    Geometric means over the seeds, with the 95 % band of the logarithms.
    """
    figure = Figure(figsize=(8.2, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    left.set(title="300 steps each", xlabel="steps", ylabel="training loss", yscale="log")
    right.set(title="3000 images each", xlabel="images seen", ylim=(0.01, 4))
    for ax, counted, full in (
        (left, "steps", found.equal_steps),
        (right, "examples", found.equal_examples),
    ):
        for k, way in enumerate((found.small, full)):
            end = way.loss[:, -1].log().mean().exp().item()
            name = f"{'all ' * k or 'batches of '}{way.size}, rate {way.rate:g}: ends at {end:.2g}"
            x = getattr(way, counted)
            line, _ = plotting.draw_band(ax, x, way.loss, name, k, geometric=True)
            if way.steps[-1] < FEW:  # so few that each is seen
                line.set_marker("o")
        ax.set_xlim(0, getattr(found.small, counted)[-1])
        what = {"title": "geometric mean, 95 % band", "title_fontsize": 9, "alignment": "left"}
        ax.legend(loc="lower left", **what)
    return figure
