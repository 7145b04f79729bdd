"""Length, effective learning rate and angle of a weight before a BatchNorm: move λ and η."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.batchnorm import turning
from course_lib.panel import Explorer, Slider

EVERY = 10  # steps from one drawn point to the next
PANELS = {  # title, label and limits of the axis: wide enough for every place of the sliders
    "norm": ("Length of w", "‖w‖", (0.1, 10)),
    "rate": ("Effective learning rate", "η/‖w‖²", (2e-3, 12)),
    "angle": ("Angle per step", "degrees", (0.15, 120)),
}


def _prepare(figure):
    """Norm, effective learning rate and angle against the step."""
    marks = {}
    for ax, (name, (title, label, limits)) in zip(figure.subplots(1, 3), PANELS.items()):
        ax.set(title=title, xlabel="step", ylabel=label, yscale="log")
        ax.set(xlim=(0, turning.STEPS), ylim=limits)
        color, _ = plotting.series(0)
        marks[name] = [
            ax.plot([], [], color=color, linestyle="-", linewidth=1.1, alpha=0.8)[0]
            for _ in turning.SCALES
        ]
        marks[name][0].set_label(f"{len(turning.SCALES)} starting lengths")
        other, dashed = plotting.series(1)
        marks[f"{name} rest"] = [
            ax.axhline(np.nan, color=other, linestyle=dashed, label="at rest, formula")
        ]
    figure.axes[-1].legend(loc="upper right", fontsize=8)
    return marks


def _draw(marks, result, strength):
    """Move the marks to a `Turning` of the toy at one of its strengths."""
    i = result.strengths.index(strength)
    angles = result.angles[:, i].rad2deg()
    curves = {"norm": result.norms[:, i], "rate": result.effective_lr[:, i], "angle": angles}
    for name, values in curves.items():
        for line, y in zip(marks[name], plotting.array(values[:, ::EVERY])):
            line.set_data(EVERY * np.arange(len(y)), y)
    rest = np.rad2deg(turning.angle_at_rest(result.lr, strength))
    length = turning.norm_at_rest(result.lr, strength, result.gradient)
    for name, value in {"angle": rest, "norm": length, "rate": result.lr / length**2}.items():
        marks[f"{name} rest"][0].set_ydata([value if strength else np.nan] * 2)
    ends = result.norms[:, i, -1]
    low, high = (f"{end.item():.3g}" for end in (ends.min(), ends.max()))
    reached = f"ends at {low}" if low == high else f"ends between {low} and {high}"
    if not strength:
        grows = f"w grows as long as there is a gradient ({reached})"
        return f"No decay: {grows}; effective learning rate and angle fall."
    late = result.late_angle()[:, i].mean().rad2deg().item()
    return (
        f"λ = {strength:g}, η = {result.lr:g}: in the last {angles.shape[-1] // 2} steps w turns "
        f"by {late:.3g}° a step (at rest {rest:.3g}°), and its length {reached}."
    )


explorer = Explorer(
    title="Weight decay in front of a BatchNorm",
    controls={
        "strength": Slider("weight decay λ", values=turning.STRENGTHS, default=0.1, trained=True),
        "lr": Slider("learning rate η", values=(0.03, 0.1, 0.3), default=0.1),
    },
    frozen={"strength": 5, "lr": 3},
    compute=turning.turn,
    prepare=_prepare,
    draw=_draw,
    size=(9.4, 3.4),
)

show = explorer.show
