"""A path beside the ridge of a saddle: offset, noise and a cyclical rate can be given to it."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.sgd.saddle import RATES, SADDLE, STEPS, escape
from course_lib.experiments.shared.surfaces import diverged_at
from course_lib.explorers.update import chosen
from course_lib.panel import Choice, Explorer, Seen, Slider
from course_lib.sgd import sgd_update


def _compute(lr, offset, noise, rate, height=1.5, update=None):
    """(`Escape`, a note); the learner's own `update` replaces ours where its keywords fit."""
    run, note = chosen(update, sgd_update, "lr")
    return escape(lr, offset, noise, rate, run, height), note


def _prepare(figure):
    """Left the surface with the path, right the distance from the ridge."""
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.1])
    plotting.draw_contours(left, SADDLE)
    left.plot(-1, 0, marker="*", markersize=11, color=plotting.ink(), linestyle="none")
    left.plot(0, 0, marker="x", markersize=9, color=plotting.ink(), linestyle="none")
    left.annotate("saddle", (0, -0.3), color=plotting.ink(), ha="center", va="top", fontsize=9)
    left.set(
        xlim=SADDLE.window[:2], ylim=(-1.0, 2.0), title="Two valleys and the ridge between them"
    )
    marks = {"path": plotting.draw_path(left, np.empty((0, 2)))}
    right.set(title="Distance from the ridge", xlabel="step", ylabel="$|w_1|$", yscale="log")
    right.set(xlim=(0, STEPS), ylim=(1e-17, 10))
    marks["distance"] = right.plot([], [], color=plotting.series(0)[0], linestyle="-", label="path")
    color, linestyle = plotting.series(1)
    marks["predicted"] = right.plot(
        [], [], color=color, linestyle=linestyle, label="start × (1 + lr)(1 + lr)…"
    )
    right.legend(loc="lower right")
    style = {"color": plotting.muted(), "ha": "center", "va": "center"}
    marks["never"] = [right.text(STEPS / 2, 1e-8, "", **style)]
    return marks


def _draw(marks, result):
    """Move the marks to an `Escape` and its note."""
    found, note = result
    plotting.move_path(marks["path"], found.path)
    distance = found.path[:, 0].abs()
    bad = diverged_at(SADDLE.loss(found.path))
    marks["distance"][0].set_data(range(len(distance[:bad])), distance[:bad].clamp(min=1e-20))
    shown = found.predicted[found.predicted < 2] if found.noise == 0 and found.offset else []
    marks["predicted"][0].set_data(range(len(shown)), shown)
    never = "$|w_1| = 0$ at every step:\nno place on this axis"
    marks["never"][0].set_text("" if distance.any() else never)
    ax, start = marks["path"][0].axes, found.path[0].tolist()
    return Seen(_say(found, distance, bad) + note, handles=[(("offset", "height"), ax, *start)])


def _say(found, distance, bad):
    if bad is not None:
        return f"Diverged at step {bad}."
    if found.left_at is not None:
        pushed = found.noise and found.offset < 1e-3
        why = "the noise pushed it off" if pushed else "its offset grew step by step"
        return f"Leaves at step {found.left_at}, when |w₁| passes ½: {why}."
    if found.offset or found.noise:
        return f"Not gone after {STEPS} steps: |w₁| has reached {distance[-1].item():.1e}."
    return "Never leaves: on the ridge the gradient has no part that leads off it."


explorer = Explorer(
    title="Leaving a saddle",
    controls={
        "lr": Slider("learning rate", 0.02, 0.5, 0.1, log=True),
        "offset": Slider(
            "start beside the ridge",
            values=(0.0, 1e-16, 1e-12, 1e-8, 1e-4, 1e-2, 0.1, 0.3),
            default=0.0,
        ),
        "noise": Slider(
            "noise of the gradient", values=(0.0, 1e-8, 1e-4, 1e-2, 0.1, 0.3), default=0.0
        ),
        "rate": Choice("learning rate over time", RATES, "constant"),
        "height": Slider("start along the ridge", -1.0, 2.0, 1.5, step=0.1, in_picture=True),
    },
    frozen={
        "lr": (0.05, 0.1, 0.2),
        "offset": (0.0, 1e-8, 0.1),
        "noise": (0.0, 1e-8, 0.1),
        "rate": 3,
    },
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
)

show = explorer.show
