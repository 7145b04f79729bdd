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
# Dropout switches off single units. **Stochastic depth** switches off whole residual blocks: while the network learns, each block is passed by now and then; at test time all of them work.
# It is said to make training faster, to regularize, and to let gradients through. At the end that list will have a verdict behind each item.
# (*The tutorial*, below, is a page on regularization in PyTorch whose formulas and code we follow, and now and then correct.)
#
# *45 minutes; sections called* Deeper *are folded, and extra. You need to know what a residual block is ($x + f(x)$: a shortcut and a branch) and what dropout does; lesson 06 says more about the latter.*

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import claim, predict, quiz, reveal, setup, show_source
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None

import torch
from torch import nn

from course_lib.base.random import reseed, seeded
from course_lib.statistics import mean_interval, paired_interval
from course_lib.stochastic_depth import (ResidualBlock, drop_path, mlp_branch,
                                         survival_probabilities)

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Who is on?
#
# Twelve residual blocks, stacked, and a batch of twenty rows (examples) that climbs through them. Where the picture is empty, the row takes the shortcut around the block.
# On the right, batches of ones are sent through the dropping, sixty of them: a dot is the share of rows that were kept, a cross the mean of what came out.
# $p_L$ is the probability that the last block is on. **Move it, then let the whole batch decide as one, then try the uniform rule.** What stays the same?

# %% slideshow={"slide_type": "-"}
from course_lib.explorers import stochastic_depth as explore

explore.who_is_on.show()

# %% [markdown]
# The crosses: what `drop_path` hands on is, *on average*, what it was given (except at survival 0, where nothing is left). They scatter when a batch decides as one: sixty batches are then only sixty decisions.
#
# At the end of this lesson you can
# - write `drop_path`, and put it where it belongs in a residual block;
# - say how deep the network is on average, and (in *Deeper*) why two widely used codes disagree about that;
# - tell which of the promised benefits you get from which implementation, and which of them showed when we measured.
#
# **A trap in the letters.** Papers write $p_l$ for the probability that block $l$ **survives**. Code writes `p` for the probability of being **dropped**. Here too: $p_l$ with an index survives, `p` $= 1 - p_l$ drops.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## By hand
#
# Two rows, `p = 0.5`. Each row becomes zero or is doubled, so there are four results, equally likely. Write them down; what is their mean?

# %%
by_hand, draw = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), seeded(0)
for _ in range(4):
    print(drop_path(by_hand, 0.5, generator=draw).tolist())

# %% [markdown]
# In the four *possible* results (these are four draws) each number is 0 in half of the cases and twice itself in the other half: the mean is what went in. In general a row $x$ becomes $\frac{x}{1-p}$ with probability $1-p$, else 0, and $(1-p)\cdot\frac{x}{1-p} + p\cdot 0 = x$. That is all there is to it:

# %%
show_source(drop_path)

# %% [markdown]
# Nonsense is refused first. The heart is the last three lines: `shape` is `[rows, 1, …, 1]`, **one** random number for a whole row, where dropout draws one for each element.
#
# What a random function can and cannot give is an exact matter:

# %% tags=["nbval-check-output"]
x = torch.randn(100_000, 3, dtype=torch.float64, generator=draw).requires_grad_()
y = drop_path(x, 0.3, generator=draw)
y.sum().backward()
kept = (y != 0).all(1)
claim("Every row is 0 or x/(1 − p), and the gradient is the same mask: 0 or 1/(1 − p).",
      measured=[(y[kept] - x[kept] / 0.7).abs().max().item(),
                y[~kept].abs().max().item(), (x.grad * x - y).abs().max().item()],
      holds=lambda gaps: max(gaps) < 1e-14)
claim("In evaluation and at p = 0 it is the identity; at p = 1 everything is 0, "
      "without a NaN.",
      measured=[(drop_path(x, 0.3, training=False) - x).abs().max().item(),
                (drop_path(x, 0.0) - x).abs().max().item(),
                drop_path(x, 1.0).abs().max().item()],
      holds=lambda figures: figures == [0, 0, 0])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The branch, not the shortcut
#
# In a block the branch is dropped and the shortcut stays:
#
# $$y = x + \frac{b}{p_l}\,f(x) \qquad b = 1 \text{ with probability } p_l, \text{ else } 0$$

# %%
predict("shortcut",
        "Someone drops the block's whole output, shortcut included, in twelve blocks "
        "with survival 0.96, 0.92, … 0.5. How many rows come through all of them?",
        ["fewer than 1 in 50", "about 1 in 4", "about half", "nearly all"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
of_twelve, outputs = survival_probabilities(12, 0.5), torch.ones(100_000, 1)
for survival in of_twelve:
    # the whole of what the block puts out
    outputs = drop_path(outputs, 1 - survival, generator=draw)
through = (outputs != 0).double().mean().item()
product = torch.tensor(of_twelve).double().prod().item()
claim("With the shortcut dropped too, a share p_1·p_2·…·p_12 of 100 000 rows comes "
      "through (± 0.002), fewer than 1 in 50.",
      measured=[through, product],
      holds=lambda shares: abs(shares[0] - shares[1]) < 0.002 and max(shares) < 1 / 50,
      kind="checked")

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("shortcut", "fewer than 1 in 50",
       because=f"the product is {product:.4f}; with the shortcut in place every row "
               "comes through")

# %%
show_source(ResidualBlock)

# %% [markdown]
# `DropPath` is `drop_path` as a layer. Read `forward`. In mode `"row"` some rows need the branch and some do not, so it is computed for all and masked. In mode `"batch"` **the one decision comes first, and the branch is not called if it says no**:
# no forward, no backward, no update.
#
# Any module that keeps the shape can be a branch. `mlp_branch` is the tutorial's LayerNorm–Linear–GELU–Linear (GELU: a smooth ReLU).

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
      holds=lambda gaps: gaps == [0, 0])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## How deep is it on average?
#
# Early blocks feed all others, so the usual rule drops them least, on a straight line down to the last block's $p_L$:
#
# $$p_l = 1 - \frac{l}{L}\,(1 - p_L) \qquad l = 1, \dots, L$$
#
# `survival_probabilities(L, p_L)` lists them. The paper's 110-layer network has 54 blocks, and $p_L = 0.5$.

# %%
predict("depth", "How many of the 54 blocks are computed for a batch, on average?",
        ["27", "40.25", "40.5", "47"])

# %% [markdown]
# Each block adds its own probability: the expected depth is $\sum_l p_l = L - (1-p_L)\frac{1}{L}\sum_l l = L - (1-p_L)\frac{L+1}{2}$. For $p_L = 0.5$ that is $\frac{3L-1}{4}$. Believe it, or count:

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.stochastic_depth.steps import Count, residual_network

survivals = survival_probabilities(54, 0.5)
network, blocks = residual_network(survivals, width=2,
                                   generator=seeded(0))
counted = Count(blocks)  # adds one whenever a branch is really computed
for _ in range(400):
    network(torch.randn(3, 64))
# of the mean of 400 batches
deviation = (sum(p * (1 - p) for p in survivals) / 400) ** 0.5
claim("The linear rule with p_L = 0.5 expects (3L − 1)/4 blocks: 40.25 of 54.",
      measured=sum(survivals),
      holds=lambda depth: abs(depth - (3 * 54 - 1) / 4) < 1e-12
            and abs(depth - 40.25) < 1e-12)
claim("The branches computed in 400 batches agree, within five standard deviations.",
      measured=[counted.calls / 400, 40.25, deviation],
      holds=lambda figures: abs(figures[0] - figures[1]) < 5 * figures[2],
      kind="checked")

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("depth", "40.25",
       because="27 would be the uniform rule; 40.5 is another linear rule (*Deeper*)")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: two linear rules
#
# The tutorial prints the formula above, and a few lines later computes drop rates as `torch.linspace(0, 0.1, num_layers)`, as timm does. That is another rule: it starts at *zero*.
# Its first block always survives, while the formula gives it $1 - \frac1L(1-p_L)$. The difference is small; where you compare results to a percent, say which one you used.

# %% tags=["deeper", "nbval-check-output"]
linspace = 1 - torch.linspace(0, 0.5, 54, dtype=torch.float64)
claim("The two rules differ: the first block survives with 1 instead of 1 − (1 − "
      "p_L)/L, the expected depth is larger by (1 − p_L)/2.",
      measured=[linspace[0].item(), survivals[0],
                linspace.sum().item() - sum(survivals)],
      holds=lambda f: f[0] == 1 and abs(f[1] - (1 - 0.5 / 54)) < 1e-12
            and abs(f[2] - 0.25) < 1e-12)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Is scaling unnecessary?
#
# A block that was on in half of the batches, and is on in every evaluation, contributes twice as much as the later layers are used to on average. There are two ways to make up for that:
#
# - divide the branch by $p_l$ in **training** (timm, torchvision, `drop_path` above);
# - multiply it by $p_l$ in **evaluation** (the original paper).
#
# The tutorial says that "many implementations handle this scaling implicitly or find it unnecessary". *Implicitly* is the first way. *Unnecessary*?
# Four blocks have $2^4$ possible masks: few enough to take all of them, each with its probability, and to compare the mean training output with what evaluation gives.

# %%
# blocks z + factor·bend(W·z), any factors
from course_lib.experiments.stochastic_depth.exact_mean import (
    mean_over_masks, run_blocks)

reseed(1)
weights = 0.5 * torch.randn(4, 3, 3, dtype=torch.float64)
start = torch.randn(3, dtype=torch.float64)
of_four = survival_probabilities(4, 0.3)
ones, rescaled = [1.0] * 4, [1 / p for p in of_four]


def mismatch(in_training, in_evaluation, **bend):
    """How far evaluation is from the mean of training, relative to the latter; both get
    the factors of the branches."""
    mean = mean_over_masks(start, weights, of_four, in_training, **bend)
    return ((run_blocks(start, weights, in_evaluation, **bend) - mean).norm()
            / mean.norm()).item()


# %% tags=["nbval-check-output"]
claim("For linear blocks, dividing in training and multiplying in evaluation both make "
      "evaluation the mean of training.",
      measured=[mismatch(rescaled, ones), mismatch(ones, of_four)],
      holds=lambda gaps: max(gaps) < 1e-12)
claim("Doing neither leaves evaluation of this network off by more than half the "
      "output's own size.",
      measured=mismatch(ones, ones),
      holds=lambda gap: gap > 0.5, kind="checked")
claim("With a nonlinearity (GELU) in its branches rescaling is no longer exact, and "
      "here still within 10 %.",
      measured=mismatch(rescaled, ones, bend=nn.functional.gelu),
      holds=lambda gap: 1e-6 < gap < 0.1, kind="checked")

# %% [markdown]
# So it is unnecessary in evaluation *because* training has done it already. Drop both, and you evaluate a network that was never trained.
# For one block the mean is right whatever is in the branch. With several it is exact if they are linear; else the later branches bend what the earlier ones scatter.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Does it save time?
#
# 64 pixels, twelve blocks of width 32 (Linear–GELU–Linear, 32 wide inside too), 10 digits. A plain training loop that really skips, one decision a batch, runs for twenty rounds on this machine, just now, with $p_L = 0.5$ and with all blocks.
# It *saves* time if a step takes less than one with all blocks. It is *proportional* if that relative time differs from the share of blocks computed by less than 0.10; we ask this for blocks of width 256, too.

# %%
predict("time", "p_L = 0.5: 73 % of the blocks are computed. A training step takes …",
        ["less than 73 % of the time", "73 %, give or take the interval",
         "more than 73 %, yet less than all", "as long as before"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.stochastic_depth.steps import time_shorter
from course_lib.experiments.stochastic_depth.training import LAST, train_shorter

*_, steps = time_shorter()  # also what the next picture is drawn from
*_, wide = time_shorter(last=(0.5, 1.0), width=256, rounds=10, steps=4)
half = LAST.index(0.5)
relative, excess = (mean_interval(steps.relative[:, half]),
                    mean_interval((steps.relative - steps.shares)[:, half]))
claim("With p_L = 0.5 a training step takes less time than with all blocks (relative "
      "time below 1).",
      measured=relative, kind="timed", holds=lambda time: time.between(high=1))
for width, gap in ((32, excess),
                   (256, mean_interval((wide.relative - wide.shares)[:, 0]))):
    claim(f"Width {width}: the time is proportional to the blocks computed (relative "
          "time minus share, within ±0.10).",
          measured=gap, kind="timed", holds=lambda gap: gap.between(-0.10, 0.10))

# %% jupyter={"outputs_hidden": true}
less = relative.between(high=1)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("time",
       "less than 73 % of the time" if excess.between(high=0)
       else "73 %, give or take the interval" if excess.between(low=0) is None
       else "more than 73 %, yet less than all" if less else "as long as before"
       if less is False else None,
       because=f"measured {relative.mean:.0%}: the first and last layer, the loss and "
               "the loop's own work do not shrink")

# %% [markdown]
# The more of the work is done in the blocks, the more can be saved. (The intervals are over rounds, on one machine; yours may decide otherwise.) But mind **which** implementation saves anything at all.

# %% tags=["nbval-check-output"]
def computed(mode):
    """Branches computed in 100 training batches, of 12 blocks with p_L = 0.5."""
    network, blocks = residual_network(survival_probabilities(12, 0.5), mode=mode,
                                       generator=seeded(0))
    counted = Count(blocks)
    for _ in range(100):
        network(torch.randn(10, 64))
    return counted.calls


claim("Deciding row by row computes all 1200 branches of 100 batches; deciding by "
      "batch computes fewer than 1000.",
      measured=[computed("row"), computed("batch")],
      holds=lambda calls: calls[0] == 1200 and calls[1] < 1000, kind="checked")

# %% [markdown]
# timm's `DropPath` and torchvision's `stochastic_depth` are handed a branch that has been computed already, and multiply it by zero. Their users pay for the whole network at every step.
# So do we below, where many networks are trained at once, row by row: only the clock needs real skipping.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Does it help?
#
# The same network; 300 digits to learn from, **a fifth of their labels wrong**; AdamW; the linear rule, row by row. Two figures on right test labels, all blocks on, because they can disagree: the error (share of wrong answers) and the NLL (mean negative log likelihood, which also punishes being sure and wrong).
# Twelve seeds: each with another split, start, batch order and masks, always from the same 1797 images.
#
# Dropping is **better** if the interval of the difference to $p_L = 1$, paired by seed, lies below 0. We ask at $p_L = 0.5$ and 0, in two ways:
# *after 600 steps*, which is late: time enough to learn wrong labels by heart; and *each at its best*: of nine looks on the way, the one where its own NLL, averaged over the seeds, is lowest (a peek at the test rows, the same for all).

# %%
predict("error", "p_L = 0 against p_L = 1 after 600 steps: the test figures are …",
        ["both better", "NLL better, error undecided", "both undecided",
         "something else"])

# %%
predict("slower", "And with each at its own best step, the advantage in NLL …",
        ["mostly stays (more than half)", "mostly goes: dropping is slow motion",
         "was none"])

# %% [markdown]
# *Left:* one batch's network. Filled blocks are on; the line is the way through, or around. *Middle:* the time of a step, as above. *Right:* mean and 95 % interval of each $p_L$ by itself (the verdicts compare seed by seed, and can be clear where bands overlap). Choose the other figure, move $p_L$, and then **move the step**.

# %% jupyter={"outputs_hidden": true} tags=["timing"]
from course_lib.explorers import stochastic_depth as explore

explore.shorter.show()

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
*_, trained = train_shorter()  # the networks of the picture, not trained again
won = {}
for key, when, read in (("late", "After 600 steps", trained.at),
                        ("best", "Each at its best step", trained.stopped)):
    for name, figure in (("NLL", "nll"), ("error", "error")):
        for last in (0.5, 0.0):
            values = read(figure)
            won[when, name, last] = paired_interval(values[:, LAST.index(last)],
                                                    values[:, -1])
            claim(f"{when}, the test {name} with p_L = {last:g} is lower than with p_L "
                  "= 1 (difference).",
                  measured=won[when, name, last],
                  kind="measured", id=f"drop-{key}-{figure}-{last:g}",
                  holds=lambda difference: difference.between(high=0))
print("Best steps:", {last: step for last, step in zip(LAST, trained.best_steps())})

# %% jupyter={"outputs_hidden": true}
nll = won["After 600 steps", "NLL", 0.0]
error = won["After 600 steps", "error", 0.0]
stopped = won["Each at its best step", "NLL", 0.0]
told = nll.between(high=0), error.between(high=0)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("error",
       {(True, True): "both better", (True, None): "NLL better, error undecided",
        (None, None): "both undecided"}.get(told, "something else"),
       because=f"NLL {nll}, error {error}", rests="drop-late-nll-0, drop-late-error-0")

# %% jupyter={"outputs_hidden": true}
stays = stopped.mean / nll.mean

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("slower",
       "was none" if not told[0] else "mostly stays (more than half)" if stays > 0.5
       else "mostly goes: dropping is slow motion",
       because=f"{stays:.0%} of the advantage is left when each stops at its best",
       rests="drop-late-nll-0, drop-best-nll-0")

# %% [markdown]
# (Eight claims at 95 % each: one that is narrowly decided can turn with two seeds more or fewer.)
#
# So two things have to be told apart. Dropping can *slow* learning, wrong labels included (see the best steps): that alone improves a network that is judged too late, and early stopping does it too, for nothing. What is left at the best step is what dropping adds.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Dropping, or just fewer blocks?
#
# At $p_L = 0$ a row passes 5.5 of the 12 blocks on average. A sceptic says: then train **six** blocks, drop nothing, and be done. *Better* as above, in NLL.

# %%
predict("control",
        "Twelve blocks with p_L = 0, against six that are always on, each at its best "
        "step: the NLL of the twelve is …",
        ["lower", "higher", "undecided"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
*_, six = train_shorter(last=(1.0,), depth=6, watch=False)
late, best = (paired_interval(read(trained)[:, 0], read(six)[:, 0])
              for read in (lambda t: t.at("nll"), lambda t: t.stopped("nll")))
for key, when, difference in (("late", "After 600 steps", late),
                              ("best", "Each at its best step", best)):
    claim(f"{when}, twelve blocks with p_L = 0 have a lower test NLL than six blocks "
          "that are always on (difference).",
          measured=difference, kind="measured", id=f"twelve-six-{key}",
          holds=lambda difference: difference.between(high=0))

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("control",
       {True: "lower", False: "higher", None: "undecided"}[best.between(high=0)],
       because=f"twelve minus six: {best}", rests="twelve-six-best")

# %% [markdown]
# Is it the method, or this setting? The next *Deeper* repeats the comparison with right labels, and with another branch. And twelve blocks and a minute are no test of a hundred layers: there, on CIFAR-10, with $p_L = 0.5$ and 500 epochs, the paper's error went from 6.4 % to about 5.2 %.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: other labels, another branch
#
# Two changes, eight seeds each, $p_L = 0.5$ against 1 after 600 steps: a thousand digits with right labels; and the tutorial's branch, with its LayerNorm in front. *Better* as above, NLL and error.

# %% tags=["deeper", "nbval-check-output"]
for key, setting, options in (
    ("clean", "right labels and 1000 digits", {"rows": 1000, "noise": 0.0}),
    ("norm", "LayerNorm in each branch", {"norm": True})):
    *_, found = train_shorter(last=(0.5, 1.0), seeds=tuple(range(8)), watch=False,
                              **options)
    for name, figure in (("NLL", "nll"), ("error", "error")):
        claim(f"With {setting}, dropping lowers the test {name} (difference).",
              kind="measured", id=f"drop-{key}-{figure}",
              measured=paired_interval(*found.at(figure).T),
              holds=lambda difference: difference.between(high=0))

# %% [markdown]
# Hold these sizes beside those above: a result about stochastic depth that does not say *on what labels* and *in which block* says little. A regularizer can only help where there is something to regularize; elsewhere a network that is shorter while it learns may simply learn less.
# What would settle the undecided ones: four times as many seeds halve an interval.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: linear, uniform, or the other way round?
#
# "Early blocks feed all others, so drop them least." Plausible; is it better? To compare fairly, give all rules the same *expected depth*. But uniform survival also has another noise: $b/p_l$ has variance $\frac{1-p_l}{p_l}$, and the linear rule at $p_L = 0$ multiplies block 11 by 12 when it is on.
# The clean test is the linear rule **reversed**: the same twelve probabilities, early blocks dropped most. The linear one is *better* if at $p_L = 0$ (5.5 of 12 blocks) the interval of its NLL minus the other's, eight seeds, lies below 0; after 600 steps, and each rule at its best.

# %% tags=["deeper"]
predict("rules",
        "The linear rule against its reverse, each "
        "at its best step: which has the lower NLL?",
        ["linear", "reversed", "undecided"])

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.explorers import stochastic_depth as explore

explore.rules.show(last=0.0, figure="test NLL")

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.stochastic_depth.rules import compare_rules

*_, rules = compare_rules()
for key, when, read in (("late", "After 600 steps", lambda t: t.at("nll")),
                        ("best", "Each at its best step", lambda t: t.stopped("nll"))):
    for rule in ("uniform", "reversed"):
        linear, other = (values[:, 0] for values in rules.compared(rule, read))
        claim(f"{when}, at 5.5 expected blocks, the linear rule has a lower test NLL "
              f"than the {rule} one (difference).",
              measured=paired_interval(linear, other),
              kind="measured", id=f"linear-{rule}-{key}",
              holds=lambda difference: difference.between(high=0))
gap = paired_interval(linear, other)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# what came out
reveal("rules",
       {True: "linear", False: "reversed", None: "undecided"}[gap.between(high=0)],
       because=f"linear minus reversed: {gap}", rests="linear-reversed-best")

# %% [markdown]
# After 600 steps whoever learns the wrong labels more slowly wins, so look at the best step before you praise a rule. The paper found the linear rule better than the uniform one, on images and with 54 convolutional blocks, whose early ones extract what all others need. A rule is a habit until it is measured where it is used.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Does it let the gradient through?
#
# The paper's first argument: a shorter network passes more gradient to its first layers. We take the norm of the first block's gradient in untrained networks, on 100 digits, ten seeds. At depth 64 it has *vanished* if it is less than a hundredth, *exploded* if it is more than a hundred times what it is at depth 1. Dropping *matters* if at depth 64 and $p_L = 0.5$ it changes the norm by more than a factor of 3.
#
# All this depends on how large the weights are at the start. torch draws the weights of a layer with $n$ inputs with variance $\frac{1}{3n}$; He's start, made for ReLU, has $\frac{2}{n}$. We ask the same three questions for both.

# %%
predict("gradient",
        "64 residual blocks, torch's own start. With dropping, the gradient's norm at "
        "the first block is …",
        ["more than 3 times as large", "the same within a factor of 3",
         "less than a third"])

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import stochastic_depth as explore

explore.first_block.show()

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
from course_lib.experiments.stochastic_depth.first_block import (
    STARTS, measure_first_block)

effects = []
for key, start in (("torch", "torch's own, 1/(3n)"), ("he", "2/n (He)")):
    *_, first = measure_first_block(last=0.5, gain=STARTS[start])
    # [seeds, depths] each, in powers of ten
    bare, shortcut, dropping = first.norm.log10().unbind(1)
    effects.append(paired_interval(dropping[:, -1], shortcut[:, -1]))
    claim(f"{start}: without shortcuts the gradient vanishes (in powers of ten: below "
          "−2).",
          kind="measured", id=f"vanishes-{key}",
          measured=mean_interval(bare[:, -1] - bare[:, 0]),
          holds=lambda d: d.between(high=-2))
    claim(f"{start}: with shortcuts it neither vanishes nor explodes (within ±2).",
          kind="measured", id=f"shortcut-{key}",
          measured=mean_interval(shortcut[:, -1] - shortcut[:, 0]),
          holds=lambda d: d.between(-2, 2))
    claim(f"{start}: dropping does not matter (within ±0.48, a factor of 3).",
          kind="measured", id=f"drop-gradient-{key}",
          measured=effects[-1], holds=lambda d: d.between(-0.48, 0.48))

# %% jupyter={"outputs_hidden": true}
effect = effects[0]

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("gradient",
       "the same within a factor of 3" if effect.between(-0.48, 0.48)
       else "more than 3 times as large" if effect.between(low=0.48)
       else "less than a third" if effect.between(high=-0.48) else None,
       because=f"dropping multiplies it by {10**effect.mean:.2g}",
       rests="drop-gradient-torch")

# %% [markdown]
# On its way back the gradient is multiplied by one matrix a block: by $f'$ without shortcuts, by $I + f'$ with them. The $I$ lets it through even where $f'$ is small; where $f'$ is large the product grows instead. Dropping takes a block's $f'$ away now and then, but divides it by $p_l$ when it stays: it cannot be counted on to tame that growth.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: and later in training?
#
# That was before training. In the twelve-block networks trained above, we noted the norm of the first block's gradient at every step. With $p_L = 0.5$ against 1, is it smaller over the first 20 steps, larger over the last 300, and is the training loss at the end larger too?

# %% tags=["deeper", "nbval-check-output"]
claim("In the first 20 steps the first block's gradient is smaller with p_L = 0.5 than "
      "with p_L = 1 (difference).",
      measured=paired_interval(trained.early[:, half], trained.early[:, -1]),
      kind="measured", id="first-block-early", holds=lambda d: d.between(high=0))
claim("In the second half of training it is larger (difference).",
      measured=paired_interval(trained.late[:, half], trained.late[:, -1]),
      kind="measured", id="first-block-late", holds=lambda d: d.between(low=0))
claim("The training loss at the end, all blocks on, is larger too (difference).",
      measured=paired_interval(trained.at("train_loss")[:, half],
                               trained.at("train_loss")[:, -1]),
      kind="measured", id="first-block-loss", holds=lambda d: d.between(low=0))

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
      holds=lambda gaps: gaps[0] == 0 and min(gaps[1:]) > 1e-4)

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
claim("A binomial test does not refuse the survival "
      "rate 0.7, and refuses 0.68 and 0.72.",
      measured={rate: binomtest(count, len(kept), rate).pvalue
                for rate in (0.68, 0.70, 0.72)},
      holds=lambda p: p[0.68] < 1e-6 < p[0.70] and p[0.72] < 1e-6, kind="checked")

# %% [markdown]
# The libraries draw in the same way. Here is what `torchvision.ops.stochastic_depth` does, written out; from one state of the random numbers both give the same rows.

# %% tags=["deeper", "nbval-check-output"]
def as_torchvision(x, p, mode):
    noise = torch.empty([len(x) if mode == "row" else 1] + [1] * (x.ndim - 1),
                        dtype=x.dtype).bernoulli_(1 - p)
    return x * (noise / (1 - p) if p < 1 else noise)


def seeded_alike(function, *arguments):
    with torch.random.fork_rng():
        reseed(3)
        return function(*arguments)


images = torch.randn(5, 3, 8, 8)
cases = [(images, p, mode) for p in (0.3, 0.7, 1.0) for mode in ("row", "batch")]
claim("drop_path agrees with torchvision's semantics "
      "bit for bit, row by row and by batch.",
      measured=[(seeded_alike(drop_path, *case)
                 - seeded_alike(as_torchvision, *case)).abs().max().item()
                for case in cases],
      holds=lambda gaps: max(gaps) == 0)

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
      "p_l), about 3 blocks.",
      measured=[spread, depths.std().item()],
      holds=lambda s: abs(s[0] / s[1] - 1) < 0.03 and 2.5 < s[0] < 3.5, kind="checked")
of_ones = drop_path(torch.ones(100_000, 1, dtype=torch.float64), 0.3, generator=draw)
claim("The expectation is kept: of a 1 it makes two values, and weighted with 0.7 and "
      "0.3 they add up to 1.",
      measured=0.7 * of_ones.max().item() + 0.3 * of_ones.min().item(),
      holds=lambda mean: abs(mean - 1) < 1e-14)
claim("What drop_path makes of a 1 has variance p/(1 − p), as with dropout: both "
      "values, weighted with 0.7 and 0.3.",
      measured=0.7 * of_ones.max().item() ** 2 + 0.3 * of_ones.min().item() ** 2 - 1,
      holds=lambda v: abs(v - 0.3 / 0.7) < 1e-14)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# ```python
# from timm.layers import DropPath                        # or torchvision.ops.StochasticDepth(p, mode)
#
# rates = torch.linspace(0, 0.1, len(branches)).tolist()  # drop probabilities; the first block is never dropped
# drops = nn.ModuleList(DropPath(rate) for rate in rates)
# for branch, drop in zip(branches, drops):
#     x = x + drop(branch(x))                             # around the branch, never around the sum
# ```
#
# - Typical: drop rates that rise linearly to **0.1 or 0.2** at the last block (survival 0.9 or 0.8), more for larger models and longer training. The paper's 0.5 belongs to very deep networks and 500 epochs.
# - Both rescale in training (timm unless told `scale_by_keep=False`). timm decides row by row, torchvision wants to be told. Remember `.eval()`. (The tutorial imports from `timm.models.layers`: the old place.)
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
# ## The list, with verdicts
#
# | said to be a benefit | what we saw |
# |---|---|
# | faster training | only if dropped blocks are really skipped; nothing in timm, torchvision or any masked version. Expect at most the share of blocks that is dropped |
# | regularization | the verdicts above; part of it is learning more slowly. Compare at the best step, and with a shorter network, on your own labels |
# | gradients reach early layers | that is the shortcuts' doing; how large the gradient gets is decided by the start |
# | an ensemble for free | $2^L$ masks, with all weights in common and depths that huddle around the mean (*Deeper*) |
# | no cost at test time | yes: the identity in evaluation, exactly |
#
# **When not to.** Without shortcuts there is nothing to fall back on. Where labels are right and data plenty, do not expect what wrong labels show. With dropout and weight decay already tuned, it is one more knob that asks to be tuned with them.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In one breath
#
# Drop the branch, never the shortcut; a whole row, never an element; divide by $p_l$ in training and do nothing in evaluation. Early blocks survive most: $p_l = 1 - \frac lL(1-p_L)$, and $\sum p_l$ is how deep the network is on average. It is shorter in *time* only if you skip for real.
#
# Now write it yourself: **`08_stochastic_depth_exercises.ipynb`**. Your `drop_path` can then draw the first picture of this lesson.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Sources
#
# Huang, Sun, Liu, Sedra & Weinberger, *Deep Networks with Stochastic Depth*, ECCV 2016 (arXiv:1603.09382). Larsson, Maire & Shakhnarovich, *FractalNet*, ICLR 2017 (arXiv:1605.07648), where "drop-path" comes from.
# He, Zhang, Ren & Sun, *Identity Mappings in Deep Residual Networks*, ECCV 2016 (arXiv:1603.05027). Veit, Wilber & Belongie, *Residual Networks Behave Like Ensembles of Relatively Shallow Networks*, NeurIPS 2016 (arXiv:1605.06431). Oquab et al., *DINOv2*, 2023 (arXiv:2304.07193).

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
