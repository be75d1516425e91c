"""The legs: top-k lists of passages from the store, raw scores, filtered before the cut. No content is fetched here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import core
from ..ports import Facts, Store
from ..types import Floats, Leg
from ..values import value
from .understand import Query

__all__ = ["K", "Legs", "idf", "retrieve"]

K = 400
"""Passages a leg; 100 lose 0.007 NDCG on big repositories, more than 400 gain nothing up to 63,000 chunks (DESIGN §7)."""


@value
class Legs:
    """The lists as they came, and the query's sparse weights, aligned with its terms. `known` says whether any term occurs at all."""

    sparse: Leg
    dense: Leg | None
    weights: Floats
    known: bool


def idf(n: int, df: np.ndarray) -> np.ndarray:
    """ln(1 + (n - df + ½) / (df + ½)), the BM25 inverse document frequency, over whole tables of the scopes searched."""
    return np.log(1 + (n - df + 0.5) / (df + 0.5))


def retrieve(query: Query, store: Store, facts: Facts, scopes: Sequence[str], *, dense: bool) -> Legs:
    """Ask the store for its lists; the dense one is None where it was not wanted or no word of the query has a vector."""
    n, df = facts.chunk_frequencies(scopes, query.terms)
    weights = (query.counts * idf(n, df)).astype(np.float32)
    sparse = store.search(scopes, K, filter=query.filter, sparse=(query.terms, weights))
    vector = core.embed_query(query.text) if dense and "static" in store.capabilities.vectors else None
    known = bool(np.count_nonzero(df))
    if vector is None or not np.count_nonzero(vector):
        return Legs(sparse, None, weights, known)
    return Legs(sparse, store.search(scopes, K, filter=query.filter, vector=("static", vector)), weights, known)
