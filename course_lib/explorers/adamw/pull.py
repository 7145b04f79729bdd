"""The pull of AdamW as a picture: a weight drawn from the star by noise of some sizes."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.adamw import noise


def draw_pull(sizes: Sequence[float]) -> Figure:
    """Weights that begin at the star, for each size of the noise: their mean, and one of them.

    Dotted: the balance that each of them is expected at.
    """
    with plotting.style():
        figure = Figure(figsize=(7.6, 3), layout="constrained")
        ax = figure.subplots()
        ax.axhline(noise.STAR, color=plotting.ink(), linewidth=1.2, label="the star, lowest loss")
        for k, sigma in enumerate(sizes):
            color, linestyle = plotting.series(k)
            path = noise.path(sigma)
            ax.plot(path[:, 0], color=color, linestyle="-", linewidth=0.8, alpha=0.4)
            name = f"noise of size {sigma:g}: mean of {path.shape[1]}"
            ax.plot(path.mean(1), color=color, linestyle=linestyle, linewidth=2.4, label=name)
            ax.axhline(noise.balance(sigma), color=color, linestyle=":", linewidth=1.2)
        ax.set(xlim=(0, len(path) - 1), ylim=(0, 1.6), xlabel="step", ylabel="weight")
        for style, label in ((":", "balance, by formula"), ("-", "faint: one weight of these")):
            ax.plot([], [], color=plotting.muted(), linestyle=style, linewidth=0.9, label=label)
        figure.legend(loc="outside right center", fontsize=8.5)
    return figure


def show_pull(sizes: Sequence[float]) -> None:
    """Show `draw_pull` in a notebook, with words for who cannot see it."""
    ends = ", ".join(f"{noise.balance(sigma):.2f} with noise of size {sigma:g}" for sigma in sizes)
    words = f"From the star at {noise.STAR:g} the weights fall and come to rest near {ends}."
    plotting.show_with_words(draw_pull(sizes), words)
