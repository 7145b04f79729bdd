"""Length, effective learning rate and angle of a weight before a BatchNorm: move λ and η."""

import numpy as np
import torch

from course_lib import plotting
from course_lib.experiments.batchnorm import turning
from course_lib.panel import Choice, Explorer, Slider

EXACT, DIGITS = "constant slope around a circle", "first layer of a network on digits"
WINDOW = 10  # steps that one drawn point stands for
LIMITS = {  # of the vertical axes: wide enough for every place of the sliders
    EXACT: {"norm": (0.1, 10), "rate": (2e-3, 12), "angle": (0.15, 40)},
    DIGITS: {"norm": (1, 20), "rate": (8e-4, 0.12), "angle": (0.25, 25)},
}


def _compute(lr, where, seeds=tuple(range(8)), steps=turning.STEPS):
    """A `Turning` with a run for each of three starting lengths, or for each of eight seeds."""
    if where == EXACT:
        yield turning.turn(lr, steps=steps)
    else:
        yield from turning.turn_on_digits(lr, seeds=seeds, steps=steps)


def _prepare(figure):
    """Norm, effective learning rate and angle against the step."""
    marks = {}
    titles = {"norm": "Length of w", "rate": "Effective learning rate", "angle": "Angle per step"}
    labels = {
        "norm": "‖w‖",
        "rate": "η/‖w‖²",
        "angle": f"degrees (root mean square of {WINDOW} steps)",
    }
    for ax, name in zip(figure.subplots(1, 3), titles):
        ax.set(
            title=titles[name],
            xlabel="step",
            ylabel=labels[name],
            yscale="log",
            xlim=(0, turning.STEPS),
        )
        color, _ = plotting.series(0)
        marks[name] = [
            ax.plot([], [], color=color, linestyle="-", linewidth=1.1, alpha=0.8)[0]
            for _ in range(8)
        ]
        marks[name][0].set_label("runs")
        other, dashed = plotting.series(1)
        marks[f"{name} rest"] = [
            ax.axhline(np.nan, color=other, linestyle=dashed, label="at rest, formula")
        ]
        plotting.set_limits(ax, y=LIMITS[EXACT][name])
    marks["legend"] = figure.axes[-1].legend(loc="upper right", fontsize=8)
    return marks


def _draw(marks, result, strength):
    """Move the marks to a `Turning` at one of its strengths.

    A drawn angle is the root mean square of ten steps.
    """
    i = result.strengths.index(strength)
    norms, angles = result.norms[:, i], result.angles[:, i]
    whole = angles[:, : angles.shape[1] // WINDOW * WINDOW].unflatten(1, (-1, WINDOW))
    angles = whole.square().mean(-1).sqrt().rad2deg()
    curves = {
        "norm": norms[:, ::WINDOW],
        "rate": result.effective_lr[:, i, ::WINDOW],
        "angle": angles,
    }
    for name, values in curves.items():
        start = WINDOW / 2 if name == "angle" else 0
        for k, line in enumerate(marks[name]):
            y = plotting.array(values[k]) if k < len(values) else []
            line.set_data(start + WINDOW * np.arange(len(y)), y)
    rest = turning.angle_at_rest(result.lr, strength)
    length = (
        turning.norm_at_rest(result.lr, strength, result.gradient) if result.gradient else np.nan
    )
    at_rest = {
        "angle": np.rad2deg(rest) if strength else np.nan,
        "norm": length,
        "rate": result.lr / length**2,
    }
    for name, value in at_rest.items():
        marks[f"{name} rest"][0].set_ydata([value if 0 < value < np.inf else np.nan] * 2)
    runs = f"{len(norms)} starting lengths" if result.gradient else f"{len(norms)} seeds"
    marks["legend"].get_texts()[0].set_text(runs)
    for name, limits in LIMITS[EXACT if result.gradient else DIGITS].items():
        plotting.set_limits(marks[name][0].axes, y=limits)
    return _say(result, i, rest)


def _say(result, i, rest):
    strength, steps = result.strengths[i], result.angles.shape[-1]
    if result.progress < 1:
        trained = f"{len(result.norms)} seeds at {len(result.strengths)} strengths"
        return f"Training {trained}: {result.progress:.0%}."
    low, high = (f"{end(result.norms[:, i, -1]).item():.3g}" for end in (torch.min, torch.max))
    length = f"ends at {low}" if low == high else f"ends between {low} and {high}"
    if not strength:
        grows = f"w grows as long as there is a gradient ({length})"
        return f"No decay: {grows}; effective learning rate and angle fall."
    late = result.late_angle()[:, i].mean().rad2deg().item()
    return (
        f"λ = {strength:g}, η = {result.lr:g}: in the last {steps // 2} steps w turns by "
        f"{late:.3g}° a step (at rest {np.rad2deg(rest):.3g}°), and its length {length}."
    )


explorer = Explorer(
    title="Weight decay in front of a BatchNorm",
    controls={
        "strength": Slider("weight decay λ", values=turning.STRENGTHS, default=0.1, trained=True),
        "lr": Slider("learning rate η", values=(0.03, 0.1, 0.3), default=0.1),
        "where": Choice("loss", (EXACT, DIGITS), EXACT),
    },
    frozen={"strength": 5, "lr": 3},
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
    size=(9.4, 3.4),
    quick={"seeds": (0, 1), "steps": 100},
)

show = explorer.show
