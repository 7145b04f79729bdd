"""The best of n by brute force, the draws, and halving on curves made by hand."""

import itertools

import pytest
import torch

from course_lib.data import breast_cancer
from course_lib.experiments.capstone import mixer, search


def made(validation, test=None, rungs=(1, 2, 4), missed=None):
    """A `Search` of given errors [seeds, candidates, rungs]; test errors are the validation errors
    plus 0.1.
    """
    validation = torch.as_tensor(validation)
    test = validation + 0.1 if test is None else torch.as_tensor(test)
    return search.Search(
        ((mixer.PLAIN,) * validation.shape[1],) * len(validation),
        0.0,
        rungs,
        validation,
        test,
        torch.zeros(*validation.shape[:2], 1, dtype=torch.bool) if missed is None else missed,
        1.0,
        "",
    )


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_the_best_of_n_is_the_mean_over_every_draw(n):
    generator = torch.Generator().manual_seed(0)
    validation, test = torch.rand(2, 3, 5, 1, generator=generator)
    found = made(validation, test, rungs=(1,)).best_of(n)
    for seed in range(3):
        draws = list(itertools.combinations(range(5), n))
        winners = [min(draw, key=lambda i: validation[seed, i, 0].item()) for draw in draws]
        for values, mean in zip((validation, test), found):
            expected = sum(values[seed, winner, 0].item() for winner in winners) / len(draws)
            assert mean[seed].item() == pytest.approx(expected, abs=1e-7)


def test_chances_are_chances():
    for n in (1, 7, 30):
        chances = search.chances(30, n)
        assert chances.sum().item() == pytest.approx(1, abs=1e-12) and (chances >= 0).all()
    assert search.chances(30, 30)[0] == 1 and torch.allclose(
        search.chances(4, 1), torch.full((4,), 0.25).double()
    )


def test_what_diverged_never_wins():
    nan = float("nan")
    validation, test = made([[[nan], [0.3]], [[0.2], [nan]]], rungs=(1,)).best_of(2)
    assert validation.tolist() == pytest.approx([0.3, 0.2]) and test.tolist() == pytest.approx(
        [0.4, 0.3]
    )


def test_halving_keeps_the_better_half_and_counts_the_steps():
    errors = [
        # the last would have won
        [[0.1, 0.5, 0.5], [0.2, 0.2, 0.3], [0.3, 0.1, 0.1], [0.9, 0.0, 0.0]],
        [[0.9, 0.0, 0.0], [0.1, 0.3, 0.4], [0.8, 0.2, 0.2], [0.4, 0.4, 0.1]],
    ]
    validation, test, steps = search.halve(made(errors))
    assert validation.tolist() == pytest.approx([0.3, 0.4]) and test.tolist() == pytest.approx(
        [0.4, 0.5]
    )
    assert steps == 4 * 1 + 2 * (2 - 1) + 1 * (4 - 2)


def test_settings_drawn_are_within_their_ranges_and_different():
    settings = search.draw_settings(60, torch.Generator().manual_seed(1))
    assert len(set(settings)) == 60 and {s.norm for s in settings} == set(mixer.NORMS)
    assert settings[:10] == search.draw_settings(10, torch.Generator().manual_seed(1))
    for name, low, high, off in (
        ("lr", 10**-3.5, 1e-2, None),
        ("l2", 1e-4, 1e-1, 0),
        ("dropout", 0, 0.8, 0),
        ("survival", 0.2, 1, 1),
        ("weight_decay", 1e-2, 10, 0),
    ):
        values = [getattr(setting, name) for setting in settings]
        on = [value for value in values if value != off]
        assert all(low <= value <= high for value in on) and len(on) > 15
        assert off is None or 15 < values.count(off) < 45


def test_a_search_equals_its_candidates_trained_one_by_one(monkeypatch):
    monkeypatch.setattr(mixer, "spambase_or_breast_cancer", breast_cancer)
    *_, found = search.search("e-mails", 100, 0.1, seeds=(0, 1), candidates=4, rungs=(10, 20))
    assert found.validation.shape == (2, 4, 2) and found.test.isfinite().all()
    assert found.settings[0] != found.settings[1], "each study draws its own"
    assert torch.allclose(found.missed.float().mean(2), found.validation[:, :, -1])
    for seed, i in ((0, 1), (1, 3)):
        *_, alone = mixer.mix(
            found.settings[seed][i], "e-mails", 100, 0.1, seeds=(seed,), steps=20, every=20
        )
        step = alone.recorded.index(20)
        # of 269 rows, three
        assert torch.allclose(found.test[seed, i, -1], alone.test_error[0, step], atol=0.011)


def test_optimism_is_what_the_choice_adds_and_a_search_may_pay():
    validation = torch.tensor([[[0.1], [0.3]], [[0.2], [0.3]]])
    found = made(validation, validation + torch.tensor([[[0.2], [0.0]], [[0.1], [0.1]]]), (1,))
    assert found.optimism(2).mean == pytest.approx((0.1 + 0.0) / 2)
    assert found.pays(2).mean == pytest.approx((0.0 - 0.05) / 2)


def test_two_disagree_where_one_of_them_is_wrong():
    missed = torch.rand(2, 5, 40, generator=torch.Generator().manual_seed(0)) < 0.3
    found = made(torch.rand(2, 5, 1), rungs=(1,), missed=missed)
    for study, disagreement in zip(missed, found.disagreement):
        pairs = [(a ^ b).double().mean().item() for a, b in itertools.combinations(study, 2)]
        assert disagreement.item() == pytest.approx(sum(pairs) / len(pairs))


@pytest.mark.parametrize("n", [0, 6, 2.5])
def test_a_draw_larger_than_the_hat_is_refused(n):
    with pytest.raises(ValueError, match="n = "):
        made(torch.rand(1, 5, 1), rungs=(1,)).best_of(n)
