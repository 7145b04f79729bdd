"""The course's own source, shown in a lesson."""

import ast
import inspect
import textwrap
from collections.abc import Callable

# JupyterLab breaks lines within words.
_WHOLE_WORDS = "white-space: pre; word-break: normal; overflow-x: auto"


def show_source(function: Callable) -> "_Source":
    """The source of a function or class, in colour, its docstring cut to the first paragraph."""
    return _Source(_readable_source(function))


def _readable_source(function: Callable) -> str:
    lines = textwrap.dedent(inspect.getsource(function)).rstrip().splitlines()
    definition = ast.parse("\n".join(lines)).body[0]
    assert isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    doc = ast.get_docstring(definition)
    if doc and "\n\n" in doc:
        node = definition.body[0]
        summary = textwrap.indent(f'"""{doc.split(chr(10) * 2)[0]}"""', " " * node.col_offset)
        lines[node.lineno - 1 : node.end_lineno] = summary.splitlines()
    return "\n".join(lines)


class _Source:
    def __init__(self, source: str):
        self._source = source

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from jupyterlab_pygments import JupyterStyle  # the editor's own colours, light or dark
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer

        formatter = HtmlFormatter(
            style=JupyterStyle, noclasses=True, nobackground=True, prestyles=_WHOLE_WORDS
        )
        page = highlight(self._source, PythonLexer(), formatter)
        return {"text/html": page, "text/plain": self._source}
