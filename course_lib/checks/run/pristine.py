"""Put the process back as it was, so that one answer cannot reach into the next check.

Matters where several answers share a process (the kernel of `course check`); `check_source` gives
each its own.
"""

import builtins
import json
import math
import os
import sys

import torch

MODULES = (builtins, json, math, torch, torch.nn, torch.nn.functional, torch.optim, torch.testing)


def picture():
    """What `restore` goes back to: names in modules that answers use, settings of the process."""
    return {
        "names": [(vars(module), dict(vars(module))) for module in MODULES],
        "tensor": dict(vars(torch.Tensor)),
        "modules": dict(sys.modules),
        "path": list(sys.path),
        "folder": os.getcwd(),
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
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_grad_enabled(True)


def restore_tensor(methods):
    """Give `torch.Tensor` its own methods back and take away what was laid over inherited ones."""
    now = dict(vars(torch.Tensor))
    for name in now.keys() - methods.keys():
        delattr(torch.Tensor, name)
    for name, value in methods.items():
        if now.get(name) is not value:
            setattr(torch.Tensor, name, value)
