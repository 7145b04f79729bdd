"""Fetch a small file from an address that may be slow, cut off or refuse; keep it whole, or not at
all.
"""

import http.client
import time
import urllib.error
import urllib.request

LARGEST = 10_000_000  # bytes


class NoData(RuntimeError):
    """A data set cannot be had; the message says why and what to do."""


def download(
    address: str, *, timeout=10.0, limit=120.0, tries=3, pause=0.5, progress=True
) -> bytes:
    """What `address` serves. A try ends when nothing comes for `timeout` seconds, and after `limit`
    seconds at most.

    What may pass (no answer, cut off, too slow, 408, 429, 5xx) is tried again after `pause`, then
    twice as long, … seconds, `tries` times in all; other refusals (404) and answers of more than 10
    MB are final. Raises `NoData`.
    """
    for attempt in range(tries):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            return _get(address, timeout, limit, progress)
        except urllib.error.HTTPError as refusal:
            problem = f"{refusal.code} {refusal.reason}"
            if refusal.code < 500 and refusal.code not in (408, 429):
                raise NoData(f"{address} answers {problem}") from None
        except ValueError as problem:  # no address at all
            raise NoData(str(problem)) from None
        except (OSError, http.client.HTTPException) as failure:
            problem = str(getattr(failure, "reason", failure)) or type(failure).__name__
    raise NoData(f"{address} fails ({problem}), {tries} {'tries' if tries > 1 else 'try'}")


def _get(address: str, timeout: float, limit: float, progress: bool) -> bytes:
    from tqdm import tqdm

    begun, content = time.monotonic(), bytearray()
    request = urllib.request.Request(address, headers={"User-Agent": "course-lib"})
    with urllib.request.urlopen(request, timeout=timeout) as reply:
        total = int(reply.headers.get("Content-Length") or 0)
        name = address.rpartition("/")[2]
        with tqdm(
            total=total or None, desc=name, unit="B", unit_scale=True, disable=not progress
        ) as bar:
            while part := reply.read1(
                1 << 16
            ):  # as much as is there: a drip of bytes meets the limit too
                content += part
                bar.update(len(part))
                if len(content) > LARGEST:
                    raise NoData(f"{address} serves more than {LARGEST // 10**6} MB")
                if time.monotonic() - begun > limit:
                    raise TimeoutError(f"{len(content)} of {total or '?'} bytes in {limit:g} s")
    if len(content) < total:
        raise ConnectionError(f"cut off after {len(content)} of {total} bytes")
    return bytes(content)
