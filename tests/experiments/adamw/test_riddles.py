"""Riddles: each varies one parameter, shows it, and is what AdamW does at its settings."""

import itertools

import torch

from course_lib.experiments.adamw.riddles import (
    BASE,
    PARAMETERS,
    STEPS,
    quiz_trajectories,
    read_paths,
    see,
)


def test_each_riddle_varies_one_parameter_and_shows_it(amount):
    drawn = [quiz_trajectories(seed) for seed in range(amount(10, 200))]
    for quizzes in drawn:
        assert sorted(quiz.parameter for quiz in quizzes) == sorted(PARAMETERS)
    for quiz in itertools.chain(*drawn):
        for name in set(PARAMETERS) - {quiz.parameter}:
            assert {setting[name] for setting in quiz.settings} == {BASE[quiz.parameter][name]}
        assert len(set(quiz.values)) == 4
        assert read_paths(quiz.paths, quiz.surface.minimum) == quiz.parameter
        for i in range(4):
            for j in range(i):
                assert (quiz.paths[i] - quiz.paths[j]).norm(dim=-1).max() > 0.1


def test_paths_are_what_adamw_does_with_the_settings_given():
    quiz = quiz_trajectories(7)[2]
    for path, setting in zip(quiz.paths, quiz.settings):
        w, state = torch.zeros(2, dtype=torch.float64, requires_grad=True), None
        state = torch.optim.AdamW(
            [w], lr=setting["lr"], betas=(setting["β₁"], setting["β₂"]), weight_decay=setting["λ"]
        )
        for step in range(STEPS):
            assert torch.allclose(path[step], w, atol=1e-9)
            w.grad = quiz.surface.gradient(w)
            state.step()


def test_riddles_come_from_their_seed_alone():
    again = quiz_trajectories(3)
    assert all(torch.equal(a.paths, b.paths) for a, b in zip(quiz_trajectories(3), again))
    assert not torch.equal(quiz_trajectories(4)[0].paths, again[0].paths)


def test_signs_are_measured_in_units_of_the_way_to_the_star():
    path = torch.tensor([[0.0, 0.0], [0.0, 1.0], [0.0, 4.0], [0.0, 2.0]], dtype=torch.float64)
    signs = see(torch.stack([path, 0.5 * path]), (0.0, 2.0))
    assert signs.first_step.tolist() == [0.5, 0.25]
    assert signs.nearest.tolist() == [0.0, 0.0]
    assert signs.beyond.tolist() == [1.0, 0.0]
    assert signs.arrival.tolist() == [3, 4]


def test_no_answer_is_read_from_a_picture_that_shows_none():
    quiz = quiz_trajectories(0)[0]
    assert read_paths(quiz.paths[:1].expand(4, -1, -1), quiz.surface.minimum) is None
