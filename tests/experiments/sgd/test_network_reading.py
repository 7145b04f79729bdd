"""Six epochs for a network, in small steps and in large ones."""

from course_lib.engine import product
from course_lib.experiments.sgd import network_reading as lab


def test_who_diverges_has_an_infinite_loss():
    found = lab.losses(500, {"lr": [1e20, 0.1], "momentum": [0.9, 0.9]}, (0, 1))
    assert found[:, 0].isinf().all() and found[:, 1].isfinite().all()


def test_each_batch_size_gets_the_pair_that_its_pilot_seeds_end_lowest_at(amount, monkeypatch):
    monkeypatch.setattr(lab, "PILOT", lab.PILOT[: amount(4, 20)])
    found = lab.read()
    grid = product(lr=lab.RATES, momentum=lab.MOMENTA)
    assert set(lab.PILOT).isdisjoint(lab.JUDGED)
    assert lab.losses(500, grid, lab.PILOT).log().mean(0).argmin() == [
        *zip(grid["lr"], grid["momentum"])
    ].index(found.best[500])
    for size in lab.SIZES:
        by_loss = [loss for *_, loss in found.ranked[size]]
        assert len(by_loss) == 60 and by_loss == sorted(by_loss)
        assert found.ranked[size][0][:2] == found.best[size]
        assert lab.RATES[0] < found.best[size][0] < lab.RATES[-1]
        assert len(found.loss[size]) == len(lab.JUDGED)


def test_a_larger_batch_gets_k_times_the_rate_or_the_root_of_k_times():
    ranked = {10: [(0.2, 0.5, 0.1), (0.05, 0.9, 0.2), (0.1, 0.9, 0.3)]}
    found = lab.scale(lab.NetworkReading({}, {}, ranked))
    assert found.rate == 0.05
    for size in lab.SCALED:
        k = size / 10
        grid = {"lr": [k * 0.05, k**0.5 * 0.05], "momentum": [0.9, 0.9]}
        linear, root = lab.losses(size, grid, lab.JUDGED).unbind(1)
        assert linear.equal(found.linear[size]) and root.equal(found.root[size])


def test_on_the_way_two_batch_sizes_share_starts_and_end_where_they_end_unwatched(monkeypatch):
    monkeypatch.setattr(lab, "JUDGED", range(2))
    best = {10: (0.05, 0.9), 500: (1.5, 0.5)}
    found = lab.budgets(lab.NetworkReading({}, best, {}))
    small, equal_steps, equal_examples = found.small, found.equal_steps, found.equal_examples
    assert small.steps == equal_steps.steps == list(range(0, 301, 5))
    assert equal_examples.steps == list(range(7))
    assert small.examples[-1] == equal_examples.examples[-1] == 3000
    assert equal_steps.examples[-1] == 50 * 3000
    assert (equal_steps.rate, equal_steps.momentum) == (small.rate, small.momentum) == best[10]
    for way in (small, equal_steps, equal_examples):
        assert way.loss.shape == (2, len(way.steps)) and way.loss.isfinite().all()
        assert way.test_loss.shape == way.loss.shape and (way.test_loss != way.loss).all()
        assert way.loss[:, 0].equal(small.loss[:, 0])  # the same networks, the same rows
    for way in (small, equal_examples):  # looking changes nothing
        grid = {"lr": [way.rate], "momentum": [way.momentum]}
        assert way.loss[:, -1].equal(lab.losses(way.size, grid, range(2)).squeeze(1))
