"""Sliders and choices as plain data, and a state as one line."""

import pytest

from course_lib.panel import Choice, Slider
from course_lib.panel.controls import read_state, write_state
from tests import _toys


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
    explorer = _toys.line(lambda a: a)
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


def preset_explorer():
    return _toys.line(
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


@pytest.mark.parametrize(
    ("line", "message"),
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
