"""The core: all that touches every byte, every posting or every vector. One door to whichever implementation is there.

`NAME` says which. Callers use this module and never `groma._pure`; whole batches go in and columns come out, without callbacks, so that a
compiled core can stand behind the same names.
"""

from __future__ import annotations

from ._pure.arrays import distinct, member
from ._pure.chunk import VERSION as CHUNKER_VERSION
from ._pure.git import blob_id, head, top_level
from ._pure.ignore import explain as explain_ignored
from ._pure.languages import all_languages
from ._pure.masking import mask
from ._pure.parse import broken_languages
from ._pure.passage import VERSION as PASSAGE_VERSION
from ._pure.references import references
from ._pure.scan import REASONS as SCAN_REASONS
from ._pure.scan import bare_name, decode, embed_query, read_now, scan, scan_texts, static_id
from ._pure.segment import (
    FORMAT as SEGMENT_FORMAT,
)
from ._pure.segment import (
    Part,
    build,
    chunk_frequencies,
    dense_top,
    merge,
    name_frequencies,
    open_part,
    sparse_top,
    write_part,
)
from ._pure.tokens import VERSION as TOKENS_VERSION
from ._pure.tokens import identifiers, query_tokens, split, term_id
from ._pure.walk import REASONS as WALK_REASONS
from ._pure.walk import Known, Listing, secrets_file, walk

__all__ = [
    "CHUNKER_VERSION",
    "NAME",
    "PASSAGE_VERSION",
    "REASONS",
    "SEGMENT_FORMAT",
    "TOKENS_VERSION",
    "Known",
    "Listing",
    "Part",
    "all_languages",
    "bare_name",
    "blob_id",
    "broken_languages",
    "build",
    "chunk_frequencies",
    "decode",
    "dense_top",
    "distinct",
    "embed_query",
    "explain_ignored",
    "head",
    "identifiers",
    "mask",
    "member",
    "merge",
    "name_frequencies",
    "open_part",
    "query_tokens",
    "read_now",
    "references",
    "scan",
    "scan_texts",
    "secrets_file",
    "sparse_top",
    "split",
    "static_id",
    "term_id",
    "top_level",
    "walk",
    "write_part",
]

NAME = "pure"

REASONS = {**WALK_REASONS, **SCAN_REASONS}
"""Why a file is left out: the word that is recorded and counted, and what it means."""
