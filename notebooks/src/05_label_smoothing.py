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

# %% [markdown] slideshow={"slide_type": "slide"}
# # Label smoothing: what does a calibrated classifier cost?
#
# A small network has learned 300 labels by heart, a fifth of them wrong. On new images it gives its answers a probability of 87 % on average, and 77 % are right. Even where it says about 99 %, it is wrong about once in twelve times.
# Its labels ask for certainty: 1 for the class that they name and 0 for the others, which is called **one-hot**. **Label smoothing** writes a little doubt into every label. Does the network then mean what it says? And what is the price?
#
# *Three terms first.* **Logits** are the numbers that a network puts out, one for each class. **Softmax** makes them probabilities: raise e to each, then divide by the sum. Logits 2, 0, 0 become 7.39, 1, 1, divided by 9.39: the probabilities 0.79, 0.11, 0.11.
# **Cross entropy** is minus the logarithm of the probability of the true class. If that is the first, it is $-\log 0.79 = 0.24$ (log is the natural logarithm); a sure and right network has 0.
#
# *43 minutes; sections called* Deeper *are folded, and extra. You need lesson 01; how a measured claim is read is in lesson 00.*

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import (above, below, between, claim, each, near,
                                     negative, positive, predict, reveal, setup,
                                     show_source, within)
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None

import torch

from course_lib.base.random import seeded
from course_lib.experiments.label_smoothing import smoothing
from course_lib.experiments.label_smoothing import tuned_stop as tuned
from course_lib.experiments.label_smoothing.penultimate import compare_clusters
from course_lib.experiments.label_smoothing.smoothing import compare_smoothing
from course_lib.label_smoothing import (CrossEntropyLoss, brier_score, error_auroc,
                                        expected_calibration_error, loss_floor,
                                        optimal_gap, smooth_labels,
                                        temperature_scale)
from course_lib.label_smoothing import cross_entropy as our_cross_entropy
from course_lib.statistics import mean_interval, paired_interval

setup()

# %% tags=["setup"]
# what the cells below have in common
as_it_is, right, wrong = smoothing.READINGS  # no temperature; fitted to which labels
lower, higher = below(-0.01), above(0.01)
in_points = {"unit": "points", "times": 100}  # as shown: a point is 0.01
places = {  # the four networks in the ids of claims
    "noise, memorised": "memorised", "right, memorised": "labels",
    "right, tuned": "labels-tuned", "noise, tuned": "tuned"}

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A label that is never satisfied
#
# What does a one-hot label ask for? Here is one training row with five classes. The logit of the true class, *the label's logit*, stands some **gap** above the other four. *Right*, on a logarithmic axis, is the size of the gradient with respect to that logit.
#
# **Do this**: drag the logit gap to 14, and leave ε at 0, and the orange marks for later.  **Notice**: the gradient in the line below. Does it ever get to zero?

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import label_smoothing as explore

explore.targets.show(epsilon=0.0)

# %% [markdown]
# At a gap of 14 the gradient is −0.0000033: tiny, not zero. Descent subtracts the gradient, so a negative one raises the logit. The label asks for more at any gap.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Doubt, shared out
#
# What does a smoothed label ask for? Smoothing (Szegedy et al., 2016, with the ε = 0.1 that is still usual) takes ε from the label and shares it out evenly among **all** $K$ classes. With the one-hot label $y$,
#
# $$q = (1-\varepsilon)\,y + \frac{\varepsilon}{K}.$$

# %%
predict("label", "Five classes, ε = 0.1. What is the target of the true class?",
        ["0.9", "0.92", "0.98"])

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("label", "0.92", because="it keeps 0.9 and gets its own share, 0.1/5, back")

# %% [markdown]
# A common slip, `[0.02, 0.02, 0.9, 0.02, 0.02]`, sums to 0.98.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In plain PyTorch
#
# What does smoothing change in a real network? In torch it is one argument. Here is a loop to copy: a small network learns handwritten digits from 300 images, a fifth of them with a wrong label. The test labels are right, and with `clean_validation=True` the validation labels too.
#
# The **confidence** of a network in one image is the largest of its ten probabilities. "Sure of 88 %" means: its confidence is 88 % on average over the images.
# **NLL** (*negative log-likelihood*), the last number printed, is the plain cross entropy on test images, without any ε.

# %% tags=["plain"]
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from course_lib.data import digits

data = digits(300, label_noise=0.2, scale="unit", clean_validation=True)  # 1 in 5 wrong


def trained(epsilon):
    """A network trained with smoothed labels, 2000 steps."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0)
    model.train()
    for epoch in range(334):
        for rows in torch.randperm(300).split(50):
            loss = cross_entropy(model(data.train_x[rows]), data.train_y[rows],
                                 label_smoothing=epsilon)  # for training only
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval().requires_grad_(False)


def judge(name, logits):  # how often right, how sure, and the plain cross entropy
    confidence, guess = logits.softmax(1).max(1)
    print(f"{name}: right on {(guess == data.test_y).float().mean():.1%} of the test "
          f"images, sure of {confidence.mean():.1%}, "
          f"NLL {cross_entropy(logits, data.test_y):.2f}")


networks = {epsilon: trained(epsilon) for epsilon in (0.0, 0.1, 0.3)}
for epsilon, model in networks.items():
    judge(f"ε = {epsilon}", model(data.test_x))

# %% [markdown]
# Without smoothing the network is sure of 88 % and right on 76 %: **overconfident**, *too sure*. With ε = 0.1 it is **underconfident**, *too modest*: sure of 70 % and right on 79 %. With 0.3 more so. Both also make fewer errors. That is one seed; the opening's figures are means of eight.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The loss
#
# Which loss goes with such a target? Still the cross entropy, now summed over all classes: $-\sum_k q_k \log p_k$, where $p$ is the softmax of the logits $z$. Put in $q_k = (1-\varepsilon)\,y_k + \varepsilon/K$ and multiply out:
#
# $$(1-\varepsilon)\Bigl(-\sum_k y_k\log p_k\Bigr) \;+\; \varepsilon\,\Bigl(-\sum_k \tfrac1K\log p_k\Bigr).$$
#
# These are two cross entropies (CE), one to the label and one to the **uniform** target $1/K$:
#
# $$(1-\varepsilon)\;\mathrm{CE}(y, p) \;+\; \varepsilon\;\mathrm{CE}(\text{uniform}, p).$$
#
# *By hand*, for the logits 2, 0, 0 and ε = 0.1: minus the logarithms of the three probabilities are 0.24, 2.24 and 2.24. The first is the one to the label; the mean of all three, 1.57, the one to the uniform target. Together $0.9 \cdot 0.24 + 0.1 \cdot 1.57 = 0.37$; PyTorch says 0.3729.
#
# The first part asks for certainty; the second asks for none.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: every option of PyTorch's loss, and what it lets through
#
# First the target of *Doubt, shared out*; then the two parts, and PyTorch's loss itself, on fifty random rows of logits. `our_cross_entropy` is the course's own function, shown below.

# %% tags=["deeper", "nbval-check-output"]
by_hand = smooth_labels(torch.tensor([2]), 5, 0.1, torch.float64)
claim("K = 5, ε = 0.1: 0.92 for the label, 0.02 for each other class; together "
      "1.",
      measured=[*by_hand[0].tolist(), by_hand.sum().item()],
      holds=near([0.02, 0.02, 0.92, 0.02, 0.02, 1.0], 1e-15))

# %% tags=["deeper", "nbval-check-output"]
z = 3 * torch.randn(50, 10, dtype=torch.float64, generator=seeded(0))
y = torch.arange(50) % 10
uniform = torch.full_like(z, 1 / 10)
four = (0.0, 0.1, 0.5, 1.0)
claim("Without class weights, the smoothed loss "
      "is (1 − ε)·CE to the label + ε·CE to uniform, at ε = 0, 0.1, 0.5 and 1.",
      measured=[(our_cross_entropy(z, y, label_smoothing=e)
                 - ((1 - e) * our_cross_entropy(z, y)
                    + e * our_cross_entropy(z, uniform))).item() for e in four],
      holds=within(1e-14))
claim("Without class weights, the smoothed loss "
      "is PyTorch's CrossEntropyLoss(label_smoothing=ε), at ε = 0, 0.1, 0.5 and 1.",
      measured=[(our_cross_entropy(z, y, label_smoothing=e)
                 - torch.nn.CrossEntropyLoss(label_smoothing=e)(z, y)).item()
                for e in four],
      holds=within(1e-14))

# %% [markdown]
# It is the same loss, to rounding (8.882e-16).
#
# Class weights $w$, an ignored class, targets that are probabilities already, three reductions: each changes what is summed and what the mean divides by (logits of images, $[N, K, …]$, fit too; torch's two deprecated arguments are left out). The formula is the line that ends in $-\sum_k w_k q_k\log p_k$; the lines before it sort out shapes and ignored rows and say that $0\cdot\log 0$ is 0; the last one refuses a mean over nothing.

# %% tags=["deeper"]
show_source(our_cross_entropy)

# %% [markdown]
# *The loss as a price.* With $z_y$ the label's logit, $\bar z$ the mean logit and $S = \log\sum_j e^{z_j}$, $\log p_k = z_k - S$:
#
# $$\mathrm{CE}(y, p) = S - z_y \qquad\text{and}\qquad \mathrm{CE}(\text{uniform}, p) = S - \bar z.$$
#
# Put in, $(1-\varepsilon)(S - z_y) + \varepsilon(S - \bar z) = (S - z_y) + \varepsilon(z_y - \bar z)$. So the smoothed loss is plain cross entropy plus a *price*,
#
# $$\mathrm{CE}(y, p) \;+\; \varepsilon\,(z_y - \bar z).$$
#
# The label's lead over the mean logit costs ε for each unit. Unlike L1's price on a weight it does not turn at zero: a lead below zero is even rewarded, and only the cross entropy stops it.

# %% tags=["deeper", "nbval-check-output"]
def compare(target, **options):
    """Largest difference from torch in the loss and in its gradient."""
    pairs = []
    for loss in (CrossEntropyLoss(**options), torch.nn.CrossEntropyLoss(**options)):
        leaf = z.clone().requires_grad_()
        value = loss(leaf, target).sum()
        pairs.append((value.detach(), torch.autograd.grad(value, leaf)[0]))
    return max((a - b).abs().max().item() for a, b in zip(*pairs))


lead = z[torch.arange(50), y] - z.mean(1)
claim("The smoothed loss is plain CE + ε·(label's logit − mean logit), at ε = 0.1.",
      measured=(our_cross_entropy(z, y, label_smoothing=0.1)
                - our_cross_entropy(z, y) - 0.1 * lead.mean()).item(),
      holds=within(1e-14))
weight = torch.linspace(0.1, 1.0, 10, dtype=torch.float64)
claim("Ours is torch's loss: class numbers and probabilities, class weights, an "
      "ignored class, three reductions.",
      measured=max(compare(target, label_smoothing=e, weight=w, reduction=r, **ignore)
                   for e in (0.0, 0.1, 1.0) for w in (None, weight)
                   for r in ("none", "sum", "mean")
                   for target, ignore in ((y, {}), (y, {"ignore_index": 3}),
                                          (z.softmax(1), {}))),
      holds=below(1e-12))

# %% [markdown]
# PyTorch takes an ε below 0, or NaN, without a word, and trains without any smoothing. The functions of this course refuse it, and an empty batch too, whose mean PyTorch says is NaN.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where it is satisfied
#
# Is a smoothed label ever satisfied? Descent rests where the gradient is zero. The logarithm of the softmax is $\log p_k = z_k - \log\sum_j e^{z_j}$, and the $q_k$ sum to 1. So the loss is
#
# $$-\sum_k q_k\log p_k \;=\; -\sum_k q_k z_k + \log\sum_j e^{z_j}.$$
#
# Its derivative with respect to the logit $z_k$ is $-q_k$ from the first part, and $e^{z_k}/\sum_j e^{z_j} = p_k$ from the second. Together that is $p_k - q_k$: **what is said minus what is asked**. In the first picture, at a gap of 2 and ε = 0: $0.649 - 1 = -0.351$.
#
# So the gradient is zero where $p = q$, and there the loss, shaped like a bowl, is lowest. For a one-hot label that takes infinite logits; with ε > 0 a *finite* gap does.

# %%
predict("floor",
        "Ten classes, ε = 0.1, a network that could not be better. What is its "
        "smoothed training loss?",
        ["0", "0.1", "0.5", "2.3"])

# %% [markdown]
# Softmax divides $e^z$ of every class by the same sum, so the ratio of two probabilities is $e^{\text{gap}}$. If $p = q$, then
#
# $$\text{gap} = \log\frac{1-\varepsilon+\varepsilon/K}{\varepsilon/K} = \log\frac{K(1-\varepsilon)+\varepsilon}{\varepsilon}.$$
#
# The loss there is $-\sum_k q_k\log q_k$, the **entropy** of the target. It is the **floor**: no network gets below it.
#
# *By hand:* the label's target is 0.91, nine others have 0.01. The gap is $\log 91 = 4.511$, the floor $-0.91\log 0.91 - 9\cdot 0.01\log 0.01 = 0.086 + 0.414 = 0.500$. Do ten logits that descend freely come to rest there?

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
free = torch.zeros(1, 10, dtype=torch.float64)
q = smooth_labels(torch.tensor([0]), 10, 0.1, torch.float64)
for _ in range(3000):
    free = free - 2 * (free.softmax(1) - q)  # gradient descent, learning rate 2
claim("K = 10, ε = 0.1: free logits come to rest "
      "at a gap of log((K(1 − ε) + ε)/ε) = 4.511.",
      measured=[(free[0, 0] - free[0, k]).item() for k in (1, 9)],
      holds=near(optimal_gap(10, 0.1), 1e-9))
claim("There the loss is the entropy of the target, 0.5003.",
      measured=our_cross_entropy(free, torch.tensor([0]),
                                 label_smoothing=0.1).item(),
      holds=near(loss_floor(10, 0.1), 1e-12))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("floor", "0.5",
       because="the entropy of the target, 0.5003: a training loss of 0.5 can be "
               "perfect. 0 is out of reach, for the target itself doubts; 2.3, log 10, "
               "is what a network pays that knows nothing")

# %% [markdown]
# The ten logits do come to rest there. Here is the first picture again, at ε = 0.1 and a gap of 4; with *five* classes it rests elsewhere.  **Notice**: where does the gradient, on the right, change its sign?

# %%
explore.targets.show_still(epsilon=0.1, gap=4.0)

# %% [markdown]
# At $\log 46 = 3.83$ (the vertical line), as the formula says for five classes; there the loss touches its floor. On a logarithmic axis zero is a narrow notch: left of it (solid) descent raises the label's logit, right of it (dashed) it lowers it.
#
# So a smoothed label *is* satisfied, at a finite gap. But **each ε has another floor**, for ten classes 0.50 at ε = 0.1 and 1.18 at 0.3. So training losses do not compare; the NLL on validation rows, without any ε, does.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a model that is right everywhere, and still comes to rest elsewhere
#
# Does a network get to $p = q$? Four points on a line, two classes, ε = 0.1: the formula says a gap of 2.944 for every row. A linear model separates the classes, but its logits lie on a straight line too (through 0, the points being symmetric).

# %% tags=["deeper"]
def fitted_gaps(x, y, epsilon):
    """Gap between the two logits of each row, label's minus other's, for a linear model
    at its lowest smoothed loss."""
    w = torch.zeros(x.shape[1], 2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=500, tolerance_grad=1e-12,
                                  tolerance_change=0, line_search_fn="strong_wolfe")
    def loss():
        optimizer.zero_grad()
        value = our_cross_entropy(x @ w, y, label_smoothing=epsilon)
        value.backward()
        return value
    optimizer.step(loss)
    sign = 2.0 * y - 1
    return (sign * (x @ w)[:, 1] - sign * (x @ w)[:, 0]).detach()

# %% tags=["deeper", "nbval-check-output"]
points = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]], dtype=torch.float64)
sides = torch.tensor([0, 0, 1, 1])
line = fitted_gaps(points, sides, 0.1)
own = fitted_gaps(torch.eye(4, dtype=torch.float64), sides, 0.1)
claim("A model with a weight of its own for each "
      "row reaches the gap of 2.944 in every row.",
      measured=own.tolist(),
      holds=near(optimal_gap(2, 0.1), 1e-6))
claim("A straight line, right on every row too, comes to rest elsewhere: below it at "
      "±1, above it at ±2.",
      measured=line[2:].tolist(),
      holds=each(between(0, 2.9), above(3)))

# %% [markdown]
# The far points get more confidence than their labels ask for, the near ones less: a line cannot tell them apart in any other way.
#
# And the smoothed networks of the plain cell, on the rows that they were trained on?

# %% tags=["deeper"]
for epsilon in (0.1, 0.3):
    reached = cross_entropy(networks[epsilon](data.train_x), data.train_y,
                            label_smoothing=epsilon)
    print(f"ε = {epsilon}: smoothed training loss {reached:.2f}, floor "
          f"{loss_floor(10, epsilon):.2f}")

# %% [markdown]
# Both are still above their floors. But of the way from 2.30, where nothing is known, they have gone 96 and 97 %.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Can the confidence be believed?
#
# Does a network mean what it says? A classifier is **calibrated**, *honest* for short, if, among predictions made with confidence 0.8, a share of 0.8 is right, and likewise for every other confidence.
#
# To measure that, sort predictions into bins by confidence. A bin's *gap* (not one of logits) is the distance between the share that is right and the mean confidence: 0.1 too sure and 0.1 too modest both make 0.1. The mean gap, bins weighted by their predictions, is the **expected calibration error**, ECE (Naeini et al., 2015; Guo et al., 2017).
#
# *By hand:* six predictions, with confidence 0.6 (right), 0.6 (wrong), 0.9 (right), 0.9 (right), 0.9 (wrong), 1 (wrong). Of five bins, 0 to 0.2 and so on, three are empty; an edge belongs to the bin below it.
#
# | bin | predictions | mean confidence | share right | gap |
# |---|---|---|---|---|
# | 0.4 to 0.6 | 2 | 0.6 | 0.5 | 0.1 |
# | 0.8 to 1 | 4 | 0.925 | 0.5 | 0.425 |
#
# So the ECE is $\frac{2 \cdot 0.1 + 4 \cdot 0.425}{6} = 0.3167$. A hundredth of ECE is one *point*.
#
# *One judge is not enough.* A model that always says 0.1 for each of ten equally frequent classes is right in a tenth of the cases, and says so. Its ECE is 0, and it is useless. The NLL notices: it rises with wrong answers, with unfounded certainty and with unfounded doubt. The useless model pays $\log 10 = 2.30$ *nats* (units of the natural logarithm); a sure and right one pays 0. An NLL lower by 0.01 makes the true class's probability 1.01 times as large, typically: 0.500 becomes 0.505.
#
# So judge by both.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the six predictions, and the useless model

# %% tags=["deeper", "nbval-check-output"]
said = torch.tensor([0.6, 0.6, 0.9, 0.9, 0.9, 1.0], dtype=torch.float64)
six = torch.stack([said, 1 - said], 1)  # two classes, the first predicted
truth = torch.tensor([0, 1, 0, 0, 1, 1])
claim("The six predictions have an ECE of 0.3167 in five bins.",
      measured=expected_calibration_error(six, truth, 5),
      holds=near(1.9 / 6, 1e-12))
fifty = torch.arange(50) % 10  # labels: every class is a tenth of them
shares = torch.full((50, 10), 0.1, dtype=torch.float64)
claim("A model that always says 0.1 for each of ten equally frequent classes has an "
      "ECE of 0, and is useless.",
      measured=expected_calibration_error(shares, fifty), holds=below(1e-12))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Does smoothing calibrate?
#
# Which ε makes the network of the plain cell honest, if any?
#
# 1. *Data:* 300 digits, **20 % with a wrong label**, from here on *noisy labels*, drawn anew for each of eight seeds.
# 2. *Compared:* eight ε from 0 to 0.8, 2000 steps each, enough at ε = 0 and 0.1 to learn every wrong label.
# 3. *Judging:* 1297 test rows with right labels, the ECE in 15 bins. A change counts if the 95 % interval of the mean difference, seed by seed, lies wholly beyond **0.01**: one point of ECE or error, 0.01 nats of NLL.

# %%
predict("ece", "Compared with no smoothing, the ECE on test rows is …",
        ["lower with ε = 0.05 and with 0.2", "lower with ε = 0.05, higher with 0.2",
         "higher with ε = 0.05, lower with 0.2", "higher with ε = 0.05 and with 0.2"])

# %% [markdown]
# In a **reliability diagram** each dot is a bin. Its place is the mean confidence, its height the share that is right, the orange bar its gap. On the dotted line a network is honest, below it too sure, above it too modest. Hollow dots have few rows, and are mostly chance.
#
# Here are four of the eight ε. Dots pool the eight seeds; the ECE is a mean over seeds and a dot with many rows counts more: at ε = 0 more than half of all rows are in the last one. **Notice**: at which ε do the dots lie nearest to the line?

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
from course_lib.explorers import label_smoothing as explore

*_, noisy = compare_smoothing(noise=0.2, steps=2000)
explore.reliability.show_diagrams(noisy, [(e, as_it_is) for e in (0.0, 0.05, 0.1, 0.2)])

# %% [markdown]
# On each card *here* are the eight seeds of this page, in brackets the interval; *fresh seeds* are three times as many, drawn after the claim was written; *confirmed* says that they decide the same. They test luck, not other data: all come from the same 1797 images.

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
by_smoothing = [noisy.change("ece", epsilon) for epsilon in (0.05, 0.2)]
claim("Noise memorised: with ε = 0.05 the ECE is more than a point lower than without "
      "smoothing.",
      by_smoothing[0], lower, kind="measured", id="smooth-little-ece",
      **in_points)
claim("Noise memorised: with ε = 0.2 the ECE is more than a point higher than without "
      "smoothing.",
      by_smoothing[1], higher, kind="measured", id="smooth-much-ece",
      **in_points)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("ece", from_interval={
    "lower with ε = 0.05 and with 0.2": each(lower, lower)(by_smoothing),
    "lower with ε = 0.05, higher with 0.2": each(lower, higher)(by_smoothing),
    "higher with ε = 0.05, lower with 0.2": each(higher, lower)(by_smoothing),
    "higher with ε = 0.05 and with 0.2": each(higher, higher)(by_smoothing)},
    rests="smooth-little-ece, smooth-much-ece")

# %% [markdown]
# Means of the eight seeds, here and below:
#
# | noisy labels memorised | sure of | right on | ECE (lower is better) | NLL (lower is better) |
# |---|---|---|---|---|
# | no smoothing | 86.9 % | 76.6 % | 0.106 | 0.93 |
# | ε = 0.05 | 75.3 % | 77.7 % | 0.037 | 0.73 |
# | ε = 0.1 | 69.4 % | 79.0 % | 0.098 | 0.73 |
# | ε = 0.2 | 60.5 % | 79.9 % | 0.195 | 0.80 |
#
# - **ε = 0.05 makes it nearly honest** (with so few rows chance alone makes about 0.03). But who tells you the 0.05? We read it off the *test* rows. <!-- rests: smooth-little-ece -->
# - **ε = 0.1, the usual one, makes it too modest** by about as much as it was too sure. The diagram tells the two apart; whether the ECE differs by a point is open. <!-- rests: open smooth-usual-ece -->
# - **ε = 0.2 is worse than nothing by the ECE, and better by the NLL.** Modesty is cheap: a right answer said with 60 % in place of 80 costs 0.29 nats more. A sure error is dear: a true class that gets 0.1 % in place of 1 costs 2.3. <!-- rests: smooth-much-ece, smooth-much-nll -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A cheap repair
#
# Can one have honesty without training again? Divide all logits by one number $T$, the **temperature** (Guo et al., 2017). $T > 1$ lowers the confidence, $T < 1$ raises it; which class is largest stays the same. Logits 2, 0, 0 have a confidence of 0.79; with $T = 2$ they are 1, 0, 0 and have 0.58.
#
# $T$ is chosen so that the NLL on validation rows is lowest. We have 200 such rows, and fit $T$ twice: to their right labels, and to noisy ones.

# %%
predict("noisy-T",
        "We fit a temperature on 200 validation rows. If a fifth of their labels are "
        "wrong too, the ECE on test rows, compared with no temperature, …",
        ["falls", "changes by less than 0.01", "rises"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
by_wrong_T = noisy.change("ece", 0.0, wrong)
claim("Without smoothing, a temperature fitted on right labels lowers the ECE by more "
      "than a point.",
      noisy.change("ece", 0.0, right), lower, kind="measured", id="temperature-ece",
      **in_points)
claim("Without smoothing, a temperature fitted where a fifth of the labels are wrong "
      "raises the ECE by over a point.",
      by_wrong_T, higher,
      kind="measured", id="temperature-wrong-ece", **in_points)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("noisy-T", from_interval={
    "falls": lower(by_wrong_T), "rises": higher(by_wrong_T),
    "changes by less than 0.01": within(0.01)(by_wrong_T)},
       because=f"mean T {noisy.of('temperature', 0.0, wrong).nanmean():.1f}; fitted on "
               f"right labels {noisy.of('temperature', 0.0, right).nanmean():.1f}",
       rests="temperature-wrong-ece")

# %% jupyter={"outputs_hidden": true}
explore.reliability.show_diagrams(noisy, [(0.0, how) for how in smoothing.READINGS])

# %% [markdown]
# | no smoothing, noisy labels memorised | sure of | right on | ECE | NLL |
# |---|---|---|---|---|
# | as it is | 86.9 % | 76.6 % | 0.106 | 0.93 |
# | $T$ from right labels | 75.6 % | 76.6 % | 0.033 | 0.76 |
# | $T$ from noisy labels | 50.0 % | 76.6 % | 0.266 | 0.96 |
#
# - **From right labels** the temperature makes it nearly honest: a perfectly calibrated network, as sure as that one, has an ECE of about 0.028 by chance alone. <!-- rests: temperature-ece -->
# - **From noisy labels** it makes it doubt answers that are right. These labels contradict the network even where it is right: it agrees with only about $0.8\cdot 77\approx 62\,\%$ of them. So this temperature lowers the confidence towards 62, and even beyond, to 50: likely because wrong labels cost most where it is very sure. <!-- rests: temperature-wrong-ece -->
#
# So here honesty cost one number, fitted to labels that you trust.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: ε or a temperature?
#
# *First, how far the verdicts reach.* Learning rate, steps and ε up to 0.4 were fixed before, on other seeds; 0.6 and 0.8 were added when the NLL still fell at 0.4. All verdicts share their eight seeds, so an unlucky draw tilts them together.
#
# And all eight ε, read in all three ways. *Below* the diagram stands each bin's share of the rows. *Right:* NLL, ECE and error against ε, with 95 % bands over the seeds.
#
# **Do this**: move ε from 0 to 0.8. Then set *probabilities* to *temperature, right labels*, then to *noisy labels*.  **Notice**: does any ε do what a temperature does?

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.explorers import label_smoothing as explore

explore.reliability.show()

# %% [markdown]
# By the ECE none does, in the mean: the line of the temperature is flat, and lies below the other at every ε.
#
# If one did have to choose, where noisy labels are memorised: which is better? Each seed takes the ε with the lowest NLL on the 200 validation rows with right labels; it is 0.05 or 0.1.

# %% tags=["deeper"]
print("the chosen ε, means: ECE {:.3f}, NLL {:.2f}, errors {:.1%}".format(
    *(noisy.chosen(figure).mean() for figure in ("ece", "nll", "error"))))

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("Noise memorised: with ε = 0.05 the NLL is lower than without smoothing.",
      noisy.change("nll", 0.05), lower, kind="measured", id="smooth-little-nll",
      unit="nats")
claim("Noise memorised: with ε = 0.2 the NLL is lower than without smoothing.",
      noisy.change("nll", 0.2), lower, kind="measured", id="smooth-much-nll",
      unit="nats")
claim("Without smoothing, a temperature fitted on right labels lowers the NLL.",
      noisy.change("nll", 0.0, right), lower, kind="measured", id="temperature-nll",
      unit="nats")

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("Noise memorised: with ε = 0.1 the ECE is within a point of that without "
      "smoothing.",
      noisy.change("ece", 0.1), within(0.01), kind="measured",
      id="smooth-usual-ece", **in_points)
rivals = {f: paired_interval(noisy.chosen(f), noisy.of(f, 0.0, right))
          for f in ("nll", "ece")}
claim("The chosen ε has a lower NLL than a temperature without smoothing.",
      rivals["nll"], lower, kind="measured", id="chosen-beats-nll", unit="nats")
claim("The chosen ε has an ECE more than a point higher than a temperature without "
      "smoothing.",
      rivals["ece"], higher, kind="measured", id="chosen-worse-ece",
      **in_points)

# %% [markdown]
# Both lower NLL and ECE in the mean; judged are the temperature and ε = 0.05. <!-- rests: smooth-little-nll, smooth-much-nll, temperature-nll, temperature-ece --> Which has the lower one is decided on fresh seeds only: the chosen ε, by 0.037, with eight trainings against one. Part of that are its fewer errors, which no temperature can change. On the ECE the temperature has the lower mean, 0.033 against 0.060; whether by more than 0.01 stays open. And whether ε = 0.1 changed the ECE by a point is open, too. <!-- rests: open chosen-worse-ece, open smooth-usual-ece -->
#
# And the opening of this lesson, which is the last dot of the first diagram: how often are answers as sure as that wrong?

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
says, is_right, _ = noisy.pooled_bins(epsilon=0.0)  # the bins of the picture, ε = 0
print("Answers as sure as those of the beginning (ε = 0, last bin):",
      f"confidence {says[-1]:.1%}, wrong {1 - is_right[-1]:.1%}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Three other networks
#
# Our network is too sure by 10 points, so less confidence can help it. Does smoothing make other networks more honest, too? We add three, and name them by two words. *Noise* or *right* says what labels they learn from. *Memorised* means 2000 steps, as before. *Tuned* means that learning rate and number of steps were chosen, without smoothing, for the fewest errors on rows with right labels. For that we had sixteen sets of 200 such rows, more than you will have (*Deeper: a tuned rate and stop*). Before any smoothing the four stand like this:

# %%
*_, clean = compare_smoothing(noise=0.0, steps=2000)
*_, best = compare_smoothing(noise=0.0, steps=tuned.RIGHT_STEPS, rate=tuned.RIGHT_RATE)
*_, usable = compare_smoothing(noise=0.2, steps=tuned.STEPS, rate=tuned.RATE)
situations = {"noise, memorised": noisy, "right, memorised": clean,
              "right, tuned": best, "noise, tuned": usable}
for name, run in situations.items():
    print(f"{name:<16} ε = 0: sure of {run.mean_confidence(0.0).mean():.1%}, right on "
          f"{1 - run.of('error', 0.0).mean():.1%}")

# %%
predict("elsewhere", "In the three new networks, ε = 0.1 makes the ECE …",
        ["lower in all three", "higher in all three",
         "lower where the right labels are memorised, higher in the other two",
         "higher where the right labels are memorised, lower in the other two"])

# %% [markdown]
# Where the two lines meet, a network is honest on average.  **Notice**: where do they?

# %% jupyter={"outputs_hidden": true}
explore.situations.show_lines(situations)

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true, "source_hidden": true}
# what is claimed; of "right, tuned", and of the law below, asked before it was run:
# eight seeds like the others, one point. Holds: an honest network, too, is made less
# honest. Does not hold, or undecided: the text leaves this network out, and says so.
new = [run.change("ece", 0.1) for run in (clean, best, usable)]
for name, found in zip(list(situations)[1:], new):
    claim(f"{name.capitalize()}: ε = 0.1 raises the ECE by more than a point.",
          found, higher, kind="measured", id=f"elsewhere-ece-{places[name]}",
          **in_points)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("elsewhere", from_interval={
    "lower in all three": each(lower, lower, lower)(new),
    "higher in all three": each(higher, higher, higher)(new),
    "lower where the right labels are memorised, higher in the other two":
        each(lower, higher, higher)(new),
    "higher where the right labels are memorised, lower in the other two":
        each(higher, lower, lower)(new)},
    rests="elsewhere-ece-labels, elsewhere-ece-labels-tuned, elsewhere-ece-tuned")

# %% [markdown]
# So smoothing did not make them more honest: at ε = 0.1 the ECE rises in all three, which were too sure by less than 3 points, or not at all. Müller et al. (2019) report that smoothing calibrates; their networks were too sure. <!-- rests: elsewhere-ece-labels, elsewhere-ece-labels-tuned, elsewhere-ece-tuned -->
#
# In the means, the less a network was too sure, the nearer to ε = 0 its lines meet; those of *noise, tuned*, too modest from the start, never do. Why, the next section says.
#
# But mistakes become fewer. In 100 test images ε = 0.1 saves 2.4 of 23.4 mistakes in *noise, memorised*, and 1.6 of 5.8 in *right, memorised*. In the two tuned networks it saves less than one (*Deeper: the NLL*). <!-- rests: smooth-error-memorised, smooth-error-labels, not smooth-error-tuned -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Why does it make an honest network modest?
#
# Because it asks for an answer lower than the share that is right. Say ten images look so alike that the network gives all of them one answer $p$. Eight are threes, two are fives. Call the share of threes $c$; here $c = 0.8$. Eight images cost $-\log p_3$, two cost $-\log p_5$; the mean, $-0.8\log p_3 - 0.2\log p_5$, is the loss of *one* image whose target is 0.8 for "three" and 0.2 for "five". It is lowest at $p = q$ again: the network says $c$, and is right in a share $c$ of the cases: honest.
#
# Smooth the ten labels, and their mean is smoothed, too. Instead of $c$, the loss now asks for ($K = 10$, ε = 0.1)
#
# $$(1-\varepsilon)\,c + \frac{\varepsilon}{K} = 0.9\cdot 0.8 + 0.01 = 0.73,$$
#
# so at its lowest loss the network says 73 % where it is right in 80. The difference is taken *by design*:
#
# $$c - (1-\varepsilon)\,c - \frac{\varepsilon}{K} = \varepsilon\,\Bigl(c - \frac{1}{K}\Bigr) = 0.1\cdot(0.8 - 0.1) = 0.07, \text{ or 7 points.}$$
#
# **The main law: smoothing takes confidence away, needed or not.** Did it, in all four?

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true, "source_hidden": true}
# what is claimed
claim("In all four networks ε = 0.1 lowers the mean confidence by more than a point.",
      {places[name]: paired_interval(run.mean_confidence(0.1),
                                     run.mean_confidence(0.0))
       for name, run in situations.items()},
      lower, kind="measured", id="less-sure", **in_points)

# %% [markdown]
# It did. <!-- rests: less-sure -->
#
# | in points; below 0 is too modest | too sure at ε = 0 | less confidence with ε = 0.1 | more often right | too sure at ε = 0.1 |
# |---|---|---|---|---|
# | noise, memorised | 10.3 | 17.5 | 2.4 | −9.6 |
# | right, memorised | 2.6 | 16.3 | 1.6 | −15.3 |
# | right, tuned | 0.3 | 14.0 | 0.7 | −14.4 |
# | noise, tuned | −24.6 | 6.1 | 0.4 | −31.0 |
#
# The last column is the first less the two between, up to rounding.
#
# Say a network is too sure by 10 points, and is right as often as before. If ε takes 10, it is honest on average; if 20, as far off as before, on the other side; if more, further. So **who is too sure by less than half of what ε takes away ends further from honest**, on average over the rows.
#
# *And why was the last one modest before any smoothing?* A fifth of its labels is wrong, and it stopped before it knew these by heart. To it they look like smoothed labels: a wrong one is drawn from the nine other digits, as with $\varepsilon = 0.2\cdot\frac{10}9 = 0.22$. By the law they take about $0.22\cdot(0.9-0.1) = 0.18$, 18 of its 25 points (*Deeper: noisy labels*).
#
# *Why more than by design, in three of the four?* The formula takes at most 9 points, at $c = 1$. Here are the plain cell's networks:

# %%
for epsilon in (0.0, 0.1):
    logits = networks[epsilon](data.train_x)
    own = logits.gather(1, data.train_y[:, None])[:, 0]
    gap = own - (logits.sum(1) - own) / 9  # to the mean of the nine others
    print(f"ε = {epsilon}: mean logit gap {gap.mean():.1f} on the training rows")

# %% [markdown]
# Without smoothing the gap stands at 12.1, and in theory grows on; with it at 4.7, near the 4.5 of the formula (one seed). The formula compares two networks at rest. The one without smoothing, and without weight decay, never comes to rest, so on test rows, too, it likely has more confidence to lose.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Smooth, then a temperature?
#
# Can one have both: smoothing's fewer errors, and the plain network's honesty after *its* temperature? First the three networks of the plain cell:

# %%
temperatures = torch.logspace(-1, 1, 400)  # 0.1 to 10; widen if T is an end
for epsilon, model in networks.items():
    held_out, new = model(data.validation_x), model(data.test_x)
    losses = [nn.functional.cross_entropy(held_out / T, data.validation_y)
              for T in temperatures]
    T = temperatures[torch.stack(losses).argmin()]
    judge(f"ε = {epsilon}, T = {T:.2f}", new / T)

# %% [markdown]
# On this seed it mends all three: "sure" is now at most about 3 points from "right". Now eight seeds and all four networks, axes as before.

# %% jupyter={"outputs_hidden": true}
explore.situations.show_lines(situations, right)

# %% [markdown]
# In the means they lie within two points of each other, at every ε and in all four:
#
# | ε = 0 → ε = 0.1; lower is better | ECE as it is | ECE after $T$ | NLL as it is | NLL after $T$ |
# |---|---|---|---|---|
# | noise, memorised | 0.106 → 0.098 | 0.033 → 0.030 | 0.932 → 0.726 | 0.756 → 0.694 |
# | right, memorised | 0.028 → 0.153 | 0.017 → 0.011 | 0.226 → 0.292 | 0.195 → 0.148 |
# | right, tuned | 0.013 → 0.144 | 0.016 → 0.017 | 0.193 → 0.298 | 0.195 → 0.171 |
# | noise, tuned | 0.246 → 0.311 | 0.025 → 0.023 | 0.558 → 0.642 | 0.336 → 0.318 |
#
# Yes: a temperature leaves the errors alone, and after it the ECE with ε = 0.1 is less than a point higher, if at all. The NLL is lower, for *right, tuned* by fresh seeds alone (*Deeper: the NLL*). <!-- rests: smooth-tempered-nll, tempered-nll-labels, tempered-nll-tuned, tempered-ece-memorised, tempered-ece-labels, tempered-ece-labels-tuned, tempered-ece-tuned -->
#
# Without a temperature ε = 0.1 raises the mean NLL in three of the four; only for *right, memorised* was it tested that this is no luck. <!-- rests: elsewhere-nll-labels -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the NLL, and training for too long
#
# First the verdicts behind the last table, NLL and ECE after a temperature, and those on the errors (*Three other networks*). A fifth network joins here, *noise, stopped*: noisy labels, and 600 steps at the learning rate of those that memorise.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed; of "right, tuned" asked before it was run. Where a verdict does not
# hold or is undecided, "in all" becomes "in three of the four", and this one is named.
*_, early = compare_smoothing(noise=0.2, steps=600)
five = {**situations, "noise, stopped": early}
places["noise, stopped"] = "stopped"
for name, run in five.items():
    where = places[name]
    claim(f"{name.capitalize()}, temperature fitted: ε = 0.1 lowers the NLL.",
          paired_interval(run.of("nll", 0.1, right), run.of("nll", 0.0, right)), lower,
          kind="measured", unit="nats",
          id={"memorised": "smooth-tempered-nll"}.get(where, f"tempered-nll-{where}"))
    claim(f"{name.capitalize()}, temperature fitted: the ECE with ε = 0.1 is less than "
          "a point above that without.",
          paired_interval(run.of("ece", 0.1, right), run.of("ece", 0.0, right)),
          below(0.01), kind="measured", id=f"tempered-ece-{where}", **in_points)
for name, run in five.items():
    claim(f"{name.capitalize()}: ε = 0.1 lowers the error by more than a point.",
          run.change("error", 0.1), lower, kind="measured",
          id=f"smooth-error-{places[name]}", **in_points)

# %% [markdown]
# Each verdict holds but three. In *noise, tuned* ε = 0.1 saves less than a point of error. <!-- rests: not smooth-error-tuned --> In *right, tuned* these eight seeds decide neither the error nor the NLL; fresh seeds alone do: the NLL is lower, by 0.02, and the error by less than a point, 0.65.
#
# More questions. Does ε = 0.1 raise the ECE of the stopped network, too, and the NLL of that one and of *right, memorised*? And does smoothing make up for training too long: is it as good to memorise, with the ε that validation rows chose, as to stop at step 600 without smoothing?

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("Noise, stopped: ε = 0.1 raises the ECE by more than a point.",
      early.change("ece", 0.1), higher, kind="measured", id="elsewhere-ece-stopped",
      **in_points)
for name in ("right, memorised", "noise, stopped"):
    claim(f"{name.capitalize()}: ε = 0.1 raises the NLL.",
          five[name].change("nll", 0.1), higher, kind="measured",
          id=f"elsewhere-nll-{places[name]}", unit="nats")
claim("Stopping, without smoothing, has a lower NLL than memorising with the "
      "chosen ε.",
      paired_interval(early.of("nll", 0.0), noisy.chosen("nll")), lower,
      kind="measured", id="stopping-beats-nll", unit="nats")
claim("Stopping, without smoothing, has an error more than a point lower than "
      "memorising with the chosen ε.",
      paired_interval(early.of("error", 0.0), noisy.chosen("error")), lower,
      kind="measured", id="stopping-beats-error", **in_points)

# %% [markdown]
# It does: the stopped network's ECE is 0.182 in place of 0.076. The NLL is higher, too: 0.29 in place of 0.23 with right labels, 0.63 in place of 0.59 if stopped. <!-- rests: elsewhere-ece-stopped, elsewhere-nll-labels, elsewhere-nll-stopped -->
# And smoothing does not make up for training too long. Stopped at step 600, even that poor stop, without smoothing: 17.1 % errors, NLL 0.59. Memorised, with the chosen ε: 21.7 % and 0.72; on fresh seeds the errors lie 3.7 points apart. Nor does the ε with the fewest errors, 0.4, get there: 19.7 %. <!-- rests: stopping-beats-nll, stopping-beats-error -->
#
# And at which ε is the NLL lowest, as it is and after a temperature?

# %% tags=["deeper"]
print("mean NLL, ε =                              ",
      *(f"{epsilon:<6g}" for epsilon in noisy.epsilons))
for reading in ("as it is", right):
    for name, run in five.items():
        means = [run.of("nll", e, reading).nanmean() for e in run.epsilons]
        print(f"{name:<17}{reading:<26}", *(f"{mean:<6.3f}" for mean in means))

# %% [markdown]
# **Do this**: move ε, and set *probabilities* to *temperature, right labels*.  **Notice**: what does the line below say of each ECE?

# %% tags=["deeper"]
from course_lib.explorers import label_smoothing as explore

explore.situations.show(epsilon=0.1)

# %% [markdown]
# After a temperature every ECE is between 0.011 and 0.033. Judged: from 0.4 to 0.8, does the NLL still fall by more than 0.01?

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
for name in ("noise, memorised", "right, memorised", "noise, stopped", "noise, tuned"):
    far, less = (five[name].of("nll", epsilon, right) for epsilon in (0.8, 0.4))
    claim(f"{name.capitalize()}, temperature fitted: the NLL with ε = 0.8 is lower "
          "than with 0.4.",
          paired_interval(far, less), lower, kind="measured",
          id=f"far-nll-{places[name]}", unit="nats")

# %% [markdown]
# With a temperature the mean NLL falls from ε = 0 to 0.4 in all five. Beyond, it rises with memorised noise, from 0.67 to 0.77, and moves by 0.02 at most elsewhere: from 0.435 to 0.455 when stopped, from 0.140 to 0.137 in *right, memorised*, from 0.151 to 0.132 in *right, tuned* (not judged), from 0.289 to 0.278 in *noise, tuned*. On fresh seeds only it is decided that the last falls, by 0.02, and that in *right, memorised* it does not fall by 0.01.
#
# So judge ε by the NLL on validation rows *in the state in which you use the network*. As it is, each network has its own best ε: the mean is lowest at 0.1 with memorised noise, at 0.02 where right labels are memorised, at 0 and 0.02 stopped, at 0 where rate and stop are tuned. Without a temperature, then, try 0, 0.02, 0.05 and 0.1. After a temperature 0.4 is lowest with memorised noise; elsewhere 0.4 to 0.8 differ by 0.02 at most.
#
# *Why may the NLL fall where the ECE stays?* A proper score such as the NLL has two parts: how far the confidence is from the share that is right (*calibration*), and how well the classes are told apart (*refinement*; DeGroot & Fienberg, 1983). A temperature mends mostly the first. So after it the NLL compares mostly the second.
#
# *How much confidence does ε take away?* By design $\varepsilon\,(c - 1/K)$, at most 9 points at ε = 0.1. *Noise, tuned* comes near it: 6.1 points where the formula, with its confidence at ε = 0 for $c$, says 5.6. At ε = 0.8, too: from 65.6 % the formula leaves $0.2\cdot 0.656 + 0.08 = 21.1\,\%$, and the network is sure of 21 %. The others gave up more than the formula, by a factor that grows as ε shrinks: 2 to 6 points at 0.02, where it says at most 1.8; 5 to 12 at 0.05, at most 4.5; 9 to 17.5 at 0.1, at most 9. The formula is for a network with endless data and endless training; ours had 300 rows. The likely reason stands above (*Why does it make an honest network modest?*). Müller et al. (2019) report that smoothing calibrates a ResNet-56 on CIFAR-100 and an Inception-v4 on ImageNet, about as well as a temperature; both were overconfident. Not all modern networks are (Minderer et al., 2021).
#
# Whether smoothing helps the *error*, and whether the *probabilities* are then honest, are two questions, easily taken for one. Vaswani et al. (2017) write of translation: it "hurts perplexity" (e to the NLL), "as the model learns to be more unsure, but improves accuracy".

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a tuned rate and stop
#
# How were the two tuned networks chosen? First for noisy labels: four learning rates and seven stops, without smoothing, on sixteen seeds that no verdict uses. The lowest mean error on 200 validation rows with right labels decides. (The first grid had 0.004 and no 0.00025; its lowest rate won, so a lower one was added.) Then once more for right labels, with the same grid, which was not widened. Each seed has rows, noise, initial weights and batches of its own.

# %% tags=["deeper"]
for labels, noise in (("noisy", 0.2), ("right", 0.0)):
    *_, stops = tuned.choose_stop(noise=noise)
    print(f"{labels} labels, errors on validation rows; stop at step",
          *(f"{stop:>6}" for stop in stops.stops))
    for rate, errors in zip(stops.rates, stops.error.mean(0)):
        print(f"  learning rate {rate:<37g}", *(f"{error:6.1%}" for error in errors))
    print("lowest:", stops.best)

# %% [markdown]
# With right labels, 0.002 and 600 steps are the lowest: the highest rate tried, so a higher one might do better; and at this rate 300 steps to 1000 differ by little. With noisy labels, the slower, the later is the best stop; 0.0005 and 600 steps are the lowest of those tried; at 0.00025 the error still fell at the last stop. They were chosen by the errors; chosen by the NLL the network might be less modest, which was not measured. And they were chosen for ε = 0, so smoothing has to add to what was tuned without it. It took right labels, too: 200 for each of sixteen seeds. Together these are 3200 looks at 1522 of the 1797 images; about 85 % of each judging seed's test images are among them. Who has one set of 200 chooses from one noisy table, not from the mean of sixteen.
#
# Judged, on the eight seeds of the other networks: is ε = 0.4 better for *noise, tuned* than no smoothing?

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("Noise, tuned: ε = 0.4 lowers the error by more than a point.",
      usable.change("error", 0.4), lower, kind="measured", id="tuned-far-error",
      **in_points)
claim("Noise, tuned, temperature fitted: ε = 0.4 lowers the NLL.",
      paired_interval(usable.of("nll", 0.4, right), usable.of("nll", 0.0, right)),
      lower, kind="measured", id="tuned-far-nll", unit="nats")

# %% tags=["deeper"]
print("noise, tuned    ", *(f"ε = {e:<5g}" for e in usable.epsilons))
for figure, reading in (("error", "as it is"), ("ece", right), ("nll", right)):
    print(f"{figure:<16}", *(f"{usable.of(figure, e, reading).mean():<9.3f}"
                             for e in usable.epsilons))

# %% [markdown]
# Without smoothing 9.8 % errors, with 0.1 9.5, with 0.4 8.6, with 0.8 8.3. For 0.1 the verdict is that it gains less than a point (*Three other networks*). For 0.4 it is more than a point on fresh seeds only: 1.3. After a temperature the NLL falls from 0.336 to 0.289. <!-- rests: not smooth-error-tuned, tuned-far-nll -->
# As it is, this network is the most modest of all: sure of 66 %, right on 90 %, $T = 0.40$. At ε = 0.8 it is sure of 21 %, and $T$ is below 0.1. Here a temperature is no luxury.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: noisy labels are smoothed labels
#
# Let a label be wrong with probability ρ, each other class equally likely, as in our data. Its mean over all draws is a smoothed label, with $\varepsilon = \rho K/(K-1)$. Smooth noisy labels once more, and the doubts add up: what the label keeps is $(1-\varepsilon)(1-\rho K/(K-1))$. (Real mistakes, a three taken for an eight, are less evenly spread; not measured.)
# So smoothing does not undo the noise, it adds to it. Why then does it help the error? Lukasik et al. (2020) find it competitive with methods that correct the loss for known noise, and see in it a way of shrinking the weights. Our runs do not settle it: weights were not measured, and weight decay was 0 throughout. They rule out little: at step 2000, with ε or without, every wrong label is classified as labelled (the last verdict below). How sure the network is of these labels, and how fast it gets there, is not shown.

# %% tags=["deeper", "nbval-check-output"]
rho, K = 0.2, 10
hot = torch.eye(K, dtype=torch.float64)
# over all draws of a noisy label, for each true class
mean_label = (1 - rho) * hot + rho * (1 - hot) / (K - 1)
claim("The mean of labels that are wrong with probability ρ is the smoothed label with "
      "ε = ρK/(K − 1): here 0.222.",
      measured=(mean_label - smooth_labels(torch.arange(K), K, rho * K / (K - 1),
                                           torch.float64)).abs().max().item(),
      holds=below(1e-15))
at_once = smooth_labels(torch.arange(K), K, 1 - 0.9 * (1 - rho * K / (K - 1)),
                        torch.float64)
claim("Smoothed again with ε = 0.1, it is the label smoothed once with all but 0.9 · "
      "(1 − ρK/(K − 1)) = 0.7.",
      measured=(smooth_labels(mean_label, K, 0.1) - at_once).abs().max().item(),
      holds=below(1e-15))
claim("The other convention, 1 − ε for the label and ε/(K − 1) for each other class, "
      "is ours with ε·K/(K − 1), if ε ≤ (K − 1)/K.",
      measured=smooth_labels(torch.tensor([0]), 10, 0.1 * 10 / 9,
                             torch.float64)[0, 0].item(),
      holds=near(1 - 0.1, 1e-15))

# %% [markdown]
# Judged, by the same 0.01: is the gain in error larger with memorised noise than with right labels? And does ε = 0.1 change the share of labels learned?

# %% tags=["deeper", "nbval-check-output"]
gain = {name: run.of("error", 0.0) - run.of("error", 0.1)
        for name, run in situations.items()}
claim("ε = 0.1 lowers the error by more with memorised noise than with right labels, "
      "by over a point.",
      paired_interval(gain["noise, memorised"], gain["right, memorised"]), higher,
      kind="measured", id="smooth-error-more-noisy", **in_points)
learned = {e: noisy.memorised[:, noisy.epsilons.index(e)] for e in (0.0, 0.1)}
claim("Noise memorised: ε = 0.1 changes the share "
      "of training labels learned by less than a point.",
      paired_interval(learned[0.1], learned[0.0]), within(0.01),
      kind="measured", id="smooth-share-learned", **in_points)

# %% [markdown]
# With and without ε, all wrong labels are learned at step 2000. Whether the gain in error is larger with noisy labels than with right ones stays open: it is in the mean, by about 1.5 points on fresh seeds, but not surely by a full one. With right labels the gain is 1.6 points, here and on fresh seeds. <!-- rests: smooth-share-learned, open smooth-error-more-noisy -->
#
# *Why is the stopped network too modest?* A fifth of the labels that taught it are wrong. Asked for labels as noisy as those, it would be right on about $0.829\cdot 0.8 + 0.171\cdot 0.2/9 = 67\,\%$ of the test rows; asked for right ones it is right on 83 %. It says 75 %, in between, as if the noisy labels had taught it doubt. The tuned network would be right on $0.902\cdot 0.8 + 0.098\cdot 0.2/9 = 72.4\,\%$ and says 65.6: by labels like its own it is too modest by 7 points, not by 25. The 18 points between are what the formula above takes from a network that is honest about such labels, and right on 90.2 %. A temperature fitted on noisy labels does the same to a finished network. But a network that stops early has small logits anyway.
# So here are two controls, both on *right* labels: the network at the same *step*, 600, and at the same *stage*, where it has learned 89 % of its labels, too. Is it as modest?

# %% tags=["deeper"]
from course_lib.experiments.label_smoothing.same_share import compare_stages

*_, stages = compare_stages()
same_step = stages.steps.tolist().index(600)
for labels, sure_of, right_on in zip(("noisy", "right"), stages.sure, stages.right):
    print(f"step 600, {labels} labels: sure of {sure_of[:, same_step].mean():.1%}, "
          f"right on {right_on[:, same_step].mean():.1%}")
for share in (0.5, 0.7, 0.89):
    for noise in stages.noises:
        step = stages.steps[stages.where(noise, share)].float().mean()
        print(f"{share:.0%} learned, {'noisy' if noise else 'right'} labels: step "
              f"{step:3.0f}, sure of {stages.at('sure', noise, share).mean():.1%}, "
              f"right on {stages.at('right', noise, share).mean():.1%}")

# %% tags=["deeper", "nbval-check-output"]
claim("Right labels, stopped when 89 % of them are learned: too modest by more than a "
      "point.",
      mean_interval(stages.excess(0.0, 0.89)), lower, kind="measured",
      id="stage-labels-modest", **in_points)
claim("Stopped when 89 % of the labels are learned: noisy labels leave the network "
      "more modest than right ones, by over a point.",
      paired_interval(stages.excess(0.2, 0.89), stages.excess(0.0, 0.89)), lower,
      kind="measured", id="stage-noise-more-modest", **in_points)

# %% [markdown]
# The two controls disagree. At the same step, where nothing but the labels differs, right ones leave the network nearly honest. At the same stage they leave it far more modest than noisy ones do: sure of 38 %, right on 88. For 89 % of the right labels are learned by step 43, of the noisy ones by step 620. So stopping early makes a network modest by itself, on right labels too. *Noise, tuned* has no such control: right labels at its rate were not measured (*right, tuned* has another rate, and is the network of step 600 here). <!-- rests: stage-labels-modest, not stage-noise-more-modest -->
#
# *And if only noisy rows can be held out?* Taken as they are, they make a temperature doubt too much even by their own labels: by such labels the memorising network would be right on $0.766\cdot 0.8 + 0.234\cdot 0.2/9 = 62\,\%$, and with the mean $T$ of 3.8 it says 50. A likely reason, not measured: a wrong label where the network is very sure costs the NLL most, and one $T$ for all rows has to soften those.
# If the share ρ of wrong labels is known, and any other class is as likely, a label that the network gives $p$ stands there with probability $(1-\rho)\,p + \rho\,(1-p)/(K-1)$. Fit $T$ to that (it is the *forward correction* of Patrini et al., 2017), here for the plain network without smoothing:

# %% tags=["deeper"]
careless = digits(300, label_noise=rho, scale="unit")  # held-out labels wrong, too
logits, there = networks[0.0](careless.validation_x), careless.validation_y


def held_out_loss(T, share):
    """NLL of held-out labels of which this share is held to be wrong."""
    p = (logits / T).softmax(1).gather(1, there[:, None])
    return -((1 - share) * p + share * (1 - p) / (K - 1)).log().mean().item()


for share in (0.0, rho):
    T = min(torch.logspace(-1, 1, 400), key=lambda T: held_out_loss(T, share))
    judge(f"ρ = {share}, T = {T:.2f}", networks[0.0](data.test_x) / T)

# %% [markdown]
# Who takes the labels for right gets $T = 4.46$ and says 46 %; corrected, $T$ is 1.75, and the network says 78 % where it is right on 76 %. With right labels it is 2.11 (*Smooth, then a temperature?*). So if ρ is known, noisy rows may do in place of trusted ones. One seed.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: how many bins, and how near to 0 can it come?
#
# ECE looks at the top class only; a stricter definition asks it of all K probabilities. ECE depends on the bins, too. And in a finite sample no bin's share is exactly its probability, so even a perfectly calibrated model has an ECE above 0; more bins, or fewer rows, and it grows.
# There is an error the other way, too: within one bin too much and too little confidence cancel. So with endless rows the ECE is at most the true calibration error (Kumar et al., 2019).
# Here labels are drawn from the very probabilities that are judged. Our pictures use 15 bins and 1297 test rows.

# %% tags=["deeper"]
honest = seeded(2)
print("rows     5 bins   15 bins   30 bins     mean ECE of 20 perfectly calibrated "
      "samples")
found = {}
for rows in (100, 1297, 10000):
    for bins in (5, 15, 30):
        p = (2 * torch.randn(20, rows, 10, dtype=torch.float64,
                             generator=honest)).softmax(2)
        labels = torch.stack([one.multinomial(1, generator=honest)[:, 0] for one in p])
        found[rows, bins] = [expected_calibration_error(one, answer, bins)
                             for one, answer in zip(p, labels)]
    print(f"{rows:<6}",
          *(f"{sum(found[rows, bins]) / 20:9.4f}" for bins in (5, 15, 30)))

# %% [markdown]
# Judged: the ECE of perfectly calibrated predictions (1297 rows, 15 bins) is above one point; 30 bins give more than 5; our two verdicts on the ECE come out the same in 5 bins.
# And the networks' own probabilities lie nearer to 1, where chance does less. After their temperature, how much of the ECE would a calibrated network show as well?

# %% tags=["deeper", "nbval-check-output"]
claim("The ECE of perfectly calibrated predictions is above one point, in 1297 rows "
      "and 15 bins.",
      measured=mean_interval(found[1297, 15]), kind="measured", id="ece-floor",
      holds=above(0.01), **in_points)
claim("The ECE of perfectly calibrated predictions is larger in 30 bins than in 5.",
      measured=paired_interval(found[1297, 30], found[1297, 5]),
      kind="measured", id="ece-bins",
      holds=positive, **in_points)
for epsilon, word, holds in ((0.05, "lower", lower), (0.2, "higher", higher)):
    claim(f"Noise memorised, five bins: with ε = {epsilon} the ECE is {word} than "
          "without smoothing.",
          paired_interval(noisy.ece_in(5, epsilon), noisy.ece_in(5, 0.0)), holds,
          kind="measured", id=f"five-bins-{epsilon}", **in_points)

# %% tags=["deeper"]
left, ideal = noisy.of("ece", 0.0, right), noisy.ece_if_calibrated[:, 0]
print(f"ε = 0 after its temperature: ECE {left.mean():.3f}, and {ideal.mean():.3f} "
      "with labels drawn from its own probabilities")
on_right_labels = clean.ece_if_calibrated[:, 0].mean()
print(f"the same with right labels: ECE {clean.of('ece', 0.0, right).mean():.3f} after "
      f"its temperature, {on_right_labels:.3f} by chance")

# %% [markdown]
# The 0.028 cannot be subtracted from the 0.033 to get the real error: in one bin chance adds to a real gap, in the next it hides one.
#
# Does `temperature_scale` find the right $T$? We roll dice: the label of each row of $z$ is drawn with the probabilities $\mathrm{softmax}(z/2)$. So the logits $z$ are too sure by a factor of 2, and $T = 2$ is right. Eight draws of 50 labels:

# %% tags=["deeper", "nbval-check-output"]
draws = [(z / 2).softmax(1).multinomial(1, generator=seeded(i))[:, 0] for i in range(8)]
print("2 was asked for; from 50 rows T =",
      *(f"{temperature_scale(z, drawn):.2f}" for drawn in draws))
drawn = draws[0]
T = temperature_scale(z, drawn)
others = [our_cross_entropy(z / (T * 1.01**step), drawn).item()
          for step in range(-300, 301) if step]
claim("temperature_scale finds the lowest NLL: none of 600 other temperatures, from "
      "T/19 to 19 T, is as good.",
      measured=min(others) - our_cross_entropy(z / T, drawn).item(),
      kind="checked", holds=positive)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# What does one do tomorrow?
#
# 1. **Tune learning rate and stop** without smoothing, for the fewest errors on held-out rows with right labels. Compare how sure it is there with how often it is right (for *When not to*).
# 2. **Train with ε = 0, 0.1, 0.2 and 0.4.**
# 3. **Fit a temperature to each** on held-out rows with right labels.
# 4. **Keep the network with the lowest NLL** on these rows.
#
# Does it pay? Its rival has four trainings as well, without smoothing: **weight decay**, which pulls every weight towards zero (lesson 03), of strength λ = 0, 0.3, 1 and 3, then steps 3 and 4. After step 1 yours is one of the last two rows, by your labels; the first two skip it.
#
# | NLL on test rows, after the temperature; lower is better | one training, ε = 0 | one of four ε | one of four decays |
# |---|---|---|---|
# | noise, memorised | 0.76 | 0.68 | **0.33** |
# | right, memorised | 0.20 | **0.14** | 0.19 |
# | right, tuned | 0.19 | **0.15** | 0.19 |
# | noise, tuned | 0.34 | **0.29** | 0.33 |
#
# - **Smoothing beats the one training in every row**, by 0.04 to 0.08. One training at ε = 0.4 does as well in the means, and nearly every seed kept it. <!-- rests: recipe-nll, recipe-nll-labels-tuned -->
# - **It beats decay where labels are right, or rate and stop are tuned.** (They were tuned without either; with more steps decay may do more.) <!-- rests: recipe-decay-labels, recipe-decay-labels-tuned, recipe-decay-tuned -->
# - **Where wrong labels are learned by heart decay does far better**, likely by keeping the network from learning them; or tune first: that leads from the first row to the last. <!-- rests: not recipe-decay-memorised, not recipe-decay-stopped, tuned-recipe-or-decay-memorised -->
#
# Not tried: decay and smoothing together, tuning on a single set of 200 rows, averaging four networks.
#
# **What does a calibrated classifier cost?** *Here, mostly labels that you trust.* A temperature fitted to 200 of them leaves a mean ECE of 0.011 to 0.033, at ε = 0 and 0.1 alike, part of it chance. Smoothing *and then* the temperature has a lower NLL than the temperature alone. Smoothing used as it is takes confidence away, and at ε = 0.1 raised the mean NLL in three of the four. And *right, tuned* was honest before: there it cost nothing but the tuning. <!-- rests: recipe-nll, recipe-nll-labels-tuned, less-sure, elsewhere-nll-labels, tempered-ece-memorised, tempered-ece-labels, tempered-ece-labels-tuned, tempered-ece-tuned -->
#
# Trusted labels have another use. To train on 150 of them and keep 50 for $T$ gave *noise, memorised* an NLL of 0.55 in place of 0.76, more than any ε did (*Deeper: what trusted labels buy*). <!-- rests: rows-divided-memorised -->
#
# Are 20 enough? They helped on average, and are a gamble. With none, but a known share of wrong labels, see *Deeper: noisy labels*. <!-- rests: few-rows-20-memorised -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the recipe as a whole, and smoothing turned round
#
# *The recipe.* Each seed trains ε = 0, 0.1, 0.2 and 0.4, fits a temperature to each on the 200 validation rows with right labels, and keeps the lowest NLL on these same rows. The test rows judge it against ε = 0 with its own temperature: is its NLL lower by more than 0.01, in the four networks of above and in *noise, stopped*? *Its rival* spends as many trainings on weight decays of 0, 0.3, 1 and 3 at ε = 0, and chooses in the same way.
#
# *Turned round.* If smoothing teaches a network to say $(1-\varepsilon)\,c + \varepsilon/K$ in place of $c$, one can solve for $c$: from what it says subtract $\varepsilon/K$, set what is then below 0 to 0, and divide by the sum. That needs no label at all. Does it serve as well as a temperature: is the ECE of ε = 0.1 less than a point higher, in all but *right, tuned*, which is not judged?

# %% tags=["deeper"]
from course_lib.experiments.label_smoothing.recipe import (WIDE_DECAYS,
                                                           decay_instead,
                                                           follow_recipe)

recipes, rivals = {}, {}
for name, how in (("memorised", {}), ("labels", {"noise": 0.0}),
                  ("labels-tuned", {"noise": 0.0, "steps": tuned.RIGHT_STEPS,
                                    "rate": tuned.RIGHT_RATE}),
                  ("stopped", {"steps": 600}),
                  ("tuned", {"steps": tuned.STEPS, "rate": tuned.RATE})):
    *_, made = follow_recipe(**how)
    *_, rival = decay_instead(**how)
    recipes[name], rivals[name] = made, rival
    print(f"{name:<13}ε kept:", *(f"{epsilon:g}" for epsilon in made.kept()),
          "; λ kept:", *(f"{decay:g}" for decay in rival.kept()))
    for words, found in (("ε = 0", [made.of(f, 0.0) for f in ("nll", "error", "ece")]),
                         ("recipe", [made.chosen(f) for f in ("nll", "error", "ece")]),
                         ("decay", [rival.chosen(f) for f in ("nll", "error", "ece")])):
        nll, error, ece = (figure.mean() for figure in found)
        print(f"  {words:<7}with its T: NLL {nll:.3f}, errors {error:.1%}, "
              f"ECE {ece:.3f}")
    print(f"  ε = 0.1: ECE {made.of('plain_ece', 0.1).mean():.3f} as it is, "
          f"{made.of('turned_ece', 0.1).mean():.3f} turned round, "
          f"{made.of('ece', 0.1).mean():.3f} with its T; the true class ruled out in "
          f"{made.of('ruled_out', 0.1).mean():.1%}")

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
first_four = {name: made for name, made in recipes.items() if name != "labels-tuned"}
claim("The recipe has a lower NLL than ε = 0 with its own temperature: noise "
      "memorised, stopped, tuned, and right labels memorised.",
      {name: paired_interval(made.chosen("nll"), made.of("nll", 0.0))
       for name, made in first_four.items()},
      lower, kind="measured", id="recipe-nll", unit="nats")
claim("The recipe has a lower NLL than ε = 0 with its own temperature: right labels, "
      "rate and stop tuned.",
      paired_interval(recipes["labels-tuned"].chosen("nll"),
                      recipes["labels-tuned"].of("nll", 0.0)),
      lower, kind="measured", id="recipe-nll-labels-tuned", unit="nats")
for name, words in (("memorised", "memorised noise"), ("labels", "right labels"),
                    ("labels-tuned", "right labels, rate and stop tuned"),
                    ("stopped", "noise and training stopped"),
                    ("tuned", "noise, rate and stop tuned")):
    claim("The recipe has a lower NLL than four weight decays at ε = 0, each with its "
          f"temperature and chosen alike: {words}.",
          paired_interval(recipes[name].chosen("nll"), rivals[name].chosen("nll")),
          lower, kind="measured", id=f"recipe-decay-{name}", unit="nats")
claim("ε = 0.1 turned round has an ECE less than a point above that with a "
      "temperature: noise memorised, stopped, tuned, and right labels memorised.",
      {name: paired_interval(made.of("turned_ece", 0.1), made.of("ece", 0.1))
       for name, made in first_four.items()},
      below(0.01), kind="measured", id="turned-round-ece", **in_points)

# %% [markdown]
# Where noise was memorised or stopped every seed kept λ = 3, the largest. Would a larger one come as far as tuning *and* smoothing? Both sides have the same rows and seeds, and a temperature; four trainings each, of which one side has 28 settings of rate and stop before them.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# Written before it was run: λ = 0, 3, 10 and 30, the eight seeds of the others, 2000
# steps (memorised) and 600 (stopped) at rate 0.002; margin 0.01 nats, as everywhere.
# Holds: tuning, then smoothing goes first, and decay is for who cannot tune.
# Does not hold: decay alone comes as far, and the recipe may not put it second.
# Inconclusive: the two are not told apart here, and the text puts neither first.
for name, how in (("memorised", {}), ("stopped", {"steps": 600})):
    *_, wide = decay_instead(**how, decays=WIDE_DECAYS)
    print(f"{name:<10}λ kept:", *(f"{decay:g}" for decay in wide.kept()),
          f"; NLL {wide.chosen('nll').mean():.3f}, "
          f"errors {wide.chosen('error').mean():.1%}")
    claim("Rate and stop tuned, then the recipe: the NLL is lower than with four "
          f"decays up to λ = 30 where noise is {name}.",
          paired_interval(recipes["tuned"].chosen("nll"), wide.chosen("nll")), lower,
          kind="measured", id=f"tuned-recipe-or-decay-{name}", unit="nats")

# %% [markdown]
# *The recipe* does have the lower NLL in all five: on fresh seeds by 0.08 in *noise, memorised*, by 0.05 in *right, memorised*, by 0.035 in *right, tuned*, by 0.14 in *noise, stopped*, by 0.04 in *noise, tuned*. <!-- rests: recipe-nll, recipe-nll-labels-tuned --> The errors fell, too, most from 17.1 to 12.9 % where training is only stopped, least, by 1.2 points, where rate and stop are tuned; that is not judged. Of 40 choices (five networks, eight seeds) 34 were 0.4, the largest candidate; beyond it we gained 0.02 at most. So the choosing bought nothing here, as we know only after the fact: one training at 0.4 has mean NLLs of 0.673, 0.140, 0.151, 0.435 and 0.289, the four have 0.677, 0.138, 0.153, 0.435 and 0.290. One set of rows served both to fit and to choose; with few rows take others to choose by.
#
# *Four decays instead* do better where wrong labels are learned (surely so when the training accuracy is clearly above the share of labels that are right; below, some may be, too): *noise, memorised* and *noise, stopped*, and worse in the other three. In these two every seed kept λ = 3, the largest; given 10 and 30, too, every seed still keeps 3. Tuning and then smoothing goes further than decay on the network that memorised, by 0.04 on fresh seeds; and further than decay on the stopped one, by as much, on fresh seeds only. That is what 28 settings of rate and stop buy, on sixteen seeds with 200 right labels each, and no match of equal budgets; tuning alone, 0.336, comes about as far as the decays, 0.325 (not judged). Decay and smoothing together we did not try, nor four plain networks averaged. And do not copy the 3: AdamW pulls by rate × λ at each step, which over a run sums for λ = 3 to 12 with 2000 steps, to 3.6 when stopped, to 0.9 when tuned. <!-- rests: recipe-decay-labels, recipe-decay-tuned, not recipe-decay-stopped, not recipe-decay-memorised, recipe-decay-labels-tuned, tuned-recipe-or-decay-memorised -->
#
# *Turned round* is no temperature. It does lower the mean ECE of ε = 0.1, with memorised noise from 0.098 to 0.056, where rate and stop are tuned from 0.311 to 0.262. But the temperature leaves 0.030 and 0.023. <!-- rests: not turned-round-ece --> It gives back what smoothing took by design, and no more: a network that is too modest without smoothing stays so, and only labels can tell. And a true class below $\varepsilon/K$ gets a probability of 0, with memorised noise in 0.8 % of the rows, which makes the NLL infinite.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: what trusted labels buy
#
# Beside the 300 rows with noisy labels there are 200 whose labels are right. What are they good for?
#
# *For a temperature:* each network is given the same 50 random draws of 20, 50, 100 of these rows, and all 200. $T$ is the best of 400 values from 0.1 to 10 (elsewhere it is fitted more finely, so all 200 rows give an ECE of 0.032 here and of 0.033 there). Where all drawn rows are right there is no best one, and $T$ stays 1. *For training:* the network learns from all 500 rows, as many steps as before (rate and stop are not tuned anew). Judged by the same point; for a seed the mean over its draws counts.

# %% tags=["deeper"]
from course_lib.experiments.label_smoothing.trusted_rows import few_rows, train_on_them

*_, few = few_rows()
*_, few_tuned = few_rows(steps=tuned.STEPS, rate=tuned.RATE)
for name, run, some in (("noise, memorised", noisy, few),
                        ("noise, tuned", usable, few_tuned)):
    for epsilon in some.epsilons:
        before = run.of("ece", epsilon)
        print(f"{name}, ε = {epsilon}: ECE {before.mean():.3f} without a temperature")
        for rows in some.sizes:
            drawn = some.drawn("ece", epsilon, rows)
            worse = (drawn > before.unsqueeze(1)).double().mean()
            no_T = some.drawn("unfitted", epsilon, rows).double().mean()
            print(f"  from {rows:3} rows: ECE {drawn.mean():.3f}, in one draw of ten "
                  f"above {drawn.flatten().quantile(0.9):.3f}, worse than without T in "
                  f"{worse:.0%}; no T in {no_T:.0%}")

# %% tags=["deeper"]
tuned_run = {"steps": tuned.STEPS, "rate": tuned.RATE}
trained_200, trained_150 = {}, {}  # of the second, 50 rows are for a temperature
for name, how in (("noise, memorised", {}), ("noise, tuned", tuned_run)):
    *_, trained_200[name] = train_on_them(**how)
    *_, trained_150[name] = train_on_them(**how, held_out=50)
    run, some, every = situations[name], trained_150[name], trained_200[name]
    for e in every.epsilons:
        for rows, found, reading in (("300, T from 200 more", run, [right]),
                                     ("450, T from 50 more", some, []),
                                     ("500, no T", every, [])):
            error, ece, nll = (found.of(figure, e, *reading).mean()
                               for figure in ("error", "ece", "nll"))
            print(f"{name:<17}ε = {e:<4}trained on {rows:<21} errors {error:5.1%}, "
                  f"ECE {ece:.3f}, NLL {nll:.3f}")

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
for name, some in (("noise, memorised", few), ("noise, tuned", few_tuned)):
    say, where = f"{name.capitalize()}, ε = 0", name.split()[-1]
    claim(f"{say}: a temperature from 20 trusted rows lowers the ECE by more than a "
          "point.",
          paired_interval(some.of("ece", 0.0, 20), situations[name].of("ece", 0.0)),
          lower, kind="measured", id=f"few-rows-20-{where}", **in_points)
    claim(f"{say}: the ECE after a temperature from 50 trusted rows is less than a "
          "point above that from 200.",
          paired_interval(some.of("ece", 0.0, 50), some.of("ece", 0.0, 200)),
          below(0.01), kind="measured", id=f"few-rows-50-{where}", **in_points)

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
for name, every in trained_200.items():
    run, where, say = situations[name], name.split()[-1], f"{name.capitalize()}, ε = 0"
    claim(f"{say}: 200 trusted rows trained on lower the error by more than a point.",
          paired_interval(every.of("error", 0.0), run.of("error", 0.0)), lower,
          kind="measured", id=f"trained-on-{where}", **in_points)
    claim(f"{say}: 200 trusted rows trained on make fewer errors than ε = 0.1 without "
          "them, by more than a point.",
          paired_interval(every.of("error", 0.0), run.of("error", 0.1)), lower,
          kind="measured", id=f"trained-on-or-smooth-{where}", **in_points)
    claim(f"{say}: 150 trusted rows trained on and 50 for a temperature give a lower "
          "NLL than all 200 for a temperature.",
          paired_interval(trained_150[name].of("nll", 0.0), run.of("nll", 0.0, right)),
          lower, kind="measured", id=f"rows-divided-{where}", unit="nats")

# %% [markdown]
# *For a temperature.* With memorised noise 20 rows are a gamble: the ECE falls on average, to 0.065, and in one draw of six it rises. From 50 rows it is 0.044, from 100 0.038, from 200 0.032. Where rate and stop are tuned there is more to mend, and every temperature that was fitted helps: from 0.246 to 0.072, 0.034, 0.028 and 0.026. But in one draw of seven all 20 rows are right, and there is nothing to fit. Compared with 200, 50 rows cost about a point: on fresh seeds 1.4 with memorised noise, which is more than a point on fresh seeds only, and 1.1 where rate and stop are tuned. <!-- rests: few-rows-20-memorised, few-rows-20-tuned, open few-rows-50-tuned -->
#
# *Three uses of the 200 rows*, at ε = 0:
#
# | | the 200 rows | errors | ECE | NLL |
# |---|---|---|---|---|
# | noise, memorised | held out for $T$ | 23.4 % | 0.033 | 0.76 |
# | | 150 learned from, 50 for $T$ | 15.9 % | 0.048 | 0.55 |
# | | learned from, no $T$ | 13.9 % | 0.030 | 0.48 |
# | noise, tuned | held out for $T$ | 9.8 % | 0.025 | 0.34 |
# | | 150 learned from, 50 for $T$ | 7.7 % | 0.030 | 0.26 |
# | | learned from, no $T$ | 7.3 % | 0.199 | 0.42 |
#
# These ECEs, and the errors of the divided rows, are not judged.
#
# *For training.* 13.9 % errors in place of 23.4, and 7.3 in place of 9.8; ε = 0.1 alone makes 21.0 and 9.5. But these are 500 rows against 300, with 12 % wrong labels against 20. What 200 more rows with *noisy* labels would save was not measured, so this is what the rows buy, and not their being right alone. <!-- rests: trained-on-memorised, trained-on-tuned, trained-on-or-smooth-memorised, trained-on-or-smooth-tuned -->
#
# *For both.* 150 trained on and 50 held out: the NLL is 0.55 in place of 0.76, and 0.26 in place of 0.34. The first is confirmed. The second is not: on 24 fresh seeds the mean gain is 0.04, and does not exclude none, for in four of them the NLL rose, once by 0.36. Of 50 rows this network gets about four wrong, and $T$ hangs on those. So hold out more where errors are rare; how many we did not measure. <!-- rests: rows-divided-memorised, open rows-divided-tuned -->
# The tuned network needs its temperature: with all 200 trained on and none, its NLL is 0.42. The one that memorises does not: with all 200 trained on its ECE is 0.030 as it is, and its NLL 0.475. A likely reason, not measured: it is now right far more often, so its high confidence fits better.
#
# *Other images later?* Fit $T$ anew: an old one may fail (Ovadia et al., 2019).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a score that cannot be fooled, and whether confidence ranks
#
# A network that says the share of each class to every row has next to no ECE, and is useless. Two figures that notice, on the networks of above:
#
# - the **Brier score**, the mean of $\sum_k (p_k - y_k)^2$. Like the NLL it is a *proper* score, lowest on average for the true probabilities; but one confident error costs it 2 at most, and the NLL any amount;
# - the **AUROC** of finding errors (Hendrycks & Gimpel, 2017): the chance that a right answer is surer than a wrong one. Half is chance, 1 is perfect. It looks at the order alone, so no calibration enters.

# %% tags=["deeper"]
# three right answers, two wrong ones
sure = torch.tensor([0.9, 0.8, 0.6, 0.7, 0.55])
answers = torch.stack([sure, 1 - sure], 1)
truth_of = torch.tensor([0, 0, 0, 1, 1])
print(f"Brier score {brier_score(answers, truth_of):.3f}, AUROC",
      f"{error_auroc(answers, truth_of):.3f}: of six pairs one is the wrong way round")

# %% tags=["deeper"]
predict("ranks", "Smoothing with ε = 0.2 where noisy labels are memorised: does the "
        "chance that a right answer is surer than a wrong one fall by more than 0.01?",
        ["yes", "no", "cannot be told apart"])

# %% [markdown]
# Judged by the same 0.01, at ε = 0.2 against ε = 0: both figures, with noisy labels and with right ones. And the temperature, fitted on right labels: does it change the order?

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
for name in ("noise, memorised", "right, memorised"):
    run, where = situations[name], places[name]
    claim(f"{name.capitalize()}: ε = 0.2 lowers the Brier score.",
          run.change("brier", 0.2), lower, kind="measured", id=f"brier-{where}")
    claim(f"{name.capitalize()}: ε = 0.2 lowers the AUROC of finding errors.",
          run.change("auroc", 0.2), lower, kind="measured", id=f"auroc-{where}")
claim("Noise memorised: a temperature moves the AUROC by less than 0.01.",
      noisy.change("auroc", 0.0, right), within(0.01),
      kind="measured", id="auroc-temperature")

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
print("mean AUROC          ", *(f"ε = {epsilon:<5g}" for epsilon in noisy.epsilons))
for name, run in situations.items():
    print(f"{name:<20}", *(f"{run.of('auroc', epsilon).nanmean():<9.3f}"
                           for epsilon in run.epsilons))

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
order = noisy.change("auroc", 0.2)
reveal("ranks", from_interval={"yes": lower(order), "no": above(-0.01)(order)},
       rests="auroc-memorised")

# %% [markdown]
# On deep image networks the ranking is reported to suffer (Zhu et al., 2022; Xia et al., 2025): smoothing holds back the largest logit most where the answer is likely to be right. On our small networks, where noisy labels are memorised, it does not: at ε = 0.2 the mean AUROC is 0.834, without smoothing 0.816. With right labels, 0.939 and 0.937, it does not fall by 0.01 either, on fresh seeds only. So measure the ranking where you need one; Xia et al. restore it by normalising the logits of each row. Not measured: rankings at equal error, for a network that makes fewer errors has others left to find. <!-- rests: not auroc-memorised -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: neighbours of label smoothing, and of the ECE
#
# Smoothing is not for few classes only: it was proposed for the 1000 of ImageNet. Nor need the doubt be shared out evenly: Szegedy et al. (2016) write $\varepsilon\,u(k)$, where $u$ may be the shares of the classes (not measured here). Its neighbours:
#
# - The **confidence penalty** (Pereyra et al., 2017) adds $-\beta\,H(p)$ to the loss, with $H$ the entropy of the prediction. Up to constants, smoothing adds the divergence $\varepsilon\,\mathrm{KL}(u\,\|\,p)$, with $u$ uniform, to $1-\varepsilon$ times the cross entropy. The penalty adds $\beta\,\mathrm{KL}(p\,\|\,u)$ to all of it, and minds less where one class is nearly ruled out.
# - **Focal loss** (Lin et al., 2017) multiplies the cross entropy by $(1-p_y)^\gamma$, so that rows already learned count less; Mukhoti et al. (2020) train calibrated networks by it. **Mixup** (Zhang et al., 2018) mixes two images and their labels, so that its targets are soft, too (Thulasidasan et al., 2019). An **ensemble** takes the mean of the probabilities of several networks (Lakshminarayanan et al., 2017). None is measured here.
# - The **maximum calibration error**, MCE, is the largest gap of any bin. Where bins hold few rows it is mostly chance.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When not to
#
# Where is smoothing better left out?
#
# - The probabilities are used without a temperature, and the network is too sure by less than half of what ε takes away. How much it takes you know only after training with it; here ε = 0.1 took 6 to 17.5. So too sure by less than 3 points: leave it; by more than 9: try it. <!-- rests: elsewhere-ece-labels, elsewhere-ece-labels-tuned, elsewhere-ece-tuned -->
# - In place of weight decay, where noise is learned by heart. <!-- rests: not recipe-decay-memorised, not recipe-decay-stopped -->
# - A smaller network is to learn from its probabilities (*distillation*): with right labels and few rows it can learn less (*Deeper: the price*). <!-- rests: student-own-tau -->
# - The labels are probabilities already, as from several annotators: uniform doubt blurs theirs (not measured).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: what it does to the features
#
# *This section needs some linear algebra: what a subspace is.*
#
# The last layer compares the 128 **penultimate features** $h$ of an image with ten rows of weights, the **templates** of the classes. Only differences between logits count, so the softmax sees $h$ in nine directions of 128: those that the templates' differences span.
# Smoothing asks for the *same* finite gap to every wrong class, so rows of one class should gather in one spot. In which directions? (Each network's nine are its own.)
#
# The figure: scatter within classes over scatter between them; small is tight. 1000 training rows with right labels, twelve seeds. *Tighter* or *looser*, judged on training and on test rows: the interval of the paired difference (ε = 0.1 minus ε = 0) lies below or above 0.

# %% tags=["deeper"]
predict("clusters", "With ε = 0.1, the clusters of the training rows become …",
        ["tighter in the nine, tighter in all 128",
         "tighter in the nine, looser in all 128",
         "looser in the nine, tighter in all 128",
         "looser in the nine, looser in all 128"])

# %% [markdown]
# **Do this**: choose other digits, then test rows.  **Notice**: in which of the two pictures are the clusters tighter, and is it so with test rows?

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.explorers import label_smoothing as explore

explore.clusters.show()

# %% [markdown]
# *Left and middle:* three classes of one seed, seen in the plane through their three templates; the unit is the mean distance of the class means (✖) from their middle.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
*_, features = compare_clusters()
plain, smooth = features.epsilons.index(0.0), features.epsilons.index(0.1)
nine, all_128 = (features.scatter[:, space, :, smooth]
                 - features.scatter[:, space, :, plain] for space in (0, 1))
for part, rows in enumerate(("Training", "Test")):
    claim(f"{rows} rows, nine directions: clusters are tighter.",
          mean_interval(nine[:, part]),
          negative,
          kind="measured", id=f"nine-tighter-{rows.lower()}")
    claim(f"{rows} rows, all 128: clusters are looser.",
          mean_interval(all_128[:, part]),
          positive, kind="measured", id=f"all-looser-{rows.lower()}")

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
two = [mean_interval(nine[:, 0]), mean_interval(all_128[:, 0])]
reveal("clusters", from_interval={
    "tighter in the nine, tighter in all 128": each(negative, negative)(two),
    "tighter in the nine, looser in all 128": each(negative, positive)(two),
    "looser in the nine, tighter in all 128": each(positive, negative)(two),
    "looser in the nine, looser in all 128": each(positive, positive)(two)},
    rests="nine-tighter-training, all-looser-training")

# %% [markdown]
# In the nine directions that the softmax sees smoothing makes the clusters tighter, of training and of test rows; in all 128 they are looser. <!-- rests: nine-tighter-training, nine-tighter-test, all-looser-training, all-looser-test --> The other 119 directions change no probability, and smoothing asks nothing of them. Published pictures of tight clusters (Müller et al., 2019) show planes through templates, like ours.
# That class means end as far apart as they can, with the rows of a class gathered at their mean, is *neural collapse* (Papyan, Han & Donoho, 2020); it is found without smoothing too, when training goes on for long.
#
# Tight clusters might show less of *how much* this three looks like an eight, and a student who learns from the network might pay for that. *Deeper*, next, measures students; this reason for what it finds is not tested.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the price, a teacher that tells less
#
# In **distillation** (Hinton et al., 2015) a small student learns from a large teacher's probabilities instead of labels: "a three, a bit like an eight" says more than "a three". It is shown $\mathrm{softmax}(z/\tau)$; the larger τ, the more the wrong classes count. The student's own softmax has the same τ, and its loss is multiplied by τ², so that the gradients keep their size; AdamW, used here, hardly feels such a factor.
# Müller et al. (2019) found that students of smoothed teachers do worse; Shen et al. (2021), that this is not so in general. Lukasik et al. (2020) found that where the labels are noisy, smoothing the teacher helps the student. That case we did not measure: our teachers learn from right labels.
#
# Teachers: 64-128-10 networks, ε = 0 and ε = 0.1, 1000 rows with right labels. Students: 64-16-10, shown 200 of the teachers' 1000 rows at τ from 0.1 to 32, or all of them at τ = 4. Beside them a student who learns from the labels, at τ = 1.
# *More* or *fewer errors* means that the interval of the paired difference in test error (smoothed teacher minus plain) lies above or below 0. *Judged:* the teachers; students with 200 rows at τ = 1, at τ = 4, and at the τ that each one's 200 validation rows choose; students with 1000 rows.

# %% tags=["deeper"]
predict("student",
        "Suppose the smoothed teacher makes fewer errors (checked below). Its students "
        "with 200 rows make …",
        ["fewer errors at τ = 1 and at τ = 4", "fewer errors at τ = 1, more at τ = 4",
         "more errors at τ = 1, fewer at τ = 4", "more errors at τ = 1 and at τ = 4"])

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.experiments.label_smoothing.distillation import distill

*_, school = distill()
print("test error, mean ± half of its interval: "
      "of the plain, of the smoothed teacher,\nand the entropy of what the two show")
shown = {"the teacher itself": (school.teacher, None)}
shown |= {f"its student, {rows:4} rows, τ = {tau:g}": (wrong_share, tau)
          for (rows, tau), wrong_share in school.student.items()}
for name, (wrong_share, tau) in shown.items():
    intervals = [mean_interval(e) for e in wrong_share.T]
    entropy = "".join(f"{e:8.2f}" for e in school.entropy[tau].mean(0)) if tau else ""
    print(f"  {name:<32}",
          *(f"{i.mean:.4f} ± {i.half_width:.4f}  " for i in intervals), entropy)
for rows, wrong_share in school.labels.items():
    print(f"  student of the labels, {rows:4} rows: {wrong_share.mean():.4f}")

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
against = {key: paired_interval(e[:, 1], e[:, 0]) for key, e in school.student.items()}
chosen = school.at_chosen_temperature(200)
fewer, more = negative, positive
claim("The smoothed teacher makes fewer errors than the plain one.",
      paired_interval(school.teacher[:, 1], school.teacher[:, 0]), fewer,
      kind="measured", id="smooth-teacher-better", **in_points)
claim("Students with 200 rows, τ = 1: the smoothed teacher's makes fewer errors than "
      "the plain one's.",
      against[200, 1.0], fewer, kind="measured", id="student-tau-1", **in_points)
claim("Students with 200 rows, τ = 4: the smoothed teacher's makes more errors.",
      against[200, 4.0], more, kind="measured", id="student-tau-4", **in_points)
claim("Students with 200 rows, each at its chosen τ: the smoothed teacher's makes "
      "more errors.",
      paired_interval(chosen[:, 1], chosen[:, 0]), more,
      kind="measured", id="student-own-tau", **in_points)
claim("Students with 1000 rows, τ = 4: the smoothed teacher's makes more errors.",
      against[1000, 4.0], more, kind="measured", id="student-many-rows", **in_points)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
two = [against[200, 1.0], against[200, 4.0]]
reveal("student", from_interval={
    "fewer errors at τ = 1 and at τ = 4": each(fewer, fewer)(two),
    "fewer errors at τ = 1, more at τ = 4": each(fewer, more)(two),
    "more errors at τ = 1, fewer at τ = 4": each(more, fewer)(two),
    "more errors at τ = 1 and at τ = 4": each(more, more)(two)},
    rests="student-tau-1, student-tau-4")

# %% [markdown]
# With 200 rows and τ = 1 the smoothed teacher's students are ahead, 6.1 % errors against 6.9 (half a point on fresh seeds); at τ = 4 behind, 6.3 against 5.0; and with each teacher's best τ, on a wide grid, still behind, by 1.3 points. So a teacher that makes fewer errors, 1.7 % against 3.4 (1.3 points on fresh seeds), need not be the better teacher, with right labels and few rows. <!-- rests: smooth-teacher-better, student-tau-1, student-tau-4, student-own-tau -->
# The entropies, in nats, where ten equal classes have 2.30, tell why τ matters: a smoothed teacher's logits lie closer together, so the same τ leaves less of a difference between classes. Chandrasegaran et al. (2022) advise a low τ for smoothed teachers. Here that is not all of it: at equal entropy, 2.19 nats, students make 4.7 % errors (plain teacher, τ = 16) and 6.3 % (smoothed, τ = 4); that is not judged, and *why* is not measured.
# With all 1000 rows the student of the labels, 4.4 %, is ahead of both teachers' students, 4.8 and 5.0. How they stand to the student of the labels is not judged; we see no gain from distilling there. Whether the smoothed teacher's make more errors than the plain one's these seeds cannot tell; on fresh seeds they do, by half a point.

# %% [markdown] tags=["card"] slideshow={"slide_type": "slide"}
# ## To keep
#
# | | |
# |---|---|
# | formula | target $q=(1-\varepsilon)\,y+\varepsilon/K$; loss $(1-\varepsilon)\,$CE + $\varepsilon\,$CE to uniform |
# | lowest at | gap $\log\frac{K(1-\varepsilon)+\varepsilon}{\varepsilon}$; loss there: the target's entropy. $K=10$, $\varepsilon=0.1$: 4.511 and 0.5003 |
# | PyTorch | `nn.CrossEntropyLoss(label_smoothing=0.1)` in training, plain NLL in validation |
# | main law | takes confidence away, needed or not <!-- rests: less-sure --> |
# | what does it cost? | mostly labels that you trust, for a temperature. After it smoothing lowers the NLL; without one ε = 0.1 often raises it <!-- rests: recipe-nll, recipe-nll-labels-tuned, less-sure, elsewhere-nll-labels --> |
# | to try | rate and stop first; then ε 0, 0.1, 0.2, 0.4, each with its temperature from right labels; keep the lowest NLL <!-- rests: recipe-nll --> |
# | when not | probabilities used as they are, if too sure by less than half of what ε takes; labels that are probabilities; an unmeasured teacher; in place of decay where noise is learned by heart <!-- rests: elsewhere-ece-labels, elsewhere-ece-tuned, not recipe-decay-memorised --> |

# %% [markdown] slideshow={"slide_type": "skip"}
# Now write it yourself: **`05_label_smoothing_exercises.ipynb`**. Your own loss can then draw the first picture of this lesson.
#
# **Sources.** Szegedy, Vanhoucke, Ioffe, Shlens & Wojna, *Rethinking the Inception Architecture for Computer Vision*, CVPR 2016 (arXiv:1512.00567). Naeini, Cooper & Hauskrecht, *Obtaining Well Calibrated Probabilities Using Bayesian Binning*, AAAI 2015.
# Guo, Pleiss, Sun & Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017 (arXiv:1706.04599). Lukasik, Bhojanapalli, Menon & Kumar, *Does Label Smoothing Mitigate Label Noise?*, ICML 2020 (arXiv:2003.02819).
# Müller, Kornblith & Hinton, *When Does Label Smoothing Help?*, NeurIPS 2019 (arXiv:1906.02629). Vaswani et al., *Attention Is All You Need*, NeurIPS 2017 (arXiv:1706.03762). Hinton, Vinyals & Dean, *Distilling the Knowledge in a Neural Network*, 2015 (arXiv:1503.02531).
# Pereyra, Tucker, Chorowski, Kaiser & Hinton, *Regularizing Neural Networks by Penalizing Confident Output Distributions*, 2017 (arXiv:1701.06548). Papyan, Han & Donoho, *Prevalence of Neural Collapse during the Terminal Phase of Deep Learning Training*, PNAS 2020 (arXiv:2008.08186). Brier, *Verification of Forecasts Expressed in Terms of Probability*, Monthly Weather Review 78, 1950.
# Zhu, Cheng, Zhang & Liu, *Rethinking Confidence Calibration for Failure Prediction*, ECCV 2022. Xia et al., *Towards Understanding Why Label Smoothing Degrades Selective Classification and How to Fix It*, ICLR 2025 (arXiv:2403.14715). Wang, Feng & Zhang, *Rethinking Calibration of Deep Neural Networks: Do Not Be Afraid of Overconfidence*, NeurIPS 2021. Mukhoti et al., *Calibrating Deep Neural Networks using Focal Loss*, NeurIPS 2020 (arXiv:2002.09437). Lin, Goyal, Girshick, He & Dollár, *Focal Loss for Dense Object Detection*, ICCV 2017 (arXiv:1708.02002). Zhang, Cisse, Dauphin & Lopez-Paz, *mixup: Beyond Empirical Risk Minimization*, ICLR 2018 (arXiv:1710.09412). Hendrycks & Gimpel, *A Baseline for Detecting Misclassified and Out-of-Distribution Examples in Neural Networks*, ICLR 2017 (arXiv:1610.02136). Thulasidasan et al., *On Mixup Training: Improved Calibration and Predictive Uncertainty for Deep Neural Networks*, NeurIPS 2019 (arXiv:1905.11001). Lakshminarayanan, Pritzel & Blundell, *Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles*, NeurIPS 2017 (arXiv:1612.01474). Patrini, Rozza, Menon, Nock & Qu, *Making Deep Neural Networks Robust to Label Noise: A Loss Correction Approach*, CVPR 2017 (arXiv:1609.03683). Ovadia et al., *Can You Trust Your Model's Uncertainty? Evaluating Predictive Uncertainty Under Dataset Shift*, NeurIPS 2019 (arXiv:1906.02530). Kumar, Liang & Ma, *Verified Uncertainty Calibration*, NeurIPS 2019 (arXiv:1909.10155). Minderer et al., *Revisiting the Calibration of Modern Neural Networks*, NeurIPS 2021 (arXiv:2106.07998). DeGroot & Fienberg, *The Comparison and Evaluation of Forecasters*, The Statistician 32, 1983.
# Shen et al., *Is Label Smoothing Truly Incompatible with Knowledge Distillation: An Empirical Study*, ICLR 2021 (arXiv:2104.00676). Chandrasegaran, Tran, Zhao & Cheung, *Revisiting Label Smoothing and Knowledge Distillation Compatibility: What was Missing?*, ICML 2022 (arXiv:2206.14532).

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Test yourself, and teach it
#
# What one can explain in two minutes one has understood. Do it aloud, to a friend, a pet, or the wall; where you get stuck is where to read again.
#
# **Teach it to** a physician who is shown "97 %" by a classifier. *Draw* a reliability diagram: the diagonal, a network that is too sure, and one that is not sure enough. Where does dividing all logits by one number move each? *Disarm* the sentence "with ε = 0.1 the true class gets 0.9, the wrong ones share the rest". *And ask back:* Does smoothing make a network honest, or only less sure? When is that the same?
#
# Below: the questions of this lesson (those marked *Deeper* rest on folded sections), with a reason for every option, and its cards, which come back after 1, 3 and 7 days.

# %% slideshow={"slide_type": "skip"}
from course_lib.notebook import quiz_of, recall

quiz_of("label_smoothing")

# %% slideshow={"slide_type": "skip"}
recall("label_smoothing")
