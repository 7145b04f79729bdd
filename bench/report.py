"""What the benchmarks found, as JSON (`build/bench.json`), and one picture drawn from it.

python -m bench.report [picture.svg]
"""

import json
import os
import platform
import statistics
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from course_lib import plotting
from course_lib.base.places import root

JSON, PICTURE = root() / "build" / "bench.json", root() / "build" / "bench.svg"
BARS = {  # what the picture shows of the grid job: label → its times
    "plain PyTorch loop": "plain",
    "JAX, compiled before": "jax",
    "this engine": "engine",
    "the matrix products alone": "floor",
}


def spread(values):
    """Median, lowest and highest of several measurements."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def machine():
    """What the figures were measured on."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": load,
    }


def save(figures, path=JSON):
    """Write `figures`, name → numbers, and what machine they are of."""
    path.parent.mkdir(exist_ok=True)
    text = json.dumps({"machine": machine()} | figures, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def draw(source=JSON, picture=PICTURE):
    """A bar for each way to train the grid job, with its median time and the spread of the rounds.

    Raises ValueError where the grid job was not measured.
    """
    figures = json.loads(source.read_text(encoding="utf-8"))
    if "grid job" not in figures:
        raise ValueError(f"{source}: has no grid job: run python -m bench.engine first")
    seconds = figures["grid job"]["seconds"]
    bars = {label: seconds[name] for label, name in BARS.items() if name in seconds}
    with plotting.style("light"):
        figure, ax = plt.subplots(figsize=(7, 0.6 + 0.5 * len(bars)))
        for y, (label, time) in enumerate(bars.items()):
            color = plotting.series(0)[0] if "engine" in label else plotting.muted()
            ax.barh(y, time["median"], color=color)
            ax.plot([time["low"], time["high"]], [y, y], color=plotting.ink(), linestyle="-")
            ax.annotate(f"  {time['median']:.1f} s", (time["high"], y), va="center")
        ax.set(yticks=range(len(bars)), yticklabels=bars)
        ax.set(xlabel=f"seconds for {figures['grid job']['models']} networks, median and spread")
        ax.grid(visible=False, axis="y")
        ax.invert_yaxis()
        figure.savefig(picture, bbox_inches="tight")
        plt.close(figure)


if __name__ == "__main__":
    draw(picture=Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
