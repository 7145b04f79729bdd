"""What every lesson's first cell imports.

`setup`, `claim`, `predict`, `reveal`, `quiz` and `show_source` are for the text, `below`, `above`
and their like (see `bounds`) for what a claim asks; `quiz_of`,
`recall`, `standing`, `self_test` and `fresh_seeds` come with them: a lesson's questions, its flash
cards, what was done so far, whether this machine has all it takes, and how the course's claims
stand. The first import looks at the environment and says what is missing, before any other import
of the lesson can fail.
"""

from course_lib.notebook.environment import setup

# isort: split
from course_lib.notebook.bounds import (
    above,
    below,
    between,
    each,
    equal,
    near,
    negative,
    ordered,
    positive,
    within,
)
from course_lib.notebook.claims import claim, ledger
from course_lib.notebook.practice import fresh_seeds, recall, self_test, standing
from course_lib.notebook.predictions import predict, reveal
from course_lib.notebook.questions import quiz, quiz_of
from course_lib.notebook.source import show_source

__all__ = ["above", "below", "between", "each", "equal", "near", "negative", "ordered", "positive"]
__all__ += ["within", "claim", "fresh_seeds", "ledger", "predict", "quiz", "quiz_of", "recall"]
__all__ += ["reveal", "self_test", "setup", "show_source", "standing"]
