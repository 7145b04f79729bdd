"""What reaches the first block of untrained networks, for two starts side by side."""

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.stochastic_depth.first_block import DEPTHS, STACKS, FirstBlock

SHOWN = ("no shortcut", "shortcut", "shortcut, dropping")
FAR = 100  # times one block's gradient: exploded; a hundredth of it: vanished


def picture(small: FirstBlock, large: FirstBlock) -> Figure:
    """A panel for each start: geometric means over the seeds, with 95 % bands of the logarithms.

    In units of the gradient of a single block with its shortcut. In the grey band it has neither
    vanished nor exploded.
    """
    figure = Figure(figsize=(8.6, 3.5), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, found, title in zip(axes, (small, large), ("torch's own start", "Larger start")):
        one = found.norm[:, STACKS.index("shortcut"), :1].log().mean().exp()
        for k, stack in enumerate(SHOWN):
            norms = found.norm[:, STACKS.index(stack)] / one
            plotting.draw_band(ax, DEPTHS, norms, stack, k, geometric=True)
        ax.axhspan(1 / FAR, FAR, color=plotting.muted(), alpha=0.12, linewidth=0)
        ax.set(title=title, xlabel="blocks", xscale="log", yscale="log")
        ax.set(xlim=(0.9, 75), ylim=(1e-9, 1e13))
        ax.set_xticks(DEPTHS, [str(depth) for depth in DEPTHS])
        ax.minorticks_off()
    axes[0].set_ylabel("gradient at the first block,\nin units of that of one block")
    axes[0].text(70, 1.5 / FAR, "neither vanished nor exploded", ha="right", fontsize=8)
    axes[0].legend(loc="upper left")
    return figure


def still(small: FirstBlock, large: FirstBlock) -> None:
    """Show the picture, with words for who cannot see it."""
    said = []
    for name, found in (("torch's own start", small), ("the larger start", large)):
        growth = (f"{stack} {found.growth(stack).mean:.0f}" for stack in SHOWN)
        said.append(f"{name}: {', '.join(growth)}")
    plotting.show_with_words(
        picture(small, large),
        f"The first block's gradient, from 1 block to {DEPTHS[-1]}, in powers of ten. "
        f"{'; '.join(said)}.",
    )
