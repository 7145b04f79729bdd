"""Lesson 10's checks: the lesson's own code passes, and other dice change no verdict."""

import pytest
import torch
from torch import nn

from course_lib import elsewhere, stochastic_depth
from course_lib.checks import elsewhere as tasks
from course_lib.checks.judge.blocks import _pairing
from course_lib.checks.judge.observe import observe
from course_lib.checks.judge.report import AS_IF, judge
from course_lib.checks.judge.task import find
from course_lib.checks.judge.values import decode
from course_lib.checks.transformer.block import BLOCK_MISTAKES, DROPS
from course_lib.statistics import paired_interval


def result(name, answer, seed=0):
    task = find(name)
    cases = task.draw(seed)
    return judge(name, task, cases, observe(task.names, (answer,), cases))


def lesson_norm(x, weight, eps=1e-6):
    return elsewhere.rms_norm(x, weight, eps)


def lesson_attention(q, k, v):
    return elsewhere.attention(q, k, v)


def lesson_carried(home, here, bound):
    sides = [paired_interval(*pair).between(low=limit) for pair, limit in zip((home, here), bound)]
    if None in sides:
        return "not asked" if sides[0] is None else "undecided"
    return "carries over" if sides[0] is sides[1] else "does not"


def lesson_block(x, attention, mlp, norm1, norm2, p, training=True, generator=None):
    def drop(part):
        return stochastic_depth.drop_path(part, p, "row", training, generator)

    x = x + drop(attention(norm1(x)))
    return x + drop(mlp(norm2(x)))


LESSON = {
    "10/T1": lesson_norm,
    "10/T2": lesson_attention,
    "10/T4": lesson_block,
    "10/T5": lesson_carried,
}


@pytest.mark.parametrize("name", LESSON)
def test_the_lessons_own_code_passes(name, amount):
    for seed in range(amount(2, 12)):
        found = result(name, LESSON[name], seed)
        assert found, found.message


def test_a_decay_that_passes_trains_each_parameter_once():
    (groups_of,) = find("10/T3").reference
    model = nn.Sequential(nn.Embedding(5, 4), nn.TransformerEncoderLayer(4, 2, 8), nn.Linear(4, 5))
    model[2].weight = model[0].weight
    optimizer = torch.optim.AdamW(groups_of(model, 0.1))
    decayed, spared = (group["params"] for group in optimizer.param_groups)
    assert {p for p in (*decayed, *spared)} == set(model.parameters())
    # in_proj, out_proj and the two linear layers
    assert len(decayed) == 4 and all(p.ndim == 2 for p in decayed)


def test_chance_fails_no_right_block(amount):
    (reference,) = find("10/T4").reference
    assert not [seed for seed in range(amount(6, 300)) if not result("10/T4", reference, seed)]


def with_other_dice(answer):
    """The same answer, whose numbers come later from the generator."""

    def block(*args, generator=None, **options):
        torch.rand(3, generator=generator)
        return answer(*args, generator=generator, **options)

    return block


@pytest.mark.parametrize("mistake", BLOCK_MISTAKES, ids=lambda mistake: mistake.name)
def test_a_slip_is_named_whatever_numbers_it_draws(mistake, amount):
    for seed in range(amount(1, 10)):
        found = result("10/T4", with_other_dice(mistake.answers[0]), seed)
        # chance may part answer and slip in a later case: then it is named with a caution
        named = found.message.removeprefix(AS_IF)
        assert found.verdict == "failed" and named.startswith(mistake.hint), found.message


def test_branches_that_avoid_each_other_are_no_chance():
    u = torch.rand(300, 4, generator=torch.Generator().manual_seed(0))
    v = torch.rand(300, 4, generator=torch.Generator().manual_seed(1))
    for p in DROPS:
        assert _pairing(u < p, 1 - u < p, p) and not _pairing(u < p, v < p, p)


WRONG = {
    "half of the rate": lambda x, *parts, p, **o: lesson_block(
        x, *parts, p=p / 2 if p < 1 else p, **o
    ),
    "detached": lambda x, *parts, **o: lesson_block(x.detach(), *parts, **o),
    "in another precision": lambda x, *parts, **o: lesson_block(x, *parts, **o).float(),
    "one seed for ever": lambda x, *parts, generator=None, **o: lesson_block(
        x, *parts, generator=torch.Generator().manual_seed(0), **o
    ),
    "the first row is spared": lambda x, *parts, **o: torch.cat(
        [lesson_block(x[:1], *parts, **{**o, "training": False}), lesson_block(x[1:], *parts, **o)]
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_other_wrong_blocks_do_not_pass(name):
    def block(x, attention, mlp, norm1, norm2, p, training=True, generator=None):
        parts = (attention, mlp, norm1, norm2)
        return WRONG[name](x, *parts, p=p, training=training, generator=generator)

    assert not result("10/T4", block)


def test_the_worlds_lie_where_they_say():
    """Each world's mean difference is its distance, in standard errors, from its bound."""
    for case, (home, here, _) in zip(find("10/T5").draw(3), tasks.WORLDS.values(), strict=True):
        *pairs, bounds = decode(case["args"])
        for (a, b), (n, distance), bound in zip(pairs, (home, here), bounds, strict=True):
            d = a - b
            assert len(d) == n
            assert (d.mean().item() - bound) / (d.std().item() / n**0.5) == pytest.approx(distance)
