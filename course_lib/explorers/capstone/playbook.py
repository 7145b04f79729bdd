"""One question, asked with other knobs tuned or not: what is re-tuned can turn the answer."""

import math

import numpy as np

from course_lib import plotting
from course_lib.experiments.capstone.playbook import BESIDE, KNOBS, ask, factorial, grid
from course_lib.panel import Choice, Explorer, Slider

QUESTIONS = {
    "does dropout help?": "dropout",
    "does weight decay help?": "weight_decay",
    "does gradient clipping help?": "clip",
}
TUNED = {
    "nothing": lambda knob: frozenset(),
    "learning rate": lambda knob: frozenset({"lr"}),
    "learning rate and steps": lambda knob: frozenset({"lr", "steps"}),
    "all others": lambda knob: frozenset(BESIDE[knob]),
}
LABELS = {"dropout": "dropout p", "weight_decay": "weight decay λ", "clip": "largest norm"}


def _prepare(figure):
    """Left the isolation plot, right the difference for each way to ask."""
    left, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
    left.set(title="Best over what is re-tuned", ylabel="test error, %")
    right.set(title="Best value minus off", xlabel="points of test error (left of 0: it helps)")
    right.axvline(0, color=plotting.muted(), linewidth=1, linestyle="-")
    right.set_yticks(range(len(TUNED)), [name.replace(" and ", "\nand ") for name in TUNED])
    right.set_ylim(len(TUNED) - 0.5, -0.5)
    right.locator_params(axis="x", nbins=6)
    marks = {"errors": plotting.draw_band(left, [], np.empty((0, 0)), label="mean of seeds, 95 %")}
    marks["off"] = [left.axhline(np.nan, color=plotting.muted(), linestyle=":", label="off")]
    left.legend(loc="upper right")
    for name in TUNED:
        style = {"color": plotting.series(0)[0], "linestyle": "-", "linewidth": 3}
        marks[f"{name} span"] = right.plot([], [], solid_capstyle="butt", **style)
        marks[f"{name} mean"] = right.plot([], [], marker="o", markersize=7, **style)
        marks[f"{name} words"] = [right.text(0, 0, "", ha="center", color=plotting.ink())]
    return marks


def _draw(marks, result, question, tuned, lr):
    """Move the marks to a `Factorial` that is asked `question`, with `tuned` chosen anew."""
    if result.progress < 1:
        count = len(result.test) * sum(len(grid(clip)["lr"]) for clip in KNOBS["clip"])
        return f"Training {count} networks, with all knobs combined: {result.progress:.0%}."
    knob, fixed = QUESTIONS[question], {"lr": lr}
    answers = {name: ask(result, knob, some(knob), fixed) for name, some in TUNED.items()}
    here = answers[tuned]
    errors = 100 * here.errors.numpy()
    plotting.move_band(marks["errors"], np.arange(len(here.values)), errors)
    marks["off"][0].set_ydata([errors[:, 0].mean()] * 2)
    left = marks["off"][0].axes
    if left.get_xlabel() != LABELS[knob]:  # another question, on another axis
        left.set(xlabel=LABELS[knob], xlim=(-0.3, len(here.values) - 0.7))
        left.set_xticks(range(len(here.values)), [_shown(value) for value in here.values])
    low, high = errors.min() - 2, errors.max() + 5  # room for the band and the legend
    plotting.set_limits(left, y=(5 * np.floor(low / 5), 5 * np.ceil(high / 5)))
    ends = [-1.0, 1.0]
    for place, (name, answer) in enumerate(answers.items()):
        found = answer.difference
        marks[f"{name} span"][0].set_data([100 * found.low, 100 * found.high], [place] * 2)
        marks[f"{name} mean"][0].set_data([100 * found.mean], [place])
        for part in ("span", "mean"):
            marks[f"{name} {part}"][0].set_alpha(1.0 if name == tuned else 0.35)
        marks[f"{name} words"][0].set_text(_points(found.mean))
        marks[f"{name} words"][0].set_position((100 * found.mean, place - 0.2))
        ends += [100 * found.low, 100 * found.high]
    room = 0.1 * (max(ends) - min(ends))
    plotting.set_limits(marks["nothing mean"][0].axes, x=(min(ends) - room, max(ends) + room))
    return _say(here, knob, tuned, lr)


def _shown(value):
    """A knob's value; of a largest norm infinity, which clips nothing."""
    return "off" if value == math.inf else f"{value:g}"


def _points(share):
    """A share in points, with its sign: +1.2, −0.3."""
    return f"{100 * share:+.1f}".replace("-", "−")


def _say(here, knob, tuned, lr):
    found, best = here.difference, here.chosen[here.best]
    words = {True: "it helps", False: "it harms", None: "not told apart"}
    verdict = words[found.between(high=0) if found.excludes(0) else None]  # [0, 0]: the same
    ends = f"[{100 * found.low:.1f}, {100 * found.high:.1f}]".replace("-", "−")
    interval = f"{_points(found.mean)} {ends} points"
    on = {name: value for name, value in best.items() if value != math.inf}
    setting = ", ".join(f"{name} {value:g}" for name, value in on.items())
    edges = here.edges(TUNED[tuned](knob))
    if here.best == len(here.values) - 1:  # the knob that the question is about, too
        edges.insert(0, f"{knob} = {here.values[-1]:g}")
    tried = " Beside clipping, neither decay nor dropout was tried." if knob == "clip" else ""
    narrow = f" Best at the end of what was tried: {', '.join(edges)}." if edges else ""
    fixed = f", lr {lr:g} for all" if tuned == "nothing" else ""
    return (
        f"Re-tuned: {tuned}{fixed}. {verdict.capitalize()}: {interval} ({setting}).{narrow}{tried}"
    )


explorer = Explorer(
    title="The same question, other knobs re-tuned",
    controls={
        "question": Choice("question", tuple(QUESTIONS), "does dropout help?", trained=True),
        "tuned": Choice("re-tuned for each arm", tuple(TUNED), "nothing", trained=True),
        "lr": Slider(
            "learning rate, where not re-tuned", values=KNOBS["lr"], default=3e-3, trained=True
        ),
    },
    frozen={"question": tuple(QUESTIONS), "tuned": tuple(TUNED), "lr": 5},
    compute=factorial,
    prepare=_prepare,
    draw=_draw,
    size=(9.2, 3.6),
    quick={"seeds": (0, 1), "width": 8},
)

show = explorer.show
