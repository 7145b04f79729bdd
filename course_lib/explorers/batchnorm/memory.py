"""The running statistics of one feature, whose mean jumps: move batch size and momentum."""

from course_lib import plotting
from course_lib.experiments.batchnorm.memory import AFTER, BATCHES, MEAN, RUNS, SPREAD, keep_memory
from course_lib.panel import Explorer, Slider

OTHERS = 12  # runs that are drawn beside the first


def _prepare(figure):
    """Running mean and running variance against the batch."""
    left, right = figure.subplots(1, 2)
    marks, half = {}, BATCHES // 2
    left.plot(
        [0, half, half, BATCHES],
        [MEAN, MEAN, AFTER, AFTER],
        color=plotting.ink(),
        linestyle=":",
        label="true",
    )
    right.plot([0, BATCHES], [SPREAD**2] * 2, color=plotting.ink(), linestyle=":", label="true")
    for ax, name, limits in ((left, "mean", (-1, 3)), (right, "variance", (0, 3))):
        ax.set(
            title=f"Running {name}",
            xlabel="batch",
            ylabel=f"running {name}",
            xlim=(0, BATCHES),
            ylim=limits,
        )
        color, _ = plotting.series(0)
        style = {"color": plotting.muted(), "linestyle": "-", "linewidth": 0.6}
        marks[f"{name} others"] = [ax.plot([], [], alpha=0.5, **style)[0] for _ in range(OTHERS)]
        marks[name] = ax.plot([], [], color=color, linestyle="-", label="one run")
        marks[f"{name} others"][0].set_label(f"{OTHERS} other runs")
        ax.legend(loc="upper right")
    return marks


def _draw(marks, result):
    """Move the marks to a `Memory`."""
    for name, values in (("mean", result.mean), ("variance", result.var)):
        marks[name][0].set_data(range(len(values)), values[:, 0])
        for k, line in enumerate(marks[f"{name} others"], 1):
            line.set_data(range(len(values)), values[:, k])
    spread, late = result.mean[-1].std().item(), (result.mean[-1].mean() - AFTER).item()
    high = "high" if late > 0 else "low"
    lag = f"about {1 / result.momentum:.3g} batches" if result.momentum < 1 else "no batch"
    return (
        f"Momentum {result.momentum:g}, batches of {result.batch_size}: the memory reaches back "
        f"{lag}. {BATCHES // 2} batches after the jump the mean of {RUNS} runs is {abs(late):.2g} "
        f"too {high}, and they differ by ±{spread:.2g} "
        f"(formula, at rest: ±{result.expected:.2g}).{result.note}"
    )


explorer = Explorer(
    title="What the running statistics remember",
    controls={
        "batch_size": Slider("batch size", values=(2, 4, 8, 16, 32, 64, 128, 256), default=16),
        "momentum": Slider(
            "momentum m (weight of the newest batch)",
            values=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
            default=0.1,
        ),
    },
    frozen={"batch_size": 8, "momentum": 6},
    compute=keep_memory,
    prepare=_prepare,
    draw=_draw,
)

show = explorer.show
