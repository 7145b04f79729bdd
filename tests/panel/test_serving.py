"""A panel that is moved, as its page sees it: what it asks, and the pictures that come."""

import itertools
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from course_lib import plotting
from course_lib.panel import Choice, Seen, Slider, serving
from tests import _toys
from tests.panel._page import Page, alike


@pytest.fixture(autouse=True)
def live(monkeypatch):
    """Panels are live here, and light."""
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    plotting.use_theme("light")


def opened(explorer, *, handed=None, width=None, **numbers):
    return Page(explorer.show(**(handed or {}), **numbers), width)


def shows(page, png_and_caption):
    """Whether the page stands at this picture."""
    pixels, caption = page.here()
    return alike(pixels, png_and_caption[0]) and page.caption == caption == png_and_caption[1]


# A closed form


def test_a_page_that_opens_gets_the_picture_where_the_panel_stands():
    page = opened(_toys.waves, frequency=1.0)
    assert page.numbers == {"frequency": 1.0, "damping": 0.1, "kind": "cosine"}
    assert shows(page, _toys.waves.picture(frequency=1.0))


def test_a_moved_slider_shows_the_picture_of_its_number():
    page = opened(_toys.waves)
    page.ask(frequency=0.1)
    assert shows(page, _toys.waves.picture(frequency=0.1))
    page.ask(damping=0.123)
    assert shows(page, _toys.waves.picture(frequency=0.1, damping=0.123))
    page.ask(kind="sine")
    assert shows(page, _toys.waves.picture(frequency=0.1, damping=0.123, kind="sine"))


def test_the_background_is_sent_once():
    page = opened(_toys.waves)
    for frequency in (1.0, 2.0, 3.0, 4.0):
        page.ask(frequency=frequency)
    brought = [content["brings"] for content, _ in page.said]
    assert sum(map(len, brought)) == 1 and len(page.layers) == 1


def test_numbers_that_compute_refuses_leave_the_last_picture_and_say_why():
    page = opened(_toys.waves)
    page.ask(damping=0.95)
    assert "damping = 0.95: must be at most 0.9" in page.caption and page.refused
    page.ask(damping=0.5)
    assert shows(page, _toys.waves.picture(damping=0.5)) and not page.refused


def test_numbers_out_of_range_are_refused_by_name():
    page = opened(_toys.waves)
    page.ask(frequency=7.0)
    assert page.refused and "frequency = 7.0: must be a finite number in [0.1, 5]" in page.caption


def test_an_exception_is_a_sentence_and_is_logged(caplog):
    def compute(a, update):
        return update(a)

    def broken(a):
        return a + "1"

    page = opened(_toys.line(compute), handed={"update": broken})
    assert "TypeError: unsupported operand" in page.caption
    assert "broken" in caplog.text

    def blank(a):
        raise NotImplementedError("your code here")

    page = opened(_toys.line(compute), handed={"update": blank})
    assert page.caption.startswith("Not implemented yet (your code here)")
    data, _ = page.widget._repr_mimebundle_()
    assert "image/png" not in data and data["text/plain"].startswith("Not implemented yet")


def test_the_learners_function_is_handed_to_compute():
    explorer = _toys.line(lambda a, update=None: update(a) if update else a)
    assert opened(explorer).caption == "It ends at 3 ."
    assert opened(explorer, handed={"update": lambda a: -a}).caption == "It ends at -3 ."


def test_a_panel_turns_dark_and_large_and_wide():
    page = opened(_toys.waves)
    page.ask(theme="dark")
    assert shows(page, _toys.waves.picture(theme="dark"))
    page.width = 1350
    page.ask(theme="light")
    assert page.here()[0].shape == (540, 1350, 3)
    small = page.here()[0]
    page.ask(large=True)
    assert page.here()[0].shape == (540, 1350, 3) and (page.here()[0] != small).any()


def test_a_second_page_gets_everything_it_needs():
    panel = _toys.waves.show()
    Page(panel).ask(frequency=1.0)
    page = Page(panel)
    assert page.numbers["frequency"] == 1.0 and shows(page, _toys.waves.picture(frequency=1.0))


# A panel that trains


def streaming(log, seeds=4, pause=0.01):
    """Explorer over ten numbers; `log`: what was begun, and how many results each gave."""

    def compute(a):
        log.append(("begin", a))
        given = 0
        try:
            for given in range(1, seeds + 1):
                time.sleep(pause)
                yield a + given / 100
        finally:
            log.append(("end", a, given))

    return _toys.line(compute)


def test_training_shows_every_result():
    log = []
    page = opened(streaming(log))
    assert page.caption == "It ends at 3.04 ." and page.complete
    page.ask(a=4)
    page.wait()
    assert page.caption == "It ends at 4.04 ."
    assert log == [("begin", 3), ("end", 3, 4), ("begin", 4), ("end", 4, 4)]
    partial = [content["complete"] for content, _ in page.said if content["numbers"]["a"] == 4]
    assert partial == [False] * 4 + [True]


def test_of_thirty_changes_only_the_last_is_trained_to_its_end():
    log = []
    page = opened(streaming(log, seeds=20, pause=0.02))
    log.clear()
    for k in range(30):
        page.ask(a=k % 10)
        time.sleep(0.005)
    page.wait()
    ended = [entry for entry in log if entry[0] == "end"]
    assert [entry for entry in ended if entry[2] == 20] == [("end", 9, 20)]
    assert all(entry[2] >= 1 for entry in ended)  # each that began showed its first picture
    assert page.caption == "It ends at 9.2 ."


def test_a_picture_comes_under_the_numbers_it_was_computed_for():
    page = opened(streaming([], seeds=3, pause=0.02))
    for a in (5, 6, 5, 6, 7):
        page.ask(a=a)
        time.sleep(0.05)
    page.wait()
    for a in (5, 6, 7):
        page.ask(a=a)
        page.wait()
        assert page.caption == page.here()[1] == f"It ends at {a}.03 ."


def test_an_exception_in_mid_training_is_a_sentence_and_the_next_training_runs(caplog):
    def compute(a):
        yield a
        if a == 3:
            raise RuntimeError("the loss went away")
        yield a + 0.5

    page = opened(_toys.line(compute))
    assert page.caption.startswith("RuntimeError: the loss went away") and page.refused
    assert "the loss went away" in caplog.text and len(page.seen) == 1
    page.ask(a=4)
    page.wait()
    assert page.caption == "It ends at 4.5 ."


def endless(log):
    panel = streaming(log, seeds=10**6).show()
    assert panel.server.first(60)[0]
    return panel


def test_stop_closes_the_training_and_says_so():
    log = []
    page = Page.__new__(Page)
    page.wait = lambda: None
    page.__init__(endless(log))
    page.until(lambda: page.caption)
    page.say(kind="stop")
    page.until(lambda: page.caption.startswith("Stopped. It ends at 3."))
    assert page.widget.wait(60) and log[-1][:2] == ("end", 3)


class Half(float):
    """A result, of a training that is half done."""

    progress = 0.5


def test_a_long_training_says_how_long_it_will_still_take(monkeypatch):
    monkeypatch.setattr(serving, "SOON", 0)

    def compute(a):
        time.sleep(0.01)
        yield Half(a)

    said = opened(_toys.line(compute)).said
    assert [content["left"] for content, _ in said] == [1, None]


@pytest.mark.parametrize(
    ("progress", "seconds", "left"), [(0.25, 10, 30), (0, 10, None), (1, 10, None), (0.9, 9, None)]
)
def test_the_last_seconds_are_not_worth_a_word(progress, seconds, left):
    assert serving._left(progress, seconds) == left


def test_a_move_after_a_stop_begins_again():
    """Also along a trained axis: nothing says for ever how far a stopped training had come."""
    page = Page.__new__(Page)
    page.wait = lambda: None
    page.__init__(_toys.errors.show())
    page.until(lambda: page.caption)
    page.say(kind="stop")
    page.until(lambda: page.caption.startswith("Stopped."))
    assert page.widget.wait(60) and not page.complete
    page.ask(strength=_toys.STRENGTHS[0])
    assert page.widget.wait(60) and page.complete
    assert shows(page, _toys.errors.picture(strength=_toys.STRENGTHS[0]))


def test_closing_a_panel_ends_its_training_and_its_widget():
    log = []
    panel = endless(log)
    panel.close()
    assert panel.wait(60) and log[-1][0] == "end" and panel.comm is None


@pytest.fixture
def in_colab(monkeypatch):
    """Where no thread's message reaches the page."""
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())


def test_colab_computes_and_serves_in_the_handler(in_colab):
    threads = threading.active_count()
    page = opened(streaming([]))
    assert page.caption == "It ends at 3.04 ." and threading.active_count() == threads
    page.ask(a=5)
    assert page.caption == "It ends at 5.04 ."
    served = opened(_toys.errors)
    assert len(served.seen) == len(_toys.STRENGTHS) and threading.active_count() == threads


# A trained axis


def test_a_trained_axis_is_handed_to_the_page():
    page = opened(_toys.errors)
    assert len(page.seen) == len(_toys.STRENGTHS)
    for strength in _toys.STRENGTHS:
        pixels, caption = page.here(strength=strength)
        assert f"λ = {strength:g}:" in caption
    assert shows(page, _toys.errors.picture())


def test_moving_along_a_trained_axis_never_trains():
    page = Page.__new__(Page)
    page.wait = lambda: None
    page.__init__(_toys.errors.show())
    page.until(lambda: page.caption)
    begun = len(_toys.begun)
    page.ask(strength=_toys.STRENGTHS[0])  # still training: the kernel draws
    page.until(lambda: f"λ = {_toys.STRENGTHS[0]:g}" in page.caption)
    assert page.widget.wait(60) and len(_toys.begun) == begun


def test_a_retraining_starts_from_where_the_trained_slider_stands():
    page = opened(_toys.errors, strength=_toys.STRENGTHS[3])
    page.said.clear()
    page.ask(strength=_toys.STRENGTHS[20], width=4)
    page.wait()
    first = page.said[0][0]
    assert first["captions"][0].startswith(f"Width 4, λ = {_toys.STRENGTHS[20]:g}")
    assert len(page.said[-1][0]["captions"]) == len(_toys.STRENGTHS)


def test_two_trained_sliders_and_a_trained_choice():
    controls = {
        "x": Slider("x", 0, 2, 1, trained=True),
        "y": Slider("y", values=(1, 5), default=1, trained=True),
        "unit": Choice("unit", ("m", "km"), "m", trained=True),
    }
    page = opened(_toys.line(lambda: 7, controls=controls))
    for unit in ("m", "km"):  # a word is asked for
        page.ask(unit=unit)
        page.wait()
        for x, y in itertools.product((0, 1, 2), (1, 5)):
            assert page.here(x=x, y=y)[1] == f"It ends at 7 {x}{y}{unit}."
    assert len(page.seen) == 12


def test_an_axis_too_long_for_the_page_is_drawn_by_the_kernel():
    page = opened(_toys.line(lambda: 7, controls={"x": Slider("x", 0, 500, 1, trained=True)}))
    assert len(page.seen) == 1
    page.ask(x=400)
    assert page.caption == "It ends at 7 400."


def test_of_many_trained_axes_those_that_fit_lie_in_the_page():
    axes = {name: Slider(name, 1, last, 1, trained=True) for name, last in (("x", 30), ("y", 3))}
    page = opened(_toys.line(lambda: 7, controls=axes))
    assert len(page.seen) == 30 and page.here(x=30)[1] == "It ends at 7 301."
    page.ask(y=3)
    page.wait()
    assert page.here(x=30)[1] == "It ends at 7 303."


# Values and handles


def test_a_point_of_a_run_says_its_step():
    def draw(marks, result):
        marks["line"][0].set_data([0, 10, 100], [3, 2, 1])
        marks["line"][0].axes.set_xlabel("step")
        return "Three."

    explorer = _toys.line(lambda a: a)
    explorer.draw = draw
    page = opened(explorer)
    page.read()
    (curve,) = page.said[-1][0]["curves"]
    assert curve["steps"] == "x" and curve["x"] == [0, 10, 100]


def test_the_values_of_the_picture_come_when_the_page_asks():
    page = opened(_toys.waves)
    page.read()
    message, _ = page.said[-1]
    assert message["kind"] == "readings" and message["numbers"] == page.numbers
    first = message["curves"][0]
    assert first["label"] == "start 0" and first["steps"] == "x" and len(first["x"]) == 100
    wave = _toys.compute_waves(**page.numbers)
    assert first["y"] == pytest.approx(wave[0], rel=1e-3)


def test_values_of_a_picture_that_the_page_has_kept_are_computed_again():
    page = opened(streaming([]))
    page.ask(a=5)
    page.wait()
    page.read(a=3)
    page.wait()
    message, _ = page.said[-1]
    assert message["kind"] == "readings" and message["numbers"] == {"a": 3}
    assert message["curves"][0]["y"] == [3.04] * 10


def test_a_handle_says_which_controls_it_moves_and_where_it_is():
    def draw(marks, result):
        ax = marks["line"][0].axes
        return Seen("Two numbers.", handles=[(("a", "b"), ax, *result)])

    explorer = _toys.line(
        lambda a, b: (a, b), controls={"a": Slider("a", 0, 9, 3), "b": Slider("b", 0, 9, 4)}
    )
    explorer.draw = draw
    page = opened(explorer)
    assert page.handles == [[{"names": ("a", "b"), "axes": 0, "at": [3.0, 4.0]}]]
    assert page.said[-1][0]["places"][0]["limits"] == [[0.0, 9.0], [-10.0, 10.0]]
