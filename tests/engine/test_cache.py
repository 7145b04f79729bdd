"""`remembered`: one computation serves all who read it, from any thread, and nothing half done is
ever taken for the result.
"""

import gc
import threading
import time
from contextlib import closing

import pytest
import torch

from course_lib.base.memory import Memory
from course_lib.engine import cache
from course_lib.engine.cache import remembered


def counting():
    """A remembered generator of a, then a + b; and the list of the calls that were begun."""
    calls = []

    @remembered
    def compute(a, b=0):
        calls.append((a, b))
        yield a
        yield a + b

    return compute, calls


def stepwise():
    """A remembered generator of 0, 1, … whose step waits for the event `go`; and a log of what was
    begun, asked of it, closed.
    """
    log, go = [], threading.Event()

    @remembered
    def compute():
        log.append("begun")
        try:
            for step in range(3):
                log.append(f"at {step}")
                assert go.wait(20)
                yield step
        finally:
            log.append("closed")

    return compute, log, go


def in_thread(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_computes_once_per_arguments():
    compute, calls = counting()
    assert list(compute(1, b=2)) == [1, 3]
    assert list(compute(1, b=2)) == [3]
    assert list(compute(2, b=2)) == [2, 4]
    assert calls == [(1, 2), (2, 2)]


def test_named_positional_and_default_arguments_are_the_same_call():
    compute, calls = counting()
    list(compute(1))
    assert list(compute(1, b=0)) == list(compute(a=1)) == list(compute(b=0, a=1)) == [1]
    assert len(calls) == 1


def test_sequences_and_named_techniques_are_the_same_call_by_what_they_hold():
    calls = []

    @remembered
    def compute(seeds, **techniques):
        calls.append(techniques)
        yield len(seeds)

    for seeds in (range(2), (0, 1), [0, 1]):
        assert list(compute(seeds, lr=[0.1], l2=0)) == [2]
    list(compute(range(2), l2=0, lr=(0.1,)))
    assert len(calls) == 1
    list(compute(range(2), lr=[0.1], l2=1))
    assert len(calls) == 2


def test_tensors_and_functions_count_by_who_they_are():
    compute, calls = counting()
    one, twin = torch.zeros(2), torch.zeros(2)
    list(compute(one)), list(compute(one)), list(compute(twin))
    assert len(calls) == 2


def test_two_functions_do_not_share_results():
    (one, _), (other, calls) = counting(), counting()
    list(one(1)), list(other(1))
    assert len(calls) == 1


def test_two_readers_in_one_thread_share_the_work():
    compute, calls = counting()
    ahead, behind = compute(1, b=2), compute(1, b=2)
    assert next(ahead) == 1 and list(behind) == [1, 3] and list(ahead) == [3]
    assert len(calls) == 1


def test_readers_in_many_threads_see_growing_results_of_one_computation():
    computing, seen = [], {}

    @remembered
    def compute():
        computing.append(threading.get_ident())
        for step in range(30):
            time.sleep(0.002)
            yield step

    threads = [in_thread(lambda i=i: seen.update({i: list(compute())})) for i in range(5)]
    for thread in threads:
        thread.join(20)
    assert len(computing) == 1
    for results in seen.values():
        assert results == sorted(results) and results[-1] == 29
    assert len(seen) == 5


def test_who_waits_for_another_thread_is_given_what_he_has_seen_before():
    compute, log, go = stepwise()
    go.set()
    reader = compute()
    assert next(reader) == 0
    go.clear()
    other = in_thread(lambda: list(compute()))
    while log[-1] != "at 1":
        time.sleep(0.001)
    assert next(reader) == 0 and log[-1] == "at 1", "the other computes, he is not kept"
    go.set()
    assert list(reader)[-1] == 2
    other.join(20)
    assert log.count("begun") == 1


def test_who_has_waited_is_given_what_came_and_computes_no_more():
    compute, log, go = stepwise()
    ahead = compute()
    other = in_thread(lambda: next(ahead))
    while log[-1:] != ["at 0"]:
        time.sleep(0.001)
    threading.Timer(0.05, go.set).start()
    assert next(compute()) == 0 and log == ["begun", "at 0"]
    other.join(20)


def test_who_reads_two_in_turn_and_meets_one_who_reads_them_the_other_way_round():
    """What would wait for ever if a reader held what he has begun."""
    (one, ones), (other, others) = counting(), counting()
    seen = []

    def read(first, second):
        with closing(first(1, b=2)) as begun:
            next(begun)
            barrier.wait(20)
            seen.extend([*second(1, b=2)][-1:] + [*begun][-1:])

    barrier = threading.Barrier(2)
    threads = [in_thread(lambda: read(one, other)), in_thread(lambda: read(other, one))]
    for thread in threads:
        thread.join(20)
    assert seen == [3] * 4 and len(ones) == len(others) == 1


def test_who_leaves_takes_nothing_from_the_others():
    compute, log, go = stepwise()
    go.set()
    leaving, staying = compute(), compute()
    next(leaving), next(staying)
    leaving.close()
    assert list(staying) == [1, 2] and log == ["begun", "at 0", "at 1", "at 2", "closed"]
    assert list(compute()) == [2]


def test_the_last_to_leave_closes_the_computation_and_nothing_is_kept():
    compute, log, go = stepwise()
    go.set()
    one, other = compute(), compute()
    next(one), next(other)
    one.close()
    assert log == ["begun", "at 0"]
    other.close()
    assert log == ["begun", "at 0", "closed"]
    assert list(compute()) == [0, 1, 2]


def test_a_forgotten_reader_has_left():
    compute, log, go = stepwise()
    go.set()
    next(compute())
    gc.collect()
    assert log == ["begun", "at 0", "closed"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_reaches_the_reader_and_is_not_kept(error):
    errors = [error("this time")]

    @remembered
    def compute():
        yield 1
        if errors:
            raise errors.pop()
        yield 2

    working, other = compute(), compute()
    next(working), next(other)
    with pytest.raises(error, match="this time"):
        next(working)
    assert list(other) == [1, 2], "whose step it was not begins anew"
    assert list(compute()) == [2]


def test_a_computation_that_asks_for_itself_is_an_error_not_a_dead_lock():
    @remembered
    def compute():
        yield from compute()

    with pytest.raises(ValueError, match="already executing"):
        list(compute())
    assert not cache._runs


def test_the_least_recently_used_is_forgotten_first(monkeypatch):
    monkeypatch.setattr(cache, "_complete", Memory(1000))
    calls = []

    @remembered
    def compute(a):
        calls.append(a)
        yield torch.zeros(100)  # 400 bytes

    for a in (0, 1, 0, 2, 0, 1):
        list(compute(a))
    assert calls == [0, 1, 2, 1]
