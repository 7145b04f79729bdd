"""A pre-norm block with stochastic depth, branch by branch and row by row.

Referee: `torch.bernoulli`. What an answer drew is read off its result by `judge.blocks`.
"""

import torch

from course_lib.checks.judge import blocks
from course_lib.checks.judge.cases import away_from_zero, normal, positive, whole
from course_lib.checks.judge.masks import BY_OBSERVED, OBSERVED_NOTE
from course_lib.checks.judge.task import Mistake, Task, tensors
from course_lib.checks.judge.values import encode

DRAWS = 300  # of two decisions in each of four rows
DROPS = (0.2, 0.3, 0.7, 0.8)  # probabilities that are told from their complements


def _block_cases(generator):
    def one(name, p, training, draws=0):
        return {
            "name": name,
            "driver": "block",
            "x": encode(away_from_zero(generator, 4, 4, 6, by=0.5)),
            "affine": encode([(positive(generator, 6), normal(generator, 6)) for _ in range(2)]),
            "mixing": tensors(normal(generator, 6, 3), normal(generator, 6, 3)),
            "hyper": encode({"p": p, "training": training}),
            "draws": draws,
            "seed": whole(generator, 0, 2**31),
        }

    p = DROPS[whole(generator, 0, len(DROPS))]
    return [
        one("nothing is dropped", 0.0, True),
        one("evaluation", p, False),
        one("training", p, True, draws=DRAWS),
        one("everything is dropped", 1.0, True),
        one("evaluation, p = 1", 1.0, False),
    ]


def bernoulli(shape=lambda x: (len(x), 1, 1), scale=lambda p: 1 / (1 - p), on=lambda p: 1 - p):
    """drop(branch, p, training, generator) by `torch.bernoulli`, with its screws."""

    def drop(x, p, training, generator):
        if not training or p == 0:
            return x
        kept = torch.full(shape(x), on(p), dtype=x.dtype)
        return x * torch.bernoulli(kept, generator=generator) * (scale(p) if p < 1 else 1.0)

    return drop


PLAIN_DROP = bernoulli()


def wired(
    step=lambda x, branch, norm, drop: x + drop(branch(norm(x))), drop=PLAIN_DROP, second=None
):
    """`block` with its screws: one `step` for each branch, `second` for the MLP's if it differs."""

    def block(x, attention, mlp, norm1, norm2, p, training=True, generator=None):
        def dropping(part):
            return drop(part, p, training, generator)

        x = step(x, attention, norm1, dropping)
        return (second or step)(x, mlp, norm2, dropping)

    return (block,)


def _plain_step(x, branch, norm, drop):
    return x + branch(norm(x))


def _post_norm(x, branch, norm, drop):
    return norm(x + drop(branch(x)))


def _normed_shortcut(x, branch, norm, drop):
    x = norm(x)
    return x + drop(branch(x))


def _one_mask(x, attention, mlp, norm1, norm2, p, training=True, generator=None):
    mask = PLAIN_DROP(torch.ones_like(x[:, :1, :1]), p, training, generator)
    x = x + mask * attention(norm1(x))
    return x + mask * mlp(norm2(x))


def _parallel(x, attention, mlp, norm1, norm2, p, training=True, generator=None):
    parts = (attention(norm1(x)), mlp(norm2(x)))
    return x + sum(PLAIN_DROP(part, p, training, generator) for part in parts)


def _mlp_first(x, attention, mlp, norm1, norm2, p, training=True, generator=None):
    return wired()[0](x, mlp, attention, norm2, norm1, p, training, generator)


def _exchanged(x, attention, mlp, norm1, norm2, p, training=True, generator=None):
    return wired()[0](x, attention, mlp, norm2, norm1, p, training, generator)


def _one_norm(x, attention, mlp, norm1, norm2, p, training=True, generator=None):
    return wired()[0](x, attention, mlp, norm1, norm1, p, training, generator)


def _whichever(training):
    """Dropping that takes `training` for this."""
    return lambda x, p, _, generator: PLAIN_DROP(x, p, training, generator)


def _papers_way(x, p, training, generator):
    return bernoulli(scale=lambda p: 1.0)(x, p, True, generator) if training else x * (1 - p)


def _divided_by_nothing(x, p, training, generator):
    return PLAIN_DROP(x, p, training, generator) if p < 1 or not training else x * 0 / 0


BLOCK_MISTAKES = (
    Mistake(
        "post-norm",
        "the norm stands behind the sum: that is a post-norm block. Here it stands before the "
        "branch, x + f(norm(x)), and the shortcut passes no norm",
        wired(_post_norm),
    ),
    Mistake(
        "the shortcut normed",
        "the shortcut goes through the norm: only the branch does, x + f(norm(x))",
        wired(_normed_shortcut),
    ),
    Mistake(
        "no norm",
        "the norms are never used: each branch gets norm(x)",
        wired(lambda x, branch, norm, drop: x + drop(branch(x))),
    ),
    Mistake(
        "norm behind the branch",
        "the norm stands behind the branch: it belongs before it, f(norm(x))",
        wired(lambda x, branch, norm, drop: x + drop(norm(branch(x)))),
    ),
    Mistake(
        "norms exchanged",
        "the norms are exchanged: norm1 is attention's, norm2 the MLP's",
        (_exchanged,),
    ),
    Mistake("one norm", "norm1 stands before both branches: the MLP has norm2", (_one_norm,)),
    Mistake(
        "in parallel",
        "the MLP does not see what attention has added: first x, with attention's part, then the "
        "MLP of that",
        (_parallel,),
    ),
    Mistake("the MLP first", "the MLP comes first: attention does", (_mlp_first,)),
    Mistake(
        "no shortcut",
        "the shortcut is missing: a row whose branch is dropped becomes zero",
        wired(lambda x, branch, norm, drop: drop(branch(norm(x)))),
    ),
    Mistake(
        "shortcut dropped",
        "the shortcut is dropped together with the branch, so the row is lost for all later "
        "blocks: x + drop(f(norm(x)))",
        wired(lambda x, branch, norm, drop: drop(_plain_step(x, branch, norm, drop))),
    ),
    Mistake(
        "dropped before the branch",
        "the input of the branch is dropped: a branch makes something of zeros too. Drop what "
        "comes out of it",
        wired(lambda x, branch, norm, drop: x + branch(drop(norm(x)))),
    ),
    Mistake(
        "token by token",
        "each token decides for itself: a row, all its tokens, is kept or dropped as a whole, with "
        "a mask of shape [rows, 1, 1]",
        wired(drop=bernoulli(lambda x: (*x.shape[:2], 1))),
    ),
    Mistake(
        "number by number",
        "each number decides for itself: that is dropout. Draw one number a row and branch, in the "
        "shape [rows, 1, 1]",
        wired(drop=bernoulli(lambda x: x.shape)),
    ),
    Mistake(
        "one decision for the batch",
        "one decision for all rows: draw as many numbers as there are rows",
        wired(drop=bernoulli(lambda x: (1, 1, 1))),
    ),
    Mistake(
        "position by position",
        "the mask has the shape [tokens, 1], which broadcasts over the rows: decide row by row, "
        "[rows, 1, 1]",
        wired(drop=bernoulli(lambda x: (x.shape[1], 1))),
    ),
    Mistake(
        "one mask for both", "both branches share one decision: draw anew for the MLP", (_one_mask,)
    ),
    Mistake(
        "only attention",
        "only attention is dropped: the MLP is a branch of its own",
        wired(second=_plain_step),
    ),
    Mistake(
        "only the MLP",
        "only the MLP is dropped: attention is a branch of its own",
        wired(_plain_step, second=lambda x, branch, norm, drop: x + drop(branch(norm(x)))),
    ),
    Mistake("nothing dropped", "`p` is never used: nothing is dropped", wired(_plain_step)),
    Mistake(
        "no rescale",
        "what is kept is not rescaled: divide it by 1 − p, so that the mean over the draws is the "
        "branch",
        wired(drop=bernoulli(scale=lambda p: 1.0)),
    ),
    Mistake(
        "scaled by 1 − p",
        "what is kept is multiplied by 1 − p: divide by it",
        wired(drop=bernoulli(scale=lambda p: 1 - p)),
    ),
    Mistake(
        "survival for drop",
        "p is taken for the probability of surviving: it is that of being dropped",
        wired(drop=bernoulli(on=lambda p: p, scale=lambda p: 1 / p)),
    ),
    Mistake(
        "drawn with p, scaled with 1 − p",
        "branches survive with probability p: draw with 1 − p (`rand(…) >= p`)",
        wired(drop=bernoulli(on=lambda p: p)),
    ),
    Mistake(
        "dropping in evaluation",
        "branches are dropped in evaluation too: with `training=False` all are there, as they are",
        wired(drop=_whichever(True)),
    ),
    Mistake(
        "the paper's way",
        "that multiplies by 1 − p in evaluation and not in training: here training rescales",
        wired(drop=_papers_way),
    ),
    Mistake(
        "0/0",
        "with p = 1 nothing survives, and 0/0 is NaN: divide only where something is left",
        wired(drop=_divided_by_nothing),
    ),
    Mistake(
        "generator ignored",
        "`generator` is not used: hand it to the function that draws, so that one seed gives one "
        "result",
        wired(drop=lambda x, p, training, _: PLAIN_DROP(x, p, training, None)),
    ),
)

T4 = Task(
    names=("block",),
    cases=_block_cases,
    reference=wired(),
    mistakes=BLOCK_MISTAKES,
    praise="block: right in {cases} cases, branch by branch and row by row",
    notes={
        BY_OBSERVED: OBSERVED_NOTE,
        blocks.STEADY: "the result changes from call to call where nothing is left to chance",
        blocks.ALL_ROWS: "all rows fall together, or none does: draw one number a row",
        blocks.TOGETHER: "attention and MLP always fall together: draw anew for each branch",
        "one seed gives one result": (
            "two generators with one seed give different results, or all seeds the same: draw "
            "from `generator`"
        ),
        "the gradient is that of what was kept": (
            "no gradient comes through, or another than that of the branches that were kept: stay "
            "with ordinary operations on x"
        ),
    },
)
