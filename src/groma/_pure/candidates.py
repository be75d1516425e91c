"""A query's candidates as columns: files out of the lists of passages, and how well the names in each file match the query.

What is summed and divided here is what ranking asks for (`groma.search` says why); sums are taken in the order told, in 64 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..types import Card, Floats64, Fused, Ints, Leg, Named
from .arrays import distinct
from .cards import EMPTY, read_card
from .scan import bare_name
from .segment import Part

__all__ = ["best_passages", "fuse", "match_names"]


def fuse(sparse: Leg, dense: Leg | None, decays: Floats64, lean: float, most: int) -> Fused:
    """The `most` best files of the legs, by text + `lean` · meaning; ties by id.

    text = Σ over a file's best returned passages of decays[j] · sparse score, over the best file's. meaning = clip((x - median) /
    (max - median), 0, 1), where x is the file's best returned cosine, median and max over the files in the dense list; 0 without one.
    """
    scores = sparse.scores.astype(np.float64)
    order = np.argsort(sparse.files, kind="stable")
    begins, files = _runs(sparse.files[order])
    group = np.repeat(np.arange(len(files)), np.diff(begins))
    nth = np.minimum(np.arange(len(order)) - begins[group], len(decays))
    text = np.bincount(group, scores[order] * np.append(decays, 0.0)[nth], len(files)).astype(np.float64, copy=False)
    meaning = np.zeros(len(files))
    ids, owners = sparse.ids, sparse.files
    if dense is not None:
        order = np.argsort(dense.files, kind="stable")
        begins, known = _runs(dense.files[order])
        cosines = dense.scores.astype(np.float64)[order[begins[:-1]]]
        every = distinct(np.concatenate((files, known)))
        text = _spread(text, files, every, 0.0)
        meaning = _meaning(cosines, _spread(cosines, known, every, -1.0))
        files = every
        other = ~np.isin(dense.ids, sparse.ids)
        ids, owners = np.concatenate((ids, dense.ids[other])), np.concatenate((owners, dense.files[other]))
        scores = np.concatenate((scores, np.zeros(int(other.sum()))))
    text = text / (float(text.max(initial=0.0)) or 1.0)
    best = np.lexsort((files, -text - lean * meaning))[:most]
    place = np.full(len(files), len(best))
    place[best] = np.arange(len(best))
    of = place[np.searchsorted(files, owners)]
    order = np.lexsort((ids, -scores, of))
    order = order[of[order] < len(best)]
    start = np.searchsorted(of[order], np.arange(len(best) + 1)).astype(np.int64)
    return Fused(files[best], text[best], meaning[best], start, ids[order], scores[order])


def _runs(files: Ints) -> tuple[np.ndarray, Ints]:
    """Where each file begins in a sorted column, and the end; and which files these are."""
    change = np.ones(len(files) + 1, dtype=np.bool_)
    np.not_equal(files[1:], files[:-1], out=change[1:-1])
    begins = np.flatnonzero(change) if len(files) else np.zeros(1, np.int64)
    return begins, files[begins[:-1]]


def _spread(values: Floats64, files: Ints, over: Ints, missing: float) -> Floats64:
    """`values` of `files`, at their places in `over` (both ascending)."""
    result = np.full(len(over), missing)
    result[np.searchsorted(over, files)] = values
    return result


def _meaning(known: Floats64, cosines: Floats64) -> Floats64:
    if not len(known):
        return np.zeros(len(cosines))
    ordered = np.sort(known)
    half = len(ordered) // 2
    low = ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
    spread = ordered[-1] - low
    if not spread > 0:
        return np.zeros(len(cosines))
    clipped: Floats64 = np.minimum(1.0, np.maximum(0.0, (cosines - low) / spread))
    return clipped


def match_names(
    parts: Sequence[Part],
    weights: Sequence[Floats64],
    rare: float,
    files: Ints,
    words: Sequence[str],
    terms: np.ndarray,
    named: Sequence[str],
    flat: Sequence[str],
) -> Named:
    """How well the names in some files match a query's words, each with its term id. `weights` are those of each part's name terms (one the same in
    all of them), `rare` that of a term which no file has.

    Of a file's stem: `share` is the weight of the words that are like one of its own over that of all, `cover` the share of its own that a word
    is like; two words are alike that are equal or of which one begins the other, over at least three characters. A symbol that shares a term
    matches by hit / total · √(hit / all): hit is the weight of the terms shared (in the symbol's order), total that of the query's words,
    all that of the symbol's terms. `defines` is 1 where a symbol is one of `named`, whole or bare, else ½ where one's bare name without case and
    underscores is one of `flat`; `called` tells how well the file's own name fits one of `flat`: 1 equal, ½ the beginning of one (over four
    characters), 0.4 begun by one.
    """
    per_word = [_weight(parts, weights, rare, term) for term in terms.tolist()]
    total = sum_in_order(per_word) or 1.0
    n = len(files)
    found = Named(
        part=np.full(n, -1, np.int64),
        row=np.full(n, -1, np.int64),
        roles=np.zeros(n, np.int64),
        share=np.zeros(n),
        cover=np.zeros(n),
        best=np.zeros(n),
        defines=np.zeros(n),
        called=np.zeros(n),
        start=np.zeros(n + 1, np.int64),
        symbols=np.empty(0, np.int64),
        overlaps=np.empty(0),
    )
    pieces: list[tuple[np.ndarray, ...]] = []
    likes: dict[str, int] = {}
    for p, part in enumerate(parts):
        if not len(part.files):
            continue
        rows = np.minimum(part.files.searchsorted(files), len(part.files) - 1)
        here = np.flatnonzero(part.files[rows] == files)
        found.part[here], found.row[here] = p, rows[here]
        cards = [_whole(read_card(part.cards[part.card_start[row] : part.card_start[row + 1]])) for row in rows[here].tolist()]
        for i, one in zip(here.tolist(), cards, strict=True):
            found.roles[i] = one.roles
            found.share[i], found.cover[i] = _stem(one.stems(), words, per_word, total, likes)
            if named or flat:
                found.defines[i] = _defines(one.symbols(), frozenset(named), frozenset(flat))
                found.called[i] = _called(one.path, flat)
        pieces.append((here, *_symbols(part, weights[p], rare, cards, terms, np.array(per_word), total)))
    if not pieces:
        return found
    owner = np.concatenate([here[of] for here, of, _, _ in pieces])
    order = np.argsort(owner, kind="stable")
    symbols, overlaps = (np.concatenate([piece[at] for piece in pieces])[order] for at in (2, 3))
    start = owner[order].searchsorted(np.arange(n + 1)).astype(np.int64)
    some = start[:-1] < start[1:]
    if some.any():
        found.best[some] = np.maximum.reduceat(overlaps, start[:-1][some])
    return replace(found, start=start, symbols=symbols.astype(np.int64), overlaps=overlaps)


def _whole(card: Card) -> Card:
    """The card, or an empty one if its symbols end before they begin."""
    return EMPTY if (card.term_end[1:] < card.term_end[:-1]).any() else card


def _weight(parts: Sequence[Part], weights: Sequence[Floats64], rare: float, term: int) -> float:
    for part, of in zip(parts, weights, strict=True):
        at = int(part.names.searchsorted(term))
        if at < len(part.names) and part.names[at] == term:
            return float(of[at])
    return rare


def sum_in_order(values: Sequence[float]) -> float:
    """From left to right, without the correction that `sum` makes in newer Pythons."""
    total = 0.0
    for value in values:
        total += value
    return total


def _stem(stems: Sequence[str], words: Sequence[str], weights: Sequence[float], total: float, likes: dict[str, int]) -> tuple[float, float]:
    """`likes` remembers which words a stem is like, a bit each."""
    mask = named = 0
    for stem in stems:
        like = likes.get(stem)
        if like is None:
            like = likes[stem] = sum(1 << i for i, word in enumerate(words) if _alike(word, stem))
        mask |= like
        named += like > 0
    if not named:
        return 0.0, 0.0
    return sum_in_order([w for i, w in enumerate(weights) if mask & 1 << i]) / total, named / len(stems)


def _alike(a: str, b: str) -> bool:
    n = min(len(a), len(b))
    return a == b or (n >= 3 and a[:n] == b[:n])


def _defines(symbols: Sequence[str], named: frozenset[str], flat: frozenset[str]) -> float:
    bare = [bare_name(symbol).split("<")[0].split("(")[0] for symbol in symbols]
    if not (named.isdisjoint(symbols) and named.isdisjoint(bare)):
        return 1.0
    return 0.5 if flat and not flat.isdisjoint(name.lower().replace("_", "") for name in bare) else 0.0


def _called(path: str, flat: Sequence[str]) -> float:
    stem = path.rsplit("/", 1)[-1].rsplit(".", 1)[0].lower().replace("_", "").replace("-", "")
    if stem in flat:
        return 1.0
    if len(stem) >= 4 and any(name.startswith(stem) for name in flat):
        return 0.5
    return 0.4 if any(len(name) >= 4 and stem.startswith(name) for name in flat) else 0.0


def _symbols(
    part: Part, weights: Floats64, rare: float, cards: Sequence[Card], terms: np.ndarray, per_word: Floats64, total: float
) -> tuple[np.ndarray, np.ndarray, Floats64]:
    """The symbols that share a term with the query: of which of `cards`, which symbol of the file, how well it matches."""
    ids = distinct(terms)
    none = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    if not len(ids) or not cards:
        return none
    weight = np.empty(len(ids))
    weight[np.searchsorted(ids, terms)] = per_word
    counts = np.array([len(card.terms) for card in cards])
    symbols = np.array([len(card.term_end) for card in cards])
    last = np.cumsum(counts)
    here = np.concatenate([card.terms for card in cards])
    maybe = np.zeros(1 << 16, dtype=np.bool_)  # by the low half of a term: most are out at once
    maybe[ids & 0xFFFF] = True
    where = maybe.take(here.astype(np.uint16)).nonzero()[0]
    which = np.minimum(ids.searchsorted(here[where]), len(ids) - 1)
    sure = ids[which] == here[where]
    where, which = where[sure], which[sure]
    if not len(where):
        return none
    ends = np.concatenate([card.term_end for card in cards]) + np.repeat(last - counts, symbols)  # counted over all of these files
    symbol = ends.searchsorted(where, side="right")
    begins = np.ones(len(where), dtype=np.bool_)
    np.not_equal(symbol[1:], symbol[:-1], out=begins[1:])
    hit = np.bincount(begins.cumsum() - 1, weight[which])
    symbol, owner = symbol[begins], last.searchsorted(where[begins], side="right")
    first = np.where(symbol > 0, ends[symbol - 1], 0)
    sizes = ends[symbol] - first
    group = np.repeat(np.arange(len(symbol)), sizes)
    every = here[np.arange(int(sizes.sum())) + np.repeat(first - (np.cumsum(sizes) - sizes), sizes)]
    at = np.minimum(part.names.searchsorted(every), max(len(part.names) - 1, 0))
    known = part.names[at] == every if len(part.names) else np.zeros(len(every), np.bool_)
    own = np.bincount(group, np.where(known, weights[at] if len(weights) else rare, rare), len(symbol))
    return owner, symbol - (np.cumsum(symbols) - symbols)[owner], hit / total * np.sqrt(hit / own)


def best_passages(
    fused: Fused, named: Named, at: Ints, scores: Floats64, begin: Ints, end: Ints, best: float, lean: float, decays: Floats64
) -> tuple[Ints, Ints, Floats64]:
    """Of some files (number `at` of `fused` and of `named`; their `scores`), the best passages in the order they are shown: where each is among the
    passages of these files, one file after the other; which of these files it is in; its score.

    Within a file passages go by c = sparse score / `best` + lean · the best overlap of a symbol that begins in them; ties go to the smaller id.
    Number j of them scores the file's score · decays[j] · c_j / c_0, the first one the file's score itself; there are as many as decays. Ties stay
    in the order of files. The symbols of each passage of these files are `begin:end`.
    """
    chosen, owners, points = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0)]
    passed = 0
    for n, i in enumerate(at.tolist()):
        run, of = slice(fused.start[i], fused.start[i + 1]), slice(named.start[i], named.start[i + 1])
        here = slice(passed, passed + run.stop - run.start)
        symbols, overlaps = named.symbols[of], named.overlaps[of]
        own = fused.scores[run] / best
        low, high = symbols.searchsorted(begin[here]), symbols.searchsorted(end[here])
        for p in np.flatnonzero(low < high).tolist():
            own[p] += lean * overlaps[low[p] : high[p]].max()
        order = np.lexsort((fused.ids[run], -own))[: len(decays)]
        shares = decays[: len(order)] * (own[order] / max(own[order[0]], 1e-6)) if len(order) else own
        shares[:1] = 1.0
        chosen.append(order + passed)
        owners.append(np.full(len(order), n))
        points.append(scores[n] * shares)
        passed = here.stop
    all_points = np.concatenate(points)
    order = np.argsort(-all_points, kind="stable")
    return np.concatenate(chosen)[order], np.concatenate(owners)[order], all_points[order]
