"""How many blocks are wanted? Always on, each depth tuned, beside twelve that are dropped."""

import torch

from course_lib import plotting
from course_lib.experiments.stochastic_depth import tuned
from course_lib.experiments.stochastic_depth.training import DEPTH, expected_depths
from course_lib.explorers.stochastic_depth.figures import TEST_FIGURES
from course_lib.panel import Choice, Explorer

DEPTHS = (0, 1, 2, 6, DEPTH)


def _compute(seeds=tuned.SEEDS):
    """By figure: (always on [seeds, depths], dropping [seeds, 1])."""
    found = {}
    for figure in tuned.FIGURES:
        always = [
            tuned.judged("twelve", figure, seeds, decay=0.0)
            if blocks == DEPTH
            else tuned.judged("fewer", figure, seeds, blocks=blocks)
            for blocks in DEPTHS
        ]
        dropping = tuned.judged("dropping", figure, seeds).unsqueeze(1)
        found[figure] = torch.stack(always, 1), dropping
    return found


def _prepare(figure):
    """The test figure against the number of blocks."""
    axes = figure.subplots()
    axes.set(title="Test error", xlabel="blocks that are always on", xticks=DEPTHS)
    always = plotting.draw_band(axes, [], torch.empty(0, 0), label="always on, as tuned", k=0)
    always[0].set_marker("o")
    dropping = plotting.draw_band(
        axes, [], torch.empty(0, 0), label=f"{DEPTH} blocks, dropping, as tuned", k=1
    )
    color, _ = plotting.series(1)
    point = axes.plot([], [], "D", color=color, markersize=8, label="at its expected depth")
    axes.set(xlim=(-0.5, DEPTH + 0.5))
    axes.legend(loc="lower right")
    return {"axes": axes, "always": always, "dropping": dropping, "point": point}


def _draw(marks, result, figure):
    """Move the marks to what `_compute` found."""
    name, label = TEST_FIGURES[figure]
    always, dropping = result[name]
    plotting.set_texts(marks["axes"], title=figure.replace("test", "Test"), ylabel=label)
    plotting.set_limits(marks["axes"], y=(0, 0.3) if name == "error" else (0, 1.3))
    plotting.move_band(marks["always"], DEPTHS, always)
    ends = (-0.5, DEPTH + 0.5)
    plotting.move_band(marks["dropping"], ends, dropping.expand(-1, 2))
    kept, _ = tuned.frozen("dropping", name)
    [expected] = expected_depths((kept.last,))
    marks["point"][0].set_data([expected], [dropping.mean().item()])
    levels = ", ".join(
        f"{blocks}: {value:.3g}" for blocks, value in zip(DEPTHS, always.mean(0).tolist())
    )
    return (
        f"{figure.replace('test', 'Test')}, mean of {len(always)} seeds. Blocks always on, "
        f"{levels}. Twelve blocks, dropping, of which {expected:g} are on, on average: "
        f"{dropping.mean().item():.3g}."
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
