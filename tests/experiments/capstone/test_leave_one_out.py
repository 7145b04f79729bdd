"""What is left out is left out, and what is stored answers for every technique."""

import pytest

from course_lib.experiments.capstone import leave_one_out
from course_lib.experiments.capstone.mixer import EVERYTHING, PLAIN
from course_lib.statistics import corrected_interval, holm, p_value


def test_one_technique_is_off_and_the_others_stay(monkeypatch):
    seen = []
    monkeypatch.setattr(leave_one_out, "mix", lambda setting: seen.append(setting) or iter(["mix"]))
    for technique in leave_one_out.TECHNIQUES:
        assert leave_one_out.without(technique) == "mix"
        for name in PLAIN._fields:
            kept = PLAIN if name == technique else EVERYTHING
            assert getattr(seen[-1], name) == getattr(kept, name)
    assert len({*seen}) == 8
    with pytest.raises(ValueError, match="technique"):
        leave_one_out.without("lr")


def test_every_technique_has_eight_seeds_on_each_fresh_base():
    counts = {leave_one_out.stored(technique).n for technique in leave_one_out.TECHNIQUES}
    assert len(counts) == 1 and counts.pop() % 8 == 0


def test_three_of_eight_are_told_as_the_lesson_says():
    p_values = {name: p_value(leave_one_out.stored(name)) for name in leave_one_out.TECHNIQUES}
    told = [name for name, p in holm(p_values).items() if p < 0.05]
    assert told == ["patience", "dropout", "label_smoothing"]
    for name in leave_one_out.TECHNIQUES:
        values = leave_one_out.stored(name).sample.values
        assert not corrected_interval(values, 500, 1297).excludes(0)
