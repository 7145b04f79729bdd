"""Early stopping on training curves of digits; patience, seed and wrong labels can be moved."""

import numpy as np

from course_lib import plotting
from course_lib.experiments.overfitting.early_stopping import STEPS, curves, stop_at
from course_lib.panel import Explorer, Slider
from course_lib.statistics import paired_interval

PATIENCE = (1, 2, 3, 5, 8, 12, 20, 50)


def _prepare(figure):
    """Left the two losses of one seed, right its test accuracy."""
    left, right = figure.subplots(1, 2)
    left.set(title="Loss", xlabel="step", ylabel="cross entropy", yscale="log", ylim=(1e-2, 8))
    right.set(title="Right on the test set", xlabel="step", ylabel="accuracy (%)", ylim=(40, 100))
    marks = {}
    for ax in (left, right):
        ax.set(xlim=(0, STEPS))
        name = "left" if ax is left else "right"
        marks[f"{name} best"] = [
            ax.axvline(np.nan, color=plotting.ink(), linestyle="-", linewidth=1, label="kept")
        ]
        marks[f"{name} last"] = [
            ax.axvline(np.nan, color=plotting.muted(), linestyle=":", label="stopped here")
        ]
    for k, name in enumerate(("training", "validation")):
        color, linestyle = plotting.series(k)
        marks[name] = left.plot([], [], color=color, linestyle=linestyle, label=name)
    color, linestyle = plotting.series(2)
    marks["test"] = right.plot([], [], color=color, linestyle="-", label="this seed")
    marks["all"] = plotting.draw_band(
        right, [], np.empty((0, 0)), label="mean of seeds, 95 % band", k=3
    )
    left.legend(loc="lower right", fontsize=8)
    right.legend(loc="lower right", fontsize=8)
    return marks


def _draw(marks, result, patience, seed):
    """Move the marks to one seed of `Curves` and to where this patience ends it."""
    steps = result.recorded
    lines = {
        "training": result.train_loss,
        "validation": result.validation_loss,
        "test": 100 * result.test_accuracy,
    }
    here = min(seed, len(result.train_loss) - 1)
    for name, values in lines.items():
        marks[name][0].set_data(steps, plotting.array(values[here]))
    plotting.move_band(marks["all"], steps, 100 * result.test_accuracy)
    done = result.validation_loss[here].isfinite().all()
    best, last = stop_at(result.validation_loss[here].tolist(), patience) if done else (None, None)
    for side in ("left", "right"):
        marks[f"{side} best"][0].set_xdata([steps[best] if done else np.nan] * 2)
        marks[f"{side} last"][0].set_xdata([steps[last] if done else np.nan] * 2)
    if not done:
        return f"Training one network a seed: {result.progress:.0%}."
    return _say_stopping(result, here, patience, best, last)


def _say_stopping(result, here, patience, best, last):
    accuracy, steps = 100 * result.test_accuracy, result.recorded
    if last + 1 < len(steps):
        ended = f"stopped at step {steps[last]}"
    elif last - best >= patience:
        ended = f"stopped at the last step, {steps[last]}"
    else:
        ended = f"at step {steps[last]} it was not over yet"
    text = (
        f"Seed {here}, patience {patience}: best validation loss at step {steps[best]}, {ended}. "
        f"Kept {accuracy[here, best]:.1f} % right, the last weights {accuracy[here, -1]:.1f} %."
    )
    if not result.validation_loss.isfinite().all() or len(accuracy) < 2:
        return text
    gain = paired_interval(100 * result.kept_accuracy(patience), accuracy[:, -1])
    gained = f"{gain.mean:+.1f} points [{gain.low:.1f}, {gain.high:.1f}]"
    return f"{text} All {len(accuracy)} seeds: {gained}."


explorer = Explorer(
    title="Early stopping on digits with wrong labels",
    controls={
        "patience": Slider(
            "patience", values=PATIENCE, default=5, trained=True, unit="evaluations"
        ),
        "seed": Slider("seed", values=tuple(range(8)), default=0, trained=True),
        "noise": Slider("share of wrong labels", values=(0.0, 0.1, 0.2, 0.4), default=0.2),
    },
    frozen={"patience": 8, "seed": (0, 1), "noise": (0.0, 0.2)},
    compute=curves,
    prepare=_prepare,
    draw=_draw,
    quick={"seeds": tuple(range(8)), "steps": 300, "every": 10},
)

show = explorer.show
