"""Four riddles: which parameter of AdamW is varied; picture, answer and seed can be chosen."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.adamw.riddles import PARAMETERS, REASONS, quiz_trajectories
from course_lib.panel import Choice, Explorer, Slider

LETTERS = "ABCD"


def _prepare(figure):
    """Four paths side by side."""
    marks = {"paths": [], "contours": []}
    for k, ax in enumerate(figure.subplots(1, 4)):
        ax.set(aspect="equal", xticks=[], yticks=[])
        ax.spines[:].set(visible=True, linewidth=0.5)
        marks["contours"].append([])
        marks["paths"].append(plotting.draw_path(ax, np.empty((0, 2)), k=1))
        marks["paths"][k][2].set_markersize(4)
    return marks


def _draw(marks, result, picture, answer):
    """Move the marks to one of four `Quiz`zes, and judge the answer."""
    quiz = result[LETTERS.index(picture)]
    for k, path_marks in enumerate(marks["paths"]):
        ax = path_marks[0].axes
        for artist in marks["contours"][k]:
            artist.remove()
        marks["contours"][k] = plotting.draw_contours(ax, quiz.surface, levels=9, points=60)
        marks["contours"][k][1].set_zorder(7)  # the star, above the paths
        ax.set(
            xlabel="",
            ylabel="",
            title=f"{answer} = {quiz.values[k]:g}" if answer == quiz.parameter else "",
        )
        plotting.set_limits(ax, quiz.surface.window[:2], quiz.surface.window[2:])
        plotting.move_path(path_marks, quiz.paths[k])
    return f"Picture {picture}. {_say(quiz, answer)}"


def _say(quiz, answer):
    if answer == "?":
        return (
            "AdamW, 90 steps from the ring towards the star, a dot a step. One of lr, β₁, β₂, λ "
            "changes from left to right, the others do not. Look at the first steps, at where "
            "paths end, at whether they swing past it."
        )
    if answer == quiz.parameter:
        values = ", ".join(f"{value:g}" for value in quiz.values)
        return f"✓ {answer} = {values}: {REASONS[answer]}."
    if answer == "lr":
        return (
            "✗ Not lr: the first steps are equally long in all four, "
            "and lr is the length of the first step."
        )
    clash = {
        "lr": "the very first steps differ already, and it leaves the first step alone",
        "λ": "some paths never come near the star, however long they run",
        "β₁": "some paths are carried far past the star and have to come back",
        "β₂": "all paths reach the star, and none is carried far past it",
    }
    return f"✗ Not {answer}: {clash[quiz.parameter]}."


explorer = Explorer(
    title="Which parameter is varied?",
    controls={
        "picture": Choice("picture", tuple(LETTERS), "A", trained=True),
        "answer": Choice("your answer", ("?", *PARAMETERS), "?", trained=True, resets=True),
        "seed": Slider("seed (new riddles)", 0, 99, 0),
    },
    frozen={"picture": 4, "answer": 5, "seed": (0, 1, 2)},
    compute=quiz_trajectories,
    prepare=_prepare,
    draw=_draw,
    size=(8.2, 2.35),
)

show = explorer.show
