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
# # Label smoothing: exercises
#
# Six tasks, about an hour and a quarter. Each ends with a cell that answers at once: `✓` right, `○` not written yet, `✗` and why.
# A check calls your function on numbers that it draws afresh each time and compares it with PyTorch, or with a count by hand, from simple cases to complex ones;
# a `✗` names the first case that differs, and often the slip behind it. Wrong answers cost nothing. Try, read, mend.
#
# In a terminal, `course check 05` says the same of the whole notebook. It looks only at the answer cells: keep your helpers inside them.

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
# ## T1 · Smoothed targets
#
# `target` holds class numbers, shape [N]. Return the smoothed targets, shape [N, `num_classes`], in float32, PyTorch's default:
#
# $$q = (1-\varepsilon)\,y + \frac{\varepsilon}{K}$$
#
# where $y$ is the one-hot label (`torch.nn.functional.one_hot(target, num_classes)`) and $K$ the number of classes.
#
# By hand: five classes, label 2, ε = 0.1 gives 0.02, 0.02, 0.92, 0.02, 0.02.
#
# *Often seen here: ε shared among the wrong classes only; a row that does not sum to 1.*

# %% tags=["answer:T1"]
def smooth_labels(target, num_classes, epsilon):
    """Smoothed targets [N, K] for class numbers [N]."""
    ### BEGIN SOLUTION
    y = torch.nn.functional.one_hot(target, num_classes)
    return (1 - epsilon) * y + epsilon / num_classes
    ### END SOLUTION


# %% tags=["check:T1", "nbval-check-output"]
t1 = check("05/T1", smooth_labels)

# %% [markdown]
# ## T2 · The smoothed loss
#
# `logits` has shape [N, K], `target` [N]. Return the mean over the rows of $-\sum_k q_k \log p_k$ with $p = \mathrm{softmax}(z)$. Write it out: `logits.log_softmax(1)` and your own sums,
# not `cross_entropy`. You may use your `smooth_labels`, or the two parts of the loss, $(1-\varepsilon)$ times the cross entropy to the label and $\varepsilon$ times the one to uniform targets.
#
# By hand: one row with $p = (0.6, 0.2, 0.2)$, label 0, ε = 0.3. Then $q = (0.8, 0.1, 0.1)$ and the loss is $-0.8\log 0.6 - 0.2\log 0.2 = 0.7305$.
#
# *Often seen here: smoothing applied to the logits; a mean over rows* and *classes; a loss that is infinite for large logits.*

# %% tags=["answer:T2"]
def smoothed_loss(logits, target, epsilon):
    """Mean cross entropy of logits [N, K] against the smoothed class numbers [N]."""
    ### BEGIN SOLUTION
    log_p = logits.log_softmax(1)
    to_label = -log_p.gather(1, target.unsqueeze(1)).squeeze(1)
    to_uniform = -log_p.mean(1)
    return ((1 - epsilon) * to_label + epsilon * to_uniform).mean()
    ### END SOLUTION


# %% tags=["check:T2", "nbval-check-output"]
t2 = check("05/T2", smoothed_loss)

# %% [markdown]
# Now let it draw: loss and gradient in the first picture of the lesson come from *your* function, its gradient from PyTorch's autograd. A wrong one draws too, and can be worth a look.

# %%
from course_lib.explorers import label_smoothing as explore

explore.targets.show(layer=smoothed_loss) if t2.answered else print("Write T2 first.")

# %% [markdown]
# ## T3 · Calibration error with a pencil
#
# Ten predictions: the confidence of each, and whether it was right.
#
# | confidence | 0.4 | 0.5 | 0.6 | 0.65 | 0.7 | 0.75 | 0.8 | 0.9 | 1 | 1 |
# |---|---|---|---|---|---|---|---|---|---|---|
# | right? | ✓ | ✓ | ✓ | ✓ | ✗ | ✓ | ✗ | ✓ | ✓ | ✗ |
#
# Sort them into four bins of equal width, (0, 0.25], (0.25, 0.5], (0.5, 0.75], (0.75, 1]: an edge belongs to the bin below it. Write down
#
# - `counts`: the number of predictions in each of the four bins;
# - `gaps`: for each bin that is not empty, in order, how far the share that is right lies from the mean confidence, without sign (not rounded: three decimals);
# - `ece`: the mean of the gaps, each weighted by the number of predictions in its bin.
#
# And then one more question, for yourself: what would the error be with a single bin? What does that say about bins?
#
# *Often seen here: an edge in the wrong bin; every bin weighted alike; gaps that cancel.*

# %% tags=["answer:T3"]
### BEGIN SOLUTION
counts = [0, 2, 4, 4]
gaps = [0.55, 0.075, 0.425]
ece = 0.31
### END SOLUTION

# %% tags=["check:T3", "nbval-check-output"]
t3 = check("05/T3", counts, gaps, ece)

# %% [markdown]
# ## T4 · Calibration error as a function
#
# The same for any predictions: `probabilities` [N, K], class numbers `target` [N], and `n_bins` bins of equal width on (0, 1], an edge belonging to the bin below it.
# The confidence is the largest probability of a row, the prediction its class. Return a Python number.
#
# *Often seen here: a confidence of exactly 1 that falls out of the last bin; the probability of the label taken for the confidence; NaN from an empty bin.*

# %% tags=["answer:T4"]
def calibration_error(probabilities, target, n_bins):
    """Expected calibration error: Σ over bins of share · |accuracy − mean
    confidence|."""
    ### BEGIN SOLUTION
    confidence, predicted = probabilities.max(1)
    right = (predicted == target).to(confidence)
    error = 0.0
    for b in range(n_bins):
        inside = (b / n_bins < confidence) & (confidence <= (b + 1) / n_bins)
        if inside.any():
            gap = (right[inside].mean() - confidence[inside].mean()).abs()
            error += inside.sum().item() / len(confidence) * gap.item()
    return error
    ### END SOLUTION


# %% tags=["check:T4", "nbval-check-output"]
t4 = check("05/T4", calibration_error)

# %% [markdown]
# ## T5 · Choose ε
#
# The same network has been trained with several ε. `epsilons` is the list of them, `logits` [models, N, K] what each says on validation rows, `target` [N] the labels there.
# Its *probabilities* will be used as they are. (If a temperature were to follow, each model would get its own first, and the comparison would come after it.) Return the ε of the model that gives the labels the highest likelihood (the lowest NLL of the lesson).
#
# Think about it first: by which number may models with different ε be compared, and by which not?
#
# *Often seen here: each model judged by the loss it was trained with.*

# %% tags=["answer:T5"]
def choose_epsilon(epsilons, logits, target):
    """The ε whose model gives the validation labels the highest likelihood."""
    ### BEGIN SOLUTION
    # one loss for all: the plain one
    losses = [torch.nn.functional.cross_entropy(model, target).item()
              for model in logits]
    return epsilons[losses.index(min(losses))]
    ### END SOLUTION


# %% tags=["check:T5", "nbval-check-output"]
t5 = check("05/T5", choose_epsilon)

# %% [markdown]
# ## T6 · Fit a temperature
#
# `logits` [N, K] are what a network says on held-out rows, `target` [N] the labels there. Return, as a Python number, the $T$ of `torch.logspace(-1, 1, 400)` for which the logits divided by $T$ have the lowest plain loss.
#
# By hand: two classes, four rows, each with the logits $2\log 3$ and 0. The network says 0.9 for the first class, and three of the four labels are the first. With $T = 2$ the logits are $\log 3$ and 0, and it says 0.75: as often as it is right. The nearest numbers in the list are 1.99 and 2.01.
#
# *Often seen here: $1/T$ in place of $T$; probabilities divided in place of logits; a temperature chosen by the calibration error.*

# %% tags=["answer:T6"]
def fit_temperature(logits, target):
    """The temperature of torch.logspace(-1, 1, 400) with the lowest plain loss."""
    ### BEGIN SOLUTION
    temperatures = torch.logspace(-1, 1, 400)
    losses = [torch.nn.functional.cross_entropy(logits / T, target).item()
              for T in temperatures]
    return temperatures[losses.index(min(losses))].item()
    ### END SOLUTION


# %% tags=["check:T6", "nbval-check-output"]
t6 = check("05/T6", fit_temperature)

# %% [markdown]
# Both together are what the lesson recommends: fit a temperature to each model, and choose ε after it. Here are two models. The second knows more, and is far too modest:

# %%
generator = torch.Generator().manual_seed(0)
truth = 2 * torch.randn(400, 5, generator=generator)
labels = truth.softmax(1).multinomial(1, generator=generator)[:, 0]
blurred = truth + 1.5 * torch.randn(400, 5, generator=generator)
two = torch.stack([0.6 * blurred, 0.15 * truth])
if t5.answered and t6.answered:
    own = torch.stack([z / fit_temperature(z, labels) for z in two])
    print("as they are: ε =", choose_epsilon([0.0, 0.4], two, labels),
          "· each after its temperature: ε =", choose_epsilon([0.0, 0.4], own, labels))
else:
    print("Write T5 and T6 first.")

# %% [markdown]
# (One set of rows fits and chooses here, to keep it short. With few rows take others to choose by.)
#
# The question at the end of T3: seven of the ten are right, and the mean confidence is 0.73, so a single bin has an error of only 0.03. Too much confidence in some places and too little in others cancel. More bins show more, until each holds too few predictions to say anything.
#
# All six `✓`? Then you can say what label smoothing asks of a network, and measure whether the answer can be believed.
# Next: lesson 06, where units are left out instead of labels doubted.
