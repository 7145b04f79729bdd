"""The referees of lesson 06's tasks against torch, and the checks on answers that throw their dice
another way.
"""

import pytest
import torch
from torch.nn import functional as F

from course_lib.checks import check_source
from course_lib.checks import dropout as tasks
from course_lib.checks.judge.observe import observe
from course_lib.checks.judge.report import judge
from course_lib.checks.judge.task import find
from course_lib.dropout import dropout


def verdict(name, *answers, seed=0):
    task = find(name)
    cases = task.draw(seed)
    return judge(name, task, cases, observe(task.names, answers, cases))


def by_torch(x, p=0.5, training=True, generator=None):
    """torch's own, with its global generator where the seed asks for it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator.initial_seed())
        return F.dropout(x, p, training)


def by_choice(x, p=0.5, training=True, generator=None):
    """`where`, the mask from `u < p`, the scale inside."""
    gone = torch.rand(x.shape, generator=generator) < p
    return torch.where(gone, 0.0, x / (1 - p + (p == 1))) if training else x


def in_float64(x, p=0.5, training=True, generator=None):
    """A mask of numbers; p = 1 by itself."""
    if not training or p == 0:
        return x
    if p == 1:
        return torch.zeros_like(x)
    return (
        x
        * (torch.rand(x.shape, generator=generator, dtype=torch.float64) > p).to(x.dtype)
        / (1 - p)
    )


@pytest.mark.parametrize("answer", [dropout, by_torch, by_choice, in_float64])
def test_right_answers_pass_whatever_masks_they_draw(answer, amount):
    for seed in range(amount(2, 16)):
        found = verdict("06/T1", answer, seed=seed)
        assert found, found.message


def test_a_share_that_is_slightly_off_is_seen():
    (slightly,) = tasks.variant(chance=lambda p: min(1.0, p + 0.06) if 0 < p < 1 else p)
    found = verdict("06/T1", slightly)
    assert found.verdict == "failed" and "share that is dropped" in found.message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda x, p, training=True, generator=None: print(x), "None was returned"),
        (lambda x, p, training=True, generator=None: x.tolist(), "a list"),
        (lambda x, p, training=True, generator=None: x[0], "shape [100]"),
        (lambda x, p, training=True, generator=None: x.float(), "a float32 tensor"),
        (lambda x, p, training=True: x, "generator"),
    ],
)
def test_other_results_are_said_in_words(answer, said):
    found = verdict("06/T1", answer)
    assert found.verdict in ("failed", "error") and said in found.message, found.message


def test_what_the_answer_draws_does_not_move_the_learners_generator():
    before = torch.random.get_rng_state()
    assert verdict("06/T4", *tasks.TASKS["T4"].reference)
    assert torch.equal(torch.random.get_rng_state(), before)


SECOND = (  # what the exercise prints beside FIRST: the layer in evaluation
    (-0.4076, 1.8772, 2.1884, 0.3678, 0.0293),
    (0.2379, 0.3571, 0.9280, -0.9107, 0.5313),
    (0.1559, 0.1716, 0.4273, -0.5645, -0.1329),
    (-0.0192, 1.1604, -0.1956, 1.2885, 0.3373),
    (0.3247, -1.6603, 1.3701, 1.0716, 0.2485),
    (0.3478, 2.6682, -0.4942, 1.4930, 0.1250),
    (-0.4989, -1.0193, 0.3470, 0.2577, -0.4072),
    (-0.4410, 0.8347, -0.4681, -0.0240, -0.3851),
    (-0.4689, -0.1484, 1.8486, 0.8354, -1.1521),
    (-0.2673, 0.6042, 0.4407, 0.5085, -1.4198),
)


def test_the_printed_tensors_are_one_layers():
    first, second = (torch.tensor(rows, dtype=torch.float64) for rows in (tasks.FIRST, SECOND))
    kept = first != 0
    assert (first - 2 * second)[kept].abs().max() < 1.6e-4, (
        "twice the other, up to four printed decimals"
    )
    assert (2 * second)[~kept].abs().min() > 1e-4, "no zero is a rounded number"
    assert torch.equal(first[~kept].signbit(), second[~kept].signbit()), (
        "a dropped negative number is −0"
    )
    assert (~kept).sum() == tasks.ZEROS and tasks.READING["p"] == 1 - 1 / tasks.READING["factor"]
    assert tasks.READING["form_of_2014"] == pytest.approx(0.5 * second[0, 1].item())


def test_three_losses_by_hand():
    x, y, w = (torch.tensor(v, dtype=torch.float64) for v in ([[3.0, 1.0]], [7.0], [1.0, 2.0]))
    # 7 − 5 squared; 9·1 + 1·4
    assert tasks.by_all_masks(x, y, w, 0.5) == pytest.approx((4, 13, 17))
    # p/(1 − p) = 4
    assert tasks.by_all_masks(x, y, w, 0.8) == pytest.approx((4, 52, 56))


SOURCE = """
def dropout(x, p=0.5, training=True, generator=None):
    if not training or p == 0:
        return x
    kept = torch.rand(x.shape, generator=generator) >= p
    return x * kept{scale}
"""


@pytest.mark.usefixtures("worker")
def test_in_a_process_of_its_own():
    right = SOURCE.format(scale=" / (1 - p) if p < 1 else x * 0")
    assert check_source(right, 20, task="06/T1")["verdict"] == "passed"
    found = check_source(SOURCE.format(scale=""), 20, task="06/T1")
    assert found["verdict"] == "failed" and found["message"].startswith(
        "what is kept is not rescaled"
    )
