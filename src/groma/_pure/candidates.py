"""A query's candidates as columns: files out of the lists of passages, and how well the names in each file match the query.

What is summed and divided here is what ranking asks for (`groma.search` says why); sums are taken in the order told, in 64 bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..types import Floats64, Fused, Ints, Leg, Named, Names
from .arrays import distinct

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


def match_names(names: Names, rows: Ints, words: Sequence[str], terms: np.ndarray, weights: Floats64) -> Named:
    """How well the names in some files (`rows` of `names`) match a query's words, each with its term id and weight.

    Of a file's stem: `share` is the weight of the words that are like one of its own over that of all, `cover` the share of its own that a word
    is like; two words are alike that are equal or of which one begins the other, over at least three characters. A symbol that shares a term
    matches by hit / total · √(hit / all): hit is the weight of the terms shared (in the symbol's order), total that of the query's words,
    all the symbol's own weight.
    """
    total = sum_in_order(weights.tolist()) or 1.0
    share, cover = _stems(names, rows, words, weights.tolist(), total)
    start, symbols, overlaps = _symbols(names, rows, terms, weights, total)
    best = np.zeros(len(rows))
    some = start[:-1] < start[1:]
    if some.any():
        best[some] = np.maximum.reduceat(overlaps, start[:-1][some])
    return Named(share, cover, best, start, symbols, overlaps)


def sum_in_order(values: Sequence[float]) -> float:
    """From left to right, without the correction that `sum` makes in newer Pythons."""
    total = 0.0
    for value in values:
        total += value
    return total


def _stems(names: Names, rows: Ints, words: Sequence[str], weights: Sequence[float], total: float) -> tuple[Floats64, Floats64]:
    share, cover = np.zeros(len(rows)), np.zeros(len(rows))
    begins = {word[:3] for word in words}  # two that are alike begin alike
    likes: dict[str, int] = {}  # stem → the words it is like, a bit each
    text, start = names.stem_text.tobytes(), names.stem_start
    for n, (first, last) in enumerate(zip(start[rows].tolist(), start[rows + 1].tolist(), strict=True)):
        stems = text[first:last].decode("utf-8", "surrogatepass").split("\n")[:-1]
        mask = named = 0
        for stem in stems:
            like = likes.get(stem)
            if like is None:
                like = likes[stem] = sum(1 << i for i, word in enumerate(words) if _alike(word, stem)) if stem[:3] in begins else 0
            mask |= like
            named += like > 0
        if named:
            share[n] = sum_in_order([w for i, w in enumerate(weights) if mask & 1 << i]) / total
            cover[n] = named / len(stems)
    return share, cover


def _symbols(names: Names, rows: Ints, terms: np.ndarray, weights: Floats64, total: float) -> tuple[Ints, Ints, Floats64]:
    ids = distinct(terms)
    if not len(ids) or not len(rows):
        return np.zeros(len(rows) + 1, np.int64), np.empty(0, np.int64), np.empty(0)
    weight = np.empty(len(ids))
    weight[np.searchsorted(ids, terms)] = weights
    first, last = names.term_start[names.symbol_start[rows]], names.term_start[names.symbol_start[rows + 1]]
    ends = np.cumsum(last - first)
    flat = np.arange(int(ends[-1])) + np.repeat(last - ends, last - first)  # of each term of these files, where it lies
    maybe = np.zeros(1 << 16, dtype=np.bool_)  # by the low half of a term: most are out at once
    maybe[ids & 0xFFFF] = True
    here = names.terms[flat]
    where = maybe.take(here.astype(np.uint16)).nonzero()[0]
    found = here[where]
    which = np.minimum(ids.searchsorted(found), len(ids) - 1)
    sure = ids[which] == found
    where, which = where[sure], which[sure]
    symbol = names.term_start.searchsorted(flat[where], side="right") - 1  # one without terms begins where the next one does
    begins = np.ones(len(where), dtype=np.bool_)
    np.not_equal(symbol[1:], symbol[:-1], out=begins[1:])
    hit = np.bincount(begins.cumsum() - 1, weight[which])
    symbol, owner = symbol[begins], ends.searchsorted(where[begins], side="right")
    overlaps = hit / total * np.sqrt(hit / names.weights[symbol])
    return owner.searchsorted(np.arange(len(rows) + 1)).astype(np.int64), symbol - names.symbol_start[rows][owner], overlaps


def _alike(a: str, b: str) -> bool:
    n = min(len(a), len(b))
    return a == b or (n >= 3 and a[:n] == b[:n])


def best_passages(
    fused: Fused, named: Named, at: Ints, rows: Ints, begin: Ints, end: Ints, best: float, lean: float, most: int
) -> tuple[Ints, Ints, Floats64]:
    """Of some files (number `at` of `fused` and `rows` of `named`), their `most` best passages: start (a file each, and the end), where they are
    among the passages of these files, one file after the other, and their scores.

    A passage's score is its sparse score / `best` + lean · the best overlap of a symbol that begins in it; ties go to the smaller id. The
    symbols of each passage of these files are `begin:end`.
    """
    start, chosen, scores = [0], [np.empty(0, np.int64)], [np.empty(0)]
    passed = 0
    for i, row in zip(at.tolist(), rows.tolist(), strict=True):
        run, of = slice(fused.start[i], fused.start[i + 1]), slice(named.start[row], named.start[row + 1])
        here = slice(passed, passed + run.stop - run.start)
        symbols, overlaps = named.symbols[of], named.overlaps[of]
        score = fused.scores[run] / best
        low, high = symbols.searchsorted(begin[here]), symbols.searchsorted(end[here])
        for n in np.flatnonzero(low < high).tolist():
            score[n] += lean * overlaps[low[n] : high[n]].max()
        order = np.lexsort((fused.ids[run], -score))[:most]
        chosen.append(order + passed)
        scores.append(score[order])
        start.append(start[-1] + len(order))
        passed = here.stop
    return np.array(start, np.int64), np.concatenate(chosen), np.concatenate(scores)
