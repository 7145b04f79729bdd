"""Landlock: a process of Linux gives rights away for good, its children's with them.

Source: https://docs.kernel.org/userspace-api/landlock.html
"""

import contextlib
import ctypes
import os
import sys

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
PR_SET_NO_NEW_PRIVS = 38
EXECUTE, WRITE_FILE, READ_FILE, READ_FOLDER = 1, 1 << 1, 1 << 2, 1 << 3
CHANGE_FOLDER, REFER, TRUNCATE = 0b1_1111_1111 << 4, 1 << 13, 1 << 14
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE  # the rights that a rule on a file may name
READ = READ_FILE | READ_FOLDER
BIND_TCP, CONNECT_TCP = 1, 2
SCOPE_ABSTRACT_SOCKET, SCOPE_SIGNAL = 1, 2
TCP, SIGNALS = 4, 6  # versions that know them


class _Ruleset(ctypes.Structure):
    _fields_ = [
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def _libc():
    return ctypes.CDLL(None, use_errno=True)


def version():
    """Version of Landlock that this kernel offers, 0 for none."""
    if sys.platform != "linux":
        return 0
    return max(0, _libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1))


def restrict(folder, readable):
    """From here on: writes below `folder` only, reads there and below each path in `readable`.

    No TCP and no signal to anyone outside, where the kernel's Landlock knows them. Returns False
    where the kernel refuses; nothing is given away then.
    """
    known = version()
    if not known:
        return False
    call = _libc().syscall
    writes = (
        WRITE_FILE | CHANGE_FOLDER | (REFER if known >= 2 else 0) | (TRUNCATE if known >= 3 else 0)
    )
    rules = _Ruleset(
        writes | READ,
        BIND_TCP | CONNECT_TCP if known >= TCP else 0,
        SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL if known >= SIGNALS else 0,
    )
    size = 24 if known >= SIGNALS else 16 if known >= TCP else 8
    ruleset = call(CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return False
    rights = {path: READ for path in readable}
    rights |= {os.devnull: READ | writes, folder: READ | writes}
    for path, allowed in rights.items():
        _allow(call, ruleset, path, allowed)
    _libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    refused = call(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return refused == 0


def _allow(call, ruleset, path, allowed):
    """Add a rule for what is there; a path that is not needs none."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not os.path.isdir(path):
                allowed &= ON_FILES
            call(ADD_RULE, ruleset, 1, ctypes.byref(_PathBeneath(allowed, handle)), 0)
        finally:
            os.close(handle)
