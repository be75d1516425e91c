"""Definitions, imports and calls of one source text: twin of `groma._pure.parse`.

The grammars stay in their wheels. A wheel is imported when a text of its language comes up, and its pointer handed to the core.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from .. import _rs
from .._pure.languages import Language, all_languages
from .._pure.parse import FUNCTIONS, SYMBOLS_ONLY, Definition, Outline

__all__ = ["FUNCTIONS", "SYMBOLS_ONLY", "Definition", "Outline", "broken_languages", "load_grammar", "outline"]


@cache
def load_grammar(grammar: str) -> None:
    """See that the core has the grammar "module" or "module:function". Raises ImportError, or ValueError if its ABI is unknown."""
    module, _, function = grammar.partition(":")
    _rs.register_grammar(grammar, getattr(import_module(module), function or "language")())


def broken_languages() -> list[str]:
    """Languages of the table whose grammar or query does not load, each with the reason."""
    broken = []
    for language in all_languages().values():
        if language.grammar is not None:
            try:
                load_grammar(language.grammar)
                _rs.check_language(language.name)
            except (ImportError, OSError, ValueError) as e:
                broken.append(f"{language.name} ({e})")
    return broken


def outline(source: str, language: Language) -> Outline:
    """The outline of `source`; empty where the language has neither grammar nor sections."""
    if language.grammar is not None:
        load_grammar(language.grammar)
    definitions, imports, calls, cut = _rs.outline(source, language.name)
    return Outline(tuple(Definition(*row) for row in definitions), tuple(imports), tuple(calls), cut)
