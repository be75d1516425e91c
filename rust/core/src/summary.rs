//! Signature and first sentence of a definition. Twin of `groma._pure.summary`.
