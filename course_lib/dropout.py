"""Dropout: what does it do to a network to lose half of its units at every step, and who puts them
back?

    training      m ~ Bernoulli(1 − p), entry by entry        y = m·x/(1 − p)       E[y] = x,  Var[y] = x²·p/(1 − p)
    evaluation    y = x

x: activations (any shape) · p: probability that an entry is dropped, set to zero · m: 1 where it is
kept.
Dividing by 1 − p while training, "inverted" dropout, is what lets evaluation alone: the mean is
right already.
Same as `torch.nn.functional.dropout`, except for `generator=` and `p` as a tensor; other masks come
out of one seed. Source: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, "Dropout", JMLR
2014 (where x is *not* divided in training and is multiplied by 1 − p in evaluation:
`WeightScalingDropout`).
"""

import torch
from torch import nn

from course_lib.base.arguments import require


def dropout(x, p=0.5, training=True, generator=None):
    """Drop each entry of `x` with probability `p` and divide the others by 1 − p; `x` itself unless
    `training`.

    p: a number in [0, 1], or a tensor of such that broadcasts against `x`: [V, 1, 1] for V models.
    Where it adds axes to `x`, the models share one uniform field and so drop more and more of the
    same entries as p grows.
    generator: where the masks come from, on the device of `x`; None: torch's own. Returns a new
    tensor of the dtype
    of `x`; its gradient is the mask, m/(1 − p). At p = 1 everything is zero. A dropped −3 is −0.0,
    a dropped ∞ is NaN (as in torch: both are x·0). Raises `ValueError` for p outside [0, 1] or NaN,
    and for an `x` of whole numbers.
    """
    _require_probability(p)
    if not (x.is_floating_point() or x.is_complex()):
        raise ValueError(f"x has dtype {x.dtype}: must be floating point, for x/(1 − p) to fit")
    if not training:
        return x
    return (x * kept(x, p, generator) / (1 - p + (p == 1))).to(
        x.dtype
    )  # y = m·x/(1 − p); at p = 1, 0/1


def kept(x, p, generator=None):
    """The mask m: True, with probability 1 − p, where an entry of `x` is kept. One u for each,
    uniform on [0, 1).

    Drawn in float32 whatever the dtype of `x`: in half precision u has too few values for the share
    to be p.
    """
    return torch.rand(x.shape, generator=generator, device=x.device) >= p


def _require_probability(p):
    if not isinstance(p, torch.Tensor) or p.ndim == 0:
        require("p", p, high=1.0, open_high=False)
    elif not ((p >= 0) & (p <= 1)).all():  # a NaN is in no range
        outside = p[~((p >= 0) & (p <= 1))][0].item()
        raise ValueError(f"p holds {outside}: must be finite numbers in [0, 1]")


class Dropout(nn.Module):
    """`dropout` as a layer: drops in training mode, does nothing in evaluation mode.

    Same as `torch.nn.Dropout`, except that it has no `inplace`, takes a `generator`, and refuses a
    NaN at once.
    """

    def __init__(self, p=0.5, *, generator=None):
        super().__init__()
        _require_probability(p)
        self.p, self.generator = p, generator

    def forward(self, x):
        return dropout(x, self.p, self.training, self.generator)

    def extra_repr(self):
        return f"p={self.p}"


class MCDropout(Dropout):
    """Dropout that goes on dropping in evaluation mode: each call answers with another thinned
    network.

    The spread of many answers is read as uncertainty: Gal & Ghahramani, "Dropout as a Bayesian
    Approximation", 2016.
    """

    def forward(self, x):
        return dropout(x, self.p, True, self.generator)


class WeightScalingDropout(Dropout):
    """Dropout as first published: m·x in training, (1 − p)·x in evaluation, which is 1 − p times
    `Dropout` in both.

    The paper multiplies the *weights* that read x by 1 − p; multiplying x is the same thing.
    """

    def forward(self, x):
        return x * kept(x, self.p, self.generator) if self.training else x * (1 - self.p)
