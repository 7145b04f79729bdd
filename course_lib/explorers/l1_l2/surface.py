"""The loss around networks trained with L2, its curvature, noisy images; λ can be moved."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.l1_l2.shrinking import ALPHAS, NOISES, STRENGTHS, compute_surroundings
from course_lib.panel import Explorer, Slider


def _prepare(figure):
    """The loss along a direction, the largest curvature, accuracy on noisy images."""
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.2, 1, 1])
    left.set(title="Along a random direction", xlabel="distance, in lengths of each unit's weights")
    left.set(ylabel="training loss, without the penalty", xlim=(-1, 1), ylim=(0, 4))
    middle.set(
        title="Largest curvature",
        ylabel="largest eigenvalue of the Hessian",
        yscale="log",
        ylim=(0.05, 20),
    )
    right.set(title="Noise on the test images", ylabel="accuracy (higher is better)", ylim=(0, 1))
    for ax in (middle, right):
        ax.set(xscale="log", xlim=(STRENGTHS[0], STRENGTHS[-1]), xlabel="λ")
    marks = {
        "first": left.plot(
            [], [], color=plotting.muted(), linestyle="-", label="λ = 1e-5, mean of the seeds"
        )
    }
    marks["loss"] = plotting.draw_band(
        left, [], np.empty((0, 0)), label="this λ, mean and 95 % band"
    )
    marks["sharpness"] = plotting.draw_band(middle, [], np.empty((0, 0)))
    for k, noise in enumerate(NOISES):
        marks[f"noise {noise}"] = plotting.draw_band(
            right, [], np.empty((0, 0)), label=f"σ = {noise:g}", k=k
        )
    marks["here"] = [
        ax.axvline(1, color=plotting.ink(), linestyle=":", linewidth=1) for ax in (middle, right)
    ]
    left.legend(loc="upper center", fontsize=8)
    right.legend(loc="lower left", fontsize=8)
    return marks


def _draw(marks, result, strength):
    """Move the marks to `Surroundings` at one of its strengths."""
    n, i = len(result.loss), STRENGTHS.index(strength)
    for line in marks["here"]:
        line.set_xdata([strength] * 2)
    if not n:
        return f"Training and looking around: {result.progress:.0%}."
    marks["first"][0].set_data(ALPHAS, result.loss[:, 0].mean(0))
    plotting.move_band(marks["loss"], ALPHAS, result.loss[:, i])
    plotting.move_band(marks["sharpness"], STRENGTHS, result.sharpness)
    for k, noise in enumerate(NOISES):
        plotting.move_band(marks[f"noise {noise}"], STRENGTHS, result.accuracy[:, :, k])
    rise = (result.loss[:, i, -1] - result.loss[:, i, len(ALPHAS) // 2]).mean().item()
    clean, noisy = (result.accuracy[:, i, k].mean().item() for k in (0, -1))
    return (
        f"L2 with λ = {plotting.readable(strength)}, {n} seed{'s' * (n != 1)}: one length away "
        f"the loss is {rise:.2g} higher; largest curvature {result.sharpness[:, i].mean():.3g}; "
        f"accuracy {clean:.1%} on clean images, {noisy:.1%} with noise σ = {NOISES[-1]:g}."
    )


explorer = Explorer(
    title="The same networks under L2: the loss around them",
    controls={"strength": Slider("λ", values=STRENGTHS, default=STRENGTHS[0], trained=True)},
    frozen={"strength": 9},
    compute=compute_surroundings,
    prepare=_prepare,
    draw=_draw,
    size=(9.6, 3.6),
    quick={"seeds": (0, 1)},
)

show = explorer.show
