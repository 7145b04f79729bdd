"""Tasks of lesson 10.

Referees: `torch.nn.functional.rms_norm` and `scaled_dot_product_attention` with their gradients,
`scipy.stats.t`; T3 and T4 are in `transformer`.
"""

import math

import torch
from scipy import stats
from torch import nn

from course_lib.checks.judge.cases import away_from_zero, between, normal, positive
from course_lib.checks.judge.task import Mistake, Task, tensors
from course_lib.checks.judge.values import encode
from course_lib.checks.transformer import block, groups

FLOAT = torch.float64


def _differentiated(generator, name, shape, arguments, *args, **kwargs):
    """A case whose answer is called, and a weighted sum of its result [shape] differentiated."""
    return {
        "name": name,
        "driver": "differentiate",
        "arguments": arguments,
        "args": tensors(*args),
        "kwargs": encode(kwargs),
        "weights": encode(normal(generator, *shape).to(args[0].dtype)),
    }


# T1: RMSNorm; output and gradients


def _norm_cases(generator):
    def one(name, x, eps=1e-6, like=FLOAT):
        weight = away_from_zero(generator, x.shape[-1], by=0.5)
        x, weight = x.to(like), weight.to(like)
        return _differentiated(generator, name, x.shape, ("x", "weight"), x, weight, eps=eps)

    return [
        one("one token of three features", torch.tensor([[1.0, 3, 8]]) * positive(generator, 3)),
        one("six tokens of three features", 2 * normal(generator, 6, 3) + 1),
        one("two rows of three tokens", normal(generator, 2, 3, 4) - 1),
        one("as many tokens as features", normal(generator, 4, 4) + 2),
        one("as many rows, too", normal(generator, 3, 3, 3)),
        one("small numbers", 1e-3 * normal(generator, 2, 4)),
        one("a large eps", normal(generator, 5, 2), eps=0.5),
        one("float32", normal(generator, 2, 3, 4), like=torch.float32),
    ]


def norm_by_torch(x, weight, eps=1e-6):
    """RMSNorm by `torch.nn.functional.rms_norm`, over the last axis."""
    return nn.functional.rms_norm(x, x.shape[-1:], weight, eps)


def normed(
    dims=lambda x: (-1,),
    size=lambda square, dims: square.mean(dims, keepdim=True),
    scale=lambda size, eps: (size + eps).rsqrt(),
    gain=lambda weight: weight,
    centre=False,
):
    """`rms_norm` with its screws; `size` of x² along `dims`, `scale` by which x is multiplied."""

    def rms_norm(x, weight, eps=1e-6):
        along = dims(x)
        x = x - x.mean(along, keepdim=True) if centre else x
        return gain(weight) * x * scale(size(x.square(), along), eps)

    return (rms_norm,)


def _deviation(x, weight, eps=1e-6):
    return weight * x / (x.var(-1, correction=0, keepdim=True) + eps).sqrt()


NORM_MISTAKES = (
    Mistake(
        "the mean subtracted",
        "the mean is subtracted first: that is LayerNorm. RMSNorm only divides",
        normed(centre=True),
    ),
    Mistake(
        "the standard deviation",
        "x is divided by its standard deviation, which is taken about the mean: the root mean "
        "square is taken about 0, √(mean x² + ε)",
        (_deviation,),
    ),
    Mistake(
        "eps beside the root",
        "ε is added to the root: it belongs under it, √(mean x² + ε)",
        normed(scale=lambda size, eps: 1 / (size.sqrt() + eps)),
    ),
    Mistake(
        "no eps",
        "ε is left out: it stands under the root, √(mean x² + ε)",
        normed(scale=lambda size, eps: size.rsqrt()),
    ),
    Mistake(
        "the sum",
        "the squares are summed: take their mean, else a wider network has smaller numbers",
        normed(size=lambda square, dims: square.sum(dims, keepdim=True)),
    ),
    Mistake(
        "along the tokens",
        "the mean runs along the tokens: each token has a root mean square of its own, over its "
        "features, `dim=-1`",
        normed(dims=lambda x: (-2,)),
    ),
    Mistake(
        "along the first axis",
        "the mean runs along the first axis, as in a batch norm: it is over the features, "
        "`mean(-1, keepdim=True)`",
        normed(dims=lambda x: (0,)),
    ),
    Mistake(
        "tokens and features together",
        "one root mean square for all tokens of a row: each token has its own",
        normed(dims=lambda x: (-2, -1)),
    ),
    Mistake(
        "weight forgotten",
        "`weight` is never used: the result is multiplied by it, feature by feature",
        normed(gain=lambda weight: 1.0),
    ),
    Mistake(
        "1 + weight",
        "x is multiplied by 1 + weight: that is a convention of some models, whose weight starts "
        "at 0. Here it starts at 1, as in torch",
        normed(gain=lambda weight: 1 + weight),
    ),
    Mistake(
        "no root",
        "the root is missing: divide by √(mean x² + ε), else the result has the wrong unit",
        normed(scale=lambda size, eps: 1 / (size + eps)),
    ),
    Mistake(
        "multiplied by the root",
        "x is multiplied by the root mean square: divide by it (`rsqrt` is one over the root)",
        normed(scale=lambda size, eps: (size + eps).sqrt()),
    ),
    Mistake(
        "detached",
        "the root mean square passes no gradient: it depends on x, so leave it in the graph (no "
        "`detach`, no `no_grad`)",
        normed(scale=lambda size, eps: (size + eps).rsqrt().detach()),
    ),
)

T1 = Task(
    names=("rms_norm",),
    cases=_norm_cases,
    reference=(norm_by_torch,),
    mistakes=NORM_MISTAKES,
    praise="rms_norm: output and gradients equal to torch's in {cases} cases",
)

# T2: attention; output and gradients


def _attention_cases(generator):
    def one(name, *shape, keys=None, features=None, times=1.0, like=FLOAT):
        *rows, queries, d = shape
        keys, features = keys or queries, features or d
        sizes = ((*rows, n, d) for n in (queries, keys))
        q, k = (times * away_from_zero(generator, *size, by=0.5).to(like) for size in sizes)
        if times > 1:
            k[..., 0, :] = q[..., 0, :]  # a score of 30²·√d at least, and e to it overflows
        v = normal(generator, *rows, keys, features).to(like)
        wanted = (*rows, queries, features)
        return _differentiated(generator, name, wanted, ("q", "k", "v"), q, k, v)

    return [
        one("as many tokens as features", 4, 4),
        one("three tokens of two features", 3, 2),
        one("two rows, values of four features", 2, 3, 2, features=4),
        one("two queries, five keys", 2, 3, keys=5),
        one("two rows of three heads", 2, 3, 4, 2, keys=3),
        one("one key", 3, 2, keys=1),
        one("large scores", 3, 4, times=60.0),
        one("float32", 2, 3, 4, like=torch.float32),
    ]


def attention_by_torch(q, k, v):
    """`torch.nn.functional.scaled_dot_product_attention`."""
    return nn.functional.scaled_dot_product_attention(q, k, v)


def attending(
    divisor=lambda q, k, v: q.shape[-1] ** 0.5,
    scores=lambda q, k: q @ k.mT,
    weigh=lambda s: s.softmax(-1),
    mix=lambda a, v: a @ v,
):
    """`attention` with its screws."""

    def attention(q, k, v):
        return mix(weigh(scores(q, k) / divisor(q, k, v)), v)

    return (attention,)


def _values_first(q, k, v):
    return ((q @ k.mT / q.shape[-1] ** 0.5) @ v).softmax(-1)


def _by_hand(s):
    e = s.exp()
    return e / e.sum(-1, keepdim=True)


ATTENTION_MISTAKES = (
    Mistake(
        "no scale",
        "the scores are not scaled: divide them by √d, else those of a wide head grow with √d and "
        "the softmax picks one key alone",
        attending(divisor=lambda q, k, v: 1.0),
    ),
    Mistake(
        "divided by d",
        "the scores are divided by d: it is √d, which keeps their variance at that of one product",
        attending(divisor=lambda q, k, v: q.shape[-1]),
    ),
    Mistake(
        "multiplied by √d",
        "the scores are multiplied by √d: divide by it",
        attending(divisor=lambda q, k, v: q.shape[-1] ** -0.5),
    ),
    Mistake(
        "divided by √tokens",
        "the scores are divided by the root of how many keys there are: d is the number of "
        "features, `q.shape[-1]`",
        attending(divisor=lambda q, k, v: k.shape[-2] ** 0.5),
    ),
    Mistake(
        "divided by √queries",
        "the scores are divided by the root of how many queries there are: d is the last size "
        "of q, its features",
        attending(divisor=lambda q, k, v: q.shape[-2] ** 0.5),
    ),
    Mistake(
        "d of the values",
        "d is taken from v: it is that of q and k, whose products the scores are",
        attending(divisor=lambda q, k, v: v.shape[-1] ** 0.5),
    ),
    Mistake(
        "softmax over the queries",
        "the softmax runs over the queries: each *query* shares itself out among the keys, so its "
        "row sums to 1, `softmax(-1)`",
        attending(weigh=lambda s: s.softmax(-2)),
    ),
    Mistake(
        "softmax over axis 1",
        "the softmax runs over axis 1, which is the keys' only where nothing stands before the "
        "tokens: count from the end, `softmax(-1)`",
        attending(weigh=lambda s: s.softmax(1)),
    ),
    Mistake(
        "scores transposed",
        "the scores are transposed: rows are queries and columns keys, q·kᵀ",
        attending(scores=lambda q, k: k @ q.mT),
    ),
    Mistake(
        "softmax after the values",
        "the softmax comes after v: first the weights, then their mean of the values",
        (_values_first,),
    ),
    Mistake(
        "no softmax",
        "there is no softmax: the weights of a query are ≥ 0 and sum to 1",
        attending(weigh=lambda s: s),
    ),
    Mistake(
        "scaled after the softmax",
        "the softmax is divided by √d, so no row sums to 1: scale the scores before it",
        (lambda q, k, v: (q @ k.mT).softmax(-1) / q.shape[-1] ** 0.5 @ v,),
    ),
    Mistake(
        "exponentials that overflow",
        "e to a large score is infinite, and ∞/∞ is NaN: `torch.softmax` subtracts the largest "
        "first, which changes nothing else",
        attending(weigh=_by_hand),
    ),
    Mistake(
        "keys for values",
        "the mean is one of keys, and v is never used: look by q and k, take from v",
        (lambda q, k, v: attending()[0](q, k, k),),
    ),
    Mistake(
        "weights detached",
        "the weights pass no gradient, so q and k would never learn: leave them in the graph",
        attending(weigh=lambda s: s.softmax(-1).detach()),
    ),
)

T2 = Task(
    names=("attention",),
    cases=_attention_cases,
    reference=(attention_by_torch,),
    mistakes=ATTENTION_MISTAKES,
    praise="attention: output and gradients equal to torch's in {cases} cases",
)

# T5: is a claim carried to another world?

# name → (seeds, distance) at home and here, bounds: the mean difference lies so many standard
# errors, each 0.1, above its bound. Student's 95 % quantiles: 2.57 of 6 seeds, 3.18 of 4, 2.20 of
# 12, 2.09 of 20.
WORLDS = {
    "both well above": ((6, 9.0), (6, 8.0), (0.0, 0.0)),
    "both well below": ((6, -9.0), (6, -8.0), (0.0, 0.0)),
    "opposite": ((6, 9.0), (6, -8.0), (0.0, 0.0)),
    "opposite, below at home": ((6, -8.0), (6, 9.0), (0.0, 0.0)),
    "seeds that matter less": ((6, 5.3), (6, 5.3), (0.0, 0.0)),
    "far more of it here": ((6, 9.0), (6, 60.0), (0.0, 0.0)),
    "in doubt here": ((6, 9.0), (6, 0.5), (0.0, 0.0)),
    "in doubt here, on the other side": ((6, 9.0), (6, -1.4), (0.0, 0.0)),
    "in doubt at home": ((6, 0.5), (6, 9.0), (0.0, 0.0)),
    "in doubt at home, on the other side": ((6, -1.4), (6, 9.0), (0.0, 0.0)),
    "in doubt in both": ((6, 1.0), (6, -1.0), (0.0, 0.0)),
    "less than a bound": ((6, 9.0), (6, -5.0), (1.0, 1.0)),
    "less than a bound, and less than 0": ((6, 9.0), (6, -15.0), (1.0, 1.0)),
    "another bound here": ((6, 9.0), (6, -7.0), (0.3, 1.5)),
    "twenty seeds": ((20, 2.6), (20, -2.6), (0.0, 0.0)),
    "four seeds here": ((12, 5.0), (4, 2.1), (0.0, 0.0)),
    "four seeds here, farther": ((12, -5.0), (4, 2.6), (0.0, 0.0)),
    "four seeds here, at the edge": ((12, 5.0), (4, 2.765), (0.0, 0.0)),
    "four seeds here, just inside": ((12, 5.0), (4, -3.0), (0.0, 0.0)),
    "four seeds here, just outside": ((12, 5.0), (4, 3.4), (0.0, 0.0)),
}
LUCK = {"seeds that matter less": 1.0}  # what a seed gives both arms, in spreads of the difference


def _world_cases(generator):
    def world(n, distance, bound, luck):
        ones = torch.ones(n, 1, dtype=FLOAT)
        axes = torch.linalg.qr(torch.cat([ones, normal(generator, n, 2)], 1)).Q
        d, shared = (n - 1) ** 0.5 * axes[:, 1:].T  # mean 0, standard deviation 1, uncorrelated
        d = bound + 0.1 * (distance + n**0.5 * d)
        shared = 5 + 0.1 * n**0.5 * luck * shared
        return shared + d, shared

    def one(name, home, here, bounds):
        pairs = [world(*at, bound, LUCK.get(name, 8.0)) for at, bound in zip((home, here), bounds)]
        unit = between(generator, 0.5, 2)  # of the scores
        return {
            "name": name,
            "driver": "call",
            "arguments": ("home", "here", "bound"),
            "args": tensors(
                *(tuple(unit * arm for arm in pair) for pair in pairs),
                tuple(unit * bound for bound in bounds),
            ),
        }

    return [one(name, *given) for name, given in WORLDS.items()]


def carried_by_scipy(home, here, bound):
    """The verdict by the t intervals of `scipy.stats`."""
    sides = []
    for (a, b), limit in zip((home, here), bound):
        d = (a - b).tolist()
        low, high = stats.t.interval(0.95, len(d) - 1, loc=sum(d) / len(d), scale=stats.sem(d))
        sides.append(int(low > limit) - int(high < limit))
    return judged(*sides)


def judged(home, here):
    """The word for two sides: 1 above the bound, −1 below, 0 undecided."""
    if home == 0:
        return "not asked"
    return "undecided" if here == 0 else "carries over" if home == here else "does not"


def _t(n):
    return stats.t.ppf(0.975, n - 1)


def _error(a, b):
    return ((a - b).std() / len(a) ** 0.5).item()


def carrier(quantile=_t, error=_error, bounds=lambda bound: bound, word=judged, sign=1):
    """`carried` with its screws: the half width is quantile(n)·error(a, b)."""

    def carried(home, here, bound):
        sides = []
        for (a, b), limit in zip((home, here), bounds(bound)):
            off = sign * (a - b).mean().item() - limit
            half = float(quantile(len(a))) * error(a, b)
            sides.append((off > half) - (off < -half))
        return word(*sides)

    return (carried,)


def _welch(a, b):
    return math.sqrt((a.var() + b.var()).item() / len(a))


def _arms(a, b):
    return (a.std() + b.std()).item() / len(a) ** 0.5


def _overlap(home, here, bound):
    ends = []
    for (a, b), limit in zip((home, here), bound):
        mean, half = (a - b).mean().item(), _t(len(a)) * _error(a, b)
        if abs(mean - limit) <= half:
            return "undecided" if ends else "not asked"
        ends.append((mean - half, mean + half))
    (low, high), (other_low, other_high) = ends
    return "carries over" if low <= other_high and other_low <= high else "does not"


WORLD_MISTAKES = (
    Mistake(
        "means compared",
        "only the means are compared: ask on which side of the bound the whole *interval* lies",
        carrier(quantile=lambda n: 0.0),
    ),
    Mistake(
        "one standard error",
        "the interval is one standard error wide on each side: multiply by Student's quantile",
        carrier(quantile=lambda n: 1.0),
    ),
    Mistake(
        "not paired",
        "the variances of the two arms are added, as if they had not shared their seeds: take the "
        "difference seed by seed first, then its standard deviation",
        carrier(error=_welch),
    ),
    Mistake(
        "intervals of the arms",
        "each arm has an interval of its own, and it is asked whether they overlap: overlap "
        "decides nothing of the difference. One interval, of the differences",
        carrier(error=_arms),
    ),
    Mistake(
        "no √n",
        "the half width lacks √n: it is that of single seeds. The mean of n has t·s/√n",
        carrier(error=lambda a, b: (a - b).std().item()),
    ),
    Mistake(
        "z for t",
        "1.96 is for many seeds: with n of them Student's quantile for n − 1 degrees of freedom "
        "is larger, 3.18 for four",
        carrier(quantile=lambda n: 1.96),
    ),
    Mistake(
        "one-sided",
        "that is the interval at 90 %: 2.5 % are cut off on each side, so the quantile is that of "
        "0.975",
        carrier(quantile=lambda n: stats.t.ppf(0.95, n - 1)),
    ),
    Mistake(
        "n degrees of freedom",
        "the quantile is that of n degrees of freedom: one is spent on the mean, n − 1 are left",
        carrier(quantile=lambda n: stats.t.ppf(0.975, n)),
    ),
    Mistake(
        "divisor n",
        "the standard deviation has divisor n: n − 1 (torch's default) does not flatter",
        carrier(error=lambda a, b: ((a - b).std(correction=0) / len(a) ** 0.5).item()),
    ),
    Mistake(
        "home's bound",
        "the bound of home is asked of both: it is restated here, `bound[1]`",
        carrier(bounds=lambda bound: (bound[0], bound[0])),
    ),
    Mistake(
        "no bound",
        "the intervals are asked about 0: ask about the bound of each world",
        carrier(bounds=lambda bound: (0.0, 0.0)),
    ),
    Mistake("sign", "the difference is the wrong way round: with minus without", carrier(sign=-1)),
    Mistake(
        "undecided called does not",
        "an interval that holds the bound says nothing: `undecided`. Not to have shown a thing is "
        "not to have shown its contrary",
        carrier(word=lambda a, b: "not asked" if a == 0 else judged(a, b or -a)),
    ),
    Mistake(
        "undecided here comes first",
        "home comes first: where it was not decided there is nothing to carry, whatever is found "
        "here",
        carrier(word=lambda a, b: "undecided" if b == 0 else judged(a, b)),
    ),
    Mistake(
        "asked all the same",
        "where home was not decided there is no claim to carry: `not asked`, whatever is found",
        carrier(word=lambda a, b: "undecided" if a == 0 else judged(a, b)),
    ),
    Mistake(
        "in doubt at home, so it does not",
        "where home was not decided nothing can fail to carry over: `not asked`",
        carrier(word=lambda a, b: judged(a, b) if a else "does not" if b else "undecided"),
    ),
    Mistake(
        "only above counts",
        "only a claim that lies above its bound is counted as decided: wholly below decides too, "
        "and below in both worlds carries over",
        carrier(word=lambda a, b: "not asked" if a < 1 else judged(a, b)),
    ),
    Mistake(
        "do the worlds overlap",
        "the intervals of the two worlds are compared with each other: each is asked about its own "
        "bound, and far more of an effect is still the same claim",
        (_overlap,),
    ),
)

T5 = Task(
    names=("carried",),
    cases=_world_cases,
    reference=(carried_by_scipy,),
    mistakes=WORLD_MISTAKES,
    praise="carried: the right one of four words in {cases} pairs of worlds",
)

TASKS = {"T1": T1, "T2": T2, "T3": groups.T3, "T4": block.T4, "T5": T5}
