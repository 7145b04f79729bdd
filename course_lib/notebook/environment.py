"""The environment of a lesson: what is missing is said first, before a heavy import can fail."""

import importlib.util
import sys

LESSON = 0.5  # GiB that a lesson's kernel takes
NEEDED = {  # module → package: what the rooms that a lesson imports from need
    "torch": "torch",
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "matplotlib": "matplotlib",
    "cycler": "cycler",
    "PIL": "pillow",
    "traitlets": "traitlets",
    "anywidget": "anywidget",
    "IPython": "ipython",
    "nbformat": "nbformat",
    "pygments": "pygments",
    "jupyterlab_pygments": "jupyterlab-pygments",
    "jupyter_client": "jupyter-client",
    "jupyter_core": "jupyter-core",
    "json5": "json5",
    "pooch": "pooch",
    "tqdm": "tqdm",
    "filelock": "filelock",
    "packaging": "packaging",
    "psutil": "psutil",
}


class NotReady(ImportError):
    """What keeps the lessons from running; a notebook shows its sentence alone."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of the way to here, which helps nobody."""
        return [f"✗ {self}"]


def _require_environment() -> None:
    """Raise NotReady with what keeps the lessons from running, and the command that mends it."""
    if sys.version_info < (3, 10):  # noqa: UP036 (pip can be told to ignore what a package requires)
        raise NotReady(
            f"This is Python {sys.version.split()[0]}; the course needs 3.10 or newer. "
            "Run `make course` with one."
        )
    missing = [
        package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None
    ]
    if missing:
        raise NotReady(
            f"Missing here: {', '.join(missing)}. Stop Jupyter and run `make course` in the "
            "course's folder, or install into this very kernel: "
            f"{sys.executable} -m pip install {' '.join(missing)}"
        )


_require_environment()


def setup(theme: str = "auto", threads: int = 1) -> None:
    """Ready a notebook for pictures and figures, and print one line about this machine.

    `theme`: "light", "dark", or "auto": as JupyterLab's saved settings say. torch computes on
    `threads` threads, so that the figures of the text come out here too.
    """
    import platform

    import torch

    from course_lib import plotting
    from course_lib.base import machine, progress, random

    chosen = plotting.use_theme("light" if progress.headless() and theme == "auto" else theme)
    torch.set_num_threads(threads)
    random.begin()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    version = f"Python {platform.python_version()} · torch {torch.__version__}"
    fresh = f" · seeds of base {random.BASE}" if random.BASE else ""
    print(
        f"{version} · {device} · {threads} thread{'s' * (threads > 1)} · {chosen} pictures{fresh}"
    )
    free = machine.free_memory() / 2**30
    if free < LESSON and not progress.headless():
        print(
            f"Memory is short: {free:.1f} GiB free, and a lesson takes about {LESSON}. Shut down "
            "what you have left: Kernel > Shut Down All Kernels, then run this page from its top. "
            "Predictions, answers and passed tasks are kept."
        )
