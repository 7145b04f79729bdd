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
# # AdamW: decoupling the two knobs
#
# Turn the learning rate, and the weight decay is wrong again; turn the decay, and the rate is. AdamW is Adam with its decay moved out of the gradient
# (lesson 03), and its authors promise that this "decouples the optimal choice of weight decay factor from the setting of the learning rate".
# Does it? And how strong is λ = 0.01, PyTorch's default?
#
# *50 minutes; sections called* Deeper *are folded, and extra. You need momentum (lesson 00) and the difference between L2 and weight decay (lesson 03).*

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

from functools import partial
from itertools import product

import torch

from course_lib.base.random import seeded
from course_lib.adamw import adam_update, adamw_update
from course_lib.statistics import mean_interval, paired_interval

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A knob that does nothing, until it does
#
# A bowl, its lowest point at the star. Two runs start at the ring with the same learning rate and the same λ: Adam with L2, and AdamW.

# %%
predict("moved", "You raise λ from 0 to 0.3. Where does AdamW end?",
        ["as near to zero as Adam + L2", "a bit nearer to zero than the star",
         "at the star, unmoved"])

# %% [markdown]
# The picture opens at λ = 0.8, where the two end apart.
#
# **Do this**: take λ to 0, then drag it slowly up to 1.  **Notice**: which path moves at once, and where does the other begin to?

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import adamw as explore

explore.trajectory.show()

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("moved", "at the star, unmoved",
       because="up to λ = 0.5 it moves as if λ were not connected; then a wall arrives")

# %% [markdown]
# Every bit of λ pulls Adam + L2 nearer to zero, along the dotted line. AdamW does not move until a wall arrives, and the wall pushes.
# That is so with the full gradient, as here. With minibatches, noise brings shrinking back; *Second answer*, below, says how much.
#
# At the end of this lesson you can
# - compute Adam's steps by hand, and read four settings off a picture;
# - say what λ means in AdamW: a memory of 1/(lr·λ) steps, and a box of half-width 1/λ;
# - judge the promise of two separate knobs on networks trained while you watch;
# - set up AdamW as it is used: groups, schedule, and (in *Deeper*) resuming.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In plain PyTorch
#
# Both have a number called `weight_decay`. Does it mean the same? Here is a loop to copy: a small network learns handwritten digits from 300 images, every fifth of them with a wrong label, once with `torch.optim.Adam`, whose `weight_decay` is L2, and once with `torch.optim.AdamW`.

# %% tags=["plain"]
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from course_lib.data import digits

data = digits(300, label_noise=0.2)  # 300 images, every fifth label wrong


def test_error(kind, strength):
    """Train with this optimizer; return the share of test images it gets wrong."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = kind(model.parameters(), lr=3e-3, weight_decay=strength)
    model.train()
    for epoch in range(100):
        for rows in torch.randperm(300).split(50):
            loss = cross_entropy(model(data.train_x[rows]), data.train_y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    return (model(data.test_x).argmax(1) != data.test_y).float().mean().item()


for strength in (0, 0.01, 0.1, 1):
    l2, decay = (test_error(kind, strength)
                 for kind in (torch.optim.Adam, torch.optim.AdamW))
    print(f"weight_decay={strength}: Adam {l2:.1%} wrong, AdamW {decay:.1%}")

# %% [markdown]
# That was one seed. The same number does different things: what is strong for Adam + L2 is hardly felt by AdamW, and Adam's largest does not learn at all. So a comparison at one common λ says nothing about which is better.
# *Two knobs on a real network*, below, trains the same network at all learning rates and strengths at once, over seeds. First, why a knob can do nothing.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Every weight moves by lr
#
# What does Adam make of a gradient? First with numbers.

# %%
predict("first-step",
        "Two weights, gradients 1000 and 0.001, learning rate 0.1. Which moves further "
        "in Adam's first step?",
        ["the one with 1000", "the one with 0.001", "both move 0.1"])

# %% [markdown]
# **By hand.** Adam keeps two running averages that start at 0: m of the gradient g, v of its square. Averages that start at 0 are too small at first; divided by 1 − βᵗ, t the number of the step, they are m̂ and v̂ and no longer are (*Deeper*).
# Adam steps by lr times m̂/(√v̂ + ε). The small ε = 1e-8 keeps it from dividing by zero.
# Take the gradients 1000, 1000, −1000 and the usual β₁ = 0.9, β₂ = 0.999:
#
# | step | m | m̂ = m/(1 − 0.9ᵗ) | v̂ | m̂/√v̂ |
# |---|---|---|---|---|
# | 1 | 0.1 · 1000 = 100 | 100/0.1 = 1000 | 1000² | **1** |
# | 2 | 0.9 · 100 + 100 = 190 | 190/0.19 = 1000 | 1000² | **1** |
# | 3 | 0.9 · 190 − 100 = 71 | 71/0.271 = 262 | 1000² | **0.262** |

# %%
def moves(gradients, lr=0.1, **options):
    """How far a weight moves at each step, in learning rates."""
    w, state, seen = torch.zeros((), dtype=torch.float64), {}, []
    for gradient in gradients:
        before = w.item()
        adam_update(w, torch.tensor(gradient, dtype=w.dtype), state, lr=lr, **options)
        seen.append((before - w.item()) / lr)
    return seen

# %%
print("1000, 1000, -1000:   ", *(f"{move:.4f}" for move in moves([1e3, 1e3, -1e3])))
print("0.001, 0.001, -0.001:", *(f"{move:.4f}" for move in moves([1e-3, 1e-3, -1e-3])))

# %% [markdown]
# The size of the gradient has cancelled. What is left is its *sign*, and where signs disagree, a smaller step.

# %% tags=["nbval-check-output"]
claim("Adam's first step has size lr, whatever the "
      "gradient, as long as it is large beside ε.",
      measured=[moves([gradient])[0] for gradient in (1e3, 1.0, 1e-3)],
      holds=near(1, 2e-5))
claim("A gradient as small as ε = 1e-8 gets half a step.",
      measured=moves([1e-8])[0], holds=near(0.5, 1e-12))

# %%
# what came out
reveal("first-step", "both move 0.1",
       because="each gradient is divided by its own size")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: what are the hats for?
#
# m and v start at 0 and are too small at first; dividing by $1-\beta^t$ makes up for it exactly.
# Code that one finds may leave both corrections out, or make the first and forget the second. The first steps then, in learning rates:

# %% tags=["deeper"]
def first_step(factor=1.0):
    """An uncorrected first step: to step number 10⁹ both corrections are 1."""
    w, zero = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    state = {"step": 10**9, "exp_avg": zero.clone(), "exp_avg_sq": zero.clone()}
    return -adam_update(w, torch.ones_like(w), state, lr=factor, eps=1e-300).item()

# %% tags=["deeper", "nbval-check-output"]
claim("Without any correction the first step is (1 "
      "− β₁)/√(1 − β₂) of lr: three times as long.",
      measured=first_step(), holds=near(0.1 / 0.001**0.5, 1e-9))
claim("With m corrected and v not it is 1/√(1 − "
      "β₂): ten times as long as with neither.",
      measured=first_step(1 / (1 - 0.9)),
      holds=near(1 / 0.001**0.5, 1e-9))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The formula, and the one line
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,g \qquad v \leftarrow \beta_2 v + (1-\beta_2)\,g^2 \qquad \hat m = \frac{m}{1-\beta_1^t} \qquad \hat v = \frac{v}{1-\beta_2^t}$$
#
# $$\text{AdamW:}\qquad w \;\leftarrow\; (1-\eta\lambda)\,w \;-\; \eta\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}$$
#
# What makes this AdamW, and not Adam? In the code, find the line of each symbol, then the only line in which the two differ.

# %%
show_source(adam_update)

# %% [markdown]
# It is `decay(…)`: it multiplies w and reads no gradient, so neither m nor v ever sees it. (`lerp_` moves m a share 1 − β₁ of the way towards g;
# skip `amsgrad`. torch's `maximize=True` climbs: it takes −g for g, and decays all the same.)
# This function is all there is: the classes `Adam` and `AdamW` only remember settings and call it, and every picture here trains with it.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: is it what PyTorch does?
#
# Forty-eight settings each, the same random gradients:

# %% tags=["deeper"]
def gap(theirs, steps=50, **options):
    """Largest difference between torch's weights and ours after `steps` steps on the
    same random gradients."""
    draw = seeded(0)
    ours, state = torch.randn(8, dtype=torch.float64, generator=draw), {}
    p = ours.clone().requires_grad_()
    optimizer = theirs([p], **options)
    pull = options.pop("weight_decay")
    # torch calls both knobs weight_decay
    options |= {"weight_decay" if theirs is torch.optim.AdamW else "l2": pull}
    for _ in range(steps):
        p.grad = torch.randn(8, dtype=torch.float64, generator=draw)
        optimizer.step()
        adam_update(ours, p.grad, state, **options)
    return (ours - p).abs().max().item()

# %% tags=["deeper"]
names = ("lr", "betas", "eps", "weight_decay", "amsgrad")
grid = list(product((1e-3, 0.1), ((0.9, 0.999), (0.0, 0.9)), (1e-8, 1e-3),
                    (0.0, 0.01, 0.5), (False, True)))

# %% tags=["deeper", "nbval-check-output"]
claim("`adam_update` equals torch's Adam (λ as `l2`) and AdamW (λ as `weight_decay`) "
      "over the whole grid of options.",
      measured={theirs.__name__: max(gap(theirs, **dict(zip(names, options)))
                                     for options in grid)
                for theirs in (torch.optim.Adam, torch.optim.AdamW)},
      holds=below(1e-12))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: RMSprop, Adagrad, sign descent: one formula, other settings
#
# Adam's line contains its ancestors. At step $t$, feed it other settings:
#
# | optimizer | β₁ | β₂ | learning rate | ε |
# |---|---|---|---|---|
# | sign descent | 0 | 0 | η | → 0 |
# | RMSprop(α) | 0 | α | $\eta/\sqrt{1-\alpha^t}$ | $\varepsilon/\sqrt{1-\alpha^t}$ |
# | Adagrad | 0 | → 1 | $\eta/\sqrt t$ | $\varepsilon/\sqrt t$ |
#
# RMSprop is Adam without momentum and without corrections. Adagrad never forgets: v̂ becomes the plain mean of all squares so far.

# %% tags=["deeper"]
def difference(settings, step, steps=40):
    """Largest difference between `adam_update` under `settings(t)` and `step(p, g)`, on
    the same random gradients."""
    draw = seeded(0)
    ours = torch.zeros(8, dtype=torch.float64)
    state = {}
    p = torch.zeros(8, dtype=torch.float64, requires_grad=True)
    for t in range(1, steps + 1):
        g = torch.randn(8, dtype=torch.float64, generator=draw)
        adam_update(ours, g, state, **settings(t))
        step(p, g)
    return (ours - p).abs().max().item()

# %% tags=["deeper"]
def stepping(theirs, **options):
    """A torch optimizer as `step(p, g)`."""
    optimizer = None
    def step(p, g):
        nonlocal optimizer
        optimizer = optimizer or theirs([p], **options)
        p.grad = g
        optimizer.step()
    return step

# %% tags=["deeper"]
def sign_step(p, g):
    p.data.sub_(0.1 * g.sign())


def sign_descent(t):
    return {"lr": 0.1, "betas": (0.0, 0.0), "eps": 1e-300}

# %% tags=["deeper"]
def rmsprop(t, alpha=0.9):
    c = (1 - alpha**t) ** 0.5
    return {"lr": 0.1 / c, "betas": (0.0, alpha), "eps": 1e-6 / c}


def adagrad(t, one_minus_beta2):
    return {"lr": 0.1 / t**0.5, "betas": (0.0, 1 - one_minus_beta2),
            "eps": 1e-6 / t**0.5}

# %% tags=["deeper", "nbval-check-output"]
claim("With β₁ = β₂ = 0 Adam steps by the sign of the gradient.",
      measured=difference(sign_descent, sign_step),
      holds=below(1e-12))
claim("RMSprop is Adam with the settings of the table.",
      measured=difference(rmsprop,
                          stepping(torch.optim.RMSprop, lr=0.1, alpha=0.9, eps=1e-6)),
      holds=below(1e-12))
apart, nearer = (difference(partial(adagrad, one_minus_beta2=d),
                            stepping(torch.optim.Adagrad, lr=0.1, eps=1e-6))
                 for d in (1e-4, 1e-5))
claim("Adagrad is the limit β₂ → 1: a tenth of "
      "1 − β₂ leaves a tenth of the difference.",
      measured=[apart, apart / nearer], holds=each(below(1e-4), near(10, 0.1)))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Which parameter is varied?
#
# Can you see in a path which setting made it? Each picture shows four runs of AdamW that differ in exactly one of lr, β₁, β₂, λ.
#
# **Do this**: answer for the pictures A to D, then ask for a new seed, until you need no help.  **Notice**: are the first steps equally long, where do the paths end, do they swing past the star?
#
# If you are stuck: what each of the four leaves behind is listed below the pictures.

# %%
from course_lib.explorers import adamw as explore

explore.which_parameter.show()

# %% [markdown]
# What each leaves behind in a path that starts at zero:
# - **lr**: the length of the first step, in every coordinate, whatever β₁, β₂ and λ: at zero, decay has nothing to take.
# - **λ**: where the path ends. Strong decay keeps it from the star for good.
# - **β₁**, the memory of the direction: a path with a long one is carried past the star and has to come back.
# - **β₂**, the memory of the *size*: as the slope flattens, a long memory still divides by the early steep gradients, so steps shrink. A short one forgets them and keeps stepping.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: are both betas "momentum parameters"?
#
# Many texts call them so, the mlr3torch course among them (see *Sources*). Only the first is one:

# %% tags=["deeper", "nbval-check-output"]
shaky = [3.0, 1.0, -0.1, 2.0, -4.0]
claim("With β₁ = 0 every step goes against the gradient of that very step, whatever "
      "β₂: β₂ carries nothing on.",
      measured=[min(move * g for move, g in zip(moves(shaky, betas=(0.0, beta2)),
                                                shaky)) for beta2 in (0.5, 0.999)],
      holds=positive)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What λ means, first answer: a memory
#
# How strong is λ = 0.01? Write one step as $w \leftarrow (1-\alpha)\,w + \alpha\,(-u/\lambda)$ with $\alpha = \eta\lambda$ and $u = \hat m/(\sqrt{\hat v}+\varepsilon)$. That is an exponential moving average.
# **AdamW's weights are an average of its own recent updates**, and $1/\alpha = 1/(\eta\lambda)$ steps is how far back it remembers:
# the last 1/α updates make up 63 % of it (Wang & Aitchison, 2025).

# %% [markdown]
# So λ = 0.01 has a size. With lr = 1e-3 the memory is 1/(0.001 · 0.01) = 100 000 steps. **In a short run, the default λ does next to nothing**:

# %%
def left_after(lr, steps=100, weight_decay=0.5):
    """What torch's AdamW leaves of a weight of 1 when the loss is flat."""
    w = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.AdamW([w], lr=lr, weight_decay=weight_decay)
    for _ in range(steps):
        w.grad = torch.zeros_like(w)
        optimizer.step()
    return w.item()

# %% tags=["nbval-check-output"]
claim("A thousand steps at lr = 1e-3 and λ = 0.01 take one percent off a weight.",
      measured=left_after(1e-3, 1000, 0.01),
      holds=near((1 - 1e-5) ** 1000, 1e-12))

# %%
quiz("You halve the learning rate of an AdamW run and double its steps. Which λ keeps "
     "the memory the same share of the run?",
     {"the same λ":
          "1/(lr·λ) doubles with lr halved, and so do the steps: the share stays.",
      "half of it": "Then the memory is four times as long in steps, and twice as long "
                    "as a share of the run.",
      "twice as much":
          "Then the memory in steps stays as it was, but the run is twice as long.",
      "it cannot be said":
          "The memory is 1/(lr·λ) steps: all three numbers are known."},
     answer="the same λ")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the average, to the last digit
#
# The last 1/α updates make up 1 − 1/e of the average, for small α. On random gradients:

# %% tags=["deeper"]
def run(update, steps=300, lr=0.05, **options):
    """Weights before the first and after each step [steps + 1, 8], on random gradients
    that do not ask where we are."""
    draw = seeded(0)
    w, state = torch.ones(8, dtype=torch.float64), {}
    path = [w.clone()]
    for _ in range(steps):
        update(w, 0.3 + torch.randn(8, dtype=w.dtype, generator=draw), state, lr=lr,
               **options)
        path.append(w.clone())
    return torch.stack(path)

# %% tags=["deeper"]
steps, lr, strength = 300, 0.05, 0.4
alpha = lr * strength
u = -run(adam_update).diff(dim=0) / lr  # Adam without decay shows the updates
shares = alpha * (1 - alpha) ** torch.arange(steps - 1, -1, -1, dtype=torch.float64)
average = ((1 - alpha) ** steps * torch.ones(8, dtype=torch.float64)
           + shares @ (-u / strength))

# %% tags=["deeper", "nbval-check-output"]
claim("AdamW's weights are the exponential average of −u/λ with α = lr·λ.",
      measured=(run(adamw_update, weight_decay=strength)[-1]
                - average).abs().max().item(),
      holds=below(1e-12))
claim("The newest 1/α = 50 updates make up 64 % of "
      "the average; for small α it is 1 − 1/e = 63 %.",
      measured=shares[-50:].sum().item(),
      holds=near(1 - (1 - alpha) ** 50, 1e-12))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Second answer: a box, for the full gradient run to rest
#
# Where does such a run end? At rest the two parts of a step cancel: $u = -\lambda w$. There are two cases for each weight.
# - Its gradient is *not* zero. A gradient that stands still makes $\hat m/\sqrt{\hat v} = \pm 1$, its sign, so $|w| = 1/\lambda$: the weight stands on the wall of a **box**.
# - Its gradient *is* zero. Then the loss pulls nowhere, and the weight can rest at any place with $|w| \le 1/\lambda$.
#
# The star of the first picture is at (2, 0.7). At λ = 0.3 the box reaches to 1/0.3 = 3.3 and holds it.

# %%
predict("inside",
        "λ = 1: the wall stands at 1 and cuts off "
        "the star at (2, 0.7). Where does AdamW end?",
        ["(1, 0.7): the star, clipped", "(1, 1): the corner of the box",
         "(1, a value of its own)"])

# %% [markdown]
# **Do this**: lower λ from 0.6 until the wall touches the star, then raise it to 1.  **Notice**: once the wall pushes, does AdamW stay as high as the star, or slide along the wall?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import adamw as explore

explore.trajectory.show(strength=0.6, beta2=0.95)

# %% [markdown]
# One thing in the right panel is no slip: at λ = 0.6 Adam + L2 comes to within 1e-5 of its rest, and near step 285 jumps back to 1e-2. Its gradients have become tiny, and β₂ = 0.95 forgets the large ones within some 20 steps;
# so √v̂ falls to 0.006, and lr/√v̂, which is the learning rate that the bowl feels, rises above what its curvature allows (lesson 00). The path kicks out, v̂ grows again, and it settles anew.
#
# With the full gradient, a learning rate that fades and a memory β₂ that is not too long, AdamW ends at **the best point in the box**; Adam with L2 ends at ridge(λ),
# the lowest point of loss + (λ/2)‖w‖² (Xie & Li, 2024).

# %%
from course_lib.experiments.adamw.box import BOWL, STAR, START, box_point
from course_lib.experiments.shared.surfaces import descend


def end(update, betas=(0.9, 0.95), **pull):
    """Where a run on the bowl ends whose learning rate falls as 1/t: slowly enough to
    get anywhere."""
    def fading(param, grad, state, **options):
        t = state.get("step", 0)
        return update(param, grad, state, lr=0.05 / (1 + t / 200), betas=betas,
                      **options)
    return descend(BOWL, fading, START, 6000, **pull)[-1]

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("A star inside the box is not shrunk at all: AdamW with λ = 0.3 ends at the star "
      "(full gradient, fading lr, β₂ = 0.95).",
      measured=(end(adamw_update, weight_decay=0.3) - STAR).norm().item(),
      holds=below(2e-3))
claim("A star outside is cut off: with λ = 1 AdamW "
      "ends at the best point of the box |w| ≤ 1.",
      measured=(end(adamw_update, weight_decay=1.0) - box_point(1.0)).norm().item(),
      holds=below(2e-3))
claim("Adam with L2 ends at ridge(λ) for either.",
      measured=[(end(adam_update, l2=l2) - BOWL.ridge(l2)).norm().item()
                for l2 in (0.3, 1.0)],
      holds=below(2e-3))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("inside", "(1, a value of its own)",
       because="along the wall it slides to where the loss is lowest, w₂ ="
               f" {box_point(1.0)[1]:.2f}: the bowl is slanted, and clipping the star "
               "is not the best")

# %% [markdown]
# The box has two limits. With β₂ = 0.999 the old, steep gradients are remembered for so long that after 1000 steps AdamW is still far from the star. And with minibatches the noise, not the gradient,
# sets $\sqrt{\hat v}$, and shrinking is back: roughly that of ridge with strength λσ, σ the size of the noise. Both are measured in the next section, *the fine print*.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the fine print of the box
#
# The theorem: *if* AdamW converges on the full gradient of a *continuously* differentiable loss, with β₁ ≤ β₂ < 1, a learning rate that never rises and whose sum is infinite,
# and ε = 0, then it converges to a KKT point of "loss, subject to |w| ≤ 1/λ": for a convex loss, the best point in the box.
#
# - **"Converges" can take long.** √v̂ remembers early gradients for about 2/(1 − β₂) steps, and until it has forgotten them, a small gradient makes only a small step.
# - **u may exceed 1** for a while, and the weight the box. If β₁ ≤ β₂ and gradients do not keep growing, its long-run average does not.
# - **A constant rate** does not settle exactly; it rattles within about lr. Set lr high in the picture and watch the right side.
# - **Minibatches** are not covered. There the noise, not the gradient, sets √v̂, and shrinking is back. A weight whose loss is $\frac12(w - 1.5)^2$ and whose
#   gradient has noise σ should rest, on average, where pull and mean update balance: $\lambda w = (1.5 - w)/\sqrt{(1.5-w)^2+\sigma^2}$. For large σ that is ridge with strength λσ.

# %% tags=["deeper"]
def to_star(beta2, steps):
    path = descend(BOWL, adamw_update, START, steps, lr=0.02, betas=(0.9, beta2),
                   weight_decay=0.3)
    return (path[-1] - STAR).norm().item()

# %% tags=["deeper", "nbval-check-output"]
claim("After 1000 steps AdamW is at the star with β₂ = 0.95, and still far from it "
      "with β₂ = 0.999.",
      measured=[to_star(0.95, 1000), to_star(0.999, 1000)],
      holds=each(below(0.02), above(0.2)))

# %% tags=["deeper"]
def noisy_rest(sigma, strength=0.5, seeds=10, weights=200, steps=4000):
    """Mean weight of each seed over the second half of an AdamW run with gradient noise
    `sigma`."""
    draw, state = seeded(0), {}
    w, total = torch.zeros(seeds, weights, dtype=torch.float64), 0.0
    for step in range(steps):
        noise = sigma * torch.randn(w.shape, dtype=w.dtype, generator=draw)
        adamw_update(w, w - 1.5 + noise, state, lr=0.01, weight_decay=strength)
        total = total + w if step >= steps // 2 else total
    return total.mean(1) / (steps // 2)

# %% tags=["deeper"]
def balance(sigma, strength=0.5, low=0.0, high=1.5):
    """Root of λw = (1.5 − w)/√((1.5 − w)² + σ²), by halving."""
    for _ in range(60):
        w = (low + high) / 2
        low, high = ((w, high)
                     if (1.5 - w) / ((1.5 - w) ** 2 + sigma**2) ** 0.5 > strength * w
                     else (low, w))
    return w

# %% tags=["deeper", "nbval-check-output"]
for sigma in (1.0, 3.0, 10.0):
    claim(f"At σ = {sigma:g} the weights rest within 2 % of the balance, at "
          f"{balance(sigma):.3f} instead of 1.5 (ratio).",
          measured=mean_interval(noisy_rest(sigma) / balance(sigma)),
          kind="measured", id=f"noisy-balance-{sigma:g}",
          holds=between(0.98, 1.02))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two knobs on a real network
#
# Scikit-learn's digits: 300 images, every fifth label wrong, tested on the clean remaining ones. A 64-128-10 network, 300 steps of 50 images, 9 learning rates × 9 decays.
#
# The promise is that one may tune the two knobs one after the other: lr first, at the smallest λ, then λ at that lr. What does that cost, beside trying all 81 pairs? To be fair, one half of the seeds chooses the settings for the other half.
# Decided beforehand: **less than 5 % of the test loss is a price worth paying**.

# %%
predict("two-knobs",
        "Tuned one after the other instead of both at once: in AdamW that costs …",
        ["less than 5 % of the test loss", "more than 5 %"])

# %% [markdown]
# Here are all pairs at once: ten seeds of 162 networks, half a minute or so; the picture fills in as they train.
#
# **Do this**: move the framed row from the bottom to the top.  **Notice**: in which rows does the dot, the best learning rate, stay where it was?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import adamw as explore

explore.heat_map.show()

# %% [markdown]
# Look at the axes: each optimizer is shown where its own λ does something, AdamW at values a hundred times those of L2; for SGD, under *optimizers*, it is ten times.
# A bar spans every rate that is as good as the dot, to 5 %. At the bottom nothing moves, for a dull reason: the memory 1/(lr·λ) is far longer than the 300 steps, and decay does next to nothing.
# At lr = 0.00316 memory and run are equally long at λ ≈ 1. The promise is about the rows from there up.

# %%
from course_lib.experiments.adamw.separability import (cross_fits, drift, in_turn,
                                                       jackknife, mean_interaction)
from course_lib.experiments.adamw.two_knobs import surfaces

# those of the picture, not trained again
trained = surfaces(["Adam + L2", "AdamW"], range(10))
adam_map, adamw_map = trained.values()  # .loss, .error: [10 seeds, 9 rates, 9 decays]

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
cost = {name: mean_interval(in_turn(surface.loss)) for name, surface in trained.items()}
claim("Adam + L2: tuned one after the other, the knobs cost less than 5 % of the loss.",
      measured=cost["Adam + L2"], kind="measured", id="in-turn-adam",
      holds=below(0.05))
claim("AdamW: tuned one after the other, the knobs cost less than 5 % of the loss.",
      measured=cost["AdamW"], kind="measured", id="in-turn-adamw",
      holds=below(0.05))

# %% jupyter={"outputs_hidden": true}
# what came out
in_adamw = cost["AdamW"]
reveal("two-knobs", from_interval={
    "less than 5 % of the test loss": below(0.05)(in_adamw),
    "more than 5 %": above(0.05)(in_adamw)}, rests="in-turn-adamw",
    because=f"{in_adamw.mean:.1%} here; in Adam + L2 {cost['Adam + L2'].mean:.1%}")

# %% [markdown]
# The promise is kept here, and Adam + L2, to which nobody gave it, keeps it as well. <!-- rests: in-turn-adamw, in-turn-adam --> So "decoupled" is not what makes tuning in turn cheap on this task. The word can also mean that the best rate does not move with λ at all, or that the two effects add up: two other questions, each with its own verdict in the next sections.
# Ten runs of a small network neither confirm nor refute the paper, which trained a ResNet for 100 epochs; they show how much such a sentence leans on the question.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: does the best rate stay, do the effects add up?
#
# **The dots.** How many decades does the best rate move for each decade of λ? No formula is fitted. We judge by the lowest seven rows; in the top two decay overwhelms the data, and a best rate that turns back there would cancel a move below. All nine are printed too.

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
def best_rate_moves(surface, rows):
    return drift(surface.loss[:, :, :rows], surface.optimizer.lr,
                 surface.optimizer.decay[:rows])


for (name, surface), rows in product(trained.items(), (7, 9)):
    moves_by = mean_interval(best_rate_moves(surface, rows))
    print(f"{name:<10} lowest {rows} rows, decades "
          f"of lr for each decade of λ: {moves_by}")

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what came out
claim("The best learning rate moves less with λ in "
      "AdamW than in Adam + L2 (decades per decade).",
      measured=paired_interval(best_rate_moves(adamw_map, 7),
                               best_rate_moves(adam_map, 7)),
      kind="measured", id="best-rate-moves-less",
      holds=negative)

# %% [markdown] tags=["deeper"]
# **The sum.** Turn lr up tenfold: the log of the loss changes by some amount. Turn λ up tenfold: by another. Turn both: by the sum of the two, *plus c*. The knobs are **separable** if c = 0: what they do adds up, and the best rate is the same in every row.
# A negative c says that a larger rate goes well with a larger decay. Decided beforehand: |c| ≤ 0.05, a twentieth of the loss for each tenfold of both, counts as separable.
#
# A number for c: we fit $\log \text{loss} \approx k + px + qy + ax^2 + by^2 + c\,xy$ with $x = \log_{10} \text{lr}$ and $y = \log_{10} \lambda$ to each seed, on the cells near the lowest;
# *which* cells, the other seeds decide. The interval leaves out each seed in turn and does all of it again (a jackknife), so it counts what seeds change:
# the split, the start, the batches, the choice of cells. It does not count that these are always the same 1797 digits.

# %% tags=["deeper"]
def interaction(name, cut, seeds, over_product=False):
    """Mean c of some seeds, on cells whose log loss lies within `cut` of the lowest."""
    surface = trained[name]
    return mean_interaction(surface.loss[seeds].flatten(1), surface.x, surface.y, cut,
                            over_product)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
cuts = (0.25, 0.5, 1.0)
c = {key: jackknife(partial(interaction, *key), 10) for key in product(trained, cuts)}
for (name, cut), interval in c.items():
    print(f"{name:<10} cells within {cut:<4} of the lowest:  c = {interval}")

# %% [markdown]
# The verdicts, at the middle cut:

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
for name in trained:
    claim(f"{name}: the two knobs are separable, |c| ≤ 0.05 (log loss, over lr and λ).",
          measured=c[name, 0.5],
          kind="measured", id=f"separable-{name.split()[0].lower()}",
          holds=within(0.05))

# %% [markdown] tags=["deeper"]
# c and the dots need not agree. A cliff in one corner of the map makes c large and moves no dot. And in the picture, with test error as *measure*, which is what the paper shows, the dots nearly line up for both: adding up is a property of the scale; which rate is best
# in a row is not changed by a logarithm, but can change with the measure.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: which cells, and which axes?
#
# **Cells.** The surface is less a bowl than a plateau with cliffs, and the fit sees what the cut lets in. Which optimizer has the smaller |c|, at each cut?
# Below zero it is AdamW. R² of the fits and the curvature a are printed beside it; where a is near 0, there is no bowl to speak of.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
def ranking(cut, seeds):
    return (abs(interaction("AdamW", cut, seeds))
            - abs(interaction("Adam + L2", cut, seeds)))


for cut in cuts:
    claim(f"Cells within {cut} of the lowest: AdamW's knobs interact less, |c| − |c| < "
          "0.",
          measured=jackknife(partial(ranking, cut), 10),
          kind="measured", id=f"interact-less-{cut}",
          holds=negative)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
def quadratics(name, cut, seeds=slice(None)):
    surface = trained[name]
    return cross_fits(surface.loss[seeds].flatten(1), surface.x, surface.y, cut)


for name, cut in product(trained, cuts):
    found = quadratics(name, cut)
    a, r2 = mean_interval([fit.a for fit in found]), sum(fit.r2 for fit in found) / 10
    print(f"{name:<10} cells within {cut:<4}: a = {a}   R² = {r2:.2f}")

# %% [markdown]
# In a bowl the lowest lr of a row lies at $x = -(p + cy)/2a$: it moves by $-c/2a$ decades for each decade of λ. At the widest cut, where a is well above 0, that is

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
def move_of_lowest(name, seeds):
    fits = quadratics(name, 1.0, seeds)
    return -sum(fit.c for fit in fits) / (2 * sum(fit.a for fit in fits))


for name in trained:
    print(f"{name:<10} −c/2a = {jackknife(partial(move_of_lowest, name), 10)}")

# %% [markdown]
# **Axes.** torch multiplies λ by the learning rate. The paper's decay per step is a knob of its own, multiplied by the schedule but not by the base rate. *We* write it λ′ = lr·λ
# (the paper calls it λ, and uses λ′ for something else). In the picture, *decay axis* shows the same networks, sheared. With $y = y' - x$ the fit becomes another, and its interaction is $c' = c - 2b$.

# %% tags=["deeper", "nbval-check-output"]
refitted = cross_fits(adamw_map.loss.flatten(1), adamw_map.x, adamw_map.x + adamw_map.y,
                      0.5)
claim("Over (lr, lr·λ) the interaction is c′ = c − 2b: unless b = 0, at most one of c "
      "and c′ is zero.",
      measured=max(abs(there.c - (here.c - 2 * here.b))
                   for there, here in zip(refitted, quadratics("AdamW", 0.5))),
      holds=below(1e-6))

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
def primed(seeds, other, over_product):
    """|c′| of AdamW less |c| of `other`."""
    return (abs(interaction("AdamW", 0.5, seeds, True))
            - abs(interaction(other, 0.5, seeds, over_product)))


claim("AdamW is nearer to separable over (lr, λ′) than over (lr, λ): |c′| − |c| < 0.",
      measured=jackknife(partial(primed, other="AdamW", over_product=False), 10),
      kind="measured", id="product-nearer",
      holds=negative)
claim("As the paper compares them, AdamW over λ′ and L2 over λ, AdamW is the more "
      "separable one.",
      measured=jackknife(partial(primed, other="Adam + L2", over_product=False), 10),
      kind="measured", id="paper-separable",
      holds=negative)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the paper's knob
#
# In the paper decay takes the share λ′ in each step, whatever the learning rate: $w \leftarrow (1-\lambda')\,w$, then Adam's step. That is `adamw_update` with `weight_decay` = λ′/lr, and it is also what a slip in the exercise does.
# Its useful values are others: 300 steps at λ′ = 1e-3 already take a quarter of a weight. So it has a grid of its own, from 1e-7 to 1e-3 per step.
#
# **Do this**: compare the white dots of the two maps.  **Notice**: in which of them do they stand in a column?

# %% tags=["deeper"]
from course_lib.explorers import adamw as explore

explore.heat_map.show(pair="AdamW: λ two ways", seeds=1)

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
per_step = surfaces(["AdamW, per step"], range(5))["AdamW, per step"]
claim("With a decay per step the best learning rate moves by less than a tenth of a "
      "decade for each decade of decay.",
      measured=mean_interval(drift(per_step.loss, per_step.optimizer.lr,
                                   per_step.optimizer.decay)),
      kind="measured", id="per-step-rate-stays",
      holds=within(0.1))

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Is AdamW better, then?
#
# Each half of the seeds tunes both knobs for the other half, and then the two are compared, each at its own best. Decided beforehand: 5 % of the test loss, or one point of the test error,
# is a difference worth having. Both are tuned and judged on the same 1797 digits, which flatters both a little, and alike.

# %%
def tuned(score, decays=slice(None)):
    """Score of each seed, at the setting that the other half of the seeds found
    lowest."""
    # diverged: hopeless
    score = score[:, :, decays].flatten(1).double().nan_to_num(nan=9.0)
    first, second = score[5:].mean(0).argmin(), score[:5].mean(0).argmin()
    return torch.cat([score[:5, first], score[5:, second]])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("Tuned AdamW and tuned Adam + L2 are within 5 % of each other in test loss.",
      measured=paired_interval(tuned(adamw_map.loss.log()), tuned(adam_map.loss.log())),
      holds=within(0.05), kind="measured", id="tuned-same-loss")
claim("… and within one point in test error.",
      measured=paired_interval(tuned(adamw_map.error), tuned(adam_map.error)),
      holds=within(0.01), kind="measured", id="tuned-same-error")

# %% [markdown]
# So on this task, tuned, neither is better. These verdicts, a dozen with the folded ones, share ten seeds, and of a hundred 95 % intervals some five miss: read them as one experiment.
#
# **Why, then, do large language models decay?** Their data pass once or so, and there is little to overfit: the training loss itself comes down further with decay. D'Angelo et al. (2023) explain it by the size of the steps that it keeps up, not by regularization.
# A layer followed by a norm computes the same whatever the length of its weights; decay holds that length at a balance with the steps, and so sets how far weights *turn* per step, alike in all layers (Kosson et al., 2023; lesson 07 measures such turning).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: what came after AdamW
#
# Three changes of AdamW are much used or much discussed. Does one of them get further on our digits, with the same number of trials?
#
# | | what changes |
# |---|---|
# | **Muon** (Jordan et al. 2024) | for a matrix: the momentum's step, with all its singular values made nearly alike; biases keep AdamW |
# | **cautious weight decay** (Chen et al. 2025) | $w \leftarrow w - \eta\,(u + \lambda\,[u \cdot w \ge 0]\,w)$: decay only where Adam's step $u$ leads towards 0 anyway |
# | **schedule-free AdamW** (Defazio et al. 2024) | no schedule: the steps $z$ are averaged into $x$, gradients are taken near $x$, and $x$ is used in the end |
#
# Making singular values alike needs no decomposition: a polynomial in the matrix does it, five times.

# %% tags=["deeper"]
from course_lib.experiments.adamw import successors

show_source(successors.orthogonalise)

# %% tags=["deeper"]
print("singular values, the largest set to 1, before and after:")
matrix = torch.randn(6, 8, generator=seeded(0))
for stage in (matrix, successors.orthogonalise(matrix)):
    values = torch.linalg.svdvals(stage)
    print(*(f"{value:5.2f}" for value in (values / values.max()).tolist()))

# %% tags=["deeper"]
predict("successors",
        "Each method tries the same eight pairs of lr and λ. How many of the three end "
        "with a test loss lower than AdamW's, by more than 5 %?",
        ["none", "one", "two", "all three"])

# %% [markdown]
# Four learning rates, two strengths, eight seeds, 300 steps at a constant rate, on the digits of the map. As above, each half of the seeds tunes for the other half, and 5 % of the loss is a difference worth having.

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
def tuned_log_loss(name):
    """Log test loss of each seed, at the cell that the other half found lowest."""
    loss, _ = successors.compare(successors.METHODS[name])
    score = loss.double().log().nan_to_num(nan=9.0, posinf=9.0)  # diverged: hopeless
    first, second = score[4:].mean(0).argmin(), score[:4].mean(0).argmin()
    cells = {key: [column[i] for i in (first, second)]
             for key, column in successors.CELLS.items()}
    print(f"{name:14}", cells)
    return torch.cat([score[:4, first], score[4:, second]])


log_losses = {name: tuned_log_loss(name) for name in successors.METHODS}
beyond = {name: paired_interval(log_losses[name], log_losses["AdamW"])
          for name in ("muon", "cautious", "schedule-free")}

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
for name, gap in beyond.items():
    claim(f"Tuned, {name} ends with a test loss lower than AdamW's by more than 5 %.",
          measured=gap, kind="measured", id=f"{name}-lower", holds=below(-0.05))

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
lower = [below(-0.05)(gap) for gap in beyond.values()]
decided = None not in lower

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
reveal("successors",
       from_interval={answer: decided and lower.count(True) == number
                      for number, answer in enumerate(("none", "one", "two",
                                                       "all three"))},
       because="at 300 steps on 300 images; they were made for much longer runs",
       rests="muon-lower, cautious-lower, schedule-free-lower")

# %% [markdown]
# Their authors report gains in the training of language models: many steps, each row seen once, much larger matrices. Nothing of that is here. So a null would say only that a small noisy task does not ask for them, and a gain only that this one does.
# `explore.heat_map.show(update=successors.muon_and_adamw_update)` draws Muon's map (slowly, network by network); `cautious_update` and `schedule_free_update` fit there too. torch has Muon as `torch.optim.Muon`, for matrices alone.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: where decay gains little
#
# Does tuning λ too gain anything, beside tuning lr alone?

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
least = slice(0, 1)  # next to no decay: the smallest λ
for name, surface in trained.items():
    claim(f"{name}: tuning λ too, not lr alone, gains less than 5 % of the test loss.",
          measured=paired_interval(tuned(surface.loss.log()),
                                   tuned(surface.loss.log(), least)),
          holds=above(-0.05),
          kind="measured", id=f"tuning-decay-{name.split()[0].lower()}")

# %% [markdown]
# Where decay gains little, that is no verdict on decay. A suspicion: the best rate is a small one, and 300 small steps end before the wrong labels are learned
# by heart, so that stopping early has done the regularizing. Then a larger rate should leave something to do: lr = 0.01, where λ = 1 is a memory of 100 steps. The best rate is chosen by test *error* here, since in loss 0.001 and 0.00316 tie.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
best = adamw_map.error[:, :, 0].mean(0).argmin()
larger = adamw_map.optimizer.lr.index(0.01)
claim("At the best rate with next to no decay more than a tenth of the training labels "
      "are not learned.",
      measured=mean_interval(adamw_map.train_error[:, best, 0]),
      holds=above(0.1),
      kind="measured", id="best-rate-unlearned")
claim("At lr = 0.01 less than a twentieth is left: the wrong labels are learned by "
      "heart.",
      measured=mean_interval(adamw_map.train_error[:, larger, 0]),
      holds=below(0.05),
      kind="measured", id="large-rate-learned")

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
strong, weak = (adamw_map.error[:, larger, adamw_map.optimizer.decay.index(decay)]
                for decay in (1.0, 0.001))
claim("There, λ = 1 instead of 0.001 takes more than 5 points off the test error.",
      measured=paired_interval(strong, weak), holds=below(-0.05),
      kind="measured", id="large-rate-decay")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Myths, checked
#
# > **"In AdamW decay is independent of the learning rate."** Independent of the gradients. In torch the factor is 1 − lr·λ.

# %% tags=["nbval-check-output"]
claim("A tenth of the learning rate, a tenth of the "
      "decay: on a flat loss AdamW leaves (1 − lr·λ)ᵗ.",
      measured=[left_after(0.1), left_after(0.01)],
      holds=each(near(0.95**100, 1e-12), near(0.995**100, 1e-12)))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: "Adam adapts the decay per weight, too"
#
# Some texts say so, of AdamW. No: the decay is the same share of every weight, however steep its gradient.

# %% tags=["deeper"]
def taken(steepness, strength=0.4):
    """Share of a weight that decay takes in AdamW's first step, beside what Adam alone
    does."""
    g = torch.tensor(steepness, dtype=torch.float64)
    with_decay, without = (adamw_update(torch.ones_like(g), g, {}, lr=0.05,
                                        weight_decay=s) for s in (strength, 0.0))
    return (without - with_decay).item()

# %% tags=["deeper", "nbval-check-output"]
claim("Decay takes lr·λ of a weight, be its gradient 1000 or 0.001.",
      measured=[taken(1e3), taken(1e-3)],
      holds=near(0.05 * 0.4, 1e-12))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# The plain loop again with what one adds for real work: two groups, made by what a parameter is (weights decay, biases and norms do not), and a schedule with warm-up.

# %%
from course_lib.weight_decay import decay_groups

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = torch.optim.AdamW(decay_groups(model, weight_decay=0.05), lr=3e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=3e-3, total_steps=600, pct_start=0.05, cycle_momentum=False)
for epoch in range(100):
    for rows in torch.randperm(300).split(50):
        optimizer.zero_grad()
        cross_entropy(model(data.train_x[rows]), data.train_y[rows]).backward()
        optimizer.step()
        schedule.step()  # after the optimizer, once a step
for group in optimizer.param_groups:
    sizes = [tuple(p.shape) for p in group["params"]]
    print(f"weight_decay {group['weight_decay']}: {sizes}")

# %% [markdown]
# Typical λ: 0.01 to 0.1 and more, well above what coupled L2 takes. Is that so here?

# %%
def best_decay(surface, lr=0.01):
    """log₁₀ of the λ that each seed likes best at this learning rate."""
    loss = surface.loss[:, surface.optimizer.lr.index(lr)].nan_to_num(nan=torch.inf)
    return torch.tensor(surface.optimizer.decay).log10()[loss.argmin(1)]

# %% [markdown]
# The two grids lie a hundred apart, and a best λ at the end of its grid would only show that. So first: does each seed's best lie inside?

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
# what came out
claim("Every seed's best λ lies inside its grid, for both.", kind="checked",
      measured=[best_decay(adam_map), best_decay(adamw_map)],
      holds=each(*(between(*torch.tensor(ends).log10().tolist()) for ends in
                   (one.optimizer.decay[::len(one.optimizer.decay) - 1]
                    for one in trained.values()))))
claim("At lr = 0.01 the best λ of AdamW is more than "
      "ten times that of Adam + L2 (in decades).",
      measured=paired_interval(best_decay(adamw_map), best_decay(adam_map)),
      kind="measured", id="best-decay-larger",
      holds=above(1))

# %% [markdown]
# **A schedule of the learning rate schedules the decay too.** Warm-up and cosine leave $\prod_t (1 - \eta_t \lambda)$ of a starting weight. Here is the default λ in a run of 100 000 steps.
#
# **Do this**: go down to 1000 steps.  **Notice**: how much of a weight has the default λ taken by the end of the run?

# %%
from course_lib.explorers import adamw as explore

explore.schedule.show(steps=100_000)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: groups and a schedule, step by step

# %% tags=["deeper"]
model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.LayerNorm(3)).double()
start = model[0].weight.detach().clone()
optimizer = torch.optim.AdamW(decay_groups(model, weight_decay=0.5), lr=0.1)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)

# %% tags=["deeper"]
left = 1.0  # Π (1 − lrₜ·λ)
for _ in range(50):
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    left *= 1 - optimizer.param_groups[0]["lr"] * 0.5
    optimizer.step()
    schedule.step()

# %% tags=["deeper", "nbval-check-output"]
claim("Under a schedule AdamW leaves Π(1 − lrₜ·λ) of the weights; the group without "
      "decay keeps its ones.",
      measured=[(model[0].weight - left * start).abs().max().item(),
                (model[1].weight - 1).abs().max().item()],
      holds=below(1e-12))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: reading a `state_dict`, and resuming bit for bit
#
# Can one read a gradient off a saved optimizer? Somebody printed the state of an AdamW after one step: `betas` are 0.9 and 0.999, `lr` 0.02, `initial_lr` 0.2, and for the two parameters
# of a straight line, slope and intercept, `exp_avg` is 5.9926e-2 and 2.1779e-2, `exp_avg_sq` 3.5912e-4 and 4.7433e-5. What was the gradient? Ask both witnesses.

# %% tags=["deeper", "nbval-check-output"]
exp_avg = torch.tensor([5.9926e-2, 2.1779e-2]).double()
exp_avg_sq = torch.tensor([3.5912e-4, 4.7433e-5]).double()
from_m = exp_avg / (1 - 0.9)  # m₁ = (1 − β₁)·g: size and sign
from_v = (exp_avg_sq / (1 - 0.999)).sqrt()  # v₁ = (1 − β₂)·g²: size alone
claim("After one step the gradient stands in m as well as in v, and the printed digits "
      "agree: 0.5993 and 0.2178.",
      measured=from_m / from_v, holds=near(1, 5e-5))
print(from_m, from_v)

# %% [markdown]
# `initial_lr` is put there by a scheduler: the schedule began at 0.2 and stands at a tenth of it. So the state holds *where* the schedule is but not *which* schedule it is:
# save the scheduler's state too. Then a resumed run is the same run, to the last bit:

# %% tags=["deeper"]
import copy

from course_lib.adamw import AdamW


def training(model):
    optimizer = AdamW(model.parameters(), lr=0.05, weight_decay=0.1)
    return optimizer, torch.optim.lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.5)

# %% tags=["deeper"]
def go_on(model, optimizer, scheduler, steps):
    """Train on noise; step i sees the same numbers whoever trains it."""
    for i in steps:
        x = torch.randn(16, 3, generator=seeded(i))
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
        scheduler.step()

# %% tags=["deeper"]
straight = torch.nn.Linear(3, 2)
broken = copy.deepcopy(straight)
go_on(straight, *training(straight), range(20))
optimizer, scheduler = training(broken)
go_on(broken, optimizer, scheduler, range(10))
saved = copy.deepcopy([part.state_dict() for part in (broken, optimizer, scheduler)])

# %% tags=["deeper"]
resumed = torch.nn.Linear(3, 2)
parts = [resumed, *training(resumed)]
for part, state in zip(parts, saved):
    part.load_state_dict(state)
go_on(*parts, range(10, 20))

# %% tags=["deeper", "nbval-check-output"]
claim("A run saved after 10 steps and resumed "
      "equals the uninterrupted one, bit for bit.",
      measured=all(torch.equal(a, b) for a, b in zip(straight.parameters(),
                                                     resumed.parameters())),
      holds=equal(True))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When not to
#
# - **Short fine-tuning.** At lr = 1e-5 and λ = 0.01 the memory is ten million steps: decay takes nothing, so set it to 0. And it would pull towards zero, not towards the model that you were given.
# - **Weights that must be large.** λ = 1 keeps every weight within about ±1. Biases, gains and temperatures want a group without decay.
# - **Rows that are seldom used.** With a dense gradient AdamW decays every row of an embedding at every step, whether its word came or not.
# - **A tuned recipe with SGD, or with Adam + L2.** Nothing above compared Adam with SGD, and tuned AdamW was not better than tuned Adam + L2. <!-- rests: tuned-same-loss, tuned-same-error -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: other conventions, and errors in print
#
# | you may read | what it does |
# |---|---|
# | a decay per step, not multiplied by lr (the paper) | lr·λ in torch's terms; there, halving lr leaves the decay alone |
# | $\sqrt{v_t + \varepsilon}$ on one page, $\sqrt{v_t} + \varepsilon$ on the next | two different rules, far apart for small gradients. torch: ε outside |
# | "decay is applied *after* the step" | torch decays the old w. Before or after does not matter as long as it is the old one; decaying the moved weight is another rule |
# | "$\hat\eta_t = \eta/\sqrt{v_t}$" *and* a division by $\sqrt{v_t}$ | divided twice: the step grows as 1/g, and scale is back |
# | "moving averages of w" | of the gradient and of its square |
# | `zero_grad` "sets gradients to zero" | to None, in torch: a parameter without gradient is then not decayed either |

# %% tags=["deeper"]
def after_the_move(param, grad, state, *, weight_decay, lr, **options):
    adam_update(param, grad, state, lr=lr, **options)
    return param.mul_(1 - lr * weight_decay)

# %% tags=["deeper", "nbval-check-output"]
one, g = torch.ones(1, dtype=torch.float64), torch.full((1,), 2.0, dtype=torch.float64)
ours, other = (rule(one.clone(), g, {}, lr=0.1, weight_decay=0.5, eps=1e-300)
               for rule in (adamw_update, after_the_move))
claim("Decaying the moved weight instead of the "
      "old one differs by lr²·λ·u in each step.",
      measured=(other - ours).item(),
      holds=near(0.1**2 * 0.5, 1e-12))

# %% tags=["deeper", "nbval-check-output"]
claim("At gradient 1e-4, ε = 1e-8 inside the root cuts the first step to 1/√2; outside "
      "it takes off a ten-thousandth.",
      measured=[1e-4 / (1e-4**2 + 1e-8) ** 0.5, moves([1e-4])[0]],
      holds=each(near(0.5**0.5, 1e-12), near(1 / 1.0001, 1e-12)))
unused = torch.nn.Parameter(torch.ones(1))
torch.optim.AdamW([unused], lr=0.1, weight_decay=0.5).step()
claim("A parameter whose gradient is None is not decayed.", measured=unused.item(),
      holds=equal(1.0))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: `amsgrad`, or how Adam can run the wrong way
#
# Three gradients in turn, for ever: 3, −1, −1. Their sum is 1, so the weight should go down, to the left end of [−1, 1]. With a short memory, β₁ = 0 and
# β₂ = 1/(1 + 3²), Adam (theirs without bias corrections, which changes only the start) sees each gradient beside its own size alone: one step left, two steps right, and it ends at the *worst* point. This is the counterexample
# of Reddi et al. (2018). Their cure divides by the largest v so far.

# %% tags=["deeper"]
def wrong_way(beta2=0.1, amsgrad=False, steps=1998):
    """Where Adam on the gradients 3, −1, −1, … ends within [−1, 1], learning rate
    0.5/√t."""
    w, state = torch.zeros((), dtype=torch.float64), {}
    for t in range(1, steps + 1):
        gradient = torch.tensor(3.0 if t % 3 == 1 else -1.0, dtype=w.dtype)
        adam_update(w, gradient, state, lr=0.5 / t**0.5, betas=(0.0, beta2),
                    amsgrad=amsgrad)
        w.clamp_(-1, 1)
    return w.item()

# %% tags=["deeper", "nbval-check-output"]
claim("On Reddi's example Adam ends at +1, the worst point of [−1, 1].",
      measured=wrong_way(), holds=above(0.95))
claim("AMSGrad goes to −1, the best.", measured=wrong_way(amsgrad=True),
      holds=below(-0.95))
claim("So does plain Adam with the usual long memory, β₂ = 0.999.",
      measured=wrong_way(beta2=0.999), holds=below(-0.95))

# %% [markdown]
# The last line is why it is seldom met: for every β₁ < √β₂ there is such a sequence, but a longer memory needs a rarer large gradient. `amsgrad` is off by default in torch.

# %% [markdown] tags=["card"] slideshow={"slide_type": "slide"}
# ## To keep
#
# | | |
# |---|---|
# | formula | $w \leftarrow (1-\eta\lambda)\,w - \eta\,\hat m/(\sqrt{\hat v}+\varepsilon)$; $m$ averages $g$ with $\beta_1$, $v$ averages $g^2$ with $\beta_2$, the hats correct for their start at zero |
# | what λ means | with the rate, a memory of $1/(\eta\lambda)$ steps; with the full gradient, run to rest, a box $\lvert w\rvert \le 1/\lambda$ |
# | PyTorch | `torch.optim.AdamW(decay_groups(model, weight_decay=0.05), lr=1e-3)` |
# | typical | lr 1e-3, betas (0.9, 0.999), ε 1e-8; λ 0.01 to 0.1 and more; no decay for biases and norms |
# | when not | short fine-tuning; weights that must be large; rows that are seldom used; a tuned recipe without it |
# | measured | tuned lr first, then λ, costs less than 5 % of the loss, in AdamW as in Adam + L2 <!-- rests: in-turn-adamw, in-turn-adam --> |
# | measured | tuned, AdamW and Adam + L2 are within 5 % in loss and within a point in error <!-- rests: tuned-same-loss, tuned-same-error --> |

# %% [markdown] slideshow={"slide_type": "skip"}
# Now write `adamw_update` yourself, in **`04_adamw_exercises.ipynb`**, and let it steer: `explore.heat_map.show(update=adamw_update)`.
#
# **Sources.** Kingma & Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015 (arXiv:1412.6980). Loshchilov & Hutter, *Decoupled Weight Decay Regularization*, ICLR 2019 (arXiv:1711.05101). Reddi, Kale & Kumar,
# *On the Convergence of Adam and Beyond*, ICLR 2018 (arXiv:1904.09237). Xie & Li, *Implicit Bias of AdamW: ℓ∞ Norm Constrained Optimization*, ICML 2024 (arXiv:2404.04454).
# D'Angelo, Andriushchenko, Varre & Flammarion, *Why Do We Need Weight Decay in Modern Deep Learning?*, 2023 (arXiv:2310.04415). Kosson, Messmer & Jaggi, *Rotational Equilibrium: How Weight Decay Balances Learning Across Neural Networks*, 2023 (arXiv:2305.17212).
# Wang & Aitchison, *How to set AdamW's weight decay as you scale model and dataset size*, ICML 2025 (arXiv:2405.13698).
# Jordan et al., *Muon: An Optimizer for Hidden Layers in Neural Networks*, 2024 (kellerjordan.github.io/posts/muon). Liu et al., *Muon Is Scalable for LLM Training*, 2025 (arXiv:2502.16982). Chen et al., *Cautious Weight Decay*, 2025 (arXiv:2510.12402).
# Defazio et al., *The Road Less Scheduled*, NeurIPS 2024 (arXiv:2405.15682).
# *Which parameter is varied?* is a question of "Optimization & Regularization" of the mlr3torch course (mlr-org.github.io/mlr3torch-course/notebooks/4-optimizer.html, commit 220fa0e); ε in two places, the double division and `zero_grad` stand there too.
# Duchi, Hazan & Singer, *Adaptive Subgradient Methods* (Adagrad), JMLR 2011. Tieleman & Hinton, *RMSprop*, Coursera lecture 6.5, 2012. Tukey, *Bias and confidence in not quite large samples* (the jackknife), 1958.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Test yourself, and teach it
#
# What one can explain in two minutes one has understood. Do it aloud, to a friend, a pet, or the wall; where you get stuck is where to read again.
#
# **Teach it to** somebody who takes AdamW for Adam with better defaults. *Draw* the box $|w| \le 1/\lambda$ around zero, one star inside it and one outside, and where each ends with the full gradient. Say also what becomes of it with small batches. *Disarm* the sentence "AdamW, like Adam, adapts the decay to each weight". *And ask back:* You double the learning rate and leave λ alone. How much longer, or shorter, is the memory of the weights?
#
# Below: the questions of this lesson (some are about *Deeper* sections), with a reason for every option, and its cards, which come back after 1, 3 and 7 days.

# %% slideshow={"slide_type": "skip"}
from course_lib.notebook import quiz_of, recall

quiz_of("adamw")

# %% slideshow={"slide_type": "skip"}
recall("adamw")
