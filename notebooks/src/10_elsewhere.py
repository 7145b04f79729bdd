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
# # Elsewhere: the same questions in two other worlds
#
# Ten lessons trained small, fully connected networks. Does what they measured hold for other kinds? We ask two: a **transformer** that learns to add on a clock, and a **convolution** that reads lines of 40 numbers.
# In the first sitting we open the transformer: what does weight decay change in it? In the second we ask seven methods in three worlds: does one help in all?
#
# *44 minutes, in two sittings: the second begins at* The other world. *Sections called* Deeper *are folded, and extra. You need to know decay (03, 04), early stopping (01) and dropout (06); for the second sitting also label smoothing (05), norms (07) and equal budgets (09).*

# %% tags=["setup"]
# what this page needs
try:
    from course_lib.notebook import (above, below, claim, each, near, negative,
                                     predict, reveal, setup, show_source, within)
except ModuleNotFoundError:
    raise ImportError(
        "the course is not installed in this Python: stop Jupyter and run `make "
        "course` in the course's folder, or run here: %pip install -e ..") from None

import math
from functools import partial

import torch
from torch import nn

from course_lib.base.random import reseed, seeded
from course_lib.elsewhere import (MultiHeadAttention, attention, attention_weights,
                                  multi_head_attention, rms_norm)
from course_lib.experiments.elsewhere import (carried, conv, faster, grokking, late,
                                              mirrors, patience, progress)
from course_lib.experiments.elsewhere.grokking import Arm
from course_lib.statistics import mean_interval, paired_interval, ratio_interval

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Know by heart, or add?
#
# What does a network do once it has every training example right?
#
# Take addition on a clock with 31 hours, $a + b$ modulo 31: 20 + 15 is 4. There are $31^2 = 961$ questions. A small transformer, opened below, learns from 577 of them, all at each update. A fifth of the others validates, the rest test. To it 0 … 30 are 31 symbols, no numbers.
#
# Without any regularization it has all 577 right by update 50, and about half of those that it never saw. Now add weight decay, λ = 2. At our learning rate, 0.01, it takes 2 % off every weight at each update: a strong pull.

# %%
predict("longer",
        "Two networks train for 400 updates from the same start, one with weight decay "
        "(λ = 2, decoupled) from the first update on, one without. By update 50 both "
        "know their training pairs by heart. And the other pairs?",
        ["nothing changes: there is no training error left to learn from",
         "both get worse: that is overfitting",
         "both come to know nearly all of them, with decay sooner",
         "with decay it comes to know many more, without it stays where it was"])

# %% [markdown]
# **Do this**: look at the curves of one network, then move λ to 8. **Notice**: with λ = 2 the blue curve, the pairs that it never saw, rises twice. How long does it stand nearly still in between? What does the dotted curve do, without decay? And is more decay better?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import elsewhere as explore

explore.rises.show()

# %% [markdown]
# With λ = 2 it stands nearly still from update 45 to 75, at some 60 %, then rises again, to 96 % at update 150. Without decay it hardly rises any more. And more is not better: with λ = 8 this network does not even learn its training pairs.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What eight seeds say
#
# Is it luck? Here are eight seeds: other pairs, another start. Decay *gains* if with λ = 2 more than 30 points more of the test pairs are right in the end. Without it the network *stays where it was* if from update 50 on that share changes by less than 10 points.

# %%
PLAIN, DECAY = Arm(), Arm(weight_decay=2.0)
*_, fine = grokking.compute_grokking((PLAIN, DECAY), seeds=range(8), keep=DECAY,
                                     record_at=grokking.DENSE)  # for the pictures
way = progress.over_time(fine)  # what grows with decay, look by look
run = fine.seen_at(grokking.RECORDED)  # for the claims: fewer looks
plain, decayed = run.test_accuracy[:, :, -1].T.double()
at_50 = run.test_accuracy[:, 0, run.recorded.index(50)].double()

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("Without decay the share of test pairs that are right changes by less than 10 "
      "points from update 50 to 400.", measured=paired_interval(plain, at_50),
      kind="measured", id="plain-stays", holds=within(0.1), unit="points", times=100)
claim("With λ = 2 the share of test pairs that are right is more than 30 points more "
      "than without decay.", measured=paired_interval(decayed, plain), kind="measured",
      id="decay-gains", holds=above(0.3), unit="points", times=100)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("longer",
       from_interval={
           "with decay it comes to know many more, without it stays where it was":
           each(above(0.3), within(0.1))([paired_interval(decayed, plain),
                                          paired_interval(plain, at_50)])},
       because=f"at the end {decayed.mean():.0%} of the test pairs are right with "
               f"decay, {plain.mean():.0%} without (at update 50: {at_50.mean():.0%})",
       rests="decay-gains, plain-stays")

# %%
explore.curves.show_rises(fine)

# %% [markdown]
# With decay most curves pause near 60 %, and all but a slow one end at 100 %. Without decay all stay near half.
#
# When unseen examples are got right only long after the training examples, one speaks of **grokking**; this is a quick, mild form. Whether it comes also hangs on the share of the pairs that is trained (Power et al., 2022); ours is 60 %.

# %% [markdown]
# **But here decay pulled before anything was known.** What if it is switched on after 100 updates, when all training pairs are right? The same 30 points count.

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
in_the_end = late.known(late.LATE)  # and at update 100, for the picture
begun_late = in_the_end[:, late.TOLD.index("test pairs at the end")]
claim("With λ = 2 from update 101 on, when all training pairs are right, more than 30 "
      "points more of the test pairs are right by update 400 than without decay.",
      measured=paired_interval(begun_late, plain), kind="measured",
      id="late-decay-gains", holds=above(0.3), unit="points", times=100)

# %%
explore.curves.show_begun_late(fine, late.on_the_way(), in_the_end)

# %% [markdown]
# The curves are the network from above, the circles all eight: 39 to 59 % are right at update 100, 99 to 100 % at 400. **So here decay brought a network that already knew its training pairs by heart to know the others, too.** <!-- rests: late-decay-gains -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Which half does it know?
#
# Without decay about half of the unseen pairs are right: which half? 15 + 20 has a *mirror*, 20 + 15, another question to the network. Some 58 % of the test pairs have theirs among the training pairs. The network *knows mirrors* if of these more than 50 points more are right than of the others.

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
mirror, other = grokking.mirrors_known(run, PLAIN).T
claim("Without decay more of the test pairs whose mirror was trained are right than of "
      "the others, by more than 50 points.", measured=paired_interval(mirror, other),
      kind="measured", id="knows-mirrors", holds=above(0.5), unit="points", times=100)

# %% [markdown]
# Of the mirrored pairs nine in ten are right on average, of the others at most 2 % on any seed. And 0.91 · 58 % is 53 %: the half that it knows. It behaves like a list of answers, read in either order.
#
# **And with decay, where the curve stands still?** Means over eight seeds, with 95 % intervals, wide where the seeds rise at different times:

# %%
explore.curves.show_mirrors(way)

# %% [markdown]
# At update 60 of the mirrored pairs 99 % are right here, of the others 5 %. **So the first rise is the mirrors, the second the others.** <!-- rests: mirrors-first -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: seed by seed
#
# What stands behind the means above. *inf* means: never within 400 updates.

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
recorded = torch.tensor(run.recorded)
# [seeds, arms]
by_heart = recorded[(run.train_accuracy == 1).int().argmax(-1)].double()
adds = run.reached(0.95).clamp(max=run.recorded[-1])
for i, name in enumerate(("λ = 0", "λ = 2")):
    for rows in ("train", "test"):
        accuracy = getattr(run, f"{rows}_accuracy")[:, i, -1]
        print(f"{name}: {rows} pairs right ", *(f"{one:5.0%}" for one in accuracy))
print("λ = 2: all training pairs right at update", *by_heart[:, 1].int().tolist())
print("       95 % of the test pairs at update  ", *run.reached()[:, 1].tolist())
print("λ = 0: right where the mirror was trained", *(f"{one:4.0%}" for one in mirror))
print("       right where neither was shown     ", *(f"{one:4.0%}" for one in other))

# %% [markdown]
# With decay, at update 60, the network *knows mirrors* by the same 50 points.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("With λ = 2, at update 60, more of the test pairs whose mirror was trained are "
      "right than of the others, by more than 50 points.",
      measured=way.mirrors_ahead(), kind="measured", id="mirrors-first",
      holds=above(0.5), unit="points", times=100)

# %% [markdown]
# Adding comes *later* if 95 % of the test pairs take more than twice the updates that all training pairs take. A seed that never gets there counts as if it had at the last update. Without decay it *does not yet add* if the test accuracy is below 90 %. It *adds* if with λ = 2 the test accuracy is above 95 %. One seed of eight stays at 88 %, which makes the interval wide: here that is undecided, and it holds on fresh seeds only. The interval takes no notice that 100 % is the end.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("With λ = 2, until 95 % of the test pairs are right it takes more than twice the "
      "updates that all training pairs take.",
      measured=ratio_interval(adds[:, 1], by_heart[:, 1]), kind="measured",
      id="adds-later", holds=above(2), unit="times")
claim("Without decay fewer than 90 % of the test pairs are right.",
      measured=mean_interval(plain), kind="measured", id="by-heart", holds=below(0.9),
      unit="%", times=100)
claim("With λ = 2 more than 95 % of the test pairs are right.",
      measured=mean_interval(decayed), kind="measured", id="decay-adds",
      holds=above(0.95), unit="%", times=100)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In plain PyTorch
#
# Is all this our code? Here is a loop to copy: torch's own transformer layer, AdamW, 300 updates. ($\beta_2 = 0.98$ and a slow start (`warm_up`) are usual for transformers.)

# %% tags=["plain"]
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from course_lib.data import modular_addition

pairs = modular_addition(seed=0, p=31, share=0.6)  # rows a, b, "="; labels (a + b) % 31


def accuracies(weight_decay):
    """Train on 60 % of the pairs; return the shares right of these and of the rest."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Embedding(32, 64),
        nn.TransformerEncoderLayer(64, 4, 256, dropout=0.0, batch_first=True),
        nn.Flatten(), nn.Linear(3 * 64, 31))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, betas=(0.9, 0.98),
                                  weight_decay=weight_decay)  # of all, biases too
    warm_up = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=10)
    model.train()
    for step in range(300):
        loss = cross_entropy(model(pairs.train_x), pairs.train_y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        warm_up.step()
    model.eval()
    return [(model(x).argmax(1) == y).float().mean().item()
            for x, y in ((pairs.train_x, pairs.train_y), (pairs.test_x, pairs.test_y))]


for decay in (0.0, 2.0):
    print("λ = {:g}: {:.1%} of the training and {:.1%} of the test pairs right".format(
        decay, *accuracies(decay)))

# %% [markdown]
# It is not: with decay all test pairs are right again (one seed). Without it 7 %, not half. This loop reads the answer at all three places, with weights of its own for each, so nothing makes it treat 15 + 20 as 20 + 15: it knows few mirrors (*Deeper*).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## By hand: a mean of those one looks at
#
# What is inside our network? **For what follows the diagram below is enough.** Each question is three **tokens**: $a$, $b$ and "=". Each becomes 64 learned numbers, its **embedding**. The answer is read off at "=", so "=" has to look at the others. It does so by **attention**.
#
# A token's numbers are multiplied by three learned matrices. That gives it a **query** $q$, what it looks for, a **key** $k$ of as many numbers $d$, what it has to offer, and a **value** $v$, what it passes on.
# The product $q\cdot k$ is large where the two point the same way. Divided by $\sqrt d$, so that it does not grow with $d$, it says how well the key **fits**. The token that asks takes a mean of the values, weighted by a softmax of the fits:
#
# $$A_j = \frac{e^{q\cdot k_j/\sqrt d}}{\sum_i e^{q\cdot k_i/\sqrt d}} \qquad\qquad \text{out} = \sum_j A_j\,v_j$$
#
# Let $d = 4$ and $q = (2, 0, 0, 0)$:
#
# | key | fit, $q\cdot k/\sqrt 4$ | $e$ to it | weight | value |
# |---|---|---|---|---|
# | $(\ln 2, 0, 0, 0)$ | $\ln 2$ | 2 | ½ | 4 |
# | $(0, 0, 0, 0)$ | 0 | 1 | ¼ | 0 |
# | $(0, 0, 0, 0)$ | 0 | 1 | ¼ | 8 |
#
# Out comes ½ · 4 + ¼ · 0 + ¼ · 8 = 4.

# %% tags=["nbval-check-output"]
q = torch.tensor([[2.0, 0, 0, 0]], dtype=torch.float64)
k = torch.tensor([[math.log(2), 0, 0, 0], [0] * 4, [0] * 4], dtype=torch.float64)
v = torch.tensor([[4.0], [0], [8]], dtype=torch.float64)
claim("Three tokens by hand: the weights are ½, ¼, ¼, and 4 comes out.",
      measured=[*attention_weights(q, k)[0].tolist(), attention(q, k, v).item()],
      holds=near([0.5, 0.25, 0.25, 4], 1e-12))

# %% [markdown]
# **The whole network**, from a question to its answer:
#
# ```text
#   20      15      =         three tokens
#   ↓       ↓       ↓         embedding: 64 numbers each (the width),
#   64      64      64          and 64 more, added, that say "I am the first"
#    ╲       │      ╱         attention, four side by side (the heads), each
#     ╲──────┴─────╱            with values of 16 numbers: "=" takes four means
#           64                  of all three; one more matrix mixes these 4 × 16,
#            │                  and they are added to the 64 of "="
#            ↓                MLP: two linear layers, 64 → 256 → 64, a ReLU
#           64                  between; its output is added as well
#            ↓                one more matrix
#       31 scores             the largest is the answer: here 4
# ```
#
# A mean does not know which of its terms came first. Only the numbers that say "I am the first" tell 15 + 20 from its mirror.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: as torch has it, and what attention cannot see
#
# Why $\sqrt d$? A sum of $d$ random products, independent, of mean 0 and variance 1, is about $\sqrt d$ large. Undivided, nearly all weight would go to one key, where the softmax has nearly no gradient (Vaswani et al., 2017, arXiv:1706.03762).
# In code (a mask keeps a token from looking at some of the others; ours has none):

# %% tags=["deeper"]
show_source(attention_weights)

# %% [markdown]
# One head is `scaled_dot_product_attention`. Several heads look at several things at once, each in a slice of the coordinates; one more matrix mixes what they bring home.
#
# **And a norm in one line.** Large transformers divide each token by its size, $\text{RMSNorm}(x) = x/\sqrt{\text{mean of } x^2}$: a LayerNorm (lesson 07) that subtracts no mean, and is said to do as well for less (Zhang & Sennrich, *Root mean square layer normalization*, 2019, arXiv:1910.07467). Of $(1, 7)$: the squares are 1 and 49, their mean 25, its root 5, so $(0.2, 1.4)$.
# Where it stands matters: *in front of* attention and MLP a deep stack starts training without a warm-up, behind the sum it needs one (Xiong et al., *On layer normalization in the transformer architecture*, 2020, arXiv:2002.04745).

# %% tags=["deeper", "nbval-check-output"]
torchs = nn.functional.scaled_dot_product_attention
reseed(0)
x = torch.randn(5, 3, 8, generator=seeded(0), dtype=torch.float64)  # 5 rows of 3 tokens
ours = MultiHeadAttention(8, heads=2).double()
theirs = nn.MultiheadAttention(8, 2, batch_first=True, dtype=torch.float64)
theirs.load_state_dict(ours.state_dict())
claim("attention is torch's scaled_dot_product_attention, and several heads are "
      "torch's nn.MultiheadAttention.",
      measured=[(attention(x, x, x) - torchs(x, x, x)).abs().max().item(),
                (ours(x) - theirs(x, x, x)[0]).abs().max().item()], holds=within(1e-12))
example = torch.tensor([1.0, 7.0], dtype=torch.float64)
claim("RMSNorm of (1, 7) is (0.2, 1.4).", measured=rms_norm(example).tolist(),
      holds=near([0.2, 1.4], 1e-12))
claim("rms_norm is torch's.", holds=within(1e-12),
      measured=(rms_norm(x) - nn.functional.rms_norm(x, (8,))).abs().max().item())

# %% [markdown]
# A mean does not know in which order its terms came. Swap two tokens, and what comes out is swapped too, nothing else: without something that says "I am the first" such a transformer reads a bag of words. For $a + b$ that would do. Ours has embeddings of places all the same, like the transformers that it stands for. One in which each token sees only those before it can work out the order without them: it can tell how many it sees (Haviv et al., 2022, arXiv:2203.16634).

# %% tags=["deeper", "nbval-check-output"]
order = torch.tensor([1, 2, 0])
claim("Attention to oneself commutes with every reordering of the tokens.",
      measured=(ours(x)[:, order] - ours(x[:, order])).abs().max().item(),
      holds=below(1e-12))
one_head = multi_head_attention(x, ours.in_proj_weight, ours.in_proj_bias,
                                ours.out_proj.weight, ours.out_proj.bias, heads=1)
claim("Two heads are not one: they look at two things at once.", kind="checked",
      measured=(one_head - ours(x)).abs().max().item(), holds=above(1e-3))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: mirrors, by how one reads
#
# Each token carries its place, so our network could tell a pair from its mirror; but a mean is easily deaf to order. Is it the reading that makes mirrors known? And why has the plain loop 7 %? It is another network than the explorer's: it reads all three places (`Flatten`), not "=" alone, has norms, and is not told the places. Take its layer, torch's, without decay, and change only how it is read. Read at all three places, as it is there, its last layer has weights of its own for each: nothing makes it read mirrors alike. Read at "=" alone, it sees a mean. Without embeddings of places that mean is blind to order, exactly:

# %% tags=["deeper", "nbval-check-output"]
pair = torch.tensor([[20, 15, 31], [15, 20, 31]])  # 31 stands for "="
blind = mirrors.Network("the last place, no places").double()(pair)
claim("Read at the last place, without embeddings of places, the scores of 20 + 15 "
      "are those of 15 + 20.", measured=(blind[0] - blind[1]).abs().max().item(),
      holds=below(1e-12))

# %% [markdown]
# So it should know the mirror of a pair as soon as it knows the pair. With embeddings of places the layer read at "=" *could* tell the order; does it? Four seeds, 300 updates. It *knows mirrors* by the measure from above: more than 50 points more of the mirrored test pairs are right than of the others. The loop as it stands *does not* if it is less than 20 points more. (Stored, as in the section on other regularizers.)

# %% tags=["deeper"]
readings = mirrors.READINGS
# of each reading [training pairs, mirrored and other test pairs] by seeds
at_all, at_last, at_blind = (mirrors.known(reading).T for reading in readings)

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("Read at the last place, without embeddings of places, more of the test pairs "
      "whose mirror was trained are right than of the others, by more than 50 points.",
      measured=paired_interval(at_blind[1], at_blind[2]), kind="measured",
      id="blind-to-order-mirrors", holds=above(0.5), unit="points", times=100)
claim("Read at the last place, with embeddings of places, more of the test pairs whose "
      "mirror was trained are right than of the others, by more than 50 points.",
      measured=paired_interval(at_last[1], at_last[2]), kind="measured",
      id="last-place-mirrors", holds=above(0.5), unit="points", times=100)
claim("Read at all three places, less than 20 points more of the test pairs whose "
      "mirror was trained are right than of the others.",
      measured=paired_interval(at_all[1], at_all[2]), kind="measured",
      id="all-places-no-mirrors", holds=below(0.2), unit="points", times=100)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
for reading, shares in zip(readings, (at_all, at_last, at_blind)):
    for what, values in zip(("training", "mirrored", "other"), shares):
        print(f"{reading:<27} {what:<9}", *(f"{one:5.0%}" for one in values))

# %% [markdown]
# Blind to order, it knows 98 to 100 % of its mirrored pairs. Read place by place, it knows 12 to 21 %, less than 20 points more than of the others on fresh seeds only. On the first seed, the loop's, 12 % of some 58 % is its 7 %. The layer that could tell the order lies between, with 1 to 64 %: whether it *knows mirrors* is undecided here, and on fresh seeds only it does not.
#
# So how one reads decides much, and reading at "=" is not enough by itself. The explorer's network has embeddings of places as well, and knows 74 to 99 %. It has no norms, another start, and trains for 100 updates more; which of these makes the difference we did not isolate.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Numbers on a clock
#
# What could a network have in place of a list? One can add by turning.
#
# Draw a clock of 31 hours: number $n$ stands at the angle $2\pi n/31$, $n$ steps of a 31st of the turn each. For 20 + 15 go to 20, and turn on by the angle of 15: you stand at 4, the answer (left). It works as well on a clock whose numbers are $k$ steps apart, at the angles $2\pi k n/31$. On the right $k$ is 3: 20 stands at step 60, 15 turns on by 45, together 105 steps. That is three times round and 12 more, and there stands 4, for 3 · 4 = 12. This $k$, from 1 to 15, is the **frequency** of the circle.

# %%
explore.clock.show_turned()

# %% [markdown]
# On each circle two wrong numbers stand right beside the answer, nearly as good as 4: on the left 3 and 5, on the right 14 and 25. Only 4 is good on both. So whoever adds by turning wants a few circles.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Does the network have circles?
#
# How would one see them in 64 dimensions? Watch the tip of a clock hand from the side: it goes up and down, once in each turn. So write down one of the 64 coordinates for $n = 0, 1, … 30$. If the numbers lie on a circle of frequency $k$, this list is a *wave*: it goes up and down $k$ times (left, $k = 3$). On a few circles it is a few waves, added.
#
# The dots in the middle and on the right are such a list, of the network with decay: the coordinate that varies most, in the first rise and at the end. The line is the sum of three waves. Do the dots lie on it?

# %%
explore.curves.show_waves(fine)

# %% [markdown]
# In the first rise most do not; in the end they follow it, with gaps. Is it so in all 64 coordinates?
#
# Any list of 31 values is a constant plus fifteen waves, of 1 to 15 periods. Square the height of a wave in each coordinate, and add the 64 squares: that is the **power** of its frequency. A bar is its share of all fifteen; by chance that is a fifteenth, 0.07. A few circles are a few high bars.
#
# On the right are two dimensions, chosen so that the strongest wave goes round; a line joins the numbers in the order of that clock. Some ring can be drawn of any numbers in this way: the evidence is the bars. (They are a *discrete Fourier transform*.) Which grow, and which vanish? And without decay?

# %%
explore.bars.show_on_the_way(fine)

# %% [markdown]
# Without decay all bars stay low, at 0.14 or less; 3, 11 and 12 (orange) are the highest already. With decay these three (blue) hold 94 % of the power at the end; 14, high in the second rise, is gone.
#
# And on all eight seeds? On one only two bars are left, so we count two. They *stand out* if with λ = 2 the two highest have more than 20 points more of the power than without decay.

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
found = [[grokking.circles(one) for one in seed] for seed in run.numbers[:, :, -1]]
power = torch.tensor([[one.shares.topk(2).values.sum() for one in seed]
                      for seed in found])
claim("With λ = 2 the two strongest frequencies have more than 20 points more of the "
      "power than without decay.", measured=paired_interval(power[:, 1], power[:, 0]),
      kind="measured", id="two-circles", holds=above(0.2), unit="points", times=100)

# %% [markdown]
# They do: the two hold 59 to 95 % of the power, without decay 22 to 29 %. And are they circles? Seen straight on, a wave draws an ellipse. Its short axis is on average 0.94 of the long one (a circle: 1), without decay 0.88. The height of the bars tells the two apart.
#
# Does the network *use* them? Leave it nothing but its three strongest waves, and on seven seeds of eight 99 to 100 % of the test pairs are still right (no claim). Without decay it is 19 to 30 %, but there these three hold only a third of the power: it shows that three suffice with decay, not how many would without. That it adds by turning we have not shown.
#
# **So two networks answer every training pair. One behaves like a list of answers. The other has its numbers nearly on a few circles.** <!-- rests: knows-mirrors, two-circles -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Why might decay lead there?
#
# What can still move a network that has every training pair right? Its *loss*, $-\ln$ of the probability that it gives to the right answer. Without decay hardly any is left at update 100. With decay it is 0.025, for the right answer has some 98 %, not all. <!-- rests: decay-leaves-loss --> Our reading: decay goes on taking 2 % off every weight, and what that costs, the gradient has to win back. So the weights never come to rest.
#
# And why should that end in circles? One account, which we did not test: a list needs weights for every single pair, and a few circles serve all 961 with smaller weights. So under a pull on all weights circles are cheaper (Varma et al., 2023).
#
# **Decay was enough here, and is not the only road**: without it, at four times the rate, 76 to 93 % of the test pairs are right, with weaker circles (eight seeds, no claim: *Deeper*). <!-- rests: late-decay-gains -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: one circle or two, and which
#
# How can a network of sums and means turn? By $\cos(\alpha+\beta) = \cos\alpha\cos\beta - \sin\alpha\sin\beta$, and the sine alike: four products of the two coordinates of $a$ with those of $b$ are enough. They must come from what is not linear here: attention, whose weights depend on the tokens, and the ReLU. Which does which we did not look at.
#
# How far from the answer is a candidate $c$? Its score is
#
# $$\cos\frac{2\pi k\,(a + b - c)}{31}$$
#
# and that is 1 for the right $c$. The best wrong one is close behind, at $\cos(2\pi/31) = 0.98$: for each single frequency the right answer is ahead by the same 0.02. In the mean of the scores of frequencies 3 and 12 it is ahead by 0.17.

# %% tags=["deeper", "nbval-check-output"]
off = torch.arange(31, dtype=torch.float64)  # a + b − c


def margin(*frequencies):
    """How much the right answer is ahead of the best wrong one, in the mean cosine."""
    score = sum((2 * math.pi * k * off / 31).cos() for k in frequencies)
    return (score[0] - score[1:].max()).item() / len(frequencies)


claim("Each frequency alone puts the right answer first, by the same 0.02.",
      measured=[margin(k) - (1 - math.cos(2 * math.pi / 31)) for k in range(1, 16)],
      holds=within(1e-12))
claim("Two circles, of frequencies 3 and 12: by more than seven times as much.",
      measured=margin(3, 12) / margin(3), holds=above(7))

# %% [markdown]
# It is so because 31 is a prime: on a clock of 12 hours $k = 4$ cannot tell 1 from 4 at all. Frequencies 16 to 30 are the circles of 15 to 1, run backwards.
#
# **Do this**: move λ and *after so many updates*. **Notice**: which bars grow, which vanish, and when does the ring close?

# %% tags=["picture", "deeper"]
from course_lib.explorers import elsewhere as explore

explore.grokking.show()

# %% [markdown]
# A wave whose coordinates all go up and down together is no circle but a line; in between are ellipses. Of the two strongest waves of each network take the short axis of the ellipse, as a part of the long one, and their mean. (A circle has 1, a line 0, a random wave in 64 dimensions some 0.86.) With λ = 2 they are *rounder* if this is more than without decay.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
# Eight seeds, update 400, a mean of both waves, paired by seed. Above 0: rounder than
# without decay. Else, or undecided: only the power tells the networks apart. Until now
# the bound was 0.7, for λ = 2 alone, less than a random wave has: it could hardly fail.
round_0, round_2 = torch.tensor(
    [[one.roundness.mean() for one in seed] for seed in found], dtype=torch.float64).T
claim("With λ = 2, of the ellipses that the numbers' two strongest waves draw, the "
      "short axis is a larger part of the long one than without decay.",
      measured=paired_interval(round_2, round_0), kind="measured", id="round-circles",
      holds=above(0), unit="of the long axis")

# %% [markdown]
# Here they are, by 0.06 on average (each wave in the list below). Some ring can always be drawn, also of random numbers: what counts besides are the bars. Which frequencies become circles is chance, seed by seed. By chance alone two of fifteen would hold little more than two fifteenths of the power.

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
print("share of the two strongest, without and with decay:")
print(*(f"{a:.0%} {b:.0%} " for a, b in power.tolist()), sep="| ")
print("the strongest with decay:", *(seed[1].frequencies[0] for seed in found))
print("short axis over long, of the strongest two:")
for i, name in enumerate(("λ = 0", "λ = 2")):
    pairs_of = ("{:.2f} {:.2f} ".format(*seed[i].roundness) for seed in found)
    print(name, *pairs_of, sep="| ")

# %% [markdown]
# Does the network *use* its waves? Take the embeddings of the numbers apart into their fifteen waves, leave some out, and ask for the test pairs again. Nothing is trained. (Looked at on these eight seeds; it is no claim.)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.engine import outputs_of


def right_with(arm, strongest, keep=True):
    """Shares of the test pairs right [seeds] with some waves alone, or without them."""
    shares = []
    for seed, parameters in enumerate(run.parameters):
        network = [one[arm : arm + 1].clone() for one in parameters]
        numbers = network[0][0, :31]
        waves = progress.strongest(numbers, strongest)
        numbers.copy_(progress.filtered(numbers, waves, keep))
        rows = grokking.split_of(seed)
        answers = outputs_of(grokking.SPEC, network, rows.test_x)[0].argmax(-1)
        shares.append((answers == rows.test_y).double().mean())
    return torch.stack(shares)


# %% tags=["deeper"] jupyter={"outputs_hidden": true}
for arm, name in ((1, "λ = 2"), (0, "λ = 0")):
    for waves, kept in ((2, True), (3, True), (3, False)):
        shares = (f"{one:5.0%}" for one in right_with(arm, waves, kept))
        how = "alone" if kept else "left out"
        print(f"{name}, the {waves} strongest {how:<9}", *shares)

# %% [markdown]
# With decay three waves carry nearly all on seven seeds of eight, and two are too few on most. Without decay three alone give 19 to 30 %, and without these three it is 6 to 14 %: there the answers rest on many. Neither *alone* nor *left out* compares fairly: three waves are 92 % of the power with decay and 35 % without. A fair twin would keep equal power, so more waves without decay. The list shows that three suffice with decay, not how many would without.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: what grows before the second rise
#
# The **final waves** of a network are the three frequencies that are strongest at its end. At each update: what share of the power do they hold, and how many of the test pairs are right with them alone? Means over eight seeds:

# %% tags=["deeper"]
explore.curves.show_progress(way, fine)

# %% [markdown]
# The circles begin in the first rise, and grow on while the test accuracy stands still: of the power the final waves hold a fifth at the start, half at update 60, and 92 % at update 400 (the picture ends at 250). With the final waves alone 43 % of the test pairs are right at update 60 (green). In grey the same share without decay, of its own final waves.
#
# **How much of the growth is choice?** We picked the waves that are largest *at the end*. Waves picked so have grown in any network that drifts. The twin: the network without decay, with *its* own final waves. Decay makes them grow *beyond choice* if by update 400 they have grown by more than 20 points more than the twin's, and *early* if by update 60, before the second rise, it is more than 10 points.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
twin = progress.final_power(fine.numbers[:, 0])  # λ = 0: seeds by looks
claim("By update 400 the share of the power in a network's own three final waves has "
      "grown with λ = 2 by more than 20 points more than without decay.",
      measured=way.grown_beyond(twin, 400), kind="measured",
      id="final-waves-grow", holds=above(0.2), unit="points", times=100)
claim("By update 60 the share of the power in a network's own three final waves has "
      "grown with λ = 2 by more than 10 points more than without decay.",
      measured=way.grown_beyond(twin, progress.STILL), kind="measured",
      id="final-waves-grow-early", holds=above(0.1), unit="points", times=100)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
for name, curve in (("λ = 2", way.power), ("λ = 0", twin)):
    for step in (0, progress.STILL, 400):
        shares = curve[:, way.recorded.index(step)]
        print(f"{name}, update {step:>3}: {shares.mean():4.0%} on average  ",
              *(f"{one:4.0%}" for one in shares))

# %% [markdown]
# Both hold: 58 points more by update 400, 16 by update 60, on fresh seeds 57 and 14. <!-- rests: final-waves-grow, final-waves-grow-early --> The twin's share goes from 22 to 35 % on average, nearly all of it before update 60: that much is choice, and learning by heart. The network with decay begins at 21 %, has 50 % at update 60, and goes on.
#
# Do they come *before* the second rise, or with it? We had two claims on that, and withdrew them: their rule set half of all growth against half of a rise that begins at update 60, and the test accuracy itself would have passed it. Counted from update 60 on for both, the green and the orange curve are half way together, near update 120, as far as one can read off these means.
#
# The whole circuit was read off a network by Nanda et al. (*Progress measures for grokking via mechanistic interpretability*, 2023, arXiv:2301.05217). Circles are where it begins; what is computed from them can differ (Zhong, Liu, Tegmark & Andreas, *The clock and the pizza*, 2023, arXiv:2306.17844).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: decay that begins late, and none at a faster rate
#
# Two runs of eight seeds, to 400 updates. In the first λ = 2 begins after update 100. The second is never decayed, and its rate is 0.042: the one at which plain did best among the 13 rates of *how far to trust the table*. It was looked at on these seeds, and nothing is claimed of it.

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
looks = (100, 110, 150, 400)
for what, one in (("no decay", fine), ("decay from update 101 on", late.on_the_way())):
    losses = [one.train_loss[0, 0, one.recorded.index(at)] for at in looks]
    print(f"training loss of the first network, {what:<24}",
          *(f"{at}: {loss:.1e} " for at, loss in zip(looks, losses)))
for what in late.RUNS:
    print(what)
    for name, values in zip(late.TOLD, late.known(what).T):
        print(f"  {name:<33}", *(f"{one:5.0%}" for one in values))

# %% [markdown]
# **Is something left to learn when every training pair is right?** A training *loss*, perhaps. Decay *leaves a loss* if at update 100, when all training pairs are right, the training loss with λ = 2 from the start is more than 0.001 above that without. (At a loss of 0.001 the right answer has 99.9 %.)

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
# Eight seeds, update 100. Above 0.001: a loss is left to bring down. Below: there is
# next to none, and what moves the weights is open.
loss_100 = run.train_loss[:, :, run.recorded.index(100)].double()
claim("With λ = 2 the training loss at update 100 is more than 0.001 nats above that "
      "without decay.", measured=paired_interval(loss_100[:, 1], loss_100[:, 0]),
      kind="measured", id="decay-leaves-loss", holds=above(0.001), unit="nats")

# %% [markdown]
# *It does*, by 0.025 on average: on such a loss the right answer has some 98 %. And where decay begins late the loss comes back: for the first network (first lines of the list above) it is 0.000004 at update 100 and 0.014 ten updates later, from where it falls again.
#
# *Late decay*: at update 100 all training pairs are right on every seed, and of the test pairs about as many as have a mirror. By update 400 the pairs without one are right too, 98 to 100 %, and the two strongest frequencies hold 48 to 73 % of the power.
#
# *No decay, fast*: the two strongest frequencies end with 38 to 51 % of the power, between the two networks above. At update 100 seven seeds of eight still miss training pairs, and have 53 to 82 % of the test pairs right. One sees no two acts, first by heart, then adding. In the end 44 to 88 % of the pairs without a mirror are right, where at the slow rate it was at most 2 %. So decay is not the only thing that makes this network add: a fast rate does in part, and circles come with it.
#
# **Is decay itself a faster rate?** It shrinks the weights, so a step of the same length turns them further (lessons 04 and 07). Take all weights of a network as one arrow: how far does one update turn it? We look at three windows of ten updates. The account asks for two things of the second window, updates 91 to 100. With λ = 2 an update turns the arrow more than 1.5 times as far as without decay at the same rate. And it turns it more than 0.8 times as far as at the rate of 0.042, which adds less well.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
norms, turns = faster.known()  # [arms, windows, seeds]
undecayed, decaying, fast = turns[:, 1]  # the second window
claim("Over the updates 91 to 100 one update turns the weights with λ = 2 more than "
      "1.5 times as far as without decay at the same rate.",
      measured=ratio_interval(decaying, undecayed), kind="measured",
      id="decay-turns-further", holds=above(1.5), unit="times")
claim("Over the updates 91 to 100 one update turns the weights with λ = 2, rate 0.01, "
      "more than 0.8 times as far as without decay at a rate of 0.042.",
      measured=ratio_interval(decaying, fast), kind="measured",
      id="decay-turns-as-fast", holds=above(0.8), unit="times")

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
for k, (first, last) in enumerate(faster.WINDOWS):
    print(f"updates {first} to {last}")
    for name, norm, turn in zip(faster.ARMS, norms[:, k], turns[:, k]):
        print(f"  {name:<21} norm {norm.mean():4.1f}, an update turns it by",
              *(f"{one:5.2f}" for one in turn.rad2deg()), " degrees")

# %% [markdown]
# *The first holds, by far*: with decay an update turns the weights some hundred times as far as without, at the same rate. <!-- rests: decay-turns-further --> But not because they are shorter. Their norm is 27 against 42, which makes a factor of 1.6. The rest is in the steps: without decay these have died away, and from update 91 on turn the weights by 0.01 degrees at most. A small gradient alone does not make a small step under Adam, which divides by the gradient's size; here the step dies all the same. The gradient may fall faster than the running mean that it is divided by, or below ε: we did not look which. With decay it does not come to that (our guess): at each update decay takes 2 % of every weight, which the gradient has to bring back.
#
# *The second is undecided here*: on seven seeds an update turns the weights 0.3 to 0.5 times as far as at the faster rate. On the eighth, the fifth from the left, the fast network has all training pairs right, and is at rest too. On fresh seeds only it does not hold: 0.40 times [0.29, 0.56]; there 2 of 24 are such exceptions. So decay is not a faster rate in the sense of this account. What the two have in common is that the weights go on turning, as long as there is something left to learn or to win back (our reading). That turning is enough is not shown: the fast network turns further, and adds less well. But the two of its seeds that are at rest by update 150 are the two with the fewest test pairs right.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: other accounts of grokking
#
# The usual account is the norm of the weights: with decay it is little more than half as large. That is no surprise, for decay sees to it; nothing here isolates it as the cause. That the network still answers every pair, and the new ones, is the news.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("With λ = 2 the norm of all weights is less than 0.8 times that without decay.",
      measured=ratio_interval(run.norm[:, 1, -1], run.norm[:, 0, -1]),
      kind="measured", id="smaller-norm", holds=below(0.8), unit="times")

# %% [markdown]
# Where grokking was first described, the delay between the two rises is about a thousandfold, and it came without decay too (Power et al., 2022, arXiv:2201.02177). There the share of pairs that is shown decides much: fewer, and the second rise comes later, or never. Ours is 60 %, one value.
#
# *Norm*: networks that fit the training rows are found at any large norm, those that generalize near one smaller norm, and decay walks slowly from the first to the second (Liu, Michaud & Tegmark, *Omnigrok*, 2022, arXiv:2210.01117). *Efficiency*: the circuit that adds gives the same scores with smaller weights, so decay prefers it (Varma et al., *Explaining grokking through circuit efficiency*, 2023, arXiv:2309.02390). *From lazy to rich*: features begin to move late, decay or not (Kumar et al., 2023, arXiv:2310.06110). *Two phases*: large weights at the start keep a network near a kernel method, which memorises; a small decay turns it late toward a large margin (proved for some networks: Lyu et al., 2023, arXiv:2311.18817). *Slingshots*: instabilities of adaptive optimizers set it off without decay (Thilak et al., 2022, arXiv:2206.04817).
#
# *Rounding*: near a loss of 0 a softmax in float32 rounds to nothing, so that a network without decay may be stuck for a numerical reason alone (Prieto et al., *Grokking at the edge of numerical stability*, 2025, arXiv:2501.04697). Ours computes in float32 as well. Does it stay where it was for that reason, or because 400 updates are few? Four seeds without decay, in float64, and with ten times the updates (stored; looked at, no claim):

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
for what in grokking.BESIDES:
    print(f"{what:<24}", *(f"{one:5.0%}" for one in grokking.besides(what)))
print(f"{'no decay, as above':<24}", *(f"{one:5.0%}" for one in plain[:4]))

# %% [markdown]
# Neither alone, on these four seeds: in float64 53 to 59 % are right, the same as above, and after 4000 updates 60 to 64 %. Both at once, float64 *and* 4000 updates, we did not try: the long run may be stuck by rounding, the exact one may be too short.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## And early stopping?
#
# Lesson 01 said: watch the validation loss, and stop when it rises. What would that do here? The dots are our looks at it: every ten updates up to 50, then 75, 100, and so on.

# %%
explore.curves.show_hill(fine)

# %% [markdown]
# With λ = 2 (left) the loss is a **hill**. It begins near $\ln 31 = 3.4$, a guesser's loss, and climbs, on one seed to 6: the network becomes *sure*, and wrong, about what it never saw. Then it falls, on seven seeds to nearly 0 in the end, beyond the picture. Without decay (right) it climbs higher, and hardly comes down.
#
# Take a patience of five looks. The untrained network is the first best. If none of the next five looks, to update 50, is better, training ends. On three seeds one is (unbroken), and they reach 100 %. The five others (broken) get back the network *before its first update*: by its loss a sure memoriser is worse than a guesser.
#
# Is it the look at a network that has learned nothing? Partly. With the first look at update 10 there is a higher loss to beat, and training ends at 75 at the earliest: then these eight lose nothing. On 24 fresh seeds early stopping costs more than 20 points on 14 with the look at 0, and still on 4 without it. <!-- rests: open stops-too-early-from-10 -->
#
# Stopped by the share of wrong answers, with the look at 0 and the same patience, 97 % of the test pairs are right on average; stopped by the loss, 40 %. So, from one task and so little patience: **watch the figure that you report, too**.
#
# *A good place to stop for today.*

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: how much patience?
#
# Early stopping hands back the best weights. It *stops too early* if, with λ = 2, these get more than 20 points fewer of the test pairs right than the last ones.

# %% tags=["deeper"]
# of an arm, with five looks and by the loss where nothing else is said
handed_back = partial(patience.accuracy_of, run)


# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("With λ = 2 the network that early stopping hands back gets fewer of the test "
      "pairs right than the last one, by more than 20 points.",
      measured=paired_interval(decayed, handed_back(1)), kind="measured",
      id="stops-too-early", holds=above(0.2), unit="points", times=100)

# %% [markdown]
# Undecided here, for a seed loses nearly everything or nothing; on fresh seeds it holds. And with eight looks, to update 125, or by the error? Seed by seed:

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
for name, looks, watched in (("loss", 5, run.validation_loss),
                             ("loss", 8, run.validation_loss),
                             ("error", 5, 1 - run.validation_accuracy)):
    print(f"λ = 2, by {name:<5} patience {looks}",
          *(f"{one:5.0%}" for one in handed_back(1, looks, watched)))

# %% [markdown]
# The first of our looks is at the untrained network. Many a loop looks first when it has trained a while. First at update 10, it *stops too early too* if it hands back more than 20 points less.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
from_10 = patience.accuracy_of(run.seen_at(grokking.RECORDED[1:]), 1)
claim("With λ = 2 the network that early stopping hands back, if it first looks at "
      "update 10, gets fewer of the test pairs right than the last one, by more than "
      "20 points.", measured=paired_interval(decayed, from_10), kind="measured",
      id="stops-too-early-from-10", holds=above(0.2), unit="points", times=100)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
for first, shares in ((0, handed_back(1)), (10, from_10)):
    early = int((decayed - shares > 0.2).sum())
    print(f"first look at update {first:>2}:", *(f"{one:5.0%}" for one in shares),
          f"  too early on {early} of {len(shares)}")

# %% [markdown]
# On these eight it does not: nothing is lost on any. On fresh seeds that is open, for it stops too early on 4 of 24, where the first loop does on 14. <!-- rests: open stops-too-early-from-10 --> The counts say more than the intervals. Two things change at once. At update 10 the loss is some 3.8, above the guesser's 3.4, so that it takes less to come below it. And the fifth look after the first is at update 75, where it was at 50.
#
# Our looks are every ten updates up to 50, later fewer, so five looks are 50 updates at first, and more than a hundred later. Here somebody looks every ten updates, to the end.
#
# **Do this**: move the patience from 1 to 12 looks, then set *watched* to error. **Notice**: from which patience on is nothing lost?

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.explorers import elsewhere as explore

explore.hill.show()

# %% [markdown]
# How many updates of patience does it take, seed by seed, until what is handed back has at least 85 % of the test pairs right?

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
even = fine.seen_at(range(0, 401, 10))
for name, watched in (("loss", even.validation_loss),
                      ("error", 1 - even.validation_accuracy)):
    needed = patience.needed(watched[:, 1], even.test_accuracy[:, 1], 0.85)
    print(f"λ = 2, by {name:<5}", *(f"{10 * one:4g}" for one in needed), " updates")

# %% [markdown]
# By loss 30 to 90 updates, by error 20 to 40, and on no seed more than by loss. So by error no standstill on the way is longer than 40 updates: the share creeps up where its curve seems to stand. And *without* decay? There nothing comes behind the hill. (A guess why: on data fitted without error a small gradient is left, toward larger weights, which is proved for linear models: Soudry et al. 2018, lesson 00. Decay adds a pull that does not shrink with the loss.) What it hands back is *nothing learned* if it gets fewer than 10 % of the test pairs right.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("Without decay the network that early stopping hands back gets fewer than 10 % "
      "of the test pairs right.", measured=mean_interval(handed_back(0)),
      kind="measured", id="hands-back-nothing", holds=below(0.1), unit="%", times=100)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: is it decay, or would anything do?
#
# The same network, regularized otherwise; five of the eight seeds, 400 updates. What would count:
# - **L2** through Adam, λ = 0.001, *does it too* if more than 95 % of the test pairs are right. (Lessons 03 and 04: L2 and decay are two things under Adam.) Ten times as much is *too much* if fewer than 10 % are right.
# - **Dropout** of 0.3, without decay, *helps* if it gets more than 10 points more right than nothing.
# - **Label smoothing** of 0.1 *undoes* decay if with both 5 points fewer are right than with decay alone.
#
# These twenty networks are not trained as you read: what each got right is stored, and the claims are computed from that. Below the list one of them is trained again; with `afresh=True` a call trains whatever it asks for. (Another machine rounds otherwise, and may come to a few pairs more or fewer.)

# %% tags=["deeper"]
others = {"L2, λ = 0.001": Arm(l2=1e-3), "L2, λ = 0.01": Arm(l2=1e-2),
          "dropout 0.3": Arm(dropout=0.3),
          "decay and smoothing 0.1": Arm(weight_decay=2.0, label_smoothing=0.1)}
l2, too_much, dropped, smoothed = (grokking.at_the_end(arm, range(5))
                                   for arm in others.values())

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("L2 through Adam does it too: more than 95 % of the test pairs are right.",
      measured=mean_interval(l2), kind="measured", id="l2-adds", holds=above(0.95),
      unit="%", times=100)
claim("Ten times as much L2: fewer than 10 % of the test pairs are right.",
      measured=mean_interval(too_much), kind="measured", id="l2-too-much",
      holds=below(0.1), unit="%", times=100)
claim("Dropout without decay gets more of the test pairs right than no regularizer, by "
      "more than 10 points.", measured=paired_interval(dropped, plain[:5]),
      kind="measured", id="dropout-adds-some", holds=above(0.1), unit="points",
      times=100)
claim("Smoothing beside decay gets fewer of the test pairs right than decay alone, by "
      "more than 5 points.", measured=paired_interval(decayed[:5], smoothed),
      kind="measured", id="smoothing-undoes", holds=above(0.05), unit="points",
      times=100)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
for name, values in zip([*others, "decay alone", "nothing"],
                        (l2, too_much, dropped, smoothed, decayed[:5], plain[:5])):
    print(f"{name:<24}", *(f"{one:5.0%}" for one in values),
          f"  below 95 %: {int((values < 0.95).sum())} of {len(values)}")

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
# one of the twenty, trained now; range(5) in place of [0] trains five
again = grokking.at_the_end(others["dropout 0.3"], [0], afresh=True)
print(f"dropout 0.3, first seed: stored {dropped[0]:.1%}, trained now {again[0]:.1%}")

# %% [markdown]
# So decay need not be decoupled for it. With ten times as much L2 fewer than a tenth of the test pairs are right; decoupled decay has its edge too (λ = 8). Which window is wider we did not measure. <!-- rests: l2-adds, l2-too-much -->
# Dropout, which in a linear model is a ridge too (lesson 06), gets part of the way: more than ten points on fresh seeds only. Why, we did not measure. Whether smoothing undoes decay by more than five points is undecided: on these seeds, and on fresh ones. <!-- rests: open smoothing-undoes -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The other world: lines of numbers
#
# The second network reads MNIST-1D: ten digits as lines of 40 numbers. Each digit is a pattern of ups and downs, stretched, shifted and noisy. Four of them, and the last again, shifted by four places:

# %%
explore.lines.show_some()

# %% [markdown]
# A **convolution** slides the same few weights along the line. By hand: the weights −1, 0, 1, slid along 0, 0, 0, 3, 3, 3, give 0, 3, 3, 0. So they find a rise wherever it lies. One such set of weights makes one new line, a *channel*.
#
# Ours has three layers of 25 channels, a ReLU behind each. The first sees five places at a time (shaded above), the others three. Each moves by two, not one, with zeros beyond both ends, and so halves the line: 40, 20, 10, 5. Of the 25 · 5 numbers left one linear layer makes ten scores. It learns in 1500 updates, its rate along a cosine (lesson 00).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The table: nearly equal budgets in three worlds
#
# Which regularizer helps in every world, each tuned with nearly the same care? Our worlds are **home**, a fully connected network on 300 digits; **lines**, the convolution on 1000 lines; **clock**, the transformer. At home and on the lines a fifth of the labels is wrong; the test labels are right.
#
# Each method is an *arm*, and plain is one. An arm tries nine settings (a learning rate, and a strength if it has one), and a few more where the best lies at an end. That of the lowest validation error, over four *pilot* seeds, is judged on the test rows of 24 other seeds. (On the clock few rates suit plain: with nine it errs 21 %, with four more 12 %. So who leads it there is compared with plain at the best of 13.) The interval of an arm's error, in points against plain, decides:
#
# ```text
#               −1   0   +1
#     ├─────┤    ┊   │   ┊             helps: all of it below −1
#                ┊   │   ┊   ├─────┤   harms: all of it above +1
#                ┊ ├─┼─┤ ┊             no: a point at most (nothing below −1)
#            ├───┼───┼─┤ ┊             undecided: else
# ```
#
# *Early stopping* trains plain to the end, looks twenty times, and hands back the network of its lowest validation *loss*, or *error*: no patience, no decay.

# %%
predict("worlds",
        "Decoupled decay, tuned as all the others are: in how many of the three worlds "
        "is it shown to lower the error by more than a point?",
        ["in none", "in one", "in two", "in all three"])

# %% [markdown]
# **Do this**: go down the regularizers. **Notice**: is there one that helps in every world? Where does it say *harms*?

# %% jupyter={"outputs_hidden": true}
from course_lib.explorers import elsewhere as explore

explore.worlds.show()

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("worlds",
       ["in none", "in one", "in two", "in all three"][
           len(helping := explore.worlds.helping("decoupled decay"))],
       because="it is shown to help: "
               + ", ".join(explore.worlds.NAMES[one] for one in helping))

# %% [markdown]
# - **Home: all undecided.** Every arm errs 10 or 11 %. Lessons 04 and 06 gained ten and eight points here, at one rate for all. Of nine rates plain takes a slow one, and these gains are gone; our reading is that training ends there before the wrong labels are learned. (A gain of less than some three points could not be shown.)
# - **Lines: dropout gains most**, 6 points: 42 % are wrong with it, 48 % in plain.
# - **Clock: decay gains most**, decoupled or as L2, 11 points: 1 % is wrong with it, 12 % in plain. The other methods had coarser rates than plain: what they could do there is open. And why were it 45 points in the first sitting? That was at one rate, 0.01; plain's own is four times that. <!-- rests: finer-decay -->
#
# Early stopping by the loss *harms* in both new worlds. On the clock the loss rises while the error still falls. On the lines it is lowest before the cosine's small last steps, and the arm chose a slower rate; which of these costs we did not separate.
#
# **So do the worlds agree? Not always.** Home decided nothing. L2 helps in both others, on the lines by 2 of 48 points, just past our bound. Decoupled decay helps on the clock, and on the lines by a point at most: its tuning chose the weakest strength that was tried. There two worlds differ, decided, so no verdict of one can be carried over to the next. (How far to trust that: *Deeper*.)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: why so little at home, rate by rate
#
# Lesson 04 saw ten points and lesson 06 eight, with one rate for all. Here plain may choose its own, and these gains are not there. (Their *explanations* we did not test.) The error on the pilots' validation rows, of which a fifth is labelled wrong:

# %% tags=["deeper"]
home = [line for line in carried.sweep() if line.world == "fully connected"]
for arm in ("plain", "early stopping"):
    tried = sorted((line.lr, line.error) for line in home if line.arm == arm)
    print(f"{arm:<15}" + "".join(f"{error:7.1%}" for _, error in tried))
print(f"{'at rate':<15}" + "".join(f"{rate:7.1g}" for rate, _ in tried))

# %% [markdown]
# At the rates on the right plain learns the wrong labels by heart, and stopping early saves up to seven points (a little less in truth: its weights were chosen on these same rows). At the slow rates on the left training ends before that, and plain is as good as stopped. A well chosen slow rate and early stopping do the same work here (lesson 09 takes that apart for dropout).

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: how far to trust the table
#
# (Home trains for 1000 updates, the lines for 1500, the clock for 400.) What every arm errs on test rows, with the strength and the rate that it chose; and how far dropout is ahead on the lines. (Differences are rounded after they are taken, so they may be a tenth off those of this list.)

# %% tags=["deeper"]
print(explore.worlds.levels())
print(explore.worlds.leader("convolution"))

# %% [markdown]
# In the transformer's pilots plain erred 24 % at its best rate, and 45 % and 91 % at the rates beside it. So plain was given four more rates in between, from 0.024 to 0.042, 13 in all where decay had 12. The same 24 seeds judge it:

# %% tags=["deeper"]
print("plain with 13 rates errs "
      f"{carried.level('transformer', 'plain, more rates'):.1%}")
for arm in ("decoupled decay", "dropout"):
    found = carried.stored("transformer", arm, "plain, more rates")
    print(f"{arm:<15} against it {100 * found.mean:+.1f} "
          f"[{100 * found.low:.1f}, {100 * found.high:.1f}] points")

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
# The table's bound. Of this page's eight seeds; the 24 fresh ones are those of the list
# above, seen before this was written.
claim("On the clock a tuned transformer with decoupled decay has a lower test error "
      "than plain at its best of 13 rates, by more than a point.", kind="measured",
      measured=carried.difference("transformer", "decoupled decay",
                                  other="plain, more rates"),
      id="finer-decay", holds=below(-0.01), unit="points", times=100)

# %% [markdown]
# Against plain with nine rates decay is ahead by 20 points, dropout by 12. So nearly half of decay's lead there is plain's coarse grid, and most of dropout's. (`carried.stored("transformer", "L2 through Adam", "plain, more rates")` says of L2 what is printed of decay.) The other arms were not given these rates; they may gain by them too. The pilots of plain and of the norm, from the stored sweep, in per cent wrong:
#
# | rate | 0.001 | 0.0018 | 0.0032 | 0.0056 | 0.01 | 0.018 | 0.032 | 0.056 | 0.1 |
# |---|---|---|---|---|---|---|---|---|---|
# | plain | 49 | 48 | 48 | 47 | 48 | 45 | 24 | 91 | 99 |
# | a norm | 48 | 55 | 59 | 75 | 79 | 81 | 53 | 69 | 90 |
#
# So up to 0.032 the norm is at no rate better than plain by more than a point. It has a dip where plain has its window, and nobody looked how deep it is.
#
# What else to keep in mind:
#
# - The norm is a BatchNorm, on the clock a LayerNorm. Arms began with three strengths at three rates each, or with nine rates; whose best lay at the end tried more, once. The norm came to 9 or 12 rates, early stopping to 9; arms with a strength came to 9, 12 or 16 settings, which favours them; plain stayed at nine. Three rates are 3.2 times apart, nine 1.8 times. Dropout acts on the MLP's hidden units in the transformer (not on attention, not on embeddings), in the convolution before its last layer.
# - On the clock decay, L2 and dropout lead plain at nine rates, and are compared with plain at 13; the four others are compared with plain at nine. (The 24 seeds behind that had been seen before the sentence was written: not fresh in our sense.) The norm would be said to harm; as it may have a good rate between those that were tried, we print *undecided*, with a star. Without it and dropout the two new worlds agree, decided, in two of seven rows (L2 helps, stopping by the loss harms), and disagree, decided, in one: decoupled decay helps on the clock by 11 points, and on the lines, at the setting that it chose (the end of its grid), by a point at most. By the rule of exercise T5 none of the seven claims was asked to carry over: home decides nothing.
# - The two stops watch networks trained alike. On the clock both chose plain's rate, 0.032. On the lines plain chose 0.032, the stop by the loss 0.018, that by the error 0.056. There the stop by the loss hands back a network in the middle of the cosine, before its slow end; how much of its +8 is due to that and to the rate we did not separate.
# - On the clock the norm stands without decay. The loop in plain PyTorch has two norms, and with decay it has every test pair right.
# - In seven cells the strength that was chosen stands at the end of what was tried: they have a dagger. "A point at most" is said of that setting, not of every strength.
# - At home and on the lines a fifth of the *validation* labels is wrong as well, as it would be in life, so four pilot seeds choose by luck too.
# - For *these* 1797 digits alone, by intervals a fifth as wide, five of the seven help at home by at most a point; L2 and smoothing stay undecided.
# - Plain errs 11, 48 and 21 %, so a bound for each world, named before, would have been wiser. By a tenth of plain's error (1.1, 4.8 and 2.1 points), a bound that we name only now, smoothing on the lines would be undecided, and L2, the norm and stopping by error there would help by at most the bound; the rest stands.
# - The row *by error* was added when the others were known. Its rule and its grid were written down before its run, and the same 24 seeds judge it.
# - Why no method is best everywhere, we can only guess: the worlds differ in many things at once. One asks *what is to be forgotten*: on the clock a list of answers (a pull on all weights), on the lines accidents of 1000 lines (dropout, shifted lines). And *what symmetry the data have*: on the clock swapping, which a mean makes easy, and turning, which came with decay; on the lines shifts, which one can tell it, or build in.
# - Twenty-one intervals at 95 %: one of them may well be wrong. And a first sweep, around other rates, had most of its best settings at the ends of the grids; it was thrown away, and new seeds judged.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: one cell of the table, trained as you read
#
# The networks of the table (24 arms of 24 seeds) were trained once and stored. Here is one cell again, against plain at nine rates, at seeds of this page. One network is trained now; `carried.difference("transformer", "decoupled decay", afresh=True)` trains all sixteen.

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("A tuned transformer with decoupled decay has a lower test error than a tuned "
      "plain one, by more than a point.",
      measured=carried.difference("transformer", "decoupled decay"), kind="measured",
      id="carried-decay", holds=below(-0.01), unit="points", times=100)

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
stored = carried.errors("transformer", "plain")
*_, again = carried.judge("transformer", "plain", seeds=(0,))
print(f"plain, first seed: stored {stored[0]:.1%} wrong, trained now {again[0]:.1%}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The warning: one setting for all
#
# What would one have believed without equal budgets? Take the convolution, right labels, **one learning rate for all** (0.003), nothing tuned, five seeds. *Shifts* move each line at random by up to four places. (These data were made by shifting: we know it to be true of them.)

# %%
predict("conv", "At one rate for all: which of these five lowers the test error most?",
        ["decay 0.3", "dropout 0.5", "smoothing 0.1", "batch norm", "shifts of 4",
         "the best two cannot be told apart"])

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
*_, lines = conv.compute_arms()
arms = conv.ARMS
for name, key, verb in (("batch norm", "norm", "lowers"),
                        ("shifts of 4", "shifts", "lower")):
    claim(f"{name.capitalize()} {verb} the test error by more than 5 points, against "
          "plain.", measured=lines.difference(arms[name]), kind="measured",
          id=f"conv-{key}", holds=below(-0.05), unit="points", times=100)

# %%
# who errs less than each of the four others, by intervals
named = ("decay 0.3", "dropout 0.5", "smoothing 0.1", "batch norm", "shifts of 4")
won = conv.ahead_of_all(lines, named)

# %% jupyter={"outputs_hidden": true}
# what came out
reveal("conv", [*won, "the best two cannot be told apart"][0],
       because=f"batch norm {100 * lines.difference(arms['batch norm']).mean:.0f}, "
               f"shifts {100 * lines.difference(arms['shifts of 4']).mean:.0f} points "
               "against plain; to win, an arm must be ahead of the four others by its "
               "intervals",
       rests="conv-norm, conv-shifts")

# %% [markdown]
# **At one rate for all a norm and shifts gain some 14 points each against plain**, dropout some seven. <!-- rests: conv-norm, conv-shifts, conv-dropout -->
#
# **But in the table the norm was undecided.** There a fifth of the labels was wrong, and plain had chosen ten times this rate. So we tuned on *right* labels, too. Five points count, as above:

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
# Eight seeds, each arm tuned. Below −5 points: the lead stays. Above: it shrinks.
for name, verb in (("a norm", "has"), ("shifts", "have")):
    claim(f"On right labels, each tuned, {name} {verb} a lower test error than plain, "
          "by more than 5 points.", measured=carried.difference(carried.RIGHT, name),
          kind="measured", id=f"tuned-{name.split()[-1]}", holds=below(-0.05),
          unit="points", times=100)

# %%
explore.worlds.show_own_rates(lines)

# %% [markdown]
# With a rate of its own plain errs 20 %, not 36. **So most of the norm's lead is gone: two to three points are left. That of shifts stays, at about 13.** <!-- rests: not tuned-norm, tuned-shifts -->
#
# **Does it hold elsewhere? Not always. So take the questions along, not the verdicts; and ask first for plain's own learning rate.** Each method stood alone here; together, as in practice, we did not try them. (More arms, and what a wrong rate costs: *Deeper*.)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: every arm, and what the intervals cover
#
# **Do this**: go through the arms; then change error to NLL, the loss on the test lines. **Notice**: which arms move the error, and which only the NLL?

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
from course_lib.explorers import elsewhere as explore

explore.conv.show()

# %% [markdown]
# Each arm against plain. Errors are fractions here: −0.14 is 14 points fewer. Decay does something *for the NLL* if that falls.
#
# Decay pulls a twelfth as much here as on the clock. It shrinks weights by $\eta\lambda$ at each step. On the clock that sums to 400 · 0.01 · 2 = 8. On the lines the cosine halves it, to 1500 · 0.003 · 0.3 / 2 = 0.7. Is that why it does not move the error? In the sweep of the table, with wrong labels, a pull of 7.5 was tried too, λ = 1 at a rate of 0.01: 61 % of the pilots' validation rows wrong (a fifth of their labels is), as plain at that rate. So too little pull does not explain it there.

# %% tags=["deeper"] jupyter={"outputs_hidden": true}
for name, arm in arms.items():
    if arm != conv.PLAIN:
        print(f"{name:<14} error {lines.difference(arm)}"
              f"   NLL {lines.difference(arm, what='test_loss')}")

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("Decay of 0.3 lowers the test NLL, against plain.", kind="measured",
      measured=lines.difference(arms["decay 0.3"], what="test_loss"),
      id="conv-decay-nll", holds=negative, unit="nats")
claim("Batch norm has a lower test error than decay of 0.3, by more than 5 points.",
      measured=lines.difference(arms["batch norm"], arms["decay 0.3"]),
      kind="measured", id="conv-norm-decay", holds=below(-0.05), unit="points",
      times=100)

# %% [markdown]
# Two more sentences about the same five seeds:

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("Dropout 0.5 lowers the test error by more than a point, against plain.",
      measured=lines.difference(arms["dropout 0.5"]), kind="measured",
      id="conv-dropout", holds=below(-0.01), unit="points", times=100)
claim("Decay 0.3 changes the test error by less than 2 points, against plain.",
      measured=lines.difference(arms["decay 0.3"]), kind="measured",
      id="conv-decay", holds=within(0.02), unit="points", times=100)

# %% [markdown]
# **Told or built in.** Shifting *tells* the network what is true of these data: a digit moved by two places is the same digit. One can also build it in, without moving one line. A convolution is said to know shifts by itself. Ours moves by two places, and its last layer has weights of its own for each of the five that remain. With a mean over the five places in front of that layer it *wins* if it errs more than 5 points less than plain, each at the best of its nine rates. (Stored at this page's seeds.)

# %% tags=["deeper", "nbval-check-output"] jupyter={"outputs_hidden": true}
# what is claimed
claim("On right labels, each with a tuned rate, a convolution that ends in a mean over "
      "places has a lower test error than plain, by more than 5 points.",
      measured=carried.difference(carried.RIGHT, "a mean over places"),
      kind="measured", id="conv-mean", holds=below(-0.05), unit="points", times=100)

# %% [markdown]
# All that was tuned on right labels, on the test rows of 24 seeds:

# %% tags=["deeper"]
print(explore.worlds.on_right_labels())

# %% [markdown]
# Decay and smoothing do not clearly move the error here. Decay lowers the NLL by 0.34, and changes the error by less than two points, on fresh seeds only. So it moves how sure the network is, more than how often it is right.
#
# Decay, L2 and smoothing were not tuned on right labels. What the norm brings is room: over nine rates 15 to 25 % were wrong with it, 18 to 49 % without (pilots, no claim). The mean over places *wins*, by 8 points. <!-- rests: conv-mean --> It makes the network nearly blind to where a thing lies. Not wholly: the layers move by two places, and see zeros beyond the ends. It also has a fifth of the weights in its last layer, and chose a faster rate than plain. Which of these brings the gain we did not isolate, and shifts and mean together we did not try.
#
# In both new worlds the intervals cover other rows and another start, on the lines another order of batches too; one architecture, one optimizer, one size of each, and one way to make the data.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a wrong rate, or the best method?
#
# Which costs plain more: a wrong rate, or doing without the best method? Below is plain at each of its nine rates, over a hundredfold. The orange bar is the largest gain of any arm on plain at its best rate. Which is longer, the curve from top to bottom, or the bar?

# %% tags=["deeper"]
explore.worlds.show_by_rate()

# %% [markdown]
# The curve, in every panel: the worst rate costs plain more than the best arm gains. But how much longer hangs on how wide we drew the grid, and on the lines with wrong labels on the fastest rate alone: without it the curve spans 5 points, and the bar 6. One step from the best, a rate costs some three points at most at home, and more than 20 on the clock.
#
# Curves are validation rows of four pilot seeds, bars test rows (no claim). At home and on the lines a fifth of the *validation* labels is wrong and counts as error, so these curves lie ten to twenty points higher than the table: compare heights within a panel. At home the bar is an undecided arm, too short to see; on the clock it is 11 against plain's 13 rates.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# On Monday, with a network of your own, in this order:
#
# 1. Tune the learning rate of the plain network, and look when to stop it.
# 2. Use what you know to be true of the data: shift, turn, crop, take more.
# 3. Change one thing.
# 4. Give both sides the same budget.
# 5. Judge by an interval, on several seeds and on rows that nothing was chosen on (lesson 09).
#
# Do not take λ = 2 from here: our run has 400 updates at a rate of 0.01, and a pull that is felt in so short a run is strong. In a long one it would leave nothing (lesson 04). Large transformers have 0.01 to 0.1, and decay no biases, no norms and often no embeddings.
#
# ## When not to
#
# - **Do not wait for grokking.** It is reported mostly for small data that follow an exact rule; elsewhere it was brought about by large initial weights (Liu et al., 2022).
# - **Do not shift what has a place**: an augmentation that is not true of the data gives wrong labels.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: and at scale?
#
# Who is decayed, in two groups:

# %% tags=["deeper"]
block = nn.TransformerEncoderLayer(64, 4, 256, batch_first=True)
matrices = [p for p in block.parameters() if p.ndim >= 2]
vectors = [p for p in block.parameters() if p.ndim < 2]  # biases and norms
optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1},
                               {"params": vectors, "weight_decay": 0.0}], lr=3e-4)
print(len(matrices), "matrices are decayed,", len(vectors), "vectors are not")

# %% [markdown]
# How strong is a pull? Add it up (lesson 04): with λ = 0.1, a rate of 0.0003 and 100 000 steps, λ · rate · steps is 3, or half that under a cosine; ours is 8, in 400 steps of 2 %, theirs in steps of 0.003 %.
#
# By `ndim` alone an embedding is a matrix and is decayed; exercise T3 asks you to decide it by type.
#
# The rest is not measured here; this is what others report.
# - Language models that see each text once can hardly overfit. Their dropout is 0 (so in PaLM's pre-training: Chowdhery et al., 2022, arXiv:2204.02311), and comes back where data are repeated (Xue et al., *To repeat or not to repeat*, 2023, arXiv:2305.13230).
# - Decay stays, for another reason: it keeps the steps large enough compared with the weights, and training stable (D'Angelo et al., 2023, arXiv:2310.04415; lessons 04 and 07).
# - Vision transformers: augmentation and regularization, together with more compute, were worth about ten times the images (Steiner et al., *How to train your ViT?*, 2021, arXiv:2106.10270).
# - A ResNet-50 of 2015, trained by a recipe of 2021, gains as much as many a new architecture had claimed (Wightman, Touvron & Jégou, *ResNet strikes back*, 2021, arXiv:2110.00476). Tune plain first.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your turn
#
# Write the pieces, and carry a claim of your choice to another world: **`10_elsewhere_exercises.ipynb`**.
#
# **This is the end of the course.** All cards stand on the [cheat sheet](cheatsheet.md), every claim in the [ledger](claims.md). Where a sentence is wrong: tell us.

# %% [markdown] tags=["card"] slideshow={"slide_type": "slide"}
# ## To keep
#
# - **In one sentence**: take the questions along, not the verdicts; and ask first for plain's own learning rate.
# - **Formula**: $\text{attention}(Q, K, V) = \text{softmax}(QK^\top/\sqrt d)\,V$, a weighted mean of values ($Q$, $K$, $V$: all queries, keys and values, one a row).
# - **PyTorch**: `F.scaled_dot_product_attention(q, k, v)`, `nn.MultiheadAttention(width, heads, batch_first=True)`.
# - **Typical**: AdamW, λ of 0.01 to 0.1, warm-up.
# - **When not**: without a plain network tuned with as much effort.
# - **What we measured**: at a rate of 0.01 a transformer that knew its training pairs by heart, and half of the others, stayed there without decay; with it, begun early or late, some 45 points more were right. Tuned, plain alone gets 88 % right, and decay is 11 points ahead. On lines of numbers a norm and shifts gained 14 points each at one rate; tuned, two to three and about 13. <!-- rests: plain-stays, decay-gains, late-decay-gains, finer-decay, conv-norm, conv-shifts, not tuned-norm, tuned-shifts -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: sources
#
# *Grokking*: Power, Burda, Edwards, Babuschkin & Misra, *Grokking: generalization beyond overfitting on small algorithmic datasets*, 2022 (arXiv:2201.02177); its circuits: Nanda, Chan, Lieberum, Smith & Steinhardt, ICLR 2023 (arXiv:2301.05217). Our network follows theirs but is smaller, trained at a higher rate, and without norms, as in the second.
# *MNIST-1D*: Greydanus & Kobak, *Scaling down deep learning with MNIST-1D*, ICML 2024 (arXiv:2011.14439). *Attention*: Vaswani et al., *Attention is all you need*, NeurIPS 2017 (arXiv:1706.03762). *RMSNorm*: Zhang & Sennrich, NeurIPS 2019 (arXiv:1910.07467). *Where the norm stands*: Xiong et al., ICML 2020 (arXiv:2002.04745).

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Test yourself, and teach it
#
# What one can explain in two minutes one has understood. Do it aloud, to a friend, a pet, or the wall; where you get stuck is where to read again.
#
# **Teach it to** somebody who stops training as soon as the training loss is zero. *Draw* two curves, training and test accuracy, with some hundred updates between their rises, and under them 31 numbers, first strewn, then on a ring. *Disarm* the sentence "at zero training error there is nothing left to learn". *And ask back:* What still moves the weights when every training pair is right?
#
# Below: the questions of this lesson, with a reason for every option, and its cards, which come back after 1, 3 and 7 days.

# %% slideshow={"slide_type": "skip"}
from course_lib.notebook import quiz_of, recall

quiz_of("elsewhere")

# %% slideshow={"slide_type": "skip"}
recall("elsewhere")
