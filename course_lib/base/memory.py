"""What is kept while there is room for it: bounded in bytes, the least recently used goes first."""

import sys
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import fields, is_dataclass
from typing import Any


class Memory:
    """A dict that forgets what was not used for longest, once it is full.

    limit: bytes of all values together. Any thread may use it.
    """

    def __init__(self, limit: int):
        self.limit, self.used = limit, 0
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Any:
        """The value kept under `key`, or None."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: Hashable, value: object) -> None:
        """Keep `value`, unless it is larger than everything allowed."""
        size = bytes_of(value)
        with self._lock:
            self.used -= self._kept.pop(key, (None, 0))[1]
            if size <= self.limit:
                self._kept[key] = value, size
                self.used += size
            while self.used > self.limit:
                self.used -= self._kept.popitem(last=False)[1][1]


def bytes_of(value: Any) -> int:
    """Bytes of the arrays, tensors, texts and containers in `value`.

    An estimate, right where it matters: what several parts share is counted with each.
    """
    if hasattr(value, "nbytes"):
        return int(value.nbytes)
    if isinstance(value, dict):
        return sum(bytes_of(part) for pair in value.items() for part in pair) + sys.getsizeof(value)
    if isinstance(value, (list, tuple, set)):
        return sum(map(bytes_of, value)) + sys.getsizeof(value)
    if is_dataclass(value) and not isinstance(value, type):
        return sum(bytes_of(getattr(value, field.name)) for field in fields(value))
    return sys.getsizeof(value)
