"""`remembered`: one training serves the explorer and the claim, and nothing half done is ever taken
for the result.
"""

import threading

import pytest

from course_lib.engine.cache import MOST, remembered


def counting():
    calls = []

    @remembered
    def compute(a, b=0):
        calls.append((a, b))
        yield a
        yield a + b

    return compute, calls


def test_trains_once_per_arguments():
    compute, calls = counting()
    assert list(compute(1, b=2)) == [1, 3]
    assert list(compute(1, b=2)) == [3]
    assert list(compute(2, b=2)) == [2, 4]
    assert calls == [(1, 2), (2, 2)]


def test_an_interrupted_run_is_not_remembered():
    compute, calls = counting()
    running = compute(1)
    next(running)
    running.close()
    assert list(compute(1)) == [1, 1]
    assert len(calls) == 2


def test_a_second_caller_waits_for_the_first():
    compute, calls = counting()
    running, seen = compute(5, b=1), []
    next(running)
    thread = threading.Thread(target=lambda: seen.extend(compute(5, b=1)))
    thread.start()
    thread.join(0.05)
    assert thread.is_alive() and not seen
    list(running)
    thread.join(5)
    assert seen == [6] and len(calls) == 1


def test_a_second_call_in_the_same_thread_is_refused_not_deadlocked():
    compute, _ = counting()
    running = compute(1)
    next(running)
    with pytest.raises(RuntimeError, match="still being computed in this thread"):
        next(compute(1))
    assert list(running) == [1]


def test_defaults_written_out_are_the_same_call():
    compute, calls = counting()
    list(compute(1))
    assert list(compute(1, b=0)) == list(compute(a=1)) == [1]
    assert len(calls) == 1


def test_keeps_the_newest_results_only():
    compute, calls = counting()
    for a in range(MOST + 1):
        list(compute(a))
    list(compute(0))
    assert calls.count((0, 0)) == 2
    list(compute(MOST))
    assert calls.count((MOST, 0)) == 1
