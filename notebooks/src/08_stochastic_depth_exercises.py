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
# # Stochastic depth: exercises
#
# Four tasks, about forty minutes. Each ends with a cell that answers at once: `✓` right, `○` not written yet, `✗` and why.
# A check cannot know which rows *your* random numbers will drop. It calls your function several hundred times on numbers that it draws afresh, and goes by what every draw must show
# (a row is zero, or rescaled; never half of each) and by the share that is kept. Wrong answers cost nothing. Try, read, mend.
#
# In a terminal, `course check 08` says the same of the whole notebook. It looks only at the answer cells: keep your helpers inside them.
#
# A reminder about letters: `p` is the probability of being **dropped**, as everywhere in torch; `survival` is $p_l = 1 - p$, the probability of being **kept**.

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import setup
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None

import torch

from course_lib.checks import check

setup()

# %% [markdown]
# ## T1 · Drop a path
#
# `x` has shape `[rows, …]`, with any number of axes behind the first. In training, each row becomes zero with probability `p`, and $x/(1-p)$ otherwise;
# in mode `"batch"` all rows share one decision. With `training=False` the result is `x`. Nothing may turn into NaN at `p = 1`.
#
# Draw from `generator`: `torch.rand(shape, generator=generator)` or `torch.empty(shape).bernoulli_(1 - p, generator=generator)`.
# A tensor of shape `[rows, 1, …, 1]` broadcasts against `x` (`[1, 1, …, 1]` in mode `"batch"`); mind its dtype, the check works in float64.
#
# By hand, `p = 0.5`, rows `[1, 2]` and `[3, 4]`: one of `[[0,0],[0,0]]`, `[[2,4],[0,0]]`, `[[0,0],[6,8]]`, `[[2,4],[6,8]]`, each a quarter of the time. The mean of the four is `x`.
#
# *Often seen here: one decision for the batch where rows should decide; a mask drawn element by element, which is dropout; no rescaling; p taken for the survival probability; 0/0 at p = 1.*

# %% tags=["answer:T1"]
def drop_path(x, p, mode="row", training=True, generator=None):
    """Rows of `x` dropped with probability `p`, the others rescaled; "batch": one
    decision for all rows."""
    ### BEGIN SOLUTION
    if not training or p == 0:
        return x
    rows = len(x) if mode == "row" else 1
    alive = (torch.rand([rows] + [1] * (x.ndim - 1), generator=generator, dtype=x.dtype)
             < 1 - p)
    return x * alive / (1 - p) if p < 1 else torch.zeros_like(x)
    ### END SOLUTION


# %% tags=["check:T1", "nbval-check-output"]
t1 = check("08/T1", drop_path)

# %% [markdown]
# Let it drop. Each line is one block of twelve, each column one row of a batch of twenty, drawn by *your* function with the linear rule. A wrong one draws too, and can be worth a look.

# %%
from course_lib.explorers import stochastic_depth as explore

explore.who_is_on.show(layer=drop_path) if t1.answered else print("Write T1 first.")

# %% [markdown]
# ## T2 · The linear rule
#
# $$p_l = 1 - \frac{l}{L}\,(1 - p_L) \qquad l = 1, \dots, L$$
#
# Return the survival probabilities of `depth` $= L$ blocks as a list of numbers, the block next to the input first. `last` is $p_L$.
#
# By hand, four blocks with $p_L = 0.2$: 0.8, 0.6, 0.4, 0.2. And their sum, the expected depth, is 2.
#
# *Often seen here: the rule reversed, so that early blocks are dropped most; drop probabilities instead of survival; a first block that always survives, which is another convention; `last` taken for a drop probability.*

# %% tags=["answer:T2"]
def survival_probabilities(depth, last):
    """[p_1, …, p_L]"""
    ### BEGIN SOLUTION
    return [1 - number / depth * (1 - last) for number in range(1, depth + 1)]
    ### END SOLUTION


# %% tags=["check:T2", "nbval-check-output"]
t2 = check("08/T2", survival_probabilities)

# %% [markdown]
# ## T3 · Wire a block
#
# You are given a batch `x`, a `branch` (a function that keeps the shape), and `drop`, which zeroes some rows of whatever it is given and rescales the others.
# Return the output of a residual block with stochastic depth. One line, and the whole lesson depends on what stands inside the brackets of `drop`.
#
# By hand: if `drop` zeroes every row, the output is `x`.
#
# *Often seen here: the shortcut goes with the branch; the input of the branch is dropped and not its output.*

# %% tags=["answer:T3"]
def residual_block(x, branch, drop):
    """The block's output, of the shape of `x`."""
    ### BEGIN SOLUTION
    return x + drop(branch(x))
    ### END SOLUTION


# %% tags=["check:T3", "nbval-check-output"]
t3 = check("08/T3", residual_block)

# %% [markdown]
# ## T4 · A block that really skips
#
# Now one decision for the whole batch, so that a dropped branch need not be computed: **decide first**, and call `branch(x)` only if its result is used. The check counts the calls.
#
# - training: with probability `survival` (`torch.rand((), generator=generator) < survival`) return $x + \text{branch}(x)/\text{survival}$, else `x`;
# - evaluation (`training=False`): $x + \text{branch}(x)$, no draw, no scale;
# - survival 0: the branch has never been trained. The block is `x`, in evaluation too.
#
# *Often seen here: the branch is computed and then thrown away; zeros in place of `x`; `survival` taken for the drop probability; scaled in evaluation as well.*

# %% tags=["answer:T4"]
def skipping_block(x, branch, survival, training=True, generator=None):
    """The block's output; `branch` is called only where it is needed."""
    ### BEGIN SOLUTION
    if survival == 0:
        return x
    if not training:
        return x + branch(x)
    if torch.rand((), generator=generator) < survival:
        return x + branch(x) / survival
    return x
    ### END SOLUTION


# %% tags=["check:T4", "nbval-check-output"]
t4 = check("08/T4", skipping_block)

# %% [markdown]
# All four `✓`? Then you have written what `timm.layers.DropPath` and `torchvision.ops.StochasticDepth` do, and the one thing that they leave out: not computing what is thrown away.
# Next: lesson 09, where every technique of the course has to earn its place.
