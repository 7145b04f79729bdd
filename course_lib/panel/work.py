"""One thread that works on the newest job only."""

import logging
import sys
import threading
from collections.abc import Generator


class Latest:
    """Runs jobs in a thread, the newest only.

    A job is a generator: after each of its steps a newer job may take over. The first step of a job
    that was begun is always carried out, else a long drag would show nothing; then the job is
    closed if a newer one waits. Jobs overtaken before they began are dropped: there is no queue.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: Generator | None = None
        self._thread: threading.Thread | None = None

    def submit(self, job: Generator) -> None:
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

    def stop(self) -> None:
        """End the job at its next step."""
        self.submit(_ for _ in ())

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do; False if it took longer than `timeout` seconds."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return self._thread is None

    def _run(self) -> None:
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
