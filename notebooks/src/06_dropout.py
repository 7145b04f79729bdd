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
# # Dropout: an ensemble for the price of one
#
# At every training step, throw away half of the hidden units. Other ones for each example of the batch, other ones at the next step. It sounds like sabotage, and often it wins on test data.
# **What is it that such a network learns, and who puts the units back when the network is used?**
#
# *40 minutes. You need to know what a hidden layer and a training loss are; lessons 01 and 02 help.*

# %% tags=["setup"]
import torch
from torch import nn

from course_lib.dropout import Dropout, WeightScalingDropout, dropout
from course_lib.explorers import dropout as explore
from course_lib.lab import dropout_curves, mc_dropout, thinned
from course_lib.lab.statistics import mean_interval, paired_interval
from course_lib.notebook import claim, predict, quiz, reveal, setup, show_source

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One example, sixty-four networks
#
# A batch of 64 rows, all of them the *same* example. **Move through the rows**: each meets another thinned network. On the right you see what the first hidden layer hands on.
# Watch the open diamonds, the mean over the rows so far, and where they settle. Then switch the mode to *evaluation*.

# %% slideshow={"slide_type": "-"}
explore.masks.show()

# %% [markdown]
# At the end of this lesson you can
# - write dropout, say what the factor is for, and read a printout of it;
# - tell why a training loss is higher with dropout, in three numbers;
# - say which regularizer dropout is in a linear model, and what the "ensemble" is;
# - put error bars on a network with dropout, and say what they do not mean.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## By hand
#
# An entry $x = 3$ meets dropout with $p = 0.25$. It is dropped with probability $p$; else it is divided by $1-p$. Two things can come out, 0 and 4:
#
# $$\mathrm{E} = 0.25\cdot 0 + 0.75\cdot 4 = 3 = x \qquad\qquad \mathrm{Var} = 0.25\,(0-3)^2 + 0.75\,(4-3)^2 = 3 = x^2\,\frac{p}{1-p}$$
#
# The mean is what it was; that is all the factor is for. The variance is the price, and it grows with $x^2$: large activations are shaken most.

# %%
x = torch.tensor([3.0, 1.0, 0.5, 2.0], dtype=torch.float64)
masks = torch.Generator().manual_seed(0)
for _ in range(4):
    print(dropout(x, p=0.25, generator=masks))

# %% [markdown]
# Four calls, four masks: zeros, and every other entry times $1/0.75$. Now the sum over both outcomes, for four values of p.
# Of a thousand rows the smallest entry of each column is the one that was dropped, the largest the one that was kept.

# %% tags=["nbval-check-output"]
gaps = []
for p in (0.1, 0.25, 0.5, 0.8):
    dropped, kept = dropout(x.expand(1000, -1), p, generator=masks).aminmax(dim=0)
    mean = p * dropped + (1 - p) * kept
    variance = p * (dropped - mean) ** 2 + (1 - p) * (kept - mean) ** 2
    gaps += [(mean - x).abs().max().item(), (variance - x**2 * p / (1 - p)).abs().max().item()]
claim("The mean of dropout(x) is x and its variance x²·p/(1 − p).", measured=max(gaps), holds=lambda gap: gap < 1e-12)

# %% [markdown]
# (`claim` checks a sentence before your eyes. *Exact* ones must hold to rounding. *Measured* ones, further down, are judged with a 95 % interval over seeds, and may turn out wrong or undecided.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The one line
#
# Everything happens in the last line. `kept(x, p)` is the mask: one number $u$, even on [0, 1), for each entry, and $u \ge p$ stays.
# `(p == 1)` adds 1 where everything is dropped, lest 0/0 come out.

# %%
show_source(dropout)

# %% tags=["nbval-check-output"]
layer = Dropout(0.5)
claim("In evaluation mode dropout is the identity.", measured=(layer.eval()(x) - x).abs().max().item(), holds=lambda gap: gap == 0)
old = WeightScalingDropout(0.5).eval()
claim("Dropout as first published, 2014, does not rescale in training and multiplies by 1 − p in evaluation.",
      measured=(old(x) / x).tolist(), holds=lambda factors: factors == [0.5] * 4)

# %% [markdown]
# The form of 2014 is $1-p$ times ours, in both modes. Ours is called *inverted*: training pays, so that a network in use can forget that dropout ever was there.
#
# Does it matter whether dropout stands in front of the ReLU or behind it? A mask multiplies by 0 or by a positive number, and ReLU lets both pass through: $\mathrm{relu}(c\,x) = c\,\mathrm{relu}(x)$ for $c \ge 0$.

# %% tags=["nbval-check-output"]
def swapped(f):
    """Largest difference between f behind dropout and f in front of it, under one mask."""
    z = torch.linspace(-3, 3, 601, dtype=torch.float64)
    first, last = (torch.Generator().manual_seed(0) for _ in range(2))
    return (f(dropout(z, 0.5, generator=first)) - dropout(f(z), 0.5, generator=last)).abs().max().item()


claim("Dropout and ReLU commute; dropout and tanh do not.",
      measured=[swapped(torch.relu), swapped(torch.tanh)], holds=lambda gap: gap[0] == 0 and gap[1] > 0.1)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where is the ensemble?
#
# A layer of $n$ units has $2^n$ masks, so a network with dropout is $2^n$ thinned networks that share their weights. Each batch trains a few of them.
# In use, one would like the average over all. Evaluation mode computes none of them: it runs the whole network, once.

# %%
predict("ensemble", "Is the output in evaluation mode (before any softmax) the average over all thinned networks?",
        ["always", "only if nothing but a linear layer follows the masks", "never, but it is close"])

# %% [markdown]
# Four inputs, three hidden units, two outputs: small enough to run every one of them. `all_masks(3)` lists the eight patterns of three units, `chances` their probabilities.

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
draw, p = torch.Generator().manual_seed(0), 0.3
example, first, second = (torch.randn(shape, generator=draw, dtype=torch.float64) for shape in (4, (3, 4), (2, 3)))
on_inputs, on_hidden = thinned.all_masks(4), thinned.all_masks(3)  # [16, 4], [8, 3]

whole = torch.relu(example @ first.T) @ second.T  # evaluation
outputs = (torch.relu(example @ first.T) * on_hidden / (1 - p)) @ second.T  # [8, 2]
average = thinned.chances(on_hidden, p) @ outputs
claim("Masks right in front of the last linear layer: evaluation is the average over all of them.",
      measured=(average - whole).abs().max().item(), holds=lambda gap: gap < 1e-12)

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
outputs = torch.relu((example * on_inputs / (1 - p)) @ first.T) @ second.T  # [16, 2]
average = thinned.chances(on_inputs, p) @ outputs
claim("Masks on the inputs, with a ReLU behind them: here evaluation is not the average.",
      measured=(average - whole).abs().max().item(), holds=lambda gap: gap > 0.01)
reveal("ensemble", "only if nothing but a linear layer follows the masks",
       because="the mean goes through W·h + b untouched, and not through a ReLU")

# %% [markdown]
# So "an ensemble for the price of one" is exact for one layer and a hope for many. How good a hope can be tested, by asking many masks and averaging: the end of this lesson does.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: which average of probabilities?
#
# Put a softmax behind that last linear layer. The thinned networks now give probabilities. Their ordinary average is not what evaluation gives, but their **geometric** mean is, once it is scaled to sum to 1:
# a softmax is $e^{z}$ over its sum, the geometric mean of $e^{z}$ is $e^{\text{mean of } z}$, and the mean of $z$ is the $z$ of evaluation.

# %% tags=["deeper", "nbval-check-output"]
z = (torch.relu(example @ first.T) * on_hidden / (1 - p)) @ second.T  # logits of the eight thinned networks
chance = thinned.chances(on_hidden, p)
geometric = (chance @ z.log_softmax(1)).softmax(0)
arithmetic = chance @ z.softmax(1)
claim("Behind a softmax, evaluation is the normalised geometric mean over all masks in front of its linear layer.",
      measured=(geometric - whole.softmax(0)).abs().max().item(), holds=lambda gap: gap < 1e-12)
claim("It is not the ordinary mean of the probabilities.",
      measured=(arithmetic - whole.softmax(0)).abs().max().item(), holds=lambda gap: gap > 1e-3)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## "The training loss is higher with dropout, is this a bug?"
#
# A widely read lecture asks this and leaves it open. Digits, 300 training rows, of which 60 carry a wrong label; a 64-128-10 network; dropout behind the hidden layer, $p = 0.5$.

# %%
predict("worse", "With dropout, training prints a higher training loss than without. Why?",
        ["there is a bug", "only because the masks are on while it is measured", "only because the network fits the rows less",
         "both of the last two"])

# %% [markdown]
# Three numbers take it apart: the loss of the plain network; of the network trained with dropout, measured with **masks off**; and of the same weights with **masks on**, which is what a training loop prints.
# We call a part real if it is more than 0.05. Twelve seeds.

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
*_, trained = dropout_curves.compute_curves()  # every p at once, for here and for the next picture
losses = dropout_curves.three_losses(trained, p=0.5)
claim("Part of it is regularization: with its masks off the network still fits the training rows less than the plain one.",
      measured=paired_interval(losses.off, losses.plain), kind="measured", holds=lambda gap: gap.between(low=0.05))
claim("Part of it is mask noise: the same weights lose more with their masks on than off.",
      measured=paired_interval(losses.on, losses.off), kind="measured", holds=lambda gap: gap.between(low=0.05))

# %% jupyter={"outputs_hidden": true}
for name, loss in (("plain", losses.plain), ("masks off", losses.off), ("masks on", losses.on)):
    print(f"{name:<10} {mean_interval(loss)}")
regularized, noise = (losses.off - losses.plain).mean().item(), (losses.on - losses.off).mean().item()
parts = (regularized > 0.05, noise > 0.05)
reveal("worse", {(True, True): "both of the last two", (True, False): "only because the network fits the rows less",
                 (False, True): "only because the masks are on while it is measured"}.get(parts, "there is a bug"),
       because=f"measured: {regularized:.2f} is a worse fit, {noise:.2f} is mask noise")

# %% [markdown]
# So compare training losses in *evaluation* mode, or you will take noise for underfitting. The first part is no bug either: fitting 60 wrong labels less is what we hired it for.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## How much is enough?
#
# The usual advice is 0.5. Same digits, p from 0 to 0.96.

# %%
predict("best", "Which p has the lowest test error here?", ["0: none", "about 0.2", "about 0.5", "0.8 or more"])

# %% [markdown]
# What would count: dropout *helps* if p = 0.5 lowers the test error by more than 3 points (0.03); it *can be too much* if p = 0.96 is worse than 0.85 by more than a point.
# And we look for the best p twice, once by error and once by loss.

# %% jupyter={"outputs_hidden": true}
explore.curves.show(p=0.5)

# %% tags=["nbval-check-output"]
error = {p: trained.test_error[:, trained.at(p), -1] for p in trained.ps}
claim("p = 0.5 lowers the test error by more than 3 points.",
      measured=paired_interval(error[0.0], error[0.5]), kind="measured", holds=lambda gain: gain.between(low=0.03))
claim("p = 0.96 has a higher test error than p = 0.85, by more than a point.",
      measured=paired_interval(error[0.96], error[0.85]), kind="measured", holds=lambda cost: cost.between(low=0.01))
best = {name: torch.tensor(trained.ps)[figure[:, :, -1].argmin(1)] for name, figure in
        (("error", trained.test_error), ("loss", trained.test_loss))}
claim("The p that is best for the test loss is smaller than the one that is best for the test error (seed by seed).",
      measured=paired_interval(best["error"], best["loss"]), kind="measured", holds=lambda gap: gap.between(low=0))

# %%
lowest = min(error, key=lambda p: error[p].mean())
reveal("best", "0: none" if lowest == 0 else "about 0.2" if lowest < 0.4 else "about 0.5" if lowest < 0.75 else "0.8 or more",
       because=f"measured: lowest mean error at p = {lowest:g}")

# %% [markdown]
# Two things to take home. The best p depends on what there is to unlearn: one label in five is wrong here, and the network could memorise them all, so 0.5 need not be enough.
# And error and loss need not agree on it. The loss also asks how sure the network is of its answers, and one that was never allowed to rely on most of its units may be too timid:
# we call it that if it is right more than 10 points (0.1) more often than its probabilities say, and *too sure* if it is right less often.

# %% tags=["nbval-check-output"]
claim("At p = 0.9 the network is too timid: its accuracy on test rows exceeds its mean confidence by more than 0.1.",
      measured=mean_interval(dropout_curves.timidity(trained, 0.9)), kind="measured", holds=lambda gap: gap.between(low=0.1))
claim("Without dropout it is the other way round: the network is too sure.",
      measured=mean_interval(dropout_curves.timidity(trained, 0.0)), kind="measured", holds=lambda gap: gap.between(high=0))

# %% [markdown]
# *What the intervals cover:* twelve seeds, each with another split, start, batch order and masks, always from the same 1797 images; the optimizer, its rate and 1000 steps are the same for every p and tuned for none.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: right labels
#
# The second stage of the picture: 200 rows, all labels right. There is little to unlearn. We ask for a gain of more than one point.

# %% tags=["deeper", "nbval-check-output"]
*_, clean = dropout_curves.compute_curves("all right", seeds=tuple(range(6)))
gain = paired_interval(clean.test_error[:, clean.at(0.0), -1], clean.test_error[:, clean.at(0.5), -1])
claim("With right labels p = 0.5 lowers the test error by more than one point.",
      measured=gain, kind="measured", holds=lambda gain: gain.between(low=0.01))

# %% [markdown]
# With effects of this size, look at the interval before you look at the sign. Paired seeds (same split, start, batches) make it narrow: two networks of different seeds differ by more than dropout does here.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## "It forces the network to distribute"
#
# "This forces the network to distribute the learned representations more evenly across neurons", says the lecture: a unit that cannot rely on its neighbours must be useful by itself. That can be measured.
# Take a trained network, masks off, set *one* hidden unit to zero, see how much the loss rises, put it back, take the next: 128 rises.
#
# What would count: the network *relies less on one unit* if its worst rise (test rows) is below half of the plain network's. It *spreads more evenly* if the 13 worst units of 128 make up a smaller share of all the rises,
# by more than 5 points. The second is the fairer question: it does not care how large the loss is to begin with. (Training rows there: on test rows some units are better gone, and shares make no sense.)

# %% tags=["nbval-check-output"]
worst = {p: dropout_curves.unit_removal(trained, p, on="test")[:, 0] for p in (0.0, 0.5)}
rises = {p: dropout_curves.unit_removal(trained, p, on="train") for p in (0.0, 0.5)}
share = {p: rise[:, :13].sum(1) / rise.sum(1) for p, rise in rises.items()}
claim("Losing its most important unit costs the network trained with dropout less than half of what it costs the plain one.",
      measured=mean_interval(worst[0.5] / worst[0.0]), kind="measured", holds=lambda ratio: ratio.between(high=0.5))
claim("The worst tenth of the units makes up a share of the rises that is smaller by more than 5 points.",
      measured=paired_interval(share[0.0], share[0.5]), kind="measured", holds=lambda gap: gap.between(low=0.05))

# %%
for p in (0.0, 0.5):
    print(f"p = {p}: the worst unit costs {worst[p].mean():.3f}, the worst tenth makes up {share[p].mean():.0%} of the rises")

# %% [markdown]
# Mind what this is: a network trained to lose 64 units at a time bears the loss of one. It says nothing about whether single units are easier to *understand*.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Which regularizer is it?
#
# Lessons 02 and 03 had a penalty in front of them. Dropout has none in sight. Look for it where everything can be computed: linear regression, masks on the *inputs*, squared residuals summed over the rows.
#
# The masks are independent, so the prediction $\sum_j m_j x_j w_j/(1-p)$ has mean $x\cdot w$ and variance $\sum_j \frac{p}{1-p} x_j^2 w_j^2$. A mean square is squared mean plus variance. So, averaged over all masks,
#
# $$\sum_i \mathrm{E}\Big(y_i - \sum_j \tfrac{m_{ij}x_{ij}w_j}{1-p}\Big)^2 = \lVert y - Xw\rVert^2 + \frac{p}{1-p}\sum_j \lVert x_{\cdot j}\rVert^2\, w_j^2$$
#
# It is **ridge**, L2 on the weights, with a strength of its own for each feature: the larger a feature $x_{\cdot j}$ (the $j$-th column of $X$), the harder its weight is pulled.

# %% tags=["nbval-check-output"]
draw = torch.Generator().manual_seed(0)
X, y = torch.randn(8, 3, generator=draw, dtype=torch.float64), torch.randn(8, generator=draw, dtype=torch.float64)
w, p = torch.randn(3, generator=draw, dtype=torch.float64), 0.4
claim("The loss averaged over all masks of all rows is the ridge formula, for every p.",
      measured=[(thinned.averaged_loss(X, y, w, p) - thinned.ridge_loss(X, y, w, p)).item() for p in (0.1, 0.3, 0.5, 0.9)],
      holds=lambda gaps: max(map(abs, gaps)) < 1e-10)
ridge = thinned.ridge_solution(X, y, p)  # (XᵀX + p/(1−p)·diag(XᵀX))⁻¹Xᵀy
claim("Gradient descent on that average ends at the closed form.",
      measured=(thinned.train_averaged(X, y, p, lr=0.02, steps=1500) - ridge).abs().max().item(), holds=lambda gap: gap < 1e-9)

# %% [markdown]
# That was without chance. Now with it: 500 regressions trained with `dropout` itself, a fresh mask at each step. None of them comes to rest, but their mean should sit on the closed form, within three and a half standard errors in every weight.

# %% tags=["nbval-check-output"]
runs = thinned.train_linear(X, y, p, lr=0.02, steps=800, runs=500, generator=torch.Generator().manual_seed(0))
off = (runs.mean(0) - ridge) / (runs.std(0) / len(runs) ** 0.5)
claim("Trained with real masks, the mean weights are those of the closed form, within 3.5 standard errors.",
      measured=off.tolist(), kind="measured", holds=lambda z: max(map(abs, z)) < 3.5)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a ridge that does not mind units
#
# Ordinary ridge changes its mind when a feature is written in centimetres instead of metres: the weight gets a hundredth, and is hardly pulled any more. Dropout's ridge weighs each weight with its own feature's size, so the two cancel.

# %% tags=["deeper", "nbval-check-output"]
units = torch.tensor([1.0, 100.0, 0.01], dtype=torch.float64)


def ordinary(X, strength=3.0):
    return torch.linalg.solve(X.T @ X + strength * torch.eye(3).double(), X.T @ y)


claim("Rescaled features leave the predictions of dropout's ridge as they are, and change those of ordinary ridge.",
      measured=[(X @ solve(X) - (X * units) @ solve(X * units)).abs().max().item()
                for solve in (lambda X: thinned.ridge_solution(X, y, p), ordinary)],
      holds=lambda gap: gap[0] < 1e-9 and gap[1] > 0.01)

# %% [markdown]
# In a classifier the same sum weighs each row with $\hat p(1-\hat p)$, the variance of its label under the model: rows of which the model is sure hardly pull (Wager et al. 2013). It is a quadratic approximation there, no identity.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: dropout in front of a BatchNorm
#
# Come back to this one after lesson 07. A batch norm remembers the variance of what it is fed in training, and divides by its root in evaluation. With dropout directly in front of it, training feeds it $m x/(1-p)$, whose second moment is $\mathrm{E}[x^2]/(1-p)$, and evaluation feeds it $x$:
#
# $$\frac{\text{variance remembered}}{\text{variance met}} = \frac{\mathrm{E}[x^2]/(1-p) - \mathrm{E}[x]^2}{\mathrm{Var}[x]}$$

# %% tags=["deeper", "nbval-check-output"]
fed = torch.relu(torch.randn(6, 1, generator=draw, dtype=torch.float64))  # six rows of one unit
thin = fed.T * thinned.all_masks(6) / (1 - 0.5)  # all that dropout can make of them, each pattern as likely as any other
claim("Over all masks, dropout raises the variance by (E[x²]/(1 − p) − E[x]²)/Var[x].",
      measured=(thin.var(correction=0) / fed.var(correction=0) - thinned.variance_shift(fed, 0.5)[0]).abs().item(),
      holds=lambda gap: gap < 1e-12)

# %% [markdown]
# In a network: 64-128-128-128-10 on 1000 digits with right labels, twice, eight seeds: each hidden layer linear-ReLU-**dropout-norm**, or linear-norm-ReLU-dropout. For p = 0, 0.5 and 0.7 we note the ratio at the norms,
# and what the remembered statistics cost on test rows, against statistics taken anew over the training rows with dropout off.
#
# What would count: the formula is *right* if the ratio at the first norm is within 10 % of it. The shift is *harmless* where it costs less than a point of test error, and *shows in the loss* if it costs more than 0.05.
# The *order matters* where the two orders' test errors differ by more than a point.

# %% tags=["deeper"]
from course_lib.lab.dropout_before_norm import compute_shift

*_, shift = compute_shift()
at = {p: shift.ps.index(p) for p in shift.ps}

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
before, behind = 0, 1  # the order: dropout before the norm, or behind
for p in (0.5, 0.7):
    agreement = shift.ratio[before, :, at[p], 0] / shift.expected[before, :, at[p], 0]
    claim(f"p = {p}: the first norm remembers a variance within 10 % of the formula's.",
          measured=mean_interval(agreement), kind="measured", holds=lambda ratio: ratio.between(0.9, 1.1))
cost = {p: paired_interval(shift.error[before, :, at[p]], shift.error_again[before, :, at[p]]) for p in (0.5, 0.7)}
claim("p = 0.5: the shift changes the test error by less than a point.",
      measured=cost[0.5], kind="measured", holds=lambda cost: cost.between(-0.01, 0.01))
claim("p = 0.7: the shift costs more than a point of test error.",
      measured=cost[0.7], kind="measured", holds=lambda cost: cost.between(low=0.01))
claim("p = 0.7: the shift costs more than 0.05 in test loss.",
      measured=paired_interval(shift.loss[before, :, at[0.7]], shift.loss_again[before, :, at[0.7]]), kind="measured",
      holds=lambda cost: cost.between(low=0.05))

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
for p in (0.5, 0.7):
    claim(f"p = {p}: dropout before the norm has a test error more than a point above dropout behind it.",
          measured=paired_interval(shift.error[before, :, at[p]], shift.error[behind, :, at[p]]), kind="measured",
          holds=lambda gap: gap.between(low=0.01))

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
for order, name in enumerate(("dropout before norm", "dropout behind norm")):
    for p in shift.ps:
        ratio = "  ".join(f"{r:.2f}" for r in shift.ratio[order, :, at[p]].mean(0))
        print(f"{name}, p = {p:g}: ratio at the three norms {ratio}   test error {shift.error[order, :, at[p]].mean():.1%}")

# %% [markdown]
# The ratio is exact and large: read it off the table. What it costs is another matter. An argmax survives a good deal of rescaling, so the error need not notice; the loss notices sooner.
# And the two orders differ in more than this shift, so a difference of *their* errors is not its price alone. Behind the norm, the first norm is free of it altogether; the later ones still see it, through a linear layer.
# Advice that costs nothing: no dropout directly in front of a batch norm, or none at all in front of the last one.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Error bars for free?
#
# Leave the masks on when the network is *used*, ask it 200 times, and take the spread of the answers for its uncertainty: Monte-Carlo dropout (`MCDropout` drops in both modes).
# Thirty noisy rows of a sine, a 1-64-64-1 network with p = 0.2. Each thin line is one thinned network, the dark band ± 1.96 times their spread, the light band that and the noise of the targets (0.3, known here).

# %%
explore.band.show()

# %% [markdown]
# It looks like what one would wish for: narrow where the rows lie, wide where there are none, at least on the left. If it measures what the network does not know, more rows should shrink it.

# %%
predict("shrink", "From 30 rows to 1000 the error of the mean falls. The spread over masks …",
        ["falls along with it", "stays about the same", "grows"])

# %% [markdown]
# What would count, at p = 0.2 over eight seeds: the error of the mean *falls* if it comes down by more than half. The spread *does not follow* if it keeps more than two thirds. The band *knows where the rows are* if beyond them
# it is more than 1.2 times as wide as among them. The interval is *too short* if it should hold 95 % of new targets and holds fewer.
# And evaluation is a *good stand-in* for the ensemble if it is off the mean of the 200 by less than half their spread.

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
def asked(rows, activation):
    *_, band = mc_dropout.compute_band(rows, activation)
    at = band.ps.index(0.2)
    return {"error": band.error()[:, at], "spread": band.mean_spread()[:, at], "held": band.coverage()[:, at],
            "gap": (band.evaluation_gap() / band.mean_spread())[:, at],
            "beyond": (band.mean_spread(~mc_dropout.INSIDE) / band.mean_spread())[:, at]}


few, many, smooth = asked(30, "relu"), asked(1000, "relu"), asked(30, "tanh")
claim("From 30 to 1000 rows the error of the mean falls by more than half.",
      measured=mean_interval(many["error"] / few["error"]), kind="measured", holds=lambda ratio: ratio.between(high=0.5))
claim("The spread over masks keeps more than two thirds.",
      measured=mean_interval(many["spread"] / few["spread"]), kind="measured", holds=lambda ratio: ratio.between(low=2 / 3))
for name, answers in (("30 rows, ReLU", few), ("30 rows, tanh", smooth), ("1000 rows, ReLU", many)):
    claim(f"{name}: beyond the rows the band is more than 1.2 times as wide as among them.",
          measured=mean_interval(answers["beyond"]), kind="measured", holds=lambda ratio: ratio.between(low=1.2))
claim("With 30 rows the 95 % interval (masks and noise) holds fewer than 95 % of new targets among the rows.",
      measured=mean_interval(few["held"]), kind="measured", holds=lambda held: held.between(high=0.95))
claim("Two layers of masks: evaluation is off the mean of the masks by less than half their spread.",
      measured=mean_interval(few["gap"]), kind="measured", holds=lambda gap: gap.between(high=0.5))

# %%
kept = (many["spread"] / few["spread"]).mean().item()
reveal("shrink", "grows" if kept > 1.1 else "stays about the same" if kept > 2 / 3 else "falls along with it",
       because=f"measured: it keeps {kept:.0%}, while the error keeps {(many['error'] / few['error']).mean():.0%}")

# %% [markdown]
# Nothing in a mask knows how many rows there were. Its spread is set by p, by the weights and by the activation: a ReLU network is steep where it extrapolates and a tanh network is flat, rows or no rows.
# Gal and Ghahramani's argument ties together p, the weight decay and the number of rows; with a p that is simply chosen, the band is a *shape*, to be calibrated on held-out targets before anyone calls it 95 %. Turn p in the picture: that is the knob.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Myths, checked
#
# > **"During each training iteration, dropout randomly “drops” a subset of neurons by setting their activations to zero with a specified probability."** So the lecture. Not wrong, but two things are missing.
# > It is another subset for *each row* of the batch, and what stays is rescaled: the lecture's own printout shows doubled numbers, without a word about them (exercise T2).
#
# > **"Note that neurons are only dropped when the module is in train mode, not in eval mode."** True of the module. The *function* of the same name knows no modes, and its default is `training=True`.

# %% tags=["nbval-check-output"]
class Careless(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x, 0.5)  # should say: training=self.training


thinned_anyway = Careless().eval()(torch.ones(1000))
claim("A module that calls F.dropout(x, p) goes on dropping after .eval().",
      measured=(thinned_anyway == 0).double().mean().item(), holds=lambda share: share > 0.4)

# %%
quiz("A network with dropout scores 97 % on the training rows while it trains, and 99 % on the test rows. Leak?",
     {"yes": "Possible, but first measure both in the same mode: while it trains, half of its units are missing.",
      "not necessarily": "The 97 % were scored by thinned networks, the 99 % by the whole one. Score the training rows in evaluation mode, then compare.",
      "test rows are easier": "One would have to show that. The mode alone can explain it."},
     answer="not necessarily")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# ```python
# model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))
# model.train()   # masks on          model.eval()   # masks off: before every validation and in use
# ```
#
# | where | typical p |
# |---|---|
# | wide fully connected layers | 0.5 |
# | inputs | 0 to 0.2 |
# | transformers (attention, residual branches) | 0 to 0.1, often 0 when data is plentiful |
# | convolutions | 0 to 0.2, whole channels at a time (`nn.Dropout2d`): neighbours in a channel stand in for one another |
#
# **Conventions.** p is the probability to *drop* in torch and here. The paper of 2014 and TensorFlow 1 (`keep_prob`) mean the probability to *keep*: 0.8 there is 0.2 here. At 0.5 nobody notices.
#
# ## When not to
#
# - More data than the network can memorise in the time it has: there is nothing to prevent, and dropout slows the fit.
# - Directly in front of a batch norm (the Deeper section on it says why).
# - A regression with plenty of rows: a dropped unit is an error in the answer, and the network pays for it by hedging. Set the last picture to 1000 rows and watch the error of the mean as p grows.
# - As the only source of error bars.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In one breath
#
# | question | answer |
# |---|---|
# | what does it do? | 0 with probability p, else $x/(1-p)$: same mean, variance $x^2 p/(1-p)$; nothing in evaluation |
# | which average is evaluation? | of the outputs, if only a linear layer follows; of nothing exact behind a ReLU |
# | which penalty is it? | for linear regression a ridge, $\frac{p}{1-p}\lVert x_{\cdot j}\rVert^2$ for each weight |
# | why is the training loss higher? | mask noise, and less fit: measure with masks off |
# | does its spread mean uncertainty? | only after calibration: it does not know how many rows there were |
#
# Now write it yourself: **`06_dropout_exercises.ipynb`**. Your own function then throws the masks of the first and the last picture.
#
# **Sources.** Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, JMLR 2014. Wager, Wang & Liang, *Dropout Training as Adaptive Regularization*, NeurIPS 2013 (arXiv:1307.1493).
# Baldi & Sadowski, *Understanding Dropout*, NeurIPS 2013. Gal & Ghahramani, *Dropout as a Bayesian Approximation*, ICML 2016 (arXiv:1506.02142). Osband, *Risk versus Uncertainty in Deep Learning: Bayes, Bootstrap and the Dangers of Dropout*, NIPS workshop 2016.
# Li, Chen, Hu & Yang, *Understanding the Disharmony between Dropout and Batch Normalization by Variance Shift*, CVPR 2019 (arXiv:1801.05134).
