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
# # Overfitting: exercises
#
# Four tasks, about 45 minutes. Each ends with a cell that answers at once: `✓` right, `○` not written yet, `✗` and why.
# A check calls your function on numbers that it draws afresh each time, from simple cases to complex ones;
# a `✗` names the first case that differs, and often the slip behind it. Wrong answers cost nothing. Try, read, mend.
#
# In a terminal, `course check 01` says the same of the whole notebook. It looks only at the answer cells: keep your helpers inside them.

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
# ## T1 · Early stopping
#
# Training is played back to you: in epoch $k$ the weights move by `updates[k]` (in place, as an optimizer moves them), and then the validation loss is `losses[k]`. Complete the loop.
#
# - An epoch is an improvement if its loss is strictly lower than the best so far. NaN, *not a number*, is neither below nor above anything, so it is never an improvement.
# - Stop as soon as `patience` epochs in a row were none (or when `losses` come to their end).
# - Return the weights of the *best* epoch and the number of epochs trained. If no epoch was an improvement, return the weights as the last update left them.
#
# By hand: start 0, every update adds 1, losses 5, 3, 2, 2.5, NaN, 3, 1 and patience 3: the best weights are 3, and 6 epochs were trained. The 1 is never seen.
#
# *Often seen here: the last weights instead of the best; `best = w`, which is the same tensor and moves on; patience counted from the last rise, or never set back; a NaN that becomes the best.*

# %% tags=["answer:T1"]
def train(start, updates, losses, patience):
    """(best weights, epochs trained); `start` stays as it is."""
    w = start.clone()
    ### BEGIN SOLUTION
    best_w, best, waited, epochs = w, math.inf, 0, 0
    for update, loss in zip(updates, losses):
        w += update
        epochs += 1
        if loss < best:  # false for NaN
            best_w, best, waited = w.clone(), loss, 0
        else:
            waited += 1
        if waited == patience:
            break
    return best_w, epochs
    ### END SOLUTION


# %% tags=["check:T1", "nbval-check-output"]
t1 = check("01/T1", train)

# %% [markdown]
# ## T2 · Bias and variance from an array
#
# `predictions` is [models, points]: what models, fitted to different training sets, say at the same points. `targets` is [points], the truth without noise. Return bias² and variance at each point, two tensors [points].
# The variance has divisor *models*, so that the two add up to the mean squared error exactly.
#
# By hand: two models say 1 and 3 where the truth is 1. Bias² 1, variance 1.
#
# *Often seen here: a variance across points instead of across models; the divisor models − 1; squaring before averaging.*

# %% tags=["answer:T2"]
def bias_variance(predictions, targets):
    """(bias², variance), each [points]."""
    ### BEGIN SOLUTION
    mean = predictions.mean(0)
    return (mean - targets) ** 2, ((predictions - mean) ** 2).mean(0)
    ### END SOLUTION


# %% tags=["check:T2", "nbval-check-output"]
t2 = check("01/T2", bias_variance)

# %% [markdown]
# ## T3 · Read the learning curves
#
# Four trainings of twelve epochs, drawn up for this task. Solid: training loss. Dashed: validation loss. The cross is the loss on a test set that was looked at once, at the end.

# %%
import matplotlib.pyplot as plt

from course_lib.checks.overfitting import CURVES

figure, axes = plt.subplots(1, 4, figsize=(9, 2.8), sharey=True, layout="constrained")
for ax, (name, run) in zip(axes, CURVES.items()):
    for part, style in (("training", "-"), ("validation", "--")):
        ax.plot(range(1, 13), run[part], linestyle=style, label=part)
    ax.plot(12, run["test"], "X", markersize=8, label="test, at the end")
    ax.set(title=name, xlabel="epoch", xticks=(1, 6, 12))
axes[0].set_ylabel("loss")
axes[1].legend(fontsize=7, loc="lower left")
plt.show()

# %%
print("A: epoch     ", *(f"{epoch:5}" for epoch in range(1, 13)))
for part in ("training", "validation"):
    print(f"   {part:<10}", *(f"{loss:5.2f}" for loss in CURVES["A"][part]))

# %% [markdown]
# For each picture one of `"overfitting"`, `"underfitting"`, `"train longer"`, `"leak"` (validation rows were trained on). And for A: which epoch's weights would you keep (counted from 1), and how large is the generalization gap, in loss, at that epoch?

# %% tags=["answer:T3"]
### BEGIN SOLUTION
a = "overfitting"
b = "underfitting"
c = "train longer"
d = "leak"
keep_a = 6
gap_a = 0.94 - 0.38
### END SOLUTION

# %% tags=["check:T3", "nbval-check-output"]
t3 = check("01/T3", a, b, c, d, keep_a, gap_a)

# %% [markdown]
# ## T4 · A split without a leak
#
# `order` is a list of the row numbers of `x` [rows, columns] in random order. The first `validation_rows` of them are for validation, the others, in this order, for training. Standardise every column: subtract the mean of its *training* part and divide by the standard deviation of that part (divisor $n$, `correction=0`), which then has mean 0 and standard deviation 1; a column that is constant there is only centred.
# Return the two parts, training first.
#
# *Often seen here: mean and standard deviation of all rows, so that validation leaks into training; validation rows scaled by themselves; a division by zero.*

# %% tags=["answer:T4"]
def split(x, order, validation_rows):
    """(training rows, validation rows), standardised by what the training rows know."""
    ### BEGIN SOLUTION
    validation, training = x[order[:validation_rows]], x[order[validation_rows:]]
    mean, scale = training.mean(0), training.std(0, correction=0)
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    return (training - mean) / scale, (validation - mean) / scale
    ### END SOLUTION


# %% tags=["check:T4", "nbval-check-output"]
t4 = check("01/T4", split)

# %% [markdown]
# All four `✓`? Then you know what memorising looks like, and how to notice it in time.
# Next: lesson 02, two penalties that make it harder, and what they do to which weights.
