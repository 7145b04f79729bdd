"""What is left out is left out, and what is stored answers for every technique."""

import pytest

from course_lib.experiments.capstone import leave_one_out
from course_lib.experiments.capstone.mixer import EVERYTHING, PLAIN


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
