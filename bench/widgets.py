"""The live panel against `@interact`, in one JupyterLab in one headless Chromium: `python -m
bench.widgets`.

A time is that from an input event to the picture of its number, decoded and about to be painted,
noted in the page itself. The two ways take turns, so that a busy machine hurts both. The pictures
are 900×360 pixels, with two axes, four lines, a band and a legend.
"""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from course_lib import plotting
from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.panel import Explorer, Slider
from tests.browser import _lab

STRENGTHS = tuple(float(f"{x:.2g}") for x in np.logspace(-3, 1, 24))
ROUNDS, DRAG = 4, 3.0  # turns of each way; seconds of a drag

ended = []  # how many seeds each training reached


def compute_digits(lr, seeds=8):
    """The grid job of `bench.engine`, measured four times on its way: test error [seeds,
    strengths], seeds done.
    """
    grid, done = {"lr": lr, "weight_decay": list(STRENGTHS)}, 0
    try:
        for training in train(
            ModelSpec((64, 128, 10)),
            lambda seed: digits(1000, seed=seed),
            grid,
            range(seeds),
            batch_size=64,
            record_at=(10, 50, 150, 300),
            keep_parameters=False,
        ):
            error = 1 - training.test_accuracy.numpy()
            done = int(np.isfinite(error[..., -1]).all(1).sum())
            yield _latest(error), done
    finally:
        ended.append(done)


def _latest(curves):
    """The last finite value of each curve [seeds, settings, recorded]; NaN where there is none."""
    last = np.full(curves.shape[:2], np.nan)
    for k in range(curves.shape[2]):
        last = np.where(np.isfinite(curves[..., k]), curves[..., k], last)
    return last


def prepare_digits(figure):
    left, right = figure.subplots(1, 2, width_ratios=[2, 1])
    left.set(
        title="Digits",
        xscale="log",
        xlim=(1e-3, 10),
        ylim=(0, 1),
        xlabel="weight decay λ",
        ylabel="test error",
    )
    right.set(title="At this λ", xlim=(-1, 8), ylim=(0, 1), xlabel="seed", ylabel="test error")
    band = plotting.draw_band(left, STRENGTHS, np.full((1, 24), np.nan), label="mean, 95 %")
    left.legend(loc="upper right")
    return {"band": band, "here": left.axvline(1, linestyle="-"), "seeds": right.plot([], [], "o")}


def draw_digits(marks, result, strength):
    error, done = result
    here = error[:, STRENGTHS.index(strength)]
    plotting.move_band(marks["band"], STRENGTHS, error)
    marks["here"].set_xdata([strength, strength])
    marks["seeds"][0].set_data(range(len(here)), here)
    return f"λ = {strength:g}: {np.isfinite(here).sum()} seeds begun, {done} seeds done."


digits_errors = Explorer(
    "Test error on digits",
    {
        "strength": Slider("weight decay λ", values=STRENGTHS, default=STRENGTHS[12], trained=True),
        "lr": Slider("learning rate η", 1e-4, 1e-1, 2e-3, log=True),
    },
    compute_digits,
    prepare_digits,
    draw_digits,
    size=(9, 3.6),
)

INTERACT = """
import ipywidgets, matplotlib.pyplot as plt
def plain(frequency):
    figure = plt.figure(figsize=(9, 3.6), layout="constrained")
    _toys.draw_waves(_toys.prepare_waves(figure), _toys.compute_waves(frequency, 0.1, "cosine"))
    plt.show()
ipywidgets.interact(plain, frequency=ipywidgets.FloatSlider(2.0, min=0.1, max=5.0, step=0.05))
"""
SETUP = """
from course_lib.notebook import setup
from tests import _toys
from bench import widgets
setup()
"""
CELLS = [
    SETUP,
    "_toys.waves.show()",
    INTERACT,
    "_toys.errors.show()",
    "widgets.digits_errors.show()",
]


def presses(watched, slider, n=10, back=0):
    """ms from a key press to its picture, of `n` to the right, where nothing was seen yet, and then
    of some back again.
    """
    return [watched.press(slider, key) for key in ["ArrowRight"] * n + ["ArrowLeft"] * back]


def drag(page, watched, slider, seconds=DRAG):
    """Drag to and fro for some seconds: (pictures a second, ms from the last move to the last
    picture).
    """
    box = _lab.at_rest(page, slider)
    y = box["y"] + box["height"] / 2
    rail = slider.evaluate_handle("e => e.closest('.noUi-base') ?? e").bounding_box()
    x, most = rail["x"] + rail["width"] / 2, 0.4 * rail["width"]
    before = len(watched.times()[1])
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    start, step = time.monotonic(), 0
    while time.monotonic() - start < seconds:
        step += 1
        page.mouse.move(x + most * np.sin(step / 25), y)
        page.wait_for_timeout(12)
    page.mouse.move(x + 0.7 * most, y)
    pictures = len(watched.times()[1]) - before
    page.wait_for_timeout(2500)
    page.mouse.up()
    events, painted = watched.times()
    moved = max(event for event in events)
    late = [picture - moved for picture in painted if picture > moved]
    return pictures / seconds, max(late, default=0.0)


def closed_form(page, panel, output):
    """The panel and `@interact` in turns: ms a key press, and what a drag gives."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        with _lab.Watched(page, panel.element) as watched:
            ours += presses(watched, panel.sliders()[0])
        with _lab.Watched(page, output, "img") as watched:
            theirs += presses(watched, output.query_selector(".noUi-handle"), 6)
    with _lab.Watched(page, panel.element) as watched:
        ours_dragged = drag(page, watched, panel.sliders()[0])
    with _lab.Watched(page, output, "img") as watched:
        theirs_dragged = drag(page, watched, output.query_selector(".noUi-handle"))
    return ours, theirs, ours_dragged, theirs_dragged


def trained_axis(page, panel, traffic):
    """ms a key press, pictures a second of a drag, kernel messages of both."""
    panel.served()
    slider = panel.sliders()[0]
    box = _lab.at_rest(page, slider)
    messages = traffic.messages()
    with _lab.Watched(page, panel.element) as watched:
        times = presses(watched, slider, 10, back=10)
        before, y = len(watched.times()[1]), box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + box["width"] / 2, y)
        page.mouse.down()
        start, step = time.monotonic(), 0
        while time.monotonic() - start < DRAG:
            step += 1
            page.mouse.move(box["x"] + box["width"] * (0.5 + 0.45 * np.sin(step / 6)), y)
            page.wait_for_timeout(12)
        seconds = time.monotonic() - start
        page.mouse.up()
        page.wait_for_timeout(300)
        pictures = len(watched.times()[1]) - before
    return times, pictures / seconds, traffic.messages() - messages


def retraining(page, panel, opened):
    """ms to the first partial picture and to all seeds; trainings begun and ended in 30 quick
    changes.
    """
    handle, done = panel.sliders()[1], "8 seeds done"
    panel.until(lambda seen: done in seen[0], 120)
    first, whole = [], []
    for key in ("ArrowRight",) * 5:
        with _lab.Watched(page, panel.element) as watched:
            _lab.at_rest(page, handle)
            first.append(watched.press(handle, key))
            panel.until(lambda seen: done in seen[0], 120)
            events, pictures = watched.times()
            whole.append(pictures[-1] - events[-1])
        panel.served()
    opened.ask("widgets.ended.clear()")
    for step in range(30):
        handle.press(
            "ArrowLeft" if step < 18 else "ArrowRight"
        )  # where it ends up, nothing has been trained yet
        page.wait_for_timeout(50)
    panel.until(lambda seen: done in seen[0], 120)
    ends = [int(end) for end in opened.ask("print(*widgets.ended)").split()]
    return first, whole, len(ends), ends.count(8)


def p95(times):
    return float(np.quantile(times, 0.95))


def line(figure, measured, reach):
    print(f"{figure:<58}{measured:<34}{reach}")


def main():
    """Measure and print everything."""
    if _lab.CHROMIUM is None:
        return print("bench.widgets: no Chromium here, nothing measured")
    from tests.browser.conftest import place

    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as scratch:
        name = place(CELLS, Path(folder))
        with _lab.jupyter_lab(Path(folder), Path(scratch)) as server:
            for density, figures in ((1, measure), (2, measure_sharp)):
                with _lab.chromium(density=density) as page:
                    traffic = _lab.Traffic().watch(page)
                    _lab.open_notebook(page, server, name)
                    _lab.run_all(page)
                    figures(page, traffic, _lab.Opened(page, traffic, Path(folder) / name))
                    print(*traffic.errors, sep="\n")


def measure_sharp(page, traffic, opened):
    """A closed form on a screen with two pixels for one."""
    waves, _, digits_panel = opened.panels()
    digits_panel.until(lambda seen: seen and "8 seeds done" in seen[0], 120)
    digits_panel.served()
    with _lab.Watched(page, waves.element) as watched:
        ours = presses(watched, waves.sliders()[0], 40)
    measured = f"{statistics.median(ours):.0f} / {p95(ours):.0f} ms"
    line("closed form at density 2, median / p95", measured, "≤ 60 / 90 ms")


def measure(page, traffic, opened):
    """Everything else."""
    waves, errors, digits_panel = opened.panels()
    digits_panel.until(
        lambda seen: seen and "8 seeds done" in seen[0], 120
    )  # nothing else computes meanwhile
    digits_panel.served()
    line("figure", "measured", "to reach")
    output = page.query_selector(".jp-Cell:has(.widget-interact) .jp-OutputArea-output")
    ours, theirs, dragged, plainly = closed_form(page, waves, output)
    ratio = statistics.median(theirs) / statistics.median(ours)
    line(
        "closed form, median / p95",
        f"{statistics.median(ours):.0f} / {p95(ours):.0f} ms",
        "≤ 35 / 60 ms",
    )
    line("the same with @interact", f"{statistics.median(theirs):.0f} / {p95(theirs):.0f} ms", "")
    line("times faster than @interact", f"{ratio:.1f}", "≥ 7")
    line(
        "pictures a second in a drag (with @interact)",
        f"{dragged[0]:.1f} ({plainly[0]:.1f})",
        "≥ 15",
    )
    line(
        "lag after a 3 s drag (with @interact)",
        f"{dragged[1]:.0f} ms ({plainly[1]:.0f} ms)",
        "≤ 60 ms",
    )
    times, rate, messages = trained_axis(page, errors, traffic)
    line(
        "trained axis, median / p95",
        f"{statistics.median(times):.0f} / {p95(times):.0f} ms",
        "≤ 20 ms",
    )
    line("trained axis, kernel messages", f"{messages}", "0")
    line("trained axis, pictures a second in a drag", f"{rate:.1f}", "≥ 24")
    first, whole, began, complete = retraining(page, digits_panel, opened)
    line(
        "digits retrained (24 × 8), first partial picture",
        f"{statistics.median(first):.0f} ms",
        "≤ 300 ms",
    )
    line("digits retrained, all 8 seeds", f"{statistics.median(whole):.0f} ms", "≤ 3000 ms")
    line(
        "30 changes in 2 s: trainings begun, carried to the end",
        f"{began}, {complete}",
        "1 to the end",
    )


if __name__ == "__main__":
    main()
