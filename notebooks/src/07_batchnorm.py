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
# **BatchNorm** makes every feature of a layer have mean 0 and variance 1, over the examples that happen to be in the batch.
# So what a network says of one image depends on its neighbours. Three things follow, and only the first is in the name:
# it *normalises*, it adds *noise*, and it takes the learning rate out of your hands.
#
# *45 minutes; sections called* Deeper *are folded, and extra. You need lesson 00 (SGD, minibatches) and, for the last part, the idea of weight decay from lesson 03.*

# %% tags=["setup"]
import math

import torch
from torch import nn

from course_lib.batchnorm import BatchNorm1d, LayerNorm, batch_norm, fold_batch_norm, standardise
from course_lib.explorers import batchnorm as explore
from course_lib.lab.statistics import mean_interval, paired_interval
from course_lib.notebook import claim, predict, quiz, reveal, setup, show_source

setup()
double = {"dtype": torch.float64}  # exact claims are held to 15 digits

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Ten layers deep
#
# Fresh random weights, ten layers of 64 units, a batch of digits. *Gain* scales the weights. Left, how large the numbers are that each layer puts out;
# in the middle, how large the gradient is when it gets there, on its way back from the last layer; right, the share of outputs through which no gradient comes, or hardly any. **Move the gain** until the blue line is flat; then move it a little further. Then choose tanh.

# %% slideshow={"slide_type": "-"}
explore.activations.show()

# %% [markdown]
# Without a norm every layer multiplies by about the same factor, and ten equal factors make a large one, up or down. With BatchNorm the gain makes no difference to the outputs; why it makes none is the subject of the last part.
# (The gradient still grows a little on its way back. And look at batches of 2.)
#
# At the end of this lesson you can
# - write BatchNorm with its memory, and say what is learned, what is remembered, and what changes between training and evaluation;
# - say how noisy it is, and what goes wrong with small batches;
# - compute how fast weights turn under weight decay, and why that is a learning rate.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## By hand
#
# One feature, a batch of three: 1, 3, 8. The mean μ is 4, the variance σ² is $\frac{9+1+16}{3} = \frac{26}{3}$.
#
# $$\hat x = \frac{x-\mu}{\sqrt{\sigma^2+\epsilon}} \qquad\qquad y = \gamma\,\hat x + \beta$$
#
# ε = 1e-5 keeps the root away from zero. γ and β are learned, one pair for each feature; they start at 1 and 0.
# For later, the layer keeps **running statistics**, which start at 0 and 1. Each batch in training moves them by the share $m$ = 0.1, torch's `momentum`:
#
# $$\text{running} \leftarrow (1-m)\,\text{running} + m\,\text{batch}$$

# %%
predict("variance", "After this one batch, the running variance is …",
        ["0.9 · 1 + 0.1 · 26/3 = 1.767", "0.9 · 1 + 0.1 · 13 = 2.2", "0.1 · 1 + 0.9 · 26/3 = 7.9"])

# %% jupyter={"outputs_hidden": true}
x = torch.tensor([[1.0], [3.0], [8.0]], **double)
running_mean, running_var = torch.zeros(1, dtype=x.dtype), torch.ones(1, dtype=x.dtype)

y = batch_norm(x, running_mean, running_var, training=True)
print("training    ", *(f"{v:7.4f}" for v in y.flatten()))
print("remembered    mean", running_mean.item(), "variance", running_var.item())
later = batch_norm(x, running_mean, running_var, training=False)
print("evaluation  ", *(f"{v:7.4f}" for v in later.flatten()))

# %% tags=["nbval-check-output"]
wanted = [(v - 4) / math.sqrt(26 / 3 + 1e-5) for v in (1, 3, 8)]
claim("In training the batch 1, 3, 8 becomes (x − 4)/√(26/3 + ε), with the variance divided by n.",
      measured=[a - b for a, b in zip(y.flatten().tolist(), wanted)],
      holds=lambda gaps: max(map(abs, gaps)) < 1e-14)
claim("What is remembered is 0.1 · 4 and 0.9 + 0.1 · 13: this variance is divided by n − 1.",
      measured=[running_mean.item(), running_var.item()],
      holds=lambda r: abs(r[0] - 0.4) < 1e-14 and abs(r[1] - 2.2) < 1e-14)
reveal("variance", "0.9 · 1 + 0.1 · 13 = 2.2",
       because="26/3 describes this batch; 26/2 = 13 is the unbiased estimate for the rows that will come")

# %% [markdown]
# Two variances, then, and a momentum that weighs the *new* value: both are torch's choices, and both are often got wrong (other libraries write $m$ for what we call $1-m$, and say 0.9 or 0.99).
# Note that the same three rows came out differently in evaluation. There the running statistics stand in for μ and σ², each row is on its own, and nothing is remembered.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The function
#
# The last line of one is the whole of the other. `dims` are the dimensions to average over: all but the features.
# (The helpers whose names begin with `_` put dimensions in order, and refuse a batch of one.)

# %%
show_source(batch_norm)

# %%
show_source(standardise)

# %% [markdown]
# Only the *memory* is kept out of autograd's graph. μ and σ² of the batch are ordinary functions of `input`, and the gradient flows through them:
# to change one row is to change the mean, and so all rows. Holding them fixed (`detach`) gives the right output and a wrong gradient; a well-known course's own BatchNorm does just that.
#
# A lecture prints $\hat x$ and stops there: no γ, no β. They matter. With $\gamma = \sqrt{\sigma^2+\epsilon}$ and $\beta = \mu$ the layer does nothing at all, so it can learn to undo itself.
#
# `BatchNorm1d` is this function as a layer; a *Deeper* section holds it to torch's.

# %%
predict("buffers", "Are the running mean and variance parameters, like γ and β, or buffers?",
        ["parameters: the optimizer trains them", "buffers: saved with the model, but not trained"])

# %%
predict("twice", "In training mode the same batch goes through the layer twice. The second time …",
        ["same output, same statistics", "same output, moved statistics", "another output, moved statistics"])

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
generator = torch.Generator().manual_seed(0)
batch = 2 + 3 * torch.randn(10, 5, **double, generator=generator)
layer = BatchNorm1d(5, **double)
outputs, remembered = zip(*((layer(batch), layer.running_mean.clone()) for _ in range(2)))

print("parameters:", *(name for name, _ in layer.named_parameters()))
print("buffers:   ", *(name for name, _ in layer.named_buffers()))
claim("The same batch twice in training mode: the same output, and statistics that have moved on.",
      measured=[(outputs[0] - outputs[1]).abs().max().item(),
                (remembered[0] - remembered[1]).abs().min().item()],
      holds=lambda gaps: gaps[0] == 0 and gaps[1] > 0)

# %%
reveal("buffers", "buffers: saved with the model, but not trained", because="no gradient ever reaches them")

# %%
reveal("twice", "same output, moved statistics", because="training looks at the batch alone, and takes notes")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What does it remember?
#
# During training, says the same lecture, the layer uses the batch, "while during evaluation, it uses the running mean and variance of all training samples seen". Feed it numbers around 10 for 200 batches, then numbers around 0 for 200 more.

# %%
predict("memory", "The mean of all samples seen is 5. The running mean is …", ["5", "near 0", "near 10"])

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
pair = torch.tensor([[-1.0], [1.0]], **double)
forgetful, average = (BatchNorm1d(1, momentum=m, **double) for m in (0.1, None))
for norm in (forgetful, average):
    for t in range(400):
        norm(pair + (10 if t < 200 else 0))
claim("After 200 batches around 10 and 200 around 0 the running mean is 10 · 0.9²⁰⁰, next to nothing.",
      measured=forgetful.running_mean.item() - 10 * (1 - 0.9**200) * 0.9**200,
      holds=lambda gap: abs(gap) < 1e-12)
claim("With `momentum=None` it is the plain average of all batches, 5.",
      measured=average.running_mean.item(), holds=lambda mean: abs(mean - 5) < 1e-12)
reveal("memory", "near 0", because="an exponential average: each batch counts 0.9 times as much as the next one")

# %% [markdown]
# Forgetting is wanted: while the layers before it train, old statistics are statistics of another network. The average reaches back about $1/m$ batches. The price of a short memory is noise:
# for independent batches of $B$ rows the running mean comes to rest with variance $\frac{m}{2-m}\cdot\frac{\sigma^2}{B}$. (Each batch mean has variance σ²/B; an average with weights $m,\ m(1-m),\ m(1-m)^2 \dots$ keeps the sum of their squares, $\frac{m}{2-m}$, of it.)
#
# Half-way, the true mean jumps from 2 to 0. **Find a momentum that follows it and yet is calm**, for batches of 2 and of 256.

# %% jupyter={"outputs_hidden": true}
explore.memory.show()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One network, two modes
#
# A network trained with BatchNorm is two networks: the one that was trained, which normalises by the batch, and the one you use, which normalises by the memory.
# Their test errors should agree. We say *apart* if they differ by more than 5 percentage points, *together* if by less than 2 (over eight seeds: another split, start and batch order each, always the same 1797 digits).
# 300 steps with batches of 4; all test rows as one batch serve as the first network's.

# %%
predict("modes", "Which momentum sets the two networks apart after 300 steps with batches of 4?",
        ["0.1", "1: only the last batch is remembered", "neither"])

# %% jupyter={"outputs_hidden": true}
explore.mismatch.show(batch_size=4, momentum=0.1)

# %% tags=["nbval-check-output"]
from course_lib.lab.batch_statistics import MOMENTA, compare_modes

*_, modes = compare_modes(4, seeds=tuple(range(8)))
apart = {m: 100 * (modes.evaluation[:, MOMENTA.index(m), -1] - modes.batch[:, -1]) for m in (0.1, 1.0)}
claim("With momentum 0.1 the two modes are together: less than 2 points of test error between them.",
      measured=mean_interval(apart[0.1]), kind="measured", holds=lambda points: points.between(-2, 2))
claim("With momentum 1 evaluation is more than 5 points worse.",
      measured=mean_interval(apart[1.0]), kind="measured", holds=lambda points: points.between(low=5))

# %%
reached = {m for m in apart if mean_interval(apart[m]).between(low=5)}
reveal("modes", "1: only the last batch is remembered" if reached == {1.0} else "0.1" if 0.1 in reached else "neither",
       because="means: " + ", ".join(f"momentum {m}: {gap.mean():+.1f} points" for m, gap in apart.items()))

# %% [markdown]
# Drag the momentum through its range: too small, and the memory still holds the untrained network; too large, and it is one small batch. With large batches the valley between is wide, and most people never notice.
#
# *Forgetting `model.eval()`* is the other way to get this wrong: then every test batch is normalised by itself, and moves the statistics besides.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Very small batches
#
# What is the variance of a batch of one? Zero: every x̂ would be 0, whatever the image. torch refuses it in training, and so do we. A batch of two is allowed.

# %%
predict("two", "Two rows, a feature with values 0.3 and 700. After BatchNorm (γ = 1, β = 0) they are about …",
        ["−1 and 1", "0 and 2", "0.0004 and 1"])

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
two = torch.tensor([[0.3, 5.0, -2.0], [700.0, 4.0, -2.1]], **double)
print(batch_norm(two, training=True).numpy().round(4))
half = (two[1] - two[0]) / 2
claim("From two rows only the order is left: x̂ = ±d/√(d² + ε), with d half their difference.",
      measured=(batch_norm(two, training=True)[1] - half / (half.square() + 1e-5).sqrt()).abs().max().item(),
      holds=lambda gap: gap < 1e-12)
reveal("two", "−1 and 1", because="(x₁ − μ)² = (x₂ − μ)² = σ²: all that is left is which was larger")

# %% tags=["nbval-check-output"]
norm = BatchNorm1d(3)
try:
    norm(torch.ones(1, 3))
except ValueError as error:
    print(error)
claim("A batch of one in training is an error, and is not counted; in evaluation it is fine.",
      measured=[norm.num_batches_tracked.item(), *norm.eval()(torch.ones(1, 3)).shape],
      holds=lambda found: found == [0, 1, 3])

# %% [markdown]
# It is usually the last batch of an epoch: 1001 rows in batches of 50. Use `drop_last=True`.
#
# **LayerNorm** is the same line over the features of *one row*: no neighbours, no memory, no second mode. Two epochs of 1000 digits, 64-64-64-10 networks, plain SGD at one rate, 0.02, in batches of 1, 2 and 8.
# A lead counts, at 2, if it is more than 5 points of test error; at 8, if its interval leaves out 0.

# %%
predict("small", "Which has the lower test error with batches of 2, and of 8?",
        ["LayerNorm at both", "BatchNorm at both", "LayerNorm at 2, BatchNorm at 8",
         "BatchNorm at 2, LayerNorm at 8"])

# %% jupyter={"outputs_hidden": true}
from course_lib.lab.norm_training import compare_small_batches

*_, small = compare_small_batches()
for (name, size), error in sorted(small.error.items(), key=lambda item: item[0][1]):
    print(f"batches of {size}, {name or 'no'} norm: test error in %", mean_interval(100 * error))

# %% tags=["nbval-check-output"]
lead = {size: paired_interval(100 * small.error["batch", size], 100 * small.error["layer", size])
        for size in (2, 8)}  # how much lower LayerNorm's test error is, in points
claim("With batches of 2, LayerNorm leads by more than 5 points of test error.",
      measured=lead[2], kind="measured", holds=lambda points: points.between(low=5))
claim("With batches of 8, BatchNorm leads.",
      measured=lead[8], kind="measured", holds=lambda points: points.between(high=0))

# %%
at2, at8 = ("LayerNorm" if lead[size].mean > 0 else "BatchNorm" for size in (2, 8))
reveal("small", f"{at2} at both" if at2 == at8 else f"{at2} at 2, {at8} at 8",
       because="by the means; the verdicts say how sure that is")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Noise source
#
# An image's activation depends on who else is in the batch. Put *one* digit into 200 random batches: how much does its normalised activation vary? And the batch mean?
# By lesson 00 a mean of $B$ independent rows has variance σ²/B. Is the activation's noise, which comes through μ *and* σ², of that kind too? We say *as 1/B* if the slope of log variance on log $B$ lies within −1 ± 0.05.

# %%
from course_lib.lab.batch_statistics import measure_noise

noise = measure_noise()  # a 64-64 layer with fresh weights, 1000 digits, 8 seeds
for size, one in zip(noise.sizes, noise.activation.mean(0)):
    print(f"batches of {size:3}: one digit's activation varies by ±{one.sqrt():.3f}")

# %% tags=["nbval-check-output"]
claim("The variance of the batch mean falls as 1/B (slope of logs).",
      measured=mean_interval(noise.slopes("mean")), kind="measured", holds=lambda slope: slope.between(-1.05, -0.95))
claim("So does the variance of a digit's normalised activation.",
      measured=mean_interval(noise.slopes("activation")), kind="measured", holds=lambda slope: slope.between(-1.05, -0.95))

# %% [markdown]
# Activations have spread 1 here, so at $B = 8$ this is a lot of noise, and at 256 little. Training noise can regularize, as dropout does (lesson 06), and BatchNorm is often praised for that. But it comes with a knob that was made for something else:
# a larger batch, on a larger machine, silently means less of it. In evaluation there is none.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Normaliser
#
# Does it train faster? 64-64-64-64-10 networks, plain SGD, batches of 50 of 500 digits, with and without BatchNorm, at four learning rates. How many steps to a training loss of 0.1?
# Each kind gets the rate that is best for it, chosen on the other seeds. *Faster* means fewer than *half* the steps. A run that never gets there counts with all 400.

# %%
predict("speed", "Each at its best learning rate, the network with BatchNorm needs …",
        ["fewer than half the steps", "somewhat fewer", "as many or more"])

# %% jupyter={"outputs_hidden": true}
from course_lib.lab.norm_training import compare_speed

*_, speed = compare_speed()
for name, steps in speed.steps.items():
    print(f"{'with BatchNorm' if name else 'without a norm':15}", *(
        f"lr {lr}: {'never' if at == math.inf else f'{at:.0f}':>5}   " for lr, at in zip(speed.lrs, steps.median(0).values)))

# %% tags=["nbval-check-output"]
steps = {name: speed.at_best_rate(name).log2() for name in (None, "batch")}
factor = paired_interval(steps["batch"], steps[None])
claim("At its best rate the network with BatchNorm needs fewer than half the steps (log₂ of the ratio below −1).",
      measured=factor, kind="measured", holds=lambda log: log.between(high=-1))

# %%
reveal("speed", "fewer than half the steps" if factor.mean < -1
       else "somewhat fewer" if factor.mean < 0 else "as many or more",
       because=f"{2**factor.mean:.2f} times as many (geometric mean); the table has the medians of eight seeds")

# %% [markdown]
# Look along the rows of the table, too: at how many of the four rates does each get there at all? *Why* a norm helps is disputed. The paper of 2015 says that inputs of a layer no longer drift; another of 2018 that the loss becomes smoother along the gradient. The next *Deeper* section measures the second.
# (A step with BatchNorm costs more time than one without. Steps are not seconds.)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: is the loss smoother along the gradient?
#
# Santurkar et al. (2018) look ahead from a point of the training along its gradient $g$, up to one step, and ask how much the gradient itself changes: the largest $\lVert g' - g\rVert / (s\lVert g\rVert)$ over distances $s$, an effective curvature.
# We do that for 64-64-64-10 networks, learning rate 0.1, along the way, and take the log of that with BatchNorm less the log of that without. *Smoother* means an interval below 0.
#
# Compared *when*? After the same number of steps the faster network is simply elsewhere, where the loss is nearly flat. So we also compare the two at the same training loss.

# %% tags=["deeper", "nbval-check-output"]
from course_lib.lab.norm_training import compare_smoothness

*_, smooth = compare_smoothness()
bends = [smooth.bend[name].log().mean(1) for name in ("batch", None)]
claim("Averaged over 450 equal steps, the loss is smoother along the gradient with BatchNorm.",
      measured=paired_interval(*bends), kind="measured", holds=lambda log: log.between(high=0))
for level in (2.0, 1.0, 0.5):
    bends = [smooth.when(name, level, "bend").log() for name in ("batch", None)]
    claim(f"When the training loss first comes down to {level}, it is smoother with BatchNorm.",
          measured=paired_interval(*bends), kind="measured", holds=lambda log: log.between(high=0))

# %% [markdown]
# Read the verdicts in their order. A network that stands still on a plateau has a very smooth loss, and that is no merit; and in front of a BatchNorm any curvature can be had by rescaling the weights, as you are about to see. "Smoother" needs an "at the same what".

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Learning-rate controller
#
# Let $W$ be the weights in front of a BatchNorm. Multiply them by 10: the layer's outputs are ten times as large, and so are their mean and spread. The norm divides it all away.

# %%
predict("scale", "So the loss stays as it is. The gradient with respect to the larger W is …",
        ["ten times as large", "the same", "a tenth as large"])

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
rows, goal, W = (torch.randn(*s, **double, generator=generator) for s in ((32, 20), (32, 8), (8, 20)))


def loss_and_gradient(W, eps=1e-5):
    W = W.clone().requires_grad_()
    loss = (batch_norm(rows @ W.T, training=True, eps=eps) - goal).tanh().square().mean()
    return loss.item(), torch.autograd.grad(loss, W)[0]


(loss, g), (loss10, g10) = loss_and_gradient(W, 1e-5), loss_and_gradient(10 * W, 100 * 1e-5)
claim("f(αW; α²ε) = f(W; ε), and the gradient is 1/α as large: here α = 10.",
      measured=[abs(loss - loss10), (10 * g10 - g).abs().max().item()], holds=lambda gaps: max(gaps) < 1e-14)
reveal("scale", "a tenth as large", because="the same change of the loss, for a change of W that is ten times as long")

# %% [markdown]
# ε does not scale along in practice, but it is tiny beside σ² (a *Deeper* section says how tiny). Up to that, two things hold for any loss that knows only the direction of a vector $w$:
# its gradient $g$ is **at right angles** to $w$ (moving along $w$ changes nothing), and it goes as **1/‖w‖**.
#
# At right angles, Pythagoras: a step of plain gradient descent makes $\lVert w - \eta g\rVert^2 = \lVert w\rVert^2 + \eta^2\lVert g\rVert^2$. The weights only grow. And how far does the direction move?
# By about $\eta\,\lVert g\rVert/\lVert w\rVert$, that is $\frac{\eta}{\lVert w\rVert^2}\cdot\tilde g$, where $\tilde g = \lVert w\rVert\,\lVert g\rVert$ is the gradient on the unit circle. So
#
# $$\text{effective learning rate} = \frac{\eta}{\lVert w\rVert^2}$$
#
# and it falls all the time. BatchNorm comes with a learning-rate schedule that nobody asked for. Weight decay is what turns it back up: it shrinks $w$ by $1-\eta\lambda$ at each step, and cannot change the loss by that.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where growth and decay balance
#
# $$\lVert w\rVert^2 \leftarrow (1-\eta\lambda)^2\lVert w\rVert^2 + \eta^2\,\tilde g^2/\lVert w\rVert^2$$
#
# For constant $\tilde g$ both sides agree when $\lVert w\rVert^4 = \dfrac{\eta\,\tilde g^2}{\lambda\,(2-\eta\lambda)}$. There each step takes the new $w$ back to the old length, and the right-angled triangle of $(1-\eta\lambda)w$, $\eta g$ and the new $w$ has $\cos(\text{angle}) = 1-\eta\lambda$:
#
# $$\text{angle per step} = \arccos(1-\eta\lambda) \approx \sqrt{2\eta\lambda}$$
#
# No $\tilde g$ in it: not the data, not the layer. Both hold for $0<\eta\lambda<1$.

# %%
predict("turn", "λ is raised from 0.01 to 0.1. At rest the weight turns, per step, …",
        ["less: it is held back", "as much", "about √10 = 3.2 times as much", "10 times as much"])

# %% jupyter={"outputs_hidden": true}
explore.decay.show(strength=0.1)

# %% tags=["nbval-check-output"]
from course_lib.lab.turning import STRENGTHS, angle_at_rest, norm_at_rest, turn, turn_on_digits

ends = {knobs: turn(*knobs, steps=3000) for knobs in ((0.1, (0.1,), 1.0), (0.5, (0.2,), 3.0), (1.0, (0.9,), 0.5))}
claim("From three starting lengths ‖w‖⁴ ends at η·g̃²/(λ(2 − ηλ)), for three sets of η, λ, g̃.",
      measured=max((run.norms[:, 0, -1] - norm_at_rest(lr, strength, slope)).abs().max().item()
                   for (lr, (strength,), slope), run in ends.items()), holds=lambda gap: gap < 1e-12)
claim("There it turns by arccos(1 − ηλ) at each step.",
      measured=max((run.angles[:, 0, -1] - angle_at_rest(lr, strength)).abs().max().item()
                   for (lr, (strength,), _), run in ends.items()), holds=lambda gap: gap < 1e-12)
reveal("turn", "about √10 = 3.2 times as much", because="√(2ηλ): decay shortens w, and the same step turns a shorter w further")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## And on digits?
#
# There $\tilde g$ changes, from step to step and for good. A 64-64-10 network, 1000 digits with a fifth of the labels wrong, plain SGD at 0.1, batches of 32, 1500 steps; only the first layer's weight decays, and all of it is our $w$.
# We take the root mean square of its angle per step over the last half, and say *at rest* if it is within 2 % of $\arccos(1-\eta\lambda)$. It takes time to get there: decay alone needs $1/(\eta\lambda)$ steps to shrink a weight by the factor $e$.

# %%
predict("rest", "After 1500 steps at rate 0.1, at rest for λ =", ["0.01 and 0.1", "0.1 only", "neither"])

# %% jupyter={"outputs_hidden": true}
explore.decay.show(strength=0.1, where=explore.DIGITS)

# %%
*_, digits = turn_on_digits()  # what the picture was drawn from: 8 seeds
ratio = {strength: mean_interval(digits.ratio()[:, i]) for i, strength in enumerate(STRENGTHS) if strength}
for strength, found in ratio.items():
    print(f"λ = {strength:<6} ηλ·steps = {0.1 * strength * 1500:<5.3g} angle / angle at rest:", found)

# %% tags=["nbval-check-output"]
for strength in (0.1, 0.01):
    claim(f"λ = {strength}: the angle per step is within 2 % of arccos(1 − ηλ).",
          measured=ratio[strength], kind="measured", holds=lambda r: r.between(0.98, 1.02))

# %%
resting = tuple(s for s in (0.01, 0.1) if ratio[s].between(0.98, 1.02))
reveal("rest", {(0.01, 0.1): "0.01 and 0.1", (0.1,): "0.1 only"}.get(resting, "neither"),
       because="ηλ·steps must be large: see the column of ratios above")

# %% [markdown]
# The length in the left panel creeps on, since $\tilde g$ does; the angle does not care. With small λ, as in many recipes, a training may end before its weights ever come to rest.
#
# ## So what does weight decay do there?
#
# Zhang et al. (2019) propose: it raises the effective rate, and that is all. Then a run *without* decay whose learning rate grows as it should must do the same. Which growth? Write $w_t = (1-\eta\lambda)^t u_t$, remember that the gradient at $w_t$ is that at $u_t$ divided by $(1-\eta\lambda)^t$, and put both into the step:
#
# $$u_{t+1} = u_t - \eta\,(1-\eta\lambda)^{-(2t+1)}\, g(u_t)$$
#
# **Decay is an exponentially growing learning rate** (Li & Arora 2020), exactly, but for ε.
#
# On digits: *decay*; *neither*, the same rate without decay; and the *growing rate* without decay. λ = 0.05, ten seeds, test figures averaged over ten looks in the last quarter. *The same* means: within 1 percentage point of test error, and within 0.05 of test loss.

# %%
predict("rates", "Test error and test loss of decay, and of no decay with the growing rate, are …",
        ["the same within these margins", "different", "not to be compared: such a rate must diverge"])

# %% jupyter={"outputs_hidden": true}
from course_lib.lab.turning import VARIANTS, compare_rates

*_, rates = compare_rates()
for name, error, loss, effective in zip(VARIANTS, rates.error, rates.loss, rates.effective_lr):
    print(f"{name:13} effective rate {effective[:, 0].mean():.4f} → {effective[:, -1].mean():.4f}"
          f"   test error {100 * error.mean():.1f} %   test loss {loss.mean():.3f}")

# %% tags=["nbval-check-output"]
(decay_error, none_error, grown_error), (decay_loss, none_loss, grown_loss) = 100 * rates.error, rates.loss
same = [paired_interval(grown_error, decay_error), paired_interval(grown_loss, decay_loss)]
claim("A growing rate in place of decay: the same test error, within 1 point.",
      measured=same[0], kind="measured", holds=lambda gap: gap.between(-1, 1))
claim("And the same test loss, within 0.05.",
      measured=same[1], kind="measured", holds=lambda gap: gap.between(-0.05, 0.05))
claim("Against neither, decay lowers the test error.",
      measured=paired_interval(decay_error, none_error), kind="measured", holds=lambda gap: gap.between(high=0))

# %%
verdicts = [gap.between(-side, side) for gap, side in zip(same, (1, 0.05))]
reveal("rates", "different" if False in verdicts else "the same within these margins",
       because="by the two verdicts" + ("; inconclusive is not the same as equal" if None in verdicts else ""))

# %% [markdown]
# What decay changed is in the column of the effective rates. Whether a higher rate is good for the test error is another question, and the last line above is the answer of this setting.
#
# > **"Weight decay keeps the weights small, so the network stays simple."** In front of a norm, small is no simpler than large: it is the same function. Decay acts there as a *learning-rate schedule*,
# > and whether that helps depends on whether you wanted a higher rate. (It still does what lesson 02 says to weights that no norm follows.)

# %%
quiz("You double the learning rate, keep λ, and train long enough for the weights in front of a norm to rest. Per step they turn …",
     {"as much": "At rest only the product counts, and ηλ has doubled.",
      "√2 times as much": "√(2ηλ): the product has doubled.",
      "twice as much": "So it is at first. Then w grows longer, and takes part of it back.",
      "less": "A longer w turns less, but the higher rate more than makes up for it."},
     answer="√2 times as much")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: how much is "up to ε"?
#
# With σ² of order 1, ε = 1e-5 leaves the gradient leaning towards the weights by less than a hundred-thousandth. It grows where σ² is small: a feature that hardly varies, or weights that decay has made tiny.

# %% tags=["deeper", "nbval-check-output"]
def cosine(eps):
    """Of the angle between weights and gradient, both as one long vector."""
    gradient = loss_and_gradient(W, eps)[1]
    return ((gradient * W).sum() / gradient.norm() / W.norm()).abs().item()


fixed = loss_and_gradient(10 * W)[1]
claim("The gradient is at right angles to the weights, up to ε (cosine for ε = 1e-12, 1e-5, 1e-2).",
      measured=[cosine(eps) for eps in (1e-12, 1e-5, 1e-2)],
      holds=lambda c: c[0] < 1e-13 and c[1] < 1e-5 and c[0] < c[1] < c[2] < 1e-2)
claim("At fixed ε = 1e-5 the gradient at 10 W is a tenth of that at W to a relative 1e-5.",
      measured=((10 * fixed - g).norm() / g.norm()).item(), holds=lambda gap: 0 < gap < 1e-5)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the two runs, step by step
#
# The identity itself, in float64 on the little loss from above. ε has to shrink with the weights, $\epsilon\,(1-\eta\lambda)^{2t}$, to be the same ε in both runs. With an ε that stays, they part slowly: that is the "up to ε" of all these sentences.

# %% tags=["deeper", "nbval-check-output"]
from course_lib.lab.turning import growing_rate


def apart_after(steps, lr=0.1, strength=0.3, moving=True):
    """Largest angle between rows of the decaying weight and of the one whose rate grows."""
    decayed, grown = W.clone(), W.clone()
    for t in range(steps):
        eps = 1e-3 * (1 - lr * strength) ** (2 * t) if moving else 1e-3
        decayed = (1 - lr * strength) * decayed - lr * loss_and_gradient(decayed, eps)[1]
        grown = grown - growing_rate(lr, strength, t) * loss_and_gradient(grown, 1e-3)[1]
    a, b = decayed / decayed.norm(dim=1, keepdim=True), grown / grown.norm(dim=1, keepdim=True)
    return (a - b).norm(dim=1).max().item()


claim("Decay and the growing rate give the same directions after 100 steps, if ε scales along; else they part.",
      measured=[apart_after(100), apart_after(100, moving=False)], holds=lambda gaps: gaps[0] < 1e-9 < gaps[1])

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: with momentum
#
# Under heavy-ball momentum μ with L2 (torch's `SGD(momentum=…, weight_decay=…)`), the angle at rest becomes $\sqrt{2\eta\lambda/(1+\mu)}$, to leading order. Same margin, 2 %; rate 0.01, μ = 0.9, λ = 1.

# %% tags=["deeper", "nbval-check-output"]
*_, heavy = turn_on_digits(0.01, (1.0,), momentum=0.9)
claim("With momentum 0.9 the angle per step is within 2 % of √(2ηλ/(1 + μ)).",
      measured=mean_interval(heavy.ratio()[:, 0]), kind="measured", holds=lambda r: r.between(0.98, 1.02))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the other options of the layer, images, and what is refused
#
# Every option against torch, on two batches of training and one of evaluation; a `state_dict` of ours loads into torch's layer and the other way round (the tests do both).
# For images a *channel* is a feature, and every pixel of every image is one of its values: BatchNorm2d is BatchNorm1d with the pixels as rows. And LayerNorm is BatchNorm of the transpose.

# %% tags=["deeper"]
def seen(norm, mode):
    """Output, gradients and buffers of a layer that is shown the batch in this mode."""
    rows = batch.clone().requires_grad_()
    out = norm.train(mode)(rows)
    return [out, *torch.autograd.grad(out.sin().sum(), [rows, *norm.parameters()]), *norm.buffers()]


def gaps(ours, theirs):
    """Largest difference between two layers in training, evaluation, and training again."""
    return [max((a - b).abs().max().item() for a, b in zip(seen(ours, mode), seen(theirs, mode)))
            for mode in (True, False, True)]


# %% tags=["deeper", "nbval-check-output"]
tables = {"the defaults": {}, "momentum=None": {"momentum": None}, "affine=False": {"affine": False},
          "eps=0.3": {"eps": 0.3}, "track_running_stats=False": {"track_running_stats": False}}
claim("Outputs, gradients and buffers are those of nn.BatchNorm1d, in training and evaluation, for each option.",
      measured={name: max(gaps(BatchNorm1d(5, **o, **double), nn.BatchNorm1d(5, **o, **double)))
                for name, o in tables.items()},
      holds=lambda found: max(found.values()) < 1e-12)
images = torch.randn(6, 3, 4, 5, generator=generator, **double)
pixels = images.movedim(1, -1).reshape(-1, 3)
claim("BatchNorm of images is BatchNorm of their pixels, and LayerNorm is BatchNorm of the transpose.",
      measured=[(nn.BatchNorm2d(3, **double)(images).movedim(1, -1).reshape(-1, 3)
                 - batch_norm(pixels, training=True)).abs().max().item(),
                (LayerNorm(5, **double)(batch) - batch_norm(batch.T, training=True).T).abs().max().item()],
      holds=lambda found: max(found) < 1e-12)

# %% [markdown]
# torch takes some things in silence that spoil a training: a momentum of 1.5 makes the running variance negative, a single NaN in one batch makes the running statistics NaN *for good*, a refused batch of one is counted all the same. Ours refuse, and stay as they were.

# %% tags=["deeper", "nbval-check-output"]
spoilt = torch.ones(4, 5, **double)
spoilt[2, 3] = math.nan
ours, theirs = BatchNorm1d(5, **double), nn.BatchNorm1d(5, **double)
theirs(spoilt)
try:
    ours(spoilt)
except ValueError as error:
    print(error)
claim("After one NaN torch's layer gives NaN in evaluation, to clean rows too; ours has not changed.",
      measured=[theirs.eval()(batch).isnan().sum().item(), ours.eval()(batch).isnan().sum().item()],
      holds=lambda found: found == [10, 0])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# - `nn.BatchNorm1d(features)`, `nn.BatchNorm2d(channels)` between the linear layer (or convolution) and the activation. The layer before needs no bias, β does that work: `bias=False`.
# - Keep γ and β out of weight decay: `decay_groups` of lesson 03 does it.
# - `model.eval()` to evaluate, `model.train()` to go on; `drop_last=True`; batches of 16 or more. Collecting gradients over several small batches does *not* make the norm's batch larger.
# - Fine-tuning on little data: leave the norms in evaluation mode.
# - In evaluation a norm is multiply and add. So is a linear layer: **fold** one into the other, and the norm is gone.

# %% tags=["nbval-check-output"]
linear, bias = nn.Linear(5, 4, **double), torch.zeros(4, requires_grad=True, **double)
norm = BatchNorm1d(4, **double)
(shift,) = torch.autograd.grad(norm(linear(batch) + bias).sin().sum(), bias)
norm.eval()
folded = fold_batch_norm(linear, norm)
claim("A bias in front of a BatchNorm gets no gradient.",
      measured=shift.abs().max().item(), holds=lambda gradient: gradient < 1e-12)
claim("The folded layer alone gives the outputs of layer and norm together.",
      measured=(folded(batch) - norm(linear(batch))).abs().max().item(), holds=lambda gap: gap < 1e-12)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When not to
#
# - Batches of one to four or so, or rows of very different origin in a batch: LayerNorm or GroupNorm.
# - Sequences of different lengths, text: LayerNorm; a batch statistic would mix padding and words.
# - Where one example must not influence another's result: contrastive or adversarial training, privacy.
# - Directly behind dropout: in training dropout raises the variance that the norm remembers (lesson 06).
#
# **In other texts.** The lecture quoted above announces "dropout and layer normalization" and then explains batch normalization: two different layers. Keras counts its `momentum` the other way, 0.99 for our 0.01.
# Several teaching codes remember the biased variance; the running variance is then low by the factor $(n-1)/n$, a lot for small batches.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In one breath
#
# | | in training | in evaluation |
# |---|---|---|
# | normalises by | this batch: μ, σ² (divided by $n$) | running statistics (σ² divided by $n-1$) |
# | remembers | running ← $(1-m)$ running + $m$ batch | nothing |
# | one row depends on | all rows of the batch, with noise of variance ∝ 1/B | itself |
# | the weights before it | length free: decay sets the turning, $\arccos(1-\eta\lambda)$ per step at rest | can be folded |
#
# Now write it yourself, and find out which of five others is wrong: **`07_batchnorm_exercises.ipynb`**.
#
# **Sources.** Ioffe & Szegedy, *Batch Normalization*, ICML 2015 (arXiv:1502.03167). Ba, Kiros & Hinton, *Layer Normalization*, 2016 (arXiv:1607.06450). van Laarhoven, *L2 Regularization versus Batch and Weight Normalization*, 2017 (arXiv:1706.05350).
# Santurkar, Tsipras, Ilyas & Madry, *How Does Batch Normalization Help Optimization?*, NeurIPS 2018 (arXiv:1805.11604). Zhang, Wang, Xu & Grosse, *Three Mechanisms of Weight Decay Regularization*, ICLR 2019 (arXiv:1810.12281).
# Li & Arora, *An Exponential Learning Rate Schedule for Deep Learning*, ICLR 2020 (arXiv:1910.07454). Wan, Zhu, Zhang & Sun, *Spherical Motion Dynamics*, NeurIPS 2021 (arXiv:2006.08419).
