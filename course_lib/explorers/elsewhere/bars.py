"""The power of every frequency in one network's numbers, a panel an update."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from course_lib import plotting
from course_lib.experiments.elsewhere.grokking import circles

MOST = 0.45  # share at the top of the panels


def picture(numbers: Sequence[Tensor], updates: Sequence[int]) -> tuple[Figure, str]:
    """Bars of the embeddings [p, width] after each of `updates`, and what the highest three hold.

    That is, those that are highest in the last panel; they are drawn in a colour of their own.
    """
    shares = [circles(one).shares for one in numbers]
    high = shares[-1].topk(3).indices.tolist()
    figure = Figure(figsize=(8.2, 2.5), layout="constrained")
    said = []
    for ax, update, share in zip(figure.subplots(1, len(shares), sharey=True), updates, shares):
        others = [k for k in range(len(share)) if k not in high]
        for which, color in ((others, plotting.muted()), (high, plotting.series(2)[0])):
            ax.bar([k + 1 for k in which], share[which].tolist(), color=color, width=0.75)
        ax.set(title=f"update {update}", xlabel="frequency", ylim=(0, MOST), xticks=range(3, 16, 3))
        said.append(f"after {update} updates {share[high].sum():.0%}")
    figure.axes[0].set_ylabel("share of the power")
    names = ", ".join(str(k + 1) for k in high)
    return figure, f"Frequencies {names} together hold {', '.join(said)} of the power."


def show_on_the_way(numbers: Sequence[Tensor], updates: Sequence[int]) -> None:
    """Show the picture in a notebook; its words are for who cannot see it."""
    plotting.show_with_words(*picture(numbers, updates))
