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
# # Dropout: exercises
#
# Four tasks, about forty minutes. Each ends with a cell that answers at once: `✓` right, `○` not written yet, `✗` and why.
# Where your answer throws dice, the check does not ask for the same masks as ours. It throws so many that chance cannot hide a slip, and looks at what all right answers share.
# Wrong answers cost nothing. Try, read, mend.
#
# In a terminal, `course check 06` says the same of the whole notebook. It looks only at the answer cells: keep your helpers inside them.

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import setup
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None

import torch
from torch import nn

from course_lib.checks import check

setup()

# %% [markdown]
# ## T1 · Dropout
#
# While training, each entry of `x` is dropped with probability `p`, on its own; what is kept is rescaled so that the mean of the result is `x`. In evaluation the result is `x`.
#
# $$y = \frac{m\,x}{1-p} \qquad m = 1 \text{ with probability } 1-p, \text{ else } 0$$
#
# `torch.rand(shape, generator=generator)` gives numbers drawn uniformly from [0, 1). At `p = 1` everything is dropped, and nothing is NaN. Leave `x` as it is.
#
# By hand: $x = (1, 2, 3)$, $p = 0.5$, the second entry dropped: $(2, 0, 6)$.
#
# *Often seen here: nothing rescaled; multiplied by 1 − p instead of divided; p taken as the probability to keep; one mask for all rows of the batch; dropping in evaluation.*

# %% tags=["answer:T1"]
def dropout(x, p=0.5, training=True, generator=None):
    """Drop each entry of x with probability p and rescale the rest; x itself in
    evaluation."""
    ### BEGIN SOLUTION
    if not training:
        return x
    if p == 1:
        return torch.zeros_like(x)
    kept = torch.rand(x.shape, generator=generator) >= p
    return x * kept / (1 - p)
    ### END SOLUTION


# %% tags=["check:T1", "nbval-check-output"]
t1 = check("06/T1", dropout)

# %% [markdown]
# Now let it drop: the first picture of the lesson, its masks thrown by *your* function. A wrong one draws too, and can be worth a look.

# %%
from course_lib.explorers import dropout as explore

explore.masks.show(layer=dropout) if t1.answered else print("Write T1 first.")

# %% [markdown]
# ## T2 · Read a printout
#
# The lecture that the lesson quotes feeds one random tensor twice through one dropout layer, once in each mode, and prints what comes out. It says that neurons are dropped in train mode only, and of the numbers nothing. Here are both prints, with their signs.

# %%
first = torch.tensor([[-0.0000,  3.7545,  4.3769,  0.0000,  0.0000],
                      [ 0.4759,  0.7142,  1.8560, -1.8215,  0.0000],
                      [ 0.0000,  0.0000,  0.8545, -1.1291, -0.0000],
                      [-0.0383,  2.3208, -0.3911,  2.5771,  0.0000],
                      [ 0.0000, -0.0000,  0.0000,  0.0000,  0.0000],
                      [ 0.6956,  0.0000, -0.0000,  2.9860,  0.2500],
                      [-0.9978, -2.0387,  0.0000,  0.5153, -0.0000],
                      [-0.0000,  0.0000, -0.9363, -0.0000, -0.7703],
                      [-0.9378, -0.2968,  3.6971,  1.6708, -0.0000],
                      [-0.0000,  1.2085,  0.0000,  0.0000, -2.8396]])
second = torch.tensor([[-0.4076,  1.8772,  2.1884,  0.3678,  0.0293],
                       [ 0.2379,  0.3571,  0.9280, -0.9107,  0.5313],
                       [ 0.1559,  0.1716,  0.4273, -0.5645, -0.1329],
                       [-0.0192,  1.1604, -0.1956,  1.2885,  0.3373],
                       [ 0.3247, -1.6603,  1.3701,  1.0716,  0.2485],
                       [ 0.3478,  2.6682, -0.4942,  1.4930,  0.1250],
                       [-0.4989, -1.0193,  0.3470,  0.2577, -0.4072],
                       [-0.4410,  0.8347, -0.4681, -0.0240, -0.3851],
                       [-0.4689, -0.1484,  1.8486,  0.8354, -1.1521],
                       [-0.2673,  0.6042,  0.4407,  0.5085, -1.4198]])
print("first:", first, "second:", second, sep="\n")

# %% [markdown]
# Explain them.
#
# - `in_training`: which print was made in training mode, `"first"` or `"second"`?
# - `dropped`: how many of its 50 entries were dropped? Count, or let torch count.
# - `factor`: what is every kept entry multiplied by?
# - `p`: which p was the layer built with? Mind the difference between the layer's p and the share of zeros.
# - `minus_zero`: what is a −0.0000, `"a dropped negative number"` or `"a negative number too small to print"`? Look up one or two in the other print.
# - `form_of_2014`: dropout as first published multiplies in evaluation by the share that is kept, and in training by nothing. What would it print in *evaluation* where `second` has 1.8772?

# %% tags=["answer:T2"]
### BEGIN SOLUTION
in_training = "first"
dropped = 24
factor = 2.0
p = 0.5
minus_zero = "a dropped negative number"
form_of_2014 = 0.9386
### END SOLUTION

# %% tags=["check:T2", "nbval-check-output"]
t2 = check("06/T2", in_training, dropped, factor, p, minus_zero, form_of_2014)

# %% [markdown]
# ## T3 · What do the masks add?
#
# A linear regression with masks on its inputs: `x` is $[\text{rows}, \text{features}]$, `y` $[\text{rows}]$, `w` $[\text{features}]$. Return three numbers, each summed over the rows:
#
# - `off`: the squared error with masks off;
# - `added`: what the masks add to it, averaged over all masks of all rows;
# - `on`: the squared error with masks on, averaged likewise: what training makes small.
#
# No mask has to be drawn: *Which regularizer is it?* in the lesson has the formula.
#
# By hand: one row $x = (3, 1)$, $y = 7$, $w = (1, 2)$, $p = 0.5$. Masks off: $(7-5)^2 = 4$. The masks add 13. On: 17.
#
# *Often seen here: p, or p(1 − p), in place of p/(1 − p); one mask for all features of a row, which adds the square of the whole prediction; one strength for all features; a mean over the rows.*

# %% tags=["answer:T3"]
def three_losses(x, y, w, p):
    """(off, added, on) of a linear regression with dropout p on its inputs."""
    ### BEGIN SOLUTION
    off = (y - x @ w).square().sum()
    added = p / (1 - p) * (x.square().sum(0) * w.square()).sum()
    return off, added, off + added
    ### END SOLUTION


# %% tags=["check:T3", "nbval-check-output"]
t3 = check("06/T3", three_losses)

# %% [markdown]
# ## T4 · Ask a trained network many times
#
# `model` is in evaluation mode and has `nn.Dropout` layers, perhaps also a batch norm. Return its outputs for `x` under `passes` different masks: $[\text{passes}, \text{rows}, \text{outputs}]$, without a graph.
# Leave the model as you found it.
#
# What such answers are good for, and what not, is in *Deeper: error bars for free?* of the lesson; the task stands without it.
#
# `model.modules()` walks through every layer of a model, `isinstance(layer, nn.Dropout)` tells the ones you want; "without a graph" is `with torch.no_grad():`.
#
# What a batch norm does is lesson 07; here you need one fact: in training mode it normalises with *this* batch, and remembers it.
#
# *Often seen here: `model.train()`, which wakes the batch norm too; `model.eval()`, after which all passes agree.*

# %% tags=["answer:T4"]
def mc_predictions(model, x, passes):
    """Outputs [passes, rows, outputs] of the model with its dropout on."""
    ### BEGIN SOLUTION
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Dropout)]
    for layer in layers:
        layer.train()
    with torch.no_grad():
        outputs = torch.stack([model(x) for _ in range(passes)])
    for layer in layers:
        layer.eval()
    return outputs
    ### END SOLUTION


# %% tags=["check:T4", "nbval-check-output"]
t4 = check("06/T4", mc_predictions)

# %% [markdown]
# Mean and standard deviation of such passes are the band in the last picture of the lesson, in *Deeper: error bars for free?*. Here it draws its masks from your T1.

# %%
from course_lib.explorers import dropout as explore

explore.band.show(layer=dropout) if t1.answered else print("Write T1 first.")

# %% [markdown]
# All four `✓`? Then you know what a unit goes through in both modes, and what to make of its absence.
# Next: lesson 07, batch normalisation, the other layer that behaves differently in training and in evaluation.
