"""Polynomials fitted to many training sets; degree, noise and points can be moved."""

from functools import lru_cache, partial

from course_lib.base.arguments import require
from course_lib.experiments.overfitting.bias_variance import DEGREES, SETS, polynomials
from course_lib.explorers.overfitting.fits import move_fits, prepare_fits, say_fits
from course_lib.panel import Choice, Explorer, Slider

ERRORS = ("hidden", "training and validation", "shown")
_fitted = lru_cache(32)(polynomials)


def _compute(degree, noise, rows, sets=SETS):
    """(`Fits` of every degree of the slider that `rows` points determine, index of `degree`).

    Raises ValueError for a degree that they do not determine.
    """
    if require("degree", degree, 0) > rows - 1:
        raise ValueError(
            f"degree = {degree}: must be at most {rows - 1} with {rows} training points"
        )
    return _fitted(rows, noise, DEGREES[:rows], sets), degree


def _draw(marks, result, errors):
    """Move the marks to what was computed; errors: one of `ERRORS`."""
    fits, degree = result
    move_fits(marks, fits, degree, errors != "hidden", errors == "shown")
    if errors != "hidden":
        return say_fits(fits, degree, f"Degree {degree}", errors == "shown")
    error = fits.train_error[degree, 0].item()
    return (
        f"A polynomial of degree {degree} fitted to {len(fits.x)} points, "
        f"training error {error:.2g}."
    )


explorer = Explorer(
    title="Polynomials through noisy points",
    controls={
        "degree": Slider("degree", 0, DEGREES[-1], 3, played=True),
        "noise": Slider("noise σ", 0.0, 1.0, 0.3, step=0.05),
        "rows": Slider("training points", values=(15, 20, 30, 50, 100, 200), default=20),
        "errors": Choice("truth and errors", ERRORS, "shown", trained=True),
    },
    frozen={"degree": (0, 1, 2, 3, 4, 6, 8, 10, 12), "noise": (0.3, 0.6), "rows": (20, 200)},
    compute=_compute,
    prepare=partial(prepare_fits, complexity="degree", positions=DEGREES, log=False),
    draw=_draw,
    quick={"sets": 20},
)

show = explorer.show
