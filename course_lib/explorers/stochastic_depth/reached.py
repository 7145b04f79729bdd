"""What reaches the first block of untrained networks: with shortcuts, without, with dropping."""

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.stochastic_depth.first_block import DEPTHS, STACKS, FirstBlock

SHOWN = ("no shortcut", "shortcut", "shortcut, dropping")
FAR = 100  # times one block's gradient: exploded; a hundredth of it: vanished


def picture(found: FirstBlock) -> Figure:
    """Geometric means over the seeds, with 95 % bands of the logarithms.

    In units of the gradient of a single block with its shortcut. In the grey band it has neither
    vanished nor exploded.
    """
    figure = Figure(figsize=(7.6, 3.6), layout="constrained")
    ax = figure.subplots()
    one = found.norm[:, STACKS.index("shortcut"), :1].log().mean().exp()
    for k, (stack, size) in enumerate(zip(SHOWN, (6, 9, 5))):  # the last two lie on each other
        norms = found.norm[:, STACKS.index(stack)] / one
        line, _ = plotting.draw_band(ax, DEPTHS, norms, stack, k, geometric=True)
        line.set(marker="o", markersize=size)
    ax.axhspan(1 / FAR, FAR, color=plotting.muted(), alpha=0.16, linewidth=0)
    ax.text(0.95, 1e-5, "grey: neither vanished nor exploded", fontsize=8)
    ax.set(
        title="What reaches the first block",
        xlabel="blocks",
        ylabel="gradient at the first block,\nin units of that of one block",
        xscale="log",
        yscale="log",
        xlim=(0.9, 75),
        ylim=(1e-53, 1e9),
    )
    ax.set_xticks(DEPTHS, [str(depth) for depth in DEPTHS])
    ax.minorticks_off()
    ax.legend(loc="lower left")
    return figure


def still(found: FirstBlock) -> None:
    """Show the picture, with words for who cannot see it."""
    growth = ", ".join(f"{stack} {found.growth(stack).mean:.0f}" for stack in SHOWN)
    plotting.show_with_words(
        picture(found),
        f"The first block's gradient, from 1 block to {DEPTHS[-1]}, in powers of ten: {growth}.",
    )
