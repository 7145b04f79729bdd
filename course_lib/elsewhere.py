"""Elsewhere: does what small networks taught hold where numbers attend to one another?

    A = softmax(Q·Kᵀ/√d)        who looks at whom: every row of A sums to 1
    attention(Q, K, V) = A·V    what each position takes from the others
    MultiHead(X) = [A₁V₁ … A_hV_h]·W_Oᵀ + b_O
                                Q_i, K_i, V_i: the i-th slice of X·W_Qᵀ, X·W_Kᵀ, X·W_Vᵀ
    RMSNorm(x) = γ·x/√(mean x² + ε)
                                a LayerNorm that subtracts no mean and adds no β

X: positions of each row, [rows, positions, width] · Q, K, V: queries, keys, values,
[…, positions, d], d = width/h for each of h heads · W: weights [out, in], as of `nn.Linear` ·
γ: learned, one per feature · ε > 0, in units of x². Dividing by √d keeps the variance of q·k at
that of one product, whatever d: without it the softmax of a wide head would be nearly one-hot.

Same as `torch.nn.functional.scaled_dot_product_attention`, `torch.nn.MultiheadAttention` with
`batch_first=True` attending to itself, and `torch.nn.RMSNorm`. Differs from
`nn.MultiheadAttention` in the mask: True means "may look" here, as in torch's function; in its
module True means "must not".
Sources: Vaswani et al., "Attention is all you need", NeurIPS 2017; Zhang & Sennrich, "Root mean
square layer normalization", NeurIPS 2019.
"""

import math

import torch
from torch import Tensor, nn

from course_lib.base.arguments import require, require_whole


def attention_weights(q: Tensor, k: Tensor, mask: Tensor | None = None) -> Tensor:
    """A = softmax(q·kᵀ/√d) […, queries, keys], ≥ 0, every row with the sum 1.

    q […, queries, d], k […, keys, d]; what stands before broadcasts. mask: broadcasts against A;
    True where a query may look, or, floating point, what is added before the softmax. Raises
    `ValueError` for another d in k than in q, a mask of whole numbers, and one in which a query may
    look nowhere.
    """
    _require_same("k", k, "q", q, -1)
    scores = q @ k.mT / math.sqrt(q.shape[-1])  # q·kᵀ/√d
    if mask is not None:
        scores = scores + _as_summand(mask, scores)
    return scores.softmax(-1)


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """A·v, a mean of the values weighted by A: […, queries, features of v].

    q […, queries, d], k […, keys, d], v […, keys, any]; mask: as of `attention_weights`, which
    raises what this one does, besides `ValueError` for another number of values than of keys.
    Same as `torch.nn.functional.scaled_dot_product_attention`, which has zeros instead of an error
    for a query that may look nowhere.
    """
    _require_same("v", v, "k", k, -2)
    return attention_weights(q, k, mask) @ v


def _require_same(name: str, x: Tensor, other: str, y: Tensor, dim: int) -> None:
    for which, tensor in ((name, x), (other, y)):
        if tensor.ndim < 2:
            raise ValueError(
                f"{which} has shape {list(tensor.shape)}: must be […, positions, features]"
            )
    if x.shape[dim] != y.shape[dim]:
        what = "positions" if dim == -2 else "features"
        raise ValueError(
            f"{name} has shape {list(x.shape)}: must have {y.shape[dim]} {what}, as {other} has"
        )


def _as_summand(mask: Tensor, scores: Tensor) -> Tensor:
    """0 where a query may look, −∞ where not; a mask in floating point as it is."""
    if mask.is_floating_point():
        return mask
    if mask.dtype != torch.bool:
        raise ValueError(f"mask has dtype {mask.dtype}: must be boolean or floating point")
    if not mask.any(-1).all():
        raise ValueError("mask: a query may look nowhere: must be True somewhere in every row")
    return scores.new_zeros(mask.shape).masked_fill_(~mask, -math.inf)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[…, positions, width] → […, heads, positions, width/heads]."""
    return x.unflatten(-1, (heads, -1)).transpose(-3, -2)


def join_heads(x: Tensor) -> Tensor:
    """[…, heads, positions, d] → […, positions, heads·d]: undoes `split_heads`."""
    return x.transpose(-3, -2).flatten(-2)


def multi_head_attention(
    x: Tensor,
    in_proj_weight: Tensor,
    in_proj_bias: Tensor | None,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    heads: int,
    mask: Tensor | None = None,
) -> Tensor:
    """Every position of x […, positions, width] attends to all of its row; the shape of x.

    in_proj_weight [3·width, width]: W_Q, W_K, W_V one below the other, in_proj_bias [3·width];
    out_proj_weight [width, width], out_proj_bias [width]; biases may be None. mask: as of
    `attention`, the same for all heads: [positions, positions], or […, 1, positions, positions].
    Raises `ValueError` for heads that do not divide the width, and what `attention` raises.
    Same as `torch.nn.functional.multi_head_attention_forward` with a row's own keys and values.
    """
    _require_heads(heads, x.shape[-1])
    projected = nn.functional.linear(x, in_proj_weight, in_proj_bias)
    q, k, v = (split_heads(part, heads) for part in projected.chunk(3, -1))
    joined = join_heads(attention(q, k, v, mask))  # [A₁V₁ … A_hV_h]
    return nn.functional.linear(joined, out_proj_weight, out_proj_bias)  # ·W_Oᵀ + b_O


def _require_heads(heads: int, width: int) -> None:
    require_whole("heads", heads, 1)
    if width % heads:
        raise ValueError(f"heads = {heads}: must divide the width, {width}")


class MultiHeadAttention(nn.Module):
    """`multi_head_attention` as a layer, with the parameters of torch's.

    They have the same names, shapes and initial distribution as those of
    `torch.nn.MultiheadAttention(width, heads, bias=bias, batch_first=True)`, so that one loads the
    other's `state_dict()`. Raises `ValueError` for a width below 1 and heads that do not divide it.
    """

    in_proj_bias: nn.Parameter | None

    def __init__(self, width: int, heads: int, bias: bool = True):
        super().__init__()
        require_whole("width", width, 1)
        _require_heads(heads, width)
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.register_parameter(
            "in_proj_bias", nn.Parameter(torch.zeros(3 * width)) if bias else None
        )
        self.out_proj = nn.Linear(width, width, bias)
        nn.init.xavier_uniform_(self.in_proj_weight)
        if bias:
            nn.init.zeros_(self.out_proj.bias)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """`multi_head_attention` of x […, positions, width], the shape of x."""
        out = self.out_proj
        return multi_head_attention(
            x, self.in_proj_weight, self.in_proj_bias, out.weight, out.bias, self.heads, mask
        )

    def extra_repr(self) -> str:
        """What `print` adds to the name."""
        return f"heads={self.heads}"


def rms_norm(x: Tensor, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """γ·x/√(mean x² + ε), the mean over the last dimension; the shape of x […, features].

    weight: γ [features], or any that broadcasts against x: [V, 1, features] for V models; None
    stands for 1. eps: ε > 0, by default the machine epsilon of the dtype of x, as in torch. Raises
    `ValueError` for ε ≤ 0 and an x of whole numbers.
    Same as `torch.nn.functional.rms_norm(x, x.shape[-1:], weight, eps)`, which takes any ε.
    """
    if not x.is_floating_point():
        raise ValueError(f"x has dtype {x.dtype}: must be floating point")
    eps = torch.finfo(x.dtype).eps if eps is None else require("eps", eps, open_low=True)
    y = x * (x.square().mean(-1, keepdim=True) + eps).rsqrt()  # x/√(mean x² + ε)
    return y if weight is None else weight * y  # γ·


class RMSNorm(nn.Module):
    """`rms_norm` as a layer: γ starts at 1. Same as `torch.nn.RMSNorm(width, eps)`.

    Raises `ValueError` for a width below 1 and ε ≤ 0.
    """

    def __init__(self, width: int, eps: float | None = None):
        super().__init__()
        self.eps = None if eps is None else require("eps", eps, open_low=True)
        self.weight = nn.Parameter(torch.ones(require_whole("width", width, 1)))

    def forward(self, x: Tensor) -> Tensor:
        """`rms_norm` of x […, width], the shape of x."""
        return rms_norm(x, self.weight, self.eps)

    def extra_repr(self) -> str:
        """What `print` adds to the name."""
        return f"{len(self.weight)}, eps={self.eps}"
