"""What each lesson promises to prove or to measure, and a pattern of the claim that does."""

PROMISES = {
    "sgd": {
        "gradient descent on a quadratic converges iff 0 < lr < 2/λmax": (
            r"comes to rest if 0 < lr < 2/λmax"
        ),
        "heavy ball: 2(1 + μ)/λmax": r"With momentum 0\.9 the bound in our bowl is 1\.9",
        "fastest at 2/(λmax + λmin)": r"The fastest rate of plain descent is 2/\(λmax \+ λmin\)",
        "the minibatch gradient is unbiased, enumerated": r"minibatch gradient is unbiased",
        "standard error with replacement": r"With replacement the standard error is σ/√B",
        "standard error without, 0 at B = n": r"Without replacement it is .* and 0 at B = n",
        "SGD settles at variance lr·σ²/(B·h(2 − lr·h))": r"SGD settles at variance",
        "shuffled epochs settle lower": r"Shuffled epochs settle lower",
        "every schedule equals its twin": r"Each schedule equals its twin",
        "torch's cosine climbs again": r"torch's cosine longer than T_max",
        "gradients add up until zero_grad": r"Gradients add up until zero_grad",
        "GD from zero ends at the minimum-norm solution": r"ends at the minimum-norm solution",
        "a resumed run is bit for bit the uninterrupted one": r"bit for bit",
        "three momentum forms are one path": r"Heavy ball, moving average .* one path",
        "torch's dampening is none of them": r"dampening = β is neither",
        "critical points by Hessian eigenvalues": r"Critical points are told apart",
        "sharpness against batch size": r"full batches are sharper than batches of 10",
        "weight norm against batch size": r"full batches have larger weights than batches of 10",
        "plain GD at a saddle": r"Without noise, descent from the ridge line itself stays",
        "noisy GD leaves it": r"From the ridge line itself, noise",
        "a cyclical rate at a saddle": r"cyclical rate",
        "share of definite matrices in d = 1 … 4": (
            r"In 4 dimensions the share of definite matrices"
        ),
        "time per step as the batch doubles": r"A step with a batch of 2 takes less than",
        "myth: sharp minima generalise badly": r"Rescaling two ReLU layers leaves the function",
        "the optimizer holds references": r"The optimizer holds references",
        "does low training loss mean a good model": r"With half of the labels wrong, training loss",
    },
    "overfitting": {
        "bias² + variance + noise": r"bias² \+ variance \+ noise is the expected squared error",
        "flow and ridge differ by at most 0.2036": r"never differ by more than 0\.203",
        "risk within 1.69": r"stays within 1\.69 times",
        "discrete steps exceed both": r"They exceed 1\.69 too",
        "the law of minimum-norm regression": r"within 3 standard errors of the law",
        "infinite between, medians": r"the law is infinite",
        "random labels are learned": r"Every random training label",
        "random test labels: the binomial interval": r"binomial interval",
        "random features: where the test error peaks": r"Without ridge the test error peaks",
        "what tuned ridge does to the peak": r"With tuned ridge the peak is gone",
        "shifted digits against more data": r"shifted” is better than 300 plain digits",
        "benefit of tuned L2 against n": r"tuned L2 gains less from 50 examples",
        "myth: raises training accuracy": r"lowers training accuracy",
        "myth: replaces data": r"450 examples beat 150, both with tuned L2",
        "myth: always improves the test score": r"λ = 0\.1 is worse than no L2",
        "myth: L1 only shrinks": r"the best weight is exactly 0 where",
    },
    "l1_l2": {
        "ridge, lasso, elastic net are scikit-learn's": (
            r"Lasso, elastic net and ridge are scikit-learn's"
        ),
        "same support, KKT residual": (
            r"same weights are zero, and every solution meets its optimality"
        ),
        "λmax of the lasso": r"= max\|Xᵀy\|/n",
        "shrinkage factors d²/(d² + λ)": r"d²/\(d² \+ λ\)",
        "L2 adds λ to every eigenvalue": r"adds λ to every eigenvalue of the Hessian",
        "the condition number falls": r"condition number falls",
        "pure decay is stable iff 0 < lr·λ < 2": r"in \(0, 2\)",
        "and flips signs above 1": r"above 1 change the weight's sign",
        "the sources' scalings of λ": r"in the three ways to write it into the loss",
        "MAP: Gaussian and Laplace priors": (
            r"Under the Gaussian prior ridge, under the Laplace prior the lasso"
        ),
        "zeros after subgradient and proximal steps": (
            r"none of ten weights is exactly zero\. Proximal steps: five"
        ),
        "zeros in a network": r"Proximal steps make more than 10 %",
        "λ far too large underfits": r"under L2 the training error is above 50 %",
        "penalising biases": r"Sparing the biases",
        "penalising BatchNorm's parameters": (
            r"biases and BatchNorm, .* sparing them lowers the test error \(λ = 3\)"
        ),
        "features on different scales": r"standardising lowers the test error",
        "accuracy under input noise": r"loses less accuracy to noise",
        "curvature at the solution": r"ends flatter",
        "one λ for each layer": r"One λ for each layer",
    },
    "weight_decay": {
        "plain SGD: three ways, the same weights": r"Under plain SGD a loss term λ‖w‖²",
        "heavy ball: agree on step 1, differ from step 2": r"agree on step 1, and from step 2 on",
        "Nesterov: differ from step 1": (
            r"under Nesterov momentum the two part on the very first step"
        ),
        "ridge(λ) and ridge(λ(1 − β))": (
            r"comes to rest at ridge\(λ\), and weight decay under momentum"
        ),
        "the moving average's form: both at ridge(λ)": (
            r"In the average's form both pulls end at ridge"
        ),
        "EMA and heavy ball are one path": r"Heavy ball and moving average are one path",
        "with decay only if λ is rescaled too": (
            r"With weight decay they part, unless λ is rescaled too"
        ),
        "under Adam + L2 decay goes as 1/√v": r"goes as 1/√v̂",
        "scaling the loss by c": r"Scaling the loss by 1000",
        "spread of effective decay on digits": (
            r"effective decay of the weights spreads more than tenfold"
        ),
    },
    "adamw": {
        "equals torch over the option grid": r"over the whole grid of options",
        "the first step has size lr": r"first step has size lr",
        "without correction": r"\(1 − β₁\)/√\(1 − β₂\)",
        "weights are an average of updates": r"exponential average of −u/λ",
        "horizon 1/(lr·λ)": r"newest 1/α = 50 updates",
        "the optimum inside the box": r"inside the box is not shrunk",
        "cut off at the box": r"best point of the box",
        "Adam + L2 ends at ridge": r"Adam with L2 ends at ridge",
        "the gradient from both moments of a state_dict": r"gradient stands in m as well as in v",
        "RMSprop": r"RMSprop is Adam",
        "Adagrad": r"Adagrad is the limit",
        "AMSGrad on Reddi's example": r"AMSGrad goes to −1",
        "resuming is bit for bit": r"bit for bit",
        "separability in torch's coordinates": r"AdamW: the two knobs are separable",
        "separability in the paper's": r"nearer to separable over \(lr, λ′\)",
        "c′ = c − 2b": r"c′ = c − 2b",
        "a schedule decays the decay too": r"Under a schedule AdamW leaves",
    },
    "label_smoothing": {
        "equals CrossEntropyLoss in every option": r"Ours is torch's loss",
        "(1 − ε)·CE + ε·CE to uniform": r"\(1 − ε\)·CE to the label",
        "the floor is the entropy, 0.5003": r"entropy of the target, 0\.5003",
        "the gap of the optimum, 4.511": r"4\.511",
        "an interpolating model reaches it": r"weight of its own for each row",
        "a linear model is somewhere else": r"comes to rest elsewhere",
        "K = 5, ε = 0.1": r"0\.92 for the label",
        "ECE against ε": r"with ε = 0\.05 the ECE is",
        "NLL against ε": r"with ε = 0\.05 the NLL is",
        "accuracy against ε": r"ε = 0\.1 lowers the error",
        "beside temperature scaling": r"temperature fitted on right labels",
        "scatter of penultimate features": r"clusters are tighter",
        "students of a smoothed teacher": r"the smoothed teacher's makes",
    },
    "dropout": {
        "mean and variance": r"mean x and variance x²·p/\(1 − p\)",
        "evaluation is the identity": r"In evaluation mode dropout is the identity",
        "dropout and ReLU commute": r"Dropout and ReLU commute",
        "linear regression: dropout is ridge": r"ridge formula",
        "closed form against training": r"closed form",
        "all masks against weight scaling": r"evaluation is the average over all of them",
        "variance shift before BatchNorm": r"\(E\[x²\]/\(1 − p\) − E\[x\]²\)/Var\[x\]",
        "three numbers: the regularization": r"Part of it is regularization",
        "three numbers: the noise of the masks": r"Part of it is mask noise",
        "loss when single units are removed": r"the worst unit costs less",
        "order of dropout and BatchNorm": r"dropout before the norm costs",
    },
    "batchnorm": {
        "equals BatchNorm1d": r"those of nn\.BatchNorm1d",
        "equals BatchNorm2d and LayerNorm": r"BatchNorm2d and LayerNorm are torch's",
        "biased into the output": r"variance divided by n\.",
        "unbiased into the running estimate": r"divided by n − 1",
        "the same batch twice": r"The same batch twice",
        "f(αW; α²ε) = f(W; ε), gradient 1/α": r"f\(αW; α²ε\) = f\(W; ε\)",
        "orthogonal up to ε": r"right angles to the weights",
        "how far 1/α holds at fixed ε": r"At fixed ε",
        "equilibrium norm": r"‖w‖⁴ ends at",
        "equilibrium angle": r"turns by arccos\(1 − ηλ\)",
        "folding changes no output": r"folded layer alone",
        "a batch of one is an error": r"batch of one row in training is an error",
        "the variance of the batch mean falls as 1/B": r"variance of the batch mean falls as 1/B",
        "steps to a given loss": r"fewer than half the steps",
        "the angle on digits": r"angle per step is within 2 %",
        "decay against a rescaled learning rate": r"Growing has the test error of decay",
        "smoothness along the gradient": r"smoother along the gradient",
        "LayerNorm against BatchNorm at 2": r"With batches of 2,",
        "LayerNorm against BatchNorm at 8": r"With batches of 8,",
    },
    "stochastic_depth": {
        "expectation preserved": r"expectation is kept",
        "linear rule, 40.25 of 54": r"40\.25 of 54",
        "the evaluations counted agree": r"branches computed in 400 batches agree",
        "rescaling in training or at test time": (
            r"dividing in training and multiplying in evaluation"
        ),
        "a binomial test of the survival rate": r"A binomial test",
        "torchvision's semantics": r"torchvision's semantics",
        "time against expected depth": r"time is proportional to the blocks computed",
        "gradient norm at the first block": r"gradient vanishes",
        "test error against p_L": r"dropping has a lower test error than always-on",
        "linear against reversed rule": r"linear rule has a lower test NLL",
        "two conventions for the first block": r"The two rules differ",
    },
    "capstone": {
        "the study's first claim: both improve": r"improves on plain",
        "its second: intervals are narrower": r"the interval is narrower",
        "the corrected interval by hand": r"corrected_interval is d ±",
        "the naive one shrinks without limit": r"naive half width goes to 0",
        "results of one data set are correlated": r"correlate by ρ",
        "100 repetitions: what the honest interval allows": (
            r"differs from plain by less than a point"
        ),
        "how often the naive interval holds the truth": r"holds the truth in fewer than half",
        "the mixer: everything at once": r"Everything against plain",
        "the best of n": r"best_of\(3\)",
        "optimism of the best of n": r"adds more than a point of optimism",
        "successive halving": r"Halving 30 candidates",
    },
}
