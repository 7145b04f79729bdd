"""The tested library behind the course: one idea a file. Nothing heavy is imported here."""

__version__ = "0.1.0"

#: The stems of the lessons, in order: ``LESSONS[3] == "weight_decay"`` is lesson 03.
LESSONS = (
    "sgd",
    "overfitting",
    "l1_l2",
    "weight_decay",
    "adamw",
    "label_smoothing",
    "dropout",
    "batchnorm",
    "stochastic_depth",
    "capstone",
    "elsewhere",
)
