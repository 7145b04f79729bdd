"""Spambase: found where it lies, fetched where it does not, and nothing believed or kept that is
not it.

The servers are on the loopback interface: one that answers well, and ones that are slow, cut off,
refuse or lie.
"""

import contextlib
import errno
import functools
import http.server
import io
import os
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest
import torch

from course_lib.base import files
from course_lib.data import download, spambase, tables
from course_lib.data.download import NoData

COPY = Path(os.environ.get("COURSE_DATA", "nowhere")) / spambase.FILE
needs_copy = pytest.mark.skipif(
    not COPY.is_file(),
    reason="no copy of Spambase: name its folder in COURSE_DATA (data/README.md says where it is)",
)
quickly = {"timeout": 30.0, "limit": 60.0, "tries": 2, "pause": 0.01, "progress": False}
SOON = {"silent": {"timeout": 1.0}, "dripping": {"limit": 0.3}}  # where a test waits for it


@pytest.fixture(autouse=True)
def forgetful():
    """Nothing is remembered between these tests, nor after them."""
    caches = (spambase.read, tables._spambase, tables.spambase_or_breast_cancer)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """Neither folder holds a copy: COURSE_DATA is one, and we stand in a course with another."""
    for part in ("notebooks", "course_lib", "data"):
        (tmp_path / "course" / part).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "course" / "notebooks")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "named"))
    return tmp_path


def zipped(content, name=spambase.FILE):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("spambase.names", "| names")
        archive.writestr(name, content)
    return packed.getvalue()


@pytest.fixture
def serve():
    """A function that serves `answers` one after the other (the last one for ever) → address, list
    of requests.
    """
    with contextlib.ExitStack() as stack:
        yield functools.partial(_serve, stack)


def _serve(stack, *answers):
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            # a client that has given up
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                answers[min(len(asked), len(answers)) - 1](self)

        def log_message(self, *arguments):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
    return f"http://127.0.0.1:{server.server_port}/spambase.zip", asked


def well(content, announced=None, length=True):
    """An answer of `content`; `announced` bytes are promised."""

    def answer(handler):
        handler.send_response(200)
        if length:
            handler.send_header("Content-Length", str(announced or len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def refusing(code):
    return lambda handler: handler.send_error(code)


def silent(handler):
    time.sleep(5.0)


def dripping(handler):
    """A byte now and then: no single wait is long, the whole would be."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b"0")
        handler.wfile.flush()
        time.sleep(0.05)


def left_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# ---- what is there


@needs_copy
def test_the_table_is_what_its_card_says():
    table = tables.spambase()
    assert table.name == "Spambase" and not table.note
    assert (
        table.x.shape == (4601, 57) and table.x.dtype == torch.float64 and table.x.isfinite().all()
    )
    assert table.y.dtype == torch.int64 and table.y.bincount().tolist() == [2788, 1813]
    assert (table.x[:, :54] <= 100).all() and (table.x >= 0).all() and (table.x[:, 54:] >= 1).all()
    assert tables.spambase() is table


@needs_copy
def test_row_numbers_mean_the_same_in_every_copy(tmp_path):
    lines = COPY.read_bytes().split()
    other = tmp_path / spambase.FILE
    other.write_bytes(b"\r\n".join(reversed(lines)))
    for one, same in zip(spambase.read(COPY), spambase.read(other), strict=True):
        assert torch.equal(one, same)


@needs_copy
@pytest.mark.parametrize("place", ["named", "course/data"])
def test_a_copy_is_found_in_either_folder_and_nothing_is_fetched(nowhere, monkeypatch, place):
    (nowhere / place).mkdir(exist_ok=True)
    (nowhere / place / spambase.FILE).symlink_to(COPY.resolve())
    monkeypatch.setattr(spambase, "fetch", lambda: pytest.fail("there is a copy"))
    assert len(tables.spambase().y) == 4601


@needs_copy
@pytest.mark.parametrize(
    "damage",
    [lambda c: c[:-1000], lambda c: b"", lambda c: c.replace(b"0.64", b"0.65", 1)],
    ids=["cut", "empty", "one digit"],
)
def test_a_damaged_copy_is_named_and_left_alone(nowhere, damage, monkeypatch):
    path = nowhere / "named" / spambase.FILE
    path.parent.mkdir()
    path.write_bytes(damage(COPY.read_bytes()))
    before = path.read_bytes()
    monkeypatch.setattr(spambase, "fetch", lambda: pytest.fail("it would be overwritten"))
    with pytest.raises(NoData) as raised:
        tables.spambase()
    assert str(path) in str(raised.value) and "is not Spambase" in str(raised.value)
    assert str(raised.value).endswith(f"Move that file away and fetch it anew: {spambase.COMMAND}")
    assert path.read_bytes() == before


# ---- what is fetched


@needs_copy
@pytest.mark.parametrize("pack", [zipped, bytes], ids=["zip", "plain"])
@pytest.mark.parametrize("length", [True, False], ids=["length", "no length"])
def test_what_uci_serves_is_unpacked_checked_and_kept(nowhere, serve, pack, length):
    address, asked = serve(well(pack(COPY.read_bytes()), length=length))
    path = spambase.fetch(address, **quickly)
    assert path == nowhere / "named" / spambase.FILE and path.read_bytes() == COPY.read_bytes()
    assert left_in(nowhere) == [spambase.FILE] and len(asked) == 1
    assert len(tables.spambase().y) == 4601


@needs_copy
def test_without_a_copy_the_table_is_fetched_once(nowhere, serve, monkeypatch):
    address, asked = serve(well(zipped(COPY.read_bytes())))
    monkeypatch.setattr(spambase.fetch, "__defaults__", (address, None))
    assert tables.spambase() is tables.spambase() and len(asked) == 1


PASSING = {
    "500": refusing(500),
    "503": refusing(503),
    "429": refusing(429),
    "silent": silent,
    "cut off": well(b"PK" + b"0" * 500, announced=5000),
}


@needs_copy
@pytest.mark.parametrize("first", PASSING)
def test_what_may_pass_is_tried_again(nowhere, serve, first):
    address, asked = serve(PASSING[first], well(zipped(COPY.read_bytes())))
    assert spambase.fetch(address, **quickly | SOON.get(first, {})).is_file() and len(asked) == 2


PROBLEMS = {
    "404": (refusing(404), "answers 404 Not Found", 1),
    "403": (refusing(403), "answers 403 Forbidden", 1),
    "500": (refusing(500), "500 Internal Server Error), 2 tries", 2),
    "silent": (silent, "timed out), 2 tries", 2),
    "dripping": (dripping, "bytes in 0.3 s), 2 tries", 2),
    "cut off": (
        well(b"0" * 500, announced=5000),
        "(500 bytes read, 4500 more expected)), 2 tries",
        2,
    ),
    "cut off, no length": (
        well(zipped(b"1,2\n" * 500)[:-50], length=False),
        "does not hold one spambase.data",
        1,
    ),
    "another archive": (
        well(zipped(b"1,2\n", name="other.data")),
        "does not hold one spambase.data",
        1,
    ),
    "another table": (well(zipped(b"1,2\n3,4\n")), "is not Spambase (SHA-256 of its 2 lines", 1),
    "a page": (
        well(b"<html><body>Please log in to this network</body></html>"),
        "is not Spambase",
        1,
    ),
    "nothing": (well(b"", length=False), "is not Spambase (SHA-256 of its 0 lines", 1),
    "endless": (well(b"0" * 11_000_000), "serves more than 10 MB", 1),
    "bomb": (well(zipped(b"0" * 11_000_000)), "holds more than 10 MB", 1),
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_failed_download_is_one_sentence_and_leaves_nothing(nowhere, serve, problem):
    answer, said, tries = PROBLEMS[problem]
    address, asked = serve(answer)
    with pytest.raises(NoData) as raised:
        spambase.fetch(address, **quickly | SOON.get(problem, {}))
    message = str(raised.value)
    assert (
        message.startswith("Spambase could not be fetched: ")
        and said in message
        and address in message
    )
    assert (
        message.endswith(f"Try again when you are online: {spambase.COMMAND}")
        and "\n" not in message
    )
    assert not left_in(nowhere) and len(asked) == tries


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:9/spambase.zip", "refused"),
        ("nonsense", "Invalid URL 'nonsense'"),
        ("file:///no/such/file", "No connection adapters were found for 'file:"),
    ],
)
def test_nobody_answers(nowhere, address, said):
    with pytest.raises(NoData, match=said):
        spambase.fetch(address, **quickly)


@needs_copy
def test_a_failed_download_leaves_a_former_copy(nowhere, serve):
    path = nowhere / "named" / spambase.FILE
    path.parent.mkdir()
    path.write_bytes(COPY.read_bytes())
    address, _ = serve(refusing(404))
    with pytest.raises(NoData):
        spambase.fetch(address, **quickly)
    assert path.read_bytes() == COPY.read_bytes() and left_in(nowhere) == [spambase.FILE]


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_full_disk_is_a_sentence_and_leaves_nothing_half(nowhere, serve, monkeypatch, where):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(spambase, "checked", lambda content, source: [])
    monkeypatch.setattr(files.os, where, full)
    address, _ = serve(well(b"1,2\n"))
    with pytest.raises(
        NoData, match=r"named cannot be written \(No space left on device\): make room, or "
    ):
        spambase.fetch(address, **quickly)
    assert not left_in(nowhere)


def test_a_folder_that_is_a_file_is_a_sentence(nowhere, serve, monkeypatch):
    (nowhere / "named").write_text("not a folder")
    monkeypatch.setattr(spambase, "checked", lambda content, source: [])
    address, _ = serve(well(b"1,2\n"))
    with pytest.raises(NoData, match="named cannot be written"):
        spambase.fetch(address, **quickly)


def test_an_interrupted_write_leaves_nothing_half(tmp_path, monkeypatch):
    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupt)
    (tmp_path / "some").write_text("former")
    with pytest.raises(KeyboardInterrupt):
        files.write_whole(tmp_path / "some", b"new")
    assert left_in(tmp_path) == ["some"] and (tmp_path / "some").read_text() == "former"


def test_progress_is_shown(serve, capsys):
    address, _ = serve(well(b"0" * 2000))
    assert download.download(address) == b"0" * 2000
    assert "spambase.zip: 100%" in capsys.readouterr().err


# ---- without it


def test_offline_the_lesson_says_once_why_and_runs_on_other_data(nowhere, monkeypatch, capsys):
    def offline(*arguments, **options):
        raise NoData(f"no way. Try again: {spambase.COMMAND}")

    monkeypatch.setattr(spambase, "fetch", offline)
    table = tables.spambase_or_breast_cancer()
    said = capsys.readouterr().out
    until = "Until then this lesson runs on scikit-learn's breast-cancer data instead."
    assert said.splitlines() == [f"no way. Try again: {spambase.COMMAND}", until]
    assert (
        table.name == "Breast cancer"
        and table.x.shape == (569, 30)
        and table.y.bincount().tolist() == [212, 357]
    )
    assert table.note == "These are scikit-learn's breast-cancer data: Spambase is not here."
    assert tables.spambase_or_breast_cancer() is table and not capsys.readouterr().out
    assert not tables.breast_cancer().note, "whoever asks for them gets no apology"


def test_without_leave_nothing_is_fetched(nowhere, monkeypatch):
    monkeypatch.setattr(spambase, "fetch", lambda: pytest.fail("nobody asked for that"))
    with pytest.raises(NoData) as raised:
        tables.spambase(download=False)
    places = f"neither in {nowhere / 'named'} nor in {nowhere / 'course' / 'data'}"
    assert (
        str(raised.value)
        == f"{spambase.FILE} is {places}. Fetch it when you are online: {spambase.COMMAND}"
    )


def command(*arguments, folder):
    environment = {**os.environ, "COURSE_DATA": str(folder)}
    line = [sys.executable, "-m", "course_lib.data.spambase", *arguments]
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120)


@needs_copy
def test_the_command_that_messages_name_fetches_it(tmp_path, serve):
    address, asked = serve(well(zipped(COPY.read_bytes())))
    assert spambase.COMMAND.endswith("-m course_lib.data.spambase")
    done = command(address, folder=tmp_path)
    assert (done.returncode, done.stdout) == (
        0,
        "Spambase is here: 4601 e-mails, 1813 of them spam\n",
    ), done.stderr
    assert left_in(tmp_path) == [spambase.FILE]
    assert command(folder=tmp_path).returncode == 0 and len(asked) == 1


def test_the_command_says_what_is_wrong(tmp_path, serve):
    address, _ = serve(refusing(404))
    done = command(address, folder=tmp_path)
    assert (
        done.returncode == 1
        and "answers 404 Not Found" in done.stderr
        and "Traceback" not in done.stderr
    )


# ---- a division of it


def table(rows=20):
    x = (
        torch.randn(rows, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 5
        + 2
    )
    x[:, 2] = 7.0
    return tables.Table("Some", x, torch.arange(rows) % 2)


def test_a_division_is_standardised_on_its_training_rows_alone():
    whole = table()
    train, test, rest = torch.arange(12), torch.arange(12, 17), torch.arange(17, 20)
    split = whole.split(train, test, rest, dtype=torch.float64)
    assert [len(x) for x in (split.train_x, split.validation_x, split.test_x)] == [12, 3, 5]
    assert split.train_x[:, :2].mean(0).abs().max() < 1e-12
    assert (split.train_x[:, :2].std(0, correction=0) - 1).abs().max() < 1e-12
    assert (split.train_x[:, 2] == 0).all() and (split.test_x[:, 2] == 0).all(), (
        "constant: nothing to divide by"
    )
    mean, std = whole.x[:12].mean(0), whole.x[:12].std(0, correction=0)
    assert torch.allclose(split.test_x[:, :2], ((whole.x[12:17] - mean) / std)[:, :2], atol=1e-12)
    assert torch.equal(split.test_y, whole.y[12:17]) and torch.equal(
        split.clean_train_y, split.train_y
    )
    changed = tables.Table("Some", whole.x.index_fill(0, test, 100.0), whole.y).split(
        train, test, dtype=torch.float64
    )
    assert torch.equal(changed.train_x, split.train_x) and len(changed.validation_x) == 0


def test_a_row_in_two_parts_is_refused():
    with pytest.raises(
        ValueError, match=r"^1 row\(s\) given twice: parts must have no row in common$"
    ):
        table().split(torch.arange(12), torch.arange(11, 20))
