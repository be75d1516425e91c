"""Both cores fuse, match names and choose passages alike, to the last bit."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groma._pure import candidates as plain
from groma._pure import segment as plain_segment
from groma._pure.cards import card, read_card
from groma.types import Fused, Leg, Named

pytest.importorskip("groma._rs", reason="the compiled core is not built; candidates are NOT compared")
compiled = pytest.importorskip("groma._compiled.candidates")
compiled_segment = pytest.importorskip("groma._compiled.segment")

ALIKE = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
DECAYS = 0.7 ** np.arange(5.0)
WORDS = ("parse", "parser", "par", "config", "größe", "größer", "x", "日本語", "日本", "日本語文字", "client", "\ud800", "9", "http2")
SYMBOLS = ("parse_config", "Parser.parse<T>", "HTTPClient::send(int)", "größe", "ÄRGER_größe", "a.b\\c", "", "\udc80x", "İx", "with\nline", "ΣΑΣ")
PATHS = ("src/parse_config.py", "Größe.rs", "a/b.c/d", "httpclient.go", ".hidden", "x", "dir/İx.js", "parse.py", "ΣΑΣ.kt")


def same(a: Any, b: Any) -> None:
    columns = zip(*(one if isinstance(one, tuple) else astuple(one) for one in (a, b)), strict=True)
    for n, (left, right) in enumerate(columns):
        assert left.dtype == right.dtype and left.tolist() == right.tolist(), n


def leg(rng: np.random.Generator, rows: int, files: int, chunks: int) -> Leg:
    """Few different scores and hits, as ties are what could differ."""
    ids = rng.permutation(chunks)[: min(rows, chunks)].astype(np.int64)
    scores = np.sort(rng.choice(np.array([0.25, 0.5, 1.0, 3.0, 0.1], np.float32), size=len(ids)))[::-1]
    return Leg(ids, (ids % max(files, 1)).astype(np.int64), np.ascontiguousarray(scores))


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(0, 60),
    files=st.integers(1, 20),
    most=st.integers(0, 25),
    lean=st.sampled_from([0.0, 0.2]),
    dense=st.booleans(),
)
@ALIKE
def test_fuse(seed: int, rows: int, files: int, most: int, lean: float, dense: bool) -> None:
    rng = np.random.default_rng(seed)
    sparse, other = leg(rng, rows, files, 80), leg(rng, int(rng.integers(0, 60)), files, 80) if dense else None
    fused = plain.fuse(sparse, other, DECAYS, lean, most)
    same(fused, compiled.fuse(sparse, other, DECAYS, lean, most))
    assert len(fused.files) <= most and len(fused.start) == len(fused.files) + 1
    named = names_of(rng, fused)
    spans = np.sort(rng.integers(0, 12, size=(2, len(fused.ids))), axis=0)
    at = rng.permutation(len(fused.files))[: int(rng.integers(0, 6))].astype(np.int64)
    runs = [slice(fused.start[i], fused.start[i + 1]) for i in at.tolist()]
    begin, end = (np.concatenate([np.empty(0, np.int64), *(spans[n][run] for run in runs)]) for n in (0, 1))
    scores, decays = np.sort(rng.choice([0.5, 1.0, 1.5], size=len(at)))[::-1].copy(), np.array([0.6**j for j in range(5)])
    chosen = plain.best_passages(fused, named, at, scores, begin, end, 3.0, 0.5, decays)
    same(chosen, compiled.best_passages(fused, named, at, scores, begin, end, 3.0, 0.5, decays))
    places, owners, points = chosen
    assert (points[1:] <= points[:-1]).all()
    for n, run in enumerate(runs):
        mine = set(range(sum(r.stop - r.start for r in runs[:n]), sum(r.stop - r.start for r in runs[: n + 1])))
        assert set(places[owners == n].tolist()) <= mine and (owners == n).sum() == min(5, run.stop - run.start)
        assert points[owners == n].tolist()[:1] == scores[n : n + 1].tolist()[: len(mine)]


def names_of(rng: np.random.Generator, fused: Fused) -> Named:
    """Symbols that match, for each file of `fused`."""
    n = len(fused.files)
    symbols = [np.flatnonzero(rng.random(12) < 0.3) for _ in range(n)]
    start = np.cumsum([0, *map(len, symbols)]).astype(np.int64)
    none, zeros = np.zeros(n, np.int64), np.zeros(n)
    overlaps = rng.choice([0.1, 0.5, 1.0], size=start[-1])
    return Named(none, none, none, zeros, zeros, zeros, zeros, zeros, start, np.concatenate([np.empty(0, np.int64), *symbols]), overlaps)


@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(0, 12), min_size=1, max_size=3), damaged=st.booleans())
@ALIKE
def test_match_names(seed: int, sizes: list[int], damaged: bool) -> None:
    rng = np.random.default_rng(seed)
    vocabulary = rng.integers(0, 2**32, size=9, dtype=np.uint32)
    ours, theirs, weights = [], [], []
    for n, files in enumerate(sizes):
        cards, names = [], []
        for _ in range(files):
            symbols = rng.choice(SYMBOLS, size=rng.integers(0, 5)).tolist()
            terms = [np.unique(rng.choice(vocabulary, size=rng.integers(0, 4))) for _ in symbols]
            start, flat = np.cumsum([0, *map(len, terms)]), np.concatenate([np.empty(0, np.uint32), *terms]).astype(np.uint32)
            stems = rng.choice(WORDS, size=rng.integers(0, 4)).tolist()
            cards.append(
                card(str(rng.choice(PATHS)), str(rng.choice(["", "rust"])), bytes(20), int(rng.integers(0, 64)), stems, symbols, start, flat)
            )
            names.append(np.unique(flat[rng.random(len(flat)) < 0.9]))
        if damaged and cards:
            cards[0] = (b"", b"\0" * 8, cards[0][: len(cards[0]) // 8 * 4], b"\xff" * 24)[rng.integers(0, 4)]
        ids = np.arange(files, dtype=np.int64) + 100 * n
        nothing = {"ids": ids[:0], "hits": ids[:0], "chunk_files": ids[:0], "kinds": [], "term_start": np.zeros(1, np.int64), "vectors": {},
                   "terms": np.empty(0, np.uint32), "impacts": np.empty(0, np.uint8), "places": np.empty((0, 4), np.uint32),
                   "texts": []}  # fmt: skip
        rows = {"files": ids, "name_start": np.cumsum([0, *map(len, names)]).astype(np.int64), "cards": cards,
                "name_terms": np.concatenate([np.empty(0, np.uint32), *names]).astype(np.uint32), **nothing}  # fmt: skip
        theirs.append(plain_segment.build(**rows))
        ours.append(compiled_segment.build(**rows))
    by_term = {int(term): float(rng.choice([0.5, 1.0, 3.25])) for term in vocabulary}
    weights = [np.array([by_term[t] for t in part.names.tolist()]) for part in theirs]
    words = tuple(dict.fromkeys(rng.choice(WORDS[:11], size=rng.integers(0, 7)).tolist()))
    terms = rng.choice(np.append(vocabulary, np.uint32(7)), size=len(words)).astype(np.uint32)
    named = rng.choice([s for s in SYMBOLS if s.isprintable()], size=rng.integers(0, 3)).tolist()
    flat = [name.lower().replace("_", "") for name in named] if rng.random() < 0.7 else []
    files = rng.permutation(np.concatenate([np.array([55, 999]), *(part.files for part in theirs)])).astype(np.int64)
    asked = (0.25, files, words, terms, named, flat)
    one, other = plain.match_names(theirs, weights, *asked), compiled.match_names(ours, weights, *asked)
    same(one, other)
    assert (one.part >= 0).sum() == sum(sizes)
    assert ((one.best >= 0) & (one.share >= 0) & (one.share <= 1) & (one.cover <= 1)).all()


@given(path=st.text(max_size=20), stems=st.lists(st.text(alphabet=st.characters(exclude_characters="\n"), max_size=8), max_size=4), data=st.data())
@ALIKE
def test_a_card_reads_as_it_was_written(path: str, stems: list[str], data: st.DataObject) -> None:
    symbols = data.draw(st.lists(st.text(alphabet=st.characters(exclude_characters="\n"), max_size=12), max_size=5))
    sizes = [data.draw(st.integers(0, 3)) for _ in symbols]
    start = np.cumsum([0, *sizes])
    language, blob = data.draw(st.sampled_from([None, "python"])), data.draw(st.binary(min_size=20, max_size=20))
    text = card(path, language, blob, 37, stems, symbols, start, np.arange(start[-1], dtype=np.uint32))
    assert len(text) % 4 == 0
    read = read_card(np.frombuffer(text, np.uint8))
    assert (read.language, read.blob) == (language, blob)
    assert (read.path, read.roles, list(read.stems()), list(read.symbols())) == (path, 37, stems, symbols)
    assert (read.term_end.tolist(), read.terms.tolist()) == (start[1:].tolist(), list(range(start[-1])))
    assert [read.symbol(i) for i in range(len(symbols))] == symbols


def test_columns_that_do_not_belong_together() -> None:
    none = np.empty(0, np.int64)
    with pytest.raises(ValueError, match="one term a word"):
        compiled.match_names([], [], 1.0, none, ("a",), np.empty(0, np.uint32), (), ())
