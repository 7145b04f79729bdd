"""How many blocks are wanted? Always on, each depth tuned, beside twelve that drop."""

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from course_lib import plotting
from course_lib.experiments.stochastic_depth import tuned
from course_lib.experiments.stochastic_depth.training import DEPTH, expected_depths
from course_lib.explorers.stochastic_depth.figures import TEST_FIGURES
from course_lib.panel import Choice, Explorer

DEPTHS = (0, 1, 2, 6, DEPTH)
DROPPING = {"dropping": "12 blocks, dropping", "dropout": "12 blocks, dropout inside"}
LIMITS = {"error": (0, 0.2), "nll": (0.4, 0.8)}


def _compute(seeds=tuned.SEEDS, figures=tuned.FIGURES):
    """By figure: (always on [seeds, depths], dropping [seeds, 1], dropout inside [seeds, 1])."""
    found = {}
    for figure in figures:
        always = [
            tuned.judged("twelve", figure, seeds, decay=0.0)
            if blocks == DEPTH
            else tuned.judged("fewer", figure, seeds, blocks=blocks)
            for blocks in DEPTHS
        ]
        others = (tuned.judged(arm, figure, seeds).unsqueeze(1) for arm in DROPPING)
        found[figure] = torch.stack(always, 1), *others
    return found


def picture(found) -> Figure:
    """The test errors of what `_compute` found, each with its figure."""
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    marks = _prepare(figure)
    _draw(marks, found, "test error")
    ax = marks["axes"]
    marks["point"][0].remove()  # the lesson speaks of it where the picture can be moved
    ax.legend(loc="lower right")
    ax.set(ylabel="test error (lower is better)", yticks=[0, 0.05, 0.1, 0.15, 0.2])
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    always, *others = (values.mean(0).tolist() for values in found["error"])
    near = {"textcoords": "offset points", "ha": "center", "va": "bottom"}
    for blocks, value in zip(DEPTHS, always):
        away = (22, -16) if blocks < 2 else (0, 7)  # there the line lies above
        ax.annotate(f"{value:.1%}", (blocks, value), away, **near)
    for [value], lift in zip(others, (2, -14)):  # the two lie near each other
        ax.annotate(f"{value:.1%}", (8.6, value), (0, lift), **near)
    return figure


def still() -> None:
    """Show the test errors as a picture, with words for who cannot see it."""
    found = _compute(figures=("error",))
    always, dropping, inside = (values.mean(0).tolist() for values in found["error"])
    levels = ", ".join(f"{blocks}: {value:.1%}" for blocks, value in zip(DEPTHS, always))
    plotting.show_with_words(
        picture(found),
        f"Test error. Blocks always on, {levels}. Twelve blocks with dropping: {dropping[0]:.1%}; "
        f"with dropout inside: {inside[0]:.1%}.",
    )


def _prepare(figure):
    """The test figure against the number of blocks."""
    axes = figure.subplots()
    axes.set(title="Test error", xlabel="blocks that are always on", xticks=DEPTHS)
    always = plotting.draw_band(axes, [], torch.empty(0, 0), label="always on", k=0)
    always[0].set_marker("o")
    lines = {
        arm: plotting.draw_band(axes, [], torch.empty(0, 0), label=label, k=k)
        for k, (arm, label) in enumerate(DROPPING.items(), 1)
    }
    color, _ = plotting.series(1)
    point = axes.plot(
        [], [], "D", color=color, markersize=8, label="the blocks it has on, on average"
    )
    axes.set(xlim=(-0.5, DEPTH + 0.5))
    axes.legend(loc="lower right")
    return {"axes": axes, "always": always, "point": point, **lines}


def _draw(marks, result, figure):
    """Move the marks to what `_compute` found."""
    name, label = TEST_FIGURES[figure]
    always, dropping, inside = result[name]
    plotting.set_texts(marks["axes"], title=figure.replace("test", "Test"), ylabel=label)
    plotting.set_limits(marks["axes"], y=LIMITS[name])
    plotting.move_band(marks["always"], DEPTHS, always)
    ends = (-0.5, DEPTH + 0.5)
    for arm, values in (("dropping", dropping), ("dropout", inside)):
        plotting.move_band(marks[arm], ends, values.expand(-1, 2))
    kept, _ = tuned.frozen("dropping", name)
    [expected] = expected_depths((kept.last,))
    marks["point"][0].set_data([expected], [dropping.mean().item()])
    levels = ", ".join(
        f"{blocks}: {value:.3g}" for blocks, value in zip(DEPTHS, always.mean(0).tolist())
    )
    return (
        f"{figure.replace('test', 'Test')}, mean of {len(always)} seeds. Blocks always on, "
        f"{levels}. Twelve blocks, dropping, of which {expected:g} are on, on average: "
        f"{dropping.mean().item():.3g}; twelve with dropout inside: {inside.mean().item():.3g}."
    )


explorer = Explorer(
    title="How many blocks are wanted here?",
    controls={"figure": Choice("measure", tuple(TEST_FIGURES), "test error", trained=True)},
    frozen={"figure": 2},
    compute=_compute,
    prepare=_prepare,
    draw=_draw,
    size=(7.6, 3.4),
    quick={"seeds": (0, 1)},
)

show = explorer.show
