"""The bounded memory: what goes first when it is full, and what counts how much."""

from dataclasses import dataclass

import numpy as np
import pytest

from course_lib.base.memory import Memory, bytes_of


def test_the_memory_forgets_what_was_not_used_for_longest():
    memory = Memory(1000)
    for key in "abc":
        memory.put(key, np.zeros(50))  # 400 bytes each
        memory.get("a")
    assert [memory.get(key) is not None for key in "abc"] == [True, False, True]
    memory.put("large", np.zeros(1000))
    assert memory.get("large") is None and memory.used == 800
    memory.put("a", np.zeros(1))
    assert memory.used == 408


def test_bytes_are_counted_through_containers_and_dataclasses():
    @dataclass
    class Result:
        x: np.ndarray
        y: list

    assert bytes_of(Result(np.zeros(1000), [np.zeros(500), {"k": np.zeros(500)}])) == pytest.approx(
        16_000, rel=0.05
    )
