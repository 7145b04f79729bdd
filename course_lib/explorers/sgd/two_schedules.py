"""Learning-rate schedules side by side: the rates, and the training losses that they lead to."""

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.sgd.schedules import EVALUATED, STEPS, Scheduled


def picture(runs: dict[str, Scheduled]) -> Figure:
    """Left the learning rate, right the training loss against the step; name → run.

    Geometric means over the seeds, with the 95 % band of the logarithms.
    """
    figure = Figure(figsize=(8.2, 3.3), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.set(title="The rate", xlabel="step", ylabel="learning rate", xlim=(0, STEPS))
    right.set(title="The loss", xlabel="step", ylabel="training loss (lower is better)")
    right.set(xlim=(0, STEPS), ylim=(0.01, 4), yscale="log")
    for k, (name, run) in enumerate(runs.items()):
        color, linestyle = plotting.series(k)
        left.plot(range(STEPS), run.rates, color=color, linestyle=linestyle, label=name)
        end = run.train_loss[:, -1].log().mean().exp().item()
        losses, label = run.train_loss, f"{name}: ends at {end:.2g}"
        plotting.draw_band(right, EVALUATED, losses, label, k, geometric=True)
    left.set_ylim(0, 1.25 * max(max(run.rates) for run in runs.values()))
    left.legend(loc="upper right")
    what = {"title": "geometric mean, 95 % band", "title_fontsize": 9, "alignment": "left"}
    right.legend(loc="lower left", **what)
    return figure
