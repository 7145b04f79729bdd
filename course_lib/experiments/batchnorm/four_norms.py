"""What four norms average over: with which values does one value share its mean and variance?

Found out by asking torch: move one value, and see which outputs move. Before ε, γ and β,

    BatchNorm      all rows and pixels of one channel
    LayerNorm      all channels and pixels of one row
    InstanceNorm   the pixels of one channel of one row
    GroupNorm      the channels and pixels of one group in one row  (Wu & He 2018)
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from course_lib.base.arguments import require_choice, require_whole
from course_lib.base.random import seeded

CHANNELS, PIXELS = 6, 4
MARKED = 0, 1, 0  # row, channel and pixel of the value that moves
GROUPS = (1, 2, 3, 6)


@dataclass
class Sharing:
    """Whether an output moves with the marked value, {norm: [rows, channels, pixels]}."""

    groups: int
    moves: dict[str, Tensor]


def find_sharing(groups: int = 2, batch_size: int = 4) -> Sharing:
    """Move one value of a batch [rows, channels, pixels]; see what moves behind each norm."""
    require_choice("groups", groups, GROUPS)
    require_whole("batch_size", batch_size, 1)
    x = torch.randn(batch_size, CHANNELS, PIXELS, dtype=torch.float64, generator=seeded(0))
    moved = x.clone()
    moved[MARKED] += 1.0
    norms = {
        "BatchNorm": lambda x: functional.batch_norm(x, None, None, training=True),
        "LayerNorm": lambda x: functional.layer_norm(x, x.shape[1:]),
        "InstanceNorm": functional.instance_norm,
        "GroupNorm": lambda x: functional.group_norm(x, groups),
    }
    return Sharing(
        groups, {name: (norm(moved) - norm(x)).abs() > 1e-9 for name, norm in norms.items()}
    )
