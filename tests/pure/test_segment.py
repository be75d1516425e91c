"""The segment: scans against a plain reading of the same numbers, merging, and files that are not what was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groma._pure import segment as s
from groma._pure.cards import card
from groma._pure.texts import text_record
from groma.errors import StoreDamaged
from groma.types import Vectors

RNG = np.random.default_rng(7)


def part(first_id: int, files: int, seed: int) -> s.Part:
    rng = np.random.default_rng(seed)
    chunk_files = np.sort(rng.integers(first_id, first_id + files, size=files * 4)).astype(np.int64)
    ids = np.arange(len(chunk_files), dtype=np.int64) + first_id * 1000
    rows = [np.sort(rng.choice(50, size=rng.integers(1, 12), replace=False)).astype(np.uint32) for _ in ids]
    names = [np.sort(rng.choice(30, size=3, replace=False)).astype(np.uint32) for _ in range(files)]
    vectors = rng.integers(-127, 128, size=(len(ids), 8)).astype(np.int8)
    return s.build(
        ids=ids,
        hits=rng.permutation(len(ids)).astype(np.int64) + first_id * 10_000,
        chunk_files=chunk_files,
        kinds=[["code", "function", "section"][i % 3] for i in range(len(ids))],
        term_start=np.r_[0, np.cumsum([len(r) for r in rows])].astype(np.int64),
        terms=np.concatenate(rows),
        impacts=rng.integers(1, 256, size=sum(map(len, rows))).astype(np.uint8),
        files=np.arange(first_id, first_id + files, dtype=np.int64),
        name_start=np.r_[0, np.cumsum([len(r) for r in names])].astype(np.int64),
        name_terms=np.concatenate(names),
        cards=[card(f"src/file{i}.py", "python", b"\1" * 20, 0, [f"file{i}"], ["one"], np.array([0, len(names[i])]), names[i]) for i in range(files)],
        places=np.arange(4 * len(ids), dtype=np.uint32).reshape(-1, 4),
        texts=[text_record(f"f{i}", "", False, f"def f{i}(): {'pass ' * i}\n") for i in range(len(ids))],
        vectors={"static": Vectors(vectors, rng.random(len(ids)).astype(np.float32))},
    )


def plain(p: s.Part) -> dict[int, dict[int, int]]:
    """chunk id -> {term: impact}, read the slow way."""
    out: dict[int, dict[int, int]] = {int(i): {} for i in p.ids}
    for t, term in enumerate(p.terms):
        for at in range(p.post_start[t], p.post_start[t + 1]):
            out[int(p.ids[p.post_chunks[at]])][int(term)] = int(p.post_impacts[at])
    return out


def everything(parts: list[s.Part]) -> list[np.ndarray]:
    return [np.ones(len(p.ids), dtype=np.bool_) for p in parts]


def test_sparse_top_is_what_a_plain_sum_gives() -> None:
    parts = [part(1, 5, 1), part(10, 7, 2)]
    terms, weights = np.array([3, 7, 20, 49], dtype=np.uint32), np.array([1.5, 0.2, 3.0, 0.7])
    leg = s.sparse_top(parts, everything(parts), terms, weights, 10)
    slow = {i: sum(w * row.get(int(t), 0) / 255 for t, w in zip(terms, weights, strict=True)) for p in parts for i, row in plain(p).items()}
    best = sorted((x for x in slow.values() if x > 0), reverse=True)[:10]
    assert np.allclose(leg.scores, best, rtol=1e-5)
    assert all(abs(slow[int(i)] - x) < 1e-4 for i, x in zip(leg.ids, leg.scores, strict=True))
    assert leg.files.tolist() == [int(p.files[p.file_of[np.searchsorted(p.ids, i)]]) for i in leg.ids for p in parts if i in p.ids]


def test_dense_top_is_what_a_plain_product_gives() -> None:
    parts = [part(1, 5, 1), part(10, 7, 2)]
    query = RNG.random(8).astype(np.float32)
    leg = s.dense_top(parts, everything(parts), "static", query, 5)
    slow = np.concatenate([(p.vectors["static"].rows.astype(np.float32) @ query) * p.vectors["static"].scales for p in parts])
    assert np.allclose(leg.scores, np.sort(slow)[::-1][:5], rtol=1e-4)
    assert len(s.dense_top(parts, everything(parts), "other", query, 5).ids) == 0


def test_masks_hold_before_the_cut_and_ties_go_by_hit() -> None:
    one = part(1, 5, 3)
    mask = one.kind_of == one.kinds.index("section")
    leg = s.sparse_top([one], [mask], np.arange(50, dtype=np.uint32), np.ones(50), 100)
    assert set(leg.ids.tolist()) <= set(one.ids[mask].tolist())
    flat = s.sparse_top([one], [np.ones(len(one.ids), np.bool_)], one.terms[:1], np.zeros(1), 10)
    assert len(flat.ids) == 0
    same = s.dense_top([one], [np.ones(len(one.ids), np.bool_)], "static", np.zeros(8, np.float32), 6)
    assert same.ids.tolist() == [int(one.ids[i]) for i in np.argsort(one.hits)[:6]]


def test_frequencies() -> None:
    parts = [part(1, 5, 1), part(10, 7, 2)]
    masks = [m.copy() for m in everything(parts)]
    masks[0][::2] = False
    few, many = np.array([3, 7, 1000], dtype=np.uint32), np.arange(200, dtype=np.uint32)
    slow = lambda t: sum(t in row for p, m in zip(parts, masks, strict=True) for (i, row), on in zip(plain(p).items(), m, strict=True) if on)  # noqa: E731
    assert s.chunk_frequencies(parts, masks, few).tolist() == [slow(3), slow(7), 0]
    assert s.chunk_frequencies(parts, masks, many)[[3, 7, 150]].tolist() == [slow(3), slow(7), 0]
    on = [np.ones(len(p.files), np.bool_) for p in parts]
    first, second = (dict(zip(p.names.tolist(), n.tolist(), strict=True)) for p, n in zip(parts, s.name_frequencies(parts, on), strict=True))
    assert all(second.get(name, n) == n for name, n in first.items())
    assert sum((first | second).values()) == 3 * 12
    none = [np.zeros(len(p.files), np.bool_) for p in parts]
    assert not any(n.any() for n in s.name_frequencies(parts, none))


def test_merging_keeps_what_is_kept() -> None:
    parts = [part(1, 5, 1), part(10, 7, 2)]
    keeps = [np.array([True, False, True, True, True]), np.array([True] * 6 + [False])]
    merged = s.merge(parts, keeps)
    want = {i: row for p, keep in zip(parts, keeps, strict=True) for i, row in plain(p).items() if keep[p.file_of[np.searchsorted(p.ids, i)]]}
    assert plain(merged) == want
    assert merged.files.tolist() == [1, 3, 4, 5, 10, 11, 12, 13, 14, 15]
    ids = merged.ids.tolist()
    assert None not in s.shown([merged], ids) and s.shown([merged], ids) == s.shown(parts, ids)
    assert [merged.kinds[k] for k in merged.kind_of] == [p.kinds[p.kind_of[j]] for p in parts for j, i in enumerate(p.ids.tolist()) if i in want]


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    one = part(1, 5, 1)
    s.write_part(tmp_path / "a.part", one)
    again = s.open_part(tmp_path / "a.part")
    for name in (
        "ids",
        "hits",
        "file_of",
        "kind_of",
        "files",
        "terms",
        "post_start",
        "post_chunks",
        "post_impacts",
        "names",
        "name_start",
        "name_files",
        "text_start",
        "texts",
    ):
        assert np.array_equal(getattr(one, name), getattr(again, name)), name
    assert again.kinds == one.kinds
    assert np.array_equal(again.vectors["static"].rows, one.vectors["static"].rows)
    assert list(tmp_path.iterdir()) == [tmp_path / "a.part"]


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_every_flipped_bit_is_noticed(tmp_path_factory: pytest.TempPathFactory, at: int, bit: int) -> None:
    path = tmp_path_factory.mktemp("part") / "a.part"
    s.write_part(path, part(1, 2, 1))
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1 << bit
    path.write_bytes(data)
    if at % len(data) < len(data) - len(part(1, 2, 1).texts):
        with pytest.raises(StoreDamaged):
            s.open_part(path)
    else:  # a text is looked at when it is shown
        hurt = s.open_part(path)
        assert s.shown([hurt], hurt.ids.tolist()).count(None) == 1


@pytest.mark.parametrize("keep", [0, 5, 23, 24, 100, -1])
def test_truncated_foreign_and_missing_files_are_noticed(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "a.part"
    s.write_part(path, part(1, 2, 1))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StoreDamaged):
        s.open_part(path)
    path.write_bytes(b"PK\3\4" + b"x" * 100)
    with pytest.raises(StoreDamaged, match="not a segment"):
        s.open_part(path)
    path.unlink()
    with pytest.raises(StoreDamaged):
        s.open_part(path)
