"""Equal budgets in three worlds, what is frozen, and what becomes of a verdict elsewhere."""

import pytest
import torch

from course_lib.base import random
from course_lib.engine import Training
from course_lib.experiments.elsewhere import carried
from course_lib.experiments.elsewhere.carried import ARMS, SEEDS, WORLDS, Line, Setting
from course_lib.records import standing, store
from course_lib.statistics import mean_interval, paired_interval

PAIRS = [(world, arm) for world in WORLDS for arm in ARMS]


def lines_of(world, arm):
    return [line for line in carried.sweep() if (line.world, line.arm) == (world, arm)]


@pytest.mark.parametrize(("world", "arm"), PAIRS)
def test_every_arm_tried_its_nine_settings_and_what_lay_beyond_an_edge(world, arm):
    tried = [Setting(line.strength, line.lr) for line in lines_of(world, arm)]
    first, beyond = tried[:9], tried[9:]
    assert first == list(carried.settings(world, arm)) and len(set(tried)) == len(tried)
    assert beyond == list(carried.wider(world, arm, lines_of(world, arm)[:9]))


def test_the_seeds_of_the_pilots_judge_nothing():
    assert not set(carried.PILOT) & set(SEEDS)


def test_the_lowest_error_is_frozen():
    for world, arm in PAIRS:
        best = carried.frozen(world, arm)
        errors = {(line.strength, line.lr): line.error for line in lines_of(world, arm)}
        assert errors[best] == min(errors.values())


def test_a_stored_line_is_what_the_pilots_find():
    one = carried.settings("fully connected", "dropout")[4]
    [line] = carried.pilot("fully connected", "dropout", (one,))
    stored = next(
        it for it in lines_of("fully connected", "dropout") if Setting(it.strength, it.lr) == one
    )
    assert line.error == pytest.approx(stored.error, abs=2e-3)  # a row of 500 here or there


def test_stored_errors_are_what_a_frozen_arm_makes():
    *_, found = carried.judge("fully connected", "early stopping")
    kept = carried._judged()["fully connected"]["early stopping"]["0"]
    assert found.tolist() == pytest.approx(kept, abs=2e-3)


def test_the_claims_errors_are_stored_and_are_those_of_the_record():
    recorded = standing.recorded()["carried-decay"].pilot.samples[""].values
    found = carried.difference("transformer", "decoupled decay").sample.values
    assert recorded == pytest.approx(found, abs=1e-6)


def test_what_is_not_stored_is_trained(monkeypatch):
    errors = torch.linspace(0.1, 0.2, 8)
    monkeypatch.setattr(carried, "judge", lambda world, arm: iter([errors]))
    for options in (("transformer", "dropout"), ("transformer", "plain", True)):
        assert carried.errors(*options).equal(errors)
    monkeypatch.setattr(random, "BASE", 9)
    assert carried.errors("transformer", "plain").equal(errors)
    assert carried.difference("transformer", "plain").mean == 0


def grid(best, arm="dropout"):
    """Nine lines of which `best` is lowest."""
    some = carried.settings("convolution", arm)
    return [Line("convolution", arm, *one, float(one != best)) for one in some]


def test_beyond_an_edge_the_next_ones_are_tried():
    (low, middle, high), (weak, inner, strong) = (
        sorted({getattr(one, part) for one in carried.settings("convolution", "dropout")})
        for part in ("lr", "strength")
    )

    def beyond(best):
        return carried.wider("convolution", "dropout", grid(best))

    assert beyond(Setting(inner, middle)) == ()
    faster = beyond(Setting(inner, high))
    assert [one.strength for one in faster] == [weak, inner, strong]
    assert [one.lr for one in faster] == pytest.approx([high * 10**0.5] * 3)
    assert {one.strength for one in beyond(Setting(strong, middle))} == {0.8}
    assert len(beyond(Setting(weak, low))) == 3 + 4
    slowest, next_slowest, *_ = carried.settings("convolution", "plain")
    more = carried.wider("convolution", "plain", grid(slowest, "plain"))
    assert [it.lr / slowest.lr for it in more] == pytest.approx(
        [(slowest.lr / next_slowest.lr) ** k for k in (1, 2, 3)]
    )


def test_errors_are_of_the_end_or_of_the_best_step():
    empty = torch.full((1, 2, 3), torch.nan)
    accuracy = torch.tensor([[[0.1, 0.9, 0.5], [0.2, 0.3, torch.nan]]])
    steps = torch.full((1, 2), -1)
    training = Training(
        {}, (0,), 30, (10, 20, 30), empty, empty, empty, accuracy, empty, accuracy,
        steps, steps, torch.tensor([[20, -1]]), [], [], [],
    )  # fmt: skip
    for arm, expected in (("early stopping", [0.1, 1.0]), ("stopping by error", [0.1, 0.7])):
        found = carried._errors(training, "test", arm)[0].tolist()
        assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("mean", "word"),
    [
        (-0.05, "helps"),
        (-0.01, "undecided"),
        (0.0, "no: a point at most"),
        (0.01, "no: a point at most"),
        (0.05, "harms"),
    ],
)
def test_a_verdict_goes_by_the_bound_on_either_side(mean, word):
    assert carried.verdict(mean_interval(mean + torch.linspace(-0.005, 0.005, 8))) == word


def test_intervals_are_corrected_where_all_seeds_divide_one_file():
    judged = carried._judged()
    for world, here in WORLDS.items():
        found = carried.stored(world, "dropout")
        a, b = (store.fresh(judged[world][arm]) for arm in ("dropout", "plain"))
        naive = paired_interval(a, b)
        rows = here.one_file
        wider = (1 + naive.n * rows[1] / rows[0]) ** 0.5 if rows else 1
        assert found.mean == pytest.approx(naive.mean)
        assert found.half_width == pytest.approx(wider * naive.half_width)
    split = WORLDS["fully connected"].data(0)
    parts = len(split.train_x) + len(split.validation_x), len(split.test_x)
    assert parts == WORLDS["fully connected"].one_file


def test_edges_are_those_of_what_was_tried():
    assert carried.edges("fully connected", "label smoothing") == ("strength", "lr")
    assert carried.edges("convolution", "decoupled decay") == ("strength",)
    assert carried.edges("transformer", "plain") == ()
    at_an_edge = [pair for pair in PAIRS if "strength" in carried.edges(*pair)]
    assert len(at_an_edge) == 7  # as the lesson says


@pytest.mark.parametrize(("world", "arm"), carried.BESIDES)
def test_what_is_asked_besides_the_table_keeps_its_rules(world, arm):
    tried = [Setting(line.strength, line.lr) for line in lines_of(world, arm)]
    if arm == "plain, more rates":
        assert tried == list(carried.settings(world, arm))
        around = [line.lr for line in lines_of(world, "plain")]
        assert len({*around, *(one.lr for one in tried)}) == len(around) + 4
    else:
        assert tried[:9] == list(carried.settings(world, arm))
        assert tried[9:] == list(carried.wider(world, arm, lines_of(world, arm)[:9]))
    assert carried.stored(world, arm).n == 24
    assert carried.stored(world, arm, arm).mean == 0


def test_labels_are_right_where_it_says_so():
    noisy, right = (carried.ANYWHERE[world].data(0) for world in ("convolution", carried.RIGHT))
    assert torch.equal(noisy.train_x, right.train_x)
    assert (noisy.train_y != right.train_y).double().mean().item() == pytest.approx(0.2)


@pytest.mark.parametrize(("world", "arm"), [("recurrent", "plain"), ("transformer", "luck")])
def test_what_there_is_not_is_refused(world, arm):
    with pytest.raises(ValueError, match="must be one of"):
        carried.settings(world, arm)
