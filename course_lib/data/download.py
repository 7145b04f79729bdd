"""Fetch a small file from an address that may be slow, cut off or refuse: whole, or not at all.

pooch asks, waits and shows how far it is. What it has not is here: an end for what is too large or
takes too long, and tries that differ by the answer (its own ask again after a 404, too).
"""

import io
import time

from tqdm import tqdm

LARGEST = 10_000_000  # bytes
PIECE = 16  # bytes: pooch waits until it has one, and a drip of bytes must meet the limit too


class NoData(RuntimeError):
    """A data set cannot be had; the message says why and what to do."""


def download(
    address: str,
    *,
    timeout: float = 10.0,
    limit: float = 120.0,
    tries: int = 3,
    pause: float = 0.5,
    progress: bool = True,
) -> bytes:
    """What `address` serves, by http or https.

    A try ends when nothing comes for `timeout` seconds, and after `limit` seconds at most. What may
    pass (no answer, cut off, too slow, 408, 429, 5xx) is tried again after `pause`, then twice as
    long, … seconds, `tries` times in all; other refusals (404) and answers of more than 10 MB are
    final. Raises `NoData`.
    """
    from pooch import HTTPDownloader

    for attempt in range(tries):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        content = io.BytesIO()
        try:
            with _Bar(address, limit, progress) as bar:
                HTTPDownloader(bar, PIECE, timeout=timeout)(address, content, None)
            return content.getvalue()
        except ValueError as refusal:  # no address at all
            raise NoData(str(refusal)) from None
        except OSError as failure:
            reply = getattr(failure, "response", None)
            problem = _cause(failure) if reply is None else f"{reply.status_code} {reply.reason}"
            if (
                reply is not None
                and reply.status_code < 500
                and reply.status_code not in (408, 429)
            ):
                raise NoData(f"{address} answers {problem}") from None
    raise NoData(f"{address} fails ({problem}), {tries} {'tries' if tries > 1 else 'try'}")


class _Bar(tqdm):
    """How far a download is, for pooch; it ends one that is too large or takes too long."""

    def __init__(self, address: str, limit: float, progress: bool):
        # delay: nothing is shown before there is an answer
        shown = {"desc": address.rpartition("/")[2], "unit": "B", "unit_scale": True, "delay": 1e-9}
        super().__init__(**shown, file=None if progress else io.StringIO())
        self.address, self.limit, self.begun = address, limit, time.monotonic()

    def __bool__(self) -> bool:
        return True  # pooch asks whether there is a bar; tqdm, whether the length is known

    def update(self, n: float | None = 1) -> bool | None:
        refreshed = super().update(n)
        if max(self.n, self.total or 0) > LARGEST:
            raise NoData(f"{self.address} serves more than {LARGEST // 10**6} MB")
        if time.monotonic() - self.begun > self.limit:
            raise TimeoutError(f"{self.n} of {self.total or '?'} bytes in {self.limit:g} s")
        return refreshed

    def close(self) -> None:
        self.leave = self.n > 0  # no bar stays of a try without an answer
        super().close()


def _cause(failure: BaseException) -> str:
    """What happened, not how it passed through requests and urllib3."""
    while failure.__context__ is not None:
        failure = failure.__context__
    return str(failure) or type(failure).__name__
