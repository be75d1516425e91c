//! List the files of a folder. Twin of `groma._pure.walk`.
