//! Who mentions what is defined only here. Twin of `groma._pure.references`.
