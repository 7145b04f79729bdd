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
# # Label smoothing: what does a calibrated classifier cost?
#
# A network says "seven, 99 % sure", and is wrong one time in five. A one-hot label asks for exactly that: probability 1, whatever the picture looks like.
# **Label smoothing** writes a little doubt into every label instead. Does the network then mean what it says? And what is the price?
#
# *45 minutes; sections called* Deeper *are folded, and extra. You need to know what softmax and cross entropy are.*

# %% tags=["setup"]
import torch

from course_lib.explorers import label_smoothing as explore
from course_lib.label_smoothing import (CrossEntropyLoss, cross_entropy, expected_calibration_error, loss_floor,
                                        optimal_gap, smooth_labels, temperature_scale)
from course_lib.lab.statistics import mean_interval, paired_interval
from course_lib.notebook import claim, predict, quiz, reveal, setup, show_source

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A label that is never satisfied
#
# One training row with five classes. The label's **logit** (what the network puts out before softmax) stands some **gap** above the other four. *Left:* bars are the target, dots the prediction.
# **Drag the gap to the right and watch the loss and its gradient.** However large the gap, the gradient still says: more. Leave ε at 0 for now, a question comes first.

# %% slideshow={"slide_type": "-"}
explore.targets.show(epsilon=0.0)

# %% [markdown]
# At the end of this lesson you can
# - write down a smoothed target, and say at which logits its loss is lowest and how low that is;
# - measure whether a classifier's confidence can be believed, and mend it with one number;
# - say where label smoothing helps calibration, where it spoils it, and what else it changes.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Doubt, shared out
#
# Smoothing takes ε from the label and shares it out evenly among **all** $K$ classes. With the one-hot label $y$,
# $$q = (1-\varepsilon)\,y + \frac{\varepsilon}{K}.$$
# Run the next cell (Shift+Enter), choose, and only then go on: your answer is kept and shown beside what comes out.

# %%
predict("label", "Five classes, ε = 0.1. What is the target of the true class?", ["0.9", "0.92", "0.98"])

# %% jupyter={"outputs_hidden": true}
by_hand = smooth_labels(torch.tensor([2]), 5, 0.1, torch.float64)
print("target", [round(q, 4) for q in by_hand[0].tolist()], " sum", round(by_hand.sum().item(), 4))

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
claim("K = 5 and ε = 0.1 give 0.92 for the label and 0.02 for each other class, and they sum to 1.",
      measured=[*by_hand[0].tolist(), by_hand.sum().item()],
      holds=lambda q: max(abs(a - b) for a, b in zip(q, (0.02, 0.02, 0.92, 0.02, 0.02, 1.0))) < 1e-15)
reveal("label", "0.92", because="it keeps 0.9 and gets its own share, 0.1/5, back")

# %% [markdown]
# `claim` checks a sentence before your eyes: an *Exact* one must hold to rounding; a *Measured* one, further down, is judged by an interval over seeds and may come out either way, or undecided.
#
# A widely read tutorial prints the formula above and then, for these very numbers, `[0.02, 0.02, 0.9, 0.02, 0.02]`, which sums to 0.98. It says that ε goes "to the incorrect classes". By its own formula it goes to all.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The loss
#
# Nothing else changes: the loss is the cross entropy $-\sum_k q_k \log p_k$ with $p = \mathrm{softmax}(z)$. Here is the function; its last lines are the formula, the ones before sort out shapes, class weights $w$ and ignored rows. It equals PyTorch's `CrossEntropyLoss(label_smoothing=ε)` in value and gradient, for every option (a folded section at the end holds them to it).

# %%
show_source(cross_entropy)

# %% [markdown]
# Put $q$ in, and the sum splits into two cross entropies you know: one to the label, one to the **uniform** target $1/K$:
# $$(1-\varepsilon)\;\mathrm{CE}(y, p) \;+\; \varepsilon\;\mathrm{CE}(\text{uniform}, p).$$

# %% tags=["nbval-check-output"]
z = 3 * torch.randn(50, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
y = torch.arange(50) % 10
uniform = torch.full_like(z, 1 / 10)
mixtures = {e: (1 - e) * cross_entropy(z, y) + e * cross_entropy(z, uniform) for e in (0.0, 0.1, 0.5, 1.0)}
claim("Without class weights the smoothed loss is (1 − ε)·CE to the label + ε·CE to uniform.",
      measured=[(cross_entropy(z, y, label_smoothing=e) - mixtures[e]).item() for e in mixtures],
      holds=lambda gaps: max(map(abs, gaps)) < 1e-14)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where it is satisfied
#
# The gradient in the logits is $p - q$. (For one-hot labels that is $p - y$: zero only for infinite logits.) So the loss is lowest where $p = q$, at a *finite* gap.

# %%
predict("floor", "Ten classes, ε = 0.1, a network that could not be better. What is its smoothed training loss?",
        ["0", "0.1", "0.5", "2.3"])

# %% [markdown]
# If $p = q$, the label's logit stands above each other one by the logarithm of the ratio of their probabilities:
# $$\text{gap} = \log\frac{1-\varepsilon+\varepsilon/K}{\varepsilon/K} = \log\frac{K(1-\varepsilon)+\varepsilon}{\varepsilon}.$$
# The loss there is the entropy of the target, $-\sum_k q_k\log q_k$: the **floor**, and no network gets below it. Let ten logits descend freely:

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
free, q = torch.zeros(1, 10, dtype=torch.float64), smooth_labels(torch.tensor([0]), 10, 0.1, torch.float64)
for _ in range(3000):
    free = free - 10 * (free.softmax(1) - q)  # gradient descent, learning rate 10
claim("K = 10, ε = 0.1: free logits come to rest at a gap of log((K(1 − ε) + ε)/ε) = 4.511.",
      measured=[(free[0, 0] - free[0, k]).item() for k in (1, 9)],
      holds=lambda gaps: all(abs(g - optimal_gap(10, 0.1)) < 1e-9 and round(g, 3) == 4.511 for g in gaps))
claim("There the loss is the entropy of the target, 0.5003.",
      measured=cross_entropy(free, torch.tensor([0]), label_smoothing=0.1).item(),
      holds=lambda loss: abs(loss - loss_floor(10, 0.1)) < 1e-12 and round(loss, 4) == 0.5003)
reveal("floor", "0.5", because="the entropy of the target, 0.5003: a training loss of 0.5 can be perfect")

# %% [markdown]
# So smoothed losses for different ε cannot be compared: their floors differ. On validation rows, judge by the *plain* cross entropy. Now go back to the first picture and move ε: the dotted lines are these two formulas.
#
# Free logits get there, and so does any network that can give every training row the logits it likes. A smaller model may have to compromise, even where it gets every row right:

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a model that is right everywhere, and still comes to rest elsewhere
#
# Four points on a line, two classes, ε = 0.1: the formula says a gap of 2.944 for every row. A linear model separates the classes, but its logits lie on a line too.

# %% tags=["deeper", "nbval-check-output"]
def fitted_gaps(x, y, epsilon):
    """Gap between the two logits of each row, label's minus other's, for a linear model at its lowest smoothed loss."""
    w = torch.zeros(x.shape[1], 2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=500, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe")
    def loss():
        optimizer.zero_grad()
        value = cross_entropy(x @ w, y, label_smoothing=epsilon)
        value.backward()
        return value
    optimizer.step(loss)
    sign = 2.0 * y - 1
    return (sign * (x @ w)[:, 1] - sign * (x @ w)[:, 0]).detach()


points, sides = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]], dtype=torch.float64), torch.tensor([0, 0, 1, 1])
line, own = fitted_gaps(points, sides, 0.1), fitted_gaps(torch.eye(4, dtype=torch.float64), sides, 0.1)
claim("A model with a weight of its own for each row reaches the gap of 2.944 in every row.",
      measured=own.tolist(), holds=lambda gaps: max(abs(g - optimal_gap(2, 0.1)) for g in gaps) < 1e-6)
claim("A straight line, right on every row too, comes to rest elsewhere: below it at ±1, above it at ±2.",
      measured=line.tolist(), holds=lambda gaps: 0 < gaps[2] < 2.9 < 3.0 < gaps[3] and abs(gaps[3] - 2 * gaps[2]) < 1e-9)

# %% [markdown]
# The far points get more confidence than their labels ask for, the near ones less: a line cannot tell them apart in any other way.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Can the confidence be believed?
#
# The **confidence** of a prediction is its largest probability. A classifier is **calibrated** if, among predictions made with confidence 0.8, a share of 0.8 is right.
# To measure it, sort predictions into bins by confidence. In each bin compare the share that is right with the mean confidence, and average these gaps, each weighted by the predictions in its bin: the **expected calibration error**, ECE.
#
# Six predictions, five bins: confidence 0.6 (right), 0.6 (wrong), 0.9 (right), 0.9 (right), 0.9 (wrong), 1 (wrong). The bin of the two 0.6 has a gap of $|0.5 - 0.6| = 0.1$.
# The last four have a mean confidence of 0.925 and are right half of the time, a gap of 0.425. So $\frac{2 \cdot 0.1 + 4 \cdot 0.425}{6} = 0.3167$.

# %% tags=["nbval-check-output"]
said = torch.tensor([0.6, 0.6, 0.9, 0.9, 0.9, 1.0], dtype=torch.float64)
six = torch.stack([said, 1 - said], 1)
truth = torch.tensor([0, 1, 0, 0, 1, 1])  # the prediction is always class 0
claim("The six predictions have an ECE of 0.3167 in five bins.",
      measured=expected_calibration_error(six, truth, 5), holds=lambda ece: abs(ece - 1.9 / 6) < 1e-12)
shares = torch.full((50, 10), 0.1, dtype=torch.float64)  # every class is a tenth of the fifty labels above
claim("A model that always says 0.1 for each of ten equally frequent classes has an ECE of 0, and is useless.",
      measured=expected_calibration_error(shares, y), holds=lambda ece: ece < 1e-12)

# %% [markdown]
# Hence: never judge by ECE alone. The plain cross entropy on unseen rows, the **NLL** (negative log-likelihood), pays for both, being wrong and being boastful. We show both, and the error.
#
# **The cheap repair.** Divide all logits by one number $T$, the **temperature**, chosen so that the NLL on validation rows is lowest. $T > 1$ makes the model more modest; which class is largest stays the same.
# In $1/T$ the NLL is convex, so there is one best value.

# %% tags=["nbval-check-output"]
labels = (z / 2).softmax(1).multinomial(1, generator=torch.Generator().manual_seed(1))[:, 0]  # z claims twice too much
T = temperature_scale(z, labels)
grid = [T * 1.01**step for step in range(-300, 301)]
claim("temperature_scale finds the lowest NLL: none of 600 other temperatures, from T/19 to 19T, is as good.",
      measured=min(cross_entropy(z / t, labels).item() for t in grid if t != T) - cross_entropy(z / T, labels).item(),
      holds=lambda excess: excess > 0)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Does smoothing calibrate?
#
# Handwritten digits, a 64-128-10 network, 300 training rows of which **20 % carry a wrong label**, 2000 steps of AdamW: long enough to memorise them all, wrong ones included. Test labels are right. The same for six ε, eight seeds.
#
# What counts is said beforehand: *better* or *worse* means that the 95 % interval of the paired difference (same seed, with smoothing minus without) lies below or above 0.

# %%
predict("ece", "Compared with no smoothing, the calibration error on test rows is …",
        ["lower with ε = 0.05 and with ε = 0.2", "lower with ε = 0.05, higher with ε = 0.2",
         "higher with both", "not told apart"])

# %%
predict("noisy-T", "We fit a temperature on 200 validation rows. If those too have 20 % wrong labels, the calibration error on clean test rows …",
        ["falls, a little less than with right labels", "stays as it was", "rises"])

# %% jupyter={"outputs_hidden": true}
explore.reliability.show()

# %% [markdown]
# *Left:* each dot is a bin, on the dotted line it would be honest; below the line the network boasts, above it is too modest. A hollow dot is a bin with fewer than 50 predictions of all seeds together; the bars below count them.
# *Right:* loss, calibration error and error against ε, bands over seeds: as they are (solid), and after a temperature fitted on right or on wrong labels. **Move ε from 0 to 0.4, then choose another way of reading the probabilities.**

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
*_, noisy = explore.compute_reliability(noise=0.2, steps=2000)  # what the picture was drawn from
for epsilon, sign, word in ((0.05, -1, "lower"), (0.2, 1, "higher")):
    change = paired_interval(noisy.of("ece", epsilon), noisy.of("ece", 0.0))
    claim(f"Noise memorised: with ε = {epsilon} the calibration error is {word} than without.",
          measured=change, kind="measured", holds=lambda d, s=sign: d.between(high=0) if s < 0 else d.between(low=0))
for epsilon in (0.05, 0.2):
    claim(f"Noise memorised: with ε = {epsilon} the NLL is lower than without.", kind="measured",
          measured=paired_interval(noisy.of("nll", epsilon), noisy.of("nll", 0.0)), holds=lambda d: d.between(high=0))

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
right, wrong = "temperature, right labels", "temperature, noisy labels"
for figure in ("ece", "nll"):
    claim(f"Without smoothing, a temperature fitted on right labels lowers the {figure.upper()}.", kind="measured",
          measured=paired_interval(noisy.of(figure, 0.0, right), noisy.of(figure, 0.0)), holds=lambda d: d.between(high=0))
claim("A temperature fitted on noisy labels raises the calibration error on clean rows.", kind="measured",
      measured=paired_interval(noisy.of("ece", 0.0, wrong), noisy.of("ece", 0.0)), holds=lambda d: d.between(low=0))
for figure in ("ece", "nll"):
    claim(f"ε = 0.05 alone has a lower {figure.upper()} than a temperature alone.", kind="measured",
          measured=paired_interval(noisy.of(figure, 0.05), noisy.of(figure, 0.0, right)), holds=lambda d: d.between(high=0))

# %%
def moved(epsilon):
    """-1, 0, 1: the calibration error with smoothing is lower, not told apart, or higher."""
    change = paired_interval(noisy.of("ece", epsilon), noisy.of("ece", 0.0))
    return int(change.low > 0) - int(change.high < 0)


came_out = {(-1, -1): "lower with ε = 0.05 and with ε = 0.2", (-1, 1): "lower with ε = 0.05, higher with ε = 0.2",
            (1, 1): "higher with both"}
reveal("ece", came_out.get((moved(0.05), moved(0.2)), "not told apart"),
       because="a little doubt corrects boasting, more doubt turns it into modesty")

# %%
shift = paired_interval(noisy.of("ece", 0.0, wrong), noisy.of("ece", 0.0))
reveal("noisy-T", "rises" if shift.low > 0 else "stays as it was" if shift.high > 0 else "falls, a little less than with right labels",
       because=f"T was {noisy.of('temperature', 0.0, wrong).mean():.1f}, with right labels {noisy.of('temperature', 0.0, right).mean():.1f}")

# %% [markdown]
# A smoothed target is a fixed amount of doubt for every row, chosen before anybody knows how good the network will be. If that is about the doubt the network ought to have, it is calibrated; else it misses, on one side or the other.
# A temperature is *fitted* to what the network gets wrong. But it believes the labels it is fitted on: a fifth of them wrong, and it teaches the network to doubt a fifth of what it has right.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## And where there is nothing to mend?
#
# Memorised noise makes a network boastful. Two other situations: right labels, same number of steps; and noisy labels with training stopped at step 600, before all are memorised. The change that smoothing makes, mean ± half of the 95 % interval:

# %%
predict("elsewhere", "In both of these, ε = 0.1 makes the calibration error …", ["lower", "higher", "lower in one, higher in the other"])

# %% jupyter={"outputs_hidden": true}
*_, clean = explore.compute_reliability(noise=0.0, steps=2000)
*_, early = explore.compute_reliability(noise=0.2, steps=600)
situations = {"noise, memorised": noisy, "right labels": clean, "noise, stopped early": early}
print("situation             ε     change of ECE     change of NLL     change of error")
for name, run in situations.items():
    for epsilon in (0.02, 0.05, 0.1, 0.2):
        changes = [paired_interval(run.of(f, epsilon), run.of(f, 0.0)) for f in ("ece", "nll", "error")]
        print(f"{name:<21} {epsilon:<5}", *(f"{c.mean:+.3f} ± {c.half_width:.3f}  " for c in changes))

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
for name, run in (("right labels", clean), ("noise, stopped early", early)):
    for figure in ("ece", "nll"):
        claim(f"{name}: ε = 0.1 makes the {figure.upper()} worse.", kind="measured",
              measured=paired_interval(run.of(figure, 0.1), run.of(figure, 0.0)), holds=lambda d: d.between(low=0))
for name, run in situations.items():
    claim(f"{name}: ε = 0.1 lowers the error.", kind="measured",
          measured=paired_interval(run.of("error", 0.1), run.of("error", 0.0)), holds=lambda d: d.between(high=0))
gain = {name: run.of("error", 0.0) - run.of("error", 0.1) for name, run in situations.items()}
claim("ε = 0.1 lowers the error by more with memorised noise than with right labels.", kind="measured",
      measured=paired_interval(gain["noise, memorised"], gain["right labels"]), holds=lambda d: d.between(low=0))
claim("After a temperature (right labels), ε = 0.1 has a lower NLL than no smoothing, in memorised noise.", kind="measured",
      measured=paired_interval(noisy.of("nll", 0.1, right), noisy.of("nll", 0.0, right)), holds=lambda d: d.between(high=0))

# %%
signs = {bool(c.low > 0) for c in (paired_interval(run.of("ece", 0.1), run.of("ece", 0.0)) for run in (clean, early))}
reveal("elsewhere", "higher" if signs == {True} else "lower" if signs == {False} else "lower in one, higher in the other",
       because="without much to mend, a fixed doubt is too much doubt")

# %% [markdown]
# Two questions that are easily taken for one. *Does smoothing help the error?* See the last column. *Are the probabilities then honest?* See the column of the ECE, and remember that a temperature can follow: it mends the confidence and leaves the error as it is.
# "Label smoothing calibrates" holds where a network is boastful, for an ε that happens to fit.
#
# *What the intervals cover:* eight seeds, each with another split, start and batch order, always of the same 1797 images. About one in twenty such intervals misses.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: noisy labels are smoothed labels
#
# Why should smoothing help the *error* under label noise? Let a label be wrong with probability ρ, each other class equally likely. Its mean over all draws is a smoothed label, with $\varepsilon = \rho K/(K-1)$:
# who sees many rows of one kind is trained on smoothed targets anyway. Smoothing each single row tells the network so from the start, and it need not bend for the wrong ones as far.

# %% tags=["deeper", "nbval-check-output"]
rho, K = 0.2, 10
hot = torch.eye(K, dtype=torch.float64)
mean_label = (1 - rho) * hot + rho * (1 - hot) / (K - 1)  # over all draws of a noisy label, for each true class
claim("The mean of labels that are wrong with probability ρ is the smoothed label with ε = ρK/(K − 1): here 0.222.",
      measured=(mean_label - smooth_labels(torch.arange(K), K, rho * K / (K - 1), torch.float64)).abs().max().item(),
      holds=lambda difference: difference < 1e-15)
claim("So the other convention, 1 − ε for the label and ε/(K − 1) for each other class, is ours with ε·K/(K − 1).",
      measured=[1 - 0.1, smooth_labels(torch.tensor([0]), 10, 0.1 * 10 / 9, torch.float64)[0, 0].item()],
      holds=lambda pair: abs(pair[0] - pair[1]) < 1e-15)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: how many bins?
#
# ECE depends on the bins. And in a finite sample no bin's share is exactly its probability, so even a perfectly calibrated model has an ECE above 0; more bins, or fewer rows, and it grows.
# Here labels are drawn from the very probabilities that are judged. Our pictures use 15 bins and 1297 test rows.

# %% tags=["deeper"]
honest = torch.Generator().manual_seed(2)
print("rows     5 bins   15 bins   30 bins     mean ECE of 20 perfectly calibrated samples")
found = {}
for rows in (100, 1297, 10000):
    for bins in (5, 15, 30):
        p = (2 * torch.randn(20, rows, 10, dtype=torch.float64, generator=honest)).softmax(2)
        drawn = torch.stack([one.multinomial(1, generator=honest)[:, 0] for one in p])
        found[rows, bins] = [expected_calibration_error(one, answer, bins) for one, answer in zip(p, drawn)]
    print(f"{rows:<6}", *(f"{sum(found[rows, bins]) / 20:9.4f}" for bins in (5, 15, 30)))

# %% tags=["deeper", "nbval-check-output"]
claim("The ECE of perfectly calibrated predictions is above 0.01, 1297 rows and 15 bins.",
      measured=mean_interval(found[1297, 15]), kind="measured", holds=lambda ece: ece.between(low=0.01))
claim("With 30 bins it is larger than with 5.",
      measured=paired_interval(found[1297, 30], found[1297, 5]), kind="measured", holds=lambda d: d.between(low=0))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What it does to the features
#
# The last layer compares the 128 **penultimate features** $h$ of an image with ten rows of weights, the **templates** of the classes. Smoothing asks for the *same* finite gap to every wrong class, so rows of one class should gather in one spot.
# The picture shows three classes in the plane through their templates, after training on 1000 rows with right labels. As a figure for all ten: scatter within classes over scatter between them; small is tight.
# *Tighter* or *looser* means that the interval of the paired difference (ε = 0.1 minus ε = 0, twelve seeds) lies below or above 0.

# %%
predict("clusters", "With smoothing, the clusters of the ten classes become …",
        ["tighter", "looser", "one or the other: it depends on which directions one looks at"])

# %% jupyter={"outputs_hidden": true}
explore.clusters.show()

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
*_, features = explore.clusters.compute()
plain, smooth = features.epsilons.index(0.0), features.epsilons.index(0.1)
tighter = {}
for space, (where, bounds) in enumerate({"in what the softmax sees, ε = 0.1 makes clusters tighter": {"high": 0},
                                         "in all 128 features, ε = 0.1 makes clusters looser": {"low": 0}}.items()):
    for part, rows in enumerate(("Training", "Test")):
        tighter[space, part] = paired_interval(features.scatter[:, space, part, smooth], features.scatter[:, space, part, plain])
        claim(f"{rows} rows: {where}.", measured=tighter[space, part], kind="measured",
              holds=lambda difference, b=bounds: difference.between(**b))

# %%
seen, whole = (bool(tighter[space, 0].mean < 0) for space in (0, 1))
reveal("clusters", "one or the other: it depends on which directions one looks at" if seen != whole else "tighter" if seen else "looser",
       because="training rows, mean difference in what the softmax sees and in all features")

# %% [markdown]
# The softmax sees $h$ only through ten templates, and only differences between logits count: nine directions of 128. Published pictures of the tight clusters that smoothing makes show such directions. The other 119 change no probability, and smoothing asks nothing of them.
# A figure on "the features" should say which it looked at.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The price: a teacher that tells less
#
# In **distillation** a small student learns from a large teacher's probabilities instead of labels: "a three, a bit like an eight" says more than "a three". Smoothing asks the teacher to treat all wrong classes alike. Does it cost the student?
#
# Teachers: the networks above, ε = 0 and ε = 0.1. Students: 64-16-10, trained on the teachers' softmax(z/4), on 200 or on all 1000 of the teachers' rows. (Said openly: eight of the twelve seeds had been looked at before, with temperatures 1, 2, 4 and 8. At 1 nothing was told apart, at 8 the difference was larger than at 4.)
# *More errors* means that the interval of the paired difference in test error lies above 0.

# %%
predict("student", "The smoothed teacher makes fewer errors than the plain one. Its student with 200 rows makes …",
        ["fewer errors than the plain teacher's", "about as many", "more"])

# %% jupyter={"outputs_hidden": true}
from course_lib.lab.distillation import distill

*_, school = distill()
print("error of                  plain teacher       smoothed teacher     (labels, no teacher)")
print("  the teacher itself     ", "  ".join(f"{mean_interval(e).mean:.4f} ± {mean_interval(e).half_width:.4f}  " for e in school.teacher.T))
for rows, errors in school.student.items():
    print(f"  its student, {rows:4} rows ", "  ".join(f"{mean_interval(e).mean:.4f} ± {mean_interval(e).half_width:.4f}  " for e in errors.T))

# %% tags=["nbval-check-output"] jupyter={"outputs_hidden": true}
claim("The smoothed teacher makes fewer errors than the plain one.", kind="measured",
      measured=paired_interval(school.teacher[:, 1], school.teacher[:, 0]), holds=lambda d: d.between(high=0))
for rows, errors in school.student.items():
    claim(f"Its student, shown {rows} rows, makes more errors than the plain teacher's.", kind="measured",
          measured=paired_interval(errors[:, 1], errors[:, 0]), holds=lambda d: d.between(low=0))
claim("Even so, with 200 rows the smoothed teacher's student makes fewer errors than one who learns from labels.", kind="measured",
      measured=paired_interval(school.student[200][:, 1], school.student[200][:, 2]), holds=lambda d: d.between(high=0))

# %%
worse = paired_interval(school.student[200][:, 1], school.student[200][:, 0])
reveal("student", "more" if worse.low > 0 else "fewer errors than the plain teacher's" if worse.high < 0 else "about as many",
       because=f"difference in test error {worse.mean:+.3f} [{worse.low:+.3f}, {worse.high:+.3f}]")

# %% [markdown]
# Where a student sees few rows, it lives on what the teacher says about the wrong classes. Whether it still matters with all rows, the third verdict says. A better teacher by its test error need not be a better one for its students.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# ```python
# criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.1)    # training; usual: 0.05 to 0.1
# validation = torch.nn.functional.cross_entropy(logits, y)     # no smoothing here
# ```
#
# - Choose ε by the plain loss or the error on validation rows, never by the smoothed loss. Then, if the probabilities are used, fit a temperature on held-out rows *whose labels you trust*.

# %%
quiz("Two networks, ε = 0 and ε = 0.1, have training losses (each its own) of 0.02 and 0.56. Which fits the training rows better?",
     {"the one with 0.02": "The two numbers have different floors, 0 and 0.5003 for ten classes. They cannot be compared.",
      "the one with 0.56": "It is 0.06 above its floor and the other 0.02 above its own, but these are distances from different targets.",
      "these two numbers do not say": "Right: judge both by one loss, the plain one, on the same rows."},
     answer="these two numbers do not say")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: every option of PyTorch's loss, and what it lets through
#
# Class weights, an ignored class, targets that are probabilities already, three reductions: each changes what is summed and what the mean divides by. Ours agrees in value and in gradient.

# %% tags=["deeper", "nbval-check-output"]
def compare(target, **options):
    """Largest difference from torch in the loss and in its gradient."""
    pairs = []
    for loss in (CrossEntropyLoss(**options), torch.nn.CrossEntropyLoss(**options)):
        leaf = z.clone().requires_grad_()
        value = loss(leaf, target).sum()
        pairs.append((value.detach(), torch.autograd.grad(value, leaf)[0]))
    return max((a - b).abs().max().item() for a, b in zip(*pairs))


weight = torch.linspace(0.1, 1.0, 10, dtype=torch.float64)
claim("Ours is torch's loss: class numbers and probabilities, class weights, an ignored class, three reductions.",
      measured=max(compare(target, label_smoothing=e, weight=w, reduction=r, **ignore) for e in (0.0, 0.1, 1.0)
                   for w in (None, weight) for r in ("none", "sum", "mean")
                   for target, ignore in ((y, {}), (y, {"ignore_index": 3}), (z.softmax(1), {}))),
      holds=lambda difference: difference < 1e-12)

# %% [markdown]
# PyTorch takes an ε below 0, or NaN, without a word, and trains without any smoothing. The functions of this course refuse it, and an empty batch too, whose mean PyTorch says is NaN.

# %% tags=["deeper", "nbval-check-output"]
lax = {e: torch.nn.CrossEntropyLoss(label_smoothing=e)(z, y).item() for e in (-0.1, float("nan"))}
refused = []
for nonsense in (-0.1, 1.1, float("nan")):
    try:
        CrossEntropyLoss(label_smoothing=nonsense)
    except ValueError as error:
        refused.append(str(error))
print("torch:", *(f"ε = {e} gives a loss of {loss:.3f}." for e, loss in lax.items()), "\nours: ", refused[0])
claim("Ours refuses an ε below 0, above 1, or NaN.", measured=len(refused), holds=lambda count: count == 3)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When not to
#
# - The probabilities are used, and the network is not boastful: measure first. Smoothing may only make it too modest.
# - The network is to be a teacher, or its second-best classes matter.
# - Labels that are probabilities already (several annotators, mixup): they hold real doubt, and uniform doubt on top blurs it.
# - Very many classes: ε = 0.1 still asks for a gap of $\log\frac{K(1-\varepsilon)+\varepsilon}{\varepsilon}$, at $K = 1000$ already 9.1.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In one breath
#
# | question | answer |
# |---|---|
# | what does the label get? | $1-\varepsilon+\varepsilon/K$; every other class $\varepsilon/K$ |
# | what is the loss? | $(1-\varepsilon)\,$CE + $\varepsilon\,$CE to uniform; torch's `label_smoothing` |
# | where is it lowest? | gap $\log\frac{K(1-\varepsilon)+\varepsilon}{\varepsilon}$, loss = entropy of the target; models that cannot interpolate end elsewhere |
# | does it calibrate? | it can where a network boasts and ε is small; a fixed doubt is wrong elsewhere. A temperature is fitted, if its labels can be trusted |
# | what does it change besides? | the error, more so under label noise; the clusters, seen by the softmax and in full; what a student can learn |
#
# Now write it yourself: **`05_label_smoothing_exercises.ipynb`**. Your own loss can then draw the first picture of this lesson.
#
# **Sources.** Szegedy, Vanhoucke, Ioffe, Shlens & Wojna, *Rethinking the Inception Architecture for Computer Vision*, CVPR 2016 (arXiv:1512.00567). Naeini, Cooper & Hauskrecht, *Obtaining Well Calibrated Probabilities Using Bayesian Binning*, AAAI 2015.
# Guo, Pleiss, Sun & Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017 (arXiv:1706.04599). Müller, Kornblith & Hinton, *When Does Label Smoothing Help?*, NeurIPS 2019 (arXiv:1906.02629). Hinton, Vinyals & Dean, *Distilling the Knowledge in a Neural Network*, 2015 (arXiv:1503.02531).
# Lukasik, Bhojanapalli, Menon & Kumar, *Does Label Smoothing Mitigate Label Noise?*, ICML 2020 (arXiv:2003.02819).
