"""Stochastic depth: can a network be trained that is shorter than itself?

    y = x + (b/p_l)·f(x)         training: b is 1 with probability p_l, else 0,
                                 and then f(x) is not needed at all
    y = x + f(x)                 evaluation: every block, no scale, since E[b/p_l] = 1
    p_l = 1 − (l/L)·(1 − p_L)    the linear rule: late blocks are dropped most

x, y: input and output of a block, [rows, …] · f: its residual branch, whose output has the shape of
x · l = 1 … L: the block's number, 1 beside the input · p_l ∈ [0, 1]: its survival probability · b:
one number a row (mode "row") or one for the whole batch ("batch"). A bare `p` is the drop
probability 1 − p_l, as everywhere in torch.
Same as `torchvision.ops.stochastic_depth` and timm's `DropPath`. The paper multiplies by p_l in
evaluation instead of dividing in training, and decides once a batch; most libraries divide, and
decide row by row.
Source: Huang, Sun, Liu, Sedra & Weinberger, "Deep Networks with Stochastic Depth", ECCV 2016.
"""

import torch
from torch import Generator, Tensor, nn

from course_lib.base.arguments import require_choice, require_probability, require_whole

MODES = ("row", "batch")
RULES = ("linear", "uniform")


def drop_path(
    x: Tensor,
    p: float,
    mode: str = "row",
    training: bool = True,
    generator: Generator | None = None,
) -> Tensor:
    """Each row of `x` [rows, …] becomes 0 with probability `p`, else x/(1 − p).

    mode "batch" decides once for all rows. A new tensor, or `x` itself where there is nothing to do
    (`training=False` or p = 0). p = 1: all zeros. `generator`: where the random numbers come from,
    on the device of `x`; None is torch's global one. Raises `ValueError` for p outside [0, 1] or
    NaN, another mode, an `x` of whole numbers, and rows asked of an `x` without dimensions. Same as
    `torchvision.ops.stochastic_depth(x, p, mode, training)`, which takes no generator.
    """
    require_probability("p", p)
    require_choice("mode", mode, MODES)
    if not (x.is_floating_point() or x.is_complex()):
        raise ValueError(f"x has dtype {x.dtype}: must be floating point, for x/(1 − p) to fit")
    if mode == "row" and x.ndim == 0:
        raise ValueError("x has no dimensions, and so no rows to drop: use mode = 'batch'")
    if not training or p == 0:
        return x
    shape = [1] * x.ndim  # one decision for all …
    if mode == "row":
        shape[0] = len(x)  # … or one a row
    b = torch.empty(shape, dtype=x.dtype, device=x.device)
    b.bernoulli_(1 - p, generator=generator)  # b ~ Bernoulli(1 − p)
    return x * (b / (1 - p) if p < 1 else b)  # x·b/(1 − p)


def survival_probabilities(depth: int, last: float, rule: str = "linear") -> list[float]:
    """Survival probabilities [p_1, …, p_L] of `depth` = L blocks; the last block's is `last` = p_L.

    rule "linear": p_l = 1 − (l/L)(1 − p_L), so that the first block too is dropped now and then.
    "uniform": p_l = p_L. Their sum is the expected depth. Raises `ValueError` for a depth that is
    no whole number ≥ 1, `last` outside [0, 1] or NaN, another rule. Differs from the drop
    probabilities `torch.linspace(0, 1 − p_L, L)` of timm and others, under which the first block
    always survives.
    """
    L, p_L = require_whole("depth", depth, 1), float(require_probability("last", last))
    if require_choice("rule", rule, RULES) == "uniform":
        return [p_L] * L
    return [1 - block / L * (1 - p_L) for block in range(1, L + 1)]  # p_l = 1 − (l/L)(1 − p_L)


class DropPath(nn.Module):
    """`drop_path` as a layer: drops rows (or the batch) in training, the identity after `.eval()`.

    `p`: drop probability in [0, 1], refused at once if it is not. Same as
    `torchvision.ops.StochasticDepth(p, mode)`.
    """

    def __init__(self, p: float, mode: str = "row", generator: Generator | None = None):
        super().__init__()
        self.p = require_probability("p", p)
        self.mode = require_choice("mode", mode, MODES)
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """`drop_path` of x [rows, …]."""
        return drop_path(x, self.p, self.mode, self.training, self.generator)

    def extra_repr(self) -> str:
        """What `print` adds to the name."""
        return f"p={self.p:g}, mode={self.mode}"


class ResidualBlock(nn.Module):
    """x + DropPath(branch(x)): the branch may go, the shortcut stays.

    `branch`: a module whose output has the shape of its input, see `mlp_branch` and `conv_branch`.
    `survival` = 1 − p. In mode "batch" a dropped branch is not computed at all: no forward, no
    backward, no update of its buffers.

    With survival 0 the block is its shortcut alone, in evaluation too, since nothing ever trained
    its branch. (There `DropPath(1)` alone, ours, torchvision's and timm's, lets the branch
    through.)
    Raises `ValueError` for a survival outside [0, 1] or NaN, another mode; when called, for a
    branch of another shape.
    """

    def __init__(
        self,
        branch: nn.Module,
        survival: float = 1.0,
        mode: str = "row",
        generator: Generator | None = None,
    ):
        super().__init__()
        self.survival = require_probability("survival", survival)
        self.branch = branch
        self.drop_path = DropPath(1 - survival, mode, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Return x + (b/p_l)·f(x), in evaluation x + f(x): [rows, …], the shape of x."""
        if self.survival == 0:
            return x
        if self.drop_path.mode == "row":
            return x + self.drop_path(self._residual(x))  # y = x + (b/p_l)·f(x)
        scale = self.drop_path(x.new_ones(()))  # b/p_l, before anything is computed; else 1
        return x + scale * self._residual(x) if scale else x

    def _residual(self, x: Tensor) -> Tensor:
        residual = self.branch(x)
        if residual.shape != x.shape:
            raise ValueError(
                f"branch: made {list(residual.shape)} of {list(x.shape)}: must keep the shape"
            )
        return residual

    def extra_repr(self) -> str:
        """What `print` adds to the name."""
        return f"survival={self.survival:g}"


def mlp_branch(width: int, hidden: int | None = None, norm: bool = True) -> nn.Sequential:
    """LayerNorm–Linear–GELU–Linear on the last axis: `width` → `hidden` → `width`.

    `hidden`: 4·width unless given. Without the LayerNorm where `norm` is False.
    """
    hidden = 4 * width if hidden is None else hidden
    layers = [nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)]
    return nn.Sequential(*([nn.LayerNorm(width)] if norm else []), *layers)


def conv_branch(channels: int) -> nn.Sequential:
    """Conv3×3–BatchNorm–ReLU–Conv3×3–BatchNorm on images [rows, channels, height, width].

    Sizes are kept. As in the paper's residual networks, which put one more ReLU behind the
    addition.
    """
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
    )
