"""The memory of AdamW as a picture: what decay alone leaves of a weight, for some λ."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from course_lib import plotting


def draw_memory(strengths: Sequence[float], lr: float, steps: int, epoch: int) -> Figure:
    """Curves (1 − lr·λ)ᵗ over a run of `steps`, one for each λ of `strengths`.

    A dot marks the memory, 1/(lr·λ) steps, where it ends within the run; a band the first `epoch`,
    so many steps.
    """
    with plotting.style():
        figure = Figure(figsize=(7, 2.7), layout="constrained")
        ax = figure.subplots()
        ax.axvspan(0, epoch, color=plotting.muted(), alpha=0.45, label=f"one epoch, {epoch} steps")
        rest = ax.axhline(np.exp(-1), color=plotting.muted(), linestyle=":", linewidth=1.2)
        rest.set_label("37 %, after one memory")
        t = np.arange(steps + 1)
        for k, strength in enumerate(strengths):
            color, linestyle = plotting.series(k)
            left, memory = (1 - lr * strength) ** t, 1 / (lr * strength)
            name = f"λ = {strength:g}: memory {memory:,.0f} steps".replace(",", " ")
            ax.plot(t, left, color=color, linestyle=linestyle, label=name)
            if memory <= 1.05 * steps:
                at = min(round(memory), steps)
                ax.plot([at], [left[at]], "o", color=color)
        ax.set(
            xlim=(0, 1.02 * steps),
            ylim=(0, 1.05),
            xlabel=f"step (the run ends at {steps})",
            ylabel="what decay leaves of it",
        )
        figure.legend(loc="outside right center", fontsize=8.5)
    return figure


def show_memory(strengths: Sequence[float], lr: float, steps: int, epoch: int) -> None:
    """Show `draw_memory` in a notebook, with words for who cannot see it."""
    said = "; ".join(
        f"with λ = {strength:g} {(1 - lr * strength) ** steps:.1%} is left at step {steps}"
        for strength in strengths
    )
    words = f"What decay alone leaves of a weight at lr = {lr:g}: {said}."
    plotting.show_with_words(draw_memory(strengths, lr, steps, epoch), words)
