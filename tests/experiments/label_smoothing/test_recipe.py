"""The recipe as a whole, and smoothing turned round."""

import pytest
import torch

from course_lib.experiments.label_smoothing import recipe as lab
from course_lib.experiments.label_smoothing import smoothing
from course_lib.label_smoothing import smooth_labels

SHORT = {"steps": 60, "seeds": (3, 4)}


@pytest.fixture(scope="module")
def short():
    *_, found = lab.follow_recipe(**SHORT)
    return found


def test_turned_round_undoes_smoothing():
    eta = torch.rand(5, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    eta = eta / eta.sum(1, keepdim=True)
    for epsilon in (0.0, 0.1, 0.4):
        said = smooth_labels(eta, 10, epsilon)
        torch.testing.assert_close(lab.turned_round(said, epsilon), eta)


def test_what_is_below_the_uniform_share_is_ruled_out():
    p = torch.tensor([[0.95, 0.04, 0.01]], dtype=torch.float64)
    turned = lab.turned_round(p, 0.3)  # ε/K = 0.1: both others are below it
    assert turned.tolist() == [[1.0, 0.0, 0.0]]


def test_figures_after_a_temperature_are_those_of_the_other_pictures(short):
    *_, run = smoothing.compare_smoothing(**SHORT)
    for epsilon in lab.CANDIDATES:
        for name in ("error", "nll", "ece"):
            torch.testing.assert_close(
                short.of(name, epsilon), run.of(name, epsilon, smoothing.READINGS[1])
            )
    torch.testing.assert_close(short.of("turned_ece", 0.0), run.of("ece", 0.0))
    assert (short.of("ruled_out", 0.0) == 0).all()


def test_the_rival_without_decay_is_the_recipe_without_smoothing(short):
    *_, rival = lab.decay_instead(**SHORT)
    assert rival.candidates == lab.DECAYS and len(lab.DECAYS) == len(lab.CANDIDATES)
    for name in lab.FIGURES:
        torch.testing.assert_close(rival.of(name, 0.0), short.of(name, 0.0), rtol=1e-5, atol=1e-6)
    assert (rival.validation_nll.diff(dim=1) != 0).all()  # each decay has its own network
    *_, wide = lab.decay_instead(**SHORT, decays=lab.WIDE_DECAYS)
    assert wide.candidates == lab.WIDE_DECAYS and len(lab.WIDE_DECAYS) == len(lab.CANDIDATES)
    for name in lab.FIGURES:
        torch.testing.assert_close(wide.of(name, 3.0), rival.of(name, 3.0), rtol=1e-5, atol=1e-6)


def test_each_seed_keeps_its_lowest_validation_nll(short):
    for seed in range(2):
        best = int(short.validation_nll[seed].argmin())
        assert short.kept()[seed] == pytest.approx(lab.CANDIDATES[best])
        assert short.chosen("nll")[seed] == short.nll[seed, best]
