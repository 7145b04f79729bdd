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
# Whoever tunes a network knows the dance: turn the learning rate, and the weight decay is wrong again; turn the decay, and the rate is.
# AdamW is Adam with its decay moved out of the gradient (lesson 03). Its authors promised an end to the dance: two knobs, each to be set without the other.
# Is that so? And how strong is λ = 0.01, PyTorch's default?
#
# *45 minutes. You need momentum (lesson 00) and the difference between L2 and weight decay (lesson 03).*

# %% tags=["setup"]
from itertools import product

import torch

from course_lib.adamw import adam_update, adamw_update
from course_lib.explorers import adamw as explore
from course_lib.notebook import claim, predict, quiz, reveal, setup, show_source

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A knob that does nothing, until it does
#
# A bowl, its lowest point at the star. Both runs start at the ring, with one learning rate and one λ. **Drag λ slowly up from 0.**

# %% slideshow={"slide_type": "-"}
explore.trajectory.show()

# %% [markdown]
# Adam with L2 gives way from the first touch: it rests on the dotted line, nearer to zero for every bit of λ. AdamW ends at the star for
# λ = 0.1, 0.2, 0.3, as if λ were not connected. At λ = 0.5 a wall arrives, and the wall pushes.
#
# At the end of this lesson you can
# - compute Adam's steps by hand, and read four settings off a picture;
# - say what λ means in AdamW: a memory of 1/(lr·λ) steps, and a box of half-width 1/λ;
# - judge the promise of two separate knobs on networks trained while you watch;
# - set up AdamW as it is used: groups, schedule, resuming.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A step of its own size for every weight

# %%
predict("first-step", "Two weights, gradients 1000 and 0.001, learning rate 0.1. Which moves further in Adam's first step?",
        ["the one with 1000", "the one with 0.001", "both move 0.1"])

# %% [markdown]
# **By hand.** Adam keeps two running averages: m of the gradient, v of its square. It divides one by the root of the other.
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
# The size of the gradient has cancelled. What is left is its *sign*, softened where signs disagree.

# %% tags=["nbval-check-output"]
claim("Adam's first step has size lr, whatever the gradient, as long as it is large beside ε.",
      measured=[moves([gradient])[0] for gradient in (1e3, 1.0, 1e-3)],
      holds=lambda sizes: all(abs(size - 1) < 2e-5 for size in sizes))
claim("A gradient as small as ε = 1e-8 gets half a step.",
      measured=moves([1e-8])[0], holds=lambda size: abs(size - 0.5) < 1e-12)
reveal("first-step", "both move 0.1", because="each gradient is divided by its own size")

# %% [markdown]
# What are the hats for? m and v start at 0 and are too small at first; dividing by $1-\beta^t$ makes up for it exactly.
# One tutorial leaves both corrections out, another makes the first and forgets the second. Their first steps, in learning rates:

# %%
def first_step(correct_m, correct_v, g=1.0, beta1=0.9, beta2=0.999):
    m, v = (1 - beta1) * g, (1 - beta2) * g**2
    return (m / (1 - beta1) if correct_m else m) / (v / (1 - beta2) if correct_v else v) ** 0.5

# %% tags=["nbval-check-output"]
claim("Without any correction the first step is lr·(1 − β₁)/√(1 − β₂), three times too long.",
      measured=first_step(False, False), holds=lambda size: abs(size - (1 - 0.9) / (1 - 0.999) ** 0.5) < 1e-12)
claim("With m corrected and v not it is lr/√(1 − β₂): half a correction is ten times worse than none.",
      measured=first_step(True, False), holds=lambda size: abs(size / first_step(False, False) - 10) < 1e-9)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The formula, and the one line
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,g \qquad v \leftarrow \beta_2 v + (1-\beta_2)\,g^2 \qquad \hat m = \frac{m}{1-\beta_1^t} \qquad \hat v = \frac{v}{1-\beta_2^t}$$
#
# $$\text{AdamW:}\qquad w \;\leftarrow\; (1-\eta\lambda)\,w \;-\; \eta\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}$$
#
# In the code, find the line of each symbol. Then find the only line that makes it AdamW.

# %%
show_source(adam_update)

# %% [markdown]
# It is `decay(param, lr, weight_decay)`, above everything else. It reads no gradient, and no moment ever hears of it. This function is all there is:
# the classes `Adam` and `AdamW` only remember settings and call it, and the pictures train with it. Is it what PyTorch does? Forty-eight settings each, the same random gradients:

# %%
def gap(theirs, steps=50, **options):
    """Largest difference between torch's weights and ours after `steps` steps on the same random gradients."""
    draw = torch.Generator().manual_seed(0)
    ours, state = torch.randn(8, dtype=torch.float64, generator=draw), {}
    p = ours.clone().requires_grad_()
    optimizer = theirs([p], **options)
    pull = options.pop("weight_decay")
    options |= {"weight_decay" if theirs is torch.optim.AdamW else "l2": pull}
    for _ in range(steps):
        p.grad = torch.randn(8, dtype=torch.float64, generator=draw)
        optimizer.step()
        adam_update(ours, p.grad, state, **options)
    return (ours - p).abs().max().item()

# %%
names = ("lr", "betas", "eps", "weight_decay", "amsgrad")
grid = list(product((1e-3, 0.1), ((0.9, 0.999), (0.0, 0.9)), (1e-8, 1e-3), (0.0, 0.01, 0.5), (False, True)))

# %% tags=["nbval-check-output"]
claim("`adam_update` equals torch's Adam (λ as `l2`) and AdamW (λ as `weight_decay`) over the whole grid of options.",
      measured={theirs.__name__: max(gap(theirs, **dict(zip(names, options))) for options in grid)
                for theirs in (torch.optim.Adam, torch.optim.AdamW)},
      holds=lambda gaps: max(gaps.values()) < 1e-12)

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
    """Largest difference between `adam_update` under `settings(t)` and `step(p, g)`, on the same random gradients."""
    draw = torch.Generator().manual_seed(0)
    ours, state, p = torch.zeros(8, dtype=torch.float64), {}, torch.zeros(8, dtype=torch.float64, requires_grad=True)
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
def sign_descent(t):
    return {"lr": 0.1, "betas": (0.0, 0.0), "eps": 1e-300}

# %% tags=["deeper"]
def rmsprop(t, alpha=0.9):
    c = (1 - alpha**t) ** 0.5
    return {"lr": 0.1 / c, "betas": (0.0, alpha), "eps": 1e-6 / c}


def adagrad(t, one_minus_beta2):
    return {"lr": 0.1 / t**0.5, "betas": (0.0, 1 - one_minus_beta2), "eps": 1e-6 / t**0.5}

# %% tags=["deeper", "nbval-check-output"]
claim("With β₁ = β₂ = 0 Adam steps by the sign of the gradient.",
      measured=difference(sign_descent, lambda p, g: p.data.sub_(0.1 * g.sign())), holds=lambda gap: gap < 1e-12)
claim("RMSprop is Adam with the settings of the table.",
      measured=difference(rmsprop, stepping(torch.optim.RMSprop, lr=0.1, alpha=0.9, eps=1e-6)), holds=lambda gap: gap < 1e-12)
claim("Adagrad is the limit β₂ → 1: a tenth of 1 − β₂ leaves a tenth of the difference.",
      measured=[difference(lambda t, d=d: adagrad(t, d), stepping(torch.optim.Adagrad, lr=0.1, eps=1e-6)) for d in (1e-4, 1e-5)],
      holds=lambda gaps: gaps[0] < 1e-4 and abs(gaps[0] / gaps[1] - 10) < 0.1)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Which parameter is varied?
#
# Now read the formula backwards. Each picture shows four runs of AdamW; exactly one of lr, β₁, β₂, λ differs. Every answer can be read off the
# dots, one a step. Solve A to D, then ask for a new seed until you need no help.

# %%
explore.which_parameter.show()

# %% [markdown]
# What each leaves behind in a path that starts at zero:
# - **lr**: the length of the first step, in every coordinate. Nothing else can change it.
# - **λ**: where the path ends. Strong decay keeps it from the star for good.
# - **β₁**, the memory of the direction: a path with a long one is carried past the star and has to come back.
# - **β₂**, the memory of the *size*: as the slope flattens, a long memory still divides by the early steep gradients, so steps shrink. A short one forgets them and keeps stepping.
#
# Many texts call the betas "the momentum parameters". Only the first is one:

# %% tags=["nbval-check-output"]
shaky = [3.0, 1.0, -0.1, 2.0, -4.0]
claim("With β₁ = 0 every step goes against the gradient of that very step, whatever β₂: β₂ carries nothing on.",
      measured=[min(move * g for move, g in zip(moves(shaky, betas=(0.0, beta2)), shaky)) for beta2 in (0.5, 0.999)],
      holds=lambda products: min(products) > 0)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two knobs on a real network
#
# Scikit-learn's digits: 300 images, every fifth label wrong, tested on the clean remaining ones. A 64-128-10 network, 300 steps, 9 learning rates × 9 decays.
# The knobs are **separable** if the best learning rate is the same in every row. Then one can tune lr, then λ, and be done.

# %%
predict("two-knobs", "In which picture will the two knobs be separable?",
        ["AdamW only", "Adam + L2 only", "both", "neither"])

# %%
explore.heat_map.show()

# %% [markdown]
# Look first at the axes: each optimizer is shown where its own λ does something, AdamW at values a hundred times those of L2. Then follow the dots upwards.
# At the bottom they stand in one column for a dull reason: decay does next to nothing, all rows are one row. The promise is about the rows above.
# (*Optimizers* trains the same pair for SGD.)
#
# **A number for it.** Turn lr up tenfold: the log of the loss changes by some amount. Turn λ up tenfold: another. Turn both: the sum, *plus c*.
# Separable means c = 0; a negative c says that a larger rate wants a larger decay. We fit $\log \text{loss} \approx k + px + qy + ax^2 + by^2 + c\,xy$ with $x = \log_{10} \text{lr}$ and $y = \log_{10} \lambda$,
# seed by seed, on the cells near the lowest, and those are chosen by the *other* half of the seeds. Decided beforehand: **|c| ≤ 0.05, a twentieth of the loss, counts as free.**

# %%
from course_lib.lab.separability import cross_fits
from course_lib.lab.statistics import mean_interval, paired_interval
from course_lib.lab.two_knobs import surfaces

# %%
trained = surfaces(["Adam + L2", "AdamW"], range(10))  # the networks of the picture: nothing is trained twice
cuts = (0.25, 0.5, 1.0)  # how far above the lowest log loss a cell may lie
fits = {(name, cut): cross_fits(surface.loss.flatten(1), surface.x, surface.y, cut)
        for name, surface in trained.items() for cut in cuts}
c = {key: mean_interval([fit.c for fit in found]) for key, found in fits.items()}
for (name, cut), interval in c.items():
    r2 = sum(fit.r2 for fit in fits[name, cut]) / 10
    print(f"{name:<10} cells within {cut:<4} of the lowest:  c = {interval}   R² = {r2:.2f}")

# %% [markdown]
# The verdicts, at the middle cut:

# %% tags=["nbval-check-output"]
for name in trained:
    claim(f"{name}: the two knobs are free of each other, |c| ≤ 0.05 (log loss, torch's coordinates).",
          measured=c[name, 0.5], holds=lambda interval: interval.between(-0.05, 0.05), kind="measured")

# %% tags=["nbval-check-output"]
coupled, decoupled = (torch.tensor([fit.c for fit in fits[name, 0.5]]).abs() for name in trained)
claim("AdamW's knobs interact less than those of Adam + L2 (difference of |c|).",
      measured=paired_interval(decoupled, coupled), holds=lambda difference: difference.between(high=0), kind="measured")

# %% tags=["nbval-check-output"]
narrow, wide = ([fit.c for fit in fits["AdamW", cut]] for cut in (0.25, 1.0))
claim("For AdamW the answer depends on which cells are asked: c differs between the tightest and the widest cut.",
      measured=paired_interval(wide, narrow), holds=lambda difference: difference.excludes(0), kind="measured")

# %%
free = [name for name in trained if c[name, 0.5].between(-0.05, 0.05)]
reveal("two-knobs", {0: "neither", 1: f"{free[0]} only" if free else "", 2: "both"}[len(free)],
       because="an interval inside ±0.05 counts as separable, at the middle cut")

# %% [markdown]
# Read R² too: the surface looks less like a bowl than like a plateau with cliffs, and a quadratic describes it as well as R² says. If your table changes its mind
# from cut to cut, then "separable" has no answer here that is free of the question. Ten runs of a small network neither confirm nor refute the paper,
# which trained a ResNet for 100 epochs; they show how much such a sentence leans on axes and cells.
#
# **On axes.** torch multiplies λ by the learning rate. The paper does not: its decay per step is λ′ = lr·λ, a knob of its own. Switch *decay axis* in the
# picture: the same networks, sheared. With $y = y' - x$ the fit becomes another, and its interaction is $c' = c - 2b$.

# %% tags=["nbval-check-output"]
surface = trained["AdamW"]
refitted = cross_fits(surface.loss.flatten(1), surface.x, surface.x + surface.y, 0.5)
claim("Over (lr, lr·λ) the interaction is c′ = c − 2b: unless b = 0, at most one of the two coordinate systems is free of it.",
      measured=max(abs(there.c - (here.c - 2 * here.b)) for there, here in zip(refitted, fits["AdamW", 0.5])),
      holds=lambda difference: difference < 1e-6)

# %%
primed = {name: [fit.over_product().c for fit in fits[name, 0.5]] for name in trained}
for name, values in primed.items():
    print(f"{name:<10} c′ = {mean_interval(values)}")

# %% tags=["nbval-check-output"]
claim("AdamW is nearer to separable in the paper's coordinates than in torch's, |c′| < |c|.",
      measured=paired_interval(torch.tensor(primed["AdamW"]).abs(), decoupled),
      holds=lambda difference: difference.between(high=0), kind="measured")
claim("As the paper compares them (AdamW over λ′, L2 over λ), AdamW is the more separable one.",
      measured=paired_interval(torch.tensor(primed["AdamW"]).abs(), coupled),
      holds=lambda difference: difference.between(high=0), kind="measured")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the paper's knob, as a function of your own
#
# The map trains with any update you hand it, network by network. Here is one whose decay per step is λ′ itself, whatever the learning rate: the paper's convention,
# on a grid of its own, and also what a slip in the exercise does. Do the dots stand in a column now?

# %% tags=["deeper"]
def paper_update(param, grad, state, *, lr, weight_decay):
    return adamw_update(param, grad, state, lr=lr, weight_decay=weight_decay / lr)  # w ← (1 − λ′)·w, then the step


explore.heat_map.show(update=paper_update, seeds=1)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Is AdamW better, then?
#
# Another question, and the one that pays. Each half of the seeds tunes both knobs for the other half. Decided beforehand: 5 % of the loss is a difference worth having.

# %%
def tuned(surface, decays=slice(None)):
    """Log test loss of each seed, at the setting that the other half of the seeds found lowest."""
    log_loss = surface.loss[:, :, decays].flatten(1).double().log().nan_to_num(nan=9.0)  # diverged: hopeless
    first, second = log_loss[5:].mean(0).argmin(), log_loss[:5].mean(0).argmin()
    return torch.cat([log_loss[:5, first], log_loss[5:, second]])

# %% tags=["nbval-check-output"]
adam, adamw = trained.values()
claim("Tuned AdamW beats tuned Adam + L2 by more than 5 % of the test loss.",
      measured=paired_interval(tuned(adamw), tuned(adam)), holds=lambda d: d.between(high=-0.05), kind="measured")

# %% tags=["nbval-check-output"]
for name, surface in trained.items():
    claim(f"{name}: tuning decay and learning rate beats tuning the rate alone, at the smallest decay, by more than 5 %.",
          measured=paired_interval(tuned(surface), tuned(surface, slice(0, 1))), kind="measured",
          holds=lambda d: d.between(high=-0.05))

# %% [markdown]
# Where that came out false or open, it is no verdict on decay. A suspicion: the best rate is a small one, and 300 small steps end before the wrong labels are learned
# by heart, so that stopping early has done the regularizing. Then a larger rate should leave something to do. (In the picture: *measure* test error, lr = 0.01.)

# %% tags=["nbval-check-output"]
best, larger = adamw.loss[:, :, 0].mean(0).argmin(), adamw.optimizer.lr.index(0.01)
claim("At AdamW's best rate without decay more than a tenth of the training labels are not learned (a fifth are wrong).",
      measured=mean_interval(adamw.train_error[:, best, 0]), holds=lambda share: share.between(low=0.1), kind="measured")
claim("At lr = 0.01 less than a twentieth is left: the wrong labels are learned by heart.",
      measured=mean_interval(adamw.train_error[:, larger, 0]), holds=lambda share: share.between(high=0.05), kind="measured")

# %% tags=["nbval-check-output"]
strong, weak = (adamw.error[:, larger, adamw.optimizer.decay.index(decay)] for decay in (1.0, 0.001))
claim("There, λ = 1 instead of 0.001 takes more than 5 points off the test error.",
      measured=paired_interval(strong, weak), holds=lambda d: d.between(high=-0.05), kind="measured")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What λ means, first answer: a memory
#
# Write one step as $w \leftarrow (1-\alpha)\,w + \alpha\,(-u/\lambda)$ with $\alpha = \eta\lambda$ and $u = \hat m/(\sqrt{\hat v}+\varepsilon)$. That is an exponential moving average.
# **AdamW's weights are an average of its own recent updates**, and $1/\alpha = 1/(\eta\lambda)$ steps is how far back it remembers (Wang & Aitchison, 2024).

# %%
def run(update, steps=300, lr=0.05, **options):
    """Weights before the first and after each step [steps + 1, 8], on random gradients that do not ask where we are."""
    draw = torch.Generator().manual_seed(0)
    w, state = torch.ones(8, dtype=torch.float64), {}
    path = [w.clone()]
    for _ in range(steps):
        update(w, 0.3 + torch.randn(8, dtype=w.dtype, generator=draw), state, lr=lr, **options)
        path.append(w.clone())
    return torch.stack(path)

# %%
steps, lr, strength = 300, 0.05, 0.4
alpha = lr * strength
u = -run(adam_update).diff(dim=0) / lr  # Adam without decay shows the updates
shares = alpha * (1 - alpha) ** torch.arange(steps - 1, -1, -1, dtype=torch.float64)
average = (1 - alpha) ** steps * torch.ones(8, dtype=torch.float64) + shares @ (-u / strength)

# %% tags=["nbval-check-output"]
claim("AdamW's weights are the exponential average of −u/λ with α = lr·λ.",
      measured=(run(adamw_update, weight_decay=strength)[-1] - average).abs().max().item(), holds=lambda gap: gap < 1e-12)
claim("The newest 1/α = 50 updates make up 64 % of the average; for small α it is 1 − 1/e = 63 %.",
      measured=shares[-50:].sum().item(),
      holds=lambda share: abs(share - (1 - (1 - alpha) ** 50)) < 1e-12 and round(share, 2) == 0.64)

# %% [markdown]
# Now λ = 0.01 has a size. With lr = 1e-3 the memory is 1/(0.001 · 0.01) = 100 000 steps. **In a short run, the default λ does next to nothing**:

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
      measured=left_after(1e-3, 1000, 0.01), holds=lambda left: abs(left - (1 - 1e-5) ** 1000) < 1e-12 and round(left, 3) == 0.99)

# %%
quiz("You halve the learning rate of an AdamW run and double its steps. Which λ keeps the memory the same share of the run?",
     {"the same λ": "1/(lr·λ) doubles with lr halved, and so do the steps: the share stays.",
      "half of it": "Then the memory is four times as long in steps, and twice as long as a share of the run.",
      "twice of it": "Then the memory in steps stays as it was, but the run is twice as long.",
      "it cannot be said": "The memory is 1/(lr·λ) steps: all three numbers are known."},
     answer="the same λ")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Second answer: a box
#
# Each u is a softened sign, on average no larger than 1. So the average of $-u/\lambda$, which the weight is, lies between $-1/\lambda$ and $1/\lambda$:
# in a **box**. The star of the first picture is at (2, 0.7).

# %%
predict("inside", "λ = 0.3: the box reaches to 3.3 and holds the star. How far does AdamW, run to the end, shrink the solution?",
        ["as much as L2", "to 1/(1 + λ) of it", "not at all"])

# %%
explore.trajectory.show(strength=0.6)  # the box is drawn; move λ until its wall touches the star

# %% [markdown]
# With the full gradient and a learning rate that fades, AdamW ends at **the best point in the box**; Adam with L2 ends at the ridge solution (Xie & Li, 2024).

# %%
from course_lib.lab.surfaces import descend


def end(update, betas=(0.9, 0.95), **pull):
    """Where a run on the bowl ends whose learning rate falls as 1/t: slowly enough to get anywhere."""
    def fading(param, grad, state, **options):
        t = state.get("step", 0)
        return update(param, grad, state, lr=0.05 / (1 + t / 200), betas=betas, **options)
    return descend(explore.BOWL, fading, explore.START, 6000, **pull)[-1]

# %% tags=["nbval-check-output"]
claim("A star inside the box is not shrunk at all: AdamW with λ = 0.3 ends at the star.",
      measured=(end(adamw_update, weight_decay=0.3) - explore.STAR).norm().item(), holds=lambda far: far < 2e-3)
claim("A star outside is cut off: with λ = 1 AdamW ends at the best point of the box |w| ≤ 1.",
      measured=(end(adamw_update, weight_decay=1.0) - explore.box_point(1.0)).norm().item(), holds=lambda far: far < 2e-3)
claim("Adam with L2 ends at ridge(λ) for either.",
      measured=[(end(adam_update, l2=l2) - explore.ridge_point(l2)).norm().item() for l2 in (0.3, 1.0)],
      holds=lambda far: max(far) < 2e-3)
reveal("inside", "not at all", because="the smallest gradient still makes a step of full size, and outpulls any λ|w| below 1")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the fine print of the box
#
# The theorem: *if* AdamW converges on the full gradient of a differentiable loss, with β₁ ≤ β₂ < 1, a learning rate that never rises and whose sum is infinite,
# and ε = 0, then it converges to a KKT point of "loss, subject to |w| ≤ 1/λ": for a convex loss, the best point in the box.
#
# - **"Converges" can take long.** √v̂ remembers early gradients for about 2/(1 − β₂) steps, and while it does, it lends the pull a size.
# - **A constant rate** does not settle exactly; it rattles within about lr. Set lr high in the picture and watch the right side.
# - **Minibatches** are not covered. There the noise, not the gradient, sets √v̂, and shrinking is back. A weight whose loss is $\frac12(w - 1.5)^2$ and whose
#   gradient has noise σ should rest, on average, where pull and mean update balance: $\lambda w = (1.5 - w)/\sqrt{(1.5-w)^2+\sigma^2}$. For large σ that is ridge with strength λσ.

# %% tags=["deeper"]
def to_star(beta2, steps):
    path = descend(explore.BOWL, adamw_update, explore.START, steps, lr=0.02, betas=(0.9, beta2), weight_decay=0.3)
    return (path[-1] - explore.STAR).norm().item()

# %% tags=["deeper", "nbval-check-output"]
claim("After 1000 steps AdamW is at the star with β₂ = 0.95, and still far from it with β₂ = 0.999.",
      measured={"0.95": to_star(0.95, 1000), "0.999": to_star(0.999, 1000)},
      holds=lambda far: far["0.95"] < 0.02 and far["0.999"] > 0.2)

# %% tags=["deeper"]
def noisy_rest(sigma, strength=0.5, seeds=10, weights=200, steps=4000):
    """Mean weight of each seed over the second half of an AdamW run with gradient noise `sigma`."""
    draw, state = torch.Generator().manual_seed(0), {}
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
        low, high = (w, high) if (1.5 - w) / ((1.5 - w) ** 2 + sigma**2) ** 0.5 > strength * w else (low, w)
    return w

# %% tags=["deeper", "nbval-check-output"]
for sigma in (1.0, 3.0, 10.0):
    claim(f"At σ = {sigma:g} the weights rest within 2 % of the balance, at {balance(sigma):.3f} instead of 1.5 (ratio).",
          measured=mean_interval(noisy_rest(sigma) / balance(sigma)), kind="measured",
          holds=lambda ratio: ratio.between(0.98, 1.02))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Myths, checked
#
# > **"In AdamW decay is independent of the learning rate."** Independent of the gradients. In torch the factor is 1 − lr·λ.

# %% tags=["nbval-check-output"]
claim("A tenth of the learning rate, a tenth of the decay: on a flat loss AdamW leaves (1 − lr·λ)ᵗ.",
      measured={"lr 0.1": left_after(0.1), "lr 0.01": left_after(0.01)},
      holds=lambda left: abs(left["lr 0.1"] - 0.95**100) < 1e-12 and abs(left["lr 0.01"] - 0.995**100) < 1e-12)

# %% [markdown]
# > **"The decay ηλw, with η potentially modified by Adam."** No: the decay is the same share of every weight, however steep its gradient.

# %%
def taken(steepness, strength=0.4):
    """Share of a weight that decay takes in AdamW's first step, beside what Adam alone does."""
    g = torch.tensor(steepness, dtype=torch.float64)
    with_decay, without = (adamw_update(torch.ones_like(g), g, {}, lr=0.05, weight_decay=s) for s in (strength, 0.0))
    return (without - with_decay).item()

# %% tags=["nbval-check-output"]
claim("Decay takes lr·λ of a weight, be its gradient 1000 or 0.001.",
      measured=[taken(1e3), taken(1e-3)], holds=lambda shares: all(abs(share - 0.05 * 0.4) < 1e-12 for share in shares))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# ```python
# optimizer = torch.optim.AdamW(decay_groups(model, weight_decay=0.05), lr=1e-3)
# ```
#
# Two groups, made by what a parameter is: weights decay, biases and norms do not. Typical λ: 0.01 to 0.1 and more, well above what coupled L2 takes. Is that so here?

# %%
def best_decay(surface, lr=0.01):
    """log₁₀ of the λ that each seed likes best at this learning rate."""
    loss = surface.loss[:, surface.optimizer.lr.index(lr)].nan_to_num(nan=torch.inf)
    return torch.tensor(surface.optimizer.decay).log10()[loss.argmin(1)]

# %% tags=["nbval-check-output"]
claim("At learning rate 0.01 the best λ of AdamW is more than ten times that of Adam + L2 (in decades).",
      measured=paired_interval(best_decay(adamw), best_decay(adam)), holds=lambda d: d.between(low=1), kind="measured")

# %% [markdown]
# **A schedule of the learning rate schedules the decay too.** Warm-up and cosine leave $\prod_t (1 - \eta_t \lambda)$ of a starting weight. Move the
# steps and λ, and see how long a run must be before the default does anything.

# %%
explore.schedule.show()

# %%
from course_lib.weight_decay import decay_groups

model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.LayerNorm(3)).double()
start = model[0].weight.detach().clone()
optimizer = torch.optim.AdamW(decay_groups(model, weight_decay=0.5), lr=0.1)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)

# %%
left = 1.0  # Π (1 − lrₜ·λ)
for _ in range(50):
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    left *= 1 - optimizer.param_groups[0]["lr"] * 0.5
    optimizer.step()
    schedule.step()

# %% tags=["nbval-check-output"]
claim("Under a schedule AdamW leaves Π(1 − lrₜ·λ) of the weights; the group without decay keeps its ones.",
      measured=[(model[0].weight - left * start).abs().max().item(), (model[1].weight - 1).abs().max().item()],
      holds=lambda gaps: max(gaps) < 1e-12)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: reading a `state_dict`, and resuming bit for bit
#
# A page on the web prints an optimizer's state. One step has been made: `betas` are 0.9 and 0.999, `lr` 0.02, `initial_lr` 0.2, and for the two parameters
# of a line `exp_avg` 5.9926e-2 and 2.1779e-2, `exp_avg_sq` 3.5912e-4 and 4.7433e-5. What was the gradient? Ask both witnesses.

# %% tags=["deeper", "nbval-check-output"]
exp_avg, exp_avg_sq = torch.tensor([5.9926e-2, 2.1779e-2]).double(), torch.tensor([3.5912e-4, 4.7433e-5]).double()
from_m = exp_avg / (1 - 0.9)  # m₁ = (1 − β₁)·g: size and sign
from_v = (exp_avg_sq / (1 - 0.999)).sqrt()  # v₁ = (1 − β₂)·g²: size alone
claim("After one step the gradient stands in m as well as in v, and the printed digits agree: 0.5993 and 0.2178.",
      measured={"from m": from_m, "from v": from_v}, holds=lambda seen: (seen["from m"] / seen["from v"] - 1).abs().max() < 5e-5)

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
        x = torch.randn(16, 3, generator=torch.Generator().manual_seed(i))
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
claim("A run saved after 10 steps and resumed equals the uninterrupted one, bit for bit.",
      measured=all(torch.equal(a, b) for a, b in zip(straight.parameters(), resumed.parameters())), holds=lambda equal: equal)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When not to
#
# - **Short fine-tuning.** At lr = 1e-5 and λ = 0.01 the memory is ten million steps: decay takes nothing, and setting it to 0 is more honest. What it would pull towards is zero, not the model you were given.
# - **Weights that must be large.** λ = 1 keeps every weight within about ±1. Biases, gains and temperatures want a group without decay.
# - **Rows that are seldom used.** With a dense gradient AdamW decays every row of an embedding at every step, whether its word came or not.
# - **A tuned SGD recipe.** Keep it. What you measured above is one small network, and no reason to change.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Other conventions, and errors in print
#
# | you may read | what it does |
# |---|---|
# | the paper: decay λ′·w, times the schedule but not times lr | λ′ = lr·λ; halving lr leaves the decay alone |
# | "decay is applied *after* the step" | torch decays the old w. Before or after does not matter as long as it is the old one; decaying the moved weight is another rule |
# | $\sqrt{v_t + \varepsilon}$ on one page, $\sqrt{v_t} + \varepsilon$ on the next | two different rules, far apart for small gradients. torch: ε outside |
# | "$\hat\eta_t = \eta/\sqrt{v_t}$" *and* a division by $\sqrt{v_t}$ | divided twice: the step grows as 1/g, and scale is back |
# | "moving averages of w" | of the gradient and of its square |
# | `zero_grad` "sets gradients to zero" | to None, in torch: a parameter without gradient is then not decayed either |

# %%
def after_the_move(param, grad, state, *, weight_decay, lr, **options):
    adam_update(param, grad, state, lr=lr, **options)
    return param.mul_(1 - lr * weight_decay)

# %% tags=["nbval-check-output"]
one, g = torch.ones(1, dtype=torch.float64), torch.full((1,), 2.0, dtype=torch.float64)
ours, other = (rule(one.clone(), g, {}, lr=0.1, weight_decay=0.5, eps=1e-300) for rule in (adamw_update, after_the_move))
claim("Decaying the moved weight instead of the old one differs by lr²·λ·u in each step.",
      measured=(other - ours).item(), holds=lambda difference: abs(difference - 0.1**2 * 0.5) < 1e-12)

# %% tags=["nbval-check-output"]
claim("At gradient 1e-4, ε = 1e-8 inside the root cuts the first step to 1/√2; outside it takes off a ten-thousandth.",
      measured=[1e-4 / (1e-4**2 + 1e-8) ** 0.5, moves([1e-4])[0]],
      holds=lambda sizes: abs(sizes[0] - 0.5**0.5) < 1e-12 and abs(sizes[1] - 1 / 1.0001) < 1e-12)
unused = torch.nn.Parameter(torch.ones(1))
torch.optim.AdamW([unused], lr=0.1, weight_decay=0.5).step()
claim("A parameter whose gradient is None is not decayed.", measured=unused.item(), holds=lambda w: w == 1.0)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: `amsgrad`, or how Adam can run the wrong way
#
# Three gradients in turn, for ever: 3, −1, −1. Their sum is 1, so the weight should go down, to the left end of [−1, 1]. With a short memory, β₁ = 0 and
# β₂ = 1/(1 + 3²), Adam sees each gradient beside its own size alone: one step left, two steps right, and it ends at the *worst* point. This is the counterexample
# of Reddi et al. (2018). Their cure divides by the largest v so far.

# %% tags=["deeper"]
def wrong_way(beta2=0.1, amsgrad=False, steps=1998):
    """Where Adam on the gradients 3, −1, −1, … ends within [−1, 1], learning rate 0.5/√t."""
    w, state = torch.zeros((), dtype=torch.float64), {}
    for t in range(1, steps + 1):
        gradient = torch.tensor(3.0 if t % 3 == 1 else -1.0, dtype=w.dtype)
        adam_update(w, gradient, state, lr=0.5 / t**0.5, betas=(0.0, beta2), amsgrad=amsgrad)
        w.clamp_(-1, 1)
    return w.item()

# %% tags=["deeper", "nbval-check-output"]
claim("On Reddi's example Adam ends at +1, the worst point of [−1, 1].", measured=wrong_way(), holds=lambda w: w > 0.95)
claim("AMSGrad goes to −1, the best.", measured=wrong_way(amsgrad=True), holds=lambda w: w < -0.95)
claim("So does plain Adam with the usual long memory, β₂ = 0.999.", measured=wrong_way(beta2=0.999), holds=lambda w: w < -0.95)

# %% [markdown]
# The last line is why it is seldom met: for every β₂ there is such a sequence, but a longer memory needs a rarer large gradient. `amsgrad` is off by default in torch.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In one breath
#
# | knob | what it is |
# |---|---|
# | lr (η) | the size of a step, in every coordinate |
# | β₁, β₂ | memory of the direction, memory of the size; both corrected for their start at zero |
# | ε | below this, a gradient counts as small |
# | λ | with lr: a memory of 1/(lr·λ) steps. Alone: a box, \|w\| ≤ 1/λ |
#
# AdamW frees decay from the *gradients*. It does not free λ from the learning rate, and whether the two can be tuned apart is a measurement, which depends on axes, cells and task.
#
# Now write `adamw_update` yourself, in **`04_adamw_exercises.ipynb`**, and let it steer: `explore.heat_map.show(update=adamw_update)`.
#
# **Sources.** Kingma & Ba, *Adam*, ICLR 2015 (arXiv:1412.6980). Loshchilov & Hutter, *Decoupled Weight Decay Regularization*, ICLR 2019 (arXiv:1711.05101). Reddi, Kale & Kumar,
# *On the Convergence of Adam and Beyond*, ICLR 2018 (arXiv:1904.09237). Xie & Li, *Implicit Bias of AdamW: ℓ∞ Norm Constrained Optimization*, ICML 2024 (arXiv:2404.04454).
# Wang & Aitchison, *How to set AdamW's weight decay as you scale model and dataset size*, ICML 2025 (arXiv:2405.13698).
