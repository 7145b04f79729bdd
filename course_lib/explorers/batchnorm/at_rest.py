"""Do the weights of a network on digits come to rest? Angle and length at two decays, abreast."""

import numpy as np
import torch

from course_lib import plotting
from course_lib.experiments.batchnorm import turning
from course_lib.panel import Explorer, Slider

WINDOW = 20  # steps that one drawn point stands for
SIDES = ("left", "right")
DECAYS = turning.STRENGTHS[1:]  # without decay nothing comes to rest


def _compute(lr, seeds=tuple(range(8)), steps=turning.STEPS):
    """A `Turning` on digits that fills in."""
    yield from turning.turn_on_digits(lr, seeds=seeds, steps=steps)


def _prepare(figure):
    """A column for each of two decays: above the angle, measured by the law; below the length."""
    marks = {}
    for k, (side, column) in enumerate(zip(SIDES, figure.subplots(2, 2, sharex=True).T)):
        for ax, name in zip(column, ("angle", "norm")):
            marks[side, name] = plotting.draw_band(ax, [], np.empty((0, 0)), label="measured")
        above, below = column
        color, dashed = plotting.series(1)
        style = {"color": color, "linestyle": dashed}
        above.axhline(1, label="the law", **style)
        half = turning.STEPS / 2
        above.axvspan(half, turning.STEPS, color=plotting.muted(), alpha=0.15, linewidth=0)
        above.text(0.75, 0.92, "averaged", ha="center", fontsize=8, transform=above.transAxes)
        marks[side, "goal"] = below.plot([], [], label="at rest for the g̃ of that step", **style)
        above.set(xlim=(0, turning.STEPS), ylabel="" if k else "angle per step / law")
        below.set(xlabel="step", ylabel="" if k else "length ‖w‖")
        for ax in column if k == 0 else ():
            ax.legend(loc="lower right", fontsize=8)
    return marks


def _draw(marks, result, left, right):
    """Move the marks to a `Turning` at two of its strengths."""
    ratios, norms, goals, middles = _curves(result)
    for side, strength in zip(SIDES, (left, right)):
        i = result.strengths.index(strength)
        plotting.move_band(marks[side, "angle"], middles, ratios[:, i])
        plotting.move_band(marks[side, "norm"], middles, norms[:, i])
        marks[side, "goal"][0].set_data(middles, plotting.array(goals[i]))
        above, below = (marks[side, name][0].axes for name in ("angle", "norm"))
        plotting.set_texts(above, title=f"λ = {strength:g}")
        for ax, low, values in ((above, 1.5, ratios), (below, 1.0, norms)):
            known = values[:, 1:][values[:, 1:].isfinite()]
            top = max(low, 1.1 * known.max().item()) if len(known) else low
            plotting.set_limits(ax, y=(0, top))
    if result.progress < 1:
        trained = f"{len(norms)} seeds at {len(result.strengths)} strengths"
        return f"Training {trained}: {result.progress:.0%}."
    found = [result.ratio()[:, result.strengths.index(s)].mean() for s in (left, right)]
    half = result.angles.shape[-1] // 2
    return (
        f"η = {result.lr:g}, mean of {len(norms)} seeds with 95 % band: in the last {half} steps "
        f"w turns {found[0]:.2f} times as far as the law says for λ = {left:g}, and "
        f"{found[1]:.2f} times for λ = {right:g}."
    )


def _curves(result):
    """Of each window: angle by the law and length [seeds, strengths, windows], length at rest.

    The angle is a root mean square over the steps of a window. The length at rest [strengths,
    windows] is that for the g̃ of the window, root mean square over steps and seeds.
    """

    def windows(values):
        whole = values[..., : values.shape[-1] // WINDOW * WINDOW]
        return whole.unflatten(-1, (-1, WINDOW))

    def at_rest(rule):
        found = [rule(result.lr, s) if s else torch.nan for s in result.strengths]
        return torch.tensor(found, dtype=torch.float64).unsqueeze(1)

    ratios = windows(result.angles).square().mean(-1).sqrt() / at_rest(turning.angle_at_rest)
    norms = windows(result.norms[..., 1:]).mean(-1)
    slope = windows(result.scale_free_gradient).square().mean((0, -1)).sqrt()  # g̃
    goals = at_rest(lambda lr, strength: turning.norm_at_rest(lr, strength, 1.0)) * slope.sqrt()
    return ratios, norms, goals, WINDOW * (np.arange(ratios.shape[-1]) + 0.5)


explorer = Explorer(
    title="Angle and length on digits, at two decays",
    controls={
        "left": Slider("weight decay λ, left", values=DECAYS, default=0.1, trained=True),
        "right": Slider("weight decay λ, right", values=DECAYS, default=0.01, trained=True),
        "lr": Slider("learning rate η", values=(0.03, 0.1, 0.3), default=0.1),
    },
    frozen={"left": 4, "right": 4},
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
    size=(8.8, 4.8),
    quick={"seeds": (0, 1), "steps": 100},
)

show = explorer.show
