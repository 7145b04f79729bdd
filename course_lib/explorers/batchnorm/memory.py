"""Memory: the running statistics of one feature."""

from dataclasses import dataclass

import torch

from course_lib import plotting
from course_lib.batchnorm import batch_norm
from course_lib.experiments.batchnorm.batch_statistics import variance_of_running_mean
from course_lib.panel import Explorer, Slider

MEAN, SPREAD, AFTER, BATCHES, RUNS = 2.0, 1.0, 0.0, 200, 40  # the mean jumps to AFTER half-way
OTHERS = 12  # runs that are drawn beside the first


@dataclass
class Memory:
    """Running mean and variance [batches + 1, runs], and what the formula says of the mean's spread
    at rest.
    """

    mean: torch.Tensor
    var: torch.Tensor
    expected: float
    momentum: float
    batch_size: int
    note: str


def compute(batch_size, momentum, layer=None):
    """Forty runs at once, as forty features; the learner's own `layer` replaces our `batch_norm` if
    it is given.
    """
    generator = torch.Generator().manual_seed(0)
    mean, var = torch.zeros(RUNS, dtype=torch.float64), torch.ones(RUNS, dtype=torch.float64)
    gamma, beta, seen = torch.ones_like(mean), torch.zeros_like(mean), []
    for t in range(BATCHES):
        seen.append((mean.clone(), var.clone()))
        x = SPREAD * torch.randn(batch_size, RUNS, dtype=mean.dtype, generator=generator)
        x += MEAN if t < BATCHES // 2 else AFTER
        (layer or batch_norm)(x, mean, var, gamma, beta, True, momentum, 1e-5)
    means, variances = (torch.stack(part).detach() for part in zip(*seen, (mean, var)))
    expected = variance_of_running_mean(momentum, SPREAD**2, batch_size) ** 0.5
    return Memory(
        means,
        variances,
        expected,
        momentum,
        batch_size,
        "" if layer is None else " Kept by your function.",
    )


def prepare(figure):
    """Running mean and running variance against the batch; returns the marks that move."""
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


def draw(marks, result):
    """Move the marks to a `Memory`."""
    for name, values in (("mean", result.mean), ("variance", result.var)):
        marks[name][0].set_data(range(len(values)), values[:, 0])
        for k, line in enumerate(marks[f"{name} others"], 1):
            line.set_data(range(len(values)), values[:, k])
    spread, late = result.mean[-1].std().item(), (result.mean[-1].mean() - AFTER).item()
    high = "high" if late > 0 else "low"
    lag = f"about {1 / result.momentum:.3g} batches" if result.momentum < 1 else "no batch"
    return (
        f"Momentum {result.momentum:g}, batches of {result.batch_size}: the memory reaches back {lag}. "
        f"{BATCHES // 2} batches after the jump the mean of {RUNS} runs is {abs(late):.2g} too {high}, and they differ "
        f"by ±{spread:.2g} (formula, at rest: ±{result.expected:.2g}).{result.note}"
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
    compute=compute,
    prepare=prepare,
    draw=draw,
)

show = explorer.show
