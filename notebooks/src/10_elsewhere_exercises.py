# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Elsewhere: exercises
#
# Five tasks, about an hour: the two pieces that a transformer is made of, who is decayed in one, a block of it with stochastic depth, and the question of the lesson: does a claim hold in another world? T1 and T4 take up the norm of *Deeper: as torch has it*; T4 also needs lesson 08.
# Each ends with a cell that answers at once: `✓` right, `○` not written yet, `✗` and why. Wrong answers cost nothing. Try, read, mend.
#
# A check calls your function on inputs drawn afresh. In a terminal, `course check 10` says the same of the whole notebook; it looks only at the answer cells, so keep your helpers inside them.

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import setup
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None

import math

import torch
from scipy.special import stdtrit
from torch import nn

from course_lib.checks import check

setup()

# %% [markdown]
# ## T1 · RMSNorm
#
# $$\text{RMSNorm}(x) = \gamma\,\frac{x}{\sqrt{\text{mean}(x^2) + \varepsilon}}$$
#
# `x` has shape `[…, tokens, features]`; the mean runs over the features, so each token has a size of its own. `weight` is γ, one number for each feature. The check compares output and gradients with torch's.
#
# By hand: $x = (1, 7)$, $\gamma = (1, 1)$, ε negligible. The squares are 1 and 49, their mean is 25, its root 5: $(0.2, 1.4)$. With $\gamma = (2, 0.5)$: $(0.4, 0.7)$.
#
# *Often seen here: the mean subtracted, which is LayerNorm; ε beside the root; a sum where the mean belongs; the mean along the tokens; γ forgotten, or 1 + γ; no root; a `detach`.*

# %% tags=["answer:T1"]
def rms_norm(x, weight, eps=1e-6):
    """Every token over its root mean square, times `weight`; the shape of `x`."""
    ### BEGIN SOLUTION
    return weight * x * (x.square().mean(-1, keepdim=True) + eps).rsqrt()
    ### END SOLUTION


# %% tags=["check:T1", "nbval-check-output"]
t1 = check("10/T1", rms_norm)

# %% [markdown]
# ## T2 · Attention
#
# $$\text{attention}(Q, K, V) = \text{softmax}\!\left(\frac{QK^\top}{\sqrt d}\right)V$$
#
# `q` has shape `[…, queries, d]`, `k` `[…, keys, d]`, `v` `[…, keys, features]`, and the result `[…, queries, features]`. Rows and heads may stand in front, so count axes from the end: `k.mT` exchanges the last two. There may be more keys than queries, values may have another width, and scores may be large. Do not call torch's own function: write it.
#
# By hand: one query that fits both of two keys equally gets the mean of their values, whatever $d$ is. With $d = 4$, $q = (2, 0, 0, 0)$, and keys that begin with $\ln 3$ and 0 and are 0 else: the scores are $\ln 3$ and $0$, the weights ¾ and ¼.
#
# *Often seen here: no scale, or $1/d$; the root of the number of tokens; a softmax over the queries; scores transposed; a softmax that comes after $V$; exponentials that overflow.*

# %% tags=["answer:T2"]
def attention(q, k, v):
    """For each query a mean of the values, weighted by how well the keys fit."""
    ### BEGIN SOLUTION
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    return scores.softmax(-1) @ v
    ### END SOLUTION


# %% tags=["check:T2", "nbval-check-output"]
t2 = check("10/T2", attention)

# %% [markdown]
# ## T3 · Who is decayed?
#
# Lessons 02 and 04 went by `ndim`: matrices decay, vectors do not. In a transformer that is a decision nobody has taken: embeddings are matrices, and a token that is rarely seen shrinks at every step all the same. Here they are spared, so go by the *type of the module* that holds a parameter. Return groups for `torch.optim.AdamW`, dicts with `params` and `weight_decay`:
#
# - **not decayed** (0.0): all of `nn.Embedding` (tokens, positions), all of LayerNorm, RMSNorm, GroupNorm and BatchNorm (1d, 2d, 3d), and every bias, a parameter whose own name ends in `bias`;
# - **decayed** (`weight_decay`): all others: weights of linear layers, convolutions and `nn.MultiheadAttention`;
# - a tensor that an embedding **shares** with another module (often with the last layer) counts as the embedding's, whoever is registered first; each tensor stands in exactly one group;
# - **frozen** parameters (`requires_grad` is False) are in no group.
#
# For models of torch's own modules. Useful: `model.modules()`, `module.parameters(recurse=False)`, `model.named_parameters()`; parameters are hashed by identity, so a `set` of them works. (`p in a_list` does not: it compares numbers.)
#
# By hand: `nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 4), nn.LayerNorm(4))` has five parameters. One decays.
#
# *Often seen here: embeddings decayed, by `ndim`; only biases spared; names believed; RMSNorm forgotten, which is no LayerNorm; a shared tensor listed twice; frozen ones taken along; `in_proj_weight` missed, which attention holds itself.*

# %% tags=["answer:T3"]
def decay_groups(model, weight_decay):
    """Parameter groups for AdamW: what decays, and what does not."""
    ### BEGIN SOLUTION
    spared = (nn.Embedding, nn.LayerNorm, nn.RMSNorm, nn.GroupNorm,
              nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    held = {p for module in model.modules() if isinstance(module, spared)
            for p in module.parameters(recurse=False)}
    decayed, rest = [], []
    for name, p in model.named_parameters():
        if p.requires_grad:
            (rest if p in held or name.endswith("bias") else decayed).append(p)
    return [{"params": decayed, "weight_decay": weight_decay},
            {"params": rest, "weight_decay": 0.0}]
    ### END SOLUTION


# %% tags=["check:T3", "nbval-check-output"]
t3 = check("10/T3", decay_groups)

# %% [markdown]
# ## T4 · A block that drops its branches
#
# A pre-norm transformer block (Xiong et al., *On layer normalization in the transformer architecture*, 2020, arXiv:2002.04745) with the stochastic depth of lesson 08:
#
# $$h = x + \text{drop}\big(\text{attention}(\text{norm}_1(x))\big) \qquad y = h + \text{drop}\big(\text{mlp}(\text{norm}_2(h))\big)$$
#
# `x` has shape `[rows, tokens, width]`; the four functions are handed to you and keep it. In training `drop` makes a whole row of its argument zero with probability `p`, and divides it by $1 - p$ otherwise: one decision for each row and branch. With `training=False` it does nothing. At `p = 1` nothing may turn into NaN. Draw from `generator`.
#
# By hand: $p = 0.5$, and all parts give 1 for everything. A number of $x$ becomes $x$, $x + 2$ or $x + 4$, with probabilities ¼, ½ and ¼: on average $x + 2$, as in evaluation.
#
# *Often seen here: the norm behind the sum; a decision for each token, or one for the batch; both branches under one decision; no rescaling; the shortcut dropped too; dropping in evaluation.*

# %% tags=["answer:T4"]
def block(x, attention, mlp, norm1, norm2, p, training=True, generator=None):
    """A pre-norm block whose branches are dropped row by row; the shape of `x`."""
    ### BEGIN SOLUTION
    def drop(branch):
        if not training or p == 0:
            return branch
        if p == 1:
            return torch.zeros_like(branch)
        kept = torch.rand(len(x), 1, 1, generator=generator, dtype=x.dtype) < 1 - p
        return branch * kept / (1 - p)

    x = x + drop(attention(norm1(x)))
    return x + drop(mlp(norm2(x)))
    ### END SOLUTION


# %% tags=["check:T4", "nbval-check-output"]
t4 = check("10/T4", block)

# %% [markdown]
# ## T5 · Does it carry over?
#
# A claim says that a difference lies beyond a bound: "with decay more than 30 points more are right". At home it was measured; now it is asked of another world, **here**. `home` and `here` are pairs of tensors, the scores with and without the method, seed by seed: both arms of a seed share its data. The two worlds may have different numbers of seeds. `bound` is a pair as well, the bound at home and the bound as it is restated here, for a point does not mean the same everywhere.
#
# In each world take the differences *with − without*, and Student's 95 % interval of their mean,
#
# $$\bar d \pm t\,\frac{s}{\sqrt n},$$
#
# where $s$ has the divisor $n - 1$ and `stdtrit(n - 1, 0.975)` is $t$. A world **decides** if its whole interval lies on one side of its bound, above *or* below. Return
#
# - `"not asked"` if home does not decide, whatever is found here;
# - else `"undecided"` if here does not;
# - `"carries over"` if both decide the same way, `"does not"` if they decide opposite ways.
#
# By hand: three differences 1, 2, 3 have $\bar d = 2$, $s = 1$, $t = 4.30$, so the interval is $2 \pm 2.48$: it does not decide about 0. With 1.96 for $t$ it would.
#
# *Often seen here: means compared; the two arms given an interval each; 1.96 for four seeds; no $\sqrt n$; home's bound asked of both; "undecided" read as "does not".*

# %% tags=["answer:T5"]
def carried(home, here, bound):
    """One of "carries over", "does not", "undecided", "not asked"."""
    ### BEGIN SOLUTION
    sides = []
    for (score_with, score_without), limit in zip((home, here), bound):
        d = score_with - score_without
        n = len(d)
        half = stdtrit(n - 1, 0.975) * d.std().item() / math.sqrt(n)
        off = d.mean().item() - limit
        sides.append("above" if off > half else "below" if off < -half else None)
    if sides[0] is None:
        return "not asked"
    if sides[1] is None:
        return "undecided"
    return "carries over" if sides[0] == sides[1] else "does not"
    ### END SOLUTION


# %% tags=["check:T5", "nbval-check-output"]
t5 = check("10/T5", carried)

# %% [markdown]
# How often does it say so when it should not? Here is a claim that is true in neither world, both differences being zero on average, asked two thousand times with four seeds each. Home decides by accident in about 5 of a hundred, and then half of what is decided here agrees.

# %%
def by_accident(carried, times=2000, seeds=4):
    """How often each word is said of two worlds in which nothing differs."""
    g = torch.Generator().manual_seed(0)
    said = {}
    for _ in range(times):
        scores = torch.randn(2, 2, seeds, generator=g, dtype=torch.float64)
        word = carried(tuple(scores[0]), tuple(scores[1]), (0.0, 0.0))
        said[word] = said.get(word, 0) + 1
    return said


print(by_accident(carried) if t5 else "T5 first.")

# %% [markdown]
# All five `✓`? Then you have written what stands in every large transformer, and the question that its papers leave open: *does it hold for mine?*
# Take a claim of any lesson, your own network and eight seeds, write the bound down first, and ask `carried`.
