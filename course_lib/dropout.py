"""Dropout: what does it do to a network to lose half of its units, and who puts them back?

    training      y = m·x/(1 − p)       m ~ Bernoulli(1 − p), entry by entry, anew at every step
                                        E[y] = x,  Var[y] = x²·p/(1 − p)
    evaluation    y = x

x: activations (any shape) · p: probability that an entry is dropped, set to zero · m: 1 where it is
kept. Dividing by 1 − p while training, "inverted" dropout, is what lets evaluation alone: the mean
is right already.

Same as `torch.nn.functional.dropout`, except for `generator=` and `p` as a tensor; other masks come
out of one seed.
Source: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, "Dropout", JMLR
2014 (where x is *not* divided in training and is multiplied by 1 − p in evaluation:
`WeightScalingDropout`).
"""

import torch
from torch import Generator, Tensor, nn

from course_lib.base.arguments import Number, require_probability


def dropout(
    x: Tensor, p: Number = 0.5, training: bool = True, generator: Generator | None = None
) -> Tensor:
    """Drop each entry of `x` with probability `p`, divide the others by 1 − p.

    Returns a new tensor of the dtype of `x`, whose gradient is the mask, m/(1 − p); `x` itself
    unless `training`. p: a number in [0, 1], or a tensor of such that broadcasts against `x`:
    [V, 1, 1] for V models. Where it adds axes to `x`, the models share one uniform field and so
    drop more and more of the same entries as p grows. generator: where the masks come from, on the
    device of `x`; None: torch's own.
    At p = 1 everything is zero. A dropped −3 is −0.0, a dropped ∞ is NaN (as in torch: both are
    x·0). Raises `ValueError` for p outside [0, 1] or NaN, and for an `x` of whole numbers.
    """
    _require_share(p)
    if not (x.is_floating_point() or x.is_complex()):
        raise ValueError(f"x has dtype {x.dtype}: must be floating point, for x/(1 − p) to fit")
    if not training:
        return x
    share = 1 - p + (p == 1)  # what is kept; at p = 1 nothing is, and 0/1 is 0
    return (x * kept(x, p, generator) / share).to(x.dtype)  # y = m·x/(1 − p)


def kept(x: Tensor, p: Number, generator: Generator | None = None) -> Tensor:
    """The mask m: True, with probability 1 − p, where an entry of `x` is kept.

    One u for each, uniform on [0, 1), drawn in float32 whatever the dtype of `x`: in half precision
    u has too few values for the share to be p.
    """
    return torch.rand(x.shape, generator=generator, device=x.device) >= p


def _require_share(p: Number) -> None:
    if not isinstance(p, Tensor) or p.ndim == 0:
        require_probability("p", p)
        return
    outside = ~((p >= 0) & (p <= 1))  # a NaN is in no range
    if outside.any():
        raise ValueError(f"p holds {p[outside][0].item()}: must be finite numbers in [0, 1]")


class Dropout(nn.Module):
    """`dropout` as a layer: drops in training mode, does nothing in evaluation mode.

    Same as `torch.nn.Dropout`, except that it has no `inplace`, takes a `generator`, and refuses a
    NaN at once.
    """

    def __init__(self, p: Number = 0.5, *, generator: Generator | None = None):
        super().__init__()
        _require_share(p)
        self.p, self.generator = p, generator

    def forward(self, x: Tensor) -> Tensor:
        """`dropout` of `x`, any shape."""
        return dropout(x, self.p, self.training, self.generator)

    def extra_repr(self) -> str:
        """What `print` adds to the name."""
        return f"p={self.p}"


class MCDropout(Dropout):
    """Dropout that goes on in evaluation mode: each call answers with another thinned network.

    The spread of many answers is read as uncertainty: Gal & Ghahramani, "Dropout as a Bayesian
    Approximation", 2016.
    """

    def forward(self, x: Tensor) -> Tensor:
        """`dropout` of `x`, any shape, in either mode."""
        return dropout(x, self.p, True, self.generator)


class WeightScalingDropout(Dropout):
    """Dropout as first published: 1 − p times `Dropout`, in training and in evaluation.

    The paper multiplies the *weights* that read x by 1 − p; multiplying x is the same thing.
    """

    def forward(self, x: Tensor) -> Tensor:
        """m·x in training, (1 − p)·x in evaluation, any shape."""
        return x * kept(x, self.p, self.generator) if self.training else x * (1 - self.p)
