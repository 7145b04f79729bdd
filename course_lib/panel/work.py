"""One thread that works on the newest job only, and a memory that is bounded in bytes."""

import logging
import sys
import threading
from collections import OrderedDict
from dataclasses import fields, is_dataclass


class Latest:
    """Runs jobs in a thread, the newest only.

    A job is a generator: after each of its steps a newer job may take over. The first step of a job
    that was begun is always carried out, else a long drag would show nothing; then the job is
    closed if a newer one waits. Jobs overtaken before they began are dropped: there is no queue.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._next = None
        self._thread = None

    def submit(self, job):
        """Work on `job` as soon as the step now running ends."""
        if "google.colab" in sys.modules:  # Colab shows nothing that a background thread changes
            for _ in job:
                pass
            return
        with self._lock:
            self._next = job
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="explorer", daemon=True)
                self._thread.start()

    def stop(self):
        """End the job at its next step."""
        self.submit(_ for _ in ())

    def wait(self, timeout=None):
        """Wait until nothing is left to do; False if it took longer than `timeout` seconds."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return self._thread is None

    def _run(self):
        while True:
            with self._lock:
                job, self._next = self._next, None
                if job is None:
                    self._thread = None
                    return
            try:
                for _ in job:
                    if self._next is not None:
                        break
                job.close()
            except Exception:
                logging.getLogger(__name__).exception("a job of an explorer failed")


class Memory:
    """A dict of at most `limit` bytes: it forgets what was not used for longest."""

    def __init__(self, limit):
        self.limit, self.used = limit, 0
        self._kept = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self):
        return len(self._kept)

    def get(self, key):
        """The value kept under `key`, or None."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key, value):
        """Keep `value`, unless it is larger than everything allowed."""
        size = bytes_of(value)
        with self._lock:
            self.used -= self._kept.pop(key, (None, 0))[1]
            if size <= self.limit:
                self._kept[key] = value, size
                self.used += size
            while self.used > self.limit:
                self.used -= self._kept.popitem(last=False)[1][1]


def bytes_of(value):
    """Bytes of the arrays, tensors, texts and containers in `value`: right where it matters."""
    if hasattr(value, "nbytes"):
        return int(value.nbytes)
    if isinstance(value, dict):
        return sum(bytes_of(part) for pair in value.items() for part in pair) + sys.getsizeof(value)
    if isinstance(value, (list, tuple, set)):
        return sum(map(bytes_of, value)) + sys.getsizeof(value)
    if is_dataclass(value) and not isinstance(value, type):
        return sum(bytes_of(getattr(value, field.name)) for field in fields(value))
    return sys.getsizeof(value)
