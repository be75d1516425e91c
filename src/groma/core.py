"""The core: all that touches every byte, every posting or every vector. One door to whichever implementation is there.

`NAME` says which: "rust" where the compiled library is built (`groma._compiled`), else "pure" (`groma._pure`, in plain Python; same results).
`GROMA_CORE` = auto, pure or rust decides when this module is imported; it is the one place below the edges that reads the environment. Callers
use this module and never those two; whole batches go in and columns come out, without callbacks. A module behind the door is imported when a
name of it is first used, so that a command loads what it needs.

Importing raises ConfigurationError where `GROMA_CORE` has no such value, or demands a library that is not there or must not be used.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import ConfigurationError

if TYPE_CHECKING:
    from ._pure.arrays import distinct, member
    from ._pure.candidates import best_passages, fuse, match_names
    from ._pure.cards import card, read_card
    from ._pure.chunk import VERSION as CHUNKER_VERSION
    from ._pure.git import blob_id, commit_id, head, read_index, repository, repository_at, settings_of, top_level, user_folder, user_settings
    from ._pure.ignore import IGNORED, ONLY_TRACKED, RULE_FILES, Ground, fate
    from ._pure.ignore import child as ground_below
    from ._pure.ignore import enter as enter_ground
    from ._pure.ignore import explain as explain_ignored
    from ._pure.ignore import survey as survey_ground
    from ._pure.languages import all_languages
    from ._pure.masking import mask
    from ._pure.parse import broken_languages
    from ._pure.passage import VERSION as PASSAGE_VERSION
    from ._pure.references import references
    from ._pure.scan import REASONS as SCAN_REASONS
    from ._pure.scan import bare_name, decode, embed_query, embed_texts, read_now, scan, scan_texts, static_id
    from ._pure.segment import FORMAT as SEGMENT_FORMAT
    from ._pure.segment import Part, build, chunk_frequencies, dense_top, merge, name_frequencies, open_part, places, shown, sparse_top, write_part
    from ._pure.static_model import quantize
    from ._pure.texts import text_record
    from ._pure.tokens import VERSION as TOKENS_VERSION
    from ._pure.tokens import count_terms, identifiers, query_tokens, split, term_id
    from ._pure.walk import REASONS as WALK_REASONS
    from ._pure.walk import SETTLED_NS, Known, Listing, secrets_file, settled, walk

    REASONS = {**WALK_REASONS, **SCAN_REASONS}

__all__ = [
    "CHUNKER_VERSION",
    "IGNORED",
    "NAME",
    "ONLY_TRACKED",
    "PASSAGE_VERSION",
    "REASONS",
    "RULE_FILES",
    "SEGMENT_FORMAT",
    "SETTLED_NS",
    "TOKENS_VERSION",
    "WHY",
    "Ground",
    "Known",
    "Listing",
    "Part",
    "all_languages",
    "bare_name",
    "best_passages",
    "blob_id",
    "broken_languages",
    "build",
    "card",
    "chunk_frequencies",
    "commit_id",
    "count_terms",
    "decode",
    "dense_top",
    "distinct",
    "embed_query",
    "embed_texts",
    "enter_ground",
    "explain_ignored",
    "fate",
    "fuse",
    "ground_below",
    "head",
    "identifiers",
    "mask",
    "match_names",
    "member",
    "merge",
    "name_frequencies",
    "open_part",
    "places",
    "quantize",
    "query_tokens",
    "read_card",
    "read_index",
    "read_now",
    "references",
    "repository",
    "repository_at",
    "scan",
    "scan_texts",
    "secrets_file",
    "settings_of",
    "settled",
    "shown",
    "sparse_top",
    "split",
    "static_id",
    "survey_ground",
    "term_id",
    "text_record",
    "top_level",
    "user_folder",
    "user_settings",
    "walk",
    "write_part",
]

_MODULES = {
    "arrays": "distinct member",
    "cards": "card read_card",
    "candidates": "best_passages fuse match_names",
    "chunk": "VERSION=CHUNKER_VERSION",
    "git": "blob_id commit_id head read_index repository repository_at settings_of top_level user_folder user_settings",
    "ignore": "IGNORED ONLY_TRACKED RULE_FILES Ground child=ground_below enter=enter_ground explain=explain_ignored fate survey=survey_ground",
    "languages": "all_languages",
    "masking": "mask",
    "parse": "broken_languages",
    "passage": "VERSION=PASSAGE_VERSION",
    "references": "references",
    "scan": "REASONS=SCAN_REASONS bare_name decode embed_query embed_texts read_now scan scan_texts static_id",
    "segment": "FORMAT=SEGMENT_FORMAT Part build chunk_frequencies dense_top merge name_frequencies open_part places shown sparse_top write_part",
    "static_model": "quantize",
    "texts": "text_record",
    "tokens": "VERSION=TOKENS_VERSION count_terms identifiers query_tokens split term_id",
    "walk": "REASONS=WALK_REASONS SETTLED_NS Known Listing secrets_file settled walk",
}
"""Where a name comes from: the module, and what it is called there where that differs (`there=here`)."""

_PLACES = {pair.rpartition("=")[2]: (module, pair.partition("=")[0]) for module, pairs in _MODULES.items() for pair in pairs.split()}

_VALUES = ("auto", "pure", "rust")
_BUILD = "run `make core` in a checkout, or install groma where cargo is"


def _choose() -> tuple[str, str]:
    wanted = os.environ.get("GROMA_CORE") or "auto"
    if wanted not in _VALUES:
        raise ConfigurationError(f"GROMA_CORE is {wanted!r}; it must be one of {', '.join(_VALUES)}.")
    if wanted == "pure":
        return "pure", "GROMA_CORE is pure"
    try:
        from ._compiled.built import problem

        found = problem()
    except ModuleNotFoundError:
        if wanted == "rust":
            raise ConfigurationError(f"GROMA_CORE is rust, and the compiled core is not built; {_BUILD}, or unset GROMA_CORE.") from None
        return "pure", "the compiled one is not built"
    except ImportError as e:
        found = f"cannot be loaded ({e})"
    if found is None:
        return "rust", ""
    if wanted == "rust":
        raise ConfigurationError(f"GROMA_CORE is rust, and the compiled core {found}; {_BUILD}, or unset GROMA_CORE.")
    if sys.stderr is not None:
        sys.stderr.write(f"groma: the compiled core {found}, so the plain one is used (slower); {_BUILD}\n")
    return "pure", f"the compiled one {found}"


NAME, WHY = _choose()
"""The core in use, "rust" or "pure"; and why it is not the compiled one ("" where it is)."""


def __getattr__(name: str) -> Any:
    if name == "REASONS":
        value: Any = {**__getattr__("WALK_REASONS"), **__getattr__("SCAN_REASONS")}
    elif name in _PLACES:
        module, there = _PLACES[name]
        value = getattr(_implementation(module), there)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def _implementation(module: str) -> Any:
    """The module of this name in use. What has no compiled twin is the same for both cores."""
    if NAME == "rust":
        compiled = f"{__package__}._compiled.{module}"
        try:
            return import_module(compiled)
        except ModuleNotFoundError as e:
            if e.name != compiled:
                raise
    return import_module(f"{__package__}._pure.{module}")
