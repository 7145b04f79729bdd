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
# # L1 and L2: exercises
#
# Four tasks, about forty minutes. Each ends with a cell that answers at once: `✓` right, `○` not written yet, `✗` and why.
# A check calls your function on numbers that it draws afresh each time and compares it with PyTorch, from simple cases to complex ones;
# a `✗` names the first case that differs, and often the slip behind it. Wrong answers cost nothing. Try, read, mend.
#
# In a terminal, `course check 02` says the same of the whole notebook. It looks only at the answer cells: keep your helpers inside them.

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

from course_lib.checks import check

setup()

# %% [markdown]
# ## T1 · Both penalties, in the loss
#
# Return the loss with both penalties added:
#
# $$\text{loss} + \lambda_1 \sum |w_i| + \frac{\lambda_2}{2} \sum w_i^2$$
#
# `loss` is a tensor with one number, `params` a list of tensors as `model.parameters()` gives them, `l1` and `l2` are the two strengths.
# Sum over the *weights*: tensors with at least two dimensions. Biases, and the scale and shift of `BatchNorm` (lesson 07), have one, and go free.
#
# By hand: loss 1, weights $3$ and $-4$. With $\lambda_1 = 0.1$ it is $1.7$, with $\lambda_2 = 0.1$ it is $2.25$.
#
# *Often seen here: a norm where its square belongs; a mean where a sum belongs; a penalty that is computed and never added; biases that pay too.*

# %% tags=["answer:T1"]
def penalised_loss(loss, params, l1, l2):
    """loss + l1·Σ|w| + (l2/2)·Σw² over the weights among `params`."""
    ### BEGIN SOLUTION
    for w in params:
        if w.ndim >= 2:
            loss = loss + l1 * w.abs().sum() + l2 / 2 * w.square().sum()
    return loss
    ### END SOLUTION


# %% tags=["check:T1", "nbval-check-output"]
t1 = check("02/T1", penalised_loss)

# %% [markdown]
# ## T2 · The soft threshold
#
# Move every number of the tensor `x` towards zero by `threshold` ≥ 0, and stop there:
#
# $$S(x, t) = \operatorname{sign}(x)\,\max(|x| - t,\ 0)$$
#
# Return a new tensor of the same shape and dtype; leave `x` alone. By hand: $S(1.5, 0.5) = 1$, $S(-1.5, 0.5) = -1$, $S(0.2, 0.5) = 0$.
# (torch has it under the name `softshrink`. Write it from simpler parts.)
#
# *Often seen here: the sign lost on the way; numbers that are kept but not moved; numbers that come out on the other side of zero.*

# %% tags=["answer:T2"]
def soft_threshold(x, threshold):
    """Every number of `x`, nearer to zero by `threshold`, or zero."""
    ### BEGIN SOLUTION
    return x.sign() * (x.abs() - threshold).clamp(min=0)
    ### END SOLUTION


# %% tags=["check:T2", "nbval-check-output"]
t2 = check("02/T2", soft_threshold)

# %% [markdown]
# Now let it steer: the proximal steps of this picture are taken with *your* function. A wrong one draws too, and can be worth a look.

# %%
from course_lib.explorers import l1_l2 as explore

explore.zeroing.show(update=soft_threshold) if t2.answered else print("Write T2 first.")

# %% [markdown]
# ## T3 · Two groups
#
# Sort the parameters of a model into two groups for an optimizer: weights, with the given `weight_decay`, and all others (biases, and scale and shift of
# normalisation layers such as BatchNorm) with `weight_decay` 0. A group is a dict, `{"params": [...], "weight_decay": ...}`; return a list of two of them. Every parameter is in exactly one.
#
# *Often seen here: going by the name, which lies; normalisation layers that decay with the weights; spared parameters that are in no group, and so are never trained.*

# %% tags=["answer:T3"]
def decay_groups(model, weight_decay):
    """Two parameter groups: weights with `weight_decay`, all other parameters with
    0."""
    ### BEGIN SOLUTION
    weights = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    return [{"params": weights, "weight_decay": weight_decay},
            {"params": others, "weight_decay": 0.0}]
    ### END SOLUTION


# %% tags=["check:T3", "nbval-check-output"]
t3 = check("02/T3", decay_groups)

# %% [markdown]
# ## T4 · Choose λ
#
# A model was trained at several strengths with several seeds. `strengths` lists the λ, in no order; `train`, `validation` and `test` hold a list for each of
# them, with the error of every seed. Return a pair: the λ to choose, and the error to report for it.
#
# - Choose the λ with the lowest mean validation error over the seeds. (The lesson chose one for each seed.)
# - A λ at which any seed diverged (its validation error is NaN or infinite) is no candidate.
# - Of equal means, take the larger λ: smaller weights fit as well, so nothing speaks for the larger ones.
# - Report the mean error on data that played no part in the choice.
#
# *Often seen here: the test data take part in the choice; the luckiest seed decides; NaN, which compares with nothing, is taken for the best.*

# %% tags=["answer:T4"]
def choose_strength(strengths, train, validation, test):
    """(the chosen λ, the error to report)."""
    ### BEGIN SOLUTION
    def mean(errors):
        return sum(errors) / len(errors)

    candidates = [v for v, errors in enumerate(validation)
                  if all(math.isfinite(e) for e in errors)]
    best = min(candidates, key=lambda v: (mean(validation[v]), -strengths[v]))
    return strengths[best], mean(test[best])
    ### END SOLUTION


# %% tags=["check:T4", "nbval-check-output"]
t4 = check("02/T4", choose_strength)

# %% [markdown]
# Try it on real errors: the networks of the lesson under L2, with 200 validation digits, a fifth of them mislabelled like the training digits. That raises every validation error; compare the choice with the lowest point of the L2 curve in the lesson. *This trains for some seconds.*

# %%
from course_lib.experiments.l1_l2.shrinking import STRENGTHS, compute_shrinking


def chosen_for_digits():
    """Your choice among the strengths of the lesson, from three seeds."""
    *_, shrunk = compute_shrinking(seeds=(0, 1, 2))
    columns = (errors[:, 0].T.tolist() for errors in (shrunk.train_error,
                                                      shrunk.validation_error,
                                                      shrunk.test_error))
    return choose_strength(list(STRENGTHS), *columns)


chosen_for_digits() if t4.answered else print("Write T4 first.")
