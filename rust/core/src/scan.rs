//! From files to columns. Twin of `groma._pure.scan`.
