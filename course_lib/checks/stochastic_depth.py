"""Tasks of lesson 08. Referee: `torch.bernoulli`, as `torchvision.ops.stochastic_depth` uses it.

The checks go by what every draw must show and by the share that is kept, so that it does not matter
how an answer turns random numbers into decisions.
"""

import torch

from course_lib.checks.judge.cases import away_from_zero, between, call, whole
from course_lib.checks.judge.masks import BY_OBSERVED, OBSERVED_NOTE
from course_lib.checks.judge.task import Mistake, Task, tensors
from course_lib.checks.judge.values import encode

# of one decision for the batch: a share of 0.3 is then known to 0.1 by five standard deviations
DRAWS = 600
DROPS = (0.1, 0.3, 0.7, 0.9)  # probabilities that are told from their complements


def choose(generator, values=DROPS):
    """One of `values`, drawn afresh."""
    return values[whole(generator, 0, len(values))]


def by_bernoulli(
    x, p, mode="row", training=True, generator=None, *, size=None, scale=lambda p: 1 / (1 - p)
):
    """Return x times b/(1 − p); `size` of b and `scale` are the screws that make mistakes of it."""
    if not training or p == 0:
        return x.clone()
    size = size or [len(x) if mode == "row" else 1] + [1] * (x.ndim - 1)
    b = torch.bernoulli(torch.full(size, 1 - p, dtype=x.dtype), generator=generator)
    return x * b * (scale(p) if p < 1 else 1)


# T1: drop_path


def _path_cases(generator):
    def one(name, *shape, p, **options):
        x = away_from_zero(generator, *shape, by=0.5)
        return {**call(name, ("x", "p"), x, p, **options), "may_share": True}

    def many(name, draws, *shape, **options):
        p = choose(generator)
        x = encode(away_from_zero(generator, *shape, by=0.5))
        return {
            "name": f"{name}, p = {p}",
            "driver": "drops",
            "x": x,
            "options": encode({"p": p, **options}),
            "draws": draws,
            "seed": whole(generator, 0, 2**31),
        }

    return [
        one("p = 0", 2, 3, p=0.0),
        many("evaluation", 40, 4, 3, training=False),
        many("rows", 200, 6, 3, mode="row"),
        many("images", 80, 8, 2, 2, mode="row"),
        many("the whole batch", DRAWS, 4, 2, mode="batch"),
        one("p = 1", 4, 3, p=1.0),
        one("p = 1, the whole batch", 2, 2, 2, p=1.0, mode="batch"),
    ]


def _one_decision(x, p, mode="row", training=True, generator=None):
    return by_bernoulli(x, p, "batch", training, generator)


def _row_by_row(x, p, mode="row", training=True, generator=None):
    return by_bernoulli(x, p, "row", training, generator)


def _by_entry(x, p, mode="row", training=True, generator=None):
    return by_bernoulli(x, p, mode, training, generator, size=x.shape)


def _by_column(x, p, mode="row", training=True, generator=None):
    return by_bernoulli(
        x, p, mode, training, generator, size=x.shape[-1:] if mode == "row" else None
    )


def with_scale(scale):
    """Dropping with another factor than 1/(1 − p)."""

    def answer(x, p, mode="row", training=True, generator=None):
        return by_bernoulli(x, p, mode, training, generator, scale=scale)

    return (answer,)


def _survival_for_drop(x, p, mode="row", training=True, generator=None):
    return by_bernoulli(x, 1 - p, mode, training, generator)


def _survival_for_drop_scaled_right(x, p, mode="row", training=True, generator=None):
    return (
        by_bernoulli(x, 1 - p, mode, training, generator, scale=lambda q: 1 / q)
        if 0 < p < 1
        else x.clone()
    )


def _in_evaluation_too(x, p, mode="row", training=True, generator=None):
    return by_bernoulli(x, p, mode, True, generator)


def _scaled_in_evaluation(x, p, mode="row", training=True, generator=None):
    return by_bernoulli(x, p, mode, True, generator) * (1 - p) if training else x * (1 - p)


def _divided_by_nothing(x, p, mode="row", training=True, generator=None):
    return by_bernoulli(x, p, mode, training, generator) if p < 1 or not training else x * 0 / 0


def _own_randomness(x, p, mode="row", training=True, generator=None):
    return by_bernoulli(x, p, mode, training)


PATH_MISTAKES = (
    Mistake(
        "one decision for the batch",
        'mode "row" takes one decision for the whole batch: draw one number per row, in the shape '
        "[rows, 1, …, 1]",
        (_one_decision,),
    ),
    Mistake(
        "rows in batch mode",
        'mode "batch" decides row by row: there the whole batch shares one draw',
        (_row_by_row,),
    ),
    Mistake(
        "element by element",
        "the mask is drawn element by element: that is dropout. A row is kept as a whole or "
        "dropped as a whole",
        (_by_entry,),
    ),
    Mistake(
        "by column",
        "the decisions run along the last axis: one per feature, shared by the rows. They belong "
        "to the first axis",
        (_by_column,),
    ),
    Mistake(
        "no rescale",
        "what is kept is not rescaled: divide by 1 − p, or the next layer gets too little on "
        "average",
        with_scale(lambda p: 1.0),
    ),
    Mistake(
        "scale by 1 − p",
        "what is kept is multiplied by 1 − p: divide by it, so that the mean over the draws is x",
        with_scale(lambda p: 1 - p),
    ),
    Mistake(
        "survival taken as drop probability",
        "p is taken for the survival probability: `p` is the probability of being dropped, 1 − p "
        "survives",
        (_survival_for_drop,),
    ),
    Mistake(
        "drawn with p, scaled with 1 − p",
        "rows survive with probability p and not with 1 − p: p is the probability of being dropped",
        (_survival_for_drop_scaled_right,),
    ),
    Mistake(
        "dropping in evaluation",
        "it drops in evaluation too: with `training=False` the result is x",
        (_in_evaluation_too,),
    ),
    Mistake(
        "scaled in evaluation",
        "it scales by 1 − p in evaluation and not in training: the paper's way. Here training "
        "rescales, and "
        "`training=False` gives x",
        (_scaled_in_evaluation,),
    ),
    Mistake(
        "0/0",
        "with p = 1 nothing survives, and 0/0 is NaN: divide only where something is left",
        (_divided_by_nothing,),
    ),
    Mistake(
        "generator ignored",
        "`generator` is not used: hand it to the function that draws, so that one seed gives one "
        "result",
        (_own_randomness,),
    ),
)

PATH_NOTES = {
    BY_OBSERVED: OBSERVED_NOTE,
    "one seed gives one result": (
        "two generators with one seed give different results, or two seeds the same result: "
        "draw from `generator`"
    ),
    "the gradient is the mask": (
        "no gradient comes through, or another than the mask: stay with ordinary tensor "
        "operations on x"
    ),
}


T1 = Task(
    names=("drop_path",),
    cases=_path_cases,
    reference=(by_bernoulli,),
    mistakes=PATH_MISTAKES,
    praise="drop_path: right in {cases} cases, two of them at the ends of [0, 1]",
    notes=PATH_NOTES,
)

# T2: the linear rule


def rule_by_torch(depth, last):
    """p_0 = 1 … p_L = last evenly, without p_0: the line of the paper, by `torch.linspace`."""
    return torch.linspace(1, last, depth + 1, dtype=torch.float64)[1:].tolist()


def _rule_cases(generator):
    def one(name, depth, last):
        return call(name, ("depth", "last"), depth, last)

    return [
        one("four blocks", 4, choose(generator, (0.2, 0.4, 0.8))),
        one("one block", 1, between(generator, 0.1, 0.4)),
        one("many blocks", whole(generator, 10, 60), between(generator, 0.55, 0.95)),
        one("the last block is always dropped", 5, 0.0),
        one("nothing is ever dropped", 3, 1.0),
    ]


def rule(probability):
    """probability(k, L, last) of block k = 1 … L, as an answer."""
    return (lambda depth, last: [float(probability(k, depth, last)) for k in range(1, depth + 1)],)


RULE_MISTAKES = (
    Mistake(
        "rule reversed",
        "the rule runs the wrong way: early blocks are dropped most. All others build on them, so "
        "they survive most",
        rule(lambda k, L, last: 1 - (L + 1 - k) / L * (1 - last)),
    ),
    Mistake(
        "rule reversed, from zero",
        "the rule runs the wrong way: it ends at 1 for the last block. Survival falls with l, down "
        "to `last`",
        rule(lambda k, L, last: 1 - (1 - k / L) * (1 - last)),
    ),
    Mistake(
        "drop probabilities",
        "these are drop probabilities: survival is 1 minus them",
        rule(lambda k, L, last: k / L * (1 - last)),
    ),
    Mistake(
        "last taken as drop probability",
        "`last` is taken for the drop probability of the last block: it is its survival, so 1 − "
        "last is dropped",
        rule(lambda k, L, last: 1 - k / L * last),
    ),
    Mistake(
        "linspace",
        "the first block always survives: that is `linspace(0, rate, L)`, another convention. The "
        "formula gives the "
        "first block 1 − (1/L)(1 − last)",
        rule(lambda k, L, last: 1 - (k - 1) / max(L - 1, 1) * (1 - last)),
    ),
    Mistake(
        "counted from zero",
        "the blocks are counted from 0, so the last one never comes down to `last`: count l = 1 … "
        "L",
        rule(lambda k, L, last: 1 - (k - 1) / L * (1 - last)),
    ),
    Mistake(
        "uniform",
        "all blocks get the same probability: that is the uniform rule, the linear one falls from "
        "block to block",
        rule(lambda k, L, last: last),
    ),
    Mistake(
        "product",
        "the probabilities are multiplied up from block to block: they fall on a straight line",
        rule(lambda k, L, last: last ** (k / L)),
    ),
)

T2 = Task(
    names=("survival_probabilities",),
    cases=_rule_cases,
    reference=(rule_by_torch,),
    mistakes=RULE_MISTAKES,
    praise="survival_probabilities: on the line in {cases} cases",
)

# T3: where the dropping goes


def branch_case(generator, name, **more):
    """A case with x [4, 3] and the weight and bias of a branch."""
    x, weight, bias = (
        away_from_zero(generator, *shape, by=0.5) for shape in ((4, 3), (3, 3), (3,))
    )
    return {"name": name, "x": encode(x), "branch": tensors(weight / 3, bias), **more}


def _wire_cases(generator):
    def one(name, *rows):
        mask = torch.tensor(rows, dtype=torch.float64).unsqueeze(1)
        return branch_case(generator, name, driver="wire", mask=encode(mask))

    scale = 1 / (1 - choose(generator))
    return [
        one("nothing dropped, no scale", 1.0, 1.0, 1.0, 1.0),
        one("every row dropped", 0.0, 0.0, 0.0, 0.0),
        one("some rows dropped", scale, 0.0, scale, 0.0),
    ]


WIRE_MISTAKES = (
    Mistake(
        "shortcut dropped",
        "the shortcut is dropped together with the branch, so a dropped row is lost for all later "
        "blocks: drop the "
        "branch alone",
        (lambda x, branch, drop: drop(x + branch(x)),),
    ),
    Mistake(
        "shortcut dropped, branch kept",
        "the shortcut is dropped and the branch is kept: it is the other way round",
        (lambda x, branch, drop: drop(x) + branch(x),),
    ),
    Mistake(
        "dropped before the branch",
        "the input of the branch is dropped: a branch makes something of zeros too (biases, "
        "normalisation). Drop what "
        "comes out of it",
        (lambda x, branch, drop: x + branch(drop(x)),),
    ),
    Mistake(
        "no shortcut",
        "the shortcut is missing: a dropped row becomes zero, and nothing is left for the next "
        "block",
        (lambda x, branch, drop: drop(branch(x)),),
    ),
    Mistake("nothing dropped", "`drop` is never used", (lambda x, branch, drop: x + branch(x),)),
)

T3 = Task(
    names=("residual_block",),
    cases=_wire_cases,
    reference=(lambda x, branch, drop: x + drop(branch(x)),),
    mistakes=WIRE_MISTAKES,
    praise="residual_block: the branch is dropped, the shortcut stays, in {cases} cases",
)

# T4: a block that really skips


def block(
    scale=lambda s: 1 / s,
    survive=lambda s: s,
    lost=False,
    lazy=True,
    at_zero=True,
    evaluate=lambda s: 1.0,
    drop_in_evaluation=False,
):
    """A block with one decision for the batch, and its screws."""

    def answer(x, branch, survival, training=True, generator=None):
        if survival == 0 and at_zero:
            return x.clone()
        if not training and not drop_in_evaluation:
            return x + evaluate(survival) * branch(x)
        residual = None if lazy else branch(x)
        if torch.rand((), generator=generator, dtype=torch.float64) >= survive(survival):
            return torch.zeros_like(x) if lost else x.clone()
        return x + scale(survival) * (branch(x) if lazy else residual)

    return (answer,)


def _block_cases(generator):
    def one(name, survival, training, draws):
        options = encode({"survival": survival, "training": training})
        seed = whole(generator, 0, 2**31)
        return branch_case(generator, name, driver="skips", options=options, draws=draws, seed=seed)

    survival = choose(generator)
    return [
        one("survival 1", 1.0, True, 3),
        one(f"evaluation, survival {survival}", survival, False, 3),
        one(f"training, survival {survival}", survival, True, DRAWS),
        one("training, survival 0", 0.0, True, 3),
        one("evaluation, survival 0", 0.0, False, 3),
    ]


def _all_rescaled(x, branch, survival, training=True, generator=None):
    if survival == 0:
        return x.clone()
    if not training:
        return x + branch(x)
    kept = torch.rand((), generator=generator) < survival
    return (x + branch(x)) / survival if kept else x.clone()


BLOCK_MISTAKES = (
    Mistake(
        "the shortcut rescaled",
        "the shortcut is divided by `survival` too: only the branch is, x + branch(x)/survival",
        (_all_rescaled,),
    ),
    Mistake(
        "computed all the same",
        "the branch is computed before it is decided whether it is needed: nothing is saved. "
        "Decide first",
        block(lazy=False),
    ),
    Mistake(
        "shortcut lost",
        "a dropped block returns zeros: the shortcut stays, so return x",
        block(lost=True),
    ),
    Mistake(
        "no rescale",
        "the branch that is kept is not rescaled: divide it by the survival probability",
        block(scale=lambda s: 1.0),
    ),
    Mistake(
        "survival taken as drop probability",
        "`survival` is taken for the drop probability: the branch is computed with probability "
        "`survival`",
        block(survive=lambda s: 1 - s, scale=lambda s: 1 / (1 - s) if s < 1 else 1.0),
    ),
    Mistake(
        "skipped with probability survival, rescaled by 1/survival",
        "the block is skipped with probability `survival`, and should be computed with it",
        block(survive=lambda s: 1 - s),
    ),
    Mistake(
        "scaled in evaluation too",
        "the branch is multiplied by the survival probability in evaluation, though training has "
        "rescaled it already",
        block(evaluate=lambda s: s),
    ),
    Mistake(
        "scaled in evaluation",
        "that is the paper's way, a factor `survival` in evaluation and none in training: here "
        "training rescales",
        block(scale=lambda s: 1.0, evaluate=lambda s: s),
    ),
    Mistake(
        "dropping in evaluation",
        "blocks are skipped in evaluation too: there every block is computed",
        block(drop_in_evaluation=True),
    ),
    Mistake(
        "untrained branch",
        "with survival 0 the branch was never trained, and in evaluation it is added all the same: "
        "the block is its "
        "shortcut alone",
        block(at_zero=False),
    ),
)

T4 = Task(
    names=("skipping_block",),
    cases=_block_cases,
    reference=block(),
    mistakes=BLOCK_MISTAKES,
    praise="skipping_block: computes only what it needs, in {cases} cases",
)

TASKS = {"T1": T1, "T2": T2, "T3": T3, "T4": T4}
