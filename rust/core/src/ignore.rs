//! Which paths git ignores. Twin of `groma._pure.ignore`.
