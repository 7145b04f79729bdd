"""One weight on its way to zero, or not; λ and the learning rate can be moved."""

from course_lib import plotting
from course_lib.experiments.l1_l2.shrinking import METHODS
from course_lib.experiments.l1_l2.zeroing import STEPS, walks
from course_lib.l1_l2 import soft_threshold
from course_lib.panel import Explorer, Slider

FLOOR = 1e-9  # of the right picture; exact zeros are drawn on it
LIMITS = (-0.12, 1.15)  # of the left one, or more, where a walk leaves them


def _compute(strength, lr, update=None):
    """(`Walks`, a note). `update`: the learner's own `soft_threshold(x, threshold)`."""
    note = "" if update is None else " The proximal steps are taken with your soft_threshold."
    return walks(strength, lr, update or soft_threshold), note


def _prepare(figure):
    """Left the weight, right its size on a logarithmic axis."""
    left, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
    left.set(title="The weight", xlabel="step", ylabel="weight", xlim=(0, STEPS), ylim=LIMITS)
    left.axhline(0, color=plotting.muted(), linestyle="-", linewidth=0.8)
    right.set(
        title="How small does it get?",
        xlabel="step",
        ylabel="size of the weight, logarithmic",
        yscale="log",
    )
    right.set(xlim=(0, STEPS), ylim=(FLOOR / 30, 3))
    right.axhspan(FLOOR / 30, FLOOR * 3, color=plotting.muted(), alpha=0.2)
    right.text(1, FLOOR / 7, "exactly zero", va="center", color=plotting.ink(), fontsize=8)
    marks = {"diverged": plotting.draw_divergence(left)}
    for k, (method, name) in enumerate(METHODS.items()):
        color, linestyle = plotting.series(k)
        style = {"color": color, "linestyle": linestyle, "marker": ".", "markersize": 4}
        marks[method] = left.plot([], [], label=name, **style)
        marks[f"size {method}"] = right.plot([], [], **style)
    left.legend(loc="upper right")
    return marks


def _draw(marks, result):
    """Move the marks to `Walks` and a note.

    A diverged walk is drawn to its last good step, on an axis that holds it.
    """
    found, note = result
    first = min(found.diverged.values(), default=None)
    reach = max([1.15, *(float(run[:first].abs().max()) for run in found.runs.values())])
    lowest = min(float(run.min()) for run in found.runs.values()) if first is None else 0.0
    limits = (-1.1 * reach, 1.1 * reach)
    if first is None:
        limits = (min(LIMITS[0], 1.1 * lowest), LIMITS[1])
    plotting.set_limits(marks["l2"][0].axes, y=limits)
    plotting.move_divergence(marks["diverged"], first)
    for method, run in found.runs.items():
        kept = run[: found.diverged.get(method)]
        marks[method][0].set_data(range(len(kept)), kept)
        marks[f"size {method}"][0].set_data(range(len(kept)), kept.abs().clamp(min=FLOOR))
    return _say(found) + note


def _say(found):
    if found.diverged:
        steps = [
            f"{METHODS[name]} diverged at step {step}" for name, step in found.diverged.items()
        ]
        bound = f"2/h = 2 with L1, 2/(h + λ) = {2 / (1 + found.strength):.3g} with L2"
        return (
            f"{'; '.join(steps)}: learning rate {found.lr:g}. "
            f"On this parabola (h = 1) it is stable below {bound}."
        )
    ends = {method: run[-1].item() for method, run in found.runs.items()}
    proximal = "is exactly zero" if ends["l1"] == 0 else f"rests at {ends['l1']:.3f}"
    zeros = int((found.runs["l1_subgradient"] == 0).sum())
    return (
        f"After {STEPS} steps the weight {proximal} with proximal steps; with subgradient steps it "
        f"is at {ends['l1_subgradient']:.2g} and was exactly zero {zeros} times; "
        f"L2 leaves {ends['l2']:.3f}."
    )


explorer = Explorer(
    title="One weight: the loss wants 0.3, the penalty 0",
    controls={
        "strength": Slider("λ", 0.0, 1.0, 0.5, step=0.05),
        "lr": Slider("learning rate", 0.01, 3.0, 0.12, log=True),
    },
    frozen={
        "strength": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0),
        "lr": (0.03, 0.06, 0.12, 0.5, 1.0),
    },
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
)

show = explorer.show
