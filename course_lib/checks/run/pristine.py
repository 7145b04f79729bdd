"""Put the process back as it was, so that one answer cannot reach into the next check.

Matters where several answers share a process, as those of a notebook do.
"""

import builtins
import json
import math
import os
import signal
import sys

import torch

MODULES = (builtins, json, math, torch, torch.nn, torch.nn.functional, torch.optim, torch.testing)
SIGNALS = tuple(getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGALRM") if hasattr(signal, n))


def picture():
    """What `restore` goes back to: names in modules that answers use, settings of the process."""
    return {
        "names": [(vars(module), dict(vars(module))) for module in MODULES],
        "tensor": dict(vars(torch.Tensor)),
        "modules": dict(sys.modules),
        "path": list(sys.path),
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "signals": {number: signal.getsignal(number) for number in SIGNALS},
        "recursion": sys.getrecursionlimit(),
    }


def restore(before):
    """Undo replaced functions, methods and builtins, torch's defaults, folder and `sys.path`."""
    # builtins come first, and nothing of theirs is called until they are back
    for namespace, names in before["names"]:
        namespace.update(names)
    sys.modules.update(before["modules"])
    restore_tensor(before["tensor"])
    sys.path[:] = before["path"]
    os.chdir(before["folder"])
    sys.setrecursionlimit(before["recursion"])
    restore_process(before)
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_grad_enabled(True)
    torch.set_num_threads(1)


def restore_process(before):
    """Give the process its environment and its handlers of signals back."""
    if dict(os.environ) != before["environment"]:
        os.environ.clear()
        os.environ.update(before["environment"])
    for number, handler in before["signals"].items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def restore_tensor(methods):
    """Give `torch.Tensor` its own methods back and take away what was laid over inherited ones."""
    now = dict(vars(torch.Tensor))
    for name in now.keys() - methods.keys():
        delattr(torch.Tensor, name)
    for name, value in methods.items():
        if now.get(name) is not value:
            setattr(torch.Tensor, name, value)
