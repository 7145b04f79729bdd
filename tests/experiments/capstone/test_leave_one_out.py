"""What is left out is left out, and what is stored answers for every technique."""

import pytest
import torch
from scipy import stats

from course_lib.experiments.capstone import leave_one_out
from course_lib.experiments.capstone.mixer import EVERYTHING, PLAIN
from course_lib.statistics import corrected_interval, mean_interval


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


def test_a_p_value_is_scipys():
    values = torch.tensor([0.3, -0.1, 0.5, 0.2, 0.4], dtype=torch.float64)
    found = leave_one_out.p_value(mean_interval(values))
    assert found == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    with pytest.raises(ValueError, match="of a mean"):
        leave_one_out.p_value(corrected_interval(values, 80, 20))


def test_holm_by_hand():
    found = leave_one_out.holm({"a": 0.04, "b": 0.01, "c": 0.03})
    assert list(found) == ["b", "c", "a"]
    assert list(found.values()) == pytest.approx([0.03, 0.06, 0.06])


def test_three_of_eight_are_told_as_the_lesson_says():
    p_values = {
        name: leave_one_out.p_value(leave_one_out.stored(name)) for name in leave_one_out.TECHNIQUES
    }
    told = [name for name, p in leave_one_out.holm(p_values).items() if p < 0.05]
    assert told == ["patience", "dropout", "label_smoothing"]
    for name in leave_one_out.TECHNIQUES:
        values = leave_one_out.stored(name).sample.values
        assert not corrected_interval(values, 500, 1297).excludes(0)
