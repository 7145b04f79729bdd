# ---
# jupyter:
#   jupytext:
#     formats: ipynb
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
# Textbooks use the two words for one thing, and so does PyTorch. When is that true, and how wrong is it when it is not?
#
# *40 minutes. You need momentum (lesson 00) and L2 (lesson 02); if you know what a gradient is, you can start here.*

# %% tags=["setup"]
import torch

from course_lib.adamw import adam_update
from course_lib.explorers import weight_decay as explore
from course_lib.notebook import claim, predict, quiz, reveal, setup, show_source
from course_lib.sgd import SGD, sgd_update

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One start, two pulls
#
# A bowl, its lowest point at the star. Both runs start at the same place with the same learning rate and the same λ.
# One puts the pull into the gradient, the other straight onto the weights. **Drag λ. Then change the optimizer to plain SGD.**

# %% slideshow={"slide_type": "-"}
explore.trajectories.show()

# %% [markdown]
# With plain SGD the two paths are one. With momentum they end in different places; with Adam they do not even leave in the same direction.
#
# At the end of this lesson you can
# - say for which optimizers the two pulls agree, and prove it with three steps by hand;
# - compute where each comes to rest, and convert a λ tuned for one into a λ for the other;
# - explain what Adam does to L2, and measure it on a real network.

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
# Three steps of each, with the very function that the rest of the course trains with.

# %%
def three_steps(update, **pull):
    """The weight after each of three steps on a flat loss, starting from 1."""
    w, state, seen = torch.ones((), dtype=torch.float64), {}, []
    for _ in range(3):
        update(w, torch.zeros_like(w), state, lr=0.1, **pull)
        seen.append(w.item())
    return seen


l2 = three_steps(sgd_update, momentum=0.9, l2=0.5)
decay = three_steps(sgd_update, momentum=0.9, weight_decay=0.5)
print("L2          ", *(f"{w:.6f}" for w in l2))
print("weight decay", *(f"{w:.6f}" for w in decay))

# %% [markdown]
# The first step is the same: both take off $0.1 \cdot 0.5 \cdot 1 = 0.05$. Then they part. L2's pull went *into the velocity*,
# so the second step takes off $0.1\,(0.9 \cdot 0.5 + 0.5 \cdot 0.95) = 0.0925$: yesterday's pull is still rolling.
# Weight decay has no memory. It takes 5 % each time: $0.95,\ 0.95^2,\ 0.95^3$.

# %% tags=["nbval-check-output"]
claim("Under momentum the two agree on step 1, and from step 2 on the weight with L2 is the smaller one.",
      measured=[a - b for a, b in zip(l2, decay)],
      holds=lambda gap: abs(gap[0]) < 1e-15 and gap[2] < gap[1] < 0)
reveal("flat-loss", "the one with L2", because="its pull is carried on by the velocity")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The one line
#
# Everything in this lesson is about which of the first two lines runs. Read them, then follow each variable to the last line.

# %%
show_source(sgd_update)

# %% [markdown]
# `add_l2` returns $g + \lambda w$, a new gradient. From there on nobody can tell pull and loss apart: what momentum does to one it does to
# the other. `decay` multiplies the weight by $1-\eta\lambda$ and is done; $g$ never hears of it.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When they are the same
#
# Take the momentum away and the last line reads $w - \eta\,(g + \lambda w)$, which *is* $(1-\eta\lambda)\,w - \eta g$.
# So for plain SGD there are three doors to one room: a term in the loss, torch's `weight_decay`, and decoupled decay.
# A thousand noisy steps through each:

# %%
def through(door, penalty=0.05, steps=1000, **options):
    """Ten weights after plain SGD on noisy targets, the pull of loss + λ‖w‖² let in through one of three doors."""
    noise = torch.Generator().manual_seed(0)
    w = torch.ones(10, dtype=torch.float64, requires_grad=True)
    optimizer = {"loss": SGD([w], lr=0.1),
                 "torch's weight_decay": torch.optim.SGD([w], lr=0.1, weight_decay=2 * penalty),
                 "decoupled": SGD([w], lr=0.1, weight_decay=2 * penalty, decoupled_weight_decay=True)}[door]
    for _ in range(steps):
        target = torch.randn(10, dtype=w.dtype, generator=noise)
        loss = (w - target).square().sum() / 2 + (penalty * w.square().sum() if door == "loss" else 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return w.detach()


# %% tags=["nbval-check-output"]
doors = [through(door) for door in ("loss", "torch's weight_decay", "decoupled")]
claim("Under plain SGD a loss term λ‖w‖², `weight_decay=2λ` and decoupled decay 2λ give the same weights after 1000 steps.",
      measured=max((a - doors[0]).abs().max().item() for a in doors),
      holds=lambda largest_difference: largest_difference <= 1e-12)

# %% [markdown]
# Mind the **2**. The derivative of $\lambda w^2$ is $2\lambda w$, and torch's `weight_decay` is the number that multiplies $w$.
# A widely read tutorial says in one paragraph that λ is "simply named weight decay in PyTorch" and in another that `weight_decay` corresponds to 2λ.
# Only the second is right, for its own loss term $\lambda\lVert w\rVert^2$; write $\frac{\lambda}{2}\lVert w\rVert^2$, as we do, and the 2 is gone.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## So L2 is stronger?
#
# On the flat loss L2 shrank the weight faster. Now give it something to fight with: the loss $\frac12(w-1)^2$, which wants $w = 1$.
# Let both run until nothing moves.

# %%
predict("equilibrium", "λ = 0.5, momentum 0.9. Where does each come to rest?",
        ["L2 closer to 0", "weight decay closer to 0", "same place, different speed"])

# %%
explore.equilibrium.show()

# %% [markdown]
# L2 comes to rest at $\frac{1}{1+\lambda} = 0.667$ whatever the momentum. Weight decay comes to rest at $\frac{1}{1+\lambda(1-\mu)} = 0.952$:
# μ = 0.9 has made the same λ ten times weaker. One cause explains both. Momentum multiplies whatever enters the gradient by
# $1 + \mu + \mu^2 + \dots = \frac{1}{1-\mu} = 10$ in the long run. L2 enters there, beside the loss, so their *balance* is kept. Weight decay does not, so the loss outpulls it tenfold.
#
# In more dimensions $\frac{1}{1+\lambda}$ becomes the ridge solution, $w_{\text{ridge}}(\lambda) = (H + \lambda I)^{-1} H w^\ast$,
# where $H$ holds the curvatures of the bowl and $w^\ast$ is its lowest point.

# %%
from course_lib.lab.surfaces import descend

bowl = explore.BOWL


def ridge(strength):
    """Lowest point of the bowl plus (λ/2)‖w‖²."""
    pulled = bowl.hessian + strength * torch.eye(2, dtype=torch.float64)
    return torch.linalg.solve(pulled, bowl.hessian @ torch.tensor(bowl.minimum, dtype=torch.float64))


def rest(**options):
    """Where SGD with momentum 0.9 comes to rest in the bowl of the first picture."""
    return descend(bowl, sgd_update, (0.0, 0.0), 2000, lr=0.05, momentum=0.9, **options)[-1]


# %% tags=["nbval-check-output"]
claim("In a bowl, L2 comes to rest at ridge(λ), and weight decay under momentum μ at ridge(λ(1 − μ)).",
      measured=[(rest(l2=0.5) - ridge(0.5)).norm().item(), (rest(weight_decay=0.5) - ridge(0.05)).norm().item()],
      holds=lambda distances: max(distances) < 1e-12)
reveal("equilibrium", "L2 closer to 0", because="momentum multiplies the loss and L2 alike by 10, and weight decay not at all")

# %% [markdown]
# Which is right? Neither: they are two knobs with different units, and **a λ tuned for one is wrong for the other.**
# When you switch, start from $\lambda_{\text{decay}} = \lambda_{\text{L2}} / (1-\mu)$.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: but my tutorial's momentum has a (1 − β) in it
#
# Many texts write momentum as a moving average, $v \leftarrow \beta v + (1-\beta) g$, instead of torch's heavy ball, $v \leftarrow \mu v + g$.
# Is that another algorithm? The average's $v$ is $(1-\beta)$ times the ball's, so a learning rate $1/(1-\beta)$ times as large gives the same path.
# With one exception, and it is the subject of this lesson.

# %% tags=["deeper"]
def average_update(param, grad, state, *, lr, beta, l2=0.0, weight_decay=0.0):
    """The tutorial's momentum: a moving average of the gradient (of the gradient, not of w, as its text says)."""
    v = beta * state.get("v", 0.0) + (1 - beta) * (grad + l2 * param)
    state["v"] = v
    return param.sub_(lr * v + lr * weight_decay * param)


def gap(ball, average):
    """Largest distance between the two paths in 300 steps; the average takes ten times the learning rate."""
    start = (0.0, 0.0)
    return (descend(bowl, sgd_update, start, 300, lr=0.02, momentum=0.9, **ball)
            - descend(bowl, average_update, start, 300, lr=0.2, beta=0.9, **average)).norm(dim=1).max().item()


# %% tags=["deeper", "nbval-check-output"]
claim("Heavy ball and moving average are one path under lr ↔ lr/(1 − β), without a pull and with L2.",
      measured=[gap({}, {}), gap({"l2": 0.5}, {"l2": 0.5})], holds=lambda gaps: max(gaps) < 1e-12)
claim("With weight decay they part, unless λ is rescaled too: λ(1 − β) in the average is λ in the ball.",
      measured=[gap({"weight_decay": 0.5}, {"weight_decay": 0.5}), gap({"weight_decay": 0.5}, {"weight_decay": 0.05})],
      holds=lambda gaps: gaps[0] > 0.1 and gaps[1] < 1e-12)
settled = descend(bowl, average_update, (0.0, 0.0), 4000, lr=0.05, beta=0.9, weight_decay=0.5)[-1]
claim("In the tutorial's form weight decay too ends at ridge(λ): the factor 1/(1 − β) belongs to the heavy ball.",
      measured=(settled - ridge(0.5)).norm().item(), holds=lambda distance: distance < 1e-12)

# %% [markdown]
# So "ten times weaker" is a statement about torch's momentum. In the other form the learning rate is ten times as large, and with it the decay.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Adam: the pull is divided too
#
# Adam divides every gradient by its own recent size, $\sqrt{\hat v}$. L2 put its pull into the gradient, so the pull is divided as well.
# Back to the flat loss, where the pull is all there is. With λ = 0.5, what do you expect of a λ a hundred times smaller?

# %%
predict("flat-adam", "Adam with L2 on a flat loss: λ = 0.005 instead of 0.5 shrinks the weight …",
        ["100 times more slowly", "about 10 times more slowly", "exactly as fast", "not at all"])

# %%
for strength in (0.5, 0.005):
    print(f"λ = {strength:<5}  Adam + L2   ", *(f"{w:.4f}" for w in three_steps(adam_update, l2=strength)))
    print(f"λ = {strength:<5}  Adam + decay", *(f"{w:.4f}" for w in three_steps(adam_update, weight_decay=strength)))

# %% tags=["nbval-check-output"]
large, small = three_steps(adam_update, l2=0.5), three_steps(adam_update, l2=0.005)
claim("On a flat loss, Adam with L2 takes the same steps for λ = 0.5 and λ = 0.005 (up to ε).",
      measured=max(abs(a - b) for a, b in zip(large, small)), holds=lambda difference: difference < 1e-5)
reveal("flat-adam", "exactly as fast", because="λw divided by its own size has size 1: λ cancels, each step is lr")

# %% [markdown]
# The knob is not connected. Adam asks only *which way*, and λw answers "down" however small λ is. Decoupled decay obeys: 5 % a step, or 0.05 %.
#
# A real loss is not flat. Then $\sqrt{\hat v}$ is set by the loss's gradient, and it differs from weight to weight.
# Two weights, both 1. The loss pushes them to and fro without direction: one by ±10, the other by ±0.1.

# %%
predict("two-weights", "Adam with L2, the same λ for both. Which weight shrinks more?",
        ["the one with gradients ±10", "the one with gradients ±0.1", "both the same"])

# %%
def shaken(steps=200, **pull):
    """Two weights after Adam steps whose gradients ±10 and ±0.1 change sign every time."""
    w, state = torch.ones(2, dtype=torch.float64), {}
    push = torch.tensor([10.0, 0.1], dtype=torch.float64)
    for step in range(steps):
        adam_update(w, push * (-1) ** step, state, lr=0.01, **pull)
    return w


def percent(taken):
    return ", ".join(f"{100 * x:.2f} %" for x in taken.tolist())


print("taken by L2:          ", percent(shaken() - shaken(l2=0.01)))
print("taken by weight decay:", percent(shaken() - shaken(weight_decay=0.01)))

# %% [markdown]
# Weight decay takes the same from both. L2 takes about a hundred times more from the quiet weight: the pull $\lambda w$ is divided by 0.1 there and by 10 here.
# Let us hold that to a law, over three decades of gradient size: the pull goes as $1/\sqrt{\hat v}$, slope −1 in a log-log plot.

# %%
def pull_and_size(l2=1e-6, steps=200):
    """For seven weights with ever larger gradients: what L2 took off each, and the √v̂ it was divided by."""
    push, ends = torch.logspace(-2, 1, 7, dtype=torch.float64), []
    for strength in (0.0, l2):
        noise = torch.Generator().manual_seed(0)
        w, state = torch.ones(7, dtype=torch.float64), {}
        for _ in range(steps):
            adam_update(w, push * torch.randn((), dtype=w.dtype, generator=noise), state, lr=1e-3, l2=strength)
        ends.append(w)
    return ends[0] - ends[1], (state["exp_avg_sq"] / (1 - 0.999**steps)).sqrt()


# %% tags=["nbval-check-output"]
pull, size = pull_and_size()
claim("Under Adam with L2 the pull on a weight goes as 1/√v̂, as long as the loss's gradient is the larger part of v̂.",
      measured=(pull.log().diff() / size.log().diff()).tolist(),
      holds=lambda slopes: all(abs(slope + 1) < 1e-3 for slope in slopes))
reveal("two-weights", "the one with gradients ±0.1", because="its pull is divided by 0.1, the other's by 10")

# %% [markdown] slideshow={"slide_type": "slide"}
# Here is the whole of Adam. Again two lines decide, and again nothing below them knows which one ran.

# %%
show_source(adam_update)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: multiply the loss by a thousand
#
# Adam is said not to care how the loss is scaled. True for the loss alone. With L2 beside it, scaling the loss by $c$ leaves $\lambda w$ behind:
# $c\,g + \lambda w = c\,(g + \frac{\lambda}{c} w)$, and Adam forgets the outer $c$ except where ε stands. So a mean over the batch or a sum,
# a loss in bits or in nats, changes the strength of the regularization. Decoupled decay stays as it is.

# %% tags=["deeper", "nbval-check-output"]
def scaled(c=1.0, **options):
    """Path of Adam in the bowl, with the loss multiplied by c."""
    def update(param, grad, state, **o):
        return adam_update(param, c * grad, state, **o)
    return descend(bowl, update, (0.0, 0.0), 200, lr=0.05, **options)


claim("Scaling the loss by 1000 under Adam with L2 is the same as λ/1000 and ε/1000.",
      measured=(scaled(1000.0, l2=0.5, eps=1e-5) - scaled(1.0, l2=0.5e-3, eps=1e-8)).abs().max().item(),
      holds=lambda difference: difference < 1e-12)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Does it matter in a network?
#
# Scikit-learn's digits, a 64-128-10 network, Adam with L2. For every weight of the first layer we note two things:
# how large its gradients from the loss are, and its **effective decay**, $1/(\sqrt{\hat v}+\varepsilon)$: how much stronger than $\eta\lambda$ the pull on it is.
# A tutorial says that "when large gradients occur, the effective weight decay becomes smaller than intended". Commit:

# %%
predict("spread", "Between the 5 % least and the 5 % most decayed weights, the pull differs by a factor of …",
        ["less than 3", "3 to 30", "more than 30"])

# %%
explore.effective_decay.show()

# %% [markdown]
# Each dot is a weight; the line is the median with its band over seeds; the dotted line at 1 is decoupled decay, the same for all weights.
# Before looking at figures we say what would count: the spread is large if it exceeds **one decade** (a factor of ten), and the law $1/\sqrt{\hat v}$
# shows if the slope is within 0.1 of −1 where the loss's gradient dominates.

# %%
from course_lib.lab.statistics import mean_interval, paired_interval

*_, decay_on_digits = explore.compute_effective_decay()  # what the picture was drawn from
strength = decay_on_digits.strengths.index(1e-4)
claim("On digits at λ = 1e-4, the effective decay under Adam with L2 spreads over more than a decade (5th to 95th percentile).",
      measured=mean_interval(decay_on_digits.spread[:, strength]), kind="measured",
      holds=lambda decades: decades.between(low=1))
claim("Where the loss's gradient dominates, effective decay falls as 1/gradient: log-log slope −1 within 0.1.",
      measured=mean_interval(decay_on_digits.slope[:, strength]), kind="measured",
      holds=lambda slope: slope.between(-1.1, -0.9))
claim("Fewer than 1 % of the weights are decayed less than lr·λ, the strength that was asked for.",
      measured=mean_interval(decay_on_digits.share_below_one[:, strength]), kind="measured",
      holds=lambda share: share.between(high=0.01))
claim("At λ = 0.1 the spread is smaller than at λ = 1e-4.",
      measured=paired_interval(decay_on_digits.spread[:, -1], decay_on_digits.spread[:, strength]), kind="measured",
      holds=lambda difference: difference.between(high=0))

# %%
factor = 10 ** decay_on_digits.spread[:, strength].mean().item()
reveal("spread", "less than 3" if factor < 3 else "3 to 30" if factor <= 30 else "more than 30",
       because=f"measured: a factor of {factor:.0f}")

# %% [markdown]
# Read the tutorial's sentence again with the picture beside it. *Smaller where gradients are larger* is the law just judged.
# *Smaller than intended* depends on the size of the gradients: a pull is weakened only where $\sqrt{\hat v} > 1$, and strengthened everywhere else;
# the third claim counts how often each happens here. Under Adam, then, one λ of L2 is thousands of different λs, set by gradients that nobody chose.
# Whether that costs *accuracy* is another question, and the next lesson measures it.
#
# Slide λ to its right end. The cloud flattens: when $\lambda w$ itself fills $\hat v$, the pull is divided by itself, as on the flat loss.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Myths, checked
#
# > **"`torch.optim.SGD(weight_decay=…)` directly performs weight decay."** Its name says so. Ask it.

# %% tags=["nbval-check-output"]
def torch_steps(optimizer_class, **options):
    """The weight after three steps of a torch optimizer on a flat loss, starting from 1."""
    w, seen = torch.ones((), dtype=torch.float64, requires_grad=True), []
    optimizer = optimizer_class([w], lr=0.1, weight_decay=0.5, **options)
    for _ in range(3):
        w.grad = torch.zeros_like(w)
        optimizer.step()
        seen.append(w.item())
    return torch.tensor(seen)


claim("torch's SGD with momentum is coupled L2, and so is torch's Adam; AdamW decouples.",
      measured=[(torch_steps(torch.optim.SGD, momentum=0.9) - torch.tensor(l2)).abs().max().item(),
                (torch_steps(torch.optim.Adam) - torch.tensor(large)).abs().max().item(),
                (torch_steps(torch.optim.AdamW) - torch.tensor(decay)).abs().max().item()],
      holds=lambda gaps: max(gaps) < 1e-6)

# %% [markdown]
# > **"$\theta \leftarrow \theta - \eta\,(\nabla L - \lambda\theta)$"**, as one lecture prints it. Multiply out: $(1+\eta\lambda)\,\theta$. The sign is wrong, the weights grow.

# %% tags=["nbval-check-output"]
def misprinted_update(param, grad, state, *, lr, l2):
    return param.sub_(lr * (grad - l2 * param))


claim("With the misprinted sign the weight grows by 5 % a step instead of shrinking.",
      measured=three_steps(misprinted_update, l2=0.5), holds=lambda w: abs(w[2] - 1.05**3) < 1e-12)

# %% [markdown]
# > **"Fully equivalent to adding the L2 norm to the loss."** For plain SGD, and nowhere else. With Nesterov momentum the two part on the very first step:

# %% tags=["nbval-check-output"]
claim("Under Nesterov momentum L2 and weight decay differ from step 1 on.",
      measured=three_steps(sgd_update, momentum=0.9, nesterov=True, l2=0.5)[0] - decay[0],
      holds=lambda difference: abs(difference + 0.045) < 1e-12)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# - SGD with momentum: `torch.optim.SGD(…, weight_decay=1e-4)` is L2, and every recipe tuned with it means L2. Typical: 1e-4 to 5e-4.
# - Adam: use `torch.optim.AdamW`. Typical λ: 0.01 to 0.1, which multiplies $\eta$; the two differ from Adam's L2 by orders of magnitude.
# - Biases and normalisation parameters are usually left out. That takes two parameter groups, made by what a parameter *is*, since names lie:

# %% tags=["nbval-check-output"]
from course_lib.weight_decay import convert_strength, decay_groups

network = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.BatchNorm1d(128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
optimizer = torch.optim.AdamW(decay_groups(network, weight_decay=0.05), lr=1e-3)
for group in optimizer.param_groups:
    print(f"λ = {group['weight_decay']:<4}  lr = {group['lr']}  shapes", [tuple(p.shape) for p in group["params"]])

# %% [markdown]
# A tutorial reads such groups as "different learning rates for weight and bias". Look at the printout: the rate is the same, the decay differs.
#
# **Converting λ.** Papers and programs scale the penalty in at least five ways. The same regularization, said in each:

# %% tags=["nbval-check-output"]
for convention in ("penalty", "half_penalty", "per_example", "decoupled", "per_step"):
    strength = convert_strength(1e-4, "half_penalty", convention, examples=1000, lr=0.1, momentum=0.9)
    print(f"{convention:<13} λ = {strength:.3g}")

# %% [markdown]
# `penalty` is loss + λ‖w‖², `half_penalty` loss + (λ/2)‖w‖² (torch's `weight_decay`), `per_example` loss + (λ/2m)‖w‖² with m examples,
# `decoupled` shrinks by ηλ, `per_step` by λ itself (the paper's λ′). One tutorial writes λ/2m in its text and λ/2 in its code, and drops m without a word:
# with a thousand examples, that is a factor of a thousand. The last two lines hold at the place of rest under momentum 0.9; under Adam no factor converts one kind into the other.

# %%
quiz("You move a recipe from `SGD(momentum=0.9, weight_decay=5e-4)` to decoupled decay. Which λ do you try first?",
     {"5e-4": "The same number is ten times weaker here: momentum multiplies the loss's gradient, and no longer the pull.",
      "5e-3": "λ/(1 − μ) = 5e-4/0.1: the same place of rest in a bowl.",
      "5e-5": "The wrong way round: that is a hundred times weaker than what you had.",
      "1e-3": "The factor 2 belongs to a penalty written without its ½. torch's weight_decay has none."},
     answer="5e-3")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When not to
#
# - A recipe tuned with coupled L2 works: keep it, or tune again. Replacing one kind by the other and keeping λ changes the regularization by the factors you have measured.
# - Fine-tuning: both pull to zero, away from the weights you were given, not towards them.
# - Weights in front of a BatchNorm: their length does not change what the network computes, so decay acts as a learning-rate knob there (lesson 07).
# - The order of the two lines is a convention: torch decays the *old* weight and then steps. Decaying afterwards differs by $\eta^2\lambda$ times the gradient, and is what some texts print.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In one breath
#
# | optimizer | are L2 and weight decay the same? | why |
# |---|---|---|
# | SGD | yes, at every step | $w - \eta(g+\lambda w) = (1-\eta\lambda)w - \eta g$ |
# | SGD + momentum | no: weight decay is $1/(1-\mu)$ times weaker at rest | velocity multiplies the gradient, not the decay |
# | Adam | no, and no factor converts them | L2's pull is divided by $\sqrt{\hat v}$, weight by weight |
#
# Now write the four updates yourself: **`03_weight_decay_exercises.ipynb`**. Your own function can then steer the first picture of this lesson.
#
# **Sources.** Loshchilov & Hutter, *Decoupled Weight Decay Regularization*, ICLR 2019 (arXiv:1711.05101). Zhang, Wang, Xu & Grosse, *Three Mechanisms of Weight Decay
# Regularization*, ICLR 2019 (arXiv:1810.12281). Krogh & Hertz, *A Simple Weight Decay Can Improve Generalization*, NeurIPS 1991. Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964.
