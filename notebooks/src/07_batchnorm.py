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
# # BatchNorm: normaliser, noise source, learning-rate controller
#
# In training, **BatchNorm** shifts and scales every feature of a layer to mean 0 and variance 1, over the examples that happen to be in the batch; a learned scale and shift follow.
# It does three things, and only the first is in the name. It *normalises*. It adds *noise*, for what a network says of one image now depends on its neighbours.
# And, as other norms do, it makes the length of the weights in front of it a part of their learning rate. What is each of the three good for?
#
# *47 minutes, in two sittings if you like. What is called* Deeper *is folded, and extra. You need lessons 00, 03 (weight decay) and 06 (dropout).*

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import (above, below, between, claim, each, equal, near,
                                     negative, positive, predict, quiz, reveal, setup,
                                     show_source, within)
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None
import math
import textwrap

import torch

from course_lib.base.random import seeded
from course_lib.batchnorm import BatchNorm1d, batch_norm, fold_batch_norm, standardise
from course_lib.experiments.batchnorm.batch_statistics import (
    compare_modes, measure_noise)
from course_lib.experiments.batchnorm.ghost import compare_ghost_batches
from course_lib.experiments.batchnorm.training import compare_speed
from course_lib.statistics import mean_interval, paired_interval
from course_lib.experiments.batchnorm.turning import angle_at_rest, norm_at_rest, turn

setup()
double = {"dtype": torch.float64}  # exact claims are held to 15 digits

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Ten layers deep
#
# What is a norm, short for *normalisation layer*, good for? Take ten layers of 64 units with ReLU, random weights, and a batch of standardised digits. Each weight is drawn with spread (standard deviation) gain/√64. So at a **gain** of 1 each of a unit's 64 terms is about an eighth of an input. In their sum much cancels: it is √64 = 8 times a term (lesson 00), as large as an input again.
#
# **Do this**: move the gain until the blue line in the left panel, without a norm, is flat; then a little further. **Notice**: what does the orange line do meanwhile? (Right, layer 10 at every gain.)

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import batchnorm as explore

explore.activations.show()

# %% [markdown]
# Without a norm every layer multiplies the size by about the same factor: a straight line on this logarithmic axis. At gain 1 it falls, for ReLU sets the negative half of the values to 0, which halves the mean square. A gain of √2 = 1.41 makes up for it.
#
# **With BatchNorm the outputs keep their size at every gain.** The norm makes the mean square 1, and the ReLU behind it halves that: so the orange line lies at √½ = 0.7. The gradient does not keep its size: from layer 10, where it is set to 1, back to layer 1 it grows 6- to 7-fold (middle panel; lesson 08).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: tanh, and the gradient on its way back
#
# tanh is S-shaped and flat at its ends. A unit that sits there is *saturated*: it passes almost no gradient. Choose the activation tanh above: by the caption about half of the outputs are saturated without a norm, at a gain of 3. With BatchNorm 6 % are, at every gain.
#
# The middle panel shows the gradient at each layer, on its way back from the last. With ReLU and batches of 64, the gradient with BatchNorm grows 6- to 7-fold over nine layers, whatever the gain: for ReLU, wide layers and large batches by √(π/(π − 1)) = 1.21 a layer (Yang et al. 2019). 1.21⁹ is 5.6; width and batch are only 64, and that adds a little. That is exponential in depth, BatchNorm's own doing, and one reason for the shortcuts of lesson 08.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## By hand
#
# How does it do that? One feature, a batch of three: 1, 3, 8. Its mean μ is 4, its variance $\sigma^2 = \frac{9+1+16}{3} = \frac{26}{3}$.
#
# $$\hat x = \frac{x-\mu}{\sqrt{\sigma^2+\epsilon}} \qquad\qquad y = \gamma\,\hat x + \beta$$
#
# ε = 1e-5 keeps the root from zero. γ and β are learned, a pair for each feature, and start at 1 and 0. So 1, 3, 8 become −3/2.94 = −1.02, −0.34 and 1.36. With $\gamma = \sqrt{\sigma^2+\epsilon}$ and $\beta = \mu$ they would come back as they were: the layer can undo itself.
#
# Later an image may come alone. For that the layer keeps **running statistics**, a mean and a variance, which start at 0 and 1. They are **buffers**: saved with the model, not trained. Each batch in training moves them by the share $m$ = 0.1, the norm's `momentum` (not SGD's):
#
# $$\text{running} \leftarrow (1-m)\,\text{running} + m\,\text{batch}$$
#
# Which variance: divided by $n$ or by $n-1$? A sample spreads less around its own mean than around the true one; on average $n-1$ makes up for that.

# %%
predict("variance", "After this one batch, the running variance is …",
        ["0.9 · 1 + 0.1 · 26/3 = 1.767", "0.9 · 1 + 0.1 · 13 = 2.2",
         "0.1 · 1 + 0.9 · 26/3 = 7.9"])

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("variance", "0.9 · 1 + 0.1 · 13 = 2.2",
       because="26/3 describes this batch; 26/2 = 13 is the unbiased estimate for the "
               "rows that will come")

# %% [markdown]
# Two variances, then: over $n$ to normalise, over $n-1$ to remember.
#
# The running mean is now 0.9 · 0 + 0.1 · 4 = 0.4. In **evaluation** it and the 2.2 stand in for μ and σ²: the 1 becomes (1 − 0.4)/√2.2 = 0.405, and not −1.02. Even the sign differs: nine tenths of the memory are still its start. Each row is on its own now, and nothing is remembered.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the whole function
#
# `dims` are the dimensions to average over, all but the features. The helpers with an underscore count, refuse and reshape. The last line calls `standardise`, which stands below it. At the end: what does the layer save?

# %% tags=["deeper"]
show_source(batch_norm)

# %% tags=["deeper"]
show_source(standardise)

# %% [markdown] tags=["deeper"]
# Training and evaluation, with the function as a layer:

# %% tags=["deeper"]
predict("twice",
        "In training mode the same batch goes "
        "through the layer twice. The second time …",
        ["same output, same statistics", "same output, moved statistics",
         "another output, moved statistics"])

# %% jupyter={"outputs_hidden": true, "source_hidden": true} tags=["deeper", "nbval-check-output"]
generator = seeded(0)
batch = 2 + 3 * torch.randn(10, 5, **double, generator=generator)
layer = BatchNorm1d(5, **double)  # the function as a layer
outputs, remembered = zip(*((layer(batch), layer.running_mean.clone())
                            for _ in range(2)))
gaps = [(a - b).abs().max().item() for a, b in (outputs, remembered)]
claim("The same batch twice in training mode: the same output, and statistics that "
      "have moved on.",
      measured=gaps, holds=each(equal(0), positive))

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
reveal("twice",
       from_interval={
           "same output, same statistics": each(equal(0), equal(0))(gaps),
           "same output, moved statistics": each(equal(0), positive)(gaps),
           "another output, moved statistics": each(positive, positive)(gaps)},
       because="training looks at the batch alone, and takes notes")

# %% [markdown] tags=["deeper"]
# The numbers of *By hand*, by this function:

# %% tags=["deeper", "nbval-check-output"]
x = torch.tensor([[1.0], [3.0], [8.0]], **double)
running_mean, running_var = torch.zeros(1, dtype=x.dtype), torch.ones(1, dtype=x.dtype)
y = batch_norm(x, running_mean, running_var, training=True).flatten().tolist()
later = batch_norm(x, running_mean, running_var, training=False).flatten().tolist()
print("in training", [round(v, 4) for v in y], "· in evaluation",
      [round(v, 4) for v in later])
claim("In training the batch 1, 3, 8 becomes (x − 4)/√(26/3 + ε), with the variance "
      "divided by n.",
      measured=[a - (v - 4) / math.sqrt(26 / 3 + 1e-5) for a, v in zip(y, (1, 3, 8))],
      holds=within(1e-14))
claim("What is remembered: a tenth of the mean, and a variance to which the batch gave "
      "its own, divided by n − 1.",
      measured=[running_mean.item(), running_var.item()],
      holds=near([0.1 * 4, 0.9 + 0.1 * 13], 1e-14))

# %% [markdown] tags=["deeper"]
# And the gradient. One row changes the mean, and so all rows. Let $d$ be any gradient at the output $y$, and a bar the mean over the batch. Then the gradient at $x$ is
#
# $$\frac{\gamma}{\sqrt{\sigma^2+\epsilon}}\,\bigl(d-\overline{d}-\hat x\;\overline{d\,\hat x}\bigr)$$
#
# With μ and σ² held fixed, as when a slip puts their line under `no_grad`, too, only $d$ is left in the bracket: the output is right, and the gradient wrong. The second term: what would push all rows of a feature up alike the norm subtracts again, so that part of $d$ can change nothing and is taken out. The third does the same with what would stretch the feature.

# %% tags=["deeper"]
def backward(x, gamma, d, eps=1e-5):
    """Gradient at x [rows, features], from d [rows, features], the gradient at y."""
    spread = (x.var(0, correction=0) + eps).sqrt()
    x_hat = (x - x.mean(0)) / spread
    return gamma / spread * (d - d.mean(0) - x_hat * (d * x_hat).mean(0))

# %% tags=["deeper", "nbval-check-output"]
gamma, d = (torch.randn(*shape, **double, generator=seeded(2))
            for shape in ((5,), (10, 5)))
by_hand = backward(batch, gamma, d)
leaf = batch.clone().requires_grad_()
out = batch_norm(leaf, weight=gamma, training=True)
(by_torch,) = torch.autograd.grad(out, leaf, d)
claim("The formula gives autograd's gradient.",
      measured=(by_hand - by_torch).abs().max().item(), holds=below(1e-12))
x_hat = batch_norm(batch, training=True)
claim("Over the batch each feature's gradient has mean 0, and up to ε it is at right "
      "angles to x̂.",
      measured=[by_torch.mean(0).abs().max().item(),
                (by_torch * x_hat).mean(0).abs().max().item()],
      holds=each(below(1e-12), below(1e-5)))

# %% tags=["deeper"]
print("parameters:", *dict(layer.named_parameters()), "· buffers:",
      *dict(layer.named_buffers()))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In plain PyTorch
#
# Do ten such layers learn better with a norm? `nn.BatchNorm1d(64)` stands between each linear layer and its ReLU; `nn.Identity`, in its place, does nothing.

# %% tags=["plain"]
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from course_lib.data import digits

data = digits(500)  # 500 images to learn from


def test_error(norm, lr, linear=nn.Linear):
    """Train ten layers; return the share of test images they get wrong."""
    # linear: a Deeper section passes a layer with another start
    torch.manual_seed(0)
    layers = [part for _ in range(10)
              for part in (linear(64, 64), norm(64), nn.ReLU())]
    model = nn.Sequential(*layers, linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    model.train()  # BatchNorm takes the mean and the variance of the batch
    for epoch in range(20):
        for rows in torch.randperm(500).split(50):
            loss = cross_entropy(model(data.train_x[rows]), data.train_y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()  # and now those that it remembers
    return (model(data.test_x).argmax(1) != data.test_y).float().mean().item()


for lr in (0.01, 0.1):
    plain, normed = (test_error(norm, lr) for norm in (nn.Identity, nn.BatchNorm1d))
    print(f"lr {lr}: {plain:.1%} wrong without BatchNorm, {normed:.1%} with it")

# %% [markdown]
# The plain network has learned nothing: nine of ten wrong is guessing. But torch starts `nn.Linear` at a gain of 0.58. So of the difference between two images ten layers pass on about (0.58/1.41)¹⁰, a ten-thousandth. Does the norm help, or would a better start?
#
# Without a norm but with gain √2, 9.4 % are wrong at rate 0.01, 90 % at 0.1 (*Deeper*). So at 0.01 the better start does most of it; at 0.1, of the three, only BatchNorm trains. (One seed, two rates: a look, no verdict.)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a norm, or only a better start?
#
# 64-64-64-64-10 networks, plain SGD, batches of 50 of 500 digits with pixels from 0 to 1. How many of 400 steps do they need to a training loss of 0.1?
#
# 1. The loss is that of all training rows, in evaluation mode, looked at every ten steps. No arrival counts as 400.
# 2. Seven rates from 0.05 to 3.2, eight seeds. For each seed we take the rate that was fastest on the *other* seven.
# 3. torch draws the weights evenly from ±1/√64. Numbers drawn evenly from ±a have mean square a²/3, so these have spread 1/√(3 · 64), a gain of 1/√3 = 0.58. ReLU wants √2, where your blue line was flat (He et al. 2015, with biases 0). So the plain network runs with both.
# 4. LayerNorm (*Whose mean? Four norms*) takes mean and variance over the 64 features of one row: no other row has a say, and there is no noise. It has torch's start, as BatchNorm has.
#
# At first three networks ran, without LayerNorm, at the five rates up to 0.8. Of these we ask: does BatchNorm need fewer than *half* the steps of torch's start? Does gain √2 need fewer than torch's start? And BatchNorm fewer than gain √2? (The claims take log₂ of the ratio: half the steps are −1, as many are 0.)

# %% tags=["deeper"]
predict("speed", "Against the plain network with gain √2, the lead of BatchNorm is …",
        ["as large as against torch's start", "smaller, but there", "gone"])

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.experiments.batchnorm.training import LRS, NETS, STANDARD_LRS


def print_race(race):
    """The median steps of the seeds, a row for each network, a column for each rate."""
    print(f"{'learning rate':15}", *(f"{lr:>6}" for lr in race.lrs), "  (median steps)")
    for name, found in race.steps.items():
        print(f"{name:15}",
              *(f"{'never' if at == math.inf else round(at):>6}"
                for at in found.median(0).values.tolist()))


*_, race = compare_speed()
print_race(race)

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
plain, wide, batched = (race.at_best_rate(name, LRS).log2() for name in list(NETS)[:3])
lead = paired_interval(batched, plain)
repair = paired_interval(wide, plain)
rest = paired_interval(batched, wide)
for key, sentence, ratio, high in (
    ("norm-faster", "BatchNorm needs fewer than half the steps of torch's start",
     lead, -1),
    ("gain-faster", "Gain √2 needs fewer steps than torch's start", repair, 0),
    ("norm-beats-gain", "BatchNorm needs fewer steps than gain √2", rest, 0)):
    claim(f"{sentence}: log₂ of the ratio of steps is below {high}.",
          measured=ratio, kind="measured", id=key,
          holds=below(high))

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
reveal("speed",
       from_interval={
           "as large as against torch's start":
               each(positive, negative)([repair, rest]),
           "smaller, but there": negative([repair, rest]),
           "gone": positive(rest)},
       because=f"ratios of steps: {2**lead.mean:.2f} to torch's start, "
               f"{2**rest.mean:.2f} to gain √2", rests="gain-faster, norm-beats-gain")

# %% [markdown] tags=["deeper"]
# Along the rows, BatchNorm arrives at *every* rate, also at 1.6 and 3.2, where no other does. Steps are not seconds: one with BatchNorm takes longer.
#
# *Is it the batch, or any norm?* Asked beforehand, now at all seven rates: does LayerNorm need fewer steps than gain √2? And BatchNorm fewer than LayerNorm?

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
wide, batched, layered = (race.at_best_rate(name).log2() for name in list(NETS)[1:])
for key, sentence, ratio in (
    ("layer-beats-gain", "LayerNorm needs fewer steps than gain √2",
     paired_interval(layered, wide)),
    ("norm-beats-layer", "BatchNorm needs fewer steps than LayerNorm",
     paired_interval(batched, layered))):
    claim(f"{sentence}, each at its best of seven rates: log₂ of the ratio of steps is "
          "below 0.",
          measured=ratio, kind="measured", id=key, holds=below(0))

# %% [markdown] tags=["deeper"]
# *Not any norm will do.* LayerNorm needs as many steps as gain √2: on fresh seeds the log₂ of the ratio lies within ±0.07 of 0, that is within 5 %. So a norm over the row makes up for torch's small start. BatchNorm needs about a third of LayerNorm's steps. <!-- rests: open layer-beats-gain, norm-beats-layer --> At small rates LayerNorm is ahead of gain √2, but it bears no larger ones than 0.8, where BatchNorm still arrives at 3.2: for Bjorck et al. (2018) the main cause of its speed in deep networks.
#
# *Is it the pixels?* BatchNorm takes out what all images have in common, and a mean over one row cannot. Pixels from 0 to 1 have much in common; standardised pixels, of mean 0 and variance 1 over the training rows, have not. So the last three networks race once more on these, all else alike. They are about twice as large, so the seven rates begin at half: 0.025 to 1.6.
#
# Asked beforehand: does BatchNorm need fewer steps than gain √2, and than LayerNorm, there too? If so, it does more than centre the pixels. And is its lead over LayerNorm *smaller* there than above? If so, what standardising does to them was a part of it.

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
*_, standard = compare_speed(names=tuple(NETS)[1:], lrs=STANDARD_LRS, scale="standard")
print_race(standard)

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
wide2, batched2, layered2 = (standard.at_best_rate(name).log2()
                             for name in standard.steps)
for key, other, ratio in (
    ("standard-norm-gain", "gain √2", paired_interval(batched2, wide2)),
    ("standard-norm-layer", "LayerNorm", paired_interval(batched2, layered2))):
    claim(f"On standardised pixels, each at its best of seven rates, BatchNorm needs "
          f"fewer steps than {other}: log₂ of the ratio of steps is below 0.",
          measured=ratio, kind="measured", id=key, holds=below(0))
claim("BatchNorm's lead over LayerNorm is smaller on standardised pixels than on "
      "pixels from 0 to 1: log₂ of the ratio of steps is higher there.",
      measured=paired_interval(batched2 - layered2, batched - layered),
      kind="measured", id="standard-lead-smaller", holds=positive)

# %% [markdown] tags=["deeper"]
# *Mostly it was the pixels.* On standardised ones the lead over gain √2 is gone: 0 on all eight seeds, as finely as a look every ten steps can tell, and undecided on fresh ones. <!-- rests: open standard-norm-gain --> Over LayerNorm a little is left: BatchNorm needs 13 % fewer steps; on pixels from 0 to 1 it needed 65 % fewer. <!-- rests: standard-norm-layer, standard-lead-smaller --> So most of what BatchNorm won on pixels from 0 to 1, all networks get from standardising the pixels once, before training; how much of that is the mean and how much the scale, we did not ask, before training. (An old advice: LeCun et al. 1998.)
#
# And the ten layers of *In plain PyTorch*? There gain √2 is the missing third arm. One seed, so only a look:

# %% tags=["deeper"]
class Wider(nn.Linear):
    """A linear layer that starts with gain √2 and biases 0."""

    def reset_parameters(self):
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        nn.init.zeros_(self.bias)


for lr in (0.01, 0.1):
    wrong = test_error(nn.Identity, lr, Wider)
    print(f"lr {lr}: {wrong:.1%} wrong without BatchNorm, with gain √2")

# %% [markdown] tags=["deeper"]
# At 0.01 the better start does most of it, 9.4 % where torch's start had 89.9 % and BatchNorm 6.6 %. At 0.1 it does not help: there, of the three, only BatchNorm trains, and errs 3.0 %. Two rates and one seed are no tuning.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: is the loss smoother along the gradient?
#
# Santurkar et al. (2018) say that with BatchNorm the loss gets smoother along the gradient. They look ahead from a point of the training along its gradient $g$, over a range of distances, and ask how much the gradient itself changes: the largest $\lVert g' - g\rVert / (s\lVert g\rVert)$ over step sizes $s$, where the distance is $s\lVert g\rVert$. It is an effective curvature.
# We do the like, up to one step ahead, for 64-64-64-10 networks, learning rate 0.1, eight seeds, along the way, and take the log of that with BatchNorm less the log of that without. *Smoother* means an interval below 0.
#
# Compared *when*? After the same number of steps the faster network is simply elsewhere, where the loss is nearly flat. So we also compare the two at the same training loss: at the first step where it is at 2, 1, 0.5 or below (and not more than a tenth below, else we say nothing).
#
# Compared *in what*? In the weights as they are. In front of a BatchNorm, weights α times as long give the same function with a bend $1/\alpha^2$ as large, as the last part of this lesson shows. So part of any difference is a matter of lengths. The figure that is free of them, the bend times $\lVert w\rVert^2$, we did not measure. Nor did we try another start: both networks have torch's.

# %% tags=["deeper"]
from course_lib.experiments.batchnorm.training import LEVELS, compare_smoothness

*_, smooth = compare_smoothness()
for i, level in enumerate(LEVELS):
    batched, plain = (smooth.loss_at[name][:, i].mean() for name in ("batch", None))
    print(f"at {level}: training loss {batched:.3f} "
          f"with BatchNorm, {plain:.3f} without")

# %% tags=["deeper", "nbval-check-output"]
bends = [smooth.bend[name].log().mean(1) for name in ("batch", None)]
claim("Averaged over 450 equal steps, the loss is smoother along the gradient with "
      "BatchNorm than without: the log of the ratio of bends is below 0.",
      measured=paired_interval(*bends), kind="measured", id="smoother-equal-steps",
      holds=negative)
for level in LEVELS:
    claim(f"When the training loss first comes down to {level}, it is smoother with "
          "BatchNorm than without.",
          measured=smooth.at_level(level), kind="measured", id=f"smoother-at-{level}",
          holds=negative)

# %% [markdown] tags=["deeper"]
# At a loss of 2 the network with BatchNorm is *rougher*, 3.6 times (4.8 on fresh seeds); at 0.5 it is smoother, by a factor of 3.1 (2.6 on fresh seeds). <!-- rests: not smoother-at-2.0, smoother-at-0.5 --> After equal steps you would have seen the second only. <!-- rests: smoother-equal-steps -->
# A network that stands still on a plateau has a very smooth loss, and that is no merit. "Smoother" needs an "at the same what". So this neither confirms nor refutes Santurkar et al.
#
# > **A common belief: BatchNorm is fast because it reduces *internal covariate shift***, the drift of a layer's inputs while earlier layers learn (Ioffe & Szegedy 2015). But Santurkar et al. (2018) added noise behind each norm on purpose, so that the inputs drifted again, and the network trained about as fast.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Is it the norm that makes it fast?
#
# Would any norm do? Three hidden layers, plain SGD, pixels from 0 to 1, eight seeds. **LayerNorm** takes its mean over the features of one row. How many steps to a training loss of 0.1? (Medians, best in bold.)
#
# | rate | 0.05 | 0.1 | 0.2 | 0.4 | 0.8 | 1.6 | 3.2 |
# |---|---|---|---|---|---|---|---|
# | plain, torch's start | never | never | 310 | **220** | never | never | never |
# | plain, gain √2 | 310 | 180 | **110** | **110** | never | never | never |
# | LayerNorm | 140 | **120** | **120** | 160 | 270 | never | never |
# | BatchNorm | 120 | 70 | 50 | **40** | **40** | 50 | 60 |
#
# A better start about halves the steps, and LayerNorm needs about as many. <!-- rests: gain-faster, open layer-beats-gain --> **Of these four, each at its best rate, BatchNorm needs the fewest steps (not seconds), about a third of the next.** <!-- rests: norm-beats-gain, norm-beats-layer --> Here it also bears larger rates. **But on standardised pixels we see no lead over gain √2** (both take about 30 steps, and we look every ten), and it needs an eighth fewer steps than LayerNorm (*Deeper*). So standardise the pixels first. <!-- rests: standard-norm-layer, standard-lead-smaller, open standard-norm-gain -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What does it remember?
#
# A lecture (mlr3torch, *Sources*) says that "during evaluation, it uses the running mean and variance of all training samples seen". Feed it 100 batches of numbers around 2, then 100 around 0.

# %%
predict("memory", "The mean of all samples seen is 1. The running mean is …",
        ["1", "near 0", "near 2"])

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("memory", "near 0",
       because="an exponential average: each batch counts 0.9 times as much as the "
               "next one, so 2 · 0.9¹⁰⁰ is left, 0.00005")

# %% [markdown]
# So the sentence misleads: as torch sets it, old samples hardly count.
#
# **Do this**: set the momentum to 0.01, then to 1. **Notice**: how soon does the blue line, left, forget the 2?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import batchnorm as explore

explore.memory.show(batch_size=256)

# %% [markdown]
# **The memory reaches back about $1/m$ batches**, at 0.1 ten. It should forget, for the weights move, and old means describe features as they were. But a short memory holds few rows.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: how noisy is the memory?
#
# As in the question, with larger numbers and twice as many batches:

# %% tags=["deeper", "nbval-check-output"]
pair = torch.tensor([[-1.0], [1.0]], **double)
forgetful = BatchNorm1d(1, momentum=0.1, **double)
for centre in [10] * 200 + [0] * 200:
    forgetful(pair + centre)
claim("After 200 batches around 10 and 200 around 0 the running mean is 10 · 0.9²⁰⁰.",
      measured=forgetful.running_mean.item(),
      holds=near(10 * 0.9**200, 1e-12))

# %% [markdown] tags=["deeper"]
# For independent batches of $B$ rows the running mean comes to rest with variance $\frac{m}{2-m}\cdot\frac{\sigma^2}{B}$, the formula in the caption of the picture above:
# a batch mean has variance σ²/B, and an average with weights $m,\ m(1-m),\ m(1-m)^2 \dots$ keeps the sum of their squares of it, $\frac{m^2}{1-(1-m)^2}$.
#
# A good momentum follows (by the caption less than 0.1 off) and is calm (the runs differ by less than ±0.05). For batches of 256 momenta 0.03, 0.1 and 0.3 do it. For batches of 2 none does: 0.03 follows and differs by ±0.09, and 0.01 is just calm (±0.049) but 0.45 behind. (Grey are 12 other runs, which large batches hide behind the blue one. The right panel shows the variance, which stays at 1.)
#
# Who wants the mean of all samples seen, as the lecture says, asks for `momentum=None`.

# %% tags=["deeper", "nbval-check-output"]
average = BatchNorm1d(1, momentum=None, **double)
for centre in [10] * 200 + [0] * 200:
    average(pair + centre)
claim("With `momentum=None` it is the plain average of all batches, 5.",
      measured=average.running_mean.item(), holds=near(5, 1e-12))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One network, two modes
#
# How good is the memory? A 64-64-10 network learns 500 digits for 300 steps in batches of 4, sixteen seeds. The same weights are tested twice: in *evaluation*, by the memory, and with *all test rows as one batch*, whose mean is nearly the true one.
#
# **Do this**: take the momentum from 0.001 to 1. **Notice**: where, in the right panel, does blue meet orange?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import batchnorm as explore

explore.mismatch.show(batch_size=4, momentum=0.1)

# %% jupyter={"outputs_hidden": true, "source_hidden": true} tags=["nbval-check-output"]
*_, modes = compare_modes(4)
for m, key, says, holds in ((0.1, "together", "within 2 points of", within(2)),
                            (1.0, "apart-1", "over 5 points above", above(5)),
                            (0.001, "apart-0.001", "over 5 points above", above(5))):
    claim(f"With momentum {m:g} the error in evaluation is {says} that of all test "
          "rows at once.",
          measured=mean_interval(modes.behind(m)), unit="points", kind="measured",
          id=f"memory-{key}", holds=holds)

# %% [markdown]
# **With momentum 0.1 the memory does as well as all test rows at once**, to within 2 points. At 1 it errs about 15 points more, for it holds no more than 4 rows. At 0.001 it errs 20 points more, mostly because it still holds the 0 and 1 that it began with (*Deeper*). <!-- rests: memory-together, memory-apart-1, memory-apart-0.001, memory-corrected -->
#
# *What if one forgets `model.eval()`?* Each test batch is then normalised by its own statistics, *as trained*: the green curve, which uses no memory, and in batches of 4 costs some points. In a network for batches of 64 the harm depends on the neighbours:
#
# | test error, batches of 64 | images in random order | sorted by class |
# |---|---|---|
# | `model.eval()` forgotten | 3.3 % | 74.9 % |
# | not forgotten | 3.5 % | 3.5 % |
#
# In random order the mistake does not show. Sorted, a batch may be all threes. Then its mean, feature by feature, *is* a three: subtract it, and presumably what made them threes is gone. <!-- rests: trained-apart, trained-together-64, sorted-apart-64 -->
#
# *A good place to stop for today.*

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the valley of the momentum
#
# Which momenta are long enough and short enough? In the picture above, set the batch size in training to 64. And what if one forgets `model.eval()`? Then the test rows come *as trained*: in batches as large as in training, each by its own statistics. Every error is the mean of ten looks in the last 100 steps.

# %% tags=["deeper", "nbval-check-output"]
claim("As trained, in batches of 4, it errs over 5 points more than all test rows at "
      "once.",
      measured=paired_interval(100 * modes.late("trained"), 100 * modes.late("batch")),
      unit="points", kind="measured", id="trained-apart", holds=above(5))

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.batchnorm.batch_statistics import MOMENTA

*_, mixed = compare_modes(64)
at_once = 100 * mixed.late("batch")
print(f"test error in batches of 64: eval() "
      f"{mixed.late('evaluation')[:, MOMENTA.index(0.1)].mean():.1%}, in training mode "
      f"in random order {mixed.late('trained').mean():.1%}, sorted by class "
      f"{mixed.late('sorted').mean():.1%}, all at once {at_once.mean():.1f}%")
for key, order, figure, says, holds in (
    ("trained-together-64", "in random order", "trained",
     "as often as all test rows at once, within 2 points", within(2)),
    ("sorted-apart-64", "sorted by class", "sorted",
     "over 5 points more than all test rows at once", above(5))):
    claim(f"As trained, in batches of 64, with the test rows {order}, it errs {says}.",
          measured=paired_interval(100 * mixed.late(figure), at_once),
          unit="points", kind="measured", id=key, holds=holds)

# %% [markdown] tags=["deeper"]
# With batches of 4 they meet at 0.1, and from 0.03 to 0.3 they are within two points. With batches of 64 the valley is wide: from 0.01 to 1 evaluation errs 3.5 to 4.1 %, all at once 3.5 %. At 0.001 it errs 17 %: 300 batches are too few. *As trained*, in batches of 64, it errs 3.3 %: there, with the test rows in random order, a forgotten `model.eval()` would not be seen. *Sorted*, the rows come class after class, about 110 of each: about half of the 17 batches hold one class, the others the end of one and the beginning of the next. And every test batch of a forgotten `model.eval()` moves the memory.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: what a memory begins with
#
# *A memory made anew.* One pass over training rows in large batches does it: `torch.optim.swa_utils.update_bn(loader, model)`. (Large ones, for behind a first norm the inputs of the second carry the noise of the batch.)
#
# How much of the gap at momentum 0.001 is due to the 0 and 1 that the memory began with? Adam takes such a start out of its averages (lesson 04). Here too one can subtract the share of the start that is left after $t$ batches, $(1-m)^t$, and divide by $1-(1-m)^t$.

# %% tags=["deeper", "nbval-check-output"]
claim("At momentum 0.001 three quarters of the memory, 0.999³⁰⁰ = 74 %, are still what "
      "it began with after 300 batches.",
      measured=0.999**300, holds=near(0.74, 0.005))
still_behind = 100 * (modes.late("corrected") - modes.late("batch"))
claim("With its start taken out of the memory, less than half of the gap to all at "
      "once is left: the rest, less half of the gap, is below 0.",
      measured=paired_interval(still_behind, modes.behind(0.001) / 2), unit="points",
      kind="measured", id="memory-corrected", holds=negative)
print(f"behind at momentum 0.001: {modes.behind(0.001).mean():.1f} points, with its "
      f"start taken out {still_behind.mean():.1f}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Whose mean? Four norms
#
# In a batch of one row each feature is a *single number*: its variance is zero, and x̂ would be 0 for every image. In training that is refused, and of two rows hardly more than their order is left (*Deeper*). Must it be the mean over the batch?
#
# LayerNorm takes the mean over the features of one row: a row 1, 3, 8 becomes −1.02, −0.34, 1.36, as the column did.
#
# In networks for images (lesson 10) a feature has a value at every pixel, and is called a *channel*. Below, 4 images with 6 channels of 2 · 2 pixels. The starred value shares its μ and σ² with all shaded ones:
#
# | norm | takes μ and σ² over |
# |---|---|
# | BatchNorm (`nn.BatchNorm2d`) | one channel, all images and pixels |
# | LayerNorm | one image, all channels and pixels |
# | **InstanceNorm** | one channel of one image |
# | **GroupNorm** | one *group* of channels of one image |
#
# **Do this**: set the groups to 1, then to 6. Then set the batch size to 1. **Notice**: which other norm does GroupNorm become each time, and which of the four depends on the batch?

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import batchnorm as explore

explore.four_norms.show()

# %% [markdown]
# With one group GroupNorm takes the μ and σ² of LayerNorm, with six those of InstanceNorm. **Only BatchNorm depends on the batch.** So the others need no memory, and train on a single row.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: what two rows leave, and their gradient
#
# What can a batch of two rows still say?

# %% tags=["deeper"]
predict("two",
        "Two rows, a feature with values 0.3 and 700. After BatchNorm (γ = 1, β = 0) "
        "they are about …",
        ["−1 and 1", "0 and 2", "0.0004 and 1"])

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
reveal("two", "−1 and 1",
       because="(x₁ − μ)² = (x₂ − μ)² = σ²: but for ε, "
               "all that is left is which was larger")

# %% [markdown] tags=["deeper"]
# With $d$ half the difference of the two rows, $\hat x = \pm d/\sqrt{d^2+\epsilon}$. Where the rows differ, that is ±1 with next to no slope; where they all but agree, its slope is up to $1/\sqrt\epsilon = 316$. So the gradient vanishes or explodes, as it happens. In the notebook, set the batch size of the first picture to 2 and look at several gains.

# %% tags=["deeper", "nbval-check-output"]
two = torch.tensor([[0.3, 5.0, -2.0], [700.0, 4.0, -2.1]], **double)
print(batch_norm(two, training=True).numpy().round(4))
half = (two[1] - two[0]) / 2
claim("From two rows hardly more than the order is left: x̂ = ±d/√(d² + ε), with d "
      "half their difference.",
      measured=(batch_norm(two, training=True)[1]
                - half / (half.square() + 1e-5).sqrt()).abs().max().item(),
      holds=below(1e-12))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: LayerNorm against BatchNorm in small batches
#
# Two epochs of 1000 digits, 64-64-64-10 networks, plain SGD, in batches of 1, 2 and 8; eight seeds. One rate, 0.02, tuned for nobody; and in two epochs large batches make few steps (2000, 1000, 250). So read the two norms against each other at one batch size and at this rate, and nothing else. With another rate for each, the leads could be others: that was not measured.
# A lead counts if its interval leaves out 0.

# %% tags=["deeper"]
from course_lib.experiments.batchnorm.training import compare_small_batches

predict("small", "Which has the lower test error with batches of 2, and of 8?",
        ["LayerNorm at both", "BatchNorm at both", "LayerNorm at 2, BatchNorm at 8",
         "BatchNorm at 2, LayerNorm at 8"])

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
*_, small = compare_small_batches()
for size in (2, 8):
    for name in ("layer", "batch"):
        print(f"batches of {size}, {name} norm: test error in %",
              mean_interval(100 * small.error[name, size]))

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# test error of BatchNorm less that of LayerNorm, in points
lead = {size: paired_interval(100 * small.error["batch", size],
                              100 * small.error["layer", size]) for size in (2, 8)}
claim("At rate 0.02, with batches of 2, BatchNorm errs more than LayerNorm.",
      measured=lead[2], unit="points",
      kind="measured", id="layer-leads-2", holds=positive)
claim("At rate 0.02, with batches of 8, BatchNorm errs less than LayerNorm.",
      measured=lead[8], unit="points",
      kind="measured", id="batch-leads-8", holds=negative)
leads = [lead[2], lead[8]]

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
reveal("small",
       from_interval={
           "LayerNorm at both": positive(leads),
           "BatchNorm at both": negative(leads),
           "LayerNorm at 2, BatchNorm at 8": each(positive, negative)(leads),
           "BatchNorm at 2, LayerNorm at 8": each(negative, positive)(leads)},
       because="at 1 BatchNorm does not take part; other rates: "
               "compare_small_batches(lr=…)", rests="layer-leads-2, batch-leads-8")

# %% [markdown] tags=["deeper"]
# At 2 the errors are 8.6 % with LayerNorm and 32.7 % with BatchNorm, at 8 they are 7.7 % and 6.3 %. <!-- rests: layer-leads-2, batch-leads-8 -->
# Fresh seeds agree about who leads. At 2 they give a larger lead, 28.3 points and not 24.1: the sign is sure, the size is not.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the other options of the layer, images, and what is refused
#
# Every option against torch, on two batches of training and one of evaluation; a `state_dict` of ours loads into torch's layer and the other way round (the tests do both).
# For images a *channel* is a feature, and every pixel of every image is one of its values: BatchNorm2d is BatchNorm1d with the pixels as rows. So a single image is not refused: there BatchNorm has the statistics of InstanceNorm. And LayerNorm is BatchNorm of the transpose (but for γ and β, which belong to features in both).
# In transformers `nn.LayerNorm` averages over the features of one word. **RMSNorm** subtracts nothing and divides by the root of the mean square.
# On several GPUs torch takes the statistics of each GPU's own rows, unless the layers are converted to `nn.SyncBatchNorm`.

# %% tags=["deeper"]
from torch import nn

from course_lib.batchnorm import BatchNorm2d, LayerNorm, layer_norm


def seen(norm, rows, mode):
    """Output, gradients and buffers of a layer that is shown these rows in this
    mode."""
    rows = rows.clone().requires_grad_()
    out = norm.train(mode)(rows)
    return [out, *torch.autograd.grad(out.sin().sum(), [rows, *norm.parameters()]),
            *norm.buffers()]


def gap(ours, theirs, rows):
    """Largest difference between two layers in training, evaluation, and training
    again."""
    return max((a - b).abs().max().item() for mode in (True, False, True)
               for a, b in zip(seen(ours, rows, mode), seen(theirs, rows, mode),
                               strict=True))

# %% tags=["deeper", "nbval-check-output"]
tables = {"the defaults": {}, "momentum=None": {"momentum": None},
          "affine=False": {"affine": False},
          "eps=0.3": {"eps": 0.3},
          "track_running_stats=False": {"track_running_stats": False}}
claim("Outputs, gradients and buffers are those of nn.BatchNorm1d, in training and "
      "evaluation, for each option.",
      measured={name: gap(BatchNorm1d(5, **o, **double),
                          nn.BatchNorm1d(5, **o, **double), batch)
                for name, o in tables.items()},
      holds=below(1e-12))

# %% tags=["deeper", "nbval-check-output"]
images = torch.randn(6, 3, 4, 5, generator=seeded(1), **double)
claim("Those of BatchNorm2d and LayerNorm are torch's, too.",
      measured=[gap(BatchNorm2d(3, **double), nn.BatchNorm2d(3, **double), images),
                gap(LayerNorm(5, **double), nn.LayerNorm(5, **double), batch)],
      holds=below(1e-12))
pixels, linear = images.movedim(1, -1).reshape(-1, 3), nn.Linear(5, 4, **double)
claim("BatchNorm of images is BatchNorm of their pixels, and LayerNorm is BatchNorm of "
      "the transpose (γ = 1, β = 0).",
      measured=[(BatchNorm2d(3, **double)(images).movedim(1, -1).reshape(-1, 3)
                 - batch_norm(pixels, training=True)).abs().max().item(),
                (layer_norm(batch, 5)
                 - batch_norm(batch.T, training=True).T).abs().max().item()],
      holds=below(1e-12))
(shift,) = torch.autograd.grad(BatchNorm1d(4, **double)(linear(batch)).sin().sum(),
                               linear.bias)
claim("In training mode a bias in front of a BatchNorm gets no gradient.",
      measured=shift.abs().max().item(), holds=below(1e-12))

# %% [markdown] tags=["deeper"]
# torch takes some things in silence that spoil a training: a momentum of 1.5 can make the running variance negative, a single NaN in one batch makes the running statistics NaN *for good*, a refused batch of one is counted all the same. Ours refuse, and stay as they were.

# %% tags=["deeper", "nbval-check-output"]
norm = BatchNorm1d(3)
try:
    norm(torch.ones(1, 3))
except ValueError as error:
    print(*textwrap.wrap(str(error), 88), sep="\n")
claim("A batch of one row in training is an error, "
      "and is not counted; in evaluation it is fine.",
      measured=[norm.num_batches_tracked.item(), *norm.eval()(torch.ones(1, 3)).shape],
      holds=equal([0, 1, 3]))

# %% tags=["deeper", "nbval-check-output"]
spoilt = torch.ones(4, 5, **double)
spoilt[2, 3] = math.nan
ours, theirs = BatchNorm1d(5, **double), nn.BatchNorm1d(5, **double)
theirs(spoilt)
try:
    ours(spoilt)
except ValueError as error:
    print(error)
claim("After one NaN torch's layer gives NaN in evaluation, to clean rows too; ours "
      "has not changed.",
      measured=[theirs.eval()(batch).isnan().sum().item(),
                ours.eval()(batch).isnan().sum().item()],
      holds=equal([10, 0]))

# %% tags=["deeper", "nbval-check-output"]
linear, norm = torch.nn.Linear(5, 4, **double), BatchNorm1d(4, **double)
norm(linear(batch))  # in training: something to remember
folded = fold_batch_norm(linear, norm.eval())
claim("The folded layer alone gives the outputs of layer and norm together.",
      measured=(folded(batch) - norm(linear(batch))).abs().max().item(),
      holds=below(1e-12))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Noise source
#
# Among 1, 3, 8 the 3 became −0.34. Among 3, 4, 8 it would become (3 − 5)/2.16 = −0.93: the same example in other company.
#
# Behind a fresh layer and its norm, how much does *one* digit's activation vary over 200 random batches? The *mean* of $B$ independent rows has variance σ²/B (lesson 00): each doubling of $B$ divides its spread by √2. Does the activation do so, through μ *and* σ²?

# %%
noise = measure_noise()  # a 64-64 layer with fresh weights, 1000 digits, 8 seeds
for size, one in zip(noise.sizes, noise.activation.mean(0)):
    print(f"batches of {size:3}: one digit's activation varies by ±{one.sqrt():.3f}")

# %% tags=["nbval-check-output"]
claim("The variance of a digit's normalised activation falls as 1/B: the slope of logs "
      "is −1 ± 0.05.",
      measured=mean_interval(noise.slopes("activation")),
      kind="measured", id="batch-variance-activation", holds=between(-1.05, -0.95))

# %% [markdown]
# **It does**: 0.414, 0.296, 0.209, each the one before divided by about 1.4. <!-- rests: batch-variance-activation --> In batches of 8 its neighbours move a digit by ±0.41, where from image to image it varies by ±1: two fifths.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the batch mean, and an epoch
#
# The mean itself, in such batches:

# %% tags=["deeper", "nbval-check-output"]
claim("The variance of the batch mean falls as 1/B: the slope of logs is −1 ± 0.05.",
      measured=mean_interval(noise.slopes("mean")),
      kind="measured", id="batch-variance-mean", holds=between(-1.05, -0.95))

# %% [markdown] tags=["deeper"]
# <!-- rests: batch-variance-mean --> These rows were drawn independently. An epoch deals out $N$ rows, each once. Then the variance of the batch mean is $\frac{N-B}{N-1}$ times σ²/B, as statistics books say: a fifth less for 64 of 320 rows, and nothing at all when the batch is everything.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Does it regularize?
#
# Noise can regularize (lesson 06). Does this one? **Ghost batches** (Hoffer et al. 2017) make it larger. A batch of 64 rows is cut into 16 parts of 4, each normalised by its own mean and variance. These *parts of 4* run against the whole *batch of 64*: 320 digits, every fifth label wrong, 800 steps of SGD at rate 0.1, twelve seeds.
#
# As a network *fits* wrong labels (answers with them, lesson 06), its test error rises. So after equal steps a slow network can look better just for being behind. We also compare at an **equal share**: where each first fits half of the wrong labels.

# %%
predict("regularizes",
        "Where each first fits half of the wrong labels, do parts of 4 err over a "
        "point less than the batch of 64?",
        ["yes, by over a point", "no: by less, or not at all"])

# %% [markdown]
# **Do this**: move the share of the wrong labels, the upright line. **Notice**: how far apart are the two after 800 steps, left, and how far on the line? (A dot is 20 steps.)

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import batchnorm as explore

explore.memorising.show()

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
*_, ghost = compare_ghost_batches()  # what the picture was drawn from
noise_lead = paired_interval(*(100 * ghost.at_share(name, lr=0.1, share=0.5)
                               for name in ("parts of 4", "batch of 64")))
claim("At rate 0.1, where each first fits half of the wrong labels, parts of 4 err "
      "over a point less than the batch of 64.",
      measured=noise_lead, unit="points",
      kind="measured", id="share-noise", holds=below(-1))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("regularizes",
       from_interval={"yes, by over a point": below(-1)(noise_lead),
                      "no: by less, or not at all": above(-1)(noise_lead)},
       because=f"their error less that of the batch: {noise_lead.mean:+.1f} points",
       rests="share-noise")

# %% [markdown]
# After 800 steps parts of 4 err less, and have fitted fewer wrong labels. At an equal share nothing of their lead is left: <!-- rests: ghost-regularizes-end, not share-noise -->
#
# | test error | half of the wrong labels fitted | after 800 steps |
# |---|---|---|
# | no norm | 15.7 %, step 368 | 21.1 % |
# | all 320 rows: hardly any noise | 15.2 %, step 85 | 23.9 % |
# | batch of 64 | 14.9 %, step 88 | 24.6 %, all fitted |
# | parts of 4 | 15.6 %, step 349 | 19.2 %, 85 % fitted |
#
# **So at the same rate statistics over 4 rows made the network slower, and at an equal share no better.** <!-- rests: share-slower, not share-noise --> And the noise of an ordinary batch of 64? Against all 320 rows it made no difference there, to 0.2 points on fresh seeds. <!-- rests: not share-noise-64 -->
#
# What can this test see? It asks for a whole point. On fresh seeds twice the training rows gain 1.7 [1.0, 2.4], and do not pass surely; dropout 0.5 gains 0.1 [−0.2, 0.5]. So a ✗ says *not so much*, not *nothing* (*Deeper*). <!-- rests: not share-dropout, open share-more-rows -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: dropout in this test, and how fine the test is
#
# A known regularizer takes the same test: the batch of 64 with dropout (lesson 06), p = 0.5, behind its last norm, where it shifts no remembered variance. This p was chosen beforehand, for lesson 06 begins with it. A *yes* is not certain: in lesson 06 dropout gained much when left to run, at its best step little. <!-- rests: half-end, not half-best -->

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.batchnorm.ghost import DROPPED, compare_dropout

*_, control = compare_dropout()
whole = 100 * ghost.at_share("batch of 64", lr=0.1, share=0.5)
masked = 100 * control.at_share(DROPPED, lr=0.1, share=0.5)
claim("Where each first fits half of the wrong labels, the batch of 64 with dropout "
      "0.5 errs over a point less than without.",
      measured=paired_interval(masked, whole), unit="points",
      kind="measured", id="share-dropout", holds=below(-1))

# %% [markdown] tags=["deeper"]
# It does not: dropout needs 30 steps more, and has no lead of a point at an equal share. <!-- rests: share-dropout-slower, not share-dropout --> On fresh seeds its lead is 0.1 points, with an interval from 0.5 better to 0.2 worse. After 800 steps it gains 1.4 points here, where lesson 06 has almost 8: on this task it is a weak regularizer. <!-- rests: half-end --> Other p and other places we did not try.
#
# *How fine is the test?* A control ought to pass it: the batch of 64 with twice the rows to draw from.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.batchnorm.ghost import MORE, compare_more_rows

*_, doubled = compare_more_rows()
claim("The control: where each first fits half of its wrong labels, the batch of 64 "
      "errs over a point less with 640 rows than with 320.",
      measured=paired_interval(100 * doubled.at_share(MORE, lr=0.1, share=0.5), whole),
      unit="points", kind="measured", id="share-more-rows", holds=below(-1))

# %% [markdown] tags=["deeper"]
# Twice the rows take off 3.1 points here, on fresh seeds 1.7 (0.99 to 2.4). <!-- rests: open share-more-rows --> On fresh seeds an interval reaches ±0.3 points for dropout, ±0.5 for parts of 4 and ±0.7 for twice the rows, which are judged on 320 test rows fewer. That is fine enough for a lead of a point. But twice the rows bring no more than 1.7 points there. So a point, set beforehand, asks of noise more than half of what twice the data bring: failing that does not show that a noise is useless. And if we had asked for any lead at all? By the fresh intervals twice the rows have one, parts of 4 are behind, and dropout is undecided. That is read off afterwards, no test of its own.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: at other shares and rates, after the last step, at the best step
#
# How the rates were found: all three networks try the same six from 0.001 to 0.3, on four seeds used for nothing else. The best rate is the one whose best step errs least on validation rows, which have right labels. Where two err alike we take the smaller: 0.03 for no norm (0.1 errs alike), 0.01 for the batch of 64 (0.03 errs alike), 0.1 for parts of 4. With each at its best, the network without a norm does not get to a quarter of the wrong labels, for it ends at 20 %.
#
# *Fitted* means in evaluation mode, at a look every 20 steps; between two looks we take the error in proportion (the batch of 64 passes from 42 to 60 % between two). *First* is the first crossing, which parts of 4, whose share goes to and fro, may reach on an upward swing. That is done for each seed; the picture draws mean curves, so a curve can cross the line some tenths off the table. The *best step* is the one whose mean test error is lowest. It is chosen on the test rows, as no real project could.
#
# We ask some things more. Are parts of 4 slower, that is, do they need more steps to half of the wrong labels? Do they lead at an equal share of *all* given labels, 90 %? Do they lead with each at its best rate, at a quarter of the wrong labels, as many as the batch of 64 surely gets to there? And do they lead after equal steps, or each at its best step? Of dropout we also ask whether it is slower.

# %% tags=["deeper"]
from course_lib.experiments.batchnorm.ghost import ARMS, CHOSEN, COMMON, JUDGED, SHARES

print("test error at rate 0.1 where so many of the wrong labels are fitted")
print(f"{'':11}", *(f"{share:7.0%}" for share in SHARES))
for arm in ARMS:
    print(f"{arm:11}", *(f"{ghost.at_share(arm, COMMON, share).mean():7.1%}"
                         for share in SHARES))
print("\nto half of the wrong labels, at rate 0.1: steps, test error there "
      "and at the end")
for arm, found in (*((arm, ghost) for arm in ARMS), (DROPPED, control),
                   (MORE, doubled)):
    print(f"{arm:21} {found.steps_to(arm, COMMON, 0.5).mean():5.0f} "
          f"{found.at_share(arm, COMMON, 0.5).mean():7.1%} "
          f"{found.at_end(arm, COMMON).mean():7.1%}")
print("\ntest error after the last step (at the best step), share of the wrong labels")
print(f"{'':11}", *(f"{f'rate {lr:g}':^24}" for lr in JUDGED))
for arm in ARMS:
    print(f"{arm:11}", *(f"{ghost.at_end(arm, lr).mean():7.1%} "
                         f"({ghost.at_best(arm, lr).mean():.1%}), "
                         f"{ghost.wrong[arm, lr][:, -1].mean():4.0%}  "
                         for lr in JUDGED))

# %% tags=["deeper"]
bare, whole, parts = ((arm, COMMON) for arm in ARMS)  # each network at rate 0.1 …
best_bare, best_whole, best_parts = CHOSEN.items()  # … and at its best rate


def less(one, other, figure, *share):
    """A test error of one (network, rate) less another's, in points."""
    return paired_interval(*(100 * figure(*run, *share) for run in (one, other)))

# %% tags=["deeper", "nbval-check-output"]
steps = [ghost.steps_to(*run, 0.5) for run in (parts, whole)]
claim("At rate 0.1 parts of 4 need more steps than the batch of 64 until they first "
      "fit half of the wrong labels.",
      measured=paired_interval(*steps), unit="steps",
      kind="measured", id="share-slower", holds=positive)
later = [found.steps_to(arm, COMMON, 0.5)
         for found, arm in ((control, DROPPED), (ghost, whole[0]))]
claim("At rate 0.1 the batch of 64 with dropout 0.5 needs more steps than without "
      "until it first fits half of the wrong labels.",
      measured=paired_interval(*later), unit="steps",
      kind="measured", id="share-dropout-slower", holds=positive)
for key, when, lead in (
    ("share-noise-given", "At rate 0.1, where each first fits 90 % of all labels",
     less(parts, whole, ghost.at_share, 0.9, "given")),
    ("share-noise-own",
     "Each at its best rate, when a quarter of the wrong labels are first fitted",
     less(best_parts, best_whole, ghost.at_share, 0.25)),
    ("ghost-regularizes-end", "At rate 0.1, after the last step",
     less(parts, whole, ghost.at_end)),
    ("ghost-regularizes-best", "At rate 0.1, each at its best step",
     less(parts, whole, ghost.at_best))):
    claim(f"{when}, parts of 4 err over a point less than the batch of 64.",
          measured=lead, unit="points", kind="measured", id=key, holds=below(-1))

# %% [markdown] tags=["deeper"]
# *Parts of 4 are slower.* At rate 0.1 they get to half of the wrong labels 261 steps later. <!-- rests: share-slower --> How much of this is noise in the gradient, and how much another η/‖w‖² (the effective rate of the next part), was not measured. Nor is noise all that differs: of four values |x̂| is at most √3, while in evaluation, where all errors and shares are taken, it can be more. That change, from 4 rows to the memory, may add to the error of parts of 4.
#
# *At an equal share there is no lead*, neither of the wrong labels nor of all, neither at one rate nor each at its best. <!-- rests: not share-noise, not share-noise-given, not share-noise-own --> The batch of 64 errs less, on fresh seeds by 1.2, 1.3 and 0.6 points. Hoffer et al. (2017) report lower test errors with parts, on larger networks.
#
# *After equal steps there is one*, of 5.4 points, 4.5 on fresh seeds. <!-- rests: ghost-regularizes-end --> By then the batch of 64 has all of the wrong labels, parts of 4 have 85 %, and in the picture that share goes to and fro. Whether they are late, or held there by their noise, 800 steps do not tell. Held there would be regularizing, too: by fitting less, as a penalty does. An equal share asks only whether they fit *better*. At each of the three common rates parts of 4 end lower. With each at the rate that was chosen for its *best* step it is the other way round (19.2 % at 0.1, 15.1 % at 0.01), but for the *last* step 0.1 is the worst of the three for parts of 4. Luo et al. (2019) derive a penalty from the noise.
#
# *A smaller rate does as much.* At 0.01 the batch of 64 ends with 50 % of the wrong labels and errs 15.1 %; parts of 4 at 0.03 end with 51 % and err 15.8 %. That is read off the table, no test of its own.
#
# *Stopping early gives more.* Its best step takes the batch of 64 from 24.6 to 12.6 %, while the parts end at 19.2 %. At its best step each, parts of 4 err 11.8 %. On fresh seeds only is that decided: it is no lead of a point.
#
# The share does not fix the error altogether. At three quarters of the wrong labels the three networks lie a point apart. And when all are memorised the error still grows: at rate 0.1 that of the batch of 64 from 22 to 24.6 %, the steep end of its curve.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: and the norm itself?
#
# *Does the noise of a batch of 64 regularize?* A norm quite without noise takes the statistics of all 320 rows. Each of its steps sends all of them through the network, and takes the loss of the same 64 as before. Everything else stays: rate 0.1, twelve seeds, half of the wrong labels, more than a point.

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.experiments.batchnorm.ghost import ALL, compare_without_noise

*_, silent = compare_without_noise()
print("at rate 0.1: test error at half of the wrong labels, steps to there, last error")
for arm, found in (ALL, silent), *((arm, ghost) for arm in ARMS):
    print(f"{arm:13} {found.at_share(arm, COMMON, 0.5).mean():6.1%} "
          f"{found.steps_to(arm, COMMON, 0.5).mean():5.0f} "
          f"{found.at_end(arm, COMMON).mean():6.1%}")

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
at_half = [100 * found.at_share(*run, 0.5)
           for found, run in ((ghost, whole), (silent, (ALL, COMMON)))]
claim("At rate 0.1, where each first fits half of the wrong labels, the batch of "
      "64 errs over a point less than a norm with the statistics of all 320 rows.",
      measured=paired_interval(*at_half), unit="points",
      kind="measured", id="share-noise-64", holds=below(-1))

# %% [markdown] tags=["deeper"]
# No lead of a point here either: at half of the wrong labels the norm without noise errs 15.2 %, the batch of 64 14.9 %, and on fresh seeds they err alike, to 0.2 points. <!-- rests: not share-noise-64 -->
# Nor is there much difference in speed: 85 steps without noise, 88 by batches of 64. Parts of 4 need 349, no norm needs 368. So at this rate, on these twelve seeds, the norm itself speeds the memorising up, the noise of 64 rows hardly slows it, and parts of 4 take nearly all of that back.
#
# *And the norm itself?* We compare the batch of 64 with no norm at an equal share, each at its best rate, and both at 0.03, a best rate of both. Again it must lower the test error by more than a point.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
for key, when, lead in (
    ("share-norm", "At rate 0.1, where each first fits half of the wrong labels",
     less(whole, bare, ghost.at_share, 0.5)),
    ("norm-regularizes-end", "Each at its best rate, after the last step",
     less(best_whole, best_bare, ghost.at_end)),
    ("norm-regularizes-best", "Each at its best rate and best step",
     less(best_whole, best_bare, ghost.at_best)),
    ("norm-same-rate-end", "Both at rate 0.03, after the last step",
     less((best_whole[0], best_bare[1]), best_bare, ghost.at_end))):
    claim(f"{when}, the batch of 64 errs over a point less than no norm.",
          measured=lead, unit="points", kind="measured", id=key, holds=below(-1))

# %% [markdown] tags=["deeper"]
# At an equal share the batch of 64 errs 0.8 points less than no norm, here and on fresh seeds. Whether that is a whole point, even fresh seeds leave open. <!-- rests: open share-norm -->
# At the best step it does not help: no norm errs a point less on fresh seeds. <!-- rests: not norm-regularizes-best -->
# After the last step everything goes with the rate, and the rate was chosen for the best step.
# No norm ends at 12.3 % with 0.03 and at 21.1 % with 0.1, two rates that the validation rows could not tell apart; BatchNorm at 15.1 % with 0.01 and at 22.4 % with 0.03. At 0.03 it is ten points worse: it trains faster, and by then has all of the wrong labels, where no norm has 20 %. At 0.01 no norm is still learning, at 22.7 %.
# So who compares the two after a fixed number of steps compares speeds. Nor do two networks at one rate have one *effective* rate, as the next section shows.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Learning-rate controller
#
# What does the *length* of weights mean in front of a BatchNorm? Let $w$ be the weights of one unit; what follows holds for the whole layer as one long vector, too. Multiply it by 10: bias aside, outputs, mean and spread are ten times as large, and the norm takes it all away.

# %%
predict("scale",
        "So the loss stays as it is. The gradient with respect to the larger w is …",
        ["ten times as large", "the same", "a tenth as large"])

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("scale", "a tenth as large",
       because="to turn an arrow ten times as long by the same angle its tip must "
               "move ten times as far: the same change of loss over ten times the way")

# %% [markdown]
# But for the tiny ε the loss knows only the direction of $w$:
#
# - The gradient $g$ goes as **1/‖w‖**. So $\tilde g = \lVert w\rVert\cdot\lVert g\rVert$, the **scale-free gradient**, does not know the length: it is the size of the gradient at length 1.
# - $g$ is **at right angles** to $w$, for moving along $w$ changes nothing.
#
# So a plain step with learning rate η goes at right angles to $w$:
#
# ```text
#                                         ●  tip of the new w
#                                     .   │
#                   new w         .       │
#                             .           │  −ηg
#                         .               │
#                     .                   │
#                 .                       │
#             .  angle                    │
#         ●───────────────────────────────●
#         0               w
# ```
#
# Pythagoras gives the new length: without decay $w$ only grows (Salimans & Kingma 2016).
#
# $$\lVert w - \eta g\rVert^2 = \lVert w\rVert^2 + \eta^2\lVert g\rVert^2$$
#
# How far does it turn? A small angle, in radians, is the way of the tip divided by the length:
#
# $$\text{angle} \approx \frac{\eta\,\lVert g\rVert}{\lVert w\rVert} = \frac{\eta}{\lVert w\rVert^2}\cdot\tilde g$$
#
# The length counts twice: a longer $w$ has a smaller gradient, and the same step turns it less. So $w$ turns like a weight of length 1 with the learning rate $\eta/\lVert w\rVert^2$, its **effective learning rate** (van Laarhoven 2017).
#
# Say ‖w‖ = 2, ‖g‖ = 1, η = 0.1. Then $\tilde g$ = 2, the effective rate is 0.1/4 = 0.025, and $w$ turns by 0.025 · 2 = 0.05 radians, 2.9 degrees.
#
# **The length of $w$ is a part of its learning rate.** At a constant η and without decay the effective rate falls at every step, a schedule that nobody chose.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: how much is "up to ε"?
#
# That the gradient at αw is $1/\alpha$ as large is one line: take the derivative by $w$ on both sides of $f(\alpha w) = f(w)$, and it says $\alpha\, g(\alpha w) = g(w)$ (Ioffe & Szegedy 2015). It is exact if ε becomes α²ε. In practice ε stays.
#
# With σ² of order 1, ε = 1e-5 leaves the gradient leaning towards the weights by less than a hundred-thousandth. It grows where σ² is small: a feature that hardly varies, or weights that decay has made tiny.
#
# Without decay $w$ grows, and the effective rate falls. That forgives a rate that is too large: one large step makes $w$ long, and later turns are small (Arora, Li & Lyu 2019).
#
# Nor is a free length BatchNorm's alone: directly behind a layer, LayerNorm and RMSNorm (lesson 10) leave that of its whole $W$, with the bias, just as free.

# %% tags=["deeper", "nbval-check-output"]
rows, goal, W = (torch.randn(*s, **double, generator=generator)
                 for s in ((32, 20), (32, 8), (8, 20)))


def loss_and_gradient(W, eps=1e-5):
    W = W.clone().requires_grad_()
    loss = (batch_norm(rows @ W.T, training=True, eps=eps)
            - goal).tanh().square().mean()
    return loss.item(), torch.autograd.grad(loss, W)[0]


(loss, g), (loss10,
            g10) = loss_and_gradient(W, 1e-5), loss_and_gradient(10 * W, 100 * 1e-5)
claim("For the loss f: f(αW; α²ε) = f(W; ε), and "
      "the gradient is 1/α as large (here α = 10).",
      measured=[abs(loss - loss10), (10 * g10 - g).abs().max().item()],
      holds=below(1e-14))

# %% tags=["deeper", "nbval-check-output"]
def cosine(eps):
    """Of the angle between weights and gradient, both as one long vector."""
    gradient = loss_and_gradient(W, eps)[1]
    return ((gradient * W).sum() / gradient.norm() / W.norm()).abs().item()


fixed = loss_and_gradient(10 * W)[1]
claim("The gradient is at right angles to the weights, "
      "up to ε (cosine for ε = 1e-12, 1e-5, 1e-2).",
      measured=[cosine(eps) for eps in (1e-12, 1e-5, 1e-2)],
      holds=each(below(1e-13), below(1e-5), between(1e-5, 1e-2)))
claim("At fixed ε = 1e-5 the gradient at 10 W is "
      "a tenth of that at W to a relative 1e-5.",
      measured=((10 * fixed - g).norm() / g.norm()).item(),
      holds=between(0, 1e-5))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where growth and decay balance
#
# The loss sees of $w$ only where it points. So what a step does to the network is the angle by which it turns $w$. How large is that with weight decay? Decay shortens it to $(1-\eta\lambda)\,w$, and the gradient moves its tip by $\eta g$, at a right angle.
#
# ```text
#                                         ●  tip of the new w
#                                     .   │
#                   new w         .       │
#                             .           │  −ηg, at a right angle
#                         .               │
#                     .                   │
#                 .                       │
#             .  angle                    │
#         ●───────────────────────────────┴ ─ ●
#         0          (1 − ηλ) w            old w
# ```
#
# Decay leaves $(1-\eta\lambda)^2\lVert w\rVert^2$, so it takes about $2\eta\lambda\,\lVert w\rVert^2$. The step adds $\eta^2\lVert g\rVert^2 = \eta^2\tilde g^2/\lVert w\rVert^2$, which is *more* for a shorter $w$. In the example above (η = 0.1, $\tilde g$ = 2) take λ = 0.1, too. Then $2\eta\lambda = 0.02$ and $\eta^2\tilde g^2 = 0.04$:
#
# | ‖w‖ | decay takes 0.02 · ‖w‖² | the step adds 0.04/‖w‖² |
# |---|---|---|
# | 2 | 0.08 | 0.01 |
# | 1.19 | 0.028 | 0.028 |
# | 1 | 0.02 | 0.04 |
#
# So a long $w$ shrinks and a short one grows. Where the two are equal, at 1.19, $w$ is **at rest**, or *in equilibrium*: its length stays, its direction still turns.
#
# In the triangle the cosine of the angle is the side next to it, $(1-\eta\lambda)\,w$, divided by the long side, the new $w$. At rest that is as long as the old one. So the cosine is $1-\eta\lambda$, and since $\cos\varphi \approx 1-\varphi^2/2$ for small angles,
#
# $$\text{angle per step} = \arccos(1-\eta\lambda) \approx \sqrt{2\eta\lambda}$$
#
# With η = λ = 0.1 that is √0.02 = 0.14 radians: 8.1 degrees a step. **No $\tilde g$ is in it: not the data, not the layer.** The law holds
#
# 1. for plain SGD at a constant rate,
# 2. where the loss knows only the direction of $w$,
# 3. once $w$ is at rest. It gets there slowly: $\frac{1}{4\eta\lambda}$ steps, 25 at η = λ = 0.1, leave about 37 % of the distance, twice as many 14 % (*Deeper*). And where $\tilde g$ keeps changing, $w$ runs after it, about $\frac{1}{4\eta\lambda}$ steps behind.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Does a real network turn so far?
#
# Does the law hold on digits? A 64-64-10 network with BatchNorm learns 1000, a fifth of the labels wrong, in 1500 steps of plain SGD at rate 0.1; eight seeds. Only $w$ decays, the weights of the first layer. The law *fits* if the angle of $w$, averaged over steps 750 to 1500, is within 2 % of it.

# %%
from course_lib.experiments.batchnorm.turning import STRENGTHS, turn_on_digits

predict("rest", "In the last half of the 1500 steps the law fits for λ =",
        ["0.01 and 0.1", "0.1 only", "0.01 only", "neither"])

# %% [markdown]
# **Do this**: compare the two runs, then set the weight decay λ, right, to 0.03. **Notice**: above, does the blue angle come to the law? Below, does the blue length come to the dashed one, where $w$ would rest with this step's $\tilde g$?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import batchnorm as explore

explore.at_rest.show()

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
*_, digits = turn_on_digits()
two = [mean_interval(digits.ratio()[:, STRENGTHS.index(λ)]) for λ in (0.01, 0.1)]
for λ, found in zip((0.01, 0.1), two):
    claim(f"λ = {λ}: the angle per step is within 2 % of arccos(1 − ηλ): it is 0.98 to "
          "1.02 times as large.",
          measured=found, unit="times", kind="measured", id=f"angle-{λ}",
          holds=between(0.98, 1.02))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("rest",
       from_interval={
           "0.01 and 0.1": between(0.98, 1.02)(two),
           "0.1 only": each(above(1.02), between(0.98, 1.02))(two),
           "0.01 only": each(between(0.98, 1.02), above(1.02))(two),
           "neither": above(1.02)(two)},
       because="w follows the growing g̃ about 1/(4ηλ) steps late: 25 steps at 0.1, "
               "250 at 0.01",
       rests="angle-0.01, angle-0.1")

# %% [markdown]
# **The law fits at λ = 0.1, and not at 0.01**: there $w$ turns 12 % too far. <!-- rests: angle-0.1, not angle-0.01 --> The lower panels show why. At first $w$ is longer than at rest, and turns too little. The dashed length grows, as $\tilde g$ does, and the blue one follows. At λ = 0.1 it is 25 steps late, and the two lines are one. At 0.01 it is 250: $w$ stays a little too short, and a short $w$ turns too far. At the usual λ, 1e-4, it would be 25 000 steps with plain SGD, and with the usual momentum of 0.9 a tenth of that (*Deeper*): a training that is short against it ends before its weights are at rest.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a real recipe, computed
#
# The usual recipe for ResNet-50 on ImageNet has SGD in batches of 256, λ = 1e-4 and about 450 000 steps, and the optimizer's momentum (lesson 00; not the norm's), here ρ = 0.9. η begins at 0.1 and falls tenfold three times (Goyal et al. 2017). Do its weights come to rest?
#
# This is a computation, not a measurement: $\tilde g$ is taken as constant.
#
# *How fast.* For constant $\tilde g$ the distance of $\lVert w\rVert^4$ from its end shrinks by the share 4ηλ a step (next section). With momentum, gradient and decay count $\frac{1}{1-\rho}$ times in the long run. So in $\frac{1-\rho}{4\eta\lambda}$ steps, the **time constant**, the distance falls to 1/e = 37 %.
#
# *How far.* Momentum changes the angle, too, but not by that factor, for neighbouring steps share most of their push: at rest it is $\sqrt{2\eta\lambda/(1+\rho)}$ (Wan et al. 2021; not derived here, but measured below). Off rest the angle goes as the effective rate, so as $1/\lVert w\rVert^2$.
#
# *Units.* At rest $\lVert w\rVert^4$ goes as η, for λ and $\tilde g$ stay. So we measure it in units in which it *is* η at rest. Then off rest the angle is $\sqrt{\eta/\lVert w\rVert^4}$ times that at rest. The start, 1, is our choice: ten times too large. All this is for small ηλ.

# %% tags=["deeper"]
length4 = 1.0  # ‖w‖⁴ in units in which it is η at rest: it begins ten times too large
for lr, steps in (0.1, 150_000), (0.01, 150_000), (0.001, 100_000), (1e-4, 50_000):
    constant = (1 - 0.9) / (4 * lr * 1e-4)
    length4 = lr + (length4 - lr) * math.exp(-steps / constant)
    rest = math.degrees(angle_at_rest(lr, 1e-4, momentum=0.9))
    print(f"η = {lr:<6g} time constant {constant:9,.0f}; after {steps:,} steps "
          f"{rest * math.sqrt(lr / length4):.4f}° a step, at rest {rest:.4f}°")

# %% [markdown] tags=["deeper"]
# With constant $\tilde g$ the weights are at rest early in the first stage, and turn by 0.19 degrees a step. In the second $\lVert w\rVert^4$ begins ten times too large. After 25 000 steps it is still 1 + 9/e = 4.3 times too large, and $w$ turns half as far as at rest. Within 2 % it is after about 135 000 of the 150 000 steps. The last two stages are over before that, at 37 and 12 % of their angle at rest. Where $\tilde g$ keeps growing, it takes longer.
#
# So when η drops, the effective rate first falls tenfold, like η, for $w$ is as long as it was. Then $w$ shortens, and at rest the angle is only √10 = 3.2 times smaller (Li, Lyu & Arora 2020).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: at rest in the toy, and on digits?
#
# *How long is $w$ at rest?* By Pythagoras a step makes of the length
#
# $$\lVert w\rVert^2 \leftarrow (1-\eta\lambda)^2\lVert w\rVert^2 + \eta^2\,\tilde g^2/\lVert w\rVert^2$$
#
# For constant $\tilde g$ the two balance where decay takes $(2\eta\lambda-\eta^2\lambda^2)\,\lVert w\rVert^2$ and the step adds as much, $\eta^2\tilde g^2/\lVert w\rVert^2$, that is, at
#
# $$\lVert w\rVert^4 = \frac{\eta\,\tilde g^2}{\lambda\,(2-\eta\lambda)}$$
#
# The length is van Laarhoven's; the angle is in Chiley et al. 2019 and Wan et al. 2021.
#
# *How fast does it come to rest?* The derivative of the new $\lVert w\rVert^2$ by the old is $(1-\eta\lambda)^2 - \eta^2\tilde g^2/\lVert w\rVert^4$, and at rest that is $2(1-\eta\lambda)^2-1 \approx 1-4\eta\lambda$. For $\lVert w\rVert^4$ this holds far from rest, too: the square of the new $\lVert w\rVert^2$ is $(1-\eta\lambda)^4\lVert w\rVert^4 + 2(1-\eta\lambda)^2\eta^2\tilde g^2$ and a last term, $\eta^4\tilde g^4/\lVert w\rVert^4$, that is small while the angle is.
#
# First a toy: two weights, and a loss whose slope around the circle is $\tilde g$ everywhere. There the formulas are exact, for three sets of η, λ and slope.

# %% tags=["deeper", "nbval-check-output"]
lengths, angles = [], []
for lr, strength, slope in (0.1, 0.1, 1.0), (0.5, 0.2, 3.0), (1.0, 0.9, 0.5):
    run = turn(lr, (strength,), slope, steps=3000)  # three starting lengths
    lengths.append((run.norms[:, 0, -1]
                    - norm_at_rest(lr, strength, slope)).abs().max().item())
    angles.append((run.angles[:, 0, -1]
                   - angle_at_rest(lr, strength)).abs().max().item())
claim("‖w‖⁴ ends at η·g̃²/(λ(2 − ηλ)), for three sets of η, λ, g̃.",
      measured=lengths, holds=below(1e-12))
claim("There it turns by arccos(1 − ηλ) at each step.",
      measured=angles, holds=below(1e-12))
run = turn(0.1, (0.1,), steps=300)
off = run.norms[:, 0].square() - norm_at_rest(0.1, 0.1, 1.0) ** 2
claim("Near rest ‖w‖² is off by 2(1 − ηλ)² − 1, about 1 − 4ηλ, times as much after "
      "each step.",
      measured=(off[:, -1] / off[:, -2]).tolist(),
      holds=near([2 * 0.99**2 - 1] * 3, 1e-4))

# %% [markdown] tags=["deeper"]
# Three runs of the toy start from three lengths; dashed, the formulas.
#
# **Do this**: move the weight decay λ, down to 0. **Notice**: where do the three lengths go, and what becomes of the angle?

# %% tags=["deeper"]
from course_lib.explorers import batchnorm as explore

explore.decay.show(strength=0.1)

# %% [markdown] tags=["deeper"]
# With decay the lengths meet and the angle comes to its formula, later for a smaller λ. At λ = 0 the lengths grow on and the angle falls. The toy could not do otherwise: all conditions of the law are built into it.

# %% tags=["deeper"]
quiz("You double the learning rate, keep λ, and train until the weights in front of a "
     "norm are at rest. Per step they turn …",
     {"as much": "At rest only the product counts, and ηλ has doubled.",
      "√2 times as much": "√(2ηλ): the product has doubled.",
      "twice as much":
          "So it is at first. Then w grows longer, and takes part of it back.",
      "less": "A longer w turns less, but the higher rate more than makes up for it."},
     answer="√2 times as much")

# %% [markdown] tags=["deeper"]
# Now the digits. They are learned in batches of 32, a fifth of the labels wrong. Our $w$ is all 64 rows of the first weight. Each row is free in its length and rests on its own. The angle of the whole is, about, a root mean square over the rows, and the longer ones count more. Over the steps, too, we take the root mean square.
#
# $\tilde g$ keeps growing, as the table says. How much too large should the angle be, if $\lVert w\rVert^2$ still grows by the share $r$ a step? Pythagoras says $\text{angle}^2 \approx 2\eta\lambda + r$. The last column takes $r$ from the lengths alone.

# %% tags=["deeper"]
# by what share of itself ‖w‖² grows at each step of the last half
growth = (digits.norms[..., 1500] / digits.norms[..., 750]).log().mean(0) * 2 / 750
g = digits.scale_free_gradient.mean(0)  # g̃ = ‖w‖·‖g‖, [strengths, steps]
for i, strength in enumerate(STRENGTHS[1:], start=1):
    print(f"λ = {strength:<6} 1/(4ηλ) = {1 / (0.4 * strength):<4.0f}"
          f"angle / angle at rest: {mean_interval(digits.ratio()[:, i])}, from the "
          f"growth: {math.sqrt(1 + growth[i] / (2 * 0.1 * strength)):.4f}\n"
          f"   g̃ from {g[i, 700:800].mean():.2f} (step 750) to "
          f"{g[i, 1400:].mean():.2f} (1450)")

# %% [markdown] tags=["deeper"]
# The two columns agree, as they must: the gradient is at right angles to $w$. What makes $w$ lag is the growth of $\tilde g$, printed below each. More time would help only as far as its *relative* growth slows down. At 0.01 the angle is 12 % too large after six time constants, so this is no slow approach of a $w$ that was too long: $w$ is always a little too short. With a small λ or a small η a training may end before its weights ever come to rest, as the recipe's last stages do.

# %% [markdown] tags=["deeper"]
# *With momentum.* Under heavy-ball momentum ρ with L2 (torch's `SGD(momentum=…, weight_decay=…)`), the angle at rest becomes $\sqrt{2\eta\lambda/(1+\rho)}$, to leading order. Same margin, 2 %; rate 0.01, ρ = 0.9, λ = 1; eight seeds.

# %% tags=["deeper", "nbval-check-output"]
*_, heavy = turn_on_digits(0.01, (1.0,), momentum=0.9)
claim("With momentum 0.9 the angle per step is within 2 % of √(2ηλ/(1 + ρ)): it is "
      "0.98 to 1.02 times as large.",
      measured=mean_interval(heavy.ratio()[:, 0]), unit="times",
      kind="measured", id="angle-momentum",
      holds=between(0.98, 1.02))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## So does decay help?
#
# Decay shortens $w$, and so raises its effective rate: after 1500 steps at rate 0.1, with λ = 0.05 it was 7.5 times that without (*Deeper*). <!-- rests: neither-rate --> But so does a higher η. Is decay worth having where η is tuned?
#
# We train such a network again, η falling to 0: with twelve values of η and no decay, and with twelve pairs of η and λ. Test error in a corner of that table, means of ten seeds:
#
# | | η = 0.03 | η = 0.3 |
# |---|---|---|
# | no decay | 5.5 % | 11.8 % |
# | λ = 0.1 | 6.2 % | 5.6 % |
#
# At η = 0.3 decay seems to rescue, at 0.03 to harm. How can it, if a larger rate did the damage, and decay makes the rate larger still? They are not one knob: η moves all layers, decay here only $w$. And a large early step makes $w$ long for good, so that it turns too little later, unless decay shortens it. Which of these counts we did not measure.
#
# Now let each side choose the best of its twelve by validation rows: **decay of the first layer did not lower the test error by a point**, 5.4 % without it, 5.6 % with it. <!-- rests: not tuned-decay-error --> The test *loss* it did lower, from 0.407 to 0.386; whether by the 0.02 that we had asked for is open. (The best pair lay at the edge of what we tried: *Deeper*.) <!-- rests: open tuned-decay-loss -->
#
# So in front of a norm λ is a second knob of the learning rate: **if you change λ, tune η again.** As at rest only ηλ counts, we guessed that a larger λ wants a smaller η. It took a larger one, and we did not ask why. <!-- rests: not decay-moves-rate --> On larger image networks papers report a gain by decay.
#
# > **A common belief: weight decay keeps the weights small, so the network stays simple.** In front of a norm small and large weights are the same function. There decay acts on the *learning rate*; other weights it shrinks (lesson 03).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: decay is a rate that grows
#
# Write $w_t = (1-\eta\lambda)^t u_t$. The gradient at $w_t$ is that at $u_t$ divided by $(1-\eta\lambda)^t$; put both into the step:
#
# $$u_{t+1} = u_t - \eta\,(1-\eta\lambda)^{-(2t+1)}\, g(u_t)$$
#
# No decay, and a rate that grows exponentially, by $1/(1-\eta\lambda)^2$ a step: but for ε the directions are the same (Li & Arora 2020). That is for these weights alone: γ, β and the last layer keep η. So who doubles λ and halves η keeps the angle at rest, but lets those learn at half the rate. On image networks decay often helps; of the three mechanisms that Zhang et al. (2019) find, this is the one for SGD, and for Adam, in front of a BatchNorm. Under AdamW the constant is another and the idea the same (Kosson et al. 2024, lesson 04). Weights that no norm follows decay still treats as lesson 02 says.
#
# On digits we let in what the identity leaves out: ε, which does not scale along, and the rounding of float32. The network of *Does a real network turn so far?*, λ = 0.05, in three versions: *decay*; *neither*, the same rate without decay; *growing rate*, without decay. Ten seeds, test figures averaged over ten looks in the last quarter.
#
# Where it could fail is the **effective rate** at the last step: *growing* should come within 5 % of *decay*, and *neither* end below half of it. If so, the test figures of *growing* should be those of *decay*: within 1 point of error, and within 0.02 of loss.
# And is decay any good here? We ask whether it *lowers* test error and test loss against *neither* (intervals below 0).

# %% tags=["deeper"]
from course_lib.experiments.batchnorm.turning import VARIANTS, compare_rates

*_, rates = compare_rates()
for name, error, loss, effective in zip(VARIANTS, rates.error, rates.loss,
                                        rates.effective_lr):
    print(f"{name:13} effective rate {effective[:, 0].mean():.4f} → "
          f"{effective[:, -1].mean():.4f}"
          f"   test error {100 * error.mean():.1f} %   test loss {loss.mean():.3f}")

# %% tags=["deeper", "nbval-check-output"]
decay, neither, growing = range(3)
ends, errors, losses = rates.effective_lr[:, :, -1], 100 * rates.error, rates.loss
claim("At the last step the growing rate has 0.95 to 1.05 times the effective rate of "
      "decay.",
      measured=mean_interval(ends[growing] / ends[decay]), unit="times",
      kind="measured", id="growing-rate", holds=between(0.95, 1.05))
claim("At the last step the same rate without decay has less than 0.5 times the "
      "effective rate of decay.",
      measured=mean_interval(ends[neither] / ends[decay]), unit="times",
      kind="measured", id="neither-rate", holds=below(0.5))
claim("Growing has the test error of decay, within 1 point.",
      measured=paired_interval(errors[growing], errors[decay]), unit="points",
      kind="measured", id="growing-error", holds=within(1))
claim("Growing has the test loss of decay, within 0.02 nats.",
      measured=paired_interval(losses[growing], losses[decay]), unit="nats",
      kind="measured", id="growing-loss", holds=within(0.02))
for name, figures, unit in ("error", errors, "points"), ("loss", losses, "nats"):
    claim(f"Decay has a lower test {name} than the same rate without decay.",
          measured=paired_interval(figures[decay], figures[neither]), unit=unit,
          kind="measured", id=f"decay-helps-{name}", holds=negative)

# %% [markdown] tags=["deeper"]
# Decay made the effective rate at the end 7.5 times as high. <!-- rests: neither-rate --> The test loss of *decay* is higher than that of *neither* by 0.045, and the test errors are the same to within a point. <!-- rests: not decay-helps-loss, open decay-helps-error --> So equal test errors alone would say little about the mechanism. Nor is this a verdict on decay: the rate was tuned for neither and never lowered, which the next *Deeper* mends.
# Where a verdict is inconclusive, more seeds would settle it; with ε = 0 and exact arithmetic *growing* and *decay* would be one.

# %% [markdown] tags=["deeper"]
# *Step by step.* The identity itself, in float64 on the little loss from above. ε has to shrink with the weights, $\epsilon\,(1-\eta\lambda)^{2t}$, to be the same ε in both runs. With an ε that stays, they part slowly: that is the "up to ε" of all these sentences.

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.batchnorm.turning import growing_rate


def apart_after(steps, lr=0.1, strength=0.3, moving=True):
    """Largest angle between rows of the decaying weight and of the one whose rate
    grows."""
    decayed, grown = W.clone(), W.clone()
    for t in range(steps):
        eps = 1e-3 * (1 - lr * strength * moving) ** (2 * t)
        decayed = ((1 - lr * strength) * decayed
                   - lr * loss_and_gradient(decayed, eps)[1])
        grown = (grown
                 - growing_rate(lr, strength, t) * loss_and_gradient(grown, 1e-3)[1])
    a = decayed / decayed.norm(dim=1, keepdim=True)
    b = grown / grown.norm(dim=1, keepdim=True)
    return (a - b).norm(dim=1).max().item()


claim("Decay and the growing rate give the same directions after 100 steps, if ε "
      "scales along; else they part.",
      measured=[apart_after(100), apart_after(100, moving=False)],
      holds=each(below(1e-9), above(1e-9)))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: is decay any good, with the rate tuned for both?
#
# Without decay η takes twelve values from 0.01 to 2. With decay there are twelve pairs, four λ by three η. So both have as many tries. η falls to 0 along a cosine. The network, the data and the ten seeds are those of the last section, and again only the first layer's weights decay. Each seed takes the point with the lowest figure on 200 validation rows with right labels, and is judged on its test rows by the same figure.
#
# Said beforehand: a gain counts from one point of test error, or from 0.02 nats of test loss. And *if you change λ, tune η again*: does the validation loss take a lower rate for λ = 0.1 than for 0.003?

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.experiments.batchnorm import tuned_decay

*_, tried = tuned_decay.compare_tuned()
for name, figures in ("error", tried.test_error), ("loss", tried.test_loss):
    print(f"test {name:6} η =", *(f"{lr:7g}" for lr in tuned_decay.PAIR_RATES))
    for strength, row in zip((0, *tuned_decay.STRENGTHS), tried.table(figures)):
        print(f"     λ = {strength:<7g}", *(f"{value:7.3f}" for value in row.tolist()))
for arm, points in tuned_decay.POINTS.items():
    for by in ("error", "loss"):
        print(f"{arm} decay, by validation {by}: test {by} "
              f"{tried.judged(arm, by).mean():.3f}; (λ, η) of the seeds:")
        print("  ", *(f"{points[k][0]:g},{points[k][1]:g}"
                      for k in tried.chosen(arm, by).tolist()))

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
for by, scale, margin, unit, gain in (("error", 100, 1, "points", "a point"),
                                      ("loss", 1, 0.02, "nats", "0.02 nats")):
    claim(f"Each at the best of twelve points by validation {by}, decay lowers the "
          f"test {by} by more than {gain}.",
          measured=paired_interval(scale * tried.judged("with", by),
                                   scale * tried.judged("without", by)),
          unit=unit, kind="measured", id=f"tuned-decay-{by}", holds=below(-margin))
claim("By validation loss the best of three rates is lower for λ = 0.1 than for λ = "
      "0.003: log₂ of the ratio is below 0.",
      measured=paired_interval(tried.best_rate(0.1).log2(),
                               tried.best_rate(0.003).log2()),
      kind="measured", id="decay-moves-rate", holds=negative)

# %% [markdown] tags=["deeper"]
# *At one rate decay can do much.* Read off the table: at η = 0.3, λ = 0.1 takes the error from 11.8 to 5.6 %; at η = 0.03 from 5.5 to 6.2 %. *With the rate tuned on both sides it does no more than a lower rate*: 5.4 % without decay, 5.6 % with it. On fresh seeds they are 0.1 points apart, with an interval from 0.5 better to 0.6 worse. <!-- rests: not tuned-decay-error --> So a single column of this grid would have shown either that decay helps greatly or that it harms.
#
# *The test loss* is 0.407 without and 0.386 with decay. On fresh seeds decay lowers it by 0.025, from 0.015 to 0.036: lower, but perhaps by less than the 0.02 that we asked for. <!-- rests: open tuned-decay-loss -->
#
# *Tune η again, yes, but which way?* At rest only ηλ counts. So we guessed that a higher λ wants a lower η. Of three η that was not so: for λ = 0.1 the best is not lower than for 0.003. It is higher, about four times here and three times on fresh seeds. <!-- rests: not decay-moves-rate --> But η also moves the last layer, γ and β, and it falls to 0 at the end. What of that does it, we did not ask.
#
# *The edges.* By the loss four of ten seeds take the corner, λ = 0.1 and η = 0.3. Past it decay might gain more. Without decay one seed takes the lowest η, by the error.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# 1. Put `nn.BatchNorm1d(features)`, or `nn.BatchNorm2d(channels)`, between a layer and its activation. Give that layer `bias=False`, for the norm subtracts any bias.
# 2. Take batches of tens of rows, with `drop_last=True` in the `DataLoader`: the last of an epoch may be a single row.
# 3. Call `model.eval()` to evaluate, `model.train()` to go on.
# 4. If you change λ, tune η again.
# 5. At last **fold** each norm into the layer before it, for in evaluation both only multiply and add (exercise T5).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: should γ, β and biases decay?
#
# γ and β are often left out of weight decay (`decay_groups`, lesson 03). Does it help to spare γ, β and biases? AdamW (lesson 04), 64-64-10 networks, ten seeds, everything penalised against weight matrices alone. Biases, first: with λ = 1, which in 600 steps of 0.002 shrinks an idle weight to 30 %, is it *no matter*, within half a point of test error?
# Then BatchNorm's scale γ and shift β at one common λ, 3 and 10, in two worlds: 1000 clean rows; 300 rows with wrong labels. Both strengths come from earlier trials with other seeds.

# %% tags=["deeper"]
predict("biases",
        "No norms, 300 rows, noisy labels, λ = 1 on everything. Sparing the biases "
        "changes the test error by …",
        ["half a point or more for the better", "less than half a point",
         "half a point or more for the worse"])

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.experiments.batchnorm.penalise_what import (
    TUNED, WORLDS, compute_spared)

spared = {}
for world, (_, _, strengths) in WORLDS.items():
    *_, found = compute_spared(world)
    # [seeds, everything or weights alone]
    for strength, errors in zip(strengths, found.test_error.unbind(1)):
        spared[world, strength] = paired_interval(errors[:, 1], errors[:, 0])
        print(f"{world}, λ = {strength:<4g} everything {errors[:, 0].mean():.1%}, "
              f"sparing them {errors[:, 1].mean():.1%}")

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
bare, clean_world, noisy_world = WORLDS
claim("Sparing the biases changes the test error by less than half a point (λ = 1).",
      measured=spared[bare, 1.0], unit="points", times=100,
      kind="measured", id="spare-biases", holds=within(0.005))
for name, world in (("clean", clean_world), ("noisy", noisy_world)):
    for strength in (3.0, 10.0):
        claim(f"{world}: sparing them lowers the test error (λ = {strength:g}).",
              measured=spared[world, strength], unit="points", times=100,
              kind="measured", id=f"spare-{name}-{strength:g}", holds=negative)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
change = spared[bare, 1.0]
reveal("biases", from_interval={
    "half a point or more for the better": below(-0.005)(change),
    "less than half a point": within(0.005)(change),
    "half a point or more for the worse": above(0.005)(change)},
       because=f"measured: {100 * change.mean:+.2f} points", rests="spare-biases")

# %% [markdown] tags=["deeper"]
# Compare the four rows with BatchNorm with each other, not only within: at one and the same λ the two policies are not equally strong, so such a row says more about λ than about the policy. The fair comparison is the next section.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: fairly, each policy with its own λ
#
# Is sparing better when each policy has the λ that suits it? Then the choice needs a figure, and there are two: the *loss* on 200 validation rows, labels as noisy as the training labels, and their *error*. We show both. λ is one of eleven from 0.001 to 100 (at first of seven from 0.03 to 30, and widened once, at both ends); of λ that err alike the strongest.
#
# At a *common* λ the answer depends on the width. Under AdamW a parameter that decays stays within about ±1/λ (lesson 04 says when). At λ = 10 each γ and each weight of the last layer is at most about 0.1, and the fewer the hidden units, the smaller are the scores that they can add up to. So the answer of one width need not be that of another.
#
# Said beforehand, for 300 rows with wrong labels and λ = 10: sparing γ, β and biases helps 32 hidden units and costs 256. In trials with other seeds it did.

# %% tags=["deeper"]
widths = {}
for width in (32, 64, 128, 256):
    *_, found = compute_spared(noisy_world, (10.0,), width)
    errors, losses = found.test_error[:, 0], found.train_loss[:, 0].mean(0)
    widths[width] = paired_interval(errors[:, 1], errors[:, 0])
    print(f"{width:3} units: everything {errors[:, 0].mean():.1%}, sparing them "
          f"{errors[:, 1].mean():.1%};",
          f"training loss {losses[0]:.2f} and {losses[1]:.2f}")
print("(the training loss of one who knows nothing: 2.30)")

# %% tags=["deeper"]
fair = {}
for name, world in (("clean", clean_world), ("noisy", noisy_world)):
    *_, found = compute_spared(world, TUNED)
    for by in ("loss", "error"):
        errors, chosen = found.tuned(TUNED, by)
        fair[name, by] = paired_interval(errors[:, 1], errors[:, 0])
        print(f"{name} labels, λ by validation {by}: everything "
              f"{errors[:, 0].mean():.1%}, sparing them {errors[:, 1].mean():.1%}")
        for policy, values in zip(("everything", "sparing them"), chosen.T):
            print(f"   λ for {policy}:", *(f"{value:g}" for value in values))

# %% tags=["deeper", "nbval-check-output"]
claim("32 hidden units, λ = 10: sparing γ, β and biases lowers the test error on noisy "
      "rows.",
      measured=widths[32], unit="points", times=100,
      kind="measured", id="spare-narrow", holds=negative)
claim("256 hidden units, λ = 10: sparing them raises the test error on noisy rows.",
      measured=widths[256], unit="points", times=100,
      kind="measured", id="spare-wide", holds=positive)
for name in ("clean", "noisy"):
    claim(f"{name.capitalize()} labels: sparing them lowers the test error, each "
          "policy with its own λ by validation loss.",
          measured=fair[name, "loss"], unit="points", times=100,
          kind="measured", id=f"spare-tuned-{name}", holds=negative)
    claim(f"{name.capitalize()} labels: sparing them lowers the test error, each "
          "policy with its own λ by validation error.",
          measured=fair[name, "error"], unit="points", times=100,
          kind="measured", id=f"spare-tuned-error-{name}", holds=negative)

# %% [markdown] tags=["deeper"]
# On clean labels the validation loss takes the weakest λ that there is in 11 of 20 cases, also on the wider grid: it asks for hardly any penalty. By neither figure are the two policies told apart there. <!-- rests: open spare-tuned-clean, open spare-tuned-error-clean -->
#
# On noisy labels **the verdict turns with the figure that chooses λ**: by validation loss sparing them is worse, by validation error it is better. <!-- rests: not spare-tuned-noisy, spare-tuned-error-noisy --> The error takes a stronger λ for whom it spares; where that is the strongest of all, the grid still ends too early.
# So there is no verdict for one policy. On these digits "norms must not decay" is a convention, and no finding about errors.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When not to
#
# - Batches of one or two rows: LayerNorm; <!-- rests: layer-leads-2 --> for images in small batches GroupNorm (Wu & He 2018).
# - Text: LayerNorm, over the features of each word alone, for batch statistics of text vary much (Shen et al. 2020).
# - Where one example must not influence another's result, as for privacy.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: in other texts, and after averaging weights
#
# The lecture announces "dropout and layer normalization" and then explains batch normalization: two different layers. Keras counts its `momentum` the other way, 0.99 for our 0.01.
# Teaching codes often remember the biased variance: low by the factor $(n-1)/n$, with $n$ values per feature in the batch, a lot for small batches.
# In contrastive learning a network can read the answer off its neighbours' statistics; MoCo shuffles the batch against that (He et al. 2020).
# After dropout with a large p, even with a linear layer between, a norm remembers too large a variance, for dropout scatters the values in training and not in evaluation (Li et al. 2019). That costs test *loss* in lesson 06. Put dropout after the *last* norm. <!-- rests: shift-loss-p07 -->
# Several small batches for one step (*gradient accumulation*) do not make the norm's batch larger.
# In texts, the filler that makes them equally long gets into the statistics of a batch.
# In fine-tuning on little data a few small batches would spoil a good memory: `model.train()`, then `part.eval()` for each `part` of `model.modules()` that is a norm.
# After averaging weights the statistics no longer fit, and are made anew with `update_bn`. That helps other bad memories, too (*precise BatchNorm*, Wu & Johnson 2021), such as that of a network whose images now come from elsewhere.
# In residual blocks the γ of the last norm often starts at 0 (Goyal et al. 2017; lesson 08). Without that, too, BatchNorm makes the blocks of a deep residual network small at the start, against their shortcuts, so that it begins like a shallow one (De & Smith 2020). And networks can do without a norm of the activations, given standardised weights, scaled shortcuts and clipped gradients (Brock et al. 2021).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In one breath
#
# **In training BatchNorm is all three: it normalises each feature over the batch, so what it says of one row depends on the others, and the length of the weights before it is a part of their learning rate.** In our small networks,
#
# - the *normaliser* won the race of three hidden layers on pixels from 0 to 1, in about a third of the steps of the next; standardised pixels took most of that lead; <!-- rests: norm-beats-gain, norm-beats-layer, standard-lead-smaller -->
# - *noise* from parts of 4 came, at the same rate, with slower fitting of wrong labels, and at an equal share with no lower error; <!-- rests: share-slower, not share-noise -->
# - the *controller* made λ a knob of the learning rate, and with η tuned, decay gained no point of test error, and a little test loss. <!-- rests: not tuned-decay-error -->
#
# Now write it yourself, and find out what is wrong with others: **`07_batchnorm_exercises.ipynb`**.

# %% [markdown] tags=["card"] slideshow={"slide_type": "slide"}
# ## To keep
#
# | | |
# |---|---|
# | formula | $\hat x = \dfrac{x-\mu}{\sqrt{\sigma^2+\epsilon}}$, $y = \gamma\hat x+\beta$; μ, σ² of the batch, in evaluation the remembered ones |
# | PyTorch | `nn.BatchNorm1d(64)` before the activation; `model.train()`, `model.eval()` |
# | typical | `momentum=0.1`, `eps=1e-5`, batches of tens of rows |
# | when not | one or two rows, text, rows that must not know of each other: LayerNorm |
# | weights before it | effective rate η/‖w‖²; plain SGD with decay, at rest: angle arccos(1 − ηλ) ≈ √(2ηλ) a step <!-- rests: angle-0.1 --> |
# | measured | a fifth of the labels wrong, statistics over 4 rows and over 64, same rate: slower, and where half of the wrong labels are fitted no better, 15.6 and 14.9 % wrong <!-- rests: share-slower, not share-noise --> |

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Sources
#
# *The lecture:* "Optimization & Regularization" of the mlr3torch course (mlr-org.github.io/mlr3torch-course/notebooks/4-optimizer.html, commit 220fa0e). Ioffe & Szegedy, *Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift*, ICML 2015 (arXiv:1502.03167). Hoffer, Hubara & Soudry, *Train longer, generalize better*, NeurIPS 2017 (arXiv:1705.08741; ghost batches). He, Zhang, Ren & Sun, *Delving Deep into Rectifiers*, ICCV 2015 (arXiv:1502.01852). Ba, Kiros & Hinton, *Layer Normalization*, 2016 (arXiv:1607.06450). He, Fan, Wu, Xie & Girshick, *Momentum Contrast for Unsupervised Visual Representation Learning*, CVPR 2020 (arXiv:1911.05722).
# van Laarhoven, *L2 Regularization versus Batch and Weight Normalization*, 2017 (arXiv:1706.05350). Santurkar, Tsipras, Ilyas & Madry, *How Does Batch Normalization Help Optimization?*, NeurIPS 2018 (arXiv:1805.11604). Luo, Wang, Shao & Peng, *Towards Understanding Regularization in Batch Normalization*, ICLR 2019 (arXiv:1809.00846). Bjorck, Gomes, Selman & Weinberger, *Understanding Batch Normalization*, NeurIPS 2018 (arXiv:1806.02375).
# Yang, Pennington, Rao, Sohl-Dickstein & Schoenholz, *A Mean Field Theory of Batch Normalization*, ICLR 2019 (arXiv:1902.08129). Zhang, Wang, Xu & Grosse, *Three Mechanisms of Weight Decay Regularization*, ICLR 2019 (arXiv:1810.12281).
# Arora, Li & Lyu, *Theoretical Analysis of Auto Rate-Tuning by Batch Normalization*, ICLR 2019 (arXiv:1812.03981). Chiley et al., *Online Normalization for Training Neural Networks*, NeurIPS 2019 (arXiv:1905.05894). Li, Lyu & Arora, *Reconciling Modern Deep Learning with Traditional Optimization Analyses: The Intrinsic Learning Rate*, NeurIPS 2020 (arXiv:2010.02916).
# Goyal et al., *Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour*, 2017 (arXiv:1706.02677; the recipe). Kosson, Messmer & Jaggi, *Rotational Equilibrium*, ICML 2024 (arXiv:2305.17212). Wu & He, *Group Normalization*, ECCV 2018 (arXiv:1803.08494). Li, Chen, Hu & Yang, *Understanding the Disharmony between Dropout and Batch Normalization by Variance Shift*, CVPR 2019 (arXiv:1801.05134).
# Li & Arora, *An Exponential Learning Rate Schedule for Deep Learning*, ICLR 2020 (arXiv:1910.07454). Wan, Zhu, Zhang & Sun, *Spherical Motion Dynamics*, NeurIPS 2021 (arXiv:2006.08419). Wu & Johnson, *Rethinking "Batch" in BatchNorm*, 2021 (arXiv:2105.07576). LeCun, Bottou, Orr & Müller, *Efficient BackProp*, in *Neural Networks: Tricks of the Trade*, Springer 1998. Salimans & Kingma, *Weight Normalization*, NeurIPS 2016 (arXiv:1602.07868). Shen, Yao, Gholami, Mahoney & Keutzer, *PowerNorm: Rethinking Batch Normalization in Transformers*, ICML 2020 (proceedings.mlr.press/v119/shen20e). De & Smith, *Batch Normalization Biases Residual Blocks Towards the Identity Function in Deep Networks*, NeurIPS 2020 (arXiv:2002.10444). Brock, De, Smith & Simonyan, *High-Performance Large-Scale Image Recognition Without Normalization*, ICML 2021 (arXiv:2102.06171).

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Test yourself, and teach it
#
# What one can explain in two minutes one has understood. Do it aloud, to a friend, a pet, or the wall; where you get stuck is where to read again.
#
# **Teach it to** somebody whose network works in training, and falls apart on a single image. *Draw* one layer that asks the batch in training, its memory in evaluation. *Disarm* the sentence "in evaluation, batch norm uses the mean of all training samples". *And ask back:* If the length of the weights does not matter, what is weight decay doing there?
#
# Below: the questions of this lesson (some are about *Deeper* sections), with a reason for every option, and its cards, which come back after 1, 3 and 7 days.

# %% slideshow={"slide_type": "skip"}
from course_lib.notebook import quiz_of, recall

quiz_of("batchnorm")

# %% slideshow={"slide_type": "skip"}
recall("batchnorm")
