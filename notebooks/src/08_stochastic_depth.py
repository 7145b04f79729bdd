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
# A deep residual network is a stack of blocks, each of which adds something to what it is given: $x + f(x)$. **Stochastic depth** leaves out whole blocks at random while the network learns; when it is used, all of them work.
# Three benefits are claimed for it: training gets faster, the network errs less on new data, and gradients reach the first layers more easily. We shall measure all three, each against its strongest opponent.
#
# *55 minutes; sections called* Deeper *are folded, and extra. You need to know what dropout does (lesson 06): it sets single numbers to zero in training. Here whole blocks go.*

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import (above, below, between, claim, each, equal,
                                     negative, positive, predict, quiz, reveal, setup,
                                     show_source, within)
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None

import torch

from course_lib.base.random import reseed, seeded
from course_lib.stochastic_depth import (DropPath, ResidualBlock, drop_path, mlp_branch,
                                         survival_probabilities)

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Who is on?
#
# First a look at what happens. Twelve **residual blocks**, each $x + f(x)$, are stacked, and a batch of twenty rows (examples) climbs through them from below. A coloured cell: the row goes through that block's branch $f$. An empty one: it takes the shortcut around it.
# $p_L$ is the probability that the *last* block, number 12, is on. On the right, sixty batches of ones were sent through the dropping: a dot is the share of rows that a block kept, a cross the mean of what came out.
#
# **Do this**: move $p_L$ from 0.5 to 0.1, then let the whole batch decide as one.  **Notice**: which blocks are off most often? What do the crosses do, and when do they scatter?

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import stochastic_depth as explore

explore.who_is_on.show()

# %% [markdown]
# Late blocks go most often, and the crosses stay near 1: *on average* a block hands on what it was given. They scatter more when a batch decides as one, since sixty batches are then only sixty decisions.
#
# A warning about letters. Papers write $p_l$ for the probability that block $l$ **survives**; code writes `p` for the probability of being **dropped**. We do the same: $p_l$ with an index survives, and `p` $= 1 - p_l$ drops.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## By hand
#
# How can a row be dropped, and the average stay as it was? Take two rows and `p = 0.5`. Each row becomes zero or is doubled, so there are four possible results, equally likely. Write them down. What is their mean?

# %%
by_hand, draw = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), seeded(0)
for _ in range(4):
    print(drop_path(by_hand, 0.5, generator=draw).tolist())

# %% [markdown]
# These are four draws. Over the four possible results each number is 0 half of the time and twice itself the other half, so the mean is what went in. In general a row $x$ becomes $\frac{x}{1-p}$ with probability $1-p$, else 0, and $(1-p)\cdot\frac{x}{1-p} + p\cdot 0 = x$. The function, as it trains in this course:

# %%
show_source(drop_path)

# %% [markdown]
# The last three lines do it. `shape` is `[rows, 1, …, 1]`: **one** random number for a whole row, where dropout draws one for every element.

# %% tags=["nbval-check-output"]
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

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In plain PyTorch
#
# The whole method in one cell that you can take with you. A network of twelve blocks learns 300 digits of 8×8 pixels, **a fifth of them wrongly labelled**, so that there is something harmful to learn; the test labels are right. Dropping a row is dropout on a single number a row: `nn.Dropout` makes of a 1 either 0 or $\frac{1}{1-p}$, and leaves it alone after `.eval()`.

# %% tags=["plain"]
import torch
from torch import nn

from course_lib.data import digits

class Block(nn.Sequential):  # of two: a Dropout, and the branch
    def forward(self, x):
        return x + self[0](torch.ones(len(x), 1)) * self[1](x)

data = digits(300, label_noise=0.2, scale="unit")
for last in (0.0, 1.0):  # drop rate of the last block; those before rise to it
    torch.manual_seed(0)
    blocks = [Block(nn.Dropout(last * number / 12), nn.Sequential(
        nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 32))) for number in range(1, 13)]
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
    test = nn.functional.cross_entropy(model(data.test_x), data.test_y)
    print(f"drop rates up to {last}: loss {loss:.2f} in training, {test:.2f} in test")

# %% [markdown]
# One seed, two settings, twenty lines. The network whose blocks are dropped has a higher loss in training, where it learns the wrong labels more slowly, and a lower one in test. Luck? And is it the dropping, or only the slowness? Both questions come back below, over seeds. First, why is the shortcut left alone?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The branch, not the shortcut
#
# In a block the branch is dropped and the shortcut stays. With $b = 1$ with probability $p_l$, else 0:
#
# $$y = x + \frac{b}{p_l}\,f(x)$$

# %%
predict("shortcut",
        "Someone drops the block's whole output, shortcut included, in twelve blocks "
        "with survival 0.96, 0.92, … 0.5. How many rows come through all of them?",
        ["fewer than 1 in 50", "about 1 in 4", "about half", "nearly all"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
of_twelve, outputs = survival_probabilities(12, 0.5), torch.ones(100_000, 1)
for survival in of_twelve:
    # all that a block puts out
    outputs = drop_path(outputs, 1 - survival, generator=draw)
through = (outputs != 0).double().mean().item()
product = torch.tensor(of_twelve).double().prod().item()
claim("With the shortcut dropped too, a share p_1·p_2·…·p_12 of the rows is left: "
      "fewer than 1 in 50.", measured=product, holds=below(1 / 50))
claim("Of 100 000 rows, the share that came through differs from it by less than "
      "0.002.",
      measured=through - product, holds=within(0.002), kind="checked", false_alarm=6e-8)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("shortcut", "fewer than 1 in 50",
       because=f"the product is {product:.4f}; with the shortcut in place every row "
               "comes through")

# %%
show_source(ResidualBlock)

# %% [markdown]
# `DropPath` is `drop_path` as a layer, and any module that keeps the shape can be a branch. Read `forward`: in mode `"row"` some rows need the branch and some do not, so it is computed for all and masked. In mode `"batch"` one decision comes first, and **a branch that is off is not called at all**: no forward, no backward, no update. So far: drop the branch, keep the shortcut, and every row comes through.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a block that is never on
#
# `if self.survival == 0` is not only for speed. A branch that was never on was never trained. `DropPath(p=1)`, being the identity in evaluation, would add its random output at test time.

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
# Early blocks feed all others, so the usual rule drops them least, on a straight line down to the last block's $p_L$. With $L = 12$ blocks and $p_L = 0.5$ it begins $p_1 = 0.96$, $p_2 = 0.92$; in general
#
# $$p_l = 1 - \frac{l}{L}\,(1 - p_L) \qquad l = 1, \dots, L.$$
#
# `survival_probabilities(L, p_L)` lists them. The paper's network of 110 layers has 54 blocks, and $p_L = 0.5$.

# %%
predict("depth", "How many of the 54 blocks are computed for a batch, on average?",
        ["27", "40.25", "40.5", "47"])

# %% [markdown]
# Each block adds its own probability: the **expected depth** is $\sum_l p_l = L - (1-p_L)\frac{L+1}{2}$, as $\sum_l l = \frac{L(L+1)}{2}$. For $p_L = 0.5$ that is $\frac{3L-1}{4}$. Do not believe it, count:

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.stochastic_depth.steps import Count, residual_network

survivals = survival_probabilities(54, 0.5)
network, blocks = residual_network(survivals, width=2, generator=seeded(0))
counted = Count(blocks)  # adds one whenever a branch is really computed
for _ in range(400):
    network(torch.randn(3, 64))
# of the mean of 400 batches
deviation = (sum(p * (1 - p) for p in survivals) / 400) ** 0.5
claim("The linear rule with p_L = 0.5 expects (3L − 1)/4 blocks: 40.25 of 54.",
      measured=sum(survivals) - (3 * 54 - 1) / 4, holds=within(1e-12))
claim("The branches computed in 400 batches agree, within five standard deviations.",
      measured=(counted.calls / 400 - 40.25) / deviation, holds=within(5),
      kind="checked", false_alarm=6e-7)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("depth", "40.25",
       because="27 would be the uniform rule; 40.5 is another linear rule (*Deeper*)")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: two linear rules
#
# Much code computes the drop rates as `torch.linspace(0, rate, L)`, as timm does. That is another rule: it starts at *zero*.
# Its first block always survives, while the formula gives it $1 - \frac1L(1-p_L)$. The difference is small; where you compare results to a percent, say which one you used.

# %% tags=["deeper", "nbval-check-output"]
linspace = 1 - torch.linspace(0, 0.5, 54, dtype=torch.float64)
claim("The two rules differ: the first block survives with 1 instead of 1 − (1 − "
      "p_L)/L, the expected depth is larger by (1 − p_L)/2.",
      measured=[linspace[0].item() - 1, survivals[0] - (1 - 0.5 / 54),
                linspace.sum().item() - sum(survivals) - 0.25],
      holds=within(1e-12))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Is scaling unnecessary?
#
# A block that was on in half of the batches, and is on in every evaluation, contributes twice as much as the later layers are used to. There are two ways to make up for that:
#
# - divide the branch by $p_l$ in **training** (timm, torchvision, `drop_path` above);
# - multiply it by $p_l$ in **evaluation** (the original paper).
#
# One can read that evaluation needs no scaling. Is that so? Four blocks have $2^4$ possible masks: few enough to take all of them, each with its probability, and to compare the mean training output with what evaluation gives.

# %%
# blocks z + factor·W·z, any factors
from course_lib.experiments.stochastic_depth.exact_mean import (
    mean_over_masks, run_blocks)

reseed(1)
weights = 0.5 * torch.randn(4, 3, 3, dtype=torch.float64)
start = torch.randn(3, dtype=torch.float64)
of_four = survival_probabilities(4, 0.3)
ones, rescaled = [1.0] * 4, [1 / p for p in of_four]


def mismatch(in_training, in_evaluation):
    """How far evaluation is from the mean of training, relative to the latter; both get
    the factors of the branches."""
    mean = mean_over_masks(start, weights, of_four, in_training)
    gap = run_blocks(start, weights, in_evaluation) - mean
    return (gap.norm() / mean.norm()).item()


# %% tags=["nbval-check-output"]
claim("For linear blocks, dividing in training and multiplying in evaluation both make "
      "evaluation the mean of training.",
      measured=[mismatch(rescaled, ones), mismatch(ones, of_four)], holds=below(1e-12))
claim("Doing neither leaves evaluation of this network off by more than half the "
      "output's own size.", measured=mismatch(ones, ones), holds=above(0.5),
      kind="checked")

# %% [markdown]
# So evaluation needs no scaling *because* training has done it already. Do neither, and you evaluate a network that was never trained.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## First benefit: does it save time?
#
# The network of the plain cell; a training loop that really skips, one decision a batch, runs for twenty rounds on this machine, just now, with $p_L = 0.5$ and with all blocks. Time is *proportional* if a step's relative time differs from the share of blocks computed by less than 0.10; we ask this for blocks of width 256, too.

# %%
predict("time", "p_L = 0.5: 73 % of the blocks are computed. A training step takes …",
        ["less than 70 % of the time", "70 to 76 %",
         "more than 76 %, yet less than all",
         "as long as before"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.stochastic_depth.steps import time_shorter

*_, steps = time_shorter()  # also what the next picture is drawn from
*_, wide = time_shorter(last=(0.5, 1.0), width=256, rounds=10, steps=4)
relative = steps.time(0.5)
claim("With p_L = 0.5 a training step takes less time than with all blocks (relative "
      "time below 1).", measured=relative, kind="timed", holds=below(1))
claim("Width 32: the time is proportional to the blocks computed (relative time minus "
      "share).", measured=steps.excess(0.5), kind="timed", holds=within(0.10))
claim("Width 256: the time is proportional to the blocks computed (relative time minus "
      "share).", measured=wide.excess(0.5), kind="timed", holds=within(0.10))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("time", from_interval={"less than 70 % of the time": below(0.70)(relative),
                              "70 to 76 %": between(0.70, 0.76)(relative),
                              "more than 76 %, yet less than all":
                                  between(0.76, 1)(relative),
                              "as long as before": above(1)(relative)},
       because=f"measured {relative.mean:.0%}: the first and last layer, the loss and "
               "the loop's own work do not shrink")

# %% [markdown]
# The more of the work is done in the blocks, the more can be saved; the intervals are over rounds on one machine, and yours may decide otherwise. But does *every* implementation save it? timm's `DropPath`, torchvision's `stochastic_depth` and our plain cell are handed a branch that has been computed already, and multiply it by zero. Count:

# %% tags=["nbval-check-output"]
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

# %% [markdown]
# Time is saved where a whole batch skips a block, and nowhere else. (Below, where many networks are trained at once, branches are masked, too: only the clock needs real skipping.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Second benefit: does it err less?
#
# Now the plain cell's network at four settings and twelve seeds, at once: each seed has another split of the 1797 images, start, batch order and masks. Two figures on right test labels, because they can disagree: the **error**, the share of wrong answers, and the **NLL**, the mean negative log likelihood (the cross entropy), which also punishes being sure and wrong.
# We ask first after 600 steps, which is late: time enough to learn wrong labels by heart. A figure is *lower*, as on the [first page](index.ipynb), if all of the 95 % interval of the difference, paired by seed, lies below 0.

# %%
predict("error",
        "After 600 steps, the test error with p_L = 0 against that with p_L = 1 is …",
        ["lower", "higher", "too close to tell"])

# %% [markdown]
# *Left:* one batch's network; filled blocks are on, the line is the way through, or around. *Middle:* the time of a step, as above. *Right:* mean and 95 % interval at each $p_L$.
#
# **Do this**: move the step from 600 back to 100, then choose *test error* and do it again.  **Notice**: at which step is each $p_L$ at its best, and how far apart are the best values?

# %% jupyter={"outputs_hidden": true} tags=["timing"]
from course_lib.explorers import stochastic_depth as explore

explore.shorter.show(figure="test NLL")

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.stochastic_depth.training import train_shorter

*_, trained = train_shorter()  # the networks of the picture, not trained again
nll, error = trained.gain("nll", 0.0), trained.gain("error", 0.0)
claim("After 600 steps, the test NLL with p_L = 0 is lower than with p_L = 1 "
      "(difference).", measured=nll, kind="measured", id="drop-late-nll-0",
      holds=negative)
claim("After 600 steps, the test error with p_L = 0 is lower than with p_L = 1 "
      "(difference).", measured=error, kind="measured", id="drop-late-error-0",
      holds=negative)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("error", from_interval={"lower": negative(error), "higher": positive(error)},
       because=f"error {error}, NLL {nll}", rests="drop-late-error-0")

# %% [markdown]
# After 600 steps dropping helps a lot. But the picture showed why: with all blocks on, the network is at its best after some 75 steps and then learns the wrong labels; dropping slows that down. A network that is judged too late is improved by anything that slows it, and early stopping does so for nothing. What is left when both stop in time?

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Each at its best
#
# At $p_L = 0$ a row passes 5.5 of the 12 blocks on average. So a sceptic has two opponents for it: the same twelve blocks, all on, stopped in time; and *fewer* blocks, as many as are best. Each side gets the same budget: nine settings of strength and learning rate, nine looks at each, chosen by validation rows on four pilot seeds that nothing else uses.
#
# | side | settings tried | lowest NLL, frozen | lowest error, frozen |
# |---|---|---|---|
# | dropping, 12 blocks | $p_L$ 0, 0.4, 0.8 × rate 0.001, 0.002, 0.004 | $p_L$ 0, rate 0.002, step 150 | $p_L$ 0, rate 0.004, step 150 |
# | always on, any depth | 2, 6, 12 blocks × the same rates | 1 block, rate 0.002, step 150 | 1 block, rate 0.002, step 150 |
# | always on, 12 blocks | those of them with 12 | rate 0.002, step 75 | rate 0.002, step 75 |
#
# (The best rate or depth of a side was the grid's last one, so each grid was widened once: a rate of 0.008 for dropping, one block and a rate of 0.0005 for always on.) The validation rows had a fifth of their labels wrong, as a real project's would. Only what was frozen is now tested, on right labels and 32 other seeds.

# %%
predict("control",
        "The best network that drops blocks, against the best that does not, of any "
        "depth: the test error of the dropping one is …",
        ["lower", "higher", "too close to tell"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.stochastic_depth.tuned import compare

same, fewer = compare(blocks=12), compare()
for figure, name in (("nll", "NLL"), ("error", "error")):
    claim(f"Each at its best, dropping has a lower test {name} than the same twelve "
          "blocks always on (difference).", measured=same[figure],
          kind="measured", id=f"tuned-twelve-{figure}", holds=negative)
    claim(f"Each at its best, dropping has a lower test {name} than always-on "
          "blocks, as many as are best (difference).", measured=fewer[figure],
          kind="measured", id=f"tuned-any-{figure}", holds=negative)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("control", from_interval={"lower": negative(fewer["error"]),
                                 "higher": positive(fewer["error"])},
       because=f"dropping minus always on: {fewer['error']}; against twelve blocks: "
               f"{same['error']}", rests="tuned-any-error")

# %% [markdown]
# So dropping does help twelve blocks to *err* less, even when both sides are tuned and stop in time; in NLL, seeds that nobody had looked at leave it undecided. And **a single block that is always on does better in both**: these digits never needed twelve, and dropping made up for part of a depth that was not wanted. <!-- rests: tuned-twelve-error, open tuned-twelve-nll, not tuned-any-error, not tuned-any-nll -->
#
# Twelve blocks and a minute are no test of a hundred layers: there, on CIFAR-10, with $p_L = 0.5$ and 500 epochs, the paper's error went from 6.4 % to about 5.2 %. What carries over is the question: *against a shorter network, and one stopped in time?*

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: what the pilot saw, and a line of it again
#
# The sweep is stored; each line is a setting, with its lowest validation NLL and error. Any of them can be run again, in some seconds:

# %% tags=["deeper"]
from course_lib.experiments.stochastic_depth import tuned

for line in tuned.sweep():
    print(f"{line.arm:>10}: {line.blocks:2} blocks, p_L {line.last}, "
          f"rate {line.lr:<6}: "
          f"NLL {min(line.nll):.3f}, error {min(line.error):.3f}")
again = tuned.pilot(tuned.Contestant(blocks=1, last=1.0, lr=2e-3))
print(f"one block at 0.002, run again: NLL {min(again.nll):.3f}, "
      f"error {min(again.error):.3f}")

# %% [markdown]
# Neighbouring lines differ by less than four seeds can tell, so the choice is partly luck, for both sides alike. That is why it is made on other seeds than the verdict.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: other labels, other branches
#
# Does it hang on the setting? Three changes, eight seeds each, $p_L = 0.5$ against 1: a thousand digits with right labels, after 600 steps; a LayerNorm in front of each branch, as in transformers; and branches whose last layer starts at zero, so that every block begins as its shortcut (**zero-init residuals**: Goyal et al. 2017 do it by the γ of the last norm, Zhang, Dauphin & Ma 2019 without any norm). The last two each at its best of the looks up to step 200, a peek at the test rows that both sides have.

# %% tags=["deeper", "nbval-check-output"]
seeds = tuple(range(8))
settings = {
    "clean": ("right labels and 1000 digits", {"rows": 1000, "noise": 0.0}),
    "norm": ("LayerNorm in each branch", {"norm": True, "steps": 200}),
    "zero": ("branches that start at zero", {"from_zero": True, "steps": 200}),
}
for key, (setting, options) in settings.items():
    *_, found = train_shorter(last=(0.5, 1.0), seeds=seeds, watch=False, **options)
    for figure, name in (("nll", "NLL"), ("error", "error")):
        claim(f"With {setting}, dropping lowers the test {name} (difference).",
              kind="measured", id=f"drop-{key}-{figure}", holds=negative,
              measured=found.gain(figure, 0.5, stopped=key != "clean"))

# %% [markdown]
# Hold these sizes beside those above: a result about stochastic depth that does not say *on what labels* and *in which block* says little. A regularizer can only help where there is something to regularize; elsewhere a network that is shorter while it learns may simply learn less.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: linear, or the other way round?
#
# "Early blocks feed all others, so drop them least." Plausible; is it better? Compare the linear rule with its **reverse**: the same twelve probabilities, early blocks dropped most, and so the same expected depth and the same noise. (*Uniform* survival, also in the picture, has another noise: $b/p_l$ has variance $\frac{1-p_l}{p_l}$, and the linear rule at $p_L = 0$ multiplies block 11 by 12 when it is on.) We compare the NLL at $p_L = 0$, where 5.5 of 12 blocks are expected, eight seeds.

# %% tags=["deeper"]
predict("rules",
        "The linear rule against its reverse, each at its best step: which has the "
        "lower NLL?",
        ["linear", "reversed", "too close to tell"])

# %% [markdown]
# **Do this**: with *test NLL*, move the step from 600 back to 100.  **Notice**: does the order of the three rules stay?

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.explorers import stochastic_depth as explore

explore.rules.show(last=0.0, figure="test NLL")

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.stochastic_depth.rules import compare_rules

*_, rules = compare_rules()
late = rules.difference("reversed", "nll", 0.0)
best = rules.difference("reversed", "nll", 0.0, stopped=True)
claim("After 600 steps, at 5.5 expected blocks, the linear rule has a lower test NLL "
      "than the reversed one (difference).", measured=late,
      kind="measured", id="linear-reversed-late", holds=negative)
claim("Each at its best step, at 5.5 expected blocks, the linear rule has a lower test "
      "NLL than the reversed one (difference).", measured=best,
      kind="measured", id="linear-reversed-best", holds=negative)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
reveal("rules", from_interval={"linear": negative(best), "reversed": positive(best)},
       because=f"linear minus reversed: {best}", rests="linear-reversed-best")

# %% [markdown]
# After 600 steps whoever learns the wrong labels more slowly wins, so look at the best step before you praise a rule. The paper found the linear rule better than the uniform one, on images and with 54 convolutional blocks, whose early ones extract what all others need. A rule is a habit until it is measured where it is used.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Third benefit: does it let the gradient through?
#
# The paper's argument: a shorter network passes more gradient to its first layers. Look at the norm of the first block's gradient in *untrained* networks, on 100 digits, ten seeds. At depth 64 it has **vanished** if it is less than a hundredth, **exploded** if it is more than a hundred times what it is at depth 1. Dropping *matters* if at depth 64 and $p_L = 0.5$ it changes the norm by more than a factor of 3.
#
# How large the weights are at the start decides much. torch draws the weights of a layer with $n$ inputs with variance $\frac{1}{3n}$. A start that keeps the size of what passes through a branch is larger: about $\frac2n$ for the layer before the GELU, which lets half of it through (He et al. 2015, for ReLU), and $\frac1n$ for the one after it.

# %%
predict("gradient",
        "64 residual blocks, torch's own start. With dropping, the gradient's norm at "
        "the first block is …",
        ["more than 3 times as large", "the same within a factor of 3",
         "less than a third"])

# %% [markdown]
# **Do this**: move $p_L$ from 0.5 to 1 and back; then choose the larger start.  **Notice**: which of the two lines with shortcuts lies higher, and what does a start do to all three?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import stochastic_depth as explore

explore.first_block.show()

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.stochastic_depth.first_block import (
    STARTS, measure_first_block)

*_, first = measure_first_block()
effect = first.effect_of_dropping()
claim("torch's start: without shortcuts the gradient vanishes (in powers of ten: below "
      "−2).", kind="measured", id="vanishes-torch",
      measured=first.growth("no shortcut"), holds=below(-2))
claim("torch's start: with shortcuts it neither vanishes nor explodes (within ±2).",
      kind="measured", id="shortcut-torch", measured=first.growth("shortcut"),
      holds=within(2))
claim("torch's start: dropping does not matter (within ±0.48, a factor of 3).",
      kind="measured", id="drop-gradient-torch", measured=effect, holds=within(0.48))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("gradient",
       from_interval={"more than 3 times as large": above(0.48)(effect),
                      "the same within a factor of 3": within(0.48)(effect),
                      "less than a third": below(-0.48)(effect)},
       because=f"dropping multiplies it by {10**effect.mean:.2g}",
       rests="drop-gradient-torch")

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
*_, large = measure_first_block(gain=STARTS["2/n before the GELU, 1/n after it"])
claim("The larger start: dropping makes the norm larger by more than a factor of 3 "
      "(above 0.48).", kind="measured", id="drop-gradient-large",
      measured=large.effect_of_dropping(), holds=above(0.48))

# %% [markdown]
# On its way back the gradient is multiplied by one matrix a block: by $f'$ without shortcuts, by $I + f'$ with them. The $I$ lets it through even where $f'$ is small; where $f'$ is large the product grows instead, and dropping, which divides $f'$ by $p_l$ whenever the block is on, does not tame it. So gradients reach early layers thanks to the shortcuts and a sensible start, not thanks to the dropping.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the larger start, and two cures for the growth
#
# With the start that keeps the size of what passes through a *branch*, the sum of shortcut and branch grows from block to block, and the gradient with it. A LayerNorm in front of each branch divides by what has grown. And where each branch ends with zeros at the start, 64 blocks hand the gradient on unchanged:

# %% tags=["deeper", "nbval-check-output"]
claim("The larger start, 2/n and then 1/n: without shortcuts the gradient vanishes "
      "(below −2).", kind="measured", id="vanishes-large",
      measured=large.growth("no shortcut"), holds=below(-2))
claim("The larger start: with shortcuts it explodes (above 2).",
      kind="measured", id="shortcut-large", measured=large.growth("shortcut"),
      holds=above(2))
*_, normed = measure_first_block(gain=STARTS["2/n before the GELU, 1/n after it"],
                                 norm=True, seeds=(0, 1, 2, 3, 4))
claim("The larger start with a LayerNorm in front of each branch: with shortcuts the "
      "gradient neither vanishes nor explodes (within ±2).", kind="measured",
      id="shortcut-large-norm", measured=normed.growth("shortcut"), holds=within(2))
stack = nn.Sequential(*[ResidualBlock(mlp_branch(8), 0.5) for _ in range(64)])
for block in stack:
    nn.init.zeros_(block.branch[-1].weight)
    nn.init.zeros_(block.branch[-1].bias)
rows, pull = torch.randn(5, 8, requires_grad=True), torch.randn(5, 8)
(stack(rows) * pull).sum().backward()
claim("Of 64 blocks that end with zeros, output and gradient are what went in.",
      measured=[(stack(rows) - rows).abs().max().item(),
                (rows.grad - pull).abs().max().item()], holds=equal([0, 0]))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: and later in training?
#
# That was before training. In the twelve-block networks trained above, we noted the norm of the first block's gradient at every step. With $p_L = 0.5$ against 1, is it smaller over the first 20 steps, larger over the last 300, and is the training loss at the end larger too?

# %% tags=["deeper", "nbval-check-output"]
claim("In the first 20 steps the first block's gradient is smaller with p_L = 0.5 than "
      "with p_L = 1 (difference).", measured=trained.gradient("early", 0.5),
      kind="measured", id="first-block-early", holds=negative)
claim("In the second half of training it is larger (difference).",
      measured=trained.gradient("late", 0.5),
      kind="measured", id="first-block-late", holds=positive)
claim("The training loss at the end, all blocks on, is larger too (difference).",
      measured=trained.gain("train_loss", 0.5),
      kind="measured", id="first-block-loss", holds=positive)

# %% [markdown]
# The paper shows a larger gradient late in training. Even where that shows (look at the verdict), it is no evidence by itself: a network that still makes more mistakes has larger gradients for that reason alone, whatever reaches which block.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: skipping is not masking, once the optimizer remembers
#
# A masked branch has a gradient of zero. A skipped one has *none*: `zero_grad()` sets `.grad` to `None`, the optimizer passes the parameter over, and so its momentum rests and its weight decay pauses.
# Under plain SGD (no momentum, no decay) a step with gradient zero is no step, and both give the same weights. Under Adam the masked branch glides on.

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
# The same holds for anything else that a module updates on its way: a BatchNorm in a skipped branch keeps its running statistics. And training on several machines has to be told that some parameters get no gradient (`find_unused_parameters=True` in torch's `DistributedDataParallel`).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: how often a row survives
#
# The two values are exact; how *often* each comes is a matter of chance, and a look at "about 0.7" proves little. The right tool is a binomial test: how likely is a count at least as odd as this one, if the rate is what we say (the p-value)?
# We call a rate refused below one in a million.

# %% tags=["deeper", "nbval-check-output"]
from scipy.stats import binomtest

count = int(kept.sum())
claim("A binomial test does not refuse the survival rate 0.7, and refuses 0.68 and "
      "0.72.", kind="checked", false_alarm=1e-6,
      measured=[binomtest(count, len(kept), rate).pvalue
                for rate in (0.68, 0.70, 0.72)],
      holds=each(below(1e-6), above(1e-6), below(1e-6)))

# %% [markdown]
# The libraries draw in the same way. Here is what `torchvision.ops.stochastic_depth` does, written out; from one state of the random numbers both give the same rows.

# %% tags=["deeper"]
def as_torchvision(x, p, mode):
    noise = torch.empty([len(x) if mode == "row" else 1] + [1] * (x.ndim - 1),
                        dtype=x.dtype).bernoulli_(1 - p)
    return x * (noise / (1 - p) if p < 1 else noise)


def seeded_alike(function, *arguments):
    with torch.random.fork_rng():
        reseed(3)
        return function(*arguments)


# %% tags=["deeper", "nbval-check-output"]
images = torch.randn(5, 3, 8, 8)
cases = [(images, p, mode) for p in (0.3, 0.7, 1.0) for mode in ("row", "batch")]
claim("drop_path agrees with torchvision's semantics "
      "bit for bit, row by row and by batch.",
      measured=[(seeded_alike(drop_path, *case)
                 - seeded_alike(as_torchvision, *case)).abs().max().item()
                for case in cases],
      holds=equal([0] * 6))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: an ensemble of $2^L$ networks, most of them alike
#
# Every mask is a network of its own, and evaluation with all blocks is their average, more or less. But the *depths* of these $2^L$ networks huddle together: independent blocks make the variance of the depth $\sum_l p_l(1-p_l)$.
# And where dropout shakes each number by itself, here all numbers of a row rise and fall together.

# %% tags=["deeper", "nbval-check-output"]
spread = sum(p * (1 - p) for p in survivals) ** 0.5
reseed(2)
depths = sum(drop_path(torch.ones(20_000, 1), 1 - p).bool().double() for p in survivals)
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
# ## In production
#
# The line to write is one `DropPath` around each branch, never around the sum. With timm it is `from timm.layers import DropPath` (not `timm.models.layers`, its old place), with torchvision `torchvision.ops.StochasticDepth(p, mode="row")`; ours takes their place here.

# %%
rates = torch.linspace(0, 0.1, 12).tolist()  # drop rates: the first block is always on
drops = nn.ModuleList(DropPath(rate) for rate in rates)
branches = nn.ModuleList(mlp_branch(16) for _ in rates)


def network_of_twelve(x):
    for branch, drop in zip(branches, drops):
        x = x + drop(branch(x))  # around the branch, never around the sum
    return x


rows = torch.randn(100, 16)
drops.train()
one, other = network_of_twelve(rows), network_of_twelve(rows)
print("two passes in training differ:", not one.equal(other))
drops.eval()
one, other = network_of_twelve(rows), network_of_twelve(rows)
print("and after .eval() do not:     ", one.equal(other))

# %% [markdown]
# - Typical: drop rates that rise linearly to **0.1 or 0.2** at the last block (survival 0.9 or 0.8), more for larger models and longer training. The paper's 0.5 belongs to very deep networks and 500 epochs.
# - Both libraries rescale in training (timm unless told `scale_by_keep=False`). timm decides row by row, torchvision wants to be told. Remember `.eval()`.
# - If you want the *time*, skip for real: one decision a batch, as in `ResidualBlock(mode="batch")`; or compute the branch for some rows only, as DINOv2's code does where the drop rate is above 0.1.

# %%
quiz("A config says drop_path_rate = 0.2. What is the survival probability of the last "
     "block, and of the first, in timm?",
     {"0.2 and 1": "0.2 is the drop rate: p drops, 1 − p survives.",
      "0.8 and 1": "1 − 0.2, and linspace starts with a drop rate of 0.",
      "0.8 and 1 − 0.2/L": "That is the paper's formula; timm's linspace starts at 0.",
      "0.8 and 0.8": "That would be the uniform rule."},
     answer="0.8 and 1")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What it means
#
# | said to be a benefit | what we saw |
# |---|---|
# | faster training | only if dropped blocks are really skipped; nothing in timm, torchvision or any masked version. Expect at most the share of blocks that is dropped |
# | regularization | it helps twelve blocks that learn wrong labels, tuned or not; one block, always on, errs less <!-- rests: drop-late-error-0, tuned-twelve-error, not tuned-any-error --> |
# | gradients reach early layers | that is the shortcuts' doing, and the start's: with torch's start dropping changed the norm by less than a factor of 3 <!-- rests: vanishes-torch, shortcut-torch, drop-gradient-torch --> |
# | no cost at test time | yes: the identity in evaluation, exactly |
#
# **When not to.** Without shortcuts there is nothing to fall back on. In a small network, first try fewer blocks. <!-- rests: not tuned-any-error --> Where labels are right and data plenty, do not expect what wrong labels show: there it is undecided. <!-- rests: open drop-clean-nll, open drop-clean-error --> With dropout and weight decay already tuned, it is one more knob that asks to be tuned with them.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your turn
#
# Write it yourself: **`08_stochastic_depth_exercises.ipynb`**. Your `drop_path` can then draw the first picture of this lesson.

# %% [markdown] tags=["card"] slideshow={"slide_type": "slide"}
# ## To keep
#
# - **Formula**: $y = x + \frac{b}{p_l}f(x)$, $b = 1$ with probability $p_l = 1 - \frac lL(1-p_L)$, else 0; in evaluation $y = x + f(x)$. The expected depth is $\sum_l p_l$.
# - **PyTorch**: `x = x + DropPath(rate)(branch(x))`, from `timm.layers`; one number a row, so `nn.Dropout(rate)(torch.ones(len(x), 1))` does the same.
# - **Typical**: drop rates rising linearly to 0.1–0.2 at the last block.
# - **When not**: without shortcuts; in a network that could have fewer blocks; for speed, unless a whole batch skips a block.
# - **What we measured**: each tuned, twelve blocks err less with dropping than without it, and more than one block that is always on. With torch's start dropping changes the first block's gradient by less than a factor of 3. <!-- rests: tuned-twelve-error, not tuned-any-error, drop-gradient-torch -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Sources
#
# Huang, Sun, Liu, Sedra & Weinberger, *Deep Networks with Stochastic Depth*, ECCV 2016 (arXiv:1603.09382): the method, the linear rule, its three benefits. Larsson, Maire & Shakhnarovich, *FractalNet*, ICLR 2017 (arXiv:1605.07648), where "drop-path" comes from.
# He, Zhang, Ren & Sun, *Delving Deep into Rectifiers*, ICCV 2015 (arXiv:1502.01852): the start 2/n; and *Identity Mappings in Deep Residual Networks*, ECCV 2016 (arXiv:1603.05027): the product of $I + f'$. Goyal et al., *Accurate, Large Minibatch SGD*, 2017 (arXiv:1706.02677), and Zhang, Dauphin & Ma, *Fixup Initialization*, ICLR 2019 (arXiv:1901.09321): residuals that start at zero.
# Veit, Wilber & Belongie, *Residual Networks Behave Like Ensembles of Relatively Shallow Networks*, NeurIPS 2016 (arXiv:1605.06431): the $2^L$ networks. Oquab et al., *DINOv2*, 2023 (arXiv:2304.07193): branches computed for some rows only.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Test yourself, and teach it
#
# What one can explain in two minutes one has understood. Do it aloud, to a friend, a pet, or the wall; where you get stuck is where to read again.
#
# **Teach it to** somebody who pays for the training of a very deep network. *Draw* twelve blocks in a row with their shortcuts, the chance to survive written on each, and a pencil line through those that one row leaves out. *Disarm* the sentence "the block is dropped, shortcut and all". *And ask back:* How deep is the network on average, and does it save as much time? And what is the fair opponent in a comparison?
#
# Below: the questions of this lesson (some are about *Deeper* sections), with a reason for every option, and its cards, which come back after 1, 3 and 7 days.

# %% slideshow={"slide_type": "skip"}
from course_lib.notebook import quiz_of, recall

quiz_of("stochastic_depth")

# %% slideshow={"slide_type": "skip"}
recall("stochastic_depth")
