"""The IPython that runs this code, if one does: it is asked for, never imported."""

from __future__ import annotations  # an older Python gets as far as the sentence that names it

import sys
from typing import Any


def shell() -> Any:
    """The kernel's or terminal's IPython; None in plain Python, which loads none for this."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None
