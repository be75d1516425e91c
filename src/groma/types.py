"""The values everybody speaks: what is asked, what is found, what crosses the seam to the core. Frozen; imports nothing of ours.

Conventions: paths are POSIX and relative to their scope's root; lines count from 1 and both ends are inclusive; a blob id is git's (20 bytes
of SHA-1 over "blob <size>\\0<content>"); times are seconds since the epoch unless the name says `_ns`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from .values import field, value

__all__ = [
    "LOCAL",
    "Answer",
    "Batch",
    "Caller",
    "Card",
    "Contribution",
    "Coverage",
    "FileColumns",
    "Filter",
    "Fused",
    "Hit",
    "Leg",
    "Lines",
    "Named",
    "Passage",
    "Progress",
    "Reminder",
    "Request",
    "Scope",
    "ScopeStatus",
    "Summary",
    "SymbolColumns",
    "Vectors",
    "Why",
]

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints: TypeAlias = npt.NDArray[np.int64]
    Floats: TypeAlias = npt.NDArray[np.float32]
    Floats64: TypeAlias = npt.NDArray[np.float64]
else:  # a command that asks a daemon needs these values and no NumPy, whose import takes longer than its answer
    Ints = Floats = Floats64 = Any


# ---------------------------------------------------------------------------------------------------------------- who and where


@value
class Caller:
    """Who asks. `scopes` None means: may see every scope; else only those whose ids it holds."""

    name: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None


LOCAL = Caller("local", frozenset({"owner"}))
"""The user of this machine, who may do all."""


@value
class Scope:
    """A folder that is indexed: a checkout, worktree or any other tree. `id` is a UUID, `root` an absolute path of this machine."""

    id: str
    root: str


@value
class Filter:
    """What a search is narrowed to; every field that is not empty must hold, any of its values suffices.

    `languages` are names of `languages.toml`; `paths` are globs or folders relative to the root; `kinds` are passage kinds.
    """

    languages: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()
    kinds: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.languages or self.paths or self.kinds)


@value
class Request:
    """What is asked. `near` is the path of the file the caller is in, `dense` whether vectors take part, `explain` whether hits carry lines."""

    text: str
    k: int = 10
    filter: Filter = Filter()
    near: str | None = None
    dense: bool = True
    explain: bool = False


# ------------------------------------------------------------------------------------------------------ what the core hands over


@value
class Vectors:
    """n vectors of one name: `rows` int8 (n, dim), `scales` float32 (n,); vector i is rows[i] * scales[i], of unit length (or zero)."""

    rows: npt.NDArray[np.int8]
    scales: Floats


@value
class FileColumns:
    """One entry per file of a batch, as read: `sizes` are bytes; `reasons` is why a file was left out (it then has no chunks), else None;
    `notes` is what was degraded in it (`parse-budget`, `parser-crashed`, `syntax-errors`, `too-large-to-parse`), else None.
    `checked_ns` is when it was read."""

    paths: Sequence[str]
    blobs: Sequence[bytes | None]
    sizes: Ints
    mtimes_ns: Ints
    ctimes_ns: Ints
    inodes: Ints
    checked_ns: Ints
    languages: Sequence[str | None]
    kinds: Sequence[str]
    lines: Ints
    reasons: Sequence[str | None]
    notes: Sequence[str | None]


@value
class SymbolColumns:
    """The definitions of all files of a batch, in source order; those of file f are `start[f]:start[f+1]`.

    `terms[term_start[i]:term_start[i+1]]` are the distinct term ids (no joined tokens) of symbol i's name.
    """

    start: Ints
    names: Sequence[str]
    kinds: Sequence[str]
    lines: Ints
    signatures: Sequence[str]
    docs: Sequence[str]
    term_start: Ints
    terms: npt.NDArray[np.uint32]


@value
class Batch:
    """Files with all that groma derives from them, as columns. The chunks of file f are `chunk_start[f]:chunk_start[f+1]`.

    Chunk columns: `first`, `last` lines; `kinds`; `symbols` ("" where none begins or goes on); `enclosing`; `texts` (masked already);
    `masked`; `hit_ids` (63 bits; a function of path, text and occurrence, so that they survive edits elsewhere). Sparse vector of chunk i:
    `terms[term_start[i]:term_start[i+1]]` ascending with `impacts` 1..255. `vectors` maps a vector name to one row a chunk.
    `chunk_symbols` names, per chunk, the rows of `symbols` that begin in it (a slice `chunk_symbols[i]:chunk_symbols[i+1]`).

    File facts: `name_terms` (distinct term ids of stem, folders and symbols), `mentions` (crc32 of each distinct identifier longer than three
    characters), `defines` (crc32 of the bare names it defines), each as a CSR pair; `stems`; `imports`; `calls`.
    """

    files: FileColumns
    chunk_start: Ints
    first: Ints
    last: Ints
    kinds: Sequence[str]
    symbols_shown: Sequence[str]
    enclosing: Sequence[str]
    texts: Sequence[str]
    masked: npt.NDArray[np.bool_]
    hit_ids: Ints
    term_start: Ints
    terms: npt.NDArray[np.uint32]
    impacts: npt.NDArray[np.uint8]
    vectors: Mapping[str, Vectors]
    symbols: SymbolColumns
    chunk_symbols: Ints
    stems: Sequence[Sequence[str]]
    name_start: Ints
    name_terms: npt.NDArray[np.uint32]
    mention_start: Ints
    mentions: npt.NDArray[np.uint32]
    define_start: Ints
    defines: npt.NDArray[np.uint32]
    imports: Sequence[Sequence[str]]
    calls: Sequence[Sequence[str]]


# --------------------------------------------------------------------------------------------------------- what a store hands over


@value
class Leg:
    """One top-k list, best first: the store's ids of passages, the store's ids of their files, raw scores."""

    ids: Ints
    files: Ints
    scores: Floats


class Passage(NamedTuple):
    """One passage with its text, as fetched for the chosen few. `blob` is the version of the file that its lines belong to.

    A tuple, because a query makes a dozen, and a value of so many fields takes four times as long to make.
    """

    id: int
    hit_id: int
    file: int
    path: str
    blob: bytes
    first: int
    last: int
    kind: str
    symbol: str
    enclosing: str
    language: str | None
    text: str
    masked: bool


# ------------------------------------------------------------------------------------------------------- what the core weighs


@value
class Fused:
    """Files that legs found, best first: `text` and `meaning` lie in 0..1. Those of the passages of file i that came back are
    `ids[start[i]:start[i+1]]`, best raw sparse score first (0: dense only), ties by id."""

    files: Ints
    text: Floats64
    meaning: Floats64
    start: Ints
    ids: Ints
    scores: Floats64


@value
class Card:
    """What a search asks about one file, and ranking about the names in it, as `core.read_card` reads it. `roles` has a bit for each part that the
    file plays (`groma.roles`). `data` is the card itself; `cuts` is where in it the ends of terms begin, the terms, the texts, the stem, the
    symbols, and the end of all."""

    path: str
    language: str | None
    blob: bytes
    roles: int
    data: npt.NDArray[np.uint8]
    cuts: tuple[int, int, int, int, int, int]

    @property
    def term_end(self) -> npt.NDArray[np.uint32]:
        """Where the distinct terms of each symbol end in `terms`."""
        return self.data[self.cuts[0] : self.cuts[1]].view("uint32")

    @property
    def terms(self) -> npt.NDArray[np.uint32]:
        """The terms of all symbols."""
        return self.data[self.cuts[1] : self.cuts[2]].view("uint32")

    def stems(self) -> tuple[str, ...]:
        """The words of the file's stem."""
        return tuple(self._text(3, 4).decode("utf-8", "surrogatepass").split("\n")[:-1])

    def symbols(self) -> tuple[str, ...]:
        """The names of its symbols."""
        return tuple(self._text(4, 5).decode("utf-8", "surrogatepass").split("\n")[:-1])

    def symbol(self, i: int) -> str:
        """The name of symbol i."""
        return self._text(4, 5).split(b"\n", i + 1)[i].decode("utf-8", "surrogatepass")

    def _text(self, first: int, last: int) -> bytes:
        return self.data[self.cuts[first] : self.cuts[last]].tobytes()


@value
class Named:
    """How well names match a query, a row a file. `part` and `row` say where its card is (-1: it is gone), `roles` what parts it plays
    (`groma.roles`). `share` and `cover` of its stem, the `best` overlap of a symbol, `defines` and `called`, all 0..1, are what
    `core.match_names` says. The symbols of file i that match at all are `symbols[start[i]:start[i+1]]`, in order, with their `overlaps`."""

    part: Ints
    row: Ints
    roles: Ints
    share: Floats64
    cover: Floats64
    best: Floats64
    defines: Floats64
    called: Floats64
    start: Ints
    symbols: Ints
    overlaps: Floats64


# --------------------------------------------------------------------------------------------------------------- what a user gets


@value
class Contribution:
    """One line of an explanation: `value` in the factor's own range times `weight` is what it added."""

    factor: str
    value: float
    weight: float
    detail: str = ""


@value
class Hit:
    """One answer: lines of a file, proven to be in it now (or `stale`)."""

    id: str
    scope: str
    path: str
    start_line: int
    end_line: int
    symbol: str
    kind: str
    language: str | None
    score: float
    why: str
    text: str
    masked: bool = False
    stale: bool = False
    enclosing: str = ""
    explain: tuple[Contribution, ...] = ()


@value
class Coverage:
    """How much of a scope stood behind an answer. `known` files were seen by the last walk, `indexed` of them are searchable."""

    root: str
    generation: int
    age_s: float | None
    indexed: int
    known: int
    skipped: Mapping[str, int] = field(default_factory=dict)


@value
class Reminder:
    """A memory that is anchored to what a search found: the first line of what it says, and what its anchor is now (fresh, moved, changed, gone)."""

    id: str
    level: str
    line: str
    path: str
    symbol: str
    state: str
    source: str
    trust: float


@value
class Answer:
    """What a search returns: hits best first, and all that makes them less than certain. `timings` are milliseconds a step; `memories` speak of the
    files of the hits."""

    query_id: str
    query: str
    hits: tuple[Hit, ...]
    scopes: tuple[Coverage, ...]
    degraded: tuple[str, ...]
    core: str
    timings: Mapping[str, float]
    memories: tuple[Reminder, ...] = ()


@value
class Progress:
    """How far an index run is: `done` of `total` files; `step` says what it does now."""

    step: str
    done: int
    total: int


@value
class Summary:
    """What a run did: files it saw, files searchable now, files it read and cut into chunks, files taken over unread, files gone."""

    known: int
    indexed: int
    read: int
    attached: int
    gone: int


@value
class ScopeStatus:
    """One scope as `status` tells it. `stale_files` counts files that differ from the manifest now."""

    root: str
    files: int
    chunks: int
    languages: dict[str, int]
    skipped: dict[str, int]
    generation: int
    age_s: float | None
    stale_files: int
    finished: bool


@value
class Why:
    """Why a file is or is not in the index, and what is known of it."""

    path: str
    indexed: bool
    reason: str
    language: str | None
    lines: int
    chunks: int
    symbols: tuple[tuple[str, str, int, str], ...]
    imports: tuple[str, ...]
    calls: tuple[str, ...]
    note: str | None


@value
class Lines:
    """Lines of a file as they are now, masked; `total` is how many the file has."""

    root: str
    path: str
    start_line: int
    end_line: int
    total: int
    text: str
    masked: bool
    symbol: str = ""
