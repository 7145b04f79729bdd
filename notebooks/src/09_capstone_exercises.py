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
# # Capstone: exercises
#
# First three tasks on proving a result, some fifteen minutes each. Then the **debugging gallery**: nine short training scripts, each with a fault that published teaching material really had.
# For each you write a *detector*, mostly one line; five to ten minutes each. Nobody needs to do all twelve: T1 to T3 and the three exhibits that surprise you most are an hour.
#
# Each task ends with a cell that answers at once: `✓` right, `○` not written yet, `✗` and why. Wrong answers cost nothing. Try, read, mend.
# In a terminal, `course check 09` says the same of the whole notebook. It looks only at the answer cells: keep your helpers inside them.

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
from torch import nn

from course_lib.checks import check

setup()

# %% [markdown]
# ## T1 · One variant of the study
#
# The spam study compares four networks: plain, with dropout, with BatchNorm, with both. Build any of them as an `nn.Sequential`.
# `widths` are the numbers of inputs, hidden units…, outputs. Each hidden layer is Linear, BatchNorm (if asked for), Dropout (if `dropout > 0`), ReLU, in this order. The last layer is a Linear and nothing else.
#
# The check looks at which layers run, in which order, and at the outputs in evaluation and in training mode.
#
# By hand: `network((57, 100, 100, 2), batch_norm=True, dropout=0.5)` has nine layers.
#
# *Often seen here: dropout before BatchNorm; something behind the last layer, a softmax for instance; a norm that cannot be left out.*

# %% tags=["answer:T1"]
def network(widths, batch_norm=False, dropout=0.0):
    """nn.Sequential of Linear, BatchNorm1d, Dropout, ReLU for each hidden layer, and a
    Linear at the end."""
    ### BEGIN SOLUTION
    *hidden, last = zip(widths[:-1], widths[1:])
    layers = []
    for inputs, outputs in hidden:
        layers.append(nn.Linear(inputs, outputs))
        layers += [nn.BatchNorm1d(outputs)] if batch_norm else []
        layers += [nn.Dropout(dropout)] if dropout > 0 else []
        layers.append(nn.ReLU())
    return nn.Sequential(*layers, nn.Linear(*last))
    ### END SOLUTION


# %% tags=["check:T1", "nbval-check-output"]
t1 = check("09/T1", network)

# %% [markdown]
# Now train it. So that this notebook needs no download, here on scikit-learn's breast-cancer data (569 rows, 30 features) in place of the spam; 80 % of the rows train, 20 % test, and the features are standardised on the training rows.

# %%
from sklearn.datasets import load_breast_cancer

from course_lib.capstone import repeated_subsampling


def hits(train, test, seed, **options):
    """1 for each test row that your network gets right after ten epochs, else 0."""
    x, y = map(torch.as_tensor, load_breast_cancer(return_X_y=True))
    x = ((x - x[train].mean(0)) / x[train].std(0)).float()
    torch.manual_seed(seed)
    model = network((30, 100, 100, 2), **options)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    epochs = (train[torch.randperm(len(train))] for _ in range(10))
    for rows in [rows for epoch in epochs for rows in epoch.split(114)]:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
    return (model.eval()(x[test]).argmax(1) == y[test]).double()


# %%
both = {"batch_norm": True, "dropout": 0.5}
divisions = repeated_subsampling(569, repetitions=10,
                                 generator=torch.Generator().manual_seed(0))
if t1:
    for options in ({}, {"dropout": 0.5}, {"batch_norm": True}, both):
        print(f"{hits(*divisions[0], seed=0, **options).mean():.3f}",
              options or "plain")
else:
    print("T1 first.")

# %% [markdown]
# Four accuracies, from one division into training and test rows. Which is best? One row more or less is 0.009. That is what T2 is for.
#
# ## T2 · An interval
#
# Two networks were tested on the same $J$ random divisions of one data set. `hits_a` and `hits_b` are $[J, n_\text{te}]$: 1 where the network got that test row of that division right, else 0.
# Report two 95 % intervals for the mean difference in accuracy, a − b, each as a pair (low, high):
#
# $$\text{naive: } \bar d \pm t\,s\,\sqrt{\tfrac1J} \qquad\qquad \text{corrected: } \bar d \pm t\,s\,\sqrt{\tfrac1J + \tfrac{n_\text{te}}{n_\text{tr}}}$$
#
# $d_j$ is the difference of the two accuracies in division $j$, $\bar d$ the mean and $s$ the standard deviation (divisor $J-1$) of these $J$ numbers. `t` is Student's quantile for $J-1$ degrees of freedom, ready to use.
# The correction is Nadeau and Bengio's (2003): the divisions share rows, so their results are not independent, and no number of them replaces new data.
#
# By hand: differences 0.1 and 0.3, $n_\text{te}/n_\text{tr} = 1/4$ and $t = 12.7$ give $0.2 \pm 1.27$ and $0.2 \pm 1.56$. Two divisions say very little.
#
# *Often seen here: all test rows pooled into one big sample; the two spreads added as if the rows were not the same; the second term missing, or divided by J.*

# %% tags=["answer:T2"]
def intervals(hits_a, hits_b, train_rows, t):
    """((low, high) naive, (low, high) corrected) of the mean difference in accuracy."""
    ### BEGIN SOLUTION
    d = hits_a.mean(1) - hits_b.mean(1)
    repetitions, test_rows = hits_a.shape
    mean, s = d.mean().item(), d.std().item()
    naive = t * s * math.sqrt(1 / repetitions)
    corrected = t * s * math.sqrt(1 / repetitions + test_rows / train_rows)
    return (mean - naive, mean + naive), (mean - corrected, mean + corrected)
    ### END SOLUTION


# %% tags=["check:T2", "nbval-check-output"]
t2 = check("09/T2", intervals)

# %% [markdown]
# Your networks and your intervals: BatchNorm and dropout against neither, in ten divisions. The naive interval takes these for ten independent experiments, the corrected one does not. Is zero inside the first, the second, both?

# %%
if t1 and t2:
    a, b = (torch.stack([hits(*rows, seed, **o) for seed, rows in enumerate(divisions)])
            for o in (both, {}))
    for name, (low, high) in zip(("naive", "corrected"),
                                 intervals(a, b, train_rows=455, t=2.262)):
        print(f"{name:9}  accuracy with both minus plain: {low:+.4f} to {high:+.4f}")
else:
    print("T1 and T2 first.")

# %% [markdown]
# ## T3 · Find the leaks
#
# Here is a study, complete with training, validation and test rows. It reports a test error, and the error is too good: information about the test rows reaches the model in **three** places. `x` is [rows, columns], `y` holds −1 and 1, `order` is a shuffled list of all rows.

# %%
def ridge(x, y, strength):
    """The weights that minimise ‖xw − y‖² + strength·‖w‖²."""
    return torch.linalg.solve(x.T @ x + strength * torch.eye(x.shape[1], dtype=x.dtype),
                              x.T @ y)


def mean_square(w, x, y):
    return (x @ w - y).square().mean()


def study(x, y, order, strengths, fit, error):
    """(the strength that was chosen, its error on the test rows)"""
    x = (x - x.mean(0)) / x.std(0)
    columns = (x.T @ y).abs().topk(5).indices  # the five that go best with y
    x = x[:, columns]
    n = len(x) // 5
    validation, test, train = order.split([n, n, len(x) - 2 * n])
    models = {strength: fit(x[train], y[train], strength) for strength in strengths}
    best = min(strengths,
               key=lambda strength: error(models[strength], x[test], y[test]))
    return best, error(models[best], x[test], y[test])


# %% [markdown]
# A test for any study: give it labels that are coin tosses. Then there is nothing to learn, and no model that was fixed before the labels were tossed beats an error of 1 on average. Run it:

# %%
def coin_tosses(study, times=50):
    """Mean reported error of `study` on 100 rows of 200 random columns, with labels
    that are coin tosses."""
    g = torch.Generator().manual_seed(0)
    errors = []
    for _ in range(times):
        x = torch.randn(100, 200, generator=g, dtype=torch.float64)
        y = torch.randint(2, (100,), generator=g).double() * 2 - 1
        order = torch.randperm(100, generator=g)
        errors.append(float(study(x, y, order, [0.1, 10.0, 1000.0], ridge,
                                  mean_square)[1]))
    return sum(errors) / times


print(f"error on coin tosses, as the study reports it: {coin_tosses(study):.2f}")

# %% [markdown]
# Write it without leaks: same parts, same steps, but whatever is fitted, counted or chosen looks only at the rows it may. Fit means, standard deviations (`std`, divisor n − 1) and the choice of columns to the *training* rows,
# and apply them to all; choose the strength by the *validation* rows; look at the *test* rows once. `fit` and `error` are `ridge` and `mean_square`, handed to you.
#
# *Often seen here: one of the three still there; the validation error reported; each part standardised by itself.*

# %% tags=["answer:T3"]
def honest_study(x, y, order, strengths, fit, error):
    """(the strength that was chosen, its error on the test rows)"""
    ### BEGIN SOLUTION
    n = len(x) // 5
    validation, test, train = order.split([n, n, len(x) - 2 * n])
    x = (x - x[train].mean(0)) / x[train].std(0)
    x = x[:, (x[train].T @ y[train]).abs().topk(5).indices]
    models = {strength: fit(x[train], y[train], strength) for strength in strengths}
    best = min(strengths,
               key=lambda strength: error(models[strength], x[validation],
                                          y[validation]))
    return best, error(models[best], x[test], y[test])
    ### END SOLUTION


# %% tags=["check:T3", "nbval-check-output"]
t3 = check("09/T3", honest_study)

# %%
print(f"error on coin tosses, now: {coin_tosses(honest_study):.2f}" if t3
      else "T3 first.")

# %% [markdown]
# Each leak alone, over 400 tosses: none 1.035; scaling on all rows 1.031, hardly to be told from none here; choosing the strength on test rows 0.992; choosing the columns on all rows 0.839. Scaling is mended all the same: nobody knows beforehand how much a leak lets through, and doing it right costs nothing.
# Choosing the columns does by far the most harm, and looks the most harmless. Ambroise and McLachlan (2002) found it in published studies of genes.

# %% [markdown]
# ## The debugging gallery
#
# Nine scripts. Each runs, complains of nothing, prints its numbers, and is wrong. They were written for this course, but their faults were not: each was found in teaching material that many have learned from, made by people who share their work, which is why it could be found at all. Thank you to all of them.
#
# Run the script, read it, and find the line before you open the fold. Then write the detector: a function that is handed what the script has made, and returns `True` if the fault is in it.
# The check runs your detector on the script as it was found, on the mended one, on variants of both, and on scripts with *another* fault, about which it must stay silent.
#
# ### T4 · A penalty that makes no difference

# %%
import torch


def penalised_loss(model, x, y, l1=0.0, l2=0.0):
    loss = torch.nn.functional.mse_loss(model(x), y)
    if l1 > 0 and l2 > 0:
        loss = loss + l1 * sum(p.abs().sum() for p in model.parameters())
        loss = loss + l2 * sum(p.square().sum() for p in model.parameters())
    return loss


torch.manual_seed(0)
x = torch.randn(40, 5)
y = x.sum(1, keepdim=True) + torch.randn(40, 1)
for l2 in (0.0, 0.5):
    model = torch.nn.Linear(5, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    for _ in range(15):
        optimizer.zero_grad()
        penalised_loss(model, x, y, l2=l2).backward()
        optimizer.step()
    print(f"l2 = {l2}: the weights have the norm {model.weight.norm():.3f}")

# %% [markdown]
# Norms that hardly differ, at a strength that should shrink them by a third. Which line is it?
#
# <details><summary>The fault, and where it was found</summary>
#
# `and` should be `or`: with one penalty alone, neither is added. Nothing fails, and the curves look like curves.
# Found and mended in Neuromatch's deep-learning course: its pull request 425 (2021) made `train` serve all four cases, L1, L2, both and none.
#
# </details>
#
# Handed over: the function, and a model with data. One strength may work while the other does not, and a penalty can be in the loss and still pull at nothing. `torch.autograd.grad(loss, model.weight)` returns a tuple with one tensor in it.

# %% tags=["answer:T4"]
def penalty_is_off(penalised_loss, model, x, y):
    """True if l1 alone, or l2 alone, does not pull at the weight."""
    ### BEGIN SOLUTION
    def pull(**strength):
        return torch.autograd.grad(penalised_loss(model, x, y, **strength),
                                   model.weight)[0]

    return any(torch.equal(pull(), pull(**{name: 0.5})) for name in ("l1", "l2"))
    ### END SOLUTION


# %% tags=["check:T4", "nbval-check-output"]
t4 = check("09/T4", penalty_is_off)

# %% [markdown]
# ### T5 · A schedule that stands still

# %%
import torch

torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True) + torch.randn(64, 1)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.5)

for _epoch in range(12):
    for rows in torch.randperm(64).split(32):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x[rows]), y[rows]).backward()
        optimizer.step()

print(f"halved every four epochs, after twelve: {optimizer.param_groups[0]['lr']}")

# %% [markdown]
# <details><summary>The fault, and where it was found</summary>
#
# A scheduler was made, and `scheduler.step()` is never called. It belongs at the end of the epoch.
# Found in notebook 9.5 of *Understanding Deep Learning* (Simon Prince), which is open to everybody and asks its readers for just such reports.
#
# </details>
#
# Careful: rates can be changed by hand, and a schedule may rest for a while. What does the scheduler itself remember (`scheduler.state_dict()`)?

# %% tags=["answer:T5"]
def scheduler_never_stepped(optimizer, scheduler):
    """True if `scheduler.step()` was never called."""
    ### BEGIN SOLUTION
    return scheduler.last_epoch == 0  # making it sets this to 0, each step() adds one
    ### END SOLUTION


# %% tags=["check:T5", "nbval-check-output"]
t5 = check("09/T5", scheduler_never_stepped)

# %% [markdown]
# ### T6 · Errors that are all zero

# %%
import numpy as np
import torch

torch.manual_seed(0)
x = torch.randn(330, 3)
y = x.prod(1) + 0.1 * torch.randn(330)
widths = np.array([5, 10, 20, 40, 80, 160])
test_error = np.zeros_like(widths)

for k, width in enumerate(widths):
    hidden = torch.relu(x @ torch.randn(3, width) + torch.randn(width))
    w = torch.linalg.lstsq(hidden[:200], y[:200, None]).solution
    wrong = (hidden[200:] @ w).squeeze() * y[200:] < 0
    test_error[k] = wrong.float().mean()

print("share of signs it gets wrong, by width:", test_error)

# %% [markdown]
# <details><summary>The fault, and where it was found</summary>
#
# `zeros_like` of an array of whole numbers is an array of whole numbers, and cuts off what is put into it. `np.zeros(len(widths))` is made for fractions. In percent one hardly sees it.
# Found in notebook 8.3 of *Understanding Deep Learning*, where the errors are percentages beside an array of widths.
#
# </details>

# %% tags=["answer:T6"]
def holds_whole_numbers_only(test_error):
    """True if the array cannot hold a fraction."""
    ### BEGIN SOLUTION
    # whole numbers with a sign, without one, and truth values
    return test_error.dtype.kind in "iub"
    ### END SOLUTION


# %% tags=["check:T6", "nbval-check-output"]
t6 = check("09/T6", holds_whole_numbers_only)

# %% [markdown]
# ### T7 · Stopped at just the right moment

# %%
import torch

torch.manual_seed(0)
x = torch.randn(120, 30)
y = x[:, :1] + torch.randn(120, 1)
train, validation, test = torch.randperm(120).split([60, 30, 30])
stop_on = test

model = torch.nn.Linear(30, 1)
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
best = float("inf")
for _epoch in range(25):
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(model(x[train]), y[train]).backward()
    optimizer.step()
    with torch.no_grad():
        watched, tested = (torch.nn.functional.mse_loss(model(x[r]), y[r]).item()
                           for r in (stop_on, test))
    if watched < best:
        best, reported = watched, tested

print(f"test error of the best epoch: {reported:.3f}")

# %% [markdown]
# <details><summary>The fault, and where it was found</summary>
#
# The rows on which training stops are the rows on which the result is reported: the smallest of 25 test errors is too good. Stop on the validation rows.
# Found in the code behind the spam study itself, in part 4 of the mlr3torch course (`validate = "test"`, with a patience of 10; the version we read is commit 220fa0e): the rows that stop each network are those on which it is reported. It slips in easily, and only those who publish their source can be told. Thank you.
#
# </details>
#
# Handed over: three tensors of row numbers. One common row is one too many.

# %% tags=["answer:T7"]
def stops_on_test_rows(train, stop_on, test):
    """True if a test row takes part in deciding when to stop."""
    ### BEGIN SOLUTION
    return bool(set(stop_on.tolist()) & set(test.tolist()))
    ### END SOLUTION


# %% tags=["check:T7", "nbval-check-output"]
t7 = check("09/T7", stops_on_test_rows)

# %% [markdown]
# ### T8 · An error that depends on the batch size

# %%
import torch


def evaluate(model, x, y, batch_size):
    errors = []
    with torch.no_grad():
        for rows in torch.arange(len(x)).split(batch_size):
            errors.append(torch.nn.functional.mse_loss(model(x[rows]), y[rows]).sqrt())
    return torch.stack(errors).mean()


torch.manual_seed(0)
x = torch.randn(60, 4)
y = x.sum(1, keepdim=True) + torch.randn(60, 1) ** 3
model = torch.nn.Linear(4, 1)
for batch_size in (60, 20, 7, 1):
    print(f"RMSE in batches of {batch_size:2}: {evaluate(model, x, y, batch_size):.4f}")

# %% [markdown]
# <details><summary>The fault, and where it was found</summary>
#
# The mean of roots is not the root of the mean. Add up squared errors over all rows, divide by their number, and take the root last.
# Found in the mlr3torch course, in the optimizer exercise, whose validation loop averages the RMSE of each batch. There all curves share a batch size, except in the comparison of batch sizes.
#
# </details>
#
# Handed over: the function, and a model with data (60 rows). An averaged mean square is wrong too if the last batch is short: choose a batch size that shows it. The last digit may differ without any fault.

# %% tags=["answer:T8"]
def depends_on_batches(evaluate, model, x, y):
    """True if the figure depends on how the rows are cut into batches."""
    ### BEGIN SOLUTION
    return not torch.isclose(evaluate(model, x, y, 7), evaluate(model, x, y, len(x)),
                             rtol=1e-4)
    ### END SOLUTION


# %% tags=["check:T8", "nbval-check-output"]
t8 = check("09/T8", depends_on_batches)

# %% [markdown]
# ### T9 · The paper's weight decay

# %%
import torch

torch.manual_seed(0)
x = torch.randn(64, 3)
x[:, 2] = 0  # a feature that is never seen: its weight is moved by the decay alone
y = x[:, :1] + 0.1 * torch.randn(64, 1)
model = torch.nn.Linear(3, 1)
torch.nn.init.constant_(model.weight, 0.5)
optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=0.3)

for _ in range(20):
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(model(x), y).backward()
    optimizer.step()

print(f"the unseen weight: from 0.500 to {model.weight[0, 2]:.3f}; decoupled decay "
      f"would give {0.5 * 0.994**20:.3f}")

# %% [markdown]
# <details><summary>The fault, and where it was found</summary>
#
# `weight_decay` of torch's Adam is L2: it is divided by √v like the gradient, so even a weight without a gradient of its own moves by about the learning rate per step. A paper's decoupled 0.3 wants `AdamW` (lessons 03 and 04).
# Found in a popular replication of the Vision Transformer, where the 0.3 of the paper went into `Adam`.
#
# </details>
#
# Handed over: the optimizer. In recent versions AdamW is a *subclass* of Adam, with a switch `decoupled_weight_decay` on, which Adam has too (off, unless asked for). Each of `param_groups` has its own weight decay, and its own switch.

# %% tags=["answer:T9"]
def decay_is_coupled(optimizer):
    """True if this is Adam with a weight decay that goes through √v."""
    ### BEGIN SOLUTION
    coupled = [group["weight_decay"] > 0 and not group.get("decoupled_weight_decay")
               for group in optimizer.param_groups]
    return type(optimizer) is torch.optim.Adam and any(coupled)
    ### END SOLUTION


# %% tags=["check:T9", "nbval-check-output"]
t9 = check("09/T9", decay_is_coupled)

# %% [markdown]
# ### T10 · A memory that is too modest

# %%
import torch


class Norm(torch.nn.Module):
    def __init__(self, features, momentum=0.1):
        super().__init__()
        self.momentum = momentum
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def forward(self, x):
        if not self.training:
            return (x - self.running_mean) / (self.running_var + 1e-5).sqrt()
        mean, var = x.mean(0), x.var(0, correction=0)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)  # old + momentum·(new − old)
            self.running_var.lerp_(var, self.momentum)
        return (x - mean) / (var + 1e-5).sqrt()


torch.manual_seed(0)
norm = Norm(200)
for _ in range(40):
    norm(torch.randn(4, 200))
print(f"variance 1, in batches of four; remembered: {norm.running_var.mean():.2f}")

# %% [markdown]
# <details><summary>The fault, and where it was found</summary>
#
# The running variance takes in the variance divided by n; torch remembers the one with n − 1, and so does an unbiased estimate. In batches of four that is a quarter too little.
# Found in ARENA, where `BatchNorm2d` is built from scratch and now has an issue that explains it all (415).
#
# </details>
#
# Handed over: the class. The output is rightly divided with n; it is the memory that matters. `Norm(1, momentum=1.0)` remembers the last batch alone.

# %% tags=["answer:T10"]
def remembers_biased_variance(Norm):
    """True if the running variance takes in the variance with divisor n."""
    ### BEGIN SOLUTION
    norm, x = Norm(1, momentum=1.0), torch.tensor([[1.0], [2.0], [4.0]])
    norm(x)
    return torch.allclose(norm.running_var, x.var(0, correction=0))
    ### END SOLUTION


# %% tags=["check:T10", "nbval-check-output"]
t10 = check("09/T10", remembers_biased_variance)

# %% [markdown]
# ### T11 · The same model, twice

# %%
import torch


def from_scratch(x, y, weight_decay):
    w = torch.zeros(x.shape[1], requires_grad=True)
    for _ in range(40):
        loss = ((x @ w - y) ** 2).mean() / 2 + weight_decay * (w**2).sum() / 2
        w.data -= 0.3 * torch.autograd.grad(loss, w)[0]
    return w.detach()


def concise(x, y, weight_decay):
    w = torch.zeros(x.shape[1], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.3, weight_decay=weight_decay)
    for _ in range(40):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(x @ w, y).backward()
        optimizer.step()
    return w.detach()


torch.manual_seed(0)
x = torch.randn(200, 3)
y = x @ torch.tensor([1.0, -2.0, 3.0]) + torch.randn(200)
print(f"the same model twice: {from_scratch(x, y, 1.0)} and {concise(x, y, 1.0)}")

# %% [markdown]
# <details><summary>The fault, and where it was found</summary>
#
# From scratch the loss has a ½, the ready-made mean square has none. It pulls twice as hard, so the same `weight_decay` is half as strong beside it. Halve the loss, or double the decay.
# Found in *Dive into Deep Learning*, in the section on weight decay, whose formula and first version have the ½; the second uses the framework's loss, and the two are said to look similar.
#
# </details>
#
# Handed over: both functions, and data. At which strength do they have to be compared?

# %% tags=["answer:T11"]
def strengths_differ(from_scratch, concise, x, y):
    """True if one `weight_decay` is two different strengths in the two functions."""
    ### BEGIN SOLUTION
    return not torch.allclose(from_scratch(x, y, 1.0), concise(x, y, 1.0), atol=1e-3)
    ### END SOLUTION


# %% tags=["check:T11", "nbval-check-output"]
t11 = check("09/T11", strengths_differ)

# %% [markdown]
# ### T12 · Regularization helps, it seems

# %%
import torch

torch.manual_seed(0)
x = torch.randn(200, 20)
y = x[:, :1] + torch.randn(200, 1)
runs = {}
for name, weight_decay in {"plain": 0.0, "regularized": 0.3}.items():
    train, test = torch.randperm(200).split([40, 160])
    model = torch.nn.Linear(20, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=weight_decay)
    for _ in range(20):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x[train]), y[train]).backward()
        optimizer.step()
    error = torch.nn.functional.mse_loss(model(x[test]), y[test]).item()
    runs[name] = {"train": train.tolist(), "test": test.tolist(), "error": error}

print({name: round(run["error"], 3) for name, run in runs.items()})

# %% [markdown]
# <details><summary>The fault, and where it was found</summary>
#
# Each run draws rows of its own, so what differs between the two is decay *and* data. Draw once, before the loop.
# Noted in Neuromatch's W2D1 (tutorial 2), where one figure shows runs trained on 30 pictures beside others trained on 100.
#
# </details>
#
# Handed over: `runs`, a dict of two dicts as above, each with lists of row numbers, `"train"` and `"test"`.

# %% tags=["answer:T12"]
def on_other_data(runs):
    """True if the two runs were not trained and tested on the same rows."""
    ### BEGIN SOLUTION
    plain, regularized = runs.values()
    return any(set(plain[part]) != set(regularized[part]) for part in ("train", "test"))
    ### END SOLUTION


# %% tags=["check:T12", "nbval-check-output"]
t12 = check("09/T12", on_other_data)

# %% [markdown]
# A detector that you have written once can stand in every script from now on: most of these are one line, and an `assert` is all they need to become a guard.
