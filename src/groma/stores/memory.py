"""A store in memory: the same contract as the local one, for tests, for users' tests and for what need not last. Nothing survives `close`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from .. import core
from ..filters import expand_kinds, file_matches
from ..ports import Asked, Capabilities, FileDetail, FileNames, FileRecord, Places
from ..roles import roles
from ..types import Batch, Filter, Floats, Floats64, Ints, Leg, Passage, Vectors
from ..values import value

__all__ = ["MemoryStore"]

ORDINAL_BITS = 20


@value
class _File:
    record: FileRecord
    outline: tuple[tuple[str, int, str, str], ...]
    calls: tuple[str, ...]
    passages: tuple[Passage, ...]
    part: core.Part
    mentions: np.ndarray
    defines: np.ndarray


class MemoryStore:
    """The Store and Facts ports over dictionaries; one part a file."""

    def __init__(self) -> None:
        self.capabilities = Capabilities(sparse=True, vectors=frozenset({"static"}), durable=False)
        self._files: dict[int, _File] = {}
        self._keys: dict[tuple[str, bytes, int], int] = {}
        self._views: dict[str, dict[str, int]] = {}
        self._next = 1

    def attach(self, scope: str, paths: Sequence[str], blobs: Sequence[bytes], sizes: Ints) -> list[int]:
        """See `ports.Store.attach`."""
        before = self._views.get(scope, {})
        after: dict[str, int] = {}
        missing = []
        for i, (path, blob, size) in enumerate(zip(paths, blobs, sizes.tolist(), strict=True)):
            file = self._keys.get((path, blob, size))
            if file is not None:
                after[path] = file
            else:
                missing.append(i)
                if path in before:
                    after[path] = before[path]
        self._views[scope] = after
        return missing

    def apply(self, scope: str, batch: Batch) -> None:
        """See `ports.Store.apply`."""
        view = self._views.setdefault(scope, {})
        for f, path in enumerate(batch.files.paths):
            view.pop(path, None)
            blob = batch.files.blobs[f]
            if batch.files.reasons[f] is None and blob is not None:
                key = (path, blob, int(batch.files.sizes[f]))
                if key not in self._keys:
                    self._keys[key] = self._next
                    self._files[self._next] = _file(batch, f, self._next)
                    self._next += 1
                view[path] = self._keys[key]

    def detach(self, scope: str) -> None:
        """See `ports.Store.detach`."""
        self._views.pop(scope, None)
        used = {file for view in self._views.values() for file in view.values()}
        self._files = {i: f for i, f in self._files.items() if i in used}
        self._keys = {key: i for key, i in self._keys.items() if i in used}

    def settled(self, scope: str) -> bool:
        """See `ports.Store.settled`: nothing stops a run here half-way."""
        return True

    def maintain(self, scope: str) -> None:
        """Count who mentions whom among the files of the view."""
        ids = sorted(self._views.get(scope, {}).values())
        counts = core.references(*_rows([self._files[i].mentions for i in ids]), *_rows([self._files[i].defines for i in ids]))
        for i, n in zip(ids, counts.tolist(), strict=True):
            self._files[i] = replace(self._files[i], record=replace(self._files[i].record, indegree=n))

    def _seen(self, scopes: Sequence[str]) -> list[int]:
        return sorted({file for scope in scopes for file in self._views.get(scope, {}).values()})

    def search(
        self,
        scopes: Sequence[str],
        k: int,
        *,
        filter: Filter,
        sparse: tuple[np.ndarray, Floats] | None = None,
        vector: tuple[str, Floats] | None = None,
    ) -> Leg:
        """See `ports.Store.search`."""
        kinds = expand_kinds(filter.kinds)
        parts, masks = [], []
        for i in self._seen(scopes):
            file = self._files[i]
            if file_matches(filter, file.record.path, file.record.language):
                parts.append(file.part)
                masks.append(np.array([not kinds or p.kind in kinds for p in file.passages], dtype=np.bool_))
        if sparse is not None:
            return core.sparse_top(parts, masks, *sparse, k)
        assert vector is not None
        return core.dense_top(parts, masks, *vector, k)

    def chunk_frequencies(self, scopes: Sequence[str], terms: np.ndarray) -> tuple[int, Ints]:
        """See `ports.Facts.chunk_frequencies`."""
        parts = [self._files[i].part for i in self._seen(scopes)]
        masks = [np.ones(len(p.ids), dtype=np.bool_) for p in parts]
        return sum(map(len, masks)), core.chunk_frequencies(parts, masks, terms)

    def match_names(self, scopes: Sequence[str], files: Ints, asked: Asked, weigh: Callable[[int, Ints], Floats64]) -> FileNames:
        """See `ports.Facts.match_names`."""
        parts = [self._files[i].part for i in self._seen(scopes)]
        table = weigh(len(parts), np.arange(len(parts) + 1))
        counts = core.name_frequencies(parts, [np.ones(1, dtype=np.bool_)] * len(parts))
        named = core.match_names(parts, [table[n] for n in counts], table.item(0), files, asked.words, asked.terms, asked.named, asked.flat)
        views = [set(self._views.get(scope, {}).values()) for scope in scopes]
        first = [next((n for n, view in enumerate(views) if i in view), -1) for i in files.tolist()]
        degrees = [self._files[i].record.indegree if n >= 0 else 0 for i, n in zip(files.tolist(), first, strict=True)]
        return FileNames(np.array(first), np.array(degrees), named, lambda i: core.read_card(parts[named.part[i]].cards))

    def fetch(self, ids: Sequence[int]) -> list[Passage]:
        """See `ports.Store.fetch`."""
        return [self._files[i >> ORDINAL_BITS].passages[i & ((1 << ORDINAL_BITS) - 1)] for i in ids if i >> ORDINAL_BITS in self._files]

    def find(self, scopes: Sequence[str], hit_id: int) -> Passage | None:
        """See `ports.Store.find`."""
        return next((p for i in self._seen(scopes) for p in self._files[i].passages if p.hit_id == hit_id), None)

    def files(self, scopes: Sequence[str], ids: Ints) -> dict[int, tuple[str, FileRecord]]:
        """See `ports.Facts.files`."""
        found: dict[int, tuple[str, FileRecord]] = {}
        for i in ids.tolist():
            scope = next((s for s in scopes if i in self._views.get(s, {}).values()), None)
            if scope is not None:
                found[i] = (scope, replace(self._files[i].record))
        return found

    def file(self, scope: str, path: str) -> FileRecord | None:
        """See `ports.Facts.file`."""
        i = self._views.get(scope, {}).get(path)
        return None if i is None else self._files[i].record

    def detail(self, scope: str, path: str) -> FileDetail | None:
        """See `ports.Facts.detail`."""
        i = self._views.get(scope, {}).get(path)
        return None if i is None else FileDetail(self._files[i].record, self._files[i].outline, self._files[i].calls)

    def places(self, scopes: Sequence[str], ids: Ints) -> Places:
        """See `ports.Facts.places`."""
        return Places(*core.places([self._files[i].part for i in self._seen(scopes)], ids))

    def scan(self, scope: str) -> Iterator[tuple[str, bytes, str | None, int]]:
        """See `ports.Store.scan`."""
        for path, i in sorted(self._views.get(scope, {}).items(), key=lambda item: item[0].encode("utf-8")):
            record = self._files[i].record
            yield path, record.blob, record.language, record.chunks

    def verify(self) -> list[str]:
        """See `ports.Store.verify`: memory is as it was written."""
        return []

    def close(self) -> None:
        """Forget everything."""
        self._files.clear()
        self._keys.clear()
        self._views.clear()


def _rows(arrays: Sequence[np.ndarray]) -> tuple[Ints, np.ndarray]:
    """Where each array begins in all of them joined (and the last one ends), and these."""
    return np.cumsum([0, *map(len, arrays)], dtype=np.int64), np.concatenate([np.empty(0, np.uint32), *arrays])


def _file(batch: Batch, f: int, number: int) -> _File:
    """File `f` of a batch, under the id `number`."""
    files, symbols = batch.files, batch.symbols
    c0, c1 = int(batch.chunk_start[f]), int(batch.chunk_start[f + 1])
    s0, s1 = int(symbols.start[f]), int(symbols.start[f + 1])
    blob = files.blobs[f]
    assert blob is not None
    starts = symbols.term_start[s0 : s1 + 1]
    path, kind = files.paths[f], files.kinds[f]
    terms = symbols.terms[starts[0] : starts[-1]]
    card = core.card(path, files.languages[f], blob, roles(path, kind), batch.stems[f], symbols.names[s0:s1], starts - starts[0], terms)
    begins = batch.chunk_symbols[c0 : c1 + 1] - s0
    record = FileRecord(
        id=number,
        path=path,
        blob=blob,
        size=int(files.sizes[f]),
        language=files.languages[f],
        kind=kind,
        lines=int(files.lines[f]),
        chunks=c1 - c0,
        card=core.read_card(np.frombuffer(card, np.uint8)),
        imports=tuple(batch.imports[f]),
        note=files.notes[f],
        indegree=0,
    )
    passages = tuple(
        Passage(
            id=(number << ORDINAL_BITS) | n,
            hit_id=int(batch.hit_ids[i]),
            file=number,
            path=record.path,
            blob=blob,
            first=int(batch.first[i]),
            last=int(batch.last[i]),
            kind=batch.kinds[i],
            symbol=batch.symbols_shown[i],
            enclosing=batch.enclosing[i],
            language=record.language,
            text=batch.texts[i],
            masked=bool(batch.masked[i]),
        )
        for n, i in enumerate(range(c0, c1))
    )
    t0, t1 = int(batch.term_start[c0]), int(batch.term_start[c1])
    names = batch.name_terms[batch.name_start[f] : batch.name_start[f + 1]]
    part = core.build(
        ids=np.array([p.id for p in passages], dtype=np.int64),
        hits=np.array([p.hit_id for p in passages], dtype=np.int64),
        chunk_files=np.full(len(passages), number, dtype=np.int64),
        kinds=[p.kind for p in passages],
        term_start=batch.term_start[c0 : c1 + 1] - t0,
        terms=batch.terms[t0:t1],
        impacts=batch.impacts[t0:t1],
        files=np.array([number], dtype=np.int64),
        name_start=np.array([0, len(names)], dtype=np.int64),
        name_terms=names,
        cards=[card],
        places=np.stack([batch.first[c0:c1], batch.last[c0:c1], begins[:-1], begins[1:]], axis=1),
        texts=[b""] * len(passages),
        vectors={name: Vectors(v.rows[c0:c1], v.scales[c0:c1]) for name, v in batch.vectors.items()},
    )
    outline = tuple((symbols.kinds[i], int(symbols.lines[i]), symbols.signatures[i], symbols.docs[i]) for i in range(s0, s1))
    return _File(
        record,
        outline,
        tuple(batch.calls[f]),
        passages,
        part,
        batch.mentions[batch.mention_start[f] : batch.mention_start[f + 1]],
        batch.defines[batch.define_start[f] : batch.define_start[f + 1]],
    )
