"""Ends under Adam: solved with √v̂ held still, run with the full batch."""

import pytest
import torch

from course_lib.experiments.weight_decay.bowl import BOWL
from course_lib.experiments.weight_decay.held import RATIOS, full_batch_end, held_rests, sizes_of


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
