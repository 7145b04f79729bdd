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
# # Minibatch SGD: what does an optimizer do, and why does noise help?
#
# An optimizer sees one thing, a gradient, and does one thing, a step. **Minibatch SGD** looks at a few examples only, so its gradient is partly wrong,
# and it steps anyway. How large may a step be, how wrong is the gradient, what does a larger batch buy, and is the noise good for anything?
#
# *45 minutes; sections called* Deeper *are folded, and extra. You need to know what a gradient is, and to have seen a PyTorch training loop.*

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import claim, predict, quiz, reveal, setup, show_source
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
# A model with two weights and 64 examples. Each orange dot is where *one* example would have the weights; the star, their mean, is where the mean loss is lowest.
# The run uses all 64 in every step. Leave the sliders alone for a minute: two questions come first.

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import sgd as explore

explore.trajectory.show(batch_size=64)

# %% [markdown]
# At the end of this lesson you can
# - say from the curvature which learning rates work, with and without momentum;
# - compute how noisy a minibatch gradient is, and what a larger batch buys and costs;
# - choose a schedule, put its `step()` in the right place, and say what noise does *not* do.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## How large a step?
#
# Plain gradient descent is $w \leftarrow w - \eta\, g$ with learning rate $\eta$. On the parabola $\frac h2 w^2$ the gradient is $g = h\,w$, where $h$ is the **curvature**.
# The bowl above is two such parabolas at right angles: the curvatures of its steepest and flattest direction are $\lambda_{\max} = 2$ and $\lambda_{\min} = 0.2$.
# Run each of the next cells (Shift+Enter), choose, and only then go on: your answers are kept and shown beside what comes out.

# %%
predict("too-high", "The learning rate is raised from 0.9 to 1.1. The loss …",
        ["falls faster", "falls, with more zigzag", "grows without end"])

# %%
predict("too-low",
        "It is lowered from 0.3 to 0.03 instead. In the flattest direction the run "
        "gets to the same place in about …",
        ["the same number of steps", "three times as many", "ten times as many",
         "a hundred times as many"])

# %% jupyter={"outputs_hidden": true}
def parabola(lr, curvature, steps, **momentum):
    """The weight after each of `steps` steps on ½·h·w², starting from 1."""
    w, state, seen = torch.ones((), dtype=torch.float64), {}, []
    for _ in range(steps):
        sgd_update(w, curvature * w, state, lr=lr, **momentum)
        seen.append(w.item())
    return seen


for lr in (0.03, 0.3, 0.9, 1.0, 1.1):
    print(f"lr = {lr:<4}", "  steepest", *(f"{w:6.2f}" for w in parabola(lr, 2.0, 5)),
          "  flattest", *(f"{w:5.2f}" for w in parabola(lr, 0.2, 5)))

# %% [markdown]
# Each step multiplies the weight by $1 - \eta h$. It shrinks iff $|1-\eta h| < 1$, that is $0 < \eta < 2/h$, and in a bowl this must hold for the steepest direction.
# At $\eta = 1 = 2/\lambda_{\max}$ the weight jumps between 1 and −1 for ever. At rates far below that bound the *flattest* direction is what one waits for: about $1/(\eta\lambda_{\min})$ steps to come $e$ times nearer.
#
# Such sentences are checked before your eyes by `claim`. *Exact* ones must hold to rounding. *Measured* ones, further down, are judged with a 95 % **interval**, printed as mean [low, high], against a bound that is stated beforehand;
# an interval that lies across the bound is *inconclusive*. They may turn out wrong or undecided, and about five in a hundred such intervals miss the true mean, here too.

# %%
def settles(lr, **momentum):
    """Does gradient descent come to rest at the bottom of a bowl with curvatures 2 and
    0.2?"""
    return all(abs(w) < 1e-3 for h in (2.0, 0.2)
               for w in parabola(lr, h, 20000, **momentum)[-2:])


# %% tags=["nbval-check-output"]
claim("On a bowl, gradient descent converges if 0 < lr < 2/λmax, and neither at the "
      "bounds nor beyond.",
      measured={lr: settles(lr) for lr in (-0.01, 0.0, 0.01, 0.999, 1.0, 1.001)},
      holds=lambda settled: [lr for lr in settled if settled[lr]] == [0.01, 0.999])
waits = [next(t for t, w in enumerate(parabola(lr, 0.2, 500)) if w < 1 / math.e)
         for lr in (0.3, 0.03)]
claim("A tenth of the learning rate takes about ten times as many steps along the "
      "flattest direction.",
      measured=waits, holds=lambda steps: 9.5 < steps[1] / steps[0] < 10.5)
claim("The fastest learning rate of gradient descent is 2/(λmax + λmin): 1 % more or "
      "less is slower.",
      measured=[max(abs(parabola(lr * 2 / 2.2, h, 300)[-1]) for h in (2.0, 0.2))
                for lr in (0.99, 1.0, 1.01)],
      holds=lambda left: left[1] < min(left[0], left[2]))

# %%
# what came out
reveal("too-high", "grows without end",
       because="1.1 is above 2/λmax = 1: the steepest "
               "direction is multiplied by −1.2 at each step")

# %%
# what came out
reveal("too-low", "ten times as many",
       because="the flattest direction needs about 1/(lr · 0.2) steps")

# %% [markdown]
# Now go back to the picture. Raise the learning rate past 1; then set it to 0.9 and raise the condition number $\lambda_{\max}/\lambda_{\min}$: one learning rate has to serve both directions.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Momentum: a step that remembers
#
# Here is the function that the whole course trains with. `lr` is $\eta$, `momentum` is $\mu$, `add_scaled(a, s, b)` is $a + s\,b$, and `is_on` asks whether a strength is other than 0.
# `l2` and `weight_decay` belong to lesson 03, skip them.

# %%
show_source(sgd_update)

# %% [markdown]
# The **velocity** $v$ collects gradients, $v \leftarrow \mu v + g$, and the weight follows it. By hand, with a gradient that is always 1 and μ = 0.9: $v = 1,\ 1.9,\ 2.71, \dots$, up to $1/(1-\mu) = 10$.
# Along a slope that keeps its direction the steps grow tenfold; across a valley, where the gradient changes sign, they cancel. **Nesterov** takes $g + \mu v$ for the step, which looks
# one step ahead; **dampening** lets in only $(1-\tau)g$, except at the first step. `course_lib.sgd.SGD` is this function as a `torch.optim.Optimizer`.
#
# Because the jumps across the valley oppose each other, momentum also bears a *larger* learning rate, up to $2(1+\mu)/\lambda_{\max}$ for $0 \le \mu < 1$.

# %% tags=["nbval-check-output"]
w, state = torch.zeros((), dtype=torch.float64), {}
by_hand = [sgd_update(w, torch.ones_like(w), state, lr=0.1, momentum=0.9).item()
           for _ in range(3)]
claim("Under a constant gradient of 1, momentum 0.9 and lr 0.1 the weight goes to "
      "−0.1, −0.29, −0.561.",
      measured=by_hand,
      holds=lambda w: max(abs(a - b) for a, b in zip(w, (-0.1, -0.29, -0.561))) < 1e-15)
claim("With momentum μ the bound is 2(1 + μ)/λmax: in our bowl 1.9 for μ = 0.9.",
      measured={lr: settles(lr, momentum=0.9) for lr in (1.001, 1.899, 1.9, 1.901)},
      holds=lambda settled: [lr for lr in settled if settled[lr]] == [1.001, 1.899])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A batch is an opinion poll
#
# Six examples, one weight. Their gradients are 3, −1, 0.5, 2, −4 and 1; the full gradient is the mean, 0.25. A batch of two asks two of them. It may say 2.5, or −2.5.
# There are only 15 such batches, so let us ask all of them.

# %% tags=["nbval-check-output"]
from course_lib.experiments.shared.gradient_noise import all_batches, standard_error

gradients = torch.tensor([3.0, -1.0, 0.5, 2.0, -4.0, 1.0], dtype=torch.float64)
sigma = gradients.std(correction=0).item()  # σ, with divisor n
sizes = range(1, 7)
claim("The minibatch gradient is unbiased: its mean over all batches is the full "
      "gradient, for every batch size.",
      measured=[all_batches(gradients, size).mean().item() for size in sizes],
      holds=lambda means: max(abs(mean - 0.25) for mean in means) < 1e-14)

# %% [markdown]
# How far off is a single batch? Its **standard error** is the standard deviation over all batches. Let σ be that of the single gradients, $B$ the batch size, $n$ the number of examples. (With many weights, the same holds for each.)
# The usual formula is $\sigma/\sqrt B$.

# %%
predict("halve-1",
        "You train with batches of 1. Which batch size halves the standard error?",
        ["2", "4", "10"])

# %%
predict("halve-100",
        "And from batches of 100, drawn without replacement from 300 examples, as a "
        "shuffled epoch does?",
        ["150", "200", "400"])

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
# what is claimed
claim("With replacement the standard error is σ/√B.",
      measured=[all_batches(gradients, size, replacement=True).std(correction=0).item()
                - standard_error(sigma, size) for size in (1, 2, 3, 4)],
      holds=lambda gaps: max(map(abs, gaps)) < 1e-14)
claim("Without replacement it is σ/√B · √((n − B)/(n − 1)), and 0 at B = n.",
      measured=[all_batches(gradients, size).std(correction=0).item()
                - standard_error(sigma, size, rows=6) for size in sizes],
      holds=lambda gaps: max(map(abs, gaps)) < 1e-14)
claim("From 1 to 4 halves it, and from 100 to 400, with replacement; from 100 to 200 "
      "without, among 300.",
      measured=[standard_error(1, 4) / standard_error(1, 1),
                standard_error(1, 400) / standard_error(1, 100),
                standard_error(1, 200, rows=300) / standard_error(1, 100, rows=300)],
      holds=lambda ratios: max(abs(ratio - 0.5) for ratio in ratios) < 1e-15)

# %%
# what came out
reveal("halve-1", "4",
       because="four times the batch for half the error: 3 more examples")

# %%
# what came out
reveal("halve-100", "200",
       because="among 300 there are no 400; every example already asked makes the rest "
               "less surprising")

# %% [markdown]
# With replacement it is fourfold each time: the first halving costs 3 examples, the next ones 12, 48, 192. The published lecture whose questions we follow prints $\sigma/\sqrt{|B|}$, the formula with replacement.
# For a shuffled epoch that would leave noise in the *full* gradient; the finite-population factor takes it out. For $B \ll n$ the factor is nearly 1, and forgetting it does no harm.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: is the full gradient exact?
#
# It leaves out no example, and computed again it is the same.

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
      holds=lambda gaps: max(map(abs, gaps)) < 1e-14)

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
# what came out
reveal("full", "no: it estimates the mean over the distribution the data came from",
       because="a data set is itself a batch, drawn from the world")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What does a larger batch cost?
#
# A step loads the rows, runs forward, runs backward, and updates the weights. We time a 64-128-10 network on digits.
# "Twice" would be a ratio of 2; we say *less than twice* if the interval over ten repeats, on this machine and just now, lies below 1.7.

# %%
predict("twice",
        "True or false: a step with a batch of 2 "
        "takes twice as long as with a batch of 1.",
        ["true", "false"])

# %% jupyter={"outputs_hidden": true} tags=["timing"]
from course_lib.data import digits
from course_lib.experiments.shared.step_time import time_step

rows = digits(1000)
model = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(),
                            torch.nn.Linear(128, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)


def timed(size):
    return time_step(model, optimizer, rows.train_x, rows.train_y, size)


timed(1)  # the first steps of all are slower
print("batch   load forward backward update   µs a step   µs an example")
for size in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512):
    micro = [seconds * 1e6 for seconds in timed(size).values()]
    print(f"{size:5}  {micro[0]:5.0f} {micro[1]:7.0f} {micro[2]:8.0f} {micro[3]:6.0f} "
          f"{sum(micro):11.0f} {sum(micro) / size:15.1f}")

# %% tags=["nbval-check-output"]
ratios = [sum(timed(2).values()) / sum(timed(1).values()) for _ in range(10)]
ratio = mean_interval(ratios)
claim("A step with a batch of 2 takes less than 1.7 times as long as with a batch of "
      "1.",
      measured=ratio, kind="timed", holds=lambda ratio: ratio.between(high=1.7))

# %%
# what came out
reveal("twice", {True: "false", False: "true", None: None}[ratio.between(high=1.7)],
       because=f"measured here: {ratio.mean:.2f} times")

# %% [markdown]
# Small batches pay mostly for starting the work; the update does not depend on the batch at all. Doubling costs double only once the arithmetic fills the machine, on a GPU later still.
# So double the batch while the time per step stays flat; beyond that you pay in full for half the error *squared*.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Too small, too large
#
# Back to the bowl. Every run may read 640 examples (ten epochs) at learning rate 0.3, in steps of its batch size. Mean over 40 shuffles of the same 64 examples; *lower* means that the interval of the difference lies below 0.
# (One rate for all, so that only the batch differs. Each batch size with its own best rate would be another comparison.)

# %%
predict("batch", "Which batch size ends lowest?", ["1", "8", "64"])

# %% jupyter={"outputs_hidden": true}
from course_lib.experiments.sgd.bowl import GOAL, bowl, walk

def excess(size, seed):
    """Loss above the minimum after reading 640 examples."""
    gap = walk(sgd_update, bowl(10.0), size, 640 // size, seed, lr=0.3)[-1] - GOAL
    return (gap @ bowl(10.0) @ gap / 2).item()


left = {size: [excess(size, seed) for seed in range(40)] for size in (1, 8)}
left[64] = [excess(64, 0)] * 40  # no shuffle matters
for size, losses in left.items():
    print(f"batches of {size:2}, {640 // size:3} steps: loss above the minimum",
          mean_interval(losses) if size < 64 else f"{losses[0]:.4g}")

# %% tags=["nbval-check-output"]
for other in (1, 64):
    claim(f"Batches of 8 end lower than batches of {other}.",
          measured=paired_interval(left[8], left[other]),
          kind="measured", id=f"ends-lower-{other}",
          holds=lambda difference: difference.between(high=0))

# %%
# what came out
reveal("batch", str(min(left, key=lambda size: sum(left[size]))),
       because="lowest mean; batches of 1 hover, the full batch has made only ten "
               "steps", rests="ends-lower-1, ends-lower-64")

# %% [markdown]
# How high does the noise keep it? If every example is a parabola of the same curvature $h$ and $B$ of them are drawn independently at each step, the weight never comes to rest;
# for $0 < \eta < 2/h$ it keeps the variance $\dfrac{\eta\,\sigma^2}{B\,h\,(2-\eta h)}$ (derived and checked in a *Deeper* section below).
# Half the learning rate does about as much against the noise as twice the batch. Which leads to an idea.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Schedules: large steps first, small noise last
#
# Far away you want a large learning rate, near the end a small variance. A **schedule** is a function of the step that returns a factor for the learning rate. Six of them are in `course_lib.sgd`, each a few lines, each equal to a class of
# `torch.optim.lr_scheduler`. A *Deeper* section reads one and holds all six against torch, at every step; one difference: after `T_max` ours stays down, torch's climbs again.
#
# Now design one. A 64-32-10 network learns 500 digits in 300 steps of 10 examples, momentum 0.9; each move of a slider really trains four networks.
# The picture shows their geometric mean (the mean of the logarithm), since a few runs with a large loss would drown the others. **Warm-up** is a straight line up from 2 % of the rate. What would count: *lower* (*better*) if the interval of the log ratio of final training losses (0: equal; −0.7: half) lies below 0, *higher* (*worse*) if above, else no difference was measured; over eight seeds (split, start and batch order; always the same 1797 digits).

# %%
predict("cosine",
        "Learning rate 0.1, constant against cosine down to 0. After 300 steps the "
        "cosine's training loss is …",
        ["lower", "about the same", "higher, its steps are smaller"])

# %%
predict("warm-up",
        "And 30 steps of warm-up before the cosine change the final training loss …",
        ["for the better", "for the worse", "not measurably here"])

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import sgd as explore

explore.schedules.show(shape="cosine")

# %% tags=["nbval-check-output"]
from course_lib.experiments.sgd.schedules import train_on_schedule

def final_loss(shape, warmup=0):
    """Training loss at the end, for each of eight seeds."""
    *_, result = train_on_schedule(shape, warmup, 0.0, 0.1, seeds=tuple(range(8)))
    return result.train_loss[:, -1].log()


constant, cosine, warmed = (final_loss("constant"), final_loss("cosine"),
                            final_loss("cosine", 30))
claim("A cosine ends at a lower training loss than a constant rate (log of the ratio).",
      measured=paired_interval(cosine, constant), kind="measured", id="cosine-lower",
      holds=lambda gap: gap.between(high=0))
claim("Warm-up before the cosine lowers the final training loss further (log of the "
      "ratio).",
      measured=paired_interval(warmed, cosine), kind="measured", id="warm-up-lower",
      holds=lambda gap: gap.between(high=0))

# %%
def verdict(gap, lower, none, higher):
    return {True: lower, False: higher, None: none}[gap.between(high=0)
                                                    if gap.excludes(0) else None]

# %%
# what came out
reveal("cosine",
       verdict(paired_interval(cosine, constant), "lower", "about the same",
               "higher, its steps are smaller"),
       because="a cosine takes the rate, and so the noise of the batches, down to 0",
       rests="cosine-lower")

# %%
# what came out
reveal("warm-up",
       verdict(paired_interval(warmed, cosine), "for the better", "not measurably here",
               "for the worse"),
       because="at 0.1; try 0.2 and 0.4 in the picture", rests="warm-up-lower")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where does it stop?
#
# Where the gradient is zero: a **critical point**. The Hessian $H$, the matrix of second derivatives, tells which kind. Its *eigenvalues* are the curvatures along its own axes ($\lambda_{\max}$ and $\lambda_{\min}$ of the bowl were two): all positive, a minimum; all negative, a maximum; of both signs, a **saddle**.
# A surface with a saddle between two valleys, $\frac14(w_1^2-1)^2 + \frac12 w_2^2$:

# %% tags=["nbval-check-output"]
from course_lib.experiments.sgd.saddle import SADDLE, escape
from course_lib.experiments.shared.sharpness import exact_hessian, kind_of_point

def eigenvalues(point):
    at = [torch.tensor(point, dtype=torch.float64)]
    return torch.linalg.eigvalsh(exact_hessian(lambda w: SADDLE.loss(w[0]), at))


claim("Critical points are told apart by the eigenvalues of the Hessian.",
      measured={str(point): kind_of_point(eigenvalues(point))
                for point in ((0.0, 0.0), (1.0, 0.0), (-1.0, 0.0))},
      holds=lambda kinds: list(kinds.values()) == ["saddle", "minimum", "minimum"])

# %%
predict("ridge",
        "Plain gradient descent, no noise at all, starts 1e-8 beside the ridge line w₁ "
        "= 0. It ends …",
        ["at the saddle: only noise leaves it", "in a valley, soon enough",
         "in a valley, after millions of steps"])

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import sgd as explore

explore.saddle.show(offset=1e-8)

# %% [markdown]
# Near the saddle $w_1$ has curvature −1, so each step *multiplies* it by $1+\eta$. From 1e-8 that alone would take $\ln(\frac12/10^{-8})/\ln 1.1 \approx 186$ steps to reach ½; the run takes two more, since the curvature fades on the way.
# Only a start exactly on the ridge, which a random start never is, stays.
#
# The lecture says that "due to the stochastic nature of SGD, optimizers will find local minima instead of saddle points". The noise is not what it takes: plain gradient descent ends at no saddle either, from almost every start
# (under two conditions, and perhaps late: *Deeper*). But noise helps. Set the start to 0 and add some. "Cyclical learning rates […] can help the optimizer to traverse saddle points faster", it says too: in the picture, choose a cyclical rate of the same mean, then of the same peak.

# %% tags=["nbval-check-output"]
claim("Without noise gradient descent stays on the ridge if it starts on it; from "
      "1e-12, 1e-8 or 1e-2 beside it, it leaves within 300 steps.",
      measured={offset: escape(0.1, offset, 0.0, "constant").left_at
                for offset in (0.0, 1e-12, 1e-8, 1e-2)},
      holds=lambda left: left[0.0] is None and None not in list(left.values())[1:])
claim("From the ridge itself, noise of 1e-8 in the "
      "gradient is enough to leave within 300 steps.",
      measured=escape(0.1, 0.0, 1e-8, "constant").left_at,
      holds=lambda step: step is not None and step < 300, kind="checked")

# %%
# what came out
reveal("ridge", "in a valley, soon enough", because="the offset grows by 10 % a step")

# %% [markdown]
# SGD with little noise finds *a* minimum; which of several, the next *Deeper* section asks. A network has very many that are equally deep: permute its hidden units and you have another. Whether the others are nearly as good is no theorem but an observation, and a matter of width.

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
# (2000 starts and noises; always this one surface.)

# %% tags=["deeper"]
def valleys(noise, starts=2000, steps=400):
    """On (w² − 1)²/4 + w/10, the deeper valley left of the ridge at 0.101: is each
    random start, and each end, left?"""
    generator = seeded(0)
    w = 1.4 * (2 * torch.rand(starts, dtype=torch.float64, generator=generator) - 1)
    first = w < 0.101
    for _ in range(steps):
        shake = noise * torch.randn(starts, dtype=torch.float64, generator=generator)
        sgd_update(w, w**3 - w + 0.1 + shake, {}, lr=0.1)
    return first, w < 0.101


# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
(first, last), (_, shaken) = valleys(0.1), valleys(1.5)
stay = mean_interval((first == last).double())
claim("With noise 0.1 in the gradient, at least 95 % of the runs end in the valley on "
      "whose side they started.",
      measured=stay,
      kind="measured", id="little-noise-stays",
      holds=lambda share: share.between(low=0.95))
claim("With noise 1.5, more than 65 % end in the deeper valley, from wherever they "
      "started.",
      measured=mean_interval(shaken.double()), kind="measured", id="much-noise-deeper",
      holds=lambda share: share.between(low=0.65))

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
# what came out
reveal("global",
       "in whichever is nearer, deep or not" if stay.between(low=0.95) else None,
       because="nothing in a gradient says that a deeper place exists",
       rests="little-noise-stays")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: does a low training loss make a good model?
#
# 200 digits, half of the labels replaced by wrong ones; the test labels are right. We say *no* if the training loss (cross entropy; guessing gives 2.3) ends below 0.05 and test accuracy below 70 %, over six seeds.

# %% tags=["deeper"]
predict("good", "A network reaches nearly zero training loss here. Is it a good model?",
        ["yes", "no"])

# %% jupyter={"outputs_hidden": true} tags=["deeper", "nbval-check-output"]
from course_lib.engine import ModelSpec, train

*_, fitted = train(ModelSpec((64, 128, 10)),
                   lambda seed: digits(200, label_noise=0.5, seed=seed),
                   {"lr": 0.1, "momentum": 0.9},
                   range(6), update=sgd_update, steps=400, batch_size=50)
claim("With half of the labels wrong, training loss still gets below 0.05.",
      measured=mean_interval(fitted.train_loss[:, 0, -1]),
      kind="measured", id="wrong-labels-learned",
      holds=lambda loss: loss.between(high=0.05))
right = mean_interval(fitted.test_accuracy[:, 0, -1])
claim("Test accuracy of the same networks, on right labels, is below 70 %.",
      measured=right,
      kind="measured", id="wrong-labels-test",
      holds=lambda share: share.between(high=0.70))

# %% tags=["deeper"]
# what came out
reveal("good", {True: "no", False: "yes", None: None}[right.between(high=0.70)],
       because=f"test accuracy {right.mean:.0%}: it has learned wrong labels too "
               "(lesson 01)", rests="wrong-labels-test")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: does the noise choose better minima?
#
# The lecture says that the noise "helps guide the optimizer towards broader minima with smaller L2 norms", which "are typically associated with better generalization performance compared to sharp minima". Three statements (flatter, smaller, better), three measurements. *Sharpness* is $\lambda_{\max}$ of the Hessian of the training loss, found by power iteration:
# multiply a random vector by $H$ again and again and it turns into the direction of the eigenvalue of largest size, which here is $\lambda_{\max}$. For a fixed vector $u$, $H u$ is the derivative of $\nabla L \cdot u$, one more backward pass, so $H$ itself is never built.
#
# 64-64-10 networks, 300 digits, squared error, plain SGD; batches of 10, 50 and all 300; compared where each first comes down to the *same training loss*, 0.012 (looked at every 20 steps). Six seeds: split, start, batch order; always the same 1797 digits.
# That is short of a minimum, and a noisy run is a few per cent lower at that look. What counts, at the lowest and at the highest learning rate: the interval of the difference, batch 300 minus batch 10 of the same seed, lies on that side of 0 which the lecture says. Six claims, each with its own 95 %.

# %% tags=["deeper"]
predict("sharp", "Learning rate 1, equal training loss: the batch of 10 is …",
        ["flatter, and with smaller weights", "flatter, but not with smaller weights",
         "sharper", "with no measurable difference"])

# %% jupyter={"outputs_hidden": true} tags=["deeper"]
from course_lib.explorers import sgd as explore

explore.sharpness.show()

# %% tags=["deeper"]
*_, found = explore.sharpness.explorer.compute()  # what the picture was drawn from
def gap(name, lr):
    """Batch 300 minus batch 10, paired by seed."""
    values = getattr(found, name)[:, :, found.lrs.index(lr)]
    return paired_interval(values[:, 2], values[:, 0])


# %% tags=["deeper", "nbval-check-output"]
for lr in (1.0, 2.0):
    claim(f"Learning rate {lr:g}: full batches are sharper than batches of 10.",
          measured=gap("sharpness", lr), kind="measured", id=f"full-sharper-{lr:g}",
          holds=lambda gap: gap.between(low=0))
    claim(f"Learning rate {lr:g}: full batches have larger weights than batches of 10.",
          measured=gap("norm", lr), kind="measured", id=f"full-larger-{lr:g}",
          holds=lambda gap: gap.between(low=0))
    claim(f"Learning rate {lr:g}: full batches have a lower test accuracy than batches "
          "of 10.",
          measured=gap("accuracy", lr), kind="measured", id=f"full-accuracy-{lr:g}",
          holds=lambda gap: gap.between(high=0))

# %% tags=["deeper"]
flatter, smaller = (gap(name, 1.0).between(low=0) for name in ("sharpness", "norm"))

# %% tags=["deeper"]
# what came out
reveal("sharp",
       {True: "flatter, and with smaller "
              "weights" if smaller else "flatter, but not with smaller weights",
        False: "sharper", None: "with no measurable difference"}[flatter],
       rests="full-sharper-1, full-larger-1")

# %% [markdown] tags=["deeper"]
# Look at the learning rate 2 as well: the dotted line is $2/\eta$, the bound of *How large a step?*. Full-batch training of networks often sharpens until it reaches that line and then stays about there, the *edge of stability* (Cohen et al. 2021):
# then the learning rate alone sets how sharp the full batch is. Whatever you found, it is about this network, this loss and these digits; do not carry it further than that.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["deeper"]
# > **Myth: "sharp minima generalize badly".** Take a ReLU network, multiply one layer (weights and biases) by $a > 0$ and divide the weights of the next by $a$. It computes the same function, on every input. Its sharpness can be made as large as you like (Dinh et al. 2017; a *Deeper* section below does it).
#
# So sharpness alone cannot decide how well a function generalizes: the same function comes as sharp as you like. What can be compared is runs that differ in one thing, as above, and with an interval.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# ```python
# optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
# scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * len(loader))
# for epoch in range(epochs):
#     for x, y in loader:
#         optimizer.zero_grad()        # forget the last gradient
#         loss_fn(model(x), y).backward()
#         optimizer.step()             # then the scheduler, here once a step: T_max counts steps
#         scheduler.step()
# ```
#
# Typical: momentum 0.9, learning rate as high as is stable (try 0.3, 0.1, 0.03), warm-up for 1 to 5 % of the steps, cosine down to 0. Whether a scheduler counts steps or epochs is *your* choice of `T_max` or `step_size`; the place of `scheduler.step()` must agree with it.
# Three facts that many loops trip over. The optimizer holds *references*: replace a parameter after building it, and the new one is never trained. To resume a run, save the optimizer and the scheduler too. And gradients *add up* until `zero_grad`, which in torch sets them to None, not to zero (all three in *Deeper*).

# %%
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
# ### Deeper: the variance at rest
#
# Each step multiplies the deviation from the minimum by $1-\eta h$ and adds noise of variance $\eta^2\sigma^2/B$,
# so the variance settles where $V = (1-\eta h)^2\, V + \eta^2\sigma^2/B$, that is at $V = \dfrac{\eta\,\sigma^2}{B\,h\,(2-\eta h)}$.
#
# Over every possible history: two examples that want the weight at −1 and at 1 (so $h = 1$, $\sigma = 1$), batches of two drawn with replacement, nine steps, $4^9$ runs.

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
      holds=lambda gap: abs(gap) < 1e-11)

# %% [markdown]
# Real loops shuffle instead of drawing independently: every example comes once an epoch, so its pull is taken back within the epoch. We say *lower* if the ratio of variances at an epoch's end lies below 1.
# (Ten repeats of 2000 runs, 16 examples, batches of 2.)

# %% tags=["deeper", "nbval-check-output"]
sixteen = torch.linspace(-1, 1, 16, dtype=torch.float64)
noise = seeded(0)
options = {"batch_size": 2, "lr": 0.2, "steps": 80, "runs": 2000, "generator": noise}
ratios = [settle(sixteen, shuffled=True, **options).var().item()
          / settle(sixteen, shuffled=False, **options).var().item() for _ in range(10)]
claim("Shuffled epochs settle lower than independent draws.",
      measured=mean_interval(ratios), kind="measured", id="epochs-settle-lower",
      holds=lambda ratio: ratio.between(high=1))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: each schedule against torch
#
# One of them (`require_whole` and `require_probability` refuse nonsense, `_between` runs along half a cosine); then all six at every step of a run of 300, and what torch's cosine does after its end.

# %% tags=["deeper"]
from torch.optim import lr_scheduler as torch_has

from course_lib.sgd import cosine_decay

show_source(cosine_decay)

# %% tags=["deeper"]
from course_lib.sgd import (cyclical, exponential_decay, linear_warmup, one_cycle,
                            step_decay)


def rates(scheduler, steps=300, **options):
    """The learning rates that a scheduler of torch sets, starting from 1."""
    optimizer, seen = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0), []
    scheduler = scheduler(optimizer, **options)
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


# %% tags=["deeper", "nbval-check-output"]
# ours, torch's
pairs = {"step": (lambda t: step_decay(t, 100, 0.1),
                  rates(torch_has.StepLR, step_size=100, gamma=0.1)),
         "exponential": (lambda t: exponential_decay(t, 0.98),
                         rates(torch_has.ExponentialLR, gamma=0.98)),
         "cosine": (lambda t: cosine_decay(t, 299),
                    rates(torch_has.CosineAnnealingLR, T_max=299)),
         "warm-up": (lambda t: linear_warmup(t, 50, 0.01),
                     rates(torch_has.LinearLR, start_factor=0.01, total_iters=50)),
         "cyclical": (lambda t: cyclical(t, 25, low=0.1),
                      rates(torch_has.CyclicLR, base_lr=0.1, max_lr=1.0,
                            step_size_up=25, cycle_momentum=False)),
         "one-cycle": (lambda t: one_cycle(t, 300),
                       rates(torch_has.OneCycleLR, max_lr=1.0, total_steps=300,
                             cycle_momentum=False)),}
claim("Each schedule equals its twin in torch.optim.lr_scheduler at every step.",
      measured={name: max(abs(ours(t) - rate) for t, rate in enumerate(theirs))
                for name, (ours, theirs) in pairs.items()},
      holds=lambda gaps: max(gaps.values()) < 1e-12)
# %% tags=["deeper", "nbval-check-output"]
beyond = rates(torch_has.CosineAnnealingLR, steps=41, T_max=20)
claim("Run torch's cosine longer than T_max, and the rate climbs again, back to its "
      "start at 2·T_max; ours stays down.",
      measured=[beyond[20], beyond[40], cosine_decay(40, 20)],
      holds=lambda r: r[0] < 1e-12 < 1 - 1e-9 < r[1] and r[2] == 0)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: one function, as sharp as you like
#
# A ReLU network of 3-4-1 without biases, its first layer times 100 and its second divided by 100; and power iteration held to the exact Hessian of the same network.

# %% tags=["deeper"]
from course_lib.experiments.shared.sharpness import top_eigenvalue

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
      holds=lambda figures: figures[0] < 1e-12 and figures[1] > 1000)
claim("Power iteration finds the top eigenvalue of the exact Hessian.",
      measured=top_eigenvalue(loss, layers, tolerance=1e-8, iterations=20000,
                              generator=seeded(0)) / tops[0] - 1,
      holds=lambda gap: abs(gap) < 1e-6)

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
      holds=lambda pair: pair == [[[1.0, 1.0]], [[1.0, 1.0]]])

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: gradients add up
#
# Two backward passes, a step, a `zero_grad`: what is in `weight.grad` after each?

# %% tags=["deeper", "nbval-check-output"]
weight = torch.ones(2, dtype=torch.float64, requires_grad=True)
optimizer, seen = torch.optim.SGD([weight], lr=0.1), []
for action in (lambda: weight.sum().backward(), lambda: weight.sum().backward(),
               optimizer.step, optimizer.zero_grad):
    action()
    seen.append(None if weight.grad is None else weight.grad[0].item())
claim("Gradients add up until zero_grad, step() leaves them as they are, and torch's "
      "zero_grad sets them to None, not to zero.",
      measured=seen, holds=lambda grads: grads == [1.0, 2.0, 2.0, None])

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: resuming a run, bit for bit
#
# What must be saved: the weights, the optimizer's `state_dict` (its velocities) and the scheduler's (its step). Leave one out and the run goes on, as another run.

# %% tags=["deeper"]
import io


def begin():
    w = torch.full((3,), 2.0, requires_grad=True)
    optimizer = SGD([w], lr=0.1, momentum=0.9)
    return w, optimizer, torch_has.CosineAnnealingLR(optimizer, T_max=40)


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
      measured=torch.equal(run(20, 40, halfway)[0], run(0, 40)[0]),
      holds=lambda equal: equal)
claim("Without the optimizer's state, or without the scheduler's, it ends elsewhere.",
      measured={part: (run(20, 40, halfway, parts=(part,))[0]
                       - run(0, 40)[0]).norm().item()
                for part in ("scheduler", "optimizer")},
      holds=lambda distances: min(distances.values()) > 1e-3)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: three ways to write momentum
#
# Heavy ball, $v \leftarrow \mu v + g$, is torch's. Many texts write a moving average, $m \leftarrow \beta m + (1-\beta) g$, some of them divided by $1-\beta^t$ for having started at 0.
# Under the right learning rates they are one path. torch's `dampening=β` looks like the average and is not: its first velocity is all of $g$.

# %% tags=["deeper"]
def average_path(lr, beta, corrected, steps=50):
    """w on ½(w − 1)² from 0, lr a function of the step t = 1, 2, …; momentum as a
    moving average."""
    w, m, seen = 0.0, 0.0, []
    for t in range(1, steps + 1):
        m = beta * m + (1 - beta) * (w - 1)
        w -= lr(t) * m / (1 - beta**t if corrected else 1)
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
averages = (average_path(lambda t: 1.0, 0.9, False),
            average_path(lambda t: 1 - 0.9**t, 0.9, True))
claim("Heavy ball, moving average (lr/(1 − β)) and corrected average (lr(1 − βᵗ)/(1 − "
      "β)) are one path.",
      measured=[(path - ball).abs().max().item() for path in averages],
      holds=lambda gaps: max(gaps) < 1e-12)
claim("torch's dampening = β is neither average: its "
      "first step is undamped, ten times as large.",
      measured=[damped[0].item(), averages[0][0].item(), averages[1][0].item()],
      holds=lambda first: abs(first[0] - 1) < 1e-12
            and max(abs(w - 0.1) for w in first[1:]) < 1e-12)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: which of many solutions?
#
# Three equations, six weights: infinitely many fit. A gradient is a combination of the rows of $X$, so descent from zero never leaves their span, and the one solution in it is the shortest: *implicit* regularization without any noise.

# %% tags=["deeper"]
generator = seeded(0)
X, target, elsewhere = (torch.randn(shape, dtype=torch.float64, generator=generator)
                        for shape in ((3, 6), (3,), (6,)))
shortest = torch.linalg.pinv(X) @ target


def descend(w):
    w = w.clone()
    for _ in range(20000):
        sgd_update(w, X.T @ (X @ w - target), {}, lr=0.1)
    return w


# %% tags=["deeper", "nbval-check-output"]
claim("Gradient descent from zero ends at the minimum-norm solution of an "
      "under-determined least-squares problem.",
      measured=(descend(torch.zeros(6, dtype=torch.float64)) - shortest).norm().item(),
      holds=lambda gap: gap < 1e-9)
far = descend(elsewhere)
claim("From another start it fits as well and ends elsewhere, at a longer solution.",
      measured=[(X @ far - target).norm().item(),
                far.norm().item() - shortest.norm().item()],
      holds=lambda figures: figures[0] < 1e-9 and figures[1] > 0.1)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: leaving a saddle, with and without noise, with and without cycles
#
# Lee et al. (2016): gradient descent from a random start ends at a saddle with probability 0, if its learning rate is below one over the largest curvature anywhere and every saddle has a direction that leads down.
# That says nothing of *how soon*: past many saddles in a row it can take exponentially many steps, where descent with noise does not (Du et al. 2017). So noise can decide how soon a saddle is left, not whether.
#
# And cycles? Beside the saddle each step multiplies the offset by $1+\eta_t$. At a given mean rate the product over whole cycles is largest when all rates are equal (of numbers with a given sum, equal ones have the largest product).
# Inside a cycle the cyclical rate is ahead while it has spent more than its mean, and behind while less, so it leaves a few steps sooner or later by the accident of where in the cycle it is.
# A cyclical rate that does gain gains by a *higher mean* than the constant one it is compared with.

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.sgd.saddle import CYCLE, RATES, rate_factors

constant_rate, same_mean, same_peak = RATES
cycles = {rate: math.prod(1 + 0.1 * f for f in rate_factors(rate, 5 * 2 * CYCLE))
          for rate in RATES}
claim("Over whole cycles an offset grows less at a cyclical rate than at a constant "
      "one of the same mean, and far less at one of the same peak.",
      measured=cycles,
      holds=lambda by: by[constant_rate] > by[same_mean] > 100 * by[same_peak])
later = {offset:
             escape(0.1, offset, 0.0, same_mean).left_at
             - escape(0.1, offset, 0.0, constant_rate).left_at
         for offset in (1e-12, 1e-8, 1e-4, 1e-2)}
claim("With the same mean it leaves at most half a cycle, 20 steps, later or sooner "
      "(below 0: sooner).",
      measured=later, holds=lambda steps: max(map(abs, steps.values())) <= CYCLE)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: why saddles are the rule
#
# If the Hessian at a critical point were a random symmetric matrix (normal entries, off the diagonal with half the variance), how often would all $d$ eigenvalues have one sign, so that the point is no saddle? We say *ever rarer* if each share is less than half of the one before.
# A trained network's Hessian is not random: this makes it plausible that saddles crowd high dimensions, and does not say how many there are.

# %% tags=["deeper", "nbval-check-output"]
def definite(d, draws=20000):
    """1 for each random symmetric matrix whose eigenvalues have one sign, else 0."""
    a = torch.randn(draws, d, d, dtype=torch.float64,
                    generator=seeded(d))
    h = torch.linalg.eigvalsh(a + a.mT)
    return ((h > 0).all(1) | (h < 0).all(1)).double()


shares = {d: mean_interval(definite(d)) for d in (2, 3, 4)}
print("share without a saddle:  d = 1: 1, ",
      ",  ".join(f"d = {d}: {share.mean:.4f}" for d, share in shares.items()))
for d, before in ((2, None), (3, 2), (4, 3)):
    limit = (shares[before].low if before else 1.0) / 2
    claim(f"In {d} dimensions the share of definite matrices is less than half of that "
          f"in {d - 1}.",
          measured=shares[d], kind="measured", id=f"definite-rarer-{d}",
          holds=lambda share, limit=limit: share.between(high=limit))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: other conventions, and a slip of the lecture
#
# Some texts write momentum as an average: the learning rates then differ by $1/(1-\beta)$, as shown above. The lecture has `zero_grad()` "Reset gradients of all the parameters to zero", as the torch of R, which it uses, does; in PyTorch they become `None`. Its σ is called "the standard deviation of the gradient estimate relative to the batch size"; it is that of single gradients, and knows no batch size.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When not to
#
# - Features or layers on very different scales make the condition number large: normalise (lesson 07), or use Adam (lesson 04), before you tune the learning rate of SGD for days.
# - Data that fit into one batch, few weights, a smooth loss: use a second-order method (`torch.optim.LBFGS`, a linear solver). Noise buys you nothing there.
# - A larger batch with the old learning rate: find it anew. Multiplying it by the same factor keeps $\eta/B$, and so about the variance at rest, but the bound $2/\lambda_{\max}$ does not move.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In one breath
#
# | question | answer |
# |---|---|
# | learning rate too high? | diverges above $2/\lambda_{\max}$, with momentum $2(1+\mu)/\lambda_{\max}$ |
# | too low? | the flattest direction takes about $1/(\eta\lambda_{\min})$ steps to come $e$ times nearer |
# | how wrong is a batch? | $\sigma/\sqrt B$, in shuffled epochs times $\sqrt{(n-B)/(n-1)}$; never biased |
# | where does the noise keep it? | at variance $\eta\sigma^2/(B h(2-\eta h))$ if draws are independent: let $\eta$ decay, and it fades |
# | does noise find the best minimum? | little noise does not: it ends in the nearest; strong noise hops on (*Deeper*) |
# | does it choose flatter places, and are they better? | two questions, measured in *Deeper* at equal training loss; sharpness alone decides neither |
#
# Now write it yourself: **`00_sgd_exercises.ipynb`**.
#
# **Sources.** Robbins & Monro, *A Stochastic Approximation Method*, 1951. Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964. Lee, Simchowitz, Jordan & Recht, *Gradient Descent Only Converges to Minimizers*, COLT 2016 (arXiv:1602.04915).
# Du, Jin, Lee, Jordan, Póczos & Singh, *Gradient Descent Can Take Exponential Time to Escape Saddle Points*, NeurIPS 2017 (arXiv:1705.10412).
# Keskar et al., *On Large-Batch Training for Deep Learning*, ICLR 2017 (arXiv:1609.04836). Dinh, Pascanu, Bengio & Bengio, *Sharp Minima Can Generalize For Deep Nets*, ICML 2017 (arXiv:1703.04933). Cohen et al., *Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability*, ICLR 2021 (arXiv:2103.00065).
# Pearlmutter, *Fast Exact Multiplication by the Hessian*, 1994. Smith & Topin, *Super-Convergence*, 2019.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Test yourself, and teach it
#
# What one can explain in two minutes one has understood. Do it aloud, to a friend, a pet, or the wall; where you get stuck is where to read again.
#
# **Teach it to** somebody who has trained networks, and never asked what the optimizer does. *Draw* a bowl as ellipses, with three paths in it: a small learning rate, one just below $2/\lambda_{\max}$, one just above. Beside it two batches, each with its own idea of downhill. *Disarm* the sentence "twice the batch, half the noise". *And ask back:* What would you change first if the loss jumps up and down: the learning rate, or the batch size?
#
# Below: the questions of this lesson (some are about *Deeper* sections), with a reason for every option, and its cards, which come back after 1, 3 and 7 days.

# %% slideshow={"slide_type": "skip"}
from course_lib.notebook import quiz_of, recall

quiz_of("sgd")

# %% slideshow={"slide_type": "skip"}
recall("sgd")
