"""Grokking: curves, norms and embeddings belong together; circles are found where they are."""

import math
from collections import namedtuple

import pytest
import torch
from torch.nn.functional import cross_entropy

from course_lib.base import random
from course_lib.experiments.elsewhere import grokking as lab
from course_lib.records import standing, store

ARMS = (lab.Arm(), lab.Arm(4.0, dropout=0.3), lab.Arm(l2=1e-3, label_smoothing=0.1))


@pytest.fixture(scope="module")
def parts():
    return list(lab.compute_grokking(ARMS, (0, 1), 25))


@pytest.fixture(scope="module")
def grokking(parts):
    return parts[-1]


def test_curves_fill_in_and_are_remembered(parts, grokking):
    assert parts[0].progress == 0 and parts[0].norm.isnan().all()  # at once, to draw something
    assert grokking.recorded == (0, 10, 20, 25) and grokking.progress == 1
    for name in ("train_loss", "test_accuracy", "validation_loss", "norm"):
        curve = getattr(grokking, name)
        assert curve.shape == (2, 3, 4) and curve.isfinite().all(), name
    assert grokking.numbers.shape == (2, 3, 4, 31, 64)
    assert len(list(lab.compute_grokking(ARMS, (0, 1), 25))) == 1


def test_curves_norms_and_embeddings_are_those_of_the_networks(grokking):
    split = lab.split_of(1)
    for v in range(3):
        net = lab.SPEC.build()
        trained = [parameter[v] for parameter in grokking.parameters[1]]
        net.load_state_dict(dict(zip(lab.SPEC.names(), trained)))
        net.eval()
        for part in ("train", "validation", "test"):
            z, y = net(getattr(split, f"{part}_x")), getattr(split, f"{part}_y")
            loss, accuracy = cross_entropy(z, y).item(), (z.argmax(1) == y).float().mean().item()
            assert getattr(grokking, f"{part}_loss")[1, v, -1].item() == pytest.approx(
                loss, rel=1e-4
            )
            found = getattr(grokking, f"{part}_accuracy")[1, v, -1].item()
            assert found == pytest.approx(accuracy, abs=1e-6)
        assert torch.equal(grokking.numbers[1, v, -1], net.embedding[:31])
        norm = math.sqrt(sum(p.square().sum().item() for p in net.parameters()))
        assert grokking.norm[1, v, -1].item() == pytest.approx(norm, rel=1e-5)


def test_all_arms_of_a_seed_begin_alike_and_before_any_update(grokking):
    for s, seed in enumerate(grokking.seeds):
        start = lab.SPEC.initial(seed)
        for v in range(3):
            assert torch.equal(grokking.numbers[s, v, 0], start[0][:31])
        assert len({*grokking.test_loss[s, :, 0].tolist()}) == 1
    assert not torch.equal(grokking.numbers[0, 0, 0], grokking.numbers[1, 0, 0])


def test_fewer_steps_are_the_beginning_of_the_same_runs(grokking):
    *_, short = lab.compute_grokking(ARMS, (0, 1), 10)
    for name in ("test_loss", "norm", "numbers"):
        assert torch.allclose(
            getattr(short, name), getattr(grokking, name)[:, :, :2], rtol=1e-4, atol=1e-5
        )


def test_who_looks_more_often_sees_the_same_run(grokking):
    assert {*lab.RECORDED} < {*lab.DENSE} and lab.DENSE[-1] == lab.STEPS
    *_, dense = lab.compute_grokking(ARMS, (0, 1), 25, record_at=lab.DENSE)
    assert dense.recorded == (0, 5, 10, 15, 20, 25)
    seen = dense.seen_at(grokking.recorded)
    assert seen.recorded == grokking.recorded
    for name in ("train_loss", "validation_accuracy", "norm", "numbers"):
        assert torch.equal(getattr(seen, name), getattr(grokking, name)), name


def test_the_first_step_with_an_accuracy():
    nan = torch.full((1, 3, 4), torch.nan)
    accuracy = torch.tensor([[[0.1, 0.5, 0.96, 0.9], [0.1, 0.2, 0.3, 0.4], [0.1, torch.nan] * 2]])
    found = lab.Grokking(ARMS, (0,), (0, 10, 20, 25), *[nan] * 5, accuracy, nan, nan, [None])
    assert found.reached(0.95).tolist() == [[20, math.inf, math.inf]]
    assert found.reached(0.3).tolist() == [[10, 20, math.inf]]
    assert found.at(ARMS[1]) == 1


STORED = {
    arm: values["0"]
    for arm, values in store.stored("elsewhere/grokking").items()
    if arm not in lab.BESIDES
}  # of the base on which lessons are read
KEPT = (
    lab.Arm(l2=1e-3),
    lab.Arm(l2=1e-2),
    lab.Arm(dropout=0.3),
    lab.Arm(weight_decay=2.0, label_smoothing=0.1),
)


def test_what_is_stored_is_what_the_record_has_of_base_0():
    assert list(STORED) == [str(arm) for arm in KEPT]
    for arm, id in ((KEPT[0], "l2-adds"), (KEPT[1], "l2-too-much")):
        recorded = standing.recorded()[id].pilot.samples[""].values
        assert recorded == pytest.approx(STORED[str(arm)], abs=1e-6)


def test_what_is_stored_stands_in_for_a_training_and_is_what_one_makes(amount):
    """With L2 alone every machine comes to the same; the others stand on the edge at some seeds."""
    for arm, seeds in ((KEPT[0], [0]), *((arm, range(5)) for arm in amount((), KEPT[:2]))):
        wanted = [STORED[str(arm)][seed] for seed in seeds]
        assert lab.at_the_end(arm, seeds).tolist() == wanted
        assert lab.at_the_end(arm, seeds, afresh=True).tolist() == pytest.approx(wanted, abs=0.02)


@pytest.mark.parametrize("what", lab.BESIDES)
def test_what_is_looked_at_besides_is_stored_on_every_base(monkeypatch, what):
    found = lab.besides(what)
    assert found.shape == (4,) and ((found > 0) & (found < 1)).all()
    monkeypatch.setattr(random, "BASE", 9)
    assert lab.besides(what).equal(found)


def test_what_is_looked_at_besides_has_another_precision_or_length(monkeypatch):
    asked = []

    def compute(arms, seeds, **options):
        asked.append((arms, seeds, options))
        yield namedtuple("Found", "test_accuracy")(torch.full((len(seeds), 1, 3), 0.5))

    monkeypatch.setattr(lab, "compute_grokking", compute)
    for what in lab.BESIDES:
        assert lab.besides(what, afresh=True).tolist() == [0.5] * 4
    plain = (lab.Arm(),), (0, 1, 2, 3)
    assert asked == [(*plain, {"dtype": torch.float64}), (*plain, {"steps": 4000})]


def test_what_is_not_stored_is_trained(monkeypatch):
    asked = []

    def compute(arms, seeds):
        asked.append((arms, seeds))
        yield namedtuple("Found", "test_accuracy")(torch.full((len(seeds), 1, 3), 0.5))

    monkeypatch.setattr(lab, "compute_grokking", compute)
    other = lab.Arm(dropout=0.1)
    assert lab.at_the_end(other, [0, 1]).tolist() == [0.5, 0.5]
    assert lab.at_the_end(KEPT[0], range(6)).tolist() == [0.5] * 6
    monkeypatch.setattr(random, "BASE", 9)
    assert lab.at_the_end(KEPT[0], [0]).tolist() == [0.5]
    assert asked == [((other,), (0, 1)), ((KEPT[0],), tuple(range(6))), ((KEPT[0],), (0,))]


def on_circles(radii, p=31, width=16, seed=0):
    """Numbers on a circle for each frequency, in planes at right angles, and their mean aside."""
    generator = torch.Generator().manual_seed(seed)
    draws = torch.randn(width, width, generator=generator, dtype=torch.float64)
    axes = torch.linalg.qr(draws).Q
    angle = 2 * math.pi * torch.arange(p, dtype=torch.float64) / p
    made = 3 * axes[-1].expand(p, width)
    for i, (k, radius) in enumerate(radii.items()):
        x, y = axes[2 * i], axes[2 * i + 1]
        made = made + radius * (
            torch.outer((k * angle).cos(), x) + torch.outer((k * angle).sin(), y)
        )
    return made, angle


def test_circles_are_found():
    made, angle = on_circles({5: 2.0, 11: 1.0, 3: 0.5})
    found = lab.circles(made)
    assert found.frequencies == (5, 11)
    shares = torch.zeros(15, dtype=torch.float64)
    shares[[4, 10, 2]] = torch.tensor([4.0, 1.0, 0.25], dtype=torch.float64) / 5.25
    assert (found.shares - shares).abs().max() <= 1e-12
    for (k, radius), points in zip({5: 2.0, 11: 1.0}.items(), found.points):
        assert (points.norm(dim=1) - radius).abs().max() <= 1e-10
        # in order: from number to number k/p of a turn, in the direction of the sine
        expected = radius * torch.stack([(k * angle).cos(), (k * angle).sin()], 1)
        assert (points - expected).abs().max() <= 1e-10
    assert (found.planar - found.shares[[4, 10]]).abs().max() <= 1e-12
    assert (found.roundness - 1).abs().max() <= 1e-12


def test_an_ellipse_is_as_round_as_its_axes_say():
    """One wave with axes 1 and ⅓, tilted; the other with all coordinates in step."""
    angle = 2 * torch.pi * torch.arange(31, dtype=torch.float64) / 31
    made = torch.stack(
        [(2 * angle).cos(), (2 * angle).sin() / 3, *[0.2 * (5 * angle).cos()] * 2], 1
    )
    turn, _ = torch.linalg.qr(
        torch.randn(4, 4, generator=torch.Generator().manual_seed(0)).double()
    )
    found = lab.circles(made @ turn)
    assert found.frequencies == (2, 5)
    assert found.roundness.tolist() == pytest.approx([1 / 3, 0], abs=1e-12)


def test_random_embeddings_have_no_circles():
    draws = torch.randn(31, 64, generator=torch.Generator().manual_seed(0))
    found = lab.circles(draws)
    assert found.shares.sum().item() == pytest.approx(1) and found.shares.max() < 0.15
    assert len(found.shares) == 15 and found.points.shape == (2, 31, 2)


@pytest.mark.parametrize("shape", [(30, 4), (3, 4), (31,), (31, 2, 2)], ids=str)
def test_what_has_no_circles_is_refused(shape):
    with pytest.raises(ValueError, match=r"embedding has shape .* must be \[p, width\], p odd"):
        lab.circles(torch.zeros(shape))


def test_steps_must_be_some():
    with pytest.raises(ValueError, match="steps = 0"):
        list(lab.compute_grokking(ARMS, (0,), 0))


def test_a_pair_is_mirrored_if_the_other_order_was_trained():
    split = lab.split_of(0)
    trained = {tuple(pair) for pair in split.train_x[:, :2].tolist()}
    for (a, b, _), there in zip(split.test_x.tolist(), lab.mirrored(split).tolist()):
        assert there == ((b, a) in trained)


def test_a_network_that_knows_mirrors_alone_is_found():
    """Outputs are made up: right for mirrored pairs, wrong for all others."""
    split = lab.split_of(0)
    *_, found = lab.compute_grokking((lab.Arm(),), (0,), steps=1)

    def outputs(spec, parameters, x):
        right = torch.nn.functional.one_hot(split.test_y, lab.PRIME).float()
        return torch.where(lab.mirrored(split).unsqueeze(1), right, -right).unsqueeze(0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lab, "outputs_of", outputs)
        assert lab.mirrors_known(found, lab.Arm()).tolist() == [[1.0, 0.0]]
