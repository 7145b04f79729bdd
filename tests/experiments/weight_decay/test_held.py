"""Ends under Adam: solved with √v̂ held still, run with the full batch and with minibatches."""

import pytest
import torch

from course_lib.experiments.shared.surfaces import descend
from course_lib.experiments.weight_decay.bowl import BOWL
from course_lib.experiments.weight_decay.held import (
    EXAMPLES,
    RATIOS,
    batch_noise,
    fading,
    full_batch_end,
    held_rests,
    minibatch_ends,
    sizes_of,
)


@pytest.mark.parametrize("ratio", RATIOS)
def test_at_rest_nothing_moves(ratio):
    size = sizes_of(ratio)
    assert size.prod().item() == pytest.approx(1) and (size[0] / size[1]).item() == pytest.approx(
        ratio
    )
    rests = held_rests(size, 0.5)
    l2, decay = rests["l2"], rests["weight_decay"]
    assert (BOWL.gradient(l2) + 0.5 * l2).norm() < 1e-12
    assert (BOWL.gradient(decay) / size + 0.5 * decay).norm() < 1e-12


def test_alike_sizes_give_one_end():
    rests = held_rests(sizes_of(1.0), 0.5)
    assert torch.allclose(rests["l2"], rests["weight_decay"])


def test_a_full_batch_run_without_a_pull_ends_at_the_star():
    star = torch.tensor(BOWL.minimum, dtype=torch.float64)
    assert (full_batch_end(steps=2000) - star).norm() < 1e-3


def test_the_noise_of_minibatches_cancels_over_an_epoch():
    noise = batch_noise(10, 60, seed=0)
    first, second = noise.split(EXAMPLES // 10)
    assert max(first.sum(0).abs().max(), second.sum(0).abs().max()) < 1e-12
    assert not first.equal(second)  # a new order
    assert batch_noise(EXAMPLES, 3, seed=0).abs().max() < 1e-12  # the full batch has none
    with pytest.raises(ValueError, match="batch = 7"):
        batch_noise(7, 3, seed=0)


@pytest.mark.parametrize("pull", ["l2", "weight_decay"])
def test_a_batch_of_all_examples_is_the_full_batch(pull):
    found = minibatch_ends(EXAMPLES, seeds=(0, 1), steps=50)[pull]
    path = descend(BOWL, fading, (0.0, 0.0), 50, **{pull: 0.5})
    torch.testing.assert_close(found.end, path[-1].expand(2, 2), rtol=0, atol=1e-9)
    assert found.goal.equal(torch.stack([held_rests(size, 0.5)[pull] for size in found.size]))
    assert found.off.shape == (2,)
