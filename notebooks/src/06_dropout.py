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
# # Dropout: an ensemble for the price of one?
#
# At every training step, throw away half of the hidden units: other ones for each example, other ones at the next step. It sounds like sabotage, and is a standard tool.
# **What does such a network learn, and who puts the units back when the network is used?**
#
# *41 minutes; sections called* Deeper *are folded, and extra. You need to know hidden layers, ReLU, softmax with cross entropy as the loss, mean and variance; lessons 01 (overfitting), 02 (ridge) and 03 (weight decay) help.*

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import (above, below, between, claim, each, equal,
                                     positive, predict, quiz, reveal, setup,
                                     show_source, within)
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None

import torch
from torch import nn

from course_lib.base.random import seeded
from course_lib.dropout import Dropout, WeightScalingDropout, dropout
from course_lib.experiments.dropout import (averages, curves, fitted, longer, masks,
                                            mc_dropout, rival, wide, worth)
from course_lib.statistics import ratio_interval
from course_lib.statistics import mean_interval, paired_interval

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One example, sixty-four networks
#
# A batch of 64 rows, all the *same* example. In layers 1 and 2 each unit is dropped with chance $p = 0.5$ (crosses); what is left is a *thinned network*. On the right: what layer 1 hands on, its *activations*. A dash is what it hands on in *evaluation*: from here on that means the whole network, nothing dropped, run once.
#
# **Do this**: move the *row of the batch* back to 1, then up to 64. Then switch the *mode* to evaluation. **Notice**: how many times as high as its dash is a bar? Do the diamonds, means over the rows so far, come nearer the dashes?

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import dropout as explore

explore.masks.show(row=64)

# %% [markdown]
# Each row meets another thinned network. A bar is twice as high as its dash: a unit that is there half of the time counts double. So the diamonds come near the dashes: after 64 rows 9 % off, all units together, by chance. In evaluation bars and dashes are level.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## By hand
#
# What does one layer do to one number? An entry $x = 6$ meets dropout with $p = 0.25$. With probability $p$ it is dropped, else it is divided by $1-p$. Two things can come out, 0 and $6/0.75 = 8$; their mean E and variance Var are
#
# $$\mathrm{E} = 0.25\cdot 0 + 0.75\cdot 8 = 6 = x \qquad\qquad \mathrm{Var} = 0.25\,(0-6)^2 + 0.75\,(8-6)^2 = 12 = x^2\,\frac{p}{1-p}$$
#
# The factor keeps the mean. The variance is the price.

# %%
x = torch.tensor([6.0, 1.0, 0.5, 2.0], dtype=torch.float64)
generator = seeded(0)
for _ in range(4):
    print(dropout(x, p=0.25, generator=generator))

# %% [markdown]
# Of the 16 entries 4 are 0: a quarter, as p says.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The one line
#
# How is that written? In training mode, for $p < 1$, so:
#
# ```python
# return x * (torch.rand_like(x) >= p) / (1 - p)
# ```
#
# `torch.rand_like` draws a number from [0, 1) for each entry: at least $p$ with probability $1-p$. In evaluation mode `x` comes back as it is. **So nobody has to put units back, or to rescale them**: training has done the dividing (*inverted* dropout).
#
# A dropped unit hands on 0. A weight out of it is multiplied by 0, one into it feeds a unit that nobody hears: for this row the gradient of both is 0. So a row teaches only its own thinned network, whose weights it shares with many others.
#
# **Why should it help?** Four reasons are given, judged at the end:
#
# 1. **No unit can count on certain others**, so each has to be of use by itself.
# 2. **It averages many networks**: each mask trains another one.
# 3. **It hinders wrong labels most.** Each belongs to one image, and perhaps to few units, of which some are missing in most steps.
# 4. **It is a penalty on the weights**: masks shake the outputs, more where weights are large, and that costs loss.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the whole function, and in front of the ReLU or behind it?
#
# First the two sums of *By hand*, for four entries and four p. In a thousand calls each entry takes two values only; `aminmax` picks them out, and they go into the sums.

# %% tags=["deeper", "nbval-check-output"]
gaps = []
for p in (0.1, 0.25, 0.5, 0.8):
    thousand = dropout(x.expand(1000, -1), p, generator=generator)
    dropped, kept = thousand.aminmax(dim=0)
    mean = p * dropped + (1 - p) * kept
    variance = p * (dropped - mean) ** 2 + (1 - p) * (kept - mean) ** 2
    gaps += [(mean - x).abs().max().item(),
             (variance - x**2 * p / (1 - p)).abs().max().item()]
claim("The two outcomes, weighted with p and 1 − "
      "p, have mean x and variance x²·p/(1 − p).",
      measured=max(gaps), holds=below(1e-12))

# %% [markdown]
# Evaluation gives `x` back. In the form of the first papers it multiplied by $1-p$ instead, and training rescaled nothing: $1-p$ times what ours gives, in both modes.

# %% tags=["deeper", "nbval-check-output"]
layer = Dropout(0.5)
claim("In evaluation mode dropout is the identity.",
      measured=(layer.eval()(x) - x).abs().max().item(), holds=equal(0))
old = WeightScalingDropout(0.5, generator=generator)
claim("In the form that the papers of 2012 and 2014 train with, nothing is rescaled in "
      "training, and evaluation multiplies by 1 − p.",
      measured=[sorted(set((old.train()(x.expand(50, -1)) / x).flatten().tolist())),
                sorted(set((old.eval()(x) / x).tolist()))],
      holds=equal([[0, 1], [0.5]]))

# %% [markdown]
# The function with its checks; `kept(x, p)` is the mask. At $p = 1$ nothing is kept, and $0/0$ must not come out.

# %% tags=["deeper"]
show_source(dropout)

# %% [markdown]
# In front of the ReLU or behind it, it makes no difference. A mask multiplies by 0 or by a positive number, and ReLU lets both pass through: $\mathrm{relu}(c\,x) = c\,\mathrm{relu}(x)$ for $c \ge 0$. Other activations do not.

# %% tags=["deeper", "nbval-check-output"]
def swapped(f):
    """Largest difference between f behind dropout and f in front of it, under one
    mask."""
    z = torch.linspace(-3, 3, 601, dtype=torch.float64)
    one, same = (seeded(0) for _ in range(2))
    return (f(dropout(z, 0.5, generator=one))
            - dropout(f(z), 0.5, generator=same)).abs().max().item()


claim("Dropout and ReLU commute; dropout and tanh do not.",
      measured=[swapped(torch.relu), swapped(torch.tanh)],
      holds=each(equal(0), above(0.1)))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In plain PyTorch
#
# A small network learns handwritten digits (8 × 8 pixels, so 64 inputs) from 300 images. Every fifth has a wrong label: something that should not be learnt. Some 1500 others, with right labels, are for testing. How many of these are missed, with dropout and without?
#
# `nn.Dropout(p)` is the layer; `model.train()` switches its masks on, `model.eval()` off. It stands behind a hidden layer, never behind the last one, where it would set answers to 0.

# %% tags=["plain"]
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from course_lib.data import digits

# 300 images, every fifth label wrong; pixels from 0 to 1
data = digits(300, label_noise=0.2, scale="unit")


def test_error(p):
    """Train with dropout p; return the share of test images it gets wrong."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(p),
                          nn.Linear(128, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0)
    model.train()  # masks on
    for epoch in range(160):
        for rows in torch.randperm(300).split(50):
            loss = cross_entropy(model(data.train_x[rows]), data.train_y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()  # masks off
    return (model(data.test_x).argmax(1) != data.test_y).float().mean().item()


for p in (0.0, 0.5):
    print(f"dropout {p}: {test_error(p):.1%} of the test images wrong")

# %% [markdown]
# That was one seed. The means of twelve, at step 1000, are 21.8 % and 14.0 %; from here on these count. (A *seed* fixes what is left to chance: training rows, first weights, order of the batches, masks.)
#
# **In your own loop**: `model.eval()` before every validation and in use, `model.train()` before training goes on. Who forgets the second trains on without dropout, and nothing complains. The function `F.dropout(x, p)` obeys neither: give it `training=self.training`.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where is the ensemble?
#
# A layer of $n$ units has $2^n$ masks: $2^n$ thinned networks that share their weights. An *ensemble* is a group of networks whose answers are averaged. Where they err in different directions, the errors cancel in part. Is evaluation the average of all thinned networks?

# %%
predict("ensemble",
        "Two networks. One has masks on its inputs: a linear layer, a ReLU and a "
        "linear layer follow. The other has masks on its hidden units: only the last "
        "linear layer follows. Where is evaluation (before any softmax) exactly the "
        "average over all thinned networks?",
        ["in both places", "only on the hidden units", "only on the inputs",
         "in neither"])

# %% [markdown]
# Three hidden units behind a ReLU, two outputs: eight thinned networks. The chance of a mask is a product, $1-p$ for each unit kept and $p$ for each dropped: at $p = 0.3$ the mask 0 1 1 has $0.3\cdot 0.7\cdot 0.7 = 0.147$.

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# what the eight thinned networks answer
p_small = 0.3
example, first, second = masks.tiny_network()  # the example leaves all three units on
hidden = torch.relu(first @ example)  # three numbers
whole = second @ hidden  # evaluation: two outputs

on_hidden = masks.all_masks(3)  # the eight masks, one a row
chance_hidden = masks.chances(on_hidden, p_small)
outputs = (hidden * on_hidden / (1 - p_small)) @ second.T  # of eight networks
print(masks.table(on_hidden, p_small, outputs, whole))

# %% [markdown]
# Two cards. *Exact*: an identity, true to rounding. *Checked*: tried on this example.

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
last = (chance_hidden @ outputs - whole).abs().max().item()
claim("Masks right in front of the last linear layer: "
      "evaluation is the average over all of them.",
      measured=last, holds=below(1e-12))
# now masks on the four inputs, in front of the ReLU: sixteen of them
on_inputs = masks.all_masks(4)
chance_in = masks.chances(on_inputs, p_small)
z = (example * on_inputs / (1 - p_small)) @ first.T
bent = (chance_in @ (torch.relu(z) @ second.T) - whole).abs().max().item()
claim("Masks on the inputs, with a ReLU behind them: here it is not.", measured=bent,
      holds=above(0.01), kind="checked")

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("ensemble",
       from_interval={
           "in both places": below(1e-12)([last, bent]),
           "only on the hidden units": each(below(1e-12), above(1e-12))([last, bent]),
           "only on the inputs": each(above(1e-12), below(1e-12))([last, bent]),
           "in neither": above(1e-12)([last, bent])},
       because="a mean goes through W·h + b untouched, layer after layer, and not "
               "through a ReLU that some masks switch on and others off")

# %% [markdown]
# In the table the last two lines agree. With masks on the inputs evaluation is off by 0.67, which is much: its answers are −1.5 and −1.2. A mean does not go through a ReLU: 1 and −1 have mean 0, and relu(0) = 0, but the mean of relu(1) = 1 and relu(−1) = 0 is 0.5.
#
# **So, before any softmax, evaluation *is* the average over all thinned networks, as long as only linear layers follow the masks.** Each counts by its chance. Elsewhere it is a stand-in, near in the small regression where we measured it (*Deeper: how near is the stand-in*). <!-- rests: evaluation-near-mean -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: ReLUs that stay awake, and which average of probabilities
#
# Two linear layers, each with masks of its own, keep the mean. "Linear" is enough, but not needed: a ReLU whose input has the same sign under every mask is a linear function for all of them.
#
# Now put a softmax behind that last linear layer. The thinned networks give probabilities. Their ordinary average is not what evaluation gives, but their **geometric** mean is, once it is scaled to sum to 1:
# a softmax is $e^{z}$ over its sum, the geometric mean of $e^{z}$ is $e^{\text{mean of } z}$, and the mean of $z$ is the $z$ of evaluation (Hinton et al. 2012; for deeper networks, approximately, Baldi & Sadowski 2013).

# %% tags=["deeper", "nbval-check-output"]
# each of the sixteen masks of the inputs meets each of the eight: [16, 8, 2]
both = (z.unsqueeze(1) * on_hidden / (1 - p_small)) @ second.T
claim("Two linear layers, each with masks of its own, and no ReLU: evaluation is the "
      "average.", measured=(chance_in @ (chance_hidden @ both)
                            - second @ first @ example).abs().max().item(),
      holds=below(1e-12))
# nothing negative reaches the ReLU
awake = torch.relu((example.abs() * on_inputs / (1 - p_small))
                   @ first.abs().T) @ second.T
claim("Positive weights and inputs: no mask switches a ReLU, and evaluation is the "
      "average again.",
      measured=(chance_in @ awake
                - second @ torch.relu(first.abs() @ example.abs())).abs().max().item(),
      holds=below(1e-12))
# `outputs`: the logits of the eight thinned networks
geometric = (chance_hidden @ outputs.log_softmax(1)).softmax(0)
arithmetic = chance_hidden @ outputs.softmax(1)
claim("Behind a softmax, evaluation is the normalised geometric mean over all masks in "
      "front of its linear layer.",
      measured=(geometric - whole.softmax(0)).abs().max().item(),
      holds=below(1e-12))
claim("It is not the ordinary mean of the probabilities.",
      measured=(arithmetic - whole.softmax(0)).abs().max().item(),
      holds=above(1e-3), kind="checked")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## "The training loss is higher with dropout, is this a bug?"
#
# So asks the mlr3torch course ("the lecture"). Take the network of *In plain PyTorch* at step 1000, $p = 0.5$, and three losses on its training rows:
#
# 1. of the *plain* network, trained without dropout;
# 2. of the network trained with dropout, **masks off**, after `model.eval()`;
# 3. of the same weights, **masks on**, after `model.train()`: roughly what a training loop prints.
#
# From 1 to 3 there are two gaps, 2 − 1 and 3 − 2. Each counts if above 0.05 nats, our unit of cross entropy: some 5 % less probability for the labels.

# %%
predict("worse",
        "With dropout, training prints a higher training loss than without. Why?",
        ["there is a bug", "only because the masks are on while it is measured",
         "only because the network fits the rows less",
         "both of the last two"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true, "source_hidden": true}
# what is claimed of the gap; every p is trained, for here and for the next picture
*_, trained = curves.compute_curves()
losses = curves.three_losses(trained, p=0.5)
less_fit = paired_interval(losses.off, losses.plain)
added = paired_interval(losses.on, losses.off)
claim("With its masks off, the network trained with dropout has a higher training loss "
      "than the plain one, by more than 0.05 nats.",
      measured=less_fit, kind="measured", id="fits-less", holds=above(0.05),
      unit="nats")
claim("The same weights have a higher training loss with their masks on than off, by "
      "more than 0.05 nats.",
      measured=added, kind="measured", id="mask-noise", holds=above(0.05),
      unit="nats")

# %% jupyter={"outputs_hidden": true}
print(losses.table())

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("worse",
       from_interval={
           "both of the last two": above(0.05)([less_fit, added]),
           "only because the network fits the rows less":
               each(above(0.05), below(0.05))([less_fit, added]),
           "only because the masks are on while it is measured":
               each(below(0.05), above(0.05))([less_fit, added])},
       because=f"measured: {less_fit.mean:.2f} is a worse fit, {added.mean:.2f} comes "
               "from the masks", rests="fits-less, mask-noise")

# %% [markdown]
# **No bug: the fit is looser, and the masks cost something.** To compare fits, measure both in evaluation mode. What training makes small, on average over masks, is number 3:
#
# $$\text{loss with masks on} = \text{loss with masks off} + \text{what the masks add}$$
#
# **What the masks add is a penalty**, drawn next. <!-- rests: fits-less, mask-noise -->
#
# *How to read a card*, the first of the two above. **0.147 [0.135, 0.158]**: the mean of our twelve seeds, whose figures the text gives, and its 95 % interval, where the mean over very many seeds probably lies. (Bands round lines, too.) **0.156 [0.150, 0.162]**: the same of 36 *fresh* seeds, asked once, after the sentence was written. **✓**: both intervals lie where the sentence says, **✗**: both where it says they do not, **○**: anything else, so it is *not confirmed*, or *open*.

# %%
quiz("A network with dropout, p = 0.5, scores 97 % on the training rows while it "
     "trains, and 99 % on the test rows. Leak?",
     {"yes": "Possible, but first measure both in the same mode: while it trains, half "
             "of its units are missing.",
      "not necessarily":
          "The 97 % were scored by thinned networks, the 99 % by the whole one. Score "
          "the training rows in evaluation mode, then compare.",
      "test rows are easier":
          "One would have to show that. The mode alone can explain it."},
     answer="not necessarily")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Which regularizer is it?
#
# Why does being shaken cost loss, and how much? Take a linear model with masks on its *inputs*, one row, $x = (3, 1)$, weights $w = (1, 2)$, $p = 0.5$. Without masks the prediction is $3\cdot 1 + 1\cdot 2 = 5$. With them, what is kept counts double:
#
# | kept | none | the first | the second | both |
# |---|---|---|---|---|
# | prediction | 0 | 6 | 4 | 10 |
#
# Each has chance ¼. The mean is 5; the variance is $(25 + 1 + 1 + 25)/4 = 13$. The features share it: the first hands on 3, so its mask makes $3^2 = 9$ (*By hand*; here $\frac{p}{1-p}$ is 1), the second hands on 2, and makes $2^2 = 4$. The masks are independent, so the variances add.
#
# Let the target be 7. **Notice**: from the square at 5, by how much does the error fall one unit to the right, and rise one unit to the left?

# %% jupyter={"source_hidden": true}
from course_lib.explorers.dropout.shaken import show_shaken

show_shaken()

# %% [markdown]
# It falls by 3 and rises by 5: on a bowl, being shaken costs. The four errors, 49, 1, 9 and 9, have mean 17; with masks off the error is 4. **What the masks add, 13, is the variance.** Always so: shaken by $d$, the prediction is $5+d$, and its error is $(2-d)^2 = 4 - 4d + d^2$. On average $d$ is 0, and $d^2$ is the variance.
#
# With any p, feature $j$ of a row adds $\frac{p}{1-p}x_j^2w_j^2$. Summed over all rows of a table $X$, with targets $y$:
#
# $$\text{loss with masks on, on average} = \lVert y - Xw\rVert^2 + \frac{p}{1-p}\sum_j \lVert x_{\cdot j}\rVert^2\, w_j^2$$
#
# $\lVert x_{\cdot j}\rVert^2$ is the sum of the squares in column $j$. **So dropout on the inputs of a linear regression is, on average, ridge**: L2 on the weights (lesson 02), but each weight has its own strength, greater where its feature is larger. With the cross entropy of our digits it is a guide only.

# %% [markdown]
# **How strong is it?** Take one weight, one row, $x = 3$, target 6, $p = 0.5$. Without masks $w = 2$ fits. With them the prediction is 0 or $6w$. The 0 costs the same whatever $w$ is; $6w$ is right with $w = 1$, half of 2.
#
# So it is for one weight with any $p$ and many rows. A row whose $x$ is dropped does not mind $w$; the others meet $\frac{w}{1-p}$, and want that at the least-squares weight. So $w$ becomes $1-p$ times it, however many the rows, and however long one trains.
#
# **Unless it can be shared.** Let two features always be equal, $x = (3, 3)$, and $p = 0.5$. Weights (2, 0) add $9\cdot 4 = 36$. Weights (1, 1) predict the same and add $9 + 9 = 18$. So it pays to *distribute* a weight, and a large p hurts features less that can replace one another (*Deeper*).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: several weights, real masks, and a ridge that does not mind units
#
# First the formula itself: eight rows, three features, and for each row all eight masks.

# %% tags=["deeper", "nbval-check-output"]
draw, p_ridge = seeded(0), 0.4
X, y, w = (torch.randn(shape, generator=draw, dtype=torch.float64)
           for shape in ((8, 3), 8, 3))
claim("The loss averaged over all masks of all rows is the ridge formula, at p = 0.1, "
      "0.3, 0.5 and 0.9.",
      measured=[(masks.averaged_loss(X, y, w, p) - masks.ridge_loss(X, y, w, p)).item()
                for p in (0.1, 0.3, 0.5, 0.9)],
      holds=within(1e-10))

# %% [markdown]
# What holds for one weight holds for each of several, where their columns are orthogonal, however large the features and however many the rows:

# %% tags=["deeper", "nbval-check-output"]
kept_share = []
for rows in (8, 800):
    table, target = (torch.randn(shape, generator=seeded(rows), dtype=torch.float64)
                     for shape in ((rows, 3), (rows, 1)))
    # orthogonal columns of very different size
    table = torch.linalg.qr(table).Q * torch.tensor([1.0, 10.0, 0.1]).double()
    free = torch.linalg.lstsq(table, target).solution[:, 0]
    kept_share += (masks.ridge_solution(table, target[:, 0], 0.4) / free).tolist()
claim("Orthogonal columns, 8 rows or 800, p = 0.4: dropout's ridge leaves 0.6 of each "
      "weight.", measured=[one - 0.6 for one in kept_share], holds=within(1e-9))

# %% [markdown]
# And $k$ equal features. Of a weight $W$ that they share each gets $W/k$, and $k$ squares of that make $W^2/k$: the penalty is one $k$-th. With $\frac{p}{(1-p)\,k}$ for the $\frac{p}{1-p}$ of the core,
#
# $$W = \frac{1}{1+\frac{p}{(1-p)\,k}}\;w^{\text{least squares}}$$
#
# | share of least squares | k = 1 | 2 | 10 | 100 |
# |---|---|---|---|---|
# | p = 0.2 | 0.80 | 0.89 | 0.98 | 1.00 |
# | p = 0.5 | 0.50 | 0.67 | 0.91 | 0.99 |
#
# This may be why 0.5 is usual in a wide layer, and 0.2 or less on inputs, where often nothing can replace another.
# Below: 50 rows, one column written $k$ times. (If that is why inputs get a small p, inputs that replace one another, as neighbouring pixels may, would allow a larger one.)

# %% tags=["deeper", "nbval-check-output"]
column, target = (torch.randn(shape, generator=seeded(1), dtype=torch.float64)
                  for shape in ((50, 1), 50))
alone_fits = (column[:, 0] @ target / column.square().sum()).item()
missed = []
for p in (0.2, 0.5, 0.8):
    for k in (1, 2, 10, 100):
        together = masks.ridge_solution(column.expand(50, k), target, p).sum().item()
        missed += [together / alone_fits - 1 / (1 + p / ((1 - p) * k))]
claim("k equal features, k = 1, 2, 10, 100, at three p: their weights together are "
      "1/(1 + p/((1 − p)·k)) of least squares.", measured=missed, holds=within(1e-9))

# %% [markdown]
# With any columns the sum is smallest at the *closed form*, `ridge_solution`, $\hat w = \big(X^\top X + \tfrac{p}{1-p}\,\mathrm{diag}(X^\top X)\big)^{-1}X^\top y$. Gradient descent on half the sum gets there; "small enough" is $\eta < 2/\lambda_{\max}$ of the matrix that is inverted.
#
# That was without chance. Now with it: 500 regressions trained with `dropout` itself, a fresh mask at each step. None of them comes to rest, but their mean should sit on the closed form, within three and a half standard errors in every weight.
# (The table is always the same; only masks vary.)

# %% tags=["deeper", "nbval-check-output"]
ridge = masks.ridge_solution(X, y, p_ridge)
claim("Gradient descent on half that average, with "
      "steps small enough, ends at the closed form.",
      measured=(masks.train_averaged(X, y, p_ridge, lr=0.02, steps=1500)
                - ridge).abs().max().item(),
      holds=below(1e-9))
gram = X.T @ X
edge = 2 / torch.linalg.eigvalsh(gram
                                 + p_ridge / (1 - p_ridge)
                                 * torch.diag(gram.diagonal())).max().item()
claim("The step 0.02 is below 2/λ_max.", measured=edge, holds=above(0.02))
runs = masks.train_linear(X, y, p_ridge, lr=0.02, steps=800, runs=500,
                          generator=seeded(0))
off = (runs.mean(0) - ridge) / (runs.std(0) / len(runs) ** 0.5)
claim("Trained with real masks, the mean weights are those of the closed form, within "
      "3.5 standard errors.",
      measured=off.tolist(), holds=within(3.5),
      kind="checked", false_alarm=3 * 4.7e-4)  # three weights

# %% [markdown]
# Ordinary ridge changes its mind when a feature is written in centimetres instead of metres: the weight gets a hundredth, and is hardly pulled any more. Dropout's ridge weighs each weight with its own feature's size, so the two cancel. A shift does not cancel: the size is measured from 0, so centre the features first. A ridge behind standardised features does the same: with $\lambda$ = rows times $p/(1-p)$ beside the sum of squares it is dropout's.

# %% tags=["deeper", "nbval-check-output"]
units = torch.tensor([1.0, 100.0, 0.01], dtype=torch.float64)


def of_dropout(X):
    return masks.ridge_solution(X, y, p_ridge)


def ordinary(X, strength=3.0):
    return torch.linalg.solve(X.T @ X + strength * torch.eye(3).double(), X.T @ y)


claim("Rescaled features leave the predictions of dropout's ridge as they are, and "
      "change those of ordinary ridge.",
      measured=[(X @ solve(X) - (X * units) @ solve(X * units)).abs().max().item()
                for solve in (of_dropout, ordinary)],
      holds=each(below(1e-9), above(0.01)))

# %% [markdown]
# In a network with masks on its last hidden layer and a squared loss, put the activations $h_j(x_i)$ for the $x_{ij}$. But the network chooses these as well. What is charged is the sum of the squared products $h_j(x_i)\,w_j$, so half the weight behind twice the activation saves nothing. That is no plain L2 on the weights.
#
# More rows do not weaken it. Beside the *mean* loss, which our loops make small, the penalty is $\frac{p}{1-p}$ times the mean of $x_j^2$, times $w_j^2$: the same for any number of rows. What more rows do weaken is a fixed penalty beside a *sum* of losses, as in scikit-learn's `Ridge(alpha=…)`.
#
# In logistic regression (two classes) the same sum weighs each row with $\hat p(1-\hat p)$, the variance of its label under the model. Rows of which the model is sure add hardly anything to the penalty, so a feature that is rare but decisive is spared (Wager et al. 2013). It is a quadratic approximation there, no identity.
#
# Only mean and variance of a mask enter the sum. So a factor drawn from a normal distribution with mean 1 and variance $\frac{p}{1-p}$ gives the same ridge: *Gaussian dropout* (2014, section 10).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Does the fit stay looser?
#
# In linear regression the weights stay smaller for ever. On the digits, was step 1000 only too early? We train on, ten times as long. **Notice**: what becomes of the two hatched gaps on the left, of the test error on the right?

# %% jupyter={"source_hidden": true}
from course_lib.explorers.dropout.losses import show_losses

far = longer.losses()  # to step 10 000: those of our seeds are kept
show_losses(far)

# %% [markdown]
# **Here it was late: with p = 0.5 the gap closes.** At step 10 000 loss 2 is at most 0.0014, over our seeds. A missed label has at most half of the probability, so one alone would cost −ln ½ = 0.69 or more, in a mean over 300 rows 0.0023. So all labels are learnt, wrong ones too. By our rule, written before, this stays *open*; *Deeper* says why we overrule it. <!-- rests: fits-less, not still-fits-less -->
#
# **And yet it errs less.** Since step 1000 the test error of p = 0.5 has risen by 5.6 points, to 19.6 %; the plain network has 26.8 %. So being late is not all; what else there is, we have not tested. <!-- rests: half-late, half-worsens -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: where the looser fit lies, and whether it pays
#
# 60 of the 300 rows carry a wrong label. How much of the worse fit, 2 − 1, is on these?

# %% tags=["deeper", "nbval-check-output"]
# dropout − plain
right, wrong = (b - a for a, b in zip(*(curves.loss_by_label(trained, p)
                                        for p in (0.0, 0.5))))
claim("More than half of the worse fit is on the rows with a wrong label.",
      measured=mean_interval(60 * wrong / (60 * wrong + 240 * right)), kind="measured",
      id="wrong-labels-most", holds=above(0.5), unit="%", times=100)

# %% tags=["deeper"]
print(f"2 is worse than 1 by {wrong.mean():.2f} on rows with a wrong label, by "
      f"{right.mean():.2f} on the others")

# %% [markdown]
# Most of it: 79 %. <!-- rests: wrong-labels-most -->
#
# Does the looser fit pay, since a tighter one would raise what the masks add by more than it lowers loss 2? Or is it late? Loss 3, which training makes small, is *flat* if it changes by less than 0.02 nats from step 5000 on. If loss 2 is then still above loss 1, by more than 0.05, the looser fit *pays*; if not, it was *late*. Where loss 3 is not flat, the question stays open.

# %% tags=["deeper", "nbval-check-output"]
halfway, at_last = (far[step] for step in longer.STOPS[-2:])
claim("p = 0.5: from step 5000 to step 10 000 the loss with masks on changes by less "
      "than 0.02 nats.",
      measured=paired_interval(halfway.on, at_last.on), kind="measured",
      id="masks-on-flat", holds=within(0.02), unit="nats")
claim("Step 10 000: with its masks off, the network trained with dropout has a higher "
      "training loss than the plain one, by more than 0.05 nats.",
      measured=paired_interval(at_last.off, at_last.plain), kind="measured",
      id="still-fits-less", holds=above(0.05), unit="nats")

# %% tags=["deeper", "nbval-check-output"]
# Written before the run: the twelve seeds of the picture, p = 0 and 0.5. If half-late
# holds, some of the gain is left although the labels are learnt; if not, all but a
# point is gone. If half-worsens holds, the harm comes later, but it comes; if not,
# p = 0.5 protects so long a run, too
thousand_steps = far[longer.STOPS[0]]
for key, sentence, higher, lower in (
        ("half-late", "Step 10 000: p = 0.5 has a lower test error than no dropout",
         at_last.plain_error, at_last.error),
        ("half-worsens", "p = 0.5 has a higher test error at step 10 000 than at step "
         "1000", at_last.error, thousand_steps.error)):
    claim(f"{sentence}, by more than a point.", measured=paired_interval(higher, lower),
          kind="measured", id=key, holds=above(0.01), unit="points", times=100)

# %% tags=["deeper"]
print(longer.table(far))
print(f"loss 2 at the end, the largest of the seeds: {at_last.off.max():.4f}")

# %% [markdown]
# It was late. By our rule the question would stay open, for loss 3 is not flat: it still falls from 0.042 to 0.018, by a little more than 0.02. But the rule was made for a gap that is left, and none is: loss 2 is 0.001, in no seed above 0.0014. Then every label is fitted, the wrong ones too. (One that is not the network's answer costs at least 0.69, and the 300 rows have 0.3 together.) What the masks add shrinks as well, from 0.12 to 0.02: in the end nearly every thinned network answers as the whole one does. The penalty may still be *why* it is late. In test error p = 0.5 is then 7.3 points ahead of the plain network, at step 1000 it was 7.8, though both have learnt every label. Of p = 0.85 we have no run as long. <!-- rests: not masks-on-flat, not still-fits-less, half-late -->
#
# That what the masks add is above 0 is no finding. They stand in front of the last linear layer, in whose outputs the loss is a bowl, and over a bowl the mean height of two points is never below the height at their middle (Jensen). Its size is measured.
#
# That is dropout on average. Its masks also make the gradient noisy, which has an effect of its own (Wei et al. 2020); we do not take the two apart.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Does it only learn more slowly?
#
# Is dropout's delay mere slowness? Then a network without dropout that has fitted as many *right* labels should have fitted as many *wrong* ones, too. A label is *fitted* if it is the network's answer, masks off. Beside both stands *weight decay*, which shrinks every weight a little at each step.
#
# **Do this**: compare the solid lines in the left panel, then the dashed ones. The rings mark where p = 0, at step 900, and p = 0.5, at 1000, have fitted as many right labels. **Notice**: in the right panel, do p = 0.5 and weight decay lie on p = 0, or below?

# %% jupyter={"source_hidden": true}
from course_lib.explorers.dropout.fitted import show_fitted

counted = fitted.compute_fitted()
show_fitted(counted)

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true, "source_hidden": true}
# what is claimed of the wrong labels, where as many right ones are fitted
claim("No dropout, looked at where it has fitted as many right labels as p = 0.5 has "
      "at step 1000, has fitted more of the wrong ones, by more than 10 points.",
      measured=paired_interval(*counted.wrong_at_equal_right(0.5)), kind="measured",
      id="wrong-not-right", holds=above(0.1), unit="points", times=100)

# %% [markdown]
# **No: wrong labels are learnt later still.** The solid lines nearly meet, the dashed ones part. At the rings, with 99.8 % of the right labels fitted, p = 0 has fitted 81.5 % of the wrong ones, p = 0.5 only 53.2 %. <!-- rests: wrong-not-right -->
#
# **But that is not dropout's own.** Weight decay, λ = 0.5, ends with 99.6 % of the right labels. Where p = 0 has as many, it has fitted 16 points more of the wrong ones. <!-- rests: mild-decay-not-right -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## How much is enough?
#
# Which p is best, and does stopping in time do as well? Nine p, 0 among them, are read twice: at **step 1000**, and **stopped in time**, at the recorded step with the lowest mean test error. (Chosen on the test rows that measure it, so intervals there are too narrow.)

# %%
predict("best", "Which p has the lowest test error at step 1000?",
        ["0: none", "0.1 or 0.3", "0.5 or 0.7", "0.8 or more"])

# %% [markdown]
# **Do this**: move p from 0 to 0.96. On the left, where do the rings go, the best steps of p = 0 and of your p? On the right compare *test rows, at the end* with *at its best step*: at which p is each lowest?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import dropout as explore

explore.curves.show(p=0.5)

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true, "source_hidden": true}
# what is claimed of each at its best step
error = {p: trained.test_error[:, trained.at(p), -1] for p in trained.ps}
step, at_best = zip(*(curves.stopped(trained, p) for p in (0.0, 0.5, 0.85)))
for key, p, lower in (("half-best", 0.5, at_best[1]), ("most-best", 0.85, at_best[2])):
    claim(f"Each at its best step: p = {p} has a lower test error than no dropout, by "
          "more than a point.", measured=paired_interval(at_best[0], lower),
          kind="measured", id=key, holds=above(0.01), unit="points", times=100)
print(curves.table(trained))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("best",
       curves.told_apart({
           "0: none": error[0.0],
           "0.1 or 0.3": min((error[p] for p in (0.1, 0.3)), key=torch.mean),
           "0.5 or 0.7": min((error[p] for p in (0.5, 0.7)), key=torch.mean),
           "0.8 or more": min((error[p] for p in (0.8, 0.85, 0.9, 0.96)),
                              key=torch.mean)}),
       because="the lowest mean is at p = "
               f"{trained.ps[trained.test_error[:, :, -1].mean(0).argmin()]:g}")

# %% [markdown]
# **At step 1000 p near 0.9 is best; stopped in time, p hardly matters.** Then all p up to 0.85 lie within half a point. Dropout makes the good stretch longer, and a large p makes it later.
#
# 1. **Left to run, it gains much**: 7.8 points with p = 0.5. With right labels, from 200 rows, it is half a point (*Deeper: right labels*). <!-- rests: half-end, not clean-p05 -->
# 2. **A stop protects better than p = 0.5**, by 4 points. p = 0.85 comes near without one, 10.2 against 10.0 %, but has to be found, too. <!-- rests: stopping-beats-half -->
# 3. **Beside a stop the gain is small**, between nothing and a bit over a point. With p = 0.5 it is less than the point we asked for (✗), with p = 0.85 that is open (○). Our seeds tell neither gain from 0. Fresh ones do: 0.7 and 1.0 points. <!-- rests: not half-best, open most-best -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: p = 0.96, and what was not varied
#
# The mean test error on the way, for five p:

# %% tags=["deeper"] jupyter={"source_hidden": true}
print("mean test error at step", *(f"{s:>6}" for s in trained.steps[5:]))
for p in (0.0, 0.5, 0.85, 0.9, 0.96):
    print(f"               p = {p:<5g}",
          *(f"{e:6.1%}" for e in trained.test_error[:, trained.at(p)].mean(0)[5:]))

# %% [markdown]
# What does p = 0.5 gain at step 1000, and what a stop in its place?

# %% tags=["deeper", "nbval-check-output"]
claim("Step 1000: p = 0.5 has a lower test error than no dropout, by more than 3 "
      "points.", measured=paired_interval(error[0.0], error[0.5]), kind="measured",
      id="half-end", holds=above(0.03), unit="points", times=100)
claim("No dropout, stopped at its best step, has a lower test error than p = 0.5 at "
      "step 1000, by more than a point.",
      measured=paired_interval(error[0.5], at_best[0]), kind="measured",
      id="stopping-beats-half", holds=above(0.01), unit="points", times=100)

# %% [markdown]
# Is 0.96 too large at step 1000? And has p = 0.5 fitted fewer wrong labels there?

# %% tags=["deeper", "nbval-check-output"]
claim("Step 1000: p = 0.96 has a higher test error than p = 0.85, by more than a "
      "point.", measured=paired_interval(error[0.96], error[0.85]), kind="measured",
      id="most-too-many", holds=above(0.01), unit="points", times=100)

# %% tags=["deeper", "nbval-check-output"]
wrong_plain, wrong_half, *_ = counted.wrong[:, :, -1].T
claim("Step 1000: p = 0.5 has fitted fewer of the wrong labels than no dropout, by "
      "more than 10 points.", measured=paired_interval(wrong_plain, wrong_half),
      kind="measured", id="wrong-fewer", holds=above(0.1), unit="points", times=100)

# %% [markdown]
# Is the delay of wrong labels dropout's own? At $\lambda$ = 0.5, of five strengths the nearest to p = 0.5 in test error, though 2 points behind it, the core asks for 10 points, as it does of p = 0.5. Here $\lambda$ = 2, which validation rows choose for a run to step 1000 (next section but one), and which never fits more than 98 % of the right labels. It delays wrong labels, too, if it has fitted fewer than no penalty has, by more than 5 points, where both have fitted as many right labels: as many as the one with fewer has at step 1000. It does so *as much* if it differs from p = 0.5 by less than 5 points, compared likewise.

# %% tags=["deeper", "nbval-check-output"]
# Written before the run. If it holds, the delay is not dropout's own, late either; if
# not, decay as good as that at step 1000 delays wrong labels by less than our bound
claim("Where both have fitted as many right labels as one of them has at step 1000, "
      "weight decay (λ = 0.5) has fitted fewer of the wrong ones than no penalty, by "
      "more than 10 points.",
      measured=paired_interval(*counted.wrong_of_both(fitted.PLAIN, fitted.MILD)),
      kind="measured", id="mild-decay-not-right", holds=above(0.1), unit="points",
      times=100)

# %% tags=["deeper", "nbval-check-output"]
for key, sentence, other, bound in (
        ("decay-not-right", "has fitted fewer of the wrong ones than no penalty, by "
         "more than 5 points", fitted.PLAIN, above(0.05)),
        ("decay-like-half", "differs from p = 0.5 in wrong ones fitted by less than 5 "
         "points", fitted.HALF, within(0.05))):
    claim("Where both have fitted as many right labels as one of them has at step "
          f"1000, weight decay (λ = 2) {sentence}.",
          measured=paired_interval(*counted.wrong_of_both(other, fitted.DECAY)),
          kind="measured", id=key, holds=bound, unit="points", times=100)

# %% tags=["deeper"] jupyter={"source_hidden": true}
from course_lib.explorers.dropout.fitted import levels

print(levels(counted))

# %% [markdown]
# 0.96 is too large, by three points. And p = 0.5 has fitted 53.2 % of the wrong labels, no dropout 86.4 %: 33 points, 38 on fresh seeds. <!-- rests: wrong-fewer -->
#
# Weight decay ends with 97.7 % of the right labels. Where both have as many, it has fitted 7 points fewer of the wrong ones than no penalty. On fresh seeds it is 4.8 [3.8, 5.7]: clear of 0, but more than our 5 points is not shown. From p = 0.5 it differs by half a point, there and on fresh seeds. So it delays wrong labels as much. <!-- rests: open decay-not-right, decay-like-half -->
#
# Later the two part (in the table a dash says that so many right labels are never fitted): decay has 8.5 % of the wrong labels at step 1000, p = 0.5 has 53.2 %. That may be a matter of strength. With $\lambda$ = 0.5 decay gets to 99.6 % of the right labels, and has fitted 16 points fewer of the wrong ones there than no penalty. Where 99 % of the right labels are fitted, p = 0.5 is ahead of it on our seeds; fresh ones were not asked. <!-- rests: mild-decay-not-right --> With p = 0.85, which validation rows choose for a run to the end (as they choose $\lambda$ = 2), 8.8 % of them are fitted where 98 % of the right ones are, with decay 8.4 %.
#
# *At an equal share of right labels* (*Does it only learn more slowly?*). The count says that wrong labels are learnt later (Arpit et al. 2017 saw dropout hinder random labels, too). It does not say why: whether few units answer to each of them, as the third reason has it, we have not tested. At the rings nearly all right labels are fitted, so "as many" is a coarse measure there: 0.1 % of them is a quarter of a label. But the solid lines hardly part on the whole way. The stop is read off mean curves, at every fiftieth step, and is the last at which no dropout has not yet fitted more right labels. The comparisons with decay, and at 95, 98 and 99 %, run straight from look to look.
#
# In practice a stop costs validation rows, as the choice of p does. *The intervals cover* twelve seeds: other split, start, batch order and masks, of the same 1797 images. Fresh seeds come in three sets of twelve, and each set chooses its best steps anew. The chance in that choice is in no interval, so those at the best step are too narrow. *Not varied:* the rate and the width, tuned for no p; at p = 0.96 five of 128 units are left. The paper of 2014 advises $n/(1-p)$ units, a rate 10 to 100 times as high or a high momentum, and a cap on the norm of each unit's incoming weights (*max-norm*). So our comparisons at the best step may give dropout too little, most of all a large p; the next section chooses width and rate too. Lesson 10 asks other data than digits.
#
# *The best p, stopped in time:* on our seeds 0.7; for all p up to 0.85 the error lies within half a point.
#
# *At an equal fit.* If dropout were mere slowness, a plain network would do as well on test rows, stopped where it fits as well as p = 0.5 does at step 1000.

# %% tags=["deeper", "nbval-check-output"]
matched = curves.equal_fits(trained, 0.5)
for by, fit in matched.items():
    claim(f"No dropout, stopped at the training {by} that p = 0.5 has at step 1000, "
          "has a higher test error, by more than a point.",
          measured=paired_interval(fit.test_error[:, 0, -1], error[0.5]),
          kind="measured", id=f"same-{by}", holds=above(0.01), unit="points", times=100)

# %% [markdown]
# It does not. Stopped at the same training *error*, it has 4.2 points more test error, 3.7 on fresh seeds. Stopped at the same training *loss*, 0.31, it has 5.3 points more, 4.6 on fresh seeds. The loss is the worse comparison, since it is higher already where a network is less sure of its answers. Both stops are read off mean curves. <!-- rests: same-error, same-loss -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: wide, with a rate and a stop of its own
#
# Of what the paper of 2014 advises (previous section) width and rate are chosen here, max-norm is left out. Once more the digits with wrong labels: 128 and 512 units, p = 0, 0.5 and 0.85, and for each of these six the rate (0.0005, 0.002 or 0.008) and the stop with the lowest mean error on 200 validation rows, of which a fifth carry wrong labels, too. Of the two plain ones, and of the four with dropout, the one with the lowest validation error is compared. The bound is a point of test error once more.
#
# On MNIST the table of that paper has 0.95 % test error for two layers of 8192 ReLUs with dropout and max-norm. The 1.60 % beside it are an older network's (Simard et al. 2003), so this is not like with like.

# %% tags=["deeper", "nbval-check-output"]
arms = wide.arms()  # those of our seeds are kept, fresh ones are trained
plain_arm = wide.best([arm for arm in arms if arm.p == 0])
masked_arm = wide.best([arm for arm in arms if arm.p > 0])
claim("Width, p, rate and stop chosen on validation rows: dropout has a lower test "
      "error than no dropout, by more than a point.",
      measured=paired_interval(plain_arm.error, masked_arm.error), kind="measured",
      id="tuned-gain", holds=above(0.01), unit="points", times=100)

# %% tags=["deeper", "nbval-check-output"] jupyter={"source_hidden": true}
print(wide.table(arms))

# %% [markdown] tags=["deeper"]
# Dropout gains about a point (1.0 before rounding): 9.7 % without, 8.8 % with 512 units and p = 0.85. That it gains something is clear, for the interval lies above 0; whether a whole point stays open, on fresh seeds too. <!-- rests: open tuned-gain --> It is not quite fair: dropout had four arms to choose from, no dropout two, so part of the point may be choice. And nearly all arms chose the lowest of the three rates; a lower one might serve them better. Max-norm, wider layers and decay beside them were not tried.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: weight decay in dropout's place
#
# Does another penalty do the same? Weight decay gets what dropout gets: five strengths, 0 among them, of which the validation rows choose, on the digits of the previous section, with 128 units and the rate 0.002. p is 0, 0.3, 0.5, 0.7 or 0.85, AdamW's decay $\lambda$ 0, 0.5, 2, 8 or 32. Without a gradient it shrinks a weight to $1/e$ in $1/(0.002\lambda)$ steps: 1000 at 0.5, as long as the run, 16 at 32, not three epochs. Decay does the same if the two differ by less than a point of test error, left to run and stopped in time.

# %% tags=["deeper", "nbval-check-output"]
rivals = rival.compute_rivals()
masked, decayed = (rivals[name] for name in rival.METHODS)
for key, sentence, one, other in (
        ("rival-end", "Left to run to step 1000, each strength chosen on validation "
         "rows", decayed.left_to_run(), masked.left_to_run()),
        ("rival-best", "Stopped in time, strength and stop chosen on validation rows",
         decayed.stopped_in_time(), masked.stopped_in_time())):
    claim(f"{sentence}: weight decay and dropout differ in test error by less than a "
          "point.", measured=paired_interval(one.error, other.error), kind="measured",
          id=key, holds=within(0.01), unit="points", times=100)

# %% tags=["deeper", "nbval-check-output"] jupyter={"source_hidden": true}
print(rival.table(rivals))

# %% [markdown] tags=["deeper"]
# A star marks what the validation rows choose: p = 0.85 and $\lambda$ = 2 left to run, p = 0.7 and $\lambda$ = 2 stopped in time. (In *How much is enough?* p = 0.85 has 10.2 % at step 1000: there these 200 rows are test rows.) On our seeds the two methods have the same test error, to a few tenths of a point. On fresh ones decay is behind, by 0.8 points [0.4, 1.1] left to run and by 1.0 [0.8, 1.2] stopped in time. So dropout is ahead there; whether by less than a point is open. The two intervals stopped in time, 0.0 to 0.7 and 0.8 to 1.2, do not meet. Strength and step are chosen once for each set of twelve seeds, and an interval over seeds does not cover the chance in that choice. So read these gains as somewhere from 0 to a bit over one point. <!-- rests: open rival-end, open rival-best -->
# The grids are equal in size, but not in luck. The five p come from the nine of *How much is enough?*, so we knew where good ones lie. Decay's strengths were set blindly and are a factor of four apart; left to run, 0.5 and 8 are far worse than 2. A finer grid may serve decay better. Both together we have not tried, nor L2 through Adam.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: error and loss disagree
#
# The mean test loss on the way, for three p. It is lowest later than the error (*Deeper: p = 0.96*), with p = 0.5 at steps 600 to 800.

# %% tags=["deeper"] jupyter={"source_hidden": true}
print("mean test loss at step", *(f"{s:>5}" for s in trained.steps[5:]))
for p in (0.0, 0.5, 0.85):
    print(f"              p = {p:<5g}",
          *(f"{x:5.2f}" for x in trained.test_loss[:, trained.at(p)].mean(0)[5:]))

# %% [markdown]
# The loss also asks how sure the network is. Call its largest probability its *confidence*. Too *timid*: it is right more often than its mean confidence says, by over 10 points. *Too sure*: right less often, by over 10 points.
#
# What would count at step 1000: error and loss *disagree* if, seed by seed, the p that is best for the test loss is smaller than the one best for the test error. We ask for p = 0 and p = 0.85 whether the network is timid or too sure, and whether the timidity of 0.85 still shrinks from step 400 to step 1000 (interval clear of 0).

# %% tags=["deeper", "nbval-check-output"]
lowest = {name: torch.tensor(trained.ps)[figure[:, :, -1].argmin(1)] for name, figure in
          (("error", trained.test_error), ("loss", trained.test_loss))}
claim("The p that is best for the test loss is smaller than the one that is best for "
      "the test error.",
      measured=paired_interval(lowest["error"], lowest["loss"]),
      kind="measured", id="loss-error-disagree", holds=positive)
claim("p = 0.85 is too timid: accuracy on test rows exceeds mean confidence by more "
      "than 10 points.", measured=mean_interval(curves.timidity(trained, 0.85)),
      kind="measured", id="timid-p085", holds=above(0.1), unit="points", times=100)
claim("p = 0 is too sure: mean confidence on test rows exceeds accuracy by more than "
      "10 points.", measured=mean_interval(-curves.timidity(trained, 0.0)),
      kind="measured", id="sure-p0", holds=above(0.1), unit="points", times=100)

*_, sooner = curves.compute_curves(ps=(0.85,), steps=400)
claim("p = 0.85 is more timid at step 400 than at step 1000.",
      measured=paired_interval(curves.timidity(sooner, 0.85),
                               curves.timidity(trained, 0.85)),
      kind="measured", id="timid-sooner", holds=positive, unit="points", times=100)

# %% [markdown]
# The error wants a larger p than the loss does, by 0.18. With p = 0.85 the network is too timid, by 24 points. Part of this the labels teach: a fifth of them is wrong in training, none in testing. A network that learnt just that would say at most about 0.8. With 90 % right it would be timid by about 10 points, our whole bound. The other 14 or so are left to p and too few steps. Without dropout it is not too sure by our bound: 2 points. <!-- rests: loss-error-disagree, timid-p085, not sure-p0 -->
# Where timidity still shrinks, it is partly once more that 1000 steps are few for a large p. (Each seed's best p is picked on its own test rows, from nine.)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: right labels
#
# The second stage of the picture: 200 rows, all labels right. There is little that should not be learnt. We ask for a gain of more than one point from p = 0.5 at step 1000. With wrong labels 0.85 did better than 0.5 there. If that depends on how much should not be learnt, 0.85 should be *worse* here (interval clear of 0). Twenty seeds.

# %% tags=["deeper", "nbval-check-output"]
*_, clean = curves.compute_curves("all right", seeds=tuple(range(20, 40)),
                                  ps=(0.0, 0.5, 0.85))
plain, half, much = clean.test_error[:, :, -1].T
claim("With right labels p = 0.5 lowers the test error by more than one point.",
      measured=paired_interval(plain, half), kind="measured", id="clean-p05",
      holds=above(0.01), unit="points", times=100)
claim("With right labels p = 0.85 has a higher test error than p = 0.5.",
      measured=paired_interval(much, half), kind="measured", id="clean-p085",
      holds=positive, unit="points", times=100)

# %% tags=["deeper"]
print(f"standard deviation over seeds: of the error {plain.std():.4f}, of the paired "
      f"difference {(plain - half).std():.4f}")

# %% [markdown]
# The gain is half a point, and 0.85 is worse than 0.5. So the best p seems to depend on what there is that should not be learnt. (The rows change as well as the labels: 200 instead of 300.)
#
# With effects of this size, look at the interval before you look at the sign. Pairing the seeds (same split, start, batches) is what makes it narrow.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What is the average worth?
#
# What does the average gain? With p = 0.5 we average the probabilities of 1 to 200 thinned networks. Beside them:
#
# - **evaluation**, one run;
# - a plain network of **64 units**, as many as a mask leaves on average;
# - an **ensemble** of five plain networks of 128 units, trained apart on the same rows.
#
# **Notice**: how many thinned networks are as good as evaluation? (Lines differ more surely than the band looks, for all have the same seeds.)

# %% jupyter={"source_hidden": true}
from course_lib.explorers.dropout.worth import show_worth

alone, halted = averages.compute_averages(0.5, stop=step[1])
ending, stopping = worth.compute_worth(0.5, stop=step[1])
show_worth((alone, ending), (halted, stopping))

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true, "source_hidden": true}
# what is claimed of the average, at step 1000
thinned, asked, evaluation, _, five = (alone.error[name] for name in averages.ANSWERS)
claim("Step 1000: evaluation and the mean of 200 thinned networks differ in test error "
      "by less than a point.", measured=paired_interval(asked, evaluation),
      kind="measured", id="evaluation-like-200", holds=within(0.01), unit="points",
      times=100)

# %% [markdown]
# 1. **With one masked layer, one run does what the mean of 200 thinned networks does**: 14.0 % test error at step 1000, and 13.8 %; a single one has 19.7 %. About 50 suffice. It had to be nearly so: before the softmax, evaluation *is* the average. <!-- rests: average-beats-one, evaluation-like-200 -->
# 2. **Stopped in time, most of the gain makes up for weak members.** A single thinned network has 14.4 %, one of its size trained alone 10.2 %, the average 9.8 %. <!-- rests: thinned-own-best, not dropout-beats-small-best -->
# 3. **Averaging alone does not cure a run that is too long.** At step 1000 five networks trained apart have, averaged, 20.5 %. Stopped in time they have 10.0 %: our seeds cannot tell who is ahead, on fresh ones dropout is, by a quarter of a point. <!-- rests: dropout-beats-five -->
#
# **The price**: in use, one run. In training p = 0.5 comes to 10 % about as soon as the plain network, near step 150; p = 0.85 takes 400 (*Deeper: p = 0.96*).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: five networks, stopped in time
#
# Once more at step 1000. Evaluation is compared with a plain network of 64 units and with five plain ones averaged: does it beat them by more than a point? Do 20 thinned networks do for 200? They do if their test errors differ by less than half a point. Is one thinned network *damaged*? It is if the network of 64 units has a lower test error, by more than a point.
#
# Then each is stopped where its own test error is lowest, the five where that of *their* average is. The mean of 200 stands where evaluation is best. One thinned network is looked at there, and at its own best step. Who is ahead? (Interval clear of 0; against the network of 64 units a point.)

# %% tags=["deeper", "nbval-check-output"]
for key, beaten, found in (
        ("average-beats-one", "one thinned network", thinned),
        ("dropout-beats-small", "a plain network of 64 units", ending.small),
        ("dropout-beats-five", "five plain networks averaged", five)):
    claim(f"Step 1000: evaluation has a lower test error than {beaten}, by more than "
          "a point.", measured=paired_interval(found, evaluation), kind="measured",
          id=key, holds=above(0.01), unit="points", times=100)
twenty = ending.by_masks[:, worth.COUNTS.index(20)]
claim("Step 1000: the means of 20 and of 200 thinned networks differ in test error by "
      "less than half a point.", measured=paired_interval(twenty, asked),
      kind="measured", id="twenty-like-200", holds=within(0.005), unit="points",
      times=100)
claim("Step 1000: one thinned network has a higher test error than a plain network of "
      "64 units, by more than a point.",
      measured=paired_interval(thinned, ending.small), kind="measured",
      id="thinned-behind-small", holds=above(0.01), unit="points", times=100)

# %% tags=["deeper", "nbval-check-output"]
own = worth.thinned_at_best(0.5)  # the step that is best for one thinned network
thinned, _, evaluation, _, five = (halted.error[name] for name in averages.ANSWERS)
claim("Each at its own best step: five plain networks averaged have a lower test error "
      "than dropout.", measured=paired_interval(evaluation, five), kind="measured",
      id="five-stopped-beat-dropout", holds=positive, unit="points", times=100)
claim("One thinned network, where evaluation is best, has a higher test error than a "
      "plain network of 64 units at its own best step, by more than a point.",
      measured=paired_interval(thinned, stopping.small), kind="measured",
      id="thinned-behind-small-best", holds=above(0.01), unit="points", times=100)
claim("Each at its own best step: one thinned network has a higher test error than a "
      "plain network of 64 units, by more than a point.",
      measured=paired_interval(own[1], stopping.small), kind="measured",
      id="thinned-own-best", holds=above(0.01), unit="points", times=100)
claim("Each at its best step: evaluation has a lower test error than a plain network "
      "of 64 units, by more than a point.",
      measured=paired_interval(stopping.small, evaluation), kind="measured",
      id="dropout-beats-small-best", holds=above(0.01), unit="points", times=100)

# %% tags=["deeper"]
print(averages.table(alone, halted))

# %% [markdown]
# At step 1000 evaluation has 5.9 points less than the network of 64 units, which has 19.9 %, and 6.5 less than the five. (One plain network has 21.5 % here and 10.2 % stopped in time, 21.8 and 10.0 % in *How much is enough?*: five for each seed, from other starts.) Whether 20 do for 200 our seeds leave open; on fresh ones they are a fifth of a point behind. By our measure one thinned network is not damaged: it is as good as the network of 64 units, to 0.2 points. But that one may have lost more by wrong labels. A network of 64 units stopped at the training error of one thinned network would tell; we have not trained it. <!-- rests: dropout-beats-small, dropout-beats-five, not thinned-behind-small -->
# Stopped in time it is, by 4.2 points, of the 4.6 that the average takes off. On our seeds step 300 is best for evaluation and for one thinned network alike; where fresh seeds let each have its own best step, 3.9 points are left. The whole network is then ahead of the one of 64 units by half a point (0.7 on fresh seeds), less than our bound. <!-- rests: thinned-own-best, not dropout-beats-small-best -->
# Stopped in time, our twelve seeds cannot tell dropout and the five apart; on 36 fresh ones dropout is ahead by a quarter of a point (0.05 to 0.44). The five are at their best even sooner than one, at step 100.
#
# *Would every average do as much?* At step 1000 five plain networks together have 20.5 %, one of them 21.5 %. They learn the same wrong labels, and errors that they share do not cancel; we have not counted these. Nor is it like with like: averaging thinned networks also takes out noise that the masks put in. The five and one thinned network are not the only rivals: bagging, other rows for each network, we have not tried, nor thinned networks trained one by one (Warde-Farley et al. 2014). The network of 64 units, too, has the rate that was tuned for nobody.
#
# *Which average?* The masks stand in front of the last linear layer, so before the softmax evaluation is exactly the average over thinned networks (*Where is the ensemble?*). The mean of 200 is one of probabilities, behind the softmax.
#
# *The loss columns.* Steps are chosen by error, for all that has dropout by that of evaluation. The five stand at step 100, where a plain network's test loss still falls (*Deeper: error and loss disagree*), so their 0.64 is above the 0.57 of one at step 150. At one and the same step averaged probabilities never have a higher loss than their members on average (Jensen).
# In loss, evaluation is better than the mean of 200 for which it stands in: 0.51 against 0.56 at step 1000. An average of probabilities is less sure than its members; whether that is why we have not tested.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: "It forces the network to distribute"
#
# "This forces the network to distribute the learned representations more evenly across neurons", says the lecture. The first paper (2012) said it so: dropout prevents **co-adaptation**, units that are of use only together with certain others. Two units, say, of which one answers too strongly and the other takes the excess away.
# To see such a pair one would remove both, and each alone, and compare. We measure less: how much hangs on a *single* unit. Set one hidden unit to zero, masks off, see how much the loss rises, put it back, take the next. The *worst unit* has the largest rise; the *worst tenth* are the 13 of 128 with the largest. Half of the answer is built in: dropout trains for the loss of units. What would count:
#
# - it *relies less on one unit* if its worst rise (test rows) is below half of the plain network's;
# - it *spreads more evenly* if the 13 worst units, a tenth, make up a share of all the rises that is smaller by more than 5 points. (Training rows: on test rows many rises are negative, and shares of a sum with both signs mean nothing.)
#
# Both against **three** plain networks: at step 1000; stopped at the training loss of the dropout network; stopped at its best. The last two have learnt less by heart, so they show what is left for dropout itself.

# %% tags=["deeper", "nbval-check-output"]
# the same runs as before, stopped sooner
fits = matched["loss"]
*_, finest = curves.compute_curves(ps=(0.0,), steps=step[0])
networks = {"dropout": (trained, 0.5), "the plain network at step 1000": (trained, 0.0),
            "the plain network at the same training loss": (fits, 0.0),
            "the plain network at its best": (finest, 0.0)}
worst = {name: curves.unit_removal(*network, on="test")[:, 0]
         for name, network in networks.items()}
rises = {name: curves.unit_removal(*network, on="train")
         for name, network in networks.items()}
share = {name: rise[:, :13].sum(1) / rise.sum(1) for name, rise in rises.items()}
for key, plain_one in zip(("end", "fit", "best"), list(networks)[1:]):
    claim(f"Dropout against {plain_one}: the worst unit costs less than half as much.",
          measured=ratio_interval(worst["dropout"], worst[plain_one]),
          kind="measured", id=f"worst-unit-{key}", holds=below(0.5))
    claim(f"Dropout against {plain_one}: the share of the worst tenth is smaller by "
          "more than 5 points.",
          measured=paired_interval(share[plain_one], share["dropout"]), kind="measured",
          id=f"worst-tenth-{key}", holds=above(0.05), unit="points", times=100)

# %% tags=["deeper"]
print(f"{'':<43}  training loss  test error  worst unit  worst tenth")
for name, (run, p) in networks.items():
    print(f"{name:<43}  {run.train_loss[:, run.at(p), -1].mean():13.2f} "
          f"{run.test_error[:, run.at(p), -1].mean():11.1%} "
          f"{worst[name].mean():11.3f} {share[name].mean():12.0%}")
print("(Worst tenth: its share of the rises. "
      f"The last two were stopped at steps {fits.steps[-1]} and {step[0]}.)")

# %% [markdown]
# Against step 1000 dropout differs twice: in its masks and in how much it has learnt by heart. At the same training loss it still relies less on one unit.
# The plain network at its best spreads as evenly, or a little more (by 1.4 points, on fresh seeds too). Dropout's worst unit costs less than that network's, by a quarter on fresh seeds, which misses our bound of a half. But that network is much less sure of its answers (training loss 0.89), which can make every rise smaller. Dropout at its own stop we have not measured. So dropout spreads, and so does what else keeps a network from learning by heart, as far as this can tell them apart.
# Nothing here says that single units are easier to *understand*.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: dropout in front of a BatchNorm
#
# Come back to this one after lesson 07. A batch norm remembers the variance of what it is fed in training, and divides by its root in evaluation. With dropout directly in front of it, training feeds it $m x/(1-p)$, whose second moment is $\mathrm{E}[x^2]/(1-p)$, and evaluation feeds it $x$:
#
# $$\frac{\text{variance remembered}}{\text{variance met}} = \frac{\mathrm{E}[x^2]/(1-p) - \mathrm{E}[x]^2}{\mathrm{Var}[x]}$$

# %% tags=["deeper", "nbval-check-output"]
# six rows of one unit
fed = torch.relu(torch.randn(6, 1, generator=draw, dtype=torch.float64))
# all that dropout can make of them, each pattern as likely as any other
thin = fed.T * masks.all_masks(6) / (1 - 0.5)
claim("Over all masks, dropout raises the variance by (E[x²]/(1 − p) − E[x]²)/Var[x].",
      measured=(thin.var(correction=0) / fed.var(correction=0)
                - masks.variance_shift(fed, 0.5)[0]).abs().item(),
      holds=below(1e-12))

# %% [markdown]
# In a network: 64-128-128-128-10 on 1000 digits with right labels, eight seeds. Each hidden layer is linear-ReLU-**dropout-norm**, or linear-norm-ReLU-dropout. For p = 0, 0.5 and 0.7 we note the ratio at the norms,
# and what the remembered statistics cost on test rows, against statistics taken anew over the training rows with dropout off.
#
# What would count: the formula is *right* if the ratio at the first norm is within 10 % of it. The shift is *harmless* where it costs less than a point of test error, and *shows in the loss* if it costs more than 0.05.
# The *order matters* (dropout, and with it the ReLU, in front of the norm or behind) if dropout in front costs more than a point of test error, **beyond** what the two orders differ at p = 0, where there is no dropout to be in front. It is *the shift* that costs it if less than a point of that is left when both networks take their statistics anew.
#
# Between these two orders both dropout and the norm have moved. A third one takes them apart: linear-ReLU-norm-dropout, against the first, has moved dropout alone; the second, against the third, the norm alone (to the other side of the ReLU). Each *costs* if it is more than a point, at p = 0.7 and beyond the difference at p = 0.

# %% tags=["deeper"]
from course_lib.experiments.dropout.before_norm import compute_shift

*_, shift = compute_shift()
at = {p: shift.ps.index(p) for p in shift.ps}
before, behind, moved = 0, 1, 2  # the orders, as above

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
for p in (0.5, 0.7):
    agreement = shift.ratio[before, :, at[p], 0] / shift.expected[before, :, at[p], 0]
    claim(f"p = {p}: the first norm remembers a variance within 10 % of the formula's.",
          measured=mean_interval(agreement),
          kind="measured", id=f"norm-remembers-p0{10 * p:g}", holds=between(0.9, 1.1))
    claim(f"p = {p}: the shift changes the test error by less than a point.",
          measured=paired_interval(shift.error[before, :, at[p]],
                                   shift.error_again[before, :, at[p]]),
          kind="measured", id=f"shift-error-p0{10 * p:g}",
          holds=within(0.01), unit="points", times=100)
    claim(f"p = {p}: the shift costs more than 0.05 in test loss.",
          measured=paired_interval(shift.loss[before, :, at[p]],
                                   shift.loss_again[before, :, at[p]]),
          kind="measured", id=f"shift-loss-p0{10 * p:g}",
          holds=above(0.05), unit="nats")

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
def order_costs(error, p, one=before, other=behind):
    """Test error in one order − another at p, beyond the same at p = 0 [seeds]."""
    gap = error[one] - error[other]  # [seeds, ps]
    return gap[:, at[p]] - gap[:, at[0.0]]


for p in (0.5, 0.7):
    claim(f"p = {p}: beyond the difference at p = 0, dropout before the norm costs "
          "more than a point of test error.",
          measured=mean_interval(order_costs(shift.error, p)),
          kind="measured", id=f"order-p0{10 * p:g}",
          holds=above(0.01), unit="points", times=100)
    claim(f"p = {p}: with the statistics taken anew less than a point of that is left.",
          measured=mean_interval(order_costs(shift.error_again, p)),
          kind="measured", id=f"order-anew-p0{10 * p:g}",
          holds=below(0.01), unit="points", times=100)

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
for key, sentence, one, other in (
        ("place-p07", "the ReLU in front of the norm in both: dropout in front of the "
         "norm, too, costs", before, moved),
        ("side-p07", "dropout behind the norm in both: the ReLU in front of it costs",
         moved, behind)):
    claim(f"p = 0.7, {sentence} more than a point of test error, beyond the difference "
          "at p = 0.",
          measured=mean_interval(order_costs(shift.error, 0.7, one, other)),
          kind="measured", id=key, holds=above(0.01), unit="points", times=100)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
print("                              ratio at each norm  test error  statistics anew")
for order, name in enumerate(("ReLU, dropout, norm", "norm, ReLU, dropout",
                              "ReLU, norm, dropout")):
    for p in shift.ps:
        ratio = "  ".join(f"{r:.2f}" for r in shift.ratio[order, :, at[p]].mean(0))
        errors = [figure[order, :, at[p]].mean()
                  for figure in (shift.error, shift.error_again)]
        print(f"{name}, p = {p:<3g}:  {ratio}    {errors[0]:10.1%} {errors[1]:14.1%}")

# %% [markdown]
# At the first norm the formula says how large the shift is; at the second and third the ratio is only read off. What it costs is another matter. An argmax survives a good deal of rescaling, so the error need not notice; the loss notices sooner: at p = 0.7 the shift costs 0.17 nats, at p = 0.5 nothing.
# The order costs more than the shift. At p = 0.7 dropout in front of the norm has 7.3 % test error, behind it 3.2 %. In no order has dropout a lower mean test error than p = 0 here (right labels, 1000 rows). Beyond the difference at p = 0 that is 3.9 points, of which 2.9 are left with the statistics taken anew (on fresh seeds 4.0 of 4.0). What is left is not the shift. But it is dropout's place: moved behind a norm that stays where it was, dropout has 3.4 %, which is 3.9 points less (4.5 on fresh seeds). On which side of the ReLU the norm stands costs nothing: 0.0 points [−0.4, 0.3], on fresh seeds −0.5 [−1.0, 0.0]. Why dropout's place costs so much, statistics anew or not, we have not tested. <!-- rests: shift-loss-p07, order-p07, not order-anew-p07, place-p07, not side-p07 -->
# Behind the norm, the first norm is free of it altogether; the later ones still see it, through a linear layer.
# Li et al. advise dropout behind the last norm. (Eight seeds: other rows, start, batch order and masks, of the same images.)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: error bars for free?
#
# Leave the masks on when the network is *used*, and ask it 200 times. In **Monte-Carlo dropout** the standard deviation of the answers, from here on their **spread**, is taken for its uncertainty. Does it say how far off the network is? If it does, more rows should shrink the spread as they shrink the error.
#
# The network has one input, two hidden layers of 64 ReLUs, one output, and p = 0.2 behind both layers. It learns $\sin \pi x$ from 30 rows or from 1000, with noise of standard deviation 0.3; sixteen seeds, always 1000 steps of 30 rows. The *error of the mean* is the distance from the mean answer to the true sine (root mean square, where the rows lie).

# %% tags=["deeper"]
predict("shrink",
        "Suppose that with 1000 rows instead of 30 the mean answer comes nearer to the "
        "sine. The spread over masks …",
        ["falls by more than a third", "stays between 2/3 and 3/2 of what it was",
         "grows by more than a half"])

# %% [markdown]
# Inner band: mean ± 1.96 times the spread, which holds 95 % of a bell curve. Outer band: the same with the targets' noise added; we give it the true 0.3.
#
# **Do this**: move p from 0.02 to 0.5 and back to 0.2. Then take 1000 training rows instead of 30. **Notice**: which of the two changes the width of the inner band, where the rows lie?

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.explorers import dropout as explore

explore.band.show()

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
*_, few = mc_dropout.compute_band(30)
*_, many = mc_dropout.compute_band(1000, ps=(0.02, 0.2))
i, j = few.ps.index(0.2), many.ps.index(0.2)
falls = ratio_interval(many.error()[:, j], few.error()[:, i])
kept = ratio_interval(many.mean_spread()[:, j], few.mean_spread()[:, i])
claim("From 30 to 1000 rows the error of the mean falls by more than a third.",
      measured=falls, kind="measured", id="rows-error-falls", holds=below(2 / 3))
claim("From 30 to 1000 rows the spread over masks stays between 2/3 and 3/2 of what it "
      "was.", measured=kept, kind="measured", id="rows-spread-stays",
      holds=between(2 / 3, 3 / 2))

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
print(mc_dropout.table(0.2, few, many))

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
reveal("shrink",
       from_interval={
           "falls by more than a third": below(2 / 3)(kept),
           "stays between 2/3 and 3/2 of what it was": between(2 / 3, 3 / 2)(kept),
           "grows by more than a half": above(3 / 2)(kept)},
       because=f"measured: it keeps {kept.mean:.0%}, while the error keeps "
               f"{falls.mean:.0%}", rests="rows-spread-stays")

# %% [markdown]
# **More rows, the same band.** The error of the mean falls from 0.22 to 0.10; the spread stays at 0.13. Why? Take a linear unit. Behind its mask $x$ adds 0 or $wx/(1-p)$ to the answer, with standard deviation $|wx|\sqrt{p/(1-p)}$. The number of rows is not in it, and the masks pull on $w$ as strongly with 1000 rows as with 30 (*Which regularizer is it?*). So with p fixed nothing tells the band that there are more.
#
# That is the reason for a linear unit; our network has two layers of ReLUs. And the steps are equal, not the epochs: each of 30 rows is seen a thousand times, each of 1000 thirty times.
#
# **So the band does not know how far off it is.** The inner one holds the true sine at 75 % of the points with 30 rows, at 96 % with 1000: the band is the same, the mean has come nearer. <!-- rests: rows-error-falls, rows-spread-stays -->
#
# **Calibration mends the average, not the place.** Stretch the band by one factor until 95 % of held-out targets fall inside: on rows like those it then holds 95 % overall, not at every x. *Where* it is wide does not change. Is it wide where no rows are? On the right of the picture with 30 rows, yes. At the left edge, x = −1.5, no: there the sine is outside even the outer band. Over sixteen seeds that is open with 30 rows; with 1000 it is not wider beyond the rows than among them (next section). <!-- rests: open band-knows-relu, not band-knows-many -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: how near is the stand-in, and what does the band know?
#
# *The stand-in.* With a ReLU between two masked layers evaluation is not the mean over masks (*Where is the ensemble?*). It is *near* if it is off the mean of the 200 answers by less than half of their spread.
#
# *Where the rows are.* The band *knows* it if it is more than 1.2 times as wide beyond the rows as among them, over all seeds, p = 0.2. On the seed of the picture, with 30 rows, it is narrow where they lie and wide where there are none, at least on the right.
#
# *What it says.* The outer interval is *too short* if it should hold 95 % of new targets and holds fewer. And dropout *costs a regression with many rows* if, at 1000 rows, the error of the mean with p = 0.2 is more than 1.1 times that with p = 0.02.

# %% tags=["deeper", "nbval-check-output"]
claim("1000 rows: beyond them the inner band is more than 1.2 times as wide as among "
      "them.", measured=ratio_interval(many.mean_spread(~mc_dropout.INSIDE)[:, j],
                                       many.mean_spread()[:, j]),
      kind="measured", id="band-knows-many", holds=above(1.2), unit="times")

# %% tags=["deeper", "nbval-check-output"]
claim("Two layers of masks: evaluation is off the mean over masks by less than half of "
      "their spread.",
      measured=mean_interval((few.evaluation_gap() / few.mean_spread())[:, i]),
      kind="measured", id="evaluation-near-mean", holds=below(0.5))
*_, smooth = mc_dropout.compute_band(30, "tanh", ps=(0.2,))
for key, name, band in (("relu", "30 rows, ReLU", few),
                        ("tanh", "30 rows, tanh", smooth)):
    beyond, among = (band.mean_spread(where)[:, band.ps.index(0.2)]
                     for where in (~mc_dropout.INSIDE, mc_dropout.INSIDE))
    claim(f"{name}: beyond the rows the inner band is more than 1.2 times as wide as "
          "among them.", measured=ratio_interval(beyond, among), kind="measured",
          id=f"band-knows-{key}", holds=above(1.2), unit="times")
claim("With 30 rows the 95 % interval (masks and noise) holds fewer than 95 % of new "
      "targets among the rows.", measured=mean_interval(few.coverage()[:, i]),
      kind="measured", id="band-too-narrow", holds=below(0.95), unit="%", times=100)
claim("With 1000 rows the error of the mean is more than 1.1 times as large with p = "
      "0.2 as with p = 0.02.",
      measured=ratio_interval(many.error()[:, j], many.error()[:, many.ps.index(0.02)]),
      kind="measured", id="many-rows-p-costs", holds=above(1.1), unit="times")

# %% [markdown]
# The stand-in is near: evaluation is off the mean of the 200 by 16 % of their spread.
#
# With 1000 rows the band does not know where they are: it is 0.98 times as wide beyond them, 0.82 on fresh seeds. Nor does it with 30 rows and tanh, where it is 1.03 times as wide. With 30 rows and ReLU it is 1.4 times as wide on our seeds, 1.3 on fresh ones; whether above 1.2 stays open. These are geometric means of the ratios, seed by seed. The 0.22 and 0.13 below the picture are means over seeds, and a few wide bands raise the first. <!-- rests: not band-knows-many, not band-knows-tanh, open band-knows-relu -->
# A band that knew where the rows are would pass with 1000 rows as with 30, with tanh as with ReLU. Beyond them a ReLU network goes on in straight lines and a tanh network levels off, so the band there has to do with how steep they are; that this is all of it we have not tested. For one hidden layer of ReLUs it is proved that dropout's band cannot be narrow at two clusters of rows and wide in between (Foong et al. 2020).
# Whether p = 0.2 costs a regression with 1000 rows our seeds leave open; on fresh ones its error is a fifth larger than with 0.02.
#
# In torch Monte-Carlo dropout is `model.eval()`, then `.train()` on the dropout layers alone; our `MCDropout` drops in both modes.
# In a linear unit a fixed p fixes the width relative to the answer (Osband 2016). *Concrete dropout* therefore learns its p.
# Gal and Ghahramani read dropout as Bayesian inference, for a network with weight decay that falls as one over the number of rows. We train without decay: this is dropout left on, not their posterior. They also choose p on validation rows. With a p chosen anew, or learnt, more rows may shrink the band; we have not tried it. Decay alone would not, in a linear unit: the mean loss plus $\frac{c}{n}w^2$ is smallest at $w = \sum xy\,/\,(\sum x^2/(1-p) + c)$, which grows with the rows. A *deep ensemble*, several networks trained from different starts (Lakshminarayanan et al. 2017), is the usual rival; we have not drawn its band here.
#
# *What the intervals cover, here and above:* sixteen seeds, each with other rows, noise, start, batch order and masks, of one sine; 200 masks for each network.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: three sentences of the lecture, read closely
#
# > **"During each training iteration, dropout randomly “drops” a subset of neurons by setting their activations to zero with a specified probability."** Not wrong, but two things are missing.
# > It is another subset for *each row* of the batch, and what stays is rescaled: the lecture's own printout shows it, without a word about it (exercise T2).
#
# > **"Note that neurons are only dropped when the module is in train mode, not in eval mode."** True of the module. The *function* of the same name knows no modes: it goes on dropping, as the module below does.
#
# > **"Not necessarily, as dropout is a regularization technique that prevents overfitting."** That is its answer to the question whether the higher training loss is a bug. About right: the masks add a penalty, and the fit is looser, too. It does not say that only a loss in evaluation mode compares fits.

# %% tags=["deeper", "nbval-check-output"]
class Careless(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x, 0.5)  # should say: training=self.training


claim("A module that calls F.dropout(x, p) goes on dropping after .eval().",
      measured=bool((Careless().eval()(torch.ones(1000)) == 0).any()),
      holds=equal(True))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What came of the four reasons
#
# | reason given | what came of it |
# |---|---|
# | 1. no unit can count on others | Not tested: no pairs were removed. What hangs on single units is spread more evenly than in a plain network at the same training loss, not than in one stopped in time (*Deeper*). <!-- rests: worst-tenth-fit, not worst-tenth-best --> |
# | 2. it averages many networks | True where only linear layers follow the masks: one run, 14.0 %, does at step 1000 what the mean of 200 thinned networks does; a single one has 19.7. Stopped in time, the average mostly makes up for weak members. <!-- rests: evaluation-like-200, average-beats-one, thinned-own-best --> |
# | 3. it hinders wrong labels most | With p = 0.5 they are delayed, not prevented. Weight decay delays them, too. Why, is not tested. <!-- rests: wrong-not-right, mild-decay-not-right, not still-fits-less --> |
# | 4. it is a penalty on the weights | A penalty, yes: in linear regression ridge; in a network on products of activations and weights. Whether it helped on the digits is not tested. <!-- rests: mask-noise --> |
#
# **What does such a network learn?** With p = 0.5 the right labels nearly as fast, the wrong ones later; and with all of them learnt it still errs less. <!-- rests: wrong-not-right, half-late -->
#
# **And an ensemble for the price of one?** With masks in front of the last layer only, one run does in use what the average does. On digits with every fifth label wrong dropout gained much in a run that was too long, and little beside a stop in time. (Other data: lesson 10.) <!-- rests: evaluation-like-200, half-end, half-late, not half-best, open most-best -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# **How to choose p**
#
# 1. Set validation rows aside, and measure on them with masks off.
# 2. Train p = 0, stopped at its best validation step, then weight decay likewise. Dropout has to beat both; both together we have not tried (*Deeper: weight decay in dropout's place*). <!-- rests: stopping-beats-half, not half-best, open most-best, open tuned-gain, open rival-best -->
# 3. Train a few p, stopped likewise. On our digits p then hardly mattered, but a larger one needed more steps.
# 4. Judge the best dropout and the best of the others by the same seeds, on rows that have chosen nothing. Five are few: twelve could not tell 0.3 points from 0.
# 5. Subtract seed by seed, and keep dropout if the interval of the differences lies above 0. Across 0 nothing is decided: take the simpler network.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: values commonly met, and conventions
#
# | where | p (a start, to be tuned) |
# |---|---|
# | wide fully connected layers | 0.5 |
# | inputs | 0 to 0.2 |
# | transformers (attention, residual branches) | 0 to 0.1, often 0 where data is plentiful: a language model that sees each text once has little to learn by heart |
# | convolutions | 0 to 0.2, often whole channels at a time (`nn.Dropout2d`): neighbours in a channel stand in for one another |
# | whole residual branches (*stochastic depth*, lesson 08), in vision transformers too | 0.1 to 0.5 at the last block, rising with depth |
#
# Where training error is high, dropout may still help *early in training only* (Liu et al. 2023); not tried here.
#
# In transformers (lesson 10), `F.scaled_dot_product_attention(…, dropout_p=0.1)` looks at no mode either: pass 0 in evaluation.
#
# **Conventions.** p is the probability to *drop* in torch and here. The paper of 2014 and TensorFlow 1 (`keep_prob`) mean the probability to *keep*: 0.8 there is 0.2 here. At 0.5 nobody notices.

# %% [markdown] tags=["card"] slideshow={"slide_type": "slide"}
# ## To keep
#
# | | |
# |---|---|
# | formula | training: $x \mapsto \dfrac{m\,x}{1-p}$, $m=0$ at chance $p$, else 1; evaluation: $x$ |
# | in one sentence | in use an ensemble for the price of one; on our digits with every fifth label wrong it softens a run that is too long, and beside a good stop gains between nothing and a bit over one error in ten; weight decay in its place is behind by as little <!-- rests: evaluation-like-200, half-end, half-late, not half-best, open most-best, open rival-end, open rival-best --> |
# | what it is | on average a penalty, in linear regression ridge; before any softmax, evaluation is the average over thinned networks while only linear layers follow the masks |
# | PyTorch | `nn.Dropout(0.5)` behind an activation; `model.train()`, `model.eval()` |
# | typical | 0.5 in wide layers, 0 to 0.2 on inputs, 0 to 0.1 in transformers |
# | when not | training and validation error both high, or more data than can be learnt by heart (common advice); large p directly before a batch norm (lesson 07); as the only source of error bars <!-- rests: order-p07, rows-spread-stays --> |

# %% [markdown] slideshow={"slide_type": "skip"}
# Now write it yourself: **`06_dropout_exercises.ipynb`**.
#
# **Sources.** Hinton, Srivastava, Krizhevsky, Sutskever & Salakhutdinov, *Improving neural networks by preventing co-adaptation of feature detectors*, 2012 (arXiv:1207.0580). *The lecture:* "Optimization & Regularization" of the mlr3torch course (mlr-org.github.io/mlr3torch-course). Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, JMLR 2014 (ridge: section 9.1; dividing in training: section 10). Warde-Farley, Goodfellow, Courville & Bengio, *An empirical analysis of dropout in piecewise linear networks*, ICLR 2014 (arXiv:1312.6197), compare dropout with ensembles of thinned networks that share no weights. Simard, Steinkraus & Platt, *Best Practices for Convolutional Neural Networks Applied to Visual Document Analysis*, ICDAR 2003. Arpit et al., *A Closer Look at Memorization in Deep Networks*, ICML 2017 (arXiv:1706.05394). Wei, Kakade & Ma, *The Implicit and Explicit Regularization Effects of Dropout*, ICML 2020 (arXiv:2002.12915), take penalty and gradient noise in deep networks apart. Liu, Xu, Jin, Shen & Darrell, *Dropout Reduces Underfitting*, ICML 2023 (arXiv:2303.01500). Wager, Wang & Liang, *Dropout Training as Adaptive Regularization*, NeurIPS 2013 (arXiv:1307.1493). What the penalty does where a network can change activations and weights: Helmbold & Long, *On the Inductive Bias of Dropout*, JMLR 2015; Mianjy, Arora & Vidal, *On the Implicit Bias of Dropout*, ICML 2018 (arXiv:1806.09777). That noise on the inputs acts as a ridge is older: Bishop, *Training with Noise is Equivalent to Tikhonov Regularization*, 1995.
# Baldi & Sadowski, *Understanding Dropout*, NeurIPS 2013. Gal & Ghahramani, *Dropout as a Bayesian Approximation*, ICML 2016 (arXiv:1506.02142). Osband, *Risk versus Uncertainty in Deep Learning: Bayes, Bootstrap and the Dangers of Dropout*, NIPS workshop 2016.
# Li, Chen, Hu & Yang, *Understanding the Disharmony between Dropout and Batch Normalization by Variance Shift*, CVPR 2019 (arXiv:1801.05134). Lakshminarayanan, Pritzel & Blundell, *Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles*, NeurIPS 2017 (arXiv:1612.01474). Gal, Hron & Kendall, *Concrete Dropout*, NeurIPS 2017 (arXiv:1705.07832). Foong, Burt, Li & Turner, *On the Expressiveness of Approximate Inference in Bayesian Neural Networks*, NeurIPS 2020 (arXiv:1909.00719).

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Test yourself, and teach it
#
# What one can explain in two minutes one has understood. Do it aloud, to a friend, a pet, or the wall; where you get stuck is where to read again.
#
# **Teach it to** somebody who has switched dropout on, sees the training loss go up, and looks for the bug. *Draw* four thinned networks beside the whole one, mark one weight that is in all five, and write the factor $1/(1-p)$ on what is kept. *Disarm* the sentence "in evaluation mode the network is exactly the average of all thinned ones". *And ask back:* Which three losses would you measure to tell what the masks add from a looser fit?
#
# Below: the questions of this lesson (some are about *Deeper* sections), with a reason for every option, and its cards, which come back after 1, 3 and 7 days.

# %% slideshow={"slide_type": "skip"}
from course_lib.notebook import quiz_of, recall

quiz_of("dropout")

# %% slideshow={"slide_type": "skip"}
recall("dropout")
