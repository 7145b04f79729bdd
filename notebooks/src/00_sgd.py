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
# # Minibatch SGD: what does an optimizer do, and is its noise good for anything?
#
# An optimizer gets a gradient and makes a step. **Minibatch SGD** takes the gradient of a few examples only. It is partly wrong, which is called its *noise*, and SGD steps anyway.
# **Regularization**, which this course is about, is whatever is meant to lower the error on new data, not on the data one learns from. We begin with the optimizer, for it is said to regularize by itself: by its noise, and by where it ends.
#
# *45 minutes. In two sittings the second begins at* Noise is the price. *Sections called* Deeper *are folded, and extra. You need to know what a gradient is. Run the cells one by one (Shift+Enter): then sliders move and answers are kept.*

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

import torch

from course_lib.base.random import seeded
from course_lib.statistics import mean_interval, paired_interval
from course_lib.sgd import SGD, sgd_update

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Sixty-four opinions
#
# Where does a step lead that has asked one example only? Below, a model has two weights and 64 examples. The loss of each example is a bowl, with an orange dot at its bottom, where *that* example would have the weights. The star is the mean of the dots: there the mean loss is lowest. The ellipses are lines of equal mean loss, as on a hiking map.
# The run begins at the ring, and each of its steps goes downhill for *one* example.
#
# **Do this**: move the batch size from 1 to 8, then to 64, and nothing else.  **Notice**: what changes more, the way there or the end? (The axis on the right is logarithmic: each grid line is a hundredth of the one above.)

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import sgd as explore

explore.trajectory.show(batch_size=1)

# %% [markdown]
# The three side by side:

# %%
from course_lib.plotting import show_with_words

show_with_words(*explore.paths.picture(batch_size=(1, 8, 64)))

# %% [markdown]
# A small batch finds the place too, then does not rest, for its examples pull different ways. It *hovers*: the run began at a loss 3.4 above the lowest, and over its last 20 steps batches of 1 stand 0.21 above it, batches of 8 0.02. All 64 come to rest.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The same on real data, in plain PyTorch
#
# Many wrong steps, or few right ones: which serve a real network better? Ours is two linear layers (weighted sums of inputs, plus a constant) with a ReLU, max(0, x), between them. `cross_entropy` turns its ten outputs into probabilities, one for each digit, and returns the loss, **cross entropy**: the mean of −ln of the right digit's probability, 0 for sure and right, 2.3 for guessing. To read such a loss, turn it back: 0.69 is a probability of $e^{-0.69} = 50$ % for the right digit.
#
# The loop below, to copy, shows the same fresh network 500 handwritten digits, six times each: all 500 in every step, then ten at a time, each at a learning rate (below) that suits it.

# %% tags=["plain"]
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from course_lib.data import digits
data = digits(500, scale="unit")  # 500 images of 64 pixels between 0 and 1

def train(batch_size, lr):  # every image six times
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    model.train()  # the mode for training; matters from lesson 06 on
    for epoch in range(6):
        # in a new order each time, as of a DataLoader with shuffle=True
        for rows in torch.randperm(500).split(batch_size):
            loss = cross_entropy(model(data.train_x[rows]), data.train_y[rows])
            optimizer.zero_grad()  # forget the last gradient
            loss.backward()  # the gradient, for every weight
            optimizer.step()  # the step (see Momentum)
    return model.eval()  # the mode for looking

for size, lr in ((500, 1.5), (10, 0.05)):
    loss = cross_entropy(train(size, lr)(data.train_x), data.train_y)
    print(f"batches of {size:3} at rate {lr}: loss {loss:.3f}")

# %% [markdown]
# An **epoch** is one round through all images. In six the first run makes 6 steps, and ends at a loss of 0.694. The second makes 300 noisy ones, and ends at 0.080: 92 % for the right digit.
# So here the many wrong steps served better. But this was one **seed**, the number that fixes the start and the order of the images. Claims rest on several.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## How large a step?
#
# Plain gradient descent is $w \leftarrow w - \eta\, g$ with **learning rate** $\eta$, `lr` in code. On the parabola $\frac h2 w^2$ the gradient is $g = h\,w$, and $h$ is the **curvature**.
# The bowl of the first picture is two such parabolas at right angles, a steep one of curvature $\lambda_{\max} = 2$ and a flat one of $\lambda_{\min} = 0.2$. Which learning rates bring both to rest?

# %%
predict("too-high", "The learning rate is raised from 0.9 to 1.1. The loss …",
        ["falls faster", "falls, with more zigzag", "grows without end"])

# %% jupyter={"outputs_hidden": true}
def parabola(lr, curvature, steps):  # w after each step on ½·h·w², from 1
    w, seen = 1.0, []
    for _ in range(steps):
        w -= lr * curvature * w
        seen.append(w)
    return seen


show_with_words(explore.hops.picture(parabola, (0.3, 0.9, 1.0, 1.1)), "In the steep "
                "parabola five steps lead to the bottom at 0.3, nearer from side to "
                "side at 0.9, to and fro at 1, and out at 1.1; in the flat one they "
                "creep down at every rate.")

# %% [markdown]
# Five steps from the ring. (The flat parabola has a scale of its own.) A step takes $w$ to $w - \eta h\,w$, so it multiplies by $1-\eta h$, the number below each panel. The weight comes to rest if that lies between −1 and 1, that is for $0 < \eta < 2/h$.
#
# So the steepest direction sets the bound for all, $2/\lambda_{\max} = 1$, and the flattest has to wait: at 0.9 it keeps 82 % of its distance in each step.

# %%
# what came out
reveal("too-high", "grows without end",
       because="1.1 is above 2/λmax = 1: the steepest "
               "direction is multiplied by −1.2 at each step")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Momentum: a step that remembers
#
# Can one rate serve both directions better? **Momentum** (Polyak 1964) keeps a **velocity** $v$ that collects gradients, and the weight follows it:
#
# ```python
# v = mu * v + g
# w = w - lr * v
# ```
#
# Here $\mu$ (`mu`, from 0 to just below 1), the momentum, is the share of the old velocity that is kept. With a gradient that is always 1 and $\mu = 0.9$: $v = 1,\ 1.9,\ 2.71, \dots$, up to $1/(1-\mu) = 10$.
# So along a slope that keeps its direction the steps become ten times as long, as if the rate were $\eta/(1-\mu)$, the **effective rate**. Across a valley each gradient opposes the last jump, which the velocity still holds. The two partly cancel, so a larger rate still comes to rest: the bound rises to $2(1+\mu)/\lambda_{\max}$, in our bowl from 1 to 1.9 (*Deeper*).
#
# Below, a longer valley, without noise. Its $\lambda_{\min}$ is 0.02, so its **condition number**, $\lambda_{\max}/\lambda_{\min}$, is 100 instead of 10. At 1.1, on the right, plain descent would run away.

# %%
show_with_words(*explore.paths.picture(condition=100, lr=(0.9, 1.1), momentum=(0, 0.9)))

# %% [markdown]
# At first momentum swings wider; look at the ends. After 120 steps it has less than 0.00001 of loss left, plain descent 0.0005, at no rate less than 0.0003 (*Deeper*). So in this valley one rate does serve both better.
#
# But two things limit a rate, this bound and the hovering. Momentum raises the first. It raises the second, too, for its steps are ten times as long, and with small batches that one counts: when you switch momentum 0.9 on, divide the rate by ten.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the best rate, the best momentum, and Nesterov's
#
# **Do this**: in the long valley, without noise, raise the learning rate from 0.9 to about 1.1, where the path runs away. Then raise the momentum to 0.9.  **Notice**: does it arrive, and is it nearer than plain descent at 0.9 was?

# %% tags=["deeper"]
from course_lib.explorers import sgd as explore

explore.trajectory.show(lr=0.9, condition=100)

# %% [markdown] tags=["deeper"]
# First the bound: `settling(rates)` returns those that come to rest in 6000 steps. Then the waiting. Far below the bound it is the flattest direction that one waits for: about $1/(\eta\lambda_{\min})$ steps to come $e \approx 2.7$ times nearer, 17 at $\eta = 0.3$ and 170 at 0.03.
#
# And what is fastest? On $\frac h2w^2$ two successive steps with momentum, also called the *heavy ball*, are $w_{t+1} = (1+\mu-\eta h)\,w_t - \mu\,w_{t-1}$. In the long run a step multiplies the distance by the larger root of $z^2-(1+\mu-\eta h)z+\mu$, by size.
# Without momentum the best rate makes the steepest and the flattest direction equally slow, $\eta = 2/(\lambda_{\max}+\lambda_{\min})$, with the factor $\frac{\kappa-1}{\kappa+1}$ for the condition number $\kappa$.
# With it both are best where the two roots meet: $\mu = \big(\frac{\sqrt\kappa-1}{\sqrt\kappa+1}\big)^2$ and $\eta = \big(\frac{2}{\sqrt{\lambda_{\max}}+\sqrt{\lambda_{\min}}}\big)^2$, with the factor $\sqrt\mu$. At a condition number of 10 plain descent keeps 82 % of the distance a step, the heavy ball 52 %. Goh 2017 draws this in an article that can be played with.
#
# The best $\mu$ is 0.27 at a condition number of 10 and 0.88 at 1000. In the picture, at 100, with a rate of 1.1 and momentum 0.9, a step keeps $\sqrt{0.9}$ of the distance, 95 %; plain descent keeps 98 % even at its best rate, $\frac{99}{101}$. At any rate below its bound, 1, it keeps more than $0.98$ along the flattest direction, and after 120 steps more than 0.0003 of loss. In the rounder bowl, at 10, momentum 0.9 is too much: after 120 steps plain descent at 0.9 stands nearer, with less than a billionth of loss left, and momentum 0.3 at 1.1 nearer still. A network has no single condition number, for its curvatures change as it learns, and some are negative: there the usual 0.9 was found by trying.

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.sgd.bowl import settling

claim("Of the rates −0.01, 0, 0.01, 0.999, 1 and 1.001 only 0.01 and 0.999 come to "
      "rest in the bowl: those above 0 and below 2/λmax = 1.",
      measured=settling((-0.01, 0.0, 0.01, 0.999, 1.0, 1.001)),
      holds=equal([0.01, 0.999]))

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.sgd.bowl import slowest_factor

waits = [sum(w > 1 / math.e for w in parabola(lr, 0.2, 500)) for lr in (0.3, 0.03)]
claim("A tenth of the learning rate takes about ten times as many steps along the "
      "flattest direction.",
      measured=waits[1] / waits[0], holds=between(9.5, 10.5), unit="times")
bowls, root = (2.0, 0.2), math.sqrt(10)
best_mu = ((root - 1) / (root + 1)) ** 2
best_lr = (2 / (math.sqrt(2.0) + math.sqrt(0.2))) ** 2
plain = slowest_factor(2 / 2.2, 0.0, bowls)
heavy = slowest_factor(best_lr, best_mu, bowls)
print(f"plain: {plain:.4f} a step; heavy ball: {heavy:.4f} a step, μ = {best_mu:.3f}, "
      f"rate {best_lr:.2f}, effective rate {best_lr / (1 - best_mu):.2f}")
claim("The fastest rate of plain descent is 2/(λmax + λmin): 1 % more or less is "
      "slower.",
      measured=[slowest_factor(by * 2 / 2.2, 0.0, bowls) - plain
                for by in (0.99, 1.01)],
      holds=positive)
claim("The best rate and the best momentum are those of the formula: 1 % more or less "
      "of either is slower.",
      measured=[slowest_factor(a * best_lr, b * best_mu, bowls) - heavy
                for a, b in ((0.99, 1), (1.01, 1), (1, 0.99), (1, 1.01))],
      holds=positive)

# %% [markdown] tags=["deeper"]
# **Nesterov's momentum** (1983; for networks Sutskever et al. 2013) steps along $g + \mu v$ instead of $v$. That damps swings better: where those of the heavy ball shrink by $\sqrt\mu$ a step, Nesterov's shrink by $\sqrt{\mu(1-\eta h)}$. But it bears a smaller rate, up to $\dfrac{2(1+\mu)}{(1+2\mu)\lambda_{\max}}$, at $\mu = 0.9$ less than without any momentum.
#
# All of this is the function that the whole course trains with. `add_scaled(a, s, b)` is $a + s\,b$, and `is_on` asks whether a strength is other than 0; `l2` and `weight_decay` belong to lesson 03.

# %% tags=["deeper"]
show_source(sgd_update)

# %% tags=["deeper", "nbval-check-output"]
w, state = torch.zeros((), dtype=torch.float64), {}
by_hand = [sgd_update(w, torch.ones_like(w), state, lr=0.1, momentum=0.9).item()
           for _ in range(3)]
claim("Under a constant gradient of 1, momentum 0.9 and lr 0.1 the weight goes to "
      "−0.1, −0.29, −0.561.",
      measured=by_hand, holds=near([-0.1, -0.29, -0.561], 1e-15))

# %% tags=["deeper", "nbval-check-output"]
claim("Of the rates 1.001, 1.899, 1.9 and 1.901 with momentum 0.9 the first two come "
      "to rest in our bowl: its bound is 2(1 + 0.9)/2 = 1.9.",
      measured=settling((1.001, 1.899, 1.9, 1.901), momentum=0.9),
      holds=equal([1.001, 1.899]))
claim("With Nesterov's momentum 0.9 the rate 0.678 comes to rest in our bowl and 0.679 "
      "does not: the bound is 0.6786.",
      measured=settling((0.678, 0.679), momentum=0.9, nesterov=True),
      holds=equal([0.678]))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A batch is an opinion poll
#
# How wrong is a minibatch gradient? Six examples, one weight. Their gradients are 3, −1, 0.5, 2, −4 and 1; the full gradient is the mean, 0.25. A batch of two asks two of them. It may say 2.5, or −2.5.
# There are only 15 such batches, so we ask all of them, and do so for every batch size $B$. The **standard error** is the standard deviation of their answers. The textbook formula for it is $\sigma/\sqrt B$, where σ is the standard deviation of the six single gradients, 2.268. Is it right?
#
# You need not believe what follows: a cell with `claim` recomputes its sentence. *Exact* ones involve no chance, only rounding.

# %% tags=["nbval-check-output"]
from course_lib.experiments.shared.gradient_noise import all_batches, standard_error

gradients = torch.tensor([3.0, -1.0, 0.5, 2.0, -4.0, 1.0], dtype=torch.float64)
sigma, sizes = gradients.std(correction=0).item(), range(1, 7)
asked = [all_batches(gradients, size) for size in sizes]  # every batch there is
print("B   mean of all batches   their standard deviation   σ/√B")
for size, means in zip(sizes, asked):
    print(f"{size} {means.mean():15.2f} {means.std(correction=0):24.3f} "
          f"{sigma / math.sqrt(size):19.3f}")
claim("A minibatch gradient is unbiased: the mean of all batches is the full gradient, "
      "for every batch size.",
      measured=[means.mean().item() - 0.25 for means in asked], holds=within(1e-14))

# %% [markdown]
# The formula is right for one example and too large for more. It supposes that an example may be drawn twice. In a shuffled epoch it may not, and all six together *are* the full gradient, with error 0.
#
# So, at given weights, a minibatch gradient is right on average; and while the batch is a small part of the data, half its error takes four times the examples (*Deeper: is the full gradient exact?*).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: is the full gradient exact?
#
# The formula $\sigma/\sqrt B$ holds *with replacement*, where an example may come twice. A shuffled epoch draws *without*: among $n$ examples that multiplies it by $\sqrt{(n-B)/(n-1)}$, the **finite-population factor**, which is nearly 1 while $B$ is far below $n$. First both, over every batch of our six, and what the second means for the size of a batch.

# %% tags=["deeper", "nbval-check-output"]
claim("With replacement the standard error is σ/√B.",
      measured=[all_batches(gradients, size, replacement=True).std(correction=0).item()
                - standard_error(sigma, size) for size in (1, 2, 3, 4)],
      holds=within(1e-14))
claim("Without replacement it is σ/√B · √((n − B)/(n − 1)), and 0 at B = n.",
      measured=[means.std(correction=0).item() - standard_error(sigma, size, rows=6)
                for size, means in zip(sizes, asked)],
      holds=within(1e-14))

# %% tags=["deeper"]
predict("halve-100",
        "With replacement, batches of 4 halve the standard error of batches of 1. You "
        "take batches of 100 from 300 examples, as a shuffled epoch does. Which size "
        "halves the standard error?",
        ["150", "200", "400"])

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
# what is claimed
claim("From 1 to 4 halves it with replacement; from 100 to 200 without, among 300.",
      measured=[standard_error(1, 4) / standard_error(1, 1) - 0.5,
                standard_error(1, 200, rows=300) / standard_error(1, 100, rows=300)
                - 0.5],
      holds=within(1e-15))

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
# what came out
reveal("halve-100", "200",
       because="among 300 there are no 400; twice the examples divide the error by √2, "
               "and with 100 left out instead of 200 it is divided by √2 again")

# %% [markdown] tags=["deeper"]
# Now the full gradient. It leaves out no example, and computed again it is the same.

# %% tags=["deeper"]
predict("full", "So the full gradient is exact?",
        ["yes, it has no error left",
         "no: it estimates the mean over the distribution the data came from",
         "no: it estimates the gradient on the test set"])

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
# now the six are the whole world, and a data set is three independent draws from it
world = gradients
# the full gradient of every possible data set
data_sets = all_batches(world, 3, replacement=True)
claim("Over all possible data sets, the full gradient has the world's mean gradient as "
      "its mean, and σ/√n as its standard error.",
      measured=[data_sets.mean().item() - 0.25,
                data_sets.std(correction=0).item() - standard_error(sigma, 3)],
      holds=within(1e-14))

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
# what came out
reveal("full", "no: it estimates the mean over the distribution the data came from",
       because="a data set is itself a batch, drawn from the world")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: what does a larger batch cost?
#
# Four times the examples for half the error: does that take four times as long? A step loads the rows, runs forward, runs backward, and updates the weights. We time a 64-128-10 network on digits.

# %% tags=["deeper"]
predict("twice",
        "True or false: a step with a batch of 2 "
        "takes twice as long as with a batch of 1.",
        ["true", "false"])

# %% jupyter={"outputs_hidden": true} tags=["deeper", "timing"]
from course_lib.experiments.shared.step_time import time_step

rows = digits(1000)
model = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(),
                            torch.nn.Linear(128, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)


def timed(size):
    return time_step(model, optimizer, rows.train_x, rows.train_y, size)


timed(1)  # the first steps of all are slower
print("batch   load forward backward update   µs a step   µs an example")
for size in (1, 2, 8, 32, 128, 512):
    micro = [seconds * 1e6 for seconds in timed(size).values()]
    print(f"{size:5}  {micro[0]:5.0f} {micro[1]:7.0f} {micro[2]:8.0f} {micro[3]:6.0f} "
          f"{sum(micro):11.0f} {sum(micro) / size:15.1f}")

# %% [markdown] tags=["deeper"]
# Times vary, so we repeat the comparison ten times and judge by a 95 % interval of the mean, a range that contains the true mean in about 95 of 100 cases: *less than twice* if all of it lies below 1.7.

# %% tags=["deeper", "nbval-check-output"]
ratio = mean_interval([sum(timed(2).values()) / sum(timed(1).values())
                       for _ in range(10)])
claim("A step with a batch of 2 takes less than 1.7 times as long as with a batch of "
      "1.",
      measured=ratio, kind="timed", holds=below(1.7), unit="times")

# %% tags=["deeper"]
# what came out
reveal("twice", from_interval={"false": below(1.7)(ratio), "true": above(1.7)(ratio)},
       because=f"measured here: {ratio.mean:.2f} times")

# %% [markdown] tags=["deeper"]
# Small batches pay mostly for starting the work. While the time per step stays flat, a larger batch costs no time; whether it gains anything is another question (*In production*). Where it begins to grow depends on the machine: measure it as above.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Too small, too large
#
# A comparison can be fair in two ways: all equal but the batch, to see what noise does; or each at its own best rate, to see which one would use. First all equal: at one and the same rate, which batch makes the most of 640 examples? They are 640 steps of one, 80 of 8, or 10 of all 64. It is the bowl again, from 40 random starts around the star, without momentum.

# %%
predict("batch", "All at learning rate 0.3. Which batch size ends lowest?",
        ["1", "8", "64"])

# %% jupyter={"outputs_hidden": true}
from course_lib.experiments.sgd.reading import SIZES, read

ends = read()


def level(losses):  # the geometric mean, and so the mean of the logarithms
    return losses.log().mean().exp().item()


for size in SIZES:
    print(f"{640 // size:3} steps of {size:2}: "
          f"loss {level(ends.common[size]):.4f} above the minimum")

# %% [markdown]
# Shown are **geometric means**, $e$ to the mean of the logarithms: ten times too high and ten times too low cancel.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Is it luck?
#
# Would other starts agree? The whole course decides so:
#
# > **How to read a measured claim.** Its card, a made-up one:
# >
# > ```text
# > ✓ holds · confirmed
# > One batch size ends lower than another (log ratio).
# > here, 40 values  −0.7 [−0.9, −0.5]
# > fresh seeds      −0.6 [−0.7, −0.5]
# > asked: below 0
# > ```
# >
# > −0.7 means $e^{-0.7} \approx \frac12$: half the loss. 0 is equal, −2.3 a tenth. For each start one loss is divided by the other, and the logarithm taken. The card shows their mean and its 95 % **interval**, which misses the true mean about five times in a hundred.
# >
# > *Asked* was fixed before the run: does the interval lie below a *bound*, here 0? All of it does, so "lower" *holds*. All of it above: *does not hold*. Across: *inconclusive*.
# >
# > **Fresh seeds** are runs that nobody had seen when the claim was written, three times as many. Here they say the same: *confirmed*. Where only their interval, which is narrower, keeps off the bound: *decided by fresh seeds only*. Where neither: *open*.

# %% tags=["nbval-check-output"]
def ratio_of(one, other):  # below 0: `one` ends lower, start by start
    return paired_interval(one.log(), other.log())


lower = {size: ratio_of(ends.common[8], ends.common[size]) for size in (1, 64)}
for other in (1, 64):
    claim("In the bowl, all at rate 0.3, batches of 8 end lower than batches of "
          f"{other} (log ratio).",
          measured=lower[other], kind="measured", id=f"ends-lower-{other}",
          holds=negative)

# %%
# what came out
reveal("batch", from_interval={"8": negative(lower)},
       rests="ends-lower-1, ends-lower-64",
       because="batches of 1 hover, the full batch has made only ten steps")

# %% [markdown]
# It is not luck: at this rate 8 beats both. <!-- rests: ends-lower-1, ends-lower-64 -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Noise is the price
#
# What did the full batch lack, noise or steps? Given 80 steps as well, it ends at 0.000006, batches of 8 at 0.003. <!-- rests: full-lower-at-equal-steps --> So at this rate it lacked steps. And if each has its own best rate and momentum, ten steps are enough: the full batch ends lowest (*Deeper: each batch size at its own rate*). <!-- rests: full-lower-own-momentum -->
#
# Is it so in a network? Take that of the plain loop; from here on it is *the cross-entropy network*. **Left**, batches of ten and all 500 share the best rate and momentum of batches of ten. **Right**, all 500 have only six steps, at their own best. These were chosen on some seeds; eight others judge.

# %%
from course_lib.experiments.sgd import network_reading

network = network_reading.read()
budgets = network_reading.budgets(network)
show_with_words(explore.budgets.picture(budgets), "Against steps the loss of all 500 "
                "falls below that of batches of 10; against images it stays above.")

# %% tags=["nbval-check-output"]
full, tens = budgets.equal_steps.loss[:, -1], network.loss[10]
claim("In the network, 300 steps each, at the best rate and momentum of batches of "
      "ten, the full batch ends lower than batches of ten (log ratio).",
      measured=ratio_of(full, tens), kind="measured",
      id="network-full-lower-at-equal-steps", holds=negative)

# %% [markdown]
# With as many steps, and fifty times the images, all 500 end at about half the loss. <!-- rests: network-full-lower-at-equal-steps --> With as many images they make only six steps and end at ten times the loss. <!-- rests: network-full-higher -->
#
# So, at the constant rate that suits ten, **noise is the price, and in the network steps are what it buys.** <!-- rests: full-lower-at-equal-steps, network-full-lower-at-equal-steps, network-full-higher -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: each batch size at its own rate, and the pairs that nearly won
#
# Five more comparisons. First, at rate 0.3, the full batch with as many steps as batches of 8, 80.

# %% tags=["deeper", "nbval-check-output"]
claim("In the bowl, at rate 0.3 and after 80 steps each, the full batch ends lower "
      "than batches of 8 (log ratio).",
      measured=ratio_of(ends.longer, ends.common[8]),
      kind="measured", id="full-lower-at-equal-steps", holds=negative)

# %% [markdown] tags=["deeper"]
# Second, each batch size at its own rate and momentum: the best of 112 pairs, by 20 *pilot* runs with starts and shuffles of their own, which do not count afterwards. (In this section no chosen rate, and no chosen momentum, lies at an end of those tried.)

# %% tags=["deeper"]
for size in SIZES:
    rate, mu = ends.best_pair[size]
    print(f"{640 // size:3} steps of {size:2}: loss {level(ends.pair[size]):.5f} at "
          f"rate {rate}, momentum {mu}, effective rate {rate / (1 - mu):.2g}")

# %% tags=["deeper", "nbval-check-output"]
turned = {f"than batches of {size}": ratio_of(ends.pair[64], ends.pair[size])
          for size in (1, 8)}
claim("In the bowl, each at its best rate and momentum, the full batch ends lower "
      "than batches of 1 and 8 (log ratio).",
      measured=turned, kind="measured", id="full-lower-own-momentum", holds=negative)

# %% [markdown] tags=["deeper"]
# The order turns round: the full batch ends at 0.00006, batches of 1 and of 8 at 0.0008 and 0.0007. Without noise the rate can be high, and momentum makes each step count. It takes both, as the third comparison shows. No batch size is best by itself: it depends on what else was tuned (Shallue et al. 2019).
# The **linear scaling rule** multiplies the rate as the batch is multiplied (Krizhevsky 2014, Goyal et al. 2017), because fewer steps are left. From batches of 1 to 8 the effective rate grows just so, from 0.025 to 0.2. The full batch's 1.4 only looks like more of it. Without noise the curvatures set the best rate, 1.6 by the formula under *Momentum*.
#
# Third, each batch size at its own rate, without momentum: the best of nine by the same 20 pilot runs.

# %% tags=["deeper"]
print("Own rate, no momentum: loss above the minimum")
for size in SIZES:
    print(f"{640 // size:3} steps of {size:2}: {level(ends.own[size]):.5f}"
          f" at {ends.best_rate[size]}")
print("Plain means: all at rate 0.3, own rate, own rate and momentum")
for size in SIZES:
    means = [found[size].mean() for found in (ends.common, ends.own, ends.pair)]
    print(f"{640 // size:3} steps of {size:2}:", *(f"{mean:.5f}" for mean in means))

# %% tags=["deeper", "nbval-check-output"]
for other in (1, 64):
    claim("In the bowl, at its own best rate each, batches of 8 end lower than batches "
          f"of {other} (log ratio).",
          measured=ratio_of(ends.own[8], ends.own[other]),
          kind="measured", id=f"own-rate-lower-{other}", holds=negative)

# %% [markdown] tags=["deeper"]
# An undecided card adds how much our runs could have shown: had the truth lain 0.42 from the bound, four repetitions in five would have decided it. Smaller effects are found less often.
#
# Batches of 1 are nearly as good as batches of 8, 0.0027 against 0.0026, and a quarter higher on fresh seeds only; by plain means they are ahead, 0.0042 against 0.0058. The full batch ends five times as high, at 0.0139. With momentum it ends lowest by plain means, too: 0.00010, against 0.0014 and 0.0022.
# From batches of 1 to 8 the best rate grows about as the batch, from 0.02 to 0.2. At 64 it is only 0.5: the curvature limits it, at $2/\lambda_{\max} = 1$.
#
# Fourth, the network: the best of 60 pairs for each batch size, by 20 pilot seeds; eight others count. And the right panel of the picture.

# %% tags=["deeper", "nbval-check-output"]
for size, (rate, mu) in network.best.items():
    print(f"{3000 // size:3} steps of {size:3}: loss {level(network.loss[size]):.3f} "
          f"at rate {rate}, momentum {mu}, effective rate {rate / (1 - mu):.2g}")
claim("In the network, each at its best rate and momentum, six steps of all 500 end "
      "higher than 300 steps of ten (log ratio).",
      measured=ratio_of(network.loss[500], network.loss[10]),
      kind="measured", id="network-full-higher", holds=positive)

# %% [markdown] tags=["deeper"]
# From batches of 10 to 50 and 100 the effective rate goes from 0.5 to 2 and 3.5. By the linear scaling rule it would be 2.5 and 5.
#
# That rule has a rival: with $k$ times the batch, $\sqrt k$ times the rate keeps the variance of one step. Krizhevsky names it as what theory suggests, and found that $k$ works better; for Adam $\sqrt k$ is usual (Malladi et al. 2022).
# At momentum 0.9 we take the best rate for batches of ten and multiply it by 5 and 10 for batches of 50 and 100, or by $\sqrt5$ and $\sqrt{10}$. The same eight seeds judge.

# %% tags=["deeper", "nbval-check-output"]
scaled = network_reading.scale(network)
for size in network_reading.SCALED:
    k, by = size // 10, (scaled.linear[size], scaled.root[size])
    print(f"batches of {size:3}: loss {level(by[0]):.3f} at {k} · {scaled.rate}, "
          f"{level(by[1]):.3f} at √{k} · {scaled.rate}")
    claim(f"In the network batches of {size} end lower at {k} times the best rate of "
          f"batches of ten than at √{k} times (log ratio).",
          measured=ratio_of(*by), kind="measured", id=f"linear-beats-root-{size}",
          holds=negative)

# %% [markdown] tags=["deeper"]
# The linear rule is better for batches of 100. <!-- rests: linear-beats-root-100 --> For batches of 50 our eight seeds leave it open; on fresh seeds only it is better there too, by a factor of 0.6.
# And where does it end? In the table all 500 are best at an effective rate of 15, but that stands on paper. In six steps the velocity gets only half-way to ten gradients, so the mean rate is 4.5: 9 times that of ten, for 50 times the batch.
# For batches of 100 the rule's pair, 0.5 and 0.9, ends at 0.167 here, below the 0.186 of the pair that the pilot seeds chose: near the best, pairs differ by less than twenty seeds can rank. The effective rates of the best pairs are steady all the same. With other seeds, which the environment variable `COURSE_BASE` draws if it is set to 1, 2 or 3 before the notebook starts, they are 0.5, 2.5 and 3.5 each time, and on paper 15, 15 and 7.5 for the full batch.
#
# Fifth, how near did other pairs of rate and momentum come?

# %% tags=["deeper"]
print("The best pairs for batches of ten, by the pilot seeds:")
for rate, mu, loss in network.ranked[10][:6]:
    print(f"  rate {rate:<4} momentum {mu:<4} effective {rate / (1 - mu):.1f}: "
          f"loss {loss:.3f}")

# %% [markdown] tags=["deeper"]
# The six best pairs have all sorts of momentum, and all an effective rate of 0.4 to 0.6: it is $\eta/(1-\mu)$ that one tunes. Beyond that momentum bought little here, by the pilot seeds: 0.091 with 0.9, 0.116 without. Why twenty pilot seeds? By the first four of them the sixth pair would have won: the best of many noisy candidates is partly the luckiest.
#
# And the picture's left panel: there all 500 are ahead at a rate that was chosen for the others. On fresh seeds, too, their loss is about half. <!-- rests: network-full-lower-at-equal-steps --> They saw fifty times as many examples for that. Is it so on new digits?

# %% tags=["deeper", "nbval-check-output"]
# Written before it was run: the eight seeds, bound 0. Below: at a constant rate
# noise costs on new digits, too. Above: it helps there. Across the bound: open.
full_new, tens_new = (way.test_loss[:, -1]
                      for way in (budgets.equal_steps, budgets.small))
claim("In the network, 300 steps each, at the best rate and momentum of batches of "
      "ten, the full batch ends lower on new digits than batches of ten (log ratio).",
      measured=ratio_of(full_new, tens_new), kind="measured",
      id="network-full-lower-on-new", holds=negative)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: steps, examples, seconds
#
# Turn the question round: how long until the bowl's mean loss is 0.02 above its minimum, from 3.9 at the starts? For each batch size the fewest steps with which one of the 112 pairs gets there, by the mean of 40 pilot runs; then the mean loss of 40 others after as many steps.
# For the seconds we pretend that a step takes as long as it took the network above.

# %% tags=["deeper", "timing"]
from course_lib.experiments.sgd.reading import HALVED, steps_needed

print("batch   steps   examples     ms   loss")
for size in HALVED:
    steps, loss = steps_needed(size)
    seconds = steps * sum(timed(size).values())
    print(f"{size:5} {steps:7} {steps * size:10} {1e3 * seconds:6.1f} {loss:6.3f}")

# %% [markdown] tags=["deeper"]
# While batches are small, twice the batch needs about half the steps, and the number of examples stays about the same. From 32 to 64 the steps fall no further, and the examples double. The size from which that is so is called *critical*; with 4 steps in all this table cannot say where it lies. McCandlish et al. 2018 describe both ends by one law, steps in proportion to $1 + B_{\text{crit}}/B$.
# Which batch is best depends on the price: if examples cost, a size below the critical one; if a step takes the same time whatever the batch, as large a one as keeps it so. This is a table of one bowl, and no claim.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the variance at rest
#
# Let every example be a parabola of the same curvature $h$, and let $B$ of them be drawn independently at each step. Each step multiplies the deviation from the minimum by $1-\eta h$ and adds noise of variance $\eta^2\sigma^2/B$,
# so the variance settles where $V = (1-\eta h)^2\, V + \eta^2\sigma^2/B$, that is for $0 < \eta < 2/h$ at $V = \dfrac{\eta\,\sigma^2}{B\,h\,(2-\eta h)}$. While $\eta h$ is small only $\eta/B$ counts: multiply rate and batch by the same number, and the hovering stays the same. That is a second reason for the linear scaling rule.
#
# First over every possible history: two examples that want the weight at −1 and at 1 (so $h = 1$, $\sigma = 1$), batches of two drawn with replacement, nine steps, $4^9$ runs. Then with momentum, where
#
# $$V = \frac{\eta\,\sigma^2\,(1+\mu)}{B\,h\,(1-\mu)\,\big(2(1+\mu)-\eta h\big)},$$
#
# by following the variances of $w$ and $v$ and how the two go together. At $\mu = 0.9$ it is about ten times as large: as if the rate were the effective one, $\eta/(1-\mu)$. Smith & Le 2018 call $\eta\,n/(B(1-\mu))$ the *noise scale*.

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.shared.gradient_noise import settle, variance_at_rest

# where each example wants the weight; h = 1, so σ = 1
centres = torch.tensor([-1.0, 1.0], dtype=torch.float64)
w = torch.zeros(1, dtype=torch.float64)
for _ in range(9):
    w = torch.cat([sgd_update(w.clone(), w - centre, {}, lr=0.8)
                   for centre in all_batches(centres, 2, replacement=True)])
claim("On a quadratic with independent draws, SGD "
      "settles at variance lr·σ²/(B·h·(2 − lr·h)).",
      measured=w.var(correction=0).item()
               / variance_at_rest(0.8, 1.0, sigma=1.0, batch_size=2) - 1,
      holds=within(1e-11))

# %% tags=["deeper", "nbval-check-output"]
def at_rest(lr, momentum, h):
    """Variance of w in the end, if each gradient gets noise of variance 1."""
    step = torch.tensor([[1 - lr * h, -lr * momentum], [h, momentum]]).double()
    push = torch.tensor([-lr, 1.0]).double()  # what noise of 1 does to w and to v
    both = torch.zeros(2, 2, dtype=torch.float64)
    for _ in range(2000):
        both = step @ both @ step.T + torch.outer(push, push)
    return both[0, 0].item()


claim("With momentum μ it is lr·σ²(1 + μ)/(B·h·(1 − μ)·(2(1 + μ) − lr·h)).",
      measured=[at_rest(lr, mu, h) * h * (1 - mu) * (2 * (1 + mu) - lr * h)
                / (lr * (1 + mu)) - 1
                for lr, mu, h in ((0.1, 0.9, 1.0), (1.2, 0.3, 2.0), (0.3, 0.0, 2.0))],
      holds=within(1e-5))

# %% [markdown] tags=["deeper"]
# Real loops shuffle instead of drawing independently: every example comes once an epoch, so its pull is taken back within the epoch. At the end of an epoch of many steps the variance is then below that of the formula, as long as $\eta h < 1$. Beyond that each step overshoots what pulls it, and shuffling makes the variance larger.
# In our bowl's steepest direction, $h = 2$ and $\sigma = 1.2$, at $\eta = 0.3$ the formula says $\frac12 h V = 0.154$ of loss for $B = 1$ and 0.019 for $B = 8$; the flat direction adds no more than 0.001. Shuffled, the forty runs above have plain means of 0.163 and 0.013. That the first is above the formula can be chance: such a mean of forty is uncertain by about 0.03.
# We say *lower* if the ratio of variances at an epoch's end lies below 1. Ten repeats of 2000 runs, 16 examples, batches of 2.

# %% tags=["deeper", "nbval-check-output"]
sixteen = torch.linspace(-1, 1, 16, dtype=torch.float64)
noise = seeded(0)
options = {"batch_size": 2, "lr": 0.2, "steps": 80, "runs": 2000, "generator": noise}
ratios = [settle(sixteen, shuffled=True, **options).var().item()
          / settle(sixteen, shuffled=False, **options).var().item() for _ in range(10)]
claim("Shuffled epochs settle lower than independent draws (ratio of the variances).",
      measured=mean_interval(ratios), kind="measured", id="epochs-settle-lower",
      holds=below(1))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Schedules: large steps first, small noise last
#
# Must one pay this price to the end? A smaller rate calms the hovering as a larger batch does (*Deeper: the variance at rest*). So be fast first, calm last. A **schedule** is a function of the step that returns a factor for the learning rate. The usual one is half a **cosine**, from 1 down to 0; two lines add it to the loop:
#
# ```python
# scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
# scheduler.step()  # after each optimizer.step()
# ```
#
# Below, the cross-entropy network makes 300 steps of ten. Each schedule has the best of six rates, the one that the cosine begins with, by the training loss of four other runs. Both meet the same eight seeds and are compared seed by seed, a **paired difference**: a lucky start helps both.

# %%
from course_lib.experiments.sgd.schedules import at_own_rate

runs = at_own_rate(("constant", "cosine"))
show_with_words(explore.two_schedules.picture(runs),
                "A constant rate, and a cosine that begins at twice that rate and ends "
                "at 0. The cosine's loss ends lower.")

# %% tags=["nbval-check-output"]
steady, falling = (run.train_loss[:, -1].log() for run in runs.values())
claim("In the network, at its own best rate each, a cosine ends at a lower training "
      "loss than a constant rate (log ratio).",
      measured=paired_interval(falling, steady), kind="measured",
      id="cosine-lower-own-rate", holds=negative)

# %% tags=["nbval-check-output"]
# Written before it was run. Does not hold: it fits better, and is worse there.
steady_new, falling_new = (run.test_loss[:, -1].log() for run in runs.values())
claim("In the network, at its own best rate each, a cosine ends at a lower loss on new "
      "digits than a constant rate (log ratio).",
      measured=paired_interval(falling_new, steady_new), kind="measured",
      id="cosine-lower-on-new", holds=negative)

# %% [markdown]
# The cosine ends at little more than half the training loss, and 17 % lower on new digits. <!-- rests: cosine-lower-own-rate, cosine-lower-on-new --> With its 3000 images it fits about as well as all 500 did above with 150 000, at the rate of the tens. So one need not pay for the hovering to the end; that noise limits the rate remains.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a schedule of your own, a cosine in the bowl, and warm-up
#
# Robbins & Monro (1951) proved that a rate like $1/t$ takes the noise to 0 and still reaches the goal: the sum of the rates has to be infinite, that of their squares finite. Others let the rate fall more slowly than $1/t$ and average the weights along the way (Polyak & Juditsky 1992). Or they leave the rate as it is, and average the last weights (today SWA and EMA) or raise the batch (Smith, Kindermans et al. 2018).
#
# First the network in 300 steps of ten, four seeds at once. **Warm-up** is a straight line up before the cosine. Leave *floor*, the share of the rate left at the end, at 0.
#
# **Do this**: choose the schedule and the highest learning rate so that the training loss ends below 0.05.  **Notice**: at which highest rate does a constant schedule end lowest, and at which a cosine?

# %% tags=["deeper"]
from course_lib.explorers import sgd as explore

explore.schedules.show(shape="constant")

# %% [markdown] tags=["deeper"]
# Then the bowl once more, with a cosine and its own rate and momentum for each batch size. After that the network again, eight seeds: cosine and constant rate both at 0.1, and the cosine from 0.1 with and without 30 steps of warm-up.

# %% tags=["deeper", "nbval-check-output"]
for size in SIZES:
    print(f"{640 // size:3} steps of {size:2}, cosine: {level(ends.falling[size]):.6f}"
          f" at {ends.best_falling[size]}")
falling = {f"than batches of {size}": ratio_of(ends.falling[64], ends.falling[size])
           for size in (1, 8)}
claim("In the bowl, with a cosine, each at its best rate and momentum, the full batch "
      "ends lower than batches of 1 and 8 (log ratio).",
      measured=falling, kind="measured", id="full-lower-own-cosine", holds=negative)

# %% [markdown] tags=["deeper"]
# Batches of 1 and 8 come down to the level of the full batch, which has no noise to lose. The three cannot be told apart. <!-- rests: open full-lower-own-cosine -->

# %% tags=["deeper"]
predict("warm-up",
        "And 30 steps of warm-up before the cosine, at rate 0.1, change the final "
        "training loss …",
        ["for the better", "for the worse",
         "by too little to be told apart in eight seeds"])

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.sgd.schedules import train_on_schedule


def final_loss(shape, warmup=0):  # its log, for eight seeds
    *_, result = train_on_schedule(shape, warmup, 0.0, 0.1, seeds=tuple(range(8)))
    return result.train_loss[:, -1].log()


claim("In the network, at 0.1 for both, a cosine ends at a lower training loss than a "
      "constant rate (log ratio).",
      measured=paired_interval(final_loss("cosine"), final_loss("constant")),
      kind="measured", id="cosine-lower", holds=negative)
gap_warm = paired_interval(final_loss("cosine", warmup=30), final_loss("cosine"))
claim("In the network, a cosine from 0.1 ends at a lower training loss with warm-up "
      "than without (log ratio).",
      measured=gap_warm, kind="measured", id="warm-up-lower", holds=negative)

# %% tags=["deeper"]
# what came out
reveal("warm-up", from_interval={"for the better": negative(gap_warm),
                                 "for the worse": positive(gap_warm)},
       rests="warm-up-lower",
       because="if there is a gain at 0.1 it is small; in the picture look at 0.2 too")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a learning-rate finder
#
# Which rate to begin with? One short run finds the region: let the rate grow from 0.001 to 1, a little each step, and watch the loss. Below, the mean loss of every ten steps; below it what a cosine from that highest rate ends at, geometric mean of four seeds.

# %% tags=["deeper"]
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer, seen = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9), []
growing = [1e-3 * 1000 ** (step / 199) for step in range(200)]
for lr in growing:
    optimizer.param_groups[0]["lr"] = lr
    rows = torch.randint(500, (10,))
    loss = cross_entropy(model(data.train_x[rows]), data.train_y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    seen.append(loss.item())
for ten in range(5, 200, 10):
    print(f"rate {growing[ten]:.3f}: loss {sum(seen[ten - 5:ten + 5]) / 10:.2f}")

# %% tags=["deeper"]
for lr in (0.01, 0.02, 0.05, 0.1, 0.2, 0.4):
    *_, result = train_on_schedule("cosine", 0, 0.0, lr)
    print(f"cosine from {lr}: {result.train_loss[:, -1].log().mean().exp():.3f}")

# %% [markdown] tags=["deeper"]
# Where the loss climbs again the rate is too high: so far the idea is that of Smith (2017). Two rules of thumb for the rate to take are those of the library fast.ai: where the loss falls fastest, or a tenth of the rate at the lowest point.
# Here it falls fastest near 0.05, and a cosine from there gives 0.109. It is lowest near 0.15, and a tenth of that is too low: 0.01 gives 0.906, 0.02 gives 0.354. The best was 0.1. This is one run, a rule of thumb: the finder watches 200 steps near the start, and a network's curvature changes while it trains.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Does noise find flatter places?
#
# But noise finds better minima, one often reads: **flatter** ones, which **generalize** better, that is, to new data (Hochreiter & Schmidhuber 1997, Keskar et al. 2017).
#
# Why would flat be better? Suppose that on new data the surface is the same, only shifted, and equally far in both valleys:

# %%
show_with_words(explore.valleys.picture(), "At the bottom for the training data the "
                "shifted surface is 0.1 high in the flat valley, 1 in the steep one.")

# %% [markdown]
# The shift costs ten times as much in the steep valley. But new data could also tilt the valleys. Tilt both by a slope of 0.2: the flat bottom moves by 1 and costs 0.1, the steep one moves by 0.1 and costs 0.01. So we measure: does noise lead to flatter places, and are these better?
#
# *Sharpness*, the opposite of flatness, is the curvature of the training loss in its steepest direction, $\lambda_{\max}$. With cross entropy it falls just because a network gets surer: near 1 and 0 its probabilities hardly react to anything. So we take another one, *the squared-error network*: its ten outputs should be 1 for the right digit and 0 for the others, and its loss is the mean squared miss. It learns 300 digits by plain SGD at a constant rate.
#
# Sharpness changes on the way. So we compare batches of 10, 50 and all where each first gets to the *same training loss*, 0.012, over six seeds. (Always answering one tenth gives 0.09.)

# %%
predict("sharp", "Learning rate 1, equal training loss: the batch of 10 is …",
        ["flatter", "sharper", "cannot be told apart"])

# %% jupyter={"outputs_hidden": true}
from course_lib.experiments.sgd.batch_size import compare_batch_sizes

*_, found = compare_batch_sizes()
show_with_words(explore.sharpness.picture(found, (1.0, 2.0)), "Sharpness rises with "
                "the batch size, up to the bound: 2 at rate 1, 1 at rate 2.")

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
def gap(name, lr):  # batch 300 minus batch 10, paired by seed
    return paired_interval(found.at(name, 300, lr), found.at(name, 10, lr))


for lr in (1.0, 2.0):
    claim(f"At rate {lr:g} full batches are sharper than batches of 10 (difference).",
          measured=gap("sharpness", lr), kind="measured", id=f"full-sharper-{lr:g}",
          holds=positive)

# %%
# what came out
reveal("sharp", from_interval={"flatter": positive(gap("sharpness", 1.0)),
                               "sharper": negative(gap("sharpness", 1.0))},
       rests="full-sharper-1")

# %% [markdown]
# At rate 1 batches of 10 stand at a sharpness of 1.03, full batches at 1.94. <!-- rests: full-sharper-1 --> The dotted line is $2/\eta$, by *How large a step?* the largest curvature at which descent can rest. Full batches stand about there: networks like this one usually drift to ever sharper places until that bound stops them (Cohen et al. 2021). Noise probably stops them sooner, for a place has to be flat enough for every single batch (*Deeper: a step that regularizes by itself*).
#
# So, yes: at equal training loss small batches stand flatter here. <!-- rests: full-sharper-1, full-sharper-2 -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Is the noise good for anything?
#
# Is a flatter place better on new digits, and does noise help there? Batches of ten and all examples make 600 steps each. Each mark is the loss of ten divided by that of all: left of 1, ten are lower.
#
# *Rate of ten*: both at the best rate of batches of ten, so that all is equal but the noise; *rate of all* likewise. *Own rates*: each at its best (8 seeds; the rows above have 24, the other network 12). Other seeds chose the rates. New digits are *test* images, unseen in that run. (The scales differ from panel to panel. Sharpness was measured in one network only.)

# %%
from course_lib.experiments.sgd import equal_steps, finished

# rates as the searches under *Deeper* find them
steady = {size: equal_steps.ends(size, (0.05,), range(24), falling=False)
          for size in (10, 500)}
same = {size: equal_steps.ends(size, (0.08, 0.06), range(24)) for size in (10, 500)}
own = equal_steps.compare({10: 0.08, 500: 0.06})
done = finished.finish({10: 2.8, 50: 4.0, 300: 4.0})
compared = explore.ten_or_all.compared(steady, same, own, done)
show_with_words(*explore.ten_or_all.picture(compared))

# %% [markdown]
# - **A constant rate**: noise harms; ten end 11 % higher on new digits. <!-- rests: noise-harms-constant -->
# - **A cosine, cross-entropy network**: noise lowers the loss, by 9 % at the rate of ten and 8 % at the rate of all. At own rates eight seeds cannot tell. <!-- rests: noise-lower-same-rate, noise-lower-full-rate -->
# - **A cosine, squared-error network**: at the rate of ten noise lowers it by 3.6 %, on fresh seeds by 1.6, with fewer digits right, 94.7 against 95.3 %. At the higher rate of all ten break down, 37 % higher. At own rates they end 2.5 % higher. <!-- rests: finished-lower-same-rate, finished-higher-full-rate, not finished-lower-on-new -->
#
# So it is the cosine that turns harm into gain. Was it flatness? Ten end flatter in all three rows, and better in one. And the stopped runs above, at equal training loss: there the flatter tens got no more new digits right. (Our six seeds leave open whether fewer; fresh ones say 0.3 and 0.6 points fewer.) So it was not shown. Of large networks it is disputed, and sharpness alone cannot decide (*Deeper: one function, as sharp as you like*).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: are the weights smaller, too?
#
# That small batches also end with **smaller** weights is sometimes added. Keskar et al. do not say so: their small batches ended 3 to 10 times as far from the start as their large ones. And ours?

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
for lr in found.lrs:
    means = ", ".join(f"{found.at('norm', size, lr).mean():.2f} for {size}"
                      for size in found.batch_sizes)
    print(f"rate {lr:g}: norm of all weights {means}")
for lr in (1.0, 2.0):
    claim(f"At rate {lr:g} full batches have larger weights than batches of 10.",
          measured=gap("norm", lr), kind="measured", id=f"full-larger-{lr:g}",
          holds=positive)

# %% [markdown] tags=["deeper"]
# No. At rate 2 the weights of batches of 10 are larger, with a norm of 6.76 against 6.40; at rate 1 too, by 0.07, on fresh seeds only.
# A larger rate flattens as noise does: full batches at rate 2 are about as flat as batches of 10 at rate 1.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: as many steps, each at its own rate
#
# First the runs of the picture: what do they get right of new digits?
#
# **Do this**: go through the learning rates, 1, 1.4 and 2.  **Notice**: does the band of the accuracy, right, leave out 0?

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
from course_lib.explorers import sgd as explore

explore.sharpness.show()

# %% [markdown] tags=["deeper"]
# At each rate the band reaches 0. We ask whether the full batch gets *less* right.

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
for lr in (1.0, 2.0):
    claim(f"At rate {lr:g} full batches have lower test accuracy than batches of 10.",
          measured=gap("accuracy", lr), kind="measured", id=f"full-accuracy-{lr:g}",
          holds=negative, unit="points", times=100)

# %% [markdown] tags=["deeper"]
# On fresh seeds only the answer is no: there the full batch gets more right, by 0.3 and 0.6 points. Our six seeds leave it open.
#
# When was each network compared, and how far had it got?

# %% tags=["deeper"]
for lr in (1.0, 2.0):
    v = found.lrs.index(lr)
    for b, size in enumerate(found.batch_sizes):
        steps, loss = found.step[:, b, v].mean(), found.loss[:, b, v].mean()
        print(f"rate {lr:g}, batches of {size:3}: after {steps:.0f} steps, "
              f"{steps * size / 300:.0f} epochs, at training loss {loss:.4f}")

# %% [markdown] tags=["deeper"]
# In epochs they differ by twenty times and more. In steps they hardly do at rate 1, and at rate 2 the small batches made more. Sharpness grows along the way, so those had more time to get sharp, if anything, and are flatter all the same.
#
# Second, does noise help on new data where nothing is stopped on the way? Of large networks much of the gap closes when the large batch makes as many steps (Hoffer et al. 2017). Here the network of the plain loop makes 600 steps of 10 images or of all 500, with momentum 0.9 and a cosine down to 0. Each batch size has its own rate, the best of eleven from 0.02 to 0.64 by the loss of twenty pilot seeds on 200 images kept out of training. Eight other seeds and their *test* images count, which chose nothing.

# %% tags=["deeper"]
chosen = equal_steps.choose()
own = own if own.best == chosen else equal_steps.compare(chosen)
for size, rate in own.best.items():
    print(f"600 steps of {size:3} at {rate}: training loss "
          f"{level(own.train_loss[size]):.3f}, on new digits "
          f"{level(own.test_loss[size]):.3f}, "
          f"{own.test_accuracy[size].mean():.1%} right")

# %% tags=["deeper", "nbval-check-output"]
claim("In the network, 600 steps each, at its own rate each, batches of 10 end at a "
      "lower loss on new digits than all 500 (log ratio).",
      measured=ratio_of(own.test_loss[10], own.test_loss[500]),
      kind="measured", id="noise-lower-on-new", holds=negative)

# %% [markdown] tags=["deeper"]
# Is it the noise, or the rate? Both at 0.08, the best rate of the batches of 10: only the batch differs.

# %% tags=["deeper", "nbval-check-output"]
# Written before it was run: seeds 0 to 23, 600 steps each, a cosine from 0.08 to 0,
# bound 0. Holds: at one rate the noise itself lowers the loss on new digits, so the
# rate does not explain a lead. Does not hold: at one rate the noise harms, and a
# lead at own rates comes from the rates. Across the bound: open, by how much the
# interval says.
for size, run in same.items():
    print(f"600 steps of {size:3} at 0.08, 24 seeds: training loss "
          f"{level(run.train_loss[:, 0, -1]):.3f}, on new digits "
          f"{level(run.test_loss[:, 0, -1]):.3f}")
claim("In the network, 600 steps each, both at 0.08, batches of 10 end at a lower loss "
      "on new digits than all 500 (log ratio).",
      measured=ratio_of(*(run.test_loss[:, 0, -1] for run in same.values())),
      kind="measured", id="noise-lower-same-rate", holds=negative)

# %% [markdown] tags=["deeper"]
# And is it the cosine that turns harm into gain, or that these runs are longer? A constant rate once more, the best one of batches of 10, for as many steps. And what at the rate that suits the full batch?

# %% tags=["deeper", "nbval-check-output"]
# Written before they were run: seeds 0 to 23, 600 steps each, bound 0. First, holds: at
# a constant rate noise harms here, too, so the cosine turns it. Does not hold: it is
# the number of steps. Second, holds: the noise helps at either rate. Does not hold: at
# the rate of the full batch it harms. Across the bound: open.
for what, rate, both, r in (("constant", 0.05, steady, 0), ("cosine", 0.06, same, 1)):
    for size, run in both.items():
        print(f"{what}, 600 steps of {size:3} at {rate}: training loss "
              f"{level(run.train_loss[:, r, -1]):.3f}, on new digits "
              f"{level(run.test_loss[:, r, -1]):.3f}")
claim("In the network, 600 steps each at a constant 0.05, batches of 10 end at a "
      "higher loss on new digits than all 500 (log ratio).",
      measured=ratio_of(*(run.test_loss[:, 0, -1] for run in steady.values())),
      kind="measured", id="noise-harms-constant", holds=positive)
claim("In the network, 600 steps each, both at 0.06, batches of 10 end at a lower loss "
      "on new digits than all 500 (log ratio).",
      measured=ratio_of(*(run.test_loss[:, 1, -1] for run in same.values())),
      kind="measured", id="noise-lower-full-rate", holds=negative)

# %% [markdown] tags=["deeper"]
# So at a constant rate noise harms with 600 steps as with 300, by 11 % here and 7 % on fresh seeds: it is the cosine that turns it. <!-- rests: noise-harms-constant --> And with a cosine it helps at the rate of the full batch, too, by 8 and 6 %. <!-- rests: noise-lower-full-rate -->
#
# At its own rate each our eight seeds leave it open; on fresh seeds only, the batches of 10 are ahead, by about 8 % of the loss (5 to 11 %). At one rate they are ahead, by 9 %. <!-- rests: noise-lower-same-rate --> So it is the noise, and not the rate, though the full batch looked at fifty times as many images.
#
# Note the fit. At equal steps the batches of 10 now fit *better*, 0.015 against 0.034, at one rate 0.016 against 0.024; in *Noise is the price* all 500 did. There the rate was constant; here a cosine takes the noise away at the end, and its price with it. That explains a tie, not a lead: here noise on the way seems to have helped the fit. Whether that, or a flatter place, is how it helps on new digits, we have not measured.
# With `COURSE_BASE` 4, 5 and 6, on which the first claim is judged, the rates are the same as here, 0.08 and 0.06, and so are the training losses, about 0.015 and 0.034. Four pilot seeds and a coarser grid chose less steadily; the batches of 10 were ahead by 6 % then, with 1, 2 and 3.
#
# Third, both questions to the same runs. The network of the picture, 300 digits and the squared error, is finished as well: 600 steps of plain SGD for each batch size, a cosine down to 0, and its own rate, the best of seven from 0.7 to 5.6 by the loss of twenty pilot seeds on the images kept out. Twelve other seeds count. Each batch size is also run at the best rates of the others.

# %% tags=["deeper", "nbval-check-output"]
chosen = finished.choose()
done = done if done.best == chosen else finished.finish(chosen)
for size, own_lr in done.best.items():
    for lr in done.rates:
        ended_at, ended_on = (level(done.at(name, size, lr))
                              for name in ("train_loss", "test_loss"))
        print(f"batches of {size:3} at {lr}{' (own)' * (lr == own_lr)}: sharpness "
              f"{done.at('sharpness', size, lr).mean():.2f}, training loss "
              f"{ended_at:.4f}, on new digits {ended_on:.4f}, "
              f"{done.at('test_accuracy', size, lr).mean():.1%} right")

# %% tags=["deeper", "nbval-check-output"]
claim("In the network of squared error, finished with a cosine, at its own rate each, "
      "full batches are sharper than batches of 10.",
      measured=paired_interval(done.at("sharpness", 300), done.at("sharpness", 10)),
      kind="measured", id="finished-full-sharper", holds=positive)
claim("In the network of squared error, finished with a cosine, at its own rate each, "
      "batches of 10 end at a lower loss on new digits than full batches (log ratio).",
      measured=ratio_of(done.at("test_loss", 10), done.at("test_loss", 300)),
      kind="measured", id="finished-lower-on-new", holds=negative)

# %% tags=["deeper", "nbval-check-output"]
# Written when base 0 had been seen, 3 % lower, and no fresh seed: twelve seeds, bound
# 0. Holds: at one rate noise lowers the loss on new digits in this network, too. Does
# not hold: in the cross-entropy network only. Across the bound: open in this one.
shared = [done.at("test_loss", size, done.best[10]) for size in (10, 300)]
claim("In the network of squared error, finished with a cosine, both at the best rate "
      "of batches of 10, batches of 10 end at a lower loss on new digits than full "
      "batches (log ratio).",
      measured=ratio_of(*shared), kind="measured", id="finished-lower-same-rate",
      holds=negative)

# %% tags=["deeper", "nbval-check-output"]
# Written when base 0 had been seen, 38 % higher, and no fresh seed. Holds: at the rate
# of the full batch noise harms in this network.
shared = [done.at("test_loss", size, done.best[300]) for size in (10, 300)]
claim("In the network of squared error, finished with a cosine, both at the best rate "
      "of full batches, batches of 10 end at a higher loss on new digits than full "
      "batches (log ratio).",
      measured=ratio_of(*shared), kind="measured", id="finished-higher-full-rate",
      holds=positive)

# %% [markdown] tags=["deeper"]
# At their own rates batches of 10 end flatter, 0.59 against 0.78. Their loss on new digits is 2.5 % higher; on fresh seeds they are flatter by 0.17, with 4 % more loss. One step of our grid of rates changes the full batch's loss by 6 %, more than this gap: so *if anything* a little worse. They also fit less well, 0.0071 against 0.0046, and sharpness grows along the way: it is the stopped runs, at equal training loss, that show what the noise flattens.
# And at one rate, 2.8, that of the batches of 10? They are much flatter, 0.59 against 1.04, and their loss on new digits is 3.6 % lower, on fresh seeds 1.6 %, <!-- rests: finished-lower-same-rate --> though they fit less well and get fewer right. But the full batch bears a higher rate, which flattens as well: from 2.8 to 4 its sharpness falls from 1.04 to 0.78, and its loss on new digits from 0.0155 to 0.0146. So it is with batches of 50. Batches of 10 break down there, and are sharper. So between two rates of one batch size flatter had less loss each time, though for 50 and 300 with fewer right.
#
# The network is small and the data easy: of large ones this says nothing. There the study that tuned each batch size anew saw no sign that small ones generalize better; on ImageNet label smoothing (lesson 05) helped its large batches only (Shallue et al. 2019). Smith, Elsen & De 2020, who also compare at as many steps, find the opposite: very large batches did worse on test images, even at a lower training loss. On CIFAR-10 full batches did as well with ten times the epochs and other regularizers (Geiping et al. 2022). What Geiping et al. gave their full batches besides more epochs: long gradients were shortened, and a term in the loss punished steep places.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A regularizer without any noise
#
# Can an optimizer regularize without noise? Two weights and one equation, $w_1 + w_2 = 2$: a whole line of solutions fits perfectly. Which one does descent end at?
#
# By hand: the gradient of $\frac12(w_1+w_2-2)^2$ is $w_1+w_2-2$ in both entries, so each step goes along $(1, 1)$. From $(0, 0)$ that leads to $(1, 1)$, of length 1.41. $(2, 0)$ fits as well, of length 2; a run from $(1, -1)$ ends there.

# %%
paths = []
for start in ([0.0, 0.0], [1.0, -1.0]):
    path = torch.tensor([start], dtype=torch.float64)
    for _ in range(60):
        path = torch.cat([path, path[-1:] - 0.2 * (path[-1].sum() - 2)])
    paths.append(path)
show_with_words(explore.solutions.picture(paths),
                "A dotted line of solutions, and two paths that meet it at right "
                "angles, (0, 0) to (1, 1) and (1, -1) to (2, 0).")

# %% [markdown]
# Each run ends at the point of the line *nearest to its start*.
#
# It is so in any *linear* model with enough weights to fit all its examples. From one solution to another the weights change by some $d$ that leaves every output as it was: $d\cdot x = 0$ for every input $x$. Above, $x = (1, 1)$ and $d = (1, -1)$. With the squared error the gradient of an example is its error times its $x$, at a right angle to every such $d$. So is each step, and so the whole way from start to end: by Pythagoras any other solution, at the end plus some $d$, is farther, and a run at a small enough rate ends at the nearest (Zhang et al. 2017). There every gradient is 0, and even batches of one come to rest. From zero that is the *shortest*, the **minimum-norm solution** (*Deeper*).
#
# So among all perfect fits it picks the shortest, though the loss does not mention length: an implicit *bias*. It is called **implicit regularization** in the hope that it helps on new data, which lesson 01 asks.
#
# So, to answer the title. Small batches are quick. And their noise?
# - **At a constant rate it harmed**, in the one network tried.
# - **With a cosine it lowered the loss on new digits in that network**, at the rate that suits either. In the other it did so only at the rate of small batches, a little, and with fewer digits right.
# - **It led to flatter places** where we measured it, as a larger rate does too; that this is why it helps was not shown. <!-- rests: noise-harms-constant, noise-lower-same-rate, noise-lower-full-rate, finished-lower-same-rate, finished-higher-full-rate, not finished-lower-on-new, full-sharper-1, full-sharper-2, finished-full-sharper -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: which of many solutions?
#
# Now three equations and six weights. The equations are the rows of $X$. For the squared error the gradient is $X^\top(Xw - y)$, a combination of these rows. So descent from $w_0$ only ever adds such combinations to $w_0$, and of all solutions just one can be reached so: the one nearest to $w_0$, $w_0 + X^+(y - Xw_0)$. The pseudo-inverse $X^+$ gives the shortest solution, $X^+y$. The gradient of one example is a multiple of its own row, so steps of one example go no other way. And they come to rest: a run hovers because its examples disagree at the minimum, and where all of them are fitted each single gradient is 0, and the noise dies out (Ma, Bassily & Belkin 2018). We run descent from zero, then from zero with one random row in each step, then from another start.
#
# With cross entropy there is no such end. If a linear model can tell the classes apart without error, its weights grow for ever, and their *direction* goes to that of the largest margin (Soudry et al. 2018): no noise there, either.

# %% tags=["deeper"]
generator = seeded(0)
X, target, elsewhere = (torch.randn(shape, dtype=torch.float64, generator=generator)
                        for shape in ((3, 6), (3,), (6,)))
shortest = torch.linalg.pinv(X) @ target


def descend(w, size=3):  # of the three rows in each step
    w = w.clone()
    for _ in range(20000):
        rows = torch.randperm(3, generator=generator)[:size]
        sgd_update(w, X[rows].T @ (X[rows] @ w - target[rows]), {}, lr=0.1)
    return w


# %% tags=["deeper", "nbval-check-output"]
zero = torch.zeros(6, dtype=torch.float64)
claim("Gradient descent from zero ends at the minimum-norm solution of an "
      "under-determined least-squares problem.",
      measured=(descend(zero) - shortest).norm().item(), holds=below(1e-9))
claim("SGD from zero, one random row in each step at a constant rate, comes to rest at "
      "the same solution.",
      measured=(descend(zero, size=1) - shortest).norm().item(), holds=below(1e-9))
far = descend(elsewhere)
claim("From another start it fits as well and ends elsewhere, at a longer solution.",
      measured=[(X @ far - target).norm().item(),
                far.norm().item() - shortest.norm().item()],
      holds=each(below(1e-9), above(0.1)))
nearest = elsewhere + torch.linalg.pinv(X) @ (target - X @ elsewhere)
claim("That one is, of all solutions, the nearest to its start.",
      measured=(far - nearest).norm().item(), holds=below(1e-9))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a step that regularizes by itself
#
# Why did the small batches stand flatter? One picture, first, with its weak spot. Each of two examples has its own bottom, at −1 or 1, and each step, at rate 0.4, goes down the parabola of one, drawn by lot:

# %% tags=["deeper"]
show_with_words(explore.valleys.hovering(), "The same two examples lift a run hardly "
                "in the flat valley, and high up both walls of the steep one.")

# %% [markdown] tags=["deeper"]
# In the steep valley the same two examples throw the run high up; over the rim of a real valley it might get out. But their gradients are ten times as large there: were they equal, it would stand 1.6 times as high, not 170 times. So look at what else is known. In the networks where it was measured, descent usually moves into ever sharper places, up to a sharpness of $2/\eta$, the dotted line, beyond which it cannot stay. There the full batches stood: the *edge of stability* (Cohen et al. 2021). Noise probably lowers that limit, for a place has to be stable for batches that each have a curvature of their own (Wu, Ma & E 2018). And it acts like a penalty, which takes two steps to see.
#
# A step of descent follows the slope of its start all the way. Barrett & Dherin 2021 show what that amounts to: to the next order in $\eta$, descent on the loss $L$ moves as if it flowed, without steps, down $L + \frac\eta4\lVert\nabla L\rVert^2$. So the learning rate punishes large slopes on the way; at a minimum, flat or sharp, this term is 0.
# Smith et al. 2021 add what shuffled minibatches do: the mean over the batches of their own $\frac\eta4\lVert\nabla L_B\rVert^2$, which is larger where the examples disagree: $\lVert\nabla L_B\rVert^2$ is on average $\lVert\nabla L\rVert^2$ plus the variance of a batch's gradient, about $\sigma^2/B$. The first part is there without noise, too. The second is the noise as a regularizer, a penalty on $\sigma^2$ of strength $\eta/(4B)$; at a minimum it stays where the examples disagree there, as in *A regularizer without any noise* they do not. So once more it is $\eta/B$ that counts; Jastrzębski et al. 2017 relate the width of the minimum to $\eta/B$.
#
# The smallest check is the parabola $\frac h2 w^2$, where the changed loss is $\frac h2\big(1 + \frac{\eta h}2\big) w^2$. A flow multiplies the weight by $e^{-\eta h}$ in time $\eta$, or by $e^{-\eta h(1+\eta h/2)}$ on the changed loss; a step multiplies it by $1-\eta h$. If half the rate leaves an eighth of the error instead of a quarter, the flow is right by one order more.

# %% tags=["deeper", "nbval-check-output"]
def off(a, change):
    """A step minus the flow, for a = lr·h; change 1: on the changed loss."""
    return (1 - a) - math.exp(-a * (1 + change * a / 2))


claim("Half the rate leaves a quarter of the distance between step and flow, and an "
      "eighth on the changed loss.",
      measured=[off(0.01, change) / off(0.005, change) for change in (0, 1)],
      holds=each(near(4, 0.05), near(8, 0.05)))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# *How to choose*, tomorrow, in this order:
#
# 1. Begin with batches of 32, by custom; if you have only a few hundred examples, take ten.
# 2. Set the momentum to 0.9, and let a cosine take the rate down to 0.
# 3. Train once with each of the rates 0.3, 0.1 and 0.03, and take the one with the lowest loss on examples kept out of training. If it lies at an end, try the next beyond.
# 4. Try a larger batch only while a step hardly takes longer, with as many steps, at the old rate and the next ones on either side. Keep it if it is better by step 3. (At the old rate our full batch was better in neither network, at its own a little in one.) <!-- rests: not finished-lower-on-new -->
# 5. If the epochs are fixed, stay small, or multiply the rate as you multiply the batch: the **linear scaling rule** (Goyal et al. 2017), a first guess, until the curvature limits the rate.
#
# What goes wrong?
#
# - `T_max` and the place of `scheduler.step()` disagree: both go by steps, or both by epochs.
# - A parameter replaced after the optimizer was built, which holds *references*, is never trained.
# - `zero_grad` is forgotten: gradients *add up*.
# - A run is resumed from its weights alone, without optimizer and scheduler.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the plain loop, as for real work
#
# What one adds: Nesterov's momentum, which looks one step ahead and damps swings better but bears a smaller rate, and warm-up and cosine in one scheduler, `OneCycleLR` (Smith & Topin 2019). Warm-up for 1 to 5 % of the steps is custom and cheap; we could not show that it helps here. Then step 3 of the recipe, with this loop.

# %% tags=["deeper"]
def train_for_real(lr, epochs=6, per_epoch=50):  # 50 batches of 10
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True)
    # warm-up for 5 % of the steps, then a cosine; the momentum stays as it is
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=lr, total_steps=epochs * per_epoch, pct_start=0.05,
        cycle_momentum=False)
    model.train()
    for epoch in range(epochs):
        for rows in torch.randperm(500).split(10):
            optimizer.zero_grad()
            cross_entropy(model(data.train_x[rows]), data.train_y[rows]).backward()
            optimizer.step()
            last = scheduler.get_last_lr()[0]  # the rate of this step
            scheduler.step()  # after the optimizer; total_steps counts steps
    return model.eval(), last


# %% tags=["deeper"]
for lr in (0.3, 0.1, 0.03):
    model, last = train_for_real(lr)
    with torch.no_grad():  # no gradients needed here
        loss = cross_entropy(model(data.validation_x), data.validation_y)
    print(f"lr {lr}: loss {loss:.3f} on 200 images kept out, last rate {last:.1e}")

# %% [markdown] tags=["deeper"]
# Lowest at 0.1, and far enough apart for one seed each: we take it. `drop_last=True` in a `DataLoader` leaves out the short, noisier last batch. *Clipping* shortens the rare huge gradient (lesson 09).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When not to
#
# - Features or layers on very different scales: normalise (lesson 07), or use Adam (lesson 04).
# - Few weights, a smooth loss, data that fit into one batch: a method that also reads the curvature, such as `torch.optim.LBFGS`.

# %% [markdown] tags=["card"] slideshow={"slide_type": "slide"}
# ## To keep
#
# | | |
# |---|---|
# | formula | $v\leftarrow\mu{v}+g$, $w\leftarrow{w}-\eta{v}$; stable below $2(1+\mu)/\lambda_{\max}$; effective rate $\eta/(1-\mu)$ |
# | batch error | gradient right on average; standard error $\sigma/\sqrt{B}$ while $B$ is a small part of the data |
# | PyTorch | `torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)`; `scheduler.step()` after `optimizer.step()` |
# | typical | momentum 0.9; cosine to 0; best rate of 0.3, 0.1, 0.03 on examples kept out |
# | new batch | $k$ times the batch, as many epochs: first try $k$ times the rate; as many steps: the old rate |
# | measured | cross-entropy network, constant rate, training loss: 300 steps of ten beat six of all <!-- rests: network-full-higher -->; each at its own rate, a cosine ends lower than a constant one, on new digits too <!-- rests: cosine-lower-own-rate, cosine-lower-on-new --> |
# | the answer | Noise harmed one network at a constant rate <!-- rests: noise-harms-constant -->. With a cosine it lowered its loss on new digits <!-- rests: noise-lower-same-rate, noise-lower-full-rate -->; another's only at the rate of small batches, a little, with fewer digits right <!-- rests: finished-lower-same-rate, finished-higher-full-rate -->. It led to flatter places <!-- rests: full-sharper-1, full-sharper-2, finished-full-sharper -->; that this is why it helps was not shown. |
# | without noise | linear model that can fit every example, squared error, small enough rate: the nearest solution; from zero, the shortest |

# %% [markdown] slideshow={"slide_type": "skip"}
# Now write it yourself: **`00_sgd_exercises.ipynb`**.
#
# **Sources.** Robbins & Monro, *A Stochastic Approximation Method*, 1951. Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964. Nesterov, *A method for solving the convex programming problem with convergence rate O(1/k²)*, 1983. Sutskever, Martens, Dahl & Hinton, *On the importance of initialization and momentum in deep learning*, ICML 2013.
# Polyak & Juditsky, *Acceleration of Stochastic Approximation by Averaging*, 1992. Lee, Simchowitz, Jordan & Recht, *Gradient Descent Only Converges to Minimizers*, COLT 2016 (arXiv:1602.04915). Du, Jin, Lee, Jordan, Póczos & Singh, *Gradient Descent Can Take Exponential Time to Escape Saddle Points*, NeurIPS 2017 (arXiv:1705.10412). Goh, *Why Momentum Really Works*, Distill 2017 (distill.pub/2017/momentum).
# Krizhevsky, *One weird trick for parallelizing convolutional neural networks*, 2014 (arXiv:1404.5997). Goyal et al., *Accurate, Large Minibatch SGD*, 2017 (arXiv:1706.02677). McCandlish, Kaplan, Amodei et al., *An Empirical Model of Large-Batch Training*, 2018 (arXiv:1812.06162). Shallue et al., *Measuring the Effects of Data Parallelism on Neural Network Training*, JMLR 2019 (arXiv:1811.03600). Malladi, Lyu, Panigrahi & Arora, *On the SDEs and Scaling Rules for Adaptive Gradient Algorithms*, NeurIPS 2022 (arXiv:2205.10287). Smith & Le, *A Bayesian Perspective on Generalization and Stochastic Gradient Descent*, ICLR 2018 (arXiv:1710.06451). Ma, Bassily & Belkin, *The Power of Interpolation: Understanding the Effectiveness of SGD in Modern Over-parametrized Learning*, ICML 2018 (arXiv:1712.06559). Smith, Kindermans, Ying & Le, *Don't Decay the Learning Rate, Increase the Batch Size*, ICLR 2018 (arXiv:1711.00489).
# Smith, Elsen & De, *On the Generalization Benefit of Noise in Stochastic Gradient Descent*, ICML 2020 (arXiv:2006.15081). Hochreiter & Schmidhuber, *Flat Minima*, Neural Computation 1997. Keskar et al., *On Large-Batch Training for Deep Learning*, ICLR 2017 (arXiv:1609.04836). Hoffer, Hubara & Soudry, *Train longer, generalize better*, NeurIPS 2017 (arXiv:1705.08741). Jastrzębski et al., *Three Factors Influencing Minima in SGD*, 2017 (arXiv:1711.04623). Dinh, Pascanu, Bengio & Bengio, *Sharp Minima Can Generalize For Deep Nets*, ICML 2017 (arXiv:1703.04933). Cohen et al., *Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability*, ICLR 2021 (arXiv:2103.00065). Wu, Ma & E, *How SGD Selects the Global Minima in Over-parameterized Learning*, NeurIPS 2018. Jiang et al., *Fantastic Generalization Measures and Where to Find Them*, ICLR 2020 (arXiv:1912.02178). Andriushchenko et al., *A Modern Look at the Relationship between Sharpness and Generalization*, ICML 2023 (arXiv:2302.07011).
# Zhang, Bengio, Hardt, Recht & Vinyals, *Understanding Deep Learning Requires Rethinking Generalization*, ICLR 2017 (arXiv:1611.03530). Soudry, Hoffer, Nacson, Gunasekar & Srebro, *The Implicit Bias of Gradient Descent on Separable Data*, JMLR 2018 (arXiv:1710.10345). Barrett & Dherin, *Implicit Gradient Regularization*, ICLR 2021 (arXiv:2009.11162). Smith, Dherin, Barrett & De, *On the Origin of Implicit Regularization in Stochastic Gradient Descent*, ICLR 2021 (arXiv:2101.12176). Geiping et al., *Stochastic Training is Not Necessary for Generalization*, ICLR 2022 (arXiv:2109.14119).
# Pearlmutter, *Fast Exact Multiplication by the Hessian*, 1994. Smith, *Cyclical Learning Rates for Training Neural Networks*, 2017 (arXiv:1506.01186). Smith & Topin, *Super-Convergence*, 2019. Bray & Dean, *Statistics of critical points of Gaussian fields on large-dimensional spaces*, 2007. Dauphin et al., *Identifying and attacking the saddle point problem*, NeurIPS 2014 (arXiv:1406.2572).

# %% [markdown] slideshow={"slide_type": "skip"}
# ## More, for whoever wants it
#
# In any order; the last four are on **saddles**, places without slope that are no minima.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: each schedule against torch
#
# `course_lib.sgd` has six schedules, each a few lines. Here is one; `require_whole` and `require_probability` refuse nonsense, `_between` runs along half a cosine. Then all six at every step of a run of 300, and what torch's cosine does after its end.

# %% tags=["deeper"]
from course_lib.sgd import cosine_decay

show_source(cosine_decay)

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.sgd.schedules import beside_torch, torchs_factors

claim("Each schedule equals its twin in torch.optim.lr_scheduler at every step.",
      measured=beside_torch(), holds=below(1e-12))
beyond = torchs_factors(torch.optim.lr_scheduler.CosineAnnealingLR, steps=41, T_max=20)
claim("Run torch's cosine longer than T_max, and the rate climbs again, back to its "
      "start at 2·T_max; ours stays down.",
      measured=[beyond[20], beyond[40] - 1, cosine_decay(40, 20)],
      holds=each(within(1e-12), within(1e-9), equal(0)))

# %% tags=["deeper"]
quiz("You double the batch size and the number of epochs stays. The scheduler is "
     "stepped once a step with T_max = 1000 steps, the old length. What happens?",
     {"Nothing: the schedule is the same":
          "There are half as many steps now: the rate stops half-way down.",
      "The rate never gets down to zero":
          "500 steps are half a cosine: the run ends at half the rate, noise and all.",
      "The rate climbs again":
          "That is what happens with more steps than T_max, not with fewer."},
     answer="The rate never gets down to zero")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: one function, as sharp as you like
#
# Sharpness is $\lambda_{\max}$ of the **Hessian** $H$ of the training loss, the matrix of its second derivatives. Power iteration finds it: multiply a random vector by $H$ again and again and it turns into the direction of the eigenvalue of largest size, which here is $\lambda_{\max}$.
# For a fixed vector $u$, $H u$ is the derivative of $\nabla L \cdot u$, one more backward pass (Pearlmutter 1994), so $H$ itself is never built.
#
# > **Myth: "sharp minima generalize badly".** Double the weights and biases of a layer before a ReLU and halve the weights of the next. Every answer stays. But the halved weights get doubled inputs: the answers change twice as fast along them, and the loss is four times as curved, as the parabola is if $w$ becomes $2w$, with $\frac h2(2w)^2 = \frac{4h}2w^2$; along the doubled weights a quarter. Repeated, this makes a network as sharp as you like.
#
# In general, multiply one layer of a ReLU network (weights and biases) by $a > 0$ and divide the weights of the next by $a$: the function stays. The loss gets $a^2$ times as curved along the second layer's weights and $a^2$ times less along the first's, so with $a$ its sharpness grows without bound (Dinh et al. 2017). Below a network of 3-4-1 without biases, its first layer times 100 and its second divided by 100; and power iteration held to the exact Hessian of the same network.
#
# So sharpness alone cannot decide. Whether it goes along with the error on new data where SGD does end, large studies disagree (Jiang et al. 2020, Andriushchenko et al. 2023).

# %% tags=["deeper"]
from course_lib.experiments.shared.sharpness import exact_hessian, top_eigenvalue

x, y, *layers = (torch.randn(*shape, dtype=torch.float64,
                             generator=seeded(i))
                 for i, shape in enumerate(((20, 3), (20, 1), (4, 3), (1, 4))))


def output(w):
    return torch.relu(x @ w[0].T) @ w[1].T


def loss(w):
    return (output(w) - y).square().mean()


# %% tags=["deeper", "nbval-check-output"]
scaled = [100 * layers[0], layers[1] / 100]
tops = [torch.linalg.eigvalsh(exact_hessian(loss, w))[-1].item()
        for w in (layers, scaled)]
claim("Rescaling two ReLU layers leaves the function as it is and makes it more than a "
      "thousand times sharper.",
      measured=[(output(layers) - output(scaled)).abs().max().item(),
                tops[1] / tops[0]],
      holds=each(below(1e-12), above(1000)))
claim("Power iteration finds the top eigenvalue of the exact Hessian.",
      measured=top_eigenvalue(loss, layers, tolerance=1e-8, iterations=20000,
                              generator=seeded(0)) / tops[0] - 1,
      holds=within(1e-6))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the optimizer holds references
#
# It was given tensors, not names. A `Parameter` put in the place of another is not among them: it gets a gradient, and nobody takes the step.

# %% tags=["deeper", "nbval-check-output"]
layer = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
# replaced after the optimizer was built
layer.weight = torch.nn.Parameter(torch.ones(1, 2))
layer(torch.ones(1, 2)).sum().backward()
optimizer.step()
claim("The optimizer holds references: a parameter replaced after construction gets a "
      "gradient and is never trained.",
      measured=[layer.weight.grad.tolist(), layer.weight.tolist()],
      holds=equal([[[1.0, 1.0]], [[1.0, 1.0]]]))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: gradients add up
#
# Two backward passes, a step, a `zero_grad`: what is in `weight.grad` after each? (That they add up has its use. A batch too large for the memory can be summed in parts: `(loss / k).backward()` for $k$ small batches, then one `step()`.)

# %% tags=["deeper", "nbval-check-output"]
weight = torch.ones(2, dtype=torch.float64, requires_grad=True)
optimizer, grads = torch.optim.SGD([weight], lr=0.1), []
weight.sum().backward()
grads.append(weight.grad[0].item())
weight.sum().backward()
grads.append(weight.grad[0].item())
optimizer.step()
grads.append(weight.grad[0].item())
optimizer.zero_grad()
grads.append(weight.grad)
claim("Gradients add up until zero_grad, step() leaves them as they are, and torch's "
      "zero_grad sets them to None, not to zero.",
      measured=grads, holds=equal([1.0, 2.0, 2.0, None]))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: resuming a run, bit for bit
#
# What must be saved: the weights, the optimizer's `state_dict` (its velocities) and the scheduler's (its step). Leave one out and the run goes on, as another run.

# %% tags=["deeper"]
import io


def begin():
    w = torch.full((3,), 2.0, requires_grad=True)
    optimizer = SGD([w], lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40)
    return w, optimizer, scheduler


# %% tags=["deeper"]
def run(first, last, saved=None, parts=("optimizer", "scheduler")):
    """A noisy descent, from what `saved` holds of the weights and `parts`; returns the
    weights and a file to resume from."""
    w, optimizer, scheduler = begin()
    if saved:
        state = torch.load(io.BytesIO(saved))
        w.data.copy_(state["w"])
        for name in parts:
            {"optimizer": optimizer,
             "scheduler": scheduler}[name].load_state_dict(state[name])
    for step in range(first, last):
        target = torch.randn(3, generator=seeded(step))
        optimizer.zero_grad()
        (w - target).square().sum().backward()
        optimizer.step()
        scheduler.step()
    file = io.BytesIO()
    torch.save({"w": w.data, "optimizer": optimizer.state_dict(),
                "scheduler": scheduler.state_dict()},
               file)
    return w.detach(), file.getvalue()


# %% tags=["deeper", "nbval-check-output"]
halfway = run(0, 20)[1]
claim("A run resumed from weights, optimizer and scheduler is bit for bit the one that "
      "was never interrupted.",
      measured=(run(20, 40, halfway)[0] - run(0, 40)[0]).abs().max().item(),
      holds=equal(0))
claim("Without the optimizer's state, or without the scheduler's, it ends elsewhere.",
      measured={part: (run(20, 40, halfway, parts=(part,))[0]
                       - run(0, 40)[0]).norm().item()
                for part in ("scheduler", "optimizer")},
      holds=above(1e-3))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: three ways to write momentum
#
# Heavy ball, $v \leftarrow \mu v + g$, is torch's. Many texts write a moving average, $m \leftarrow \beta m + (1-\beta) g$, some of them divided by $1-\beta^t$ for having started at 0.
# At a constant learning rate, chosen to match, they are one path. With a schedule it also counts where the rate stands. Inside the velocity, $v \leftarrow \mu v + \eta g$, old gradients keep the rate of their own step; outside, as in torch, all of them take the present one. torch's `dampening=β` looks like the average and is not: its first velocity is all of $g$.

# %% tags=["deeper"]
def average_path(lr, beta, corrected, steps=50):
    """w on ½(w − 1)² from 0 by a moving average m of the gradients. Corrected, m is
    divided by 1 − βᵗ and the rate multiplied by it."""
    w, m, seen = 0.0, 0.0, []
    for t in range(1, steps + 1):
        m = beta * m + (1 - beta) * (w - 1)
        if corrected:
            w -= lr * (1 - beta**t) * (m / (1 - beta**t))
        else:
            w -= lr * m
        seen.append(w)
    return torch.tensor(seen, dtype=torch.float64)


# %% tags=["deeper"]
def torch_path(**options):
    w, seen = torch.zeros((), dtype=torch.float64, requires_grad=True), []
    optimizer = torch.optim.SGD([w], **options)
    for _ in range(50):
        w.grad = (w - 1).detach()
        optimizer.step()
        seen.append(w.item())
    return torch.tensor(seen, dtype=torch.float64)


# %% tags=["deeper", "nbval-check-output"]
ball = torch_path(lr=0.1, momentum=0.9)
damped = torch_path(lr=1.0, momentum=0.9, dampening=0.9)
averages = average_path(1.0, 0.9, False), average_path(1.0, 0.9, True)
claim("Heavy ball, moving average (lr/(1 − β)) and corrected average (lr(1 − βᵗ)/(1 − "
      "β)) are one path.",
      measured=[(path - ball).abs().max().item() for path in averages],
      holds=below(1e-12))
claim("torch's dampening = β is neither average: its first step is undamped, ten times "
      "as large.",
      measured=[damped[0].item() - 1, *(path[0].item() - 0.1 for path in averages)],
      holds=within(1e-12))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: does a low training loss make a good model?
#
# 200 digits, half of the labels replaced by wrong ones; the test labels are right. We say *no* if the training loss (cross entropy, in *nats*: guessing gives the natural logarithm of ten, 2.3) ends below 0.05 and test accuracy below 70 %, over six seeds.

# %% tags=["deeper"]
predict("good", "A network reaches nearly zero training loss here. Is it a good model?",
        ["yes", "no"])

# %% tags=["deeper"]
from course_lib import engine

def half_wrong(seed):
    return digits(200, label_noise=0.5, seed=seed)


*_, fitted = engine.train(engine.ModelSpec((64, 128, 10)), half_wrong,
                          {"lr": 0.1, "momentum": 0.9}, range(6), update=sgd_update,
                          steps=400, batch_size=50)

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
# what is claimed
claim("With half of the labels wrong, training loss still gets below 0.05.",
      measured=mean_interval(fitted.train_loss[:, 0, -1]),
      kind="measured", id="wrong-labels-learned", holds=below(0.05), unit="nats")
right = mean_interval(fitted.test_accuracy[:, 0, -1])
claim("Test accuracy of the same networks, on right labels, is below 70 %.",
      measured=right,
      kind="measured", id="wrong-labels-test", holds=below(0.70), unit="%", times=100)

# %% tags=["deeper"]
# what came out
reveal("good", from_interval={"no": below(0.70)(right), "yes": above(0.70)(right)},
       rests="wrong-labels-learned, wrong-labels-test",
       because=f"test accuracy {right.mean:.0%}: it has learned wrong labels too "
               "(lesson 01)")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: leaving a saddle without noise
#
# Descent stops where the gradient is zero. That need not be a minimum: at a **saddle** the loss rises in one direction and falls in another. Is it the noise that keeps SGD from ending there?
# The surface below, $\frac14(w_1^2-1)^2 + \frac12 w_2^2$, has two valleys, at $w_1 = -1$ and at $w_1 = 1$. Between them runs a ridge, the line $w_1 = 0$, and on the ridge lies the saddle, at $w_2 = 0$. Who stands exactly on the ridge rolls along it to the saddle.

# %% [markdown] tags=["deeper"]
# **Do this**: set the start beside the ridge to 0, then raise the noise from 0 to 1e-8.  **Notice**: does a start that is *not* on the ridge need any noise?

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
from course_lib.explorers import sgd as explore

explore.saddle.show(offset=1e-8)

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.sgd.saddle import escape

def distance(offset, noise=0.0):
    """From the ridge line, after 300 steps at learning rate 0.1."""
    return escape(0.1, offset, noise, "constant").path[-1, 0].abs().item()


claim("Without noise, descent from the ridge line itself stays on it; from 1e-12, 1e-8 "
      "or 1e-2 beside it, it has left within 300 steps.",
      measured=[distance(offset) for offset in (0.0, 1e-12, 1e-8, 1e-2)],
      holds=each(equal(0), above(0.5), above(0.5), above(0.5)))
claim("From the ridge line itself, noise of 1e-8 in the gradient is enough to leave.",
      measured=distance(0.0, noise=1e-8), kind="checked", holds=above(0.5))

# %% [markdown] tags=["deeper"]
# Across the ridge the surface bends downwards: near the saddle the gradient is about $-w_1$, so a step takes $w_1$ to $w_1 + \eta w_1$ and *multiplies* it by $1+\eta$. From 1e-8 that would take $\ln(\frac12/10^{-8})/\ln 1.1 \approx 186$ steps to reach ½; it is 188 in the picture, as the slope is a little less steep farther out.
# Only a start exactly on the ridge stays, and a random start never is: under mild conditions plain descent from almost every start ends at no saddle (Lee et al. 2016). But past many saddles in a row, descent without noise may need exponentially many steps (Du et al. 2017).
# So noise is not what keeps descent from saddles, though it can decide how soon it leaves.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the deeper valley, or the nearer one?
#
# Tilt the surface a little, and one valley lies deeper than the other.

# %% tags=["deeper"]
predict("global",
        "Two valleys, one of them deeper. SGD with a little noise, from many random "
        "starts, ends …",
        ["in the deeper one", "in whichever is nearer, deep or not",
         "on the ridge between"])

# %% [markdown] tags=["deeper"]
# We say *nearer* if the interval of the share that ends on the side it started lies above 95 %, and that strong noise *prefers the deeper one* if the interval of the share that is there at the end lies above 65 %; 54 % start there.
# Twenty lots of 100 starts and noises, always this one surface.

# %% tags=["deeper"]
def valleys(noise, starts=2000, steps=400):
    """On (w² − 1)²/4 + w/10, the deeper valley left of the ridge at 0.101: is each
    random start, and each end, left? Two times [20 lots, 100]."""
    generator = seeded(0)
    w = 1.4 * (2 * torch.rand(starts, dtype=torch.float64, generator=generator) - 1)
    first = w < 0.101
    for _ in range(steps):
        shake = noise * torch.randn(starts, dtype=torch.float64, generator=generator)
        sgd_update(w, w**3 - w + 0.1 + shake, {}, lr=0.1)
    return first.view(20, 100), (w < 0.101).view(20, 100)


# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
(first, last), (_, shaken) = valleys(0.1), valleys(1.5)
stay = mean_interval((first == last).double().mean(1))
claim("With noise 0.1 in the gradient, at least 95 % of the runs end in the valley on "
      "whose side they started.",
      measured=stay,
      kind="measured", id="little-noise-stays", holds=above(0.95), unit="%",
      times=100)
claim("With noise 1.5, more than 65 % end in the deeper valley, from wherever they "
      "started.",
      measured=mean_interval(shaken.double().mean(1)),
      kind="measured", id="much-noise-deeper", holds=above(0.65), unit="%",
      times=100)

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
# what came out
reveal("global",
       from_interval={"in whichever is nearer, deep or not": above(0.95)(stay)},
       rests="little-noise-stays",
       because="nothing in a gradient says that a deeper place exists")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: leaving a saddle with a cyclical learning rate
#
# What exactly does the theorem ask for? Descent from a random start ends at a saddle with probability 0 if its learning rate is below one over the largest curvature anywhere, and every saddle has a direction that leads down (Lee et al. 2016).
#
# A learning rate that goes up and down, *cyclical*, passes saddles faster, says Smith (2017). Beside the saddle each step multiplies the offset by $1+\eta_t$. At a given mean rate the product over whole cycles is largest when all rates are equal (of numbers with a given sum, equal ones have the largest product).
# So a cyclical rate that does gain gains by a *higher mean* than the constant one it is compared with. In the picture of *leaving a saddle without noise*, with a start of 1e-8 beside the ridge, choose a cyclical rate of the same mean, then of the same peak.

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.sgd.saddle import CYCLE, RATES, rate_factors

growth = {rate: math.prod(1 + 0.1 * f for f in rate_factors(rate, 5 * 2 * CYCLE))
          for rate in RATES}
constant, same_mean, same_peak = growth.values()
print({rate: f"{by:.3g}" for rate, by in growth.items()})
claim("Over whole cycles an offset grows less at a cyclical rate than at a constant "
      "one of the same mean, and far less at one of the same peak.",
      measured=[constant - same_mean, same_mean / same_peak],
      holds=each(positive, above(100)))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: why saddles are the rule
#
# Where the gradient is zero, the eigenvalues of the Hessian (the matrix of second derivatives) are the curvatures along its own axes: all positive, a minimum; all negative, a maximum; of both signs, a saddle.
#
# If the Hessian there were a random symmetric matrix (normal entries, off the diagonal with half the variance), how often would all $d$ eigenvalues have one sign, so that the point is no saddle? Always in one dimension, in $1-\frac1{\sqrt2} = 0.293$ of cases in two. We say *ever rarer* if each share is less than half of the one before, over 20 lots of 1000 matrices.
# The argument is that of Bray & Dean 2007 and Dauphin et al. 2014. A trained network's Hessian is not random: this makes it plausible that saddles crowd high dimensions, and does not say how many there are.

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.sgd.saddle import SADDLE
from course_lib.experiments.shared.sharpness import kind_of_point

def surface(w):
    return SADDLE.loss(w[0])


def kind_at(point):
    at = [torch.tensor(point, dtype=torch.float64)]
    return kind_of_point(torch.linalg.eigvalsh(exact_hessian(surface, at)))


claim("Critical points are told apart by the eigenvalues of the Hessian.",
      measured=[kind_at(point) for point in ((0.0, 0.0), (1.0, 0.0), (-1.0, 0.0))],
      holds=equal(["saddle", "minimum", "minimum"]))

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.sgd.saddle import share_definite

shares = {d: mean_interval(share_definite(d)) for d in (2, 3, 4)}
for d, half in ((2, 0.5), (3, 0.1464), (4, 0.0249)):  # half of the exact share before
    claim(f"In {d} dimensions the share of definite matrices is less than half of that "
          f"in {d - 1}, below {100 * half:g} %.",
          measured=shares[d], kind="measured", id=f"definite-rarer-{d}",
          holds=below(half), unit="%", times=100)


# %% [markdown] slideshow={"slide_type": "skip"}
# ## Test yourself, and teach it
#
# What one can explain in two minutes one has understood. Do it aloud, to a friend, a pet, or the wall; where you get stuck is where to read again.
#
# **Teach it to** somebody who has trained networks, and never asked what the optimizer does. *Draw* a bowl as ellipses, with three paths in it: a small learning rate, one just below $2/\lambda_{\max}$, one just above. Beside it two batches, each with its own idea of downhill. *Disarm* the sentence "twice the batch, half the noise". *And ask back:* What would you change first if the loss jumps up and down: the learning rate, or the batch size?
#
# Below: the questions of this lesson, with a reason for every option, and its cards, which come back after 1, 3 and 7 days.

# %% slideshow={"slide_type": "skip"}
from course_lib.notebook import quiz_of, recall

quiz_of("sgd")

# %% slideshow={"slide_type": "skip"}
recall("sgd")
