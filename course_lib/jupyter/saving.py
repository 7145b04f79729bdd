"""What JupyterLab saves: pictures, and no widget that nobody could bring to life again.

`course lab` and Binder call it before each save (`jupyter_server_config.json`), so that a notebook
that is opened again shows its pictures and never "model not found".
"""

from typing import Any

VIEW = "application/vnd.jupyter.widget-view+json"
LATE = 'class="course-late"'  # in the line that a panel hides (course_lib/panel/page/late.html)


def without_views(model: dict[str, Any], **_: Any) -> None:
    """Take the widgets' views out of a notebook's `model` that is about to be saved."""
    if model["type"] != "notebook" or model["content"]["nbformat"] != 4:
        return
    for cell in model["content"]["cells"]:
        if "outputs" in cell:
            cell["outputs"] = [kept for output in cell["outputs"] if (kept := _kept(output))]


def _kept(output: dict[str, Any]) -> dict[str, Any] | None:
    """The output without its view; None where nothing is left to read."""
    data = output.get("data")
    if data is None:
        return output
    if LATE in "".join(data.get("text/html", "")):
        return None
    kept = {kind: value for kind, value in data.items() if kind != VIEW}
    return {**output, "data": kept} if set(kept) - {"text/plain"} or VIEW not in data else None
