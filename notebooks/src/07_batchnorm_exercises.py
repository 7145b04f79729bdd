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
# # BatchNorm: exercises
#
# Five tasks, about an hour. Each ends with a cell that answers at once: `✓` right, `○` not written yet, `✗` and why.
# A check calls your function on numbers that it draws afresh each time and compares it with PyTorch, from simple cases to complex ones;
# a `✗` names the first case that differs, and often the slip behind it. Wrong answers cost nothing. Try, read, mend.
#
# In a terminal, `course check 07` says the same of the whole notebook. It looks only at the answer cells: keep your helpers inside them.

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
# ## T1 · One batch, normalised
#
# `x` has a row per example and a column per feature; `gamma` and `beta` have a number per feature, shape [features]. Normalise each feature over the batch, then scale and shift it:
#
# $$\hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \qquad\qquad y = \gamma\,\hat x + \beta$$
#
# μ and σ² are mean and variance of each column, the variance divided by $n$; ε stands inside the root. Write it without `torch.nn`.
# The check looks at the output *and* at its gradient with respect to `x`, `gamma` and `beta`. Autograd gets it right by itself, unless something is held back from it.
#
# By hand: the column 1, 3, 8 has μ = 4 and σ² = 26/3. With γ = 1, β = 0 and a tiny ε it becomes −1.02, −0.34, 1.36.
#
# *Often seen here: statistics over the wrong axis; the variance with n − 1; statistics that no gradient flows through.*

# %% tags=["answer:T1"]
def normalise(x, gamma, beta, eps=1e-5):
    """y [rows, features]: each column of x normalised over the rows, times gamma, plus
    beta."""
    ### BEGIN SOLUTION
    mean = x.mean(0)
    var = x.var(0, correction=0)
    return gamma * (x - mean) / (var + eps).sqrt() + beta
    ### END SOLUTION


# %% tags=["check:T1", "nbval-check-output"]
t1 = check("07/T1", normalise)

# %% [markdown]
# ## T2 · With a memory
#
# Now the whole layer. In training it normalises with the batch, as in T1, and takes the batch into its running statistics, *in place*:
#
# $$\text{running} \leftarrow (1-m)\,\text{running} + m\,\text{batch}$$
#
# To be remembered, the variance is divided by $n-1$; for the output, by $n$. In evaluation the running statistics stand in for μ and σ², and nothing changes.
# Change the two tensors themselves (`running_mean.mul_(…)`, `.add_(…)`), under `torch.no_grad()`: they are no part of the graph.
#
# By hand: from 0 and 1, with $m = 0.1$, the column 1, 3, 8 leaves a running mean of 0.4 and a running variance of 0.9 + 0.1 · 13 = 2.2.
#
# *Often seen here: running statistics used in training; the variance with n remembered; the momentum the wrong way round; evaluation forgotten.*

# %% tags=["answer:T2"]
def batch_norm(x, running_mean, running_var, gamma, beta, training, momentum=0.1,
               eps=1e-5):
    """y [rows, features]; in training `running_mean` and `running_var` [features]
    change in place."""
    ### BEGIN SOLUTION
    if training:
        n = len(x)
        mean, var = x.mean(0), x.var(0, correction=0)
        with torch.no_grad():
            running_mean.mul_(1 - momentum).add_(momentum * mean)
            running_var.mul_(1 - momentum).add_(momentum * var * n / (n - 1))
    else:
        mean, var = running_mean, running_var
    return gamma * (x - mean) / (var + eps).sqrt() + beta
    ### END SOLUTION


# %% tags=["check:T2", "nbval-check-output"]
t2 = check("07/T2", batch_norm)

# %% [markdown]
# Now let it remember: the lesson's picture of the memory (*What does it remember?*), drawn with *your* function. A wrong one draws too, and can be worth a look.

# %%
from course_lib.explorers import batchnorm as explore

explore.memory.show(layer=batch_norm) if t2.answered else print("Write T2 first.")

# %% [markdown]
# ## T3 · Evaluate, and leave no trace
#
# `model` contains a BatchNorm. Return its outputs in evaluation mode on all `batches`, one after another (`torch.cat`), without a graph.
# Leave the model as you found it: in the same mode, with the same running statistics. It may come in either mode, and a batch may have one row only. All its parts are in one mode; with some norms kept in evaluation mode, as for fine-tuning (the lesson's *Deeper: in other texts*), you would have to remember `part.training` for each part.
#
# `model.eval()`, `model.train()` and `model.training` are what you need. `torch.no_grad()` is something else: it saves memory, and no layer behaves differently for it.
#
# *Often seen here: `no_grad()` taken for `eval()`; a model left in evaluation mode, which then trains with frozen statistics.*

# %% tags=["answer:T3"]
def evaluate(model, batches):
    """Outputs of `model` in evaluation mode on all batches; the model is left as it
    came."""
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    with torch.no_grad():
        outputs = torch.cat([model(x) for x in batches])
    model.train(was_training)
    return outputs
    ### END SOLUTION


# %% tags=["check:T3", "nbval-check-output"]
t3 = check("07/T3", evaluate)

# %% [markdown]
# ## T4 · Find the bug
#
# All of these but the last were once published as BatchNorm. You are handed a function `norm(x, running_mean, running_var, training, momentum)`, in place on the running statistics like yours, with γ = 1, β = 0, ε = 1e-5. Find out by *calling* it which it is:
#
# | answer | what is wrong |
# |---|---|
# | `"running"` | in training it normalises by the running statistics |
# | `"reversed"` | momentum the wrong way round |
# | `"biased"` | the running variance takes in the variance with n, not n − 1 |
# | `"detached"` | the outputs are right, but no gradient flows through μ and σ² |
# | `"sound"` | nothing |
#
# Choose a batch and a momentum for which the five differ, and think about the order in which you look. `norm` takes float64, and `x` may require a gradient. `torch.nn.functional.batch_norm` may help you.
# How would you see that no gradient flows through μ? Add a number to *all* rows of a column: the output stays, so its gradients over that column sum to 0, unless something was detached.
#
# *Often seen here: a test that cannot fail. With momentum ½ two of the five are the same function.*

# %% tags=["answer:T4"]
def diagnose(norm):
    """One of "running", "reversed", "biased", "detached", "sound"."""
    ### BEGIN SOLUTION
    x = torch.tensor([[1.0], [3.0], [8.0]], dtype=torch.float64, requires_grad=True)
    mean, var = torch.zeros(1, dtype=x.dtype), torch.ones(1, dtype=x.dtype)
    y = norm(x, mean, var, True, 0.1)
    right = torch.nn.functional.batch_norm(x, None, None, training=True)
    if not torch.allclose(y, right):
        return "running"
    if not torch.allclose(mean, 0.1 * x.mean(0)):
        return "reversed"
    if not torch.allclose(var, 0.9 + 0.1 * x.var(0)):
        return "biased"
    slope, right_slope = (torch.autograd.grad(z[0].sum(), x)[0] for z in (y, right))
    return "sound" if torch.allclose(slope, right_slope) else "detached"
    ### END SOLUTION


# %% tags=["check:T4", "nbval-check-output"]
t4 = check("07/T4", diagnose)

# %% [markdown]
# ## T5 · Fold it away
#
# In evaluation a BatchNorm behind a linear layer is itself linear: multiply by a number, add a number. So both are *one* linear layer.
# Given the layer's `weight` [outputs, inputs] and `bias` [outputs], and the norm's γ, β, running mean, running variance and ε, return the new weight and bias as a pair.
#
# By hand: weight 2, bias 1, γ = 3, β = 5, mean 1, variance 4 and ε = 0 give the weight 3 and the bias 5.
#
# *Often seen here: columns scaled in place of rows; the old bias not scaled, or lost.*

# %% tags=["answer:T5"]
def fold(weight, bias, gamma, beta, mean, var, eps):
    """(new weight, new bias) of the one layer that does the work of two."""
    ### BEGIN SOLUTION
    scale = gamma / (var + eps).sqrt()
    return weight * scale.unsqueeze(1), scale * (bias - mean) + beta
    ### END SOLUTION


# %% tags=["check:T5", "nbval-check-output"]
t5 = check("07/T5", fold)

# %% [markdown]
# All five `✓`? Then you can take a BatchNorm apart, put it together, and take it out of a network without anybody noticing.
# Next: lesson 08, where whole blocks are left out at random.
