"""Small explorers, one of each kind, for the tests of the panel and `bench.widgets`.

Captions tell the numbers seen.
"""

import time

import numpy as np

from course_lib import plotting
from course_lib.panel import Choice, Explorer, Slider

STEPS = np.arange(100)
STRENGTHS = tuple(float(f"{x:.2g}") for x in np.logspace(-3, 1, 24))


def compute_waves(frequency, damping, kind):
    """Four damped waves and their spread. A damping above 0.9 is refused."""
    if damping > 0.9:
        raise ValueError(f"damping = {damping:g}: must be at most 0.9 with this frequency")
    wave = {"cosine": np.cos, "sine": np.sin}[kind]
    return np.stack(
        [np.exp(-damping * STEPS / 10) * wave(frequency * STEPS / 10 + k / 4) for k in range(4)]
    )


def prepare_waves(figure):
    left, right = figure.subplots(1, 2)
    left.set(title="Four starts", xlabel="step", ylabel="weight", xlim=(0, 100), ylim=(-1.1, 1.6))
    right.set(
        title="Mean of the four", xlabel="step", ylabel="weight", xlim=(0, 100), ylim=(-1.1, 1.6)
    )
    marks = {"lines": [left.plot([], [], label=f"start {k}")[0] for k in range(4)]}
    marks["band"] = plotting.draw_band(right, STEPS, np.zeros((1, 100)), label="mean, 95 %")
    left.legend(loc="upper right", ncols=4)
    right.legend(loc="upper right")
    return marks


def draw_waves(marks, waves):
    for line, wave in zip(marks["lines"], waves, strict=True):
        line.set_data(STEPS, wave)
    plotting.move_band(marks["band"], STEPS, waves)
    return f"The waves end at {waves[0, -1]:.6f} and their mean begins at {waves[:, 1].mean():.6f}."


#: A closed form, computed in the slider's callback.
waves = Explorer(
    "Damped waves",
    {
        "frequency": Slider("frequency ω", 0.1, 5.0, 2.0, step=0.05),
        "damping": Slider("damping λ", 0.01, 1.0, 0.1, log=True, unit="per step"),
        "kind": Choice("wave", ("cosine", "sine"), "cosine"),
    },
    compute_waves,
    prepare_waves,
    draw_waves,
    size=(9, 3.6),
)

begun, ended = [], []  # widths whose training began, and with how many seeds each ended


def compute_errors(width, seeds=8, seconds=0.05):
    """A make-believe training of all strengths, seed by seed: test errors [seeds so far,
    strengths].
    """
    begun.append(width)
    draws, errors = np.random.default_rng(0), []
    try:
        for _ in range(seeds):
            time.sleep(seconds)
            noise = draws.normal(0, 0.05, len(STRENGTHS))
            errors.append(0.3 + (np.log10(STRENGTHS) + width / 30) ** 2 / 10 + noise)
            yield width, np.array(errors)
    finally:
        ended.append((width, len(errors)))


def prepare_errors(figure):
    left, right = figure.subplots(1, 2, width_ratios=[2, 1])
    left.set(title="Test error", xscale="log", xlim=(1e-3, 10), ylim=(0, 2))
    left.set(xlabel="weight decay λ", ylabel="test error (lower is better)")
    right.set(title="At this λ", xlabel="seed", xlim=(-1, 8), ylim=(0, 2))
    band = plotting.draw_band(left, STRENGTHS, np.zeros((1, len(STRENGTHS))), label="mean, 95 %")
    left.legend(loc="upper right")
    here = left.axvline(1, color=plotting.ink(), linestyle="-", linewidth=1)
    return {
        "band": band,
        "here": here,
        "seeds": right.plot([], [], "o", color=plotting.series(1)[0]),
    }


def draw_errors(marks, result, strength):
    width, errors = result
    here = errors[:, STRENGTHS.index(strength)]
    plotting.move_band(marks["band"], STRENGTHS, errors)
    marks["here"].set_xdata([strength, strength])
    marks["seeds"][0].set_data(range(len(here)), here)
    return (
        f"Width {width}, λ = {strength:g}: "
        f"the test error is {here.mean():.6f} over {len(here)} seed(s)."
    )


#: A control that trains, and an axis that is trained as a whole.
errors = Explorer(
    "Test error against weight decay",
    {
        "strength": Slider("weight decay λ", values=STRENGTHS, default=STRENGTHS[12], trained=True),
        "width": Slider("width", 4, 64, 16),
    },
    compute_errors,
    prepare_errors,
    draw_errors,
    size=(9, 3.6),
    quick={"seeds": 2, "seconds": 0},
)
