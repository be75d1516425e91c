"""The core in plain Python: scanning, tokens, weights, vectors, the segment.

It is the documentation of what a compiled core must do, its test oracle, and what runs where nothing can be compiled. Callers never
import from here: they go through `groma.core`. It knows nothing of stores, scopes or ranking.
"""
