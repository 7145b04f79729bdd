"""The names that a cell of a notebook binds and reads."""

import symtable
from collections.abc import Sequence

from IPython.core.inputtransformer2 import TransformerManager


def binds(source: str) -> set[str]:
    """The names that a cell binds at its top level; none in what is not Python."""
    return {each.get_name() for each in _symbols(source) if each.is_assigned() or _named(each)}


def uses(source: str) -> set[str]:
    """The names that a cell reads and does not bind at its top level."""
    table = _table(source)
    return _read(table) - binds(source) if table else set()


def plain(source: str) -> str:
    """A cell's source as Python, its `%magics` and `!commands` turned into calls."""
    return TransformerManager().transform_cell(source)


def _named(symbol: symtable.Symbol) -> bool:
    return symbol.is_imported() or symbol.is_namespace()


def _read(table: symtable.SymbolTable) -> set[str]:
    """Names read in this scope as globals, and in those within."""
    top = table.get_type() == "module"
    mine = {
        each.get_name()
        for each in table.get_symbols()
        if each.is_referenced() and (top or each.is_global())
    }
    return mine.union(*map(_read, table.get_children()))


def _symbols(source: str) -> Sequence[symtable.Symbol]:
    table = _table(source)
    return table.get_symbols() if table else []


def _table(source: str) -> symtable.SymbolTable | None:
    try:
        return symtable.symtable(plain(source), "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
