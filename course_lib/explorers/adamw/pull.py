"""Two pulls as a picture: a weight drawn from the star by decay, under noise of some sizes."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.adamw import noise

STEPS = 3000


def draw_pull(sizes: Sequence[float]) -> Figure:
    """Means of weights that begin at the star, for each size of the noise: AdamW, Adam + L2.

    Dotted: the balance that each of them is expected at.
    """
    with plotting.style():
        figure = Figure(figsize=(8.2, 3.2), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        for ax, l2 in zip(axes, (False, True), strict=True):
            star = ax.axhline(noise.STAR, color=plotting.ink(), linewidth=1.2)
            for k, sigma in enumerate(sizes):
                color, linestyle = plotting.series(k)
                mean = noise.path(sigma, steps=STEPS, l2=l2).mean(1)
                name = None if l2 else f"noise of size {sigma:g}"
                ax.plot(mean, color=color, linestyle=linestyle, linewidth=2.2, label=name)
                balance = noise.RIDGE if l2 else noise.balance(sigma)
                ax.axhline(balance, color=color, linestyle=":", linewidth=1.2)
            title = "Adam + L2, λ = 0.5" if l2 else "AdamW, λ = 0.5"
            ax.set(xlim=(0, STEPS), ylim=(0, 1.6), xlabel="step", title=title)
        axes[0].set_ylabel(f"weight, mean of {noise.path(sizes[0], steps=1).shape[1]}")
        star.set_label("star, lowest loss")
        dots = {"color": plotting.muted(), "linestyle": ":", "linewidth": 1.2}
        axes[1].plot([], [], label="rest, by formula", **dots)
        figure.legend(loc="outside lower center", ncols=len(sizes) + 2, fontsize=8.5)
    return figure


def show_pull(sizes: Sequence[float]) -> None:
    """Show `draw_pull` in a notebook, with words for who cannot see it."""
    ends = ", ".join(f"{noise.balance(sigma):.2f} with noise of size {sigma:g}" for sigma in sizes)
    words = (
        f"From the star at {noise.STAR:g} the weights fall. Under AdamW they come to rest near "
        f"{ends}; under Adam + L2 near {noise.RIDGE:g}, whatever the noise."
    )
    plotting.show_with_words(draw_pull(sizes), words)
