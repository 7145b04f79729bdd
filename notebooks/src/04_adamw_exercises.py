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
# # AdamW: exercises
#
# Five tasks, about an hour: write AdamW, tell it from its impostor, and do with it what one does in production: groups, a run that can be resumed, and reading
# a state that somebody else saved. T4 and T5 have nothing to do with decay: they go with the folded section on resuming, and are extra. What they need is said here. Each task ends with a cell that answers at once: `✓` right, `○` not written yet, `✗` and why.
#
# A check calls your function on inputs drawn afresh and compares it with PyTorch. `course check 04` in a terminal says the same of the whole notebook;
# it looks only at the answer cells, so keep your helpers inside them.

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import setup
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None

import copy

import torch
from torch import nn

from course_lib.checks import check

setup()

# %% [markdown]
# ## T1 · AdamW
#
# $$w \leftarrow (1 - \eta\lambda)\,w \qquad m \leftarrow \beta_1 m + (1-\beta_1)\,g \qquad v \leftarrow \beta_2 v + (1-\beta_2)\,g^2$$
#
# $$w \leftarrow w - \eta\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon} \qquad \hat m = \frac{m}{1-\beta_1^t} \qquad \hat v = \frac{v}{1-\beta_2^t}$$
#
# One step: change `param` in place and return it, leave `grad` alone. `state` is an empty dict at the first step and comes back at each next one;
# $m$, $v$ (zero at first) and the step count $t = 1, 2, \dots$ live there. torch's names for them are `exp_avg`, `exp_avg_sq`, `step`; the check goes by where `param` goes.
# Learning rate and options may differ from call to call, as under a schedule.
#
# By hand: $w = 1$, $g = 2$, $\eta = 0.1$. Without decay the first step has size $\eta$: $0.9$. With $\lambda = 0.5$ it ends at $0.85$.
#
# *Often seen here: the decay inside the gradient, or without η, or after the step; no bias correction; ε under the root; β₁ and β₂ exchanged;
# a state that is made anew at each step.*

# %% tags=["answer:T1"]
def adamw_update(param, grad, state, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8,
                 weight_decay=1e-2):
    """One step of AdamW, in place on `param` and `state`; returns `param`."""
    ### BEGIN SOLUTION
    beta1, beta2 = betas
    param.mul_(1 - lr * weight_decay)
    t = state["step"] = state.get("step", 0) + 1
    m = state["exp_avg"] = beta1 * state.get("exp_avg", 0) + (1 - beta1) * grad
    v = state["exp_avg_sq"] = beta2 * state.get("exp_avg_sq", 0) + (1 - beta2) * grad**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return param.sub_(lr * m_hat / (v_hat.sqrt() + eps))
    ### END SOLUTION


# %% tags=["check:T1", "nbval-check-output"]
t1 = check("04/T1", adamw_update)

# %% [markdown]
# Let it steer: one of the two paths in this picture of the lesson is now drawn by your function, right or wrong.
# (`explore.heat_map.show(update=adamw_update)` trains networks with it, one at a time: start it and have a cup of tea.)

# %%
from course_lib.explorers import adamw as explore

(explore.trajectory.show(update=adamw_update)
 if t1.answered else print("Write T1 first."))

# %% [markdown]
# ## T2 · Which of the two is coupled?
#
# You are handed two updates with the signature of T1. Both are Adam inside; one puts $\lambda w$ into the gradient, the other shrinks the weight.
# You cannot read their code. Ask them instead: choose weights, gradients and hyper-parameters, let each take a step or two on fresh tensors with a fresh `{}`,
# and look at what comes out. Return `"a"` or `"b"`, the coupled one.
#
# *Which experiment tells them apart at a glance? Lesson 03 has one that takes a single step.*

# %% tags=["answer:T2"]
def coupled_one(update_a, update_b):
    """"a" or "b": the update whose decay goes into the gradient."""
    ### BEGIN SOLUTION
    def taken(update, weight_decay):
        w = torch.ones(1, dtype=torch.float64)
        update(w, torch.zeros_like(w), {}, lr=0.1, weight_decay=weight_decay)
        return 1 - w.item()

    # Without a gradient, Adam divides λw by its own size: doubling λ changes nothing.
    # True decay doubles.
    return "a" if taken(update_a, 0.2) > 0.9 * taken(update_a, 0.4) else "b"
    ### END SOLUTION


# %% tags=["check:T2", "nbval-check-output"]
t2 = check("04/T2", coupled_one)

# %% [markdown]
# ## T3 · Who is decayed, and who is spared?
#
# Biases and the parameters of normalisation layers are usually not decayed. Return a list of groups that any torch optimizer takes,
#
# `[{"params": […], "weight_decay": weight_decay}, {"params": […], "weight_decay": 0.0}]`,
#
# with every parameter of the model in exactly one of them. Go by what a parameter *is*, its module's type or its number of dimensions: a layer called `bn` need not be a norm.
#
# By hand: `nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))` has four parameters: the linear layer's matrix and bias, and the norm's scale and shift, two vectors (lesson 07 says what for). Only the matrix is decayed. (A norm over several axes, such as `nn.LayerNorm([4, 5])`, has a scale that is no vector; none is asked here.)
#
# *Often seen here: norms that are decayed because only biases were thought of; names believed; parameters in two groups, or in none, where nobody trains them.*

# %% tags=["answer:T3"]
def parameter_groups(model, weight_decay):
    """Two groups for an optimizer: weights with `weight_decay`, biases and norms
    without."""
    ### BEGIN SOLUTION
    return [{"params": [p for p in model.parameters() if p.ndim > 1],
             "weight_decay": weight_decay},
            {"params": [p for p in model.parameters() if p.ndim <= 1],
             "weight_decay": 0.0},]
    ### END SOLUTION


# %% tags=["check:T3", "nbval-check-output"]
t3 = check("04/T3", parameter_groups)

# %% [markdown]
# ## T4 · Stop, and go on as if nothing had happened
#
# A training run is interrupted and resumed. If everything that belongs to it was saved, the resumed run repeats the uninterrupted one bit for bit.
#
# Write `save`, which returns a checkpoint (any mix of dicts, lists, numbers and tensors that `torch.save` takes), and `resume`, which puts it back into a
# *new* model, optimizer and scheduler of the same make. All three have `state_dict()` and `load_state_dict(…)`.
#
# The check goes through a file in one case. In another it keeps the checkpoint in memory **while the first run goes on**, and only then resumes from it.
#
# *Often seen here: a part forgotten. And one surprise that the second case brings out.*

# %% tags=["answer:T4"]
def save(model, optimizer, scheduler):
    """A checkpoint of the run as it stands now."""
    ### BEGIN SOLUTION
    # copy: a state_dict holds the very tensors that training goes on to change
    return copy.deepcopy([part.state_dict() for part in (model, optimizer, scheduler)])
    ### END SOLUTION


def resume(checkpoint, model, optimizer, scheduler):
    """Put a checkpoint back into a model, an optimizer and a scheduler."""
    ### BEGIN SOLUTION
    for part, state in zip((model, optimizer, scheduler), checkpoint):
        part.load_state_dict(state)
    ### END SOLUTION


# %% tags=["check:T4", "nbval-check-output"]
t4 = check("04/T4", save, resume)

# %% [markdown]
# ## T5 · Read somebody's state
#
# Here is what an AdamW optimizer remembers after **one** step, with a scheduler on top:

# %%
example = nn.Linear(2, 1, bias=False)
optimizer = torch.optim.AdamW(example.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer,
                                              lambda step: 0.5 if step else 1.0)
example(torch.tensor([[3.0, -4.0]])).sum().backward()  # the gradient is (3, −4)
optimizer.step()
scheduler.step()
optimizer.state_dict()

# %% [markdown]
# No entry is called gradient, and none schedule. Both can be computed from what is there. From such a `state_dict` (one group, one or several parameters), recover
#
# - `"gradient"`: a list with the gradient of each parameter at that step, in the order of `param_groups[0]["params"]`;
# - `"magnitude"`: the same from the *other* moment, which has lost the signs;
# - `"factor"`: what the schedule multiplies the learning rate by just now, a number.
#
# By hand, from the printout: 0.3 in `exp_avg` is the gradient 3. *Which number turns one into the other, and where is it written down?*

# %% tags=["answer:T5"]
def read_state(state_dict):
    """{"gradient": [tensor, …], "magnitude": [tensor, …], "factor": number} of an AdamW
    that has made one step."""
    ### BEGIN SOLUTION
    (group,) = state_dict["param_groups"]
    beta1, beta2 = group["betas"]
    states = [state_dict["state"][index] for index in group["params"]]
    return {
        "gradient": [state["exp_avg"] / (1 - beta1) for state in states],
        "magnitude": [(state["exp_avg_sq"] / (1 - beta2)).sqrt() for state in states],
        "factor": group["lr"] / group["initial_lr"],
    }
    ### END SOLUTION


# %% tags=["check:T5", "nbval-check-output"]
t5 = check("04/T5", read_state)

# %% [markdown]
# All five `✓`? Then you can write AdamW, tell it from L2, group its parameters, stop it and start it again, and read its state.
