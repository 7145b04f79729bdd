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
# At every training step, throw away half of the hidden units. Other ones for each example of the batch, other ones at the next step. It sounds like sabotage, and is a standard tool.
# **What is it that such a network learns, and who puts the units back when the network is used?**
#
# *50 minutes; sections called* Deeper *are folded, and extra. You need to know what a hidden layer and a training loss are; lessons 01 and 02 help.*

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
from course_lib.dropout import Dropout, MCDropout, WeightScalingDropout, dropout
from course_lib.experiments.dropout import curves, mc_dropout, masks
from course_lib.statistics import ratio_interval
from course_lib.statistics import mean_interval, paired_interval

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One example, sixty-four networks
#
# A batch of 64 rows, all the *same* example; $p$ is the chance that a unit is dropped (orange crosses). Each row meets another thinned network. On the right: what the first hidden layer hands on; the open diamonds are the mean over the rows so far.
#
# **Do this**: move through the 64 rows, then switch the mode to *evaluation*.  **Notice**: how near do the diamonds come to the dashes of evaluation?

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import dropout as explore

explore.masks.show()

# %% [markdown]
# At the end of this lesson you can
# - write dropout, and read a printout of it;
# - tell why a training loss is higher with dropout, and compare with a plain network fairly;
# - say what the "ensemble" is, and which regularizer dropout is in a linear model;
# - put error bars on a network with dropout, and say what they do not mean.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In plain PyTorch
#
# What does it change? Here is a loop to copy: a small network learns handwritten digits from 300 images, every fifth of them with a wrong label. The test labels are right.
# `nn.Dropout(p)` is the method. `model.train()` switches its masks on, `model.eval()` off.

# %% tags=["plain"]
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from course_lib.data import digits

data = digits(300, label_noise=0.2)  # 300 images, every fifth label wrong


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


for p in (0.0, 0.5, 0.8):
    print(f"dropout {p}: {test_error(p):.1%} of the test images wrong")

# %% [markdown]
# One seed, three settings. Is it luck? *A fair comparison*, below, trains the same network at 24 settings of p and eight seeds, all at once. First, what is it that the layer does?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## By hand
#
# What does one layer do to one number? An entry $x = 3$ meets dropout with $p = 0.25$. It is dropped with probability $p$; else it is divided by $1-p$. Two things can come out, 0 and 4:
#
# $$\mathrm{E} = 0.25\cdot 0 + 0.75\cdot 4 = 3 = x \qquad\qquad \mathrm{Var} = 0.25\,(0-3)^2 + 0.75\,(4-3)^2 = 3 = x^2\,\frac{p}{1-p}$$
#
# The mean is what it was; that is all the factor is for. The variance is the price, and large activations pay most.

# %%
x = torch.tensor([3.0, 1.0, 0.5, 2.0], dtype=torch.float64)
generator = seeded(0)
for _ in range(4):
    print(dropout(x, p=0.25, generator=generator))

# %% [markdown]
# Four calls, four masks. Now stack x a hundred thousand times (`expand`). In each column only two values turn up, 0 and $x/(1-p)$; `aminmax` picks them out, and they go into the two sums above.
# That cannot see how *often* each turns up, so the dropped ones are counted too.

# %% tags=["nbval-check-output"]
gaps, off = [], []
for p in (0.1, 0.25, 0.5, 0.8):
    stacked = dropout(x.expand(100_000, -1), p, generator=generator)
    dropped, kept = stacked.aminmax(dim=0)
    mean = p * dropped + (1 - p) * kept
    variance = p * (dropped - mean) ** 2 + (1 - p) * (kept - mean) ** 2
    gaps += [(mean - x).abs().max().item(),
             (variance - x**2 * p / (1 - p)).abs().max().item()]
    off.append(((stacked == 0).double().mean().item() - p)
               / (p * (1 - p) / stacked.numel()) ** 0.5)
claim("The two outcomes, weighted with p and 1 − "
      "p, have mean x and variance x²·p/(1 − p).",
      measured=max(gaps), holds=below(1e-12))
claim("The share of dropped entries is p, within four standard deviations of chance.",
      measured=off, holds=within(4),
      kind="checked", false_alarm=4 * 6.3e-5)  # four p

# %% [markdown]
# (*Exact* sentences must hold to rounding. *Measured* ones may turn out wrong or undecided; further down they are judged with a 95 % interval over seeds.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The one line
#
# Everything happens in the last line. `kept(x, p)` is the mask: one number $u$ for each entry, drawn uniformly from [0, 1), and $u \ge p$ stays.
# `(p == 1)` adds 1 where everything is dropped, lest 0/0 come out.

# %%
show_source(dropout)

# %% tags=["nbval-check-output"]
layer = Dropout(0.5)
claim("In evaluation mode dropout is the identity.",
      measured=(layer.eval()(x) - x).abs().max().item(), holds=equal(0))
old = WeightScalingDropout(0.5, generator=generator)
claim("In its form of 2014 dropout does not rescale in training, and multiplies by 1 − "
      "p in evaluation.",
      measured=[sorted(set((old.train()(x.expand(50, -1)) / x).flatten().tolist())),
                sorted(set((old.eval()(x) / x).tolist()))],
      holds=equal([[0, 1], [0.5]]))

# %% [markdown]
# That is $1-p$ times ours, in both modes. Ours is called *inverted*: training pays, so that a network in use can forget that dropout ever was there.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: in front of the ReLU or behind it?
#
# It makes no difference. A mask multiplies by 0 or by a positive number, and ReLU lets both pass through: $\mathrm{relu}(c\,x) = c\,\mathrm{relu}(x)$ for $c \ge 0$. Other activations do not.

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
# ## Where is the ensemble?
#
# A layer of $n$ units has $2^n$ masks: $2^n$ thinned networks that share their weights. Each batch trains a few of them.
# In use, one would like the average over all. Evaluation mode runs the whole network, once.

# %%
predict("ensemble",
        "When is the output in evaluation mode (before any softmax) the average over "
        "all thinned networks?",
        ["always", "as long as all that follows the masks is linear",
         "never, but it is close"])

# %% [markdown]
# Four inputs, three hidden units, two outputs: small enough to run every one. `all_masks(3)` lists the eight patterns of three units, `chances` their probabilities.

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
draw, p_small = seeded(0), 0.3
example, first, second = (torch.randn(shape, generator=draw, dtype=torch.float64)
                          for shape in (4, (3, 4), (2, 3)))
on_inputs, on_hidden = masks.all_masks(4), masks.all_masks(3)  # [16, 4], [8, 3]
chance_in = masks.chances(on_inputs, p_small)
chance_hidden = masks.chances(on_hidden, p_small)

hidden = torch.relu(first @ example)
outputs = (hidden * on_hidden / (1 - p_small)) @ second.T  # [8, 2]
whole = second @ hidden  # evaluation
last = (chance_hidden @ outputs - whole).abs().max().item()
claim("Masks right in front of the last linear layer: "
      "evaluation is the average over all of them.",
      measured=last, holds=below(1e-12))

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
# [16, 3]: a linear layer behind masked inputs
z = (example * on_inputs / (1 - p_small)) @ first.T
# [16, 8, 2]: masked again, another linear layer
outputs = (z.unsqueeze(1) * on_hidden / (1 - p_small)) @ second.T
two = (chance_in @ (chance_hidden @ outputs)
       - second @ first @ example).abs().max().item()
claim("Two linear layers, each with masks of its own, and no ReLU: it still is.",
      measured=two, holds=below(1e-12))
bent = (chance_in @ (torch.relu(z) @ second.T) - whole).abs().max().item()
claim("Masks on the inputs, with a ReLU behind them: here it is not.", measured=bent,
      holds=above(0.01), kind="checked")

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("ensemble",
       from_interval={
           "always": below(1e-12)([last, two, bent]),
           "as long as all that follows the masks is linear":
               each(*2 * [below(1e-12)], above(1e-12))([last, two, bent]),
           "never, but it is close": above(1e-12)(max(last, two))},
       because="a mean goes through W·h + b untouched, layer after layer, and not "
               "through a ReLU that some masks switch on and others off")

# %% [markdown]
# So "an ensemble for the price of one" is exact while only linear layers follow, however many, and a hope behind a ReLU that some mask switches. How good a hope? The end of this lesson asks many masks and averages.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: ReLUs that stay awake, and which average of probabilities
#
# "Linear" is enough, but not needed: a ReLU whose input has the same sign under every mask is a linear function for all of them.
#
# Now put a softmax behind that last linear layer. The thinned networks give probabilities. Their ordinary average is not what evaluation gives, but their **geometric** mean is, once it is scaled to sum to 1:
# a softmax is $e^{z}$ over its sum, the geometric mean of $e^{z}$ is $e^{\text{mean of } z}$, and the mean of $z$ is the $z$ of evaluation.

# %% tags=["deeper", "nbval-check-output"]
# nothing negative reaches the ReLU
awake = torch.relu((example.abs() * on_inputs / (1 - p_small))
                   @ first.abs().T) @ second.T
claim("Positive weights and inputs: no mask switches a ReLU, and evaluation is the "
      "average again.",
      measured=(chance_in @ awake
                - second @ torch.relu(first.abs() @ example.abs())).abs().max().item(),
      holds=below(1e-12))
# logits of the eight thinned networks
outputs = (hidden * on_hidden / (1 - p_small)) @ second.T
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
# So asks the mlr3torch course, from here on "the lecture". Digits, 300 training rows, of which 60 carry a wrong label; a 64-128-10 network, 1000 steps; dropout behind the hidden layer, $p = 0.5$.
#
# Three numbers take it apart: the loss of the plain network; of the network trained with dropout, measured with **masks off**; and of the same weights with **masks on**, close to what a training loop prints.
# A part is real if it is more than 0.05. And if the fit is worse: is more than half of that on the 60 wrong labels?

# %%
predict("worse",
        "With dropout, training prints a higher training loss than without. Why?",
        ["there is a bug", "only because the masks are on while it is measured",
         "only because the network fits the rows less",
         "both of the last two"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
# every p at once, for here and for the next picture
*_, trained = curves.compute_curves()
losses = curves.three_losses(trained, p=0.5)
less_fit = paired_interval(losses.off, losses.plain)
noise = paired_interval(losses.on, losses.off)
claim("Part of it is regularization: with its masks off the network still fits the "
      "training rows less than the plain one.",
      measured=less_fit,
      kind="measured", id="fits-less", holds=above(0.05))
claim("Part of it is mask noise: the same weights lose more with their masks on than "
      "off.",
      measured=noise,
      kind="measured", id="mask-noise", holds=above(0.05))
# dropout − plain
right, wrong = (b - a for a, b in zip(*(curves.loss_by_label(trained, p)
                                        for p in (0.0, 0.5))))
claim("More than half of the worse fit is on the wrong labels.",
      measured=mean_interval(60 * wrong / (60 * wrong + 240 * right)),
      kind="measured", id="wrong-labels-most",
      holds=above(0.5))

# %% jupyter={"outputs_hidden": true}
for name, loss in (("plain", losses.plain), ("masks off", losses.off),
                   ("masks on", losses.on)):
    print(f"{name:<10} {mean_interval(loss)}")
print(f"worse by {wrong.mean():.2f} on rows with a wrong label, by {right.mean():.2f} "
      "on the others")

# %% jupyter={"outputs_hidden": true}
# what came out
parts = [less_fit, noise]
reveal("worse",
       from_interval={
           "both of the last two": above(0.05)(parts),
           "only because the network fits the rows less":
               each(above(0.05), below(0.05))(parts),
           "only because the masks are on while it is measured":
               each(below(0.05), above(0.05))(parts)},
       because=f"measured: {less_fit.mean:.2f} is a worse fit, {noise.mean:.2f} is "
               "mask noise", rests="fits-less, mask-noise")

# %% [markdown]
# So compare training losses in *evaluation* mode, or you take noise for underfitting. And a worse fit of wrong labels is what we hired dropout for.

# %%
quiz("A network with dropout scores 97 % on the training rows while it trains, and 99 "
     "% on the test rows. Leak?",
     {"yes": "Possible, but first measure both in the same mode: while it trains, half "
             "of its units are missing.",
      "not necessarily":
          "The 97 % were scored by thinned networks, the 99 % by the whole one. Score "
          "the training rows in evaluation mode, then compare.",
      "test rows are easier":
          "One would have to show that. The mode alone can explain it."},
     answer="not necessarily")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## How much is enough?
#
# The usual advice is 0.5. Same digits, p from 0 to 0.96. What would count at step 1000, the end:
# - dropout *helps* if p = 0.5 lowers the test error by more than 3 points (0.03);
# - it *can be too much* if p = 0.96 is worse than 0.85 by more than a point;
# - an answer below *is right* if its best p beats the best of every other answer, with an interval clear of 0.
#
# But are 1000 steps fair to every p? So we also stop each **at its best**: the recorded step of its lowest mean test error. (That looks at test rows, for all alike.)
# - Dropout *still wins* if p = 0.5, and p = 0.85, then beat the plain network by more than a point.
# - Stopping *is worth more* than dropout if the plain network at its best beats p = 0.5 at step 1000 by more than a point.

# %%
predict("best", "Which p has the lowest test error at step 1000?",
        ["0: none", "0.1 or 0.3", "0.5 or 0.7", "0.8 or more"])

# %% [markdown]
# **Do this**: move p through its range, at the last step and at each p's best. **Notice**: where do the curves of error and of loss have their lowest points?
#
# Bands are 95 % intervals over twelve seeds; an upright dotted line marks your p. Training figures count the 60 wrong labels as given, test labels are all right: a network that ignores every wrong label shows 20 % training error.

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import dropout as explore

explore.curves.show(p=0.5)

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
error = {p: trained.test_error[:, trained.at(p), -1] for p in trained.ps}
step, at_best = zip(*(curves.stopped(trained, p) for p in (0.0, 0.5, 0.85)))
comparisons = {
    "Step 1000: p = 0.5 lowers the test error by more than 3 points.":
        ("half-end", error[0.0], error[0.5], 0.03),
    "Step 1000: p = 0.96 has a higher test error than p = 0.85, by more than a point.":
        ("most-too-many", error[0.96], error[0.85], 0.01),
    "Each at its best step: p = 0.5 beats the plain network by more than a point.":
        ("half-best", at_best[0], at_best[1], 0.01),
    "Each at its best step: p = 0.85 beats the plain network by more than a point.":
        ("most-best", at_best[0], at_best[2], 0.01),
    "The plain network at its best step beats p = 0.5 at step 1000 by more than a "
    "point.": ("stopping-beats-half", error[0.5], at_best[0], 0.01)}
for sentence, (key, higher, lower, margin) in comparisons.items():
    claim(sentence, measured=paired_interval(higher, lower), kind="measured", id=key,
          holds=above(margin))

# %% jupyter={"outputs_hidden": true}
answers = {"0: none": (0.0,), "0.1 or 0.3": (0.1, 0.3), "0.5 or 0.7": (0.5, 0.7),
           "0.8 or more": (0.8, 0.85, 0.9, 0.96)}
best = {name: min((error[p] for p in ps), key=torch.mean)
        for name, ps in answers.items()}
lowest = min(error, key=lambda p: error[p].mean())
print("mean test error at step", *(f"{s:>6}" for s in trained.steps[5:]))
for p in (0.0, 0.5, 0.85, 0.9):
    print(f"               p = {p:<5g}",
          *(f"{e:6.1%}" for e in trained.test_error[:, trained.at(p)].mean(0)[5:]))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("best", curves.told_apart(best),
       because=f"the lowest mean is at p = {lowest:g}")

# %% [markdown]
# Read the table row by row: the plain network is at its best early, then it learns wrong labels by heart. With dropout the same comes later and more slowly; at p = 0.9 nothing of it shows by step 1000, and the training error (blue) is near 20 %: just about every wrong label is ignored.
# Column by column the lowest figure wanders from p = 0 to p = 0.9.
#
# So the best p depends on what there is to unlearn **and on how long there is time to learn it**. What dropout buys here, before all, is *time*: a network that can be left alone. Whether it buys a point of accuracy too is what "each at its best" asks: only if the third and the fourth verdict hold.
#
# *The intervals cover* twelve seeds: other split, start, batch order, masks, of the same 1797 images; one optimizer and learning rate for every p, tuned for none.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: error and loss disagree
#
# The loss also asks how sure the network is. Call its largest probability its *confidence*. Too *timid*: it is right more often than its mean confidence says, by over 10 points. *Too sure*: right less often, by over 10 points.
#
# What would count at step 1000: error and loss *disagree* if, seed by seed, the p that is best for the test loss is smaller than the one best for the test error. We ask for p = 0 and p = 0.85 whether the network is timid or too sure, and whether the timidity of 0.85 still shrinks from step 400 to step 1000 (interval clear of 0).

# %% tags=["deeper", "nbval-check-output"]
lowest = {name: torch.tensor(trained.ps)[figure[:, :, -1].argmin(1)] for name, figure in
          (("error", trained.test_error), ("loss", trained.test_loss))}
claim("The p that is best for the test loss is smaller than the one that is best for "
      "the test error.",
      measured=paired_interval(lowest["error"], lowest["loss"]),
      kind="measured", id="loss-error-disagree",
      holds=positive)
claim("p = 0.85 is too timid: accuracy on test rows exceeds mean confidence by more "
      "than 0.1.",
      measured=mean_interval(curves.timidity(trained, 0.85)),
      kind="measured", id="timid-p085",
      holds=above(0.1))
claim("p = 0 is too sure: mean confidence exceeds accuracy by more than 0.1.",
      measured=mean_interval(-curves.timidity(trained, 0.0)),
      kind="measured", id="sure-p0",
      holds=above(0.1))

*_, sooner = curves.compute_curves(ps=(0.85,), steps=400)
claim("p = 0.85 is more timid at step 400 than at step 1000.",
      measured=paired_interval(curves.timidity(sooner, 0.85),
                               curves.timidity(trained, 0.85)),
      kind="measured", id="timid-sooner",
      holds=positive)

# %% [markdown]
# Where timidity still shrinks, it is partly once more that 1000 steps are few for a large p. (Each seed's best p is picked on its own test rows, from nine.)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: right labels
#
# The second stage of the picture: 200 rows, all labels right. There is little to unlearn. We ask for a gain of more than one point from p = 0.5 at step 1000, and, since the best p should depend on what there is to unlearn, whether p = 0.85 is *worse* than 0.5 here (interval clear of 0). Twenty seeds.

# %% tags=["deeper", "nbval-check-output"]
*_, clean = curves.compute_curves("all right", seeds=tuple(range(20, 40)),
                                  ps=(0.0, 0.5, 0.85))
plain, half, much = clean.test_error[:, :, -1].T
claim("With right labels p = 0.5 lowers the test error by more than one point.",
      measured=paired_interval(plain, half), kind="measured", id="clean-p05",
      holds=above(0.01))
claim("With right labels p = 0.85 has a higher test error than p = 0.5.",
      measured=paired_interval(much, half), kind="measured", id="clean-p085",
      holds=positive)

# %% tags=["deeper"]
print(f"standard deviation over seeds: of the error {plain.std():.4f}, of the paired "
      f"difference {(plain - half).std():.4f}")

# %% [markdown]
# With effects of this size, look at the interval before you look at the sign. Pairing the seeds (same split, start, batches) is what makes it narrow.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## "It forces the network to distribute"
#
# "This forces the network to distribute the learned representations more evenly across neurons", says the lecture. The first paper (2012) said it so: dropout prevents **co-adaptation**, units that are of use only together with certain others. That can be measured.
# Take a trained network, masks off, set *one* hidden unit to zero, see how much the loss rises, put it back, take the next. What would count:
#
# - it *relies less on one unit* if its worst rise (test rows) is below half of the plain network's;
# - it *spreads more evenly* if the 13 worst units, a tenth, make up a share of all the rises that is smaller by more than 5 points. (Training rows: on test rows many rises are negative, and shares of a sum with both signs mean nothing.)
#
# Both against **three** plain networks: at step 1000; stopped at the training loss of the dropout network; stopped at its best. The last two tell dropout from not having memorised.

# %% tags=["nbval-check-output"]
stop = curves.fits_as_well(trained, p=0.5)
# the same runs as before, stopped sooner
*_, fits = curves.compute_curves(ps=(0.0,), steps=stop)
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
    claim(f"Against {plain_one}: the worst unit costs less than half.",
          measured=ratio_interval(worst["dropout"], worst[plain_one]),
          kind="measured", id=f"worst-unit-{key}",
          holds=below(0.5))
    claim(f"Against {plain_one}: the share of the worst tenth is smaller by more than "
          "5 points.",
          measured=paired_interval(share[plain_one], share["dropout"]),
          kind="measured", id=f"worst-tenth-{key}",
          holds=above(0.05))

# %%
print(f"{'':<43}  training loss  worst unit  worst tenth")
for name, (run, p) in networks.items():
    print(f"{name:<43}  {run.train_loss[:, run.at(p), -1].mean():13.2f} "
          f"{worst[name].mean():11.3f} {share[name].mean():12.0%}")
print("(Worst tenth: its share of the rises. "
      f"The last two were stopped at steps {stop} and {step[0]}.)")

# %% [markdown]
# The first control mixes two things. At the same training loss the comparison comes nearer to dropout itself. Against the plain network at its best it is about memorising: one that was kept from that, here by stopping, need not lean on single units either (its loss is another, so mind the share more than the height).
# Nothing here says that single units are easier to *understand*.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Which regularizer is it?
#
# Dropout has no penalty in sight. Look for one where everything can be computed: linear regression of $y_i$ on the rows $x_i$ of a table $X$, masks $m_{ij}$ (0 or 1) on the *inputs*, squared residuals summed.
#
# The masks are independent, so the prediction $\sum_j m_j x_j w_j/(1-p)$ has mean $x\cdot w$ and variance $\sum_j \frac{p}{1-p} x_j^2 w_j^2$. A mean square is squared mean plus variance. So, averaged over all masks,
#
# $$\sum_i \mathrm{E}\Big(y_i - \sum_j \tfrac{m_{ij}x_{ij}w_j}{1-p}\Big)^2 = \lVert y - Xw\rVert^2 + \frac{p}{1-p}\sum_j \lVert x_{\cdot j}\rVert^2\, w_j^2$$
#
# The first term is the ordinary sum of squares ($y - Xw$: all residuals at once). The second is **ridge**, L2 on the weights, with a strength of its own for each feature: the larger a feature $x_{\cdot j}$ (the $j$-th column of $X$), the harder its weight is pulled.
# The weights where the sum is smallest can be written down: the *closed form*, `ridge_solution`.

# %% tags=["nbval-check-output"]
draw, p_ridge = seeded(0), 0.4
X, y, w = (torch.randn(shape, generator=draw, dtype=torch.float64)
           for shape in ((8, 3), 8, 3))
claim("The loss averaged over all masks of all rows is the ridge formula, at p = 0.1, "
      "0.3, 0.5 and 0.9.",
      measured=[(masks.averaged_loss(X, y, w, p) - masks.ridge_loss(X, y, w, p)).item()
                for p in (0.1, 0.3, 0.5, 0.9)],
      holds=within(1e-10))
ridge = masks.ridge_solution(X, y, p_ridge)
claim("Gradient descent on that average, with "
      "steps small enough, ends at the closed form.",
      measured=(masks.train_averaged(X, y, p_ridge, lr=0.02, steps=1500)
                - ridge).abs().max().item(),
      holds=below(1e-9))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: with real masks, and a ridge that does not mind units
#
# The closed form is $\hat w = \big(X^\top X + \tfrac{p}{1-p}\,\mathrm{diag}(X^\top X)\big)^{-1}X^\top y$, and "small enough" is $\eta < 2/\lambda_{\max}$ of the matrix that is inverted.
#
# That was without chance. Now with it: 500 regressions trained with `dropout` itself, a fresh mask at each step. None of them comes to rest, but their mean should sit on the closed form, within three and a half standard errors in every weight.
# (The table is always the same; only masks vary.)

# %% tags=["deeper", "nbval-check-output"]
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
# Ordinary ridge changes its mind when a feature is written in centimetres instead of metres: the weight gets a hundredth, and is hardly pulled any more. Dropout's ridge weighs each weight with its own feature's size, so the two cancel.

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
# In logistic regression (two classes) the same sum weighs each row with $\hat p(1-\hat p)$, the variance of its label under the model: rows of which the model is sure hardly pull (Wager et al. 2013). It is a quadratic approximation there, no identity.

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
# In a network: 64-128-128-128-10 on 1000 digits with right labels, twice, eight seeds: each hidden layer linear-ReLU-**dropout-norm**, or linear-norm-ReLU-dropout. For p = 0, 0.5 and 0.7 we note the ratio at the norms,
# and what the remembered statistics cost on test rows, against statistics taken anew over the training rows with dropout off.
#
# What would count: the formula is *right* if the ratio at the first norm is within 10 % of it. The shift is *harmless* where it costs less than a point of test error, and *shows in the loss* if it costs more than 0.05.
# The *order of dropout and norm matters* if dropout in front costs more than a point of test error, **beyond** what the two orders differ at p = 0, where there is no dropout to be in front. It is *the shift* that costs it if less than a point of that is left when both networks take their statistics anew.

# %% tags=["deeper"]
from course_lib.experiments.dropout.before_norm import compute_shift

*_, shift = compute_shift()
at = {p: shift.ps.index(p) for p in shift.ps}
before, behind = 0, 1  # the order: dropout before the norm, or behind

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
for p in (0.5, 0.7):
    agreement = shift.ratio[before, :, at[p], 0] / shift.expected[before, :, at[p], 0]
    claim(f"p = {p}: the first norm remembers a variance within 10 % of the formula's.",
          measured=mean_interval(agreement),
          kind="measured", id=f"norm-remembers-p0{10 * p:g}",
          holds=between(0.9, 1.1))
    claim(f"p = {p}: the shift changes the test error by less than a point.",
          measured=paired_interval(shift.error[before, :, at[p]],
                                   shift.error_again[before, :, at[p]]),
          kind="measured", id=f"shift-error-p0{10 * p:g}",
          holds=within(0.01))
    claim(f"p = {p}: the shift costs more than 0.05 in test loss.",
          measured=paired_interval(shift.loss[before, :, at[p]],
                                   shift.loss_again[before, :, at[p]]),
          kind="measured", id=f"shift-loss-p0{10 * p:g}",
          holds=above(0.05))

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
def order_costs(error, p):
    """Test error before − behind at p, beyond the same at p = 0 [seeds]."""
    gap = error[before] - error[behind]  # [seeds, ps]
    return gap[:, at[p]] - gap[:, at[0.0]]


for p in (0.5, 0.7):
    claim(f"p = {p}: beyond the difference at p = 0, dropout before the norm costs "
          "more than a point.",
          measured=mean_interval(order_costs(shift.error, p)),
          kind="measured", id=f"order-p0{10 * p:g}",
          holds=above(0.01))
    claim(f"p = {p}: with the statistics taken anew less than a point of that is left.",
          measured=mean_interval(order_costs(shift.error_again, p)),
          kind="measured", id=f"order-anew-p0{10 * p:g}",
          holds=below(0.01))

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
print("                              ratio at each norm  test error  statistics anew")
for order, name in enumerate(("dropout before norm", "dropout behind norm")):
    for p in shift.ps:
        ratio = "  ".join(f"{r:.2f}" for r in shift.ratio[order, :, at[p]].mean(0))
        errors = [figure[order, :, at[p]].mean()
                  for figure in (shift.error, shift.error_again)]
        print(f"{name}, p = {p:<3g}:  {ratio}    {errors[0]:10.1%} {errors[1]:14.1%}")

# %% [markdown]
# At the first norm the formula says how large the shift is; at the second and third the ratio is only read off. What it costs is another matter. An argmax survives a good deal of rescaling, so the error need not notice; the loss notices sooner.
# And what is left of the order's cost with the statistics taken anew is not this shift: the two orders also *train* differently. Behind the norm, the first norm is free of it altogether; the later ones still see it, through a linear layer.
# Li et al. advise dropout behind the last norm. (Eight seeds: other rows, start, batch order and masks, of the same images.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Error bars for free?
#
# Leave the masks on when the network is *used*, ask it 200 times, and take the spread of the answers for its uncertainty: **Monte-Carlo dropout**. `MCDropout` drops in both modes; here on the small network of before:

# %%
# one question, 200 masks: [200, 2]
asked = MCDropout(p_small, generator=generator).eval()(hidden.expand(
                                                           200, -1)) @ second.T
for k in (0, 1):
    print(f"output {k}: mean {asked[:, k].mean():.2f}, spread {asked[:, k].std():.2f}; "
          f"evaluation {whole[k]:.2f}")

# %% [markdown]
# And a 1-64-64-1 network on thirty noisy rows of a sine.
#
# **Do this**: raise p, then take more rows. **Notice**: which of the two changes the width of the band?
#
# Thin lines: six of the 200 thinned networks. Inner band: ± 1.96 times their spread. Outer band: with the noise of the targets (0.3, known here).

# %%
from course_lib.explorers import dropout as explore

explore.band.show()

# %% [markdown]
# If this spread measures what the network does not know, more rows should shrink it. 30 rows against 1000, sixteen seeds, p = 0.2, always 1000 steps of 30 rows. A figure *falls* if it comes down by more than a third, *grows* if it goes up by more than a half, *stays about the same* between (a wide "same": mind the figure).
# And evaluation is a *good stand-in* for the mean of the 200 masks if it is off by less than half their spread.

# %%
predict("shrink",
        "Suppose the error of the mean falls, from "
        "30 rows to 1000. The spread over masks …",
        ["falls along with it", "stays about the same", "grows"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
*_, few = mc_dropout.compute_band(30)
*_, many = mc_dropout.compute_band(1000, ps=(0.02, 0.2))
i, j = few.ps.index(0.2), many.ps.index(0.2)
falls = ratio_interval(many.error()[:, j], few.error()[:, i])
kept = ratio_interval(many.mean_spread()[:, j], few.mean_spread()[:, i])
claim("From 30 to 1000 rows the error of the mean falls.", measured=falls,
      kind="measured", id="rows-error-falls",
      holds=below(2 / 3))
claim("The spread over masks stays about the same.", measured=kept,
      kind="measured", id="rows-spread-stays",
      holds=between(2 / 3, 3 / 2))
claim("Two layers of masks: evaluation is off the mean of the masks by less than half "
      "their spread.",
      measured=mean_interval((few.evaluation_gap() / few.mean_spread())[:, i]),
      kind="measured", id="evaluation-near-mean",
      holds=below(0.5))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("shrink",
       from_interval={"falls along with it": below(2 / 3)(kept),
                      "stays about the same": between(2 / 3, 3 / 2)(kept),
                      "grows": above(3 / 2)(kept)},
       because=f"measured: it keeps {kept.mean:.0%}, while the error keeps "
               f"{falls.mean:.0%}", rests="rows-spread-stays")

# %% [markdown]
# Nothing in a mask knows how many rows there were. Its spread is set by p, by the weights and by the activation: turn p in the picture. With a p that is simply chosen, the band is a *shape*, to be calibrated on held-out targets before anyone calls it 95 %.
# (Not all else is equal: 1000 steps are a thousand epochs of 30 rows and thirty of 1000.)
#
# And the hope from the middle of the lesson? With a ReLU between two masked layers evaluation is no identity; the third claim says how good a stand-in (200 masks alone leave $1/\sqrt{200} = 0.07$ of a spread to chance).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: does the band know where the rows are? Does it hold what it says?
#
# On the seed of the picture the band is narrow where the rows lie and wide where there are none, at least on the right. Over all seeds, p = 0.2: the band *knows where the rows are* if beyond them it is more than 1.2 times as wide as among them.
# The interval is *too short* if it should hold 95 % of new targets and holds fewer. And dropout *costs a regression with many rows* if, at 1000 rows, the error of the mean with p = 0.2 is more than 1.1 times that with p = 0.02.

# %% tags=["deeper", "nbval-check-output"]
*_, smooth = mc_dropout.compute_band(30, "tanh", ps=(0.2,))
for key, name, band in (("relu", "30 rows, ReLU", few),
                        ("tanh", "30 rows, tanh", smooth),
                        ("many", "1000 rows, ReLU", many)):
    beyond, among = (band.mean_spread(where)[:, band.ps.index(0.2)]
                     for where in (~mc_dropout.INSIDE, mc_dropout.INSIDE))
    claim(f"{name}: beyond the rows the band is more than 1.2 times as wide as among "
          "them.",
          measured=ratio_interval(beyond, among),
          kind="measured", id=f"band-knows-{key}",
          holds=above(1.2))
claim("With 30 rows the 95 % interval (masks and noise) holds fewer than 95 % of new "
      "targets among the rows.",
      measured=mean_interval(few.coverage()[:, i]),
      kind="measured", id="band-too-narrow",
      holds=below(0.95))
claim("With 1000 rows the error of the mean is more than 1.1 times as large with p = "
      "0.2 as with p = 0.02.",
      measured=ratio_interval(many.error()[:, j], many.error()[:, many.ps.index(0.02)]),
      kind="measured", id="many-rows-p-costs",
      holds=above(1.1))

# %% [markdown]
# A band that knew where the rows are would pass all three. Beyond them a ReLU network goes on in straight lines and a tanh network levels off, so the band there has to do with how steep they are; that this is all of it we have not tested.
#
# Gal and Ghahramani read dropout as Bayesian inference, for a network with weight decay that falls as one over the number of rows. We train without decay: this is dropout left on, not their posterior.
#
# *What the intervals cover, here and above:* sixteen seeds, each with other rows, noise, start, batch order and masks, of one sine; 200 masks for each network.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: three sentences of the lecture, read closely
#
# > **"During each training iteration, dropout randomly “drops” a subset of neurons by setting their activations to zero with a specified probability."** Not wrong, but two things are missing.
# > It is another subset for *each row* of the batch, and what stays is rescaled: the lecture's own printout shows it, without a word about it (exercise T2).
#
# > **"Note that neurons are only dropped when the module is in train mode, not in eval mode."** True of the module. The *function* of the same name knows no modes, and its default is `training=True`.
#
# > **"Not necessarily, as dropout is a regularization technique that prevents overfitting."** That is its answer to the question whether the higher training loss is a bug. It names one of the two parts; mask noise has nothing to do with fitting.

# %% tags=["deeper", "nbval-check-output"]
class Careless(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x, 0.5)  # should say: training=self.training


claim("A module that calls F.dropout(x, p) goes on dropping after .eval().",
      measured=bool((Careless().eval()(torch.ones(1000)) == 0).any()),
      holds=equal(True))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# ```python
# model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))
# model.train()  # masks on
# model.eval()   # masks off: before every validation, and in use
# ```
#
# ## When not to
#
# - More data than the network can memorise in its time: little to prevent, and dropout slows the fit.
# - Where you stop early anyway: compare with that, not with a plain network left to run on. <!-- rests: stopping-beats-half, not half-best -->
# - Directly in front of a batch norm, with a large p: what the norm remembers costs test loss. (The order also costs test error at p = 0.7, and mostly for another reason; a *Deeper* section measures both.) <!-- rests: shift-loss-p07, order-p07, not order-anew-p07 -->
# - A regression with plenty of rows: a dropped unit is an error in the answer (whether it shows: a Deeper section).
# - As the only source of error bars: their spread does not know how many rows there were. <!-- rests: rows-spread-stays, band-too-narrow --> Several networks trained from different starts (a *deep ensemble*) are a stronger one; *concrete dropout* learns its p.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: values commonly met, and conventions
#
# | where | p (a start, to be tuned) |
# |---|---|
# | wide fully connected layers | 0.5 |
# | inputs | 0 to 0.2 |
# | transformers (attention, residual branches) | 0 to 0.1, often 0 when data is plentiful |
# | convolutions | 0 to 0.25, also whole channels at a time (`nn.Dropout2d`): neighbours in a channel stand in for one another |
#
# **Conventions.** p is the probability to *drop* in torch and here. The paper of 2014 and TensorFlow 1 (`keep_prob`) mean the probability to *keep*: 0.8 there is 0.2 here. At 0.5 nobody notices.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In one breath
#
# | | |
# |---|---|
# | what does it do? | 0 with probability p, else $x/(1-p)$: same mean, variance $x^2 p/(1-p)$; nothing in evaluation |
# | which average is evaluation? | of the outputs, while only linear layers follow; behind a ReLU that masks switch a stand-in |
# | which penalty? | for linear regression a ridge, $\frac{p}{1-p}\lVert x_{\cdot j}\rVert^2$ for each weight |
# | why is the training loss higher? | mask noise, and less fit: measure with masks off <!-- rests: mask-noise, fits-less --> |
# | which p is best? | ask for how many steps, and against a plain network stopped at its best |
# | does its spread mean uncertainty? | only after calibration: it does not know how many rows there were <!-- rests: rows-spread-stays --> |
#
# Now write it yourself: **`06_dropout_exercises.ipynb`**. Your own function then throws the masks of the first and the last picture.
#
# **Sources.** Hinton, Srivastava, Krizhevsky, Sutskever & Salakhutdinov, *Improving neural networks by preventing co-adaptation of feature detectors*, 2012 (arXiv:1207.0580). *The lecture:* "Optimization & Regularization" of the mlr3torch course (mlr-org.github.io/mlr3torch-course). Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, JMLR 2014. Wager, Wang & Liang, *Dropout Training as Adaptive Regularization*, NeurIPS 2013 (arXiv:1307.1493). That noise on the inputs acts as a ridge is older: Bishop, *Training with Noise is Equivalent to Tikhonov Regularization*, 1995.
# Baldi & Sadowski, *Understanding Dropout*, NeurIPS 2013. Gal & Ghahramani, *Dropout as a Bayesian Approximation*, ICML 2016 (arXiv:1506.02142). Osband, *Risk versus Uncertainty in Deep Learning: Bayes, Bootstrap and the Dangers of Dropout*, NIPS workshop 2016.
# Li, Chen, Hu & Yang, *Understanding the Disharmony between Dropout and Batch Normalization by Variance Shift*, CVPR 2019 (arXiv:1801.05134). Lakshminarayanan, Pritzel & Blundell, *Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles*, NeurIPS 2017 (arXiv:1612.01474). Gal, Hron & Kendall, *Concrete Dropout*, NeurIPS 2017 (arXiv:1705.07832).

# %% [markdown] tags=["card"] slideshow={"slide_type": "slide"}
# ## To keep
#
# | | |
# |---|---|
# | formula | in training $x \mapsto \dfrac{m\,x}{1-p}$ with $m = 0$ at chance $p$, else 1; in evaluation nothing |
# | PyTorch | `nn.Dropout(0.5)` behind an activation, and `model.train()`, `model.eval()` |
# | typical | p = 0.5 in wide layers, 0 to 0.2 on inputs, 0 to 0.1 in transformers |
# | when not | plenty of data, or where you stop early anyway: compare with that |
# | measured | with wrong labels p = 0.5 lowers the test error at step 1000 <!-- rests: half-end --> |
# | measured | a plain network at its best step does better still <!-- rests: stopping-beats-half --> |

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Test yourself, and teach it
#
# What one can explain in two minutes one has understood. Do it aloud, to a friend, a pet, or the wall; where you get stuck is where to read again.
#
# **Teach it to** somebody who has switched dropout on, sees the training loss go up, and looks for the bug. *Draw* four thinned networks beside the whole one, an edge that all five share, and the factor $1/(1-p)$ on what is kept. *Disarm* the sentence "in evaluation mode the network is exactly the average of all thinned ones". *And ask back:* Which two numbers would you measure to tell mask noise from a looser fit?
#
# Below: the questions of this lesson (some are about *Deeper* sections), with a reason for every option, and its cards, which come back after 1, 3 and 7 days.

# %% slideshow={"slide_type": "skip"}
from course_lib.notebook import quiz_of, recall

quiz_of("dropout")

# %% slideshow={"slide_type": "skip"}
recall("dropout")
