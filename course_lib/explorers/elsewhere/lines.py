"""Lines of MNIST-1D, one moved, with the strip that a step of the first convolution sees."""

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.data import mnist1d
from course_lib.experiments.elsewhere.carried import WORLDS

MOVED = 4


def some(digits: tuple[int, ...] = (0, 1, 3, 7)) -> Figure:
    """The first line of each digit, and the last one again, moved by MOVED places."""
    split = mnist1d(0)
    shown = {f"a {digit}": split.train_x[split.train_y == digit][0] for digit in digits}
    shown[f"the same {digits[-1]}, moved by {MOVED}"] = shown[f"a {digits[-1]}"].roll(MOVED)
    wide = WORLDS["convolution"].spec(None).kernels[0]
    figure = Figure(figsize=(9.2, 1.9), layout="constrained")
    axes = figure.subplots(1, len(shown), sharey=True)
    for ax, (name, line) in zip(axes, shown.items()):
        ax.axvspan(20 - wide / 2, 20 + wide / 2, alpha=0.2)
        ax.plot(line.tolist())
        ax.set_title(name, fontsize=9)
    axes[0].set(xlabel="place", ylabel="value")
    return figure


def show_some() -> None:
    """Show `some`, with words for who cannot see them."""
    words = (
        "Four lines of 40 numbers, of the digits 0, 1, 3 and 7, and the line of the 7 again, moved "
        "by four places. A strip of five places is shaded."
    )
    plotting.show_with_words(some(), words)
