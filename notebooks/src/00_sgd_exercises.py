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
# # Minibatch SGD: exercises
#
# Five tasks, about an hour. Each ends with a cell that answers at once: `✓` right, `○` not written yet, `✗` and why.
# A check calls your function on numbers that it draws afresh each time and compares it with PyTorch, from simple cases to complex ones;
# a `✗` names the first case that differs, and often the slip behind it. Wrong answers cost nothing. Try, read, mend.
#
# In a terminal, `course check 00` says the same of the whole notebook. It looks only at the answer cells: keep your helpers inside them.

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
# ## T1 · SGD with momentum
#
# Write one step:
#
# $$v \leftarrow \mu v + g \qquad\qquad w \leftarrow w - \eta v$$
#
# Change `param` in place (`param.sub_(…)`) and return it; leave `grad` alone. `state` is an empty dict at the first step, and the same dict comes back at the next one: the place for $v$.
# Learning rate and options may differ from call to call, as under a schedule.
# torch calls it `"momentum_buffer"`; the check goes by where `param` goes, so the name is yours. The very first $v$ is the gradient itself.
#
# By hand: $w = 1$, $g = 2$, $\eta = 0.1$ gives $0.8$. With $\mu = 0.9$ and the same gradient again, $v = 3.8$ and $w = 0.42$.
#
# *Often seen here: a velocity that is not carried on; the momentum applied to the weight; an average, $(1-\mu)g$, in place of torch's heavy ball.*

# %% tags=["answer:T1"]
def sgd_update(param, grad, state, *, lr, momentum=0.0):
    """One step of SGD, in place on `param` and `state`; returns `param`."""
    ### BEGIN SOLUTION
    v = momentum * state.get("momentum_buffer", 0) + grad
    state["momentum_buffer"] = v
    return param.sub_(lr * v)
    ### END SOLUTION


# %% tags=["check:T1", "nbval-check-output"]
t1 = check("00/T1", sgd_update)

# %% [markdown]
# Now let it steer: the first picture of the lesson, drawn by *your* function. A wrong one draws too, and can be worth a look.

# %%
from course_lib.explorers import sgd as explore

explore.trajectory.show(update=sgd_update, momentum=0.8,
                        lr=0.1) if t1.answered else print("Write T1 first.")

# %% [markdown]
# ## T2 · How wrong is a batch?
#
# The single gradients have standard deviation `sigma` (with divisor $n$). What is the standard error of the mean of `batch_size` of them?
# If `rows` is `None` they are drawn with replacement; else without, from `rows` examples, as in a shuffled epoch (the lesson's *Deeper: is the full gradient exact?* has both formulas). Return a number.
#
# By hand: σ = 2, a batch of 4 with replacement: 1. A batch of all the rows: 0.
#
# *Often seen here: σ/B; a formula that leaves noise in the full gradient.*

# %% tags=["answer:T2"]
def standard_error(sigma, batch_size, rows=None):
    """Standard error of a minibatch gradient."""
    ### BEGIN SOLUTION
    error = sigma / math.sqrt(batch_size)
    if rows is None:
        return error
    return error * math.sqrt((rows - batch_size) / (rows - 1))
    ### END SOLUTION


# %% tags=["check:T2", "nbval-check-output"]
t2 = check("00/T2", standard_error)

# %% [markdown]
# ## T3 · The largest stable learning rate
#
# *Harder: the bowl may be turned, like that of the lesson's first picture, and you get its matrix instead of its curvatures.*
#
# The loss is $\frac12 w^\top H w$ with the symmetric matrix `hessian` (positive eigenvalues), the optimizer gradient descent with heavy-ball `momentum` (0: none).
# Up to which learning rate is it stable? $H$, the *Hessian*, is the matrix of second derivatives. Its eigenvalues are the curvatures along its own axes,
# just as the bowl of the lesson had curvature 2 one way and 0.2 the other; those axes need not be the axes of $w$, so the diagonal does not tell. Return the bound as a Python number; `torch.linalg.eigvalsh(hessian)` gives the eigenvalues in rising order.
#
# By hand: on $2w^2$ the curvature is 4, the bound 0.5 without momentum and 0.95 with μ = 0.9.
#
# *Often seen here: the fastest rate instead of the largest; the diagonal of $H$ for its eigenvalues; momentum that lowers the bound.*

# %% tags=["answer:T3"]
def largest_stable_lr(hessian, momentum=0.0):
    """The learning rate below which descent on ½wᵀHw is stable."""
    ### BEGIN SOLUTION
    steepest = torch.linalg.eigvalsh(hessian)[-1].item()
    return 2 * (1 + momentum) / steepest
    ### END SOLUTION


# %% tags=["check:T3", "nbval-check-output"]
t3 = check("00/T3", largest_stable_lr)

# %% [markdown]
# ## T4 · Warm-up, then a cosine
#
# Return the factor of the learning rate at `step` = 0, 1, 2, …
#
# - for the first `warmup` steps a straight line that is `start` at step 0 and would be 1 at step `warmup`;
# - from there half a cosine from 1 at step `warmup` down to `floor` at step `total`: floor + (1 − floor) · ½(1 + cos πx), where $x$ runs from 0 to 1;
# - `floor` for ever after.
#
# By hand, with `warmup=10`, `total=50`, `start=0.1`: 0.1 at step 0, 0.55 at step 5, 1 at step 10, 0.5 at step 30, 0 from step 50 on.
#
# *Often seen here: a warm-up that starts at zero and stays; a cosine that forgets the steps the warm-up took; a rate that climbs again after the end.*

# %% tags=["answer:T4"]
def warmup_cosine(step, warmup, total, start=0.1, floor=0.0):
    """Factor of the learning rate at `step`."""
    ### BEGIN SOLUTION
    if step < warmup:
        return start + (1 - start) * step / warmup
    x = (min(step, total) - warmup) / (total - warmup)
    return floor + (1 - floor) * (1 + math.cos(math.pi * x)) / 2
    ### END SOLUTION


# %% tags=["check:T4", "nbval-check-output"]
t4 = check("00/T4", warmup_cosine)

# %% [markdown]
# ## T5 · Every call in its place
#
# A training loop with its calls taken out. Put `optimizer.zero_grad()`, `….backward()`, `optimizer.step()` and `scheduler.step()` where they belong.
# There are `epochs` epochs; each goes once through `batches`, a list of targets in fixed order, and the loss of a batch is $\frac12\lVert w - \text{target}\rVert^2$.
#
# `per` says what the scheduler is meant to count: `"step"` or `"epoch"`. `StepLR(optimizer, 3, 0.5)` halves the rate after every three of whatever it counts.
#
# *Often seen here: `scheduler.step()` once an epoch where steps are meant, and the reverse; `zero_grad()` after `backward()`, which trains nothing.*

# %% tags=["answer:T5"]
def train(start, batches, epochs, lr, per):
    """The weights after training from `start`, which stays as it is."""
    w = start.clone().requires_grad_()
    optimizer = torch.optim.SGD([w], lr=lr, momentum=0.5)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)
    ### BEGIN SOLUTION
    for _ in range(epochs):
        for target in batches:
            optimizer.zero_grad()
            loss = (w - target).square().sum() / 2
            loss.backward()
            optimizer.step()
            if per == "step":
                scheduler.step()
        if per == "epoch":
            scheduler.step()
    ### END SOLUTION
    return w.detach()


# %% tags=["check:T5", "nbval-check-output"]
t5 = check("00/T5", train)

# %% [markdown]
# All five `✓`? Then you can read any training loop: how far it steps, how noisy its direction is, and when it slows down.
# Next: lesson 01, where a low training loss turns out to be the easy part.
