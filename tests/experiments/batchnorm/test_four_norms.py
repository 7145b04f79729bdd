"""Who shares a mean with whom, against the sets that the names stand for."""

import pytest
import torch

from course_lib.experiments.batchnorm import four_norms as lab


@pytest.mark.parametrize("groups", lab.GROUPS)
@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_each_norm_shares_with_its_own_set(groups, batch_size):
    moves = lab.find_sharing(groups, batch_size).moves
    row, channel, _ = lab.MARKED
    size = lab.CHANNELS // groups
    first = channel // size * size
    wanted = {name: torch.zeros(batch_size, lab.CHANNELS, lab.PIXELS).bool() for name in moves}
    wanted["BatchNorm"][:, channel] = True
    wanted["LayerNorm"][row] = True
    wanted["InstanceNorm"][row, channel] = True
    wanted["GroupNorm"][row, first : first + size] = True
    assert len(wanted) == 4
    assert all(torch.equal(moves[name], wanted[name]) for name in wanted)


def test_groups_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ValueError, match="groups = 4"):
        lab.find_sharing(4)
