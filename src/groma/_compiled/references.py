"""Who mentions what: the in-degree of files, a sign of quality. By the compiled core: twin of `_pure.references`."""

from __future__ import annotations

from .. import _rs

__all__ = ["references"]

references = _rs.references
