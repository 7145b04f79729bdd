"""Four typical pairs of learning curves, drawn by formulas: what each looks like, not a result."""

import numpy as np
from matplotlib.figure import Figure

from course_lib import plotting

ALT = (
    "Four pairs of learning curves. Overfits: training falls, validation turns up. "
    "Underfits: both flat, high and close. Too short: both still falling. "
    "A leak: both low and together, the test loss far above."
)


def four_cases() -> Figure:
    """Training and validation loss against the epoch, and the test loss at the end."""
    t = np.linspace(0, 12, 121)
    fast, slow = np.exp(-t / 2), np.exp(-t / 3)
    cases = {
        "overfits": (2.2 * slow, 1.8 * fast + 0.4 + 0.09 * t, 1.5),
        "underfits": (1.7 + 0.5 * fast, 1.75 + 0.5 * fast, 1.76),
        "too short": (2.2 - 0.1 * t, 2.24 - 0.095 * t, 1.1),
        "a leak": (2.2 * slow, 2.24 * slow, 1.5),
    }
    figure = Figure(figsize=(9, 2.5), layout="constrained")
    axes = figure.subplots(1, 4, sharey=True)
    for ax, (name, (training, validation, test)) in zip(axes, cases.items()):
        ax.plot(t, training, "-", label="training")
        ax.plot(t, validation, "--", label="validation")
        ax.plot(12, test, "X", markersize=8, label="test")
        ax.set(title=name, xlabel="epoch", ylim=(0, 2.5))
    axes[0].set_ylabel("loss")
    axes[2].legend(fontsize=8, loc="lower left")
    return figure


def show_cases() -> None:
    """Show the four, with words for who cannot see them."""
    plotting.show_with_words(four_cases(), ALT)
