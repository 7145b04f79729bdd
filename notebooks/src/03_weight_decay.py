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
# # Weight decay versus L2: the same thing, until it is not
#
# Two ways to pull weights towards zero. **L2** adds $\frac{\lambda}{2}\lVert w\rVert^2$ to the loss, so that $\lambda w$ joins the gradient.
# **Weight decay** leaves the loss alone and multiplies every weight by $1-\eta\lambda$ at each step ($\eta$ is the learning rate).
# The two words are often used for one thing, and PyTorch calls both of them `weight_decay`. When is that harmless, and how wrong is it when it is not?
#
# *46 minutes; sections called* Deeper *are folded, and extra. You need gradients and momentum (lesson 00), and L2 (lesson 02). What is needed of Adam is told here.*

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import (above, below, between, claim, each, near, negative,
                                     positive, predict, quiz, reveal, setup,
                                     show_source, within)
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None

import torch

from course_lib.base.random import seeded
from course_lib.adamw import adam_update
from course_lib.sgd import SGD, sgd_update
from course_lib.statistics import mean_interval, paired_interval

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One start, two pulls
#
# When do the two pulls come to the same? In this bowl L2 and decay have one start, one learning rate and one λ = 0.5. An ✕ is where a run would stop in the end.
# One optimizer is new: **Adam** divides each weight's step by the recent size of that weight's gradients.
#
# **Do this**: it opens with momentum 0.9. Choose plain SGD, then **Adam**.  **Notice**: for which optimizer are the two paths one?

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import weight_decay as explore

explore.trajectories.show()

# %% [markdown]
# For plain SGD alone. There the curve on the right stays in the grey band: nothing but rounding. Here are all three side by side, 100 steps each:

# %%
explore.apart.show_apart()

# %% [markdown]
# Under Adam the two stand close after 100 steps. But only L2 is about at rest there: decay creeps on towards the star (dotted). Remember that dotted line: the last third explains it.
#
# At the end of this lesson you can
# - show why in one line of algebra;
# - compute where each comes to rest, and under SGD convert a λ of one into that of the other;
# - say what Adam does to L2, and where each then ends.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Commit first
#
# Switch the loss off: its gradient is zero everywhere, only the pull is left. One weight starts at 1.
# Learning rate 0.1, λ = 0.5, momentum 0.9.

# %%
predict("flat-loss", "After three steps, which weight is smaller?",
        ["the one with L2", "the one with weight decay", "they are equal"])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## By hand
#
# What does each take off? Recall lesson 00: the velocity is $v \leftarrow 0.9\,v + g$, the step $w \leftarrow w - 0.1\,v$.

# %% jupyter={"outputs_hidden": true}
def three_steps(update, **pull):
    """The weight after each of three steps on a flat loss, starting from 1."""
    w, state, seen = torch.ones((), dtype=torch.float64), {}, []
    for _ in range(3):
        update(w, torch.zeros_like(w), state, lr=0.1, **pull)
        seen.append(w.item())
    return seen


with_l2 = three_steps(sgd_update, momentum=0.9, l2=0.5)
with_decay = three_steps(sgd_update, momentum=0.9, weight_decay=0.5)
print("L2          ", *(f"{w:.6f}" for w in with_l2))
print("weight decay", *(f"{w:.6f}" for w in with_decay))

# %% [markdown]
# The first step is the same: both take off $0.1 \cdot 0.5 \cdot 1 = 0.05$. Then they part.
#
# - **L2**: the first pull went *into the velocity*, and nine tenths of it roll on. So the second step takes off $0.1\,(0.9 \cdot 0.5 + 0.5 \cdot 0.95) = 0.0925$.
# - **Weight decay** leaves nothing behind in the velocity. It takes 5 % of what is there each time: $0.95,\ 0.95^2,\ 0.95^3$.

# %%
# what came out
reveal("flat-loss", "the one with L2", because="its pull is carried on by the velocity")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The one line
#
# Where in the code do the two part? Here are both pulls in SGD with momentum, for one tensor `w` with the gradient `g`:
#
# ```python
# if l2:
#     g = g + l2 * w                 # L2: joins the gradient
# if weight_decay:
#     w.mul_(1 - lr * weight_decay)  # decay: goes round it
# v = momentum * v + g
# w.sub_(lr * v)
# ```
#
# L2 makes a new gradient, $g + \lambda w$. From there on nobody can tell pull and loss apart: what momentum does to one it does to the other. Decay multiplies the weight by $1-\eta\lambda$ and is done, and nothing of it is in `g` or `v`. So decay is also called *decoupled*, and L2 *coupled*.
#
# Careful with the name. In this code `weight_decay` is the second `if`. In torch's SGD and Adam the argument `weight_decay=` does what the *first* does; AdamW's does the second (*Deeper: torch's own steps*).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When they are the same
#
# Why were the two paths one under plain SGD? One line of algebra: without momentum L2 gives $w - \eta\,(g + \lambda w)$, decay gives $(1-\eta\lambda)\,w - \eta g$. Multiply out: it is the same number. So from one start the two stay together, step after step.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a thousand noisy steps
#
# Let us hold plain SGD to the line of algebra, with the pull let in at three places: as a term in the loss, in torch's `weight_decay`, and in our `SGD` with decay on a line of its own.
# The loss term stands without its ½, so its derivative is $2\lambda w$, and the two others get $2\lambda$.

# %% tags=["deeper"]
def weights_with(way, penalty=0.05, steps=1000, **options):
    """Ten weights after SGD on noisy targets, pulled by loss + λ‖w‖² in one of three
    ways."""
    noise = seeded(0)
    w = torch.ones(10, dtype=torch.float64, requires_grad=True)
    optimizer = {"loss": SGD([w], lr=0.1, **options),
                 "torch": torch.optim.SGD([w], lr=0.1, weight_decay=2 * penalty,
                                          **options),
                 "decoupled": SGD([w], lr=0.1, weight_decay=2 * penalty,
                                  decoupled_weight_decay=True, **options)}[way]
    for _ in range(steps):
        target = torch.randn(10, dtype=w.dtype, generator=noise)
        loss = ((w - target).square().sum() / 2
                + (penalty * w.square().sum() if way == "loss" else 0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return w.detach()


# %% tags=["deeper", "nbval-check-output"]
ways = [weights_with(way) for way in ("loss", "torch", "decoupled")]
claim("Under plain SGD a loss term λ‖w‖², `weight_decay=2λ` and decoupled decay 2λ "
      "give the same weights after 1000 steps.",
      measured=max((w - ways[0]).abs().max().item() for w in ways),
      holds=below(1e-12))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## So L2 is stronger?
#
# In three steps on the flat loss L2 took off more. Now give both pulls something to fight with: the loss $\frac12(w-1)^2$, which wants $w = 1$. Both start at 0.

# %%
predict("equilibrium", "λ = 0.5, momentum 0.9: where does each come to rest?",
        ["L2 closer to 0", "weight decay closer to 0", "same place, different speed"])

# %% [markdown]
# **Do this**: move the momentum μ from 0.9 down to 0, and back.  **Notice**: which place of rest moves, and which does not?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import weight_decay as explore

explore.equilibrium.show()

# %%
# what came out
reveal("equilibrium", "L2 closer to 0",
       because="momentum multiplies the loss and L2 "
               "alike by 10, and weight decay not at all")

# %% [markdown]
# The place that moves is decay's: without momentum both rest at 0.667, with 0.9 decay at 0.952.
#
# Why? A velocity that is fed the same gradient again and again grows to $1 + \mu + \mu^2 + \dots = \frac{1}{1-\mu}$ times that gradient, with μ = 0.9 to ten times, in a few dozen steps.
#
# - **L2** sits in the gradient. Rest means that the gradient is zero, pull included: $(w-1) + \lambda w = 0$, so $w = \frac{1}{1+\lambda} = 0.667$ whatever the momentum.
# - **Weight decay** stands outside. The weight stands still, but the velocity does not vanish: at each step it pushes the weight outwards by as much as decay pulls it back. It is fed the same gradient each time, so it is ten times that gradient: $\eta\frac{w-1}{1-\mu} + \eta\lambda w = 0$. Multiply by $\frac{1-\mu}{\eta}$: $(w-1) + \lambda(1-\mu)\,w = 0$. So $w = \frac{1}{1+\lambda(1-\mu)}$, here 0.952.
#
# So decay rests where L2 would with $\lambda(1-\mu)$, and needs a λ ten times as large for the same place.
# That is no merit of L2: **under momentum one λ is two different strengths.**
# When you switch and keep the learning rate, start from $\lambda_{\text{decay}} = \lambda_{\text{L2}} / (1-\mu)$. It holds on the way, too, while gradients change slowly: momentum gives the loss and L2 the rate $\eta/(1-\mu)$, and decay keeps η. (Where momentum is written with $(1-\beta)$ before the gradient, the factor falls away: *Deeper*.)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the whole function, more dimensions, and momentum with a (1 − β) in it
#
# This is the SGD of the course. `add_scaled(a, s, b)` is $a + s\,b$, `add_l2` returns $g + \lambda w$, `decay` multiplies the weight. Decay acts on the old weight, as in torch. Shrinking the new one, after the step, differs by $\eta^2\lambda$ times the direction of the step. `dampening` and `nesterov` are two options of torch. Nesterov steps along $g + \mu v$, so on the first step the pull of L2 counts 1.9 times: it takes off 0.095 where decay takes 0.05.
#
# In more dimensions the lowest point of bowl plus $\frac{\lambda}{2}\lVert w\rVert^2$ is called the **ridge** solution: $w_{\text{ridge}}(\lambda) = (H + \lambda I)^{-1} H w^\ast$,
# where the matrix $H$ holds the curvatures of the bowl and $w^\ast$ is its lowest point. It is where the crosses stand in the first picture.

# %% tags=["deeper"]
show_source(sgd_update)

# %% tags=["deeper", "nbval-check-output"]
claim("Under momentum the two agree on step 1, and from step 2 on the weight with L2 "
      "is the smaller one.",
      measured=[a - b for a, b in zip(with_l2, with_decay)],
      holds=each(within(1e-15), negative, negative))

# %% [markdown] tags=["deeper"]
# How small must ηλ be for the factor to hold on the way? On a flat loss the weight under L2 and momentum swings through zero as soon as $\eta\lambda > (1-\sqrt\mu)^2$, which is 0.0026 for μ = 0.9.
# *By hand* it was 0.05, so the weight changes its sign. Its swings shrink to $\sqrt\mu = 0.949$ of themselves at each step, hardly faster than decay's 0.95. Decay itself never changes a sign while ηλ is below 1.

# %% tags=["deeper", "nbval-check-output"]
w, state, signed = torch.ones((), dtype=torch.float64), {}, []
for _ in range(10):
    sgd_update(w, torch.zeros_like(w), state, lr=0.1, momentum=0.9, l2=0.5)
    signed.append(w.item())
print(*(f"{value:.3f}" for value in signed))
claim("On the flat loss of By hand the weight under L2 is still positive after seven "
      "steps, and negative after eight.",
      measured=signed[6:8], holds=each(positive, negative))

# %% tags=["deeper", "nbval-check-output"]
def rest(**pull):
    """Where SGD with momentum 0.9 comes to rest on the loss ½(w − 1)²."""
    w, state = torch.zeros((), dtype=torch.float64), {}
    for _ in range(1000):
        sgd_update(w, w - 1, state, lr=0.1, momentum=0.9, **pull)
    return w.item()


claim("L2 comes to rest at 1/(1 + λ), weight decay under momentum μ at 1/(1 + λ(1 − "
      "μ)): here 0.667 and 0.952.",
      measured=[rest(l2=0.5) - 1 / 1.5, rest(weight_decay=0.5) - 1 / 1.05],
      holds=within(1e-12))

# %% tags=["deeper", "nbval-check-output"]
claim("Decay proper equals L2 in plain SGD only: under Nesterov momentum the two part "
      "on the very first step (difference of the weights).",
      measured=three_steps(sgd_update, momentum=0.9, nesterov=True, l2=0.5)[0]
               - with_decay[0],
      holds=near(-0.045, 1e-12))

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.shared.surfaces import descend
from course_lib.experiments.weight_decay.bowl import BOWL as bowl

ridge = bowl.ridge


def end(update=sgd_update, steps=2000, **options):
    """Where a long run in the bowl of the first picture ends."""
    return descend(bowl, update, (0.0, 0.0), steps, **options)[-1]


ends = {"L2": end(lr=0.05, momentum=0.9, l2=0.5),
        "decay": end(lr=0.05, momentum=0.9, weight_decay=0.5)}
claim("In a bowl, L2 comes to rest at ridge(λ), and weight decay under momentum μ at "
      "ridge(λ(1 − μ)).",
      measured=[(ends["L2"] - ridge(0.5)).norm().item(),
                (ends["decay"] - ridge(0.05)).norm().item()],
      holds=below(1e-12))

# %% [markdown] tags=["deeper"]
# Many texts write momentum as a moving average of the gradient, $v \leftarrow \beta v + (1-\beta) g$, instead of torch's heavy ball, $v \leftarrow \mu v + g$.
# Is that another algorithm? The average's $v$ is $(1-\beta)$ times the ball's,
# so a learning rate $1/(1-\beta)$ times as large gives the same path. With one exception, and it is the subject of this lesson.

# %% tags=["deeper"]
def average_update(param, grad, state, *, lr, beta, l2=0.0, weight_decay=0.0):
    """Momentum as a moving average of the gradient; both pulls act on the old
    weight."""
    v = beta * state.get("v", 0.0) + (1 - beta) * (grad + l2 * param)
    state["v"] = v
    return param.sub_(lr * v + lr * weight_decay * param)


def gap(ball, average):
    """Largest distance between the two paths in 300 steps; the average takes ten times
    the learning rate."""
    start = (0.0, 0.0)
    return (descend(bowl, sgd_update, start, 300, lr=0.02, momentum=0.9, **ball)
            - descend(bowl, average_update, start, 300, lr=0.2, beta=0.9,
                      **average)).norm(dim=1).max().item()


# %% tags=["deeper", "nbval-check-output"]
claim("Heavy ball and moving average are one path under lr ↔ lr/(1 − β), without a "
      "pull and with L2.",
      measured=[gap({}, {}), gap({"l2": 0.5}, {"l2": 0.5})],
      holds=below(1e-12))
claim("With weight decay they part, unless λ is rescaled too: λ(1 − β) in the average "
      "is λ in the ball.",
      measured=[gap({"weight_decay": 0.5}, {"weight_decay": 0.5}),
                gap({"weight_decay": 0.5}, {"weight_decay": 0.05})],
      holds=each(above(0.1), below(1e-12)))
claim("In the average's form both pulls end at ridge(λ): the factor 1/(1 − β) belongs "
      "to the heavy ball.",
      measured=[(end(average_update, 4000, lr=0.05, beta=0.9, **{pull: 0.5})
                 - ridge(0.5)).norm().item() for pull in ("l2", "weight_decay")],
      holds=below(1e-12))

# %% [markdown] tags=["deeper"]
# So "a λ ten times as large" is a statement about torch's momentum. In the other form the learning rate is ten times as large, and with it the decay.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In plain PyTorch
#
# Does the factor of ten hold in a network? And under Adam? A small network learns digits from 300 images, every fifth with a wrong label; the test labels are right. A run has no pull, or L2 (`weight_decay=`, torch's name for it), or decay: the block under `no_grad`. Under Adam this block makes **AdamW** of it, W for weight decay (Loshchilov & Hutter, 2019).
# L2's λ is 0.02, large (usual are 1e-4 to 5e-4), so that one sees it after 600 steps. The cell prints the length of all weights, taken as one vector, and the test error.

# %% tags=["plain"]
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector

from course_lib.data import digits

data = digits(300, label_noise=0.2)  # 300 images, every fifth label wrong


def train(kind, l2=0.0, decay=0.0, lr=0.01, epochs=100, **options):
    """Train; say how long all weights are, and how many test images are wrong."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = kind(model.parameters(), lr=lr, weight_decay=l2, **options)
    model.train()
    for epoch in range(epochs):
        for rows in torch.randperm(300).split(50):
            loss = cross_entropy(model(data.train_x[rows]), data.train_y[rows])
            optimizer.zero_grad()
            loss.backward()
            with torch.no_grad():  # the gradient never hears of it
                for w in model.parameters():
                    w.mul_(1 - lr * decay)
            optimizer.step()
    model.eval()
    return (f"length {parameters_to_vector(model.parameters()).norm():.1f}, "
            f"{(model(data.test_x).argmax(1) != data.test_y).float().mean():.1%} wrong")


# each optimizer with its momentum; Adam has one of its own
for kind, more in ((torch.optim.SGD, {"momentum": 0.9}), (torch.optim.Adam, {})):
    for pull in ({}, {"l2": 0.02}, {"decay": 0.02}, {"decay": 0.2}):
        print(kind.__name__, pull or "no pull", "·", train(kind, **pull, **more))

# %%
print("before training ·", train(torch.optim.SGD, epochs=0))
print("Adam {'decay': 4} ·", train(torch.optim.Adam, decay=4.0))

# %% [markdown]
# All start at 6.8. Without a pull the weights grow to 11.2, under Adam to 20.0. L2 keeps them about as long as they were.
#
# **The factor of ten?** With momentum, yes. Decay with 0.2 makes the weights as long as L2 with 0.02 does, in the mean of eight further runs within 1 %. <!-- rests: factor-momentum --> They are nearly the same weights, too: subtract one vector from the other, and what is left is 3 % as long as either. Raising L2's λ by a twentieth, to 0.021, changes them as much.
#
# **Under Adam**, no. Decay with 0.2 leaves the length at 15.2, where L2 with 0.02 makes it 7.0. We tried larger λ until decay made it 7.0, too: that took 4, two hundred times L2's λ. And these are other weights:
#
# | L2 with 0.02, compared with | distance, as a share of the length |
# |---|---|
# | SGD: L2 with 0.021 | 3 % |
# | SGD: decay with 0.2 | 3 % |
# | Adam: L2 with 0.021 | 24 % |
# | Adam: decay with 4 | 95 % |
# | any vector of this length, at a right angle | 141 % |
#
# Why? The sections below ask.
#
# All but the mean is one seed. And the errors do not tell which kind is better: no λ was tuned, and with every fifth label wrong a strong pull has the easier game. Lesson 04 tunes both.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the same length, the same weights?
#
# Two networks can have the same length and little else in common. So we look at the weights themselves: the distance of the two vectors, as a share of the first one's length. We also ask how many test images the two networks label alike.
# Under Adam no formula says which decay to compare with L2's 0.02. So we tried some until the length was the same, 7.0. That was at λ = 4, two hundred times 0.02: the `4.0` below. A yardstick, of L2 alone, is the same network with a slightly stronger L2, 0.021.

# %% tags=["deeper"]
def weights(kind, **options):
    """The four parameters after the training of the plain cell."""
    held = []

    def keep(parameters, **more):
        held.extend(parameters)
        return kind(held, **more)

    train(keep, **options)
    return [part.detach() for part in held]

def labels(parts):
    first, bias, last, last_bias = parts
    return (torch.relu(data.test_x @ first.T + bias) @ last.T + last_bias).argmax(1)

for kind, decay, more in ((torch.optim.SGD, 0.2, {"momentum": 0.9}),
                          (torch.optim.Adam, 4.0, {})):
    ours = weights(kind, l2=0.02, **more)
    for pull in ({"decay": decay}, {"l2": 0.021}):
        theirs = weights(kind, **pull, **more)
        a, b = parameters_to_vector(ours), parameters_to_vector(theirs)
        alike = (labels(ours) == labels(theirs)).float().mean()
        print(f"{kind.__name__:<4} L2 0.02 and {pull}: lengths {a.norm():.1f} and "
              f"{b.norm():.1f}, apart {(a - b).norm() / a.norm():.0%}, labelled alike "
              f"{alike:.1%}")

# %% [markdown] tags=["deeper"]
# Under SGD with momentum it is nearly one network. Under Adam the weights are others: 95 % apart, where L2's yardstick is 24 %, and two vectors of one length at a right angle would be 141 % apart. What the two networks say differs less: they label 95 % of the test images alike, the yardstick's 98 %. One seed each; a yardstick for decay, or for another batch order, we did not measure.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Adam: the pull is divided too
#
# What does Adam do to a pull that sits in the gradient? **Adam** (Kingma & Ba, 2015) steps along the mean gradient, divided by the recent *size* of that weight's gradients. For this it keeps two running means for each weight, of its gradient and of its squared gradient:
#
# $$m \leftarrow 0.9\,m + 0.1\,g \qquad\qquad v \leftarrow 0.999\,v + 0.001\,g^2$$
#
# ($m$ is the velocity, averaged; $v$ from here on is the mean square.) Both start at 0, so at first they are too small. $\hat m = m/(1-0.9^t)$ and $\hat v = v/(1-0.999^t)$ undo that: after the first step, $t = 1$, they are $g$ and $g^2$. The step is
#
# $$\eta\,\frac{\hat m}{\sqrt{\hat v}+\varepsilon}$$
#
# The tiny ε = 1e-8 prevents a division by zero. L2 put its pull into the gradient, so **the pull is divided as well**.
#
# By hand, on the flat loss: with η = 0.1, w = 1 and λ = 0.5 the gradient is 0.5. So $\hat m = 0.5$ and $\sqrt{\hat v} = 0.5$, and the first step is $\eta \cdot 0.5/0.5 = 0.1$.

# %%
predict("flat-adam",
        "Adam with L2 on a flat loss: λ = 0.005 instead of 0.5 shrinks the weight …",
        ["100 times more slowly", "about 10 times more slowly", "as fast",
         "not at all"])

# %% jupyter={"outputs_hidden": true}
for strength in (0.5, 0.005):
    print(f"λ = {strength:<5}  Adam + L2   ",
          *(f"{w:.4f}" for w in three_steps(adam_update, l2=strength)))
    print(f"λ = {strength:<5}  Adam + decay",
          *(f"{w:.4f}" for w in three_steps(adam_update, weight_decay=strength)))

# %%
# what came out
reveal("flat-adam", "as fast", because="λw is divided by its own size, and λ cancels")

# %% [markdown]
# With λ = 0.005 the first step is $0.1 \cdot 0.005/0.005 = 0.1$ again. On a flat loss it is as if the knob were not connected. Decay obeys: 5 % a step, or 0.05 %.

# %% [markdown] slideshow={"slide_type": "slide"}
# On a real loss $\sqrt{\hat v}$ is set by the loss's gradients, as long as $\lambda w$ is small beside them. And they differ from weight to weight.
# Two weights, both 1. The loss pushes one to and fro by ±10, the other by ±0.1.

# %%
predict("two-weights", "Adam with L2, the same λ for both. Which weight shrinks more?",
        ["the one with gradients ±10", "the one with gradients ±0.1", "both the same"])

# %% jupyter={"outputs_hidden": true}
def shaken(steps=200, **pull):
    """Two weights after Adam steps whose gradients ±10 and ±0.1 change sign every
    time."""
    w, state = torch.ones(2, dtype=torch.float64), {}
    push = torch.tensor([10.0, 0.1], dtype=torch.float64)
    for step in range(steps):
        adam_update(w, push * (-1) ** step, state, lr=0.01, **pull)
    return w


l2_took, decay_took = shaken() - shaken(l2=0.01), shaken() - shaken(weight_decay=0.01)
for name, took in (("L2", l2_took), ("weight decay", decay_took)):
    print(f"{name:<12} took {took[0]:.2%} of the weight with ±10, {took[1]:.2%} of the "
          "one with ±0.1")

# %%
# what came out
reveal("two-weights", "the one with gradients ±0.1",
       because="its pull is divided by 0.1, the other's by 10")

# %% [markdown]
# Decay took 1.95 % of each: about ηλ times 200 steps, which is 2 %.
#
# L2 took a tenth of that, 0.20 %, from the weight with ±10. From the one with ±0.1 it took nine times as much as decay, 17.76 %: a little less than ten, for the weight shrinks.
#
# **Under Adam the pull of L2 has a speed of its own at each weight.**

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Adam: where each comes to rest
#
# Do the two also *end* in different places? One weight first: the loss $\frac12(w-1)^2$ again, with the gradient $g = w - 1$, and λ = 0.5.
#
# To reckon it, hold $\sqrt{\hat v}$ still at some positive number, and leave ε out. In training the noise of minibatches holds it up; here we do so by hand. At rest the gradient is the same at each step (under decay it is not zero). The mean of equal numbers is that number, so $\hat m$ is the gradient itself, and a step is η times gradient over $\sqrt{\hat v}$.
#
# - **L2**: nothing moves where $(g + \lambda w)/\sqrt{\hat v} = 0$. The divisor drops out: $g + \lambda w = 0$. So it rests at $\frac{1}{1+\lambda} = 0.667$ whatever $\hat v$ is. Loss and pull are divided alike, as momentum multiplied them alike.
# - **Decay**: step and pull cancel, and η with them, where $g/\sqrt{\hat v} + \lambda w = 0$. Only the loss is divided. Multiplied by $\sqrt{\hat v}$ that is $g + \lambda\sqrt{\hat v}\,w = 0$. So it rests at $\frac{1}{1+\lambda\sqrt{\hat v}}$, as L2 would with $\lambda\sqrt{\hat v}$ in place of λ.
#
# Where $\sqrt{\hat v}$ is 10 the loss speaks with a tenth of its voice, decay with all of its own: the weight rests at 0.167. Where $\sqrt{\hat v}$ is 0.1 it rests at 0.952. That number again: momentum multiplied the loss by ten, Adam divides it by 0.1.
#
# **At one λ, with $\sqrt{\hat v}$ held above 1, decay is the stronger; held below 1, L2 is.** At 1 the two curves cross:

# %%
explore.prices.show_prices()

# %% [markdown]
# With many weights the two equations hold for each. L2 rests where the gradient of loss $+ \frac{\lambda}{2}\sum_i w_i^2$ is zero, as without Adam; decay where that of loss $+ \frac{\lambda}{2}\sum_i \sqrt{\hat v_i}\,w_i^2$ is. What stands before $\frac12 w_i^2$ is the **price** that a weight pays for its length. L2's is λ for all, decay's is $\lambda\sqrt{\hat v_i}$, for each its own.
#
# Two weights at once: the first picture's bowl, with λ = 0.5.
#
# **Do this**: it opens with $\sqrt{\hat v}$ at ratio 16. Lower it to 1.  **Notice**: which of the two ends moves?

# %%
from course_lib.explorers import weight_decay as explore

explore.goals.show(ratio=16.0)

# %% [markdown]
# Decay's moves, along the dotted line. At ratio 1 both $\sqrt{\hat v}$ are 1, and it lies on L2's cross. At ratio 16 they are 4 and ¼: $w_1$ pays sixteen times the price of $w_2$, and is pulled far to the left, to 0.46.
#
# **And where $\hat v$ moves?** Then it hangs on the noise.
#
# - **Minibatches** pull now here, now there, and so hold $\sqrt{\hat v}$ up. Let the bowl be the mean loss of 300 examples, each with a star of its own. A batch of ten then misses the mean gradient by about 4 in $w_1$ and by ¼ in $w_2$. With such batches and a fading η AdamW's $\sqrt{\hat v}$ stood at 4.03 and 0.41 in the end. With these it should rest at (0.47, 1.40). There it ended, in the mean of 100 runs, and L2 at its cross. <!-- rests: minibatch-goal-l2, minibatch-goal-decay -->
# - **Without noise** the price fades: near the lowest point the gradients vanish, so $\sqrt{\hat v}$ goes to zero, and $\lambda\sqrt{\hat v}$ with it. Could a weight rest at 1.5, with λ = 0.5 and a gradient of 0.01? Its $\sqrt{\hat v}$ becomes 0.01, Adam steps $\eta\cdot0.01/0.01 = \eta$ outwards, and decay takes only $0.75\,\eta$ back. So it moves on, however small the gradient, as long as $\lambda\lvert w\rvert < 1$. At the star $w_1 = 2$, so $\lambda w_1 = 1$: up to there it creeps. That is the dotted line of the beginning.
#
# **L2 under Adam: one price, many speeds. Decay: one speed, many prices.** As long as $\hat v$ stands about still:
#
# | under Adam | price | speed of the pull, where gradients go to and fro |
# |---|---|---|
# | L2 | $\lambda$ | $\eta\lambda/\sqrt{\hat v}$ |
# | decay | $\lambda\sqrt{\hat v}$ | $\eta\lambda$ |
#
# The price says where a weight rests; a speed matters where training stops before it is there.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: all of Adam, and the flat loss again
#
# Why 0.8004 after two steps on the flat loss, and not 0.8? $\sqrt{\hat v}$ remembers the larger pull of the first step a little longer than $\hat m$ does: the second step is $0.1 \cdot 0.4737/0.4756$, a little below 0.1.
#
# Now the whole function (0.9 and 0.999 are its β₁ and β₂), then the flat loss again, and the two weights.

# %% tags=["deeper"]
show_source(adam_update)

# %% tags=["deeper", "nbval-check-output"]
adam_large = three_steps(adam_update, l2=0.5)
adam_small = three_steps(adam_update, l2=0.005)
claim("On a flat loss, Adam with L2 takes the same "
      "steps for λ = 0.5 and λ = 0.005 (up to ε).",
      measured=max(abs(a - b) for a, b in zip(adam_large, adam_small)),
      holds=below(1e-5))

# %% [markdown] tags=["deeper"]
# And the two weights that are pushed to and fro: the claim is not exact but *checked*, one run held against a bound.

# %% tags=["deeper", "nbval-check-output"]
claim("Weight decay takes the same from both weights; L2 takes at least fifty times "
      "more from the quiet one.",
      measured=[(decay_took[0] - decay_took[1]).abs().item(),
                (l2_took[1] / l2_took[0]).item()],
      kind="checked", holds=each(below(1e-6), above(50)))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: two goals, with v̂ held still, with minibatches, with the full batch
#
# That decay has this goal is proposition 3 of Loshchilov & Hutter. First the two goals of the picture, with $\sqrt{\hat v}$ held still at 4 and ¼.

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.weight_decay.held import full_batch_end, held_rests

size = torch.tensor([4.0, 0.25], dtype=torch.float64)  # √v̂, held still


def end_with(size, l2=0.0, weight_decay=0.0):
    """Where steps along the gradient divided by `size` come to rest in the bowl."""
    w = torch.zeros(2, dtype=torch.float64)
    for _ in range(4000):
        w = w - 0.05 * ((bowl.gradient(w) + l2 * w) / size + weight_decay * w)
    return w


goal = held_rests(size, 0.5)  # what the picture draws
claim("With √v̂ held still L2 comes to rest at ridge(λ), decay at the lowest point of "
      "loss + (λ/2)Σ√v̂ᵢwᵢ².",
      measured=[(end_with(size, **{pull: 0.5}) - goal[pull]).norm().item()
                for pull in goal], holds=below(1e-9))

# %% [markdown] tags=["deeper"]
# There $\sqrt{\hat v}$ was held by hand. Do AdamW and Adam with L2 end at such goals too when it moves, with minibatches? The bowl becomes the mean loss of 300 examples, each with the same bowl around a star of its own. About $w_1$ they disagree far more than about $w_2$: the gradient of ten of them differs from the bowl's by about 4 in $w_1$ and by ¼ in $w_2$, the ratio 16.
#
# Both optimizers see the same batches of 10, then of 50, for 6000 steps at a fading rate, with λ = 0.5. From the $\sqrt{\hat v}$ with which a run stops we compute the goal that it would have if that stood still. Fixed beforehand: ends that are on average within 0.05 of this goal count as there. (In the picture, at ratio 16, the two goals are 0.83 apart.)

# %% tags=["deeper"]
from course_lib.experiments.weight_decay.held import minibatch_ends

noisy = {batch: minibatch_ends(batch) for batch in (10, 50)}  # 100 seeds each
pair = "({:.2f}, {:.2f})".format
for batch, of_pull in noisy.items():
    for kind, runs in zip(("Adam + L2", "AdamW"), of_pull.values()):
        last, root, aim = (pair(*of.mean(0)) for of in runs)
        print(f"batches of {batch}, {kind:<9}  √v̂ {root}  goal {aim}  ends at {last}")

# %% tags=["deeper", "nbval-check-output"]
for pull, kind, short in (("l2", "Adam with L2", "l2"),
                          ("weight_decay", "AdamW", "decay")):
    off = torch.stack([of_pull[pull].off for of_pull in noisy.values()]).amax(0)
    claim(f"With minibatches of 10 and of 50 in the bowl (λ = 0.5, fading rate) {kind} "
          "ends within 0.05 of the goal that its last √v̂ predicts: mean over seeds of "
          "the distance, the larger of the two.", measured=mean_interval(off),
          kind="measured", id=f"minibatch-goal-{short}", unit="axis units",
          holds=below(0.05))

# %% [markdown] tags=["deeper"]
# Both end at their goals. <!-- rests: minibatch-goal-l2, minibatch-goal-decay --> L2's is the same whatever the batch. AdamW's moves: batches of 50 have less noise, so $w_1$ pays less.
#
# Why 4.03 and 0.41? At rest the loss's own gradient does not vanish: it holds against decay, $g = -\lambda\sqrt{\hat v}\,w$, and counts in $\hat v$ beside the noise $n$. So $\hat v = n^2 + \lambda^2w^2\,\hat v$, and $\sqrt{\hat v} = n/\sqrt{1-\lambda^2w^2}$. The noise alone is what L2 sees at its rest, 3.92 and 0.25. With $w_1$ = 0.47 and λ = 0.5 the formula makes 4.03 of the first, as found. With $w_2$ = 1.40 it makes 0.35 of the second, and we found 0.41: $\hat v$ is probably still falling. So the ratio is 10 instead of 16. The end stays near, for both prices of $w_2$, 0.125 and 0.2, are small beside the bowl's curvature.
# One simplification remains: here all examples have one curvature, and in a network each has its own.
#
# And with the full batch? The core has the argument: decay cannot hold a weight off the lowest point of the loss while $\lambda\lvert w\rvert < 1$. So every $\lambda\lvert w_i\rvert$ has to be below 1 at that point. At the star $w_1 = 2$, so λ has to be below 0.5; the cell takes 0.4. With a larger λ the star is out of reach, and AdamW stops where $\lvert w_1\rvert = 1/\lambda$: the box of lesson 04. The learning rate fades, for with a constant one the path goes on rattling (the dotted line at the beginning has one, and shows every tenth step; its β₂ is 0.999). And β₂ is 0.95 here, not 0.999: with 0.999 $\sqrt{\hat v}$ forgets a factor of 20 at most in these 6000 steps, and AdamW ends at (1.84, 1.04), the price not yet gone.
#
# Xie & Li (2024) prove where AdamW then ends, for ε = 0 and β₁ ≤ β₂ < 1, the full batch, and a rate that never rises and whose sum is infinite. *If* it converges in a bowl, then at the best point of that box.

# %% tags=["deeper", "nbval-check-output"]
by_l2, by_decay = full_batch_end(l2=0.4), full_batch_end(weight_decay=0.4)
slow = full_batch_end(weight_decay=0.4, beta2=0.999)
for name, w in (("Adam + L2", by_l2), ("AdamW", by_decay), ("AdamW, β₂ 0.999", slow)):
    print(f"full batch, {name:<16} ends at ({w[0]:.2f}, {w[1]:.2f})")
claim("In the bowl with its star at (2, 1), with λ = 0.4, so that every λ|wᵢ| < 1 "
      "there, with the full batch and a fading rate: AdamW ends at the star, as "
      "if there were no pull, and Adam with L2 at ridge(λ).",
      measured=[(by_decay - torch.tensor(bowl.minimum)).norm().item(),
                (by_l2 - ridge(0.4)).norm().item()],
      kind="checked", holds=below(0.02))

# %% [markdown] tags=["deeper"]
# Slowly, though: $\sqrt{\hat v}$ has to forget the early, large gradients before the price can fall.
#
# A network that fits every image has little noise, too. But it is in no bowl: cross-entropy goes on falling as the weights grow, and there decay can still shorten them.
#
# **Do this**: raise λ.  **Notice**: which of the two paths ends on the blue cross, the lowest point of loss plus L2? (Decay's goal under Adam is not drawn, for it moves with $\hat v$. A square shows where a path is after these 100 steps, and decay need not have come to rest by then.)

# %% tags=["deeper"]
from course_lib.explorers import weight_decay as explore

explore.trajectories.show(optimizer="Adam")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the law of the pull
#
# How exactly does the pull depend on the size of the gradients? Seven weights with ever larger noise as their gradient, from 0.01 to 10:
# what L2 takes off goes as $1/\sqrt{\hat v}$, slope −1 in a log-log plot. All seven get the same noise, scaled. Among weights whose gradients differ in scale only, the slope is −1 whatever the noise. That the factor before $1/\sqrt{\hat v}$ is 1, too, needs gradients that average to about zero.
# A gradient that hardly varies, in sign or in size, leaves hardly anything for the pull: a step is then $g/|g|$, and $(g+\lambda w)/|g+\lambda w|$ is the same.
# In between, with $m$ and $s$ the means of the gradient and of its square, a small λ takes $(1 - m^2/s)/\sqrt{s}$ times $\eta\lambda w$ a step, as long as the weight stays about where it is.
# For a mean of three times the noise that is $1 - 9/10 = 0.1$ over $\sqrt s$.

# %% tags=["deeper"]
def pull_and_size(drift=0.0, l2=1e-6, steps=200, lr=1e-3):
    """What L2 took off seven weights whose gradients are noise plus `drift` times its
    size; and the √v̂ of each."""
    push, ends = torch.logspace(-2, 1, 7, dtype=torch.float64), []
    for strength in (0.0, l2):
        noise = seeded(0)
        w, state = torch.ones(7, dtype=torch.float64), {}
        for _ in range(steps):
            grad = push * (drift + torch.randn((), dtype=w.dtype, generator=noise))
            adam_update(w, grad, state, lr=lr, l2=strength)
        ends.append(w)
    return ends[0] - ends[1], (state["exp_avg_sq"] / (1 - 0.999**steps)).sqrt()


# %% tags=["deeper", "nbval-check-output"]
pull, size = pull_and_size()
claim("Under Adam with L2 the pull goes as 1/√v̂ among weights whose gradients differ "
      "in scale only, where λw is small.",
      measured=(pull.log().diff() / size.log().diff()).tolist(),
      holds=near(-1, 1e-3))
claim("If the gradients average to about zero as well, the pull is lr·λ·w/√v̂ a step, "
      "within 5 %.",
      measured=(pull * size / (1e-3 * 1e-6 * 200)).tolist(),
      kind="checked", holds=near(1, 0.05))
steady, size = pull_and_size(drift=3.0)
claim("Where a gradient varies by a third of its mean, L2 under Adam takes less than "
      "a tenth of lr·λ·w/√v̂ a step.",
      measured=(steady * size / (1e-3 * 1e-6 * 200)).tolist(),
      kind="checked", holds=below(0.1))
still, size = pull_and_size(drift=3.0, steps=2000, lr=1e-6)
claim("If the weight hardly moves, it takes about the tenth that the formula gives.",
      measured=(still * size / (1e-6 * 1e-6 * 2000)).tolist(),
      kind="checked", holds=near(0.1, 0.02))
claim("In a bowl, with the full batch, Adam with L2 comes to rest at ridge(λ).",
      measured=(end(adam_update, lr=0.05, l2=0.5) - ridge(0.5)).norm().item(),
      holds=below(1e-9))

# %% [markdown] tags=["deeper"]
# Why only 0.05 in the first of the two runs with a drift? The steady gradient carries the weight from 1 to about 0.81 there, and $\hat v$ still remembers the larger $\lambda w$ of before: that takes another part of the pull away.
#
# Adam is said not to care how the loss is scaled. True for the loss alone. With L2 beside it, scaling the loss by $c$ leaves $\lambda w$ behind:
# $c\,g + \lambda w = c\,(g + \frac{\lambda}{c} w)$, and Adam forgets the outer $c$ except where ε stands. So a mean over the batch or a sum,
# a loss in bits or in nats, changes the strength of the regularization. (Loss scaling in mixed precision is undone before the step, so it does no harm.) Decoupled decay stays as it is; Zhuang et al. (2022) call this *scale-freeness* and find that it goes with where AdamW does better than Adam + L2.

# %% tags=["deeper", "nbval-check-output"]
def scaled(c=1.0, **options):
    """Path of Adam in the bowl, with the loss multiplied by c."""
    def update(param, grad, state, **o):
        return adam_update(param, c * grad, state, **o)
    return descend(bowl, update, (0.0, 0.0), 200, lr=0.05, **options)


claim("Scaling the loss by 1000 under Adam with L2 is the same as λ/1000 and ε/1000.",
      measured=(scaled(1000.0, l2=0.5, eps=1e-5)
                - scaled(1.0, l2=0.5e-3, eps=1e-8)).abs().max().item(),
      holds=below(1e-12))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: torch's own steps
#
# AdamW is also there as `Adam(decoupled_weight_decay=True)`. Three steps of torch's SGD, Adam and AdamW beside ours on the flat loss; and the loss term against `weight_decay`, as in *Deeper: a thousand noisy steps*, now with momentum. (The two are the same as long as nothing touches the gradients before the step: gradient clipping would clip a loss term along with them, and `weight_decay=` not.)

# %% tags=["deeper", "nbval-check-output"]
def torch_steps(optimizer_class, **options):
    """The weight after three steps of a torch optimizer on a flat loss, starting from
    1."""
    w, seen = torch.ones((), dtype=torch.float64, requires_grad=True), []
    optimizer = optimizer_class([w], lr=0.1, weight_decay=0.5, **options)
    for _ in range(3):
        w.grad = torch.zeros_like(w)
        optimizer.step()
        seen.append(w.item())
    return seen


expected = {"SGD": with_l2, "Adam": adam_large, "AdamW": with_decay}
found = {"SGD": torch_steps(torch.optim.SGD, momentum=0.9),
         "Adam": torch_steps(torch.optim.Adam), "AdamW": torch_steps(torch.optim.AdamW)}
claim("torch's SGD with momentum is coupled L2, "
      "and so is torch's Adam; AdamW decouples.",
      measured=[abs(a - b) for name in found
                for a, b in zip(found[name], expected[name])],
      holds=below(1e-12))
claim("`weight_decay=2λ` in torch's SGD equals the loss term λ‖w‖² under momentum too.",
      measured=(weights_with("loss", momentum=0.9)
                - weights_with("torch", momentum=0.9)).abs().max().item(),
      holds=below(1e-12))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Could the 200 be forecast?
#
# Back to the plain cell. L2's price is λ, decay's is its own λ times $\sqrt{\hat v}$. Set them equal: decay's λ is L2's λ times $1/\sqrt{\hat v}$. Call $1/\sqrt{\hat v}$ a weight's **multiplier**. Gradients in this network are small: a multiplier of 225 means a typical size of 0.004, and that is why decay looked so weak.
#
# Each weight has its own. So we take the middle one:
#
# 1. Train with L2, and at the end read $\sqrt{\hat v}$ of every first-layer weight.
# 2. Multiply L2's λ by the median of $1/\sqrt{\hat v}$, and train decay with that, once.
#
# Means of eight seeds:

# %% tags=["nbval-check-output"]
from course_lib.experiments.weight_decay import factors

adam = factors.under_adam()
print(adam)  # the factor is the middle multiplier

# %% [markdown]
# Yes, for the length: 6 and 1 % apart, where 20 % was allowed beforehand. <!-- rests: factor-adam --> (At 0.02 we knew the 4 already; 0.005 was new.) Why one weight can stand for thousands we did not derive.
#
# And a length does not tell rest from speed. If neither had come to rest, we should set the *speeds* equal, ηλ/√v̂ of L2 and ηλ of decay, and get the very same forecast. So the hit does not say which of the two reasons is the true one.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the two factors, 10 and 200
#
# The plain cell's network on eight seeds, with L2's 0.02 and a quarter of it. With momentum decay gets λ/(1 − μ). Under Adam the runs with L2 forecast decay's λ: theirs times 1/√v̂, the median over the first layer's weights and then over the seeds. Decay is trained at that λ alone; nothing is searched for. *Said beforehand:* the rule of ten holds if the lengths agree within 5 %, the forecast is good if they agree within 20 %, both at both strengths. Prices explain it if what decay then charges the middle weight of the first layer, λ times *its own* √v̂, is L2's λ within a factor of two.

# %% tags=["deeper", "nbval-check-output"]
momentum = factors.with_momentum()
print("momentum", momentum, "Adam", adam, sep="\n")
for name, both, allowed in (("momentum", momentum, 0.05), ("adam", adam, 0.2)):
    claim(f"{name.title()}: decay at the λ that is forecast makes the weights as long "
          f"as L2, within {allowed:.0%}, for both strengths.",
          measured={f"{l2:g}": mean_interval(both.longer[:, k])
                    for k, l2 in enumerate(factors.STRENGTHS)},
          kind="measured", id=f"factor-{name}", unit="%", times=100,
          holds=within(allowed))
claim("Adam: what decay charges the middle weight of the first layer is L2's λ within "
      "a factor of two (0.301 powers of ten).",
      measured={f"{l2:g}": mean_interval((adam.prices[:, k] / l2).log10())
                for k, l2 in enumerate(factors.STRENGTHS)},
      kind="measured", id="own-price", unit="powers of ten", holds=within(0.301))

# %% [markdown] tags=["deeper"]
# All three hold. With momentum the lengths differ by 0.4 and 0.2 %. Under Adam decay's weights end 6 and 1 % shorter than those of L2, and decay's own middle price is 0.97 and 1.17 times L2's λ. That is one weight of thousands: the weights of one length are far apart (*the same length, the same weights?*). <!-- rests: factor-momentum, factor-adam, own-price -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## How far apart are the multipliers in a network?
#
# The forecast took one multiplier for all weights. How unequal are they? This network has the plain cell's layers and another task: 1000 images with right labels, 600 steps of Adam at η = 0.001, L2 with a usual λ = 1e-4. Pixels lie between 0 and 1.
#
# For every weight of the first layer we note, at the end, its multiplier $1/(\sqrt{\hat v}+\varepsilon)$. AdamW's decay has 1 for all.

# %%
predict("spread",
        "Leaving out 5 % at either end, the largest and the smallest multiplier "
        "differ by a factor of …",
        ["less than 3", "3 to 10", "more than 10"])

# %% [markdown]
# **Do this**: move λ to its right end.  **Notice**: what becomes of the slope of the cloud?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import weight_decay as explore

explore.effective_decay.show()

# %% [markdown]
# *Left:* the whole cloud lies far above decay's 1, for gradients here are far below 1: at one λ L2 pulls there hundreds of times faster and more. That is a matter of units, and another λ mends it. What none can mend is the width. At λ = 1e-4 nearly all weights lie along the line 1/gradient, as they must while $\lambda w$ is small. At λ = 0.1 the cloud bends flat (its median is dash-dotted): there $\lambda w$ itself fills $\hat v$, and the pull is divided by itself, as on the flat loss.
# *Middle:* the same weights, counted. *Right:* by the pixel that they read.

# %% tags=["nbval-check-output"]
from course_lib.experiments.weight_decay.effective_decay import measure_decay

*_, found = measure_decay()  # what the picture was drawn from; 8 seeds
at = found.strengths.index(1e-4)
spread = mean_interval(found.spread[:, at])  # in powers of ten
claim("At λ = 1e-4 the multipliers of the weights spread more than tenfold: more than "
      "1 power of ten from the smallest to the largest, 5 % left out at each end.",
      measured=spread, kind="measured", id="decay-spread",
      unit="powers of ten", holds=above(1))

# %% jupyter={"source_hidden": true}
# what came out
reveal("spread", from_interval={"less than 3": below(0.477)(spread),  # log10(3)
                                "3 to 10": between(0.477, 1)(spread),
                                "more than 10": above(1)(spread)},
       because=f"measured: a factor of {10**spread.mean:.0f}", rests="decay-spread")

# %% [markdown]
# The middle nine tenths of the weights lie within a factor of 380, which is $10^{2.58}$. <!-- rests: decay-spread --> The pull itself spreads as widely. <!-- rests: pull-spread --> The factor is so large mostly for the pixels at the left and right edge of the map: nearly always blank, they give their weights small gradients. On standardised pixels it is about 11 (*Deeper*).
#
# **So one λ of L2 pulls at speeds 380-fold apart on raw pixels and about 11-fold on standardised ones, and no one λ of decay can do the same.** That is one reason why two networks of one length can have other weights. How much of the 95 % it explains we did not measure.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: other layers and pixels, the pull itself, and does the spread come from the loss?
#
# Three doubts. The picture shows the first layer alone: in the last one gradients are larger, so multipliers are smaller. Its pixels lie between 0 and 1 (*unscaled* in the claims below). And a multiplier is not yet a pull: a steady gradient leaves the factor $1 - m^2/s$ of it (*Deeper: the law of the pull*). So here are all layers, on pixels of both scales, with the pull $(1-m^2/s)/\sqrt s$ beside the multiplier; $m$ and $s$ are means over all steps. The bound stays at ten.

# %% tags=["deeper"]
from course_lib.experiments.weight_decay import all_layers

print("first layer, unscaled, 5 and 95 % at",
      *(f"{10**part[:, at].mean():.0f}" for part in (found.low, found.high)))
layers = {scale: all_layers.measure(scale) for scale in ("unit", "standard")}
for scale, at_scale in layers.items():
    for k, part in enumerate(all_layers.PARTS):
        least_of, spread_of, pull_of = (10 ** figure[:, k].mean() for figure in (
            at_scale.least, at_scale.spread, at_scale.pull))
        print(f"{scale:<8} {part:<13} smallest {least_of:4.0f}, spread ×"
              f"{spread_of:.0f}, spread of the pull ×{pull_of:.0f}")

# %% tags=["deeper", "nbval-check-output"]
claim("At λ = 1e-4 Adam multiplies what L2 adds by more than ten at every weight of "
      "the first layer that gets a gradient: the smallest multiplier is above 1 power "
      "of ten.", measured=mean_interval(found.least[:, at]), kind="measured",
      id="decay-least", unit="powers of ten", holds=above(1))
PIXELS = {"unit": "unscaled pixels", "standard": "standardised pixels"}
for scale, short in (("unit", "all"), ("standard", "standard")):
    claim(f"Adam + L2 at λ = 1e-4, {PIXELS[scale]}: at every weight and bias of both "
          "layers that gets a gradient the multiplier is above 1 power of ten.",
          measured=mean_interval(layers[scale].least.amin(1)), kind="measured",
          id=f"decay-least-{short}", unit="powers of ten", holds=above(1))
for scale, what, figure, short in (
        ("standard", "multiplier", "spread", "decay-spread-standard"),
        ("unit", "pull", "pull", "pull-spread"),
        ("standard", "pull", "pull", "pull-spread-standard")):
    claim(f"Adam + L2 at λ = 1e-4, {PIXELS[scale]}: in the first layer the {what} "
          "spreads over more than 1 power of ten, 5 % left out at each end.",
          measured=mean_interval(getattr(layers[scale], figure)[:, 0]), id=short,
          kind="measured", unit="powers of ten", holds=above(1))

# %% [markdown] tags=["deeper"]
# The pull spreads as the multiplier does. <!-- rests: pull-spread --> Pixels matter: 380 becomes 11 where they are standardised, which enlarges the rare ones, and 15 without the edge (below). So the large number belongs to inputs that are rare. In the last layer it is 4. Whether 11 is more than tenfold beyond doubt these eight seeds cannot tell; on fresh seeds only it is, with 12. Weights of nearly blank pixels hardly touch the output, and for digits they matter little; those of a rare word, in a network that reads text, would. The smallest multiplier of all is 36, in the last layer (as all these, a mean over eight seeds). <!-- rests: decay-least-all, decay-least-standard -->
#
# **What does the spread amount to?** Where gradients go to and fro, L2 with 1e-4 pulls the slowest weight of the first layer about as fast as a decay of $137 \cdot 10^{-4} = 0.014$ would. <!-- rests: decay-least --> ηλ times 600 steps is 6e-5. Reckoned, not measured, as if the last multiplier had held throughout: multiplied by 200, at the line 5 %, L2 takes about 1 % of a weight; by 74 000, at the line 95 %, all of it.
#
# **What the paper says.** Under Adam with L2, Loshchilov & Hutter (2019) write, weights with large gradients "are regularized by a smaller relative amount than other weights". As a speed that is just what dividing by $\sqrt{\hat v}$ means.
# They also "do not get regularized as much as they would with decoupled weight decay". At one λ that hangs on units: with the loss summed over the 50 images gradients are 50 times larger, and 137 would be about 3. Beside torch's decay, which takes ηλ a step, even the smallest multiplier of all, 36, is above decay's 1. <!-- rests: decay-least-all --> The decay printed in the paper takes λ a step, without the learning rate. Beside that, at η = 0.001, it is 0.036.

# %% [markdown] tags=["deeper"]
# **Does the spread come from the loss?** Nearly the whole cloud lies on the line 1/gradient, where it must lie if $\lambda w$ is small beside the gradient; what is measured is its spread along the line. So at λ = 1e-4 $\lambda w$ is small beside all but the very smallest gradients, and the answer is yes. A check from the other side: at large λ the pull itself fills $\hat v$, so the spread should shrink there. We compare λ = 0.1 with λ = 1e-4.
#
# And how much of it is due to the pixels at the edge, without rescaling? We leave out the two columns at either side, for the first seed.
#
# The eight seeds differ in split, start and batch order, and share the same 1797 images: the intervals, here and above, speak of these digits, not of other data.

# %% tags=["deeper", "nbval-check-output"]
inner = found.cloud[1][at].view(-1, 8, 8)[:, :, 2:6].flatten()  # of the first seed
low, high = inner.nanquantile(inner.new_tensor([0.05, 0.95]))
print(f"in the middle four columns alone: within a factor of {10 ** (high - low):.0f}")
claim("At λ = 0.1 the multipliers of the weights spread over fewer powers of ten than "
      "at λ = 1e-4.",
      measured=paired_interval(found.spread[:, -1], found.spread[:, at]),
      kind="measured", id="decay-spread-strong",
      unit="powers of ten", holds=negative)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# Which does one take? With SGD either; L2 is what torch has. With Adam usually AdamW, for published recipes are written for it; which errs less lesson 04 measures. Decay rests where L2 would with another λ:
#
# | optimizer | decay with λ rests as L2 with |
# |---|---|
# | plain SGD | $\lambda$ |
# | SGD with momentum | $\lambda(1-\mu)$ |
# | Adam, $\hat v$ held still | $\lambda\sqrt{\hat v_i}$, at each weight another |
#
# **Where they rest, L2 and weight decay are one thing under plain SGD, two strengths of one thing under momentum, and two things under Adam.**
#
# So, tomorrow:
#
# 1. **SGD**: its `weight_decay=` is L2. Tune it; usual are 1e-4 to 5e-4.
# 2. **torch's Adam**: L2, too, with the same lowest point, so begin with SGD's number. The speeds differ, so search on both sides.
# 3. **AdamW**: **not an L2 number**. Each step leaves $1-\eta\lambda$ of a weight, so after $1/(\eta\lambda)$ steps 37 % is left: that many steps decay *remembers*. Begin with a memory as long as the run, λ = 1/(lr · steps); triple λ as long as the validation error falls, and stop at a memory of one epoch (Wang & Aitchison, 2025; lesson 04; not measured here). Under a schedule lr · steps is the sum of the rates, under a cosine half of it.
#
# **Item 3, worked.** Over a run AdamW's pull leaves about $e^{-\eta\lambda\cdot\text{steps}}$ of a weight. The plain cell has η = 0.01 and 600 steps, 6 an epoch:
#
# | λ | ηλ · steps | the pull alone would leave of a weight |
# |---|---|---|
# | 0.01, AdamW's default | 0.06 | 94 % |
# | 1/(0.01 · 600) = 0.17: the search begins | 1 | 37 % |
# | 4, which made the length 7.0 | 24 | nothing |
# | 1/(0.01 · 6) = 17: it ends | 100 | nothing |
#
# So try 0.17, 0.5, 1.5, 4.5, 13.5. The first is the weak end: in the plain cell 0.2 left 19.1 % wrong, 4 left 11.3 % (one seed). "Nothing" need not harm: the loss renews what the pull takes.

# %%
quiz("You keep SGD with momentum 0.9 and its learning rate, and replace "
     "weight_decay=5e-4 by decoupled decay. Which λ do you try first?",
     {"5e-4": "The same number is ten times weaker here: momentum multiplies the "
              "loss's gradient, and no longer the pull.",
      "5e-3": "λ/(1 − μ) = 5e-4/0.1: the same place of rest in a bowl.",
      "5e-5": "The wrong way round: that is a hundred times weaker than what you had.",
      "1e-3": "The factor 2 belongs to a penalty written without its ½. torch's "
              "weight_decay has none."},
     answer="5e-3")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: two groups, and converting λ
#
# **Biases**, and the scale and shift of normalisation layers such as BatchNorm, are usually left out. Whether that lowers the error is not settled: on our small networks it depended on the width, and on how λ was chosen (lesson 07). <!-- rests: spare-narrow, spare-wide, not spare-tuned-noisy, spare-tuned-error-noisy --> It takes two parameter groups:

# %% tags=["deeper", "nbval-check-output"]
network = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.BatchNorm1d(128),
                              torch.nn.ReLU(), torch.nn.Linear(128, 10))
matrices = [p for p in network.parameters() if p.ndim >= 2]
others = [p for p in network.parameters() if p.ndim < 2]  # biases, scale and shift
optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.05},
                               {"params": others, "weight_decay": 0.0}], lr=1e-3)
for group in optimizer.param_groups:
    print(f"λ = {group['weight_decay']:<4}  lr = {group['lr']}  shapes",
          [tuple(p.shape) for p in group["params"]])

# %% [markdown] tags=["deeper"]
# Weights in front of a BatchNorm, which rescales what it gets and so undoes their length? Keep decay there, but do not call it a regularizer: it changes how far a step turns them, as a learning rate does (van Laarhoven, 2017; Zhang et al., 2019; lesson 07).
#
# The learning rate is the same in both groups, the decay differs. `course_lib.weight_decay.decay_groups` makes them too: it spares whatever belongs to a normalisation layer or has fewer than two dimensions. Do not choose by name: a BatchNorm in a `Sequential` is called `1`.
#
# **Converting.** Papers and programs write the strength in at least five ways:
#
# | name here | what λ means |
# |---|---|
# | `penalty` | loss + λ‖w‖² |
# | `half_penalty` | loss + (λ/2)‖w‖²: torch's `weight_decay` of SGD and Adam |
# | `per_example` | loss + (λ/2m)‖w‖² with m training examples |
# | `decoupled` | w shrinks by ηλ: torch's `weight_decay` of AdamW |
# | `per_step` | w shrinks by λ itself, whatever lr is: the λ in equation 1 of Loshchilov & Hutter; in their SGDW and AdamW, too, times the factor of the schedule |

# %% tags=["deeper", "nbval-check-output"]
from course_lib.weight_decay import convert_strength

for convention in ("penalty", "half_penalty", "per_example", "decoupled", "per_step"):
    same = convert_strength(1e-4, "half_penalty", convention, examples=5000, lr=0.02,
                            momentum=0.9)
    print(f"{convention:<13} λ = {same:.3g}")

# %% [markdown] tags=["deeper"]
# One regularization, five numbers. Whoever writes λ/2m in a formula and λ/2 in the code is off by a factor of m: with 5000 examples, of 5000.
# The last two lines are for momentum 0.9; under Adam no one factor converts one kind into the other.
#
# **Long runs.** The longer the run, the smaller the λ that makes lr·λ·steps 1: at lr = 0.001 it is 0.1 for 10 000 steps, and 0.01 for 100 000. In fine-tuning the product is often small: AdamW with 0.01, at 1e-5 for 10 000 steps, takes 0.1 % of a weight.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When not to
#
# - A recipe tuned with L2 works: keep it.
# - Fine-tuning, unless ηλ · steps is small: both pull to zero, away from the weights you were given. *L2-SP* pulls back to them, by $\frac{\lambda}{2}\lVert w - w_0\rVert^2$ (Li et al. 2018).

# %% [markdown] tags=["card"] slideshow={"slide_type": "slide"}
# ## To keep
#
# | | |
# |---|---|
# | formula | L2: $g\leftarrow g+\lambda w$, then the step. Weight decay: $w\leftarrow(1-\eta\lambda)\,w$, the step with $g$ alone |
# | SGD | plain, the same; with momentum $\lambda_{\text{decay}}=\lambda_{\text{L2}}/(1-\mu)$ |
# | Adam | no one factor converts. L2: one price λ, unequal speeds; decay: one speed, unequal prices $\lambda\sqrt{\hat v_i}$ (while $\hat v$ stands about still, as with minibatches in a bowl <!-- rests: minibatch-goal-l2, minibatch-goal-decay -->) |
# | PyTorch | `weight_decay=` is L2 in `SGD` and `Adam`, decay in `AdamW` |
# | typical | SGD 1e-4 to 5e-4; AdamW from 1/(lr·steps) up: 0.17 in our 600 steps, in long runs 0.01 to 0.1; usually (not settled) none on biases and a normalisation layer's own parameters |
# | traps | $\lambda\lVert w\rVert^2$ without its ½: `weight_decay` is then 2λ; an L2 number in AdamW; another lr in AdamW: search λ anew (lesson 04) |
# | when not | a tuned recipe; fine-tuning with ηλ · steps not small |

# %% [markdown] slideshow={"slide_type": "skip"}
# Now write the updates yourself: **`03_weight_decay_exercises.ipynb`** (T4 and T5 draw on *Deeper* sections).
#
# **Sources.** The idea is old (Hanson & Pratt, 1988); in a linear network under plain gradient descent it provably can help: it removes what the data do not ask for, and noise in the labels weighs less (Krogh & Hertz, 1991).
# Kingma & Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015 (arXiv:1412.6980). Loshchilov & Hutter, *Decoupled Weight Decay Regularization*, ICLR 2019 (arXiv:1711.05101). Xie & Li, *Implicit Bias of AdamW: ℓ∞-Norm Constrained Optimization*, ICML 2024 (arXiv:2404.04454). Wang & Aitchison, *How to set AdamW's weight decay as you scale model and dataset size*, ICML 2025 (arXiv:2405.13698). Li, Grandvalet & Davoine, *Explicit Inductive Bias for Transfer Learning with Convolutional Networks*, ICML 2018 (arXiv:1802.01483). Zhang, Wang, Xu & Grosse, *Three Mechanisms of Weight Decay
# Regularization*, ICLR 2019 (arXiv:1810.12281). Hanson & Pratt, *Comparing Biases for Minimal Network Construction with Back-Propagation*, NeurIPS 1988. Krogh & Hertz, *A Simple Weight Decay Can Improve Generalization*, NeurIPS 1991. Van Laarhoven, *L2 Regularization versus Batch and Weight Normalization*, 2017 (arXiv:1706.05350). Zhuang, Liu, Cutkosky & Orabona, *Understanding AdamW through Proximal Methods and Scale-Freeness*, TMLR 2022 (arXiv:2202.00089).

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Test yourself, and teach it
#
# What one can explain in two minutes one has understood. Do it aloud, to a friend, a pet, or the wall; where you get stuck is where to read again.
#
# **Teach it to** a team-mate who is about to swap SGD for AdamW and to keep `weight_decay=1e-4`. *Draw* one weight and two arrows towards zero: one goes through the optimizer along with the gradient, the other past it. Then put momentum, and $\sqrt{\hat v}$, into the box that the first has to pass. *Disarm* the sentence "weight decay and L2 are two names for one thing". *And ask back:* For which optimizer are they? And at lr = 0.001, what share of a weight does AdamW take with it in a thousand steps? (0.01 %.)
#
# Below: the questions of this lesson (some are about *Deeper* sections), with a reason for every option, and its cards, which come back after 1, 3 and 7 days.

# %% slideshow={"slide_type": "skip"}
from course_lib.notebook import quiz_of, recall

quiz_of("weight_decay")

# %% slideshow={"slide_type": "skip"}
recall("weight_decay")
