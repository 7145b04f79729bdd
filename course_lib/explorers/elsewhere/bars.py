"""The power of every frequency in two networks' numbers on the way, and the ring at the end."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import plotting
from course_lib.experiments.elsewhere.grokking import Grokking, circles
from course_lib.explorers.elsewhere.grokking import ring

MOST = 0.45  # share at the top of the panels
REACH = 0.85  # of the ring's panel, in root mean square lengths
BESIDE = 0.09  # of a number from its dot, outwards


def picture(networks: Mapping[str, Sequence[Tensor]], updates: Sequence[int]) -> tuple[Figure, str]:
    """A row a network: bars of its embeddings [p, width] after each of `updates`, then its ring.

    The three bars that are highest at the end have their network's colour. The ring is of the last
    update, in the plane of the strongest frequency. With it, in words, what these three hold.
    """
    figure = Figure(figsize=(9.8, 2.5 * len(networks)), layout="constrained")
    wide = [1.0] * len(updates) + [1.45]
    axes = figure.subplots(len(networks), len(wide), squeeze=False, width_ratios=wide)
    said = []
    for k, (row, (name, numbers)) in enumerate(zip(axes, networks.items())):
        color, _ = plotting.series(len(networks) - 1 - k)
        shares = [circles(one).shares for one in numbers]
        high = shares[-1].topk(3).indices.tolist()
        others = [k for k in range(len(shares[-1])) if k not in high]
        held = []
        for ax, update, share in zip(row, updates, shares):
            for which, paint in ((others, plotting.muted()), (high, color)):
                ax.bar([k + 1 for k in which], share[which].tolist(), color=paint, width=0.75)
            ax.set(title=f"{name}, update {update}", ylim=(0, MOST), xticks=range(3, 16, 3))
            held.append(f"after {update} updates {share[high].sum():.0%}")
        row[0].set_ylabel("share of the power")
        found, places, order = ring(numbers[-1])
        row[-1].plot(*places[order].T, "o-", color=color, linewidth=1, markersize=2)
        for n, place in enumerate(places):
            beside = place * (1 + BESIDE / np.linalg.norm(place))
            row[-1].text(*beside, str(n), fontsize=7, ha="center", va="center")
        row[-1].set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), xticks=[], yticks=[])
        row[-1].set(title=f"ring of frequency {found.frequencies[0]}", aspect="equal")
        names = ", ".join(str(k + 1) for k in high)
        said.append(f"{name}: frequencies {names} together hold {', '.join(held)} of the power.")
    for ax in axes[-1, :-1]:
        ax.set_xlabel("frequency")
    return figure, " ".join(said)


def show_on_the_way(run: Grokking, updates: Sequence[int] = (30, 110, 400)) -> None:
    """Show the first seed of a run without decay (arm 0) and with λ = 2, and say it in words."""
    networks = {
        name: [run.numbers[0, arm, run.recorded.index(at)] for at in updates]
        for arm, name in enumerate(("λ = 0", "λ = 2"))
    }
    plotting.show_with_words(*picture(networks, updates))
