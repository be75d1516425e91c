"""Both cores build, merge, write, read and scan the same segments, to the last bit, and doubt the same files."""

from __future__ import annotations

import json
import site
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groma._pure import arrays as plain_arrays
from groma._pure import segment as plain
from groma._pure.cards import card
from groma._pure.scan import embed_query, scan
from groma._pure.texts import read_text, text_record
from groma._pure.tokens import query_tokens, term_id
from groma.errors import StoreDamaged
from groma.types import Batch, Leg, Vectors
from tools import corpora

pytest.importorskip("groma._rs", reason="the compiled core is not built; segments are NOT compared")
compiled = pytest.importorskip("groma._compiled.segment")
compiled_arrays = pytest.importorskip("groma._compiled.arrays")

COLUMNS = tuple(plain._ARRAYS)
ALIKE = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@dataclass(frozen=True, slots=True)
class Pair:
    """The same part in both cores."""

    plain: Any
    compiled: Any


def pair(rows: dict[str, Any]) -> Pair:
    return Pair(plain.build(**rows), compiled.build(**rows))


def same_part(a: plain.Part, b: plain.Part) -> None:
    for name in COLUMNS:
        left, right = getattr(a, name), getattr(b, name)
        assert left.dtype == right.dtype and np.array_equal(left, right), name
    assert a.kinds == b.kinds
    assert list(a.vectors) == list(b.vectors)
    for name, vectors in a.vectors.items():
        assert np.array_equal(vectors.rows, b.vectors[name].rows) and vectors.rows.shape == b.vectors[name].rows.shape
        assert np.array_equal(vectors.scales, b.vectors[name].scales)


def same_leg(a: Leg, b: Leg) -> None:
    assert a.ids.tolist() == b.ids.tolist()
    assert a.files.tolist() == b.files.tolist()
    assert a.scores.dtype == b.scores.dtype and a.scores.tolist() == b.scores.tolist()


def same_answers(parts: Sequence[Pair], rng: np.random.Generator, dim: int, vocabulary: np.ndarray, k: int) -> None:
    """Every scan, over masks of several kinds."""
    ours, theirs = [p.compiled for p in parts], [p.plain for p in parts]
    terms = plain_arrays.distinct(rng.choice(vocabulary, size=min(len(vocabulary), int(rng.integers(1, 12)))).astype(np.uint32))
    weights = rng.choice([0.0, 0.1, 1.0, 2.5, 7.25], size=len(terms)) * rng.choice([1.0, rng.random()])
    query = rng.choice([rng.normal(size=dim), rng.integers(-2, 3, size=dim)]).astype(np.float32)
    for share in (1.0, 0.9, 0.1, 0.0):
        files = [rng.random(len(p.files)) < share for p in theirs]
        chunks = [rng.random(len(p.ids)) < share if rng.random() < 0.5 else f[p.file_of] for f, p in zip(files, theirs, strict=True)]
        same_leg(plain.sparse_top(theirs, chunks, terms, weights, k), compiled.sparse_top(ours, chunks, terms, weights, k))
        same_leg(plain.dense_top(theirs, chunks, "static", query, k), compiled.dense_top(ours, chunks, "static", query, k))
        assert plain.chunk_frequencies(theirs, chunks, terms).tolist() == compiled.chunk_frequencies(ours, chunks, terms).tolist()
        asked = np.append(rng.permutation(np.concatenate([p.ids for p in theirs]))[:20], 2**50)
        assert plain.places(theirs, asked).tolist() == compiled.places(ours, asked).tolist()
        assert plain.shown(theirs, asked.tolist()) == compiled.shown(ours, asked.tolist())
        names = [plain.name_frequencies(theirs, files), compiled.name_frequencies(ours, files)]
        assert [one.tolist() for one in names[0]] == [one.tolist() for one in names[1]]


def card_of(path: str, i: int, stems: Sequence[str]) -> bytes:
    """A card with `i` symbols at most, none with terms."""
    symbols = ["a"] * (i % 7)
    return card(path, None, b"\2" * 20, i % 64, stems, symbols, np.zeros(len(symbols) + 1, np.int64), np.empty(0, np.uint32))


TEXTS = ("", "a", "def f():\n    return 1\n", "ärger 𝒳 \x00", "\ud800 alone", "x" * 3000)


def text_of(rng: np.random.Generator) -> bytes:
    """A text record, seldom none or a damaged one."""
    symbol, enclosing, text = (TEXTS[i] for i in rng.integers(0, len(TEXTS), size=3))
    record = text_record(symbol, enclosing, bool(rng.integers(0, 2)), text)
    return record if rng.random() < 0.9 else (b"", record[:-1], record[:7], b"\0" * 16, record + b"\xff")[rng.integers(0, 5)]


def rows_of(rng: np.random.Generator, first_id: int, files: int, dim: int, vocabulary: np.ndarray) -> dict[str, Any]:
    """Rows with many ties: few different impacts, hits, vectors and scales."""
    chunk_files = np.repeat(np.arange(first_id, first_id + files), rng.integers(0, 5, size=files)).astype(np.int64)
    n = len(chunk_files)
    terms = [np.sort(rng.choice(vocabulary, size=rng.integers(0, len(vocabulary)), replace=False)) for _ in range(n)]
    names = [np.sort(rng.choice(vocabulary, size=rng.integers(0, 4), replace=False)) for _ in range(files)]
    flat = lambda rows: np.concatenate([*rows, np.empty(0)]).astype(np.uint32)  # noqa: E731
    starts = lambda rows: np.cumsum([0, *map(len, rows)]).astype(np.int64)  # noqa: E731
    few = rng.integers(-128, 128, size=(4, dim)).astype(np.int8)
    return {
        "ids": (chunk_files << 20) + np.arange(n),
        "hits": rng.integers(0, max(1, n // 2), size=n).astype(np.int64),
        "chunk_files": chunk_files,
        "kinds": rng.choice(["code", "function", "section", "ärger"], size=n).tolist(),
        "term_start": starts(terms),
        "terms": flat(terms),
        "impacts": rng.choice(np.array([1, 7, 255], np.uint8), size=len(flat(terms))),
        "files": np.arange(first_id, first_id + files, dtype=np.int64),
        "name_start": starts(names),
        "name_terms": flat(names),
        "cards": [
            card(f"src/ä{i}.py", None, b"\2" * 20, i % 64, ["ä", str(i)], ["a"] * i, np.zeros(i + 1, np.int64), np.empty(0, np.uint32))
            for i in range(files)
        ],
        "places": rng.integers(0, 99, size=(n, 4)).astype(np.uint32),
        "texts": [text_of(rng) for _ in range(n)],
        "vectors": {"static": Vectors(few[rng.integers(0, 4, size=n)], rng.choice(np.array([0, 0.002, 0.0031], np.float32), size=n))},
    }


@given(
    seed=st.integers(0, 2**32),
    files=st.lists(st.integers(0, 40), min_size=1, max_size=4),
    dim=st.sampled_from([1, 3, 16, 33, 64, 256, 384, 513, 1100]),
    k=st.sampled_from([0, 1, 2, 5, 17, 1000]),
)
@ALIKE
def test_generated_parts(seed: int, files: list[int], dim: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    vocabulary = plain_arrays.distinct(rng.integers(0, 2**32, size=int(rng.integers(8, 40)), dtype=np.uint32))
    parts = [pair(rows_of(rng, 1 + 100 * i, n, dim, vocabulary)) for i, n in enumerate(files)]
    for one in parts:
        same_part(one.plain, one.compiled)
    same_answers(parts, rng, dim, vocabulary, k)
    keeps = [rng.random(len(p.plain.files)) < rng.choice([0.0, 0.5, 1.0]) for p in parts]
    merged = Pair(plain.merge([p.plain for p in parts], keeps), compiled.merge([p.compiled for p in parts], keeps))
    same_part(merged.plain, merged.compiled)
    same_answers([merged], rng, dim, vocabulary, k)


def test_many_chunks_on_all_cores() -> None:
    """Beyond what one core scans alone and what fits a window: how the work is cut must not show."""
    rng = np.random.default_rng(5)
    vocabulary = np.arange(0, 3000, 7, dtype=np.uint32)
    n, each = 270_000, 2
    start = np.arange(0, n * each + 1, each, dtype=np.int64)
    terms = vocabulary[np.sort(rng.integers(0, len(vocabulary) - each, size=(n, each)), axis=1) + np.arange(each)].reshape(-1)
    rows = {
        "ids": np.arange(n, dtype=np.int64), "hits": rng.integers(0, 1000, size=n), "chunk_files": np.arange(n, dtype=np.int64) // 10,
        "kinds": ["code"] * n, "term_start": start, "terms": terms, "impacts": rng.integers(1, 5, size=n * each).astype(np.uint8),
        "files": np.arange(n // 10, dtype=np.int64), "name_start": np.arange(n // 10 + 1, dtype=np.int64),
        "name_terms": rng.choice(vocabulary, size=n // 10), "cards": [b""] * (n // 10),
        "places": np.zeros((n, 4), np.uint32), "texts": [text_record("", "", False, str(i)) for i in range(n)],
        "vectors": {"static": Vectors(rng.integers(-2, 3, size=(n, 4)).astype(np.int8), np.ones(n, np.float32))},
    }  # fmt: skip
    one = pair(rows)
    for k in (1, 400, 5000):
        same_answers([one], rng, 4, vocabulary, k)


def test_columns_that_do_not_belong_together() -> None:
    good = rows_of(np.random.default_rng(1), 1, 6, 8, np.arange(9, dtype=np.uint32))
    for wrong in (
        {"chunk_files": good["chunk_files"] + 100},
        {"chunk_files": good["chunk_files"][:-1]},
        {"term_start": good["term_start"] + 1},
        {"impacts": good["impacts"][:-1]},
        {"kinds": good["kinds"][:-1]},
        {"files": good["files"][:-1]},
        {"cards": good["cards"][:-1]},
        {"places": good["places"][:-1]},
        {"texts": good["texts"][:-1]},
        {"cards": [*good["cards"][:-1], b"odd"]},
        {"vectors": {"static": Vectors(good["vectors"]["static"].rows[:-1], good["vectors"]["static"].scales)}},
    ):
        with pytest.raises(ValueError, match=r"\w"):
            compiled.build(**(good | wrong))
    one = pair(good)
    masks = [np.ones(len(one.plain.ids), np.bool_)]
    for query in (np.ones(7, np.float32), np.full(8, np.nan, np.float32), np.full(8, np.inf, np.float32)):
        for core, part in ((plain, one.plain), (compiled, one.compiled)):
            with pytest.raises(ValueError, match="the query"):
                core.dense_top([part], masks, "static", query, 3)
    with pytest.raises(ValueError, match="mask"):
        compiled.dense_top([one.compiled], [masks[0][:-1]], "static", np.ones(8, np.float32), 3)
    with pytest.raises(ValueError, match="read-only"):
        one.compiled.ids[0] = 1


@given(seed=st.integers(0, 2**32), values=st.integers(0, 50), of=st.integers(0, 50))
@ALIKE
def test_members(seed: int, values: int, of: int) -> None:
    rng = np.random.default_rng(seed)
    for kind in (np.int64, np.uint32, np.int32):
        some = rng.integers(0, 40, size=values).astype(kind)
        among = np.sort(rng.integers(0, 40, size=of)).astype(kind)
        for asked in (some, np.sort(some)):
            assert compiled_arrays.member(asked, among).tolist() == plain_arrays.member(asked, among).tolist()
    assert compiled_arrays.distinct is plain_arrays.distinct


TEXT = st.text(st.characters(exclude_categories=()), max_size=30)  # lone surrogates, too


@given(
    symbol=TEXT, enclosing=TEXT, masked=st.booleans(), text=TEXT, change=st.one_of(st.none(), st.tuples(st.integers(0, 10**6), st.integers(1, 255)))
)
@ALIKE
def test_a_text_reads_as_it_was_written_or_not_at_all(symbol: str, enclosing: str, masked: bool, text: str, change: tuple[int, int] | None) -> None:
    record = bytearray(text_record(symbol, enclosing, masked, text))
    if change is not None:
        record[change[0] % len(record)] ^= change[1]
    wanted = (symbol, enclosing, masked, text) if change is None else None
    assert read_text(bytes(record)) == wanted
    rows = rows_of(np.random.default_rng(2), 1, 3, 1, np.arange(9, dtype=np.uint32))
    ids = rows["ids"].tolist()
    one = pair(rows | {"texts": [bytes(record)] * len(ids)})
    assert len(ids) > 0
    for found in (plain.shown([one.plain], [*ids, 7]), compiled.shown([one.compiled], [*ids, 7])):
        places = zip(rows["places"].tolist(), rows["kinds"], rows["hits"].tolist(), strict=True)
        assert found == [*(wanted and (first, last, kind, hit, *wanted) for (first, last, _, _), kind, hit in places), None]


def test_a_text_that_proves_itself_and_cannot_be_read_is_not_shown() -> None:
    for body in (b"\0" * 12 + b"\xff", b"\0" * 4 + b"\2\0\0\0" + b"\0" * 4 + b"a", b"\0" * 4 + b"\xff" * 8, b""):
        record = crc32(body).to_bytes(4, "little") + body
        assert read_text(record) is None
        rows = rows_of(np.random.default_rng(2), 1, 3, 1, np.arange(9, dtype=np.uint32))
        assert compiled.shown([compiled.build(**(rows | {"texts": [record] * len(rows["ids"])}))], rows["ids"].tolist()) == [None] * len(rows["ids"])


# ------------------------------------------------------------------------------------------------------------------------- files


def written(folder: Path, seed: int, dim: int = 8) -> tuple[Path, Pair]:
    one = pair(rows_of(np.random.default_rng(seed), 1, 12, dim, np.arange(2**29 - 20, 2**29, dtype=np.uint32)))
    path = folder / "a.part"
    compiled.write_part(path, one.compiled)
    return path, one


@given(seed=st.integers(0, 2**32))
@settings(ALIKE, max_examples=30)
def test_one_format(tmp_path: Path, seed: int) -> None:
    path, one = written(tmp_path, seed)
    ours = path.read_bytes()
    plain.write_part(path, one.plain)
    assert path.read_bytes() == ours
    again = Pair(plain.open_part(path), compiled.open_part(path))
    for part in (again.plain, again.compiled):
        same_part(part, one.plain)
    same_answers([again], np.random.default_rng(seed), 8, np.arange(2**29 - 20, 2**29, dtype=np.uint32), 5)


def verdict(core: Any, path: Path, check: bool) -> tuple[str, Any]:
    try:
        return "", core.open_part(path, check=check)
    except StoreDamaged as e:
        return f"{e.message} ({e.context})", None


def same_verdict(path: Path, check: bool = True) -> bool:
    """Do both cores doubt the file, and with the same words? Else they read the same in it."""
    (theirs, a), (ours, b) = verdict(plain, path, check), verdict(compiled, path, check)
    if "cannot be mapped" in theirs:  # each with the words of its language
        assert ours
    else:
        assert ours == theirs
    if a is not None and check:
        same_part(a, b)
    return bool(theirs)


@given(seed=st.integers(0, 3), cut=st.integers(0, 10**6), flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=3))
@settings(ALIKE, max_examples=400)
def test_flipped_and_cut(tmp_path: Path, seed: int, cut: int, flips: list[tuple[int, int]]) -> None:
    path, one = written(tmp_path, seed)
    whole = path.read_bytes()
    data = bytearray(whole[: cut % len(whole)] if cut % 3 == 0 else whole)
    for at, bits in flips:
        if data:
            data[at % len(data)] ^= bits
    path.write_bytes(data)
    texts = len(whole) - len(one.plain.texts)
    doubted = same_verdict(path)
    assert doubted == (data[:texts] != whole[:texts] or len(data) != len(whole))
    if not doubted:  # each text proves itself
        start = [texts + at for at in one.plain.text_start.tolist()]
        ids, core_parts = one.plain.ids.tolist(), (plain.open_part(path), compiled.open_part(path))
        for n, (was, now, again) in enumerate(
            zip(plain.shown([one.plain], ids), plain.shown([core_parts[0]], ids), compiled.shown([core_parts[1]], ids), strict=True)
        ):
            assert now == again
            assert now == was if data[start[n] : start[n + 1]] == whole[start[n] : start[n + 1]] else now is None


def forged(path: Path, meta: dict[str, Any], body: bytes) -> None:
    """A file with whatever header and body, and right checksums."""
    header = json.dumps(meta).encode()
    header += b" " * (-(len(header) + 24) % 64)
    checked = meta.get("checked") if isinstance(meta, dict) else None
    crc = crc32(body[:checked] if isinstance(checked, int) and checked >= 0 else body)
    sums = crc32(header).to_bytes(4, "little") + crc.to_bytes(4, "little")
    path.write_bytes(b"gromaseg" + len(header).to_bytes(8, "little") + sums + header + body)


def parsed(path: Path) -> tuple[dict[str, Any], bytes]:
    data = path.read_bytes()
    length = int.from_bytes(data[8:16], "little")
    return json.loads(data[24 : 24 + length]), data[24 + length :]


LIES = st.sampled_from([0, 1, -1, 3, 63, 64, 128, 2**31, 2**32, 2**63 - 64, 2**64, 10**30, 1.5, True, None, "x", [], {}])


@given(data=st.data())
@settings(ALIKE, max_examples=600)
def test_headers_that_lie(tmp_path: Path, data: st.DataObject) -> None:
    path, _ = written(tmp_path, 1)
    meta, body = parsed(path)
    for _ in range(data.draw(st.integers(1, 2))):
        name = data.draw(st.sampled_from(sorted(meta["arrays"])))
        what = data.draw(st.sampled_from(["offset", "shape", "axes", "type", "swap", "gone", "more", "top", "entry"]))
        entry = meta["arrays"][name]
        if not isinstance(entry, list) or len(entry) != 3:
            continue
        if what == "offset":
            entry[2] = data.draw(LIES)
        elif what == "shape":
            entry[1] = [data.draw(LIES) for _ in range(data.draw(st.integers(0, 3)))]
        elif what == "axes" and isinstance(entry[1], list) and entry[1]:
            entry[1][0] = data.draw(LIES)
        elif what == "type":
            entry[0] = data.draw(st.sampled_from(["<i8", "<u8", "|u1", "|O", "<f8", "<u4", "i8", "", 7, None]))
        elif what == "swap":
            other = data.draw(st.sampled_from(sorted(meta["arrays"])))
            meta["arrays"][name], meta["arrays"][other] = meta["arrays"][other], entry
        elif what == "gone":
            del meta["arrays"][name]
        elif what == "more":
            meta["arrays"][data.draw(st.sampled_from(["vectors/b/rows", "vectors/b/scales", "vectors/rows", "more", "vectors//rows"]))] = entry
        elif what == "top":
            meta[data.draw(st.sampled_from(["format", "name", "kinds", "bytes", "checked"]))] = data.draw(LIES)
        elif what == "entry":
            meta["arrays"][name] = data.draw(LIES)
    forged(path, meta, body)
    same_verdict(path)
    same_verdict(path, check=False)


@given(at=st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=8)), min_size=1, max_size=3), array=st.integers(0, 18))
@settings(ALIKE, max_examples=600)
def test_bodies_that_lie(tmp_path: Path, at: list[tuple[int, bytes]], array: int) -> None:
    path, _ = written(tmp_path, 1)
    meta, body = parsed(path)
    _, shape, offset = list(meta["arrays"].values())[array]
    hurt = bytearray(body)
    for where, value in at:
        place = (offset + where % (4 * shape[0])) % len(body)  # mostly inside the array, or in the next one
        hurt[place : place + len(value)] = value[: len(body) - place]
    forged(path, meta, bytes(hurt))
    if same_verdict(path):
        # What is opened without a check may say anything; it must answer something, or refuse with a sentence.
        part = compiled.open_part(path, check=False)
        mask = np.ones(len(part.ids), np.bool_)
        terms = np.arange(2**29 - 20, 2**29, dtype=np.uint32)
        compiled.sparse_top([part], [mask], terms, np.ones(20), 5)
        compiled.dense_top([part], [mask], "static", np.ones(8, np.float32), 5)
        compiled.chunk_frequencies([part], [mask], terms)
        compiled.shown([part], part.ids.tolist())
        compiled.merge([part], [np.ones(len(part.files), np.bool_)])


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"gromaseg", b"PK\3\4" + b"x" * 100, b"gromaseg" + b"\xff" * 200, b"gromaseg" + bytes(8) + bytes(200)],
)
def test_foreign_files(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.part"
    path.write_bytes(data)
    assert same_verdict(path)
    path.unlink()
    assert same_verdict(path)
    path.mkdir()
    assert same_verdict(path)


def test_another_place_and_another_format(tmp_path: Path) -> None:
    path, _ = written(tmp_path, 1)
    meta, body = parsed(path)
    path.rename(tmp_path / "b.part")
    assert same_verdict(tmp_path / "b.part")
    for lie in (
        [],
        7,
        "x",
        {},
        {"format": 3},
        meta | {"format": 2},
        meta | {"format": "1"},
        meta | {"checked": -1},
        meta | {"name": 3},
        meta | {"kinds": "code"},
        meta | {"kinds": [1]},
    ):
        forged(path, lie, body)  # type: ignore[arg-type]
        assert same_verdict(path)
    header = b"[" * (64 * 20_000 - 24)
    path.write_bytes(b"gromaseg" + len(header).to_bytes(8, "little") + crc32(header).to_bytes(4, "little") + bytes(4) + header)
    assert same_verdict(path)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    _, one = written(tmp_path, 1)
    with pytest.raises(FileNotFoundError):
        compiled.write_part(tmp_path / "gone" / "a.part", one.compiled)
    (tmp_path / "b.part").mkdir()
    with pytest.raises(OSError, match=r"b\.part"):
        compiled.write_part(tmp_path / "b.part", one.compiled)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.part", "b.part"]


# ------------------------------------------------------------------------------------------------------------------------- real files


def rows_of_batch(batch: Batch, first_id: int) -> dict[str, Any]:
    """A batch as the store's rows: files with chunks only, ids as the store gives them."""
    per_file = np.diff(batch.chunk_start)
    files = np.arange(first_id, first_id + len(per_file), dtype=np.int64)
    ordinal = np.arange(len(batch.hit_ids)) - np.repeat(batch.chunk_start[:-1], per_file)
    chunk_files = np.repeat(files, per_file)
    return {
        "ids": (chunk_files << 20) | ordinal, "hits": batch.hit_ids, "chunk_files": chunk_files, "kinds": batch.kinds,
        "term_start": batch.term_start, "terms": batch.terms, "impacts": batch.impacts, "files": files,
        "name_start": batch.name_start, "name_terms": batch.name_terms, "vectors": batch.vectors,
        "cards": [card_of(path, f, batch.stems[f]) for f, path in enumerate(batch.files.paths)],
        "places": np.stack([batch.first, batch.last, batch.first, batch.last], axis=1).astype(np.uint32),
        "texts": list(map(text_record, batch.symbols_shown, batch.enclosing, batch.masked.tolist(), batch.texts)),
    }  # fmt: skip


def real_folders() -> Iterator[tuple[Path, int]]:
    yield Path(__file__).parents[1] / "golden" / "languages", 200
    for name in corpora.CORPORA:
        if corpora.root(name).is_dir():
            yield corpora.root(name), 200
    yield Path(site.getsitepackages()[0]), 150


QUERIES = ("where are ignore rules applied", "parse the header of a request", "class Session", "retry with backoff", "the", "def test")


def test_real_files(tmp_path: Path) -> None:
    parts, first = [], 1
    for folder, most in real_folders():
        paths = sorted(str(p.relative_to(folder)) for p in folder.rglob("*.*") if p.is_file() and p.stat().st_size < 60_000)
        for batch in scan(str(folder), paths[:: max(1, len(paths) // most)], max_file_bytes=60_000):
            parts.append(pair(rows_of_batch(batch, first)))
            first += len(batch.files.paths)
    assert sum(len(p.plain.ids) for p in parts) > 500
    for i, one in enumerate(parts):
        same_part(one.plain, one.compiled)
        compiled.write_part(tmp_path / f"{i}.part", one.compiled)
    opened = [Pair(plain.open_part(tmp_path / f"{i}.part"), compiled.open_part(tmp_path / f"{i}.part")) for i in range(len(parts))]
    keeps = [np.arange(len(p.plain.files)) % 7 != 3 for p in parts]
    merged = Pair(plain.merge([p.plain for p in opened], keeps), compiled.merge([p.compiled for p in opened], keeps))
    same_part(merged.plain, merged.compiled)
    for some in (opened, [merged]):
        theirs, ours = [p.plain for p in some], [p.compiled for p in some]
        masks = [np.ones(len(p.ids), np.bool_) for p in theirs]
        for query in QUERIES:
            terms = plain_arrays.distinct(np.array([term_id(t) for t in query_tokens(query)], dtype=np.uint32))
            df = compiled.chunk_frequencies(ours, masks, terms)
            assert df.tolist() == plain.chunk_frequencies(theirs, masks, terms).tolist()
            weights = np.log(1 + (sum(map(len, masks)) - df + 0.5) / (df + 0.5))
            same_leg(plain.sparse_top(theirs, masks, terms, weights, 400), compiled.sparse_top(ours, masks, terms, weights, 400))
            vector = embed_query(query)
            leg = compiled.dense_top(ours, masks, "static", vector, 400)
            same_leg(plain.dense_top(theirs, masks, "static", vector, 400), leg)
            # And the rounded query's cosines are those of the query itself.
            exact = [(p.vectors["static"].rows @ vector.astype(np.float64)) * p.vectors["static"].scales for p in theirs]
            cosines = {i: x for p, some_of in zip(theirs, exact, strict=True) for i, x in zip(p.ids.tolist(), some_of.tolist(), strict=True)}
            assert np.allclose(leg.scores, [cosines[i] for i in leg.ids.tolist()], atol=1e-5)
            best = sorted(cosines.values(), reverse=True)[: len(leg.ids)]
            assert np.allclose(leg.scores, best, atol=1e-5)
