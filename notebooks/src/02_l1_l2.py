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
# # L1 and L2: which weights go, and why?
#
# Put a price on weights, and training will pay it only where a weight earns more than it costs. **L2** charges the square, $\frac\lambda2\lVert w\rVert^2$;
# **L1** charges the size, $\lambda\lVert w\rVert_1 = \lambda\sum|w_i|$. λ ≥ 0 is the **strength**. One of them makes weights *exactly* zero, and tutorials show a training loop for it that never does.
#
# *45 minutes; sections called* Deeper *are folded, and extra. You need gradient descent (lesson 00).*

# %% tags=["setup"]
import torch

from course_lib.explorers import l1_l2 as explore
from course_lib.l1_l2 import ProximalSGD, l1_penalty, l2_penalty, proximal_gradient, soft_threshold
from course_lib.lab.statistics import mean_interval, paired_interval
from course_lib.notebook import claim, predict, quiz, reveal, setup, show_source

setup()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A bowl and a ball
#
# Two weights. The star is where the loss is lowest, the rings are lines of equal loss. The blue disc holds all weights whose L2 penalty is at most that of the solution: loss and penalty
# come to terms where a ring just touches it. Drag λ and the correlation of the two features. **Leave the penalty at L2 for now**; two questions come first.

# %% slideshow={"slide_type": "-"}
explore.geometry.show(penalty="L2 (ridge)", strength=0.5)

# %% [markdown]
# At the end of this lesson you can
# - say which penalty empties which weights, and compute by hand where each comes to rest;
# - write the one step that reaches exact zeros, and recognise the loop that does not;
# - choose whom to penalise, on which scale, and convert a λ from one text to another.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Commit first
#
# Uncorrelated features, so the loss is $\frac12(w_1-1)^2 + \frac12(w_2-0.4)^2$. Run each cell (Shift+Enter), choose, and only then go on: your answers are kept.

# %%
predict("l2-zero", "L2, and λ grows from 0 to 100. Does it remove weights, or only reduce them?",
        ["both weights become exactly zero at some λ", "only w₂ does", "neither does"])

# %%
predict("l1-zero", "The same with L1: many small weights, or exact zeros? At λ = 0.5 …",
        ["both weights are small, neither is zero", "w₂ is exactly zero, w₁ is not", "both are exactly zero"])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## By hand
#
# Look at one weight with loss $\frac12(w-a)^2$: the loss pulls with $a-w$ towards $a$, the penalty towards 0.
#
# - **L2** pulls with $\lambda w$. The smaller the weight, the weaker the pull; near zero there is none left. Rest: $a - w = \lambda w$, so $w = \frac{a}{1+\lambda}$. Never zero unless $a$ is.
# - **L1** pulls with λ, whatever the size. Rest: $a - w = \lambda$, so $w = a - \lambda$, if that is still positive. If $a \le \lambda$ the loss cannot outpull the penalty anywhere, and the weight stays at 0 *exactly*.
#
# For both signs at once, L1 ends at $S(a, \lambda) = \operatorname{sign}(a)\max(|a|-\lambda,\ 0)$, the **soft threshold**: towards zero by λ, and stop there.

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
grid = torch.linspace(-1, 1, 2001, dtype=torch.float64)


def lowest(a, penalty):
    """Brute force: the weight of 2001 where ½(w − a)² + penalty(w) is lowest."""
    return grid[((grid - a) ** 2 / 2 + penalty(grid)).argmin()]


cases = [(torch.tensor(a).double(), s) for a in (1.0, 0.4, -0.7) for s in (0.1, 0.5, 2.0)]
claim("L2 comes to rest at a/(1 + λ) and L1 at S(a, λ), to the spacing of a grid on which every weight was tried.",
      measured=[max((lowest(a, lambda w, s=s: s * w.square() / 2) - a / (1 + s)).abs().item() for a, s in cases),
                max((lowest(a, lambda w, s=s: s * w.abs()) - soft_threshold(a, s)).abs().item() for a, s in cases)],
      holds=lambda gaps: max(gaps) < 0.00051)

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
goal = torch.tensor([1.0, 0.4], dtype=torch.float64)
claim("Of (1, 0.4) L1 leaves (0.5, 0) at λ = 0.5; L2 leaves no zero, not even at λ = 100.",
      measured=[*soft_threshold(goal, 0.5).tolist(), *(goal / 101).tolist()],
      holds=lambda w: w[:2] == [0.5, 0.0] and min(w[2:]) > 0)

# %%
reveal("l2-zero", "neither does", because="near zero the pull λw has vanished")

# %%
reveal("l1-zero", "w₂ is exactly zero, w₁ is not", because="0.4 < λ: on w₂ the loss never pulls as hard as the penalty")

# %% [markdown]
# **Now choose L1 in the picture.** The ball has corners, and corners lie on the axes: a ring that arrives there touches where a weight is zero. Correlate the features and the rings lean: $w_2$ goes later, or sooner. (And choose L2 with ρ = 0.8: at first a growing λ makes $w_2$ *larger*. A penalty shrinks the whole, not every part.)
# Half and half is the **elastic net**: corners for zeros, round sides to share weight between correlated features. Two names you will meet: L1 least squares is the **lasso**, L2 least squares is **ridge**.

# %%
show_source(l1_penalty)

# %%
show_source(l2_penalty)

# %% [markdown]
# The ½ is a convention, and torch's: the gradient of $\frac\lambda2\lVert w\rVert^2$ is $\lambda w$, which `weight_decay=λ` adds to the gradient in `SGD`.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The loop that never gets there
#
# > "L1 regularization adds the absolute value of weights to the loss. This penalty pushes some weights to zero, effectively removing some features."
#
# So says a widely read tutorial, and the *lowest point* of that sum does have zeros. Do its training steps arrive? Autograd takes $\operatorname{sign}(w)$ for the derivative of $|w|$ (a **subgradient**: at the kink there is no gradient).
# One weight, start 1. The loss wants 0.3, λ = 0.5, so it should end at 0. Learning rate 0.12.

# %%
predict("hover", "After 60 steps with λ·sign(w) in the gradient, how often was the weight exactly zero?",
        ["always from some step on", "now and then, in passing", "never"])

# %% jupyter={"outputs_hidden": true}
explore.zeroing.show()

# %% [markdown]
# The subgradient step takes off $\eta\lambda$ whether the weight needs it or not, jumps over zero and is pushed back: it hovers, in a band as wide as the step. A smaller learning rate η narrows the band and does not close it.
#
# The **proximal step** treats the two parts differently. First a gradient step on the loss alone; then the penalty, solved exactly rather than followed: $w \leftarrow S(w - \eta g,\ \eta\lambda)$. It *stops* at zero.

# %% tags=["nbval-check-output"]
runs = {lr: {way: explore.walk(way, 0.5, lr) for way in ("l1", "l1_subgradient")} for lr in (0.12, 0.06)}
claim("Proximal steps reach zero and stay; subgradient steps are never at zero in 60 steps.",
      measured=[int((runs[0.12][way] == 0).sum()) for way in ("l1", "l1_subgradient")],
      holds=lambda zeros: zeros[0] > 30 and zeros[1] == 0)
claim("Half the learning rate, half the band: the largest of the last 20 weights is at most lr·(λ + 0.3).",
      measured={lr: runs[lr]["l1_subgradient"][-20:].abs().max().item() for lr in runs},
      holds=lambda reach: all(0 < reach[lr] <= lr * 0.8 + 1e-12 for lr in reach))
reveal("hover", "never", because="it would have to land on 0 to the last digit")

# %%
show_source(soft_threshold)

# %% [markdown]
# (`clamp` cuts $x$ to $[-t, t]$; what is inside is subtracted from itself.) Raise the learning rate in the picture past 2: on this parabola, curvature $h = 1$, a plain gradient step is stable below $2/h$, and with L2 below $2/(h+\lambda)$.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Ten real features
#
# 442 patients, ten measurements each, and how far their diabetes had progressed a year later. The loss is $\frac{1}{2n}\lVert y - Xw\rVert^2$ on $n = 300$ of them. First the tutorial's loop, as one writes it in torch, beside our optimizer.

# %%
from course_lib.lab.diabetes import diabetes
from course_lib.lab.penalised_regression import fit, largest_l1, moments, optimality_residual, ridge

table = diabetes()  # 300 training rows, every feature with mean 0 and standard deviation 1
x, y = table.train_x, table.train_y.flatten() - table.train_y.mean()


def trained(optimizer, penalty=0.0, steps=3000, **options):
    """Ten weights after `steps` full-batch steps from 1, with `penalty`·‖w‖₁ in the loss."""
    w = torch.ones(10, dtype=torch.float64, requires_grad=True)
    optimizer = optimizer([w], lr=0.1, **options)
    for _ in range(steps):
        optimizer.zero_grad()
        ((y - x @ w).square().mean() / 2 + penalty * l1_penalty(w)).backward()
        optimizer.step()
    return w.detach()


# %% tags=["nbval-check-output"]
from sklearn.linear_model import ElasticNet, Lasso, Ridge

added, proximal = trained(torch.optim.SGD, penalty=5.0), trained(ProximalSGD, l1=5.0)
lasso5 = torch.from_numpy(Lasso(5.0, fit_intercept=False, tol=1e-12).fit(x.numpy(), y.numpy()).coef_)
claim("λ‖w‖₁ in the loss, torch's SGD, 3000 steps: none of ten weights is exactly zero. Proximal steps: five, scikit-learn's five.",
      measured=[int((w == 0).sum()) for w in (added, proximal, lasso5)],
      holds=lambda zeros: zeros == [0, 5, 5] and torch.equal(proximal == 0, lasso5 == 0))

# %% [markdown]
# Here is that method as one function. It serves a whole path of λ at once; `gradient` is that of the loss, and L2, which has a closed form too, is the division at the end.

# %% slideshow={"slide_type": "slide"}
show_source(proximal_gradient)

# %% [markdown]
# Look at the whole path of λ. Try the three penalties, then set the features to *as measured*, and the training rows down to 20, and (type it) to 1.
# The lasso is empty from $\lambda_{\max} = \max|X^\top y|/n$ on: at $w = 0$ the loss pulls with $X^\top y/n$, and where no pull exceeds λ nothing moves.

# %% slideshow={"slide_type": "slide"}
explore.path.show(strength=2.2)

# %% tags=["nbval-check-output"]
edge = largest_l1(x, y)
claim("From λmax = max|Xᵀy|/n on all weights of the lasso are zero, and just below it one is not.",
      measured=[int((fit(x, y, factor * edge) != 0).sum()) for factor in (0.999, 1.0, 1.001)],
      holds=lambda kept: kept == [1, 0, 0])

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: the same as scikit-learn's, along the path
#
# scikit-learn scales its λ differently: `Ridge(alpha)` has $\alpha = n\lambda$, `Lasso` and `ElasticNet` as here. The **optimality conditions**, also called KKT: a kept weight balances loss and penalty; on a zero weight the loss pulls with at most λ.

# %% tags=["deeper"]
path = largest_l1(x, y) * torch.logspace(-2, 0.3, 12, dtype=torch.float64)  # twelve λ; the last ones are too strong
lasso, net, squares = fit(x, y, path), fit(x, y, path / 2, path / 2), fit(x, y, 0.0, path)


def by_sklearn(model):
    """Weights of a scikit-learn model on our table."""
    return torch.from_numpy(model.set_params(fit_intercept=False).fit(x.numpy(), y.numpy()).coef_)


tight = {"tol": 1e-12, "max_iter": 1_000_000}
their_lasso = torch.stack([by_sklearn(Lasso(a, **tight)) for a in path.tolist()])
their_net = torch.stack([by_sklearn(ElasticNet(a, l1_ratio=0.5, **tight)) for a in path.tolist()])
their_ridge = torch.stack([by_sklearn(Ridge(len(x) * a)) for a in path.tolist()])

# %% tags=["deeper", "nbval-check-output"]
claim("Lasso, elastic net and ridge are scikit-learn's; ridge is its closed form, and where torch's SGD with weight_decay ends.",
      measured=[(a - b).abs().max().item() for a, b in
                ((lasso, their_lasso), (net, their_net), (squares, their_ridge), (squares, ridge(x, y, path.tolist())),
                 (trained(torch.optim.SGD, weight_decay=1.0), ridge(x, y, 1.0)))],
      holds=lambda gaps: max(gaps) <= 1e-6)
claim("The same weights are zero, and every solution meets its optimality conditions.",
      measured=[int(((lasso == 0) != (their_lasso == 0)).sum() + ((net == 0) != (their_net == 0)).sum()),
                optimality_residual(lasso @ moments(x, y)[0] - moments(x, y)[1], lasso, path[:, None]).max().item()],
      holds=lambda found: found[0] == 0 and found[1] <= 1e-6)
# %% [markdown]
# ## In whose units?
#
# Blood pressure is about 95 in mmHg, 13 in kPa. In kPa its weight must be 7.5 times as large for the same prediction, and pays 7.5 times the price in L1, 56 times in L2. Least squares does not care; a penalty does.
#
# *Said beforehand:* ridge on 50 training rows, λ chosen on 100 validation rows, 40 random splits. Standardising *helps* if the interval of the paired difference in test error lies below 0. The same with 300 training rows.

# %%
predict("units", "Features as measured instead of standardised. The test error of tuned ridge, with 50 rows …",
        ["is higher", "is the same, λ makes up for it", "is lower"])

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
from course_lib.lab.penalised_regression import tuned_ridge_error


def gain(rows, validation):
    """Test error of standardised minus raw ridge, 40 splits."""
    splits = [diabetes(rows, validation, "raw", seed=seed) for seed in range(40)]
    return paired_interval(*([tuned_ridge_error(split, standardise) for split in splits] for standardise in (True, False)))


gains = {rows: gain(rows, validation) for rows, validation in ((50, 100), (300, 71))}
for rows, difference in gains.items():
    claim(f"With {rows} training rows standardising lowers the test error (difference in score points).",
          measured=difference, kind="measured", holds=lambda d: d.between(high=0))

# %%
units = gains[50].between(high=0)
reveal("units", {True: "is higher", False: "is lower", None: "is the same, λ makes up for it"}[units],
       because=f"as measured minus standardised: {-gains[50].mean:.1f} score points")

# %% [markdown]
# With many rows the tuned λ is small, and its units hardly matter; the fewer the rows, the more the penalty decides. A lecture asks whether different scales are a problem for L2 and what to do: yes, because "small weight" means nothing without a unit; standardise, *on the training rows only*.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: millimetres of mercury, or kilopascals
#
# One feature in another unit, everything else as before: whose predictions move?

# %% tags=["deeper", "nbval-check-output"]
from course_lib.lab.penalised_regression import predict as prediction

raw = diabetes(50, 100, scale="raw", seed=0)
kpa = torch.where(torch.arange(10) == 3, 1 / 7.5, 1.0).double()  # feature 3 is blood pressure


def moved(l2, **how):
    """How far test predictions move, in score points, when blood pressure changes from mmHg to kPa."""
    told = [prediction(raw.test_x * unit, fit(raw.train_x * unit, raw.train_y, 0.0, l2, **how),
                       (raw.train_x * unit, raw.train_y)) for unit in (1.0, kpa)]
    return (told[0] - told[1]).abs().max().item()


claim("A change of units moves no prediction of least squares or of standardised ridge, and those of raw ridge by more than a point.",
      measured=[moved(0.0), moved(1.0, standardise=True), moved(1.0)],
      holds=lambda far: max(far[:2]) < 1e-5 and far[2] > 1)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In a network
#
# A 64-64-10 network on 300 digits, a fifth of them with a wrong label, plain SGD, 4736 weights that start at random, none at zero. Three ways to pull: L2, L1 by proximal steps, L1 by subgradient steps. Biases are left alone.
#
# *Said beforehand*, for λ = 0.001: we say proximal steps *empty* the network if on average over the seeds more than 10 % of the weights are exactly zero, and subgradient steps do *not* if fewer than 1 % are. And for λ = 1 under L2, a hundred times a common choice: it *underfits* if both training and test error lie above 50 %.

# %%
predict("network-zeros", "L1 with λ = 0.001 for 1000 steps. How many of the 4736 weights are exactly zero with proximal steps, and with subgradient steps?",
        ["hardly any with either", "many with proximal, hardly any with subgradient steps", "many with both"])

# %% jupyter={"outputs_hidden": true}
explore.network.show(strength=1e-3)

# %% tags=["nbval-check-output"]
*_, shrunk = explore.compute_shrinking()  # what the picture was drawn from; 8 seeds
at = {strength: k for k, strength in enumerate(explore.STRENGTHS)}
share = shrunk.zeros / shrunk.weights  # [seeds, methods, strengths]; methods: L2, proximal, subgradient
claim("Proximal steps make more than 10 % of the weights exactly zero.",
      measured=mean_interval(share[:, 1, at[1e-3]]), kind="measured", holds=lambda zero: zero.between(low=0.1))
claim("Subgradient steps make fewer than 1 % of them exactly zero.",
      measured=mean_interval(share[:, 2, at[1e-3]]), kind="measured", holds=lambda zero: zero.between(high=0.01))
claim("At λ = 1 under L2 the training error is above 50 %.",
      measured=mean_interval(shrunk.train_error[:, 0, at[1.0]]), kind="measured", holds=lambda e: e.between(low=0.5))
claim("At λ = 1 under L2 the test error is above 50 %.",
      measured=mean_interval(shrunk.test_error[:, 0, at[1.0]]), kind="measured", holds=lambda e: e.between(low=0.5))

# %%
many = [share[:, m, at[1e-3]].mean() > 0.1 for m in (1, 2)]
reveal("network-zeros", ["hardly any with either", "many with proximal, hardly any with subgradient steps", "many with both"][sum(many)],
       because="exact zeros of " + ", ".join(f"{explore.METHODS[m]}: {share[:, k, at[1e-3]].mean():.1%}" for k, m in enumerate(explore.METHODS)))

# %% [markdown]
# Compare the histograms: both kinds of L1 heap the weights up around zero, and their test errors are alike. It is only a zero you can *leave out* that needs the proximal step. Note also where each curve turns: λ means another thing in L1 than in L2, and
# the belief that "regularization always improves test performance" ends where the curves climb; at the far right the network answers the same for every image.
#
# *What the intervals cover, here and below:* eight or ten seeds, each with another split, start and batch order, always from the same 1797 digits.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Smoother, or more complex?
#
# What does a penalty do to the surface that the optimizer walks on? For L2 the answer is one line: the second derivative of $\frac\lambda2 w^2$ is λ. Take a bowl with curvatures 0.01 and 10.

# %%
predict("surface", "You add L2 with λ = 0.1. The condition number, largest over smallest curvature, goes from 1000 to about …",
        ["1100", "1000, as before", "92", "10"])

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
from course_lib.lab.sharpness import exact_hessian

images, labels = torch.randn(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 2
weights = [torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) for shape in ((4, 3), (2, 4))]


def loss(params, l2=0.0):
    """Cross entropy of a small tanh network, plus L2."""
    scores = torch.tanh(images @ params[0].T) @ params[1].T
    return torch.nn.functional.cross_entropy(scores, labels) + l2 * l2_penalty(params)


bare, priced = (torch.linalg.eigvalsh(exact_hessian(lambda p, l2=l2: loss(p, l2), weights)) for l2 in (0.0, 0.1))
claim("L2 adds λ to every eigenvalue of the Hessian, of any smooth loss, at every point: here a network, λ = 0.1.",
      measured=(priced - bare - 0.1).abs().max().item(), holds=lambda gap: gap < 1e-12)
curved = torch.tensor([0.01, 10.0], dtype=torch.float64)
bowl = [torch.linalg.eigvalsh(exact_hessian(lambda p, l2=l2: (curved * p[0] ** 2).sum() / 2 + l2 * l2_penalty(p), [goal]))
        for l2 in (0.0, 0.1)]
claim("So where all curvatures are positive the condition number falls from hmax/hmin to (hmax + λ)/(hmin + λ).",
      measured=[(h[1] / h[0]).item() for h in bowl],
      holds=lambda c: abs(c[0] - 1000) < 1e-9 and abs(c[1] - 10.1 / 0.11) < 1e-9)
reveal("surface", "92", because="(10 + 0.1)/(0.01 + 0.1): the flat direction gains tenfold, the steep one 1 %")

# %% [markdown]
# The penalised surface has *more* curvature in every direction, and is easier to descend, because the flat directions gain most. (A negative curvature, at a saddle, is lifted too.)
#
# "Flatter minima correspond to models less sensitive to small input changes, improving robustness", the same tutorial goes on. That is about the *solutions*, and about the loss without the penalty. Measure it.
# *Said beforehand*, comparing λ = 0.01 with λ = 1e-5 under L2 on the networks above: *flatter* if the largest eigenvalue of the data loss's Hessian is smaller; *more robust* if less accuracy is lost to Gaussian noise of standard deviation 0.3 on the test pixels (which lie in [0, 1]).

# %% slideshow={"slide_type": "slide"}
explore.surface.show(strength=1e-2)

# %% tags=["nbval-check-output"]
*_, around = explore.compute_surroundings()
lost = around.accuracy[:, :, 0] - around.accuracy[:, :, -1]
claim("λ = 0.01 ends flatter than λ = 1e-5 (difference of the logarithms of the largest eigenvalue).",
      measured=paired_interval(around.sharpness[:, at[1e-2]].log(), around.sharpness[:, 0].log()),
      kind="measured", holds=lambda d: d.between(high=0))
claim("It loses less accuracy to noise σ = 0.3 (difference of what is lost).",
      measured=paired_interval(lost[:, at[1e-2]], lost[:, 0]), kind="measured", holds=lambda d: d.between(high=0))

# %% [markdown]
# *Left:* every unit's weights move along a random direction by as much as they are long ("filter-normalised"), so that large and small weights can be compared. Two cautions. The two solutions fit the training rows differently well (the bottoms of the curves), and curvature falls with that too. And whether flatness *causes* good generalisation is another question: lesson 00 rescales two layers and makes the same function as sharp as you please.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Too strong a pull
#
# Switch the loss off. Under plain SGD L2 multiplies each weight by $1-\eta\lambda$ at every step. A tutorial's warning example has λ = 10 in $\lambda\lVert w\rVert^2$, a pull of $20\,w$. It says that this underfits.

# %%
quiz("That λ with learning rate 0.1, flat loss, plain SGD: what does a weight of 1 do?",
     {"it shrinks to zero": "Only if the factor 1 − 0.1·20 = −1 were smaller than 1 in size.",
      "it jumps between 1 and −1 for ever": "The factor is 1 − 0.1·20 = −1. A little more and it explodes: too strong a penalty is also too high a learning rate.",
      "it stays at 1": "There is no loss, but there is a pull of 20·w."},
     answer="it jumps between 1 and −1 for ever")

# %% tags=["nbval-check-output"]
def pure_decay(product, steps=200):
    """The weight after each step of torch's SGD on a flat loss, from 1; `product` is lr·λ."""
    w, seen = torch.ones((), dtype=torch.float64, requires_grad=True), []
    optimizer = torch.optim.SGD([w], lr=0.1, weight_decay=product / 0.1)
    for _ in range(steps):
        w.grad = torch.zeros_like(w)
        optimizer.step()
        seen.append(w.item())
    return seen


walks = {product: pure_decay(product) for product in (0.0, 0.1, 0.9, 1.1, 1.9, 2.0, 2.1)}
claim("Pure decay under plain SGD goes to zero iff 0 < lr·λ < 2.",
      measured=[product for product, w in walks.items() if abs(w[-1]) < 1e-8], holds=lambda ok: ok == [0.1, 0.9, 1.1, 1.9])
claim("Above lr·λ = 1 the weight changes its sign at every step.",
      measured=[product for product, w in walks.items() if w[0] * w[1] < 0], holds=lambda flips: flips == [1.1, 1.9, 2.0, 2.1])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Whom to penalise
#
# The same tutorial sums over `model.parameters()`, biases included, in two of its pitfalls, and in the third calls just that "harming model performance", leaving out whatever has `bias` or `bn` in its name. (What it calls `l2_norm` is a squared norm, besides.)
# Names lie. Take a `BatchNorm` in a `Sequential`, and a layer that somebody called `bn_proj`:

# %% tags=["nbval-check-output"]
from collections import OrderedDict

from course_lib.weight_decay import decay_groups

model = torch.nn.Sequential(OrderedDict(
    encoder=torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.BatchNorm1d(32)), bn_proj=torch.nn.Linear(32, 10)))
by_name = {name for name, p in model.named_parameters() if "bias" not in name and "bn" not in name}
kept = {id(p) for p in decay_groups(model, weight_decay=0.01)[0]["params"]}
by_kind = {name for name, p in model.named_parameters() if id(p) in kept}
print("penalised by name:", sorted(by_name), "  by kind:", sorted(by_kind))
claim("By name, a norm's scale is penalised and a weight matrix is not; by what they are, the two weight matrices.",
      measured=[len(by_name & by_kind), len(by_name), len(by_kind)],
      holds=lambda n: n == [1, 2, 2] and by_kind == {"encoder.0.weight", "bn_proj.weight"})

# %% [markdown]
# And does it harm? AdamW (lesson 04), ten seeds, everything penalised against weight matrices alone. *Said beforehand:* for biases we call it *no matter* if the 95 % interval of the difference in test error lies within ± half a point.
# For BatchNorm's scale γ and shift β we ask twice, on 1000 clean rows and on 300 rows with wrong labels, whether sparing them lowers the error.

# %%
predict("biases", "λ = 1, a good one here, on everything. Sparing the biases changes the test error by …",
        ["half a point or more for the better", "less than half a point", "half a point or more for the worse"])

# %% jupyter={"outputs_hidden": true}
from course_lib.lab.penalise_what import WORLDS, compute_by_layer, compute_spared

spared = {}
for world, (_, _, tried) in WORLDS.items():
    *_, errors = compute_spared(world)  # [seeds, strengths, everything or weights alone]
    for k, strength in enumerate(tried):
        spared[world, strength] = paired_interval(errors[:, k, 1], errors[:, k, 0])
        print(f"{world}, λ = {strength:<4g} everything {errors[:, k, 0].mean():.1%}, sparing them {errors[:, k, 1].mean():.1%}")

# %% jupyter={"outputs_hidden": true} tags=["nbval-check-output"]
plain, clean, noisy = WORLDS
claim("Sparing the biases changes the test error by less than half a point (λ = 1).",
      measured=spared[plain, 1.0], kind="measured", holds=lambda d: d.between(-0.005, 0.005))
claim("Sparing BatchNorm's γ, β too lowers the test error on 1000 clean rows (λ = 10).",
      measured=spared[clean, 10.0], kind="measured", holds=lambda d: d.between(high=0))
claim("So it does on 300 rows with wrong labels (λ = 3).",
      measured=spared[noisy, 3.0], kind="measured", holds=lambda d: d.between(high=0))

# %%
change = spared[plain, 1.0].mean
reveal("biases", ["half a point or more for the better", "less than half a point", "half a point or more for the worse"][(change > -0.005) + (change >= 0.005)],
       because=f"measured: {100 * change:+.2f} points")

# %% [markdown]
# A rule everybody repeats need not show at your size. Biases are few, and here they hardly matter. Norm parameters *scale* whole units, so pulling on γ is a strong regularizer of its own: whether you want it is a question about your data. Leave them out by default, because then λ means one thing; and know that it is a default.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: one λ for each layer?
#
# "Different layers or parameters in deep networks may benefit from different regularization strengths, requiring fine-grained control", says the tutorial's expert section. The first layer has 4096 weights, the second 640. We try all 25 pairs of five strengths, AdamW, weights alone, and let the validation loss choose:
# among the five pairs with equal strengths, or among all. *Said beforehand:* one for each layer *helps* if the paired difference in test error lies below 0.

# %% tags=["deeper"]
*_, layers = compute_by_layer()
print("chosen for both layers:", [round(pair[0], 1) for pair in layers.uniform_strengths.tolist()])
print("chosen for each layer: ", [tuple(round(s, 1) for s in pair) for pair in layers.layered_strengths.tolist()])

# %% tags=["deeper", "nbval-check-output"]
claim("One λ for each layer lowers the test error, chosen on validation data.",
      measured=paired_interval(layers.layered, layers.uniform), kind="measured", holds=lambda d: d.between(high=0))

# %% [markdown]
# Look at how much the chosen pairs differ from seed to seed: twenty-five candidates on 200 validation rows leave much to luck. Whatever was gained, it cost five times the search.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: four ways to write λ
#
# Sources write $\lambda\lVert w\rVert^2$, $\frac\lambda2\lVert w\rVert^2$, $\frac{\lambda}{2m}\lVert w\rVert^2$ with $m$ training examples, or `weight_decay`. They are one thing in four scalings. One tutorial has λ/2m in its text and λ/2 in its code. Let the code decide.

# %% tags=["deeper"]
from course_lib.weight_decay import convert_strength

written = {"penalty": lambda w, s: s * w.square().sum(), "half_penalty": lambda w, s: s / 2 * w.square().sum(),
           "per_example": lambda w, s: s / (2 * len(x)) * w.square().sum()}


def weights_after(convention, strength, decay=0.0, steps=200):
    """Weights after plain SGD on the diabetes rows, with the penalty written in this convention."""
    w = torch.zeros(10, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1, weight_decay=decay)
    for _ in range(steps):
        optimizer.zero_grad()
        ((y - x @ w).square().mean() / 2 + written[convention](w, strength)).backward()
        optimizer.step()
    return w.detach()


# %% tags=["deeper", "nbval-check-output"]
reference = weights_after("half_penalty", 0.0, decay=0.3)  # torch's weight_decay = 0.3 and nothing in the loss
same = {name: convert_strength(0.3, "half_penalty", name, examples=len(x)) for name in written}
claim("weight_decay = 0.3 is λ = 0.15, 0.3 and 90 in the three ways to write it into the loss: the same weights.",
      measured={name: (weights_after(name, s) - reference).abs().max().item() for name, s in same.items()},
      holds=lambda gaps: max(gaps.values()) < 1e-12 and [round(s, 6) for s in same.values()] == [0.15, 0.3, 90])
claim("The same number 3 in λ/2 and in λ/2m: dropping the m leaves weights less than half as long.",
      measured=[weights_after(name, 3.0).norm().item() for name in ("half_penalty", "per_example")],
      holds=lambda lengths: lengths[0] < lengths[1] / 2)

# %% [markdown]
# Another tutorial sums the squares over the parameters in this loop (here without what stands around it). Does it run? And if you mend it into the loop that its layout suggests?

# %% tags=["deeper", "nbval-check-output"]
printed = '''
l2_lambda = 0.001
l2_norm = sum(p.pow(2.0).sum()

for p in model.parameters())
    loss = loss + l2_lambda * l2_norm
'''
try:
    compile(printed, "a tutorial", "exec")
except IndentationError as error:
    print(f"IndentationError, line {error.lineno}: {error.msg}")
squared, total = 2 * l2_penalty(model.parameters()), 0.0
for _ in model.parameters():  # "for p in model.parameters():" around the line that adds
    total = total + 0.001 * squared
count = len(list(model.parameters()))
claim("Mended into a loop over the parameters it adds the whole penalty once per tensor: λ times their number.",
      measured=(total / (0.001 * squared)).item(), holds=lambda times: abs(times - count) < 1e-4)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: shrinkage direction by direction
#
# Let $d_i^2$ be the eigenvalues of $X^\top X/n$. In the coordinates of its eigenvectors ridge is $\frac{d_i^2}{d_i^2+\lambda}$ times least squares: where the data say much ($d_i^2 \gg \lambda$) hardly anything changes, where they say little nearly all is taken away.

# %% tags=["deeper", "nbval-check-output"]
hessian, moment = moments(x, y)
curvatures, axes = torch.linalg.eigh(hessian)
factors = (axes.T @ ridge(x, y, 0.1)) / (axes.T @ ridge(x, y, 0.0))
claim("Ridge multiplies each direction of least squares by d²/(d² + λ).",
      measured=(factors - curvatures / (curvatures + 0.1)).abs().max().item(), holds=lambda gap: gap < 1e-10)
print("d²:", [round(c, 3) for c in curvatures.tolist()])
print("kept:", [f"{f:.0%}" for f in factors.tolist()])

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Deeper: a penalty is a prior
#
# Believe that $y = Xw + $ Gaussian noise of standard deviation σ, and that before any data each weight is Gaussian with standard deviation τ. The most probable weights given the data (**MAP**) minimise
# $\frac{1}{2\sigma^2}\lVert y-Xw\rVert^2 + \frac{1}{2\tau^2}\lVert w\rVert^2$: divide by $n/\sigma^2$, and it is ridge with $\lambda = \frac{\sigma^2}{n\tau^2}$.
# A Laplace prior of scale $b$ (density $\frac1{2b}e^{-|w|/b}$) gives the lasso with $\lambda = \frac{\sigma^2}{n b}$. The lasso's zeros are a property of the *most probable* weights; the Laplace prior itself gives an exact zero no probability at all.

# %% tags=["deeper", "nbval-check-output"]
from torch.distributions import Laplace, Normal

sigma, tau, scale = 55.0, 5.0, 2.0


def minus_log_posterior(w, prior):
    return -Normal(x @ w, sigma).log_prob(y).sum() - prior.log_prob(w).sum()


(likely,) = fit(x, y, sigma**2 / (len(x) * scale))
peak = {Normal(0.0, tau): ridge(x, y, sigma**2 / (len(x) * tau**2)), Laplace(0.0, scale): likely}
nearby = torch.randn(1000, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) / 10
claim("Under the Gaussian prior ridge, under the Laplace prior the lasso, is more probable than each of 1000 points nearby.",
      measured=[min((minus_log_posterior(w + d, prior) - minus_log_posterior(w, prior)).item() for d in nearby)
                for prior, w in peak.items()],
      holds=lambda gaps: min(gaps) > 0)
start = ridge(x, y, sigma**2 / (len(x) * tau**2)).requires_grad_()
slope = torch.autograd.grad(minus_log_posterior(start, Normal(0.0, tau)), start)[0]
claim("At ridge the gradient of the log posterior vanishes.", measured=slope.abs().max().item(), holds=lambda g: g < 1e-9)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In production
#
# - **Read which λ a text means.** $\lambda\lVert w\rVert^2$, $\frac\lambda2\lVert w\rVert^2$ and $\frac{\lambda}{2m}\lVert w\rVert^2$ with $m$ examples are one thing in three scalings; `course_lib.weight_decay.convert_strength` converts, and a section above (*four ways*) lets the code decide.
# - **L2**: do not write it into the loss. `weight_decay=` in the optimizer costs nothing; lesson 03 says which optimizers mean L2 by it. Typical: 1e-4 to 5e-4 with SGD, 0.01 to 0.1 with AdamW.
# - **L1**: torch has no proximal optimizer. Take a step of any plain SGD, then `w.copy_(softshrink(w, lr * l1))` under `no_grad`, as `ProximalSGD` does. To make a network *fast*, single zeros do not help; whole units must go (structured pruning).
# - **Tables**: standardise on the training rows, then scikit-learn's `LassoCV`, `RidgeCV`.
# - **Choose λ on validation data**, on a logarithmic grid, and look at the test data once. Watch the *validation* loss; the training loss at the lowest point can only rise with λ.
#
# **When not to.** Correlated features and a wish to know *which* matter: the lasso picks one of a group, and another one on the next sample; use the elastic net, or do not ask. Very few rows that do not resemble the rest: no penalty replaces data. Under momentum the threshold $\eta\lambda$ no longer matches the step that the loss makes (lesson 03 tells the same story of weight decay).

# %%
quiz("“L1 regularization just shrinks weights like L2 but does not make any weight exactly zero.” A tutorial lists this as a misconception. It is …",
     {"a misconception, full stop": "Its lowest point has exact zeros. But the loop that adds |w| to the loss never gets there.",
      "true of the loop with |w| in the loss, false of the lowest point and of proximal steps": "The penalty has zeros at its lowest point; whether your weights do depends on the step.",
      "true of everything": "You have seen proximal steps stop at zero, in one weight, in ten and in thousands."},
     answer="true of the loop with |w| in the loss, false of the lowest point and of proximal steps")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In one breath
#
# | | L1 | L2 |
# |---|---|---|
# | pull on a weight | λ, whatever its size | λw |
# | one weight, loss ½(w − a)² | S(a, λ): zero if \|a\| ≤ λ | a/(1 + λ): never zero |
# | ball | corners on the axes | round |
# | step | gradient step, then soft threshold ηλ | λw joins the gradient; stable iff 0 < ηλ < 2 on a flat loss |
# | Hessian | unchanged away from zero | + λ for every eigenvalue |
# | prior | Laplace | Gaussian |
#
# Now write them yourself: **`02_l1_l2_exercises.ipynb`**. Your own soft threshold can steer a picture of this lesson.
#
# **Sources.** Tibshirani, *Regression Shrinkage and Selection via the Lasso*, JRSS B 1996. Zou & Hastie, *Regularization and Variable Selection via the Elastic Net*, JRSS B 2005. Daubechies, Defrise & De Mol, *An Iterative Thresholding Algorithm for Linear Inverse Problems*, CPAM 2004.
# Parikh & Boyd, *Proximal Algorithms*, 2014. Hoerl & Kennard, *Ridge Regression*, 1970. Efron et al., *Least Angle Regression*, 2004 (the diabetes table). Li et al., *Visualizing the Loss Landscape of Neural Nets*, NeurIPS 2018.
