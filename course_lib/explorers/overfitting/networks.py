"""Small networks fitted to many training sets; width, noise and points can be moved."""

from functools import partial

from course_lib.experiments.overfitting.bias_variance import WIDTHS, networks
from course_lib.explorers.overfitting.fits import move_fits, prepare_fits, say_fits
from course_lib.panel import Explorer, Slider


def _draw(marks, result, width):
    """Move the marks to a `Fits` of networks."""
    index = result.complexities.index(width)
    move_fits(marks, result, index)
    units = f"{width} hidden unit{'s' * (width > 1)}"
    return say_fits(result, index, f"{units}, {3 * width + 1} weights and biases")


explorer = Explorer(
    title="Small networks on the same points",
    controls={
        "width": Slider("hidden units", values=WIDTHS, default=8, trained=True),
        "noise": Slider("noise σ", values=(0.0, 0.1, 0.3, 0.6), default=0.3),
        "rows": Slider("training points", values=(15, 20, 30, 50), default=20),
    },
    frozen={"width": 6, "noise": (0.0, 0.3)},
    compute=networks,
    prepare=partial(prepare_fits, complexity="hidden units", positions=WIDTHS, log=True),
    draw=_draw,
    quick={"sets": 6, "steps": 40},
)

show = explorer.show
