"""Where L2 and weight decay come to rest on a parabola; λ and momentum can be moved."""

import numpy as np
import torch

from course_lib import plotting
from course_lib.experiments.shared.surfaces import diverged_at
from course_lib.experiments.weight_decay.parabola import PULLS, rest_on_parabola, settle
from course_lib.explorers.update import takes
from course_lib.panel import Explorer, Slider
from course_lib.sgd import sgd_update


def _compute(strength, momentum, update=None):
    """Both runs (pull → weights [steps + 1]), λ, μ and a note, by `update` or `sgd_update`."""
    if update is not None and not takes(update, "momentum", *PULLS):
        raise ValueError("update: must take the keywords momentum, l2 and weight_decay")
    runs = {pull: settle(update or sgd_update, pull, strength, momentum) for pull in PULLS}
    return runs, strength, momentum, "" if update is None else " Drawn by your update."


def _prepare(figure):
    """Left the weight on its way, right where it ends against μ."""
    left, right = figure.subplots(1, 2, width_ratios=[1.4, 1])
    left.set(xlabel="step", ylabel="weight", title="On its way", xlim=(0, 250), ylim=(0, 2.1))
    right.set(xlabel="momentum μ", ylabel="weight at rest", title="At rest, for every μ")
    right.set(xlim=(0, 1), ylim=(0, 2.1))
    marks = {}
    for k, (pull, name) in enumerate(PULLS.items()):
        color, linestyle = plotting.series(k)
        marks[pull] = left.plot([], [], color=color, linestyle=linestyle, label=name)
        marks[f"rest {pull}"] = [
            left.axhline(0, color=color, linestyle=":", linewidth=1.2, label=f"{name}, formula")
        ]
        marks[f"curve {pull}"] = right.plot(
            [], [], color=color, linestyle=":", linewidth=1.5, label=f"{name}, formula"
        )
        style = {"marker": "o", "markersize": 8, "linestyle": "none"}
        marks[f"end {pull}"] = right.plot([], [], color=color, label=f"{name}, run", **style)
    left.legend(loc="upper right")
    right.legend(loc="upper right")
    return marks


def _draw(marks, result):
    """Move the marks to what was computed; a diverged run is drawn to its last good step."""
    runs, strength, momentum, note = result
    axis, said = np.linspace(0, 1, 60), []
    for pull, name in PULLS.items():
        rest = rest_on_parabola(pull, strength, momentum)
        step = diverged_at(torch.tensor((runs[pull] - 1) ** 2 / 2))
        run = runs[pull][:step]
        marks[pull][0].set_data(range(len(run)), run)
        marks[f"rest {pull}"][0].set_ydata([rest, rest])
        curve = [rest_on_parabola(pull, strength, mu) for mu in axis]
        marks[f"curve {pull}"][0].set_data(axis, curve)
        marks[f"end {pull}"][0].set_data(*([[momentum], run[-1:]] if step is None else [[], []]))
        end = f"ends at {run[-1]:.3f}" if step is None else f"diverged at step {step}"
        said.append(f"{name} {end} (formula {rest:.3f})")
    return f"λ = {strength:g}, momentum {momentum:g}: {' and '.join(said)}.{note}"


explorer = Explorer(
    title="Where do they come to rest?",
    controls={
        "strength": Slider("λ", 0.0, 2.0, 0.5, step=0.05),
        "momentum": Slider("momentum μ", 0.0, 0.95, 0.9, step=0.05),
    },
    frozen={"strength": 11, "momentum": (0.0, 0.5, 0.9)},
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
)

show = explorer.show
