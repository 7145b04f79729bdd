"""Targets: ε, the best logit gap, and the gradient."""

from dataclasses import dataclass

import numpy as np
import torch

from course_lib import plotting
from course_lib.label_smoothing import cross_entropy, optimal_gap, smooth_labels
from course_lib.panel import Explorer, Slider

GAPS = np.linspace(-2, 14, 321)
SHOWN = 20  # bars at most


@dataclass
class Targets:
    """One label against K − 1 equal other logits: loss and gradient [gaps] as the label's logit
    rises above them.
    """

    epsilon: float
    gap: float
    q: torch.Tensor  # target [K]
    p: torch.Tensor  # prediction [K] at `gap`
    loss: torch.Tensor
    gradient: torch.Tensor  # ∂loss/∂z of the label
    floor: float  # the loss where p = q
    best: float  # the gap there; inf at ε = 0
    here: tuple  # loss and gradient at `gap`
    note: str


def ours(logits, target, epsilon):
    return cross_entropy(logits, target, label_smoothing=epsilon)


def loss_and_slope(loss, classes, epsilon, gaps):
    """Loss [gaps] and its derivative in the label's logit, for logits (gap, 0, …, 0) and label
    0.
    """
    losses, slopes = [], []
    for gap in torch.as_tensor(gaps, dtype=torch.float64):
        z = torch.zeros(1, classes, dtype=torch.float64)
        z[0, 0] = gap
        z.requires_grad_()
        value = loss(z, torch.tensor([0]), epsilon)
        slopes.append(torch.autograd.grad(value, z)[0][0, 0])
        losses.append(value.detach())
    return torch.stack(losses), torch.stack(slopes)


def compute(epsilon, classes, gap, layer=None):
    """`Targets` by our loss, or by the learner's `layer(logits, target, epsilon)`, whose gradient
    autograd finds.
    """
    q = smooth_labels(torch.tensor(0), classes, epsilon, torch.float64)
    z = torch.zeros(classes, dtype=torch.float64)
    z[0] = gap
    p = z.softmax(0)
    if layer is None:
        rows = torch.zeros(len(GAPS) + 1, classes, dtype=torch.float64)
        rows[:, 0] = torch.tensor([*GAPS, gap])
        loss = cross_entropy(
            rows,
            torch.zeros(len(rows), dtype=torch.long),
            reduction="none",
            label_smoothing=epsilon,
        )
        gradient, note = rows.softmax(1)[:, 0] - q[0], ""  # p − q
    else:
        loss, gradient = loss_and_slope(layer, classes, epsilon, [*GAPS, gap])
        note = " Loss and gradient are those of your function; the dotted line is where the minimum should be."
    floor = -torch.xlogy(q, q).sum().item()
    here = loss[-1].item(), gradient[-1].item()
    return Targets(
        epsilon,
        gap,
        q,
        p,
        loss[:-1],
        gradient[:-1],
        floor,
        optimal_gap(classes, epsilon),
        here,
        note,
    )


def prepare(figure):
    """Bars of target and prediction, the loss against the gap, its gradient; returns the marks that
    move.
    """
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.15, 1, 1])
    left.set(
        title="One row",
        xlabel="class (the label first; at most 20)",
        ylabel="probability",
        ylim=(0, 1.02),
    )
    blue, orange = plotting.series(0)[0], plotting.series(1)[0]
    marks = {
        "targets": list(
            left.bar(range(SHOWN), [0] * SHOWN, 0.8, color=orange, alpha=0.5, label="target q")
        )
    }
    style = {"marker": "o", "markersize": 5, "linestyle": "none"}
    marks["predictions"] = left.plot([], [], color=blue, label="prediction p", **style)
    left.legend(loc="upper right")
    middle.set(
        title="Loss", xlabel="label's logit − others'", xlim=(GAPS[0], GAPS[-1]), ylim=(0, 6)
    )
    marks["plain"] = middle.plot(
        [], [], color=plotting.muted(), linestyle="--", zorder=3, label="ε = 0"
    )
    marks["loss"] = middle.plot([], [], color=blue, linestyle="-", label="with ε")
    marks["floor"] = [
        middle.axhline(
            np.nan, color=orange, linestyle=":", linewidth=1.2, label="floor: entropy of q"
        )
    ]
    middle.legend(loc="upper right", fontsize=7, handlelength=1.6)
    right.set(
        title="Gradient in the label's logit", xlabel="label's logit − others'", ylim=(-1.05, 0.3)
    )
    right.set(xlim=(GAPS[0], GAPS[-1]))
    right.axhline(0, color=plotting.muted(), linewidth=0.8, linestyle="-")
    marks["gradient"] = right.plot([], [], color=blue, linestyle="-")
    for name, ax in (("loss", middle), ("gradient", right)):
        marks[f"best {name}"] = [ax.axvline(np.nan, color=orange, linestyle=":", linewidth=1.5)]
        marks[f"{name} here"] = ax.plot(
            [], [], color=plotting.ink(), marker="o", markersize=7, linestyle="none"
        )
    return marks


def draw(marks, result):
    """Move the marks to a `Targets`."""
    classes = len(result.q)
    shown = min(classes, SHOWN)
    for k, bar in enumerate(marks["targets"]):
        bar.set_height(result.q[k].item() if k < shown else 0)
    ax = marks["predictions"][0].axes
    plotting.set_limits(ax, x=(-0.7, max(shown, 5) - 0.3))
    marks["predictions"][0].set_data(range(shown), result.p[:shown])
    gaps = torch.tensor(GAPS)
    marks["plain"][0].set_data(
        GAPS, (1 + (classes - 1) * (-gaps).exp()).log()
    )  # −log p of the label
    marks["loss"][0].set_data(GAPS, result.loss)
    marks["gradient"][0].set_data(GAPS, result.gradient)
    marks["floor"][0].set_ydata([result.floor] * 2)
    for name, value in zip(("loss", "gradient"), result.here):
        marks[f"best {name}"][0].set_xdata([result.best if result.best <= GAPS[-1] else np.nan] * 2)
        marks[f"{name} here"][0].set_data([result.gap], [value])
    return _say(result)


def _say(result):
    classes, (_, slope) = len(result.q), result.here
    gap, slope = _signed(result.gap), _signed(slope)
    at = f"At a gap of {gap} the label has p = {result.p[0]:.4f}, and its logit's gradient is {slope}"
    if result.epsilon == 0:
        return f"ε = 0, {classes} classes: the target is 1. {at}: never zero, the gap would grow for ever.{result.note}"
    where = f"is lowest at a gap of {result.best:.3f}, where it is {result.floor:.4f}"
    if result.best > GAPS[-1]:
        where += " (outside the picture)"
    asked = f"ε = {result.epsilon:g}, {classes} classes: the label's target is {result.q[0]:.4g}"
    return f"{asked}, the others' {result.q[-1]:.3g}. The smoothed loss {where}. {at}.{result.note}"


def _signed(number):
    return f"{number:.3g}".replace("-", "−")


explorer = Explorer(
    title="What a smoothed target asks for",
    controls={
        "epsilon": Slider("ε", 0.0, 1.0, 0.1, step=0.01),
        "classes": Slider("classes K", values=(2, 3, 5, 10, 20, 100, 1000), default=5),
        "gap": Slider("logit gap", -2.0, 14.0, 2.0, step=0.1),
    },
    compute=compute,
    prepare=prepare,
    draw=draw,
    size=(9, 3.4),
)

show = explorer.show
