"""What reaches the first block of untrained networks: with shortcuts, without, with dropping."""

from matplotlib.figure import Figure

from course_lib import plotting
from course_lib.experiments.stochastic_depth.first_block import DEPTHS, STACKS, FirstBlock

SHOWN = {  # stack → its name, and where its ends are labelled, in points above the line
    "shortcut": ("with shortcuts", -16),
    "shortcut, dropping": ("with shortcuts and dropping", 7),
    "no shortcut": ("without shortcuts", None),
}
FAR = 100  # times one block's gradient: exploded; a hundredth of it: vanished


def picture(found: FirstBlock) -> Figure:
    """Geometric means over the seeds, with 95 % bands of the logarithms.

    In units of the gradient of a single block with its shortcut, always on. In the grey band it has
    neither vanished nor exploded. Without shortcuts the line leaves the picture.
    """
    figure = Figure(figsize=(7.6, 3.6), layout="constrained")
    ax = figure.subplots()
    one = found.norm[:, STACKS.index("shortcut"), :1].log().mean().exp()
    for k, (stack, (name, away)) in enumerate(SHOWN.items()):
        norms = found.norm[:, STACKS.index(stack)] / one
        line, _ = plotting.draw_band(ax, DEPTHS, norms, name, k, geometric=True)
        line.set(marker="o")
        means = norms.log().mean(0).exp().tolist()
        for place in (0, -1) if away else ():
            ax.annotate(
                f"{means[place]:.2g}",
                (DEPTHS[place], means[place]),
                (0, away),
                textcoords="offset points",
                ha="center",
            )
    power = norms[:, -1].log10().mean().item()
    ax.text(4.9, 0.2 / FAR, f"$10^{{{power:.0f}}}$ at {DEPTHS[-1]} blocks", color=line.get_color())
    ax.axhspan(1 / FAR, FAR, color=plotting.muted(), alpha=0.16, linewidth=0)
    ax.text(1.1, 0.4 * FAR, "grey: neither vanished nor exploded", fontsize=8)
    ax.set(
        title="What reaches the first block",
        xlabel="blocks",
        ylabel="gradient at the first block, in units of\nthat of a single block, always on",
        xscale="log",
        yscale="log",
        xlim=(0.9, 75),
        ylim=(1e-3, 1e3),
    )
    ax.set_xticks(DEPTHS, [str(depth) for depth in DEPTHS])
    ax.minorticks_off()
    ax.legend(loc="lower right")
    return figure


def still(found: FirstBlock) -> None:
    """Show the picture, with words for who cannot see it."""
    growth = ", ".join(
        f"{name} {found.growth(stack).mean:.1f}" for stack, (name, _) in SHOWN.items()
    )
    plotting.show_with_words(
        picture(found),
        f"The first block's gradient, from 1 block to {DEPTHS[-1]}, in powers of ten: {growth}.",
    )
