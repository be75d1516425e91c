"""The core as compiled code: for each module here, what the module of the same name in `groma._pure` does, with the same names and signatures.

Callers never import from here: they go through `groma.core`. These modules only turn Python values into the buffers of `groma._rs` and back.
"""
