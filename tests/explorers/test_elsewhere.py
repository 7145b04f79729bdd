"""Lesson 10's pictures, and what their captions say."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from course_lib.experiments.elsewhere import carried, conv, grokking, late
from course_lib.experiments.elsewhere.grokking import PRIME, SPEC, STEPS, Grokking
from course_lib.experiments.elsewhere.progress import Progress
from course_lib.explorers import elsewhere as explore
from course_lib.panel.picture import Seen

CONV = explore.conv.explorer
GROKKING = explore.grokking.explorer
DECAYS = explore.grokking.DECAYS
ORDER = explore.grokking.order_of_visit


def on_a_circle(frequency, noise=0.0):
    """Embeddings [p, width] that lie on a circle of this frequency, in two features of many."""
    angle = 2 * torch.pi * frequency * torch.arange(PRIME) / PRIME
    numbers = noise * torch.randn(PRIME, SPEC.width, generator=torch.Generator().manual_seed(0))
    numbers[:, 0] += angle.cos()
    numbers[:, 1] += angle.sin()
    return numbers


def made_up(recorded=(0, 50, STEPS), known=3, kind=explore.grokking.DECOUPLED, smoothing="0"):
    """A run of every decay whose accuracies are the share of the steps made; `known` are there."""
    shape = 1, len(DECAYS), len(recorded)
    there = torch.arange(len(recorded)) < known
    accuracy = torch.where(there, torch.tensor(recorded) / STEPS, torch.nan).expand(shape)
    numbers = on_a_circle(7).expand(*shape, -1, -1)
    arms = explore.grokking.arms_of(kind, "0", smoothing)
    return Grokking(
        arms,
        (0,),
        recorded,
        *(2 * accuracy, accuracy) * 3,
        norm=10 + 50 * accuracy,
        numbers=numbers,
        parameters=[None],
        progress=0.4,
    )


@pytest.mark.parametrize("frequency", [1, 7, 15])
def test_neighbours_in_the_order_of_visit_are_neighbours_on_the_circle(frequency):
    order = ORDER(frequency)
    assert sorted(order) == list(range(PRIME))
    angles = np.array(order) * frequency % PRIME
    assert (np.diff(angles) == 1).all()


def test_numbers_on_a_circle_are_drawn_as_a_polygon_of_radius_one():
    marks = GROKKING.prepare(Figure())
    seen = GROKKING.draw(marks, made_up(), 2, STEPS, "accuracy")
    ring = np.stack(marks["ring"][0].get_data(), 1)
    assert np.linalg.norm(ring, axis=1) == pytest.approx(np.ones(PRIME + 1))
    sides = np.linalg.norm(np.diff(ring, axis=0), axis=1)
    assert sides == pytest.approx(np.full(PRIME, 2 * np.sin(np.pi / PRIME)), rel=1e-4)
    bars = [bar.get_height() for bar in marks["power"]]
    assert bars[6] == pytest.approx(1) and sum(bars) == pytest.approx(1)
    assert isinstance(seen, Seen) and "frequency 7 visits" in seen.caption
    assert "The ring shows 100% of what tells the numbers apart" in seen.caption
    assert "It has 100% of the power, the two strongest 100%" in seen.caption


def test_the_step_chooses_what_is_said_and_the_last_one_there_is_taken():
    marks = GROKKING.prepare(Figure())
    for step, known, said in (
        (STEPS, 3, "after 400 updates: 100%"),
        (350, 3, "after 50 updates: 12%"),
        (STEPS, 2, "after 50 updates: 12%"),
    ):
        caption = GROKKING.draw(marks, made_up(known=known), 2, step, "accuracy").caption
        assert said in caption, (step, known)
    caption = GROKKING.draw(marks, made_up(known=0), 2, STEPS, "accuracy")
    assert caption == "Training 5 decays side by side: 40%."
    assert len(marks["ring"][0].get_xdata()) == 0


def test_arms_count_thousandths_in_l2_and_the_caption_says_the_arm():
    decoupled = explore.grokking.arms_of(explore.grokking.DECOUPLED, "0.3", "0")
    l2 = explore.grokking.arms_of(explore.grokking.L2, "0", "0.1")
    assert [arm.weight_decay for arm in decoupled] == [1000 * arm.l2 for arm in l2]
    assert {arm.l2 for arm in decoupled} == {arm.weight_decay for arm in l2} == {0}
    assert {arm.dropout for arm in decoupled} == {0.3}
    marks = GROKKING.prepare(Figure())
    result = made_up(kind=explore.grokking.L2, smoothing="0.1")
    caption = GROKKING.draw(marks, result, 2, STEPS, "NLL").caption
    assert caption.startswith("L2, λ = 0.002, smoothing 0.1, after 400 updates")


def test_the_norm_and_every_number_can_be_read():
    marks = GROKKING.prepare(Figure())
    seen = GROKKING.draw(marks, made_up(), 2, 50, "accuracy")
    texts = [text for *_, text in seen.readings]
    assert len(texts) == PRIME + 1 and texts[0].startswith("norm of all weights after 50 updates")
    assert texts[0].endswith("16.2")


# ---- the convolution ----


def lines(known=3, seeds=3):
    """A run of every arm: plain errs 0.4 at the end, arm number i by i hundredths less."""
    recorded, arms = (0, 400, conv.STEPS), tuple(conv.ARMS.values())
    at_end = 0.4 - 0.01 * torch.arange(len(arms)) + 0.01 * torch.arange(seeds).unsqueeze(1)
    error = torch.stack([torch.full_like(at_end, 0.9), at_end + 0.1, at_end], -1)
    error[..., known:] = torch.nan
    return conv.Arms("all right", arms, tuple(range(seeds)), recorded, *[error] * 6, progress=0.3)


def test_every_arm_is_compared_with_plain_seed_by_seed_at_the_chosen_step():
    marks = CONV.prepare(Figure())
    caption = CONV.draw(marks, lines(), "group norm", "error", conv.STEPS)
    means, places = marks["differences"][0].get_data()
    assert np.asarray(means) == pytest.approx(-0.01 * np.arange(1, len(conv.ARMS)))
    assert list(places) == list(range(len(explore.conv.OTHERS)))
    assert "1500 updates, 3 seeds: test error 0.35 against 0.41 of plain" in caption
    assert "difference −0.06" in caption
    chosen = marks["chosen"][0].get_data()
    assert [float(part[0]) for part in chosen] == pytest.approx([-0.06, 5])
    assert "after 400 updates" in CONV.draw(marks, lines(), "group norm", "NLL", 800)


def test_arms_that_one_seed_has_are_not_compared_yet():
    marks = CONV.prepare(Figure())
    for result in (lines(known=2), lines(seeds=1)):
        caption = CONV.draw(marks, result, "batch norm", "error", conv.STEPS)
        assert caption == "Training 8 arms side by side: 30%."
        assert not len(marks["differences"][0].get_xdata())


# ---- the hill ----


def test_what_a_patience_hands_back_is_marked():
    hill = explore.hill.explorer
    marks = hill.prepare(Figure())
    run = eight_hills()
    run.test_accuracy[:, 1] = (torch.tensor(grokking.DENSE) >= 40).float()
    for looks, kept in ((4, [40, 0]), (3, [0, 0]), (6, [40, 60])):
        caption = hill.draw(marks, run, looks, "loss")
        assert list(marks["kept"][0].get_xdata()) == kept
        assert f"of 2 seeds {kept.count(0)} are handed back" in caption
    assert not marks["guess"][0].get_visible() or hill.draw(marks, run, 3, "error")
    assert not marks["guess"][0].get_visible()


# ---- pictures that stand still ----


def eight_hills(start=3.4, peak=6.0, down=(40, 60)):
    """Two seeds, without and with decay: a hill that ends at a step of `down`, and none."""
    steps = torch.tensor(grokking.DENSE, dtype=torch.float32)
    hills = torch.stack(
        [torch.where(steps == 0, start, torch.where(steps < end, peak, 1.0)) for end in down]
    )
    loss = torch.stack([torch.full_like(hills, 9.0), hills], 1)
    numbers = on_a_circle(7).expand(2, 2, len(steps), -1, -1)
    curves = [loss, loss / 9] * 3
    return Grokking(
        explore.hill.ARMS,
        (0, 1),
        grokking.DENSE,
        *curves,
        norm=loss,
        numbers=numbers,
        parameters=[],
    )


def test_who_comes_down_by_the_fifth_look_is_told_from_who_does_not():
    run = eight_hills()
    assert explore.curves.down_in_time(run).tolist() == [True, False]
    left, right = explore.curves.hill(run).axes
    labels = [text.get_text() for text in left.get_legend().get_texts()]
    assert labels == [
        "below its start by the fifth look: goes on",
        "not yet below: training ends",
        "a guesser, ln 31",
    ]
    assert len(right.lines) == 3  # two seeds and the guesser


def test_every_seed_of_both_arms_has_a_curve():
    run = eight_hills()
    run.train_accuracy = (torch.tensor(grokking.DENSE) >= 40).expand(2, 2, -1).double()
    [ax] = explore.curves.rises(run).axes
    *curves, mark = ax.lines
    assert len(curves) == 4 and list(mark.get_xdata()) == [40, 40]


def test_a_coordinate_on_a_circle_is_its_one_wave():
    assert explore.curves._wave(torch.ones(PRIME), 3).abs().max() < 1e-6
    curve = (2 * torch.pi * 7 * torch.arange(PRIME) / PRIME + 0.3).cos().double()
    wave = explore.curves._wave(curve, 7)
    assert (wave[::10] - curve).abs().max() < 1e-5
    for ax in explore.curves.waves(eight_hills()).axes:
        total, dots = (np.asarray(line.get_ydata()) for line in ax.lines)
        assert total[::10] == pytest.approx(dots, abs=1e-5)


@pytest.mark.parametrize("name", ["rises", "hill", "waves"])
def test_what_stands_still_is_said_in_words_too(name, monkeypatch):
    said = []
    monkeypatch.setattr("IPython.display.display", lambda _, metadata: said.append(metadata))
    getattr(explore.curves, f"show_{name}")(eight_hills())
    [words] = [one["image/png"]["alt"] for one in said]
    assert "Without decay" in words or "three waves" in words


def test_the_strip_is_as_wide_as_the_first_layer_sees():
    axes = explore.lines.some().axes
    assert len(axes) == 5
    box = axes[0].patches[0].get_window_extent().transformed(axes[0].transData.inverted())
    assert box.width == pytest.approx(5)
    still, moved = (np.asarray(ax.lines[0].get_ydata()) for ax in axes[3:])
    assert np.roll(still, explore.lines.MOVED) == pytest.approx(moved)


def test_every_arm_has_a_line_with_what_it_errs():
    head, *lines = explore.worlds.levels().splitlines()
    assert head.split() == list(explore.worlds.NAMES.values())
    names = [line[:24].strip() for line in lines]
    assert names[:-2] == list(carried.ARMS)[:-2]
    assert names[-2:] == ["early stopping by loss", "early stopping by error"]
    assert all(line.count("%") == 3 for line in lines)
    plain, *others = explore.worlds.on_right_labels().splitlines()
    assert "against" not in plain and all("against plain" in line for line in others)


def test_what_grows_on_the_way_is_drawn_and_said(monkeypatch):
    said = []
    monkeypatch.setattr("IPython.display.display", lambda _, metadata: said.append(metadata))
    run = eight_hills()
    share = torch.linspace(0, 1, len(grokking.DENSE), dtype=torch.float64).expand(2, -1)
    way = Progress(grokking.DENSE, ((3, 1, 2), (7, 1, 2)), share, share, 0 * share, share, share)
    for picture, lines in (
        (explore.curves.mirrors(way), 3),
        (explore.curves.progress(way, run), 5),
    ):
        [ax] = picture.axes
        assert len(ax.lines) == lines == len(ax.get_legend().get_texts())
    explore.curves.show_mirrors(way)
    explore.curves.show_progress(way, run)
    words = [one["image/png"]["alt"] for one in said]
    assert "at the end 100% and 0%" in words[0] and "final waves 22% and 100%" in words[1]


def test_plain_has_nine_pilots_a_world_and_the_largest_gain_hangs_below_the_best(monkeypatch):
    said = []
    monkeypatch.setattr("IPython.display.display", lambda _, metadata: said.append(metadata))
    axes = explore.worlds.by_rate().axes
    assert len(axes) == len(carried.WORLDS) + 1
    for ax, world in zip(axes, explore.worlds.PLAIN, strict=True):
        curve, bar = (line.get_ydata() for line in ax.lines)
        assert len(curve) == 9 and bar[0] == min(curve)
        arm, gain = explore.worlds.gained(world)
        assert bar[0] - bar[1] == pytest.approx(gain)
        assert gain == pytest.approx(-100 * carried.stored(world, arm).mean)
    explore.worlds.show_by_rate()
    [words] = [one["image/png"]["alt"] for one in said]
    assert words.count("at its best rate") == len(axes)


def test_a_cell_that_rests_on_too_coarse_a_grid_is_undecided_with_a_star():
    worlds = explore.worlds.explorer
    marks = worlds.prepare(Figure())
    caption = worlds.draw(marks, explore.worlds.table(), "dropout").caption
    assert "It is shown to help in 1 of 3 worlds" in caption
    words = [text.get_text() for row in marks["cells"] for text in row]
    assert sum("undecided *" in one for one in words) == len(explore.worlds.DOUBTED)


def test_who_leads_on_the_clock_is_compared_with_plain_at_more_rates():
    found = explore.worlds.table()
    for arm, row in found.items():
        for world, shown in row.items():
            ahead = world == "transformer" and carried.helps(world, arm)
            other = "plain, more rates" if ahead else "plain"
            assert explore.worlds.against(world, arm) == other
            assert shown == carried.stored(world, arm, other)
    leads = [arm for arm in found if explore.worlds.against("transformer", arm) != "plain"]
    assert explore.worlds.helping("L2 through Adam") == ["convolution", "transformer"]
    assert leads == ["decoupled decay", "L2 through Adam", "dropout"]


def test_the_curves_alone_are_those_of_the_whole_picture():
    rises = explore.rises.explorer
    marks, whole = rises.prepare(Figure()), GROKKING.prepare(Figure())
    caption = rises.draw(marks, made_up(), 2)
    GROKKING.draw(whole, made_up(), 2, STEPS, "accuracy")
    for name in ("train", "test", "plain"):
        ours, theirs = (np.stack(one[name][0].get_data()) for one in (marks, whole))
        assert ours == pytest.approx(theirs)
    assert "after 400 updates 100% of the pairs it learns from" in caption
    assert rises.draw(marks, made_up(known=2), 2) == "Training 5 decays side by side: 40%."


def test_bars_on_the_way_are_the_shares_and_the_three_highest_stand_out():
    numbers = [on_a_circle(4, noise=1.0), sum(on_a_circle(k) for k in (4, 7, 11))]
    figure, said = explore.bars.picture({"one": numbers, "two": numbers[::-1]}, (30, 400))
    for row, order in ((figure.axes[:3], numbers), (figure.axes[3:], numbers[::-1])):
        for ax, one in zip(row[:2], order, strict=True):
            heights = {
                round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in ax.patches
            }
            shares = grokking.circles(one).shares.tolist()
            assert [heights[k] for k in range(1, 16)] == pytest.approx(shares)
            (color,) = {bar.get_facecolor() for bar in ax.patches[-3:]}
            assert color not in {bar.get_facecolor() for bar in ax.patches[:-3]}
        _, places, wanted = explore.grokking.ring(order[-1])
        assert np.stack(row[2].lines[0].get_data(), 1) == pytest.approx(places[wanted])
    assert "400 updates 100%" in said and all(f" {k}" in said for k in (4, 7, 11))


def test_bars_of_a_run_are_of_its_first_seed_without_decay_and_with(monkeypatch):
    said = []
    monkeypatch.setattr("IPython.display.display", lambda _, metadata: said.append(metadata))
    explore.bars.show_on_the_way(eight_hills())
    [words] = [one["image/png"]["alt"] for one in said]
    assert "λ = 0: frequencies 7" in words and "λ = 2: frequencies 7" in words


def test_a_clock_has_its_numbers_k_steps_apart_and_both_end_at_the_sum():
    for ax, k in zip(explore.clock.turned().axes, explore.clock.FREQUENCIES):
        places = {text.get_text(): text.get_position() for text in ax.texts}
        angles = [np.arctan2(*places[str(n)]) for n in range(PRIME)]
        wanted = np.exp(2j * np.pi * k * np.arange(PRIME) / PRIME)
        assert np.exp(1j * np.array(angles)) == pytest.approx(wanted, abs=1e-5)
        end = [float(values[-1]) for values in ax.lines[1].get_data()]
        assert np.arctan2(*end) == pytest.approx(angles[sum(explore.clock.SUM) % PRIME])


def test_decay_that_begins_late_is_drawn_with_what_is_known_of_all(monkeypatch):
    said = []
    monkeypatch.setattr("IPython.display.display", lambda _, metadata: said.append(metadata))
    known = torch.zeros(8, len(late.TOLD), dtype=torch.float64)
    known[:, 1], known[:, 2] = 0.5, torch.linspace(0.9, 1.0, 8)
    [ax] = explore.curves.begun_late(eight_hills(), eight_hills(), known).axes
    *_, begins, ends, mark = ax.lines
    assert list(mark.get_xdata()) == [late.FROM] * 2
    assert list(begins.get_data()[0]) == [late.FROM] * 8 and set(begins.get_ydata()) == {0.5}
    assert list(ends.get_data()[0]) == [STEPS] * 8 and max(ends.get_ydata()) == 1
    explore.curves.show_begun_late(eight_hills(), eight_hills(), known)
    [words] = [one["image/png"]["alt"] for one in said]
    assert "50% to 50% are right when it begins, 90% to 100% at the end" in words


def test_leads_at_one_rate_and_at_its_own_stand_side_by_side(monkeypatch):
    said = []
    monkeypatch.setattr("IPython.display.display", lambda _, metadata: said.append(metadata))
    [ax] = explore.worlds.own_rates(lines()).axes
    own = [box for box in ax.containers if "its own" in box.get_label()]
    [shown] = [box.lines[0].get_xdata() for box in own]
    wanted = [100 * carried.stored(carried.RIGHT, arm).mean for arm in explore.worlds.SHARED]
    assert list(shown) == pytest.approx(wanted)
    explore.worlds.show_own_rates(lines())
    [words] = [one["image/png"]["alt"] for one in said]
    assert words.count("at one rate for all") == len(explore.worlds.SHARED)


def test_the_leader_is_compared_with_whoever_comes_nearest():
    said = explore.worlds.leader("convolution")
    assert said.startswith("lines: dropout against ") and said.endswith("] points")
