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
# # Weight decay versus L2: exercises
#
# Five tasks, about an hour. Each ends with a cell that answers at once: `✓` right, `○` not written yet, `✗` and why.
# A check calls your function on numbers that it draws afresh each time and compares it with PyTorch after every step, from simple cases to complex ones;
# a `✗` names the first case and step that differ, and often the slip behind it. Wrong answers cost nothing. Try, read, mend.
#
# In a terminal, `course check 03` says the same of the whole notebook. It looks only at the answer cells: keep your helpers inside them.

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
# ## T1 · SGD with both knobs
#
# Write one step of SGD with momentum $\mu$, with L2 (`l2`) and with weight decay (`weight_decay`), both called $\lambda$ below.
#
# $$v \leftarrow \mu v + (g + \lambda_{\text{l2}}\, w) \qquad\qquad w \leftarrow (1 - \eta\,\lambda_{\text{decay}})\,w - \eta v$$
#
# Both pulls look at the *old* weight. Change `param` in place (`param.mul_(…)`, `param.sub_(…)`) and return it; leave `grad` alone.
# `state` is an empty dict at the first step, and the same dict comes back at the next one: the place for $v$. torch calls it `"momentum_buffer"`;
# the check goes by where `param` goes, so the name is yours. The very first $v$ is the gradient (with its pull) itself.
# Learning rate and options may differ from call to call, as under a schedule.
#
# By hand, without momentum: $w = 1$, $g = 2$, $\eta = 0.1$ gives $0.8$; with either $\lambda = 0.5$ it gives $0.75$.
#
# *Often seen here: a stray factor 2, a sign, a missing learning rate, a pull that goes into the velocity and should not, or the reverse.*

# %% tags=["answer:T1"]
def sgd_update(param, grad, state, *, lr, momentum=0.0, l2=0.0, weight_decay=0.0):
    """One step of SGD, in place on `param` and `state`; returns `param`."""
    ### BEGIN SOLUTION
    pulled = grad + l2 * param  # L2 joins the gradient …
    param.mul_(1 - lr * weight_decay)  # … weight decay goes past it
    v = momentum * state.get("momentum_buffer", 0) + pulled
    state["momentum_buffer"] = v
    return param.sub_(lr * v)
    ### END SOLUTION


# %% tags=["check:T1", "nbval-check-output"]
t1 = check("03/T1", sgd_update)

# %% [markdown]
# Now let it steer. This is the first picture of the lesson, drawn by *your* function; a wrong one draws too, and can be worth a look.

# %%
from course_lib.explorers import weight_decay as explore

(explore.trajectories.show(update=sgd_update)
 if t1.answered else print("Write T1 first."))

# %% [markdown]
# ## T2 · Adam with both knobs
#
# The same two pulls, and Adam in between:
#
# $$g' = g + \lambda_{\text{l2}}\, w \qquad m \leftarrow \beta_1 m + (1-\beta_1)\,g' \qquad v \leftarrow \beta_2 v + (1-\beta_2)\,g'^2$$
#
# $$w \leftarrow (1 - \eta\,\lambda_{\text{decay}})\,w - \eta\,\frac{m/(1-\beta_1^t)}{\sqrt{v/(1-\beta_2^t)} + \varepsilon}$$
#
# $m$ and $v$ start at zero, $t$ counts the steps from 1, `betas` is the pair $(\beta_1, \beta_2)$. Keep all three in `state`
# (torch's names: `exp_avg`, `exp_avg_sq`, `step`). With `l2` alone this is `torch.optim.Adam(weight_decay=l2)`, with `weight_decay` alone it is `AdamW`.
#
# By hand: $w = 1$, $g = 2$, $\eta = 0.1$, no pull. The first step has size $\eta$ whatever the gradient: $0.9$.
#
# *Often seen here: all that was seen in T1; no bias correction, or only of m; ε under the root; β₁ and β₂ exchanged; a state that is made anew at each step.*

# %% tags=["answer:T2"]
def adam_update(param, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, l2=0.0,
                weight_decay=0.0):
    """One step of Adam, in place on `param` and `state`; returns `param`."""
    ### BEGIN SOLUTION
    beta1, beta2 = betas
    pulled = grad + l2 * param
    param.mul_(1 - lr * weight_decay)
    if not state:
        state.update(step=0, exp_avg=torch.zeros_like(param),
                     exp_avg_sq=torch.zeros_like(param))
    t = state["step"] = state["step"] + 1
    m = state["exp_avg"].mul_(beta1).add_((1 - beta1) * pulled)
    v = state["exp_avg_sq"].mul_(beta2).add_((1 - beta2) * pulled**2)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return param.sub_(lr * m_hat / (v_hat.sqrt() + eps))
    ### END SOLUTION


# %% tags=["check:T2", "nbval-check-output"]
t2 = check("03/T2", adam_update)

# %%
from course_lib.explorers import weight_decay as explore

explore.trajectories.show(update=adam_update,
                          optimizer="Adam") if t2.answered else print("Write T2 first.")

# %% [markdown]
# ## T3 · Four updates, three steps, a pencil
#
# One weight starts at 1. It gets one push and then none: the loss's gradients are 1, 0, 0. Learning rate 0.2, $\lambda = 0.5$.
# SGD has momentum 0.5; Adam has $\beta_1 = \beta_2 = 0$ and an ε too small to see, so that it divides each gradient by its own size. (A gradient of 0 divided by ε is 0.)
#
# Write down the weight after each of the three steps, first with a pencil. All twelve numbers have at most three decimals.
# Two questions on the way. Which of the four agree after the first step, and why does one of them not? Which of them would change if λ were 0.05?
#
# *Often seen here: a velocity that forgets the first push; Adam with L2 slowing down as the weight gets smaller.*

# %% tags=["answer:T3"]
### BEGIN SOLUTION
sgd_l2 = [0.7, 0.48, 0.322]
sgd_decay = [0.7, 0.53, 0.427]
adam_l2 = [0.8, 0.6, 0.4]
adamw = [0.7, 0.63, 0.567]
### END SOLUTION

# %% tags=["check:T3", "nbval-check-output"]
t3 = check("03/T3", sgd_l2, sgd_decay, adam_l2, adamw)

# %% [markdown]
# ## T4 · One λ, five ways to write it
#
# The same strength is a different number in each text. Convert it. (The lesson's *Deeper: two groups, and converting λ* has the same table.)
#
# | name | what the text writes |
# |---|---|
# | `"penalty"` | loss + $\lambda\lVert w\rVert^2$ |
# | `"half_penalty"` | loss + $\frac{\lambda}{2}\lVert w\rVert^2$, which is torch's `weight_decay` in SGD and Adam |
# | `"per_example"` | loss + $\frac{\lambda}{2m}\lVert w\rVert^2$ with $m$ training examples (`examples`) |
# | `"decoupled"` | $w \leftarrow (1 - \eta\lambda)\,w$ beside the step, which is `weight_decay` in AdamW |
# | `"per_step"` | $w \leftarrow (1 - \lambda')\,w$, with the learning rate (`lr`) already in it |
#
# A way in: how large is the pull on $w$ for $\lambda = 1$ in each of them? For the last two, beside heavy-ball momentum $\mu$ (`momentum`),
# compare in the long run: the velocity multiplies whatever is in the gradient by $1/(1-\mu)$, and the decay is not in the gradient.
# Only the numbers that a conversion needs are passed; the others stay at their defaults.
#
# By hand: 0.01 as a `"penalty"` is 0.02 as a `"half_penalty"`. *Often seen here: everything upside down.*

# %% tags=["answer:T4"]
def convert(value, source, target, *, examples=1, lr=1.0, momentum=0.0):
    """The strength `value`, given in convention `source`, in convention `target`."""
    ### BEGIN SOLUTION
    pull = {
        "penalty": 2,
        "half_penalty": 1,
        "per_example": 1 / examples,
        "decoupled": 1 - momentum,
        "per_step": (1 - momentum) / lr,
    }
    return value * pull[source] / pull[target]
    ### END SOLUTION


# %% tags=["check:T4", "nbval-check-output"]
t4 = check("03/T4", convert)

# %% [markdown]
# ## T5 · Which weight shrinks more?
#
# *The hardest of the five. The lesson's section 'Deeper: the law of the pull' has the formula.*
#
# Two weights, both 1, same learning rate, same small λ. The loss has sent them gradients for a while: you get the two lists.
# From which of them does λ take off more: by how much is the *last step* towards zero larger with λ than without it? Answer `"a"`, `"b"` or `"same"`.
#
# `method` is `"sgd_l2"`, `"sgd_decay"`, `"adam_l2"` or `"adamw"`. Weigh all gradients alike: Adam's $m$ and $v$ are the plain means of $g + \lambda w$ and of its square over the list, the step is $\eta\, m/\sqrt v$,
# and $\lambda$ is so small that only its first power counts. Per $\eta\lambda$, pulls that differ by less than a thousandth are `"same"`.
#
# By hand: for the gradients 1, −1 Adam with L2 takes off $\eta\lambda$ more than without; for 10, −10 a tenth of that, for its $m$ and $\sqrt v$ are $\lambda$ and 10. For 1, 1 it takes off nothing more: $m$ and $\sqrt v$ grow alike.
# Work it out with a pencil ($\lambda$ stands in $m$ *and* in $v$), or measure it.
#
# *The check measures all four methods with torch, on gradients that differ in size, in sign, and in how evenly they come. Guessing does not pass.*

# %% tags=["answer:T5"]
def shrinks_more(method, gradients_a, gradients_b):
    """The weight from which the pull takes more: "a", "b" or "same"."""
    ### BEGIN SOLUTION
    def pull(gradients):  # d/dλ of m/√v at λ = 0, with w = 1
        m = sum(gradients) / len(gradients)
        v = sum(g * g for g in gradients) / len(gradients)
        return (1 - m * m / v) / math.sqrt(v)

    if method != "adam_l2":
        return "same"
    a, b = pull(gradients_a), pull(gradients_b)
    if abs(a - b) < 1e-3:
        return "same"
    return "a" if a > b else "b"
    ### END SOLUTION


# %% tags=["check:T5", "nbval-check-output"]
t5 = check("03/T5", shrinks_more)

# %% [markdown]
# All five `✓`? Then you have the lesson in your hands: the pull that joins the gradient shares the gradient's fate, the other does not.
# Next: lesson 04, where the two knobs are turned on real data.
