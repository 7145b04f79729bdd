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
# # Stochastic depth: training a network that is shorter than itself
#
# A deep residual network is a stack of blocks, each of which adds something to what it is given. **Stochastic depth** leaves out whole blocks at random while the network learns. In use all of them work.
# Three benefits are promised: faster training, fewer errors on new data, and gradients that reach the first layers. We test all three as far as small networks can, and a fourth: can the trained network be cut shorter?
#
# *41 minutes; sections called* Deeper *are folded, and extra. You need to know what dropout does (lesson 06): it sets single numbers to zero in training.*

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import (above, below, between, claim, each, equal,
                                     near, negative, positive, predict, reveal,
                                     setup, show_source, within)
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None

import torch

from course_lib.base.random import reseed, seeded
from course_lib.stochastic_depth import (ResidualBlock, drop_path, mlp_branch,
                                         survival_probabilities)

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What a residual block is
#
# A layer usually *replaces* what it is given, $x$, by $f(x)$. A **residual block** keeps $x$ and *adds* $f(x)$ to it. The layers that compute $f$ are its **branch**, the way around them its **shortcut**:
#
# ```text
#             ┌───── branch f ─────┐
#             │                    ▼
#     x ──────┴───── shortcut ─────+────►  x + f(x)
# ```
#
# Why add? A branch has only to learn a correction, and one that does nothing yet changes nothing. And the gradient has a straight way back: the derivative of $x + f(x)$ is $1 + f'(x)$, and the 1 is there even where $f'$ is tiny.
#
# Stochastic depth switches branches off at random. Here the third of four is off, for one example and one step:
#
# ```text
#         ┌── f ──┐       ┌── f ──┐                       ┌── f ──┐
#         │       ▼       │       ▼                       │       ▼
#     x ──┴───────+───────┴───────+───────────────────────┴───────+────►
#           on              on              off             on
# ```

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Who is on?
#
# *Left:* each column is one example, a **row** of the batch. It climbs from the bottom through twelve blocks. In a coloured cell it goes through that block's branch, in an empty one it takes the shortcut alone. $p_L$ is the probability that the *last* block is on.
# *Right:* to see the dropping alone, rows of ones go in. A dot is the share of rows that stayed on, the line what is expected, a cross the mean of the numbers that come out.
#
# **Do this**: move the survival of the last block, $p_L$, from 0.5 to 0.2. Then set *decided* to *the whole batch*.  **Notice**: which blocks are off most often? What do the crosses do, and when do they scatter?

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import stochastic_depth as explore

explore.who_is_on.show()

# %% [markdown]
# Late blocks go most often: by the *linear rule* survival falls on a straight line, at $p_L = 0.5$ as 0.96, 0.92, … 0.5. The crosses stay near 1: rows that stay on are made larger, so that *on average* a branch adds as much as before. They scatter when the whole batch decides as one: sixty batches are then only sixty decisions.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## By hand
#
# How can a row be dropped, and the average stay as it was? Take the two rows 1, 2 and 3, 4, and drop each with probability 0.5. Each becomes zero or is doubled, so there are four results, equally likely. Write them down. What is their mean?

# %% jupyter={"outputs_hidden": true}
by_hand = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
four = [by_hand * torch.tensor([[first], [second]]) for first in (0, 2)
        for second in (0, 2)]
for result in four:
    print("possible:", result.tolist())
print("their mean:", (sum(four) / 4).tolist())

# %% [markdown]
# The mean is what went in: each number is 0 half of the time and twice itself the other half. In general a row $x$ becomes $\frac{x}{1-p}$ with probability $1-p$, else 0, and $(1-p)\cdot\frac{x}{1-p} + p\cdot 0 = x$. In code:
#
# ```python
# b = torch.empty(len(x), 1).bernoulli_(1 - p)  # one number a row: 1, or 0
# return x * b / (1 - p)
# ```
#
# It is **one** random number for a whole row, where dropout draws one for every element. In evaluation nothing is drawn, and `x` stays as it is.
#
# Why divide? In use every branch is on. Had training not divided, later layers would then get more than they are used to. (The paper does not divide in training, and multiplies each branch by its $p_l$ in use instead. The average is the same.)
#
# Papers write $p_l$, the probability that block $l$ **survives**; code writes `p` $= 1 - p_l$, that it is **dropped**. A config's `drop_path_rate` is the `p` of the *last* block.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In plain PyTorch
#
# The whole method in one cell, *the plain cell* from here on: twelve blocks learn 300 digits of 8×8 pixels, **a fifth of them wrongly labelled**; the test labels are right. To drop rows by `nn.Dropout`, make a column of ones, one for each row. Sent through it, each 1 becomes 0 or $\frac{1}{1-p}$; after `.eval()` it stays 1. Multiply the branch by that column.

# %% tags=["plain"]
import torch
from torch import nn

from course_lib.data import digits

class Block(nn.Module):
    def __init__(self, p):
        super().__init__()
        # GELU: a ReLU with a round corner
        self.drop, self.branch = nn.Dropout(p), nn.Sequential(
            nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 32))

    def forward(self, x):  # drop: a column of ones → 0 or 1/p_l for each row
        return x + self.drop(x.new_ones(len(x), 1)) * self.branch(x)

data = digits(300, label_noise=0.2, scale="unit")
for last in (1.0, 0.5):  # p_L: the last block is always on, or half of the time
    torch.manual_seed(0)
    # linear rule: block 1 is dropped with p = 1/12 of 1 - p_L, block 12 with all of it
    blocks = [Block(number / 12 * (1 - last)) for number in range(1, 13)]
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), *blocks, nn.Linear(32, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0)
    model.train()  # some rows take the shortcut
    for rows in torch.randint(300, (200, 50)):
        loss = nn.functional.cross_entropy(model(data.train_x[rows]),
                                           data.train_y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()  # all blocks work
    train, test = (nn.functional.cross_entropy(model(x), y).item() for x, y in (
        (data.train_x, data.train_y), (data.test_x, data.test_y)))
    print(f"p_L = {last}: loss {train:.2f} on training rows, {test:.2f} on test rows")

# %% [markdown]
# With dropping the network fits the training rows less closely, and does better on test rows: a loss of 0.61 against 0.74, where guessing has 2.30. (It can be lower than on training rows, since no test label is wrong.) Is that one seed's luck? Or does it only learn more slowly?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The branch, not the shortcut
#
# The branch is dropped; the shortcut stays. With a number $b$ that is 1 with probability $p_l$, else 0:
#
# $$y = x + \frac{b}{p_l}\,f(x)$$
#
# What if the shortcut went, too?

# %%
predict("shortcut",
        "Someone drops the block's whole output, shortcut included, in twelve blocks "
        "with survival 0.96, 0.92, … 0.5. How many rows come through all of them?",
        ["fewer than 1 in 50", "about 1 in 4", "about half", "nearly all"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true, "source_hidden": true}
# what is left of the rows
product = torch.tensor(survival_probabilities(12, 0.5)).double().prod().item()
claim("With the shortcut dropped too, a share p_1·p_2·…·p_12 of the rows is left: "
      "fewer than 1 in 50.", measured=product, holds=below(1 / 50))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("shortcut", "fewer than 1 in 50",
       because=f"the product is {product:.4f}; with the shortcut in place every row "
               "comes through")

# %% [markdown]
# So the dropping stands around the branch, never around the sum. Two ways to write it:
#
# ```python
# x = x + drop_path(branch(x), p, training=training)  # "row": each row decides for itself
#
# if not training:                                    # "batch"
#     x = x + branch(x)
# elif torch.rand(()) >= p:                           # one decision, taken first
#     x = x + branch(x) / (1 - p)
# ```
#
# In the first the branch is computed for all rows and then **masked**, multiplied by 0 where it is off. In the second it **is not called** when it is off.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the code that trains here, and a block that is never on
#
# `DropPath` is `drop_path` as a layer, and any module that keeps the shape can be a branch.

# %% tags=["deeper"]
show_source(drop_path)
draw = seeded(0)
print("the rows of By hand, drawn: both off,",
      drop_path(by_hand, 0.5, generator=draw).tolist())

# %% tags=["deeper", "nbval-check-output"]
x = torch.randn(100_000, 3, dtype=torch.float64, generator=draw).requires_grad_()
y = drop_path(x, 0.3, generator=draw)
y.sum().backward()
kept = (y != 0).all(1)
claim("Every row is 0 or x/(1 − p), and the gradient is the same mask: 0 or 1/(1 − p).",
      measured=[(y[kept] - x[kept] / 0.7).abs().max().item(),
                y[~kept].abs().max().item(), (x.grad * x - y).abs().max().item()],
      holds=below(1e-14))
claim("In evaluation and at p = 0 it is the identity; at p = 1 everything is 0, "
      "without a NaN.",
      measured=[(drop_path(x, 0.3, training=False) - x).abs().max().item(),
                (drop_path(x, 0.0) - x).abs().max().item(),
                drop_path(x, 1.0).abs().max().item()],
      holds=equal([0, 0, 0]))

# %% tags=["deeper"]
show_source(ResidualBlock)

# %% [markdown]
# `if self.survival == 0` is not only for speed. A branch that was never on was never trained. `DropPath(p=1)`, being the identity in evaluation, would add its random output at test time. So with $p_L = 0$ the last block is left out in use, too: of twelve blocks eleven work.

# %% tags=["deeper", "nbval-check-output"]
block = ResidualBlock(mlp_branch(4), survival=0.0)
rows = torch.randn(5, 4)
claim("A block with survival 0 is its shortcut alone, in training and in evaluation.",
      measured=[(block.train()(rows) - rows).abs().max().item(),
                (block.eval()(rows) - rows).abs().max().item()],
      holds=equal([0, 0]))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## How deep is it on average?
#
# Early blocks feed all others, says the paper, so its linear rule drops them least. For $L$ blocks it is
#
# $$p_l = 1 - \frac{l}{L}\,(1 - p_L) \qquad l = 1, \dots, L.$$
#
# The paper's network of 110 layers has 54 blocks of two layers each, and $p_L = 0.5$. How many blocks are on, on average: half?

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true, "source_hidden": true}
# what 54 blocks expect
survivals = survival_probabilities(54, 0.5)
claim("The linear rule with p_L = 0.5 expects (3L − 1)/4 blocks: 40.25 of 54.",
      measured=sum(survivals), holds=near((3 * 54 - 1) / 4, 1e-12))

# %% [markdown]
# About 40: the probabilities run evenly from 1 down to 0.5, on average about 0.75. Their sum is the **expected depth**, $\sum_l p_l = L - (1-p_L)\frac{L+1}{2}$, since $1 + 2 + \dots + L = \frac{L(L+1)}{2}$. At $p_L = \frac12$ it is $\frac{3L-1}{4}$. Of our twelve blocks it is 8.75 at $p_L = 0.5$, and 5.5 at $p_L = 0$.
#
# At $p_L = 0$ the last block never learns. So we leave it out in use, too: eleven of twelve work.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the blocks counted, and another linear rule
#
# The sum is what probability promises. Here is what a network does:

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.stochastic_depth.steps import Count, residual_network

network, blocks = residual_network(survivals, width=2, generator=seeded(0))
counted = Count(blocks)  # adds one whenever a branch is really computed
for _ in range(400):
    network(torch.randn(3, 64))
# of the mean of 400 batches
deviation = (sum(p_l * (1 - p_l) for p_l in survivals) / 400) ** 0.5
claim("The branches computed in 400 batches agree, within five standard deviations.",
      measured=(counted.calls / 400 - 40.25) / deviation, holds=within(5),
      kind="checked", false_alarm=6e-7)

# %% [markdown]
# Much code computes the drop rates as `torch.linspace(0, rate, L)`, as timm, a library of image models, does. That is another rule: it starts at *zero*.
# Its first block always survives, while the formula gives it $1 - \frac1L(1-p_L)$. The difference is small; where you compare results to a percent, say which one you used.

# %% tags=["deeper", "nbval-check-output"]
linspace = 1 - torch.linspace(0, 0.5, 54, dtype=torch.float64)
claim("The two rules differ: the first block survives with 1 instead of 1 − (1 − "
      "p_L)/L, the expected depth is larger by (1 − p_L)/2.",
      measured=[linspace[0].item() - 1, survivals[0] - (1 - 0.5 / 54),
                linspace.sum().item() - sum(survivals) - 0.25],
      holds=within(1e-12))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: is scaling unnecessary? All masks of four blocks
#
# One can read that evaluation needs no scaling. Take one block: $f(x) = x$, $x = 1$, on in half of the batches. In training it gives 2 or 1, on average 1.5. In evaluation it gives 2: more than the later layers are used to. Two ways make up for that:
#
# - divide the branch by $p_l$ in **training** (timm and torchvision, `drop_path` above): $1 + 2 = 3$ or 1, on average 2, as in evaluation;
# - multiply it by $p_l$ in **evaluation** (the original paper): $1 + 0.5 = 1.5$, as in training.
#
# So evaluation needs no scaling *because* training has done it already. For branches that bend, that is only nearly so. And with many blocks? Four blocks $x + W x$ have $2^4$ possible masks: few enough to take all of them, each with its probability, and to compare the mean training output with what evaluation gives.

# %% tags=["deeper"]
# blocks z + factor·W·z, any factors
from course_lib.experiments.stochastic_depth.exact_mean import (
    mean_over_masks, run_blocks)

reseed(1)
weights = 0.5 * torch.randn(4, 3, 3, dtype=torch.float64)
start = torch.randn(3, dtype=torch.float64)
of_four = survival_probabilities(4, 0.3)
ones, rescaled = [1.0] * 4, [1 / p_l for p_l in of_four]


def mismatch(in_training, in_evaluation):
    """How far evaluation is from the mean of training, in units of that mean's length;
    both get the factors that the branches are multiplied by."""
    mean = mean_over_masks(start, weights, of_four, in_training)
    gap = run_blocks(start, weights, in_evaluation) - mean
    return (gap.norm() / mean.norm()).item()


# %% tags=["deeper", "nbval-check-output"]
claim("For linear blocks, dividing in training and multiplying in evaluation both make "
      "evaluation the mean of training.",
      measured=[mismatch(rescaled, ones), mismatch(ones, of_four)], holds=below(1e-12))
claim("Doing neither leaves evaluation of this network off by more than half the "
      "output's own size.", measured=mismatch(ones, ones), holds=above(0.5),
      kind="checked")

# %% [markdown]
# With neither, this small network is off by more than its output's own size. Behind a LayerNorm it would be less.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## First benefit: does it save time?
#
# Does a step get shorter by as much as blocks are left out? The plain cell masks, so we time a network like it that decides once a batch, and skips.

# %%
predict("time", "p_L = 0.5: 8.75 of 12 blocks, 73 %, are computed. A step takes …",
        ["less than 70 % of the time", "70 to 76 %",
         "more than 76 %, yet less than all",
         "as long as before"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.stochastic_depth.steps import time_shorter

*_, steps = time_shorter(last=(0.5, 1.0))
relative = steps.time(0.5)
claim("With p_L = 0.5 a training step takes less than 100 % of the time of a step with "
      "all blocks on.", measured=relative, kind="timed", holds=below(1), unit="%",
      times=100)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("time", from_interval={"less than 70 % of the time": below(0.70)(relative),
                              "70 to 76 %": between(0.70, 0.76)(relative),
                              "more than 76 %, yet less than all":
                                  between(0.76, 1)(relative),
                              "as long as before": above(1)(relative)},
       because=f"measured {relative.mean:.0%} of the time, probably since the first "
               "and last layer, the loss and the loop's own work do not shrink")

# %% [markdown]
# Of the blocks 27 % are left out; of the time less is saved, how much your own card says. `DropPath` in timm (a library of image models), `StochasticDepth` in torchvision and our plain cell save nothing: they mask. So do our networks from here on.
#
# So a *step* gets shorter, where branches are really not computed. Whether a *training* does we did not time: below, validation stops dropping after 150 steps, always on after 75.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: as much time as blocks?
#
# In the paper, where blocks do more of the work, about a quarter of the blocks and of the time is saved (Huang et al. 2016). We call the time *proportional* if its share, of a step with all blocks on, differs from the share of blocks computed by less than 10 points. **Width** is how many numbers a row has on its way: 32 so far. At 256 more of the work is done in the blocks.

# %% tags=["deeper", "nbval-check-output"]
*_, wide = time_shorter(last=(0.5, 1.0), width=256, rounds=10, steps=4)
claim("Width 32: the time is proportional to the blocks computed; the two shares "
      "differ by less than 10 points.", measured=steps.excess(0.5), kind="timed",
      holds=within(0.10), unit="points", times=100)
claim("Width 256: the time is proportional to the blocks computed; the two shares "
      "differ by less than 10 points.", measured=wide.excess(0.5), kind="timed",
      holds=within(0.10), unit="points", times=100)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: skipping is not masking, once the optimizer remembers
#
# A masked branch has a gradient of zero. A skipped one has *none*: `zero_grad()` sets `.grad` to `None`, the optimizer passes the parameter over, and so its momentum rests and its weight decay pauses.
# Under plain SGD (no momentum, no decay) a step with gradient zero is no step, and both give the same weights. Under Adam the masked branch glides on. First the count, then the weights.

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.stochastic_depth.steps import Count, residual_network


def computed(mode):
    """Branches computed in 100 training batches, of 12 blocks with p_L = 0.5."""
    network, blocks = residual_network(survival_probabilities(12, 0.5), mode=mode,
                                       generator=seeded(0))
    counted = Count(blocks)
    for _ in range(100):
        network(torch.randn(10, 64))
    return counted.calls


claim("Deciding row by row computes all 1200 branches of 100 batches.",
      measured=computed("row"), holds=equal(1200))
claim("Deciding by batch computes fewer than 1000 of them.",
      measured=computed("batch"), holds=below(1000), kind="checked")

# %% tags=["deeper"]
def weights_after(optimizer_class, skips, steps=30, **options):
    """All weights of three blocks (p_L = 0.3) after training with dropped branches
    skipped, or computed and masked."""
    with torch.random.fork_rng():
        reseed(0)
        network, blocks = residual_network(survival_probabilities(3, 0.3), width=8,
                                           generator=seeded(1))
    rows = torch.ones(4, 64).double()
    optimizer = optimizer_class(network.double().parameters(), **options)
    for _ in range(steps):
        network(rows).square().mean().backward()
        for p in network.parameters():
            if p.grad is None and not skips:
                p.grad = torch.zeros_like(p)  # what masking would have left there
        optimizer.step()
        optimizer.zero_grad()
    return torch.cat([p.detach().flatten() for p in network.parameters()])


# %% tags=["deeper", "nbval-check-output"]
def gap_between(optimizer_class, **options):
    return (weights_after(optimizer_class, True, **options)
            - weights_after(optimizer_class, False, **options)).abs().max().item()


sgd = torch.optim.SGD
claim("Skipped or masked, SGD without momentum and decay gives the same weights; with "
      "either of them it does not, nor does AdamW.",
      measured=[gap_between(sgd, lr=0.1), gap_between(sgd, lr=0.1, momentum=0.9),
                gap_between(sgd, lr=0.1, weight_decay=0.1),
                gap_between(torch.optim.AdamW, lr=0.01)],
      holds=each(equal(0), above(1e-4), above(1e-4), above(1e-4)))

# %% [markdown]
# The same holds for anything else that a module updates on its way: a BatchNorm in a skipped branch keeps its running statistics; in one masked row by row it counts the dropped rows, too. And training on several machines has to be told that some parameters get no gradient (`find_unused_parameters=True` in torch's `DistributedDataParallel`).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Second benefit: does it err less?
#
# Why should it? Perhaps a branch that comes and goes learns to add little (*Deeper: what is drawn*). More often it is said that one pass through all branches stands for the average of many shorter networks. We tested neither reason, only whether the **error** falls: the share of wrong answers on test rows.
#
# In the plain cell dropping did better. Was it luck, or did it only learn more slowly? Twelve seeds now train that network for 600 steps, in which always on learns nearly all wrong labels by heart.
#
# *Left:* the way of one row in one step. A bar is a block's $p_l$, filled where it is on; the way below rises where it goes through the branch. *Right:* the test error at four $p_L$; the slider's line has a band, its **95 % interval**, the range in which the mean over seeds plausibly lies.
#
# **Do this**: move $p_L$ from 0, the strongest dropping, to 1, none.  **Notice**: which line is lowest after 600 steps? How low was the line of $p_L = 1$ before?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import stochastic_depth as explore

explore.shorter.show(last=0.0, figure="test error")

# %% [markdown]
# Is the difference at the end luck? Each seed gives its own. The card says *holds* if the 95 % interval of their mean is all below 0, and *confirmed* if fresh seeds decide alike.

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.stochastic_depth.training import train_shorter

*_, trained = train_shorter()  # the networks of the picture, not trained again
error = trained.gain("error", 0.0)
claim("After 600 steps, the test error with p_L = 0 is lower than with p_L = 1.",
      measured=error, kind="measured", id="drop-late-error-0", holds=negative,
      unit="points", times=100)

# %% [markdown]
# After 600 steps dropping errs less, 24 % against 28 %. <!-- rests: drop-late-error-0 --> But both are long past their best: dropping had 14.2 % after 150 steps, always on 18.0 % after 100. So stopping in time gains more than dropping does here, and dropping still seems to add to it. (We picked these steps on test rows, which flatters both.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Each tuned alike
#
# Is dropping still ahead if every side is tuned, and stopped in time? Four sides get sixteen settings each: four values of their own, times four learning rates.
#
# | side | values of its own |
# |---|---|
# | twelve blocks with **dropping** | $p_L$ = 0, 0.2, 0.4, 0.8 |
# | the **same twelve** always on | weight decay 0, 0.1, 0.3, 1 |
# | the same with **dropout inside** the branches, behind the GELU | `p` = 0.1, 0.3, 0.5, 0.7 |
# | **fewer** blocks, always on | 6, 2, 1, or none, which leaves one hidden layer |
#
# Four seeds *choose* setting and step on 500 validation rows. What is kept is *tested* on test rows, with 32 other seeds.

# %%
predict("control",
        "Each as validation chose it: the test error of twelve blocks with dropping, "
        "against that of fewer blocks that are always on, is …",
        ["lower", "higher", "too close to tell"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.stochastic_depth.tuned import compare

fewer = compare("fewer")
claim("Each as validation chose, dropping has a lower test error than always-on "
      "blocks, as many as validation chose.", measured=fewer["error"], kind="measured",
      id="tuned-any-error", holds=negative, unit="points", times=100)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("control", from_interval={"lower": negative(fewer["error"]),
                                 "higher": positive(fewer["error"])},
       because=f"dropping minus fewer blocks: {100 * fewer['error'].mean:+.1f} points",
       rests="tuned-any-error")

# %%
explore.depths.still()  # each side as validation chose it

# %% [markdown]
# A point is the best of four settings, a level line the best of sixteen. (Bands: 95 %, each side alone.)
#
# | side | kept | errs |
# |---|---|---|
# | fewer | no block, 600 steps | 10.3 % |
# | dropout inside | `p` = 0.5, 150 steps | 13.5 % |
# | dropping | $p_L$ = 0, 150 steps | 14.9 % |
# | the same twelve | no decay, 75 steps | 17.7 % |
#
# - **No block at all errs less than dropping**, and least of all. <!-- rests: not tuned-any-error -->
# - **Dropout inside errs less than dropping** by the linear rule. Dropping kept its strongest value. <!-- rests: not tuned-dropout-error -->
# - **Dropping errs less than the same twelve always on**, each stopped in time: so it does not only learn more slowly. (At $p_L = 0$ the last block is never trained, so eleven are used.) <!-- rests: tuned-twelve-error, tuned-decays-error --> Whether it errs less than six always on is open. <!-- rests: open tuned-six-error -->
#
# So on the digits dropping wins back part of what twelve blocks lose against none.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: six blocks, and the same for the NLL
#
# The picture above can show the NLL, too. Each side stands at the setting and step that validation kept; the blocks that are always on have neither decay nor dropout inside (in the table of NLLs below the twelve have a decay of 1). The diamond of dropping stands at the 5.5 blocks that are on, on average.
#
# **Do this**: set *measure* to *test error*, and back to *test NLL*.  **Notice**: where does dropping lie, beside twelve blocks, six, and none?

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.explorers import stochastic_depth as explore

explore.depths.show(figure="test NLL")

# %% [markdown]
# The values tried were, for dropping, $p_L$ 0, 0.2, 0.4, 0.8; for the same twelve a weight decay of 0, 0.1, 0.3, 1; for dropout inside `p` 0.1, 0.3, 0.5, 0.7; each with the rates 0.001, 0.002, 0.004 and 0.008, looked at after nine numbers of steps. A fifth of the labels of the validation rows is wrong, too, as it would be in practice. Intervals are of the settings kept: fresh seeds repeat the test, not the choice.
#
# | side | kept for its error | test error |
# |---|---|---|
# | dropping, twelve blocks, the last never on | $p_L$ 0, rate 0.004, step 150 | 14.9 % |
# | twelve, always on | decay 0, rate 0.002, step 75 | 17.7 % |
# | twelve, dropout inside | `p` 0.5, rate 0.002, step 150 | 13.5 % |
# | six, always on (four settings) | rate 0.001, step 150 | 15.8 % |
# | fewer, always on | **no block**, rate 0.001, step 600 | 10.3 % |
#
# Six blocks are about as many as dropping has on while it learns. Six with their four settings, against dropping with the four that have $p_L = 0$, a value that was itself the best of four. And the same twelve once more with their first list of decays, 0, 1, 3 and 10, of which they kept 0, too:

# %% tags=["deeper", "nbval-check-output"]
same, inside = (compare(side, figures=["error"]) for side in ("decays", "dropout"))
claim("Each as validation chose, dropping has a lower test error than the same twelve "
      "blocks always on, with a weight decay of 0, 0.1, 0.3 or 1.", kind="measured",
      measured=same["error"], id="tuned-decays-error", holds=negative,
      unit="points", times=100)
claim("Each as validation chose, dropping whole branches has a lower test error than "
      "dropout inside the branches of the same twelve blocks.", kind="measured",
      measured=inside["error"], id="tuned-dropout-error", holds=negative,
      unit="points", times=100)

# %% tags=["deeper", "nbval-check-output"]
six, first_list = compare("fewer", blocks=6, last=0.0), compare("twelve")
claim("Each at the setting that validation chose, dropping has a lower test error than "
      "the same twelve blocks always on.", measured=first_list["error"],
      kind="measured", id="tuned-twelve-error", holds=negative, unit="points",
      times=100)
claim("With four settings each, dropping at p_L = 0 has a lower test error than six "
      "blocks always on.", measured=six["error"], kind="measured",
      id="tuned-six-error", holds=negative, unit="points", times=100)
claim("With four settings each, dropping at p_L = 0 has a lower test NLL than six "
      "blocks always on.", measured=six["nll"], kind="measured", id="tuned-six-nll",
      holds=negative, unit="nats")

# %% [markdown]
# The errors of dropping and of six blocks cannot be told apart, 14.9 % and 15.8 %. <!-- rests: open tuned-six-error --> The NLL besides, after 600 steps, and with the settings whose NLL was lowest on validation rows; the twelve have their first list of decays:

# %% tags=["deeper", "nbval-check-output"]
claim("After 600 steps, the test NLL with p_L = 0 is lower than with p_L = 1.",
      measured=trained.gain("nll", 0.0), kind="measured", id="drop-late-nll-0",
      holds=negative, unit="nats")
claim("Each at the setting that validation chose, dropping has a lower test NLL than "
      "the same twelve blocks always on.", measured=first_list["nll"],
      kind="measured", id="tuned-twelve-nll", holds=negative, unit="nats")
claim("Each as validation chose, dropping has a lower test NLL than always-on blocks, "
      "as many as validation chose.", measured=fewer["nll"], kind="measured",
      id="tuned-any-nll", holds=negative, unit="nats")
undecayed = compare("twelve", decay=0.0)
claim("Dropping has a lower test NLL than the same twelve blocks always on and without "
      "decay.", measured=undecayed["nll"], kind="measured", id="tuned-plain-nll",
      holds=negative, unit="nats")

# %% [markdown]
# | side | kept | test NLL |
# |---|---|---|
# | dropping, twelve blocks | $p_L$ 0, rate 0.002, step 150 | 0.639 |
# | twelve, always on | decay 1, rate 0.002, step 75 | 0.696 |
# | six, always on (four settings) | rate 0.004, step 50 | 0.714 |
# | fewer, always on | **no block**, rate 0.001, step 600 | 0.579 |
#
# - Dropping has the lower NLL against the same twelve, 0.639 against 0.696, and against six, 0.714. No block at all has the lowest, 0.579. <!-- rests: tuned-twelve-nll, tuned-six-nll, not tuned-any-nll -->
# - But the gain over the same twelve hangs on one choice. The decay of 1 was chosen on wrong labels and does not pay on right ones: without it the twelve have 0.658. The gain is then 0.020, and fresh seeds could not confirm it. <!-- rests: open tuned-plain-nll --> With 0.1 and 0.3 in place of 3 and 10 validation chooses the same decay of 1.
# - 0.639 is more than the 0.59 at the lowest point of the picture of steps, since validation chose step 150; after 200 steps it is 0.581.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Where blocks are wanted
#
# Where blocks do help, does dropping help more? Another task: lines of 40 numbers (MNIST-1D). Each is one of ten short curves, shifted, stretched, with noise added, and the network says which; guessing errs 90 %. It learns from 4000 lines, all labels right.
#
# Each help to eight blocks gets eighteen settings, eight without help three, no block nine. Which helps most?

# %%
explore.lines.still()

# %% [markdown]
# Here blocks pay. <!-- rests: lines-depth --> But **dropout inside and weight decay do more than dropping**: each has about 3 points fewer errors. <!-- rests: not lines-stronger, not lines-dropout --> What dropping gains over no help these twelve seeds cannot tell (0.4 points); fresh ones say 0.9. Whether it adds anything beside a weight decay (of 0.1) is open. <!-- rests: open lines-both -->
#
# With small blocks of *convolutions* (sets of weights that slide along the line), like the paper's, no help errs 9.5 %, dropping 8.9 %, dropout inside 7.2 %, weight decay 5.8 % (*Deeper: convolutions*). <!-- rests: not conv-decays-error, not conv-dropout-error -->
#
# So in all three comparisons dropout inside erred less than dropping. <!-- rests: not tuned-dropout-error, not lines-dropout, not conv-dropout-error -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: all that was tried, and a line of it again
#
# The trials are stored; each line is a setting, with its lowest validation NLL and error, of a best possible 0.20, since a fifth of these labels is wrong. Any of them can be run again, in some seconds:

# %% tags=["deeper"]
from course_lib.experiments.stochastic_depth import tuned

for line in tuned.sweep():
    print(f"{line.arm:>8}: {line.blocks:2} blocks, p_L {line.last}, decay "
          f"{line.decay:4}, dropout {line.dropout}, rate {line.lr:<5}: "
          f"NLL {min(line.nll):.3f}, error {min(line.error):.3f}")
again = tuned.pilot(tuned.Contestant(blocks=0, last=1.0, lr=1e-3))
print(f"no block at 0.001, run again: NLL {min(again.nll):.3f}, "
      f"error {min(again.error):.3f}")

# %% [markdown]
# Neighbouring lines differ by less than four seeds can tell, so the choice is partly luck, for all sides alike. That is why it is made on other seeds than the verdict. The decays look large because the training is short: at rate 0.002 a decay of 1 takes 14 % off the weights in 75 steps, and one of 0.1 hardly acts, with 1.5 %. Yet two of the first four proved too large: 10 at every rate, 3 at the higher ones. So 0.1 and 0.3 were run in their place, and dropout inside with them, when the other verdicts were known. The twelve keep 0 all the same: their lowest validation error is 33.7 % with it, 33.9 % with the others. About half of the other settings had been run for an earlier version of this lesson, whose sides were unequal; the grids were fixed before the rest was run. The network without blocks stands at an edge, the lowest rate and the last step, so it might do better still. Dropping kept $p_L = 0$, where the linear rule ends (stronger dropping, by another rule, we did not tune); the next, 0.2, had 32.4 % in validation against 31.4 %.

# %% [markdown]
# How many wrong labels has each side learned by heart, so that it gives the wrong answer that it was shown? Counted on twelve seeds, each side at the rate and strength that it kept for its error, after the step that it kept and after 600. (Written down before it was run: a count, of which no verdict is asked.)

# %% tags=["deeper"]
from course_lib.statistics import mean_interval

for side, arm in (("twelve, always on", "decays"), ("twelve, dropping", "dropping"),
                  ("dropout inside", "dropout"), ("no block", "fewer")):
    one, step = tuned.frozen(arm, "error")
    for steps_done in sorted({step, 600}):
        *_, learned = tuned.by_heart(one, steps_done)  # of 60, on each of twelve seeds
        print(f"{side:>20}, rate {one.lr}, after {steps_done} steps: "
              f"{mean_interval(learned)} of 60 wrong labels learned by heart")

# %% [markdown]
# Stopping keeps out far more wrong labels than dropping: trained on to 600 steps, dropping has learned 51 of the 60, stopped it has 7. Always on has 57 and 5, at half the rate; what dropping does at the same rate we did not count. (An interval takes the spread to be the same on both sides; so one ends at 61 of 60.)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: other labels, other branches
#
# Does it hang on the setting? Three changes, eight seeds each, $p_L = 0.5$ against 1, learning rate 0.002: a thousand digits with right labels, after 600 steps; a LayerNorm in front of each branch, as in transformers; and branches whose last layer starts at zero, so that every block begins as its shortcut (**zero-init residuals**: Goyal et al. 2017 do it by the γ of the last norm, Zhang, Dauphin & Ma 2019 without any norm). The last two each at its best of the looks up to step 200, a peek at the test rows that both sides have.

# %% tags=["deeper", "nbval-check-output"]
seeds = tuple(range(8))
settings = {
    "clean": ("right labels and 1000 digits", "at", {"rows": 1000, "noise": 0.0}),
    "norm": ("LayerNorm in each branch", "stopped", {"norm": True, "steps": 200}),
    "zero": ("branches that start at zero", "stopped",
             {"from_zero": True, "steps": 200}),
}
for key, (setting, when, options) in settings.items():
    *_, found = train_shorter(last=(0.5, 1.0), seeds=seeds, watch=False, **options)
    levels = getattr(found, when)("error").mean(0)
    print(f"{setting}: error {levels[0]:.1%} dropping, {levels[1]:.1%} always on")
    for figure, name, unit, times in (("nll", "NLL", "nats", 1),
                                      ("error", "error", "points", 100)):
        claim(f"With {setting}, p_L = 0.5 has a lower test {name} than p_L = 1.",
              kind="measured", id=f"drop-{key}-{figure}", holds=negative,
              measured=found.gain(figure, 0.5, stopped=when == "stopped"),
              unit=unit, times=times)

# %% [markdown]
# The errors with dropping and always on are 15.5 % and 17.4 % where branches start at zero, 18.2 % and 20.5 % with a LayerNorm. None comes near the 10.3 % of no block: blocks cost here even where each begins by doing nothing.
# Eight seeds decide little here: in five of the six cases twenty-four fresh ones come to another verdict. They say that dropping lowers the NLL by 0.036 with a LayerNorm and by 0.034 where branches start at zero. With right labels it is undecided. <!-- rests: open drop-clean-nll --> A result about stochastic depth that does not say *on what labels* and *in which block* says little.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: lines, blocks times dropping
#
# The task was chosen by networks that drop nothing, on two of the three seeds of validation: more blocks erred less over 3000 steps. The rest was written down before any network with dropping was trained. The lesson's network with 40 inputs learns from 4000 lines, all labels right, 6000 steps, five looks. Seven sides: no block, and 2, 4 or 8, always on or dropped. Nine settings each: learning rates 0.002, 0.004, 0.008 times $p_L$ 0.5, 0.8, 0.9 or weight decay 0, 0.1, 0.5. Kept by 2000 validation rows on three seeds, tested on 12 others. A side has *finished* if its validation error falls by less than a point between steps 4500 and 6000.
#
# Eight blocks got nine settings more a side, three rates times what stands on the right. Dropout inside has the same `p` in every block:
#
# | side | first nine | nine more |
# |---|---|---|
# | weight decay | 0, 0.1, 0.5 | 0.05, 0.2, 0.3 |
# | dropping, $p_L$ | 0.5, 0.8, 0.9 | 0, 0.2, 0.35 |
# | dropout inside, `p` | 0.05, 0.1, 0.2 | 0.02, 0.3, 0.5 |
# | dropping, $p_L$ | 0.5, 0.8, 0.9 | the same, each with decay 0.1 |

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.stochastic_depth import lines

best_of_18 = [lines.best(sides) for sides in (  # eight blocks, two lists of nine each
    lines.DECAYED, lines.STRONGER, lines.DROPOUT, lines.DROPPED)]
for side in (*lines.ALWAYS_ON, *lines.DROPPING, *best_of_18):  # stored
    won, step = lines.frozen(side)
    finished = lines.still_falling(side) < lines.FINISHED
    print(f"{lines.name(side):>15}: test error {lines.errors(side).mean():.1%} (rate "
          f"{won.lr}, p_L {won.last}, decay {won.decay}, dropout {won.dropout}, "
          f"step {step}); {'finished' if finished else 'still learning'}")

# %% tags=["deeper", "nbval-check-output"]
two, eight = (lines.difference(lines.Side(blocks, "dropping"), lines.Side(blocks))
              for blocks in (2, 8))
claim("On the lines eight blocks always on have a lower test error than none.",
      measured=lines.difference(lines.Side(8), lines.Side(0)), kind="measured",
      id="lines-depth", holds=negative, unit="points", times=100)
claim("On the lines eight blocks with dropping have a lower test error than the same "
      "eight always on with weight decay.", measured=eight, kind="measured",
      id="lines-eight", holds=negative, unit="points", times=100)
claim("On the lines two blocks with dropping have a lower test error than the same "
      "two always on with weight decay.", measured=two, kind="measured",
      id="lines-two", holds=negative, unit="points", times=100)

# %% tags=["deeper", "nbval-check-output"]
decayed, dropped, inside, _ = best_of_18
claim("On the lines, eighteen settings each, eight blocks with dropping, p_L from 0 to "
      "0.9, have a lower test error than the same eight always on with weight decay.",
      measured=lines.difference(dropped, decayed), kind="measured",
      id="lines-stronger", holds=negative, unit="points", times=100)
claim("On the lines, eighteen settings each, eight blocks with dropping have a lower "
      "test error than the same eight with dropout inside the branches.",
      measured=lines.difference(dropped, inside), kind="measured",
      id="lines-dropout", holds=negative, unit="points", times=100)
claim("On the lines, eighteen settings each, eight blocks with dropout inside the "
      "branches have a lower test error than the same eight with weight decay.",
      measured=lines.difference(inside, decayed), kind="measured",
      id="lines-dropout-decay", holds=negative, unit="points", times=100)

# %% tags=["deeper", "nbval-check-output"]
by_choice = lines.difference(lines.best(lines.DROPPING), lines.best(lines.ALWAYS_ON))
both = lines.difference(lines.best(lines.DROPPED), lines.best(lines.DECAYED))
claim("On the lines dropping, its number of blocks chosen by validation, has a lower "
      "test error than blocks always on with weight decay, chosen likewise.",
      measured=by_choice, kind="measured", id="lines-any", holds=negative,
      unit="points", times=100)
claim("On the lines, with weight decay allowed to both and eighteen settings each, "
      "dropping has a lower test error than always on.", measured=both,
      kind="measured", id="lines-both", holds=negative, unit="points", times=100)
nothing = lines.errors(lines.Side(8), lines.PLAIN).mean()
print(f"eight blocks always on without decay: test error {nothing:.1%}")
claim("On the lines eight blocks with dropping, p_L = 0.5, have a lower test error "
      "than "
      "the same eight always on without weight decay.", kind="measured",
      measured=lines.against_nothing(), id="lines-plain", holds=negative,
      unit="points", times=100)

# %% [markdown]
# With nine settings each, weight decay does more than dropping, with two blocks as with eight. <!-- rests: not lines-eight, not lines-two, not lines-any --> Eight blocks pay, against none; whether depth does it, or only more numbers to learn, we did not ask. <!-- rests: lines-depth -->
# More questions came up then, each written down before it was run:
#
# - *With decay allowed to both*, validation promised 33.5 % with dropping against 34.3 %. On the test rows both have 34.1 %. <!-- rests: open lines-both --> Dropping had only a decay of 0.1 beside it, which alone gives 34.7 %; beside 0.2, which always on kept, we did not run it.
# - *Against nothing*, that is no decay, and three rates for each: 37.5 % with dropping against 37.9 %. These twelve seeds cannot tell, thirty-six fresh ones say 0.9 points [0.3, 1.6].
# - *Would stronger dropping do better?* Validation says no: 36.1 % at $p_L = 0.5$, and as much at 0.8; 37.0 % at 0.35, 37.5 % at 0.2, 38.1 % at 0. So dropping keeps 0.5, and the gap to weight decay is no matter of its list. <!-- rests: not lines-stronger -->
# - *Whole branches or single numbers?* Single numbers do more, 34.6 % against 37.5 %. <!-- rests: not lines-dropout --> From weight decay dropout inside cannot be told apart: fresh seeds say 0.3 points more errors [−0.3, 0.9]. <!-- rests: open lines-dropout-decay -->
#
# Look at what else may be unequal. By the rule above all sides had finished but dropout inside, which fell by 1.7 points at the end; it kept the lowest rate and the last step, so more steps might serve it better. Eight blocks always on had finished only just. Weight decay kept the highest rate, 0.008. And on lines drawn by the same recipe a convolutional network gets 94 % right where a plain one gets 68 % (Greydanus & Kobak 2024): the kind of layer does more than any of these.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: convolutions, with a norm in every branch
#
# So far every branch was made of two linear layers. The paper's is a convolution, a BatchNorm, a ReLU, a second convolution and a second BatchNorm, and the sum goes through a ReLU. A **convolution** slides one small set of weights along the line, so that a curve is recognised wherever it stands; each of its sets makes a *channel*. We take six such blocks of twelve channels, each convolution three places wide, behind one that halves the line; at the end the mean over the places and a linear layer. They learn from 500 lines, all labels right, for 1200 steps of 50 lines each. The rate falls to 0 on the way, and there are three looks.
#
# Three sides, twelve settings each: rates 0.004, 0.008, 0.016 times four strengths. Chosen on 1000 validation rows with three seeds, tested with twelve others, all written down before. (A first try, shorter and at a constant rate, was given up, since no side had finished learning and single networks jumped. There dropping erred less than the weight decay that was kept, more than dropout inside and than nothing.) The rule *uniform* gives every block the same survival.
#
# | side | strengths |
# |---|---|
# | always on | weight decay 0, 0.03, 0.1, 0.3 |
# | dropping | linear to $p_L$ 0.9 or 0.5, uniform 0.95 or 0.8 |
# | dropout inside, between the convolutions | `p` 0.02, 0.05, 0.1, 0.2 |

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.stochastic_depth import convolved

for side in convolved.SIDES:  # "nothing": of those always on the three without decay
    promised, chosen, stop = convolved.frozen(side)
    print(f"{side}: test error {convolved.errors(side).mean():.1%}, in validation "
          f"{promised:.1%}, {chosen}, step {stop}")

# %% tags=["deeper", "nbval-check-output"]
claim("On the lines, six convolutional blocks with norms, twelve settings each: "
      "dropping has a lower test error than always on, with a weight decay up to 0.3.",
      measured=convolved.difference("dropping", "always on"), kind="measured",
      id="conv-decays-error", holds=negative, unit="points", times=100)
claim("On the lines, six convolutional blocks with norms, twelve settings each: "
      "dropping whole branches has a lower test error than dropout inside them.",
      measured=convolved.difference("dropping", "dropout inside"), kind="measured",
      id="conv-dropout-error", holds=negative, unit="points", times=100)

# %% [markdown]
# The means stand as with linear layers: lowest with weight decay, 5.8 %, then dropout inside, 7.2 %, then dropping, 8.9 %; nothing has 9.5 %. <!-- rests: not conv-decays-error, not conv-dropout-error --> Look at the ends of the lists. All sides kept the highest rate, and weight decay its largest value: there they might do better still. Dropping kept its mildest value; the linear rule and stronger dropping erred more in validation. So neither stronger dropping nor the linear rule closes the gap at these rates; milder dropping, and higher rates for all, we did not try. In front of a BatchNorm the size of the weights does not matter: a decay keeps them small, so that each step turns them further, and acts as a higher rate, too. But these are six blocks that read lines, where the paper has 54 that read photographs, with weight decay beside the dropping; that we did not run. Nor did we ask whether six blocks are better than fewer.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: photographs
#
# On CIFAR-10, the paper's 50 000 colour photographs, depth pays, too: 20 layers err 8.75 %, 110 layers 6.61 % (He et al. 2016), and beyond 110 the paper's block gains only with dropping. But there are other cures:
#
# | test error on CIFAR-10 | layers | parameters, million | always on | with |
# |---|---|---|---|---|
# | the paper's block | 110 | 1.7 | 6.41 % | dropping: 5.25 % |
# | the paper's block | 1202 | 19.4 | 6.67 % | dropping: 4.91 % |
# | norm and ReLU in front of each convolution | 164 | 1.7 | 5.46 % | |
# | the same | 1001 | 10.2 | 4.92 % | |
# | the same, ten times as many channels | 28 | 36.5 | 4.00 % | dropout inside: 3.89 % |
#
# At 1.7 million parameters dropping is ahead, 5.25 % against 5.46 %. But the recipes differ. (One run each in the first two rows, medians of five below: *Sources*.)
# On ImageNet dropping gained nothing in the paper, 21.78 % without, 21.98 % with it. Bello et al. (2021) add one method after the other to 200 layers: dropping takes off 0.2 points; a smaller weight decay, once several are in, 1.5.
#
# **What we did not measure** besides (*What it means* has the rest): cutting where blocks pay; dropout inside beside weight decay; with convolutions, dropping beside it; with a BatchNorm, gradients in training.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Third benefit: does it let the gradient through?
#
# A shorter network passes more gradient to its first layers, says the paper. That helps only where too little arrives. Is that so here?
#
# Take 64 blocks with one number each, $f(x) = 0.2\,x$. By the chain rule all their derivatives multiply the gradient. Without shortcuts that is $0.2^{64} \approx 10^{-45}$: it *vanishes*. With them it is $(1 + 0.2)^{64} \approx 10^{5}$: it *explodes*. A real branch does not point along $x$, so expect less.
#
# In real networks, *untrained*, as torch starts them, we measure the length (norm) of the gradient of the first block's weights: ten seeds, 100 digits. *Vanished* is below 1/100 of what a single block has, *exploded* above 100 times that.

# %%
predict("gradient",
        "64 residual blocks, torch's own start. With dropping, p_L = 0.5, the norm of "
        "the first block's gradient is, against that without dropping, …",
        ["more than 3 times as large", "the same within a factor of 3",
         "less than a third"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.stochastic_depth.first_block import measure_first_block

*_, first = measure_first_block()
effect = first.effect_of_dropping()
claim("The gradient's norm at the first of 64 blocks is the same with dropping as "
      "without, within a factor of 3, which is 0.48 powers of ten.", kind="measured",
      id="drop-gradient-torch", measured=effect, holds=within(0.48),
      unit="powers of ten")

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("gradient",
       from_interval={"more than 3 times as large": above(0.48)(effect),
                      "the same within a factor of 3": within(0.48)(effect),
                      "less than a third": below(-0.48)(effect)},
       because=f"dropping multiplies it by {10**effect.mean:.2g}, "
               f"which is 10 to the power of {effect.mean:.2f}",
       rests="drop-gradient-torch")

# %% [markdown]
# Had it vanished, before anything was dropped? In the picture 1 is the gradient of a single block that is always on.

# %%
explore.reached.still(first)

# %% [markdown]
# **With shortcuts it had not vanished**: the first of 64 blocks has 20 times the gradient of a single one. Without them the line leaves the picture, down to $10^{-49}$. <!-- rests: vanishes-torch, shortcut-torch -->
#
# Dropping makes that gradient 1.9 times as large. <!-- rests: drop-gradient-torch --> That is not a way opened through the depth: in a network of one block it makes it 1.8 times as large, probably by the division alone. The paper's dropping, which does not divide, makes the gradient at 64 blocks 0.4 times as large. <!-- rests: open drop-gradient-torch-unscaled --> With larger weights at the start it explodes, and dropping (divided) makes that worse (*Deeper: the larger start*). <!-- rests: shortcut-large, drop-gradient-large -->
#
# The paper's larger gradients are from *during* training, where fitting less well can make them larger, too (*Deeper: and later in training?*).
#
# So in these untrained networks the shortcuts let the gradient through, and dropping was not needed.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the larger start, why it grows, and two cures
#
# torch's own weights at the start have the variance $\frac{1}{3n}$ in a layer with $n$ inputs. The larger start has $\frac2n$ before the GELU, six times that, and $\frac1n$ after it, three times.
#
# Four ways to stack blocks, at every depth; here the norm itself, not in units of one block's. *Unscaled* dropping is the paper's: a branch that is on is not divided by $p_l$.
#
# **Do this**: move $p_L$ from 0.5 to 1 and back. Then set *variance of the weights at the start* to *2/n before the GELU, 1/n after it*.  **Notice**: look at depth 64. Which of the three lines with shortcuts lies highest there, which lowest, and what does the start do to all? (A single block is the last one, on half of the time, so dropping differs there already, 1.8 times: probably the noise of its masks.)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.explorers import stochastic_depth as explore

explore.first_block.show()

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.stochastic_depth.first_block import STARTS

*_, large = measure_first_block(gain=STARTS["2/n before the GELU, 1/n after it"])
claim("torch's start: without shortcuts the gradient vanishes: at depth 64 it is less "
      "than a hundredth of that at depth 1.", kind="measured", id="vanishes-torch",
      measured=first.growth("no shortcut"), holds=below(-2), unit="powers of ten")
claim("torch's start: with shortcuts it neither vanishes nor explodes.",
      kind="measured", id="shortcut-torch", measured=first.growth("shortcut"),
      holds=within(2), unit="powers of ten")
claim("torch's start, depth 64: with unscaled dropping it is the same as without "
      "dropping, within a factor of 3.", kind="measured",
      id="drop-gradient-torch-unscaled", unit="powers of ten",
      measured=first.effect_of_dropping("dropping, unscaled"), holds=within(0.48))

# %% tags=["deeper", "nbval-check-output"]
claim("The larger start, 2/n and then 1/n: without shortcuts the gradient vanishes: at "
      "depth 64 it is less than a hundredth of that at depth 1.", kind="measured",
      id="vanishes-large", measured=large.growth("no shortcut"), holds=below(-2),
      unit="powers of ten")
claim("The larger start: with shortcuts the gradient explodes: at depth 64 it is more "
      "than a hundred times that at depth 1.", kind="measured", id="shortcut-large",
      measured=large.growth("shortcut"), holds=above(2), unit="powers of ten")
claim("The larger start, depth 64: dropping makes the gradient larger by more than a "
      "factor of 3.", kind="measured", id="drop-gradient-large",
      measured=large.effect_of_dropping(), holds=above(0.48), unit="powers of ten")
claim("The larger start, depth 64: unscaled dropping makes it smaller by more than a "
      "factor of 3.", kind="measured", id="drop-gradient-large-unscaled",
      measured=large.effect_of_dropping("dropping, unscaled"), holds=below(-0.48),
      unit="powers of ten")

# %% [markdown]
# With the larger start 64 blocks have $10^{10}$ times the gradient of one, and dropping makes that 40 times as large. The loss grows likewise, about 60 times, since both go through the same blocks. <!-- rests: shortcut-large, drop-gradient-large, loss-large -->
#
# Why does anything grow, if dividing keeps the mean? A 1 that is on half of the time becomes 2 or 0: its mean stays 1, but the mean of its squares is $\frac{4 + 0}{2} = 2$. Lengths are made of squares, and so they grow. In a network $f(x)$ points in another direction than $x$. If it is at right angles and 0.2 times as long, the squares add up to $1 + 0.2^2 = 1.04$. Let the block be on half of the time. Divided by $p_l$ the branch is twice as long when it is on, and the mean square is $1 + \frac12 \cdot 0.4^2 = 1.08$: more. Unscaled it is $1 + \frac12 \cdot 0.2^2 = 1.02$: less. Over 64 blocks that multiplies: dropping makes the row $\sqrt{(1.08/1.04)^{64}} = 3.3$ times as long. Unscaled dropping makes the first block's gradient smaller: 0.4 times as large with torch's start, 0.01 times with the larger one. <!-- rests: open drop-gradient-torch-unscaled, drop-gradient-large-unscaled -->
#
# Through one branch the gradient loses five sixths with torch's start, a quarter with the larger one. He et al. 2015 put the factor 2 on the layer behind a ReLU, which halves the mean square of what it is given. Ours stands in front, and a GELU does not halve exactly. With the larger start a branch adds nearly as much as the shortcut brings, so the sum of shortcut and branch grows from block to block, and the gradient with it. A **LayerNorm** rescales the numbers of each row to mean 0 and spread 1, so that a branch gets input of the same size however large the row has grown. With one in front of each branch, on five seeds, 64 blocks have 11 times the gradient of one, without shortcuts 1.6 times; dropping multiplies the 11 by 0.7. <!-- rests: shortcut-large-norm, drop-gradient-norm --> And where each branch ends with zeros at the start, 64 blocks hand the gradient on unchanged:

# %% tags=["deeper", "nbval-check-output"]
*_, normed = measure_first_block(gain=STARTS["2/n before the GELU, 1/n after it"],
                                 norm=True, seeds=(0, 1, 2, 3, 4))
claim("The larger start with a LayerNorm in front of each branch: with shortcuts the "
      "gradient neither vanishes nor explodes.", kind="measured",
      id="shortcut-large-norm", measured=normed.growth("shortcut"), holds=within(2),
      unit="powers of ten")
claim("The larger start with a LayerNorm, depth 64: with dropping the gradient is the "
      "same as without, within a factor of 3.", kind="measured",
      id="drop-gradient-norm", measured=normed.effect_of_dropping(),
      holds=within(0.48), unit="powers of ten")
for way in ("shortcut, dropping", "dropping, unscaled"):
    factor = 10 ** normed.effect_of_dropping(way).mean
    print(f"with a LayerNorm, {way}: {factor:.2g} times the norm without dropping")
lost = normed.growth("no shortcut").mean
print(f"with a LayerNorm, no shortcut: 10 to the power of {lost:.1f}, of depth 1")

# %% tags=["deeper", "nbval-check-output"]
stack = nn.Sequential(*[ResidualBlock(mlp_branch(8), 0.5) for _ in range(64)])
for block in stack:
    nn.init.zeros_(block.branch[-1].weight)
    nn.init.zeros_(block.branch[-1].bias)
rows, pull = torch.randn(5, 8, requires_grad=True), torch.randn(5, 8)
(stack(rows) * pull).sum().backward()
claim("Of 64 blocks that end with zeros, output and gradient are what went in.",
      measured=[(stack(rows) - rows).abs().max().item(),
                (rows.grad - pull).abs().max().item()], holds=equal([0, 0]))

# %% [markdown]
# And is the larger gradient only noise? The gradient of one draw of the masks is what it is on average, plus noise. We average it over 100 draws, 10 000 masks a block, and look at the loss besides. For linear blocks and a fixed pull at the end the mean would be the gradient without dropping, exactly.

# %% tags=["deeper", "nbval-check-output"]
from course_lib.experiments.stochastic_depth import mean_gradient

for way in mean_gradient.WAYS:  # measured before, and stored
    drawn = mean_gradient.of_draws(way)
    one, mean, loss = (10 ** drawn.ratio(*pair).mean for pair in (
        ("one", "always"), ("mean", "always"), ("loss_mean", "loss_always")))
    print(f"{way}: in units of no dropping, gradient of one draw {one:.2g}, "
          f"of the mean of 100 draws {mean:.2g}; loss {loss:.2g}")

# %% tags=["deeper", "nbval-check-output"]
drawn, drawn_large = (mean_gradient.of_draws(way) for way in (
    "torch's own start", "the larger one"))
claim("torch's start: the gradient averaged over 100 draws of the masks is as long as "
      "that of one draw, within a factor of 2.", kind="measured",
      id="mean-gradient-torch", measured=drawn.ratio("mean", "one"),
      holds=within(0.30), unit="powers of ten")
claim("The larger start: the gradient averaged over 100 draws of the masks is as long "
      "as that of one draw, within a factor of 2.", kind="measured",
      id="mean-gradient-large", measured=drawn_large.ratio("mean", "one"),
      holds=within(0.30), unit="powers of ten")
claim("The larger start: with dropping the loss is larger by more than a factor of 3.",
      kind="measured", id="loss-large", holds=above(0.48), unit="powers of ten",
      measured=drawn_large.ratio("loss_mean", "loss_always"))

# %% [markdown]
# It is not: the mean is as long as one draw. <!-- rests: mean-gradient-torch, mean-gradient-large --> A batch of 100 rows has 100 masks a block already. With the larger start the loss has grown about as much: both go through the same blocks. (One does not come from the other: of this loss, the cross-entropy, a row's gradient at the outputs is softmax minus target, never longer than $\sqrt2$.) With torch's it grows less than the gradient; why, we did not look into.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: and later in training?
#
# That was before training. In the twelve-block networks trained above, we noted the norm of the first block's gradient at every step. With $p_L = 0.5$ against 1, is it smaller over the first 20 steps, larger over the last 300, and is the training loss at the end larger too?

# %% tags=["deeper", "nbval-check-output"]
claim("In the first 20 steps the norm of the first block's gradient is smaller with "
      "p_L = 0.5 than with p_L = 1.", measured=trained.gradient("early", 0.5),
      kind="measured", id="first-block-early", holds=negative)
claim("In the second half of training the norm of the first block's gradient is larger "
      "with p_L = 0.5 than with p_L = 1.", measured=trained.gradient("late", 0.5),
      kind="measured", id="first-block-late", holds=positive)
claim("The training loss at the end, all blocks on, is larger with p_L = 0.5 than with "
      "p_L = 1.", measured=trained.gain("train_loss", 0.5),
      kind="measured", id="first-block-loss", holds=positive, unit="nats")

# %% [markdown]
# The paper, which does not divide, shows a larger gradient all through training, most of all late, in networks with a BatchNorm in each branch; those we did not try. Here it shows late, on fresh seeds, by 0.30, together with a training loss that is higher by 0.12; these twelve seeds leave both open. So it is no evidence by itself: a network that still makes more mistakes has larger gradients for that reason alone, whatever reaches which block.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Can it be cut shorter afterwards?
#
# While it learned, the network often had to do without some blocks. Can some go for good? We train the plain cell's network for 200 steps, twelve seeds, and leave out its last blocks.

# %%
predict("cut",
        "With all twelve blocks the network that dropped (p_L = 0.5) errs 17.3 %. Its "
        "last six are cut off. Its test error is then …",
        ["lower by more than 2 points", "the same within 2 points",
         "2 to 10 points higher", "more than 10 points higher"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.stochastic_depth.cut import cut_off

(*_, earlier), (*_, cut) = cut_off(steps=100), cut_off()
spared = cut.spared(6)
claim("With six of its twelve blocks cut off, the network that dropped has the test "
      "error that it had with all, within 2 points.", measured=spared, kind="measured",
      id="cut-six-spared", holds=within(0.02), unit="points", times=100)
# what the cut costs, always on minus dropped, seed by seed; where it is not shown to be
# above 0, it is not shown that dropping lets the half go
for steps_done, lengths in ((100, earlier), (200, cut)):
    claim(f"After {steps_done} steps the cut of six costs the network always on more "
          "test error than the one that dropped.", measured=lengths.costs_more(6),
          kind="measured", id=f"cut-cost-{steps_done}", holds=positive, unit="points",
          times=100)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("cut", from_interval={"lower by more than 2 points": below(-0.02)(spared),
                             "the same within 2 points": within(0.02)(spared),
                             "2 to 10 points higher": between(0.02, 0.10)(spared),
                             "more than 10 points higher": above(0.10)(spared)},
       because=f"cut minus whole: {100 * spared.mean:+.1f} points",
       rests="cut-six-spared")

# %% [markdown]
# And the network that was always on? Here is what each cut costs, after 100 steps, where that network errs least, and after 200.

# %%
explore.cut.still({100: earlier, 200: cut})

# %% [markdown]
# **The last half of the blocks can go, and the error stays**: with dropping 16.9 % in place of 17.3 %, the same within 2 points. <!-- rests: cut-six-spared --> The price is a higher test loss, 0.93 in place of 0.61: the right class gets less probability.
#
# Always on, the same cut costs 12 points after 100 steps and 7 after 200. So it is dropping that lets the half go. <!-- rests: cut-cost-100, cut-cost-200 --> Probably the blocks that stay are used to doing without later ones. Whether dropout inside does the same we did not try.
#
# The cut itself is one line. The plain cell's `model` is a linear layer, a ReLU, twelve blocks and the last layer, so six blocks are left in
#
# ```python
# short = nn.Sequential(*model[:8], model[-1]).eval()
# ```
#
# So on the digits one training serves several lengths, as far as the answers go. That shows what dropping does; nobody needs it here, where no block at all, tuned, has 10.3 % beside the half's 16.9 %. Where blocks pay we cut nothing.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the lengths, printed
#
# The errors behind the picture, each the mean of twelve seeds. (*LayerDrop*, Fan et al. 2020, cuts networks for texts so, by every other block. Of networks that were always on, *single* blocks can be taken out: Veit et al. 2016.)

# %% tags=["deeper", "nbval-check-output"]
for steps_done, lengths in ((200, cut), (100, earlier)):
    for k in (0, 3, 6, 9, 12):
        dropped, always = lengths.error[:, :, k].mean(0).tolist()
        nll_dropped, nll_always = lengths.nll[:, :, k].mean(0).tolist()
        print(f"{steps_done} steps, {k:2} blocks cut off: "
              f"error {dropped:.1%}, NLL {nll_dropped:.2f} with dropping, "
              f"error {always:.1%}, NLL {nll_always:.2f} always on")
    print(f"{steps_done} steps, six blocks trained as six: {lengths.alone.mean():.1%}")

# %% [markdown]
# After the cut, is the network that dropped ahead of the one always on? And is its half better than six blocks trained as six?

# %% tags=["deeper", "nbval-check-output"]
claim("With six of twelve blocks cut off, the network that dropped has a lower test "
      "error than the one always on.", measured=cut.difference(6), kind="measured",
      id="cut-six-dropping", holds=negative, unit="points", times=100)
claim("Cut to six blocks, the network that dropped has a lower test error than six "
      "blocks trained as six for as long.", measured=cut.against_alone(),
      kind="measured", id="cut-six-alone", holds=negative, unit="points", times=100)

# %% [markdown]
# It is ahead by 15 points after 200 steps, 16.9 % against 31.7 %; 7 of these were there before the cut. <!-- rests: cut-six-dropping --> And the half is better than six trained as long, which have 20.5 %. <!-- rests: cut-six-alone --> But that is late for six blocks: after 100 steps the six have 16.1 %, the half 16.8 % (not tested). The price: its NLL is 0.93 where the whole network has 0.61, and always on and uncut 0.95. We did not train the last layer again after the cut, which might mend the NLL.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# Why is it used, if it helped so little here? In the paper it takes 110 layers from 6.41 to 5.25 % errors on small photographs, in one run each; on large ones (ImageNet) it gained nothing. Swin, ConvNeXt and DeiT, networks for those, use it beside weight decay, without dropout (*Deeper: photographs*).
#
# A usual rate is 0.1; larger models mostly get more. Around each branch (timm's rule starts at 0, a small difference):
#
# ```python
# from timm.layers import DropPath
# drops = nn.ModuleList(DropPath(rate) for rate in torch.linspace(0, 0.1, 12).tolist())
# x = x + drop(branch(x))  # for each block, in a transformer for attention and for MLP
# ```

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: typical rates
#
# Typical drop rates of the last block, in image networks trained from scratch on ImageNet (*Sources*):
#
# | parameters, about | 28 million | 50 million | 88 million | 198 million |
# |---|---|---|---|---|
# | Swin-T, S, B | 0.2 | 0.3 | 0.5 | |
# | ConvNeXt-T, S, B, L | 0.1 | 0.4 | 0.5 | 0.5 |
# | DeiT-B | | | 0.1 | |
#
# On a set ten times as large as ImageNet, stochastic depth and dropout together mostly did harm (Steiner et al. 2022).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: linear, or the other way round?
#
# "Early blocks feed all others, so drop them least." Plausible; is it better? Compare the linear rule with its **reverse**: the same twelve probabilities, early blocks dropped most, and so the same expected depth and the same list of variances, though early noise goes through more blocks. (*Uniform* survival, also in the picture, has another noise: $b/p_l$ has variance $\frac{1-p_l}{p_l}$, and the linear rule at $p_L = 0$ multiplies block 11 by 12 when it is on.) We compare the NLL at $p_L = 0$, where 5.5 of 12 blocks are expected, eight seeds.

# %% tags=["deeper"]
predict("rules",
        "The linear rule against its reverse, both after 600 steps, over eight seeds: "
        "which has the lower NLL?",
        ["linear", "reversed", "too close to tell"])

# %% [markdown]
# **Do this**: with *test NLL*, move the step from 600 back to 100.  **Notice**: does the order of the three rules stay? (The dotted line marks the expected depth at the chosen $p_L$. The bands are of each rule alone, the caption's differences are paired by seed.)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.explorers import stochastic_depth as explore

explore.rules.show(last=0.0, figure="test NLL")

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.stochastic_depth.rules import compare_rules

*_, rules = compare_rules()
late = rules.difference("reversed", "nll", 0.0)
best = rules.difference("reversed", "nll", 0.0, stopped=True)
claim("After 600 steps, at 5.5 expected blocks, the linear rule has a lower test NLL "
      "than the reversed one.", measured=late, kind="measured",
      id="linear-reversed-late", holds=negative, unit="nats")
claim("Each at its best step, at 5.5 expected blocks, the linear rule has a lower test "
      "NLL than the reversed one.", measured=best, kind="measured",
      id="linear-reversed-best", holds=negative, unit="nats")

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
reveal("rules", from_interval={"linear": negative(late), "reversed": positive(late),
                               "too close to tell": negative(late) is None},
       because=f"after 600 steps, linear minus reversed: {late}; each at its best "
               f"step: {best}", rests="linear-reversed-late")

# %% [markdown]
# The order turns, on these eight seeds. After 100 steps the NLL is 0.78 with the linear rule, 0.79 with the uniform one and 0.88 with the reversed one. After 600 it is 1.10, 0.79 and 0.81: there, probably, whoever learns the wrong labels more slowly wins; we did not count them. Each at its best step, the linear rule is higher than the reversed one by 0.04: eight seeds could not tell that, twenty-four fresh ones did. So here the usual rule is not the better one after 600 steps, nor at its best. After 100 steps the reversed rule had the highest mean; that we did not test. The paper found it better than the uniform one, on images and with 54 convolutional blocks, whose early ones extract what all others need. A rule is a habit until it is measured where it is used. <!-- rests: not linear-reversed-late -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: what is drawn, and $2^L$ networks
#
# How *often* a row survives is a matter of chance, and a look at "about 0.7" proves little. A binomial test asks: how likely is a count at least as odd as this one, if the rate is what we say (the p-value)? We call a rate refused below one in a million.

# %% tags=["deeper", "nbval-check-output"]
from scipy.stats import binomtest

count = int(kept.sum())
claim("A binomial test does not refuse the survival rate 0.7, and refuses 0.68 and "
      "0.72.", kind="checked", false_alarm=1e-6,
      measured=[binomtest(count, len(kept), rate).pvalue
                for rate in (0.68, 0.70, 0.72)],
      holds=each(below(1e-6), above(1e-6), below(1e-6)))

# %% [markdown]
# Every mask is a network of its own, and evaluation with all blocks is their average, more or less. But the *depths* of these $2^L$ networks huddle together: independent blocks make the variance of the depth $\sum_l p_l(1-p_l)$.
# And where dropout shakes each number by itself, here all numbers of a row rise and fall together. Say the shortcut brings 1 too little, and a branch that is on half of the time should add it. When on, it is doubled. If it has learned 1, it adds 2 or 0: wrong by 1 either way. If it has learned ½, it adds 1 or 0: right half of the time. So it pays to add little. In general, in squared error and with nothing behind the branch: with a rest $r$ to the target and a branch $f$, the mean of $|r - \frac{b}{p_l} f|^2$ is $|r - f|^2 + \frac{1-p_l}{p_l}|f|^2$.

# %% tags=["deeper", "nbval-check-output"]
rest, f = torch.randn(2, 5, dtype=torch.float64, generator=seeded(5))
claim("A branch that is dropped costs (1 − p_l)/p_l times its squared length, in the "
      "mean over on and off of the squared error.",
      measured=[(p * (rest - f / p).square().sum() + (1 - p) * rest.square().sum()
                 - (rest - f).square().sum() - (1 - p) / p * f.square().sum()).item()
                for p in (0.5, 0.75, 0.96)],
      holds=within(1e-12))

# %% [markdown]
# And the depths:

# %% tags=["deeper", "nbval-check-output"]
spread = sum(p_l * (1 - p_l) for p_l in survivals) ** 0.5
reseed(2)
depths = sum(drop_path(torch.ones(20_000, 1), 1 - p_l).bool().double()
             for p_l in survivals)
claim("The depth of a 54-block network with p_L = 0.5 has standard deviation √Σp_l(1 − "
      "p_l), about 3 blocks.", measured=spread, holds=between(2.5, 3.5))
claim("That of 20 000 rows differs from it by less than 3 %.", kind="checked",
      measured=depths.std().item() / spread - 1, holds=within(0.03), false_alarm=2e-9)
of_ones = drop_path(torch.ones(100_000, 1, dtype=torch.float64), 0.3, generator=draw)
high, low = of_ones.max().item(), of_ones.min().item()
claim("The expectation is kept: of a 1 it makes two values, and weighted with 0.7 and "
      "0.3 they add up to 1.", measured=0.7 * high + 0.3 * low - 1, holds=within(1e-14))
claim("What drop_path makes of a 1 has variance p/(1 − p), as with dropout: both "
      "values, weighted with 0.7 and 0.3.",
      measured=0.7 * high**2 + 0.3 * low**2 - 1 - 0.3 / 0.7, holds=within(1e-14))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What it means
#
# | promised | what we saw |
# |---|---|
# | faster training | a shorter *step*, where branches are not computed |
# | fewer errors | on the digits fewer than the same blocks always on, more than without blocks; on both tasks *more* than with dropout inside, on the lines more than with weight decay <!-- rests: tuned-decays-error, not tuned-any-error, not tuned-dropout-error, not lines-stronger, not lines-dropout, not conv-decays-error, not conv-dropout-error --> |
# | gradients reach the first layers | before training the shortcuts had let them through <!-- rests: vanishes-torch, shortcut-torch, drop-gradient-torch --> |
# | *the fourth:* shorter afterwards | on the digits the last half could go, at the price of a higher loss <!-- rests: cut-six-spared --> |
#
# **Trained shorter than itself, our network did not err least; but on the digits its last half could then go without more wrong answers.** <!-- rests: not tuned-any-error, not lines-stronger, cut-six-spared -->
#
# **Tomorrow**, with a residual network, in this order:
#
# 1. Try fewer blocks, down to none: on the digits that erred less. <!-- rests: not tuned-any-error -->
# 2. Tune dropout inside the branches, which beat dropping in all three comparisons (in two only its linear rule), and weight decay, which did in two. <!-- rests: tuned-decays-error, not tuned-dropout-error, not lines-dropout, not lines-stronger, not conv-decays-error, not conv-dropout-error -->
# 3. Then add dropping, and keep it if validation errs less: what it adds to weight decay is open. <!-- rests: open lines-both -->
# 4. Drop if one training has to serve several lengths: seen on the digits, for the answers only. <!-- rests: cut-six-spared -->
# 5. For speed, really skip branches. Never drop without shortcuts.
#
# All this is from small networks; on the digits a fifth of the labels was wrong.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your turn
#
# Write it yourself: **`08_stochastic_depth_exercises.ipynb`**. Your `drop_path` can then draw the first picture of this lesson.

# %% [markdown] tags=["card"] slideshow={"slide_type": "slide"}
# ## To keep
#
# - **Formula**: $y = x + \frac{b}{p_l}f(x)$, $b = 1$ with probability $p_l = 1 - \frac lL(1-p_L)$, else 0; in evaluation $y = x + f(x)$. Expected depth: $\sum_l p_l$.
# - **PyTorch**: in `__init__` `self.drop = DropPath(rate)`, from `timm.layers`; in `forward` `x = x + self.drop(self.branch(x))`. For flat rows `self.drop = nn.Dropout(rate)`, and `x = x + self.drop(x.new_ones(len(x), 1)) * self.branch(x)`.
# - **Typical**: drop rates rising linearly to 0.1 or 0.2 (ConvNeXt, Swin, 28 million parameters), 0.1 to 0.5 (86 to 88 million).
# - **In short**: trained shorter than itself, our network did not err least; but on the digits its last half could then go without more wrong answers. <!-- rests: not tuned-any-error, not lines-stronger, cut-six-spared -->
# - **When**: for several lengths from one training (seen on the digits, for the answers only). For fewer errors, first tune the number of blocks, dropout inside and weight decay. Never without shortcuts. <!-- rests: cut-six-spared, not tuned-any-error, tuned-decays-error, not tuned-dropout-error, not lines-dropout, not conv-dropout-error, not lines-stronger, not conv-decays-error -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Sources
#
# Huang, Sun, Liu, Sedra & Weinberger, *Deep Networks with Stochastic Depth*, ECCV 2016 (arXiv:1603.09382): the method, the linear rule, its three benefits. On CIFAR-100 it has 24.98 % with dropping; always on its text says 27.22 %, its table 27.76 %. (Others quote it with 24.58 %, and 5.23 % in place of 5.25 % on CIFAR-10.) The networks of 110 layers were trained for 500 passes over CIFAR-10, those of 1202 for 300. Larsson, Maire & Shakhnarovich, *FractalNet*, ICLR 2017 (arXiv:1605.07648): there "drop-path" drops what comes into a join of several paths; timm borrowed the name.
# He, Zhang, Ren & Sun, *Deep Residual Learning for Image Recognition*, CVPR 2016 (arXiv:1512.03385): residual blocks; in its Table 6 20 layers err 8.75 % on CIFAR-10, 110 layers 6.61 %; *Delving Deep into Rectifiers*, ICCV 2015 (arXiv:1502.01852): the start 2/n; *Identity Mappings in Deep Residual Networks*, ECCV 2016 (arXiv:1603.05027): the gradient at the end reaches every block as it is, plus a term for the branches in between (block by block: the product of $I + f'$, a matrix where we had 1.2); networks of 164 and 1001 layers. Zagoruyko & Komodakis, *Wide Residual Networks*, BMVC 2016 (arXiv:1605.07146): fewer, wider layers, and dropout between the convolutions of a branch; the figures are those of the table in its repository. Bello et al., *Revisiting ResNets*, NeurIPS 2021 (arXiv:2103.07579): a ResNet-200 on ImageNet, each method added to those before it; the figures are those of its table as copied in the documentation of keras_cv_attention_models. Goyal et al., *Accurate, Large Minibatch SGD*, 2017 (arXiv:1706.02677), and Zhang, Dauphin & Ma, *Fixup Initialization*, ICLR 2019 (arXiv:1901.09321): residuals that start at zero.
# Veit, Wilber & Belongie, *Residual Networks Behave Like Ensembles of Relatively Shallow Networks*, NeurIPS 2016 (arXiv:1605.06431): the $2^L$ networks; single blocks deleted from networks that were always on. Fan, Grave & Joulin, *Reducing Transformer Depth on Demand with Structured Dropout*, ICLR 2020 (arXiv:1909.11556): of a network trained so, whole blocks may be cut off afterwards.
# Touvron et al., *Training data-efficient image transformers* (DeiT), ICML 2021 (arXiv:2012.12877): without stochastic depth it got fewer than 5 % of the images right in place of 81.8 %, and a note below that table says that this run did not train well, possibly since nothing else was adapted: no measure of what the method is worth. Its DeiT-B has a drop rate of 0.1; Liu et al., *Swin Transformer*, ICCV 2021 (arXiv:2103.14030), and *A ConvNet for the 2020s*, CVPR 2022 (arXiv:2201.03545): its use today. Oquab et al., *DINOv2*, 2023 (arXiv:2304.07193): branches computed for some rows only. Steiner et al., *How to train your ViT?*, TMLR 2022 (arXiv:2106.10270): image transformers with dropout and stochastic depth, and augmentation, in many mixtures: these helped on ImageNet, and most did harm on a set ten times as large.
# Greydanus & Kobak, *Scaling down deep learning with MNIST-1D*, ICML 2024 (arXiv:2011.14439): the lines of numbers.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Test yourself, and teach it
#
# What one can explain in two minutes one has understood. Do it aloud, to a friend, a pet, or the wall; where you get stuck is where to read again.
#
# **Teach it to** somebody who pays for the training of a very deep network. *Draw* twelve blocks in a row with their shortcuts, the chance to survive written on each, and a pencil line through those that one row leaves out. *Disarm* the sentence "the block is dropped, shortcut and all". *And ask back:* How deep is the network on average, and does it save as much time?
#
# Below: the questions of this lesson, some about *Deeper*, and its cards, which come back after 1, 3 and 7 days.

# %% slideshow={"slide_type": "skip"}
from course_lib.notebook import quiz_of, recall

quiz_of("stochastic_depth")

# %% slideshow={"slide_type": "skip"}
recall("stochastic_depth")
