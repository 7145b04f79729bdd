"""Test errors of one network in two modes: move the momentum and the batch size."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.batchnorm import batch_statistics
from course_lib.panel import Explorer, Slider

MODES = {
    "evaluation": "evaluation: running statistics",
    "batch": "all test rows as one batch",
    "trained": "as trained: batch by batch",
}


def _prepare(figure):
    """Left test errors while training, right late ones against the momentum."""
    left, right = figure.subplots(1, 2, width_ratios=[1.3, 1], sharey=True)
    left.set(
        title="While training",
        xlabel="step",
        ylabel="test error (%)",
        xlim=(0, batch_statistics.STEPS),
        ylim=(0, 80),
    )
    right.set(
        title="Mean of the last 100 steps", xlabel="momentum m", xscale="log", xlim=(7e-4, 1.5)
    )
    marks, empty = {}, np.empty((0, 0))
    for k, (name, label) in enumerate(MODES.items()):
        marks[name] = plotting.draw_band(left, [], empty, label=label, k=k)
        marks[f"{name} end"] = plotting.draw_band(right, [], empty, k=k)
    marks["here"] = [
        right.axvline(batch_statistics.MOMENTA[0], color=plotting.ink(), linestyle="-", linewidth=1)
    ]
    left.legend(loc="upper right")
    return marks


def _draw(marks, result, momentum):
    """Move the marks to a `batch_statistics.Modes` at one of its momenta."""
    momenta = batch_statistics.MOMENTA
    m, late = momenta.index(momentum), {name: 100 * result.late(name) for name in MODES}
    for name in MODES:
        values = 100 * getattr(result, name)
        plotting.move_band(marks[name], result.at, values[:, m] if values.ndim == 3 else values)
        end = (
            late[name] if late[name].ndim == 2 else late[name].unsqueeze(1).expand(-1, len(momenta))
        )
        plotting.move_band(marks[f"{name} end"], momenta, end)
    marks["here"][0].set_xdata([momentum] * 2)
    return (
        f"Batches of {result.batch_size}, momentum {momentum:g}, after "
        f"{result.at[result.seen - 1]} steps: test errors of "
        f"{late['evaluation'][:, m].mean():.1f} % in evaluation, {late['batch'].mean():.1f} % "
        f"with all test rows as one batch, {late['trained'].mean():.1f} % in batches of "
        f"{result.batch_size} as trained (last ten looks, one every 10 steps; "
        f"mean of {len(late['batch'])} seeds, 95 % band)."
    )


explorer = Explorer(
    title="One network, two modes: digits",
    controls={
        "momentum": Slider(
            "momentum m", values=batch_statistics.MOMENTA, default=0.1, trained=True
        ),
        "batch_size": Slider("batch size in training", values=(2, 4, 8, 16, 32, 64), default=32),
    },
    frozen={"momentum": 7, "batch_size": (4, 32, 64)},
    compute=batch_statistics.compare_modes,
    prepare=_prepare,
    draw=_draw,
    quick={"seeds": (0, 1), "steps": 60},
)

show = explorer.show
