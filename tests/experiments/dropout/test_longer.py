"""Three losses and two test errors on the way: those of the curves at the same step."""

import pytest
import torch

from course_lib.base import random
from course_lib.experiments.dropout import curves, longer

SEEDS, STOPS = (1, 2), (20, 40)


@pytest.fixture(scope="module")
def found():
    return longer.compute_longer(seeds=SEEDS, stops=STOPS)


def test_the_losses_are_those_of_the_curves_at_that_step(found):
    assert tuple(found) == STOPS
    for step, losses in found.items():
        *_, known = curves.compute_curves(seeds=SEEDS, ps=(0.0, 0.5), steps=step)
        expected = curves.three_losses(known, p=0.5)
        for name in ("plain", "off", "on"):
            ours, theirs = getattr(losses, name), getattr(expected, name)
            assert ours.shape == (2,) and torch.allclose(ours, theirs, rtol=1e-4), (step, name)
        errors = torch.stack([losses.plain_error, losses.error], 1)
        assert torch.allclose(errors, known.test_error[:, :, -1], atol=1e-5), step


def test_the_table_has_a_line_for_each_step(found):
    _, *lines = longer.table(found).splitlines()
    assert [int(line.split()[0]) for line in lines] == list(STOPS)
    assert lines[1].split()[2] == f"{found[40].off.mean():.3f}"
    assert lines[1].split()[-1] == f"{found[40].error.mean():.1%}"


def test_what_is_kept_comes_out_again():
    stop, seeds = longer.STOPS[0], curves.SEEDS[:2]
    kept, again = longer.losses(), longer.compute_longer(seeds=seeds, stops=(stop,))
    assert tuple(kept) == longer.STOPS
    for name in longer.NAMES:
        assert all(getattr(one, name).shape == (len(curves.SEEDS),) for one in kept.values())
        ours, theirs = getattr(again[stop], name), getattr(kept[stop], name)[: len(seeds)]
        assert torch.allclose(ours, theirs, rtol=1e-3), name


def test_what_is_not_kept_is_trained(monkeypatch, found):
    monkeypatch.setattr(longer, "compute_longer", lambda: found)
    assert longer.losses(afresh=True) is found
    assert longer.losses() is not found
    monkeypatch.setenv("COURSE_RECORDED", "1")
    assert longer.losses() is found
    monkeypatch.delenv("COURSE_RECORDED")
    monkeypatch.setattr(random, "BASE", 9)
    assert longer.losses() is found
