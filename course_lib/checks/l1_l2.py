"""Tasks of lesson 02.

Referees: `torch.linalg.vector_norm`, `torch.nn.functional.softshrink`, and plain counting.
"""

import math
import statistics

import torch
from torch.nn.functional import softshrink

from course_lib.checks.adamw import GROUP_MISTAKES, model_cases, sorter
from course_lib.checks.judge.cases import away_from_zero, between, call, normal, whole
from course_lib.checks.judge.task import Mistake, Task

# T1: both penalties, in the loss


def penalised_by_torch(loss, params, l1, l2):
    """The loss with both penalties by `torch.linalg.vector_norm`."""
    norm = torch.linalg.vector_norm
    weights = [p for p in params if p.ndim >= 2]
    return loss + sum(l1 * norm(p, 1) + l2 / 2 * norm(p) ** 2 for p in weights)


def _penalty_cases(generator):
    def draw(*shape):
        return away_from_zero(generator, *shape, by=0.2)

    def one(name, params, l1=0.0, l2=0.0):
        loss = torch.tensor(between(generator, 0.5, 2.0), dtype=torch.float64)
        case = call(name, ("loss", "params", "l1", "l2"), loss, params, l1, l2)
        return {**case, "slopes": ("loss", "params")}

    def strength():
        return between(generator, 0.05, 0.5)

    two = torch.tensor([[3.0, -4.0]], dtype=torch.float64)
    # the fourth tensor is no bias: by dimensions
    network = [draw(4, 3), draw(4), draw(4), draw(2, 4), draw(2)]
    return [
        one("two weights, L1", [two], l1=strength()),
        one("two weights, L2", [two], l2=strength()),
        one("a layer with its bias, L1", [draw(2, 3), draw(2)], l1=strength()),
        one("a layer with its bias, L2", [draw(2, 3), draw(2)], l2=strength()),
        one("a network with a norm, both", network, l1=strength(), l2=strength()),
        one("a convolution, both", [draw(3, 2, 2, 2), draw(3)], l1=strength(), l2=strength()),
        one("no strength at all", network),
    ]


def _sum_of_magnitudes(p):
    return p.abs().sum()


def _half_sum_of_squares(p):
    return p.square().sum() / 2


def penalised(
    size1=_sum_of_magnitudes, size2=_half_sum_of_squares, biases=False, sign=1, collect=sum
):
    """A `penalised_loss` with one screw turned; size1, size2: what `l1` and `l2` multiply."""

    def penalised_loss(loss, params, l1, l2):
        weights = [p for p in params if biases or p.ndim >= 2]
        return loss + sign * collect([l1 * size1(p) + l2 * size2(p) for p in weights])

    return (penalised_loss,)


def _no_gradient(loss, params, l1, l2):
    return penalised()[0](loss, [p.detach() for p in params], l1, l2)


def _matrices_only(loss, params, l1, l2):
    return penalised()[0](loss, [p for p in params if p.ndim == 2], l1, l2)


PENALTY_MISTAKES = (
    Mistake(
        "a penalty without gradient",
        "the loss has the right value, but no gradient of the penalty reaches the weights, so "
        "nothing is regularized: keep it a tensor, no `.item()`, `.detach()`, `.data`, `float(…)`",
        (_no_gradient,),
    ),
    Mistake(
        "matrices only",
        "the weights of a convolution have four dimensions and go free: `ndim >= 2`, not `== 2`",
        (_matrices_only,),
    ),
    Mistake(
        "penalty not added",
        "the penalty is computed and never added: what comes out is the bare loss",
        (lambda loss, params, l1, l2: loss.clone(),),
    ),
    Mistake(
        "penalty alone",
        "only the penalty comes out: add it to the loss",
        (lambda loss, params, l1, l2: penalised()[0](torch.zeros_like(loss), params, l1, l2),),
    ),
    Mistake(
        "subtracted", "the penalty is subtracted: that rewards large weights", penalised(sign=-1)
    ),
    Mistake(
        "norm instead of squared norm",
        "that is the norm ‖w‖ where L2 has its square: no root",
        penalised(size2=lambda p: p.norm() / 2),
    ),
    Mistake(
        "norm instead of squared norm",
        "that is the norm ‖w‖ where L2 has its square: no root",
        penalised(size2=lambda p: p.norm()),
    ),
    Mistake(
        "½ forgotten",
        "the ½ of (l2/2)‖w‖² is missing: that pulls twice as hard",
        penalised(size2=lambda p: p.square().sum()),
    ),
    Mistake(
        "mean instead of sum",
        "that is a mean over the weights: a penalty is their sum, or the size of a layer would set "
        "its strength",
        penalised(lambda p: p.abs().mean(), lambda p: p.square().mean() / 2),
    ),
    Mistake(
        "biases included",
        "biases and norm parameters are penalised too: only tensors with at least two dimensions "
        "are weights",
        penalised(biases=True),
    ),
    Mistake(
        "sign left in L1",
        "L1 sums magnitudes: without the absolute value, negative weights cancel positive ones",
        penalised(size1=lambda p: p.sum()),
    ),
    Mistake(
        "l1 and l2 exchanged",
        "the strengths are exchanged: l1 belongs to Σ|w|, l2 to ½Σw²",
        (lambda loss, params, l1, l2: penalised()[0](loss, params, l2, l1),),
    ),
    Mistake(
        "last tensor only",
        "only the last weight tensor counts: the sum is overwritten where it should grow",
        penalised(collect=lambda parts: parts[-1]),
    ),
)

T1 = Task(
    names=("penalised_loss",),
    cases=_penalty_cases,
    reference=(penalised_by_torch,),
    mistakes=PENALTY_MISTAKES,
    praise="penalised_loss: equal to torch's norms in {cases} cases, biases and norms left alone",
)

# T2: the soft threshold


def soft_threshold_cases(generator):
    """Three numbers (large, small, negative); shapes, dtypes, thresholds of nothing and of all."""

    def one(name, x, threshold):
        return call(name, ("x", "threshold"), x, threshold)

    def draw(*shape, dtype=torch.float64):
        return normal(generator, *shape).to(dtype)

    def amount():
        return 0.3 + 0.6 * torch.rand((), generator=generator, dtype=torch.float64).item()

    return [
        one(
            "three numbers",
            torch.tensor([1.5, -0.1, -1.5], dtype=torch.float64) * (1 + draw(3).abs() / 2),
            amount(),
        ),
        one("six numbers", draw(6), amount()),
        one("at the threshold itself", torch.tensor([0.5, -0.5, 0.0], dtype=torch.float64), 0.5),
        one("threshold zero", draw(4), 0.0),
        one("a threshold that takes everything", draw(4), 10.0),
        one("a matrix", draw(3, 4), amount()),
        one("no dimensions", draw(), amount()),
        one("no elements", draw(0, 3), amount()),
        one("four dimensions", draw(2, 3, 1, 2), amount()),
        *(
            one(f"{dtype}".removeprefix("torch."), draw(5, dtype=dtype), amount())
            for dtype in FLOATS
        ),
    ]


FLOATS = (torch.float32, torch.float16, torch.bfloat16)

THRESHOLD_MISTAKES = (
    Mistake(
        "sign lost",
        "the sign is lost: negative numbers must stay negative, so multiply by the sign of x at "
        "the end",
        (lambda x, threshold: (x.abs() - threshold).clamp(min=0),),
    ),
    Mistake(
        "hard threshold",
        "that is the hard threshold: what is kept must also shrink, by the threshold",
        (lambda x, threshold: torch.where(x.abs() > threshold, x, torch.zeros_like(x)),),
    ),
    Mistake(
        "nothing cut off",
        "numbers below the threshold come out on the other side of zero: they must become exactly "
        "zero",
        (lambda x, threshold: x - threshold * x.sign(),),
    ),
    Mistake(
        "one side only",
        "only positive numbers are treated: shrink the magnitude, whatever the sign",
        (lambda x, threshold: (x - threshold).clamp(min=0),),
    ),
)

T2 = Task(
    names=("soft_threshold",),
    cases=soft_threshold_cases,
    reference=(softshrink,),
    mistakes=THRESHOLD_MISTAKES,
    praise="soft_threshold: equal to torch's softshrink in {cases} cases and four dtypes",
    notes={"shares memory": "the result is `x` itself or shares its memory: return a new tensor"},
)

# T3: who is penalised. Cases and mistakes are those of lesson 04, where the groups go to AdamW.


T3 = Task(
    names=("decay_groups",),
    cases=model_cases,
    reference=(sorter(lambda name, p, module: p.ndim > 1),),
    mistakes=GROUP_MISTAKES,
    praise="decay_groups: every parameter is where it belongs in {cases} models",
)

# T4: choose λ on validation data


def _finite(errors):
    return all(map(math.isfinite, errors))


def chosen(strengths, train, validation, test):
    """(strength, mean test error there) of the lowest mean validation error with no run diverged.

    Of equal ones the strongest.
    """
    whole = [v for v, errors in enumerate(validation) if _finite(errors)]
    best = min(whole, key=lambda v: (mean(validation[v]), -strengths[v]))
    return strengths[best], mean(test[best])


def mean(errors):
    """The mean of a list of numbers."""
    return sum(errors) / len(errors)


def choice_cases(generator):
    """Errors in 64ths over four seeds, so that equal means are equal.

    Training, validation and test disagree.
    """

    def one(name, strengths, train, validation, test):
        order = torch.randperm(len(strengths), generator=generator).tolist()
        columns = [strengths, *(list(map(seeds, means)) for means in (train, validation, test))]
        columns = [[column[i] for i in order] for column in columns]
        return call(name, ("strengths", "train", "validation", "test"), *columns)

    def seeds(middle):
        """Four errors with the mean `middle`/64; negative: a run that diverged, three others."""
        if middle < 0:
            return [math.nan, *[-middle / 64] * 3]
        off = torch.randint(0, 3, (2,), generator=generator).tolist()
        return [(middle + o) / 64 for o in (off[0], -off[0], off[1], -off[1])]

    def shift():
        return whole(generator, 0, 4)

    def written(name, strengths, *validation):
        """A table whose validation errors, in 64ths, are these."""
        means = [round(min(sum(errors), 400) / len(errors)) for errors in validation]
        others = means[::-1]  # training and test would choose another
        case = one(name, strengths, [m - 6 for m in others], means, [m + 1 for m in others])
        rows = case["args"]["list"]
        for row, strength in enumerate(rows[0]["list"]):
            errors = [e / 64 for e in validation[strengths.index(strength)]]
            order = torch.randperm(len(errors), generator=generator).tolist()
            rows[2]["list"][row]["list"] = [errors[i] for i in order]
        return case

    k = shift()
    return [
        one("three strengths", [0.0, 0.1, 1.0], [4, 8, 20], [20 + k, 14 + k, 24 + k], [21, 16, 23]),
        one(
            "test would choose another",
            [0.0, 0.1, 1.0, 3.0],
            [4, 9, 13, 30],
            [25, 18, 14, 33],
            [22, 12, 16, 31],
        ),
        lucky(one("one lucky seed", [0.0, 0.3, 3.0], [4, 9, 15], [24, 17, 22], [25, 16, 21])),
        one("a run that diverged", [0.01, 0.1, 1.0], [6, 9, -50], [22, 15, -50], [23, 17, -50]),
        one(
            "a run that diverged beside good ones",
            [0.01, 0.1, 1.0],
            [6, 9, -2],
            [22, 15, -2],
            [23, 17, -2],
        ),
        one("a tie", [0.0, 0.1, 0.3, 1.0], [5, 7, 9, 20], [19, 16, 16, 25], [20, 15, 18, 26]),
        written("a mean that is infinite", [0.03, 0.3], [10, 12, 11, 11], [4, 4, 4, math.inf]),
        # by the mean the first: by the worst seed, by squares, and within a tenth the second
        written("one bad seed", [0.1, 0.3], [8, 8, 8, 40 + k], [17, 17, 17, 17 + k]),
        # by the mean the first, by any median the second
        written("two seeds apart", [0.3, 0.1], [10, 14, 22, 22], [12, 12, 12, 44 + k]),
        # a weaker one that is best, and a stronger one within a twentieth
        written("close, and not equal", [0.01, 1.0], [40, 41, 39, 40], [41, 42, 40, 41]),
    ]


def lucky(case):
    """The case with one validation error of the worst strength far below all, its mean kept."""
    validation = case["args"]["list"][2]["list"]
    worst = max(validation, key=lambda errors: sum(errors["list"]))
    total = sum(worst["list"])
    worst["list"] = [1 / 64, *[(total - 1 / 64) / 3] * 3]
    return case


def choose(by="validation", report="test", score=mean, usable=_finite, prefer=-1, pick=min):
    """A `choose_strength` with one screw turned.

    score(errors) of the strengths that are usable(errors); prefer: −1 the stronger of equals, 1 the
    weaker.
    """

    def choose_strength(strengths, train, validation, test):
        errors = {"train": train, "validation": validation, "test": test}
        places = [v for v in range(len(strengths)) if usable(errors[by][v])]
        best = pick(places, key=lambda v: (score(errors[by][v]), prefer * strengths[v]))
        return strengths[best], mean(errors[report][best])

    return (choose_strength,)


def _place(strengths, train, validation, test):
    strength, error = chosen(strengths, train, validation, test)
    return strengths.index(strength), error


def nan_first(errors):
    """As torch's argmin and Python's min order it: a mean that is NaN comes before every number."""
    return -math.inf if not _finite(errors) else mean(errors)


def _larger_of_close(strengths, train, validation, test):
    places = [v for v in range(len(strengths)) if _finite(validation[v])]
    best = min(mean(validation[v]) for v in places)
    place = max((v for v in places if mean(validation[v]) <= 1.1 * best), key=strengths.__getitem__)
    return strengths[place], mean(test[place])


CHOICE_MISTAKES = (
    Mistake(
        "chosen on test data",
        "λ is chosen by the test error: whatever is then reported is too good. Choose on "
        "validation data",
        choose(by="test"),
    ),
    Mistake(
        "chosen on training data",
        "λ is chosen by the training error, which falls as λ goes to 0: choose on validation data",
        choose(by="train"),
    ),
    Mistake(
        "validation error reported",
        "the error reported is that of the validation data λ was chosen on: report the test error",
        choose(report="validation"),
    ),
    Mistake(
        "the median seed",
        "that is the median over the seeds: the task compares means",
        choose(score=statistics.median),
    ),
    Mistake(
        "the worst seed",
        "that goes by the worst seed of each λ: compare means over the seeds",
        choose(score=max),
    ),
    Mistake(
        "the larger of close ones",
        "a larger λ is taken although its mean is higher: only of *equal* means take the larger",
        (_larger_of_close,),
    ),
    Mistake(
        "the luckiest seed",
        "that is the best single seed: compare means over the seeds",
        choose(score=min),
    ),
    Mistake(
        "NaN taken as best",
        "a strength whose run diverged (NaN) is chosen: torch's argmin takes NaN for the smallest. "
        "Leave it out",
        choose(score=nan_first, usable=lambda errors: True),
    ),
    Mistake(
        "NaN skipped",
        "the diverged seed is left out and the others speak for it: a strength that diverges is no "
        "candidate",
        choose(
            score=lambda errors: mean([e for e in errors if math.isfinite(e)]),
            usable=lambda errors: True,
        ),
    ),
    Mistake(
        "weakest of equals",
        "of equal validation errors take the larger λ: the simpler model",
        choose(prefer=1),
    ),
    Mistake(
        "place for value", "that is the place in the list: return the strength itself", (_place,)
    ),
    Mistake(
        "the worst",
        "that is the largest validation error: an error should be small",
        choose(pick=max),
    ),
)

T4 = Task(
    names=("choose_strength",),
    cases=choice_cases,
    reference=(chosen,),
    mistakes=CHOICE_MISTAKES,
    praise="choose_strength: right in {cases} tables",
)

TASKS = {"T1": T1, "T2": T2, "T3": T3, "T4": T4}
