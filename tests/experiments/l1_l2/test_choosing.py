"""As many weights as L1 keeps, chosen otherwise."""

import torch

from course_lib.base.random import seeded
from course_lib.experiments.l1_l2 import choosing


def network(seed):
    draw = seeded(seed)
    return [torch.randn(shape, generator=draw) for shape in ((3, 4), (3,), (2, 3))]


def test_masks_have_the_size_of_l1s_in_each_layer_and_hold_no_black_pixel():
    l1, l2 = network(0), network(1)
    l1[0][:, 1:], l1[2][0] = 0, 0  # keeps 3 of 12 and 3 of 6
    lit = torch.tensor([True, True, False, True])
    for mask in choosing.rivals(l1, l2, lit, torch.rand(21, generator=seeded(2))):
        assert [int(m.sum()) for m in mask] == [3, 3, 3] and not mask[0][:, 2].any()
        assert all(set(m.flatten().tolist()) <= {0.0, 1.0} for m in mask)


def test_one_holds_the_largest_and_the_other_what_the_draw_says():
    l1, l2 = network(0), network(1)
    l1[0][:, 1:] = 0
    lit, draws = torch.ones(4, dtype=torch.bool), torch.rand(21, generator=seeded(2))
    random, largest = choosing.rivals(l1, l2, lit, draws)
    assert l2[0].abs()[largest[0] == 1].min() > l2[0].abs()[largest[0] == 0].max()
    assert set(random[0].flatten().nonzero().flatten().tolist()) == set(
        draws[:12].topk(3).indices.tolist()
    )


def test_it_grows_seed_by_seed():
    *_, found = choosing.compute_choosing((0, 1))
    assert found.wrong.shape == (2, len(choosing.ARMS))
    assert ((found.wrong > 0) & (found.wrong < 0.9)).all() and found.progress == 1
