"""Noise of batch statistics against its formula; one network judged in two modes."""

import pytest
import torch

from course_lib.data import digits
from course_lib.experiments.batchnorm import batch_statistics as lab
from course_lib.experiments.batchnorm.networks import NormedNetworks, train_stepwise


def test_noise_of_the_batch_falls_with_its_size():
    found = lab.measure_noise(seeds=(0, 1), sizes=(8, 32, 128), draws=100)
    assert found.mean.shape == found.activation.shape == (2, 3)
    for figure in ("mean", "activation"):
        assert (getattr(found, figure).diff(dim=1) < 0).all()
        assert (found.slopes(figure) + 1).abs().max() < 0.15


def test_slopes_are_those_of_a_power_law():
    sizes = (8, 16, 64)
    noise = torch.tensor([[3.0 * size**-1.5 for size in sizes]], dtype=torch.float64)
    assert lab.BatchNoise(sizes, noise, noise).slopes("mean").item() == pytest.approx(-1.5)


def test_two_modes_of_one_training():
    *partial, found = lab.compare_modes(16, seeds=(0, 1), steps=40, every=20)
    assert (
        found.at == (0, 20, 40)
        and found.evaluation.shape == (2, len(lab.MOMENTA), 3)
        and found.progress == 1
    )
    assert partial[0].batch[:, 1:].isnan().all() and found.evaluation.isfinite().all()
    assert found.trained.shape == (2, 3) and found.trained.isfinite().all()
    slow, last = found.evaluation[:, 0, -1], found.batch[:, -1]
    assert (slow > last + 0.05).all(), "momentum 0.001 has hardly seen anything after 40 batches"
    assert (found.corrected[:, -1] < slow).all(), "what it began with was most of it"


def test_without_its_start_a_memory_of_one_batch_is_that_batch():
    batch = {"mean": torch.tensor([3.0]), "var": torch.tensor([7.0])}
    kept = {"mean": 0.01 * batch["mean"], "var": 0.99 + 0.01 * batch["var"]}
    found = lab._without_start(kept, 0.01, 1)
    assert all(torch.allclose(found[name], batch[name]) for name in batch)


def test_pairs_of_rows_judge_worse_than_all_rows_at_once():
    *_, found = lab.compare_modes(2, seeds=(0, 1), steps=40, every=20)
    assert (found.trained[:, 1:] > found.batch[:, 1:] + 0.05).all(), (
        "from two rows only the order is left"
    )


def test_neighbours_of_one_class_are_told_apart_less_well():
    *_, found = lab.compare_modes(16, seeds=(0, 1), steps=60, every=60)
    assert (found.sorted[:, -1] > found.trained[:, -1] + 0.1).all(), "their statistics take it out"


def test_late_figures_are_means_of_the_last_ten_looks_there_are():
    looks = torch.arange(15.0).repeat(2, 1)
    evaluation = looks.unsqueeze(1).repeat(1, len(lab.MOMENTA), 1) + 0.25
    found = lab.Modes(4, tuple(range(15)), evaluation, *[looks] * 4)
    assert found.late("batch").tolist() == [9.5, 9.5] and found.behind(0.1).tolist() == [25.0, 25.0]
    looks[:, 3:] = torch.nan
    assert found.seen == 3 and found.late("trained").tolist() == [1.0, 1.0]


def test_momentum_plays_no_part_in_training_and_the_kept_statistics_are_those_of_a_run_with_it():
    """The run that keeps all momenta at once against one that keeps a single one."""
    *_, found = lab.compare_modes(16, seeds=(0,), steps=20, every=20)
    networks = NormedNetworks(
        (64, 64, 10), "batch", [digits(500, scale="unit", seed=0)], (0,), momentum=0.1
    )
    for _ in train_stepwise(networks, 20, 16, 0.02, momentum=0.9):
        pass
    m = lab.MOMENTA.index(0.1)
    assert networks.test_error().item() == pytest.approx(
        found.evaluation[0, m, -1].item(), abs=2e-3
    )


def test_what_makes_no_sense_is_refused_by_name():
    with pytest.raises(ValueError, match="batch_size = 501"):
        list(lab.compare_modes(501, seeds=(0,)))
