"""The live panel without a browser: controls, the blitted picture, the worker, and a panel that is
moved.
"""

import base64
import io
import itertools
import logging
import re
import sys
import threading
import time

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from course_lib import plotting
from course_lib.engine.cache import remembered
from course_lib.panel import Choice, Explorer, Slider
from course_lib.panel.controls import read_state, write_state
from course_lib.panel.picture import Picture
from course_lib.panel.work import Latest
from tests import _toys


@pytest.fixture(autouse=True)
def live(monkeypatch):
    """Panels are live here, and light."""
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    plotting.use_theme("light")


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def shown(panel):
    """(PNG, alternative text) of each image in the panel."""
    pairs = re.findall(r'alt="([^"]*)"[^>]*base64,([^"]*)"', panel._canvas.value)
    return [(base64.b64decode(png), alt) for alt, png in pairs]


def line_explorer(compute, **options):
    """One line over ten steps; the caption is its last value."""

    def prepare(figure):
        ax = figure.subplots()
        ax.set(xlim=(0, 9), ylim=(-10, 10))
        return {"line": ax.plot([], [])}

    def draw(marks, result, **trained):
        marks["line"][0].set_data(range(10), np.full(10, result))
        return f"It ends at {result:g} {''.join(map(str, trained.values()))}."

    controls = options.pop("controls", {"a": Slider("a", 0, 9, 3)})
    return Explorer("A line", controls, compute, prepare, draw, size=(3, 2), **options)


# Controls


def test_a_slider_stops_at_its_ends_and_its_default_in_rising_order():
    for slider in (
        Slider("β", 0.0, 0.99, 0.9),
        Slider("η", 1e-4, 1.0, 3e-3, log=True),
        Slider("width", 4, 64, 16),
        Slider("λ", values=[0.1, 1.0, 0.01], default=0.1),
        Slider("t", 0.0, 1.0, 0.35, step=0.3),
    ):
        assert slider.positions[0] == slider.low and slider.positions[-1] == slider.high
        assert slider.default in slider.positions
        assert list(slider.positions) == sorted(set(slider.positions))


def test_a_logarithmic_slider_stands_at_numbers_that_can_be_written():
    slider = Slider("λ", 0.01, 1.0, 0.1, log=True, step=0.25)
    assert slider.positions == (0.01, 0.018, 0.032, 0.056, 0.1, 0.18, 0.32, 0.56, 1.0)


def test_a_slider_over_whole_numbers_gives_whole_numbers():
    assert Slider("width", 1, 4, 2).positions == (1, 2, 3, 4)
    assert isinstance(Slider("width", 1, 4, 2).check("width", 3.0), int)
    with pytest.raises(ValueError, match="width = 2.5: must be a whole number"):
        Slider("width", 1, 4, 2).check("width", 2.5)


def test_the_nearest_position_of_a_logarithmic_slider_is_nearest_in_decades():
    slider = Slider("λ", 0.1, 10.0, 1.0, log=True, step=1)
    assert slider.positions == (0.1, 1.0, 10.0)
    assert slider.positions[slider.nearest(4.0)] == 10.0  # 0.6 decades above 1, 0.4 below 10
    assert slider.positions[slider.nearest(3.0)] == 1.0


@pytest.mark.parametrize("value", [-1, 1.5, float("nan"), float("inf"), "text", None])
def test_a_number_out_of_range_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"beta = .*\[0, 1\]"):
        Slider("β", 0.0, 1.0, 0.9).check("beta", value)


def test_an_explorer_refuses_unknown_controls_numbers_and_functions():
    explorer = line_explorer(lambda a: a)
    with pytest.raises(ValueError, match="b: no control"):
        explorer.numbers(b=1)
    with pytest.raises(ValueError, match=r"a = 10: .*\[0, 9\]"):
        explorer.show(a=10)
    with pytest.raises(ValueError, match="update: this explorer takes no update"):
        explorer.show(update=lambda: None)
    with pytest.raises(ValueError, match="kind = 'square': must be one of"):
        Choice("kind", ["sine"], "sine").check("kind", "square")
    with pytest.raises(ValueError, match="default"):
        Slider("a", 0, 1, 2)


# The picture


def fresh(explorer, theme="light"):
    return Picture(explorer.prepare, explorer.draw, explorer.size, theme)


def test_a_blitted_picture_equals_one_that_is_drawn_afresh():
    moved = fresh(_toys.waves)
    for frequency in (1.0, 3.0, 2.0):
        result = _toys.compute_waves(frequency, 0.1, "sine")
        assert moved.draw(result)[0] == fresh(_toys.waves).draw(result)[0]


def move_limit(marks, result):
    marks["line"].axes.set_ylim(0, result)
    return "A limit."


def move_title(marks, result):
    marks["line"].axes.set_title(f"up to {result}")
    return "A title."


def move_late_mark(marks, result):
    if "point" not in marks:
        marks["point"] = marks["line"].axes.plot([0.5], [0], "o")[0]
    marks["point"].set_ydata([result / 10])
    return "A mark that comes later."


def replace_mark(marks, result):
    ax = marks["line"].axes
    marks["line"].remove()
    marks["line"] = ax.plot([0, 1], [0, result / 10], color="black", linestyle="-")[0]
    return "A mark in the place of another."


@pytest.mark.parametrize(
    "draw", [move_limit, move_title, move_late_mark, replace_mark], ids=lambda draw: draw.__name__
)
def test_whatever_else_draw_changes_is_drawn_too(draw):
    def prepare(figure):
        ax = figure.subplots()
        ax.set(xlim=(0, 1), ylim=(0, 1))
        return {"line": ax.plot([0, 1], [0, 1])[0]}

    explorer = Explorer("One line", {}, None, prepare, draw, size=(3, 2))
    moved = fresh(explorer)
    seen = [moved.draw(result)[0] for result in (1, 5, 2)]
    assert len(set(seen)) == 3
    assert seen[2] == fresh(explorer).draw(2)[0]


def test_what_stays_is_drawn_once():
    picture, drawn = fresh(_toys.waves), []
    full = picture._canvas.draw
    picture._canvas.draw = lambda: drawn.append(full())
    for frequency in (1.0, 2.0, 3.0):
        picture.draw(_toys.compute_waves(frequency, 0.1, "sine"))
    assert len(drawn) == 1


def test_a_picture_has_a_palette_and_opens_no_pyplot_figure():
    before = plt.get_fignums()
    png, caption = _toys.waves.picture()
    assert Image.open(io.BytesIO(png)).mode == "P" and len(png) < 40_000
    assert plt.get_fignums() == before
    assert caption.endswith(".")


def test_the_dark_picture_is_dark():
    light, dark = (
        pixels(_toys.waves.picture(theme=theme)[0]).mean() for theme in ("light", "dark")
    )
    assert light > 240 and dark < 40


# Worker


def job(log, name, steps=3):
    try:
        for step in range(steps):
            log.append((name, step))
            yield
    finally:
        log.append((name, "closed"))


def test_the_newest_job_takes_over_after_the_step_that_runs():
    work, log, begun, gate = Latest(), [], threading.Event(), threading.Event()

    def held():
        begun.set()
        gate.wait(60)
        yield from job(log, "first")

    work.submit(held())
    assert begun.wait(60)
    work.submit(job(log, "overtaken"))
    work.submit(job(log, "newest"))
    gate.set()
    assert work.wait(60)
    assert log == [
        ("first", 0),
        ("first", "closed"),
        *(("newest", step) for step in (0, 1, 2, "closed")),
    ]


def test_the_first_step_of_every_job_that_is_begun_is_carried_out():
    work, log = Latest(), []
    for name in range(40):
        work.submit(job(log, name, steps=50))
        time.sleep(0.001)
    assert work.wait(60)
    begun = {name for name, _ in log}
    assert all((name, 0) in log and (name, "closed") in log for name in begun)
    assert (39, 49) in log


def test_stop_ends_a_job_and_a_failing_job_is_logged_and_the_next_one_runs(caplog):
    work, log = Latest(), []
    work.submit(job(log, "endless", steps=10**9))
    while not log:
        time.sleep(0.001)
    work.stop()
    assert work.wait(60) and log[-1] == ("endless", "closed")

    def failing():
        yield 1 / 0

    with caplog.at_level(logging.ERROR):
        work.submit(failing())
        assert work.wait(60)
    assert "division by zero" in caplog.text
    work.submit(job(log, "next"))
    assert work.wait(60) and log[-1] == ("next", "closed")


# A panel that computes in its callback


def test_a_moved_slider_shows_the_picture_of_its_number():
    panel = _toys.waves.show()
    card = panel._cards["frequency"]
    card._slider.value = 0
    assert panel.numbers["frequency"] == 0.1 == card._box.value
    assert shown(panel) == [_toys.waves.picture(frequency=0.1)]
    assert panel._caption.value == _toys.waves.picture(frequency=0.1)[1]


def test_a_typed_number_between_two_positions_is_taken_as_it_is():
    panel = _toys.waves.show()
    panel._cards["damping"]._box.value = 0.123
    assert panel.numbers["damping"] == 0.123
    assert panel._cards["damping"]._slider.value == _toys.waves.controls["damping"].nearest(0.123)
    assert shown(panel) == [_toys.waves.picture(damping=0.123)]


@pytest.mark.parametrize("typed", [-1.0, 7.0, float("nan"), float("inf")])
def test_a_typed_number_out_of_range_is_refused_in_words_and_the_picture_stays(typed):
    panel = _toys.waves.show()
    before = shown(panel)
    panel._cards["frequency"]._box.value = typed
    assert re.match(
        r"frequency = .*must be a finite number in \[0.1, 5\]. It stays at 2.", panel._caption.value
    )
    assert panel.numbers["frequency"] == 2.0 == panel._cards["frequency"]._box.value
    assert shown(panel) == before
    panel._cards["frequency"]._slider.value = 0
    assert shown(panel) == [_toys.waves.picture(frequency=0.1)]


def test_a_number_typed_beside_a_slider_of_given_values_snaps_to_the_nearest():
    panel = line_explorer(
        lambda a: a, controls={"a": Slider("a", values=(1, 2, 5), default=1)}
    ).show()
    panel._cards["a"]._box.value = 4
    assert panel.numbers["a"] == 5 == panel._cards["a"]._box.value


def test_numbers_that_compute_refuses_leave_the_last_picture_greyed():
    panel = _toys.waves.show()
    before = shown(panel)
    panel._cards["damping"]._box.value = 0.95
    assert "damping = 0.95: must be at most 0.9" in panel._caption.value
    assert shown(panel) == before and "course-refused" in panel._canvas._dom_classes
    panel._cards["damping"]._box.value = 0.5
    assert (
        shown(panel) == [_toys.waves.picture(damping=0.5)]
        and "course-refused" not in panel._canvas._dom_classes
    )


def test_a_choice_is_passed_on():
    panel = _toys.waves.show(kind="sine")
    assert shown(panel) == [_toys.waves.picture(kind="sine")]
    panel._cards["kind"]._menu.value = "cosine"
    assert shown(panel) == [_toys.waves.picture()]


def test_an_exception_is_a_sentence_and_is_logged(caplog):
    def compute(a, update):
        return update(a)

    def broken(a):
        return a + "1"

    panel = line_explorer(compute).show(update=broken)
    assert "TypeError: unsupported operand" in panel._caption.value
    assert "broken" in caplog.text

    def blank(a):
        raise NotImplementedError("your code here")

    panel = line_explorer(compute).show(update=blank)
    assert panel._caption.value.startswith("Not implemented yet (your code here)")
    bundle = panel._repr_mimebundle_()
    assert "image/png" not in bundle and bundle["text/plain"].startswith("Not implemented yet")


def test_the_learners_function_is_handed_to_compute():
    explorer = line_explorer(lambda a, update=None: update(a) if update else a)
    assert explorer.show()._caption.value == "It ends at 3 ."
    assert explorer.show(update=lambda a: -a)._caption.value == "It ends at -3 ."


def test_a_seen_number_is_not_computed_again():
    calls = []
    panel = line_explorer(lambda a: calls.append(a) or a).show()
    for position in (1, 2, 1, 2, 1):
        panel._cards["a"]._slider.value = position
    assert calls == [3, 1, 2]


def test_a_panel_turns_dark_and_back():
    panel = _toys.waves.show()
    panel._other.click()
    assert (
        shown(panel) == [_toys.waves.picture(theme="dark")]
        and panel._other.description == "◐ light"
    )
    panel._other.click()
    assert shown(panel) == [_toys.waves.picture()]


# A panel that trains


def streaming(log, seeds=4, pause=0.01, gate=None):
    """Explorer over ten numbers; `log`: what was begun, how many results each gave, a quarter
    without the `gate`.
    """

    @remembered
    def compute(a):
        log.append(("begin", a))
        given = 0
        try:
            for given in range(1, seeds + 1):
                time.sleep(pause)
                if gate and given > seeds // 4:
                    gate.wait(60)
                yield a + given / 100
        finally:
            log.append(("end", a, given))

    return line_explorer(compute)


def test_training_shows_every_result_and_is_remembered():
    log = []
    panel = streaming(log).show()
    assert panel.wait(60)
    assert panel._caption.value == "It ends at 3.04 ."
    panel._cards["a"]._slider.value = 4
    assert panel.wait(60)
    panel._cards["a"]._slider.value = 3
    assert panel.wait(60) and panel._caption.value == "It ends at 3.04 ."
    assert log == [("begin", 3), ("end", 3, 4), ("begin", 4), ("end", 4, 4)]
    assert panel._stop.layout.visibility == "hidden"


def test_of_thirty_changes_only_the_last_is_trained_to_its_end():
    log, gate = [], threading.Event()
    panel = streaming(log, seeds=20, gate=gate).show()
    for k in range(30):
        panel._cards["a"]._slider.value = k % 10
        time.sleep(0.005)
    gate.set()
    assert panel.wait(60)
    ended = [entry for entry in log if entry[0] == "end"]
    assert [entry for entry in ended if entry[2] == 20] == [("end", 9, 20)]
    assert all(entry[2] >= 1 for entry in ended)  # each that began showed its first picture
    assert sum(entry[2] for entry in ended) < 200
    assert panel._caption.value == "It ends at 9.2 ."


def test_a_picture_is_kept_under_the_numbers_it_was_computed_for():
    log = []
    panel = streaming(log, seeds=3, pause=0.02).show()
    for position in (5, 6, 5, 6, 7):
        panel._cards["a"]._slider.value = position
        time.sleep(0.05)
    assert panel.wait(60)
    for position in (5, 6, 7):
        panel._cards["a"]._slider.value = position
        assert panel.wait(60) and panel._caption.value == f"It ends at {position}.03 ."
        assert shown(panel)[0][1] == panel._caption.value


def test_an_exception_in_mid_training_is_a_sentence_and_the_next_training_runs(caplog):
    def compute(a):
        yield a
        if a == 3:
            raise RuntimeError("the loss went away")
        yield a + 0.5

    panel = line_explorer(compute).show()
    assert panel.wait(60)
    assert panel._caption.value.startswith("RuntimeError: the loss went away")
    assert "the loss went away" in caplog.text and len(shown(panel)) == 1
    panel._cards["a"]._slider.value = 4
    assert panel.wait(60) and panel._caption.value == "It ends at 4.5 ."


def test_stop_closes_the_training_and_says_so():
    log = []
    panel = streaming(log, seeds=10**6).show()
    assert panel._drawn.wait(60)
    panel._stop.click()
    assert panel.wait(60)
    assert log[-1][:2] == ("end", 3)
    assert panel._caption.value.startswith("Stopped. It ends at 3.")


def test_closing_a_panel_ends_its_training_and_its_widgets():
    log = []
    panel = streaming(log, seeds=10**6).show()
    assert panel._drawn.wait(60)
    panel.close()
    assert panel.wait(60) and log[-1][0] == "end"
    assert panel.view.comm is None and panel._canvas.comm is None


def test_a_panel_closed_while_its_frames_are_drawn_ends_quietly():
    panel = _toys.errors.show()
    assert panel.wait(60)
    frames = panel._serve(panel._request)
    next(frames)
    panel.close()
    assert list(frames) == [] and panel._canvas.comm is None


def test_running_a_cell_again_closes_the_panels_of_its_former_run(monkeypatch):
    class Shell:
        run = "first"

        def get_parent(self):
            return {"metadata": {"cellId": "cell"}, "header": {"msg_id": self.run}}

    shell = Shell()
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: shell)
    monkeypatch.setattr("course_lib.panel.panel._shown", {})
    first, second = _toys.waves.show(), _toys.waves.show()
    assert first.view.comm is not None
    shell.run = "second"
    third = _toys.waves.show()
    assert first.view.comm is None and second.view.comm is None and third.view.comm is not None


def test_colab_computes_in_the_handler(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", object())
    panel = streaming([]).show()
    assert panel._work._thread is None and panel._caption.value == "It ends at 3.04 ."


# A trained axis


def test_a_trained_axis_is_handed_to_the_page():
    panel = _toys.errors.show()
    assert panel.wait(60)
    frames = shown(panel)
    assert len(frames) == len(_toys.STRENGTHS)
    for strength, frame in zip(_toys.STRENGTHS, frames, strict=True):
        assert f"λ = {strength:g}:" in frame[1]
    here = _toys.STRENGTHS.index(panel.numbers["strength"])
    assert frames[here] == _toys.errors.picture()
    style = panel.view.children[0].children[0].value
    rules = re.findall(r':has\(.course-at-0\[value="(\d+)"\]\) .course-frame-(\d+)', style)
    assert rules == [(str(i), str(i)) for i in range(len(frames))]


def test_moving_along_a_trained_axis_never_trains_and_once_served_never_draws(monkeypatch):
    panel = _toys.errors.show()
    assert panel._drawn.wait(60)
    begun = len(_toys.begun)
    panel._cards["strength"]._at.value = 0  # still training: the kernel draws
    assert f"λ = {_toys.STRENGTHS[0]:g}" in panel._caption.value
    assert panel.wait(60)
    before = panel._canvas.value
    panel._cards["strength"]._at.value = 5
    assert panel.numbers["strength"] == _toys.STRENGTHS[5] and panel._canvas.value is before
    assert len(_toys.begun) == begun


def test_a_retraining_starts_from_where_the_trained_slider_stands():
    panel = _toys.errors.show(strength=_toys.STRENGTHS[3])
    assert panel.wait(60)
    panel._cards["strength"]._at.value = 20
    captions = []
    panel._caption.observe(lambda change: captions.append(change.new), "value")
    panel._cards["width"]._slider.value = 0
    assert panel.wait(60) and len(shown(panel)) == len(_toys.STRENGTHS)
    assert captions[0].startswith(f"Width 4, λ = {_toys.STRENGTHS[20]:g}")


def test_two_trained_sliders_and_a_trained_choice():
    controls = {
        "x": Slider("x", 0, 2, 1, trained=True),
        "y": Slider("y", values=(1, 5), default=1, trained=True),
        "unit": Choice("unit", ("m", "km"), "m", trained=True),
    }
    panel = line_explorer(lambda: 7, controls=controls).show()
    assert panel.wait(60)
    cells = itertools.product((0, 1, 2), (1, 5))
    assert [alt for _, alt in shown(panel)] == [f"It ends at 7 {x}{y}m." for x, y in cells]
    panel._cards["unit"]._menu.value = "km"
    assert panel.wait(60)
    assert [alt for _, alt in shown(panel)][-1] == "It ends at 7 25km."


def test_an_axis_too_long_for_the_page_is_drawn_by_the_kernel():
    panel = line_explorer(lambda: 7, controls={"x": Slider("x", 0, 500, 1, trained=True)}).show()
    assert panel.wait(60) and len(shown(panel)) == 1
    panel._cards["x"]._at.value = 400
    assert panel._caption.value == "It ends at 7 400."


# What is left without a kernel


def test_headless_an_explorer_is_a_still_picture_computed_to_the_end(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    bundle = _toys.errors.show()._repr_mimebundle_()
    assert set(bundle) == {"image/png", "text/plain"}
    assert bundle["text/plain"] == _toys.errors.picture()[1] and "8 seed(s)" in bundle["text/plain"]
    width, height = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).size
    assert width == 900 and height > 360  # settings above, caption below


def test_headless_an_error_is_raised(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    with pytest.raises(ValueError, match="must be at most 0.9"):
        _toys.waves.show(damping=1.0)


def test_a_live_panel_carries_view_picture_and_caption():
    bundle = _toys.waves.show()._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"}
    assert bundle["text/plain"] == _toys.waves.picture()[1]


def test_captions_are_safe_in_a_page():
    panel = line_explorer(
        lambda: 1, controls={"a": Choice("a", ('<b>&"', "x"), "x", trained=True)}
    ).show()
    panel._cards["a"]._menu.value = '<b>&"'
    assert "<b>" not in panel._caption.value
    assert 'alt="It ends at 1 &lt;b&gt;&amp;&quot;."' in panel._canvas.value


# Presets, and the state as one line


def preset_explorer():
    return line_explorer(
        lambda a, b, word: a + b,
        controls={
            "a": Slider("a", 0, 9, 3),
            "b": Slider("b", values=(0.0, 0.5, 1.0), default=0.0),
            "word": Choice("word", ("this", "that one"), "this"),
        },
        presets={"both": {"a": 5, "b": 0.5}, "plain": {}},
    )


def test_the_state_is_what_differs_from_the_defaults_and_is_read_back():
    explorer = preset_explorer()
    numbers = explorer.numbers(a=7, b=0.5, word="that one")
    line = write_state(explorer.controls, numbers)
    assert line == "a=7, b=0.5, word=that one"
    assert read_state(explorer.controls, line) == {"a": 7, "b": 0.5, "word": "that one"}
    assert (
        write_state(explorer.controls, explorer.numbers()) == ""
        and read_state(explorer.controls, "") == {}
    )
    panel = explorer.show(state="a=7, b=0.5", word="that one")
    assert panel.numbers == numbers
    panel.close()


@pytest.mark.parametrize(
    "line, message",
    [
        ("a", "'a' must be name=value"),
        ("a=much", "a = 'much': must be a number"),
        ("a=5.5", "a = '5.5': must be a number"),
        ("a=99", r"a = 99: must be .*9"),
        ("c=1", "c: no control of this explorer, which has a, b, word"),
        ("word=other", "word = 'other': must be one of"),
    ],
)
def test_a_state_that_cannot_be_is_refused(line, message):
    with pytest.raises(ValueError, match=message):
        preset_explorer().show(state=line)


def test_a_preset_moves_every_control_and_the_line_to_copy_follows():
    panel = preset_explorer().show(word="that one")
    menu = panel.view.children[1].children[0]
    menu.value = "both"
    panel.wait(60)
    assert (
        panel.numbers == {"a": 5, "b": 0.5, "word": "this"}
        and "It ends at 5.5" in panel._caption.value
    )
    assert "a=5, b=0.5" in panel._state.value and panel._cards["a"]._slider.value == 5
    panel._cards["a"]._slider.value = 9
    assert "show(state=&quot;a=9, b=0.5&quot;)" in panel._state.value
    menu.value = "plain"
    assert panel.numbers == panel.explorer.numbers() and panel._cards["b"]._box.value == 0
    panel.close()
